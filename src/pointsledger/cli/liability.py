"""
`liability`: what a program owes its holders, and how it moved over a period.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping

from ..domain.money import Money
from ..domain.program import Program
from ..ledger import Ledger
from ..reports import words
from ..reports.liability import Liability, liability
from ..reports.liability_csv import liability_csv, roll_forward_csv
from ..reports.pages import each_account
from ..reports.roll_forward import RollForward, RollLine, roll_forward
from .arguments import add_instant, add_json, instant_of, write_file
from .database import add_ledger, opened_ledger
from .display import Advance, display_on, progress_on
from .json_text import json_text


def add_liability(parser: ArgumentParser) -> None:
    """
    Add the arguments of `liability`.
    """
    add_ledger(parser)
    add_instant(parser, "--at", "the instant; now by default")
    add_instant(parser, "--since", "show the movement from here; from the beginning by default")
    add_instant(parser, "--until", "show the movement before here; until now by default")
    add_json(parser)
    parser.add_argument("--csv", metavar="FILE", help="write it as CSV to this file; - for the output")
    parser.set_defaults(misused=parser.error)


def run_liability(arguments: Namespace) -> int:
    """
    Show the points that a program owes, by channel and month of expiry, or how they moved over a period; exit code 1 if
    the movement does not prove itself.
    """
    moves = arguments.since is not None or arguments.until is not None
    if moves and arguments.at is not None:
        arguments.misused("--at is for what is owed at an instant; --since and --until are for a movement")
    with opened_ledger(arguments) as ledger:
        total = sum(1 for _ in each_account(ledger.storage, ledger.program.id))
        with progress_on(sys.stderr, "accounts", total) as advance:
            found = (_read_movement if moves else _read_liability)(arguments, ledger, advance)
    if isinstance(found, Liability):
        _show_liability(arguments, found, ledger.program)
        return 0
    _show_movement(arguments, found, ledger.program)
    return 1 if found.findings else 0


def _read_liability(arguments: Namespace, ledger: Ledger, advance: Advance) -> Liability:
    program = ledger.program
    return liability(ledger.storage, program, instant_of(arguments.at, program), progress=advance)


def _read_movement(arguments: Namespace, ledger: Ledger, advance: Advance) -> RollForward:
    program = ledger.program
    since = None if arguments.since is None else instant_of(arguments.since, program)
    return roll_forward(ledger.storage, program, since, instant_of(arguments.until, program), progress=advance)


def _show_liability(arguments: Namespace, owed: Liability, program: Program) -> None:
    if arguments.csv is not None:
        write_file(arguments.csv, liability_csv(owed).encode())
    elif arguments.json:
        print(json_text(owed))
    else:
        columns = ("channel", "last used in", f">{program.unit.plural}", *(f">worth {name}" for name in owed.value))
        rows = [
            (row.channel or "", row.month, words.points(row.points), *map(words.money, row.value.values()))
            for row in owed.rows
        ]
        total = ("total", "", words.points(owed.points), *map(words.money, owed.value.values()))
        display = display_on(sys.stdout)
        display.table(columns, [*rows, total])
        parts = f"{owed.available:,} available, {owed.pending:,} pending, {owed.held:,} on hold"
        at = words.local_time(owed.at, program)
        display.text(f"{at}: {program.unit.count(owed.points)} ({parts}); holders owe {owed.debt:,}.")


def _show_movement(arguments: Namespace, moved: RollForward, program: Program) -> None:
    if arguments.csv is not None:
        write_file(arguments.csv, roll_forward_csv(moved).encode())
    elif arguments.json:
        print(json_text(moved))
    else:
        display = display_on(sys.stdout)
        display.table(
            ("movement", f">{program.unit.plural}", *(f">worth {name}" for name in moved.closing.value)),
            [
                _standing("opening", moved.opening),
                *(
                    (name.replace("_", " "), words.change(line.points), *_changes(line.value))
                    for name, line in moved.movements.items()
                ),
                *([("revaluation", "", *_changes(moved.revaluation))] if moved.revaluation else []),
                _standing("closing", moved.closing),
            ],
        )
        debt = moved.debt
        display.text(
            f"Holders owed {debt.opening:,} {program.unit.plural} before and {debt.closing:,} after: "
            f"{debt.incurred:,} incurred, {debt.repaid:,} repaid, {debt.forgiven:,} forgiven."
        )
        display.text(_verdict(moved))
    for finding in moved.findings:
        print(finding, file=sys.stderr)


def _changes(value: Mapping[str, Money]) -> list[str]:
    return [str(money) if money.micros else "" for money in value.values()]


def _standing(name: str, line: RollLine) -> tuple[str, ...]:
    return (name, words.points(line.points), *map(words.money, line.value.values()))


def _verdict(moved: RollForward) -> str:
    if moved.findings:
        count = len(moved.findings)
        return f"It does not prove itself: {moved.difference:+,} unexplained, {count:,} findings."
    return "The closing, counted from the lots, is the opening and the movements, counted from the entries."
