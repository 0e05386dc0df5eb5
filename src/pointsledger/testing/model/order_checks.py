"""
What the facts of an order do not allow.
"""

from __future__ import annotations

from .order_books import OrderBooks
from .order_facts import currencies_of, document_of, facts_of, named, paid_with_points, units
from .plain import Plain, Refusal


class OrderChecks(OrderBooks):
    """
    A command about an order that is refused, or is not.
    """

    def check(self) -> None:
        """
        Refuse what an order's facts do not allow, in the documented order.
        """
        order, cycle = self.name
        kind = self.command["command"]
        before = self.entries_before_command()
        if cycle > 1 and not named(facts_of(before, order, cycle - 1), "cancel"):
            raise Refusal("CycleNotOpen")
        if kind in ("redeem", "hold") and paid_with_points(before, order, cycle):
            raise Refusal("IdempotencyConflict")
        facts = facts_of(before, order, cycle)
        if kind in ("redeem", "hold") and named(facts, "cancel"):
            raise Refusal("OrderCancelled")
        if kind in ("redeem", "hold") and any(status == "held" for _, status in self.holds().values()):
            raise Refusal("HoldOpen")
        if kind == "decide_return":
            self.check_decision(facts)
        known = self.currencies(facts)
        if known and kind not in ("redeem", "hold") and currencies_of(self.command) - known:
            raise Refusal("CurrencyMismatch")
        self.check_quantities(facts)

    def check_quantities(self, facts: list[Plain]) -> None:
        kind = self.command["command"]
        if kind not in ("invoice", "cancel_lines", "return_lines"):
            return
        document = document_of(facts)
        if document is None:
            return
        lines = {line["id"]: line["quantity"] for line in document["lines"]}
        if set(self.command["lines"]) - set(lines):
            raise Refusal("OrderUnknown")
        mine = ("invoice",) if kind == "invoice" else ("cancel_lines", "return_lines")
        used = units(facts, *mine)
        if any(used.get(line, 0) + n > lines[line] for line, n in self.command["lines"].items()):
            raise Refusal("QuantityExceeded")

    def check_decision(self, facts: list[Plain]) -> None:
        returns = {fact["command"]["id"]: fact for fact in facts if fact["command"]["command"] == "return_lines"}
        command = self.command
        if command["return_id"] not in returns:
            raise Refusal("OrderUnknown")
        if returns[command["return_id"]]["program"]["returns"] == "automatic":
            raise Refusal("NotReversible")
        if named(facts, "cancel"):
            raise Refusal("OrderCancelled")
        booked = sum(self.booked().values()) - sum(self.cut_left(entry) for entry in self.credits())
        used = sum(-e["points"] - self.claimed(e) for e in paid_with_points(self.entries, *self.name))
        if command["take_back"] > booked or command["give_back"] > used:
            raise Refusal("ReversalExceeded")
        proposed = self.proposal(command["return_id"])
        if proposed != (command["proposed_take_back"], command["proposed_give_back"]):
            raise Refusal("ProposalOutdated")
