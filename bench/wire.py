"""
What goes over the wire between libpq and a PostgreSQL server, as libpq itself tells it, and what is written for it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any

import psycopg
import psycopg_pool
from attrs import frozen


@frozen
class Said:
    """
    What was said to the server.

    Args:
        round_trips: how often the client waited for the server.
        statements: the first word of what the server said of each statement that ran.
    """

    round_trips: int
    statements: tuple[str, ...]


def said_through(pool: psycopg_pool.ConnectionPool[Any], run: Callable[[], object]) -> Said:
    """
    Listen to the one connection of a pool.
    """
    with tempfile.TemporaryFile() as file:
        with pool.connection() as connection:
            connection.pgconn.trace(file.fileno())
        run()
        with pool.connection() as connection:
            connection.pgconn.untrace()
        file.seek(0)
        return said_in(file.read().decode("utf-8", "replace"))


def said_in(trace: str) -> Said:
    """
    Read a trace of libpq.

    The server is ready for another query once for each time that it was waited for, be it for one statement or for a
    pipeline of many.
    """
    lines = [line.split("\t") for line in trace.splitlines()]
    done = [line[4].strip().strip('"') for line in lines if len(line) > 4 and line[3] == "CommandComplete"]
    return Said(
        sum(len(line) > 3 and line[3] == "ReadyForQuery" for line in lines),
        tuple(tag.split()[0] for tag in done),
    )


def rows_written(dsn: str, tables: str, run: Callable[[], object]) -> int:
    """
    Return how many rows of the ledger's tables, whose names begin so, were made or changed meanwhile.
    """
    names = [f"{tables}{name}" for name in ("accounts", "allocations", "entries", "holds", "lots", "terms")]
    with psycopg.connect(dsn, autocommit=True) as connection:
        before = _first_column(connection, "SELECT pg_current_xact_id()::text::bigint")
        run()
        counts = (f"SELECT count(*) FROM {name} WHERE xmin::text::bigint > {before:d}" for name in names)
        return sum(_first_column(connection, count) for count in counts)


def _first_column(connection: psycopg.Connection[Any], query: str) -> int:
    ((value,),) = connection.execute(query.encode()).fetchall()
    return int(value)
