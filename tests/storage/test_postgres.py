"""
PostgresStorage: pools, races, lost connections, errors by name, and where the tables are.
"""

import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psycopg
import psycopg_pool
import pytest
from attrs import evolve

from pointsledger import commands
from pointsledger.errors import (
    Corrupt,
    InsufficientPoints,
    InvalidInput,
    OutcomeUnknown,
    PointsLedgerError,
    Refused,
    SchemaMismatch,
    StorageBusy,
    StorageClosed,
    StorageUnavailable,
    VersionConflict,
)
from pointsledger.storage import sql_migration, sql_schema
from pointsledger.storage.memory import MemoryStorage
from pointsledger.storage.postgres import PostgresStorage
from pointsledger.storage.postgres_async import AsyncPostgresStorage
from pointsledger.storage.postgres_dialect import ATTEMPTS_MAX
from pointsledger.storage.sqlite import SQLiteStorage
from reliability.postgres_faults import PostgresFaults
from tests.storage.books import ANN, BY_HAND, assert_balanced, books, club, day, job, story
from tests.storage.children import in_child, refusal
from tests.storage.postgres_server import Database, dropped, open_at_once

HERE = Path(__file__).parent


@pytest.fixture
def storage(postgres: Database) -> PostgresStorage:
    """
    A storage without rows, through the pool that tests share.
    """
    return postgres.storage()


@pytest.fixture
def faulty(postgres: Database) -> Iterator[tuple[PostgresStorage, PostgresFaults]]:
    """
    A storage without rows through connections with faults, in which Ann has 500 points.
    """
    faults = PostgresFaults(postgres.dsn)
    with faults.pool() as pool:
        postgres.storage()
        storage = PostgresStorage(pool)
        club(storage).adjust(ANN, 500, key="first", **BY_HAND)
        yield storage, faults


def at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    """
    Make calls in threads of their own, all at once; return their answers, or the library's errors.
    """
    start = threading.Barrier(len(calls))

    def one(call: Callable[[], Any]) -> Any:
        start.wait()
        try:
            return call()
        except PointsLedgerError as error:
            return error

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(one, calls))


# --- the same books ------------------------------------------------------------------------------------------------


def test_same_books_as_in_memory(storage: PostgresStorage):
    """
    A story with every kind of command gives the same books as in memory (I-39).
    """
    memory = MemoryStorage()
    for command in story():
        assert club(storage).apply(command) == club(memory).apply(command)
    assert books(storage) == books(memory)
    assert list(club(storage).due_notices(at=day(900))) == list(club(memory).due_notices(at=day(900)))
    assert_balanced(storage)


def test_accounts_are_listed_by_bytes(storage: PostgresStorage):
    """
    Accounts are told apart and ordered by their bytes, whatever the database's language is (I-36).
    """
    names = ["Z", "a", "z", "é", "e\u0301", "\U0001f600", "\uffee"]
    for name in names:
        club(storage).earn(name, 1)
    assert list(club(storage).accounts()) == sorted(names, key=str.encode)


