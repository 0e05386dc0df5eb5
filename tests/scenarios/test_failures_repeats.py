"""
What went wrong elsewhere when something was asked twice, came twice or was lost on the way (A10 to A34).

Each test is named after the failure; the story is the one in which it happened.
"""

import pytest
from attrs import evolve

from pointsledger import EarnRule, ExchangeRate, Program, Tender, commands
from pointsledger.errors import IdempotencyConflict, InsufficientPoints, QuantityExceeded
from pointsledger.port import Storage
from tests.scenarios.scenario import ANN, BY_HAND, Shop, gbp, line, order, taken, told

PROGRAM = Program(
    id="shop",
    earn_rules=[EarnRule.per_amount(1, per=gbp("1.00"))],
    exchange_rates=[ExchangeRate(10, gbp("1.00"))],
)
ORDER = order("o-1", line("mug", "30.00"))  # earns 30


def test_a10_balance_kept_after_a_rollback(storage: Storage) -> None:
    """
    After a batch that was rolled back, every reading is that of the stored state (A10, R-45, I-18).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.earn(ANN, 10)
    before = shop.everything()

    with pytest.raises(InsufficientPoints):
        shop.ledger.apply_all([commands.Earn(account=ANN, points=5), commands.Redeem(account=ANN, points=16)])

    assert shop.everything() == before


def test_a13_double_post_redeems_twice(storage: Storage) -> None:
    """
    A form that is posted twice redeems once, however short or long the time between (A13, R-44, I-14).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.earn(ANN, 100)

    first = shop.ledger.redeem(ANN, 40, key="form-1")
    second = shop.ledger.redeem(ANN, 40, key="form-1")

    assert (first.replayed, second.replayed) == (False, True)
    assert second.entries == first.entries
    assert shop.balance() == "60 available"


def test_a18_a19_every_status_change_gives_points_again(storage: Storage) -> None:
    """
    An order that is set to processed again and again earns once (A18, A19, R-14, I-15).
    """
    shop = Shop(storage, PROGRAM)

    receipts = [shop.ledger.process(ORDER, key=f"event-{n}") for n in range(4)]

    assert [receipt.replayed for receipt in receipts] == [False, True, True, True]
    assert {receipt.points for receipt in receipts} == {30}
    assert shop.balance() == "30 available"


def test_a20_completed_cancelled_completed_gives_nothing(storage: Storage) -> None:
    """
    An order that is processed anew after a cancel is a new cycle, and earns again (A20, R-29, I-16).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.process(ORDER)
    shop.ledger.cancel("o-1", account=ANN)
    assert shop.balance() == "nothing"

    assert taken(shop.ledger.process(evolve(ORDER, cycle=2))) == ["earned +30"]
    assert shop.balance() == "30 available"


def test_a21_three_code_paths_cancel_one_order(storage: Storage) -> None:
    """
    A cancel works once, whoever calls it and however often (A21, R-29, I-15).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.earn(ANN, 50)
    shop.ledger.redeem(ANN, 50, order="o-1")

    shop.ledger.cancel("o-1", account=ANN, actor="checkout", reason="payment failed")
    again = [
        shop.ledger.cancel("o-1", account=ANN, actor="webhook", comment="expired"),
        shop.ledger.cancel("o-1", account=ANN, key="admin-7", actor="eve", channel="backend"),
        shop.ledger.cancel("o-1", account=ANN),
    ]

    assert all(receipt.replayed for receipt in again)
    assert shop.balance() == "50 available"


def test_a22_spent_points_not_returned_or_returned_twice(storage: Storage) -> None:
    """
    When a payment lapses, the points used for the order come back exactly once (A22, R-29, I-9).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.earn(ANN, 80)
    shop.ledger.redeem(ANN, 50, order="o-1")
    shop.ledger.place(ORDER)

    assert taken(shop.ledger.cancel("o-1", account=ANN)) == ["restored +50"]
    assert taken(shop.ledger.process(ORDER)) == ["noted"]  # a late notice of the same cycle
    assert shop.balance() == "80 available"


def test_a23_refund_doubled_when_the_flow_breaks_midway(storage: Storage) -> None:
    """
    A flow that breaks after the refund and is run again refunds once (A23, R-45, I-25).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.earn(ANN, 50)
    shop.ledger.redeem(ANN, 50, order="o-1")
    flow = [
        commands.Cancel(account=ANN, order="o-1", key="flow-1/cancel"),
        commands.Redeem(account=ANN, order="o-2", points=60, key="flow-1/redeem"),
    ]

    with pytest.raises(InsufficientPoints):
        shop.ledger.apply_all(flow)
    assert shop.balance() == "nothing"
    shop.ledger.earn(ANN, 10)
    shop.ledger.apply_all(flow)
    shop.ledger.apply_all(flow)

    assert taken(shop.ledger.entries(ANN)) == [
        "earned +50",
        "redeemed -50",
        "earned +10",
        "restored +50",
        "redeemed -60",
    ]


def test_a24_earned_at_sale_and_again_at_settlement(storage: Storage) -> None:
    """
    An order that is saved, processed and settled earns once, by whichever door it comes (A24, R-14, I-15).
    """
    shop = Shop(storage, evolve(PROGRAM, timing="on_save"))

    assert taken(shop.ledger.place(ORDER)) == ["earned +30"]
    assert taken(shop.ledger.process(ORDER)) == ["noted"]
    assert taken(shop.ledger.pay("o-1", Tender("card", gbp("30.00")), account=ANN)) == ["noted"]
    assert shop.balance() == "30 available"


