"""
Rules that can never fire, that say the same, or that say something without effect (R-16, R-17).
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations

from attrs import evolve

from ...domain.program import Program
from ...domain.rules import EarnRule
from .findings import ORDER_KINDS, Said, acts_on, currency_of, giving_rules, rule_path


def check_rules(program: Program) -> Said:
    """
    Find rules that nothing can satisfy, duplicates, and what has no effect.
    """
    for rule in program.earn_rules:
        if rule.kind == "multiplier" and not _targets(program, rule):
            sentence = f"Multiplier {rule.id!r} has no rule to multiply where and when it applies."
            yield "rule_never_fires", sentence, (rule_path(program, rule, "multiplies"),)
    for rule, stronger in _beaten(program):
        sentence = f"Rule {rule.id!r} never counts: {stronger.id!r} of its group counts wherever it applies."
        yield "rule_never_fires", sentence, (rule_path(program, rule, "group"), rule_path(program, stronger, "group"))
    yield from _duplicates(program)
    yield from _cancelling(program)
    yield from _without_effect(program)


def _targets(program: Program, multiplier: EarnRule) -> list[EarnRule]:
    """
    Return the rules that a multiplier can act on.
    """
    return [rule for rule in giving_rules(program) if acts_on(multiplier, rule) and meet(multiplier, rule)]


def meet(one: EarnRule, other: EarnRule) -> bool:
    """
    Whether two rules can apply to one line of one order. A line has one product, but may be in several categories.
    """
    for name in ("channels", "customer_groups", "products"):
        names, others = getattr(one, name), getattr(other, name)
        if names and others and not names & others:
            return False
    currencies = {currency_of(one), currency_of(other)} - {None}
    return len(currencies) < 2 and _begins_before_end(one, other) and _begins_before_end(other, one)


def _begins_before_end(one: EarnRule, other: EarnRule) -> bool:
    return one.valid_from is None or other.valid_until is None or one.valid_from < other.valid_until


def _duplicates(program: Program) -> Said:
    """
    Two rules without a group that differ in their id only, so that both give.
    """
    known: dict[EarnRule, EarnRule] = {}
    for rule in program.earn_rules:
        once = rule.group is not None or (rule.kind == "multiplier" and program.multipliers == "max")
        first = rule if once else known.setdefault(evolve(rule, id="-", priority=0), rule)
        if first is not rule:
            sentence = f"Rules {first.id!r} and {rule.id!r} say the same, and both count."
            yield "duplicate_rule", sentence, (rule_path(program, first), rule_path(program, rule))


def _cancelling(program: Program) -> Said:
    """
    Two multipliers that take so much each that together they leave nothing: 1/2 and 1/2 add up to 0.
    """
    if program.multipliers != "add_bonus":
        return
    lowering = [(rule, rule.factor) for rule in program.earn_rules if rule.factor is not None and rule.factor < 1]
    for (one, by_one), (other, by_other) in combinations(lowering, 2):
        shared = [rule for rule in _targets(program, one) if rule in _targets(program, other)]
        if shared and meet(one, other) and _share_category(one, other) and by_one + by_other <= 1:
            sentence = (
                f"Multipliers {one.id!r} ({by_one}) and {other.id!r} ({by_other}) together leave nothing of what they "
                f"multiply: each takes off its part."
            )
            yield "multipliers_cancel", sentence, tuple(rule_path(program, rule, "factor") for rule in (one, other))


def _share_category(one: EarnRule, other: EarnRule) -> bool:
    return not one.categories or not other.categories or bool(one.categories & other.categories)


def _without_effect(program: Program) -> Said:
    for rule in program.earn_rules:
        if rule.factor == 1 and program.multipliers != "max":
            sentence = f"Multiplier {rule.id!r} multiplies by 1, which changes nothing."
            yield "has_no_effect", sentence, (rule_path(program, rule, "factor"),)
        if rule.priority and rule.group is None:
            sentence = f"Rule {rule.id!r} has a priority but no group in which it could come first."
            yield "has_no_effect", sentence, (rule_path(program, rule, "priority"),)


# --- always beaten ---------------------------------------------------------------------------------------------------


def _beaten(program: Program) -> Iterator[tuple[EarnRule, EarnRule]]:
    """
    Yield each rule that another one of its group beats wherever it applies, with the first that does.
    """
    ranked = sorted(program.earn_rules, key=lambda rule: rule.priority)
    grouped = [(rank, rule) for rank, rule in enumerate(ranked) if rule.group is not None]
    for rank, rule in grouped:
        for other_rank, other in grouped:
            rivals = other.group == rule.group and other is not rule
            if rivals and _beats(program, other, rule, first=other_rank < rank):
                yield rule, other
                break


def _beats(program: Program, stronger: EarnRule, rule: EarnRule, *, first: bool) -> bool:
    """
    Whether one rule counts wherever another of its group would; `first` says that it wins where they are equal.
    """
    choice = program.groups.get(str(rule.group), "best")
    if not _compete(stronger, rule) or not _covers(stronger, rule):
        return False
    if choice == "most_specific":
        return first and _narrowness(stronger) == _narrowness(rule) and _applies_where(stronger, rule)
    if choice == "first":
        gives = (_always_gives, _gives_first, _gives_as_much)
        return first and any(gives_where(program, stronger, rule) for gives_where in gives)
    return _gives_as_much(program, stronger, rule, more=not first)


def _compete(stronger: EarnRule, rule: EarnRule) -> bool:
    """
    Whether both can be in question at once: rules for orders, or rules for one action.
    """
    return (stronger.kind in ORDER_KINDS and rule.kind in ORDER_KINDS) or stronger.action == rule.action is not None


def _covers(stronger: EarnRule, rule: EarnRule) -> bool:
    """
    Whether the narrowing of one rule lets through all that another's does.
    """
    names = ("products", "categories", "channels", "customer_groups")
    if any(not _holds_all(getattr(stronger, name), getattr(rule, name)) for name in names):
        return False
    begins = stronger.valid_from is None or (rule.valid_from is not None and stronger.valid_from <= rule.valid_from)
    ends = stronger.valid_until is None or (rule.valid_until is not None and stronger.valid_until >= rule.valid_until)
    least = stronger.minimum is None or (
        rule.minimum is not None
        and rule.minimum.currency == stronger.minimum.currency
        and stronger.minimum <= rule.minimum
    )
    counted = currency_of(stronger) in {None, currency_of(rule)}
    endless = stronger.limit is None and stronger.of_invitee == "each"
    return begins and ends and least and counted and endless and (rule.verified or not stronger.verified)


def _holds_all(names: frozenset[str], others: frozenset[str]) -> bool:
    return not names or (bool(others) and others <= names)


def _narrowness(rule: EarnRule) -> tuple[bool, bool]:
    return bool(rule.customer_groups), bool(rule.channels)


def _applies_where(stronger: EarnRule, rule: EarnRule) -> bool:
    """
    Whether it applies where the other does: what counts money needs a line that earns, and an act with an amount.
    """
    if rule.kind == "per_action":
        counts = stronger.per or stronger.minimum
        return counts is None or bool(rule.per or rule.minimum)
    return stronger.kind != "per_amount" or rule.kind == "per_amount"


def _always_gives(program: Program, stronger: EarnRule, rule: EarnRule) -> bool:
    """
    Whether a rule gives something to all that it applies to: a count or a gift, which nothing multiplies.

    Where the other rule counts shipping or tax, an order of free goods could give by that rule alone.
    """
    counts = stronger.kind in {"per_unit", "per_order"} or (stronger.kind == "per_action" and stronger.per is None)
    alike = not (rule.with_shipping or rule.with_tax) and _applies_where(stronger, rule)
    return counts and alike and not _multiplied(program, stronger)


def _gives_first(program: Program, stronger: EarnRule, rule: EarnRule) -> bool:
    """
    Whether whole groups of money of one rule are there as soon as those of another, and nothing multiplies them.
    """
    if stronger.per is None or rule.per is None or stronger.proportional or rule.proportional:
        return False
    alike = (stronger.with_shipping, stronger.with_tax) == (rule.with_shipping, rule.with_tax)
    return alike and stronger.kind == rule.kind and stronger.per <= rule.per and not _multiplied(program, stronger)


def _gives_as_much(program: Program, stronger: EarnRule, rule: EarnRule, *, more: bool = False) -> bool:
    """
    Whether a rule gives at least as much as another, or more, for whatever both apply to.

    Only rules that count alike are compared, and only where multipliers treat both alike.
    """
    alike = ("kind", "rounding", "with_shipping", "with_tax")
    if any(getattr(stronger, name) != getattr(rule, name) for name in alike):
        return False
    if _multiplied(program, stronger) != _multiplied(program, rule):
        return False
    if _multiplied(program, rule) and not _is_by_line(stronger) and not _have_same_lines(stronger, rule):
        return False
    if stronger.per is None or rule.per is None:
        return stronger.per is rule.per and stronger.points >= rule.points + more
    if stronger.proportional:
        gives, other = (Fraction(each.points, each.per.micros) for each in (stronger, rule) if each.per is not None)
        return gives > other or (gives == other and not more)
    groups = stronger.per <= rule.per and not rule.proportional
    return groups and stronger.points >= rule.points + more


def _is_by_line(rule: EarnRule) -> bool:
    """
    Whether what a line brings does not depend on the others, so that multipliers of single lines change no order.
    """
    return rule.kind == "per_unit" or (rule.proportional and not (rule.with_shipping or rule.with_tax))


def _have_same_lines(one: EarnRule, other: EarnRule) -> bool:
    return one.products == other.products and one.categories == other.categories


def _multiplied(program: Program, rule: EarnRule) -> list[str]:
    """
    Return the multipliers that act on a rule.
    """
    return [other.id for other in program.earn_rules if other.kind == "multiplier" and acts_on(other, rule)]
