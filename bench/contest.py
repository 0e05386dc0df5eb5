"""
Contests: several ways to do one thing, run in turn, block by block, in one process.

The machine's moods (turbo, neighbours, a busy disk) fall on neighbouring blocks alike, so the ratio of two blocks that
ran side by side says more than two rates.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median, quantiles
from time import perf_counter_ns, process_time_ns
from typing import TypeAlias

from attrs import frozen

Side: TypeAlias = Callable[[], Callable[[], object]]
"""Prepares one block of operations, untimed, and returns what to time."""

CPU = process_time_ns
"""For work that never waits."""
WALL = perf_counter_ns
"""For work that waits for a disk."""


@frozen
class Sample:
    """
    A figure measured several times.
    """

    values: tuple[float, ...]

    @property
    def middle(self) -> float:
        """
        The median.
        """
        return median(self.values)

    @property
    def spread(self) -> tuple[float, float]:
        """
        The quartiles, between which the middle half of the measurements lies.
        """
        if len(self.values) == 1:
            return self.middle, self.middle
        low, _, high = quantiles(self.values, n=4, method="inclusive")
        return low, high

    def over(self, other: Sample) -> Sample:
        """
        Return the ratios to another sample's values, pair by pair.
        """
        return Sample(tuple(a / b for a, b in zip(self.values, other.values, strict=True)))


def in_turn(blocks: int, operations: int, clock: Callable[[], int], *sides: Side) -> list[Sample]:
    """
    Run one block of each side in turn, ABAB…, and return each side's microseconds per operation, in order.

    A first round warms caches up and is not counted.
    """
    times: list[list[float]] = [[] for _ in sides]
    for round_ in range(blocks + 1):
        for side, found in zip(sides, times, strict=True):
            run = side()
            began = clock()
            run()
            ended = clock()
            if round_:
                found.append((ended - began) / operations / 1000)
    return [Sample(tuple(found)) for found in times]
