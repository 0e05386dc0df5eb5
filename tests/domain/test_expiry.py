"""
Periods and policies of expiry: calendar arithmetic on local dates.
"""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsledger import ExpiryPolicy, PendingPolicy, Period
from pointsledger.errors import InvalidInput, InvalidProgram
from tests.domain.calendar_oracle import end_of_span, plus_months
from tests.ledger.bad_inputs import HOSTILE, NOT_DATES, NOT_POINTS_OR_ZERO, LyingStr

SPANS = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}
ROUNDINGS = ["day", "week", *SPANS]

# --- periods -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("period", "text"),
    [
        (Period(months=12), "1 year"),
        (Period(years=1, months=6), "18 months"),
        (Period(weeks=2, days=1), "15 days"),
        (Period(), "0 days"),
        (Period(years=100), "100 years"),
    ],
)
def test_periods_have_a_text(period, text):
    """
    A period reads back from its text (R-36).
    """
    assert text == str(period)
    assert period == Period.parse(text)


def test_period_text_is_lenient_in_number_only():
    """
    One and many may be named alike, in any order of units (R-36).
    """
    assert Period(months=1, days=2) == Period.parse("2 day 1 months")


@pytest.mark.parametrize(
    "text",
    ["", " ", "12", "months", "months 12", "-1 months", "1.5 years", "12 months 3", "1 year 1 years", "1 fortnight",
     "\uff11 year", "1 monthss", "9" * 5000 + " days", None, 12, b"1 day", ["1 day"]],
    ids=lambda text: str(text)[:20],
)  # fmt: skip
def test_other_text_is_no_period(text):
    """
    Text that is not counts with units is refused (R-36).
    """
    with pytest.raises(InvalidProgram):
        Period.parse(text)


@pytest.mark.parametrize("unit", ["years", "months", "weeks", "days"])
def test_periods_are_whole_and_at_most_a_hundred_years(subtests, unit):
    """
    Counts of a period are whole, not negative, and a hundred years at most, alone and together (R-36).
    """
    most = {"years": 100, "months": 1217, "weeks": 5217, "days": 36525}[unit]
    assert Period(**{unit: most})
    for name, value in {**NOT_POINTS_OR_ZERO, "none": None, "one more": most + 1, "10^9": 10**9}.items():
        with subtests.test(name):
            with pytest.raises(InvalidInput) as refused:
                Period(**{unit: value})
            assert unit == refused.value.field
    with pytest.raises(InvalidProgram):
        Period(years=100, days=26)


