"""
All campaigns by name: what each proves, on which storages it can run, and how much it does.
"""

from __future__ import annotations

from attrs import frozen

from . import crowd, deliveries, faults, kills, last_points, lockstep, server_kills, statements
from .campaign import Campaign, Size
from .places import NAMES


@frozen
class Entry:
    """
    A campaign as the command knows it.

    Args:
        what: what it shows, in one sentence.
        sizes: how much it does, by the size of the run.
    """

    what: str
    run: Campaign
    storages: tuple[str, ...]
    sizes: dict[str, Size]


_FILES = NAMES[1:]


def _sizes(smoke: Size, quick: Size, full: Size) -> dict[str, Size]:
    return {"smoke": smoke, "quick": quick, "full": full}


CAMPAIGNS: dict[str, Entry] = {
    "lockstep": Entry(
        "a naive model and the storage give the same answers to random stories",
        lockstep.lockstep,
        NAMES,
        _sizes(Size(1, 2), Size(1, 20), Size(10, 30)),
    ),
    "faults": Entry(
        "every command, every call of the storage, every fault, then asked again: exactly one effect",
        faults.faults,
        NAMES,
        _sizes(Size(4, every=14), Size(9, every=5), Size(faults.ROUNDS)),
    ),
    "statements": Entry(
        "every statement of every command fails, is cut off or loses its answer: exactly one effect",
        statements.statements,
        _FILES,
        _sizes(Size(2, every=12), Size(4, every=10), Size(statements.ROUNDS)),
    ),
    "kills": Entry(
        "writers are killed at any moment: nothing acknowledged is lost, nothing is half done",
        kills.kills,
        _FILES,
        _sizes(Size(3, 5), Size(6, 5), Size(40, 10)),
    ),
    "server_kills": Entry(
        "the server is killed under 8 writers that carry on: nothing acknowledged is lost",
        server_kills.server_kills,
        ("postgres",),
        _sizes(Size(1, 5), Size(2, 40), Size(25, 40)),
    ),
    "last_points": Entry(
        "16 callers redeem the whole balance at once: exactly one wins",
        last_points.last_points,
        NAMES,
        _sizes(Size(5), Size(20), Size(300)),
    ),
    "crowd": Entry(
        "8 and 16 callers with mixed commands, and readers: exact sums, one order of all commands",
        crowd.crowd,
        NAMES,
        _sizes(Size(2, 4), Size(2, 10), Size(6, 30)),
    ),
    "deliveries": Entry(
        "what happens to orders is told one to three times in any order: one end state",
        deliveries.deliveries,
        NAMES,
        _sizes(Size(10, 3), Size(20, 3), Size(300, 3)),
    ),
}
