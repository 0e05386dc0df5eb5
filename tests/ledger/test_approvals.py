"""
Adjustments that a second actor approves (R-40).
"""

import pytest
from attrs import evolve

from pointsledger import Program
from pointsledger.errors import EntryUnknown, InsufficientPoints, InvalidInput, NotAwaiting, SameActor
from pointsledger.port import Storage
from tests.scenarios.scenario import ANN, BY_HAND, Shop, instant, taken

PROGRAM = Program(id="shop", approval_above=100)
ASKED = {"actor": "ann:support", "reason": "goodwill"}


def test_up_to_the_threshold(storage: Storage) -> None:
    """
    Small corrections are immediate (S0.8, R-40).
    """
    shop = Shop(storage, PROGRAM)
    assert not shop.ledger.adjust(ANN, 100, **ASKED).awaits_approval
    assert shop.ledger.adjust(ANN, -100, **ASKED).points == -100


@pytest.mark.parametrize("points", [101, -101])
def test_above_it(storage: Storage, points: int) -> None:
    """
    A larger one, up or down, moves nothing until somebody else approves it, with the date and reason it had.
    """
    shop = Shop(storage, PROGRAM)
    for _ in range(3):
        shop.ledger.adjust(ANN, 100, **ASKED)
    date = {"expires_at": instant("2024-06-01")} if points > 0 else {}
    asked = shop.ledger.adjust(ANN, points, key="k", **date, **ASKED)
    assert (taken(asked), asked.awaits_approval, asked.points) == (["noted"], True, 0)
    assert shop.balance() == "300 available"
    assert shop.ledger.adjust(ANN, points, key="k", **date, **ASKED).replayed

    approved = shop.on("2024-03-05").approve(ANN, asked.sequence, actor="boss", comment="fine")

    assert taken(approved) == [f"adjusted {points:+}"]
    assert approved.entries[0].actor == "boss"
    assert shop.ledger.balance(ANN).available == 300 + points
    if points > 0:
        assert shop.ledger.lots(ANN)[0].expires_at == instant("2024-06-01")
        record = shop.ledger.lot(ANN, approved.sequence)
        assert (record.reason, record.description) == ("goodwill", None)  # what was asked for, not the approval


def test_who_may_decide(storage: Storage) -> None:
    """
    Not who asked, not without a name, not twice, and only what waits (I-15).
    """
    shop = Shop(storage, PROGRAM)
    entry = shop.ledger.adjust(ANN, 500, **ASKED).sequence
    with pytest.raises(SameActor):
        shop.ledger.approve(ANN, entry, actor=ASKED["actor"])
    with pytest.raises(InvalidInput):
        shop.ledger.approve(ANN, entry)
    with pytest.raises(EntryUnknown):
        shop.ledger.approve(ANN, 9, actor="boss")
    shop.ledger.approve(ANN, entry, actor="boss", key="once")
    assert shop.ledger.approve(ANN, entry, actor="boss", key="once").replayed
    for decide in (shop.ledger.approve, shop.ledger.decline):
        with pytest.raises(NotAwaiting):
            decide(ANN, entry, actor="boss", reason="again")
        with pytest.raises(NotAwaiting):
            decide(ANN, entry + 1, actor="boss", reason="not one that waits")
    assert shop.balance() == "500 available"


def test_declined(storage: Storage) -> None:
    """
    What is declined is only noted, and cannot be approved any more.
    """
    shop = Shop(storage, PROGRAM)
    entry = shop.ledger.adjust(ANN, 500, **ASKED).sequence
    assert taken(shop.ledger.decline(ANN, entry, actor="boss", reason="too much")) == ["noted"]
    with pytest.raises(NotAwaiting):
        shop.ledger.approve(ANN, entry, actor="boss")
    assert shop.balance() == "nothing"


def test_a_debit_that_has_become_too_large(storage: Storage) -> None:
    """
    What is available counts when it is approved; a debit may allow debt (R-28, R-40).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.earn(ANN, 150)
    entry = shop.ledger.adjust(ANN, -150, **ASKED).sequence
    owing = shop.ledger.adjust(ANN, -200, allow_debt=True, **ASKED).sequence
    shop.ledger.redeem(ANN, 50)
    with pytest.raises(InsufficientPoints):
        shop.ledger.approve(ANN, entry, actor="boss")
    shop.ledger.approve(ANN, owing, actor="boss")
    assert shop.balance() == "100 owed"


def test_set_balance(storage: Storage) -> None:
    """
    A balance that is set by more than the threshold waits too, and counts from the balance at the approval.
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.earn(ANN, 50)
    asked = shop.ledger.set_balance(ANN, 400, **ASKED)
    assert (asked.awaits_approval, asked.entries[0].withheld) == (True, 350)
    shop.ledger.earn(ANN, 30)
    shop.ledger.approve(ANN, asked.sequence, actor="boss")
    assert shop.balance() == "400 available"
    assert not shop.ledger.set_balance(ANN, 400, **ASKED).awaits_approval


def test_every_adjustment(storage: Storage) -> None:
    """
    A threshold of 0 lets every adjustment wait; what waits is no balance and no debt.
    """
    shop = Shop(storage, evolve(PROGRAM, approval_above=0))
    entry = shop.ledger.adjust(ANN, 1, **BY_HAND).sequence
    assert shop.balance() == "nothing"
    shop.ledger.approve(ANN, entry, actor="boss")
    assert shop.balance() == "1 available"
