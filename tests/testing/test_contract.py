"""
The contract of the port, on the storages of this library.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import ClassVar

import psycopg
import pytest

from pointsledger.port import Storage
from pointsledger.storage.memory import MemoryStorage
from pointsledger.storage.memory_async import AsyncMemoryStorage
from pointsledger.storage.postgres import PostgresStorage
from pointsledger.storage.postgres_async import AsyncPostgresStorage
from pointsledger.storage.sqlite import SQLiteStorage
from pointsledger.testing import AsyncStorageContract, StorageContract
from pointsledger.testing.bridge import Bridge, Opener
from pointsledger.testing.plain_storage import PlainStorage
from tests.storage.postgres_server import Database


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


class TestSQLiteJoined(StorageContract):
    """
    The caller's connection to SQLite, in a transaction that stays open.
    """

    @pytest.fixture
    def shop(self) -> Iterator[sqlite3.Connection]:
        """
        Give the caller's connection.
        """
        with closing(sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)) as connection:
            connection.execute("BEGIN")
            SQLiteStorage.joining(connection).create_schema()
            yield connection

    @pytest.fixture
    def storage(self, shop: sqlite3.Connection) -> Storage:
        """
        Give it empty.
        """
        return SQLiteStorage.joining(shop)

    @pytest.fixture
    def reopen(self, storage: Storage, shop: sqlite3.Connection) -> Callable[[], Storage]:
        """
        Give the way to join again.
        """

        def again() -> Storage:
            storage.close()
            return SQLiteStorage.joining(shop)

        return again


class TestPostgres(StorageContract):
    """
    A PostgreSQL database, to which a pool of connections leads.
    """

    @pytest.fixture
    def storage(self, postgres: Database) -> Iterator[Storage]:
        """
        Give it empty.
        """
        with postgres.storage() as storage:
            yield storage

    @pytest.fixture
    def reopen(self, storage: Storage, postgres: Database) -> Callable[[], Storage]:
        """
        Give the way to open it again.
        """

        def again() -> Storage:
            storage.close()
            return PostgresStorage(postgres.pool)

        return again


class TestPostgresJoined(StorageContract):
    """
    The caller's connection to PostgreSQL, in a transaction that stays open.
    """

    @pytest.fixture
    def shop(self, postgres: Database) -> Iterator[psycopg.Connection]:
        """
        Give the caller's connection.
        """
        postgres.storage().close()
        with closing(psycopg.connect(postgres.dsn, autocommit=True)) as connection:
            connection.execute("BEGIN")
            yield connection

    @pytest.fixture
    def storage(self, shop: psycopg.Connection) -> Storage:
        """
        Give it empty.
        """
        return PostgresStorage.joining(shop)

    @pytest.fixture
    def reopen(self, storage: Storage, shop: psycopg.Connection) -> Callable[[], Storage]:
        """
        Give the way to join again.
        """

        def again() -> Storage:
            storage.close()
            return PostgresStorage.joining(shop)

        return again


class TestAsyncMemory(AsyncStorageContract):
    """
    The storage in memory that is awaited.
    """

    @pytest.fixture
    def open_storage(self) -> Opener:
        """
        Give what makes it.
        """
        return AsyncMemoryStorage


class TestAsyncPostgres(AsyncStorageContract):
    """
    A PostgreSQL database that is awaited.
    """

    @pytest.fixture
    def open_storage(self, postgres: Database) -> Opener:
        """
        Give what opens it empty.
        """
        postgres.storage().close()
        return self.opener(postgres)

    @pytest.fixture
    def open_again(self, postgres: Database) -> Opener:
        """
        Give what opens it as it is.
        """
        return self.opener(postgres)

    def opener(self, postgres: Database) -> Opener:
        """
        Return what opens a storage with a pool of its own.
        """
        return lambda: AsyncPostgresStorage(postgres.dsn)


class TestAsyncPostgresJoined(AsyncStorageContract):
    """
    The caller's awaited connection to PostgreSQL, in a transaction that stays open.
    """

    @pytest.fixture
    def shop(self, postgres: Database, bridge: Bridge) -> Iterator[psycopg.AsyncConnection]:
        """
        Give the caller's connection, which belongs to the event loop.
        """
        postgres.storage().close()
        connection = bridge.run(psycopg.AsyncConnection.connect(postgres.dsn, autocommit=True))
        bridge.run(connection.execute("BEGIN"))
        yield connection
        bridge.run(connection.close())

    @pytest.fixture
    def open_storage(self, shop: psycopg.AsyncConnection) -> Opener:
        """
        Give what joins it.
        """
        return lambda: AsyncPostgresStorage.joining(shop)

    @pytest.fixture
    def open_again(self, open_storage: Opener) -> Opener:
        """
        Give what joins it again.
        """
        return open_storage
