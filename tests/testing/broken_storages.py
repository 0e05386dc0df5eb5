"""
Storages that break one promise of the port each, on purpose.
"""

# ruff: noqa: D102, SLF001 - the names say what is broken; they reach into what they break

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from operator import attrgetter
from pathlib import Path
from typing import Any

from attrs import evolve

from pointsledger import Entry
from pointsledger.domain import reads
from pointsledger.domain.decisions import Decision
from pointsledger.errors import IdempotencyConflict, InsufficientPoints, Refused
from pointsledger.port import Job
from pointsledger.storage.memory import MemoryStorage, Shelf
from pointsledger.storage.sqlite import SQLiteStorage


class Answering(MemoryStorage):
    """
    Lets a subclass falsify the answers to reads, those of decisions included.
    """

    def falsify(self, read: Any, answer: Any) -> Any:
        return answer

    def _falsely(self, reading: Any) -> Any:
        try:
            read = next(reading)
            while True:
                read = reading.send(self.falsify(read, (yield read)))
        except StopIteration as stop:
            return stop.value

    def transact(self, job: Job) -> Decision:
        return super().transact(self._false_job(job))

    def transact_all(self, jobs: Sequence[Job]) -> tuple[Decision, ...]:
        return super().transact_all([self._false_job(job) for job in jobs])

    def read(self, program: str, account: str, reader: Any) -> Any:
        return super().read(program, account, lambda stored: self._falsely(reader(stored)))

    def _false_job(self, job: Job) -> Job:
        return evolve(job, decide=lambda account, earlier: self._falsely(job.decide(account, earlier)))


class Rewriting(MemoryStorage):
    """
    Lets a subclass falsify what decisions write and the keys that jobs ask for.
    """

    def rewrite(self, decision: Decision) -> Decision:
        return decision

    def rename(self, job: Job) -> Job:
        return job

    def _rewritten(self, job: Job) -> Job:
        job = self.rename(job)

        def decided(account: Any, earlier: Any) -> Any:
            decision = yield from job.decide(account, earlier)
            return decision if decision.replayed else self.rewrite(decision)

        return evolve(job, decide=decided)

    def transact(self, job: Job) -> Decision:
        return super().transact(self._rewritten(job))

    def transact_all(self, jobs: Sequence[Job]) -> tuple[Decision, ...]:
        return super().transact_all([self._rewritten(job) for job in jobs])


# --- decisions and batches -------------------------------------------------------------------------------------------


