"""
The policy check: what in a program cannot work, or gives more away than it takes.
"""

from datetime import UTC, date, datetime

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsledger import (
    EarnCaps,
    EarnRule,
    ExchangeRate,
    ExpiryPolicy,
    Ledger,
    Money,
    NoticePolicy,
    Order,
    OrderLine,
    PendingPolicy,
    Program,
    RedemptionLimits,
    RestorePolicy,
)
from pointsledger.reports.policy import SEVERITIES, check_policy
from pointsledger.storage.memory import MemoryStorage
from pointsledger.testing.stories import translation
from pointsledger.testing.stories.shapes import programs


def eur(amount: str) -> Money:
    """
    Return euros.
    """
    return Money(amount, "EUR")


RULE = EarnRule.per_amount(1, per=eur("1.00"))
RATE = ExchangeRate(10, eur("0.50"))
SOUND = Program(id="shop", earn_rules=[RULE], exchange_rates=[RATE], expiry=ExpiryPolicy.after(months=12))
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def with_rules(*rules: EarnRule, **terms) -> Program:
    """
    Return the sound program with these rules.
    """
    return evolve(SOUND, earn_rules=rules, **terms)


DOUBLE = EarnRule.multiplier(2)
HALF = EarnRule.multiplier("1/2", id="half")
TEA = EarnRule.multiplier(2, id="tea", categories=["tea"])
GIFTS = EarnRule.multiplier(2, id="gifts", categories=["gifts"])
REFERRAL = EarnRule.per_action(1, action="referral", per=eur("1.00"))
EURO = eur("1.00")
PENDING = PendingPolicy.after(days=14)
TEN_DAYS = ExpiryPolicy.after(days=10)
TO_MONTHS_END = ExpiryPolicy.after(rounded_to="month")
NEXT_YEAR = ExpiryPolicy.on(date(2027, 1, 1))
SUMMER = ExpiryPolicy.on(date(2026, 6, 30))
WEEK_OR_SUMMER = ExpiryPolicy.earlier_of(ExpiryPolicy.after(days=7), ExpiryPolicy.on(date(2026, 1, 6)))
REDEEMED = ExpiryPolicy.inactivity(days=9, resets=["redeem"])
CASES = {
    "earns_more_than_it_costs": [
        (
            evolve(SOUND, exchange_rates=[ExchangeRate(1, eur("1.00"))]),
            evolve(SOUND, exchange_rates=[ExchangeRate(1, eur("0.99"))]),
        ),
        # 5 % doubled and trebled is 5 % x (2 + 3 - 1); 25 % is not enough, 26 % is.
        (
            with_rules(evolve(RULE, points=5), DOUBLE, evolve(DOUBLE, id="m3", factor=3)),
            with_rules(evolve(RULE, points=4), DOUBLE, evolve(DOUBLE, id="m3", factor=3)),
        ),
        (
            with_rules(evolve(RULE, points=4), DOUBLE, evolve(DOUBLE, id="m3", factor=3), multipliers="multiply"),
            with_rules(evolve(RULE, points=6), DOUBLE, evolve(DOUBLE, id="m3", factor=3), multipliers="max"),
        ),
        (
            with_rules(evolve(RULE, points=10), evolve(RULE, id="b", points=10)),
            with_rules(evolve(RULE, points=19, group="g"), evolve(RULE, id="b", points=10, group="g")),
        ),
    ],
    "earns_more_until_cap": [
        (
            evolve(SOUND, exchange_rates=[ExchangeRate(1, eur("1.00"))], caps=EarnCaps(per_period={"month": 50})),
            evolve(SOUND, exchange_rates=[ExchangeRate(1, eur("1.00"))]),
        ),
        (
            evolve(SOUND, exchange_rates=[ExchangeRate(1, eur("1.00"))], caps=EarnCaps(per_period={"day": 1})),
            evolve(SOUND, exchange_rates=[ExchangeRate(1, eur("0.99"))], caps=EarnCaps(per_period={"day": 1})),
        ),
    ],
    "categories_add_up": [
        # 20 % x (3 + 3 - 1) is 100 %, 20 % x 3 is not.
        (
            with_rules(evolve(RULE, points=4), evolve(TEA, factor=3), evolve(GIFTS, factor=3)),
            with_rules(evolve(RULE, points=4), evolve(TEA, factor=3), evolve(TEA, id="again", factor=2)),
        ),
        (
            with_rules(evolve(RULE, points=4), evolve(TEA, factor=3), evolve(GIFTS, factor=3)),
            with_rules(evolve(RULE, points=4), evolve(TEA, factor=3), evolve(GIFTS, factor=3), multipliers="max"),
        ),
    ],
    "gift_worth_its_minimum": [
        # 10.00 at 5 % are 0.50, and 190 points are 9.50.
        (
            with_rules(RULE, EarnRule.per_order(190, minimum=eur("10.00"))),
            with_rules(RULE, EarnRule.per_order(189, minimum=eur("10.00"))),
        ),
        (
            with_rules(EarnRule.per_order(200, minimum=eur("10.00"))),
            with_rules(EarnRule.per_order(200, minimum=eur("10.00"), products=["car"])),
        ),
        (
            with_rules(EarnRule.per_order(200, minimum=eur("10.00")), caps=EarnCaps(per_order=200)),
            with_rules(EarnRule.per_order(200, minimum=eur("10.00")), caps=EarnCaps(per_order=199)),
        ),
    ],
    "rounding_pays": [
        # A point is worth 0.05: 0.05 earns it where every part counts, and 0.50 where half a point does.
        (
            with_rules(evolve(RULE, proportional=True, rounding="ceil")),
            with_rules(evolve(RULE, proportional=True, rounding="half_up")),
        ),
        # At 0.50 a point, half of 1.00 earns what it costs.
        (
            with_rules(evolve(RULE, proportional=True, rounding="half_up"), exchange_rates=[ExchangeRate(2, EURO)]),
            with_rules(evolve(RULE, proportional=True, rounding="half_even"), exchange_rates=[ExchangeRate(2, EURO)]),
        ),
        # Just above half of 1.00 is 0.51.
        (
            with_rules(
                evolve(RULE, proportional=True, rounding="half_even"), exchange_rates=[ExchangeRate(1, eur("0.51"))]
            ),
            with_rules(
                evolve(RULE, proportional=True, rounding="half_even"), exchange_rates=[ExchangeRate(1, eur("0.50"))]
            ),
        ),
    ],
    "act_gives_its_amount": [
        (with_rules(RULE, evolve(REFERRAL, points=20)), with_rules(RULE, evolve(REFERRAL, points=19))),
        (with_rules(RULE, evolve(REFERRAL, points=20)), with_rules(RULE, evolve(REFERRAL, points=20, limit=1))),
        (
            with_rules(
                evolve(REFERRAL, points=20, customer_groups=["a", "vip"]),
                exchange_rates=[evolve(RATE, customer_groups=["vip"])],
            ),
            with_rules(
                evolve(REFERRAL, points=20, customer_groups=["a", "b"]),
                exchange_rates=[evolve(RATE, customer_groups=["vip"])],
            ),
        ),
    ],
    "spent_points_are_kept": [
        (evolve(SOUND, shortfall="clamp"), evolve(SOUND, shortfall="debt")),
        (evolve(SOUND, shortfall="clamp"), evolve(SOUND, shortfall="clamp", pending=PendingPolicy.after(days=14))),
        (
            with_rules(evolve(RULE, pending=PendingPolicy.at_once()), shortfall="clamp", pending=PENDING),
            with_rules(EarnRule.per_action(5, action="visit"), shortfall="clamp"),
        ),
    ],
    "cancelling_renews": [
        (evolve(SOUND, restore=RestorePolicy(lapsed="fresh")), evolve(SOUND, restore=RestorePolicy(lapsed="expire"))),
        (
            evolve(SOUND, restore=RestorePolicy(lapsed="fresh")),
            evolve(SOUND, expiry=ExpiryPolicy.never(), restore=RestorePolicy(lapsed="fresh")),
        ),
        (
            with_rules(
                evolve(RULE, expiry=TEN_DAYS), expiry=ExpiryPolicy.never(), restore=RestorePolicy(lapsed="fresh")
            ),
            with_rules(
                evolve(RULE, expiry=TEN_DAYS),
                expiry=ExpiryPolicy.on(date(2026, 1, 1)),
                restore=RestorePolicy(lapsed="fresh"),
            ),
        ),
        # The longest life of 10 days is 11 days with the day on which points came.
        (
            evolve(SOUND, expiry=TEN_DAYS, restore=RestorePolicy(lapsed="grace", grace_days=12)),
            evolve(SOUND, expiry=TEN_DAYS, restore=RestorePolicy(lapsed="grace", grace_days=11)),
        ),
    ],
    "return_can_be_refused": [
        (evolve(SOUND, shortfall="refuse", returns="automatic"), evolve(SOUND, shortfall="refuse", returns="manual")),
        (evolve(SOUND, shortfall="refuse", returns="take_back"), evolve(SOUND, shortfall="debt", returns="take_back")),
        (
            evolve(SOUND, shortfall="refuse", returns="automatic"),
            with_rules(EarnRule.per_action(5, action="visit"), shortfall="refuse", returns="automatic"),
        ),
    ],
    "paid_with_points_earns_again": [
        (evolve(SOUND, redeeming_orders="full"), evolve(SOUND, redeeming_orders="net_of_points")),
        (
            with_rules(EarnRule.per_unit(5), redeeming_orders="full"),
            with_rules(EarnRule.per_action(5, action="visit"), redeeming_orders="full"),
        ),
        (
            evolve(SOUND, redeeming_orders="full"),
            with_rules(EarnRule.per_amount(1, per=Money("1.00", "USD")), redeeming_orders="full"),
        ),
    ],
    "threshold_above_cap": [
        (
            evolve(SOUND, limits=RedemptionLimits(threshold=101), caps=EarnCaps(balance=100)),
            evolve(SOUND, limits=RedemptionLimits(threshold=100), caps=EarnCaps(balance=100)),
        ),
    ],
    "minimum_above_cap": [
        (
            evolve(SOUND, limits=RedemptionLimits(points_min=101), caps=EarnCaps(balance=100)),
            evolve(SOUND, limits=RedemptionLimits(points_min=100), caps=EarnCaps(balance=100)),
        ),
    ],
    "limit_below_one_group": [
        (
            evolve(SOUND, limits=RedemptionLimits(money_max=eur("0.49"))),
            evolve(SOUND, limits=RedemptionLimits(money_max=eur("0.49"), exact_payoff=True)),
        ),
        (evolve(SOUND, caps=EarnCaps(balance=9)), evolve(SOUND, caps=EarnCaps(balance=10))),
        (
            evolve(SOUND, limits=RedemptionLimits(money_max=eur("0.10"))),
            evolve(SOUND, limits=RedemptionLimits(money_max=Money("0.10", "USD"))),
        ),
    ],
    "step_not_reachable": [
        (
            evolve(SOUND, limits=RedemptionLimits(step=15, points_max=29)),  # multiples of 30
            evolve(SOUND, limits=RedemptionLimits(step=15, points_max=30)),
        ),
        (
            evolve(SOUND, limits=RedemptionLimits(points_min=11, points_max=19)),  # multiples of 10, at least 11
            evolve(SOUND, limits=RedemptionLimits(points_min=11, points_max=20)),
        ),
        (
            evolve(SOUND, limits=RedemptionLimits(points_min=30, money_max=eur("1.00"), exact_payoff=True)),
            evolve(SOUND, limits=RedemptionLimits(points_min=20, money_max=eur("1.00"), exact_payoff=True)),
        ),
    ],
    "lapses_before_usable": [
        (
            evolve(SOUND, pending=PendingPolicy.on(date(2026, 7, 1)), expiry=ExpiryPolicy.on(date(2026, 6, 30))),
            evolve(SOUND, pending=PendingPolicy.on(date(2026, 6, 30)), expiry=ExpiryPolicy.on(date(2026, 6, 30))),
        ),
        (
            with_rules(
                evolve(RULE, pending=PendingPolicy.on(date(2026, 7, 1)), expiry=ExpiryPolicy.on(date(2026, 1, 1)))
            ),
            with_rules(evolve(RULE, pending=PendingPolicy.on(date(2026, 7, 1)))),
        ),
        # A campaign that begins when the date has passed, and one that begins in its last hour.
        (
            with_rules(evolve(RULE, valid_from=NEW_YEAR), expiry=ExpiryPolicy.on(date(2025, 12, 31))),
            with_rules(evolve(RULE, valid_from=NEW_YEAR), expiry=ExpiryPolicy.on(date(2026, 1, 1))),
        ),
        (
            with_rules(evolve(RULE, valid_from=NEW_YEAR), pending=PendingPolicy.after(days=8), expiry=WEEK_OR_SUMMER),
            with_rules(evolve(RULE, valid_from=NEW_YEAR), pending=PendingPolicy.until_event(), expiry=WEEK_OR_SUMMER),
        ),
    ],
    "pending_longer_than_expiry": [
        # Whole weeks of waiting, and a life to the end of the month: too short on every day, or on most only.
        (
            evolve(SOUND, pending=PendingPolicy.after(days=32), expiry=TO_MONTHS_END),
            evolve(SOUND, pending=PendingPolicy.after(days=28), expiry=TO_MONTHS_END),
        ),
        (
            evolve(SOUND, pending=PendingPolicy.after(days=30), expiry=ExpiryPolicy.earlier_of(TEN_DAYS, NEXT_YEAR)),
            evolve(SOUND, pending=PendingPolicy.after(days=30), expiry=NEXT_YEAR),
        ),
        (
            evolve(SOUND, pending=PendingPolicy.after(days=60), expiry=ExpiryPolicy.after(days=30)),
            evolve(SOUND, pending=PendingPolicy.after(days=30), expiry=ExpiryPolicy.after(days=30)),
        ),
        (
            with_rules(evolve(RULE, expiry=ExpiryPolicy.after(days=7)), pending=PendingPolicy.after(days=14)),
            with_rules(evolve(RULE, expiry=ExpiryPolicy.never()), pending=PendingPolicy.after(days=14)),
        ),
    ],
    "rates_overlap": [
        (
            evolve(SOUND, exchange_rates=[RATE, evolve(RATE, points=20)]),
            evolve(SOUND, exchange_rates=[RATE, evolve(RATE, points=20, channels=["web"])]),
        ),
        (
            evolve(SOUND, exchange_rates=[evolve(RATE, channels=["a", "b"]), evolve(RATE, channels=["b"])]),
            evolve(SOUND, exchange_rates=[evolve(RATE, channels=["a"]), evolve(RATE, channels=["b"])]),
        ),
        (
            evolve(
                SOUND,
                exchange_rates=[evolve(RATE, valid_from=NEW_YEAR), evolve(RATE, valid_until=NEW_YEAR.replace(month=2))],
            ),
            evolve(SOUND, exchange_rates=[evolve(RATE, valid_from=NEW_YEAR), evolve(RATE, valid_until=NEW_YEAR)]),
        ),
    ],
    "rule_never_fires": [
        (
            with_rules(RULE, evolve(DOUBLE, multiplies=["visit"]), EarnRule.per_action(5, action="visit")),
            with_rules(RULE, DOUBLE),
        ),
        (
            with_rules(EarnRule.per_order(5), DOUBLE),
            with_rules(EarnRule.per_order(5), evolve(DOUBLE, multiplies=["per_order"])),
        ),
        # Multipliers that meet no rule: another window, channel, group, product, currency.
        *(
            (
                with_rules(evolve(RULE, **here), evolve(DOUBLE, **elsewhere)),
                with_rules(RULE, evolve(DOUBLE, **elsewhere)),
            )
            for here, elsewhere in (
                ({"valid_until": NEW_YEAR}, {"valid_from": NEW_YEAR}),
                ({"valid_from": NEW_YEAR}, {"valid_until": NEW_YEAR}),
                ({"channels": ["web"]}, {"channels": ["app", "till"]}),
                ({"customer_groups": ["a"]}, {"customer_groups": ["b"]}),
                ({"products": ["tea"]}, {"products": ["mug"]}),
                ({"per": Money("1.00", "USD")}, {"minimum": eur("5.00")}),
            )
        ),
        (
            with_rules(evolve(RULE, points=2, group="g"), evolve(RULE, id="vip", customer_groups=["vip"], group="g")),
            with_rules(evolve(RULE, group="g"), evolve(RULE, id="vip", points=2, customer_groups=["vip"], group="g")),
        ),
        (
            with_rules(
                evolve(RULE, group="g", priority=1),
                evolve(RULE, id="b", points=2, group="g", priority=2),
                groups={"g": "first"},
            ),
            with_rules(
                evolve(RULE, group="g", priority=1, products=["tea"]),
                evolve(RULE, id="b", points=2, group="g", priority=2),
                groups={"g": "first"},
            ),
        ),
    ],
    "duplicate_rule": [
        (with_rules(RULE, evolve(RULE, id="again")), with_rules(RULE, evolve(RULE, id="again", points=2))),
        (
            with_rules(RULE, DOUBLE, evolve(DOUBLE, id="again")),
            with_rules(RULE, DOUBLE, evolve(DOUBLE, id="again"), multipliers="max"),
        ),
        (
            with_rules(RULE, evolve(RULE, id="again", priority=1)),
            with_rules(evolve(RULE, group="g"), evolve(RULE, id="again", group="g")),
        ),
    ],
    "multipliers_cancel": [
        (with_rules(RULE, HALF, evolve(HALF, id="h2")), with_rules(RULE, HALF, evolve(HALF, id="h2", factor="3/5"))),
        (
            with_rules(RULE, HALF, evolve(HALF, id="h2")),
            with_rules(RULE, HALF, evolve(HALF, id="h2"), multipliers="multiply"),
        ),
        (
            with_rules(RULE, evolve(HALF, channels=["a"]), evolve(HALF, id="h2", channels=["a", "b"])),
            with_rules(RULE, evolve(HALF, channels=["a"]), evolve(HALF, id="h2", channels=["b"])),
        ),
        (
            with_rules(RULE, evolve(HALF, categories=["a"]), evolve(HALF, id="h2", categories=["a"])),
            with_rules(RULE, evolve(HALF, categories=["a"]), evolve(HALF, id="h2", categories=["b"])),
        ),
        (
            with_rules(RULE, HALF, evolve(HALF, id="h2")),
            with_rules(RULE, EarnRule.per_order(9), evolve(HALF, multiplies=["per_order"]), evolve(HALF, id="h2")),
        ),
    ],
    "has_no_effect": [
        (
            with_rules(RULE, evolve(DOUBLE, factor=1)),
            with_rules(RULE, evolve(DOUBLE, factor=1), multipliers="max"),
        ),
        (with_rules(evolve(RULE, priority=1)), with_rules(evolve(RULE, priority=1, group="g"))),
        (evolve(SOUND, approval_above=10**12), evolve(SOUND, approval_above=10**12 - 1)),
        *(
            (evolve(SOUND, caps=EarnCaps(**idle)), evolve(SOUND, caps=EarnCaps(**strict)))
            for idle, strict in (
                ({"per_period": {"day": 50, "month": 50}}, {"per_period": {"day": 49, "month": 50}}),
                ({"per_period": {"day": 50, "week": 50}}, {"per_period": {"week": 50, "month": 50}}),
                ({"per_period": {"quarter": 9, "half_year": 9}}, {"per_period": {"week": 9, "year": 9}}),
                ({"per_order": 50, "per_period": {"week": 50}}, {"per_order": 49, "per_period": {"week": 50}}),
                ({"per_order": 50, "per_period": {"week": 50}}, {"per_order": 50, "balance": 50}),
            )
        ),
    ],
    "nothing_is_earned": [(with_rules(), with_rules(EarnRule.per_action(5, action="visit")))],
    "nothing_can_be_paid": [(evolve(SOUND, exchange_rates=()), SOUND)],
    "currency_without_rate": [(with_rules(evolve(RULE, per=Money("1", "USD"))), with_rules(EarnRule.per_unit(5)))],
    "limit_needs_rate": [
        (
            evolve(SOUND, exchange_rates=(), limits=RedemptionLimits(share_max="1/2", exact_payoff=True)),
            evolve(SOUND, limits=RedemptionLimits(share_max="1/2")),
        ),
        (
            evolve(SOUND, limits=RedemptionLimits(money_max=Money("5.00", "USD"))),
            evolve(SOUND, limits=RedemptionLimits(money_max=eur("5.00"))),
        ),
    ],
    "cap_below_gift": [
        (
            with_rules(EarnRule.per_order(51), caps=EarnCaps(per_order=50)),
            with_rules(EarnRule.per_action(51, action="visit"), caps=EarnCaps(per_order=50)),
        ),
        (
            with_rules(EarnRule.per_action(51, action="visit"), caps=EarnCaps(balance=50)),
            with_rules(EarnRule.per_action(50, action="visit"), caps=EarnCaps(balance=50)),
        ),
        (
            with_rules(evolve(RULE, points=51), caps=EarnCaps(per_period={"day": 50})),
            with_rules(evolve(RULE, points=51, proportional=True), caps=EarnCaps(per_period={"day": 50})),
        ),
    ],
    "resets_never_happen": [
        (
            evolve(SOUND, expiry=REDEEMED, limits=RedemptionLimits(threshold=101), caps=EarnCaps(balance=100)),
            evolve(SOUND, expiry=REDEEMED, limits=RedemptionLimits(threshold=100), caps=EarnCaps(balance=100)),
        ),
        (
            evolve(SOUND, expiry=ExpiryPolicy.earlier_of(REDEEMED, TEN_DAYS), caps=EarnCaps(balance=9)),
            evolve(SOUND, expiry=ExpiryPolicy.inactivity(days=9), caps=EarnCaps(balance=9)),
        ),
        (
            evolve(SOUND, expiry=REDEEMED, exchange_rates=(), limits=RedemptionLimits(step=7, points_max=6)),
            evolve(SOUND, expiry=REDEEMED, exchange_rates=(), limits=RedemptionLimits(step=7, points_max=7)),
        ),
    ],
    "warning_never_due": [
        # With a fixed date, who earns early enough is warned, unless points live shorter anyway.
        (
            evolve(SOUND, expiry=WEEK_OR_SUMMER, notices=NoticePolicy(warn_days=8)),
            evolve(SOUND, expiry=WEEK_OR_SUMMER, notices=NoticePolicy(warn_days=7)),
        ),
        # A month has 31 days at most, and the day on which the points came.
        (
            evolve(SOUND, expiry=ExpiryPolicy.after(months=1), notices=NoticePolicy(warn_days=32)),
            evolve(SOUND, expiry=ExpiryPolicy.after(months=1), notices=NoticePolicy(warn_days=31)),
        ),
        (
            evolve(SOUND, expiry=ExpiryPolicy.after(years=1), notices=NoticePolicy(warn_days=367)),
            evolve(SOUND, expiry=ExpiryPolicy.after(years=1), notices=NoticePolicy(warn_days=366)),
        ),
        (
            evolve(SOUND, expiry=ExpiryPolicy.never(), notices=NoticePolicy(warn_days=5)),
            evolve(
                SOUND, expiry=ExpiryPolicy.earlier_of(SUMMER, ExpiryPolicy.never()), notices=NoticePolicy(warn_days=5)
            ),
        ),
        (
            evolve(SOUND, expiry=ExpiryPolicy.after(days=10), notices=NoticePolicy(warn_days=11)),
            evolve(SOUND, expiry=ExpiryPolicy.after(days=10), notices=NoticePolicy(warn_days=10)),
        ),
        (
            evolve(SOUND, expiry=ExpiryPolicy.never(), notices=NoticePolicy(warn_days=5)),
            evolve(SOUND, expiry=ExpiryPolicy.inactivity(days=9), notices=NoticePolicy(warn_days=5)),
        ),
        (
            with_rules(RULE, expiry=ExpiryPolicy.never(), notices=NoticePolicy(warn_days=5)),
            with_rules(evolve(RULE, expiry=ExpiryPolicy.on(date(2026, 1, 1))), notices=NoticePolicy(warn_days=500)),
        ),
    ],
}
"""For each code programs that have it, each with a near miss."""


