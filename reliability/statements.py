"""
Every statement that a command sends to its database fails, is cut off, or loses its answer: exactly one effect.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from itertools import count

from pointsledger.port import Storage
from pointsledger.storage.postgres import PostgresStorage

from .campaign import Round, Rounds
from .places import Door, Place, PostgresDoor
from .postgres_faults import PostgresFaults
from .sqlite_faults import Faults
from .trial import STORY, Trial, command_at, is_repeatable

ROUNDS = len(STORY)


def statements(place: Place, rounds: Rounds) -> None:
    """
    In each round, one command of the story, which fails in every way at every statement (R-46, I-14, I-24, I-25).
    """
    with place.fresh() as door, _opened(door) as (storage, faults):
        for each in rounds:
            with each:
                for way in faults.ways:
                    _fail_everywhere(storage, faults, each, way)


@contextmanager
def _opened(door: Door) -> Generator[tuple[Storage, Faults | PostgresFaults]]:
    """
    Lend a storage together with the faults of its connections, none of which fails yet.
    """
    if isinstance(door, PostgresDoor):
        found = PostgresFaults(door.dsn)
        with found.pool() as pool:
            yield PostgresStorage(pool, schema=door.schema), found
    else:
        faults = Faults()
        with faults.installed(), door.opened() as storage:
            yield storage, faults


def _fail_everywhere(storage: Storage, faults: Faults | PostgresFaults, each: Round, way: str) -> None:
    """
    Let the command fail at its first statement, at its second, and so on, each time in a program of its own.
    """
    step = each.number % len(STORY)
    for at in count(1):
        trial = Trial(storage, step, command_at(step)["apply"], repeatable=is_repeatable(step))
        told = trial.run(storage, faults.failing(way, at))
        if not faults.met:
            break
        each.count["faults"] += 1
        each.count[way] += 1
        each.count["told to the caller"] += told
        each.count["lost answers to COMMIT"] += way == "after" and faults.last.endswith("COMMIT")
