"""
A storage in SQLite, by the standard library's `sqlite3`.

It opens a file of its own, or joins a connection and transaction of the caller.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from threading import RLock, get_ident
from time import monotonic, sleep
from typing import Any, Literal, Self, TypeVar, get_args
from weakref import WeakValueDictionary

from ..domain.account import Account
from ..domain.decisions import Decision
from ..domain.points import check_count
from ..domain.program import Program
from ..domain.reads import Reading, run
from ..errors import (
    Corrupt,
    InvalidInput,
    NoTransaction,
    OperatorNeeded,
    OutcomeUnknown,
    PointsLedgerError,
    SchemaMismatch,
    StorageBusy,
    StorageClosed,
    StorageUnavailable,
    TryAgain,
    VersionConflict,
)
from ..port import Job
from . import forks, sql, sql_migration, sql_schema

T = TypeVar("T")
JournalMode = Literal["wal", "delete", "truncate", "persist"]
Synchronous = Literal["FULL", "NORMAL", "EXTRA", "OFF"]

SQLITE = sql_schema.Dialect(integer="INTEGER", text="TEXT", table="STRICT, WITHOUT ROWID")
OLDEST_SQLITE = (3, 37, 0)
"""The first release with STRICT tables."""
ATTEMPTS_MAX = 10
"""How often a transaction of the storage's own is tried where others get in its way (R-46)."""