GROUPED = evolve(RULE, group="g")
B = evolve(GROUPED, id="b")
VISIT = EarnRule.per_action(5, action="visit", group="g")
AGAIN = evolve(VISIT, id="again")

BEATEN = {
    "best": [
        # Equal rules: the second never counts. A larger one counts wherever it stands.
        ([GROUPED, B], "b"),
        ([GROUPED, evolve(B, points=2)], "per_amount"),
        ([GROUPED, evolve(B, per=eur("2.00"))], "b"),
        ([GROUPED, evolve(B, points=3, per=eur("2.00"))], None),  # 3 for 2.00 is more, 1 for 1.00 is something
        ([evolve(B, per=eur("2.00")), GROUPED], None),  # 1 for 2.00 is as much on 2.00, and stands first
        # In proportion, ratios are compared.
        ([evolve(GROUPED, proportional=True), evolve(B, points=2, per=eur("2.00"))], "b"),
        ([evolve(GROUPED, proportional=True), evolve(B, points=2, per=eur("2.00"), proportional=True)], "b"),
        ([evolve(B, points=3, per=eur("4.00"), proportional=True), evolve(GROUPED, proportional=True)], "b"),
        ([GROUPED, evolve(B, proportional=True)], None),
        # Scopes: the stronger one lets through all that the weaker one does.
        ([evolve(GROUPED, channels=["a", "b"]), evolve(B, channels=["a"])], "b"),
        ([evolve(GROUPED, channels=["a"]), evolve(B, channels=["a", "b"])], None),
        ([evolve(GROUPED, channels=["a"]), B], None),
        ([GROUPED, evolve(B, valid_from=NEW_YEAR)], "b"),
        ([evolve(GROUPED, valid_from=NEW_YEAR), B], None),
        ([GROUPED, evolve(B, valid_until=NEW_YEAR)], "b"),
        ([evolve(GROUPED, valid_until=NEW_YEAR), B], None),
        ([evolve(GROUPED, valid_from=NEW_YEAR), evolve(B, valid_from=NEW_YEAR.replace(month=2))], "b"),
        ([evolve(GROUPED, minimum=eur("5.00")), evolve(B, minimum=eur("6.00"))], "b"),
        ([evolve(GROUPED, minimum=eur("6.00")), evolve(B, minimum=eur("5.00"))], None),
        ([GROUPED, evolve(B, verified=True)], "b"),
        ([evolve(GROUPED, verified=True), B], None),
        # What is counted or rounded otherwise is not compared.
        ([GROUPED, evolve(B, rounding="ceil")], None),
        ([evolve(GROUPED, with_tax=True), B], None),
        ([GROUPED, EarnRule.per_unit(1, group="g")], None),
        ([EarnRule.per_unit(2, group="g"), EarnRule.per_unit(1, id="b", group="g", products=["tea"])], "b"),
        ([EarnRule.per_order(2, group="g"), EarnRule.per_order(3, id="b", group="g")], "per_order"),
        ([GROUPED, evolve(B, per=Money("1.00", "USD"))], None),
        # Multipliers: of both alike, of one, and of single lines.
        ([GROUPED, B, DOUBLE], "b"),
        ([GROUPED, B, evolve(DOUBLE, multiplies=["b"])], None),
        ([GROUPED, evolve(B, products=["tea"])], "b"),
        ([GROUPED, evolve(B, products=["tea"]), DOUBLE], None),
        ([evolve(GROUPED, proportional=True), evolve(B, products=["tea"]), DOUBLE], "b"),
        # Acts.
        ([VISIT, AGAIN], "again"),
        ([VISIT, evolve(AGAIN, action="review")], None),
        ([evolve(VISIT, limit=3), AGAIN], None),
        ([evolve(VISIT, of_invitee="first"), AGAIN], None),
        ([VISIT, evolve(AGAIN, per=EURO)], None),
        ([VISIT, evolve(B, points=1)], None),
    ],
    "first": [
        ([GROUPED, evolve(B, points=9)], "b"),
        ([evolve(GROUPED, priority=1), B], "per_amount"),
        ([evolve(GROUPED, per=eur("2.00")), B], None),
        ([GROUPED, evolve(B, points=9, proportional=True)], None),
        ([GROUPED, evolve(B, points=9), HALF], None),  # half a point floors to nothing, where 9 give 4
        ([EarnRule.per_unit(1, group="g"), evolve(B, points=9)], "b"),
        ([EarnRule.per_unit(1, group="g"), evolve(B, points=9), HALF], None),
        ([EarnRule.per_order(1, group="g"), evolve(B, points=9, with_shipping=True)], None),
        ([EarnRule.per_order(1, group="g"), EarnRule.per_unit(9, group="g")], "per_unit"),
        ([GROUPED, EarnRule.per_unit(9, group="g")], None),
        ([VISIT, evolve(AGAIN, points=9, per=EURO)], "again"),
        ([evolve(VISIT, per=EURO), AGAIN], None),
    ],
    "most_specific": [
        ([GROUPED, evolve(B, points=9)], "b"),
        ([GROUPED, evolve(B, points=9, channels=["a"])], None),
        ([evolve(GROUPED, channels=["a", "b"]), evolve(B, points=9, channels=["a"])], "b"),
        ([EarnRule.per_order(1, group="g"), GROUPED], "per_amount"),
        ([GROUPED, EarnRule.per_order(1, group="g")], None),  # goods that do not earn have an order
        ([VISIT, evolve(AGAIN, per=EURO)], "again"),
        ([evolve(VISIT, minimum=EURO), evolve(AGAIN, minimum=EURO)], "again"),
        ([evolve(VISIT, per=EURO), AGAIN], None),
    ],
}
"""For each choice of a group: rules, and which of them another one always beats."""


