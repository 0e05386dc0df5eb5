"""
The calendar by arithmetic: an oracle that knows nothing of wall clocks, folds and gaps.

A zone is taken as spans of UTC seconds with one offset each, found by asking for the offset at UTC instants only.
Within a span the local second is `utc + offset`, and the local day is that divided by 86,400.
So the question "from when on is it this day or later, for good?" is a maximum over the spans.
"""

import calendar
from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

DAY = 86_400
STEP = DAY // 2
"""Offsets are looked at twice a day; no zone changes its offset and back between two looks."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_DAY = date(1970, 1, 1)


class Span(NamedTuple):
    """
    From this UTC second until the next span begins, local time is UTC plus `offset` seconds.
    """

    begins: int
    offset: int


class Calendar:
    """
    The days of one zone in the years `first` to `last`, inclusive, in whole seconds since 1970-01-01 UTC.
    """

    def __init__(self, name: str, first: int = 1970, last: int = 2035) -> None:
        self._zone = ZoneInfo(name)
        self.spans = self._find_spans(
            utc_second(datetime(first, 1, 1, tzinfo=UTC)), utc_second(datetime(last + 1, 1, 1, tzinfo=UTC))
        )
        self._begins = [span.begins for span in self.spans]

    @property
    def changes(self) -> list[int]:
        """
        The UTC seconds at which the offset changes.
        """
        return self._begins[1:]

    def day_at(self, second: int) -> int:
        """
        Return the local day at a UTC second, counted from 1970-01-01.
        """
        span = self.spans[max(0, bisect_right(self._begins, second) - 1)]
        return (second + span.offset) // DAY

    def latest_day_until(self, second: int) -> int:
        """
        Return the latest local day that has been shown until a UTC second, inclusive.
        """
        here = max(0, bisect_right(self._begins, second) - 1)
        # The last second of a span is where it shows its latest day; a day back is enough, offsets being less.
        ends = (later.begins - 1 for later in self.spans[max(1, here - 2) : here + 1] if later.begins > second - DAY)
        return max([self.day_at(second), *(self.day_at(end) for end in ends)])

    def start_of(self, day: int) -> int:
        """
        Return the UTC second from which the local day is `day` or later, for good.

        In each span the days before `day` end at `day * 86,400 - offset`, or with the span if that comes first.
        """
        ends = [*self._begins[1:], None]
        starts = []
        # Two days of seconds around the day hold every span that can matter: offsets are less than a day.
        first = max(0, bisect_right(self._begins, (day - 2) * DAY) - 1)
        for span, end in zip(self.spans[first:], ends[first:], strict=True):
            if span.begins > (day + 2) * DAY:
                break
            earlier_until = day * DAY - span.offset
            if earlier_until > span.begins or span is self.spans[0]:
                starts.append(earlier_until if end is None else min(earlier_until, end))
        return max(starts)

    def _find_spans(self, second: int, until: int) -> list[Span]:
        spans = [Span(second, self._offset(second))]
        while second < until:
            later = second + STEP
            if self._offset(later) != spans[-1].offset:
                spans.append(self._first_of_span(second, later))
            second = later
        return spans

    def _first_of_span(self, before: int, after: int) -> Span:
        old = self._offset(before)
        while after - before > 1:
            middle = (before + after) // 2
            before, after = (middle, after) if self._offset(middle) == old else (before, middle)
        return Span(after, self._offset(after))

    def _offset(self, second: int) -> int:
        offset = datetime.fromtimestamp(second, self._zone).utcoffset()
        assert offset is not None
        return offset // timedelta(seconds=1)


def utc_second(instant: datetime) -> int:
    """
    Return the whole UTC seconds from 1970-01-01 to an instant.
    """
    return (instant - EPOCH) // timedelta(seconds=1)


def instant_of(second: int) -> datetime:
    """
    Return the instant of a UTC second.
    """
    return EPOCH + timedelta(seconds=second)


def date_of(day: int) -> date:
    """
    Return the date of a day counted from 1970-01-01.
    """
    return FIRST_DAY + timedelta(days=day)


def number_of(day: date) -> int:
    """
    Return the days from 1970-01-01 to a date.
    """
    return (day - FIRST_DAY).days


def plus_months(day: date, months: int) -> date:
    """
    Return the same day of a later month, or that month's last day where it has no such day.
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def end_of_span(day: date, months: int, year_starts: int) -> date:
    """
    Walk day by day to the last one before a month in which a span of the year begins.
    """
    firsts = {(year_starts - 1 + step) % 12 + 1 for step in range(0, 12, months)}
    while True:
        following = day + timedelta(days=1)
        if following.day == 1 and following.month in firsts:
            return day
        day = following
