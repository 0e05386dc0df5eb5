"""
What went wrong elsewhere when orders were cancelled, returned or refunded (A36 to A52).
"""

from itertools import pairwise

import pytest
from attrs import evolve

from pointsledger import EarnRule, ExchangeRate, Ledger, Program
from pointsledger.errors import QuantityExceeded, ReversalExceeded
from pointsledger.port import Storage
from tests.scenarios.scenario import ANN, BY_HAND, Shop, drawn, gbp, line, order, taken, told

PROGRAM = Program(
    id="shop",
    earn_rules=[EarnRule.per_amount(1, per=gbp("1.00"))],
    exchange_rates=[ExchangeRate(10, gbp("1.00"))],
    returns="automatic",
)
BOTH = evolve(PROGRAM, redeeming_orders="full")
"""An order that redeems earns as well, so that both parts of a refund can be seen."""


def test_a36_buy_refund_repeat(storage: Storage) -> None:
    """
    Buying and refunding any number of times leaves nothing (A36, I-10).
    """
    shop = Shop(storage, PROGRAM)
    mug = order("o-1", line("mug", "30.00"))

    for n in range(1, 4):
        shop.ledger.process(evolve(mug, id=f"o-{n}"))
        shop.ledger.return_lines(f"o-{n}", "r-1", {"mug": 1}, account=ANN)
        assert shop.balance() == "nothing"


def test_a37_refund_charges_the_spent_points_again(storage: Storage) -> None:
    """
    Refunding an order that was paid with points gives them back and debits nothing (A37, R-30).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.earn(ANN, 50)
    shop.ledger.redeem(ANN, 50, order="o-1")
    shop.ledger.process(order("o-1", line("mug", "30.00")))

    assert taken(shop.ledger.return_lines("o-1", "r-1", {"mug": 1}, account=ANN)) == ["restored +50"]
    assert shop.balance() == "50 available"


def test_a38_a_refund_in_parts_differs_from_one(storage: Storage) -> None:
    """
    Three refunds of a third end where one of the whole ends: each gives the floor of what is due in all (A38, I-11).
    """
    shop = Shop(storage, BOTH)
    shop.ledger.earn(ANN, 100)
    shop.ledger.redeem(ANN, 100, order="o-1")
    shop.ledger.process(order("o-1", line("mug", "3.35", 3)))  # 10.05 earns 10

    parts = [taken(shop.ledger.return_lines("o-1", f"r-{n}", {"mug": 1}, account=ANN)) for n in range(3)]

    assert parts == [
        ["restored +33", "reversed -4"],  # 33.3 given back; 6.70 kept earns 6 of 10
        ["restored +33", "reversed -3"],  # 66.6 given back; 3.35 kept earns 3 of 6
        ["restored +34", "reversed -3"],  # 100 given back; nothing kept
    ]
    assert shop.balance() == "100 available"


def test_a39_points_of_one_origin_are_never_deducted(storage: Storage) -> None:
    """
    Redeeming lowers the balance by exactly what was redeemed, wherever the points came from (A39, R-28, I-4).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.process(order("o-1", line("mug", "30.00")))
    shop.ledger.earn(ANN, 20)
    shop.ledger.adjust(ANN, 10, **BY_HAND)
    assert shop.balance() == "60 available"

    assert drawn(shop.ledger.redeem(ANN, 50)) == {1: 30, 2: 20}
    assert shop.balance() == "10 available"
    assert drawn(shop.ledger.redeem(ANN, 10)) == {3: 10}
    assert shop.balance() == "nothing"


def test_a40_a_return_is_added_to_the_original(storage: Storage) -> None:
    """
    A return lowers what the order counts (A40, R-14).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.process(order("o-1", line("mug", "10.00", 2)))

    assert taken(shop.ledger.return_lines("o-1", "r-1", {"mug": 1}, account=ANN)) == ["reversed -10"]
    assert shop.balance() == "10 available"


def test_a41_claw_back_at_todays_rate(storage: Storage) -> None:
    """
    A reversal uses the rules and the rate recorded with the purchase, not today's (A41, R-31, I-8).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.process(order("o-1", line("mug", "10.00", 2)))
    shop.under(
        evolve(
            PROGRAM,
            earn_rules=[EarnRule.per_amount(7, per=gbp("1.00"))],
            exchange_rates=[ExchangeRate(10, gbp("3.00"))],
        )
    )

    receipt = shop.ledger.return_lines("o-1", "r-1", {"mug": 1}, account=ANN)

    assert taken(receipt) == ["reversed -10"]
    assert receipt.entries[0].rate == ExchangeRate(10, gbp("1.00"))
    assert taken(shop.ledger.cancel("o-1", account=ANN)) == ["reversed -10"]


