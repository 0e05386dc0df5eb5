"""
Tables and paragraphs in plain text.
"""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

WIDTH = 80
"""The columns of a paragraph."""


def paragraph(text: str, *, first: str = "", others: str = "") -> list[str]:
    """
    Return a text as lines of at most 80 columns, longer words excepted; the first and the others may be set in.
    """
    return wrap(text, WIDTH, initial_indent=first, subsequent_indent=others, break_long_words=False)


def text_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """
    Return a table as lines of text in columns of spaces; a column whose name begins with ``>`` is set to the right.
    """
    names = [name.removeprefix(">") for name in columns]
    widths = [max(map(len, cells)) for cells in zip(names, *rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if name.startswith(">") else cell.ljust(width)
            for cell, width, name in zip(cells, widths, columns, strict=True)
        ).rstrip()
        for cells in (names, ["-" * width for width in widths], *rows)
    ]
