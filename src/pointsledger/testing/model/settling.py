"""
What time does to an account, and how a command posts its entries.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from .calendar import midnight_after
from .folding import fold, lapse_of, order_of_use, usable_lots
from .plain import Plain


class Settling:
    """
    A command at work on a copy of the account's entries.
    """

    def __init__(self, program: Plain, entries: list[Plain], command: Plain, key: Any, now: datetime) -> None:
        self.program, self.entries, self.command, self.key = program, entries, command, key
        self.now = max([now] + [entry["recorded_at"] for entry in entries])
        self.occurred_at = command.get("occurred_at") or self.now
        self.freed: list[tuple[datetime | None, int, int]] = []

    def post(self, kind: str, points: int = 0, **rest: Any) -> None:
        before = sum(entry["points"] for entry in self.entries)
        entry: Plain = {
            "sequence": len(self.entries) + 1,
            "kind": kind,
            "points": points,
            "balance_after": before + points,
            "debt": 0,
            "allocations": list[tuple[int, int]](),
            "opened": None,
            "reverses": None,
            "claimed": 0,
            "shortfall": 0,
            "money": None,
            "lapses_at": None,
            "withheld": 0,
            "rule": None,
            "dates": None,
            "occurred_at": self.occurred_at,
            "recorded_at": self.now,
            "command": self.command,
            "key": self.key,
            "program": self.program,
        }
        self.entries.append(entry | rest)

    def credit(
        self,
        kind: str,
        points: int,
        earned: datetime,
        usable: datetime,
        expires: datetime | None,
        *,
        follows: bool = True,
        **rest: Any,
    ) -> None:
        """
        Open a lot; what a cap cut off wholly opens none, and keeps the dates.
        """
        if points == 0:
            self.post(kind, 0, dates=(usable, expires, follows), **rest)
            return
        lot = {
            "id": len(self.entries) + 1,
            "points": points,
            "remaining": points,
            "expired": 0,
            "held": 0,
            "follows": follows,
            "earned_at": earned,
            "available_at": usable,
            "expires_at": expires,
        }
        self.post(kind, points, opened=lot, **rest)
        self.settle_now()

    def draw(self, points: int, lots: list[Plain]) -> list[tuple[int, int]]:
        """
        Return what is taken from each of some lots, in their order, until `points` are taken.
        """
        taken: list[tuple[int, int]] = []
        for lot in lots:
            part = min(points - sum(n for _, n in taken), lot["remaining"])
            if part:
                taken.append((lot["id"], part))
        return taken

    def idle_until(self, activity: str, when: datetime) -> datetime | None:
        """
        Return when the account lapses after an activity; an older activity shortens nothing, and the first credit of
        any kind starts the clock (R-36).
        """
        expiry = self.program["expiry"]
        before = fold(self.entries)["lapses_at"]
        if "idle" not in expiry or (before is not None and activity not in expiry["resets"]):
            return None
        after = midnight_after(when, expiry["idle"])
        return after if before is None or after > before else None

    def settle(self) -> None:
        """
        Book what time did before the command: holds lapse, then lots, then debt is repaid, in the order of the
        instants (R-12).
        """
        clock = max([entry["recorded_at"] for entry in self.entries], default=datetime.min.replace(tzinfo=UTC))
        while True:
            state = fold(self.entries)
            left = [lot for lot in state["lots"].values() if lot["remaining"]]
            events = [(hold["command"]["until"], 0) for hold in state["holds"].values()]
            events += [(max(lapse_of(state, lot), lot["available_at"]), 1) for lot in left]
            if state["debt"]:
                events += [(lot["available_at"], 2) for lot in left if lot["available_at"] < lapse_of(state, lot)]
            due = [(max(when, clock), kind) for when, kind in events if when <= self.now]
            if not due:
                return
            clock, kind = min(due)
            if kind == 0:
                over = [hold for hold in state["holds"].values() if hold["command"]["until"] <= clock]
                self.let_go("lapsed", min(over, key=lambda hold: hold["command"]["until"]), occurred_at=clock)
            elif kind == 1:
                self.lapse(
                    [lot for lot in left if lapse_of(state, lot) <= clock and lot["available_at"] <= clock], clock
                )
            else:
                self.repay(clock)

    def let_go(self, kind: str, hold: Plain, **rest: Any) -> None:
        points = -hold["points"]
        self.post(kind, points, allocations=hold["allocations"], reverses=hold["sequence"], claimed=points, **rest)

    def settle_freed(self, hold: Plain) -> None:
        """
        Let what a hold gave back lapse if its time is over, else repay debt; both happen now.
        """
        state = fold(self.entries)
        lots = [state["lots"][id] for id, _ in hold["allocations"]]
        self.lapse([lot for lot in lots if lot["remaining"] and lapse_of(state, lot) <= self.now], self.now)
        self.repay(self.now)

    def settle_now(self) -> None:
        """
        Let what the last entry put into lots lapse if its time is over, else repay debt; both happen now.
        """
        state, last = fold(self.entries), self.entries[-1]
        touched = [lot for lot, _ in last["allocations"]] if not last["opened"] else [last["sequence"]]
        self.lapse(
            [lot for lot in state["lots"].values() if lot["id"] in touched and lapse_of(state, lot) <= self.now],
            self.now,
        )
        self.repay(self.now)

    def lapse(self, lots: list[Plain], when: datetime) -> None:
        parts = [(lot["id"], lot["remaining"]) for lot in sorted(lots, key=lambda lot: order_of_use(self.program, lot))]
        if parts:
            self.post("expired", -sum(n for _, n in parts), allocations=parts, occurred_at=when)

    def repay(self, when: datetime) -> None:
        state = fold(self.entries)
        parts = self.draw(state["debt"], usable_lots(self.program, state, when))
        points = sum(n for _, n in parts)
        if points:
            self.post("repaid", -points, debt=-points, allocations=parts, occurred_at=when)

    def entries_before_command(self) -> list[Plain]:
        return [entry for entry in self.entries if entry["command"] is not self.command]
