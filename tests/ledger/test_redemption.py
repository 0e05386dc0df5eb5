"""
Redeeming: gates, clamps, what is to pay, and the quote that says what bound (R-22, R-25, R-26, R-28).

10 points pay 1.00 throughout, and Ann has 1,000 points.
"""

import pytest
from attrs import evolve

from pointsledger import EarnRule, ExchangeRate, Money, Program, RedemptionLimits, Tender
from pointsledger.domain.redemption import Limit
from pointsledger.errors import (
    AccountClosed,
    BelowThreshold,
    CurrencyMismatch,
    CycleNotOpen,
    DebtOutstanding,
    IdempotencyConflict,
    InsufficientPoints,
    InvalidInput,
    NoExchangeRate,
    OrderCancelled,
    ProgramInactive,
    RedemptionLimited,
    ShortfallRefused,
)
from pointsledger.port import Storage
from tests.scenarios.scenario import ANN, BY_HAND, Shop, gbp, line, order, taken, told

PROGRAM = Program(
    id="shop",
    earn_rules=[EarnRule.per_amount(1, per=gbp("1.00"))],
    exchange_rates=[ExchangeRate(10, gbp("1.00")), ExchangeRate(20, Money("1.00", "EUR"))],
)


def shop_with(storage: Storage, *, program: Program = PROGRAM, **limits) -> Shop:
    """
    Open a shop with these limits, in which Ann has 1,000 points.
    """
    shop = Shop(storage, evolve(program, limits=RedemptionLimits(**limits)))
    shop.ledger.adjust(ANN, 1000, **BY_HAND)
    return shop


class TestClamps:
    """
    What lowers a redemption, in order (R-25).
    """

    @pytest.mark.parametrize(
        ("limits", "asked", "to_pay", "points", "bound"),
        [
            ({}, 2000, None, 1000, Limit("available", 2000, 1000)),
            ({"points_max": 300}, None, None, 300, Limit("points_max", 1000, 300)),
            ({"share_max": "1/2"}, None, "40.00", 200, Limit("share_max", 1000, 200)),  # half of 40.00
            ({"share_max": "1/3"}, None, "40.00", 130, Limit("share_max", 1000, 130)),  # 13.33, whole groups
            ({"money_max": gbp("25.00")}, None, None, 250, Limit("money_max", 1000, 250)),
            ({}, None, "12.34", 120, Limit("to_pay", 1000, 120)),  # 12 groups fit in 12.34
            ({}, None, "0.00", 0, Limit("to_pay", 1000, 0)),
            ({"step": 25}, 130, None, 100, Limit("step", 130, 100)),  # multiples of 25 and of 10 are those of 50
            ({"points_min": 100}, 90, None, 0, Limit("points_min", 90, 0)),
            ({"exact_payoff": True}, None, "12.34", 124, Limit("to_pay", 1000, 124)),  # 123.4 points, rounded up
        ],
    )
    def test_each_clamp(
        self,
        storage: Storage,
        limits: dict,
        asked: int | None,
        to_pay: str | None,
        points: int,
        bound: Limit,
    ) -> None:
        """
        A clamp lowers the points, and the quote names it with its figures (R-25).
        """
        shop = shop_with(storage, **limits)

        quote = shop.ledger.quote_redemption(ANN, asked, to_pay=gbp(to_pay) if to_pay else None)

        assert (quote.points, quote.limits) == (points, (bound,))

    def test_all_clamps_in_order(self, storage: Storage) -> None:
        """
        Every clamp takes what the one before left (R-25).
        """
        shop = shop_with(storage, points_max=900, share_max="1/2", money_max=gbp("70.00"), step=200, points_min=700)

        quote = shop.ledger.quote_redemption(ANN, 2000, to_pay=gbp("65.50"), eligible=gbp("160.00"))

        assert quote.limits == (
            Limit("available", 2000, 1000),
            Limit("points_max", 1000, 900),
            Limit("share_max", 900, 800),  # half of 160.00
            Limit("money_max", 800, 700),
            Limit("to_pay", 700, 650),  # 65 whole groups
            Limit("step", 650, 600),
            Limit("points_min", 600, 0),
        )
        assert (quote.points, quote.money, quote.still_to_pay) == (0, gbp("0.00"), gbp("65.50"))

    def test_nothing_binds(self, storage: Storage) -> None:
        """
        Where nothing binds, the points are those asked for and no limit is named (R-25).
        """
        quote = shop_with(storage).ledger.quote_redemption(ANN, 50, to_pay=gbp("9.00"))

        assert (quote.points, quote.money, quote.still_to_pay, quote.limits) == (50, gbp("5.00"), gbp("4.00"), ())
        assert quote.rate == ExchangeRate(10, gbp("1.00"))

    def test_the_last_group_may_be_partial(self, storage: Storage) -> None:
        """
        With exact_payoff, 124 points pay off 12.34; what does not pay off stays in whole groups (R-25).
        """
        shop = shop_with(storage, exact_payoff=True)

        short = shop.ledger.quote_redemption(ANN, 123, to_pay=gbp("12.34"))
        assert (short.points, short.money, short.still_to_pay) == (120, gbp("12.00"), gbp("0.34"))

        receipt = shop.ledger.redeem(ANN, 124, to_pay=gbp("12.34"))
        assert (receipt.money, receipt.still_to_pay) == (gbp("12.34"), gbp("0.00"))
        assert shop.balance() == "876 available"

    def test_a_payoff_below_the_minimum(self, storage: Storage) -> None:
        """
        A payoff that takes fewer points than the minimum is none (R-25).
        """
        shop = shop_with(storage, exact_payoff=True, points_min=50)

        quote = shop.ledger.quote_redemption(ANN, to_pay=gbp("0.34"))

        assert (quote.points, quote.still_to_pay) == (0, gbp("0.34"))

    def test_money_max_is_of_one_currency(self, storage: Storage) -> None:
        """
        A money limit in pounds says nothing about euros: 1,000 points pay 50.00 EUR at 20 (R-02, R-25).
        """
        shop = shop_with(storage, money_max=gbp("5.00"))

        assert shop.ledger.quote_redemption(ANN, currency="EUR").money == Money("50.00", "EUR")

    def test_without_a_rate(self, storage: Storage) -> None:
        """
        Without a rate points are used one by one and pay no money; limits in points bind all the same (R-22, R-25).
        """
        shop = shop_with(storage, program=evolve(PROGRAM, exchange_rates=[]), points_max=77)

        quote = shop.ledger.quote_redemption(ANN)
        assert (quote.points, quote.money, quote.still_to_pay, quote.rate) == (77, None, None, None)
        receipt = shop.ledger.redeem(ANN, 77)
        assert (receipt.money, receipt.still_to_pay) == (None, None)

    def test_a_share_of_what(self, storage: Storage) -> None:
        """
        A program that limits the share must be told of what, or of which order (R-25).
        """
        shop = shop_with(storage, share_max="1/2")

        for attempt in (lambda: shop.ledger.quote_redemption(ANN), lambda: shop.ledger.redeem(ANN, 10)):
            with pytest.raises(InvalidInput) as refused:
                attempt()
            assert refused.value.field == "to_pay"
        assert shop.ledger.quote_redemption(ANN, eligible=gbp("30.00")).points == 150


