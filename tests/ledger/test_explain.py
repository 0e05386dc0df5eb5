"""
`explain`: why an entry is as it is: rules with inputs and exact results, reasons of the others, lots (R-10, R-21).
"""

from collections.abc import Callable
from fractions import Fraction
from typing import ClassVar, get_args

import pytest
from attrs import evolve

from pointsledger import EarnCaps, EarnRule, ExchangeRate, ExpiryPolicy, Ledger, Money, Program, Tender, Unit
from pointsledger.domain.award import Reason
from pointsledger.errors import EntryUnknown, InvalidInput
from pointsledger.port import Storage
from tests.scenarios.scenario import ANN, BY_HAND, Shop, gbp, instant, line, order, taken, told

PER_POUND = EarnRule.per_amount(1, per=gbp("1.00"))
PROGRAM = Program(id="shop", earn_rules=[PER_POUND], exchange_rates=[ExchangeRate(10, gbp("1.00"))])
MUG = order("o-1", line("mug", "20.00"))

GIVES_NOTHING: dict[Reason, EarnRule] = {
    "not_started": evolve(PER_POUND, valid_from=instant("2024-03-02")),
    "ended": evolve(PER_POUND, valid_until=instant("2024-03-01")),
    "not_verified": evolve(PER_POUND, verified=True),
    "other_channel": evolve(PER_POUND, channels=["fr"]),
    "other_customer_group": evolve(PER_POUND, customer_groups=["club"]),
    "other_currency": EarnRule.per_amount(1, per=Money("1", "JPY")),
    "no_matching_line": evolve(PER_POUND, products=["pot"]),
    "below_minimum": evolve(PER_POUND, minimum=gbp("20.01")),
    "below_one_group": EarnRule.per_amount(1, per=gbp("20.01")),
    "rounds_to_nothing": EarnRule.per_amount(1, per=gbp("20.01"), proportional=True),
    "nothing_to_multiply": EarnRule.multiplier(2),
}
"""For each reason a rule that gives nothing for a mug at 20.00, sold on 1 March to nobody in particular."""

WHOLE_ORDER: dict[Reason, Callable[[Ledger], object]] = {
    "not_ready": lambda ledger: ledger.place(MUG),
    "order_cancelled": lambda ledger: ledger.cancel("o-1", account=ANN),
    "order_redeems_points": lambda ledger: (ledger.redeem(ANN, 10, order="o-1"), ledger.process(MUG)),
}
"""For each reason what to report of an order that then earns nothing as a whole."""

SWITCHED_OFF: dict[Reason, dict[str, bool]] = {
    "program_inactive": {"active": False},
    "storefront_off": {"storefront": False},
}
"""For each reason the switch that is off."""


