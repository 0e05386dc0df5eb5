"""
What happens to orders is told one to three times in any order: one end state.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from datetime import timedelta
from random import Random
from typing import Any

from attrs import evolve

from pointsledger import Ledger, Money, Order, OrderLine, Program, Tender, commands
from pointsledger.domain.expiry import PendingPolicy
from pointsledger.errors import HoldClosed, Refused
from pointsledger.port import Storage
from pointsledger.storage.memory import MemoryStorage
from pointsledger.testing.club import ANN, BY_HAND, CLUB, day

from .books import assert_balanced, assert_same
from .campaign import Round, Rounds
from .numbered import ON
from .places import Place

GIVEN = 1_000
"""What Ann has to begin with, so that no order needs the points of another."""

LATER = ON + 60
"""The day on which all is told; what the orders earn is usable by then, and nothing has lapsed."""

TOLD_MAX = 3


def deliveries(place: Place, rounds: Rounds) -> None:
    """
    In each round, tell what happened to `each` orders, and compare with the same told once and in order (R-14, I-15).

    What the customer is told at the checkout, a redemption or a hold, is asked first, since its answer depends on what
    is still to pay; it is told again, like everything else, at any time. The rest comes in any order. What is refused
    goes back to the end of the queue, such as a capture before its hold; only a capture or release of a hold that the
    order's cancellation has ended stays refused.
    """
    with place.fresh() as door, door.opened() as storage:
        for each in rounds:
            with each:
                _deliver(storage, each)


def _deliver(storage: Storage, each: Round) -> None:
    program = _program(each)
    happened = [_happened(each.random, number) for number in range(each.each)]
    checkouts = [command for checkout, _ in happened for command in checkout]
    events = [command for _, following in happened for command in following]
    once, often = _ledger(program, MemoryStorage()), _ledger(program, storage)
    _tell(once, [*checkouts, *events])
    told = _often([*checkouts, *events], each.random)
    _tell(often, checkouts)
    each.count["refused and told again"] += _tell(often, told)
    each.count["events"] += len(checkouts) + len(events)
    each.count["told"] += len(checkouts) + len(told)
    assert_same(_end(often), _end(once), f"the end of {[(type(c).__name__, c.key) for c in told]}")
    assert_balanced(storage, program.id)


def _program(each: Round) -> Program:
    """
    Return a program of the round's own, with one of the timings and ways to treat returns.
    """
    timing = each.random.choice(["on_processed", "on_full_payment", "when_all_lines_invoiced_or_cancelled"])
    returns = each.random.choice(["automatic", "manual"])
    rules = [evolve(CLUB.earn_rules[0], pending=each.random.choice([None, PendingPolicy.until_event()]))]
    return evolve(CLUB, id=f"round-{each.number}", timing=timing, returns=returns, earn_rules=rules)


def _ledger(program: Program, storage: Storage) -> Ledger:
    ledger = Ledger(program, storage, clock=lambda: day(LATER))
    ledger.adjust(ANN, GIVEN, key="given", at=day(0), **BY_HAND)
    return ledger


def _happened(random: Random, number: int) -> tuple[list[commands.Command], list[commands.Command]]:
    """
    Return what is asked at the checkout of an order, and what happens to it afterwards, each at its own instant.
    """
    of: dict[str, Any] = {"account": ANN, "order": f"o{number}"}
    ordered = {"cup": random.randrange(2, 5), "mug": 2}
    lines = [OrderLine(name, _pounds(random), quantity=quantity) for name, quantity in ordered.items()]
    document = Order(of["order"], ANN, lines)
    total = sum(line.unit_price.amount * line.quantity for line in lines)
    points = random.randrange(2, 50)
    hold, capture = commands.Hold(points=points, until=day(LATER + 60), **of), commands.Capture(points=1, **of)
    checkout, settled = random.choice(
        [
            ([], []),
            ([commands.Redeem(points=points, **of)], []),
            ([hold], [capture]),
            ([hold], [commands.Release(**of)]),
            ([], [hold, capture]),  # paid with points alone, after the checkout
        ]
    )
    never = {commands.Pay, commands.ApprovePayment, commands.Cancel} if hold in settled else set()
    everything: list[commands.Command] = [
        commands.Place(document=document, **of),
        commands.Process(document=document, **of),
        commands.Pay(tender=Tender("card", Money(str(total), "GBP"), approved=False), **of),
        commands.ApprovePayment(tender="card", **of),
        *settled,
        commands.CancelLines(id="can", lines={"cup": 1}, **of),
        commands.Invoice(id="inv-1", lines={"cup": ordered["cup"] - 1}, **of),
        commands.Invoice(id="inv-2", lines={"mug": ordered["mug"]}, **of),
        commands.Activate(**of),
        commands.ReturnLines(id="ret", lines={"mug": 1}, **of),
        commands.Cancel(**of),
    ]
    possible = [event for event in everything if type(event) not in never]
    happened = [event for event in possible if random.random() < _LIKELY.get(type(event), 0.7)]
    start = day(ON) + timedelta(hours=number)
    dated = [evolve(event, occurred_at=start + timedelta(minutes=n)) for n, event in enumerate([*checkout, *happened])]
    return dated[: len(checkout)], dated[len(checkout) :]


_SURE = dict.fromkeys((commands.Process, commands.Hold, commands.Capture, commands.Release), 1.0)
_LIKELY: dict[type, float] = {**_SURE, commands.Cancel: 0.3}
"""How likely something happens, where it is not as likely as the rest."""


def _often(happened: Sequence[commands.Command], random: Random) -> list[commands.Command]:
    """
    Return everything one to three times in any order, each time under its fact or under a key of its own.
    """
    times = [command for command in happened for _ in range(random.randrange(1, TOLD_MAX + 1))]
    random.shuffle(times)
    return [evolve(c, key=f"told-{n}" if random.random() < 0.5 else None) for n, c in enumerate(times)]


def _tell(ledger: Ledger, told: Iterable[commands.Command]) -> int:
    """
    Tell everything until nothing is refused any more, and return how often something was.

    Raises:
        Refused: the rest is refused for good.
    """
    queue, refusals, in_vain = deque(told), 0, 0
    while queue:
        command = queue.popleft()
        try:
            ledger.apply(command)
            in_vain = 0
        except HoldClosed:  # the order was cancelled, and its hold with it
            pass
        except Refused:
            refusals, in_vain = refusals + 1, in_vain + 1
            queue.append(command)
            if in_vain > len(queue):
                raise
    return refusals


def _end(ledger: Ledger) -> tuple[Any, ...]:
    """
    Return what is left in the end: figures, and the lots with points by their dates.
    """
    balance = ledger.balance(ANN)
    lots = [(lot.earned_at, lot.available_at, str(lot.expires_at), lot.remaining) for lot in ledger.lots(ANN)]
    return balance.available, balance.pending, balance.held, balance.debt, sorted(lots)


def _pounds(random: Random) -> Money:
    return Money(f"{random.randrange(5, 40)}.00", "GBP")
