"""
A storage in PostgreSQL, by psycopg 3 (the extra ``postgres``).

It works through a pool of connections, its own or the caller's, or joins a connection and transaction of the caller.

A transaction that writes is READ COMMITTED and takes the account's row first; one that reads sees one snapshot.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import lru_cache
from time import monotonic, sleep
from typing import Any, Self, TypeAlias, TypeVar

from ..domain.account import Account
from ..domain.decisions import Decision
from ..domain.points import check_count
from ..domain.program import Program
from ..domain.reads import Reading
from ..errors import (
    Corrupt,
    InvalidInput,
    NoTransaction,
    OperatorNeeded,
    OutcomeUnknown,
    SchemaMismatch,
    StorageBusy,
    StorageClosed,
    StorageUnavailable,
    TryAgain,
)
from ..extras import extra
from ..port import Job
from . import forks, sql, sql_migration, sql_schema

with extra("postgres", "psycopg"):
    import psycopg
    from psycopg.adapt import AdaptersMap
    from psycopg.pq import TransactionStatus
    from psycopg.rows import tuple_row
    from psycopg.types.numeric import Int8Dumper, IntLoader
    from psycopg.types.string import StrDumperUnknown, TextLoader
with extra("postgres", "psycopg-pool"):
    import psycopg_pool

T = TypeVar("T")
Connection: TypeAlias = psycopg.Connection[Any]
AsyncConnection: TypeAlias = psycopg.AsyncConnection[Any]
Cursor: TypeAlias = psycopg.Cursor[tuple[Any, ...]]
Pool: TypeAlias = psycopg_pool.ConnectionPool[Any]

ATTEMPTS_MAX = 10
"""How often a transaction of the storage's own is tried where others get in its way (R-46)."""
POOL_MAX = 10
"""How many connections a pool of the storage's own has at most."""

_PREFIX_MAX = 40
"""As many bytes as leave room for the longest name of an index within PostgreSQL's 63."""


