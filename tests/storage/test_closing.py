"""
Closing a storage, and what is there when it is opened again.
"""

from pathlib import Path

import pytest

from pointsledger import commands
from pointsledger.errors import StorageClosed
from pointsledger.port import Storage
from pointsledger.storage.sqlite import SQLiteStorage
from tests.storage.books import ANN, assert_balanced, books, club, day, story


def test_use_after_close(storage: Storage):
    """
    After `close` every verb raises `StorageClosed`, and closing once more does nothing.
    """
    ledger = club(storage)
    ledger.earn(ANN, 1)
    storage.close()
    storage.close()
    calls = [
        lambda: ledger.earn(ANN, 1),
        lambda: ledger.apply_all([commands.Earn(account=ANN, points=1)]),
        lambda: storage.transact_all([]),
        lambda: ledger.balance(ANN),
        ledger.accounts,
        lambda: ledger.expire_due(at=day(0)),
    ]
    for call in calls:
        with pytest.raises(StorageClosed, match="the storage is closed"):
            call()


def test_reopened_file_holds_what_was_written(tmp_path: Path):
    """
    What was written is there when the file is opened again, and keys still give the first answer.
    """
    with SQLiteStorage(tmp_path / "points.db") as storage:
        receipts = club(storage).apply_all(story())
        written = books(storage)
    with SQLiteStorage(tmp_path / "points.db") as storage:
        assert books(storage) == written
        assert_balanced(storage)
        again = club(storage).apply_all([command for command in story() if command.key])
        assert [receipt.entries for receipt in again] == [
            receipt.entries for receipt in receipts if receipt.entries[0].key
        ]
        assert books(storage) == written


def test_two_storages_on_one_file_see_each_other(tmp_path: Path):
    """
    What one storage has committed, another on the same file reads and replays at once.
    """
    with SQLiteStorage(tmp_path / "points.db") as one, SQLiteStorage(tmp_path / "points.db") as other:
        for number, command in enumerate(story()):
            receipt = club((one, other)[number % 2]).apply(command)
            assert club((other, one)[number % 2]).entries(ANN)[-1] == receipt.entries[-1]
        assert books(one) == books(other)
        assert_balanced(one)


def test_memory_of_sqlite_is_private(tmp_path: Path):
    """
    Two storages in memory share nothing, and leave no file.
    """
    with SQLiteStorage(":memory:") as one, SQLiteStorage(":memory:") as other:
        club(one).earn(ANN, 1)
        assert club(other).accounts() == ()
    assert list(tmp_path.iterdir()) == []
