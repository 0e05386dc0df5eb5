"""
Drawings with matplotlib: curves of steps and bars, as SVG or PNG.

Figures are of their own, apart from pyplot's. matplotlib keeps its settings for the whole process: while a picture is
drawn they are this module's, one picture at a time, and afterwards those of the host again.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from datetime import date, datetime
from importlib import import_module
from io import BytesIO
from threading import Lock
from typing import Any, Literal, TypeAlias
from zoneinfo import ZoneInfo

from matplotlib.font_manager import fontManager
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from .figures import Bar, Curve, Grain

# matplotlib's own types leave so much unknown that strict checkers would learn nothing from them.
mpl: Any = import_module("matplotlib")
dates: Any = import_module("matplotlib.dates")
Figure: Any = import_module("matplotlib.figure").Figure
Axes: TypeAlias = Any

# Dark blue and orange stay apart for colour-blind eyes, and in grey; what is owed is hatched, too.
_BLUE, _PALE, _ORANGE, _LIGHT = "#1f4e79", "#d5e0ec", "#b45309", "#fbe3c8"
_INK, _SOFT, _RULE = "#1f2937", "#4b5563", "#d1d5db"

_SETTINGS = {
    "font.size": 10,
    "text.parse_math": False,  # a unit may have dollar signs
    "text.color": _INK,
    "axes.edgecolor": _SOFT,
    "axes.labelcolor": _INK,
    "axes.labelpad": 6,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "figure.constrained_layout.h_pad": 0.08,
    "figure.constrained_layout.w_pad": 0.08,
    "grid.color": _RULE,
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.8,
    "xtick.color": _SOFT,
    "ytick.color": _SOFT,
    "xtick.labelcolor": _INK,
    "ytick.labelcolor": _INK,
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text: it can be read aloud, and the viewer's fonts have every script
}
_WIDTH, _HEIGHT, _ROW = 7.2, 3.0, 0.34
_DPI = 300
_CHARACTER = 0.085
"""The width of a figure's character, in inches."""

_DATES = {365.0: "%Y", 30.0: "%Y-%m", 1.0: "%Y-%m-%d", 1 / 24: "%m-%d %H:%M"}
"""How a date is written where the ticks are this many days apart, or less: years, months, days, hours."""

_LAST_DAY = {"day": "last day of use", "month": "month of the last day of use", "year": "year of the last day of use"}

_drawing = Lock()

Form = Literal["svg", "png"]


def draw_curve(curve: Curve, unit: str, zone: str, form: Form) -> bytes:
    """
    Draw the balance as steps over local time, and what is owed below zero.
    """
    steps = (*curve.steps, curve.steps[-1]._replace(at=curve.until))
    times = [_number(step.at) for step in steps]
    balances, owed = [step.balance for step in steps], [-step.debt for step in steps]

    def paint(axes: Axes) -> None:
        axes.fill_between(times, balances, step="post", color=_PALE, linewidth=0)
        if any(owed):
            axes.fill_between(times, owed, step="post", facecolor=_LIGHT, edgecolor=_ORANGE, linewidth=0, hatch="////")
            axes.step(times, owed, where="post", color=_ORANGE, linewidth=1.6, linestyle="--", label="owed")
        else:
            axes.set_ylim(0, max(1, *balances) * 1.06)
        axes.axhline(0, color=_SOFT, linewidth=1.8)  # over the line of what is owed, where that is nothing
        axes.step(times, balances, where="post", color=_BLUE, linewidth=1.6, label="balance")
        # A period may be as short as a moment; a day is the least that a calendar shows.
        axes.set_xlim(min(times[0], times[-1] - 1), times[-1])
        axes.set_title(unit)
        if any(owed):
            axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, handlelength=2.5, reverse=True)
        _count_along(axes, "y", 5)
        _date_along(axes, zone)

    return _drawn(paint, f"The balance over time, in {unit}", _HEIGHT, form)


def draw_rows(rows: Sequence[tuple[str, int]], unit: str, form: Form) -> bytes:
    """
    Draw a few dates as rows from the top down, each with its words and its figure.
    """
    names, counts = [name for name, _ in rows], [count for _, count in rows]
    greatest = max(counts)

    def paint(axes: Axes) -> None:
        bars = axes.barh(range(len(rows)), counts, height=0.6, color=_BLUE)
        axes.bar_label(bars, labels=[f"{count:,}" for count in counts], padding=4)
        axes.set_yticks(range(len(rows)), names)
        axes.tick_params(axis="y", length=0)
        # The longest figure stands beside the longest bar.
        axes.set_xlim(0, greatest * (1 + (len(f"{greatest:,}") * _CHARACTER + 0.15) / (_WIDTH / 2)))
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlabel(unit)
        _count_along(axes, "x", _intervals(greatest))

    return _drawn(paint, f"How many {unit} lapse when", _ROW * (len(rows) + 2), form)


