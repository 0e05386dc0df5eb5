"""
A shop platform: exchange rates in whole groups, history with money, threshold, lifetimes, refunds (S1).
"""

from datetime import UTC, datetime

import pytest
from attrs import evolve

from pointsledger import EarnRule, ExchangeRate, ExpiryPolicy, Program, RedemptionLimits, Tender
from pointsledger.errors import BelowThreshold, RedemptionLimited, ReversalExceeded
from pointsledger.port import Storage
from tests.scenarios.scenario import ANN, BY_HAND, Shop, gbp, instant, line, order, taken, told

PLATFORM = Program(
    id="platform",
    earn_rules=[EarnRule.per_amount(10, per=gbp("2.00"))],
    exchange_rates=[ExchangeRate(10, gbp("2.00"))],
)


def test_update_points_and_comment(storage: Storage) -> None:
    """
    A positive update adds, a negative one takes, and a comment stays with it (S1.1, S1.2, S1.3, R-40).
    """
    shop = Shop(storage, PLATFORM)

    shop.ledger.adjust(ANN, 50, comment="Sorry for the delay", **BY_HAND)
    shop.ledger.adjust(ANN, -20, **BY_HAND)

    assert shop.balance() == "30 available"
    history = shop.ledger.entries(ANN)
    assert taken(history) == ["adjusted +50", "adjusted -20"]
    assert [entry.comment for entry in history] == ["Sorry for the delay", None]


def test_the_history_keeps_money_and_rate(storage: Storage) -> None:
    """
    Each entry shows points and balance, both in money at the rate of its day, and its website; a new rate changes
    nothing recorded (S1.5, S1.6, S1.7, S1.8, R-10, R-24).
    """
    shop = Shop(storage, PLATFORM)
    shop.ledger.process(order("o-1", line("mug", "7.00")), channel="uk")
    shop.under(evolve(PLATFORM, exchange_rates=[ExchangeRate(10, gbp("1.00"))]))
    shop.ledger.process(order("o-2", line("mug", "4.00")), channel="fr")

    shop.ledger.redeem(ANN, 20)

    first, second, redeemed = shop.ledger.entries(ANN)
    assert (first.points, first.balance_after, first.channel) == (30, 30, "uk")
    assert (first.value, first.balance_value) == (gbp("6.00"), gbp("6.00"))  # 3 groups at 2.00
    assert first.rate == ExchangeRate(10, gbp("2.00"))
    assert (second.points, second.balance_after, second.channel) == (20, 50, "fr")
    assert (second.value, second.balance_value) == (gbp("2.00"), gbp("5.00"))  # 2 and 5 groups at 1.00
    assert second.rate == ExchangeRate(10, gbp("1.00"))
    assert (redeemed.points, redeemed.value, redeemed.balance_value) == (-20, gbp("-2.00"), gbp("3.00"))


def test_the_history_names_reason_and_times(storage: Storage) -> None:
    """
    An entry says why, when it happened and when it was recorded, and an expired one how many points went (S1.9, S1.10).
    """
    shop = Shop(storage, evolve(PLATFORM, expiry=ExpiryPolicy.after(days=30)))
    shop.ledger.earn(ANN, 5, reason="review", occurred_at=instant("2024-02-28"))
    shop.on("2024-04-10").expire(ANN)

    earned, expired = shop.ledger.entries(ANN)
    assert (earned.reason, earned.occurred_at, earned.recorded_at) == (
        "review",
        instant("2024-02-28"),
        instant("2024-03-01"),
    )
    # 28 February + 30 days = 29 March (2024 has a 29 February), so the first instant without them is 30 March.
    assert (expired.points, expired.occurred_at, expired.recorded_at) == (
        -5,
        instant("2024-03-30"),
        instant("2024-04-10"),
    )


def test_the_threshold_is_a_balance(storage: Storage) -> None:
    """
    Redeeming starts at a balance of the threshold, and any number of points can be used then (S1.14, R-25).
    """
    shop = Shop(storage, evolve(PLATFORM, limits=RedemptionLimits(threshold=100)))
    shop.ledger.adjust(ANN, 99, **BY_HAND)
    before = shop.everything()

    for attempt in (lambda: shop.ledger.redeem(ANN, 10), lambda: shop.ledger.quote_redemption(ANN)):
        with pytest.raises(BelowThreshold) as refused:
            attempt()
        assert told(refused.value) == {"available": 99, "threshold": 100}
    assert shop.everything() == before

    shop.ledger.adjust(ANN, 1, **BY_HAND)
    assert taken(shop.ledger.redeem(ANN, 10)) == ["redeemed -10"]
    assert shop.balance() == "90 available"


