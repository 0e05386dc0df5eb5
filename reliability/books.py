"""
Ledgers over the club's program of the test kit, and what must be true of their books.
"""

from __future__ import annotations

from itertools import count
from typing import Any

from pointsledger import Ledger, Program
from pointsledger.port import Storage
from pointsledger.reports.verify import verify
from pointsledger.testing.club import CLUB, books_of, day

_KEYS = count()


def club(storage: Storage, program: Program = CLUB, *, on: int = 0, keys: str = "unnamed") -> Ledger:
    """
    Return a ledger on which it is always the same day, and keys are a word and a count, unlike those of any other.
    """
    return Ledger(program, storage, clock=lambda: day(on), new_key=lambda: f"{keys}-{next(_KEYS)}")


def account_of(storage: Storage, account: str) -> Any:
    """
    Return everything that a storage keeps of one account of the club.
    """
    return storage.read(CLUB.id, account, books_of)


def assert_balanced(storage: Storage, program: str = CLUB.id) -> None:
    """
    Everything stored is what the entries say.
    """
    findings = verify(storage, program).findings
    assert findings == (), f"the books do not balance: {findings}"


def assert_same(found: object, expected: object, what: str) -> None:
    """
    Two values are equal; where they are not, the text shows both.
    """
    if found != expected:
        raise AssertionError(f"{what}: {found!r} is not {expected!r}")
