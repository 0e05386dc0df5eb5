"""
Cancellations: which orders and lines they take back.

The figures of the sample are worked out by hand in data/README.md.
"""

import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsledger.cli.cancellations import (
    CancellationDocument,
    match_cancellations,
    read_order_history,
)
from pointsledger.cli.order_file import (
    DocumentLine,
    LineCount,
    OrderDocument,
    OrderFile,
    SkipReason,
    UnreferencedCancellation,
)
from tests.cli.layouts import read_layout

HERE = Path(__file__).parent
SAMPLE = HERE / "data/dirty_orders.csv"
ONLINE_RETAIL = read_layout(str(HERE.parents[1] / "examples/online-retail/mapping.toml"))
WHOLE_FILE = "POINTSLEDGER_ONLINE_RETAIL"
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def document(kind, identity, *articles, customer="ann", minute=0):
    """
    Build a document of (product, quantity) pairs.
    """
    lines = tuple(
        DocumentLine(id=str(position), product=product, unit_price=Decimal(2), quantity=quantity)
        for position, (product, quantity) in enumerate(articles, start=1)
    )
    return kind(id=identity, customer=customer, occurred_at=NOON + timedelta(minutes=minute), lines=lines)


def order(identity, *articles, **rest):
    """
    Build an order.
    """
    return document(OrderDocument, identity, *articles, **rest)


def cancelled(identity, *articles, **rest):
    """
    Build a cancellation that names no order.
    """
    return document(UnreferencedCancellation, identity, *articles, **rest)


def history(*documents):
    """
    Match the cancellations among documents that are in time order.
    """
    lines = sum(len(document.lines) for document in documents)
    return match_cancellations(OrderFile(documents=documents, lines=LineCount(read=lines, processed=lines, skipped={})))


def takes(found):
    """
    Return what each matched cancellation takes back, by its id.
    """
    return {document.id: document.takes for document in found.documents if isinstance(document, CancellationDocument)}


# --- the dirty sample ---------------------------------------------------------------------------------------


def test_cancellations_of_the_sample():
    """
    Cancelled lines are taken back from the latest earlier orders, last line first.
    """
    assert takes(read_order_history(str(SAMPLE), ONLINE_RETAIL)) == {
        "C100009": (("100006", (("2", 2), ("1", 6))), ("100001", (("2", 1),))),
        "C100010": (("100001", (("3", 3),)),),
    }


def test_lines_of_the_sample():
    """
    What finds no order is counted: three lines, two whole documents, 17 units; the other lines are processed.
    """
    found = read_order_history(str(SAMPLE), ONLINE_RETAIL)

    assert (
        found.lines.read,
        found.lines.processed,
        found.lines.skipped[SkipReason.CANCELLATION_UNMATCHED],
    ) == (32, 12, 3)
    assert found.lines.read == found.lines.processed + sum(found.lines.skipped.values())
    assert (found.cancellations_unmatched, found.units_unmatched) == (2, 17)
    assert len(found.lines.unreadable) == 3


def figures_of(path):
    """
    Return the text that the independent check prints, from the documents.
    """
    found = read_order_history(str(path), ONLINE_RETAIL)
    orders = [document for document in found.documents if isinstance(document, OrderDocument)]
    points = sum(int(sum(line.unit_price * line.quantity for line in order.lines)) for order in orders)
    customers = {order.customer for order in orders}
    return f"invoices {len(orders)}, customers {len(customers)}, points {points}"


