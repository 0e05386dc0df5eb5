"""
Figures in words: points, money, local times, and the last day on which points can be used.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ..domain.commands import Act
from ..domain.entries import Entry
from ..domain.expiry import ON_EVENT
from ..domain.instants import start_of_day, wall_date
from ..domain.money import Money
from ..domain.program import Program
from ..domain.rates import ExchangeRate
from .statement import Batch

_MICROSECOND = timedelta(microseconds=1)


def points(count: int) -> str:
    """
    Return ``"1,200"``.
    """
    return f"{count:,}"


def days(count: int) -> str:
    """
    Return ``"1 day"`` or ``"1,200 days"``.
    """
    return f"{count:,} {'day' if count == 1 else 'days'}"


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


def grouped_money(amount: Money | None) -> str:
    """
    Return ``"1,224.90 GBP"``; nothing where there is no money.
    """
    return "" if amount is None else f"{amount.amount:,} {amount.currency}"


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


def local_moment(instant: datetime, program: Program) -> str:
    """
    Return the local date where it begins with this instant, or else the local date and time.
    """
    day = wall_date(instant, program.timezone)
    return day.isoformat() if instant == start_of_day(day, program.timezone) else local_time(instant, program)


def last_valid(expires_at: datetime, program: Program) -> str:
    """
    Return how long points that lapse at this instant can be used, as their holder reads it (R-37).
    """
    day = wall_date(expires_at, program.timezone)
    if expires_at == start_of_day(day, program.timezone):
        return f"until {local_day(expires_at - _MICROSECOND, program)}"
    return f"before {local_time(expires_at, program)}"


def usable(batch: Batch, at: datetime, program: Program) -> str:
    """
    Return from when, where that lies ahead, and how long what is left of a lot can be used.
    """
    lot = batch.lot
    if lot.available_at >= ON_EVENT:
        return "not yet"
    end = "for ever" if batch.lapses_at is None else last_valid(batch.lapses_at, program)
    return end if lot.available_at <= at else f"from {local_day(lot.available_at, program)} {end}"


def rate(found: ExchangeRate | None, program: Program) -> str:
    """
    Return ``"10 beans = 0.50 GBP"``; nothing where there is no rate.
    """
    return "" if found is None else f"{program.unit.count(found.points)} = {found.money}"


def capital(text: str) -> str:
    """
    Return a text with a capital first letter, and the others as they are.
    """
    return text[:1].upper() + text[1:]


def one_line(text: str | None) -> str:
    """
    Return free text on one line: what separates its words becomes a space.
    """
    return " ".join((text or "").split())


def about(entry: Entry) -> str:
    """
    Return what an entry was about: its order, the action, or the reason given; what lapsed was about nothing.
    """
    if entry.kind == "expired":  # whatever command it was written down with
        return ""
    if isinstance(entry.command, Act):
        return entry.command.action
    return f"order {entry.order}" if entry.order is not None else one_line(entry.reason)
