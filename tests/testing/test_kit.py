"""
The smaller parts of the kit: its names, the clock, the proof, the plugin and the strategies.
"""

import subprocess
import sys
from datetime import UTC, datetime
from importlib import reload
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pointsledger import Ledger, Money, Order, Program, testing
from pointsledger.domain.commands import COMMANDS, Command
from pointsledger.errors import InvalidInstant, MissingExtra, Refused
from pointsledger.storage.memory import MemoryStorage
from pointsledger.testing import FrozenClock, assert_books_balance, contract, strategies
from tests.storage.books import ANN, club

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_names() -> None:
    """
    Every name of the kit is there, and no other.
    """
    assert set(testing.__all__) <= set(dir(testing))
    assert all(getattr(testing, name) is getattr(testing, name) for name in testing.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'Mock'"):
        _ = testing.Mock


@pytest.mark.parametrize(("module", "package"), [(contract, "pytest"), (strategies, "hypothesis")])
def test_missing_package(module: Any, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Without its package a part of the kit names the extra that brings it (R-47).
    """
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra) as missing:
        reload(module)
    assert (missing.value.extra, missing.value.package) == ("testing", package)


def test_clock_stands_still() -> None:
    """
    A clock says what it was set to, until it is moved.
    """
    clock = FrozenClock(NOON)
    assert clock() == clock() == NOON
    assert clock.advance(days=1, hours=2, minutes=3, seconds=4) == clock() == datetime(2026, 3, 2, 14, 3, 4, tzinfo=UTC)
    assert clock.advance(hours=-14) == datetime(2026, 3, 2, 0, 3, 4, tzinfo=UTC)
    assert clock.set(NOON) == clock() == NOON
    assert FrozenClock()() == datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_clock_needs_a_zone() -> None:
    """
    A naive instant is refused (R-04).
    """
    with pytest.raises(InvalidInstant):
        FrozenClock(datetime(2026, 3, 1))
    with pytest.raises(InvalidInstant):
        FrozenClock().set(datetime(2026, 3, 1))


def test_books_that_balance() -> None:
    """
    Clean books pass, and of others every finding is named (I-3).
    """
    storage = MemoryStorage()
    ledger = club(storage)
    ledger.earn(ANN, 5)
    assert_books_balance(ledger)
    shelf = storage._rooms["club"].shelves[ANN]  # noqa: SLF001 - nothing else damages books
    shelf.account = evolve(shelf.account, pending=6)
    with pytest.raises(AssertionError, match=r"do not balance:\n.*pending is 6.*\n.*what is there and went"):
        assert_books_balance(ledger)


def test_fixture(points_ledger: Ledger, points_clock: FrozenClock) -> None:
    """
    The plugin gives an empty ledger by a clock that stands still.
    """
    assert points_ledger.accounts() == ()
    points_clock.advance(days=3)
    receipt = points_ledger.earn(ANN, 5)
    assert receipt.entries[0].recorded_at == points_clock()
    assert points_ledger.balance(ANN).available == 5


USES = """
import sys
import pointsledger.testing.plugin

def test_lazy():
    assert "pointsledger.ledger" not in sys.modules
    assert "attrs" not in sys.modules

def test_fixture(points_ledger):
    assert points_ledger.earn("ann", 5).points == 5

def test_damage(points_ledger):
    points_ledger.earn("ann", 5)
    points_ledger.storage._rooms["test"].shelves["ann"].entries.clear()
"""


def test_plugin_costs_nothing_until_it_is_used(tmp_path: Path) -> None:
    """
    A run that has the plugin loads no part of the ledger before a test asks for it; damaged books fail the test.
    """
    (tmp_path / "test_uses.py").write_text(USES, encoding="utf-8")
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-p", "no:cov"]
    ran = subprocess.run([*run, "test_uses.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "3 passed, 1 error" in ran.stdout, ran.stdout + ran.stderr
    assert "the books do not balance" in ran.stdout


def test_hypothesis_finds_the_strategies_by_itself() -> None:
    """
    Programs, orders and money are drawn by their types, and Hypothesis alone does not load the ledger.
    """
    code = (
        "import sys; from hypothesis import find, strategies as st\n"
        "assert 'pointsledger.ledger' not in sys.modules and 'pointsledger.testing.strategies' not in sys.modules\n"
        "from pointsledger import Money, Order, Program\n"
        "print([type(find(st.from_type(kind), lambda _: True)).__name__ for kind in (Money, Order, Program)])\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.stdout.strip() == "['Money', 'Order', 'Program']", ran.stderr


@given(st.from_type(Program), st.from_type(Order), st.from_type(Money))
def test_types_are_drawn(program: Program, order: Order, money: Money) -> None:
    """
    What is drawn is of its type, and a program survives its file.
    """
    assert Program.from_mapping(program.to_mapping()) == program
    assert order.currency == money.currency == "EUR"


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(strategies.programs(), strategies.histories(min_size=5))
def test_histories_leave_books_that_balance(program: Program, history: list[Command]) -> None:
    """
    Whatever a history asks of a program, it is accepted or refused, and the books balance (I-1, I-3).
    """
    ledger = Ledger(program, MemoryStorage())
    for command in history:
        try:
            ledger.apply(command)
        except Refused:
            continue
    assert_books_balance(ledger)


def test_commands_of_every_kind_are_drawn() -> None:
    """
    The strategy for commands leaves out no kind of command.
    """
    met: set[type] = set()

    @settings(max_examples=1500, database=None, derandomize=True)
    @given(strategies.commands(["ann"]))
    def draw(command: Command) -> None:
        met.add(type(command))

    draw()
    assert met == set(COMMANDS.values())


def test_histories_of_some_commands_are_accepted() -> None:
    """
    A history has keys of its own and a now that never goes back, and most kinds of commands in it are accepted.
    """
    accepted: set[type] = set()

    @settings(max_examples=100, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(strategies.programs(), strategies.histories(min_size=20))
    def tell(program: Program, history: list[Command]) -> None:
        ledger = Ledger(program, MemoryStorage())
        assert len({command.key for command in history}) == len(history)
        assert [command.at for command in history] == sorted(command.at for command in history)
        for command in history:
            try:
                ledger.apply(command)
                accepted.add(type(command))
            except Refused:
                continue

    tell()
    assert len(accepted) > len(COMMANDS) * 2 / 3, set(COMMANDS.values()) - accepted
