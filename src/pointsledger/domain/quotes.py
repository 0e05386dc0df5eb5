"""
Quotes: what would happen, computed by the very functions that make it happen (R-21, R-25, R-30).
"""

from __future__ import annotations

from datetime import datetime

from attrs import evolve

from ..errors import AccountClosed, ShortfallRefused, StorefrontClosed
from .account import Account
from .award import Award
from .commands import Process, Redeem
from .draft import Draft
from .order_checks import check_fact, check_payable, check_unpaid
from .order_postings import award_of, award_within_caps, book_what_paying_ends, copied
from .order_state import OrderState, check_cycle
from .orders import Order
from .payments import pay_with_points, quoted
from .program import Program
from .reads import EntriesAbout, Reading, read_entries
from .redemption import RedemptionQuote


def read_quote(program: Program, account: Account, order: Order, at: datetime) -> Reading[Award]:
    """
    Return what the order would earn if it were processed and paid at this instant (R-21).

    What is known of the order already counts: other tenders, cancelled lines, redeemed points, recorded terms.

    Raises:
        CurrencyMismatch: the order is known in another currency.
    """
    entries = yield from read_entries(EntriesAbout(order.id))
    state = OrderState.of(order.id, order.cycle, entries)
    state.lapse_holds(max(at, account.as_of))
    command = Process(account=order.account, order=order.id, cycle=order.cycle, document=order)
    check_fact(command, state)
    state.facts.pop(command.fact, None)
    state.note(command, at, 0, program)
    found = award_of(state, state.terms or program, account.profile.verified_at, quoted_at=at)
    if found.reason is not None or (program.caps.balance is None and not program.caps.per_period):
        return found
    draft = Draft(program, account, command, None, at)
    yield from draft.settle()
    return (yield from award_within_caps(draft, state, found))


def read_redemption(
    program: Program, account: Account, at: datetime, wish: Redeem, *, everything: bool
) -> Reading[RedemptionQuote]:
    """
    Return how many points can be redeemed of those wished for, or of all there are, and why not more (R-25).

    What the order itself has earned is not among them where redeeming takes it back (R-18).

    Raises:
        AccountClosed; StorefrontClosed; IdempotencyConflict: the order is paid with points already; CycleNotOpen,
        OrderCancelled, HoldOpen, ProgramInactive, DebtOutstanding, BelowThreshold, CurrencyMismatch,
        NoExchangeRate, InvalidInput, ShortfallRefused: in this order.
    """
    if account.closed:
        raise AccountClosed(account.id)
    if not program.storefront and wish.actor is None:
        raise StorefrontClosed(program.id)
    draft = Draft(program, account, wish, None, at)
    state = None
    if wish.order is not None:
        entries = yield from read_entries(EntriesAbout(wish.order))
        state = OrderState.of(wish.order, wish.cycle, entries)
        state.lapse_holds(draft.at)
        check_unpaid(state, None if everything else wish.points)
        check_cycle(state, entries)
        check_payable(state, draft.at)
        draft.serve(state.document)
    yield from draft.settle()
    if state is not None:
        state.note(wish, draft.occurred_at, 0, program)
        quoted(draft, wish, state, everything=everything)  # what closes redeeming wins over what taking back meets
        yield from book_what_paying_ends(draft, state)
    apart = 0
    while True:
        quote = quoted(draft, wish, state, everything=everything, apart=apart)
        if state is None or not quote.points:
            return quote
        try:  # the more points pay, the more the order may lose that it earned
            yield from pay_with_points(draft.copied(), evolve(wish, points=quote.points), copied(state))
        except ShortfallRefused as refused:
            apart = draft.account.available - quote.points + refused.shortfall
        else:
            return quote
