"""
Order files: from dirty lines to documents, with every line accounted for.

The figures of the sample are worked out by hand in data/README.md.
"""

import csv
import gzip
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsledger.cli.order_cells import quantities
from pointsledger.cli.order_file import (
    UNREADABLE_LINES_SHOWN,
    DocumentLine,
    LineCount,
    OrderDocument,
    SkipReason,
    UnreadableLine,
    UnreferencedCancellation,
    read_order_file,
)
from pointsledger.cli.order_layout import CancellationMark, Columns, Layout
from pointsledger.errors import InvalidFile
from tests.cli.layouts import read_layout

SAMPLE = Path(__file__).parent / "data/dirty_orders.csv"
ONLINE_RETAIL = read_layout(str(Path(__file__).parents[2] / "examples/online-retail/mapping.toml"))
HEADER = "order,product,quantity,ordered_at,unit_price,customer"
LONDON = Layout(
    timezone="Europe/London",
    currency="GBP",
    orders=re.compile(r"\d+"),
    goods=re.compile(r"\d+"),
    cancellations=CancellationMark(pattern=re.compile(r"C\d+")),
)


@pytest.fixture
def read(tmp_path):
    """
    Read lines of text as an order file.
    """

    def read_lines(*lines, layout=LONDON, header=HEADER):
        file = tmp_path / "orders.csv"
        file.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
        return read_order_file(str(file), layout)

    return read_lines


@pytest.fixture
def refused(tmp_path):
    """
    Read bytes as an order file that is refused, and return its line, its column and the reason.
    """

    def read_bytes(content, layout=LONDON):
        file = tmp_path / "orders.csv"
        file.write_bytes(content)
        with pytest.raises(InvalidFile) as refusal:
            read_order_file(str(file), layout)
        assert str(file) == refusal.value.path
        return refusal.value.line, refusal.value.column, refusal.value.reason

    return read_bytes


# --- the dirty sample ---------------------------------------------------------------------------------------


def test_documents_of_the_sample():
    """
    Documents come in time order, whatever stands between their lines; only lines to be processed are in them.
    """
    documents = read_order_file(str(SAMPLE), ONLINE_RETAIL).documents

    assert [(document.id, document.customer, len(document.lines)) for document in documents] == [
        ("100001", "501", 3),
        ("C100012", "502", 1),
        ("100003", "502", 2),
        ("100006", "501", 2),
        ("C100009", "501", 2),
        ("C100010", "501", 2),
        ("C100014", "503", 1),
        ("100016", "503", 1),
        ("100017", "505", 1),
    ]


def test_an_order_of_the_sample():
    """
    An order begins with its earliest line and keeps its lines as in the file, a repeated article included.
    """
    assert (
        OrderDocument(
            id="100001",
            customer="501",
            occurred_at=datetime(2011, 3, 1, 8, 59, tzinfo=UTC),
            lines=(
                DocumentLine(id="1", product="20001", unit_price=Decimal("4.5"), quantity=2),
                DocumentLine(id="2", product="20001", unit_price=Decimal("4.25"), quantity=1),
                DocumentLine(id="3", product="20002A", unit_price=Decimal("0.85"), quantity=3),
            ),
            group="United Kingdom",
        )
        == read_order_file(str(SAMPLE), ONLINE_RETAIL).documents[0]
    )


def test_a_cancellation_of_the_sample():
    """
    A cancellation has positive quantities, and its time too is turned from London's to UTC.
    """
    assert (
        UnreferencedCancellation(
            id="C100009",
            customer="501",
            occurred_at=datetime(2011, 4, 2, 9, tzinfo=UTC),
            lines=(
                DocumentLine(id="1", product="20001", unit_price=Decimal("4.5"), quantity=3),
                DocumentLine(id="2", product="20001", unit_price=Decimal("4.5"), quantity=6),
            ),
        )
        == read_order_file(str(SAMPLE), ONLINE_RETAIL).documents[4]
    )


