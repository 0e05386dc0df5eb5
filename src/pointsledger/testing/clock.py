"""
A clock that stands still until a test moves it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ..domain.instants import check_instant

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
"""Where a clock stands that was not told otherwise."""


class FrozenClock:
    """
    What `Ledger` takes as its `clock`: called, it returns always the same instant, until it is moved.

    Args:
        now: where it stands at first.

    Raises:
        InvalidInstant: the instant is naive, or not of the years 1900 to 9000 (R-04).
    """

    def __init__(self, now: datetime = START) -> None:
        self.now = check_instant(now, "now")

    def __call__(self) -> datetime:
        """
        Return where it stands.
        """
        return self.now

    def advance(self, *, days: int = 0, hours: int = 0, minutes: int = 0, seconds: int = 0) -> datetime:
        """
        Move it on, or back by figures below 0, and return where it stands then. A day has 24 hours.
        """
        return self.set(self.now + timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds))

    def set(self, now: datetime) -> datetime:
        """
        Set it to an instant, before or after, and return it.

        Raises:
            InvalidInstant: the instant is naive, or not of the years 1900 to 9000 (R-04).
        """
        self.now = check_instant(now, "now")
        return self.now
