"""
Notices: what holders are to be told, each exactly once (R-42, S1.4, S1.28).
"""

import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsledger import ExchangeRate, ExpiryPolicy, Ledger, NoticePolicy, Program
from pointsledger.domain.notice import Notice
from pointsledger.port import Storage
from pointsledger.storage.memory import MemoryStorage
from pointsledger.storage.sqlite import SQLiteStorage
from tests.scenarios.scenario import ANN, BY_HAND, Shop, gbp, instant

PROGRAM = Program(
    id="shop",
    exchange_rates=[ExchangeRate(10, gbp("1.00"))],
    expiry=ExpiryPolicy.after(days=30),
    notices=NoticePolicy(warn_days=5, subscribed=True),
)


def told(notices: tuple[Notice, ...]) -> list[str]:
    """
    Return notices in a few words.
    """
    return [
        f"{n.points:+} makes {n.balance}" if n.kind == "balance_update" else f"{n.points} lapse on {n.expires_at:%m-%d}"
        for n in notices
    ]


def test_updates_once(storage: Storage) -> None:
    """
    One update for each command that changed the balance; holds tell nothing until they pay (R-42).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.earn(ANN, 50)
    shop.ledger.hold(ANN, 20, order="o-1", until=instant("2024-04-01"))
    shop.ledger.comment(ANN, "a note")
    assert told(shop.ledger.notices(ANN)) == ["+50 makes 50"]
    shop.ledger.capture("o-1", 10, account=ANN)
    assert told(shop.ledger.notices(ANN)) == told(shop.ledger.take_notices(ANN)) == ["+50 makes 50", "-10 makes 40"]
    assert shop.ledger.notices(ANN) == shop.ledger.take_notices(ANN) == ()
    shop.ledger.adjust(ANN, -5, **BY_HAND)
    (update,) = shop.ledger.take_notices(ANN)
    assert (update.kind, update.account, update.at) == ("balance_update", ANN, shop.now)
    assert shop.ledger.entries(ANN)[update.entry - 1].points == -5


def test_the_same_take_twice(storage: Storage) -> None:
    """
    With the same key the same notices come again, whatever happened since (R-44, I-14).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.earn(ANN, 50)
    shop.on("2024-03-27").earn(ANN, 7)
    first = shop.ledger.take_notices(ANN, key="mail-1")
    assert told(first) == ["+50 makes 50", "+7 makes 57", "50 lapse on 04-01"]
    shop.on("2024-03-28").redeem(ANN, 10)
    assert shop.ledger.take_notices(ANN, key="mail-1") == first
    assert told(shop.ledger.take_notices(ANN, key="mail-2")) == ["-10 makes 47"]


def test_two_subscriptions(storage: Storage) -> None:
    """
    They are independent, per account, and what the program says holds for who has said nothing (S1.4).
    """
    quiet = evolve(PROGRAM, notices=NoticePolicy(warn_days=5))
    shop = Shop(storage, quiet)
    for who, wants in {
        "updates": {"balance_updates": True},
        "warnings": {"expiry_warnings": True},
        "neither": {"balance_updates": False},
    }.items():
        shop.ledger.set_profile(who, **wants)
        shop.ledger.earn(who, 10)
    shop.ledger.earn("nothing said", 10)
    shop.on("2024-03-27")
    accounts = ("updates", "warnings", "neither", "nothing said")
    assert [told(shop.ledger.take_notices(who)) for who in accounts] == [
        ["+10 makes 10"],
        ["10 lapse on 04-01"],
        [],
        [],
    ]
    shop.under(PROGRAM)
    assert told(shop.ledger.notices("neither")) == ["10 lapse on 04-01"]


