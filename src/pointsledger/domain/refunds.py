"""
Refunds: what a return or cancel would do to money and points together, before anybody decides (R-30, S1.36).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction
from typing import NamedTuple

from attrs import asdict, evolve, frozen

from ..errors import OrderUnknown, ShortfallRefused
from .account import Account
from .commands import Cancel, DecideReturn, Expire, ReturnLines
from .draft import Draft
from .fields import quantities
from .money import Money, micros_per_unit
from .order_checks import check_fact
from .order_postings import accepted, award_of, book_order, copied, due, moved_by
from .order_state import OrderState, gone_share
from .orders import Order
from .points import apportioned
from .program import Program
from .reads import EntriesAbout, Reading, read_entries


@frozen(kw_only=True)
class RefundLine:
    """
    A line's part of a refund.

    Args:
        line: the line's id; quantity: the units that go.
        take_back: what the line earned less; below 0 where it earns more, because another line went.
        give_back: redeemed points to give back for it.
        refund: their price after discounts.
    """

    line: str
    quantity: int
    take_back: int
    give_back: int
    refund: Money


@frozen(kw_only=True)
class RefundQuote:
    """
    What a refund would do now, to money and points together.

    Args:
        account, order, cycle: the order.
        take_back: earned points to take back from the holder.
        give_back: redeemed points to give back.
        lapsing: how many of those lapse at once, because their lot has lapsed meanwhile.
        shortfall: how many of the points to take back are spent and cannot be covered.
        refund: the price of what goes, after discounts, without shipping and tax; None: the order's document is not
            known.
        paid_with_points: the part of it that the points to give back had paid.
        cash: the rest, which was paid with money.
        shortfall_value, take_back_value, give_back_value: what these points are worth, in whole groups, at the rate
            in force.
        lines: what goes, and lines that earn otherwise because of it, in order of the document.
    """

    account: str
    order: str
    cycle: int
    take_back: int
    give_back: int
    lapsing: int
    shortfall: int
    refund: Money | None
    paid_with_points: Money | None
    cash: Money | None
    shortfall_value: Money | None
    take_back_value: Money | None
    give_back_value: Money | None
    lines: tuple[RefundLine, ...]


@frozen(kw_only=True)
class ReturnProposal(RefundQuote):
    """
    What accepting a return would do; the administrator accepts, changes or declines it (R-30).

    Args:
        return_id: the return.
    """

    return_id: str


def read_refund(
    program: Program,
    account: Account,
    at: datetime,
    order: str,
    cycle: int,
    lines: Mapping[str, int] | None,
) -> Reading[RefundQuote]:
    """
    Return what it would do if units of lines were returned and this was accepted, or the order cancelled (`lines`
    None).

    Raises:
        OrderUnknown: nothing is known of the order or line; QuantityExceeded: more units than the order holds.
    """
    state = yield from _state(order, cycle)
    if state.document is None:
        raise OrderUnknown(account.id, order)
    then = copied(state)
    last = max(then.facts.values(), key=lambda fact: (fact.occurred_at, fact.sequence))
    if lines is None:
        cancel = Cancel(account=account.id, order=order, cycle=cycle)
        then.note(cancel, last.occurred_at, last.sequence + 1, program)
        units = _units(state)
    else:
        known = [fact.command.id for fact in state.of_kind(ReturnLines)]
        unused = next(id for n in range(len(known) + 1) if (id := f"quote {n}") not in known)
        wish = ReturnLines(account=account.id, order=order, cycle=cycle, id=unused, lines=lines)
        check_fact(wish, state)
        then.note(wish, last.occurred_at, last.sequence + 1, program)
        then = accepted(then, program, unused)
        units = dict(quantities(lines))
    return (yield from _quote(program, account, at, state, then, units))


def read_return(
    program: Program, account: Account, at: datetime, order: str, cycle: int, return_id: str
) -> Reading[ReturnProposal]:
    """
    Return what accepting a return would do now.

    Raises:
        OrderUnknown: no such return was reported for the order.
    """
    state = yield from _state(order, cycle)
    reported = {fact.command.id: fact.command for fact in state.of_kind(ReturnLines)}
    if return_id not in reported:
        raise OrderUnknown(account.id, order, f"return {return_id!r}")
    units = dict(reported[return_id].lines)
    then = accepted(state, program, return_id)
    quote = yield from _quote(program, account, at, state, then, units, return_id)
    return ReturnProposal(return_id=return_id, **asdict(quote, recurse=False))


def _state(order: str, cycle: int) -> Reading[OrderState]:
    return OrderState.of(order, cycle, (yield from read_entries(EntriesAbout(order))))


def _quote(
    program: Program,
    account: Account,
    at: datetime,
    state: OrderState,
    then: OrderState,
    units: Mapping[str, int],
    return_id: str | None = None,
) -> Reading[RefundQuote]:
    verified_at = account.profile.verified_at
    units = {} if state.is_cancelled else units
    take_back, give_back = moved_by(state, then, program, verified_at)
    draft = Draft(program, account, Expire(account=account.id), None, at)
    draft.serve(state.document)
    yield from draft.settle()
    hold = state.open_hold(draft.at)
    if then.is_cancelled and hold is not None:
        yield from draft.release(hold.entry)
    shortfall, lapsing = yield from _booked(draft, copied(then))
    others = _without(state, return_id)
    already = state.redeemed.claimed - due(others, program, verified_at).given_back if state.redeemed else 0
    goods = _goods(state, others, units, give_back, give_back + max(0, already))
    terms, rate = state.terms or program, draft.rate()
    before, after = award_of(state, terms, verified_at).lines, award_of(then, terms, verified_at).lines
    return RefundQuote(
        account=account.id,
        order=state.order,
        cycle=state.cycle,
        take_back=take_back,
        give_back=give_back,
        lapsing=lapsing,
        shortfall=shortfall,
        refund=goods.refund,
        paid_with_points=goods.paid_with_points,
        cash=goods.refund - goods.paid_with_points if goods.refund and goods.paid_with_points else None,
        shortfall_value=rate.value(shortfall) if rate else None,
        take_back_value=rate.value(take_back) if rate else None,
        give_back_value=rate.value(give_back) if rate else None,
        lines=tuple(
            RefundLine(
                line=line.id,
                quantity=units.get(line.id, 0),
                take_back=before.get(line.id, 0) - after.get(line.id, 0),
                give_back=goods.given.get(line.id, 0),
                refund=goods.prices.get(line.id, Money.of_micros(0, line.unit_price.currency)),
            )
            for line in (state.document.lines if state.document else ())
            if line.id in units or before.get(line.id) != after.get(line.id)
        ),
    )


def _booked(draft: Draft, then: OrderState) -> Reading[tuple[int, int]]:
    """
    Book in thought; return the points that are short, and those that come back and lapse at once.
    """
    settled = len(draft.entries)
    try:
        yield from book_order(draft, then)
    except ShortfallRefused as refused:
        return refused.shortfall, 0
    booked = draft.entries[settled:]
    return sum(entry.shortfall for entry in booked), -sum(entry.points for entry in booked if entry.kind == "expired")


def _units(state: OrderState) -> dict[str, int]:
    kept = state.kept(state.document, "give_back") if state.document else {}
    return {line: units for line, units in kept.items() if units}


def _without(state: OrderState, return_id: str | None) -> OrderState:
    """
    Return the state without a return that is looked at and its decision, which may count already.
    """
    facts = {
        name: fact
        for name, fact in state.facts.items()
        if not (isinstance(fact.command, ReturnLines) and fact.command.id == return_id)
        and not (isinstance(fact.command, DecideReturn) and fact.command.return_id == return_id)
    }
    return evolve(state, facts=facts)


class _Goods(NamedTuple):
    """
    What goes: its price, the part of it that points had paid; and by line the price and the points to give back.
    """

    refund: Money | None = None
    paid_with_points: Money | None = None
    prices: Mapping[str, Money] = {}
    given: Mapping[str, int] = {}


def _goods(state: OrderState, others: OrderState, units: Mapping[str, int], give_back: int, given: int) -> _Goods:
    """
    Count the units that go, beside what went otherwise; for them `give_back` points come back now, `given` in all.

    Prices, and what points paid of them, are rounded down for the whole that is left before and after, so that an order
    that goes in parts costs in all what it costs at once (I-11).
    """
    document = state.document
    if document is None:
        return _Goods()
    held = others.kept(document, "give_back")
    left = {line: max(0, count - units.get(line, 0)) for line, count in held.items()}
    refund = _price(document, held) - _price(document, left)
    nets = zip(document.lines, document.nets(held), document.nets(left), strict=True)
    weights = {line.id: before - after for line, before, after in nets if line.id in units}
    if not any(weights.values()):  # what costs nothing is shared by number, as `gone_share` does
        weights = {line: units[line] for line in weights}
    unit = micros_per_unit(document.currency)
    shares = apportioned(refund.micros // unit, list(weights.values()))
    prices = {line: Money.of_micros(share * unit, refund.currency) for line, share in zip(weights, shares, strict=True)}
    by_line = dict(zip(weights, apportioned(give_back, list(weights.values())), strict=True))
    paid = _paid_with_points(state, others, held, left, given)
    return _Goods(refund, Money.of_micros(min(refund.micros, paid), refund.currency), prices, by_line)


def _price(document: Order, units: Mapping[str, int]) -> Money:
    return Money.rounded_down(sum(document.nets(units)), document.currency)


def _paid_with_points(
    state: OrderState, others: OrderState, held: dict[str, int], left: dict[str, int], given: int
) -> int:
    """
    Return, in micros, what points had paid of what goes: their share of its price, and what points were worth that
    decisions moved beyond their share.
    """
    document, booked, redemption = state.document, state.redeemed, others.redemption
    if document is None or booked is None or booked.entry.money is None or redemption is None:
        return 0
    money, used = booked.entry.money, -booked.entry.points
    there = others.before(redemption).kept(document, "give_back")
    whole = _price(document, there)
    paid = min(money.micros, whole.micros)

    def share(units: dict[str, int]) -> int:
        price = min(_price(document, units).micros, whole.micros)
        return Money.rounded_down(Fraction(price * paid, whole.micros), whole.currency).micros if whole.micros else 0

    def gone(units: dict[str, int]) -> int:
        return int(used * gone_share(document, there, units))

    beyond = Fraction(money.micros * (given - gone(left) + gone(held)), used)
    return max(0, share(held) - share(left) + Money.rounded_down(beyond, money.currency).micros)
