"""
What the verbs of the command line have in common: their options, and the ledger that these name.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from ..domain.instants import check_instant
from ..domain.program import Program
from ..errors import InvalidFile
from ..ledger import Ledger
from ..storage.sqlite import SQLiteStorage
from .toml_file import read_program


def add_ledger(parser: ArgumentParser) -> None:
    """
    Add the options that name a ledger.
    """
    parser.add_argument("--db", required=True, metavar="FILE", help="the SQLite file that holds the ledger")
    parser.add_argument("--program", required=True, metavar="FILE.toml", help="the program, as a TOML file")


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


@contextmanager
def opened_ledger(arguments: Namespace) -> Generator[Ledger]:
    """
    Open the ledger that `--db` and `--program` name.

    Raises:
        InvalidFile: there is no such file; only `replay` creates one.
    """
    program = read_program(arguments.program)
    with opened_storage(arguments.db) as storage:
        yield Ledger(program, storage)


def opened_storage(path: str) -> SQLiteStorage:
    """
    Open a storage that exists; close it after use.
    """
    if not Path(path).is_file():
        raise InvalidFile(path, 0, "", "no such file; replay creates one")
    return SQLiteStorage(path)


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
