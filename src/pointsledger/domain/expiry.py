"""
When points become usable and when they lapse: calendar arithmetic on local dates (R-20, R-36, R-37).

A policy answers with a *last valid date*, inclusive, as a customer reads it ("valid until 30 June").
The instant of expiry is the first of the next local day: usable while now < expires_at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Literal, cast, get_args

from attrs import field, fields, frozen

from ..errors import InvalidProgram
from .fields import as_tuple, check_choice, name_set
from .instants import local_date, start_of_day
from .points import check_count

DAYS_MAX = 36525
"""The longest period: a hundred years."""

ExpiryKind = Literal["never", "after", "on", "inactivity", "earlier_of"]
RoundedTo = Literal["day", "week", "month", "quarter", "half_year", "year"]
PendingKind = Literal["at_once", "after", "on", "event"]
Activity = Literal["earn", "redeem"]


def _activities(values: Iterable[Activity]) -> frozenset[Activity]:
    return cast("frozenset[Activity]", name_set(values))


_UNITS = ("year", "month", "week", "day")
_DAYS = {"year": 365, "month": 30, "week": 7, "day": 1}
_MONTHS = {"day": 1, "week": 1, "month": 1, "quarter": 3, "half_year": 6, "year": 12}
"""How many months a span to round up to has; where it is 1, the first month of the year makes no difference."""
_ONE_DAY = timedelta(days=1)

ON_EVENT = datetime(8000, 1, 1, tzinfo=UTC)
"""The instant that stands for "when the event is reported"."""


@frozen(cache_hash=True)
class Period:
    """
    A span of the calendar; its text form is such as ``"1 year"``, ``"18 months"`` or ``"2 weeks"``.

    Twelve months are a year and seven days a week, so ``Period(months=12) == Period(years=1)``; it is kept in the
    largest unit that leaves no rest.
    Months and years clamp to the last day of the month, always counted from the original date:
    2024-01-31 plus 1 month is 2024-02-29 (R-37).
    """

    years: int = 0
    months: int = 0
    weeks: int = 0
    days: int = 0

    def __attrs_post_init__(self) -> None:
        for unit in _UNITS:
            check_count(getattr(self, f"{unit}s"), f"{unit}s", least=0, most=DAYS_MAX // _DAYS[unit])
        if sum(getattr(self, f"{unit}s") * days for unit, days in _DAYS.items()) > DAYS_MAX:
            raise InvalidProgram("period", str(self), "must be at most a hundred years")
        months, days = 12 * self.years + self.months, 7 * self.weeks + self.days
        years, weeks = (months // 12 if months % 12 == 0 else 0), (days // 7 if days % 7 == 0 else 0)
        object.__setattr__(self, "years", years)
        object.__setattr__(self, "months", months - 12 * years)
        object.__setattr__(self, "weeks", weeks)
        object.__setattr__(self, "days", days - 7 * weeks)

    @classmethod
    def parse(cls, text: str) -> Period:
        """
        Return the period that text such as ``"12 months"`` names; the inverse of `str`.
        """
        # int() fails on thousands of digits; nothing that long is a period.
        words = text.split() if type(text) is str and len(text) < 100 else []
        parts: dict[str, int] = {}
        for count, unit in zip(words[::2], words[1::2], strict=False):
            name = f"{unit.removesuffix('s')}s"
            if not (count.isascii() and count.isdigit()) or unit.removesuffix("s") not in _UNITS or name in parts:
                break
            parts[name] = int(count)
        if len(parts) * 2 != len(words) or not parts:
            raise InvalidProgram("period", text, "must be text such as '12 months' or '1 year 6 months'")
        return cls(**parts)

    def from_date(self, day: date) -> date:
        """
        Return the date one period after `day`.
        """
        from dateutil.relativedelta import relativedelta  # noqa: PLC0415 - importing pointsledger is to be quick

        return day + relativedelta(years=self.years, months=self.months, weeks=self.weeks, days=self.days)

    def __bool__(self) -> bool:
        return self != Period()

    def __str__(self) -> str:
        counts = ((getattr(self, f"{unit}s"), unit) for unit in _UNITS)
        return " ".join(f"{n} {unit}{'' if n == 1 else 's'}" for n, unit in counts if n) or "0 days"


@frozen(cache_hash=True)
class ExpiryPolicy:
    """
    When points lapse: never, a period after they became usable, on a date, after inactivity, or the earlier of
    several (R-36).

    Build it with `never`, `after`, `on`, `inactivity` or `earlier_of`.
    """

    kind: ExpiryKind = "never"
    period: Period = Period()
    rounded_to: RoundedTo = "day"
    year_starts: int = 1
    """The month (1 to 12) in which the merchant's year starts, for quarters, half-years and years."""
    day: date | None = None
    resets: frozenset[Activity] = field(default=frozenset(), converter=_activities)
    policies: tuple[ExpiryPolicy, ...] = field(default=(), converter=as_tuple)

    def __attrs_post_init__(self) -> None:
        check_choice(self.kind, "kind", ExpiryKind)
        check_choice(self.rounded_to, "rounded_to", RoundedTo)
        check_count(self.year_starts, "year_starts", most=12)
        _check_parts(self, _EXPIRY_PARTS[self.kind])
        if self.kind == "after" and not self.period and self.rounded_to == "day":
            raise InvalidProgram("period", str(self.period), "must be above 0, or be rounded up to more than a day")
        if self.kind == "inactivity" and not self.period:
            raise InvalidProgram("period", str(self.period), "must be above 0")
        if not self.resets <= set(get_args(Activity)):
            raise InvalidProgram("resets", self.resets, f"must be of {', '.join(get_args(Activity))}")
        if self.kind == "inactivity" and not self.resets:
            raise InvalidProgram("resets", self.resets, "must name an activity: else nothing would ever lapse")
        if self.kind == "earlier_of" and (
            len(self.policies) < 2 or any(type(p) is not ExpiryPolicy or p.policies for p in self.policies)
        ):
            raise InvalidProgram("policies", self.policies, "must be two or more simple expiry policies")
        # Policies that mean the same are equal: the order of parts, and the first month where no date depends on it.
        object.__setattr__(self, "policies", tuple(sorted(self.policies, key=repr)))
        object.__setattr__(self, "year_starts", (self.year_starts - 1) % _MONTHS[self.rounded_to] + 1)

    @classmethod
    def never(cls) -> ExpiryPolicy:
        """
        Points never lapse.
        """
        return cls()

    @classmethod
    def after(
        cls,
        *,
        years: int = 0,
        months: int = 0,
        weeks: int = 0,
        days: int = 0,
        rounded_to: RoundedTo = "day",
        year_starts: int = 1,
    ) -> ExpiryPolicy:
        """
        Points lapse a period after they became usable, rounded up to the end of a day, week (Sunday), month,
        quarter, half-year or year; `year_starts` is the first month of a fiscal year.
        """
        return cls("after", Period(years, months, weeks, days), rounded_to, year_starts)

    @classmethod
    def on(cls, day: date) -> ExpiryPolicy:
        """
        Points lapse at the end of this local date, whenever they were earned.
        """
        return cls("on", day=day)

    @classmethod
    def inactivity(
        cls,
        *,
        years: int = 0,
        months: int = 0,
        weeks: int = 0,
        days: int = 0,
        resets: Iterable[Activity] = ("earn", "redeem"),
    ) -> ExpiryPolicy:
        """
        All points of an account lapse when none of the activities in `resets` happened for a period.

        Adjustments, reversals and expiry are no activity.
        """
        return cls("inactivity", Period(years, months, weeks, days), resets=resets)

    @classmethod
    def earlier_of(cls, *policies: ExpiryPolicy) -> ExpiryPolicy:
        """
        Points lapse on the earliest date that any of the policies gives.
        """
        return cls("earlier_of", policies=policies)

    @property
    def idle(self) -> ExpiryPolicy | None:
        """
        The inactivity policy among the parts, if there is one.
        """
        parts = (self, *self.policies)
        return next((part for part in parts if part.kind == "inactivity"), None)

    def last_valid_date(self, usable_from: date) -> date | None:
        """
        Return the last local date, inclusive, on which points usable from this local date can be used.

        None means that no date is stamped on them: they never lapse, or only by inactivity.
        """
        return _last_valid_date(self, usable_from)

    def expires_at(self, usable_from: datetime, zone: str) -> datetime | None:
        """
        Return the first instant at which the points can no longer be used, or None (R-37).
        """
        if self.kind in {"never", "inactivity"}:
            return None
        last = self.last_valid_date(local_date(usable_from, zone))
        return None if last is None else start_of_day(last + _ONE_DAY, zone)

    def lapses_at(self, active_at: datetime, zone: str) -> datetime | None:
        """
        Return when the account lapses if nothing happens after this activity, or None without inactivity.
        """
        idle = self.idle
        if idle is None:
            return None
        return start_of_day(idle.period.from_date(local_date(active_at, zone)) + _ONE_DAY, zone)


