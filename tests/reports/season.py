"""
A season of the corner shop for the tests of what it owes: January to March 2025 in two channels and two currencies.
"""

from pointsledger import ExchangeRate, Ledger, Money, Order, OrderLine
from pointsledger.domain.commands import Command, Forgive, Hold, Process
from pointsledger.port import Storage
from tests.reports.corner_shop import at, cancels, corrects, earns, gives_back, midnight, shop, uses

PROGRAM = shop(exchange_rates=[ExchangeRate(10, Money("1.00", "EUR")), ExchangeRate(30, Money("3.50", "USD"))])
JANUARY, FEBRUARY, MARCH, APRIL, MAY = (midnight(f"2025-0{month}-01") for month in range(1, 6))


def eur(amount: str) -> Money:
    """
    Return euros.
    """
    return Money(amount, "EUR")


def usd(amount: str) -> Money:
    """
    Return dollars.
    """
    return Money(amount, "USD")


def buys_on(channel: str | None, account: str, order: str, day: str, euros: int, quantity: int = 1) -> Command:
    """
    Return the processing of an order on a channel, of units of a thing at whole euros.
    """
    lines = [OrderLine("thing", eur(f"{euros}.00"), quantity)]
    return Process(account=account, order=order, document=Order(order, account, lines, channel=channel), at=at(day))


SEASON = [
    buys_on("web", "ada", "o-1", "01-10", 50),  # ada 50, until 10 April
    buys_on("web", "bo", "o-1", "01-12", 33),  # bo 33
    uses("bo", "01-15", 20),  # bo 13
    earns("cy", "01-20", 12, channel="shop"),  # cy 12, until 20 April
    # In January 50 + 33 - 20 + 12 = 75.
    cancels("bo", "o-1", "02-01"),  # bo 0: 13 are taken, and 20 are owed
    buys_on("shop", "ada", "o-2", "02-10", 35, quantity=2),  # ada 50 and 70, until 10 May
    gives_back("ada", "o-2", "02-12"),  # ada 50 and 35
    uses("ada", "02-20", 40, order="o-3"),  # ada 10 and 35
    corrects("dee", "02-25", 100),  # dee 100, until 25 May
    corrects("dee", "02-26", -30),  # dee 70
    # In February 75 - 13 + 70 - 35 - 40 + 100 - 30 = 127.
    cancels("ada", "o-3", "03-05"),  # ada 50 and 35
    earns("bo", "03-10", 5, channel="web"),  # bo 0: 5 repay debt, 15 are owed
    Forgive(account="bo", points=5, actor="sam", reason="goodwill", key="f", at=at("03-12")),  # 10 are owed
    Hold(account="dee", points=20, order="o-9", until=at("04-20"), at=at("03-15")),  # dee 50, and 20 on hold
    uses("dee", "03-20", 30, currency="USD"),  # dee 20, and 20 on hold: 3.50 USD are paid
    # In March 127 + 40 + 5 - 5 - 30 = 137.
]
"""In April nothing happens: 50 of Ada's lapse on the 11th, 12 of Cy's on the 21st, and 137 - 62 = 75 are left."""


def run(storage: Storage) -> Ledger:
    """
    Let the season pass, and return its ledger.
    """
    ledger = Ledger(PROGRAM, storage)
    ledger.apply_all(SEASON)
    return ledger
