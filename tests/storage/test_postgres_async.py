"""
`AsyncPostgresStorage`: the caller's transaction, the caller's pool, and what goes wrong.
"""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import psycopg
import psycopg_pool
import pytest

from pointsledger import AsyncLedger, Ledger, commands
from pointsledger.errors import (
    InsufficientPoints,
    InvalidInput,
    NoTransaction,
    OutcomeUnknown,
    SchemaMismatch,
    StorageBusy,
    StorageClosed,
    StorageUnavailable,
    VersionConflict,
)
from pointsledger.storage.postgres import PostgresStorage
from pointsledger.storage.postgres_async import AsyncPostgresStorage
from pointsledger.storage.postgres_dialect import POOL_MAX
from tests.storage.books import CLUB, START
from tests.storage.postgres_server import Database

Connection = psycopg.AsyncConnection[Any]


@pytest.fixture
def empty(postgres: Database) -> Iterator[Database]:
    """
    The shared database without rows, with a table of orders.
    """
    postgres.storage()
    with postgres.pool.connection() as connection:
        connection.execute("CREATE TABLE orders (id text PRIMARY KEY)")
    yield postgres
    with postgres.pool.connection() as connection:
        connection.execute("DROP TABLE orders")


def joined(database: Database, work: Callable[[Connection, AsyncLedger], Coroutine[Any, Any, None]]) -> None:
    """
    Run a function on a connection of the caller's, and a ledger that joins it.
    """

    async def main() -> None:
        async with await psycopg.AsyncConnection.connect(database.dsn, autocommit=True) as connection:
            storage = AsyncPostgresStorage.joining(connection)
            await work(connection, AsyncLedger(CLUB, storage, clock=lambda: START))

    asyncio.run(main())


def pooled(
    database: Database, work: Callable[[AsyncPostgresStorage, AsyncLedger], Coroutine[Any, Any, None]], **options: Any
) -> None:
    """
    Run a function on a storage with a pool of its own, and a ledger on it.
    """

    async def main() -> None:
        async with AsyncPostgresStorage(database.dsn, **options) as storage:
            await work(storage, AsyncLedger(CLUB, storage, clock=lambda: START))

    asyncio.run(main())


def rows(database: Database, query: str) -> list[Any]:
    """
    Return what another connection sees.
    """
    with database.pool.connection() as connection:
        return connection.execute(query.encode()).fetchall()


ORDERS = "SELECT id FROM orders ORDER BY id"
ENTRIES = "SELECT account, points FROM pointsledger_entries ORDER BY account, sequence"


# --- the caller's transaction ----------------------------------------------------------------------------------------


def test_the_callers_rows_and_its_points_are_committed_together(empty: Database) -> None:
    """
    Nobody sees an order without its points, nor points without their order (R-46).
    """

    async def work(connection: Connection, ledger: AsyncLedger) -> None:
        async with connection.transaction():
            await connection.execute("INSERT INTO orders VALUES ('1001')")
            await ledger.earn("ada", 5, key="1001")
            assert (await ledger.balance("ada")).pending == 5
            assert rows(empty, ORDERS) == rows(empty, ENTRIES) == []
        assert rows(empty, ORDERS) == [("1001",)]
        assert rows(empty, ENTRIES) == [("ada", 5)]

    joined(empty, work)


def test_the_callers_rows_and_its_points_vanish_together(empty: Database) -> None:
    """
    What the caller rolls back never was (R-46).
    """

    async def work(connection: Connection, ledger: AsyncLedger) -> None:
        with suppress(ZeroDivisionError):
            async with connection.transaction():
                await connection.execute("INSERT INTO orders VALUES ('1001')")
                await ledger.earn("ada", 5, key="1001")
                raise ZeroDivisionError
        assert rows(empty, ORDERS) == rows(empty, ENTRIES) == []
        assert await ledger.accounts() == ()

    joined(empty, work)


def test_a_refusal_leaves_the_callers_transaction_usable(empty: Database) -> None:
    """
    A refused command is taken back alone; the caller goes on (R-46).
    """

    async def work(connection: Connection, ledger: AsyncLedger) -> None:
        async with connection.transaction():
            await connection.execute("INSERT INTO orders VALUES ('1001')")
            with pytest.raises(InsufficientPoints):
                await ledger.apply_all(
                    [commands.Earn(account="ada", points=5, key="k1"), commands.Redeem(account="ada", points=9)]
                )
            await ledger.earn("ada", 7, key="k2")
        assert rows(empty, ORDERS) == [("1001",)]
        assert rows(empty, ENTRIES) == [("ada", 7)]

    joined(empty, work)


