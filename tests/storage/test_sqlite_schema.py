"""
The tables of SQLite: what they refuse by themselves, how they are read, and how one version becomes the next.
"""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from pointsledger import (
    EarnCaps,
    EarnRule,
    ExchangeRate,
    ExpiryPolicy,
    Ledger,
    Money,
    NoticePolicy,
    PendingPolicy,
    Program,
    commands,
)
from pointsledger.errors import Corrupt, SchemaMismatch, StorageUnavailable, VersionConflict
from pointsledger.port import Job
from pointsledger.reports.verify import verify
from pointsledger.storage import sql, sql_schema, sqlite
from pointsledger.storage.sqlite import SQLITE, SQLiteStorage
from reliability.sqlite_faults import Faults
from tests.storage.books import ANN, BY_HAND, CLUB, assert_balanced, club, day, figures_and_lots, job, order, story


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    A file in which the story of Ann has been told up to where points, debt, pending and lots are there.
    """
    file = tmp_path_factory.mktemp("template") / "points.db"
    with SQLiteStorage(file, journal_mode="delete") as storage:
        club(storage).apply_all(list(story())[:16])
        club(storage).apply_all(list(story("bob", prefix="b"))[:17])
    return file


@pytest.fixture
def path(tmp_path: Path, template: Path) -> Path:
    """
    A copy of it.
    """
    return Path(shutil.copy(template, tmp_path / "points.db"))


@pytest.fixture
def plain(path: Path) -> Iterator[sqlite3.Connection]:
    """
    A connection of no storage to that file.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


# --- types and checks ------------------------------------------------------------------------------------------------


def columns(plain: sqlite3.Connection) -> list[tuple[str, str, str]]:
    """
    Return each table with each of its columns and its type.
    """
    return plain.execute(
        "SELECT t.name, c.name, c.type FROM pragma_table_list t, pragma_table_info(t.name) c "
        "WHERE t.name LIKE 'pointsledger%'"
    ).fetchall()


def test_tables_are_strict(plain: sqlite3.Connection):
    """
    Every table is STRICT and without hidden row numbers, and has whole numbers and text only (A67, A70).
    """
    tables = plain.execute(
        "SELECT name, strict, wr FROM pragma_table_list WHERE name LIKE 'pointsledger%' AND type = 'table'"
    ).fetchall()
    assert sorted(tables) == [
        (f"pointsledger_{name}", 1, 1)
        for name in ("accounts", "allocations", "entries", "holds", "lots", "schema", "terms")
    ]
    assert {type_ for _, _, type_ in columns(plain)} == {"INTEGER", "TEXT"}


@pytest.mark.parametrize("value", ["abc", 1.5, b"1", 1e300, "1.5"])
def test_whole_numbers_take_nothing_else(plain: sqlite3.Connection, value: Any):
    """
    No column of whole numbers takes text, fractions or bytes, whoever writes it (R-01).
    """
    for table, column, type_ in columns(plain):
        if table == "pointsledger_holds":  # none is open
            continue
        wrong = value if type_ == "INTEGER" else b"bytes"
        with pytest.raises(sqlite3.IntegrityError, match=f"cannot store .* in {type_} column {table}.{column}"):
            plain.execute(f"UPDATE {table} SET {column} = ?", (wrong,))


