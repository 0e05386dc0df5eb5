"""
Cases that the naive model or a law found, each told once by hand so that it stays.
"""

import sqlite3
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import pytest
from attrs import evolve

from pointsledger import (
    EarnCaps,
    EarnRule,
    ExchangeRate,
    ExpiryPolicy,
    NoticePolicy,
    PendingPolicy,
    Program,
    RedemptionLimits,
    Tender,
)
from pointsledger.errors import (
    Corrupt,
    HoldOpen,
    InsufficientPoints,
    InvalidInput,
    LimitExceeded,
    NotLater,
    NotPending,
    RedemptionLimited,
    ShortfallRefused,
)
from pointsledger.port import Storage
from pointsledger.reports.verify import verify
from pointsledger.storage.sqlite import SQLiteStorage
from tests.scenarios.scenario import ANN, BY_HAND, Shop, gbp, instant, line, order, taken, taken_by_line

PROGRAM = Program(
    id="shop",
    earn_rules=[EarnRule.per_amount(1, per=gbp("1.00"))],
    exchange_rates=[ExchangeRate(10, gbp("1.00"))],
)


def test_an_activity_reported_late_lets_the_account_lapse(storage: Storage) -> None:
    """
    Activity of 5 February, reported on the 20th, lasts until the 11th: all that was usable by then lapses (R-36, I-32).
    """
    idle = ExpiryPolicy.inactivity(days=6, resets=["earn"])
    shop = Shop(storage, evolve(PROGRAM, expiry=idle), now="2024-01-31")
    shop.ledger.earn(ANN, 40)  # lapses after 6 February
    shop.on("2024-02-08").adjust(ANN, 30, **BY_HAND)  # no activity, and too late for that lapse
    assert shop.balance() == "30 available"

    shop.on("2024-02-20").earn(ANN, 66, occurred_at=instant("2024-02-05 10:00"))

    assert shop.balance() == "nothing"
    assert shop.ledger.balance(ANN).expired == 136
    assert shop.ledger.expire_due().complete
    assert shop.ledger.balance(ANN).expired == 136


@pytest.mark.parametrize("shortfall", ["debt", "clamp", "refuse"])
def test_a_date_that_is_corrected_is_no_shortfall(storage: Storage, shortfall: str) -> None:
    """
    A placing that is reported after the processing moves the points of the order to an earlier date; points that were
    spent meanwhile are neither owed, nor written off, nor refused (I-15, R-13, R-32).
    """
    by_order = evolve(PROGRAM, timing="on_save", shortfall=shortfall, expiry=ExpiryPolicy.after(days=30))
    shop = Shop(storage, by_order, now="2024-03-05")
    shop.ledger.process(order("o-1", line("mug", "50.00")))
    shop.ledger.adjust(ANN, -30, **BY_HAND)

    late = shop.ledger.place(order("o-1", line("mug", "50.00")), occurred_at=instant("2024-03-01"))

    # 50 come with the earlier date; of the 50 with the later one 20 are left, and the other 30 come out of the new lot.
    assert (taken(late), late.shortfall) == (["earned +50", "reversed -50"], 0)
    assert shop.balance() == "20 available"
    assert [lot.expires_at for lot in shop.ledger.lots(ANN)] == [instant("2024-04-01")]


def test_an_approval_comes_before_its_payment(storage: Storage) -> None:
    """
    An approval counts whenever it arrives, also before the payment that it approves is reported (R-13, I-15).
    """
    shop = Shop(storage, evolve(PROGRAM, timing="on_full_payment"))
    shop.ledger.place(order("o-1", line("mug", "50.00")))

    assert taken(shop.ledger.approve_payment("o-1", "bank", account=ANN)) == ["noted"]
    waits = Tender("bank", gbp("50.00"), approved=False)

    assert taken(shop.ledger.pay("o-1", waits, account=ANN)) == ["earned +50"]


