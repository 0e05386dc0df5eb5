"""
Cancellations that do not name their order, matched with the orders they take back.

A cancelled line is taken back from the same customer's earlier orders that still keep that article:
the latest order first, and within one order its last line first.
Earlier is what stands before the cancellation in the time order of the file.
It never reaches into the future, so appending lines of a later time changes no match made before.
The price plays no part: shops refund at other prices than they sold at, and points follow the order's price.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import TypeAlias

from attrs import define, evolve, field, frozen

from .order_file import (
    LineCount,
    OrderDocument,
    OrderFile,
    SkipReason,
    UnreferencedCancellation,
    read_order_file,
    reasons_counted,
)
from .order_layout import Layout

LineTake: TypeAlias = tuple[str, int]
"""The id of an order's line, and how many units of it are taken back."""

OrderTake: TypeAlias = tuple[str, tuple[LineTake, ...]]
"""The id of an order, and what is taken back from it."""


@frozen(kw_only=True)
class CancellationDocument:
    """
    A cancellation with what it takes back: at least one order, each once, each of their lines once.

    Orders and lines stand in the order in which the cancelled lines reached them.
    `lines` counts the lines of the file that found something.
    """

    id: str
    customer: str
    occurred_at: datetime
    takes: tuple[OrderTake, ...]
    lines: int


@frozen(kw_only=True)
class OrderHistory:
    """
    The orders and matched cancellations of a file in time order, with everything that was read accounted for.

    A cancelled line that finds no unit at all is skipped as ``cancellation_unmatched``.
    One that finds some is processed; `units_unmatched` counts the units, of either line, that found no order.
    `cancellations_unmatched` are the cancellations of which no line found any; `documents` leaves them out.
    """

    documents: tuple[OrderDocument | CancellationDocument, ...]
    lines: LineCount
    units_unmatched: int
    cancellations_unmatched: int


def read_order_history(path: str, layout: Layout) -> OrderHistory:
    """
    Read the order file at `path` and match its cancellations; the same file always gives the same history.

    Raises:
        InvalidFile: as `read_order_file`.
    """
    return match_cancellations(read_order_file(path, layout))


def match_cancellations(file: OrderFile) -> OrderHistory:
    """
    Return the history in which every cancellation names the orders and lines it takes back.
    """
    cancelled = {
        (document.customer, line.product)
        for document in file.documents
        if isinstance(document, UnreferencedCancellation)
        for line in document.lines
    }
    shelf = _Shelf(cancelled)
    documents: list[OrderDocument | CancellationDocument] = []
    for document in file.documents:
        if isinstance(document, OrderDocument):
            shelf.keep(document)
            documents.append(document)
        elif taken := shelf.take(document):
            documents.append(taken)
    return OrderHistory(
        documents=tuple(documents),
        lines=_without_unmatched(file.lines, shelf.lines_unmatched),
        units_unmatched=shelf.units_unmatched,
        cancellations_unmatched=len(file.documents) - len(documents),
    )


def _without_unmatched(lines: LineCount, unmatched: int) -> LineCount:
    skipped = Counter(lines.skipped)
    skipped[SkipReason.CANCELLATION_UNMATCHED] += unmatched
    return evolve(lines, processed=lines.processed - unmatched, skipped=reasons_counted(skipped))


@define
class _KeptLine:
    order: str
    line: str
    quantity: int


@define
class _Shelf:
    """
    What customers still keep: a stack per customer and article, the last line of the latest order on top.

    Only articles that a customer cancels at some time are put on it.
    """

    cancelled: Collection[tuple[str, str]]
    stacks: defaultdict[tuple[str, str], list[_KeptLine]] = field(factory=lambda: defaultdict(list))
    lines_unmatched: int = 0
    units_unmatched: int = 0

    def keep(self, document: OrderDocument) -> None:
        for line in document.lines:
            article = document.customer, line.product
            if article in self.cancelled:
                self.stacks[article].append(_KeptLine(document.id, line.id, line.quantity))

    def take(self, document: UnreferencedCancellation) -> CancellationDocument | None:
        """
        Take the document's lines from the shelf, and return what was found, if anything was.
        """
        lines_matched = 0
        taken: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for line in document.lines:
            stack = self.stacks[document.customer, line.product]
            missing = line.quantity
            while missing and stack:
                kept = stack[-1]
                units = min(missing, kept.quantity)
                taken[kept.order][kept.line] += units
                missing -= units
                kept.quantity -= units
                if not kept.quantity:
                    stack.pop()
            self.units_unmatched += missing
            matched = missing < line.quantity
            lines_matched += matched
            self.lines_unmatched += not matched
        if not taken:
            return None
        return CancellationDocument(
            id=document.id,
            customer=document.customer,
            occurred_at=document.occurred_at,
            takes=tuple((order, tuple(lines.items())) for order, lines in taken.items()),
            lines=lines_matched,
        )
