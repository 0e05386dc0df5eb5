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
from typing import Any, Literal, TypeVar

from attrs import Factory, define

from ..domain.account import Account, note_hold
from ..domain.decisions import Decision
from ..domain.entries import Entry, counts_at
from ..domain.instants import LATEST
from ..domain.lots import ORDER_OF_USE, Lot
from ..domain.points import TOTAL_MAX
from ..domain.program import UseOrder
from ..domain.reads import (
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
    Reading,
    UsableLots,
    run,
)
from ..errors import StorageBusy, StorageClosed
from ..port import Job

T = TypeVar("T")


Diary = Literal["next_change_at", "notice_at"]
"""A figure of an account by which a room finds it."""


@define
class Shelf:
    """
    Everything that is kept of one account.
    """

    account: Account
    entries: list[Entry] = Factory(list[Entry])
    keys: dict[str, int] = Factory(dict[str, int])
    """The sequence of the first entry under each key."""
    topics: dict[str, list[int]] = Factory(dict[str, list[int]])
    """The sequences of the entries on each topic."""
    holds: dict[int, Entry] = Factory(dict[int, Entry])
    """The open holds, by the sequence of their entry."""
    lots: dict[int, Lot] = Factory(dict[int, Lot])
    reversals: dict[int, list[int]] = Factory(dict[int, list[int]])
    """The sequences of the entries that reverse each entry."""
    waiting: list[tuple[datetime, int]] = Factory(list[tuple[datetime, int]])
    """When each lot that was opened as pending becomes usable, and its id, ascending."""
    queued: dict[Diary, datetime | None] = Factory(dict[Diary, datetime | None])
    """The instants under which its room has queued it."""
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
            if entry.topic is not None:
                self.topics.setdefault(entry.topic, []).append(entry.sequence)
            if entry.reverses is not None:
                self.reversals.setdefault(entry.reverses, []).append(entry.sequence)
            note_hold(self.holds, entry)
            if entry.opened is not None and entry.opened.available_at > entry.recorded_at:
                insort(self.waiting, (entry.opened.available_at, entry.opened.id))
        for lot in decision.lots:
            self._sort_in(self.lots.get(lot.id), lot)
            self.lots[lot.id] = lot
        self.account = decision.account

    def forget(self, decision: Decision, account: Account, lots: Sequence[Lot], holds: dict[int, Entry]) -> None:
        """
        Undo `store`, given the account, the changed lots and the open holds as they were before.
        """
        self.holds = holds
        known = {lot.id: lot for lot in lots}
        for entry in decision.entries:
            self.keys.pop(entry.key or "", None)
            if entry.topic is not None:
                self.topics[entry.topic].remove(entry.sequence)
            if entry.reverses is not None:
                self.reversals[entry.reverses].remove(entry.sequence)
        del self.entries[account.version :]
        self.waiting = [(when, lot) for when, lot in self.waiting if lot <= account.version]
        for lot in decision.lots:
            before = known.get(lot.id)
            self._sort_in(lot, before or lot.with_points(0, 0, 0))
            self.lots.pop(lot.id)
            if before is not None:
                self.lots[lot.id] = before
        self.account = account

    def _sort_in(self, before: Lot | None, after: Lot) -> None:
        for use_order, ranks in self.in_use.items():
            rank = ORDER_OF_USE[use_order]
            was = rank(before) if before is not None and before.remaining else None
            now = rank(after) if after.remaining else None
            if was == now:
                continue
            if was is not None:
                del ranks[bisect_left(ranks, was)]
            if now is not None:
                insort(ranks, now)

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
        started = {lot for when, lot in self.waiting[first:last] if self._still_waits(when, lot)}
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
            if self._still_waits(when, lot):
                soonest.append(when)
                break
        return min(soonest, default=None)

    def _still_waits(self, when: datetime, lot: int) -> bool:
        """
        Whether a lot that was opened as pending has points left, and no event has made it usable since.
        """
        return self.lots[lot].remaining > 0 and self.lots[lot].available_at == when

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

    def entries_about(self, read: EntriesAbout) -> tuple[Entry, ...]:
        """
        Return the entries on a topic.
        """
        return tuple(self.entries[sequence - 1] for sequence in self.topics.get(read.topic, ()))

    def open_holds(self, read: OpenHolds) -> tuple[Entry, ...]:
        """
        Return the open holds.
        """
        return tuple(self.holds.values())

    def earned_within(self, read: EarnedWithin) -> int:
        """
        Return what was earned in a period, less what was taken back of it; looks at every entry.
        """
        counted = [e for e in self.entries if counts_at(e) is not None and read.since <= e.occurred_at < read.until]
        taken = (self.entries[sequence - 1] for entry in counted for sequence in self.reversals.get(entry.sequence, ()))
        return sum(entry.points for entry in counted) - sum(r.claimed + r.withheld for r in taken)

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
    EntriesAbout: Shelf.entries_about,
    OpenHolds: Shelf.open_holds,
    EarnedWithin: Shelf.earned_within,
    EntriesOn: Shelf.entries_on,
    EntriesAfter: Shelf.entries_after,
    DrawsOn: Shelf.draws_on,
}


