"""
Many processes and threads on one account: none sees a stale balance, and the books are those of some order of them.

Races for the whole balance, and crowds on several accounts, are in test_campaigns.py.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pointsledger import commands
from pointsledger.errors import Refused
from pointsledger.port import Storage
from pointsledger.storage.memory import MemoryStorage
from pointsledger.storage.sqlite import SQLiteStorage
from reliability.callers import PROCESSES, Answer, Asks, ProcessCrew, ThreadCrew, in_threads, restless
from reliability.numbered import ON, numbered, shares
from reliability.places import SQLiteDoor
from reliability.serial import assert_serial
from tests.reliability.writers import open_at_once, redeem_each, sweep
from tests.storage.books import ANN, BY_HAND, assert_balanced, books, club, day, figures_and_lots

MODES = ["wal", "delete"]
CALLERS, THREADS = 8, 16


@pytest.fixture(autouse=True)
def changing_often() -> Iterator[None]:
    """
    Let Python change between threads as often as it can.
    """
    with restless():
        yield


def asks(first: int, each: int, callers: int) -> list[Asks]:
    """
    Return what each caller asks on Ann's account.
    """
    return [Asks([numbered(number) for number in numbers]) for numbers in shares(first, each, callers)]


def run_processes(calls: Sequence[tuple[Callable[..., None], tuple[Any, ...]]]) -> None:
    """
    Run calls in processes of their own, and fail if one of them fails.
    """
    running = [PROCESSES.Process(target=target, args=args) for target, args in calls]
    for process in running:
        process.start()
    for process in running:
        process.join(120)
    assert [process.exitcode for process in running] == [0] * len(running)


def begin(storage: Storage) -> None:
    """
    Give Ann 200 points in four lots.
    """
    for number in range(4):
        club(storage).adjust(ANN, 50, key=f"first-{number}", expires_at=day(200 + number), **BY_HAND)


# --- mixed commands ------------------------------------------------------------------------------------------------


def assert_serial_from_the_start(storage: Storage, answers: Sequence[Answer]) -> None:
    """
    The books are those of the commands one after the other, on those that Ann began with.
    """
    replay = MemoryStorage()
    begin(replay)
    assert_serial(storage, answers, replay)


@pytest.mark.parametrize("mode", MODES)
def test_processes_and_threads_on_one_account(tmp_path: Path, mode: Any):
    """
    8 processes of 16 threads on one account: no command fails for another's sake, and the books are exact (I-20, I-21,
    R-46, A02, A82).
    """
    race_mixed(SQLiteDoor(tmp_path / "points.db", mode), each=3)


@pytest.mark.campaign
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("seed", range(5))
def test_many_commands_on_one_account(tmp_path: Path, mode: Any, seed: int):
    """
    The same with many more commands (I-20, I-21).
    """
    race_mixed(SQLiteDoor(tmp_path / "points.db", mode), each=60, first=10**6 * seed)


def race_mixed(door: SQLiteDoor, *, each: int, first: int = 0) -> None:
    """
    Let all processes and threads work on Ann's account at once.
    """
    with door.opened() as storage:
        begin(storage)
    with ProcessCrew(door, CALLERS) as crew:
        answers = crew.run(asks(first, each, CALLERS * THREADS))
    assert len(answers) == CALLERS * THREADS * each
    with door.opened() as storage:
        assert_serial_from_the_start(storage, answers)
    door.check()
    assert len({answer.refused for answer in answers if answer.refused}) > 0


@pytest.mark.parametrize(("make", "each"), [(MemoryStorage, 40), (partial(SQLiteStorage, ":memory:"), 20)])
def test_threads_on_memory(make: Callable[[], Storage], each: int):
    """
    16 threads on one account in memory, or on a database in memory whose one connection they share: the books are those
    of some order of all commands (I-20, I-21).
    """
    storage = make()
    begin(storage)
    answers = ThreadCrew(storage).run(asks(0, each, THREADS))
    assert len(answers) == THREADS * each
    assert_serial_from_the_start(storage, answers)
    storage.close()


def test_threads_in_batches_and_sweeps(storage: Storage):
    """
    Threads that write batches over many accounts, sweep and read at the same time leave exact books (I-2, I-40).
    """
    accounts = [f"a{number}" for number in range(12)]
    ledger = club(storage, on=ON)

    def write(caller: int) -> list[Answer]:
        for turn in range(5):
            batch = [
                commands.Adjust(
                    account=account, points=7, expires_at=day(150), key=f"{caller}-{turn}", at=day(ON), **BY_HAND
                )
                for account in accounts
            ]
            assert len(ledger.apply_all(batch)) == len(accounts)
        return []

    def look() -> list[Answer]:
        for _ in range(20):
            for account in ledger.accounts():
                figures, lots = storage.read("club", account, figures_and_lots)
                assert figures.available % 7 == 0
                assert figures.available == sum(lot.remaining for lot in lots)
        return []

    def swept() -> list[Answer]:
        for _ in range(5):
            ledger.expire_due(at=day(ON), batch=5)
        return []

    in_threads([partial(write, caller) for caller in range(6)] + [look, look, swept, swept])
    assert ledger.accounts() == tuple(sorted(accounts))
    assert {ledger.balance(account).available for account in accounts} == {7 * 6 * 5}
    assert ledger.expire_due(at=day(200)).points == 7 * 6 * 5 * len(accounts)
    assert_balanced(storage)


def test_one_key_in_many_threads(storage: Storage):
    """
    One command with one key, asked 16 times at once, has one effect, and all have its receipt (I-14).
    """
    ledger = club(storage, on=ON)
    for number in range(20):
        command = commands.Earn(account=f"a{number % 3}", points=1, key=f"k{number}", at=day(ON))
        answers = ThreadCrew(storage).run([Asks([command])] * THREADS)
        assert len({answer.entries for answer in answers}) == 1
    assert sum(len(ledger.entries(account)) for account in ledger.accounts()) == 20
    assert_balanced(storage)


# --- opening and sweeping --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_processes_open_a_new_file_at_once(tmp_path: Path, mode: Any):
    """
    Of processes that open a new file at the same moment, one creates the tables, and all work with them.
    """
    for number in range(6):
        path = tmp_path / f"points-{number}.db"
        start = PROCESSES.Barrier(CALLERS)
        run_processes([(open_at_once, (path, mode, str(key), start)) for key in range(CALLERS)])
        with SQLiteStorage(path, journal_mode=mode) as storage:
            assert sorted(entry.key or "" for entry in club(storage).entries(ANN)) == list("01234567")
            assert_balanced(storage)
        SQLiteDoor(path, mode).check()


@pytest.mark.parametrize("mode", MODES)
def test_sweep_races_redeem(tmp_path: Path, mode: Any):
    """
    Two sweeps and two shops at once: each point leaves once, redeemed or lapsed, and none twice (I-5, I-31, A14).
    """
    path = tmp_path / "points.db"
    accounts = [f"a{number:02}" for number in range(20)]
    with SQLiteStorage(path, journal_mode=mode) as storage:
        club(storage).apply_all(
            commands.Adjust(account=account, points=5, expires_at=day(on), key=str(on), at=day(0), **BY_HAND)
            for account in accounts
            for on in (50, 60)
        )
    start = PROCESSES.Barrier(4)
    shops: list[tuple[Callable[..., None], tuple[Any, ...]]] = [
        (redeem_each, (path, mode, accounts, 55, start)),
        (redeem_each, (path, mode, accounts[::-1], 49, start)),
    ]
    run_processes([*shops, (sweep, (path, mode, 50, start)), (sweep, (path, mode, 70, start))])
    with SQLiteStorage(path, journal_mode=mode) as storage:
        club(storage).expire_due(at=day(70))
        assert_balanced(storage)
        for figures, _, lots in books(storage).values():
            assert (figures.available, lots) == (0, ())
            assert figures.flows.redeemed + figures.flows.expired == 10
        assert sum(figures.flows.expired for figures, _, _ in books(storage).values()) > 0


def test_sweep_races_redeem_in_threads(storage: Storage):
    """
    The same in threads, on every storage (I-31, I-32).
    """
    ledger = club(storage)
    accounts = [f"a{number:02}" for number in range(20)]
    for account in accounts:
        ledger.adjust(account, 10, expires_at=day(50), **BY_HAND)

    def redeem(on: int, order: list[str]) -> list[Answer]:
        for account in order:
            try:
                club(storage, on=on).redeem(account, 3)
            except Refused:
                assert on >= 50 or ledger.balance(account).expired
        return []

    calls = [partial(redeem, 49, accounts), partial(redeem, 51, accounts[::-1])]

    def swept() -> list[Answer]:
        assert ledger.expire_due(at=day(50), batch=3).complete
        return []

    in_threads([*calls, swept, swept])
    assert_balanced(storage)
    for figures, _, lots in books(storage).values():
        assert (figures.flows.redeemed + figures.flows.expired, lots) == (10, ())
