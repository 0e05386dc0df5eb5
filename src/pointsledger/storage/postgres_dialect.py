"""
What both storages in PostgreSQL share, at once or awaited: its dialect, its errors and when they pass, how transactions
begin, and how the tables come to be.
"""

from __future__ import annotations

import re
import secrets
from functools import lru_cache
from time import monotonic
from typing import Any, TypeAlias

from ..errors import (
    Corrupt,
    InvalidInput,
    NoTransaction,
    OperatorNeeded,
    OutcomeUnknown,
    SchemaMismatch,
    StorageBusy,
    StorageUnavailable,
    TryAgain,
)
from ..extras import extra
from . import sql, sql_migration, sql_schema

with extra("postgres", "psycopg"):
    import psycopg
    from psycopg.adapt import AdaptersMap
    from psycopg.pq import PipelineStatus, TransactionStatus
    from psycopg.types.bool import BoolLoader
    from psycopg.types.numeric import Int8Dumper, IntLoader
    from psycopg.types.string import StrDumperUnknown, TextLoader
with extra("postgres", "psycopg-pool"):
    import psycopg_pool

Connection: TypeAlias = psycopg.Connection[Any] | psycopg.AsyncConnection[Any]

ATTEMPTS_MAX = 10
"""How often a transaction of the storage's own is tried where others get in its way (R-46)."""
POOL_MAX = 10
"""How many connections a pool of the storage's own has at most."""

_PREFIX_MAX = 40
"""As many bytes as leave room for the longest name of an index within PostgreSQL's 63."""

_IN_THE_WAY = {
    "40001",  # serialization_failure
    "40P01",  # deadlock_detected
    "55P03",  # lock_not_available: the time-out
    "57014",  # query_canceled
}
_NO_TABLES = {"42P01", "3F000"}  # undefined_table, invalid_schema_name
_BROKEN = {"23", "XX"}  # a constraint other than of uniqueness, data_corrupted
_LOST = {
    "57P01",  # admin_shutdown
    "57P02",  # crash_shutdown
    "57P03",  # cannot_connect_now
    "57P05",  # idle_session_timeout
    "25P03",  # idle_in_transaction_session_timeout
    "25P04",  # transaction_timeout
}
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")


def _name(value: Any, field: str, *, most: int) -> None:
    if type(value) is not str or not _PLAIN.fullmatch(value) or len(value) > most or value.startswith("pg_"):
        raise InvalidInput(field, value, f"must be a-z, 0-9 and _, at most {most}, and not begin with a digit or pg_")


def dialect_of(schema: str, prefix: str) -> sql_schema.Dialect:
    """
    Return the dialect of tables in a schema whose names begin with a prefix.

    Raises:
        InvalidInput: schema or prefix is no plain name.
    """
    _name(schema, "schema", most=63)
    _name(prefix, "prefix", most=_PREFIX_MAX)
    return sql_schema.Dialect(
        integer="BIGINT",
        text='TEXT COLLATE "C"',
        table="",
        lock=" FOR UPDATE",
        claim="SELECT pg_advisory_xact_lock(hashtext(?), hashtext(?))",
        prefix=prefix,
        place=f'"{schema}".',
    )


def error_of(error: psycopg.Error, place: str) -> TryAgain | OperatorNeeded:
    """
    Return the error of this library for one of the driver (R-47).
    """
    if isinstance(error, psycopg_pool.PoolTimeout | psycopg_pool.TooManyRequests):
        return StorageBusy(f"{place}: {error}")
    if error.sqlstate in _IN_THE_WAY:
        return StorageBusy(f"{place}: {error}")
    if error.sqlstate in _NO_TABLES:
        return SchemaMismatch(place, 0, sql_schema.SCHEMA_VERSION)
    if error.sqlstate is not None and error.sqlstate[:2] in _BROKEN:
        return Corrupt(place, str(error))
    return StorageUnavailable(place, str(error))


def is_lost(error: BaseException | None, connection: Connection | None = None) -> bool:
    """
    Whether the connection, and not the statement, is what failed.
    """
    if not isinstance(error, psycopg.Error) or isinstance(error, psycopg_pool.PoolClosed):
        return False
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError) and (connection is None or connection.closed)
    return error.sqlstate in _LOST or error.sqlstate.startswith("08")


def _may_pass(error: TryAgain | OperatorNeeded) -> bool:
    return isinstance(error, TryAgain) or (isinstance(error, StorageUnavailable) and is_lost(error.__cause__))


