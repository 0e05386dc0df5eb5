"""
Notices: what holders are to be told, each exactly once (R-42, S1.4, S1.28).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import groupby

from attrs import evolve

from .account import Account, rebuild
from .balance import answered, entries_until, settled
from .commands import Expire, SetProfile, TakeNotices
from .draft import Draft
from .entries import Entry
from .instants import LATEST, local_date, start_of_day
from .notice import Notice
from .profile import Profile
from .program import Program
from .reads import EntriesAfter, OpenLots, Reading, read_entries, read_lots

_QUIET = frozenset({"held", "released", "lapsed"})
"""What changes no balance for good: holders are told when held points pay."""


def wants_updates(program: Program, profile: Profile) -> bool:
    """
    Whether the holder is told of changes of its balance.
    """
    said = profile.balance_updates
    return program.notices.subscribed if said is None else said


def wants_warnings(program: Program, profile: Profile) -> bool:
    """
    Whether the holder is warned before points lapse.
    """
    said = profile.expiry_warnings
    return program.notices.warn_days is not None and (program.notices.subscribed if said is None else said)


def warns_at(program: Program, expires_at: datetime) -> datetime:
    """
    Return when a holder is warned: at the start of the local day that lies `warn_days` before that of the lapse.
    """
    day = local_date(expires_at, program.timezone) - timedelta(days=program.notices.warn_days or 0)
    return start_of_day(day, program.timezone)


def due_notices(draft: Draft) -> Reading[tuple[tuple[Notice, ...], datetime | None]]:
    """
    Return the notices that are due and were not taken, updates by entry and then warnings by date; and before which
    instant no other will be, unless something happens. A program that is off tells nothing, and loses nothing (R-43).

    The draft has settled.
    """
    program, profile = draft.program, draft.account.profile
    if not program.active:
        return (), draft.account.notice_at
    updates: tuple[Notice, ...] = ()
    upcoming: list[datetime] = []
    if wants_updates(program, profile):
        updates = yield from _updates(draft)
        upcoming += _change_to_come(draft.account)
    if not wants_warnings(program, profile):
        return updates, min(upcoming, default=None)
    draft.take_up((yield from read_lots(OpenLots())))
    due: dict[datetime, int] = {}
    for lot in draft.lots.values():
        lapses_at = draft.lapse_of(lot)
        if not lot.remaining or lapses_at is None or lapses_at <= draft.at:
            continue
        warned_at = warns_at(program, lapses_at)
        if warned_at > draft.at:
            upcoming.append(warned_at)
        elif lot.available_at < warned_at and (profile.warned_until is None or profile.warned_until < warned_at):
            due[lapses_at] = due.get(lapses_at, 0) + lot.remaining
    balance = draft.account.balance
    warnings = (
        Notice("expiry_warning", draft.account.id, warns_at(program, when), points, balance, expires_at=when)
        for when, points in sorted(due.items())
    )
    return (*updates, *warnings), min(upcoming, default=None)


def _updates(draft: Draft) -> Reading[tuple[Notice, ...]]:
    """
    Return a notice for each command since notices were last taken that changed the balance.
    """
    entries: list[Entry] = []
    page = yield from read_entries(EntriesAfter(draft.account.profile.notified))
    while page:
        entries += page
        page = yield from read_entries(EntriesAfter(page[-1].sequence))
    known = entries[-1].sequence if entries else 0
    entries += [entry for entry in draft.entries if entry.sequence > known]
    said = draft.account.profile.balance_updates
    found: list[Notice] = []
    for first, group in groupby(entries, key=lambda entry: entry.sequence - entry.ordinal):
        parts = list(group)
        told = said or (parts[0].terms is not None and parts[0].terms.notices.subscribed)
        points = sum(part.points for part in parts if part.kind not in _QUIET)
        if told and points:
            last = parts[-1]
            found.append(
                Notice("balance_update", draft.account.id, last.recorded_at, points, last.balance_after, first)
            )
    return tuple(found)


def schedule_notices(draft: Draft) -> None:
    """
    Have the account looked at for notices when one may be due because of what the draft did.

    Too early costs a look, too late would be wrong.
    """
    account, program = draft.account, draft.program
    if isinstance(draft.command, TakeNotices):  # it has just said what is next
        return
    instants = [account.notice_at] if account.notice_at else []
    if wants_updates(program, account.profile):
        if any(_is_news(entry) for entry in draft.entries):
            instants.append(draft.at)
        instants += _change_to_come(account)
    if isinstance(draft.command, SetProfile):  # who subscribes may be due to be warned already
        instants.append(draft.at)
    if wants_warnings(program, account.profile):
        instants += _warnings_to_come(account, program, draft)
    soonest = min(instants, default=None)
    if soonest != account.notice_at:
        draft.account = evolve(account, notice_at=soonest)


def _change_to_come(account: Account) -> Iterable[datetime]:
    """
    Return the instant at which time alone may change the balance, which would be news.
    """
    return () if account.next_change_at is None else (account.next_change_at,)


def _is_news(entry: Entry) -> bool:
    return entry.points != 0 and entry.kind not in _QUIET


def _warnings_to_come(account: Account, program: Program, draft: Draft) -> Iterable[datetime]:
    for lot in draft.changed_lots:
        lapses_at = draft.lapse_of(lot)
        if lot.remaining and lapses_at is not None:
            yield warns_at(program, lapses_at)
    if account.lapses_at is not None:
        yield warns_at(program, account.lapses_at)


def read_notices(program: Program, account: Account, at: datetime) -> Reading[tuple[Notice, ...]]:
    """
    Return the notices that are due at an instant and were not taken, without taking them.
    """
    draft = yield from settled(program, account, at)
    notices, _ = yield from due_notices(draft)
    return notices


def read_taken(account: Account, sequence: int) -> Reading[tuple[Notice, ...]]:
    """
    Return the notices that were taken with the entry of this sequence, by going through the history until then.
    """
    history = yield from entries_until(LATEST)
    taken = history[sequence - 1]
    before = history[: sequence - 1 - taken.ordinal]
    past = rebuild(account.program, account.id, before)
    assert taken.terms is not None, "every entry carries its terms"
    draft = Draft(taken.terms, past.account, Expire(account=account.id), None, taken.recorded_at)
    answered(past, before, draft.settle())
    notices, _ = answered(past, before, due_notices(draft))
    return notices