_LOCKS: WeakValueDictionary[int, RLock] = WeakValueDictionary()
"""The lock of a connection that storages have joined, by its `id`: savepoints of two at once would mix up."""


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
    A fork waits until the storage is at rest, and the child opens a connection of its own.

    Args:
        path: the file, by its name alone, which is never read as a URI; it is created where it does not exist.
            ``":memory:"`` keeps everything in the memory of this process.
        journal_mode: ``"wal"`` where this release of SQLite is free of its defect, else ``"delete"``.
        synchronous: how hard a commit is pressed to the disk; FULL survives a loss of power.
        timeout: whole seconds to wait for other writers before `StorageBusy`.

    Raises:
        InvalidInput: an argument that is not of these.
        StorageUnavailable: the file cannot be opened or written, or is no database.
        SchemaMismatch: it was written by a later release; the file is left as it is.
        StorageBusy: others held the file for longer than the time-out.
    """

    def __init__(
        self,
        path: str | bytes | os.PathLike[str],
        *,
        journal_mode: JournalMode | None = None,
        synchronous: Synchronous = "FULL",
        timeout: int = 60,
    ) -> None:
        self._place = _file_named(path)
        self._journal_mode = _one_of(
            _safe_journal_mode() if journal_mode is None else journal_mode, "journal_mode", JournalMode
        )
        self._synchronous = _one_of(synchronous, "synchronous", Synchronous)
        self._timeout = check_count(timeout, "timeout", least=0, most=86_400)
        self._prepare(joined=False)
        self._connection: sqlite3.Connection | None = self._opened()
        self._format_known = True
        forks.watch(self)

    @classmethod
    def joining(cls, connection: sqlite3.Connection) -> SQLiteStorage:
        """
        Return a storage that works within the caller's connection and transaction (R-46).

        It never begins, commits, rolls back or retries there; each command is one savepoint, so that a refusal or
        fault leaves the caller's transaction as it was. Call `create_schema` once for a new database.
        Only a read outside any transaction looks through one of its own, which ends with it and leaves no trace.

        Raises:
            InvalidInput: `connection` is not one of `sqlite3`.
        """
        if not isinstance(connection, sqlite3.Connection):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidInput("connection", connection, "must be a sqlite3.Connection")
        storage = cls.__new__(cls)
        storage._place = "the caller's connection"
        storage._timeout = 0
        storage._prepare(joined=True)
        storage._connection = connection
        storage.lock = _LOCKS.setdefault(id(connection), storage.lock)
        forks.watch(storage)
        return storage

    def _prepare(self, *, joined: bool) -> None:
        self.lock = RLock()
        self._programs: dict[str, Program] = {}
        self._joined = joined
        self._inherited = False
        self._worker: int | None = None
        self._format_known = False

    def create_schema(self) -> None:
        """
        Create the tables, or bring those of an earlier release up to date, in the caller's transaction.

        A storage with a file of its own has done so already.

        Raises:
            SchemaMismatch: a later release has written them.
        """
        with self._cursor() as cursor, self._transaction(cursor):
            _migrate(cursor, self._place)

    # --- the port ----------------------------------------------------------------------------------------------

    def transact(self, job: Job) -> Decision:
        """
        Run one decision; see `pointsledger.port.Storage.transact`.
        """
        return self._write(lambda: sql.transact(SQLITE, self._programs, job))

    def transact_all(self, jobs: Sequence[Job]) -> tuple[Decision, ...]:
        """
        Run decisions, all or none; see `pointsledger.port.Storage.transact_all`.
        """
        return self._write(lambda: sql.transact_all(SQLITE, self._programs, jobs))

    def read(self, program: str, account: str, reader: Callable[[Account], Reading[T]]) -> T:
        """
        Run a reader; see `pointsledger.port.Storage.read`.
        """
        return self._read(sql.read(SQLITE, self._programs, program, account, reader))

    def accounts(self, program: str, after: str, limit: int) -> Sequence[str]:
        """
        List accounts; see `pointsledger.port.Storage.accounts`.
        """
        return self._read(sql.accounts(SQLITE, program, after, limit))

    def due_accounts(self, program: str, at: datetime, limit: int) -> Sequence[str]:
        """
        List accounts that time may change; see `pointsledger.port.Storage.due_accounts`.
        """
        return self._read(sql.due_accounts(SQLITE, program, at, limit))

    def accounts_to_notify(self, program: str, at: datetime, limit: int) -> Sequence[str]:
        """
        List accounts on which notices may be due; see `pointsledger.port.Storage.accounts_to_notify`.
        """
        return self._read(sql.accounts_to_notify(SQLITE, program, at, limit))

    def close(self) -> None:
        """
        Close the connection that this storage opened; a joined one is only let go of.
        """
        with self.lock:
            connection, self._connection = self._connection, None
            if connection is not None and not self._joined:
                connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    # --- connections -------------------------------------------------------------------------------------------

    def _opened(self) -> sqlite3.Connection:
        if sqlite3.sqlite_version_info < OLDEST_SQLITE:
            raise StorageUnavailable(self._place, f"SQLite {sqlite3.sqlite_version} is too old; 3.37 is needed")
        with _named_errors(self._place):
            connection = sqlite3.connect(
                self._place, timeout=self._timeout, isolation_level=None, check_same_thread=False
            )
        try:
            with _named_errors(self._place):
                cursor = connection.cursor()
                cursor.execute(f"PRAGMA synchronous = {self._synchronous}")
                cursor.execute("BEGIN IMMEDIATE")
                _migrate(cursor, self._place)
                cursor.execute("COMMIT")
            self._patiently(lambda: self._choose_journal(connection), attempts=None)
        except BaseException:
            connection.close()
            raise
        return connection

    def _choose_journal(self, connection: sqlite3.Connection) -> None:
        # SQLite does not wait here for others, as it does everywhere else.
        with _named_errors(self._place):
            connection.execute(f"PRAGMA journal_mode = {self._journal_mode}").fetchall()

    def begin_in_child(self) -> None:
        """
        After a fork: the connection belongs to the parent.
        """
        self._inherited = True

    def _leave_to_parent(self, inherited: sqlite3.Connection) -> sqlite3.Connection:
        if self._joined:
            raise NoTransaction("a joined connection cannot be used after a fork; open another in the child")
        if self._place == ":memory:":
            raise StorageUnavailable(self._place, "a ledger in memory stays with the process that opened it")
        inherited.close()  # before another is opened, see `forks`
        connection = self._opened()
        self._inherited = False
        return connection

    @contextmanager
    def _cursor(self) -> Generator[sqlite3.Cursor, None, None]:
        """
        Lend a cursor to one thread at a time, with rows as plain tuples of `str` and `int`.
        """
        with self.lock:
            if self._connection is None:
                raise StorageClosed(self._place)
            if self._worker == get_ident():
                raise StorageBusy(f"{self._place}: called from within one of its own decisions")
            if self._inherited:
                self._connection = self._leave_to_parent(self._connection)
            connection = self._connection
            text_factory = connection.text_factory
            try:
                self._worker = get_ident()
                connection.text_factory = str
                cursor = connection.cursor()
                cursor.row_factory = None
                yield cursor
            except sqlite3.Error as error:
                raise _named(error, self._place) from error
            finally:
                connection.text_factory = text_factory
                self._worker = None

    # --- transactions ------------------------------------------------------------------------------------------

    def _write(self, body: Callable[[], sql.Body[T]]) -> T:
        def attempt() -> T:
            with self._cursor() as cursor, self._transaction(cursor):
                self._check_format(cursor)
                return _run(body(), cursor)

        return attempt() if self._joined else self._patiently(attempt, attempts=ATTEMPTS_MAX)

    def _read(self, body: sql.Body[T]) -> T:
        with self._cursor() as cursor:
            self._check_format(cursor)
            if cursor.connection.in_transaction:  # the caller's: read what it has written
                return _run(body, cursor)
            try:
                cursor.execute("BEGIN")
                return _run(body, cursor)
            finally:
                if cursor.connection.in_transaction:
                    cursor.execute("ROLLBACK")

    def _transaction(self, cursor: sqlite3.Cursor) -> AbstractContextManager[None]:
        return self._savepoint(cursor) if self._joined else self._own(cursor)

    @contextmanager
    def _own(self, cursor: sqlite3.Cursor) -> Generator[None, None, None]:
        try:
            # A deferred transaction that turns into a write fails at once where others wait.
            cursor.execute("BEGIN IMMEDIATE")
            yield
            self._commit(cursor)
        except BaseException:
            if cursor.connection.in_transaction:
                cursor.execute("ROLLBACK")
            raise

    def _commit(self, cursor: sqlite3.Cursor) -> None:
        try:
            cursor.execute("COMMIT")
        except sqlite3.Error as error:
            if cursor.connection.in_transaction or _code(error) == sqlite3.SQLITE_FULL:
                raise  # it is known that nothing was committed
            raise OutcomeUnknown(f"{self._place}: {error}") from error

    @contextmanager
    def _savepoint(self, cursor: sqlite3.Cursor) -> Generator[None, None, None]:
        if not cursor.connection.in_transaction:
            raise NoTransaction("begin a transaction first, best with BEGIN IMMEDIATE, and commit it yourself")
        cursor.execute("SAVEPOINT pointsledger")
        try:
            yield
        except BaseException:
            if cursor.connection.in_transaction:  # else SQLite itself has given up the caller's transaction
                cursor.execute("ROLLBACK TO pointsledger")
                cursor.execute("RELEASE pointsledger")
            raise
        cursor.execute("RELEASE pointsledger")

    def _check_format(self, cursor: sqlite3.Cursor) -> None:
        if not self._format_known:
            found = _stored_format(cursor)
            if found != sql_schema.SCHEMA_VERSION:
                raise SchemaMismatch(self._place, found, sql_schema.SCHEMA_VERSION)
            self._format_known = True

    def _patiently(self, attempt: Callable[[], T], *, attempts: int | None) -> T:
        """
        Try again after a pause of random length where others were in the way, until the time-out at most (R-46).
        """
        deadline = monotonic() + self._timeout
        count = 1
        while True:
            try:
                return attempt()
            except (StorageBusy, VersionConflict):
                if count == attempts or monotonic() >= deadline or self._worker == get_ident():
                    raise
            sleep(secrets.randbelow(10 * min(count, 10)) / 1000)
            count += 1


def _safe_journal_mode() -> JournalMode:
    return "wal" if is_wal_safe(sqlite3.sqlite_version_info) else "delete"


def _file_named(path: Any) -> str:
    """
    Return the full name of a file, so that it is the same one after a change of directory, and is never a URI.
    """
    try:
        name = os.fsdecode(path)
        os.fsencode(name)
    except (TypeError, ValueError):
        raise InvalidInput("path", path, "must be the path of a file") from None
    if not name or "\0" in name:
        raise InvalidInput("path", path, "must be the path of a file")
    return name if name == ":memory:" else str(Path(name).absolute())


def _one_of(value: Any, name: str, choices: Any) -> Any:
    if type(value) is not str or value not in get_args(choices):
        raise InvalidInput(name, value, f"must be one of {', '.join(get_args(choices))}")
    return value


def _run(body: sql.Body[T], cursor: sqlite3.Cursor) -> T:
    """
    Drive a body: run each statement and send back its rows.
    """
    return run(body, lambda statement: _answer(statement, cursor))


_ROW_EXISTS = {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}


def _answer(statement: sql.Statement, cursor: sqlite3.Cursor) -> Any:
    if not statement.rows:
        return cursor.execute(statement.sql, statement.parameters).fetchall()
    if not statement.unread:
        return [found for row in statement.rows for found in cursor.execute(statement.sql, row)]
    try:
        if len(statement.rows) == 1:
            cursor.execute(statement.sql, statement.rows[0])
        else:
            cursor.executemany(statement.sql, statement.rows)
    except sqlite3.IntegrityError as error:
        if statement.conflict is None or error.sqlite_errorcode not in _ROW_EXISTS:
            raise
        raise statement.conflict from None
    if statement.counted and cursor.rowcount != len(statement.rows):
        assert statement.conflict is not None, "what is counted can conflict"
        raise statement.conflict
    return None


def _stored_format(cursor: sqlite3.Cursor) -> int:
    """
    Return the version of the stored format, 0 where there is none.
    """
    names = cursor.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (SQLITE("{schema}"),))
    if not names.fetchall():
        return 0
    return int(cursor.execute(SQLITE(sql_schema.SELECT_VERSION)).fetchall()[0][0])


def _migrate(cursor: sqlite3.Cursor, place: str) -> None:
    """
    Bring the stored format from whatever version it has to this release's.
    """
    ((encoding,),) = cursor.execute("PRAGMA encoding").fetchall()
    if encoding != "UTF-8":  # others sort in another order
        raise StorageUnavailable(place, f"its text is stored as {encoding}; UTF-8 is needed")
    found = _stored_format(cursor)
    if found > sql_schema.SCHEMA_VERSION:
        raise SchemaMismatch(place, found, sql_schema.SCHEMA_VERSION)
    _run(sql_migration.migrate(SQLITE, found), cursor)


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


def _code(error: sqlite3.Error) -> int | None:
    code = getattr(error, "sqlite_errorcode", None)  # none where it is Python's module that complains
    return None if code is None else code & 0xFF


_IN_THE_WAY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_INTERRUPT}
_BROKEN = {sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_CORRUPT}


def _named(error: sqlite3.Error, place: str) -> TryAgain | OperatorNeeded:
    code = _code(error)
    if code in _IN_THE_WAY:
        return StorageBusy(f"{place}: {error}")
    if code in _BROKEN:
        return Corrupt(place, str(error))
    if "no such table" in str(error):
        return SchemaMismatch(place, 0, sql_schema.SCHEMA_VERSION)
    return StorageUnavailable(place, str(error))
