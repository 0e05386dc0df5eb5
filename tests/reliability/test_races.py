"""
Many processes and threads on one account: none sees a stale balance, and the books are those of some order of them.
"""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from pointsledger import commands
from pointsledger.errors import Refused
from pointsledger.port import Storage
from pointsledger.storage.memory import MemoryStorage
from pointsledger.storage.sqlite import SQLiteStorage
from tests.reliability.test_kills import MODES, assert_whole
from tests.reliability.writers import (
    ON,
    Answer,
    ask,
    in_threads,
    numbered,
    open_at_once,
    race,
    redeem_each,
    sweep,
)
from tests.storage.books import ANN, BY_HAND, assert_balanced, books, books_of, club, day, figures_and_lots

PROCESSES, THREADS = 8, 16


@pytest.fixture
def restless() -> Iterator[None]:
    """
    Let Python change between threads as often as it can.
    """
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def shares(first: int, each: int, callers: int) -> list[list[commands.Command]]:
    """
    Return the commands of each caller: numbers of its own, and every third one that another caller has too.
    """
    return [
        [numbered(first + (position * callers + caller if position % 3 else position)) for position in range(each)]
        for caller in range(callers)
    ]


def run_processes(processes: ForkServerContext, calls: list[tuple[Callable[..., None], tuple[Any, ...]]]) -> None:
    """
    Run calls in processes of their own, and fail if one of them fails.
    """
    running = [processes.Process(target=target, args=args) for target, args in calls]
    for process in running:
        process.start()
    for process in running:
        process.join(120)
    assert [process.exitcode for process in running] == [0] * len(running)


def race_processes(
    processes: ForkServerContext, path: Path, mode: Any, given: list[list[list[commands.Command]]], rounds: int = 1
) -> list[Answer]:
    """
    Let each process carry out its threads' commands, all at once, and return all answers.
    """
    start = processes.Barrier(len(given))
    pipes = [processes.Pipe(duplex=False) for _ in given]
    calls = [(race, (path, mode, of_one, start, told, rounds)) for of_one, (_, told) in zip(given, pipes, strict=True)]
    running = [processes.Process(target=target, args=args) for target, args in calls]
    for process in running:
        process.start()
    for _, told in pipes:
        told.close()
    answers = [answer for heard, _ in pipes for answer in heard.recv()]
    for process, (heard, _) in zip(running, pipes, strict=True):
        process.join()
        heard.close()
    assert [process.exitcode for process in running] == [0] * len(running)
    return answers


def assert_serial(storage: Storage, answers: list[Answer], before: Callable[[Storage], object]) -> None:
    """
    What was answered is what the commands give one after the other, in the order of their entries (I-20, I-21).
    """
    figures, entries, _ = books_of(storage, ANN)
    assert [entry.sequence for entry in entries] == list(range(1, len(entries) + 1))
    assert figures.version == len(entries)
    assert_balanced(storage)
    replay = MemoryStorage()
    before(replay)
    # A fact that was reported under another key has the answer of the first report.
    first = [answer for answer in answers if answer.entries and answer.entries[0].key == answer.command.key]
    accepted = {answer.entries[0].sequence: answer for answer in first}
    for sequence, answer in sorted(accepted.items()):
        assert club(replay, on=ON).apply(answer.command).entries == answer.entries
        assert entries[sequence - 1 : sequence - 1 + len(answer.entries)] == answer.entries
    assert books(replay) == books(storage)
    assert_real_time(answers)
    for answer in answers:  # all callers with one key had one answer
        if answer.entries:
            again = club(storage, on=ON).apply(answer.command)
            assert (again.replayed, again.entries) == (True, answer.entries)