def _diaries() -> dict[Diary, list[tuple[datetime, str]]]:
    return {"next_change_at": [], "notice_at": []}


@define
class Room:
    """
    The shelves of one program, and when something is due on them.
    """

    shelves: dict[str, Shelf] = Factory(dict[str, Shelf])
    diaries: dict[Diary, list[tuple[datetime, str]]] = Factory(_diaries)
    """For each figure, a heap of instants and accounts; some no longer hold, which is seen when they come up."""

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
        for name, diary in self.diaries.items():
            when: datetime | None = getattr(account, name)
            if when is not None and when != shelf.queued.get(name):
                heappush(diary, (when, account.id))
            shelf.queued[name] = when

    def due(self, name: Diary, at: datetime, limit: int) -> list[str]:
        """
        Return the accounts on which something is due by `at`, earliest first.
        """
        diary = self.diaries[name]
        found: dict[tuple[datetime, str], None] = {}
        while diary and diary[0][0] <= at and len(found) < limit:
            item = heappop(diary)
            shelf = self.shelves.get(item[1])
            if shelf is not None and getattr(shelf.account, name) == item[0]:
                found[item] = None
        for item in found:
            heappush(diary, item)
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
            done: list[tuple[Room, Shelf, Decision, Account, tuple[Lot, ...], dict[int, Entry]]] = []
            try:
                self._at_work = True
                for job in jobs:
                    room = self._room(job.program)
                    shelf, decision = _decide(room, job)
                    known = tuple(shelf.lots[lot.id] for lot in decision.lots if lot.id in shelf.lots)
                    done.append((room, shelf, decision, shelf.account, known, dict(shelf.holds)))
                    if not decision.replayed:
                        shelf.store(decision)
                        room.keep(shelf)
            except BaseException:
                for room, shelf, decision, account, lots, holds in reversed(done):
                    if not decision.replayed:
                        shelf.forget(decision, account, lots, holds)
                        room.keep(shelf)
                raise
            finally:
                self._at_work = False
            return tuple(decision for _, _, decision, *_ in done)

    def read(self, program: str, account: str, reader: Callable[[Account], Reading[T]]) -> T:
        """
        Run a reader; see `pointsledger.port.Storage.read`.
        """
        with self._lock:
            self._check_free()
            try:
                self._at_work = True
                shelf = self._room(program).shelf(program, account)
                return run(reader(shelf.account), shelf.answer)
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
            return self._room(program).due("next_change_at", at, limit)

    def accounts_to_notify(self, program: str, at: datetime, limit: int) -> Sequence[str]:
        """
        List accounts on which notices may be due; see `pointsledger.port.Storage.accounts_to_notify`.
        """
        with self._lock:
            self._check_free()
            return self._room(program).due("notice_at", at, limit)

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
    return shelf, run(job.decide(shelf.account, shelf.under(job.key)), shelf.answer)