class PostgresStorage:
    """
    Keeps ledgers in a PostgreSQL database whose encoding is UTF8.

    One storage serves all threads of a process; any number of processes may use the same tables.
    The tables are made, or brought up to date, when the storage is opened.
    After a fork, the child's first use opens a pool of its own; with a pool of the caller's it is refused.

    Args:
        database: a connection string such as ``"postgresql://shop@db/shop"``, or a `psycopg_pool.ConnectionPool` of
            the caller's, which stays open when the storage is closed.
        schema: the schema in which the tables are; it is created where it does not exist.
        prefix: what the names of all tables begin with.
        timeout: whole seconds to wait for a connection and for other writers before `StorageBusy`.

    Raises:
        InvalidInput: an argument that is not of these.
        MissingExtra: on import of this module, where psycopg is not installed.
        StorageUnavailable: the database cannot be reached or written, or has another encoding.
        SchemaMismatch: a later release has written the tables; they are left as they are.
        StorageBusy: others were in the way for longer than the time-out.
    """

    def __init__(
        self, database: str | Pool, *, schema: str = "public", prefix: str = "pointsledger_", timeout: int = 60
    ) -> None:
        if not isinstance(database, str | psycopg_pool.ConnectionPool):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidInput("database", database, "must be a connection string or a psycopg_pool.ConnectionPool")
        self._prepare(schema, prefix, timeout)
        self._conninfo = database if isinstance(database, str) else None
        self._pool: Pool | None = None if isinstance(database, str) else database
        try:
            self._patiently(self._migrate_own, repeatable=True)
        except BaseException:
            self.close()
            raise
        self._format_known = True
        forks.watch(self)

    @classmethod
    def joining(
        cls, connection: Connection, *, schema: str = "public", prefix: str = "pointsledger_"
    ) -> PostgresStorage:
        """
        Return a storage that works within the caller's connection and transaction (R-46).

        It never begins, commits, rolls back or retries there; each command and each read is one savepoint, so that a
        refusal or fault leaves the caller's transaction as it was. Call `create_schema` once for a new database.
        A conflict with others is raised as `TryAgain`: roll back, and run the whole transaction again.
        Only a read outside any transaction looks through one of its own, which ends with it and leaves no trace.

        Raises:
            InvalidInput: `connection` is not a `psycopg.Connection`, or a name is not one.
        """
        if not isinstance(connection, psycopg.Connection):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidInput("connection", connection, "must be a psycopg.Connection")
        storage = cls.__new__(cls)
        storage._prepare(schema, prefix, 0)
        storage._conninfo, storage._pool = None, None
        storage._joined = connection
        forks.watch(storage)
        return storage

    def _prepare(self, schema: str, prefix: str, timeout: int) -> None:
        self._schema = _name(schema, "schema", most=63)
        self._timeout = check_count(timeout, "timeout", least=0, most=86_400)
        self._dialect = _dialect(self._schema, _name(prefix, "prefix", most=_PREFIX_MAX))
        self._place = f"PostgreSQL, tables {self._schema}.{prefix}*"
        self.lock = threading.RLock()
        self._joined: Connection | None = None
        self._programs: dict[str, Program] = {}
        self._closed = False
        self._inherited: list[Pool | Connection] = []
        self._at_work = threading.local()
        self._format_known = False

    def create_schema(self) -> None:
        """
        Create the tables, or bring those of an earlier release up to date, in the caller's transaction.

        A storage with a pool has done so already.

        Raises:
            SchemaMismatch: a later release has written them.
        """
        if self._joined is None:
            self._patiently(self._migrate_own, repeatable=True)
            return
        with self._cursor_joined() as cursor, self._savepoint(cursor):
            self._migrate(cursor)

    # --- the port ----------------------------------------------------------------------------------------------

    def transact(self, job: Job) -> Decision:
        """
        Run one decision; see `pointsledger.port.Storage.transact`.
        """
        return self._write(lambda: sql.transact(self._dialect, self._programs, job), repeatable=job.key is not None)

    def transact_all(self, jobs: Sequence[Job]) -> tuple[Decision, ...]:
        """
        Run decisions, all or none; see `pointsledger.port.Storage.transact_all`.
        """
        return self._write(
            lambda: sql.transact_all(self._dialect, self._programs, jobs),
            repeatable=all(job.key is not None for job in jobs),
        )

    def read(self, program: str, account: str, reader: Callable[[Account], Reading[T]]) -> T:
        """
        Run a reader; see `pointsledger.port.Storage.read`.
        """
        return self._read(
            lambda: sql.read(self._dialect, self._programs, program, account, reader),
            lambda: sql.read_steadily(self._dialect, self._programs, program, account, reader),
        )

    def accounts(self, program: str, after: str, limit: int) -> Sequence[str]:
        """
        List accounts; see `pointsledger.port.Storage.accounts`.
        """
        return self._read(lambda: sql.accounts(self._dialect, program, after, limit))

    def due_accounts(self, program: str, at: datetime, limit: int) -> Sequence[str]:
        """
        List accounts that time may change; see `pointsledger.port.Storage.due_accounts`.
        """
        return self._read(lambda: sql.due_accounts(self._dialect, program, at, limit))

    def accounts_to_notify(self, program: str, at: datetime, limit: int) -> Sequence[str]:
        """
        List accounts on which notices may be due; see `pointsledger.port.Storage.accounts_to_notify`.
        """
        return self._read(lambda: sql.accounts_to_notify(self._dialect, program, at, limit))

    def close(self) -> None:
        """
        Close the pool that this storage opened; the caller's pool or connection is only let go of.
        """
        with self.lock:
            pool, self._pool, self._closed = self._pool, None, True
        if pool is not None and self._conninfo is not None:
            pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    # --- connections -------------------------------------------------------------------------------------------

    def begin_in_child(self) -> None:
        """
        After a fork: the connections belong to the parent, and are kept so that nothing closes them here.
        """
        self._at_work = threading.local()
        self._inherited += [kept for kept in (self._pool, self._joined) if kept is not None]
        if self._conninfo is not None:
            self._pool = None

    def _pool_here(self) -> Pool:
        with self.lock:
            if self._closed:
                raise StorageClosed(self._place)
            if self._pool is None:
                assert self._conninfo is not None, "a pool of the caller's is never given up"
                self._pool = self._opened(self._conninfo)
            elif self._inherited and self._conninfo is None:
                raise StorageUnavailable(self._place, "the pool belongs to the parent of this fork; open another")
            return self._pool

    def _opened(self, conninfo: str) -> Pool:
        wait = max(1, self._timeout)
        try:
            # At once and by itself, so that it is known why, where there is no connection to be had.
            psycopg.connect(conninfo, connect_timeout=max(2, wait), client_encoding="UTF8").close()
            pool = psycopg_pool.ConnectionPool(
                conninfo,
                kwargs={"autocommit": True, "connect_timeout": max(2, wait), "client_encoding": "UTF8"},
                min_size=1,
                max_size=POOL_MAX,
                timeout=wait,
                num_workers=1,
                open=True,
            )
            pool.wait(wait)  # so that a time-out of 0 finds a connection
        except psycopg.Error as error:
            raise self._named(error) from error
        return pool

    @contextmanager
    def _cursor(self, deadline: float) -> Generator[Cursor, None, None]:
        """
        Lend a cursor on a connection of the pool, outside any transaction.
        """
        pool = self._pool_here()
        with self._alone():
            try:
                connection = pool.getconn(timeout=max(0.1, deadline - monotonic()))
            except psycopg.Error as error:
                raise self._named(error) from error
            try:
                with self._lent(connection, autocommit=True) as cursor:
                    yield cursor
            finally:
                pool.putconn(connection)

    @contextmanager
    def _cursor_joined(self) -> Generator[Cursor, None, None]:
        """
        Lend a cursor on the caller's connection, to one thread at a time.
        """
        with self.lock:
            assert self._joined is not None
            if self._closed:
                raise StorageClosed(self._place)
            if self._inherited:
                raise NoTransaction("a joined connection cannot be used after a fork; open another in the child")
            idle = self._joined.info.transaction_status == TransactionStatus.IDLE
            autocommit = True if idle else self._joined.autocommit
            with self._alone(), self._lent(self._joined, autocommit=autocommit) as cursor:
                yield cursor

    @contextmanager
    def _alone(self) -> Generator[None, None, None]:
        """
        Refuse a thread that is at work here already: it would wait for itself.
        """
        if getattr(self._at_work, "here", False):
            raise StorageBusy(f"{self._place}: called from within one of its own decisions")
        self._at_work.here = True
        try:
            yield
        finally:
            self._at_work.here = False

    @contextmanager
    def _lent(self, connection: Connection, *, autocommit: bool) -> Generator[Cursor, None, None]:
        """
        Lend a cursor with rows as plain tuples of `str` and `int`, whatever the caller has made of its connection.
        """
        before = connection.autocommit
        try:
            if before != autocommit:
                connection.autocommit = autocommit
            _check_encodings(connection.info, self._place)
            with connection.cursor(row_factory=tuple_row) as cursor:
                _read_plainly(cursor.adapters)
                yield cursor
        except psycopg.Error as error:
            raise self._named(error) from error
        finally:
            if before != autocommit and not connection.closed:
                connection.autocommit = before

    # --- transactions ------------------------------------------------------------------------------------------

    def _write(self, body: Callable[[], sql.Body[T]], *, repeatable: bool) -> T:
        if self._joined is not None:
            with self._cursor_joined() as cursor, self._savepoint(cursor):
                self._check_format(cursor)
                return _run(body(), cursor)

        def attempt(deadline: float) -> T:
            with self._cursor(deadline) as cursor, self._own(cursor, deadline):
                self._check_format(cursor)
                return _run(body(), cursor)

        return self._patiently(attempt, repeatable=repeatable)

    def _read(self, body: Callable[[], sql.Body[T]], steadily: Callable[[], sql.Body[T]] | None = None) -> T:
        """
        Run a body that reads; `steadily` is the body for where each statement sees what is committed by then.
        """
        if self._joined is None:
            return self._patiently(lambda deadline: self._read_once(body, deadline), repeatable=True)
        with self._cursor_joined() as cursor:
            if cursor.connection.info.transaction_status == TransactionStatus.IDLE:
                with self._snapshot(cursor):
                    self._check_format(cursor)
                    return _run(body(), cursor)
            with self._savepoint(cursor):  # the caller's: read what it has written
                self._check_format(cursor)
                return _run((steadily or body)(), cursor)

    def _read_once(self, body: Callable[[], sql.Body[T]], deadline: float) -> T:
        with self._cursor(deadline) as cursor, self._snapshot(cursor):
            self._check_format(cursor)
            return _run(body(), cursor)

    @contextmanager
    def _own(self, cursor: Cursor, deadline: float) -> Generator[None, None, None]:
        try:
            cursor.execute(_begin(deadline))
            yield
            self._commit(cursor)
        except BaseException:
            _roll_back(cursor)
            raise

    def _commit(self, cursor: Cursor) -> None:
        try:
            cursor.execute("COMMIT")
        except psycopg.Error as error:
            if not _is_lost(error, cursor.connection):
                raise  # the server says that nothing was committed
            raise OutcomeUnknown(f"{self._place}: {error}") from error

    @contextmanager
    def _snapshot(self, cursor: Cursor) -> Generator[None, None, None]:
        try:
            cursor.execute(_BEGIN_TO_READ)
            yield
        finally:
            _roll_back(cursor)

    @contextmanager
    def _savepoint(self, cursor: Cursor) -> Generator[None, None, None]:
        _check_begun(cursor.connection.info, "with connection.transaction():")
        cursor.execute("SAVEPOINT pointsledger")
        try:
            yield
        except BaseException:
            with suppress(psycopg.Error):  # the connection is lost, and the caller's transaction with it
                cursor.execute("ROLLBACK TO SAVEPOINT pointsledger")
                cursor.execute("RELEASE SAVEPOINT pointsledger")
            raise
        cursor.execute("RELEASE SAVEPOINT pointsledger")

    def _patiently(self, attempt: Callable[[float], T], *, repeatable: bool) -> T:
        """
        Try again after a pause of random length where others were in the way or the connection was lost, until the
        time-out at most (R-46).

        Where a commit got no answer, trying again finds what it stored under its key, if it is `repeatable`.
        """
        patience = _Patience(self._timeout, repeatable=repeatable)
        while True:
            try:
                return attempt(patience.deadline)
            except (TryAgain, OperatorNeeded) as error:
                if patience.is_lost_after(error):
                    self._weed_out()
            sleep(patience.pause())

    def _weed_out(self) -> None:
        """
        Part with connections that were lost together with the one that was noticed.
        """
        pool = self._pool
        if pool is not None:
            pool.check()

    # --- the stored format ---------------------------------------------------------------------------------------

    def _migrate_own(self, deadline: float) -> None:
        with self._cursor(deadline) as cursor, self._own(cursor, deadline):
            self._migrate(cursor)

    def _migrate(self, cursor: Cursor) -> None:
        """
        Bring the stored format from whatever version it has to this release's, one process at a time.
        """
        _run(_migrate(self._dialect, self._schema, self._place), cursor)

    def _check_format(self, cursor: Cursor) -> None:
        if not self._format_known:
            found = _run(_stored_format(self._dialect, self._place), cursor)
            if found != sql_schema.SCHEMA_VERSION:
                raise SchemaMismatch(self._place, found, sql_schema.SCHEMA_VERSION)
            self._format_known = True

    # --- errors --------------------------------------------------------------------------------------------------

    def _named(self, error: psycopg.Error) -> TryAgain | OperatorNeeded:
        """
        Return the error of this library for one of the driver (R-47).
        """
        if isinstance(error, psycopg_pool.PoolClosed) and self._closed:
            return StorageClosed(self._place)  # by another thread, just now
        return _named(error, self._place)


