"""
Mapping files: how a shop says what its export looks like.
"""

import re
from pathlib import Path

import pytest

from pointsledger.cli.order_layout import CancellationMark, Columns, Layout
from pointsledger.errors import InvalidFile
from tests.cli.layouts import read_layout

LEAST = {"timezone": "Europe/London", "currency": "GBP"}


def test_least_mapping():
    """
    A mapping needs a time zone and a currency; every other field has a default.
    """
    assert Layout(timezone="Europe/London", currency="GBP") == Layout.from_mapping(LEAST, path="m.toml")


def test_every_field_of_a_mapping_file(tmp_path):
    """
    A mapping file may name every field of a layout.
    """
    file = tmp_path / "mapping.toml"
    file.write_text(
        """
        timezone = "Europe/Berlin"
        currency = "EUR"
        date_formats = ["%d.%m.%Y", "iso"]
        delimiter = ";"
        decimal_mark = ","
        customer_suffix = ".0"
        orders = 'R\\d+'
        goods = '\\d+'
        [columns]
        order = "Beleg"
        group = "Gruppe"
        [cancellations]
        column = "Art"
        pattern = 'Storno'
        quantity = "positive"
        """
    )

    assert read_layout(str(file)) == Layout(
        timezone="Europe/Berlin",
        currency="EUR",
        columns=Columns(order="Beleg", group="Gruppe"),
        date_formats=("%d.%m.%Y", "iso"),
        delimiter=";",
        decimal_mark=",",
        customer_suffix=".0",
        orders=re.compile(r"R\d+"),
        goods=re.compile(r"\d+"),
        cancellations=CancellationMark(pattern=re.compile("Storno"), column="Art", quantity="positive"),
    )


def test_example_mapping():
    """
    The example's codes of goods have five digits and at most two letters; postage and adjustments are none.
    """
    example = Path(__file__).parents[2] / "examples/online-retail/mapping.toml"
    goods = read_layout(str(example)).goods

    assert goods is not None
    assert [
        code
        for code in ["85123A", "POST", "15056BL", "M", "71053", "BANK CHARGES", "gift_0001_20", "DCGS0003"]
        if goods.fullmatch(code)
    ] == ["85123A", "15056BL", "71053"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"timezone": None}, "timezone"),
        ({"timezone": ""}, "timezone"),
        ({"timezone": "Europe/Atlantis"}, "timezone"),
        ({"timezone": "../etc/passwd"}, "timezone"),
        ({"timezone": 1}, "timezone"),
        ({"currency": None}, "currency"),
        ({"currency": "gbp"}, "currency"),
        ({"date_formats": "iso"}, "date_formats"),
        ({"date_formats": []}, "date_formats"),
        ({"date_formats": [""]}, "date_formats"),
        ({"date_formats": ["iso", 1]}, "date_formats"),
        ({"delimiter": ""}, "delimiter"),
        ({"delimiter": ",,"}, "delimiter"),
        ({"delimiter": '"'}, "delimiter"),
        ({"delimiter": "\n"}, "delimiter"),
        ({"decimal_mark": "'"}, "decimal_mark"),
        ({"customer_suffix": 0}, "customer_suffix"),
        ({"orders": ""}, "orders"),
        ({"goods": "("}, "goods"),
        ({"good": r"\d"}, "good"),
        ({"columns": "order"}, "columns"),
        ({"columns": {"order": ""}}, "columns.order"),
        ({"columns": {"product": 3}}, "columns.product"),
        ({"columns": {"article": "StockCode"}}, "columns.article"),
        ({"cancellations": "C"}, "cancellations"),
        ({"cancellations": {}}, "cancellations.pattern"),
        ({"cancellations": {"pattern": "C", "quantity": "both"}}, "cancellations.quantity"),
        ({"cancellations": {"pattern": "C", "column": ""}}, "cancellations.column"),
        ({"cancellations": {"pattern": "C", "prefix": "C"}}, "cancellations.prefix"),
    ],
)
def test_wrong_field(wrong, field):
    """
    A field that is missing, unknown or wrong is refused by its path.
    """
    mapping = {name: value for name, value in (LEAST | wrong).items() if value is not None}

    with pytest.raises(InvalidFile) as refused:
        Layout.from_mapping(mapping, path="m.toml")

    assert ("m.toml", 0, field) == (refused.value.path, refused.value.line, refused.value.column)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b'timezone = "Europe/London"\ncurrency = GBP\n', 2),
        (b'currency = "GBP', 0),
        (b'currency = "\xff"', 0),
    ],
)
def test_mapping_file_that_is_no_toml(tmp_path, content, line):
    """
    A mapping file that is no TOML is refused with the line, where there is one.
    """
    file = tmp_path / "mapping.toml"
    file.write_bytes(content)

    with pytest.raises(InvalidFile) as refused:
        read_layout(str(file))

    assert (str(file), line) == (refused.value.path, refused.value.line)


def test_mapping_file_that_is_not_there(tmp_path):
    """
    A mapping file that cannot be opened is refused with what the system says.
    """
    with pytest.raises(InvalidFile, match="No such file"):
        read_layout(str(tmp_path / "mapping.toml"))


def test_columns_of_the_command_line():
    """
    Columns named on the command line replace those of the mapping; the others stay.
    """
    layout = Layout.from_mapping({**LEAST, "columns": {"customer": "CustomerID"}}, path="m.toml")

    assert Columns(order="Invoice No", quantity="a=b", customer="CustomerID") == (
        layout.with_columns("order = Invoice No, quantity=a=b").columns
    )


@pytest.mark.parametrize(
    ("text", "field"), [("ordr=InvoiceNo", "ordr"), ("order", "order"), ("order=", "order"), ("", "")]
)
def test_wrong_columns_of_the_command_line(text, field):
    """
    A part of ``--columns`` that is not FIELD=COLUMN, or names no field, is refused.
    """
    with pytest.raises(InvalidFile) as refused:
        Layout.from_mapping(LEAST, path="m.toml").with_columns(text)

    assert ("--columns", field) == (refused.value.path, refused.value.column)
