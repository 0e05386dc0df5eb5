"""
`AsyncLedger`: every verb gives what `Ledger` gives, and tasks that race or are cancelled leave nothing half done.
"""

from __future__ import annotations

import asyncio
import inspect
import random
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar

import pytest
from attrs import frozen

from pointsledger import (
    AsyncLedger,
    EarnRule,
    ExchangeRate,
    ExpiryPolicy,
    Ledger,
    Money,
    NoticePolicy,
    Order,
    OrderLine,
    PendingPolicy,
    Program,
    Tender,
    commands,
)
from pointsledger.errors import InsufficientPoints, PointsLedgerError, StorageClosed
from pointsledger.port import AsyncStorage, Storage
from pointsledger.storage.memory import MemoryStorage
from pointsledger.storage.memory_async import AsyncMemoryStorage
from pointsledger.storage.postgres import PostgresStorage
from pointsledger.storage.postgres_async import AsyncPostgresStorage
from pointsledger.storage.postgres_dialect import POOL_MAX
from tests.storage import postgres_server

T = TypeVar("T")

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=9)
WHO = {"actor": "support:42", "reason": "goodwill"}
TEN = Money("10.00", "EUR")

PROGRAM = Program(
    id="club",
    timezone="Europe/Paris",
    earn_rules=[
        EarnRule.per_amount(1, per=Money("1.00", "EUR")),
        EarnRule.per_action(1, action="visit", pending=PendingPolicy.until_event()),
    ],
    exchange_rates=[ExchangeRate(1, Money("0.01", "EUR"))],
    expiry=ExpiryPolicy.after(months=12),
    notices=NoticePolicy(warn_days=30),
    approval_above=1000,
)

VERBS = sorted(name for name in vars(Ledger) if not name.startswith("_"))


# --- the same verbs --------------------------------------------------------------------------------------------------


def test_both_ledgers_have_the_same_verbs() -> None:
    """
    What one ledger can do, the other can.
    """
    assert sorted(name for name in vars(AsyncLedger) if not name.startswith("_")) == VERBS
    assert len(VERBS) > 40


@pytest.mark.parametrize("verb", ["__init__", *VERBS])
def test_a_verb_has_one_signature(verb: str) -> None:
    """
    Names, parameters, defaults and texts are those of `Ledger`; the result is the same, awaited.
    """
    at_once, awaited = getattr(Ledger, verb), getattr(AsyncLedger, verb)
    assert inspect.signature(awaited) == inspect.signature(at_once)
    assert awaited.__doc__ == at_once.__doc__
    if verb != "__init__":
        assert inspect.iscoroutinefunction(awaited)
        assert not inspect.iscoroutinefunction(at_once)
        assert "Plan" not in str(inspect.signature(at_once))
        assert (at_once.__qualname__, awaited.__qualname__) == (f"Ledger.{verb}", f"AsyncLedger.{verb}")


def test_both_storages_have_the_same_calls() -> None:
    """
    The awaited port has the calls of the port, with the same arguments and results.
    """
    calls = sorted(name for name in vars(Storage) if not name.startswith("_"))
    assert sorted(name for name in vars(AsyncStorage) if not name.startswith("_")) == calls
    for call in calls:
        assert inspect.signature(getattr(AsyncStorage, call)) == inspect.signature(getattr(Storage, call))
        assert inspect.iscoroutinefunction(getattr(AsyncStorage, call))


# --- the same results ------------------------------------------------------------------------------------------------


@frozen
class Step:
    """
    One call of a verb; arguments may be made from what the steps before gave.
    """

    verb: str
    arguments: dict[str, Any] | Callable[[list[Any]], dict[str, Any]]

    def given(self, results: list[Any]) -> dict[str, Any]:
        """
        Return the arguments.
        """
        return self.arguments if isinstance(self.arguments, dict) else self.arguments(results)


def do(verb: str, **arguments: Any) -> Step:
    """
    One call with these arguments.
    """
    return Step(verb, arguments)


def order(id: str, account: str = "ada", **details: Any) -> Order:
    """
    Four teas and two cups for 20.00, which earn 20 points.
    """
    lines = [OrderLine("tea", Money("2.50", "EUR"), 4), OrderLine("cup", Money("5.00", "EUR"), 2)]
    return Order(id, account, lines, **details)


