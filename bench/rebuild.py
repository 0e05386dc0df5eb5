"""
Folding entries into an account, against eventsourcing's events into its aggregate (M4).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pointsledger import Entry, Ledger
from pointsledger.domain.account import rebuild
from pointsledger.storage.memory import MemoryStorage

from . import peers, shop
from .contest import CPU, in_turn
from .scale import Scale
from .table import Row, Target, against

ACCOUNT_ENTRIES = 1000


def rows(scale: Scale) -> list[Row]:
    """
    M4: accounts of 1,000 entries each, rebuilt until so many entries are folded.
    """
    times = max(1, scale.rebuilt // ACCOUNT_ENTRIES // 10)
    length = min(ACCOUNT_ENTRIES, scale.rebuilt)
    what, target = f"rebuild, {scale.rebuilt:,} entries / eventsourcing", Target(">=", 4)
    entries = _entries(length)

    def product() -> Callable[[], None]:
        def run() -> None:
            for _ in range(times):
                rebuild(shop.PROGRAM.id, "customer", entries)

        return run

    events = _events(length)
    if events is None:
        (cost,) = in_turn(10, times * length, CPU, product)
        return [Row("M4", what, None, target, cost=cost.middle, note=peers.MISSING)]
    of_peer = events

    def peer() -> Callable[[], None]:
        def run() -> None:
            for _ in range(times):
                aggregate: Any = None
                for event in of_peer:
                    aggregate = event.mutate(aggregate)

        return run

    cost, floor = in_turn(10, times * length, CPU, product, peer)
    return [against("M4", what, cost, floor, target)]


def _entries(number: int) -> tuple[Entry, ...]:
    ledger = Ledger(shop.PROGRAM, MemoryStorage())
    shop.open_lots(ledger, ["customer"], number)
    return ledger.entries("customer", limit=number)


def _events(number: int) -> list[Any] | None:
    Points = peers.account_class()  # noqa: N806
    if Points is None:
        return None
    account = Points()
    for key in shop.new_keys(number - 1):
        at = shop.now()
        account.earn(shop.LOT, key, at, at)
    return list(account.pending_events)