@frozen(cache_hash=True)
class PendingPolicy:
    """
    When earned points become usable: at once, a period after they were earned, on a date, or when an event is
    reported (R-20).

    The clock of expiry starts when they become usable.
    """

    kind: PendingKind = "at_once"
    period: Period = Period()
    day: date | None = None

    def __attrs_post_init__(self) -> None:
        check_choice(self.kind, "kind", PendingKind)
        _check_parts(self, _PENDING_PARTS[self.kind])
        if self.kind == "after" and not self.period:
            raise InvalidProgram("period", str(self.period), "must be above 0")

    @classmethod
    def at_once(cls) -> PendingPolicy:
        """
        Points are usable from the instant at which they are earned.
        """
        return cls()

    @classmethod
    def after(cls, *, years: int = 0, months: int = 0, weeks: int = 0, days: int = 0) -> PendingPolicy:
        """
        Points are usable from the start of the local date that lies this period after the date of earning.
        """
        return cls("after", Period(years, months, weeks, days))

    @classmethod
    def on(cls, day: date) -> PendingPolicy:
        """
        Points are usable from the start of this local date, or at once if they are earned later.
        """
        return cls("on", day=day)

    @classmethod
    def until_event(cls) -> PendingPolicy:
        """
        Points are usable from the instant at which the host activates their order or lot, such as on delivery.
        """
        return cls("event")

    def usable_from(self, earned_at: datetime, zone: str) -> datetime:
        """
        Return the instant from which points earned at this instant can be used; never before it. `ON_EVENT` stands for
        an event that was not reported yet.
        """
        if self.kind == "event":
            return ON_EVENT
        if self.kind == "after":
            return max(earned_at, start_of_day(self.period.from_date(local_date(earned_at, zone)), zone))
        if self.day is not None:
            return max(earned_at, start_of_day(self.day, zone))
        return earned_at


