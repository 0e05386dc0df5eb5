"""
Checks of keys: one key has one effect, for good.
"""

from __future__ import annotations

from contextlib import closing

import pytest

from ...domain import commands
from ...domain.account import Account
from ...domain.decisions import Decision
from ...domain.entries import Entry
from ...domain.reads import Reading
from ...port import Job, Storage
from ..club import ANN, BY_HAND, CLUB, books, job, story
from .acting import Reopen, entries_of, give, job_at, outcome_of, told


class KeyChecks:
    """
    What the port promises of keys.
    """

    def test_a_key_gives_its_first_entries_again(self, storage: Storage) -> None:
        """
        Each command of the story, asked again with its key, gives its first entries and writes nothing (R-44, I-19).
        """
        first = told(storage)
        as_they_were = books(storage)
        for command, decision in zip(story(), first, strict=True):
            if command.key is not None:
                again = storage.transact(job_at(command))
                assert again.replayed
                assert tuple(again.entries) == decision.entries
        assert books(storage) == as_they_were

    def test_a_key_gives_all_entries_of_its_command(self, storage: Storage) -> None:
        """
        Where a command wrote several entries, its key gives all of them, in order, and no other's (R-44).
        """
        storage.transact(job(commands.Earn(account=ANN, points=10), "earned"))
        late = job(commands.Adjust(account=ANN, points=5, **BY_HAND), "two", on=500)
        decision = storage.transact(late)  # the 10 have lapsed first
        storage.transact(give(1, "three", on=500))
        assert [entry.kind for entry in decision.entries] == ["expired", "adjusted"]
        assert tuple(storage.transact(late).entries) == decision.entries

    def test_a_decision_is_given_the_account_and_what_is_under_its_key(self, storage: Storage) -> None:
        """
        A decision is called with the account as stored and the entries under its key; without a key, with none.
        """
        told(storage)
        count = len(entries_of(storage))
        given: list[tuple[int, list[int]]] = []

        def look(account: Account, earlier: tuple[Entry, ...]) -> Reading[Decision]:
            yield from ()
            given.append((account.version, [entry.sequence for entry in earlier]))
            return Decision(earlier, account, replayed=True)

        for key in ("key-0", "key-2", "unknown", None):
            storage.transact(Job(CLUB.id, ANN, key, look))
        storage.transact(Job(CLUB.id, "new", "key-2", look))
        assert given == [(count, [1]), (count, [3]), (count, []), (count, []), (0, [])]

    def test_a_key_with_other_content_is_refused(self, storage: Storage) -> None:
        """
        A key that was used for something else is refused and nothing is written (I-17).
        """
        storage.transact(give(10, "key"))
        as_they_were = books(storage)
        for call in (lambda: storage.transact(give(11, "key")), lambda: storage.transact_all([give(11, "key")])):
            assert str(outcome_of(call)).startswith("IdempotencyConflict")
        assert books(storage) == as_they_were

    def test_keys_are_known_after_reopening(self, storage: Storage, reopen: Reopen | None) -> None:
        """
        Keys give their first entries also after the storage was closed and opened again (I-19).
        """
        first = told(storage)
        with closing(_reopened(reopen)) as again:
            for command, decision in zip(story(), first, strict=True):
                if command.key is not None:
                    replayed = again.transact(job_at(command))
                    assert replayed.replayed, "the key was forgotten"
                    assert tuple(replayed.entries) == decision.entries

    def test_books_are_the_same_after_reopening(self, storage: Storage, reopen: Reopen | None) -> None:
        """
        Everything that was stored is there when the storage is opened again, and it goes on from there (I-25).
        """
        told(storage)
        as_they_were = books(storage)
        with closing(_reopened(reopen)) as again:
            assert books(again) == as_they_were
            decision = again.transact(give(1, "later", on=900))
            assert decision.account.version == as_they_were[ANN][0].version + len(decision.entries)


def _reopened(reopen: Reopen | None) -> Storage:
    if reopen is None:
        pytest.skip("the test class has no fixture `reopen`: the storage is not durable")
    return reopen()
