"""
`--db`: the ledger in PostgreSQL instead of an SQLite file.
"""

from collections.abc import Iterator

import pytest

from tests.cli.conftest import EXAMPLE, PROGRAM, SAMPLE, Command
from tests.storage.postgres_server import dropped

QUESTIONS = [
    ["balance", "501", "--at", "2011-06-01"],
    ["statement", "501", "--until", "2011-06-01", "--json"],
    ["explain", "501", "1"],
    ["expiring", "501", "--at", "2011-06-01"],
    ["liability", "--at", "2011-06-01"],
    ["verify"],
    ["simulate"],
    ["expire", "--at", "2011-06-01"],
]


@pytest.fixture
def in_postgres(postgres_dsn: str) -> Iterator[list[str]]:
    """
    The options that name a ledger in a schema that is not there yet.
    """
    with dropped(postgres_dsn, "by_command"):
        yield ["--db", postgres_dsn, "--schema", "by_command", "--prefix", "club_", "--program", str(PROGRAM)]


def test_every_verb_says_the_same_of_postgresql(command: Command, replayed: list[str], in_postgres: list[str]) -> None:
    """
    An order history is replayed into PostgreSQL, and each verb says of it what it says of the same in a file (I-39).
    """
    first = command("replay", SAMPLE, "--mapping", EXAMPLE / "mapping.toml", *in_postgres)
    assert first.code == 0
    again = command("replay", SAMPLE, "--mapping", EXAMPLE / "mapping.toml", *in_postgres)
    assert "already recorded" in again.out
    for question in QUESTIONS:
        told = command(*question, *in_postgres)
        assert told == command(*question, *replayed)
        assert told.code == 0


def test_only_replay_creates_tables(command: Command, in_postgres: list[str]) -> None:
    """
    A database without the tables is left as it is, and named without what the URL holds besides.
    """
    for question in QUESTIONS:
        told = command(*question, *in_postgres)
        assert (told.code, told.out) == (1, "")
        assert "no stored format of pointsledger" in told.err


def test_a_history_that_is_not_there(command: Command, in_postgres: list[str]) -> None:
    """
    A message names the database without its URL, which may hold a password.
    """
    assert command("replay", SAMPLE, "--mapping", EXAMPLE / "mapping.toml", *in_postgres).code == 0
    other = EXAMPLE.parent / "crm.toml"
    told = command("simulate", *in_postgres[:-1], other)
    assert told.code == 1
    assert "the database: has no entries of program" in told.err
    assert "postgres" not in told.err


def test_a_server_that_cannot_be_reached(command: Command) -> None:
    """
    The error says which address did not answer, and nothing of the password.
    """
    url = "postgresql://shop:topsecret@127.0.0.1:1/shop"
    told = command("verify", "--db", url, "--program", PROGRAM)
    assert told.code == 1
    assert "127.0.0.1" in told.err
    assert "topsecret" not in told.err
