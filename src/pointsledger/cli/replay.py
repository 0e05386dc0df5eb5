"""
`replay`: run a shop's order history through the ledger.

Documents are told in the time order of the file, each at the time at which it happened.
Many of them are committed together; the keys of their facts make a second run, or one after a crash, change nothing.
"""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from attrs import Factory, define

from ..domain.commands import Command, Process, ReturnLines
from ..domain.money import Money
from ..domain.orders import Order, OrderLine
from ..domain.program import Program
from ..errors import InvalidFile, Refused
from ..ledger import Ledger
from ..reports import words
from ..reports.totals import Totals, totals
from .cancellations import CancellationDocument, OrderHistory, read_order_history
from .database import add_ledger, opened_storage
from .display import Display, display_on, progress_on
from .order_file import OrderDocument
from .order_layout import Layout
from .toml_file import read_program, read_toml

BATCH = 200
"""Documents of one transaction."""
REFUSALS_SHOWN = 10


def add_replay(parser: ArgumentParser) -> None:
    """
    Add the arguments of `replay`.
    """
    parser.add_argument("orders", metavar="ORDERS.csv[.gz]", help="order lines, one per article")
    add_ledger(parser)
    parser.add_argument("--mapping", metavar="FILE.toml", help="how the file is laid out; options overrule it")
    parser.add_argument("--columns", metavar="FIELD=COLUMN,…", help="the file's own names for its columns")
    parser.add_argument("--timezone", metavar="ZONE", help="of times without an offset; the program's by default")
    parser.add_argument("--currency", metavar="CODE", help="of the prices; the program's by default")
    parser.add_argument("--cancellations", metavar="REGEX", help="documents whose number matches take lines back")
    parser.add_argument("--json", metavar="FILE", help="write the summary to this file as JSON")


def run_replay(arguments: Namespace) -> int:
    """
    Replay an order history and show what became of it; exit code 1 if the ledger refused a document.
    """
    started = time.monotonic()
    program = read_program(arguments.program)
    layout = layout_of(arguments, program)
    history = read_order_history(arguments.orders, layout)
    with opened_storage(arguments, create=True) as storage:
        with progress_on(sys.stderr, "documents", len(history.documents)) as advance:
            run = replay(Ledger(program, storage), history, layout.currency, advance)
        last = max((document.occurred_at for document in history.documents), default=None)
        sums = totals(storage, program, last) if last is not None else Totals()
    summary = summary_of(history, run, sums, time.monotonic() - started)
    if arguments.json is not None:
        _write(arguments.json, json.dumps(summary, indent=2) + "\n")
    _show(display_on(sys.stdout), history, run, summary)
    return 1 if run.refused else 0


def layout_of(arguments: Namespace, program: Program) -> Layout:
    """
    Return the layout that the mapping file and the options give together; options overrule the file.
    """
    path = arguments.mapping or "options"
    mapping = read_toml(arguments.mapping) if arguments.mapping else {}
    mapping.setdefault("timezone", program.timezone)
    mapping.setdefault("currency", _currency(program))
    for name in ("timezone", "currency"):
        if getattr(arguments, name) is not None:
            mapping[name] = getattr(arguments, name)
    if arguments.cancellations is not None:
        mapping["cancellations"] = {"pattern": arguments.cancellations}
    layout = Layout.from_mapping(mapping, path=path)
    return layout if arguments.columns is None else layout.with_columns(arguments.columns)


def _currency(program: Program) -> str:
    amounts = [rule.per for rule in program.earn_rules if rule.per is not None]
    amounts += [rate.money for rate in program.exchange_rates]
    return amounts[0].currency if amounts else ""


# --- running -----------------------------------------------------------------------------------------------------


@define
class Run:
    """
    What the ledger made of a history's documents.

    A document is applied wholly or refused wholly; `replayed` counts those that were there already.
    """

    orders: int = 0
    cancellations: int = 0
    replayed: int = 0
    lines_refused: int = 0
    refused: Counter[str] = Factory(Counter[str])
    refusals: list[str] = Factory(list[str])

    def applied(self, document: OrderDocument | CancellationDocument, *, replayed: bool) -> None:
        """
        Count a document that the ledger took.
        """
        self.orders += isinstance(document, OrderDocument)
        self.cancellations += isinstance(document, CancellationDocument)
        self.replayed += replayed

    def refuse(self, document: OrderDocument | CancellationDocument, refusal: Refused) -> None:
        """
        Count a document that the ledger refused.
        """
        lines = document.lines if isinstance(document, CancellationDocument) else len(document.lines)
        self.lines_refused += lines
        self.refused[type(refusal).__name__] += 1
        if len(self.refusals) < REFUSALS_SHOWN:
            self.refusals.append(f"document {document.id}: {refusal}")


