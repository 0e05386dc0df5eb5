"""
Rules of earning: what one rule gives for one order, exactly, before it is rounded (R-15, R-16, R-17).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from fractions import Fraction
from typing import Literal, TypedDict, Unpack

from attrs import field, frozen

from ..errors import InvalidProgram
from .expiry import ExpiryPolicy, PendingPolicy
from .fields import check_choice, check_flag, name_set
from .identity import check_identifier
from .instants import check_instant
from .money import Money, check_money
from .points import Rounding, check_count, check_points, check_ratio

RuleKind = Literal["per_amount", "per_unit", "per_order", "multiplier"]

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
    expiry: ExpiryPolicy | None
    pending: PendingPolicy | None


@frozen(kw_only=True, cache_hash=True)
class EarnRule:
    """
    One rule of earning; build it with `per_amount`, `per_unit`, `per_order` or `multiplier`.

    Every kind can be narrowed: to lines (`products`, `categories`) and to orders (`channels`, `customer_groups`,
    the half-open window `valid_from` <= instant < `valid_until`, and `minimum`, the least net of the order).
    An empty set of names does not narrow.

    Args:
        id: the rule's name, unique in its program.
        points: what is given for each whole `per`, for each unit, or for the order.
        per: the amount of money of one group; its currency is the only one in which the rule counts money.
        proportional: give an exact share for a part of `per` instead of whole groups only.
        factor: what a multiplier multiplies by; 2 doubles.
        multiplies: ids of the rules that a multiplier acts on; none means all per_amount and per_unit rules.
        group: rules of one group exclude each other; the program says whether the best or the first counts.
        priority: a lower number comes first within a group.
        rounding: how the rule's result becomes whole points, once, after multipliers (R-03).
        with_shipping, with_tax: whether the basis of per_amount includes them (R-15).
        expiry, pending: the rule's own policies instead of the program's (S0.3).
    """

    id: str
    kind: RuleKind
    points: int = 0
    per: Money | None = None
    proportional: bool = False
    factor: Fraction | None = field(default=None, converter=_ratio)
    multiplies: frozenset[str] = field(default=frozenset(), converter=name_set)
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
    expiry: ExpiryPolicy | None = None
    pending: PendingPolicy | None = None

    def __attrs_post_init__(self) -> None:
        check_choice(self.kind, "kind", RuleKind)
        check_choice(self.rounding, "rounding", Rounding)
        check_identifier(self.id, "id")
        self._check_names()
        self._check_window()
        check_count(self.priority, "priority", least=-PRIORITY_MAX, most=PRIORITY_MAX)
        for flag in ("proportional", "with_shipping", "with_tax"):
            check_flag(getattr(self, flag), flag)
        if self.minimum is not None:
            check_money(self.minimum, "minimum")
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

    def _check_names(self) -> None:
        for name in ("multiplies", "products", "categories", "channels", "customer_groups"):
            for value in getattr(self, name):
                check_identifier(value, name)
        if self.group is not None:
            check_identifier(self.group, "group")

    def _check_window(self) -> None:
        for name in ("valid_from", "valid_until"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, check_instant(value, name))
        if self.valid_from is not None and self.valid_until is not None and self.valid_from >= self.valid_until:
            raise InvalidProgram("valid_until", self.valid_until, "must be later than valid_from")

    def _check_own_policies(self) -> None:
        if self.expiry is not None and (type(self.expiry) is not ExpiryPolicy or self.expiry.idle is not None):
            raise InvalidProgram("expiry", self.expiry, "must be an expiry policy without inactivity")
        if self.pending is not None and type(self.pending) is not PendingPolicy:
            raise InvalidProgram("pending", self.pending, "must be a pending policy")

    def _check_gift(self) -> None:
        """
        Refuse what the kind needs and lacks, and what it has and does not use.
        """
        multiplier = self.kind == "multiplier"
        if multiplier != (self.factor is not None):
            raise InvalidProgram("factor", self.factor, "belongs to a multiplier, and to nothing else")
        if (self.kind == "per_amount") != (self.per is not None):
            raise InvalidProgram("per", self.per, "belongs to a per_amount rule, and to nothing else")
        if self.per is not None:
            check_money(self.per, "per", least=1, payable=False)
        check_points(self.points, "points", least=0 if multiplier else 1)
        if multiplier:
            unused: dict[str, object] = {
                "points": 0,
                "group": None,
                "expiry": None,
                "pending": None,
                "rounding": "floor",
            }
        else:
            unused = {"multiplies": frozenset()}
        if self.kind != "per_amount":
            unused |= {"proportional": False, "with_shipping": False, "with_tax": False}
        for name, value in unused.items():
            if getattr(self, name) != value:
                raise InvalidProgram(name, getattr(self, name), f"has no meaning in a rule of kind {self.kind!r}")
