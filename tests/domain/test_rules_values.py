"""
Earning rules as values: what each kind takes and refuses.
"""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction

import pytest

from pointsledger import EarnRule, ExpiryPolicy, Money, PendingPolicy, Program
from pointsledger.errors import (
    CurrencyMismatch,
    InvalidIdentifier,
    InvalidInput,
    InvalidInstant,
    InvalidMoney,
    InvalidPoints,
    InvalidProgram,
)
from tests.ledger.bad_inputs import (
    HOSTILE,
    NOT_FLAGS,
    NOT_IDENTIFIERS,
    NOT_INSTANTS,
    NOT_INTEGERS,
    NOT_POINTS,
    LyingStr,
)

EURO = Money("1.00", "EUR")
NAME_SETS = ("products", "categories", "channels", "customer_groups", "multiplies")


def visit(**terms):
    """
    Return a rule for an action, built from its fields.
    """
    return EarnRule(id="r", kind="per_action", points=1, action="visit", **terms)


def test_each_kind_has_a_constructor():
    """
    Per amount, per unit, per order, multiplier and per action are built by name and differ in kind (R-16).
    """
    assert (
        (rule := EarnRule.per_amount(10, per=EURO, proportional=True)).kind, rule.points, rule.per, rule.proportional
    ) == ("per_amount", 10, EURO, True)  # fmt: skip
    assert ("per_unit", 5, {"tea"}) == (
        (rule := EarnRule.per_unit(5, products=["tea"])).kind,
        rule.points,
        rule.products,
    )
    assert ((rule := EarnRule.per_order(100)).kind, rule.points) == ("per_order", 100)
    assert ("multiplier", Fraction(3, 2), {"base"}) == (
        (rule := EarnRule.multiplier("1.5", multiplies=["base"])).kind, rule.factor, rule.multiplies
    )  # fmt: skip


def test_rules_for_actions():
    """
    A rule for an action is called as the action, and rewards every act of everybody unless it says otherwise
    (R-16, S1.23 to S1.27, S3.17).
    """
    plain = EarnRule.per_action(50, action="registration")
    assert (plain.id, plain.kind, plain.points, plain.action) == ("registration", "per_action", 50, "registration")
    assert (plain.limit, plain.of_invitee, plain.per, plain.proportional) == (None, "each", None, False)
    orders = EarnRule.per_action(
        10,
        action="invitation_to_order",
        id="orders",
        per=EURO,
        proportional=True,
        limit=3,
        of_invitee="first",
        channels=["web"],
        customer_groups=["club"],
        minimum=EURO,
        group="g",
        priority=2,
        rounding="half_up",
        verified=True,
        expiry=ExpiryPolicy.after(days=9),
        pending=PendingPolicy.after(days=1),
    )
    assert (orders.id, orders.limit, orders.of_invitee, orders.per, orders.verified) == (
        "orders",
        3,
        "first",
        EURO,
        True,
    )


def test_any_action_of_the_merchants_own():
    """
    What is rewarded is the merchant's to name; a name is an identifier (R-05, R-16).
    """
    assert EarnRule.per_action(1, action="bring your own cup ☕").id == "bring your own cup ☕"
    with pytest.raises(InvalidIdentifier):
        EarnRule.per_action(1, action=" cup", id="cup")


@pytest.mark.parametrize("kind", ["per_amount", "per_unit", "per_order", "multiplier", "per_action"])
def test_verified_is_a_flag_of_every_kind(kind):
    """
    Any rule can be for verified holders only, and is for all unless it says so (S2.2).
    """
    build = {
        "per_amount": lambda **terms: EarnRule.per_amount(1, per=EURO, **terms),
        "per_unit": lambda **terms: EarnRule.per_unit(1, **terms),
        "per_order": lambda **terms: EarnRule.per_order(1, **terms),
        "multiplier": lambda **terms: EarnRule.multiplier(2, **terms),
        "per_action": lambda **terms: EarnRule.per_action(1, action="visit", **terms),
    }[kind]
    assert (build().verified, build(verified=True).verified) == (False, True)


