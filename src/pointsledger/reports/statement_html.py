"""
A statement as an HTML page that can be sent or printed (S1.5 to S1.10, S1.16, S3.3, S3.4).

Jinja2, from the extra ``html``, fills in the template `statement.html` and escapes whatever it shows.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.resources import files

from ..domain.money import Money
from ..domain.program import Program
from ..extras import extra
from . import words
from .pictures import balance_picture, ladder_picture
from .statement import Statement, days_left
from .statement_text import balance_sentence, period

TEMPLATE = "statement.html"

Figure = tuple[str, str, Money | None]
"""A figure that stands out: its name, the points, and what they are worth."""


def statement_html(found: Statement, program: Program) -> str:
    """
    Return a statement as one page, with its pictures inside and without scripts or anything from elsewhere.

    Write it to a file in UTF-8.

    Raises:
        MissingExtra: jinja2 or matplotlib is not installed.
    """
    with extra("html", "jinja2"):
        from jinja2 import Environment, StrictUndefined
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(_filters(found, program))
    template = environment.from_string((files("pointsledger.reports") / TEMPLATE).read_text(encoding="utf-8"))
    return template.render(
        title=f"Statement of {program.unit.plural}",
        program=program.id,
        unit=program.unit,
        names=words.capital(program.unit.plural),
        zone=program.timezone,
        account=found.account,
        period=period(found, program),
        since=found.since,
        sentence=balance_sentence(found.closing, program),
        closing=found.closing,
        figures=_figures(found),
        next=_next(found, program),
        opening=found.opening,
        opening_value=found.opening_value,
        lines=found.lines,
        expiring=found.expiring,
        unbooked=any(not line.booked for line in found.lines),
        batches=found.batches,
        **_pictures(found, program),
    )


def _pictures(found: Statement, program: Program) -> dict[str, object]:
    """
    Return the pictures of a statement, as they stand within a page: from their own tag on.
    """
    from markupsafe import Markup  # Jinja2 needs it, too

    drawn = {"balance_picture": balance_picture(found, program)} if found.closing.shown else {}
    if found.expiring:
        drawn["ladder_picture"] = ladder_picture(found.expiring, program)
    # The pictures are the library's own, and escape what they show.
    return {name: Markup(svg[svg.index(b"<svg") :].decode("utf-8")) for name, svg in drawn.items()}  # noqa: S704


def _filters(found: Statement, program: Program) -> dict[str, Callable[..., str]]:
    return {
        "about": words.about,
        "change": words.change,
        "days": words.days,
        "day": partial(words.local_day, program=program),
        "minute": partial(words.local_time, program=program),
        "money": words.grouped_money,
        "points": words.points,
        "usable": partial(words.usable, at=found.closing.at, program=program),
    }


def _figures(found: Statement) -> list[Figure]:
    """
    Return the figures that stand out: those that are always there, and the others where they are not 0.
    """
    closing = found.closing
    seldom = [("cannot be used yet", closing.pending), ("on hold", closing.held), ("owed", closing.debt)]
    to_date = [("accrued to date", found.accrued), ("used to date", found.used), ("lapsed to date", found.lapsed)]
    others = [(name, count) for name, count in seldom if count] + to_date
    return [
        ("available", words.points(closing.available), closing.value),
        *((name, words.points(count), None) for name, count in others),
    ]


def _next(found: Statement, program: Program) -> str:
    """
    Return what lapses next in a sentence, with the days that are left; nothing where nothing is going to lapse.
    """
    step = found.closing.expiring_next
    if step is None:
        return ""
    days = days_left(step.at, found.until, program)
    left = f": {words.days(days)} left" if days else ""
    return f"{program.unit.count(step.points)} can be used {words.last_valid(step.at, program)}{left}."
