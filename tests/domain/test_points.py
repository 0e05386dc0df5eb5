"""
Whole points, exact ratios and the one rounding.
"""

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsledger.domain.points import (
    TOTAL_MAX,
    Rounding,
    apportioned,
    check_count,
    check_points,
    check_ratio,
    check_total,
    rounded,
)
from pointsledger.errors import InvalidInput, InvalidPoints, InvalidProgram, LimitExceeded
from tests.ledger.bad_inputs import NOT_INTEGERS, NOT_POINTS

exact = st.one_of(st.integers(0, 10**18), st.fractions(min_value=0, max_value=10**15))
weights = st.lists(st.one_of(st.integers(0, 10**9), st.fractions(min_value=0, max_value=10**6)), max_size=12)


@pytest.mark.parametrize("points", [1, 2, 2**31, 10**12 - 1, 10**12])
def test_points_are_whole_numbers(points):
    """
    Points of one operation are an int from 1 to 10^12 (R-01, I-30).
    """
    assert points == check_points(points, "points")


def test_other_points_are_refused(subtests):
    """
    Bools, floats, decimals, text and subclasses of int are refused and never converted (R-01).
    """
    for name, value in {**NOT_POINTS, "none": None}.items():
        with subtests.test(name):
            with pytest.raises(InvalidPoints) as refused:
                check_points(value, "points")
            assert refused.value.field == "points"
            assert str(refused.value).startswith("points: ")


def test_counts_are_whole_numbers(subtests):
    """
    Counts take an int within their bounds and nothing else (R-01).
    """
    assert check_count(0, "after", least=0) == 0
    assert check_count(10**9, "quantity") == 10**9
    for name, value in {**NOT_INTEGERS, "0": 0, "10^9+1": 10**9 + 1, "none": None}.items():
        with subtests.test(name), pytest.raises(InvalidInput):
            check_count(value, "quantity")


def test_totals_fit_into_53_bits():
    """
    A cumulative figure may reach 2^53 - 1 and no more (R-01, I-30).
    """
    assert 2**53 - 1 == check_total(2**53 - 1, "earned") == TOTAL_MAX
    with pytest.raises(LimitExceeded) as refused:
        check_total(2**53, "earned")
    assert str(refused.value) == "earned would pass the limit of 9007199254740991"


@pytest.mark.parametrize(
    ("given", "ratio"),
    [
        (2, Fraction(2)),
        (Fraction(1, 3), Fraction(1, 3)),
        ("1.5", Fraction(3, 2)),
        ("3/2", Fraction(3, 2)),
        ("2", Fraction(2)),
        (10**12, Fraction(10**12)),
        (Fraction(1, 10**12), Fraction(1, 10**12)),
    ],
)
def test_ratios_are_exact(given, ratio):
    """
    A ratio is the exact rational that an int, a fraction or text names (R-03).
    """
    assert ratio == check_ratio(given, "factor")


@pytest.mark.parametrize(
    "value",
    [
        0.1, 1.0, Decimal("0.1"), Decimal("NaN"), True, None, b"1", [], object(), 1j,
        "", "-1", "+1", "1e3", " 1", "1/0", "1//2", "/2", "1/2.5", "1_0", "\uff11", "nan", "inf", "1" * 5000,
        0, -1, Fraction(0), Fraction(-1, 2), 10**12 + 1, 10**5000, Fraction(10**30), Fraction(1, 10**12 + 1), "0",
        "0.0",
    ],
    ids=lambda value: f"{type(value).__name__}",
)  # fmt: skip
def test_other_ratios_are_refused(value):
    """
    Floats, decimals, nothing, less than nothing and terms beyond 10^12 are no ratio (R-03).
    """
    with pytest.raises(InvalidProgram) as refused:
        check_ratio(value, "factor")
    assert refused.value.field == "factor"
    assert str(refused.value)


@pytest.mark.parametrize(
    ("value", "floor", "ceil", "half_up", "half_even"),
    [
        (7, 7, 7, 7, 7),
        (Fraction(5, 2), 2, 3, 3, 2),
        (Fraction(7, 2), 3, 4, 4, 4),
        (Fraction(1, 3), 0, 1, 0, 0),
        (Fraction(2, 3), 0, 1, 1, 1),
        (Fraction(1, 2), 0, 1, 1, 0),
        (0, 0, 0, 0, 0),
    ],
)
def test_roundings_by_hand(value, floor, ceil, half_up, half_even):
    """
    Each rounding has one name and one meaning (R-03).
    """
    assert (floor, ceil, half_up, half_even) == tuple(rounded(value, mode) for mode in get_args(Rounding))


@given(exact)
def test_roundings_are_those_of_exact_numbers(value):
    """
    Rounding agrees with the floor, ceiling and banker's rounding of fractions (R-03, I-26).
    """
    fraction = Fraction(value)
    assert math.floor(fraction) == rounded(value, "floor")
    assert math.ceil(fraction) == rounded(value, "ceil")
    assert math.floor(fraction + Fraction(1, 2)) == rounded(value, "half_up")
    assert round(fraction) == rounded(value, "half_even")


@given(st.decimals(0, 10**9, places=3))
def test_roundings_are_those_of_decimals(value):
    """
    Rounding agrees with the decimal module where a decimal can hold the value (R-03, I-26).
    """
    modes = {"floor": ROUND_FLOOR, "ceil": ROUND_CEILING, "half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN}
    for name, mode in modes.items():
        expected = value.quantize(Decimal(1), mode, Context(prec=40))
        assert int(expected) == rounded(Fraction(value), name)


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (10, (1, 1, 1), (4, 3, 3)),
        (11, (1, 1, 1), (4, 4, 3)),
        (49, (2490, 1000), (35, 14)),
        (5, (Fraction(1, 3), Fraction(2, 3)), (2, 3)),
        (1, (1, 2), (0, 1)),
        (7, (0, 5, 0), (0, 7, 0)),
        (7, (0, 0), (0, 0)),
        (0, (3, 4), (0, 0)),
        (5, (), ()),
    ],
)
def test_parts_by_largest_remainder(total, weights, parts):
    """
    The points left over go to the largest remainders, ties to the first (R-17).
    """
    assert parts == apportioned(total, weights)


@given(st.integers(0, 10**12), weights)
def test_parts_add_up_and_are_fair(total, weights):
    """
    Parts sum to the total, each within one of its exact share, and no smaller remainder is preferred (R-17).
    """
    parts = apportioned(total, weights)
    whole = sum(map(Fraction, weights))
    assert len(weights) == len(parts)
    if not whole:
        assert not any(parts)
        return
    assert total == sum(parts)
    shares = [total * Fraction(weight) / whole for weight in weights]
    assert all(math.floor(share) <= part <= math.ceil(share) for share, part in zip(shares, parts, strict=True))
    raised = [share % 1 for share, part in zip(shares, parts, strict=True) if part > share]
    left = [share % 1 for share, part in zip(shares, parts, strict=True) if part < share]
    assert not raised or not left or min(raised) >= max(left)
