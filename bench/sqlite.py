"""
The SQLite storage against a bare transaction that writes the same rows with the same settings (S1 to S4, K1).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from pointsledger import Ledger
from pointsledger.storage.sqlite import JournalMode, SQLiteStorage, Synchronous

from . import shop
from .contest import Sample
from .durable import Bench
from .floors import SQLiteFloor
from .scale import Scale
from .table import Row, Target, against

JOURNALS: tuple[JournalMode, ...] = ("wal", "delete")


def earn_and_redeem_full(scale: Scale) -> list[Row]:
    """
    S1: durable earn and redeem of 1 lot, FULL.
    """
    return _earn_and_redeem(scale, "S1", "FULL", 0.9)


def earn_and_redeem_normal(scale: Scale) -> list[Row]:
    """
    S2: the same, NORMAL.
    """
    return _earn_and_redeem(scale, "S2", "NORMAL", 0.6)


def redeem_ten(scale: Scale) -> list[Row]:
    """
    S3: redeem over 10 lots, FULL and NORMAL.
    """
    bounds: tuple[tuple[Synchronous, float], ...] = (("FULL", 0.9), ("NORMAL", 0.7))
    rows: list[Row] = []
    for synchronous, bound in bounds:
        for journal in JOURNALS:
            with opened(scale, journal, synchronous) as bench:
                cost, floor = bench.run(bench.redeem(10), bench.floor())
            what = f"redeem 10 lots, {journal} {synchronous} / table floor"
            rows.append(against("S3", what, cost, floor, Target(">=", bound)))
    return rows


def _earn_and_redeem(scale: Scale, id: str, synchronous: Synchronous, bound: float) -> list[Row]:
    rows: list[Row] = []
    for journal in JOURNALS:
        for what in ("earn", "redeem 1 lot"):
            with opened(scale, journal, synchronous) as bench:
                side = bench.earn() if what == "earn" else bench.redeem(1)
                cost, floor = bench.run(side, bench.floor())
            shown = f"{what}, {journal} {synchronous} / table floor"
            rows.append(against(id, shown, cost, floor, Target(">=", bound)))
    return rows


def batch(scale: Scale) -> list[Row]:
    """
    S4: many earns in one commit.
    """
    with opened(scale, "wal", "FULL") as bench:
        single, together, floor = bench.run(bench.earn(), bench.earn_together(), bench.floor_together())
    rows = [against("S4", "batch earn, one commit / executemany", together, floor, Target(">=", 0.3))]
    what = "batch earn / single earns, wal FULL"
    return [*rows, against("S4", what, together, single, Target(">=", 10))]


def replayed_key(scale: Scale) -> list[Row]:
    """
    K1: a key that is delivered again writes nothing and costs one read.
    """
    with opened(scale, "wal", "FULL") as bench:
        storage = bench.ledger.storage
        assert isinstance(storage, SQLiteStorage)
        account, key, at = bench.accounts[0], "again", shop.now()
        bench.ledger.earn(account, shop.LOT, key=key, at=at)
        earn_reads, earn_writes = _traced(storage, lambda: bench.ledger.earn(account, shop.LOT, key=key, at=at))
        bench.ledger.redeem(account, shop.LOT, key="used", at=at)
        redeem_reads, redeem_writes = _traced(
            storage, lambda: bench.ledger.redeem(account, shop.LOT, key="used", at=at)
        )
    return [
        Row("K1", "replayed earn: rows written", Sample((earn_writes,)), Target("<=", 0)),
        Row("K1", "replayed earn: reads", Sample((earn_reads,)), Target("<=", 1)),
        Row("K1", "replayed redeem: rows written", Sample((redeem_writes,)), Target("<=", 0)),
        Row("K1", "replayed redeem: reads", Sample((redeem_reads,)), Target("<=", 1)),
    ]


def _traced(storage: SQLiteStorage, run: Callable[[], object]) -> tuple[int, int]:
    """
    Return how many SELECTs the storage ran, and how many rows it wrote.
    """
    connection = storage._connection  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    assert connection is not None
    statements: list[str] = []
    before = connection.total_changes
    connection.set_trace_callback(statements.append)
    run()
    connection.set_trace_callback(None)
    reads = sum(statement.startswith("SELECT") for statement in statements)
    return reads, connection.total_changes - before


def others(scale: Scale) -> list[Row]:
    """
    What has no target: an order cancelled, a balance read, a key delivered again.
    """
    with opened(scale, "wal", "FULL") as bench:
        cancel, cancel_floor = bench.run(bench.cancel(), bench.floor())
        balance, balance_floor = bench.run(bench.balance(), bench.balance_floor())
        replay, replay_floor = bench.run(bench.replay(), bench.balance_floor())
    return [
        against("s", "cancel an order of 3 lines, wal FULL / table floor", cancel, cancel_floor),
        against("s", "balance / a SELECT by primary key", balance, balance_floor),
        against("s", "replayed key / a SELECT by primary key", replay, replay_floor),
    ]


@contextmanager
def opened(scale: Scale, journal_mode: JournalMode, synchronous: Synchronous) -> Generator[Bench, None, None]:
    """
    Lend a bench on a new file, which is gone afterwards.
    """
    with tempfile.TemporaryDirectory(prefix="pointsledger-bench-") as folder:
        file = Path(folder) / "points.db"
        storage = SQLiteStorage(file, journal_mode=journal_mode, synchronous=synchronous)
        ledger = Ledger(shop.PROGRAM, storage)
        accounts = [f"customer-{n}" for n in range(scale.operations)]
        shop.open_lots(ledger, accounts, 1)
        floor = SQLiteFloor.beside(file, journal_mode, synchronous)
        yield Bench(scale, ledger, floor, accounts)
        floor.catch_up()
        differing = floor.differs()
        assert not differing, f"the floor wrote other rows than the product: {differing}"
        floor.close()
        storage.close()
