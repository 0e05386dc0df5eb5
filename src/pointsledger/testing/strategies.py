"""
Strategies for Hypothesis: money, orders, programs, commands, and histories of commands.

What they draw is always a valid value; whether a ledger accepts a command depends on what came before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from attrs import evolve

from ..domain import commands as asked
from ..domain.caps import EarnCaps
from ..domain.commands import Command
from ..domain.expiry import ExpiryPolicy, PendingPolicy
from ..domain.money import Money
from ..domain.orders import Order, OrderLine, Tender
from ..domain.program import NoticePolicy, Program, RedemptionLimits, RestorePolicy
from ..domain.rates import ExchangeRate
from ..domain.rules import EarnRule
from ..extras import extra
from .clock import START

with extra("testing", "hypothesis"):
    from hypothesis import strategies as st
    from hypothesis.strategies import SearchStrategy

CURRENCY = "EUR"
_BY_HAND = {"actor": "clerk", "reason": "drawn"}
_PRODUCTS = ("coffee", "mug", "voucher")


def money(currency: str = CURRENCY, *, least: int = 0, most: int = 100_000) -> SearchStrategy[Money]:
    """
    Draw money from `least` to `most` hundredths of a currency, which has two decimals.
    """
    return st.integers(least, most).map(lambda cents: Money(Decimal(cents).scaleb(-2), currency))


# --- orders ------------------------------------------------------------------------------------------------------


def _lines() -> SearchStrategy[list[OrderLine]]:
    def line(product: str, price: Money, quantity: int, sale: bool, gift: bool) -> OrderLine:  # noqa: FBT001
        categories = {"sale"} if sale else frozenset[str]()
        return OrderLine(product, price, quantity, categories=categories, earns=not gift)

    one = st.builds(
        line, st.sampled_from(_PRODUCTS), money(most=20_000), st.integers(1, 3), st.booleans(), st.booleans()
    )
    return st.lists(one, min_size=1, max_size=3, unique_by=lambda each: each.id)


def orders(*, id: str | None = None, account: str | None = None) -> SearchStrategy[Order]:
    """
    Draw an order of one to three lines in EUR, sometimes with a discount, shipping, tax, channel and customer group.

    Args:
        id, account: those of every order drawn; None: one of a few.
    """

    def discounted(order: Order, share: Fraction) -> Order:
        whole = sum(line.net_micros for line in order.lines) // 10_000
        cents = Decimal(int(whole * share))
        return evolve(order, discount=Money(cents.scaleb(-2), CURRENCY)) if cents else order

    whole = st.builds(
        Order,
        st.sampled_from(["1001", "1002", "1003"]) if id is None else st.just(id),
        st.sampled_from(["ann", "bob"]) if account is None else st.just(account),
        _lines(),
        shipping=st.none() | money(least=1, most=900),
        tax=st.none() | money(least=1, most=900),
        channel=st.sampled_from([None, "web", "app"]),
        customer_group=st.sampled_from([None, "gold"]),
    )
    return st.builds(discounted, whole, st.sampled_from([Fraction(0), Fraction(0), Fraction(1, 10)]))


# --- programs ----------------------------------------------------------------------------------------------------


def _earn_rules() -> SearchStrategy[list[EarnRule]]:
    roundings = st.sampled_from(["floor", "ceil", "half_up", "half_even"])
    own_expiry = st.none() | st.just(ExpiryPolicy.after(days=5))
    euro = Money("1.00", CURRENCY)
    rules: list[SearchStrategy[EarnRule]] = [
        st.builds(
            EarnRule.per_amount,
            st.integers(1, 10),
            per=money(least=50, most=500),
            proportional=st.booleans(),
            rounding=roundings,
            with_shipping=st.booleans(),
            with_tax=st.booleans(),
            expiry=own_expiry,
        ),
        st.builds(EarnRule.per_unit, st.integers(1, 50), products=st.just(["mug"]), expiry=own_expiry),
        st.builds(EarnRule.per_order, st.integers(1, 50), minimum=st.none() | money(least=1, most=5000)),
        st.builds(EarnRule.multiplier, st.sampled_from(["2", "1.5", "3"]), categories=st.just(["sale"])),
        st.builds(EarnRule.per_action, st.integers(1, 50), action=st.just("visit"), limit=st.none() | st.just(2)),
        st.builds(EarnRule.per_action, st.integers(1, 5), action=st.just("bring"), per=st.just(euro)),
    ]
    return st.lists(st.one_of(rules), max_size=4, unique_by=lambda rule: rule.id)


def _days(build: Callable[..., Any]) -> SearchStrategy[Any]:
    return st.integers(1, 40).map(lambda days: build(days=days))


def programs(*, id: str = "shop") -> SearchStrategy[Program]:
    """
    Draw a program in EUR, each policy on its own; every one is valid, and not every one is wise.

    Args:
        id: that of every program drawn.
    """
    idle = st.integers(1, 40).map(lambda days: ExpiryPolicy.inactivity(days=days))
    grace = st.integers(1, 9).map(lambda days: RestorePolicy(lapsed="grace", grace_days=days))
    limits = [RedemptionLimits(threshold=60), RedemptionLimits(share_max=Fraction(1, 2)), RedemptionLimits(step=20)]
    caps = [EarnCaps(balance=320), EarnCaps(per_order=25), EarnCaps(per_period={"day": 60, "month": 150})]
    return st.builds(
        Program,
        id=st.just(id),
        timezone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]),
        earn_rules=_earn_rules(),
        exchange_rates=st.sampled_from([[], [ExchangeRate(points=10, money=Money("1.00", CURRENCY))]]),
        expiry=st.just(ExpiryPolicy.never()) | _days(ExpiryPolicy.after) | idle,
        pending=st.just(PendingPolicy.at_once()) | _days(PendingPolicy.after) | st.just(PendingPolicy.until_event()),
        timing=st.sampled_from(["on_processed", "on_save", "on_full_payment", "when_all_lines_invoiced_or_cancelled"]),
        redeeming_orders=st.sampled_from(["earn_nothing", "net_of_points", "full"]),
        multipliers=st.sampled_from(["add_bonus", "multiply", "max"]),
        caps=st.sampled_from([EarnCaps(), *caps]),
        limits=st.sampled_from([RedemptionLimits(), *limits]),
        returns=st.sampled_from(["manual", "automatic", "give_back", "take_back"]),
        shortfall=st.sampled_from(["debt", "clamp", "refuse"]),
        restore=st.sampled_from([RestorePolicy(), RestorePolicy(lapsed="fresh")]) | grace,
        use_order=st.sampled_from(["soonest_expiry", "oldest_first"]),
        approval_above=st.sampled_from([None, None, 120]),
        notices=st.sampled_from([NoticePolicy(), NoticePolicy(warn_days=3, subscribed=True)]),
    )


# --- commands ----------------------------------------------------------------------------------------------------


def _of_points(account: str) -> list[SearchStrategy[Command]]:
    points, entries = st.integers(1, 300), st.integers(1, 12)
    of: dict[str, Any] = {"account": st.just(account)}
    by_hand = of | {name: st.just(text) for name, text in _BY_HAND.items()}
    subjects = st.sampled_from(["monday", "tuesday"])
    return [
        st.builds(asked.Earn, **of, points=points),
        st.builds(asked.Adjust, **by_hand, points=points),
        st.builds(asked.Adjust, **by_hand, points=points.map(lambda count: -count), allow_debt=st.booleans()),
        st.builds(asked.SetBalance, **by_hand, points=st.integers(0, 300)),
        st.builds(asked.Forgive, **by_hand, points=st.integers(1, 20)),
        st.builds(asked.Reverse, **by_hand, entry=entries, points=st.none() | st.integers(1, 20)),
        st.builds(asked.Redeem, **of, points=points),
        st.builds(asked.Act, **of, action=st.just("visit"), subject=subjects),
        st.builds(asked.Act, **of, action=st.just("bring"), subject=subjects, amount=money()),
        st.builds(asked.Comment, **by_hand, entry=st.none() | entries, comment=st.just("drawn")),
        st.builds(asked.Expire, **of),
        st.builds(asked.TakeNotices, **of),
        st.builds(asked.Redate, **by_hand),
        st.builds(asked.Close, **by_hand),
        st.builds(asked.Reopen, **by_hand),
    ]


def _of_the_desk(account: str) -> list[SearchStrategy[Command]]:
    """
    Draw what names an entry or a lot, mostly one of the first, and what is known of the holder.
    """
    of: dict[str, Any] = {"account": st.just(account)}
    by_hand = of | {name: st.just(text) for name, text in _BY_HAND.items()}
    by_another = by_hand | {"actor": st.sampled_from(["chief", "clerk"])}
    entries = st.integers(1, 12)
    until = st.none() | st.integers(1, 90).map(lambda days: START + timedelta(days=days))
    wishes = st.none() | st.booleans()
    return [
        st.builds(asked.Approve, **by_another, entry=entries),
        st.builds(asked.Decline, **by_another, entry=entries),
        st.builds(asked.ActivateLot, **of, lot=entries),
        st.builds(asked.Extend, **by_hand, lot=entries, expires_at=until),
        st.builds(asked.Reinstate, **by_hand, lot=entries, points=st.none() | st.integers(1, 20), expires_at=until),
        st.builds(asked.Assign, **of, lot=entries, responsible=st.just("desk")),
        st.builds(asked.SetProfile, **of, holder=st.just("person"), balance_updates=wishes, expiry_warnings=wishes),
        st.builds(asked.SetProfile, **of, verified=st.just(True)),  # noqa: FBT003 - it is a value that is drawn
    ]


def _of_orders(account: str) -> list[SearchStrategy[Command]]:
    ids = st.sampled_from(["1001", "1002", "1003"])
    of: dict[str, Any] = {"account": st.just(account), "order": ids}
    documents = orders(account=account)
    tenders = st.builds(Tender, st.sampled_from(["card", "gift_card"]), money(least=1), approved=st.booleans())
    changes = st.sampled_from(["c1", "c2"])
    by_hand = of | {name: st.just(text) for name, text in _BY_HAND.items()}
    lines = st.dictionaries(st.sampled_from(_PRODUCTS), st.integers(1, 2), min_size=1, max_size=2)
    figures = st.integers(0, 20)
    decided = {"take_back": figures, "give_back": figures, "proposed_take_back": figures, "proposed_give_back": figures}
    return [
        documents.map(lambda order: asked.Place(account=account, order=order.id, document=order)),
        documents.map(lambda order: asked.Process(account=account, order=order.id, document=order)),
        st.builds(asked.Pay, **of, tender=tenders),
        st.builds(asked.ApprovePayment, **of, tender=st.sampled_from(["card", "gift_card"])),
        st.builds(asked.Invoice, **of, id=changes, lines=lines),
        st.builds(asked.CancelLines, **of, id=changes, lines=lines),
        st.builds(asked.ReturnLines, **of, id=changes, lines=lines),
        st.builds(asked.DecideReturn, **by_hand, return_id=changes, **decided),
        st.builds(asked.Activate, **of),
        st.builds(asked.Redeem, **of, points=st.integers(1, 300), to_pay=st.none() | money(least=1)),
        st.builds(asked.Hold, **of, points=st.integers(1, 300), until=st.just(START + timedelta(days=30))),
        st.builds(asked.Capture, **of, points=st.none() | st.integers(1, 300)),
        st.builds(asked.Release, **of),
        st.builds(asked.Cancel, **of),
    ]


def commands(accounts: Sequence[str] = ("ann", "bob")) -> SearchStrategy[Command]:
    """
    Draw a command of any kind on one of a few accounts; it has neither a key nor a now.
    """
    parts = (_of_points, _of_the_desk, _of_orders)
    return st.one_of([drawn for account in accounts for part in parts for drawn in part(account)])


def histories(
    accounts: Sequence[str] = ("ann", "bob"), *, start: datetime = START, min_size: int = 0, max_size: int = 40
) -> SearchStrategy[list[Command]]:
    """
    Draw a list of commands, each with a key of its own and its now, from `start` on and never backwards.

    Hand them to `Ledger.apply` in order; some are refused. Hypothesis draws few more than `min_size`.
    """
    steps = st.tuples(commands(accounts), st.sampled_from([0, 1, 60, 1440, 3 * 1440, 30 * 1440]))

    def timed(drawn: list[tuple[Command, int]]) -> list[Command]:
        now, told = start, list[Command]()
        for number, (command, minutes) in enumerate(drawn, 1):
            now += timedelta(minutes=minutes)
            told.append(evolve(command, key=f"key-{number}", at=now))
        return told

    return st.lists(steps, min_size=min_size, max_size=max_size).map(timed)
