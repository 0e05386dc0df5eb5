"""
From an order's state to postings: what is due, less what is booked (R-14, R-18, R-29 to R-31).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from fractions import Fraction
from typing import TypeAlias, TypedDict

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

Dates: TypeAlias = tuple[datetime, datetime | None]
"""When points become usable, and when they lapse."""


@frozen
class Due:
    """
    What an order's state is due: the award of what is kept, the points that its holder shall have of it by dates, and
    the redeemed points that shall have been given back.
    """

    award: Award
    targets: dict[Dates, int]
    given_back: int

    @property
    def points(self) -> int:
        """
        The points that the holder shall have of the order in all.
        """
        return sum(self.targets.values())


def due(state: OrderState, program: Program) -> Due:
    """
    Return what the order is due under the terms recorded for it, or else under `program` (R-14, R-31).
    """
    terms = state.terms or program
    found = award_of(state, terms)
    used = abs(state.redeemed.entry.points) if state.redeemed else 0
    if state.is_cancelled:
        return Due(found, {}, used)
    kept_back, given_extra = _decided(state, terms)
    given_back = min(max(0, _gone_points(state) + given_extra), used)
    return Due(found, _targets(found, state, kept_back), given_back)


def _targets(award: Award, state: OrderState, extra: int) -> dict[Dates, int]:
    """
    Return what shall be booked for each pair of dates: the award's grants, changed by decisions on returns (R-30).

    Points that decisions left with the holder stay on the earliest credits that have more than their grant.
    Points that decisions took in addition are missing from the latest grants.
    """
    targets = {(grant.available_at, grant.expires_at): grant.points for grant in award.grants}
    if extra > 0:
        for dates, points in _left_by_dates(state).items():
            kept = min(max(0, points - targets.get(dates, 0)), extra)
            targets[dates] = targets.get(dates, 0) + kept
            extra -= kept
    for dates in reversed(tuple(targets)):
        taken = min(targets[dates], max(0, -extra))
        targets[dates] -= taken
        extra += taken
    return targets


def _decided(state: OrderState, terms: Program) -> tuple[int, int]:
    """
    Return how many points decisions on returns left with the holder, and gave back, beyond the proposals; below 0:
    fewer (R-30).

    Each decision finds what those before it left: who had more taken then has that much less to lose now.
    So a difference never reaches beyond what the order still earned, or had redeemed, when the next one was made.
    """
    kept = given = 0
    used = abs(state.redeemed.entry.points) if state.redeemed else 0
    then = evolve(state, facts={})
    for name, fact in state.facts.items():
        then.facts[name] = fact
        if isinstance(fact.command, DecideReturn):
            gone = _gone_points(then)
            kept = max(kept, -award_of(then, terms).points)
            kept += fact.command.proposed_take_back - fact.command.take_back
            given = min(max(given, -gone), used - gone)
            given += fact.command.give_back - fact.command.proposed_give_back
    return kept, given


def _left_by_dates(state: OrderState) -> dict[Dates, int]:
    left: dict[Dates, int] = {}
    for booked in state.earned:
        left[_dates(booked)] = left.get(_dates(booked), 0) + booked.left
    return left


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


def _gone_points(state: OrderState) -> int:
    """
    Return the redeemed points whose part of the order is cancelled or returned, rounded down once (R-30, I-11).

    Points paid for what was there when they were redeemed: what was gone by then takes none along.
    """
    document = state.document
    if document is None or state.redeemed is None or not state.redeems:  # not yet, where decisions are counted again
        return 0
    paid_for = state.before(state.redemption).kept(document, returned=True)
    share = _gone_share(document, paid_for, state.kept(document, returned=True))
    return int(abs(state.redeemed.entry.points) * share)


def _gone_share(document: Order, held: dict[str, int], kept: dict[str, int]) -> Fraction:
    """
    Return which part of the price of the units held, or of their number where they cost nothing, is no longer kept.
    """
    price, units = sum(document.nets(held)), sum(held.values())
    if price:
        return 1 - Fraction(sum(document.nets(kept))) / price
    return 1 - Fraction(sum(kept.values()), units) if units else Fraction(0)


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
    _earn(draft, state, wanted)
    for booked, claim in claims:
        entry = yield from draft.claw_back(booked.entry, claim, booked.lapsed)
        booked.claimed += claim
        booked.lapsed += claim + entry.points - entry.shortfall


def _claims(state: OrderState, wanted: Due) -> list[tuple[Booked, int]]:
    """
    Return what to take back: what is booked beyond what is due for its dates, from the latest credits first.
    """
    surplus = {dates: points - wanted.targets.get(dates, 0) for dates, points in _left_by_dates(state).items()}
    claims: list[tuple[Booked, int]] = []
    for booked in reversed(state.earned):
        claim = min(booked.left, max(0, surplus[_dates(booked)]))
        surplus[_dates(booked)] -= claim
        if claim:
            claims.append((booked, claim))
    return claims


def _earn(draft: Draft, state: OrderState, wanted: Due) -> None:
    """
    Credit what is due beyond what is booked, one lot for each pair of dates.
    """
    left = _left_by_dates(state)
    for (available_at, expires_at), target in wanted.targets.items():
        points = target - left.get((available_at, expires_at), 0)
        if points > 0:
            earned_at = wanted.award.earned_at or draft.occurred_at
            entry = draft.credit(
                "earned",
                points,
                available_at=available_at,
                expires_at=expires_at,
                earned_at=earned_at,
                occurred_at=earned_at,
                lapses_at=draft.activity("earn", earned_at),
            )
            state.earned.append(Booked(entry))


def _dates(booked: Booked) -> Dates:
    lot = booked.entry.opened
    assert lot is not None, "an earned entry opens a lot"
    return lot.available_at, lot.expires_at


# --- proposals and payments --------------------------------------------------------------------------------------


def propose_return(state: OrderState, program: Program, return_id: str) -> tuple[int, int]:
    """
    Return the points that a return would take back and give back, were it accepted as it is (R-30).

    Only what is booked can be taken or has been given: a program that changed since may count the order otherwise.
    """
    after = due(accepted(state, program, return_id), program)
    earned = sum(booked.left for booked in state.earned)
    given = state.redeemed.claimed if state.redeemed else 0
    return max(0, earned - after.points), max(0, after.given_back - given)


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
    # It comes after everything that is known, as the decision itself will: what is redeemed by now has paid for it.
    last = max(state.facts.values(), key=lambda fact: (fact.occurred_at, fact.sequence))
    then.note(decision, last.occurred_at, last.sequence + 1, program)
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
