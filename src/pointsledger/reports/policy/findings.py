"""
What the policy check can find: the codes, how grave they are, and where in the program.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

from attrs import frozen

from ...domain.program import Program
from ...domain.rules import EarnRule

PolicyCode = Literal[
    "earns_more_than_it_costs",
    "earns_more_until_cap",
    "categories_add_up",
    "gift_worth_its_minimum",
    "rounding_pays",
    "act_gives_its_amount",
    "paid_with_points_earns_again",
    "spent_points_are_kept",
    "cancelling_renews",
    "return_can_be_refused",
    "threshold_above_cap",
    "minimum_above_cap",
    "limit_below_one_group",
    "step_not_reachable",
    "limit_needs_rate",
    "cap_below_gift",
    "lapses_before_usable",
    "pending_longer_than_expiry",
    "resets_never_happen",
    "warning_never_due",
    "rates_overlap",
    "rule_never_fires",
    "duplicate_rule",
    "multipliers_cancel",
    "has_no_effect",
    "nothing_is_earned",
    "nothing_can_be_paid",
    "currency_without_rate",
]
Severity = Literal["error", "warning"]

SEVERITIES: dict[PolicyCode, Severity] = {
    "earns_more_than_it_costs": "error",
    "earns_more_until_cap": "warning",
    "categories_add_up": "warning",
    "gift_worth_its_minimum": "warning",
    "rounding_pays": "warning",
    "act_gives_its_amount": "warning",
    "paid_with_points_earns_again": "warning",
    "spent_points_are_kept": "warning",
    "cancelling_renews": "warning",
    "return_can_be_refused": "warning",
    "threshold_above_cap": "error",
    "minimum_above_cap": "error",
    "limit_below_one_group": "error",
    "step_not_reachable": "error",
    "limit_needs_rate": "warning",
    "cap_below_gift": "warning",
    "lapses_before_usable": "error",
    "pending_longer_than_expiry": "warning",
    "resets_never_happen": "error",
    "warning_never_due": "warning",
    "rates_overlap": "warning",
    "rule_never_fires": "error",
    "duplicate_rule": "warning",
    "multipliers_cancel": "warning",
    "has_no_effect": "warning",
    "nothing_is_earned": "warning",
    "nothing_can_be_paid": "warning",
    "currency_without_rate": "warning",
}
"""An `error` cannot be meant; a `warning` may be. The codes are stable."""


@frozen
class PolicyFinding:
    """
    Something that a merchant should look at.

    Args:
        code: what kind of thing; severity: see `SEVERITIES`.
        sentence: what is wrong, with the figures.
        fields: where in the program, as in a file: ``earn_rules[1].per``.
    """

    code: PolicyCode
    severity: Severity
    sentence: str
    fields: tuple[str, ...]


Said: TypeAlias = Iterator[tuple[PolicyCode, str, tuple[str, ...]]]
"""What one check yields: the code, the sentence and the fields of each finding."""

ORDER_KINDS = frozenset({"per_amount", "per_unit", "per_order"})
"""The kinds of rules that give points for an order."""


def rule_path(program: Program, rule: EarnRule, field: str | None = None) -> str:
    """
    Return where a rule, or a field of it, stands in the program's file.
    """
    place = f"earn_rules[{[other.id for other in program.earn_rules].index(rule.id)}]"
    return place if field is None else f"{place}.{field}"


def giving_rules(program: Program) -> tuple[EarnRule, ...]:
    """
    Return the rules that give points of their own, in order of declaration.
    """
    return tuple(rule for rule in program.earn_rules if rule.kind != "multiplier")


def currency_of(rule: EarnRule) -> str | None:
    """
    Return the only currency in which a rule applies; None: in all.
    """
    money = rule.per or rule.minimum
    return money.currency if money is not None else None


def acts_on(multiplier: EarnRule, target: EarnRule) -> bool:
    """
    Whether a multiplier is meant for a rule: it names it, or it names none and the rule is not per order or act.
    """
    named = target.id in multiplier.multiplies
    return target.kind in ORDER_KINDS and (named or (not multiplier.multiplies and target.kind != "per_order"))
