"""
Refund quotes, and the ways in which points follow returns (R-30, R-31, R-34, S1.19, S1.20, S1.36).

Orders give 1 point per 1.00, and 10 points pay 1.00.
"""

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsledger import EarnRule, ExchangeRate, ExpiryPolicy, Money, OrderLine, Program, RestorePolicy, Tender
from pointsledger.errors import NotReversible, OrderUnknown, QuantityExceeded, ReversalExceeded
from pointsledger.port import Storage
from pointsledger.storage.memory import MemoryStorage
from tests.scenarios.scenario import ANN, BY_HAND, Shop, gbp, instant, line, order, taken

PROGRAM = Program(
    id="shop",
    earn_rules=[EarnRule.per_amount(1, per=gbp("1.00"))],
    exchange_rates=[ExchangeRate(10, gbp("1.00"))],
    redeeming_orders="net_of_points",
)
BASKET = order("o-1", line("mug", "10.00", 3), line("pot", "30.00"))  # 60.00


def paid_in_part(storage: Storage, program: Program = PROGRAM, points: int = 120) -> Shop:
    """
    Ann pays 12.00 of the basket with 120 points; the other 48.00 earn 48.
    """
    shop = Shop(storage, program)
    shop.ledger.adjust(ANN, points, **BY_HAND)
    shop.ledger.redeem(ANN, 120, order="o-1", to_pay=gbp("60.00") if program.exchange_rates else None)
    shop.ledger.process(BASKET)
    return shop


