"""
The plugin for pytest, which pytest finds by itself: it costs nothing until its fixture is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ..ledger import Ledger
    from .clock import FrozenClock

# So that a check of the contract, or a story, that fails shows what it compared.
pytest.register_assert_rewrite("pointsledger.testing.checks", "pointsledger.testing.stories")


@pytest.fixture
def points_clock() -> FrozenClock:
    """
    Give the clock of `points_ledger`, which stands still until a test moves it: `points_clock.advance(days=1)`.
    """
    from .clock import FrozenClock

    return FrozenClock()


@pytest.fixture
def points_ledger(points_clock: FrozenClock) -> Iterator[Ledger]:
    """
    Give an empty ledger in memory, by `points_clock`, whose books are proved at the end of the test.

    Its program is called ``test``: a point per 1.00 EUR, usable at once and for ever, worth 0.01 EUR.
    """
    from .fixture import new_ledger
    from .proof import assert_books_balance

    ledger = new_ledger(points_clock)
    yield ledger
    assert_books_balance(ledger)
