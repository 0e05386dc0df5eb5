"""
Quotes: what would happen, computed by the very functions that make it happen (R-21, R-25, R-30).
"""

from __future__ import annotations

from datetime import datetime

from attrs import evolve, frozen

from ..errors import AccountClosed, IdempotencyConflict, OrderCancelled, OrderUnknown, ShortfallRefused
from .account import Account
from .award import Award
from .commands import Expire, Process, Redeem, ReturnLines
from .decisions import pay_with_points
from .draft import Draft
from .money import Money
from .order_checks import check_fact
from .order_postings import accepted, award_of, book_order, propose_return, to_pay_of
from .order_state import OrderState, check_cycle
from .orders import Order
from .program import Program
from .reads import OrderEntries, Reading, read_entries
from .redemption import RedemptionQuote, check_gates, quote_redemption


@frozen
class ReturnProposal:
    """
    What accepting a return would do; the administrator accepts, changes or declines it (R-30).

    Args:
        account, order, cycle, return_id: the return.
        take_back: earned points to take back, in all.
        give_back: redeemed points to give back.
        lines: the points to take back by line id, as the award attributes them.
        shortfall: how many of the points to take back are spent and cannot be covered.
        shortfall_value, give_back_value: what these points are worth at the program's first rate.
    """

    account: str
    order: str
    cycle: int
    return_id: str
    take_back: int
    give_back: int
    lines: dict[str, int]
    shortfall: int
    shortfall_value: Money | None
    give_back_value: Money | None


def read_quote(program: Program, order: Order, at: datetime) -> Reading[Award]:
    """
    Return what the order would earn if it were processed and paid at this instant (R-21).

    What is known of the order already counts: other tenders, cancelled lines, redeemed points, recorded terms.

    Raises:
        CurrencyMismatch: the order is known in another currency.
    """
    entries = yield from read_entries(OrderEntries(order.id))
    state = OrderState.of(order.id, order.cycle, entries)
    command = Process(account=order.account, order=order.id, cycle=order.cycle, document=order)
    check_fact(command, state)
    state.facts.pop(command.fact, None)
    state.note(command, at, 0, program)
    return award_of(state, state.terms or program, quoted_at=at)


def read_redemption(
    program: Program, account: Account, at: datetime, wish: Redeem, *, everything: bool
) -> Reading[RedemptionQuote]:
    """
    Return how many points can be redeemed of those wished for, or of all there are, and why not more (R-25).

    What the order itself has earned is not among them where redeeming takes it back first (R-18).

    Raises:
        AccountClosed; IdempotencyConflict: the order is paid with points already; CycleNotOpen, OrderCancelled,
        ProgramInactive, DebtOutstanding, BelowThreshold, CurrencyMismatch, NoExchangeRate, InvalidInput,
        ShortfallRefused: in this order.
    """
    if account.closed:
        raise AccountClosed(account.id)
    draft = Draft(program, account, wish, None, at)
    state = None
    if wish.order is not None:
        entries = yield from read_entries(OrderEntries(wish.order))
        state = OrderState.of(wish.order, wish.cycle, entries)
        paid = state.of_kind(Redeem)
        if paid:
            asked = None if everything else wish.points
            raise IdempotencyConflict(str(wish.fact).strip(), "points", paid[0].command.points, asked)
        check_cycle(state, entries)
        if state.is_cancelled:
            raise OrderCancelled(wish.order, wish.cycle)
    yield from draft.settle()
    if state is not None:
        state.note(wish, draft.occurred_at, 0, program)
        _quoted(draft, wish, state, everything=everything)  # what closes redeeming wins over what taking back meets
        yield from book_order(draft, state)
    quote = _quoted(draft, wish, state, everything=everything)
    if state is not None and quote.points:  # paying with points may take back more: see that it can
        yield from pay_with_points(draft, evolve(wish, points=quote.points), state)
    return quote


def _quoted(draft: Draft, wish: Redeem, state: OrderState | None, *, everything: bool) -> RedemptionQuote:
    check_gates(draft.program, draft.account)
    requested = None if everything else wish.points
    to_pay = to_pay_of(wish, state)
    return quote_redemption(draft.program, draft.account.available, requested=requested, **to_pay)


def read_return(
    program: Program, account: Account, at: datetime, order: str, cycle: int, return_id: str
) -> Reading[ReturnProposal]:
    """
    Return what accepting a return would do now.

    Raises:
        OrderUnknown: no such return was reported for the order.
    """
    entries = yield from read_entries(OrderEntries(order))
    state = OrderState.of(order, cycle, entries)
    if return_id not in {fact.command.part for fact in state.of_kind(ReturnLines)}:
        raise OrderUnknown(account.id, order, f"return {return_id!r}")
    terms = state.terms or program
    take_back, give_back = propose_return(state, program, return_id)
    then = accepted(state, program, return_id)
    before, after = award_of(state, terms).lines, award_of(then, terms).lines
    lines = {line: before.get(line, 0) - after.get(line, 0) for line in {**before, **after}}
    draft = Draft(program, account, Expire(account=account.id), None, at)
    yield from draft.settle()
    try:
        yield from book_order(draft, then)
        shortfall = sum(entry.shortfall for entry in draft.entries)
    except ShortfallRefused as refused:
        shortfall = refused.shortfall
    rate = program.rate()
    return ReturnProposal(
        account.id,
        order,
        cycle,
        return_id,
        take_back,
        give_back,
        {line: points for line, points in lines.items() if points},
        shortfall,
        rate.value(shortfall) if rate else None,
        rate.value(give_back) if rate else None,
    )