class NobodyWaits(MemoryStorage):
    """
    No lock and no check of the version: two decisions of one account are based on the same state.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock: Any = nullcontext()

    def _check_free(self) -> None:
        self._at_work = False
        super()._check_free()


class LotsWrittenOutside(Rewriting):
    """
    Only the first lot is written with the entries; the others would follow, and what fails in between loses them.
    """

    def rewrite(self, decision: Decision) -> Decision:
        return evolve(decision, lots=decision.lots[:1])


class EntriesWrittenAtOnce(MemoryStorage):
    """
    A decision is written while it is made, so that one that raises half way leaves its account behind.
    """

    def transact(self, job: Job) -> Decision:
        shelf = self._room(job.program).shelf(job.program, job.account)
        try:
            return super().transact(job)
        except BaseException:
            shelf.account = evolve(shelf.account, as_of=shelf.account.as_of + timedelta(seconds=1))
            raise


class BatchNotAtomic(MemoryStorage):
    """
    A batch is one transaction for each of its decisions.
    """

    def transact_all(self, jobs: Sequence[Job]) -> tuple[Decision, ...]:
        return tuple(self.transact(job) for job in jobs)


class BatchSeesNothingOfItself(MemoryStorage):
    """
    Every decision of a batch is based on the state before the batch.
    """

    def transact_all(self, jobs: Sequence[Job]) -> tuple[Decision, ...]:
        decisions = []
        for job in jobs:
            room = self._room(job.program)
            shelf = room.shelf(job.program, job.account)
            decisions.append((room, shelf, reads.run(job.decide(shelf.account, shelf.under(job.key)), shelf.answer)))
        for room, shelf, decision in decisions:
            shelf.store(decision)
            room.keep(shelf)
        return tuple(decision for _, _, decision in decisions)


class UndoneBatchKeepsKeys(MemoryStorage):
    """
    When a batch is undone its keys stay: their next use is taken for a replay.
    """

    def __init__(self) -> None:
        super().__init__()
        self._used: set[str | None] = set()

    def transact(self, job: Job) -> Decision:
        return super().transact(looking(job) if job.key in self._used else job)

    def transact_all(self, jobs: Sequence[Job]) -> tuple[Decision, ...]:
        try:
            return super().transact_all(jobs)
        except RuntimeError:
            self._used |= {job.key for job in jobs}
            raise


def looking(job: Job) -> Job:
    """
    Return a job that writes nothing and takes what it is given for its own answer.
    """

    def decided(account: Any, earlier: Any) -> Any:
        yield from ()
        return Decision(earlier, account, replayed=True)

    return evolve(job, decide=decided)


class RefusedIsStored(MemoryStorage):
    """
    A refused command leaves its key behind, as one that was used.
    """

    def __init__(self) -> None:
        super().__init__()
        self._burnt: set[tuple[str, str | None]] = set()

    def transact(self, job: Job) -> Decision:
        if (job.account, job.key) in self._burnt:
            return super().transact(looking(job))
        try:
            return super().transact(job)
        except Refused:
            self._burnt.add((job.account, job.key))
            raise


class ReplayIsStored(MemoryStorage):
    """
    A replayed decision is written like any other.
    """

    def transact(self, job: Job) -> Decision:
        decision = super().transact(job)
        self._room(job.program).shelf(job.program, job.account).store(evolve(decision, entries=()))
        return decision


class OnlyEntriesAreStored(MemoryStorage):
    """
    A decision without entries is taken for one that changed nothing.
    """

    def transact(self, job: Job) -> Decision:
        def decided(account: Any, earlier: Any) -> Any:
            decision = yield from job.decide(account, earlier)
            return decision if decision.entries else evolve(decision, replayed=True)

        return super().transact(evolve(job, decide=decided))


class ErrorsAreWrapped(MemoryStorage):
    """
    What a decision raises comes out as something else.
    """

    def transact(self, job: Job) -> Decision:
        try:
            return super().transact(job)
        except Refused:
            raise
        except Exception as error:
            raise RuntimeError("the transaction failed") from error


# --- what is kept ----------------------------------------------------------------------------------------------------


class LosesAField(Rewriting):
    """
    What a redemption left to pay is not stored.
    """

    def rewrite(self, decision: Decision) -> Decision:
        return evolve(decision, entries=tuple(evolve(entry, still_to_pay=None) for entry in decision.entries))


class BatchLosesAField(LosesAField):
    """
    The same, in batches only.
    """

    def transact(self, job: Job) -> Decision:
        return MemoryStorage.transact(self, job)


class RefusesLate(MemoryStorage):
    """
    What is refused is refused with another figure: the storage counts the balance itself.
    """

    def transact(self, job: Job) -> Decision:
        try:
            return super().transact(job)
        except InsufficientPoints as refused:
            refused.available = 0
            raise


class KeysAreNotKept(MemoryStorage):
    def transact(self, job: Job) -> Decision:
        return super().transact(_keyless(job))


class KeyOfFirstEntryOnly(MemoryStorage):
    """
    Of several entries of one command only the first is found by the key.
    """

    def transact(self, job: Job) -> Decision:
        return super().transact(evolve(job, decide=lambda account, earlier: job.decide(account, earlier[:1])))


class KeyWithOtherContentIsNew(MemoryStorage):
    """
    A key that was used is only known by what was asked under it, so that with other content it is new.
    """

    def transact(self, job: Job) -> Decision:
        def decided(account: Any, earlier: Any) -> Any:
            try:
                return (yield from job.decide(account, earlier))
            except IdempotencyConflict:
                pass
            return (yield from job.decide(account, ()))

        return super().transact(evolve(job, decide=decided))


class BatchForgetsItsKeys(MemoryStorage):
    """
    Keys are looked up before the batch begins, so that one that comes twice is used twice.
    """

    def transact_all(self, jobs: Sequence[Job]) -> tuple[Decision, ...]:
        before = {key for shelf in shelves_of(self) for key in shelf.keys}
        return super().transact_all([job if job.key in before else _keyless(job) for job in jobs])


def _keyless(job: Job) -> Job:
    return evolve(job, decide=lambda account, earlier: job.decide(account, ()))


class KeysInMemoryOnly(SQLiteStorage):
    """
    Keys are remembered by this process alone: opened again, the storage knows none.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._known: set[str | None] = set()

    def transact(self, job: Job) -> Decision:
        return self.transact_all([job])[0]

    def transact_all(self, jobs: Sequence[Job]) -> tuple[Decision, ...]:
        decisions = super().transact_all([job if job.key in self._known else _keyless(job) for job in jobs])
        self._known |= {job.key for job in jobs}
        return decisions


class LotsInMemoryOnly(SQLiteStorage):
    """
    What is left in lots has not reached the disk when the file is opened again.
    """

    def close(self) -> None:
        if self._connection is not None:
            self._connection.execute("UPDATE pointsledger_lots SET remaining = points, held = 0")
        super().close()


