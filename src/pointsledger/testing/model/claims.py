"""
Taking points back: what is claimed of an entry, and from which lots it comes.
"""

from __future__ import annotations

from .folding import fold, usable_lots
from .plain import Plain, Refusal
from .settling import Settling


class Claims(Settling):
    """
    A command that takes back what an entry gave.
    """

    def claimed(self, entry: Plain) -> int:
        return sum(e["claimed"] for e in self.entries if e["reverses"] == entry["sequence"])

    def cut_left(self, entry: Plain) -> int:
        """
        Return what a cap cut off of a credit and is still counted with it.
        """
        return entry["withheld"] + sum(e["withheld"] for e in self.entries if e["reverses"] == entry["sequence"])

    def excused(self, entry: Plain) -> int:
        """
        Return the points of reversals of a credit that were set against its lapsed part.
        """
        reversals = [e for e in self.entries if e["reverses"] == entry["sequence"] and e["kind"] == "reversed"]
        return sum(e["claimed"] + e["withheld"] + e["points"] - e["shortfall"] for e in reversals)

    def claw_back(self, entry: Plain, points: int, *, cut: int = 0) -> None:
        """
        Take back points of a credit, `cut` of them from what a cap had cut off (R-19, R-32).
        """
        details = {"reverses": entry["sequence"], "claimed": points, "withheld": -cut}
        if cut == points:
            self.post("reversed", 0, **details)
            return
        points -= cut
        terms = entry["program"]
        state = fold(self.entries)
        lot = state["lots"][entry["sequence"]]
        parts = self.draw(points, [lot])
        left = points - sum(n for _, n in parts)
        left -= min(left, lot["expired"] - self.excused(entry))
        others = self.draw(left, [each for each in usable_lots(terms, state, self.now) if each is not lot])
        parts += others
        shortfall = left - sum(n for _, n in others)
        if shortfall and terms["shortfall"] == "refuse":
            raise Refusal("ShortfallRefused")
        self.post(
            "reversed",
            -sum(n for _, n in parts),
            allocations=parts,
            shortfall=shortfall,
            debt=shortfall if terms["shortfall"] == "debt" else 0,
            **details,
        )