def test_a_decision_takes_more_and_only_once(storage: Storage) -> None:
    """
    What a decision took beyond the proposal is not taken and given again by every later fact of the order (R-30, R-14).
    """
    rules = [EarnRule.per_amount(1, per=gbp("1.00")), EarnRule.per_unit(5, expiry=ExpiryPolicy.after(days=10))]
    shop = Shop(storage, evolve(PROGRAM, earn_rules=rules))
    shop.ledger.process(order("o-1", line("mug", "10.00", 3)))
    shop.ledger.return_lines("o-1", "r-1", {"mug": 1}, account=ANN)
    proposal = shop.ledger.propose_return("o-1", "r-1", account=ANN)
    assert proposal.take_back == 15
    shop.ledger.settle_return(proposal, take_back=18, **BY_HAND)
    assert shop.balance() == "27 available"

    assert taken(shop.ledger.invoice("o-1", "i-1", {"mug": 2}, account=ANN)) == ["noted"]
    assert shop.balance() == "27 available"


def test_points_are_redeemed_after_a_decision(storage: Storage) -> None:
    """
    An order can be paid with points after a return of it was decided; they pay for what is left of it (R-26, R-30).
    """
    shop = Shop(storage, evolve(PROGRAM, redeeming_orders="full"))
    shop.ledger.process(order("o-1", line("mug", "20.00", 2)))
    shop.ledger.return_lines("o-1", "r-1", {"mug": 1}, account=ANN)
    shop.ledger.settle_return(shop.ledger.propose_return("o-1", "r-1", account=ANN), **BY_HAND)
    shop.ledger.adjust(ANN, 80, **BY_HAND)

    shop.ledger.redeem(ANN, 60, order="o-1")
    shop.ledger.return_lines("o-1", "r-2", {"mug": 1}, account=ANN)
    proposal = shop.ledger.propose_return("o-1", "r-2", account=ANN)

    # The 60 points paid for the one mug that was left, and all of them come back with it.
    assert (proposal.take_back, proposal.give_back) == (20, 60)


def test_points_are_redeemed_between_return_and_decision(storage: Storage) -> None:
    """
    A return that waits has not gone yet: points redeemed meanwhile paid for it too, and the proposal gives back what
    accepting it gives back (R-30).
    """
    shop = Shop(storage, evolve(PROGRAM, redeeming_orders="full"))
    shop.ledger.adjust(ANN, 80, **BY_HAND)
    shop.ledger.process(order("o-1", line("mug", "20.00", 2)))
    shop.ledger.return_lines("o-1", "r-1", {"mug": 1}, account=ANN)
    shop.ledger.redeem(ANN, 60, order="o-1")

    proposal = shop.ledger.propose_return("o-1", "r-1", account=ANN)

    assert (proposal.take_back, proposal.give_back) == (20, 30)
    assert taken(shop.ledger.settle_return(proposal, **BY_HAND)) == ["restored +30", "reversed -20"]


@pytest.mark.parametrize("limits", [{"share_max": 1}, {"money_max": gbp("7.35")}, {"share_max": 1, "step": 25}])
def test_a_limit_that_covers_what_is_left_to_pay(storage: Storage, limits: dict) -> None:
    """
    A limit of 7.35 lets 74 points pay off 7.35, although it holds only 70 points in whole groups (R-25).
    """
    shop = Shop(storage, evolve(PROGRAM, limits=RedemptionLimits(exact_payoff=True, **limits)))
    shop.ledger.earn(ANN, 100)

    quote = shop.ledger.quote_redemption(ANN, to_pay=gbp("7.35"))

    assert (quote.points, quote.money, quote.still_to_pay) == (74, gbp("7.35"), gbp("0.00"))
    assert shop.ledger.redeem(ANN, 74, to_pay=gbp("7.35")).money == gbp("7.35")