@pytest.mark.parametrize("milliseconds", [0, 1, 2, 3, 4, 6, 8])
def test_a_cancelled_task_leaves_the_callers_transaction_usable(empty: Database, milliseconds: int) -> None:
    """
    A command whose task is cancelled is in the caller's transaction wholly or not at all, and the caller goes on.
    """

    async def work(connection: Connection, ledger: AsyncLedger) -> None:
        async with connection.transaction():
            await connection.execute("INSERT INTO orders VALUES ('1001')")
            batch = [commands.Earn(account="bob", points=5, key=f"k{n}") for n in range(3)]
            task = asyncio.create_task(ledger.apply_all(batch))
            await asyncio.sleep(milliseconds / 1000)
            while not task.done():
                task.cancel()
                await asyncio.sleep(0)
            with suppress(asyncio.CancelledError):
                await task
            assert len(await ledger.entries("bob")) in {0, 3}
            await ledger.earn("ada", 7, key="k2")
        assert rows(empty, ORDERS) == [("1001",)]
        assert rows(empty, ENTRIES) in ([("ada", 7)], [("ada", 7), *[("bob", 5)] * 3])

    joined(empty, work)


def test_tasks_that_share_a_connection_take_turns(empty: Database) -> None:
    """
    Commands of several tasks in one transaction do not mix up their savepoints.
    """

    async def work(connection: Connection, ledger: AsyncLedger) -> None:
        async with connection.transaction():
            await ledger.earn("ada", 1, key="k0")
            tries = [ledger.earn("ada", n, key=f"k{n}") if n % 2 else ledger.redeem("ada", 99) for n in range(1, 9)]
            results = await asyncio.gather(*tries, return_exceptions=True)
            assert [type(result).__name__ for result in results] == ["Receipt", "InsufficientPoints"] * 4
        assert sum(points for _, points in rows(empty, ENTRIES)) == 1 + 1 + 3 + 5 + 7

    joined(empty, work)


def test_storages_that_share_a_connection_take_turns(empty: Database) -> None:
    """
    Nor do the savepoints of several storages that join one connection, each with a task of its own (R-46).
    """

    async def work(connection: Connection, _: AsyncLedger) -> None:
        ledgers = [AsyncLedger(CLUB, AsyncPostgresStorage.joining(connection), clock=lambda: START) for _ in range(4)]
        async with connection.transaction():
            tries = [
                ledger.earn("ada", number, key=f"k{number}") if number % 2 else ledger.redeem("ada", 99)
                for number, ledger in enumerate(ledgers * 2)
            ]
            results = await asyncio.gather(*tries, return_exceptions=True)
            assert [type(result).__name__ for result in results] == ["InsufficientPoints", "Receipt"] * 4
        assert sum(points for _, points in rows(empty, ENTRIES)) == 1 + 3 + 5 + 7

    joined(empty, work)


def test_outside_a_transaction_it_reads_and_does_not_write(empty: Database) -> None:
    """
    Without a transaction a command is refused, a read is answered, and the connection is as it was before.
    """

    async def work(connection: Connection, ledger: AsyncLedger) -> None:
        await connection.set_autocommit(False)
        with pytest.raises(NoTransaction, match="async with connection"):
            await ledger.earn("ada", 5)
        assert (await ledger.balance("ada")).available == 0
        assert not connection.autocommit
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        with pytest.raises(psycopg.errors.DivisionByZero):
            await connection.execute("SELECT 1 / 0")
        with pytest.raises(NoTransaction, match="has failed"):
            await ledger.earn("ada", 5)

    joined(empty, work)


def test_the_schema_is_made_in_the_callers_transaction(empty: Database) -> None:
    """
    Tables that the caller rolls back are not there; before they are made, a command says what is missing.
    """

    async def work(connection: Connection, _: AsyncLedger) -> None:
        storage = AsyncPostgresStorage.joining(connection, schema="apart")
        ledger = AsyncLedger(CLUB, storage)
        async with connection.transaction(force_rollback=True):
            with pytest.raises(SchemaMismatch):
                await ledger.earn("ada", 5)
            await storage.create_schema()
            await ledger.earn("ada", 5)
        assert rows(empty, "SELECT to_regnamespace('apart')") == [(None,)]

    joined(empty, work)


def test_a_joined_connection_is_only_let_go_of(empty: Database) -> None:
    """
    Closing the storage leaves the caller's connection open.
    """

    async def work(connection: Connection, ledger: AsyncLedger) -> None:
        async with AsyncPostgresStorage.joining(connection):
            pass
        await ledger.storage.close()
        with pytest.raises(StorageClosed):
            await ledger.balance("ada")
        assert not connection.closed

    joined(empty, work)


