"""
The roll-forward: from the points that a program owed before a period to those it owes after, line by line (R-24, I-1).

What time alone did counts when it took effect, everything else when it was recorded, whether and when a sweep wrote
it down (I-32). So the figures of a period that is over never change.

It proves itself: each account's entries are proved as `verify` does, and the closing, which is counted from the lots,
must be the opening and the movements, which are counted from the entries.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import Literal, get_args

from attrs import define, evolve, field, frozen

from ..domain.account import Account
from ..domain.balance import settled_from
from ..domain.draft import Draft
from ..domain.entries import Entry, EntryKind
from ..domain.instants import EARLIEST, check_period
from ..domain.money import Money
from ..domain.program import Program
from ..errors import Corrupt
from ..port import Storage
from .liability import outstanding
from .pages import each_account, read_history
from .statement import took_effect_at
from .valuation import carrying_value, currencies, exact_value, floored
from .verify import Finding, entry_findings

Movement = Literal["issued", "adjusted_up", "restored", "redeemed", "expired", "reversed", "adjusted_down", "repaid"]
"""
What moves points in or out of what is outstanding.

`issued`: earned. `adjusted_up`, `adjusted_down`: by hand. `restored`: given back after use, or reinstated.
`redeemed`: used. `expired`: lapsed. `reversed`: credits taken back. `repaid`: points that paid off debt.
Holds move none: held points are outstanding.
"""

MOVEMENTS: tuple[Movement, ...] = get_args(Movement)

_MOVED_BY: dict[EntryKind, Movement] = {
    "earned": "issued",
    "restored": "restored",
    "reinstated": "restored",
    "redeemed": "redeemed",
    "expired": "expired",
    "reversed": "reversed",
    "repaid": "repaid",
}
_MICROSECOND = timedelta(microseconds=1)


@frozen
class RollLine:
    """
    One line of a roll-forward.

    Args:
        points: how many; below 0 where they left.
        value: what they were worth, by currency.
    """

    points: int
    value: Mapping[str, Money]


@frozen
class DebtMovement:
    """
    How the points that holders owe moved: opening + incurred - repaid - forgiven = closing.
    """

    opening: int
    incurred: int
    repaid: int
    forgiven: int
    closing: int


@frozen
class RollForward:
    """
    How what a program owes moved over a period.

    opening + movements + revaluation = closing, in points (a revaluation has none) and in each currency of the program.

    Args:
        program: its id.
        since, until: the half-open period: since <= instant < until; None: from the beginning.
        opening, closing: what was outstanding just before its start and its end, valued as `liability` does then.
        movements: by what moved points, in the order of `Movement`. What time did has the value at which its points
            were carried; all else that of the rate recorded with its entry (a reversal has that of what it reverses),
            and a redemption that of the money it paid (R-24). In a currency that the recorded rate is not of, the
            recorded terms say the rate.
        revaluation: what the movements do not explain of the value: rates that changed, or that were recorded for a
            customer group.
        debt: the points that holders owe; they are not in the other figures.
        difference: closing less opening less movements, in points: 0, or the books do not balance.
        findings: what does not prove itself, in the order of accounts; empty where everything does. An account whose
            entries cannot be folded at all is in no figure.
    """

    program: str
    since: datetime | None
    until: datetime
    opening: RollLine
    movements: Mapping[Movement, RollLine]
    revaluation: Mapping[str, Money]
    closing: RollLine
    debt: DebtMovement
    difference: int
    findings: tuple[Finding, ...] = ()


def roll_forward(
    storage: Storage,
    program: Program,
    since: datetime | None,
    until: datetime,
    *,
    progress: Callable[[int], object] = lambda accounts: None,
) -> RollForward:
    """
    Return how what a program owes moved over since <= instant < until; from the beginning where `since` is None.

    The closing of a period is the opening of the next. Each account is read once, by itself.

    Args:
        progress: called after each account with the number of accounts so far.

    Raises:
        InvalidInstant: an instant is naive or out of range; InvalidInput: the period is empty.
    """
    first, end = check_period(since, until)
    sums = _Sums(program, first, end)
    for count, account in enumerate(each_account(storage, program.id), start=1):
        try:
            history = storage.read(program.id, account, lambda _: read_history())
        except Corrupt as error:
            sums.findings.append(Finding("unreadable", account, None, "the stored rows", "", str(error)))
        else:
            sums.add(account, history)
        progress(count)
    return sums.result()


def movement_of(entry: Entry) -> Movement | None:
    """
    Return what kind of movement an entry is; None where it moves no points in or out of what is outstanding.
    """
    if entry.kind == "adjusted":
        return "adjusted_up" if entry.points > 0 else "adjusted_down"
    return _MOVED_BY.get(entry.kind)


# --- one account after the other ---------------------------------------------------------------------------------


@define
class _Sums:
    """
    The figures of the accounts so far; points at both ends by channel, values exact.
    """

    program: Program
    since: datetime | None
    until: datetime
    opening: Counter[str | None] = field(factory=Counter[str | None])
    closing: Counter[str | None] = field(factory=Counter[str | None])
    points: Counter[Movement] = field(factory=Counter[Movement])
    values: dict[tuple[Movement, str], Fraction] = field(factory=dict[tuple[Movement, str], Fraction])
    debt: Counter[str] = field(factory=Counter[str])
    findings: list[Finding] = field(factory=list[Finding])

    def add(self, account: str, history: Sequence[Entry]) -> None:
        """
        Count an account, and prove it.
        """
        self.findings += entry_findings(self.program.id, account, history)
        if not _can_be_folded(history):
            return
        entries = {entry.sequence: entry for entry in history}
        known = [entry for entry in _in_time(history) if entry.recorded_at < self.until]
        before = self._standing(account, (entry for entry in known if not self._is_within(entry)), self.since)
        after = self._standing(account, known, self.until)
        opening, closing = _by_channel(before, entries), _by_channel(after, entries)
        self.opening.update(opening)
        self.closing.update(closing)
        self.debt.update(opening=before.account.debt, closing=after.account.debt)
        # What time did and nobody has written down comes last; some of it may lie before the period.
        moved = filter(self._is_within, _in_time((*known, *after.entries)))
        explained = opening.total() + sum(self._count(entry, entries) for entry in moved)
        if explained != closing.total():
            self.findings.append(Finding("conservation", account, None, "the closing", explained, closing.total()))

    def _is_within(self, entry: Entry) -> bool:
        return self.since is None or entry.recorded_at >= self.since

    def _standing(self, account: str, entries: Iterable[Entry], instant: datetime | None) -> Draft:
        """
        Return the account as entries and time leave it just before an instant; None: before everything.
        """
        return settled_from(self.program, Account(self.program.id, account), entries, _just_before(instant))

    def _count(self, entry: Entry, entries: Mapping[int, Entry]) -> int:
        """
        Count an entry, and return the points that it moves.
        """
        if entry.debt:
            self.debt[_debt_line(entry)] += abs(entry.debt)
        movement = movement_of(entry)
        if movement is None or not entry.points:
            return 0
        self.points[movement] += entry.points
        for currency in currencies(self.program):
            value = self._value(entry, currency, entries)
            self.values[movement, currency] = self.values.get((movement, currency), Fraction()) + value
        return entry.points

    def _value(self, entry: Entry, currency: str, entries: Mapping[int, Entry]) -> Fraction:
        if entry.is_by_time:  # whoever wrote it down, its points had this value until then
            drawn: Counter[str | None] = Counter()
            for part in entry.allocations:
                drawn[entries[part.lot].channel] -= part.points
            return carrying_value(self.program, currency, drawn, entry.recorded_at)
        if entry.money is not None and entry.money.currency == currency:
            return Fraction(-entry.money.micros)
        rate = entry.rate
        if rate is None or rate.currency != currency:
            origin = entries.get(entry.reverses or entry.sequence, entry)
            terms = origin.terms
            rate = terms.rate(currency, channel=origin.channel, at=origin.recorded_at) if terms else None
        return exact_value(rate, entry.points) if rate else Fraction()

    def result(self) -> RollForward:
        """
        Return the roll-forward, its values rounded.
        """
        opening, closing = self.opening.total(), self.closing.total()
        values = {currency: self._rounded(currency) for currency in currencies(self.program)}

        def line(points: int, index: int) -> RollLine:
            return RollLine(points, {currency: amounts[index] for currency, amounts in values.items()})

        return RollForward(
            self.program.id,
            self.since,
            self.until,
            line(opening, 0),
            {movement: line(self.points[movement], i) for i, movement in enumerate(MOVEMENTS, start=1)},
            {currency: amounts[-2] for currency, amounts in values.items()},
            line(closing, -1),
            DebtMovement(*(self.debt[name] for name in ("opening", "incurred", "repaid", "forgiven", "closing"))),
            closing - opening - self.points.total(),
            tuple(self.findings),
        )

    def _rounded(self, currency: str) -> list[Money]:
        """
        Return the opening, the movements, the revaluation and the closing in units that the currency can pay.

        The sum is rounded down line by line, and each line is what it adds: so they add up, and rounding alone makes
        no revaluation (I-11).
        """
        movements = (self.values.get((movement, currency), Fraction()) for movement in MOVEMENTS)
        opening = self._carried(currency, self.opening, self.since)
        sums = [floored(micros, currency) for micros in accumulate(movements, initial=opening)]
        end = floored(self._carried(currency, self.closing, self.until), currency)
        return [sums[0], *(after - before for before, after in pairwise(sums)), end - sums[-1], end]

    def _carried(self, currency: str, points: Mapping[str | None, int], instant: datetime | None) -> Fraction:
        return carrying_value(self.program, currency, points, _just_before(instant))


def _just_before(instant: datetime | None) -> datetime:
    return EARLIEST if instant is None else instant - _MICROSECOND


def _in_time(entries: Iterable[Entry]) -> Iterator[Entry]:
    """
    Yield entries as if each was written when it took effect: a sweep that came later must not move the account past
    an instant (I-32).

    What a fact that was reported late made lapse before took effect with that fact: no period that is over changes.
    """
    latest = EARLIEST
    for entry in entries:
        latest = max(latest, took_effect_at(entry))
        yield entry if entry.recorded_at == latest else evolve(entry, recorded_at=latest)


def _can_be_folded(entries: Iterable[Entry]) -> bool:
    """
    Whether every lot that an entry names was opened before it.
    """
    opened: set[int] = set()
    for entry in entries:
        if entry.opened is not None:
            opened.add(entry.opened.id)
        elif any(part.lot not in opened for part in entry.allocations):
            return False
    return True


def _by_channel(draft: Draft, entries: Mapping[int, Entry]) -> Counter[str | None]:
    points: Counter[str | None] = Counter()
    for lot in draft.lots.values():
        points[entries[lot.id].channel] += outstanding(lot)
    return points


def _debt_line(entry: Entry) -> str:
    if entry.debt > 0:
        return "incurred"
    return "forgiven" if entry.kind == "forgiven" else "repaid"
