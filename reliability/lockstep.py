"""
A naive model and a storage carry out the same random stories in step: same answers, same refusals, same figures.
"""

from __future__ import annotations

from contextlib import ExitStack

from pointsledger.port import Storage

from .campaign import Rounds
from .places import Place

STEPS = 50
"""How long a story is at most."""


def lockstep(place: Place, rounds: Rounds) -> None:
    """
    In each round, `each` stories of random commands (I-1 to I-7, I-12 to I-19, I-31, I-32, I-35, I-39).
    """
    for each in rounds:
        with each, ExitStack() as stack:
            from pointsledger.testing import compare_with_model

            def opened(stack: ExitStack = stack) -> Storage:
                return stack.enter_context(stack.enter_context(place.fresh()).opened())

            seed = each.random.randrange(2**32)
            met = compare_with_model({place.name: opened}, examples=each.each, steps=STEPS, seed=seed)
            each.count["stories"] += each.each
            for (_, outcome), times in met.items():
                each.count[outcome if outcome in {"accepted", "replayed"} else "refused"] += times
