"""
Statements that run for any number of rows.

One row goes by itself.
Many go one by one, or as arrays of their columns in one statement where the database has arrays, which is PostgreSQL.
"""

from __future__ import annotations

from attrs import frozen

_TEXTS = frozenset(
    "program account kind command_key command rate_money money still_to_pay channel topic rule terms profile "
    "digest body".split()
)
"""The columns that hold text; all others hold whole numbers."""


@frozen(eq=False)  # each stands for itself, which makes it a quick key
class Each:
    """
    One statement in two texts.

    Args:
        alone: for one row, whose values stand for its question marks.
        together: for many rows, whose columns stand for its question marks as arrays.
        counted: whether it must find a row for each that it is given.
    """

    alone: str
    together: str
    counted: bool = False


def arrays(columns: str) -> str:
    """
    Return what makes rows of arrays, under the name `v`.
    """
    casts = (f"?::{'text' if name in _TEXTS else 'bigint'}[]" for name in columns.split(", "))
    return f"unnest({', '.join(casts)}) AS v ({columns})"


def inserting(table: str, columns: str, end: str = "") -> Each:
    """
    Return what inserts rows.
    """
    into = f"INSERT INTO {{{table}}} ({columns})"
    marks = ", ".join("?" * len(columns.split(", ")))
    return Each(f"{into} VALUES ({marks}){end}", f"{into} SELECT * FROM {arrays(columns)}{end}")


def updating(table: str, columns: str, key: str, *, compared: str = "") -> Each:
    """
    Return what changes rows: their new values, their key, and what some columns must hold until then.

    With a comparison each row must be there as it is expected.
    """
    old = "".join(f", old_{name}" for name in compared.split(", ") if name)
    return Each(
        f"UPDATE {{{table}}} SET {_equal(columns, ', ')} WHERE {_equal(f'{key}, {compared}'.strip(', '), ' AND ')}",
        f"UPDATE {{{table}}} t SET {', '.join(f'{name} = v.{name}' for name in columns.split(', '))} "
        f"FROM {arrays(f'{columns}, {key}{old}')} WHERE {_same(key)}"
        + "".join(f" AND t.{name} = v.old_{name}" for name in compared.split(", ") if name),
        counted=bool(compared),
    )


def deleting(table: str, key: str) -> Each:
    """
    Return what deletes rows.
    """
    return Each(
        f"DELETE FROM {{{table}}} WHERE {_equal(key, ' AND ')}",
        f"DELETE FROM {{{table}}} t USING {arrays(key)} WHERE {_same(key)}",
    )


def _equal(columns: str, between: str) -> str:
    return between.join(f"{name} = ?" for name in columns.split(", "))


def _same(key: str) -> str:
    return " AND ".join(f"t.{name} = v.{name}" for name in key.split(", "))
