"""
A shop's export of order lines, read into the documents that the ledger is told of.

The file is CSV, plain or gzipped, in UTF-8, one line per article of a document, with a header.
It may be dirty, but nothing in it is dropped in silence: every line read is processed, or skipped for one
named reason, so ``lines.read == lines.processed + sum(lines.skipped.values())`` holds at every stage.
A line here is a record of the CSV; a quoted cell with line breaks makes it span several lines of text.

What is wrong with a line is counted.
What makes the lines themselves doubtful stops the reading: a file that is cut off, is not UTF-8, or has a
quote that does not close, so that one cell would swallow the lines that follow.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeAlias

from attrs import define, frozen

from ..errors import InvalidFile
from . import order_cells as cells
from .order_layout import Layout

UNREADABLE_LINES_SHOWN = 10

_GZIP_MAGIC = b"\x1f\x8b"


class SkipReason(StrEnum):
    """
    Why a line was skipped; where several reasons apply, the one listed first counts.
    """

    UNREADABLE = "unreadable"
    """A cell is missing, or is no number, time or identifier that the ledger takes."""
    NO_CUSTOMER = "no_customer"
    """The buyer is a guest."""
    NOT_AN_ORDER = "not_an_order"
    """The document neither cancels nor matches the layout's pattern of orders."""
    NOT_GOODS = "not_goods"
    """Postage, fees, vouchers, manual entries: what the layout's pattern of goods leaves out."""
    PRICE_NOT_POSITIVE = "price_not_positive"
    """The unit price is 0 or negative."""
    QUANTITY_NOT_POSITIVE = "quantity_not_positive"
    """The quantity is 0, or its sign contradicts the kind of the document."""
    CUSTOMER_DIFFERS = "customer_differs"
    """An earlier line gave the document to another customer; a document belongs to one."""
    CANCELLATION_UNMATCHED = "cancellation_unmatched"
    """No earlier order of the customer still keeps the article."""


@frozen(kw_only=True)
class DocumentLine:
    """
    One article of a document; `id` is its position, from 1, among the processed lines of the document.
    """

    id: str
    product: str
    unit_price: Decimal
    quantity: int


@frozen(kw_only=True)
class OrderDocument:
    """
    An order with at least one line, in the order of the file.

    `occurred_at` is the UTC instant of its earliest processed line.
    `group` is that of its first processed line, and None where it is empty or the layout has no such column.
    """

    id: str
    customer: str
    occurred_at: datetime
    lines: tuple[DocumentLine, ...]
    group: str | None = None


@frozen(kw_only=True)
class UnreferencedCancellation:
    """
    A cancellation as the file has it: what came back, without the orders that it was bought in.

    Its lines are like an order's; their quantities are positive.
    """

    id: str
    customer: str
    occurred_at: datetime
    lines: tuple[DocumentLine, ...]


Document: TypeAlias = OrderDocument | UnreferencedCancellation


@frozen(kw_only=True)
class UnreadableLine:
    """
    The line of text at which an unreadable line ends, the column (empty: the whole line), and what is wrong.
    """

    line: int
    column: str
    reason: str


@frozen(kw_only=True)
class LineCount:
    """
    What became of the lines: ``read == processed + sum(skipped.values())``.

    `skipped` has only reasons that occurred, in the order of `SkipReason`.
    `unreadable` shows the first `UNREADABLE_LINES_SHOWN` of the unreadable lines.
    """

    read: int
    processed: int
    skipped: Mapping[SkipReason, int]
    unreadable: tuple[UnreadableLine, ...] = ()


@frozen(kw_only=True)
class OrderFile:
    """
    The documents of a file in time order, those of one instant as in the file, and its lines counted.
    """

    documents: tuple[Document, ...]
    lines: LineCount


