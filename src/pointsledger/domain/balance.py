"""
Balances, ladders and lots as they are read: pure functions of what is recorded and of time (R-11, I-32).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from attrs import frozen

from .account import Account, Rebuilt, rebuild
from .commands import Expire
from .draft import Draft
from .entries import Entry
from .expiry import ON_EVENT
from .lots import ORDER_OF_USE, Lot
from .money import Money
from .program import Program
from .rates import ExchangeRate
from .reads import (
    DueLots,
    EntriesAfter,
    LotsNamed,
    OpenHolds,
    OpenLots,
    Read,
    Reading,
    T,
    read_entries,
    read_lots,
    read_next_lapse,
)


@frozen
class Expiring:
    """
    Points that lapse together at `at`, if nothing happens before.
    """

    points: int
    at: datetime


@frozen
class Balance:
    """
    What an account has at an instant.

    Args:
        at: the instant.
        available: points that can be used; pending: points that become usable later; debt: points owed.
        held: points set aside by holds.
        earned, redeemed, expired: in all, until then; `earned` counts what orders and actions gave, before reversals.
        expiring_next: the points that lapse next, and when; pending points included.
        value: what the available points are worth at the rate that counts for the holder then, in whole groups.
        version: the number of entries it rests on.
        shown: False where the program is switched off: then every figure is 0 (R-43).
    """

    at: datetime
    available: int = 0
    pending: int = 0
    held: int = 0
    debt: int = 0
    earned: int = 0
    redeemed: int = 0
    expired: int = 0
    expiring_next: Expiring | None = None
    value: Money | None = None
    version: int = 0
    shown: bool = True

    @classmethod
    def of(cls, account: Account, at: datetime, rate: ExchangeRate | None, expiring_next: Expiring | None) -> Balance:
        """
        Return the balance that an account's figures say.
        """
        return cls(
            at,
            account.available,
            account.pending,
            account.held,
            account.debt,
            account.flows.earned,
            account.flows.redeemed,
            account.flows.expired,
            expiring_next,
            rate.value(account.available) if rate else None,
            account.version,
        )


def read_balance(
    program: Program,
    account: Account,
    at: datetime,
    *,
    channel: str | None = None,
    customer_group: str | None = None,
) -> Reading[Balance]:
    """
    Return the balance at an instant: from the account's row where time has changed nothing since, by settling in
    thought where it has, and by folding the entries recorded until then for an instant in the past.

    `channel` and `customer_group` say at whose rate it is valued (R-23).
    """
    if not program.active:
        return Balance(at, shown=False)
    draft = yield from settled(program, account, at)
    if at < account.as_of:
        expiring_next = next(iter(ladder(draft)), None)
    else:
        expiring_next = yield from _expiring_next(draft)
    rate = program.rate(channel=channel, customer_group=customer_group, at=at)
    return Balance.of(draft.account, at, rate, expiring_next)


def settled(program: Program, account: Account, at: datetime) -> Reading[Draft]:
    """
    Return a draft of the account as it is at an instant, although nothing is written.

    For an instant in the past it holds every lot that had points left then.
    """
    if at < account.as_of:
        entries = yield from entries_until(at)
        return settled_from(program, account, entries, at)
    draft = Draft(program, account, Expire(account=account.id), None, at)
    yield from draft.settle()
    return draft


def settled_account(program: Program, account: Account, at: datetime) -> Reading[Account]:
    """
    Return the account as it is at an instant, although nothing is written.
    """
    return (yield from settled(program, account, at)).account


def _expiring_next(draft: Draft) -> Reading[Expiring | None]:
    """
    Return what lapses next; through one look where nothing but the lots' own dates decides.
    """
    if not draft.entries and draft.account.lapses_at is None:
        lapse = yield from read_next_lapse(draft.at)
        return Expiring(*lapse) if lapse and lapse[1] < ON_EVENT else None
    draft.take_up((yield from read_lots(OpenLots())))
    return next(iter(ladder(draft)), None)


def ladder(draft: Draft) -> tuple[Expiring, ...]:
    """
    Return what the lots of a draft lapse, date by date.
    """
    steps: dict[datetime, int] = {}
    for lot in draft.lots.values():
        lapses_at = draft.lapse_of(lot)
        if lot.remaining and lapses_at is not None and lapses_at < ON_EVENT:
            steps[lapses_at] = steps.get(lapses_at, 0) + lot.remaining
    return tuple(Expiring(points, when) for when, points in sorted(steps.items()))


def settled_from(program: Program, account: Account, entries: Iterable[Entry], at: datetime) -> Draft:
    """
    Return a draft of what entries, from the first one on, give at an instant, with every lot that has points.
    """
    past = rebuild(program.id, account.id, entries)
    draft = Draft(program, past.account, Expire(account=account.id), None, at)
    draft.take_up(lot for lot in past.lots.values() if lot.remaining or lot.held)
    answered(past, (), draft.settle())
    return draft


def answered(past: Rebuilt, history: Sequence[Entry], reading: Reading[T]) -> T:
    """
    Drive a reading to its result from what entries give, as if they were all there is.
    """
    try:
        read = next(reading)
        while True:
            read = reading.send(_answer(past, history, read))
    except StopIteration as stop:
        result: T = stop.value
        return result


def _answer(past: Rebuilt, history: Sequence[Entry], read: Read) -> Any:
    """
    Answer what settling and notices ask: more lots than are due do no harm, and the next change is not looked for.
    """
    if isinstance(read, DueLots | OpenLots):
        return tuple(lot for lot in past.lots.values() if lot.remaining)
    if isinstance(read, OpenHolds):
        return tuple(past.holds.values())
    if isinstance(read, EntriesAfter):
        return tuple(history[read.sequence : read.sequence + read.limit])
    return tuple(past.lots[id] for id in read.ids) if isinstance(read, LotsNamed) else None


def entries_until(at: datetime) -> Reading[list[Entry]]:
    """
    Return the entries recorded until an instant, inclusive, by sequence.
    """
    found: list[Entry] = []
    while True:
        page = yield from read_entries(EntriesAfter(found[-1].sequence if found else 0))
        known = [entry for entry in page if entry.recorded_at <= at]
        found += known
        if not known or len(known) < len(page):
            return found


def read_expiring(program: Program, account: Account, at: datetime) -> Reading[tuple[Expiring, ...]]:
    """
    Return what lapses when, soonest first, of the points that are there at an instant; pending points included.
    """
    if not program.active:
        return ()
    return ladder((yield from _all_open_lots(program, account, at)))


def read_lots_in_use(program: Program, account: Account, at: datetime) -> Reading[tuple[Lot, ...]]:
    """
    Return the lots with points left at an instant, in the program's order of use, pending ones included.
    """
    draft = yield from _all_open_lots(program, account, at)
    return tuple(sorted((lot for lot in draft.lots.values() if lot.remaining), key=ORDER_OF_USE[program.use_order]))


def _all_open_lots(program: Program, account: Account, at: datetime) -> Reading[Draft]:
    draft = yield from settled(program, account, at)
    if at >= account.as_of:
        draft.take_up((yield from read_lots(OpenLots())))
    return draft
