"""
Facts of orders: each is noted, and what the order's new state is due is booked (R-14, R-44).
"""

from __future__ import annotations

from ..errors import ProposalOutdated
from .commands import AnyOrderCommand, Cancel, DecideReturn, OrderCommand, check_same
from .draft import Draft
from .entries import Entry
from .order_checks import check_fact
from .order_postings import accepted, book_order, moved_by
from .order_state import OrderState, check_cycle
from .reads import EntriesAbout, Reading, read_command, read_entries


def order_fact(draft: Draft, command: OrderCommand) -> Reading[tuple[Entry, ...] | None]:
    """
    Note a fact and post what the order's new state is due, less what is booked (R-14).
    """
    state, repeated = yield from read_state(draft, command)
    if repeated:
        return repeated
    check_fact(command, state)
    if isinstance(command, DecideReturn):
        then = accepted(state, draft.program, command.return_id)
        proposed = moved_by(state, then, draft.program, draft.account.profile.verified_at)
        if proposed != (command.proposed_take_back, command.proposed_give_back):
            raise ProposalOutdated(command.order, command.return_id, *proposed)
    yield from draft.settle()
    settled = len(draft.entries)
    state.note(command, draft.occurred_at, draft.account.version + 1, draft.program)
    draft.serve(state.document)
    hold = state.open_hold(draft.at)
    if isinstance(command, Cancel) and hold is not None:
        yield from draft.release(hold.entry)
    yield from book_order(draft, state)
    if len(draft.entries) == settled:
        draft.post("noted")
    return None


def read_state(draft: Draft, command: AnyOrderCommand) -> Reading[tuple[OrderState, tuple[Entry, ...]]]:
    """
    Return the order's state, and the first answer if the same fact was reported before (R-44, I-15).

    Raises:
        IdempotencyConflict: the same fact with other content.
        CycleNotOpen: the cycle before is not cancelled.
    """
    order = str(command.order)
    entries = yield from read_entries(EntriesAbout(order))
    state = OrderState.of(order, command.cycle, entries)
    known = state.facts.get(str(command.fact))
    if known is not None:
        check_same(known.command, command, str(command.fact).strip(), as_fact=True)
        first = next(entry for entry in entries if entry.sequence == known.sequence)
        return state, (yield from read_command(first))
    check_cycle(state, entries)
    state.lapse_holds(draft.at)
    draft.serve(state.document)
    return state, ()
