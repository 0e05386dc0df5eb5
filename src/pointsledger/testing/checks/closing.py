"""
Checks of closing.
"""

from __future__ import annotations

from collections.abc import Callable

from ...port import Storage
from ..club import ANN, CLUB, day
from .acting import figures_of, give, outcome_of


class ClosingChecks:
    """
    What the port promises of `close`.
    """

    def test_a_closed_storage_refuses_every_call(self, storage: Storage) -> None:
        """
        After `close` every call raises `StorageClosed`; to close once more does nothing (R-47).
        """
        storage.transact(give(1, "before"))
        storage.close()
        storage.close()
        calls: dict[str, Callable[[], object]] = {
            "transact": lambda: storage.transact(give(1, "after")),
            "transact_all": lambda: storage.transact_all([give(1, "after")]),
            "read": lambda: figures_of(storage, ANN),
            "accounts": lambda: storage.accounts(CLUB.id, "", 9),
            "due_accounts": lambda: storage.due_accounts(CLUB.id, day(0), 9),
            "accounts_to_notify": lambda: storage.accounts_to_notify(CLUB.id, day(0), 9),
        }
        outcomes = {name: str(outcome_of(call)).partition(":")[0] for name, call in calls.items()}
        assert outcomes == dict.fromkeys(calls, "StorageClosed")