def test_a42_wrong_balance_after_redeem_earn_cancel_refund(storage: Storage) -> None:
    """
    Whatever happens in whatever order, the balance is the sum of the history (A42, I-3, I-4).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.earn(ANN, 100)
    shop.ledger.redeem(ANN, 60, order="o-1")
    shop.ledger.process(order("o-2", line("mug", "10.00", 2)))
    shop.ledger.cancel("o-1", account=ANN)
    shop.ledger.return_lines("o-2", "r-1", {"mug": 1}, account=ANN)

    history = shop.ledger.entries(ANN)
    assert taken(history) == ["earned +100", "redeemed -60", "earned +20", "restored +60", "reversed -10"]
    assert [entry.balance_after for entry in history] == [100, 40, 60, 120, 110]
    assert all(later.balance_after - earlier.balance_after == later.points for earlier, later in pairwise(history))
    assert shop.balance() == "110 available"


def test_a43_points_spent_on_another_order(storage: Storage) -> None:
    """
    Order 1 comes back after its points paid for order 2: they are owed, and new points repay them first
    (A43, R-32, R-33, I-7).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.process(order("o-1", line("mug", "20.00")))
    shop.ledger.redeem(ANN, 20, order="o-2")

    assert taken(shop.ledger.cancel("o-1", account=ANN)) == ["reversed, debt +20"]
    assert shop.balance() == "20 owed"

    earned = shop.ledger.process(order("o-3", line("pot", "30.00")))
    assert taken(earned) == ["earned +30", "repaid -20, debt -20"]
    assert shop.balance() == "10 available"