# --- order and reads -------------------------------------------------------------------------------------------------


class TailOfEntriesLost(Answering):
    """
    The last entry of a page is left out.
    """

    def falsify(self, read: Any, answer: Any) -> Any:
        return answer[:-1] if isinstance(read, reads.EntriesAfter) and len(answer) > 1 else answer


class EntriesNewestFirst(Answering):
    def falsify(self, read: Any, answer: Any) -> Any:
        return answer[::-1] if isinstance(read, reads.EntriesAfter) else answer


class EntriesLimitIgnored(Answering):
    def falsify(self, read: Any, answer: Any) -> Any:
        return tuple(entries_in(self)[read.sequence :]) if isinstance(read, reads.EntriesAfter) and answer else answer


class LotsInOrderOfIds(Answering):
    def falsify(self, read: Any, answer: Any) -> Any:
        return tuple(sorted(answer, key=attrgetter("id"))) if isinstance(read, reads.UsableLots) else answer


class OpenLotsInOrderOfIds(Answering):
    def falsify(self, read: Any, answer: Any) -> Any:
        return tuple(sorted(answer, key=attrgetter("id"))) if isinstance(read, reads.OpenLots) else answer


class LotsNamedAreSorted(Answering):
    def falsify(self, read: Any, answer: Any) -> Any:
        return tuple(sorted(answer, key=attrgetter("id"))) if isinstance(read, reads.LotsNamed) else answer


class LapsesOfOneLot(Answering):
    def falsify(self, read: Any, answer: Any) -> Any:
        return (3, answer[1]) if isinstance(read, reads.NextLapse) and answer else answer


class ReversalsForgotten(Answering):
    def falsify(self, read: Any, answer: Any) -> Any:
        return answer[:1] if isinstance(read, reads.EntriesOn) else answer


class OrdersByPrefix(Answering):
    def falsify(self, read: Any, answer: Any) -> Any:
        if not isinstance(read, reads.EntriesAbout):
            return answer
        return tuple(entry for entry in entries_in(self) if (entry.topic or "").startswith(read.topic))


class HoldsStayOpen(Answering):
    def falsify(self, read: Any, answer: Any) -> Any:
        if not isinstance(read, reads.OpenHolds):
            return answer
        return tuple(entry for entry in entries_in(self) if entry.kind == "held")


class PeriodsAreClosed(Answering):
    """
    What was earned at the end of a period counts in it, and in the next one.
    """

    def falsify(self, read: Any, answer: Any) -> Any:
        if not isinstance(read, reads.EarnedWithin):
            return answer
        return answer + sum(e.points for e in entries_in(self) if e.kind == "earned" and e.occurred_at == read.until)


class DrawsWithoutReturns(Answering):
    def falsify(self, read: Any, answer: Any) -> Any:
        return tuple(e for e in answer if e.points < 0) if isinstance(read, reads.DrawsOn) else answer


class WaitingLotsForgotten(Answering):
    def falsify(self, read: Any, answer: Any) -> Any:
        if not isinstance(read, reads.DueLots) or read.everything:
            return answer
        return tuple(lot for lot in answer if lot.available_at <= read.after)


class LapsedLotsForgotten(Answering):
    def falsify(self, read: Any, answer: Any) -> Any:
        if not isinstance(read, reads.DueLots) or read.everything:
            return answer
        return tuple(lot for lot in answer if lot.available_at > read.after)


class NextChangeIsForgotten(Answering):
    def falsify(self, read: Any, answer: Any) -> Any:
        return None if isinstance(read, reads.NextChange) else answer


class NothingIsNone(Answering):
    def falsify(self, read: Any, answer: Any) -> Any:
        return None if answer == () else answer


class AliasedAnswers(MemoryStorage):
    """
    The list of entries that is returned is the one that is kept.
    """

    def read(self, program: str, account: str, reader: Any) -> Any:
        def aliased(stored: Any) -> Any:
            reading, answer = reader(stored), None
            try:
                read = next(reading)
                while True:
                    answer = yield read
                    if isinstance(read, reads.EntriesAfter) and read.sequence == 0:
                        answer = self._room(program).shelf(program, account).entries
                    read = reading.send(answer)
            except StopIteration as stop:
                return stop.value

        return super().read(program, account, aliased)


# --- accounts --------------------------------------------------------------------------------------------------------


class OrdersCaseInsensitive(Answering):
    """
    Orders that differ in case only are one.
    """

    def falsify(self, read: Any, answer: Any) -> Any:
        if not isinstance(read, reads.EntriesAbout):
            return answer
        return tuple(entry for entry in entries_in(self) if (entry.topic or "").lower() == read.topic.lower())


