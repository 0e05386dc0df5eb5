"""
Money: an exact decimal amount with its currency (R-02).
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import total_ordering
from typing import Any

from attrs import frozen

from ..errors import CurrencyMismatch, InvalidMoney
from .points import Exact

DECIMALS_MAX = 6
MICROS = 10**DECIMALS_MAX
AMOUNT_MAX = 10**12
"""The most that a price, payment, rate or limit may be; sums and values of points may be more."""

# ISO 4217: every active currency has 2 decimals but these; metals, funds and test codes are no money.
_TWO_DECIMALS = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY "
    "COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS "
    "INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR "
    "MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP "
    "STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG"
)
CURRENCY_DECIMALS = {
    **dict.fromkeys(_TWO_DECIMALS.split(), 2),
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
}

_DECIMAL_TEXT = re.compile(r"(-?)([0-9]{1,31})(?:\.([0-9]{1,6}))?", re.ASCII)


@total_ordering
@frozen(order=False, init=False, repr=False)
class Money:
    """
    An exact amount of one currency, with at most six decimals.

    ``Money("24.90", "GBP")`` equals ``Money(Decimal("24.9"), "GBP")``.
    Amounts that change hands have no more decimals than their currency; unit prices may have up to six.
    An amount may be negative where it is a difference; a field that takes none says so.

    Args:
        amount: a `Decimal`, or decimal text such as ``"19.99"``; no float, int, thousands separator or exponent.
        currency: an ISO 4217 code in capitals.

    Raises:
        InvalidMoney: an unknown currency, or any other amount (NaN, infinity and negative zero included).
    """

    micros: int
    """The amount in millionths of the currency's unit, exactly."""
    currency: str

    def __init__(self, amount: Decimal | str, currency: str) -> None:
        check_currency(currency, "currency")
        if type(amount) is str:
            micros = _micros_of_text(amount)
        elif type(amount) is Decimal:
            micros = _micros_of_decimal(amount)
        else:
            raise InvalidMoney("amount", amount, "must be a Decimal or decimal text such as '19.99'")
        object.__setattr__(self, "micros", micros)
        object.__setattr__(self, "currency", currency)

    @classmethod
    def of_micros(cls, micros: int, currency: str) -> Money:
        """
        Return the money of `micros` millionths of the currency's unit.
        """
        money = cls.__new__(cls)
        object.__setattr__(money, "micros", micros)
        object.__setattr__(money, "currency", currency)
        return money

    @classmethod
    def rounded_down(cls, micros: Exact, currency: str) -> Money:
        """
        Return the money of at most `micros` (0 or more) in whole units of what the currency can pay (R-22).
        """
        unit = micros_per_unit(currency)
        return cls.of_micros(int(micros // unit) * unit, currency)

    @classmethod
    def parse(cls, text: str) -> Money:
        """
        Return the money that ``"24.90 GBP"`` names; the inverse of `str`.
        """
        if type(text) is not str:
            raise InvalidMoney("money", text, "must be text such as '24.90 GBP'")
        amount, _, currency = text.partition(" ")
        return cls(amount, currency)

    @property
    def amount(self) -> Decimal:
        """
        The amount with the currency's decimals, or more where it has more.
        """
        return Decimal(str(self).partition(" ")[0])

    def __add__(self, other: Money) -> Money:
        return Money.of_micros(self.micros + self._same(other).micros, self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money.of_micros(self.micros - self._same(other).micros, self.currency)

    def __mul__(self, count: int) -> Money:
        if type(count) is not int:
            raise InvalidMoney("count", count, "money is multiplied by an int only")
        return Money.of_micros(self.micros * count, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.micros < self._same(other).micros

    def __str__(self) -> str:
        decimals = CURRENCY_DECIMALS[self.currency]
        while self.micros % 10 ** (DECIMALS_MAX - decimals):
            decimals += 1
        return f"{_text(self.micros, decimals)} {self.currency}"

    def __repr__(self) -> str:
        return f"Money({str(self).partition(' ')[0]!r}, {self.currency!r})"

    def _same(self, other: Money) -> Money:
        if type(other) is not Money:
            raise InvalidMoney("money", other, "money is added to and compared with Money only")
        if other.currency != self.currency:
            raise CurrencyMismatch("currency", self.currency, other.currency)
        return other


def check_currency(value: Any, field: str) -> str:
    """
    Return `value` if it is the ISO 4217 code of a currency that is money, in capitals; else raise `InvalidMoney`.
    """
    if type(value) is not str or value not in CURRENCY_DECIMALS:
        raise InvalidMoney(field, value, "must be an ISO 4217 code such as 'EUR'")
    return value


def check_money(value: Any, field: str, *, least: int = 0, payable: bool = True) -> Money:
    """
    Return `value` if it is `Money` of at least `least` micros and, where `payable`, of whole currency units (R-02).

    Raises:
        InvalidMoney: another type, too little, too much, or more decimals than the currency has, in this order.
    """
    if type(value) is not Money:
        raise InvalidMoney(field, value, "must be Money")
    if value.micros < least:
        raise InvalidMoney(field, value, "must be above 0" if least else "must not be negative")
    if value.micros > AMOUNT_MAX * MICROS:
        raise InvalidMoney(field, value, f"must be at most {AMOUNT_MAX}")
    if payable and value.micros % micros_per_unit(value.currency):
        raise InvalidMoney(field, value, f"{value.currency} has {CURRENCY_DECIMALS[value.currency]} decimals")
    return value


def micros_per_unit(currency: str) -> int:
    """
    Return how many micros the smallest amount of a currency has that can change hands.
    """
    return int(10 ** (DECIMALS_MAX - CURRENCY_DECIMALS[currency]))


def _text(micros: int, decimals: int) -> str:
    whole, rest = divmod(abs(micros), MICROS)
    point = f".{rest:06d}"[: decimals + 1] if decimals else ""
    return f"{'-' if micros < 0 else ''}{whole}{point}"


def _micros_of_text(amount: str) -> int:
    found = _DECIMAL_TEXT.fullmatch(amount)
    if found is None:
        raise InvalidMoney("amount", amount, "must be decimal text such as '19.99', with at most 6 decimals")
    sign, whole, decimals = found.groups("")
    return _signed(int(whole + decimals.ljust(DECIMALS_MAX, "0")), int(bool(sign)), amount)


def _micros_of_decimal(amount: Decimal) -> int:
    """
    Read the digits themselves, so that no decimal context of the host takes part.
    """
    if not amount.is_finite():
        raise InvalidMoney("amount", amount, "must be finite")
    sign, digits, exponent = amount.as_tuple()
    if abs(amount.adjusted()) > 30 or len(digits) > 60:
        raise InvalidMoney("amount", amount, "must be of ordinary size")
    shift = int(exponent) + DECIMALS_MAX
    count = int("".join(map(str, digits))) * int(10 ** max(shift, 0))
    count, lost = divmod(count, int(10 ** max(-shift, 0)))
    if lost:
        raise InvalidMoney("amount", amount, "must have at most 6 decimals")
    return _signed(count, int(bool(sign)), amount)


def _signed(count: int, sign: int, amount: Decimal | str) -> int:
    if sign and count == 0:
        raise InvalidMoney("amount", amount, "must not be negative zero")
    return -count if sign else count
