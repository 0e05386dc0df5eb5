"""
`check`: a program's policy.
"""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import PROGRAM, Command

GENEROUS = """\
id = "generous"
shortfall = "clamp"
[[earn_rules]]
id = "pounds"
kind = "per_amount"
points = 2
per = "1.00 GBP"
[[earn_rules]]
id = "app"
kind = "multiplier"
factor = 5
channels = ["app"]
valid_from = 2026-01-01T00:00:00Z
[[exchange_rates]]
points = 10
money = "1.00 GBP"
"""


@pytest.fixture
def generous(tmp_path: Path) -> Path:
    """
    Write a program that gives all back in its app.
    """
    file = tmp_path / "generous.toml"
    file.write_text(GENEROUS)
    return file


def test_findings(command: Command, generous: Path) -> None:
    """
    Each finding stands under its code, with the fields to look at; an error makes the exit code 1.
    """
    answer = command("check", generous)
    assert (answer.code, answer.err) == (1, "")
    assert (
        answer.out
        == """\
Program generous: 1 error and 1 warning.

error: earns_more_than_it_costs
-------------------------------
An order of 1.00 GBP by channel 'app', at 2026-01-01 00:00 UTC earns 10 points,
worth 1.00 GBP (100 %).
See earn_rules[0].points, earn_rules[1].factor, exchange_rates[0].

warning: spent_points_are_kept
------------------------------
Who spends points at once and then returns what earned them keeps what the
points paid.
See shortfall, earn_rules[0].
"""
    )


def test_only_warnings(command: Command, tmp_path: Path) -> None:
    """
    Warnings alone are no reason to fail.
    """
    file = tmp_path / "plain.toml"
    file.write_text('id = "plain"\n')
    answer = command("check", file)
    assert (answer.code, answer.out.partition("\n")[0]) == (0, "Program plain: 2 warnings.")


def test_nothing(command: Command) -> None:
    """
    A sound program has nothing to object to.
    """
    assert command("check", PROGRAM) == (0, "Program online-retail: nothing to object to.\n", "")
    assert command("check", PROGRAM, "--json") == (0, "[]\n", "")


def test_as_json(command: Command, generous: Path) -> None:
    """
    JSON has the fields of each finding, with the same exit code.
    """
    answer = command("check", generous, "--json")
    assert answer.code == 1
    first, second = json.loads(answer.out)
    assert first == {
        "code": "earns_more_than_it_costs",
        "severity": "error",
        "sentence": "An order of 1.00 GBP by channel 'app', at 2026-01-01 00:00 UTC earns 10 points, "
        "worth 1.00 GBP (100 %).",
        "fields": ["earn_rules[0].points", "earn_rules[1].factor", "exchange_rates[0]"],
    }
    assert (second["code"], second["severity"]) == ("spent_points_are_kept", "warning")


def test_no_program(command: Command, tmp_path: Path) -> None:
    """
    A file that is no program is refused on stderr, with the field (R-47).
    """
    file = tmp_path / "wrong.toml"
    file.write_text('id = "wrong"\ntimezone = "Mars/Olympus"\n')
    answer = command("check", file)
    assert (answer.code, answer.out) == (1, "")
    assert "timezone" in answer.err
