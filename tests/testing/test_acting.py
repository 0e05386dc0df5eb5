"""
How the checks ask again.
"""

import pytest

from pointsledger.errors import StorageBusy
from pointsledger.storage.memory import MemoryStorage
from pointsledger.testing import FaultyStorage
from pointsledger.testing.checks.acting import give, patiently, raised_by


def test_busy_storage_is_asked_again() -> None:
    """
    What may be tried again is, a hundred times; then the storage has failed (R-46).
    """
    faulty = FaultyStorage(MemoryStorage(), "busy", times=100)
    assert patiently(lambda: faulty.transact(give(5, "k"))).account.available == 5
    always = FaultyStorage(MemoryStorage(), "busy", times=101)
    with pytest.raises(StorageBusy):
        patiently(lambda: always.transact(give(5, "k")))


def test_nothing_is_raised() -> None:
    """
    A call that raises nothing is told from one that does.
    """
    assert raised_by(lambda: None) is None