class TestWhatIsToPay:
    """
    What a redemption is measured against (R-26).
    """

    def test_the_orders_own_figures(self, storage: Storage) -> None:
        """
        Of a known order, lines, shipping and tax less tenders are to pay; a cancelled line is not (R-26).
        """
        shop = shop_with(storage)
        shop.ledger.place(
            order(
                "o-1",
                line("mug", "10.00", 2),
                shipping=gbp("3.00"),
                tax=gbp("2.00"),
                tenders=[Tender("gift_card", gbp("5.00")), Tender("points", gbp("9.00"))],
            )
        )

        quote = shop.ledger.quote_redemption(ANN, order="o-1")
        assert (quote.points, quote.still_to_pay) == (200, gbp("0.00"))  # 20 + 3 + 2 - 5; points are what is asked

        shop.ledger.cancel_lines("o-1", "c-1", {"mug": 1}, account=ANN)
        assert shop.ledger.quote_redemption(ANN, order="o-1").points == 100

    def test_a_share_of_the_orders_lines(self, storage: Storage) -> None:
        """
        The eligible net of a known order is that of its lines, without shipping (R-25).
        """
        shop = shop_with(storage, share_max="1/2")
        shop.ledger.place(order("o-1", line("mug", "10.00", 2), shipping=gbp("30.00")))

        assert shop.ledger.quote_redemption(ANN, order="o-1").points == 100

    def test_an_overpaid_order(self, storage: Storage) -> None:
        """
        Where tenders pay more than the price, nothing is left for points (R-25).
        """
        shop = shop_with(storage)
        shop.ledger.place(order("o-1", line("mug", "10.00"), tenders=[Tender("card", gbp("12.00"))]))

        assert shop.ledger.quote_redemption(ANN, order="o-1").limits == (Limit("to_pay", 1000, 0),)

    def test_the_currency_of_the_order(self, storage: Storage) -> None:
        """
        The order's currency chooses the rate: 5.00 EUR take 100 points at 20 for 1.00 EUR (R-02, R-22).
        """
        shop = shop_with(storage)
        shop.ledger.place(order("o-1", line("mug", "5.00", currency="EUR")))

        assert shop.ledger.redeem(ANN, 100, order="o-1").money == Money("5.00", "EUR")

    def test_a_payment_tells_the_currency_too(self, storage: Storage) -> None:
        """
        A payment that came before the order fixes the currency of its redemption (R-02).
        """
        shop = shop_with(storage)
        shop.ledger.pay("o-1", Tender("card", Money("1.00", "EUR")), account=ANN)

        assert shop.ledger.redeem(ANN, 20, order="o-1").money == Money("1.00", "EUR")


