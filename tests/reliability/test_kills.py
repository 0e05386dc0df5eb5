"""
Writers that die at a certain statement: all or nothing is there. Kills at any moment are in test_campaigns.py.
"""

from pathlib import Path
from typing import Any

import pytest

from pointsledger import commands
from pointsledger.storage.sqlite import SQLiteStorage
from reliability.callers import PROCESSES
from reliability.kills import carry_out
from reliability.numbered import ON
from reliability.places import SQLiteDoor
from reliability.sqlite_faults import Faults, When
from tests.reliability.writers import write_and_die
from tests.storage.books import ANN, BY_HAND, assert_balanced, books, club, day

MODES = ["wal", "delete"]

SEVERAL = [
    commands.Adjust(account=ANN, points=-25, key="a", at=day(ON), **BY_HAND),  # lapses a lot, draws on three
    commands.Earn(account="bob", points=5, key="b", at=day(ON)),
    commands.Redeem(account=ANN, points=3, key="c", at=day(ON)),
]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("batch", [SEVERAL[:1], SEVERAL], ids=["one", "batch"])
def test_kill_at_every_statement(tmp_path: Path, mode: Any, when: When, batch: list[commands.Command]):
    """
    A writer that dies before or after any of its statements leaves all or nothing, all only behind the commit (I-25).
    """
    with SQLiteStorage(tmp_path / "template.db", journal_mode="delete") as storage:
        for number, lapses in enumerate((50, 200, 300, 400)):
            club(storage).adjust(ANN, 10, expires_at=day(lapses), key=f"lot-{number}", **BY_HAND)
        before = books(storage)
    template = (tmp_path / "template.db").read_bytes()
    written: list[bool] = []
    alive = False
    while not alive:
        path = tmp_path / f"points-{len(written)}.db"
        path.write_bytes(template)
        faults = Faults(at=len(written) + 1, when=when, error=None)
        writer = PROCESSES.Process(target=write_and_die, args=(path, mode, batch, faults))
        writer.start()
        writer.join()
        alive = writer.exitcode == 0
        with SQLiteStorage(path, journal_mode=mode) as storage:
            found = books(storage)
            assert carry_out(club(storage), batch)
            written.append(found == books(storage))
            assert written[-1] or found == before
            assert_balanced(storage)
        SQLiteDoor(path, mode).check()
    assert len(written) > 8
    # The last writer lived; whoever died right behind the commit, the last statement, had written it too.
    assert written[-1]
    assert written[-2] is (when == "after")
    assert not any(written[:-2])