# --- dates by hand -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "usable_from", "last"),
    [
        (ExpiryPolicy.after(months=1), date(2024, 1, 31), date(2024, 2, 29)),
        (ExpiryPolicy.after(months=1), date(2023, 1, 31), date(2023, 2, 28)),
        (ExpiryPolicy.after(months=1), date(2024, 1, 29), date(2024, 2, 29)),
        (ExpiryPolicy.after(months=1), date(2023, 1, 29), date(2023, 2, 28)),
        (ExpiryPolicy.after(months=1), date(2023, 1, 30), date(2023, 2, 28)),
        # always from the original date: not 28 February plus 1 month
        (ExpiryPolicy.after(months=2), date(2023, 1, 31), date(2023, 3, 31)),
        (ExpiryPolicy.after(months=12), date(2024, 2, 29), date(2025, 2, 28)),
        (ExpiryPolicy.after(years=1), date(2024, 2, 29), date(2025, 2, 28)),
        (ExpiryPolicy.after(years=4), date(2024, 2, 29), date(2028, 2, 29)),
        (ExpiryPolicy.after(years=4), date(2096, 2, 29), date(2100, 2, 28)),
        (ExpiryPolicy.after(years=100), date(2000, 2, 29), date(2100, 2, 28)),
        (ExpiryPolicy.after(months=13), date(2024, 1, 31), date(2025, 2, 28)),
        (ExpiryPolicy.after(days=1), date(2100, 2, 28), date(2100, 3, 1)),
        (ExpiryPolicy.after(days=1), date(2000, 2, 28), date(2000, 2, 29)),
        (ExpiryPolicy.after(weeks=2, days=1), date(2024, 12, 20), date(2025, 1, 4)),
        # years and months first, then days: 29 February plus a day
        (ExpiryPolicy.after(months=1, days=1), date(2024, 1, 31), date(2024, 3, 1)),
        (ExpiryPolicy.after(rounded_to="week"), date(2024, 7, 3), date(2024, 7, 7)),
        (ExpiryPolicy.after(rounded_to="week"), date(2024, 7, 7), date(2024, 7, 7)),
        (ExpiryPolicy.after(rounded_to="week"), date(2024, 7, 8), date(2024, 7, 14)),
        (ExpiryPolicy.after(rounded_to="month"), date(2024, 2, 1), date(2024, 2, 29)),
        (ExpiryPolicy.after(months=1, rounded_to="month"), date(2024, 1, 31), date(2024, 2, 29)),
        (ExpiryPolicy.after(months=12, rounded_to="quarter"), date(2024, 5, 10), date(2025, 6, 30)),
        (ExpiryPolicy.after(rounded_to="half_year"), date(2024, 6, 30), date(2024, 6, 30)),
        (ExpiryPolicy.after(rounded_to="half_year"), date(2024, 7, 1), date(2024, 12, 31)),
        (ExpiryPolicy.after(years=1, rounded_to="year"), date(2024, 7, 1), date(2025, 12, 31)),
        # a year that starts in April, in July, in February
        (ExpiryPolicy.after(rounded_to="year", year_starts=4), date(2024, 3, 31), date(2024, 3, 31)),
        (ExpiryPolicy.after(rounded_to="year", year_starts=4), date(2024, 4, 1), date(2025, 3, 31)),
        (ExpiryPolicy.after(rounded_to="half_year", year_starts=4), date(2024, 10, 1), date(2025, 3, 31)),
        (ExpiryPolicy.after(rounded_to="year", year_starts=7), date(2024, 6, 30), date(2024, 6, 30)),
        (ExpiryPolicy.after(rounded_to="quarter", year_starts=2), date(2024, 1, 15), date(2024, 1, 31)),
        (ExpiryPolicy.after(rounded_to="quarter", year_starts=2), date(2024, 12, 5), date(2025, 1, 31)),
        (ExpiryPolicy.after(months=1, rounded_to="quarter", year_starts=4), date(2024, 1, 15), date(2024, 3, 31)),
        (ExpiryPolicy.after(rounded_to="year", year_starts=3), date(2023, 6, 1), date(2024, 2, 29)),
        (ExpiryPolicy.on(date(2024, 12, 31)), date(2024, 1, 1), date(2024, 12, 31)),
        (ExpiryPolicy.on(date(2020, 12, 31)), date(2024, 1, 1), date(2020, 12, 31)),
        (ExpiryPolicy.never(), date(2024, 1, 1), None),
        (ExpiryPolicy.inactivity(months=6), date(2024, 1, 1), None),
        (
            ExpiryPolicy.earlier_of(ExpiryPolicy.after(years=1), ExpiryPolicy.on(date(2024, 12, 31))),
            date(2024, 5, 1),
            date(2024, 12, 31),
        ),
        (
            ExpiryPolicy.earlier_of(ExpiryPolicy.after(months=6), ExpiryPolicy.on(date(2024, 12, 31))),
            date(2024, 5, 1),
            date(2024, 11, 1),
        ),
        (
            ExpiryPolicy.earlier_of(ExpiryPolicy.inactivity(months=6), ExpiryPolicy.after(years=2)),
            date(2024, 5, 1),
            date(2026, 5, 1),
        ),
        (ExpiryPolicy.earlier_of(ExpiryPolicy.never(), ExpiryPolicy.never()), date(2024, 5, 1), None),
    ],
)  # fmt: skip
def test_last_valid_dates_by_hand(policy, usable_from, last):
    """
    The last valid date is the start plus the period, clamped to the month, rounded up (R-36, R-37).
    """
    assert last == policy.last_valid_date(usable_from)