def test_rules_for_actions_are_kept_as_mappings():
    """
    In a file a rule for an action has the fields that its constructor takes (R-31).
    """
    rule = EarnRule.per_action(10, action="referral", id="r", per=EURO, limit=2, of_invitee="first", verified=True)
    mapping = {
        "id": "r",
        "kind": "per_action",
        "points": 10,
        "per": "1.00 EUR",
        "action": "referral",
        "limit": 2,
        "of_invitee": "first",
        "verified": True,
    }
    program = Program(id="p", earn_rules=[rule])
    assert program.to_mapping() == {"id": "p", "earn_rules": [mapping]}
    assert Program.from_mapping(program.to_mapping()) == program


@pytest.mark.parametrize(
    "build",
    [
        lambda money: EarnRule.per_amount(1, per=EURO, minimum=money),
        lambda money: EarnRule.per_action(1, action="referral", per=EURO, minimum=money),
    ],
)
def test_a_minimum_is_in_the_currency_of_per(build):
    """
    Two currencies never meet: no order and no act has an amount in both (R-02).
    """
    assert build(Money("5.00", "EUR")).minimum == Money("5.00", "EUR")
    with pytest.raises(CurrencyMismatch) as refused:
        build(Money("5.00", "USD"))
    assert (refused.value.field, refused.value.expected, refused.value.given) == ("minimum", "EUR", "USD")


def test_rules_that_mean_the_same_are_equal():
    """
    Equal rules may name their products in another order, spell a ratio or an instant otherwise (R-03, R-04).
    """
    start = datetime(2024, 6, 1, 12, tzinfo=UTC)
    one = EarnRule.multiplier("1.50", products=["a", "b"], valid_from=start)
    two = EarnRule.multiplier(
        Fraction(3, 2), products=("b", "a", "a"), valid_from=start.astimezone(timezone(timedelta(hours=2)))
    )
    assert one == two
    assert hash(one) == hash(two)
    assert EarnRule.per_order(1) != EarnRule.per_order(2)


@pytest.mark.parametrize("price", ["0.000001", "0.001", "1.00", "1000000000000"])
def test_points_may_be_given_for_any_amount_above_nothing(price):
    """
    The amount of one group may have up to six decimals (R-02, R-16).
    """
    assert Money(price, "EUR") == EarnRule.per_amount(1, per=Money(price, "EUR")).per


