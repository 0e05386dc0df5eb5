"""
When earned points become usable.
"""

from datetime import UTC, date, datetime

import pytest

from pointsledger import ExpiryPolicy, PendingPolicy, Period, Program
from pointsledger.errors import InvalidInput, InvalidProgram
from tests.ledger.bad_inputs import HOSTILE, NOT_DATES, LyingStr

EARNED_AT = datetime(2024, 1, 31, 22, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("policy", "zone", "usable_from"),
    [
        (PendingPolicy.at_once(), "Europe/Paris", EARNED_AT),
        (PendingPolicy.after(days=14), "UTC", datetime(2024, 2, 14)),
        # 31 January in London, 1 February in Athens
        (PendingPolicy.after(days=1), "Europe/London", datetime(2024, 2, 1)),
        (PendingPolicy.after(days=1), "Europe/Athens", datetime(2024, 2, 1, 22)),
        (PendingPolicy.after(months=1), "UTC", datetime(2024, 2, 29)),
        (PendingPolicy.after(weeks=1, days=1), "UTC", datetime(2024, 2, 8)),
        (PendingPolicy.after(years=1), "UTC", datetime(2025, 1, 31)),
        (PendingPolicy.on(date(2024, 5, 1)), "Europe/Paris", datetime(2024, 4, 30, 22)),
        # on a day that has begun: at once
        (PendingPolicy.on(date(2024, 1, 31)), "Europe/Paris", EARNED_AT),
        (PendingPolicy.on(date(1999, 1, 1)), "UTC", EARNED_AT),
    ],
)
def test_usable_from_by_hand(policy, zone, usable_from):
    """
    Points are usable at once, from the start of the local day that lies a period later, or from a date on (R-20, R-37).
    """
    assert usable_from.replace(tzinfo=UTC) == policy.usable_from(EARNED_AT, zone)


def test_expiry_starts_with_use():
    """
    Points that wait fourteen days and are valid for one month expire a month after they became usable (R-20).
    """
    program = Program(id="p", timezone="UTC", pending=PendingPolicy.after(days=14), expiry=ExpiryPolicy.after(months=1))
    usable_from = program.usable_from(datetime(2024, 1, 17, 12, tzinfo=UTC))
    assert datetime(2024, 1, 31, tzinfo=UTC) == usable_from
    assert datetime(2024, 3, 1, tzinfo=UTC) == program.expires_at(usable_from)


@pytest.mark.parametrize(
    ("build", "field"),
    [
        (PendingPolicy.after, "period"),
        (lambda: PendingPolicy.after(days=0), "period"),
        (lambda: PendingPolicy("later"), "kind"),
        (lambda: PendingPolicy(LyingStr("at_once")), "kind"),
        (lambda: PendingPolicy("at_once", Period(days=1)), "period"),
        (lambda: PendingPolicy("after", Period(days=1), date(2024, 1, 1)), "day"),
        (lambda: PendingPolicy("on"), "day"),
        (lambda: PendingPolicy("after", "14 days"), "period"),
    ],
)
def test_policies_that_cannot_be_are_refused(build, field):
    """
    A policy without what its kind needs, or with what it does not use, is refused by field (R-20).
    """
    with pytest.raises(InvalidProgram) as refused:
        build()
    assert field == refused.value.field


@pytest.mark.parametrize("days", [-1, 1.5, True, 10**9, 36526, None, "14"])
def test_periods_are_whole(days):
    """
    A waiting period is whole, not negative, and at most a hundred years (R-20).
    """
    with pytest.raises(InvalidInput):
        PendingPolicy.after(days=days)


def test_days_are_dates(subtests):
    """
    A fixed day is a plain date in the years 1900 to 8999 (R-20).
    """
    for name, value in NOT_DATES.items():
        with subtests.test(name), pytest.raises(InvalidProgram):
            PendingPolicy.on(value)


@pytest.mark.parametrize("part", ["kind", "period", "day"])
def test_parts_are_of_their_type(subtests, part):
    """
    No part of a policy takes an object of another type, whatever it does when it is compared or shown (R-20).
    """
    for name, value in HOSTILE.items():
        with subtests.test(name):
            with pytest.raises(InvalidProgram) as refused:
                PendingPolicy(**{part: value})
            assert str(refused.value)
