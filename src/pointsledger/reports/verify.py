"""
The proof of the books: everything stored is what its entries say (I-1, I-3, I-5, I-13).

Each account is folded anew from its entries, checked at every step, and compared with what is stored.
A ledger that only this library wrote has no findings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

from attrs import define, evolve, field, fields, frozen

from ..domain.account import Account, move_points, note_hold
from ..domain.entries import Entry
from ..domain.holds import deadline_of
from ..domain.instants import LATEST
from ..domain.lots import Lot
from ..domain.reads import LotsNamed, OpenHolds, OpenLots, Reading, read_entries, read_lots
from ..errors import Corrupt, LimitExceeded
from ..port import Storage
from .pages import each_account, read_history

FindingCode = Literal[
    "sequence",
    "time",
    "lot_parts",
    "lot_bounds",
    "balance_after",
    "limit",
    "lot_stored",
    "hold_stored",
    "account_stored",
    "conservation",
    "next_change",
    "unreadable",
]
"""
What can be wrong.

`sequence`: entries are not 1, 2, 3 … or the account's version is not their number (I-13).
`time`: an entry, or the account, is recorded before the entry that precedes it (R-04).
`lot_parts`: an entry's points are not the sum of its parts in lots, or a part names no lot (I-5).
`lot_bounds`: a lot has less than nothing left, or more than it was opened with (I-2, I-5).
`balance_after`: an entry's balance is not the balance before plus its points (I-4).
`limit`: a cumulative figure passes 2^53 - 1 (I-30).
`lot_stored`, `hold_stored`, `account_stored`: a stored lot, open hold or figure is not what the entries give (I-3).
`conservation`: issued + restored is not what is there and what went (I-1).
`next_change`: the account would be looked at too late by a sweep or a read (R-11). When notices are due is not
    proved: it depends on the program.
