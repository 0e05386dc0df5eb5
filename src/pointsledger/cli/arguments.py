"""
What the options of the command line have in common.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from ..domain.instants import check_instant
from ..domain.program import Program
from ..errors import InvalidFile


def add_instant(parser: ArgumentParser, name: str, meaning: str) -> None:
    """
    Add an option that takes a date or time; without an offset it is local time of the program.
    """
    parser.add_argument(name, type=_moment, metavar="TIME", help=f"{meaning}, such as 2025-12-31T18:00")


def add_json(parser: ArgumentParser) -> None:
    """
    Add the option that shows the result as JSON.
    """
    parser.add_argument("--json", action="store_true", help="show the result as JSON")


def instant_of(moment: datetime | None, program: Program) -> datetime:
    """
    Return the instant that an option names; now, where it was not given.
    """
    if moment is None:
        return datetime.now(UTC)
    local = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(program.timezone))
    return check_instant(local, "time")


def write_file(name: str, content: bytes) -> None:
    """
    Write a file that an option names; ``-`` is the output.

    Raises:
        InvalidFile: it cannot be written.
    """
    if name == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        return
    try:
        Path(name).write_bytes(content)
    except OSError as error:
        raise InvalidFile(name, 0, "", f"cannot be written: {error.strerror}") from error


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no date or time such as 2025-12-31T18:00") from None
