"""
What the policy check says is true: each kind of finding is held against a ledger that does what the program says.
"""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import product
from random import Random

import pytest
from attrs import evolve
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pointsledger import (
    EarnCaps,
    EarnRule,
    ExchangeRate,
    ExpiryPolicy,
    Ledger,
    Money,
    NoticePolicy,
    Order,
    OrderLine,
    PendingPolicy,
    Program,
    RedemptionLimits,
    RestorePolicy,
)
from pointsledger.errors import BelowThreshold, ShortfallRefused
from pointsledger.reports.policy import PolicyFinding, check_policy
from pointsledger.reports.policy.loops import find_gain
from pointsledger.storage.memory import MemoryStorage
from tests.scenarios.scenario import ANN, BY_HAND, Shop, instant, line, order, taken

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def eur(amount: str) -> Money:
    """
    Return euros.
    """
    return Money(amount, "EUR")


def cents(count: int) -> Money:
    """
    Return euros, given in cents.
    """
    return eur("0.01") * count


def found(program: Program, *codes: str) -> list[PolicyFinding]:
    """
    Return the findings of these codes.
    """
    return [finding for finding in check_policy(program) if finding.code in codes]


# --- what comes back -------------------------------------------------------------------------------------------------

CHANNELS = [(), ("web",), ("web", "app")]
GROUPS = [(), ("vip",), ("vip", "staff")]
PRODUCTS = [(), ("tea",), ("tea", "mug")]
CATEGORIES = [(), (), ("sweet",), ("sweet", "new")]
WINDOWS = [(None, None), (None, None), (None, NOON), (NOON, None), (NOON, NOON + 9 * DAY)]


@st.composite
def scopes(draw: st.DrawFn, *, lines: bool = True) -> dict[str, object]:
    """
    Return how a rule, or with `lines` False a rate, is narrowed.
    """
    start, end = draw(st.sampled_from(WINDOWS))
    scope: dict[str, object] = {
        "channels": draw(st.sampled_from(CHANNELS)),
        "customer_groups": draw(st.sampled_from(GROUPS)),
        "valid_from": start,
        "valid_until": end,
    }
    if lines:
        scope["products"] = draw(st.sampled_from(PRODUCTS))
        scope["categories"] = draw(st.sampled_from(CATEGORIES))
        scope["verified"] = draw(st.sampled_from([False, False, False, True]))
        scope["minimum"] = draw(st.sampled_from([None, None, None, eur("5.00"), eur("20.00")]))
    return scope


@st.composite
def rules(draw: st.DrawFn, id: str, earlier: tuple[str, ...], grouped: bool) -> EarnRule:
    """
    Return a rule of any kind for orders; a multiplier may name earlier rules, and grouped rules are rarely narrowed.
    """
    kinds = ["per_amount", "per_amount", "per_unit", "per_order", *([] if grouped else ["multiplier"])]
    kind = draw(st.sampled_from(kinds))
    scope = draw(st.sampled_from([{}, {}, None]) if grouped else st.none())
    scope = (draw(scopes()) if scope is None else scope) | {"id": id, "priority": draw(st.sampled_from([0, 0, 1, 2]))}
    if kind == "multiplier":
        named = draw(st.sets(st.sampled_from(earlier), max_size=2)) if earlier else ()
        return EarnRule.multiplier(draw(st.sampled_from(["1/2", "3/2", 2, 5, 1])), multiplies=named, **scope)
    scope["group"] = "g" if grouped else draw(st.sampled_from([None, None, "g", "h"]))
    scope["rounding"] = draw(st.sampled_from(["floor", "floor", "half_up", "half_even", "ceil"]))
    points = draw(st.sampled_from([1, 1, 2, 3, 10]))
    if kind != "per_amount":
        return EarnRule.per_unit(points, **scope) if kind == "per_unit" else EarnRule.per_order(points, **scope)
    per = draw(st.sampled_from([eur("1.00"), eur("1.00"), eur("2.00"), eur("0.30"), eur("0.005")]))
    flags = {name: draw(st.sampled_from([False, False, True])) for name in ("proportional", "with_shipping")}
    return EarnRule.per_amount(points, per=per, **flags, **scope)


