"""
Limits and caps that contradict each other, so that nothing can be redeemed, or a cap or a limit means nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import lcm

from ...domain.expiry import RoundedTo
from ...domain.money import Money, micros_per_unit
from ...domain.points import POINTS_MAX
from ...domain.program import Program
from ...domain.rates import ExchangeRate
from .findings import ORDER_KINDS, Said, giving_rules, rule_path


def check_limits(program: Program) -> Said:
    """
    Find limits of redeeming that no balance and no redemption can meet, and those in money that mean nothing.
    """
    cap, limits = program.caps.balance, program.limits
    if cap is not None and limits.threshold is not None and limits.threshold > cap:
        sentence = f"Redeeming starts at {limits.threshold:,} points, and earning stops at a balance of {cap:,}."
        yield "threshold_above_cap", sentence, ("limits.threshold", "caps.balance")
    if cap is not None and limits.points_min > cap:
        sentence = f"A redemption takes at least {limits.points_min:,} points, and earning stops at {cap:,}."
        yield "minimum_above_cap", sentence, ("limits.points_min", "caps.balance")
    yield from _too_small(program)
    yield from _limits_in_money(program)


def _too_small(program: Program) -> Said:
    """
    The smallest redemption at a rate is more than a bound allows.
    """
    for i, rate in enumerate(program.exchange_rates):
        for field, most in _bounds(program, rate):
            if most < program.limits.points_min and field == "caps.balance":
                continue  # said of the minimum already
            if most < rate.points and not program.limits.exact_payoff:
                yield (
                    "limit_below_one_group",
                    f"One group for {rate.money} has {rate.points:,} points; at most {most:,} can be used.",
                    (field, f"exchange_rates[{i}].points"),
                )
            elif most < smallest_redemption(program, rate):
                least = f"takes {smallest_redemption(program, rate):,} points; at most {most:,} can be used."
                fields = (field, "limits.step", "limits.points_min", f"exchange_rates[{i}].points")
                yield "step_not_reachable", f"The smallest redemption that pays {rate.currency} {least}", fields


def smallest_redemption(program: Program, rate: ExchangeRate | None) -> int:
    """
    Return the fewest points that a redemption can take: a multiple of step and group, and at least the minimum; with
    `exact_payoff` also what pays off some order with a partial group.
    """
    limits = program.limits
    step = lcm(limits.step, rate.points if rate else 1)
    whole = -(-limits.points_min // step) * step
    if rate is None or not limits.exact_payoff:
        return whole
    # The cheapest order that takes the minimum: below it, one point less would pay it off.
    unit = micros_per_unit(rate.currency)
    units = (limits.points_min - 1) * rate.money.micros // (unit * rate.points) + 1
    return min(whole, rate.points_to_pay_off(Money.of_micros(units * unit, rate.currency)))


def _bounds(program: Program, rate: ExchangeRate | None) -> Iterator[tuple[str, int]]:
    """
    Yield what bounds the points of one redemption at a rate, whatever the order: the field and the most points.
    """
    limits = program.limits
    if limits.points_max is not None:
        yield "limits.points_max", limits.points_max
    if program.caps.balance is not None:
        yield "caps.balance", program.caps.balance
    if limits.money_max is not None and rate is not None and limits.money_max.currency == rate.currency:
        within = rate.points_to_pay_off if limits.exact_payoff else rate.points_within
        yield "limits.money_max", within(limits.money_max)


def is_redeemable(program: Program, rate: ExchangeRate | None) -> bool:
    """
    Whether points that were earned can ever be redeemed at a rate, as far as limits and caps go.
    """
    threshold, cap = program.limits.threshold, program.caps.balance
    if threshold is not None and cap is not None and threshold > cap:
        return False
    return all(most >= smallest_redemption(program, rate) for _, most in _bounds(program, rate))


def can_redeem(program: Program) -> bool:
    """
    Whether points that were earned can ever be redeemed, at any rate or without one.
    """
    rates: tuple[ExchangeRate | None, ...] = program.exchange_rates or (None,)
    return any(is_redeemable(program, rate) for rate in rates)


def _limits_in_money(program: Program) -> Said:
    limits = program.limits
    if not program.exchange_rates:
        fields = [name for name in ("share_max", "money_max") if getattr(limits, name) is not None]
        fields += ["exact_payoff"] if limits.exact_payoff else []
        if fields:
            sentence = "Limits in money mean nothing without an exchange rate."
            yield "limit_needs_rate", sentence, tuple(f"limits.{name}" for name in fields)
    elif limits.money_max is not None:
        currency = limits.money_max.currency
        if currency not in {rate.currency for rate in program.exchange_rates}:
            sentence = f"The most money of a redemption is in {currency}, which points do not pay."
            yield "limit_needs_rate", sentence, ("limits.money_max", "exchange_rates")


def check_caps(program: Program) -> Said:
    """
    Find gifts that a cap cuts every time, and caps that another cap leaves nothing to do.
    """
    caps = program.caps
    for rule in giving_rules(program):
        bounds = {f"caps.per_period.{period}": most for period, most in caps.per_period.items()}
        if caps.balance is not None:
            bounds["caps.balance"] = caps.balance
        if caps.per_order is not None and rule.kind in ORDER_KINDS:
            bounds["caps.per_order"] = caps.per_order
        for field, most in bounds.items():
            if rule.points > most and not rule.proportional:
                sentence = f"Rule {rule.id!r} gives {rule.points:,} points at once, of which at most {most:,} are kept."
                yield "cap_below_gift", sentence, (rule_path(program, rule, "points"), field)
    yield from _idle_caps(program)


_NESTED: tuple[RoundedTo, ...] = ("day", "month", "quarter", "half_year", "year")
"""Periods that lie in one another; a week lies in none but holds its days."""


def _idle_caps(program: Program) -> Said:
    """
    A cap that another one, on more, makes meaningless: 50 a month leave nothing for 100 a day to cut.
    """
    periods = program.caps.per_period
    pairs: list[tuple[str, int, str, int]] = []
    for inner, most in periods.items():
        wider = _NESTED[_NESTED.index(inner) + 1 :] if inner in _NESTED else ()
        pairs += [(inner, most, name, least) for name, least in periods.items() if name in wider]
        pairs += [(inner, most, "week", periods["week"])] if inner == "day" and "week" in periods else []
    if program.caps.per_order is not None:
        pairs += [("order", program.caps.per_order, name, most) for name, most in periods.items()]
    for one, most, other, least in pairs:
        if most >= least:
            sentence = f"A cap of {most:,} points for {_said(one)} never matters beside {least:,} for {_said(other)}."
            yield "has_no_effect", sentence, (_cap_field(one), _cap_field(other))


def _cap_field(name: str) -> str:
    return "caps.per_order" if name == "order" else f"caps.per_period.{name}"


def _said(name: str) -> str:
    return f"{'an' if name == 'order' else 'a'} {name.replace('_', '-')}"


def check_approval(program: Program) -> Said:
    """
    Find a threshold of approval that no adjustment can pass.
    """
    if program.approval_above == POINTS_MAX:
        sentence = f"No adjustment is above {POINTS_MAX:,} points, so none ever waits for a second actor."
        yield "has_no_effect", sentence, ("approval_above",)
