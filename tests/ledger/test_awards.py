"""
What orders earn: basis, rules, multipliers, groups, rounding, lines, timing, pending (R-03, R-13 to R-18, R-20).

Figures are per 1.00 GBP where nothing else is said: an order of 20.00 gives 20.
"""

from datetime import date
from itertools import permutations
from typing import ClassVar

import pytest
from attrs import evolve

from pointsledger import EarnRule, ExchangeRate, ExpiryPolicy, Order, PendingPolicy, Program, Tender
from pointsledger.port import Storage
from tests.scenarios.scenario import ANN, BY_HAND, Shop, gbp, instant, line, order, taken

PER_POUND = EarnRule.per_amount(1, per=gbp("1.00"))
PROGRAM = Program(id="shop", earn_rules=[PER_POUND], exchange_rates=[ExchangeRate(10, gbp("1.00"))])


def points(storage: Storage, rules: list[EarnRule], bought: Order, **program) -> int:
    """
    Return what an order earns under these rules.
    """
    return Shop(storage, evolve(PROGRAM, earn_rules=rules, **program)).ledger.process(bought).points


class TestBasis:
    """
    Which money counts (R-15).
    """

    @pytest.mark.parametrize(
        ("with_shipping", "with_tax", "earned"),
        [(False, False, 10), (True, False, 13), (False, True, 12), (True, True, 15)],
    )
    def test_shipping_and_tax(self, storage: Storage, with_shipping: bool, with_tax: bool, earned: int) -> None:
        """
        Shipping (3.00) and tax (2.00) count only if the rule says so (R-15).
        """
        rule = EarnRule.per_amount(1, per=gbp("1.00"), with_shipping=with_shipping, with_tax=with_tax)
        bought = order("o-1", line("mug", "10.00"), shipping=gbp("3.00"), tax=gbp("2.00"))

        assert points(storage, [rule], bought) == earned

    def test_a_lines_discount(self, storage: Storage) -> None:
        """
        A line's discount comes off all its units together: 2 x 10.00 - 5.00 (R-15).
        """
        assert points(storage, [PER_POUND], order("o-1", line("mug", "10.00", 2, discount=gbp("5.00")))) == 15

    def test_the_orders_discount_is_shared(self, storage: Storage) -> None:
        """
        The order's discount is shared in proportion to the lines' nets: 10.00 of 30.00 bear 1.00 of 3.00 (R-15).
        """
        rule = EarnRule.per_amount(1, per=gbp("1.00"), products=["mug"])
        bought = order("o-1", line("mug", "10.00"), line("pot", "20.00"), discount=gbp("3.00"))

        assert points(storage, [rule], bought) == 9

    def test_six_decimals_of_a_unit_price(self, storage: Storage) -> None:
        """
        A unit price is multiplied out exactly: 3000 screws at 0.001999 cost 5.997 (R-02).
        """
        assert points(storage, [PER_POUND], order("o-1", line("screw", "0.001999", 3000))) == 5
        assert points(storage, [PER_POUND], order("o-2", line("screw", "0.002000", 3000))) == 6

    def test_a_line_that_does_not_earn(self, storage: Storage) -> None:
        """
        A line that earns no money-based points is left out, but its units can count (R-15).
        """
        per_unit = EarnRule.per_unit(7, products=["card"])
        bought = order("o-1", line("card", "50.00", earns=False), line("mug", "10.00"))

        assert points(storage, [PER_POUND, per_unit], bought) == 10 + 7

    @pytest.mark.parametrize("kind", ["gift_card", "store_credit", "points", "write_off", "credit"])
    def test_a_tender_that_does_not_earn(self, storage: Storage, kind: str) -> None:
        """
        What such a tender paid is taken off the basis: 20.00 less 5.00 (R-15, S1.32).
        """
        bought = order("o-1", line("mug", "20.00"), tenders=[Tender(kind, gbp("5.00")), Tender("card", gbp("15.00"))])

        assert points(storage, [PER_POUND], bought) == 15

    def test_a_tender_that_says_that_it_earns(self, storage: Storage) -> None:
        """
        The host may say that a gift card earns, or that a card does not (R-15).
        """
        tenders = [Tender("gift_card", gbp("5.00"), earns=True), Tender("card", gbp("12.00"), earns=False)]

        assert points(storage, [PER_POUND], order("o-1", line("mug", "20.00"), tenders=tenders)) == 8

    def test_a_tender_lies_on_shipping_too(self, storage: Storage) -> None:
        """
        Where the rule counts shipping, the tender is taken off lines and shipping: 20.00 + 5.00 - 10.00 (R-15).
        """
        rule = EarnRule.per_amount(1, per=gbp("1.00"), with_shipping=True)
        bought = order("o-1", line("mug", "20.00"), shipping=gbp("5.00"), tenders=[Tender("gift_card", gbp("10.00"))])

        assert points(storage, [rule], bought) == 15

    def test_a_unit_takes_its_share_of_the_tender_along(self, storage: Storage) -> None:
        """
        5.00 by gift card lie on both mugs alike: 15 points for two, 7.50 and so 7 for the one that is kept (R-15).
        """
        shop = Shop(storage, evolve(PROGRAM, returns="automatic"))
        shop.ledger.process(order("o-1", line("mug", "10.00", 2), tenders=[Tender("gift_card", gbp("5.00"))]))
        assert shop.balance() == "15 available"

        shop.ledger.return_lines("o-1", "r-1", {"mug": 1}, account=ANN)

        assert shop.balance() == "7 available"

    @pytest.mark.parametrize("price", ["20.00", "0.00"])
    def test_nothing_left_that_earns(self, storage: Storage, price: str) -> None:
        """
        Where nothing is left after such tenders, no rule gives anything, not even per unit or per order (R-15).
        """
        rules = [PER_POUND, EarnRule.per_unit(5), EarnRule.per_order(9)]
        shop = Shop(storage, evolve(PROGRAM, earn_rules=rules))

        award = shop.ledger.quote(order("o-1", line("mug", price), tenders=[Tender("write_off", gbp("21.00"))]))

        assert award.points == 0
        assert [outcome.reason for outcome in award.outcomes] == ["no_earning_tender"] * 3

    def test_free_lines_share_the_points_of_shipping(self, storage: Storage) -> None:
        """
        Where all lines cost nothing, points for shipping are shared alike, the odd one to the first line (R-17).
        """
        rule = EarnRule.per_amount(1, per=gbp("1.00"), with_shipping=True)
        shop = Shop(storage, evolve(PROGRAM, earn_rules=[rule]))

        award = shop.ledger.quote(order("o-1", line("a", "0.00"), line("b", "0.00"), shipping=gbp("5.00")))

        assert award.lines == {"a": 3, "b": 2}