def span_around(day: date, span: RoundedTo, year_starts: int = 1) -> tuple[date, date]:
    """
    Return the first and the last local date of the day, week (from Monday), month … year that a date lies in.
    """
    from dateutil.relativedelta import relativedelta  # noqa: PLC0415 - as above

    if span == "week":
        first = day - timedelta(days=day.weekday())
    elif span == "day":
        first = day
    else:
        first = day + relativedelta(day=1, months=-((day.month - year_starts) % _MONTHS[span]))
    return first, _ROUND_UP[span](day, year_starts)


_EXPIRY_PARTS = {
    "never": frozenset[str](),
    "after": frozenset({"period", "rounded_to", "year_starts"}),
    "on": frozenset({"day"}),
    "inactivity": frozenset({"period", "resets"}),
    "earlier_of": frozenset({"policies"}),
}
_PENDING_PARTS = {
    "at_once": frozenset[str](),
    "after": frozenset({"period"}),
    "on": frozenset({"day"}),
    "event": frozenset[str](),
}


def _check_parts(policy: ExpiryPolicy | PendingPolicy, wanted: frozenset[str]) -> None:
    """
    Refuse a part that this kind of policy does not use, and a required part that is missing or of another type.
    """
    for attribute in fields(type(policy)):
        value, default = getattr(policy, attribute.name), attribute.default
        # The type first: a foreign object may answer a comparison as it likes.
        unused = type(value) is type(default) and value == default
        if attribute.name not in {"kind", *wanted} and not unused:
            raise InvalidProgram(attribute.name, value, f"has no meaning in a policy of kind {policy.kind!r}")
    if type(policy.period) is not Period:
        raise InvalidProgram("period", policy.period, "must be a Period")
    # type(), since a datetime is a date too and would bring a time of day that is not meant.
    if "day" in wanted and (type(policy.day) is not date or not 1900 <= policy.day.year < 9000):
        raise InvalidProgram("day", policy.day, "must be a date in the years 1900 to 8999")


@lru_cache(maxsize=65536)
def _last_valid_date(policy: ExpiryPolicy, usable_from: date) -> date | None:
    if policy.kind == "after":
        return _ROUND_UP[policy.rounded_to](policy.period.from_date(usable_from), policy.year_starts)
    dates = [part.last_valid_date(usable_from) for part in policy.policies]
    return min((day for day in dates if day is not None), default=policy.day)


def _end_of_span(months: int) -> Callable[[date, int], date]:
    """
    Return the function to the last day of the span of `months` months, counted from the year's first month.
    """

    def end(day: date, year_starts: int) -> date:
        from dateutil.relativedelta import relativedelta  # noqa: PLC0415 - as above

        left = months - 1 - (day.month - year_starts) % months
        return day + relativedelta(day=1, months=left) + relativedelta(day=31)

    return end


_ROUND_UP: dict[str, Callable[[date, int], date]] = {
    "day": lambda day, year_starts: day,
    "week": lambda day, year_starts: day + timedelta(days=6 - day.weekday()),
    "month": _end_of_span(1),
    "quarter": _end_of_span(3),
    "half_year": _end_of_span(6),
    "year": _end_of_span(12),
}
