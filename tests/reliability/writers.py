"""
Writers: what runs in the processes that are killed, and in those that race.

A command is made from its number alone, so that whoever reads the books afterwards knows what it was.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any

from attrs import evolve, frozen

from pointsledger import Entry, Ledger, commands
from pointsledger.errors import Refused
from pointsledger.storage.sqlite import SQLiteStorage
from reliability.sqlite_faults import Faults
from tests.storage.books import ANN, BY_HAND, club, day, order

ON = 100
"""The day on which all of it happens."""


def numbered(number: int) -> commands.Command:
    """
    Return the command with this number, of some kind, on Ann's account.
    """
    random = Random(number)
    points = random.randrange(1, 30)
    made: tuple[commands.Command, ...] = (
        commands.Adjust(account=ANN, points=points, **BY_HAND),
        commands.Adjust(account=ANN, points=points + 30, **BY_HAND),
        commands.Adjust(account=ANN, points=-points, **BY_HAND),
        commands.Redeem(account=ANN, points=points),
        commands.Redeem(account=ANN, points=points, order=f"o{number}"),
        commands.Earn(account=ANN, points=points),
        commands.Process(account=ANN, order=f"o{number}", document=order(f"o{number}")),
        commands.Cancel(account=ANN, order=f"o{number - random.randrange(1, 10)}"),
        commands.SetBalance(account=ANN, points=points, **BY_HAND),
    )
    return evolve(random.choice(made), key=f"k{number}", at=day(ON))


def batches(first: int, length: int) -> Iterator[list[commands.Command]]:
    """
    Yield the numbered commands from one on, several at a time, without end.
    """
    while True:
        yield [numbered(number) for number in range(first, first + length)]
        first += length


def carry_out(ledger: Ledger, batch: list[commands.Command]) -> bool:
    """
    Carry out a command, or several in one transaction, and return whether they were accepted.
    """
    try:
        ledger.apply(batch[0]) if len(batch) == 1 else ledger.apply_all(batch)
    except Refused:
        return False
    return True


def write_until_killed(path: Path, mode: Any, first: int, length: int, acknowledged: Connection) -> None:
    """
    Carry out batches without end, and acknowledge each that was answered.
    """
    ledger = club(SQLiteStorage(path, journal_mode=mode))
    for batch in batches(first, length):
        acknowledged.send(carry_out(ledger, batch))


def write_and_die(path: Path, mode: Any, batch: list[commands.Command], faults: Faults) -> None:
    """
    Carry out a batch, of which some statement kills the process; opening the file does not count.
    """
    import sqlite3

    sqlite3.connect = faults.connect  # type: ignore[assignment]
    at, faults.at = faults.at, None
    ledger = club(SQLiteStorage(path, journal_mode=mode))
    faults.at, faults.count = at, 0
    carry_out(ledger, batch)


# --- races -----------------------------------------------------------------------------------------------------------


@frozen
class Answer:
    """
    What a caller was told, and when it asked and had the answer, on the one clock of the machine.
    """

    command: commands.Command
    asked: int
    told: int
    entries: tuple[Entry, ...]
    refused: str | None


def ask(ledger: Ledger, command: commands.Command) -> Answer:
    """
    Carry out a command and note what came of it; only a refusal is an answer.
    """
    asked = time.monotonic_ns()
    entries: tuple[Entry, ...] = ()
    refused = None
    try:
        entries = ledger.apply(command).entries
    except Refused as refusal:
        refused = type(refusal).__name__
    return Answer(command, asked, time.monotonic_ns(), entries, refused)


def in_threads(calls: list[Callable[[], list[Answer]]], start: Callable[[], object] | None = None) -> list[Answer]:
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


def race(
    path: Path, mode: Any, given: list[list[commands.Command]], start: Any, told: Connection, rounds: int = 1
) -> None:
    """
    Carry out each list of commands in a thread of its own, as soon as the other processes are there too.

    With several rounds, each list holds one command for each, and the processes wait for each other before it.
    """
    with SQLiteStorage(path, journal_mode=mode) as storage:
        ledger = club(storage, on=ON)
        answers: list[Answer] = []
        for number in range(rounds):
            of_round = given if rounds == 1 else [[several[number]] for several in given]
            calls = [lambda several=several: [ask(ledger, command) for command in several] for several in of_round]
            answers += in_threads(calls, start.wait)
            start.wait()
        told.send(answers)


def open_at_once(path: Path, mode: Any, key: str, start: Any) -> None:
    """
    Open a file at the same moment as others, and earn a point there.
    """
    start.wait()
    with SQLiteStorage(path, journal_mode=mode) as storage:
        club(storage).earn(ANN, 1, key=key)


def sweep(path: Path, mode: Any, at: int, start: Any) -> None:
    """
    Book what has lapsed, batch by batch.
    """
    with SQLiteStorage(path, journal_mode=mode) as storage:
        start.wait()
        club(storage).expire_due(at=day(at), batch=3)


def redeem_each(path: Path, mode: Any, accounts: list[str], at: int, start: Any) -> None:
    """
    Redeem 3 points of each account, and once more.
    """
    with SQLiteStorage(path, journal_mode=mode) as storage:
        start.wait()
        for account in accounts * 2:
            with suppress(Refused):
                club(storage, on=at).redeem(account, 3)
