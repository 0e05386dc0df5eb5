"""
16 callers redeem the whole balance at once: exactly one wins, in threads, in processes and as tasks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack

from pointsledger import AsyncLedger, commands
from pointsledger.errors import Refused
from pointsledger.testing.club import ANN, BY_HAND, CLUB, day

from .books import assert_balanced, assert_same, club
from .callers import Asks, Crew, ProcessCrew, ThreadCrew
from .campaign import Round, Rounds
from .numbered import ON
from .places import AsyncDoor, MemoryDoor, Place, PostgresDoor

CALLERS = 16
PROCESSES = 8
POINTS = 10


def last_points(place: Place, rounds: Rounds) -> None:
    """
    In each round and each way to call, give Ann 10 points and let 16 callers redeem 10: one has them (I-20).
    """
    with ExitStack() as stack:
        door = stack.enter_context(place.fresh())
        storage = stack.enter_context(door.opened())
        crews: dict[str, Crew] = {"threads": ThreadCrew(storage)}
        if not isinstance(door, MemoryDoor):
            crews["processes"] = stack.enter_context(ProcessCrew(door, PROCESSES))
        for each in rounds:
            with each:
                for way, crew in crews.items():
                    ledger = club(storage, on=ON)
                    ledger.set_balance(ANN, POINTS, key=f"given-{way}-{each.number}", **BY_HAND)
                    answers = crew.run([Asks([command]) for command in _wanted(way, each)])
                    _assert_one([answer.refused for answer in answers], way)
                    assert_same(ledger.balance(ANN).available, 0, f"points left by {way}")
                    each.count[f"won by {way}"] += 1
                if isinstance(door, MemoryDoor | PostgresDoor):
                    asyncio.run(_race_of_tasks(door, each))
                    each.count["won by tasks"] += 1
                assert_balanced(storage)


async def _race_of_tasks(door: AsyncDoor, each: Round) -> None:
    """
    The same as tasks of one loop, which share a storage that is awaited.
    """
    async with door.opened_async() as storage:
        ledger = AsyncLedger(CLUB, storage, clock=lambda: day(ON))
        await ledger.set_balance(ANN, POINTS, key=f"given-tasks-{each.number}", **BY_HAND)
        answers = await asyncio.gather(*(_refused(ledger, command) for command in _wanted("tasks", each)))
        _assert_one(answers, "tasks")
        assert_same((await ledger.balance(ANN)).available, 0, "points left by tasks")


async def _refused(ledger: AsyncLedger, command: commands.Command) -> str | None:
    try:
        await ledger.apply(command)
    except Refused as refusal:
        return type(refusal).__name__
    return None


def _wanted(way: str, each: Round) -> list[commands.Command]:
    return [
        commands.Redeem(account=ANN, points=POINTS, key=f"{way}-{each.number}-{caller}", at=day(ON))
        for caller in range(CALLERS)
    ]


def _assert_one(refused: Sequence[str | None], way: str) -> None:
    expected = ["InsufficientPoints"] * (CALLERS - 1) + ["accepted"]
    assert_same(sorted(name or "accepted" for name in refused), expected, f"answers to {way}")
