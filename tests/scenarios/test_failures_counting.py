"""
What went wrong elsewhere in counting: steps, rounding, currencies, floats (A53 to A62).
"""

import pytest
from attrs import evolve

from pointsledger import EarnRule, ExchangeRate, Money, Program
from pointsledger.errors import NoExchangeRate
from pointsledger.port import Storage
from tests.scenarios.scenario import ANN, Shop, gbp, line, order, taken, told

PROGRAM = Program(
    id="shop",
    earn_rules=[EarnRule.per_amount(1, per=gbp("1.00"))],
    exchange_rates=[ExchangeRate(10, gbp("1.00"))],
)


@pytest.mark.parametrize(("proportional", "points"), [(False, 5), (True, 6)])
def test_a53_a_step_rule_counts_in_proportion(storage: Storage, proportional: bool, points: int) -> None:
    """
    "5 points per 2.50" on 3.00 gives 5 by steps and 6 in proportion: two rules, each exact (A53, I-26).
    """
    rule = EarnRule.per_amount(5, per=gbp("2.50"), proportional=proportional)
    shop = Shop(storage, evolve(PROGRAM, earn_rules=[rule]))

    assert shop.ledger.process(order("o-1", line("mug", "3.00"))).points == points


@pytest.mark.parametrize("rounding", ["floor", "ceil", "half_up", "half_even"])
def test_a54_the_page_rounds_otherwise_than_the_award(storage: Storage, rounding: str) -> None:
    """
    What the page shows is what the order gets, whatever the rounding (A54, R-21).
    """
    rule = EarnRule.per_amount(1, per=gbp("1.00"), proportional=True, rounding=rounding)
    shop = Shop(storage, evolve(PROGRAM, earn_rules=[rule]))
    for n, price in enumerate(("0.49", "0.50", "0.51", "1.50", "2.50")):
        bought = order(f"o-{n}", line("mug", price))
        shown = shop.ledger.quote(bought)

        assert shop.ledger.process(bought).points == shown.points


def test_a55_a_split_cart_earns_the_whole_cart_again(storage: Storage) -> None:
    """
    Splitting a cart never gains: three orders of 3.00 give 30, one of 9.00 gives 40 (A55, I-27).
    """
    rule = EarnRule.per_amount(10, per=gbp("2.00"))
    shop = Shop(storage, evolve(PROGRAM, earn_rules=[rule]))

    parts = [shop.ledger.quote(order(f"o-{n}", line("mug", "3.00"))).points for n in range(3)]

    assert parts == [10, 10, 10]
    assert shop.ledger.quote(order("o-9", line("mug", "3.00", 3))).points == 40


def test_a56_another_currency_is_read_as_ours(storage: Storage) -> None:
    """
    An order in a currency that no rule names earns nothing and says why; redeeming in it is refused (A56, R-02, I-28).
    """
    shop = Shop(storage, PROGRAM)
    abroad = order("o-1", line("mug", "1700", currency="JPY"))

    quote = shop.ledger.quote(abroad)
    assert (quote.points, quote.outcomes[0].reason) == (0, "other_currency")
    assert taken(shop.ledger.process(abroad)) == ["noted"]

    shop.ledger.earn(ANN, 100)
    with pytest.raises(NoExchangeRate) as refused:
        shop.ledger.redeem(ANN, 10, currency="JPY")
    assert told(refused.value) == {"currency": "JPY"}
    assert shop.balance() == "100 available"


@pytest.mark.parametrize(
    ("currency", "price", "per"),
    [("JPY", "190", "100"), ("USD", "1.90", "1.00"), ("KWD", "1.900", "1.000"), ("CLF", "0.0190", "0.0100")],
)
def test_a57_currency_rounding_applied_to_points(storage: Storage, currency: str, price: str, per: str) -> None:
    """
    Decimals of the currency touch money only: 1.9 units earn 1 point with 0, 2, 3 and 4 decimals (A57, I-28).
    """
    rule = EarnRule.per_amount(1, per=Money(per, currency))
    shop = Shop(storage, evolve(PROGRAM, earn_rules=[rule]))

    assert shop.ledger.process(order("o-1", line("mug", price, currency=currency))).points == 1


def test_a58_float_division_uses_more_points_than_due(storage: Storage) -> None:
    """
    0.10 and 0.20 are exactly 0.30, three times 0.10 too, and 0.29 is below it (A58, R-03, I-26).
    """
    shop = Shop(storage, evolve(PROGRAM, earn_rules=[EarnRule.per_amount(3, per=gbp("0.30"))]))
    assert shop.ledger.process(order("o-1", line("a", "0.10"), line("b", "0.20"))).points == 3

    thirds = [line(name, "0.10") for name in "abc"]
    assert shop.ledger.quote(order("o-2", *thirds)).points == 3
    assert shop.ledger.quote(order("o-3", *thirds, discount=gbp("0.01"))).points == 0


def test_a59_a_residue_is_left(storage: Storage) -> None:
    """
    After the last point is used, nothing at all is left, and every figure is a whole number (A59, R-01, I-1).
    """
    shop = Shop(storage, PROGRAM)
    for points in (7, 11, 12):
        shop.ledger.earn(ANN, points)
    shop.ledger.redeem(ANN, 30)

    balance = shop.ledger.balance(ANN)
    assert (balance.available, balance.pending, balance.debt) == (0, 0, 0)
    assert {type(figure) for figure in (balance.available, balance.earned, balance.redeemed)} == {int}
    assert shop.lots() == {}


@pytest.mark.parametrize("first", ["redeem", "process"])
def test_a60_points_on_the_part_paid_with_points(storage: Storage, first: str) -> None:
    """
    An order that redeems earns nothing, in either order of arrival and after the points were given back (A60, I-29).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.earn(ANN, 100)
    reports = {
        "redeem": lambda: shop.ledger.redeem(ANN, 40, order="o-1"),
        "process": lambda: shop.ledger.process(order("o-1", line("mug", "20.00", 2))),
    }
    for name in (first, *(reports.keys() - {first})):
        reports[name]()
    assert shop.balance() == "60 available"

    shop.ledger.cancel_lines("o-1", "c-1", {"mug": 1}, account=ANN)

    assert shop.balance() == "80 available"  # half of the 40 points came back, and no point was earned


def test_a61_divided_by_the_rate_instead_of_multiplied(storage: Storage) -> None:
    """
    77 points at 0.05 are worth 3.85, and paying 3.85 takes 77 points (A61, R-22, I-27).
    """
    shop = Shop(storage, evolve(PROGRAM, exchange_rates=[ExchangeRate(1, gbp("0.05"))]))
    shop.ledger.earn(ANN, 77)

    assert shop.ledger.balance(ANN).value == gbp("3.85")
    assert shop.ledger.redeem(ANN, 77).money == gbp("3.85")
    assert shop.balance() == "nothing"


def test_a62_a_new_rate_revalues_points_already_issued(storage: Storage) -> None:
    """
    A new rate counts from now on: what was recorded keeps its value, and the points stay the points (A62, R-24, I-8).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.earn(ANN, 100)
    shop.under(evolve(PROGRAM, exchange_rates=[ExchangeRate(10, gbp("0.50"))]))

    assert shop.ledger.entries(ANN)[0].balance_value == gbp("10.00")
    assert (shop.balance(), shop.ledger.balance(ANN).value) == ("100 available", gbp("5.00"))
