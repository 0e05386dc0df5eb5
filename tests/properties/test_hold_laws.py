"""
Laws of holds: setting points aside moves none of them, and a point that is set aside for one order serves no other
(R-27).
"""

# ruff: noqa: D103 - the names say what they are

from collections import Counter
from contextlib import closing
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal

import pytest
from attrs import define, evolve, frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsledger import Balance, Entry, ExpiryPolicy, Ledger, PendingPolicy, Program
from pointsledger.errors import HoldClosed, InsufficientPoints
from pointsledger.reports.verify import verify
from pointsledger.testing.stories.books import check_books
from tests.properties.test_laws import (
    ANN,
    BY_HAND,
    DAY,
    PROGRAM,
    START,
    Open,
    end,
    fund,
    funds,
    law,
    net_earned,
    on_both_storages,
    order,
)

law = settings(law, max_examples=60)
PLAIN = Program(id="p")
"""Points have no rate, so a hold and a capture are of any number."""


@frozen
class Step:
    """
    What is asked some hours after the step before; `number` names one of the holds so far.
    """

    what: Literal["hold", "capture", "release", "redeem", "sweep"]
    hours: int
    number: int
    points: int
    lasts: int


steps = st.lists(
    st.builds(
        Step,
        what=st.sampled_from(["hold", "hold", "capture", "release", "redeem", "sweep"]),
        hours=st.sampled_from([0, 0, 1, 5, 30]),
        number=st.integers(0, 5),
        points=st.integers(1, 90),
        lasts=st.sampled_from([1, 6, 24, 200]),
    ),
    min_size=2,
    max_size=12,
)


@frozen
class Asked:
    """
    One hold, as whoever asked for it remembers it.
    """

    points: int
    until: datetime
    over: bool = False


@define
class Paper:
    """
    What is counted on paper.
    """

    came: int
    holds: list[Asked]
    spent: int = 0

    @property
    def held(self) -> int:
        """
        The points that are set aside.
        """
        return sum(hold.points for hold in self.holds if not hold.over)

    @property
    def free(self) -> int:
        """
        The points that are left for others.
        """
        return self.came - self.spent - self.held


def ask_for_points(ledger: Ledger, paper: Paper, step: Step, n: int, now: datetime) -> None:
    """
    Hold or redeem: refused exactly if there are not as many.
    """
    until = now + timedelta(hours=step.lasts)
    if step.what == "hold":
        ask = partial(ledger.hold, ANN, step.points, order=f"o{len(paper.holds)}", until=until, at=now)
    else:
        ask = partial(ledger.redeem, ANN, step.points, order=f"r{n}", at=now)
    if step.points > paper.free:
        with pytest.raises(InsufficientPoints) as refused:
            ask()
        assert (refused.value.requested, refused.value.available) == (step.points, paper.free)
        return
    ask()
    if step.what == "hold":
        paper.holds.append(Asked(step.points, until))
    else:
        paper.spent += step.points


def end_a_hold(ledger: Ledger, paper: Paper, step: Step, now: datetime) -> None:
    """
    Capture a part of an open hold, or release it.
    """
    hold, name = paper.holds[step.number], f"o{step.number}"
    if step.what == "capture":
        part = part_of(step.points, hold.points)
        assert ledger.capture(name, part, account=ANN, at=now).points == -part
        paper.spent += part
    else:
        ledger.release(name, account=ANN, at=now)
    paper.holds[step.number] = evolve(hold, over=True)


def total(balance: Balance) -> int:
    """
    Return all that has ever come in: what is there, set aside, spent or lapsed.
    """
    return balance.available + balance.pending + balance.held + balance.redeemed + balance.expired


def entries(ledger: Ledger) -> tuple[Entry, ...]:
    return ledger.entries(ANN, limit=10_000)


def part_of(points: int, of: int) -> int:
    """
    Return a number from 1 to `of`.
    """
    return 1 + points % of


@on_both_storages
@law
@given(credits=funds, story=steps)
def test_against_a_count_on_paper(opened: Open, credits: list[int], story: list[Step]) -> None:
    """
    Holds, captures, releases and deadlines in any order leave available what came in, less what was spent and what is
    set aside; no more can be held or spent than that (R-27, R-28, I-2).
    """
    with closing(opened()) as storage:
        ledger, now, paper = Ledger(PLAIN, storage), START, Paper(sum(credits), [])
        for points in credits:
            ledger.adjust(ANN, points, at=START, **BY_HAND)
        for n, step in enumerate(story):
            now += timedelta(hours=step.hours)
            paper.holds = [evolve(hold, over=hold.over or hold.until <= now) for hold in paper.holds]
            if step.what in {"hold", "redeem"}:
                ask_for_points(ledger, paper, step, n, now)
            elif step.what == "sweep":
                ledger.expire_due(at=now)
            elif step.number < len(paper.holds) and not paper.holds[step.number].over:
                end_a_hold(ledger, paper, step, now)
            seen = ledger.balance(ANN, at=now)
            assert (seen.available, seen.held, seen.redeemed) == (paper.free, paper.held, paper.spent)
            assert total(seen) == sum(credits)
        check_books(list(entries(ledger)))
        assert not verify(storage, "p").findings