@pytest.mark.parametrize("parts", [[4], [1, 3], [3, 1], [1, 1, 1, 1]])
def test_a_debit_that_made_debt_is_restored_in_parts(storage: Storage, parts: list[int]) -> None:
    """
    A debit of 4 that took 3 from lots and left 1 owed ends the same, restored at once or in parts: the debt goes first
    (R-34, R-35, I-11).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.adjust(ANN, 1, expires_at=instant("2024-03-20"), **BY_HAND)
    shop.ledger.adjust(ANN, 2, expires_at=instant("2024-03-30"), **BY_HAND)
    shop.ledger.adjust(ANN, -4, allow_debt=True, **BY_HAND)
    assert shop.balance() == "1 owed"

    for points in parts:
        shop.ledger.reverse(ANN, 3, points, **BY_HAND)

    assert shop.balance() == "3 available"
    assert shop.lots() == {1: 1, 2: 2}


def test_a_line_that_does_not_earn_by_money(storage: Storage) -> None:
    """
    A gift card that is bought does not earn by its price; rules per unit and order, and their multipliers, take it as
    any line (R-15, R-16).
    """
    rules = [
        EarnRule.per_amount(1, per=gbp("1.00")),
        EarnRule.per_unit(5),
        EarnRule.per_order(3),
        EarnRule.multiplier(2, products=["card"]),
    ]
    shop = Shop(storage, evolve(PROGRAM, earn_rules=rules))

    # 10 by money on the mug; 5 for the mug, twice 5 for the card; 3 for the order.
    assert shop.ledger.quote(order("o-1", line("mug", "10.00"), line("card", "50.00", earns=False))).points == 28


def test_a_refused_correction_of_the_past_changes_nothing(storage: Storage) -> None:
    """
    Where points are truly missing, `refuse` still refuses: a cancel of an order whose points are spent (R-32, I-18).
    """
    shop = Shop(storage, evolve(PROGRAM, shortfall="refuse"))
    shop.ledger.process(order("o-1", line("mug", "50.00")))
    shop.ledger.adjust(ANN, -30, **BY_HAND)

    with pytest.raises(ShortfallRefused):
        shop.ledger.cancel("o-1", account=ANN)
    assert shop.balance() == "20 available"


def test_a_proposal_takes_no_more_than_is_booked(storage: Storage) -> None:
    """
    A program that changed since may count an order that it did not count before; a return proposes to take back only
    what is booked (R-30, R-35).
    """
    shop = Shop(storage, evolve(PROGRAM, timing="on_full_payment"))
    shop.ledger.process(order("o-1", line("mug", "7.00", 2)))  # not paid, so nothing is earned
    shop.ledger.return_lines("o-1", "r-1", {"mug": 1}, account=ANN)
    shop.under(PROGRAM)  # would count it as processed

    proposal = shop.ledger.propose_return("o-1", "r-1", account=ANN)

    assert (proposal.take_back, proposal.give_back) == (0, 0)
    # Accepting it lets the order count under the new program: the one mug that is kept earns.
    assert taken(shop.ledger.settle_return(proposal, **BY_HAND)) == ["earned +7"]


def test_points_that_come_at_the_instant_of_the_lapse(storage: Storage) -> None:
    """
    What a command credits at the very instant at which the account lapses stays (R-12, R-36, R-40).
    """
    idle = ExpiryPolicy.inactivity(days=6, resets=["earn"])
    shop = Shop(storage, evolve(PROGRAM, expiry=idle), now="2024-01-31")
    shop.ledger.earn(ANN, 40)  # 6 February is the last day

    receipt = shop.on("2024-02-07 00:00").set_balance(ANN, 100, **BY_HAND)

    assert taken(receipt) == ["expired -40", "adjusted +100"]
    assert shop.balance() == "100 available"


def test_the_lines_of_a_proposal_add_up(storage: Storage) -> None:
    """
    A return that lets another rule of a group win shows what every line loses and gains (R-17, R-30).
    """
    rules = [
        EarnRule.per_amount(1, per=gbp("1.00"), id="mugs", products=["mug"], group="one"),
        EarnRule.per_amount(1, per=gbp("1.00"), id="pots", products=["pot"], group="one"),
    ]
    shop = Shop(storage, evolve(PROGRAM, earn_rules=rules))
    shop.ledger.process(order("o-1", line("mug", "100.00"), line("pot", "40.00")))
    shop.ledger.return_lines("o-1", "r-1", {"mug": 1}, account=ANN)

    proposal = shop.ledger.propose_return("o-1", "r-1", account=ANN)

    assert (proposal.take_back, taken_by_line(proposal)) == (60, {"mug": 100, "pot": -40})


def test_a_ratio_too_long_to_read(storage: Storage) -> None:
    """
    An explanation never fails on an exact result, however long (R-03, R-10).
    """
    tiny = [EarnRule.multiplier(Fraction(1, 10**12), id=f"m{i}") for i in range(400)]
    rules = [EarnRule.per_amount(1, per=gbp("1.00"), rounding="ceil"), *tiny]
    shop = Shop(storage, evolve(PROGRAM, earn_rules=rules, multipliers="multiply"))
    shop.ledger.process(order("o-1", line("mug", "10.00")))

    assert any("exactly a ratio too long to read" in text for text in shop.ledger.explain(ANN, 1).sentences)


def test_a_quote_foresees_what_paying_takes_back(storage: Storage) -> None:
    """
    Where the points that pay lower what the order earns, and the program refuses a shortfall, the quote does not name
    what the redemption would refuse (R-18, R-25, R-32).
    """
    shop = Shop(storage, evolve(PROGRAM, redeeming_orders="net_of_points", shortfall="refuse"))
    shop.ledger.process(order("o-1", line("mug", "10.00")))

    # 10 points pay 1.00, so the order earns 9; the tenth is spent.
    assert shop.ledger.quote_redemption(ANN, order="o-1").points == 0
    with pytest.raises(ShortfallRefused):
        shop.ledger.redeem(ANN, 10, order="o-1")
    shop.ledger.earn(ANN, 10)
    assert shop.ledger.quote_redemption(ANN, 10, order="o-1").points == 10
    assert taken(shop.ledger.redeem(ANN, 10, order="o-1")) == ["redeemed -10", "reversed -1"]


def test_an_order_that_gets_other_dates_keeps_its_points_under_a_cap(storage: Storage) -> None:
    """
    The points of the later date leave while those of the earlier one come, so a full balance cuts nothing (R-19, I-15).
    """
    capped = evolve(PROGRAM, timing="on_save", caps=EarnCaps(balance=50), expiry=ExpiryPolicy.after(days=30))
    shop = Shop(storage, capped, now="2024-03-05")
    shop.ledger.process(order("o-1", line("mug", "50.00")))

    late = shop.ledger.place(order("o-1", line("mug", "50.00")), occurred_at=instant("2024-03-01"))

    assert (taken(late), [entry.withheld for entry in late.entries]) == (["earned +50", "reversed -50"], [0, 0])
    assert shop.balance() == "50 available"


def test_a_fact_that_came_after_a_lapse_of_another_order(storage: Storage) -> None:
    """
    What time did first belongs to the command but not to its order: the fact is known all the same (R-12, R-14, R-44).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.adjust(ANN, 50, **BY_HAND)
    shop.ledger.hold(ANN, 20, order="o-1", until=instant("2024-03-02"))
    basket = order("o-2", line("mug", "30.00"))
    first = shop.on("2024-03-03").process(basket, key="first")
    assert taken(first) == ["lapsed +20", "earned +30"]

    again = shop.ledger.process(basket, key="second")

    assert again.replayed
    assert again.entries == first.entries
    assert taken(shop.ledger.cancel("o-2", account=ANN)) == ["reversed -30"]


