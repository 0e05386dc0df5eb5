"""
A driver of PostgreSQL that leaves out what else guards, so that one guard can be seen at work.
"""

from contextlib import suppress
from typing import Any

import psycopg
from attrs import evolve

from pointsledger.port import Job
from pointsledger.storage import postgres, sql
from pointsledger.storage.postgres_dialect import dialect_of, said, turns


class Careless:
    """
    A driver without any transaction or lock: each of its turns stands for itself.
    """

    def __init__(self, plain: psycopg.Connection[Any], jobs: list[Job], schema: str = "public") -> None:
        self.cursor = plain.cursor()
        dialect = evolve(dialect_of(schema, "pointsledger_"), lock="", claim=None)
        self.turns = turns(sql.transact_all(dialect, {}, jobs), "here")
        self.next = next(self.turns)

    def decide(self) -> None:
        """
        Run until what is written.
        """
        while self.next[0].conflict is None:
            self.next = self.turns.send(self.answer())

    def finish(self) -> None:
        """
        Write.
        """
        with suppress(StopIteration):
            while True:
                try:
                    answer = self.answer()
                except psycopg.Error as error:
                    self.next = self.turns.throw(error)
                else:
                    self.next = self.turns.send(answer)

    def answer(self) -> Any:
        """
        Run one turn.
        """
        return postgres._answer(said(self.next), self.cursor)  # noqa: SLF001 - the driver without its transaction