IN, OUT = (
    ("earned", "adjusted", "restored", "forgiven"),
    ("available", "pending", "held", "redeemed", "expired", "reversed"),
)
CHECKS = [
    *(
        ("accounts", f"{name} = -1, {IN[i - 1]} = {IN[i - 1]} + {name} + 1", f"{name} >= 0")
        for i, name in enumerate(IN)
    ),
    *(("accounts", f"{name} = -1, removed = removed + {name} + 1", f"{name} >= 0") for name in OUT),
    ("accounts", "removed = -1, redeemed = redeemed + removed + 1", "removed >= 0"),
    ("accounts", "debt = -1, forgiven = forgiven + debt + 1", "debt >= 0"),
    ("accounts", "repaid = -1", "repaid >= 0"),
    ("accounts", "version = 0", "version > 0"),
    ("accounts", "closed = 2", "closed IN"),
    ("accounts", "available = available + 5, debt = debt + 5", "available = 0 OR debt = 0"),
    ("accounts", "pending = pending + 1", "earned [+] adjusted"),
    ("accounts", "redeemed = redeemed - 1", "earned [+] adjusted"),
    ("entries", "sequence = -sequence", "sequence > 0"),
    ("entries", "balance_after = -1", "balance_after >= 0"),
    ("entries", "ordinal = -1, command = NULL", "ordinal >= 0"),
    ("entries", "claimed = -1", "claimed >= 0"),
    ("entries", "shortfall = -1", "shortfall >= 0"),
    ("entries", "command = NULL", r"\(ordinal = 0\) = \(command IS NOT NULL\)"),
    ("entries", "ordinal = ordinal + 1", r"\(ordinal = 0\) = \(command IS NOT NULL\)"),
    ("allocations", "points = 0", "points > 0"),
    ("lots", "points = 0", "points > 0"),
    ("lots", "remaining = -1", "remaining >= 0"),
    ("lots", "expired = -1", "expired >= 0"),
    ("lots", "waits = 2", "waits IN"),
    ("lots", "held = -1", "held >= 0"),
    ("lots", "follows = 2", "follows IN"),
    ("entries", "follows = 2", "follows IN"),
    ("schema", "one = 2", "one = 1"),
]


@pytest.mark.parametrize(
    ("table", "change", "check"), CHECKS, ids=[f"{table}: {change}" for table, change, _ in CHECKS]
)
def test_each_check_stands_alone(plain: sqlite3.Connection, table: str, change: str, check: str):
    """
    Each check refuses by itself what no other one sees, with no lock and no ledger before it (I-2, I-23).
    """
    with pytest.raises(sqlite3.IntegrityError, match=f"CHECK constraint failed: {check}"):
        plain.execute(f"UPDATE pointsledger_{table} SET {change}")


# --- each guard with the others off ----------------------------------------------------------------------------------


def redeem_all(key: str) -> Job:
    """
    Return the job of redeeming the 10 points that Ann has.
    """
    return job(commands.Redeem(account=ANN, points=10), key, on=40)


class Careless:
    """
    A driver without any transaction or lock: every statement stands for itself.
    """

    def __init__(self, plain: sqlite3.Connection, job: Job) -> None:
        self.cursor = plain.cursor()
        self.body = sql.transact(SQLITE, {}, job)
        self.next = next(self.body)

    def decide(self) -> None:
        """
        Run until the first statement that writes.
        """
        while not self.next.unread:
            self.next = self.body.send(sqlite._answer(self.next, self.cursor))  # noqa: SLF001 - the driver without its transaction

    def finish(self) -> None:
        """
        Run to the end.
        """
        with suppress(StopIteration):
            while True:
                self.next = self.body.send(sqlite._answer(self.next, self.cursor))  # noqa: SLF001 - the driver without its transaction


def test_version_compare_without_lock(path: Path, plain: sqlite3.Connection):
    """
    Without a lock, the compare of versions lets one of two stale writers through (I-20, I-22, I-23).
    """
    first, second = Careless(plain, redeem_all("one")), Careless(plain, redeem_all("two"))
    first.decide()
    second.decide()
    second.finish()
    with pytest.raises(VersionConflict) as conflict:
        first.finish()
    assert (conflict.value.account, conflict.value.expected) == (ANN, 16)
    with SQLiteStorage(path) as storage:
        assert club(storage).entries(ANN)[-1].key == "two"
        assert club(storage).balance(ANN, at=day(40)).available == 0
        assert_balanced(storage)


def test_version_compare_alone(plain: sqlite3.Connection):
    """
    Nor does it need the unique sequence for that: a stale writer writes nothing at all (I-22, I-23).
    """
    first, second = Careless(plain, redeem_all("one")), Careless(plain, redeem_all("two"))
    first.decide()
    second.decide()
    second.finish()
    plain.execute("UPDATE pointsledger_entries SET sequence = 99 WHERE account = 'ann' AND sequence = 17")
    with pytest.raises(VersionConflict):
        first.finish()
    assert plain.execute("SELECT version FROM pointsledger_accounts WHERE account = 'ann'").fetchall() == [(17,)]
    assert plain.execute("SELECT 1 FROM pointsledger_entries WHERE command_key = 'one'").fetchall() == []


