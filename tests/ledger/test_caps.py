"""
Caps on earning: for an order, on the balance, for a calendar period (R-19, S1.15).

Orders give 1 point per 1.00.
"""

from fractions import Fraction

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsledger import EarnCaps, EarnRule, ExpiryPolicy, PendingPolicy, Program
from pointsledger.domain.caps import Cut
from pointsledger.port import Storage
from pointsledger.reports.verify import verify
from pointsledger.storage.memory import MemoryStorage
from tests.scenarios.scenario import ANN, BY_HAND, Shop, gbp, instant, line, order, taken

RULE = EarnRule.per_amount(1, per=gbp("1.00"))


def capped(**caps) -> Program:
    """
    Return the program with these caps.
    """
    return Program(id="shop", earn_rules=[RULE], caps=EarnCaps(**caps))


def cut(shop: Shop, account: str = ANN) -> list[tuple[int, int]]:
    """
    Return the points awarded and withheld of each credit, in order.
    """
    return [(e.points, e.withheld) for e in shop.ledger.entries(account) if e.kind in {"earned", "adjusted"}]


class TestOrder:
    """
    The cap on one order is part of what it earns.
    """

    def test_cut_and_recorded(self, storage: Storage) -> None:
        """
        80 of 100 are awarded; lines share them by largest remainder (R-17): 70 and 30 of 100 are 56 and 24.
        """
        shop = Shop(storage, capped(per_order=80))
        basket = order("o-1", line("pot", "70.00"), line("mug", "30.00"))
        quote = shop.ledger.quote(basket)
        assert (quote.points, quote.desired, quote.cuts) == (80, 100, (Cut("order_cap", 100, 80),))
        assert quote.lines == {"pot": 56, "mug": 24}
        assert shop.ledger.process(basket).points == 80
        shop.ledger.cancel_lines("o-1", "c-1", {"mug": 1}, account=ANN)
        assert shop.balance() == "70 available"  # what is left earns 70, below the cap

    def test_latest_grants_are_cut(self, storage: Storage) -> None:
        """
        Of points with different dates, those that come last are cut first.
        """
        later = EarnRule.per_unit(30, id="later", pending=PendingPolicy.after(days=5))
        much_later = EarnRule.per_unit(30, id="much-later", pending=PendingPolicy.after(days=9))
        program = Program(id="shop", earn_rules=[RULE, later, much_later], caps=EarnCaps(per_order=50))
        shop = Shop(storage, program)
        shop.ledger.process(order("o-1", line("mug", "40.00")))
        assert shop.balance() == "40 available, 10 pending"

    @settings(deadline=None, max_examples=100)
    @given(
        prices=st.lists(st.integers(1, 9999), min_size=1, max_size=5),
        per_order=st.integers(1, 150),
        rest=st.sampled_from([{}, {"balance": 60}, {"per_period": {"day": 50, "month": 70}}]),
        had=st.integers(0, 80),
    )
    def test_quote_and_award_agree(self, prices: list[int], per_order: int, rest: dict, had: int) -> None:
        """
        A quote foresees what each cap leaves, line by line by largest remainder, and why (R-17, R-19, R-21).
        """
        shop = Shop(MemoryStorage(), capped(per_order=per_order, **rest))
        if had:
            shop.ledger.earn(ANN, had)
        basket = order("o-1", *(line(f"p{n}", f"{price // 100}.{price % 100:02}") for n, price in enumerate(prices)))
        quote = shop.ledger.quote(basket)
        assert quote.points == shop.ledger.process(basket).points
        assert quote.desired == sum(prices) // 100
        assert sum(quote.lines.values()) == quote.points
        kept = (quote.points, min(quote.desired, per_order) - quote.points)  # the cap on the order is in the award
        assert cut(shop)[int(had > 0) :] == ([kept] if quote.desired else [])
        assert [c.desired for c in quote.cuts] == [quote.desired, *(c.allowed for c in quote.cuts)][: len(quote.cuts)]
        # By an oracle for each share: within a point of the exact one, in both steps of rounding.
        for n, price in enumerate(prices):
            assert abs(quote.lines.get(f"p{n}", 0) - Fraction(price * quote.points, sum(prices))) < 2

    def test_a_part_of_a_capped_order(self, storage: Storage) -> None:
        """
        Of 100 points 80 were awarded: returning 10.00 leaves 90, of which 80 stay; returning 30.00 leaves 70 (R-14).
        """
        shop = Shop(storage, evolve(capped(per_order=80), returns="automatic"))
        shop.ledger.process(order("o-1", line("mug", "10.00", 10)))
        left = []
        for n in range(4):
            shop.ledger.return_lines("o-1", f"r-{n}", {"mug": 1}, account=ANN)
            left.append(shop.ledger.balance(ANN).available)
        assert left == [80, 80, 70, 60]


