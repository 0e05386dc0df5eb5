"""
Steps of the facts of orders.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from ...extras import extra
from ..model.order_facts import document_of, named, total, units, whole_cents
from ..model.plain import Plain
from .shapes import documents
from .shop import Shop

with extra("testing", "hypothesis"):
    from hypothesis import strategies as st
    from hypothesis.stateful import rule


class OrderSteps(Shop):
    """
    What is reported of orders.
    """

    @rule(data=st.data())
    def place(self, data: st.DataObject) -> None:
        self.do("place", **self.new_document(data), **self.occurred(data))

    @rule(data=st.data())
    def process(self, data: st.DataObject) -> None:
        self.do("process", **self.new_document(data), **self.occurred(data))

    @rule(data=st.data())
    def process_and_spend(self, data: st.DataObject) -> None:
        """
        An order whose points are spent before it is cancelled.
        """
        name = self.new_document(data)
        if not isinstance(self.do("process", **name), str) and self.available:
            self.do("adjust", points=-self.available)
            self.do("cancel", order=name["order"], cycle=name["cycle"])

    @rule(data=st.data(), all_of_it=st.integers(0, 2), approved=st.booleans())
    def pay(self, data: st.DataObject, all_of_it: int, approved: bool) -> None:
        name = self.some_order(data, documented=False)
        if name:
            facts = self.orders()[name["order"], name["cycle"]]
            due = whole_cents(total(facts)) if document_of(facts) else Fraction(10)
            kind = data.draw(st.sampled_from(["card", "transfer", "gift_card"]))
            amount = due if all_of_it else whole_cents(due / 2)
            tender = {"kind": kind, "id": kind, "amount": amount, "approved": approved, "earns": kind != "gift_card"}
            self.do("pay", **name, tender=tender | {"currency": "EUR"}, **self.occurred(data))

    @rule(data=st.data(), tender=st.sampled_from(["card", "transfer", "gift_card"]))
    def approve_payment(self, data: st.DataObject, tender: str) -> None:
        name = self.some_order(data, documented=False)
        if name:
            self.do("approve_payment", **name, tender=tender, **self.occurred(data))

    def some_units(self, data: st.DataObject, name: dict[str, Any], *kinds: str, everything: bool) -> dict[str, int]:
        """
        Return units of lines that a document of one of these kinds can still name.
        """
        facts = self.orders().get((name["order"], name["cycle"]), [])
        document, used = document_of(facts), units(facts, *kinds)
        if document is None:
            return {}
        left = {line["id"]: line["quantity"] - used.get(line["id"], 0) for line in document["lines"]}
        left = {line: count for line, count in left.items() if count > 0}
        if everything or not left:
            return left
        line = data.draw(st.sampled_from(sorted(left)))
        return {line: data.draw(st.integers(1, left[line]))}

    @rule(data=st.data(), everything=st.booleans(), number=st.integers(0, 6))
    def invoice(self, data: st.DataObject, everything: bool, number: int) -> None:
        name = self.some_order(data)
        lines = self.some_units(data, name, "invoice", everything=everything) if name else None
        if name and lines:
            self.do("invoice", **name, id=f"i{number}", lines=lines, **self.occurred(data))

    @rule(data=st.data(), everything=st.booleans(), number=st.integers(0, 6))
    def cancel_lines(self, data: st.DataObject, everything: bool, number: int) -> None:
        name = self.some_order(data)
        lines = self.some_units(data, name, "cancel_lines", "return_lines", everything=everything) if name else None
        if name and lines:
            self.do("cancel_lines", **name, id=f"c{number}", lines=lines, **self.occurred(data))

    @rule(data=st.data(), everything=st.booleans(), number=st.integers(0, 6))
    def return_lines(self, data: st.DataObject, everything: bool, number: int) -> None:
        name = self.some_order(data)
        lines = self.some_units(data, name, "cancel_lines", "return_lines", everything=everything) if name else None
        if name and lines:
            self.do("return_lines", **name, id=f"r{number}", lines=lines, **self.occurred(data))

    @rule(data=st.data(), kind=st.sampled_from(["invoice", "cancel_lines", "return_lines"]), number=st.integers(0, 9))
    def name_lines_before_the_document(self, data: st.DataObject, kind: str, number: int) -> None:
        """
        A document about lines may come before the order itself.
        """
        name = {"order": f"order-{number}", "cycle": 1}
        if ((name["order"], 1)) not in self.orders():
            self.do(kind, **name, id="early", lines={"a": data.draw(st.integers(1, 2))})

    def waiting_returns(self) -> list[tuple[str, int, str]]:
        """
        Return the returns that wait for a decision, of orders that are not cancelled.
        """
        return [
            (*name, each["id"])
            for name in self.open_orders(documented=False)
            for facts in [self.orders()[name]]
            for each in named(facts, "return_lines")
            if each["id"] not in self.settled_returns(facts)
        ]

    @rule(data=st.data(), outdated=st.sampled_from([0, 0, 0, 1]))
    def decide_return(self, data: st.DataObject, outdated: int) -> None:
        self.decide(data, outdated)

    def decide(self, data: st.DataObject, outdated: int) -> None:
        waiting = self.waiting_returns()
        if not waiting:
            return
        order, cycle, return_id = data.draw(st.sampled_from(waiting))
        now = self.books.time_of(self.program, self.account, self.now)
        take, give = self.books.model.proposal(self.program, self.account, order, cycle, return_id, now)
        for ledger in self.books.ledgers(self.program):
            proposed = ledger.propose_return(order, return_id, account=self.account, cycle=cycle, at=now)
            assert (proposed.take_back, proposed.give_back) == (take, give)
        self.do(
            "decide_return",
            order=order,
            cycle=cycle,
            return_id=return_id,
            proposed_take_back=take + outdated,
            proposed_give_back=give,
            take_back=data.draw(st.sampled_from([take, take, 0, take // 2, take + 3])),
            give_back=data.draw(st.sampled_from([give, give, 0, give // 2, give + 1])),
        )

    @rule(
        data=st.data(),
        line=st.integers(0, 2),
        redeems=st.sampled_from(["", "before", "after"]),
        outdated=st.sampled_from([0, 0, 0, 1]),
    )
    def return_and_decide(self, data: st.DataObject, line: int, redeems: str, outdated: int) -> None:
        """
        A new order, paid with points in part or not, comes back in part, and is decided; then it comes back wholly.
        """
        name: Plain = {"order": f"order-{self.keys}-{self.at[0]}", "cycle": 1}
        document = data.draw(documents(name["order"], self.account, 1))
        if redeems == "before":
            self.redeem_some(name)
        self.do("process", **name, document=document)
        lines = document["lines"]
        self.do("return_lines", **name, id="r1", lines={lines[line % len(lines)]["id"]: 1})
        self.decide(data, outdated)
        if redeems == "after":
            self.redeem_some(name)
        left = self.some_units(data, name, "return_lines", everything=True)
        if left:
            self.do("return_lines", **name, id="r2", lines=left)
            self.decide(data, 0)

    def redeem_some(self, name: dict[str, Any]) -> None:
        count = self.redeemable(to_pay=(Fraction(25), "EUR"))
        if count > 0:
            self.do("redeem", points=count, to_pay=(Fraction(25), "EUR"), **name)

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        name = self.some_order(data, documented=False)
        if name:
            self.do("cancel", **name, **self.occurred(data))

    @rule(number=st.integers(0, 9))
    def cancel_first(self, number: int) -> None:
        """
        A cancel that arrives before its order leaves a mark (R-29).
        """
        if (f"order-{number}", 1) not in self.orders():
            self.do("cancel", order=f"order-{number}", cycle=1)
