"""
Holds: points set aside for an order until they are captured, released, or their time is over (R-27).
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from attrs import frozen

from ..errors import HoldClosed
from .commands import Hold
from .entries import Entry

HoldStatus = Literal["held", "captured", "released", "lapsed"]
HoldEvent = Literal["capture", "release", "cancel", "deadline"]

HOLD_TRANSITIONS: dict[tuple[HoldStatus, HoldEvent], HoldStatus] = {
    ("held", "capture"): "captured",
    ("held", "release"): "released",
    ("held", "cancel"): "released",
    ("held", "deadline"): "lapsed",
}
"""
What becomes of a hold; what is not here is refused, or changes nothing.

`cancel` is the cancel of its order, `deadline` the instant at which its time is over.
"""


@frozen
class OrderHold:
    """
    A hold of an order, and how it stands.
    """

    entry: Entry
    status: HoldStatus = "held"

    @property
    def until(self) -> datetime:
        """
        The first instant at which its points are free again.
        """
        return deadline_of(self.entry)

    def status_at(self, at: datetime) -> HoldStatus:
        """
        Return how it stands at an instant, whether its end has been written down or not.
        """
        over = self.status == "held" and at >= self.until
        return HOLD_TRANSITIONS["held", "deadline"] if over else self.status

    def after(self, event: HoldEvent, at: datetime) -> HoldStatus:
        """
        Return how the hold stands after an event.

        Raises:
            HoldClosed: it is no longer held.
        """
        status = self.status_at(at)
        if (status, event) not in HOLD_TRANSITIONS:
            command = hold_of(self.entry)
            raise HoldClosed(command.order, command.id, status)
        return HOLD_TRANSITIONS[status, event]


def hold_of(entry: Entry) -> Hold:
    """
    Return the command that a ``held`` entry carries.
    """
    assert isinstance(entry.command, Hold), "a held entry comes from Hold"
    return entry.command


def deadline_of(entry: Entry) -> datetime:
    """
    Return the first instant at which the points of a ``held`` entry are free again.
    """
    return hold_of(entry).until
