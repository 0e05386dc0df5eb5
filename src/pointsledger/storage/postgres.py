"""
A storage in PostgreSQL, by psycopg 3 (the extra ``postgres``).

It works through a pool of connections, its own or the caller's, or joins a connection and transaction of the caller.

A transaction that writes is READ COMMITTED and takes the account's row first; one that reads sees one snapshot.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from time import monotonic, sleep
from typing import Any, Self, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

from ..domain.account import Account
from ..domain.decisions import Decision
from ..domain.points import check_count
from ..domain.program import Program
from ..domain.reads import Reading
from ..errors import (
    InvalidInput,
    NoTransaction,
    OperatorNeeded,
    StorageBusy,
    StorageClosed,
    StorageUnavailable,
    TryAgain,
)
from ..extras import extra
from ..port import Job
from . import forks, sql
from .postgres_dialect import (
    PIPELINES,
    POOL_MAX,
    Patience,
    Said,
    check_begun,
    check_conninfo,
    check_format,
    check_ways,
    dialect_of,
    error_of,
    forget_prepared,
    migrate,
    read_plainly,
    reading,
    said,
    turns,
    writing,
)

with extra("postgres", "psycopg"):
    import psycopg
    from psycopg.pq import TransactionStatus
    from psycopg.rows import tuple_row
with extra("postgres", "psycopg-pool"):
    import psycopg_pool

T = TypeVar("T")
Connection: TypeAlias = psycopg.Connection[Any]
AsyncConnection: TypeAlias = psycopg.AsyncConnection[Any]
Cursor: TypeAlias = psycopg.Cursor[tuple[Any, ...]]
Pool: TypeAlias = psycopg_pool.ConnectionPool[Any]

_LOCKS: WeakKeyDictionary[Connection, threading.RLock] = WeakKeyDictionary()
"""The lock of a connection that storages have joined: savepoints of two at once would mix up."""


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
        create: whether tables that are missing or of an earlier release are made; False opens only what is up to date.

    Raises:
        InvalidInput: an argument that is not of these, or a connection string that cannot be read.
        MissingExtra: on import of this module, where psycopg is not installed.
        StorageUnavailable: the database cannot be reached or written, or has another encoding.
        SchemaMismatch: a later release has written the tables, or they are to be created and may not be.
        StorageBusy: others were in the way for longer than the time-out.
    """

    def __init__(
        self,
        database: str | Pool,
        *,
        schema: str = "public",
        prefix: str = "pointsledger_",
        timeout: int = 60,
        create: bool = True,
    ) -> None:
        if not isinstance(database, str | psycopg_pool.ConnectionPool):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidInput("database", database, "must be a connection string or a psycopg_pool.ConnectionPool")
        self._prepare(schema, prefix, timeout)
        self._conninfo = check_conninfo(database) if isinstance(database, str) else None
        self._pool: Pool | None = None if isinstance(database, str) else database
        try:
            self._patiently(self._migrate_own if create else self._check_own, repeatable=True)
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
        storage.lock = _LOCKS.setdefault(connection, storage.lock)
        forks.watch(storage)
        return storage

    def _prepare(self, schema: str, prefix: str, timeout: int) -> None:
        self._schema = schema
        self._timeout = check_count(timeout, "timeout", least=0, most=86_400)
        self._dialect = dialect_of(schema, prefix)
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
            _run(migrate(self._dialect, self._schema, self._place), cursor, self._place)

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
            check_ways(connection.info, self._place)
            if before != autocommit:
                connection.autocommit = autocommit
            made = connection.cursor_factory
            if issubclass(made, psycopg.RawCursor):
                made = psycopg.Cursor  # the raw one has other placeholders
            with made(connection, row_factory=tuple_row) as cursor:
                read_plainly(cursor.adapters)
                yield cursor
        except psycopg.Error as error:
            raise self._named(error) from error
        finally:
            # Otherwise it is lost, or amid a statement that an error of the host's has left.
            if before != autocommit and connection.info.transaction_status == TransactionStatus.IDLE:
                connection.autocommit = before

    # --- transactions ------------------------------------------------------------------------------------------

    def _write(self, body: Callable[[], sql.Body[T]], *, repeatable: bool) -> T:
        if self._joined is not None:
            with self._cursor_joined() as cursor, self._savepoint(cursor):
                return _run(self._checked(body()), cursor, self._place)

        def attempt(deadline: float) -> T:
            with self._cursor(deadline) as cursor, _ended(cursor):
                return _run(writing(self._checked(body()), deadline), cursor, self._place)

        return self._patiently(attempt, repeatable=repeatable)

    def _read(self, body: Callable[[], sql.Body[T]], steadily: Callable[[], sql.Body[T]] | None = None) -> T:
        """
        Run a body that reads; `steadily` is the body for where each statement sees what is committed by then.
        """
        if self._joined is None:
            return self._patiently(lambda deadline: self._read_once(body, deadline), repeatable=True)
        with self._cursor_joined() as cursor:
            if cursor.connection.info.transaction_status == TransactionStatus.IDLE:
                with _ended(cursor):
                    return _run(reading(self._checked(body())), cursor, self._place)
            with self._savepoint(cursor):  # the caller's: read what it has written
                return _run(self._checked((steadily or body)()), cursor, self._place)

    def _read_once(self, body: Callable[[], sql.Body[T]], deadline: float) -> T:
        with self._cursor(deadline) as cursor, _ended(cursor):
            return _run(reading(self._checked(body()), deadline), cursor, self._place)

    @contextmanager
    def _savepoint(self, cursor: Cursor) -> Generator[None, None, None]:
        check_begun(cursor.connection.info, "with connection.transaction():")
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
        patience = Patience(self._timeout, repeatable=repeatable)
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
        with self._cursor(deadline) as cursor, _ended(cursor):
            _run(writing(migrate(self._dialect, self._schema, self._place), deadline), cursor, self._place)

    def _check_own(self, deadline: float) -> None:
        with self._cursor(deadline) as cursor, _ended(cursor):
            _run(reading(check_format(self._dialect, self._place), deadline), cursor, self._place)

    def _checked(self, body: sql.Body[T]) -> sql.Body[T]:
        """
        Look at the version of the stored format first, where it is not known yet.
        """
        if not self._format_known:
            yield from check_format(self._dialect, self._place)
            self._format_known = True
        return (yield from body)

    # --- errors --------------------------------------------------------------------------------------------------

    def _named(self, error: psycopg.Error) -> TryAgain | OperatorNeeded:
        """
        Return the error of this library for one of the driver (R-47).
        """
        if isinstance(error, psycopg_pool.PoolClosed) and self._closed:
            return StorageClosed(self._place)  # by another thread, just now
        return error_of(error, self._place)


