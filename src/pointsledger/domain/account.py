"""
Accounts: the figures of one holder, and how an entry changes them (R-11, I-1, I-4, I-5).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from attrs import frozen

from ..errors import Corrupt
from .commands import Close
from .entries import Entry, EntryKind
from .holds import deadline_of
from .instants import EARLIEST
from .lots import Lot
from .points import check_total
from .profile import Profile


class Flows(NamedTuple):
    """
    What has come in and gone out of an account in all; none of these figures ever falls.

    earned, adjusted: credited by earning and by hand. redeemed, expired: as the words say.
    restored: given back after use, or reinstated after they lapsed.
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
    ("reinstated", True): (3, +1, 0),
    ("expired", False): (4, -1, 0),
    ("reversed", False): (5, -1, +1),
    ("adjusted", False): (6, -1, +1),
    ("repaid", False): (7, -1, 0),
    ("forgiven", False): (8, 0, -1),
}
"""For each kind of entry, and whether its points are above 0: which flow it raises, by its
points and its debt. What is not here, such as ``noted`` and ``held``, raises none."""

_HOLDING: frozenset[EntryKind] = frozenset({"held", "released", "lapsed"})
"""What moves points between lots and holds."""


class Lapse(NamedTuple):
    """
    A lapse by inactivity: when, and up to which entry lots were there to lapse.
    """

    at: datetime
    through: int


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
        held: points set aside by holds (R-27).
        debt: points owed (R-33).
        flows: what has come in and gone out in all.
        next_change_at: time alone changes nothing before this instant; None: never.
        lapses_at: when inactivity makes the account lapse; None: it does not.
        lapsed: when inactivity last did so, and the version then: lots up to it that were usable have lapsed.
        closed: whether it accepts nothing.
        profile: who the holder is, and what it was told.
        notice_at: no notice is due before this instant; None: none will be (R-42).
    """

    program: str
    id: str
    version: int = 0
    as_of: datetime = EARLIEST
    available: int = 0
    pending: int = 0
    held: int = 0
    debt: int = 0
    flows: Flows = Flows()
    next_change_at: datetime | None = None
    lapses_at: datetime | None = None
    lapsed: Lapse | None = None
    closed: bool = False
    profile: Profile = Profile()
    notice_at: datetime | None = None

    @property
    def balance(self) -> int:
        """
        The points in all lots, available and pending, without those that are held.
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
            self.held - entry.points if entry.kind in _HOLDING else self.held,
            check_total(self.debt + entry.debt, "debt"),
            flows,
            next_change_at,
            entry.lapses_at or self.lapses_at,
            _lapse_by(entry, self.lapses_at, self.lapsed),
            _is_closed(entry, self.closed),
            self.profile.after(entry),
            self.notice_at,
        )


def _lapse_by(entry: Entry, lapses_at: datetime | None, before: Lapse | None) -> Lapse | None:
    """
    Return when inactivity last made the account lapse, as an entry shows: it took effect if nothing was recorded until.
    """
    if lapses_at is None or lapses_at > entry.recorded_at or (before is not None and before.at >= lapses_at):
        return before
    return Lapse(lapses_at, entry.sequence - entry.ordinal - 1)


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
    free, lapsed, held = _MOVES.get(entry.kind, (1, 0, 0) if entry.points > 0 else (-1, 0, 0))
    for lot_id, points in entry.allocations:
        lot = lots.get(lot_id)
        if lot is None:
            raise Corrupt(f"entry {entry.sequence}", f"it names lot {lot_id}, which no entry before it opened")
        moved = lot.with_points(lot.remaining + free * points, lot.expired + lapsed * points, lot.held + held * points)
        lots[lot_id] = moved if entry.dates is None else moved.with_dates(entry.dates)


_MOVES: dict[EntryKind, tuple[int, int, int]] = {
    "expired": (-1, +1, 0),
    "reinstated": (+1, -1, 0),
    "held": (-1, 0, +1),
    "released": (+1, 0, -1),
    "lapsed": (+1, 0, -1),
    "redated": (0, 0, 0),
}
"""How the points of an allocation move between what is left of the lot, what lapsed of it, and what is held of it;
other kinds add to what is left, or take from it."""


def note_hold(holds: dict[int, Entry], entry: Entry) -> None:
    """
    Apply an entry to the open holds, which are kept by the sequence of their entry.
    """
    if entry.kind == "held":
        holds[entry.sequence] = entry
    elif entry.kind in _HOLDING:
        holds.pop(entry.reverses or 0, None)


@frozen
class Rebuilt:
    """
    What entries give: the account, its lots by id, and its open holds by the sequence of their entry.
    """

    account: Account
    lots: dict[int, Lot]
    holds: dict[int, Entry]


def rebuild(program: str, account: str, entries: Iterable[Entry]) -> Rebuilt:
    """
    Fold entries, from the first one on and in order, into the account, its lots and open holds (I-3).

    The account's `available`, `pending` and `as_of` hold at the last entry's recorded time.
    """
    lots: dict[int, Lot] = {}
    holds: dict[int, Entry] = {}
    sums: dict[tuple[EntryKind, bool], tuple[int, int]] = {}
    entry, lapses_at, lapsed, closed, profile = None, None, None, False, Profile()
    for entry in entries:
        move_points(lots, entry)
        note_hold(holds, entry)
        points, debt = sums.get((entry.kind, entry.points > 0), (0, 0))
        sums[entry.kind, entry.points > 0] = (points + entry.points, debt + entry.debt)
        lapsed = _lapse_by(entry, lapses_at, lapsed)
        lapses_at = entry.lapses_at or lapses_at
        closed = _is_closed(entry, closed)
        profile = profile.after(entry)
    if entry is None:
        return Rebuilt(Account(program, account), lots, holds)
    flows = Flows()
    for (kind, _), (points, debt) in sums.items():
        flows = flows.counting(kind, points, debt)
    pending = sum(lot.remaining for lot in lots.values() if lot.available_at > entry.recorded_at)
    changes = [lot.changes_at(entry.recorded_at) for lot in lots.values()] + [lapses_at]
    changes += map(deadline_of, holds.values())
    state = Account(
        program,
        account,
        entry.sequence,
        entry.recorded_at,
        sum(lot.remaining for lot in lots.values()) - pending,
        pending,
        -sum(points for (kind, _), (points, _) in sums.items() if kind in _HOLDING),
        sum(debt for _, debt in sums.values()),
        flows,
        min((instant for instant in changes if instant is not None), default=None),
        lapses_at,
        lapsed,
        closed,
        profile,
    )
    return Rebuilt(state, lots, holds)
