"""
The memory storage against bare records in lists and dicts (M1, M2, and what has no target).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from pointsledger import Ledger
from pointsledger.storage.memory import MemoryStorage

from . import peers, shop
from .contest import CPU, Sample, Side, in_turn
from .floors import MemoryFloor
from .scale import Scale
from .table import Row, Target, against


def earn(scale: Scale) -> list[Row]:
    """
    M1: points that the host counted itself, no order rules.
    """
    bench = Bench(scale)

    def product() -> Callable[[], None]:
        work = bench.work()

        def run() -> None:
            for account, key, at in work:
                bench.ledger.earn(account, shop.LOT, key=key, at=at)

        return run

    sides = [bench.floor("earned", 1), product]
    Points = peers.account_class()  # noqa: N806
    if Points is not None:
        accounts = [Points() for _ in bench.accounts]

        def peer() -> Callable[[], None]:
            work = [(account, key, at) for account, (_, key, at) in zip(accounts, bench.work(), strict=True)]

            def run() -> None:
                for account, key, at in work:
                    account.earn(shop.LOT, key, at, at)

            return run

        sides.append(peer)
    floor, cost, *of_peer = bench.run(*sides)
    rows = [against("M1", "earn in memory / memory floor", cost, floor, Target(">=", 0.35))]
    what, target = "earn in memory / eventsourcing's bare aggregate", Target(">=", 2.5)
    if of_peer:
        rows.append(against("M1", what, cost, of_peer[0], target))
    else:
        rows.append(Row("M1", what, None, target, note=peers.MISSING))
    return rows


def redeem(scale: Scale) -> list[Row]:
    """
    M2: points that are drawn from 1 and from 10 lots.
    """
    rows: list[Row] = []
    for lots, bound in ((1, 0.5), (10, 0.6)):
        bench = Bench(scale)
        floor, cost = bench.run(bench.floor("redeemed", lots), bench.redeem(lots))
        plural = "s" if lots > 1 else ""
        what = f"redeem {lots} lot{plural} in memory / memory floor"
        rows.append(against("M2", what, cost, floor, Target(">=", bound)))
    return rows


def others(scale: Scale) -> list[Row]:
    """
    What has no target: an order cancelled, a balance read, a key delivered again.
    """
    bench = Bench(scale)
    shop.open_lots(bench.ledger, bench.accounts, 3)
    cancel_floor, cancel = bench.run(bench.floor("reversed", 1), bench.cancel())
    balance_floor, balance = bench.run(lambda: bench.kept.reader(bench.kept.accounts, bench.accounts), bench.balance())
    work = bench.work()
    replay_floor, replay = bench.run(
        lambda: bench.kept.reader({key: True for _, key, _ in work}, [key for _, key, _ in work]),
        lambda: lambda: [bench.ledger.earn(account, shop.LOT, key=key, at=at) for account, key, at in work],
    )
    return [
        against("m", "cancel an order of 3 lines in memory / memory floor", cancel, cancel_floor),
        against("m", "balance in memory / a dict look-up and a record", balance, balance_floor),
        against("m", "replayed key in memory / a dict look-up and a record", replay, replay_floor),
    ]


class Bench:
    """
    A ledger in memory with one account for each operation of a block, and its floor.
    """

    def __init__(self, scale: Scale) -> None:
        self.scale = scale
        self.ledger = Ledger(shop.PROGRAM, MemoryStorage())
        self.kept = MemoryFloor()
        self.accounts = [f"customer-{n}" for n in range(scale.operations)]
        shop.open_lots(self.ledger, self.accounts, 1)

    def run(self, *sides: Side) -> list[Sample]:
        """
        Run the sides in turn and return their costs.
        """
        return in_turn(self.scale.blocks, self.scale.operations, CPU, *sides)

    def work(self) -> list[tuple[str, str, datetime]]:
        """
        Return an account, a new key and an instant for each operation of a block.
        """
        return [
            (account, key, shop.now())
            for account, key in zip(self.accounts, shop.new_keys(len(self.accounts)), strict=True)
        ]

    def floor(self, kind: str, lots: int) -> Side:
        """
        Return the floor's side: an entry that uses so many lots.
        """
        return lambda: self.kept.writer(kind, lots, self.accounts, shop.new_keys(len(self.accounts)), shop.now())

    def redeem(self, lots: int) -> Side:
        """
        Return the side that redeems whole lots, which are opened before.
        """

        def prepare() -> Callable[[], None]:
            shop.open_lots(self.ledger, self.accounts, lots)
            work = self.work()

            def run() -> None:
                for account, key, at in work:
                    self.ledger.redeem(account, lots * shop.LOT, key=key, at=at)

            return run

        return prepare

    def cancel(self) -> Side:
        """
        Return the side that cancels orders, which are processed before.
        """

        def prepare() -> Callable[[], None]:
            work = self.work()
            shop.process(self.ledger, [shop.order(account, key) for account, key, _ in work])

            def run() -> None:
                for account, key, _ in work:
                    self.ledger.cancel(key, account=account, at=shop.now())

            return run

        return prepare

    def balance(self) -> Side:
        """
        Return the side that reads balances.
        """

        def prepare() -> Callable[[], None]:
            work = self.work()

            def run() -> None:
                for account, _, at in work:
                    self.ledger.balance(account, at=at)

            return run

        return prepare
