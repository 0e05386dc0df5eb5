"""
Profiles: who the holder of an account is, and what it has been told (S1.4, S2.2, S4.5, R-42).
"""

from __future__ import annotations

from datetime import datetime

from attrs import evolve, frozen

from .commands import Holder, SetProfile, TakeNotices
from .entries import Entry


@frozen(kw_only=True)
class Profile:
    """
    What is known of the holder besides points.

    Args:
        holder: a person or an organisation; None: nobody has said.
        verified_at: from when its identity is verified; None: it is not known to be.
        balance_updates, expiry_warnings: whether it is subscribed to them; None: as the program says.
        notified: the sequence of the entry at which notices were last taken; 0 before.
        warned_until: the instant until which warnings have been taken; None before.
    """

    holder: Holder | None = None
    verified_at: datetime | None = None
    balance_updates: bool | None = None
    expiry_warnings: bool | None = None
    notified: int = 0
    warned_until: datetime | None = None

    def after(self, entry: Entry) -> Profile:
        """
        Return the profile after an entry.

        Who subscribes is told what happens from then on.
        """
        command = entry.command
        if entry.kind != "noted":
            return self
        if isinstance(command, TakeNotices):
            return evolve(self, notified=entry.sequence, warned_until=entry.recorded_at)
        if not isinstance(command, SetProfile):
            return self
        by_default = entry.terms is not None and entry.terms.notices.subscribed
        updated = by_default if self.balance_updates is None else self.balance_updates
        warned = by_default if self.expiry_warnings is None else self.expiry_warnings
        verified_at = min(self.verified_at or entry.occurred_at, entry.occurred_at) if command.verified else None
        return Profile(
            holder=command.holder or self.holder,
            verified_at=verified_at or self.verified_at,
            balance_updates=_said(command.balance_updates, self.balance_updates),
            expiry_warnings=_said(command.expiry_warnings, self.expiry_warnings),
            notified=entry.sequence if command.balance_updates and not updated else self.notified,
            warned_until=entry.recorded_at if command.expiry_warnings and not warned else self.warned_until,
        )


def _said(now: bool | None, before: bool | None) -> bool | None:  # noqa: FBT001
    return before if now is None else now
