"""
The PostgreSQL storage against one bare statement that writes the same rows (P1, P4, K1), and awaited against not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, TypeAlias

from pointsledger import AsyncLedger, Ledger

from . import postgres_server, shop
from .contest import Sample, Side
from .durable import Bench
from .scale import Scale
from .table import Row, Target, against

if TYPE_CHECKING:
    from pointsledger.storage.postgres import PostgresStorage

    from .floors_postgres import PostgresFloor
    from .wire import Said

Measure: TypeAlias = Callable[[Scale], list[Row]]


def served(id: str, *targets: Target) -> Callable[[Callable[[Scale, str], list[Row]]], Measure]:
    """
    Give a measure a server's connection string; where there is none, its rows say so.
    """

    def give(measure: Callable[[Scale, str], list[Row]]) -> Measure:
        @wraps(measure)
        def measured(scale: Scale) -> list[Row]:
            dsn = postgres_server.dsn()
            if dsn is None:
                return [
                    Row(id, "in PostgreSQL", None, target, note=postgres_server.MISSING) for target in targets or [None]
                ]
            return measure(scale, dsn)

        return measured

    return give


@contextmanager
def opened(scale: Scale, dsn: str, accounts: int | None = None) -> Generator[Bench, None, None]:
    """
    Lend a bench in new schemas, which are gone afterwards.
    """
    from . import floors_postgres

    floors_postgres.make_schemas(dsn)
    names = [f"customer-{n}" for n in range(accounts or scale.operations)]
    with storage_at(dsn) as storage:
        shop.open_lots(Ledger(shop.PROGRAM, storage), names, 1)
        with beside(scale, dsn, storage, names) as bench:
            yield bench
    floors_postgres.drop_schemas(dsn)


@contextmanager
def beside(scale: Scale, dsn: str, storage: PostgresStorage, names: list[str]) -> Generator[Bench, None, None]:
    """
    Lend a bench on accounts that are there, and prove in the end that its floor wrote the same rows.
    """
    from .floors_postgres import PostgresFloor

    floor = PostgresFloor.beside(dsn, names)
    yield Bench(scale, Ledger(shop.PROGRAM, storage), floor, names)
    floor.catch_up()
    differing = floor.differs()
    assert not differing, f"the floor wrote other rows than the product: {differing}"
    floor.close()


def storage_at(dsn: str) -> PostgresStorage:
    """
    Open the storage that is measured.
    """
    from pointsledger.storage.postgres import PostgresStorage

    from .floors_postgres import PRODUCT

    return PostgresStorage(dsn, schema=PRODUCT)


def floor_of(bench: Bench) -> PostgresFloor:
    """
    Return the floor as what it is.
    """
    from .floors_postgres import PostgresFloor

    assert isinstance(bench.kept, PostgresFloor)
    return bench.kept


# --- one client ------------------------------------------------------------------------------------------------------

_SHARE = Target(">=", 0.7)


@served("P1", _SHARE)
def one_client(scale: Scale, dsn: str) -> list[Row]:
    """
    P1: earn, redeem 1 lot and redeem 10 lots, one client.
    """
    rows: list[Row] = []
    sides: dict[str, Callable[[Bench], Side]] = {
        "earn": Bench.earn,
        "redeem 1 lot": lambda bench: bench.redeem(1),
        "redeem 10 lots": lambda bench: bench.redeem(10),
    }
    for what, side in sides.items():
        with opened(scale, dsn) as bench:
            cost, floor = bench.run(side(bench), bench.floor())
        note = f"{said(dsn, what)[0]:d} round trips against 1"
        rows.append(against("P1", f"{what}, PostgreSQL / table floor", cost, floor, _SHARE, note=note))
    return rows


@served("P4", Target(">=", 0.3), Target(">=", 5))
def batch(scale: Scale, dsn: str) -> list[Row]:
    """
    P4: many earns in one commit, against executemany and COPY of the same rows, and against earns one by one.
    """
    rows: list[Row] = []
    for size in scale.batches:
        with opened(scale, dsn, size) as bench:
            floor = floor_of(bench)
            single, together, many, copied = bench.run(
                bench.earn(), bench.earn_together(), bench.floor_together(), _copied(bench, floor)
            )
        what = f"batch of {size:,} earns, PostgreSQL"
        rows += [
            against("P4", f"{what} / executemany", together, many, Target(">=", 0.3)),
            against("p4", f"{what} / COPY", together, copied),
            against("P4", f"{what} / single earns", together, single, Target(">=", 5)),
        ]
    return rows


def _copied(bench: Bench, floor: PostgresFloor) -> Side:
    """
    Return the side that earns once more, untimed, and writes that by COPY.
    """
    earn = bench.earn_together()

    def prepare() -> Callable[[], object]:
        earn()()
        written = floor.take_written()
        return lambda: floor.copy_together(written)

    return prepare


@served("p")
def others(scale: Scale, dsn: str) -> list[Row]:
    """
    What has no target: an order cancelled, a balance read, a key delivered again; awaited against not.
    """
    with opened(scale, dsn) as bench:
        cancel, cancel_floor = bench.run(bench.cancel(), bench.floor())
        balance, balance_floor = bench.run(bench.balance(), bench.balance_floor())
        replay, replay_floor = bench.run(bench.replay(), bench.balance_floor())
        rows = [
            against("p", "cancel an order of 3 lines, PostgreSQL / table floor", cancel, cancel_floor),
            against("p", "balance, PostgreSQL / a SELECT by primary key", balance, balance_floor),
            against("p", "replayed key, PostgreSQL / a SELECT by primary key", replay, replay_floor),
        ]
        with asyncio.Runner() as runner:
            alone, together = _awaited(bench, dsn, runner, 1), _awaited(bench, dsn, runner, 8)
            earn, one, eight = bench.run(bench.earn(), alone, together)
            runner.run(_leave())
    return [
        *rows,
        against("p", "earn awaited, one task / earn not awaited", one, earn),
        against("p", "earn awaited, 8 tasks / earn not awaited", eight, earn),
    ]


_open: list[AsyncLedger] = []


async def _leave() -> None:
    while _open:
        storage = _open.pop().storage
        await storage.close()


def _awaited(bench: Bench, dsn: str, runner: asyncio.Runner, tasks: int) -> Side:
    """
    Return the side that earns by tasks of one process, which share the accounts.
    """
    from pointsledger.storage.postgres_async import AsyncPostgresStorage

    from .floors_postgres import PRODUCT

    async def open_ledger() -> AsyncLedger:
        return AsyncLedger(shop.PROGRAM, await AsyncPostgresStorage(dsn, schema=PRODUCT).__aenter__())

    ledger = runner.run(open_ledger())
    _open.append(ledger)

    def prepare() -> Callable[[], None]:
        work = bench.work()

        async def task(first: int) -> None:
            for account, key, at in work[first::tasks]:
                await ledger.earn(account, shop.LOT, key=key, at=at)

        async def run() -> None:
            await asyncio.gather(*(task(first) for first in range(tasks)))

        return lambda: runner.run(run())

    return prepare


# --- what is said to the server --------------------------------------------------------------------------------------

_OPERATIONS: dict[str, Callable[[Ledger], object]] = {
    "earn": lambda ledger: ledger.earn("ann", shop.LOT, key="e", at=shop.now()),
    "redeem 1 lot": lambda ledger: ledger.redeem("ann", shop.LOT, key="r", at=shop.now()),
    "redeem 10 lots": lambda ledger: ledger.redeem("ann", 10 * shop.LOT, key="s", at=shop.now()),
    "balance": lambda ledger: ledger.balance("ann", at=shop.now()),
    "replayed earn": lambda ledger: ledger.earn("ann", shop.LOT, key="first", at=shop.now()),
    "replayed redeem": lambda ledger: ledger.redeem("ann", shop.LOT, key="second", at=shop.now()),
}


@served("K1", Target("<=", 0))
def replayed_key(scale: Scale, dsn: str) -> list[Row]:
    """
    K1: a key that is delivered again writes nothing; its account and its entries are read.
    """
    rows: list[Row] = []
    for what in ("replayed earn", "replayed redeem"):
        trips, written = said(dsn, what)
        rows.append(Row("K1", f"{what}, PostgreSQL: rows written", Sample((written,)), Target("<=", 0)))
        rows.append(Row("k1", f"{what}, PostgreSQL: round trips", Sample((trips,))))
    return rows


def said(dsn: str, what: str) -> tuple[int, int]:
    """
    Return the round trips of one operation, and how many rows it writes.
    """
    from psycopg_pool import ConnectionPool

    from pointsledger.storage.postgres import PostgresStorage

    from . import floors_postgres
    from .wire import rows_written, said_through

    floors_postgres.make_schemas(dsn)
    with ConnectionPool(dsn, kwargs={"autocommit": True}, min_size=1, max_size=1, open=True) as pool:
        ledger = Ledger(shop.PROGRAM, PostgresStorage(pool, schema=floors_postgres.PRODUCT))
        shop.open_lots(ledger, ["ann"], 30)
        ledger.earn("ann", shop.LOT, key="first", at=shop.now())
        ledger.redeem("ann", shop.LOT, key="second", at=shop.now())
        heard: list[Said] = []
        tables = f"{floors_postgres.PRODUCT}.pointsledger_"
        written = rows_written(dsn, tables, lambda: heard.append(said_through(pool, lambda: _OPERATIONS[what](ledger))))
    floors_postgres.drop_schemas(dsn)
    return heard[0].round_trips, written