def draw_bars(bars: Sequence[Bar], grain: Grain, unit: str, form: Form) -> bytes:
    """
    Draw many dates as bars along the calendar, each over the beginning of its day, month or year.
    """
    starts = [_number(bar.start) for bar in bars]
    widths = [_number(bar.end) - start for bar, start in zip(bars, starts, strict=True)]
    counts = [bar.points for bar in bars]

    def paint(axes: Axes) -> None:
        # The edge keeps a bar to be seen where the calendar is long.
        thin = [width * 0.84 for width in widths]
        axes.bar(starts, counts, thin, color=_BLUE, edgecolor=_BLUE, linewidth=0.5)
        margin = max(widths[0] * 0.6, (starts[-1] - starts[0]) * 0.01)
        axes.set_xlim(starts[0] - margin, starts[-1] + margin)
        axes.set_ylim(0, max(counts) * 1.06)
        axes.set_xlabel(_LAST_DAY[grain])
        axes.set_title(unit)
        _count_along(axes, "y", 5)
        _date_along(axes, "UTC")

    return _drawn(paint, f"How many {unit} lapse when", _HEIGHT, form)


def draw_nothing(sentence: str, form: Form) -> bytes:
    """
    Draw a sentence where there is nothing to draw.
    """

    def paint(axes: Axes) -> None:
        axes.set_axis_off()
        axes.text(0.5, 0.5, sentence, transform=axes.transAxes, ha="center", va="center", color=_SOFT)

    return _drawn(paint, sentence, _ROW * 3, form)


def _number(when: datetime | date) -> float:
    """
    Return an instant, or the start of a day in UTC, as matplotlib counts days.
    """
    return float(dates.date2num(when))


def _count_along(axes: Axes, which: Literal["x", "y"], most: int) -> None:
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(MaxNLocator(nbins=most, integer=True, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.grid(axis=which)


def _intervals(greatest: int) -> int:
    """
    Return how many intervals an axis from left to right can have, so that figures up to this one stand apart.
    """
    return max(1, min(6, int(_WIDTH / 2 / ((len(f"{greatest:,}") + 3) * _CHARACTER))))


def _date_along(axes: Axes, zone: str) -> None:
    local = ZoneInfo(zone)
    locator = dates.AutoDateLocator(tz=local, minticks=3, maxticks=7)
    formatter = dates.AutoDateFormatter(locator, tz=local)
    formatter.scaled = dict(_DATES)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(formatter)


def _drawn(paint: Callable[[Axes], None], title: str, height: float, form: Form) -> bytes:
    """
    Return a picture: axes of this height that `paint` has painted on.
    """
    buffer = BytesIO()
    # What the fonts of a PNG lack is drawn as a box; that is no reason to fail.
    with _drawing, warnings.catch_warnings(), mpl.rc_context():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        mpl.rcdefaults()
        mpl.rcParams.update({**_SETTINGS, "svg.hashsalt": title})
        if form == "png":
            mpl.rcParams["font.family"] = ["sans-serif", *_scripts()]
        figure = Figure(figsize=(_WIDTH, height), layout="constrained")
        paint(figure.add_subplot())
        if form == "png":
            figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
            return buffer.getvalue()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(buffer, format="svg", metadata={"Title": title, **nothing})
    return _plain_svg(buffer.getvalue().decode("utf-8")).encode("utf-8")


def _scripts() -> list[str]:
    """
    Return a font of this machine for scripts that matplotlib's own font lacks.
    """
    return sorted(name for name in fontManager.get_font_names() if name.startswith("Noto Sans CJK"))[:1]


def _plain_svg(picture: str) -> str:
    """
    Return an SVG without metadata, and without names of groups, which would clash where a page has two pictures.

    Neither can be text of the merchant's: within text a ``<`` is always escaped.
    """
    picture = re.sub(r" *<metadata>.*?</metadata>\n", "", picture, flags=re.DOTALL)
    picture = re.sub(r'<g id="[^"]*"', "<g", picture)
    return picture.replace("<svg ", '<svg role="img" ', 1)
