"""
Paying with points: at once, or from a hold (R-18, R-25 to R-28).
"""

from __future__ import annotations

from ..errors import HoldExceeded, InsufficientPoints, InvalidInput, OrderUnknown, RedemptionLimited
from .commands import Capture, Hold, Payment, Redeem, Release
from .draft import Draft
from .entries import Entry
from .holds import OrderHold, hold_of
from .money import Money
from .order_checks import check_payable, check_unpaid
from .order_decisions import read_state
from .order_postings import available_once_paid, book_order, book_what_paying_ends, to_pay_of
from .order_state import Booked, OrderState
from .reads import Reading
from .redemption import RedemptionQuote, check_gates, quote_redemption

Repeated = tuple[Entry, ...] | None
"""The first answer to a fact that was reported before; None: it is new."""


# --- at once ---------------------------------------------------------------------------------------------------


def redeem(draft: Draft, command: Redeem) -> Reading[Repeated]:
    """
    Use points as a payment, for an order or for something else (R-26).
    """
    state = None
    if command.order is not None:
        state, repeated = yield from read_state(draft, command)
        if repeated:
            return repeated
        check_unpaid(state, command.points)
        check_payable(state, draft.at)
    yield from draft.settle()
    if state is not None:
        state.note(command, draft.occurred_at, draft.account.version + 1, draft.program)
        quoted(draft, command, state)  # what closes redeeming wins over what taking back meets
        yield from book_what_paying_ends(draft, state)
    yield from pay_with_points(draft, command, state)
    return None


def pay_with_points(draft: Draft, command: Redeem, state: OrderState | None) -> Reading[None]:
    """
    Draw the points, and book what paying with them changes of the order (R-18).
    """
    quote = quoted(draft, command, state)
    check_limits(quote, command.points)
    entry = yield from draft.draw(
        "redeemed",
        command.points,
        terms=draft.program,
        money=quote.money,
        still_to_pay=quote.still_to_pay,
        rate=quote.rate,
        lapses_at=draft.activity("redeem", draft.occurred_at),
    )
    if state is not None:
        state.redeemed = Booked(entry)
        yield from book_order(draft, state)


def quoted(
    draft: Draft, command: Payment, state: OrderState | None, *, everything: bool = False, apart: int = 0
) -> RedemptionQuote:
    """
    Return how many of the points asked for, or of all, can pay, now that the draft stands as it does (R-25).

    Args:
        apart: so many of those available cannot be used.
    """
    check_gates(draft.program, draft.account)
    return quote_redemption(
        draft.program.limits,
        draft.rate,
        draft.account.available - apart,
        requested=None if everything else command.points,
        **to_pay_of(command, state),
    )


def check_limits(quote: RedemptionQuote, points: int) -> None:
    """
    Refuse what a limit does not allow; what is not available is refused where it is drawn, with its own error.
    """
    if quote.points < points and quote.limits[0].code != "available":
        raise RedemptionLimited(quote.limits[0].code, points, quote.points)


# --- holds -----------------------------------------------------------------------------------------------------


def hold(draft: Draft, command: Hold) -> Reading[Repeated]:
    """
    Set points aside for an order, within all that bounds a redemption (R-27).

    What the order earned itself is not counted where paying with points takes it back (R-18).

    Raises:
        IdempotencyConflict, CycleNotOpen, OrderCancelled, HoldOpen, InvalidInput (the deadline has passed), what closes
        redeeming, ShortfallRefused, InsufficientPoints, RedemptionLimited: in this order.
    """
    state, repeated = yield from read_state(draft, command)
    if repeated:
        return repeated
    check_unpaid(state, command.points)
    check_payable(state, draft.at)
    if command.until <= draft.at:
        raise InvalidInput("until", command.until, f"must be later than the account's time, {draft.at}")
    yield from draft.settle()
    quote = quoted(draft, command, state)
    free = yield from available_once_paid(draft, state)
    if command.points > free:
        raise InsufficientPoints(draft.account.id, command.points, free)
    check_limits(quote, command.points)
    yield from draft.hold(
        command.points,
        command.until,
        terms=draft.program,
        money=quote.money,
        still_to_pay=quote.still_to_pay,
        rate=quote.rate,
    )
    return None


def capture(draft: Draft, command: Capture) -> Reading[Repeated]:
    """
    Pay with the points of a hold, all or a part in whole groups of the recorded rate (R-24, R-27).

    Raises:
        IdempotencyConflict, CycleNotOpen, OrderUnknown (no such hold), HoldClosed, HoldExceeded, RedemptionLimited,
        ShortfallRefused: in this order.
    """
    state, repeated = yield from read_state(draft, command)
    if repeated:
        return repeated
    held = _held(state, command)
    held.after("capture", draft.at)
    entry = held.entry
    points = -entry.points if command.points is None else command.points
    money = _worth(held, command, points)
    yield from draft.settle()
    state.note(command, draft.occurred_at, draft.account.version + 1, draft.program)
    redeemed = yield from draft.capture(
        entry,
        points,
        money=money,
        still_to_pay=_still_to_pay(held, state, money),
        rate=entry.rate,
        lapses_at=draft.activity("redeem", draft.occurred_at),
    )
    state.redeemed = Booked(redeemed)
    yield from book_order(draft, state)
    return None


def release(draft: Draft, command: Release) -> Reading[Repeated]:
    """
    Let the points of a hold go; of one that lapsed or was released already, this is only noted (R-27).

    Raises:
        IdempotencyConflict, CycleNotOpen, OrderUnknown (no such hold), HoldClosed (captured): in this order.
    """
    state, repeated = yield from read_state(draft, command)
    if repeated:
        return repeated
    held = _held(state, command)
    status = held.status_at(draft.at)
    if status in {"held", "captured"}:
        held.after("release", draft.at)
    yield from draft.settle()
    if status == "held":
        yield from draft.release(held.entry)
    else:
        draft.post("noted")
    return None


def _held(state: OrderState, command: Capture | Release) -> OrderHold:
    if command.id not in state.holds:
        raise OrderUnknown(command.account, command.order, f"hold {command.id!r}")
    return state.holds[command.id]


def _worth(held: OrderHold, command: Capture, points: int) -> Money | None:
    """
    Return what captured points pay: what the hold was to pay, or whole groups at its rate.
    """
    entry, all_of_it = held.entry, -held.entry.points
    if points > all_of_it:
        raise HoldExceeded(command.order, command.id, points, all_of_it)
    if points == all_of_it or entry.rate is None:
        return entry.money
    whole = entry.rate.whole_groups(points)
    if whole < points:
        raise RedemptionLimited("step", points, whole)
    return entry.rate.value(points)


def _still_to_pay(held: OrderHold, state: OrderState, money: Money | None) -> Money | None:
    """
    Return what is left to pay now: of what the hold's command said, or else of the order as it stands (R-26).
    """
    to_pay = to_pay_of(hold_of(held.entry), state)["to_pay"]
    if to_pay is None or money is None:
        return to_pay
    return Money.of_micros(max(0, to_pay.micros - money.micros), money.currency)
