"""
What the checks do to a storage, and how they look at it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from threading import Barrier
from time import sleep
from typing import Any, NoReturn, TypeAlias, TypeVar

from ...domain import commands
from ...domain.account import Account
from ...domain.commands import Command
from ...domain.decisions import Decision, decide
from ...domain.entries import Entry
from ...domain.program import Program
from ...domain.reads import EntriesAfter, Read, Reading, read_entries
from ...errors import TryAgain
from ...port import Job, Storage
from ...reports.verify import verify
from ..club import ANN, BY_HAND, CLUB, job, order, story

T = TypeVar("T")

Reopen: TypeAlias = Callable[[], Storage]
"""Closes the storage and returns it, opened again."""

CALLERS = 16


class Halted(BaseException):
    """
    What a decision raises that nobody catches on the way, as Ctrl-C.
    """


def give(points: int, key: str, *, account: str = ANN, on: int = 0, program: Program = CLUB) -> Job:
    """
    Return a job that gives points by hand, usable at once, or takes them if below 0.
    """
    return job(commands.Adjust(account=account, points=points, **BY_HAND), key, on=on, program=program)


def use(points: int, key: str, *, account: str = ANN, on: int = 0, of: str | None = None) -> Job:
    """
    Return a job that redeems points, for an order if it is named.
    """
    return job(commands.Redeem(account=account, points=points, order=of), key, on=on)


def buy(id: str, *, account: str = ANN, on: int = 0) -> Job:
    """
    Return a job that processes an order of 60 points.
    """
    command = commands.Process(account=account, order=id, document=order(id, account))
    return job(command, f"process {id}", on=on)


def job_at(command: Command, program: Program = CLUB) -> Job:
    """
    Return the job of a command that has its own key and now.
    """
    assert command.at is not None
    now: datetime = command.at

    def decided(account: Account, earlier: tuple[Entry, ...]) -> Reading[Decision]:
        return decide(program, command, command.key, now, account, earlier)

    return Job(program.id, command.account, command.key, decided)


def told(storage: Storage, account: str = ANN, *, prefix: str = "", program: Program = CLUB) -> tuple[Decision, ...]:
    """
    Tell the story of an account, in one batch, and return its decisions.
    """
    return storage.transact_all([job_at(command, program) for command in story(account, prefix=prefix)])


def halting(error: BaseException, account: str = ANN, *, after_reading: bool) -> Job:
    """
    Return a job whose decision raises, at once or after it has read.
    """

    def decided(_: Account, __: tuple[Entry, ...]) -> Reading[Decision]:
        if after_reading:
            yield from read_entries(EntriesAfter(0))
        _halt(error)

    return Job(CLUB.id, account, "halting", decided)


def _halt(error: BaseException) -> NoReturn:
    raise error


def slowly(fast: Job) -> Job:
    """
    Return a job that takes its time between being handed the account and answering.

    Callers who are let in together are then sure to overlap.
    """

    def decided(account: Account, earlier: tuple[Entry, ...]) -> Reading[Decision]:
        sleep(0.005)
        return (yield from fast.decide(account, earlier))

    return Job(fast.program, fast.account, fast.key, decided)


def ask(storage: Storage, read: Read, account: str = ANN, program: str = CLUB.id) -> Any:
    """
    Return a storage's answer to one read.
    """

    def reader(_: Account) -> Reading[Any]:
        return (yield read)

    return storage.read(program, account, reader)


def entries_of(storage: Storage, account: str = ANN, program: str = CLUB.id) -> list[Entry]:
    """
    Return an account's entries in the order in which they come.
    """
    return list(ask(storage, EntriesAfter(0, 10_000), account, program))


def figures_of(storage: Storage, account: str = ANN, program: str = CLUB.id) -> Account:
    """
    Return an account's figures as stored.
    """

    def reader(stored: Account) -> Reading[Account]:
        yield from ()
        return stored

    return storage.read(program, account, reader)


def outcome_of(call: Callable[[], T]) -> T | str:
    """
    Return what a call returns, or the name and text of what it raises.
    """
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is compared
        return f"{type(error).__name__}: {error}"


def raised_by(call: Callable[[], object]) -> BaseException | None:
    """
    Return what a call raises, whatever it is.
    """
    try:
        call()
    except BaseException as error:  # noqa: BLE001 - that it is the same one is what is checked
        return error
    return None


def patiently(call: Callable[[], T]) -> T:
    """
    Call again while the storage says that this is safe, as a host does (R-46).
    """
    for _ in range(100):
        with suppress(TryAgain):
            return call()
        sleep(0.01)
    return call()


def at_once(calls: Iterable[Callable[[], T]]) -> list[T | str]:
    """
    Let every call begin at the same time in a thread of its own, and return their outcomes in order.
    """
    waiting = list(calls)
    start = Barrier(len(waiting))

    def begin(call: Callable[[], T]) -> T | str:
        start.wait(60)
        return outcome_of(lambda: patiently(call))

    with ThreadPoolExecutor(len(waiting)) as threads:
        return list(threads.map(begin, waiting))


def assert_balanced(storage: Storage, program: str = CLUB.id) -> None:
    """
    Everything stored is what the entries say (I-3).
    """
    findings = verify(storage, program).findings
    assert not findings, "\n".join(map(str, findings))