@pytest.mark.parametrize(
    ("zone", "last", "expires_at"),
    [
        # London's summer: the day ends an hour before UTC's.
        ("Europe/London", date(2024, 6, 30), datetime(2024, 6, 30, 23)),
        ("Europe/London", date(2024, 12, 31), datetime(2025, 1, 1)),
        ("Asia/Kathmandu", date(2024, 6, 30), datetime(2024, 6, 30, 18, 15)),
        # Clocks jump from 0:00 to 1:00: the day begins at 1:00.
        ("Africa/Cairo", date(2024, 4, 25), datetime(2024, 4, 25, 22)),
        ("America/Havana", date(2024, 3, 9), datetime(2024, 3, 10, 5)),
        ("America/Sao_Paulo", date(2018, 11, 3), datetime(2018, 11, 4, 3)),
        ("Asia/Beirut", date(2024, 3, 30), datetime(2024, 3, 30, 22)),
        # Clocks go back from 1:00 to 0:00: the day begins with the first midnight.
        ("America/Havana", date(2024, 11, 2), datetime(2024, 11, 3, 4)),
        # Clocks go back from 0:00 to 23:00: the day before has one more hour.
        ("America/Sao_Paulo", date(2019, 2, 16), datetime(2019, 2, 17, 3)),
        ("Asia/Beirut", date(2024, 10, 26), datetime(2024, 10, 26, 22)),
        # Clocks go back from 0:01 to 23:01: for a minute it was tomorrow already.
        ("America/St_Johns", date(2010, 11, 6), datetime(2010, 11, 7, 3, 30)),
        # 30 December 2011 never was: Samoa went from UTC-10 to UTC+14.
        ("Pacific/Apia", date(2011, 12, 29), datetime(2011, 12, 30, 10)),
        ("Pacific/Apia", date(2011, 12, 30), datetime(2011, 12, 30, 10)),
        ("Pacific/Apia", date(2011, 12, 31), datetime(2011, 12, 31, 10)),
        # 21 August 1993 never was: Kwajalein went from UTC-12 to UTC+12.
        ("Pacific/Kwajalein", date(1993, 8, 20), datetime(1993, 8, 21, 12)),
        # Toronto's clocks jumped from 23:30 to 0:30: the day begins half an hour late, and ended as much early.
        ("America/Toronto", date(1919, 3, 30), datetime(1919, 3, 31, 4, 30)),
        # Liberia went from 44 minutes 30 seconds behind UTC to UTC at midnight.
        ("Africa/Monrovia", date(1972, 1, 6), datetime(1972, 1, 7, 0, 44, 30)),
    ],
)  # fmt: skip
def test_points_lapse_with_the_local_day_by_hand(zone, last, expires_at):
    """
    Points lapse at the first instant of the local day after their last valid date (R-37, I-33).
    """
    assert expires_at.replace(tzinfo=UTC) == ExpiryPolicy.on(last).expires_at(datetime(1970, 1, 1, tzinfo=UTC), zone)


def test_the_local_date_counts():
    """
    Half an hour before midnight in UTC, Paris has the next date already, and Honolulu keeps the date for hours (R-37).
    """
    earned_at = datetime(2024, 1, 30, 23, 30, tzinfo=UTC)
    policy = ExpiryPolicy.after(months=1)
    # Paris: 31 January; the last valid date is 29 February.
    assert datetime(2024, 2, 29, 23, tzinfo=UTC) == policy.expires_at(earned_at, "Europe/Paris")
    # Honolulu, ten hours behind: 30 January; 29 February too, and its midnight comes at 10:00 UTC.
    assert datetime(2024, 3, 1, 10, tzinfo=UTC) == policy.expires_at(earned_at, "Pacific/Honolulu")
    assert None is ExpiryPolicy.never().expires_at(earned_at, "UTC")
    assert None is ExpiryPolicy.inactivity(days=1).expires_at(earned_at, "UTC")
    both_never = ExpiryPolicy.earlier_of(ExpiryPolicy.never(), ExpiryPolicy.inactivity(days=1))
    assert None is both_never.expires_at(earned_at, "UTC")


def test_inactivity_counts_from_the_activity():
    """
    An account lapses with the local day that lies the idle period after the last activity (R-36).
    """
    active_at = datetime(2024, 8, 31, 22, 30, tzinfo=UTC)  # 1 September in Paris
    idle = ExpiryPolicy.inactivity(months=6)
    either = ExpiryPolicy.earlier_of(ExpiryPolicy.after(years=2), idle)
    assert datetime(2025, 3, 1, 23, tzinfo=UTC) == idle.lapses_at(active_at, "Europe/Paris")
    assert datetime(2025, 3, 1, 23, tzinfo=UTC) == either.lapses_at(active_at, "Europe/Paris")
    assert None is ExpiryPolicy.after(years=2).lapses_at(active_at, "Europe/Paris")
    assert (idle, idle, None) == (idle.idle, either.idle, ExpiryPolicy.never().idle)


