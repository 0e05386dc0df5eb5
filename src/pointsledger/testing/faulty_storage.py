"""
A storage that fails when it is told to, so that a test sees what its own code does then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from threading import Lock
from typing import Literal, TypeVar, get_args

from ..domain.account import Account
from ..domain.decisions import Decision
from ..domain.points import check_count
from ..domain.reads import Reading
from ..errors import InvalidInput, OutcomeUnknown, StorageBusy, StorageUnavailable, VersionConflict
from ..port import Job, Storage

T = TypeVar("T")

Fault = Literal["error", "conflict", "busy", "dropped", "interrupted", "outcome_unknown"]
"""
What goes wrong.

`error`: an error that no storage raises, before anything was done.
`conflict`: `VersionConflict`, nothing was written.
`busy`: `StorageBusy`, the time-out is over and nothing was written.
`dropped`: `StorageUnavailable`, the connection is gone and nothing was written.
`interrupted`: `KeyboardInterrupt`, nothing was written.
`outcome_unknown`: `OutcomeUnknown`, all was written and only the answer is lost.
"""

_ERRORS: dict[Fault, Callable[[], BaseException]] = {
    "error": lambda: RuntimeError("a fault on purpose"),
    "conflict": lambda: VersionConflict("of a fault on purpose", 0),
    "busy": lambda: StorageBusy("a fault on purpose"),
    "dropped": lambda: StorageUnavailable("the storage", "a fault on purpose"),
    "interrupted": lambda: KeyboardInterrupt("a fault on purpose"),
    "outcome_unknown": lambda: OutcomeUnknown("a fault on purpose"),
}


class FaultyStorage:
    """
    Passes every call on to another storage, and lets some of them fail.

    Args:
        inner: the storage that does the work.
        fault: what goes wrong.
        at: which call of the port is the first that fails, counted from 1; `close` is not counted and never fails.
        times: how many calls fail in a row from there.

    `calls` says how many calls there were so far. It may be set back to 0.

    Raises:
        InvalidInput: `fault` is none of those that there are, or `at` or `times` is no count from 1.
    """

    def __init__(self, inner: Storage, fault: Fault, *, at: int = 1, times: int = 1) -> None:
        if fault not in _ERRORS:
            raise InvalidInput("fault", fault, f"must be one of {', '.join(get_args(Fault))}")
        self.inner = inner
        self.fault: Fault = fault
        self.at = check_count(at, "at")
        self.times = check_count(times, "times")
        self.calls = 0
        self._counting = Lock()

    def transact(self, job: Job) -> Decision:
        """
        Run one decision, or fail; see `pointsledger.port.Storage.transact`.
        """
        return self._call(lambda: self.inner.transact(job))

    def transact_all(self, jobs: Sequence[Job]) -> tuple[Decision, ...]:
        """
        Run decisions, all or none, or fail; see `pointsledger.port.Storage.transact_all`.
        """
        return self._call(lambda: self.inner.transact_all(jobs))

    def read(self, program: str, account: str, reader: Callable[[Account], Reading[T]]) -> T:
        """
        Run a reader, or fail; see `pointsledger.port.Storage.read`.
        """
        return self._call(lambda: self.inner.read(program, account, reader))

    def accounts(self, program: str, after: str, limit: int) -> Sequence[str]:
        """
        List accounts, or fail; see `pointsledger.port.Storage.accounts`.
        """
        return self._call(lambda: self.inner.accounts(program, after, limit))

    def due_accounts(self, program: str, at: datetime, limit: int) -> Sequence[str]:
        """
        List accounts that time may change, or fail; see `pointsledger.port.Storage.due_accounts`.
        """
        return self._call(lambda: self.inner.due_accounts(program, at, limit))

    def accounts_to_notify(self, program: str, at: datetime, limit: int) -> Sequence[str]:
        """
        List accounts on which notices may be due, or fail; see `pointsledger.port.Storage.accounts_to_notify`.
        """
        return self._call(lambda: self.inner.accounts_to_notify(program, at, limit))

    def close(self) -> None:
        """
        Close the storage that does the work.
        """
        self.inner.close()

    def _call(self, work: Callable[[], T]) -> T:
        with self._counting:
            self.calls += 1
            fails = self.at <= self.calls < self.at + self.times
        if not fails:
            return work()
        if self.fault == "outcome_unknown":
            work()
        error = _ERRORS[self.fault]()
        raise error