class TestWhyNot:
    """
    Every rule that gives nothing says why, with a stable code (R-21).
    """

    @pytest.mark.parametrize("reason", GIVES_NOTHING)
    def test_a_rule(self, storage: Storage, reason: Reason) -> None:
        """
        A rule that gave nothing names its reason, in the value and in words (R-21).
        """
        shop = Shop(storage, evolve(PROGRAM, earn_rules=[GIVES_NOTHING[reason]]))
        shop.ledger.process(MUG)

        explained = shop.ledger.explain(ANN, 1)

        assert explained.award is not None
        (outcome,) = explained.award.outcomes
        assert (outcome.reason, outcome.points) == (reason, 0)
        assert any("gives nothing" in text and f"({reason})" in text for text in explained.sentences)

    def test_a_rule_beaten_in_its_group(self, storage: Storage) -> None:
        """
        A rule that another of its group beat still shows what it would have given (R-17, R-21).
        """
        rules = [evolve(PER_POUND, group="g"), EarnRule.per_unit(5, group="g")]
        shop = Shop(storage, evolve(PROGRAM, earn_rules=rules))
        shop.ledger.process(MUG)

        award = shop.ledger.explain(ANN, 1).award

        assert award is not None
        assert [(outcome.reason, outcome.exact) for outcome in award.outcomes] == [(None, 20), ("beaten_in_group", 5)]

    def test_nothing_was_paid_by_a_tender_that_earns(self, storage: Storage) -> None:
        """
        An order paid by gift card says so, rule by rule (R-15, R-21).
        """
        shop = Shop(storage, PROGRAM)
        shop.ledger.process(evolve(MUG, tenders=[Tender("gift_card", gbp("20.00"))]))

        award = shop.ledger.explain(ANN, 1).award

        assert award is not None
        assert [outcome.reason for outcome in award.outcomes] == ["no_earning_tender"]

    @pytest.mark.parametrize("reason", WHOLE_ORDER)
    def test_a_whole_order(self, storage: Storage, reason: Reason) -> None:
        """
        An order that earns nothing as a whole says why, and no rule is looked at (R-21).
        """
        shop = Shop(storage, PROGRAM)
        shop.ledger.adjust(ANN, 10, **BY_HAND)
        WHOLE_ORDER[reason](shop.ledger)

        explained = shop.ledger.explain(ANN, shop.ledger.balance(ANN).version)

        assert explained.award is not None
        assert (explained.award.reason, explained.award.points, explained.award.outcomes) == (reason, 0, ())
        assert any(text.startswith("The order earns nothing") and f"({reason})" in text for text in explained.sentences)

    @pytest.mark.parametrize("reason", SWITCHED_OFF)
    def test_the_program_was_off(self, storage: Storage, reason: Reason) -> None:
        """
        An order that came while the program was off says so, also when it is on again (R-31, R-43).
        """
        shop = Shop(storage, evolve(PROGRAM, **SWITCHED_OFF[reason]))
        shop.ledger.process(MUG)
        shop.under(PROGRAM)

        award = shop.ledger.explain(ANN, 1).award

        assert award is not None
        assert award.reason == reason

    def test_every_code_is_shown_here(self) -> None:
        """
        The tests above show every reason that there is (R-21).
        """
        shown = {*GIVES_NOTHING, *WHOLE_ORDER, *SWITCHED_OFF, *TestActs.ACTS, "beaten_in_group", "no_earning_tender"}

        assert shown == set(get_args(Reason))


class TestRules:
    """
    The rules that fired, with their inputs (R-21).
    """

    def test_inputs_and_the_exact_fraction(self, storage: Storage) -> None:
        """
        Money, units, factors and the exact result before the one rounding are there (R-03, R-21).
        """
        rules = [
            EarnRule.per_amount(1, per=gbp("3.00"), proportional=True, id="share"),
            EarnRule.per_unit(4, id="units"),
            EarnRule.per_order(9, id="order"),
            EarnRule.multiplier("1.5", id="sale", products=["mug"], multiplies=["share"]),
        ]
        shop = Shop(storage, evolve(PROGRAM, earn_rules=rules))
        shop.ledger.process(order("o-1", line("mug", "10.00", 2), line("pot", "5.00")))

        award = shop.ledger.explain(ANN, 1).award

        assert award is not None
        share, units, whole, sale = award.outcomes
        # 25.00 / 3.00 = 25/3; the mugs' 20/3 count 1.5 times: 10 + 5/3 = 35/3, which floors to 11.
        assert (share.basis_micros, share.exact, share.points) == (25_000_000, Fraction(35, 3), 11)
        assert share.factors == {"mug": Fraction(3, 2)}
        assert (units.units, units.exact, units.points) == (3, 12, 12)
        assert (whole.basis_micros, whole.units, whole.points) == (None, None, 9)
        assert (sale.reason, sale.points, sale.factors) == (None, 0, {"mug": Fraction(3, 2)})
        assert award.points == 11 + 12 + 9
        assert sum(award.lines.values()) == award.points

    def test_recorded_rules_not_todays(self, storage: Storage) -> None:
        """
        An entry is explained by the rules and the facts of its time (R-31, I-8).
        """
        shop = Shop(storage, PROGRAM)
        shop.ledger.process(order("o-1", line("mug", "10.00", 2)))
        shop.under(evolve(PROGRAM, earn_rules=[EarnRule.per_order(99)]))
        shop.ledger.cancel_lines("o-1", "c-1", {"mug": 1}, account=ANN)

        then, now = (shop.ledger.explain(ANN, sequence).award for sequence in (1, 2))

        assert then is not None
        assert now is not None
        assert (then.points, now.points) == (20, 10)

    def test_every_entry_of_a_command(self, storage: Storage) -> None:
        """
        All entries of one command are explained by the same award (R-10).
        """
        rules = [PER_POUND, EarnRule.per_unit(5, expiry=ExpiryPolicy.after(days=3))]
        shop = Shop(storage, evolve(PROGRAM, earn_rules=rules))
        shop.ledger.process(MUG)

        first, second = shop.ledger.explain(ANN, 1), shop.ledger.explain(ANN, 2)

        assert (first.entry.points, second.entry.points) == (5, 20)
        assert first.award == second.award
        assert first.order == second.order == MUG


