"""
Laws: what must be equal to what, for all programs, orders, partitions, orders of arrival and clocks.

Each law tells two ledgers the same story in two ways and compares how it ends, or tells one ledger a story and its
opposite. Every law holds on both storages.
"""

# ruff: noqa: D103 - the names say what they are

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import Any

import pytest
from attrs import evolve
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from pointsledger import (
    EarnRule,
    Entry,
    ExchangeRate,
    ExpiryPolicy,
    Ledger,
    Money,
    Order,
    OrderLine,
    PendingPolicy,
    Program,
    Tender,
    commands,
)
from pointsledger.domain.account import Account, rebuild
from pointsledger.domain.reads import LotsNamed, Reading, read_lots
from pointsledger.errors import Refused
from pointsledger.port import Storage
from pointsledger.reports.verify import verify
from pointsledger.storage.memory import MemoryStorage
from pointsledger.storage.sqlite import SQLiteStorage
from pointsledger.testing.stories import translation
from pointsledger.testing.stories.books import check_books
from pointsledger.testing.stories.lockstep import figures, stored_account
from pointsledger.testing.stories.shapes import documents, programs

ANN = "ann"
BY_HAND = {"actor": "eve", "reason": "law"}
START = datetime(2026, 1, 5, 12, tzinfo=UTC)
DAY = timedelta(days=1)

Open = Callable[[], Storage]
on_both_storages = pytest.mark.parametrize(
    "opened", [MemoryStorage, lambda: SQLiteStorage(":memory:")], ids=["memory", "sqlite"]
)
law = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def eur(amount: str | Fraction) -> Money:
    return Money(amount, "EUR") if isinstance(amount, str) else translation.money(amount, "EUR")


PROGRAM = Program(
    id="p",
    earn_rules=[EarnRule.per_amount(1, per=eur("1.00"))],
    exchange_rates=[ExchangeRate(10, eur("1.00"))],
    expiry=ExpiryPolicy.after(days=30),
)


def order(id: str, *prices: str, quantity: int = 1, **details: Any) -> Order:
    lines = [OrderLine(f"line-{n}", eur(price), quantity) for n, price in enumerate(prices)]
    return Order(id, ANN, lines, **details)


def end(ledger: Ledger, at: datetime) -> tuple[dict[str, int], list[Any]]:
    """
    Return how a story ended: what is available, pending and owed, and what is left of which dates.
    """
    balance = ledger.balance(ANN, at=at)
    figures = {name: getattr(balance, name) for name in ("available", "pending", "debt")}
    lots = [(lot.remaining, lot.available_at, lot.expires_at) for lot in ledger.lots(ANN, at=at)]
    return figures, sorted(lots, key=str)


def net_earned(ledger: Ledger, name: str) -> int:
    """
    Return what an order has earned, less what was taken back.
    """
    entries = ledger.entries(ANN, limit=10_000)
    earned = {e.sequence for e in entries if e.kind == "earned" and e.order == name}
    points = sum(e.points for e in entries if e.sequence in earned)
    return points - sum(e.claimed for e in entries if e.reverses in earned)


def told(opened: Open, program: Program, story: Callable[[Ledger], None], at: datetime) -> tuple[Any, ...]:
    """
    Tell a story to a new ledger, check its books, and return how it ended.
    """
    with closing(opened()) as storage:
        ledger = Ledger(program, storage, clock=lambda: START)
        story(ledger)
        check_books(list(ledger.entries(ANN, limit=10_000)))
        assert not verify(storage, program.id).findings
        return end(ledger, at)


parts_of = st.lists(st.integers(1, 40), min_size=1, max_size=5)
"""A partition of its own sum."""
funds = st.lists(st.integers(1, 120), min_size=1, max_size=4)


def fund(ledger: Ledger, credits: list[int]) -> None:
    """
    Open lots that lapse on different days.
    """
    for n, points in enumerate(credits):
        ledger.adjust(ANN, points, at=START, expires_at=START + (10 + 7 * n % 5) * DAY, **BY_HAND)


