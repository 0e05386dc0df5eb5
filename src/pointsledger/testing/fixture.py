"""
What the plugin's fixture gives.
"""

from __future__ import annotations

from ..domain.money import Money
from ..domain.program import Program
from ..domain.rates import ExchangeRate
from ..domain.rules import EarnRule
from ..ledger import Ledger
from ..storage.memory import MemoryStorage
from .clock import FrozenClock

PROGRAM = Program(
    id="test",
    earn_rules=[EarnRule.per_amount(1, per=Money("1.00", "EUR"))],
    exchange_rates=[ExchangeRate(points=1, money=Money("0.01", "EUR"))],
)
"""A point per euro, worth a cent, at once and for ever."""


def new_ledger(clock: FrozenClock) -> Ledger:
    """
    Return an empty ledger in memory, by this clock.
    """
    return Ledger(PROGRAM, MemoryStorage(), clock=clock)
