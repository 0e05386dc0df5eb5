"""
What the model is given and gives: plain dicts.

- A program, order, line, tender, rule or command is a plain dict; its keys are named like the fields of the package.
- Money is a pair of a `Fraction` and a currency, or a bare `Fraction` where the order names the currency.
- An expiry policy is ``{"days": 10}`` (after), ``{"idle": 10, "resets": {"earn"}}`` (inactivity), both (the earlier),
  or ``{}`` (never); a pending policy is ``{}`` (at once), ``{"days": 3}`` or ``{"event": True}``.
- Programs work in UTC and their policies count in days, so the calendar is date plus days.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from fractions import Fraction
from typing import Any, TypeAlias

Plain: TypeAlias = dict[str, Any]

Dates: TypeAlias = tuple[datetime, datetime | None, bool]
"""When points become usable and lapse, and whether they follow the program's policy."""

ByDates: TypeAlias = dict[Dates, int]
"""Points of an order by the dates of their credits."""

Count: TypeAlias = Callable[[Plain], int]
"""Gives how many units of a line are counted."""

Given: TypeAlias = tuple[Fraction, Plain]
"""What a rule gives, exactly, and the rule."""


class Refusal(Exception):
    """
    The command is refused, for the reason that the name of the package's error says.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)
