"""
What outstanding points are worth: exactly, at the rate of the place that brought them (R-23).

Whole groups are of no account here: a holder may use the rest of one with later points, so it is owed too.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction

from ..domain.money import Money, micros_per_unit
from ..domain.program import Program
from ..domain.rates import ExchangeRate


def currencies(program: Program) -> tuple[str, ...]:
    """
    Return the currencies that a program's points turn into, in the order of its rates.
    """
    return tuple(dict.fromkeys(rate.currency for rate in program.exchange_rates))


def exact_value(rate: ExchangeRate, points: int) -> Fraction:
    """
    Return what points are worth in micros, a part of a group included; below 0 for points that left.
    """
    return Fraction(rate.money.micros * points, rate.points)


def carrying_rate(program: Program, currency: str, channel: str | None, at: datetime) -> ExchangeRate:
    """
    Return the rate at which points that a channel brought are carried at an instant.

    It is the program's rate there for nobody in particular; where none holds then, the one that holds at another time;
    where all are for others, the first of the currency: what somebody could get for points is not left out.
    """
    found = program.rate(currency, channel=channel, at=at) or program.rate(currency, channel=channel)
    return found or next(rate for rate in program.exchange_rates if rate.currency == currency)


def carrying_value(program: Program, currency: str, points: Mapping[str | None, int], at: datetime) -> Fraction:
    """
    Return what points by channel are worth in all at an instant, in exact micros.
    """
    parts = (exact_value(carrying_rate(program, currency, channel, at), count) for channel, count in points.items())
    return sum(parts, start=Fraction())


def floored(micros: Fraction, currency: str) -> Money:
    """
    Return the money of at most exact micros in units that the currency can pay; also below 0.
    """
    unit = micros_per_unit(currency)
    return Money.of_micros(micros // unit * unit, currency)
