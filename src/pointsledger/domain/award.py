"""
What an order earns under a program: rules, multipliers, groups, rounding and lines (R-14 to R-18, R-21).

One function serves quote, award, cancel, partial return and explanation: `award`.
It is exact until each rule's result is rounded, once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from fractions import Fraction
from functools import reduce
from operator import mul
from typing import Literal, TypeAlias

from attrs import evolve, field, frozen

from .caps import Cut
from .orders import Order, OrderLine
from .points import Exact, apportioned, rounded
from .program import GroupChoice, Multipliers, Program
from .rules import EarnRule

Reason: TypeAlias = Literal[
    "program_inactive",
    "storefront_off",
    "order_cancelled",
    "order_redeems_points",
    "not_ready",
    "not_started",
    "ended",
    "not_verified",
    "other_channel",
    "other_customer_group",
    "other_currency",
    "no_matching_line",
    "below_minimum",
    "no_earning_tender",
    "below_one_group",
    "rounds_to_nothing",
    "beaten_in_group",
    "nothing_to_multiply",
    "no_amount",
    "not_first_of_invitee",
    "limit_reached",
]
"""Why a rule, or a whole order, gives nothing; the codes are stable."""


@frozen
class Basis:
    """
    The order as it counts: which units are kept, and which part of its price earns (R-15).

    Args:
        order: the document.
        kept: units by line id that are neither cancelled nor returned.
        sold: units by line id that are not cancelled; what did not earn is shared over these.
        unearning_micros: what tenders that do not earn, and points, paid.
        earned_at: the instant at which the order counts as earned.
        verified_at: from when the holder is known to be verified; None: it is not (S2.2).
    """

    order: Order
    kept: Mapping[str, int]
    sold: Mapping[str, int]
    unearning_micros: Exact
    earned_at: datetime
    verified_at: datetime | None = None


@frozen
class RuleOutcome:
    """
    What one rule gave for an order, and how.

    Args:
        rule: the rule's id.
        reason: why it gave nothing; None if it fired.
        basis_micros: the money it counted, in micros of the order's currency; None where it counts none.
        units: the units it counted; None where it counts none.
        exact: the points before rounding.
        points: the points given.
        factors: by line id, what the multipliers together multiplied it by, or what a multiplier brought in;
            lines without any are left out.
        weights: its exact points by line id.
    """

    rule: str
    reason: Reason | None = None
    basis_micros: Exact | None = None
    units: int | None = None
    exact: Exact = 0
    points: int = 0
    factors: Mapping[str, Fraction] = field(factory=dict[str, Fraction])
    weights: Mapping[str, Exact] = field(factory=dict[str, Exact], repr=False)


@frozen
class Grant:
    """
    Points of an award that become usable and lapse together; each grant opens a lot. It `follows` the program's policy
    where no rule's own policy dated it.
    """

    points: int
    available_at: datetime
    expires_at: datetime | None
    follows: bool = True


@frozen
class Award:
    """
    What an order earns and why.

    Args:
        points: in all, after caps.
        reason: why the order as a whole earns nothing; None otherwise.
        outcomes: one per rule of the program, in order of declaration.
        grants: the points by dates, in order of `available_at`, then `expires_at` (never last).
        earned_at: the instant at which they count as earned; None if nothing can be earned yet.
        cuts: the caps that bound, in the order in which they were applied (R-19).
    """

    points: int = 0
    reason: Reason | None = None
    outcomes: tuple[RuleOutcome, ...] = ()
    grants: tuple[Grant, ...] = ()
    earned_at: datetime | None = None
    cuts: tuple[Cut, ...] = ()

    @property
    def desired(self) -> int:
        """
        The points that the rules give, before caps.
        """
        return sum(outcome.points for outcome in self.outcomes)

    @property
    def lines(self) -> dict[str, int]:
        """
        The points by line id; they sum to `points` (largest remainder, R-17). Lines without points are left out.
        """
        total: dict[str, int] = {}
        for outcome in self.outcomes:
            parts = apportioned(outcome.points, tuple(outcome.weights.values()))
            for line, points in zip(outcome.weights, parts, strict=True):
                total[line] = total.get(line, 0) + points
        if self.points != self.desired:
            total = dict(zip(total, apportioned(self.points, tuple(total.values())), strict=True))
        return {line: points for line, points in total.items() if points}


def award(program: Program, basis: Basis) -> Award:
    """
    Return what the order earns under the program (R-14).
    """
    if not program.active:
        return Award(reason="program_inactive", earned_at=basis.earned_at)
    if not program.storefront:
        return Award(reason="storefront_off", earned_at=basis.earned_at)
    multipliers = [rule for rule in program.earn_rules if rule.kind == "multiplier"]
    plain = {rule.id: _plain(rule, basis) for rule in _targets(program)}
    refused: dict[str, Reason | None] = {rule.id: _refusal(rule, basis) for rule in multipliers}
    acting = [rule for rule in multipliers if refused[rule.id] is None]
    multiplied = {
        rule.id: _multiplied(program, rule, plain[rule.id], acting, basis.order) for rule in _targets(program)
    }
    given = without_beaten(program, {rule.id: rounded_outcome(rule, multiplied[rule.id]) for rule in _targets(program)})
    for rule in multipliers:
        targets = [given[target.id] for target in _targets(program) if rule.id in _acting_on(target, acting)]
        given[rule.id] = _multiplier_outcome(rule, refused[rule.id], targets, basis.order)
    outcomes = tuple(given[rule.id] for rule in program.earn_rules if rule.kind != "per_action")
    grants, cuts = _within_order_cap(program, _grants(program, given, basis.earned_at))
    return Award(sum(grant.points for grant in grants), None, outcomes, grants, basis.earned_at, cuts)


# --- one rule ------------------------------------------------------------------------------------------------


def _refusal(rule: EarnRule, basis: Basis) -> Reason | None:
    """
    Say why the rule does not apply to the order at all, the first reason in this order; None if it does.
    """
    order = basis.order
    reason = refusal_of_scope(rule, order.channel, order.customer_group, basis.earned_at, basis.verified_at)
    if reason is not None:
        return reason
    money = rule.per or rule.minimum
    if money is not None and order.currency != money.currency:
        return "other_currency"
    if not any(basis.kept[line.id] for line in _matched(rule, order)):
        return "no_matching_line"
    if rule.minimum is not None and sum(order.nets(basis.kept)) < rule.minimum.micros:
        return "below_minimum"
    return None


def refusal_of_scope(
    rule: EarnRule,
    channel: str | None,
    customer_group: str | None,
    earned_at: datetime,
    verified_at: datetime | None,
) -> Reason | None:
    """
    Say why the rule does not hold then, for this holder, there; None if it does.
    """
    if rule.valid_from is not None and earned_at < rule.valid_from:
        return "not_started"
    if rule.valid_until is not None and earned_at >= rule.valid_until:
        return "ended"
    if rule.verified and (verified_at is None or verified_at > earned_at):
        return "not_verified"
    if rule.channels and channel not in rule.channels:
        return "other_channel"
    if rule.customer_groups and customer_group not in rule.customer_groups:
        return "other_customer_group"
    return None


def _matched(rule: EarnRule, order: Order) -> list[OrderLine]:
    """
    Return the lines that the rule is narrowed to; a per_amount rule leaves out lines that do not earn.
    """
    return [
        line
        for line in order.lines
        if (not rule.products or line.product in rule.products)
        and (not rule.categories or rule.categories & line.categories)
        and (line.earns or rule.kind != "per_amount")
    ]


def _plain(rule: EarnRule, basis: Basis) -> RuleOutcome:
    """
    Return what the rule gives before multipliers, groups and rounding.
    """
    reason = _refusal(rule, basis)
    if reason is not None:
        return RuleOutcome(rule.id, reason)
    share = _earning_share(rule, basis)
    if share == 0:
        return RuleOutcome(rule.id, "no_earning_tender")
    return _COUNT[rule.kind](rule, basis, share)


def _earning_share(rule: EarnRule, basis: Basis) -> Exact:
    """
    Return which part of the price was paid by tenders that earn, from 0 to 1 (R-15).

    What earns nothing is taken off the whole order first and so lies on every unit alike: a unit that comes back
    later takes its share of it along.
    """
    if not basis.unearning_micros:
        return 1
    lines = zip(basis.order.lines, basis.order.nets(basis.sold), strict=True)
    price = sum(net for line, net in lines if line.earns) + _extras(rule, basis.order)
    return Fraction(max(0, price - basis.unearning_micros)) / price if price else 0


def _extras(rule: EarnRule, order: Order) -> int:
    shipping = order.shipping.micros if rule.with_shipping and order.shipping else 0
    tax = order.tax.micros if rule.with_tax and order.tax else 0
    return shipping + tax


def _per_amount(rule: EarnRule, basis: Basis, share: Exact) -> RuleOutcome:
    assert rule.per is not None, "a per_amount rule has its amount"
    matched = {line.id for line in _matched(rule, basis.order)}
    nets = zip(basis.order.lines, basis.order.nets(basis.kept), strict=True)
    weights = {line.id: net for line, net in nets if line.id in matched}
    money = (sum(weights.values()) + _extras(rule, basis.order)) * share
    groups = Fraction(money) / rule.per.micros if rule.proportional else money // rule.per.micros
    exact = rule.points * groups
    if exact == 0:
        return RuleOutcome(rule.id, "below_one_group", basis_micros=money)
    return RuleOutcome(rule.id, basis_micros=money, exact=exact, weights=_spread(exact, weights))


def _per_unit(rule: EarnRule, basis: Basis, share: Exact) -> RuleOutcome:
    weights = {line.id: rule.points * basis.kept[line.id] for line in _matched(rule, basis.order)}
    exact = sum(weights.values())
    return RuleOutcome(rule.id, units=exact // rule.points, exact=exact, weights=weights)


def _per_order(rule: EarnRule, basis: Basis, share: Exact) -> RuleOutcome:
    units: dict[str, Exact] = {line.id: basis.kept[line.id] for line in _matched(rule, basis.order)}
    return RuleOutcome(rule.id, exact=rule.points, weights=_spread(rule.points, units))


_COUNT = {"per_amount": _per_amount, "per_unit": _per_unit, "per_order": _per_order}


def _spread(exact: Exact, weights: Mapping[str, Exact]) -> dict[str, Exact]:
    """
    Share an exact figure over lines in proportion to their weights, or alike where all weights are 0.
    """
    total = sum(weights.values())
    if not total:
        return dict.fromkeys(weights, Fraction(exact) / len(weights))
    share = Fraction(exact) / total
    return {line: share * weight for line, weight in weights.items()}


# --- rules together --------------------------------------------------------------------------------------------


def _targets(program: Program) -> Iterable[EarnRule]:
    return (rule for rule in program.earn_rules if rule.kind not in {"multiplier", "per_action"})


def _acting_on(target: EarnRule, acting: Iterable[EarnRule]) -> dict[str, EarnRule]:
    """
    Return the multipliers that act on a rule: those that name it, and those that name none unless it is per_order.
    """
    return {
        rule.id: rule
        for rule in acting
        if target.id in rule.multiplies or (not rule.multiplies and target.kind != "per_order")
    }


def _multiplied(
    program: Program, rule: EarnRule, outcome: RuleOutcome, acting: list[EarnRule], order: Order
) -> RuleOutcome:
    own = _acting_on(rule, acting)
    if outcome.reason is not None or not own:
        return outcome
    matched = {id: {line.id for line in _matched(multiplier, order)} for id, multiplier in own.items()}
    factors: dict[str, Fraction] = {}
    for line in outcome.weights:
        chosen = [rule.factor for id, rule in own.items() if line in matched[id] and rule.factor is not None]
        if chosen:
            factors[line] = _COMBINE[program.multipliers](chosen)
    weights = {line: weight * factors.get(line, 1) for line, weight in outcome.weights.items()}
    return evolve(outcome, exact=sum(weights.values()), weights=weights, factors=factors)


def _multiplier_outcome(
    rule: EarnRule, refused: Reason | None, targets: list[RuleOutcome], order: Order
) -> RuleOutcome:
    """
    Say on which lines a multiplier acted: those that it matches and for which a rule that it multiplies gave points.
    """
    matched = {line.id for line in _matched(rule, order)}
    weights = [pair for target in targets if target.points for pair in target.weights.items()]
    lines = [line for line, weight in weights if weight and line in matched]
    if refused is None and rule.factor is not None and lines:
        return RuleOutcome(rule.id, factors=dict.fromkeys(lines, rule.factor))
    return RuleOutcome(rule.id, refused or "nothing_to_multiply")


def _add_bonus(factors: list[Fraction]) -> Fraction:
    return max(Fraction(0), sum(factors, Fraction(1 - len(factors))))


def _multiply(factors: list[Fraction]) -> Fraction:
    return reduce(mul, factors, Fraction(1))


_COMBINE: dict[Multipliers, Callable[[list[Fraction]], Fraction]] = {
    "add_bonus": _add_bonus,
    "multiply": _multiply,
    "max": max,
}


def rounded_outcome(rule: EarnRule, outcome: RuleOutcome) -> RuleOutcome:
    """
    Round what a rule gives, once (R-03).
    """
    if outcome.reason is not None:
        return outcome
    points = rounded(outcome.exact, rule.rounding)
    return evolve(outcome, points=points, reason=None if points else "rounds_to_nothing")


def without_beaten(program: Program, outcomes: Mapping[str, RuleOutcome]) -> dict[str, RuleOutcome]:
    """
    Leave one rule of each exclusive group: the best by exact points or the first by priority of those that give
    something, or the most specific of those that apply, even if it gives nothing; ties go to the declared first
    (R-17, S1.29).
    """
    chosen = dict(outcomes)
    rules = [rule for rule in program.earn_rules if rule.group is not None and rule.id in outcomes]
    for group in {rule.group for rule in rules}:
        choice = program.groups.get(str(group), "best")
        rivals = [rule for rule in rules if rule.group == group and _competes(choice, outcomes[rule.id])]
        rivals.sort(key=lambda rule: rule.priority)
        if choice == "best":
            rivals.sort(key=lambda rule: outcomes[rule.id].exact, reverse=True)
        elif choice == "most_specific":
            rivals.sort(key=lambda rule: (bool(rule.customer_groups), bool(rule.channels)), reverse=True)
        for rule in rivals[1:]:
            if chosen[rule.id].points:
                chosen[rule.id] = evolve(outcomes[rule.id], points=0, reason="beaten_in_group", weights={})
    return chosen


def _competes(choice: GroupChoice, outcome: RuleOutcome) -> bool:
    applies = outcome.reason in {None, "below_one_group", "rounds_to_nothing", "no_earning_tender"}
    return applies if choice == "most_specific" else outcome.points > 0


def _within_order_cap(program: Program, grants: tuple[Grant, ...]) -> tuple[tuple[Grant, ...], tuple[Cut, ...]]:
    """
    Cut the grants to what one order can earn, the latest first (R-19).
    """
    desired, cap = sum(grant.points for grant in grants), program.caps.per_order
    if cap is None or desired <= cap:
        return grants, ()
    left = cap
    kept: list[Grant] = []
    for grant in grants:
        points = min(grant.points, left)
        left -= points
        if points:
            kept.append(evolve(grant, points=points))
    return tuple(kept), (Cut("order_cap", desired, cap),)


def _grants(program: Program, outcomes: Mapping[str, RuleOutcome], earned_at: datetime) -> tuple[Grant, ...]:
    """
    Sum the rules' points by the dates that they get.
    """
    by_dates: dict[tuple[datetime, datetime | None, bool], int] = {}
    for rule in _targets(program):
        if outcomes[rule.id].points:
            available_at = program.usable_from(earned_at, rule)
            dates = (available_at, program.expires_at(available_at, rule), rule.expiry is None)
            by_dates[dates] = by_dates.get(dates, 0) + outcomes[rule.id].points
    order = sorted(by_dates, key=lambda dates: (dates[0], dates[1] is None, dates[1] or dates[0], not dates[2]))
    return tuple(Grant(by_dates[dates], *dates) for dates in order)