def test_a25_webhook_redelivery_adds_the_balance_again(storage: Storage) -> None:
    """
    A payment that is delivered again is the same payment: half paid stays half paid (A25, I-14, I-15).
    """
    shop = Shop(storage, evolve(PROGRAM, timing="on_full_payment"))
    shop.ledger.place(ORDER)
    half = Tender("card", gbp("15.00"), id="pay-77")

    for delivery in ("d-1", "d-2", "d-3"):
        shop.ledger.pay("o-1", half, account=ANN, key=delivery)

    assert shop.balance() == "nothing"


def test_a26_a27_the_same_invoice_under_another_event_id(storage: Storage) -> None:
    """
    The web hook and the client build different keys for one order: one effect, one answer (A26, A27, I-15).
    """
    shop = Shop(storage, PROGRAM)

    hook = shop.ledger.process(ORDER, key="hook-1", actor="webhook")
    client = shop.ledger.process(ORDER, key="client/o-1", actor="browser")
    neither = shop.ledger.process(ORDER)

    assert client.entries == neither.entries == hook.entries
    assert (client.replayed, neither.replayed) == (True, True)
    assert shop.balance() == "30 available"


def test_a28_a_retry_makes_a_new_invoice(storage: Storage) -> None:
    """
    A retry that makes up a new invoice number cannot invoice the same unit again (A28, R-14).
    """
    shop = Shop(storage, evolve(PROGRAM, timing="when_all_lines_invoiced_or_cancelled"))
    shop.ledger.place(ORDER)
    shop.ledger.invoice("o-1", "i-1", {"mug": 1}, account=ANN)

    with pytest.raises(QuantityExceeded) as refused:
        shop.ledger.invoice("o-1", "i-2", {"mug": 1}, account=ANN)

    assert told(refused.value) == {"order": "o-1", "line": "mug", "requested": 1, "left": 0}
    assert shop.balance() == "30 available"


def test_a29_a_key_without_its_operation(storage: Storage) -> None:
    """
    A cancel under the key of the order is no answer to the cancel, but a conflict (A29, R-44, I-17).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.process(ORDER, key="k")

    with pytest.raises(IdempotencyConflict) as refused:
        shop.ledger.cancel("o-1", account=ANN, key="k")

    assert told(refused.value) == {"key": "k", "field": "command", "recorded": "process", "given": "cancel"}
    assert shop.balance() == "30 available"


def test_a29_a_refusal_is_remembered_for_ever(storage: Storage) -> None:
    """
    A refusal leaves the key free: the same call succeeds once there are points (A29, R-44, I-18).
    """
    shop = Shop(storage, PROGRAM)
    with pytest.raises(InsufficientPoints):
        shop.ledger.redeem(ANN, 30, key="k")

    shop.ledger.earn(ANN, 30)

    assert taken(shop.ledger.redeem(ANN, 30, key="k")) == ["redeemed -30"]


def test_a30_reused_key_returns_the_old_answer(storage: Storage) -> None:
    """
    A key that comes with other content is refused, naming what differs (A30, R-44, I-17).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.earn(ANN, 10, key="k")

    with pytest.raises(IdempotencyConflict) as refused:
        shop.ledger.earn(ANN, 11, key="k")

    assert told(refused.value) == {"key": "k", "field": "points", "recorded": 10, "given": 11}


def test_a31_the_same_key_twice_in_one_batch(storage: Storage) -> None:
    """
    Duplicates inside a batch behave like two calls (A31, R-44, I-14).
    """
    shop = Shop(storage, PROGRAM)
    earn = commands.Earn(account=ANN, points=10, key="k")

    first, second = shop.ledger.apply_all([earn, earn])

    assert second.entries == first.entries
    assert (first.replayed, second.replayed) == (False, True)
    assert shop.balance() == "10 available"


def test_a31_a_key_with_another_body_in_one_batch(storage: Storage) -> None:
    """
    A key that comes with two contents in one batch is a named error, and nothing of the batch is kept (A31, I-17).
    """
    shop = Shop(storage, PROGRAM)

    with pytest.raises(IdempotencyConflict):
        shop.ledger.apply_all(
            [commands.Earn(account=ANN, points=10, key="k"), commands.Earn(account=ANN, points=11, key="k")]
        )

    assert shop.ledger.entries(ANN) == ()


def test_a32_a_key_past_its_time_to_live(storage: Storage) -> None:
    """
    A key is known after ten years as after a second (A32, R-44, I-19).
    """
    shop = Shop(storage, PROGRAM)
    first = shop.on("2024-03-01").earn(ANN, 10, key="k")

    late = shop.on("2034-03-01").earn(ANN, 10, key="k")

    assert late.replayed
    assert late.entries == first.entries
    assert shop.balance() == "10 available"


def test_a33_a34_the_answer_was_lost(storage: Storage) -> None:
    """
    Who lost the answer asks again with the same key and gets it: one effect, no complaint about oneself
    (A33, A34, I-14).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.earn(ANN, 100)
    lost = shop.ledger.adjust(ANN, -30, key="k", **BY_HAND)

    again = shop.ledger.adjust(ANN, -30, key="k", **BY_HAND)

    assert again.entries == lost.entries
    assert again.replayed
    assert shop.balance() == "70 available"
