"""
Reading: balances at any instant, what expires, lots, entries, draws, accounts (R-06, R-08, R-09, R-10, R-11).
"""

import pytest
from attrs import evolve

from pointsledger import ExchangeRate, ExpiryPolicy, PendingPolicy, Program, commands
from pointsledger.errors import InvalidIdentifier, InvalidInput
from pointsledger.port import Storage
from tests.scenarios.scenario import ANN, BY_HAND, Shop, gbp, instant, taken

PROGRAM = Program(id="shop", exchange_rates=[ExchangeRate(10, gbp("1.00"))], expiry=ExpiryPolicy.after(days=30))


class TestBalance:
    """
    A pure function of history and time (R-11).
    """

    def test_past_now_and_forecast(self, storage: Storage) -> None:
        """
        The balance is asked for the past as then recorded, for now, and for the future as a forecast (R-11, I-3).
        """
        shop = Shop(storage, evolve(PROGRAM, pending=PendingPolicy.after(days=7)))
        shop.on("2024-03-01").earn(ANN, 30)
        shop.on("2024-03-10").redeem(ANN, 10)

        def at(day: str) -> tuple[int, int, int, int, int]:
            seen = shop.ledger.balance(ANN, at=instant(day))
            return seen.available, seen.pending, seen.redeemed, seen.expired, seen.version

        assert at("2024-02-01") == (0, 0, 0, 0, 0)
        assert at("2024-03-01") == (0, 30, 0, 0, 1)
        assert at("2024-03-08") == (30, 0, 0, 0, 1)  # usable since this day, although no entry says so
        assert at("2024-03-10") == (20, 0, 10, 0, 2)
        # Usable from 8 March for 30 days, so to 7 April; the forecast counts the entry that time will write.
        assert at("2024-04-07") == (20, 0, 10, 0, 2)
        assert at("2024-04-08") == (0, 0, 10, 20, 3)

    def test_what_it_says(self, storage: Storage) -> None:
        """
        Figures in all, value in whole groups, what lapses next (R-11).
        """
        shop = Shop(storage, PROGRAM)
        shop.on("2024-03-01").earn(ANN, 30)
        shop.on("2024-03-02").earn(ANN, 17)
        shop.ledger.redeem(ANN, 10)

        seen = shop.ledger.balance(ANN)

        assert (seen.available, seen.pending, seen.debt, seen.earned, seen.redeemed) == (37, 0, 0, 47, 10)
        assert (seen.value, seen.version, seen.shown, seen.at) == (gbp("3.00"), 3, True, instant("2024-03-02"))
        assert seen.expiring_next is not None
        assert (seen.expiring_next.points, seen.expiring_next.at) == (20, instant("2024-04-01"))

    def test_a_clock_behind_the_account(self, storage: Storage) -> None:
        """
        A clock that is behind shows the account as it is; an instant that is named is taken at its word (R-04).
        """
        shop = Shop(storage, PROGRAM)
        shop.on("2024-03-10").earn(ANN, 30)

        shop.on("2024-03-05")
        assert shop.balance() == "30 available"
        assert shop.ledger.balance(ANN, at=instant("2024-03-05")).available == 0

    def test_what_was_booked_late(self, storage: Storage) -> None:
        """
        The past is as it was recorded then: points that lapsed but were not booked were gone all the same (R-11, I-32).
        """
        shop = Shop(storage, PROGRAM)
        shop.ledger.earn(ANN, 30)
        shop.on("2024-05-01").expire(ANN)

        assert shop.ledger.balance(ANN, at=instant("2024-03-31")).available == 30
        assert shop.ledger.balance(ANN, at=instant("2024-04-15")).available == 0

    def test_a_long_history(self, storage: Storage) -> None:
        """
        The past is read over any number of entries (R-11).
        """
        shop = Shop(storage, PROGRAM)
        shop.ledger.apply_all([commands.Earn(account=ANN, points=1)] * 1001)
        shop.on("2024-03-02").earn(ANN, 1)

        assert shop.ledger.balance(ANN, at=instant("2024-03-01")).available == 1001
        assert shop.ledger.balance(ANN, at=instant("2024-02-29")).available == 0

    def test_without_a_rate_no_value(self, storage: Storage) -> None:
        """
        Points without a rate have no value in money, on the balance and on entries (R-11, R-22).
        """
        shop = Shop(storage, evolve(PROGRAM, exchange_rates=[]))
        entry = shop.ledger.earn(ANN, 30).entries[0]

        assert (shop.ledger.balance(ANN).value, entry.value, entry.balance_value) == (None, None, None)