class TestQuote:
    """
    The joint refund quote.
    """

    def test_a_part(self, storage: Storage) -> None:
        """
        Two mugs are 20.00 of 60.00: a third of the points comes back and of what was earned goes (R-30, R-31).
        """
        shop = paid_in_part(storage)
        before = shop.everything()
        quote = shop.ledger.quote_refund("o-1", {"mug": 2}, account=ANN)

        assert (quote.refund, quote.paid_with_points, quote.cash) == (gbp("20.00"), gbp("4.00"), gbp("16.00"))
        assert (quote.take_back, quote.give_back, quote.lapsing, quote.shortfall) == (16, 40, 0, 0)
        assert (quote.take_back_value, quote.give_back_value) == (gbp("1.00"), gbp("4.00"))  # whole groups
        (mug,) = quote.lines
        assert (mug.line, mug.quantity, mug.take_back, mug.give_back, mug.refund) == ("mug", 2, 16, 40, gbp("20.00"))
        assert shop.everything() == before

    def test_the_whole_by_a_cancel(self, storage: Storage) -> None:
        """
        A cancel takes all that was earned and gives back all that was used; lines share the points (R-29).
        """
        shop = paid_in_part(storage)
        quote = shop.ledger.quote_refund("o-1", account=ANN)
        assert (quote.refund, quote.paid_with_points, quote.cash) == (gbp("60.00"), gbp("12.00"), gbp("48.00"))
        assert (quote.take_back, quote.give_back) == (48, 120)
        assert [(part.line, part.give_back) for part in quote.lines] == [("mug", 60), ("pot", 60)]
        assert taken(shop.ledger.cancel("o-1", account=ANN)) == ["restored +120", "reversed -48"]

    def test_points_that_come_back_too_late(self, storage: Storage) -> None:
        """
        Points of a lot that has lapsed meanwhile come back and lapse; the quote says how many (R-34).
        """
        shop = paid_in_part(storage, evolve(PROGRAM, expiry=ExpiryPolicy.after(days=5)))
        shop.on("2024-03-20")
        quote = shop.ledger.quote_refund("o-1", account=ANN)
        assert (quote.give_back, quote.lapsing) == (120, 120)
        for lapsed in (RestorePolicy(lapsed="grace", grace_days=3), RestorePolicy(lapsed="fresh")):
            other = Shop(MemoryStorage(), PROGRAM)
            other = paid_in_part(other.storage, evolve(PROGRAM, expiry=ExpiryPolicy.after(days=5), restore=lapsed))
            other.on("2024-03-20")
            assert other.ledger.quote_refund("o-1", account=ANN).lapsing == 0

    @pytest.mark.parametrize("shortfall", ["debt", "clamp", "refuse"])
    def test_spent_points(self, storage: Storage, shortfall: str) -> None:
        """
        What was earned and is spent is a shortfall, in points and in money, as far as what comes back does not cover it
        (R-32).
        """
        program = evolve(PROGRAM, redeeming_orders="earn_nothing", shortfall=shortfall)
        shop = Shop(storage, program)
        shop.ledger.process(BASKET)
        shop.ledger.redeem(ANN, 50, order="o-2")
        quote = shop.ledger.quote_refund("o-1", account=ANN)
        assert (quote.take_back, quote.shortfall, quote.shortfall_value) == (60, 50, gbp("5.00"))
        assert quote.cash == gbp("60.00")

    def test_unknown(self, storage: Storage) -> None:
        """
        An order, line or number of units that is not there has no quote.
        """
        shop = paid_in_part(storage)
        with pytest.raises(OrderUnknown):
            shop.ledger.quote_refund("o-9", account=ANN)
        with pytest.raises(OrderUnknown):
            shop.ledger.quote_refund("o-1", {"cup": 1}, account=ANN)
        with pytest.raises(QuantityExceeded):
            shop.ledger.quote_refund("o-1", {"mug": 4}, account=ANN)

    def test_of_a_return_of_an_order_that_is_not_known(self, storage: Storage) -> None:
        """
        A return that arrives before its order is looked at as it is: without prices (R-14).
        """
        shop = Shop(storage, PROGRAM)
        shop.ledger.return_lines("o-1", "r-1", {"mug": 1}, account=ANN)
        proposal = shop.ledger.propose_return("o-1", "r-1", account=ANN)
        assert (proposal.refund, proposal.cash, proposal.paid_with_points) == (None, None, None)
        assert (proposal.take_back, proposal.give_back, proposal.lines) == (0, 0, ())

    def test_an_order_without_a_rate(self, storage: Storage) -> None:
        """
        Without an exchange rate, points have no value and paid nothing.
        """
        shop = paid_in_part(storage, evolve(PROGRAM, exchange_rates=()))
        quote = shop.ledger.quote_refund("o-1", account=ANN)
        assert (quote.take_back_value, quote.give_back_value, quote.shortfall_value) == (None, None, None)
        assert (quote.cash, quote.paid_with_points, quote.give_back) == (gbp("60.00"), gbp("0.00"), 120)

    @settings(deadline=None, max_examples=60)
    @given(
        currency=st.sampled_from(["JPY", "USD", "KWD"]),
        price=st.integers(1, 5000),
        units=st.integers(1, 7),
        discount=st.integers(0, 99),
        points=st.integers(0, 30),
        cuts=st.lists(st.integers(1, 7), max_size=4),
    )
    def test_parts_add_up(
        self, currency: str, price: int, units: int, discount: int, points: int, cuts: list[int]
    ) -> None:
        """
        Returned in parts, an order is refunded what it is refunded at once, in money and in points, and each quote is
        what then happens (I-11, R-35).
        """
        small = {"JPY": "1", "USD": "0.01", "KWD": "0.001"}[currency]
        program = Program(
            id="shop",
            earn_rules=[EarnRule.per_amount(1, per=Money(small, currency) * 7)],
            exchange_rates=[ExchangeRate(1, Money(small, currency))],
            redeeming_orders="net_of_points",
            returns="automatic",
        )
        gross = price * units
        off = Money(small, currency) * min(discount, gross)
        document = order("o-1", OrderLine("a", Money(small, currency) * price, units), discount=off)

        def opened() -> Shop:
            shop = Shop(MemoryStorage(), program)
            shop.ledger.adjust(ANN, 1000, **BY_HAND)
            if points and gross - min(discount, gross) >= points:
                shop.ledger.redeem(
                    ANN, points, order="o-1", to_pay=Money(small, currency) * (gross - min(discount, gross))
                )
            shop.ledger.process(document)
            return shop

        whole = opened().ledger.quote_refund("o-1", {"a": units}, account=ANN)
        shop, left, sums = opened(), units, [0, 0, 0, 0, 0]
        for n, cut in enumerate([*cuts, units]):
            part = min(cut, left)
            if not part:
                break
            quote = shop.ledger.quote_refund("o-1", {"a": part}, account=ANN)
            moneys = (quote.refund, quote.cash, quote.paid_with_points)
            figures = (*(money.micros for money in moneys if money), quote.take_back, quote.give_back)
            sums = [a + b for a, b in zip(sums, figures, strict=True)]
            booked = shop.ledger.return_lines("o-1", f"r-{n}", {"a": part}, account=ANN).entries
            assert quote.take_back == -sum(e.points for e in booked if e.kind in {"reversed", "earned"})
            assert quote.give_back == sum(e.points for e in booked if e.kind == "restored")
            left -= part
        wholes = (whole.refund, whole.cash, whole.paid_with_points)
        assert sums == [*(money.micros for money in wholes if money), whole.take_back, whole.give_back]


