"""
Points by hand: adjustments, those that wait for a second actor, debt forgiven, entries reversed (R-40).
"""

from __future__ import annotations

from datetime import datetime

from .calendar import expires_at
from .folding import available, fold, usable_lots
from .plain import Plain, Refusal
from .restoring import Restoring


class Adjusting(Restoring):
    """
    A person at work on an account's points.
    """

    def adjust(self) -> None:
        self.adjust_or_wait(self.command["points"])

    def adjust_or_wait(self, points: int) -> None:
        limit = self.program["approval_above"]
        if limit is not None and abs(points) > limit:
            self.post("noted", withheld=points)
        else:
            self.adjust_by(self.command, points)

    def adjust_by(self, asked: Plain, points: int) -> None:
        if points > 0:
            self.add_by_hand(points, asked.get("expires_at"))
        elif points < 0:
            self.take_by_hand(-points, allow_debt=asked.get("allow_debt", False))
        else:
            self.post("noted")

    def add_by_hand(self, points: int, until: datetime | None = None) -> None:
        expires = until or expires_at(self.program["expiry"], self.now)
        started = self.idle_until("adjust", self.now)
        given = min(points, max(0, self.room())) if self.program["caps"].get("adjustments") else points
        self.credit(
            "adjusted",
            given,
            self.occurred_at,
            self.now,
            expires,
            follows=until is None,
            lapses_at=started,
            withheld=points - given,
        )

    def take_by_hand(self, points: int, *, allow_debt: bool) -> None:
        parts = self.draw(points, usable_lots(self.program, fold(self.entries), self.now))
        taken = sum(n for _, n in parts)
        if taken < points and not allow_debt:
            raise Refusal("InsufficientPoints")
        self.post("adjusted", -taken, allocations=parts, debt=points - taken)

    def set_balance(self) -> None:
        self.adjust_or_wait(self.change_to(self.command["points"]))

    def change_to(self, wanted: int) -> int:
        more = wanted - available(self.program, self.entries, self.now)
        return more + fold(self.entries)["debt"] if more > 0 else more

    def waiting(self) -> Plain:
        """
        Return the entry of the adjustment that waits for approval (R-40).
        """
        before = self.entries_before_command()
        number: int = self.command["entry"]
        if number > len(before):
            raise Refusal("EntryUnknown")
        entry = before[number - 1]
        decided = [e["command"] for e in before if e["command"]["command"] in ("approve", "decline")]
        if entry["kind"] != "noted" or not entry["withheld"] or number in {each["entry"] for each in decided}:
            raise Refusal("NotAwaiting")
        if self.command.get("actor", "clerk") == entry["command"].get("actor", "clerk"):
            raise Refusal("SameActor")
        return entry["command"]

    def approve(self) -> None:
        asked = self.waiting()
        points = asked["points"] if asked["command"] == "adjust" else self.change_to(asked["points"])
        self.adjust_by(asked, points)

    def decline(self) -> None:
        self.waiting()
        self.post("noted")

    def forgive(self) -> None:
        if self.command["points"] > fold(self.entries)["debt"]:
            raise Refusal("NoDebt")
        self.post("forgiven", debt=-self.command["points"])

    def reverse(self) -> None:
        known = self.entries_before_command()
        number: int = self.command["entry"]
        if number > len(known):
            raise Refusal("EntryUnknown")
        entry = known[number - 1]
        if entry["command"].get("order") or entry["kind"] not in ("earned", "adjusted", "redeemed"):
            raise Refusal("NotReversible")
        left = abs(entry["points"]) + max(entry["debt"], 0) - self.claimed(entry)
        points = left if self.command.get("points") is None else self.command["points"]
        if points > left or points == 0:
            raise Refusal("ReversalExceeded")
        if entry["opened"]:
            self.claw_back(entry, points)
        else:
            self.restore(entry, points)
