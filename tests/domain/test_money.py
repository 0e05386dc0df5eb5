"""
Money: exact amounts of one currency, whatever the host does to its decimals.
"""

import decimal
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from iso4217 import Currency

from pointsledger import Money
from pointsledger.domain.money import AMOUNT_MAX, CURRENCY_DECIMALS, check_money
from pointsledger.errors import CurrencyMismatch, InvalidMoney
from tests.ledger.bad_inputs import NOT_AMOUNTS, NOT_CURRENCIES

micros = st.integers(-(10**30), 10**30)


def eur(amount):
    """
    Money in euros.
    """
    return Money(amount, "EUR")


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("24.90", Decimal("24.9")),
        ("24.90", "24.900000"),
        ("0", Decimal("0E-28")),
        ("0", "0.00"),
        ("-0.01", Decimal("-0.01")),
        ("1000", Decimal("1E+3")),
        ("1.005", Decimal("1.005")),
        ("0.000001", Decimal("1E-6")),
        ("007.50", "7.5"),
    ],
)
def test_amounts_are_the_numbers_they_name(text, same):
    """
    Trailing zeros, leading zeros and exponents do not change an amount (R-02).
    """
    assert eur(text) == eur(same)
    assert hash(eur(text)) == hash(eur(same))


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        ("24.9", "GBP", "24.90 GBP"),
        ("24.9055", "GBP", "24.9055 GBP"),
        ("-0.5", "USD", "-0.50 USD"),
        ("500", "JPY", "500 JPY"),
        ("0.5", "JPY", "0.5 JPY"),
        ("1.2345", "KWD", "1.2345 KWD"),
        ("1", "KWD", "1.000 KWD"),
        ("2", "CLF", "2.0000 CLF"),
        ("9999999999999999999999999999.99", "EUR", "9999999999999999999999999999.99 EUR"),
    ],
)
def test_text_shows_the_decimals_of_the_currency(amount, currency, shown):
    """
    Text has the decimals of the currency or more, names the currency, and reads back as the same money (R-02, I-28).
    """
    money = Money(amount, currency)
    assert shown == str(money)
    assert Decimal(shown.split()[0]).as_tuple() == money.amount.as_tuple()
    assert money == Money.parse(shown)
    assert money == eval(repr(money))


@given(micros, st.sampled_from(sorted(CURRENCY_DECIMALS)))
def test_money_survives_text_and_decimal(count, currency):
    """
    Every amount reads back from its text and from its `Decimal`, exactly (R-02).
    """
    money = Money.of_micros(count, currency)
    assert Fraction(count, 10**6) == Fraction(money.amount)
    assert money == Money.parse(str(money)) == Money(money.amount, currency)


def test_other_amounts_are_refused(subtests):
    """
    What is not a finite decimal of at most six decimals is refused by name and never converted (R-02).
    """
    for name, value in NOT_AMOUNTS.items():
        with subtests.test(name):
            with pytest.raises(InvalidMoney) as refused:
                eur(value)
            assert refused.value.field == "amount"
            assert str(refused.value).startswith("amount: ")


def test_other_currencies_are_refused(subtests):
    """
    Only capital ISO 4217 codes of money name a currency (R-02).
    """
    for name, value in {**NOT_CURRENCIES, "none": None}.items():
        with subtests.test(name):
            with pytest.raises(InvalidMoney) as refused:
                Money("1.00", value)
            assert refused.value.field == "currency"


def test_currencies_have_the_decimals_of_iso_4217():
    """
    The table holds the active currencies of ISO 4217 that are money, with the decimals that the standard gives (R-02).
    """
    active = {currency.code: currency.exponent for currency in Currency if currency.exponent is not None}
    assert active == {code: CURRENCY_DECIMALS.get(code) for code in active}
    assert {"BTC", "XXX", "XAU", "XTS"}.isdisjoint(CURRENCY_DECIMALS)
    # What the standard's list has dropped since may stay: shops have old orders in it.
    assert all(decimals in {0, 2, 3, 4} for decimals in CURRENCY_DECIMALS.values())


@given(micros, micros, st.integers(-1000, 1000))
def test_sums_are_exact(a, b, count):
    """
    Sums, differences and multiples are those of the exact numbers, however large (R-02).
    """
    first, second = Money.of_micros(a, "EUR"), Money.of_micros(b, "EUR")
    assert Fraction(a + b, 10**6) == Fraction((first + second).amount)
    assert Fraction(a - b, 10**6) == Fraction((first - second).amount)
    assert Fraction(a * count, 10**6) == Fraction((first * count).amount)
    assert (a < b, a <= b, a > b, a >= b, a == b) == (
        first < second,
        first <= second,
        first > second,
        first >= second,
        first == second,
    )


