"""
The proof of the books: a clean ledger is never accused, and every kind of damage is found.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsledger import ExpiryPolicy, Ledger, PendingPolicy, RestorePolicy
from pointsledger.domain.commands import Close, Command, Expire, Forgive
from pointsledger.errors import Refused
from pointsledger.port import Storage
from pointsledger.reports.verify import Finding, Proof, verify
from pointsledger.storage.memory import MemoryStorage
from pointsledger.storage.sqlite import SQLiteStorage
from tests.reports.corner_shop import at, buys, cancels, corrects, earns, gives_back, shop, uses


def history() -> Iterator[Command]:
    """
    Yield a history in which every kind of entry occurs: Ada's entries 1 to 13, and Bo's one.
    """
    yield earns("ada", "01-01", 30)
    yield buys("ada", "1", "01-02", 20, quantity=2)
    yield uses("ada", "01-03", 60)
    yield gives_back("ada", "1", "01-04")
    yield cancels("ada", "1", "01-05")
    yield corrects("ada", "01-06", 50)
    yield corrects("ada", "01-07", -10)
    yield Forgive(account="ada", points=5, actor="sam", reason="goodwill", key="f", at=at("01-06").replace(hour=6))
    yield uses("ada", "01-08", 10, order="9")
    yield cancels("ada", "9", "01-09")
    yield Expire(account="ada", at=at("12-01"))
    yield Close(account="ada", actor="sam", reason="moved away", key="c", at=at("12-02"))
    yield earns("bo", "01-01", 5)


def write(storage: Storage) -> None:
    """
    Write the history, in the order of time.
    """
    ordered = sorted(history(), key=lambda command: (command.account, command.at))
    Ledger(shop(), storage).apply_all(ordered)


def test_clean_ledger_has_no_findings(storage: Storage) -> None:
    """
    A ledger that only the library wrote balances: entries, lots, figures and times (I-1, I-3, I-5, I-13).
    """
    write(storage)
    kinds = {entry.kind for entry in Ledger(shop(), storage).entries("ada")}
    assert kinds == {
        "earned", "redeemed", "reversed", "adjusted", "repaid", "forgiven", "restored", "expired", "noted"
    }  # fmt: skip
    proof = verify(storage, "corner")
    assert proof == Proof(2, len(Ledger(shop(), storage).entries("ada")) + 1)


def test_one_account(storage: Storage) -> None:
    """
    One account can be proved by itself; one that does not exist has nothing to prove.
    """
    write(storage)
    assert verify(storage, "corner", ["bo"]) == Proof(1, 1)
    assert verify(storage, "corner", ["nobody"]) == Proof(1, 0)


def test_progress_is_told(storage: Storage) -> None:
    """
    After each account the caller is told how many are done.
    """
    write(storage)
    told: list[int] = []
    verify(storage, "corner", progress=told.append)
    assert told == [1, 2]


PENDING = PendingPolicy.after(days=10)
IDLE = ExpiryPolicy.inactivity(months=1)
PROGRAMS = [
    shop(),
    shop(pending=PENDING),
    shop(pending=PENDING, expiry=ExpiryPolicy.earlier_of(ExpiryPolicy.after(months=2), IDLE)),
    shop(expiry=IDLE, shortfall="clamp"),
    shop(restore=RestorePolicy(lapsed="grace", grace_days=5), use_order="oldest_first"),
    shop(restore=RestorePolicy(lapsed="fresh"), pending=PENDING),
]
DAYS = st.integers(1, 28).flatmap(lambda day: st.integers(1, 12).map(lambda month: f"{month:02}-{day:02}"))
COMMANDS = st.one_of(
    st.builds(buys, st.just("ada"), st.sampled_from("1234"), DAYS, st.integers(1, 9), st.just(2)),
    st.builds(gives_back, st.just("ada"), st.sampled_from("1234"), DAYS),
    st.builds(cancels, st.just("ada"), st.sampled_from("12345"), DAYS),
    st.builds(lambda day, order: uses("ada", day, 10, order=order), DAYS, st.sampled_from("345")),
    st.builds(lambda day, points: corrects("ada", day, points), DAYS, st.integers(1, 20)),
    st.builds(lambda day, points: corrects("ada", day, -points, allow_debt=True), DAYS, st.integers(1, 20)),
    st.builds(lambda day: Expire(account="ada", at=at(day)), DAYS),
)


@given(program=st.sampled_from(PROGRAMS), commands=st.lists(COMMANDS, max_size=15))
def test_no_history_is_accused(program, commands) -> None:
    """
    Whatever commands came, in whatever order and under whatever policies, the books balance (I-1, I-3, I-5, I-13).
    """
    storage = MemoryStorage()
    ledger = Ledger(program, storage)
    for command in commands:
        with suppress(Refused):
            ledger.apply(command)
    assert verify(storage, program.id).findings == ()


def damaged(folder: Path, *statements: str) -> tuple[Finding, ...]:
    """
    Return what is found after these statements were run on the history's file, behind the library's back.
    """
    path = folder / "points.db"
    with SQLiteStorage(path) as storage:
        write(storage)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        for statement in statements:
            assert connection.execute(statement).rowcount == 1, "the damage is done"
    with SQLiteStorage(path) as storage:
        return verify(storage, "corner").findings


BO = "WHERE account = 'bo'"
ADA = "WHERE account = 'ada'"
LOT_7 = "program, account, 7, points, remaining, earned_at, available_at, expires_at, expired, waits, held, follows"


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        # What entries say.
        (f"UPDATE pointsledger_entries SET balance_after = 6 {BO}", {("balance_after", 1)}),
        (f"UPDATE pointsledger_entries SET sequence = 2 {BO}", {("sequence", 2)}),
        (f"UPDATE pointsledger_entries SET recorded_at = 0 {ADA} AND sequence = 2", {("time", 2)}),
        (f"UPDATE pointsledger_allocations SET points = 31 {ADA} AND sequence = 3 AND part = 0", {("lot_parts", 3)}),
        (f"UPDATE pointsledger_allocations SET lot = 99 {ADA} AND sequence = 3 AND part = 0", {("lot_parts", 3)}),
        # What is stored beside them.
        (f"UPDATE pointsledger_accounts SET version = 2 {BO}", {("sequence", None)}),
        (f"UPDATE pointsledger_accounts SET as_of = 0 {BO}", {("time", None)}),
        (f"UPDATE pointsledger_accounts SET available = 6 {BO}", {("account_stored", None), ("conservation", None)}),
        (f"UPDATE pointsledger_accounts SET pending = 1 {BO}", {("account_stored", None), ("conservation", None)}),
        (f"UPDATE pointsledger_accounts SET earned = 6 {BO}", {("account_stored", None), ("conservation", None)}),
        (f"UPDATE pointsledger_accounts SET earned = 6, available = 6 {BO}", {("account_stored", None)}),
        (f"UPDATE pointsledger_accounts SET closed = 1 {BO}", {("account_stored", None)}),
        (f"UPDATE pointsledger_accounts SET next_change_at = NULL {BO}", {("next_change", None)}),
        (f"UPDATE pointsledger_accounts SET next_change_at = next_change_at + 1 {BO}", {("next_change", None)}),
        (f"UPDATE pointsledger_accounts SET next_change_at = next_change_at - 1 {BO}", set()),
        (f"UPDATE pointsledger_lots SET remaining = 4 {BO}", {("lot_stored", None)}),
        (f"UPDATE pointsledger_lots SET expires_at = expires_at + 1 {BO}", {("lot_stored", None)}),
        (f"UPDATE pointsledger_lots SET expired = 1 {ADA} AND lot = 1", {("lot_stored", None)}),
        (f"DELETE FROM pointsledger_lots {BO}", {("lot_stored", None)}),
        (f"DELETE FROM pointsledger_lots {ADA} AND lot = 1", {("lot_stored", None)}),
        (f"INSERT INTO pointsledger_lots SELECT {LOT_7} FROM pointsledger_lots {BO}", {("lot_stored", None)}),
    ],
)  # fmt: skip
def test_damage_is_found(tmp_path: Path, damage: str, found: set[tuple[str, int | None]]) -> None:
    """
    One figure changed behind the library's back is found, under the name of what it breaks (I-1, I-3, I-5, I-13).
    """
    findings = damaged(tmp_path, damage)
    assert found <= {(finding.code, finding.sequence) for finding in findings}
    assert bool(found) == bool(findings)


HELD = [
    ("DELETE FROM pointsledger_holds", "hold_stored"),
    ("UPDATE pointsledger_lots SET held = 0 WHERE held > 0", "lot_stored"),
    ("UPDATE pointsledger_accounts SET held = 9", "account_stored"),
    ("UPDATE pointsledger_accounts SET next_change_at = NULL", "next_change"),
    ("UPDATE pointsledger_accounts SET profile = NULL", "account_stored"),
    ("UPDATE pointsledger_allocations SET points = 3 WHERE sequence = 4", "lot_parts"),
    ("UPDATE pointsledger_allocations SET lot = 9 WHERE sequence = 4", "lot_parts"),
    ("UPDATE pointsledger_allocations SET points = 60 WHERE sequence = 3", "lot_parts"),
    ("UPDATE pointsledger_entries SET kind = 'released' WHERE sequence = 3", "lot_bounds"),
]


@pytest.mark.parametrize(("damage", "code"), HELD)
def test_damage_to_holds_and_dates_is_found(tmp_path: Path, damage: str, code: str) -> None:
    """
    Holds, lots that were re-dated and profiles are proved like the rest (I-1, I-3, I-5).
    """
    path = tmp_path / "points.db"
    with SQLiteStorage(path) as storage:
        ledger = Ledger(shop(), storage)
        ledger.set_profile("ada", holder="person", at=at("01-01"))
        ledger.apply(earns("ada", "01-01", 50))
        ledger.hold("ada", 20, order="o-1", until=at("01-09"), at=at("01-02"))
        ledger.extend("ada", 2, None, actor="sam", reason="asked", at=at("01-03"))
        assert verify(storage, "corner").findings == ()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        assert connection.execute(damage).rowcount == 1
    with SQLiteStorage(path) as storage:
        assert code in {finding.code for finding in verify(storage, "corner").findings}


def test_points_of_an_entry_are_found(tmp_path: Path) -> None:
    """
    An entry whose points were changed contradicts its balance, and the account and lots that were built on it.
    """
    findings = damaged(tmp_path, f"UPDATE pointsledger_entries SET points = 6 {BO}")
    assert [(finding.code, finding.figure, finding.expected, finding.found) for finding in findings][:1] == [
        ("balance_after", "the balance", 6, 5)
    ]
    assert {finding.code for finding in findings} == {"balance_after", "lot_stored", "account_stored"}


def test_missing_entry_is_found(tmp_path: Path) -> None:
    """
    An entry that was deleted leaves a gap (I-13).
    """
    findings = damaged(tmp_path, f"DELETE FROM pointsledger_entries {ADA} AND sequence = 2")
    assert findings[0] == Finding("sequence", "ada", 3, "the sequence", 2, 3)


def test_overdrawn_lot_is_found(tmp_path: Path) -> None:
    """
    A lot that gives more than it holds, and one that is given more than it was opened with, are found (I-2, I-5).
    """
    more = f"UPDATE pointsledger_entries SET points = -70, balance_after = 0 {ADA} AND sequence = 3"
    parts = f"UPDATE pointsledger_allocations SET points = 40 {ADA} AND sequence = 3 AND part = 0"
    findings = damaged(tmp_path, more, parts)
    assert ("lot_bounds", 3, "what is left of lot 1") in {(f.code, f.sequence, f.figure) for f in findings}


def test_figure_beyond_the_limit_is_found(tmp_path: Path) -> None:
    """
    A cumulative figure beyond 2^53 - 1 is found, and the proof goes on (I-30).
    """
    findings = damaged(
        tmp_path,
        f"UPDATE pointsledger_entries SET points = {2**53}, balance_after = {2**53} {BO}",
    )
    assert ("limit", "bo", 1) in {(f.code, f.account, f.sequence) for f in findings}


def test_unreadable_rows_are_found(tmp_path: Path) -> None:
    """
    An account whose rows the storage cannot read is a finding, and the proof goes on (R-47).
    """
    path = tmp_path / "points.db"
    with SQLiteStorage(path) as storage:
        write(storage)
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'pointsledger_entries'"
        ).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    with SQLiteStorage(path) as storage:
        proof = verify(storage, "corner")
    assert {(finding.code, finding.account) for finding in proof.findings} == {
        ("unreadable", "ada"),
        ("unreadable", "bo"),
    }


def test_findings_read_as_sentences() -> None:
    """
    A finding says whose, where, what and by how much, in a sentence.
    """
    assert str(Finding("balance_after", "ada", 3, "the balance", 10, 11)) == (
        "account 'ada', entry 3: the balance is 11, the entries give 10 (balance_after)"
    )
    assert str(Finding("account_stored", "ada", None, "debt", 0, 1)) == (
        "account 'ada': debt is 1, the entries give 0 (account_stored)"
    )
