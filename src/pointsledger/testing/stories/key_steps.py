"""
Steps that ask again.
"""

from __future__ import annotations

from ...extras import extra
from ..model.ledger import fact_of
from ..model.plain import Plain
from .shop import Shop

with extra("testing", "hypothesis"):
    from hypothesis import strategies as st
    from hypothesis.stateful import rule


class KeySteps(Shop):
    """
    What is asked under a key, or for a fact, that was used.
    """

    def asked_here(self) -> list[tuple[Plain, str | None]]:
        return [
            (command, key)
            for program, command, key in self.books.asked
            if (program["id"], command["account"]) == self.at and command["command"] != "expire"
        ]

    @rule(data=st.data())
    def ask_again(self, data: st.DataObject) -> None:
        """
        The same key and content give the first answer, whatever happened since (R-44, I-14).
        """
        asked = self.asked_here()
        if asked:
            command, key = data.draw(st.sampled_from(asked))
            self.books.run(self.program, command, key, self.now)

    @rule(data=st.data())
    def ask_again_under_another_key(self, data: st.DataObject) -> None:
        """
        The same fact of an order under another key has one effect (I-15).
        """
        asked = [command for command, _ in self.asked_here() if fact_of(command)]
        if asked:
            self.books.run(self.program, data.draw(st.sampled_from(asked)), f"other-{self.keys}", self.now)
            self.keys += 1

    @rule(data=st.data())
    def ask_something_else_under_the_same_key(self, data: st.DataObject) -> None:
        asked = [(command, key) for command, key in self.asked_here() if key]
        if asked:
            command, key = data.draw(st.sampled_from(asked))
            other = {"command": "earn", "account": self.account, "points": 1}
            if command["command"] == "earn":
                other["points"] = command["points"] + 1
            self.books.run(self.program, other, key, self.now)
