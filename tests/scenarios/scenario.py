"""
The stage of the scenarios: a shop with one ledger and a calendar on the wall, and how a story reads what it sees.

A story goes: before (`balance`), command (`shop.on(day).verb(…)`), taken (`taken(receipt)`), after (`balance`).
What is read comes as plain text and plain numbers, so that an expected value can stand beside its sum on paper.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from attrs import fields

from pointsledger import Entry, Ledger, Money, Order, OrderLine, Program, Receipt
from pointsledger.domain.refunds import RefundQuote
from pointsledger.errors import Refused
from pointsledger.port import Storage

ANN = "ann"
BY_HAND = {"actor": "eve", "reason": "correction"}
"""Who decides and why, where a story does not care."""


def instant(text: str) -> datetime:
    """
    Return the instant that text such as ``"2024-03-01"`` or ``"2024-03-01 12:30"`` names, in UTC.
    """
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def gbp(amount: str) -> Money:
    """
    Return pounds.
    """
    return Money(amount, "GBP")


def line(product: str, price: str, quantity: int = 1, *, currency: str = "GBP", **details) -> OrderLine:
    """
    Return a line of an order, in pounds unless another currency is named.
    """
    return OrderLine(product, Money(price, currency), quantity, **details)


def order(id: str, *lines: OrderLine, account: str = ANN, **details) -> Order:
    """
    Return an order of Ann's, unless another account is named.
    """
    return Order(id, account, lines, **details)


class Shop:
    """
    A ledger, and the day it is.
    """

    def __init__(self, storage: Storage, program: Program, *, now: str = "2024-03-01") -> None:
        self.storage = storage
        self.now = instant(now)
        self.ledger = self.under(program)

    def on(self, day: str) -> Ledger:
        """
        Let it be this day, and return the ledger.
        """
        self.now = instant(day)
        return self.ledger

    def under(self, program: Program) -> Ledger:
        """
        Let another program be in force from now on, and return the ledger.
        """
        self.ledger = Ledger(program, self.storage, clock=lambda: self.now)
        return self.ledger

    def balance(self, account: str = ANN) -> str:
        """
        Return what the account has now, such as ``"30 available, 5 pending"``.
        """
        now = self.ledger.balance(account)
        parts = {"available": now.available, "pending": now.pending, "held": now.held, "owed": now.debt}
        return ", ".join(f"{count} {name}" for name, count in parts.items() if count) or "nothing"

    def lots(self, account: str = ANN) -> dict[int, int]:
        """
        Return the points left by lot, in the order in which they will be drawn.
        """
        return {lot.id: lot.remaining for lot in self.ledger.lots(account)}

    def everything(self, account: str = ANN) -> tuple[object, ...]:
        """
        Return all that can be read of the account, to compare before and after.
        """
        return self.ledger.balance(account), self.ledger.lots(account), self.ledger.entries(account)


def taken(receipt: Receipt | Iterable[Entry]) -> list[str]:
    """
    Return what entries did, such as ``["expired -5", "reversed -20, debt +3"]``; a fact alone is ``"noted"``.
    """
    entries = receipt.entries if isinstance(receipt, Receipt) else receipt
    return [_told(entry) for entry in entries]


def _told(entry: Entry) -> str:
    points = f" {entry.points:+}" if entry.points else ""
    debt = f", debt {entry.debt:+}" if entry.debt else ""
    lost = f", {entry.written_off} written off" if entry.written_off else ""
    return f"{entry.kind}{points}{debt}{lost}"


def drawn(receipt: Receipt) -> dict[int, int]:
    """
    Return the points by lot that the last entry of a command took out of lots or gave back to them.
    """
    return dict(receipt.entries[-1].allocations)


def taken_by_line(quote: RefundQuote) -> dict[str, int]:
    """
    Return the earned points that a refund takes back, by line.
    """
    return {part.line: part.take_back for part in quote.lines if part.take_back}


def told(error: Refused) -> dict[str, object]:
    """
    Return a refusal's fields by name.
    """
    return {name.name: getattr(error, name.name) for name in fields(type(error))}
