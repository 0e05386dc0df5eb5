"""
The bench runs: it measures every target in its smallest form, and asserts no speed.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

TARGETS = {"M1", "M2", "M3", "M4", "S1", "S2", "S3", "S4", "K1", "G1", "G2", "I1", "I2"}


def test_bench_runs_in_its_smallest_form(tmp_path: Path) -> None:
    """
    The bench prints target and reached for every target, and its SQLite floor writes the rows that the product wrote.
    """
    file = tmp_path / "bench.json"
    command = [sys.executable, "-m", "bench", "--smoke", "--json", str(file)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert ended.returncode == 0, ended.stderr
    assert "target" in ended.stdout.splitlines()[0]
    rows = json.loads(file.read_text("utf-8"))["rows"]
    assert {row["id"] for row in rows if row["target"]} == TARGETS


def test_bench_refuses_an_unknown_target() -> None:
    """
    A target that does not exist is named, with those that do.
    """
    command = [sys.executable, "-m", "bench", "--only", "M9"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert ended.returncode == 2
    assert "'M9' is none of M1, M2" in ended.stderr
