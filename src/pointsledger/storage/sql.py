"""
The body that every SQL storage shares: tables, statements, and how decisions run over them.

It performs no I/O: each function here is a generator that yields statements and is sent their rows, so the same body
runs over any driver, synchronous or not. What differs between databases stands in `Dialect`.

Entries, their allocations and the programs they were counted under are the truth and are only ever inserted.
Accounts and lots are derived: they make reading quick, and can be rebuilt and proved from the entries.
(program, account) leads every key, and one decision touches one account.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple, TypeAlias, TypeVar, cast

from attrs import Factory, define, frozen

from ..domain.account import Account
from ..domain.commands import Command
from ..domain.decisions import Decision
from ..domain.entries import Allocation, Entry
from ..domain.instants import from_micros, micros
from ..domain.lots import Lot
from ..domain.program import Program
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
    Reading,
    UsableLots,
)
from ..errors import Corrupt, VersionConflict
from ..port import Job
from .sql_each import Each, arrays, deleting, inserting, updating
from .sql_rows import (
    ACCOUNT,
    DATING,
    ENTRY,
    LOT,
    Row,
    account_of,
    account_row,
    command_of,
    digest_of,
    entry_of,
    entry_row,
    expiry_of,
    lot_of,
    lot_row,
    program_of,
)
from .sql_schema import NEVER, Dialect

T = TypeVar("T")

READS_MAX = 10
"""How often a read is begun anew where the account does not stand still."""


class Statement(NamedTuple):
    """
    One statement to run; the answer is its rows, as tuples, in order.

    Args:
        sql: its text.
        parameters: what stands for its question marks.
        rows: runs it for each of these; the answer is all their rows.
        together: a text that does the same for all `rows`, given their columns as arrays.
        unread: nobody reads its answer, so that a driver may send it with the next whose answer is read.
        counted: it must find a row for each of `rows`.
        conflict: what to raise where it meets what another wrote: a row that it inserts is there, or one that it
            counts on is not.
    """

    sql: str
    parameters: Sequence[Any] = ()
    rows: Sequence[Row] = ()
    together: str = ""
    unread: bool = False
    counted: bool = False
    conflict: Exception | None = None


Body: TypeAlias = Generator[Statement, Any, T]
"""A generator that yields statements, is sent their answers, and returns a `T`."""


def _ask(sql: str, *parameters: Any) -> Body[list[Row]]:
    rows: list[Row] = yield Statement(sql, parameters)
    return rows


def _each(
    dialect: Dialect, each: Each, rows: Sequence[Row], *, unread: bool = False, conflict: Exception | None = None
) -> Statement:
    alone, together = _texts(dialect, each)
    return Statement(alone, (), rows, together, unread, each.counted, conflict)


@cache
def _texts(dialect: Dialect, each: Each) -> tuple[str, str]:
    return dialect(each.alone), dialect(each.together)


_PLACE = "program, account"
_AT_PLACE = "a.program = v.program AND a.account = v.account"
# Whether a key was used comes with the account, so that a new one costs no look of its own.
_ACCOUNT = (
    f"SELECT a.program, a.account, {ACCOUNT}, terms, EXISTS (SELECT 1 FROM {{entries}} e WHERE e.program = a.program "
    "AND e.account = a.account AND e.command_key = "
)
_SELECT_ACCOUNT = Each(
    f"{_ACCOUNT}?) FROM {{accounts}} a WHERE a.program = ? AND a.account = ?",
    f"{_ACCOUNT}v.command_key) FROM {arrays(f'command_key, {_PLACE}')} JOIN {{accounts}} a ON {_AT_PLACE}",
)
_KEY_USED = Each(
    "SELECT program, account, command_key FROM {entries} "
    "WHERE program = ? AND account = ? AND command_key = ? AND ordinal = 0",
    f"SELECT a.program, a.account, a.command_key FROM {arrays(f'{_PLACE}, command_key')} JOIN {{entries}} a "
    f"ON {_AT_PLACE} AND a.command_key = v.command_key AND a.ordinal = 0",
)
_LOCK_ACCOUNT = Each(
    "SELECT 1 FROM {accounts} a WHERE program = ? AND account = ?{lock}",
    f"SELECT 1 FROM {arrays(_PLACE)} JOIN {{accounts}} a ON {_AT_PLACE} ORDER BY a.program, a.account{{lock}} OF a",
)
_INSERT_ACCOUNT = inserting("accounts", f"{_PLACE}, {ACCOUNT}, terms")
_UPDATE_ACCOUNT = updating("accounts", f"{ACCOUNT}, terms", _PLACE, compared="version, as_of")
_KEEP_TERMS = inserting("terms", f"{_PLACE}, digest, body", " ON CONFLICT DO NOTHING")
_INSERT_ENTRY = inserting("entries", f"{_PLACE}, {ENTRY}")
_INSERT_ALLOCATION = inserting("allocations", f"{_PLACE}, sequence, part, lot, points")
_INSERT_HOLD = inserting("holds", f"{_PLACE}, sequence")
_DELETE_HOLD = deleting("holds", f"{_PLACE}, sequence")
_INSERT_LOT = inserting("lots", f"{_PLACE}, {LOT}, waits")
_UPDATE_LOT = updating("lots", "remaining, expired, held, waits", f"{_PLACE}, lot")
_REDATE_LOT = updating("lots", "remaining, expired, held, waits, available_at, expires_at, follows", f"{_PLACE}, lot")
_EARNED_WITHIN = (
    "SELECT SUM(e.points), SUM((SELECT SUM(r.claimed + r.withheld) FROM {entries} r WHERE r.program = e.program "
    "AND r.account = e.account AND r.reverses = e.sequence)) FROM {entries} e WHERE e.program = ? AND e.account = ? "
    "AND e.counts_at >= ? AND e.counts_at < ?"
)
_NEXT_LAPSE = (
    "SELECT expires_at, SUM(remaining) FROM {lots} WHERE program = ? AND account = ? AND remaining > 0 "
    "AND expires_at > ? AND expires_at < ? GROUP BY expires_at ORDER BY expires_at LIMIT 1"
)
# Only the first entry of a command holds its content; the others stand right behind it. It is fetched one by one, and
# not joined: a database that does not yet know how long accounts are would walk through the whole account for each.
_COMMAND = (
    "(SELECT f.command FROM {entries} f WHERE f.program = e.program AND f.account = e.account "
    "AND f.sequence = e.sequence - e.ordinal)"
)
_ENTRY_COLUMNS = ", ".join(_COMMAND if name == "command" else f"e.{name}" for name in ENTRY.split(", "))
_SELECT_ENTRIES = f"SELECT {_ENTRY_COLUMNS} FROM {{entries}} e WHERE e.program = ? AND e.account = ? AND "
# By itself an index answers this; asked for whole entries in order, SQLite walks through the account instead.
_SEQUENCES = "SELECT sequence FROM {entries} WHERE program = ? AND account = ? AND "


def _unreadable(program: str, account: str, error: Exception) -> Corrupt:
    """
    Return what to raise where a row makes no value: that is no refusal of what the caller asked.
    """
    place = f"account {account!r} of program {program!r}"
    return Corrupt(place, f"a stored row cannot be read: {type(error).__name__}: {error}")


def _has_allocations(row: Row) -> bool:
    return row[1] in DATING or bool(row[2] and row[9] is None)


@define
class AtHand:
    """
    An account that a transaction has taken, as its decisions left it.

    Args:
        account: a new one where there is none.
        terms: the digest of the program that was last kept for it.
        keys: those of the transaction under which it has entries.
    """

    account: Account
    terms: str | None
    keys: set[str]


Place: TypeAlias = tuple[str, str]
"""A program's id, and an account's."""


@define
class Daybook:
    """
    What the decisions of a transaction changed and the tables do not have yet.

    It is posted before anything is read and in the end: table by table, whatever the number of decisions.
    No row of a lot stands in it twice: it is posted before a lot changes.
    """

    dialect: Dialect
    _versions: dict[Place, Account] = Factory(dict[Place, Account])
    _rows: dict[Each, dict[Any, Row]] = Factory(dict[Each, dict[Any, Row]])

    def note(self, before: AtHand, decision: Decision, programs: dict[str, Program]) -> None:
        """
        Take a decision down, and leave the account at hand as it decided.
        """
        place = (decision.account.program, decision.account.id)
        base = self._versions.setdefault(place, before.account)
        if decision.entries:
            self._note_terms(place, before, decision.entries[0].terms, programs)
        figures = (*account_row(decision.account), before.terms)
        if base.version == 0:
            self._note(_INSERT_ACCOUNT, (*place, *figures), place)
        else:
            self._note(_UPDATE_ACCOUNT, (*figures, *place, base.version, micros(base.as_of)), place)
        self._note_entries(place, decision.entries, before.terms)
        self._note_lots(place, before.account.version, decision)
        before.account = decision.account
        before.keys.update(entry.key for entry in decision.entries if entry.key is not None)

    def post(self) -> Body[None]:
        """
        Write what was noted, each table's rows by one statement.

        Raises:
            VersionConflict: an account is no longer at the version that a decision was based on, or an entry is there
                under the sequence or the key of a new one (I-13, I-14, I-22); the first account that was noted is
                named.
        """
        if not self._versions:
            return
        (_, account), before = next(iter(self._versions.items()))
        noted, self._rows = self._rows, {}
        self._versions = {}
        conflict = VersionConflict(account, before.version)
        for each in _POSTED:
            rows = noted.get(each)
            if rows:
                yield _each(self.dialect, each, [*rows.values()], unread=True, conflict=conflict)

    def _note(self, each: Each, row: Row, key: Any = None) -> None:
        """
        Note a row, in place of an earlier one with the same key.
        """
        rows = self._rows.setdefault(each, {})
        rows[len(rows) if key is None else key] = row

    def _note_terms(self, place: Place, kept: AtHand, terms: Program | None, programs: dict[str, Program]) -> None:
        """
        Keep the program that entries were counted under, once per account.
        """
        assert terms is not None, "every new entry carries its terms"
        digest, body = digest_of(terms)
        programs[digest] = terms
        if digest != kept.terms:
            self._note(_KEEP_TERMS, (*place, digest, body))
            kept.terms = digest

    def _note_entries(self, place: Place, entries: Sequence[Entry], digest: str | None) -> None:
        for entry in entries:
            self._note(_INSERT_ENTRY, (*place, *entry_row(entry, digest)))
            for part, (lot, points) in enumerate(entry.allocations):
                self._note(_INSERT_ALLOCATION, (*place, entry.sequence, part, lot, points))
            if entry.kind == "held":
                self._note(_INSERT_HOLD, (*place, entry.sequence))
            elif entry.kind in {"released", "lapsed"}:
                self._note(_DELETE_HOLD, (*place, entry.reverses))

    def _note_lots(self, place: Place, version: int, decision: Decision) -> None:
        as_of = decision.account.as_of
        # Dates change seldom and stand in indexes, so they are not written with every draw.
        dated = {part.lot for entry in decision.entries if entry.kind in DATING for part in entry.allocations}
        for lot in decision.lots:
            waits = int(lot.available_at > as_of)
            figures = (lot.remaining, lot.expired, lot.held, waits)
            if lot.id > version:
                self._note(_INSERT_LOT, (*place, *lot_row(lot), waits))
            elif lot.id in dated:
                dates = (micros(lot.available_at), expiry_of(lot), int(lot.follows))
                self._note(_REDATE_LOT, (*figures, *dates, *place, lot.id))
            else:
                self._note(_UPDATE_LOT, (*figures, *place, lot.id))


_POSTED = (
    _INSERT_ACCOUNT,
    _UPDATE_ACCOUNT,
    _KEEP_TERMS,
    _INSERT_ENTRY,
    _INSERT_ALLOCATION,
    _INSERT_HOLD,
    _DELETE_HOLD,
    _INSERT_LOT,
    _UPDATE_LOT,
    _REDATE_LOT,
)


@frozen
class Books:
    """
    One account's rows, read through statements.

    Args:
        daybook: what is to be written before anything is read.
        program, account: whose rows.
        programs: programs already decoded, by digest; filled as they are met.
    """

    daybook: Daybook
    program: str
    account: str
    programs: dict[str, Program]

    def _ask(self, sql: str, *parameters: Any) -> Body[list[Row]]:
        yield from self.daybook.post()
        return (yield from _ask(self.daybook.dialect(sql), self.program, self.account, *parameters))

    # --- programs ----------------------------------------------------------------------------------------------

    def _terms(self, digest: str | None) -> Body[Program | None]:
        if digest is not None and digest not in self.programs:
            rows = yield from self._ask(
                "SELECT body FROM {terms} WHERE program = ? AND account = ? AND digest = ?",
                digest,
            )
            try:
                self.programs[digest] = program_of(rows[0][0])
            except Exception as error:
                raise _unreadable(self.program, self.account, error) from error
        return None if digest is None else self.programs[digest]

    # --- entries -----------------------------------------------------------------------------------------------

    def entries(self, where: str, *parameters: Any, limit: int | None = None) -> Body[tuple[Entry, ...]]:
        """
        Return the entries that match, by sequence.
        """
        sql = f"{_SELECT_ENTRIES}{where} ORDER BY e.sequence"
        if limit is not None:
            sql = f"{sql} LIMIT {limit:d}"
        rows = yield from self._ask(sql, *parameters)
        if not rows:
            return ()
        parts = yield from self._allocations([row[0] for row in rows if _has_allocations(row)])
        commands: dict[int, Command] = {}
        found: list[Entry] = []
        for row in rows:
            terms = yield from self._terms(row[-1])
            first = row[0] - row[7]
            try:
                if first not in commands:
                    commands[first] = command_of(row[8], self.account)
                found.append(entry_of(row, commands[first], parts.get(row[0], ()), terms))
            except Exception as error:
                raise _unreadable(self.program, self.account, error) from error
        return tuple(found)

    def entries_through(self, indexed: str, value: Any) -> Body[tuple[Entry, ...]]:
        """
        Return the entries with this value in a column that has an index, by sequence.
        """
        where = f"e.sequence {self.daybook.dialect.among.format(f'{_SEQUENCES}{indexed} = ?')}"
        return (yield from self.entries(where, self.program, self.account, value))

    def _allocations(self, sequences: list[int]) -> Body[dict[int, tuple[Allocation, ...]]]:
        parts: dict[int, tuple[Allocation, ...]] = {}
        if not sequences:
            return parts
        # A span reads through the key; the few entries between that were not asked for cost less than a list.
        rows = yield from self._ask(
            "SELECT sequence, lot, points FROM {allocations} WHERE program = ? AND account = ? "
            "AND sequence >= ? AND sequence <= ? ORDER BY sequence, part",
            sequences[0],
            sequences[-1],
        )
        for sequence, lot, points in rows:
            parts[sequence] = (*parts.get(sequence, ()), Allocation(lot, points))
        return parts

    # --- lots --------------------------------------------------------------------------------------------------

    def lots(self, where: str, *parameters: Any) -> Body[tuple[Lot, ...]]:
        """
        Return the lots that match; `where` may go on with an order.
        """
        rows = yield from self._ask(
            f"SELECT {LOT} FROM {{lots}} WHERE program = ? AND account = ? AND {where}",
            *parameters,
        )
        try:
            return tuple(lot_of(row) for row in rows)
        except Exception as error:
            raise _unreadable(self.program, self.account, error) from error

    # --- what decisions ask ------------------------------------------------------------------------------------

    def run(self, reading: Reading[T]) -> Body[T]:
        """
        Drive a decision or reader to its result.
        """
        try:
            read = next(reading)
            while True:
                answer = yield from _ANSWERS[type(read)](self, read)
                read = reading.send(answer)
        except StopIteration as stop:
            result: T = stop.value
            return result

    def usable_lots(self, read: UsableLots) -> Body[tuple[Lot, ...]]:
        """
        Read as many lots in the order of use as hold the points: a few first, then ever more.
        """
        unlapsed, rank = {
            "soonest_expiry": ("expires_at > ?", "expires_at, earned_at, lot"),
            # The plus keeps the index on expiry out of it, which would find all lots and sort them.
            "oldest_first": ("+expires_at > ?", "earned_at, lot"),
        }[read.use_order]
        at = micros(read.at)
        limit = 4
        while read.points > 0:
            found = yield from self.lots(
                f"remaining > 0 AND {unlapsed} AND available_at <= ? ORDER BY {rank} LIMIT {limit:d}",
                at,
                at,
            )
            held = 0
            for count, lot in enumerate(found, start=1):
                held += lot.remaining
                if held >= read.points:
                    return found[:count]
            if len(found) < limit:
                return found
            limit *= 8
        return ()

    def open_lots(self, read: OpenLots) -> Body[tuple[Lot, ...]]:
        """
        Read every lot with points left.
        """
        return (yield from self.lots("remaining > 0 ORDER BY expires_at, earned_at, lot"))

    def due_lots(self, read: DueLots) -> Body[tuple[Lot, ...]]:
        """
        Read lots that time changed, through the index on expiry and the index on lots that wait.
        """
        if read.everything:
            return (yield from self.lots("remaining > 0 ORDER BY lot"))
        after, at = micros(read.after), micros(read.at)
        lapsed = yield from self.lots("remaining > 0 AND expires_at <= ? ORDER BY expires_at", at)
        started = yield from self.lots(
            "remaining > 0 AND waits = 1 AND available_at > ? AND available_at <= ? ORDER BY available_at", after, at
        )
        return tuple(lot for _, lot in sorted({lot.id: lot for lot in (*lapsed, *started)}.items()))

    def next_change(self, read: NextChange) -> Body[datetime | None]:
        """
        Read the earliest change that lots wait for.
        """
        after = micros(read.after)
        lapsing = yield from self.lots("remaining > 0 AND expires_at > ? ORDER BY expires_at LIMIT 1", after)
        starting = yield from self.lots(
            "remaining > 0 AND waits = 1 AND available_at > ? ORDER BY available_at LIMIT 1", after
        )
        instants = [*(lot.expires_at for lot in lapsing), *(lot.available_at for lot in starting)]
        return min((instant for instant in instants if instant is not None), default=None)

    def next_lapse(self, read: NextLapse) -> Body[tuple[int, datetime] | None]:
        """
        Sum the lots that share the earliest date of expiry.
        """
        rows = yield from self._ask(_NEXT_LAPSE, micros(read.after), NEVER)
        return (int(rows[0][1]), from_micros(rows[0][0])) if rows else None

    def lots_named(self, read: LotsNamed) -> Body[tuple[Lot, ...]]:
        """
        Read lots one by one, each through its key.
        """
        found: list[Lot] = []
        for lot in read.ids:
            found += yield from self.lots("lot = ?", lot)
        return tuple(found)

    def entries_about(self, read: EntriesAbout) -> Body[tuple[Entry, ...]]:
        """
        Read the entries on one topic.
        """
        return (yield from self.entries_through("topic", read.topic))

    def open_holds(self, read: OpenHolds) -> Body[tuple[Entry, ...]]:
        """
        Read the entries of open holds.
        """
        sequences = "SELECT sequence FROM {holds} WHERE program = ? AND account = ?"
        where = f"e.sequence {self.daybook.dialect.among.format(sequences)}"
        return (yield from self.entries(where, self.program, self.account))

    def earned_within(self, read: EarnedWithin) -> Body[int]:
        """
        Sum what was earned in a period, less what was taken back of it.
        """
        since, until = micros(read.since), micros(read.until)
        rows = yield from self._ask(_EARNED_WITHIN, since, until)
        earned, taken = rows[0]
        return int(earned or 0) - int(taken or 0)

    def entries_on(self, read: EntriesOn) -> Body[tuple[Entry, ...]]:
        """
        Read an entry and what reverses it.
        """
        entry = yield from self.entries("e.sequence = ?", read.sequence)
        return (*entry, *(yield from self.entries_through("reverses", read.sequence)))

    def entries_after(self, read: EntriesAfter) -> Body[tuple[Entry, ...]]:
        """
        Read a page of entries.
        """
        return (yield from self.entries("e.sequence > ?", read.sequence, limit=read.limit))

    def draws_on(self, read: DrawsOn) -> Body[tuple[Entry, ...]]:
        """
        Read the entries that touched a lot after it was opened.
        """
        sql = "SELECT sequence FROM {allocations} WHERE program = ? AND account = ? AND lot = ? ORDER BY sequence"
        rows = yield from self._ask(sql, read.lot)
        found: list[Entry] = []
        for (sequence,) in rows:
            found += yield from self.entries("e.sequence = ?", sequence)
        return tuple(found)


_ANSWERS: dict[type, Callable[[Books, Any], Body[Any]]] = {
    UsableLots: Books.usable_lots,
    OpenLots: Books.open_lots,
    DueLots: Books.due_lots,
    NextLapse: Books.next_lapse,
    NextChange: Books.next_change,
    LotsNamed: Books.lots_named,
    EntriesAbout: Books.entries_about,
    OpenHolds: Books.open_holds,
    EarnedWithin: Books.earned_within,
    EntriesOn: Books.entries_on,
    EntriesAfter: Books.entries_after,
    DrawsOn: Books.draws_on,
}


# --- the port's verbs, within a transaction --------------------------------------------------------------------------


def transact(dialect: Dialect, programs: dict[str, Program], job: Job) -> Body[Decision]:
    """
    Run one decision; the driver has begun the transaction and ends it.
    """
    (decision,) = yield from transact_all(dialect, programs, [job])
    return decision


def transact_all(dialect: Dialect, programs: dict[str, Program], jobs: Sequence[Job]) -> Body[tuple[Decision, ...]]:
    """
    Run decisions in order; the driver has begun the transaction and ends it.
    """
    if not jobs:
        return ()
    daybook = Daybook(dialect)
    taken = yield from _take(dialect, jobs)
    decisions: list[Decision] = []
    for job in jobs:
        books = Books(daybook, job.program, job.account, programs)
        at_hand = taken[job.program, job.account]
        earlier = (yield from books.entries_through("command_key", job.key)) if job.key in at_hand.keys else ()
        decision = yield from books.run(job.decide(at_hand.account, earlier))
        # An account begins with its first entry; and what changes nothing is not written.
        began = at_hand.account.version > 0
        if not decision.replayed and (decision.entries or (began and decision.account != at_hand.account)):
            if any(lot.id <= at_hand.account.version for lot in decision.lots):
                yield from daybook.post()  # a decision that knew a lot without reading it
            daybook.note(at_hand, decision, programs)
        decisions.append(decision)
    yield from daybook.post()
    return tuple(decisions)


def _take(dialect: Dialect, jobs: Sequence[Job]) -> Body[dict[Place, AtHand]]:
    """
    Make accounts this transaction's own until it ends, whether they have a row or not, and return them as they are.
    """
    keys: dict[Place, str | None] = {}
    more: list[Row] = []
    for job in jobs:
        place = (job.program, job.account)
        if place not in keys:
            keys[place] = job.key
        elif job.key is not None:
            more.append((*place, job.key))
    # In one order, so that no two transactions wait for each other.
    places = sorted(keys)
    taken = yield from _look(dialect, {place: keys[place] for place in places})
    new = [place for place in places if place not in taken]
    if new and dialect.claim:
        yield _each(dialect, dialect.claim, new, unread=True)
        # Another has perhaps written it meanwhile. One that was written between lock and look is not locked; there
        # the compare of versions is left.
        taken |= yield from _look(dialect, {place: keys[place] for place in new})
    for place in places:
        taken.setdefault(place, AtHand(Account(*place), None, set()))
    if more:
        for program, account, key in (yield _each(dialect, _KEY_USED, more)):
            taken[program, account].keys.add(key)
    return taken


def _look(dialect: Dialect, keys: dict[Place, str | None]) -> Body[dict[Place, AtHand]]:
    """
    Lock accounts, and return those that have a row, each with its key if there are entries under it.
    """
    if dialect.lock:
        # A statement of its own: one that waits for a row then finds that row as it is, but all else as it was before.
        yield _each(dialect, _LOCK_ACCOUNT, [*keys], unread=True)
    found: dict[Place, AtHand] = {}
    rows: list[Row] = yield _each(dialect, _SELECT_ACCOUNT, [(key, *place) for place, key in keys.items()])
    for row in rows:
        program, account, *_, terms, known = row
        key = keys[program, account]
        found[program, account] = AtHand(_account_in(row), terms, {key} if known and key is not None else set())
    return found


def _account_in(row: Row) -> Account:
    program, account, *figures = row[:-2]
    try:
        return account_of(program, account, figures)
    except Exception as error:
        raise _unreadable(program, account, error) from error


def _stored(dialect: Dialect, program: str, account: str) -> Body[Account]:
    """
    Return an account as stored, or a new one.
    """
    rows = yield _each(dialect, _SELECT_ACCOUNT, [(None, program, account)])
    return _account_in(rows[0]) if rows else Account(program, account)


def read(
    dialect: Dialect,
    programs: dict[str, Program],
    program: str,
    account: str,
    reader: Callable[[Account], Reading[T]],
) -> Body[T]:
    """
    Run a reader on the account as stored.
    """
    books = Books(Daybook(dialect), program, account, programs)
    state = yield from _stored(dialect, program, account)
    return (yield from books.run(reader(state)))


def read_steadily(
    dialect: Dialect,
    programs: dict[str, Program],
    program: str,
    account: str,
    reader: Callable[[Account], Reading[T]],
) -> Body[T]:
    """
    Run a reader where each statement sees what is committed by then: again, as long as others changed the account.

    Raises:
        VersionConflict: it was changed each of `READS_MAX` times.
    """
    books = Books(Daybook(dialect), program, account, programs)
    state = yield from _stored(dialect, program, account)
    for _ in range(READS_MAX):
        answer: T | None = None
        failed: Exception | None = None
        try:
            answer = yield from books.run(reader(state))
        except Exception as error:  # noqa: BLE001 - it counts only if the account stood still
            failed = error
        before, state = state, (yield from _stored(dialect, program, account))
        if state == before:
            if failed is not None:
                raise failed
            return cast("T", answer)
    raise VersionConflict(account, state.version)


def accounts(dialect: Dialect, program: str, after: str, limit: int) -> Body[tuple[str, ...]]:
    """
    List accounts above an id, ascending.
    """
    sql = dialect("SELECT account FROM {accounts} WHERE program = ? AND account > ? ORDER BY account LIMIT ?")
    rows = yield from _ask(sql, program, after, limit)
    return tuple(row[0] for row in rows)


def accounts_to_notify(dialect: Dialect, program: str, at: datetime, limit: int) -> Body[tuple[str, ...]]:
    """
    List accounts on which notices may be due by an instant, earliest first.
    """
    sql = dialect(
        "SELECT account FROM {accounts} WHERE program = ? AND notice_at <= ? ORDER BY notice_at, account LIMIT ?"
    )
    rows = yield from _ask(sql, program, micros(at), limit)
    return tuple(row[0] for row in rows)


def due_accounts(dialect: Dialect, program: str, at: datetime, limit: int) -> Body[tuple[str, ...]]:
    """
    List accounts that time may change by an instant, earliest first.
    """
    sql = dialect(
        "SELECT account FROM {accounts} WHERE program = ? AND next_change_at <= ? "
        "ORDER BY next_change_at, account LIMIT ?"
    )
    rows = yield from _ask(sql, program, micros(at), limit)
    return tuple(row[0] for row in rows)
