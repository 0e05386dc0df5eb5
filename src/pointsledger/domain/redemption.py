"""
How many points can be redeemed, and what they are worth: gates, then clamps, in a fixed order (R-22, R-25, R-26).
"""

from __future__ import annotations

from collections.abc import Callable
from math import lcm
from typing import Literal, TypeAlias

from attrs import frozen

from ..errors import BelowThreshold, DebtOutstanding, InvalidInput, NoExchangeRate, ProgramInactive
from .account import Account
from .money import Money
from .program import Program, RedemptionLimits
from .rates import ExchangeRate

LimitCode = Literal["available", "points_max", "share_max", "money_max", "to_pay", "step", "points_min"]


@frozen
class Limit:
    """
    A limit that lowered the points: from `before` to `allowed`.
    """

    code: LimitCode
    before: int
    allowed: int


@frozen
class RedemptionQuote:
    """
    What a redemption would be.

    Args:
        points: how many points can be redeemed.
        money: what they pay; None where the program has no exchange rate.
        still_to_pay: what is left to pay after them; None where what is to pay is not known.
        limits: the limits that bound, in the order in which they were applied.
        rate: the rate used.
    """

    points: int
    money: Money | None
    still_to_pay: Money | None
    limits: tuple[Limit, ...]
    rate: ExchangeRate | None


def check_gates(program: Program, account: Account) -> None:
    """
    Raise the first refusal that closes redeeming altogether (R-25).

    Raises:
        ProgramInactive, DebtOutstanding, BelowThreshold: in this order. (A closed account is refused before.)
    """
    if not program.active:
        raise ProgramInactive(program.id)
    if account.debt:
        raise DebtOutstanding(account.id, account.debt)
    threshold = program.limits.threshold
    if threshold is not None and account.available < threshold:
        raise BelowThreshold(account.available, threshold)


RateIn: TypeAlias = Callable[[str | None], ExchangeRate | None]
"""Says the rate in force to a currency, or to that of the first rate where none is named; None: there is none."""


def quote_redemption(
    limits: RedemptionLimits,
    rate_in: RateIn,
    available: int,
    *,
    requested: int | None = None,
    currency: str | None = None,
    to_pay: Money | None = None,
    eligible: Money | None = None,
) -> RedemptionQuote:
    """
    Return how many points can be redeemed of those requested, or of all where `requested` is None.

    The clamps apply in the order of `LimitCode` (R-25). `eligible` is the net that `share_max` is a share of; it is
    `to_pay` where it is not given.

    Raises:
        NoExchangeRate: the currency has no rate (R-02).
        InvalidInput: the program limits the share of an order and neither `to_pay` nor `eligible` is given.
    """
    currency = currency or (to_pay.currency if to_pay else None)
    rate = rate_in(currency)
    if rate is None and currency is not None:
        raise NoExchangeRate(currency)
    if limits.share_max is not None and to_pay is None and eligible is None:
        raise InvalidInput("to_pay", None, "is required: the program limits the share of an order that points pay")
    points = available if requested is None else requested
    bound: list[Limit] = []
    for code, most in _clamps(limits, rate, available, to_pay, eligible or to_pay):
        if most < points:
            bound.append(Limit(code, points, most))
            points = most
    payoff = _payoff(limits, rate, points, to_pay)
    points = _in_steps(limits, rate, points, bound) if payoff is None else payoff
    money = rate.value(points) if rate else None
    if payoff is not None:
        money = to_pay
    left = to_pay - money if to_pay is not None and money is not None else to_pay
    return RedemptionQuote(points, money, left, tuple(bound), rate)


def _clamps(
    limits: RedemptionLimits,
    rate: ExchangeRate | None,
    available: int,
    to_pay: Money | None,
    eligible: Money | None,
) -> list[tuple[LimitCode, int]]:
    """
    Return the most points that each clamp allows, in order.
    """
    clamps: list[tuple[LimitCode, int]] = [("available", available)]
    if limits.points_max is not None:
        clamps.append(("points_max", limits.points_max))
    if rate is None:
        return clamps

    def within(money: Money) -> int:
        # A limit that covers what is left to pay covers the partial group that pays it off.
        pays_off = limits.exact_payoff and to_pay is not None and to_pay.micros <= money.micros
        most = rate.points_within(money)
        return max(most, rate.points_to_pay_off(to_pay)) if pays_off and to_pay is not None else most

    if limits.share_max is not None and eligible is not None:
        share = Money.rounded_down(limits.share_max * eligible.micros, eligible.currency)
        clamps.append(("share_max", within(share)))
    if limits.money_max is not None and limits.money_max.currency == rate.currency:
        clamps.append(("money_max", within(limits.money_max)))
    if to_pay is not None:
        clamps.append(("to_pay", within(to_pay)))
    return clamps


def _payoff(limits: RedemptionLimits, rate: ExchangeRate | None, points: int, to_pay: Money | None) -> int | None:
    """
    Return the points that pay off the order with a partial last group, if they do.
    """
    if rate is None or to_pay is None or not limits.exact_payoff or points < limits.points_min:
        return None
    needed = rate.points_to_pay_off(to_pay)
    return needed if 0 < needed <= points else None


def _in_steps(limits: RedemptionLimits, rate: ExchangeRate | None, points: int, bound: list[Limit]) -> int:
    """
    Lower the points to whole groups and steps, and to nothing below the minimum.
    """
    step = lcm(limits.step, rate.points if rate else 1)
    stepped = points - points % step
    if stepped < points:
        bound.append(Limit("step", points, stepped))
    if 0 < stepped < limits.points_min:
        bound.append(Limit("points_min", stepped, 0))
        return 0
    return stepped
