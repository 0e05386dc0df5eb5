"""
`demo`: a small invented shop runs a year, in SQLite in a temporary file; under its own program, or under any other.
"""

from __future__ import annotations

import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from attrs import evolve

from ..domain.commands import Adjust, Cancel, Command, Process, Redeem, ReturnLines
from ..domain.expiry import ExpiryPolicy
from ..domain.money import Money
from ..domain.orders import Order, OrderLine
from ..domain.program import Program, Unit
from ..domain.rates import ExchangeRate
from ..domain.rules import EarnRule
from ..ledger import Ledger
from ..reports import words
from ..reports.statement import statement
from ..reports.totals import totals
from ..reports.verify import verify
from ..storage.sqlite import SQLiteStorage
from . import tour
from .display import Display, display_on
from .inspect import show_proof, show_statement
from .toml_file import read_program

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)

# The same as examples/coffee-club.toml.
PROGRAM = Program(
    id="coffee-club",
    timezone="Europe/London",
    unit=Unit(singular="bean", plural="beans"),
    earn_rules=[
        EarnRule.per_amount(1, per=Money("1.00", "GBP"), id="pounds"),
        EarnRule.multiplier(
            2,
            id="machine-weeks",
            categories=["machines"],
            valid_from=datetime(2025, 2, 1, tzinfo=UTC),
            valid_until=datetime(2025, 3, 1, tzinfo=UTC),
        ),
    ],
    exchange_rates=[ExchangeRate(10, Money("0.50", "GBP"))],
    expiry=ExpiryPolicy.after(months=6, rounded_to="month"),
    returns="automatic",
)
ABOUT_THE_PROGRAM = (
    ("earning", "1 bean for every whole 1.00 GBP of an order"),
    ("machine-weeks", "twice the beans for machines, all February"),
    ("using", "10 beans pay 0.50 GBP; an order paid with beans earns none"),
    ("lapsing", "6 months after they were earned, at the end of that month"),
    ("cancels, returns", "take back what was earned and give back what was used"),
)

PRICES = {"beans-1kg": "24.90", "grinder": "189.00", "cup": "8.50", "kettle": "79.00", "filter": "4.20"}
MACHINES = frozenset({"grinder", "kettle"})


def add_demo(parser: ArgumentParser) -> None:
    """
    Add the arguments of `demo`.
    """
    parser.add_argument("program", metavar="PROGRAM.toml", nargs="?", help="the Coffee Club's by default")


def run_demo(arguments: Namespace) -> int:
    """
    Let a small invented shop run a year: orders, redeeming, a cancel, a return, an adjustment, and what lapses.
    """
    display = display_on(sys.stdout)
    with tempfile.TemporaryDirectory() as folder, SQLiteStorage(Path(folder) / "points.db") as storage:
        if arguments.program is not None:
            return _show_tour(display, read_program(arguments.program), storage)
        ledger = Ledger(PROGRAM, storage)
        _show_program(display)
        _run_year(display, ledger)
        _show_customer(display, ledger, "ada")
        _show_explanation(display, ledger, "ada", order="1002")
        _show_what_lapses(display, ledger)
        return _show_proof(display, ledger)


def _show_tour(display: Display, program: Program, storage: SQLiteStorage) -> int:
    """
    Show the year of a shop that is made from the program's own rules.
    """
    display.heading(f"The program: {program.id}")
    display.table(("what", "how"), tour.describe(program))
    tour_of = tour.Tour(Ledger(program, storage, clock=lambda: tour_of.now))
    tour_of.run()
    ledger = tour_of.ledger
    sweep = ledger.expire_due(at=tour.END)
    display.heading("A year in the shop")
    refused = ", ".join(f"{count} by {name}" for name, count in sorted(tour_of.refused.items())) or "none"
    kinds = Counter(notice.kind.replace("_", " ") for notice in tour_of.notices)
    told = " and ".join(f"{count} {kind}s" for kind, count in sorted(kinds.items())) or "no notices"
    sums = totals(storage, program, tour.END)
    display.text(
        f"{sums.accounts} customers, {tour_of.done} events, {sums.entries} entries in the ledger; refused: {refused}. "
        f"Customers were sent {told}. On New Year's Day a sweep writes down {program.unit.count(sweep.points)} that "
        "lapsed unnoticed; every balance was right before it, too."
    )
    for account in ledger.accounts():
        _show_account(display, ledger, account)
    _show_lot(display, ledger)
    _show_what_lapses(display, ledger)
    return _show_proof(display, ledger)