@on_both_storages
@law
@given(credits=funds, story=steps, idle=st.booleans())
def test_points_are_conserved(opened: Open, credits: list[int], story: list[Step], idle: bool) -> None:
    """
    Where lots lapse meanwhile, by date or by inactivity, every point is still available, pending, held, redeemed or
    expired, and only a lapse of lots moves the sum of available and held apart from spending (R-27, R-36, I-1).
    """
    program = evolve(PLAIN, expiry=ExpiryPolicy.inactivity(days=2)) if idle else PLAIN
    with closing(opened()) as storage:
        ledger, now = Ledger(program, storage), START
        for n, points in enumerate(credits):
            ledger.adjust(ANN, points, at=START, expires_at=None if idle else START + (1 + n) * DAY, **BY_HAND)
        made = 0
        for n, step in enumerate(story):
            now += timedelta(hours=step.hours)
            before, known = ledger.balance(ANN, at=now), len(entries(ledger))
            at: dict[str, Any] = {"at": now}
            try:
                if step.what == "hold":
                    ledger.hold(ANN, step.points, order=f"o{made}", until=now + timedelta(hours=step.lasts), **at)
                    made += 1
                elif step.what == "redeem":
                    ledger.redeem(ANN, step.points, order=f"r{n}", **at)
                elif step.what == "sweep":
                    ledger.expire_due(at=now)
                elif step.number < made:
                    getattr(ledger, step.what)(f"o{step.number}", account=ANN, **at)
            except (InsufficientPoints, HoldClosed):
                assert len(entries(ledger)) == known
            after = ledger.balance(ANN, at=now)
            assert total(after) == sum(credits)
            if step.what in {"hold", "release", "sweep"}:
                lapsed = after.expired - before.expired
                assert after.available + after.held == before.available + before.held - lapsed
                assert not lapsed or step.what == "release"
        far = now + 400 * DAY
        foreseen = ledger.balance(ANN, at=far)
        assert (foreseen.held, total(foreseen)) == (0, sum(credits))
        ledger.expire_due(at=far)
        written = ledger.balance(ANN, at=far)
        assert evolve(foreseen, version=0) == evolve(written, version=0)
        check_books(list(entries(ledger)))
        assert not verify(storage, "p").findings


@on_both_storages
@law
@given(
    credits=funds,
    shares=st.lists(st.integers(1, 60), min_size=1, max_size=5),
    ends=st.lists(st.sampled_from(["release", "cancel", "deadline"]), min_size=5, max_size=5),
    data=st.data(),
)
def test_a_hold_that_does_not_pay(
    opened: Open, credits: list[int], shares: list[int], ends: list[str], data: st.DataObject
) -> None:
    """
    However many holds end without paying, in whatever order and way, every lot is as it was (R-27, I-10).
    """
    with closing(opened()) as storage:
        ledger = Ledger(PROGRAM, storage)
        fund(ledger, credits)
        until, at = START + 2 * DAY, {"at": START}
        before = end(ledger, START)
        open_holds = []
        for n, share in enumerate(shares):
            room = ledger.balance(ANN, at=START).available // 10
            if room:
                ledger.hold(ANN, 10 * part_of(share, room), order=f"o{n}", until=until, **at)
                open_holds.append(n)
        assert sum(end(ledger, START)[0].values()) + ledger.balance(ANN, at=START).held == sum(credits)
        for n in data.draw(st.permutations(open_holds)):
            if ends[n] == "release":
                ledger.release(f"o{n}", account=ANN, **at)
            elif ends[n] == "cancel":
                ledger.cancel(f"o{n}", account=ANN, **at)
        assert end(ledger, until) == before
        ledger.expire_due(at=until)
        assert end(ledger, until) == before


@on_both_storages
@law
@given(
    credits=funds,
    shares=st.tuples(st.integers(1, 400), st.integers(1, 400)),
    days=st.integers(0, 20),
    use_order=st.sampled_from(["soonest_expiry", "oldest_first"]),
)
def test_capture_of_a_part(
    opened: Open, credits: list[int], shares: tuple[int, int], days: int, use_order: Any
) -> None:
    """
    A capture pays with what was drawn first, and the rest is free, in its lots or lapsed with them: it ends where a
    redemption of that part in place of the hold does (R-27, R-09).
    """
    points = part_of(shares[0], sum(credits))
    part, now = part_of(shares[1], points), START + days * DAY
    program = evolve(PLAIN, use_order=use_order)
    with closing(opened()) as held, closing(opened()) as redeemed:
        ledger, other = Ledger(program, held), Ledger(program, redeemed)
        for each in (ledger, other):
            fund(each, credits)
        hold = ledger.hold(ANN, points, order="o", until=START + 60 * DAY, at=START).entries[-1]
        before = ledger.balance(ANN, at=now)
        other.redeem(ANN, part, order="o", at=START)
        receipt = ledger.capture("o", part, account=ANN, at=now)
        (paid,) = (entry for entry in receipt.entries if entry.kind == "redeemed")
        after = ledger.balance(ANN, at=now)
        freed = points - part - (after.expired - before.expired)
        assert (after.held, after.redeemed) == (0, part)
        assert after.available == before.available + freed
        assert end(ledger, now) == end(other, now)
        assert paid.allocations == first_of(hold, part) == entries(other)[len(credits)].allocations


