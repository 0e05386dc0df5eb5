"""
Earning under caps: how many points an account has room for (R-19).
"""

from __future__ import annotations

from datetime import datetime

from .caps import PERIOD_CAPS, Cut
from .draft import Draft
from .entries import Entry
from .lots import LotDates
from .points import check_operation
from .program import Program
from .reads import Reading, read_earned
from .rules import EarnRule


def dates_of(program: Program, earned_at: datetime, rule: EarnRule | None = None) -> LotDates:
    """
    Return the dates of points earned at an instant, under a rule's own policies where it has any (R-20, S0.3).
    """
    usable_from = program.usable_from(earned_at, rule)
    follows = rule is None or rule.expiry is None
    return LotDates(usable_from, program.expires_at(usable_from, rule), follows)


def earn(
    draft: Draft,
    points: int,
    dates: LotDates,
    earned_at: datetime,
    *,
    rule: str | None = None,
) -> Reading[Entry]:
    """
    Credit points that were earned, as far as the caps on balance and period allow; the entry keeps what they cut off.
    """
    cuts = yield from cuts_of(draft, check_operation(points), earned_at)
    draft.cuts += cuts
    awarded = cuts[-1].allowed if cuts else points
    return draft.credit(
        "earned",
        awarded,
        dates=dates,
        earned_at=earned_at,
        occurred_at=earned_at,
        lapses_at=draft.activity("earn", earned_at),
        rule=rule,
        withheld=points - awarded,
    )


def cuts_of(draft: Draft, points: int, earned_at: datetime) -> Reading[tuple[Cut, ...]]:
    """
    Return the caps that cut points earned at an instant, each with what it leaves: the balance, then the periods.
    """
    caps, cuts = draft.program.caps, list[Cut]()
    if caps.balance is not None:
        points = _cut(cuts, Cut("balance_cap", points, max(0, draft.room_of_balance())))
    for period, most in caps.per_period.items():
        since, until = caps.period_of(earned_at, period, draft.program.timezone)
        earned = yield from read_earned(since, until)
        earned += draft.earned_within(since, until)
        points = _cut(cuts, Cut(PERIOD_CAPS[period], points, max(0, most - earned)))
    return tuple(cuts)


def _cut(cuts: list[Cut], cut: Cut) -> int:
    if cut.allowed >= cut.desired:
        return cut.desired
    cuts.append(cut)
    return cut.allowed