class Patience:
    """
    How long to try again after errors, and what to raise in the end.
    """

    def __init__(self, timeout: int, *, repeatable: bool) -> None:
        self.deadline = monotonic() + timeout
        self._repeatable = repeatable
        self._unknown: OutcomeUnknown | None = None
        self._count = 1

    def is_lost_after(self, error: TryAgain | OperatorNeeded) -> bool:
        """
        Whether the connection was lost; raises where trying again is over, first an outcome that stays unknown.
        """
        if isinstance(error, OutcomeUnknown):
            self._unknown = error
        over = self._count == ATTEMPTS_MAX or monotonic() >= self.deadline or not _may_pass(error)
        if over or (self._unknown is not None and not self._repeatable):
            raise self._unknown or error from error.__cause__
        return not isinstance(error, TryAgain) or self._unknown is error

    def pause(self) -> float:
        """
        Return the seconds to wait before the next attempt.
        """
        seconds = secrets.randbelow(10 * min(self._count, 10)) / 1000
        self._count += 1
        return seconds


# --- what is said to the server, and asked of it ---------------------------------------------------------------------

BEGIN_TO_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
BEGIN_TO_WRITE = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"


def begin(how: str, deadline: float) -> bytes:
    """
    Begin, and wait for locks until the deadline at most.
    """
    wait = max(1, int(1000 * (deadline - monotonic())))
    return f"{how}; SET LOCAL lock_timeout = {wait:d}".encode()


def check_begun(info: psycopg.ConnectionInfo, how: str) -> None:
    """
    Refuse to work outside a transaction of the caller's; `how` says how to begin one.
    """
    if info.transaction_status == TransactionStatus.IDLE:
        raise NoTransaction(f"begin a transaction first, best with `{how}`")
    if info.transaction_status == TransactionStatus.INERROR:
        raise NoTransaction("the transaction has failed; roll back, and begin another")


def check_ways(info: psycopg.ConnectionInfo, place: str) -> None:
    """
    Refuse a connection in pipeline mode, and a database or connection whose text is not UTF8.
    """
    if info.pipeline_status != PipelineStatus.OFF:  # an answer would come after the question that depends on it
        raise StorageUnavailable(place, "its connection is in pipeline mode; leave that first")
    for name in ("server_encoding", "client_encoding"):
        encoding = info.parameter_status(name)
        if encoding != "UTF8":  # others cannot hold every account, or sort in another order
            raise StorageUnavailable(place, f"its {name} is {encoding}; UTF8 is needed")


def read_plainly(adapters: AdaptersMap) -> None:
    """
    Let a cursor give and take plain `str`, `int` and `bool`, whatever the caller has made of its connection.
    """
    adapters.register_dumper(str, StrDumperUnknown)
    adapters.register_dumper(int, Int8Dumper)  # one type, so that a statement is prepared once
    adapters.register_loader("text", TextLoader)
    for sums_too in ("int8", "numeric"):
        adapters.register_loader(sums_too, IntLoader)
    adapters.register_loader("bool", BoolLoader)


def stored_format(dialect: sql_schema.Dialect, place: str) -> sql.Body[int]:
    """
    Return the version of the stored format, 0 where there is none.
    """
    if (yield sql.Statement("SELECT to_regclass(?)", [dialect("{schema}")])) == [(None,)]:
        return 0
    rows = yield sql.Statement(dialect(sql_schema.SELECT_VERSION))
    if not rows:
        raise StorageBusy(f"{place}: the tables are younger than the transaction; begin another")
    return int(rows[0][0])


def migrate(dialect: sql_schema.Dialect, schema: str, place: str) -> sql.Body[None]:
    """
    Bring the stored format from whatever version it has to this release's, one process at a time in a schema.
    """
    found = yield from stored_format(dialect, place)
    if found < sql_schema.SCHEMA_VERSION:
        yield sql.Statement("SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", [schema])
        if (yield sql.Statement("SELECT to_regnamespace(?)", [f'"{schema}"'])) == [(None,)]:
            try:
                yield sql.Statement(f'CREATE SCHEMA "{schema}"', writes=True)
            except sql.RowExists:
                raise StorageBusy(f"{place}: another has just created the schema") from None
        found = yield from stored_format(dialect, place)
    if found > sql_schema.SCHEMA_VERSION:
        raise SchemaMismatch(place, found, sql_schema.SCHEMA_VERSION)
    if found < sql_schema.SCHEMA_VERSION:
        yield from sql_migration.migrate(dialect, found)


@lru_cache(maxsize=1000)
def prepared(statement: str) -> bytes:
    """
    Return a statement with the driver's placeholders; texts within it are none of these.
    """
    return statement.replace("%", "%%").replace("?", "%s").encode()
