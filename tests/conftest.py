"""
What tests of every folder share: the storages.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pointsledger.port import Storage
from pointsledger.storage.memory import MemoryStorage
from pointsledger.storage.sqlite import SQLiteStorage


@pytest.fixture(params=["memory", "sqlite"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    """
    Each storage in turn, empty, and closed after the test.
    """
    opened: Storage = MemoryStorage() if request.param == "memory" else SQLiteStorage(tmp_path / "points.db")
    yield opened
    opened.close()
