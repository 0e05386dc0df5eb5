"""
`quote`: what an order would earn, before anything is recorded (R-21).
"""

import pytest
from attrs import evolve

from pointsledger import EarnRule, ExchangeRate, Money, Order, Program, Tender
from pointsledger.errors import CurrencyMismatch, InvalidInput, InvalidInstant
from pointsledger.port import Storage
from tests.scenarios.scenario import ANN, Shop, gbp, instant, line, order, told

PER_POUND = EarnRule.per_amount(1, per=gbp("1.00"))
PROGRAM = Program(id="shop", earn_rules=[PER_POUND], exchange_rates=[ExchangeRate(10, gbp("1.00"))])
MUG = order("o-1", line("mug", "20.00", 2))
RICH = Program(
    id="shop",
    earn_rules=[
        EarnRule.per_amount(7, per=gbp("3.00"), proportional=True, rounding="half_even"),
        EarnRule.per_unit(2, products=["mug"], group="g"),
        EarnRule.per_order(5, minimum=gbp("30.00"), group="g"),
        EarnRule.multiplier("1.5", categories=["sale"]),
        EarnRule.multiplier(3, id="spring", valid_until=instant("2024-03-10"), multiplies=["per_order"]),
    ],
)


@pytest.mark.parametrize("timing", ["on_save", "on_full_payment", "on_processed"])
@pytest.mark.parametrize(
    "bought",
    [
        MUG,
        order("o-1", line("mug", "9.99", 3), line("pot", "0.01", categories=["sale"]), discount=gbp("1.11")),
        order("o-1", line("tea", "5.00"), tenders=[Tender("gift_card", gbp("4.00"))]),
    ],
)
def test_quote_and_award_agree(storage: Storage, bought: Order, timing: str) -> None:
    """
    The quote is the award that processing and paying books at that instant, rule by rule and line by line (R-21).
    """
    shop = Shop(storage, evolve(RICH, timing=timing))

    quoted = shop.ledger.quote(bought)
    shop.ledger.process(bought)
    shop.ledger.pay("o-1", Tender("card", gbp("99.00")), account=ANN)

    assert shop.ledger.balance(ANN).available == quoted.points
    assert shop.ledger.explain(ANN, shop.ledger.balance(ANN).version).award == quoted


def test_a_quote_writes_nothing(storage: Storage) -> None:
    """
    Asking what an order would earn leaves no trace (R-21, I-18).
    """
    shop = Shop(storage, PROGRAM)
    before = shop.everything()

    assert shop.ledger.quote(MUG).points == 40

    assert shop.everything() == before


def test_what_is_known_of_the_order_counts(storage: Storage) -> None:
    """
    Cancelled lines, payments and redeemed points that were reported count in the quote (R-21).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.cancel_lines("o-1", "c-1", {"mug": 1}, account=ANN)
    assert shop.ledger.quote(MUG).points == 20

    shop.ledger.pay("o-1", Tender("gift_card", gbp("5.00")), account=ANN)
    assert shop.ledger.quote(MUG).points == 15

    shop.ledger.earn(ANN, 10)
    shop.ledger.redeem(ANN, 10, order="o-1")
    quote = shop.ledger.quote(MUG)
    assert (quote.points, quote.reason) == (0, "order_redeems_points")


def test_another_document_of_a_processed_order(storage: Storage) -> None:
    """
    A quote of a changed document says what that document would earn, under the recorded terms (R-21, R-31).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.process(MUG)
    shop.under(evolve(PROGRAM, earn_rules=[EarnRule.per_amount(9, per=gbp("1.00"))]))

    assert shop.ledger.quote(order("o-1", line("mug", "20.00", 3))).points == 60
    assert shop.ledger.quote(order("o-2", line("mug", "20.00"))).points == 180


def test_a_cancelled_order(storage: Storage) -> None:
    """
    A cancelled order would earn nothing; its next cycle would (R-21, R-29).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.cancel("o-1", account=ANN)

    quote = shop.ledger.quote(MUG)
    assert (quote.points, quote.reason, quote.outcomes, quote.lines) == (0, "order_cancelled", (), {})
    assert shop.ledger.quote(evolve(MUG, cycle=2)).points == 40


def test_at_another_instant(storage: Storage) -> None:
    """
    A quote can be asked for a later instant; an earlier one counts as the account's time (R-04, R-21).
    """
    sale = evolve(PER_POUND, valid_from=instant("2024-03-10"))
    shop = Shop(storage, evolve(PROGRAM, earn_rules=[sale]))
    assert shop.ledger.quote(MUG).points == 0
    assert shop.ledger.quote(MUG, at=instant("2024-03-10")).points == 40

    shop.on("2024-03-11").earn(ANN, 1)
    assert shop.ledger.quote(MUG, at=instant("2024-03-01")).points == 40


def test_another_currency_than_the_order_is_known_in(storage: Storage) -> None:
    """
    Two currencies never meet in one order, not even in a quote (R-02, R-21).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.pay("o-1", Tender("card", Money("9.00", "EUR")), account=ANN)

    for attempt in (lambda: shop.ledger.quote(MUG), lambda: shop.ledger.process(MUG)):
        with pytest.raises(CurrencyMismatch) as refused:
            attempt()
        assert told(refused.value) == {"field": "lines", "expected": "EUR", "given": "GBP"}


def test_what_is_no_order(storage: Storage) -> None:
    """
    Something that is no order is refused by name (R-47).
    """
    with pytest.raises(InvalidInput) as refused:
        Shop(storage, PROGRAM).ledger.quote("o-1")  # type: ignore[arg-type]

    assert (refused.value.field, refused.value.value) == ("order", "o-1")


def test_an_instant_without_a_zone(storage: Storage) -> None:
    """
    A naive instant is refused, here as everywhere (R-04, I-34).
    """
    shop = Shop(storage, PROGRAM)

    with pytest.raises(InvalidInstant) as refused:
        shop.ledger.quote(MUG, at=instant("2024-03-10").replace(tzinfo=None))

    assert refused.value.field == "at"
