"""
Writers that are killed: nothing acknowledged is lost, nothing is half done, and a retry has one effect.
"""

import os
import signal
import sqlite3
import time
from contextlib import closing, suppress
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pointsledger import commands
from pointsledger.storage.memory import MemoryStorage
from pointsledger.storage.sqlite import SQLiteStorage
from reliability.sqlite_faults import Faults, When
from tests.reliability.writers import ON, batches, carry_out, write_and_die, write_until_killed
from tests.storage.books import ANN, BY_HAND, assert_balanced, books, club, day

MODES = ["wal", "delete"]
FILE_ROUNDS = 10
"""After how many kills a new file begins."""


def acknowledgements(told: Connection, most: int) -> list[bool]:
    """
    Return the next answers that a writer has told: so many, or fewer if it has ended.
    """
    answers: list[bool] = []
    with suppress(EOFError):
        while len(answers) < most:
            answers.append(told.recv())
    return answers


def assert_whole(path: Path) -> None:
    """
    The file is one that SQLite finds nothing wrong with, constraints included.
    """
    with closing(sqlite3.connect(path)) as plain:
        assert plain.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


class Killed:
    """
    A file whose writers are killed, and the books as they must be, kept in memory.
    """

    def __init__(self, path: Path, mode: Any, length: int) -> None:
        self.path, self.mode, self.length = path, mode, length
        self.expected = MemoryStorage()
        self.batches = batches(1, length)
        self.first = 1
        self.done = self.in_doubt = 0

    def kill_one(self, processes: ForkServerContext, random: Random) -> None:
        """
        Start a writer, kill it at some moment, and compare what it left with what it acknowledged.
        """
        told, acknowledged = processes.Pipe(duplex=False)
        writer = processes.Process(
            target=write_until_killed, args=(self.path, self.mode, self.first, self.length, acknowledged)
        )
        writer.start()
        acknowledged.close()
        answers = acknowledgements(told, random.randrange(0, 8))
        # Without an answer awaited it may die while it opens the file, and creates the tables.
        time.sleep(random.random() * (0.004 if answers else 0.05))
        assert writer.pid is not None
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        assert writer.exitcode == -signal.SIGKILL
        answers += acknowledgements(told, 10**9)
        told.close()
        self.compare(answers)

    def compare(self, answers: list[bool]) -> None:
        """
        All that was acknowledged is there, and of what came after it at most the one batch that was under way.
        """
        for accepted in answers:
            assert carry_out(club(self.expected), next(self.batches)) is accepted
        self.done += len(answers)
        self.first += self.length * (len(answers) + 1)
        under_way = next(self.batches)
        with SQLiteStorage(self.path, journal_mode=self.mode) as storage:
            before = books(self.expected)
            found = books(storage)
            accepted = carry_out(club(self.expected), under_way)
            after = books(self.expected)
            assert found in (before, after)
            self.in_doubt += found != before
            # The caller never had an answer: it asks again with the same key.
            assert carry_out(club(storage), under_way) is accepted
            assert books(storage) == after
            assert_balanced(storage)
        assert_whole(self.path)


def kill_many(processes: ForkServerContext, folder: Path, mode: Any, length: int, kills: int, seed: int) -> None:
    """
    Kill that many writers, on a new file now and then.
    """
    random = Random(seed)
    done = in_doubt = 0
    for number in range(0, kills, FILE_ROUNDS):
        killed = Killed(folder / f"points-{number}.db", mode, length)
        for _ in range(FILE_ROUNDS):
            killed.kill_one(processes, random)
        done, in_doubt = done + killed.done, in_doubt + killed.in_doubt
    print(f"{kills} kills ({mode}, batches of {length}): {done} acknowledged, {in_doubt} done without an answer")
    assert done > kills


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("length", [1, 7])
def test_kills_while_writing(processes: ForkServerContext, tmp_path: Path, mode: str, length: int):
    """
    However a writer is killed, each command is fully there or fully absent, and those acknowledged are there; asked
    again with its key, the one under way has one effect (R-44, R-45, I-14, I-25).
    """
    kill_many(processes, tmp_path, mode, length, 50, seed=length)


@pytest.mark.campaign
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("length", [1, 7, 50])
def test_many_kills_while_writing(processes: ForkServerContext, tmp_path: Path, mode: str, length: int):
    """
    The same for a thousand kills of each kind (R-45, I-25).
    """
    kill_many(processes, tmp_path, mode, length, 1000, seed=1000 + length)


SEVERAL = [
    commands.Adjust(account=ANN, points=-25, key="a", at=day(ON), **BY_HAND),  # lapses a lot, draws on three
    commands.Earn(account="bob", points=5, key="b", at=day(ON)),
    commands.Redeem(account=ANN, points=3, key="c", at=day(ON)),
]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("batch", [SEVERAL[:1], SEVERAL], ids=["one", "batch"])
def test_kill_at_every_statement(
    processes: ForkServerContext, tmp_path: Path, mode: Any, when: When, batch: list[commands.Command]
):
    """
    A writer that dies before or after any of its statements leaves all or nothing, all only behind the commit (I-25).
    """
    with SQLiteStorage(tmp_path / "template.db", journal_mode="delete") as storage:
        for number, lapses in enumerate((50, 200, 300, 400)):
            club(storage).adjust(ANN, 10, expires_at=day(lapses), key=f"lot-{number}", **BY_HAND)
        before = books(storage)
    template = (tmp_path / "template.db").read_bytes()
    written: list[bool] = []
    alive = False
    while not alive:
        path = tmp_path / f"points-{len(written)}.db"
        path.write_bytes(template)
        faults = Faults(at=len(written) + 1, when=when, error=None)
        writer = processes.Process(target=write_and_die, args=(path, mode, batch, faults))
        writer.start()
        writer.join()
        alive = writer.exitcode == 0
        with SQLiteStorage(path, journal_mode=mode) as storage:
            found = books(storage)
            assert carry_out(club(storage), batch)
            written.append(found == books(storage))
            assert written[-1] or found == before
            assert_balanced(storage)
        assert_whole(path)
    assert len(written) > 8
    # The last writer lived; whoever died right behind the commit, the last statement, had written it too.
    assert written[-1]
    assert written[-2] is (when == "after")
    assert not any(written[:-2])
