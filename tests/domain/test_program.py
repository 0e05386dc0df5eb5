"""
Programs as values.
"""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import attrs
import pytest

from pointsledger import (
    EarnCaps,
    EarnRule,
    ExchangeRate,
    ExpiryPolicy,
    Money,
    NoticePolicy,
    PendingPolicy,
    Program,
    RedemptionLimits,
    RestorePolicy,
    Unit,
)
from pointsledger.commands import ReturnLines
from pointsledger.domain import commands
from pointsledger.errors import InvalidIdentifier, InvalidInput, InvalidMoney, InvalidPoints, InvalidProgram
from tests.ledger.bad_inputs import (
    HOSTILE,
    NOT_FLAGS,
    NOT_IDENTIFIERS,
    NOT_INTEGERS,
    NOT_POINTS,
    NOT_POINTS_OR_ZERO,
    NOT_TEXT,
    LyingStr,
)

ONE = Money("1.00", "EUR")
IDLE = ExpiryPolicy.inactivity(days=9)
SWITCHES = ("active", "storefront", "history_shown")
CHOICES = ("timing", "redeeming_orders", "multipliers", "returns", "shortfall", "use_order")


def test_the_least_program():
    """
    A program needs a name; with no rule it gives nothing, and its points never lapse (R-06).
    """
    program = Program(id="club")
    assert (program.timezone, program.earn_rules, program.exchange_rates, program.rate()) == ("UTC", (), (), None)
    now = datetime(2024, 6, 1, tzinfo=UTC)
    assert (now, None) == (program.usable_from(now), program.expires_at(now))


def test_programs_that_mean_the_same_are_equal():
    """
    Programs are compared by what they mean: a list or a tuple of rules, a default said or unsaid (R-07, I-8).
    """
    rules = [EarnRule.per_order(1, id="a", group="g"), EarnRule.per_order(2, id="b", group="g")]
    groups = {"g": "best"}
    one = Program(id="club", earn_rules=rules, groups=groups)
    two = Program(id="club", earn_rules=tuple(rules))
    assert one == two
    assert hash(one) == hash(two)
    assert Program(id="club", earn_rules=rules, groups={"g": "first"}) != one


def test_a_program_does_not_follow_later_changes_of_its_arguments():
    """
    What the caller changes in its lists and mappings afterwards does not reach the program (I-8).
    """
    rules = [EarnRule.per_order(1, group="g")]
    groups = {"g": "first"}
    program = Program(id="club", earn_rules=rules, groups=groups)
    rules.clear()
    groups["g"] = "best"
    assert Program(id="club", earn_rules=[EarnRule.per_order(1, group="g")], groups={"g": "first"}) == program


def test_a_rule_may_have_its_own_dates():
    """
    A rule's own policies stand before the program's (R-16, R-36).
    """
    gift = EarnRule.per_order(1, expiry=ExpiryPolicy.after(days=1), pending=PendingPolicy.after(days=2))
    plain = EarnRule.per_order(1, id="plain")
    program = Program(id="club", earn_rules=[gift, plain], expiry=ExpiryPolicy.after(months=1))
    now = datetime(2024, 6, 1, 12, tzinfo=UTC)
    assert datetime(2024, 6, 3, tzinfo=UTC) == program.expires_at(now, gift)
    assert datetime(2024, 6, 3, tzinfo=UTC) == program.usable_from(now, gift)
    assert datetime(2024, 7, 2, tzinfo=UTC) == program.expires_at(now, plain) == program.expires_at(now)
    assert now == program.usable_from(now, plain)


def test_rates_by_currency():
    """
    The first rate counts where no currency is named; a currency without a rate has none (R-02, R-22).
    """
    euro, dollar = ExchangeRate(100, ONE), ExchangeRate(90, Money("1.00", "USD"))
    program = Program(id="club", exchange_rates=[euro, dollar])
    assert (euro, euro, dollar, None) == (program.rate(), program.rate("EUR"), program.rate("USD"), program.rate("GBP"))


def test_two_rates_of_one_scope():
    """
    Two rates to one currency are no fault: the first counts (R-23).
    """
    euro, cheaper = ExchangeRate(100, ONE), ExchangeRate(90, ONE)
    assert Program(id="club", exchange_rates=[euro, cheaper]).rate("EUR") == euro
    assert Program(id="club", exchange_rates=[cheaper, euro]).rate("EUR") == cheaper