# --- dates by oracle -----------------------------------------------------------------------------------------

LONG = [ExpiryPolicy.after(years=100, rounded_to="year", year_starts=12), ExpiryPolicy.after(days=36525)]
EVERY_KIND = [
    *(
        ExpiryPolicy.after(months=months, rounded_to=rounded_to, year_starts=year_starts)
        for months, year_starts in ((1, 1), (13, 4), (12, 12))
        for rounded_to in ROUNDINGS
    ),
    *LONG,
    ExpiryPolicy.never(),
    ExpiryPolicy.on(date(2030, 2, 28)),
    ExpiryPolicy.inactivity(months=1),
    ExpiryPolicy.earlier_of(*LONG, ExpiryPolicy.never()),
]
# The turns of leap years, common years and the century that has no leap day.
SOME_DATES = [
    date(year, month, day)
    for year in (1970, 1999, 2000, 2023, 2024, 2099, 2100)
    for month, days in ((1, (1, 2, 28, 29, 30, 31)), (2, (1, 27, 28)), (3, (1, 30, 31)), (6, (30,)), (12, (1, 30, 31)))
    for day in days
] + [date(2000, 2, 29), date(2024, 2, 29)]
EVERY_DATE = [date(1970, 1, 1) + timedelta(days=n) for n in range((date(2101, 1, 1) - date(1970, 1, 1)).days)]


@pytest.mark.parametrize(
    "days", [SOME_DATES, pytest.param(EVERY_DATE, marks=pytest.mark.all_zones)], ids=["turns", "every date"]
)
@pytest.mark.parametrize("policy", EVERY_KIND, ids=lambda p: f"{p.kind}-{p.period}-{p.rounded_to}-{p.year_starts}")
def test_every_policy_knows_every_date(policy, days):
    """
    On every date from 1970 to 2100 every kind of policy gives a date, never an earlier one for a later start (I-33).
    """
    before = date.min
    for day in sorted(days):
        last = policy.last_valid_date(day)
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        expires_at = policy.expires_at(noon, "Europe/Paris")
        assert (last is None) == (expires_at is None)
        if last is not None:
            assert last >= before
            before = last


@given(
    st.dates(date(1970, 1, 1), date(2100, 12, 31)),
    st.integers(0, 400),
    st.integers(0, 100),
    st.sampled_from(sorted(SPANS)),
    st.integers(1, 12),
)
def test_dates_agree_with_a_walk_through_the_calendar(day, months, days, rounded_to, year_starts):
    """
    Months clamp to the month's last day, days follow, and a span ends a day before the next one begins (R-36, R-37).
    """
    policy = ExpiryPolicy.after(months=months, days=days, rounded_to=rounded_to, year_starts=year_starts)
    start = plus_months(day, months) + timedelta(days=days)
    assert end_of_span(start, SPANS[rounded_to], year_starts) == policy.last_valid_date(day)


@given(st.lists(st.sampled_from(EVERY_KIND), min_size=2, max_size=4), st.dates(date(1970, 1, 1), date(2100, 12, 31)))
def test_the_earliest_of_several_counts(policies, day):
    """
    The earlier of several policies is the least of their dates (R-36).
    """
    simple = [policy for policy in policies if policy.kind != "earlier_of"] + [ExpiryPolicy.never()] * 2
    dates = [policy.last_valid_date(day) for policy in simple]
    expected = min((last for last in dates if last is not None), default=None)
    assert expected == ExpiryPolicy.earlier_of(*simple).last_valid_date(day)


