"""
Changes of lots by hand: another date, lapsed points that live again, who is responsible (R-38, R-41).
"""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from ..errors import InvalidInput, LotUnknown, NotLapsed, NotLater, NotPending
from .account import Account
from .balance import settled
from .commands import ActivateLot, Assign, Extend, LotCommand, Redate, Reinstate
from .draft import Draft
from .entries import Entry
from .holds import hold_of
from .lots import Lot, LotDates, is_later
from .program import Program
from .reads import EntriesOn, LotsNamed, OpenHolds, OpenLots, Reading, read_entries, read_lots


def assign(draft: Draft, command: Assign) -> Reading[None]:
    """
    Note who is responsible for a lot (S4.6).

    Raises:
        LotUnknown: there is no such lot.
    """
    yield from _entries_on_lot(draft, command)
    yield from draft.settle()
    draft.post("noted")


def activate_lot(draft: Draft, command: ActivateLot) -> Reading[None]:
    """
    Make the points of a lot usable from now on (R-20).

    Raises:
        LotUnknown; NotPending: it waits for no event, or nothing of it is left: in this order.
    """
    lot = yield from _lot(draft, command)
    if not lot.waits or not lot.remaining:
        raise NotPending(lot.id, lot.available_at)
    opening = yield from _entries_on_lot(draft, command)
    draft.activate((lot,), opening[0].terms or draft.program)


def extend(draft: Draft, command: Extend) -> Reading[None]:
    """
    Give a lot a later date (R-38).

    Raises:
        LotUnknown; InvalidInput: it waits for an event; NotLater: nothing of it is left, or it has that date or a
        later one: in this order.
    """
    lot = yield from _lot(draft, command)
    if lot.waits:
        raise InvalidInput("lot", lot.id, "its points wait for an event, and are dated when that is reported")
    if not (lot.remaining or lot.held) or not is_later(command.expires_at, lot.expires_at):
        raise NotLater(lot.id, draft.lapse_of(lot), command.expires_at)
    draft.redate((lot,), LotDates(None, command.expires_at, follows=False))


def reinstate(draft: Draft, command: Reinstate) -> Reading[None]:
    """
    Let lapsed points of a lot live again from now on, as far as nothing took them back since (R-38).

    Points of the lot that live keep a later date that they have.

    Raises:
        LotUnknown; InvalidInput: the date has passed; NotLapsed: fewer have lapsed: in this order.
    """
    entries = yield from _entries_on_lot(draft, command)
    if command.expires_at is not None and command.expires_at <= draft.at:
        raise InvalidInput("expires_at", command.expires_at, "must be later than the account's time")
    lot = yield from _lot(draft, command)
    lapsed = lot.expired - sum(taken_from_lapsed(entry) for entry in entries[1:])
    points = lapsed if command.points is None else command.points
    if points > lapsed or lapsed == 0:
        raise NotLapsed(lot.id, points, lapsed)
    expires_at = command.expires_at or draft.program.expires_at(draft.at)
    dates = LotDates(draft.at, expires_at, follows=command.expires_at is None)
    if (lot.remaining or lot.held) and is_later(lot.expires_at, expires_at):
        dates = LotDates(None, lot.expires_at, lot.follows)
    draft.reinstate(lot, points, dates)


def taken_from_lapsed(reversal: Entry) -> int:
    """
    Return how many points a reversal set against the lapsed part of a lot (R-32).
    """
    return reversal.claimed + reversal.withheld + reversal.points - reversal.shortfall


def redate(draft: Draft, command: Redate) -> Reading[None]:
    """
    Give every open lot that follows the program's policy the date that it gives now; those that get the same date
    change together, the soonest first (R-38).
    """
    yield from draft.settle()
    for expires_at, lots in (yield from changed_dates(draft)).items():
        draft.redate(lots, LotDates(None, expires_at))
    if not draft.entries:
        draft.post("noted")


def changed_dates(draft: Draft) -> Reading[dict[datetime | None, list[Lot]]]:
    """
    Return the open lots whose date the program's policy changes, by the new date, the soonest first and never last.
    """
    draft.take_up((yield from read_lots(OpenLots())))
    if draft.account.held:
        holds = yield from read_entries(OpenHolds())
        yield from draft.take_up_held([hold for hold in holds if hold_of(hold).until > draft.at])
    by_date: dict[datetime | None, list[Lot]] = {}
    for lot in sorted(draft.lots.values(), key=lambda lot: lot.id):
        if lot.waits or not lot.follows or not (lot.remaining or lot.held):
            continue
        expires_at = draft.program.expires_at(lot.available_at)
        if expires_at != lot.expires_at:
            by_date.setdefault(expires_at, []).append(lot)
    return dict(sorted(by_date.items(), key=lambda item: (item[0] is None, item[0] or draft.at)))


@frozen
class LotRedating:
    """
    A lot that would get another date, and how many points it holds, held ones included.
    """

    lot: int
    points: int
    expires_at: datetime | None
    new_expires_at: datetime | None


@frozen
class Redating:
    """
    What re-dating an account would do.

    Args:
        points: how many points would get another date.
        lapsing: how many of them would lapse at once.
        lots: the lots, the soonest new date first and never last.
    """

    points: int
    lapsing: int
    lots: tuple[LotRedating, ...]


def read_redating(program: Program, account: Account, at: datetime) -> Reading[Redating]:
    """
    Return what re-dating would do at an instant, although nothing is written (R-38).
    """
    draft = yield from settled(program, account, max(at, account.as_of))
    by_date = yield from changed_dates(draft)
    lots = tuple(
        LotRedating(lot.id, lot.remaining + lot.held, lot.expires_at, expires_at)
        for expires_at, group in by_date.items()
        for lot in group
    )
    settled_entries = len(draft.entries)
    for expires_at, group in by_date.items():
        draft.redate(group, LotDates(None, expires_at))
    lapsing = -sum(entry.points for entry in draft.entries[settled_entries:] if entry.kind == "expired")
    return Redating(sum(lot.points for lot in lots), lapsing, lots)


def _lot(draft: Draft, command: LotCommand) -> Reading[Lot]:
    """
    Return the lot as it is now.
    """
    yield from _entries_on_lot(draft, command)
    yield from draft.settle()
    if command.lot not in draft.lots:
        draft.take_up((yield from read_lots(LotsNamed((command.lot,)))))
    return draft.lots[command.lot]


def _entries_on_lot(draft: Draft, command: LotCommand) -> Reading[tuple[Entry, ...]]:
    """
    Return the entry that opened the lot and those that reverse it.
    """
    found = yield from read_entries(EntriesOn(command.lot))
    if not found or found[0].opened is None:
        raise LotUnknown(draft.account.id, command.lot)
    return found
