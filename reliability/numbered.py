"""
Commands that are made from their number alone, so that whoever reads the books afterwards knows what they were.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from attrs import evolve

from pointsledger import commands
from pointsledger.testing.club import ANN, BY_HAND, day, order

ON = 100
"""The day on which all of it happens, where nothing else is said."""


def numbered(number: int, account: str = ANN, on: int = ON) -> commands.Command:
    """
    Return the command with this number, of some kind, on an account and a day.
    """
    random = Random(number)
    points = random.randrange(1, 30)
    own, earlier = f"o{number}", f"o{number - random.randrange(1, 10)}"
    until = day(on + random.randrange(1, 40))
    made: tuple[commands.Command, ...] = (
        commands.Adjust(account=account, points=points, **BY_HAND),
        commands.Adjust(account=account, points=points + 30, expires_at=day(on + points), **BY_HAND),
        commands.Adjust(account=account, points=-points, **BY_HAND),
        commands.Redeem(account=account, points=points),
        commands.Redeem(account=account, points=points, order=own),
        commands.Earn(account=account, points=points),
        commands.Process(account=account, order=own, document=order(own, account)),
        commands.Cancel(account=account, order=earlier),
        commands.SetBalance(account=account, points=points, **BY_HAND),
        commands.Hold(account=account, points=points, order=own, until=until),
        commands.Capture(account=account, order=earlier),
        commands.Release(account=account, order=earlier),
        commands.Expire(account=account),
    )
    chosen = random.choice(made)
    key = None if type(chosen) is commands.Expire else f"k{number}"
    return evolve(chosen, key=key, at=day(on))


def shares(first: int, each: int, callers: int) -> list[list[int]]:
    """
    Return the numbers of each caller: its own, and every third one that the other callers have too.
    """
    return [
        [first + (position * callers + caller if position % 3 else position) for position in range(each)]
        for caller in range(callers)
    ]


def batches(first: int, length: int) -> Iterator[list[commands.Command]]:
    """
    Yield the numbered commands from one on, several at a time, without end.
    """
    while True:
        yield [numbered(number) for number in range(first, first + length)]
        first += length