def assert_real_time(answers: list[Answer]) -> None:
    """
    What was first written by a call that ended before another began stands before what that one wrote (I-21).
    """
    first_told: dict[int, int] = {}
    for answer in answers:
        if answer.entries:
            sequence = answer.entries[0].sequence
            first_told[sequence] = min(answer.told, first_told.get(sequence, answer.told))
    latest = 0
    # In order of asking: none may have a lower sequence than one whose answer was told before it asked.
    done = sorted((told, sequence) for sequence, told in first_told.items())
    asked_first: dict[int, int] = {}
    for answer in answers:
        if answer.entries:
            sequence = answer.entries[0].sequence
            asked_first[sequence] = min(answer.asked, asked_first.get(sequence, answer.asked))
    position = 0
    for asked, sequence in sorted((asked, sequence) for sequence, asked in asked_first.items()):
        while position < len(done) and done[position][0] < asked:
            latest = max(latest, done[position][1])
            position += 1
        assert sequence >= latest


def begin(storage: Storage) -> None:
    """
    Give Ann 200 points in four lots.
    """
    for number in range(4):
        club(storage).adjust(ANN, 50, key=f"first-{number}", expires_at=day(200 + number), **BY_HAND)


# --- mixed commands ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_processes_and_threads_on_one_account(processes: ForkServerContext, tmp_path: Path, mode: Any):
    """
    8 processes of 16 threads on one account: no command fails for another's sake, and the books are exact (I-20, I-21,
    R-46, A02, A82).
    """
    race_mixed(processes, tmp_path / "points.db", mode, each=3)


@pytest.mark.campaign
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("seed", range(5))
def test_many_commands_on_one_account(processes: ForkServerContext, tmp_path: Path, mode: Any, seed: int):
    """
    The same with many more commands (I-20, I-21).
    """
    race_mixed(processes, tmp_path / "points.db", mode, each=60, first=10**6 * seed)


def race_mixed(processes: ForkServerContext, path: Path, mode: Any, *, each: int, first: int = 0) -> None:
    """
    Let all processes and threads work on Ann's account at once.
    """
    with SQLiteStorage(path, journal_mode=mode) as storage:
        begin(storage)
    callers = shares(first, each, PROCESSES * THREADS)
    given = [callers[start : start + THREADS] for start in range(0, len(callers), THREADS)]
    answers = race_processes(processes, path, mode, given)
    assert len(answers) == PROCESSES * THREADS * each
    with SQLiteStorage(path, journal_mode=mode) as storage:
        assert_serial(storage, answers, begin)
    assert_whole(path)
    assert len({answer.refused for answer in answers if answer.refused}) > 0


def test_threads_on_memory(restless: None):
    """
    16 threads on one account in memory: the books are those of some order of all commands (I-20, I-21).
    """
    storage = MemoryStorage()
    begin(storage)
    ledger = club(storage, on=ON)
    callers = shares(0, 40, THREADS)
    answers = in_threads([lambda several=several: [ask(ledger, command) for command in several] for several in callers])
    assert len(answers) == THREADS * 40
    assert_serial(storage, answers, begin)


def test_threads_on_sqlite_in_memory(restless: None):
    """
    The same on a database in memory, whose one connection all threads share (I-20).
    """
    with SQLiteStorage(":memory:") as storage:
        begin(storage)
        ledger = club(storage, on=ON)
        callers = shares(0, 20, THREADS)
        calls = [lambda several=several: [ask(ledger, command) for command in several] for several in callers]
        assert_serial(storage, in_threads(calls), begin)


def test_threads_in_batches_and_sweeps(storage: Storage, restless: None):
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


# --- the whole balance -----------------------------------------------------------------------------------------------


def whole_balance(rounds: int, callers: int) -> list[list[commands.Command]]:
    """
    Return for each caller one command a round, to redeem the 10 points that there are; in each second round the
    winner's points are given anew by the first caller, who then asks for what others have already.
    """
    redeem = commands.Redeem(account=ANN, points=10, at=day(ON))
    return [[evolve(redeem, key=f"r{number}-{caller}") for number in range(rounds)] for caller in range(callers)]


