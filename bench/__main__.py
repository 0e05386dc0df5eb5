"""
`python -m bench`: every target of the specification, and what is reached on this machine.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from . import clients, footprint, growth, imports, memory, order, postgres, rebuild, scale, sqlite, sweep, table

MEASURES: dict[str, Callable[[scale.Scale], list[table.Row]]] = {
    "M1": memory.earn,
    "M2": memory.redeem,
    "M3": order.rows,
    "M4": rebuild.rows,
    "m": memory.others,
    "S1": sqlite.earn_and_redeem_full,
    "S2": sqlite.earn_and_redeem_normal,
    "S3": sqlite.redeem_ten,
    "S4": sqlite.batch,
    "s": sqlite.others,
    "K1": lambda scale: [*sqlite.replayed_key(scale), *postgres.replayed_key(scale)],
    "P1": postgres.one_client,
    "P2": clients.rows,
    "P4": postgres.batch,
    "p": postgres.others,
    "E1": sweep.rows,
    "G1": growth.with_history,
    "G2": growth.with_open_lots,
    "I1": imports.rows,
    "I2": footprint.rows,
}
"""Every measure by the name of its target; `m`, `s` and `p` are rows of memory, SQLite and PostgreSQL without one."""


def main(arguments: list[str] | None = None) -> int:
    """
    Measure, print the table, and write it as JSON where that is asked for.
    """
    options = _parser().parse_args(arguments)
    names: list[str] = options.only
    rows: list[table.Row] = []
    for name in names:
        print(f"measuring {name} …", file=sys.stderr)
        rows += MEASURES[name](options.scale)
    print(table.text(rows))
    print(", ".join(f"{name} {value}" for name, value in table.machine().items()))
    if options.json:
        content = {**table.machine(), "rows": [row.to_mapping() for row in rows]}
        options.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Ratios to floors, targets beside them.")
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument(
        "--quick",
        dest="scale",
        action="store_const",
        const=scale.QUICK,
        default=scale.FULL,
        help="about a minute: fewer blocks, histories up to 10,000 entries",
    )
    sizes.add_argument(
        "--smoke", dest="scale", action="store_const", const=scale.SMOKE, help="only show that everything runs"
    )
    parser.add_argument(
        "--only",
        type=_names,
        default=list(MEASURES),
        metavar="S1,S2",
        help=f"only these, of {', '.join(MEASURES)}",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    return parser


def _names(given: str) -> list[str]:
    names = given.split(",")
    for name in names:
        if name not in MEASURES:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(MEASURES)}")
    return names


if __name__ == "__main__":
    sys.exit(main())
