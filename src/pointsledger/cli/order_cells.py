"""
The cells of an order file: texts read as identifiers, customers, quantities, prices and instants.

A reader takes the stripped text of a cell and raises `ValueError` with what the text is not.
It takes no more than the ledger does (R-02, R-04, R-05), so that a line once read is not refused later.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import TypeVar
from zoneinfo import ZoneInfo

_PRICE = re.compile(r"[+-]?[0-9]{1,12}(\.[0-9]{1,6})?")
_QUANTITY = re.compile(r"([+-]?[0-9]{1,9})(\.0+)?")
_SHOWN_MAX = 40

T = TypeVar("T")


class UnreadableCell(Exception):
    """
    A cell, or (with an empty `column`) a whole line, that is not what it should be.
    """

    def __init__(self, column: str, reason: str) -> None:
        self.column = column
        self.reason = reason


def remembered(column: str, read: Callable[[str], T]) -> Callable[[str], T]:
    """
    Return a reader of raw cells that names its column in errors, and remembers every text that it has read.

    A year of orders has few prices, articles and minutes; equal texts then share one object in memory.
    """

    @cache
    def read_cell(text: str) -> T:
        try:
            return read(text.strip())
        except (ValueError, OverflowError) as error:
            shown = text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}..."
            raise UnreadableCell(column, f"{shown!r} {error}") from error

    return read_cell


def matching(pattern: re.Pattern[str] | None) -> Callable[[str], bool]:
    """
    Return whether a text matches the whole pattern; without one every text does.
    """

    @cache
    def matches(text: str) -> bool:
        return pattern is None or pattern.fullmatch(text) is not None

    return matches


def identifier(text: str) -> str:
    """
    Return the text if the ledger takes it as an identifier (R-05); what no screen shows is not taken.
    """
    if not text:
        raise ValueError("is empty")
    if not text.isprintable() or len(text.encode()) > 255:
        raise ValueError("is no identifier of at most 255 printable bytes")
    return text


def customers(suffix: str) -> Callable[[str], str]:
    """
    Return the reader of customers, without the suffix; a guest is the empty text.
    """

    def customer(text: str) -> str:
        known = text.removesuffix(suffix)
        return known and identifier(known)

    return customer


def quantities(decimal_mark: str) -> Callable[[str], int]:
    """
    Return the reader of whole units, of at most nine digits; spreadsheets write 6 as 6.0.
    """

    def quantity(text: str) -> int:
        match = _QUANTITY.fullmatch(_with_point(text, decimal_mark))
        if match is None:
            raise ValueError("is no whole number of at most nine digits")
        return int(match[1])

    return quantity


def prices(decimal_mark: str) -> Callable[[str], Decimal]:
    """
    Return the reader of prices below 10^12, with at most six decimals (R-02).
    """

    def price(text: str) -> Decimal:
        number = _with_point(text, decimal_mark)
        if _PRICE.fullmatch(number) is None:
            raise ValueError("is no price below 10^12 with at most six decimals")
        return Decimal(number)

    return price


def instants(timezone: str, formats: tuple[str, ...]) -> Callable[[str], datetime]:
    """
    Return the reader of times, which gives UTC (R-04); the first format that fits counts.

    A time without an offset is local time of the zone.
    In the hour that autumn repeats it is the first of the two.
    In the hour that spring skips it is read by the clock that nobody has put forward yet.
    """
    zone = ZoneInfo(timezone)

    def instant(text: str) -> datetime:
        time = _time(text, formats)
        if not 1900 < time.year < 9000:
            raise ValueError("is not in the years 1901 to 8999")
        return (time if time.tzinfo else time.replace(tzinfo=zone)).astimezone(UTC)

    return instant


def _with_point(text: str, decimal_mark: str) -> str:
    if decimal_mark == ".":
        return text
    # A point is no part of a number then: 1.234 must not be read as 1,234.
    return text.replace(".", "?").replace(decimal_mark, ".")


def _time(text: str, formats: tuple[str, ...]) -> datetime:
    for form in formats:
        try:
            if form == "iso":
                return datetime.fromisoformat(text)
            return datetime.strptime(text, form)  # noqa: DTZ007 - the layout's zone is added by the caller
        except ValueError:
            continue
    raise ValueError(f"is no time like {' or '.join(formats)}")