def _show_account(display: Display, ledger: Ledger, account: str) -> None:
    display.heading(f"Statement of {account} for 2025")
    found = statement(ledger.storage, ledger.program, account, since=tour.BEGIN, until=tour.END)
    moved = [line for line in found.lines if line.entry.points or line.entry.debt]
    show_statement(display, evolve(found, lines=tuple(moved)), ledger.program)
    first = next((line.entry for line in moved if line.entry.kind == "earned"), None)
    if first is not None:
        display.heading(f"Why entry {first.sequence} is {words.change(first.points)}")
        for sentence in ledger.explain(account, first.sequence).sentences:
            display.text(sentence)


def _show_lot(display: Display, ledger: Ledger) -> None:
    """
    Show the first lot of the company as a record.
    """
    account = tour.COMPANY
    opened = next(entry.sequence for entry in ledger.entries(account) if entry.opened is not None)
    lot, program = ledger.lot(account, opened, at=tour.END), ledger.program
    display.heading(f"Lot {opened} of {account}")
    until = "" if lot.last_valid_date is None else str(lot.last_valid_date)
    display.table(
        ("what", "is"),
        (
            ("holder", lot.holder or ""),
            ("status", lot.status),
            ("total, used, left", f"{lot.total:,}, {lot.used:,}, {lot.remaining:,}"),
            ("generated, usable until", f"{words.local_day(lot.generated_at, program)}, {until}"),
            ("reason", lot.reason or ""),
            ("responsible", lot.responsible or ""),
            ("redemptions", ", ".join(entry.order or "" for entry in lot.redemptions)),
            ("comments", " ".join(entry.comment or "" for entry in lot.comments)),
        ),
    )


# --- the year ----------------------------------------------------------------------------------------------------


def year() -> Iterator[Command]:
    """
    Yield what happens in the shop in 2025, in the order of time.

    Ada earns, uses, returns, cancels and lets lapse.
    Bo cancels an order whose beans he has used, owes them, and has paid off a part.
    Cy comes every month, and once cancels an order that he paid with beans.
    """
    yield _order("1001", "ada", "01-11", {"beans-1kg": 2})
    yield _order("1002", "ada", "02-14", {"grinder": 1, "beans-1kg": 1})
    yield _order("2001", "bo", "03-01", {"kettle": 1, "cup": 4})
    yield _redeem("1003", "ada", "03-08", 400, to_pay="49.80")
    yield _order("1003", "ada", "03-08", {"beans-1kg": 2})
    yield _redeem("2002", "bo", "03-15", 100, to_pay="24.90")
    yield _order("2002", "bo", "03-15", {"beans-1kg": 1})
    yield Cancel(account="bo", order="2001", at=_day("03-20"))
    yield _order("1004", "ada", "04-05", {"cup": 6})
    yield ReturnLines(account="ada", order="1004", id="R1", lines={"cup": 2}, at=_day("04-12"))
    yield _order("1005", "ada", "05-10", {"kettle": 1})
    yield Cancel(account="ada", order="1005", at=_day("05-11"))
    yield Adjust(account="ada", points=50, reason="late parcel", actor="support", key="1", at=_day("06-20"))
    for month in range(1, 13):
        yield _order(f"3{month:03}", "cy", f"{month:02}-05", {"beans-1kg": 1, "filter": 2})
    yield _order("2003", "bo", "09-09", {"cup": 4})
    yield _redeem("3013", "cy", "10-20", 30, to_pay="8.50")
    yield Cancel(account="cy", order="3013", at=_day("10-21"))
    yield _order("1006", "ada", "10-18", {"beans-1kg": 3})
    yield _order("1007", "ada", "12-06", {"beans-1kg": 2, "filter": 1})