def make_old_tables(postgres: Database, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """
    Make tables of the second version in the schema `old`, with the rows of a script for SQLite.
    """
    rows = [line for line in script.splitlines() if line.startswith("INSERT INTO") and "_schema" not in line]
    assert rows
    with monkeypatch.context() as past:
        past.setattr(sql_migration, "MIGRATIONS", sql_schema.MIGRATIONS[:2])
        past.setattr(sql_schema, "SCHEMA_VERSION", 2)
        PostgresStorage(postgres.pool, schema="old").close()
    with postgres.pool.connection() as connection:
        for row in rows:
            name, rest = row.removeprefix("INSERT INTO ").split(" ", 1)
            connection.execute(f"INSERT INTO old.{name.strip(chr(34))} {rest}".encode())


@pytest.mark.parametrize("old", ["format_2.sql", "format_2_lapsed.sql"])
def test_format_2_becomes_that_of_this_release(
    postgres: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str
):
    """
    Tables of the second version are brought up to date, with the same books as a file's (I-25).
    """
    script = (HERE / old).read_text(encoding="utf-8")
    with dropped(postgres.dsn, "old"):
        make_old_tables(postgres, monkeypatch, script)
        migrated = PostgresStorage(postgres.pool, schema="old")
        with closing(sqlite3.connect(tmp_path / "old.db")) as plain:
            plain.executescript(script)
        with SQLiteStorage(tmp_path / "old.db", journal_mode="delete") as file:
            with postgres.pool.connection() as connection:
                programs = [
                    id for (id,) in connection.execute("SELECT DISTINCT program FROM old.pointsledger_accounts")
                ]
            assert programs
            for program in programs:
                assert books(migrated, program) == books(file, program)
                assert_balanced(migrated, program)


def test_migration_that_fails_changes_nothing(postgres: Database, monkeypatch: pytest.MonkeyPatch):
    """
    Where an old row cannot be read, the tables stay as they were (I-25).
    """
    script = (HERE / "format_2.sql").read_text(encoding="utf-8")
    with dropped(postgres.dsn, "old"):
        make_old_tables(postgres, monkeypatch, script)
        with postgres.pool.connection() as connection:
            connection.execute("UPDATE old.pointsledger_terms SET body = '[]'")
        with pytest.raises(PointsLedgerError, match="must be a table of fields"):
            PostgresStorage(postgres.pool, schema="old")
        with postgres.pool.connection() as connection:
            assert connection.execute("SELECT version FROM old.pointsledger_schema").fetchall() == [(2,)]
            assert connection.execute("SELECT to_regclass('old.pointsledger_holds')").fetchall() == [(None,)]


# --- races ---------------------------------------------------------------------------------------------------------


def test_one_of_many_redeems_the_whole_balance(storage: PostgresStorage):
    """
    16 callers redeem the whole balance at once: one wins, and each other learns that nothing is left (I-22).
    """
    club(storage).adjust(ANN, 500, **BY_HAND)
    answers = at_once([lambda n=n: club(storage).redeem(ANN, 500, key=f"r-{n}") for n in range(16)])
    assert [type(answer).__name__ for answer in answers if isinstance(answer, Exception)] == ["InsufficientPoints"] * 15
    assert club(storage).balance(ANN).available == 0
    assert_balanced(storage)


def test_one_key_at_once_is_one_effect(storage: PostgresStorage):
    """
    16 callers redeem the whole balance under one key: all get the one answer, and none is refused (R-44, I-13).
    """
    club(storage).adjust(ANN, 500, **BY_HAND)
    for turn in range(5):
        club(storage).set_balance(ANN, 500, key=f"s-{turn}", **BY_HAND)
        answers = at_once([lambda key=f"r-{turn}": club(storage).redeem(ANN, 500, key=key)] * 16)
        assert not [answer for answer in answers if isinstance(answer, Exception)]
        assert sorted(answer.replayed for answer in answers) == [False] + [True] * 15
        assert len({answer.entries for answer in answers}) == 1


def test_account_that_many_begin_at_once(storage: PostgresStorage):
    """
    16 callers write the first entry of one account: each is stored, one after the other.
    """
    for name in ("bob", "cid", "dan"):
        answers = at_once([lambda n=n, name=name: club(storage).earn(name, 1, key=f"k-{n}") for n in range(16)])
        assert not [answer for answer in answers if isinstance(answer, Exception)]
        assert [entry.sequence for entry in club(storage).entries(name)] == list(range(1, 17))
    assert_balanced(storage)


def test_batches_that_cross(storage: PostgresStorage):
    """
    Batches that take accounts in opposite orders all succeed, and none waits for another that waits for it.
    """
    one = [commands.Earn(account=name, points=1) for name in ("bob", "cid", "dan")]
    for name in ("bob", "cid", "dan"):
        club(storage).earn(name, 1)
    answers = at_once(
        [lambda given=given: club(storage).apply_all(given) for given in (one, one[::-1]) for _ in range(4)]
    )
    assert not [answer for answer in answers if isinstance(answer, Exception)]
    assert club(storage).balance("dan").pending == 9


@pytest.mark.parametrize("first", [True, False])
def test_guards_hold_without_the_lock(postgres: Database, first: bool):
    """
    Without the row's lock, the comparison of versions or the key of the first row still finds the conflict (I-22).
    """
    storage = postgres.storage()
    if not first:
        club(storage).earn(ANN, 5, key="first")
    with psycopg.connect(postgres.dsn) as one, psycopg.connect(postgres.dsn) as other:
        blind = PostgresStorage.joining(other)
        blind._dialect = evolve(blind._dialect, lock="", claim="")  # noqa: SLF001 - a lock is switched off
        club(PostgresStorage.joining(begun(one))).earn(ANN, 7, key="one")
        begun(other)
        with ThreadPoolExecutor(1) as thread:
            late = thread.submit(lambda: club(blind).earn(ANN, 9, key="other"))
            while not waits_for_lock(postgres, other.info.backend_pid):
                time.sleep(0.01)
            one.commit()
            with pytest.raises(VersionConflict):
                late.result()
        assert other.execute("SELECT 1").fetchone() == (1,), "the caller's transaction goes on"
    assert club(storage).balance(ANN).pending == 7 + (0 if first else 5)


def waits_for_lock(postgres: Database, pid: int) -> bool:
    """
    Tell whether a backend waits for another's lock.
    """
    with postgres.pool.connection() as connection:
        found = connection.execute("SELECT wait_event_type FROM pg_stat_activity WHERE pid = %s", [pid])
        return found.fetchone() == ("Lock",)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ("INSERT INTO pointsledger_entries SELECT * FROM pointsledger_entries", psycopg.errors.UniqueViolation),
        (
            """
            INSERT INTO pointsledger_entries
            SELECT (jsonb_populate_record(e, '{"sequence": 2}')).* FROM pointsledger_entries e
            """,
            psycopg.errors.UniqueViolation,
        ),
        ("UPDATE pointsledger_lots SET remaining = -1", psycopg.errors.CheckViolation),
        ("UPDATE pointsledger_accounts SET debt = 1, available = 1", psycopg.errors.CheckViolation),
        ("UPDATE pointsledger_accounts SET earned = earned + 1", psycopg.errors.CheckViolation),
    ],
)
def test_tables_refuse_by_themselves(postgres: Database, change: str, error: type[Exception]):
    """
    The constraints of the tables hold, whoever writes (I-13, I-14).
    """
    storage = postgres.storage()
    club(storage).earn(ANN, 5, key="k")
    with psycopg.connect(postgres.dsn) as plain, pytest.raises(error):
        plain.execute(change.encode())


