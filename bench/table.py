"""
The table of results: target and reached, side by side.
"""

from __future__ import annotations

import platform
import sqlite3
from typing import Any, Literal

from attrs import field, frozen

from .contest import Sample


@frozen
class Target:
    """
    A bound of the specification: at least or at most so much.
    """

    sense: Literal[">=", "<="]
    bound: float

    def is_met(self, value: float) -> bool:
        """
        Whether a figure, rounded as it is shown, reaches the bound.
        """
        shown = round(value, 2)
        return shown >= self.bound if self.sense == ">=" else shown <= self.bound

    def __str__(self) -> str:
        return f"{self.sense} {self.bound:g}"


@frozen
class Row:
    """
    One line of the table.

    Args:
        id: the target's name in the specification; in lower case where the row has no target of its own.
        what: what is measured, against what.
        reached: the ratio (or the figure) measured.
        target: what it should be; None where the row is only reported.
        cost: microseconds per operation of the product, where that means something.
        against: microseconds per operation of what it is compared with.
        note: what a reader needs to know about this row.
    """

    id: str
    what: str
    reached: Sample | None
    target: Target | None = None
    cost: float | None = field(default=None, kw_only=True)
    against: float | None = field(default=None, kw_only=True)
    note: str = field(default="", kw_only=True)

    @property
    def verdict(self) -> str:
        """
        Whether the target is met.
        """
        if self.reached is None or self.target is None:
            return ""
        return "met" if self.target.is_met(self.reached.middle) else "missed"

    def to_mapping(self) -> dict[str, Any]:
        """
        Return the row as JSON can hold it.
        """
        reached = self.reached
        return {
            "id": self.id,
            "what": self.what,
            "target": str(self.target) if self.target else None,
            "reached": reached.middle if reached else None,
            "spread": list(reached.spread) if reached else None,
            "verdict": self.verdict or None,
            "microseconds": self.cost,
            "against_microseconds": self.against,
            "note": self.note or None,
        }


def against(id: str, what: str, cost: Sample, floor: Sample, target: Target | None = None, *, note: str = "") -> Row:
    """
    Return the row of a share of a floor's speed: 1 is as fast, 0.5 takes twice as long.
    """
    return Row(id, what, floor.over(cost), target, cost=cost.middle, against=floor.middle, note=note)


def growth(id: str, what: str, large: Sample, small: Sample, target: Target | None = None) -> Row:
    """
    Return the row of how many times dearer an operation is on a large account than on a small one.
    """
    return Row(id, what, large.over(small), target, cost=large.middle, against=small.middle)


HEAD = ("", "what", "target", "reached", "middle half", "us", "against us", "")


def text(rows: list[Row]) -> str:
    """
    Return the rows as a table of plain columns.
    """
    lines = [HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    return "\n".join(_line(line, widths) for line in lines)


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    left = cells[0].ljust(widths[0]), cells[1].ljust(widths[1])
    rest = (cell.rjust(width) for cell, width in zip(cells[2:-1], widths[2:-1], strict=True))
    return "  ".join((*left, *rest, cells[-1])).rstrip()


def _cells(row: Row) -> tuple[str, ...]:
    reached = row.reached
    return (
        row.id,
        row.what,
        str(row.target) if row.target else "report",
        f"{reached.middle:.2f}" if reached else "-",
        "{:.2f} - {:.2f}".format(*reached.spread) if reached else "-",
        "" if row.cost is None else f"{row.cost:.1f}",
        "" if row.against is None else f"{row.against:.1f}",
        " ".join(part for part in (row.verdict, row.note and f"({row.note})") if part),
    )


def machine() -> dict[str, str]:
    """
    Return what the figures were measured on.
    """
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "sqlite": sqlite3.sqlite_version,
        "system": f"{platform.system()} {platform.machine()}",
    }
