"""
Notices: what a holder is told, and who wants to be told (R-42).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .calendar import ON_EVENT, midnight_after
from .folding import HOLDING, fold, lapse_of
from .plain import Plain
from .settling import Settling


class Notices(Settling):
    """
    A command about what the holder of an account is told.
    """

    def set_profile(self) -> None:
        self.post("noted")

    def take_notices(self) -> None:
        if self.notices():
            self.post("noted")

    def notices(self) -> list[tuple[str, int, Any]]:
        """
        Return the notices that are due: for each command the points and balance, for each date the points (R-42).
        """
        state, policy = fold(self.entries), self.program["notices"]
        if not self.program["active"]:
            return []
        profile = state["profile"]
        found: list[tuple[str, int, Any]] = []
        wanted = [
            profile[n] if profile[n] is not None else policy["subscribed"]
            for n in ("balance_updates", "expiry_warnings")
        ]
        groups: list[list[Plain]] = []
        for entry in self.entries[profile["notified"] :]:
            if not groups or groups[-1][0]["command"] is not entry["command"]:
                groups.append([])
            groups[-1].append(entry)
        for group in groups if wanted[0] else []:
            points = sum(e["points"] for e in group if e["kind"] not in HOLDING)
            if points and (profile["balance_updates"] or group[0]["program"]["notices"]["subscribed"]):
                found.append(("balance_update", points, group[-1]["balance_after"]))
        if wanted[1] and policy["warn_days"] is not None:
            due: dict[datetime, int] = {}
            for lot in state["lots"].values():
                lapses = lapse_of(state, lot)
                if lot["remaining"] and self.now < lapses < ON_EVENT:
                    warned = midnight_after(lapses, -policy["warn_days"] - 1)
                    new = profile["warned"] is None or profile["warned"] < warned
                    if warned <= self.now and new and lot["available_at"] < warned:
                        due[lapses] = due.get(lapses, 0) + lot["remaining"]
            found += [("expiry_warning", points, when) for when, points in sorted(due.items())]
        return found
