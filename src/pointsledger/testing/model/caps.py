"""
Caps: how many points may come in, and what a cap cuts off (R-19).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .calendar import same
from .claims import Claims
from .folding import fold
from .plain import Plain


class Capped(Claims):
    """
    A command that credits points below the caps of its program.
    """

    def room(self) -> int:
        """
        Return how many points may come in below the cap on the balance.
        """
        state, cap = fold(self.entries), self.program["caps"].get("balance")
        held = sum(lot["remaining"] + lot["held"] for lot in state["lots"].values())
        freed = sum(points - lapsed for _, points, lapsed in self.freed)
        return 10**15 if cap is None else cap - held + state["debt"] + freed

    def freeing(self, credit: Plain, claim: int, cut: int) -> tuple[datetime | None, int, int]:
        """
        Return what taking back a credit frees below caps: when it was earned, the points, and those that had lapsed.
        """
        points, lot = claim - cut, fold(self.entries)["lots"].get(credit["sequence"])
        lapsed = (
            0 if lot is None else min(points - min(points, lot["remaining"]), lot["expired"] - self.excused(credit))
        )
        counts = credit["program"]["caps"].get("per_period")
        return (credit["occurred_at"] if counts else None), points, lapsed

    def lapse_above_cap(self, restored: list[Plain]) -> None:
        surplus = max(0, -self.room())
        parts: list[tuple[int, int]] = []
        lots = fold(self.entries)["lots"]
        for entry in reversed(restored):
            came = [(entry["sequence"], entry["points"])] if entry["opened"] else entry["allocations"]
            for id, points in reversed(came):
                part = min(points, surplus, lots[id]["remaining"])
                surplus -= part
                if part:
                    parts.append((id, part))
        if parts:
            self.post("expired", -sum(n for _, n in parts), allocations=parts, occurred_at=self.now)

    def allowed(self, points: int, at: datetime) -> int:
        """
        Return how many of the points that are earned at an instant the caps on balance and periods allow.
        """
        caps = self.program["caps"]
        points = min(points, max(0, self.room()))
        for period in ("day", "month"):
            if period in caps.get("per_period", {}):
                mine = [e for e in self.entries if e["kind"] == "earned" and same(period, e["occurred_at"], at)]
                mine = [e for e in mine if e["program"]["caps"].get("per_period")]
                back = [e for e in self.entries if e["reverses"] in {m["sequence"] for m in mine}]
                earned = sum(e["points"] for e in mine) - sum(e["claimed"] + e["withheld"] for e in back)
                earned -= sum(points for when, points, _ in self.freed if when and same(period, when, at))
                points = min(points, max(0, caps["per_period"][period] - earned))
        return points

    def award_points(
        self, points: int, at: datetime, usable: datetime, expires: datetime | None, *, follows: bool, **rest: Any
    ) -> None:
        """
        Credit points that were earned, as far as the caps allow.
        """
        given = self.allowed(points, at)
        self.credit(
            "earned",
            given,
            at,
            usable,
            expires,
            follows=follows,
            withheld=points - given,
            occurred_at=at,
            lapses_at=self.idle_until("earn", at),
            **rest,
        )