def first_of(hold: Entry, points: int) -> tuple[Any, ...]:
    """
    Return the parts of a hold that its first points are.
    """
    found = []
    for part in hold.allocations:
        taken = min(part.points, points)
        points -= taken
        if taken:
            found.append(part._replace(points=taken))
    return tuple(found)


@on_both_storages
@law
@given(credits=funds, story=steps)
def test_no_point_serves_two_orders(opened: Open, credits: list[int], story: list[Step]) -> None:
    """
    At no time are more points of a lot set aside, spent and left, over all orders, than the lot was opened with; and
    each hold ends once (R-27, R-08, I-2).
    """
    with closing(opened()) as storage:
        ledger, now, made = Ledger(PLAIN, storage), START, 0
        fund(ledger, credits)
        for n, step in enumerate(story):
            now += timedelta(hours=step.hours)
            at: dict[str, Any] = {"at": now}
            try:
                if step.what == "hold":
                    ledger.hold(ANN, step.points, order=f"o{made}", until=now + timedelta(hours=step.lasts), **at)
                    made += 1
                elif step.what == "redeem":
                    ledger.redeem(ANN, step.points, order=f"r{n}", **at)
                elif step.number < made:
                    getattr(ledger, "capture" if step.what == "capture" else "release")(
                        f"o{step.number}", account=ANN, **at
                    )
            except (InsufficientPoints, HoldClosed):
                continue
            records = [ledger.lot(ANN, lot, at=now) for lot in range(1, len(credits) + 1)]
            assert all(r.used + r.held + r.remaining + r.expired == r.total for r in records)
            assert all(min(r.used, r.held, r.remaining, r.expired) >= 0 for r in records)
            assert [record.total for record in records] == credits
        gone: Counter[int] = Counter()
        set_aside: Counter[int] = Counter()
        closed: list[int] = []
        for entry in entries(ledger):
            if entry.kind in {"released", "lapsed"}:
                assert entry.reverses is not None
                closed.append(entry.reverses)
            _count(entry, gone if entry.kind in {"redeemed", "expired"} else set_aside)
            assert all(gone[n] + set_aside[n] <= points for n, points in enumerate(credits, 1))
        assert len(closed) == len(set(closed))


def _count(entry: Entry, lots: Counter[int]) -> None:
    sign = -1 if entry.points > 0 else 1
    for part in entry.allocations:
        lots[part.lot] += sign * part.points


@on_both_storages
@law
@given(
    credits=funds,
    share=st.integers(1, 400),
    spent=st.integers(0, 200),
    days=st.integers(0, 20),
    shortfall=st.sampled_from(["debt", "clamp"]),
    pending=st.booleans(),
)
def test_a_cancel_with_an_open_hold(
    opened: Open, credits: list[int], share: int, spent: int, days: int, shortfall: Any, pending: bool
) -> None:
    """
    The quote of a cancel counts that the order's open hold lets its points go, which then cover what is spent
    (R-27, R-30, R-32).
    """
    program = evolve(
        PROGRAM, shortfall=shortfall, pending=PendingPolicy.after(days=3) if pending else PendingPolicy.at_once()
    )
    at: dict[str, Any] = {"at": START + days * DAY}
    with closing(opened()) as storage:
        ledger = Ledger(program, storage)
        fund(ledger, [10, *credits])
        room = ledger.quote_redemption(ANN, order="o", at=START).points // 10
        ledger.hold(ANN, 10 * part_of(share, room), order="o", until=START + 60 * DAY, at=START)
        ledger.process(order("o", "80.00"), at=START)
        spend = min(spent, ledger.balance(ANN, at=START).available)
        if spend:
            ledger.adjust(ANN, -spend, at=START, **BY_HAND)
        quote = ledger.quote_refund("o", account=ANN, **at)
        assert (quote.take_back, quote.give_back) == (80, 0)
        receipt = ledger.cancel("o", account=ANN, **at)
        assert receipt.shortfall == quote.shortfall
        assert net_earned(ledger, "o") == 0
        assert ledger.balance(ANN, **at).held == 0
        assert not verify(storage, "p").findings