def read_order_file(path: str, layout: Layout) -> OrderFile:
    """
    Read the order lines of the CSV file at `path`, plain or gzipped, into documents.

    Raises:
        InvalidFile: the file cannot be read, its header lacks a column of the layout, or its CSV is broken.
    """
    rows = csv.reader(_text_lines(path), delimiter=layout.delimiter, strict=True)
    try:
        header = next(rows, None) or []
        reader = _LineReader(path, header, layout)
        for row in rows:
            reader.read(row, rows.line_num)
    except csv.Error as error:
        raise InvalidFile(path, rows.line_num, "", f"is broken CSV: {error}") from error
    return reader.order_file()


def reasons_counted(skipped: Mapping[SkipReason, int]) -> dict[SkipReason, int]:
    """
    Return the reasons that occurred with their counts, in the order of `SkipReason`.
    """
    return {reason: skipped[reason] for reason in SkipReason if skipped.get(reason)}


class _Line(NamedTuple):
    """
    One line of the file, understood but not yet judged.
    """

    cancels: bool
    document: str
    product: str
    quantity: int
    occurred_at: datetime
    unit_price: Decimal
    customer: str
    group: str | None


class _LineCells:
    """
    Finds and reads the cells of a row.
    """

    def __init__(self, path: str, header: list[str], layout: Layout) -> None:
        columns, mark = layout.columns, layout.cancellations
        mark_column = (mark and mark.column) or columns.order
        group_column = columns.group or columns.order
        names = [name.strip() for name in header]
        wanted = (
            mark_column,
            columns.order,
            columns.product,
            columns.quantity,
            columns.ordered_at,
            columns.unit_price,
            columns.customer,
            group_column,
        )
        self._width = len(names)
        self._pick = itemgetter(*(_position(path, names, name) for name in wanted))
        self._cancels = cells.remembered(mark_column, lambda text: bool(mark and mark.pattern.fullmatch(text)))
        self._document = cells.remembered(columns.order, cells.identifier)
        self._product = cells.remembered(columns.product, cells.identifier)
        self._quantity = cells.remembered(columns.quantity, cells.quantities(layout.decimal_mark))
        times = cells.instants(layout.timezone, layout.date_formats)
        self._occurred_at = cells.remembered(columns.ordered_at, times)
        self._unit_price = cells.remembered(columns.unit_price, cells.prices(layout.decimal_mark))
        self._customer = cells.remembered(columns.customer, cells.customers(layout.customer_suffix))
        self._group = cells.remembered(group_column, lambda text: (columns.group and text) or None)
        self._cancelled_sign = -1 if mark and mark.quantity == "negative" else 1

    def line(self, row: list[str]) -> _Line:
        """
        Return the line of a row; what a cancellation takes back has a positive quantity.
        """
        if len(row) != self._width:
            raise cells.UnreadableCell("", f"has {len(row)} cells where the header has {self._width}")
        texts: tuple[str, ...] = self._pick(row)
        cancels = self._cancels(texts[0])
        quantity = self._quantity(texts[3])
        return _Line(
            cancels,
            self._document(texts[1]),
            self._product(texts[2]),
            quantity * self._cancelled_sign if cancels else quantity,
            self._occurred_at(texts[4]),
            self._unit_price(texts[5]),
            self._customer(texts[6]),
            self._group(texts[7]),
        )


@define
class _Draft:
    """
    A document while its lines are being read.
    """

    first: _Line
    occurred_at: datetime
    lines: list[DocumentLine]

    def add(self, line: _Line) -> None:
        self.occurred_at = min(self.occurred_at, line.occurred_at)
        self.lines.append(
            DocumentLine(
                id=_line_id(len(self.lines) + 1),
                product=line.product,
                unit_price=line.unit_price,
                quantity=line.quantity,
            )
        )

    def document(self) -> Document:
        lines, customer = tuple(self.lines), self.first.customer
        if self.first.cancels:
            return UnreferencedCancellation(
                id=self.first.document, customer=customer, occurred_at=self.occurred_at, lines=lines
            )
        return OrderDocument(
            id=self.first.document,
            customer=customer,
            occurred_at=self.occurred_at,
            lines=lines,
            group=self.first.group,
        )