def independent_figures_of(path):
    """
    Return the text that the independent check prints, from the file.
    """
    command = [sys.executable, str(HERE / "independent_check.py"), str(path)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_independent_check_of_the_sample():
    """
    Plain csv and Decimal count the same invoices, customers and points.
    """
    assert "invoices 5, customers 4, points 59" == independent_figures_of(SAMPLE) == figures_of(SAMPLE)


@pytest.mark.online_retail
@pytest.mark.skipif(WHOLE_FILE not in os.environ, reason=f"{WHOLE_FILE} names no file")
def test_independent_check_of_the_whole_file():
    """
    Plain csv and Decimal count the same invoices, customers and points in a whole year of a shop.
    """
    path = os.environ[WHOLE_FILE]

    assert independent_figures_of(path) == figures_of(path)


# --- which order is taken back ------------------------------------------------------------------------------


def test_latest_order_first():
    """
    The latest earlier order that still keeps the article is taken back first.
    """
    found = history(
        order("1", ("tea", 2), minute=0),
        order("2", ("tea", 2), ("cup", 1), minute=1),
        order("3", ("cup", 1), minute=2),
        cancelled("C1", ("tea", 1), minute=3),
        cancelled("C2", ("tea", 2), minute=4),
        order("4", ("tea", 5), minute=5),
    )

    assert takes(found) == {"C1": (("2", (("1", 1),)),), "C2": (("2", (("1", 1),)), ("1", (("1", 1),)))}
    assert (found.units_unmatched, found.cancellations_unmatched, found.lines.skipped) == (0, 0, {})


def test_last_line_first():
    """
    Within one order the last line of the article is taken back first, and each line stands once.
    """
    found = history(order("1", ("tea", 2), ("cup", 1), ("tea", 3)), cancelled("C1", ("tea", 2), ("tea", 2)))

    assert takes(found) == {"C1": (("1", (("3", 3), ("1", 1))),)}


def test_other_customers_keep_theirs():
    """
    A customer's cancellation never reaches another customer's order.
    """
    found = history(order("1", ("tea", 2), customer="bob"), cancelled("C1", ("tea", 1)))

    assert (takes(found), found.units_unmatched, found.cancellations_unmatched) == ({}, 1, 1)
    assert (found.lines.processed, found.lines.skipped) == (1, {"cancellation_unmatched": 1})


def test_later_orders_are_out_of_reach():
    """
    A cancellation finds only orders that stand before it.
    """
    found = history(cancelled("C1", ("tea", 1), minute=0), order("1", ("tea", 1), minute=1))

    assert (takes(found), found.units_unmatched) == ({}, 1)


def test_line_that_finds_a_part():
    """
    A line that finds a part of its units is processed; the missing units are counted.
    """
    found = history(order("1", ("tea", 2)), cancelled("C1", ("tea", 5)))

    assert takes(found) == {"C1": (("1", (("1", 2),)),)}
    assert (found.units_unmatched, found.lines.processed, found.lines.skipped) == (3, 2, {})


ARTICLES = st.lists(st.tuples(st.sampled_from(["tea", "cup"]), st.integers(1, 4)), min_size=1, max_size=4)
DOCUMENTS = st.lists(st.tuples(st.booleans(), st.sampled_from(["ann", "bob"]), ARTICLES), min_size=1, max_size=12)


@given(DOCUMENTS)
def test_nothing_is_taken_twice(drawn):
    """
    No line gives back more than it holds, and every cancelled unit is taken back or counted as unmatched.
    """
    documents = [
        (order if is_order else cancelled)(str(number), *articles, customer=customer, minute=number)
        for number, (is_order, customer, articles) in enumerate(drawn)
    ]
    found = history(*documents)

    taken = Counter()
    for cancellation in found.documents:
        if isinstance(cancellation, CancellationDocument):
            for order_id, lines in cancellation.takes:
                taken.update({(order_id, line_id): units for line_id, units in lines})
    held = {(order.id, line.id): line.quantity for order in documents for line in order.lines}
    units = sum(quantity for is_order, _, articles in drawn if not is_order for _, quantity in articles)

    assert all(quantity <= held[line] for line, quantity in taken.items())
    assert units == taken.total() + found.units_unmatched
    assert found.lines.read == found.lines.processed + sum(found.lines.skipped.values())
    assert len(documents) == len(found.documents) + found.cancellations_unmatched


@given(DOCUMENTS)
def test_appending_changes_no_match(drawn):
    """
    What a longer file says of its beginning is what the beginning alone says.
    """
    documents = [
        (order if is_order else cancelled)(str(number), *articles, customer=customer, minute=number)
        for number, (is_order, customer, articles) in enumerate(drawn)
    ]
    beginning = history(*documents[:-1]).documents

    assert beginning == history(*documents).documents[: len(beginning)]
