"""
A club's program, a story that uses every kind of command, and its books as plain values that can be compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import evolve

from ..domain import commands
from ..domain.account import Account
from ..domain.decisions import Decision, decide
from ..domain.entries import Entry
from ..domain.expiry import ExpiryPolicy, PendingPolicy
from ..domain.lots import Lot
from ..domain.money import Money
from ..domain.orders import Order, OrderLine, Tender
from ..domain.program import Program
from ..domain.rates import ExchangeRate
from ..domain.reads import EntriesAfter, LotsNamed, OpenHolds, OpenLots, Reading, read_entries, read_lots
from ..domain.rules import EarnRule
from ..port import Job, Storage

ANN = "ann"
BY_HAND: dict[str, Any] = {"actor": "eve", "reason": "correction"}
START = datetime(2024, 1, 1, 12, tzinfo=UTC)

CLUB = Program(
    id="club",
    earn_rules=[
        EarnRule.per_amount(1, per=Money("1.00", "GBP")),
        EarnRule.per_action(7, action="visit", pending=PendingPolicy.until_event()),
    ],
    exchange_rates=[ExchangeRate(points=1, money=Money("0.01", "GBP"))],
    expiry=ExpiryPolicy.after(months=12),
    pending=PendingPolicy.after(days=14),
    approval_above=10_000,
)
"""1 point per pound, usable after 14 days, for 12 months; 7 for a visit; more than 10,000 by hand need two actors."""


def day(number: int) -> datetime:
    """
    Return noon of a day, counted from the first of January 2024 as 0.
    """
    return START + timedelta(days=number)


def order(id: str, account: str = ANN, **details: Any) -> Order:
    """
    Return an order of two bags of beans for 24.90 each and a mug for 10.20: 60 points.
    """
    lines = (OrderLine("beans", Money("24.90", "GBP"), quantity=2), OrderLine("mug", Money("10.20", "GBP")))
    return Order(id, account, lines, **details)


def story(account: str = ANN, *, prefix: str = "") -> Iterator[commands.Command]:
    """
    Yield commands of every kind in an order in which none is refused; each has a key and its now.
    """
    first, second = f"{prefix}1001", f"{prefix}1002"
    card = Tender("card", Money("60.00", "GBP"), approved=False)
    of_first: dict[str, Any] = {"account": account, "order": first}
    told: list[commands.Command] = [
        commands.Earn(account=account, points=500),  # usable on day 14
        commands.Place(**of_first, document=order(first, account)),
        commands.Process(**of_first, document=order(first, account)),  # earns 60, usable on day 16
        commands.Pay(**of_first, tender=card),
        commands.ApprovePayment(**of_first, tender="card"),
        commands.Invoice(**of_first, id="inv-1", lines={"beans": 2}),
        commands.CancelLines(**of_first, id="can-1", lines={"mug": 1}),  # 11 of the 60 go: 49.80 are left
        commands.Adjust(account=account, points=40, **BY_HAND),
        commands.Adjust(account=account, points=-10, **BY_HAND),
        commands.Redeem(account=account, points=20),
        commands.Reverse(account=account, entry=1, points=100, **BY_HAND),  # of the 500
        commands.Redeem(account=account, points=200, order=second, to_pay=Money("5.00", "GBP")),
        commands.Cancel(account=account, order=second),
        commands.ReturnLines(**of_first, id="ret-1", lines={"beans": 1}),
        commands.DecideReturn(
            **of_first,
            return_id="ret-1",
            take_back=25,  # 24.90 are left of the order, so 24 points
            give_back=0,
            proposed_take_back=25,
            proposed_give_back=0,
            **BY_HAND,
        ),
        commands.SetBalance(account=account, points=10, **BY_HAND),
        commands.Cancel(**of_first),  # takes 24 back, of which 14 are spent
        commands.Forgive(account=account, points=4, **BY_HAND),
        commands.Close(account=account, **BY_HAND),
        commands.Reopen(account=account, **BY_HAND),
        commands.Earn(account=account, points=30),  # 10 repay the debt
        commands.Expire(account=account),  # on day 500
        *_later(account, prefix),
    ]
    for number, command in enumerate(told):
        later = 500 - 2 * 21 if number >= 21 else 0
        key = None if type(command) is commands.Expire else f"{prefix}key-{number}"
        yield evolve(command, key=key, at=day(2 * number + later))


def _later(account: str, prefix: str) -> Iterator[commands.Command]:
    """
    Yield what the story goes on with on day 502 and every second day: holds, lots by hand, approvals, notices.
    """
    third, fourth, fifth = f"{prefix}1003", f"{prefix}1004", f"{prefix}1005"
    yield commands.SetProfile(account=account, holder="person", verified=True, balance_updates=True)
    yield commands.Adjust(account=account, points=100, **BY_HAND)
    yield commands.Hold(account=account, order=third, points=40, until=day(520), to_pay=Money("1.00", "GBP"))
    yield commands.Capture(account=account, order=third, points=10)
    yield commands.Hold(account=account, order=fourth, points=30, until=day(530))
    yield commands.Release(account=account, order=fourth)
    yield commands.Hold(account=account, order=fifth, points=20, until=day(517))  # lapses before the next command
    yield commands.Act(account=account, action="visit", subject="monday")
    yield commands.ActivateLot(account=account, lot=VISIT)
    yield commands.Activate(account=account, order=fifth)
    yield commands.Extend(account=account, lot=VISIT, expires_at=day(2000), **BY_HAND)
    yield commands.Reinstate(account=account, lot=LAPSED, points=3, **BY_HAND)
    yield commands.Redate(account=account, **BY_HAND)
    yield commands.Comment(account=account, entry=1, comment="a good customer")
    yield commands.Assign(account=account, lot=VISIT, responsible="eve")
    yield commands.Adjust(account=account, points=20_000, **BY_HAND)
    yield commands.Approve(account=account, entry=WAITING, actor="zoe")
    yield commands.Adjust(account=account, points=-20_000, **BY_HAND)
    yield commands.Decline(account=account, entry=WAITING + 2, actor="zoe", reason="no")
    yield commands.TakeNotices(account=account)


VISIT, LAPSED, WAITING = 32, 21, 41
"""The sequences of entries that later commands of the story name."""


def job(command: commands.Command, key: str, *, on: int = 0, program: Program = CLUB) -> Job:
    """
    Return what a storage is given to carry out a command on some day.
    """

    def decided(account: Account, earlier: tuple[Entry, ...]) -> Reading[Decision]:
        return decide(program, command, key, day(on), account, earlier)

    return Job(program.id, command.account, key, decided)


def books(storage: Storage, program: str = CLUB.id) -> dict[str, tuple[Any, ...]]:
    """
    Return everything that a storage keeps of a program: figures, entries, lots and open holds, by account.
    """
    return {account: storage.read(program, account, books_of) for account in storage.accounts(program, "", 10_000)}


def books_of(account: Account) -> Reading[tuple[Account, tuple[Entry, ...], tuple[Lot, ...], tuple[Entry, ...]]]:
    """
    Read an account's figures together with its entries, its open lots and those that are used up, and its open holds.
    """
    entries = yield from read_entries(EntriesAfter(0, 10_000))
    opened = tuple(entry.sequence for entry in entries if entry.opened is not None)
    lots = yield from read_lots(OpenLots())
    lots += yield from read_lots(LotsNamed(opened))
    holds = yield from read_entries(OpenHolds())
    return account, tuple(entries), tuple(lots), tuple(holds)