def test_who_subscribes_is_told_from_then_on(storage: Storage) -> None:
    """
    What was before is no news, and a warning whose day was before is past (R-42).
    """
    shop = Shop(storage, evolve(PROGRAM, notices=NoticePolicy(warn_days=5)))
    shop.ledger.earn(ANN, 50)
    shop.on("2024-03-28").set_profile(ANN, balance_updates=True, expiry_warnings=True)
    shop.ledger.earn(ANN, 7)
    assert told(shop.ledger.take_notices(ANN)) == ["+7 makes 57"]
    shop.on("2024-04-23")  # five days before the 28th
    assert told(shop.ledger.take_notices(ANN)) == ["-50 makes 7", "7 lapse on 04-28"]


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2024-03-26 23:59", []),
        ("2024-03-27", ["50 lapse on 04-01"]),  # usable until 31 March; five days before the 1st
        ("2024-03-31 23:59", ["50 lapse on 04-01"]),
        ("2024-04-01", []),  # too late to be of use
    ],
)
def test_days_before(storage: Storage, now: str, due: list[str]) -> None:
    """
    A warning is due at the start of the local day, N days before the day of the lapse, until it is too late (S1.28).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.earn(ANN, 50)
    shop.ledger.take_notices(ANN)
    shop.on(now)
    found = [notice for notice in shop.ledger.due_notices() if notice.kind == "expiry_warning"]
    assert told(tuple(found)) == due
    assert shop.ledger.due_notices() == ()


def test_not_if_they_live_too_short(storage: Storage) -> None:
    """
    No warning where N exceeds the remaining life (S1.28); lots that lapse together are one warning.
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.adjust(ANN, 5, expires_at=instant("2024-04-01"), **BY_HAND)
    shop.ledger.earn(ANN, 50)
    shop.on("2024-03-27 00:01").adjust(ANN, 9, expires_at=instant("2024-04-01"), **BY_HAND)
    assert told(shop.ledger.take_notices(ANN))[-1] == "55 lapse on 04-01"


def test_by_the_local_day(storage: Storage) -> None:
    """
    Days are those of the program's zone: Auckland's 27 March begins at noon of the 26th, UTC.
    """
    shop = Shop(
        storage, evolve(PROGRAM, timezone="Pacific/Auckland", notices=NoticePolicy(warn_days=5)), now="2024-02-29"
    )
    shop.ledger.set_profile(ANN, expiry_warnings=True)
    shop.ledger.earn(ANN, 50)  # 13:00 of 29 February; usable until 30 March, so it lapses on the 31st
    assert shop.on("2024-03-25 10:59").due_notices() == ()
    assert len(shop.on("2024-03-25 11:00").due_notices()) == 1


def test_used_moved_and_extended(storage: Storage) -> None:
    """
    What is used is not warned about; a lot with another date is warned about anew; inactivity counts as it stands.
    """
    shop = Shop(storage, evolve(PROGRAM, notices=NoticePolicy(warn_days=5)))
    shop.ledger.set_profile(ANN, expiry_warnings=True)
    shop.ledger.earn(ANN, 50)
    shop.ledger.redeem(ANN, 20)
    assert told(shop.on("2024-03-27").due_notices()) == ["30 lapse on 04-01"]
    shop.ledger.extend(ANN, 2, instant("2024-04-20"), **BY_HAND)
    assert shop.ledger.due_notices() == ()
    assert told(shop.on("2024-04-15").due_notices()) == ["30 lapse on 04-20"]
    idle = Program(id="idle", expiry=ExpiryPolicy.inactivity(days=30), notices=NoticePolicy(warn_days=5))
    other = Shop(storage, idle)
    other.ledger.set_profile(ANN, expiry_warnings=True)
    other.ledger.earn(ANN, 10)
    other.on("2024-03-20").redeem(ANN, 1)
    assert other.on("2024-03-27").due_notices() == ()  # it would have lapsed on 1 April
    assert told(other.on("2024-04-15").due_notices()) == ["9 lapse on 04-20"]


def test_across_accounts(storage: Storage) -> None:
    """
    Only accounts on which something may be due are looked at, a batch at a time, until there are no more (R-42).
    """
    shop = Shop(storage, PROGRAM)
    for n in range(7):
        shop.ledger.earn(f"a-{n}", n + 1)
    shop.under(evolve(PROGRAM, notices=NoticePolicy())).earn("silent", 5)
    shop.under(PROGRAM)
    assert len(storage.accounts_to_notify("shop", shop.now, 99)) == 7
    found: list[Notice] = []
    while notices := shop.ledger.due_notices(batch=3):
        assert len(notices) <= 3
        found += notices
    assert sorted(notice.points for notice in found) == [1, 2, 3, 4, 5, 6, 7]
    assert list(storage.accounts_to_notify("shop", instant("2024-03-26"), 99)) == []
    assert len(storage.accounts_to_notify("shop", instant("2024-03-27"), 99)) == 7


