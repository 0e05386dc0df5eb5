"""
What an order has earned and used, and what it should have, by its facts (R-14, R-30).
"""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import Any

from .account_work import AccountWork
from .earning import award, by_dates
from .folding import HOLDING, fold
from .order_facts import (
    REDEMPTIONS,
    currencies_of,
    document_of,
    earned_at,
    facts_of,
    left_after,
    named,
    names,
    paid_with_points,
    share_gone,
    still_paid,
    tenders_of,
    units,
)
from .plain import ByDates, Plain


class OrderBooks(AccountWork):
    """
    A command that names an order, before it books anything.
    """

    @property
    def name(self) -> tuple[str, int]:
        return self.command["order"], self.command.get("cycle", 1)

    def facts(self) -> list[Plain]:
        """
        Return the recorded facts and the one that is being reported.
        """
        facts = facts_of(self.entries_before_command(), *self.name)
        mine = {"command": self.command, "program": self.program, "at": self.occurred_at}
        return [*facts, mine]

    def holds(self) -> dict[str, tuple[Plain, str]]:
        """
        Return the holds of the order by id: the entry, and how it stands.
        """
        found: dict[str, tuple[Plain, str]] = {}
        for entry in self.entries:
            if entry["kind"] == "held" and names(entry["command"], *self.name):
                found[entry["command"]["id"]] = (entry, "held")
            for id, (held, _) in found.items():
                if entry["kind"] in HOLDING and entry["reverses"] == held["sequence"]:
                    captured = "captured" if entry["command"]["command"] == "capture" else "released"
                    found[id] = (held, "lapsed" if entry["kind"] == "lapsed" else captured)
        return found

    def currencies(self, facts: list[Plain]) -> set[str]:
        """
        Return the currencies known of the order; never more than one.
        """
        redeemed = [e["money"][1] for e in paid_with_points(self.entries, *self.name) if e["money"]]
        open_holds = [entry for entry, status in self.holds().values() if status == "held"]
        redeemed += [entry["money"][1] for entry in open_holds if entry["money"]]
        return {currency for fact in facts for currency in currencies_of(fact["command"])} | set(redeemed)

    def booked(self) -> ByDates:
        """
        Return what the order has earned net, by the dates of the credits.
        """
        booked: ByDates = {}
        for entry in self.credits():
            left = entry["points"] + entry["withheld"] - self.claimed(entry)
            booked[dates_of(entry)] = booked.get(dates_of(entry), 0) + left
        return booked

    def credits(self) -> list[Plain]:
        return [e for e in self.entries if e["kind"] == "earned" and names(e["command"], *self.name)]

    def points_money(self) -> Fraction:
        return sum((e["money"][0] for e in paid_with_points(self.entries, *self.name) if e["money"]), Fraction(0))

    def terms(self, facts: list[Plain]) -> Plain | None:
        """
        Return the program that was in force when the order first counted (R-31).
        """
        for n in range(1, len(facts) + 1):
            program = facts[n - 1]["program"]
            if named(facts[:n], "cancel"):
                break
            if earned_at(facts[:n], program["timing"], self.points_money()) is not None:
                return program
        return None

    def due(self, facts: list[Plain]) -> tuple[ByDates, int]:
        """
        Return what the order should have earned, by dates, and how many of its redeemed points should be back.
        """
        used = sum(-entry["points"] for entry in paid_with_points(self.entries, *self.name))
        if named(facts, "cancel"):
            return {}, used
        terms = self.terms(facts)
        kept_on, given = self.differences(facts, terms, used)
        points = self.decided(self.award(facts, terms), kept_on)
        return points, max(0, min(used, self.gone(facts, used) + given))

    def award(self, facts: list[Plain], terms: Plain | None) -> ByDates:
        """
        Return what the kept part of the order earns, by dates.
        """
        document = document_of(facts)
        at = earned_at(facts, terms["timing"], self.points_money()) if terms else None
        if terms is None or document is None or at is None:
            return {}
        cancelled = units(facts, "cancel_lines")
        return award(
            terms,
            document,
            left_after(facts),
            lambda line: max(0, line["quantity"] - cancelled.get(line["id"], 0)),
            tenders_of(facts, waiting=True),
            still_paid(facts, self.points_money()),
            redeems=bool(named(facts, *REDEMPTIONS)),
            at=at,
            verified_at=fold(self.entries)["profile"]["verified_at"],
        )

    def gone(self, facts: list[Plain], used: int) -> int:
        """
        Return the redeemed points whose part of the order's price is cancelled or returned, rounded down once.

        They paid for what was there at the instant of redeeming; what was gone by then takes none along.
        """
        document = document_of(facts)
        redeemed = [n for n, fact in enumerate(facts) if fact["command"]["command"] in REDEMPTIONS]
        if document is None or not redeemed:
            return 0
        when = facts[redeemed[0]]["at"], redeemed[0]
        held = left_after([fact for n, fact in enumerate(facts) if (fact["at"], n) < when], "give_back")
        return floor(used * share_gone(document, held, left_after(facts, "give_back")))

    def differences(self, facts: list[Plain], terms: Plain | None, used: int) -> tuple[int, int]:
        """
        Return the points that decisions left with the holder, and gave back, beyond the proposals (R-30).

        A difference never reaches beyond what there was to take or to give when the next decision was made.
        """
        kept_on = given = 0
        for n, fact in enumerate(facts, 1):
            command = fact["command"]
            if command["command"] == "decide_return":
                there, gone = sum(self.award(facts[:n], terms).values()), self.gone(facts[:n], used)
                kept_on = max(kept_on, -there) + command["proposed_take_back"] - command["take_back"]
                given = min(max(given, -gone), used - gone) + command["give_back"] - command["proposed_give_back"]
        return kept_on, given

    def decided(self, due: ByDates, extra: int) -> ByDates:
        """
        Return what is due, with the points that decisions on returns left on credits or took in addition (R-30).
        """
        due = dict(due)
        for dates, points in self.booked().items():
            kept = max(0, min(extra, points - due.get(dates, 0)))
            due[dates] = due.get(dates, 0) + kept
            extra -= kept
        for dates in sorted(due, key=by_dates, reverse=True):
            taken = max(0, min(-extra, due[dates]))
            due[dates] -= taken
            extra += taken
        return due

    def proposal(self, return_id: str) -> tuple[int, int]:
        """
        Return what accepting a return takes back and gives back.
        """
        before = facts_of(self.entries_before_command(), *self.name)
        accepted = {"command": "decide_return", "return_id": return_id, "order": self.name[0], "cycle": self.name[1]}
        accepted |= dict.fromkeys(("take_back", "give_back", "proposed_take_back", "proposed_give_back"), 0)
        then = [*before, {"command": accepted, "program": self.program, "at": self.now}]
        due_then, back_then = self.due(then)
        given = sum(self.claimed(entry) for entry in paid_with_points(self.entries, *self.name))
        return self.taken(due_then), max(0, back_then - given)

    def taken(self, due: ByDates) -> int:
        """
        Return how many points the holder has less once this is booked; what a cap had cut off goes first (R-19).
        """
        booked, taken = self.booked(), 0
        cut: ByDates = {}
        for entry in self.credits():
            cut[dates_of(entry)] = cut.get(dates_of(entry), 0) + self.cut_left(entry)
        for dates in {**booked, **due}:
            surplus = booked.get(dates, 0) - due.get(dates, 0)
            taken += max(0, surplus - cut.get(dates, 0)) if surplus > 0 else surplus
        return max(0, taken)


def dates_of(credit: Plain) -> Any:
    if credit["opened"]:
        opened = credit["opened"]
        return opened["available_at"], opened["expires_at"], opened["follows"]
    return credit["dates"]
