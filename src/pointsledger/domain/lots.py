"""
Lots: points that came in together, with one date on which they become usable and one on which they lapse (R-08).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from attrs import evolve, frozen

from .expiry import ON_EVENT
from .instants import LATEST
from .program import UseOrder


@frozen
class Lot:
    """
    A lot is opened by the entry whose sequence number is its `id`.

    Args:
        id: the sequence number of the entry that opened it.
        points: how many points it was opened with.
        remaining: how many of them are left and free; restored points count.
        earned_at: the business time of the credit.
        available_at: usable from this instant on; pending before.
        expires_at: usable before this instant; None never lapses by date.
        expired: how many of its points have lapsed so far, and not been reinstated.
        held: how many of its points are set aside by holds (R-27).
        follows: whether its date is that of the program's policy, and moves with it when lots are re-dated (R-38).
    """

    id: int
    points: int
    remaining: int
    earned_at: datetime
    available_at: datetime
    expires_at: datetime | None = None
    expired: int = 0
    held: int = 0
    follows: bool = True

    @property
    def waits(self) -> bool:
        """
        Whether its points wait for an event; then its far dates mean nothing yet (R-20).
        """
        return self.available_at == ON_EVENT

    def is_usable(self, at: datetime) -> bool:
        """
        Whether the date lets its points be used at this instant (half-open: from available_at to before expires_at).
        """
        return self.available_at <= at and (self.expires_at is None or at < self.expires_at)

    def changes_at(self, after: datetime) -> datetime | None:
        """
        Return the next instant after this one at which time alone changes what the lot's points can do, or None.
        """
        if self.remaining == 0:
            return None
        if self.available_at > after:
            return self.available_at
        return self.expires_at

    def with_points(self, remaining: int, expired: int, held: int) -> Lot:
        """
        Return the lot with other points left.
        """
        return Lot(
            self.id,
            self.points,
            remaining,
            self.earned_at,
            self.available_at,
            self.expires_at,
            expired,
            held,
            self.follows,
        )

    def with_dates(self, dates: LotDates) -> Lot:
        """
        Return the lot with other dates.
        """
        return evolve(
            self,
            available_at=dates.available_at or self.available_at,
            expires_at=dates.expires_at,
            follows=dates.follows,
        )


@frozen
class LotDates:
    """
    Dates that lots are given, or would have been.

    Args:
        available_at: from when their points are usable; None: as before.
        expires_at: when they lapse; None: never by date.
        follows: whether that date is the program's policy.
    """

    available_at: datetime | None
    expires_at: datetime | None
    follows: bool = True


def is_later(date: datetime | None, other: datetime | None) -> bool:
    """
    Whether a date of expiry lies after another one; None, never, is the latest.
    """
    return other is not None and (date is None or date > other)


def _soonest_expiry(lot: Lot) -> tuple[Any, ...]:
    return (lot.expires_at or LATEST, lot.earned_at, lot.id)


def _oldest_first(lot: Lot) -> tuple[Any, ...]:
    return (lot.earned_at, lot.id)


ORDER_OF_USE: dict[UseOrder, Callable[[Lot], tuple[Any, ...]]] = {
    "soonest_expiry": _soonest_expiry,
    "oldest_first": _oldest_first,
}
"""The sort key of each order in which lots are drawn (R-09): never-expiring last, then earliest earned, then id."""
