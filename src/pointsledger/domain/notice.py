"""
A notice: something to tell a holder (R-42).
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from attrs import frozen

NoticeKind = Literal["balance_update", "expiry_warning"]


@frozen
class Notice:
    """
    Something to tell a holder; the host sends it.

    Args:
        kind: ``balance_update``: a command changed the balance; ``expiry_warning``: points lapse soon.
        account: whose.
        at: when it became due.
        points: the points that came (above 0) or went (below 0); or those that lapse.
        balance: the points in all lots after it; for a warning, now.
        entry: the first entry of the command; None for a warning.
        expires_at: when the points lapse; None for an update.
    """

    kind: NoticeKind
    account: str
    at: datetime
    points: int
    balance: int
    entry: int | None = None
    expires_at: datetime | None = None
