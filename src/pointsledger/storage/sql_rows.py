"""
Rows and values: how accounts, entries and lots stand in their tables.

Instants are whole microseconds since 1970-01-01 UTC, money is text such as ``"24.90 GBP"``, a command and a program are
JSON.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeAlias, cast

from ..domain.account import Account, Flows, Lapse
from ..domain.commands import Command, command_from_mapping, command_to_mapping
from ..domain.entries import Allocation, Entry, counts_at
from ..domain.instants import from_micros, micros
from ..domain.lots import Lot, LotDates
from ..domain.mapping import from_mapping, to_mapping
from ..domain.money import Money
from ..domain.profile import Profile
from ..domain.program import Program
from ..domain.rates import ExchangeRate
from .sql_schema import NEVER

Row: TypeAlias = Sequence[Any]

_UNKNOWN = Profile()
"""The profile of a holder of whom nothing is known; it is not stored."""

ACCOUNT = (
    "version, as_of, available, pending, held, debt, earned, adjusted, redeemed, restored, expired, reversed, "
    "removed, repaid, forgiven, next_change_at, lapses_at, lapsed_at, lapsed_through, closed, profile, notice_at"
)
ENTRY = (
    "sequence, kind, points, balance_after, occurred_at, recorded_at, command_key, ordinal, command, "
    "available_at, expires_at, follows, debt, reverses, claimed, shortfall, rate_points, rate_money, money, "
    "still_to_pay, lapses_at, channel, topic, rule, withheld, counts_at, terms"
)
LOT = "lot, points, remaining, earned_at, available_at, expires_at, expired, held, follows"

DATING = frozenset({"redated", "reinstated"})
"""Kinds of entry whose dates are those of their allocations' lots."""


def account_row(account: Account) -> tuple[Any, ...]:
    """
    Return the columns of `ACCOUNT`.
    """
    return (
        account.version,
        micros(account.as_of),
        account.available,
        account.pending,
        account.held,
        account.debt,
        *account.flows,
        _at(account.next_change_at),
        _at(account.lapses_at),
        None if account.lapsed is None else micros(account.lapsed.at),
        None if account.lapsed is None else account.lapsed.through,
        int(account.closed),
        None if account.profile == _UNKNOWN else _COMPACT.encode(to_mapping(account.profile)),
        _at(account.notice_at),
    )


_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_CANONICAL = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)


@lru_cache(maxsize=1024)
def digest_of(program: Program) -> tuple[str, str]:
    """
    Return a program's stored form and the digest that names it; equal programs have equal ones.
    """
    body = _CANONICAL.encode(program.to_mapping())
    return hashlib.sha256(body.encode()).hexdigest(), body


def account_of(program: str, account: str, row: Row) -> Account:
    """
    Return the account that a row of `ACCOUNT` holds.
    """
    version, as_of, available, pending, held, debt = row[:6]
    next_change_at, lapses_at, lapsed_at, lapsed_through, closed, profile, notice_at = row[15:]
    return Account(
        program,
        account,
        version,
        from_micros(as_of),
        available,
        pending,
        held,
        debt,
        Flows(*row[6:15]),
        _instant(next_change_at),
        _instant(lapses_at),
        None if lapsed_at is None else Lapse(from_micros(lapsed_at), lapsed_through),
        bool(closed),
        _UNKNOWN if profile is None else from_mapping(Profile, json.loads(profile)),
        _instant(notice_at),
    )


