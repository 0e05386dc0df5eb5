"""
Decisions: what each command does to an account (R-12, R-14, R-25 to R-35, R-40, R-44).

`decide` is the whole of the ledger's logic: the program, the account as stored, a command and the host's now in,
entries and changed lots out. It is a generator that asks for the lots and entries it needs (see `reads`), so it never
reads more than it touches and never performs I/O.

The order in which refusals win: the key's content, a closed account, the order's facts, the gates of redeeming, the
points available, the limits, the bounds on totals.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeAlias

from attrs import evolve, field, frozen

from ..errors import (
    AccountClosed,
    AccountOpen,
    EntryUnknown,
    NoDebt,
    NotReversible,
    OrderCancelled,
    ProgramInactive,
    ProposalOutdated,
    RedemptionLimited,
    ReversalExceeded,
)
from .account import Account
from .commands import (
    Adjust,
    AnyOrderCommand,
    ApprovePayment,
    Cancel,
    CancelLines,
    Close,
    Command,
    DecideReturn,
    Earn,
    Expire,
    Forgive,
    Invoice,
    OrderCommand,
    Pay,
    Place,
    Process,
    Redeem,
    Reopen,
    ReturnLines,
    Reverse,
    SetBalance,
    check_same,
)
from .draft import Draft
from .entries import Entry
from .lots import Lot
from .order_checks import check_fact
from .order_postings import book_order, propose_return, to_pay_of
from .order_state import Booked, OrderState, check_cycle
from .program import Program
from .reads import EntriesOn, OrderEntries, Reading, read_entries
from .redemption import RedemptionQuote, check_gates, quote_redemption


@frozen
class Decision:
    """
    What a storage has to write, all of it or nothing.

    Args:
        entries: new entries, by sequence; or, where `replayed`, those that the first call wrote.
        account: the account afterwards.
        lots: new and changed lots, by id.
        replayed: whether the same was asked before, so that there is nothing to write.
    """

    entries: tuple[Entry, ...]
    account: Account
    lots: tuple[Lot, ...] = ()
    replayed: bool = field(default=False, kw_only=True)


Decide: TypeAlias = Callable[[Account, tuple[Entry, ...]], Reading[Decision]]
"""Takes the account as stored and the entries already written under the command's key; yields reads, returns."""


def decide(
    program: Program,
    command: Command,
    key: str | None,
    now: datetime,
    account: Account,
    earlier: tuple[Entry, ...],
) -> Reading[Decision]:
    """
    Decide one command.

    Args:
        key: the idempotency key in force; None only for `Expire`.
        now: the host's now.
        account: as stored; a new `Account` where there is none.
        earlier: the entries written before under this key, empty if there are none.

    Raises:
        Refused: the command is refused; see the module's docstring for which refusal wins.
    """
    if earlier:
        check_same(earlier[0].command, command, str(key).strip(), as_fact=command.key is None)
        return Decision(earlier, account, replayed=True)
    if account.closed and not isinstance(command, Reopen | Expire):
        raise AccountClosed(account.id)
    draft = Draft(program, account, command, key, now)
    repeated = yield from _DECIDE[type(command)](draft, command)
    if repeated:
        return Decision(repeated, account, replayed=True)
    return Decision(tuple(draft.entries), draft.account, draft.changed_lots)


# --- by hand and by count ------------------------------------------------------------------------------------


def _earn(draft: Draft, command: Earn) -> Reading[None]:
    program = draft.program
    if not program.active:
        raise ProgramInactive(program.id)
    yield from draft.settle()
    available_at = program.usable_from(draft.occurred_at)
    draft.credit(
        "earned",
        command.points,
        available_at=available_at,
        expires_at=program.expires_at(available_at),
        lapses_at=draft.activity("earn", draft.occurred_at),
    )


def _adjust(draft: Draft, command: Adjust) -> Reading[None]:
    yield from draft.settle()
    yield from _adjust_by(draft, command.points, command.expires_at, allow_debt=command.allow_debt)


def _set_balance(draft: Draft, command: SetBalance) -> Reading[None]:
    yield from draft.settle()
    # A credit repays debt first, so it takes that much more to leave the points asked for.
    change = command.points - draft.account.available
    yield from _adjust_by(draft, change + draft.account.debt if change > 0 else change, None, allow_debt=False)


def _adjust_by(draft: Draft, points: int, expires_at: datetime | None, *, allow_debt: bool) -> Reading[None]:
    program = draft.program
    if points > 0:
        expires_at = expires_at or program.expires_at(draft.at)
        started = draft.activity(None, draft.at)
        draft.credit("adjusted", points, available_at=draft.at, expires_at=expires_at, lapses_at=started)
    elif points == 0:
        draft.post("noted")
    elif allow_debt:
        yield from draft.draw_down("adjusted", -points, terms=program)
    else:
        yield from draft.draw("adjusted", -points, terms=program)


def _forgive(draft: Draft, command: Forgive) -> Reading[None]:
    yield from draft.settle()
    if command.points > draft.account.debt:
        raise NoDebt(draft.account.id, command.points, draft.account.debt)
    draft.post("forgiven", debt=-command.points)