SCRIPT = [
    do("set_profile", account="ada", holder="person", verified=True, balance_updates=True, expiry_warnings=True),
    do("balance", account="ada"),
    do("earn", account="ada", points=100, key="k1", comment="café ☕"),
    do("earn", account="ada", points=100, key="k1", comment="café ☕"),  # once and only once
    do("earn", account="ada", points=99, key="k1"),  # refused: another content
    do("earn", account="ada", points=0),  # refused: no points
    do("quote", order=order("1001")),
    do("place", order=order("1001")),
    do("pay", order="1001", tender=Tender("card", TEN), account="ada"),
    do("approve_payment", order="1001", tender="card", account="ada"),
    do("process", order=order("1001")),
    do("process", order=order("1001")),
    do("activate", order="1001", account="ada"),
    do("invoice", order="1001", invoice="i1", lines={"tea": 1}, account="ada"),
    do("cancel_lines", order="1001", cancellation="c1", lines={"cup": 1}, account="ada"),
    do("quote_refund", order="1001", lines={"tea": 1}, account="ada"),
    do("return_lines", order="1001", return_id="r1", lines={"tea": 1}, account="ada"),
    do("return_lines", order="1001", return_id="r2", lines={"hat": 1}, account="ada"),  # refused: no such line
    do("propose_return", order="1001", return_id="r1", account="ada"),
    Step("settle_return", lambda results: {"proposal": results[-1], **WHO}),
    do("act", account="ada", action="visit", subject="s1"),
    Step("activate_lot", lambda results: {"account": "ada", "lot": results[-1].sequence}),
    do("quote_redemption", account="ada", points=30, order="1002", currency="EUR", to_pay=TEN),
    do("redeem", account="ada", points=30, order="1002", currency="EUR", to_pay=TEN),
    do("redeem", account="ada", points=5000),  # refused: too many
    do("hold", account="ada", points=20, order="1003", until=LATER),
    do("capture", order="1003", points=15, account="ada"),
    do("hold", account="ada", points=10, order="1004", until=LATER),
    do("release", order="1004", account="ada"),
    do("adjust", account="ada", points=2000, actor="boss", reason="waits"),
    Step("approve", lambda results: {"account": "ada", "entry": results[-1].sequence, "actor": "support:42"}),
    do("adjust", account="ada", points=3000, actor="boss", reason="waits"),
    Step("decline", lambda results: {"account": "ada", "entry": results[-1].sequence, **WHO}),
    do("adjust", account="eve", points=-5, allow_debt=True, **WHO),
    do("forgive", account="eve", points=2, **WHO),
    do("earn", account="eve", points=10, key="e1"),
    Step("reverse", lambda results: {"account": "eve", "entry": results[-1].sequence, "points": 4, **WHO}),
    do("set_balance", account="eve", points=7, **WHO),
    do("adjust", account="ivy", points=4, expires_at=NOW - timedelta(days=1), **WHO),
    do("reinstate", account="ivy", lot=1, points=1, expires_at=LATER, **WHO),
    do("extend", account="ivy", lot=1, expires_at=LATER + timedelta(days=1), **WHO),
    do("preview_redating", account="ada"),
    do("redate", account="ada", **WHO),
    do("comment", account="ada", comment="late parcel", entry=2),
    do("assign", account="ivy", lot=1, responsible="support:42"),
    do("earn", account="zoe", points=8, key="z1", occurred_at=NOW - timedelta(days=1)),
    do("close_account", account="zoe", **WHO),
    do("earn", account="zoe", points=8, key="z2"),  # refused: closed
    do("reopen_account", account="zoe", **WHO),
    do("process", order=order("1005", "zoe")),
    do("cancel", order="1005", account="zoe"),
    do("apply", command=commands.Earn(account="kim", points=40, key="y1")),
    do("apply_all", batch=[commands.Earn(account=f"batch-{n}", points=n, key=f"b{n}") for n in range(1, 6)]),
    do("apply_all", batch=[commands.Earn(account="lou", points=1, key="l1"), commands.Redeem(account="lou", points=9)]),
    do("accounts"),
    do("accounts", after="batch-3", limit=2),
    do("notices", account="ada"),
    do("take_notices", account="ada", key="n1"),
    do("take_notices", account="ada", key="n1"),
    do("due_notices", batch=3),
    do("due_notices"),
    do("due_notices"),
    do("balance", account="ada", at=LATER),
    do("expiring", account="ada"),
    do("lots", account="ada"),
    do("lot", account="ada", lot=2),
    do("lot", account="ada", lot=999),  # refused: no such lot
    do("draws_on", account="ada", lot=2),
    do("explain", account="ada", sequence=3),
    do("entries", account="ada", after=2, limit=3),
    do("expire", account="ivy", at=LATER + timedelta(days=2)),
    do("expire_due", at=NOW + timedelta(days=800), batch=2, progress=lambda sweep: sweep.accounts < 4),
    do("expire_due", at=NOW + timedelta(days=800), batch=2),
    *(do("entries", account=account) for account in ("ada", "eve", "ivy", "zoe", "kim", "lou", "batch-3", "nobody")),
]


