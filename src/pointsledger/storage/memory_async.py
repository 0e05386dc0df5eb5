"""
A storage in memory that is awaited: for tests and small tools of asynchronous hosts.
"""

from __future__ import annotations

from asyncio import sleep
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from ..domain.account import Account
from ..domain.decisions import Decision
from ..domain.reads import Reading
from ..port import Job
from .memory import MemoryStorage

T = TypeVar("T")


class AsyncMemoryStorage:
    """
    Keeps ledgers in this process.

    Each call first gives other tasks a turn, as a database would, and then runs without interruption.
    """

    def __init__(self) -> None:
        self._memory = MemoryStorage()

    async def transact(self, job: Job) -> Decision:
        """
        Run one decision; see `pointsledger.port.Storage.transact`.
        """
        await sleep(0)
        return self._memory.transact(job)

    async def transact_all(self, jobs: Sequence[Job]) -> tuple[Decision, ...]:
        """
        Run decisions, all or none; see `pointsledger.port.Storage.transact_all`.
        """
        await sleep(0)
        return self._memory.transact_all(jobs)

    async def read(self, program: str, account: str, reader: Callable[[Account], Reading[T]]) -> T:
        """
        Run a reader; see `pointsledger.port.Storage.read`.
        """
        await sleep(0)
        return self._memory.read(program, account, reader)

    async def accounts(self, program: str, after: str, limit: int) -> Sequence[str]:
        """
        List accounts; see `pointsledger.port.Storage.accounts`.
        """
        await sleep(0)
        return self._memory.accounts(program, after, limit)

    async def due_accounts(self, program: str, at: datetime, limit: int) -> Sequence[str]:
        """
        List accounts that time may change; see `pointsledger.port.Storage.due_accounts`.
        """
        await sleep(0)
        return self._memory.due_accounts(program, at, limit)

    async def accounts_to_notify(self, program: str, at: datetime, limit: int) -> Sequence[str]:
        """
        List accounts on which notices may be due; see `pointsledger.port.Storage.accounts_to_notify`.
        """
        await sleep(0)
        return self._memory.accounts_to_notify(program, at, limit)

    async def close(self) -> None:
        """
        Forget everything; later calls raise `StorageClosed`.
        """
        self._memory.close()
