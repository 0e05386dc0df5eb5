"""
Eight clients at once: over many accounts, and all on one (P2).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from itertools import count
from multiprocessing import get_context
from time import perf_counter_ns
from typing import Any

from pointsledger import Ledger

from . import shop
from .contest import Sample, Side
from .durable import Bench
from .postgres import beside, served, storage_at
from .scale import Scale
from .table import Row, Target, against

_TARGET = Target(">=", 0.7)
HOT = "hot"


@served("P2", _TARGET)
def rows(scale: Scale, dsn: str) -> list[Row]:
    """
    P2: many accounts, against the table floor of as many clients; one account, against a single client.
    """
    what = f"{scale.clients} clients"
    earn, earn_floor = at_once(scale, dsn, "earn", scale.clients)
    redeem, redeem_floor = at_once(scale, dsn, "redeem", scale.clients)
    (hot,) = at_once(scale, dsn, "hot", scale.clients)
    (alone,) = at_once(scale, dsn, "hot", 1)
    many = f"{what} on {scale.many:,} accounts, PostgreSQL / table floor"
    return [
        against("P2", f"earn, {many}", earn, earn_floor, _TARGET),
        against("P2", f"redeem 1 lot, {many}", redeem, redeem_floor, _TARGET),
        against("P2", f"earn, {what} on one account, PostgreSQL / one client on it", hot, alone, _TARGET),
    ]


def at_once(scale: Scale, dsn: str, what: str, clients: int) -> list[Sample]:
    """
    Let processes run their blocks at the same moments; return what an operation costs all of them together, by side.
    """
    from . import floors_postgres

    floors_postgres.make_schemas(dsn)
    names = [f"customer-{n}" for n in range(scale.many)] if what != "hot" else [HOT]
    with storage_at(dsn) as storage:
        shop.open_lots(Ledger(shop.PROGRAM, storage), names, 1)
    context = get_context("forkserver")
    start, end = context.Barrier(clients + 1), context.Barrier(clients + 1)
    running = [
        context.Process(target=client, args=(scale, dsn, what, number, clients, start, end))
        for number in range(clients)
    ]
    for process in running:
        process.start()
    times: list[list[float]] = [[] for _ in range(1 if what == "hot" else 2)]
    for round_ in range(scale.blocks + 1):
        for found in times:
            start.wait(300)
            began = perf_counter_ns()
            end.wait(300)
            if round_:  # a first round warms caches up
                found.append((perf_counter_ns() - began) / (scale.operations * clients) / 1000)
    for process in running:
        process.join(60)
    assert [process.exitcode for process in running] == [0] * clients, "no client met an error"
    floors_postgres.drop_schemas(dsn)
    return [Sample(tuple(found)) for found in times]


def client(scale: Scale, dsn: str, what: str, number: int, clients: int, start: Any, end: Any) -> None:
    """
    One process: its share of the accounts, its own connection, and its turns.
    """
    with _sides(scale, dsn, what, number, clients) as sides:
        for _ in range(scale.blocks + 1):
            for side in sides:
                run = side()
                start.wait(300)
                run()
                end.wait(300)


@contextmanager
def _sides(
    scale: Scale, dsn: str, what: str, number: int, clients: int
) -> Generator[list[Callable[[], Callable[[], object]]], None, None]:
    with storage_at(dsn) as storage:
        if what == "hot":
            yield [_hot(Ledger(shop.PROGRAM, storage), number, scale.operations)]
            return
        share = [f"customer-{n}" for n in range(number, scale.many, clients)]
        with beside(scale, dsn, storage, share) as bench:
            turns = Turns(bench, share, scale.operations, number)
            yield [turns.earn if what == "earn" else turns.redeem, bench.floor()]


class Turns:
    """
    Blocks that go round the accounts of one client.
    """

    def __init__(self, bench: Bench, share: list[str], operations: int, number: int) -> None:
        self.bench, self.share, self.operations, self.keys = bench, share, operations, _keys(number)
        self.next = count()

    def _accounts(self) -> list[str]:
        return [self.share[next(self.next) % len(self.share)] for _ in range(self.operations)]

    def earn(self) -> Callable[[], None]:
        """
        Prepare a block of earns.
        """
        self.bench.kept.catch_up()
        work = [(account, next(self.keys), shop.now()) for account in self._accounts()]

        def run() -> None:
            for account, key, at in work:
                self.bench.ledger.earn(account, shop.LOT, key=key, at=at)

        return run

    def redeem(self) -> Callable[[], None]:
        """
        Prepare a block of redemptions of lots that are earned before.
        """
        work = [(account, next(self.keys), next(self.keys)) for account in self._accounts()]
        for account, key, _ in work:
            self.bench.ledger.earn(account, shop.LOT, key=key, at=shop.now())
        self.bench.kept.catch_up()
        at = shop.now()

        def run() -> None:
            for account, _, key in work:
                self.bench.ledger.redeem(account, shop.LOT, key=key, at=at)

        return run


def _hot(ledger: Ledger, number: int, operations: int) -> Side:
    keys = _keys(number)

    def prepare() -> Callable[[], None]:
        at = shop.now()
        block = [next(keys) for _ in range(operations)]

        def run() -> None:
            for key in block:
                ledger.earn(HOT, shop.LOT, key=key, at=at)

        return run

    return prepare


def _keys(number: int) -> Generator[str, None, None]:
    for n in count():
        yield f"client-{number}-{n:09d}"
