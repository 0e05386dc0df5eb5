"""
The peer: the same points as an aggregate of the eventsourcing library, where that is installed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

MISSING = "needs the extra: pip install -e '.[bench]'"


@cache
def account_class() -> Callable[[], Any] | None:
    """
    Return the aggregate's class, or None where eventsourcing is not installed.
    """
    try:
        from eventsourcing.domain import Aggregate, event
    except ImportError:
        return None

    class Points(Aggregate):
        """
        Points in lots, without rules, keys, limits or time of their own.
        """

        @event("Opened")
        def __init__(self) -> None:
            self.available = 0
            self.lots: list[list[Any]] = []

        @event("Earned")
        def earn(self, points: int, key: str, at: datetime, expires_at: datetime) -> None:
            """
            Open a lot.
            """
            self.available += points
            self.lots.append([points, at, expires_at])

    return Points
