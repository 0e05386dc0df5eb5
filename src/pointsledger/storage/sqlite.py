"""
A storage in SQLite, by the standard library's `sqlite3`.

It opens a file of its own, or joins a connection and transaction of the caller.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import datetime
from threading import RLock
from typing import Any, Literal, Self, TypeVar

from ..domain.account import Account
from ..domain.decisions import Decision
from ..domain.program import Program
from ..domain.reads import Reading
from ..errors import (
    Corrupt,
    NoTransaction,
    OperatorNeeded,
    PointsLedgerError,
    SchemaMismatch,
    StorageBusy,
    StorageClosed,
    StorageUnavailable,
    TryAgain,
    VersionConflict,
)
from ..port import Job
from . import sql, sql_schema

T = TypeVar("T")
JournalMode = Literal["wal", "delete", "truncate", "persist"]
Synchronous = Literal["FULL", "NORMAL", "EXTRA", "OFF"]

SQLITE = sql_schema.Dialect(integer="INTEGER", text="TEXT", table="STRICT, WITHOUT ROWID", lock="")
OLDEST_SQLITE = (3, 37, 0)
"""The first release with STRICT tables."""


def is_wal_safe(version: tuple[int, ...]) -> bool:
    """
    Whether this release of SQLite is free of the WAL-reset defect, which can lose commits of several connections.

    It is fixed in 3.51.3, and in 3.50.7 and 3.44.6 of the older series.
    """
    return version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)


class SQLiteStorage:
    """
    Keeps ledgers in an SQLite file.

    One storage serves all threads of a process; several processes may open the same file.
    After a fork the child opens a connection of its own.

    Args:
        path: the file; it is created where it does not exist. ``":memory:"`` keeps everything in memory.
        journal_mode: ``"wal"`` where this release of SQLite is free of its defect, else ``"delete"``.
        synchronous: how hard a commit is pressed to the disk; FULL survives a loss of power.
        timeout: seconds to wait for other writers before `StorageBusy`.

    Raises:
        StorageUnavailable: the file cannot be opened or is no database.
        SchemaMismatch: it was written by a later release.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        journal_mode: JournalMode | None = None,
        synchronous: Synchronous = "FULL",
        timeout: int = 60,
    ) -> None:
        self._place = os.fspath(path)
        self._journal_mode = journal_mode or ("wal" if is_wal_safe(sqlite3.sqlite_version_info) else "delete")
        self._synchronous = synchronous
        self._timeout = timeout
        self._programs: dict[str, Program] = {}
        self._lock = RLock()
        self._joined = False
        self._connection: sqlite3.Connection | None = None
        self._process = 0
        self._open()

    @classmethod
    def joining(cls, connection: sqlite3.Connection) -> SQLiteStorage:
        """
        Return a storage that works within the caller's connection and transaction (R-46).

        It never begins, commits, rolls back or retries there; each command is one savepoint, so that a refusal or
        fault leaves the caller's transaction as it was. Call `create_schema` once for a new database.
        """
        storage = cls.__new__(cls)
        storage._place = "the caller's connection"
        storage._programs = {}
        storage._lock = RLock()
        storage._joined = True
        storage._connection = connection
        storage._process = os.getpid()
        return storage

    def create_schema(self) -> None:
        """
        Create the tables, or bring those of an earlier release up to date, in the caller's transaction.

        A storage with a file of its own has done so already.
        """
        with self._transaction() as cursor:
            _migrate(cursor, self._place)

    # --- the port ----------------------------------------------------------------------------------------------

    def transact(self, job: Job) -> Decision:
        """
        Run one decision; see `pointsledger.port.Storage.transact`.
        """
        with self._transaction() as cursor:
            return _run(sql.transact(SQLITE, self._programs, job), cursor, job)

    def transact_all(self, jobs: Sequence[Job]) -> tuple[Decision, ...]:
        """
        Run decisions, all or none; see `pointsledger.port.Storage.transact_all`.
        """
        with self._transaction() as cursor:
            return _run(sql.transact_all(SQLITE, self._programs, jobs), cursor)

    def read(self, program: str, account: str, reader: Callable[[Account], Reading[T]]) -> T:
        """
        Run a reader; see `pointsledger.port.Storage.read`.
        """
        with self._reading() as cursor:
            return _run(sql.read(SQLITE, self._programs, program, account, reader), cursor)

    def accounts(self, program: str, after: str, limit: int) -> Sequence[str]:
        """
        List accounts; see `pointsledger.port.Storage.accounts`.
        """
        with self._reading() as cursor:
            return _run(sql.accounts(SQLITE, program, after, limit), cursor)

    def due_accounts(self, program: str, at: datetime, limit: int) -> Sequence[str]:
        """
        List accounts that time may change; see `pointsledger.port.Storage.due_accounts`.
        """
        with self._reading() as cursor:
            return _run(sql.due_accounts(SQLITE, program, at, limit), cursor)

    def close(self) -> None:
        """
        Close the connection that this storage opened; a joined one is only let go of.
        """
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None and not self._joined and self._process == os.getpid():
                connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    # --- connections and transactions ----------------------------------------------------------------------------

    def _open(self) -> None:
        if sqlite3.sqlite_version_info < OLDEST_SQLITE:
            raise StorageUnavailable(self._place, f"SQLite {sqlite3.sqlite_version} is too old; 3.37 is needed")
        with _named_errors(self._place):
            connection = sqlite3.connect(
                self._place, timeout=self._timeout, isolation_level=None, check_same_thread=False
            )
        try:
            with _named_errors(self._place):
                connection.execute(f"PRAGMA synchronous = {self._synchronous}")
                connection.execute(f"PRAGMA journal_mode = {self._journal_mode}").fetchall()
                cursor = connection.cursor()
                cursor.execute("BEGIN IMMEDIATE")
                _migrate(cursor, self._place)
                cursor.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
        self._connection, self._process = connection, os.getpid()

    @contextmanager
    def _cursor(self) -> Generator[sqlite3.Cursor, None, None]:
        """
        Lend a cursor to one thread at a time.
        """
        with self._lock:
            if self._connection is None:
                raise StorageClosed(self._place)
            if self._process != os.getpid():
                self._leave_to_parent()
            with _named_errors(self._place):
                cursor = self._connection.cursor()
                cursor.row_factory = None  # rows are tuples here, whatever the caller's connection makes of them
                yield cursor

    def _leave_to_parent(self) -> None:
        """
        After a fork: leave the parent's connection alone, since closing it here would drop the parent's locks.
        """
        if self._joined:
            raise NoTransaction("a joined connection cannot be used after a fork; open another in the child")
        _PARENTS.append(self._connection)
        self._open()

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Cursor, None, None]:
        with self._cursor() as cursor:
            if self._joined:
                if not cursor.connection.in_transaction:
                    raise NoTransaction("begin a transaction first, best with BEGIN IMMEDIATE, and commit it yourself")
                begin, commit, undo = _SAVEPOINT
            else:
                # A deferred transaction that turns into a write fails at once where others wait.
                begin, commit, undo = _TRANSACTION
            cursor.execute(begin)
            try:
                yield cursor
                cursor.execute(commit)
            except BaseException:
                if cursor.connection.in_transaction:
                    for statement in undo:
                        cursor.execute(statement)
                raise

    @contextmanager
    def _reading(self) -> Generator[sqlite3.Cursor, None, None]:
        with self._cursor() as cursor:
            if cursor.connection.in_transaction:  # the caller's: read what it has written
                yield cursor
                return
            cursor.execute("BEGIN")
            try:
                yield cursor
            finally:
                cursor.execute("ROLLBACK")