@pytest.mark.parametrize(
    ("choice", "rules", "beaten"), [(choice, *case) for choice, cases in BEATEN.items() for case in cases]
)
def test_beaten_in_its_group(choice: str, rules: list[EarnRule], beaten: str | None) -> None:
    """
    A rule never counts where another of its group does in every order, and only then (R-17, S1.29).
    """
    program = with_rules(*rules, groups={"g": choice})
    said = [finding.sentence for finding in check_policy(program) if finding.code == "rule_never_fires"]
    assert [f"Rule {beaten!r} never counts" in sentence for sentence in said] == ([True] if beaten else [])


AT_PAR = ExchangeRate(1, EURO)
NINES = evolve(RULE, per=eur("9.00"), points=9)
FOR_A = evolve(RULE, customer_groups=["a"])
FOREVER = ExpiryPolicy.never()
WAIT = PendingPolicy.after(days=20)
EARLY = evolve(RULE, valid_until=NEW_YEAR)
LATE = evolve(AT_PAR, valid_from=NEW_YEAR.replace(day=12))


@pytest.mark.parametrize(
    ("program", "gains"),
    [
        # Points earned until New Year, and a rate from 12 January on: they must live until then.
        (with_rules(EARLY, exchange_rates=[LATE], expiry=FOREVER), True),
        (with_rules(EARLY, exchange_rates=[LATE], expiry=ExpiryPolicy.after(days=9)), False),
        (with_rules(EARLY, exchange_rates=[LATE], expiry=ExpiryPolicy.inactivity(days=9)), False),
        (with_rules(EARLY, exchange_rates=[LATE], expiry=ExpiryPolicy.inactivity(years=50)), True),
        (with_rules(EARLY, exchange_rates=[LATE], expiry=FOREVER, pending=PendingPolicy.until_event()), True),
        # A rate that has ended before the campaign begins.
        (with_rules(evolve(RULE, valid_from=NEW_YEAR), exchange_rates=[evolve(AT_PAR, valid_until=NEW_YEAR)]), False),
        (with_rules(evolve(RULE, valid_until=NEW_YEAR), exchange_rates=[evolve(AT_PAR, valid_until=NEW_YEAR)]), True),
        # A rate for some: who earns must be among them, wherever the points are used.
        (with_rules(FOR_A, exchange_rates=[evolve(AT_PAR, customer_groups=["b"])]), False),
        (with_rules(FOR_A, exchange_rates=[evolve(AT_PAR, channels=["b"])]), True),
        # A dear rate that a narrower one always replaces.
        (with_rules(FOR_A, exchange_rates=[AT_PAR, evolve(RATE, customer_groups=["a"])]), False),
        (with_rules(RULE, exchange_rates=[RATE, AT_PAR]), False),
        # What cannot be redeemed is worth nothing.
        (with_rules(RULE, exchange_rates=[AT_PAR], limits=RedemptionLimits(step=9, points_max=8)), False),
        # Caps: on an order, and on a balance of which 4 points can be too few to redeem.
        (with_rules(NINES, exchange_rates=[AT_PAR], caps=EarnCaps(per_order=9)), True),
        (with_rules(NINES, exchange_rates=[AT_PAR], caps=EarnCaps(per_order=8)), False),
        (
            with_rules(
                NINES,
                exchange_rates=[AT_PAR],
                caps=EarnCaps(balance=13),
                limits=RedemptionLimits(step=5),
            ),
            True,
        ),
        (
            with_rules(
                NINES,
                exchange_rates=[AT_PAR],
                caps=EarnCaps(balance=12, per_order=10),
                limits=RedemptionLimits(step=5),
            ),
            False,
        ),
        # Rules that exclude each other do not add up; verified holders may get less.
        (with_rules(evolve(RULE, points=15, group="g"), evolve(RULE, id="b", points=15, group="g")), False),
        (
            with_rules(
                evolve(GROUPED, verified=True), evolve(B, points=20), groups={"g": "first"}
            ),
            True,
        ),
        # A product that is called as the check calls goods of no rule.
        (with_rules(evolve(RULE, points=20, products=["goods"])), True),
        # A switch that is off hides nothing.
        (evolve(SOUND, exchange_rates=[AT_PAR], active=False), True),
        (evolve(SOUND, exchange_rates=[AT_PAR], storefront=False), True),
        # Two groups of money that fit together at 6.00 only, and a share of a point that is lost below 2.00.
        (with_rules(evolve(RULE, points=20, per=eur("2.00")), evolve(RULE, id="b", points=30, per=eur("3.00"))), True),
        (with_rules(evolve(RULE, points=15, proportional=True), evolve(DOUBLE, factor="4/3")), True),
        (with_rules(evolve(RULE, points=15, proportional=True), evolve(DOUBLE, factor="5/4")), False),
    ],
)  # fmt: skip
def test_orders_that_earn_what_they_cost(program: Program, gains: bool) -> None:
    """
    What an order earns is worth what it costs, by the rules, rates and dates that can come together (R-17, R-23).
    """
    assert ("earns_more_than_it_costs" in codes(program)) == gains


