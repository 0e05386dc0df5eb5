"""
The machine and the model of the kit, as users run them on storages of their own.
"""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from pointsledger import Ledger, Program
from pointsledger.errors import InvalidInput, StorageClosed
from pointsledger.storage.memory import MemoryStorage
from pointsledger.storage.memory_async import AsyncMemoryStorage
from pointsledger.testing import LedgerMachine, compare_with_model
from tests.testing import broken_storages as broken


class Stories(LedgerMachine):
    storages = {"memory": MemoryStorage}  # noqa: RUF012 - as a user writes it


TestStories = Stories.TestCase
TestStories.settings = settings(max_examples=3, stateful_step_count=10, derandomize=True, deadline=None)


@pytest.mark.parametrize(
    "kind",
    [
        broken.KeyWithOtherContentIsNew,
        broken.KeysAreNotKept,
        broken.LapsedLotsForgotten,
        broken.LosesAField,
        broken.LotsWrittenOutside,
        broken.NextChangeIsForgotten,
    ],
)
def test_machine_catches_a_broken_storage(kind: type) -> None:
    """
    A storage that breaks a promise soon says something else than the model (I-39).
    """

    class Broken(LedgerMachine):
        storages = {"sound": MemoryStorage, "broken": kind}  # noqa: RUF012 - as a user writes it

    without_shrinking = settings(
        max_examples=200,
        stateful_step_count=30,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Broken, settings=without_shrinking)


def test_same_seed_tells_the_same_stories() -> None:
    """
    One seed tells the same stories again, and another one others.
    """
    first, again, other = (
        compare_with_model({"memory": MemoryStorage}, examples=3, steps=15, seed=seed) for seed in (1, 1, 2)
    )
    assert first == again != other
    assert sum(first.values()) > 9
    assert first["earn", "accepted"] >= 9


@pytest.mark.parametrize(
    ("storages", "more"),
    [({}, {}), ({"memory": MemoryStorage}, {"examples": 0}), ({"memory": MemoryStorage}, {"steps": "many"})],
)
def test_bad_arguments(storages: Any, more: dict[str, Any]) -> None:
    """
    Without a storage nothing would be compared; that, and numbers that are no counts, are refused.
    """
    with pytest.raises(InvalidInput):
        compare_with_model(storages, **more)


def test_story_is_told_and_storages_are_closed(capsys: pytest.CaptureFixture[str]) -> None:
    """
    Where storage and model disagree, the shortest story that shows it is told; each story closes its own storages.
    """
    opened: list[MemoryStorage] = []

    def open_one(kind: type[MemoryStorage]) -> MemoryStorage:
        opened.append(kind())
        return opened[-1]

    compare_with_model({"one": lambda: open_one(MemoryStorage)}, examples=3, steps=3)
    with pytest.raises(AssertionError) as caught:
        compare_with_model({"one": lambda: open_one(broken.OnlyEntriesAreStored)}, examples=20)
    told = capsys.readouterr().out + "\n".join(getattr(caught.value, "__notes__", ()))
    assert "state = Stories()" in told
    assert "state.expire()" in told
    assert len(opened) > 3
    for storage in opened:
        with pytest.raises(StorageClosed):
            Ledger(Program(id="p"), storage).accounts()


def test_awaited_storages_are_compared_too() -> None:
    """
    A storage that is awaited, made at once or by a coroutine, runs in an event loop of its own (I-39).
    """

    async def open_one() -> AsyncMemoryStorage:
        return AsyncMemoryStorage()

    hits = compare_with_model({"made": AsyncMemoryStorage, "awaited": open_one}, examples=2, steps=10)
    assert hits["earn", "accepted"] >= 6
