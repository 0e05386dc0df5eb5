"""
A fault at every statement of every command: a retry has one effect, and the books end as without the fault.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from pointsledger import Entry, Receipt, commands
from pointsledger.domain.commands import COMMANDS
from pointsledger.errors import OperatorNeeded, OutcomeUnknown, PointsLedgerError
from pointsledger.storage.memory import MemoryStorage
from pointsledger.storage.sqlite import SQLiteStorage
from reliability.sqlite_faults import Faults, When
from tests.storage.books import CLUB, assert_balanced, books, club, story

STORY = list(story())


def expected() -> tuple[list[dict[str, Any]], list[Receipt]]:
    """
    Return the books before each command of the story and after the last, and the receipt of each.
    """
    storage = MemoryStorage()
    receipts, pages = [], [books(storage)]
    for command in STORY:
        receipts.append(club(storage).apply(command))
        pages.append(books(storage))
    return pages, receipts


BOOKS, RECEIPTS = expected()


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Faults:
    """
    Faults of every connection that is opened from now on; none yet.
    """
    found = Faults()
    monkeypatch.setattr(sqlite3, "connect", found.connect)
    return found


@pytest.fixture
def storage(faults: Faults) -> Iterator[SQLiteStorage]:
    """
    A storage whose connection has faults.
    """
    with SQLiteStorage(":memory:") as opened:
        yield opened


def answer_again(step: int, *, done: bool) -> tuple[Entry, ...]:
    """
    Return the entries that a command gives when it is asked again; a sweep has no key, and finds nothing more to do.
    """
    return () if done and type(STORY[step]) is commands.Expire else RECEIPTS[step].entries


def fail_everywhere(storage: SQLiteStorage, faults: Faults, step: int, when: When) -> int:
    """
    Carry out one command with a fault at its first statement, its second, and so on, each time on the same books.

    Returns at how many statements it failed.
    """
    (connection,) = faults.opened
    command, before, after = STORY[step], BOOKS[step], BOOKS[step + 1]
    with closing(sqlite3.Connection(":memory:")) as kept:
        connection.backup(kept)
        for number in range(1, 100):
            faults.at, faults.when, faults.count, faults.met = number, when, 0, 0
            done = False
            try:
                receipt = club(storage).apply(command)
            except (OutcomeUnknown, OperatorNeeded) as error:
                faults.at = None
                done = isinstance(error, OutcomeUnknown) and when == "after"
                assert books(storage) == (after if done else before)
                receipt = club(storage).apply(command)
            faults.at = None
            assert receipt.entries == answer_again(step, done=done)
            assert books(storage) == after
            assert_balanced(storage)
            if not faults.met:
                return number - 1
            kept.backup(connection)
    raise AssertionError("it never ended")


@pytest.mark.parametrize("when", ["before", "after", "gone"])
def test_fault_at_every_statement_of_every_command(storage: SQLiteStorage, faults: Faults, when: When):
    """
    Whichever statement of whichever command fails, before or after it ran, or with the transaction gone, nothing or
    all is there, a retry has one effect, and the books end as without a fault (I-14, I-25, A23, A33).
    """
    assert {type(command) for command in STORY} == set(COMMANDS.values())
    for step in range(len(STORY)):
        assert fail_everywhere(storage, faults, step, when) >= 5
    assert books(storage) == BOOKS[-1]


@pytest.mark.parametrize("when", ["before", "after", "gone"])
def test_fault_in_a_batch(faults: Faults, when: When):
    """
    Whichever statement of a batch fails, all of it or nothing is there, and the retried batch has one effect (R-45).
    """
    with SQLiteStorage(":memory:") as storage:
        faults.count = 0
        club(storage).apply_all(STORY)
        statements = faults.count
    for number in [*range(1, statements, 7), *range(statements - 2, statements + 1)]:
        with SQLiteStorage(":memory:") as again:
            faults.at, faults.when, faults.count = number, when, 0
            with pytest.raises((OutcomeUnknown, OperatorNeeded)):
                club(again).apply_all(STORY)
            faults.at = None
            assert books(again) == (BOOKS[-1] if (number, when) == (statements, "after") else {})
            receipts = club(again).apply_all(STORY)
            done = (number, when) == (statements, "after")
            assert [receipt.entries for receipt in receipts] == [
                answer_again(step, done=done) for step in range(len(STORY))
            ]
            assert books(again) == BOOKS[-1]


@pytest.mark.parametrize("when", ["before", "after"])
def test_fault_in_the_callers_transaction(faults: Faults, when: When):
    """
    A fault in the caller's transaction leaves what the caller did before, and the retry in it has one effect (R-46).
    """
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as shop:
        shop.execute("CREATE TABLE orders (id TEXT)")
        storage = SQLiteStorage.joining(shop)
        shop.execute("BEGIN")
        storage.create_schema()
        for step, command in enumerate(STORY):
            shop.execute("INSERT INTO orders VALUES (?)", (str(step),))
            for number in range(1, 100):
                faults.at, faults.when, faults.count, faults.met = number, when, 0, 0
                try:
                    club(storage).apply(command)
                except PointsLedgerError:
                    faults.at = None
                    assert shop.in_transaction
                    # Behind the last statement there is nothing left to take back.
                    assert books(storage) in (BOOKS[step], BOOKS[step + 1])
                else:
                    break
            faults.at = None
            assert books(storage) == BOOKS[step + 1]
        shop.execute("COMMIT")
        assert shop.execute("SELECT count(*) FROM orders").fetchone() == (len(STORY),)
        assert books(storage) == BOOKS[-1]
        assert_balanced(storage, CLUB.id)
