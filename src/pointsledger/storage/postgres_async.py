"""
A storage in PostgreSQL that is awaited, by psycopg 3 (the extra ``postgres``).

It runs the statements of `PostgresStorage` on the same tables, with the same transactions, errors and attempts.
"""

from __future__ import annotations

import os
from asyncio import CancelledError, Lock, Task, create_task, sleep, wait
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from time import monotonic
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
    StorageClosed,
    StorageUnavailable,
    TryAgain,
)
from ..extras import extra
from ..port import Job
from . import sql
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
Connection: TypeAlias = psycopg.AsyncConnection[Any]
Cursor: TypeAlias = psycopg.AsyncCursor[tuple[Any, ...]]
Pool: TypeAlias = psycopg_pool.AsyncConnectionPool[Any]

_TURNS: WeakKeyDictionary[Connection, Lock] = WeakKeyDictionary()
"""Whose turn it is on a connection that storages have joined: savepoints of two at once would mix up."""


class AsyncPostgresStorage:
    """
    Keeps ledgers in a PostgreSQL database whose encoding is UTF8.

    One storage serves all tasks of an event loop; any number of processes, also with a `PostgresStorage`, may use the
    same tables. They are made, or brought up to date, by `create_schema`, by ``async with``, or at the first use.
    After a fork it is refused: make one in each process.

    A task that is cancelled takes its command back, but for one whose commit is under way: that is stored wholly or
    not at all, and asking again with the same key finds out.

    Args:
        database: a connection string such as ``"postgresql://shop@db/shop"``, or an open
            `psycopg_pool.AsyncConnectionPool` of the caller's, which stays open when the storage is closed.
        schema: the schema in which the tables are; it is created where it does not exist.
        prefix: what the names of all tables begin with.
        timeout: whole seconds to wait for a connection and for other writers before `StorageBusy`.

    Raises:
        InvalidInput: an argument that is not of these, or a connection string that cannot be read.
        MissingExtra: on import of this module, where psycopg is not installed.

    Its first use raises what opening a `PostgresStorage` raises.
    """

    def __init__(
        self, database: str | Pool, *, schema: str = "public", prefix: str = "pointsledger_", timeout: int = 60
    ) -> None:
        if not isinstance(database, str | psycopg_pool.AsyncConnectionPool):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidInput(
                "database", database, "must be a connection string or a psycopg_pool.AsyncConnectionPool"
            )
        self._prepare(schema, prefix, timeout)
        self._conninfo = check_conninfo(database) if isinstance(database, str) else None
        self._pool: Pool | None = None if isinstance(database, str) else database

    @classmethod
    def joining(
        cls, connection: Connection, *, schema: str = "public", prefix: str = "pointsledger_"
    ) -> AsyncPostgresStorage:
        """
        Return a storage that works within the caller's connection and transaction (R-46).

        It keeps to what `PostgresStorage.joining` says: it never begins, commits, rolls back or retries there, and
        each command and each read is one savepoint.
        Tasks that share the connection take turns, also through several storages; a task that is cancelled leaves the
        transaction usable, with its command wholly there or not at all.

        Raises:
            InvalidInput: `connection` is not a `psycopg.AsyncConnection`, or a name is not one.
        """
        if not isinstance(connection, psycopg.AsyncConnection):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidInput("connection", connection, "must be a psycopg.AsyncConnection")
        storage = cls.__new__(cls)
        storage._prepare(schema, prefix, 0)
        storage._conninfo, storage._pool = None, None
        storage._joined = connection
        storage._turn = _TURNS.setdefault(connection, storage._turn)
        return storage

    def _prepare(self, schema: str, prefix: str, timeout: int) -> None:
        self._schema = schema
        self._timeout = check_count(timeout, "timeout", least=0, most=86_400)
        self._dialect = dialect_of(schema, prefix)
        self._place = f"PostgreSQL, tables {self._schema}.{prefix}*"
        self._joined: Connection | None = None
        self._programs: dict[str, Program] = {}
        self._closed = False
        self._process = os.getpid()
        self._turn = Lock()
        self._format_known = False

    async def create_schema(self) -> None:
        """
        Create the tables, or bring those of an earlier release up to date; with a joined connection in the caller's
        transaction.

        Raises:
            SchemaMismatch: a later release has written them.
        """
        await _to_the_end(self._schema_created(), stoppable=True)

    async def _schema_created(self) -> None:
        if self._joined is None:
            await self._patiently(self._migrate_own, repeatable=True)
            self._format_known = True
            return
        async with self._cursor_joined() as cursor, self._savepoint(cursor):
            await _run(migrate(self._dialect, self._schema, self._place), cursor, self._place)

    # --- the port ----------------------------------------------------------------------------------------------

    async def transact(self, job: Job) -> Decision:
        """
        Run one decision; see `pointsledger.port.Storage.transact`.
        """
        return await self._write(
            lambda: sql.transact(self._dialect, self._programs, job), repeatable=job.key is not None
        )

    async def transact_all(self, jobs: Sequence[Job]) -> tuple[Decision, ...]:
        """
        Run decisions, all or none; see `pointsledger.port.Storage.transact_all`.
        """
        return await self._write(
            lambda: sql.transact_all(self._dialect, self._programs, jobs),
            repeatable=all(job.key is not None for job in jobs),
        )

    async def read(self, program: str, account: str, reader: Callable[[Account], Reading[T]]) -> T:
        """
        Run a reader; see `pointsledger.port.Storage.read`.
        """
        return await self._read(
            lambda: sql.read(self._dialect, self._programs, program, account, reader),
            lambda: sql.read_steadily(self._dialect, self._programs, program, account, reader),
        )

    async def accounts(self, program: str, after: str, limit: int) -> Sequence[str]:
        """
        List accounts; see `pointsledger.port.Storage.accounts`.
        """
        return await self._read(lambda: sql.accounts(self._dialect, program, after, limit))

    async def due_accounts(self, program: str, at: datetime, limit: int) -> Sequence[str]:
        """
        List accounts that time may change; see `pointsledger.port.Storage.due_accounts`.
        """
        return await self._read(lambda: sql.due_accounts(self._dialect, program, at, limit))

    async def accounts_to_notify(self, program: str, at: datetime, limit: int) -> Sequence[str]:
        """
        List accounts on which notices may be due; see `pointsledger.port.Storage.accounts_to_notify`.
        """
        return await self._read(lambda: sql.accounts_to_notify(self._dialect, program, at, limit))

    async def close(self) -> None:
        """
        Close the pool that this storage opened; the caller's pool or connection is only let go of.
        """
        async with self._turn:
            pool, self._pool, self._closed = self._pool, None, True
        if pool is not None and self._conninfo is not None:
            await pool.close()

    async def __aenter__(self) -> Self:
        if self._joined is None and not self._format_known:
            await self.create_schema()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    # --- connections -------------------------------------------------------------------------------------------

    async def _make_ready(self) -> None:
        if not self._format_known:
            await self._schema_created()

    def _check_open(self) -> None:
        if self._closed:
            raise StorageClosed(self._place)
        if self._process != os.getpid():
            if self._joined is not None:
                raise NoTransaction("a joined connection cannot be used after a fork; open another in the child")
            raise StorageUnavailable(self._place, "the pool belongs to the parent of this fork; open another")

    async def _pool_here(self) -> Pool:
        async with self._turn:
            self._check_open()
            if self._pool is None:
                assert self._conninfo is not None, "a pool of the caller's is never given up"
                self._pool = await self._opened(self._conninfo)
            return self._pool

    async def _opened(self, conninfo: str) -> Pool:
        wait = max(1, self._timeout)
        try:
            # At once and by itself, so that it is known why, where there is no connection to be had.
            first = await psycopg.AsyncConnection.connect(
                conninfo, connect_timeout=max(2, wait), client_encoding="UTF8"
            )
            await first.close()
            pool = psycopg_pool.AsyncConnectionPool(
                conninfo,
                kwargs={"autocommit": True, "connect_timeout": max(2, wait), "client_encoding": "UTF8"},
                min_size=1,
                max_size=POOL_MAX,
                timeout=wait,
                num_workers=1,
                open=False,
            )
            try:
                await pool.open(wait=True, timeout=wait)  # so that a time-out of 0 finds a connection
            except BaseException:
                await _to_the_end(pool.close())
                raise
        except psycopg.Error as error:
            raise self._named(error) from error
        return pool

    @asynccontextmanager
    async def _cursor(self, deadline: float) -> AsyncGenerator[Cursor, None]:
        """
        Lend a cursor on a connection of the pool, outside any transaction.
        """
        pool = await self._pool_here()
        try:
            connection = await pool.getconn(timeout=max(0.001, deadline - monotonic()))
        except psycopg.Error as error:
            raise self._named(error) from error
        try:
            async with self._lent(connection, autocommit=True) as cursor:
                yield cursor
        finally:
            await _to_the_end(pool.putconn(connection))

    @asynccontextmanager
    async def _cursor_joined(self) -> AsyncGenerator[Cursor, None]:
        """
        Lend a cursor on the caller's connection, to one task at a time.
        """
        async with self._turn:
            assert self._joined is not None
            self._check_open()
            idle = self._joined.info.transaction_status == TransactionStatus.IDLE
            autocommit = True if idle else self._joined.autocommit
            async with self._lent(self._joined, autocommit=autocommit) as cursor:
                yield cursor

    @asynccontextmanager
    async def _lent(self, connection: Connection, *, autocommit: bool) -> AsyncGenerator[Cursor, None]:
        """
        Lend a cursor with rows as plain tuples of `str` and `int`, whatever the caller has made of its connection.
        """
        before = connection.autocommit
        try:
            check_ways(connection.info, self._place)
            if before != autocommit:
                await connection.set_autocommit(autocommit)
            made = connection.cursor_factory
            if issubclass(made, psycopg.AsyncRawCursor):
                made = psycopg.AsyncCursor  # the raw one has other placeholders
            async with made(connection, row_factory=tuple_row) as cursor:
                read_plainly(cursor.adapters)
                yield cursor
        except psycopg.Error as error:
            raise self._named(error) from error
        finally:
            # Otherwise it is lost, or amid a statement that an error of the host's has left.
            if connection.autocommit != before and connection.info.transaction_status == TransactionStatus.IDLE:
                await _to_the_end(connection.set_autocommit(before))

    # --- transactions ------------------------------------------------------------------------------------------

    async def _write(self, body: Callable[[], sql.Body[T]], *, repeatable: bool) -> T:
        return await _to_the_end(self._written(body, repeatable=repeatable), stoppable=True)

    async def _written(self, body: Callable[[], sql.Body[T]], *, repeatable: bool) -> T:
        if self._joined is not None:
            async with self._cursor_joined() as cursor, self._savepoint(cursor):
                return await _run(self._checked(body()), cursor, self._place)

        async def attempt(deadline: float) -> T:
            async with self._cursor(deadline) as cursor, _ended(cursor):
                return await _run(writing(body(), deadline), cursor, self._place)

        await self._make_ready()
        return await self._patiently(attempt, repeatable=repeatable)

    async def _read(self, body: Callable[[], sql.Body[T]], steadily: Callable[[], sql.Body[T]] | None = None) -> T:
        """
        Run a body that reads; `steadily` is the body for where each statement sees what is committed by then.
        """
        return await _to_the_end(self._answered(body, steadily or body), stoppable=True)

    async def _answered(self, body: Callable[[], sql.Body[T]], steadily: Callable[[], sql.Body[T]]) -> T:
        if self._joined is None:
            await self._make_ready()
            return await self._patiently(lambda deadline: self._read_once(body, deadline), repeatable=True)
        async with self._cursor_joined() as cursor:
            if cursor.connection.info.transaction_status == TransactionStatus.IDLE:
                async with _ended(cursor):
                    return await _run(reading(self._checked(body())), cursor, self._place)
            async with self._savepoint(cursor):  # the caller's: read what it has written
                return await _run(self._checked(steadily()), cursor, self._place)

    async def _read_once(self, body: Callable[[], sql.Body[T]], deadline: float) -> T:
        async with self._cursor(deadline) as cursor, _ended(cursor):
            return await _run(reading(body(), deadline), cursor, self._place)

    @asynccontextmanager
    async def _savepoint(self, cursor: Cursor) -> AsyncGenerator[None, None]:
        check_begun(cursor.connection.info, "async with connection.transaction():")
        try:
            # A savepoint of which it is not known whether it is there would cost the caller the transaction.
            await _to_the_end(cursor.execute("SAVEPOINT pointsledger"))
            yield
        except BaseException:
            await _to_the_end(_take_back(cursor))
            raise
        await _to_the_end(cursor.execute("RELEASE SAVEPOINT pointsledger"))

    async def _patiently(self, attempt: Callable[[float], Awaitable[T]], *, repeatable: bool) -> T:
        """
        Try again where `PostgresStorage` does (R-46).
        """
        patience = Patience(self._timeout, repeatable=repeatable)
        while True:
            try:
                return await attempt(patience.deadline)
            except (TryAgain, OperatorNeeded) as error:
                if patience.is_lost_after(error) and self._pool is not None:
                    await self._pool.check()
            await sleep(patience.pause())

    # --- the stored format ---------------------------------------------------------------------------------------

    async def _migrate_own(self, deadline: float) -> None:
        async with self._cursor(deadline) as cursor, _ended(cursor):
            await _run(writing(migrate(self._dialect, self._schema, self._place), deadline), cursor, self._place)

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
            return StorageClosed(self._place)  # by another task, just now
        return error_of(error, self._place)


