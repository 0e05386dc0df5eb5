"""
From the plain dicts of the naive model to the values of the package, and entries back again.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from attrs import astuple

from ...domain import commands
from ...domain.caps import EarnCaps
from ...domain.entries import Entry
from ...domain.expiry import ExpiryPolicy, PendingPolicy
from ...domain.lots import Lot
from ...domain.money import Money
from ...domain.notice import Notice
from ...domain.orders import Order, OrderLine, Tender
from ...domain.program import NoticePolicy, Program, RedemptionLimits, RestorePolicy
from ...domain.rates import ExchangeRate
from ...domain.rules import EarnRule
from ..model.plain import Plain


def money(amount: Any, currency: str) -> Money:
    """
    Return the money of a fraction that has at most six decimals.
    """
    return Money(Decimal(amount.numerator) / Decimal(amount.denominator), currency)


def expiry(policy: Plain) -> ExpiryPolicy:
    parts: list[ExpiryPolicy] = []
    if "days" in policy:
        parts.append(ExpiryPolicy.after(days=policy["days"]))
    if "idle" in policy:
        parts.append(ExpiryPolicy.inactivity(days=policy["idle"], resets=policy["resets"]))
    if len(parts) == 2:
        return ExpiryPolicy.earlier_of(*parts)
    return parts[0] if parts else ExpiryPolicy.never()


def pending(policy: Plain) -> PendingPolicy:
    if "event" in policy:
        return PendingPolicy.until_event()
    return PendingPolicy.after(days=policy["days"]) if policy else PendingPolicy.at_once()


def rule(plain: Plain) -> EarnRule:
    fields = dict(plain)
    for name in ("per", "minimum"):
        if fields.get(name):
            fields[name] = money(*fields[name])
    if fields.get("expiry") is not None:
        fields["expiry"] = expiry(fields["expiry"])
    if fields.get("pending") is not None:
        fields["pending"] = pending(fields["pending"])
    return EarnRule(**fields)


def program(plain: Plain) -> Program:
    limits = dict(plain["limits"])
    if "money_max" in limits:
        limits["money_max"] = money(*limits["money_max"])
    return Program(
        id=plain["id"],
        earn_rules=[rule(each) for each in plain["rules"]],
        exchange_rates=[ExchangeRate(**(each | {"money": money(*each["money"])})) for each in plain["rates"]],
        caps=EarnCaps(**plain["caps"]),
        notices=NoticePolicy(**plain["notices"]),
        expiry=expiry(plain["expiry"]),
        pending=pending(plain["pending"]),
        limits=RedemptionLimits(**limits),
        restore=RestorePolicy(**plain["restore"]),
        **{
            name: plain[name]
            for name in (
                "timing",
                "redeeming_orders",
                "multipliers",
                "groups",
                "returns",
                "shortfall",
                "use_order",
                "active",
                "approval_above",
                "storefront",
            )
        },
    )


def tender(plain: Plain, currency: str) -> Tender:
    fields = {name: value for name, value in plain.items() if name != "currency"}
    fields["amount"] = money(plain["amount"], currency)
    return Tender(**fields)


def document(plain: Plain) -> Order:
    currency = plain["currency"]
    lines = [
        OrderLine(
            **(
                line
                | {"unit_price": money(line["unit_price"], currency), "discount": money(line["discount"], currency)}
            )
        )
        for line in plain["lines"]
    ]
    return Order(
        plain["id"],
        plain["account"],
        lines,
        tenders=[tender(each, currency) for each in plain["tenders"]],
        discount=money(plain["discount"], currency),
        shipping=money(plain["shipping"], currency),
        tax=money(plain["tax"], currency),
        channel=plain["channel"],
        customer_group=plain["customer_group"],
        cycle=plain["cycle"],
    )


def command(plain: Plain, key: str | None, now: Any) -> commands.Command:
    """
    Return the command that a plain one describes; persons decide as `clerk`, because of `test`.
    """
    fields = dict(plain)
    kind = commands.COMMANDS[fields.pop("command")]
    if "document" in fields:
        fields["document"] = document(fields["document"])
    if kind is commands.Pay:
        fields["tender"] = tender(fields["tender"], fields["tender"]["currency"])
    for name in ("to_pay", "eligible", "amount"):
        if fields.get(name):
            fields[name] = money(*fields[name])
    who: Plain = {"actor": None if fields.pop("anonymous", False) else "clerk", "reason": "test"}
    return kind(key=key, at=now, **(who | fields))


def plain_lot(lot: Lot) -> Plain:
    return {
        "id": lot.id,
        "points": lot.points,
        "remaining": lot.remaining,
        "expired": lot.expired,
        "held": lot.held,
        "follows": lot.follows,
        "earned_at": lot.earned_at,
        "available_at": lot.available_at,
        "expires_at": lot.expires_at,
    }


def plain_entry(entry: Entry) -> Plain:
    """
    Return what the naive model says of an entry, as the package says it.
    """
    return {
        "sequence": entry.sequence,
        "kind": entry.kind,
        "points": entry.points,
        "balance_after": entry.balance_after,
        "debt": entry.debt,
        "allocations": [tuple(part) for part in entry.allocations],
        "opened": plain_lot(entry.opened) if entry.opened else None,
        "reverses": entry.reverses,
        "claimed": entry.claimed,
        "shortfall": entry.shortfall,
        "money": str(entry.money) if entry.money else None,
        "lapses_at": entry.lapses_at,
        "occurred_at": entry.occurred_at,
        "recorded_at": entry.recorded_at,
        "withheld": entry.withheld,
        "rule": entry.rule,
        "dates": astuple(entry.dates) if entry.dates else None,
    }


def plain_notice(notice: Notice) -> tuple[str, int, Any]:
    """
    Return what the naive model says of a notice.
    """
    return notice.kind, notice.points, notice.expires_at or notice.balance
