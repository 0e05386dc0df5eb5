"""
Lots: points that came in together, with one date on which they become usable and one on which they lapse (R-08).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from attrs import frozen

from .instants import LATEST
from .program import UseOrder


@frozen
class Lot:
    """
    A lot is opened by the entry whose sequence number is its `id`.

    Args:
        id: the sequence number of the entry that opened it.
        points: how many points it was opened with.
        remaining: how many of them are left; restored points count.
        earned_at: the business time of the credit.
        available_at: usable from this instant on; pending before.
        expires_at: usable before this instant; None never lapses by date.
        expired: how many of its points have lapsed so far.
    """

    id: int
    points: int
    remaining: int
    earned_at: datetime
    available_at: datetime
    expires_at: datetime | None = None
    expired: int = 0

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

    def with_points(self, remaining: int, expired: int) -> Lot:
        """
        Return the lot with other points left.
        """
        return Lot(self.id, self.points, remaining, self.earned_at, self.available_at, self.expires_at, expired)


def _soonest_expiry(lot: Lot) -> tuple[Any, ...]:
    return (lot.expires_at or LATEST, lot.earned_at, lot.id)


def _oldest_first(lot: Lot) -> tuple[Any, ...]:
    return (lot.earned_at, lot.id)


ORDER_OF_USE: dict[UseOrder, Callable[[Lot], tuple[Any, ...]]] = {
    "soonest_expiry": _soonest_expiry,
    "oldest_first": _oldest_first,
}
"""The sort key of each order in which lots are drawn (R-09): never-expiring last, then earliest earned, then id."""