class TestLots:
    """
    The lots that an entry touched, and what dealt with it later (R-08, R-10).
    """

    def test_a_credit(self, storage: Storage) -> None:
        """
        A credit shows the lot that it opened, as it is now, and the reversals that came later (R-08).
        """
        shop = Shop(storage, PROGRAM)
        shop.ledger.earn(ANN, 30)
        shop.ledger.reverse(ANN, 1, 10, **BY_HAND)

        explained = shop.ledger.explain(ANN, 1)

        ((lot, points),) = [(part.lot, part.points) for part in explained.lots]
        assert (lot.id, lot.points, lot.remaining, points) == (1, 30, 20, 30)
        assert taken(explained.reversals) == ["reversed -10"]
        assert (explained.award, explained.order) == (None, None)

    def test_a_debit(self, storage: Storage) -> None:
        """
        A debit shows each lot that it drew on and how much, in the order in which it drew (R-08, R-09).
        """
        shop = Shop(storage, PROGRAM)
        shop.ledger.adjust(ANN, 20, **BY_HAND)
        shop.ledger.adjust(ANN, 20, expires_at=instant("2024-05-01"), **BY_HAND)
        shop.ledger.redeem(ANN, 30)

        explained = shop.ledger.explain(ANN, 3)

        assert [(part.lot.id, part.points, part.lot.remaining) for part in explained.lots] == [(2, 20, 0), (1, 10, 10)]

    def test_no_such_entry(self, storage: Storage) -> None:
        """
        An entry that is not there is refused, and so is a number that cannot be one (R-47).
        """
        shop = Shop(storage, PROGRAM)

        with pytest.raises(EntryUnknown) as refused:
            shop.ledger.explain(ANN, 1)
        assert told(refused.value) == {"account": ANN, "sequence": 1}
        with pytest.raises(InvalidInput):
            shop.ledger.explain(ANN, 0)


