"""
A bridge from threads to an event loop, so that what is written for a `Storage` runs on one that is awaited.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, new_event_loop, run_coroutine_threadsafe
from collections.abc import Callable, Coroutine, Generator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from inspect import isawaitable, iscoroutinefunction
from threading import Thread
from typing import Any, TypeVar

from ..domain.account import Account
from ..domain.decisions import Decision
from ..domain.reads import Reading
from ..port import AsyncStorage, Job, Storage

T = TypeVar("T")
Opener = Callable[[], Any]
"""Opens a storage, awaited or not; it may be a coroutine function itself."""


class Bridge:
    """
    An event loop that runs in a thread of its own, for callers in other threads.
    """

    def __init__(self) -> None:
        self.loop: AbstractEventLoop = new_event_loop()
        self._thread = Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """
        Run a coroutine in the loop, and return what it returns.
        """
        return run_coroutine_threadsafe(work, self.loop).result()

    def open(self, opener: Opener) -> BridgedStorage:
        """
        Open an awaited storage in the loop in which it is used from then on.
        """
        return BridgedStorage(self.run(_called(opener)), self)

    def close(self) -> None:
        """
        Stop the loop.
        """
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


async def _called(opener: Opener) -> Any:
    found = opener()
    return await found if isawaitable(found) else found


class BridgedStorage:
    """
    An awaited storage as a `pointsledger.port.Storage`: each call is a task of its own in the bridge's loop.
    """

    def __init__(self, awaited: AsyncStorage, bridge: Bridge) -> None:
        self.awaited = awaited
        self.bridge = bridge

    def transact(self, job: Job) -> Decision:
        """
        Run one decision; see `pointsledger.port.Storage.transact`.
        """
        return self.bridge.run(self.awaited.transact(job))

    def transact_all(self, jobs: Sequence[Job]) -> tuple[Decision, ...]:
        """
        Run decisions, all or none; see `pointsledger.port.Storage.transact_all`.
        """
        return self.bridge.run(self.awaited.transact_all(jobs))

    def read(self, program: str, account: str, reader: Callable[[Account], Reading[T]]) -> T:
        """
        Run a reader; see `pointsledger.port.Storage.read`.
        """
        return self.bridge.run(self.awaited.read(program, account, reader))

    def accounts(self, program: str, after: str, limit: int) -> Sequence[str]:
        """
        List accounts; see `pointsledger.port.Storage.accounts`.
        """
        return self.bridge.run(self.awaited.accounts(program, after, limit))

    def due_accounts(self, program: str, at: datetime, limit: int) -> Sequence[str]:
        """
        List accounts that time may change; see `pointsledger.port.Storage.due_accounts`.
        """
        return self.bridge.run(self.awaited.due_accounts(program, at, limit))

    def accounts_to_notify(self, program: str, at: datetime, limit: int) -> Sequence[str]:
        """
        List accounts on which notices may be due; see `pointsledger.port.Storage.accounts_to_notify`.
        """
        return self.bridge.run(self.awaited.accounts_to_notify(program, at, limit))

    def close(self) -> None:
        """
        Close the awaited storage.
        """
        self.bridge.run(self.awaited.close())


@contextmanager
def opened(opener: Opener) -> Generator[Storage, None, None]:
    """
    Lend a storage that is closed at the end; one that is awaited comes with an event loop of its own.
    """
    found = opener()
    if isawaitable(found) or iscoroutinefunction(found.transact):
        with closing(Bridge()) as bridge, closing(bridge.open(lambda: found)) as storage:
            yield storage
    else:
        with closing(found) as storage:
            yield storage
