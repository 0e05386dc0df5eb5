"""
Explanations: for any entry, what led to it, recomputed from what was recorded (R-10, R-21, R-31).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction

from attrs import frozen

from ..errors import EntryUnknown
from .account import Account
from .actions import outcomes_of
from .adjusting import awaits_approval
from .award import Award, Reason, RuleOutcome
from .caps import CapCode
from .commands import Act, AnyOrderCommand, OrderCommand, Redeem, SetProfile, command_name
from .entries import Entry
from .holds import deadline_of
from .lots import Lot
from .money import Money
from .order_postings import award_of
from .order_state import OrderState
from .orders import Order
from .points import Exact
from .program import Unit
from .reads import EntriesAbout, EntriesOn, LotsNamed, Reading, read_entries, read_lots


@frozen
class LotPart:
    """
    A lot that the entry touched, as it is now, and how many points went in or out.
    """

    lot: Lot
    points: int


@frozen
class Explanation:
    """
    Why an entry is as it is.

    Args:
        entry: the entry.
        lots: the lots it drew on, gave back to or opened, in the order of its allocations.
        award: for an entry of an order, what the order earned after it, rule by rule; None for other entries.
        order: the order's document as known then.
        outcomes: for an act, what each rule for the action gave.
        reversals: later entries that reversed it, by sequence.
    """

    entry: Entry
    lots: tuple[LotPart, ...]
    award: Award | None = None
    order: Order | None = None
    outcomes: tuple[RuleOutcome, ...] = ()
    reversals: tuple[Entry, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """
        The explanation in English, a sentence an element.
        """
        return tuple(_sentences(self))


def read_explanation(account: Account, sequence: int) -> Reading[Explanation]:
    """
    Explain one entry.

    Raises:
        EntryUnknown: the account has no such entry.
    """
    found = yield from read_entries(EntriesOn(sequence))
    if not found:
        raise EntryUnknown(account.id, sequence)
    entry, reversals = found[0], found[1:]
    parts = entry.allocations or (((entry.opened.id, entry.points),) if entry.opened else ())
    lots = yield from read_lots(LotsNamed(tuple(lot for lot, _ in parts)))
    touched = tuple(LotPart(lot, points) for lot, (_, points) in zip(lots, parts, strict=True))
    award, order = yield from _award_then(entry, account.profile.verified_at)
    outcomes = yield from _outcomes_then(entry, account.profile.verified_at)
    return Explanation(entry, touched, award, order, outcomes, reversals)


def _outcomes_then(entry: Entry, verified_at: datetime | None) -> Reading[tuple[RuleOutcome, ...]]:
    """
    Recompute what the rules for an act gave when the entry was written.
    """
    command = entry.command
    if not isinstance(command, Act) or entry.terms is None or entry.is_by_time:
        return ()
    entries = yield from read_entries(EntriesAbout(command.topic))
    earlier = tuple(e for e in entries if e.sequence < entry.sequence - entry.ordinal)
    return tuple(outcomes_of(entry.terms, command, entry.occurred_at, verified_at, earlier).values())


def _award_then(entry: Entry, verified_at: datetime | None) -> Reading[tuple[Award | None, Order | None]]:
    """
    Recompute the order's award from the facts that were known when the entry was written.
    """
    command = entry.command
    if not isinstance(command, OrderCommand | Redeem) or command.order is None or entry.terms is None:
        return None, None
    entries = yield from read_entries(EntriesAbout(command.order))
    state = _state_then(command, entry, entries)
    return award_of(state, state.terms or entry.terms, verified_at), state.document


def _state_then(command: AnyOrderCommand, entry: Entry, entries: tuple[Entry, ...]) -> OrderState:
    known = [e for e in entries if e.sequence <= entry.sequence or e.key == entry.key]
    return OrderState.of(str(command.order), command.cycle, known)


# --- in words --------------------------------------------------------------------------------------------------

_WHY_NOT: dict[Reason, str] = {
    "program_inactive": "the program is switched off",
    "storefront_off": "the program's storefront is off",
    "order_cancelled": "the order is cancelled",
    "order_redeems_points": "{units} were redeemed for the order",
    "not_ready": "the facts that the program's timing asks for are not all reported yet",
    "not_started": "the rule is not valid yet",
    "ended": "the rule is no longer valid",
    "not_verified": "the holder was not verified by then",
    "other_channel": "it came by another channel",
    "other_customer_group": "the customer is in another group",
    "other_currency": "it is in another currency",
    "no_matching_line": "no line that is kept matches the rule",
    "below_minimum": "it is below the rule's minimum",
    "no_earning_tender": "nothing was paid by a tender that earns",
    "below_one_group": "the amount is below one whole group",
    "rounds_to_nothing": "what it gives rounds to nothing",
    "beaten_in_group": "another rule of its group counts instead",
    "nothing_to_multiply": "no rule that it multiplies gave {units}",
    "no_amount": "the rule counts an amount, and the act has none",
    "not_first_of_invitee": "an earlier act of this invitee was rewarded",
    "limit_reached": "the rule has rewarded as many acts as its limit allows",
}

_CAPS: dict[CapCode, str] = {
    "order_cap": "an order",
    "balance_cap": "the balance",
    "day_cap": "a day",
    "week_cap": "a week",
    "month_cap": "a month",
    "quarter_cap": "a quarter",
    "half_year_cap": "a half-year",
    "year_cap": "a year",
}


def _sentences(explanation: Explanation) -> Iterator[str]:
    entry = explanation.entry
    unit = entry.terms.unit if entry.terms else Unit()
    moved = f"{'+' if entry.points > 0 else ''}{unit.count(entry.points)}"
    yield f"Entry {entry.sequence} is {entry.kind}: {moved}, {entry.balance_after:,} in lots after it."
    yield f"It happened at {_time(entry.occurred_at)} and was recorded at {_time(entry.recorded_at)}."
    asked = f"The command was {command_name(entry.command)}"
    yield f"{asked}{f' for order {entry.order}' if entry.order else ''}{f', by {entry.actor}' if entry.actor else ''}."
    if entry.reason:
        yield f"The reason given was: {entry.reason}"
    yield from _about_reversal(entry, unit)
    yield from _about_waiting(entry, unit)
    for outcome in explanation.outcomes:
        yield _about_rule(outcome, _currency_of(entry), unit)
    if explanation.award is not None:
        yield from _about_award(explanation.award, explanation.order, unit)
    if entry.money is not None and entry.rate is not None:
        pay = "They are to pay" if entry.kind == "held" else "They paid"
        yield f"{pay} {entry.money} at {unit.count(entry.rate.points)} for {entry.rate.money}."
    for part in explanation.lots:
        lapses = f"can be used until {_minute(part.lot.expires_at)}" if part.lot.expires_at else "has no date of expiry"
        yield f"Lot {part.lot.id}: {unit.count(part.points)}; it {lapses} and has {part.lot.remaining:,} left."
    for reversal in explanation.reversals:
        yield f"Entry {reversal.sequence} ({reversal.kind}) dealt with {unit.count(reversal.claimed)} of it later."


def _time(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"


def _minute(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"


def _about_reversal(entry: Entry, unit: Unit) -> Iterator[str]:
    if entry.reverses is not None:
        yield f"It deals with {unit.count(entry.claimed)} of entry {entry.reverses}."
    if entry.shortfall:
        owed = f"{entry.debt:,} are owed, {entry.written_off:,} written off"
        yield f"{entry.shortfall:,} of them were spent: {owed}."
    if entry.kind in {"repaid", "forgiven"}:
        yield f"The debt fell by {unit.count(-entry.debt)}."


def _about_waiting(entry: Entry, unit: Unit) -> Iterator[str]:
    """
    Say what an entry keeps besides what it moved: a deadline, a cut, an approval, dates, a profile.
    """
    if entry.kind == "held":
        yield f"They are set aside until {_time(deadline_of(entry))}."
    if awaits_approval(entry):
        yield f"It waits for a second actor to approve {unit.count(entry.withheld)}."
    elif entry.withheld > 0:
        yield f"A cap cut off {unit.count(entry.withheld)}."
    elif entry.withheld < 0:
        yield f"{unit.count(-entry.withheld)} of what is taken back had been cut off by a cap."
    if entry.dates is not None and entry.kind in {"redated", "reinstated"}:
        until = f"until {_minute(entry.dates.expires_at)}" if entry.dates.expires_at else "without a date of expiry"
        yield f"The lots can be used {until} from now on."
    if isinstance(entry.command, SetProfile):
        said = {name: getattr(entry.command, name) for name in _PROFILE}
        yield f"It says: {', '.join(f'{name} {value}' for name, value in said.items() if value is not None)}."


_PROFILE = ("holder", "verified", "balance_updates", "expiry_warnings")


def _currency_of(entry: Entry) -> str:
    amount = entry.command.amount if isinstance(entry.command, Act) else None
    return amount.currency if amount else ""


def _about_award(award: Award, order: Order | None, unit: Unit) -> Iterator[str]:
    if award.reason is not None:
        yield f"The order earns nothing: {_why_not(award.reason, unit)}."
        return
    yield f"The order as it stood then earns {unit.count(award.points)} in all."
    for cut in award.cuts:
        bound = f"allows {cut.allowed:,} of the {unit.count(cut.desired)} that the rules give"
        yield f"The cap on {_CAPS[cut.code]} {bound} ({cut.code})."
    currency = order.currency if order else ""
    for outcome in award.outcomes:
        yield _about_rule(outcome, currency, unit)
    for line, points in award.lines.items():
        yield f"Line {line} has {points:,} of them."


def _why_not(reason: Reason, unit: Unit) -> str:
    return f"{_WHY_NOT[reason].format(units=unit.plural)} ({reason})"


def _about_rule(outcome: RuleOutcome, currency: str, unit: Unit) -> str:
    if outcome.reason is not None:
        return f"Rule {outcome.rule} gives nothing: {_why_not(outcome.reason, unit)}."
    if outcome.basis_micros is not None:
        counted = f" on {Money.rounded_down(outcome.basis_micros, currency)}"
    else:
        counted = f" for {outcome.units:,} units" if outcome.units is not None else ""
    factors = " or ".join(map(_mixed, sorted(set(outcome.factors.values()))))
    if not outcome.points:  # a multiplier gives nothing of its own
        return f"Rule {outcome.rule} multiplies by {factors}."
    times = f", multiplied by {factors}" if factors else ""
    return f"Rule {outcome.rule} gives {unit.count(outcome.points)}{counted}{times}; exactly {_mixed(outcome.exact)}."


def _mixed(value: Exact) -> str:
    """
    Write an exact number as people do: ``"401"``, ``"1/2"``, ``"401 144/713"``.
    """
    if value.denominator.bit_length() > 256:
        return "a ratio too long to read"
    whole, rest = divmod(Fraction(value), 1)
    return f"{whole or ''}{' ' if whole and rest else ''}{rest or ''}" or "0"
