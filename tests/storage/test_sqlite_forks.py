"""
SQLiteStorage across forks: neither process may spoil what the other writes.
"""

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pointsledger.storage.sqlite import SQLiteStorage
from tests.storage.books import ANN, assert_balanced, books, club
from tests.storage.children import in_child, refusal

MODES = ["wal", "delete"]


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> Any:
    """
    Each journal in turn.
    """
    return request.param


@pytest.fixture
def storage(tmp_path: Path, mode: Any) -> Iterator[SQLiteStorage]:
    """
    A storage in which Ann has 5 points.
    """
    with SQLiteStorage(tmp_path / "points.db", journal_mode=mode) as opened:
        club(opened).earn(ANN, 5, key="parent")
        yield opened


def test_child_has_a_connection_of_its_own(storage: SQLiteStorage):
    """
    Parent and child go on with one storage each, and see what the other has committed (A84).
    """

    def child() -> str:
        ledger = club(storage)
        assert ledger.balance(ANN).pending == 5
        ledger.earn(ANN, 7, key="child")
        return str(ledger.earn(ANN, 5, key="parent").replayed)

    assert in_child(child) == "True"
    club(storage).earn(ANN, 1, key="again")
    assert [entry.key for entry in club(storage).entries(ANN)] == ["parent", "child", "again"]
    assert_balanced(storage)


def test_child_outlives_its_parent(storage: SQLiteStorage, tmp_path: Path, mode: Any):
    """
    What the child commits after the parent has closed the file is not lost (A83, A84).
    """
    told, done = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        club(storage).earn(ANN, 7, key="first")
        os.write(told[1], b"x")
        os.read(done[0], 1)
        club(storage).earn(ANN, 7, key="second")
        os._exit(0)
    os.read(told[0], 1)
    storage.close()
    os.write(done[1], b"x")
    assert os.waitpid(child, 0)[1] == 0
    with SQLiteStorage(tmp_path / "points.db", journal_mode=mode) as again:
        assert [entry.key for entry in club(again).entries(ANN)] == ["parent", "first", "second"]
        assert_balanced(again)


def test_fork_while_others_open_storages(storage: SQLiteStorage):
    """
    However many storages other threads open at that moment, a fork finds those that are at work (A84).
    """
    over = threading.Event()
    interval = sys.getswitchinterval()

    def open_many() -> None:
        while not over.is_set():
            for _ in range(50):
                SQLiteStorage.joining(elsewhere)

    with closing(sqlite3.connect(":memory:")) as elsewhere:
        kept = [SQLiteStorage.joining(elsewhere) for _ in range(200)]
        others = [threading.Thread(target=open_many) for _ in range(2)]
        sys.setswitchinterval(1e-6)
        try:
            for thread in others:
                thread.start()
            for _ in range(20):
                assert in_child(lambda: str(club(storage).balance(ANN).pending)) == "5"
        finally:
            over.set()
            for thread in others:
                thread.join()
            sys.setswitchinterval(interval)
        assert len(kept) == 200


@pytest.mark.parametrize("ended", ["closed", "used and closed", "left alone"])
def test_grandchild_and_closing(storage: SQLiteStorage, ended: str):
    """
    To close the storage in a child, used or not, takes nothing from the parent; nor does a fork of the fork.
    """

    def child() -> str:
        if ended == "used and closed":
            club(storage).earn("bob", 1)
        if ended != "left alone":
            storage.close()
            return refusal(lambda: club(storage).balance(ANN))
        return in_child(lambda: str(club(storage).balance(ANN).pending))

    assert in_child(child) == ("5" if ended == "left alone" else "StorageClosed")
    club(storage).earn(ANN, 1)
    assert club(storage).balance(ANN).pending == 6
    assert_balanced(storage)


def test_file_that_is_gone_in_the_child(storage: SQLiteStorage, tmp_path: Path):
    """
    If the child cannot open the file, each of its calls says so, until it can.
    """
    (tmp_path / "points.db").rename(tmp_path / "moved.db")
    (tmp_path / "points.db").mkdir()

    def child() -> str:
        refused = [refusal(lambda: club(storage).balance(ANN)) for _ in range(2)]
        (tmp_path / "points.db").rmdir()
        (tmp_path / "moved.db").rename(tmp_path / "points.db")
        return f"{refused} {refusal(lambda: club(storage).balance(ANN))}"

    assert in_child(child) == "['StorageUnavailable', 'StorageUnavailable'] none"


def test_memory_stays_with_its_process():
    """
    A ledger in memory is refused in a child, where it would be another one.
    """
    with SQLiteStorage(":memory:") as storage:
        club(storage).earn(ANN, 5)
        assert in_child(lambda: refusal(lambda: club(storage).balance(ANN))) == "StorageUnavailable"
        assert club(storage).balance(ANN).pending == 5


FORKING = """
import os, sys, threading
from pathlib import Path
from pointsledger import commands
from tests.storage.books import *
from pointsledger.storage.sqlite import SQLiteStorage

path, mode, end = sys.argv[1:]
storage = SQLiteStorage(path, journal_mode=mode)
other = SQLiteStorage(":memory:")
stop = threading.Event()
written = [0, 0]


def write(number):
    while not stop.is_set():
        batch = [commands.Earn(account=f"a{number}", points=1, comment="x" * 500) for _ in range(100)]
        written[number] += len(club(storage, keys=f"{number}-{written[number]}").apply_all(batch))


def fork():
    for _ in range(5):
        child = os.fork()
        if not child:
            sys.exit(0) if end == "exit" else os._exit(0)
        os.waitpid(child, 0)


threads = [threading.Thread(target=write, args=(number,)) for number in (0, 1)]
for thread in threads:
    thread.start()
forker = threading.Thread(target=fork)
forker.start()
fork()
forker.join()
stop.set()
for thread in threads:
    thread.join()
assert_balanced(storage)
assert [len(kept[1]) for kept in books(storage).values()] == written, written
storage.close()
print("whole", sum(written))
"""


@pytest.mark.parametrize("end", ["exit", "at once"])
def test_fork_while_threads_write(tmp_path: Path, mode: Any, end: str):
    """
    A child that ends, in the ordinary way or at once, takes nothing from what threads of its parent were writing (A84).
    """
    options = ["-W", "ignore::DeprecationWarning", "-c", FORKING, str(tmp_path / "points.db"), mode, end]
    ran = subprocess.run([sys.executable, *options], check=False, capture_output=True, text=True, timeout=60)
    assert ran.stdout.startswith("whole"), ran.stderr
    with SQLiteStorage(tmp_path / "points.db", journal_mode=mode) as storage:
        assert sum(len(kept[1]) for kept in books(storage).values()) == int(ran.stdout.split()[1])
        assert_balanced(storage)
