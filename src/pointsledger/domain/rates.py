"""
What points are worth: whole groups of points for an amount of money, by scope (R-22, R-23, R-24).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from fractions import Fraction
from typing import TypedDict, Unpack

from attrs import field, frozen

from .fields import check_names, name_set
from .instants import check_window, is_within
from .money import MICROS, Money, check_currency, check_money, micros_per_unit
from .points import check_points, check_ratio


class Scope(TypedDict, total=False):
    """
    Where, for whom and when a rate holds; see `ExchangeRate`.
    """

    channels: Iterable[str]
    customer_groups: Iterable[str]
    valid_from: datetime | None
    valid_until: datetime | None


@frozen(cache_hash=True)
class ExchangeRate:
    """
    A rate from points to money: every whole group of `points` is worth `money` (S1.31).

    At 10 points for 2.00 USD, 25 points are worth 4.00 USD, and 5 points stay.

    Args:
        channels, customer_groups: where and for whom it holds; empty: for all (R-23).
        valid_from, valid_until: the half-open window in which it holds; None: without a bound.
    """

    points: int
    money: Money
    channels: frozenset[str] = field(default=frozenset(), converter=name_set, kw_only=True)
    customer_groups: frozenset[str] = field(default=frozenset(), converter=name_set, kw_only=True)
    valid_from: datetime | None = field(default=None, kw_only=True)
    valid_until: datetime | None = field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        check_points(self.points, "points")
        check_money(self.money, "money", least=1)
        check_names(self, "channels", "customer_groups")
        check_window(self)

    @classmethod
    def percent(cls, percent: Fraction | int | str, currency: str, **scope: Unpack[Scope]) -> ExchangeRate:
        """
        Return the rate at which 100 points are worth `percent` of the currency: at 150, 1 point is worth 1.50 (S3.12).

        Its group is the smallest that is worth a whole amount: at ``"12.5"`` 2 points are worth 0.25 USD.
        """
        check_currency(currency, "currency")
        micros = check_ratio(percent, "percent") * MICROS / 100
        group = (micros / micros_per_unit(currency)).denominator
        return cls(group, Money.of_micros(int(micros * group), currency), **scope)

    @property
    def currency(self) -> str:
        """
        The currency that the points turn into.
        """
        return self.money.currency

    @property
    def figures(self) -> ExchangeRate:
        """
        The rate without its scope, as entries keep it (R-24).
        """
        return ExchangeRate(self.points, self.money) if self.is_narrow else self

    @property
    def is_narrow(self) -> bool:
        """
        Whether it holds only somewhere, for someone or for a time.
        """
        return bool(self.channels or self.customer_groups or self.valid_from or self.valid_until)

    def holds(self, channel: str | None, customer_group: str | None, at: datetime | None) -> bool:
        """
        Whether it holds there, for them, then; where no instant is named, whenever it holds.
        """
        return (
            (not self.channels or channel in self.channels)
            and (not self.customer_groups or customer_group in self.customer_groups)
            and (at is None or is_within(self, at))
        )

    @property
    def narrowness(self) -> tuple[bool, bool, bool]:
        """
        The sort key that puts the rate that counts last: group before channel, then a window (S1.29, R-23).
        """
        dated = self.valid_from is not None or self.valid_until is not None
        return (bool(self.customer_groups), bool(self.channels), dated)

    def whole_groups(self, points: int) -> int:
        """
        Return the points of whole groups among `points`, which is what can be exchanged.
        """
        return points - points % self.points

    def value(self, points: int) -> Money:
        """
        Return what the whole groups among `points` are worth; a negative number gives the negative value.
        """
        groups = abs(points) // self.points
        return self.money * (groups if points >= 0 else -groups)

    def points_within(self, money: Money) -> int:
        """
        Return the most points, in whole groups, whose value is at most `money`.
        """
        return money.micros // self.money.micros * self.points

    def points_to_pay_off(self, money: Money) -> int:
        """
        Return the fewest points that are worth at least `money` when the last group may be partial (R-25).
        """
        exact = Fraction(money.micros * self.points, self.money.micros)
        return -(-exact.numerator // exact.denominator)
