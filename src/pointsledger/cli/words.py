"""
Figures in words: points with the merchant's own unit, local times, and the last day on which points can be used.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ..domain.entries import Entry
from ..domain.instants import start_of_day, wall_date
from ..domain.money import Money
from ..domain.program import Program

_MICROSECOND = timedelta(microseconds=1)


def points(count: int) -> str:
    """
    Return ``"1,200"``.
    """
    return f"{count:,}"


def change(count: int) -> str:
    """
    Return a signed count, such as ``"+1,200"``; nothing for 0.
    """
    return f"{count:+,}" if count else ""


def money(amount: Money | None) -> str:
    """
    Return ``"24.90 GBP"``; nothing where there is no money.
    """
    return "" if amount is None else str(amount)


def local_time(instant: datetime, program: Program) -> str:
    """
    Return the local date and time in the program's zone, to the minute.
    """
    return f"{instant.astimezone(ZoneInfo(program.timezone)):%Y-%m-%d %H:%M}"


def local_day(instant: datetime, program: Program) -> str:
    """
    Return the local date in the program's zone.
    """
    return wall_date(instant, program.timezone).isoformat()


def last_valid(expires_at: datetime, program: Program) -> str:
    """
    Return how long points that lapse at this instant can be used, as their holder reads it (R-37).
    """
    day = wall_date(expires_at, program.timezone)
    if expires_at == start_of_day(day, program.timezone):
        return f"until {local_day(expires_at - _MICROSECOND, program)}"
    return f"before {local_time(expires_at, program)}"


def about(entry: Entry) -> str:
    """
    Return what an entry was about: its order, or the reason that was given; what lapsed was about nothing.
    """
    if entry.kind == "expired":  # whatever command it was written down with
        return ""
    return f"order {entry.order}" if entry.order is not None else entry.reason or ""
