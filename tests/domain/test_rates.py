"""
What points are worth.
"""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsledger import ExchangeRate, Money
from pointsledger.errors import InvalidMoney, InvalidPoints
from tests.ledger.bad_inputs import HOSTILE, NOT_POINTS

TEN_FOR_TWO = ExchangeRate(10, Money("2.00", "USD"))

rates = st.builds(
    lambda points, cents: ExchangeRate(points, Money.of_micros(cents * 10_000, "EUR")),
    st.integers(1, 10**6),
    st.integers(1, 10**8),
)


@pytest.mark.parametrize(
    ("points", "worth", "groups"),
    [(25, "4.00", 20), (9, "0.00", 0), (10, "2.00", 10), (0, "0.00", 0), (-25, "-4.00", -30)],
)
def test_whole_groups_by_hand(points, worth, groups):
    """
    At 10 points for 2.00, 25 points are worth 4.00 and 5 stay (R-22).
    """
    assert Money(worth, "USD") == TEN_FOR_TWO.value(points)
    if points >= 0:
        assert groups == TEN_FOR_TWO.whole_groups(points)
    assert TEN_FOR_TWO.currency == "USD"


@pytest.mark.parametrize(
    ("money", "within", "to_pay_off"),
    [("7.00", 30, 35), ("1.99", 0, 10), ("2.00", 10, 10), ("0.00", 0, 0), ("0.01", 0, 1)],
)
def test_points_for_money_by_hand(money, within, to_pay_off):
    """
    At 10 points for 2.00, 30 points are within 7.00 and 35 pay it off (R-22, R-25).
    """
    amount = Money(money, "USD")
    assert within == TEN_FOR_TWO.points_within(amount)
    assert to_pay_off == TEN_FOR_TWO.points_to_pay_off(amount)


@given(rates, st.integers(0, 10**12), st.integers(0, 10**12))
def test_nobody_gains_by_exchange(rate, points, more):
    """
    Points turned to money and back are no more, and what is exchanged in two is worth no more than in one (R-22, I-27).
    """
    assert rate.points_within(rate.value(points)) == rate.whole_groups(points) <= points
    assert rate.value(points) + rate.value(more) <= rate.value(points + more)
    assert rate.value(-points).micros == -rate.value(points).micros


@given(rates, st.integers(0, 10**12))
def test_paying_off_takes_the_fewest_points(rate, cents):
    """
    The points that pay off an amount are worth at least it, and one point less is not (R-25).
    """
    money = Money.of_micros(cents * 10_000, "EUR")
    points = rate.points_to_pay_off(money)
    worth_of_one = Fraction(rate.money.micros, rate.points)
    assert points * worth_of_one >= money.micros
    assert points == 0 or (points - 1) * worth_of_one < money.micros


def test_a_rate_is_points_for_money(subtests):
    """
    A rate has at least one point and an amount above nothing that its currency can pay (R-22, R-01, R-02).
    """
    for name, value in {**NOT_POINTS, "none": None}.items():
        with subtests.test(name), pytest.raises(InvalidPoints):
            ExchangeRate(value, Money("1.00", "EUR"))
    bad = {"nothing": Money("0", "EUR"), "less": Money("-1", "EUR"), "part of a cent": Money("0.001", "EUR")}
    for name, value in {**HOSTILE, **bad, "too much": Money("1000000000001", "EUR"), "text": "1.00 EUR"}.items():
        with subtests.test(name), pytest.raises(InvalidMoney):
            ExchangeRate(1, value)