class TestInWords:
    """
    The explanation in sentences (R-10).
    """

    def test_an_award(self, storage: Storage) -> None:
        """
        An earned entry reads from what was asked to the lot it opened (R-10, R-21).
        """
        rules = [
            PER_POUND,
            EarnRule.per_unit(4, products=["mug"]),
            EarnRule.per_order(9, channels=["fr"]),
            EarnRule.multiplier(2, products=["mug"], multiplies=["per_amount"]),
        ]
        shop = Shop(storage, evolve(PROGRAM, earn_rules=rules))
        shop.on("2024-03-01 09:30").process(order("o-1", line("mug", "10.00", 2), line("pot", "5.50")), actor="till-3")

        assert shop.ledger.explain(ANN, 1).sentences == (
            "Entry 1 is earned: +52 points, 52 in lots after it.",
            "It happened at 2024-03-01 09:30:00 UTC and was recorded at 2024-03-01 09:30:00 UTC.",
            "The command was process for order o-1, by till-3.",
            "The order as it stood then earns 52 points in all.",
            # 25 whole pounds of 25.50; the mugs' part, 25 x 20/25.5 = 1000/51, counts twice: 2275/51, which is 44.6.
            "Rule per_amount gives 44 points on 25.50 GBP, multiplied by 2; exactly 44 31/51.",
            "Rule per_unit gives 8 points for 2 units; exactly 8.",
            "Rule per_order gives nothing: it came by another channel (other_channel).",
            "Rule multiplier multiplies by 2.",
            # 44 points by weights 2000/51 and 275/51: 38.68 and 5.32 round to 39 and 5; the mugs have 8 more.
            "Line mug has 47 of them.",
            "Line pot has 5 of them.",
            "Lot 1: 52 points; it has no date of expiry and has 52 left.",
        )

    def test_a_redemption(self, storage: Storage) -> None:
        """
        A redeemed entry says what the points paid and at which rate (R-24, R-26).
        """
        shop = Shop(storage, PROGRAM)
        shop.ledger.adjust(ANN, 40, expires_at=instant("2024-05-01"), **BY_HAND)
        shop.ledger.redeem(ANN, 30, reason="thank you")

        assert shop.ledger.explain(ANN, 2).sentences == (
            "Entry 2 is redeemed: -30 points, 10 in lots after it.",
            "It happened at 2024-03-01 00:00:00 UTC and was recorded at 2024-03-01 00:00:00 UTC.",
            "The command was redeem.",
            "The reason given was: thank you",
            "They paid 3.00 GBP at 10 points for 1.00 GBP.",
            "Lot 1: 30 points; it can be used until 2024-05-01 00:00 UTC and has 10 left.",
        )

    def test_a_reversal_with_a_shortfall(self, storage: Storage) -> None:
        """
        A reversal says what it deals with, what is owed and what was written off; the reversed entry points to it
        (R-32).
        """
        shop = Shop(storage, evolve(PROGRAM, shortfall="clamp"))
        shop.ledger.earn(ANN, 30)
        shop.ledger.redeem(ANN, 20)
        shop.ledger.reverse(ANN, 1, **BY_HAND)

        texts = shop.ledger.explain(ANN, 3).sentences
        assert "It deals with 30 points of entry 1." in texts
        assert "20 of them were spent: 0 are owed, 20 written off." in texts
        assert "Entry 3 (reversed) dealt with 30 points of it later." in shop.ledger.explain(ANN, 1).sentences

    def test_the_merchants_unit(self, storage: Storage) -> None:
        """
        An explanation calls points what the merchant calls them (R-43).
        """
        shop = Shop(storage, evolve(PROGRAM, unit=Unit(singular="bean", plural="beans")))
        shop.ledger.earn(ANN, 1)

        texts = shop.ledger.explain(ANN, 1).sentences
        assert texts[0] == "Entry 1 is earned: +1 bean, 1 in lots after it."
        assert texts[-1] == "Lot 1: 1 bean; it has no date of expiry and has 1 left."

    def test_debt(self, storage: Storage) -> None:
        """
        Repaid and forgiven debt is said in points (R-33).
        """
        shop = Shop(storage, PROGRAM)
        shop.ledger.adjust(ANN, -20, allow_debt=True, **BY_HAND)
        shop.ledger.forgive(ANN, 5, **BY_HAND)
        shop.ledger.earn(ANN, 8)

        assert "The debt fell by 5 points." in shop.ledger.explain(ANN, 2).sentences
        assert "The debt fell by 8 points." in shop.ledger.explain(ANN, 4).sentences


