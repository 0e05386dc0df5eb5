"""
SQLiteStorage within the caller's connection and transaction.
"""

import sqlite3
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pointsledger import commands
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
)
from pointsledger.storage.sqlite import SQLiteStorage
from reliability.sqlite_faults import Faults, error_of
from tests.storage.books import ANN, assert_balanced, books, club, day, story
from tests.storage.children import in_child, refusal

WAYS: list[dict[str, Any]] = [{"isolation_level": None}, {"isolation_level": ""}, {"isolation_level": "EXCLUSIVE"}]
"""How a caller lets `sqlite3` begin transactions."""
if sys.version_info >= (3, 12):
    WAYS += [{"autocommit": True}, {"autocommit": False}]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """
    A shop's database with a table of orders, and the ledger's tables.
    """
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as shop:
        shop.execute("CREATE TABLE orders (id TEXT PRIMARY KEY)")
        shop.execute("BEGIN IMMEDIATE")
        SQLiteStorage.joining(shop).create_schema()
        shop.execute("COMMIT")
    return path


@pytest.fixture(params=WAYS, ids=str)
def shop(file: Path, request: pytest.FixtureRequest) -> Iterator[sqlite3.Connection]:
    """
    The shop's connection, in each of the ways in which it may treat transactions.
    """
    with closing(sqlite3.connect(file, **request.param)) as connection:
        yield connection


@pytest.fixture
def plain(file: Path) -> Iterator[sqlite3.Connection]:
    """
    The shop's connection on which nothing begins by itself.
    """
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        yield connection


def begin(connection: sqlite3.Connection) -> None:
    """
    Begin a transaction, where none is always open.
    """
    if not connection.in_transaction:
        connection.execute("BEGIN")


def end(connection: sqlite3.Connection, how: str) -> None:
    """
    Commit or roll back, in the way of the connection.
    """
    if getattr(connection, "autocommit", None) is True:  # where `commit()` does nothing
        connection.execute(how)
    else:
        connection.commit() if how == "COMMIT" else connection.rollback()


def seen_by_others(file: Path) -> tuple[list[str], list[str]]:
    """
    Return the orders and the accounts that another connection sees.
    """
    with closing(sqlite3.connect(file)) as other:
        orders = [id for (id,) in other.execute("SELECT id FROM orders ORDER BY id")]
        return orders, [id for (id,) in other.execute("SELECT account FROM pointsledger_accounts ORDER BY account")]


# --- one transaction -----------------------------------------------------------------------------------------------


def test_order_and_points_commit_together(file: Path, shop: sqlite3.Connection):
    """
    The shop's order and the ledger's points become visible with the shop's commit, and not before (R-46).
    """
    ledger = club(SQLiteStorage.joining(shop))
    begin(shop)
    shop.execute("INSERT INTO orders VALUES ('1001')")
    ledger.earn(ANN, 5, key="k")
    ledger.apply_all([commands.Earn(account="bob", points=1, key="b"), commands.Earn(account="cid", points=1, key="c")])
    assert ledger.balance(ANN).pending == 5
    assert ledger.accounts() == (ANN, "bob", "cid")
    assert seen_by_others(file) == ([], [])
    assert shop.in_transaction
    end(shop, "COMMIT")
    assert seen_by_others(file) == (["1001"], [ANN, "bob", "cid"])
    assert_balanced(ledger.storage)


def test_order_and_points_vanish_together(file: Path, shop: sqlite3.Connection):
    """
    If the shop rolls back, nothing of the points is left, and the key is free (R-46, A10).
    """
    ledger = club(SQLiteStorage.joining(shop))
    begin(shop)
    shop.execute("INSERT INTO orders VALUES ('1001')")
    ledger.earn(ANN, 5, key="k")
    end(shop, "ROLLBACK")
    assert seen_by_others(file) == ([], [])
    assert ledger.balance(ANN).pending == 0
    begin(shop)
    assert not ledger.earn(ANN, 7, key="k").replayed
    assert ledger.balance(ANN).pending == 7


