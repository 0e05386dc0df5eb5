"""
What both storages in PostgreSQL share, at once or awaited: its dialect, its errors and when they pass, how transactions
begin, and how the tables come to be.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Generator, Iterator, Sequence
from functools import lru_cache
from itertools import chain, groupby
from time import monotonic
from typing import Any, TypeAlias, TypeVar

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
from .sql_each import Each, arrays

with extra("postgres", "psycopg"):
    import psycopg
    from psycopg import errors
    from psycopg.adapt import AdaptersMap
    from psycopg.conninfo import conninfo_to_dict
    from psycopg.pq import PipelineStatus, TransactionStatus
    from psycopg.types.bool import BoolLoader
    from psycopg.types.numeric import Int8Dumper, IntLoader
    from psycopg.types.string import StrDumperUnknown, TextLoader
with extra("postgres", "psycopg-pool"):
    import psycopg_pool

T = TypeVar("T")
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


def check_conninfo(conninfo: str) -> str:
    """
    Return a connection string that can be read; one that cannot is not repeated, for it may hold a password.
    """
    try:
        if "\0" not in conninfo:
            conninfo_to_dict(conninfo)
            return conninfo
    except (psycopg.ProgrammingError, UnicodeError):
        pass  # libpq's own words quote a part of it
    raise InvalidInput("database", "***", "is no connection string that libpq can read")


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
        claim=Each(
            "SELECT pg_advisory_xact_lock(hashtext(?), hashtext(?))",
            f"SELECT pg_advisory_xact_lock(hashtext(v.program), hashtext(v.account)) FROM {arrays('program, account')}",
        ),
        among="= ANY (ARRAY({}))",  # of IN it makes a join, which is quadratic as long as it has no statistics
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


_COMMIT = sql.Statement("COMMIT")
# Where nothing was written there is nothing to wait for a disk for. After a rollback psycopg would forget what it has
# prepared, so this is none.
_IDLE_END = (
    sql.Statement("SET LOCAL synchronous_commit = off", unread=True),
    sql.Statement("COMMIT"),
)


def writing(body: sql.Body[T], deadline: float) -> sql.Body[T]:
    """
    Run a body in a transaction of its own, which waits for locks until the deadline at most.
    """
    yield sql.Statement("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", unread=True)
    yield _waiting_until(deadline)
    wrote = False
    answer: Any = None
    try:
        while True:
            statement = body.send(answer)
            wrote = wrote or not statement.sql.startswith("SELECT")
            answer = yield statement
    except StopIteration as stop:
        yield from [_COMMIT] if wrote else _IDLE_END
        result: T = stop.value
        return result
    except Exception:
        if not wrote:
            yield from _IDLE_END
        raise


def reading(body: sql.Body[T], deadline: float | None = None) -> sql.Body[T]:
    """
    Run a body that reads in a transaction of its own, which sees one snapshot, and waits for locks like `writing`.
    """
    yield sql.Statement("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", unread=True)
    if deadline is not None:
        yield _waiting_until(deadline)
    result = yield from body
    yield sql.Statement("COMMIT")
    return result


def _waiting_until(deadline: float) -> sql.Statement:
    wait = max(1, int(1000 * (deadline - monotonic())))
    return sql.Statement("SELECT set_config('lock_timeout', ?, true)", [str(wait)], unread=True)


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


def check_format(dialect: sql_schema.Dialect, place: str) -> sql.Body[None]:
    """
    Refuse tables that this release cannot use.
    """
    found = yield from stored_format(dialect, place)
    if found != sql_schema.SCHEMA_VERSION:
        raise SchemaMismatch(place, found, sql_schema.SCHEMA_VERSION)


def migrate(dialect: sql_schema.Dialect, schema: str, place: str) -> sql.Body[None]:
    """
    Bring the stored format from whatever version it has to this release's, one process at a time in a schema.
    """
    found = yield from stored_format(dialect, place)
    if found < sql_schema.SCHEMA_VERSION:
        yield sql.Statement("SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", [schema])
        if (yield sql.Statement("SELECT to_regnamespace(?)", [f'"{schema}"'])) == [(None,)]:
            busy = StorageBusy(f"{place}: another has just created the schema")
            yield sql.Statement(f'CREATE SCHEMA "{schema}"', unread=True, conflict=busy)
        found = yield from stored_format(dialect, place)
    if found > sql_schema.SCHEMA_VERSION:
        raise SchemaMismatch(place, found, sql_schema.SCHEMA_VERSION)
    if found < sql_schema.SCHEMA_VERSION:
        yield from sql_migration.migrate(dialect, found)


# --- how a body is driven --------------------------------------------------------------------------------------------

PIPELINES = psycopg.Pipeline.is_supported()
"""Whether many statements can be sent before an answer is waited for; it needs libpq 14."""

Turns: TypeAlias = Generator[list[sql.Statement], Any, T]


def turns(body: sql.Body[T], place: str) -> Turns[T]:
    """
    Gather what nobody reads an answer of with the next statement whose answer is read, so that they go together.

    Is sent the answer to the last of them, or thrown the driver's error.

    Raises:
        VersionConflict: or what else statements name for where they meet what another wrote.
        OutcomeUnknown: the connection was lost while a commit waited for its answer.
    """
    gathered: list[sql.Statement] = []
    answer: Any = None
    while True:
        try:
            statement = body.send(answer)
        except StopIteration as stop:
            if gathered:
                yield from _answered(gathered, place)
            result: T = stop.value
            return result
        gathered.append(statement)
        answer = None
        if not statement.unread:
            answer = yield from _answered(gathered, place)
            gathered = []


def _answered(statements: list[sql.Statement], place: str) -> Turns[Any]:
    try:
        return (yield statements)
    except psycopg.Error as error:
        # Otherwise the server says that nothing was committed.
        if statements[-1] is _COMMIT and is_lost(error):
            raise OutcomeUnknown(f"{place}: {error}") from error
        exists, missing = (isinstance(error, kind) for kind in (errors.UniqueViolation, errors.DivisionByZero))
        for statement in statements:
            if statement.conflict is not None and (exists or (missing and statement.counted)):
                raise statement.conflict from error
        raise


def forget_prepared(connection: Connection) -> None:
    """
    Let psycopg prepare anew: of a pipeline that failed it takes for prepared what the server has skipped.
    """
    connection._prepared.clear()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - as its own rollback does


Said: TypeAlias = tuple[bytes, Sequence[Any]]
_Part: TypeAlias = tuple[str, Sequence[Any], int]
"""A text, its parameters, and how many rows it must find; 0 where they are not counted."""

_PARAMETERS_MAX = 50
"""What psycopg has read of a text with more it reads anew each time."""


def said(statements: list[sql.Statement]) -> list[Said]:
    """
    Return what is sent for statements: texts with their parameters. What is posted is put together to a few of them.
    """
    found: list[Said] = []
    for posted, group in groupby(statements, _is_posted):
        parts = [part for statement in group for part in _parts(statement)]
        if posted:
            for some in _apart(parts):
                texts = tuple((text, count > 0) for text, _, count in some)
                counts = [count for _, _, count in some if count]
                found.append((_in_one(texts), [*chain.from_iterable(values for _, values, _ in some), *counts]))
        else:
            found += [(_with_placeholders(text), values) for text, values, _ in parts]
    return found


def _apart(parts: list[_Part]) -> Iterator[list[_Part]]:
    """
    Yield parts by as many as have few enough parameters.
    """
    some: list[_Part] = []
    for part in parts:
        if sum(len(values) + 1 for _, values, _ in (*some, part)) > _PARAMETERS_MAX and some:
            yield some
            some = []
        some.append(part)
    yield some


def _is_posted(statement: sql.Statement) -> bool:
    return bool(statement.rows) and statement.conflict is not None


def _parts(statement: sql.Statement) -> Iterator[_Part]:
    """
    Yield what a statement is made of: its rows by themselves, or together.
    """
    rows, counted = statement.rows, statement.counted
    if not rows:
        yield statement.sql, statement.parameters, 0
    elif len(rows) > 1 and statement.together:
        yield statement.together, [_array(column) for column in zip(*rows, strict=True)], counted and len(rows)
    else:
        for row in rows:
            yield statement.sql, row, int(counted)


@lru_cache(maxsize=1000)
def _in_one(parts: tuple[tuple[str, bool], ...]) -> bytes:
    """
    Return one statement that runs all of these on different rows.

    Where rows are counted, another number than expected is an error of the server's, by which the commit that was
    sent along fails as well.
    """
    names = [f"part_{n}" for n in range(len(parts))]
    texts = (f"{name} AS ({text} RETURNING 1)" for name, (text, _) in zip(names, parts, strict=True))
    counts = (f"(SELECT count(*) FROM {name}) = ?" for name, (_, counted) in zip(names, parts, strict=True) if counted)
    return _with_placeholders(f"WITH {', '.join(texts)} SELECT 1 / ({' AND '.join(counts) or 'true'})::int")


@lru_cache(maxsize=1000)
def _with_placeholders(statement: str) -> bytes:
    """
    Return a statement with the driver's placeholders; texts within it are none of these.
    """
    return statement.replace("%", "%%").replace("?", "%s").encode()


def _array(column: Sequence[str | int | None]) -> str:
    """
    Return PostgreSQL's text for an array; what psycopg makes of a list depends on the types of its items.
    """
    return f"{{{','.join(map(_item, column))}}}"


def _item(value: str | int | None) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return str(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
