"""
Plain programs and orders of many shapes, as the naive model takes them, and strategies for them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction

from ...extras import extra
from ..model.plain import Plain

with extra("testing", "hypothesis"):
    from hypothesis import strategies as st

EURO = (Fraction(1), "EUR")
PER_EURO: Plain = {"id": "a", "kind": "per_amount", "points": 1, "per": EURO}
DOUBLE_ON_WEB: Plain = {
    "id": "web",
    "kind": "multiplier",
    "factor": Fraction(2),
    "channels": frozenset({"web"}),
}
HALF_MORE_ON_SWEETS: Plain = {
    "id": "sweets",
    "kind": "multiplier",
    "factor": Fraction(3, 2),
    "categories": frozenset({"sweet"}),
}

RULES: list[list[Plain]] = [
    [PER_EURO],
    [PER_EURO, {"id": "u", "kind": "per_unit", "points": 5, "products": frozenset({"b"}), "expiry": {"days": 3}}],
    [
        PER_EURO | {"points": 10, "per": (Fraction(2), "EUR")},
        {"id": "o", "kind": "per_order", "points": 7, "minimum": (Fraction(20), "EUR")},
    ],
    [
        PER_EURO | {"points": 3, "proportional": True, "rounding": "half_up", "with_shipping": True},
        DOUBLE_ON_WEB,
        HALF_MORE_ON_SWEETS,
    ],
    [
        {"id": "u", "kind": "per_unit", "points": 3, "rounding": "ceil", "pending": {"days": 2}},
        PER_EURO | {"rounding": "half_even", "with_tax": True},
        HALF_MORE_ON_SWEETS,
        {"id": "o", "kind": "per_order", "points": 9, "customer_groups": frozenset({"gold"})},
        {"id": "x", "kind": "multiplier", "factor": Fraction(3), "multiplies": frozenset({"o"})},
    ],
    [
        PER_EURO | {"group": "g", "priority": 1},
        {"id": "u", "kind": "per_unit", "points": 20, "group": "g"},
        {"id": "o", "kind": "per_order", "points": 30, "group": "g", "channels": frozenset({"app"})},
    ],
    [
        PER_EURO | {"valid_from": datetime(2026, 1, 8, 9, tzinfo=UTC), "valid_until": datetime(2026, 2, 1, tzinfo=UTC)},
        PER_EURO | {"id": "late", "points": 2, "valid_from": datetime(2026, 1, 20, tzinfo=UTC)},
        {"id": "u", "kind": "per_unit", "points": 1},
    ],
    [
        PER_EURO | {"group": "g", "verified": True},
        PER_EURO | {"id": "web", "points": 2, "group": "g", "channels": frozenset({"web"})},
        PER_EURO | {"id": "gold", "points": 3, "group": "g", "customer_groups": frozenset({"gold"})},
        {"id": "visit", "kind": "per_action", "action": "visit", "points": 9, "limit": 2},
        {"id": "bring", "kind": "per_action", "action": "bring", "points": 2, "per": EURO, "of_invitee": "first"},
    ],
    [
        PER_EURO | {"pending": {"event": True}, "expiry": {"days": 5}},
        {"id": "visit", "kind": "per_action", "action": "visit", "points": 9, "pending": {"event": True}},
        {"id": "known", "kind": "per_action", "action": "visit", "points": 4, "verified": True, "expiry": {"days": 2}},
        {
            "id": "bring",
            "kind": "per_action",
            "action": "bring",
            "points": 3,
            "per": (Fraction(7), "EUR"),
            "proportional": True,
            "rounding": "half_up",
            "minimum": (Fraction(5), "EUR"),
        },
    ],
]
"""Rules of earning: per amount, unit, order and action, multipliers, groups, own dates, roundings."""

LIMITS: list[Plain] = [
    {},
    {},
    {"threshold": 60},
    {"points_max": 50},
    {"share_max": Fraction(1, 2)},
    {"money_max": (Fraction(5), "EUR")},
    {"step": 20, "points_min": 40},
    {"exact_payoff": True},
    {"exact_payoff": True, "step": 25, "share_max": Fraction(1)},
]
EXPIRY: list[Plain] = [
    {},
    {"days": 10},
    {"days": 4},
    {"idle": 6, "resets": frozenset({"earn", "redeem"})},
    {"days": 20, "idle": 6, "resets": frozenset({"earn"})},
]
CAPS: list[Plain] = [
    {},
    {},
    {},
    {"balance": 320},
    {"per_order": 25},
    {"per_period": {"day": 60, "month": 150}},
    {"balance": 310, "adjustments": True, "restores": True},
]
NOTICES: list[Plain] = [
    {"warn_days": None, "subscribed": False},
    {"warn_days": 2, "subscribed": True},
    {"warn_days": 3, "subscribed": False},
]
RESTORE: list[Plain] = [
    {"lapsed": "expire", "grace_days": 0},
    {"lapsed": "grace", "grace_days": 3},
    {"lapsed": "fresh", "grace_days": 0},
]
RATES: list[list[Plain]] = [
    [{"points": 10, "money": EURO}],
    [{"points": 10, "money": EURO}],
    [{"points": 1, "money": (Fraction(1, 100), "EUR")}, {"points": 5, "money": (Fraction(1), "USD")}],
    [
        {"points": 10, "money": EURO},
        {"points": 5, "money": EURO, "channels": frozenset({"web"})},
        {"points": 20, "money": EURO, "customer_groups": frozenset({"gold"})},
    ],
    [],
]


def programs(id: str) -> st.SearchStrategy[Plain]:
    """
    Return a strategy for plain programs; every policy varies on its own.
    """
    return st.fixed_dictionaries(
        {
            "id": st.just(id),
            "rules": st.sampled_from(RULES),
            "group_choice": st.sampled_from(["best", "first", "most_specific"]),
            "rates": st.sampled_from(RATES),
            "expiry": st.sampled_from(EXPIRY),
            "pending": st.sampled_from([{}, {}, {}, {"days": 3}, {"event": True}]),
            "caps": st.sampled_from(CAPS),
            "notices": st.sampled_from(NOTICES),
            "approval_above": st.sampled_from([None, None, 120]),
            "storefront": st.just(True),
            "timing": st.sampled_from(
                ["on_processed", "on_save", "on_full_payment", "when_all_lines_invoiced_or_cancelled"]
            ),
            "redeeming_orders": st.sampled_from(["earn_nothing", "net_of_points", "full"]),
            "multipliers": st.sampled_from(["add_bonus", "multiply", "max"]),
            "limits": st.sampled_from(LIMITS),
            "returns": st.sampled_from(["manual", "manual", "automatic", "give_back", "take_back"]),
            "shortfall": st.sampled_from(["debt", "clamp", "refuse"]),
            "restore": st.sampled_from(RESTORE),
            "use_order": st.sampled_from(["soonest_expiry", "oldest_first"]),
            "active": st.just(True),
        }
    ).map(with_groups)


def with_groups(plain: Plain) -> Plain:
    """
    Return the program with its choice for the exclusive groups that its rules name.
    """
    named = {rule["group"] for rule in plain["rules"] if rule.get("group")}
    return plain | {"groups": dict.fromkeys(named, plain["group_choice"])}


def cents(least: int, most: int) -> st.SearchStrategy[Fraction]:
    return st.integers(least, most).map(lambda count: Fraction(count, 100))


def documents(order: str, account: str, cycle: int) -> st.SearchStrategy[Plain]:
    """
    Return a strategy for orders of one to three lines in EUR, sometimes with discounts, extras and a first tender.
    """
    line = st.fixed_dictionaries(
        {
            "unit_price": st.sampled_from([Fraction(n, 100) for n in (700, 100, 250, 1999, 5000, 333, 12345)]),
            "quantity": st.integers(1, 3),
            "categories": st.sampled_from([frozenset[str](), frozenset({"sweet"})]),
            "discount": st.sampled_from([Fraction(0), Fraction(0), Fraction(1, 2)]),
            "earns": st.sampled_from([True, True, True, False]),
        }
    )
    tender = st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["card", "gift_card", "points"]),
            "amount": cents(1, 4000),
            "approved": st.booleans(),
        }
    )

    def order_of(parts: tuple[list[Plain], list[Plain], Fraction, Fraction, Fraction, str | None, str | None]) -> Plain:
        lines, tenders, share, shipping, tax, channel, group = parts
        named: list[Plain] = [{"product": name, "id": name, **each} for name, each in zip("abc", lines, strict=False)]
        net: Fraction = sum((each["unit_price"] * each["quantity"] - each["discount"] for each in named), Fraction(0))
        return {
            "id": order,
            "account": account,
            "cycle": cycle,
            "currency": "EUR",
            "lines": named,
            "tenders": [{"id": t["kind"], "earns": t["kind"] == "card", **t} for t in tenders],
            "discount": Fraction(int(net * share * 100), 100),
            "shipping": shipping,
            "tax": tax,
            "channel": channel,
            "customer_group": group,
        }

    return st.tuples(
        st.lists(line, min_size=1, max_size=3),
        st.lists(tender, max_size=1),
        st.sampled_from([Fraction(0), Fraction(0), Fraction(1, 10)]),
        st.sampled_from([Fraction(0), Fraction(495, 100)]),
        st.sampled_from([Fraction(0), Fraction(19, 100)]),
        st.sampled_from([None, "web", "app"]),
        st.sampled_from([None, "gold"]),
    ).map(order_of)
