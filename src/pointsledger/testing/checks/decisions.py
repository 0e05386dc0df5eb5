"""
Checks of one decision: all of it is stored, or nothing.
"""

from __future__ import annotations

from functools import partial

from attrs import evolve

from ...domain import commands
from ...domain.account import Account
from ...domain.decisions import Decision
from ...domain.entries import Entry
from ...domain.reads import Reading
from ...errors import InsufficientPoints, StorageBusy
from ...port import Job, Storage
from ..club import ANN, CLUB, books, day, job, story
from ..plain_storage import PlainStorage
from .acting import (
    Halted,
    assert_balanced,
    entries_of,
    figures_of,
    give,
    halting,
    job_at,
    outcome_of,
    raised_by,
    told,
    use,
)


class DecisionChecks:
    """
    What the port promises of `transact`.
    """

    def test_a_decision_that_raises_half_way_leaves_nothing(self, storage: Storage) -> None:
        """
        What a decision raises comes out as it is, before or after it has read, with nothing written (R-45, I-18).
        """
        told(storage)
        as_they_were = books(storage)
        for error in (InsufficientPoints(ANN, 1, 0), RuntimeError("a bug"), Halted(), StorageBusy("within")):
            for account in (ANN, "new"):
                for after_reading in (False, True):
                    halt = halting(error, account, after_reading=after_reading)
                    assert raised_by(partial(storage.transact, halt)) is error
        assert books(storage) == as_they_were
        assert_balanced(storage)

    def test_a_refused_command_leaves_nothing_and_its_key_free(self, storage: Storage) -> None:
        """
        A refused command changes nothing, and its key can be used for another (R-44, I-18).
        """
        storage.transact(give(10, "first"))
        as_they_were = books(storage)
        for account in (ANN, "new"):
            refused = outcome_of(partial(storage.transact, use(11, "free", account=account)))
            assert str(refused).startswith("InsufficientPoints")
        assert books(storage) == as_they_were
        decision = storage.transact(give(5, "free"))
        assert not decision.replayed
        assert decision.account.available == 15

    def test_a_replayed_decision_writes_nothing(self, storage: Storage) -> None:
        """
        A decision that is marked as replayed changes nothing, whatever account and lots it comes with (I-14).
        """
        lots = storage.transact(give(10, "first")).lots
        as_they_were = books(storage)

        def replayed(account: Account, earlier: tuple[Entry, ...]) -> Reading[Decision]:
            yield from ()
            return Decision(earlier, evolve(account, available=99), (lots[0].with_points(9, 0, 0),), replayed=True)

        storage.transact(Job(CLUB.id, ANN, "first", replayed))
        assert books(storage) == as_they_were

    def test_a_decision_without_entries_is_stored(self, storage: Storage) -> None:
        """
        A sweep that finds points usable but none lapsed has no entry; its account is stored all the same (R-39).
        """
        storage.transact(job(commands.Earn(account=ANN, points=10), "earned"))
        storage.transact(job(commands.Expire(account=ANN), "swept", on=20))
        figures = figures_of(storage)
        assert (figures.available, figures.pending, figures.as_of) == (10, 0, day(20))
        assert len(entries_of(storage)) == 1
        assert_balanced(storage)

    def test_an_account_without_entries_is_not_kept(self, storage: Storage) -> None:
        """
        An account begins with its first entry: neither a sweep nor a read leaves one behind.
        """
        storage.transact(job(commands.Expire(account=ANN), "swept"))
        storage.transact_all([job(commands.Expire(account=ANN), "swept")])
        assert figures_of(storage) == Account(CLUB.id, ANN)
        assert list(storage.accounts(CLUB.id, "", 9)) == []

    def test_entries_figures_lots_and_keys_are_stored_together(self, storage: Storage) -> None:
        """
        After each command its entries, the figures, the lots, the holds and the key are there together (R-45, I-25).
        """
        for command in story():
            decision = storage.transact(job_at(command))
            assert entries_of(storage)[-len(decision.entries) :] == list(decision.entries)
            assert figures_of(storage) == decision.account
            assert_balanced(storage)
            if command.key is not None:
                again = storage.transact(job_at(command))
                assert again.replayed, "the key was not stored with the entries"
                assert tuple(again.entries) == decision.entries

    def test_everything_comes_back_as_it_was_stored(self, storage: Storage) -> None:
        """
        After commands of every kind each figure, entry, lot and hold is, field by field, that of the reference (I-39).
        """
        reference = PlainStorage()
        for command in story():
            assert storage.transact(job_at(command)) == reference.transact(job_at(command))
        assert books(storage) == books(reference)

    def test_refusals_are_those_of_the_reference(self, storage: Storage) -> None:
        """
        The same commands are refused, for the same reason and with the same figures (I-39, R-47).
        """
        reference = PlainStorage()
        for command in story():
            other_content = evolve(command, comment="another content")  # under the same key
            too_much = commands.Redeem(account=ANN, points=10**9, key=f"too much {command.key}", at=command.at)
            for given in map(job_at, (command, other_content, too_much)):
                found, wanted = (outcome_of(partial(each.transact, given)) for each in (storage, reference))
                assert found == wanted
        assert books(storage) == books(reference)