class TestExpiring:
    """
    What lapses when (R-11, R-36).
    """

    def test_soonest_first_and_together(self, storage: Storage) -> None:
        """
        Points that lapse together are one step, pending ones included; those that never lapse are none (R-11).
        """
        shop = Shop(storage, PROGRAM)
        shop.ledger.earn(ANN, 5)
        shop.ledger.earn(ANN, 6)
        shop.ledger.earn(ANN, 7, occurred_at=instant("2024-03-03"))
        shop.under(evolve(PROGRAM, expiry=ExpiryPolicy.never())).adjust(ANN, 9, **BY_HAND)

        steps = [(step.points, step.at) for step in shop.ledger.expiring(ANN)]

        assert steps == [(11, instant("2024-04-01")), (7, instant("2024-04-03"))]
        assert [step.points for step in shop.ledger.expiring(ANN, at=instant("2024-04-02"))] == [7]
        assert shop.ledger.expiring("stranger") == ()

    def test_as_it_was_then(self, storage: Storage) -> None:
        """
        What lapses, and the lots, are asked for the past as then recorded (R-11, I-3).
        """
        shop = Shop(storage, PROGRAM)
        shop.ledger.earn(ANN, 10)
        shop.on("2024-03-05").redeem(ANN, 10)

        then = instant("2024-03-02")
        assert [(step.points, step.at) for step in shop.ledger.expiring(ANN, at=then)] == [(10, instant("2024-04-01"))]
        assert [(lot.id, lot.remaining) for lot in shop.ledger.lots(ANN, at=then)] == [(1, 10)]
        assert shop.ledger.lots(ANN) == ()

    def test_inactivity_brings_it_forward(self, storage: Storage) -> None:
        """
        Where the account lapses before the lots do, all points lapse then (R-36).
        """
        both = ExpiryPolicy.earlier_of(ExpiryPolicy.after(days=30), ExpiryPolicy.inactivity(days=10))
        shop = Shop(storage, evolve(PROGRAM, expiry=both))
        shop.ledger.earn(ANN, 5)
        shop.ledger.adjust(ANN, 6, **BY_HAND)

        (step,) = shop.ledger.expiring(ANN)

        assert (step.points, step.at) == (11, instant("2024-03-12"))


class TestLots:
    """
    Lots in the order of use (R-08, R-09).
    """

    def five(self, storage: Storage, program: Program) -> Shop:
        """
        Return a shop with five lots that differ in dates.
        """
        shop = Shop(storage, program)
        never = shop.under(evolve(program, expiry=ExpiryPolicy.never()))
        never.earn(ANN, 10)  # lot 1 never lapses
        for day, earned in (("2024-06-01", "2024-02-10"), ("2024-05-01", "2024-02-20")):
            never.adjust(ANN, 10, expires_at=instant(day), occurred_at=instant(earned), **BY_HAND)  # lots 2 and 3
        for earned in ("2024-02-15", "2024-02-15"):
            never.adjust(ANN, 10, expires_at=instant("2024-06-01"), occurred_at=instant(earned), **BY_HAND)  # 4 and 5
        return shop

    def test_soonest_expiry(self, storage: Storage) -> None:
        """
        Earliest expiry first, never last, then earliest earned, then sequence; and so they are drawn (R-09, I-6).
        """
        shop = self.five(storage, evolve(PROGRAM, use_order="soonest_expiry"))
        assert [*shop.lots()] == [3, 2, 4, 5, 1]

        receipt = shop.ledger.redeem(ANN, 50)
        assert [lot for lot, _ in receipt.entries[0].allocations] == [3, 2, 4, 5, 1]

    def test_oldest_first(self, storage: Storage) -> None:
        """
        Or earliest earned first, then sequence (R-09, I-6).
        """
        shop = self.five(storage, evolve(PROGRAM, use_order="oldest_first"))
        assert [*shop.lots()] == [2, 4, 5, 3, 1]

        receipt = shop.ledger.redeem(ANN, 50)
        assert [lot for lot, _ in receipt.entries[0].allocations] == [2, 4, 5, 3, 1]

    def test_what_a_lot_says(self, storage: Storage) -> None:
        """
        A lot shows its points, what is left, what lapsed and its dates; used up it is not listed (R-08, S4.1, S4.3).
        """
        shop = Shop(storage, evolve(PROGRAM, pending=PendingPolicy.after(days=7)))
        shop.ledger.earn(ANN, 30)

        (lot,) = shop.ledger.lots(ANN)
        assert (lot.id, lot.points, lot.remaining, lot.expired) == (1, 30, 30, 0)
        assert (lot.earned_at, lot.available_at, lot.expires_at) == tuple(
            map(instant, ("2024-03-01", "2024-03-08", "2024-04-08"))
        )
        shop.on("2024-03-08").redeem(ANN, 30)
        assert shop.ledger.lots(ANN) == ()

    def test_what_drew_on_a_lot(self, storage: Storage) -> None:
        """
        A lot is asked for the entries that drew on it or gave back to it (R-08, S4.7).
        """
        shop = Shop(storage, PROGRAM)
        shop.ledger.earn(ANN, 30)
        shop.ledger.earn(ANN, 30)
        shop.ledger.redeem(ANN, 40, order="o-1")
        shop.ledger.cancel("o-1", account=ANN)
        shop.on("2024-03-31").redeem(ANN, 10)
        shop.on("2024-04-01").expire(ANN)

        assert taken(shop.ledger.draws_on(ANN, 1)) == ["redeemed -40", "restored +40", "redeemed -10", "expired -50"]
        assert taken(shop.ledger.draws_on(ANN, 2)) == ["redeemed -40", "restored +40", "expired -50"]
        assert shop.ledger.draws_on(ANN, 9) == ()