def test_what_a_program_says_of_holders_and_administrators():
    """
    Nobody is warned or told, no adjustment waits and nothing is hidden unless the program says so (R-40, R-42, S1.12,
    S1.13).
    """
    program = Program(id="club")
    assert (program.notices, program.approval_above) == (NoticePolicy(), None)
    assert (program.notices.warn_days, program.notices.subscribed) == (None, False)
    assert [getattr(program, name) for name in SWITCHES] == [True, True, True]


def test_the_new_fields_are_kept_as_a_mapping():
    """
    Notices, approval, switches, most specific groups, half-automatic returns and scoped rates read back (R-31).
    """
    scope = {"channels": ["de"], "customer_groups": ["vip"]}
    mapping = {
        "id": "club",
        "earn_rules": [{"id": "a", "kind": "per_unit", "points": 1, "group": "g"}],
        "exchange_rates": [
            {"points": 100, "money": "1.00 EUR", **scope, "valid_from": "2026-01-01T00:00:00Z"},
            {"points": 1, "money": "1.50 USD", "valid_until": "2027-01-01T00:00:00Z"},
        ],
        "groups": {"g": "most_specific"},
        "returns": "give_back",
        "approval_above": 500,
        "notices": {"warn_days": 14, "subscribed": True},
        "storefront": False,
        "history_shown": False,
    }
    program = Program.from_mapping(mapping)
    assert (program.groups, program.returns, program.approval_above) == ({"g": "most_specific"}, "give_back", 500)
    assert (program.notices, program.storefront) == (NoticePolicy(warn_days=14, subscribed=True), False)
    assert Program.from_mapping(json.loads(json.dumps(program.to_mapping()))) == program
    assert Program.from_mapping({**mapping, "returns": "take_back"}).returns == "take_back"


def test_a_percent_reads_as_a_rate():
    """
    In a file a rate may be a percent; it is the same rate, and is written with its figures (S3.12).
    """
    rate = {"percent": "12.5", "currency": "USD", "channels": ["de"]}
    program = Program.from_mapping({"id": "club", "exchange_rates": [rate]})
    assert program.exchange_rates == (ExchangeRate(2, Money("0.25", "USD"), channels=["de"]),)
    written = {"points": 2, "money": "0.25 USD", "channels": ["de"]}
    assert program.to_mapping()["exchange_rates"] == [written]


def test_a_program_is_kept_as_a_mapping():
    """
    A program reads back from plain text, numbers, flags, lists and mappings, and equal programs give equal ones (R-31).
    """
    program = Program(
        id="club",
        timezone="Europe/Paris",
        earn_rules=[
            EarnRule.per_amount(1, per=Money("0.5", "EUR"), group="g", valid_from=datetime(2024, 6, 1, tzinfo=UTC)),
            EarnRule.multiplier("1.5", products=["tea", "cup"]),
        ],
        exchange_rates=[ExchangeRate(100, ONE)],
        expiry=ExpiryPolicy.earlier_of(
            ExpiryPolicy.after(months=12, rounded_to="year"), ExpiryPolicy.inactivity(days=9)
        ),
        pending=PendingPolicy.on(date(2024, 12, 24)),
        groups={"g": "first"},
        limits=RedemptionLimits(share_max="1/2", money_max=ONE),
    )
    mapping = program.to_mapping()
    assert program == Program.from_mapping(json.loads(json.dumps(mapping)))
    assert mapping == Program.from_mapping(mapping).to_mapping()
    assert Program(id="club").to_mapping() == {"id": "club"}


@pytest.mark.parametrize("name", [field.name for field in attrs.fields(Program)])
def test_mappings_are_checked_as_values_are(subtests, name):
    """
    Whatever stands in a field of a mapping, it is read or refused by its path (R-47).
    """
    empty = {"list", "dict", "set"}
    for case, value in {**HOSTILE, "text": " ", "huge": 10**5000, "texts": [" "], "deep": {"kind": {"x": []}}}.items():
        if case in empty:
            continue
        with subtests.test(case):
            with pytest.raises(InvalidInput) as refused:
                Program.from_mapping({"id": "club", name: value})
            assert refused.value.field.startswith(name)
            assert str(refused.value)