def test_what_was_set_aside_lapses_when_it_is_free_again(storage: Storage) -> None:
    """
    A lot whose date passed while its points were held lapses at the end of the hold, with nothing asked (R-12, R-27).
    """
    shop = Shop(storage, evolve(PROGRAM, expiry=ExpiryPolicy.after(days=3)))
    shop.ledger.earn(ANN, 50)
    shop.ledger.hold(ANN, 20, order="o-1", until=instant("2024-03-10"))
    assert shop.on("2024-03-06").balance(ANN).held == 20  # 30 lapsed on the 5th

    receipt = shop.on("2024-03-12").expire(ANN)

    assert taken(receipt) == ["expired -30", "lapsed +20", "expired -20"]
    assert [f"{entry.occurred_at:%d}" for entry in receipt.entries] == ["05", "10", "10"]
    assert [entry.order for entry in receipt.entries] == [None, "o-1", None]
    assert not verify(storage, "shop").findings


def test_an_empty_lot_gets_no_later_date(storage: Storage) -> None:
    """
    Nothing of a lot that was used up can be extended, nor made usable by an event (R-20, R-38).
    """
    shop = Shop(storage, evolve(PROGRAM, expiry=ExpiryPolicy.after(days=30)))
    shop.ledger.earn(ANN, 50)
    shop.ledger.redeem(ANN, 50)
    with pytest.raises(NotLater) as refused:
        shop.ledger.extend(ANN, 1, instant("2024-06-01"), **BY_HAND)
    assert (refused.value.lot, refused.value.given) == (1, instant("2024-06-01"))

    waiting = shop.under(evolve(PROGRAM, pending=PendingPolicy.until_event()))
    waiting.earn(ANN, 20)
    waiting.reverse(ANN, 3, **BY_HAND)
    with pytest.raises(NotPending):
        waiting.activate_lot(ANN, 3)


