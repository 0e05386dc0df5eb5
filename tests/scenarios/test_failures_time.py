"""
What went wrong elsewhere with expiry and clocks (A71 to A80).
"""

from datetime import date

import pytest
from attrs import evolve

from pointsledger import EarnRule, ExpiryPolicy, Program, RestorePolicy
from pointsledger.errors import InsufficientPoints
from pointsledger.port import Storage
from tests.scenarios.scenario import ANN, BY_HAND, Shop, gbp, instant, line, order, taken

PROGRAM = Program(
    id="shop",
    earn_rules=[EarnRule.per_amount(1, per=gbp("1.00"))],
    expiry=ExpiryPolicy.after(days=10),
)


def test_a71_expired_credits_leave_their_old_debits_behind(storage: Storage) -> None:
    """
    Expiry takes what is left of a lot, never what was used of it (A71, R-11, I-5).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.earn(ANN, 100)
    shop.ledger.redeem(ANN, 80)
    shop.on("2024-03-05").earn(ANN, 50)

    assert taken(shop.on("2024-03-12").expire(ANN)) == ["expired -20"]
    assert shop.balance() == "50 available"


def test_a72_lots_of_other_origins_live_for_ever(storage: Storage) -> None:
    """
    Every lot lapses at its date, whatever opened it: an order, a count, a hand, a restoration (A72, R-36, I-31).
    """
    shop = Shop(storage, evolve(PROGRAM, restore=RestorePolicy(lapsed="grace", grace_days=3)))
    shop.ledger.process(order("o-1", line("mug", "20.00")))
    shop.ledger.earn(ANN, 10)
    shop.ledger.adjust(ANN, 30, **BY_HAND)
    shop.ledger.redeem(ANN, 5, order="o-2")

    # 1 March + 10 days: the last day is the 11th.
    assert taken(shop.on("2024-03-12").expire(ANN)) == ["expired -55"]
    assert taken(shop.ledger.cancel("o-2", account=ANN)) == ["restored +5"]
    shop.on("2024-03-15 23:59")  # 12 March + 3 days of grace
    assert shop.balance() == "5 available"
    assert taken(shop.on("2024-03-16").expire(ANN)) == ["expired -5"]
    assert shop.lots() == {}


@pytest.mark.parametrize(("days", "left"), [(10, "nothing"), (11, "7 available")])
def test_a73_the_expiry_setting_is_never_read(storage: Storage, days: int, left: str) -> None:
    """
    The setting decides, and what lapses stays in the history (A73, R-36, I-12).
    """
    shop = Shop(storage, evolve(PROGRAM, expiry=ExpiryPolicy.after(days=days)))
    shop.ledger.earn(ANN, 7)

    shop.on("2024-03-12").expire(ANN)

    assert shop.balance() == left
    assert shop.ledger.entries(ANN)[0].points == 7


def test_a74_expired_points_are_still_claimable(storage: Storage) -> None:
    """
    Points past their date cannot be used, although no job ever ran (A74, R-11, I-32).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.earn(ANN, 7)

    shop.on("2024-03-12")

    with pytest.raises(InsufficientPoints):
        shop.ledger.redeem(ANN, 1)
    assert shop.balance() == "nothing"


@pytest.mark.parametrize(
    ("zone", "last", "first_without"),
    [
        ("UTC", "2024-03-31 23:59:59", "2024-04-01 00:00"),
        ("America/New_York", "2024-04-01 03:59:59", "2024-04-01 04:00"),  # 4 hours behind
        ("Pacific/Auckland", "2024-03-31 10:59:59", "2024-03-31 11:00"),  # 13 hours ahead
    ],
)
def test_a76_midnight_of_the_wrong_day(storage: Storage, zone: str, last: str, first_without: str) -> None:
    """
    "Until 31 March" lasts to the end of that day where the shop is (A76, R-37, I-33).
    """
    shop = Shop(storage, evolve(PROGRAM, timezone=zone, expiry=ExpiryPolicy.on(date(2024, 3, 31))))
    shop.ledger.earn(ANN, 7)

    shop.on(last)
    assert shop.balance() == "7 available"
    shop.on(first_without)
    assert shop.balance() == "nothing"


def test_a80_the_clock_steps_back(storage: Storage) -> None:
    """
    A clock that steps back stops the account's time: nothing comes back to life, and numbers go on (A80, R-04, I-35).
    """
    shop = Shop(storage, PROGRAM)
    shop.on("2024-03-01").earn(ANN, 7)
    shop.on("2024-03-12").expire(ANN)

    late = shop.on("2024-03-05").earn(ANN, 4)

    assert [entry.sequence for entry in late.entries] == [3]
    assert late.entries[0].recorded_at == instant("2024-03-12")
    assert shop.balance() == "4 available"
