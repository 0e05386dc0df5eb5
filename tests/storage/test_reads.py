"""
What a decision may ask of a storage, against plain lists over all lots and entries.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from attrs import evolve

from pointsledger import EarnCaps, Entry, ExpiryPolicy, Lot
from pointsledger.domain.commands import order_of
from pointsledger.domain.reads import (
    DrawsOn,
    DueLots,
    EarnedWithin,
    EntriesAbout,
    EntriesAfter,
    EntriesOn,
    LotsNamed,
    NextChange,
    NextLapse,
    OpenHolds,
    OpenLots,
    Read,
    UsableLots,
)
from pointsledger.port import Storage
from pointsledger.storage.memory import MemoryStorage
from pointsledger.storage.sqlite import SQLiteStorage
from tests.storage.books import ANN, BY_HAND, CLUB, club, day, order

NEVER = datetime.max.replace(tzinfo=day(0).tzinfo)


def ask(storage: Storage, read: Read) -> Any:
    """
    Return a storage's answer to one read on Ann's account.
    """

    def reader(account: Any) -> Iterator[Any]:
        return (yield read)

    return storage.read("club", ANN, reader)  # type: ignore[arg-type]


@pytest.fixture(scope="module", params=["memory", "sqlite"])
def full(request: pytest.FixtureRequest) -> Iterator[Storage]:
    """
    Ann has lots of every kind: usable and pending, lapsing together, never, or lapsed; whole, drawn on and used up.
    """
    storage: Storage = MemoryStorage() if request.param == "memory" else SQLiteStorage(":memory:")
    ledger, endless = club(storage), club(storage, evolve(CLUB, expiry=ExpiryPolicy.never()))
    for number in range(40):
        lapses = day(60 + 10 * (number % 7)) if number % 5 else None
        endless.adjust(ANN, 3, expires_at=lapses, at=day(number // 4), **BY_HAND)
    for number in range(10, 20):
        ledger.earn(ANN, 10, at=day(number))  # usable 14 days later
    ledger.reverse(ANN, 43, at=day(20), **BY_HAND)  # pending, and nothing left of it
    ledger.redeem(ANN, 25, at=day(20))
    ledger.process(order("1001"), at=day(21))
    ledger.cancel_lines("1001", "c", {"mug": 1}, account=ANN, at=day(21))
    ledger.process(order("1002"), at=day(21))
    ledger.reverse(ANN, 44, points=4, at=day(22), **BY_HAND)
    ledger.reverse(ANN, 44, points=3, at=day(22), **BY_HAND)
    ledger.redeem(ANN, 5, order="1003", at=day(70))
    ledger.cancel("1003", account=ANN, at=day(71))
    yield storage
    storage.close()


@pytest.fixture
def entries(full: Storage) -> tuple[Entry, ...]:
    """
    All of her entries.
    """
    return club(full).entries(ANN, limit=10_000)


@pytest.fixture
def lots(full: Storage, entries: tuple[Entry, ...]) -> list[Lot]:
    """
    All of her lots, used up or not, by id.
    """
    ids = tuple(entry.sequence for entry in entries if entry.opened is not None)
    return list(ask(full, LotsNamed(ids)))


def expiry(lot: Lot) -> tuple[Any, ...]:
    """
    Rank lots by when they lapse.
    """
    return (lot.expires_at or NEVER, lot.earned_at, lot.id)


def age(lot: Lot) -> tuple[Any, ...]:
    """
    Rank lots by when they were earned.
    """
    return (lot.earned_at, lot.id)


INSTANTS = [day(n) for n in (-1, 0, 13, 25, 60, 71, 80, 90, 400, 5000)] + [
    instant
    for n in (24, 27, 28, 33, 60, 70, 120)
    for midnight in [day(n).replace(hour=0), day(n)]
    for instant in (midnight - timedelta(microseconds=1), midnight, midnight + timedelta(microseconds=1))
]


def test_lots_are_of_every_kind(lots: list[Lot]):
    """
    The account of these tests has what they speak of.
    """
    at = day(71)
    assert any(0 < lot.remaining < lot.points for lot in lots)
    assert any(not lot.remaining and lot.available_at > day(20) for lot in lots)
    assert any(lot.remaining and lot.expires_at is None for lot in lots)
    assert len([lot for lot in lots if lot.is_usable(at) and lot.remaining]) > 32
    assert all(lot.available_at <= at for lot in lots)


@pytest.mark.parametrize(("use_order", "rank"), [("soonest_expiry", expiry), ("oldest_first", age)])
@pytest.mark.parametrize("points", [0, 1, 2, 3, 12, 13, 37, 100, 150, 10**12])
def test_usable_lots(full: Storage, lots: list[Lot], use_order: Any, rank: Any, points: int):
    """
    As many usable lots as hold the points come, in the order of use, or all of them (R-09, I-6).
    """
    for at in INSTANTS:
        wanted: list[Lot] = []
        for lot in sorted((lot for lot in lots if lot.remaining and lot.is_usable(at)), key=rank):
            if sum(lot.remaining for lot in wanted) >= points:
                break
            wanted.append(lot)
        assert list(ask(full, UsableLots(points, at, use_order))) == wanted


def test_open_lots(full: Storage, lots: list[Lot]):
    """
    Every lot with points left comes, by when it lapses.
    """
    assert list(ask(full, OpenLots())) == sorted((lot for lot in lots if lot.remaining), key=expiry)


def test_lots_named(full: Storage, lots: list[Lot]):
    """
    Lots come in the order in which they are named, used up or not.
    """
    ids = [lot.id for lot in lots]
    for named in ((), tuple(ids), tuple(reversed(ids)), (ids[7], ids[3], ids[7])):
        assert [lot.id for lot in ask(full, LotsNamed(named))] == list(named)


def test_due_lots(full: Storage, lots: list[Lot]):
    """
    The lots that have lapsed or become usable come by id, or on demand every lot with points left (R-11).
    """
    left = [lot for lot in lots if lot.remaining]
    after = day(71)  # as far as the account is settled
    for at in (at for at in INSTANTS if at >= after):
        wanted = [lot for lot in left if after < lot.available_at <= at or (lot.expires_at or NEVER) <= at]
        assert list(ask(full, DueLots(after, at))) == wanted
        assert list(ask(full, DueLots(after, at, everything=True))) == left


def test_lots_that_wait(storage: Storage):
    """
    Of lots that wait, those with points left come when they become usable, and not before.
    """
    ledger = club(storage)
    for number in (0, 1, 2):
        ledger.earn(ANN, 10, at=day(number))
    ledger.reverse(ANN, 2, at=day(2), **BY_HAND)
    midnights = [day(number).replace(hour=0) for number in (14, 15, 16)]

    def due(at: datetime) -> list[int]:
        return [lot.id for lot in ask(storage, DueLots(day(2), at))]

    assert due(midnights[0] - timedelta(microseconds=1)) == []
    assert (due(midnights[0]), due(midnights[1]), due(midnights[2])) == ([1], [1], [1, 3])
    assert ask(storage, NextChange(day(2))) == midnights[0]
    assert ask(storage, NextChange(midnights[0])) == midnights[2], "nothing is left of what waits till the 15th"


def test_next_lapse(full: Storage, lots: list[Lot]):
    """
    The points of all lots that lapse next are summed (R-11).
    """
    for after in INSTANTS:
        later = [lot for lot in lots if lot.remaining and lot.expires_at is not None and lot.expires_at > after]
        first = min((lot.expires_at for lot in later if lot.expires_at), default=None)
        points = sum(lot.remaining for lot in later if lot.expires_at == first)
        assert ask(full, NextLapse(after)) == (None if first is None else (points, first))


def test_next_change(full: Storage, lots: list[Lot]):
    """
    The next change is when the first lot with points left lapses.
    """
    for after in (at for at in INSTANTS if at >= day(71)):
        later = [lot.expires_at for lot in lots if lot.remaining and lot.expires_at and lot.expires_at > after]
        assert ask(full, NextChange(after)) == min(later, default=None)


def test_entries_of_an_order(full: Storage, entries: tuple[Entry, ...]):
    """
    The entries of an order come by sequence, and none of another's.
    """
    for name in ("1001", "1002", "1003", "100", "unknown"):
        assert ask(full, EntriesAbout(name)) == tuple(entry for entry in entries if order_of(entry.command) == name)


def test_open_holds(storage: Storage):
    """
    Holds come by sequence while their points are neither captured nor free again (R-27).
    """
    ledger = club(storage, on=1)
    ledger.adjust(ANN, 100, **BY_HAND)
    for number in range(4):
        ledger.hold(ANN, 10, order=f"o-{number}", until=day(9))
    ledger.capture("o-1", 5, account=ANN)
    ledger.release("o-2", account=ANN)
    ledger.hold(ANN, 10, order="o-2", id="again", until=day(3))
    assert [entry.sequence for entry in ask(storage, OpenHolds())] == [2, 5, 9]
    ledger.expire(ANN, at=day(3))
    assert [entry.order for entry in ask(storage, OpenHolds())] == ["o-0", "o-3"]


def test_earned_within_a_period(storage: Storage):
    """
    Points count under a program that caps periods, half-open, less what was taken back of them, whenever (R-19).
    """
    capped = evolve(CLUB, caps=EarnCaps(per_period={"month": 15}))
    club(storage).earn(ANN, 100, at=day(1))  # before the program had the cap
    ledger = club(storage, capped)
    for number in (2, 3, 4):
        ledger.earn(ANN, 10, at=day(number))  # 10, then 5 of 10, then 0 of 10
    ledger.reverse(ANN, 2, points=4, at=day(40), **BY_HAND)
    ledger.earn(ANN, 2, at=day(41))
    assert [entry.withheld for entry in ledger.entries(ANN)] == [0, 0, 5, 10, 0, 0]
    for since, until, points in ((0, 99, 13), (2, 3, 6), (2, 4, 11), (3, 41, 5), (1, 2, 0), (41, 42, 2)):
        assert ask(storage, EarnedWithin(day(since), day(until))) == points


def test_entry_and_its_reversals(full: Storage, entries: tuple[Entry, ...]):
    """
    An entry comes with all that reverses it, by sequence; an unknown one comes with nothing.
    """
    for entry in entries:
        reversals = [other for other in entries if other.reverses == entry.sequence]
        assert ask(full, EntriesOn(entry.sequence)) == (entry, *reversals)
    for unknown in (0, len(entries) + 1, 2**53 - 1):
        assert ask(full, EntriesOn(unknown)) == ()


def test_pages_of_entries(full: Storage, entries: tuple[Entry, ...]):
    """
    A page of entries begins after a sequence and has at most as many as asked for.
    """
    for after in (0, 1, 30, len(entries) - 1, len(entries), 2**53 - 1):
        for limit in (1, 2, 1000):
            assert ask(full, EntriesAfter(after, limit)) == entries[after : after + limit]


def test_draws_on_a_lot(full: Storage, entries: tuple[Entry, ...], lots: list[Lot]):
    """
    The entries that touched a lot after it was opened come by sequence (R-08).
    """
    for lot in lots:
        touched = tuple(entry for entry in entries if any(part.lot == lot.id for part in entry.allocations))
        assert ask(full, DrawsOn(lot.id)) == touched
    assert any(len(ask(full, DrawsOn(lot.id))) > 1 for lot in lots)
    assert ask(full, DrawsOn(10**6)) == ()


@pytest.mark.parametrize(
    "read", [OpenLots(), OpenHolds(), EntriesAbout("1001"), EntriesAfter(0), DrawsOn(1), LotsNamed(())], ids=str
)
def test_reads_on_an_account_without_entries(storage: Storage, read: Read):
    """
    An account that is not there has nothing, and is not begun by reading it.
    """
    assert ask(storage, read) == ()
    assert ask(storage, NextChange(day(0))) is None
    assert list(storage.accounts("club", "", 9)) == []