class TestRules:
    """
    What rules give and where they apply (R-16, R-03).
    """

    def test_each_kind(self, storage: Storage) -> None:
        """
        Whole groups, in proportion, per unit, per order: 3 x 2.50 = 7.50 (R-16).
        """
        bought = order("o-1", line("mug", "2.50", 3))
        groups = EarnRule.per_amount(10, per=gbp("2.00"))

        assert points(storage, [groups], bought) == 30  # 3 groups
        assert points(storage, [evolve(groups, proportional=True)], evolve(bought, id="o-2")) == 37  # of 37.5
        assert points(storage, [EarnRule.per_unit(4)], evolve(bought, id="o-3")) == 12
        assert points(storage, [EarnRule.per_order(9)], evolve(bought, id="o-4")) == 9

    @pytest.mark.parametrize(
        ("rounding", "at_half", "at_odd_half", "at_third"),
        [("floor", 2, 3, 0), ("ceil", 3, 4, 1), ("half_up", 3, 4, 0), ("half_even", 2, 4, 0)],
    )
    def test_one_rounding(self, storage: Storage, rounding: str, at_half: int, at_odd_half: int, at_third: int) -> None:
        """
        An exact 2.5, 3.5 and 1/3 become whole by the rule's mode, once (R-03).
        """
        rule = EarnRule.per_amount(1, per=gbp("3.00"), proportional=True, rounding=rounding)

        assert points(storage, [rule], order("o-1", line("mug", "7.50"))) == at_half
        assert points(storage, [rule], order("o-2", line("mug", "10.50"))) == at_odd_half
        assert points(storage, [rule], order("o-3", line("mug", "1.00"))) == at_third

    def test_narrowed(self, storage: Storage) -> None:
        """
        A rule narrowed to product, category, channel, group and minimum counts what matches all of them (R-16).
        """
        rule = EarnRule.per_amount(
            1,
            per=gbp("1.00"),
            products=["mug", "pot"],
            categories=["kitchen"],
            channels=["uk"],
            customer_groups=["club"],
            minimum=gbp("50.00"),
        )
        bought = order(
            "o-1",
            line("mug", "10.00", categories=["kitchen", "gifts"]),
            line("pot", "20.00", categories=["garden"]),
            line("tea", "20.00", categories=["kitchen"]),
            channel="uk",
            customer_group="club",
        )

        assert points(storage, [rule], bought) == 10

    @pytest.mark.parametrize(
        ("earned_at", "earned"),
        [("2024-02-29 23:59", 0), ("2024-03-01", 10), ("2024-03-07 23:59", 10), ("2024-03-08", 0)],
    )
    def test_window(self, storage: Storage, earned_at: str, earned: int) -> None:
        """
        A window is half-open: from its first instant to before its last (R-16).
        """
        week = evolve(PER_POUND, valid_from=instant("2024-03-01"), valid_until=instant("2024-03-08"))
        shop = Shop(storage, evolve(PROGRAM, earn_rules=[week]), now="2024-03-20")

        receipt = shop.ledger.process(order("o-1", line("mug", "10.00")), occurred_at=instant(earned_at))

        assert receipt.points == earned

    def test_a_rule_has_its_own_dates(self, storage: Storage) -> None:
        """
        A rule's own expiry and pending period overrule the program's; what shares dates shares a lot (R-16, S0.3).
        """
        rules = [
            PER_POUND,
            EarnRule.per_order(3, id="welcome"),
            EarnRule.per_unit(5, id="later", pending=PendingPolicy.after(days=7)),
            EarnRule.per_unit(7, id="short", expiry=ExpiryPolicy.after(days=7)),
        ]
        shop = Shop(storage, evolve(PROGRAM, earn_rules=rules))

        receipt = shop.ledger.process(order("o-1", line("mug", "10.00")))

        # Usable now and until 8 March; usable now for ever (10 + 3); usable from 8 March on.
        assert taken(receipt) == ["earned +7", "earned +13", "earned +5"]
        assert [(lot.available_at, lot.expires_at) for lot in (entry.opened for entry in receipt.entries) if lot] == [
            (instant("2024-03-01"), instant("2024-03-09")),
            (instant("2024-03-01"), None),
            (instant("2024-03-08"), None),
        ]


