"""
The ledger for asynchronous hosts: the verbs of `Ledger`, awaited.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, TypeVar

from .ledger import Verbs, give_verbs
from .plans import Plan, carry_out_async
from .port import AsyncStorage

T = TypeVar("T")


class AsyncLedger(Verbs[AsyncStorage]):
    """
    One program's points, kept in a storage that is awaited.

    It has the verbs of `Ledger`, with the same arguments, results and refusals; each is a coroutine.
    Tasks may share one ledger. A task that is cancelled leaves its command stored wholly or not at all; asking again
    with the same key is safe (R-44).

    Args:
        program: the rules in force.
        storage: where it is kept; see `pointsledger.port.AsyncStorage`.
        clock: says now where a call does not.
        new_key: makes a key where a command has neither a key nor a fact of its own.
    """


def _awaited(plan: Callable[..., Plan[T]]) -> Callable[..., Coroutine[Any, Any, T]]:
    @wraps(plan)
    async def verb(self: AsyncLedger, *args: Any, **kwargs: Any) -> T:
        return await carry_out_async(plan(self, *args, **kwargs), self.storage)

    return verb


give_verbs(AsyncLedger, _awaited)
