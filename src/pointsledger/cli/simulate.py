"""
`simulate`: what another program would have given on the same history.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from ..domain.program import Program
from ..errors import InvalidFile
from ..reports import words
from ..reports.pages import each_account
from ..reports.simulate import HolderChange, Outcome, Simulation, latest_entry, simulate
from ..storage.memory import MemoryStorage
from .arguments import add_instant, add_json, instant_of
from .database import add_ledger, opened_storage, place_of
from .display import Display, display_on, progress_on
from .json_text import json_text
from .toml_file import read_program


def add_simulate(parser: ArgumentParser) -> None:
    """
    Add the arguments of `simulate`.
    """
    add_ledger(parser)
    parser.add_argument(
        "--against",
        metavar="FILE.toml",
        help="the program of the history; by default the one last recorded under the same id",
    )
    add_instant(parser, "--at", "the instant to compare at; the last entry's by default")
    add_json(parser)


def run_simulate(arguments: Namespace) -> int:
    """
    Compare what the recorded program gave with what another one would have given; the ledger is not changed.
    """
    after = read_program(arguments.program)
    before = read_program(arguments.against) if arguments.against else None
    history = (before or after).id
    with opened_storage(arguments) as storage:
        last = latest_entry(storage, history)
        if last is None:
            raise InvalidFile(place_of(arguments), 0, "", f"has no entries of program {history!r}")
        at = last.recorded_at if arguments.at is None else instant_of(arguments.at, after)
        total = sum(1 for _ in each_account(storage, history))
        with progress_on(sys.stderr, "accounts", total) as advance:
            found = simulate(storage, before or last.terms or after, after, MemoryStorage, at=at, progress=advance)
    if arguments.json:
        print(json_text(found))
    else:
        show_simulation(display_on(sys.stdout), found)
    return 0


def show_simulation(display: Display, found: Simulation) -> None:
    """
    Show both outcomes side by side, what was refused, and who gains and loses most.
    """
    display.heading(f"As of {words.local_time(found.at, found.after.program)}")
    old, new = _figures(found.before), _figures(found.after)
    rows = [
        (name, words.points(old[name]), words.points(new[name]), words.change(new[name] - old[name])) for name in old
    ]
    rows += [(name, *values, "") for name, values in _values(found).items()]
    display.table(("points", ">recorded", ">simulated", ">difference"), rows)
    refused = ", ".join(f"{count:,} {reason}" for reason, count in found.refused.items())
    display.text(
        f"{found.commands:,} commands were carried out again"
        + (f"; refused were {refused}." if refused else "; none was refused.")
    )
    for title, changes in (("Gain most", found.gaining), ("Lose most", found.losing)):
        if changes:
            display.heading(title)
            columns = ("account", ">recorded", ">worth", ">simulated", ">worth")
            display.table(columns, [_holder(change) for change in changes])


def _figures(outcome: Outcome) -> dict[str, int]:
    sums = outcome.totals
    return {
        "issued": sums.issued,
        "reversed": sums.reversed,
        "redeemed": sums.redeemed,
        "restored": sums.restored,
        "expired": sums.expired,
        "outstanding": sums.outstanding,
        "debt": sums.debt,
    }


def _values(found: Simulation) -> dict[str, tuple[str, str]]:
    old, new = found.before, found.after
    values = {
        f"redeemed, in {currency}": (
            words.money(old.redeemed_value.get(currency)),
            words.money(new.redeemed_value.get(currency)),
        )
        for currency in sorted(old.redeemed_value.keys() | new.redeemed_value.keys())
    }
    return values | {"outstanding, worth": (_worth(old), _worth(new))}


def _worth(outcome: Outcome) -> str:
    program: Program = outcome.program
    rate = program.rate()
    return words.money(rate.value(outcome.totals.outstanding) if rate else None)


def _holder(change: HolderChange) -> tuple[str, ...]:
    return (
        change.account,
        words.points(change.before),
        words.money(change.before_value),
        words.points(change.after),
        words.money(change.after_value),
    )
