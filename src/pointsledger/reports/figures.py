"""
Figures to draw: curves of steps and bars, as values.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal, NamedTuple

Grain = Literal["day", "month", "year"]


class Step(NamedTuple):
    """
    The points in all lots and the points owed, from an instant on.
    """

    at: datetime
    balance: int
    debt: int


class Curve(NamedTuple):
    """
    Steps in the order of time, at least one, and the instant at which the last of them ends.
    """

    steps: tuple[Step, ...]
    until: datetime


class Bar(NamedTuple):
    """
    The points of the local days from `start` to before `end`.
    """

    start: date
    end: date
    points: int