# --- pools -----------------------------------------------------------------------------------------------------------


def test_the_callers_pool_stays_open(empty: Database) -> None:
    """
    A storage works through the caller's pool, whatever its connections are like, and leaves it open.
    """

    async def main() -> None:
        async with psycopg_pool.AsyncConnectionPool(empty.dsn, min_size=1, max_size=2, open=False) as pool:
            storage = AsyncPostgresStorage(pool)
            await AsyncLedger(CLUB, storage).earn("ada", 5, key="k1")
            await storage.close()
            async with pool.connection() as connection:
                assert not connection.autocommit
                cursor = await connection.execute("SELECT count(*) FROM pointsledger_entries")
                assert await cursor.fetchone() == (1,)

    asyncio.run(main())


@pytest.mark.parametrize("ways", [{"prepare_threshold": 0}, {"cursor_factory": psycopg.AsyncRawCursor}], ids=str)
def test_the_callers_connections_may_have_ways_of_their_own(empty: Database, ways: dict[str, Any]) -> None:
    """
    However the caller's connections prepare statements and make cursors, the ledger works.
    """

    async def main() -> None:
        async with psycopg_pool.AsyncConnectionPool(empty.dsn, kwargs=ways, min_size=1, open=False) as pool:
            ledger = AsyncLedger(CLUB, AsyncPostgresStorage(pool))
            await ledger.earn("ada", 5, key="k1")
            assert len(await ledger.entries("ada")) == 1

    asyncio.run(main())


def test_the_callers_pipeline_is_refused(empty: Database) -> None:
    """
    In psycopg's pipeline mode, where answers come late, the ledger refuses, and the transaction stays usable.
    """

    async def work(connection: Connection, ledger: AsyncLedger) -> None:
        async with connection.transaction():
            async with connection.pipeline():
                await connection.execute("INSERT INTO orders VALUES ('1001')")
                with pytest.raises(StorageUnavailable, match="pipeline"):
                    await ledger.earn("ada", 5)
            await ledger.earn("ada", 5)
        assert rows(empty, ORDERS) == [("1001",)]
        assert rows(empty, ENTRIES) == [("ada", 5)]

    joined(empty, work)


def test_a_pool_without_a_free_connection_is_busy(empty: Database) -> None:
    """
    Who waits in vain for a connection is told to try again (R-47).
    """

    async def main() -> None:
        async with psycopg_pool.AsyncConnectionPool(empty.dsn, min_size=1, max_size=1, open=False) as pool:
            ledger = AsyncLedger(CLUB, AsyncPostgresStorage(pool, timeout=1))
            await ledger.earn("ada", 5, key="k1")
            async with pool.connection():
                with pytest.raises(StorageBusy):
                    await ledger.balance("ada")

    asyncio.run(main())


def test_a_task_that_waits_for_a_connection_is_told_of_the_closing(empty: Database) -> None:
    """
    If another task closes the storage while one waits for a connection, it is closed, and nothing is tried again.
    """

    async def work(storage: AsyncPostgresStorage, ledger: AsyncLedger) -> None:
        pool: Any = storage._pool  # noqa: SLF001 - its connections are all taken
        lent = [await pool.getconn() for _ in range(POOL_MAX)]
        task = asyncio.create_task(ledger.balance("ada"))
        while not pool.get_stats()["requests_waiting"]:  # noqa: ASYNC110 - the pool tells no other way
            await asyncio.sleep(0)
        await storage.close()
        with pytest.raises(StorageClosed):
            await task
        for connection in lent:
            await pool.putconn(connection)

    pooled(empty, work)


def test_a_new_prefix_has_tables_of_its_own(empty: Database) -> None:
    """
    Two storages with two prefixes are two ledgers; both begin with tasks that all come first.
    """

    async def main() -> None:
        other = AsyncPostgresStorage(empty.dsn, prefix="other_")
        ledger = AsyncLedger(CLUB, other)
        await asyncio.gather(*(ledger.earn("bob", 1, key=f"k{n}") for n in range(5)))
        assert await ledger.accounts() == ("bob",)
        await other.close()

    asyncio.run(main())
    assert rows(empty, ENTRIES) == []


def test_without_patience_it_opens_all_the_same(empty: Database) -> None:
    """
    A time-out of 0 waits for nobody, yet the connection that it opens itself is there.
    """

    async def work(storage: AsyncPostgresStorage, ledger: AsyncLedger) -> None:
        await ledger.earn("ada", 5, key="k1")

    pooled(empty, work, timeout=0)
    PostgresStorage(empty.dsn, timeout=0).close()