class TestBalance:
    """
    The cap on what an account can come to have.
    """

    def test_until_there_is_room(self, storage: Storage) -> None:
        """
        Earning stops at the cap, whatever earns; nothing at all is an entry of 0 points without a lot (I-26).
        """
        shop = Shop(storage, capped(balance=100))
        shop.ledger.process(order("o-1", line("pot", "70.00")))
        quote = shop.ledger.quote(order("o-2", line("pot", "70.00")))
        assert (quote.points, quote.cuts) == (30, (Cut("balance_cap", 70, 30),))
        shop.ledger.process(order("o-2", line("pot", "70.00")))
        shop.ledger.earn(ANN, 5)
        assert cut(shop) == [(70, 0), (30, 40), (0, 5)]
        assert [lot.id for lot in shop.ledger.lots(ANN)] == [1, 2]
        shop.ledger.redeem(ANN, 20)
        shop.ledger.earn(ANN, 30)
        assert cut(shop)[-1] == (20, 10)
        assert not verify(storage, "shop").findings

    def test_held_and_pending_points_count(self, storage: Storage) -> None:
        """
        What is set aside or waits is the holder's all the same; what repays debt needs no room.
        """
        shop = Shop(storage, evolve(capped(balance=100), pending=PendingPolicy.after(days=9)))
        shop.ledger.adjust(ANN, 50, **BY_HAND)
        shop.ledger.hold(ANN, 30, order="o-1", until=instant("2024-03-05"))
        shop.ledger.earn(ANN, 40)
        shop.ledger.earn(ANN, 40)
        assert cut(shop) == [(50, 0), (40, 0), (10, 30)]
        owing = Shop(storage, capped(balance=100))
        owing.ledger.adjust("bo", -30, allow_debt=True, **BY_HAND)
        owing.ledger.earn("bo", 150)
        assert owing.balance("bo") == "100 available"

    def test_corrections_and_restores_are_exempt(self, storage: Storage) -> None:
        """
        A credit by hand and what comes back after use may pass the cap, unless the program says otherwise.
        """
        shop = Shop(storage, capped(balance=100))
        shop.ledger.earn(ANN, 100)
        shop.ledger.redeem(ANN, 60, order="o-1")
        shop.ledger.adjust(ANN, 80, **BY_HAND)
        shop.ledger.cancel("o-1", account=ANN)
        assert shop.balance() == "180 available"

    def test_unless_configured(self, storage: Storage) -> None:
        """
        With `adjustments` a correction is cut; with `restores` what lies above the cap lapses at once, the last first.
        """
        shop = Shop(storage, capped(balance=100, adjustments=True, restores=True))
        shop.ledger.earn(ANN, 100)
        shop.ledger.redeem(ANN, 60, order="o-1")
        shop.ledger.adjust(ANN, 80, **BY_HAND)
        assert cut(shop) == [(100, 0), (60, 20)]
        assert taken(shop.ledger.cancel("o-1", account=ANN)) == ["restored +60", "expired -60"]
        assert shop.balance() == "100 available"
        full = shop.ledger.adjust(ANN, 7, **BY_HAND)
        assert (full.points, full.entries[0].withheld, full.awaits_approval) == (0, 7, False)
        assert not verify(storage, "shop").findings

    def test_restores_below_the_cap_stay(self, storage: Storage) -> None:
        """
        As far as there is room, what comes back stays, also in a new lot.
        """
        short = evolve(
            capped(balance=100, restores=True),
            expiry=ExpiryPolicy.after(days=5),
            restore=evolve(Program(id="x").restore, lapsed="fresh"),
        )
        shop = Shop(storage, short)
        shop.ledger.earn(ANN, 60)
        shop.ledger.redeem(ANN, 60, order="o-1")
        shop.on("2024-03-20").adjust(ANN, 70, **BY_HAND)
        assert taken(shop.ledger.cancel("o-1", account=ANN)) == ["restored +60", "expired -30"]
        assert shop.balance() == "100 available"