class TestRefusals:
    """
    What `redeem` does not do (R-25, R-28).
    """

    @pytest.mark.parametrize(
        ("limits", "asked", "to_pay", "limit", "allowed"),
        [
            ({"points_max": 300}, 310, None, "points_max", 300),
            ({"share_max": "1/2"}, 210, "40.00", "share_max", 200),
            ({"money_max": gbp("25.00")}, 260, None, "money_max", 250),
            ({}, 130, "12.34", "to_pay", 120),
            ({}, 125, None, "step", 120),
            ({"step": 100}, 110, None, "step", 100),
            ({"points_min": 100}, 90, None, "points_min", 0),
            ({"exact_payoff": True}, 125, "12.34", "to_pay", 124),
            ({"points_max": 305, "step": 100}, 400, None, "points_max", 300),  # the first that bound is named
        ],
    )
    def test_a_limit_refuses(
        self,
        storage: Storage,
        limits: dict,
        asked: int,
        to_pay: str | None,
        limit: str,
        allowed: int,
    ) -> None:
        """
        More than a limit allows is refused with its name and what would be accepted; nothing changes (R-25, I-18).
        """
        shop = shop_with(storage, **limits)
        before = shop.everything()
        money = gbp(to_pay) if to_pay else None

        with pytest.raises(RedemptionLimited) as refused:
            shop.ledger.redeem(ANN, asked, to_pay=money)

        assert told(refused.value) == {"limit": limit, "requested": asked, "allowed": allowed}
        assert shop.everything() == before
        if allowed:
            assert shop.ledger.redeem(ANN, allowed, to_pay=money).points == -allowed

    def test_more_than_available(self, storage: Storage) -> None:
        """
        More than is available is refused with the figures, and nothing changes (R-28, I-18).
        """
        shop = shop_with(storage)
        before = shop.everything()

        with pytest.raises(InsufficientPoints) as refused:
            shop.ledger.redeem(ANN, 1010)

        assert told(refused.value) == {"account": ANN, "requested": 1010, "available": 1000}
        assert shop.everything() == before

    def test_the_gates(self, storage: Storage) -> None:
        """
        The quote is refused where redeeming is: switched off, closed, in debt, below the threshold (R-25, R-33).
        """
        shop = shop_with(storage)
        shop.under(evolve(PROGRAM, active=False))
        with pytest.raises(ProgramInactive):
            shop.ledger.quote_redemption(ANN)
        shop.under(evolve(PROGRAM, limits=RedemptionLimits(threshold=1001)))
        with pytest.raises(BelowThreshold):
            shop.ledger.quote_redemption(ANN)
        shop.under(PROGRAM)
        shop.ledger.adjust(ANN, -1030, allow_debt=True, **BY_HAND)
        for attempt in (lambda: shop.ledger.quote_redemption(ANN), lambda: shop.ledger.redeem(ANN, 1)):
            with pytest.raises(DebtOutstanding) as indebted:
                attempt()
            assert told(indebted.value) == {"account": ANN, "debt": 30}
        shop.ledger.close_account(ANN, **BY_HAND)
        with pytest.raises(AccountClosed):
            shop.ledger.quote_redemption(ANN)

    def test_currencies(self, storage: Storage) -> None:
        """
        Currencies that differ, and one without a rate, are refused (R-02, R-22).
        """
        shop = shop_with(storage)
        shop.ledger.place(order("o-1", line("mug", "5.00")))

        with pytest.raises(CurrencyMismatch) as mixed:
            shop.ledger.redeem(ANN, 20, order="o-1", currency="EUR")
        assert told(mixed.value) == {"field": "currency", "expected": "EUR", "given": "GBP"}
        with pytest.raises(CurrencyMismatch):
            shop.ledger.quote_redemption(ANN, to_pay=gbp("5.00"), eligible=Money("5.00", "EUR"))
        with pytest.raises(NoExchangeRate) as unknown:
            shop.ledger.redeem(ANN, 20, currency="USD")
        assert told(unknown.value) == {"currency": "USD"}


