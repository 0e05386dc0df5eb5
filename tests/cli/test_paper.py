"""
Statements as pages and ladders as pictures, written to files (S1.5 to S1.10, S1.16, S3.3).
"""

import json
import sys
from pathlib import Path

import pytest

from pointsledger import Ledger, reports
from pointsledger.cli.toml_file import read_program
from pointsledger.storage.sqlite import SQLiteStorage
from tests.cli.conftest import Command
from tests.reports.corner_shop import at, buys, earns, uses

STARS = """\
id = "corner"
unit = { singular = "star", plural = "stars" }
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
    Return the options of a ledger in which Ada has 70 stars of two months; her comment is no plain ASCII.
    """
    program, db = tmp_path / "corner.toml", tmp_path / "corner.db"
    program.write_text(STARS, encoding="utf-8")
    with SQLiteStorage(db) as storage:
        Ledger(read_program(str(program)), storage).apply_all(
            [buys("ada", "o-1", "01-10", 60), uses("ada", "02-01", 30), earns("ada", "02-10", 40, comment="für Ada")]
        )
    return ["--db", str(db), "--program", str(program)]


PERIOD = ("--since", "2025-01-01", "--until", "2025-03-01")


def test_statement_as_a_page(command: Command, corner: list[str], tmp_path: Path) -> None:
    """
    A page is written to a file instead of a table to the output, in UTF-8 whatever the terminal has.
    """
    file = tmp_path / "ada.html"
    assert command("statement", "ada", *corner, *PERIOD, "--html", file) == (0, "", "")
    page = file.read_bytes().decode("utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "Statement of stars" in page
    assert "für Ada" in page
    answer = command("statement", "ada", *corner, *PERIOD, "--html", "-")
    assert (answer.code, answer.out, answer.err) == (0, page, "")


def test_statement_as_a_page_and_as_json(command: Command, corner: list[str], tmp_path: Path) -> None:
    """
    What is asked for twice is given twice.
    """
    file = tmp_path / "ada.html"
    answer = command("statement", "ada", *corner, *PERIOD, "--html", file, "--json")
    assert json.loads(answer.out)["account"] == "ada"
    assert file.exists()


@pytest.mark.parametrize(
    ("name", "begins"), [("a.svg", b"<?xml"), ("a.SVG", b"<?xml"), ("a.png", b"\x89PNG"), ("a.Png", b"\x89PNG")]
)
def test_ladder_as_a_picture(command: Command, corner: list[str], tmp_path: Path, name: str, begins: bytes) -> None:
    """
    The file's name says what the picture is.
    """
    assert command("expiring", "ada", *corner, "--at", "2025-03-01", "--plot", tmp_path / name) == (0, "", "")
    assert (tmp_path / name).read_bytes().startswith(begins)


def test_ladder_as_a_picture_and_as_json(command: Command, corner: list[str], tmp_path: Path) -> None:
    """
    What is asked for twice is given twice.
    """
    file = tmp_path / "ada.svg"
    answer = command("expiring", "ada", *corner, "--at", "2025-03-01", "--plot", file, "--json")
    assert [step["points"] for step in json.loads(answer.out)] == [30, 40]
    assert "until 2025-04-10" in file.read_text("utf-8")


@pytest.mark.parametrize("name", ["ada", "ada.pdf", "-"])
def test_picture_of_another_kind(command: Command, corner: list[str], capsys, name: str) -> None:
    """
    A name that does not say how to draw is wrong usage, and nothing is written.
    """
    with pytest.raises(SystemExit) as ended:
        command("expiring", "ada", *corner, "--plot", name)
    assert ended.value.code == 2
    assert f"{name!r} ends neither in .png nor in .svg" in capsys.readouterr().err
    assert not Path(name).exists()


@pytest.mark.parametrize(
    ("verb", "option", "name"), [("statement", "--html", "a.html"), ("expiring", "--plot", "a.png")]
)
def test_a_file_that_cannot_be_written(
    command: Command, corner: list[str], tmp_path: Path, verb: str, option: str, name: str
) -> None:
    """
    The file is named, without a traceback.
    """
    path = tmp_path / "no" / name
    answer = command(verb, "ada", *corner, option, path)
    assert answer == (1, "", f"pointsledger: {path}: cannot be written: No such file or directory\n")


@pytest.mark.parametrize(
    ("verb", "option", "package", "extra"),
    [
        ("statement", "--html", "jinja2", "html"),
        ("statement", "--html", "matplotlib", "plot"),
        ("expiring", "--plot", "matplotlib", "plot"),
    ],
)
def test_missing_extra(
    command: Command, corner: list[str], tmp_path: Path, monkeypatch, verb: str, option: str, package: str, extra: str
) -> None:
    """
    Without its package the answer names the extra that brings it, nothing is written, and tables need none (R-47).
    """
    monkeypatch.delitem(sys.modules, "pointsledger.reports.drawing", raising=False)
    monkeypatch.delattr(reports, "drawing", raising=False)
    for name in {package} | {name for name in sys.modules if name.startswith(f"{package}.")}:
        monkeypatch.setitem(sys.modules, name, None)
    file = tmp_path / "a.svg"
    answer = command(verb, "ada", *corner, option, file)
    assert answer == (
        1,
        "",
        f"pointsledger: {package} is not installed; pip install 'pointsledger[{extra}]'\n",
    )
    assert not file.exists()
    assert command(verb, "ada", *corner).code == 0


def test_picture_of_a_program_that_is_off(command: Command, corner: list[str], tmp_path: Path) -> None:
    """
    A program that is switched off shows nothing in pictures either (R-43).
    """
    path = Path(corner[3])
    path.write_text("active = false\n" + path.read_text("utf-8"), encoding="utf-8")
    file = tmp_path / "a.svg"
    assert command("expiring", "ada", *corner, "--at", f"{at('03-01'):%Y-%m-%d}", "--plot", file).code == 0
    assert "No stars are going to lapse." in file.read_text("utf-8")
