"""
Pictures: the balance of an account over time, and the ladder of what lapses when.

What they show is worked out here; how it is drawn stands in `drawing`, which needs matplotlib (the extra ``plot``).
With one release of matplotlib the same figures give the same bytes, whatever the host's settings are.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Literal

from ..domain.balance import Expiring
from ..domain.instants import wall_date
from ..domain.program import Program
from ..extras import extra
from . import words
from .figures import Bar, Curve, Grain, Step
from .statement import Statement

PictureFormat = Literal["svg", "png"]

_MICROSECOND = timedelta(microseconds=1)
_DAY = timedelta(days=1)
_ROWS_MAX = 12
_DAYS_MAX = 92
_MONTHS_MAX = 60
_NAME_MAX = 40


def balance_picture(found: Statement, program: Program, *, form: PictureFormat = "svg") -> bytes:
    """
    Draw the points in all lots over a statement's period, as steps; what is owed stands below zero.

    Returns an SVG document in UTF-8, or a PNG of 300 dots per inch.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    with extra("plot", "matplotlib"):
        from .drawing import draw_curve, draw_nothing
    name = short_name(program)
    curve = balance_curve(found)
    if not any(step.balance or step.debt for step in curve.steps):
        return draw_nothing(f"There were no {name}.", form)
    return draw_curve(curve, name, program.timezone, form)


def ladder_picture(ladder: Sequence[Expiring], program: Program, *, form: PictureFormat = "svg") -> bytes:
    """
    Draw how many points lapse when: a bar for each date, or for each day, month or year where there are many dates.

    Returns an SVG document in UTF-8, or a PNG of 300 dots per inch.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    with extra("plot", "matplotlib"):
        from .drawing import draw_bars, draw_nothing, draw_rows
    name = short_name(program)
    if not ladder:
        return draw_nothing(f"No {name} are going to lapse.", form)
    if len(ladder) <= _ROWS_MAX:
        return draw_rows([(words.last_valid(step.at, program), step.points) for step in ladder], name, form)
    grain, bars = ladder_bars(ladder, program)
    return draw_bars(bars, grain, name, form)


def balance_curve(found: Statement) -> Curve:
    """
    Return what a statement's picture shows: the balance and the debt from each instant on, in the order of time.

    A statement from the beginning begins a little before its first line, so that the first points are seen to come.
    """
    debt = found.closing.debt - sum(line.entry.debt for line in found.lines)
    first = found.since
    if first is None:
        came = found.lines[0].at if found.lines else found.until
        first = came - max(_DAY, (found.until - came) / 25)
    steps = [Step(first, found.opening, debt)]
    for line in found.lines:
        debt += line.entry.debt
        if steps[-1].at == line.at:  # what happened at one instant is one step
            steps.pop()
        steps.append(Step(line.at, line.entry.balance_after, debt))
    return Curve(tuple(steps), found.until)


def ladder_bars(ladder: Sequence[Expiring], program: Program) -> tuple[Grain, tuple[Bar, ...]]:
    """
    Return many dates as bars of one grain, soonest first: days within 92 days, months within 5 years, or else years.

    A bar has the points whose last day of use is on one of its days.
    """
    days = [(wall_date(step.at - _MICROSECOND, program.timezone), step.points) for step in ladder]
    first, last = days[0][0], days[-1][0]
    grain: Grain = "year"
    if (last - first).days < _DAYS_MAX:
        grain = "day"
    elif (last.year - first.year) * 12 + last.month - first.month < _MONTHS_MAX:
        grain = "month"
    sums: dict[date, int] = {}
    for day, points in days:
        start = _start(day, grain)
        sums[start] = sums.get(start, 0) + points
    return grain, tuple(Bar(start, _end(start, grain), points) for start, points in sums.items())


def short_name(program: Program) -> str:
    """
    Return what the merchant calls points, on one line and short enough for a picture.
    """
    name = words.one_line(program.unit.plural)
    return name if len(name) <= _NAME_MAX else f"{name[: _NAME_MAX - 1]}…"


def _start(day: date, grain: Grain) -> date:
    return {"day": day, "month": day.replace(day=1), "year": day.replace(month=1, day=1)}[grain]


def _end(start: date, grain: Grain) -> date:
    if grain == "day":
        return start + _DAY
    return _start(start + timedelta(days=31 if grain == "month" else 366), grain)
