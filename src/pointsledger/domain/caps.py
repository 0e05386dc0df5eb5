"""
Caps: the most that an account can earn (R-19).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal, get_args

from attrs import field, frozen

from ..errors import InvalidProgram
from .expiry import RoundedTo, span_around
from .fields import check_flag, check_mapping
from .instants import local_date, start_of_day
from .points import check_count, check_points

CapCode = Literal[
    "order_cap", "balance_cap", "day_cap", "week_cap", "month_cap", "quarter_cap", "half_year_cap", "year_cap"
]
"""Which cap cut what was earned; the codes are stable."""

_DAY = timedelta(days=1)


@frozen
class Cut:
    """
    A cap that bound: of `desired` points it allowed `allowed`.
    """

    code: CapCode
    desired: int
    allowed: int


@frozen(kw_only=True, cache_hash=True)
class EarnCaps:
    """
    What bounds earning; None means no bound. A cap cuts what is earned, and the entry keeps what it cut.

    Args:
        balance: the most points that an account can come to have by earning, pending and held ones included (S1.15).
        per_order: the most points that one order can earn.
        per_period: the most points earned in a day, week, month, quarter, half_year or year of the program's zone.
            Points count in the period in which they were earned; a reversal gives room back there.
        year_starts: the first month of the merchant's year, for quarters, half-years and years.
        adjustments: whether `balance` also bounds credits by hand.
        restores: whether points that are given back lapse as far as they lie above `balance`.
    """

    balance: int | None = None
    per_order: int | None = None
    per_period: Mapping[RoundedTo, int] = field(factory=dict[RoundedTo, int], hash=False)
    year_starts: int = 1
    adjustments: bool = False
    restores: bool = False

    def __attrs_post_init__(self) -> None:
        for name in ("balance", "per_order"):
            if getattr(self, name) is not None:
                check_points(getattr(self, name), name)
        check_mapping(self.per_period, "per_period")
        for period, points in self.per_period.items():
            if period not in get_args(RoundedTo):
                raise InvalidProgram(f"per_period.{period}", points, f"must be of {', '.join(get_args(RoundedTo))}")
            check_points(points, f"per_period.{period}")
        check_count(self.year_starts, "year_starts", most=12)
        for flag in ("adjustments", "restores"):
            if check_flag(getattr(self, flag), flag) and self.balance is None:
                raise InvalidProgram(flag, "true", "has no meaning without a cap on the balance")
        # A copy keeps later changes of the caller's mapping out; the order in which periods are named says nothing.
        ordered: dict[RoundedTo, int] = {p: self.per_period[p] for p in get_args(RoundedTo) if p in self.per_period}
        object.__setattr__(self, "per_period", ordered)

    def period_of(self, earned_at: datetime, period: RoundedTo, zone: str) -> tuple[datetime, datetime]:
        """
        Return the half-open span of instants of the period in which points earned at this instant count.
        """
        first, last = span_around(local_date(earned_at, zone), period, self.year_starts)
        return start_of_day(first, zone), start_of_day(last + _DAY, zone)


PERIOD_CAPS: dict[RoundedTo, CapCode] = {
    "day": "day_cap",
    "week": "week_cap",
    "month": "month_cap",
    "quarter": "quarter_cap",
    "half_year": "half_year_cap",
    "year": "year_cap",
}
"""The code of the cap on each period."""
