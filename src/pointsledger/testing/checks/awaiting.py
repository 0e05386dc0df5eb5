"""
Checks of tasks: they follow each other, and one that is cancelled leaves all or nothing.
"""

from __future__ import annotations

from asyncio import Task, create_task, gather, get_running_loop, sleep, wait, wait_for
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from ...domain.account import Account
from ...domain.decisions import Decision
from ...domain.entries import Entry
from ...domain.reads import Reading
from ...errors import TryAgain
from ...port import AsyncStorage, Job
from ..bridge import BridgedStorage
from .acting import CALLERS, assert_balanced, entries_of, figures_of, give

T = TypeVar("T")

_PATIENCE = 60
"""Seconds after which a storage that still waits will wait for ever."""

_PAUSES: list[tuple[int, float]] = [*((turns, 0) for turns in range(6)), (0, 0.2), (0, 0.5), (0, 1), (0, 2), (0, 4)]
"""Turns of the loop and milliseconds: some storages wait for a turn only, others for a server."""

_MOMENTS = [(decision, *pause) for decision in range(4) for pause in _PAUSES]
"""When a task is cancelled: so long after it began (0) or after one of its three decisions was asked."""


class AwaitingChecks:
    """
    What the port promises to tasks.
    """

    def test_tasks_of_one_account_follow_each_other(self, storage: BridgedStorage) -> None:
        """
        Of 16 tasks that give to one account at once each has its effect, one after the other (I-13, I-22).
        """

        async def give_all() -> None:
            tasks = [_patiently(storage.awaited, [give(number + 1, f"task {number}")]) for number in range(CALLERS)]
            await wait_for(gather(*tasks), _PATIENCE)

        storage.bridge.run(give_all())
        assert [entry.sequence for entry in entries_of(storage)] == list(range(1, CALLERS + 1))
        assert figures_of(storage).available == sum(range(1, CALLERS + 1))
        assert_balanced(storage)

    def test_a_cancelled_task_leaves_all_or_nothing(self, storage: BridgedStorage) -> None:
        """
        A batch whose task is cancelled, whenever that is, is stored wholly or not at all (R-45, I-18).
        """
        for moment in _MOMENTS:
            batch = _batch(moment)
            storage.bridge.run(_cancelled(storage.awaited, batch, *moment))
            kept = [figures_of(storage, job.account).balance for job in batch]
            assert kept in ([0, 0, 0], [3, 3, 4]), f"cancelled at (decision, turns, milliseconds) {moment}"
        assert_balanced(storage)

    def test_a_cancelled_command_can_be_asked_again(self, storage: BridgedStorage) -> None:
        """
        What a cancelled task asked for is asked again under the same keys, and has one effect (R-44, I-14).
        """
        for moment in _MOMENTS:
            batch = _batch(moment)
            storage.bridge.run(_cancelled(storage.awaited, batch, *moment))
            storage.bridge.run(wait_for(_patiently(storage.awaited, batch), _PATIENCE))
            assert [figures_of(storage, job.account).balance for job in batch] == [3, 3, 4]
        assert_balanced(storage)

    def test_a_cancelled_task_takes_no_other_along(self, storage: BridgedStorage) -> None:
        """
        Of 16 tasks on one account every other is cancelled; those that are not have their effect (I-22).
        """
        wanted: set[str] = set()
        for turns, milliseconds in _PAUSES:
            names = [f"task {number} of {turns} {milliseconds}" for number in range(CALLERS)]
            failed = storage.bridge.run(_every_other(storage.awaited, names, turns, milliseconds))
            assert failed == []
            wanted |= set(names[::2])
        keys = {str(entry.key) for entry in entries_of(storage)}
        assert wanted <= keys
        assert figures_of(storage).balance == len(keys)
        assert_balanced(storage)


def _batch(moment: tuple[int, int, float]) -> list[Job]:
    """
    Return three decisions, on two accounts of their own.
    """
    one, other = f"ann {moment}", f"bob {moment}"
    return [give(1, "first", account=one), give(2, "second", account=one), give(4, "third", account=other)]


async def _every_other(storage: AsyncStorage, names: list[str], turns: int, milliseconds: float) -> list[str]:
    """
    Give a point in a task for each key, cancel every other task after a while, and return how others failed.
    """
    tasks = [create_task(_patiently(storage, [give(1, name)])) for name in names]
    for task in tasks[1::2]:
        _cancel_in(task, turns, milliseconds)
    await wait(tasks, timeout=_PATIENCE)
    outcomes = await gather(*tasks[::2], return_exceptions=True)
    return [repr(outcome) for outcome in outcomes if isinstance(outcome, BaseException)]


async def _cancelled(storage: AsyncStorage, batch: list[Job], decision: int, turns: int, milliseconds: float) -> None:
    """
    Run a batch in a task that is cancelled so long after it began, or after one of its decisions was asked.
    """
    loop = get_running_loop()
    jobs = [*batch]
    if decision:
        # The storage may ask decisions in another thread.
        jobs[decision - 1] = _telling(
            jobs[decision - 1], lambda: loop.call_soon_threadsafe(_cancel_in, task, turns, milliseconds)
        )
    task = create_task(storage.transact_all(jobs))
    if not decision:
        _cancel_in(task, turns, milliseconds)
    await wait([task], timeout=_PATIENCE)


def _cancel_in(task: Task[Any], turns: int, milliseconds: float) -> None:
    loop = task.get_loop()
    if turns:
        loop.call_soon(_cancel_in, task, turns - 1, milliseconds)
    elif milliseconds:
        loop.call_later(milliseconds / 1000, task.cancel)
    else:
        task.cancel()


def _telling(job: Job, tell: Callable[[], object]) -> Job:
    def decided(account: Account, earlier: tuple[Entry, ...]) -> Reading[Decision]:
        tell()
        return (yield from job.decide(account, earlier))

    return Job(job.program, job.account, job.key, decided)


async def _patiently(storage: AsyncStorage, jobs: list[Job]) -> tuple[Decision, ...]:
    """
    Ask again while the storage says that this is safe, as a host does (R-46).
    """
    for _ in range(100):
        with suppress(TryAgain):
            return await storage.transact_all(jobs)
        await sleep(0.01)
    return await storage.transact_all(jobs)