def test_sequence_without_lock_and_version(path: Path, plain: sqlite3.Connection):
    """
    With neither lock nor version, the unique sequence stops the second of two stale writers (I-13, I-23).
    """
    before = plain.execute("SELECT * FROM pointsledger_accounts WHERE account = 'ann'").fetchone()
    first, second = Careless(plain, redeem_all("one")), Careless(plain, redeem_all("two"))
    first.decide()
    second.decide()
    second.finish()
    plain.execute("DELETE FROM pointsledger_accounts WHERE account = 'ann'")
    plain.execute(f"INSERT INTO pointsledger_accounts VALUES ({', '.join('?' * len(before))})", before)
    with pytest.raises(VersionConflict):
        first.finish()
    assert [
        key
        for (key,) in plain.execute(
            "SELECT command_key FROM pointsledger_entries WHERE sequence = 17 AND account = 'ann'"
        )
    ] == ["two"]


def test_key_without_lock_version_and_sequence(path: Path, plain: sqlite3.Connection):
    """
    With no lock, version or sequence in its way, a key is stored once all the same (I-14, I-23, A25).
    """
    before = plain.execute("SELECT * FROM pointsledger_accounts WHERE account = 'ann'").fetchone()
    first, second = Careless(plain, redeem_all("same")), Careless(plain, redeem_all("same"))
    first.decide()
    second.decide()
    second.finish()
    plain.execute("DELETE FROM pointsledger_accounts WHERE account = 'ann'")
    plain.execute(f"INSERT INTO pointsledger_accounts VALUES ({', '.join('?' * len(before))})", before)
    plain.execute("UPDATE pointsledger_entries SET sequence = 99 WHERE account = 'ann' AND sequence = 17")
    with pytest.raises(VersionConflict):
        first.finish()
    assert plain.execute("SELECT sequence FROM pointsledger_entries WHERE command_key = 'same'").fetchall() == [(99,)]


def test_first_entry_of_two_writers(path: Path, plain: sqlite3.Connection):
    """
    Of two writers that both begin an account, without a lock, one gets through (I-22, I-23).
    """
    command = commands.Earn(account="new", points=5)
    first, second = Careless(plain, job(command, "one")), Careless(plain, job(command, "two"))
    first.decide()
    second.decide()
    second.finish()
    with pytest.raises(VersionConflict):
        first.finish()
    with SQLiteStorage(path) as storage:
        assert [entry.key for entry in club(storage).entries("new")] == ["two"]
        assert_balanced(storage)


# --- rows that cannot be read ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE pointsledger_accounts SET as_of = 9000000000000000000",
        "UPDATE pointsledger_lots SET earned_at = 9000000000000000000",
        "UPDATE pointsledger_entries SET command = '{' WHERE ordinal = 0",
        'UPDATE pointsledger_entries SET command = \'{"command": "unheard_of"}\' WHERE ordinal = 0',
        "UPDATE pointsledger_entries SET money = 'much' WHERE money IS NOT NULL",
        "UPDATE pointsledger_terms SET body = '[]'",
        "DELETE FROM pointsledger_terms",
    ],
)
def test_rows_that_make_no_value(path: Path, plain: sqlite3.Connection, damage: str):
    """
    Stored rows that make no value are an operator's matter, and never look like a refusal of what was asked (I-24).
    """
    assert plain.execute(damage).rowcount > 0
    with SQLiteStorage(path) as storage:
        ledger = club(storage)
        with pytest.raises(Corrupt, match="account 'ann' of program 'club': a stored row cannot be read"):  # noqa: PT012
            ledger.lots(ANN)
            ledger.entries(ANN)


