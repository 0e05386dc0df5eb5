"""
What tests of every folder share: the storages.
"""

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from pointsledger.port import Storage
from pointsledger.storage.memory import MemoryStorage

STORAGES = ["memory"]
if importlib.util.find_spec("pointsledger.storage.sqlite"):
    STORAGES.append("sqlite")


@pytest.fixture(params=STORAGES)
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    """
    Each storage in turn, empty, and closed after the test.
    """
    if request.param == "memory":
        opened: Storage = MemoryStorage()
    else:
        from pointsledger.storage.sqlite import SQLiteStorage

        opened = SQLiteStorage(tmp_path / "points.db")
    yield opened
    opened.close()
