"""
`statement`, `balance`, `explain`, `expiring`, `expire` and `verify`.
"""

import json
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pointsledger import Ledger, Program
from pointsledger.cli.display import display_on
from pointsledger.cli.inspect import show_balance
from pointsledger.cli.toml_file import read_program
from pointsledger.domain.balance import Balance
from pointsledger.storage.sqlite import SQLiteStorage
from tests.cli.conftest import Command

CLUB = """\
id = "club"
timezone = "Europe/Paris"
[unit]
singular = "star"
plural = "stars"
[expiry]
kind = "after"
period = "1 month"
[[exchange_rates]]
points = 10
money = "1.00 EUR"
"""


@pytest.fixture
def club(tmp_path: Path) -> list[str]:
    """
    Return the options of a club in which Ada has 25 stars of January and, by hand, 5 that last until a summer noon.
    """
    program, db = tmp_path / "club.toml", tmp_path / "club.db"
    program.write_text(CLUB)
    with SQLiteStorage(db) as storage:
        ledger = Ledger(read_program(str(program)), storage)
        ledger.earn("ada", 25, at=datetime(2025, 1, 10, 23, 30, tzinfo=UTC), key="1")
        ledger.redeem("ada", 10, at=datetime(2025, 1, 20, 11, tzinfo=UTC), key="2", reason="mug")
        ledger.adjust(
            "ada",
            5,
            at=datetime(2025, 1, 21, 11, tzinfo=UTC),
            expires_at=datetime(2025, 7, 1, 10, tzinfo=UTC),
            actor="sam",
            reason="sorry",
            key="3",
        )
    return ["--db", str(db), "--program", str(program)]


def from_json(text: str) -> Any:
    """
    Read what a verb showed as JSON.
    """
    return json.loads(text)


def test_balance(command: Command, club: list[str]) -> None:
    """
    A balance is a sentence in the merchant's own unit, at any instant (R-11, R-43).
    """
    answer = command("balance", "ada", *club, "--at", "2025-02-11")
    assert answer == (0, "2025-02-11 00:00: 20 stars available, worth 2.00 EUR.\n", "")
    # 11 January in Paris and a month: usable to the end of 11 February.
    assert command("balance", "ada", *club, "--at", "2025-02-12").out.startswith(
        "2025-02-12 00:00: 5 stars available, worth 0.00 EUR."
    )


def test_balance_is_now_by_default(command: Command, club: list[str]) -> None:
    """
    Without an instant a balance is of now: all has lapsed by then.
    """
    assert ": 0 stars available" in command("balance", "ada", *club).out


def test_time_may_have_an_offset(command: Command, club: list[str]) -> None:
    """
    A time without an offset is local time of the program; with one it is what it says.
    """
    assert command("balance", "ada", *club, "--at", "2025-02-11T23:59").out.endswith("2.00 EUR.\n")
    assert command("balance", "ada", *club, "--at", "2025-02-11T23:00+00:00").out.endswith("0.00 EUR.\n")


def test_balance_as_json(command: Command, club: list[str]) -> None:
    """
    A balance as JSON has every figure, also those that are 0.
    """
    assert from_json(command("balance", "ada", *club, "--at", "2025-02-01", "--json").out) == {
        "at": "2025-01-31T23:00:00+00:00",
        "available": 20,
        "pending": 0,
        "held": 0,
        "debt": 0,
        "earned": 25,
        "redeemed": 10,
        "expired": 0,
        "expiring_next": {"points": 15, "at": "2025-02-11T23:00:00+00:00"},
        "value": "2.00 EUR",
        "version": 3,
        "shown": True,
    }


def test_statement(command: Command, club: list[str]) -> None:
    """
    A statement has its opening, a line for each entry, the closing balance, and how long points can be used.
    """
    answer = command("statement", "ada", *club, "--since", "2025-01-15", "--until", "2025-03-01")
    assert (answer.code, answer.err) == (0, "")
    assert (
        answer.out
        == """\
no  date        what      about  stars  balance     worth
--  ----------  --------  -----  -----  -------  --------
                opening                      25  2.00 EUR
 2  2025-01-20  redeemed  mug      -10       15  1.00 EUR
 3  2025-01-21  adjusted  sorry     +5       20  2.00 EUR
    2025-02-12  expired            -15        5  0.00 EUR

2025-02-28 23:59: 5 stars available, worth 0.00 EUR.
In all until then: 30 stars accrued, 10 used and 15 lapsed.
5 stars can be used before 2025-07-01 12:00.
"""
    )


def test_statement_from_the_beginning_until_now(command: Command, club: list[str]) -> None:
    """
    Without a period a statement shows everything until now.
    """
    out = command("statement", "ada", *club).out
    assert " 1  2025-01-11  earned" in out
    assert "No stars are going to lapse." in out


