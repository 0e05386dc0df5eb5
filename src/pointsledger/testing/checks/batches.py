"""
Checks of batches: all decisions are stored, or none, and each sees those before it.
"""

from __future__ import annotations

from functools import partial

from ...domain import commands
from ...domain.program import Program
from ...port import Storage
from ..club import ANN, CLUB, books, day, job, story
from ..plain_storage import PlainStorage
from .acting import Halted, assert_balanced, buy, figures_of, give, halting, job_at, outcome_of, raised_by, told, use

_INNS = Program(id="inns")


class BatchChecks:
    """
    What the port promises of `transact_all`.
    """

    def test_a_batch_that_raises_leaves_nothing(self, storage: Storage) -> None:
        """
        When the last decision of a batch raises, nothing of the batch is kept: no entry, figure, lot or hold (I-18).
        """
        told(storage, "bob", prefix="b")
        storage.transact(give(10, "before"))
        as_they_were = books(storage)
        whole = [job_at(command) for command in story("cid", prefix="c")]
        hold = commands.Hold(account="bob", order="held", points=3, until=day(900))
        mixed = [*whole, give(10, "before"), give(3, "more"), give(7, "bob's", account="bob", on=700)]
        mixed += [job(hold, "hold", on=700), use(2, "used")]
        for error in (RuntimeError("a bug"), Halted()):
            for length in (1, 5, len(whole), len(mixed)):
                batch = [*mixed[:length], halting(error, after_reading=True)]
                assert raised_by(partial(storage.transact_all, batch)) is error
                assert books(storage) == as_they_were
        assert list(storage.accounts(CLUB.id, "", 9)) == [ANN, "bob"]
        assert_balanced(storage)

    def test_a_batch_that_raises_leaves_its_keys_free(self, storage: Storage) -> None:
        """
        Keys and orders of an undone batch mean nothing later, when other entries have taken their places (I-18).
        """
        storage.transact(give(1, "before"))
        batch = [give(5, "key"), buy("1001"), halting(RuntimeError("a bug"), after_reading=False)]
        assert str(outcome_of(lambda: storage.transact_all(batch))) == "RuntimeError: a bug"
        for number in range(4):
            storage.transact(give(7, f"other-{number}"))
        for undone in batch[:2]:
            assert not storage.transact(undone).replayed
        assert_balanced(storage)

    def test_a_batch_that_raises_leaves_what_is_due(self, storage: Storage) -> None:
        """
        What an undone batch would have made due is not due, and what was due before still is.
        """
        storage.transact(job(commands.Earn(account="bob", points=1), "before"))
        due = list(storage.due_accounts(CLUB.id, day(1000), 9))
        batch = [
            job(commands.Earn(account=ANN, points=5), "new"),
            job(commands.Reverse(account="bob", entry=1, actor="eve", reason="mistake"), "undone"),
            halting(RuntimeError("a bug"), after_reading=False),
        ]
        assert str(outcome_of(lambda: storage.transact_all(batch))) == "RuntimeError: a bug"
        assert list(storage.due_accounts(CLUB.id, day(1000), 9)) == due == ["bob"]

    def test_a_decision_of_a_batch_sees_those_before_it(self, storage: Storage) -> None:
        """
        Each decision of a batch is based on what those before it wrote, over several accounts and programs.
        """
        jobs = [
            give(10, "k0"),
            give(20, "k1", program=_INNS),
            give(30, "k2", account="bob"),
            give(1, "k3"),
            give(5, "k4", program=_INNS),
        ]
        decisions = storage.transact_all(jobs)
        assert [decision.account.available for decision in decisions] == [10, 20, 30, 11, 25]
        assert (figures_of(storage).available, figures_of(storage, ANN, "inns").available) == (11, 25)
        assert storage.transact_all([]) == ()

    def test_a_batch_gives_what_one_by_one_gives(self, storage: Storage) -> None:
        """
        A batch returns the decisions and leaves the books of its commands one by one (R-45).
        """
        reference = PlainStorage()
        one_by_one = [reference.transact(job_at(command)) for command in story()]
        assert list(told(storage)) == one_by_one
        assert books(storage) == books(reference)

    def test_a_key_twice_in_a_batch_has_one_effect(self, storage: Storage) -> None:
        """
        A key that comes twice in one batch has one effect, and both callers have its entries (I-14).
        """
        first, second = storage.transact_all([give(5, "k"), give(5, "k")])
        assert (first.replayed, second.replayed) == (False, True)
        assert tuple(second.entries) == first.entries
        assert figures_of(storage).available == 5