@st.composite
def rule_sets(draw: st.DrawFn, *, grouped: int = 0) -> list[EarnRule]:
    """
    Return one to five rules for orders, of which the first `grouped` exclude each other.
    """
    made: list[EarnRule] = []
    for n in range(draw(st.integers(max(1, grouped), 5))):
        made.append(draw(rules(f"r{n}", tuple(rule.id for rule in made), n < grouped)))
    return made


@st.composite
def programs(draw: st.DrawFn, made: st.SearchStrategy[list[EarnRule]], *, dear: int = 0) -> Program:
    """
    Return a program with these rules, and rates by scope, caps, limits and dates of every kind; a point pays at least
    `dear` cents at the first rate, which holds everywhere.
    """
    made = draw(made)
    rates = [
        ExchangeRate(draw(st.integers(1, 12)), cents(draw(st.integers(1, 120))), **draw(scopes(lines=False)))
        for _ in range(draw(st.integers(0, 3)))
    ]
    if dear:
        rates.insert(0, ExchangeRate(1, cents(draw(st.integers(dear, 120)))))
    optional = [None, None, None]
    choices = st.sampled_from(["best", "first", "most_specific"])
    return Program(
        id="shop",
        earn_rules=made,
        exchange_rates=rates,
        groups={name: draw(choices) for name in {rule.group for rule in made} - {None}},
        multipliers=draw(st.sampled_from(["add_bonus", "multiply", "max"])),
        expiry=draw(
            st.sampled_from([ExpiryPolicy.never(), ExpiryPolicy.after(days=3), ExpiryPolicy.on(date(2026, 3, 4))])
        ),
        pending=draw(st.sampled_from([PendingPolicy.at_once(), PendingPolicy.at_once(), PendingPolicy.after(days=2)])),
        caps=EarnCaps(
            balance=draw(st.sampled_from([*optional, 8, 60])),
            per_order=draw(st.sampled_from([*optional, 5, 50])),
            per_period=draw(st.sampled_from([{}, {}, {}, {"day": 100}])),
        ),
        limits=RedemptionLimits(
            step=draw(st.sampled_from([1, 1, 4])),
            points_max=draw(st.sampled_from([*optional, 20])),
            points_min=draw(st.sampled_from([1, 1, 6])),
            threshold=draw(st.sampled_from([*optional, 9])),
            money_max=draw(st.sampled_from([*optional, eur("2.00")])),
            exact_payoff=draw(st.sampled_from([False, False, True])),
        ),
        redeeming_orders=draw(st.sampled_from(["earn_nothing", "full"])),
        shortfall=draw(st.sampled_from(["debt", "clamp", "refuse"])),
        active=draw(st.sampled_from([True, True, False])),
        storefront=draw(st.sampled_from([True, True, False])),
    )


@settings(max_examples=100)
@given(programs(rule_sets()))
def test_any_program_can_be_checked(program: Program) -> None:
    """
    The check never fails, gives its findings in the order of the codes, and the same ones again.
    """
    codes = [finding.code for finding in check_policy(program)]
    order_of = [finding.code for finding in sorted(check_policy(program), key=lambda f: f.code)]
    assert sorted(codes) == order_of


def spend_all(ledger: Ledger, program: Program, at: datetime, where: dict[str, str | None]) -> Money:
    """
    Redeem as often as anything can be redeemed, and return what it paid.
    """
    paid = eur("0")
    while True:
        try:
            quote = ledger.quote_redemption(ANN, currency="EUR", at=at, **where)
        except BelowThreshold:
            return paid
        if not quote.points:
            return paid
        receipt = ledger.redeem(ANN, quote.points, currency="EUR", at=at, **where)
        assert receipt.money is not None
        paid += receipt.money


