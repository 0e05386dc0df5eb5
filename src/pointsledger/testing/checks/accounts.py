"""
Checks of finding accounts: page by page, and those on which something is due.
"""

from __future__ import annotations

from datetime import timedelta

from attrs import evolve

from ...domain import commands
from ...domain.program import NoticePolicy
from ...port import Job, Storage
from ..club import ANN, BY_HAND, CLUB, day, job
from .acting import give, use

_ASCENDING = ("0 10 9 A B Z _ a aa ab b \u00e4 \u0301x \ufb01 \uffee \U0001f600 \U0010fffd").split()
"""In order of their UTF-8 bytes, which UTF-16 and every language's order do not share."""

_TELLING = evolve(CLUB, notices=NoticePolicy(warn_days=10, subscribed=True))


class AccountChecks:
    """
    What the port promises of `accounts`, `due_accounts` and `accounts_to_notify`.
    """

    def test_accounts_come_in_order_of_their_bytes(self, storage: Storage) -> None:
        """
        Accounts come in ascending order of their UTF-8 bytes, each once, in whatever order they began.
        """
        shuffled = _ASCENDING[1::2] + _ASCENDING[::-2]
        storage.transact_all([give(1, "k", account=account) for account in shuffled])
        assert list(storage.accounts(CLUB.id, "", 10_000)) == _ASCENDING

    def test_accounts_come_page_by_page(self, storage: Storage) -> None:
        """
        A page has no more accounts than asked for, begins above the id that it is given, whether that is there or not,
        and leaves none out.
        """
        storage.transact_all([give(1, "k", account=account) for account in _ASCENDING])
        for limit in (1, 2, 16, 17, 18):
            found: list[str] = []
            while page := list(storage.accounts(CLUB.id, found[-1] if found else "", limit)):
                assert len(page) == min(limit, len(_ASCENDING) - len(found))
                found += page
            assert found == _ASCENDING
        assert list(storage.accounts(CLUB.id, "C", 2)) == ["Z", "_"]
        assert list(storage.accounts("nowhere", "", 5)) == []

    def test_due_accounts_come_earliest_first(self, storage: Storage) -> None:
        """
        Accounts are due at the instant of their change and not before, the earliest first (R-39).
        """
        for account, lapses in (("c", 3), ("a", 2), ("d", 1), ("b", 4)):
            storage.transact(_dated(5, lapses, "k", account))
        due = {number: list(storage.due_accounts(CLUB.id, day(number), 9)) for number in (0, 1, 2, 3, 99)}
        assert due == {0: [], 1: ["d"], 2: ["d", "a"], 3: ["d", "a", "c"], 99: ["d", "a", "c", "b"]}
        assert list(storage.due_accounts(CLUB.id, day(1) - timedelta(microseconds=1), 9)) == []

    def test_due_accounts_keep_to_the_limit(self, storage: Storage) -> None:
        """
        No more due accounts come than asked for: those that are due first.
        """
        for account, lapses in (("c", 3), ("a", 2), ("d", 1)):
            storage.transact(_dated(5, lapses, "k", account))
        limited = {limit: list(storage.due_accounts(CLUB.id, day(99), limit)) for limit in (1, 2, 3)}
        assert limited == {1: ["d"], 2: ["d", "a"], 3: ["d", "a", "c"]}

    def test_an_account_is_due_only_at_its_latest_change(self, storage: Storage) -> None:
        """
        An account whose next change has moved is due at the new instant, once, and not at the old one.
        """

        def due() -> list[int]:
            return [number for number in range(1, 60) if list(storage.due_accounts(CLUB.id, day(number), 9)) == [ANN]]

        storage.transact(_dated(5, 30, "first"))
        assert due() == list(range(30, 60))
        storage.transact(_dated(5, 20, "sooner"))
        assert due() == list(range(20, 60))
        storage.transact(use(5, "used", on=3))
        storage.transact(job(commands.Expire(account=ANN), "swept", on=20))
        assert due() == list(range(30, 60))
        storage.transact(job(commands.Expire(account=ANN), "swept", on=30))
        assert due() == []

    def test_accounts_to_notify_come_earliest_first(self, storage: Storage) -> None:
        """
        Accounts come when notices may be due and not before, the earliest first, no more than asked for (R-42).
        """
        for account, lapses in (("c", 43), ("a", 42), ("d", 41), ("b", 44)):
            storage.transact(_dated(5, lapses, "k", account, telling=True))
            storage.transact(job(commands.TakeNotices(account=account), "told", program=_TELLING))
        first = {number: list(storage.accounts_to_notify(CLUB.id, day(number), 9)) for number in (5, 31, 33, 99)}
        assert first == {5: [], 31: ["d"], 33: ["d", "a", "c"], 99: ["d", "a", "c", "b"]}
        assert list(storage.accounts_to_notify(CLUB.id, day(99), 2)) == ["d", "a"]
        storage.transact(job(commands.TakeNotices(account="d"), "taken", on=32, program=_TELLING))
        assert list(storage.accounts_to_notify(CLUB.id, day(99), 9)) == ["a", "c", "b", "d"]  # told of its lapse last


def _dated(points: int, lapses: int, key: str, account: str = ANN, *, telling: bool = False) -> Job:
    """
    Return a job that gives points which lapse at noon of a day.
    """
    command = commands.Adjust(account=account, points=points, expires_at=day(lapses), **BY_HAND)
    return job(command, key, program=_TELLING if telling else CLUB)