def test_refusal_leaves_the_transaction_usable(file: Path, shop: sqlite3.Connection):
    """
    After a refusal the shop's transaction goes on with all that it did before (R-46, I-18).
    """
    ledger = club(SQLiteStorage.joining(shop))
    begin(shop)
    shop.execute("INSERT INTO orders VALUES ('1001')")
    ledger.earn(ANN, 5, key="k")
    for refused in (
        lambda: ledger.redeem(ANN, 6),
        lambda: ledger.apply_all([commands.Earn(account="bob", points=1), commands.Redeem(account=ANN, points=6)]),
    ):
        with pytest.raises(InsufficientPoints):
            refused()
        assert shop.in_transaction
    ledger.earn(ANN, 1, key="l")
    shop.execute("INSERT INTO orders VALUES ('1002')")
    end(shop, "COMMIT")
    assert seen_by_others(file) == (["1001", "1002"], [ANN])
    assert ledger.balance(ANN).pending == 6


def test_it_never_begins_commits_or_rolls_back(file: Path):
    """
    In the shop's transaction only savepoints are used, for what is accepted, refused and read alike (R-46).
    """
    faults = Faults()
    with closing(faults.connect(file, isolation_level=None)) as shop:
        storage = SQLiteStorage.joining(shop)
        ledger = club(storage, on=500)
        shop.execute("BEGIN")
        storage.create_schema()
        for command in story():
            ledger.apply(command)
        with pytest.raises(Refused):
            ledger.redeem(ANN, 10**6)
        ledger.apply_all(story("bob", prefix="b"))
        books(storage)
        ledger.expire_due(at=day(900))
        storage.close()
        assert shop.in_transaction
    ends = {
        statement
        for statement in faults.seen
        if statement.split()[0] not in {"SELECT", "INSERT", "UPDATE", "DELETE", "PRAGMA"}
    }
    assert ends == {"SAVEPOINT pointsledger", "RELEASE pointsledger", "ROLLBACK TO pointsledger"}
    assert seen_by_others(file) == ([], [])


def test_no_transaction(file: Path, plain: sqlite3.Connection):
    """
    A command outside a transaction is refused, since no one would commit it (R-46).
    """
    storage = SQLiteStorage.joining(plain)
    ledger = club(storage)
    calls = [
        lambda: ledger.earn(ANN, 1),
        lambda: ledger.apply_all([commands.Earn(account=ANN, points=1)]),
        lambda: ledger.expire(ANN),
        storage.create_schema,
    ]
    for call in calls:
        with pytest.raises(NoTransaction, match="begin a transaction first"):
            call()
        assert not plain.in_transaction
    assert seen_by_others(file) == ([], [])


def test_read_outside_a_transaction(file: Path, plain: sqlite3.Connection):
    """
    A read outside a transaction sees what is committed, and leaves none open.
    """
    ledger = club(SQLiteStorage.joining(plain))
    with SQLiteStorage(file) as other:
        club(other).earn(ANN, 5)
    plain.execute("INSERT INTO orders VALUES ('1'), ('2'), ('3')")
    theirs = plain.execute("SELECT id FROM orders ORDER BY id")
    assert next(theirs) == ("1",)
    assert ledger.balance(ANN).pending == 5
    assert ledger.accounts() == (ANN,)
    assert not plain.in_transaction
    assert list(theirs) == [("2",), ("3",)], "a read of the caller goes on"


def test_nothing_is_tried_again(file: Path):
    """
    In the shop's transaction a conflict comes out at once: only the shop can begin anew (R-46).
    """
    faults = Faults(only="UPDATE pointsledger_accounts", error=error_of(sqlite3.SQLITE_BUSY, "database is locked"))
    with closing(faults.connect(file, isolation_level=None)) as shop:
        ledger = club(SQLiteStorage.joining(shop))
        shop.execute("BEGIN")
        ledger.earn(ANN, 5)
        faults.at = 1
        with pytest.raises(StorageBusy):
            ledger.earn(ANN, 5)
        assert faults.count == 1
        assert shop.in_transaction
        assert ledger.balance(ANN).pending == 5
        ledger.earn(ANN, 6)
        shop.execute("COMMIT")
        assert ledger.balance(ANN).pending == 11