def test_a44_restored_when_refunded(storage: Storage) -> None:
    """
    What the documents promise happens: a cancelled order gives back the points that it used (A44, R-29, R-34).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.earn(ANN, 30)
    shop.ledger.redeem(ANN, 20, order="o-1")
    assert shop.lots() == {1: 10}

    shop.ledger.cancel("o-1", account=ANN)

    assert shop.lots() == {1: 30}


def test_a45_more_refunded_than_was_used(storage: Storage) -> None:
    """
    An order of 192.60 that used 100 points gives back 100 points (A45, R-35, I-9).
    """
    shop = Shop(storage, evolve(PROGRAM, returns="manual"))
    shop.ledger.earn(ANN, 100)
    shop.ledger.redeem(ANN, 100, order="o-1")
    shop.ledger.process(order("o-1", line("sofa", "192.60")))
    shop.ledger.return_lines("o-1", "r-1", {"sofa": 1}, account=ANN)

    proposal = shop.ledger.propose_return("o-1", "r-1", account=ANN)
    assert proposal.give_back == 100
    with pytest.raises(ReversalExceeded):
        shop.ledger.settle_return(proposal, give_back=193, **BY_HAND)
    shop.ledger.settle_return(proposal, **BY_HAND)
    assert shop.balance() == "100 available"


def test_a46_partial_refund_then_cancel(storage: Storage) -> None:
    """
    A cancel after a partial refund gives back and takes back the rest only (A46, R-35, I-9).
    """
    shop = Shop(storage, BOTH)
    shop.ledger.earn(ANN, 50)
    shop.ledger.redeem(ANN, 50, order="o-1")
    shop.ledger.process(order("o-1", line("mug", "10.00", 2)))

    assert taken(shop.ledger.return_lines("o-1", "r-1", {"mug": 1}, account=ANN)) == ["restored +25", "reversed -10"]
    assert taken(shop.ledger.cancel("o-1", account=ANN)) == ["restored +25", "reversed -10"]
    assert shop.balance() == "50 available"


def test_a47_several_pending_refunds_together_above_the_order(storage: Storage) -> None:
    """
    Returns that wait for a decision count too: together they never exceed the order (A47, R-30, I-9).
    """
    shop = Shop(storage, evolve(PROGRAM, returns="manual"))
    shop.ledger.process(order("o-1", line("mug", "10.00", 2)))
    shop.ledger.return_lines("o-1", "r-1", {"mug": 2}, account=ANN)

    with pytest.raises(QuantityExceeded) as refused:
        shop.ledger.return_lines("o-1", "r-2", {"mug": 1}, account=ANN)

    assert told(refused.value) == {"order": "o-1", "line": "mug", "requested": 1, "left": 0}


def test_a48_the_points_part_is_paid_out_as_money(storage: Storage) -> None:
    """
    A refund states points and money apart: 20 points worth 2.00, and 8.00 of the 10.00 that the host pays back
    (A48, R-30).
    """
    shop = Shop(storage, evolve(PROGRAM, returns="manual"))
    shop.ledger.earn(ANN, 20)
    shop.ledger.redeem(ANN, 20, order="o-1")
    shop.ledger.process(order("o-1", line("mug", "10.00")))
    shop.ledger.return_lines("o-1", "r-1", {"mug": 1}, account=ANN)

    proposal = shop.ledger.propose_return("o-1", "r-1", account=ANN)
    assert (proposal.give_back, proposal.give_back_value) == (20, gbp("2.00"))

    receipt = shop.ledger.settle_return(proposal, **BY_HAND)
    assert (receipt.points, receipt.money) == (20, None)


def test_a49_deleting_the_invoice_leaves_the_points(storage: Storage) -> None:
    """
    Nothing deletes: a cancel stays in the history beside what it takes back (A49, R-07, I-12).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.process(order("o-1", line("mug", "10.00")))
    first = shop.ledger.entries(ANN)
    shop.ledger.cancel("o-1", account=ANN)

    assert shop.ledger.entries(ANN)[:1] == first
    assert taken(shop.ledger.entries(ANN)) == ["earned +10", "reversed -10"]
    verbs = [name for name in dir(Ledger) if not name.startswith("_")]
    assert not [name for name in verbs if name.startswith(("delete", "remove", "purge", "update", "edit"))]


def test_a49_buying_a_gift_card_earns_points(storage: Storage) -> None:
    """
    A line that does not earn, such as a gift card, gives nothing, so points cannot feed on themselves (A49, R-15).
    """
    shop = Shop(storage, PROGRAM)

    bought = order("o-1", line("gift card", "50.00", earns=False), line("mug", "10.00"))

    assert shop.ledger.process(bought).points == 10


def test_a50_points_available_beside_a_debt(storage: Storage) -> None:
    """
    Points that come back repay the debt first, so points and debt never stand together (A50, R-33, I-7).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.process(order("o-1", line("mug", "20.00")))
    shop.ledger.redeem(ANN, 20, order="o-2")
    shop.ledger.cancel("o-1", account=ANN)
    assert shop.balance() == "20 owed"

    assert taken(shop.ledger.cancel("o-2", account=ANN)) == ["restored +20", "repaid -20, debt -20"]
    assert shop.balance() == "nothing"


def test_a51_only_the_first_of_several_credits_is_used(storage: Storage) -> None:
    """
    What a redemption draws from lots is exactly its points; the other lots stay as they are (A51, R-09, I-5).
    """
    shop = Shop(storage, PROGRAM)
    for _ in range(4):
        shop.ledger.earn(ANN, 20)

    assert drawn(shop.ledger.redeem(ANN, 50, order="o-1")) == {1: 20, 2: 20, 3: 10}
    assert shop.lots() == {3: 10, 4: 20}


def test_a52_an_order_that_earns_and_redeems(storage: Storage) -> None:
    """
    What an order earns and what it redeems are two facts, and both are booked (A52, I-15).
    """
    shop = Shop(storage, BOTH)
    shop.ledger.earn(ANN, 50)

    assert taken(shop.ledger.process(order("o-1", line("mug", "10.00")))) == ["earned +10"]
    assert taken(shop.ledger.redeem(ANN, 20, order="o-1")) == ["redeemed -20"]
    assert shop.balance() == "40 available"
