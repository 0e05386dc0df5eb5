"""
Row lock, compare of versions, unique and check constraints in PostgreSQL: each guards with all others switched off.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from pointsledger import commands
from pointsledger.errors import PointsLedgerError, VersionConflict
from pointsledger.storage.postgres import PostgresStorage
from tests.storage.books import ANN, BY_HAND, club, job, story
from tests.storage.careless import Careless
from tests.storage.postgres_server import Database, dropped
from tests.storage.test_sqlite_schema import CHECKS

SCHEMA = "guards"


@pytest.fixture
def plain(postgres: Database) -> Iterator[psycopg.Connection[Any]]:
    """
    A connection on which every statement stands for itself, to tables of their own in which Ann has 10 points, and
    from which every constraint but the primary keys is gone.
    """
    with dropped(postgres.dsn, SCHEMA), psycopg.connect(postgres.dsn, autocommit=True) as connection:
        club(PostgresStorage(postgres.pool, schema=SCHEMA)).adjust(ANN, 10, key="first", **BY_HAND)
        connection.execute(f"SET search_path = {SCHEMA}".encode())
        run_all(
            connection,
            "SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) FROM pg_constraint "
            "WHERE contype = 'c' AND connamespace = 'guards'::regnamespace",
        )
        connection.execute("DROP INDEX pointsledger_entries_by_key")
        yield connection


def run_all(connection: psycopg.Connection[Any], statements: str) -> None:
    """
    Run each statement that a query makes.
    """
    for (statement,) in connection.execute(statements.encode()).fetchall():
        connection.execute(statement)


def without_keys(connection: psycopg.Connection[Any]) -> None:
    """
    Drop the primary keys too.
    """
    run_all(
        connection,
        "SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) FROM pg_constraint "
        "WHERE contype = 'p' AND connamespace = 'guards'::regnamespace",
    )


def careless(plain: psycopg.Connection[Any], command: Any, key: str) -> Careless:
    """
    Return a writer without lock or transaction that has decided, and not yet written.
    """
    writer = Careless(plain, [job(command, key)], SCHEMA)
    writer.decide()
    return writer


ALL = commands.Redeem(account=ANN, points=10)


def keys(plain: psycopg.Connection[Any]) -> list[str]:
    """
    Return the keys of all entries.
    """
    return [key for (key,) in plain.execute("SELECT command_key FROM pointsledger_entries ORDER BY 1")]


def test_lock_alone(postgres: Database, plain: psycopg.Connection[Any]):
    """
    With no constraint in their way, and nothing tried again, eight callers redeem all: the row's lock lets one after
    the other decide, and no compare of versions ever fails (I-20, I-23).
    """
    without_keys(plain)
    start = threading.Barrier(8)

    def redeem(number: int) -> str:
        with psycopg.connect(postgres.dsn) as connection, connection.transaction():
            connection.execute("SELECT 1")
            ledger = club(PostgresStorage.joining(connection, schema=SCHEMA))
            start.wait()
            try:
                return type(ledger.redeem(ANN, 10, key=f"k{number}")).__name__
            except PointsLedgerError as error:
                return type(error).__name__

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(redeem, range(8))) == ["InsufficientPoints"] * 7 + ["Receipt"]
    assert plain.execute("SELECT sequence FROM pointsledger_entries ORDER BY 1").fetchall() == [(1,), (2,)]


def test_version_compare_alone(plain: psycopg.Connection[Any]):
    """
    With neither lock nor constraint, the compare of versions lets one of two stale writers through (I-22, I-23).
    """
    without_keys(plain)
    one, two = careless(plain, ALL, "one"), careless(plain, ALL, "two")
    two.finish()
    with pytest.raises(VersionConflict):
        one.finish()
    assert keys(plain) == ["first", "two"]


def test_sequence_alone(plain: psycopg.Connection[Any]):
    """
    With neither lock nor version, the unique sequence stops the second of two stale writers (I-13, I-23).
    """
    plain.execute("CREATE TABLE before AS TABLE pointsledger_accounts")
    one, two = careless(plain, ALL, "one"), careless(plain, ALL, "two")
    two.finish()
    forget(plain)
    with pytest.raises(VersionConflict):
        one.finish()
    assert keys(plain) == ["first", "two"]


def test_key_alone(plain: psycopg.Connection[Any]):
    """
    With no lock, version or sequence in its way, a key is stored once all the same (I-14, I-23).
    """
    without_keys(plain)
    plain.execute("CREATE UNIQUE INDEX by_key ON pointsledger_entries (program, account, command_key, ordinal)")
    plain.execute("CREATE TABLE before AS TABLE pointsledger_accounts")
    one, two = careless(plain, ALL, "same"), careless(plain, ALL, "same")
    two.finish()
    forget(plain)
    with pytest.raises(VersionConflict):
        one.finish()
    assert keys(plain) == ["first", "same"]


def forget(plain: psycopg.Connection[Any]) -> None:
    """
    Put the accounts back as they were, so that the compare of versions sees nothing.
    """
    plain.execute("DELETE FROM pointsledger_accounts")
    plain.execute("INSERT INTO pointsledger_accounts TABLE before")


def test_first_row_alone(plain: psycopg.Connection[Any]):
    """
    Of two writers that both begin an account, without a lock, its one row lets one through (I-22, I-23).
    """
    plain.execute("ALTER TABLE pointsledger_entries DROP CONSTRAINT pointsledger_entries_pkey")
    begin = commands.Earn(account="new", points=5)
    one, two = careless(plain, begin, "one"), careless(plain, begin, "two")
    two.finish()
    with pytest.raises(VersionConflict):
        one.finish()
    assert keys(plain) == ["first", "two"]


@pytest.fixture(scope="module")
def told(postgres: Database) -> Iterator[str]:
    """
    A schema with the story's rows.
    """
    with dropped(postgres.dsn, "told"):
        ledger = club(PostgresStorage(postgres.pool, schema="told"))
        for command in story():
            ledger.apply(command)
        yield "told"


@pytest.mark.parametrize(("table", "change"), [check[:2] for check in CHECKS], ids=": ".join)
def test_each_check_stands_alone(postgres: Database, told: str, table: str, change: str):
    """
    Each check refuses by itself what no other one sees, with no lock and no ledger before it (I-2, I-23).
    """
    with psycopg.connect(postgres.dsn) as plain, pytest.raises(psycopg.errors.CheckViolation):
        plain.execute(f"UPDATE {told}.pointsledger_{table} SET {change}".encode())
