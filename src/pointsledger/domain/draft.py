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
from typing import NamedTuple, TypedDict, Unpack

from attrs import evolve, frozen

from ..errors import InsufficientPoints, ShortfallRefused
from .account import Account, Lapse, move_points
from .caps import Cut
from .commands import Command
from .entries import Allocation, Entry, EntryKind
from .expiry import Activity
from .holds import deadline_of, hold_of
from .instants import local_date, start_of_day
from .lots import ORDER_OF_USE, Lot, LotDates
from .money import Money
from .notice import Notice
from .orders import Order
from .points import TOTAL_MAX
from .program import Program
from .rates import ExchangeRate
from .reads import (
    DueLots,
    LotsNamed,
    OpenHolds,
    Reading,
    UsableLots,
    read_entries,
    read_lots,
    read_next_change,
)


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
    rule: str | None
    withheld: int


@frozen
class Claim:
    """
    Points of a credit that are to be taken back.

    Args:
        lapsed_before: points of the lot's lapsed part that earlier claims were set against.
        cut_before: points of the part that a cap cut off likewise.
    """

    credit: Entry
    points: int
    lapsed_before: int
    cut_before: int = 0


class _Parts(NamedTuple):
    """
    A claim in parts: what a cap had cut off, and the rest, of which `own` is left of its lot and `lapsed` has lapsed.
    """

    cut: int
    on_lot: int
    own: int
    lapsed: int


