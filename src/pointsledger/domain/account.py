"""
Accounts: the figures of one holder, and how an entry changes them (R-11, I-1, I-4, I-5).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from attrs import evolve, frozen

from .commands import Close
from .entries import Entry
from .instants import EARLIEST
from .lots import Lot
from .points import check_total


@frozen
class Account:
    """
    The figures of one account as of an instant; they are derived, and can be rebuilt from its entries (R-07).

    Args:
        program, id: whose account it is (R-06).
        version: the number of its entries (I-13).
        as_of: the instant at which `available` and `pending` hold; it never runs backwards (R-04).
        available, pending: points in lots that are usable, or not yet usable.
        debt: points owed (R-33).
        earned, adjusted: points credited in all by earning and by hand.
        redeemed, restored, expired: in all.
        reversed: credits taken back in all, from lots or as debt.
        removed: debits by hand in all, from lots or as debt.
        repaid, forgiven: debt paid by points, and debt forgiven, in all.
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
    earned: int = 0
    adjusted: int = 0
    redeemed: int = 0
    restored: int = 0
    expired: int = 0
    reversed: int = 0
    removed: int = 0
    repaid: int = 0
    forgiven: int = 0
    next_change_at: datetime | None = None
    lapses_at: datetime | None = None
    closed: bool = False

    @property
    def balance(self) -> int:
        """
        The points in all lots, available and pending.
        """
        return self.available + self.pending

    def after(  # noqa: C901 - one branch a kind
        self, entry: Entry, available: int, pending: int, next_change_at: datetime | None = None
    ) -> Account:
        """
        Return the account after an entry that leaves these points in its lots, and this as its next instant of change.

        Raises:
            LimitExceeded: a cumulative figure would pass 2^53 - 1 (I-30).
        """
        kind, points, debt = entry.kind, entry.points, entry.debt
        earned, adjusted, redeemed, restored = self.earned, self.adjusted, self.redeemed, self.restored
        expired, reversed_, removed, repaid = self.expired, self.reversed, self.removed, self.repaid
        forgiven, closed = self.forgiven, self.closed
        if points > 0:  # what leaves lots came in before, so this one sum bounds all figures but the debt's
            check_total(earned + adjusted + restored + points, "credited")
        if kind == "earned":
            earned += points
        elif kind == "redeemed":
            redeemed -= points
        elif kind == "expired":
            expired -= points
        elif kind == "reversed":
            reversed_ += debt - points
        elif kind == "restored":
            restored += points
        elif kind == "adjusted" and points > 0:
            adjusted += points
        elif kind == "adjusted":
            removed = check_total(removed + debt - points, "removed")
        elif kind == "repaid":
            repaid -= points
        elif kind == "forgiven":
            forgiven = check_total(forgiven - debt, "forgiven")
        elif isinstance(entry.command, Close):
            closed = type(entry.command) is Close
        return Account(
            self.program,
            self.id,
            entry.sequence,
            entry.recorded_at,
            available,
            pending,
            check_total(self.debt + debt, "debt"),
            earned,
            adjusted,
            redeemed,
            restored,
            expired,
            reversed_,
            removed,
            repaid,
            forgiven,
            next_change_at,
            entry.lapses_at or self.lapses_at,
            closed,
        )


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
    state = Account(program, account)
    lots: dict[int, Lot] = {}
    for entry in entries:
        move_points(lots, entry)
        state = state.after(entry, 0, 0)
    pending = sum(lot.remaining for lot in lots.values() if lot.available_at > state.as_of)
    available = sum(lot.remaining for lot in lots.values()) - pending
    changes = [lot.changes_at(state.as_of) for lot in lots.values()] + [state.lapses_at]
    next_change = min((instant for instant in changes if instant is not None), default=None)
    return evolve(state, available=available, pending=pending, next_change_at=next_change), lots