@settings(max_examples=100)
@given(programs(rule_sets(), dear=40))
def test_an_order_that_is_found_really_gains(program: Program) -> None:
    """
    The order that the check shows is bought again and again: its points pay all that was paid, to less than what the
    smallest redemption leaves over; where caps leave room.
    """
    program = evolve(
        program,
        active=True,
        storefront=True,
        caps=evolve(program.caps, per_period={}),
        limits=evolve(program.limits, exact_payoff=False),  # points are redeemed for no order here
    )
    gain = find_gain(program, "EUR")
    assume(gain is not None)
    assert gain is not None
    place = gain.place
    ledger = Ledger(program, MemoryStorage())
    if place.verified:
        ledger.set_profile(ANN, verified=True, at=place.earned_at)
    group = place.customer_group
    spent, paid = eur("0"), eur("0")
    rates = [program.exchange_rates[i] for i in gain.rates]
    usable = program.usable_from(place.earned_at)
    at = max(usable, *(rate.valid_from or usable for rate in rates))
    channels = {channel for rate in rates for channel in rate.channels or (None,)}
    leftover = sum((rate.money * 12 for rate in program.exchange_rates), eur("0"))  # steps of 12 groups at most
    for n in range(30):
        document = evolve(gain.order, id=f"o-{n}", account=ANN)
        ledger.process(document, occurred_at=place.earned_at, at=max(at, ledger.balance(ANN, at=at).at))
        spent += gain.order.lines[0].unit_price
        for channel in channels:
            paid += spend_all(ledger, program, at, {"channel": channel, "customer_group": group})
    assert paid + leftover >= spent


@settings(max_examples=100)
@given(
    points=st.integers(1, 9),
    per=st.integers(1, 100),
    group=st.integers(1, 12),
    worth=st.integers(1, 120),
    proportional=st.booleans(),
    rounding=st.sampled_from(["floor", "half_up", "half_even", "ceil"]),
)
def test_all_that_gains_is_found(
    points: int, per: int, group: int, worth: int, proportional: bool, rounding: str
) -> None:
    """
    With one rule and one rate, an order of 0.01 to 6.00 that gains is found, as whole groups or by its rounding.
    """
    rule = EarnRule.per_amount(points, per=cents(per), proportional=proportional, rounding=rounding)
    program = Program(id="shop", earn_rules=[rule], exchange_rates=[ExchangeRate(group, cents(worth))])
    ledger = Ledger(program, MemoryStorage())
    each = Fraction(worth, group)  # cents a point
    gains = any(
        ledger.quote(Order("1", ANN, [OrderLine("thing", cents(price))])).points * each >= price
        for price in range(1, 601)
    )
    codes = {finding.code for finding in found(program, "earns_more_than_it_costs", "rounding_pays")}
    assert ("earns_more_than_it_costs" in codes) == (Fraction(points, per) * each >= 1)
    assert bool(codes) == gains


# --- rules -----------------------------------------------------------------------------------------------------------


def any_order(chance: Random, id: str) -> tuple[Order, datetime]:
    """
    Return some order of these shops, and when it is made.
    """
    lines = [
        OrderLine(
            name,
            cents(chance.choice([0, 1, 50, 100, 199, 500, 2000, 3333])),
            chance.randint(1, 3),
            categories=[category for category in ("sweet", "new") if chance.random() < 0.5],
            earns=chance.random() < 0.8,
        )
        for name in chance.sample(["tea", "mug", "pot"], chance.randint(1, 3))
    ]
    document = Order(
        id,
        chance.choice(["known", "new"]),
        lines,
        shipping=chance.choice([None, eur("4.90")]),
        channel=chance.choice([None, "web", "app"]),
        customer_group=chance.choice([None, "vip", "staff"]),
    )
    return document, NOON + chance.randint(-3, 12) * DAY


@settings(max_examples=100)
@given(programs(rule_sets(grouped=3)), st.integers(0, 10**9).map(Random))
def test_a_rule_that_never_fires_never_does(program: Program, chance: Random) -> None:
    """
    Whatever is bought, wherever, whenever and by whom, such a rule gives nothing and multiplies nothing.
    """
    program = evolve(program, active=True, storefront=True, caps=EarnCaps())
    idle = {
        program.earn_rules[int(finding.fields[0].split("[")[1].split("]")[0])].id
        for finding in found(program, "rule_never_fires")
    }
    assume(idle)
    ledger = Ledger(program, MemoryStorage())
    ledger.set_profile("known", verified=True, at=NOON - 99 * DAY)
    for n in range(20):
        document, at = any_order(chance, f"o-{n}")
        for rule, outcome in zip(program.earn_rules, ledger.quote(document, at=at).outcomes, strict=True):
            fired = bool(outcome.factors) if rule.kind == "multiplier" else outcome.points > 0
            assert not (fired and rule.id in idle)


