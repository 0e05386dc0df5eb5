r"""
The layout of a shop's order export: which column holds what, and how its texts are to be understood.

A layout is written as a small TOML file, the mapping file:

.. code-block:: toml

    # Of the times in the file that carry no offset of their own.
    timezone = "Europe/London"
    currency = "GBP"
    # Tried in turn; "iso", the default, is ISO 8601.
    date_formats = ["%d/%m/%Y %H:%M"]
    # The defaults are "," and ".".
    delimiter = ";"
    decimal_mark = ","
    # Cut off the customer's number.
    customer_suffix = ".0"
    # The documents that are orders, and the products that are goods; the default is all.
    orders = '\d{6}'
    goods = '\d{5}[A-Z]*'

    # Each defaults to a column of its own name; `group` to none.
    [columns]
    order = "InvoiceNo"
    product = "StockCode"

    # Without this table no document cancels anything; the default column is the order's.
    [cancellations]
    column = "Type"
    pattern = 'refund|return'
    # How the file writes cancelled quantities; the default is "negative".
    quantity = "positive"

Every pattern is a regular expression that must match the whole text of a cell.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, cast
from zoneinfo import ZoneInfo

from attrs import evolve, fields_dict, frozen

from ..errors import InvalidFile

Sign: TypeAlias = Literal["negative", "positive"]


@frozen(kw_only=True)
class Columns:
    """
    The name, in the file's header, of the column that holds each field of an order line.
    """

    order: str = "order"
    product: str = "product"
    quantity: str = "quantity"
    ordered_at: str = "ordered_at"
    unit_price: str = "unit_price"
    customer: str = "customer"
    group: str | None = None


@frozen(kw_only=True)
class CancellationMark:
    """
    How a document that takes lines back is told from an order: the cell in `column` matches `pattern`.

    `column` None stands for the column of the order.
    `quantity` is the sign of the cancelled quantities in the file.
    """

    pattern: re.Pattern[str]
    column: str | None = None
    quantity: Sign = "negative"


@frozen(kw_only=True)
class Layout:
    """
    How one shop writes its orders; see the module for the meaning of each field.

    `Layout.from_mapping` checks what it is given; the constructor takes checked values.
    """

    timezone: str
    currency: str
    columns: Columns = Columns()
    date_formats: tuple[str, ...] = ("iso",)
    delimiter: str = ","
    decimal_mark: str = "."
    customer_suffix: str = ""
    orders: re.Pattern[str] | None = None
    goods: re.Pattern[str] | None = None
    cancellations: CancellationMark | None = None

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any], *, path: str) -> Layout:
        """
        Return the layout that a plain mapping describes; `path` names its origin in errors.

        Raises:
            InvalidFile: a field is missing, unknown or wrong; its `column` is the path of the field, such as
                ``columns.order``, and its `line` 0.
        """
        table = _Table(path, "", mapping)
        layout = cls(
            timezone=table.timezone("timezone"),
            currency=table.choice("currency", r"[A-Z]{3}", "a currency code such as 'GBP'"),
            columns=_columns(table.table("columns")),
            date_formats=table.texts("date_formats", ("iso",)),
            delimiter=table.choice("delimiter", r"[^\w\s\"']|\t", "one separating character", ","),
            decimal_mark=table.choice("decimal_mark", r"[.,]", "'.' or ','", "."),
            customer_suffix=table.text("customer_suffix", ""),
            orders=table.pattern("orders"),
            goods=table.pattern("goods"),
            cancellations=_mark(table.table("cancellations")) if "cancellations" in mapping else None,
        )
        table.refuse_unknown("cancellations")
        return layout

    def with_columns(self, text: str) -> Layout:
        """
        Return this layout with other columns, given as ``order=InvoiceNo,quantity=Quantity``.

        Raises:
            InvalidFile: a part is not ``field=column``, or names no field; `path` is ``--columns``.
        """
        named = {}
        for part in text.split(","):
            field, _, column = (side.strip() for side in part.partition("="))
            if field not in fields_dict(Columns) or not column:
                known = ", ".join(fields_dict(Columns))
                raise InvalidFile("--columns", 0, field, f"expected FIELD=COLUMN, with FIELD one of {known}")
            named[field] = column
        return evolve(self, columns=evolve(self.columns, **named))


def _columns(table: _Table) -> Columns:
    named = {field: table.text(field) for field in fields_dict(Columns) if field in table.mapping}
    table.refuse_unknown(*fields_dict(Columns))
    return Columns(**named)


def _mark(table: _Table) -> CancellationMark:
    pattern = table.pattern("pattern")
    if pattern is None:
        raise table.wrong("pattern", "is missing")
    sign = table.choice("quantity", "negative|positive", "'negative' or 'positive'", "negative")
    column = table.text("column") if "column" in table.mapping else None
    table.refuse_unknown("column")
    return CancellationMark(pattern=pattern, column=column, quantity="negative" if sign == "negative" else "positive")


class _Table:
    """
    One table of the mapping file, which hands out checked fields and remembers which were asked for.
    """

    def __init__(self, path: str, name: str, mapping: Mapping[str, Any]) -> None:
        self.path = path
        self.name = name
        self.mapping = mapping
        self.asked: set[str] = set()

    def wrong(self, field: str, reason: str) -> InvalidFile:
        return InvalidFile(self.path, 0, f"{self.name}{field}", reason)

    def text(self, field: str, default: str | None = None) -> str:
        """
        Return the text of a field; without a default it must be there, and not be empty.
        """
        self.asked.add(field)
        value = self.mapping.get(field, default)
        if value is None:
            raise self.wrong(field, "is missing")
        if type(value) is not str or (not value and default is None):
            raise self.wrong(field, f"must be a text, not {value!r}")
        return value

    def choice(self, field: str, pattern: str, meaning: str, default: str | None = None) -> str:
        value = self.text(field, default)
        if not re.fullmatch(pattern, value):
            raise self.wrong(field, f"must be {meaning}, not {value!r}")
        return value

    def timezone(self, field: str) -> str:
        name = self.text(field)
        try:
            ZoneInfo(name)
        except (LookupError, ValueError, OSError) as error:
            raise self.wrong(field, f"must be the name of an IANA time zone, not {name!r}") from error
        return name

    def pattern(self, field: str) -> re.Pattern[str] | None:
        self.asked.add(field)
        if field not in self.mapping:
            return None
        try:
            return re.compile(self.text(field))
        except re.error as error:
            raise self.wrong(field, f"is no regular expression: {error}") from error

    def texts(self, field: str, default: tuple[str, ...]) -> tuple[str, ...]:
        self.asked.add(field)
        values: Any = self.mapping.get(field, list(default))
        listed = cast("list[object]", values) if isinstance(values, list) else []
        texts = [value for value in listed if isinstance(value, str) and value]
        if not texts or texts != values:
            raise self.wrong(field, f"must be a list of texts, not {values!r}")
        return tuple(texts)

    def table(self, field: str) -> _Table:
        self.asked.add(field)
        value: Any = self.mapping.get(field, {})
        if not isinstance(value, dict):
            raise self.wrong(field, f"must be a table, not {value!r}")
        return _Table(self.path, f"{self.name}{field}.", cast("dict[str, Any]", value))

    def refuse_unknown(self, *others: str) -> None:
        """
        Refuse fields that are neither asked for nor one of `others`.
        """
        known = self.asked.union(others)
        for field in self.mapping:
            if field not in known:
                raise self.wrong(field, f"is unknown; known are {', '.join(sorted(known))}")