class TestVariants:
    """
    Which side of a return follows at once (R-30).
    """

    def test_points_come_back_at_once(self, storage: Storage) -> None:
        """
        `give_back`: redeemed points return with the refund; what was earned waits for the administrator (S1.19).
        """
        shop = paid_in_part(storage, evolve(PROGRAM, returns="give_back"))
        assert taken(shop.ledger.return_lines("o-1", "r-1", {"mug": 2}, account=ANN)) == ["restored +40"]
        proposal = shop.ledger.propose_return("o-1", "r-1", account=ANN)
        assert (proposal.take_back, proposal.give_back, proposal.refund) == (16, 0, gbp("20.00"))
        assert taken(shop.ledger.settle_return(proposal, **BY_HAND)) == ["reversed -16"]

    def test_points_go_at_once(self, storage: Storage) -> None:
        """
        `take_back`: what the returned goods earned is void; redeemed points wait for the administrator (S1.20).
        """
        shop = paid_in_part(storage, evolve(PROGRAM, returns="take_back"))
        assert taken(shop.ledger.return_lines("o-1", "r-1", {"mug": 2}, account=ANN)) == ["reversed -16"]
        proposal = shop.ledger.propose_return("o-1", "r-1", account=ANN)
        assert (proposal.take_back, proposal.give_back) == (0, 40)
        assert taken(shop.ledger.settle_return(proposal, give_back=30, **BY_HAND)) == ["restored +30"]
        shop.ledger.return_lines("o-1", "r-2", {"mug": 1}, account=ANN)
        second = shop.ledger.propose_return("o-1", "r-2", account=ANN)
        with pytest.raises(ReversalExceeded):  # never more than were used (S1.36)
            shop.ledger.settle_return(second, give_back=91, **BY_HAND)

    @pytest.mark.parametrize("returns", ["manual", "automatic", "give_back", "take_back"])
    def test_they_end_alike(self, storage: Storage, returns: str) -> None:
        """
        Accepted as proposed, every variant ends where the automatic one does (R-14, R-30).
        """
        shop = paid_in_part(storage, evolve(PROGRAM, returns=returns))
        shop.ledger.return_lines("o-1", "r-1", {"mug": 2}, account=ANN)
        if returns != "automatic":
            shop.ledger.settle_return(shop.ledger.propose_return("o-1", "r-1", account=ANN), **BY_HAND)
        else:
            with pytest.raises(NotReversible):
                shop.ledger.settle_return(shop.ledger.propose_return("o-1", "r-1", account=ANN), **BY_HAND)
        assert shop.balance() == "72 available"  # 48 - 16 + 40
        shop.ledger.cancel("o-1", account=ANN)
        assert shop.balance() == "120 available"

    def test_an_administrator_gives_back_fewer(self, storage: Storage) -> None:
        """
        The default is all of them, fewer can be entered, more cannot (S1.36).
        """
        shop = paid_in_part(storage)
        shop.ledger.return_lines("o-1", "r-1", {"mug": 3, "pot": 1}, account=ANN)
        proposal = shop.ledger.propose_return("o-1", "r-1", account=ANN)
        assert proposal.give_back == 120
        with pytest.raises(ReversalExceeded):
            shop.ledger.settle_return(proposal, give_back=121, **BY_HAND)
        assert taken(shop.ledger.settle_return(proposal, give_back=100, **BY_HAND)) == ["restored +100", "reversed -48"]


class TestWhatPointsStillPay:
    """
    Points that paid for lines which are cancelled pay no longer (R-13, R-15).
    """

    def test_full_payment(self, storage: Storage) -> None:
        """
        30.00 with 300 points and 30.00 by card pay 60.00; after the pot is cancelled 15.00 of points are left, and the
        card is what the mugs need: 45.00 for 30.00.
        """
        program = evolve(PROGRAM, timing="on_full_payment", redeeming_orders="full")
        shop = Shop(storage, program)
        shop.ledger.adjust(ANN, 300, **BY_HAND)
        shop.ledger.place(BASKET)
        shop.ledger.redeem(ANN, 300, order="o-1", to_pay=gbp("60.00"))
        shop.ledger.cancel_lines("o-1", "c-1", {"pot": 1}, account=ANN)  # 150 points come back
        assert shop.balance() == "150 available"
        assert shop.ledger.quote(BASKET).points == 30
        shop.ledger.pay("o-1", Tender("card", gbp("14.99")), account=ANN)
        assert shop.balance() == "150 available"  # 15.00 and 14.99 do not pay 30.00
        shop.ledger.pay("o-1", Tender("cash", gbp("0.01")), account=ANN)
        assert shop.balance() == "180 available"

    def test_net_of_points(self, storage: Storage) -> None:
        """
        120 points paid 12.00 of 60.00. Without the pot they pay 6.00 of 30.00, so 24 points are due.
        """
        shop = paid_in_part(storage)
        assert taken(shop.ledger.cancel_lines("o-1", "c-1", {"pot": 1}, account=ANN)) == [
            "restored +60",
            "reversed -24",
        ]
        assert shop.balance() == "84 available"  # 60 and 24

    def test_redeemed_before_the_order_is_known(self, storage: Storage) -> None:
        """
        Points that were used before the document arrives pay what they paid.
        """
        program = evolve(PROGRAM, timing="on_full_payment")
        shop = Shop(storage, program)
        shop.ledger.adjust(ANN, 600, **BY_HAND)
        shop.ledger.redeem(ANN, 600, order="o-1", occurred_at=instant("2024-02-01"))
        shop.ledger.place(BASKET)
        assert shop.balance() == "nothing"  # paid with points alone, net of points it earns nothing