@pytest.mark.parametrize(
    ("mapping", "path"),
    [
        ({"earn_rules": [{"id": "a", "kind": "per_amount", "points": 1, "per": "1.00"}]}, "earn_rules[0].per"),
        ({"earn_rules": [{"id": "a", "kind": "per_amount", "points": 1, "per": 1}]}, "earn_rules[0].per"),
        ({"earn_rules": [{"id": "a", "kind": "per_unit", "points": 0}]}, "earn_rules[0].points"),
        (
            {"earn_rules": [{"id": "a", "kind": "per_unit", "points": 1, "valid_from": "soon"}]},
            "earn_rules[0].valid_from",
        ),
        ({"earn_rules": [{"id": "a", "valid_from": "soon"}]}, "earn_rules[0].valid_from"),
        ({"expiry": {"kind": "on", "day": "2024-02-30"}}, "expiry.day"),
        ({"expiry": {"kind": "after", "period": "12 moons"}}, "expiry.period"),
        ({"expiry": {"kind": "earlier_of", "policies": [{"kind": "now"}]}}, "expiry.policies[0].kind"),
        ({"limits": {"share_max": 0.5}}, "limits.share_max"),
        ({"caps": {"per_period": {"month": 0}}}, "caps.per_period.month"),
        ({"caps": {"per_period": {"decade": 5}}}, "caps.per_period.decade"),
        ({"caps": {"balance": "5000"}}, "caps.balance"),
        ({"caps": {"restores": True}}, "caps.restores"),
        ({"notices": {"warn_days": 0}}, "notices.warn_days"),
        ({"notices": {"warn_after": 5}}, "notices.warn_after"),
        ({"exchange_rates": [{"percent": 150}]}, "exchange_rates[0].currency"),
        ({"exchange_rates": [{"percent": 1.5, "currency": "USD"}]}, "exchange_rates[0].percent"),
        ({"exchange_rates": [{"percent": 150, "currency": "USD", "points": 1}]}, "exchange_rates[0].points"),
        ({"exchange_rates": [{"points": 1, "money": "1.00 USD", "channels": "de"}]}, "exchange_rates[0].channels"),
        ({"earn_rules": [{"id": "a", "kind": "per_action", "points": 1}]}, "earn_rules[0].action"),
        ({"earn_rules": [{"id": "a", "kind": "per_unit", "points": 1, "limit": 3}]}, "earn_rules[0].limit"),
    ],
    ids=str,
)
def test_an_error_names_the_path(mapping, path):
    """
    What is wrong deep in a mapping is named by its whole path (R-47).
    """
    with pytest.raises(InvalidInput) as refused:
        Program.from_mapping({"id": "club", **mapping})
    assert refused.value.field == path


def test_a_quantity_is_a_pair():
    """
    A command's mapping gives quantities as pairs of a line and a count (R-10).
    """
    mapping = {"command": "return_lines", "account": "ada", "order": "1", "id": "r", "lines": [["tea", 1]]}
    assert commands.command_from_mapping(mapping) == ReturnLines(account="ada", order="1", id="r", lines={"tea": 1})
    for wrong in (["tea"], "te", {"tea": 1}):
        with pytest.raises(InvalidInput):
            commands.command_from_mapping({**mapping, "lines": [wrong]})


@pytest.mark.parametrize(
    "mapping", [None, "id", [("id", "club")], {}, {"id": "club", 1: 2}, {"id": "club", "x": 1}], ids=str
)
def test_other_mappings_are_no_program(mapping):
    """
    A program is a mapping with its id and no field that it does not know (R-47).
    """
    with pytest.raises(InvalidProgram):
        Program.from_mapping(mapping)


@pytest.mark.parametrize(
    ("points", "text"), [(1, "1 bean"), (-1, "-1 bean"), (0, "0 beans"), (1200, "1,200 beans"), (-2, "-2 beans")]
)
def test_the_merchants_own_unit(points, text):
    """
    Points are called what the merchant calls them, one and many (R-43).
    """
    assert text == Unit(singular="bean", plural="beans").count(points)


@pytest.mark.parametrize("name", ["singular", "plural"])
def test_units_are_text(subtests, name):
    """
    A unit's names are text (R-43).
    """
    for case, value in {**NOT_TEXT, "none": None}.items():
        with subtests.test(case), pytest.raises(InvalidInput):
            Unit(**{name: value})


