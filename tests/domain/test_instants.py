"""
Instants at the border, and the names of time zones.
"""

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsledger import ExpiryPolicy, Program
from pointsledger.domain.instants import check_instant, check_zone, from_micros, micros
from pointsledger.errors import InvalidInstant, InvalidProgram
from tests.ledger.bad_inputs import INSTANTS, NOT_INSTANTS, NOT_ZONES


def test_instants_become_utc(subtests):
    """
    Every aware datetime becomes the plain UTC datetime of the same instant, subclasses included (R-04, I-34).
    """
    for name, (value, instant) in INSTANTS.items():
        with subtests.test(name):
            checked = check_instant(value, "at")
            assert (instant, datetime, UTC) == (checked, type(checked), checked.tzinfo)


def test_other_instants_are_refused(subtests):
    """
    Naive datetimes, other types, zones that fail and years outside 1900 to 8999 are refused (R-04, I-34).
    """
    for name, value in {**NOT_INSTANTS, "none": None}.items():
        with subtests.test(name):
            with pytest.raises(InvalidInstant) as refused:
                check_instant(value, "at")
            assert refused.value.field == "at"
            assert str(refused.value).startswith("at: ")


@given(
    st.datetimes(datetime(1901, 1, 1), datetime(8998, 1, 1)),
    st.integers(-86_399_999_999, 86_399_999_999).map(lambda n: timezone(timedelta(microseconds=n))),
)
def test_instants_are_whole_microseconds(naive, zone):
    """
    An instant is a whole number of microseconds, and nothing of it is lost (I-34).
    """
    value = naive.replace(tzinfo=zone)
    instant = check_instant(value, "at")
    expected = (naive - datetime(1970, 1, 1) - zone.utcoffset(None)) // timedelta(microseconds=1)
    assert expected == micros(instant)
    assert instant == from_micros(expected)


@pytest.mark.parametrize(
    "name", ["UTC", "Europe/Paris", "EST5EDT", "Etc/GMT-14", "Etc/GMT+12", "US/Pacific", "Asia/Calcutta"]
)
def test_zones_are_iana_names(name):
    """
    Names of the IANA database are zones, old ones included (R-04).
    """
    assert name == check_zone(name, "timezone")


def test_other_zones_are_refused(subtests):
    """
    What is no IANA name, and names that mean the host's own setting, are no zone (R-04).
    """
    for name, value in NOT_ZONES.items():
        with subtests.test(name):
            with pytest.raises(InvalidProgram) as refused:
                Program(id="p", timezone=value)
            assert refused.value.field == "timezone"


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the system cannot change its zone while it runs")
@pytest.mark.parametrize("setting", ["UTC", "Pacific/Apia", "America/St_Johns", "XYZ-30", ":/nonsense"])
def test_the_machine_may_be_anywhere(monkeypatch, setting):
    """
    The time zone of the machine changes no result (R-04).
    """
    with monkeypatch.context() as patch:
        patch.setenv("TZ", setting)
        time.tzset()
        earned_at = datetime(2024, 3, 30, 22, 30, tzinfo=UTC)
        expires_at = ExpiryPolicy.after(days=1).expires_at(earned_at, "Europe/London")
        instant = check_instant(datetime(2024, 6, 1, 12, tzinfo=timezone(timedelta(hours=2))), "at")
    time.tzset()
    # Earned on 30 March at 22:30 GMT; the last valid date is 31 March, which is summer time from 1:00 on.
    assert datetime(2024, 3, 31, 23, tzinfo=UTC) == expires_at
    assert datetime(2024, 6, 1, 10, tzinfo=UTC) == instant
