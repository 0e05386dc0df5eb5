"""
Earning rules as values: what each kind takes and refuses.
"""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction

import pytest

from pointsledger import EarnRule, ExpiryPolicy, Money, PendingPolicy
from pointsledger.errors import (
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


def test_each_kind_has_a_constructor():
    """
    Per amount, per unit, per order and multiplier are built by name and differ in kind (R-16).
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


@pytest.mark.parametrize("value", [0.0, False, Decimal(0), "", None])
def test_a_multiplier_has_no_points_at_all(value):
    """
    A multiplier gives no points of its own, and what merely equals 0 is refused as elsewhere (R-01).
    """
    with pytest.raises(InvalidInput):
        EarnRule(id="m", kind="multiplier", factor=2, points=value)
