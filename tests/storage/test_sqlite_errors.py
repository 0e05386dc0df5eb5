"""
How errors of SQLite come out: as errors of this library that say who must act.
"""

import contextlib
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pointsledger import commands
from pointsledger.errors import (
    Corrupt,
    OperatorNeeded,
    OutcomeUnknown,
    PointsLedgerError,
    SchemaMismatch,
    StorageBusy,
    StorageUnavailable,
    TryAgain,
    VersionConflict,
)
from pointsledger.storage.sqlite import ATTEMPTS_MAX, SQLiteStorage
from reliability.sqlite_faults import Faults, error_of
from tests.storage.books import ANN, assert_balanced, books, club, day, story

Opening = Callable[..., tuple[SQLiteStorage, Faults]]


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opening]:
    """
    Opens storages on one file whose connection has faults, in which Ann has 500 points.
    """
    with contextlib.ExitStack() as stack:

        def opened(timeout: int = 60, **faults: Any) -> tuple[SQLiteStorage, Faults]:
            found = Faults(**faults)
            at, found.at = found.at, None
            monkeypatch.setattr(sqlite3, "connect", found.connect)
            storage = stack.enter_context(SQLiteStorage(tmp_path / "points.db", journal_mode="delete", timeout=timeout))
            monkeypatch.undo()
            club(storage).earn(ANN, 500, key="first")
            found.at, found.count = at, 0
            return storage, found

        yield opened


