"""
Liability: the points that a program owes its holders at an instant, and what they are worth (R-11, R-23).

Points are counted whoever has them: usable, pending and held. What holders owe is a claim of the program and is shown
beside them, not netted.
A program that is switched off owes what it owed (R-43).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Literal, NamedTuple

from attrs import frozen

from ..domain.account import Account
from ..domain.balance import entries_until, settled_from
from ..domain.draft import Draft
from ..domain.expiry import ON_EVENT
from ..domain.instants import LATEST, check_instant, wall_date
from ..domain.lots import Lot
from ..domain.money import Money, micros_per_unit
from ..domain.points import apportioned
from ..domain.program import Program
from ..domain.reads import Reading
from ..errors import InvalidInput
from ..port import Storage
from .pages import each_account
from .valuation import carrying_rate, currencies, exact_value

NEVER = "never"
"""The month of points that no date takes, those that wait for an event included."""

_MICROSECOND = timedelta(microseconds=1)


@frozen
class LiabilityRow:
    """
    The points of one channel that can last be used in one month.

    Args:
        channel: that of the entry that opened their lot; None: it named none.
        month: the month of their last valid date in the program's zone, such as ``"2026-03"``, if nothing happens
            before; or ``"never"``. Held points whose date has passed stay in its month (R-27).
        points: how many; available, pending, held: how they stand.
        value: what they are worth, by currency.
    """

    channel: str | None
    month: str
    points: int
    available: int
    pending: int
    held: int
    value: Mapping[str, Money]


@frozen
class Liability:
    """
    What a program owes its holders at an instant.

    Args:
        program: its id.
        at: the instant.
        points: the points in lots and on hold; available, pending, held: how they stand.
        debt: the points that holders owe; it is not in `points`.
        value: what all points are worth, for each currency of the program. Each channel's points count at the rate
            that holds there for nobody in particular, a part of a group included; the sum is rounded down once.
        rows: by channel (none first), then by month (never last). They add up: the points to `points`, and each
            currency's values to `value`. Each value is rounded down, and those with the largest remainders are one
            unit more, until they do.
    """

    program: str
    at: datetime
    points: int
    available: int
    pending: int
    held: int
    debt: int
    value: Mapping[str, Money]
    rows: tuple[LiabilityRow, ...]


@frozen
class CombinedLiability:
    """
    Several programs side by side: their points are not of one kind and are not added up, their money is.

    Args:
        at: the instant.
        liabilities: by program.
        value: what all of them are worth together, by currency.
    """

    at: datetime
    liabilities: tuple[Liability, ...]
    value: Mapping[str, Money]


def liability(
    storage: Storage,
    program: Program,
    at: datetime,
    *,
    progress: Callable[[int], object] = lambda accounts: None,
) -> Liability:
    """
    Return what a program owes its holders at an instant: now, in the past as then recorded, or as a forecast.

    Whether a sweep has run changes nothing (I-32). Each account is read once, by itself.

    Args:
        program: as it was at the instant, for the past: rates that changed are told apart by their windows.
        progress: called after each account with the number of accounts so far.

    Raises:
        InvalidInstant: the instant is naive or out of range.
    """
    instant = check_instant(at, "at")
    parts: Counter[_Part] = Counter()
    debt = 0
    for count, account in enumerate(each_account(storage, program.id), start=1):
        draft, found = storage.read(program.id, account, lambda state: _read(program, state, instant))
        parts.update(found)
        debt += draft.account.debt
        progress(count)
    rows = _rows(program, instant, parts)
    return Liability(
        program.id,
        instant,
        sum(row.points for row in rows),
        sum(row.available for row in rows),
        sum(row.pending for row in rows),
        sum(row.held for row in rows),
        debt,
        {currency: _sum((row.value[currency] for row in rows), currency) for currency in currencies(program)},
        rows,
    )


def combined(liabilities: Iterable[Liability]) -> CombinedLiability:
    """
    Return the liabilities of several programs at one instant side by side.

    Raises:
        InvalidInput: there is none, they are of different instants, or one program comes twice.
    """
    ordered = tuple(sorted(liabilities, key=lambda owed: owed.program))
    programs = [owed.program for owed in ordered]
    if len({owed.at for owed in ordered}) != 1:
        raise InvalidInput("liabilities", programs, "must be of one instant")
    if len(set(programs)) < len(programs):
        raise InvalidInput("liabilities", programs, "must be of different programs")
    named = dict.fromkeys(currency for owed in ordered for currency in owed.value)
    value = {c: _sum((owed.value[c] for owed in ordered if c in owed.value), c) for c in named}
    return CombinedLiability(ordered[0].at, ordered, value)


# --- points ------------------------------------------------------------------------------------------------------


class _Part(NamedTuple):
    channel: str | None
    month: str
    status: Literal["available", "pending", "held"]


def _read(program: Program, account: Account, at: datetime) -> Reading[tuple[Draft, Counter[_Part]]]:
    """
    Return the account as it is at an instant, with the points of its lots.
    """
    history = yield from entries_until(at if at < account.as_of else LATEST)
    channels = {entry.sequence: entry.channel for entry in history if entry.opened is not None}
    draft = settled_from(program, account, history, at)
    parts: Counter[_Part] = Counter()
    for lot in filter(outstanding, draft.lots.values()):
        channel, month = channels.get(lot.id), _month(draft, lot)
        parts[_Part(channel, month, "available" if lot.available_at <= at else "pending")] += lot.remaining
        parts[_Part(channel, month, "held")] += lot.held
    return draft, parts


def outstanding(lot: Lot) -> int:
    """
    Return the points of a lot that are owed: what is left of it, and what is held of it.
    """
    return lot.remaining + lot.held


def _month(draft: Draft, lot: Lot) -> str:
    lapses_at = draft.lapse_of(lot)
    if lapses_at is None or lapses_at >= ON_EVENT:
        return NEVER
    return f"{wall_date(lapses_at - _MICROSECOND, draft.program.timezone):%Y-%m}"


# --- money -------------------------------------------------------------------------------------------------------


def _rows(program: Program, at: datetime, parts: Counter[_Part]) -> tuple[LiabilityRow, ...]:
    places = {(part.channel, part.month) for part, points in parts.items() if points}
    ordered = sorted(places, key=lambda place: (place[0] is not None, place[0] or "", place[1] == NEVER, place[1]))
    stands = [
        (
            parts[_Part(*place, "available")],
            parts[_Part(*place, "pending")],
            parts[_Part(*place, "held")],
        )
        for place in ordered
    ]
    values = {
        currency: _shared(
            currency,
            [
                exact_value(carrying_rate(program, currency, channel, at), sum(points))
                for (channel, _), points in zip(ordered, stands, strict=True)
            ],
        )
        for currency in currencies(program)
    }
    return tuple(
        LiabilityRow(*place, sum(points), *points, {currency: values[currency][i] for currency in values})
        for i, (place, points) in enumerate(zip(ordered, stands, strict=True))
    )


def _shared(currency: str, worths: Iterable[Fraction]) -> list[Money]:
    """
    Round exact worths down to what the currency can pay, and give what their sum still has to the largest rests (R-22).
    """
    unit = micros_per_unit(currency)
    counts = [worth / unit for worth in worths]
    rests = [count % 1 for count in counts]
    more = apportioned(int(sum(rests)), rests)
    return [Money.of_micros((int(count) + m) * unit, currency) for count, m in zip(counts, more, strict=True)]


def _sum(amounts: Iterable[Money], currency: str) -> Money:
    return Money.of_micros(sum(amount.micros for amount in amounts), currency)
