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
from typing import Any, NamedTuple, TypeAlias, TypeVar, cast

from attrs import frozen

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
    One statement to run; the answer is its rows, as tuples, in order; for a write, how many rows it touched.

    `many` runs it once for each of `parameters`.
    """

    sql: str
    parameters: Sequence[Any] = ()
    writes: bool = False
    many: bool = False


class RowExists(Exception):
    """
    What a driver throws into a body where a row that it would write is there already.
    """


Body: TypeAlias = Generator[Statement, Any, T]
"""A generator that yields statements, is sent their answers, and returns a `T`."""


def _ask(sql: str, *parameters: Any) -> Body[list[Row]]:
    rows: list[Row] = yield Statement(sql, parameters)
    return rows


def _write(sql: str, *parameters: Any) -> Body[int]:
    count: int = yield Statement(sql, parameters, writes=True)
    return count


def _write_many(sql: str, rows: Sequence[Sequence[Any]]) -> Body[None]:
    if rows:
        yield Statement(sql, rows, writes=True, many=True)


# Whether a key was used comes with the account, so that a new one costs no look of its own.
_SELECT_ACCOUNT = (
    f"SELECT {ACCOUNT}, terms, EXISTS (SELECT 1 FROM {{entries}} e WHERE e.program = a.program "
    "AND e.account = a.account AND e.command_key = ?) FROM {accounts} a WHERE a.program = ? AND a.account = ?"
)
_INSERT_ACCOUNT = (
    f"INSERT INTO {{accounts}} (program, account, {ACCOUNT}, terms) "
    f"VALUES ({', '.join('?' * (ACCOUNT.count(',') + 4))})"
)
_UPDATE_ACCOUNT = (
    f"UPDATE {{accounts}} SET {', '.join(f'{name} = ?' for name in f'{ACCOUNT}, terms'.split(', '))} "
    "WHERE program = ? AND account = ? AND version = ? AND as_of = ?"
)
_INSERT_ENTRY = (
    f"INSERT INTO {{entries}} (program, account, {ENTRY}) VALUES ({', '.join('?' * (ENTRY.count(',') + 3))})"
)
_INSERT_LOT = f"INSERT INTO {{lots}} (program, account, {LOT}, waits) VALUES ({', '.join('?' * (LOT.count(',') + 4))})"
_UPDATE_LOT = (
    "UPDATE {lots} SET remaining = ?, expired = ?, held = ?, waits = ? WHERE program = ? AND account = ? AND lot = ?"
)
_REDATE_LOT = (
    "UPDATE {lots} SET available_at = ?, expires_at = ?, follows = ? WHERE program = ? AND account = ? AND lot = ?"
)
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


def _has_allocations(row: Row) -> bool:
    return row[1] in DATING or bool(row[2] and row[9] is None)


@frozen
class Books:
    """
    One account's rows, read and written through statements.

    Args:
        dialect: the database's ways.
        program, account: whose rows.
        programs: programs already decoded, by digest; filled as they are met.
    """

    dialect: Dialect
    program: str
    account: str
    programs: dict[str, Program]

    # --- account -----------------------------------------------------------------------------------------------

    def load(self, key: str | None = None) -> Body[tuple[Account, str | None, bool]]:
        """
        Return the account as stored, or a new one, the digest of the program that was last kept for it, and whether
        there are entries under the key.
        """
        rows = yield from _ask(self.dialect(_SELECT_ACCOUNT), key, self.program, self.account)
        if not rows:
            return Account(self.program, self.account), None, False
        *figures, terms, known = rows[0]
        try:
            return account_of(self.program, self.account, figures), terms, bool(known)
        except Exception as error:
            raise self._unreadable(error) from error

    def take(self) -> Body[None]:
        """
        Make the account this transaction's own until it ends, whether it has a row or not.
        """
        if not self.dialect.lock:
            return
        # A statement of its own: one that waits for a row then finds that row as it is, but all else as it was before.
        sql = self.dialect("SELECT 1 FROM {accounts} WHERE program = ? AND account = ?") + self.dialect.lock
        rows = yield from _ask(sql, self.program, self.account)
        if not rows:
            yield from _ask(self.dialect.claim, self.program, self.account)
            yield from _ask(sql, self.program, self.account)  # another has perhaps written it meanwhile

    def write(self, before: Account, terms_kept: str | None, decision: Decision) -> Body[None]:
        """
        Store a decision on the account that it was based on.

        Raises:
            VersionConflict: the account is no longer at that version, or an entry is there under the sequence or the
                key of a new one (I-13, I-14, I-22).
        """
        digest = terms_kept
        if decision.entries:
            digest = yield from self._keep_terms(decision.entries[0].terms, terms_kept)
        try:
            yield from self._write_account(before, decision.account, digest)
            yield from self._write_entries(decision.entries, digest)
            yield from self._write_holds(decision.entries)
            yield from self._write_lots(before.version, decision)
        except RowExists:
            raise VersionConflict(self.account, before.version) from None

    def _write_account(self, before: Account, after: Account, digest: str | None) -> Body[None]:
        figures = (*account_row(after), digest)
        if before.version == 0:
            count = yield from _write(self.dialect(_INSERT_ACCOUNT), self.program, self.account, *figures)
        else:
            count = yield from _write(
                self.dialect(_UPDATE_ACCOUNT),
                *figures,
                self.program,
                self.account,
                before.version,
                micros(before.as_of),
            )
        if count != 1:
            raise VersionConflict(self.account, before.version)

    # --- programs ----------------------------------------------------------------------------------------------

    def _keep_terms(self, terms: Program | None, kept: str | None) -> Body[str | None]:
        """
        Keep the program that entries were counted under, once per account, and return its digest.
        """
        assert terms is not None, "every new entry carries its terms"
        digest, body = digest_of(terms)
        self.programs[digest] = terms
        if digest != kept:
            yield from _write(self.dialect("{keep_terms}"), self.program, self.account, digest, body)
        return digest

    def _terms(self, digest: str | None) -> Body[Program | None]:
        if digest is not None and digest not in self.programs:
            rows = yield from _ask(
                self.dialect("SELECT body FROM {terms} WHERE program = ? AND account = ? AND digest = ?"),
                self.program,
                self.account,
                digest,
            )
            try:
                self.programs[digest] = program_of(rows[0][0])
            except Exception as error:
                raise self._unreadable(error) from error
        return None if digest is None else self.programs[digest]

    # --- entries -----------------------------------------------------------------------------------------------

    def _write_entries(self, entries: Sequence[Entry], digest: str | None) -> Body[None]:
        rows = [(self.program, self.account, *entry_row(entry, digest)) for entry in entries]
        yield from _write_many(self.dialect(_INSERT_ENTRY), rows)
        yield from _write_many(
            self.dialect(
                "INSERT INTO {allocations} (program, account, sequence, part, lot, points) VALUES (?, ?, ?, ?, ?, ?)"
            ),
            [
                (self.program, self.account, entry.sequence, part, lot, points)
                for entry in entries
                for part, (lot, points) in enumerate(entry.allocations)
            ],
        )

    def _write_holds(self, entries: Sequence[Entry]) -> Body[None]:
        for entry in entries:
            if entry.kind == "held":
                sql = "INSERT INTO {holds} (program, account, sequence) VALUES (?, ?, ?)"
                yield from _write(self.dialect(sql), self.program, self.account, entry.sequence)
            elif entry.kind in {"released", "lapsed"}:
                sql = "DELETE FROM {holds} WHERE program = ? AND account = ? AND sequence = ?"
                yield from _write(self.dialect(sql), self.program, self.account, entry.reverses)

    def entries(self, where: str, *parameters: Any, limit: int | None = None) -> Body[tuple[Entry, ...]]:
        """
        Return the entries that match, by sequence.
        """
        sql = self.dialect(f"{_SELECT_ENTRIES}{where} ORDER BY e.sequence")
        if limit is not None:
            sql = f"{sql} LIMIT {limit:d}"
        rows = yield from _ask(sql, self.program, self.account, *parameters)
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
                raise self._unreadable(error) from error
        return tuple(found)

    def entries_through(self, indexed: str, value: Any) -> Body[tuple[Entry, ...]]:
        """
        Return the entries with this value in a column that has an index, by sequence.
        """
        where = f"e.sequence IN ({_SEQUENCES}{indexed} = ?)"
        return (yield from self.entries(where, self.program, self.account, value))

    def _allocations(self, sequences: list[int]) -> Body[dict[int, tuple[Allocation, ...]]]:
        parts: dict[int, tuple[Allocation, ...]] = {}
        if not sequences:
            return parts
        # A span reads through the key; the few entries between that were not asked for cost less than a list.
        rows = yield from _ask(
            self.dialect(
                "SELECT sequence, lot, points FROM {allocations} WHERE program = ? AND account = ? "
                "AND sequence >= ? AND sequence <= ? ORDER BY sequence, part"
            ),
            self.program,
            self.account,
            sequences[0],
            sequences[-1],
        )
        for sequence, lot, points in rows:
            parts[sequence] = (*parts.get(sequence, ()), Allocation(lot, points))
        return parts

    # --- lots --------------------------------------------------------------------------------------------------

    def _write_lots(self, version: int, decision: Decision) -> Body[None]:
        as_of = decision.account.as_of
        yield from _write_many(
            self.dialect(_INSERT_LOT),
            [
                (self.program, self.account, *lot_row(lot), int(lot.available_at > as_of))
                for lot in decision.lots
                if lot.id > version
            ],
        )
        yield from _write_many(
            self.dialect(_UPDATE_LOT),
            [
                (
                    lot.remaining,
                    lot.expired,
                    lot.held,
                    int(lot.available_at > as_of),
                    self.program,
                    self.account,
                    lot.id,
                )
                for lot in decision.lots
                if lot.id <= version
            ],
        )
        # Dates change seldom and stand in indexes, so they are not written with every draw.
        dated = {part.lot for entry in decision.entries if entry.kind in DATING for part in entry.allocations}
        yield from _write_many(
            self.dialect(_REDATE_LOT),
            [
                (
                    micros(lot.available_at),
                    expiry_of(lot),
                    int(lot.follows),
                    self.program,
                    self.account,
                    lot.id,
                )
                for lot in decision.lots
                if lot.id in dated
            ],
        )

    def lots(self, where: str, *parameters: Any) -> Body[tuple[Lot, ...]]:
        """
        Return the lots that match; `where` may go on with an order.
        """
        rows = yield from _ask(
            self.dialect(f"SELECT {LOT} FROM {{lots}} WHERE program = ? AND account = ? AND {where}"),
            self.program,
            self.account,
            *parameters,
        )
        try:
            return tuple(lot_of(row) for row in rows)
        except Exception as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> Corrupt:
        """
        Return what to raise where a row makes no value: that is no refusal of what the caller asked.
        """
        place = f"account {self.account!r} of program {self.program!r}"
        return Corrupt(place, f"a stored row cannot be read: {type(error).__name__}: {error}")

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
        rows = yield from _ask(self.dialect(_NEXT_LAPSE), self.program, self.account, micros(read.after), NEVER)
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
        where = "e.sequence IN (SELECT sequence FROM {holds} WHERE program = ? AND account = ?)"
        return (yield from self.entries(where, self.program, self.account))

    def earned_within(self, read: EarnedWithin) -> Body[int]:
        """
        Sum what was earned in a period, less what was taken back of it.
        """
        since, until = micros(read.since), micros(read.until)
        rows = yield from _ask(self.dialect(_EARNED_WITHIN), self.program, self.account, since, until)
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
        sql = self.dialect("SELECT sequence FROM {allocations} WHERE program = ? AND account = ? AND lot = ?")
        rows = yield from _ask(f"{sql} ORDER BY sequence", self.program, self.account, read.lot)
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
    yield from Books(dialect, job.program, job.account, programs).take()
    return (yield from _transact(dialect, programs, job))


def _transact(dialect: Dialect, programs: dict[str, Program], job: Job) -> Body[Decision]:
    books = Books(dialect, job.program, job.account, programs)
    account, terms, known = yield from books.load(job.key)
    earlier = (yield from books.entries_through("command_key", job.key)) if known else ()
    decision = yield from books.run(job.decide(account, earlier))
    # An account begins with its first entry; and what changes nothing is not written.
    if not decision.replayed and (decision.entries or (account.version and decision.account != account)):
        yield from books.write(account, terms, decision)
    return decision


def transact_all(dialect: Dialect, programs: dict[str, Program], jobs: Sequence[Job]) -> Body[tuple[Decision, ...]]:
    """
    Run decisions in order; the driver has begun the transaction and ends it.
    """
    # In one order, so that no two transactions wait for each other.
    for program, account in sorted({(job.program, job.account) for job in jobs}):
        yield from Books(dialect, program, account, programs).take()
    decisions: list[Decision] = []
    for job in jobs:
        decisions.append((yield from _transact(dialect, programs, job)))  # noqa: PERF401 - it yields
    return tuple(decisions)


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
    books = Books(dialect, program, account, programs)
    state, _, _ = yield from books.load()
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
    books = Books(dialect, program, account, programs)
    state, _, _ = yield from books.load()
    for _ in range(READS_MAX):
        answer: T | None = None
        failed: Exception | None = None
        try:
            answer = yield from books.run(reader(state))
        except Exception as error:  # noqa: BLE001 - it counts only if the account stood still
            failed = error
        before, (state, _, _) = state, (yield from books.load())
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
