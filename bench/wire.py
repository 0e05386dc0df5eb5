"""
What goes over the wire between libpq and a PostgreSQL server, as libpq itself tells it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any

import psycopg_pool
from attrs import frozen


@frozen
class Said:
    """
    What was said to the server.

    Args:
        round_trips: how often the client waited for the server.
        statements: the first word of each statement that ran.
        written: how many rows these wrote.
    """

    round_trips: int
    statements: tuple[str, ...]
    written: int


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
        sum(int(tag.split()[-1]) for tag in done if tag.startswith(("INSERT", "UPDATE", "DELETE"))),
    )
