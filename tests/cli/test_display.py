"""
What the command line shows: the same words with rich and without.
"""

import io
import re
import sys

import pytest

from pointsledger.cli.display import Display, PlainDisplay, RichDisplay, display_on, progress_on

COLUMNS = ("what", ">points")
ROWS = (("earned", "1,200"), ("[red]", "-5"))
LONG = "A statement is a function of the history and of the period, whether or not a sweep was run before it."


def show(display: Display) -> None:
    """
    Show one of everything, and what follows what.
    """
    display.heading("First")
    display.table(COLUMNS, ROWS)
    display.text(LONG)
    display.table(COLUMNS, ROWS)
    display.table(COLUMNS, ())
    display.heading("Last")
    display.text("[end]")


def test_plain_text() -> None:
    """
    Plain text has columns of spaces, figures to the right, paragraphs of 80 columns, and blank lines between parts.
    """
    stream = io.StringIO()
    show(PlainDisplay(stream))
    assert (
        stream.getvalue()
        == """\
First
-----
what    points
------  ------
earned   1,200
[red]       -5

A statement is a function of the history and of the period, whether or not a
sweep was run before it.

what    points
------  ------
earned   1,200
[red]       -5

what  points
----  ------

Last
----
[end]
"""
    )


@pytest.fixture
def forced(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Say that every stream is a terminal of 80 columns.
    """
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")


@pytest.mark.usefixtures("forced")
def test_rich_shows_the_same_words() -> None:
    """
    On a terminal the same words and figures come with frames and colour, and nothing in them is taken for markup.
    """
    stream = io.StringIO()
    display = display_on(stream)
    assert isinstance(display, RichDisplay)
    show(display)
    assert "\x1b[1m" in stream.getvalue()
    plain = io.StringIO()
    show(PlainDisplay(plain))
    assert words(stream.getvalue()) == words(plain.getvalue())


def words(text: str) -> list[str]:
    """
    Return the words of a text without colours, frames and rules.
    """
    return re.sub(r"\x1b\[[0-9;]*m|[╭╮╰╯│├┤┼┬┴─]|-{2,}", " ", text).split()


def test_pipe_gets_plain_text() -> None:
    """
    What is no terminal gets plain text, whether rich is installed or not.
    """
    assert isinstance(display_on(io.StringIO()), PlainDisplay)


@pytest.mark.usefixtures("forced")
def test_terminal_without_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Without rich a terminal gets plain text too.
    """
    monkeypatch.setitem(sys.modules, "rich.console", None)
    assert isinstance(display_on(io.StringIO()), PlainDisplay)


def advanced(stream: io.StringIO, total: int, *steps: int) -> str:
    """
    Return what is shown of a run that comes this far in these steps.
    """
    with progress_on(stream, "accounts", total) as advance:
        for step in steps:
            advance(step)
    return stream.getvalue()


def test_plain_progress() -> None:
    """
    Plain progress is a line for each tenth, and none for what is nothing.
    """
    assert advanced(io.StringIO(), 2000, 1, 200, 201, 999, 2000) == (
        "accounts: 200 of 2,000\naccounts: 999 of 2,000\naccounts: 2,000 of 2,000\n"
    )
    assert advanced(io.StringIO(), 0, 0) == ""


@pytest.mark.usefixtures("forced")
def test_rich_progress() -> None:
    """
    On a terminal a bar moves.
    """
    shown = advanced(io.StringIO(), 2000, 1, 2000)
    assert "accounts" in shown
    assert "2000/2000" in re.sub(r"\x1b\[[0-9;]*m", "", shown)