def test_statement_as_json(command: Command, club: list[str]) -> None:
    """
    A statement as JSON has the lines with what their holder may see.
    """
    found = from_json(command("statement", "ada", *club, "--until", "2025-01-21", "--json").out)
    assert found["since"] is None
    assert found["opening"] == 0
    assert found["closing"]["available"] == 15
    assert [line["entry"]["points"] for line in found["lines"]] == [25, -10]
    assert found["lines"][1] == {
        "entry": {
            "sequence": 2,
            "kind": "redeemed",
            "points": -10,
            "balance_after": 15,
            "debt": 0,
            "value": "-1.00 EUR",
            "balance_value": "1.00 EUR",
            "rate": {"points": 10, "money": "1.00 EUR"},
            "occurred_at": "2025-01-20T11:00:00+00:00",
            "recorded_at": "2025-01-20T11:00:00+00:00",
            "order": None,
            "reason": "mug",
            "comment": None,
            "actor": None,
            "channel": None,
        },
        "at": "2025-01-20T11:00:00+00:00",
        "booked": True,
        "batch": None,
    }
    assert (found["accrued"], found["used"], found["lapsed"]) == (25, 10, 0)
    assert [(batch["lot"]["remaining"], batch["days_left"]) for batch in found["batches"]] == [
        (15, 22)
    ]  # to 11 February


def test_expiring(command: Command, club: list[str]) -> None:
    """
    What lapses is shown by the last day on which it can be used, or by the time where it is not a whole day (R-37).
    """
    at = ("--at", "2025-02-01")
    assert command("expiring", "ada", *club, *at).out == (
        "15 stars can be used until 2025-02-11.\n5 stars can be used before 2025-07-01 12:00.\n"
    )
    assert from_json(command("expiring", "ada", *club, *at, "--json").out) == [
        {"points": 15, "at": "2025-02-11T23:00:00+00:00"},
        {"points": 5, "at": "2025-07-01T10:00:00+00:00"},
    ]


def test_explain(command: Command, replayed: list[str]) -> None:
    """
    An explanation says what an entry rests on, a sentence a line (R-10).
    """
    answer = command("explain", "502", 1, *replayed)
    assert answer.code == 0
    assert "Rule pounds gives 5 points on 5.50 GBP" in answer.out
    assert command("explain", "502", 2, *replayed) == (1, "", "pointsledger: account '502' has no entry 2\n")


def test_expire(command: Command, club: list[str]) -> None:
    """
    A sweep writes down what has lapsed, once (R-39).
    """
    assert command("expire", *club, "--at", "2025-03-01") == (
        0,
        "15 stars lapsed; 1 accounts were due.\n",
        "1 accounts swept\n",
    )
    assert command("expire", *club, "--at", "2025-03-01").out.startswith("0 stars lapsed; 0 accounts")


def test_verify(command: Command, club: list[str], replayed: list[str]) -> None:
    """
    The proof says how much was proved, for one account or for all.
    """
    assert command("verify", *replayed) == (
        0,
        "4 accounts, 8 entries: the books balance.\n",
        "accounts: 1 of 4\naccounts: 2 of 4\naccounts: 3 of 4\naccounts: 4 of 4\n",
    )
    assert command("verify", "ada", *club) == (0, "1 accounts, 3 entries: the books balance.\n", "")
    assert from_json(command("verify", *club, "--json").out) == {"accounts": 1, "entries": 3, "findings": []}


def test_verify_finds(command: Command, club: list[str]) -> None:
    """
    What is wrong is named, and the exit code says so (I-3).
    """
    with closing(sqlite3.connect(club[1])) as connection, connection:
        connection.execute("UPDATE pointsledger_lots SET remaining = 14 WHERE lot = 1")
    answer = command("verify", *club)
    assert answer.code == 1
    assert "account 'ada': lot 1 is Lot(" in answer.out
    assert answer.out.endswith("1 accounts, 3 entries: 1 findings.\n")
    found = from_json(command("verify", *club, "--json").out)
    assert [finding["code"] for finding in found["findings"]] == ["lot_stored"]


def test_program_that_is_off(command: Command, club: list[str]) -> None:
    """
    A program that is switched off shows nothing (R-43).
    """
    path = Path(club[3])
    path.write_text("active = false\n" + path.read_text())
    assert command("balance", "ada", *club).out == "Program 'club' is switched off; it shows nothing.\n"


def test_pending_and_debt_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    """
    Points that wait and points that are owed are named where there are any.
    """
    at = datetime(2025, 1, 1, tzinfo=UTC)
    show_balance(display_on(sys.stdout), Balance(at, pending=3, debt=1), Program(id="a"))
    assert capsys.readouterr().out == "2025-01-01 00:00: 0 points available, 3 points pending, 1 point owed.\n"


@pytest.mark.parametrize("verb", ["balance", "statement", "expiring", "verify"])
def test_ledger_that_is_not_there(command: Command, club: list[str], tmp_path: Path, verb: str) -> None:
    """
    Looking at a file that does not exist is refused and does not create it.
    """
    missing = tmp_path / "missing.db"
    answer = command(verb, "ada", "--db", missing, *club[2:])
    assert answer == (1, "", f"pointsledger: {missing}: no such file; replay creates one\n")
    assert not missing.exists()
