"""
The contract of the port, on the storages of this library.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pointsledger.port import Storage
from pointsledger.storage.memory import MemoryStorage
from pointsledger.storage.sqlite import SQLiteStorage
from pointsledger.testing import StorageContract


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
