"""
What `PostgresStorage` sends together: how often it waits, what a batch writes, and guards that hold without a lock.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import psycopg_pool
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.wire import Said, rows_written, said_through
from pointsledger import Ledger, Program, commands
from pointsledger.domain.commands import Command
from pointsledger.errors import InsufficientPoints, PointsLedgerError, StorageBusy, VersionConflict
from pointsledger.port import Job
from pointsledger.storage import postgres as driver
from pointsledger.storage.memory import MemoryStorage
from pointsledger.storage.postgres import PostgresStorage
from pointsledger.storage.sqlite import SQLiteStorage
from pointsledger.testing.strategies import histories, programs
from tests.storage.books import ANN, BY_HAND, books, club, job, story
from tests.storage.careless import Careless
from tests.storage.postgres_server import Database

# --- how often it waits ----------------------------------------------------------------------------------------------


@pytest.fixture
def one(postgres: Database) -> Iterator[psycopg_pool.ConnectionPool[Any]]:
    """
    A pool of one connection, to a database in which Ann has 30 lots of 10 points.
    """
    options: dict[str, Any] = {"autocommit": True}
    with psycopg_pool.ConnectionPool(postgres.dsn, kwargs=options, min_size=1, max_size=1, open=True) as pool:
        club(postgres.storage()).apply_all(
            [commands.Adjust(account=ANN, points=10, key=f"a-{n}", **BY_HAND) for n in range(30)]
        )
        yield pool


def earns(accounts: int, each: int = 1) -> list[Command]:
    """
    Return commands that earn on many accounts, several times each.
    """
    return [
        commands.Earn(account=f"{account}", points=5, key=f"e-{n}") for n in range(each) for account in range(accounts)
    ]


@pytest.mark.parametrize(
    ("what", "trips", "written"),
    [
        (lambda ledger: ledger.earn(ANN, 5, key="e"), 2, 3),  # account, entry, lot
        (lambda ledger: ledger.redeem(ANN, 10, key="r"), 3, 4),  # it looks for lots
        (lambda ledger: ledger.redeem(ANN, 100, key="r"), 4, 22),  # it looks twice
        (lambda ledger: ledger.earn("new", 5, key="e"), 3, 4),  # it claims the account, and keeps its terms
        (lambda ledger: ledger.adjust(ANN, 10, key="a-0", **BY_HAND), 4, 0),  # the key's entries, and their terms
        (lambda ledger: ledger.balance(ANN), 3, 0),
        (lambda ledger: ledger.accounts(), 2, 0),
        (lambda ledger: ledger.apply_all(earns(50)), 3, 200),
        (lambda ledger: ledger.apply_all(earns(5, each=10)), 4, 110),  # it looks for more keys than accounts
        (
            lambda ledger: ledger.apply_all([commands.Redeem(account=ANN, points=10) for _ in range(5)]),
            8,
            16,
        ),  # each looks for lots
    ],
)
def test_round_trips(
    one: psycopg_pool.ConnectionPool[Any],
    postgres: Database,
    what: Callable[[Ledger], object],
    trips: int,
    written: int,
) -> None:
    """
    A command waits for the server once for its account, once for each question that the answer before leads to, and
    once for what it writes and its commit; a batch waits no more often for all of its accounts.
    """
    ledger = club(PostgresStorage(one))
    heard: list[Said] = []
    rows = rows_written(postgres.dsn, "pointsledger_", lambda: heard.append(said_through(one, lambda: what(ledger))))
    assert (heard[0].round_trips, rows) == (trips, written)
    assert heard[0].statements[0] == "BEGIN"
    assert heard[0].statements[-1] == "COMMIT"


def test_a_refusal_ends_like_a_read(one: psycopg_pool.ConnectionPool[Any]) -> None:
    """
    What has posted nothing takes nothing back, so that the driver keeps what it has prepared.
    """
    ledger = club(PostgresStorage(one))
    refusals: list[tuple[str, list[Command]]] = [
        ("COMMIT", [commands.Redeem(account=ANN, points=10**6)]),
        ("ROLLBACK", [*[commands.Redeem(account=ANN, points=10)] * 2, commands.Redeem(account=ANN, points=10**6)]),
    ]

    def refuse(batch: list[Command]) -> None:
        with pytest.raises(InsufficientPoints):
            ledger.apply_all(batch)

    for end, batch in refusals:
        assert said_through(one, lambda batch=batch: refuse(batch)).statements[-1] == end
    assert ledger.balance(ANN).available == 300


def test_nothing_is_left_unsent_in_the_callers_transaction(postgres: Database) -> None:
    """
    When a command returns, all that it wrote is in the caller's transaction, for the caller's own statements to see,
    and the connection sends one statement at a time again (R-46).
    """
    club(postgres.storage())
    with psycopg.connect(postgres.dsn) as shop, shop.transaction():
        ledger = club(PostgresStorage.joining(shop))
        calls: list[Callable[[], object]] = [
            lambda: ledger.earn(ANN, 5, key="a"),
            lambda: ledger.apply_all([commands.Earn(account=ANN, points=5, key=f"b-{n}") for n in range(3)]),
            lambda: ledger.adjust(ANN, 5, key="c", **BY_HAND),
        ]
        for call, entries in zip(calls, (1, 4, 5), strict=True):
            call()
            assert shop.info.pipeline_status == psycopg.pq.PipelineStatus.OFF
            assert shop.execute("SELECT count(*), max(sequence) FROM pointsledger_entries").fetchone() == (
                entries,
                entries,
            )
            assert shop.execute("SELECT version FROM pointsledger_accounts").fetchone() == (entries,)


@pytest.mark.parametrize("pipelines", [True, False])
def test_libraries_without_pipelines(
    postgres: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, pipelines: bool
) -> None:
    """
    Where libpq has no pipelines the same is sent one by one; conflicts come out by name, and nothing is logged (R-47).
    """
    monkeypatch.setattr(driver, "PIPELINES", pipelines)
    storage, memory = postgres.storage(), MemoryStorage()
    with caplog.at_level(logging.DEBUG):
        for command in story():
            assert club(storage).apply(command) == club(memory).apply(command)
        assert books(storage) == books(memory)
        with psycopg.connect(postgres.dsn) as shop, shop.transaction():
            ledger, batch = club(PostgresStorage.joining(shop), on=900), occupied(shop)
            with pytest.raises(VersionConflict):
                ledger.apply_all(batch)
            shop.execute("SELECT 1")
    assert [record for record in caplog.records if record.name == "psycopg"] == []


def occupied(shop: psycopg.Connection[Any]) -> list[Command]:
    """
    Let an entry stand where Ann's next one would, and return commands that write it.
    """
    columns = "SELECT column_name FROM information_schema.columns WHERE table_name = 'pointsledger_entries'"
    changed = {
        "sequence": "(SELECT version + 1 FROM pointsledger_accounts WHERE account = 'ann')",
        "command_key": "'x'",
    }
    values = ", ".join(changed.get(name, name) for (name,) in shop.execute(columns).fetchall())
    names = ", ".join(name for (name,) in shop.execute(columns).fetchall())
    shop.execute(
        f"INSERT INTO pointsledger_entries ({names}) SELECT {values} FROM pointsledger_entries "
        "WHERE account = 'ann' AND sequence = 3".encode()
    )
    return [commands.Earn(account="new", points=5, key="e"), commands.Adjust(account=ANN, points=5, key="f", **BY_HAND)]


@pytest.mark.parametrize("before", range(8))
def test_failed_pipeline_leaves_no_trace(postgres: Database, before: int) -> None:
    """
    However often a command ran before others were in the way, what the driver then prepares is there when it is needed
    again (R-46).
    """
    club(postgres.storage()).earn(ANN, 5, key="first")
    with psycopg.connect(postgres.dsn) as other, psycopg.connect(postgres.dsn) as shop, shop.transaction():
        shop.execute("SET LOCAL lock_timeout = 1")
        ledger = club(PostgresStorage.joining(shop))
        with pytest.raises(InsufficientPoints):
            ledger.redeem(ANN, 10**6)
        for n in range(before):
            ledger.earn("bob", 5, key=f"b-{n}")
        other.execute("SELECT 1 FROM pointsledger_accounts FOR UPDATE")
        with pytest.raises(StorageBusy):
            ledger.earn(ANN, 5, key="k")
        other.rollback()
        for n in range(before):
            ledger.earn(ANN, 5, key=f"k-{n}")
        assert len(ledger.entries(ANN)) == 1 + before


# --- a batch and its commands ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["sqlite", "postgres"])
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(program=programs(), history=histories(), sizes=st.lists(st.integers(1, 9), min_size=20, max_size=20))
def test_batches_give_what_one_by_one_gives(
    postgres: Database, tmp_path: Path, place: str, program: Program, history: list[Command], sizes: list[int]
) -> None:
    """
    However a history is cut into batches, it gives the entries, lots and figures of its commands one by one (R-45).
    """
    memory = Ledger(program, MemoryStorage())
    accepted: list[Command] = []
    for command in history:
        with suppress(PointsLedgerError):
            memory.apply(command)
            accepted.append(command)
    storage = postgres.storage() if place == "postgres" else SQLiteStorage(":memory:")
    for size in sizes:
        batch, accepted = accepted[:size], accepted[size:]
        if batch:
            Ledger(program, storage).apply_all(batch)
    assert books(storage, program.id) == books(memory.storage, program.id)
    storage.close()


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(
        st.text(
            st.sampled_from("a\\\"'{},%?é\U0001f600") | st.characters(categories=["L", "P", "S"]),
            min_size=1,
            max_size=12,
        )
        | st.sampled_from(["NULL", "null", "{}", '""', "%s", "$1", "\\", "E'\\n'"]),
        min_size=2,
        max_size=6,
        unique=True,
    )
)
def test_texts_in_arrays_are_byte_exact(postgres: Database, names: list[str]) -> None:
    """
    Keys and accounts of a batch are stored as they are given, whatever characters they have (I-36).
    """
    storage = postgres.storage()
    batch = [commands.Earn(account=name, points=1, key=key) for name in names for key in names]
    club(storage).apply_all(batch)
    assert set(club(storage).accounts()) == set(names)
    for name in names:
        assert [entry.key for entry in club(storage).entries(name)] == names
    assert all(receipt.replayed for receipt in club(storage).apply_all(batch))


# --- each guard with the others off ----------------------------------------------------------------------------------


@pytest.fixture
def plain(postgres: Database) -> Iterator[psycopg.Connection[Any]]:
    """
    A connection to a database in which Ann and Bob have 10 points each, by one entry each.
    """
    club(postgres.storage()).apply_all(
        [commands.Adjust(account=name, points=10, key="first", **BY_HAND) for name in (ANN, "bob")]
    )
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        driver.read_plainly(connection.adapters)
        yield connection


def redeems(names: tuple[str, ...], key: str) -> list[Job]:
    """
    Return the jobs of redeeming all points.
    """
    return [job(commands.Redeem(account=name, points=10), key, on=1) for name in names]


BOTH = pytest.mark.parametrize("names", [(ANN,), (ANN, "bob")])
"""By rows that stand alone, and by arrays."""


def stale(plain: psycopg.Connection[Any], names: tuple[str, ...], keys: tuple[str, str]) -> Careless:
    """
    Return a writer that has decided before another one wrote Ann's redemption.
    """
    first, second = Careless(plain, redeems(names, keys[0])), Careless(plain, redeems((ANN,), keys[1]))
    first.decide()
    second.decide()
    second.finish()
    return first


@BOTH
def test_version_compare_alone(plain: psycopg.Connection[Any], names: tuple[str, ...]) -> None:
    """
    Without a lock, and with sequence and key out of the way, the compare of versions stops a stale writer, and a
    batch with it: nothing is written of it, on no account (I-20, I-22, I-23).
    """
    first = stale(plain, names, ("one", "two"))
    plain.execute("UPDATE pointsledger_entries SET sequence = 99 WHERE account = 'ann' AND sequence = 2")
    with pytest.raises(VersionConflict):
        first.finish()
    assert plain.execute("SELECT 1 FROM pointsledger_entries WHERE command_key = 'one'").fetchall() == []
    assert plain.execute("SELECT account, version FROM pointsledger_accounts ORDER BY 1").fetchall() == [
        (ANN, 2),
        ("bob", 1),
    ]


@BOTH
def test_sequence_without_lock_and_version(plain: psycopg.Connection[Any], names: tuple[str, ...]) -> None:
    """
    With neither lock nor version, the unique sequence stops the second of two stale writers (I-13, I-23).
    """
    first = stale(plain, names, ("one", "two"))
    plain.execute(_BACK)
    with pytest.raises(VersionConflict):
        first.finish()
    assert plain.execute("SELECT command_key FROM pointsledger_entries WHERE sequence = 2").fetchall() == [("two",)]


@BOTH
def test_key_without_lock_version_and_sequence(plain: psycopg.Connection[Any], names: tuple[str, ...]) -> None:
    """
    With no lock, version or sequence in its way, a key is stored once all the same (I-14, I-23, A25).
    """
    first = stale(plain, names, ("same", "same"))
    plain.execute(_BACK)
    plain.execute("UPDATE pointsledger_entries SET sequence = 99 WHERE account = 'ann' AND sequence = 2")
    with pytest.raises(VersionConflict):
        first.finish()
    assert plain.execute("SELECT sequence FROM pointsledger_entries WHERE command_key = 'same'").fetchall() == [(99,)]


_BACK = """
    UPDATE pointsledger_accounts SET version = 1, as_of = (
        SELECT recorded_at FROM pointsledger_entries WHERE account = 'ann' AND sequence = 1
    ), available = 10, redeemed = 0 WHERE account = 'ann'
"""
"""Makes Ann's account look as before the other's redemption."""


@BOTH
def test_check_without_lock_version_sequence_and_key(plain: psycopg.Connection[Any], names: tuple[str, ...]) -> None:
    """
    Figures that do not add up are refused by the table itself, with all other guards out of the way (I-23).
    """
    first = stale(plain, names, ("one", "two"))
    plain.execute(_BACK)
    plain.execute("DELETE FROM pointsledger_entries WHERE command_key = 'two'")
    for statement in first.next:
        if statement.sql.startswith("UPDATE") and "accounts" in statement.sql:
            broken = [(row[0], row[1], row[2] + 1, *row[3:]) for row in statement.rows]
            first.next = [statement._replace(rows=broken) if each is statement else each for each in first.next]
    with pytest.raises(psycopg.errors.CheckViolation):
        first.finish()