def test_fault_that_ends_the_transaction(file: Path):
    """
    If SQLite itself gives up the shop's transaction, the error says so and nothing more is tried in it (I-24).
    """
    faults = Faults(only="INSERT INTO pointsledger_entries", when="gone")
    with closing(faults.connect(file, isolation_level=None)) as shop:
        ledger = club(SQLiteStorage.joining(shop))
        shop.execute("BEGIN")
        shop.execute("INSERT INTO orders VALUES ('1001')")
        faults.at = 1
        with pytest.raises(StorageUnavailable, match="disk I/O error"):
            ledger.earn(ANN, 5)
        assert not shop.in_transaction
    assert seen_by_others(file) == ([], [])


def test_caller_writes_behind_a_stale_read(file: Path, plain: sqlite3.Connection):
    """
    A transaction that began with a read, and then meets another's write, is busy at once, and stays the caller's (A82).
    """
    ledger = club(SQLiteStorage.joining(plain))
    plain.execute("PRAGMA journal_mode = wal").fetchall()
    plain.execute("BEGIN")
    assert ledger.balance(ANN).pending == 0
    with SQLiteStorage(file, journal_mode="wal") as other:
        club(other).earn(ANN, 5, key="other")
    with pytest.raises(StorageBusy):
        ledger.earn(ANN, 7, key="mine")
    assert plain.in_transaction
    plain.execute("ROLLBACK")
    plain.execute("BEGIN IMMEDIATE")
    ledger.earn(ANN, 7, key="mine")
    plain.execute("COMMIT")
    assert ledger.balance(ANN).pending == 12


# --- the caller's connection ---------------------------------------------------------------------------------------


def as_mapping(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> dict[str, Any]:
    """
    Make a mapping of a row, as many callers do.
    """
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}


@pytest.mark.parametrize("row_factory", [None, sqlite3.Row, as_mapping])
@pytest.mark.parametrize("text_factory", [str, bytes, lambda raw: raw.decode("latin-1")])
def test_caller_keeps_its_factories(plain: sqlite3.Connection, row_factory: Any, text_factory: Any):
    """
    Whatever the caller makes of rows and text, the ledger works, and leaves it as it is, refusals included.
    """
    plain.row_factory, plain.text_factory = row_factory, text_factory
    ledger = club(SQLiteStorage.joining(plain))
    plain.execute("BEGIN")
    for command in story("änn"):
        ledger.apply(command)
    with pytest.raises(InsufficientPoints):
        ledger.redeem("bob", 1)
    assert ledger.accounts() == ("änn",)
    assert_balanced(ledger.storage)
    assert (plain.row_factory, plain.text_factory) == (row_factory, text_factory)


def test_schema_is_created_in_the_callers_transaction(tmp_path: Path):
    """
    The tables come with the caller's commit and go with its rollback; to create them again changes nothing.
    """
    with closing(sqlite3.connect(tmp_path / "shop.db", isolation_level=None)) as shop:
        storage = SQLiteStorage.joining(shop)
        ledger = club(storage)
        shop.execute("BEGIN")
        storage.create_schema()
        ledger.earn(ANN, 5)
        shop.execute("ROLLBACK")
        for call in (lambda: ledger.balance(ANN), ledger.accounts):
            with pytest.raises(SchemaMismatch, match=r"create it with create_schema\(\)"):
                call()
        shop.execute("BEGIN")
        with pytest.raises(SchemaMismatch):
            ledger.earn(ANN, 5)
        storage.create_schema()
        ledger.earn(ANN, 5)
        storage.create_schema()
        shop.execute("COMMIT")
        assert ledger.balance(ANN).pending == 5


def test_no_schema(tmp_path: Path):
    """
    A database without the tables is refused, and the message says what to do.
    """
    with closing(sqlite3.connect(tmp_path / "shop.db", isolation_level=None)) as shop:
        shop.execute("BEGIN")
        with pytest.raises(SchemaMismatch, match=r"create it with create_schema\(\)"):
            club(SQLiteStorage.joining(shop)).earn(ANN, 5)
        assert shop.in_transaction


