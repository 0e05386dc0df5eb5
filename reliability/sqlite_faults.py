"""
Faults of the database: SQLite's own connections and cursors, of which one statement goes wrong.
"""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from copy import copy
from typing import Any, ClassVar, Literal, get_args

from attrs import Factory, define

When = Literal["before", "after", "gone"]
"""
The statement fails before it ran; after it ran, so that only its answer is lost; or before it ran, and SQLite gives up
the transaction with it, as it does when the disk fails.
"""

CONNECT = sqlite3.connect


def error_of(code: int, text: str = "a fault", kind: type[sqlite3.Error] = sqlite3.OperationalError) -> sqlite3.Error:
    """
    Return an error as SQLite raises it.
    """
    error = kind(text)
    error.sqlite_errorcode = code
    return error


@define
class Faults:
    """
    Counts the statements that go through its connections, and lets some of them fail.

    Args:
        at: which statement fails, counted from 1; None for none.
        when: how it fails; times: how many fail in a row from there.
        error: what it raises; None kills the process.
        only: only statements that begin so are counted.
        count, met: how many were counted, and failed; seen: the texts of all; opened: the connections.
        last: the text of the last that failed.
    """

    at: int | None = None
    when: When = "before"
    times: int = 1
    error: sqlite3.Error | None = error_of(sqlite3.SQLITE_IOERR, "disk I/O error")
    only: str = ""
    count: int = 0
    met: int = 0
    seen: list[str] = Factory(list[str])
    opened: list[sqlite3.Connection] = Factory(list[sqlite3.Connection])
    last: str = ""
    ways: ClassVar[tuple[str, ...]] = get_args(When)

    def connect(self, *args: Any, **options: Any) -> sqlite3.Connection:
        """
        Do as `sqlite3.connect`, in whose place it can stand.
        """
        faults = self

        class FaultyCursor(sqlite3.Cursor):
            def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
                return faults.run(self.connection, sql, lambda: sqlite3.Cursor.execute(self, sql, parameters))

            def executemany(self, sql: str, parameters: Any) -> sqlite3.Cursor:
                return faults.run(self.connection, sql, lambda: sqlite3.Cursor.executemany(self, sql, parameters))

        class FaultyConnection(sqlite3.Connection):
            def cursor(self, factory: Any = FaultyCursor) -> Any:
                return super().cursor(factory)

        self.opened.append(CONNECT(*args, factory=FaultyConnection, **options))
        return self.opened[-1]

    @contextmanager
    def installed(self) -> Generator[None]:
        """
        Give faults to every connection that is opened meanwhile.
        """
        sqlite3.connect = self.connect  # type: ignore[assignment]
        try:
            yield
        finally:
            sqlite3.connect = CONNECT

    @contextmanager
    def failing(self, way: Any, at: int) -> Generator[None]:
        """
        Let the statement with this number fail meanwhile.
        """
        self.at, self.when, self.count, self.met = at, way, 0, 0
        try:
            yield
        finally:
            self.at = None

    def run(self, connection: sqlite3.Connection, sql: str, statement: Any) -> Any:
        """
        Run a statement, or let it fail.
        """
        self.seen.append(sql)
        self.count += sql.startswith(self.only)
        fails = self.at is not None and sql.startswith(self.only) and self.at <= self.count < self.at + self.times
        if fails:
            self.last = sql
        if fails and self.when != "after":
            if self.when == "gone" and connection.in_transaction:
                connection.rollback()
            self._fail()
        answer = statement()
        if fails:
            self._fail()
        return answer

    def _fail(self) -> None:
        self.met += 1
        if self.error is None:
            os.kill(os.getpid(), signal.SIGKILL)
        else:
            raise copy(self.error)
