"""
Local days at the offset changes of time zones, against an oracle that does arithmetic on UTC seconds only.
"""

from datetime import timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

import pytest

from pointsledger import ExpiryPolicy, PendingPolicy
from tests.domain.calendar_oracle import DAY, Calendar, date_of, instant_of

# Every kind of oddity: midnight skipped or repeated, whole days skipped, half hours, negative and double
# summer time, summer time suspended in Ramadan, offsets with seconds, changes at one minute past midnight.
SAMPLE = (
    "Africa/Cairo", "Africa/Casablanca", "Africa/Monrovia", "America/Asuncion", "America/Havana",
    "America/Los_Angeles", "America/Nuuk", "America/Santiago", "America/Sao_Paulo", "America/St_Johns",
    "Antarctica/Casey", "Antarctica/Troll", "Asia/Amman", "Asia/Beirut", "Asia/Gaza", "Asia/Kathmandu", "Asia/Manila",
    "Asia/Pyongyang", "Asia/Tehran", "Atlantic/Azores", "Australia/Lord_Howe", "EST5EDT", "Etc/GMT+12", "Etc/GMT-14",
    "Europe/Dublin", "Europe/London", "Europe/Volgograd", "Pacific/Apia", "Pacific/Enderbury", "Pacific/Kiritimati",
    "Pacific/Kwajalein", "UTC",
)  # fmt: skip

NOT_ZONES = {"Factory", "localtime", "posixrules"}

ZONES = [
    *SAMPLE,
    *(
        pytest.param(name, id=f"all-{name}", marks=pytest.mark.all_zones)
        for name in sorted(available_timezones() - NOT_ZONES)
    ),
]

calendar_of = lru_cache(maxsize=len(SAMPLE))(Calendar)

NEAR = sorted({*range(-36 * 3600, 36 * 3600 + 1, 6 * 3600 - 1), *range(-7200, 7201, 1799), -1, 0})
"""Distances from a change, in seconds, at which points are earned; on both sides of every midnight."""


@pytest.mark.parametrize("name", ZONES)
def test_days_begin_and_end_where_the_oracle_says(name):
    """
    At every offset change, points lapse at the first instant from which the local date stays after their last valid
    date, never before that day has ended, and points due on a date are usable from its first instant (R-37, I-33).
    """
    zone = calendar_of(name)
    long_ago = instant_of(-3650 * DAY)
    for change in zone.changes:
        today = zone.day_at(change)
        for day in range(today - 2, today + 3):
            expected = instant_of(zone.start_of(day + 1))
            assert expected == ExpiryPolicy.on(date_of(day)).expires_at(long_ago, name)
            assert expected == PendingPolicy.on(date_of(day + 1)).usable_from(long_ago, name)


@pytest.mark.parametrize("name", ZONES)
def test_periods_count_local_days(name):
    """
    Around every offset change, a period counts from the local date of earning, and who earns later keeps points no
    shorter (R-37, I-33).

    Where clocks go back over midnight, the wall shows tomorrow's date for some minutes and then today's again; from
    then on tomorrow's date counts.
    """
    zone = calendar_of(name)
    expiry, pending = ExpiryPolicy.after(days=1), PendingPolicy.after(days=1)
    idle = ExpiryPolicy.inactivity(days=1)
    for change in zone.changes:
        before = None
        for second in (change + distance for distance in NEAR):
            day, earned_at = zone.latest_day_until(second), instant_of(second)
            expires_at = expiry.expires_at(earned_at, name)
            usable_from = pending.usable_from(earned_at, name)
            assert expires_at == instant_of(zone.start_of(day + 2)) == idle.lapses_at(earned_at, name)
            assert usable_from == max(earned_at, instant_of(zone.start_of(day + 1)))
            if before is not None:
                assert expires_at >= before[0]
                assert usable_from >= before[1]
            before = (expires_at, usable_from)


@pytest.mark.parametrize("name", ["Africa/Cairo", "America/St_Johns", "Asia/Beirut", "Pacific/Apia", "Africa/Monrovia"])
def test_the_oracle_agrees_with_a_walk(name):
    """
    Walking minute by minute, the last minute with an earlier local date ends where the oracle starts the day (I-33).
    """
    zone = calendar_of(name)
    for change in zone.changes[:6]:
        day = zone.day_at(change)
        # Whole minutes past the change reach it exactly, whatever its seconds.
        minutes = range(change - 2 * DAY, change + 2 * DAY, 60)
        earlier = [minute for minute in minutes if zone.day_at(minute) < day]
        # A second of a day cannot hide between two minutes: the last one is looked at second by second.
        start = next(second for second in range(earlier[-1], earlier[-1] + 61) if zone.day_at(second) >= day)
        assert start == zone.start_of(day)


@pytest.mark.parametrize("name", ZONES)
def test_a_day_is_never_cut_short(name):
    """
    One microsecond before points lapse, the calendar on the wall still shows their last valid date or, where that day
    never existed, an earlier one; at the instant itself it shows a later one (R-37).
    """
    here = ZoneInfo(name)
    for change in calendar_of(name).changes:
        day = date_of(change // DAY)
        expires_at = ExpiryPolicy.on(day).expires_at(instant_of(0), name)
        assert expires_at is not None
        assert (expires_at - timedelta(microseconds=1)).astimezone(here).date() <= day
        assert day < expires_at.astimezone(here).date()
