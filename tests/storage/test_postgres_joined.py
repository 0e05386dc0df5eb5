"""
PostgresStorage within the caller's connection and transaction.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row

from pointsledger import Account, commands
from pointsledger.domain.reads import Reading
from pointsledger.errors import (
    InsufficientPoints,
    InvalidInput,
    NoTransaction,
    PointsLedgerError,
    Refused,
    SchemaMismatch,
    StorageBusy,
    StorageClosed,
    StorageUnavailable,
    TryAgain,
    VersionConflict,
)
from pointsledger.storage.memory import MemoryStorage
from pointsledger.storage.postgres import PostgresStorage
from pointsledger.storage.sql import READS_MAX
from reliability.postgres_faults import PostgresFaults
from tests.storage.books import ANN, assert_balanced, books, club, day, figures_and_lots, story
from tests.storage.children import in_child, refusal
from tests.storage.postgres_server import Database, dropped

Shop = psycopg.Connection[Any]


@pytest.fixture
def shared(postgres: Database) -> Iterator[PostgresStorage]:
    """
    A storage without rows in the shop's database, which has a table of orders.
    """
    storage = postgres.storage()
    with postgres.pool.connection() as connection:
        connection.execute("CREATE TABLE orders (id TEXT PRIMARY KEY)")
    yield storage
    with postgres.pool.connection() as connection:
        connection.execute("DROP TABLE orders")


@pytest.fixture(params=[True, False], ids=["autocommit", "implicit"])
def shop(postgres: Database, shared: PostgresStorage, request: pytest.FixtureRequest) -> Iterator[Shop]:
    """
    The shop's connection, in both of psycopg's ways with transactions.
    """
    connection = psycopg.connect(postgres.dsn, autocommit=request.param)
    yield connection
    connection.close()


def begin(shop: Shop) -> None:
    """
    Begin a transaction, in the way of the connection.
    """
    shop.execute("BEGIN" if shop.autocommit else "SET LOCAL work_mem = '4MB'")


def seen_by_others(postgres: Database) -> tuple[list[str], list[str]]:
    """
    Return the orders and the accounts that another connection sees.
    """
    with postgres.pool.connection() as other:
        orders = [id for (id,) in other.execute("SELECT id FROM orders ORDER BY id")]
        return orders, [id for (id,) in other.execute("SELECT account FROM pointsledger_accounts ORDER BY account")]


# --- one transaction -----------------------------------------------------------------------------------------------


def test_order_and_points_commit_together(postgres: Database, shop: Shop):
    """
    The shop's order and the ledger's points become visible with the shop's commit, and not before (R-46).
    """
    ledger = club(PostgresStorage.joining(shop))
    begin(shop)
    shop.execute("INSERT INTO orders VALUES ('1001')")
    ledger.earn(ANN, 5, key="k")
    ledger.apply_all([commands.Earn(account="bob", points=1, key="b"), commands.Earn(account="cid", points=1, key="c")])
    assert ledger.balance(ANN).pending == 5
    assert ledger.accounts() == (ANN, "bob", "cid")
    assert seen_by_others(postgres) == ([], [])
    shop.execute("COMMIT")
    assert seen_by_others(postgres) == (["1001"], [ANN, "bob", "cid"])
    assert_balanced(ledger.storage)


def test_order_and_points_vanish_together(postgres: Database, shop: Shop):
    """
    If the shop rolls back, nothing of the points is left, and the key is free (R-46, A10).
    """
    ledger = club(PostgresStorage.joining(shop))
    begin(shop)
    shop.execute("INSERT INTO orders VALUES ('1001')")
    ledger.earn(ANN, 5, key="k")
    shop.rollback()
    assert seen_by_others(postgres) == ([], [])
    assert ledger.balance(ANN).pending == 0
    begin(shop)
    assert not ledger.earn(ANN, 7, key="k").replayed
    shop.commit()
    assert ledger.balance(ANN).pending == 7


def test_refusal_leaves_the_transaction_usable(postgres: Database, shop: Shop):
    """
    After a refusal the shop's transaction goes on with all that it did before (R-46, I-18).
    """
    ledger = club(PostgresStorage.joining(shop))
    with shop.transaction():
        shop.execute("INSERT INTO orders VALUES ('1001')")
        ledger.earn(ANN, 5, key="k")
        for refused in (
            lambda: ledger.redeem(ANN, 6),
            lambda: ledger.apply_all([commands.Earn(account="bob", points=1), commands.Redeem(account=ANN, points=6)]),
        ):
            with pytest.raises(InsufficientPoints):
                refused()
        ledger.earn(ANN, 1, key="l")
        shop.execute("INSERT INTO orders VALUES ('1002')")
    assert seen_by_others(postgres) == (["1001", "1002"], [ANN])
    assert ledger.balance(ANN).pending == 6


@pytest.mark.usefixtures("shared")
def test_it_never_begins_commits_or_rolls_back(postgres: Database):
    """
    In the shop's transaction only savepoints are used, for what is accepted, refused and read alike (R-46).
    """
    faults = PostgresFaults(postgres.dsn)
    with psycopg.connect(postgres.dsn, autocommit=True, cursor_factory=faults.cursor_class()) as shop:
        shop.execute("BEGIN")
        faults.seen.clear()
        storage = PostgresStorage.joining(shop)
        ledger = club(storage, on=500)
        storage.create_schema()
        for command in story():
            ledger.apply(command)
        with pytest.raises(Refused):
            ledger.redeem(ANN, 10**6)
        ledger.apply_all(story("bob", prefix="b"))
        books(storage)
        ledger.expire_due(at=day(900))
        storage.close()
        assert shop.info.transaction_status == TransactionStatus.INTRANS
        shop.rollback()
    ends = {text for text in faults.seen if text.split()[0] not in {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"}}
    assert ends == {
        "SAVEPOINT pointsledger",
        "RELEASE SAVEPOINT pointsledger",
        "ROLLBACK TO SAVEPOINT pointsledger",
    }
    assert seen_by_others(postgres) == ([], [])


def test_no_transaction(postgres: Database, shop: Shop):
    """
    A command outside a transaction, or in one that has failed, is refused, since no one would commit it (R-46).
    """
    storage = PostgresStorage.joining(shop)
    ledger = club(storage)
    calls: list[Callable[[], object]] = [
        lambda: ledger.earn(ANN, 1),
        lambda: ledger.apply_all([commands.Earn(account=ANN, points=1)]),
        lambda: ledger.expire(ANN),
        storage.create_schema,
    ]
    for call in calls:
        with pytest.raises(NoTransaction, match="begin a transaction first"):
            call()
        assert shop.info.transaction_status == TransactionStatus.IDLE
    begin(shop)
    with pytest.raises(psycopg.Error):
        shop.execute("SELECT 1 / 0")
    for call in (*calls, lambda: ledger.balance(ANN)):
        with pytest.raises(NoTransaction, match="has failed"):
            call()
    assert seen_by_others(postgres) == ([], [])


def test_read_outside_a_transaction(shared: PostgresStorage, shop: Shop):
    """
    A read outside a transaction sees what is committed, and leaves none open.
    """
    before = shop.autocommit
    club(shared).earn(ANN, 5)
    ledger = club(PostgresStorage.joining(shop))
    assert ledger.balance(ANN).pending == 5
    assert ledger.accounts() == (ANN,)
    assert shop.info.transaction_status == TransactionStatus.IDLE
    assert shop.autocommit == before


# --- conflicts -----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("shared")
def test_nothing_is_tried_again(postgres: Database):
    """
    In the shop's transaction a conflict comes out at once: only the shop can begin anew (R-46).
    """
    faults = PostgresFaults(postgres.dsn)
    with psycopg.connect(postgres.dsn, cursor_factory=faults.cursor_class()) as shop, shop.transaction():
        ledger = club(PostgresStorage.joining(shop))
        ledger.earn(ANN, 5)
        for state, named in (("40P01", StorageBusy), ("23505", VersionConflict)):
            faults.fail("UPDATE", "raises", times=10, state=state)
            with pytest.raises(named):
                ledger.earn(ANN, 5)
            assert faults.met == 1
        faults.times = 0
        ledger.earn(ANN, 6)
        assert ledger.balance(ANN).pending == 11


def test_caller_with_a_snapshot(postgres: Database, shared: PostgresStorage):
    """
    A transaction whose snapshot is older than another's write is told to begin anew (A82, I-22).
    """
    club(shared).earn(ANN, 5)
    with psycopg.connect(postgres.dsn) as shop:
        shop.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        ledger = club(PostgresStorage.joining(shop))
        shop.execute("SELECT count(*) FROM orders")
        club(shared).earn(ANN, 7)
        assert ledger.balance(ANN).pending == 5
        with pytest.raises(TryAgain):
            ledger.earn(ANN, 9, key="mine")
        shop.rollback()
        with shop.transaction():
            ledger.earn(ANN, 9, key="mine")
    assert club(shared).balance(ANN).pending == 21


def test_read_while_the_account_changes(postgres: Database, shared: PostgresStorage):
    """
    A read in a transaction that sees each commit is begun anew until the account stands still (I-22).
    """
    club(shared).earn(ANN, 5)
    with psycopg.connect(postgres.dsn) as shop, shop.transaction():
        storage = PostgresStorage.joining(shop)
        changes = iter(range(2))

        def reader(account: Account) -> Reading[Any]:
            found = yield from figures_and_lots(account)
            if next(changes, None) is not None:
                club(shared).earn(ANN, 5)
                raise ZeroDivisionError
            return found

        shop.execute("SELECT 1")
        figures, lots = storage.read("club", ANN, reader)
        assert (figures.pending, len(lots)) == (15, 3)
        changes = iter(range(READS_MAX))
        with pytest.raises(VersionConflict):
            storage.read("club", ANN, reader)

        def broken(account: Account) -> Reading[Any]:
            yield from figures_and_lots(account)
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            storage.read("club", ANN, broken)
        assert shop.execute("SELECT 1").fetchone() == (1,)


# --- the caller's connection ---------------------------------------------------------------------------------------


class WrappingLoader(psycopg.adapt.Loader):
    """
    Makes something else of whatever comes.
    """

    def load(self, data: Any) -> Any:
        """
        Wrap it.
        """
        return [bytes(data)]


@pytest.mark.parametrize("cursors", [psycopg.Cursor, psycopg.ClientCursor, psycopg.RawCursor])
def test_caller_keeps_its_own_ways(shop: Shop, cursors: type[psycopg.Cursor[Any]]):
    """
    Whatever the caller makes of cursors, rows, text and numbers, the ledger works, and leaves it as it is.
    """
    shop.cursor_factory = cursors
    shop.row_factory = dict_row
    for kind in ("text", "int8", "numeric", "bool"):
        shop.adapters.register_loader(kind, WrappingLoader)
    ledger = club(PostgresStorage.joining(shop))
    begin(shop)
    memory = MemoryStorage()
    for each in (ledger, club(memory)):
        for command in (*story("änn"), commands.Earn(account="bob", points=5, key="sum")):
            each.apply(command)
    assert club(ledger.storage, on=20).balance("bob").expiring_next is not None
    assert books(ledger.storage) == books(memory)
    with pytest.raises(InsufficientPoints):
        ledger.redeem("bob", 10)
    assert ledger.accounts() == ("bob", "änn")
    assert_balanced(ledger.storage)
    assert shop.execute("SELECT 1::int8 AS one").fetchone() == {"one": [b"1"]}


def test_pipeline_of_the_callers(postgres: Database, shop: Shop):
    """
    In psycopg's pipeline mode, where answers come late, the ledger refuses, and the transaction stays usable.
    """
    ledger = club(PostgresStorage.joining(shop))
    begin(shop)
    with shop.pipeline() as pipeline:
        shop.execute("INSERT INTO orders VALUES ('1001')")
        for call in (lambda: ledger.earn(ANN, 5), lambda: ledger.balance(ANN)):
            with pytest.raises(StorageUnavailable, match="pipeline"):
                call()
        pipeline.sync()
    ledger.earn(ANN, 5)
    shop.execute("COMMIT")
    assert seen_by_others(postgres) == (["1001"], [ANN])


def test_schema_is_created_in_the_callers_transaction(postgres: Database, shop: Shop):
    """
    The tables come with the caller's commit and go with its rollback; to create them again changes nothing.
    """
    storage = PostgresStorage.joining(shop, schema="new", prefix="points_")
    ledger = club(storage)
    with dropped(postgres.dsn, "new"):
        begin(shop)
        storage.create_schema()
        ledger.earn(ANN, 5)
        shop.rollback()
        storage = PostgresStorage.joining(shop, schema="new", prefix="points_")
        ledger = club(storage)
        for call in (lambda: ledger.balance(ANN), ledger.accounts):
            with pytest.raises(SchemaMismatch, match=r"create it with create_schema\(\)"):
                call()
        begin(shop)
        with pytest.raises(SchemaMismatch):
            ledger.earn(ANN, 5)
        storage.create_schema()
        ledger.earn(ANN, 5)
        storage.create_schema()
        shop.execute("COMMIT")
        assert ledger.balance(ANN).pending == 5
        with postgres.pool.connection() as other:
            assert other.execute("SELECT account FROM new.points_accounts").fetchall() == [(ANN,)]


def test_schema_younger_than_the_snapshot(postgres: Database, shop: Shop):
    """
    A transaction whose snapshot is older than the tables is told to begin anew (A82).
    """
    storage = PostgresStorage.joining(shop, schema="new")
    with dropped(postgres.dsn, "new"):
        begin(shop)
        shop.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        shop.execute("SELECT count(*) FROM orders")
        PostgresStorage(postgres.pool, schema="new").close()
        with pytest.raises(StorageBusy, match="younger"):
            storage.create_schema()
        shop.rollback()
        begin(shop)
        club(storage).earn(ANN, 5)
        shop.rollback()


def test_schema_that_vanished(postgres: Database, shop: Shop):
    """
    If the tables vanish with a rollback, the same storage says so afterwards.
    """
    ledger = club(PostgresStorage.joining(shop, schema="new"))
    with dropped(postgres.dsn, "new"):
        begin(shop)
        ledger.storage.create_schema()  # type: ignore[attr-defined]
        ledger.earn(ANN, 5)
        shop.rollback()
        begin(shop)
        with pytest.raises(SchemaMismatch):
            ledger.earn(ANN, 5)
        assert shop.execute("SELECT 1 AS one").fetchone() == (1,)


@pytest.mark.parametrize("connection", [None, "postgresql:", 7, object()], ids=lambda value: type(value).__name__)
def test_what_is_no_connection(connection: Any):
    """
    Only a connection of `psycopg` can be joined.
    """
    with pytest.raises(InvalidInput) as refused:
        PostgresStorage.joining(connection)
    assert refused.value.field == "connection"


def test_closing_lets_go_of_the_connection(shop: Shop):
    """
    To close the storage leaves the caller's connection open, and the storage refuses from then on.
    """
    storage = PostgresStorage.joining(shop)
    storage.close()
    with pytest.raises(StorageClosed):
        club(storage).balance(ANN)
    assert shop.execute("SELECT 1").fetchone() == (1,)


def test_connection_that_the_caller_closed(shop: Shop):
    """
    On a connection that its owner has closed the storage is unavailable.
    """
    ledger = club(PostgresStorage.joining(shop))
    shop.close()
    for call in (lambda: ledger.earn(ANN, 1), lambda: ledger.balance(ANN)):
        with pytest.raises(StorageUnavailable, match="closed"):
            call()


def test_connection_that_is_lost(postgres: Database, shop: Shop):
    """
    If the server drops the shop's connection, that is what comes out, and nothing more is tried in it (I-24).
    """
    ledger = club(PostgresStorage.joining(shop))
    begin(shop)
    ledger.earn(ANN, 5)
    with postgres.pool.connection() as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [shop.info.backend_pid])
    with pytest.raises(StorageUnavailable):
        ledger.earn(ANN, 5)
    assert seen_by_others(postgres) == ([], [])


def test_two_storages_share_one_transaction(shop: Shop):
    """
    Two storages that join one connection work in its one transaction.
    """
    one, other = club(PostgresStorage.joining(shop)), club(PostgresStorage.joining(shop))
    begin(shop)
    one.earn(ANN, 5, key="k")
    assert other.earn(ANN, 5, key="k").replayed
    shop.rollback()
    assert other.balance(ANN).pending == 0


def test_threads_that_share_a_connection_take_turns(shop: Shop):
    """
    Commands of several threads in one transaction, each through a storage of its own, do not mix up their savepoints.
    """
    start = threading.Barrier(8)

    def command(number: int) -> str:
        ledger = club(PostgresStorage.joining(shop))
        start.wait()
        try:
            return type(ledger.earn(ANN, 1, key=f"k{number}") if number % 2 else ledger.redeem(ANN, 99)).__name__
        except PointsLedgerError as error:
            return type(error).__name__

    begin(shop)
    for _ in range(5):
        with ThreadPoolExecutor(8) as threads:
            assert list(threads.map(command, range(8))) == ["InsufficientPoints", "Receipt"] * 4
    shop.commit()
    ledger = club(PostgresStorage.joining(shop))
    assert ledger.balance(ANN).pending == 4
    assert_balanced(ledger.storage)


def test_joined_connection_after_a_fork(shop: Shop):
    """
    In a child the parent's connection is refused, and the parent goes on (A84).
    """
    storage = PostgresStorage.joining(shop)
    begin(shop)
    club(storage).earn(ANN, 5)
    assert in_child(lambda: refusal(lambda: club(storage).balance(ANN))) == "NoTransaction"
    shop.commit()
    assert club(storage).balance(ANN).pending == 5
