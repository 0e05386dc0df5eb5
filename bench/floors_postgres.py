"""
The floor in PostgreSQL: the product's rows, written once more by bare psycopg into a second schema.

The same tables and indexes stand in both schemas of one database.
One operation is one statement, and so one round trip; the account row is compared and set in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from attrs import define
from psycopg.types.numeric import Int8Dumper
from psycopg.types.string import StrDumperUnknown

from pointsledger.storage.postgres import PostgresStorage

from .floors import Rows, Written

PRODUCT, FLOOR = "bench_product", "bench_floor"
TABLES = ("accounts", "entries", "allocations", "lots")
_PROGRAM = "bench"
_PARTS = "unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])"
_DRAWN = "unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::bigint[])"
_UPDATE_LOT = (
    f"UPDATE {FLOOR}.pointsledger_lots SET remaining = %s, expired = %s, waits = %s "
    "WHERE program = %s AND account = %s AND lot = %s"
)
_UPDATE_LOTS = (
    f"UPDATE {FLOOR}.pointsledger_lots l SET remaining = v.remaining, expired = v.expired, waits = v.waits "
    f"FROM {_DRAWN} AS v (remaining, expired, waits, program, account, lot) "
    "WHERE l.program = v.program AND l.account = v.account AND l.lot = v.lot"
)
_INSERT_ALLOCATIONS = f"INSERT INTO {FLOOR}.pointsledger_allocations SELECT * FROM {_PARTS}"


def connect(dsn: str) -> psycopg.Connection[tuple[Any, ...]]:
    """
    Open a bare connection, with the settings under which such statements are quickest.
    """
    connection = psycopg.connect(dsn, autocommit=True, options="-c plan_cache_mode=force_generic_plan")
    connection.adapters.register_dumper(int, Int8Dumper)  # one type, so that a statement is prepared once
    connection.adapters.register_dumper(str, StrDumperUnknown)
    return connection


def make_schemas(dsn: str) -> None:
    """
    Make empty tables in both schemas.
    """
    with connect(dsn) as connection:
        for schema in (PRODUCT, FLOOR):
            connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE".encode())
            PostgresStorage(dsn, schema=schema).close()


def drop_schemas(dsn: str) -> None:
    """
    Leave no trace.
    """
    with connect(dsn) as connection:
        for schema in (PRODUCT, FLOOR):
            connection.execute(f"DROP SCHEMA {schema} CASCADE".encode())


@define
class PostgresFloor:
    """
    The accounts of one client, in the second schema.
    """

    connection: psycopg.Connection[tuple[Any, ...]]
    columns: dict[str, list[str]]
    synced: dict[str, int]
    """The version of each account up to which both schemas hold the same."""

    @classmethod
    def beside(cls, dsn: str, accounts: Sequence[str]) -> PostgresFloor:
        """
        Copy these accounts as they are now.
        """
        connection = connect(dsn)
        columns = {name: _columns(connection, name) for name in TABLES}
        for name in TABLES:
            connection.execute(
                f"INSERT INTO {FLOOR}.pointsledger_{name} SELECT * FROM {PRODUCT}.pointsledger_{name} "
                "WHERE program = %s AND account = ANY(%s)".encode(),
                (_PROGRAM, list(accounts)),
            )
        floor = cls(connection, columns, dict.fromkeys(accounts, 0))
        floor.synced = floor.versions()
        return floor

    def versions(self) -> dict[str, int]:
        """
        Return the version that the product has of each account.
        """
        sql = f"SELECT account, version FROM {PRODUCT}.pointsledger_accounts WHERE account = ANY(%s)"
        return dict(self.connection.execute(sql.encode(), (list(self.synced),)).fetchall())

    def take_written(self) -> list[Written]:
        """
        Read back what the product wrote to each account since the last look; whoever takes it, writes it.
        """
        now = self.versions()
        written = [self._written(a, self.synced[a]) for a, version in now.items() if version > self.synced[a]]
        self.synced = now
        return written

    def _written(self, account: str, version: int) -> Written:
        def rows(table: str, where: str, *parameters: Any) -> Rows:
            sql = f"SELECT * FROM {PRODUCT}.pointsledger_{table} WHERE program = %s AND account = %s AND {where}"
            return self.connection.execute(sql.encode(), (_PROGRAM, account, *parameters)).fetchall()

        allocations = rows("allocations", "sequence > %s", version)
        changed = rows("lots", "lot <= %s AND lot = ANY(%s)", version, [row[4] for row in allocations])
        (program, id, *figures), *_ = rows("accounts", "TRUE")
        return Written(
            (*figures, program, id, version),
            rows("entries", "sequence > %s", version),
            allocations,
            rows("lots", "lot > %s", version),
            [(row[4], row[8], row[9], *row[:3]) for row in changed],
        )

    def catch_up(self) -> None:
        """
        Write what the product wrote by way of preparation.
        """
        self.write_together(self.take_written())

    def write(self, written: Written) -> None:
        """
        Write the rows of one operation, in one statement.
        """
        parts = [f"a AS ({self._update_account()} RETURNING 1)"]
        parameters: list[Any] = [*written.account]
        for number, (table, row) in enumerate(
            [("entries", row) for row in written.entries] + [("lots", row) for row in written.new_lots]
        ):
            parts.append(f"i{number} AS ({self._insert(table)})")
            parameters += row
        if written.allocations:
            parts += [f"p AS ({_INSERT_ALLOCATIONS})", f"d AS ({_UPDATE_LOTS})"]
            parameters += [*_turned(written.allocations), *_turned(written.changed_lots)]
        sql = f"WITH {', '.join(parts)} SELECT count(*) FROM a"
        count = self.connection.execute(sql.encode(), parameters, prepare=True).fetchone()
        assert count == (1,), "the version was compared"

    def write_together(self, operations: Sequence[Written]) -> None:
        """
        Write the rows of many operations by executemany, table by table, in one transaction.
        """
        with self.connection.transaction(), self.connection.cursor() as cursor:
            for sql, rows in (
                (self._update_account(), [one.account for one in operations]),
                (self._insert("entries"), [row for one in operations for row in one.entries]),
                (self._insert("allocations"), [row for one in operations for row in one.allocations]),
                (self._insert("lots"), [row for one in operations for row in one.new_lots]),
                (_UPDATE_LOT, [row for one in operations for row in one.changed_lots]),
            ):
                if rows:
                    cursor.executemany(sql.encode(), rows)

    def copy_together(self, operations: Sequence[Written]) -> None:
        """
        Write the rows of many operations, none of which draws on a lot, by COPY, and the accounts by executemany.
        """
        with self.connection.transaction(), self.connection.cursor() as cursor:
            cursor.executemany(self._update_account().encode(), [one.account for one in operations])
            for table in ("entries", "lots"):
                with cursor.copy(f"COPY {FLOOR}.pointsledger_{table} FROM STDIN".encode()) as copy:
                    for one in operations:
                        for row in one.entries if table == "entries" else one.new_lots:
                            copy.write_row(row)

    def read_balance(self, account: str) -> object:
        """
        Select one column by primary key.
        """
        sql = f"SELECT available FROM {FLOOR}.pointsledger_accounts WHERE program = %s AND account = %s"
        return self.connection.execute(sql.encode(), (_PROGRAM, account)).fetchone()

    def differs(self) -> list[str]:
        """
        Return the names of the tables that do not hold the same rows in both schemas; none, if the floor is honest.
        """

        def dump(schema: str, table: str) -> Rows:
            sql = f"SELECT * FROM {schema}.pointsledger_{table} WHERE account = ANY(%s) ORDER BY 1, 2, 3, 4"
            return self.connection.execute(sql.encode(), (list(self.synced),)).fetchall()

        return [table for table in TABLES if dump(PRODUCT, table) != dump(FLOOR, table)]

    def close(self) -> None:
        """
        Close the connection.
        """
        self.connection.close()

    def _update_account(self) -> str:
        values = ", ".join(f"{name} = %s" for name in self.columns["accounts"][2:])
        return f"UPDATE {FLOOR}.pointsledger_accounts SET {values} WHERE program = %s AND account = %s AND version = %s"

    def _insert(self, table: str) -> str:
        return f"INSERT INTO {FLOOR}.pointsledger_{table} VALUES ({', '.join(['%s'] * len(self.columns[table]))})"


def _columns(connection: psycopg.Connection[tuple[Any, ...]], table: str) -> list[str]:
    sql = "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s"
    rows = connection.execute(f"{sql} ORDER BY ordinal_position".encode(), (FLOOR, f"pointsledger_{table}"))
    return [name for (name,) in rows]


def _turned(rows: Rows) -> list[list[Any]]:
    """
    Return the columns of rows.
    """
    return [list(column) for column in zip(*rows, strict=True)]
