"""
Rules of earning: what an order or an action gives, exactly, before it is rounded (R-15, R-16, R-17).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from fractions import Fraction
from typing import Literal, TypedDict, Unpack

from attrs import field, fields, frozen

from ..errors import CurrencyMismatch, InvalidProgram
from .expiry import ExpiryPolicy, PendingPolicy
from .fields import check_choice, check_flag, check_names, name_set
from .identity import check_identifier
from .instants import check_window
from .money import Money, check_money
from .points import Rounding, check_count, check_points, check_ratio

RuleKind = Literal["per_amount", "per_unit", "per_order", "multiplier", "per_action"]
OfInvitee = Literal["each", "first"]

PRIORITY_MAX = 10**6


def _ratio(value: Fraction | int | str | None) -> Fraction | None:
    return None if value is None else check_ratio(value, "factor")


class Narrowed(TypedDict, total=False):
    """
    The fields of `EarnRule` that every constructor takes.
    """

    categories: Iterable[str]
    channels: Iterable[str]
    customer_groups: Iterable[str]
    valid_from: datetime | None
    valid_until: datetime | None
    minimum: Money | None
    group: str | None
    priority: int
    rounding: Rounding
    with_shipping: bool
    with_tax: bool
    verified: bool
    expiry: ExpiryPolicy | None
    pending: PendingPolicy | None


@frozen(kw_only=True, cache_hash=True)
class EarnRule:
    """
    One rule of earning; build it with `per_amount`, `per_unit`, `per_order`, `multiplier` or `per_action`.

    Every kind can be narrowed: to lines (`products`, `categories`) and to orders (`channels`, `customer_groups`,
    the half-open window `valid_from` <= instant < `valid_until`, and `minimum`, the least net of the order).
    An empty set of names does not narrow. A rule for an action has no lines; its `minimum` is of the act's amount.

    Args:
        id: the rule's name, unique in its program.
        points: what is given for each whole `per`, for each unit, for the order, or for the act.
        per: the amount of money of one group; its currency is the only one in which the rule counts money.
        proportional: give an exact share for a part of `per` instead of whole groups only.
        factor: what a multiplier multiplies by; 2 doubles.
        multiplies: ids of the rules that a multiplier acts on; none means all per_amount and per_unit rules.
        action: what a per_action rule rewards, such as ``"registration"``.
        limit: how many acts of one account a per_action rule rewards, ever; None: all.
        of_invitee: whether a per_action rule rewards each act of an invitee, or the first.
        group: rules of one group exclude each other; the program says which of them counts.
        priority: a lower number comes first within a group.
        rounding: how the rule's result becomes whole points, once, after multipliers (R-03).
        with_shipping, with_tax: whether the basis of per_amount includes them (R-15).
        verified: only for a holder who was verified when the points are earned (S2.2).
        expiry, pending: the rule's own policies instead of the program's (S0.3).
    """

    id: str
    kind: RuleKind
    points: int = 0
    per: Money | None = None
    proportional: bool = False
    factor: Fraction | None = field(default=None, converter=_ratio)
    multiplies: frozenset[str] = field(default=frozenset(), converter=name_set)
    action: str | None = None
    limit: int | None = None
    of_invitee: OfInvitee = "each"
    products: frozenset[str] = field(default=frozenset(), converter=name_set)
    categories: frozenset[str] = field(default=frozenset(), converter=name_set)
    channels: frozenset[str] = field(default=frozenset(), converter=name_set)
    customer_groups: frozenset[str] = field(default=frozenset(), converter=name_set)
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    minimum: Money | None = None
    group: str | None = None
    priority: int = 0
    rounding: Rounding = "floor"
    with_shipping: bool = False
    with_tax: bool = False
    verified: bool = False
    expiry: ExpiryPolicy | None = None
    pending: PendingPolicy | None = None

    def __attrs_post_init__(self) -> None:
        check_choice(self.kind, "kind", RuleKind)
        check_choice(self.rounding, "rounding", Rounding)
        check_choice(self.of_invitee, "of_invitee", OfInvitee)
        check_identifier(self.id, "id")
        check_names(self, "multiplies", "products", "categories", "channels", "customer_groups")
        for name in ("group", "action"):
            if getattr(self, name) is not None:
                check_identifier(getattr(self, name), name)
        check_window(self)
        check_count(self.priority, "priority", least=-PRIORITY_MAX, most=PRIORITY_MAX)
        if self.limit is not None:
            check_count(self.limit, "limit")
        for flag in ("proportional", "with_shipping", "with_tax", "verified"):
            check_flag(getattr(self, flag), flag)
        if self.minimum is not None:
            check_money(self.minimum, "minimum")
        self._check_currency()
        self._check_own_policies()
        self._check_gift()

    @classmethod
    def per_amount(
        cls,
        points: int,
        *,
        per: Money,
        id: str = "per_amount",
        proportional: bool = False,
        products: Iterable[str] = (),
        **narrowed: Unpack[Narrowed],
    ) -> EarnRule:
        """
        Give `points` for every whole `per` of the basis: 10 per 2.00 on 7.00 gives 30 (S1.30).

        With `proportional`, 7.00 gives 35. `narrowed` are the other fields of `EarnRule`.
        """
        return cls(
            id=id,
            kind="per_amount",
            points=points,
            per=per,
            proportional=proportional,
            products=products,
            **narrowed,
        )

    @classmethod
    def per_unit(
        cls, points: int, *, products: Iterable[str] = (), id: str = "per_unit", **narrowed: Unpack[Narrowed]
    ) -> EarnRule:
        """
        Give `points` for every unit of the products, whatever they cost (S0.2).
        """
        return cls(id=id, kind="per_unit", points=points, products=products, **narrowed)

    @classmethod
    def per_order(
        cls, points: int, *, id: str = "per_order", products: Iterable[str] = (), **narrowed: Unpack[Narrowed]
    ) -> EarnRule:
        """
        Give `points` once for an order that the rule applies to (S1.37).
        """
        return cls(id=id, kind="per_order", points=points, products=products, **narrowed)

    @classmethod
    def multiplier(
        cls,
        factor: Fraction | int | str,
        *,
        id: str = "multiplier",
        multiplies: Iterable[str] = (),
        products: Iterable[str] = (),
        **narrowed: Unpack[Narrowed],
    ) -> EarnRule:
        """
        Multiply what other rules give for the lines that this rule matches; `factor` may be ``"1.5"``.
        """
        return cls(id=id, kind="multiplier", factor=factor, multiplies=multiplies, products=products, **narrowed)

    @classmethod
    def per_action(
        cls,
        points: int,
        *,
        action: str,
        id: str | None = None,
        limit: int | None = None,
        of_invitee: OfInvitee = "each",
        per: Money | None = None,
        proportional: bool = False,
        **narrowed: Unpack[Narrowed],
    ) -> EarnRule:
        """
        Give `points` for an act such as a registration, a review or the order of somebody invited (S1.23 to S1.27).

        With `per`, give them for every whole `per` of the act's amount. The rule's id is the action by default.
        """
        return cls(
            id=id or action,
            kind="per_action",
            points=points,
            action=action,
            limit=limit,
            of_invitee=of_invitee,
            per=per,
            proportional=proportional,
            **narrowed,
        )

    def _check_currency(self) -> None:
        if self.per is not None and self.minimum is not None and self.per.currency != self.minimum.currency:
            raise CurrencyMismatch("minimum", self.per.currency, self.minimum.currency)

    def _check_own_policies(self) -> None:
        if self.expiry is not None and (type(self.expiry) is not ExpiryPolicy or self.expiry.idle is not None):
            raise InvalidProgram("expiry", self.expiry, "must be an expiry policy without inactivity")
        if self.pending is not None and type(self.pending) is not PendingPolicy:
            raise InvalidProgram("pending", self.pending, "must be a pending policy")

    def _check_gift(self) -> None:
        """
        Refuse what the kind needs and lacks, and what it has and does not use.
        """
        for name, owner in _NEEDED.items():
            if self.kind == owner and getattr(self, name) is None:
                raise InvalidProgram(name, None, f"is required in a rule of kind {owner!r}")
        if self.per is not None:
            check_money(self.per, "per", least=1, payable=False)
        check_points(self.points, "points", least=0 if self.kind == "multiplier" else 1)
        for name, kinds in _USED_BY.items():
            if self.kind not in kinds and getattr(self, name) != _UNUSED[name]:
                raise InvalidProgram(name, getattr(self, name), f"has no meaning in a rule of kind {self.kind!r}")
        if self.per is None and self.proportional:
            raise InvalidProgram("proportional", self.proportional, "has no meaning without `per`")


_NEEDED = {"per": "per_amount", "factor": "multiplier", "action": "per_action"}
"""What a kind cannot do without."""

_ORDER = frozenset({"per_amount", "per_unit", "per_order", "multiplier"})
_GIVING = frozenset({"per_amount", "per_unit", "per_order", "per_action"})
_USED_BY: dict[str, frozenset[str]] = {
    "points": _GIVING,
    "per": frozenset({"per_amount", "per_action"}),
    "proportional": frozenset({"per_amount", "per_action"}),
    "factor": frozenset({"multiplier"}),
    "multiplies": frozenset({"multiplier"}),
    "action": frozenset({"per_action"}),
    "limit": frozenset({"per_action"}),
    "of_invitee": frozenset({"per_action"}),
    "products": _ORDER,
    "categories": _ORDER,
    "group": _GIVING,
    "rounding": _GIVING,
    "with_shipping": frozenset({"per_amount"}),
    "with_tax": frozenset({"per_amount"}),
    "expiry": _GIVING,
    "pending": _GIVING,
}
"""For each field that not every kind uses: the kinds that do."""

_UNUSED: dict[str, object] = {a.name: a.default for a in fields(EarnRule) if a.name in _USED_BY}
