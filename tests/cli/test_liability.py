"""
`liability`: what is owed, and how it moved.
"""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pointsledger import Ledger
from pointsledger.storage.sqlite import SQLiteStorage
from tests.cli.conftest import Command
from tests.reports.corner_shop import buys, earns, shop, uses

PROGRAM = """\
id = "corner"
returns = "automatic"
expiry = { kind = "after", period = "3 months" }
[[earn_rules]]
id = "per_amount"
kind = "per_amount"
points = 1
per = "1.00 EUR"
[[exchange_rates]]
points = 10
money = "1.00 EUR"
"""


@pytest.fixture
def corner(tmp_path: Path) -> list[str]:
    """
    Return the arguments that name a ledger in which Ada has 70 points of two months, and a channel has a hostile name.
    """
    (tmp_path / "corner.toml").write_text(PROGRAM)
    with SQLiteStorage(tmp_path / "points.db") as storage:
        Ledger(shop(), storage).apply_all(
            [buys("ada", "o-1", "01-10", 60), earns("ada", "02-10", 40, channel="=1+1"), uses("ada", "02-20", 30)]
        )
    return ["--db", str(tmp_path / "points.db"), "--program", str(tmp_path / "corner.toml")]


def test_outstanding(command: Command, corner: list[str]) -> None:
    """
    Points by channel and month with their worth, and a sentence about how they stand.
    """
    answer = command("liability", *corner, "--at", "2025-03-01")
    assert answer.code == 0
    assert (
        answer.out
        == """\
channel  last used in  points  worth EUR
-------  ------------  ------  ---------
         2025-04           30   3.00 EUR
=1+1     2025-05           40   4.00 EUR
total                      70   7.00 EUR

2025-03-01 00:00: 70 points (70 available, 0 pending, 0 on hold); holders owe 0.
"""
    )
    assert "accounts: 1 of 1" in answer.err


def test_outstanding_now(command: Command, corner: list[str]) -> None:
    """
    Without an instant it is now, when everything of 2025 has lapsed.
    """
    answer = command("liability", *corner)
    assert (answer.code, "0 points (0 available, 0 pending, 0 on hold)" in answer.out) == (0, True)


def test_outstanding_as_csv_and_json(command: Command, corner: list[str], tmp_path: Path) -> None:
    """
    A name that a spreadsheet would take for a formula is text.
    """
    file = tmp_path / "owed.csv"
    assert command("liability", *corner, "--at", "2025-03-01", "--csv", str(file)).out == ""
    assert (
        file.read_text()
        == """\
program,channel,month,points,available,pending,held,worth EUR
corner,,2025-04,30,30,0,0,3.00
corner,'=1+1,2025-05,40,40,0,0,4.00
"""
    )
    told = json.loads(command("liability", *corner, "--at", "2025-03-01", "--json").out)
    assert (told["points"], told["value"], told["rows"][1]) == (
        70,
        {"EUR": "7.00 EUR"},
        {
            "channel": "=1+1",
            "month": "2025-05",
            "points": 40,
            "available": 40,
            "pending": 0,
            "held": 0,
            "value": {"EUR": "4.00 EUR"},
        },
    )


def test_movement(command: Command, corner: list[str]) -> None:
    """
    From the opening to the closing, line by line, with the verdict.
    """
    answer = command("liability", *corner, "--since", "2025-02-01", "--until", "2025-05-01")
    assert answer.code == 0
    assert (
        answer.out
        == """\
movement       points  worth EUR
-------------  ------  ---------
opening            60   6.00 EUR
issued            +40   4.00 EUR
adjusted up
restored
redeemed          -30  -3.00 EUR
expired           -30  -3.00 EUR
reversed
adjusted down
repaid
revaluation
closing            40   4.00 EUR

Holders owed 0 points before and 0 after: 0 incurred, 0 repaid, 0 forgiven.
The closing, counted from the lots, is the opening and the movements, counted
from the entries.
"""
    )
    assert "accounts: 1 of 1" in answer.err


def test_movement_from_the_beginning_and_until_now(command: Command, corner: list[str]) -> None:
    """
    Either end may be left out.
    """
    until = json.loads(command("liability", *corner, "--until", "2025-02-01", "--json").out)
    assert (until["since"], until["opening"]["points"], until["closing"]["points"]) == (None, 0, 60)
    since = json.loads(command("liability", *corner, "--since", "2025-02-01", "--json").out)
    assert (since["opening"]["points"], since["closing"]["points"], since["movements"]["expired"]["points"]) == (
        60,
        0,
        -70,
    )


def test_movement_without_money(command: Command, corner: list[str]) -> None:
    """
    A program without rates has no column of money, and nothing to revalue.
    """
    file = Path(corner[3])
    file.write_text(PROGRAM.partition("[[exchange_rates]]")[0])
    out = command("liability", *corner, "--since", "2025-02-01", "--until", "2025-05-01").out
    assert out.splitlines()[0] == "movement       points"
    assert "revaluation" not in out


def test_movement_as_csv_and_json(command: Command, corner: list[str]) -> None:
    """
    `-` writes to the output.
    """
    period = ("--since", "2025-02-01", "--until", "2025-05-01")
    out = command("liability", *corner, *period, "--csv", "-").out
    assert out.splitlines()[:3] == ["program,line,points,worth EUR", "corner,opening,60,6.00", "corner,issued,40,4.00"]
    told = json.loads(command("liability", *corner, *period, "--json").out)
    assert (told["opening"], told["difference"], told["findings"]) == (
        {"points": 60, "value": {"EUR": "6.00 EUR"}},
        0,
        [],
    )
    assert told["movements"]["redeemed"] == {"points": -30, "value": {"EUR": "-3.00 EUR"}}


def test_movement_that_does_not_prove_itself(command: Command, corner: list[str]) -> None:
    """
    A row that was changed behind the library's back ends with exit code 1, and says where.
    """
    with closing(sqlite3.connect(corner[1])) as connection, connection:
        connection.execute("UPDATE pointsledger_allocations SET points = 29")
    answer = command("liability", *corner, "--since", "2025-01-01", "--until", "2025-03-01")
    assert answer.code == 1
    assert "It does not prove itself: +1 unexplained, 2 findings." in answer.out
    assert "account 'ada', entry 3: the sum of its parts is 29, the entries give 30 (lot_parts)" in answer.err
    assert "account 'ada': the closing is 71, the entries give 70 (conservation)" in answer.err


@pytest.mark.parametrize("option", ["--since", "--until"])
def test_an_instant_is_no_period(command: Command, corner: list[str], capsys, option: str) -> None:
    """
    `--at` and a period cannot both be asked for: wrong usage.
    """
    with pytest.raises(SystemExit) as stopped:
        command("liability", *corner, "--at", "2025-03-01", option, "2025-02-01")
    assert (stopped.value.code, "--at is for what is owed" in capsys.readouterr().err) == (2, True)