# --- lost connections ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["before", "after", "killed"])
@pytest.mark.parametrize("statement", ["BEGIN", "SELECT", "INSERT INTO", "UPDATE", "COMMIT"])
def test_lost_connection_has_one_effect(faulty: tuple[PostgresStorage, PostgresFaults], when: str, statement: str):
    """
    A connection that is lost before a statement, after it, or by the server's hand, leaves one effect (R-46, I-24).
    """
    storage, faults = faulty
    faults.fail(statement, when)
    receipt = club(storage).redeem(ANN, 200, key="k")
    assert faults.met == 1
    assert receipt.points == -200
    assert receipt.replayed == (statement == "COMMIT" and when == "after")
    assert [entry.key for entry in club(storage).entries(ANN)] == ["first", "k"]
    assert club(storage).balance(ANN).available == 300
    assert_balanced(storage)


def test_lost_commit_of_a_batch_has_one_effect(faulty: tuple[PostgresStorage, PostgresFaults]):
    """
    A batch whose commit got no answer is found again by its keys.
    """
    storage, faults = faulty
    faults.fail("COMMIT", "after")
    club(storage).apply_all([commands.Earn(account=name, points=3, key="b") for name in ("bob", "cid")])
    assert [len(club(storage).entries(name)) for name in ("bob", "cid")] == [1, 1]


