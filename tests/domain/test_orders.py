"""
Orders as the host reports them.
"""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsledger import Money, Order, OrderLine, Tender
from pointsledger.domain.orders import CYCLES_MAX, LINES_MAX, NON_EARNING_TENDERS
from pointsledger.errors import CurrencyMismatch, InvalidIdentifier, InvalidInput, InvalidMoney
from tests.ledger.bad_inputs import (
    HOSTILE,
    NOT_CYCLES,
    NOT_FLAGS,
    NOT_IDENTIFIERS,
    NOT_INTEGERS,
)


def eur(amount):
    """
    Money in euros.
    """
    return Money(amount, "EUR")


def line(id="tea", price="2.50", quantity=2, **details):
    """
    Two units of tea for 5.00 in all.
    """
    return OrderLine(id, eur(price), quantity, **details)


def order(*lines, **details):
    """
    An order of these lines, or of one line of tea.
    """
    return Order("1001", "ada", lines or (line(),), **details)


NOT_MONEY = {
    **HOSTILE,
    "text": "1.00 EUR",
    "number": 1,
    "negative": eur("-0.01"),
    "too much": eur("1000000000001"),
}
NOT_PAYABLE = {**NOT_MONEY, "part of a cent": eur("0.001")}
SEVERAL = {"list", "dict", "set"}
"""Iterable and empty, so no bad value where several or none are taken."""


def test_a_line_is_named_after_its_product():
    """
    A line's id is its product where none is given; defaults are one unit, no discount, and earning (R-13).
    """
    plain = OrderLine("tea", eur("2.50"))
    assert ("tea", 1, None, True, frozenset()) == (
        plain.id,
        plain.quantity,
        plain.discount,
        plain.earns,
        plain.categories,
    )
    assert {"hot", "drinks"} == OrderLine("tea", eur("2.50"), categories=["hot", "drinks", "hot"]).categories


def test_a_line_multiplies_its_price_exactly():
    """
    A unit price may have six decimals and is multiplied out exactly; the discount is off the whole line (R-02, R-15).
    """
    assert OrderLine("screw", eur("0.012345"), 300, discount=eur("0.00")).net_micros + 202 == 370_370_2
    assert line(discount=eur("0.01")).net_micros == 4_990_000
    assert line(discount=eur("5.00")).net_micros == 0


@pytest.mark.parametrize("kind", ["card", "cash", *sorted(NON_EARNING_TENDERS)])
def test_tenders_earn_by_kind(kind):
    """
    Gift cards, store credit, points, write-offs and credit earn nothing unless the host says so (R-15).
    """
    tender = Tender(kind, eur("5.00"))
    assert (kind, True, kind in {"card", "cash"}) == (tender.id, tender.approved, tender.earns)
    assert Tender(kind, eur("5.00"), earns=True).earns
    assert not Tender(kind, eur("5.00"), earns=False).earns


def test_an_order_has_one_currency():
    """
    The currency of an order is that of its lines (R-02).
    """
    assert order().currency == "EUR"
    assert order().cycle == 1


@pytest.mark.parametrize(
    ("build", "field"),
    [
        (lambda usd: line(discount=usd), "discount"),
        (lambda usd: order(line(), OrderLine("cup", usd)), "lines[1].unit_price"),
        (lambda usd: order(tenders=[Tender("cash", eur("1")), Tender("card", usd)]), "tenders[1].amount"),
        (lambda usd: order(discount=usd), "discount"),
        (lambda usd: order(shipping=usd), "shipping"),
        (lambda usd: order(tax=usd), "tax"),
    ],
)
def test_currencies_never_mix(build, field):
    """
    Two currencies in one order are refused, and the error says where (R-02, I-28).
    """
    with pytest.raises(CurrencyMismatch) as refused:
        build(Money("1.00", "USD"))
    assert (field, "EUR", "USD") == (refused.value.field, refused.value.expected, refused.value.given)


@given(
    st.lists(st.tuples(st.integers(0, 10**8), st.integers(1, 9)), min_size=1, max_size=6),
    st.fractions(0, 1),
    st.data(),
)
def test_an_orders_discount_is_shared_exactly(lines, share, data):
    """
    What the lines cost after all discounts is exact, sums to the order, and is in proportion to kept units (R-15).
    """
    priced = [line(str(i), "0", quantity) for i, (_, quantity) in enumerate(lines)]
    priced = [
        OrderLine(part.product, Money.of_micros(price, "EUR"), part.quantity)
        for part, (price, _) in zip(priced, lines, strict=True)
    ]
    total = sum(price * quantity for price, quantity in lines)
    discount = Money.rounded_down(total * share, "EUR")
    sale = order(*priced, discount=discount)
    kept = {part.id: data.draw(st.integers(0, part.quantity)) for part in priced}
    all_kept = sale.nets({part.id: part.quantity for part in priced})
    assert total - discount.micros == sum(all_kept)
    for part, whole, rest in zip(priced, all_kept, sale.nets(kept), strict=True):
        assert Fraction(whole) * kept[part.id] == Fraction(rest) * part.quantity