class TestCombining:
    """
    Several rules together (R-17).
    """

    BOUGHT = order("o-1", line("mug", "100.00", categories=["kitchen"]), line("pot", "50.00"))

    def test_base_rules_add_up(self, storage: Storage) -> None:
        """
        Rules without a group add up (R-17).
        """
        assert points(storage, [PER_POUND, EarnRule.per_unit(4), EarnRule.per_order(9)], self.BOUGHT) == 150 + 8 + 9

    @pytest.mark.parametrize(
        ("choice", "winner", "earned"), [("best", "big", 150), ("first", "small", 20)], ids=["best", "first"]
    )
    def test_exclusive_groups(self, storage: Storage, choice: str, winner: str, earned: int) -> None:
        """
        Of a group the best counts, or the first by priority that gives something (R-17).
        """
        rules = [
            EarnRule.per_amount(1, per=gbp("1.00"), id="big", group="g", priority=3),
            EarnRule.per_unit(10, id="small", group="g", priority=2),
            EarnRule.per_unit(99, id="none", group="g", priority=1, products=["tea"]),
        ]
        shop = Shop(storage, evolve(PROGRAM, earn_rules=rules, groups={"g": choice}))

        award = shop.ledger.quote(self.BOUGHT)

        assert award.points == earned
        fired = [outcome.rule for outcome in award.outcomes if outcome.reason is None]
        assert fired == [winner]
        assert award.outcomes[2].reason == "no_matching_line"

    @pytest.mark.parametrize(("priorities", "winner"), [((2, 1), "b"), ((1, 1), "a")])
    def test_ties_in_a_group(self, storage: Storage, priorities: tuple[int, int], winner: str) -> None:
        """
        Equally good rules: the lower priority number counts, then the one declared first (R-17).
        """
        rules = [
            EarnRule.per_unit(5, id=name, group="g", priority=priority)
            for name, priority in zip("ab", priorities, strict=True)
        ]
        award = Shop(storage, evolve(PROGRAM, earn_rules=rules)).ledger.quote(self.BOUGHT)

        assert [outcome.rule for outcome in award.outcomes if outcome.reason is None] == [winner]

    @pytest.mark.parametrize(("combined", "earned"), [("add_bonus", 600), ("multiply", 900), ("max", 450)])
    def test_multipliers(self, storage: Storage, combined: str, earned: int) -> None:
        """
        2x and 3x on 150 points make 4x, 6x or 3x (R-17).
        """
        rules = [PER_POUND, EarnRule.multiplier(2, id="double"), EarnRule.multiplier(3, id="triple")]

        assert points(storage, rules, self.BOUGHT, multipliers=combined) == earned

    def test_a_multiplier_acts_on_its_lines(self, storage: Storage) -> None:
        """
        A multiplier by category multiplies the lines of that category only: 2 x 100 + 50 (R-17).
        """
        kitchen = EarnRule.multiplier(2, categories=["kitchen"])

        award = Shop(storage, evolve(PROGRAM, earn_rules=[PER_POUND, kitchen])).ledger.quote(self.BOUGHT)

        assert award.lines == {"mug": 200, "pot": 50}
        assert award.outcomes[1].factors == {"mug": 2}

    def test_a_multiplier_that_meets_no_points(self, storage: Storage) -> None:
        """
        A multiplier of lines for which no rule gives points multiplies nothing, and says so (R-17, R-21).
        """
        rules = [EarnRule.per_unit(5, products=["pot"]), EarnRule.multiplier(2, categories=["kitchen"])]

        award = Shop(storage, evolve(PROGRAM, earn_rules=rules)).ledger.quote(self.BOUGHT)

        assert [outcome.reason for outcome in award.outcomes] == [None, "nothing_to_multiply"]

    def test_a_multiplier_names_its_rules(self, storage: Storage) -> None:
        """
        A multiplier acts on the rules it names, also per order; without names on all per amount and per unit (R-17).
        """
        rules = [PER_POUND, EarnRule.per_unit(4), EarnRule.per_order(9)]

        assert points(storage, [*rules, EarnRule.multiplier(2)], self.BOUGHT) == 300 + 16 + 9
        named = EarnRule.multiplier(2, multiplies=["per_order", "per_unit"])
        assert points(storage, [*rules, named], evolve(self.BOUGHT, id="o-2")) == 150 + 16 + 18

    def test_rounding_comes_after_multipliers(self, storage: Storage) -> None:
        """
        1.5 times an exact 3.5 are 5.25: 5 points, not 4 (R-03).
        """
        rule = EarnRule.per_amount(1, per=gbp("1.00"), proportional=True)

        assert points(storage, [rule, EarnRule.multiplier("1.5")], order("o-1", line("mug", "3.50"))) == 5

    def test_malus_never_goes_below_nothing(self, storage: Storage) -> None:
        """
        Two times a quarter, added as bonus, make 1 - 3/4 - 3/4 and so 0, not less (R-17).
        """
        rules = [PER_POUND, EarnRule.multiplier("1/4", id="a"), EarnRule.multiplier("1/4", id="b")]
        shop = Shop(storage, evolve(PROGRAM, earn_rules=rules))

        award = shop.ledger.quote(self.BOUGHT)

        assert award.points == 0
        assert [outcome.reason for outcome in award.outcomes] == [
            "rounds_to_nothing",
            "nothing_to_multiply",
            "nothing_to_multiply",
        ]

    def test_lines_sum_to_the_order(self, storage: Storage) -> None:
        """
        10 points on three equal lines are 4, 3 and 3: largest remainder, ties to the first (R-17).
        """
        rule = EarnRule.per_amount(10, per=gbp("30.00"))
        shop = Shop(storage, evolve(PROGRAM, earn_rules=[rule]))

        award = shop.ledger.quote(order("o-1", *(line(name, "10.00") for name in "abc")))

        assert award.lines == {"a": 4, "b": 3, "c": 3}


