"""
The draft: one command's entries in the making.

A draft starts from an account as stored, is told what moves, and keeps what the storage has to write: new entries,
changed lots, the account afterwards.
Every way in which points move is a method here: settling what time did (R-12), credit, draw, claw-back, restore,
repayment.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import TypedDict, Unpack

from attrs import evolve

from ..errors import InsufficientPoints, ShortfallRefused
from .account import Account, move_points
from .commands import Command
from .entries import Allocation, Entry, EntryKind
from .expiry import Activity
from .instants import local_date, start_of_day
from .lots import ORDER_OF_USE, Lot
from .money import Money
from .program import Program
from .rates import ExchangeRate
from .reads import DueLots, LotsNamed, Reading, UsableLots, read_lots, read_next_change


class Details(TypedDict, total=False):
    """
    What an entry can say besides what it moves; see `Entry`.
    """

    occurred_at: datetime | None
    reverses: int | None
    claimed: int
    shortfall: int
    rate: ExchangeRate | None
    money: Money | None
    still_to_pay: Money | None
    lapses_at: datetime | None


class Draft:
    """
    What one command changes.

    Args:
        program: the program in force.
        account: the account as stored.
        command, key: what was asked, under which key.
        now: the host's now; the account's time never runs backwards, so an earlier now counts as `account.as_of`.
    """

    __slots__ = (
        "_drawn",
        "_read",
        "account",
        "at",
        "command",
        "entries",
        "key",
        "lots",
        "occurred_at",
        "program",
    )

    def __init__(self, program: Program, account: Account, command: Command, key: str | None, now: datetime) -> None:
        self.program = program
        self.account = account
        self.command = command
        self.key = key
        self.at = max(now, account.as_of)
        self.occurred_at = command.occurred_at or self.at
        self.entries: list[Entry] = []
        self.lots: dict[int, Lot] = {}
        self._read: dict[int, Lot] = {}
        self._drawn = 0

    # --- what the storage writes ---------------------------------------------------------------------------

    @property
    def changed_lots(self) -> tuple[Lot, ...]:
        """
        The lots that are new or no longer as stored, by id.
        """
        changed = [lot for lot in self.lots.values() if self._read.get(lot.id) is not lot]
        return tuple(sorted(changed, key=attrgetter("id")))

    # --- posting -------------------------------------------------------------------------------------------

    def post(
        self,
        kind: EntryKind,
        points: int = 0,
        *,
        occurred_at: datetime | None = None,
        allocations: tuple[Allocation, ...] = (),
        opened: Lot | None = None,
        debt: int = 0,
        reverses: int | None = None,
        claimed: int = 0,
        shortfall: int = 0,
        rate: ExchangeRate | None = None,
        money: Money | None = None,
        still_to_pay: Money | None = None,
        lapses_at: datetime | None = None,
    ) -> Entry:
        """
        Append an entry and apply it to the account and its lots; the rate is the program's where none is given.
        """
        account = self.account
        entry = Entry(
            account.version + 1,
            kind,
            points,
            account.available + account.pending + points,
            occurred_at or self.occurred_at,
            self.at,
            self.command,
            self.key,
            len(self.entries),
            allocations,
            opened,
            debt,
            reverses,
            claimed,
            shortfall,
            rate or self.program.rate(),
            money,
            still_to_pay,
            lapses_at,
            self.program,
        )
        moved = self._usable_part(entry)
        move_points(self.lots, entry)
        next_change_at = self._next_change((opened,) if opened else (), lapses_at)
        self.account = account.after(entry, account.available + moved, account.pending + points - moved, next_change_at)
        self.entries.append(entry)
        self._drawn -= min(points, 0)
        return entry

    def _usable_part(self, entry: Entry) -> int:
        """
        How much of an entry's points moves in or out of lots that are not pending.
        """
        if entry.opened is not None:
            return entry.points if entry.opened.available_at <= self.at else 0
        moved = sum(n for lot, n in entry.allocations if self.lots[lot].available_at <= self.at)
        return moved if entry.points > 0 else -moved

    def take_up(self, lots: Iterable[Lot]) -> None:
        """
        Keep lots as read; a lot that this draft has read or changed already stays as it is here.
        """
        for lot in lots:
            if lot.id not in self.lots:
                self.lots[lot.id] = self._read[lot.id] = lot

    def _next_change(self, lots: Iterable[Lot], lapses_at: datetime | None = None) -> datetime | None:
        """
        The account's next instant of change, or an earlier one that these lots bring.

        Too early costs a look, too late would be wrong.
        An activity reported late may have let the account lapse before now; `lapses_at` then is due at once (R-36).
        """
        soonest = self.account.next_change_at
        if lapses_at is not None and (soonest is None or lapses_at < soonest):
            soonest = lapses_at
        for lot in lots:
            instant = lot.changes_at(self.at)
            if instant is not None and instant > self.at and (soonest is None or instant < soonest):
                soonest = instant
        return soonest

    # --- time ----------------------------------------------------------------------------------------------

    def settle(self) -> Reading[None]:
        """
        Book what time alone has done since the account was written, in the order of the instants (R-12).
        """
        account = self.account
        if account.next_change_at is None or self.at < account.next_change_at:
            return
        lapses = account.lapses_at is not None and account.lapses_at <= self.at
        due = yield from read_lots(DueLots(account.as_of, self.at, lapses))
        self.take_up(due)
        until = self.at
        for instant in sorted({i for lot in due for i in self._instants(lot, account.as_of, until)}):
            self.at = instant
            self._activate(due)
            self._expire(due)
            self._repay()
        self.at = until
        self.entries = [evolve(entry, recorded_at=until) for entry in self.entries]
        upcoming = yield from read_next_change(until)
        if not lapses and self.account.lapses_at is not None:
            upcoming = min(upcoming or self.account.lapses_at, self.account.lapses_at)
        self.account = evolve(self.account, as_of=until, next_change_at=upcoming)

    def _instants(self, lot: Lot, after: datetime, until: datetime) -> Iterable[datetime]:
        lapses_at = self.lapse_of(lot)
        if after < lot.available_at <= until:
            yield lot.available_at
        if lapses_at is not None and lapses_at <= until:
            yield max(lapses_at, lot.available_at)

    def lapse_of(self, lot: Lot) -> datetime | None:
        """
        When the lot lapses: its own date, or the account's inactivity if that comes first (R-36).

        Points that can be used from the instant of that lapse on were not there to lapse (R-12).
        """
        idle = self.account.lapses_at
        if idle is None or lot.available_at >= idle:
            return lot.expires_at
        return idle if lot.expires_at is None else min(idle, lot.expires_at)

    def _activate(self, due: Sequence[Lot]) -> None:
        started = sum(self.lots[lot.id].remaining for lot in due if lot.available_at == self.at)
        if started and self.account.as_of < self.at:
            account = self.account
            self.account = evolve(
                account,
                as_of=self.at,
                available=account.available + started,
                pending=account.pending - started,
            )

    def _expire(self, lots: Iterable[Lot]) -> None:
        """
        Post one entry for everything that has lapsed by now.
        """
        current = [self.lots[lot.id] for lot in lots]
        gone = [
            lot
            for lot in current
            if lot.remaining and lot.available_at <= self.at and (when := self.lapse_of(lot)) and when <= self.at
        ]
        if gone:
            gone.sort(key=ORDER_OF_USE[self.program.use_order])
            self.post(
                "expired",
                -sum(lot.remaining for lot in gone),
                allocations=tuple(Allocation(lot.id, lot.remaining) for lot in gone),
                occurred_at=self.at,
            )

    def _repay(self) -> None:
        """
        Repay debt from points that have just become usable (R-33).

        Usable points and debt never stand together (I-7), so what can repay has come up in this draft.
        """
        due = min(self.account.debt, self.account.available)
        if due:
            usable = sorted(self._usable_here(), key=ORDER_OF_USE[self.program.use_order])
            self.post("repaid", -due, allocations=_drawn_from(usable, due), debt=-due, occurred_at=self.at)

    def activity(self, kind: Activity | None, at: datetime) -> datetime | None:
        """
        Return when the account lapses after an activity that counts, or None if it changes nothing (R-36).

        The clock starts with the first credit, whatever it is; `kind` None can do no more than start it.
        """
        idle = self.program.expiry.idle
        known = self.account.lapses_at
        if idle is None or (known is not None and kind not in idle.resets):
            return None
        lapses_at = idle.lapses_at(at, self.program.timezone)
        return lapses_at if lapses_at is not None and (known is None or lapses_at > known) else None

    # --- points in -----------------------------------------------------------------------------------------

    def credit(
        self,
        kind: EntryKind,
        points: int,
        *,
        available_at: datetime,
        expires_at: datetime | None,
        earned_at: datetime | None = None,
        **details: Unpack[Details],
    ) -> Entry:
        """
        Open a lot, let it lapse at once if its date is past, and repay debt from it otherwise.
        """
        lot = Lot(self.account.version + 1, points, points, earned_at or self.occurred_at, available_at, expires_at)
        entry = self.post(kind, points, opened=lot, **details)
        if self._has_lapsed(lot):
            self._expire((lot,))
        self._repay()
        return entry

    # --- points out ----------------------------------------------------------------------------------------

    def usable(self, points: int, terms: Program) -> Reading[list[Lot]]:
        """
        Return usable lots in the order of use that hold `points`, or all there are if they hold less.
        """
        found = yield from read_lots(UsableLots(points + self._drawn, self.at, terms.use_order))
        self.take_up(found)
        if len(self.lots) == len(found):  # nothing else was touched: the storage's order is the order of use
            return [lot for lot in map(self._current, found) if lot.remaining]
        return sorted(self._usable_here(), key=ORDER_OF_USE[terms.use_order])

    def _usable_here(self) -> list[Lot]:
        return [lot for lot in self.lots.values() if lot.remaining and lot.is_usable(self.at)]

    def draw(self, kind: EntryKind, points: int, *, terms: Program, **details: Unpack[Details]) -> Reading[Entry]:
        """
        Take exactly `points` from usable lots in the order of use (R-09).

        Raises:
            InsufficientPoints: fewer are available (R-28).
        """
        if points > self.account.available:
            raise InsufficientPoints(self.account.id, points, self.account.available)
        lots = yield from self.usable(points, terms)
        return self.post(kind, -points, allocations=_drawn_from(lots, points), **details)

    def draw_down(self, kind: EntryKind, points: int, *, terms: Program, **details: Unpack[Details]) -> Reading[Entry]:
        """
        Take `points` from usable lots as far as they reach; the rest becomes debt.
        """
        taken = min(points, self.account.available)
        lots = (yield from self.usable(taken, terms)) if taken else []
        return self.post(kind, -taken, allocations=_drawn_from(lots, taken), debt=points - taken, **details)

    def claw_back(self, credit: Entry, claim: int, lapsed_before: int) -> Reading[Entry]:
        """
        Take back `claim` points of a credit (R-32).

        Sources: what is left of its lot; what lapsed of it, which cost the holder and gains nobody; other usable lots
        in the order of use; then the shortfall policy recorded with the credit.

        Args:
            lapsed_before: points of the lot's lapsed part that earlier claims were set against.

        Raises:
            ShortfallRefused: points are missing and the program refuses to go on.
        """
        terms = credit.terms or self.program
        if credit.sequence not in self.lots:  # it may be a credit of this very command
            self.take_up((yield from read_lots(LotsNamed((credit.sequence,)))))
        lot = self.lots[credit.sequence]
        own = min(lot.remaining, claim)
        lapsed = min(lot.expired - lapsed_before, claim - own)
        usable_of_own = own if lot.available_at <= self.at else 0
        others = min(claim - own - lapsed, self.account.available - usable_of_own)
        shortfall = claim - own - lapsed - others
        if shortfall and terms.shortfall == "refuse":
            raise ShortfallRefused(self.account.id, claim, shortfall)
        allocations: tuple[Allocation, ...] = (Allocation(lot.id, own),) if own else ()
        if others:
            usable = yield from self.usable(others + usable_of_own, terms)
            allocations += _drawn_from([other for other in usable if other.id != lot.id], others)
        return self.post(
            "reversed",
            -own - others,
            allocations=allocations,
            reverses=credit.sequence,
            claimed=claim,
            shortfall=shortfall,
            debt=shortfall if terms.shortfall == "debt" else 0,
            rate=credit.rate,
        )

    # --- points back ---------------------------------------------------------------------------------------

    def give_back(self, debit: Entry, points: int, given_before: int) -> Reading[None]:
        """
        Restore `points` of a debit to the lots they came from, last drawn first, with their dates (R-34).

        What had become debt comes back before them, as a new lot that repays debt first: so the debit's own debt is
        settled in the same way whether it is restored at once or in parts (I-11).

        Args:
            given_before: points of the debit that were restored before.
        """
        owed = min(points, max(0, debit.debt - given_before))
        parts = _last_drawn_first(debit.allocations, points - owed, max(0, given_before - debit.debt))
        unread = tuple(part.lot for part in parts if part.lot not in self.lots)
        if unread:
            self.take_up((yield from read_lots(LotsNamed(unread))))
        terms = debit.terms or self.program
        lapsed = [part for part in parts if self._has_lapsed(self.lots[part.lot])]
        anew = 0 if terms.restore.lapsed == "expire" else sum(part.points for part in lapsed)
        in_place = tuple(part for part in parts if not anew or part not in lapsed)
        if owed:
            self._give_back_anew(debit, owed, terms.expires_at(self.at))
        if in_place:
            self._give_back_in_place(debit, in_place)
        if anew:
            self._give_back_anew(debit, anew, self._new_date(terms))

    def _give_back_in_place(self, debit: Entry, parts: tuple[Allocation, ...]) -> None:
        count = sum(part.points for part in parts)
        self.post("restored", count, allocations=parts, claimed=count, reverses=debit.sequence, rate=debit.rate)
        touched = [self.lots[part.lot] for part in parts]
        self._expire(touched)
        self.account = evolve(self.account, next_change_at=self._next_change(map(self._current, touched)))
        self._repay()

    def _give_back_anew(self, debit: Entry, points: int, expires_at: datetime | None) -> None:
        self.credit(
            "restored",
            points,
            available_at=self.at,
            expires_at=expires_at,
            claimed=points,
            reverses=debit.sequence,
            rate=debit.rate,
        )

    def _current(self, lot: Lot) -> Lot:
        return self.lots[lot.id]

    def _has_lapsed(self, lot: Lot) -> bool:
        when = self.lapse_of(lot)
        return when is not None and when <= self.at

    def _new_date(self, terms: Program) -> datetime | None:
        if terms.restore.lapsed == "fresh":
            return terms.expires_at(self.at)
        last = local_date(self.at, terms.timezone) + timedelta(days=terms.restore.grace_days)
        return start_of_day(last + timedelta(days=1), terms.timezone)


def _drawn_from(lots: Sequence[Lot], points: int) -> tuple[Allocation, ...]:
    """
    Allocate `points` over lots in order; the lots hold at least as many (I-6).
    """
    allocations: list[Allocation] = []
    for lot in lots:
        if points == 0:
            break
        part = min(lot.remaining, points)
        allocations.append(Allocation(lot.id, part))
        points -= part
    return tuple(allocations)


def _last_drawn_first(allocations: Sequence[Allocation], points: int, given_before: int) -> tuple[Allocation, ...]:
    """
    Return the parts of a debit to restore, last drawn first.

    The parts restored before are the first `given_before` points in the same order, so several partial restores
    end where one does (I-11).
    """
    parts: list[Allocation] = []
    skip = given_before
    for lot, drawn in reversed(allocations):
        skipped = min(skip, drawn)
        part = min(drawn - skipped, points)
        skip -= skipped
        points -= part
        if part:
            parts.append(Allocation(lot, part))
    return tuple(parts)
