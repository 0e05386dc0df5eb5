"""
Loyalty points for shops, billing systems and CRMs: an embeddable ledger.

The public names are imported from their homes when they are first asked for, so that a program which only reads a
price or a policy, or shows its help, does not wait for the whole ledger.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import commands
    from .async_ledger import AsyncLedger
    from .domain.account import Account
    from .domain.award import Award
    from .domain.balance import Balance
    from .domain.caps import EarnCaps
    from .domain.entries import Allocation, Entry
    from .domain.expiry import ExpiryPolicy, PendingPolicy, Period
    from .domain.lots import Lot
    from .domain.money import Money
    from .domain.orders import Order, OrderLine, Tender
    from .domain.program import NoticePolicy, Program, RedemptionLimits, RestorePolicy, Unit
    from .domain.rates import ExchangeRate
    from .domain.rules import EarnRule
    from .ledger import Ledger, Receipt, Sweep

__all__ = [
    "Account",
    "Allocation",
    "AsyncLedger",
    "Award",
    "Balance",
    "EarnCaps",
    "EarnRule",
    "Entry",
    "ExchangeRate",
    "ExpiryPolicy",
    "Ledger",
    "Lot",
    "Money",
    "NoticePolicy",
    "Order",
    "OrderLine",
    "PendingPolicy",
    "Period",
    "Program",
    "Receipt",
    "RedemptionLimits",
    "RestorePolicy",
    "Sweep",
    "Tender",
    "Unit",
    "commands",
]

_HOMES = {
    "Account": "domain.account",
    "Allocation": "domain.entries",
    "AsyncLedger": "async_ledger",
    "Award": "domain.award",
    "Balance": "domain.balance",
    "EarnCaps": "domain.caps",
    "EarnRule": "domain.rules",
    "Entry": "domain.entries",
    "ExchangeRate": "domain.rates",
    "ExpiryPolicy": "domain.expiry",
    "Ledger": "ledger",
    "Lot": "domain.lots",
    "Money": "domain.money",
    "NoticePolicy": "domain.program",
    "Order": "domain.orders",
    "OrderLine": "domain.orders",
    "PendingPolicy": "domain.expiry",
    "Period": "domain.expiry",
    "Program": "domain.program",
    "Receipt": "ledger",
    "RedemptionLimits": "domain.program",
    "RestorePolicy": "domain.program",
    "Sweep": "ledger",
    "Tender": "domain.orders",
    "Unit": "domain.program",
    "commands": "commands",
}


def __getattr__(name: str) -> object:
    """
    Import a public name from its home and keep it (PEP 562).
    """
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = import_module(f".{_HOMES[name]}", __name__)
    value: object = home if name == _HOMES[name] else getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """
    List the public names, imported or not.
    """
    return sorted({*globals(), *_HOMES})