class TestMostSpecific:
    """
    The four levels from money to points: a group of which the most narrowly named rule counts (S1.29, R-17, R-23).
    """

    LEVELS = (
        EarnRule.per_amount(10, per=gbp("2.00"), id="all", group="rate"),
        EarnRule.per_amount(20, per=gbp("2.00"), id="site", group="rate", channels=["de"]),
        EarnRule.per_amount(30, per=gbp("2.00"), id="group", group="rate", customer_groups=["vip"]),
        EarnRule.per_amount(40, per=gbp("2.00"), id="both", group="rate", channels=["de"], customer_groups=["vip"]),
    )
    GROUPS: ClassVar[dict[str, str]] = {"rate": "most_specific"}

    @pytest.mark.parametrize(
        ("channel", "customer_group", "earned"),
        [
            # 7.00 are three whole groups of 2.00 (S1.30).
            ("de", "vip", 120),
            ("us", "vip", 90),
            ("de", "all", 60),
            ("us", "all", 30),
            (None, None, 30),
        ],
    )
    def test_four_levels(self, storage: Storage, channel: str | None, customer_group: str | None, earned: int) -> None:
        """
        Website and group, then the group, then the website, then neither, however they are declared (S1.29).
        """
        for n, rules in enumerate(permutations(self.LEVELS)):
            bought = order(f"o-{n}", line("mug", "7.00"), channel=channel, customer_group=customer_group)
            assert points(storage, list(rules), bought, groups=self.GROUPS) == earned

    def test_even_where_it_gives_nothing(self, storage: Storage) -> None:
        """
        The narrowest rule that applies counts although a wider one would give something; where a rule does not apply
        at all, the next one counts (R-17, S1.29).
        """
        rules = [self.LEVELS[0], evolve(self.LEVELS[3], per=gbp("50.00"))]
        shop = Shop(storage, evolve(PROGRAM, earn_rules=rules, groups=self.GROUPS))
        ours = order("o-1", line("mug", "7.00"), channel="de", customer_group="vip")
        reasons = {outcome.rule: outcome.reason for outcome in shop.ledger.quote(ours).outcomes}
        assert reasons == {"all": "beaten_in_group", "both": "below_one_group"}
        assert shop.ledger.process(ours).points == 0

        ended = [self.LEVELS[0], evolve(self.LEVELS[3], valid_until=instant("2024-03-01"))]
        assert points(storage, ended, evolve(ours, id="o-2"), groups=self.GROUPS) == 30

    def test_priority_then_declaration(self, storage: Storage) -> None:
        """
        Of rules that are named alike, the lower priority counts, and then the one declared first (R-17).
        """
        bought = order("o-1", line("mug", "7.00"))
        first, second = self.LEVELS[0], evolve(self.LEVELS[0], id="again", points=99)

        assert points(storage, [first, second], bought, groups=self.GROUPS) == 30
        assert points(storage, [second, first], evolve(bought, id="o-2"), groups=self.GROUPS) == 297
        urgent = evolve(first, priority=-1)
        assert points(storage, [second, urgent], evolve(bought, id="o-3"), groups=self.GROUPS) == 30

    def test_multipliers_act_on_the_one_that_counts(self, storage: Storage) -> None:
        """
        A multiplier doubles what the narrowest rule gives, and says that it acted (R-17).
        """
        rules = [*self.LEVELS, EarnRule.multiplier(2, id="double")]
        bought = order("o-1", line("mug", "7.00"), channel="de")

        assert points(storage, rules, bought, groups=self.GROUPS) == 120


