"""
Statements as HTML pages (S1.5 to S1.10, S1.16, S3.3, S3.4, R-43).
"""

# ruff: noqa: D102 - the methods are those of HTMLParser

import re
import sys
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from attrs import evolve

from pointsledger import ExpiryPolicy, Ledger, Money, PendingPolicy, Program, Unit
from pointsledger.errors import MissingExtra
from pointsledger.port import Storage
from pointsledger.reports.statement import statement
from pointsledger.reports.statement_html import statement_html
from tests.reports.corner_shop import STARS, at, corrects, earns, midnight, shop, spring

YEAR = {"since": midnight("2025-01-01"), "until": midnight("2026-01-01")}
VOID = frozenset({"meta", "link", "br", "img"})


class Page(HTMLParser):
    """
    What a page is made of: its tags, their attributes, its text as it is and word by word, and the cells of its tables
    by row.
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.source = page
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.text = ""
        self.words = ""
        self.rows: list[list[str]] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in {"td", "th"}:
            self.rows[-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        self.words = " ".join(f"{self.words} {data}".split())
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] = " ".join(f"{self.rows[-1][-1]} {data}".split())

    def values(self, name: str) -> list[str | None]:
        """
        Return the values of an attribute, in order.
        """
        return [value for known, value in self.attributes if known == name]


def test_page(storage: Storage) -> None:
    """
    A page has the figures, the lines with money, rate, reason, channel, actor, comment, balance and days left, and
    what is left (R-10, R-11, S1.5 to S1.10, S1.16, S3.3).
    """
    page = Page(statement_html(spring(storage), STARS))
    assert page.rows == [
        ["No", "Date", "What", "Stars", "Balance", "Rate", "Can be used"],
        ["", "2025-01-15", "opening", "", "120 12.00 EUR", "", ""],
        ["2", "2025-01-20 12:00", "redeemed", "-30 -3.00 EUR", "90 9.00 EUR", "10 stars 1.00 EUR", ""],
        [
            *("3", "2025-02-10 12:00", "earned", "+40 4.00 EUR", "130 13.00 EUR", "10 stars 1.00 EUR"),
            "until 2025-05-10 71 days left",
        ],
        [
            *("4", "2025-02-20 12:00", "held order o-2 channel web", "-10 -1.00 EUR", "120 12.00 EUR"),
            *("10 stars 1.00 EUR", ""),
        ],
        [
            *("5", "2025-02-21 12:00", "adjusted goodwill by sam sorry for that", "+1 0.00 EUR", "121 12.00 EUR"),
            *("10 stars 1.00 EUR", "until 2025-05-21 82 days left"),
        ],
        ["", "2025-02-28", "closing", "", "121", "", ""],
        ["No", "Came", "Stars", "Can be used", "Days left"],
        ["1", "2025-01-10", "80 of 120", "until 2025-04-10", "41"],
        ["3", "2025-02-10", "40", "until 2025-05-10", "71"],
        ["5", "2025-02-21", "1", "until 2025-05-21", "82"],
    ]
    assert "Account ada, from 2025-01-15 until 2025-02-28" in page.text
    assert "available 121 12.00 EUR on hold 10 accrued to date 161 used to date 30 lapsed to date 0" in page.words
    assert "80 stars can be used until 2025-04-10: 41 days left." in page.words
    assert "sorry\nfor that" in page.text


def test_page_stands_alone(storage: Storage) -> None:
    """
    A page says its language, title and encoding, is put together well, and fetches and runs nothing.
    """
    page = Page(statement_html(spring(storage), STARS))
    assert page.source.startswith("<!DOCTYPE html>\n")
    assert page.values("lang") == ["en"]
    assert page.values("charset") == ["utf-8"]
    assert page.tags.count("title") == 3  # the page's and those of the pictures
    assert page.tags.count("h1") == page.tags.count("main") == 1
    assert page.tags.count("svg") == page.tags.count("figcaption") == 2
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert all((target or "").startswith("#") for name in ("src", "href", "xlink:href") for target in page.values(name))
    assert not re.search(r"url\((?!#)|@import", page.source)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert set(page.values("aria-labelledby")) <= set(ids)
    assert len(page.values("scope")) == 7 + 5 + 2  # each column, the opening and the closing


def test_headings_go_down_by_one(storage: Storage) -> None:
    """
    Headings are a tree, so that they can be read as a table of contents.
    """
    levels = [int(tag[1]) for tag in Page(statement_html(spring(storage), STARS)).tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


@pytest.mark.parametrize(
    "evil", ['<script>alert("x")</script>&', "</svg></figure>{{ 7*7 }}", "'\"><img src=x onerror=y>"]
)
def test_hostile_names(storage: Storage, evil: str) -> None:
    """
    What holders, operators and merchants write is text and never markup, in pictures too (R-05, R-43).
    """
    program = shop(id=evil, unit=Unit(singular=evil, plural=evil), expiry=ExpiryPolicy.after(months=1))
    ledger = Ledger(program, storage)
    ledger.adjust(evil, 5, actor=evil, reason=evil, comment=evil, channel=evil, at=at("01-01"))
    page = Page(statement_html(statement(storage, program, evil, until=midnight("2025-01-10")), program))
    assert not {"script", "img"} & set(page.tags)
    assert page.tags.count("svg") == 2
    # title, heading, account; what, channel, actor, comment; the unit in headers and pictures; the program
    assert page.text.count(evil) >= 10


def test_the_unit_stands_everywhere(storage: Storage) -> None:
    """
    No page says points where the merchant says otherwise: one in the singular, many in the plural (S3.4, R-43).
    """
    program = Program(id="air", unit=Unit(singular="AirMile", plural="AirMiles"), expiry=STARS.expiry)
    Ledger(program, storage).apply(earns("ada", "01-01", 1))
    page = Page(statement_html(statement(storage, program, "ada", until=midnight("2025-02-01")), program))
    assert "point" not in page.text
    assert "Statement of AirMiles" in page.text
    assert "1 AirMile can be used until 2025-04-01: 60 days left." in page.text  # 28 of February, 31, 1


def test_money_points_and_debt_have_separators(storage: Storage) -> None:
    """
    Money and points have separators, and a debt stands beside the points that were taken (R-33, S1.6).
    """
    ledger = Ledger(STARS, storage)
    ledger.apply_all([earns("ada", "01-01", 50_000), earns("ada", "01-02", 10), corrects("ada", "01-03", -12_340)])
    ledger.apply(corrects("ada", "04-01", -40_000, allow_debt=True))
    found = statement(storage, STARS, "ada", until=midnight("2025-04-03"))
    assert found.closing.value == Money("0.00", "EUR")
    page = Page(statement_html(found, STARS))
    assert [row[3:5] + row[6:] for row in page.rows[2:6]] == [
        ["+50,000 5,000.00 EUR", "50,000 5,000.00 EUR", ""],
        ["+10 1.00 EUR", "50,010 5,001.00 EUR", ""],
        ["-12,340 -1,234.00 EUR", "37,670 3,767.00 EUR", ""],
        ["-37,670 -3,767.00 EUR debt +2,330", "0 0.00 EUR", ""],
    ]
    assert "owed 2,330" in page.words
    assert "There are no stars left." in page.text


def test_what_lapsed_is_told_before_a_sweep_and_after(storage: Storage) -> None:
    """
    A line says how many points of its batch have lapsed; what no sweep has written down is marked (S1.10, I-32).
    """
    ledger = Ledger(STARS, storage)
    ledger.apply_all([earns("bo", "01-01", 50), earns("bo", "01-09", 10)])
    lazy = Page(statement_html(statement(storage, STARS, "bo", until=midnight("2025-04-09")), STARS))
    assert lazy.rows[2][6] == "50 lapsed"
    assert lazy.rows[3][6] == "until 2025-04-09 1 day left"
    assert lazy.rows[4][:5] == ["*", "2025-04-02 00:00", "expired", "-50 -5.00 EUR", "10 1.00 EUR"]
    assert "* Time has done this; it is not written down yet." in lazy.text
    over = Page(statement_html(statement(storage, STARS, "bo", until=midnight("2025-04-10")), STARS))
    assert "10 stars can be used until 2025-04-09." in over.text  # the period ends with their last day
    ledger.expire_due(at=midnight("2025-05-01"))
    swept = Page(statement_html(statement(storage, STARS, "bo", until=midnight("2025-04-09")), STARS))
    assert swept.rows[4][:5] == ["3", "2025-04-02 00:00", "expired", "-50 -5.00 EUR", "10 1.00 EUR"]
    assert "not written down yet" not in swept.text


def test_page_of_what_never_lapses_or_waits(storage: Storage) -> None:
    """
    Where nothing lapses no picture says when; what waits says from when it can be used (R-20).
    """
    program = shop(expiry=ExpiryPolicy.never(), pending=PendingPolicy.after(days=14))
    Ledger(program, storage).apply(earns("ada", "01-01", 5))
    page = Page(statement_html(statement(storage, program, "ada", until=midnight("2025-01-10")), program))
    assert page.tags.count("svg") == 1
    assert "No points are going to lapse." in page.text
    assert page.rows[-1] == ["1", "2025-01-01", "5", "from 2025-01-15 for ever", ""]
    assert "cannot be used yet 5" in page.words


def test_page_of_nothing(storage: Storage) -> None:
    """
    An account without entries has a page that says so, and a program that is off shows nothing (R-43).
    """
    nobody = Page(statement_html(statement(storage, STARS, "nobody", **YEAR), STARS))
    assert "There were no stars." in nobody.text
    assert "There are no stars left." in nobody.text
    off = evolve(STARS, active=False)
    page = Page(statement_html(statement(storage, off, "nobody", **YEAR), off))
    assert "svg" not in page.tags
    assert "Program 'corner' is switched off; it shows nothing." in page.text


def test_without_jinja2(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Without its package a page is refused by naming the extra that brings it (R-47).
    """
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingExtra) as missing:
        statement_html(spring(storage), STARS)
    assert (missing.value.extra, missing.value.package) == ("html", "jinja2")
    assert "pip install 'pointsledger[html]'" in str(missing.value)
