"""
The contract cannot be weakened without saying so.
"""

from typing import Any

import pytest

from pointsledger.storage.memory import MemoryStorage
from pointsledger.testing import StorageContract

NAME = "test_a_closed_storage_refuses_every_call"


def subclass(*bases: type, **members: Any) -> type:
    """
    Return a subclass of the contract with these members.
    """
    return type("Mine", (*bases, StorageContract), members)


class Mixin:
    """
    What another base class may bring along.
    """

    test_accounts_are_apart = None


@pytest.mark.parametrize(
    ("bases", "members", "named"),
    [
        ((), {NAME: lambda self: None}, f"Mine replaces {NAME}"),
        ((), {NAME: None}, f"Mine replaces {NAME}"),
        ((Mixin,), {}, "Mine replaces test_accounts_are_apart"),
        ((), {"departures": {NAME: "why"}, "test_accounts_are_apart": None}, "Mine replaces test_accounts_are_apart"),
        ((), {"departures": {NAME: " "}}, f"departs from {NAME} and does not say why"),
        ((), {"departures": {"test_nothing": "why"}}, "departs from test_nothing, which is no check"),
        ((), {"__test__": False}, "switches the contract off"),
    ],
)
def test_weakened_contract_is_refused(bases: tuple[type, ...], members: dict[str, Any], named: str) -> None:
    """
    Who replaces a check without a reason, or gives one for what is no check, is refused when the class is made.
    """
    with pytest.raises(TypeError, match=named):
        subclass(*bases, **members)


def test_departure_is_skipped_and_says_why() -> None:
    """
    A check that is named with its reason is skipped, and shows the reason.
    """
    mine = subclass(departures={NAME: "it is never closed"})
    with pytest.raises(pytest.skip.Exception, match="it is never closed"):
        getattr(mine(), NAME)()
    assert NAME in mine.__dict__


def test_departure_may_have_a_check_of_its_own() -> None:
    """
    A subclass may have a check of its own in place of one that it departs from, and other tests besides.
    """

    def own(self: object) -> None:
        pass

    mine = subclass(departures={NAME: "it is never closed"}, test_of_my_own=own, **{NAME: own})
    assert getattr(mine, NAME) is own


def test_storage_that_is_not_durable_skips_reopening() -> None:
    """
    Without a way to open the storage again those checks are skipped, not passed.
    """
    for name in ("test_keys_are_known_after_reopening", "test_books_are_the_same_after_reopening"):
        with pytest.raises(pytest.skip.Exception, match="not durable"):
            getattr(subclass()(), name)(MemoryStorage(), None)