@pytest.mark.parametrize("when", ["before", "after"])
def test_lost_commit_without_a_key_is_told(faulty: tuple[PostgresStorage, PostgresFaults], when: str):
    """
    Without a key nobody can know what became of a commit without an answer, and it is not tried again (I-24).
    """
    storage, faults = faulty
    keyless = evolve(job(commands.Redeem(account=ANN, points=200), "k"), key=None)
    faults.fail("COMMIT", when)
    with pytest.raises(OutcomeUnknown, match="the connection is lost"):
        storage.transact(keyless)
    assert faults.met == 1
    assert club(storage).balance(ANN).available == (300 if when == "after" else 500)


def test_lost_for_ever(faulty: tuple[PostgresStorage, PostgresFaults]):
    """
    It is not tried for ever; if a commit got no answer, or what is sent along with it, that is what comes out.
    """
    storage, faults = faulty
    faults.fail("BEGIN", "before", times=10**6)
    with pytest.raises(StorageUnavailable, match="the connection is lost"):
        club(storage).redeem(ANN, 200, key="k")
    assert faults.met == ATTEMPTS_MAX
    for statement in ("INSERT INTO", "COMMIT"):
        faults.fail(statement, "before", times=10**6)
        with pytest.raises(OutcomeUnknown):
            club(storage).redeem(ANN, 200, key="k")
        assert faults.met == ATTEMPTS_MAX
    faults.times = 0
    assert not club(storage).redeem(ANN, 200, key="k").replayed


def test_server_that_drops_every_connection(postgres: Database):
    """
    After all idle connections were dropped, as by a restart, reads and writes go on.
    """
    postgres.storage()
    mine = "FROM pg_stat_activity WHERE application_name = 'shop'"
    with PostgresStorage(psycopg.conninfo.make_conninfo(postgres.dsn, application_name="shop")) as storage:
        club(storage).earn(ANN, 5)
        with psycopg.connect(postgres.dsn, autocommit=True) as other:
            for call in (lambda: club(storage).balance(ANN), lambda: club(storage).earn(ANN, 1)):
                gone = other.execute(f"SELECT pg_terminate_backend(pid, 5000) {mine}".encode()).fetchall()
                assert set(gone) == {(True,)}
                call()
        assert club(storage).balance(ANN).pending == 6


@pytest.mark.parametrize("state", ["08006", "57P01", "57P02", "57P03", "57P05", "25P03", "25P04"])
@pytest.mark.parametrize("statement", ["BEGIN", "INSERT INTO", "COMMIT"])
def test_server_that_parts_with_a_connection(
    faulty: tuple[PostgresStorage, PostgresFaults], statement: str, state: str
):
    """
    Whatever the server gives as its reason to end a connection, the command is tried anew, with one effect (R-46).
    """
    storage, faults = faulty
    faults.fail(statement, "raises", state=state)
    assert club(storage).redeem(ANN, 200, key="k").points == -200
    assert faults.met == 1
    assert [entry.key for entry in club(storage).entries(ANN)] == ["first", "k"]


def test_server_that_ends_idle_sessions(postgres: Database):
    """
    A role whose idle sessions end after a while finds its storage at work all the same (R-46).
    """
    postgres.storage()
    name = "idle sessions"
    dsn = psycopg.conninfo.make_conninfo(postgres.dsn, application_name=name, options="-c idle_session_timeout=20")
    with psycopg_pool.ConnectionPool(dsn, min_size=1, num_workers=1, open=True) as pool:
        storage = PostgresStorage(pool)
        for call in (lambda: club(storage).earn(ANN, 5), lambda: club(storage).balance(ANN)):
            pool.check()  # after a pipeline the server does not begin to count before the next statement
            with postgres.pool.connection() as other:
                while other.execute("SELECT 1 FROM pg_stat_activity WHERE application_name = %s", [name]).fetchone():
                    time.sleep(0.01)
            call()
        assert club(storage).balance(ANN).pending == 5