_IN_THE_WAY = {
    "40001",  # serialization_failure
    "40P01",  # deadlock_detected
    "55P03",  # lock_not_available: the time-out
    "57014",  # query_canceled
}
_NO_TABLES = {"42P01", "3F000"}  # undefined_table, invalid_schema_name
_BROKEN = {"23", "XX"}  # a constraint other than of uniqueness, data_corrupted
_LOST = {"57P01", "57P02", "57P03"}  # the server shuts down, has crashed, or starts
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")


def _name(value: Any, field: str, *, most: int) -> str:
    if type(value) is not str or not _PLAIN.fullmatch(value) or len(value) > most or value.startswith("pg_"):
        raise InvalidInput(field, value, f"must be a-z, 0-9 and _, at most {most}, and not begin with a digit or pg_")
    return value


def _dialect(schema: str, prefix: str) -> sql_schema.Dialect:
    return sql_schema.Dialect(
        integer="BIGINT",
        text='TEXT COLLATE "C"',
        table="",
        lock=" FOR UPDATE",
        claim="SELECT pg_advisory_xact_lock(hashtext(?), hashtext(?))",
        prefix=prefix,
        place=f'"{schema}".',
    )


def _named(error: psycopg.Error, place: str) -> TryAgain | OperatorNeeded:
    if isinstance(error, psycopg_pool.PoolTimeout | psycopg_pool.TooManyRequests):
        return StorageBusy(f"{place}: {error}")
    if error.sqlstate in _IN_THE_WAY:
        return StorageBusy(f"{place}: {error}")
    if error.sqlstate in _NO_TABLES:
        return SchemaMismatch(place, 0, sql_schema.SCHEMA_VERSION)
    if error.sqlstate is not None and error.sqlstate[:2] in _BROKEN:
        return Corrupt(place, str(error))
    return StorageUnavailable(place, str(error))


