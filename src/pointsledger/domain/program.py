"""
The program: everything a merchant decides about its points, as one value.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, Literal

from attrs import field, frozen

from ..errors import InvalidProgram
from .caps import EarnCaps
from .expiry import DAYS_MAX, ON_EVENT, ExpiryPolicy, PendingPolicy
from .fields import as_tuple, check_choice, check_flag, check_mapping
from .identity import check_identifier, check_text
from .instants import check_zone
from .mapping import from_mapping, to_mapping
from .money import Money, check_money
from .points import check_count, check_points, check_ratio
from .rates import ExchangeRate
from .rules import EarnRule

Timing = Literal["on_save", "on_full_payment", "on_processed", "when_all_lines_invoiced_or_cancelled"]
RedeemingOrders = Literal["earn_nothing", "net_of_points", "full"]
Multipliers = Literal["add_bonus", "multiply", "max"]
GroupChoice = Literal["best", "first", "most_specific"]
Returns = Literal["manual", "automatic", "give_back", "take_back"]
Shortfall = Literal["debt", "clamp", "refuse"]
UseOrder = Literal["soonest_expiry", "oldest_first"]
Lapsed = Literal["expire", "grace", "fresh"]

RULES_MAX = 1000


@frozen(kw_only=True, cache_hash=True)
class Unit:
    """
    What the merchant calls its points, for one and for many (R-43).
    """

    singular: str = "point"
    plural: str = "points"

    def __attrs_post_init__(self) -> None:
        check_text(self.singular, "singular")
        check_text(self.plural, "plural")

    def count(self, points: int) -> str:
        """
        Return a count with the unit's name: ``"1 bean"``, ``"1,200 beans"``.
        """
        return f"{points:,} {self.singular if abs(points) == 1 else self.plural}"


def _share(value: Fraction | int | str | None) -> Fraction | None:
    return None if value is None else check_ratio(value, "share_max")


@frozen(kw_only=True, cache_hash=True)
class RedemptionLimits:
    """
    What bounds a redemption (R-25); None means no bound.

    Args:
        threshold: the least balance at which redeeming starts (S1.14).
        points_max: the most points for one order.
        share_max: the largest share of an order's eligible net that points may pay, such as ``"1/2"``.
        money_max: the most money that points may pay on one order.
        step: redemptions are multiples of this many points.
        points_min: a smaller redemption is none.
        exact_payoff: the last group of points may be partial when it pays off the order.
    """

    threshold: int | None = None
    points_max: int | None = None
    share_max: Fraction | None = field(default=None, converter=_share)
    money_max: Money | None = None
    step: int = 1
    points_min: int = 1
    exact_payoff: bool = False

    def __attrs_post_init__(self) -> None:
        for name in ("threshold", "points_max"):
            if getattr(self, name) is not None:
                check_points(getattr(self, name), name)
        check_points(self.step, "step")
        check_points(self.points_min, "points_min")
        if self.share_max is not None and self.share_max > 1:
            raise InvalidProgram("share_max", self.share_max, "must be at most 1")
        if self.money_max is not None:
            check_money(self.money_max, "money_max", least=1)
        if self.points_max is not None and self.points_min > self.points_max:
            raise InvalidProgram("points_min", self.points_min, "must not exceed points_max")
        check_flag(self.exact_payoff, "exact_payoff")


@frozen(kw_only=True, cache_hash=True)
class RestorePolicy:
    """
    What happens to points that come back to a lot which has lapsed meanwhile (R-34).

    `expire`: they come back and lapse in one visible step. `grace`: they can be used for `grace_days` more local
    days. `fresh`: they get a new expiry as if earned now.
    """

    lapsed: Lapsed = "expire"
    grace_days: int = 0

    def __attrs_post_init__(self) -> None:
        check_choice(self.lapsed, "lapsed", Lapsed)
        check_points(self.grace_days, "grace_days", least=0, most=36525)
        if (self.lapsed == "grace") != (self.grace_days > 0):
            raise InvalidProgram("grace_days", self.grace_days, "belongs to 'grace', and must be above 0 there")


@frozen(kw_only=True, cache_hash=True)
class NoticePolicy:
    """
    What holders are told (R-42).

    Args:
        warn_days: how many days before points lapse their holder is warned; None: never (S1.28).
        subscribed: whether who has said nothing is subscribed, to balance updates and to warnings alike.
    """

    warn_days: int | None = None
    subscribed: bool = False

    def __attrs_post_init__(self) -> None:
        if self.warn_days is not None:
            check_count(self.warn_days, "warn_days", most=DAYS_MAX)
        check_flag(self.subscribed, "subscribed")


@frozen(kw_only=True, cache_hash=True)
class Program:
    """
    A loyalty program; a value that is handed in, compared and kept with what it produced.

    Args:
        id: the program's identifier; accounts belong to one program (R-06).
        timezone: the IANA zone in which every calendar rule works (R-04).
        earn_rules: in order of declaration; ids are unique.
        exchange_rates: from points to money; the one that is named most narrowly counts, then the first (R-23).
        expiry, pending: for points whose rule has no policy of its own.
        timing: which facts of an order turn into points (R-13).
        redeeming_orders: what an order earns on which points are redeemed (R-18).
        multipliers: how several multipliers combine: 2x and 3x make 4x, 6x or 3x (R-17).
        groups: for each exclusive group of rules, whether the best counts (by default), the first by priority, or the
            most specific: the rule that names channel and group, then group, then channel, then neither (S1.29).
        caps: what bounds earning (R-19).
        limits: what bounds a redemption (R-25).
        returns: whether returns wait for a decision (R-30); `give_back` and `take_back` do this half at once.
        shortfall: what happens when points to take back are spent (R-32).
        restore: what happens when points come back to a lapsed lot (R-34).
        use_order: which lot is drawn first (R-09).
        approval_above: adjustments by more points than this wait for a second actor (R-40); None: none do.
        notices: what holders are told (R-42).
        unit: what the points are called (R-43).
        active: False shows and uses nothing, and loses nothing (R-43).
        storefront: False lets only commands that name an actor earn or use points: an administrator acts for the
            customer (S1.12).
        history_shown: whether the shop's pages show holders their history; the ledger only keeps it (S1.13).
    """

    id: str
    timezone: str = "UTC"
    earn_rules: tuple[EarnRule, ...] = field(default=(), converter=as_tuple)
    exchange_rates: tuple[ExchangeRate, ...] = field(default=(), converter=as_tuple)
    expiry: ExpiryPolicy = ExpiryPolicy()
    pending: PendingPolicy = PendingPolicy()
    timing: Timing = "on_processed"
    redeeming_orders: RedeemingOrders = "earn_nothing"
    multipliers: Multipliers = "add_bonus"
    groups: Mapping[str, GroupChoice] = field(factory=dict[str, GroupChoice], hash=False)
    caps: EarnCaps = EarnCaps()
    limits: RedemptionLimits = RedemptionLimits()
    returns: Returns = "manual"
    shortfall: Shortfall = "debt"
    restore: RestorePolicy = RestorePolicy()
    use_order: UseOrder = "soonest_expiry"
    approval_above: int | None = None
    notices: NoticePolicy = NoticePolicy()
    unit: Unit = Unit()
    active: bool = True
    storefront: bool = True
    history_shown: bool = True

    def __attrs_post_init__(self) -> None:
        check_identifier(self.id, "id")
        check_zone(self.timezone, "timezone")
        for name, kind in _PARTS.items():
            if type(getattr(self, name)) is not kind:
                raise InvalidProgram(name, getattr(self, name), f"must be {kind.__name__}")
        for name, choices in _CHOICES.items():
            check_choice(getattr(self, name), name, choices)
        for flag in ("active", "storefront", "history_shown"):
            check_flag(getattr(self, flag), flag)
        if self.approval_above is not None:
            check_points(self.approval_above, "approval_above", least=0)
        self._check_rules()
        _check_sequence(self.exchange_rates, "exchange_rates", ExchangeRate)
        self._check_groups()

    def _check_rules(self) -> None:
        _check_sequence(self.earn_rules, "earn_rules", EarnRule)
        ids = [rule.id for rule in self.earn_rules]
        for i, rule in enumerate(self.earn_rules):
            if rule.id in ids[:i]:
                raise InvalidProgram(f"earn_rules[{i}].id", rule.id, "names two rules; give them ids")
            unknown = rule.multiplies - set(ids)
            if unknown:
                raise InvalidProgram(f"earn_rules[{i}].multiplies", sorted(unknown), "names no rule of the program")

    def _check_groups(self) -> None:
        named = {rule.group for rule in self.earn_rules}
        check_mapping(self.groups, "groups")
        for name, choice in self.groups.items():
            check_choice(choice, f"groups.{name}", GroupChoice)
            if name not in named:
                raise InvalidProgram(f"groups.{name}", choice, "no rule belongs to this group")
        # Said or not, the default means the same; a copy keeps later changes of the caller's mapping out.
        chosen = {name: choice for name, choice in sorted(self.groups.items()) if choice != "best"}
        object.__setattr__(self, "groups", chosen)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Program:
        """
        Return the program that a plain mapping describes, as TOML or JSON gives it.

        Raises:
            InvalidInput, CurrencyMismatch: `field` is the path of what is wrong, such as ``earn_rules[1].per``.
        """
        return from_mapping(cls, mapping)

    def to_mapping(self) -> dict[str, Any]:
        """
        Return the program as a plain mapping that TOML and JSON can hold; equal programs give equal mappings.
        """
        return to_mapping(self)

    def rate(
        self,
        currency: str | None = None,
        *,
        channel: str | None = None,
        customer_group: str | None = None,
        at: datetime | None = None,
    ) -> ExchangeRate | None:
        """
        Return the figures of the rate that counts there, for them, then; None if there is none (R-23).

        Of the rates that hold, one that names channel and group counts before one that names the group, then the
        channel, then neither; then one with a window; then the declared first.

        Args:
            currency: the currency to pay; None: that of the rate that counts among all.
            at: the instant; None: whenever it holds.
        """
        if len(self.exchange_rates) == 1 and not self.exchange_rates[0].is_narrow:  # the plain case first
            rate = self.exchange_rates[0]
            return rate if currency in {None, rate.currency} else None
        holding = [
            rate
            for rate in self.exchange_rates
            if currency in {None, rate.currency} and rate.holds(channel, customer_group, at)
        ]
        # max() keeps the first of equals.
        return max(holding, key=lambda rate: rate.narrowness).figures if holding else None

    def expires_at(self, usable_from: datetime, rule: EarnRule | None = None) -> datetime | None:
        """
        Return when points that can be used from this instant lapse, or None (R-37); of points that wait for an event, a
        far date that stands for the policy (see `policy_awaiting`).
        """
        policy = self.expiry if rule is None or rule.expiry is None else rule.expiry
        if usable_from == ON_EVENT:
            return ON_EVENT + timedelta(days=self._policies.index(policy))
        return policy.expires_at(usable_from, self.timezone)

    def policy_awaiting(self, expires_at: datetime) -> ExpiryPolicy:
        """
        Return the policy that will date points which wait for an event, as the far date says that they have until then.
        """
        return self._policies[(expires_at - ON_EVENT).days]

    @property
    def _policies(self) -> tuple[ExpiryPolicy, ...]:
        return tuple(
            dict.fromkeys((self.expiry, *(rule.expiry for rule in self.earn_rules if rule.expiry is not None)))
        )

    def usable_from(self, earned_at: datetime, rule: EarnRule | None = None) -> datetime:
        """
        Return from when points earned at this instant can be used (R-20).
        """
        policy = self.pending if rule is None or rule.pending is None else rule.pending
        return policy.usable_from(earned_at, self.timezone)


_PARTS: dict[str, type] = {
    "caps": EarnCaps,
    "notices": NoticePolicy,
    "expiry": ExpiryPolicy,
    "pending": PendingPolicy,
    "limits": RedemptionLimits,
    "restore": RestorePolicy,
    "unit": Unit,
}
_CHOICES: dict[str, Any] = {
    "timing": Timing,
    "redeeming_orders": RedeemingOrders,
    "multipliers": Multipliers,
    "returns": Returns,
    "shortfall": Shortfall,
    "use_order": UseOrder,
}


def _check_sequence(values: tuple[Any, ...], name: str, kind: type) -> None:
    if len(values) > RULES_MAX:
        raise InvalidProgram(name, len(values), f"must be at most {RULES_MAX}")
    for i, value in enumerate(values):
        if type(value) is not kind:
            raise InvalidProgram(f"{name}[{i}]", value, f"must be {kind.__name__}")
