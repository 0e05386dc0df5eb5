"""
The memory that accounts take (I2).
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable

from pointsledger import Ledger
from pointsledger.storage.memory import MemoryStorage

from . import peers, shop
from .contest import Sample
from .scale import Scale
from .table import Row, Target

LOTS = 3


def rows(scale: Scale) -> list[Row]:
    """
    I2: accounts with three open lots, their entries included, against eventsourcing's aggregates with their events.
    """
    what, target = f"bytes of {scale.accounts:,} accounts with 3 lots / eventsourcing", Target("<=", 0.8)
    ours = _bytes_of(lambda: _ledger(scale.accounts))
    note = f"{ours / scale.accounts:,.0f} bytes an account"
    theirs = _bytes_of(lambda: _aggregates(scale.accounts))
    if peers.account_class() is None:
        return [Row("I2", what, None, target, note=f"{note}; {peers.MISSING}")]
    note = f"{note} against {theirs / scale.accounts:,.0f}"
    return [Row("I2", what, Sample((ours / theirs,)), target, note=note)]


def _bytes_of(build: Callable[[], object]) -> int:
    """
    Return what is still allocated when `build` is done and its result is held.
    """
    gc.collect()
    tracemalloc.start()
    held = build()
    gc.collect()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del held
    return size


def _ledger(accounts: int) -> object:
    ledger = Ledger(shop.PROGRAM, MemoryStorage())
    for number in range(accounts):
        account = f"customer-{number}"
        for key in shop.new_keys(LOTS):
            ledger.earn(account, shop.LOT, key=key, at=shop.now())
    return ledger


def _aggregates(accounts: int) -> object:
    Points = peers.account_class()  # noqa: N806
    if Points is None:
        return None
    kept: dict[str, object] = {}
    for number in range(accounts):
        account = Points()
        for key in shop.new_keys(LOTS):
            at = shop.now()
            account.earn(shop.LOT, key, at, at)
        kept[f"customer-{number}"] = account  # its events are pending in it
    return kept
