"""
What Hypothesis finds by itself: how to draw a program, an order or money.
"""

from __future__ import annotations


def register() -> None:
    """
    Tell Hypothesis of the strategies; they are made when one is first drawn from.
    """
    from hypothesis.strategies import SearchStrategy, register_type_strategy

    from ..domain.money import Money
    from ..domain.orders import Order
    from ..domain.program import Program

    def money(_: type) -> SearchStrategy[Money]:
        from . import strategies

        return strategies.money()

    def orders(_: type) -> SearchStrategy[Order]:
        from . import strategies

        return strategies.orders()

    def programs(_: type) -> SearchStrategy[Program]:
        from . import strategies

        return strategies.programs()

    register_type_strategy(Money, money)
    register_type_strategy(Order, orders)
    register_type_strategy(Program, programs)