def test_a_search_ends() -> None:
    """
    Where more combinations could give too much than anybody would wait for, the check gives up on them.
    """
    parts = ("channels", "customer_groups", "products", "categories")
    rules = [EarnRule.multiplier("11/10", id=f"{part}-{n}", **{part: [f"{n}"]}) for part in parts for n in range(60)]
    assert codes(with_rules(evolve(RULE, points=5), *rules, multipliers="multiply")) == set()


def codes(program: Program) -> set[str]:
    """
    Return the codes of what is found in a program.
    """
    return {finding.code for finding in check_policy(program)}


def test_every_code_has_a_case() -> None:
    """
    No code stands without a program that has it.
    """
    assert CASES.keys() == SEVERITIES.keys()
    assert check_policy(SOUND) == ()


@pytest.mark.parametrize(("code", "found", "missed"), [(c, f, m) for c, pairs in CASES.items() for f, m in pairs])
def test_found_and_just_missed(code: str, found: Program, missed: Program) -> None:
    """
    The program has the fault, named with its fields and severity, and its neighbour has not.
    """
    (finding, *_) = [finding for finding in check_policy(found) if finding.code == code]
    assert finding.severity == SEVERITIES[finding.code]
    assert finding.sentence.endswith(".")
    assert finding.fields
    assert all(path.split(".")[0].split("[")[0] in Program.__annotations__ for path in finding.fields)
    assert code not in codes(missed)


