"""
What may stand where SQLiteStorage is told to keep its books, and its other arguments.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from pointsledger import commands
from pointsledger.errors import (
    Corrupt,
    InvalidInput,
    OperatorNeeded,
    SchemaMismatch,
    StorageUnavailable,
)
from pointsledger.storage.sqlite import SQLiteStorage, is_wal_safe
from tests.storage.books import ANN, assert_balanced, books, club, day, story

NOBODY = 65534


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """
    A file with the books of Ann in it, and nothing beside it.
    """
    path = tmp_path / "points.db"
    with SQLiteStorage(path, journal_mode="delete") as storage:
        club(storage).apply_all(story())
    assert list(tmp_path.iterdir()) == [path]
    return path


@contextmanager
def without_privileges(*paths: Path) -> Iterator[None]:
    """
    Let permissions bind also where the tests run as root, who owns neither these paths nor what is above them.
    """
    if os.geteuid() != 0:
        yield
        return
    for path in paths:
        os.chown(path, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder(tmp_path: Path) -> Iterator[Path]:
    """
    A folder that everyone may reach, which pytest's own is not.
    """
    import tempfile

    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


# --- files that are no books, or cannot be -------------------------------------------------------------------------


def test_file_is_created(tmp_path: Path):
    """
    A file that is not there is created.
    """
    SQLiteStorage(tmp_path / "points.db").close()
    assert (tmp_path / "points.db").read_bytes().startswith(b"SQLite format 3\x00")


def test_missing_folder(tmp_path: Path):
    """
    A folder that is not there is not created: the storage is unavailable.
    """
    with pytest.raises(StorageUnavailable, match="unable to open"):
        SQLiteStorage(tmp_path / "missing" / "points.db")
    assert list(tmp_path.iterdir()) == []


def test_folder_in_place_of_a_file(tmp_path: Path):
    """
    A folder is no file.
    """
    with pytest.raises(StorageUnavailable, match="unable to open"):
        SQLiteStorage(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_read_only_file(open_folder: Path, written: Path):
    """
    A file that may not be written can be read; to write to it raises `StorageUnavailable`, and it stays as it is.
    """
    path = open_folder / "points.db"
    shutil.copy(written, path)
    path.chmod(0o444)
    with without_privileges(path), SQLiteStorage(path, journal_mode="delete") as storage:
        with pytest.raises(StorageUnavailable, match="readonly"):
            club(storage).earn("bob", 1)
        assert list(books(storage)) == [ANN]
    empty = open_folder / "empty.db"
    empty.touch(mode=0o444)
    with without_privileges(empty), pytest.raises(StorageUnavailable, match="readonly"):
        SQLiteStorage(empty)
    assert path.read_bytes() == written.read_bytes()


def test_read_only_folder(open_folder: Path, written: Path):
    """
    In a folder that may not be written no file can be created, and none can be worked with.
    """
    path = open_folder / "points.db"
    shutil.copy(written, path)
    open_folder.chmod(0o555)
    with without_privileges(path, open_folder):
        with pytest.raises(StorageUnavailable, match="unable to open"):
            SQLiteStorage(open_folder / "new.db")
        with SQLiteStorage(path, journal_mode="delete") as storage:
            with pytest.raises(StorageUnavailable, match="readonly"):  # no place for the journal
                club(storage).earn("bob", 1)
            assert list(books(storage)) == [ANN]
    assert path.read_bytes() == written.read_bytes()


def test_empty_file(tmp_path: Path):
    """
    A file of 0 bytes becomes books.
    """
    path = tmp_path / "points.db"
    path.touch()
    with SQLiteStorage(path) as storage:
        club(storage).earn(ANN, 5)
        assert_balanced(storage)


@pytest.mark.parametrize("content", [b"xy", b"order,date,total\n" * 1000, b"SQLite format 3\x00", bytes(5000)])
def test_file_that_is_no_database(tmp_path: Path, content: bytes):
    """
    A file of another kind is unavailable, and stays as it is.
    """
    path = tmp_path / "points.db"
    path.write_bytes(content)
    with pytest.raises((StorageUnavailable, Corrupt)):
        SQLiteStorage(path)
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_database_of_another_program(tmp_path: Path):
    """
    The books stand beside the tables of another program, and leave them alone.
    """
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as shop:
        shop.executescript(
            "CREATE TABLE entries (id INTEGER PRIMARY KEY, text); INSERT INTO entries VALUES (1, 'theirs')"
        )
    with SQLiteStorage(path) as storage:
        club(storage).apply_all(story())
        assert_balanced(storage)
    with closing(sqlite3.connect(path)) as shop:
        assert shop.execute("SELECT * FROM entries").fetchall() == [(1, "theirs")]
        ours = {name for (name,) in shop.execute("SELECT name FROM sqlite_master") if name != "entries"}
    assert all("pointsledger_" in name for name in ours)


@pytest.mark.parametrize("encoding", ["UTF-16le", "UTF-16be"])
def test_database_in_another_encoding(tmp_path: Path, encoding: str):
    """
    A database whose text is not UTF-8, and sorts otherwise, is refused and stays as it is (I-36).
    """
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as shop:
        shop.executescript(f"PRAGMA encoding = '{encoding}'; CREATE TABLE theirs (id)")
    content = path.read_bytes()
    with pytest.raises(StorageUnavailable, match="UTF-8 is needed"):
        SQLiteStorage(path)
    assert path.read_bytes() == content


def read_all(path: Path) -> None:
    """
    Read every entry, lot and figure of a file.
    """
    with SQLiteStorage(path, journal_mode="delete") as storage:
        books(storage)


@pytest.mark.parametrize("kept", [100, 4096, 3 * 4096 + 7, -4096, -1])
def test_truncated_file(written: Path, kept: int):
    """
    Of a file that lost its end nothing is made up: it cannot be opened or read, and is not written to.
    """
    written.write_bytes(written.read_bytes()[:kept])
    content = written.read_bytes()
    with pytest.raises(OperatorNeeded):
        read_all(written)
    assert written.read_bytes() == content


def test_newer_format(written: Path):
    """
    Books that a later release has written are refused, and stay as they are (R-47).
    """
    with closing(sqlite3.connect(written)) as plain, plain:
        plain.execute("UPDATE pointsledger_schema SET version = 99")
    content = written.read_bytes()
    for journal_mode in ("delete", "wal"):
        with pytest.raises(SchemaMismatch, match="stored format 99 is newer than 3; upgrade pointsledger"):
            SQLiteStorage(written, journal_mode=journal_mode)
    assert written.read_bytes() == content


# --- names ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "file:x?mode=ro",
        "file:x?mode=memory",
        "file::memory:?cache=shared",
        "file:points.db",
        "a?b#c%20d",
        " ",
        "'; --",
        "é\U0001f600",
        ":memory: ",
    ],
)
def test_name_is_taken_as_it_is(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch):
    """
    A name is the name of a file, and never a URI whose parameters SQLite obeys.
    """
    monkeypatch.chdir(tmp_path)
    with SQLiteStorage(name, journal_mode="delete") as storage:
        club(storage).earn(ANN, 5)
        assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    "path", ["", b"", "a\0b", "\ud800", None, 7, True, 1.5, ["x"], object()], ids=lambda value: type(value).__name__
)
def test_what_is_no_name(path: object):
    """
    What cannot be the name of a file is refused; an empty one would be books that vanish.
    """
    with pytest.raises(InvalidInput) as refused:
        SQLiteStorage(path)  # type: ignore[arg-type]
    assert refused.value.field == "path"


def test_ways_to_write_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """
    Text, bytes and `pathlib.Path` name the same file, which stays the same when the process changes its folder.
    """
    monkeypatch.chdir(tmp_path)
    with SQLiteStorage("points.db") as storage:
        club(storage).earn(ANN, 5)
    for path in (b"points.db", Path("points.db"), str(tmp_path / "points.db"), "./points.db"):
        with SQLiteStorage(path) as storage:
            assert list(books(storage)) == [ANN]


# --- how it is written ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "safe"),
    [
        ((3, 37, 0), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 44, 9), True),
        ((3, 45, 0), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 0), False),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 52, 0), True),
        ((4, 0, 0), True),
    ],
)
def test_releases_on_which_wal_is_safe(version: tuple[int, ...], safe: bool):
    """
    The write-ahead log is safe from 3.51.3 on, and on the releases to which its cure was brought back (A83).
    """
    assert is_wal_safe(version) is safe


def journal_mode(path: Path) -> str:
    """
    Return the journal mode that a file asks every connection for.
    """
    with closing(sqlite3.connect(path)) as plain:
        return str(plain.execute("PRAGMA journal_mode").fetchone()[0])


def test_journal_mode_follows_the_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """
    Without being told, the storage uses the write-ahead log where SQLite is free of its defect, and else does not.
    """
    for version, mode in (((3, 44, 6), "wal"), ((3, 40, 1), "delete")):
        monkeypatch.setattr(sqlite3, "sqlite_version_info", version)
        SQLiteStorage(tmp_path / "points.db").close()
        assert journal_mode(tmp_path / "points.db") == mode


@pytest.mark.parametrize("mode", ["wal", "delete", "truncate", "persist"])
@pytest.mark.parametrize("synchronous", ["FULL", "NORMAL", "EXTRA", "OFF"])
def test_caller_chooses_how_to_write(tmp_path: Path, mode: str, synchronous: str):
    """
    The caller's choice of journal and of synchronous wins over the default.
    """
    path = tmp_path / "points.db"
    with SQLiteStorage(path, journal_mode=mode, synchronous=synchronous) as storage:  # type: ignore[arg-type]
        club(storage).earn(ANN, 5)
        assert (journal_mode(path) == "wal") == (mode == "wal")
        assert (tmp_path / "points.db-wal").exists() == (mode == "wal")
        assert (tmp_path / "points.db-journal").exists() == (mode in {"truncate", "persist"})
        assert_balanced(storage)


def test_release_that_is_too_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """
    A release without STRICT tables is refused before it touches the file.
    """
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 0))
    with pytest.raises(StorageUnavailable, match="too old"):
        SQLiteStorage(tmp_path / "points.db")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("journal_mode", value) for value in ("", "WAL", "memory", "off", "wal; DROP TABLE x", 1, True, ["wal"])),
        *(("synchronous", value) for value in (None, "", "full", "2", 2, "FULL; --")),
        *(("timeout", value) for value in (-1, 1.5, True, "5", None, 86_401, 2**63)),
    ],
)
def test_bad_choices(tmp_path: Path, field: str, value: object):
    """
    Another journal, synchronous or time-out than those that there are is refused, before the file is touched.
    """
    with pytest.raises(InvalidInput) as refused:
        SQLiteStorage(tmp_path / "points.db", **{field: value})  # type: ignore[arg-type]
    assert refused.value.field == field
    assert list(tmp_path.iterdir()) == []


# --- what a crash leaves -------------------------------------------------------------------------------------------

CRASH = """
import os, sqlite3, sys
plain = sqlite3.connect(sys.argv[1], isolation_level=None)
plain.execute(f"PRAGMA journal_mode = {sys.argv[2]}")
plain.execute("PRAGMA cache_size = 1")  # so that changes reach the file before they are committed
plain.execute("BEGIN IMMEDIATE")
plain.execute("UPDATE pointsledger_entries SET kind = 'lost'")
plain.execute("DELETE FROM pointsledger_lots")
os._exit(9)
"""


@pytest.mark.parametrize("mode", ["wal", "delete", "truncate", "persist"])
@pytest.mark.parametrize("reopened", ["wal", "delete"])
def test_journal_left_by_a_crash(written: Path, mode: str, reopened: str):
    """
    What a crash left in a journal is rolled back when the file is opened again (R-45).
    """
    with SQLiteStorage(written, journal_mode=mode) as storage:  # type: ignore[arg-type]
        club(storage).apply_all(story("bob", prefix="b"))
        more = [commands.Earn(account="cid", points=1, key=str(n), comment="x" * 500, at=day(0)) for n in range(100)]
        club(storage).apply_all(more)  # more than fits the cache
        before = books(storage)
    crash = subprocess.run([sys.executable, "-c", CRASH, written, mode], check=False)
    assert crash.returncode == 9
    assert (written.parent / f"points.db-{'wal' if mode == 'wal' else 'journal'}").stat().st_size > 0
    with SQLiteStorage(written, journal_mode=reopened) as storage:  # type: ignore[arg-type]
        assert books(storage) == before
        assert_balanced(storage)
