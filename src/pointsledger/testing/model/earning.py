"""
What the rules of a program give for an order or an action (R-15, R-16, R-17, R-18).
"""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from math import ceil, floor
from typing import Any

from .calendar import stamp, usable_from
from .order_facts import price, price_of_unit
from .plain import ByDates, Count, Dates, Given, Plain


def rule_holds(
    rule: Plain, channel: str | None, customer_group: str | None, at: datetime, verified_at: datetime | None
) -> bool:
    return (
        (not rule.get("channels") or channel in rule["channels"])
        and (not rule.get("customer_groups") or customer_group in rule["customer_groups"])
        and (rule.get("valid_from") is None or rule["valid_from"] <= at)
        and (rule.get("valid_until") is None or at < rule["valid_until"])
        and (not rule.get("verified") or (verified_at is not None and verified_at <= at))
    )


def rule_applies(
    rule: Plain, document: Plain, at: datetime, kept_price: Fraction, verified_at: datetime | None
) -> bool:
    minimum = rule.get("minimum")
    return rule["kind"] != "per_action" and (
        rule_holds(rule, document["channel"], document["customer_group"], at, verified_at)
        and (minimum is None or (minimum[1] == document["currency"] and kept_price >= minimum[0]))
    )


def rule_matches(rule: Plain, line: Plain) -> bool:
    return (not rule.get("products") or line["product"] in rule["products"]) and (
        not rule.get("categories") or bool(set(line["categories"]) & set(rule["categories"]))
    )


def factor_for(program: Plain, rule: Plain, line: Plain, running: list[Plain]) -> Fraction:
    """
    Return by what the points of a rule for a line are multiplied.
    """
    factors = [
        m["factor"]
        for m in running
        if m["kind"] == "multiplier"
        and rule_matches(m, line)
        and (rule["id"] in m["multiplies"] if m.get("multiplies") else rule["kind"] in ("per_amount", "per_unit"))
    ]
    if not factors:
        return Fraction(1)
    if program["multipliers"] == "max":
        return max(factors)
    if program["multipliers"] == "multiply":
        product = Fraction(1)
        for factor in factors:
            product *= factor
        return product
    return max(Fraction(0), 1 + sum((factor - 1 for factor in factors), Fraction(0)))


def rounded(value: Fraction, mode: str) -> int:
    below, rest = floor(value), value - floor(value)
    if mode == "ceil":
        return ceil(value)
    if mode == "half_up":
        return below + (rest >= Fraction(1, 2))
    if mode == "half_even":
        return below + (rest > Fraction(1, 2) or (rest == Fraction(1, 2) and below % 2 == 1))
    return below


def earning_share(document: Plain, there: Count, extra: Fraction, not_earning: Fraction) -> Fraction:
    """
    Return which part of the price of what earns was paid by tenders that earn.
    """
    whole = price(document, lambda line: there(line) * line["earns"]) + extra
    if not not_earning:
        return Fraction(1)
    return max(Fraction(0), 1 - not_earning / whole) if whole else Fraction(0)


def whole_points(exact: Fraction, rule: Plain) -> int:
    return rounded(exact, rule.get("rounding", "floor"))


def exact_points(
    program: Plain, rule: Plain, document: Plain, kept: Count, there: Count, not_earning: Fraction, running: list[Plain]
) -> Fraction:
    """
    Return what one rule gives, before it is rounded.
    """
    extra = document["shipping"] * rule.get("with_shipping", False) + document["tax"] * rule.get("with_tax", False)
    share = earning_share(document, there, extra, not_earning)
    lines = [line for line in document["lines"] if kept(line) and rule_matches(rule, line)]
    if not lines or not share:
        return Fraction(0)
    if rule["kind"] == "per_order":
        # Every line that it matches carries an equal claim; a multiplier that names it acts on all lines here.
        return rule["points"] * factor_for(program, rule, lines[0], running)
    if rule["kind"] == "per_unit":
        unit = [kept(line) * factor_for(program, rule, line, running) for line in lines]
        return rule["points"] * sum(unit, Fraction(0))
    amount, currency = rule["per"]
    lines = [line for line in lines if line["earns"]]
    if currency != document["currency"] or not lines:
        return Fraction(0)
    nets = [price_of_unit(document, line) * kept(line) for line in lines]
    basis = (sum(nets) + extra) * share
    groups = basis / amount if rule.get("proportional") else floor(basis / amount)
    if not sum(nets):
        return groups * rule["points"] * Fraction(1)
    factor = sum(net * factor_for(program, rule, line, running) for net, line in zip(nets, lines, strict=True)) / sum(
        nets
    )
    return groups * rule["points"] * factor