class TestPeriods:
    """
    Caps for a day, week, month … of the program's zone.
    """

    def test_by_the_local_month(self, storage: Storage) -> None:
        """
        The month begins in the program's zone: 31 March 23:30 UTC is April in London.
        """
        shop = Shop(storage, evolve(capped(per_period={"month": 100}), timezone="Europe/London"))
        shop.on("2024-03-10").earn(ANN, 80)
        shop.on("2024-03-31 22:30").earn(ANN, 80)
        shop.on("2024-03-31 23:30").earn(ANN, 80)
        assert cut(shop) == [(80, 0), (20, 60), (80, 0)]

    def test_several_periods(self, storage: Storage) -> None:
        """
        Each cap cuts what the one before left: 30 a day, 50 a week from Monday.
        """
        shop = Shop(storage, capped(per_period={"week": 50, "day": 30}))
        basket = order("o-1", line("pot", "40.00"))
        for day in ("2024-03-04", "2024-03-05"):
            shop.on(day).earn(ANN, 40)
        quote = shop.ledger.quote(basket, at=instant("2024-03-06"))
        assert (quote.points, quote.cuts) == (0, (Cut("day_cap", 40, 30), Cut("week_cap", 30, 0)))
        shop.on("2024-03-06").process(basket)
        shop.on("2024-03-11").earn(ANN, 40)
        assert cut(shop) == [(30, 10), (20, 20), (0, 40), (30, 10)]

    def test_a_reversal_gives_room_in_its_own_period(self, storage: Storage) -> None:
        """
        What March earned and April takes back makes room for a late fact of March, not for April (R-19).
        """
        shop = Shop(storage, capped(per_period={"month": 100}))
        first = shop.on("2024-03-10").earn(ANN, 100)
        shop.on("2024-04-02").earn(ANN, 100)
        shop.ledger.reverse(ANN, first.sequence, 40, **BY_HAND)
        shop.ledger.earn(ANN, 10)
        shop.ledger.earn(ANN, 50, occurred_at=instant("2024-03-31"))
        assert cut(shop) == [(100, 0), (100, 0), (0, 10), (40, 10)]

    def test_fiscal_year(self, storage: Storage) -> None:
        """
        A year may begin in April, and a half-year and a quarter with it.
        """
        shop = Shop(storage, capped(per_period={"year": 100, "quarter": 70}, year_starts=4))
        for day in ("2024-02-01", "2024-03-31", "2024-04-01", "2024-06-30", "2024-07-01"):
            shop.on(day).earn(ANN, 50)
        assert cut(shop) == [(50, 0), (20, 30), (50, 0), (20, 30), (30, 20)]

    def test_within_one_command(self, storage: Storage) -> None:
        """
        Several grants of one order, and an order that is counted anew, share the room there is.
        """
        second = EarnRule.per_unit(30, id="second", pending=PendingPolicy.after(days=5))
        program = Program(id="shop", earn_rules=[RULE, second], caps=EarnCaps(per_period={"month": 50}))
        shop = Shop(storage, program)
        shop.ledger.process(order("o-1", line("mug", "40.00")))
        assert cut(shop) == [(40, 0), (10, 20)]
        shop.ledger.cancel_lines("o-1", "c-1", {"mug": 1}, account=ANN)
        assert shop.balance() == "nothing"
        assert shop.ledger.earn(ANN, 60).points == 50


