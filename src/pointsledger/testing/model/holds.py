"""
Holds: points set aside for an order, captured or let go (R-27).
"""

from __future__ import annotations

from .folding import available, fold, usable_lots
from .plain import Plain, Refusal
from .redeeming import Redeeming, clamped


class OrderWork(Redeeming):
    """
    A command about an order, whatever it is.
    """

    def hold(self) -> None:
        command, program = self.command, self.program
        if command["until"] <= self.now:
            raise Refusal("InvalidInput")
        rate, to_pay, eligible, _ = self.check_gates()
        points = command["points"]
        thought = {"command": "redeem", "account": command["account"], "order": self.name[0], "cycle": self.name[1]}
        paying = OrderWork(program, list(self.entries), thought | {"occurred_at": self.occurred_at}, None, self.now)
        paying.book_what_paying_ends()
        if points > available(program, paying.entries, self.now):
            raise Refusal("InsufficientPoints")
        allowed, money = clamped(program["limits"], rate, to_pay, eligible, points)
        if allowed != points:
            raise Refusal("RedemptionLimited")
        self.post(
            "held",
            -points,
            allocations=self.draw(points, usable_lots(program, fold(self.entries), self.now)),
            money=(money, rate["money"][1]) if rate else None,
            rate=rate,
        )

    def capture(self) -> None:
        entry = self.known_hold("captured", "released", "lapsed")
        all_of_it = -entry["points"]
        points = self.command.get("points") or all_of_it
        if points > all_of_it:
            raise Refusal("HoldExceeded")
        money, rate = entry["money"], entry["rate"]
        if points < all_of_it and rate:
            if points % rate["points"]:
                raise Refusal("RedemptionLimited")
            money = (points // rate["points"] * rate["money"][0], money[1])
        self.let_go("released", entry)
        lots = [{"id": id, "remaining": n} for id, n in entry["allocations"]]
        lapses_at = self.idle_until("redeem", self.occurred_at)
        self.post("redeemed", -points, allocations=self.draw(points, lots), money=money, lapses_at=lapses_at)
        self.settle_freed(entry)
        self.book()

    def release(self) -> None:
        entry = self.known_hold("captured")
        if self.holds()[self.command["id"]][1] == "held":
            self.let_go("released", entry)
            self.settle_freed(entry)
        else:
            self.post("noted")

    def known_hold(self, *closed: str) -> Plain:
        """
        Return the entry of the hold that the command names.
        """
        entry, status = self.holds().get(self.command["id"], (None, None))
        if entry is None:
            raise Refusal("OrderUnknown")
        if status in closed:
            raise Refusal("HoldClosed")
        return entry