@contextlib.contextmanager
def held(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """
    Let another process hold the lock for writing.
    """
    hold = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); "
        "c.execute('BEGIN IMMEDIATE'); print(flush=True); sys.stdin.read(1); c.execute('COMMIT')"
    )
    with subprocess.Popen([sys.executable, "-c", hold, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        yield other
        other.communicate(b"x")


# --- busy --------------------------------------------------------------------------------------------------------


def test_busy_while_another_process_writes(tmp_path: Path):
    """
    While another process holds the lock longer than the time-out, a command is busy and may be asked again (I-24).
    """
    path = tmp_path / "points.db"
    with SQLiteStorage(path, timeout=0, journal_mode="delete") as storage:
        ledger = club(storage)
        ledger.earn(ANN, 5, key="k")
        with held(path):
            with pytest.raises(StorageBusy, match="database is locked"):
                ledger.earn(ANN, 7, key="l")
            assert ledger.balance(ANN).pending == 5, "reading goes on"
            with pytest.raises(StorageBusy):
                SQLiteStorage(path, timeout=0)
        assert not ledger.earn(ANN, 7, key="l").replayed
        assert ledger.balance(ANN).pending == 12


def test_waits_for_another_process(tmp_path: Path):
    """
    Within the time-out a command waits for the lock of another process, and then goes on.
    """
    path = tmp_path / "points.db"
    with SQLiteStorage(path, timeout=1, journal_mode="delete") as hasty, SQLiteStorage(path) as patient:
        with held(path) as other:
            start = time.monotonic()
            with pytest.raises(StorageBusy):
                club(hasty).earn(ANN, 7)
            assert 0.9 < time.monotonic() - start < 10
            assert other.stdin is not None
            other.stdin.write(b"x")
            other.stdin.flush()
            club(patient).earn(ANN, 5)
        assert club(patient).balance(ANN).pending == 5


def test_reader_that_keeps_a_commit_waiting(tmp_path: Path):
    """
    A commit that a reader keeps from the file is busy, nothing of it stays, and the next one succeeds (I-25).
    """
    path = tmp_path / "points.db"
    with SQLiteStorage(path, timeout=0, journal_mode="delete") as storage:
        ledger = club(storage)
        ledger.earn(ANN, 5)
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM pointsledger_entries").fetchall()
            with pytest.raises(StorageBusy):
                ledger.earn(ANN, 7, key="k")
            assert ledger.balance(ANN).pending == 5
        assert not ledger.earn(ANN, 7, key="k").replayed
        assert_balanced(storage)


@pytest.mark.parametrize("code", ["BUSY", "BUSY_SNAPSHOT", "BUSY_RECOVERY", "LOCKED", "PROTOCOL", "INTERRUPT"])
@pytest.mark.parametrize("statement", ["BEGIN IMMEDIATE", "SELECT", "INSERT INTO pointsledger_entries", "COMMIT"])
def test_others_in_the_way_for_a_moment(opened: Opening, code: str, statement: str):
    """
    Where others are in the way for a moment, the transaction is tried anew, with one effect (R-46, I-24).
    """
    error = error_of(getattr(sqlite3, f"SQLITE_{code}"), "database is locked")
    storage, faults = opened(at=1, times=3, only=statement, error=error)
    receipt = club(storage).earn(ANN, 7, key="k")
    assert not receipt.replayed
    assert faults.met == 3
    assert [entry.key for entry in club(storage).entries(ANN)] == ["first", "k"]
    assert_balanced(storage)


def test_others_in_the_way_for_ever(opened: Opening):
    """
    It is not tried for ever: after ten times the conflict comes out, with nothing written (R-46).
    """
    busy = error_of(sqlite3.SQLITE_BUSY, "database is locked")
    storage, faults = opened(at=1, times=10**6, only="COMMIT", error=busy)
    with pytest.raises(StorageBusy, match="database is locked"):
        club(storage).apply_all([commands.Earn(account=ANN, points=7)])
    assert faults.met == ATTEMPTS_MAX == 10
    faults.at = None
    assert len(club(storage).entries(ANN)) == 1


def test_not_tried_beyond_the_time_out(opened: Opening):
    """
    Once the time-out is used up it is not tried again.
    """
    busy = error_of(sqlite3.SQLITE_BUSY, "database is locked")
    storage, faults = opened(timeout=0, at=1, times=10**6, only="COMMIT", error=busy)
    with pytest.raises(StorageBusy):
        club(storage).earn(ANN, 7)
    assert faults.met == 1


@pytest.mark.parametrize("table", ["accounts", "entries", "lots"])
@pytest.mark.parametrize("kind", ["UNIQUE", "PRIMARYKEY"])
def test_row_that_another_wrote_first(opened: Opening, table: str, kind: str):
    """
    A write that meets a row of another writer is decided anew, and if that goes on, is a conflict (R-46, I-22).
    """
    error = error_of(getattr(sqlite3, f"SQLITE_CONSTRAINT_{kind}"), "UNIQUE constraint failed", sqlite3.IntegrityError)
    storage, faults = opened(at=1, times=2, only=f"INSERT INTO pointsledger_{table}", error=error)
    assert not club(storage).earn("bob", 7, key="k").replayed
    assert faults.met == 2
    faults.count, faults.times = 0, 10**6
    with pytest.raises(VersionConflict) as conflict:
        club(storage).earn("cid", 7, key="k")
    assert (conflict.value.account, conflict.value.expected) == ("cid", 0)
    assert str(conflict.value) == "account 'cid' is no longer at version 0"
    faults.at = None
    assert club(storage).accounts() == (ANN, "bob")
    assert_balanced(storage)


# --- journals ------------------------------------------------------------------------------------------------------


def test_journal_cannot_change_while_others_are_there(tmp_path: Path):
    """
    A file that others have open with a write-ahead log cannot be opened without one; later it can.
    """
    path = tmp_path / "points.db"
    with SQLiteStorage(path, journal_mode="wal") as storage:
        club(storage).earn(ANN, 5)
        with pytest.raises(StorageBusy):
            SQLiteStorage(path, journal_mode="delete", timeout=0)
        club(storage).earn(ANN, 7)
    with SQLiteStorage(path, journal_mode="delete", timeout=0) as storage:
        assert club(storage).balance(ANN).pending == 12


def test_journal_changes_as_soon_as_others_are_gone(tmp_path: Path):
    """
    Within the time-out it waits for the others to go.
    """
    path = tmp_path / "points.db"
    script = (
        "import sys, time; from pointsledger.storage.sqlite import SQLiteStorage; "
        "s = SQLiteStorage(sys.argv[1], journal_mode='wal'); print(flush=True); time.sleep(0.3); s.close()"
    )
    with subprocess.Popen([sys.executable, "-c", script, path], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        SQLiteStorage(path, journal_mode="delete").close()
    assert not (tmp_path / "points.db-wal").exists()


# --- who must act --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "kind", "named"),
    [
        ("PERM", sqlite3.OperationalError, StorageUnavailable),
        ("NOMEM", sqlite3.OperationalError, StorageUnavailable),
        ("READONLY", sqlite3.OperationalError, StorageUnavailable),
        ("IOERR_READ", sqlite3.OperationalError, StorageUnavailable),
        ("FULL", sqlite3.OperationalError, StorageUnavailable),
        ("CANTOPEN", sqlite3.OperationalError, StorageUnavailable),
        ("TOOBIG", sqlite3.DataError, StorageUnavailable),
        ("MISMATCH", sqlite3.IntegrityError, StorageUnavailable),
        ("MISUSE", sqlite3.InterfaceError, StorageUnavailable),
        ("INTERNAL", sqlite3.InternalError, StorageUnavailable),
        ("NOTADB", sqlite3.DatabaseError, StorageUnavailable),
        ("AUTH", sqlite3.DatabaseError, StorageUnavailable),
        ("CORRUPT_INDEX", sqlite3.DatabaseError, Corrupt),
        ("CONSTRAINT_CHECK", sqlite3.IntegrityError, Corrupt),
        ("CONSTRAINT_NOTNULL", sqlite3.IntegrityError, Corrupt),
        ("CONSTRAINT_TRIGGER", sqlite3.IntegrityError, Corrupt),
    ],
)
@pytest.mark.parametrize("when", ["before", "gone"])
def test_every_error_of_the_driver_has_a_name(opened: Opening, code: str, kind: Any, named: type, when: Any):
    """
    Whatever SQLite raises, and whether it keeps the transaction or not, comes out by a name of this library, with the
    driver's error as its cause and nothing written (R-47).
    """
    error = error_of(getattr(sqlite3, f"SQLITE_{code}"), "as the driver puts it", kind)
    for statement, call in (
        ("INSERT INTO pointsledger_entries", lambda ledger: ledger.earn(ANN, 7)),
        ("SELECT", lambda ledger: ledger.earn(ANN, 7)),
        ("SELECT", lambda ledger: ledger.balance(ANN)),
        ("BEGIN", lambda ledger: ledger.accounts()),
    ):
        storage, faults = opened(at=1, only=statement, error=error, when=when)
        before = len(club(storage).entries(ANN)) if faults.at is None else None
        with pytest.raises(named, match="as the driver puts it") as raised:
            call(club(storage))
        assert isinstance(raised.value, OperatorNeeded)
        assert isinstance(raised.value.__cause__, kind)
        assert before is None
        assert len(club(storage).entries(ANN)) == 1


def test_errors_of_pythons_module(opened: Opening):
    """
    An error that Python's module raises by itself, without a code of SQLite, has a name too (R-47).
    """
    error = sqlite3.ProgrammingError("Cannot operate on a closed database.")
    storage, _ = opened(at=1, error=error)
    with pytest.raises(StorageUnavailable, match="closed database"):
        club(storage).earn(ANN, 7)


def test_table_that_is_gone(tmp_path: Path):
    """
    If someone drops a table, the storage says that its format is not there.
    """
    with SQLiteStorage(tmp_path / "points.db", journal_mode="delete") as storage:
        club(storage).earn(ANN, 7)
        with closing(sqlite3.connect(tmp_path / "points.db")) as plain:
            plain.execute("DROP TABLE pointsledger_lots")
        with pytest.raises(SchemaMismatch):
            club(storage).lots(ANN)


def test_damaged_file(tmp_path: Path):
    """
    A file whose pages are damaged is `Corrupt`.
    """
    path = tmp_path / "points.db"
    with SQLiteStorage(path, journal_mode="delete") as storage:
        club(storage).apply_all(story())
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(Corrupt, match="malformed"):
        SQLiteStorage(path, journal_mode="delete")


def test_interrupted_by_its_caller(tmp_path: Path):
    """
    A caller who sets a limit on a statement's work gets an error that may be asked again, in a usable transaction.
    """
    with closing(sqlite3.connect(tmp_path / "shop.db", isolation_level=None)) as shop:
        storage = SQLiteStorage.joining(shop)
        shop.execute("BEGIN")
        storage.create_schema()
        club(storage).earn(ANN, 5)
        shop.execute("COMMIT")
        shop.set_progress_handler(lambda: 1, 1)
        with pytest.raises(StorageBusy, match="interrupted"):
            club(storage).balance(ANN)
        shop.set_progress_handler(None, 1)
        assert club(storage).balance(ANN).pending == 5


def test_denied_by_its_caller(tmp_path: Path):
    """
    Where the caller's connection forbids a table, the storage is unavailable.
    """
    with closing(sqlite3.connect(tmp_path / "shop.db", isolation_level=None)) as shop:
        storage = SQLiteStorage.joining(shop)
        shop.execute("BEGIN")
        storage.create_schema()
        forbidden = {"pointsledger_entries": sqlite3.SQLITE_DENY}
        shop.set_authorizer(lambda action, table, *_: forbidden.get(table, sqlite3.SQLITE_OK))
        with pytest.raises(StorageUnavailable, match=r"not authorized|prohibited"):
            club(storage).earn(ANN, 5)
        shop.set_authorizer(None)
        club(storage).earn(ANN, 5)


# --- no space ------------------------------------------------------------------------------------------------------


def test_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """
    On a full disk nothing is written and nothing is lost; with space again the same keys go on.
    """
    kept: list[sqlite3.Connection] = []
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **options: kept.append(connect(*args, **options)) or kept[-1])
    with SQLiteStorage(tmp_path / "points.db", journal_mode="delete") as storage:
        club(storage).earn(ANN, 5, key="before")
        pages = kept[0].execute("PRAGMA page_count").fetchone()[0]
        kept[0].execute(f"PRAGMA max_page_count = {pages}")
        before = books(storage)
        big = [commands.Earn(account=ANN, points=1, key=f"k{n}", comment="x" * 1500, at=day(0)) for n in range(20)]
        for _ in range(2):
            with pytest.raises(StorageUnavailable, match="full"):
                club(storage).apply_all(big)
            assert books(storage) == before
        kept[0].execute("PRAGMA max_page_count = 10000")
        assert not any(receipt.replayed for receipt in club(storage).apply_all(big))
        assert_balanced(storage)


LIMITED = """
import resource, sys
from pathlib import Path
from pointsledger import commands
from tests.storage.books import *
from pointsledger.errors import OutcomeUnknown, StorageUnavailable
from pointsledger.storage.sqlite import SQLiteStorage

path, mode = Path(sys.argv[1]), sys.argv[2]
storage = SQLiteStorage(path, journal_mode=mode)
club(storage).earn(ANN, 5, key="before")
grows = Path(f"{path}-wal") if mode == "wal" else path
unknown = 0
for extra in range(0, 1_000_000, 8_000):
    before = books(storage)
    batch = [commands.Earn(account=ANN, points=1, key=f"{extra}-{n}", comment="x" * 1500, at=day(0)) for n in range(9)]
    resource.setrlimit(resource.RLIMIT_FSIZE, (grows.stat().st_size + extra, resource.RLIM_INFINITY))
    try:
        club(storage).apply_all(batch)
    except (OutcomeUnknown, StorageUnavailable) as error:
        unknown += isinstance(error, OutcomeUnknown)
        failed = True
    else:
        failed = False
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    if failed:
        assert books(storage) == before
        club(storage).apply_all(batch)
    assert_balanced(storage)
    assert all(receipt.replayed for receipt in club(storage).apply_all(batch))
    if not failed:
        break
assert not failed and unknown
assert len(books(storage)[ANN][1]) == 1 + 9 * (extra // 8_000 + 1)
print("whole")
"""


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_disk_that_fails_under_a_commit(tmp_path: Path, mode: str):
    """
    If the disk refuses a write, at whichever page, the command fails by name, and by its key is done once (I-24, I-25).
    """
    options = ["-c", LIMITED, str(tmp_path / "points.db"), mode]
    ran = subprocess.run([sys.executable, *options], check=False, capture_output=True, text=True, timeout=60)
    assert ran.stdout == "whole\n", ran.stderr


# --- commits without an answer ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("when", "committed"), [("after", True), ("gone", False)])
def test_outcome_unknown(opened: Opening, when: Any, committed: bool):
    """
    If the commit fails and the transaction is gone, no one knows; the same key tells, with one effect (I-14, A33).
    """
    storage, _ = opened(at=1, when=when, only="COMMIT")
    with pytest.raises(OutcomeUnknown, match=r"outcome of the commit is unknown: .*disk I/O error") as raised:
        club(storage).earn(ANN, 7, key="k")
    assert isinstance(raised.value, TryAgain)
    assert club(storage).earn(ANN, 7, key="k").replayed is committed
    assert [entry.key for entry in club(storage).entries(ANN)] == ["first", "k"]
    assert_balanced(storage)


def test_commit_that_surely_failed(opened: Opening):
    """
    If the commit fails and the transaction is still there, or the disk was full, it is known that nothing was done.
    """
    storage, faults = opened(at=1, only="COMMIT")
    with pytest.raises(StorageUnavailable, match="disk I/O error"):
        club(storage).earn(ANN, 7, key="k")
    assert not club(storage).earn(ANN, 7, key="k").replayed
    faults.at, faults.count, faults.when = 1, 0, "gone"
    faults.error = error_of(sqlite3.SQLITE_FULL, "database or disk is full")
    with pytest.raises(StorageUnavailable, match="full"):
        club(storage).earn(ANN, 7, key="l")
    assert not club(storage).earn(ANN, 7, key="l").replayed


def test_rollback_that_fails(opened: Opening):
    """
    If even the rollback fails, the error still has a name, and the storage goes on when the database does.
    """
    storage, faults = opened(at=1, only="ROLLBACK")
    with pytest.raises(PointsLedgerError):
        club(storage).redeem(ANN, 10**6)
    with contextlib.suppress(StorageUnavailable):
        club(storage).earn(ANN, 7, key="k")
    assert faults.met == 1
    club(storage).earn(ANN, 7, key="k")
    assert [entry.key for entry in club(storage).entries(ANN)] == ["first", "k"]
    assert_balanced(storage)