def settings() -> dict[str, Any]:
    """
    A clock that stands and keys that are counted, so that the ledgers have nothing to differ by.
    """
    keys = count()
    return {"clock": lambda: NOW, "new_key": lambda: f"key-{next(keys)}"}


def told(storage: Storage) -> list[Any]:
    """
    What each step gives or raises, at once.
    """
    ledger, results = Ledger(PROGRAM, storage, **settings()), []
    for step in SCRIPT:
        try:
            results.append(getattr(ledger, step.verb)(**step.given(results)))
        except PointsLedgerError as refusal:
            results.append(refusal)
    return results


async def told_async(storage: AsyncStorage) -> list[Any]:
    """
    What each step gives or raises, awaited.
    """
    ledger, results = AsyncLedger(PROGRAM, storage, **settings()), []
    for step in SCRIPT:
        try:
            results.append(await getattr(ledger, step.verb)(**step.given(results)))
        except PointsLedgerError as refusal:
            results.append(refusal)
    return results


def in_bytes(results: list[Any]) -> list[bytes]:
    """
    Return what each step gave, to the last byte.
    """
    return [
        f"{step.verb}: {type(result).__name__} {result!r}".encode()
        for step, result in zip(SCRIPT, results, strict=True)
    ]


def test_the_script_has_every_verb_and_its_refusals_are_meant() -> None:
    """
    No verb is left out, and only what is marked is refused.
    """
    assert {step.verb for step in SCRIPT} == set(VERBS)
    refused = [
        step.verb for step, result in zip(SCRIPT, told(MemoryStorage()), strict=True) if isinstance(result, Exception)
    ]
    assert refused == ["earn", "earn", "return_lines", "redeem", "earn", "apply_all", "lot"]


def test_the_script_gives_the_same_in_memory() -> None:
    """
    Entries, balances, receipts and refusals are byte for byte those of `Ledger`.
    """
    assert in_bytes(asyncio.run(told_async(AsyncMemoryStorage()))) == in_bytes(told(MemoryStorage()))


def test_the_script_gives_the_same_in_postgresql(postgres: postgres_server.Database) -> None:
    """
    Entries, balances, receipts, refusals and every stored row are byte for byte those of `Ledger`, and answers are
    equal to those in memory (I-39).
    """

    async def awaited() -> list[Any]:
        async with AsyncPostgresStorage(postgres.dsn) as storage:
            return await told_async(storage)

    at_once = told(postgres.storage())
    stored = all_rows(postgres)
    postgres.storage()  # empty again
    assert in_bytes(asyncio.run(awaited())) == in_bytes(at_once)
    assert all_rows(postgres) == stored
    for result, in_memory in zip(at_once, told(MemoryStorage()), strict=True):
        assert result == in_memory or repr(result) == repr(in_memory)  # refusals are equal by their words


def all_rows(database: postgres_server.Database) -> list[list[Any]]:
    """
    Return the rows of every table, as the server writes them down.
    """
    with database.pool.connection() as connection:
        return [
            connection.execute(f"SELECT t::text FROM pointsledger_{table} t ORDER BY 1".encode()).fetchall()
            for table in postgres_server.TABLES
        ]


# --- tasks -----------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["memory", "postgres"])
def with_storage(request: pytest.FixtureRequest) -> Callable[[Callable[[Any], Coroutine[Any, Any, T]]], T]:
    """
    Each awaited storage in turn, empty: run a function on it in a loop of its own.
    """

    def run(work: Callable[[Any], Coroutine[Any, Any, T]]) -> T:
        async def main() -> T:
            storage: Any
            if request.param == "memory":
                storage = AsyncMemoryStorage()
            else:
                storage = AsyncPostgresStorage(database.dsn, timeout=20)
            try:
                return await work(storage)
            finally:
                await storage.close()

        if request.param == "postgres":
            database: postgres_server.Database = request.getfixturevalue("postgres")
            database.storage()
        return asyncio.run(main())

    return run