async def _to_the_end(step: Coroutine[Any, Any, T], *, stoppable: bool = False) -> T:
    """
    Await a step that is not interrupted; where the task is cancelled meanwhile, however often, it is after the step.

    A `stoppable` step is told once that it is cancelled, and may then tidy up: interrupted in that, psycopg would have
    to close the connection.
    """
    task = create_task(step)
    cancelled: CancelledError | None = None
    while not task.done():
        try:
            await wait([task])
        except CancelledError as error:
            if stoppable and cancelled is None:
                task.cancel()
            cancelled = error
    if cancelled is not None:
        if not task.cancelled():
            task.exception()  # it counts as seen
        raise cancelled
    return task.result()


@asynccontextmanager
async def _ended(cursor: Cursor) -> AsyncGenerator[None, None]:
    """
    Take a transaction back that is still open in the end; with a connection that is lost, it has ended.
    """
    try:
        yield
    finally:
        if cursor.connection.info.transaction_status != TransactionStatus.IDLE:
            with suppress(psycopg.Error):
                await _to_the_end(cursor.execute("ROLLBACK"))


async def _take_back(cursor: Cursor) -> None:
    """
    Go back to the savepoint; with a connection that is lost, so is the caller's transaction.
    """
    with suppress(psycopg.Error):
        await cursor.execute("ROLLBACK TO SAVEPOINT pointsledger")
        await cursor.execute("RELEASE SAVEPOINT pointsledger")


