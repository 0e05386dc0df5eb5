"""
The contract of awaited storages finds those that are broken on purpose, and cannot be weakened either.
"""

import asyncio
import inspect
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from pointsledger.errors import PointsLedgerError
from pointsledger.port import AsyncStorage
from pointsledger.storage.memory_async import AsyncMemoryStorage
from pointsledger.testing import AsyncStorageContract, StorageContract
from pointsledger.testing.bridge import Bridge, opened
from tests.testing import broken_async_storages as broken
from tests.testing import broken_storages
from tests.testing.broken_async_storages import Awaited

CAUGHT: list[tuple[Callable[[], AsyncStorage], str]] = [
    (broken.NobodyWaits, "tasks_of_one_account_follow_each_other"),
    (broken.StoredInParts, "a_cancelled_task_leaves_all_or_nothing"),
    (broken.CancelledKeepsKeys, "a_cancelled_command_can_be_asked_again"),
    (broken.LockIsKept, "a_cancelled_command_can_be_asked_again"),
    (broken.AllAreCancelled, "a_cancelled_task_takes_no_other_along"),
    (broken.StoredInParts, "a_batch_that_raises_leaves_nothing"),
    (lambda: Awaited(broken_storages.KeysAreNotKept()), "a_key_gives_its_first_entries_again"),
    (lambda: Awaited(broken_storages.LotsInOrderOfIds()), "usable_lots_come_in_the_order_of_use"),
    (lambda: Awaited(broken_storages.OpenAfterClosing()), "a_closed_storage_refuses_every_call"),
]


class Contract(AsyncStorageContract):
    """
    The contract, whose checks these tests call themselves.
    """


def run(name: str, opener: Callable[[], AsyncStorage]) -> None:
    """
    Run one check.
    """
    with closing(Bridge()) as bridge, closing(bridge.open(opener)) as storage:
        getattr(Contract(), f"test_{name}")(storage)


@pytest.mark.parametrize(("opener", "name"), CAUGHT, ids=lambda part: getattr(part, "__name__", part))
def test_broken_storage_is_caught(opener: Callable[[], AsyncStorage], name: str) -> None:
    """
    An awaited storage that breaks a promise fails the check that is named after it (R-45, I-14, I-18, I-22).
    """
    run(name, AsyncMemoryStorage)
    with pytest.raises((AssertionError, PointsLedgerError)):
        run(name, opener)


def test_every_check_of_tasks_catches_something() -> None:
    """
    The contract has the checks of the other one, and none of its own is there for nothing.
    """
    own = set(Contract.checks()) - set(StorageContract.checks())
    assert set(StorageContract.checks()) < set(Contract.checks())
    assert own <= {f"test_{name}" for _, name in CAUGHT}


@pytest.mark.parametrize("name", ["test_a_cancelled_task_leaves_all_or_nothing", "test_accounts_are_apart"])
def test_weakened_contract_is_refused(name: str) -> None:
    """
    Who replaces a check without a reason is refused when the class is made; one with a reason is skipped.
    """
    with pytest.raises(TypeError, match=f"Mine replaces {name}"):
        type("Mine", (AsyncStorageContract,), {name: None})
    mine = type("Mine", (AsyncStorageContract,), {"departures": {name: "it has no tasks"}})
    with pytest.raises(pytest.skip.Exception, match="it has no tasks"):
        getattr(mine(), name)()


def test_opened_by_a_coroutine() -> None:
    """
    What opens a storage may be a coroutine function, which runs in the loop in which the storage is used.
    """
    loops: list[Any] = []

    async def opener() -> AsyncMemoryStorage:
        loops.append(asyncio.get_running_loop())
        return AsyncMemoryStorage()

    with closing(Bridge()) as bridge, closing(bridge.open(opener)):
        assert loops == [bridge.loop]
    with opened(opener) as storage:
        assert inspect.ismethod(storage.transact)
        assert list(storage.accounts("club", "", 9)) == []
    assert len(loops) == 2
