"""
What the facts of an order say: its document, its payments, what is left of it, and when it has earned (R-13).
"""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from math import floor

from .plain import Count, Plain

BY_TIME = ("expired", "repaid", "lapsed")
"""Kinds of entries that time books, whatever the command."""


def facts_of(entries: list[Plain], order: str, cycle: int) -> list[Plain]:
    """
    Return the commands that name an order in a cycle, each with its business time, program and money, as reported.
    """
    facts: list[Plain] = []
    for entry in entries:
        command = entry["command"]
        if names(command, order, cycle):
            if not any(fact["command"] is command for fact in facts):
                facts.append({"command": command, "program": entry["program"], "at": None})
            if entry["kind"] not in BY_TIME and facts[-1]["at"] is None:
                facts[-1]["at"] = command.get("occurred_at") or entry["recorded_at"]
    # A command that has only seen what time did has not reported its fact yet.
    return [fact for fact in facts if fact["at"] is not None]


def currencies_of(command: Plain) -> set[str]:
    """
    Return the currencies in which a fact speaks of money.
    """
    parts = [command[name] for name in ("document", "tender") if isinstance(command.get(name), dict)]
    return {part["currency"] for part in parts}


def named(facts: list[Plain], *names: str) -> list[Plain]:
    return [fact["command"] for fact in facts if fact["command"]["command"] in names]


REDEMPTIONS = ("redeem", "capture")


def document_of(facts: list[Plain]) -> Plain | None:
    found = named(facts, "process") or named(facts, "place")
    return found[0]["document"] if found else None


def tenders_of(facts: list[Plain], *, waiting: bool = False) -> list[Plain]:
    """
    Return the tenders that are approved, and those that wait for approval where `waiting`.
    """
    document = document_of(facts)
    first: list[Plain] = document["tenders"] if document else []
    tenders: dict[str, Plain] = {tender["id"]: tender for tender in first}
    tenders |= {command["tender"]["id"]: command["tender"] for command in named(facts, "pay")}
    approved = {command["tender"] for command in named(facts, "approve_payment")}
    return [
        tender
        for tender in tenders.values()
        if (waiting or tender["approved"] or tender["id"] in approved)
        and not (tender["kind"] == "points" and named(facts, *REDEMPTIONS))
    ]


def units(facts: list[Plain], *names: str, only: set[str] | None = None) -> dict[str, int]:
    """
    Return how many units of each line some kinds of documents name in all.
    """
    count: dict[str, int] = {}
    for command in named(facts, *names):
        if only is None or command["id"] in only:
            for line, quantity in command["lines"].items():
                count[line] = count.get(line, 0) + quantity
    return count


def accepted_returns(facts: list[Plain], side: str = "take_back") -> set[str]:
    """
    Return the returns that points follow on one side: at once, or after a decision (R-30).
    """
    decided = {command["return_id"] for command in named(facts, "decide_return")}
    return {
        fact["command"]["id"]
        for fact in facts
        if fact["command"]["command"] == "return_lines"
        and (fact["program"]["returns"] in ("automatic", side) or fact["command"]["id"] in decided)
    }


def price_of_unit(document: Plain, line: Plain) -> Fraction:
    """
    Return what one unit costs after the line's discount and its share of the order's.
    """
    nets = [each["unit_price"] * each["quantity"] - each["discount"] for each in document["lines"]]
    net = line["unit_price"] * line["quantity"] - line["discount"]
    share = 1 - document["discount"] / sum(nets) if document["discount"] else 1
    return net * share / line["quantity"]


def price(document: Plain, count: Count) -> Fraction:
    return sum((price_of_unit(document, line) * count(line) for line in document["lines"]), Fraction(0))


def left_after(facts: list[Plain], side: str | None = "take_back") -> Count:
    """
    Return the function that gives the units of a line that are neither cancelled nor, on that side, returned.
    """
    cancelled = units(facts, "cancel_lines")
    returned = units(facts, "return_lines", only=accepted_returns(facts, side)) if side else {}
    return lambda line: max(0, line["quantity"] - cancelled.get(line["id"], 0) - returned.get(line["id"], 0))


def total(facts: list[Plain]) -> Fraction:
    """
    Return what the units that are not cancelled cost, with shipping and tax.
    """
    document, cancelled = document_of(facts), units(facts, "cancel_lines")
    assert document is not None
    lines = price(document, lambda line: max(0, line["quantity"] - cancelled.get(line["id"], 0)))
    return lines + document["shipping"] + document["tax"]


def whole_cents(amount: Fraction) -> Fraction:
    return Fraction(floor(amount * 100), 100)


def paid_with_points(entries: list[Plain], order: str, cycle: int) -> list[Plain]:
    return [e for e in entries if e["kind"] == "redeemed" and names(e["command"], order, cycle)]


def names(command: Plain, order: str | None, cycle: int) -> bool:
    return order is not None and (command.get("order"), command.get("cycle", 1)) == (order, cycle)


def satisfies(facts: list[Plain], timing: str, points_money: Fraction) -> bool:
    document = document_of(facts)
    if document is None:
        return False
    if timing == "on_save":
        return True
    if timing == "on_processed":
        return bool(named(facts, "process"))
    if timing == "on_full_payment":
        paid = sum(tender["amount"] for tender in tenders_of(facts))
        return paid + still_paid(facts, points_money) >= whole_cents(total(facts))
    done = units(facts, "invoice", "cancel_lines")
    return all(done.get(line["id"], 0) >= line["quantity"] for line in document["lines"])


def still_paid(facts: list[Plain], points_money: Fraction) -> Fraction:
    """
    Return what points still pay: their money, less the part of it that paid for lines that are cancelled (R-13).
    """
    redeemed = [n for n, fact in enumerate(facts) if fact["command"]["command"] in REDEMPTIONS]
    document = document_of(facts)
    if not redeemed:
        return Fraction(0)
    if document is None:
        return points_money
    when = facts[redeemed[0]]["at"], redeemed[0]
    held = left_after([fact for n, fact in enumerate(facts) if (fact["at"], n) < when], None)
    return points_money * (1 - share_gone(document, held, left_after(facts, None)))


def share_gone(document: Plain, held: Count, kept: Count) -> Fraction:
    """
    Return which part of the price of the units held, or of their number, is no longer kept.
    """
    everything = price(document, held)
    if everything:
        return 1 - price(document, kept) / everything
    count = sum(held(line) for line in document["lines"])
    left = sum(kept(line) for line in document["lines"])
    return 1 - Fraction(left, count) if count else Fraction(0)


def earned_at(facts: list[Plain], timing: str, points_money: Fraction) -> datetime | None:
    """
    Return the earliest business instant at which the facts up to it satisfy the timing, or None.
    """
    for instant in sorted(fact["at"] for fact in facts):
        if satisfies([fact for fact in facts if fact["at"] <= instant], timing, points_money):
            return instant
    return None
