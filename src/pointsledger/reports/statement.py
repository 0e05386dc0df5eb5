"""
An account's statement: what came and went in a period, and what is left of it (R-10, R-11, S1.5 to S1.10, S3.3).

A statement is a function of the history and of the period: whether a sweep has written down what lapsed, and
when, changes no figure of it (I-32).
For that, what time alone did counts when it took effect, and everything else when it was recorded.
Both clocks run forward with the sequence of entries, so the running balance is that of the entries.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from attrs import evolve, field, frozen

from ..domain.account import Account, move_points
from ..domain.balance import Balance, Expiring, ladder, settled_from
from ..domain.draft import Draft
from ..domain.entries import Entry
from ..domain.expiry import ON_EVENT
from ..domain.instants import check_period, wall_date
from ..domain.lots import ORDER_OF_USE, Lot
from ..domain.money import Money
from ..domain.program import Program
from ..domain.reads import Reading
from ..port import Storage
from .pages import read_history

_MICROSECOND = timedelta(microseconds=1)


@frozen
class Batch:
    """
    A lot as it is at the end of a statement's period (S1.10, S1.16).

    Args:
        lot: its points and dates; `lot.expired` of its points have lapsed.
        lapses_at: when what is left of it lapses if nothing happens before: on its date, or by inactivity; None where
            nothing is left or nothing ends it.
        days_left: the local days on which what is left can still be used, counted from the day on which the period
            ends, that day included; None without an end.
    """

    lot: Lot
    lapses_at: datetime | None = None
    days_left: int | None = None


@frozen
class StatementLine:
    """
    One entry of a statement.

    Args:
        entry: the entry; its `points`, `balance_after`, `value`, `balance_value` and `rate` are the line's figures.
        at: when it took effect.
        booked: False for what time has done and no sweep has written down yet.
        batch: the lot that it opened, as it is at the end of the period; None where it opened none.
    """

    entry: Entry
    at: datetime
    booked: bool = True
    batch: Batch | None = None


@frozen
class Statement:
    """
    A period of an account.

    Args:
        account: whose it is.
        since, until: the half-open period: since <= instant < until; None: from the beginning.
        opening: the points in all lots before it; lines: what changed them, by sequence.
        closing: the balance at the end of it; its figures "in all" count from the beginning.
        expiring: what lapses later if nothing happens before, soonest first.
        batches: the lots with points left at the end of it, in the order of use.
        opening_value: what the opening points were worth at the rate last recorded before; None without one.
        accrued, used, lapsed: points in all until the end of it (S3.3): credited, less what was taken back; redeemed,
            less what was given back; lapsed, less what was reinstated. What was accrued and neither used nor lapsed
            is what the holder has (available, pending, held), less the debt.
    """

    account: str
    since: datetime | None
    until: datetime
    opening: int
    closing: Balance
    lines: tuple[StatementLine, ...] = ()
    expiring: tuple[Expiring, ...] = ()
    batches: tuple[Batch, ...] = ()
    opening_value: Money | None = field(default=None, kw_only=True)
    accrued: int = field(default=0, kw_only=True)
    used: int = field(default=0, kw_only=True)
    lapsed: int = field(default=0, kw_only=True)


def statement(
    storage: Storage, program: Program, account: str, *, since: datetime | None = None, until: datetime
) -> Statement:
    """
    Return an account's statement over since <= instant < until; from the beginning where `since` is None.

    A period that has not ended yet, or lies ahead, shows what time will do if nothing else happens.
    Where the program is switched off it shows nothing (R-43).

    Raises:
        InvalidInstant: an instant is naive or out of range; InvalidInput: the period is empty.
    """
    first, end = check_period(since, until)
    return storage.read(program.id, account, lambda state: _read_statement(program, state, first, end))


def _read_statement(program: Program, account: Account, since: datetime | None, until: datetime) -> Reading[Statement]:
    last = until - _MICROSECOND
    if not program.active:
        return Statement(account.id, since, until, 0, Balance(last, shown=False))
    history = [entry for entry in (yield from read_history()) if took_effect_at(entry) < until]
    draft = _settled(program, account, history, last)
    entries = (*history, *draft.entries)
    lots = _batches(program, draft, entries, until)
    lines = [
        StatementLine(
            entry, took_effect_at(entry), i < len(history), lots.get(entry.opened.id) if entry.opened else None
        )
        for i, entry in enumerate(entries)
    ]
    before = [line.entry for line in lines if since is not None and line.at < since]
    expiring = ladder(draft)
    return Statement(
        account.id,
        since,
        until,
        before[-1].balance_after if before else 0,
        Balance.of(draft.account, last, program.rate(at=last), next(iter(expiring), None)),
        tuple(lines[len(before) :]),
        expiring,
        tuple(sorted((batch for batch in lots.values() if batch.lot.remaining), key=_order_of_use(program))),
        opening_value=before[-1].balance_value if before else None,
        **_to_date(entries)._asdict(),
    )


def took_effect_at(entry: Entry) -> datetime:
    """
    Return when an entry changed the balance, whenever it was written down.
    """
    return entry.occurred_at if entry.is_by_time else entry.recorded_at


def days_left(lapses_at: datetime, at: datetime, program: Program) -> int:
    """
    Return the local days on which points can be used until they lapse, from that of `at` on, both ends included.
    """
    last = wall_date(lapses_at - _MICROSECOND, program.timezone)
    return max(0, (last - wall_date(at, program.timezone)).days + 1)


def _settled(program: Program, account: Account, entries: Sequence[Entry], at: datetime) -> Draft:
    """
    Return the account at an instant in thought: its entries folded, and settled by time.
    """
    # Folded as if written in time: a sweep that came later must not move the account past the instant.
    in_time = (evolve(entry, recorded_at=took_effect_at(entry)) for entry in entries)
    return settled_from(program, account, in_time, at)


def _batches(program: Program, draft: Draft, entries: Sequence[Entry], until: datetime) -> dict[int, Batch]:
    """
    Return what entries made of every lot, by id, those without points left included.
    """
    lots: dict[int, Lot] = {}
    for entry in entries:
        move_points(lots, entry)
    return {lot.id: _batch(program, lot, draft.lapse_of(lot), until) for lot in lots.values()}


def _batch(program: Program, lot: Lot, lapses_at: datetime | None, until: datetime) -> Batch:
    if not lot.remaining or lapses_at is None or lapses_at >= ON_EVENT:
        return Batch(lot)
    return Batch(lot, lapses_at, days_left(lapses_at, until, program))


def _order_of_use(program: Program) -> Callable[[Batch], Any]:
    order = ORDER_OF_USE[program.use_order]
    return lambda batch: order(batch.lot)


class _ToDate(NamedTuple):
    accrued: int
    used: int
    lapsed: int


def _to_date(entries: Sequence[Entry]) -> _ToDate:
    """
    Return what came, was used and lapsed in all; what is set aside, and what repays debt, is none of these.
    """
    accrued = used = lapsed = 0
    kinds = {entry.sequence: entry.kind for entry in entries}
    for entry in entries:
        if entry.kind == "redeemed" or kinds.get(entry.reverses or 0) == "redeemed":
            used -= entry.points
        elif entry.kind in _LAPSING:
            lapsed -= entry.points
        elif entry.kind not in _NEUTRAL:
            accrued += entry.points - entry.debt
    return _ToDate(accrued, used, lapsed)


_LAPSING = frozenset({"expired", "reinstated"})
_NEUTRAL = frozenset({"held", "released", "lapsed", "repaid"})
"""Kinds whose points stay the holder's: set aside and back, and paid off its debt."""