# --- errors by name ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "named"),
    [
        ("40001", StorageBusy),
        ("40P01", StorageBusy),
        ("55P03", StorageBusy),
        ("57014", StorageBusy),
        ("23514", Corrupt),
        ("23502", Corrupt),
        ("XX001", Corrupt),
        ("42P01", SchemaMismatch),
        ("42501", StorageUnavailable),
        ("53100", StorageUnavailable),
        ("25006", StorageUnavailable),
    ],
)
def test_every_error_of_the_driver_has_a_name(
    faulty: tuple[PostgresStorage, PostgresFaults], state: str, named: type[PointsLedgerError]
):
    """
    Whatever the server says comes out by a name of this library, with nothing written, and conflicts are tried again
    first (R-47, R-46).
    """
    storage, faults = faulty
    faults.fail("INSERT INTO", "raises", times=10**6, state=state)
    with pytest.raises(named) as raised:
        club(storage).redeem(ANN, 200, key="k")
    assert type(raised.value) is named
    assert isinstance(raised.value.__cause__, psycopg.Error)
    assert faults.met == (ATTEMPTS_MAX if named is StorageBusy else 1)
    faults.times = 0
    assert club(storage).balance(ANN).available == 500


@pytest.mark.parametrize("statement", ["BEGIN", "SELECT", "COMMIT"])
def test_others_in_the_way_for_a_moment(faulty: tuple[PostgresStorage, PostgresFaults], statement: str):
    """
    Where others are in the way for a moment, be it at the commit, the transaction is tried anew, with one effect
    (R-46, I-24).
    """
    storage, faults = faulty
    faults.fail(statement, "raises", times=3, state="40001")
    assert not club(storage).redeem(ANN, 200, key="k").replayed
    assert faults.met == 3
    assert [entry.key for entry in club(storage).entries(ANN)] == ["first", "k"]


def test_pool_that_is_closed_at_that_moment(postgres: Database, monkeypatch: pytest.MonkeyPatch):
    """
    If another thread closes the storage just before a connection is lent, it is closed, and nothing is tried again.
    """
    storage = PostgresStorage(postgres.dsn)
    lend = psycopg_pool.ConnectionPool.getconn

    def closing_first(pool: Any, timeout: float | None = None) -> Any:
        storage.close()
        return lend(pool, timeout)

    monkeypatch.setattr(psycopg_pool.ConnectionPool, "getconn", closing_first)
    with pytest.raises(StorageClosed):
        club(storage).balance(ANN)


def test_unique_row_for_ever(faulty: tuple[PostgresStorage, PostgresFaults]):
    """
    A write that always meets another's row is a conflict in the end.
    """
    storage, faults = faulty
    faults.fail("INSERT INTO", "raises", times=10**6, state="23505")
    with pytest.raises(VersionConflict):
        club(storage).redeem(ANN, 200, key="k")
    assert faults.met == ATTEMPTS_MAX


def test_busy_while_another_holds_the_row(postgres: Database):
    """
    Who waits for a row for longer than the time-out is told so; who reads does not wait.
    """
    club(postgres.storage()).earn(ANN, 5)
    hasty = club(PostgresStorage(postgres.pool, timeout=1))
    with psycopg.connect(postgres.dsn) as other:
        club(PostgresStorage.joining(begun(other))).earn(ANN, 7)
        with pytest.raises(StorageBusy, match="lock timeout"):
            hasty.earn(ANN, 1)
        assert hasty.balance(ANN).pending == 5
        other.rollback()
    assert not hasty.earn(ANN, 1).replayed


def test_busy_while_another_holds_the_tables(postgres: Database):
    """
    Nor does a read wait longer than that, where another has the tables for itself, as to change them.
    """
    club(postgres.storage()).earn(ANN, 5)
    hasty = club(PostgresStorage(postgres.pool, timeout=1))
    with psycopg.connect(postgres.dsn) as other:
        other.execute("LOCK TABLE pointsledger_lots IN ACCESS EXCLUSIVE MODE")
        other.execute("SET LOCAL transaction_timeout = 5000")  # rather than for ever
        with pytest.raises(StorageBusy, match="lock timeout"):
            hasty.balance(ANN)
        other.rollback()
    assert hasty.balance(ANN).pending == 5


