"""
`simulate`: what another program would have given.
"""

import json
from datetime import UTC, datetime
from pathlib import Path

from pointsledger import Ledger, Money, Order, OrderLine
from pointsledger.cli.toml_file import read_program
from pointsledger.storage.sqlite import SQLiteStorage
from tests.cli.conftest import PROGRAM, Command

DOUBLE = """\
id = "online-retail"
timezone = "Europe/London"
returns = "automatic"
[[earn_rules]]
id = "pounds"
kind = "per_amount"
points = 2
per = "1.00 GBP"
[[exchange_rates]]
points = 100
money = "1.00 GBP"
"""


def test_simulation_of_the_sample(command: Command, tmp_path: Path, replayed: list[str]) -> None:
    """
    Both outcomes stand side by side, with who gains most; the sample's figures just double.
    """
    new = tmp_path / "double.toml"
    new.write_text(DOUBLE)
    answer = command("simulate", "--program", new, "--db", replayed[1])
    assert answer.code == 0
    assert (
        answer.out
        == """\
As of 2011-04-09 10:00
----------------------
points              recorded  simulated  difference
------------------  --------  ---------  ----------
issued                    59        118         +59
reversed                  42         84         +42
redeemed                   0          0
restored                   0          0
expired                    0          0
outstanding               17         34         +17
debt                       0          0
outstanding, worth  0.00 GBP   0.00 GBP

8 commands were carried out again; none was refused.

Gain most
---------
account  recorded     worth  simulated     worth
-------  --------  --------  ---------  --------
501             9  0.00 GBP         18  0.00 GBP
502             5  0.00 GBP         10  0.00 GBP
503             3  0.00 GBP          6  0.00 GBP
"""
    )


def test_another_id_needs_the_old_program(command: Command, tmp_path: Path, replayed: list[str]) -> None:
    """
    A program with an id of its own is compared with the one that is named as recorded.
    """
    new = tmp_path / "double.toml"
    new.write_text(DOUBLE.replace("online-retail", "double"))
    answer = command("simulate", "--program", new, "--db", replayed[1])
    assert (answer.code, "has no entries of program 'double'" in answer.err) == (1, True)
    answer = command("simulate", "--program", new, "--db", replayed[1], "--against", PROGRAM, "--json")
    found = json.loads(answer.out)
    assert (found["before"]["program"], found["after"]["program"]) == ("online-retail", "double")
    assert (found["before"]["totals"]["earned"], found["after"]["totals"]["earned"]) == (59, 118)


def test_instant_redemptions_and_refusals(command: Command, tmp_path: Path) -> None:
    """
    The comparison holds at the instant asked for; redeemed points have a value, and refusals a reason.
    """
    old, db = tmp_path / "double.toml", tmp_path / "points.db"
    old.write_text(DOUBLE)
    with SQLiteStorage(db) as storage:
        ledger = Ledger(read_program(str(old)), storage)
        order = Order("1", "ada", [OrderLine("thing", Money("100.00", "GBP"))])
        ledger.process(order, at=datetime(2025, 1, 1, 12, tzinfo=UTC))
        ledger.redeem("ada", 200, at=datetime(2025, 1, 2, 12, tzinfo=UTC), key="1")
        ledger.earn("ada", 1, at=datetime(2025, 1, 4, 12, tzinfo=UTC), key="2")
    new = tmp_path / "no-rate.toml"
    new.write_text(PROGRAM.read_text().partition("[[exchange_rates]]")[0])
    answer = command("simulate", "--program", new, "--db", db, "--at", "2025-01-03")
    assert (
        answer.out
        == """\
As of 2025-01-03 00:00
----------------------
points              recorded  simulated  difference
------------------  --------  ---------  ----------
issued                   200        100        -100
reversed                   0          0
redeemed                 200          0        -200
restored                   0          0
expired                    0          0
outstanding                0        100        +100
debt                       0          0
redeemed, in GBP    2.00 GBP
outstanding, worth  0.00 GBP

2 commands were carried out again; refused were 1 InsufficientPoints.

Lose most
---------
account  recorded     worth  simulated  worth
-------  --------  --------  ---------  -----
ada           200  2.00 GBP        100
"""
    )