@pytest.mark.parametrize(
    ("build", "field"),
    [
        (lambda r: Program(id="p", earn_rules=[r, r]), "earn_rules[1].id"),
        (lambda r: Program(id="p", earn_rules=[EarnRule.multiplier(2, multiplies=["x"])]), "earn_rules[0].multiplies"),
        (lambda r: Program(id="p", earn_rules=[r, ONE]), "earn_rules[1]"),
        (lambda r: Program(id="p", earn_rules=[r] * 1001), "earn_rules"),
        (lambda r: Program(id="p", exchange_rates=[ONE]), "exchange_rates[0]"),
        (lambda r: Program(id="p", groups={"g": "best"}), "groups.g"),
        (lambda r: Program(id="p", earn_rules=[r], groups={"g": "worst"}), "groups.g"),
        (lambda r: Program(id="p", earn_rules=[r], groups={"g": []}), "groups.g"),
        (lambda r: Program(id="p", earn_rules=[r], groups={1: "best"}), "groups"),
        (lambda r: Program(id="p", earn_rules=[r], groups={None: "best", "g": "best"}), "groups"),
        (lambda r: Program(id="p", earn_rules=[r], groups=[("g", "best")]), "groups"),
        (lambda r: Program(id="p", groups=None), "groups"),
        (lambda r: Program(id="p", groups="g"), "groups"),
        (lambda r: Program(id="p", restore=RestorePolicy), "restore"),
        (lambda r: Program(id="p", expiry=PendingPolicy()), "expiry"),
        (lambda r: Program(id="p", caps=EarnCaps), "caps"),
        (lambda r: Program(id="p", notices=14), "notices"),
        (lambda r: Program(id="p", earn_rules=[r], groups={"g": "narrowest"}), "groups.g"),
        (lambda r: Program(id="p", returns="both"), "returns"),
        (lambda r: EarnCaps(restores=True), "restores"),
        (lambda r: RestorePolicy(lapsed="grace"), "grace_days"),
        (lambda r: RestorePolicy(lapsed="expire", grace_days=1), "grace_days"),
        (lambda r: RestorePolicy(lapsed="revive"), "lapsed"),
        (lambda r: RedemptionLimits(share_max="3/2"), "share_max"),
        (lambda r: RedemptionLimits(share_max=0), "share_max"),
        (lambda r: RedemptionLimits(share_max=0.5), "share_max"),
        (lambda r: RedemptionLimits(share_max=Decimal("0.5")), "share_max"),
        (lambda r: RedemptionLimits(points_min=5, points_max=4), "points_min"),
    ],
)  # fmt: skip
def test_programs_that_cannot_be_are_refused(build, field):
    """
    A program whose parts contradict each other is refused, and the error says where (R-47).
    """
    with pytest.raises(InvalidProgram) as refused:
        build(EarnRule.per_order(1, group="g"))
    assert field == refused.value.field
    assert str(refused.value)


@pytest.mark.parametrize("name", ["expiry", "pending", "caps", "limits", "restore", "notices", "unit", *CHOICES])
def test_parts_are_of_their_type(subtests, name):
    """
    Every part of a program is of its own type, every choice one of its names (R-47).
    """
    for case, value in {**HOSTILE, "none": None, "text": "x", "lying": LyingStr("debt"), "True": True}.items():
        with subtests.test(case):
            with pytest.raises(InvalidProgram) as refused:
                Program(**{"id": "p", name: value})
            assert name == refused.value.field


@pytest.mark.parametrize("name", ["earn_rules", "exchange_rates"])
def test_rules_and_rates_are_several(subtests, name):
    """
    Rules and rates are given as several values of their type (R-47).
    """
    bad = {case: value for case, value in HOSTILE.items() if case not in {"list", "dict", "set"}}
    for case, value in {**bad, "none": None, "text": "x", "nones": [None], "texts": ["x"]}.items():
        with subtests.test(case), pytest.raises(InvalidInput):
            Program(**{"id": "p", name: value})