def test_many_open_a_new_schema_at_once(empty: Database) -> None:
    """
    One of them creates it, and all of them open, also where a stranger creates it meanwhile.
    """

    async def main() -> None:
        storages = [AsyncPostgresStorage(empty.dsn, schema="fresh", prefix=f"p{n}_", timeout=20) for n in range(6)]
        async with await Connection.connect(empty.dsn) as stranger:
            await stranger.execute("CREATE SCHEMA fresh")
            opening = asyncio.gather(*(storage.create_schema() for storage in storages))
            await asyncio.sleep(0.3)
        await opening
        for storage in storages:
            assert await storage.accounts("club", "", 5) == ()
            await storage.close()

    asyncio.run(main())
    with empty.pool.connection() as connection:
        connection.execute("DROP SCHEMA fresh CASCADE")


def test_a_task_that_is_cancelled_while_it_opens_leaves_nothing_open(empty: Database) -> None:
    """
    Whenever the first use is cancelled, the next one opens the storage, and no connection is left over.
    """
    named = psycopg.conninfo.make_conninfo(empty.dsn, application_name="opening")

    async def main() -> None:
        began = time.monotonic()
        async with AsyncPostgresStorage(named, timeout=20):
            took = time.monotonic() - began
        for part in range(30):
            storage = AsyncPostgresStorage(named, timeout=20)
            task = asyncio.create_task(storage.create_schema())
            await asyncio.sleep(took * part / 25)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            assert await storage.accounts("club", "", 5) == ()
            await storage.close()

    asyncio.run(main())
    gc.collect()  # an attempt to connect that psycopg gave up hangs in a cycle
    left = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'opening'"
    for _ in range(100):  # the server needs a moment to see that a connection was closed
        if rows(empty, left) == [(0,)]:
            break
        time.sleep(0.05)
    assert rows(empty, left) == [(0,)]


# --- what goes wrong -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "build",
    [
        lambda: AsyncPostgresStorage(5),
        lambda: AsyncPostgresStorage("postgresql:///x", prefix="a-b"),
        lambda: AsyncPostgresStorage("postgresql:///x", schema="Public"),
        lambda: AsyncPostgresStorage("postgresql:///x", timeout=-1),
        lambda: AsyncPostgresStorage.joining("postgresql:///x"),
    ],
)
def test_bad_arguments_are_refused(build: Callable[[], Any]) -> None:
    """
    What is no database, name or time-out is refused before anything is opened.
    """
    with pytest.raises(InvalidInput):
        build()


def test_what_the_driver_refuses_is_named(empty: Database) -> None:
    """
    A statement that the driver itself refuses, between others that were sent, comes out by name, and the connection
    goes on (R-47).
    """

    async def work(storage: AsyncPostgresStorage, ledger: AsyncLedger) -> None:
        with pytest.raises(StorageUnavailable, match="NUL"):
            await storage.accounts("club", "\0", 5)
        await ledger.earn("ada", 5)
        assert await ledger.accounts() == ("ada",)

    pooled(empty, work)


def test_a_server_out_of_reach_is_named() -> None:
    """
    Without a server the first use says so, by an error of this library (R-47).
    """

    async def main() -> None:
        storage = AsyncPostgresStorage("postgresql://127.0.0.1:1/none", timeout=1)
        with pytest.raises(StorageUnavailable):
            await AsyncLedger(CLUB, storage).earn("ada", 5)
        await storage.close()

    asyncio.run(main())


def test_waiting_for_another_writer_ends_with_the_timeout(empty: Database) -> None:
    """
    An account that another holds for too long is busy; a task that waits for it can be cancelled at once.
    """

    async def work(storage: AsyncPostgresStorage, ledger: AsyncLedger) -> None:
        await ledger.earn("ada", 5, key="k1")
        with empty.pool.connection() as other, other.transaction():
            other.execute("SELECT 1 FROM pointsledger_accounts FOR UPDATE")
            with pytest.raises(StorageBusy):
                await ledger.earn("ada", 5)
            task = asyncio.create_task(ledger.earn("ada", 5))
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(task, 0.8)
        assert (await ledger.earn("ada", 5, key="k2")).points == 5
        assert len(await ledger.entries("ada")) == 2

    pooled(empty, work, timeout=1)