@pytest.mark.parametrize("mode", MODES)
def test_whole_balance_is_redeemed_once(processes: ForkServerContext, tmp_path: Path, mode: Any):
    """
    16 callers in 8 processes want the whole balance at once, in many rounds: exactly one has it (I-20, A01, A13).
    """
    path = tmp_path / "points.db"
    rounds = 8
    with SQLiteStorage(path, journal_mode=mode) as storage:
        club(storage).adjust(ANN, 10, key="given", **BY_HAND)
    for number in range(rounds):
        callers = whole_balance(1, 16)
        for caller in callers:
            caller[0] = evolve(caller[0], key=f"{number}-{caller[0].key}")
        given = [callers[start : start + 2] for start in range(0, 16, 2)]
        answers = race_processes(processes, path, mode, given)
        assert sorted(answer.refused or "accepted" for answer in answers) == ["InsufficientPoints"] * 15 + ["accepted"]
        with SQLiteStorage(path, journal_mode=mode) as storage:
            assert club(storage, on=ON).balance(ANN).available == 0
            club(storage, on=ON).adjust(ANN, 10, key=f"given-{number}", **BY_HAND)
            assert_balanced(storage)


def test_whole_balance_is_redeemed_once_by_threads(storage: Storage, restless: None):
    """
    16 threads want the whole balance at once, in many rounds: exactly one has it (I-20).
    """
    ledger = club(storage, on=ON)
    for number in range(20):
        ledger.adjust(ANN, 10, **BY_HAND)
        redeem = commands.Redeem(account=ANN, points=10, at=day(ON))
        wanted = [evolve(redeem, key=f"{number}-{caller}") for caller in range(THREADS)]
        answers = in_threads([lambda command=command: [ask(ledger, command)] for command in wanted])
        assert sorted(answer.refused or "accepted" for answer in answers) == ["InsufficientPoints"] * 15 + ["accepted"]
    assert ledger.balance(ANN).available == 0
    assert_balanced(storage)


def test_one_key_in_many_threads(storage: Storage, restless: None):
    """
    One command with one key, asked 16 times at once, has one effect, and all have its receipt (I-14).
    """
    ledger = club(storage, on=ON)
    for number in range(20):
        command = commands.Earn(account=f"a{number % 3}", points=1, key=f"k{number}", at=day(ON))
        answers = in_threads([lambda command=command: [ask(ledger, command)] for _ in range(THREADS)])
        assert len({answer.entries for answer in answers}) == 1
    assert sum(len(ledger.entries(account)) for account in ledger.accounts()) == 20
    assert_balanced(storage)


# --- opening and sweeping --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_processes_open_a_new_file_at_once(processes: ForkServerContext, tmp_path: Path, mode: Any):
    """
    Of processes that open a new file at the same moment, one creates the tables, and all work with them.
    """
    for number in range(6):
        path = tmp_path / f"points-{number}.db"
        start = processes.Barrier(PROCESSES)
        run_processes(processes, [(open_at_once, (path, mode, str(key), start)) for key in range(PROCESSES)])
        with SQLiteStorage(path, journal_mode=mode) as storage:
            assert sorted(entry.key or "" for entry in club(storage).entries(ANN)) == list("01234567")
            assert_balanced(storage)
        assert_whole(path)


@pytest.mark.parametrize("mode", MODES)
def test_sweep_races_redeem(processes: ForkServerContext, tmp_path: Path, mode: Any):
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
    start = processes.Barrier(4)
    shops: list[tuple[Callable[..., None], tuple[Any, ...]]] = [
        (redeem_each, (path, mode, accounts, 55, start)),
        (redeem_each, (path, mode, accounts[::-1], 49, start)),
    ]
    run_processes(processes, [*shops, (sweep, (path, mode, 50, start)), (sweep, (path, mode, 70, start))])
    with SQLiteStorage(path, journal_mode=mode) as storage:
        club(storage).expire_due(at=day(70))
        assert_balanced(storage)
        for figures, _, lots in books(storage).values():
            assert (figures.available, lots) == (0, ())
            assert figures.flows.redeemed + figures.flows.expired == 10
        assert sum(figures.flows.expired for figures, _, _ in books(storage).values()) > 0


def test_sweep_races_redeem_in_threads(storage: Storage, restless: None):
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