def replay(ledger: Ledger, history: OrderHistory, currency: str, progress: Callable[[int], object]) -> Run:
    """
    Tell the ledger every document of a history, in batches of one transaction each.

    A batch with a document that is refused is told again document by document.
    """
    run = Run()
    done = 0
    for batch in _batches(history.documents):
        try:
            _tell(ledger, batch, currency, run)
        except Refused:
            for document in batch:
                try:
                    _tell(ledger, [document], currency, run)
                except Refused as refusal:
                    run.refuse(document, refusal)
        done += len(batch)
        progress(done)
    return run


def _batches(
    documents: Sequence[OrderDocument | CancellationDocument],
) -> Iterator[Sequence[OrderDocument | CancellationDocument]]:
    for start in range(0, len(documents), BATCH):
        yield documents[start : start + BATCH]


def _tell(ledger: Ledger, batch: Sequence[OrderDocument | CancellationDocument], currency: str, run: Run) -> None:
    told = [(document, tuple(commands_of(document, currency))) for document in batch]
    receipts = iter(ledger.apply_all(command for _, commands in told for command in commands))
    for document, commands in told:
        own = [next(receipts) for _ in commands]
        run.applied(document, replayed=all(receipt.replayed for receipt in own))


def commands_of(document: OrderDocument | CancellationDocument, currency: str) -> Iterator[Command]:
    """
    Yield the facts that a document reports: an order processed, or lines of one or more orders returned.
    """
    if isinstance(document, CancellationDocument):
        yield from _returns(document)
    else:
        yield _order(document, currency)


def _returns(document: CancellationDocument) -> Iterator[Command]:
    at = document.occurred_at
    for order, lines in document.takes:
        yield ReturnLines(account=document.customer, order=order, id=document.id, lines=lines, at=at, occurred_at=at)


def _order(document: OrderDocument, currency: str) -> Command:
    lines = [
        OrderLine(line.product, _price(line.unit_price, currency), line.quantity, id=line.id) for line in document.lines
    ]
    order = Order(document.id, document.customer, lines, customer_group=document.group)
    at = document.occurred_at
    return Process(account=order.account, order=order.id, document=order, at=at, occurred_at=at)


@lru_cache(maxsize=65536)
def _price(amount: Decimal, currency: str) -> Money:
    return Money(amount, currency)


# --- shown -------------------------------------------------------------------------------------------------------


def summary_of(history: OrderHistory, run: Run, sums: Totals, seconds: float) -> dict[str, Any]:
    """
    Return the summary as JSON has it; ``lines.read == lines.processed + sum(lines.skipped.values())``.

    `points` and `accounts` are the ledger's as a whole, at the time of the file's last document.
    """
    lines = history.lines
    skipped = {str(reason): count for reason, count in lines.skipped.items()}
    if run.lines_refused:
        skipped["refused"] = run.lines_refused
    return {
        "lines": {
            "read": lines.read,
            "processed": lines.processed - run.lines_refused,
            "skipped": skipped,
        },
        "orders": {
            "processed": run.orders,
            "cancelled_documents": run.cancellations,
            "cancellations_unmatched": history.cancellations_unmatched,
            "already_recorded": run.replayed,
            "refused": dict(run.refused),
        },
        "units": {"unmatched": history.units_unmatched},
        "points": {
            "earned": sums.earned,
            "reversed": sums.reversed,
            "expired": sums.expired,
            "outstanding": sums.outstanding,
            "debt": sums.debt,
        },
        "accounts": sums.accounts,
        "seconds": round(seconds, 1),
    }


def _show(display: Display, history: OrderHistory, run: Run, summary: dict[str, Any]) -> None:
    display.heading("Replayed")
    display.table(("what", ">count"), list(_rows(summary)))
    for line in history.lines.unreadable:
        column = f"{line.column}: " if line.column else ""
        display.text(f"line {line.line}: {column}{line.reason}")
    for refusal in run.refusals:
        display.text(f"refused: {refusal}")
    display.text(f"In {summary['seconds']} seconds.")


def _rows(summary: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in summary.items():
        label = f"{prefix}{name}".replace("_", " ")
        if isinstance(value, dict):
            yield from _rows(value, f"{label} ")  # pyright: ignore[reportUnknownArgumentType]
        elif name != "seconds":
            yield label, words.points(value)


def _write(path: str, text: str) -> None:
    try:
        Path(path).write_text(text, "utf-8")
    except OSError as error:
        raise InvalidFile(path, 0, "", f"cannot be written: {error.strerror}") from error
