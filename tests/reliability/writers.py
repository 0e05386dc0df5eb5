"""
What runs in processes that die at a statement, or that open, sweep and redeem side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pointsledger import commands
from pointsledger.errors import Refused
from pointsledger.storage.sqlite import SQLiteStorage
from reliability.kills import carry_out
from reliability.sqlite_faults import Faults
from tests.storage.books import ANN, club, day


def write_and_die(path: Path, mode: Any, batch: Sequence[commands.Command], faults: Faults) -> None:
    """
    Carry out a batch, of which some statement kills the process; opening the file does not count.
    """
    with faults.installed():
        at, faults.at = faults.at, None
        ledger = club(SQLiteStorage(path, journal_mode=mode))
        faults.at, faults.count = at, 0
        carry_out(ledger, batch)


def open_at_once(path: Path, mode: Any, key: str, start: Any) -> None:
    """
    Open a file at the same moment as others, and earn a point there.
    """
    start.wait()
    with SQLiteStorage(path, journal_mode=mode) as storage:
        club(storage).earn(ANN, 1, key=key)


def sweep(path: Path, mode: Any, at: int, start: Any) -> None:
    """
    Book what has lapsed, batch by batch.
    """
    with SQLiteStorage(path, journal_mode=mode) as storage:
        start.wait()
        club(storage).expire_due(at=day(at), batch=3)


def redeem_each(path: Path, mode: Any, accounts: list[str], at: int, start: Any) -> None:
    """
    Redeem 3 points of each account, and once more.
    """
    with SQLiteStorage(path, journal_mode=mode) as storage:
        start.wait()
        for account in accounts * 2:
            with suppress(Refused):
                club(storage, on=at).redeem(account, 3)
