"""
Totals: the points of a whole program.
"""

from pointsledger import Ledger
from pointsledger.domain.account import Account
from pointsledger.port import Storage
from pointsledger.reports.totals import Totals, totals
from pointsledger.storage.memory import MemoryStorage
from tests.reports.corner_shop import at, buys, cancels, corrects, earns, gives_back, midnight, shop, uses

HISTORY = [
    buys("ada", "1", "01-31", 40),
    buys("bo", "2", "02-01", 25, quantity=2),
    uses("ada", "02-10", 10),
    corrects("bo", "02-11", 5),
    gives_back("bo", "2", "02-12"),
    uses("bo", "02-20", 20),
    cancels("bo", "2", "03-01"),
    earns("cy", "03-02", 8),
]


def test_totals_are_the_sums_over_accounts(storage: Storage) -> None:
    """
    The totals of a program are the sums of its accounts' figures, and satisfy the conservation law (I-1, I-40).
    """
    program = shop()
    Ledger(program, storage).apply_all(HISTORY)
    Ledger(shop(id="other"), storage).apply(earns("ada", "01-01", 1000))
    found = totals(storage, program, at("03-02"))
    # Bo: 50 earned, 5 by hand, 25 and then 25 taken back of which 10 are left and 15 are owed.
    assert found == Totals(
        accounts=3,
        entries=8,
        earned=98,
        adjusted=5,
        reversed=50,
        redeemed=30,
        available=38,
        debt=15,
    )
    assert (found.issued, found.outstanding) == (103, 38)


def test_totals_hold_at_any_instant(storage: Storage) -> None:
    """
    Totals can be asked for the past, as it was recorded then, and for the future, as time will have it (R-11).
    """
    program = shop()
    Ledger(program, storage).apply_all(HISTORY)
    assert totals(storage, program, at("02-05")) == Totals(accounts=2, entries=2, earned=90, available=90)
    later = totals(storage, program, midnight("2026-01-01"))
    assert (later.expired, later.outstanding, later.debt) == (38, 0, 15)


def test_more_accounts_than_a_page() -> None:
    """
    Accounts beyond the first page count too.
    """
    storage, program = MemoryStorage(), shop()
    Ledger(program, storage).apply_all(earns(f"a{number}", "01-01", 1) for number in range(2001))
    assert totals(storage, program, at("01-02")).accounts == 2001


def test_nothing_is_nothing() -> None:
    """
    A program without accounts has totals of 0, and an account without entries is none.
    """
    assert totals(MemoryStorage(), shop(), at("01-01")) == Totals()
    assert Totals.of([Account("corner", "ada")]) == Totals()
