"""
A campaign: rounds of one kind on one storage, each of which can be run again by its seed and its number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from random import Random
from time import perf_counter
from types import TracebackType
from typing import Any, Self

from attrs import Factory, define, frozen

from .places import Place

FAILURE_MAX = 2_000
"""How much of a failure's text is kept."""


@frozen
class Size:
    """
    How much a campaign does: so many rounds, and in each so much as the campaign says.

    Args:
        every: of rounds that differ by their number, such as one for each command, only every so many-th is run.
    """

    rounds: int
    each: int = 1
    every: int = 1

    @property
    def numbers(self) -> range:
        """
        The numbers of the rounds.
        """
        return range(0, self.rounds * self.every, self.every)


@frozen
class Failure:
    """
    What went wrong in a round.
    """

    round: int
    what: str


@define
class Round:
    """
    One round: as a context manager it keeps what goes wrong, so that the campaign can go on.

    Args:
        number: counted from 0.
        random: what the round does at random comes from here; it depends on the seed and the number alone.
        each: how much is done in the round.
        count: the figures of the round.
    """

    number: int
    random: Random
    each: int
    count: Counter[str] = Factory(Counter[str])
    failure: Failure | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> bool:
        if not isinstance(error, Exception):
            return False
        self.failure = Failure(self.number, f"{type(error).__name__}: {error}"[:FAILURE_MAX])
        return True


@define
class Rounds:
    """
    The rounds of a campaign, one after the other, and what came of them.

    Args:
        seed: from which each round has its own.
        numbers: which rounds are run.
        each: how much is done in each.
        advance: is told how many rounds are over.
    """

    seed: int
    numbers: Sequence[int]
    each: int = 1
    advance: Callable[[int], object] = lambda _: None
    figures: Counter[str] = Factory(Counter[str])
    failures: list[Failure] = Factory(list[Failure])

    def __iter__(self) -> Iterator[Round]:
        for done, number in enumerate(self.numbers, start=1):
            current = Round(number, Random(f"{self.seed}-{number}"), self.each)
            yield current
            self.figures.update(current.count)
            if current.failure is not None:
                self.failures.append(current.failure)
            self.advance(done)


Campaign = Callable[[Place, Rounds], None]
"""Runs the rounds on a storage, and counts and fails in them."""


@frozen
class Result:
    """
    What came of a campaign on one storage.
    """

    campaign: str
    storage: str
    seed: int
    rounds: int
    each: int
    seconds: float
    figures: dict[str, int]
    failures: tuple[Failure, ...]

    def to_mapping(self) -> dict[str, Any]:
        """
        Return it as JSON can hold it.
        """
        return {
            "campaign": self.campaign,
            "storage": self.storage,
            "seed": self.seed,
            "rounds": self.rounds,
            "each": self.each,
            "seconds": round(self.seconds, 1),
            "figures": self.figures,
            "failures": [{"round": failure.round, "what": failure.what} for failure in self.failures],
        }


def carry_out(name: str, campaign: Campaign, place: Place, rounds: Rounds) -> Result:
    """
    Run a campaign on a storage, and return what came of it.
    """
    begun = perf_counter()
    campaign(place, rounds)
    return Result(
        name,
        place.name,
        rounds.seed,
        len(rounds.numbers),
        rounds.each,
        perf_counter() - begun,
        dict(rounds.figures),
        tuple(rounds.failures),
    )