def test_one_of_many_tasks_redeems_the_whole_balance(with_storage: Any) -> None:
    """
    16 tasks redeem all points at once: one wins, and the others are refused (R-25, I-22).
    """

    async def work(storage: AsyncStorage) -> None:
        ledger = AsyncLedger(PROGRAM, storage)
        await ledger.earn("ada", 500, key="k1")
        tries = [ledger.redeem("ada", 500) for _ in range(16)]
        results = await asyncio.gather(*tries, return_exceptions=True)
        assert sorted(type(result).__name__ for result in results) == ["InsufficientPoints"] * 15 + ["Receipt"]
        assert (await ledger.balance("ada")).available == 0
        assert len(await ledger.entries("ada")) == 2

    with_storage(work)


def test_many_tasks_at_once_lose_nothing(with_storage: Any) -> None:
    """
    Tasks on one account and on many write all they were asked to, each once (I-13, I-14).
    """

    async def work(storage: AsyncStorage) -> None:
        ledger = AsyncLedger(PROGRAM, storage)
        await asyncio.gather(*(ledger.earn("ada", 1, key=f"k{n % 30}") for n in range(60)))
        await asyncio.gather(*(ledger.earn(f"c{n}", n, key="k") for n in range(1, 40)))
        assert (await ledger.balance("ada")).available == 30
        assert [(await ledger.balance(f"c{n}")).available for n in range(1, 40)] == list(range(1, 40))

    with_storage(work)


@pytest.mark.parametrize("cancels", [1, 1000], ids=["once", "again and again"])
def test_a_cancelled_task_leaves_nothing_half_written(with_storage: Any, cancels: int) -> None:
    """
    A task that is cancelled at any moment has stored its batch wholly or not at all; asking again completes it (R-45).
    """
    moments = random.Random(7)

    async def work(storage: AsyncStorage) -> None:
        ledger = AsyncLedger(PROGRAM, storage)
        await ledger.earn("ada", 1, key="first")
        ended = 0
        for n in range(60):
            batch = [commands.Earn(account="ada", points=10, key=f"{n}-{part}") for part in range(3)]
            task = asyncio.create_task(ledger.apply_all(batch))
            await asyncio.sleep(moments.random() * 0.012 if n % 3 else 0)
            ended += await cancelled(task, cancels)
            kept = [entry for entry in await ledger.entries("ada") if entry.key and entry.key.startswith(f"{n}-")]
            assert len(kept) in {0, 3}
            await ledger.apply_all(batch)
            assert (await ledger.balance("ada")).available == 1 + 30 * (n + 1)
        assert ended
        # Every connection that was at work is there again.
        await asyncio.gather(*(ledger.earn("ada", 1) for _ in range(2 * POOL_MAX)))

    with_storage(work)


async def cancelled(task: asyncio.Task[Any], cancels: int) -> bool:
    """
    Cancel a task, and as long as it is not done again in each round of the loop; return whether it was cancelled.
    """
    for _ in range(cancels):
        if task.done():
            break
        task.cancel()
        await asyncio.sleep(0)
    with suppress(asyncio.CancelledError):
        await task
    return task.cancelled()


def test_a_refusal_leaves_the_ledger_usable(with_storage: Any) -> None:
    """
    After a refusal nothing has changed, and the next command goes through.
    """

    async def work(storage: AsyncStorage) -> None:
        ledger = AsyncLedger(PROGRAM, storage)
        await ledger.earn("ada", 5, key="k1")
        with pytest.raises(InsufficientPoints):
            await ledger.redeem("ada", 6)
        assert (await ledger.redeem("ada", 5)).points == -5

    with_storage(work)


def test_a_closed_storage_is_refused(with_storage: Any) -> None:
    """
    After `close` every call raises `StorageClosed`.
    """

    async def work(storage: AsyncStorage) -> None:
        ledger = AsyncLedger(PROGRAM, storage)
        await ledger.earn("ada", 5, key="k1")
        await storage.close()
        for call in (ledger.earn("ada", 5), ledger.balance("ada"), ledger.accounts(), ledger.expire_due()):
            with pytest.raises(StorageClosed):
                await call

    with_storage(work)


def test_both_ledgers_share_one_database(postgres: postgres_server.Database) -> None:
    """
    What one ledger writes, the other reads.
    """
    storage: PostgresStorage = postgres.storage()
    Ledger(PROGRAM, storage).earn("ada", 5, key="k1")

    async def work() -> int:
        async with AsyncPostgresStorage(postgres.dsn) as awaited:
            receipt = await AsyncLedger(PROGRAM, awaited).earn("ada", 5, key="k1")
            assert receipt.replayed
            return (await AsyncLedger(PROGRAM, awaited).earn("ada", 6, key="k2")).points

    assert asyncio.run(work()) == 6
    assert Ledger(PROGRAM, storage).balance("ada").available == 11