def act_points(
    rule: Plain, command: Plain, at: datetime, verified_at: datetime | None, before: list[Plain]
) -> Fraction | None:
    """
    Return what a rule gives for an act, exactly; None where it does not apply (R-16).
    """
    amount: Any = command.get("amount")
    per, minimum = rule.get("per"), rule.get("minimum")
    if not rule_holds(rule, command.get("channel"), command.get("customer_group"), at, verified_at):
        return None
    counted = per or minimum
    if counted and (amount is None or amount[1] != counted[1] or (minimum and amount[0] < minimum[0])):
        return None
    rewarded = [e for e in before if e["kind"] == "earned" and e["rule"] == rule["id"]]
    rewarded = [e for e in rewarded if e["command"].get("action") == command["action"]]
    if rule.get("of_invitee") == "first" and command.get("invitee") in {e["command"].get("invitee") for e in rewarded}:
        return None
    if rule.get("limit") and len(rewarded) >= rule["limit"]:
        return None
    if not per:
        return Fraction(rule["points"])
    groups: Fraction = amount[0] / per[0]
    return rule["points"] * (groups if rule.get("proportional") else Fraction(floor(groups)))


def chosen(program: Plain, given: list[Given]) -> list[Given]:
    """
    Return the rules that count, of those that apply, with what they give exactly (R-17, S1.29).
    """
    counted: list[Given] = []
    for exact, rule in given:
        group = rule.get("group")
        rivals = [pair for pair in given if pair[1].get("group") == group]
        choice = program["groups"].get(group, "best")
        if choice != "most_specific":
            rivals = [pair for pair in rivals if whole_points(*pair)]
        rivals.sort(key=lambda pair: pair[1].get("priority", 0))
        if choice == "best":
            rivals.sort(key=lambda pair: -pair[0])
        elif choice == "most_specific":
            rivals.sort(key=lambda p: (not p[1].get("customer_groups"), not p[1].get("channels")))
        if group is None or (rivals and rivals[0][1] is rule):
            counted.append((exact, rule))
    return counted


def has_lines(rule: Plain, document: Plain, kept: Count) -> bool:
    lines = [line for line in document["lines"] if kept(line) and rule_matches(rule, line)]
    if rule["kind"] != "per_amount":
        return bool(lines)
    return rule["per"][1] == document["currency"] and any(line["earns"] for line in lines)


def award(
    program: Plain,
    document: Plain,
    kept: Count,
    there: Count,
    tenders: list[Plain],
    points_money: Fraction,
    *,
    redeems: bool,
    at: datetime,
    verified_at: datetime | None,
) -> ByDates:
    """
    Return the points that are due, by the dates of their credits; `kept` and `there` give units of a line.
    """
    if not program["active"] or not program["storefront"]:
        return {}
    if redeems and program["redeeming_orders"] == "earn_nothing":
        return {}
    not_earning = sum((tender["amount"] for tender in tenders if not tender["earns"]), Fraction(0))
    if program["redeeming_orders"] == "net_of_points":
        not_earning += points_money
    running = [r for r in program["rules"] if rule_applies(r, document, at, price(document, kept), verified_at)]
    given = [
        (exact_points(program, rule, document, kept, there, not_earning, running), rule)
        for rule in running
        if rule["kind"] != "multiplier"
    ]
    counted = chosen(program, [pair for pair in given if has_lines(pair[1], document, kept)])
    due: ByDates = {}
    for exact, rule in counted:
        usable = usable_from(rule["pending"] if rule.get("pending") is not None else program["pending"], at)
        dates = usable, stamp(program, usable, rule.get("expiry")), rule.get("expiry") is None
        due[dates] = due.get(dates, 0) + whole_points(exact, rule)
    cap = program["caps"].get("per_order")
    left = sum(due.values()) if cap is None else cap
    for dates in sorted(due, key=by_dates):
        due[dates] = min(due[dates], left)
        left -= due[dates]
    return {dates: points for dates, points in due.items() if points}


def by_dates(dates: Dates) -> tuple[Any, ...]:
    usable, expires, follows = dates
    return usable, expires is None, expires or usable, not follows