@settings(max_examples=100)
@given(st.lists(scopes(lines=False), min_size=2, max_size=4))
def test_a_rate_that_never_counts_never_does(kept: list[dict[str, object]]) -> None:
    """
    Where the check says that the second of two rates never counts, no channel, group and time has it (R-23).
    """
    rates = [ExchangeRate(10 + n, eur("1.00"), **scope) for n, scope in enumerate(kept)]
    program = Program(id="shop", exchange_rates=rates)
    shadowed = {
        rates[int(finding.fields[1].split("[")[1][:-1])].points
        for finding in found(program, "rates_overlap")
        if "never counts" in finding.sentence
    }
    for days in range(-2, 12):
        for channel in (None, "web", "app", "x"):
            for group in (None, "vip", "staff", "x"):
                rate = program.rate("EUR", channel=channel, customer_group=group, at=NOON + days * DAY)
                assert rate is None or rate.points not in shadowed


def test_multipliers_that_cancel_leave_nothing() -> None:
    """
    Half and half add up to nothing, and multiply to a quarter (R-17).
    """
    rules = [EarnRule.per_amount(1, per=eur("1.00"))]
    rules += [EarnRule.multiplier("1/2", id=name) for name in ("a", "b")]
    program = Program(id="shop", earn_rules=rules)
    basket = Order("1", ANN, [OrderLine("mug", eur("100.00"))])
    assert found(program, "multipliers_cancel")
    assert Ledger(program, MemoryStorage()).quote(basket).points == 0
    assert Ledger(evolve(program, multipliers="multiply"), MemoryStorage()).quote(basket).points == 25


# --- limits and caps -------------------------------------------------------------------------------------------------

UNMEETABLE = ("threshold_above_cap", "minimum_above_cap", "limit_below_one_group", "step_not_reachable")