@contextmanager
def _ended(cursor: Cursor) -> Generator[None, None, None]:
    """
    Take a transaction back that is still open in the end; with a connection that is lost, it has ended.
    """
    try:
        yield
    finally:
        if cursor.connection.info.transaction_status != TransactionStatus.IDLE:
            with suppress(psycopg.Error):
                cursor.execute("ROLLBACK")


def _run(body: sql.Body[T], cursor: Cursor, place: str) -> T:
    """
    Drive a body: send its statements, and send back the answers that it reads.
    """
    going = turns(body, place)
    try:
        statements = next(going)
        while True:
            try:
                answer = _answer(said(statements), cursor)
            except psycopg.Error as error:
                statements = going.throw(error)
            else:
                statements = going.send(answer)
    except StopIteration as stop:
        result: T = stop.value
        return result


def _answer(statements: list[Said], cursor: Cursor) -> Any:
    """
    Run statements and return the rows of the last one, if it has any.
    """
    if len(statements) == 1 or not PIPELINES:
        for one in statements:
            cursor.execute(*one)
    else:
        try:
            _send_together(statements, cursor)
        except BaseException:
            forget_prepared(cursor.connection)
            raise
    return cursor.fetchall() if cursor.rownumber is not None else None


def _send_together(statements: list[Said], cursor: Cursor) -> None:
    """
    Send statements at once, and wait for all of them; what goes wrong first is raised.
    """
    first: BaseException | None = None
    around = sys.exception()
    try:
        with cursor.connection.pipeline():
            try:
                for one in statements:
                    cursor.execute(*one)
            except psycopg.Error as error:
                first = error  # it is kept, and the rest, which the server skips, is waited for
    except psycopg.Error as error:
        first = first or error
        amid = error.__context__
        if amid is not None and amid is not around and not isinstance(amid, psycopg.Error):
            # What a signal of the host's raised while answers were waited for; psycopg hides it behind what it left.
            cursor.connection.close()
            first = amid
    if first is not None:
        raise first