class TestVerified:
    """
    Rules for holders who are verified (S2.2).
    """

    MUG = order("o-1", line("mug", "20.00"))
    RULES = (PER_POUND, EarnRule.per_order(7, verified=True), EarnRule.multiplier(2, id="double", verified=True))

    def test_only_the_verified(self, storage: Storage) -> None:
        """
        Of two holders who buy the same, the verified one earns by these rules; the quote says why not (S2.2, R-21).
        """
        shop = Shop(storage, evolve(PROGRAM, earn_rules=self.RULES))
        shop.ledger.set_profile("bo", verified=True)

        quote = shop.ledger.quote(self.MUG)
        assert quote.points == 20
        assert [outcome.reason for outcome in quote.outcomes] == [None, "not_verified", "not_verified"]
        assert shop.ledger.quote(evolve(self.MUG, account="bo")).points == 2 * 20 + 7
        assert shop.ledger.process(self.MUG).points == 20
        assert shop.ledger.process(evolve(self.MUG, account="bo")).points == 47

    @pytest.mark.parametrize(("verified", "earned"), [("2024-03-01 12:00", 27), ("2024-03-01 12:01", 20)])
    def test_at_the_instant_of_earning(self, storage: Storage, verified: str, earned: int) -> None:
        """
        Verified at the very instant is in time, a minute later is not (S2.2).
        """
        shop = Shop(storage, evolve(PROGRAM, earn_rules=self.RULES[:2]))
        shop.on("2024-03-02").set_profile(ANN, verified=True, occurred_at=instant(verified))

        assert shop.ledger.process(self.MUG, occurred_at=instant("2024-03-01 12:00")).points == earned


