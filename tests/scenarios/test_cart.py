"""
A shopping cart: points when an order is processed, none on orders that redeem, returns decided by a person (S3).
"""

from decimal import Decimal

import pytest
from attrs import evolve

from pointsledger import EarnRule, ExchangeRate, Program, Unit
from pointsledger.errors import InsufficientPoints, InvalidPoints, ProgramInactive
from pointsledger.port import Storage
from tests.scenarios.scenario import ANN, BY_HAND, Shop, gbp, line, order, taken, taken_by_line, told

CART = Program(
    id="cart",
    earn_rules=[EarnRule.per_unit(5, products=["tea"]), EarnRule.per_unit(8, products=["cup"], id="cups")],
    exchange_rates=[ExchangeRate(1, gbp("0.20"))],
)
ORDER = order("o-1", line("tea", "4.00", 2), line("cup", "9.00"))  # 2 x 5 + 8 = 18 points


def test_the_preview_is_what_comes(storage: Storage) -> None:
    """
    Before payment the order page shows the points, and after processing exactly these have come (S3.1, S3.2, R-21).
    """
    shop = Shop(storage, CART)

    preview = shop.ledger.quote(ORDER)
    assert (preview.points, preview.lines) == (18, {"tea": 10, "cup": 8})

    assert shop.ledger.process(ORDER).points == 18


def test_the_customer_sees_value_and_totals(storage: Storage) -> None:
    """
    The customer sees the balance, its value, and what was accrued and used to date (S3.3, S3.7, R-11).
    """
    shop = Shop(storage, CART)
    shop.ledger.process(ORDER)
    shop.ledger.redeem(ANN, 7, order="o-2")

    seen = shop.ledger.balance(ANN)
    assert (seen.available, seen.value) == (11, gbp("2.20"))  # 18 - 7 at 0.20
    assert (seen.earned, seen.redeemed) == (18, 7)


def test_the_unit_has_the_merchants_name() -> None:
    """
    "Reward points" is replaced by the merchant's own unit, for one and for many (S3.4, R-43).
    """
    beans = evolve(CART, unit=Unit(singular="bean", plural="beans")).unit

    assert [beans.count(n) for n in (0, 1, -1, 1200)] == ["0 beans", "1 bean", "-1 bean", "1,200 beans"]


def test_an_administrator_edits_any_balance(storage: Storage) -> None:
    """
    An administrator sets a balance or corrects it by a difference (S3.5, S3.11, R-40).
    """
    shop = Shop(storage, CART)
    shop.ledger.process(ORDER)

    assert taken(shop.ledger.set_balance(ANN, 30, **BY_HAND)) == ["adjusted +12"]
    assert shop.balance() == "30 available"
    assert taken(shop.ledger.set_balance(ANN, 4, **BY_HAND)) == ["adjusted -26"]
    assert taken(shop.ledger.adjust(ANN, -4, **BY_HAND)) == ["adjusted -4"]
    assert shop.balance() == "nothing"


def test_points_come_when_the_order_is_processed(storage: Storage) -> None:
    """
    A pending order gives nothing; processing it, at once or later, gives its points (S3.6, R-13).
    """
    shop = Shop(storage, CART)

    assert taken(shop.ledger.place(ORDER)) == ["noted"]
    assert shop.balance() == "nothing"
    assert taken(shop.ledger.process(ORDER)) == ["earned +18"]


def test_an_order_that_redeems_accrues_nothing(storage: Storage) -> None:
    """
    When points are redeemed on an order, it accrues none, whichever is reported first (S3.8, R-18, I-29).
    """
    shop = Shop(storage, CART)
    shop.ledger.adjust(ANN, 100, **BY_HAND)

    shop.ledger.redeem(ANN, 10, order="o-1")
    assert taken(shop.ledger.process(ORDER)) == ["noted"]
    assert shop.balance() == "90 available"

    shop.ledger.process(evolve(ORDER, id="o-2"))
    assert shop.balance() == "108 available"
    assert taken(shop.ledger.redeem(ANN, 10, order="o-2")) == ["reversed -18", "redeemed -10"]
    assert shop.balance() == "80 available"


def test_a_cancel_deducts_what_the_purchase_accrued(storage: Storage) -> None:
    """
    Cancelling an order deducts its points by itself (S3.9, R-29).
    """
    shop = Shop(storage, CART)
    shop.ledger.process(ORDER)
    assert shop.balance() == "18 available"

    assert taken(shop.ledger.cancel("o-1", account=ANN)) == ["reversed -18"]
    assert shop.balance() == "nothing"


