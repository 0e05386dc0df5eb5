"""
Accounts, entries, lots and decisions as JSON, for storages of one's own.
"""

import json

from attrs import evolve

from pointsledger import ExpiryPolicy
from pointsledger.domain.reads import LotsNamed
from pointsledger.port import Storage
from pointsledger.storage.memory import MemoryStorage
from pointsledger.storage.records import (
    account_from_mapping,
    account_to_mapping,
    decision_from_mapping,
    decision_to_mapping,
    entry_from_mapping,
    entry_to_mapping,
    lot_from_mapping,
    lot_to_mapping,
)
from pointsledger.testing.checks.acting import ask, job_at
from tests.storage.books import ANN, CLUB, books_of, club, day, story


def assert_kept(storage: Storage) -> None:
    """
    Everything of Ann is what its JSON says.
    """
    account, entries, _ = books_of(storage, ANN)
    lots = ask(storage, LotsNamed(tuple(entry.sequence for entry in entries if entry.opened)))
    assert account_from_mapping(json.loads(json.dumps(account_to_mapping(account)))) == account
    assert [entry_from_mapping(json.loads(json.dumps(entry_to_mapping(entry)))) for entry in entries] == list(entries)
    assert [lot_from_mapping(json.loads(json.dumps(lot_to_mapping(lot)))) for lot in lots] == list(lots)


def test_story_survives_json() -> None:
    """
    After each command the figures, entries and lots are what their JSON says, field by field (I-39).
    """
    storage = MemoryStorage()
    for command in story():
        club(storage).apply(command)
        assert_kept(storage)


def test_decisions_survive_json() -> None:
    """
    What each decision writes is what its JSON says, notices aside, which no storage keeps (I-39).
    """
    storage = MemoryStorage()
    for command in story():
        decision = evolve(storage.transact(job_at(command)), notices=())
        assert decision_from_mapping(json.loads(json.dumps(decision_to_mapping(decision)))) == decision


def test_lapse_survives_json() -> None:
    """
    An account that lapsed by inactivity is what its JSON says (R-36).
    """
    storage = MemoryStorage()
    ledger = club(storage, evolve(CLUB, expiry=ExpiryPolicy.inactivity(days=3)))
    ledger.earn(ANN, 5, at=day(0))
    ledger.earn(ANN, 5, at=day(99))
    assert books_of(storage, ANN)[0].lapsed is not None
    assert_kept(storage)