def test_each_batch_lives_for_itself(storage: Storage) -> None:
    """
    Every batch of points has its own lifetime in days (S1.16, R-36, R-37).
    """
    shop = Shop(storage, evolve(PLATFORM, expiry=ExpiryPolicy.after(days=30)))
    shop.on("2024-03-01").earn(ANN, 10)
    shop.on("2024-03-11").earn(ANN, 20)

    # The last valid days are 31 March and 10 April.
    steps = [(step.points, step.at) for step in shop.ledger.expiring(ANN)]
    assert steps == [(10, datetime(2024, 4, 1, tzinfo=UTC)), (20, datetime(2024, 4, 11, tzinfo=UTC))]


def test_a_new_lifetime_moves_no_old_batch(storage: Storage) -> None:
    """
    The lifetime is stamped when points are earned; a later change of the program is for later points (S1.17).
    """
    shop = Shop(storage, evolve(PLATFORM, expiry=ExpiryPolicy.after(days=30)))
    shop.ledger.earn(ANN, 10)
    shop.under(evolve(PLATFORM, expiry=ExpiryPolicy.after(days=5)))
    shop.ledger.earn(ANN, 20)

    shop.on("2024-03-06")
    assert shop.balance() == "30 available"
    shop.on("2024-03-07")
    assert shop.balance() == "10 available"


def test_a_refund_returns_and_voids_by_itself(storage: Storage) -> None:
    """
    Where the program says so, a refund gives back what was redeemed and takes back what was earned, in proportion
    (S1.19, S1.20, R-30).
    """
    shop = Shop(storage, evolve(PLATFORM, returns="automatic", redeeming_orders="full"))
    shop.ledger.adjust(ANN, 100, **BY_HAND)
    shop.ledger.redeem(ANN, 50, order="o-1")
    shop.ledger.process(order("o-1", line("mug", "10.00", 2)))  # 10 groups of 2.00 earn 100
    assert shop.balance() == "150 available"  # 100 - 50 + 100

    refund = shop.ledger.return_lines("o-1", "r-1", {"mug": 1}, account=ANN)

    assert taken(refund) == ["restored +25", "reversed -50"]  # half of 50, half of 100
    assert shop.balance() == "125 available"


def test_money_to_points_in_whole_groups(storage: Storage) -> None:
    """
    At 10 points per 2.00, an order of 7.00 earns 30 and the rest of 1.00 counts for nothing (S1.30, R-16).
    """
    shop = Shop(storage, PLATFORM)
    assert shop.ledger.process(order("o-1", line("mug", "7.00"))).points == 30


def test_points_to_money_in_whole_groups(storage: Storage) -> None:
    """
    At 10 points for 2.00, 25 points pay 4.00 and 5 stay (S1.31, R-22).
    """
    shop = Shop(storage, PLATFORM)
    shop.ledger.adjust(ANN, 25, **BY_HAND)

    quote = shop.ledger.quote_redemption(ANN)
    assert (quote.points, quote.money) == (20, gbp("4.00"))
    with pytest.raises(RedemptionLimited):
        shop.ledger.redeem(ANN, 25)

    assert shop.ledger.redeem(ANN, 20).money == gbp("4.00")
    assert shop.balance() == "5 available"


def test_the_basis_is_what_the_merchant_receives(storage: Storage) -> None:
    """
    Points count what the merchant receives: no shipping, tax, discounts, store credit, gift cards (S1.32, R-15).
    """
    shop = Shop(storage, PLATFORM)
    full = order(
        "o-1",
        line("sofa", "100.00"),
        discount=gbp("10.00"),
        shipping=gbp("5.00"),
        tax=gbp("8.00"),
        tenders=[Tender("gift_card", gbp("20.00")), Tender("store_credit", gbp("10.00")), Tender("card", gbp("73.00"))],
    )

    # 100 - 10 - 20 - 10 = 60.00, which is 30 groups of 2.00.
    assert shop.ledger.process(full).points == 300


