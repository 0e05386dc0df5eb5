"""
Ledgers over the club's program and story of the test kit, and their books as plain values that can be compared.
"""

from __future__ import annotations

from typing import Any

from pointsledger import Account, Entry, Ledger, Lot, Program
from pointsledger.domain.reads import OpenHolds, OpenLots, Reading, read_entries, read_lots
from pointsledger.port import Storage
from pointsledger.testing.club import ANN, BY_HAND, CLUB, START, day, job, order, story
from reliability.books import assert_balanced, club

__all__ = [
    "ANN",
    "BY_HAND",
    "CLUB",
    "START",
    "assert_balanced",
    "books",
    "books_of",
    "club",
    "day",
    "figures_and_lots",
    "job",
    "order",
    "story",
]


def books(storage: Storage, program: str = CLUB.id) -> dict[str, tuple[Any, ...]]:
    """
    Return everything that a storage keeps of a program: figures, entries, open lots and holds, by account.
    """
    return {account: books_of(storage, account, program) for account in storage.accounts(program, "", 10_000)}


def books_of(storage: Storage, account: str, program: str = CLUB.id) -> tuple[Any, ...]:
    """
    Return what a storage keeps of one account.
    """
    figures, lots = storage.read(program, account, figures_and_lots)
    ledger = Ledger(Program(id=program), storage)
    return figures, ledger.entries(account, limit=10_000), lots


def figures_and_lots(account: Account) -> Reading[tuple[Account, tuple[Lot | Entry, ...]]]:
    """
    Read an account's figures together with its open lots and holds.
    """
    lots = yield from read_lots(OpenLots())
    holds = yield from read_entries(OpenHolds())
    return account, (*lots, *holds)
