"""
What the tests of the command line share: calling it in this process, and a database that was replayed.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from pointsledger.cli import main

ROOT = Path(__file__).parents[2]
SAMPLE = Path(__file__).parent / "data/dirty_orders.csv"
EXAMPLE = ROOT / "examples/online-retail"
PROGRAM = EXAMPLE / "program.toml"


class Answer(NamedTuple):
    """
    What the command line said.
    """

    code: int
    out: str
    err: str


Command = Callable[..., Answer]


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Say nothing about terminals, whatever the terminal of the tests is.
    """
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """
    Call the command line as a function, with arguments of any type.
    """

    def call(*arguments: object) -> Answer:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        return Answer(code, *capsys.readouterr())

    return call


@pytest.fixture
def replayed(command: Command, tmp_path: Path) -> list[str]:
    """
    Replay the sample, and return the options that name the ledger.
    """
    options = ["--db", str(tmp_path / "points.db"), "--program", str(PROGRAM)]
    assert command("replay", SAMPLE, "--mapping", EXAMPLE / "mapping.toml", *options).code == 0
    return options
