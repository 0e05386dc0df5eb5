"""
Where ledgers are kept: each storage under its name, and a fresh place in it for every round that wants one.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import AsyncGenerator, Generator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import psycopg
from attrs import Factory, define, field, frozen

from pointsledger.port import AsyncStorage, Storage
from pointsledger.storage.memory import MemoryStorage
from pointsledger.storage.memory_async import AsyncMemoryStorage
from pointsledger.storage.postgres import PostgresStorage
from pointsledger.storage.postgres_async import AsyncPostgresStorage
from pointsledger.storage.sqlite import SQLiteStorage

NAMES = ("memory", "sqlite-wal", "sqlite-delete", "postgres")


class Door(Protocol):
    """
    One place to keep ledgers in, which any number of callers may open. Doors go to other processes, but for memory.
    """

    def opened(self) -> AbstractContextManager[Storage]:
        """
        Lend a storage.
        """
        ...

    def check(self) -> None:
        """
        Raise AssertionError where the database itself finds something wrong.
        """
        ...


class AsyncDoor(Door, Protocol):
    """
    A place that can be awaited too.
    """

    def opened_async(self) -> AbstractAsyncContextManager[AsyncStorage]:
        """
        Lend a storage that is awaited.
        """
        ...


class Place(Protocol):
    """
    A kind of storage.
    """

    name: str

    def fresh(self) -> AbstractContextManager[Door]:
        """
        Lend an empty place, which is gone afterwards.
        """
        ...


# --- memory ----------------------------------------------------------------------------------------------------------


@frozen
class MemoryDoor:
    """
    Leads to one storage in this process; an awaited one is another.
    """

    storage: MemoryStorage

    @contextmanager
    def opened(self) -> Generator[MemoryStorage]:
        """
        Lend the storage, which outlives each caller.
        """
        yield self.storage

    @asynccontextmanager
    async def opened_async(self) -> AsyncGenerator[AsyncMemoryStorage]:
        """
        Lend a storage that is awaited.
        """
        yield AsyncMemoryStorage()

    def check(self) -> None:
        """
        Memory has nothing of its own to say.
        """


@frozen
class Memory:
    """
    Storages in memory.
    """

    name: str = "memory"

    @contextmanager
    def fresh(self) -> Generator[MemoryDoor]:
        """
        Lend an empty storage.
        """
        yield MemoryDoor(MemoryStorage())


# --- SQLite ----------------------------------------------------------------------------------------------------------


@frozen
class SQLiteDoor:
    """
    Leads to a file.
    """

    path: Path
    mode: Any

    def opened(self) -> SQLiteStorage:
        """
        Lend a storage of its own.
        """
        return SQLiteStorage(self.path, journal_mode=self.mode)

    def check(self) -> None:
        """
        Let SQLite look at every page, index and constraint.
        """
        with closing(sqlite3.connect(self.path)) as plain:
            found = plain.execute("PRAGMA integrity_check").fetchall()
        assert found == [("ok",)], f"integrity_check: {found}"


@frozen
class SQLite:
    """
    Files in a journal mode.
    """

    mode: str

    @property
    def name(self) -> str:
        """
        Name the storage together with its journal mode.
        """
        return f"sqlite-{self.mode}"

    @contextmanager
    def fresh(self) -> Generator[SQLiteDoor]:
        """
        Lend a file that does not exist yet.
        """
        with tempfile.TemporaryDirectory(prefix="points") as folder:
            yield SQLiteDoor(Path(folder) / "points.db", self.mode)


# --- PostgreSQL ------------------------------------------------------------------------------------------------------


@frozen
class PostgresDoor:
    """
    Leads to the tables in one schema of a database, for storages that give up after so many seconds.
    """

    dsn: str
    schema: str
    timeout: int = 60

    def opened(self) -> PostgresStorage:
        """
        Lend a storage with a pool of its own.
        """
        return PostgresStorage(self.dsn, schema=self.schema, timeout=self.timeout)

    def opened_async(self) -> AsyncPostgresStorage:
        """
        Lend a storage that is awaited, with a pool of its own.
        """
        return AsyncPostgresStorage(self.dsn, schema=self.schema, timeout=self.timeout)

    def check(self) -> None:
        """
        PostgreSQL checks its constraints at every commit; what is read is checked by the books.
        """


@define
class Postgres:
    """
    Schemas of a database.
    """

    dsn: str
    name: str = field(default="postgres", init=False)
    _numbers: count[int] = field(default=Factory(count), init=False)

    @contextmanager
    def fresh(self) -> Generator[PostgresDoor]:
        """
        Lend a schema that does not exist yet.
        """
        schema = f"round_{next(self._numbers)}"
        try:
            yield PostgresDoor(self.dsn, schema)
        finally:
            with psycopg.connect(self.dsn, autocommit=True) as connection:
                connection.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE'.encode())