class TestTiming:
    """
    Which fact turns into points, and when (R-13, R-14).
    """

    MUG = order("o-1", line("mug", "20.00"))

    def test_on_save_also_by_processing(self, storage: Storage) -> None:
        """
        An order that was never reported as saved earns when it is processed (R-13).
        """
        assert points(storage, [PER_POUND], self.MUG, timing="on_save") == 20

    def test_processing_overrules_saving(self, storage: Storage) -> None:
        """
        The processed document counts from then on, and the difference is booked, up or down (R-13, R-14).
        """
        shop = Shop(storage, evolve(PROGRAM, timing="on_save"))
        shop.ledger.place(self.MUG)
        shop.ledger.place(evolve(self.MUG, id="o-2"))

        more = shop.ledger.process(order("o-1", line("mug", "22.00")))
        less = shop.ledger.process(order("o-2", line("mug", "17.00")))

        assert (taken(more), taken(less)) == (["earned +2"], ["reversed -3"])

    def test_saving_that_arrives_late(self, storage: Storage) -> None:
        """
        A document that is saved after it was processed changes nothing (R-13).
        """
        shop = Shop(storage, PROGRAM)
        shop.ledger.process(self.MUG)

        assert taken(shop.ledger.place(order("o-1", line("mug", "99.00")))) == ["noted"]

    @pytest.mark.parametrize("arrival", [("a", "b"), ("b", "a")])
    def test_facts_arrive_in_any_order(self, storage: Storage, arrival: tuple[str, str]) -> None:
        """
        Points count from the business instant at which the payments cover the price, however they arrive (R-13, I-16).
        """
        paid = {
            "a": (Tender("card", gbp("8.00"), id="a"), instant("2024-03-02")),
            "b": (Tender("card", gbp("12.00"), id="b"), instant("2024-03-04")),
        }
        shop = Shop(storage, evolve(PROGRAM, timing="on_full_payment"))
        shop.on("2024-03-01").place(self.MUG)
        shop.on("2024-03-10")
        for name in arrival:
            tender, when = paid[name]
            shop.ledger.pay("o-1", tender, account=ANN, occurred_at=when)

        (lot,) = shop.ledger.lots(ANN)
        assert (lot.points, lot.earned_at, lot.available_at) == (20, instant("2024-03-04"), instant("2024-03-04"))

    def test_payment_before_the_order(self, storage: Storage) -> None:
        """
        A payment and its approval may come before the order is known (R-13).
        """
        shop = Shop(storage, evolve(PROGRAM, timing="on_full_payment"))
        shop.ledger.approve_payment("o-1", "t", account=ANN)
        shop.ledger.pay("o-1", Tender("bank", gbp("20.00"), id="t", approved=False), account=ANN)
        assert shop.balance() == "nothing"

        assert taken(shop.ledger.place(self.MUG)) == ["earned +20"]

    def test_the_price_to_pay(self, storage: Storage) -> None:
        """
        Full payment means lines that are not cancelled, shipping and tax: 20.00 + 3.00 + 2.00 (R-13).
        """
        shop = Shop(storage, evolve(PROGRAM, timing="on_full_payment"))
        shop.ledger.place(
            order("o-1", line("mug", "20.00"), line("pot", "9.00"), shipping=gbp("3.00"), tax=gbp("2.00"))
        )
        shop.ledger.pay("o-1", Tender("card", gbp("24.99"), id="a"), account=ANN)
        assert taken(shop.ledger.cancel_lines("o-1", "c-1", {"pot": 1}, account=ANN)) == ["noted"]

        assert taken(shop.ledger.pay("o-1", Tender("card", gbp("0.01"), id="b"), account=ANN)) == ["earned +20"]

    def test_a_reported_payment_overrules_the_documents(self, storage: Storage) -> None:
        """
        A payment that is reported by itself stands for the document's tender of the same id (R-13).
        """
        shop = Shop(storage, evolve(PROGRAM, timing="on_full_payment"))
        waiting = Tender("card", gbp("20.00"), approved=False)
        assert taken(shop.ledger.place(evolve(self.MUG, tenders=[waiting]))) == ["noted"]

        assert taken(shop.ledger.pay("o-1", Tender("card", gbp("20.00")), account=ANN)) == ["earned +20"]

    def test_invoices_before_the_order(self, storage: Storage) -> None:
        """
        An invoice and a cancellation may come before the order is known (R-13, R-14).
        """
        shop = Shop(storage, evolve(PROGRAM, timing="when_all_lines_invoiced_or_cancelled"))
        shop.ledger.invoice("o-1", "i-1", {"mug": 1}, account=ANN)
        shop.ledger.cancel_lines("o-1", "c-1", {"mug": 1}, account=ANN)
        assert shop.balance() == "nothing"

        assert taken(shop.ledger.place(order("o-1", line("mug", "20.00", 2)))) == ["earned +20"]

    @pytest.mark.parametrize("timing", ["on_full_payment", "when_all_lines_invoiced_or_cancelled"])
    def test_a_late_fact_moves_the_instant_of_earning(self, storage: Storage, timing: str) -> None:
        """
        A fact that is reported late counts when it happened: the points move to the lot of that date (R-13, R-14).
        """
        shop = Shop(storage, evolve(PROGRAM, timing=timing, expiry=ExpiryPolicy.after(days=30)))
        shop.ledger.place(self.MUG)
        if timing == "on_full_payment":
            report = [
                lambda: shop.ledger.pay("o-1", Tender("card", gbp("20.00"), id="a"), account=ANN),
                lambda: shop.ledger.pay(
                    "o-1", Tender("card", gbp("20.00"), id="b"), account=ANN, occurred_at=instant("2024-03-03")
                ),
            ]
        else:
            report = [
                lambda: shop.ledger.invoice("o-1", "i-1", {"mug": 1}, account=ANN),
                lambda: shop.ledger.cancel_lines(
                    "o-1", "c-1", {"mug": 1}, account=ANN, occurred_at=instant("2024-03-03")
                ),
            ]
        shop.on("2024-03-05")
        assert taken(report[0]()) == ["earned +20"]
        moved = taken(report[1]())

        # Paid twice: earned on the 3rd. Cancelled on the 3rd although invoiced: nothing is kept.
        assert moved == (["earned +20", "reversed -20"] if timing == "on_full_payment" else ["reversed -20"])

    def test_an_order_of_long_ago(self, storage: Storage) -> None:
        """
        An order that is reported after its points would have lapsed shows both in one command (R-13, R-36).
        """
        shop = Shop(storage, evolve(PROGRAM, expiry=ExpiryPolicy.after(days=10)))

        receipt = shop.on("2024-03-20").process(self.MUG, occurred_at=instant("2024-03-01"))

        assert taken(receipt) == ["earned +20", "expired -20"]
        assert receipt.points == 20  # what lapsed is time's doing, not the command's
        assert shop.balance() == "nothing"


