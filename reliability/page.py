"""
The figures as JSON and as tables.
"""

from __future__ import annotations

import json
import platform
import sqlite3
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

COLUMNS = ("campaign", "storage", ">seed", ">rounds", "figures", ">failures", ">seconds")


def versions(postgres: str) -> dict[str, str]:
    """
    Return what the figures were made with.
    """
    return {
        "pointsledger": version("pointsledger"),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "sqlite": sqlite3.sqlite_version,
        "postgresql": postgres,
        "psycopg": version("psycopg"),
        "system": f"{platform.system()} {platform.machine()}",
    }


def rows(results: Iterable[dict[str, Any]]) -> list[tuple[str, ...]]:
    """
    Return a line of text cells for each result.
    """
    return [
        (
            result["campaign"],
            result["storage"],
            str(result["seed"]),
            f"{result['rounds']:,}",
            ", ".join(f"{name} {count:,}" for name, count in sorted(result["figures"].items())),
            f"{len(result['failures']):,}",
            f"{result['seconds']:,.0f}",
        )
        for result in results
    ]


def failures(results: Iterable[dict[str, Any]]) -> list[str]:
    """
    Return a line for each failure, with the command that runs its round again.
    """
    return [
        f"python -m reliability --only {result['campaign']} --storages {result['storage']} --seed {result['seed']} "
        f"--size {result['size']} --round {failure['round']}\n  {failure['what']}"
        for result in results
        for failure in result["failures"]
    ]


def markdown(content: dict[str, Any]) -> str:
    """
    Return the figures as a page shows them.
    """
    made_with = ", ".join(f"{name} {text}" for name, text in content["versions"].items() if text)
    lines = [_line(column.removeprefix(">") for column in COLUMNS)]
    lines.append(_line("--:" if column.startswith(">") else "---" for column in COLUMNS))
    lines += [_line(_marked(row)) for row in rows(content["results"])]
    return "\n".join([*lines, "", f"Made with {made_with}."])


def _marked(row: Sequence[str]) -> Sequence[str]:
    campaign, *rest = row
    return (f"`{campaign}`", *rest)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def write(file: Path, made_with: dict[str, str], results: list[dict[str, Any]]) -> None:
    """
    Write the figures. Those of other campaigns that a file has already stay, if they were made with the same.
    """
    if file.exists():
        before = json.loads(file.read_text("utf-8"))
        if before["versions"] == made_with:
            again = {(result["campaign"], result["storage"]) for result in results}
            results = [r for r in before["results"] if (r["campaign"], r["storage"]) not in again] + results
    content = {"versions": made_with, "results": results}
    file.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
