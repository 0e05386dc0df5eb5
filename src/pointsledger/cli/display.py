"""
What the command line shows: with `rich` on a terminal where it is installed, and as plain text otherwise.

Both show the same words and figures; rich adds colour, frames and a moving bar.
Plain text keeps within 80 columns as long as its tables do, and a pipe always gets plain text.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TextIO

from attrs import define, frozen

from ..reports.text_table import paragraph, text_table

if TYPE_CHECKING:
    from rich.console import Console

_STEPS = 10

Advance = Callable[[int], None]
"""Is told how much is done, in all."""


class Display(Protocol):
    """
    A place to show text and tables.
    """

    def heading(self, text: str) -> None:
        """
        Show a heading.
        """
        ...

    def text(self, text: str) -> None:
        """
        Show a paragraph, broken into lines where it is long.
        """
        ...

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """
        Show a table; a column whose name begins with ``>`` is set to the right.
        """
        ...


def display_on(stream: TextIO) -> Display:
    """
    Return the best display that the stream allows.
    """
    console = _terminal(stream)
    return PlainDisplay(stream) if console is None else RichDisplay(console)


@contextmanager
def progress_on(stream: TextIO, label: str, total: int) -> Generator[Advance]:
    """
    Show how far a long run has come; what it yields is called with how much is done of `total`, in all.
    """
    console = _terminal(stream)
    if console is None:
        yield _plain_progress(stream, label, total)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(label, total=total)
        yield lambda done: bar.update(task, completed=done)


def _terminal(stream: TextIO) -> Console | None:
    """
    Return rich's console if it is installed and the stream is a terminal (or is said to be one by FORCE_COLOR).
    """
    try:
        from rich.console import Console
    except ImportError:
        return None
    console = Console(file=stream, highlight=False)
    return console if console.is_terminal else None


def _plain_progress(stream: TextIO, label: str, total: int) -> Advance:
    shown = 0

    def advance(done: int) -> None:
        nonlocal shown
        step = done * _STEPS // total if total else 0
        if step > shown:
            shown = step
            print(f"{label}: {done:,} of {total:,}", file=stream, flush=True)

    return advance


@define
class PlainDisplay:
    """
    Text without any control characters; a blank line stands before headings and around tables.
    """

    stream: TextIO
    _shown: str = ""

    def heading(self, text: str) -> None:
        """
        Show a heading.
        """
        self._leave_space("heading", after=("text", "table"))
        print(f"{text}\n{'-' * len(text)}", file=self.stream)

    def text(self, text: str) -> None:
        """
        Show a paragraph.
        """
        self._leave_space("text", after=("table",))
        print("\n".join(paragraph(text)), file=self.stream)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """
        Show a table in columns of spaces.
        """
        self._leave_space("table", after=("text", "table"))
        for line in text_table(columns, rows):
            print(line, file=self.stream)

    def _leave_space(self, kind: str, *, after: Sequence[str]) -> None:
        if self._shown in after:
            print(file=self.stream)
        self._shown = kind


@frozen
class RichDisplay:
    """
    Colour and frames on a terminal.
    """

    console: Console

    def heading(self, text: str) -> None:
        """
        Show a heading.
        """
        self.console.print()
        self.console.print(text, style="bold", markup=False)

    def text(self, text: str) -> None:
        """
        Show a paragraph.
        """
        self.console.print(text, markup=False)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """
        Show a framed table.
        """
        from rich.box import ROUNDED
        from rich.table import Table
        from rich.text import Text

        table = Table(box=ROUNDED, header_style="bold")
        for name in columns:
            right = name.startswith(">")
            table.add_column(Text(name.removeprefix(">")), justify="right" if right else "left", no_wrap=right)
        for row in rows:
            table.add_row(*map(Text, row))
        self.console.print(table)