class TestRedeemingOrders:
    """
    What an order earns on which points are redeemed (R-18).
    """

    MUG = order("o-1", line("mug", "20.00"))

    @pytest.mark.parametrize(("policy", "earned"), [("earn_nothing", 0), ("net_of_points", 15), ("full", 20)])
    @pytest.mark.parametrize("redeem_first", [True, False])
    def test_policies(self, storage: Storage, policy: str, earned: int, redeem_first: bool) -> None:
        """
        50 points pay 5.00 of 20.00: the order earns nothing, 15 or 20, whichever fact comes first (R-18, I-29).
        """
        shop = Shop(storage, evolve(PROGRAM, redeeming_orders=policy))
        shop.ledger.adjust(ANN, 50, **BY_HAND)
        if redeem_first:
            shop.ledger.redeem(ANN, 50, order="o-1")
            shop.ledger.process(self.MUG)
        else:
            shop.ledger.process(self.MUG)
            shop.ledger.redeem(ANN, 50, order="o-1")

        assert shop.ledger.balance(ANN).available == earned

    def test_a_tender_that_repeats_the_redemption(self, storage: Storage) -> None:
        """
        A tender of kind points stands for the redemption and is not taken off a second time (R-15, R-18).
        """
        shop = Shop(storage, evolve(PROGRAM, redeeming_orders="net_of_points"))
        shop.ledger.adjust(ANN, 50, **BY_HAND)
        shop.ledger.redeem(ANN, 50, order="o-1")

        shop.ledger.process(evolve(self.MUG, tenders=[Tender("points", gbp("5.00")), Tender("card", gbp("15.00"))]))

        assert shop.balance() == "15 available"

    def test_without_a_rate_points_pay_no_money(self, storage: Storage) -> None:
        """
        Points that were redeemed without a rate paid no money, so nothing is taken off (R-18).
        """
        shop = Shop(storage, evolve(PROGRAM, redeeming_orders="net_of_points", exchange_rates=[]))
        shop.ledger.adjust(ANN, 50, **BY_HAND)

        assert shop.ledger.redeem(ANN, 50, order="o-1").money is None
        assert shop.ledger.process(self.MUG).points == 20