class TestEntries:
    """
    The history (R-07, R-10).
    """

    def test_pages(self, storage: Storage) -> None:
        """
        Entries come by sequence, without gaps, a page at a time (R-10, I-13).
        """
        shop = Shop(storage, PROGRAM)
        for points in range(1, 6):
            shop.ledger.earn(ANN, points)

        assert [entry.sequence for entry in shop.ledger.entries(ANN)] == [1, 2, 3, 4, 5]
        assert [entry.sequence for entry in shop.ledger.entries(ANN, after=1, limit=2)] == [2, 3]
        assert shop.ledger.entries(ANN, after=5) == ()
        assert shop.ledger.entries("stranger") == ()

    def test_what_an_entry_carries(self, storage: Storage) -> None:
        """
        An entry keeps what was asked, by whom, why, where, when, and the program in force (R-10, S4.4, S4.6).
        """
        shop = Shop(storage, PROGRAM)
        entry = shop.ledger.earn(
            ANN,
            12,
            key="k",
            occurred_at=instant("2024-02-28"),
            actor="eve",
            reason="review",
            comment="thank you",
            channel="uk",
        ).entries[0]

        assert (entry.sequence, entry.kind, entry.points, entry.balance_after) == (1, "earned", 12, 12)
        assert (entry.occurred_at, entry.recorded_at) == (instant("2024-02-28"), instant("2024-03-01"))
        assert (entry.actor, entry.reason, entry.comment, entry.channel) == ("eve", "review", "thank you", "uk")
        assert (entry.key, entry.order, entry.ordinal, entry.terms) == ("k", None, 0, PROGRAM)
        assert (entry.rate, entry.value, entry.balance_value) == (PROGRAM.exchange_rates[0], gbp("1.00"), gbp("1.00"))

    @pytest.mark.parametrize(
        ("verb", "argument", "arguments"),
        [
            ("entries", "after", {"after": -1}),
            ("entries", "limit", {"limit": 0}),
            ("entries", "limit", {"limit": 10_001}),
            ("draws_on", "lot", {"lot": 0}),
            ("explain", "sequence", {"sequence": True}),
        ],
    )
    def test_numbers_out_of_range(self, storage: Storage, verb: str, argument: str, arguments: dict) -> None:
        """
        A number that cannot be one is refused by name (R-47).
        """
        with pytest.raises(InvalidInput) as refused:
            getattr(Shop(storage, PROGRAM).ledger, verb)(ANN, **arguments)

        assert refused.value.field == argument

    @pytest.mark.parametrize("verb", ["balance", "expiring", "lots", "entries"])
    def test_an_account_that_cannot_be(self, storage: Storage, verb: str) -> None:
        """
        What cannot name an account cannot be read (R-05).
        """
        with pytest.raises(InvalidIdentifier) as refused:
            getattr(Shop(storage, PROGRAM).ledger, verb)("a\0b")

        assert refused.value.field == "account"


class TestAccounts:
    """
    Which accounts there are (R-06).
    """

    def test_by_bytes_and_in_pages(self, storage: Storage) -> None:
        """
        Accounts come in the order of their bytes, a page at a time; none is like another (R-05, I-36).
        """
        shop = Shop(storage, PROGRAM)
        for account in ("b", "é", "a", "B", "a b", "e\u0301"):
            shop.ledger.earn(account, 1)

        assert shop.ledger.accounts() == ("B", "a", "a b", "b", "e\u0301", "é")
        assert shop.ledger.accounts(after="a", limit=2) == ("a b", "b")
        with pytest.raises(InvalidInput) as refused:
            shop.ledger.accounts(limit=0)
        assert refused.value.field == "limit"

    def test_programs_never_see_each_other(self, storage: Storage) -> None:
        """
        Several programs share a storage, each with its own accounts, keys, orders and figures (R-06, I-40).
        """
        shop, other = Shop(storage, PROGRAM), Shop(storage, evolve(PROGRAM, id="other"))
        shop.ledger.earn(ANN, 30, key="k")
        other.ledger.earn(ANN, 7, key="k")
        other.ledger.earn("bob", 1)

        assert (shop.balance(), other.balance()) == ("30 available", "7 available")
        assert (shop.ledger.accounts(), other.ledger.accounts()) == ((ANN,), (ANN, "bob"))
        assert taken(shop.ledger.entries(ANN)) == ["earned +30"]
