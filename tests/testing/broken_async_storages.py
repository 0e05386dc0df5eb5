"""
Storages that are awaited and break one promise to tasks each, on purpose.
"""

# ruff: noqa: D102, SLF001 - the names say what is broken; they reach into what they break

from __future__ import annotations

from asyncio import CancelledError, Task, current_task, sleep
from collections.abc import Sequence
from typing import Any

from pointsledger.domain import reads
from pointsledger.domain.decisions import Decision
from pointsledger.errors import StorageBusy
from pointsledger.port import Job
from pointsledger.storage.memory import MemoryStorage
from pointsledger.storage.memory_async import AsyncMemoryStorage
from tests.testing.broken_storages import looking


class Awaited(AsyncMemoryStorage):
    """
    A storage of another kind, awaited.
    """

    def __init__(self, inner: MemoryStorage) -> None:
        super().__init__()
        self._memory = inner


class NobodyWaits(AsyncMemoryStorage):
    """
    Other tasks have a turn between what a decision reads and what it writes.
    """

    async def transact_all(self, jobs: Sequence[Job]) -> tuple[Decision, ...]:
        decisions = []
        for job in jobs:
            room = self._memory._room(job.program)
            shelf = room.shelf(job.program, job.account)
            decision = reads.run(job.decide(shelf.account, shelf.under(job.key)), shelf.answer)
            await sleep(0)
            decisions.append(decision)
            shelf.store(decision)
            room.keep(shelf)
        return tuple(decisions)


class StoredInParts(AsyncMemoryStorage):
    """
    A batch is stored decision by decision, and whoever is cancelled in between has stored a part.
    """

    async def transact_all(self, jobs: Sequence[Job]) -> tuple[Decision, ...]:
        return tuple([await self.transact(job) for job in jobs])


class CancelledKeepsKeys(AsyncMemoryStorage):
    """
    The keys of a task that was cancelled are taken for used.
    """

    def __init__(self) -> None:
        super().__init__()
        self._used: set[tuple[str, str | None]] = set()

    async def transact_all(self, jobs: Sequence[Job]) -> tuple[Decision, ...]:
        names = {(job.account, job.key) for job in jobs}
        if names & self._used:
            return self._memory.transact_all([looking(job) for job in jobs])
        try:
            return await super().transact_all(jobs)
        except CancelledError:
            self._used |= names
            raise


class LockIsKept(AsyncMemoryStorage):
    """
    A task that is cancelled while it has the lock never gives it back.
    """

    def __init__(self) -> None:
        super().__init__()
        self._locked = False

    async def transact_all(self, jobs: Sequence[Job]) -> tuple[Decision, ...]:
        if self._locked:
            raise StorageBusy("somebody has the lock")
        self._locked = True
        decisions = await super().transact_all(jobs)
        self._locked = False
        return decisions


class AllAreCancelled(AsyncMemoryStorage):
    """
    A task that is cancelled takes all others along that are at work.
    """

    def __init__(self) -> None:
        super().__init__()
        self._at_work: set[Task[Any] | None] = set()

    async def transact_all(self, jobs: Sequence[Job]) -> tuple[Decision, ...]:
        self._at_work.add(current_task())
        try:
            await sleep(0)
            return await super().transact_all(jobs)
        except CancelledError:
            for task in self._at_work - {current_task(), None}:
                task.cancel()
            raise
        finally:
            self._at_work.discard(current_task())
