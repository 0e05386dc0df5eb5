"""
Caps as values, and the local periods in which they count (R-19).
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsledger import EarnCaps, Program
from pointsledger.domain.caps import PERIOD_CAPS
from pointsledger.errors import InvalidInput, InvalidPoints, InvalidProgram
from tests.domain.calendar_oracle import Calendar, end_of_span, instant_of, number_of, utc_second
from tests.ledger.bad_inputs import HOSTILE, NOT_FLAGS, NOT_INTEGERS, NOT_POINTS

PERIODS = ("day", "week", "month", "quarter", "half_year", "year")
MONTHS = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}


def utc(text: str) -> datetime:
    """
    Return an instant in UTC.
    """
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# --- values -----------------------------------------------------------------------------------------------------------


def test_no_cap_by_default() -> None:
    """
    A program bounds nothing unless it says so (R-19).
    """
    caps = Program(id="p").caps
    assert (caps.balance, caps.per_order, caps.per_period, caps.adjustments, caps.restores) == (
        None,
        None,
        {},
        False,
        False,
    )
    assert Program(id="p", caps=EarnCaps()).to_mapping() == {"id": "p"}


def test_caps_that_mean_the_same_are_equal() -> None:
    """
    The order in which periods are named says nothing, and a later change of the caller's mapping is none of the
    program's (I-8).
    """
    named = {"year": 9, "day": 5}
    caps = EarnCaps(per_period=named)
    named["month"] = 7
    assert caps == EarnCaps(per_period={"day": 5, "year": 9})
    assert list(caps.per_period) == ["day", "year"]
    assert hash(caps) == hash(EarnCaps(per_period={"day": 5, "year": 9}))


def test_caps_are_kept_as_a_mapping() -> None:
    """
    Caps read back from a program's mapping (R-31).
    """
    caps = EarnCaps(
        balance=5000, per_order=100, per_period={"month": 300}, year_starts=4, adjustments=True, restores=True
    )
    mapping = {
        "balance": 5000,
        "per_order": 100,
        "per_period": {"month": 300},
        "year_starts": 4,
        "adjustments": True,
        "restores": True,
    }
    program = Program(id="p", caps=caps)
    assert program.to_mapping() == {"id": "p", "caps": mapping}
    assert Program.from_mapping(program.to_mapping()) == program


@pytest.mark.parametrize("name", ["balance", "per_order"])
def test_caps_in_points(subtests, name: str) -> None:
    """
    A cap is from 1 to 10^12 points: 0 would be no program (R-01).
    """
    for case, value in NOT_POINTS.items():
        with subtests.test(case):
            with pytest.raises(InvalidPoints) as refused:
                EarnCaps(**{name: value})
            assert refused.value.field == name


def test_periods_are_named_with_points(subtests) -> None:
    """
    A cap on a period names one of six periods, and its points (R-01, R-19).
    """
    for case, value in {**NOT_POINTS, "none": None}.items():
        with subtests.test(case):
            with pytest.raises(InvalidPoints) as refused:
                EarnCaps(per_period={"month": value})
            assert refused.value.field == "per_period.month"
    bad: dict[str, Any] = {"unknown": {"decade": 5}, "plural": {"months": 5}, "pairs": [("month", 5)], "none": None}
    for case, value in {**bad, "text": "month", "number": {1: 5}}.items():
        with subtests.test(case):
            with pytest.raises(InvalidProgram) as unknown:
                EarnCaps(per_period=value)
            assert unknown.value.field.startswith("per_period")


def test_the_first_month_and_the_flags(subtests) -> None:
    """
    A year starts with a month from 1 to 12; flags are True or False, and mean nothing without a cap on the balance.
    """
    for case, value in {**NOT_INTEGERS, "0": 0, "13": 13, "none": None}.items():
        with subtests.test(case), pytest.raises(InvalidInput):
            EarnCaps(year_starts=value)
    for flag in ("adjustments", "restores"):
        for case, value in NOT_FLAGS.items():
            with subtests.test(f"{flag}: {case}"), pytest.raises(InvalidInput):
                EarnCaps(balance=5, **{flag: value})
        with pytest.raises(InvalidProgram) as refused:
            EarnCaps(per_order=5, **{flag: True})
        assert refused.value.field == flag


def test_caps_are_of_their_type(subtests) -> None:
    """
    A program takes caps and nothing else for them (R-47).
    """
    for case, value in {**HOSTILE, "none": None, "mapping": {"balance": 5}}.items():
        with subtests.test(case):
            with pytest.raises(InvalidProgram) as refused:
                Program(id="p", caps=value)
            assert refused.value.field == "caps"


def test_every_period_has_a_code() -> None:
    """
    Each cap on a period that binds is said with a code of its own (R-21).
    """
    assert {name: f"{name}_cap" for name in PERIODS} == PERIOD_CAPS


# --- periods ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("period", "first", "next_first"),
    [
        # Points earned on Wednesday 2026-02-11, 09:00 in UTC.
        ("day", "2026-02-11", "2026-02-12"),
        ("week", "2026-02-09", "2026-02-16"),  # from Monday
        ("month", "2026-02-01", "2026-03-01"),
        ("quarter", "2026-01-01", "2026-04-01"),
        ("half_year", "2026-01-01", "2026-07-01"),
        ("year", "2026-01-01", "2027-01-01"),
    ],
)
def test_periods_by_hand(period: Any, first: str, next_first: str) -> None:
    """
    Points count in the calendar period in which they were earned, from its first instant to before the next (R-19).
    """
    assert EarnCaps().period_of(utc("2026-02-11 09:00"), period, "UTC") == (utc(first), utc(next_first))


@pytest.mark.parametrize(
    ("earned", "period", "first", "next_first"),
    [
        # A year from April, and what lies in it.
        ("2026-02-11", "year", "2025-04-01", "2026-04-01"),
        ("2026-04-01", "year", "2026-04-01", "2027-04-01"),
        ("2026-03-31 23:59", "year", "2025-04-01", "2026-04-01"),
        ("2026-02-11", "half_year", "2025-10-01", "2026-04-01"),
        ("2026-02-11", "quarter", "2026-01-01", "2026-04-01"),
        ("2026-12-31", "quarter", "2026-10-01", "2027-01-01"),
        ("2026-02-11", "month", "2026-02-01", "2026-03-01"),
    ],
)
def test_fiscal_years_by_hand(earned: str, period: Any, first: str, next_first: str) -> None:
    """
    With a year that starts in April, half-years and quarters start with it (R-19, R-36).
    """
    assert EarnCaps(year_starts=4).period_of(utc(earned), period, "UTC") == (utc(first), utc(next_first))


@pytest.mark.parametrize(
    ("zone", "earned", "period", "first", "next_first"),
    [
        # The date is that of the zone: 31 March 23:30 UTC is April in London, which is an hour ahead then.
        ("Europe/London", "2026-03-31 23:30", "month", "2026-03-31 23:00", "2026-04-30 23:00"),
        ("Europe/London", "2026-03-31 22:59", "month", "2026-03-01 00:00", "2026-03-31 23:00"),
        # A day of 23 hours and one of 25.
        ("Europe/London", "2026-03-29 12:00", "day", "2026-03-29 00:00", "2026-03-29 23:00"),
        ("Europe/London", "2026-10-25 12:00", "day", "2026-10-24 23:00", "2026-10-26 00:00"),
        # Midnight that is skipped: on 2018-11-04 the day began at 01:00 in Sao Paulo (03:00 UTC).
        ("America/Sao_Paulo", "2018-11-04 12:00", "day", "2018-11-04 03:00", "2018-11-05 02:00"),
        # Midnight that comes twice: on 2018-02-18 the clock went back from 00:00 to 23:00, so the 17th had 25 hours.
        ("America/Sao_Paulo", "2018-02-17 12:00", "day", "2018-02-17 02:00", "2018-02-18 03:00"),
        # A day that does not exist: Samoa had no 30 December 2011, so a week of six days.
        ("Pacific/Apia", "2011-12-28 12:00", "week", "2011-12-26 10:00", "2012-01-01 10:00"),
    ],
)
def test_zones_by_hand(zone: str, earned: str, period: Any, first: str, next_first: str) -> None:
    """
    Periods begin with the local day, however its midnight is (R-19, R-37, I-33).
    """
    assert EarnCaps().period_of(utc(earned), period, zone) == (utc(first), utc(next_first))


CALENDARS = {
    name: Calendar(name, 2010, 2030) for name in ("America/Havana", "America/Sao_Paulo", "Pacific/Apia", "UTC")
}


@given(
    zone=st.sampled_from(sorted(CALENDARS)),
    second=st.integers(utc_second(utc("2011-02-01")), utc_second(utc("2028-01-01"))),
    period=st.sampled_from(PERIODS),
    year_starts=st.integers(1, 12),
)
def test_a_period_is_that_of_the_oracle(zone: str, second: int, period: Any, year_starts: int) -> None:
    """
    A period holds the instant, and begins and ends with the days that walking the calendar finds (R-19, I-33).
    """
    oracle = CALENDARS[zone]
    today = date(1970, 1, 1) + timedelta(days=oracle.latest_day_until(second))
    if period in MONTHS:
        last = end_of_span(today, MONTHS[period], year_starts)
        first = today
        while end_of_span(first - timedelta(days=1), MONTHS[period], year_starts) == last:
            first -= timedelta(days=1)
    else:
        back = today.isoweekday() - 1 if period == "week" else 0
        first = today - timedelta(days=back)
        last = first + timedelta(days=6 if period == "week" else 0)
    since, until = EarnCaps(year_starts=year_starts).period_of(instant_of(second), period, zone)
    assert since == instant_of(oracle.start_of(number_of(first)))
    assert until == instant_of(oracle.start_of(number_of(last) + 1))
    assert since <= instant_of(second) < until