def begun(connection: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """
    Begin a transaction, in psycopg's own way.
    """
    connection.execute("SELECT 1")
    return connection


def test_pool_without_a_free_connection(postgres: Database):
    """
    Where the pool has no connection to lend within the time-out, the storage is busy.
    """
    options: dict[str, Any] = {"autocommit": True}
    with psycopg_pool.ConnectionPool(postgres.dsn, kwargs=options, min_size=1, max_size=1, open=True) as pool:
        storage = PostgresStorage(pool, timeout=1)
        with pool.connection(), pytest.raises(StorageBusy):
            club(storage).balance(ANN)


def test_nobody_there(tmp_path: Path):
    """
    A database that cannot be reached is named at once, when the storage is opened.
    """
    with pytest.raises(StorageUnavailable, match="connection"):
        PostgresStorage(f"host={tmp_path} dbname=none", timeout=1)


def test_other_encoding(postgres: Database):
    """
    A database that is not in UTF-8 is refused, and so is a connection that speaks another encoding (I-36).
    """
    with psycopg.connect(postgres.dsn, autocommit=True) as admin:
        admin.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
        try:
            with pytest.raises(StorageUnavailable, match="server_encoding is LATIN1; UTF8 is needed"):
                PostgresStorage(psycopg.conninfo.make_conninfo(postgres.dsn, dbname="latin"))
        finally:
            admin.execute("DROP DATABASE latin WITH (FORCE)")
        admin.execute("SET client_encoding = LATIN1")
        with pytest.raises(StorageUnavailable, match="client_encoding"):
            club(PostgresStorage.joining(admin)).balance(ANN)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"database": 7}, "database"),
        ({"schema": "a.b"}, "schema"),
        ({"schema": "pg_temp"}, "schema"),
        ({"schema": ""}, "schema"),
        ({"schema": None}, "schema"),
        ({"prefix": 'a"b'}, "prefix"),
        ({"prefix": "1a"}, "prefix"),
        ({"prefix": "a" * 41}, "prefix"),
        ({"timeout": -1}, "timeout"),
        ({"timeout": 1.5}, "timeout"),
    ],
)
def test_bad_arguments(given: dict[str, Any], field: str):
    """
    What is no name, time or database is refused before anything is opened.
    """
    with pytest.raises(InvalidInput) as refused:
        PostgresStorage(**({"database": "host=nowhere"} | given))
    assert refused.value.field == field


UNREADABLE = [
    "postgresql://shop:secret@[db/shop",
    "host=db password='secret",
    "host=db\0 password=secret",
    "host=\udc80 password=secret",
    "secret",
]


@pytest.mark.parametrize("dsn", UNREADABLE)
def test_connection_string_that_cannot_be_read(dsn: str):
    """
    A connection string that cannot be read is refused, and no part of it is repeated: it may be a password (R-47).
    """
    for build in (PostgresStorage, AsyncPostgresStorage):
        with pytest.raises(InvalidInput) as refused:
            build(dsn)
        assert refused.value.field == "database"
        assert "secret" not in repr(refused.value)
        assert refused.value.__context__ is None


@pytest.mark.parametrize("package", ["psycopg", "psycopg_pool"])
def test_missing_package(package: str):
    """
    Without the driver the import names the extra that brings it.
    """
    code = f"import sys; sys.modules[{package!r}] = None; import pointsledger.storage.postgres"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "MissingExtra" in ran.stderr
    assert "pip install 'pointsledger[postgres]'" in ran.stderr


# --- schemas -------------------------------------------------------------------------------------------------------


def test_many_processes_create_the_schema_at_once(postgres: Database):
    """
    Eight processes that open the storage at once all find the tables made, once (A84).
    """
    context = get_context("forkserver")
    start = context.Barrier(8)
    with dropped(postgres.dsn, "young"):
        running = [context.Process(target=open_at_once, args=(postgres.dsn, "young", n, start)) for n in range(8)]
        for process in running:
            process.start()
        for process in running:
            process.join(60)
        assert [process.exitcode for process in running] == [0] * 8
        with PostgresStorage(postgres.dsn, schema="young") as storage:
            assert len(club(storage).entries(ANN)) == 8
            assert_balanced(storage)


