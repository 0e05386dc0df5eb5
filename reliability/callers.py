"""
Callers that all begin at once: in threads, in processes of several threads, and as tasks.
"""

from __future__ import annotations

import logging
import multiprocessing
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, Protocol, Self

from attrs import define, field, frozen

from pointsledger import Entry, Ledger, commands
from pointsledger.errors import OperatorNeeded, Refused, TryAgain
from pointsledger.port import Storage

from .books import club
from .numbered import ON
from .places import Door

PROCESSES = multiprocessing.get_context("forkserver")
"""A server that has the package loaded and forks processes from it, each without a thread or file of this one."""
PROCESSES.set_forkserver_preload(
    ["pointsledger", "pointsledger.reports.verify", "reliability.callers", "reliability.places"]
)

PATIENCE = 120
"""Seconds for which a caller asks again, or is waited for, until it counts as hanging."""


@frozen
class Answer:
    """
    What a caller was told, and when it asked and had the answer, on the one clock of the machine.

    Args:
        errors: how often it was told to try again, or nothing, before.
        replayed: whether what it asked was there already.
    """

    command: commands.Command
    asked: int
    told: int
    entries: tuple[Entry, ...]
    refused: str | None
    replayed: bool = False
    errors: int = 0


Task = Callable[[Storage], list[Answer]]
"""What one caller does."""


def ask(ledger: Ledger, command: commands.Command) -> Answer:
    """
    Carry out a command and note what came of it; only a refusal is an answer.
    """
    asked = time.monotonic_ns()
    try:
        receipt = ledger.apply(command)
    except Refused as refusal:
        return Answer(command, asked, time.monotonic_ns(), (), type(refusal).__name__)
    return Answer(command, asked, time.monotonic_ns(), receipt.entries, None, replayed=receipt.replayed)


@frozen
class Asks:
    """
    A caller that carries out commands one after the other.
    """

    commands: Sequence[commands.Command]

    def __call__(self, storage: Storage) -> list[Answer]:
        """
        Ask for each once.
        """
        ledger = club(storage, on=ON)
        return [ask(ledger, command) for command in self.commands]


@frozen
class AsksUntilAnswered:
    """
    A caller that asks again with the same key, whatever happens to the database, until it has its answer.
    """

    commands: Sequence[commands.Command]

    def __call__(self, storage: Storage) -> list[Answer]:
        """
        Ask for each as often as it takes.
        """
        ledger = club(storage, on=ON)
        return [self._answered(ledger, command) for command in self.commands]

    @staticmethod
    def _answered(ledger: Ledger, command: commands.Command) -> Answer:
        begun, errors = time.monotonic_ns(), 0
        while True:
            try:
                answer = ask(ledger, command)
            except (TryAgain, OperatorNeeded):
                if time.monotonic_ns() - begun > PATIENCE * 10**9:
                    raise
                errors += 1
                time.sleep(0.02)
            else:
                return Answer(
                    command, begun, answer.told, answer.entries, answer.refused, replayed=answer.replayed, errors=errors
                )


def in_threads(calls: Sequence[Callable[[], list[Answer]]], start: Callable[[], object] | None = None) -> list[Answer]:
    """
    Let each call run in a thread of its own, all at once, and return all answers; what one raises is raised.
    """
    barrier = threading.Barrier(len(calls), start)
    answers: list[Answer] = []
    raised: list[BaseException] = []

    def run(call: Callable[[], list[Answer]]) -> None:
        try:
            barrier.wait()
            answers.extend(call())
        except BaseException as error:  # noqa: BLE001 - it is raised again below
            raised.append(error)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for error in raised:
        raise error
    return answers


@contextmanager
def restless() -> Generator[None]:
    """
    Let Python change between threads as often as it can.
    """
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


class Crew(Protocol):
    """
    Callers that are there, and wait to be given something to do.
    """

    def run(self, tasks: Sequence[Task]) -> list[Answer]:
        """
        Let each caller do a task, all at once, and return all answers; what one raises is raised.
        """
        ...


@frozen
class ThreadCrew:
    """
    Callers in threads of this process, which share a storage.
    """

    storage: Storage

    def run(self, tasks: Sequence[Task]) -> list[Answer]:
        """
        Let each thread do a task.
        """
        with restless():
            return in_threads([lambda task=task: task(self.storage) for task in tasks])


@define
class ProcessCrew:
    """
    Callers in processes, several threads in each; a process opens its storage once.

    Use it as a context manager.
    """

    door: Door
    size: int
    _start: Any = field(default=None, init=False)
    _pipes: list[Any] = field(factory=list[Any], init=False)
    _running: list[Any] = field(factory=list[Any], init=False)

    def __enter__(self) -> Self:
        self._start = PROCESSES.Barrier(self.size)
        for _ in range(self.size):
            here, there = PROCESSES.Pipe()
            process = PROCESSES.Process(target=_work, args=(self.door, there, self._start), daemon=True)
            process.start()
            there.close()
            self._pipes.append(here)
            self._running.append(process)
        try:
            self.answers()  # each says that its storage is open
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._start.abort()
        for pipe in self._pipes:
            pipe.close()
        for process in self._running:
            process.join(PATIENCE)
            process.kill()
            process.join()

    def begin(self, tasks: Sequence[Task]) -> None:
        """
        Give each process its share of the tasks, and go on.
        """
        for number, pipe in enumerate(self._pipes):
            pipe.send(tasks[number :: self.size])

    def answers(self) -> list[Answer]:
        """
        Wait for all answers.

        Raises:
            AssertionError: a caller failed, or has not answered for very long.
        """
        answers: list[Answer] = []
        failed: list[str] = []
        for pipe in self._pipes:
            told = _answer(pipe)
            if isinstance(told, str):
                self._start.abort()  # the others would wait for it
                failed.append(told)
            else:
                answers += told
        assert not failed, "; ".join(failed)
        return answers

    def run(self, tasks: Sequence[Task]) -> list[Answer]:
        """
        Let all processes do the tasks, a thread for each.
        """
        self.begin(tasks)
        return self.answers()


def _answer(pipe: Any) -> list[Answer] | str:
    """
    Return the answers of one process, or what kept it from them.
    """
    try:
        return pipe.recv() if pipe.poll(2 * PATIENCE) else "a process does not answer"
    except EOFError:
        return "a process has died"


def _work(door: Door, pipe: Connection, start: Any) -> None:
    """
    Open the storage and say so; then do what comes through the pipe, as soon as the other processes are there too,
    until it is closed.
    """
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)  # a server that is killed is no news here
    with door.opened() as storage:
        pipe.send([])
        for tasks in _received(pipe):
            try:
                answers = in_threads([lambda task=task: task(storage) for task in tasks], start.wait)
            except Exception as error:  # noqa: BLE001 - whoever gave the task raises it
                pipe.send(f"{type(error).__name__}: {error}")
            else:
                pipe.send(answers)


def _received(pipe: Connection) -> Iterator[list[Task]]:
    while True:
        try:
            yield pipe.recv()
        except EOFError:
            return