def test_a_cent_is_not_lost_on_a_large_amount():
    """
    A cent added to an amount of thirty digits is still there, where the default decimal context drops it (R-02).
    """
    assert eur("10000000000000000000000000000.00") == eur("9999999999999999999999999999.99") + eur("0.01")


@pytest.mark.parametrize(
    "combine",
    [
        lambda a, b: a + b,
        lambda a, b: a - b,
        lambda a, b: a < b,
        lambda a, b: a <= b,
        lambda a, b: a > b,
        lambda a, b: a >= b,
    ],
)
def test_currencies_never_meet(combine):
    """
    Two currencies are neither added nor compared (R-02).
    """
    with pytest.raises(CurrencyMismatch) as refused:
        combine(eur("1"), Money("1", "USD"))
    assert (refused.value.expected, refused.value.given) == ("EUR", "USD")
    assert "USD where EUR is expected" in str(refused.value)
    for other in (1, 1.0, Decimal(1), None, "1 EUR"):
        with pytest.raises(InvalidMoney):
            combine(eur("1"), other)


def test_equality_tells_currencies_and_types_apart():
    """
    One euro is neither one dollar nor the number one (R-02).
    """
    assert eur("1") != Money("1", "USD")
    assert eur("1") != 1


@pytest.mark.parametrize("count", [1.0, True, Decimal(1), "2", None, Fraction(1, 2)])
def test_multiples_are_whole(count):
    """
    Money is multiplied by whole numbers only (R-02, R-03).
    """
    with pytest.raises(InvalidMoney):
        eur("1") * count


@pytest.mark.parametrize("text", ["24.90", "GBP", "24.90 gbp", "24.90  GBP", "24.90 GBP ", "", " ", None, 5, b"1 GBP"])
def test_other_text_is_not_parsed(text):
    """
    Text of money is an amount, one space and a currency (R-02).
    """
    with pytest.raises(InvalidMoney):
        Money.parse(text)


@pytest.mark.parametrize(
    ("micros", "currency", "paid"),
    [
        (1_999_999, "JPY", "1"),
        (1_999_999, "USD", "1.99"),
        (1_999_999, "KWD", "1.999"),
        (1_999_999, "CLF", "1.9999"),
        (Fraction(10_000_000, 3), "USD", "3.33"),
        (0, "USD", "0"),
    ],
)
def test_money_is_rounded_down_to_what_the_currency_can_pay(micros, currency, paid):
    """
    An exact amount is rounded down to the unit of its currency (R-22, I-28).
    """
    assert Money(paid, currency) == Money.rounded_down(micros, currency)


def test_money_checks_name_the_field(subtests):
    """
    A field takes money that is not negative, not above 10^12 and of whole currency units, unless it says so (R-02).
    """
    assert eur("0") == check_money(eur("0"), "tax")
    assert eur("1.005") == check_money(eur("1.005"), "unit_price", payable=False)
    assert eur(str(AMOUNT_MAX)) == check_money(eur(str(AMOUNT_MAX)), "tax")
    refusals = {
        "not money": (Decimal(1), {}),
        "text": ("1.00 EUR", {}),
        "none": (None, {}),
        "negative": (eur("-0.01"), {}),
        "nothing where something is due": (eur("0"), {"least": 1}),
        "too much": (eur("1000000000000.01"), {}),
        "part of a cent": (eur("1.005"), {}),
        "part of a yen": (Money("0.5", "JPY"), {}),
        "part of a fils": (Money("1.2345", "KWD"), {}),
    }
    for name, (value, terms) in refusals.items():
        with subtests.test(name):
            with pytest.raises(InvalidMoney) as refused:
                check_money(value, "tax", **terms)
            assert refused.value.field == "tax"


def test_the_host_may_set_its_decimals_as_it_likes():
    """
    A decimal context of three digits that traps every signal changes no result (R-02).
    """
    with decimal.localcontext(decimal.Context(prec=3, traps=list(decimal.Context().flags))):
        price = eur(Decimal("1234567.891234"))
        assert str(price) == "1234567.891234 EUR"
        assert str((price * 2).amount) == "2469135.782468"
        assert eur("1234567.89") == Money.rounded_down(price.micros, "EUR")
        assert eur("0.000001") < price
        with pytest.raises(InvalidMoney):
            eur(Decimal("sNaN"))
        with pytest.raises(InvalidMoney):
            eur(Decimal("1E-28"))
