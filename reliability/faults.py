"""
Every command meets every fault at every call of the storage, and is asked again: exactly one effect.
"""

from __future__ import annotations

from contextlib import nullcontext
from itertools import count
from typing import get_args

from pointsledger.port import Storage
from pointsledger.testing import Fault, FaultyStorage

from .campaign import Round, Rounds
from .places import Place
from .trial import STORY, SWEEPS, Ask, Trial, command_at, is_repeatable

ROUNDS = len(STORY) + len(SWEEPS)


def faults(place: Place, rounds: Rounds) -> None:
    """
    In each round, one command of the story, or one sweep after it, with every fault (I-14, I-24, I-25).
    """
    with place.fresh() as door, door.opened() as storage:
        for each in rounds:
            with each:
                step = min(each.number, len(STORY))
                if step < len(STORY):
                    for ask in command_at(step).values():
                        _fail_everywhere(storage, each, step, ask)
                else:
                    ask = list(SWEEPS.values())[each.number - len(STORY)]
                    _fail_everywhere(storage, each, step, ask)


def _fail_everywhere(storage: Storage, each: Round, step: int, ask: Ask) -> None:
    """
    Ask with each fault at the first call, at the second, and so on, each time in a program of its own.
    """
    of_story = step < len(STORY)
    for fault in get_args(Fault):
        for at in count(1):
            faulty = FaultyStorage(storage, fault, at=at)
            trial = Trial(storage, step, ask, repeatable=of_story and is_repeatable(step))
            failed = trial.run(faulty, nullcontext(), whole=of_story)
            if faulty.calls < at:
                break
            assert failed, f"{fault} at call {at} was not told"
            each.count["faults"] += 1
            each.count[fault] += 1