# --- refusals ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "field"),
    [
        (ExpiryPolicy.after, "period"),
        (lambda: ExpiryPolicy.after(days=0), "period"),
        (lambda: ExpiryPolicy.after(rounded_to="day"), "period"),
        (ExpiryPolicy.inactivity, "period"),
        (lambda: ExpiryPolicy.inactivity(months=0), "period"),
        (lambda: ExpiryPolicy.inactivity(months=1, resets=()), "resets"),
        (lambda: ExpiryPolicy.inactivity(months=1, resets=["adjust"]), "resets"),
        (lambda: ExpiryPolicy.inactivity(months=1, resets=["earn", 1, None]), "resets"),
        (lambda: ExpiryPolicy.after(months=1, rounded_to="decade"), "rounded_to"),
        (lambda: ExpiryPolicy.after(months=1, rounded_to=LyingStr("decade")), "rounded_to"),
        (lambda: ExpiryPolicy.after(months=1, rounded_to=None), "rounded_to"),
        (lambda: ExpiryPolicy.after(months=1, rounded_to=["year"]), "rounded_to"),
        (lambda: ExpiryPolicy("sometimes"), "kind"),
        (lambda: ExpiryPolicy(LyingStr("never")), "kind"),
        (lambda: ExpiryPolicy("never", Period(days=1)), "period"),
        (lambda: ExpiryPolicy("never", day=date(2024, 1, 1)), "day"),
        (lambda: ExpiryPolicy("on", Period(days=1), day=date(2024, 1, 1)), "period"),
        (lambda: ExpiryPolicy("after", "12 months"), "period"),
        (lambda: ExpiryPolicy("never", None), "period"),
        (lambda: ExpiryPolicy("after", Period(days=1), resets={"earn"}), "resets"),
        (lambda: ExpiryPolicy("inactivity", Period(days=1), "year", resets={"earn"}), "rounded_to"),
        (lambda: ExpiryPolicy("on"), "day"),
        (ExpiryPolicy.earlier_of, "policies"),
        (lambda: ExpiryPolicy.earlier_of(ExpiryPolicy.never()), "policies"),
        (lambda: ExpiryPolicy.earlier_of(ExpiryPolicy.never(), "never"), "policies"),
        (lambda: ExpiryPolicy.earlier_of(ExpiryPolicy.never(), PendingPolicy.at_once()), "policies"),
        (
            lambda: ExpiryPolicy.earlier_of(
                ExpiryPolicy.never(), ExpiryPolicy.earlier_of(ExpiryPolicy.never(), ExpiryPolicy.never())
            ),
            "policies",
        ),
    ],
)
def test_policies_that_cannot_be_are_refused(build, field):
    """
    A policy without what its kind needs, with what it does not use, or of an unknown kind is refused by field (R-36).
    """
    with pytest.raises(InvalidProgram) as refused:
        build()
    assert field == refused.value.field
    assert str(refused.value)


@pytest.mark.parametrize("year_starts", [0, 13, True, 1.0, None, "4"])
def test_years_start_in_a_month(year_starts):
    """
    A fiscal year starts in a month from 1 to 12 (R-36).
    """
    with pytest.raises(InvalidInput):
        ExpiryPolicy.after(months=1, rounded_to="year", year_starts=year_starts)


@pytest.mark.parametrize("resets", [5, None, "earn", b"earn", [["earn"]]], ids=repr)
def test_resets_are_several_names(resets):
    """
    Activities are given as several names, not as one text (R-36).
    """
    with pytest.raises(InvalidInput):
        ExpiryPolicy.inactivity(months=1, resets=resets)


def test_days_are_dates(subtests):
    """
    A fixed day is a plain date in the years 1900 to 8999 (R-36).
    """
    for name, value in NOT_DATES.items():
        with subtests.test(name):
            with pytest.raises(InvalidProgram) as refused:
                ExpiryPolicy.on(value)
            assert refused.value.field == "day"
    assert date(8999, 12, 31) == ExpiryPolicy.on(date(8999, 12, 31)).last_valid_date(date(2024, 1, 1))


@pytest.mark.parametrize("part", ["kind", "period", "rounded_to", "year_starts", "day", "resets", "policies"])
def test_parts_are_of_their_type(subtests, part):
    """
    No part of a policy takes an object of another type, whatever it does when it is compared or shown (R-36).
    """
    for name, value in HOSTILE.items():
        if part in {"resets", "policies"} and name in {"list", "set", "dict"}:
            continue  # several, though none
        with subtests.test(name):
            with pytest.raises(InvalidInput) as refused:
                ExpiryPolicy(**{"kind": "never", part: value})
            assert str(refused.value)