@pytest.mark.parametrize(
    ("name", "bad", "refusal"),
    [
        ("product", NOT_IDENTIFIERS, InvalidIdentifier),
        ("id", {**NOT_IDENTIFIERS, "none": None}, InvalidIdentifier),
        ("unit_price", {**NOT_MONEY, "none": None}, InvalidMoney),
        ("quantity", {**NOT_INTEGERS, "0": 0, "-1": -1, "10^9+1": 10**9 + 1, "none": None}, InvalidInput),
        ("discount", NOT_PAYABLE, InvalidMoney),
        ("discount", {"more than the line": eur("5.01")}, InvalidInput),
        ("earns", NOT_FLAGS, InvalidInput),
        ("categories", {"text": "hot", "bytes": b"hot", "none": None, "int": 5, "lists": [["hot"]]}, InvalidInput),
        ("categories", {name: (value,) for name, value in NOT_IDENTIFIERS.items()},
         InvalidInput),
    ],
)  # fmt: skip
def test_lines_that_cannot_be_are_refused(subtests, name, bad, refusal):
    """
    Every field of a line refuses what it does not take, by name (R-01, R-02, R-05).
    """
    good = {"product": "tea", "unit_price": eur("2.50"), "quantity": 2}
    for case, value in bad.items():
        with subtests.test(case):
            with pytest.raises(refusal) as refused:
                OrderLine(**{**good, name: value})
            assert str(refused.value)


@pytest.mark.parametrize(
    ("name", "bad", "refusal"),
    [
        ("kind", NOT_IDENTIFIERS, InvalidIdentifier),
        ("id", {**NOT_IDENTIFIERS, "none": None}, InvalidIdentifier),
        ("amount", {**NOT_PAYABLE, "none": None}, InvalidMoney),
        ("approved", NOT_FLAGS, InvalidInput),
        ("earns", NOT_FLAGS, InvalidInput),
    ],
)
def test_tenders_that_cannot_be_are_refused(subtests, name, bad, refusal):
    """
    Every field of a tender refuses what it does not take, by name (R-02, R-05).
    """
    good = {"kind": "card", "amount": eur("2.50")}
    for case, value in bad.items():
        with subtests.test(case):
            with pytest.raises(refusal) as refused:
                Tender(**{**good, name: value})
            assert str(refused.value)


@pytest.mark.parametrize(
    ("name", "bad", "refusal"),
    [
        ("id", {**NOT_IDENTIFIERS, "none": None}, InvalidIdentifier),
        ("account", {**NOT_IDENTIFIERS, "none": None}, InvalidIdentifier),
        ("channel", NOT_IDENTIFIERS, InvalidIdentifier),
        ("customer_group", NOT_IDENTIFIERS, InvalidIdentifier),
        ("cycle", {**NOT_CYCLES, "1001": CYCLES_MAX + 1, "none": None}, InvalidInput),
        ("discount", NOT_PAYABLE, InvalidMoney),
        ("discount", {"more than the lines": eur("5.01")}, InvalidInput),
        ("shipping", NOT_PAYABLE, InvalidMoney),
        ("tax", NOT_PAYABLE, InvalidMoney),
        ("lines", {**HOSTILE, "text": "tea", "none": None, "a line": line(), "nones": [None]}, InvalidInput),
        ("lines", {"twice": [line(), line()], "tenders": [Tender("card", eur("1"))]}, InvalidInput),
        ("lines", {"10,001": [line(str(n)) for n in range(LINES_MAX + 1)]}, InvalidInput),
        ("tenders", {name: value for name, value in HOSTILE.items() if name not in SEVERAL}, InvalidInput),
        ("tenders", {"text": "card", "none": None, "lines": [line()], "twice": [Tender("card", eur("1"))] * 2},
         InvalidInput),
    ],
)  # fmt: skip
def test_orders_that_cannot_be_are_refused(subtests, name, bad, refusal):
    """
    Every field of an order refuses what it does not take, by name (R-01, R-02, R-05).
    """
    good = {"id": "1001", "account": "ada", "lines": [line()]}
    for case, value in bad.items():
        with subtests.test(case):
            with pytest.raises(refusal) as refused:
                Order(**{**good, name: value})
            assert str(refused.value)
            assert repr(refused.value)


def test_the_largest_order():
    """
    An order may have ten thousand lines and as many tenders (R-13).
    """
    sale = order(
        *(line(str(n)) for n in range(LINES_MAX)),
        tenders=[Tender("card", eur("5.00"), id=str(n)) for n in range(LINES_MAX)],
    )
    assert sum(sale.nets({part.id: 2 for part in sale.lines})) == 5_000_000 * LINES_MAX
