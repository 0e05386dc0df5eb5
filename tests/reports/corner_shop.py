"""
A corner shop for the tests of reports: its program, its days of 2025, and a few words for its commands.
"""

from datetime import UTC, datetime
from typing import Any

from pointsledger import EarnRule, ExchangeRate, ExpiryPolicy, Ledger, Money, Order, OrderLine, Program, Unit
from pointsledger.domain.commands import Adjust, Cancel, Command, Earn, Process, Redeem, ReturnLines
from pointsledger.port import Storage
from pointsledger.reports.statement import Statement, statement


def at(month_and_day: str) -> datetime:
    """
    Return noon, UTC, of a day of 2025.
    """
    return datetime.fromisoformat(f"2025-{month_and_day}T12:00:00+00:00")


def midnight(day: str) -> datetime:
    """
    Return the first instant of a day in UTC, which is the shop's zone.
    """
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def shop(**changes: Any) -> Program:
    """
    Return the program: 1 point per whole 1.00 EUR, 10 points are worth 1.00 EUR, and 3 months to use them.
    """
    terms: dict[str, Any] = {
        "id": "corner",
        "earn_rules": [EarnRule.per_amount(1, per=Money("1.00", "EUR"))],
        "exchange_rates": [ExchangeRate(10, Money("1.00", "EUR"))],
        "expiry": ExpiryPolicy.after(months=3),
        "returns": "automatic",
    }
    return Program(**terms | changes)


def buys(account: str, order: str, day: str, euros: int, quantity: int = 1) -> Command:
    """
    Return the processing of an order of one line: units of a thing at whole euros.
    """
    line = OrderLine("thing", Money(f"{euros}.00", "EUR"), quantity)
    return Process(account=account, order=order, document=Order(order, account, [line]), at=at(day))


def gives_back(account: str, order: str, day: str, quantity: int = 1) -> Command:
    """
    Return units of an order coming back.
    """
    return ReturnLines(account=account, order=order, id=f"{order}-R", lines={"thing": quantity}, at=at(day))


def cancels(account: str, order: str, day: str) -> Command:
    """
    Return the cancelling of an order.
    """
    return Cancel(account=account, order=order, at=at(day))


def uses(account: str, day: str, points: int, **details: Any) -> Command:
    """
    Return a redemption.
    """
    return Redeem(account=account, points=points, at=at(day), key=f"{account}-uses-{day}", **details)


def earns(account: str, day: str, points: int, **details: Any) -> Command:
    """
    Return points that the shop counted itself.
    """
    return Earn(account=account, points=points, at=at(day), key=f"{account}-earns-{day}", **details)


def corrects(account: str, day: str, points: int, **details: Any) -> Command:
    """
    Return a correction by hand.
    """
    who = {"actor": "sam", "reason": "goodwill", "key": f"{account}-corrects-{day}"}
    return Adjust(account=account, points=points, at=at(day), **who | details)


STARS = shop(unit=Unit(singular="star", plural="stars"))
"""The shop that calls its points stars."""


def spring(storage: Storage, program: Program = STARS) -> Statement:
    """
    Let Ada earn 120 for an order and 40 by count, use 30, have 10 on hold and get 1 by hand, and return her statement
    from 15 January to the end of February.
    """
    ledger = Ledger(program, storage)
    ledger.apply_all([buys("ada", "o-1", "01-10", 120), uses("ada", "01-20", 30), earns("ada", "02-10", 40)])
    ledger.hold("ada", 10, order="o-2", until=at("12-01"), at=at("02-20"), channel="web")
    ledger.apply(corrects("ada", "02-21", 1, comment="sorry\nfor that"))
    return statement(storage, program, "ada", since=midnight("2025-01-15"), until=midnight("2025-03-01"))
