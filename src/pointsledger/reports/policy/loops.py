"""
What comes back: orders that earn points worth what they cost.

The check looks for such an order and shows it. It asks the very function that awards, for a line of goods at some
price, in every combination of channel, customer group, product, category and time that the rules tell apart.
A combination is left out as soon as the most that its rules could give, all at their best, is below the price.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from math import ceil, lcm, prod
from typing import Any

from attrs import define, evolve, frozen

from ...domain.award import Award, Basis, RuleOutcome, award
from ...domain.caps import EarnCaps
from ...domain.instants import EARLIEST
from ...domain.money import AMOUNT_MAX, MICROS, Money, micros_per_unit
from ...domain.orders import Order, OrderLine
from ...domain.points import Rounding, rounded
from ...domain.program import Program, Unit
from ...domain.rules import EarnRule
from .findings import PolicyCode, Said, currency_of, rule_path
from .limits import smallest_redemption
from .places import LONG_AGO, Place, choices, lets_through
from .worths import Worths

CHOICES_MAX = 2000
"""How many choices are made before the search gives up; only programs that could give too much need many."""

_LARGEST = AMOUNT_MAX * MICROS


@frozen
class Extras:
    """
    What the check counts besides whole points for amounts of goods of one category.
    """

    two_categories: bool = False
    gifts: bool = False
    rounding: bool = False


@frozen
class Gain:
    """
    An order that earns points worth what it costs.

    Args:
        order: the order, with one line.
        place: where, when and for whom.
        award: what it earns.
        rules: the rules that are counted, and the multipliers.
        points: what these give; worth: what that pays, in micros.
        rates: the places of the rates at which they pay.
    """

    order: Order
    place: Place
    award: Award
    rules: frozenset[str]
    points: int
    worth: Fraction
    rates: frozenset[int]


_PLAIN = Extras()
_MORE: dict[PolicyCode, Extras] = {
    "categories_add_up": Extras(two_categories=True),
    "gift_worth_its_minimum": Extras(gifts=True),
    "rounding_pays": Extras(rounding=True),
}


def check_loops(program: Program) -> Said:
    """
    Find orders, and acts, that earn points worth what they cost.
    """
    currencies = (currency_of(rule) for rule in program.earn_rules if rule.kind in {"per_amount", "per_order"})
    for currency in dict.fromkeys(name for name in currencies if name is not None):
        gain = find_gain(program, currency, _PLAIN)
        if gain is not None:
            fields = ("caps.per_period",) if program.caps.per_period else ()
            code: PolicyCode = "earns_more_until_cap" if fields else "earns_more_than_it_costs"
            yield code, _sentence(program, gain), (*_fields(program, gain), *fields)
            continue
        for code, extras in _MORE.items():
            gain = find_gain(program, currency, extras)
            if gain is not None:
                yield code, _sentence(program, gain), _fields(program, gain)
    yield from _acts(program)


def find_gain(program: Program, currency: str, extras: Extras = _PLAIN) -> Gain | None:
    """
    Return an order in a currency that earns points worth at least its price, the plainest first; None: none is found.
    """
    rules = [rule for rule in program.earn_rules if _counts(rule, currency, extras)]
    places = tuple(choices(program, two_categories=extras.two_categories))
    # A switch that is off and caps are no part of what the rules give; caps are applied to the result.
    asked = evolve(program, active=True, storefront=True, caps=EarnCaps())
    return _Search(program, asked, currency, extras, Worths(program, currency)).deepen(Place(), rules, places)


def _counts(rule: EarnRule, currency: str, extras: Extras) -> bool:
    """
    Whether a rule's points are counted, or a multiplier's effect: what it gives for money, whatever goods cost.

    Points per unit are not: the price of a unit is not known here. A gift per order counts at its minimum.
    """
    if currency_of(rule) not in {None, currency}:
        return False
    return rule.kind in {"per_amount", "multiplier"} or (extras.gifts and _is_gift(rule))


def _is_gift(rule: EarnRule) -> bool:
    dear = rule.minimum is not None and rule.minimum.micros > 0
    return rule.kind == "per_order" and dear and not (rule.products or rule.categories)


# --- the search -------------------------------------------------------------------------------------------------------


@define
class _Search:
    program: Program
    asked: Program
    currency: str
    extras: Extras
    worths: Worths
    chosen: int = 0

    def deepen(self, place: Place, rules: list[EarnRule], left: tuple[tuple[str, tuple[Any, ...]], ...]) -> Gain | None:
        """
        Try every choice that is left, as long as its rules could give enough.
        """
        if self.worths.most * self._most(rules) < 1:
            return None
        if not left:
            return self._try(place, rules)
        (part, values), *rest = left
        for value in values:
            self.chosen += 1
            if self.chosen > CHOICES_MAX:
                break
            there = evolve(place, **{part: value})
            gain = self.deepen(there, [rule for rule in rules if lets_through(rule, part, there)], tuple(rest))
            if gain is not None:
                return gain
        return None

    def _most(self, rules: list[EarnRule]) -> Fraction:
        """
        Return the most points for a micro of money that the rules could give, each at its best.
        """
        factors = _Factors.of(self.program, rules)
        alone, grouped = Fraction(0), dict[str, Fraction]()
        for rule in rules:
            if rule.kind == "multiplier":
                continue
            each = rule.per if rule.kind == "per_amount" else rule.minimum
            assert each is not None, "what is counted has an amount"
            points = self._with_rounding(rule, Fraction(rule.points, each.micros) * factors.most(rule))
            if rule.group is None:
                alone += points
            else:
                grouped[rule.group] = max(points, grouped.get(rule.group, Fraction(0)))
        return alone + sum(grouped.values())

    def _with_rounding(self, rule: EarnRule, points: Fraction) -> Fraction:
        """
        Return the most that rounding makes of points for a micro: half a point becomes one, or any part of one.
        """
        if not self.extras.rounding or rule.rounding == "floor":
            return points
        return 2 * points + (Fraction(1, micros_per_unit(self.currency)) if rule.rounding == "ceil" else 0)

    def _try(self, place: Place, rules: list[EarnRule]) -> Gain | None:
        """
        Have orders at telling prices awarded, and return one that earns its price.
        """
        counted = {rule.id: rule for rule in rules if rule.kind != "multiplier"}
        for price in self._prices(place, rules):
            order = self._order(place, price)
            found = self._award(place, order)
            points, worth, rates = self._worth(place, counted, found.outcomes)
            if worth >= price:
                return Gain(order, place, found, frozenset(rule.id for rule in rules), points, worth, rates)
        return None

    def _order(self, place: Place, price: int) -> Order:
        line = OrderLine(place.product, Money.of_micros(price, self.currency), categories=place.categories)
        return Order("1", "holder", [line], channel=place.channel, customer_group=place.customer_group)

    def _award(self, place: Place, order: Order) -> Award:
        units = {line.id: 1 for line in order.lines}
        verified_at = EARLIEST if place.verified else None
        return award(self.asked, Basis(order, units, units, 0, place.earned_at, verified_at))

    def _worth(
        self, place: Place, counted: Mapping[str, EarnRule], outcomes: Iterable[RuleOutcome]
    ) -> tuple[int, Fraction, frozenset[int]]:
        """
        Return the points that count, what they can pay in micros, and the places of the rates; caps included.
        """
        points, worth, each, rates = 0, Fraction(0), list[Fraction](), set[int]()
        for outcome in outcomes:
            if outcome.rule in counted and outcome.points:
                given = outcome.points if self.extras.rounding else min(outcome.points, int(outcome.exact))
                pays, i = self.worths.of(counted[outcome.rule], place)
                points, worth, each, rates = points + given, worth + given * pays, [*each, pays], rates | {i}
        most = self._most_kept(rates - {-1})
        if most is not None and points > most:
            points, worth = most, most * min(each)
        return points, worth, frozenset(rates - {-1})

    def _most_kept(self, rates: set[int]) -> int | None:
        """
        Return the most points of one order that caps leave, time and again; None: any number.

        What is too little to be redeemed stays, and takes room below the cap on the balance.
        """
        caps = self.program.caps
        if caps.balance is None:
            return caps.per_order
        least = [smallest_redemption(self.program, self.program.exchange_rates[i]) for i in rates]
        room = caps.balance - max(self.program.limits.threshold or 1, *least, 1) + 1
        return room if caps.per_order is None else min(room, caps.per_order)

    def _prices(self, place: Place, rules: list[EarnRule]) -> Iterator[int]:
        """
        Yield prices at which what comes back is most: whole groups, all rules' groups at once, minima, and small ones.
        """
        unit = micros_per_unit(self.currency)
        groups = [lcm(rule.per.micros, unit) for rule in rules if rule.kind == "per_amount" and rule.per is not None]
        together = lcm(*groups, unit)
        denominators = prod(rule.factor.denominator for rule in rules if rule.factor is not None)
        bases = {unit, *groups, together, together * denominators}
        if self.extras.rounding:
            bases |= self._lifted(place, rules, unit)
        minima = {rule.minimum.micros for rule in rules if rule.minimum is not None and rule.minimum.micros}
        raised = {-(-minimum // base) * base for minimum in minima for base in bases}
        yield from sorted(price for price in bases | raised if price <= _LARGEST)

    def _lifted(self, place: Place, rules: list[EarnRule], unit: int) -> set[int]:
        """
        Return the small prices at which rounding lifts most what a rule gives: among the first hundred, and where half
        a point becomes one.
        """
        counted = {rule.id: rule for rule in rules if rule.kind == "per_amount"}
        found: set[int] = set()
        price = 10**6 * MICROS
        for outcome in self._award(place, self._order(place, price)).outcomes:
            if outcome.rule in counted and outcome.exact:
                each = Fraction(outcome.exact) * unit / price  # points for the smallest price
                half = ceil(Fraction(1, 2) / each)
                best = _most_lifted(each, counted[outcome.rule].rounding)
                found |= {best * unit, half * unit, (half + 1) * unit}
        return found


def _most_lifted(each: Fraction, rounding: Rounding) -> int:
    """
    Return how many of the smallest price, up to a hundred, bring the most whole points for their money.
    """
    return max(range(1, 101), key=lambda count: Fraction(rounded(each * count, rounding), count))


@frozen
class _Factors:
    """
    What multipliers can make of a rule at best: all that are above 1 at once.
    """

    combine: str
    by_all: tuple[Fraction, ...]
    by_name: Mapping[str, tuple[Fraction, ...]]

    @classmethod
    def of(cls, program: Program, rules: Iterable[EarnRule]) -> _Factors:
        by_all, by_name = list[Fraction](), dict[str, tuple[Fraction, ...]]()
        for rule in rules:
            if rule.factor is None or rule.factor <= 1:
                continue
            if not rule.multiplies:
                by_all.append(rule.factor)
            for name in rule.multiplies:
                by_name[name] = (*by_name.get(name, ()), rule.factor)
        return cls(program.multipliers, tuple(by_all), by_name)

    def most(self, rule: EarnRule) -> Fraction:
        generic = self.by_all if rule.kind != "per_order" else ()
        factors = (*generic, *self.by_name.get(rule.id, ()))
        if not factors:
            return Fraction(1)
        if self.combine == "multiply":
            return prod(factors, start=Fraction(1))
        return max(factors) if self.combine == "max" else sum(factors, Fraction(1 - len(factors)))


# --- acts ------------------------------------------------------------------------------------------------------------


def _acts(program: Program) -> Said:
    """
    Find rules for acts that give what the act's amount is: whoever acts for two accounts gets it back.
    """
    for rule in program.earn_rules:
        if rule.kind != "per_action" or rule.per is None or rule.limit is not None:
            continue
        worths = Worths(program, rule.per.currency)
        for group in sorted(rule.customer_groups) or (None,):
            place = Place(earned_at=rule.valid_from or LONG_AGO, customer_group=group)
            each, i = worths.of(rule, place)
            worth = each * rule.points
            if worth >= rule.per.micros:
                sentence = (
                    f"Rule {rule.id!r} gives {_points(rule.points)} for {rule.per} of an act, "
                    f"worth {_money(worth, rule.per.currency)} ({_percent(worth / rule.per.micros)})."
                )
                fields = (rule_path(program, rule, "points"), rule_path(program, rule, "per"), f"exchange_rates[{i}]")
                yield "act_gives_its_amount", sentence, fields
                break


# --- in words --------------------------------------------------------------------------------------------------------


def _sentence(program: Program, gain: Gain) -> str:
    price = gain.order.lines[0].unit_price
    worth = f"{_money(gain.worth, price.currency)} ({_percent(gain.worth / price.micros)})"
    return f"An order of {price}{_where(program, gain.place)} earns {_points(gain.points)}, worth {worth}."


def _where(program: Program, place: Place) -> str:
    """
    Say what of a place matters: what is not as with any order.
    """
    parts = [f"by channel {place.channel!r}"] if place.channel is not None else []
    parts += [f"of customer group {place.customer_group!r}"] if place.customer_group is not None else []
    if any(place.product in rule.products for rule in program.earn_rules):
        parts.append(f"for product {place.product!r}")
    if place.categories:
        parts.append(f"in category {' and '.join(map(repr, sorted(place.categories)))}")
    parts += [f"at {place.earned_at:%Y-%m-%d %H:%M} UTC"] if place.earned_at != LONG_AGO else []
    return f" {', '.join(parts)}" if parts else ""


def _points(points: int) -> str:
    return Unit().count(points)


def _money(micros: Fraction, currency: str) -> str:
    return str(Money.rounded_down(micros, currency))


def _percent(ratio: Fraction) -> str:
    return f"{int(ratio * 100):,} %"


def _fields(program: Program, gain: Gain) -> tuple[str, ...]:
    """
    Return the rules that gave, the multipliers that acted, and the rates.
    """
    outcomes = {outcome.rule: outcome for outcome in gain.award.outcomes}
    fields: list[str] = []
    for rule in program.earn_rules:
        outcome = outcomes.get(rule.id)
        if outcome is not None and rule.id in gain.rules and (outcome.points or outcome.factors):
            fields.append(rule_path(program, rule, "factor" if rule.kind == "multiplier" else "points"))
    return (*fields, *(f"exchange_rates[{i}]" for i in sorted(gain.rates)))
