"""
Accounts: the figures of one holder, and how an entry changes them (R-11, I-1, I-4, I-5).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from attrs import frozen

from .commands import Close
from .entries import Entry, EntryKind
from .instants import EARLIEST
from .lots import Lot
from .points import check_total


class Flows(NamedTuple):
    """
    What has come in and gone out of an account in all; none of these figures ever falls.

    earned, adjusted: credited by earning and by hand. redeemed, restored, expired: as the words say.
    reversed: credits taken back, from lots or as debt. removed: debits by hand, from lots or as debt.
    repaid, forgiven: debt paid by points, and debt forgiven.
    """

    earned: int = 0
    adjusted: int = 0
    redeemed: int = 0
    restored: int = 0
    expired: int = 0
    reversed: int = 0
    removed: int = 0
    repaid: int = 0
    forgiven: int = 0

    def counting(self, kind: EntryKind, points: int, debt: int) -> Flows:
        """
        Return the flows with an entry's points and debt; several entries of one kind and sign may be counted as one.

        Raises:
            LimitExceeded: a figure would pass 2^53 - 1 (I-30).
        """
        count = _COUNTS.get((kind, points > 0))
        if count is None:
            return self
        index, by_points, by_debt = count
        figure = check_total(self[index] + by_points * points + by_debt * debt, self._fields[index])
        flows = Flows._make((*self[:index], figure, *self[index + 1 :]))
        if points > 0:  # what leaves lots came in before, so this one sum bounds the balance too
            check_total(flows.earned + flows.adjusted + flows.restored, "credited")
        return flows


_COUNTS: dict[tuple[EntryKind, bool], tuple[int, int, int]] = {
    ("earned", True): (0, +1, 0),
    ("adjusted", True): (1, +1, 0),
    ("redeemed", False): (2, -1, 0),
    ("restored", True): (3, +1, 0),
    ("expired", False): (4, -1, 0),
    ("reversed", False): (5, -1, +1),
    ("adjusted", False): (6, -1, +1),
    ("repaid", False): (7, -1, 0),
    ("forgiven", False): (8, 0, -1),
}
"""For each kind of entry, and whether its points are above 0: which flow it raises, by its
points and its debt. What is not here, such as ``noted``, raises none."""


@frozen
class Account:
    """
    The figures of one account as of an instant; they are derived, and can be rebuilt from its entries (R-07).

    Args:
        program: the program it belongs to.
        id: whose account it is (R-06).
        version: the number of its entries (I-13).
        as_of: the instant at which `available` and `pending` hold; it never runs backwards (R-04).
        available: points in lots that are usable.
        pending: points in lots that become usable later.
        debt: points owed (R-33).
        flows: what has come in and gone out in all.
        next_change_at: time alone changes nothing before this instant; None: never.
        lapses_at: when inactivity makes the account lapse; None: it does not.
        closed: whether it accepts nothing.
    """

    program: str
    id: str
    version: int = 0
    as_of: datetime = EARLIEST
    available: int = 0
    pending: int = 0
    debt: int = 0
    flows: Flows = Flows()
    next_change_at: datetime | None = None
    lapses_at: datetime | None = None
    closed: bool = False

    @property
    def balance(self) -> int:
        """
        The points in all lots, available and pending.
        """
        return self.available + self.pending

    def after(self, entry: Entry, available: int, pending: int, next_change_at: datetime | None = None) -> Account:
        """
        Return the account after an entry that leaves these points in its lots, and this as its next instant of change.

        Raises:
            LimitExceeded: a cumulative figure would pass 2^53 - 1 (I-30).
        """
        flows = self.flows.counting(entry.kind, entry.points, entry.debt)
        return Account(
            self.program,
            self.id,
            entry.sequence,
            entry.recorded_at,
            available,
            pending,
            check_total(self.debt + entry.debt, "debt"),
            flows,
            next_change_at,
            entry.lapses_at or self.lapses_at,
            _is_closed(entry, self.closed),
        )


def _is_closed(entry: Entry, before: bool) -> bool:  # noqa: FBT001
    if entry.kind == "noted" and isinstance(entry.command, Close):
        return type(entry.command) is Close
    return before


def move_points(lots: dict[int, Lot], entry: Entry) -> None:
    """
    Apply an entry to the lots that it names (I-5).
    """
    if entry.opened is not None:
        lots[entry.opened.id] = entry.opened
        return
    for lot_id, points in entry.allocations:
        lot = lots[lot_id]
        if entry.points > 0:
            lots[lot_id] = lot.with_points(lot.remaining + points, lot.expired)
        elif entry.kind == "expired":
            lots[lot_id] = lot.with_points(lot.remaining - points, lot.expired + points)
        else:
            lots[lot_id] = lot.with_points(lot.remaining - points, lot.expired)


def rebuild(program: str, account: str, entries: Iterable[Entry]) -> tuple[Account, dict[int, Lot]]:
    """
    Fold entries, from the first one on and in order, into the account and its lots (I-3).

    The account's `available`, `pending` and `as_of` hold at the last entry's recorded time.
    """
    lots: dict[int, Lot] = {}
    sums: dict[tuple[EntryKind, bool], tuple[int, int]] = {}
    state, entry, lapses_at, closed = Account(program, account), None, None, False
    for entry in entries:
        move_points(lots, entry)
        points, debt = sums.get((entry.kind, entry.points > 0), (0, 0))
        sums[entry.kind, entry.points > 0] = (points + entry.points, debt + entry.debt)
        lapses_at = entry.lapses_at or lapses_at
        closed = _is_closed(entry, closed)
    if entry is None:
        return state, lots
    flows = Flows()
    for (kind, _), (points, debt) in sums.items():
        flows = flows.counting(kind, points, debt)
    pending = sum(lot.remaining for lot in lots.values() if lot.available_at > entry.recorded_at)
    changes = [lot.changes_at(entry.recorded_at) for lot in lots.values()] + [lapses_at]
    return (
        Account(
            program,
            account,
            entry.sequence,
            entry.recorded_at,
            sum(lot.remaining for lot in lots.values()) - pending,
            pending,
            sum(debt for _, debt in sums.values()),
            flows,
            min((instant for instant in changes if instant is not None), default=None),
            lapses_at,
            closed,
        ),
        lots,
    )