class Draft:
    """
    What one command changes.

    Args:
        program: the program in force.
        account: the account as stored.
        command, key: what was asked, under which key.
        now: the host's now; the account's time never runs backwards, so an earlier now counts as `account.as_of`.

    `channel` and `customer_group` say where and for whom; the command's, until its order's document says more.
    """

    __slots__ = (
        "_drawn",
        "_earned",
        "_foreseen",
        "_read",
        "_room",
        "account",
        "at",
        "channel",
        "command",
        "customer_group",
        "cuts",
        "entries",
        "key",
        "lots",
        "notices",
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
        self.channel = command.channel
        self.customer_group = command.customer_group
        self.cuts: list[Cut] = []
        self.entries: list[Entry] = []
        self.lots: dict[int, Lot] = {}
        self.notices: tuple[Notice, ...] = ()
        self._read: dict[int, Lot] = {}
        self._drawn = 0
        self._earned: list[tuple[datetime, int]] = []
        self._foreseen: list[tuple[datetime, int]] = []
        self._room = 0

    # --- what the storage writes ---------------------------------------------------------------------------

    @property
    def changed_lots(self) -> tuple[Lot, ...]:
        """
        The lots that are new or no longer as stored, by id.
        """
        changed = [lot for lot in self.lots.values() if self._read.get(lot.id) is not lot]
        return tuple(sorted(changed, key=attrgetter("id")))

    def copied(self) -> Draft:
        """
        Return a draft that stands where this one does, to go on in thought.
        """
        other = Draft(self.program, self.account, self.command, self.key, self.at)
        other.channel, other.customer_group = self.channel, self.customer_group
        other.entries, other.lots, other._read = list(self.entries), dict(self.lots), dict(self._read)
        other._drawn, other._earned = self._drawn, list(self._earned)
        return other

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
        topic: str | None = None,
        rule: str | None = None,
        withheld: int = 0,
        dates: LotDates | None = None,
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
            rate or self.rate(),
            money,
            still_to_pay,
            lapses_at,
            self.program,
            self.channel,
            topic or self.command.topic,
            rule,
            withheld,
            dates,
        )
        moved = self._usable_part(entry)
        move_points(self.lots, entry)
        next_change_at = self._next_change((opened,) if opened else (), lapses_at)
        self.account = account.after(entry, account.available + moved, account.pending + points - moved, next_change_at)
        self.entries.append(entry)
        self._drawn -= min(points, 0)
        if kind == "earned":
            self._earned.append((entry.occurred_at, points))
        return entry

    def earned_within(self, since: datetime, until: datetime) -> int:
        """
        Return the points that this draft earned in a half-open period, less those of it that it takes back.
        """
        return sum(points for at, points in (*self._earned, *self._foreseen) if since <= at < until)

    def rate(self, currency: str | None = None) -> ExchangeRate | None:
        """
        Return the rate in force there, for them, now (R-23, R-24).
        """
        return self.program.rate(currency, channel=self.channel, customer_group=self.customer_group, at=self.at)

    def serve(self, document: Order | None) -> None:
        """
        Take the channel and customer group from an order's document, as far as the command does not name them.
        """
        if document is not None:
            self.channel = self.channel or document.channel
            self.customer_group = self.customer_group or document.customer_group

    def _usable_part(self, entry: Entry) -> int:
        """
        How much of an entry's points moves in or out of lots that are not pending.
        """
        if entry.opened is not None:
            return entry.points if entry.opened.available_at <= self.at else 0
        if entry.kind in {"reinstated", "redated"}:  # usable from now on; no points move
            return entry.points
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
        Book what time alone has done since the account was written, in the order of the instants; at one instant
        points become usable, holds lapse, lots lapse and debt is repaid, in this order (R-12).
        """
        account = self.account
        if account.next_change_at is None or self.at < account.next_change_at:
            return
        lapses = account.lapses_at is not None and account.lapses_at <= self.at
        due = yield from read_lots(DueLots(account.as_of, self.at, lapses))
        self.take_up(due)
        holds = (yield from read_entries(OpenHolds())) if account.held else ()
        over = sorted((hold for hold in holds if deadline_of(hold) <= self.at), key=deadline_of)
        yield from self.take_up_held(over)
        until, touched = self.at, tuple(self.lots.values())
        instants = {i for lot in touched for i in self._instants(lot, account.as_of, until)}
        # What a late activity let lapse in the past lapses when that was recorded: history never changes.
        for instant in sorted({max(i, account.as_of) for i in (*instants, *map(deadline_of, over))}):
            self.at = instant
            self._activate(due)
            freed = self._lapse_holds(over)
            self._expire([lot for lot in touched if lot.id in freed or self._is_due(self._current(lot))])
            self._repay()
        self.at = until
        upcoming = yield from read_next_change(until)
        deadlines = [deadline_of(hold) for hold in holds if hold not in over]
        self._finish_settling((upcoming, *deadlines))

    def _finish_settling(self, upcoming: Iterable[datetime | None]) -> None:
        """
        Date what was booked, and say when time alone changes something next.
        """
        self.entries = [evolve(entry, recorded_at=self.at) for entry in self.entries]
        account = self.account
        lapsed, lapses_at = account.lapsed, account.lapses_at
        if lapses_at is not None and lapses_at > self.at:
            upcoming = (*upcoming, lapses_at)
        elif lapses_at is not None and self.entries and (lapsed is None or lapsed.at < lapses_at):
            lapsed = Lapse(lapses_at, self.entries[0].sequence - 1)
        # The storage does not know yet what a hold gave back to its lots.
        upcoming = (*upcoming, *(lot.changes_at(self.at) for lot in self.lots.values()))
        next_change_at = min((instant for instant in upcoming if instant is not None), default=None)
        self.account = evolve(account, as_of=self.at, next_change_at=next_change_at, lapsed=lapsed)

    def take_up_held(self, holds: Iterable[Entry]) -> Reading[None]:
        """
        Read the lots whose points are held.
        """
        unread = sorted({part.lot for hold in holds for part in hold.allocations if part.lot not in self.lots})
        if unread:
            self.take_up((yield from read_lots(LotsNamed(tuple(unread)))))

    def _lapse_holds(self, over: Iterable[Entry]) -> set[int]:
        """
        Free what holds set aside whose time is over now, and return the lots.
        """
        lapsing = [hold for hold in over if deadline_of(hold) == self.at]
        for hold in lapsing:
            self._let_go("lapsed", hold, occurred_at=self.at, topic=hold_of(hold).order)
        return {part.lot for hold in lapsing for part in hold.allocations}

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
        idle, when = self.account.lapses_at, lot.expires_at
        if idle is not None and lot.available_at < idle and (when is None or idle < when):
            when = idle
        return when

    def _is_due(self, lot: Lot) -> bool:
        when = self.lapse_of(lot)
        return when is not None and when <= self.at

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
        gone = [lot for lot in current if lot.remaining and lot.available_at <= self.at and self._has_lapsed(lot)]
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
        dates: LotDates,
        earned_at: datetime | None = None,
        **details: Unpack[Details],
    ) -> Entry:
        """
        Open a lot, let it lapse at once if its date is past, and repay debt from it otherwise.

        Points that a cap cut off wholly open none; the entry keeps the dates.
        """
        if points == 0:
            return self.post(kind, dates=dates, **details)
        available_at = dates.available_at or self.at
        lot = Lot(
            self.account.version + 1,
            points,
            points,
            earned_at or self.occurred_at,
            available_at,
            dates.expires_at,
            follows=dates.follows,
        )
        entry = self.post(kind, points, opened=lot, **details)
        if self._has_lapsed(lot):
            self._expire((lot,))
        self._repay()
        return entry

    def reinstate(self, lot: Lot, points: int, dates: LotDates) -> None:
        """
        Let lapsed points of a lot live again, under new dates (R-38).
        """
        self.post("reinstated", points, allocations=(Allocation(lot.id, points),), dates=dates)
        self._expire((lot,))
        self._look_at((lot,))
        self._repay()

    def redate(self, lots: Sequence[Lot], dates: LotDates) -> None:
        """
        Give lots another date, and let those lapse whose date is past (R-38).
        """
        parts = tuple(Allocation(lot.id, lot.remaining + lot.held) for lot in lots)
        self.post("redated", allocations=parts, dates=dates)
        if dates.available_at is not None:  # pending until now
            started, account = sum(lot.remaining for lot in lots), self.account
            self.account = evolve(account, available=account.available + started, pending=account.pending - started)
        self._expire(lots)
        self._look_at(lots)

    def activate(self, lots: Iterable[Lot], terms: Program) -> None:
        """
        Make lots usable whose event has happened, each under the policy that waited with it (R-20).
        """
        by_date: dict[tuple[datetime | None, bool], list[Lot]] = {}
        for lot in lots:
            assert lot.expires_at is not None, "the far date of a lot that waits says its policy"
            policy = terms.policy_awaiting(lot.expires_at)
            by_date.setdefault((policy.expires_at(self.at, terms.timezone), lot.follows), []).append(lot)
        for (expires_at, follows), group in by_date.items():
            self.redate(group, LotDates(self.at, expires_at, follows))
            self._repay()

    def _look_at(self, lots: Iterable[Lot]) -> None:
        """
        See that the account is looked at when time changes these lots.
        """
        self.account = evolve(self.account, next_change_at=self._next_change(map(self._current, lots)))

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

    def foresee(self, claims: Sequence[Claim]) -> Reading[None]:
        """
        Count what will be taken back as gone, so that what comes in before it has the room (R-19, R-14).
        """
        caps = self.program.caps
        if not claims or (caps.balance is None and not caps.per_period):
            return
        for claim in claims:
            part = yield from self._split(claim)
            if _counts_in_periods(claim.credit):
                self._foreseen.append((claim.credit.occurred_at, -part.on_lot))
            self._room += part.on_lot - part.lapsed

    def forget(self) -> None:
        """
        Count nothing as gone any more.
        """
        self._foreseen, self._room = [], 0

    def _split(self, claim: Claim) -> Reading[_Parts]:
        """
        Say where a claim on a credit finds its points: what was cut off, what is left of the lot, what lapsed of it.
        """
        credit = claim.credit
        cut = min(credit.withheld - claim.cut_before, claim.points) if credit.withheld else 0
        on_lot = claim.points - cut
        if not on_lot:
            return _Parts(cut, 0, 0, 0)
        if credit.sequence not in self.lots:  # it may be a credit of this very command
            self.take_up((yield from read_lots(LotsNamed((credit.sequence,)))))
        lot = self.lots[credit.sequence]
        own = min(lot.remaining, on_lot)
        return _Parts(cut, on_lot, own, min(lot.expired - claim.lapsed_before, on_lot - own))

    def claw_back(self, claim: Claim) -> Reading[Entry]:
        """
        Take back points of a credit (R-32).

        Sources: what a cap cut off of it; what is left of its lot; what lapsed of it, which cost the holder and gains
        nobody; other usable lots in the order of use; then the shortfall policy recorded with the credit.

        Raises:
            ShortfallRefused: points are missing and the program refuses to go on.
        """
        credit = claim.credit
        cut, on_lot, own, lapsed = yield from self._split(claim)
        if _counts_in_periods(credit):
            self._earned.append((credit.occurred_at, -on_lot))
        if not on_lot:
            return self._give_up(credit, cut)
        terms, lot = credit.terms or self.program, self.lots[credit.sequence]
        usable_of_own = own if lot.available_at <= self.at else 0
        others = min(on_lot - own - lapsed, self.account.available - usable_of_own)
        shortfall = on_lot - own - lapsed - others
        if shortfall and terms.shortfall == "refuse":
            raise ShortfallRefused(self.account.id, claim.points, shortfall)
        allocations: tuple[Allocation, ...] = (Allocation(lot.id, own),) if own else ()
        if others:
            usable = yield from self.usable(others + usable_of_own, terms)
            allocations += _drawn_from([other for other in usable if other.id != lot.id], others)
        return self.post(
            "reversed",
            -own - others,
            allocations=allocations,
            reverses=credit.sequence,
            claimed=claim.points,
            shortfall=shortfall,
            debt=shortfall if terms.shortfall == "debt" else 0,
            rate=credit.rate,
            withheld=-cut,
        )

    def _give_up(self, credit: Entry, cut: int) -> Entry:
        """
        Note that points which a cap cut off are no longer due.
        """
        return self.post("reversed", reverses=credit.sequence, claimed=cut, rate=credit.rate, withheld=-cut)

    # --- holds ---------------------------------------------------------------------------------------------

    def hold(self, points: int, until: datetime, *, terms: Program, **details: Unpack[Details]) -> Reading[Entry]:
        """
        Set points aside until an instant (R-27).

        Raises:
            InsufficientPoints: fewer are available (R-28).
        """
        entry = yield from self.draw("held", points, terms=terms, **details)
        soonest = min(until, self.account.next_change_at or until)
        self.account = evolve(self.account, next_change_at=soonest)
        return entry

    def release(self, hold: Entry) -> Reading[None]:
        """
        Let all points of a hold go: back to their lots, where those whose date has passed lapse (R-27).
        """
        yield from self.take_up_held((hold,))
        self._let_go("released", hold)
        self._settle_freed(hold)

    def capture(self, hold: Entry, points: int, **details: Unpack[Details]) -> Reading[Entry]:
        """
        Pay with points of a hold, first drawn first; the rest is free again (R-27).
        """
        yield from self.take_up_held((hold,))
        self._let_go("released", hold)
        lots = [Lot(part.lot, part.points, part.points, self.at, self.at) for part in hold.allocations]
        entry = self.post("redeemed", -points, allocations=_drawn_from(lots, points), **details)
        self._settle_freed(hold)
        return entry

    def _let_go(
        self, kind: EntryKind, hold: Entry, *, occurred_at: datetime | None = None, topic: str | None = None
    ) -> None:
        points = -hold.points
        self.post(
            kind,
            points,
            allocations=hold.allocations,
            reverses=hold.sequence,
            claimed=points,
            rate=hold.rate,
            occurred_at=occurred_at,
            topic=topic,
        )

    def _settle_freed(self, hold: Entry) -> None:
        lots = [self.lots[part.lot] for part in hold.allocations]
        self._expire(lots)
        self._look_at(lots)
        self._repay()

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
        first = len(self.entries)
        if owed:
            self._give_back_anew(debit, owed, LotDates(self.at, terms.expires_at(self.at)))
        if in_place:
            self._give_back_in_place(debit, in_place)
        if anew:
            self._give_back_anew(debit, anew, self._new_date(terms))
        if self.program.caps.restores:
            self._lapse_above_cap(self.entries[first:])

    def _lapse_above_cap(self, entries: Sequence[Entry]) -> None:
        """
        Let points that came back lapse as far as they lie above the cap on the balance, the last first (R-19).
        """
        surplus = max(0, -self.room_of_balance())
        parts: list[Allocation] = []
        for entry in reversed(entries):
            came = entry.allocations or ((Allocation(entry.opened.id, entry.points),) if entry.opened else ())
            for lot, points in reversed(came) if entry.kind == "restored" else ():
                part = min(points, surplus, self.lots[lot].remaining)
                surplus -= part
                if part:
                    parts.append(Allocation(lot, part))
        if parts:
            lapsed = sum(part.points for part in parts)
            self.post("expired", -lapsed, allocations=tuple(parts), occurred_at=self.at)

    def room_of_balance(self) -> int:
        """
        Return how many points can come in below the cap on the balance, below 0 where it is exceeded; what repays debt
        needs no room (R-19).
        """
        account, cap = self.account, self.program.caps.balance
        return TOTAL_MAX if cap is None else cap - account.balance - account.held + account.debt + self._room

    def _give_back_in_place(self, debit: Entry, parts: tuple[Allocation, ...]) -> None:
        count = sum(part.points for part in parts)
        self.post("restored", count, allocations=parts, claimed=count, reverses=debit.sequence, rate=debit.rate)
        touched = [self.lots[part.lot] for part in parts]
        self._expire(touched)
        self._look_at(touched)
        self._repay()

    def _give_back_anew(self, debit: Entry, points: int, dates: LotDates) -> None:
        self.credit(
            "restored",
            points,
            dates=dates,
            claimed=points,
            reverses=debit.sequence,
            rate=debit.rate,
        )

    def _current(self, lot: Lot) -> Lot:
        return self.lots[lot.id]

    def _has_lapsed(self, lot: Lot) -> bool:
        """
        Whether points that come into the lot lapse at once.

        A lapse by inactivity holds for the lots that were there, whatever activity comes after it (R-34).
        """
        lapsed = self.account.lapsed
        gone = lapsed is not None and lot.available_at < lapsed.at and lot.id <= lapsed.through
        return gone or self._is_due(lot)

    def _new_date(self, terms: Program) -> LotDates:
        if terms.restore.lapsed == "fresh":
            return LotDates(self.at, terms.expires_at(self.at))
        last = local_date(self.at, terms.timezone) + timedelta(days=terms.restore.grace_days)
        return LotDates(self.at, start_of_day(last + timedelta(days=1), terms.timezone), follows=False)


def _counts_in_periods(credit: Entry) -> bool:
    return credit.kind == "earned" and credit.terms is not None and bool(credit.terms.caps.per_period)


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
