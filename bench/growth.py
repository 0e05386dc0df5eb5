"""
How costs grow with the length of an account's history and with its open lots (G1, G2).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TypeAlias

from pointsledger import Ledger, commands
from pointsledger.port import Storage
from pointsledger.storage.memory import MemoryStorage
from pointsledger.storage.sqlite import SQLiteStorage

from . import postgres, postgres_server, shop
from .contest import WALL, Side, in_turn
from .scale import Scale
from .table import Row, Target, growth

Operation: TypeAlias = Callable[[Ledger, str], object]

_SPAN = timedelta(days=300)
PLENTY = 10**9
"""Points of a lot that no run uses up, so that every redemption draws on one lot."""


def with_history(scale: Scale) -> list[Row]:
    """
    G1: accounts with ever more entries and a single open lot.
    """
    return _rows(scale, "G1", scale.histories, "entries", _write_history, {"balance": Target("<=", 1.2)})


def with_open_lots(scale: Scale) -> list[Row]:
    """
    G2: accounts with ever more lots that have points left.
    """
    target = {"redeem 1 lot": Target("<=", 1.25)}
    return _rows(scale, "G2", scale.open_lots, "open lots", _write_lots, target)


def _rows(
    scale: Scale,
    id: str,
    sizes: tuple[int, ...],
    unit: str,
    fill: Callable[[Ledger, Sequence[str], int], None],
    targets: dict[str, Target],
) -> list[Row]:
    rows: list[Row] = []
    for name, lent in STORAGES.items():
        with lent() as kept:
            if kept is None:
                rows.append(Row(id, f"in {name}", None, next(iter(targets.values())), note=postgres_server.MISSING))
                continue
            ledger = Ledger(shop.PROGRAM, kept)
            accounts = {size: [f"{size}-{n}" for n in range(_copies(size, scale.operations))] for size in sizes}
            for size, ids in accounts.items():
                fill(ledger, ids, size)
            for what, operation in OPERATIONS.items():
                sides = [_side(ledger, ids, operation, scale.operations // 2) for ids in accounts.values()]
                costs = in_turn(scale.blocks, scale.operations // 2, WALL, *sides)
                for size, cost in list(zip(sizes, costs, strict=True))[1:]:
                    target = targets.get(what) if size == sizes[-1] else None
                    shown = f"{what}, {name}: {size:,} {unit} / {sizes[0]:,}"
                    rows.append(growth(id if target else id.lower(), shown, cost, costs[0], target))
    return rows


@contextmanager
def _in_memory() -> Generator[Storage, None, None]:
    yield MemoryStorage()


@contextmanager
def _in_sqlite() -> Generator[Storage, None, None]:
    with (
        tempfile.TemporaryDirectory(prefix="pointsledger-bench-") as folder,
        SQLiteStorage(Path(folder) / "points.db", journal_mode="wal", synchronous="NORMAL") as storage,
    ):
        yield storage


@contextmanager
def _in_postgres() -> Generator[Storage | None, None, None]:
    dsn = postgres_server.dsn()
    if dsn is None:
        yield None
        return
    from . import floors_postgres

    floors_postgres.make_schemas(dsn)
    with postgres.storage_at(dsn) as storage:
        yield storage
    floors_postgres.drop_schemas(dsn)


STORAGES: dict[str, Callable[[], AbstractContextManager[Storage | None]]] = {
    "memory": _in_memory,
    "SQLite": _in_sqlite,
    "PostgreSQL": _in_postgres,
}


def _copies(size: int, operations: int) -> int:
    """
    How many accounts of this size share the operations, so that small ones stay small.
    """
    return max(1, min(10 * operations, 2000 // size))


def _side(ledger: Ledger, accounts: Sequence[str], operation: Operation, operations: int) -> Side:
    turns = [accounts[n % len(accounts)] for n in range(operations)]

    def run() -> None:
        for account in turns:
            operation(ledger, account)

    return lambda: run


def _write_history(ledger: Ledger, accounts: Sequence[str], size: int) -> None:
    shop.open_lots(ledger, accounts, 1, PLENTY)
    batch = [
        commands.Redeem(account=account, points=shop.LOT, key=key, at=shop.now())
        for account in accounts
        for key in shop.new_keys(size - 1)
    ]
    shop.apply(ledger, batch)


def _write_lots(ledger: Ledger, accounts: Sequence[str], size: int) -> None:
    """
    Open the lots over most of a year, so that they lapse on many dates.
    """
    batch = [
        commands.Earn(account=account, points=PLENTY, key=key, at=shop.START - (size - n) * (_SPAN / size))
        for account in accounts
        for n, key in enumerate(shop.new_keys(size))
    ]
    shop.apply(ledger, batch)


def _earn(ledger: Ledger, account: str) -> object:
    (key,) = shop.new_keys(1)
    return ledger.earn(account, shop.LOT, key=key, at=shop.now())


def _redeem(ledger: Ledger, account: str) -> object:
    (key,) = shop.new_keys(1)
    return ledger.redeem(account, shop.LOT, key=key, at=shop.now())


def _balance(ledger: Ledger, account: str) -> object:
    return ledger.balance(account, at=shop.now())


def _replay(ledger: Ledger, account: str) -> object:
    return ledger.earn(account, shop.LOT, key=f"again {account}", at=shop.now())


OPERATIONS: dict[str, Operation] = {
    "balance": _balance,
    "replayed key": _replay,
    "redeem 1 lot": _redeem,
    "earn": _earn,
}