async def _run(body: sql.Body[T], cursor: Cursor, place: str) -> T:
    """
    Drive a body: send its statements, and send back the answers that it reads.
    """
    going = turns(body, place)
    try:
        statements = next(going)
        while True:
            try:
                answer = await _answer(said(statements), cursor)
            except psycopg.Error as error:
                statements = going.throw(error)
            else:
                statements = going.send(answer)
    except StopIteration as stop:
        result: T = stop.value
        return result


async def _answer(statements: list[Said], cursor: Cursor) -> Any:
    """
    Run statements and return the rows of the last one, if it has any.
    """
    if len(statements) == 1 or not PIPELINES:
        for one in statements:
            await cursor.execute(*one)
    else:
        try:
            await _send_together(statements, cursor)
        except BaseException:
            forget_prepared(cursor.connection)
            raise
    return await cursor.fetchall() if cursor.rownumber is not None else None


async def _send_together(statements: list[Said], cursor: Cursor) -> None:
    """
    Send statements at once, and wait for all of them; what goes wrong first is raised.

    psycopg does not get out of a pipeline in whose end it is cancelled. So it is not: the server is told to stop, and
    its answer is waited for.
    """
    sending = create_task(_sent(statements, cursor))
    stopping: Task[None] | None = None
    cancelled: CancelledError | None = None
    while under_way := [task for task in (sending, stopping) if task is not None and not task.done()]:
        try:
            await wait(under_way)
        except CancelledError as error:
            cancelled = error
            stopping = stopping or create_task(_stopped(cursor.connection))
    if cancelled is not None:
        sending.exception()  # it counts as seen
        raise cancelled
    sending.result()


async def _stopped(connection: Connection) -> None:
    with suppress(psycopg.Error):  # then the server is not to be reached, and says so to what was sent as well
        await connection.cancel_safe()


async def _sent(statements: list[Said], cursor: Cursor) -> None:
    first: psycopg.Error | None = None
    try:
        async with cursor.connection.pipeline():
            try:
                for one in statements:
                    await cursor.execute(*one)
            except psycopg.Error as error:
                first = error  # it is kept, and the rest, which the server skips, is waited for
    except psycopg.Error as error:
        first = first or error
    if first is not None:
        raise first