@settings(max_examples=100)
@given(
    limits=st.builds(
        RedemptionLimits,
        threshold=st.sampled_from([None, 10, 30, 60]),
        points_max=st.sampled_from([None, 40, 55]),
        points_min=st.integers(1, 40),
        step=st.integers(1, 25),
        money_max=st.sampled_from([None, None, eur("0.50"), eur("2.00")]),
        exact_payoff=st.booleans(),
    ),
    cap=st.sampled_from([None, 5, 20, 50]),
    group=st.integers(1, 30),
    worth=st.integers(1, 300),
)
def test_what_cannot_be_redeemed(limits: RedemptionLimits, cap: int | None, group: int, worth: int) -> None:
    """
    Nothing can be redeemed, at any balance that can be earned and for any order, exactly where the check says so
    (R-25, S1.14, S1.15).
    """
    rate = ExchangeRate(group, cents(worth))
    program = Program(id="shop", exchange_rates=[rate], limits=limits, caps=EarnCaps(balance=cap))
    ledger = Ledger(program, MemoryStorage())
    ledger.earn(ANN, 1000 if cap is None else cap)
    # Orders that some number of points just pays off, or just does not.
    prices = {worth * 1000} | {points * worth // group + more for points in range(70) for more in (0, 1)}
    try:
        redeemed = any(ledger.quote_redemption(ANN, to_pay=cents(price)).points for price in sorted(prices))
    except BelowThreshold:
        redeemed = False
    assert bool(found(program, *UNMEETABLE)) == (not redeemed)


@settings(max_examples=100)
@given(
    caps=st.fixed_dictionaries(
        {},
        optional={name: st.integers(1, 60) for name in ("day", "week", "month", "quarter", "half_year", "year")},
    ),
    per_order=st.sampled_from([None, 10, 40, 80]),
    earned=st.lists(st.tuples(st.integers(0, 400), st.integers(1, 90)), min_size=1, max_size=12),
)
def test_a_cap_without_effect_has_none(
    caps: dict[str, int], per_order: int | None, earned: list[tuple[int, int]]
) -> None:
    """
    Without a cap that never matters, every order earns what it earns with it (R-19).
    """
    rule = EarnRule.per_amount(1, per=eur("1.00"))
    program = Program(id="shop", earn_rules=[rule], caps=EarnCaps(per_period=caps, per_order=per_order))
    idle = {finding.fields[0].removeprefix("caps.per_period.") for finding in found(program, "has_no_effect")}
    kept = {period: most for period, most in caps.items() if period not in idle}
    without = EarnCaps(per_period=kept, per_order=None if "caps.per_order" in idle else per_order)
    ledgers = [Ledger(each, MemoryStorage()) for each in (program, evolve(program, caps=without))]
    for n, (day, pounds) in enumerate(sorted(earned)):
        document = Order(f"o-{n}", ANN, [OrderLine("mug", eur("1.00") * pounds)])
        first, second = (ledger.process(document, at=NOON + day * DAY).points for ledger in ledgers)
        assert first == second


# --- dates -----------------------------------------------------------------------------------------------------------

POLICIES = [
    ExpiryPolicy.after(days=3),
    ExpiryPolicy.after(days=20),
    ExpiryPolicy.after(rounded_to="week"),
    ExpiryPolicy.after(months=1, rounded_to="month"),
    ExpiryPolicy.on(date(2026, 3, 4)),
    ExpiryPolicy.on(date(2026, 3, 20)),
    ExpiryPolicy.earlier_of(ExpiryPolicy.after(days=3), ExpiryPolicy.on(date(2026, 3, 10))),
    ExpiryPolicy.inactivity(days=10),
    ExpiryPolicy.never(),
]
WAITS = [
    PendingPolicy.at_once(),
    PendingPolicy.after(days=5),
    PendingPolicy.after(days=40),
    PendingPolicy.on(date(2026, 3, 5)),
    PendingPolicy.on(date(2026, 3, 21)),
]
MUG = OrderLine("mug", eur("1.00"))


def test_points_that_lapse_before_they_are_usable() -> None:
    """
    Where the check says so, points are never usable, whenever they were earned; and elsewhere some are (R-20, R-36).
    """
    for expiry, pending, starts in product(POLICIES, WAITS, (None, NOON, NOON + 15 * DAY)):
        rule = EarnRule.per_unit(10, valid_from=starts)
        program = Program(id="shop", earn_rules=[rule], expiry=expiry, pending=pending)
        begin, usable = starts or NOON - 60 * DAY, False
        for days in range(0, 80, 8):
            ledger = Ledger(program, MemoryStorage())
            at = begin + days * DAY
            assert ledger.process(Order("1", ANN, [MUG]), at=at).points == 10
            usable |= any(ledger.balance(ANN, at=at + later * DAY).available for later in range(0, 120, 2))
        assert bool(found(program, "lapses_before_usable")) != usable, (expiry, pending, starts)


def test_a_warning_that_is_never_due_never_is() -> None:
    """
    Where the check says so, nobody is ever warned of points that the program dates; elsewhere some are (R-42, S1.28).
    """
    for expiry, warn_days in product(POLICIES, (2, 3, 4, 7, 20, 21, 61, 62)):
        notices = NoticePolicy(warn_days=warn_days, subscribed=True)
        program = Program(id="shop", earn_rules=[EarnRule.per_unit(10)], expiry=expiry, notices=notices)
        starts = [datetime(2026, month, day, 12, tzinfo=UTC) for month in range(1, 9) for day in (1, 17)]
        warned = any(is_warned(program, start) for start in starts)
        assert bool(found(program, "warning_never_due")) != warned, (expiry, warn_days)


def is_warned(program: Program, earned_at: datetime) -> bool:
    """
    Whether who earns then, and again every sixth day for two months, is ever warned.
    """
    ledger = Ledger(program, MemoryStorage())
    for days in range(75):
        at = earned_at + days * DAY
        if any(notice.kind == "expiry_warning" for notice in ledger.notices(ANN, at=at)):
            return True
        if days % 6 == 0 and days <= 60:
            ledger.process(Order(f"o-{days}", ANN, [MUG]), at=at)
    return False


def test_only_redeeming_keeps_alive_what_cannot_be_redeemed() -> None:
    """
    Points that nobody can redeem lapse although orders go on (R-36).
    """
    idle = ExpiryPolicy.inactivity(days=9, resets=["redeem"])
    program = Program(
        id="shop", earn_rules=[EarnRule.per_unit(10)], expiry=idle, limits=RedemptionLimits(step=7, points_max=6)
    )
    assert found(program, "resets_never_happen")
    shop = Shop(MemoryStorage(), program)
    for day in ("2024-03-01", "2024-03-05", "2024-03-09"):
        shop.on(day).process(order(day, line("mug", "5.00")))
    shop.on("2024-03-11")
    assert shop.balance() == "nothing"


# --- misuse ----------------------------------------------------------------------------------------------------------

SOUND = Program(
    id="shop",
    earn_rules=[EarnRule.per_amount(1, per=Money("1.00", "GBP"))],
    exchange_rates=[ExchangeRate(10, Money("1.00", "GBP"))],
    expiry=ExpiryPolicy.after(days=10),
)
BASKET = order("o-1", line("mug", "100.00"))


def test_spent_points_are_kept() -> None:
    """
    100 points are spent at once, the order comes back, and nothing is owed (R-32).
    """
    program = evolve(SOUND, shortfall="clamp")
    assert found(program, "spent_points_are_kept")
    shop = Shop(MemoryStorage(), program)
    shop.ledger.process(BASKET)
    assert str(shop.ledger.redeem(ANN, 100, order="o-2").money) == "10.00 GBP"
    shop.ledger.cancel("o-1", account=ANN)
    assert shop.balance() == "nothing"


@pytest.mark.parametrize("restore", [RestorePolicy(lapsed="fresh"), RestorePolicy(lapsed="grace", grace_days=12)])
def test_cancelling_renews(restore: RestorePolicy) -> None:
    """
    Points that were paid with and given back outlive their date again and again (R-34).
    """
    program = evolve(SOUND, restore=restore)
    assert found(program, "cancelling_renews")
    shop = Shop(MemoryStorage(), program)
    shop.ledger.process(BASKET)
    for n, (paid, cancelled) in enumerate([("2024-03-10", "2024-03-15"), ("2024-03-24", "2024-03-29")]):
        shop.on(paid).redeem(ANN, 100, order=f"p-{n}")
        shop.on(cancelled).cancel(f"p-{n}", account=ANN)
    assert shop.balance() == "100 available"


@pytest.mark.parametrize("returns", ["automatic", "take_back"])
def test_a_return_is_refused(returns: str) -> None:
    """
    The goods are back, the points are spent, and the ledger takes no report of it (R-32).
    """
    program = evolve(SOUND, shortfall="refuse", returns=returns)
    assert found(program, "return_can_be_refused")
    shop = Shop(MemoryStorage(), program)
    shop.ledger.process(BASKET)
    shop.ledger.redeem(ANN, 100, order="o-2")
    with pytest.raises(ShortfallRefused):
        shop.ledger.return_lines("o-1", "r-1", {"mug": 1}, account=ANN)


def test_what_is_paid_with_points_earns_again() -> None:
    """
    With `full`, 100.00 that points pay in part earn as 100.00 do (R-18).
    """
    program = evolve(SOUND, redeeming_orders="full")
    assert found(program, "paid_with_points_earns_again")
    shop = Shop(MemoryStorage(), program)
    shop.ledger.adjust(ANN, 1000, **BY_HAND)
    shop.ledger.redeem(ANN, 1000, order="o-1", to_pay=Money("100.00", "GBP"))
    assert taken(shop.ledger.process(BASKET)) == ["earned +100"]


def test_an_act_gives_its_amount() -> None:
    """
    What one account spends, the other gets back in points (S3.17).
    """
    referral = EarnRule.per_action(10, action="referral", per=Money("1.00", "GBP"))
    program = evolve(SOUND, earn_rules=[referral])
    assert found(program, "act_gives_its_amount")
    shop = Shop(MemoryStorage(), program)
    shop.ledger.act(ANN, "referral", subject="o-1", invitee="her-other-account", amount=Money("25.00", "GBP"))
    assert shop.ledger.redeem(ANN, 250).money == Money("25.00", "GBP")
    assert shop.now == instant("2024-03-01")