def test_lines_of_the_sample():
    """
    Every line read is processed or skipped for one named reason.
    """
    assert (
        LineCount(
            read=32,
            processed=15,
            skipped={
                SkipReason.UNREADABLE: 3,
                SkipReason.NO_CUSTOMER: 5,
                SkipReason.NOT_AN_ORDER: 1,
                SkipReason.NOT_GOODS: 4,
                SkipReason.PRICE_NOT_POSITIVE: 2,
                SkipReason.QUANTITY_NOT_POSITIVE: 2,
            },
            unreadable=(
                UnreadableLine(line=27, column="Quantity", reason="'three' is no whole number of at most nine digits"),
                UnreadableLine(
                    line=28,
                    column="UnitPrice",
                    reason="'4.5o' is no price below 10^12 with at most six decimals",
                ),
                UnreadableLine(line=29, column="", reason="has 2 cells where the header has 8"),
            ),
        )
        == read_order_file(str(SAMPLE), ONLINE_RETAIL).lines
    )


def test_gzip_and_byte_order_mark(tmp_path):
    """
    A gzipped file, with a byte order mark and the line ends of Windows, reads as the plain one does.
    """
    file = tmp_path / "orders"
    text = SAMPLE.read_text(encoding="utf-8").replace("\n", "\r\n")
    file.write_bytes(gzip.compress(text.encode("utf-8-sig")))

    assert read_order_file(str(SAMPLE), ONLINE_RETAIL) == read_order_file(str(file), ONLINE_RETAIL)


# --- reasons to skip a line ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("A1,x,-1,never,0,", "unreadable"),
        ("A1,x,-1,2024-05-01,0,", "no_customer"),
        ("A1,x,-1,2024-05-01,0,bob", "not_an_order"),
        ("1,x,-1,2024-05-01,0,bob", "not_goods"),
        ("1,7,-1,2024-05-01,0,bob", "price_not_positive"),
        ("1,7,-1,2024-05-01,2,bob", "quantity_not_positive"),
        ("1,7,1,2024-05-01,2,bob", "customer_differs"),
        ("C1,x,-1,2024-05-01,0,", "no_customer"),
        ("C1,x,1,2024-05-01,0,bob", "not_goods"),
        ("C1,7,1,2024-05-01,-0.01,bob", "price_not_positive"),
        ("C1,7,1,2024-05-01,2,bob", "quantity_not_positive"),
        ("C1,7,0,2024-05-01,2,bob", "quantity_not_positive"),
        ("C1,7,-1,2024-05-01,2,bob", "customer_differs"),
    ],
)
def test_precedence_of_reasons(read, line, reason):
    """
    Where several reasons apply, the one that stands first in `SkipReason` counts.
    """
    lines = read("1,7,1,2024-05-01,2,ann", "C1,7,-1,2024-05-01,2,ann", line).lines

    assert (3, 2, {reason: 1}) == (lines.read, lines.processed, lines.skipped)


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("", ""),
        ("1,7,1,2024-05-01,2", ""),
        ("1,7,1,2024-05-01,2,ann,more", ""),
        (",7,1,2024-05-01,2,ann", "order"),
        ("1, ,1,2024-05-01,2,ann", "product"),
        ("1,7\u202e,1,2024-05-01,2,ann", "product"),
        (f"1,7,1,2024-05-01,2,{'é' * 128}", "customer"),
        ("1,7,,2024-05-01,2,ann", "quantity"),
        ("1,7,1.5,2024-05-01,2,ann", "quantity"),
        ("1,7,1e3,2024-05-01,2,ann", "quantity"),
        ("1,7,1_0,2024-05-01,2,ann", "quantity"),
        ("1,7,٣,2024-05-01,2,ann", "quantity"),
        ("1,7,1234567890,2024-05-01,2,ann", "quantity"),
        ("1,7,1,,2,ann", "ordered_at"),
        ("1,7,1,2024-02-30,2,ann", "ordered_at"),
        ("1,7,1,1900-12-31,2,ann", "ordered_at"),
        ("1,7,1,9000-01-01,2,ann", "ordered_at"),
        ("1,7,1,2024-05-01,,ann", "unit_price"),
        ("1,7,1,2024-05-01,NaN,ann", "unit_price"),
        ("1,7,1,2024-05-01,inf,ann", "unit_price"),
        ("1,7,1,2024-05-01,£2,ann", "unit_price"),
        ("1,7,1,2024-05-01,1E2,ann", "unit_price"),
        ("1,7,1,2024-05-01,0.0000001,ann", "unit_price"),
        ("1,7,1,2024-05-01,1000000000000,ann", "unit_price"),
    ],
)
def test_unreadable_line(read, line, column):
    """
    A cell that is missing, or nothing the ledger takes, makes its line unreadable; line and column are told.
    """
    lines = read("1,7,1,2024-05-01,2,ann", line).lines

    assert (lines.read, lines.processed, lines.skipped) == (2, 1, {"unreadable": 1})
    assert [(3, column)] == [(found.line, found.column) for found in lines.unreadable]


