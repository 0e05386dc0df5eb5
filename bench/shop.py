"""
The shop whose points are measured: one program, its accounts and its clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count, islice

from pointsledger import (
    EarnRule,
    ExchangeRate,
    ExpiryPolicy,
    Ledger,
    Money,
    Order,
    OrderLine,
    Program,
    commands,
)

PROGRAM = Program(
    id="bench",
    timezone="Europe/London",
    earn_rules=[
        EarnRule.per_amount(1, per=Money("1.00", "GBP")),
        EarnRule.per_unit(5, products=["tea"]),
        EarnRule.multiplier(2, categories=["beans"]),
    ],
    exchange_rates=[ExchangeRate(100, Money("1.00", "GBP"))],
    expiry=ExpiryPolicy.after(months=12),
    returns="automatic",
)

LOT = 100
"""The points of one lot, which are one group of the exchange rate."""

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_ticks = count()


def now() -> datetime:
    """
    Return the next second of the shop's clock; time passes with every operation.
    """
    return START + next(_ticks) * _SECOND


def new_keys(number: int) -> list[str]:
    """
    Return so many keys that were never used before.
    """
    return [f"key-{n:012d}" for n in islice(_keys, number)]


_keys = count()


def order(account: str, id: str) -> Order:
    """
    Return an order of three lines; each rule of the program finds something in it.
    """
    return Order(
        id,
        account=account,
        lines=[
            OrderLine("beans-1kg", Money("24.90", "GBP"), 2, categories=["beans"]),
            OrderLine("tea", Money("7.35", "GBP"), 3),
            OrderLine("mug", Money("12.00", "GBP")),
        ],
    )


def open_lots(ledger: Ledger, accounts: Iterable[str], lots: int, points: int = LOT) -> None:
    """
    Give each account so many lots of so many points.
    """
    apply(
        ledger,
        [
            commands.Earn(account=account, points=points, key=key, at=now())
            for account in accounts
            for key in new_keys(lots)
        ],
    )


def process(ledger: Ledger, orders: Iterable[Order]) -> None:
    """
    Process orders.
    """
    apply(
        ledger,
        [
            commands.Process(account=one.account, order=one.id, document=one, at=now(), key=f"process {one.id}")
            for one in orders
        ],
    )


def apply(ledger: Ledger, batch: Sequence[commands.Command]) -> None:
    """
    Carry out a long list of commands, in transactions of a bearable size.
    """
    for first in range(0, len(batch), 5000):
        ledger.apply_all(batch[first : first + 5000])
