"""
A storage in memory: for tests, simulations and small tools.

It is the port in its plainest form, safe under threads, and forgets everything with the process.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Sequence
from datetime import datetime
from heapq import heappop, heappush, nsmallest
from threading import RLock
from typing import Any, TypeVar

from attrs import Factory, define

from ..domain.account import Account
from ..domain.commands import order_of
from ..domain.decisions import Decision
from ..domain.entries import Entry
from ..domain.instants import LATEST
from ..domain.lots import ORDER_OF_USE, Lot
from ..domain.points import TOTAL_MAX
from ..domain.program import UseOrder
from ..domain.reads import (
    DrawsOn,
    DueLots,
    EntriesAfter,
    EntriesOn,
    LotsNamed,
    NextChange,
    NextLapse,
    OpenLots,
    OrderEntries,
    Reading,
    UsableLots,
)
from ..errors import StorageBusy, StorageClosed
from ..port import Job

T = TypeVar("T")


@define
class Shelf:
    """
    Everything that is kept of one account.
    """

    account: Account
    entries: list[Entry] = Factory(list[Entry])
    keys: dict[str, int] = Factory(dict[str, int])
    """The sequence of the first entry under each key."""
    orders: dict[str, list[int]] = Factory(dict[str, list[int]])
    """The sequences of the entries that name each order."""
    lots: dict[int, Lot] = Factory(dict[int, Lot])
    reversals: dict[int, list[int]] = Factory(dict[int, list[int]])
    """The sequences of the entries that reverse each entry."""
    waiting: list[tuple[datetime, int]] = Factory(list[tuple[datetime, int]])
    """When each lot that was opened as pending becomes usable, and its id, ascending."""
    queued: datetime | None = None
    """The instant of change under which its room has queued it."""
    in_use: dict[UseOrder, list[tuple[Any, ...]]] = Factory(dict[UseOrder, list[tuple[Any, ...]]])
    """For each order of use that was asked for: the sort keys of lots with points left, ascending."""

    def under(self, key: str | None) -> tuple[Entry, ...]:
        """
        Return the entries stored under a key, by sequence.
        """
        first = self.keys.get(key) if key is not None else None
        if first is None:
            return ()
        last = first
        while last < len(self.entries) and self.entries[last].ordinal:
            last += 1
        return tuple(self.entries[first - 1 : last])

    def store(self, decision: Decision) -> None:
        """
        Keep what was decided.
        """
        for entry in decision.entries:
            self.entries.append(entry)
            if entry.ordinal == 0 and entry.key is not None:
                self.keys[entry.key] = entry.sequence
            order = order_of(entry.command)
            if order is not None:
                self.orders.setdefault(order, []).append(entry.sequence)
            if entry.reverses is not None:
                self.reversals.setdefault(entry.reverses, []).append(entry.sequence)
            if entry.opened is not None and entry.opened.available_at > entry.recorded_at:
                insort(self.waiting, (entry.opened.available_at, entry.opened.id))
        for lot in decision.lots:
            self._sort_in(self.lots.get(lot.id), lot)
            self.lots[lot.id] = lot
        self.account = decision.account

    def forget(self, decision: Decision, account: Account, lots: Sequence[Lot]) -> None:
        """
        Undo `store`, given the account and the changed lots as they were before.
        """
        known = {lot.id: lot for lot in lots}
        for entry in decision.entries:
            self.keys.pop(entry.key or "", None)
            order = order_of(entry.command)
            if order is not None:
                self.orders[order].remove(entry.sequence)
            if entry.reverses is not None:
                self.reversals[entry.reverses].remove(entry.sequence)
        del self.entries[account.version :]
        self.waiting = [(when, lot) for when, lot in self.waiting if lot <= account.version]
        for lot in decision.lots:
            before = known.get(lot.id)
            self._sort_in(lot, before or lot.with_points(0, 0))
            self.lots.pop(lot.id)
            if before is not None:
                self.lots[lot.id] = before
        self.account = account

    def _sort_in(self, before: Lot | None, after: Lot) -> None:
        was, now = before is not None and before.remaining > 0, after.remaining > 0
        if was != now:
            for use_order, ranks in self.in_use.items():
                rank = ORDER_OF_USE[use_order](after)
                if now:
                    insort(ranks, rank)
                else:
                    del ranks[bisect_left(ranks, rank)]

    # --- what decisions ask ----------------------------------------------------------------------------------

    def answer(self, read: Any) -> Any:
        """
        Answer one read of a decision.
        """
        return _ANSWERS[type(read)](self, read)

    def _lots_in(self, use_order: UseOrder) -> list[tuple[Any, ...]]:
        if use_order not in self.in_use:
            key = ORDER_OF_USE[use_order]
            self.in_use[use_order] = sorted(key(lot) for lot in self.lots.values() if lot.remaining)
        return self.in_use[use_order]

    def usable_lots(self, read: UsableLots) -> tuple[Lot, ...]:
        """
        Return usable lots in the order of use that hold the points.
        """
        found: list[Lot] = []
        missing = read.points
        for rank in self._lots_in(read.use_order):
            if missing <= 0:
                break
            lot = self.lots[rank[-1]]
            if lot.is_usable(read.at):
                found.append(lot)
                missing -= lot.remaining
        return tuple(found)

    def open_lots(self, read: OpenLots) -> tuple[Lot, ...]:
        """
        Return every lot with points left.
        """
        return tuple(self.lots[rank[-1]] for rank in self._lots_in("soonest_expiry"))

    def due_lots(self, read: DueLots) -> tuple[Lot, ...]:
        """
        Return lots that time changed.
        """
        if read.everything:
            return tuple(sorted(self.open_lots(OpenLots()), key=lambda lot: lot.id))
        first, last = (bisect_right(self.waiting, (when, TOTAL_MAX)) for when in (read.after, read.at))
        started = {lot for _, lot in self.waiting[first:last] if self.lots[lot].remaining}
        ranks = self._lots_in("soonest_expiry")
        lapsed = {rank[-1] for rank in ranks[: bisect_right(ranks, (read.at, LATEST))]}
        return tuple(self.lots[lot] for lot in sorted(started | lapsed))

    def next_change(self, read: NextChange) -> datetime | None:
        """
        Return the earliest change that lots wait for.
        """
        ranks = self._lots_in("soonest_expiry")
        lapsing = bisect_right(ranks, (read.after, LATEST))
        soonest = [when for when, *_ in ranks[lapsing : lapsing + 1] if when < LATEST]
        for when, lot in self.waiting[bisect_right(self.waiting, (read.after, TOTAL_MAX)) :]:
            if self.lots[lot].remaining:
                soonest.append(when)
                break
        return min(soonest, default=None)

    def next_lapse(self, read: NextLapse) -> tuple[int, datetime] | None:
        """
        Return what lapses next, and when.
        """
        ranks = self._lots_in("soonest_expiry")
        first = bisect_right(ranks, (read.after, LATEST))
        if first == len(ranks) or ranks[first][0] == LATEST:
            return None
        when: datetime = ranks[first][0]
        together = ranks[first : bisect_right(ranks, (when, LATEST))]
        return sum(self.lots[rank[-1]].remaining for rank in together), when

    def lots_named(self, read: LotsNamed) -> tuple[Lot, ...]:
        """
        Return lots by their ids.
        """
        return tuple(self.lots[lot] for lot in read.ids)

    def order_entries(self, read: OrderEntries) -> tuple[Entry, ...]:
        """
        Return the entries that name an order.
        """
        return tuple(self.entries[sequence - 1] for sequence in self.orders.get(read.order, ()))

    def entries_on(self, read: EntriesOn) -> tuple[Entry, ...]:
        """
        Return an entry and what reverses it.
        """
        of_entry = self.entries[read.sequence - 1 : read.sequence]
        return (
            *of_entry,
            *(self.entries[reversal - 1] for reversal in self.reversals.get(read.sequence, ())),
        )

    def entries_after(self, read: EntriesAfter) -> tuple[Entry, ...]:
        """
        Return a page of entries.
        """
        return tuple(self.entries[read.sequence : read.sequence + read.limit])

    def draws_on(self, read: DrawsOn) -> tuple[Entry, ...]:
        """
        Return the entries that touched a lot after it was opened; looks at every entry.
        """
        return tuple(e for e in self.entries if any(part.lot == read.lot for part in e.allocations))


_ANSWERS: dict[type, Callable[[Shelf, Any], Any]] = {
    UsableLots: Shelf.usable_lots,
    OpenLots: Shelf.open_lots,
    DueLots: Shelf.due_lots,
    NextLapse: Shelf.next_lapse,
    NextChange: Shelf.next_change,
    LotsNamed: Shelf.lots_named,
    OrderEntries: Shelf.order_entries,
    EntriesOn: Shelf.entries_on,
    EntriesAfter: Shelf.entries_after,
    DrawsOn: Shelf.draws_on,
}


@define
class Room:
    """
    The shelves of one program, and when time may change them.
    """

    shelves: dict[str, Shelf] = Factory(dict[str, Shelf])
    changes: list[tuple[datetime, str]] = Factory(list[tuple[datetime, str]])
    """A heap of instants of change and accounts; some no longer hold, which is seen when they come up."""

    def shelf(self, program: str, account: str) -> Shelf:
        """
        Return the shelf of an account, or a new one that is not kept yet.
        """
        return self.shelves.get(account) or Shelf(Account(program, account))

    def keep(self, shelf: Shelf) -> None:
        """
        Keep a shelf after something was stored on it or undone.
        """
        account = shelf.account
        if account.version == 0:
            self.shelves.pop(account.id, None)
            return
        self.shelves[account.id] = shelf
        if account.next_change_at is not None and account.next_change_at != shelf.queued:
            heappush(self.changes, (account.next_change_at, account.id))
        shelf.queued = account.next_change_at

    def due(self, at: datetime, limit: int) -> list[str]:
        """
        Return the accounts that change by `at`, earliest first.
        """
        found: dict[tuple[datetime, str], None] = {}
        while self.changes and self.changes[0][0] <= at and len(found) < limit:
            change = heappop(self.changes)
            shelf = self.shelves.get(change[1])
            if shelf is not None and shelf.account.next_change_at == change[0]:
                found[change] = None
        for change in found:
            heappush(self.changes, change)
        return [account for _, account in found]


class MemoryStorage:
    """
    Keeps ledgers in this process.
    """

    def __init__(self) -> None:
        self._rooms: dict[str, Room] = {}
        self._lock = RLock()
        self._closed = False
        self._at_work = False

    def transact(self, job: Job) -> Decision:
        """
        Run one decision; see `pointsledger.port.Storage.transact`.
        """
        with self._lock:
            self._check_free()
            try:
                self._at_work = True
                room = self._room(job.program)
                shelf, decision = _decide(room, job)
                if not decision.replayed:
                    shelf.store(decision)
                    room.keep(shelf)
                return decision
            finally:
                self._at_work = False

    def transact_all(self, jobs: Sequence[Job]) -> tuple[Decision, ...]:
        """
        Run decisions, all or none; see `pointsledger.port.Storage.transact_all`.
        """
        with self._lock:
            self._check_free()
            done: list[tuple[Room, Shelf, Decision, Account, tuple[Lot, ...]]] = []
            try:
                self._at_work = True
                for job in jobs:
                    room = self._room(job.program)
                    shelf, decision = _decide(room, job)
                    known = tuple(shelf.lots[lot.id] for lot in decision.lots if lot.id in shelf.lots)
                    done.append((room, shelf, decision, shelf.account, known))
                    if not decision.replayed:
                        shelf.store(decision)
                        room.keep(shelf)
            except BaseException:
                for room, shelf, decision, account, lots in reversed(done):
                    if not decision.replayed:
                        shelf.forget(decision, account, lots)
                        room.keep(shelf)
                raise
            finally:
                self._at_work = False
            return tuple(decision for _, _, decision, _, _ in done)

    def read(self, program: str, account: str, reader: Callable[[Account], Reading[T]]) -> T:
        """
        Run a reader; see `pointsledger.port.Storage.read`.
        """
        with self._lock:
            self._check_free()
            try:
                self._at_work = True
                shelf = self._room(program).shelf(program, account)
                return _run(reader(shelf.account), shelf)
            finally:
                self._at_work = False

    def accounts(self, program: str, after: str, limit: int) -> Sequence[str]:
        """
        List accounts; see `pointsledger.port.Storage.accounts`.
        """
        with self._lock:
            self._check_free()
            # Text sorts by code points, and so do its UTF-8 bytes.
            return nsmallest(limit, (id for id in self._room(program).shelves if id > after))

    def due_accounts(self, program: str, at: datetime, limit: int) -> Sequence[str]:
        """
        List accounts that time may change; see `pointsledger.port.Storage.due_accounts`.
        """
        with self._lock:
            self._check_free()
            return self._room(program).due(at, limit)

    def close(self) -> None:
        """
        Forget everything; later calls raise `StorageClosed`.
        """
        with self._lock:
            self._rooms.clear()
            self._closed = True

    def _check_free(self) -> None:
        """
        Refuse a call after `close`, and one from within a decision, whose account would be stale afterwards.
        """
        if self._closed:
            raise StorageClosed("memory")
        if self._at_work:
            raise StorageBusy("memory: called from within one of its own decisions")

    def _room(self, program: str) -> Room:
        room = self._rooms.get(program)
        if room is None:
            room = self._rooms[program] = Room()
        return room


def _decide(room: Room, job: Job) -> tuple[Shelf, Decision]:
    shelf = room.shelf(job.program, job.account)
    return shelf, _run(job.decide(shelf.account, shelf.under(job.key)), shelf)


def _run(reading: Reading[T], shelf: Shelf) -> T:
    """
    Drive a decision or reader to its result.
    """
    try:
        read = next(reading)
        while True:
            read = reading.send(shelf.answer(read))
    except StopIteration as stop:
        result: T = stop.value
        return result
