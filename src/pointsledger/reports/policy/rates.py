"""
Exchange rates that say two things, and earning that leads nowhere (R-02, R-23).
"""

from __future__ import annotations

from itertools import combinations

from ...domain.program import Program
from ...domain.rates import ExchangeRate
from .findings import Said, currency_of, giving_rules, rule_path


def check_rates(program: Program) -> Said:
    """
    Find two rates of one priority that hold at once.
    """
    for (i, one), (k, other) in combinations(enumerate(program.exchange_rates), 2):
        if one.currency == other.currency and one.narrowness == other.narrowness and _meet(one, other):
            counts = "so the second never counts" if _covers(one, other) else "of which the first counts"
            sentence = f"Two rates to {one.currency} hold for the same channel, group and time, {counts}."
            yield "rates_overlap", sentence, (f"exchange_rates[{i}]", f"exchange_rates[{k}]")


def _meet(one: ExchangeRate, other: ExchangeRate) -> bool:
    """
    Whether two rates of one narrowness can hold at once: then both name channels or neither does.
    """
    channels = not one.channels or one.channels & other.channels
    groups = not one.customer_groups or one.customer_groups & other.customer_groups
    return bool(channels and groups and _begins_before_end(one, other) and _begins_before_end(other, one))


def _begins_before_end(one: ExchangeRate, other: ExchangeRate) -> bool:
    return one.valid_from is None or other.valid_until is None or one.valid_from < other.valid_until


def _covers(one: ExchangeRate, other: ExchangeRate) -> bool:
    begins = one.valid_from is None or (other.valid_from is not None and one.valid_from <= other.valid_from)
    ends = one.valid_until is None or (other.valid_until is not None and one.valid_until >= other.valid_until)
    return begins and ends and one.channels >= other.channels and one.customer_groups >= other.customer_groups


def check_use(program: Program) -> Said:
    """
    Find a program that gives nothing, whose points pay nothing, or which earns in a currency that they do not pay.
    """
    if not giving_rules(program):
        yield "nothing_is_earned", "No rule gives points; only what the host counts is earned.", ("earn_rules",)
    if not program.exchange_rates:
        yield "nothing_can_be_paid", "Without an exchange rate points pay no money.", ("exchange_rates",)
        return
    payable = {rate.currency for rate in program.exchange_rates}
    earning = [rule for rule in program.earn_rules if rule.kind == "per_amount"]
    for currency in dict.fromkeys(currency_of(rule) for rule in earning):
        if currency not in payable:
            paths = tuple(rule_path(program, rule, "per") for rule in earning if currency_of(rule) == currency)
            yield "currency_without_rate", f"Orders in {currency} earn points, which cannot pay them.", paths