def test_a_return_waits_for_the_administrator(storage: Storage) -> None:
    """
    A return changes nothing by itself: the administrator decides how many points to deduct (S3.10, R-30).
    """
    shop = Shop(storage, CART)
    shop.ledger.process(ORDER)

    assert taken(shop.ledger.return_lines("o-1", "r-1", {"tea": 1}, account=ANN)) == ["noted"]
    assert shop.balance() == "18 available"

    proposal = shop.ledger.propose_return("o-1", "r-1", account=ANN)
    assert (proposal.take_back, taken_by_line(proposal)) == (5, {"tea": 5})
    assert taken(shop.ledger.settle_return(proposal, take_back=3, **BY_HAND)) == ["reversed -3"]
    assert shop.balance() == "15 available"


@pytest.mark.parametrize(
    ("percent", "rate", "paid"), [("100%", "1.00", "10.00"), ("150%", "1.50", "15.00"), ("20%", "0.20", "2.00")]
)
def test_the_conversion_rate_in_percent(storage: Storage, percent: str, rate: str, paid: str) -> None:
    """
    At 100% a point is worth 1.00, at 150% 1.50, at 20% 0.20: here 10 points each (S3.12, R-22).
    """
    shop = Shop(storage, evolve(CART, exchange_rates=[ExchangeRate(1, gbp(rate))]))
    shop.ledger.adjust(ANN, 10, **BY_HAND)

    assert shop.ledger.redeem(ANN, 10).money == gbp(paid)


@pytest.mark.parametrize("typed", [Decimal("4.6"), 4.6, "5", True, Decimal(5)])
def test_points_are_whole_numbers(storage: Storage, typed: object) -> None:
    """
    Points are positive whole numbers; anything else is refused and not rounded behind one's back (S3.13, R-01).
    """
    shop = Shop(storage, CART)

    with pytest.raises(InvalidPoints) as refused:
        shop.ledger.earn(ANN, typed)  # type: ignore[arg-type]

    assert (refused.value.field, refused.value.value) == ("points", typed)
    assert shop.ledger.entries(ANN) == ()


@pytest.mark.parametrize(("factor", "points"), [(1, 50), (2, 100), (3, 150)])
def test_points_equal_the_price_or_a_multiple(storage: Storage, factor: int, points: int) -> None:
    """
    Points = price, to the nearest whole (49.95 gives 50), or a multiple of it, rounded once at the end (S3.14, R-03).
    """
    by_price = EarnRule.per_amount(factor, per=gbp("1.00"), proportional=True, rounding="half_up")
    shop = Shop(storage, evolve(CART, earn_rules=[by_price]))

    # 49.95, 99.90 and 149.85 to the nearest whole.
    assert shop.ledger.quote(order("o-1", line("lamp", "49.95"))).points == points


def test_a_product_without_points(storage: Storage) -> None:
    """
    A product that carries no points gives none (S3.14).
    """
    shop = Shop(storage, CART)

    assert shop.ledger.quote(order("o-1", line("lamp", "49.95"))).points == 0


def test_only_who_has_points_can_choose_how_many(storage: Storage) -> None:
    """
    A customer chooses how many points to use; a new one has none to choose from (S3.15, R-28).
    """
    shop = Shop(storage, CART)
    shop.ledger.adjust(ANN, 50, **BY_HAND)

    assert shop.ledger.redeem(ANN, 17).money == gbp("3.40")
    assert shop.ledger.quote_redemption("newcomer").points == 0
    with pytest.raises(InsufficientPoints) as refused:
        shop.ledger.redeem("newcomer", 1)
    assert told(refused.value) == {"account": "newcomer", "requested": 1, "available": 0}


def test_a_program_that_is_off_hides_and_keeps_the_points(storage: Storage) -> None:
    """
    While the program is off, points are neither shown nor used, orders earn none, and nothing is lost
    (S3.16, S1.11, R-43).
    """
    shop = Shop(storage, CART)
    shop.ledger.process(ORDER)

    shop.under(evolve(CART, active=False))
    hidden = shop.ledger.balance(ANN)
    assert (hidden.shown, hidden.available, hidden.earned) == (False, 0, 0)
    assert shop.ledger.expiring(ANN) == ()
    for attempt in (lambda: shop.ledger.redeem(ANN, 1), lambda: shop.ledger.quote_redemption(ANN)):
        with pytest.raises(ProgramInactive) as refused:
            attempt()
        assert told(refused.value) == {"program": "cart"}
    assert taken(shop.ledger.process(evolve(ORDER, id="o-2"))) == ["noted"]

    shop.under(CART)
    assert shop.balance() == "18 available"
