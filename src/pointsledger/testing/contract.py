"""
The contracts of the ports as tests: what every storage promises, checked on one of your own.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from typing import Any, ClassVar

from ..extras import extra
from ..port import Storage
from .bridge import Bridge, BridgedStorage, Opener

with extra("testing", "pytest"):
    import pytest

    from .checks.accounts import AccountChecks
    from .checks.acting import Reopen
    from .checks.apart import ApartChecks
    from .checks.awaiting import AwaitingChecks
    from .checks.batches import BatchChecks
    from .checks.callers import CallerChecks
    from .checks.closing import ClosingChecks
    from .checks.decisions import DecisionChecks
    from .checks.keys import KeyChecks
    from .checks.reads import ReadChecks


class StorageContract(
    DecisionChecks,
    BatchChecks,
    KeyChecks,
    CallerChecks,
    ApartChecks,
    ReadChecks,
    AccountChecks,
    ClosingChecks,
):
    """
    Everything that the port promises, each as a test that is named after it.

    Subclass it in a test file under a name that pytest collects, with a fixture `storage` that gives an empty storage.
    For a storage that outlives its process give a fixture `reopen` as well: a function that closes the storage and
    returns it opened again, as often as it is called. The contract closes what it returns.

    Args:
        departures: by the name of a check, why this storage departs from it. Such a check is skipped and shows the
            reason, unless the subclass has one of its own in its place.

    Raises:
        TypeError: a subclass replaces a check, switches the class off, or names a check that there is not, without
            saying why.
    """

    departures: ClassVar[Mapping[str, str]] = {}

    @pytest.fixture
    def reopen(self) -> Reopen | None:
        """
        Give no way to open the storage again: it forgets everything.
        """
        return None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.__module__ == __name__:
            return  # a contract itself
        checks = cls.checks()
        if not getattr(cls, "__test__", True):
            raise TypeError(f"{cls.__name__} switches the contract off by __test__")
        for name, reason in cls.departures.items():
            if name not in checks:
                raise TypeError(f"{cls.__name__} departs from {name}, which is no check of the contract")
            if not reason.strip():
                raise TypeError(f"{cls.__name__} departs from {name} and does not say why")
        for name, check in checks.items():
            if name in cls.departures:
                if getattr(cls, name) is check:
                    setattr(cls, name, _skipped(name, cls.departures[name]))
            elif getattr(cls, name) is not check:
                raise TypeError(f"{cls.__name__} replaces {name}; name it in `departures` and say why")

    @classmethod
    def checks(cls) -> dict[str, Callable[..., None]]:
        """
        Return the checks by name, as the contract has them.
        """
        contract = next(base for base in cls.__mro__ if base.__module__ == __name__)
        return {name: getattr(contract, name) for name in dir(contract) if name.startswith("test_")}


class AsyncStorageContract(AwaitingChecks, StorageContract):
    """
    The contract of a storage that is awaited: every check of `StorageContract`, and what it promises to tasks.

    Subclass it with a fixture `open_storage`: it gives a function, a coroutine function or not, that returns an empty
    storage. It is called in the event loop in which the storage is used from then on; that loop runs in a thread of
    its own, so that no plugin for asynchronous tests is needed.
    For a storage that outlives its process give a fixture `open_again` as well: a function that opens the storage
    again, which is called when it has been closed. Departures are named as in `StorageContract`.
    """

    @pytest.fixture
    def bridge(self) -> Generator[Bridge, None, None]:
        """
        Give the event loop.
        """
        with closing(Bridge()) as bridge:
            yield bridge

    @pytest.fixture
    def storage(self, bridge: Bridge, open_storage: Opener) -> Generator[Storage, None, None]:
        """
        Give the storage as one that is called from threads.
        """
        with closing(bridge.open(open_storage)) as storage:
            yield storage

    @pytest.fixture
    def open_again(self) -> Opener | None:
        """
        Give no way to open the storage again: it forgets everything.
        """
        return None

    @pytest.fixture
    def reopen(self, bridge: Bridge, storage: BridgedStorage, open_again: Opener | None) -> Reopen | None:
        """
        Give the way to close the storage and open it again, if there is one.
        """
        if open_again is None:
            return None

        def again() -> Storage:
            storage.close()
            return bridge.open(open_again)

        return again


def _skipped(name: str, reason: str) -> Callable[[Any], None]:
    def check(self: Any) -> None:
        pytest.skip(f"departs from the contract: {reason}")

    check.__name__ = name
    return check
