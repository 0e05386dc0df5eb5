"""
Whole points, exact ratios and the one rounding (R-01, R-03).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, Literal, TypeAlias

from ..errors import InvalidInput, InvalidPoints, InvalidProgram, LimitExceeded

POINTS_MAX = 10**12
TOTAL_MAX = 2**53 - 1

Exact: TypeAlias = int | Fraction
"""An exact number: an `int` as long as nothing was divided, a `Fraction` after that."""

Rounding = Literal["floor", "ceil", "half_up", "half_even"]


def check_points(value: Any, field: str, *, least: int = 1, most: int = POINTS_MAX) -> int:
    """
    Return `value` if it is an `int` of points from `least` to `most`, inclusive (R-01).

    Raises:
        InvalidPoints: for every other value; `bool`, `Decimal`, `str` and subclasses of `int` are refused too.
    """
    if type(value) is not int:
        raise InvalidPoints(field, value, "points are a whole number of type int")
    if not least <= value <= most:
        raise InvalidPoints(field, value, f"points must be from {least} to {most}")
    return value


def check_count(value: Any, field: str, *, least: int = 1, most: int = 10**9) -> int:
    """
    Return `value` if it is an `int` from `least` to `most`, inclusive; else raise `InvalidInput`.
    """
    if type(value) is not int or not least <= value <= most:
        raise InvalidInput(field, value, f"must be a whole number from {least} to {most}")
    return value


def check_total(value: int, figure: str) -> int:
    """
    Return a cumulative figure, or raise `LimitExceeded` beyond 2^53 - 1 (I-30).
    """
    if value > TOTAL_MAX:
        raise LimitExceeded(figure, TOTAL_MAX)
    return value


def check_operation(points: int) -> int:
    """
    Return the points that one operation gives, or raise `LimitExceeded` beyond 10^12 (R-01, I-30).
    """
    if points > POINTS_MAX:
        raise LimitExceeded("points", POINTS_MAX)
    return points


def check_ratio(value: Any, field: str) -> Fraction:
    """
    Return an exact positive ratio given as `int`, `Fraction` or text such as ``"1.5"`` or ``"3/2"`` (R-03).

    Raises:
        InvalidProgram: for a float, a Decimal, zero, a negative value, or a ratio beyond 10^12.
    """
    ratio: Fraction | None = None
    if type(value) is int or type(value) is Fraction:
        ratio = Fraction(value)
    elif type(value) is str and value.isascii() and value.replace("/", "", 1).replace(".", "", 1).isdigit():
        try:
            ratio = Fraction(value)
        except (ValueError, ZeroDivisionError):
            ratio = None
    if ratio is None:
        raise InvalidProgram(field, value, "must be exact: an int, a Fraction, or text such as '1.5' or '3/2'")
    if not (0 < ratio <= POINTS_MAX and ratio.denominator <= POINTS_MAX):
        raise InvalidProgram(field, value, f"must be above 0, and its terms at most {POINTS_MAX}")
    return ratio


def rounded(value: Exact, mode: Rounding) -> int:
    """
    Round an exact number of at least 0 once, by name (R-03).
    """
    whole, rest = divmod(value.numerator, value.denominator)
    return whole + _UPWARD[mode](whole, rest, value.denominator)


_UPWARD: dict[Rounding, Callable[[int, int, int], int]] = {
    "floor": lambda whole, rest, unit: 0,
    "ceil": lambda whole, rest, unit: int(rest > 0),
    "half_up": lambda whole, rest, unit: int(2 * rest >= unit),
    "half_even": lambda whole, rest, unit: int(2 * rest > unit or (2 * rest == unit and whole % 2 == 1)),
}


def apportioned(total: int, weights: Sequence[Exact]) -> tuple[int, ...]:
    """
    Split a whole `total` over `weights` so that the parts add up exactly: largest remainder, ties to the first (R-17).

    Returns one part per weight, in order; all parts are 0 where all weights are 0.
    """
    whole = sum(weights)
    if whole == 0:
        return (0,) * len(weights)
    shares = [Fraction(total * weight) / whole for weight in weights]
    parts = [share.numerator // share.denominator for share in shares]
    by_remainder = sorted(range(len(parts)), key=lambda i: parts[i] - shares[i])
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return tuple(parts)