class TestTakingBack:
    """
    What was cut off of an order goes first.
    """

    def test_the_cut_part_goes_first(self, storage: Storage) -> None:
        """
        60 of 100 were awarded. Half of the order is 50, so 10 go; had half come at once, 50 had been awarded.
        """
        shop = Shop(storage, capped(balance=60))
        shop.ledger.process(order("o-1", line("mug", "50.00", 2)))
        shop.ledger.return_lines("o-1", "r-1", {"mug": 1}, account=ANN)
        proposal = shop.ledger.propose_return("o-1", "r-1", account=ANN)
        assert (proposal.take_back, proposal.refund) == (10, gbp("50.00"))
        assert taken(shop.ledger.settle_return(proposal, **BY_HAND)) == ["reversed -10"]
        shop.ledger.cancel("o-1", account=ANN)
        assert shop.balance() == "nothing"

    @pytest.mark.parametrize(("take_back", "left"), [(0, 60), (10, 50), (25, 35), (60, 0)])
    def test_a_decision_books_its_figures(self, storage: Storage, take_back: int, left: int) -> None:
        """
        Whatever the administrator decides is what the holder loses (R-30).
        """
        shop = Shop(storage, capped(balance=60))
        shop.ledger.process(order("o-1", line("mug", "50.00", 2)))
        shop.ledger.return_lines("o-1", "r-1", {"mug": 1}, account=ANN)
        proposal = shop.ledger.propose_return("o-1", "r-1", account=ANN)
        shop.ledger.settle_return(proposal, take_back=take_back, **BY_HAND)
        assert shop.ledger.balance(ANN).available == left
        assert not verify(storage, "shop").findings

    @settings(deadline=None, max_examples=80)
    @given(
        cap=st.integers(1, 120),
        kind=st.sampled_from(["balance", "month", "order"]),
        cuts=st.lists(st.integers(1, 4), min_size=1, max_size=5),
        before=st.integers(0, 60),
    )
    def test_in_parts_as_at_once(self, cap: int, kind: str, cuts: list[int], before: int) -> None:
        """
        Returned in parts, a capped order ends where it ends at once, and where it was all cut nothing is owed (I-11).
        """
        caps = {"balance": {"balance": cap}, "month": {"per_period": {"month": cap}}, "order": {"per_order": cap}}[kind]
        program = evolve(capped(**caps), returns="automatic")
        figures = []
        for parts in (cuts, [min(10, sum(cuts))]):
            shop = Shop(MemoryStorage(), program)
            if before:
                shop.ledger.earn(ANN, before)
            shop.ledger.process(order("o-1", line("mug", "9.70", 10)))
            left = 10
            for n, part in enumerate(parts):
                if part <= left:
                    left -= part
                    shop.ledger.return_lines("o-1", f"r-{n}", {"mug": part}, account=ANN)
            figures.append((left, shop.balance()))
            assert not verify(shop.storage, "shop").findings
        if figures[0][0] == figures[1][0]:
            assert figures[0] == figures[1]

    def test_caps_that_come_later(self, storage: Storage) -> None:
        """
        A cap on a period counts what was earned since the program has had one.
        """
        shop = Shop(storage, Program(id="shop", earn_rules=[RULE]))
        shop.ledger.earn(ANN, 500)
        shop.under(capped(per_period={"month": 100})).earn(ANN, 150)
        assert cut(shop) == [(500, 0), (100, 50)]