def entry_row(entry: Entry, digest: str | None) -> tuple[Any, ...]:
    """
    Return the columns of `ENTRY`, given the digest of the entry's program.
    """
    opened, rate = entry.opened, entry.rate
    dates = entry.dates if opened is None else entry.lot_dates
    return (
        entry.sequence,
        entry.kind,
        entry.points,
        entry.balance_after,
        micros(entry.occurred_at),
        micros(entry.recorded_at),
        entry.key,
        entry.ordinal,
        None if entry.ordinal else _command_text(entry.command),
        None if dates is None else _at(dates.available_at),
        None if dates is None else _at(dates.expires_at),
        None if dates is None else int(dates.follows),
        entry.debt,
        entry.reverses,
        entry.claimed,
        entry.shortfall,
        None if rate is None else rate.points,
        None if rate is None else str(rate.money),
        None if entry.money is None else str(entry.money),
        None if entry.still_to_pay is None else str(entry.still_to_pay),
        _at(entry.lapses_at),
        entry.channel,
        entry.topic,
        entry.rule,
        entry.withheld,
        _at(counts_at(entry)),
        digest,
    )


def command_of(text: str, account: str) -> Command:
    """
    Return the command that an entry's column holds; the account stands in its row.
    """
    return command_from_mapping({**json.loads(text), "account": account})


def program_of(text: str) -> Program:
    """
    Return the program that a row of terms holds.
    """
    return Program.from_mapping(json.loads(text))


def _command_text(command: Command) -> str:
    content = command_to_mapping(command)
    del content["account"]  # the row says it
    return _COMPACT.encode(content)


def entry_of(row: Row, command: Command, allocations: tuple[Allocation, ...], terms: Program | None) -> Entry:
    """
    Return the entry that a row of `ENTRY` holds, with what stands in other rows.
    """
    sequence, kind, points, balance_after, occurred_at, recorded_at, key, ordinal = row[:8]
    (
        available_at,
        expires_at,
        follows,
        debt,
        reverses,
        claimed,
        shortfall,
        rate_points,
        rate_money,
        money,
        still_to_pay,
        lapses_at,
        channel,
        topic,
        rule,
        withheld,
    ) = row[9:25]
    opened, dates = None, None
    if follows is not None:
        dates = LotDates(_instant(available_at), _instant(expires_at), bool(follows))
    if dates is not None and dates.available_at is not None and points > 0 and kind not in DATING:
        opened = Lot(
            sequence,
            points,
            points,
            from_micros(occurred_at),
            dates.available_at,
            dates.expires_at,
            follows=dates.follows,
        )
        dates = None
    return Entry(
        sequence,
        kind,
        points,
        balance_after,
        from_micros(occurred_at),
        from_micros(recorded_at),
        command,
        key,
        ordinal,
        allocations,
        opened,
        debt,
        reverses,
        claimed,
        shortfall,
        None if rate_points is None else ExchangeRate(rate_points, Money.parse(rate_money)),
        None if money is None else Money.parse(money),
        None if still_to_pay is None else Money.parse(still_to_pay),
        _instant(lapses_at),
        terms,
        channel or command.channel,  # format 2 kept it only there
        topic,
        rule,
        withheld,
        dates,
    )


def lot_row(lot: Lot) -> tuple[Any, ...]:
    """
    Return the columns of `LOT`.
    """
    return (
        lot.id,
        lot.points,
        lot.remaining,
        micros(lot.earned_at),
        micros(lot.available_at),
        expiry_of(lot),
        lot.expired,
        lot.held,
        int(lot.follows),
    )


def expiry_of(lot: Lot) -> int:
    """
    Return the column for when a lot lapses.
    """
    return NEVER if lot.expires_at is None else micros(lot.expires_at)


def lot_of(row: Row) -> Lot:
    """
    Return the lot that a row of `LOT` holds.
    """
    lot, points, remaining, earned_at, available_at, expires_at, expired, held, follows = cast("tuple[int, ...]", row)
    return Lot(
        lot,
        points,
        remaining,
        from_micros(earned_at),
        from_micros(available_at),
        None if expires_at == NEVER else from_micros(expires_at),
        expired,
        held,
        bool(follows),
    )


def _at(instant: datetime | None) -> int | None:
    return None if instant is None else micros(instant)


def _instant(count: int | None) -> datetime | None:
    return None if count is None else from_micros(count)