class TestActs:
    """
    What an act gave and why not more (R-16, R-21).
    """

    ACTS: ClassVar[dict[Reason, EarnRule]] = {
        "no_amount": EarnRule.per_action(5, action="visit", per=gbp("1.00")),
        "not_first_of_invitee": EarnRule.per_action(5, action="visit", of_invitee="first"),
        "limit_reached": EarnRule.per_action(5, action="visit", limit=1),
    }

    @pytest.mark.parametrize("reason", ACTS)
    def test_an_act_that_gives_nothing(self, storage: Storage, reason: Reason) -> None:
        """
        The rules say why, in the value and in words.
        """
        shop = Shop(storage, evolve(PROGRAM, earn_rules=[self.ACTS[reason]]))
        for n in ("1", "2"):
            shop.ledger.act(ANN, "visit", subject=n, invitee="bo")
        explained = shop.ledger.explain(ANN, 2)
        assert [(o.reason, o.points) for o in explained.outcomes] == [(reason, 0)]
        assert any("gives nothing" in text and f"({reason})" in text for text in explained.sentences)

    def test_an_act_that_is_rewarded(self, storage: Storage) -> None:
        """
        5 points for every 2.00 of 7.00 are 15.
        """
        rule = EarnRule.per_action(5, action="visit", per=gbp("2.00"))
        shop = Shop(storage, evolve(PROGRAM, earn_rules=[rule]))
        shop.ledger.act(ANN, "visit", amount=gbp("7.00"))
        assert "Rule visit gives 15 points on 7.00 GBP; exactly 15." in shop.ledger.explain(ANN, 1).sentences


@pytest.mark.parametrize(
    ("story", "sentence"),
    [
        (
            lambda led: led.hold(ANN, 10, order="o", until=instant("2024-03-02")),
            "They are set aside until 2024-03-02 00:00:00 UTC.",
        ),
        (lambda led: led.hold(ANN, 10, order="o", until=instant("2024-03-02")), "They are to pay 1.00 GBP at"),
        (lambda led: led.adjust(ANN, 900, **BY_HAND), "It waits for a second actor to approve 900 points."),
        (lambda led: led.earn(ANN, 999), "A cap cut off 599 points."),
        (lambda led: led.extend(ANN, 1, None, **BY_HAND), "The lots can be used without a date of expiry from now on."),
        (
            lambda led: led.extend(ANN, 1, instant("2024-09-01"), **BY_HAND),
            "The lots can be used until 2024-09-01 00:00 UTC from now on.",
        ),
        (
            lambda led: led.set_profile(ANN, holder="person", expiry_warnings=True),
            "It says: holder person, expiry_warnings True.",
        ),
        (
            lambda led: led.process(order("o-1", line("mug", "700.00"))),
            "The cap on an order allows 350 of the 700 points that the rules give (order_cap).",
        ),
        (lambda led: led.process(order("o-1", line("mug", "350.00"))), "The order as it stood then earns 350 points"),
    ],
)  # fmt: skip
def test_what_an_entry_keeps_besides(storage: Storage, story, sentence: str) -> None:
    """
    Deadlines, approvals, cuts, dates and profiles are said (R-10).
    """
    program = Program(
        id="shop",
        earn_rules=[PER_POUND],
        exchange_rates=[ExchangeRate(10, gbp("1.00"))],
        expiry=ExpiryPolicy.after(months=1),
        approval_above=500,
        caps=EarnCaps(balance=500, per_order=350),
    )
    shop = Shop(storage, program)
    shop.ledger.adjust(ANN, 100, **BY_HAND)
    story(shop.ledger)
    assert any(text.startswith(sentence) for text in shop.ledger.explain(ANN, 2).sentences)


def test_what_a_cap_had_cut_off_goes_first(storage: Storage) -> None:
    """
    A reversal says how much of it had been cut off (R-19).
    """
    shop = Shop(storage, Program(id="shop", earn_rules=[PER_POUND], caps=EarnCaps(balance=60)))
    shop.ledger.process(order("o-1", line("mug", "100.00")))
    shop.ledger.cancel("o-1", account=ANN)
    assert "40 points of what is taken back had been cut off by a cap." in shop.ledger.explain(ANN, 2).sentences