class _LineReader:
    """
    Counts rows, and gathers those that are to be processed into drafts of documents.
    """

    def __init__(self, path: str, header: list[str], layout: Layout) -> None:
        self._cells = _LineCells(path, header, layout)
        self._is_order = cells.matching(layout.orders)
        self._is_goods = cells.matching(layout.goods)
        self._drafts: dict[tuple[bool, str], _Draft] = {}
        self._read = 0
        self._processed = 0
        self._skipped: Counter[SkipReason] = Counter()
        self._unreadable: list[UnreadableLine] = []

    def read(self, row: list[str], line_number: int) -> None:
        """
        Count the row, and add it to its document unless there is a reason to skip it.
        """
        self._read += 1
        try:
            line = self._cells.line(row)
        except cells.UnreadableCell as cell:
            self._skipped[SkipReason.UNREADABLE] += 1
            if len(self._unreadable) < UNREADABLE_LINES_SHOWN:
                found = UnreadableLine(line=line_number, column=cell.column, reason=cell.reason)
                self._unreadable.append(found)
            return
        draft = self._drafts.get((line.cancels, line.document))
        if reason := self._reason_to_skip(line, draft):
            self._skipped[reason] += 1
            return
        if draft is None:
            draft = self._drafts[line.cancels, line.document] = _Draft(line, line.occurred_at, [])
        draft.add(line)
        self._processed += 1

    def _reason_to_skip(self, line: _Line, draft: _Draft | None) -> SkipReason | None:
        """
        Return the first reason of `SkipReason` that applies to a line that was read.
        """
        if not line.customer:
            return SkipReason.NO_CUSTOMER
        if not line.cancels and not self._is_order(line.document):
            return SkipReason.NOT_AN_ORDER
        if not self._is_goods(line.product):
            return SkipReason.NOT_GOODS
        if line.unit_price <= 0:
            return SkipReason.PRICE_NOT_POSITIVE
        if line.quantity <= 0:
            return SkipReason.QUANTITY_NOT_POSITIVE
        if draft and draft.first.customer != line.customer:
            return SkipReason.CUSTOMER_DIFFERS
        return None

    def order_file(self) -> OrderFile:
        # The sort is stable, and a dict keeps the order of the file.
        drafts = sorted(self._drafts.values(), key=attrgetter("occurred_at"))
        return OrderFile(
            documents=tuple(draft.document() for draft in drafts),
            lines=LineCount(
                read=self._read,
                processed=self._processed,
                skipped=reasons_counted(self._skipped),
                unreadable=tuple(self._unreadable),
            ),
        )


_LINE_IDS = tuple(str(position) for position in range(1000))


def _line_id(position: int) -> str:
    # Most documents are short: their lines share these texts.
    return _LINE_IDS[position] if position < len(_LINE_IDS) else str(position)


def _text_lines(path: str) -> Iterator[str]:
    """
    Yield the decoded lines of text of a plain or gzipped file, without a byte order mark.
    """
    number = 0
    try:
        with Path(path).open("rb") as file, _uncompressed(file) as stream:
            for number, line in enumerate(stream, start=1):
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise InvalidFile(path, number, "", f"is not UTF-8: {error.reason}") from error
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidFile(path, number, "", f"cannot be read: {error}") from error


def _uncompressed(file: BinaryIO) -> BinaryIO | gzip.GzipFile:
    start = file.read(len(_GZIP_MAGIC))
    file.seek(0)
    return gzip.GzipFile(fileobj=file) if start == _GZIP_MAGIC else file


def _position(path: str, names: list[str], name: str) -> int:
    if name not in names:
        raise InvalidFile(path, 1, name, f"is missing; the header has {', '.join(names) or 'nothing'}")
    if names.count(name) > 1:
        raise InvalidFile(path, 1, name, "stands twice in the header")
    return names.index(name)
