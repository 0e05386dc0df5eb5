"""
Points that wait for an event, such as the delivery of their order (R-20).
"""

from datetime import timedelta
from itertools import permutations

import pytest
from attrs import evolve

from pointsledger import EarnRule, ExchangeRate, ExpiryPolicy, PendingPolicy, Program, Tender
from pointsledger.errors import LotUnknown, NotPending
from pointsledger.port import Storage
from pointsledger.reports.verify import verify
from tests.scenarios.scenario import ANN, BY_HAND, Shop, gbp, instant, line, order, taken

PROGRAM = Program(
    id="shop",
    earn_rules=[
        EarnRule.per_amount(1, per=gbp("1.00")),
        EarnRule.per_unit(7, id="short", products=["mug"], expiry=ExpiryPolicy.after(days=3)),
        EarnRule.per_action(5, action="review_approved"),
    ],
    expiry=ExpiryPolicy.after(months=12),
    pending=PendingPolicy.until_event(),
)
BASKET = order("o-1", line("mug", "30.00"))


def test_until_it_is_reported(storage: Storage) -> None:
    """
    They are pending as long as it takes; from the event on they are usable, and each policy counts from then (R-20).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.process(BASKET)
    shop.on("2025-06-01")
    assert shop.balance() == "37 pending"
    assert shop.ledger.expiring(ANN) == ()
    assert shop.ledger.balance(ANN).expiring_next is None
    assert taken(shop.ledger.activate("o-1", account=ANN)) == ["redated", "redated"]
    assert shop.balance() == "37 available"
    assert [(step.points, step.at) for step in shop.ledger.expiring(ANN)] == [
        (7, instant("2025-06-05")),  # valid until the 4th
        (30, instant("2026-06-02")),
    ]
    assert shop.ledger.activate("o-1", account=ANN).replayed
    shop.on("2025-06-05").expire_due()
    assert shop.balance() == "30 available"
    assert not verify(storage, "shop").findings


@pytest.mark.parametrize("arrival", [*permutations(("process", "activate", "cancel_lines"))])
def test_in_any_order_of_arrival(storage: Storage, arrival: tuple[str, ...]) -> None:
    """
    An event that is reported early holds for what the order earns later (R-14).
    """
    shop = Shop(storage, PROGRAM)
    for step in arrival:
        if step == "process":
            shop.ledger.process(order("o-1", line("mug", "30.00", 2)))
        elif step == "activate":
            shop.ledger.activate("o-1", account=ANN)
        else:
            shop.ledger.cancel_lines("o-1", "c-1", {"mug": 1}, account=ANN)
    assert shop.balance() == "37 available"


def test_cancel_while_pending(storage: Storage) -> None:
    """
    A cancel before the event touches nothing spendable, and the event comes to nothing then.
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.adjust(ANN, 10, **BY_HAND)
    shop.ledger.process(BASKET)
    shop.ledger.cancel("o-1", account=ANN)
    assert taken(shop.ledger.activate("o-1", account=ANN)) == ["noted"]
    assert shop.balance() == "10 available"


def test_one_lot(storage: Storage) -> None:
    """
    Points of an action or a count are activated by their lot; others wait for no event.
    """
    shop = Shop(storage, PROGRAM)
    lot = shop.ledger.act(ANN, "review_approved", subject="r-1").sequence
    assert shop.ledger.lot(ANN, lot).status == "pending"
    shop.ledger.activate_lot(ANN, lot)
    assert shop.ledger.lot(ANN, lot).status == "available"
    with pytest.raises(NotPending) as refused:
        shop.ledger.activate_lot(ANN, lot)
    assert refused.value.available_at == shop.now
    with pytest.raises(LotUnknown):
        shop.ledger.activate_lot(ANN, 99)


def test_debt_is_repaid_by_the_event(storage: Storage) -> None:
    """
    Points repay debt when they become usable (R-33, I-7).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.adjust(ANN, -10, allow_debt=True, **BY_HAND)
    shop.ledger.process(order("o-1", line("pot", "30.00")))
    assert shop.balance() == "30 pending, 10 owed"
    assert taken(shop.ledger.activate("o-1", account=ANN)) == ["redated", "repaid -10, debt -10"]
    assert shop.balance() == "20 available"


def test_redating_leaves_them(storage: Storage) -> None:
    """
    Lots that wait for an event are dated by it, not by a change of policy (R-38).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.process(order("o-1", line("pot", "30.00")))
    shop.under(evolve(PROGRAM, expiry=ExpiryPolicy.after(days=9)))
    assert shop.ledger.preview_redating(ANN).points == 0
    assert taken(shop.ledger.redate(ANN, **BY_HAND)) == ["noted"]
    shop.on("2024-03-02").activate("o-1", account=ANN)
    assert shop.ledger.expiring(ANN)[0].at - shop.now > timedelta(days=300)  # as recorded


@pytest.mark.parametrize("held", [False, True])
def test_what_paying_adds_waits_no_more(storage: Storage, held: bool) -> None:
    """
    What an order earns more because points pay for it, once its event has been reported, is usable at once (R-20).
    """
    rates = [ExchangeRate(points=10, money=gbp("1.00"))]
    shop = Shop(storage, evolve(PROGRAM, exchange_rates=rates, redeeming_orders="full"))
    shop.ledger.adjust(ANN, 100, **BY_HAND)
    shop.ledger.process(order("o-1", line("pot", "21.00"), tenders=[Tender("points", gbp("1.00"), earns=False)]))
    shop.ledger.activate("o-1", account=ANN)
    assert shop.balance() == "120 available"
    if held:
        shop.ledger.hold(ANN, 10, order="o-1", until=instant("2024-04-01"), to_pay=gbp("1.00"))
        paid = shop.ledger.capture("o-1", account=ANN)
    else:
        paid = shop.ledger.redeem(ANN, 10, order="o-1", to_pay=gbp("1.00"))
    assert taken(paid)[-2:] == ["earned +1", "redated"]
    assert shop.balance() == "111 available"
    assert not verify(storage, "shop").findings