def _is_lost(error: BaseException | None, connection: Connection | AsyncConnection | None = None) -> bool:
    """
    Whether the connection, and not the statement, is what failed.
    """
    if not isinstance(error, psycopg.OperationalError) or isinstance(error, psycopg_pool.PoolClosed):
        return False
    if error.sqlstate is None:
        return connection is None or connection.closed
    return error.sqlstate in _LOST or error.sqlstate.startswith("08")


def _may_pass(error: TryAgain | OperatorNeeded) -> bool:
    return isinstance(error, TryAgain) or (isinstance(error, StorageUnavailable) and _is_lost(error.__cause__))


class _Patience:
    """
    How long to try again after errors, and what to raise in the end.
    """

    def __init__(self, timeout: int, *, repeatable: bool) -> None:
        self.deadline = monotonic() + timeout
        self._repeatable = repeatable
        self._unknown: OutcomeUnknown | None = None
        self._count = 1

    def is_lost_after(self, error: TryAgain | OperatorNeeded) -> bool:
        """
        Whether the connection was lost; raises where trying again is over, first an outcome that stays unknown.
        """
        if isinstance(error, OutcomeUnknown):
            self._unknown = error
        over = self._count == ATTEMPTS_MAX or monotonic() >= self.deadline or not _may_pass(error)
        if over or (self._unknown is not None and not self._repeatable):
            raise self._unknown or error from error.__cause__
        return not isinstance(error, TryAgain) or self._unknown is error

    def pause(self) -> float:
        """
        Return the seconds to wait before the next attempt.
        """
        seconds = secrets.randbelow(10 * min(self._count, 10)) / 1000
        self._count += 1
        return seconds