def test_a_lapse_that_nobody_booked(storage: Storage) -> None:
    """
    What time took is told whether a sweep ran or not, once, and by one look at the account (R-42, I-32).
    """
    shop = Shop(storage, evolve(PROGRAM, notices=NoticePolicy(subscribed=True)))
    shop.ledger.earn(ANN, 50)  # lapses on 1 April
    assert told(shop.ledger.due_notices()) == ["+50 makes 50"]
    assert list(storage.accounts_to_notify("shop", instant("2024-03-31"), 9)) == []
    assert told(shop.on("2024-04-01").due_notices()) == ["-50 makes 0"]
    assert shop.on("2024-06-01").due_notices() == ()
    assert list(storage.accounts_to_notify("shop", instant("2025-01-01"), 9)) == []


def test_an_account_looked_at_for_nothing(storage: Storage) -> None:
    """
    Where what was due is gone, nothing is taken and nothing written but when to look again.
    """
    shop = Shop(storage, evolve(PROGRAM, notices=NoticePolicy(warn_days=5)))
    shop.ledger.set_profile(ANN, expiry_warnings=True)
    shop.ledger.earn(ANN, 50)
    shop.ledger.redeem(ANN, 50)
    version = shop.ledger.balance(ANN).version
    assert shop.on("2024-03-28").due_notices() == ()
    assert shop.ledger.balance(ANN).version == version
    assert list(storage.accounts_to_notify("shop", instant("2025-01-01"), 9)) == []


def test_a_closed_account_is_still_told(storage: Storage) -> None:
    """
    Closing is no reason to lose a notice.
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.earn(ANN, 50)
    shop.ledger.close_account(ANN, **BY_HAND)
    assert told(shop.ledger.due_notices()) == ["+50 makes 50"]


def test_in_the_callers_transaction(tmp_path) -> None:
    """
    Taken notices and the row that says what to send commit or vanish together (R-46).
    """
    with closing(sqlite3.connect(tmp_path / "shop.db", isolation_level=None)) as connection:
        storage = SQLiteStorage.joining(connection)
        connection.execute("CREATE TABLE mails (text)")
        connection.execute("BEGIN IMMEDIATE")
        storage.create_schema()
        ledger = Ledger(PROGRAM, storage, clock=lambda: instant("2024-03-01"))
        ledger.earn(ANN, 50)
        connection.execute("COMMIT")
        for end in ("ROLLBACK", "COMMIT"):
            connection.execute("BEGIN IMMEDIATE")
            for notice in ledger.take_notices(ANN):
                connection.execute("INSERT INTO mails VALUES (?)", (f"{notice.points}",))
            connection.execute(end)
        assert connection.execute("SELECT text FROM mails").fetchall() == [("50",)]


def test_outbox(storage: Storage) -> None:
    """
    Entries after a position come once each, where the host keeps the position of the last one (R-42).
    """
    shop = Shop(storage, PROGRAM)
    position, seen = 0, []
    for points in (5, 6, 7):
        shop.ledger.earn(ANN, points)
        for entry in shop.ledger.entries(ANN, after=position, limit=1):
            seen.append(entry.points)
            position = entry.sequence
    assert seen == [5, 6, 7]


@settings(deadline=None, max_examples=60)
@given(steps=st.lists(st.tuples(st.integers(0, 12), st.sampled_from(["earn", "redeem", "take", "sweep"])), max_size=14))
def test_each_once_whenever_taken(steps: list[tuple[int, str]]) -> None:
    """
    However often notices are taken and whether sweeps run between, every update comes exactly once, and warnings as one
    who looks every day would see them at least when taken in time (R-42, I-32).
    """
    often, seldom = Shop(MemoryStorage(), PROGRAM), Shop(MemoryStorage(), PROGRAM)
    taken: list[Notice] = []
    day = 0
    for days, step in steps:
        day += days
        for shop in (often, seldom):
            shop.now = instant("2024-03-01") + timedelta(days=day)
            if step == "earn":
                shop.ledger.earn(ANN, 10)
            elif step == "redeem" and shop.ledger.balance(ANN).available >= 10:
                shop.ledger.redeem(ANN, 10)
        if step == "take":
            taken += often.ledger.due_notices()
        elif step == "sweep":
            often.ledger.expire_due()
    taken += often.ledger.take_notices(ANN)
    updates = [(n.points, n.balance) for n in taken if n.kind == "balance_update"]
    whole = [(n.points, n.balance) for n in seldom.ledger.take_notices(ANN) if n.kind == "balance_update"]
    assert sum(points for points, _ in updates) == sum(points for points, _ in whole)
    entries = [n.entry for n in taken if n.kind == "balance_update"]
    assert len(entries) == len(set(entries))
    warned = [n.expires_at for n in taken if n.kind == "expiry_warning"]
    assert len(warned) == len(set(warned))
