"""
Booking an order: the difference between what is due and what is booked (R-14).
"""

from __future__ import annotations

from datetime import datetime

from .calendar import ON_EVENT
from .earning import by_dates
from .folding import fold
from .order_books import dates_of
from .order_checks import OrderChecks
from .order_facts import earned_at, named, paid_with_points
from .plain import ByDates


class OrderBooking(OrderChecks):
    """
    A command about an order at work on the books.
    """

    def book(self) -> None:
        """
        Post the difference between what is due and what is booked (R-14).
        """
        posted = len(self.entries)
        if self.command["command"] == "cancel":
            self.release_holds()
        due, back = self.due(self.facts())
        for entry in paid_with_points(self.entries, *self.name):
            more = back - self.claimed(entry)
            if more > 0:
                self.restore(entry, more)
        self.book_credits(due)
        if named(self.facts(), "activate"):
            lots = fold(self.entries)["lots"]
            mine = [lots[e["sequence"]] for e in self.credits() if e["opened"]]
            terms = self.terms(self.facts()) or self.program
            self.wake([lot for lot in mine if lot["remaining"] and lot["available_at"] == ON_EVENT], terms)
        if len(self.entries) == posted and self.command["command"] not in ("redeem", "capture"):
            self.post("noted")

    def book_what_paying_ends(self) -> None:
        terms = self.terms(self.facts()) or self.program
        if terms["redeeming_orders"] == "earn_nothing":
            self.book()

    def release_holds(self) -> None:
        for entry, status in self.holds().values():
            if status == "held":
                self.let_go("released", entry)
                self.settle_freed(entry)

    def book_credits(self, due: ByDates) -> None:
        booked, credits = self.booked(), self.credits()
        claims = self.claims(due)
        self.freed = [self.freeing(entry, *claims[entry["sequence"]]) for entry in credits]
        for dates, points in sorted(due.items(), key=lambda pair: by_dates(pair[0])):
            more = points - booked.get(dates, 0)
            if more > 0:
                self.award_points(more, self.earned_at(), *dates[:2], follows=dates[2])
        self.freed = []
        for entry in reversed(credits):
            claim, cut = claims[entry["sequence"]]
            if claim:
                self.claw_back(entry, claim, cut=cut)

    def claims(self, due: ByDates) -> dict[int, list[int]]:
        """
        Return what to take back of each credit, and how much of it had been cut off: that goes first, then the latest.
        """
        booked, credits = self.booked(), self.credits()
        surplus = {dates: max(0, points - due.get(dates, 0)) for dates, points in booked.items()}
        claims = {entry["sequence"]: [0, 0] for entry in credits}
        for entry in reversed(credits):
            part = min(self.cut_left(entry), surplus[dates_of(entry)])
            surplus[dates_of(entry)] -= part
            claims[entry["sequence"]] = [part, part]
        for entry in reversed(credits):
            left = entry["points"] + entry["withheld"] - self.claimed(entry) - claims[entry["sequence"]][0]
            part = min(left, surplus[dates_of(entry)])
            surplus[dates_of(entry)] -= part
            claims[entry["sequence"]][0] += part
        return claims

    def earned_at(self) -> datetime:
        facts = self.facts()
        terms = self.terms(facts)
        assert terms is not None
        instant = earned_at(facts, terms["timing"], self.points_money())
        assert instant is not None
        return instant

    place = process = pay = approve_payment = invoice = cancel_lines = return_lines = decide_return = cancel = book
    activate = book
