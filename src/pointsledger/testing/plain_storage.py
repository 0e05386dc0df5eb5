"""
A reference: a storage that keeps plain lists and looks at all of them for every answer.

It shares nothing with the other storages but the port, has no index that could be out of date, and is slow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from attrs import Factory, define

from ..domain.account import Account
from ..domain.decisions import Decision
from ..domain.entries import Entry
from ..domain.lots import Lot
from ..domain.reads import (
    DrawsOn,
    DueLots,
    EarnedWithin,
    EntriesAbout,
    EntriesAfter,
    EntriesOn,
    LotsNamed,
    NextChange,
    NextLapse,
    OpenHolds,
    OpenLots,
    Read,
    Reading,
    UsableLots,
    run,
)
from ..port import Job

T = TypeVar("T")


@define
class PlainAccount:
    """
    Everything of one account, in plain lists: its figures, its entries by sequence, and its lots by id.
    """

    account: Account
    entries: tuple[Entry, ...] = ()
    lots: dict[int, Lot] = Factory(dict[int, Lot])

    def after(self, decision: Decision) -> PlainAccount:
        """
        Return the account after a decision; this one stays as it is.
        """
        lots = self.lots | {lot.id: lot for lot in decision.lots}
        return PlainAccount(decision.account, self.entries + decision.entries, lots)

    def under(self, key: str | None) -> tuple[Entry, ...]:
        """
        Return the entries under a key, by sequence; entries of one command share it.
        """
        return tuple(entry for entry in self.entries if key is not None and entry.key == key)

    def answer(self, read: Read) -> Any:  # noqa: C901 - one case for each read
        """
        Answer a read as `pointsledger.domain.reads` words it.
        """
        match read:
            case DueLots(after, at, everything):
                return tuple(lot for lot in self._left() if everything or _started(lot, after, at) or _over(lot, at))
            case UsableLots(points, at, use_order):
                rank = _age if use_order == "oldest_first" else _lapse
                return _enough(sorted((lot for lot in self._left() if _started_by(lot, at)), key=rank), points)
            case OpenLots():
                return tuple(sorted(self._left(), key=_lapse))
            case NextLapse(after):
                return self._next_lapse(after)
            case LotsNamed(ids):
                return tuple(self.lots[id] for id in ids)
            case NextChange(after):
                changes = [when for lot in self._left() for when in (lot.available_at, lot.expires_at)]
                return min((when for when in changes if when is not None and when > after), default=None)
            case EntriesAbout(topic):
                return tuple(entry for entry in self.entries if entry.topic == topic)
            case OpenHolds():
                ended = {entry.reverses for entry in self.entries if entry.kind in {"released", "lapsed"}}
                return tuple(e for e in self.entries if e.kind == "held" and e.sequence not in ended)
            case EarnedWithin(since, until):
                return self._earned_within(since, until)
            case EntriesOn(sequence):
                return tuple(e for e in self.entries if sequence in {e.sequence, e.reverses})
            case EntriesAfter(sequence, limit):
                return tuple(entry for entry in self.entries if entry.sequence > sequence)[:limit]
            case _:
                drawn: DrawsOn = read
                return tuple(e for e in self.entries if drawn.lot in {part.lot for part in e.allocations})

    def _left(self) -> list[Lot]:
        return [lot for _, lot in sorted(self.lots.items()) if lot.remaining > 0]

    def _next_lapse(self, after: datetime) -> tuple[int, datetime] | None:
        lapsing = [(lot.expires_at, lot.remaining) for lot in self._left() if lot.expires_at is not None]
        first = min((when for when, _ in lapsing if when > after), default=None)
        return None if first is None else (sum(points for when, points in lapsing if when == first), first)

    def _earned_within(self, since: datetime, until: datetime) -> int:
        counted = {
            entry.sequence: entry.points
            for entry in self.entries
            if entry.kind == "earned" and entry.terms is not None and entry.terms.caps.per_period
            if since <= entry.occurred_at < until
        }
        return sum(counted.values()) - sum(e.claimed + e.withheld for e in self.entries if e.reverses in counted)


def _started(lot: Lot, after: datetime, at: datetime) -> bool:
    return after < lot.available_at <= at


def _over(lot: Lot, at: datetime) -> bool:
    return lot.expires_at is not None and lot.expires_at <= at


def _started_by(lot: Lot, at: datetime) -> bool:
    return lot.available_at <= at and not _over(lot, at)


def _lapse(lot: Lot) -> tuple[Any, ...]:
    never = lot.expires_at is None
    return (never, lot.earned_at if never else lot.expires_at, lot.earned_at, lot.id)


def _age(lot: Lot) -> tuple[Any, ...]:
    return (lot.earned_at, lot.id)


def _enough(lots: list[Lot], points: int) -> tuple[Lot, ...]:
    before = [sum(lot.remaining for lot in lots[:count]) for count in range(len(lots))]
    return tuple(lot for lot, held in zip(lots, before, strict=True) if held < points)


class PlainStorage:
    """
    Keeps ledgers in plain lists, for one thread.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], PlainAccount] = {}

    def transact(self, job: Job) -> Decision:
        """
        Run one decision; see `pointsledger.port.Storage.transact`.
        """
        return self.transact_all([job])[0]

    def transact_all(self, jobs: Sequence[Job]) -> tuple[Decision, ...]:
        """
        Run decisions on a copy, which takes the place of what was kept when all are done.
        """
        kept = dict(self._kept)
        decisions: list[Decision] = []
        for job in jobs:
            place = job.program, job.account
            there = kept.get(place) or PlainAccount(Account(*place))
            decision = run(job.decide(there.account, there.under(job.key)), there.answer)
            decisions.append(decision)
            if not decision.replayed:
                kept[place] = there.after(decision)
        self._kept = {place: there for place, there in kept.items() if there.account.version}
        return tuple(decisions)

    def read(self, program: str, account: str, reader: Callable[[Account], Reading[T]]) -> T:
        """
        Run a reader; see `pointsledger.port.Storage.read`.
        """
        there = self._kept.get((program, account)) or PlainAccount(Account(program, account))
        return run(reader(there.account), there.answer)

    def accounts(self, program: str, after: str, limit: int) -> Sequence[str]:
        """
        List accounts; see `pointsledger.port.Storage.accounts`.
        """
        ids = [there.account.id for there in self._of(program)]
        return sorted((id for id in ids if id.encode() > after.encode()), key=str.encode)[:limit]

    def due_accounts(self, program: str, at: datetime, limit: int) -> Sequence[str]:
        """
        List accounts that time may change; see `pointsledger.port.Storage.due_accounts`.
        """
        return _earliest([(there.account.next_change_at, there.account.id) for there in self._of(program)], at, limit)

    def accounts_to_notify(self, program: str, at: datetime, limit: int) -> Sequence[str]:
        """
        List accounts on which notices may be due; see `pointsledger.port.Storage.accounts_to_notify`.
        """
        return _earliest([(there.account.notice_at, there.account.id) for there in self._of(program)], at, limit)

    def close(self) -> None:
        """
        Forget everything.
        """
        self._kept = {}

    def _of(self, program: str) -> list[PlainAccount]:
        return [there for (of, _), there in self._kept.items() if of == program]


def _earliest(dates: list[tuple[datetime | None, str]], at: datetime, limit: int) -> list[str]:
    due = [(when, id) for when, id in dates if when is not None and when <= at]
    return [id for _, id in sorted(due)[:limit]]
