"""
The command of the campaigns runs, and its page shows the figures that it wrote.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from reliability import page
from reliability.__main__ import main
from reliability.campaign import Rounds
from reliability.campaigns import CAMPAIGNS, Entry
from reliability.places import Place

ROOT = Path(__file__).parents[2]
FIGURES = ROOT / "docs/reference/reliability.json"


def test_command_writes_its_figures(tmp_path: Path) -> None:
    """
    The command prints a line for each campaign and storage, and writes seeds, versions, sizes and figures down.
    """
    file = tmp_path / "reliability.json"
    command = [sys.executable, "-m", "reliability", "--size", "smoke", "--seed", "7", "--out", str(file)]
    command += ["--only", "last_points,kills", "--storages", "memory,sqlite-wal"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    content = json.loads(file.read_text("utf-8"))
    assert content["versions"].keys() >= {"pointsledger", "python", "sqlite", "postgresql"}
    found = [(each["campaign"], each["storage"], each["seed"], each["failures"]) for each in content["results"]]
    assert found == [
        ("last_points", "memory", 7, []),
        ("last_points", "sqlite-wal", 7, []),
        ("kills", "sqlite-wal", 7, []),
    ]
    assert all(name in ended.stdout for name in ("last_points", "kills", "won by threads"))


def test_failure_is_told_with_its_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """
    Where a round fails, the command ends with 1 and says how to run that round again.
    """

    def fails(place: Place, rounds: Rounds) -> None:
        for each in rounds:
            with each:
                raise ValueError("on purpose")

    told = CAMPAIGNS["last_points"]
    monkeypatch.setitem(CAMPAIGNS, "last_points", Entry(told.what, fails, told.storages, told.sizes))
    assert main(["--only", "last_points", "--storages", "memory", "--quick", "--seed", "3", "--round", "5"]) == 1
    shown = capsys.readouterr().out
    again = "python -m reliability --only last_points --storages memory --seed 3 --size quick --round 5"
    assert f"{again}\n  ValueError: on purpose" in shown


def test_command_refuses_an_unknown_campaign(capsys: pytest.CaptureFixture[str]) -> None:
    """
    A campaign that does not exist is named, with those that do.
    """
    with pytest.raises(SystemExit, match="2"):
        main(["--only", "luck"])
    assert "'luck' is none of lockstep, faults" in capsys.readouterr().err


def test_figures_of_other_campaigns_stay(tmp_path: Path) -> None:
    """
    Figures are replaced where a campaign ran again on a storage, and stay otherwise, unless another version made them.
    """
    file = tmp_path / "reliability.json"
    first, second, again = ({"campaign": name, "storage": "memory", "seed": seed} for name, seed in _RUNS)
    page.write(file, {"python": "3.11"}, [first, second])
    page.write(file, {"python": "3.11"}, [again])
    assert json.loads(file.read_text("utf-8"))["results"] == [second, again]
    page.write(file, {"python": "3.12"}, [first])
    assert json.loads(file.read_text("utf-8"))["results"] == [first]


_RUNS = [("kills", 1), ("crowd", 1), ("kills", 2)]


def test_page_shows_the_figures() -> None:
    """
    The page's table is what the command prints of the figures beside it, and nothing failed in them.
    """
    content = json.loads(FIGURES.read_text("utf-8"))
    assert page.markdown(content) in (ROOT / "docs/reference/reliability.md").read_text("utf-8")
    assert page.failures(content["results"]) == []
    assert {each["size"] for each in content["results"]} == {"full"}
    shown = {(each["campaign"], each["storage"]) for each in content["results"]}
    assert shown == {(name, storage) for name, each in CAMPAIGNS.items() for storage in each.storages}
