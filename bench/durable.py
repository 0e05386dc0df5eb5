"""
A durable ledger beside its floor, and what both do in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from attrs import frozen

from pointsledger import Ledger, commands

from . import shop
from .contest import WALL, Sample, Side, in_turn
from .floors import Written
from .scale import Scale


class Floor(Protocol):
    """
    A second set of the product's tables, to which bare statements write what the product wrote.
    """

    def take_written(self) -> list[Written]:
        """
        Read back what the product wrote to each account since the last look; whoever takes it, writes it.
        """
        ...

    def write(self, written: Written) -> None:
        """
        Write the rows of one operation, in one transaction.
        """
        ...

    def write_together(self, operations: Sequence[Written]) -> None:
        """
        Write the rows of many operations, table by table, in one transaction.
        """
        ...

    def catch_up(self) -> None:
        """
        Write what the product wrote by way of preparation.
        """
        ...

    def read_balance(self, account: str) -> object:
        """
        Select one column by primary key.
        """
        ...


@frozen
class Bench:
    """
    A ledger with one account for each operation of a block, and its floor.
    """

    scale: Scale
    ledger: Ledger
    kept: Floor
    accounts: list[str]

    def run(self, *sides: Side) -> list[Sample]:
        """
        Run the sides in turn and return their costs.
        """
        return in_turn(self.scale.blocks, self.scale.operations, WALL, *sides)

    def work(self) -> list[tuple[str, str, datetime]]:
        """
        Return an account, a new key and an instant for each operation of a block.
        """
        keys = shop.new_keys(len(self.accounts))
        return [(account, key, shop.now()) for account, key in zip(self.accounts, keys, strict=True)]

    # --- the product's sides -------------------------------------------------------------------------------------

    def earn(self) -> Side:
        """
        Return the side that earns one by one.
        """

        def prepare() -> Callable[[], None]:
            work = self.work()
            self.kept.catch_up()

            def run() -> None:
                for account, key, at in work:
                    self.ledger.earn(account, shop.LOT, key=key, at=at)

            return run

        return prepare

    def earn_together(self) -> Side:
        """
        Return the side that earns in one transaction.
        """

        def prepare() -> Callable[[], object]:
            self.kept.catch_up()
            batch = [
                commands.Earn(account=account, points=shop.LOT, key=key, at=at) for account, key, at in self.work()
            ]
            return lambda: self.ledger.apply_all(batch)

        return prepare

    def redeem(self, lots: int) -> Side:
        """
        Return the side that redeems whole lots, which are opened before.
        """

        def prepare() -> Callable[[], None]:
            shop.open_lots(self.ledger, self.accounts, lots)
            self.kept.catch_up()
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
            self.kept.catch_up()

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
            at = shop.now()

            def run() -> None:
                for account in self.accounts:
                    self.ledger.balance(account, at=at)

            return run

        return prepare

    def replay(self) -> Side:
        """
        Return the side that delivers keys again.
        """
        work = self.work()

        def run() -> None:
            for account, key, at in work:
                self.ledger.earn(account, shop.LOT, key=key, at=at)

        def prepare() -> Callable[[], None]:
            run()
            self.kept.catch_up()
            return run

        return prepare

    # --- the floor's sides ---------------------------------------------------------------------------------------

    def floor(self) -> Side:
        """
        Return the side that writes what the product has just written, one transaction each.
        """

        def prepare() -> Callable[[], None]:
            written = self.kept.take_written()

            def run() -> None:
                for one in written:
                    self.kept.write(one)

            return run

        return prepare

    def floor_together(self) -> Side:
        """
        Return the side that writes what the product has just written, in one transaction.
        """

        def prepare() -> Callable[[], object]:
            written: list[Written] = self.kept.take_written()
            return lambda: self.kept.write_together(written)

        return prepare

    def balance_floor(self) -> Side:
        """
        Return the side that selects one column by primary key.
        """

        def run() -> None:
            for account in self.accounts:
                self.kept.read_balance(account)

        return lambda: run
