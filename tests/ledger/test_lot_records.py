"""
Lots as records, comments, who is responsible, and who holds them (R-41, S4.1 to S4.8).
"""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsledger import EarnRule, ExchangeRate, ExpiryPolicy, PendingPolicy, Program
from pointsledger.errors import EntryUnknown, LotUnknown, Refused
from pointsledger.port import Storage
from pointsledger.storage.memory import MemoryStorage
from tests.scenarios.scenario import ANN, BY_HAND, Shop, gbp, instant

PROGRAM = Program(
    id="crm",
    timezone="Europe/London",
    exchange_rates=[ExchangeRate(10, gbp("1.00"))],
    expiry=ExpiryPolicy.after(months=1),
)


def test_everything_about_one_lot(storage: Storage) -> None:
    """
    Counters, dates, reason, description, holder, responsible, redemptions, updates and comments (S4.1 to S4.8).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.set_profile("acme", holder="organisation")
    lot = shop.ledger.adjust(
        "acme", 100, actor="sales:1", reason="contract 2024", comment="for the yearly order"
    ).sequence
    shop.ledger.redeem("acme", 30, order="o-1")
    shop.ledger.redeem("acme", 20, order="o-2")
    shop.ledger.cancel("o-2", account="acme")
    shop.ledger.hold("acme", 10, order="o-3", until=instant("2024-03-10"))
    shop.ledger.assign("acme", lot, "sales:2", actor="boss")
    shop.ledger.comment("acme", "they asked for more time", entry=lot, actor="sales:2")
    shop.ledger.extend("acme", lot, instant("2024-05-01"), actor="sales:2", reason="they asked")

    record = shop.ledger.lot("acme", lot)

    assert (record.account, record.holder) == ("acme", "organisation")
    assert (record.total, record.used, record.held, record.remaining) == (100, 30, 10, 60)
    assert (record.expired, record.taken_back, record.status) == (0, 0, "available")
    assert (record.generated_at, record.expires_at) == (instant("2024-03-01"), instant("2024-05-01"))
    assert record.last_valid_date == date(2024, 5, 1)  # 01:00 in London is still the 1st
    assert (record.reason, record.description) == ("contract 2024", "for the yearly order")
    assert record.responsible == "sales:2"
    assert [entry.order for entry in record.redemptions] == ["o-1", "o-2"]
    assert [entry.kind for entry in record.updates] == ["noted", "redated"]
    assert [entry.comment for entry in record.comments] == ["they asked for more time"]
    assert record.opened_by.sequence == lot


@pytest.mark.parametrize(
    ("story", "status"),
    [
        (lambda led: None, "available"),
        (lambda led: led.redeem(ANN, 50), "used"),
        (lambda led: led.hold(ANN, 50, order="o", until=instant("2024-03-20")), "held"),
        (lambda led: led.reverse(ANN, 1, **BY_HAND), "taken_back"),
        (lambda led: (led.redeem(ANN, 10), led.reverse(ANN, 1, 40, **BY_HAND)), "taken_back"),
    ],
)
def test_status(storage: Storage, story, status: str) -> None:
    """
    A lot without points is named after what most of them became (S4.2).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.earn(ANN, 50)
    story(shop.ledger)
    assert shop.ledger.lot(ANN, 1).status == status
    later = shop.ledger.lot(ANN, 1, at=instant("2024-04-03"))
    assert later.status == ("expired" if status in {"available", "held"} else status)
    assert (later.responsible, later.holder) == (None, None)


def test_pending_and_never(storage: Storage) -> None:
    """
    Points that wait are pending; without a date there is no last valid one.
    """
    shop = Shop(storage, Program(id="crm", pending=PendingPolicy.after(days=3)))
    shop.ledger.earn(ANN, 50)
    record = shop.ledger.lot(ANN, 1)
    assert (record.status, record.expires_at, record.last_valid_date) == ("pending", None, None)
    assert shop.ledger.lot(ANN, 1, at=instant("2024-03-04")).status == "available"


def test_comments_move_no_points(storage: Storage) -> None:
    """
    A comment stands on the account, or on an entry that exists, and changes nothing else (R-41).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.earn(ANN, 50)
    before = shop.ledger.balance(ANN).available
    shop.ledger.comment(ANN, "prefers tea", actor="support")
    shop.ledger.comment(ANN, "double-checked", entry=1)
    assert [(e.kind, e.comment) for e in shop.ledger.entries(ANN, after=1)] == [
        ("noted", "prefers tea"),
        ("noted", "double-checked"),
    ]
    assert shop.ledger.balance(ANN).available == before
    assert len(shop.ledger.lot(ANN, 1).comments) == 1
    with pytest.raises(EntryUnknown):
        shop.ledger.comment(ANN, "nothing there", entry=9)
    for no_lot in (2, 9):
        with pytest.raises(LotUnknown):
            shop.ledger.lot(ANN, no_lot)
        with pytest.raises(LotUnknown):
            shop.ledger.assign(ANN, no_lot, "op")


def test_profile(storage: Storage) -> None:
    """
    What is said later completes and overrules what was known; verified since the earliest time (S1.4, S2.2, S4.5).
    """
    shop = Shop(storage, Program(id="crm", earn_rules=[EarnRule.per_action(5, action="visit", verified=True)]))
    shop.ledger.set_profile(ANN, holder="person", balance_updates=True)
    shop.ledger.set_profile(ANN, verified=True)
    shop.ledger.set_profile(ANN, verified=True, occurred_at=instant("2024-02-01"), holder="organisation")
    shop.ledger.set_profile(ANN, balance_updates=False, expiry_warnings=True)
    visit = shop.ledger.act(ANN, "visit", occurred_at=instant("2024-02-01"))
    assert visit.points == 5
    account = storage.read("crm", ANN, _profile_of)
    assert (account.holder, account.verified_at) == ("organisation", instant("2024-02-01"))
    assert (account.balance_updates, account.expiry_warnings) == (False, True)


def _profile_of(account):
    yield from ()
    return account.profile


STEPS = st.lists(
    st.tuples(st.sampled_from(["redeem", "cancel", "hold", "free", "reverse", "wait", "again"]), st.integers(1, 40))
)


@settings(deadline=None, max_examples=100)
@given(steps=STEPS)
def test_figures_add_up(steps: list[tuple[str, int]]) -> None:
    """
    Whatever happened, used, lapsed, taken back, held and left are the whole of the lot (S4.1, I-5).
    """
    shop = Shop(MemoryStorage(), PROGRAM)
    ledger = shop.ledger
    ledger.earn(ANN, 100)
    day = 1
    for n, (step, points) in enumerate(steps):
        try:
            if step == "redeem":
                ledger.redeem(ANN, points, order=f"o-{n}", currency=None)
            elif step == "cancel":
                ledger.cancel(f"o-{n - 1}", account=ANN)
            elif step == "hold":
                ledger.hold(ANN, points - points % 10 or 10, order=f"o-{n}", until=instant(f"2024-04-{day:02}"))
            elif step == "free":
                ledger.release(f"o-{n - 1}", account=ANN)
            elif step == "reverse":
                ledger.reverse(ANN, 1, points, **BY_HAND)
            elif step == "again":
                ledger.reinstate(ANN, 1, points, **BY_HAND)
            elif day < 28:
                day += 9
                shop.on(f"2024-04-{day:02}")
        except Refused:
            pass
        record = ledger.lot(ANN, 1)
        parts = (record.used, record.expired, record.taken_back, record.held, record.remaining)
        assert sum(parts) == record.total == 100
        assert min(parts) >= 0
