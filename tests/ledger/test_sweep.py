"""
Sweeps: booking what has lapsed, in batches, stopped and resumed (R-39, R-12, I-31, I-32).
"""

from datetime import date

import pytest
from attrs import evolve

from pointsledger import ExpiryPolicy, PendingPolicy, Program, Sweep
from pointsledger.errors import InvalidInput
from pointsledger.port import Storage
from tests.scenarios.scenario import ANN, BY_HAND, Shop, instant, taken

PROGRAM = Program(id="shop", expiry=ExpiryPolicy.after(days=10))
HOLDERS = [f"holder-{n}" for n in range(5)]


def shop_of_five(storage: Storage) -> Shop:
    """
    Return a shop of five holders whose 1, 2, 3, 4 and 5 points lapsed on 12 March, and one whose points live.
    """
    shop = Shop(storage, PROGRAM)
    for points, holder in enumerate(HOLDERS, start=1):
        shop.on("2024-03-01").earn(holder, points)
    shop.on("2024-03-05").earn(ANN, 9)
    shop.on("2024-03-12")
    return shop


def test_all_due_accounts_and_no_other(storage: Storage) -> None:
    """
    A sweep books what has lapsed on every due account, each at the instant at which it lapsed (R-39, I-31).
    """
    shop = shop_of_five(storage)
    shop.on("2024-03-13")

    assert shop.ledger.expire_due() == Sweep(accounts=5, points=15, complete=True)

    for points, holder in enumerate(HOLDERS, start=1):
        entry = shop.ledger.entries(holder)[-1]
        assert (entry.kind, entry.points, entry.occurred_at) == ("expired", -points, instant("2024-03-12"))
    assert len(shop.ledger.entries(ANN)) == 1


def test_batches_and_progress(storage: Storage) -> None:
    """
    Progress is told after each batch, with accounts and points so far (R-39).
    """
    shop = shop_of_five(storage)
    told: list[Sweep] = []

    shop.ledger.expire_due(batch=2, progress=told.append)

    assert [sweep.accounts for sweep in told] == [2, 4, 5]
    assert told[-1].points == 15
    assert not any(sweep.complete for sweep in told)


def test_stopped_and_resumed(storage: Storage) -> None:
    """
    A stopped sweep keeps what it booked, and the next one goes on from there (R-39).
    """
    shop = shop_of_five(storage)

    stopped = shop.ledger.expire_due(batch=2, progress=lambda sweep: sweep.accounts < 4)
    assert (stopped.accounts, stopped.complete) == (4, False)
    resumed = shop.ledger.expire_due(batch=2)
    assert (resumed.accounts, resumed.complete) == (1, True)

    assert stopped.points + resumed.points == 15
    assert shop.ledger.expire_due() == Sweep(complete=True)


def test_balances_are_the_same(storage: Storage) -> None:
    """
    Balances are the same before, after and without a sweep (R-39, R-11, I-32).
    """
    shop = shop_of_five(storage)
    before = {holder: shop.balance(holder) for holder in [*HOLDERS, ANN]}
    assert before == dict.fromkeys(HOLDERS, "nothing") | {ANN: "9 available"}

    shop.ledger.expire_due()

    assert {holder: shop.balance(holder) for holder in [*HOLDERS, ANN]} == before


def test_programs_are_swept_apart(storage: Storage) -> None:
    """
    A sweep touches its own program only (R-06, I-40).
    """
    shop = shop_of_five(storage)
    other = Shop(storage, evolve(PROGRAM, id="other"))
    other.ledger.earn(ANN, 1)

    other.on("2024-03-12")
    assert other.ledger.expire_due() == Sweep(accounts=1, points=1, complete=True)
    assert len(shop.ledger.entries(HOLDERS[0])) == 1


def test_points_that_only_become_usable(storage: Storage) -> None:
    """
    An account whose points became usable is due once, although nothing lapses (R-12, R-20).
    """
    shop = Shop(storage, Program(id="shop", pending=PendingPolicy.after(days=7)))
    shop.ledger.earn(ANN, 5)
    shop.on("2024-03-08")

    assert shop.ledger.expire_due() == Sweep(accounts=1, points=0, complete=True)
    assert shop.ledger.expire_due() == Sweep(complete=True)
    assert shop.balance() == "5 available"
    assert taken(shop.ledger.entries(ANN)) == ["earned +5"]


