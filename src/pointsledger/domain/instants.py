"""
Instants, local days and calendar periods (R-04, R-37).

An instant is an aware UTC datetime with microseconds.
Datetimes of other zones are turned to UTC at the border and never compared before that: two datetimes that
share a zone compare by their wall clock, which is wrong inside the hour that autumn repeats.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from ..errors import InvalidInput, InvalidInstant, InvalidProgram

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(9000, 1, 1, tzinfo=UTC)

_MICROSECOND = timedelta(microseconds=1)
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)


def check_instant(value: Any, field: str) -> datetime:
    """
    Return `value` as a plain UTC datetime (R-04, I-34).

    Subclasses of `datetime` are reduced to plain datetimes of microseconds.

    Raises:
        InvalidInstant: not a datetime, naive, a zone that fails, or outside the years 1900 to 8999.
    """
    if not isinstance(value, datetime):
        raise InvalidInstant(field, value, "must be an aware datetime")
    if type(value) is datetime and value.tzinfo is UTC and EARLIEST <= value < LATEST:
        return value
    try:
        offset = value.utcoffset()
        naive = datetime(  # noqa: DTZ001 - its offset is taken off below
            value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond
        )
        instant = None if offset is None else (naive - offset).replace(tzinfo=UTC)
    except OverflowError:
        raise InvalidInstant(field, value, "must be in the years 1900 to 8999") from None
    except Exception as error:  # a tzinfo or subclass of the caller may raise anything
        raise InvalidInstant(field, value, "its time zone gives no offset") from error
    if instant is None:
        raise InvalidInstant(field, value, "must be aware: give it a time zone")
    if not EARLIEST <= instant < LATEST:
        raise InvalidInstant(field, value, "must be in the years 1900 to 8999")
    return instant


def check_period(since: Any, until: Any) -> tuple[datetime | None, datetime]:
    """
    Return a period as plain UTC datetimes; it begins with everything where `since` is None.

    Raises:
        InvalidInstant: see `check_instant`; InvalidInput: the period is empty.
    """
    first = None if since is None else check_instant(since, "since")
    end = check_instant(until, "until")
    if first is not None and first >= end:
        raise InvalidInput("until", until, "must be later than since")
    return first, end


def check_window(value: Any) -> None:
    """
    Turn `valid_from` and `valid_until` of a value that is being built into UTC, and refuse an empty window.
    """
    for name in ("valid_from", "valid_until"):
        instant = getattr(value, name)
        if instant is not None:
            object.__setattr__(value, name, check_instant(instant, name))
    if value.valid_from is not None and value.valid_until is not None and value.valid_from >= value.valid_until:
        raise InvalidProgram("valid_until", value.valid_until, "must be later than valid_from")


def is_within(value: Any, at: datetime) -> bool:
    """
    Whether an instant lies in the half-open window of a rate: valid_from <= at < valid_until.
    """
    started = value.valid_from is None or at >= value.valid_from
    return started and (value.valid_until is None or at < value.valid_until)


def micros(instant: datetime) -> int:
    """
    Return the whole microseconds from 1970-01-01 UTC to `instant`; negative before.
    """
    return (instant - EPOCH) // _MICROSECOND


def from_micros(count: int) -> datetime:
    """
    Return the instant `count` microseconds after 1970-01-01 UTC.
    """
    return EPOCH + timedelta(0, 0, count)


zone = lru_cache(maxsize=1024)(ZoneInfo)
"""The zone of a checked name, kept so that no calendar rule loads it twice."""

# Files of the zone database that are no zones of their own: placeholders, the host's setting, other clocks.
_NO_ZONES = ("Factory", "posixrules", "localtime", "posix/", "right/")


def check_zone(value: Any, field: str) -> str:
    """
    Return `value` if it is the name of an IANA time zone, aliases such as ``EST5EDT`` included.

    Raises:
        InvalidProgram: there is no such zone, or the host has no time zone data (install ``tzdata``).
    """
    known = type(value) is str and not value.startswith(_NO_ZONES)
    if known:
        try:
            zone(value)
        except (LookupError, ValueError, OSError):
            known = False
    if not known:
        raise InvalidProgram(field, value, "must be the name of an IANA time zone")
    return str(value)


def wall_date(instant: datetime, zone_name: str) -> date:
    """
    Return the date that a calendar on the wall shows at `instant` in the zone.
    """
    return instant.astimezone(zone(zone_name)).date()


def local_date(instant: datetime, zone_name: str) -> date:
    """
    Return the latest date that a calendar on the wall has shown until `instant`, inclusive.

    It is the date shown, except where clocks go back over midnight: there the wall shows tomorrow's date for some
    minutes and then today's again. Who has seen tomorrow's date is not told an earlier one later, so a later instant
    never has an earlier date (I-33).
    """
    day = wall_date(instant, zone_name)
    tomorrow = day + _DAY
    return tomorrow if _first_midnight(tomorrow, zone_name) <= instant else day


@lru_cache(maxsize=65536)
def _first_midnight(day: date, zone_name: str) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone(zone_name)).astimezone(UTC)


@lru_cache(maxsize=65536)
def start_of_day(day: date, zone_name: str) -> datetime:
    """
    Return the instant from which the zone's date is `day` or later, for good (R-37, I-33).

    It is local midnight, except where the zone skips or repeats midnight: a skipped midnight (or day) begins at
    the first instant that exists; after a midnight that is repeated from before, the earlier day has truly ended
    only the second time.
    """
    first = _first_midnight(day, zone_name)
    second = datetime(day.year, day.month, day.day, tzinfo=zone(zone_name), fold=1).astimezone(UTC)
    if first == second:
        return first
    if first < second:  # repeated: has the wall calendar gone back to the day before?
        return second if wall_date(second - _MICROSECOND, zone_name) < day else first
    return _transition(day, zone_name, second, first)


def _transition(day: date, zone_name: str, before: datetime, after: datetime) -> datetime:
    """
    Bisect a gap in local time to the second: `before` shows an earlier date than `day`, `after` does not.
    """
    low, high = before - _DAY, after
    while high - low > _SECOND:
        middle = (low + (high - low) // 2).replace(microsecond=0)
        if wall_date(middle, zone_name) < day:
            low = middle
        else:
            high = middle
    return high
