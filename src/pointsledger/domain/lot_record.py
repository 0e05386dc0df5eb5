"""
Lots as records: one batch of points with all that happened to it (R-41, S4.1 to S4.8).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Literal

from attrs import frozen

from ..errors import LotUnknown
from .account import Account
from .balance import settled
from .commands import Approve, Assign, Comment, Holder, topic_of_entry
from .draft import Draft
from .entries import Entry, EntryKind
from .expiry import ON_EVENT
from .instants import wall_date
from .lots import Lot
from .program import Program
from .reads import DrawsOn, EntriesAbout, EntriesOn, LotsNamed, Reading, read_entries, read_lots

LotStatus = Literal["pending", "available", "held", "used", "expired", "taken_back"]
"""
How a lot stands: `pending` and `available`: points are left; `held`: all that are left are set aside; else what most
of its points became.
"""

_UPDATES: frozenset[EntryKind] = frozenset({"redated", "reinstated", "expired", "reversed"})
_MICROSECOND = timedelta(microseconds=1)


@frozen(kw_only=True)
class LotRecord:
    """
    One lot.

    Args:
        lot: its number, the sequence of the entry that opened it.
        account, holder: whose it is, and whether that is a person or an organisation; None: nobody has said.
        total: the points it was opened with.
        used: points that were redeemed, taken by hand, or repaid debt, less those that came back.
        expired, taken_back: points that lapsed; that were reversed.
        held, remaining: points that are set aside; that are left. The five figures after `total` add up to it.
        status: how it stands at the instant asked for.
        generated_at: when its points were earned; available_at: from when they are usable; None: they wait for an
            event.
        expires_at: when they lapse; None: never by date, or not dated yet.
        last_valid_date: the last local day on which they can be used.
        reason, description: as the command that asked for it says; the comment is the description.
        responsible: the operator in charge: who was assigned last, else who asked for it.
        opened_by: the entry that opened it.
        redemptions: the entries that paid with its points, by sequence.
        updates: the entries that changed its dates or took points away, and assignments, by sequence.
        comments: comments added later, by sequence.
    """

    lot: int
    account: str
    holder: Holder | None
    total: int
    used: int
    expired: int
    taken_back: int
    held: int
    remaining: int
    status: LotStatus
    generated_at: datetime
    available_at: datetime | None
    expires_at: datetime | None
    last_valid_date: date | None
    reason: str | None
    description: str | None
    responsible: str | None
    opened_by: Entry
    redemptions: tuple[Entry, ...]
    updates: tuple[Entry, ...]
    comments: tuple[Entry, ...]


def read_lot_record(program: Program, account: Account, sequence: int, at: datetime) -> Reading[LotRecord]:
    """
    Return the record of a lot as it is at an instant, now or later.

    Raises:
        LotUnknown: there is no such lot.
    """
    opening = yield from read_entries(EntriesOn(sequence))
    if not opening or opening[0].opened is None:
        raise LotUnknown(account.id, sequence)
    draft = yield from settled(program, account, at)
    lot = yield from _lot_of(draft, sequence)
    stored = yield from read_entries(DrawsOn(sequence))
    draws = (*stored, *(entry for entry in draft.entries if any(part.lot == sequence for part in entry.allocations)))
    about = yield from read_entries(EntriesAbout(topic_of_entry(sequence)))
    assigned = [entry.command.responsible for entry in about if isinstance(entry.command, Assign)]
    entry, taken_back = opening[0], _part(draws, sequence, "reversed")
    asked = yield from _asked(entry)
    expires_at = None if lot.expires_at is None or lot.expires_at >= ON_EVENT else lot.expires_at
    return LotRecord(
        lot=sequence,
        account=account.id,
        holder=account.profile.holder,
        total=lot.points,
        used=lot.points - lot.remaining - lot.held - lot.expired - taken_back,
        expired=lot.expired,
        taken_back=taken_back,
        held=lot.held,
        remaining=lot.remaining,
        status=_status(lot, taken_back, at),
        generated_at=lot.earned_at,
        available_at=None if lot.waits else lot.available_at,
        expires_at=expires_at,
        last_valid_date=expires_at and wall_date(expires_at - _MICROSECOND, program.timezone),
        reason=asked.reason,
        description=asked.comment,
        responsible=assigned[-1] if assigned else asked.actor,
        opened_by=entry,
        redemptions=tuple(draw for draw in draws if draw.kind == "redeemed"),
        updates=tuple(
            sorted(
                (*(d for d in draws if d.kind in _UPDATES), *(e for e in about if isinstance(e.command, Assign))),
                key=lambda update: update.sequence,
            )
        ),
        comments=tuple(e for e in about if isinstance(e.command, Comment)),
    )


def _asked(entry: Entry) -> Reading[Entry]:
    """
    Return the entry that asked for what this one did: the adjustment that waited, where it was approved (R-40).
    """
    if not isinstance(entry.command, Approve):
        return entry
    return (yield from read_entries(EntriesOn(entry.command.entry)))[0]


def _lot_of(draft: Draft, sequence: int) -> Reading[Lot]:
    if sequence not in draft.lots:
        draft.take_up((yield from read_lots(LotsNamed((sequence,)))))
    return draft.lots[sequence]


def _part(draws: tuple[Entry, ...], lot: int, kind: EntryKind) -> int:
    return sum(part.points for draw in draws if draw.kind == kind for part in draw.allocations if part.lot == lot)


def _status(lot: Lot, taken_back: int, at: datetime) -> LotStatus:
    if lot.remaining:
        return "available" if lot.available_at <= at else "pending"
    if lot.held:
        return "held"
    used = lot.points - lot.expired - taken_back
    became: dict[LotStatus, int] = {"used": used, "expired": lot.expired, "taken_back": taken_back}
    return max(became, key=became.__getitem__)
