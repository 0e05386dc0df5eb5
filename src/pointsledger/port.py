"""
The port: what a storage is, whatever it is made of.

A storage keeps, for every account of every program, its entries and what is derived from them (its figures and lots).
It runs decisions; it makes none.
Its one writing verb takes a pure function: the storage opens a transaction, makes the account its own, answers what the
decision asks, writes what it returns and commits.

What every storage promises:

- All or nothing: a decision is stored wholly or not at all, at any crash (R-45, I-25).
- One at a time: decisions on one account take effect one after the other, and none is based on a stale account (I-22).
- Once: no two decisions of one account are stored under one key, and no two entries under one sequence (I-13, I-14).
- Identity is byte-exact: accounts, orders and keys that differ in one byte differ (I-36).
- Apart: programs never see each other, nor do accounts (R-06, I-40).
- It raises `TryAgain` or `OperatorNeeded` errors of its own, passes on what the decision raises, and lets no error of a
  driver out (R-47).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from attrs import frozen

from .domain.account import Account
from .domain.decisions import Decide, Decision
from .domain.reads import Reading

T = TypeVar("T")


@frozen
class Job:
    """
    One decision to run.

    Args:
        program, account: the account that the decision is about.
        key: the key to look up before and to store with the first entry; None looks nothing up.
        decide: called with the account as stored (a new `Account` where there is none) and the entries stored under
            the key (by sequence, empty if there are none). It yields reads, is sent their answers, and returns a
            `Decision`. It may be called again after a conflict; what it raises is passed on, with nothing written.
    """

    program: str
    account: str
    key: str | None
    decide: Decide


class Storage(Protocol):
    """
    A place to keep ledgers in.
    """

    def transact(self, job: Job) -> Decision:
        """
        Run one decision in one transaction and return what it decided.

        A decision that is `replayed` writes nothing. One without entries writes the account and its lots only.

        Raises:
            TryAgain: nothing was written, or it is unknown whether it was; asking again with the same key is safe.
            OperatorNeeded: the storage is damaged, closed, or out of reach.
        """
        ...

    def transact_all(self, jobs: Sequence[Job]) -> tuple[Decision, ...]:
        """
        Run decisions in one transaction, in order, each seeing what those before it wrote: all are stored or none.

        Returns one decision per job, in order. What one of them raises is passed on, with nothing written.
        """
        ...

    def read(self, program: str, account: str, reader: Callable[[Account], Reading[T]]) -> T:
        """
        Run a reader, which is like a decision but writes nothing, on one consistent state of an account.
        """
        ...

    def accounts(self, program: str, after: str, limit: int) -> Sequence[str]:
        """
        Return at most `limit` account ids of a program above `after`, in ascending order of their UTF-8 bytes.
        """
        ...

    def due_accounts(self, program: str, at: datetime, limit: int) -> Sequence[str]:
        """
        Return at most `limit` ids of accounts whose `next_change_at` is at or before `at`, earliest first.

        They are found through an index, not by looking at every account.
        """
        ...

    def accounts_to_notify(self, program: str, at: datetime, limit: int) -> Sequence[str]:
        """
        Return at most `limit` ids of accounts whose `notice_at` is at or before `at`, earliest first.

        They are found through an index, not by looking at every account.
        """
        ...

    def close(self) -> None:
        """
        Let go of files and connections that the storage opened itself; later calls raise `StorageClosed`.
        """
        ...


class AsyncStorage(Protocol):
    """
    A place to keep ledgers in that is awaited; it promises what a `Storage` promises.

    A task that is cancelled while it waits leaves a decision stored wholly or not at all, and the storage usable.
    """

    async def transact(self, job: Job) -> Decision:
        """
        Run one decision; see `Storage.transact`.
        """
        ...

    async def transact_all(self, jobs: Sequence[Job]) -> tuple[Decision, ...]:
        """
        Run decisions, all or none; see `Storage.transact_all`.
        """
        ...

    async def read(self, program: str, account: str, reader: Callable[[Account], Reading[T]]) -> T:
        """
        Run a reader; see `Storage.read`.
        """
        ...

    async def accounts(self, program: str, after: str, limit: int) -> Sequence[str]:
        """
        List accounts; see `Storage.accounts`.
        """
        ...

    async def due_accounts(self, program: str, at: datetime, limit: int) -> Sequence[str]:
        """
        List accounts that time may change; see `Storage.due_accounts`.
        """
        ...

    async def accounts_to_notify(self, program: str, at: datetime, limit: int) -> Sequence[str]:
        """
        List accounts on which notices may be due; see `Storage.accounts_to_notify`.
        """
        ...

    async def close(self) -> None:
        """
        Let go of connections that the storage opened itself; later calls raise `StorageClosed`.
        """
        ...