@settings(deadline=None, max_examples=150)
@given(plain=programs("p"))
def test_any_program_can_be_checked(plain) -> None:
    """
    The check never fails, and its findings stand in the order of the codes.
    """
    found = [finding.code for finding in check_policy(translation.program(plain))]
    assert found == sorted(found, key=list(SEVERITIES).index)


@settings(deadline=None, max_examples=80)
@given(
    points=st.integers(1, 40), group=st.integers(1, 20), cents=st.integers(1, 200), factor=st.sampled_from([None, 2, 3])
)
def test_a_loop_that_is_found_really_gains(points: int, group: int, cents: int, factor: int | None) -> None:
    """
    Where the check says that an order earns what it costs, buying once pays the next purchase, and else it does not.
    """
    rules = [EarnRule.per_amount(points, per=eur("1.00"))] + ([EarnRule.multiplier(factor)] if factor else [])
    program = Program(id="shop", earn_rules=rules, exchange_rates=[ExchangeRate(group, eur("0.01") * cents)])
    ledger = Ledger(program, MemoryStorage())
    price = eur("1000.00") * group  # whole groups on both sides
    ledger.process(Order("1", "ada", [OrderLine("thing", price)]))
    worth = ledger.balance("ada").value
    assert worth is not None
    assert ("earns_more_than_it_costs" in codes(program)) == (worth >= price)