def test_names_and_flags(subtests):
    """
    A program's id is an identifier, and its switches are flags (R-05, R-43, S1.12, S1.13).
    """
    for case, value in {**NOT_IDENTIFIERS, "none": None}.items():
        with subtests.test(case), pytest.raises(InvalidIdentifier):
            Program(id=value)
    for case, value in NOT_FLAGS.items():
        with subtests.test(case):
            for name in SWITCHES:
                with pytest.raises(InvalidInput) as refused:
                    Program(**{"id": "p", name: value})
                assert refused.value.field == name
            with pytest.raises(InvalidInput):
                RedemptionLimits(exact_payoff=value)
            with pytest.raises(InvalidInput):
                NoticePolicy(subscribed=value)


def test_days_of_warning(subtests):
    """
    Holders are warned 1 day to a hundred years before, or never (R-42, S1.28).
    """
    assert [NoticePolicy(warn_days=days).warn_days for days in (None, 1, 36525)] == [None, 1, 36525]
    for case, value in {**NOT_INTEGERS, "0": 0, "-1": -1, "36526": 36526}.items():
        with subtests.test(case):
            with pytest.raises(InvalidInput) as refused:
                NoticePolicy(warn_days=value)
            assert refused.value.field == "warn_days"


def test_the_threshold_of_approval(subtests):
    """
    Adjustments above a number of points wait; above 0, all do (R-40).
    """
    assert [Program(id="p", approval_above=points).approval_above for points in (0, 10**12)] == [0, 10**12]
    for case, value in NOT_POINTS_OR_ZERO.items():
        with subtests.test(case):
            with pytest.raises(InvalidPoints) as refused:
                Program(id="p", approval_above=value)
            assert refused.value.field == "approval_above"


@pytest.mark.parametrize("name", ["threshold", "points_max", "step", "points_min"])
def test_limits_in_points(subtests, name):
    """
    Limits in points are points: a limit or step of 0 or less is no limit (R-01, R-25).
    """
    for case, value in NOT_POINTS.items():
        with subtests.test(case):
            with pytest.raises(InvalidPoints) as refused:
                RedemptionLimits(**{name: value})
            assert name == refused.value.field


@pytest.mark.parametrize("name", ["step", "points_min"])
def test_limits_that_are_always_there(name):
    """
    Step and minimum are 1 where they do not matter, never None (R-25).
    """
    with pytest.raises(InvalidPoints):
        RedemptionLimits(**{name: None})


def test_limits_in_money(subtests):
    """
    The most money for one order is above nothing and payable (R-02, R-25).
    """
    assert Fraction(1, 2) == RedemptionLimits(share_max="0.5").share_max
    bad = {"nothing": Money("0", "EUR"), "part of a cent": Money("0.001", "EUR"), "text": "5.00 EUR"}
    for case, value in {**HOSTILE, **bad}.items():
        with subtests.test(case), pytest.raises(InvalidMoney):
            RedemptionLimits(money_max=value)


@pytest.mark.parametrize("days", [-1, 36526, True, 1.0, "1", None])
def test_days_of_grace_are_whole(days):
    """
    Days of grace are whole, from 1 to a hundred years (R-34).
    """
    with pytest.raises(InvalidPoints):
        RestorePolicy(lapsed="grace", grace_days=days)
    assert RestorePolicy(lapsed="grace", grace_days=36525).grace_days == 36525


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ExpiryPolicy.after(months=12), ExpiryPolicy.after(years=1)),
        (ExpiryPolicy.after(days=14), ExpiryPolicy.after(weeks=2)),
        (ExpiryPolicy.after(days=1, year_starts=4), ExpiryPolicy.after(days=1)),
        (
            ExpiryPolicy.after(days=1, rounded_to="quarter", year_starts=4),
            ExpiryPolicy.after(days=1, rounded_to="quarter"),
        ),
        (
            ExpiryPolicy.earlier_of(ExpiryPolicy.after(years=1), ExpiryPolicy.on(date(2030, 1, 1))),
            ExpiryPolicy.earlier_of(ExpiryPolicy.on(date(2030, 1, 1)), ExpiryPolicy.after(months=12)),
        ),
    ],
)
def test_programs_that_mean_the_same(one, other):
    """
    Two programs are equal when they mean the same, and then have the same mapping (R-36).
    """
    programs = [Program(id="club", expiry=expiry) for expiry in (one, other)]
    assert programs[0] == programs[1]
    assert programs[0].to_mapping() == programs[1].to_mapping()
    assert hash(programs[0]) == hash(programs[1])
