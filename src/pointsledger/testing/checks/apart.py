"""
Checks of isolation and identity: accounts, programs, and names that differ in one byte.
"""

from __future__ import annotations

from ...domain import commands
from ...domain.program import Program
from ...domain.reads import EntriesAbout
from ...port import Storage
from ..club import ANN, books, day, job, story
from ..plain_storage import PlainStorage
from .acting import ask, assert_balanced, entries_of, figures_of, give, job_at, told

_INNS = Program(id="inns")

_DIFFERENT = [
    ("A", "a"),
    ("1", "01"),
    ("\u00e1", "a\u0301"),
    ("K", "\u212a"),
    ("\u00df", "ss"),
    ("\u0131", "i"),
    ("\ufb01", "fi"),
    ("a b", "a\u00a0b"),
    ("%", "_"),
    ("\u00e9" * 127, "\u00e9" * 126 + "e"),
    ("'; DROP TABLE accounts;--", "'; DROP TABLE accounts; --"),
    ("NULL", "null"),
    ("../a", "./a"),
    ("b/c", "b"),
    ("\U0001f600", "\U0001f601"),
]


class ApartChecks:
    """
    What the port promises of identity and isolation.
    """

    def test_accounts_are_apart(self, storage: Storage) -> None:
        """
        A command on one account changes nothing of another, though keys and orders are the same (I-40).
        """
        accounts = [ANN, "ann2", "an"]
        stories = [list(story(account)) for account in accounts]
        alone = PlainStorage()
        told(alone)
        for step in zip(*stories, strict=True):
            for command in step:
                assert not storage.transact(job_at(command)).replayed
        assert entries_of(storage) == entries_of(alone)
        assert set(books(storage)) == set(accounts)
        assert_balanced(storage)

    def test_programs_are_apart(self, storage: Storage) -> None:
        """
        Programs of one storage never see each other, though accounts, keys and orders are the same (R-06, I-40).
        """
        told(storage)
        as_they_were = books(storage)
        assert list(storage.accounts("inns", "", 9)) == []
        assert figures_of(storage, ANN, "inns").version == 0
        assert entries_of(storage, ANN, "inns") == []
        decision = storage.transact(give(7, "key-0", program=_INNS))
        assert not decision.replayed
        assert decision.account.available == 7
        assert books(storage) == as_they_were
        assert list(storage.accounts("inns", "", 9)) == [ANN]
        assert list(storage.due_accounts("inns", day(10_000), 9)) == []
        assert list(storage.accounts_to_notify("inns", day(10_000), 9)) == []

    def test_names_are_compared_byte_by_byte(self, storage: Storage) -> None:
        """
        Two names that differ in a byte are two accounts, two keys, two orders and two programs (I-36).
        """
        for one, other in _DIFFERENT:
            told_apart = Program(id=one)
            first = storage.transact(give(5, one, account=one, program=told_apart)).account
            assert (first.id, first.available) == (one, 5)
            assert figures_of(storage, other, told_apart.id).version == 0, f"account {other!r} is account {one!r}"
            second = storage.transact(give(7, one, account=other, program=told_apart))
            assert (second.account.id, second.account.available) == (other, 7)
            assert not storage.transact(give(5, other, account=one, program=told_apart)).replayed, "two keys are one"
            assert set(storage.accounts(told_apart.id, "", 9)) == {one, other}
            assert list(storage.accounts(other, "", 9)) == [], "two programs are one"

    def test_orders_are_compared_byte_by_byte(self, storage: Storage) -> None:
        """
        What was done for an order is not done for one whose name differs in a byte (I-36).
        """
        storage.transact(give(1000, "points"))
        for one, other in _DIFFERENT:
            for number, order in enumerate((one, other, one)):
                command = commands.Redeem(account=ANN, points=1, order=order)
                replayed = storage.transact(job(command, f"{one} {number}")).replayed
                assert replayed == (number == 2), f"order {order!r}"
        for name in (name for pair in _DIFFERENT for name in pair):
            assert [entry.order for entry in ask(storage, EntriesAbout(name))] == [name]
        assert_balanced(storage)