def test_inactivity_takes_every_lot(storage: Storage) -> None:
    """
    When an account was idle for the period, every lot lapses at once; an adjustment is no activity (R-36).
    """
    shop = Shop(storage, Program(id="shop", expiry=ExpiryPolicy.inactivity(days=30)))
    shop.on("2024-03-01").earn(ANN, 5)
    shop.on("2024-03-20").adjust(ANN, 7, **BY_HAND)

    shop.on("2024-03-31 23:59")  # 1 March + 30 days, inclusive
    assert shop.balance() == "12 available"
    shop.on("2024-04-01")
    assert shop.balance() == "nothing"
    assert taken(shop.ledger.expire(ANN)) == ["expired -12"]

    shop.on("2024-04-02").earn(ANN, 3)
    shop.on("2024-05-01").redeem(ANN, 1)  # an activity on the last but one day
    shop.on("2024-05-31 23:59")
    assert shop.balance() == "2 available"
    shop.on("2024-06-01")
    assert shop.balance() == "nothing"


class TestOneInstant:
    """
    Inside one instant: usable, lapsed, debt repaid, then the command (R-12).
    """

    def test_usable_and_lapsed_before_the_command(self, storage: Storage) -> None:
        """
        At the instant at which one lot becomes usable and another lapses, a redemption finds the first only (R-12).
        """
        shop = Shop(storage, Program(id="shop", pending=PendingPolicy.after(days=7)))
        shop.ledger.earn(ANN, 10)
        shop.ledger.adjust(ANN, 20, expires_at=instant("2024-03-08"), **BY_HAND)

        redeemed = shop.on("2024-03-08").redeem(ANN, 10)

        assert taken(redeemed) == ["expired -20", "redeemed -10"]
        assert shop.balance() == "nothing"

    def test_lapsed_points_repay_nothing(self, storage: Storage) -> None:
        """
        Points that lapse when they become usable are gone before debt is repaid (R-12, R-33).
        """
        never_usable = Program(
            id="shop", pending=PendingPolicy.on(date(2024, 3, 11)), expiry=ExpiryPolicy.on(date(2024, 3, 5))
        )
        shop = Shop(storage, never_usable)
        shop.ledger.adjust(ANN, -5, allow_debt=True, **BY_HAND)
        shop.ledger.earn(ANN, 10)
        assert shop.balance() == "10 pending, 5 owed"

        assert taken(shop.on("2024-03-11").expire(ANN)) == ["expired -10"]
        assert shop.balance() == "5 owed"

    def test_several_instants_at_once(self, storage: Storage) -> None:
        """
        What time did at several instants is booked in their order, each with its own business time (R-12, I-13).
        """
        shop = Shop(storage, Program(id="shop", pending=PendingPolicy.after(days=7), expiry=ExpiryPolicy.after(days=2)))
        shop.ledger.adjust(ANN, -5, allow_debt=True, **BY_HAND)
        shop.on("2024-03-01").earn(ANN, 3)  # usable on 8 March, to the 10th
        shop.on("2024-03-02").earn(ANN, 9)  # usable on 9 March, to the 11th

        late = shop.on("2024-04-01").expire(ANN)

        assert taken(late) == ["repaid -3, debt -3", "repaid -2, debt -2", "expired -7"]
        assert [entry.occurred_at for entry in late.entries] == [
            instant("2024-03-08"),
            instant("2024-03-09"),
            instant("2024-03-12"),
        ]
        assert {entry.recorded_at for entry in late.entries} == {instant("2024-04-01")}


def test_one_account(storage: Storage) -> None:
    """
    One account can be swept alone, as of any instant; twice changes nothing more (R-39, I-31).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.earn(ANN, 5)

    assert taken(shop.ledger.expire(ANN)) == []
    assert taken(shop.ledger.expire(ANN, at=instant("2024-03-12"))) == ["expired -5"]
    assert taken(shop.ledger.expire(ANN, at=instant("2024-03-12"))) == []
    assert taken(shop.ledger.expire("stranger")) == []


def test_a_closed_account_lapses_too(storage: Storage) -> None:
    """
    Points of a closed account lapse as time passes (R-40).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.earn(ANN, 5)
    shop.ledger.close_account(ANN, **BY_HAND)

    assert shop.on("2024-03-12").expire_due().points == 5


@pytest.mark.parametrize("batch", [0, 10_001, True])
def test_size_of_a_batch(storage: Storage, batch: int) -> None:
    """
    A batch has 1 to 10,000 accounts (R-39).
    """
    with pytest.raises(InvalidInput) as refused:
        Shop(storage, PROGRAM).ledger.expire_due(batch=batch)

    assert refused.value.field == "batch"
