"""
What points are worth: whole groups of points for an amount of money (R-22, R-24).
"""

from __future__ import annotations

from fractions import Fraction

from attrs import frozen

from .money import Money, check_money
from .points import check_points


@frozen(cache_hash=True)
class ExchangeRate:
    """
    A rate from points to money: every whole group of `points` is worth `money` (S1.31).

    At 10 points for 2.00 USD, 25 points are worth 4.00 USD, and 5 points stay.
    """

    points: int
    money: Money

    def __attrs_post_init__(self) -> None:
        check_points(self.points, "points")
        check_money(self.money, "money", least=1)

    @property
    def currency(self) -> str:
        """
        The currency that the points turn into.
        """
        return self.money.currency

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