# --- how they are read -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def statements() -> frozenset[str]:
    """
    The texts of all statements that the ledger uses for every verb and every read.
    """
    faults = Faults()
    with closing(faults.connect(":memory:", isolation_level=None)) as connection:
        storage = SQLiteStorage.joining(connection)
        connection.execute("BEGIN IMMEDIATE")
        storage.create_schema()
        faults.seen.clear()
        told = evolve(
            CLUB, notices=NoticePolicy(warn_days=30, subscribed=True), caps=EarnCaps(per_period={"day": 10**6})
        )
        ledger, oldest = (
            club(storage, told, on=600),
            club(storage, Program(id="oldest", use_order="oldest_first"), on=600),
        )
        for command in story():
            ledger.apply(command)
        ledger.apply(next(story()))
        ledger.earn("bob", 100, at=day(0))
        ledger.redeem("bob", 5, at=day(20))
        ledger.process(order("7", "bob"), at=day(20))
        ledger.expire_due(at=day(36))
        oldest.adjust("bob", 100, **BY_HAND)
        oldest.adjust("bob", 100, **BY_HAND)
        oldest.adjust("bob", -150, **BY_HAND)
        ledger.earn("cid", 100, at=day(590))
        read_everything(ledger)
        read_everything(oldest)
        ledger.expire_due(at=day(600))
    own = (statement for statement in faults.seen if "sqlite_master" not in statement and "_schema" not in statement)
    return frozenset(statement for statement in own if not statement.startswith(("SAVEPOINT", "RELEASE")))


def read_everything(ledger: Ledger) -> None:
    """
    Use every verb that reads.
    """
    ledger.accounts()
    for account in (ANN, "bob", "cid"):
        for at in (None, day(10), day(100), day(1000)):
            ledger.balance(account, at=at)
        ledger.expiring(account)
        ledger.lots(account)
        for entry in ledger.entries(account):
            ledger.explain(account, entry.sequence)
            ledger.draws_on(account, entry.sequence)
    ledger.quote(order("8"))
    ledger.quote_redemption("bob")
    ledger.due_notices()
    verify(ledger.storage, ledger.program.id)


def plan(connection: sqlite3.Connection, statement: str) -> list[str]:
    """
    Return how SQLite goes about a statement.
    """
    rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}", [None] * statement.count("?")).fetchall()
    return [detail for _, _, _, detail in rows]


def test_every_kind_of_read_is_among_the_statements(statements: frozenset[str]):
    """
    The statements that are looked at are those of every read a decision can make, and of every table.
    """
    for wanted in (
        "ORDER BY expires_at, earned_at, lot LIMIT",  # what redeeming draws on
        "ORDER BY earned_at, lot LIMIT",
        "expires_at <= ?",  # what settling finds lapsed, and started
        "waits = 1 AND available_at > ? AND available_at <= ?",
        "ORDER BY expires_at LIMIT 1",  # the next change
        "ORDER BY available_at LIMIT 1",
        "next_change_at <= ?",  # due accounts
        "notice_at <= ?",
        "counts_at >= ?",  # caps on periods
        "FROM pointsledger_holds",
        "INSERT INTO pointsledger_holds",
        "DELETE FROM pointsledger_holds",
        ", available_at = ?",  # lots that are re-dated
        "account > ?",
        "command_key = ?",
        "topic = ?",
        "reverses = ?",
        "e.sequence > ?",
        "AND lot = ? ORDER BY sequence",
        "INSERT INTO pointsledger_allocations",
        "ON CONFLICT DO NOTHING",
        "UPDATE pointsledger_lots",
        "UPDATE pointsledger_accounts",
    ):
        assert any(wanted in statement for statement in statements), wanted


def test_every_statement_uses_an_index(statements: frozenset[str], plain: sqlite3.Connection):
    """
    No statement looks through a table: each is a search by a key or an index (R-39).
    """
    for statement in statements:
        steps = plan(plain, statement)
        assert any(step.startswith("SEARCH") for step in steps) != statement.startswith("INSERT"), statement
        assert not any(step.startswith("SCAN") for step in steps), (statement, steps)


