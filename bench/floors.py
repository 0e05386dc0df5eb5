"""
The floors: the least work that leaves the same behind, with no domain logic and every value known in advance.

In memory that is one record for the entry and one for each lot used, one list append and two dict stores.
In SQLite it is one transaction that writes the very rows that the product wrote: they are read back from the product's
file after each block and written once more, by bare statements, into a second file with the same tables, indexes
and settings.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from attrs import Factory, define, frozen

from pointsledger.storage.sqlite import JournalMode, Synchronous

# --- memory ------------------------------------------------------------------------------------------------------


@frozen
class EntryRecord:
    """
    An entry in eight fields.
    """

    sequence: int
    kind: str
    points: int
    balance_after: int
    occurred_at: datetime
    recorded_at: datetime
    key: str
    lots: tuple[LotRecord, ...]


@frozen
class LotRecord:
    """
    A lot in six fields.
    """

    id: int
    points: int
    remaining: int
    earned_at: datetime
    available_at: datetime
    expires_at: datetime


@define
class MemoryFloor:
    """
    What a storage in memory keeps at the least.
    """

    entries: list[EntryRecord] = Factory(list[EntryRecord])
    keys: dict[str, EntryRecord] = Factory(dict[str, EntryRecord])
    accounts: dict[str, int] = Factory(dict[str, int])

    def writer(
        self, kind: str, lots: int, accounts: Sequence[str], keys: Sequence[str], at: datetime
    ) -> Callable[[], None]:
        """
        Return what writes one entry, which uses so many lots, for each account.
        """
        entries, by_key, balances = self.entries, self.keys, self.accounts
        pairs = tuple(zip(accounts, keys, strict=True))
        numbers = range(lots)

        def write() -> None:
            for account, key in pairs:
                used = tuple([LotRecord(lot, 100, 100, at, at, at) for lot in numbers])
                entry = EntryRecord(7, kind, 100, 700, at, at, key, used)
                entries.append(entry)
                by_key[key] = entry
                balances[account] = 700

        return write

    def reader(self, kept: dict[str, Any], names: Sequence[str]) -> Callable[[], None]:
        """
        Return what looks each name up in a dict and answers with one record.
        """
        at = datetime.min  # noqa: DTZ901

        def read() -> None:
            for name in names:
                EntryRecord(7, "balance", 100, kept[name] and 700, at, at, name, ())

        return read


# --- SQLite ------------------------------------------------------------------------------------------------------

Rows = list[tuple[Any, ...]]

_LOT_UPDATE = (
    "UPDATE pointsledger_lots SET remaining = ?, expired = ?, waits = ? WHERE program = ? AND account = ? AND lot = ?"
)
_PROGRAM = "bench"


@frozen
class Written:
    """
    The rows that one operation on one account left: the account, and what is new or changed since a version.
    """

    account: tuple[Any, ...]
    entries: Rows
    allocations: Rows
    new_lots: Rows
    changed_lots: Rows


@define
class SQLiteFloor:
    """
    A second file with the product's tables, to which the product's rows are written by bare statements.
    """

    product: sqlite3.Connection
    connection: sqlite3.Connection
    update_account: str
    inserts: dict[str, str]
    synced: dict[str, int]
    """The version of each account up to which both files hold the same."""

    @classmethod
    def beside(cls, file: Path, journal_mode: JournalMode, synchronous: Synchronous) -> SQLiteFloor:
        """
        Copy the product's file as it is now, indexes included, and open the copy with the same settings.
        """
        product = sqlite3.connect(file, isolation_level=None)
        connection = sqlite3.connect(file.with_suffix(".floor"), isolation_level=None)
        product.backup(connection)
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute(f"PRAGMA journal_mode = {journal_mode}").fetchall()
        columns = [row[1] for row in product.execute("PRAGMA table_info(pointsledger_accounts)")]
        values = ", ".join(f"{name} = ?" for name in columns[2:])
        return cls(
            product,
            connection,
            f"UPDATE pointsledger_accounts SET {values} WHERE program = ? AND account = ? AND version = ?",
            {name: _insert(product, name) for name in ("entries", "allocations", "lots")},
            _versions(connection),
        )

    def take_written(self) -> list[Written]:
        """
        Read back what the product wrote to each account since the last look; whoever takes it, writes it.
        """
        now = _versions(self.product)
        written = [self._written(a, self.synced[a]) for a, version in now.items() if version > self.synced[a]]
        self.synced = now
        return written

    def catch_up(self) -> None:
        """
        Write what the product wrote by way of preparation.
        """
        self.write_together(self.take_written())

    def _written(self, account: str, version: int) -> Written:
        def rows(table: str, where: str) -> Rows:
            sql = f"SELECT * FROM pointsledger_{table} WHERE program = ? AND account = ? AND {where}"
            return self.product.execute(sql, (_PROGRAM, account)).fetchall()

        allocations = rows("allocations", f"sequence > {version}")
        drawn = ", ".join(str(row[4]) for row in allocations)
        changed = rows("lots", f"lot <= {version} AND lot IN ({drawn})")
        (program, id, *figures), *_ = rows("accounts", "TRUE")
        return Written(
            (*figures, program, id, version),
            rows("entries", f"sequence > {version}"),
            allocations,
            rows("lots", f"lot > {version}"),
            [(row[4], row[8], row[9], *row[:3]) for row in changed],
        )

    def write(self, written: Written) -> None:
        """
        Write the rows of one operation, in one transaction.
        """
        execute, many = self.connection.execute, self.connection.executemany
        execute("BEGIN IMMEDIATE")
        execute(self.update_account, written.account)
        for row in written.entries:
            execute(self.inserts["entries"], row)
        for row in written.new_lots:
            execute(self.inserts["lots"], row)
        if written.allocations:
            many(self.inserts["allocations"], written.allocations)
            many(_LOT_UPDATE, written.changed_lots)
        execute("COMMIT")

    def write_together(self, operations: Sequence[Written]) -> None:
        """
        Write the rows of many operations, table by table, in one transaction.
        """
        many = self.connection.executemany
        self.connection.execute("BEGIN IMMEDIATE")
        many(self.update_account, [one.account for one in operations])
        many(self.inserts["entries"], [row for one in operations for row in one.entries])
        many(self.inserts["allocations"], [row for one in operations for row in one.allocations])
        many(self.inserts["lots"], [row for one in operations for row in one.new_lots])
        many(_LOT_UPDATE, [row for one in operations for row in one.changed_lots])
        self.connection.execute("COMMIT")

    def read_balance(self, account: str) -> object:
        """
        Select one column by primary key.
        """
        sql = "SELECT available FROM pointsledger_accounts WHERE program = ? AND account = ?"
        return self.connection.execute(sql, (_PROGRAM, account)).fetchone()

    def differs(self) -> list[str]:
        """
        Return the names of the tables that do not hold the same rows in both files; none, if the floor is honest.
        """
        tables = ("accounts", "entries", "allocations", "lots")
        return [table for table in tables if _dump(self.product, table) != _dump(self.connection, table)]

    def close(self) -> None:
        """
        Close both connections.
        """
        self.product.close()
        self.connection.close()


def _versions(connection: sqlite3.Connection) -> dict[str, int]:
    return dict(connection.execute("SELECT account, version FROM pointsledger_accounts").fetchall())


def _insert(connection: sqlite3.Connection, table: str) -> str:
    columns = connection.execute(f"PRAGMA table_info(pointsledger_{table})").fetchall()
    return f"INSERT INTO pointsledger_{table} VALUES ({', '.join('?' * len(columns))})"


def _dump(connection: sqlite3.Connection, table: str) -> Rows:
    return connection.execute(f"SELECT * FROM pointsledger_{table} ORDER BY 1, 2, 3").fetchall()