def test_schemas_and_prefixes_are_apart(postgres: Database):
    """
    Ledgers in other schemas, or with other prefixes, do not see each other; a reserved word will do.
    """
    with dropped(postgres.dsn, "user"):
        places = [{"schema": "user"}, {"schema": "user", "prefix": "more_"}, {"schema": "user", "prefix": "p" * 40}]
        storages = [postgres.storage(), *(PostgresStorage(postgres.pool, **place) for place in places)]
        for number, storage in enumerate(storages, start=1):
            assert club(storage).accounts() == ()
            club(storage).earn(ANN, number)
        assert [club(storage).balance(ANN).pending for storage in storages] == [1, 2, 3, 4]


def test_rights_to_create_are_needed_once(postgres: Database):
    """
    Once the tables are there, opening them needs no right to create anything.
    """
    postgres.storage()
    with psycopg.connect(postgres.dsn, autocommit=True) as admin:
        admin.execute("CREATE ROLE till")
        admin.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO till")
        try:
            dsn = psycopg.conninfo.make_conninfo(postgres.dsn, options="-c role=till")  # needs no password
            with PostgresStorage(dsn) as storage:
                club(storage).earn(ANN, 5)
            with pytest.raises(StorageUnavailable, match="permission denied"):
                PostgresStorage(dsn, schema="another")
        finally:
            admin.execute("DROP OWNED BY till")
            admin.execute("DROP ROLE till")


def test_newer_schema(postgres: Database):
    """
    Tables of a later release are refused, and left as they are.
    """
    with dropped(postgres.dsn, "later"):
        storage = PostgresStorage(postgres.pool, schema="later")
        storage.create_schema()  # changes nothing
        with postgres.pool.connection() as connection:
            connection.execute("UPDATE later.pointsledger_schema SET version = 99")
        for call in (lambda: PostgresStorage(postgres.pool, schema="later"), storage.create_schema):
            with pytest.raises(SchemaMismatch) as refused:
                call()
            assert refused.value.found == 99


def test_tables_that_must_be_there_already(postgres: Database):
    """
    Where nothing is to be created, missing and older tables are refused and left as they are, and ready ones opened.
    """
    with dropped(postgres.dsn, "ready"):
        with pytest.raises(SchemaMismatch) as refused:
            PostgresStorage(postgres.pool, schema="ready", create=False)
        assert refused.value.found == 0
        club(PostgresStorage(postgres.pool, schema="ready")).earn(ANN, 5)
        assert club(PostgresStorage(postgres.pool, schema="ready", create=False)).balance(ANN).pending == 5
        with postgres.pool.connection() as connection:
            connection.execute("UPDATE ready.pointsledger_schema SET version = 2")
        with pytest.raises(SchemaMismatch, match="older"):
            PostgresStorage(postgres.pool, schema="ready", create=False)
        with postgres.pool.connection() as connection:
            assert connection.execute("SELECT version FROM ready.pointsledger_schema").fetchone() == (2,)


# --- the life of a pool ----------------------------------------------------------------------------------------------


def test_own_pool_is_closed(postgres: Database):
    """
    A storage closes the pool that it opened, and no other.
    """
    storage = PostgresStorage(postgres.dsn)
    for closed in (storage, postgres.storage()):
        closed.close()
        closed.close()
        with pytest.raises(StorageClosed):
            club(closed).balance(ANN)
    assert not postgres.pool.closed


@pytest.mark.parametrize(
    "options",
    [
        {"prepare_threshold": 0},
        {"prepare_threshold": None},
        {"cursor_factory": psycopg.RawCursor},
        {"options": "-c default_transaction_read_only=on -c default_transaction_isolation=serializable"},
        {"options": "-c search_path=nowhere -c standard_conforming_strings=off -c DateStyle=German"},
    ],
    ids=str,
)
def test_pool_of_connections_with_ways_of_their_own(postgres: Database, options: dict[str, Any]):
    """
    However the caller's connections prepare statements, make cursors or begin transactions, the ledger works.
    """
    postgres.storage()
    with psycopg_pool.ConnectionPool(postgres.dsn, kwargs=options, min_size=1, open=True) as pool:
        storage = PostgresStorage(pool)
        for command in story():
            club(storage).apply(command)
        assert_balanced(storage)