# --- what is said to the server, and asked of it ---------------------------------------------------------------------

_BEGIN_TO_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


def _begin(deadline: float) -> bytes:
    """
    Begin to write, and wait for locks until the deadline at most.
    """
    wait = max(1, int(1000 * (deadline - monotonic())))
    return f"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = {wait:d}".encode()


def _check_begun(info: psycopg.ConnectionInfo, how: str) -> None:
    if info.transaction_status == TransactionStatus.IDLE:
        raise NoTransaction(f"begin a transaction first, best with `{how}`")
    if info.transaction_status == TransactionStatus.INERROR:
        raise NoTransaction("the transaction has failed; roll back, and begin another")


def _check_encodings(info: psycopg.ConnectionInfo, place: str) -> None:
    for name in ("server_encoding", "client_encoding"):
        encoding = info.parameter_status(name)
        if encoding != "UTF8":  # others cannot hold every account, or sort in another order
            raise StorageUnavailable(place, f"its {name} is {encoding}; UTF8 is needed")


def _read_plainly(adapters: AdaptersMap) -> None:
    """
    Let a cursor give and take plain `str` and `int`, whatever the caller has made of its connection.
    """
    adapters.register_dumper(str, StrDumperUnknown)
    adapters.register_dumper(int, Int8Dumper)  # one type, so that a statement is prepared once
    adapters.register_loader("text", TextLoader)
    adapters.register_loader("int8", IntLoader)


