"""
An account's statement: what came and went in a period, and what is left of it (R-10, R-11, S1.5 to S1.8).

A statement is a function of the history and of the period: whether a sweep has written down what lapsed, and
when, changes no figure of it (I-32).
For that, what time alone did counts when it took effect, and everything else when it was recorded.
Both clocks run forward with the sequence of entries, so the running balance is that of the entries.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from attrs import evolve, field, frozen

from ..domain.account import Account, rebuild
from ..domain.balance import Balance, Expiring, answer_from, ladder
from ..domain.commands import Expire
from ..domain.draft import Draft
from ..domain.entries import Entry
from ..domain.instants import check_instant
from ..domain.money import Money
from ..domain.program import Program
from ..domain.reads import Reading
from ..errors import InvalidInput
from ..port import Storage
from .pages import read_history

_MICROSECOND = timedelta(microseconds=1)
_BY_TIME_ALONE = frozenset({"expired", "repaid"})


@frozen
class StatementLine:
    """
    One entry of a statement.

    Args:
        entry: the entry; its `points`, `balance_after`, `value` and `balance_value` are the line's figures.
        at: when it took effect.
        booked: False for what time has done and no sweep has written down yet.
    """

    entry: Entry
    at: datetime
    booked: bool = True


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
        opening_value: what the opening points were worth at the rate last recorded before; None without one.
    """

    account: str
    since: datetime | None
    until: datetime
    opening: int
    closing: Balance
    lines: tuple[StatementLine, ...] = ()
    expiring: tuple[Expiring, ...] = ()
    opening_value: Money | None = field(default=None, kw_only=True)


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
    first = None if since is None else check_instant(since, "since")
    end = check_instant(until, "until")
    if first is not None and first >= end:
        raise InvalidInput("until", until, "must be later than since")
    return storage.read(program.id, account, lambda state: _read_statement(program, state, first, end))


def _read_statement(program: Program, account: Account, since: datetime | None, until: datetime) -> Reading[Statement]:
    last = until - _MICROSECOND
    if not program.active:
        return Statement(account.id, since, until, 0, Balance(last, shown=False))
    history = yield from read_history()
    booked = [StatementLine(entry, at) for entry in history if (at := took_effect_at(entry)) < until]
    draft = _settled(program, account, (line.entry for line in booked), last)
    lapsed = [StatementLine(entry, took_effect_at(entry), booked=False) for entry in draft.entries]
    expiring = ladder(draft)
    lines = (*booked, *lapsed)
    before = [line.entry for line in lines if since is not None and line.at < since]
    return Statement(
        account.id,
        since,
        until,
        before[-1].balance_after if before else 0,
        Balance.of(draft.account, last, program, next(iter(expiring), None)),
        lines[len(before) :],
        expiring,
        opening_value=before[-1].balance_value if before else None,
    )


def took_effect_at(entry: Entry) -> datetime:
    """
    Return when an entry changed the balance, whenever it was written down.
    """
    return entry.occurred_at if entry.kind in _BY_TIME_ALONE else entry.recorded_at


def _settled(program: Program, account: Account, entries: Iterable[Entry], at: datetime) -> Draft:
    """
    Return the account at an instant in thought: its entries folded, and settled by time.
    """
    # Folded as if written in time: a sweep that came later must not move the account past the instant.
    in_time = (evolve(entry, recorded_at=took_effect_at(entry)) for entry in entries)
    state, lots = rebuild(account.program, account.id, in_time)
    draft = Draft(program, state, Expire(account=account.id), None, at)
    return answer_from(lots, draft)
