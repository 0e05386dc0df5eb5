"""
Giving points back: into the lots that they came from, or anew (R-34).
"""

from __future__ import annotations

from .calendar import expires_at
from .caps import Capped
from .folding import fold, lapse_of
from .plain import Plain


class Restoring(Capped):
    """
    A command that gives back what an entry took.
    """

    def restore(self, entry: Plain, points: int) -> None:
        """
        Give back points of a debit: what was drawn last comes back first (R-34).
        """
        terms, state = entry["program"], fold(self.entries)
        policy: str = terms["restore"]["lapsed"]
        back = self.drawn_last(entry, points)
        over = {id for id, _ in back if id and lapse_of(state, state["lots"][id]) <= self.now and policy != "expire"}
        owed, anew = sum(n for id, n in back if id is None), sum(n for id, n in back if id in over)
        same = [(id, n) for id, n in back if id is not None and id not in over]
        first = len(self.entries)
        if owed:
            self.restore_anew(entry, owed, terms["expiry"], follows=True)
        if same:
            total = sum(n for _, n in same)
            self.post("restored", total, allocations=same, claimed=total, reverses=entry["sequence"])
            self.settle_now()
        if anew:
            dates = {"grace": {"days": terms["restore"]["grace_days"]}, "fresh": terms["expiry"]}
            self.restore_anew(entry, anew, dates[policy], follows=policy == "fresh")
        if self.program["caps"].get("restores"):
            self.lapse_above_cap([entry for entry in self.entries[first:] if entry["kind"] == "restored"])

    def drawn_last(self, entry: Plain, points: int) -> list[tuple[int | None, int]]:
        """
        Return from which lots the last points of a debit came that are not back yet; None stands for debt.

        What had become debt was taken last, so it comes back first.
        """
        skip, want = self.claimed(entry), points
        back: list[tuple[int | None, int]] = []
        for lot, n in [(None, entry["debt"]), *reversed(entry["allocations"])]:
            skipped = min(skip, n)
            part = min(want, n - skipped)
            skip -= skipped
            want -= part
            if part:
                back.append((lot, part))
        return back

    def restore_anew(self, entry: Plain, points: int, policy: Plain, *, follows: bool) -> None:
        expires = expires_at(policy, self.now)
        details = {"claimed": points, "reverses": entry["sequence"]}
        self.credit("restored", points, self.occurred_at, self.now, expires, follows=follows, **details)
