"""
Writers are killed: nothing acknowledged is lost, nothing is half done, and asking again has one effect.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from random import Random

from attrs import define, field

from pointsledger import Ledger, commands
from pointsledger.errors import Refused
from pointsledger.storage.memory import MemoryStorage
from pointsledger.testing.club import books

from .books import assert_balanced, assert_same, club
from .callers import PROCESSES
from .campaign import Round, Rounds
from .numbered import batches
from .places import Door, Place

LENGTHS = (1, 7, 50)
"""How many commands a writer carries out in one transaction, in turn from round to round."""


def kills(place: Place, rounds: Rounds) -> None:
    """
    In each round, kill `each` writers of one place at any moment, one after the other (R-44, R-45, I-14, I-25).
    """
    for each in rounds:
        with each, place.fresh() as door:
            killed = Killed(door, each, LENGTHS[each.number % len(LENGTHS)])
            for _ in range(each.each):
                killed.kill_one()


@define
class Killed:
    """
    A place whose writers are killed, and the books as they must be, kept in memory.
    """

    door: Door
    each: Round
    length: int
    expected: MemoryStorage = field(factory=MemoryStorage)
    first: int = 1

    def kill_one(self) -> None:
        """
        Start a writer, kill it at some moment, and compare what it left with what it acknowledged.
        """
        random: Random = self.each.random
        told, acknowledged = PROCESSES.Pipe(duplex=False)
        writer = PROCESSES.Process(target=write, args=(self.door, self.first, self.length, acknowledged), daemon=True)
        writer.start()
        acknowledged.close()
        answers = acknowledgements(told, random.randrange(0, 8))
        # Without an answer awaited it may die while it opens the place, and creates the tables.
        time.sleep(random.random() * (0.004 if answers else 0.05))
        assert writer.pid is not None
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        assert_same(writer.exitcode, -signal.SIGKILL, "how the writer ended")
        answers += acknowledgements(told, 10**9)
        told.close()
        self.each.count["kills"] += 1
        self.compare(answers)

    def compare(self, answers: list[bool]) -> None:
        """
        All that was acknowledged is there, and of what came after it at most the one batch that was under way.
        """
        given = batches(self.first, self.length)
        for accepted in answers:
            assert_same(carry_out(club(self.expected), next(given)), accepted, "what the killed writer was told")
        self.first += self.length * (len(answers) + 1)
        under_way = next(given)
        with self.door.opened() as storage:
            before = books(self.expected)
            found = books(storage)
            accepted = carry_out(club(self.expected), under_way)
            after = books(self.expected)
            if found != before:
                assert_same(found, after, "the books after a kill")
                self.each.count["done without an answer"] += 1
            # The caller never had an answer: it asks again with the same key.
            assert_same(carry_out(club(storage), under_way), accepted, "what is told when asked again")
            assert_same(books(storage), after, "the books after asking again")
            assert_balanced(storage)
        self.door.check()
        self.each.count["acknowledged"] += len(answers)


def acknowledgements(told: Connection, most: int) -> list[bool]:
    """
    Return the next answers that a writer has told: so many, or fewer if it has ended.
    """
    answers: list[bool] = []
    with suppress(EOFError):
        while len(answers) < most:
            answers.append(told.recv())
    return answers


def carry_out(ledger: Ledger, batch: Sequence[commands.Command]) -> bool:
    """
    Carry out a command, or several in one transaction, and return whether they were accepted.
    """
    try:
        ledger.apply(batch[0]) if len(batch) == 1 else ledger.apply_all(batch)
    except Refused:
        return False
    return True


def write(door: Door, first: int, length: int, acknowledged: Connection) -> None:
    """
    Carry out batches without end, and acknowledge each that was answered.
    """
    with door.opened() as storage:
        ledger = club(storage)
        for batch in batches(first, length):
            acknowledged.send(carry_out(ledger, batch))
