"""
Loyalty points for shops, billing systems and CRMs: an embeddable ledger.
"""

from . import commands
from .domain.account import Account
from .domain.award import Award
from .domain.balance import Balance
from .domain.entries import Allocation, Entry
from .domain.expiry import ExpiryPolicy, PendingPolicy, Period
from .domain.lots import Lot
from .domain.money import Money
from .domain.orders import Order, OrderLine, Tender
from .domain.program import Program, RedemptionLimits, RestorePolicy, Unit
from .domain.rates import ExchangeRate
from .domain.rules import EarnRule
from .ledger import Ledger, Receipt, Sweep

__all__ = [
    "Account",
    "Allocation",
    "Award",
    "Balance",
    "EarnRule",
    "Entry",
    "ExchangeRate",
    "ExpiryPolicy",
    "Ledger",
    "Lot",
    "Money",
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