def test_a_lot_that_waits_is_not_extended(storage: Storage) -> None:
    """
    Its policy dates it when the event is reported, so there is no date yet that another could be later than (R-38).
    """
    shop = Shop(storage, evolve(PROGRAM, pending=PendingPolicy.until_event(), expiry=ExpiryPolicy.after(days=30)))
    shop.ledger.earn(ANN, 20)
    before = shop.everything()

    with pytest.raises(InvalidInput) as refused:
        shop.ledger.extend(ANN, 1, instant("2025-01-01"), **BY_HAND)

    assert refused.value.field == "lot"
    assert shop.everything() == before
    shop.on("2024-04-01").activate_lot(ANN, 1)
    assert [lot.expires_at for lot in shop.ledger.lots(ANN)] == [instant("2024-05-02")]  # valid until 1 May


def test_a_lot_that_was_reinstated_keeps_a_later_date(storage: Storage) -> None:
    """
    Points that come back beside points of a later date get that date, not an earlier one (R-38).
    """
    shop = Shop(storage, evolve(PROGRAM, expiry=ExpiryPolicy.after(days=3)))
    shop.ledger.earn(ANN, 50)
    shop.on("2024-03-10").reinstate(ANN, 1, 20, expires_at=instant("2024-12-01"), **BY_HAND)

    shop.ledger.reinstate(ANN, 1, 10, **BY_HAND)  # the policy would give 13 March

    assert [(lot.remaining, lot.expires_at) for lot in shop.ledger.lots(ANN)] == [(30, instant("2024-12-01"))]


def test_a_limit_does_not_hide_that_points_are_missing(storage: Storage) -> None:
    """
    What the order would lose is counted before the limits are, for a hold as for a redemption (R-18, R-25, R-47).
    """
    limits = RedemptionLimits(points_max=30)
    shop = Shop(storage, evolve(PROGRAM, limits=limits))
    shop.ledger.adjust(ANN, 10, **BY_HAND)
    shop.ledger.process(order("o-1", line("mug", "60.00")))
    for verb in (shop.ledger.redeem, lambda *a, **k: shop.ledger.hold(*a, until=instant("2024-04-01"), **k)):
        with pytest.raises(InsufficientPoints) as refused:
            verb(ANN, 40, order="o-1")
        assert refused.value.available == 10
        with pytest.raises(RedemptionLimited):
            verb(ANN, 40, order="o-2", to_pay=gbp("60.00"))


