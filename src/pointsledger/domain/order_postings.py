"""
From an order's state to postings: what is due, less what is booked (R-14, R-18, R-29 to R-31).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import TypedDict

from attrs import evolve, frozen

from ..errors import CurrencyMismatch
from .award import Award, Basis, Grant, award
from .commands import Activate, DecideReturn, Payment, Redeem
from .draft import Claim, Draft
from .earning import earn
from .expiry import ON_EVENT
from .lots import LotDates
from .money import Money
from .order_state import Booked, OrderState, gone_share
from .orders import POINTS
from .points import Exact
from .program import Program
from .reads import LotsNamed, Reading, read_lots


@frozen
class Due:
    """
    What an order's state is due: the award of what is kept, the points that its holder shall have of it by dates, and
    the redeemed points that shall have been given back.
    """

    award: Award
    targets: dict[LotDates, int]
    given_back: int


def due(state: OrderState, program: Program, verified_at: datetime | None) -> Due:
    """
    Return what the order is due under the terms recorded for it, or else under `program` (R-14, R-31).

    Args:
        verified_at: from when the holder is known to be verified (S2.2).
    """
    terms = state.terms or program
    found = award_of(state, terms, verified_at)
    used = abs(state.redeemed.entry.points) if state.redeemed else 0
    if state.is_cancelled:
        return Due(found, {}, used)
    kept_back, given_extra = _decided(state, terms, verified_at)
    given_back = min(max(0, _gone_points(state) + given_extra), used)
    return Due(found, _targets(found, state, kept_back), given_back)


def _targets(award: Award, state: OrderState, extra: int) -> dict[LotDates, int]:
    """
    Return what shall be booked for each pair of dates: the award's grants, changed by decisions on returns (R-30).

    Points that decisions left with the holder stay on the earliest credits that have more than their grant.
    Points that decisions took in addition are missing from the latest grants.
    """
    targets = _by_dates(award)
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


def _decided(state: OrderState, terms: Program, verified_at: datetime | None) -> tuple[int, int]:
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
            kept = max(kept, -award_of(then, terms, verified_at).points)
            kept += fact.command.proposed_take_back - fact.command.take_back
            given = min(max(given, -gone), used - gone)
            given += fact.command.give_back - fact.command.proposed_give_back
    return kept, given


def _left_by_dates(state: OrderState) -> dict[LotDates, int]:
    left: dict[LotDates, int] = {}
    for booked in state.earned:
        dates = booked.entry.lot_dates
        left[dates] = left.get(dates, 0) + booked.left
    return left


def award_of(
    state: OrderState, terms: Program, verified_at: datetime | None, *, quoted_at: datetime | None = None
) -> Award:
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
    unearning: Exact = sum(tender.amount.micros for tender in state.tenders().values() if not tender.earns)
    if terms.redeeming_orders == "net_of_points":
        unearning += state.points_pay()
    sold, kept = state.kept(document, None), state.kept(document, "take_back")
    return award(terms, Basis(document, kept, sold, unearning, earned_at, verified_at))


def _gone_points(state: OrderState) -> int:
    """
    Return the redeemed points whose part of the order is cancelled or returned, rounded down once (R-30, I-11).

    Points paid for what was there when they were redeemed: what was gone by then takes none along.
    """
    document, redemption = state.document, state.redemption
    if document is None or state.redeemed is None or redemption is None:  # not yet, where decisions are counted again
        return 0
    paid_for = state.before(redemption).kept(document, "give_back")
    share = gone_share(document, paid_for, state.kept(document, "give_back"))
    return int(abs(state.redeemed.entry.points) * share)


# --- posting ---------------------------------------------------------------------------------------------------


def book_order(draft: Draft, state: OrderState) -> Reading[None]:
    """
    Post the difference between what the order is due and what is booked.

    Redeemed points come back first and new points come next, so that both can cover what is taken back: points that
    only get other dates, because an earlier fact arrived late, are no shortfall (I-15).
    """
    state.count_under(draft.program)
    wanted = due(state, draft.program, draft.account.profile.verified_at)
    if state.redeemed is not None and wanted.given_back > state.redeemed.claimed:
        more = wanted.given_back - state.redeemed.claimed
        yield from draft.give_back(state.redeemed.entry, more, state.redeemed.claimed)
        state.redeemed.claimed += more
    claims = _claims(state, wanted)
    yield from draft.foresee([claim for _, claim in claims])
    yield from _earn(draft, state, wanted)
    draft.forget()
    for booked, claim in claims:
        booked.take((yield from draft.claw_back(claim)))
    if state.of_kind(Activate):
        yield from _activate(draft, state)


def _activate(draft: Draft, state: OrderState) -> Reading[None]:
    """
    Make what the order earned usable, where it still waits for the event (R-20).
    """
    waiting = [b.entry.sequence for b in state.earned if b.entry.lot_dates.available_at == ON_EVENT and b.entry.points]
    unread = tuple(lot for lot in waiting if lot not in draft.lots)
    if unread:
        draft.take_up((yield from read_lots(LotsNamed(unread))))
    lots = [lot for sequence in waiting if (lot := draft.lots[sequence]).waits and lot.remaining]
    draft.activate(lots, state.terms or draft.program)


def book_what_paying_ends(draft: Draft, state: OrderState) -> Reading[None]:
    """
    Take back first what an order has earned that earns nothing once points pay for it (R-18).
    """
    if (state.terms or draft.program).redeeming_orders == "earn_nothing":
        yield from book_order(draft, state)


def _claims(state: OrderState, wanted: Due) -> list[tuple[Booked, Claim]]:
    """
    Return what to take back: what is booked beyond what is due for its dates, from the latest credits first.
    """
    surplus = {dates: points - wanted.targets.get(dates, 0) for dates, points in _left_by_dates(state).items()}
    claims: dict[int, int] = dict.fromkeys(range(len(state.earned)), 0)
    for only_cut in (True, False):  # what a cap cut off goes first, whichever credit it belonged to
        for i, booked in reversed(tuple(enumerate(state.earned))):
            left = booked.left - booked.held_by_owner if only_cut else booked.left
            dates = booked.entry.lot_dates
            claim = min(left - claims[i], max(0, surplus[dates]))
            surplus[dates] -= claim
            claims[i] += claim
    return [
        (booked, Claim(booked.entry, claims[i], booked.lapsed, booked.cut))
        for i, booked in reversed(tuple(enumerate(state.earned)))
        if claims[i]
    ]


def _earn(draft: Draft, state: OrderState, wanted: Due) -> Reading[None]:
    """
    Credit what is due beyond what is booked, one lot for each pair of dates, as far as caps allow (R-19).
    """
    left = _left_by_dates(state)
    for dates, target in wanted.targets.items():
        points = target - left.get(dates, 0)
        if points > 0:
            earned_at = wanted.award.earned_at or draft.occurred_at
            entry = yield from earn(draft, points, dates, earned_at)
            state.earned.append(Booked(entry))


def award_within_caps(draft: Draft, state: OrderState, found: Award) -> Reading[Award]:
    """
    Return an award as far as the account has room for it, by booking it in thought (R-19, R-21).
    """
    targets = _by_dates(found)
    yield from _earn(draft, state, Due(found, targets, 0))
    owned = _owned_by_dates(state)
    grants = tuple(
        evolve(grant, points=points) for grant in found.grants if (points := min(grant.points, owned[_dates(grant)]))
    )
    points = sum(grant.points for grant in grants)
    return evolve(found, points=points, grants=grants, cuts=(*found.cuts, *draft.cuts))


def _by_dates(award: Award) -> dict[LotDates, int]:
    return {_dates(grant): grant.points for grant in award.grants}


def _dates(grant: Grant) -> LotDates:
    return LotDates(grant.available_at, grant.expires_at, grant.follows)


def _owned_by_dates(state: OrderState) -> Counter[LotDates]:
    """
    Return the order's points that the holder has, without what a cap cut off, by dates.
    """
    owned = Counter[LotDates]()
    for booked in state.earned:
        owned[booked.entry.lot_dates] += booked.held_by_owner
    return owned


# --- proposals and payments --------------------------------------------------------------------------------------


def moved_by(state: OrderState, then: OrderState, program: Program, verified_at: datetime | None) -> tuple[int, int]:
    """
    Return the points that are taken from the holder and given back to it if the order comes to stand as in `then`.

    Only what is booked can be taken or has been given: a program that changed since may count the order otherwise.
    """
    wanted = due(then, program, verified_at)
    given = state.redeemed.claimed if state.redeemed else 0
    return _taken(state, wanted), max(0, wanted.given_back - given)


def _taken(state: OrderState, wanted: Due) -> int:
    """
    Return how many points the holder has less once what is wanted is booked; what a cap cut off goes first (R-19).
    """
    left, owned = _left_by_dates(state), _owned_by_dates(state)
    taken = 0
    for dates in {**left, **wanted.targets}:
        surplus = left.get(dates, 0) - wanted.targets.get(dates, 0)
        taken += max(0, surplus - left.get(dates, 0) + owned[dates]) if surplus > 0 else surplus
    return max(0, taken)


def accepted(state: OrderState, program: Program, return_id: str) -> OrderState:
    """
    Return the state as it would be if the return were accepted as proposed; a decided return changes nothing.
    """
    then = copied(state)
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
    # It comes after everything that is known, as the decision itself will: what is redeemed by now has paid for it.
    last = max(state.facts.values(), key=lambda fact: (fact.occurred_at, fact.sequence))
    then.note(decision, last.occurred_at, last.sequence + 1, program)
    return then


def copied(state: OrderState) -> OrderState:
    """
    Return a copy of the state that can be changed in thought.
    """
    return evolve(
        state,
        facts=dict(state.facts),
        earned=[evolve(booked) for booked in state.earned],
        redeemed=evolve(state.redeemed) if state.redeemed else None,
    )


def available_once_paid(draft: Draft, state: OrderState) -> Reading[int]:
    """
    Return how many points are available once those are taken back that the order loses by being paid (R-18).

    Raises:
        ShortfallRefused: what it earned is spent, and the program refuses to go on.
    """
    then, thought = copied(state), draft.copied()
    payment = Redeem(account=draft.account.id, order=state.order, cycle=state.cycle, points=1)
    then.note(payment, draft.occurred_at, draft.account.version + 1, draft.program)
    yield from book_what_paying_ends(thought, then)
    return thought.account.available


class ToPay(TypedDict):
    """
    What a redemption is measured against.
    """

    currency: str | None
    to_pay: Money | None
    eligible: Money | None


def to_pay_of(command: Payment, state: OrderState | None) -> ToPay:
    """
    Return what there is to pay, as the command says or else as the order's document and tenders say (R-26).

    Raises:
        CurrencyMismatch: the figures are not all in one currency.
    """
    to_pay, eligible = command.to_pay, command.eligible
    document = state.document if state else None
    if state is not None and document is not None:
        lines = sum(document.nets(state.kept(document, None)))
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
