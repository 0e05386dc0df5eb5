"""
Rates by channel, group and time at work, and storefronts that are off (R-23, R-24, S1.8, S1.11, S1.12, S1.29).
"""

import pytest
from attrs import evolve

from pointsledger import EarnRule, ExchangeRate, Money, Program, Tender
from pointsledger.errors import NoExchangeRate, StorefrontClosed
from pointsledger.port import Storage
from tests.scenarios.scenario import ANN, BY_HAND, Shop, gbp, instant, line, order

PROGRAM = Program(
    id="shop",
    exchange_rates=[
        ExchangeRate(10, gbp("1.00")),  # all websites, all groups
        ExchangeRate(10, gbp("2.00"), channels=["de"]),
        ExchangeRate(10, gbp("3.00"), customer_groups=["vip"]),
        ExchangeRate(10, gbp("4.00"), channels=["de"], customer_groups=["vip"]),
    ],
)
WORTH = {("us", "all"): "1.00", ("de", "all"): "2.00", ("us", "vip"): "3.00", ("de", "vip"): "4.00"}
"""What 10 points are worth, by the priority of the four levels (S1.29)."""


@pytest.mark.parametrize(("channel", "group"), list(WORTH))
def test_four_levels(storage: Storage, channel: str, group: str) -> None:
    """
    Both named, then the group, then the website, then neither; quote, redemption, hold and balance agree (R-23, S1.29).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.adjust(ANN, 100, **BY_HAND)
    where = {"channel": channel, "customer_group": group}
    worth = gbp(WORTH[channel, group])
    assert shop.ledger.quote_redemption(ANN, 10, **where).money == worth
    assert shop.ledger.redeem(ANN, 10, **where).money == worth
    assert shop.ledger.hold(ANN, 10, order="o-1", until=instant("2024-04-01"), **where).money == worth
    assert shop.ledger.balance(ANN, **where).value == worth * 8


def test_from_the_document(storage: Storage) -> None:
    """
    Where the command names neither, the order's document does; the entry keeps channel and figures (R-24, S1.8).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.adjust(ANN, 100, **BY_HAND)
    shop.ledger.place(order("o-1", line("mug", "10.00"), channel="de", customer_group="vip"))
    receipt = shop.ledger.redeem(ANN, 20, order="o-1")
    (entry,) = receipt.entries
    assert (receipt.money, receipt.still_to_pay) == (gbp("8.00"), gbp("2.00"))
    assert (entry.channel, entry.rate) == ("de", ExchangeRate(10, gbp("4.00")))
    shop.under(evolve(PROGRAM, exchange_rates=()))
    assert shop.ledger.entries(ANN)[-1].value == gbp("-8.00")


def test_windows(storage: Storage) -> None:
    """
    A rate for a week counts before one without dates, from its first instant to before its end (R-23).
    """
    week = ExchangeRate(10, gbp("5.00"), valid_from=instant("2024-03-04"), valid_until=instant("2024-03-11"))
    shop = Shop(storage, Program(id="shop", exchange_rates=[ExchangeRate(10, gbp("1.00")), week]))
    shop.ledger.adjust(ANN, 100, **BY_HAND)
    paid = {
        day: str(shop.on(day).quote_redemption(ANN, 10).money)
        for day in ("2024-03-03 23:59", "2024-03-04", "2024-03-10 23:59", "2024-03-11")
    }
    assert list(paid.values()) == ["1.00 GBP", "5.00 GBP", "5.00 GBP", "1.00 GBP"]


def test_currencies(storage: Storage) -> None:
    """
    A currency is named by the command or the order; a scope without a rate to it refuses (R-02, R-23).
    """
    euro = ExchangeRate(20, Money("1.00", "EUR"), channels=["de"])
    shop = Shop(storage, Program(id="shop", exchange_rates=[ExchangeRate(10, gbp("1.00")), euro]))
    shop.ledger.adjust(ANN, 100, **BY_HAND)
    assert shop.ledger.quote_redemption(ANN, 20, channel="de").money == Money("1.00", "EUR")  # the narrower one
    assert shop.ledger.quote_redemption(ANN, 20, channel="de", currency="GBP").money == gbp("2.00")
    with pytest.raises(NoExchangeRate):
        shop.ledger.redeem(ANN, 20, currency="EUR", channel="us")


def test_websites_with_their_own_balances(storage: Storage) -> None:
    """
    A website with balances of its own is a program of its own in the same storage (R-06, S1.8, S1.12).
    """
    german, british = (Shop(storage, evolve(PROGRAM, id=f"shop-{site}")) for site in ("de", "uk"))
    german.ledger.adjust(ANN, 30, **BY_HAND)
    british.ledger.adjust(ANN, 5, **BY_HAND)
    assert (german.balance(), british.balance()) == ("30 available", "5 available")


class TestStorefront:
    """
    A storefront that is off: administrators act for customers (S1.12).
    """

    OFF = Program(
        id="shop",
        earn_rules=[EarnRule.per_amount(1, per=gbp("1.00")), EarnRule.per_action(5, action="review_approved")],
        exchange_rates=[ExchangeRate(10, gbp("1.00"))],
        storefront=False,
    )

    @pytest.mark.parametrize(
        "use",
        [
            lambda ledger, **who: ledger.earn(ANN, 5, **who),
            lambda ledger, **who: ledger.act(ANN, "review_approved", subject="r", **who),
            lambda ledger, **who: ledger.redeem(ANN, 10, **who),
            lambda ledger, **who: ledger.hold(ANN, 10, order="o-1", until=instant("2024-04-01"), **who),
            lambda ledger, **who: ledger.quote_redemption(ANN, 10, **who),
        ],
    )
    def test_only_an_actor_earns_and_uses(self, storage: Storage, use) -> None:
        """
        Without an actor it is refused, with one it is done (S1.12).
        """
        shop = Shop(storage, self.OFF)
        shop.ledger.adjust(ANN, 100, **BY_HAND)
        with pytest.raises(StorefrontClosed) as refused:
            use(shop.ledger)
        assert refused.value.program == "shop"
        assert use(shop.ledger, actor="admin:1").points

    def test_orders_earn_nothing_and_cancels_work(self, storage: Storage) -> None:
        """
        An order earns nothing, with the reason; what was used comes back (R-21).
        """
        shop = Shop(storage, self.OFF)
        shop.ledger.adjust(ANN, 100, **BY_HAND)
        basket = order("o-1", line("mug", "10.00"), tenders=[Tender("card", gbp("10.00"))])
        assert shop.ledger.quote(basket).reason == "storefront_off"
        shop.ledger.process(basket)
        shop.ledger.redeem(ANN, 10, order="o-2", actor="admin:1")
        shop.ledger.cancel("o-2", account=ANN)
        assert shop.balance() == "100 available"