@pytest.mark.parametrize(
    ("build", "field", "refusal"),
    [
        (lambda: EarnRule(id="r", kind="bonus"), "kind", InvalidProgram),
        (lambda: EarnRule(id="r", kind=LyingStr("per_order"), points=1), "kind", InvalidProgram),
        (lambda: EarnRule(id="r", kind=["per_order"], points=1), "kind", InvalidProgram),
        (lambda: EarnRule.per_order(1, rounding="bankers"), "rounding", InvalidProgram),
        (lambda: EarnRule.per_order(1, rounding=LyingStr("bankers")), "rounding", InvalidProgram),
        (lambda: EarnRule.per_order(1, rounding=None), "rounding", InvalidProgram),
        (lambda: EarnRule.per_amount(1, per=Money("0", "EUR")), "per", InvalidMoney),
        (lambda: EarnRule.per_amount(1, per=Money("-1", "EUR")), "per", InvalidMoney),
        (lambda: EarnRule.per_amount(1, per=Money("1000000000001", "EUR")), "per", InvalidMoney),
        (lambda: EarnRule.per_amount(1, per="1.00 EUR"), "per", InvalidMoney),
        (lambda: EarnRule.per_amount(1, per=1), "per", InvalidMoney),
        (lambda: EarnRule.per_amount(1, per=None), "per", InvalidProgram),
        (lambda: EarnRule(id="r", kind="per_order", points=1, per=EURO), "per", InvalidProgram),
        (lambda: EarnRule(id="r", kind="per_order", points=1, proportional=True), "proportional", InvalidProgram),
        (lambda: EarnRule(id="r", kind="per_unit", points=1, with_tax=True), "with_tax", InvalidProgram),
        (lambda: EarnRule(id="r", kind="per_unit", points=1, with_shipping=True), "with_shipping", InvalidProgram),
        (lambda: EarnRule(id="r", kind="per_unit", points=1, factor=2), "factor", InvalidProgram),
        (lambda: EarnRule(id="r", kind="per_unit", points=1, multiplies=["x"]), "multiplies", InvalidProgram),
        (lambda: EarnRule(id="r", kind="multiplier"), "factor", InvalidProgram),
        (lambda: EarnRule(id="r", kind="multiplier", factor=2, points=5), "points", InvalidProgram),
        (lambda: EarnRule(id="r", kind="per_action", points=1), "action", InvalidProgram),
        (lambda: EarnRule.per_action(0, action="visit"), "points", InvalidPoints),
        (lambda: visit(proportional=True), "proportional", InvalidProgram),
        (lambda: visit(per=Money("0", "EUR")), "per", InvalidMoney),
        (lambda: visit(of_invitee="second"), "of_invitee", InvalidProgram),
        (lambda: visit(products=["tea"]), "products", InvalidProgram),
        (lambda: visit(categories=["tea"]), "categories", InvalidProgram),
        (lambda: visit(with_shipping=True), "with_shipping", InvalidProgram),
        (lambda: visit(with_tax=True), "with_tax", InvalidProgram),
        (lambda: visit(factor=2), "factor", InvalidProgram),
        (lambda: visit(multiplies=["x"]), "multiplies", InvalidProgram),
        (lambda: visit(expiry=ExpiryPolicy.inactivity(days=1)), "expiry", InvalidProgram),
        (lambda: EarnRule(id="r", kind="per_unit", points=1, action="visit"), "action", InvalidProgram),
        (lambda: EarnRule(id="r", kind="per_unit", points=1, of_invitee="first"), "of_invitee", InvalidProgram),
        (lambda: EarnRule(id="r", kind="per_order", points=1, limit=3), "limit", InvalidProgram),
        (lambda: EarnRule(id="r", kind="per_amount", points=1, per=EURO, limit=3), "limit", InvalidProgram),
        (lambda: EarnRule(id="r", kind="multiplier", factor=2, action="visit"), "action", InvalidProgram),
        (lambda: EarnRule.multiplier(2, group="g"), "group", InvalidProgram),
        (lambda: EarnRule.multiplier(2, rounding="ceil"), "rounding", InvalidProgram),
        (lambda: EarnRule.multiplier(2, expiry=ExpiryPolicy.never()), "expiry", InvalidProgram),
        (lambda: EarnRule.multiplier(2, pending=PendingPolicy.at_once()), "pending", InvalidProgram),
        (lambda: EarnRule.multiplier(0), "factor", InvalidProgram),
        (lambda: EarnRule.multiplier(-1), "factor", InvalidProgram),
        (lambda: EarnRule.multiplier(1.5), "factor", InvalidProgram),
        (lambda: EarnRule.multiplier(Decimal("1.5")), "factor", InvalidProgram),
        (lambda: EarnRule.multiplier(None), "factor", InvalidProgram),
        (lambda: EarnRule.multiplier(True), "factor", InvalidProgram),
        (lambda: EarnRule.multiplier(Fraction(10**30)), "factor", InvalidProgram),
        (lambda: EarnRule.per_order(1, minimum=Money("0.001", "EUR")), "minimum", InvalidMoney),
        (lambda: EarnRule.per_order(1, minimum=Money("-1", "EUR")), "minimum", InvalidMoney),
        (lambda: EarnRule.per_order(1, minimum=5), "minimum", InvalidMoney),
        (lambda: EarnRule.per_order(1, expiry=ExpiryPolicy.inactivity(days=1)), "expiry", InvalidProgram),
        (
            lambda: EarnRule.per_order(
                1, expiry=ExpiryPolicy.earlier_of(ExpiryPolicy.inactivity(days=1), ExpiryPolicy.never())
            ),
            "expiry",
            InvalidProgram,
        ),
        (lambda: EarnRule.per_order(1, expiry="never"), "expiry", InvalidProgram),
        (lambda: EarnRule.per_order(1, expiry=PendingPolicy.at_once()), "expiry", InvalidProgram),
        (lambda: EarnRule.per_order(1, pending=ExpiryPolicy.never()), "pending", InvalidProgram),
        (lambda: EarnRule.per_order(1, priority=10**6 + 1), "priority", InvalidInput),
        (lambda: EarnRule.per_order(1, priority=-(10**6) - 1), "priority", InvalidInput),
    ],
)  # fmt: skip
def test_rules_that_cannot_be_are_refused(build, field, refusal):
    """
    A rule without what its kind needs, or with what would have no effect, is refused by field (R-16).
    """
    with pytest.raises(refusal) as refused:
        build()
    assert (refusal, field) == (type(refused.value), refused.value.field)
    assert str(refused.value)