def _stored_format(dialect: sql_schema.Dialect, place: str) -> sql.Body[int]:
    """
    Return the version of the stored format, 0 where there is none.
    """
    if (yield sql.Statement("SELECT to_regclass(?)", [dialect("{schema}")])) == [(None,)]:
        return 0
    rows = yield sql.Statement(dialect(sql_schema.SELECT_VERSION))
    if not rows:
        raise StorageBusy(f"{place}: the tables are younger than the transaction; begin another")
    return int(rows[0][0])


def _migrate(dialect: sql_schema.Dialect, schema: str, place: str) -> sql.Body[None]:
    """
    Bring the stored format from whatever version it has to this release's, one process at a time in a schema.
    """
    found = yield from _stored_format(dialect, place)
    if found < sql_schema.SCHEMA_VERSION:
        yield sql.Statement("SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", [schema])
        if (yield sql.Statement("SELECT to_regnamespace(?)", [f'"{schema}"'])) == [(None,)]:
            try:
                yield sql.Statement(f'CREATE SCHEMA "{schema}"', writes=True)
            except sql.RowExists:
                raise StorageBusy(f"{place}: another has just created the schema") from None
        found = yield from _stored_format(dialect, place)
    if found > sql_schema.SCHEMA_VERSION:
        raise SchemaMismatch(place, found, sql_schema.SCHEMA_VERSION)
    if found < sql_schema.SCHEMA_VERSION:
        yield from sql_migration.migrate(dialect, found)


def _roll_back(cursor: Cursor) -> None:
    """
    End a transaction that is still open; with a connection that is lost, it has ended.
    """
    if cursor.connection.info.transaction_status != TransactionStatus.IDLE:
        with suppress(psycopg.Error):
            cursor.execute("ROLLBACK")


def _run(body: sql.Body[T], cursor: Cursor) -> T:
    """
    Drive a body: run each statement and send back its rows, or how many rows it wrote.
    """
    try:
        statement = next(body)
        while True:
            try:
                answer = _answer(statement, cursor)
            except psycopg.errors.UniqueViolation:
                # The transaction is lost up to its savepoint; the body has nothing more to ask.
                statement = body.throw(sql.RowExists())
            else:
                statement = body.send(answer)
    except StopIteration as stop:
        result: T = stop.value
        return result


def _answer(statement: sql.Statement, cursor: Cursor) -> Any:
    if statement.many and len(statement.parameters) > 1:
        cursor.executemany(_prepared(statement.sql), statement.parameters)
        return cursor.rowcount
    cursor.execute(_prepared(statement.sql), statement.parameters[0] if statement.many else statement.parameters)
    return cursor.rowcount if statement.writes else cursor.fetchall()


@lru_cache(maxsize=1000)
def _prepared(statement: str) -> bytes:
    """
    Return a statement with the driver's placeholders; texts within it are none of these.
    """
    return statement.replace("%", "%%").replace("?", "%s").encode()
