"""
The naive model and some storages, which are told the same and compared after every step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import zip_longest

from ...domain import commands
from ...domain.account import Account
from ...domain.balance import Balance
from ...domain.entries import Entry
from ...domain.reads import Reading
from ...errors import Refused
from ...ledger import Ledger, Receipt
from ...port import Storage
from ...reports.verify import verify
from ..model.folding import fold, lapse_of
from ..model.ledger import NaiveLedger
from ..model.plain import Plain, Refusal
from . import translation
from .books import check_books

Place = tuple[str, str]
"""A program's and an account's id."""

FIGURES = ("available", "pending", "held", "debt", "earned", "redeemed", "expired")


def plain_view(entry: Plain) -> Plain:
    """
    Return what of the model's entry the package's entry says too.
    """
    names = (
        "sequence kind points balance_after debt allocations opened reverses claimed shortfall lapses_at "
        "occurred_at recorded_at withheld rule dates"
    )
    money = str(translation.money(*entry["money"])) if entry["money"] else None
    return {name: entry[name] for name in names.split()} | {"money": money}


def stored_account(account: Account) -> Reading[Account]:
    """
    Read the account's figures as stored.
    """
    yield from ()
    return account


class Lockstep:
    """
    One model and several storages that are told the same.

    Args:
        storages: by name; all empty.
        hits: counts every (command, outcome); the outcome is "accepted", "replayed" or the name of a refusal.

    `agreed` says whether they did after the last command.
    """

    def __init__(self, storages: dict[str, Storage], hits: Counter[tuple[str, str]]) -> None:
        self.storages = storages
        self.hits = hits
        self.model = NaiveLedger()
        self.steps = 0
        self.agreed = True
        self.asked: list[tuple[Plain, Plain, str | None]] = []
        self.last: dict[Place, list[Entry]] = {}
        self.swept: dict[Place, datetime] = {}

    def ledgers(self, program: Plain) -> Iterator[Ledger]:
        built = translation.program(program)
        for storage in self.storages.values():
            yield Ledger(built, storage)

    def time_of(self, program: Plain, account: str, now: datetime) -> datetime:
        """
        Return now, or the instant of a later sweep: a sweep that books nothing is recorded in no entry, but counts.
        """
        return max(now, self.swept.get((program["id"], account), now))

    def run(self, program: Plain, command: Plain, key: str | None, now: datetime) -> list[Plain] | str:
        """
        Carry out a command everywhere; return the model's new entries, or the name of the refusal.

        Raises:
            AssertionError: the storages and the model do not agree.
        """
        self.steps += 1
        self.agreed = False
        place = program["id"], command["account"]
        now = self.time_of(program, command["account"], now)
        before = self.snapshots()
        wanted, replayed = self.ask_model(program, command, key, now)
        outcome = wanted if isinstance(wanted, str) else "replayed" if replayed else "accepted"
        for name, ledger in zip(self.storages, self.ledgers(program), strict=True):
            found = self.ask_ledger(ledger, translation.command(command, key, now))
            if isinstance(wanted, str) or isinstance(found, str):
                assert found == wanted, (name, command, found, wanted)
            else:
                same_entries(name, [translation.plain_entry(e) for e in found.entries], [plain_view(e) for e in wanted])
                assert found.replayed == replayed, name
                self.compare_receipt(found, wanted, command)
        self.hits[command["command"], outcome] += 1
        after = self.snapshots()
        if outcome == "accepted":
            before.pop(place, None)
            after.pop(place, None)
            self.asked.append((program, command, key))
        # A refusal and a replay leave everything as it was, and nothing touches another account (I-18, I-40).
        if outcome != "accepted" or command["command"] not in ("expire", "take_notices"):
            assert {at: s for at, s in after.items() if at in before} == before
        if command["command"] in ("expire", "take_notices"):
            self.swept[place] = now
        self.compare_reads(program, command["account"], now)
        self.agreed = True
        return wanted

    def ask_model(
        self, program: Plain, command: Plain, key: str | None, now: datetime
    ) -> tuple[list[Plain] | str, bool]:
        try:
            return self.model.run(program, command, key, now)
        except Refusal as refusal:
            return refusal.reason, False

    @staticmethod
    def ask_ledger(ledger: Ledger, command: commands.Command) -> Receipt | str:
        try:
            return ledger.apply(command)
        except Refused as refused:
            return type(refused).__name__

    @staticmethod
    def compare_receipt(receipt: Receipt, entries: list[Plain], command: Plain) -> None:
        counted = [e for e in entries if e["kind"] not in ("expired", "repaid", "lapsed")]
        moved = sum(e["points"] for e in counted if e["kind"] != "released" or command["command"] != "capture")
        money = [e["money"] for e in entries if e["kind"] in ("redeemed", "held") and e["money"]]
        paid = translation.money(*money[0]) if money else None
        assert (receipt.points, receipt.money) == (moved, paid)
        assert receipt.shortfall == sum(e["shortfall"] for e in entries)
        if paid is not None and command.get("to_pay"):
            assert receipt.still_to_pay == translation.money(*command["to_pay"]) - paid

    def snapshots(self) -> dict[Place, list[Account]]:
        """
        Return every account's stored figures, in each storage.
        """
        return {
            place: [storage.read(*place, stored_account) for storage in self.storages.values()]
            for place in self.model.accounts
        }

    # --- reads -------------------------------------------------------------------------------------------------

    def compare_reads(self, program: Plain, account: str, now: datetime) -> None:
        """
        Compare balances now, later and in the past, lots, and entries.
        """
        history = self.model.entries(program, account)
        past = history[self.steps % len(history)]["recorded_at"] if history else now
        later = now + timedelta(days=(1, 5, 40)[self.steps % 3])
        latest = max([now, *(entry["recorded_at"] for entry in history[-1:])])
        for ledger in self.ledgers(program):
            for at in (now, later, past, past - timedelta(hours=1)):
                wanted = self.model.balance(program, account, at)
                balance = ledger.balance(account, at=at)
                assert figures(balance) == wanted, at
                assert min(wanted.values()) >= 0
                assert not (balance.available and balance.debt)  # I-7
            for at in (latest, max(latest, later)):
                lots = [translation.plain_lot(lot) for lot in ledger.lots(account, at=at)]
                assert lots == self.model.lots(program, account, at)
            told = [translation.plain_notice(notice) for notice in ledger.notices(account, at=latest)]
            assert told == self.model.notices(program, account, latest)
            for step in ledger.expiring(account, at=latest):
                state = fold(self.model.settled(program, account, latest)[0])
                together = [lot["remaining"] for lot in state["lots"].values() if lapse_of(state, lot) == step.at]
                assert step.points == sum(together)
            self.compare_new_entries(ledger, (program["id"], account), history)

    def compare_new_entries(self, ledger: Ledger, place: Place, history: list[Plain]) -> None:
        known = self.last.setdefault(place, [])
        new = ledger.entries(place[1], after=len(known), limit=10_000)
        assert [translation.plain_entry(entry) for entry in new] == [plain_view(e) for e in history[len(known) :]]
        if ledger.storage is list(self.storages.values())[-1]:
            known += new
            check_books(known)

    def compare_whole(self, programs: dict[str, Plain]) -> None:
        """
        Compare everything that is stored, entry by entry, between the storages (I-39), and prove the books (I-3).
        """
        for program_id, account in self.model.accounts:
            stored = [ledger.entries(account, limit=10_000) for ledger in self.ledgers(programs[program_id])]
            assert all(entries == stored[0] for entries in stored)
            assert len(stored[0]) == len(self.model.accounts[program_id, account])
        for storage in self.storages.values():
            for program_id in programs:
                assert not verify(storage, program_id).findings


def same_entries(name: str, found: list[Plain], wanted: list[Plain]) -> None:
    """
    Compare entries, and say in which fields they differ.
    """
    nothing: Plain = {}
    pairs = zip_longest(found, wanted, fillvalue=nothing)
    differ = [
        {field: (a.get(field), b.get(field)) for field in sorted({*a, *b}) if a.get(field) != b.get(field)}
        for a, b in pairs
    ]
    assert found == wanted, (name, differ)


def figures(balance: Balance) -> dict[str, int]:
    return {name: getattr(balance, name) for name in FIGURES}