def _reverse(draft: Draft, command: Reverse) -> Reading[None]:
    yield from draft.settle()
    entries = yield from read_entries(EntriesOn(command.entry))
    if not entries:
        raise EntryUnknown(draft.account.id, command.entry)
    entry, reversals = entries[0], entries[1:]
    if entry.order is not None:
        raise NotReversible(entry.sequence, entry.kind, "its order governs it: cancel or return the order")
    if entry.kind not in {"earned", "adjusted", "redeemed"}:
        raise NotReversible(entry.sequence, entry.kind, "only what was earned, adjusted or redeemed can be")
    whole = abs(entry.points) + entry.debt
    left = whole - sum(reversal.claimed for reversal in reversals)
    points = left if command.points is None else command.points
    if points > left or left == 0:
        raise ReversalExceeded(entry.sequence, points, left)
    if entry.points > 0:
        lapsed = sum(r.claimed + r.points - r.shortfall for r in reversals)
        yield from draft.claw_back(entry, points, lapsed)
    else:
        yield from draft.give_back(entry, points, whole - left)


def _close(draft: Draft, command: Close) -> Reading[None]:
    yield from draft.settle()
    draft.post("noted")


def _reopen(draft: Draft, command: Reopen) -> Reading[None]:
    if not draft.account.closed:
        raise AccountOpen(draft.account.id)
    yield from draft.settle()
    draft.post("noted")


def _expire(draft: Draft, command: Expire) -> Reading[None]:
    before = draft.account
    yield from draft.settle()
    if draft.account == evolve(before, as_of=draft.account.as_of):
        draft.account = before  # nothing was due, so there is nothing to write


# --- facts of orders -------------------------------------------------------------------------------------------


def _order_fact(draft: Draft, command: OrderCommand) -> Reading[tuple[Entry, ...] | None]:
    """
    Note a fact and post what the order's new state is due, less what is booked (R-14).
    """
    state, repeated = yield from _state(draft, command)
    if repeated:
        return repeated
    check_fact(command, state)
    if isinstance(command, DecideReturn):
        proposed = propose_return(state, draft.program, command.return_id)
        if proposed != (command.proposed_take_back, command.proposed_give_back):
            raise ProposalOutdated(command.order, command.return_id, *proposed)
    yield from draft.settle()
    settled = len(draft.entries)
    state.note(command, draft.occurred_at, draft.account.version + 1, draft.program)
    yield from book_order(draft, state)
    if len(draft.entries) == settled:
        draft.post("noted")
    return None


def _state(draft: Draft, command: AnyOrderCommand) -> Reading[tuple[OrderState, tuple[Entry, ...]]]:
    """
    Return the order's state, and the first answer if the same fact was reported before (R-44, I-15).

    Raises:
        IdempotencyConflict: the same fact with other content.
        CycleNotOpen: the cycle before is not cancelled.
    """
    entries = yield from read_entries(OrderEntries(str(command.order)))
    state = OrderState.of(str(command.order), command.cycle, entries)
    known = state.facts.get(str(command.fact))
    if known is not None:
        check_same(known.command, command, str(command.fact).strip(), as_fact=True)
        first = next(entry for entry in entries if entry.sequence == known.sequence)
        return state, tuple(entry for entry in entries if entry.key == first.key)
    check_cycle(state, entries)
    return state, ()


# --- redeeming ---------------------------------------------------------------------------------------------------


def _redeem(draft: Draft, command: Redeem) -> Reading[tuple[Entry, ...] | None]:
    state = None
    if command.order is not None:
        state, repeated = yield from _state(draft, command)
        if repeated:
            return repeated
        if state.is_cancelled:
            raise OrderCancelled(command.order, command.cycle)
    yield from draft.settle()
    if state is not None:
        state.note(command, draft.occurred_at, draft.account.version + 1, draft.program)
        _quote(draft, command, state)  # what closes redeeming wins over what taking back meets
        yield from book_order(draft, state)  # an order that redeems earns nothing: first goes what it earned
    yield from pay_with_points(draft, command, state)
    return None


def pay_with_points(draft: Draft, command: Redeem, state: OrderState | None) -> Reading[None]:
    """
    Draw the points, and book what paying with them changes of the order (R-18).
    """
    entry = yield from _use(draft, command, state)
    if state is not None:
        state.redeemed = Booked(entry)
        yield from book_order(draft, state)


def _use(draft: Draft, command: Redeem, state: OrderState | None) -> Reading[Entry]:
    """
    Draw exactly the points asked for, or refuse (R-25, R-28).
    """
    quote = _quote(draft, command, state)
    if quote.points < command.points and quote.limits[0].code != "available":
        raise RedemptionLimited(quote.limits[0].code, command.points, quote.points)
    return (
        yield from draft.draw(
            "redeemed",
            command.points,
            terms=draft.program,
            money=quote.money,
            still_to_pay=quote.still_to_pay,
            rate=quote.rate,
            lapses_at=draft.activity("redeem", draft.occurred_at),
        )
    )


def _quote(draft: Draft, command: Redeem, state: OrderState | None) -> RedemptionQuote:
    check_gates(draft.program, draft.account)
    against = to_pay_of(command, state)
    return quote_redemption(draft.program, draft.account.available, requested=command.points, **against)


_DECIDE: dict[type[Command], Callable[[Draft, Any], Reading[tuple[Entry, ...] | None]]] = {
    Earn: _earn,
    Adjust: _adjust,
    SetBalance: _set_balance,
    Forgive: _forgive,
    Reverse: _reverse,
    Close: _close,
    Reopen: _reopen,
    Expire: _expire,
    Redeem: _redeem,
    Place: _order_fact,
    Process: _order_fact,
    Pay: _order_fact,
    ApprovePayment: _order_fact,
    Invoice: _order_fact,
    CancelLines: _order_fact,
    ReturnLines: _order_fact,
    DecideReturn: _order_fact,
    Cancel: _order_fact,
}
