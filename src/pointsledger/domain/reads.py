"""
What a decision may ask of a storage.

A decision is a generator: it yields one of these reads, is sent the answer, and returns its result.
So it asks for just the lots it touches, stays free of I/O, and runs alike in a synchronous and an asynchronous
storage.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import datetime
from typing import Any, TypeAlias, TypeVar

from attrs import field, frozen

from .entries import Entry
from .lots import Lot
from .program import UseOrder

Q = TypeVar("Q")
T = TypeVar("T")


@frozen
class DueLots:
    """
    Lots with points left that time changed since `after`: usable in after < available_at <= at, or lapsed with
    expires_at <= at; or, where `everything`, every lot with points left. Order: by id. Answer: tuple of `Lot`.
    """

    after: datetime
    at: datetime
    everything: bool = False


@frozen
class UsableLots:
    """
    Lots with points left that are usable at `at`, in the order of use, just as many as hold `points` together,
    or all where they hold less. Answer: tuple of `Lot`.
    """

    points: int
    at: datetime
    use_order: UseOrder


@frozen
class OpenLots:
    """
    Every lot with points left, by expires_at (never last), earned_at, id. Answer: tuple of `Lot`.
    """


@frozen
class NextLapse:
    """
    The earliest expires_at after `after` of lots with points left, and the points of all lots that share it.
    Answer: tuple of points and `datetime`, or None.
    """

    after: datetime


@frozen
class LotsNamed:
    """
    The lots with these ids, in this order; every id exists. Answer: tuple of `Lot`.
    """

    ids: tuple[int, ...]


@frozen
class NextChange:
    """
    The earliest instant after `after` at which a lot with points left becomes usable or lapses.
    Answer: `datetime` or None.
    """

    after: datetime


@frozen
class EntriesAbout:
    """
    Every entry with this topic, such as an order, by sequence. Answer: tuple of `Entry`.
    """

    topic: str


@frozen
class OpenHolds:
    """
    The ``held`` entries whose points are neither captured nor free again, by sequence. Answer: tuple of `Entry`.
    """


@frozen
class EarnedWithin:
    """
    The points earned in since <= occurred_at < until under a program that caps periods, less what was taken back of
    them. Answer: `int`.
    """

    since: datetime
    until: datetime


@frozen
class EntriesOn:
    """
    The entry with this sequence and every entry that reverses it, by sequence; empty if there is none.
    Answer: tuple of `Entry`.
    """

    sequence: int


@frozen
class EntriesAfter:
    """
    At most `limit` entries with a sequence above `sequence`, by sequence. Answer: tuple of `Entry`.
    """

    sequence: int
    limit: int = field(default=1000)


@frozen
class DrawsOn:
    """
    The entries that drew on or gave back to this lot, by sequence, without the one that opened it (R-08).
    Answer: tuple of `Entry`.
    """

    lot: int


Read: TypeAlias = (
    DueLots
    | UsableLots
    | OpenLots
    | NextLapse
    | LotsNamed
    | NextChange
    | EntriesAbout
    | OpenHolds
    | EarnedWithin
    | EntriesOn
    | EntriesAfter
    | DrawsOn
)

Reading: TypeAlias = Generator[Read, Any, T]
"""A generator that yields reads, is sent their answers, and returns a `T`."""


def run(asking: Generator[Q, Any, T], answer: Callable[[Q], Any]) -> T:
    """
    Drive a decision, a reader or whatever else asks, to its result, with what answers one question after the other.
    """
    given: Any = None
    while True:
        try:
            question = asking.send(given)
        except StopIteration as stop:
            result: T = stop.value
            return result
        given = answer(question)


def read_lots(read: DueLots | UsableLots | OpenLots | LotsNamed) -> Reading[tuple[Lot, ...]]:
    """
    Ask for lots.
    """
    lots: tuple[Lot, ...] = yield read
    return lots


def read_entries(read: EntriesAbout | OpenHolds | EntriesOn | EntriesAfter | DrawsOn) -> Reading[tuple[Entry, ...]]:
    """
    Ask for entries.
    """
    entries: tuple[Entry, ...] = yield read
    return entries


def read_command(entry: Entry) -> Reading[tuple[Entry, ...]]:
    """
    Ask for every entry of the command that wrote this one, by sequence.
    """
    first = entry.sequence - entry.ordinal
    found: tuple[Entry, ...] = ()
    while True:
        page = yield from read_entries(EntriesAfter(first - 1 + len(found), _FEW))
        found += tuple(each for each in page if each.sequence - each.ordinal == first)
        if len(page) < _FEW or page[-1].sequence - page[-1].ordinal != first:
            return found


_FEW = 16
"""As many entries as hardly a command writes."""


def read_next_lapse(after: datetime) -> Reading[tuple[int, datetime] | None]:
    """
    Ask what lapses next.
    """
    lapse: tuple[int, datetime] | None = yield NextLapse(after)
    return lapse


def read_earned(since: datetime, until: datetime) -> Reading[int]:
    """
    Ask how many points were earned in a period.
    """
    points: int = yield EarnedWithin(since, until)
    return points


def read_next_change(after: datetime) -> Reading[datetime | None]:
    """
    Ask when time alone next changes a lot.
    """
    instant: datetime | None = yield NextChange(after)
    return instant