def test_what_the_order_earned_is_spent_and_may_not_be(storage: Storage) -> None:
    """
    A program that refuses shortfalls refuses the hold that would lead to one at its capture (R-27, R-32, R-47).
    """
    shop = Shop(storage, evolve(PROGRAM, shortfall="refuse"))
    shop.ledger.process(order("o-1", line("mug", "60.00")))
    shop.ledger.redeem(ANN, 50, order="o-2")

    with pytest.raises(ShortfallRefused) as refused:
        shop.ledger.hold(ANN, 10, order="o-1", until=instant("2024-04-01"))

    assert (refused.value.claimed, refused.value.shortfall) == (60, 50)


def test_a_quote_for_an_order_whose_hold_is_over(storage: Storage) -> None:
    """
    A hold whose time is over does not stand in the way of a quote, as it does not of what is quoted (R-11, R-21, R-27).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.adjust(ANN, 50, **BY_HAND)
    shop.ledger.place(order("o-1", line("mug", "3.00")))
    shop.ledger.hold(ANN, 20, order="o-1", until=instant("2024-03-02"))
    with pytest.raises(HoldOpen):
        shop.ledger.quote_redemption(ANN, order="o-1")

    quote = shop.on("2024-03-02").quote_redemption(ANN, order="o-1")

    assert (quote.points, quote.money) == (30, gbp("3.00"))
    assert taken(shop.ledger.redeem(ANN, 30, order="o-1")) == ["lapsed +20", "redeemed -30"]


def test_a_refund_after_a_cancel_is_nothing(storage: Storage) -> None:
    """
    What a cancelled order cost was refunded by the cancel; a return of it refunds nothing again (R-29, R-30).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.process(order("o-1", line("mug", "10.00", 2)))
    shop.ledger.return_lines("o-1", "r-1", {"mug": 1}, account=ANN)
    shop.ledger.cancel("o-1", account=ANN)

    quote = shop.ledger.quote_refund("o-1", account=ANN)

    assert (quote.refund, quote.cash) == (gbp("0.00"), gbp("0.00"))
    assert (quote.take_back, quote.give_back) == (0, 0)


def test_cash_follows_the_points_that_a_person_gave_back(storage: Storage) -> None:
    """
    A mug of two, of which points paid 4.00: giving back 60 points instead of 40 leaves 4.00 in cash instead of 6.00,
    also when the decided return is looked at again (R-30).
    """
    shop = Shop(storage, evolve(PROGRAM, redeeming_orders="full"))
    shop.ledger.adjust(ANN, 80, **BY_HAND)
    shop.ledger.redeem(ANN, 80, order="o-1", to_pay=gbp("20.00"))
    shop.ledger.process(order("o-1", line("mug", "10.00", 2)))
    shop.ledger.return_lines("o-1", "r-1", {"mug": 1}, account=ANN)
    proposal = shop.ledger.propose_return("o-1", "r-1", account=ANN)
    assert (proposal.refund, proposal.paid_with_points, proposal.cash) == (gbp("10.00"), gbp("4.00"), gbp("6.00"))
    shop.ledger.settle_return(proposal, give_back=60, **BY_HAND)

    again = shop.ledger.propose_return("o-1", "r-1", account=ANN)

    assert (again.refund, again.paid_with_points, again.cash) == (gbp("10.00"), gbp("6.00"), gbp("4.00"))
    rest = shop.ledger.quote_refund("o-1", {"mug": 1}, account=ANN)
    assert (rest.refund, rest.paid_with_points, rest.cash, rest.give_back) == (
        gbp("10.00"),
        gbp("2.00"),
        gbp("8.00"),
        20,
    )