def test_newer_schema(plain: sqlite3.Connection):
    """
    Tables of a later release are refused before anything is written, whatever is asked.
    """
    plain.execute("UPDATE pointsledger_schema SET version = 99")
    storage = SQLiteStorage.joining(plain)
    plain.execute("BEGIN")
    for call in (
        lambda: club(storage).earn(ANN, 5),
        lambda: club(storage).balance(ANN),
        storage.create_schema,
    ):
        with pytest.raises(SchemaMismatch, match="newer"):
            call()


@pytest.mark.parametrize("connection", [None, "points.db", 7, object()], ids=lambda value: type(value).__name__)
def test_what_is_no_connection(connection: Any):
    """
    Only a connection of `sqlite3` can be joined.
    """
    with pytest.raises(InvalidInput) as refused:
        SQLiteStorage.joining(connection)
    assert refused.value.field == "connection"


def test_closing_lets_go_of_the_connection(plain: sqlite3.Connection):
    """
    To close the storage leaves the caller's connection open, and the storage refuses from then on.
    """
    storage = SQLiteStorage.joining(plain)
    storage.close()
    with pytest.raises(StorageClosed):
        club(storage).balance(ANN)
    assert plain.execute("SELECT 1").fetchone() == (1,)


def test_connection_that_the_caller_closed(plain: sqlite3.Connection):
    """
    On a connection that its owner has closed the storage is unavailable.
    """
    ledger = club(SQLiteStorage.joining(plain))
    plain.close()
    for call in (lambda: ledger.earn(ANN, 1), lambda: ledger.balance(ANN)):
        with pytest.raises(StorageUnavailable, match="closed"):
            call()


def test_connection_of_another_thread(plain: sqlite3.Connection):
    """
    A connection that Python binds to one thread is unavailable in another.
    """
    ledger = club(SQLiteStorage.joining(plain))
    raised: list[Exception] = []

    def other() -> None:
        try:
            ledger.balance(ANN)
        except StorageUnavailable as error:
            raised.append(error)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert "thread" in str(raised[0])


def test_two_storages_share_one_transaction(plain: sqlite3.Connection):
    """
    Two storages that join one connection work in its one transaction.
    """
    one, other = club(SQLiteStorage.joining(plain)), club(SQLiteStorage.joining(plain))
    plain.execute("BEGIN")
    one.earn(ANN, 5, key="k")
    assert other.earn(ANN, 5, key="k").replayed
    plain.execute("ROLLBACK")
    assert other.balance(ANN).pending == 0


def test_threads_that_share_a_connection_take_turns(file: Path):
    """
    Commands of several threads in one transaction, each through a storage of its own, do not mix up their savepoints.
    """
    start = threading.Barrier(8)
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as shared:

        def command(number: int) -> str:
            ledger = club(SQLiteStorage.joining(shared))
            start.wait()
            try:
                return type(ledger.earn(ANN, 1, key=f"k{number}") if number % 2 else ledger.redeem(ANN, 99)).__name__
            except PointsLedgerError as error:
                return type(error).__name__

        shared.execute("BEGIN IMMEDIATE")
        for _ in range(20):
            with ThreadPoolExecutor(8) as threads:
                assert list(threads.map(command, range(8))) == ["InsufficientPoints", "Receipt"] * 4
            shared.execute("ROLLBACK")
            shared.execute("BEGIN IMMEDIATE")


def test_joined_connection_after_a_fork(file: Path):
    """
    In a child the parent's connection is refused, and the child can join one of its own (A84).
    """
    with closing(sqlite3.connect(file, isolation_level=None)) as shop:
        storage = SQLiteStorage.joining(shop)
        shop.execute("BEGIN IMMEDIATE")
        club(storage).earn(ANN, 5)
        assert in_child(lambda: refusal(lambda: club(storage).balance(ANN))) == "NoTransaction"
        shop.execute("COMMIT")
        assert club(storage).balance(ANN).pending == 5
        assert in_child(lambda: club_of(file, "bob")) == "ok"
    assert seen_by_others(file) == ([], [ANN, "bob"])


def club_of(file: Path, account: str) -> str:
    """
    Earn in a connection of one's own.
    """
    with closing(sqlite3.connect(file, isolation_level=None)) as own:
        own.execute("BEGIN IMMEDIATE")
        club(SQLiteStorage.joining(own)).earn(account, 5)
        own.execute("COMMIT")
    return "ok"