@pytest.mark.parametrize(
    ("part", "index"),
    [
        ("ORDER BY expires_at, earned_at, lot LIMIT", "lots_by_expiry (program=? AND account=? AND expires_at>?)"),
        ("ORDER BY earned_at, lot LIMIT", "lots_by_age (program=? AND account=?)"),
        ("remaining > 0 AND expires_at <= ?", "lots_by_expiry (program=? AND account=? AND expires_at<?)"),
        (
            "waits = 1 AND available_at > ? AND available_at <= ?",
            "lots_waiting (program=? AND account=? AND available_at>? AND available_at<?)",
        ),
        ("ORDER BY expires_at LIMIT 1", "lots_by_expiry (program=? AND account=? AND expires_at>?"),
        ("ORDER BY available_at LIMIT 1", "lots_waiting (program=? AND account=? AND available_at>?)"),
        ("next_change_at <= ?", "accounts_by_change (program=? AND next_change_at<?)"),
        ("command_key = ?", "entries_by_key (program=? AND account=? AND command_key=?)"),
        ("topic = ?", "entries_by_topic (program=? AND account=? AND topic=?)"),
        ("notice_at <= ?", "accounts_by_notice (program=? AND notice_at<?)"),
        ("counts_at >= ?", "entries_counted (program=? AND account=? AND counts_at>? AND counts_at<?)"),
        ("reverses = ?", "entries_by_reversed (program=? AND account=? AND reverses=?)"),
        ("AND lot = ? ORDER BY sequence", "allocations_by_lot (program=? AND account=? AND lot=?)"),
    ],
)
def test_index_of_each_read(statements: frozenset[str], plain: sqlite3.Connection, part: str, index: str):
    """
    Each read goes through the index that was made for it, so that it costs what it touches and not the history.
    """
    for statement in statements:
        if part in statement:
            assert any(f"INDEX pointsledger_{index}" in step for step in plan(plain, statement))


@pytest.mark.parametrize(
    "part",
    [
        "ORDER BY expires_at, earned_at, lot LIMIT",
        "ORDER BY earned_at, lot LIMIT",
        "ORDER BY expires_at LIMIT 1",
        "ORDER BY available_at LIMIT 1",
        "next_change_at <= ?",
        "account > ?",
        "e.sequence > ?",
    ],
)
def test_reads_with_a_limit_do_not_sort(statements: frozenset[str], plain: sqlite3.Connection, part: str):
    """
    What is read up to a limit comes out of the index in order, so that no one sorts what is not asked for.
    """
    for statement in statements:
        if part in statement:
            assert not any("TEMP B-TREE" in step for step in plan(plain, statement)), statement


def test_entries_are_only_inserted(statements: frozenset[str]):
    """
    No statement changes or deletes an entry, its parts or its terms (R-07, I-12).
    """
    for statement in statements:
        verb, table = statement.split()[:2]
        assert verb in {"SELECT", "INSERT", "UPDATE"} or statement.startswith("DELETE FROM pointsledger_holds")
        assert verb != "UPDATE" or table in {"pointsledger_accounts", "pointsledger_lots"}
        assert "REPLACE" not in statement


# --- versions --------------------------------------------------------------------------------------------------------


def stored_schema(plain: sqlite3.Connection) -> list[tuple[str, ...]]:
    """
    Return the definitions of all that is stored.
    """
    return plain.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name").fetchall()


FORMAT_2 = Path(__file__).with_name("format_2.sql")
"""
What release 0.1 wrote: Ann earns 100 for an order of 10 January 2025, uses 40 on 1 February, and lets 60 lapse by three
months without activity; 25 by hand and 40 for another order in June; the order she used 40 for is cancelled, and they
live again, as they then did. Bob owes 80.
"""


@pytest.fixture(params=[1, 2])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """
    A file of the first or the second version of the format.
    """
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(FORMAT_2.read_text())
        if request.param == 1:
            connection.execute("DROP INDEX pointsledger_accounts_by_change")
            connection.execute("UPDATE pointsledger_schema SET version = 1")
            connection.commit()
    return path


IDLE = Program(
    id="club",
    timezone="Europe/London",
    earn_rules=[EarnRule.per_amount(1, per=Money("1.00", "USD"))],
    exchange_rates=[ExchangeRate(10, Money("1.00", "USD"))],
    expiry=ExpiryPolicy.earlier_of(ExpiryPolicy.after(months=12), ExpiryPolicy.inactivity(months=3)),
    pending=PendingPolicy.after(days=7),
)


def test_format_2_is_what_its_statements_create():
    """
    The file that an earlier release wrote has the tables that its migrations still create.
    """
    with closing(sqlite3.connect(":memory:")) as written, closing(sqlite3.connect(":memory:")) as created:
        written.executescript(FORMAT_2.read_text())
        for statement in (sql_schema.CREATE_VERSION, *sql_schema.MIGRATIONS[0], *sql_schema.MIGRATIONS[1]):
            created.execute(SQLITE(statement))
        names = "SELECT type, name, tbl_name FROM sqlite_master ORDER BY name"
        assert written.execute(names).fetchall() == created.execute(names).fetchall()