class TimeLimit(Exception):
    """
    What a host raises from a signal, wherever its program is at that moment.
    """


class LimitedCursor(psycopg.Cursor[Any]):
    """
    Runs out of time right after it has sent the first row to insert.
    """

    def execute(self, query: Any, *args: Any, **options: Any) -> Any:
        """
        Run a statement, or only send one.
        """
        answer = super().execute(query, *args, **options)
        if "INSERT INTO" in str(query):
            raise TimeLimit
        return answer


def test_time_limit_of_the_hosts(postgres: Database):
    """
    What a host raises in the middle of a command comes out as it is, and nothing is written (R-47).
    """
    postgres.storage()
    ways: dict[str, Any] = {"cursor_factory": LimitedCursor}
    with psycopg_pool.ConnectionPool(postgres.dsn, kwargs=ways, min_size=1, max_size=1, open=True) as pool:
        ledger = club(PostgresStorage(pool))
        for _ in range(2):
            with pytest.raises(TimeLimit):
                ledger.earn(ANN, 5)
        assert ledger.accounts() == ()


def test_time_limit_while_it_waits(postgres: Database):
    """
    What a host raises from a signal while an answer is waited for comes out as it is; the pool goes on (R-47).
    """

    def ring(*_: Any) -> None:
        raise TimeLimit

    postgres.storage()
    with psycopg_pool.ConnectionPool(postgres.dsn, min_size=1, max_size=1, open=True) as pool:
        ledger = club(PostgresStorage(pool))
        ledger.earn(ANN, 5)
        for call in (lambda: ledger.earn(ANN, 5), lambda: ledger.balance(ANN)):
            with psycopg.connect(postgres.dsn) as other:
                other.execute("LOCK TABLE pointsledger_accounts")
                before = signal.signal(signal.SIGALRM, ring)
                signal.setitimer(signal.ITIMER_REAL, 0.2)
                try:
                    with pytest.raises(TimeLimit):
                        call()
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
                    signal.signal(signal.SIGALRM, before)
                other.rollback()
            assert ledger.earn(ANN, 1).points == 1
        assert ledger.balance(ANN).pending == 7


def test_pool_that_the_caller_closed(postgres: Database):
    """
    Through a pool that its owner has closed the storage is unavailable.
    """
    with psycopg_pool.ConnectionPool(postgres.dsn, min_size=1, open=True) as pool:
        storage = PostgresStorage(pool)
        assert club(storage).accounts() == club(PostgresStorage(postgres.pool)).accounts()
    with pytest.raises(StorageUnavailable, match="closed"):
        club(storage).balance(ANN)


def test_fork(postgres: Database):
    """
    In a child a storage opens a pool of its own, and refuses the caller's; the parent's goes on (A84).
    """
    shared = postgres.storage()
    with PostgresStorage(postgres.dsn) as storage:
        club(storage).earn(ANN, 5, key="k")
        assert in_child(lambda: str(club(storage).earn(ANN, 5, key="k").replayed)) == "True"
        assert in_child(lambda: refusal(lambda: club(shared).balance(ANN))) == "StorageUnavailable"
        assert club(storage).balance(ANN).pending == club(shared).balance(ANN).pending == 5


def test_refusals_are_not_tried_again(storage: PostgresStorage):
    """
    What a decision refuses is passed on at once, with nothing written.
    """
    club(storage).earn(ANN, 5)
    with pytest.raises(InsufficientPoints):
        club(storage).redeem(ANN, 6)
    with pytest.raises(Refused):
        club(storage, on=1).apply_all([commands.Earn(account="bob", points=1), commands.Redeem(account=ANN, points=6)])
    assert club(storage).accounts() == (ANN,)
    assert club(storage).balance(ANN, at=day(20)).available == 5
