"""
The contract of the port as tests: what every storage promises, checked on one of your own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from ..extras import extra

with extra("testing", "pytest"):
    import pytest

    from .checks.accounts import AccountChecks
    from .checks.acting import Reopen
    from .checks.apart import ApartChecks
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
        checks = StorageContract.checks()
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
        Return the checks by name.
        """
        return {name: getattr(cls, name) for name in dir(StorageContract) if name.startswith("test_")}


def _skipped(name: str, reason: str) -> Callable[[Any], None]:
    def check(self: Any) -> None:
        pytest.skip(f"departs from the contract: {reason}")

    check.__name__ = name
    return check
