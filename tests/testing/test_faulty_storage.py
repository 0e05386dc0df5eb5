"""
A storage that fails when it is told to.
"""

from collections.abc import Callable
from typing import get_args

import pytest

from pointsledger import Ledger, commands
from pointsledger.errors import InvalidInput, OutcomeUnknown, StorageBusy, StorageUnavailable, VersionConflict
from pointsledger.storage.memory import MemoryStorage
from pointsledger.testing import Fault, FaultyStorage
from tests.storage.books import ANN, CLUB, assert_balanced, club, day

RAISED: dict[Fault, type[BaseException]] = {
    "error": RuntimeError,
    "conflict": VersionConflict,
    "busy": StorageBusy,
    "dropped": StorageUnavailable,
    "interrupted": KeyboardInterrupt,
    "outcome_unknown": OutcomeUnknown,
}

CALLS: list[Callable[[Ledger], object]] = [
    lambda ledger: ledger.earn(ANN, 5, key="k"),
    lambda ledger: ledger.apply_all([commands.Earn(account=ANN, points=5, key="k")]),
    lambda ledger: ledger.balance(ANN),
    lambda ledger: ledger.accounts(),
    lambda ledger: ledger.storage.due_accounts(CLUB.id, day(0), 9),
    lambda ledger: ledger.storage.accounts_to_notify(CLUB.id, day(0), 9),
]


@pytest.mark.parametrize("fault", get_args(Fault))
@pytest.mark.parametrize("call", CALLS)
def test_fault_of_each_call(fault: Fault, call: Callable[[Ledger], object]) -> None:
    """
    The call fails as told, nothing or all was written, and asking again with the same key is safe (R-46, I-24).
    """
    faulty = FaultyStorage(MemoryStorage(), fault)
    ledger = club(faulty)
    with pytest.raises(RAISED[fault]):
        call(ledger)
    written = [entry.points for entry in ledger.entries(ANN)]
    assert written == ([5] if fault == "outcome_unknown" and call in CALLS[:2] else [])
    call(ledger)
    assert ledger.balance(ANN).pending == (5 if call in CALLS[:2] else 0)
    assert_balanced(faulty)


def test_only_the_calls_named_fail() -> None:
    """
    Calls fail from the one that is named on, as many in a row as are named.
    """
    faulty = FaultyStorage(MemoryStorage(), "busy", at=2, times=2)
    ledger = club(faulty)
    fails = []
    for number in range(5):
        try:
            ledger.earn(ANN, 1, key=f"k{number}")
        except StorageBusy:
            fails.append(number)
    assert fails == [1, 2]
    assert faulty.calls == 5
    faulty.close()


@pytest.mark.parametrize("bad", [{"fault": "hiccup"}, {"fault": "busy", "at": 0}, {"fault": "busy", "times": "1"}])
def test_bad_arguments(bad: dict[str, object]) -> None:
    """
    A fault that there is not, and calls that are no counts, are refused.
    """
    with pytest.raises(InvalidInput):
        FaultyStorage(MemoryStorage(), **bad)
