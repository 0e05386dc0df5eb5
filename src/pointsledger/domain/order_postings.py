"""
From an order's state to postings: what is due, less what is booked (R-14, R-18, R-29 to R-31).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from fractions import Fraction
from typing import TypedDict

from attrs import evolve, frozen

from ..errors import CurrencyMismatch
from .award import Award, Basis, award
from .commands import DecideReturn, Redeem
from .draft import Draft
from .money import Money
from .order_state import Booked, OrderState
from .orders import POINTS, Order
from .program import Program
from .reads import Reading


@frozen
class Due:
    """
    What an order's state is due: the award of what is kept, the points its holder shall have of it in all, and the
    redeemed points that shall have been given back.
    """

    award: Award
    points: int
    given_back: int


def due(state: OrderState, program: Program) -> Due:
    """
    Return what the order is due under the terms recorded for it, or else under `program` (R-14, R-31).
    """
    found = award_of(state, state.terms or program)
    if state.is_cancelled:
        used = abs(state.redeemed.entry.points) if state.redeemed else 0
        return Due(found, 0, used)
    return Due(found, max(0, found.points + state.kept_back), _to_give_back(state))


def award_of(state: OrderState, terms: Program, *, quoted_at: datetime | None = None) -> Award:
    """
    Return what the kept part of the order earns under these terms.

    Args:
        quoted_at: count the order as if it were ready at this instant, for a quote (R-21).
    """
    document = state.document
    earned_at = state.ready_at(terms.timing) or quoted_at
    if state.is_cancelled:
        return Award(reason="order_cancelled")
    if document is None or earned_at is None:
        return Award(reason="not_ready")
    if terms.redeeming_orders == "earn_nothing" and state.redeems:
        return Award(reason="order_redeems_points", earned_at=earned_at)
    unearning = sum(tender.amount.micros for tender in state.tenders().values() if not tender.earns)
    if terms.redeeming_orders == "net_of_points":
        unearning += state.points_money_micros
    sold, kept = state.kept(document, returned=False), state.kept(document, returned=True)
    return award(terms, Basis(document, kept, sold, unearning, earned_at))


def _to_give_back(state: OrderState) -> int:
    """
    Return the redeemed points whose part of the order is cancelled or returned, rounded down once (R-30, I-11).
    """
    document = state.document
    if document is None or state.redeemed is None:
        return 0
    used = abs(state.redeemed.entry.points)
    gone = int(used * _gone_share(document, state.kept(document, returned=True)))
    return min(max(0, gone + state.given_extra), used)


def _gone_share(document: Order, kept: dict[str, int]) -> Fraction:
    """
    Return which part of the order's price, or of its units where it cost nothing, is no longer kept.
    """
    whole = sum(document.nets({line.id: line.quantity for line in document.lines}))
    if whole:
        return 1 - Fraction(sum(document.nets(kept))) / whole
    return 1 - Fraction(sum(kept.values()), sum(line.quantity for line in document.lines))


# --- posting ---------------------------------------------------------------------------------------------------


def book_order(draft: Draft, state: OrderState) -> Reading[None]:
    """
    Post the difference between what the order is due and what is booked.

    Redeemed points come back first and new points come next, so that both can cover what is taken back: points that
    only get other dates, because an earlier fact arrived late, are no shortfall (I-15).
    """
    state.count_under(draft.program)
    wanted = due(state, draft.program)
    if state.redeemed is not None and wanted.given_back > state.redeemed.claimed:
        more = wanted.given_back - state.redeemed.claimed
        yield from draft.give_back(state.redeemed.entry, more, state.redeemed.claimed)
        state.redeemed.claimed += more
    claims = _claims(state, wanted)
    _earn(draft, state, wanted, claims)
    for booked, claim in claims:
        entry = yield from draft.claw_back(booked.entry, claim, booked.lapsed)
        booked.claimed += claim
        booked.lapsed += claim + entry.points - entry.shortfall


def _claims(state: OrderState, wanted: Due) -> list[tuple[Booked, int]]:
    """
    Return what to take back: what is booked beyond what is due, from the credits whose dates have too much, latest
    first.
    """
    targets = {(grant.available_at, grant.expires_at): grant.points for grant in wanted.award.grants}
    surplus: list[int] = []
    for booked in state.earned:
        target = targets.get(_dates(booked), 0)
        targets[_dates(booked)] = max(0, target - booked.left)
        surplus.append(max(0, booked.left - target))
    to_take = max(0, sum(surplus) - (0 if state.is_cancelled else state.kept_back))
    claims = [0] * len(surplus)
    for most in (surplus, [booked.left for booked in state.earned]):
        for i in reversed(range(len(claims))):
            more = min(most[i] - claims[i], to_take)
            if more > 0:
                claims[i] += more
                to_take -= more
    return [(booked, claim) for booked, claim in zip(state.earned, claims, strict=True) if claim][::-1]


def _earn(draft: Draft, state: OrderState, wanted: Due, claims: list[tuple[Booked, int]]) -> None:
    """
    Credit what is due beyond what stays booked, one lot for each pair of dates.
    """
    staying: dict[tuple[datetime, datetime | None], int] = {}
    for booked, points in (*((one, one.left) for one in state.earned), *((one, -claim) for one, claim in claims)):
        staying[_dates(booked)] = staying.get(_dates(booked), 0) + points
    room = wanted.points - sum(staying.values())
    for grant in wanted.award.grants:
        points = min(grant.points - staying.get((grant.available_at, grant.expires_at), 0), room)
        if points > 0:
            earned_at = wanted.award.earned_at or draft.occurred_at
            entry = draft.credit(
                "earned",
                points,
                available_at=grant.available_at,
                expires_at=grant.expires_at,
                earned_at=earned_at,
                occurred_at=earned_at,
                lapses_at=draft.activity("earn", earned_at),
            )
            state.earned.append(Booked(entry))
            room -= points


def _dates(booked: Booked) -> tuple[datetime, datetime | None]:
    lot = booked.entry.opened
    assert lot is not None, "an earned entry opens a lot"
    return lot.available_at, lot.expires_at


# --- proposals and payments --------------------------------------------------------------------------------------


def propose_return(state: OrderState, program: Program, return_id: str) -> tuple[int, int]:
    """
    Return the points that a return would take back and give back, were it accepted as it is (R-30).
    """
    before, after = due(state, program), due(accepted(state, program, return_id), program)
    return max(0, before.points - after.points), max(0, after.given_back - before.given_back)


def accepted(state: OrderState, program: Program, return_id: str) -> OrderState:
    """
    Return the state as it would be if the return were accepted as proposed; a decided return changes nothing.
    """
    decision = DecideReturn(
        account="-",
        order=state.order,
        cycle=state.cycle,
        return_id=return_id,
        take_back=0,
        give_back=0,
        proposed_take_back=0,
        proposed_give_back=0,
        actor="-",
        reason="-",
    )
    then = evolve(
        state,
        facts=dict(state.facts),
        earned=[evolve(booked) for booked in state.earned],
        redeemed=evolve(state.redeemed) if state.redeemed else None,
    )
    then.note(decision, min(fact.occurred_at for fact in state.facts.values()), 0, program)
    return then


class ToPay(TypedDict):
    """
    What a redemption is measured against.
    """

    currency: str | None
    to_pay: Money | None
    eligible: Money | None


def to_pay_of(command: Redeem, state: OrderState | None) -> ToPay:
    """
    Return what there is to pay, as the command says or else as the order's document and tenders say (R-26).

    Raises:
        CurrencyMismatch: the figures are not all in one currency.
    """
    to_pay, eligible = command.to_pay, command.eligible
    document = state.document if state else None
    if state is not None and document is not None:
        lines = sum(document.nets(state.kept(document, returned=False)))
        extras = sum(money.micros for money in (document.shipping, document.tax) if money)
        paid = sum(tender.amount.micros for tender in state.tenders().values() if tender.kind != POINTS)
        to_pay = to_pay or Money.rounded_down(max(0, lines + extras - paid), document.currency)
        eligible = eligible or Money.rounded_down(lines, document.currency)
    named = (
        command.currency,
        *(m.currency for m in (to_pay, eligible) if m),
        state.currency if state else None,
    )
    return ToPay(currency=_one_currency(named), to_pay=to_pay, eligible=eligible)


def _one_currency(named: Iterable[str | None]) -> str | None:
    currencies = [currency for currency in named if currency]
    for currency in currencies:
        if currency != currencies[0]:
            raise CurrencyMismatch("currency", currencies[0], currency)
    return currencies[0] if currencies else None