class TestTheQuoteHolds:
    """
    What the quote says is what `redeem` accepts (R-25).
    """

    def test_points_that_the_order_itself_earned(self, storage: Storage) -> None:
        """
        What the order earned is taken back before it redeems, so the quote does not count it (R-18, R-25).
        """
        shop = shop_with(storage)
        shop.ledger.process(order("o-1", line("sofa", "500.00")))
        before = shop.everything()

        quote = shop.ledger.quote_redemption(ANN, order="o-1", to_pay=gbp("500.00"))

        assert quote.points == 1000
        assert shop.everything() == before
        receipt = shop.ledger.redeem(ANN, quote.points, order="o-1", to_pay=gbp("500.00"))
        assert taken(receipt) == ["reversed -500", "redeemed -1000"]
        assert receipt.money == quote.money

    @pytest.mark.parametrize("shortfall", ["debt", "refuse"])
    def test_points_that_the_order_earned_and_that_are_spent(self, storage: Storage, shortfall: str) -> None:
        """
        Where the order's points are spent, quote and redemption are refused alike (R-25, R-32).
        """
        shop = shop_with(storage, program=evolve(PROGRAM, shortfall=shortfall))
        shop.ledger.process(order("o-1", line("sofa", "500.00")))
        shop.ledger.redeem(ANN, 1200)
        expected = {"debt": DebtOutstanding, "refuse": ShortfallRefused}[shortfall]
        before = shop.everything()

        for attempt in (
            lambda: shop.ledger.quote_redemption(ANN, order="o-1"),
            lambda: shop.ledger.redeem(ANN, 10, order="o-1"),
        ):
            with pytest.raises(expected):
                attempt()
        assert shop.everything() == before

    def test_an_order_that_is_paid_already(self, storage: Storage) -> None:
        """
        An order is paid with points once in a cycle, so there is no second quote (R-26).
        """
        shop = shop_with(storage)
        shop.ledger.redeem(ANN, 30, order="o-1")

        for points in (None, 20):
            with pytest.raises(IdempotencyConflict) as refused:
                shop.ledger.quote_redemption(ANN, points, order="o-1")
            assert told(refused.value) == {"key": "redeem/1/o-1", "field": "points", "recorded": 30, "given": points}

    def test_orders_that_cannot_be_paid(self, storage: Storage) -> None:
        """
        A cancelled order and a cycle that is not open take no points, and no quote (R-29).
        """
        shop = shop_with(storage)
        for attempt in (
            lambda: shop.ledger.quote_redemption(ANN, order="o-1", cycle=2),
            lambda: shop.ledger.redeem(ANN, 10, order="o-1", cycle=2),
        ):
            with pytest.raises(CycleNotOpen) as unopened:
                attempt()
            assert told(unopened.value) == {"order": "o-1", "cycle": 2}
        shop.ledger.cancel("o-1", account=ANN)
        for attempt in (
            lambda: shop.ledger.quote_redemption(ANN, order="o-1"),
            lambda: shop.ledger.redeem(ANN, 10, order="o-1"),
        ):
            with pytest.raises(OrderCancelled) as cancelled:
                attempt()
            assert told(cancelled.value) == {"order": "o-1", "cycle": 1}

        assert shop.ledger.redeem(ANN, 10, order="o-1", cycle=2).points == -10


def test_no_gain_on_the_way_there_and_back(storage: Storage) -> None:
    """
    Points turned to money and money back to points never are more; in parts they pay no more than at once (R-22, I-27).
    """
    rate = ExchangeRate(7, gbp("0.50"))
    shop = Shop(storage, evolve(PROGRAM, exchange_rates=[rate]))
    shop.ledger.adjust(ANN, 1000, **BY_HAND)

    at_once = shop.ledger.quote_redemption(ANN, 41)
    assert (at_once.points, at_once.money) == (35, gbp("2.50"))  # 5 groups of 7
    assert rate.points_within(gbp("2.50")) == 35
    parts = [shop.ledger.quote_redemption(ANN, part).money for part in (20, 21)]
    assert parts == [gbp("1.00"), gbp("1.50")]
