"""
What an order's known facts say against a new one (R-02, R-30, R-35).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from ..errors import (
    CurrencyMismatch,
    HoldOpen,
    IdempotencyConflict,
    NotReversible,
    OrderCancelled,
    OrderUnknown,
    QuantityExceeded,
    ReversalExceeded,
)
from .commands import (
    CancelLines,
    Command,
    DecideReturn,
    Invoice,
    LinesCommand,
    OrderCommand,
    Pay,
    Place,
    Process,
    ReturnLines,
)
from .holds import hold_of
from .order_state import Booked, Fact, OrderState


def check_fact(command: OrderCommand, state: OrderState) -> None:
    """
    Refuse a fact that cannot be true beside what is known of the order; of an unknown order anything can be true.

    Raises:
        CurrencyMismatch: a document or payment in another currency.
        OrderUnknown: a line or return that the order does not have.
        QuantityExceeded: more units than the order still holds.
        NotReversible, OrderCancelled, ReversalExceeded: a decision on a return that cannot be taken; in this order.
    """
    check = _CHECKS.get(type(command))
    if check is not None:
        check(command, state)


def check_unpaid(state: OrderState, points: int | None) -> None:
    """
    Raise `IdempotencyConflict` if points have paid for the order: that happens once in a cycle (R-26).
    """
    if state.redeemed is not None:
        fact = f"redeem/{state.cycle}/{state.order}"
        raise IdempotencyConflict(fact, "points", -state.redeemed.entry.points, points)


def check_payable(state: OrderState, at: datetime) -> None:
    """
    Refuse to set points aside or use them for an order that cannot take them.

    Raises:
        OrderCancelled, HoldOpen: in this order.
    """
    if state.is_cancelled:
        raise OrderCancelled(state.order, state.cycle)
    hold = state.open_hold(at)
    if hold is not None:
        raise HoldOpen(state.order, hold_of(hold.entry).id)


def _check_document(command: Place, state: OrderState) -> None:
    _check_currency("lines", command.document.currency, state)


def _check_payment(command: Pay, state: OrderState) -> None:
    _check_currency("tender.amount", command.tender.amount.currency, state)


def _check_currency(field: str, currency: str, state: OrderState) -> None:
    if state.currency not in {None, currency}:
        raise CurrencyMismatch(field, str(state.currency), currency)


def _check_quantities(command: LinesCommand, state: OrderState) -> None:
    left = _units_left(command, state)
    if left is None:
        return
    for line, quantity in command.lines:
        if line not in left:
            raise OrderUnknown(command.account, command.order, f"line {line!r}")
        if quantity > left[line]:
            raise QuantityExceeded(command.order, line, quantity, max(0, left[line]))


def _units_left(command: LinesCommand, state: OrderState) -> dict[str, int] | None:
    """
    Return the units of each line that can still be invoiced, or cancelled or returned; None of an unknown order.
    """
    if state.document is None:
        return None
    left = {line.id: line.quantity for line in state.document.lines}
    before: list[Fact[Invoice] | Fact[CancelLines] | Fact[ReturnLines]] = [*state.of_kind(Invoice)]
    if not isinstance(command, Invoice):
        before = [*state.of_kind(CancelLines), *state.of_kind(ReturnLines)]
    for fact in before:
        for line, quantity in fact.command.lines:
            if line in left:
                left[line] -= quantity
    return left


def _check_decision(command: DecideReturn, state: OrderState) -> None:
    found = [fact for fact in state.of_kind(ReturnLines) if fact.command.id == command.return_id]
    if not found:
        raise OrderUnknown(command.account, command.order, f"return {command.return_id!r}")
    if state.is_decided(found[0], "take_back") and state.is_decided(found[0], "give_back"):
        raise NotReversible(found[0].sequence, "noted", "the return was applied automatically")
    if state.is_cancelled:
        raise OrderCancelled(command.order, command.cycle)
    _check_left(command.give_back, [state.redeemed] if state.redeemed else [])
    _check_left(command.take_back, state.earned)


def _check_left(points: int, booked: list[Booked]) -> None:
    left = sum(one.held_by_owner for one in booked)
    if points > left:
        raise ReversalExceeded(booked[0].entry.sequence if booked else 0, points, left)


_CHECKS: dict[type[Command], Callable[[Any, OrderState], None]] = {
    Place: _check_document,
    Process: _check_document,
    Pay: _check_payment,
    Invoice: _check_quantities,
    CancelLines: _check_quantities,
    ReturnLines: _check_quantities,
    DecideReturn: _check_decision,
}
