"""
8 and 16 processes with mixed commands on few accounts, and readers among them: exact sums, one order of all commands.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, suppress

from attrs import frozen

from pointsledger.errors import Refused
from pointsledger.port import Storage
from pointsledger.storage.memory import MemoryStorage
from pointsledger.testing.club import ANN, day

from .books import assert_balanced, assert_same, club
from .callers import Answer, Asks, Crew, ProcessCrew, ThreadCrew
from .campaign import Round, Rounds
from .numbered import ON, numbered, shares
from .places import MemoryDoor, Place
from .serial import assert_serial

SIZES = (8, 16)
"""How many callers write, in turn from round to round."""

READERS = 2
ACCOUNTS = (ANN, "bob", "eve")
DAYS = (ON, ON + 20, ON + 45)
"""Points become usable and lapse between these days; on each, everybody writes, sweeps and reads at once."""


def crowd(place: Place, rounds: Rounds) -> None:
    """
    In each round, `each` commands of every caller on every day (I-1, I-2, I-20, I-21).
    """
    for each in rounds:
        with each, ExitStack() as stack:
            door = stack.enter_context(place.fresh())
            storage = stack.enter_context(door.opened())
            writers = SIZES[each.number % len(SIZES)]
            crew: Crew = ThreadCrew(storage)
            if not isinstance(door, MemoryDoor):
                crew = stack.enter_context(ProcessCrew(door, writers + READERS))
            _work(storage, crew, writers, each)
            door.check()


def _work(storage: Storage, crew: Crew, writers: int, each: Round) -> None:
    """
    Let the crew write, sweep and read day after day, and compare each day with one order of its commands.
    """
    replay = MemoryStorage()
    first = each.random.randrange(10**9)
    for number, on in enumerate(DAYS):
        callers = shares(first + number * writers * each.each, each.each, writers)
        asks = [Asks([numbered(n, ACCOUNTS[n % len(ACCOUNTS)], on) for n in numbers]) for numbers in callers]
        looks = [Looks(ACCOUNTS, on, each.each) for _ in range(READERS)]
        answers = crew.run([*asks, *looks])
        assert_same(len(answers), writers * each.each, "how many answers there were")
        assert_serial(storage, answers, replay, on)
        _count(each, answers)


def _count(each: Round, answers: Sequence[Answer]) -> None:
    for answer in answers:
        each.count["refused" if answer.refused else "replayed" if answer.replayed else "accepted"] += 1
    each.count["looks"] += READERS * each.each


@frozen
class Looks:
    """
    A reader: whatever it sees at any moment is what the entries there give, and never less than it saw before.
    """

    accounts: Sequence[str]
    on: int
    times: int

    def __call__(self, storage: Storage) -> list[Answer]:
        """
        Look at every account, time after time.
        """
        versions = dict.fromkeys(self.accounts, 0)
        ledger = club(storage)
        for _ in range(self.times):
            assert_balanced(storage)
            for account in self.accounts:
                with suppress(Refused):
                    balance = ledger.balance(account, at=day(self.on))
                    least = min(balance.available, balance.pending, balance.held, balance.debt)
                    assert least >= 0, f"a figure below 0: {balance}"
                    assert not (balance.available and balance.debt), f"points beside a debt: {balance}"
                    assert balance.version >= versions[account], f"older than before: {balance}"
                    versions[account] = balance.version
        return []
