"""
A PostgreSQL server for tests: started once for each process that runs tests, or named by POINTSLEDGER_TEST_DSN.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import psycopg_pool
import pytest

from pointsledger.storage.postgres import PostgresStorage
from reliability import server as reliability_server
from tests.storage.books import ANN, club

TABLES = ("accounts", "allocations", "entries", "holds", "lots", "terms")


@contextmanager
def server() -> Iterator[str]:
    """
    Lend the connection string of a server, which is stopped at the end.

    Without a server the tests that need it are skipped, but fail where CI is set.
    """
    given = os.environ.get("POINTSLEDGER_TEST_DSN")
    if given:
        yield given
        return
    try:
        with reliability_server.server() as started:
            started.set(*reliability_server.HASTE)
            yield started.dsn
    except (ImportError, OSError, subprocess.SubprocessError, psycopg.Error) as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no PostgreSQL server: {error}")


@contextmanager
def database(dsn: str, name: str) -> Iterator[str]:
    """
    Lend the connection string of a database of its own, which is dropped at the end.
    """
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())
        admin.execute(f'CREATE DATABASE "{name}"'.encode())
        yield psycopg.conninfo.make_conninfo(dsn, dbname=name)
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


class Database:
    """
    A database whose tables many tests use, one after the other.
    """

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        options: dict[str, Any] = {"autocommit": True}
        self.pool = psycopg_pool.ConnectionPool(dsn, kwargs=options, min_size=1, max_size=20, num_workers=1, open=True)
        PostgresStorage(self.pool).close()

    def storage(self) -> PostgresStorage:
        """
        Return a storage without rows.
        """
        with self.pool.connection() as connection:
            for table in TABLES:
                connection.execute(f"DELETE FROM pointsledger_{table}".encode())
        return PostgresStorage(self.pool)

    def close(self) -> None:
        """
        Let go of all connections.
        """
        self.pool.close()


@contextmanager
def dropped(dsn: str, schema: str) -> Iterator[None]:
    """
    Drop a schema in the end.
    """
    try:
        yield
    finally:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE'.encode())


def open_at_once(dsn: str, schema: str, number: int, start: Any) -> None:
    """
    Open a storage at the same moment as others, and earn.
    """
    start.wait()
    with PostgresStorage(dsn, schema=schema) as storage:
        club(storage).earn(ANN, 1, key=f"key-{number}")
