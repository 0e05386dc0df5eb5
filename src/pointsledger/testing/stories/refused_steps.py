"""
Steps that are refused, each for one cause.
"""

from __future__ import annotations

from fractions import Fraction

from ...extras import extra
from ..model.order_facts import document_of, named
from .shapes import documents
from .shop import Shop

with extra("testing", "hypothesis"):
    from hypothesis import strategies as st
    from hypothesis.stateful import rule


class RefusedSteps(Shop):
    """
    What is refused.
    """

    @rule(data=st.data(), beyond=st.integers(1, 40))
    def ask_by_hand_for_what_is_refused(self, data: st.DataObject, beyond: int) -> None:
        """
        Too much, no debt, no such entry, an entry that cannot be reversed, a reversal too far, an account that is open.
        """
        entries, reversible = self.entries, self.reversible()
        self.do("adjust", points=-self.available - beyond, allow_debt=False)
        self.do("forgive", points=self.debt + beyond)
        self.do("reverse", entry=len(entries) + 50)
        self.do("reopen")
        if reversible:
            entry = data.draw(st.sampled_from(sorted(reversible)))
            self.do("reverse", entry=entry, points=reversible[entry] + beyond)
        others = [entry["sequence"] for entry in entries if entry["sequence"] not in reversible]
        if others:
            self.do("reverse", entry=data.draw(st.sampled_from(others)))

    @rule(data=st.data(), beyond=st.integers(1, 40), currency=st.sampled_from(["JPY", "GBP"]))
    def redeem_what_is_refused(self, data: st.DataObject, beyond: int, currency: str) -> None:
        """
        Too much, beyond what is to pay, without a rate, in two currencies, for an order that is cancelled.
        """
        everything = max(1, self.available)
        self.do("redeem", points=self.available + beyond, to_pay=(Fraction(1000), "EUR"))
        self.do("redeem", points=everything, to_pay=(Fraction(1, 100), "EUR"))
        self.do("redeem", points=everything, currency=currency)
        self.do("redeem", points=everything, currency="USD", to_pay=(Fraction(10), "EUR"))
        found = [name for name, facts in self.orders().items() if named(facts, "cancel")]
        fresh = [name for name in found if not named(self.orders()[name], "redeem")]
        if fresh:
            order, cycle = data.draw(st.sampled_from(fresh))
            self.do("redeem", points=10, order=order, cycle=cycle)

    @rule()
    def redeem_under_other_limits(self) -> None:
        """
        Below the threshold, a share of nothing known, and in debt.
        """
        usual = self.program
        for limits in ({"threshold": 60}, {"share_max": Fraction(1, 2)}):
            self.programs[self.at[0]] = usual | {"limits": limits}
            self.do("set_balance", points=50)
            self.do("redeem", points=40)
        self.programs[self.at[0]] = usual
        self.do("adjust", points=-self.available - 1, allow_debt=True)
        self.do("redeem", points=10)

    @rule(data=st.data(), kind=st.sampled_from(["invoice", "cancel_lines", "return_lines"]))
    def report_what_is_refused(self, data: st.DataObject, kind: str) -> None:
        """
        Another currency, too many units, an unknown line or return, a decision on what is decided, a cycle too early.
        """
        name = self.some_order(data)
        if name is None:
            return
        facts = self.orders()[name["order"], name["cycle"]]
        document = document_of(facts)
        assert document is not None
        line = document["lines"][0]
        other = data.draw(documents(name["order"], self.account, name["cycle"])) | {"currency": "USD"}
        self.do("place" if named(facts, "process") else "process", **name, document=other)
        self.do(kind, **name, id=f"too-many-{self.keys}", lines={line["id"]: line["quantity"] + 1})
        self.do(kind, **name, id=f"unknown-{self.keys}", lines={"z": 1})
        self.do("cancel", order=name["order"], cycle=name["cycle"] + 1)
        decided = {each["return_id"] for each in named(facts, "decide_return")}
        zeros = dict.fromkeys(("take_back", "give_back", "proposed_take_back", "proposed_give_back"), 0)
        for return_id in ("nowhere", *sorted(self.settled_returns(facts) - decided)):
            self.do("decide_return", **name, return_id=return_id, **zeros)
