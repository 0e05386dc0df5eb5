"""
A tour of any program: a year of a small shop that is made from the program's own rules.

The shop sells the products that the rules name, on their channels, to their groups; its customers do what they reward.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice

from attrs import define, field, frozen

from ..domain.commands import Place
from ..domain.money import Money
from ..domain.notice import Notice
from ..domain.orders import Order, OrderLine, Tender
from ..domain.program import Program
from ..domain.rules import EarnRule
from ..errors import Refused
from ..ledger import Ledger

BEGIN = datetime(2025, 1, 1, 10, tzinfo=UTC)
END = datetime(2026, 1, 1, tzinfo=UTC)
PERSON, FRIEND, COMPANY = "ada", "bo", "acme-ltd"
_PRICES = ("24.90", "189.00", "8.50", "79.00", "49.95")
_CLERK, _MANAGER = "clerk", "manager"


@frozen
class Step:
    """
    Something that happens on a day of the year, counted from 0.
    """

    day: int
    happens: Callable[[Ledger], object]


@define
class Tour:
    """
    The year, and what came of it.

    Args:
        ledger: where it happens.
        done: how many steps were carried out.
        refused: how many were refused, by the name of the error.
        notices: what the holders were told.
    """

    ledger: Ledger
    done: int = 0
    refused: Counter[str] = field(factory=Counter[str])
    notices: list[Notice] = field(factory=list[Notice])
    now: datetime = BEGIN

    def run(self) -> None:
        """
        Let the year pass, day by day; what the program refuses is counted and left out.
        """
        for step in sorted(year(self.ledger.program), key=lambda step: step.day):
            self.now = BEGIN + timedelta(days=step.day)
            try:
                step.happens(self.ledger)
                self.done += 1
            except Refused as refused:
                self.refused[type(refused).__name__] += 1
            while told := self.ledger.due_notices(at=self.now):
                self.notices += told


def year(program: Program) -> Iterator[Step]:
    """
    Yield what happens in a year under a program.
    """
    yield from _holders()
    yield from _orders(program)
    yield from _acts(program)
    yield from _uses(program)
    yield from _second_thoughts()
    yield from _corrections(program)


def _holders() -> Iterator[Step]:
    yield Step(0, lambda led: led.set_profile(PERSON, holder="person", verified=True, balance_updates=True))
    yield Step(0, lambda led: led.set_profile(FRIEND, holder="person"))
    yield Step(0, lambda led: led.set_profile(COMPANY, holder="organisation", verified=True, expiry_warnings=True))


# --- orders --------------------------------------------------------------------------------------------------------


def _orders(program: Program) -> Iterator[Step]:
    """
    Yield an order a month of each customer, from its saving to the last payment and invoice.
    """
    for number, customer in enumerate((PERSON, FRIEND, COMPANY), start=1):
        for month in range(12):
            document = _document(program, f"{number}{month:03}", customer, month)
            yield from _delivered(document, 10 + 30 * month + number)


def _delivered(document: Order, day: int) -> Iterator[Step]:
    lines = {line.id: line.quantity for line in document.lines}
    total = Money.rounded_down(sum(line.net_micros for line in document.lines), document.currency)
    first = Money.rounded_down(total.micros // 2, document.currency)
    written_off = document.id.endswith("005")
    second = Tender("write_off" if written_off else "card", total - first, id="second", approved=False)
    order, account = document.id, document.account
    yield Step(day, lambda led: led.place(document))
    yield Step(day, lambda led: led.pay(order, Tender("card", first, id="first"), account=account))
    yield Step(day, lambda led: led.process(document))
    yield Step(day + 2, lambda led: led.invoice(order, "invoice", lines, account=account))
    yield Step(day + 5, lambda led: led.pay(order, second, account=account))
    yield Step(day + 6, lambda led: led.approve_payment(order, "second", account=account))
    yield Step(day + 7, lambda led: led.activate(order, account=account))


def _document(program: Program, id: str, customer: str, month: int) -> Order:
    """
    Return an order of two articles that the rules speak of.
    """
    rules = program.earn_rules
    currency = _currency(program)
    products = _named(rules, "products") or ["notebook", "pen", "lamp"]
    categories = _named(rules, "categories")
    pair = islice(cycle(products), month % len(products), None)
    articles = [next(pair), next(pair)] if len(products) > 1 else [products[0]]
    lines = [
        OrderLine(
            article,
            Money(_PRICES[(month + n) % len(_PRICES)], currency) if currency != "JPY" else Money("1200", currency),
            1 + (month + n) % 2,
            categories=categories[month % len(categories) : month % len(categories) + 1] if categories else (),
        )
        for n, article in enumerate(articles)
    ]
    return Order(
        id,
        customer,
        lines,
        channel=_one(_named(rules, "channels") + _named(program.exchange_rates, "channels"), month),
        customer_group=_one(_named(rules, "customer_groups"), month // 2 if customer == COMPANY else 1),
    )


def _one(names: list[str], turn: int) -> str | None:
    """
    Return one of the names, or none of them every other turn.
    """
    return names[turn // 2 % len(names)] if names and turn % 2 == 0 else None


def _named(parts: tuple[EarnRule, ...] | tuple[object, ...], what: str) -> list[str]:
    return sorted({name for part in parts for name in getattr(part, what)})


def _currency(program: Program) -> str:
    counted = [rule.per.currency for rule in program.earn_rules if rule.per is not None]
    return [*counted, *(rate.currency for rate in program.exchange_rates), "EUR"][0]


# --- actions and uses ------------------------------------------------------------------------------------------------


def _acts(program: Program) -> Iterator[Step]:
    """
    Yield each action that a rule rewards, once more than its limit allows.
    """
    amount = Money("60", _currency(program))
    actions = {rule.action: rule.limit or 2 for rule in program.earn_rules if rule.action is not None}
    for n, (action, times) in enumerate(actions.items()):
        for time in range(times + 1):
            yield Step(3 + 7 * n + 11 * time, _act(action, time, amount))


def _act(action: str, time: int, amount: Money) -> Callable[[Ledger], object]:
    return lambda led: led.act(PERSON, action, subject=f"{action}-{time}", invitee=f"friend-{time // 2}", amount=amount)


def _uses(program: Program) -> Iterator[Step]:
    """
    Yield redemptions: held and captured, held and forgotten, at once, and one that is cancelled.
    """
    to_pay = Money("40", _currency(program))
    yield Step(150, lambda led: led.hold(PERSON, _some(led, PERSON), order="9001", until=_in_days(151), to_pay=to_pay))
    yield Step(150, lambda led: led.capture("9001", account=PERSON))
    yield Step(200, lambda led: led.hold(FRIEND, _some(led, FRIEND), order="9002", until=_in_days(201), to_pay=to_pay))
    yield Step(240, lambda led: led.redeem(PERSON, _some(led, PERSON), order="9003", to_pay=to_pay))
    yield Step(241, lambda led: led.cancel("9003", account=PERSON))
    yield Step(260, lambda led: led.redeem(COMPANY, _some(led, COMPANY), order="9004", to_pay=to_pay))


def _some(ledger: Ledger, account: str) -> int:
    """
    Return as many points as pay 40.00 at most, now; at least 1, which is refused where there are none.
    """
    day = ledger.balance(account).at
    to_pay = Money("40", _currency(ledger.program))
    return max(1, ledger.quote_redemption(account, to_pay=to_pay, at=day).points)


def _in_days(day: int) -> datetime:
    return BEGIN + timedelta(days=day)


# --- second thoughts -------------------------------------------------------------------------------------------------


def _second_thoughts() -> Iterator[Step]:
    """
    Yield a cancelled order, and one of which a part comes back and is decided.
    """
    yield Step(75, lambda led: led.cancel("1002", account=PERSON))
    yield Step(140, _return_one)


def _return_one(ledger: Ledger) -> None:
    saved = next(e.command for e in ledger.entries(PERSON) if isinstance(e.command, Place) and e.order == "1003")
    line = saved.document.lines[0].id
    ledger.return_lines("1003", "R1", {line: 1}, account=PERSON)
    proposal = ledger.propose_return("1003", "R1", account=PERSON)
    if ledger.program.returns != "automatic":
        ledger.settle_return(proposal, actor=_MANAGER, reason="as proposed")


def _corrections(program: Program) -> Iterator[Step]:
    """
    Yield corrections by hand, one that a second person has to approve, and what is noted on a lot.
    """
    large = (program.approval_above or 400) + 100
    yield Step(165, lambda led: led.adjust(COMPANY, 50, actor=_CLERK, reason="late delivery", comment="parcel 77"))
    yield Step(170, lambda led: _approved(led, large))
    yield Step(172, _noted)


def _approved(ledger: Ledger, points: int) -> None:
    asked = ledger.adjust(COMPANY, points, actor=_CLERK, reason="yearly contract")
    if asked.awaits_approval:
        ledger.approve(COMPANY, asked.sequence, actor=_MANAGER)


def _noted(ledger: Ledger) -> None:
    lot = next(entry.sequence for entry in ledger.entries(COMPANY) if entry.opened is not None)
    ledger.assign(COMPANY, lot, "sales:7", actor=_MANAGER)
    ledger.comment(COMPANY, "They plan a large order in autumn.", entry=lot, actor="sales:7")


def describe(program: Program) -> list[tuple[str, str]]:
    """
    Return a program in rows of what and how.
    """
    units = program.unit.plural
    rows = [(rule.id, _gift(rule, units)) for rule in program.earn_rules]
    for rate in program.exchange_rates:
        scope = sorted(rate.channels | rate.customer_groups)
        rows.append(("using", f"{program.unit.count(rate.points)} pay {rate.money}{_for(scope)}"))
    rows.append(("earning", program.timing.replace("_", " ")))
    rows.append(("orders paid with them", program.redeeming_orders.replace("_", " ")))
    rows.append(("returns", program.returns.replace("_", " ")))
    return rows


def _gift(rule: EarnRule, units: str) -> str:
    what = {
        "per_amount": f"{rule.points} {units} for every {rule.per}",
        "per_unit": f"{rule.points} {units} for each unit",
        "per_order": f"{rule.points} {units} for an order",
        "multiplier": f"times {rule.factor}",
        "per_action": f"{rule.points} {units} for {rule.action}" + (f", for every {rule.per}" if rule.per else ""),
    }[rule.kind]
    scope = sorted(rule.products | rule.categories | rule.channels | rule.customer_groups)
    limit = f", {rule.limit} at most" if rule.limit else ""
    return f"{what}{_for(scope)}{limit}{', if verified' if rule.verified else ''}"


def _for(names: list[str]) -> str:
    return f" ({', '.join(names)})" if names else ""
