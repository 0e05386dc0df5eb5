"""
Faults of PostgreSQL: connections of which some statements fail, are cut off, or lose their answer.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import psycopg
import psycopg_pool


class PostgresFaults:
    """
    Connections to a database, of whose statements some fail.
    """

    ways = ("before", "after", "killed", "raises")

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.seen: list[str] = []
        self.last = ""
        self.start, self.how, self.before, self.times, self.state, self.met = "", "", 0, 0, "", 0

    def fail(self, start: str, how: str, *, at: int = 1, times: int = 1, state: str = "") -> None:
        """
        Let the next statements that begin so fail.

        Args:
            how: the connection is lost "before" it ran or "after"; it is "killed" by the server; the statement
                "raises" an error of the server's with this state.
            at: which of them is the first that fails, counted from 1; times: how many fail from there.
        """
        self.start, self.how, self.before, self.times, self.state, self.met = start, how, at - 1, times, state, 0

    @contextmanager
    def failing(self, way: str, at: int) -> Generator[None]:
        """
        Let the statement with this number fail meanwhile.
        """
        self.fail("", way, at=at, state="40001")
        try:
            yield
        finally:
            self.times = 0

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
        if self.before:
            self.before -= 1
            return statement()
        self.times -= 1
        self.met += 1
        self.last = text
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
