"""
Plans: what a verb asks of its storage, without saying how it is waited for.

A verb of the ledger is a generator that yields calls of a storage, is sent their answers, and returns its result.
So each verb is written once, and carried out over a `Storage` at once or over an `AsyncStorage` with `await`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar

from .domain.account import Account
from .domain.decisions import Decision
from .domain.reads import Reading, run
from .port import AsyncStorage, Job, Storage

T = TypeVar("T")


class Call(NamedTuple):
    """
    One call of a storage; both kinds of storage have these methods.
    """

    method: Literal["transact", "transact_all", "read", "accounts", "due_accounts", "accounts_to_notify"]
    arguments: tuple[Any, ...]


Plan: TypeAlias = Generator[Call, Any, T]
"""A generator that yields calls of a storage, is sent their answers, and returns a `T`."""


def carry_out(plan: Plan[T], storage: Storage) -> T:
    """
    Make the calls of a plan and return its result; what a storage raises is passed on.
    """
    return run(plan, lambda call: getattr(storage, call.method)(*call.arguments))


async def carry_out_async(plan: Plan[T], storage: AsyncStorage) -> T:
    """
    Do as `carry_out` does, and await each call.
    """
    answer: Any = None
    while True:
        try:
            call = plan.send(answer)
        except StopIteration as stop:
            result: T = stop.value
            return result
        answer = await getattr(storage, call.method)(*call.arguments)


# --- the calls, each with the type of its answer ---------------------------------------------------------------------


def transact(job: Job) -> Plan[Decision]:
    """
    Run one decision.
    """
    decision: Decision = yield Call("transact", (job,))
    return decision


def transact_all(jobs: Sequence[Job]) -> Plan[tuple[Decision, ...]]:
    """
    Run decisions, all or none.
    """
    decisions: tuple[Decision, ...] = yield Call("transact_all", (jobs,))
    return decisions


def read(program: str, account: str, reader: Callable[[Account], Reading[T]]) -> Plan[T]:
    """
    Run a reader.
    """
    answer: T = yield Call("read", (program, account, reader))
    return answer


def accounts(program: str, after: str, limit: int) -> Plan[Sequence[str]]:
    """
    List accounts.
    """
    ids: Sequence[str] = yield Call("accounts", (program, after, limit))
    return ids


def due_accounts(program: str, at: datetime, limit: int) -> Plan[Sequence[str]]:
    """
    List accounts that time may change.
    """
    ids: Sequence[str] = yield Call("due_accounts", (program, at, limit))
    return ids


def accounts_to_notify(program: str, at: datetime, limit: int) -> Plan[Sequence[str]]:
    """
    List accounts on which notices may be due.
    """
    ids: Sequence[str] = yield Call("accounts_to_notify", (program, at, limit))
    return ids
