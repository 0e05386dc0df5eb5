"""
Checks of what decisions ask: each read is answered as the reference answers it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from attrs import evolve

from ...domain import commands
from ...domain.caps import EarnCaps
from ...domain.expiry import ExpiryPolicy
from ...domain.program import UseOrder
from ...domain.reads import (
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
from ...port import Job, Storage
from ..club import ANN, BY_HAND, CLUB, books, day, job
from ..plain_storage import PlainStorage
from .acting import ask, buy, entries_of, give, told, use

_ENDLESS = evolve(CLUB, expiry=ExpiryPolicy.never())
_CAPPED = evolve(CLUB, caps=EarnCaps(per_period={"month": 15}))
_SETTLED = day(71)
"""As far as the account of these checks is settled."""

_MICROSECOND = timedelta(microseconds=1)
_NOONS = [day(number) for number in (-1, 0, 13, 25, 60, 71, 80, 90, 400, 5000)]
_EDGES = [
    at
    for number in (24, 27, 28, 33, 60, 70, 120)
    for midnight in (day(number).replace(hour=0), day(number))
    for at in (midnight - _MICROSECOND, midnight, midnight + _MICROSECOND)
]
_INSTANTS = _NOONS + _EDGES


def _jobs() -> Iterable[Job]:
    """
    Yield jobs that leave lots of every kind: usable and pending, lapsing together, never, or lapsed; whole, drawn on
    and used up; and orders, reversals and holds.
    """
    for number in range(24):
        lapses = day(60 + 10 * (number % 7)) if number % 5 else None
        command = commands.Adjust(account=ANN, points=3, expires_at=lapses, **BY_HAND)
        yield job(command, f"given {number}", on=number // 4, program=_ENDLESS)
    for number in range(10, 20):
        yield job(commands.Earn(account=ANN, points=10), f"earned {number}", on=number)  # usable 14 days later
    yield job(commands.Reverse(account=ANN, entry=27, **BY_HAND), "pending, and nothing left of it", on=20)
    yield use(25, "used", on=20)
    yield buy("1001", on=21)
    cut = commands.CancelLines(account=ANN, order="1001", id="c", lines={"mug": 1})
    yield job(cut, "cut", on=21)
    yield buy("1002", on=21)
    for points in (4, 3):
        yield job(commands.Reverse(account=ANN, entry=28, points=points, **BY_HAND), f"reversed {points}", on=22)
    for number in range(4):
        held = commands.Hold(account=ANN, points=5, order=f"held {number}", until=day(200 if number else 65))
        yield job(held, f"held {number}", on=60)
    yield job(commands.Capture(account=ANN, order="held 1", points=2), "captured", on=61)
    yield job(commands.Release(account=ANN, order="held 2"), "released", on=61)
    yield use(5, "for an order", of="1003", on=70)
    yield job(commands.Cancel(account=ANN, order="1003"), "cancelled", on=71)


def _waiting() -> Iterable[Job]:
    """
    Yield jobs that leave lots which become usable one after the other, and nothing in one of them.
    """
    for number in (0, 1, 2):
        yield job(commands.Earn(account=ANN, points=10), f"earned {number}", on=number)
    yield job(commands.Reverse(account=ANN, entry=2, **BY_HAND), "reversed", on=2)


_STARTS = [
    at
    for midnight in (day(number).replace(hour=0) for number in (14, 15, 16))
    for at in (midnight - _MICROSECOND, midnight)
]
"""The instants at which they become usable, and just before."""


def _counting() -> Iterable[Job]:
    """
    Yield jobs that earn without a cap on periods and with one, which cuts some off, and take a part back.
    """
    yield job(commands.Earn(account=ANN, points=100), "before the cap", on=1)
    for number in (2, 3, 4):
        yield job(commands.Earn(account=ANN, points=10), f"earned {number}", on=number, program=_CAPPED)
    yield job(commands.Reverse(account=ANN, entry=2, points=4, **BY_HAND), "taken", on=40, program=_CAPPED)


def _compare(storage: Storage, reads: Iterable[Read], jobs: Iterable[Job] | None = None) -> None:
    """
    Let the storage and the reference do the same, and compare their answers.
    """
    done = list(_jobs() if jobs is None else jobs)
    reference = PlainStorage()
    storage.transact_all(done)
    reference.transact_all(done)
    for read in reads:
        assert _plain(ask(storage, read)) == _plain(ask(reference, read)), read


def _plain(answer: Any) -> Any:
    """
    Return an answer in which a list is a tuple: which of them it is makes no difference.
    """
    return tuple(answer) if _is_list(answer) else answer


def _is_list(answer: Any) -> bool:
    return isinstance(answer, list)


class ReadChecks:
    """
    What the port promises of the reads of `pointsledger.domain.reads`.
    """

    def test_entries_come_in_the_order_in_which_they_were_written(self, storage: Storage) -> None:
        """
        Entries are 1, 2, 3 ... and come in that order, none left out (I-13).
        """
        written = [entry.sequence for decision in told(storage) for entry in decision.entries]
        assert [entry.sequence for entry in entries_of(storage)] == written == list(range(1, len(written) + 1))

    def test_entries_come_page_by_page(self, storage: Storage) -> None:
        """
        A page of entries begins after a sequence and has at most as many as asked for (`EntriesAfter`).
        """
        sequences = (0, 1, 30, *range(45, 60), 2**53 - 1)
        _compare(storage, [EntriesAfter(sequence, limit) for sequence in sequences for limit in (1, 2, 7, 1000)])

    def test_usable_lots_come_in_the_order_of_use(self, storage: Storage) -> None:
        """
        As many usable lots come as hold the points, in the order of use (R-09, `UsableLots`).
        """
        amounts = (0, 1, 2, 3, 12, 13, 37, 100, 150, 10**12)
        orders: tuple[UseOrder, ...] = ("soonest_expiry", "oldest_first")
        _compare(storage, [UsableLots(points, at, order) for order in orders for points in amounts for at in _INSTANTS])

    def test_open_lots_come_by_when_they_lapse(self, storage: Storage) -> None:
        """
        Every lot with points left comes, and no other: by when it lapses, was earned, and its id (`OpenLots`).
        """
        _compare(storage, [OpenLots()])

    def test_due_lots_are_those_that_time_changed(self, storage: Storage) -> None:
        """
        Lots with points left that have lapsed or become usable come by id, or all of them (R-11, `DueLots`).
        """
        later = [at for at in _INSTANTS if at >= _SETTLED]
        _compare(storage, [DueLots(_SETTLED, at, everything) for at in later for everything in (False, True)])

    def test_due_lots_that_wait_are_those_with_points_left(self, storage: Storage) -> None:
        """
        Of lots that wait, those with points left come when they become usable, and not before (R-11, `DueLots`).
        """
        _compare(storage, [DueLots(day(2), at) for at in _STARTS], _waiting())

    def test_lots_come_by_their_ids(self, storage: Storage) -> None:
        """
        Lots come in the order in which they are named, used up or not (`LotsNamed`).
        """
        _compare(storage, [LotsNamed(ids) for ids in ((), (1, 2, 3), (3, 1, 2), (27, 28, 5))])

    def test_the_next_lapse_is_that_of_all_lots_together(self, storage: Storage) -> None:
        """
        The points of all lots that lapse next are summed (R-11, `NextLapse`).
        """
        _compare(storage, [NextLapse(after) for after in _INSTANTS])

    def test_the_next_change_is_the_earliest(self, storage: Storage) -> None:
        """
        The next change is when a lot with points left lapses or becomes usable (R-11, `NextChange`).
        """
        _compare(storage, [NextChange(after) for after in _INSTANTS if after >= _SETTLED])

    def test_the_next_change_of_lots_that_wait_is_the_earliest(self, storage: Storage) -> None:
        """
        A lot that waits counts from its own date on, and only while it has points left (R-11, `NextChange`).
        """
        _compare(storage, [NextChange(after) for after in (day(2), *_STARTS)], _waiting())

    def test_entries_about_an_order_are_its_own(self, storage: Storage) -> None:
        """
        The entries about an order come by sequence, and none of another's (`EntriesAbout`).
        """
        _compare(storage, [EntriesAbout(name) for name in ("1001", "1002", "1003", "held 1", "100", "unknown")])

    def test_open_holds_are_neither_captured_nor_free(self, storage: Storage) -> None:
        """
        Holds come by sequence while their points are set aside (R-27, `OpenHolds`).
        """
        _compare(storage, [OpenHolds()])
        assert [hold.order for hold in ask(storage, OpenHolds())] == ["held 3"]

    def test_points_earned_in_a_period_are_counted(self, storage: Storage) -> None:
        """
        Points count under a program that caps periods, half-open, less what was taken back (R-19, `EarnedWithin`).
        """
        spans = [EarnedWithin(day(since), day(until)) for since in range(6) for until in (since + 1, 41, 99)]
        _compare(storage, spans, _counting())

    def test_an_entry_comes_with_what_reverses_it(self, storage: Storage) -> None:
        """
        An entry comes with all that reverses it, by sequence; an unknown one with nothing (`EntriesOn`).
        """
        _compare(storage, [EntriesOn(sequence) for sequence in (*range(60), 2**53 - 1)])

    def test_draws_on_a_lot_are_the_entries_that_touched_it(self, storage: Storage) -> None:
        """
        The entries that touched a lot after it was opened come by sequence (R-08, `DrawsOn`).
        """
        _compare(storage, [DrawsOn(lot) for lot in (*range(60), 10**6)])

    def test_an_account_that_is_not_there_has_nothing(self, storage: Storage) -> None:
        """
        Each read of an account without entries finds nothing.
        """
        for read in (OpenLots(), OpenHolds(), EntriesAbout("1001"), EntriesAfter(0), EntriesOn(1), DrawsOn(1)):
            assert _plain(ask(storage, read)) == ()
        assert ask(storage, NextChange(day(0))) is ask(storage, NextLapse(day(0))) is None
        assert ask(storage, EarnedWithin(day(0), day(9))) == 0

    def test_changing_what_was_returned_changes_nothing(self, storage: Storage) -> None:
        """
        Who changes a list that the storage returned changes no account and no later answer.
        """
        storage.transact_all(list(_jobs()))
        listed: list[Any] = [
            storage.accounts(CLUB.id, "", 9),
            storage.due_accounts(CLUB.id, day(999), 9),
            storage.accounts_to_notify(CLUB.id, day(999), 9),
            storage.transact(give(3, "given again", on=71)).entries,
            storage.transact(give(3, "given again", on=71)).entries,
        ]
        as_they_were = books(storage)
        due = list(storage.due_accounts(CLUB.id, day(999), 9))

        reads = (OpenLots(), OpenHolds(), EntriesAfter(0), LotsNamed((1, 2)), EntriesOn(1), EntriesAbout("1001"))
        listed += [ask(storage, read) for read in reads]
        for answer in listed:
            if _is_list(answer):
                answer.clear()
        assert books(storage) == as_they_were
        assert list(storage.due_accounts(CLUB.id, day(999), 9)) == due