def test_first_unreadable_lines(read):
    """
    All unreadable lines are counted and the first few are shown, with long cells cut.
    """
    lines = read(*[f"1,7,{'x' * 1000},2024-05-01,2,ann"] * 30).lines

    assert lines.skipped == {"unreadable": 30}
    assert len(lines.unreadable) == UNREADABLE_LINES_SHOWN
    assert all(len(found.reason) < 100 for found in lines.unreadable)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["1", "2", "A3", "C4", "C5", ""]),
            st.sampled_from(["7", "8", "POST"]),
            st.sampled_from(["3", "-2", "0", "two"]),
            st.sampled_from(["2024-05-01", "2024-05-02 10:00", "soon"]),
            st.sampled_from(["2.50", "0", "-1"]),
            st.sampled_from(["ann", "bob", ""]),
        )
    )
)
def test_every_line_is_accounted_for(tmp_path_factory, rows):
    """
    Lines read are the lines in documents and the lines skipped, whatever the file holds.
    """
    path = tmp_path_factory.getbasetemp() / "accounted.csv"
    with path.open("w", encoding="utf-8", newline="") as text:
        csv.writer(text).writerows([HEADER.split(","), *rows])

    file = read_order_file(str(path), LONDON)

    assert len(rows) == file.lines.read == file.lines.processed + sum(file.lines.skipped.values())
    assert file.lines.processed == sum(len(document.lines) for document in file.documents)


# --- how cells are understood -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2024-07-01 12:00", datetime(2024, 7, 1, 11, tzinfo=UTC)),
        ("2024-10-27 01:30", datetime(2024, 10, 27, 0, 30, tzinfo=UTC)),
        ("2024-03-31 01:30", datetime(2024, 3, 31, 1, 30, tzinfo=UTC)),
        ("2024-07-01T12:00:00+05:30", datetime(2024, 7, 1, 6, 30, tzinfo=UTC)),
        ("2024-07-01", datetime(2024, 6, 30, 23, tzinfo=UTC)),
    ],
)
def test_times(read, text, instant):
    """
    Local times are the zone's: the first of a repeated hour, a skipped hour by the old clock; an offset wins
    (R-04).
    """
    (document,) = read(f"1,7,1,{text},2,ann").documents

    assert instant == document.occurred_at


def test_date_formats_in_turn(read):
    """
    The first date format that fits counts.
    """
    layout = Layout(timezone="UTC", currency="GBP", date_formats=("%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M"))

    documents = read("1,7,1,05/04/2024 10:00,2,ann", "2,7,1,04/25/2024 10:00,2,ann", layout=layout).documents

    assert [datetime(2024, 4, 5, 10, tzinfo=UTC), datetime(2024, 4, 25, 10, tzinfo=UTC)] == [
        document.occurred_at for document in documents
    ]


def test_decimal_comma(read):
    """
    With a decimal comma a point is no part of a number.
    """
    layout = Layout(timezone="UTC", currency="EUR", delimiter=";", decimal_mark=",")

    file = read(
        "1;7;2,0;2024-05-01;2,55;ann",
        "1;7;1;2024-05-01;2.55;ann",
        layout=layout,
        header=HEADER.replace(",", ";"),
    )

    assert [(Decimal("2.55"), 2)] == [(line.unit_price, line.quantity) for line in file.documents[0].lines]
    assert file.lines.skipped == {"unreadable": 1}


@pytest.mark.parametrize(("text", "quantity"), [("6", 6), ("+6", 6), ("-6", -6), ("6.0", 6), ("007", 7)])
def test_quantities(text, quantity):
    """
    A whole number may carry a sign, leading zeros, and the decimals of a spreadsheet.
    """
    assert quantity == quantities(".")(text)


