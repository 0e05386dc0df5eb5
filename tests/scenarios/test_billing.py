"""
Recurring billing: points per product, earned when the invoice is paid off, used as a payment (S0).
"""

import pytest
from attrs import evolve

from pointsledger import EarnRule, ExchangeRate, ExpiryPolicy, Program, Tender
from pointsledger.errors import InvalidPoints
from pointsledger.port import Storage
from tests.scenarios.scenario import ANN, BY_HAND, Shop, gbp, line, order, taken

BILLING = Program(
    id="billing",
    earn_rules=[
        EarnRule.per_unit(100, products=["gym"], id="gym", expiry=ExpiryPolicy.after(months=6)),
        EarnRule.per_unit(10, products=["towel"], id="towel", expiry=ExpiryPolicy.after(days=30)),
    ],
    exchange_rates=[ExchangeRate(10, gbp("1.00"))],
    timing="on_full_payment",
)
INVOICE = order("inv-1", line("gym", "40.00"), line("towel", "5.00", 2))  # 50.00 in all


def test_points_come_when_the_invoice_is_paid_off(storage: Storage) -> None:
    """
    Products carry points of their own, given once the invoice is paid in full; a part earns nothing (S0.2, S0.4, R-13).
    """
    shop = Shop(storage, BILLING)
    assert shop.balance() == "nothing"

    assert taken(shop.on("2024-03-01").place(INVOICE)) == ["noted"]
    assert taken(shop.on("2024-03-02").pay("inv-1", Tender("card", gbp("20.00"), id="p1"), account=ANN)) == ["noted"]
    assert shop.balance() == "nothing"

    paid_off = shop.on("2024-03-05").pay("inv-1", Tender("card", gbp("30.00"), id="p2"), account=ANN)
    assert taken(paid_off) == ["earned +20", "earned +100"]  # 2 towels at 10, the gym at 100; soonest expiry first
    assert shop.balance() == "120 available"


def test_each_product_dates_its_points(storage: Storage) -> None:
    """
    Points expire as their product says, and expired points can no longer pay (S0.3, S0.7, R-36).
    """
    shop = Shop(storage, BILLING)
    shop.on("2024-03-05").process(order("inv-1", *INVOICE.lines, tenders=[Tender("card", gbp("50.00"))]))

    shop.on("2024-04-04 23:59")  # 5 March + 30 days = 4 April, inclusive
    assert shop.balance() == "120 available"
    shop.on("2024-04-05")
    assert shop.balance() == "100 available"
    shop.on("2024-09-05 23:59")  # 5 March + 6 months = 5 September, inclusive
    assert shop.ledger.quote_redemption(ANN).points == 100
    shop.on("2024-09-06")
    assert shop.ledger.quote_redemption(ANN).points == 0


@pytest.mark.parametrize("kind", ["write_off", "credit"])
def test_a_write_off_or_credit_earns_nothing(storage: Storage, kind: str) -> None:
    """
    An invoice that is paid by write-off or credit gives no points (S0.5, R-15).
    """
    shop = Shop(storage, BILLING)
    shop.ledger.place(INVOICE)

    paid_off = shop.ledger.pay("inv-1", Tender(kind, gbp("50.00")), account=ANN)

    assert taken(paid_off) == ["noted"]
    assert shop.balance() == "nothing"


def test_points_pay_for_an_invoice(storage: Storage) -> None:
    """
    Points are a means of payment: with the rest on a card they pay off the invoice, whose price is unchanged
    (S0.1, S0.6, R-26).
    """
    shop = Shop(storage, evolve(BILLING, redeeming_orders="full"))
    shop.ledger.adjust(ANN, 50, **BY_HAND)
    shop.ledger.place(INVOICE)

    redeemed = shop.ledger.redeem(ANN, 50, order="inv-1", to_pay=gbp("50.00"))
    assert taken(redeemed) == ["redeemed -50"]
    assert (redeemed.money, redeemed.still_to_pay) == (gbp("5.00"), gbp("45.00"))  # 10 points pay 1.00
    assert shop.balance() == "nothing"

    paid_off = shop.ledger.pay("inv-1", Tender("card", gbp("45.00")), account=ANN)
    assert taken(paid_off) == ["earned +20", "earned +100"]  # 5.00 + 45.00 = 50.00


def test_an_administrator_adjusts_at_once(storage: Storage) -> None:
    """
    A signed whole number adds or takes points at once, without purchase or redemption (S0.8, S0.9, R-40).
    """
    shop = Shop(storage, BILLING)

    assert taken(shop.ledger.adjust(ANN, 70, **BY_HAND)) == ["adjusted +70"]
    assert shop.balance() == "70 available"
    assert taken(shop.ledger.adjust(ANN, -30, **BY_HAND)) == ["adjusted -30"]
    assert shop.balance() == "40 available"


def test_what_the_source_leaves_open(storage: Storage) -> None:
    """
    Adjusted points last as the program says, here for ever, a part of a point is no points, and a quantity counts each
    unit (S0.10, R-01).
    """
    shop = Shop(storage, BILLING)
    shop.ledger.adjust(ANN, 5, **BY_HAND)

    with pytest.raises(InvalidPoints):
        shop.ledger.adjust(ANN, 0.5, **BY_HAND)  # type: ignore[arg-type]
    assert shop.ledger.quote(order("inv-9", line("towel", "5.00", 3))).points == 30

    shop.on("2099-01-01")
    assert shop.balance() == "5 available"
