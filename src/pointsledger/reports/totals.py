"""
Totals: the points of a whole program at an instant, as the sum of its accounts (R-11, I-40).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from attrs import fields, frozen

from ..domain.account import Account
from ..domain.balance import settled_account
from ..domain.program import Program
from ..port import Storage
from .pages import each_account


@frozen(kw_only=True)
class Totals:
    """
    What all accounts of a program have together; every figure is in points, and adds up to the instant.

    Args:
        accounts, entries: how many there are.
        earned, adjusted: credited by earning and by hand.
        reversed, removed: credits taken back, and debits by hand, from lots or as debt.
        redeemed, restored, expired: used, given back after use, lapsed.
        repaid, forgiven: debt paid by points, and debt forgiven.
        available, pending, held: in lots, usable or not yet usable, or set aside by holds.
        debt: owed.
    """

    accounts: int = 0
    entries: int = 0
    earned: int = 0
    adjusted: int = 0
    reversed: int = 0
    removed: int = 0
    redeemed: int = 0
    restored: int = 0
    expired: int = 0
    repaid: int = 0
    forgiven: int = 0
    available: int = 0
    pending: int = 0
    held: int = 0
    debt: int = 0

    @classmethod
    def of(cls, accounts: Iterable[Account]) -> Totals:
        """
        Return the sum of accounts; one without entries counts as none.
        """
        sums = dict.fromkeys((attribute.name for attribute in fields(cls)), 0)
        for account in accounts:
            sums["accounts"] += account.version > 0
            sums["entries"] += account.version
            for name, points in (*account.flows._asdict().items(), *((n, getattr(account, n)) for n in _IN_HAND)):
                sums[name] += points
        return cls(**sums)

    @property
    def issued(self) -> int:
        """
        Points credited by earning and by hand.
        """
        return self.earned + self.adjusted

    @property
    def outstanding(self) -> int:
        """
        Points that holders can use now or later.
        """
        return self.available + self.pending + self.held


_IN_HAND = ("available", "pending", "held", "debt")


def totals(storage: Storage, program: Program, at: datetime) -> Totals:
    """
    Return a program's totals at an instant, as `Ledger.balance` sees each account then.

    Each account is read by itself: what is written meanwhile counts for accounts that are not read yet.
    """
    return Totals.of(
        storage.read(program.id, account, lambda state: settled_account(program, state, at))
        for account in each_account(storage, program.id)
    )