def test_column_of_the_type(read):
    """
    A column of its own can tell cancellations from orders; order and cancellation may then share a number.
    """
    mark = CancellationMark(pattern=re.compile("refund"), column="type", quantity="positive")
    layout = Layout(timezone="UTC", currency="GBP", cancellations=mark, columns=Columns(group="club"))

    documents = read(
        "1,7,2,2024-05-01,2,ann,sale,",
        "1,7,1,2024-05-02,2,ann,refund,gold",
        header=f"{HEADER},type,club",
        layout=layout,
    ).documents

    assert [("1", OrderDocument, 2), ("1", UnreferencedCancellation, 1)] == [
        (document.id, type(document), document.lines[0].quantity) for document in documents
    ]
    assert isinstance(documents[0], OrderDocument)
    assert documents[0].group is None


def test_no_mark_of_cancellations(read):
    """
    Without a mark of cancellations every document is an order, and negative quantities are skipped.
    """
    file = read("C1,7,-1,2024-05-01,2,ann", layout=Layout(timezone="UTC", currency="GBP"))

    assert (file.documents, file.lines.skipped) == ((), {"quantity_not_positive": 1})


def test_documents_of_one_instant(read):
    """
    Documents of one instant stand as in the file; the earliest line of a document gives its instant.
    """
    documents = read(
        "3,7,1,2024-05-01 10:00,2,ann",
        "1,7,1,2024-05-01 10:01,2,ann",
        "2,7,1,2024-05-01 09:59,2,ann",
        "1,7,1,2024-05-01 10:00,2,ann",
    ).documents

    assert [document.id for document in documents] == ["2", "3", "1"]


def test_long_order(read):
    """
    The ids of the lines of one order are their positions, however many there are.
    """
    (document,) = read(*["1,7,1,2024-05-01,2,ann"] * 1200).documents

    assert [str(position) for position in range(1, 1201)] == [line.id for line in document.lines]


def test_header_alone(read):
    """
    A file without lines has no documents.
    """
    file = read()

    assert ((), LineCount(read=0, processed=0, skipped={})) == (file.documents, file.lines)


# --- files that are refused ---------------------------------------------------------------------------------

LINE = b"1,7,1,2024-05-01,2,ann\n"


@pytest.mark.parametrize(
    ("content", "line", "column", "reason"),
    [
        (b"", 1, "order", "is missing; the header has nothing"),
        (b"order,product\n", 1, "quantity", "is missing; the header has order, product"),
        (b"order,order,product,quantity,ordered_at,unit_price,customer\n", 1, "order", "stands twice"),
        (HEADER.encode() + b"\n" + LINE + b"2,\xa3,1,2024-05-01,2,ann\n", 3, "", "is not UTF-8"),
        (HEADER.encode() + b"\n" + LINE + b'2,"7,1,2024-05-01,2,ann\n' + LINE, 4, "", "is broken CSV"),
        (HEADER.encode() + b"\n" + b'2,"7"x,1,2024-05-01,2,ann\n' + LINE, 2, "", "is broken CSV"),
        (gzip.compress(HEADER.encode() + b"\n" + LINE * 1000)[:-9], 1001, "", "cannot be read"),
        (b"\x1f\x8bno gzip at all", 0, "", "cannot be read"),
    ],
)
def test_refused_file(refused, content, line, column, reason):
    """
    A file that lacks a column, is cut off, or has doubtful lines is refused with line, column and reason.
    """
    found_line, found_column, found_reason = refused(content)

    assert (line, column) == (found_line, found_column)
    assert reason in found_reason


def test_damaged_gzip(refused):
    """
    A gzipped file with damaged bytes is refused.
    """
    content = bytearray(gzip.compress(HEADER.encode() + b"\n" + LINE))
    content[10:20] = b"\xff" * 10

    assert "cannot be read" in refused(bytes(content))[2]


def test_file_that_is_not_there(tmp_path):
    """
    A file that cannot be opened is refused with what the system says.
    """
    with pytest.raises(InvalidFile, match="No such file"):
        read_order_file(str(tmp_path / "orders.csv"), LONDON)