class CaseInsensitive(MemoryStorage):
    """
    Names that differ in case only are one account, as in a column with a careless collation.
    """

    def transact(self, job: Job) -> Decision:
        return super().transact(evolve(job, account=job.account.lower()))

    def read(self, program: str, account: str, reader: Any) -> Any:
        return super().read(program, account.lower(), reader)


class OneKeyForAllAccounts(MemoryStorage):
    """
    A key that one account has used is taken for every account.
    """

    def transact(self, job: Job) -> Decision:
        def decided(account: Any, earlier: Any) -> Any:
            shelves = self._room(job.program).shelves.values()
            found = next((shelf.under(job.key) for shelf in shelves if job.key in shelf.keys), earlier)
            return (yield from job.decide(account, found))

        return super().transact(evolve(job, decide=decided))


class ProgramsLeak(MemoryStorage):
    """
    There is one room for all programs.
    """

    def _room(self, program: str) -> Any:
        return super()._room("all")


class AccountsInOrderOfUTF16(MemoryStorage):
    def accounts(self, program: str, after: str, limit: int) -> Sequence[str]:
        def rank(account: str) -> bytes:
            return account.encode("utf-16-be")

        return sorted((id for id in self._room(program).shelves if rank(id) > rank(after)), key=rank)[:limit]


class SlowReads(MemoryStorage):
    """
    A read sees the figures as they were when it began, and each answer as it is by then.
    """

    def read(self, program: str, account: str, reader: Any) -> Any:
        shelf = self._room(program).shelf(program, account)
        reading = reader(shelf.account)
        try:
            read = next(reading)
            while True:
                with self._lock:
                    answer = shelf.answer(read)
                read = reading.send(answer)
        except StopIteration as stop:
            return stop.value


class PageBeginsWithTheGiven(MemoryStorage):
    def accounts(self, program: str, after: str, limit: int) -> Sequence[str]:
        return sorted(id for id in self._room(program).shelves if id >= after)[:limit]


class AccountsLimitIgnored(MemoryStorage):
    def accounts(self, program: str, after: str, limit: int) -> Sequence[str]:
        return super().accounts(program, after, 10_000)


class DueByName(MemoryStorage):
    def due_accounts(self, program: str, at: datetime, limit: int) -> Sequence[str]:
        return sorted(super().due_accounts(program, at, limit))


class DueLimitIgnored(MemoryStorage):
    def due_accounts(self, program: str, at: datetime, limit: int) -> Sequence[str]:
        return super().due_accounts(program, at, 10_000)


class DueByOldDates(MemoryStorage):
    """
    The index still has the instants that no longer hold.
    """

    def __init__(self) -> None:
        super().__init__()
        self._dates: set[tuple[datetime, str]] = set()

    def transact(self, job: Job) -> Decision:
        decision = super().transact(job)
        if decision.account.next_change_at is not None:
            self._dates.add((decision.account.next_change_at, job.account))
        return decision

    def due_accounts(self, program: str, at: datetime, limit: int) -> Sequence[str]:
        return list(dict.fromkeys(account for when, account in sorted(self._dates) if when <= at))[:limit]


class UndoneBatchStaysDue(MemoryStorage):
    """
    What an undone batch made due stays in the index.
    """

    def __init__(self) -> None:
        super().__init__()
        self._undone: list[str] = []

    def transact_all(self, jobs: Sequence[Job]) -> tuple[Decision, ...]:
        try:
            return super().transact_all(jobs)
        except RuntimeError:
            self._undone += [job.account for job in jobs]
            raise

    def due_accounts(self, program: str, at: datetime, limit: int) -> Sequence[str]:
        return list(dict.fromkeys([*super().due_accounts(program, at, limit), *self._undone]))


class NoticesByName(MemoryStorage):
    def accounts_to_notify(self, program: str, at: datetime, limit: int) -> Sequence[str]:
        return sorted(super().accounts_to_notify(program, at, limit))


class EmptyAccountsAreKept(MemoryStorage):
    """
    Who reads an account begins it.
    """

    def read(self, program: str, account: str, reader: Any) -> Any:
        room = self._room(program)
        room.shelves[account] = room.shelf(program, account)
        return super().read(program, account, reader)


class OpenAfterClosing(MemoryStorage):
    def close(self) -> None:
        pass


def shelves_of(storage: MemoryStorage) -> list[Shelf]:
    """
    Return all that a storage keeps.
    """
    return [shelf for room in storage._rooms.values() for shelf in room.shelves.values()]


def entries_in(storage: MemoryStorage) -> list[Entry]:
    """
    Return the entries of all accounts.
    """
    return [entry for shelf in shelves_of(storage) for entry in shelf.entries]
