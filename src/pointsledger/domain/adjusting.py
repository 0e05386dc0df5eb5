"""
Adjusting by hand, and its approval by a second actor (R-40).
"""

from __future__ import annotations

from datetime import datetime

from ..errors import EntryUnknown, NotAwaiting, SameActor
from .commands import Adjust, Approve, Decline, SetBalance
from .draft import Draft
from .entries import Entry
from .lots import LotDates
from .reads import EntriesAbout, EntriesOn, Reading, read_entries


def adjust(draft: Draft, command: Adjust) -> Reading[None]:
    """
    Add or take points by hand, or note that they wait for approval.
    """
    yield from draft.settle()
    yield from _adjust_or_wait(draft, command, command.points)


def set_balance(draft: Draft, command: SetBalance) -> Reading[None]:
    """
    Leave exactly the points asked for available, or note that this waits for approval.
    """
    yield from draft.settle()
    yield from _adjust_or_wait(draft, command, _points_of(draft, command))


def approve(draft: Draft, command: Approve) -> Reading[None]:
    """
    Carry out an adjustment that waits; one to a balance counts from the balance of now.

    Raises:
        EntryUnknown, NotAwaiting, SameActor, InsufficientPoints: in this order.
    """
    asked = yield from _awaiting(draft, command)
    yield from draft.settle()
    yield from _adjust_by(draft, asked, _points_of(draft, asked))


def decline(draft: Draft, command: Decline) -> Reading[None]:
    """
    Note that an adjustment which waits will not be carried out.

    Raises:
        EntryUnknown, NotAwaiting, SameActor: in this order.
    """
    yield from _awaiting(draft, command)
    yield from draft.settle()
    draft.post("noted")


def awaits_approval(entry: Entry) -> bool:
    """
    Whether an entry noted an adjustment that a second actor has to approve; `withheld` has its points.
    """
    return entry.kind == "noted" and entry.withheld != 0


def _adjust_or_wait(draft: Draft, command: Adjust | SetBalance, points: int) -> Reading[None]:
    threshold = draft.program.approval_above
    if threshold is not None and abs(points) > threshold:
        draft.post("noted", withheld=points)
    else:
        yield from _adjust_by(draft, command, points)


def _points_of(draft: Draft, command: Adjust | SetBalance) -> int:
    if isinstance(command, Adjust):
        return command.points
    # A credit repays debt first, so it takes that much more to leave the points asked for.
    change = command.points - draft.account.available
    return change + draft.account.debt if change > 0 else change


def _adjust_by(draft: Draft, command: Adjust | SetBalance, points: int) -> Reading[None]:
    program = draft.program
    allow_debt, expires_at = False, None
    if isinstance(command, Adjust):
        allow_debt, expires_at = command.allow_debt, command.expires_at
    if points > 0:
        _credit(draft, points, expires_at)
    elif points == 0:
        draft.post("noted")
    elif allow_debt:
        yield from draft.draw_down("adjusted", -points, terms=program)
    else:
        yield from draft.draw("adjusted", -points, terms=program)


def _credit(draft: Draft, points: int, expires_at: datetime | None) -> None:
    dates = LotDates(draft.at, expires_at or draft.program.expires_at(draft.at), follows=expires_at is None)
    awarded = min(points, max(0, draft.room_of_balance())) if draft.program.caps.adjustments else points
    started = draft.activity(None, draft.at)
    draft.credit("adjusted", awarded, dates=dates, lapses_at=started, withheld=points - awarded)


def _awaiting(draft: Draft, command: Approve | Decline) -> Reading[Adjust | SetBalance]:
    """
    Return the adjustment that waits for a second actor.
    """
    found = yield from read_entries(EntriesOn(command.entry))
    if not found:
        raise EntryUnknown(draft.account.id, command.entry)
    asked = found[0].command
    decided = yield from read_entries(EntriesAbout(command.topic))
    known = any(isinstance(entry.command, Approve | Decline) for entry in decided)
    if known or not awaits_approval(found[0]) or not isinstance(asked, Adjust | SetBalance):
        raise NotAwaiting(command.entry)
    if asked.actor == command.actor:
        raise SameActor(command.entry, str(command.actor))
    return asked
