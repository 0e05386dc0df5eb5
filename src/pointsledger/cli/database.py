"""
The ledger that the options `--db` and `--program` name, in an SQLite file or a PostgreSQL database.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InvalidFile
from ..ledger import Ledger
from ..storage.sqlite import SQLiteStorage
from .toml_file import read_program

if TYPE_CHECKING:
    from ..storage.postgres import PostgresStorage


def add_ledger(parser: ArgumentParser) -> None:
    """
    Add the options that name a ledger.
    """
    parser.add_argument(
        "--db", required=True, metavar="DB", help="where the ledger is: an SQLite file, or postgresql://USER@HOST/NAME"
    )
    parser.add_argument("--schema", default="public", metavar="NAME", help="of the tables in PostgreSQL")
    parser.add_argument("--prefix", default="pointsledger_", metavar="TEXT", help="of the tables' names in PostgreSQL")
    parser.add_argument("--program", required=True, metavar="FILE.toml", help="the program, as a TOML file")


@contextmanager
def opened_ledger(arguments: Namespace) -> Generator[Ledger]:
    """
    Open the ledger that `--db` and `--program` name.

    Raises:
        InvalidFile: there is no such file; only `replay` creates one.
        SchemaMismatch: the database has no such tables; only `replay` creates them.
    """
    program = read_program(arguments.program)
    with opened_storage(arguments) as storage:
        yield Ledger(program, storage)


def opened_storage(arguments: Namespace, *, create: bool = False) -> SQLiteStorage | PostgresStorage:
    """
    Open what `--db` names, or create it where that is asked for; close it after use.
    """
    if _is_url(arguments.db):
        from ..storage.postgres import PostgresStorage  # an extra

        return PostgresStorage(arguments.db, schema=arguments.schema, prefix=arguments.prefix, create=create)
    if not create and not Path(arguments.db).is_file():
        raise InvalidFile(arguments.db, 0, "", "no such file; replay creates one")
    return SQLiteStorage(arguments.db)


def place_of(arguments: Namespace) -> str:
    """
    Return the name of what `--db` names for a message: a URL may hold a password.
    """
    return "the database" if _is_url(arguments.db) else str(arguments.db)


def _is_url(db: str) -> bool:
    return db.startswith(("postgresql://", "postgres://"))
