"""
`python -m reliability`: every campaign on every storage, with figures that can be made again.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from pointsledger.cli.display import display_on, progress_on

from . import page
from .campaign import Rounds, carry_out
from .campaigns import CAMPAIGNS
from .places import NAMES, Memory, Place, Postgres, SQLite
from .server import Server, server


def main(arguments: list[str] | None = None) -> int:
    """
    Run campaigns, print their figures, and return 1 if any failed.
    """
    options = _parser().parse_args(arguments)
    if options.page:
        print(page.markdown(json.loads(options.page.read_text("utf-8"))))
        return 0
    logging.getLogger("psycopg").setLevel(logging.CRITICAL)  # connections that are lost are no news here
    results: list[dict[str, Any]] = []
    with server() if "postgres" in options.storages else nullcontext() as served:
        made_with = page.versions(served.version() if served else "")
        for name, place in _chosen(options, served):
            results.append(_figures(options, name, place))
            if options.out:  # each at once, since the whole takes long
                page.write(options.out, made_with, results)
    display_on(sys.stdout).table(page.COLUMNS, page.rows(results))
    print(", ".join(f"{name} {text}" for name, text in made_with.items() if text))
    failed = page.failures(results)
    print(*failed, sep="\n", end="\n" if failed else "")
    return 1 if failed else 0


def _chosen(options: argparse.Namespace, served: Server | None) -> Iterator[tuple[str, Place]]:
    """
    Yield each campaign that is asked for with each storage on which it can run.
    """
    places: list[Place] = [Memory(), SQLite("wal"), SQLite("delete")]
    if served is not None:
        places.append(Postgres(served.dsn))
    for name in options.only:
        for place in places:
            if place.name in options.storages and place.name in CAMPAIGNS[name].storages:
                yield name, place


def _figures(options: argparse.Namespace, name: str, place: Place) -> dict[str, Any]:
    """
    Run a campaign on a storage and return what came of it.
    """
    size = CAMPAIGNS[name].sizes[options.size]
    numbers = size.numbers if options.round is None else [options.round]
    with progress_on(sys.stderr, f"{name} on {place.name}", len(numbers)) as advance:
        result = carry_out(name, CAMPAIGNS[name].run, place, Rounds(options.seed, numbers, size.each, advance))
    return {"size": options.size, **result.to_mapping()}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m reliability",
        description="What the library promises, tried many times: "
        + "; ".join(f"{n}: {c.what}" for n, c in CAMPAIGNS.items()),
    )
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument("--size", choices=["smoke", "quick", "full"], default="full", help="how much; full takes long")
    sizes.add_argument("--quick", dest="size", action="store_const", const="quick", help="some minutes: --size quick")
    parser.add_argument("--seed", type=int, default=1, help="what is done at random follows from it (default: 1)")
    parser.add_argument("--round", type=int, metavar="N", help="run this round alone, as a failure names it")
    for option, names in (("--only", list(CAMPAIGNS)), ("--storages", list(NAMES))):
        parser.add_argument(
            option, type=_names_of(names), default=names, metavar=",".join(names[:2]), help=f"of {', '.join(names)}"
        )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the figures as JSON, beside those there")
    parser.add_argument("--page", type=Path, metavar="FILE", help="only print the figures of such a file in Markdown")
    return parser


def _names_of(names: list[str]) -> Callable[[str], list[str]]:
    def listed(given: str) -> list[str]:
        chosen = given.split(",")
        for name in chosen:
            if name not in names:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(names)}")
        return chosen

    return listed


if __name__ == "__main__":
    sys.exit(main())
