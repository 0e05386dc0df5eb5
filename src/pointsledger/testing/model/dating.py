"""
Lots by hand: their dates changed, brought back after they lapsed, or made usable (R-20, R-38).
"""

from __future__ import annotations

from datetime import datetime

from .calendar import ON_EVENT, expires_at, later, policies_of, stamp
from .folding import fold, lapse_of
from .plain import Plain, Refusal
from .restoring import Restoring


class Dating(Restoring):
    """
    A command about one lot, or about the dates of all.
    """

    def lot(self) -> Plain:
        before = self.entries_before_command()
        number: int = self.command["lot"]
        if number > len(before) or not before[number - 1]["opened"]:
            raise Refusal("LotUnknown")
        return fold(self.entries)["lots"][number]

    def credit_of(self, lot: Plain) -> Plain:
        """
        Return the entry that opened a lot.
        """
        sequence: int = lot["id"]
        return self.entries[sequence - 1]

    def redate_lots(self, lots: list[Plain], dates: tuple[datetime | None, datetime | None, bool]) -> None:
        """
        Give lots other dates, and let those lapse whose time is over; None as the first leaves when they are usable.
        """
        self.post("redated", 0, allocations=[(lot["id"], lot["remaining"] + lot["held"]) for lot in lots], dates=dates)
        state = fold(self.entries)
        now = [state["lots"][lot["id"]] for lot in lots]
        self.lapse([lot for lot in now if lot["remaining"] and lapse_of(state, lot) <= self.now], self.now)

    def redate(self) -> None:
        by_date: dict[datetime | None, list[Plain]] = {}
        for lot in sorted(fold(self.entries)["lots"].values(), key=lambda lot: lot["id"]):
            new = expires_at(self.program["expiry"], lot["available_at"])
            dated = lot["follows"] and lot["available_at"] != ON_EVENT
            if dated and (lot["remaining"] or lot["held"]) and new != lot["expires_at"]:
                by_date.setdefault(new, []).append(lot)
        for new in sorted(by_date, key=lambda date: (date is None, date or self.now)):
            self.redate_lots(by_date[new], (None, new, True))
        if not by_date and self.entries[-1]["command"] is not self.command:
            self.post("noted")

    def extend(self) -> None:
        lot, until = self.lot(), self.command.get("expires_at")
        if lot["available_at"] == ON_EVENT:
            raise Refusal("InvalidInput")
        if not (lot["remaining"] or lot["held"]) or not later(until, lot["expires_at"]):
            raise Refusal("NotLater")
        self.redate_lots([lot], (None, until, False))

    def reinstate(self) -> None:
        lot, until = self.lot(), self.command.get("expires_at")
        if until is not None and until <= self.now:
            raise Refusal("InvalidInput")
        lapsed = lot["expired"] - self.excused(self.credit_of(lot))
        points = lapsed if self.command.get("points") is None else self.command["points"]
        if points > lapsed or lapsed == 0:
            raise Refusal("NotLapsed")
        expires = until or expires_at(self.program["expiry"], self.now)
        dates = (self.now, expires, until is None)
        if (lot["remaining"] or lot["held"]) and later(lot["expires_at"], expires):
            dates = (None, lot["expires_at"], lot["follows"])
        self.post("reinstated", points, allocations=[(lot["id"], points)], dates=dates)
        self.settle_now()

    def activate_lot(self) -> None:
        lot = self.lot()
        if lot["available_at"] != ON_EVENT or not lot["remaining"]:
            raise Refusal("NotPending")
        self.wake([lot], self.credit_of(lot)["program"])

    def wake(self, lots: list[Plain], terms: Plain) -> None:
        """
        Make lots usable whose event has happened, each under the policy by which it was dated (R-20).
        """
        by_date: dict[tuple[datetime | None, bool], list[Plain]] = {}
        for lot in lots:
            waiting = {stamp(terms, ON_EVENT, policy): policy for policy in policies_of(terms)}
            expires = expires_at(waiting[lot["expires_at"]], self.now)
            by_date.setdefault((expires, lot["follows"]), []).append(lot)
        for (expires, follows), group in by_date.items():
            self.redate_lots(group, (self.now, expires, follows))
            self.repay(self.now)

    def assign(self) -> None:
        self.lot()
        self.post("noted")
