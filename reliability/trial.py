"""
A trial: one command of the story meets a fault and is asked again, and a twin without faults says what must come of it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import count
from typing import Any

from attrs import define, evolve, field

from pointsledger import Ledger, commands
from pointsledger.errors import OutcomeUnknown, PointsLedgerError
from pointsledger.port import Storage
from pointsledger.storage.memory import MemoryStorage
from pointsledger.testing.club import ANN, CLUB, books, day, story

from .books import assert_balanced, assert_same

STORY = tuple(story())
"""Commands of every kind, none of which is refused."""

AFTERWARDS = 2_500
"""The day of what is asked after the whole story: much is due by then."""

_PROGRAMS = count()

Ask = Callable[[Ledger], Any]
"""Asks a ledger for one thing, and returns its answer as a value that can be compared."""


def command_at(step: int) -> dict[str, Ask]:
    """
    Return the ways to ask for a command of the story: alone, and as a batch.
    """
    command = STORY[step]
    return {
        "apply": lambda ledger: ledger.apply(command).entries,
        "apply_all": lambda ledger: ledger.apply_all([command])[0].entries,
    }


SWEEPS: dict[str, Ask] = {
    "expire_due": lambda ledger: ledger.expire_due(at=day(AFTERWARDS)).complete,
    "take_notices": lambda ledger: ledger.take_notices(ANN, key="taken", at=day(AFTERWARDS)),
    "due_notices": lambda ledger: ledger.due_notices(at=day(AFTERWARDS)),
}
"""What makes several calls of the storage; it is asked after the whole story."""


@define
class Trial:
    """
    A program of its own in a storage, with the story behind it up to a step.

    Args:
        storage: where it is kept, without faults.
        step: how much of the story has happened.
        ask: what is asked next.
        repeatable: whether the same answer comes again when it was done already.
    """

    storage: Storage
    step: int
    ask: Ask
    repeatable: bool = True
    program: str = field(factory=lambda: f"club-{next(_PROGRAMS)}", init=False)
    twin: MemoryStorage = field(factory=MemoryStorage, init=False)
    before: Any = field(init=False)
    after: Any = field(init=False)
    answer: Any = field(init=False)

    def __attrs_post_init__(self) -> None:
        for kept in (self.storage, self.twin):
            if self.step:
                self.ledger(kept).apply_all(STORY[: self.step])
        self.before = books(self.twin, self.program)
        self.answer = self.ask(self.ledger(self.twin))
        self.after = books(self.twin, self.program)

    def ledger(self, storage: Storage) -> Ledger:
        """
        Return a ledger over the trial's program.
        """
        return Ledger(evolve(CLUB, id=self.program), storage, new_key=lambda: "made")

    def run(self, faulty: Storage, armed: AbstractContextManager[object], *, whole: bool = True) -> bool:
        """
        Ask while something fails, then ask again until it is done, and return whether the caller was told of an error.

        Args:
            faulty: the storage as the caller has it.
            armed: within it that storage fails.
            whole: whether what is asked is one transaction, so that all or nothing is there after an error (I-25).
        """
        told = None
        try:
            with armed:
                answer = self.ask(self.ledger(faulty))
        except (PointsLedgerError, RuntimeError, KeyboardInterrupt) as error:
            told = error
            if whole:
                self._assert_all_or_nothing(error)
            answer = self.ask(self.ledger(self.storage))
        if told is None or self.repeatable:
            assert_same(answer, self.answer, "the answer in the end")
        assert_same(books(self.storage, self.program), self.after, "the books in the end")
        assert_balanced(self.storage, self.program)
        return told is not None

    def _assert_all_or_nothing(self, error: BaseException) -> None:
        """
        All or nothing is there, and all only where the error does not say that nothing is (I-24).
        """
        found = books(self.storage, self.program)
        if found != self.before:
            assert_same(found, self.after, f"the books after {error!r}")
            assert isinstance(error, OutcomeUnknown), f"all is there after {error!r}"


def is_repeatable(step: int) -> bool:
    """
    Whether a command of the story has a key: a sweep has none, and finds nothing more to do.
    """
    return type(STORY[step]) is not commands.Expire