def test_an_entry_that_is_there_already_is_a_conflict(empty: Database) -> None:
    """
    Where a sequence is taken by a stranger, nothing is written, and the caller's transaction stays usable (I-14).
    """

    async def work(connection: Connection, ledger: AsyncLedger) -> None:
        async with connection.transaction():
            await ledger.earn("ada", 5, key="k1")
            columns = [
                name for (name,) in rows(empty, "SELECT column_name FROM information_schema.columns "
                                                "WHERE table_schema = 'public' AND table_name = 'pointsledger_entries'")
            ]  # fmt: skip
            changed = {"sequence": "2", "command_key": "'k2'"}
            values = ", ".join(changed.get(name, name) for name in columns)
            copy = f"INSERT INTO pointsledger_entries ({', '.join(columns)}) SELECT {values} FROM pointsledger_entries"
            await connection.execute(copy.encode())
            with pytest.raises(VersionConflict):
                await ledger.earn("ada", 6, key="k3")
            await connection.execute("INSERT INTO orders VALUES ('1001')")
        assert rows(empty, ORDERS) == [("1001",)]

    joined(empty, work)


def test_a_lost_connection_is_replaced(empty: Database) -> None:
    """
    Where the server has dropped every connection, the next command finds a new one (R-46).
    """

    async def work(storage: AsyncPostgresStorage, ledger: AsyncLedger) -> None:
        await asyncio.gather(*(ledger.earn("ada", 1, key=f"a{n}") for n in range(5)))
        drop = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'dropped'"
        rows(empty, drop)
        assert (await ledger.earn("ada", 5, key="k1")).points == 5
        assert len(await ledger.entries("ada")) == 6

    named = Database.__new__(Database)
    named.dsn = psycopg.conninfo.make_conninfo(empty.dsn, application_name="dropped")
    pooled(named, work)


@pytest.fixture
def dying(empty: Database) -> Database:
    """
    A database whose server process dies in the first commit that writes an entry.
    """
    with empty.pool.connection() as connection:
        connection.execute("CREATE SEQUENCE deaths")
        connection.execute(
            "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "IF nextval('deaths') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NULL; END $$"
        )
        connection.execute(
            "CREATE CONSTRAINT TRIGGER die AFTER INSERT ON pointsledger_entries DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION die()"
        )
    yield empty
    with empty.pool.connection() as connection:
        connection.execute("DROP FUNCTION die CASCADE")
        connection.execute("DROP SEQUENCE deaths")


def test_a_commit_without_answer_is_asked_again_by_its_key(dying: Database) -> None:
    """
    A commit that got no answer is tried again under its key, and has happened once (R-44, R-46).
    """

    async def work(storage: AsyncPostgresStorage, ledger: AsyncLedger) -> None:
        assert (await ledger.earn("ada", 5, key="k1")).points == 5
        assert len(await ledger.entries("ada")) == 1

    pooled(dying, work)


def test_a_commit_without_answer_or_key_has_an_unknown_outcome(dying: Database) -> None:
    """
    Without a key nobody can tell whether it was stored, and the error says so (R-47).
    """
    with dying.pool.connection() as connection:
        connection.execute("SELECT nextval('deaths')")
    Ledger(CLUB, PostgresStorage(dying.pool), clock=lambda: START).earn("ada", 5, key="k1")
    with dying.pool.connection() as connection:
        connection.execute("ALTER SEQUENCE deaths RESTART")

    async def work(storage: AsyncPostgresStorage, ledger: AsyncLedger) -> None:
        with pytest.raises(OutcomeUnknown):
            await ledger.expire("ada", at=START + timedelta(days=800))

    pooled(dying, work)


def test_a_commit_that_the_server_refuses_is_named(empty: Database) -> None:
    """
    What the server answers to a commit is no unknown outcome.
    """
    with empty.pool.connection() as connection:
        connection.execute("CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no room'; END $$")
        connection.execute(
            "CREATE CONSTRAINT TRIGGER no AFTER INSERT ON pointsledger_entries DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION no()"
        )

    async def work(storage: AsyncPostgresStorage, ledger: AsyncLedger) -> None:
        with pytest.raises(StorageUnavailable, match="no room"):
            await ledger.earn("ada", 5)

    try:
        pooled(empty, work)
    finally:
        with empty.pool.connection() as connection:
            connection.execute("DROP FUNCTION no CASCADE")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_after_a_fork_it_is_refused(empty: Database) -> None:
    """
    A connection belongs to the process that opened it.
    """

    async def work(connection: Connection, ledger: AsyncLedger) -> None:
        own = AsyncPostgresStorage(empty.dsn)
        await own.create_schema()
        for storage, error in ((ledger.storage, NoTransaction), (own, StorageUnavailable)):
            storage._process += 1  # noqa: SLF001 - as it looks in a child
            with pytest.raises(error, match="fork"):
                await storage.accounts("club", "", 5)
        await own.close()

    joined(empty, work)