`unreadable`: the storage cannot make sense of its own rows.
"""


@frozen
class Finding:
    """
    One thing that is wrong with an account.

    Args:
        code: what kind of thing.
        account: whose.
        sequence: at which entry; None for what is stored beside the entries.
        figure: which figure or lot.
        expected, found: what the entries give, and what is there.
    """

    code: FindingCode
    account: str
    sequence: int | None
    figure: str
    expected: Any
    found: Any

    def __str__(self) -> str:
        place = f", entry {self.sequence}" if self.sequence is not None else ""
        return (
            f"account {self.account!r}{place}: {self.figure} is {self.found}, "
            f"the entries give {self.expected} ({self.code})"
        )


@frozen
class Proof:
    """
    How many accounts and entries were folded, and what was found wrong, in the order of accounts.
    """

    accounts: int
    entries: int
    findings: tuple[Finding, ...] = ()


def verify(
    storage: Storage,
    program: str,
    accounts: Iterable[str] | None = None,
    *,
    progress: Callable[[int], object] = lambda accounts: None,
) -> Proof:
    """
    Prove that accounts of a program are what their entries say.

    Args:
        program: the program's id.
        accounts: which accounts; all of them where None. One without entries has nothing to prove.
        progress: called after each account with the number of accounts so far.
    """
    count = entries = 0
    findings: list[Finding] = []
    for account in each_account(storage, program) if accounts is None else accounts:
        count += 1
        try:
            fold = storage.read(program, account, _read_fold)
        except Corrupt as error:
            findings.append(Finding("unreadable", account, None, "the stored rows", "", str(error)))
        else:
            entries += fold.count
            findings += fold.findings
        progress(count)
    return Proof(count, entries, tuple(findings))


def entry_findings(program: str, account: str, entries: Iterable[Entry]) -> tuple[Finding, ...]:
    """
    Return what is wrong with the entries of an account in themselves, whatever is stored beside them.
    """
    fold = _Fold(Account(program, account))
    for entry in entries:
        fold.add(entry)
    return tuple(fold.findings)


def _read_fold(stored: Account) -> Reading[_Fold]:
    fold = _Fold(Account(stored.program, stored.id))
    for entry in (yield from read_history()):
        fold.add(entry)
    open_lots = yield from read_lots(OpenLots())
    used_up = tuple(lot.id for lot in fold.lots.values() if not lot.remaining)
    fold.compare_holds((yield from read_entries(OpenHolds())))
    fold.compare_lots((*open_lots, *(yield from read_lots(LotsNamed(used_up)))))
    fold.compare_account(stored)
    return fold


@define
class _Fold:
    """
    An account rebuilt from its entries, with what was found wrong on the way.

    The fold's own figures go on with what an entry says, so one fault is one finding and not a hundred.
    """

    account: Account
    lots: dict[int, Lot] = field(factory=dict[int, Lot])
    holds: dict[int, Entry] = field(factory=dict[int, Entry])
    findings: list[Finding] = field(factory=list[Finding])
    balance: int = 0
    count: int = 0

    def add(self, entry: Entry) -> None:
        self.count += 1
        self._expect("sequence", entry.sequence, "the sequence", self.account.version + 1, entry.sequence)
        if entry.recorded_at < self.account.as_of:
            self._find("time", entry.sequence, "recorded_at", self.account.as_of, entry.recorded_at)
        if self._parts_fit(entry):
            move_points(self.lots, entry)
            note_hold(self.holds, entry)
            self._check_bounds(entry)
        self._expect("balance_after", entry.sequence, "the balance", self.balance + entry.points, entry.balance_after)
        self.balance = entry.balance_after
        try:
            self.account = self.account.after(entry, 0, 0)
        except LimitExceeded as error:
            self._find("limit", entry.sequence, error.figure, f"at most {error.limit}", "more")
            self.account = evolve(self.account, version=entry.sequence, as_of=entry.recorded_at)

    def _parts_fit(self, entry: Entry) -> bool:
        """
        Whether the entry's parts add up to its points and name lots that exist (I-5).
        """
        opened = entry.opened
        if opened is not None:
            parts = (opened.points, opened.remaining, opened.expired, opened.id, entry.allocations)
            wanted = (entry.points, entry.points, 0, entry.sequence, ())
            return self._expect("lot_parts", entry.sequence, "the lot it opens", wanted, parts)
        total = sum(points for _, points in entry.allocations)
        unknown = [lot for lot, points in entry.allocations if lot not in self.lots or points < 1]
        moved = abs(entry.points)
        if entry.kind == "redated":  # it says how many points have another date now, and moves none
            moved = sum(
                self.lots[lot].remaining + self.lots[lot].held for lot, _ in entry.allocations if lot in self.lots
            )
        return self._expect("lot_parts", entry.sequence, "lots that it cannot touch", [], unknown) and self._expect(
            "lot_parts", entry.sequence, "the sum of its parts", moved, total
        )

    def _check_bounds(self, entry: Entry) -> None:
        for lot_id, _ in entry.allocations:
            lot = self.lots[lot_id]
            for figure, points in (("left", lot.remaining), ("held", lot.held), ("lapsed", lot.expired)):
                most = lot.points - (lot.held if figure == "left" else 0)
                # What came back may lapse again, so what lapsed in all has no upper bound.
                if points < 0 or (points > most and figure != "lapsed"):
                    place = f"what is {figure} of lot {lot_id}"
                    self._find("lot_bounds", entry.sequence, place, f"0 to {most}", points)

    # --- what is stored beside the entries ------------------------------------------------------------------

    def compare_lots(self, stored: Iterable[Lot]) -> None:
        """
        Compare the stored lots with those of the fold; neither may have one that the other has not.
        """
        found = {lot.id: lot for lot in stored}
        for lot_id in sorted(self.lots.keys() | found.keys()):
            lots = self.lots.get(lot_id, "no lot"), found.get(lot_id, "no lot")
            self._expect("lot_stored", None, f"lot {lot_id}", *lots)

    def compare_holds(self, stored: Iterable[Entry]) -> None:
        """
        Compare the stored open holds with those of the fold.
        """
        self._expect("hold_stored", None, "the open holds", sorted(self.holds), [hold.sequence for hold in stored])

    def compare_account(self, stored: Account) -> None:
        """
        Compare the stored figures with those of the fold, at the instant for which they are stored.
        """
        for attribute in fields(Account):
            name: str = attribute.name
            if name not in {"as_of", "available", "pending", "next_change_at", "notice_at"}:
                code: FindingCode = "sequence" if name == "version" else "account_stored"
                self._expect(code, None, name, getattr(self.account, name), getattr(stored, name))
        if stored.as_of < self.account.as_of:
            self._find("time", None, "as_of", f"{self.account.as_of} or later", stored.as_of)
        left = [lot for lot in self.lots.values() if lot.remaining]
        pending = sum(lot.remaining for lot in left if lot.available_at > stored.as_of)
        self._expect("account_stored", None, "pending", pending, stored.pending)
        available = sum(lot.remaining for lot in left) - pending
        self._expect("account_stored", None, "available", available, stored.available)
        flows = stored.flows
        came = flows.earned + flows.adjusted + flows.restored + flows.forgiven + stored.debt
        went = flows.redeemed + flows.expired + flows.reversed + flows.removed
        self._expect("conservation", None, "what is there and went", came, stored.balance + stored.held + went)
        self._check_next_change(stored, left)

    def _check_next_change(self, stored: Account, left: list[Lot]) -> None:
        """
        Find a next change that is stored later than the true one; earlier costs a look and harms nothing.
        """
        changes = [lot.changes_at(stored.as_of) for lot in left]
        if left and stored.lapses_at is not None and stored.lapses_at > stored.as_of:
            changes.append(stored.lapses_at)
        changes += map(deadline_of, self.holds.values())
        true = min((instant for instant in changes if instant is not None), default=LATEST)
        if (stored.next_change_at or LATEST) > true:
            self._find("next_change", None, "next_change_at", f"{true} or earlier", stored.next_change_at)

    def _expect(self, code: FindingCode, at: int | None, figure: str, expected: Any, found: Any) -> bool:
        if expected != found:
            self._find(code, at, figure, expected, found)
        return bool(expected == found)

    def _find(self, code: FindingCode, at: int | None, figure: str, expected: Any, found: Any) -> None:
        self.findings.append(Finding(code, self.account.id, at, figure, expected, found))