def test_a_window_ends_after_it_begins():
    """
    A validity window is half-open and not empty, also where one wall clock is read twice (R-04, R-16).
    """
    start = datetime(2024, 6, 1, tzinfo=UTC)
    least = EarnRule.per_order(1, valid_from=start, valid_until=start + timedelta(microseconds=1))
    assert least.valid_from is not None
    for until in (start, start - timedelta(microseconds=1), start.astimezone(timezone(timedelta(hours=-5)))):
        with pytest.raises(InvalidProgram) as refused:
            EarnRule.per_order(1, valid_from=start, valid_until=until)
        assert refused.value.field == "valid_until"


@pytest.mark.parametrize(
    ("name", "bad", "refusal"),
    [
        ("points", {**NOT_POINTS, "none": None}, InvalidPoints),
        ("id", {**NOT_IDENTIFIERS, "none": None}, InvalidIdentifier),
        ("group", NOT_IDENTIFIERS, InvalidIdentifier),
        ("valid_from", NOT_INSTANTS, InvalidInstant),
        ("valid_until", NOT_INSTANTS, InvalidInstant),
        ("priority", {**NOT_INTEGERS, "none": None}, InvalidInput),
        ("minimum", {**HOSTILE, "text": "1.00 EUR"}, InvalidMoney),
        ("expiry", HOSTILE, InvalidProgram),
        ("pending", HOSTILE, InvalidProgram),
        ("kind", {**HOSTILE, "none": None}, InvalidProgram),
        ("rounding", HOSTILE, InvalidProgram),
        ("proportional", NOT_FLAGS, InvalidInput),
        ("with_shipping", NOT_FLAGS, InvalidInput),
        ("with_tax", NOT_FLAGS, InvalidInput),
        ("verified", NOT_FLAGS, InvalidInput),
        *((name, {"text": "tea", "bytes": b"tea", "none": None, "int": 5, "lists": [["tea"]]}, InvalidInput)
          for name in NAME_SETS),
        *((name, {case: (value,) for case, value in NOT_IDENTIFIERS.items()}, InvalidInput) for name in NAME_SETS),
    ],
)  # fmt: skip
def test_fields_of_a_rule(subtests, name, bad, refusal):
    """
    Every field of a rule refuses what it does not take, by name (R-01, R-02, R-04, R-05).
    """
    good = {"id": "r", "kind": "per_amount", "points": 1, "per": EURO}
    for case, value in bad.items():
        with subtests.test(case):
            with pytest.raises(refusal) as refused:
                EarnRule(**{**good, name: value})
            assert str(refused.value)
            assert repr(refused.value)


@pytest.mark.parametrize(
    ("name", "bad", "refusal"),
    [
        ("action", {**NOT_IDENTIFIERS, "none": None}, InvalidInput),
        ("limit", {**NOT_INTEGERS, "0": 0, "-1": -1, "10^9+1": 10**9 + 1}, InvalidInput),
        ("of_invitee", {**HOSTILE, "none": None, "lying": LyingStr("each")}, InvalidProgram),
        ("per", {**HOSTILE, "text": "1.00 EUR"}, InvalidMoney),
        ("points", {**NOT_POINTS, "none": None}, InvalidPoints),
    ],
)
def test_fields_of_a_rule_for_an_action(subtests, name, bad, refusal):
    """
    What only such a rule has is refused by name where it cannot be (R-01, R-05, R-16).
    """
    good = {"id": "r", "kind": "per_action", "points": 1, "action": "visit", "limit": 10**9}
    assert EarnRule(**good).limit == 10**9
    for case, value in bad.items():
        with subtests.test(case):
            with pytest.raises(refusal) as refused:
                EarnRule(**{**good, name: value})
            assert refused.value.field == name


@pytest.mark.parametrize("value", [0.0, False, Decimal(0), "", None])
def test_a_multiplier_has_no_points_at_all(value):
    """
    A multiplier gives no points of its own, and what merely equals 0 is refused as elsewhere (R-01).
    """
    with pytest.raises(InvalidInput):
        EarnRule(id="m", kind="multiplier", factor=2, points=value)
