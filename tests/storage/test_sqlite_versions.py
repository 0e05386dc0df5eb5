"""
A file that an earlier release wrote, opened by this one: accounts that lapsed by inactivity and went on, and dates that
were given by hand.

The story that was told to the earlier release stands at the head of `format_2_lapsed.sql`; the figures below are worked
out from it. Points are usable at once, for twelve months, or until three months after the last purchase or use.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from attrs import evolve

from pointsledger import EarnRule, ExchangeRate, ExpiryPolicy, Ledger, Money, Program, RestorePolicy
from pointsledger.errors import SchemaMismatch, StorageUnavailable
from pointsledger.reports.verify import verify
from pointsledger.storage import sql_schema
from pointsledger.storage.sqlite import SQLiteStorage
from tests.scenarios.scenario import BY_HAND, instant, taken
from tests.storage.books import figures_and_lots

LAPSED = Path(__file__).with_name("format_2_lapsed.sql")
PROGRAM = Program(
    id="club",
    earn_rules=[EarnRule.per_amount(1, per=Money("1.00", "USD"))],
    exchange_rates=[ExchangeRate(10, Money("1.00", "USD"))],
    expiry=ExpiryPolicy.earlier_of(ExpiryPolicy.after(months=12), ExpiryPolicy.inactivity(months=3)),
)
PLUS = Program(
    id="plus",
    earn_rules=[*PROGRAM.earn_rules, EarnRule.per_order(7, expiry=ExpiryPolicy.after(days=30))],
    exchange_rates=PROGRAM.exchange_rates,
    expiry=ExpiryPolicy.after(months=12),
    restore=RestorePolicy(lapsed="grace", grace_days=5),
)
"""Another program, in which one rule has an expiry of its own, and points that come back have five days of grace."""
LONGER = evolve(
    PROGRAM, expiry=ExpiryPolicy.earlier_of(ExpiryPolicy.after(months=24), ExpiryPolicy.inactivity(months=3))
)
TODAY = instant("2025-07-01")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """
    The file as the earlier release left it.
    """
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(LAPSED.read_text())
    return path


@pytest.fixture
def storage(old: Path) -> Iterator[SQLiteStorage]:
    """
    The file opened by this release, which migrates it.
    """
    with SQLiteStorage(old, journal_mode="delete") as storage:
        yield storage
        assert_clean(storage)


@pytest.fixture
def ledger(storage: SQLiteStorage) -> Ledger:
    """
    Its ledger on 1 July 2025.
    """
    return Ledger(PROGRAM, storage, clock=lambda: TODAY)


def assert_clean(storage: SQLiteStorage) -> None:
    """
    The books of both programs are what their entries say.
    """
    assert (verify(storage, "club").findings, verify(storage, "plus").findings) == ((), ())


def stored(path: Path) -> list[str]:
    """
    Return everything that a file says.
    """
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def version(path: Path) -> int:
    """
    Return the version of a file's format.
    """
    with closing(sqlite3.connect(path)) as connection:
        ((found,),) = connection.execute("SELECT version FROM pointsledger_schema")
    return found


class TestFigures:
    """
    What the migrated file says is what was told.
    """

    def test_the_file_is_of_the_second_format(self, old: Path) -> None:
        """
        Opening brings it to this release's version, once, and its books are clean (A91, R-07).
        """
        assert version(old) == 2
        with SQLiteStorage(old, journal_mode="delete") as storage:
            assert_clean(storage)
        assert version(old) == sql_schema.SCHEMA_VERSION == 3
        migrated = stored(old)
        SQLiteStorage(old, journal_mode="delete").close()
        assert stored(old) == migrated

    @pytest.mark.parametrize(
        ("account", "available"),
        [
            ("ann", 30),  # 100 and 50 lapsed, and the 40 that came back with them; 30 of June
            ("bob", 140),  # 100 + 20 + 5 + 35 + 10 - 30
            ("cid", 7),  # 10 and 20 lapsed
            ("dan", 40),  # 80 less 50 taken back and 30 by hand; 70 less the 30 that were owed
            ("eva", 40),  # 60 less 20
            ("fay", 9),  # 60 lapsed at the instant of the next purchase
            ("gus", 3),  # 60 lapsed
            ("hal", 2),  # 90 less 10, the rest lapsed; 5 less 3
        ],
    )
    def test_balances(self, ledger: Ledger, account: str, available: int) -> None:
        """
        Each account has what it had, and owes nothing.
        """
        balance = ledger.balance(account)
        assert (balance.available, balance.pending, balance.held, balance.debt) == (available, 0, 0, 0)

    @pytest.mark.parametrize(
        ("account", "then", "available"),
        [
            ("ann", "2025-01-31", 150),
            ("ann", "2025-05-01 23:59", 110),  # the last day of three months from 1 February
            ("ann", "2025-05-02", 0),
            ("ann", "2025-09-12", 30),
            ("ann", "2025-09-13", 0),
            ("bob", "2025-08-04", 140),  # the last day of three months from 4 May
            ("bob", "2025-08-05", 0),
            ("cid", "2025-03-10", 20),
            ("cid", "2025-03-11", 0),
            ("cid", "2026-06-10", 7),  # a credit by hand starts no clock, so only its own date counts
            ("cid", "2026-06-11", 0),
            ("dan", "2025-05-10", 8),
            ("dan", "2025-06-10", 80),
            ("dan", "2025-06-11", 30),
            ("eva", "2025-06-10", 60),
            ("eva", "2025-09-10", 40),
            ("eva", "2025-09-11", 0),
        ],
    )
    def test_balances_of_before_and_after(self, ledger: Ledger, account: str, then: str, available: int) -> None:
        """
        A balance of any instant is what it was, or will be (R-11, R-36).
        """
        assert ledger.balance(account, at=instant(then)).available == available

    def test_dates_of_rules_and_of_a_grace(self, storage: SQLiteStorage) -> None:
        """
        Points of a rule with an expiry of its own and points that came back for a grace have their dates (R-34, R-36).
        """
        plus = Ledger(PLUS, storage, clock=lambda: instant("2025-06-21"))
        # 7 are valid for 30 days from 1 June; 30 came back on 20 June.
        assert [(lot.remaining, lot.expires_at) for lot in plus.lots("rex")] == [
            (7, instant("2025-07-02")),
            (40, instant("2026-06-02")),
        ]
        assert [(lot.remaining, lot.expires_at) for lot in plus.lots("sue")] == [(30, instant("2025-06-26"))]
        assert plus.balance("rex").available == 47
        assert plus.balance("sue").expired == 17  # of 47, 30 were used

    def test_records_of_lots(self, ledger: Ledger) -> None:
        """
        The record of each lot adds up, with the dates it had (R-41).
        """
        names = ("total", "used", "expired", "taken_back", "held", "remaining", "status")
        records = {
            (account, lot): ledger.lot(account, lot)
            for account, lot in [("ann", 1), ("ann", 2), ("bob", 1), ("dan", 5), ("hal", 1), ("hal", 4)]
        }
        assert {key: tuple(getattr(record, name) for name in names) for key, record in records.items()} == {
            ("ann", 1): (100, 0, 100, 0, 0, 0, "expired"),  # 60 and, after they came back, 40
            ("ann", 2): (50, 0, 50, 0, 0, 0, "expired"),
            ("bob", 1): (100, 30, 0, 0, 0, 70, "available"),
            ("dan", 5): (80, 30, 0, 50, 0, 0, "taken_back"),
            ("hal", 1): (90, 10, 80, 0, 0, 0, "expired"),
            ("hal", 4): (5, 3, 0, 0, 0, 2, "available"),
        }
        by_hand = records["ann", 2]
        assert (by_hand.generated_at, by_hand.expires_at) == (instant("2025-01-20"), instant("2026-07-01"))
        assert (by_hand.reason, by_hand.responsible) == ("gift", "eve")
        assert records["bob", 1].expires_at == instant("2025-12-24")

    @pytest.mark.parametrize(
        ("account", "lapsed"),
        [
            ("ann", ("2025-05-02", 3)),
            ("bob", None),
            ("cid", ("2025-03-11", 3)),  # the second time
            ("dan", ("2025-05-11", 3)),
            ("eva", None),  # used a second before
            ("fay", ("2025-06-11", 1)),
            ("gus", ("2025-04-11", 1)),
            ("hal", ("2025-04-11", 2)),
        ],
    )
    def test_when_they_lapsed(self, storage: SQLiteStorage, account: str, lapsed: tuple[str, int] | None) -> None:
        """
        The last lapse is known, and up to which entry it reaches: not to what the command that booked it did (R-36).
        """
        found = storage.read("club", account, figures_and_lots)[0].lapsed
        assert found == (lapsed and (instant(lapsed[0]), lapsed[1]))


class TestGoingOn:
    """
    What this release does with what the earlier one wrote.
    """

    def test_points_of_a_lot_that_lapsed(self, ledger: Ledger) -> None:
        """
        Points that come back to a lot that lapsed by inactivity lapse, whatever came since; those of a lot that was
        opened by the command that booked the lapse live (R-34).
        """
        assert taken(ledger.reverse("hal", 2, **BY_HAND)) == ["restored +10", "expired -10"]
        assert taken(ledger.reverse("hal", 5, **BY_HAND)) == ["restored +3"]
        assert ledger.balance("hal").available == 5
        # Of the 60 taken by hand 30 were owed, which come back as a lot of their own.
        assert sum(entry.points for entry in ledger.reverse("dan", 7, **BY_HAND).entries) == 60
        assert ledger.balance("dan").available == 100
        assert ledger.lot("dan", 5).remaining == 30

    def test_an_order_whose_points_lapsed(self, ledger: Ledger) -> None:
        """
        A cancel takes lapsed points back from where they lapsed: nobody owes them (R-32).
        """
        assert ledger.cancel("a-1", account="ann").shortfall == 0
        assert ledger.balance("ann").available == 30

    def test_dates_by_hand_stay(self, storage: SQLiteStorage) -> None:
        """
        Re-dating moves the lots that follow the program, orders and credits by hand alike, and none that was given its
        date; a remark that looks like a date is none (R-38).
        """
        ledger = Ledger(LONGER, storage, clock=lambda: instant("2025-06-01"))
        preview = ledger.preview_redating("bob")
        assert (preview.points, preview.lapsing) == (70, 0)  # 20 + 5 + 35 + 10
        ledger.redate("bob", **BY_HAND)
        assert {lot.id: (lot.remaining, lot.expires_at) for lot in ledger.lots("bob")} == {
            1: (70, instant("2025-12-24")),
            2: (20, instant("2027-05-03")),
            3: (5, instant("2027-05-04")),
            4: (35, instant("2027-05-05")),
            5: (10, instant("2027-05-06")),
        }

    def test_a_date_by_hand_after_what_time_did(self, storage: SQLiteStorage) -> None:
        """
        Dan's lot was dated by a command whose first entry is what time did; the date stays all the same (R-38).
        """
        ledger = Ledger(LONGER, storage, clock=lambda: TODAY)
        ledger.reverse("dan", 7, **BY_HAND)  # 30 of the 60 are in lot 5 again
        ledger.redate("dan", **BY_HAND)
        assert ledger.lot("dan", 5).expires_at == instant("2026-03-01")

    def test_dates_of_a_rule_and_of_a_grace_stay(self, storage: SQLiteStorage) -> None:
        """
        Of Rex's 47 points 7 are dated by their rule's own policy; Sue's 30 came back for a grace (R-38).
        """
        longer = evolve(PLUS, expiry=ExpiryPolicy.after(months=24))
        ledger = Ledger(longer, storage, clock=lambda: instant("2025-06-21"))
        assert ledger.preview_redating("rex").points == 40
        assert ledger.preview_redating("sue").points == 0

    def test_an_order_that_nothing_happened_to(self, storage: SQLiteStorage) -> None:
        """
        An invoice changes nothing of what Rex's order is due, so nothing is posted (R-14).
        """
        ledger = Ledger(PLUS, storage, clock=lambda: instant("2025-06-21"))
        assert taken(ledger.invoice("r-1", "i-1", {"x": 1}, account="rex")) == ["noted"]
        assert ledger.balance("rex").earned == 47

    def test_everybody_is_swept(self, ledger: Ledger) -> None:
        """
        A sweep finds all that lapses later (R-39).
        """
        last = instant("2027-01-01")
        assert ledger.expire_due(at=last).points == 30 + 140 + 7 + 40 + 40 + 9 + 3 + 2
        assert [ledger.balance(account, at=last).available for account in ledger.accounts()] == [0] * 8


class TestFailing:
    """
    A file that cannot be migrated stays what it was.
    """

    @pytest.mark.parametrize("way", ["pointsledger_holds", "pointsledger_accounts_3", "pointsledger_entries_counted"])
    def test_something_in_the_way(self, old: Path, way: str) -> None:
        """
        A migration that fails at its beginning, in its middle or at its end leaves every row at the second version;
        without what was in its way it is done (A91, I-25).
        """
        with closing(sqlite3.connect(old)) as plain:
            plain.execute(f"CREATE TABLE {way} (one)")
        before = stored(old)
        for _ in range(2):
            with pytest.raises(StorageUnavailable, match=way):
                SQLiteStorage(old, journal_mode="delete")
            assert (version(old), stored(old)) == (2, before)
        with closing(sqlite3.connect(old)) as plain:
            plain.execute(f"DROP TABLE {way}")
        with SQLiteStorage(old, journal_mode="delete") as storage:
            assert_clean(storage)
        assert version(old) == 3

    def test_a_file_of_the_future(self, old: Path) -> None:
        """
        A file of a later version is refused, named, and left as it is (R-47).
        """
        with closing(sqlite3.connect(old)) as plain, plain:
            plain.execute("UPDATE pointsledger_schema SET version = 4")
        before = stored(old)
        with pytest.raises(SchemaMismatch) as refused:
            SQLiteStorage(old, journal_mode="delete")
        assert (refused.value.found, refused.value.supported) == (4, 3)
        assert stored(old) == before
