"""
Orders as the host reports them: lines, tenders and what surrounds them (R-13, R-15).
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from attrs import Factory, field, frozen

from ..errors import CurrencyMismatch, InvalidInput
from .fields import as_tuple, check_flag, name_set
from .identity import check_identifier
from .money import Money, check_money
from .points import Exact, check_count

LINES_MAX = 10_000
CYCLES_MAX = 1000

POINTS = "points"
"""The kind of a tender that stands for a redemption of points."""

NON_EARNING_TENDERS = frozenset({"gift_card", "store_credit", POINTS, "write_off", "credit"})
"""Kinds of tender that bring the merchant no money now, so by default they earn nothing (S0.5, S1.32)."""


def _product_of(line: OrderLine) -> str:
    return line.product


def _kind_of(tender: Tender) -> str:
    return tender.kind


def _earns_by_kind(tender: Tender) -> bool:
    # Another type is refused later; it may not even have a hash.
    return type(tender.kind) is not str or tender.kind not in NON_EARNING_TENDERS


@frozen
class OrderLine:
    """
    One line of an order.

    Args:
        product: the article's identifier.
        unit_price: the price of one unit before discounts, with up to six decimals.
        quantity: whole units, at least 1; goods by weight are one unit at their price.
        id: the line's identifier, unique in the order; the product by default.
        categories: names of the article's categories.
        discount: what is taken off the whole line.
        earns: whether the line can earn money-based points at all; a gift card, for example, does not.
    """

    product: str
    unit_price: Money
    quantity: int = 1
    id: str = field(default=Factory(_product_of, takes_self=True), kw_only=True)
    categories: frozenset[str] = field(default=frozenset(), converter=name_set, kw_only=True)
    discount: Money | None = field(default=None, kw_only=True)
    earns: bool = field(default=True, kw_only=True)

    def __attrs_post_init__(self) -> None:
        check_identifier(self.product, "product")
        check_identifier(self.id, "id")
        check_money(self.unit_price, "unit_price", payable=False)
        check_count(self.quantity, "quantity")
        for category in self.categories:
            check_identifier(category, "categories")
        check_flag(self.earns, "earns")
        if self.discount is not None:
            check_money(self.discount, "discount")
            if self.discount.currency != self.unit_price.currency:
                raise CurrencyMismatch("discount", self.unit_price.currency, self.discount.currency)
            if self.discount.micros > self.unit_price.micros * self.quantity:
                raise InvalidInput("discount", self.discount, "must not exceed the price of the line")

    @property
    def net_micros(self) -> int:
        """
        The price of all units after the line's discount, in micros.
        """
        gross = self.unit_price.micros * self.quantity
        return gross if self.discount is None else gross - self.discount.micros


@frozen
class Tender:
    """
    One means by which an order is paid.

    Args:
        kind: a name such as ``"card"``; the kinds of `NON_EARNING_TENDERS` earn nothing by default.
        amount: what it pays, in whole units of the currency.
        id: unique in the order; the kind by default. Reporting a tender again by its id is the same payment.
        approved: a payment that is not yet approved does not count (S2.6).
        earns: whether what it pays earns points.
    """

    kind: str
    amount: Money
    id: str = field(default=Factory(_kind_of, takes_self=True), kw_only=True)
    approved: bool = field(default=True, kw_only=True)
    earns: bool = field(default=Factory(_earns_by_kind, takes_self=True), kw_only=True)

    def __attrs_post_init__(self) -> None:
        check_identifier(self.kind, "kind")
        check_identifier(self.id, "id")
        check_money(self.amount, "amount")
        check_flag(self.approved, "approved")
        check_flag(self.earns, "earns")


@frozen
class Order:
    """
    An order as it stands: who buys what, where, and what is taken off or added to it.

    Args:
        id: the order's identifier, unique in the account.
        account: the account it belongs to, for good.
        lines: at least one; all in one currency; each with its own id.
        tenders: how it is (to be) paid, as far as known; more can be reported later.
        discount: taken off the whole order, shared by the lines in proportion to their net.
        shipping: what is added to the lines for delivery.
        tax: what is added to the lines as tax.
        channel: the website or shop.
        customer_group: the customer's group.
        cycle: 1, or the next number when the order is processed anew after a cancel (R-29).
    """

    id: str
    account: str
    lines: tuple[OrderLine, ...] = field(converter=as_tuple)
    tenders: tuple[Tender, ...] = field(default=(), converter=as_tuple, kw_only=True)
    discount: Money | None = field(default=None, kw_only=True)
    shipping: Money | None = field(default=None, kw_only=True)
    tax: Money | None = field(default=None, kw_only=True)
    channel: str | None = field(default=None, kw_only=True)
    customer_group: str | None = field(default=None, kw_only=True)
    cycle: int = field(default=1, kw_only=True)

    def __attrs_post_init__(self) -> None:
        check_identifier(self.id, "id")
        check_identifier(self.account, "account")
        for name in ("channel", "customer_group"):
            if getattr(self, name) is not None:
                check_identifier(getattr(self, name), name)
        check_count(self.cycle, "cycle", most=CYCLES_MAX)
        _check_parts(self.lines, "lines", OrderLine)
        _check_parts(self.tenders, "tenders", Tender)
        if not self.lines:
            raise InvalidInput("lines", self.lines, "an order has at least one line")
        self._check_currencies()
        if self.discount is not None and self.discount.micros > sum(line.net_micros for line in self.lines):
            raise InvalidInput("discount", self.discount, "must not exceed the lines' net")

    def _check_currencies(self) -> None:
        currency = self.currency
        for i, line in enumerate(self.lines):
            if line.unit_price.currency != currency:
                raise CurrencyMismatch(f"lines[{i}].unit_price", currency, line.unit_price.currency)
        for i, tender in enumerate(self.tenders):
            if tender.amount.currency != currency:
                raise CurrencyMismatch(f"tenders[{i}].amount", currency, tender.amount.currency)
        for name in ("discount", "shipping", "tax"):
            money = getattr(self, name)
            if money is not None and check_money(money, name).currency != currency:
                raise CurrencyMismatch(name, currency, money.currency)

    @property
    def currency(self) -> str:
        """
        The one currency of the order.
        """
        return self.lines[0].unit_price.currency

    def nets(self, kept: Mapping[str, int]) -> tuple[Exact, ...]:
        """
        Return what the kept units of each line cost after all discounts, in micros, exactly; in order of the lines.

        `kept` gives the units by line id. The order's discount is shared in proportion to the lines' nets.
        """
        nets: list[Exact] = [
            line.net_micros
            if (units := kept[line.id]) == line.quantity
            else Fraction(line.net_micros * units, line.quantity)
            for line in self.lines
        ]
        if self.discount is not None and self.discount.micros:
            total = sum(line.net_micros for line in self.lines)
            paid = Fraction(total - self.discount.micros, total)
            nets = [net * paid for net in nets]
        return tuple(nets)


def _check_parts(parts: tuple[Any, ...], name: str, kind: type[OrderLine | Tender]) -> None:
    """
    Refuse too many parts, parts of another type, and two parts with one id.
    """
    if len(parts) > LINES_MAX:
        raise InvalidInput(name, len(parts), f"must be at most {LINES_MAX}")
    seen: set[str] = set()
    for i, part in enumerate(parts):
        if type(part) is not kind:
            raise InvalidInput(f"{name}[{i}]", part, f"must be an {kind.__name__}")
        if part.id in seen:
            raise InvalidInput(f"{name}[{i}].id", part.id, "names two parts of one order; give them ids")
        seen.add(part.id)
