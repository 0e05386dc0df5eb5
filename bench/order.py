"""
One order of three lines under three rules, processed in memory, and where its time goes (M3).
"""

from __future__ import annotations

from collections.abc import Callable

from pointsledger import Ledger, commands
from pointsledger.domain.account import Account
from pointsledger.domain.award import Basis, award
from pointsledger.domain.decisions import Decision
from pointsledger.domain.draft import Draft
from pointsledger.domain.lots import LotDates
from pointsledger.domain.order_postings import due
from pointsledger.domain.order_state import OrderState
from pointsledger.storage.memory import MemoryStorage, Shelf

from . import shop
from .contest import CPU, Sample, Side, in_turn
from .scale import Scale
from .table import Row, Target

THIRD = Target("<=", 0.34)


def rows(scale: Scale) -> list[Row]:
    """
    M3: the whole, and the share of each step; steps are timed by themselves, what they leave over is the last row.
    """
    ledger = Ledger(shop.PROGRAM, MemoryStorage())
    order = shop.order("customer", "order")
    process = commands.Process(account="customer", order="order", document=order, at=shop.START)
    account = Account(shop.PROGRAM.id, "customer")
    state = OrderState("order", 1)
    state.note(process, shop.START, 1, shop.PROGRAM)
    units = {line.id: line.quantity for line in order.lines}
    basis = Basis(order, units, units, 0, shop.START)
    grant = award(shop.PROGRAM, basis).grants[0]

    def credited() -> Draft:
        draft = Draft(shop.PROGRAM, account, process, "key", shop.START)
        draft.credit("earned", grant.points, dates=LotDates(shop.START, grant.expires_at))
        return draft

    draft = credited()
    decision = Decision(tuple(draft.entries), draft.account, draft.changed_lots)
    names = iter(shop.new_keys(scale.operations * (scale.blocks + 1)))
    steps: dict[str, Callable[[], object]] = {
        "the order as a checked value": lambda: shop.order("customer", "order"),
        "the command as a checked value": lambda: commands.Process(
            account="customer", order="order", document=order, at=shop.START
        ),
        "the rules": lambda: award(shop.PROGRAM, basis),
        "the order's state": lambda: due(state, shop.PROGRAM, None),
        "entry, lot and account": credited,
        "keeping them": lambda: Shelf(account).store(decision),
    }
    whole = lambda: ledger.process(shop.order(id := next(names), id), at=shop.START)  # noqa: E731
    total, *costs = in_turn(
        scale.blocks, scale.operations, CPU, *(_often(step, scale.operations) for step in (whole, *steps.values()))
    )
    parts = dict(zip(steps, costs, strict=True))
    # What an order is due includes what its rules give, which has a row of its own.
    parts["the order's state"] = _minus(parts["the order's state"], parts["the rules"])
    parts["the rest: verbs, jobs, generators, gates"] = _minus(total, *parts.values())
    found = [Row("M3", "process an order of 3 lines under 3 rules: us", total, cost=total.middle)]
    for name, cost in parts.items():
        found.append(Row("M3", f"  share of {name}", cost.over(total), THIRD, cost=cost.middle))
    return found


def _often(step: Callable[[], object], operations: int) -> Side:
    def run() -> None:
        for _ in range(operations):
            step()

    return lambda: run


def _minus(whole: Sample, *parts: Sample) -> Sample:
    values = (part.values for part in parts)
    return Sample(tuple(all_ - sum(of) for all_, *of in zip(whole.values, *values, strict=True)))
