"""
Where, when, for whom and for what an order can be, as far as a program tells it apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import combinations
from typing import Any

from attrs import frozen

from ...domain.program import Program
from ...domain.rules import EarnRule

LONG_AGO = datetime(2000, 1, 1, 12, tzinfo=UTC)
"""An instant that stands for any at which no window of the program has begun."""


@frozen
class Place:
    """
    Where, when, for whom and for what an order is; the choices are made one after the other, in this order.
    """

    earned_at: datetime = LONG_AGO
    customer_group: str | None = None
    channel: str | None = None
    verified: bool = True
    product: str = "goods"
    categories: frozenset[str] = frozenset()


def choices(program: Program, *, two_categories: bool) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """
    Yield for each part of a place the values that the program tells apart, the plainest first.

    A line is in no category or in one, or, with `two_categories`, in two.
    """
    rules, rates = program.earn_rules, program.exchange_rates
    windows = [(rule.valid_from, rule.valid_until) for rule in rules]
    windows += [(rate.valid_from, rate.valid_until) for rate in rates]
    bounds = {at for window in windows for at in window if at is not None}
    yield "earned_at", (LONG_AGO, *sorted(bounds))
    groups = [*(rule.customer_groups for rule in rules), *(rate.customer_groups for rate in rates)]
    yield "customer_group", (None, *_told_apart(groups))
    yield "channel", (None, *_told_apart(rule.channels for rule in rules))
    yield "verified", (True, False) if any(rule.verified for rule in rules) else (True,)
    products = _told_apart(rule.products for rule in rules)
    yield "product", (_unnamed(frozenset[str]().union(*(rule.products for rule in rules))), *products)
    categories = _told_apart(rule.categories for rule in rules)
    sizes = (2,) if two_categories else (0, 1)
    yield "categories", tuple(frozenset(some) for size in sizes for some in combinations(categories, size))


def _told_apart(holders: Iterable[frozenset[str]]) -> tuple[str, ...]:
    """
    Return one name of each set of names that the holders do not tell apart.
    """
    known = tuple(names for names in holders if names)
    first: dict[tuple[bool, ...], str] = {}
    for name in sorted(frozenset[str]().union(*known)):
        first.setdefault(tuple(name in names for names in known), name)
    return tuple(first.values())


def _unnamed(names: frozenset[str]) -> str:
    name = "goods"
    while name in names:
        name += "-"
    return name


def lets_through(rule: EarnRule, part: str, place: Place) -> bool:
    """
    Whether a rule's narrowing lets this part of a place through.
    """
    if part == "earned_at":
        started = rule.valid_from is None or place.earned_at >= rule.valid_from
        return started and (rule.valid_until is None or place.earned_at < rule.valid_until)
    if part == "verified":
        return place.verified or not rule.verified
    if part == "categories":
        return not rule.categories or bool(rule.categories & place.categories)
    narrowed = {"customer_group": rule.customer_groups, "channel": rule.channels, "product": rule.products}[part]
    return not narrowed or getattr(place, part) in narrowed