def test_migration_keeps_the_books(old: Path):
    """
    A file of an earlier version opens as one of this version: the balances are what they were at any instant, the books
    balance, and every verb goes on (A91, R-07).
    """
    june = datetime(2025, 6, 30, tzinfo=UTC)
    with SQLiteStorage(old) as storage:
        ledger = Ledger(IDLE, storage, clock=lambda: june)
        assert verify(storage, "club").findings == ()
        assert [ledger.balance("ann", at=june - timedelta(days=n)).available for n in (0, 50, 120, 166)] == [
            105,  # 25 by hand, 40 of June, and the 40 that came back
            0,
            60,
            0,  # pending until 17 January
        ]
        assert ledger.balance("bob").debt == 80
        assert [entry.channel for entry in ledger.entries("ann")][:3] == [None, "shop", None]
        assert storage.due_accounts("club", datetime(2026, 6, 1, tzinfo=UTC), 9) == ("bob", "ann")
        ledger.hold("ann", 100, order="9", until=june + timedelta(days=1))
        ledger.cancel("1", account="ann")
        assert ledger.balance("ann").held == 100
        assert verify(storage, "club").findings == ()
    with closing(sqlite3.connect(old)) as migrated, closing(sqlite3.connect(":memory:")) as fresh:
        fresh.execute("BEGIN")
        SQLiteStorage.joining(fresh).create_schema()
        assert stored_schema(migrated) == stored_schema(fresh)
        assert migrated.execute("SELECT version FROM pointsledger_schema").fetchall() == [(sql_schema.SCHEMA_VERSION,)]


def test_an_account_that_lapsed_before(old: Path):
    """
    The lapse of an earlier release is known: points that come back to a lot which lapsed then have lapsed (R-34).
    """
    with SQLiteStorage(old) as storage:
        ledger = Ledger(IDLE, storage, clock=lambda: datetime(2025, 6, 30, tzinfo=UTC))
        account = storage.read("club", "ann", figures_and_lots)[0]
        assert account.lapsed == (datetime(2025, 5, 1, 23, tzinfo=UTC), 3)  # 1 February and three months: until 1 May
        assert storage.read("club", "bob", figures_and_lots)[0].lapsed is None
        ledger.redeem("ann", 60, order="7")  # 40 of them from the lot of January
        ledger.cancel("7", account="ann")
        assert ledger.balance("ann").available == 65
        assert verify(storage, "club").findings == ()


@pytest.mark.parametrize("created", [True, False], ids=["from nothing", "from an earlier version"])
def test_migration_is_all_or_nothing(old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, created: bool):
    """
    A migration that fails at any statement leaves what was there, and can be done again (A91, I-25).
    """
    path = tmp_path / "new.db" if created else old
    plain = sqlite3.connect(path)
    schema = stored_schema(plain)
    for number in range(1, 100):
        faults = Faults(at=number)
        monkeypatch.setattr(sqlite3, "connect", faults.connect)
        try:
            SQLiteStorage(path, journal_mode="delete").close()
        except StorageUnavailable:
            assert stored_schema(plain) == schema
        else:
            assert faults.met == 0
            break
    monkeypatch.undo()
    assert number > (20 if created else 8)
    if not created:
        with SQLiteStorage(path) as storage:
            assert_balanced(storage)
    plain.close()


def test_joined_connection_of_an_older_version(old: Path):
    """
    In the caller's connection an older version is refused until `create_schema` has brought it up to date.
    """
    with closing(sqlite3.connect(old, isolation_level=None)) as plain:
        storage = SQLiteStorage.joining(plain)
        plain.execute("BEGIN IMMEDIATE")
        with pytest.raises(SchemaMismatch, match=r"stored format [12] is older than 3; call create_schema\(\)"):
            club(storage).earn(ANN, 1)
        with pytest.raises(SchemaMismatch):
            club(storage).balance(ANN)
        storage.create_schema()
        club(storage, on=800).earn(ANN, 1)
        plain.execute("COMMIT")
        assert_balanced(storage)
