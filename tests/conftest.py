"""
What tests of every folder share: the storages.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pointsledger.port import Storage
from pointsledger.storage.memory import MemoryStorage
from pointsledger.storage.sqlite import SQLiteStorage
from tests.storage import postgres_server


@pytest.fixture(scope="session")
def postgres(postgres_dsn: str) -> Iterator[postgres_server.Database]:
    """
    A PostgreSQL database with the ledger's tables, which many tests share.
    """
    database = postgres_server.Database(postgres_dsn)
    yield database
    database.close()


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    """
    Each storage in turn, empty, and closed after the test.
    """
    opened: Storage
    if request.param == "memory":
        opened = MemoryStorage()
    elif request.param == "sqlite":
        opened = SQLiteStorage(tmp_path / "points.db")
    else:
        opened = request.getfixturevalue("postgres").storage()
    yield opened
    opened.close()