class TestPending:
    """
    Points that become usable later (R-20).
    """

    MUG = order("o-1", line("mug", "20.00"))

    def test_after_a_period(self, storage: Storage) -> None:
        """
        Points wait to the start of the date, and their expiry starts to run there (R-20).
        """
        shop = Shop(storage, evolve(PROGRAM, pending=PendingPolicy.after(days=14), expiry=ExpiryPolicy.after(days=10)))
        shop.on("2024-03-01 15:00").process(self.MUG)
        assert shop.balance() == "20 pending"

        shop.on("2024-03-14 23:59")
        assert shop.balance() == "20 pending"
        shop.on("2024-03-15")
        assert shop.balance() == "20 available"
        shop.on("2024-03-25 23:59")  # 15 March + 10 days, inclusive
        assert shop.balance() == "20 available"
        shop.on("2024-03-26")
        assert shop.balance() == "nothing"

    @pytest.mark.parametrize(("earned_on", "balance"), [("2024-03-31", "20 pending"), ("2024-04-02", "20 available")])
    def test_on_a_date(self, storage: Storage, earned_on: str, balance: str) -> None:
        """
        Points wait for the date; what is earned later is usable at once (R-20).
        """
        shop = Shop(storage, evolve(PROGRAM, pending=PendingPolicy.on(date(2024, 4, 1))))

        shop.on(earned_on).process(self.MUG)

        assert shop.balance() == balance

    def test_a_fact_of_tomorrow(self, storage: Storage) -> None:
        """
        Points earned tomorrow are pending until tomorrow (R-04).
        """
        shop = Shop(storage, PROGRAM)
        shop.ledger.earn(ANN, 5, occurred_at=instant("2024-03-02"))
        assert shop.balance() == "5 pending"

        shop.on("2024-03-02")
        assert shop.balance() == "5 available"

    def test_a_cancel_while_pending(self, storage: Storage) -> None:
        """
        A cancel while points are pending touches nothing that can be spent (R-20, R-32).
        """
        shop = Shop(storage, evolve(PROGRAM, pending=PendingPolicy.after(days=14)))
        shop.ledger.adjust(ANN, 50, **BY_HAND)
        shop.ledger.process(self.MUG)
        assert shop.balance() == "50 available, 20 pending"

        shop.ledger.cancel("o-1", account=ANN)

        assert shop.balance() == "50 available"
