"""
A command about an account as a whole: points earned by count or by an action, a remark, closing.
"""

from __future__ import annotations

from .adjusting import Adjusting
from .calendar import stamp, usable_from
from .dating import Dating
from .earning import act_points, chosen, whole_points
from .folding import fold
from .notices import Notices
from .plain import Refusal


class AccountWork(Adjusting, Dating, Notices):
    """
    A command that names no order.
    """

    def earn(self) -> None:
        if not self.program["active"]:
            raise Refusal("ProgramInactive")
        usable = usable_from(self.program["pending"], self.occurred_at)
        expires = stamp(self.program, usable)
        self.award_points(self.command["points"], self.occurred_at, usable, expires, follows=True)

    def act(self) -> None:
        """
        Reward an action by each of its rules that gives something (R-16).
        """
        program, command = self.program, self.command
        if not program["active"]:
            raise Refusal("ProgramInactive")
        before = self.entries_before_command()
        verified_at = fold(self.entries)["profile"]["verified_at"]
        rules = [rule for rule in program["rules"] if rule["kind"] == "per_action"]
        rules = [rule for rule in rules if rule["action"] == command["action"]]
        asked = [(act_points(rule, command, self.occurred_at, verified_at, before), rule) for rule in rules]
        given = [(exact, rule) for exact, rule in asked if exact is not None]
        posted = len(self.entries)
        for exact, rule in chosen(program, given):
            points = whole_points(exact, rule)
            if points:
                pending = rule["pending"] if rule.get("pending") is not None else program["pending"]
                usable = usable_from(pending, self.occurred_at)
                own = rule.get("expiry")
                expires = stamp(program, usable, own)
                follows = own is None
                self.award_points(points, self.occurred_at, usable, expires, follows=follows, rule=rule["id"])
        if len(self.entries) == posted:
            self.post("noted")

    def comment(self) -> None:
        if (self.command.get("entry") or 0) > len(self.entries_before_command()):
            raise Refusal("EntryUnknown")
        self.post("noted")

    def close(self) -> None:
        self.post("noted")

    def reopen(self) -> None:
        self.post("noted")

    def expire(self) -> None:
        pass
