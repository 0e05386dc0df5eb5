"""
What the port promises of finding accounts: pages in order of their bytes, and those that time changes.
"""

from collections.abc import Iterator

import pytest

from pointsledger import Program
from pointsledger.port import Storage
from tests.storage.books import BY_HAND, CLUB, assert_balanced, club, day

ASCENDING = [
    "0",
    "10",
    "9",
    "A",
    "B",
    "Z",
    "_",
    "a",
    "aa",
    "ab",
    "b",
    "ä",
    "\u0301x",
    "ﬁ",
    "\uffee",
    "\U0001f600",
    "\U0010fffd",
]
"""In order of their UTF-8 bytes, which UTF-16 and every language's order do not share."""


def pages(storage: Storage, limit: int) -> Iterator[list[str]]:
    """
    Yield the pages of accounts as they come, without the last, empty one.
    """
    after = ""
    while page := list(storage.accounts("club", after, limit)):
        yield page
        after = page[-1]


@pytest.mark.parametrize("limit", [1, 2, 16, 17, 18, 10_000])
def test_accounts_come_in_order_of_their_bytes(storage: Storage, limit: int):
    """
    Accounts come page by page, each once, in ascending order of their UTF-8 bytes, in whatever order they began.
    """
    assert sorted(ASCENDING, key=str.encode) == ASCENDING
    ledger = club(storage)
    for account in sorted(ASCENDING, key=hash):
        ledger.earn(account, 1)
    club(storage, Program(id="other")).earn("aaa", 1)
    found = list(pages(storage, limit))
    assert [account for page in found for account in page] == ASCENDING
    assert all(len(page) == limit for page in found[:-1])


def test_page_goes_on_after_an_account_that_is_not_there(storage: Storage):
    """
    A page begins above the id it is given, whether that account is there or not, and may be empty.
    """
    ledger = club(storage)
    for account in ("b", "d"):
        ledger.earn(account, 1)
    assert [list(storage.accounts("club", after, 5)) for after in ("", "a", "b", "c", "d", "e")] == [
        ["b", "d"],
        ["b", "d"],
        ["d"],
        ["d"],
        [],
        [],
    ]
    assert list(storage.accounts("nowhere", "", 5)) == []


def test_due_accounts_come_earliest_first(storage: Storage):
    """
    Accounts are due at the instant of their change and not before, the earliest first, then by id (R-39).
    """
    ledger = club(storage)
    for account, started in (("late", 3), ("b", 1), ("a", 1), ("first", 0)):
        ledger.earn(account, 1, at=day(started))
    # Points of day n become usable at the midnight before day n + 14.
    midnight = day(14).replace(hour=0)
    assert list(storage.due_accounts("club", midnight.replace(year=2023), 9)) == []
    assert list(storage.due_accounts("club", day(13), 9)) == []
    assert list(storage.due_accounts("club", midnight, 9)) == ["first"]
    assert list(storage.due_accounts("club", day(15), 9)) == ["first", "a", "b"]
    assert list(storage.due_accounts("club", day(99), 2)) == ["first", "a"]
    assert list(storage.due_accounts("club", day(99), 9)) == ["first", "a", "b", "late"]


def test_account_is_due_only_at_its_latest_change(storage: Storage):
    """
    An account whose next change has moved is due at the new instant, once, and not at the old one.
    """
    ledger = club(storage)
    due = lambda number: list(storage.due_accounts("club", day(number), 9))  # noqa: E731
    ledger.adjust("ann", 5, at=day(0), expires_at=day(30), **BY_HAND)
    assert due(29) == []
    ledger.adjust("ann", 5, at=day(2), expires_at=day(20), **BY_HAND)
    assert (due(19), due(20), due(99)) == ([], ["ann"], ["ann"])
    ledger.redeem("ann", 5, at=day(3))  # draws on what lapses on day 20; that only the sweep finds out
    assert ledger.expire("ann", at=day(20)).entries == ()
    assert (due(29), due(30), due(99)) == ([], ["ann"], ["ann"])
    ledger.adjust("ann", 5, at=day(21), expires_at=day(25), **BY_HAND)
    assert (due(24), due(25), due(99)) == ([], ["ann"], ["ann"])
    ledger.expire("ann", at=day(26))
    assert (due(29), due(30), due(99)) == ([], ["ann"], ["ann"])
    ledger.expire("ann", at=day(30))
    assert due(9999) == []
    assert_balanced(storage)


def test_sweep_ends_with_nothing_due(storage: Storage):
    """
    A sweep looks at each due account once for each of its changes, and then finds none (R-39, I-31).
    """
    ledger = club(storage)
    for number in range(7):
        ledger.earn(f"member-{number}", 10)
    sweep = ledger.expire_due(at=day(20), batch=3)
    assert (sweep.accounts, sweep.points, sweep.complete) == (7, 0, True)  # pending points became usable
    sweep = ledger.expire_due(at=day(600), batch=3)
    assert (sweep.accounts, sweep.points, sweep.complete) == (7, 70, True)
    assert ledger.expire_due(at=day(600)).accounts == 0
    assert_balanced(storage, CLUB.id)