def test_a_program_that_is_off_tells_nothing_and_loses_nothing(storage: Storage) -> None:
    """
    Notices wait until the program is on again (R-42, R-43).
    """
    told = evolve(PROGRAM, notices=NoticePolicy(subscribed=True))
    shop = Shop(storage, told)
    shop.ledger.earn(ANN, 50)
    off = shop.under(evolve(told, active=False))
    assert off.notices(ANN) == off.take_notices(ANN) == off.due_notices() == ()

    (notice,) = shop.under(told).due_notices()

    assert (notice.points, notice.balance) == (50, 50)


def test_a_quote_lowers_by_what_paying_takes_back(storage: Storage) -> None:
    """
    Paying with points may take back points of the very order; where that may not be short, fewer can pay (R-18, R-25).
    """
    rules = {"redeeming_orders": "net_of_points", "shortfall": "refuse", "timing": "on_save"}
    shop = Shop(storage, evolve(PROGRAM, **rules))
    shop.ledger.adjust(ANN, 120, **BY_HAND)
    shop.ledger.place(order("o-1", line("mug", "19.00")))
    assert shop.balance() == "139 available"

    quote = shop.ledger.quote_redemption(ANN, order="o-1")

    # 130 would pay 13.00 and take back 13 of the 19: 143, which is 4 too many.
    assert (quote.points, quote.money) == (120, gbp("12.00"))
    with pytest.raises(ShortfallRefused):
        shop.ledger.redeem(ANN, 130, order="o-1")
    assert taken(shop.ledger.redeem(ANN, 120, order="o-1")) == ["redeemed -120", "reversed -12"]
    assert shop.balance() == "7 available"


def test_one_order_that_gives_more_than_there_can_be(storage: Storage) -> None:
    """
    One operation gives at most 10^12 points, however they are counted (R-01, I-30).
    """
    rich = evolve(PROGRAM, earn_rules=[EarnRule.per_amount(10**12, per=gbp("1.00"))])
    shop = Shop(storage, rich)
    assert taken(shop.ledger.process(order("o-1", line("mug", "1.00")))) == [f"earned +{10**12}"]
    before = shop.everything()

    with pytest.raises(LimitExceeded) as refused:
        shop.ledger.process(order("o-2", line("mug", "2.00")))

    assert (refused.value.figure, refused.value.limit) == ("points", 10**12)
    assert shop.everything() == before


def test_a_long_answer_is_given_again(storage: Storage) -> None:
    """
    A command before which time did much is answered with every entry that it wrote, also the second time (R-44, I-14).
    """
    shop = Shop(storage, PROGRAM)
    for day in range(1, 31):
        shop.ledger.adjust(ANN, 1, expires_at=instant(f"2024-04-{day:02}"), **BY_HAND)
    first = shop.on("2024-05-01").process(order("o-1", line("mug", "9.00")), key="first")
    assert taken(first) == ["expired -1"] * 30 + ["earned +9"]

    again = shop.ledger.process(order("o-1", line("mug", "9.00")), key="second")

    assert again.replayed
    assert again.entries == first.entries


def test_an_entry_that_names_no_lot(tmp_path: Path) -> None:
    """
    What contradicts itself in the storage is said to be damaged, not what was asked to be wrong (R-47).
    """
    with SQLiteStorage(tmp_path / "shop.db") as storage:
        shop = Shop(storage, PROGRAM)
        shop.ledger.earn(ANN, 50)
        shop.on("2024-03-02").redeem(ANN, 20)
        shop.on("2024-03-05").earn(ANN, 1)
        with closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
            connection.execute("UPDATE pointsledger_allocations SET lot = 9")
            connection.commit()

        with pytest.raises(Corrupt) as damaged:
            shop.ledger.balance(ANN, at=instant("2024-03-03"))

    assert damaged.value.detail == "it names lot 9, which no entry before it opened"