def _day(month_and_day: str) -> datetime:
    return datetime.fromisoformat(f"2025-{month_and_day}T10:00:00+00:00")


def _order(order: str, account: str, day: str, articles: dict[str, int]) -> Command:
    lines = [
        OrderLine(
            article,
            Money(PRICES[article], "GBP"),
            quantity,
            categories={"machines"} if article in MACHINES else (),
        )
        for article, quantity in articles.items()
    ]
    document = Order(order, account, lines)
    return Process(account=account, order=order, document=document, at=_day(day))


def _redeem(order: str, account: str, day: str, points: int, to_pay: str) -> Command:
    return Redeem(account=account, order=order, points=points, to_pay=Money(to_pay, "GBP"), at=_day(day))


# --- shown -------------------------------------------------------------------------------------------------------


def _show_program(display: Display) -> None:
    display.heading("The program: Coffee Club")
    display.table(("what", "how"), ABOUT_THE_PROGRAM)


def _run_year(display: Display, ledger: Ledger) -> None:
    commands = sorted(year(), key=_when)
    ledger.apply_all(commands)
    sweep = ledger.expire_due(at=NEW_YEAR)
    display.heading("A year in the shop")
    sums = totals(ledger.storage, PROGRAM, NEW_YEAR)
    display.text(
        f"{sums.accounts} customers, {len(commands)} events, {sums.entries} entries in the ledger. "
        f"On New Year's Day a sweep writes down {PROGRAM.unit.count(sweep.points)} that lapsed unnoticed; "
        "every balance was right before it, too."
    )


def _when(command: Command) -> datetime:
    assert command.at is not None, "the demo dates everything"
    return command.at


def _show_customer(display: Display, ledger: Ledger, account: str) -> None:
    display.heading("Ada's statement for 2025")
    found = statement(ledger.storage, PROGRAM, account, since=datetime(2025, 1, 1, tzinfo=UTC), until=NEW_YEAR)
    show_statement(display, found, PROGRAM)


def _show_explanation(display: Display, ledger: Ledger, account: str, order: str) -> None:
    entry = next(entry for entry in ledger.entries(account) if entry.order == order)
    display.heading(f"Why entry {entry.sequence} is {words.change(entry.points)}")
    for sentence in ledger.explain(account, entry.sequence).sentences:
        display.text(sentence)


def _show_what_lapses(display: Display, ledger: Ledger) -> None:
    program = ledger.program
    display.heading("What lapses when")
    rows = [
        (account, words.points(step.points), words.last_valid(step.at, program))
        for account in ledger.accounts()
        for step in ledger.expiring(account, at=NEW_YEAR)
    ]
    if rows:
        display.table(("customer", f">{program.unit.plural}", "can be used"), rows)
    else:
        display.text(f"No {program.unit.plural} are going to lapse.")


def _show_proof(display: Display, ledger: Ledger) -> int:
    display.heading("The books balance")
    sums = totals(ledger.storage, ledger.program, NEW_YEAR)
    display.table(
        ("came in", f">{ledger.program.unit.plural}"),
        (
            ("earned", words.points(sums.earned)),
            ("adjusted by hand", words.points(sums.adjusted)),
            ("given back after use", words.points(sums.restored)),
            ("owed by customers", words.points(sums.debt)),
            ("total", words.points(sums.issued + sums.restored + sums.debt)),
        ),
    )
    display.table(
        ("went out or is there", f">{ledger.program.unit.plural}"),
        (
            ("used", words.points(sums.redeemed)),
            ("lapsed", words.points(sums.expired)),
            ("taken back", words.points(sums.reversed)),
            ("with customers", words.points(sums.outstanding)),
            ("total", words.points(sums.redeemed + sums.expired + sums.reversed + sums.outstanding)),
        ),
    )
    proof = verify(ledger.storage, ledger.program.id)
    show_proof(display, proof)
    return 1 if proof.findings else 0
