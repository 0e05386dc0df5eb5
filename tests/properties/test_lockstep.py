"""
The storages of this library against the naive model: the same commands, the same answers, the same refusals.
"""

import os
from collections import Counter
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from pointsledger.domain.commands import COMMANDS
from pointsledger.port import Storage
from pointsledger.storage.memory import MemoryStorage
from pointsledger.storage.sqlite import SQLiteStorage
from pointsledger.testing import compare_with_model
from tests.storage.postgres_server import Database

Storages = dict[str, Callable[[], Storage]]

REFUSALS = {
    "AccountClosed",
    "AccountOpen",
    "BelowThreshold",
    "CurrencyMismatch",
    "CycleNotOpen",
    "DebtOutstanding",
    "EntryUnknown",
    "HoldClosed",
    "HoldExceeded",
    "HoldOpen",
    "IdempotencyConflict",
    "InsufficientPoints",
    "InvalidInput",
    "LotUnknown",
    "NoDebt",
    "NoExchangeRate",
    "NotAwaiting",
    "NotLapsed",
    "NotLater",
    "NotPending",
    "NotReversible",
    "OrderCancelled",
    "OrderUnknown",
    "ProgramInactive",
    "ProposalOutdated",
    "QuantityExceeded",
    "RedemptionLimited",
    "ReversalExceeded",
    "SameActor",
    "ShortfallRefused",
    "StorefrontClosed",
}
"""Every refusal that a well-formed command can meet, but `LimitExceeded`, which takes thousands of commands."""


def missing(hits: Counter[tuple[str, str]]) -> set[str]:
    """
    Return the commands that were never accepted and the refusals that were never met.
    """
    accepted = {command for command, outcome in hits if outcome == "accepted"}
    return (set(COMMANDS) - accepted) | (REFUSALS - {outcome for _, outcome in hits})


def table(hits: Counter[tuple[str, str]]) -> str:
    """
    Return how often each command was accepted, replayed and refused, and each refusal met.
    """
    lines = [f"{'command':16}{'accepted':>10}{'replayed':>10}{'refused':>10}"]
    for name in COMMANDS:
        of = {outcome: count for (command, outcome), count in hits.items() if command == name}
        refused = sum(count for outcome, count in of.items() if outcome in REFUSALS)
        lines.append(f"{name:16}{of.get('accepted', 0):10}{of.get('replayed', 0):10}{refused:10}")
    lines += [
        f"{name:22}{sum(n for (_, outcome), n in hits.items() if outcome == name):8}" for name in sorted(REFUSALS)
    ]
    return "\n".join(lines)


@pytest.fixture
def storages(tmp_path: Path) -> Storages:
    """
    What opens memory and SQLite, of which every tenth is a file.
    """
    opened = count(1)

    def sqlite() -> Storage:
        number = next(opened)
        return SQLiteStorage(":memory:" if number % 10 else tmp_path / f"{number}.db", synchronous="OFF")

    return {"memory": MemoryStorage, "sqlite": sqlite}


def test_model_and_storages_agree(storages: Storages) -> None:
    """
    Model, memory and SQLite accept the same, refuse for the same reason and show the same figures, and every command
    and refusal was really met (I-1 to I-7, I-12 to I-19, I-31, I-32, I-35, I-39, I-40, R-47).
    """
    hits = Counter[tuple[str, str]]()
    for longer in range(3):  # stories of another length are other stories
        hits += compare_with_model(storages, examples=120, steps=50 + longer)
        if not missing(hits):
            break
    print(f"\n{sum(hits.values())} commands\n{table(hits)}")
    assert not missing(hits)


def test_postgresql_agrees(storages: Storages, postgres: Database) -> None:
    """
    PostgreSQL gives the same answers, in fewer examples, since each statement goes to a server and back (I-39).
    """
    hits = compare_with_model(storages | {"postgres": postgres.storage}, examples=8, steps=50)
    print(f"\n{sum(hits.values())} commands")


@pytest.mark.campaign
def test_model_and_storages_agree_for_longer(storages: Storages) -> None:
    """
    The same for as many examples as `POINTSLEDGER_CAMPAIGN` says, at random (I-39).
    """
    examples = int(os.environ.get("POINTSLEDGER_CAMPAIGN", "3000"))
    hits = compare_with_model(storages, examples=examples, steps=60, seed=chance())
    print(f"\n{sum(hits.values())} commands\n{table(hits)}")
    assert not missing(hits)


@pytest.mark.campaign
def test_postgresql_agrees_for_longer(storages: Storages, postgres: Database) -> None:
    """
    The same with PostgreSQL besides, for a tenth as many examples (I-39).
    """
    examples = max(1, int(os.environ.get("POINTSLEDGER_CAMPAIGN", "3000")) // 10)
    compare_with_model(storages | {"postgres": postgres.storage}, examples=examples, steps=60, seed=chance())


def chance() -> int:
    """
    Return another seed each time, and tell it.
    """
    seed = int.from_bytes(os.urandom(4))
    print(f"\nseed {seed}")
    return seed