_TRANSACTION: tuple[str, str, tuple[str, ...]] = ("BEGIN IMMEDIATE", "COMMIT", ("ROLLBACK",))
_SAVEPOINT: tuple[str, str, tuple[str, ...]] = (
    "SAVEPOINT pointsledger",
    "RELEASE pointsledger",
    ("ROLLBACK TO pointsledger", "RELEASE pointsledger"),
)
_PARENTS: list[Any] = []
"""Connections of parent processes, kept so that no garbage collection closes them in a child."""


def _run(body: sql.Body[T], cursor: sqlite3.Cursor, job: Job | None = None) -> T:
    """
    Drive a body: run each statement and send back its rows, or how many rows it wrote.
    """
    try:
        statement = next(body)
        while True:
            if statement.many:
                cursor.executemany(statement.sql, statement.parameters)
                statement = body.send(cursor.rowcount)
            elif statement.writes:
                cursor.execute(statement.sql, statement.parameters)
                statement = body.send(cursor.rowcount)
            else:
                statement = body.send(cursor.execute(statement.sql, statement.parameters).fetchall())
    except StopIteration as stop:
        result: T = stop.value
        return result


def _migrate(cursor: sqlite3.Cursor, place: str) -> None:
    """
    Bring the stored format from whatever version it has to this release's.
    """
    cursor.execute(SQLITE(sql_schema.CREATE_VERSION))
    rows = cursor.execute(SQLITE(sql_schema.SELECT_VERSION)).fetchall()
    if not rows:
        cursor.execute(SQLITE(sql_schema.INSERT_VERSION))
    found = rows[0][0] if rows else 0
    if found > sql_schema.SCHEMA_VERSION:
        raise SchemaMismatch(place, found, sql_schema.SCHEMA_VERSION)
    for version, statements in enumerate(sql_schema.MIGRATIONS[found:], start=found + 1):
        for statement in statements:
            cursor.execute(SQLITE(statement))
        cursor.execute(SQLITE(sql_schema.UPDATE_VERSION), (version,))


@contextmanager
def _named_errors(place: str) -> Generator[None, None, None]:
    """
    Turn every error of the driver into one of this library (R-47).
    """
    try:
        yield
    except PointsLedgerError:
        raise
    except sqlite3.Error as error:
        raise _named(error, place) from error


def _named(error: sqlite3.Error, place: str) -> TryAgain | OperatorNeeded:
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if code is not None else None
    if primary in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return StorageBusy(f"{place}: {error}")
    if code in {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}:
        return VersionConflict(str(error), 0)
    if primary in {sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_CORRUPT}:
        return Corrupt(place, str(error))
    if "no such table" in str(error):
        return SchemaMismatch(place, 0, sql_schema.SCHEMA_VERSION)
    return StorageUnavailable(place, str(error))
