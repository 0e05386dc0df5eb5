"""
What programs owe, and how it moved, as CSV for a spreadsheet: whole numbers and plain amounts, one column for each
currency.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO

from ..domain.money import Money
from .liability import Liability
from .roll_forward import RollForward

_FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
"""What text must not begin with, or a spreadsheet may compute it; the last four are the same in double width."""


def liability_csv(*liabilities: Liability) -> str:
    """
    Return what one program owes, or several side by side, as CSV with a line of names and one line for each row.

    A channel or program whose name a spreadsheet would take for a formula is set behind an apostrophe.
    """
    named = tuple(dict.fromkeys(currency for owed in liabilities for currency in owed.value))
    names = ("program", "channel", "month", "points", "available", "pending", "held", *_worth(named))
    return _csv(
        names,
        (
            (
                _text(owed.program),
                _text(row.channel or ""),
                row.month,
                row.points,
                row.available,
                row.pending,
                row.held,
                *_amounts(row.value, named),
            )
            for owed in liabilities
            for row in owed.rows
        ),
    )


def roll_forward_csv(moved: RollForward) -> str:
    """
    Return a roll-forward as CSV with a line of names and one line for each of its lines.
    """
    named = tuple(moved.closing.value)
    lines = (
        ("opening", moved.opening.points, moved.opening.value),
        *((movement, line.points, line.value) for movement, line in moved.movements.items()),
        ("revaluation", 0, moved.revaluation),
        ("closing", moved.closing.points, moved.closing.value),
    )
    rows = ((_text(moved.program), name, points, *_amounts(value, named)) for name, points, value in lines)
    return _csv(("program", "line", "points", *_worth(named)), rows)


def _worth(currencies: Iterable[str]) -> list[str]:
    return [f"worth {currency}" for currency in currencies]


def _amounts(value: Mapping[str, Money], currencies: Iterable[str]) -> list[str]:
    return [str(value[currency].amount) if currency in value else "" for currency in currencies]


def _text(name: str) -> str:
    return f"'{name}" if name.startswith(_FORMULA) else name


def _csv(names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
    return text.getvalue()
