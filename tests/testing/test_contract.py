"""
The contract of the port, on the storages of this library.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from pointsledger.port import Storage
from pointsledger.storage.memory import MemoryStorage
from pointsledger.storage.sqlite import SQLiteStorage
from pointsledger.testing import StorageContract
from pointsledger.testing.plain_storage import PlainStorage


class TestMemory(StorageContract):
    """
    The storage in memory, which forgets everything.
    """

    @pytest.fixture
    def storage(self) -> Storage:
        """
        Give it empty.
        """
        return MemoryStorage()


class TestPlain(StorageContract):
    """
    The reference, compared with itself; one thread at a time is all that it is for.
    """

    departures: ClassVar = dict.fromkeys(
        [
            "test_one_of_many_callers_redeems_the_whole_balance",
            "test_decisions_of_many_callers_follow_each_other",
            "test_one_key_of_many_callers_has_one_effect",
            "test_callers_of_several_accounts_lose_nothing",
            "test_a_read_sees_one_state",
        ],
        "it is for one thread",
    ) | {"test_a_closed_storage_refuses_every_call": "it holds nothing that could be closed"}

    @pytest.fixture
    def storage(self) -> Iterator[Storage]:
        """
        Give it empty.
        """
        storage = PlainStorage()
        yield storage
        storage.close()
        assert list(storage.accounts("club", "", 9)) == []


class TestSQLite(StorageContract):
    """
    A file of SQLite, which can be opened again.
    """

    @pytest.fixture
    def storage(self, tmp_path: Path) -> Iterator[Storage]:
        """
        Give it empty.
        """
        with SQLiteStorage(tmp_path / "points.db") as storage:
            yield storage

    @pytest.fixture
    def reopen(self, storage: Storage, tmp_path: Path) -> Callable[[], Storage]:
        """
        Give the way to open it again.
        """

        def again() -> Storage:
            storage.close()
            return SQLiteStorage(tmp_path / "points.db")

        return again
