"""
How the stored format becomes that of this release, from nothing or from an earlier one.

Performs no I/O: like the rest of the body of SQL storages, it yields statements and is sent their rows.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ..domain.instants import from_micros, micros
from ..domain.program import Program
from .sql import Body, Statement
from .sql_rows import program_of
from .sql_schema import CREATE_VERSION, INSERT_VERSION, MIGRATIONS, NEVER, UPDATE_VERSION, Dialect

_PAGE = 5000

# The command stands with its first entry. Points that came back were dated by the terms of what they came back from.
_DATED_LOTS = """
    SELECT e.program, e.account, e.sequence, e.kind, e.available_at, e.expires_at, c.command, t.body
    FROM {entries} e
    JOIN {entries} c ON c.program = e.program AND c.account = e.account AND c.sequence = e.sequence - e.ordinal
    JOIN {entries} p ON p.program = e.program AND p.account = e.account
        AND p.sequence = COALESCE(e.reverses, e.sequence)
    JOIN {terms} t ON t.program = p.program AND t.account = p.account AND t.digest = p.terms
    WHERE e.available_at IS NOT NULL AND (e.program, e.account, e.sequence) > (?, ?, ?)
    ORDER BY e.program, e.account, e.sequence
    LIMIT ?
"""


def migrate(dialect: Dialect, found: int) -> Body[None]:
    """
    Go from the version that was found, 0 for none, to this release's, in the transaction that the driver has begun.
    """
    if not found:
        yield Statement(dialect(CREATE_VERSION), unread=True)
        yield Statement(dialect(INSERT_VERSION), unread=True)
    for version, statements in enumerate(MIGRATIONS[found:], start=found + 1):
        for statement in statements:
            yield Statement(dialect(statement), unread=True)
        if version == 3 and found:
            yield from _mark_what_follows_no_policy(dialect)
        yield Statement(dialect(UPDATE_VERSION), (version,), unread=True)


def _mark_what_follows_no_policy(dialect: Dialect) -> Body[None]:
    """
    Tell lots that were dated by hand, by a rule's own policy or by a grace from those that the program's policy dated:
    format 2 kept no note of it, but a lot has another date then than its terms give (R-38).
    """
    page: list[Any] = [("", "", 0)]
    while page:
        page = yield Statement(dialect(_DATED_LOTS), (*page[-1][:3], _PAGE))
        apart = [tuple(row[:3]) for row in page if not _follows(*row[3:])]
        for sql in (
            "UPDATE {entries} SET follows = 0 WHERE program = ? AND account = ? AND sequence = ?",
            "UPDATE {lots} SET follows = 0 WHERE program = ? AND account = ? AND lot = ?",
        ):
            if apart:
                yield Statement(dialect(sql), rows=apart, unread=True)


def _follows(kind: str, available_at: int, expires_at: int, command: str, body: str) -> bool:
    # A quote within a text is escaped, so no remark looks like the name of a field.
    if kind == "adjusted" and '"expires_at":' in command:
        return False
    when = _read(body).expires_at(from_micros(available_at))
    return expires_at == (NEVER if when is None else micros(when))


@lru_cache(maxsize=100)
def _read(body: str) -> Program:
    return program_of(body)