# --- round trips (I-10) ----------------------------------------------------------------------------------------


@on_both_storages
@law
@given(credits=funds, cycles=st.integers(1, 4), price=st.integers(1, 200), pending=st.booleans())
def test_earn_and_cancel(opened: Open, credits: list[int], cycles: int, price: int, pending: bool) -> None:
    """
    An order that is processed and cancelled leaves every bucket and lot as it was, for any number of cycles (I-10).
    """
    waits = PendingPolicy.after(days=3) if pending else PendingPolicy.at_once()
    with closing(opened()) as storage:
        ledger = Ledger(evolve(PROGRAM, pending=waits), storage)
        fund(ledger, credits)
        before = end(ledger, START)
        for cycle in range(1, cycles + 1):
            ledger.process(order("o", f"{price}.00", cycle=cycle), at=START)
            assert net_earned(ledger, "o") == price
            ledger.cancel("o", account=ANN, cycle=cycle, at=START)
            assert end(ledger, START) == before
            assert net_earned(ledger, "o") == 0


@on_both_storages
@law
@given(credits=funds, cycles=st.integers(1, 4), data=st.data())
def test_redeem_and_cancel(opened: Open, credits: list[int], cycles: int, data: st.DataObject) -> None:
    """
    Points that are redeemed for an order and restored by its cancel are in their lots again, however often (I-10).
    """
    assume(sum(credits) >= 10)
    with closing(opened()) as storage:
        ledger = Ledger(PROGRAM, storage)
        fund(ledger, credits)
        before = end(ledger, START)
        for cycle in range(1, cycles + 1):
            points = 10 * data.draw(st.integers(1, sum(credits) // 10))
            ledger.redeem(ANN, points, order="o", cycle=cycle, at=START)
            ledger.cancel("o", account=ANN, cycle=cycle, at=START)
            assert end(ledger, START) == before


# --- partitions (I-11, R-14, R-35) -----------------------------------------------------------------------------


@on_both_storages
@law
@given(
    parts=parts_of,
    others=funds,
    spent=st.integers(0, 150),
    shortfall=st.sampled_from(["debt", "clamp"]),
    use_order=st.sampled_from(["soonest_expiry", "oldest_first"]),
)
def test_reversing_an_earn_in_parts(
    opened: Open, parts: list[int], others: list[int], spent: int, shortfall: Any, use_order: Any
) -> None:
    """
    Taking back an earn in parts ends where taking it back at once does, spent or not (I-11, R-32, R-35).
    """
    program = evolve(PROGRAM, shortfall=shortfall, use_order=use_order)

    def story(amounts: list[int]) -> Callable[[Ledger], None]:
        def tell(ledger: Ledger) -> None:
            ledger.earn(ANN, sum(parts), at=START)
            fund(ledger, others)
            used = min(spent, sum(parts) + sum(others))
            if used:
                ledger.adjust(ANN, -used, at=START, **BY_HAND)
            for points in amounts:
                ledger.reverse(ANN, 1, points, at=START, **BY_HAND)

        return tell

    assert told(opened, program, story(parts), START) == told(opened, program, story([sum(parts)]), START)


@on_both_storages
@law
@given(parts=parts_of, credits=funds, days=st.integers(0, 20), lapsed=st.sampled_from(["expire", "grace", "fresh"]))
def test_restoring_a_debit_in_parts(opened: Open, parts: list[int], credits: list[int], days: int, lapsed: Any) -> None:
    """
    Giving back a debit in parts ends where giving it back at once does, lapsed lots and debt included (I-11, R-34).
    """
    restore = evolve(PROGRAM.restore, lapsed=lapsed, grace_days=4 if lapsed == "grace" else 0)
    later = START + days * DAY

    def story(amounts: list[int]) -> Callable[[Ledger], None]:
        def tell(ledger: Ledger) -> None:
            fund(ledger, credits)
            debit = ledger.adjust(ANN, -sum(parts), allow_debt=True, at=START, **BY_HAND).entries[-1]
            for points in amounts:
                ledger.reverse(ANN, debit.sequence, points, at=later, **BY_HAND)

        return tell

    program = evolve(PROGRAM, restore=restore)
    split, whole = (told(opened, program, story(amounts), later) for amounts in (parts, [sum(parts)]))
    # New lots of the same dates may be several; what counts is how many points have which dates.
    assert (split[0], by_dates(split[1])) == (whole[0], by_dates(whole[1]))


def by_dates(lots: list[Any]) -> dict[Any, int]:
    found: dict[Any, int] = {}
    for remaining, available_at, expires_at in lots:
        found[available_at, expires_at] = found.get((available_at, expires_at), 0) + remaining
    return found


@on_both_storages
@law
@given(
    quantity=st.integers(1, 6),
    prices=st.lists(st.sampled_from(["3.33", "7.00", "19.99", "0.10"]), min_size=1, max_size=3),
    discount=st.sampled_from([None, eur("0.09")]),
    redeemed=st.integers(0, 9),
    kind=st.sampled_from(["return_lines", "cancel_lines"]),
    data=st.data(),
)
def test_units_come_back_in_parts(
    opened: Open,
    quantity: int,
    prices: list[str],
    discount: Money | None,
    redeemed: int,
    kind: str,
    data: st.DataObject,
) -> None:
    """
    Returning or cancelling units piece by piece, in any order, ends where doing it at once does (R-14, I-11).
    """
    program = evolve(
        PROGRAM, returns="automatic", redeeming_orders=data.draw(st.sampled_from(["full", "net_of_points"]))
    )
    document = order("o", *prices, quantity=quantity, discount=discount)
    pieces = data.draw(st.lists(st.sampled_from(document.lines), min_size=1, max_size=quantity))
    pieces = [line for n, line in enumerate(pieces) if pieces[:n].count(line) < quantity]

    def story(documents: list[dict[str, int]]) -> Callable[[Ledger], None]:
        def tell(ledger: Ledger) -> None:
            fund(ledger, [100])
            ledger.process(document, at=START)
            if redeemed:
                ledger.redeem(ANN, 10 * redeemed, order="o", to_pay=eur("1000.00"), at=START)
            for n, lines in enumerate(documents):
                getattr(ledger, kind)("o", f"d{n}", lines, account=ANN, at=START)

        return tell

    one_by_one = [{line.id: 1} for line in pieces]
    at_once = {line.id: pieces.count(line) for line in pieces}
    assert told(opened, program, story(one_by_one), START) == told(opened, program, story([at_once]), START)


# --- order and repetition of delivery (I-15, I-16, I-29) -------------------------------------------------------


def facts_of_an_order(last: str) -> list[commands.Command]:
    """
    Return the facts of one order in the order in which they happened; `last` is nothing, a cancel or a redemption.
    """
    document = order("o", "20.00", "7.50", quantity=2, tenders=[Tender("gift_card", eur("5.00"))])
    of = {"account": ANN, "order": "o"}
    hour = timedelta(hours=1)
    facts: list[commands.Command] = [
        commands.Place(**of, document=document, occurred_at=START),
        commands.Pay(**of, tender=Tender("card", eur("30.00")), occurred_at=START + 2 * hour),
        commands.Pay(**of, tender=Tender("bank", eur("20.00"), approved=False), occurred_at=START + 20 * hour),
        commands.Process(**of, document=document, occurred_at=START + 24 * hour),
        commands.ApprovePayment(**of, tender="bank", occurred_at=START + 30 * hour),
        commands.CancelLines(**of, id="c1", lines={"line-1": 1}, occurred_at=START + 40 * hour),
        commands.Invoice(**of, id="i1", lines={"line-0": 2}, occurred_at=START + 41 * hour),
        commands.Invoice(**of, id="i2", lines={"line-1": 1}, occurred_at=START + 50 * hour),
        commands.ReturnLines(**of, id="r1", lines={"line-0": 1}, occurred_at=START + 90 * hour),
    ]
    if last == "cancel":
        facts.append(commands.Cancel(**of, occurred_at=START + 100 * hour))
    if last == "redeem":
        facts.append(commands.Redeem(**of, points=90, to_pay=eur("1000.00"), occurred_at=START + 10 * hour))
    return facts


@on_both_storages
@settings(law, max_examples=40)
@given(
    timing=st.sampled_from(["on_save", "on_processed", "on_full_payment", "when_all_lines_invoiced_or_cancelled"]),
    last=st.sampled_from(["", "cancel", "redeem"]),
    pending=st.booleans(),
    shortfall=st.sampled_from(["debt", "clamp", "refuse"]),
    data=st.data(),
)
def test_facts_in_any_order(
    opened: Open, timing: Any, last: str, pending: bool, shortfall: Any, data: st.DataObject
) -> None:
    """
    The facts of an order, delivered in any order and as often as one likes, end the same: what is there, with which
    dates, and what the order has earned net (I-15, I-16, R-13, R-14).
    """
    facts = facts_of_an_order(last)
    mixed = data.draw(st.permutations(facts + data.draw(st.lists(st.sampled_from(facts), max_size=4))))
    program = evolve(
        PROGRAM,
        timing=timing,
        returns="automatic",
        shortfall=shortfall,
        pending=PendingPolicy.after(days=6) if pending else PendingPolicy.at_once(),
    )
    now = START + 5 * DAY
    ends = []
    for delivered in (facts, mixed):
        with closing(opened()) as storage:
            ledger = Ledger(program, storage)
            fund(ledger, [100, 30])
            for n, command in enumerate(delivered):
                ledger.apply(evolve(command, at=now, key=f"key-{n}" if n % 2 else None))
            figures, lots = end(ledger, now)
            ends.append((figures, by_dates(lots), net_earned(ledger, "o")))
    assert ends[0] == ends[1]
    assert ends[0][2] == 0 or not last


@on_both_storages
@law
@given(
    price=st.integers(1, 90),
    spent=st.integers(0, 100),
    redeem_first=st.booleans(),
    returns=st.integers(0, 2),
    shortfall=st.sampled_from(["debt", "clamp"]),
)
def test_an_order_that_redeems(
    opened: Open, price: int, spent: int, redeem_first: bool, returns: int, shortfall: Any
) -> None:
    """
    An order that redeems earns nothing, whichever of the two comes first, also after the points came back (I-29, R-18).
    """
    program = evolve(PROGRAM, returns="automatic", shortfall=shortfall)
    with closing(opened()) as storage:
        ledger = Ledger(program, storage)
        fund(ledger, [100])
        verbs = [
            lambda: ledger.redeem(ANN, 50, order="o", at=START, to_pay=eur("1000.00")),
            lambda: ledger.process(order("o", f"{price}.00", quantity=2), at=START),
        ]
        for verb in verbs if redeem_first else reversed(verbs):
            verb()
        for n in range(returns):
            ledger.return_lines("o", f"r{n}", {"line-0": 1}, account=ANN, at=START)
        assert net_earned(ledger, "o") == 0
        assert end(ledger, START)[0] == {"available": 50 + 25 * returns, "pending": 0, "debt": 0}
        ledger.cancel("o", account=ANN, at=START)
        assert end(ledger, START)[0] == {"available": 100, "pending": 0, "debt": 0}


@on_both_storages
@law
@given(spent=st.integers(0, 27), shortfall=st.sampled_from(["debt", "clamp", "refuse"]))
def test_a_fact_that_only_comes_late(opened: Open, spent: int, shortfall: Any) -> None:
    """
    A placing reported after the processing gives the points their earlier dates; nobody gains or owes (I-15, R-13).
    """
    program = evolve(PROGRAM, timing="on_save", shortfall=shortfall)
    with closing(opened()) as storage:
        ledger = Ledger(program, storage)
        document = order("o", "27.00")
        now = START + 3 * DAY
        ledger.process(document, at=now)
        if spent:
            ledger.adjust(ANN, -spent, at=now, **BY_HAND)
        assert ledger.place(document, occurred_at=START, at=now).shortfall == 0
        left, lots = end(ledger, now)
        assert left == {"available": 27 - spent, "pending": 0, "debt": 0}
        assert {expires_at for _, _, expires_at in lots} <= {datetime(2026, 2, 5, tzinfo=UTC)}


# --- recorded facts (I-8) --------------------------------------------------------------------------------------


@on_both_storages
@law
@given(
    first=programs("p"),
    second=programs("p"),
    document=documents("o", ANN, 1),
    spent=st.integers(0, 100),
    how=st.sampled_from(["cancel", "cancel_lines", "return_lines"]),
)
def test_a_program_that_changes(
    opened: Open, first: dict[str, Any], second: dict[str, Any], document: dict[str, Any], spent: int, how: str
) -> None:
    """
    What a reversal does was decided when the points were given; a later program alters nothing (I-8, R-31).
    """
    # Whether a return waits is the program's that is in force when it is reported; the rest is recorded.
    before = evolve(translation.program(first), timing="on_processed", returns="automatic")
    after = evolve(translation.program(second), timing="on_processed", returns="automatic")
    # The account's order of use and its clock of inactivity are no terms of an entry.
    after = evolve(after, use_order=before.use_order, expiry=before.expiry)
    ends = []
    for changed in (before, after):
        with closing(opened()) as storage:
            ledger = Ledger(before, storage)
            ledger.adjust(ANN, 40, at=START, **BY_HAND)
            ledger.process(translation.document(document), at=START)
            spend = min(spent, ledger.balance(ANN, at=START).available)
            if spend:
                ledger.adjust(ANN, -spend, at=START, **BY_HAND)
            later = Ledger(changed, storage)
            line = document["lines"][0]
            try:
                if how == "cancel":
                    later.cancel("o", account=ANN, at=START)
                else:
                    getattr(later, how)("o", "d", {line["id"]: 1}, account=ANN, at=START)
                refused = None
            except Refused as error:
                refused = type(error)
            ends.append((refused, end(ledger, START), net_earned(ledger, "o")))
    assert ends[0] == ends[1]


# --- no gain (I-27) --------------------------------------------------------------------------------------------


@on_both_storages
@law
@given(
    cents=st.lists(st.integers(0, 5000), min_size=1, max_size=5),
    points=st.integers(1, 12),
    per=st.integers(1, 900),
    proportional=st.booleans(),
)
def test_splitting_an_order(opened: Open, cents: list[int], points: int, per: int, proportional: bool) -> None:
    """
    Several orders never earn more than one over the same amount, where results are rounded down (I-27, R-16).
    """
    rule = EarnRule.per_amount(points, per=eur(Fraction(per, 100)), proportional=proportional)
    with closing(opened()) as storage:
        ledger = Ledger(evolve(PROGRAM, earn_rules=[rule]), storage)

        def earned(amount: int) -> int:
            return ledger.quote(Order("o", ANN, [OrderLine("x", eur(Fraction(amount, 100)))]), at=START).points

        assert sum(map(earned, cents)) <= earned(sum(cents))


@on_both_storages
@law
@given(
    group=st.integers(1, 40), worth=st.integers(1, 500), points=st.lists(st.integers(1, 300), min_size=1, max_size=4)
)
def test_points_to_money_to_points(opened: Open, group: int, worth: int, points: list[int]) -> None:
    """
    Points that pay for an order which earns at the same rate come back as no more points; several redemptions are
    worth no more than one (I-27, R-22).
    """
    rate = ExchangeRate(group, eur(Fraction(worth, 100)))
    program = evolve(PROGRAM, exchange_rates=[rate], earn_rules=[EarnRule.per_amount(group, per=rate.money)])
    with closing(opened()) as storage:
        ledger = Ledger(program, storage)
        ledger.adjust(ANN, sum(points), at=START, **BY_HAND)
        quotes = [ledger.quote_redemption(ANN, count, at=START) for count in points]
        paid = [quote.money for quote in quotes if quote.money is not None]
        whole = ledger.quote_redemption(ANN, at=START).money
        assert whole is not None
        assert sum(money.micros for money in paid) <= whole.micros
        again = ledger.quote(Order("o", ANN, [OrderLine("x", whole)]), at=START).points
        assert again <= sum(points)


# --- time (I-31, I-32, I-35) -----------------------------------------------------------------------------------

Step = tuple[int, commands.Command]


@st.composite
def stories(draw: st.DrawFn, *, back: bool = False) -> list[Step]:
    """
    Return commands of one account, each with the hours that pass before it.
    """
    steps: list[Step] = []
    for n in range(draw(st.integers(2, 12))):
        hours = draw(st.sampled_from([0, 1, 30, 100, 300, *([-5, -200] if back else [])]))
        points = draw(st.integers(1, 100))
        name = f"o{draw(st.integers(0, 3))}"
        command = draw(
            st.sampled_from(
                [
                    commands.Earn(account=ANN, points=points),
                    commands.Adjust(account=ANN, points=points, **BY_HAND),
                    commands.Adjust(account=ANN, points=-points, **BY_HAND),
                    commands.Adjust(account=ANN, points=-points, allow_debt=True, **BY_HAND),
                    commands.SetBalance(account=ANN, points=points, **BY_HAND),
                    commands.Redeem(account=ANN, points=10, order=name),
                    commands.Process(account=ANN, order=name, document=order(name, "35.50", quantity=2)),
                    commands.ReturnLines(account=ANN, order=name, id="r", lines={"line-0": 1}),
                    commands.Cancel(account=ANN, order=name),
                    commands.Reverse(account=ANN, entry=draw(st.integers(1, 6)), **BY_HAND),
                ]
            )
        )
        steps.append((hours, evolve(command, key=f"key-{n}")))
    return steps


def nows(steps: list[Step]) -> Iterator[tuple[datetime, commands.Command]]:
    hours = accumulate(hours for hours, _ in steps)
    return ((START + timedelta(hours=passed), command) for passed, (_, command) in zip(hours, steps, strict=True))


def attempt(ledger: Ledger, command: commands.Command) -> tuple[Entry, ...] | type[Refused]:
    try:
        return ledger.apply(command).entries
    except Refused as refused:
        return type(refused)


SHAPES = st.sampled_from(
    [
        evolve(PROGRAM, returns="automatic", expiry=ExpiryPolicy.after(days=6)),
        evolve(PROGRAM, returns="automatic", expiry=ExpiryPolicy.inactivity(days=4), shortfall="clamp"),
        evolve(
            PROGRAM,
            returns="automatic",
            pending=PendingPolicy.after(days=2),
            expiry=ExpiryPolicy.earlier_of(ExpiryPolicy.after(days=9), ExpiryPolicy.inactivity(days=5)),
            shortfall="refuse",
        ),
        evolve(PROGRAM, returns="automatic", redeeming_orders="full", use_order="oldest_first"),
    ]
)


@on_both_storages
@settings(law, max_examples=60)
@given(program=SHAPES, story=stories(), data=st.data())
def test_lazy_is_eager(opened: Open, program: Program, story: list[Step], data: st.DataObject) -> None:
    """
    Whether and how often the job of expiry ran changes no answer and no figure; after it nothing lapsed is left, and
    running it again changes nothing (I-31, I-32, R-39).
    """
    # Entries have other numbers where a sweep booked some between; a command that names a number says something else.
    story = [(hours, command) for hours, command in story if not isinstance(command, commands.Reverse)]
    with closing(opened()) as lazy_storage, closing(opened()) as eager_storage:
        lazy, eager = Ledger(program, lazy_storage), Ledger(program, eager_storage)
        for now, command in nows(story):
            if data.draw(st.booleans()):
                eager.expire_due(at=now)
                assert eager.expire_due(at=now).accounts == 0
                assert all(lot.expires_at is None or lot.expires_at > now for lot in eager.lots(ANN, at=now))
            outcomes = [attempt(ledger, evolve(command, at=now)) for ledger in (lazy, eager)]
            refusals = [outcome if isinstance(outcome, type) else None for outcome in outcomes]
            assert refusals[0] == refusals[1]
            for at in (now, now + 4 * DAY):
                assert figures(lazy.balance(ANN, at=at)) == figures(eager.balance(ANN, at=at))
                assert end(lazy, at) == end(eager, at)


@on_both_storages
@settings(law, max_examples=60)
@given(program=SHAPES, story=stories(back=True))
def test_any_clock(opened: Open, program: Program, story: list[Step]) -> None:
    """
    Whatever the host's clock says, recorded time never runs backwards, what lapsed stays lapsed, and the books hold
    (I-35, R-04).
    """
    with closing(opened()) as storage:
        ledger = Ledger(program, storage)
        expired = 0
        for now, command in nows(story):
            attempt(ledger, evolve(command, at=now))
            entries = list(ledger.entries(ANN, limit=10_000))
            assert all(one.recorded_at <= next_one.recorded_at for one, next_one in pairwise(entries))
            check_books(entries)
            now_expired = -sum(e.points for e in entries if e.kind == "expired")
            assert now_expired >= expired
            expired = now_expired
        assert not verify(storage, program.id).findings


# --- replay (I-3) ----------------------------------------------------------------------------------------------


def stored_lots(ids: tuple[int, ...]) -> Callable[[Account], Reading[Any]]:
    def read(account: Account) -> Reading[Any]:
        return (yield from read_lots(LotsNamed(ids)))

    return read


@on_both_storages
@settings(law, max_examples=40)
@given(program=SHAPES, story=stories())
def test_every_prefix_replays(opened: Open, program: Program, story: list[Step]) -> None:
    """
    Folding the entries gives what is stored, and folding those until an instant gives the balance of then (I-3, R-11).
    """
    with closing(opened()) as storage:
        ledger = Ledger(program, storage)
        seen = {}
        for now, command in nows(story):
            attempt(ledger, evolve(command, at=now))
            seen[now] = ledger.balance(ANN, at=now)
            entries = ledger.entries(ANN, limit=10_000)
            rebuilt = rebuild(program.id, ANN, entries)
            account, lots = rebuilt.account, rebuilt.lots
            stored = storage.read(program.id, ANN, stored_account)
            same = {"available": account.available, "pending": account.pending, "as_of": stored.as_of}
            assert evolve(stored, **same, next_change_at=None) == evolve(
                account, as_of=stored.as_of, next_change_at=None
            )
            assert storage.read(program.id, ANN, stored_lots(tuple(sorted(lots)))) == tuple(
                lots[id] for id in sorted(lots)
            )
        for instant, balance in seen.items():
            assert ledger.balance(ANN, at=instant) == balance
        entries = ledger.entries(ANN, limit=10_000)
        for count in range(len(entries) + 1):
            rebuilt = rebuild(program.id, ANN, entries[:count])
            account, lots = rebuilt.account, rebuilt.lots
            assert account.version == count
            assert account.balance == sum(lot.remaining for lot in lots.values())
            assert account.balance == (entries[count - 1].balance_after if count else 0)


# --- quotes and batches (R-21, R-44, R-45) ---------------------------------------------------------------------


@on_both_storages
@settings(law, max_examples=80)
@given(shape=programs("p"), document=documents("o", ANN, 1), redeems=st.booleans(), cancelled=st.booleans())
def test_quote_is_award(
    opened: Open, shape: dict[str, Any], document: dict[str, Any], redeems: bool, cancelled: bool
) -> None:
    """
    What is quoted is what is booked, line by line, whatever is known of the order already (R-21, R-17).
    """
    program = evolve(translation.program(shape), timing="on_processed")
    with closing(opened()) as storage:
        ledger = Ledger(program, storage)
        ledger.adjust(ANN, 100, at=START, **BY_HAND)
        asked = translation.document(document)
        if redeems:
            attempt(ledger, commands.Redeem(account=ANN, points=50, order="o", to_pay=eur("25.00"), at=START))
        if cancelled:
            ledger.cancel_lines("o", "c", {"a": 1}, account=ANN, at=START)
        quoted = ledger.quote(asked, at=START)
        before = net_earned(ledger, "o")
        receipt = ledger.process(asked, at=START)
        assert net_earned(ledger, "o") - before == quoted.points
        assert sum(quoted.lines.values()) == quoted.points
        dates = {(grant.available_at, grant.expires_at): grant.points for grant in quoted.grants}
        opened_lots = [e.opened for e in receipt.entries if e.kind == "earned" and e.opened is not None]
        assert {(lot.available_at, lot.expires_at): lot.points for lot in opened_lots} == dates


@on_both_storages
@settings(law, max_examples=80)
@given(
    shape=programs("p"),
    points=st.integers(1, 400),
    to_pay=st.one_of(st.none(), st.integers(0, 5000)),
    document=st.one_of(st.none(), documents("o", ANN, 1)),
    wish=st.one_of(st.none(), st.integers(1, 500)),
)
def test_a_quoted_redemption_is_accepted(
    opened: Open,
    shape: dict[str, Any],
    points: int,
    to_pay: int | None,
    document: dict[str, Any] | None,
    wish: int | None,
) -> None:
    """
    The points that a quote names are accepted and pay what it says; what it lowers is refused as asked (R-25, R-26).
    """
    with closing(opened()) as storage:
        ledger = Ledger(translation.program(shape), storage)
        ledger.adjust(ANN, points, at=START, **BY_HAND)
        if document is not None:
            attempt(
                ledger,
                evolve(commands.Place(account=ANN, order="o", document=translation.document(document)), at=START),
            )
        against: dict[str, Any] = {"order": "o"} if document is not None else {}
        if to_pay is not None:
            against["to_pay"] = eur(Fraction(to_pay, 100))
        try:
            quote = ledger.quote_redemption(ANN, wish, at=START, **against)
        except Refused as refused:
            with pytest.raises(type(refused)):
                ledger.redeem(ANN, wish or points, at=START, **against)
            return
        assert quote.points <= (ledger.balance(ANN, at=START).available if wish is None else wish)
        if wish is not None and quote.points < wish:
            assert quote.limits
            with pytest.raises(Refused):
                ledger.redeem(ANN, wish, at=START, **against)
        if quote.points:
            receipt = ledger.redeem(ANN, quote.points, at=START, **against)
            assert receipt.money == quote.money


@on_both_storages
@settings(law, max_examples=40)
@given(program=SHAPES, story=stories(), data=st.data())
def test_a_batch(opened: Open, program: Program, story: list[Step], data: st.DataObject) -> None:
    """
    A batch gives the receipts and entries of one by one; with one refusal in it, nothing of it is kept (R-44, R-45).
    """
    with closing(opened()) as one_storage, closing(opened()) as batch_storage:
        one, batch = Ledger(program, one_storage), Ledger(program, batch_storage)
        asked = [evolve(command, at=now) for now, command in nows(story)]
        accepted = [command for command in asked if isinstance(attempt(one, command), tuple)]
        assume(accepted)
        receipts = batch.apply_all(accepted)
        assert [r.entries for r in receipts] == [one.apply(command).entries for command in accepted]
        assert batch.entries(ANN, limit=10_000) == one.entries(ANN, limit=10_000)
        assert batch_storage.read("p", ANN, stored_account) == one_storage.read("p", ANN, stored_account)

        held = batch_storage.read("p", ANN, stored_account)
        refused = commands.Forgive(account=ANN, points=10**9, at=asked[-1].at, **BY_HAND)
        fresh = [commands.Earn(account=ANN, points=n, key=f"fresh-{n}", at=asked[-1].at) for n in (1, 2, 3)]
        fresh.insert(data.draw(st.integers(0, 3)), refused)  # type: ignore[arg-type]
        with pytest.raises(Refused):
            batch.apply_all(fresh)
        assert batch_storage.read("p", ANN, stored_account) == held
        assert batch.entries(ANN, limit=10_000) == one.entries(ANN, limit=10_000)
