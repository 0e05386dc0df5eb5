"""
A kit for tests: of code that uses a ledger, and of storages that are not this library's.

The names are imported from their homes when they are first asked for; what needs pytest or Hypothesis says so then.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .clock import FrozenClock
    from .contract import AsyncStorageContract, StorageContract
    from .faulty_storage import Fault, FaultyStorage
    from .model.ledger import NaiveLedger
    from .proof import assert_books_balance
    from .stories.machine import LedgerMachine, compare_with_model

__all__ = [
    "AsyncStorageContract",
    "Fault",
    "FaultyStorage",
    "FrozenClock",
    "LedgerMachine",
    "NaiveLedger",
    "StorageContract",
    "assert_books_balance",
    "compare_with_model",
]

_HOMES = {
    "AsyncStorageContract": "contract",
    "Fault": "faulty_storage",
    "FaultyStorage": "faulty_storage",
    "FrozenClock": "clock",
    "LedgerMachine": "stories.machine",
    "NaiveLedger": "model.ledger",
    "StorageContract": "contract",
    "assert_books_balance": "proof",
    "compare_with_model": "stories.machine",
}


def __getattr__(name: str) -> object:
    """
    Import a name from its home and keep it (PEP 562).
    """
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """
    List the names, imported or not.
    """
    return sorted({*globals(), *_HOMES})