def test_points_wait_until_every_item_is_invoiced_or_cancelled(storage: Storage) -> None:
    """
    An order earns when no item is left that is not invoiced; cancelled items neither block nor earn (S1.33, R-13).
    """
    shop = Shop(storage, evolve(PLATFORM, timing="when_all_lines_invoiced_or_cancelled"))
    shop.ledger.place(order("o-1", line("mug", "10.00", 2), line("pot", "8.00")))

    assert taken(shop.ledger.invoice("o-1", "i-1", {"mug": 1}, account=ANN)) == ["noted"]
    assert taken(shop.ledger.invoice("o-1", "i-2", {"mug": 1}, account=ANN)) == ["noted"]
    last = shop.ledger.cancel_lines("o-1", "c-1", {"pot": 1}, account=ANN)

    assert taken(last) == ["earned +100"]  # two mugs, 20.00


def test_points_of_cancelled_orders_by_hand(storage: Storage) -> None:
    """
    A merchant who reports no cancels deducts the points of a cancelled order by hand (S1.34, R-40).
    """
    shop = Shop(storage, PLATFORM)
    shop.ledger.process(order("o-1", line("mug", "7.00")))

    deducted = shop.ledger.adjust(ANN, -30, comment="o-1 was cancelled", **BY_HAND)

    assert taken(deducted) == ["adjusted -30"]
    assert shop.balance() == "nothing"


def test_the_checkbox_at_checkout(storage: Storage) -> None:
    """
    "Use my points": all that the order can take; where they cover the total, nothing is left to pay (S1.35, R-25).
    """
    shop = Shop(storage, PLATFORM)
    shop.ledger.adjust(ANN, 500, **BY_HAND)

    small = shop.ledger.quote_redemption(ANN, to_pay=gbp("40.00"))
    assert (small.points, small.money, small.still_to_pay) == (200, gbp("40.00"), gbp("0.00"))
    large = shop.ledger.quote_redemption(ANN, to_pay=gbp("130.00"))
    assert (large.points, large.money, large.still_to_pay) == (500, gbp("100.00"), gbp("30.00"))

    receipt = shop.ledger.redeem(ANN, small.points, order="o-1", to_pay=gbp("40.00"))
    assert (receipt.money, receipt.still_to_pay) == (gbp("40.00"), gbp("0.00"))
    assert shop.balance() == "300 available"


def test_a_refund_to_points_is_decided_by_a_person(storage: Storage) -> None:
    """
    A refund proposes all points used; the administrator may give back fewer, never more than were used (S1.36, R-30).
    """
    shop = Shop(storage, PLATFORM)
    shop.ledger.adjust(ANN, 50, **BY_HAND)
    shop.ledger.redeem(ANN, 50, order="o-1")
    shop.ledger.process(order("o-1", line("mug", "10.00")))
    assert taken(shop.ledger.return_lines("o-1", "r-1", {"mug": 1}, account=ANN)) == ["noted"]

    proposal = shop.ledger.propose_return("o-1", "r-1", account=ANN)
    assert (proposal.take_back, proposal.give_back, proposal.give_back_value) == (0, 50, gbp("10.00"))
    with pytest.raises(ReversalExceeded) as refused:
        shop.ledger.settle_return(proposal, give_back=51, **BY_HAND)
    assert told(refused.value) == {"sequence": 2, "requested": 51, "left": 50}

    assert taken(shop.ledger.settle_return(proposal, give_back=40, **BY_HAND)) == ["restored +40"]
    assert shop.balance() == "40 available"


def test_a_price_rule_adds_points_once(storage: Storage) -> None:
    """
    A price rule adds a fixed number of points once per order, however many items match (S1.37, R-16).
    """
    bonus = EarnRule.per_order(25, products=["mug"])
    shop = Shop(storage, evolve(PLATFORM, earn_rules=[bonus]))

    assert shop.ledger.process(order("o-1", line("mug", "1.00", 3), line("mug", "1.00", id="gift"))).points == 25
    assert shop.ledger.process(order("o-2", line("pot", "1.00"))).points == 0


def test_partial_order_with_tax(storage: Storage) -> None:
    """
    An order that is completed in part, with tax, earns for that part (S1.39).
    """
    taxed = EarnRule.per_amount(10, per=gbp("2.00"), with_tax=True)
    shop = Shop(
        storage,
        evolve(PLATFORM, earn_rules=[taxed], timing="when_all_lines_invoiced_or_cancelled"),
    )
    shop.ledger.place(order("o-1", line("mug", "10.00"), line("pot", "8.00"), tax=gbp("2.00")))
    shop.ledger.invoice("o-1", "i-1", {"mug": 1}, account=ANN)

    # The order's tax is one figure that the host reports; it counts whole: 10.00 + 2.00 = 6 groups of 2.00.
    assert shop.ledger.cancel_lines("o-1", "c-1", {"pot": 1}, account=ANN).points == 60
