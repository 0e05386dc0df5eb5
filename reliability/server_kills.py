"""
The PostgreSQL server is killed under 8 writers that carry on: nothing acknowledged is lost, nothing is half done.
"""

from __future__ import annotations

import time

from attrs import evolve

from pointsledger.storage.memory import MemoryStorage

from .books import assert_same
from .callers import Answer, AsksUntilAnswered, ProcessCrew
from .campaign import Round, Rounds
from .numbered import numbered
from .places import Place, Postgres
from .serial import assert_serial
from .server import Server, server

WRITERS = 8
ACCOUNTS = ("ann", "bob")
HASTY = 2
"""Seconds for which the server stays away in every second round, and after which the writers' storage gives up."""


def server_kills(place: Place, rounds: Rounds) -> None:
    """
    In each round, kill every process of a server while 8 writers have `each` commands to carry out, and start it again
    on the same data (R-45, I-14, I-24, I-25).

    The server is one of its own, as a new installation has it: it waits for the disk at each commit.
    The writers keep their storage, and ask again with the same key until they have an answer. In every second round
    their storage gives up before the server is back.
    """
    with server() as killed:
        for each in rounds:
            with each, Postgres(killed.dsn).fresh() as door:
                hasty = each.number % 2 == 1
                with ProcessCrew(evolve(door, timeout=HASTY) if hasty else door, WRITERS) as crew:
                    answers = _kill_one(killed, crew, each, HASTY if hasty else 0)
                with door.opened() as storage:
                    assert_serial(storage, answers, MemoryStorage())


def _kill_one(killed: Server, crew: ProcessCrew, each: Round, down: int) -> list[Answer]:
    """
    Kill the server while the writers write, start it again some seconds later, and return all answers in the end.
    """
    first = each.random.randrange(10**9)
    numbers = [range(first + writer, first + WRITERS * each.each, WRITERS) for writer in range(WRITERS)]
    crew.begin([AsksUntilAnswered([numbered(n, ACCOUNTS[n % len(ACCOUNTS)]) for n in of_one]) for of_one in numbers])
    time.sleep(0.1 + each.random.random() / 2)
    at = time.monotonic_ns()
    killed.kill()
    time.sleep(down)
    killed.start()
    answers = crew.answers()
    assert_same(len(answers), WRITERS * each.each, "how many answers there were")
    each.count["kills"] += 1
    each.count["answered before"] += sum(answer.told < at for answer in answers)
    each.count["answered after"] += sum(answer.told >= at for answer in answers)
    each.count["asked again by hand"] += sum(answer.errors for answer in answers)
    each.count["done without an answer"] += sum(answer.replayed for answer in answers)
    return answers
