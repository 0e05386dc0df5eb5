"""
What holds of the entries of every account, whatever was asked: the invariants, counted anew from the public entries.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from ...domain import commands
from ...domain.entries import Entry
from ...domain.lots import Lot


def check_books(entries: list[Entry]) -> None:
    """
    Check sequence, lots, order of use, bounds, reversals, debt and conservation over an account's entries
    (I-1, I-2, I-4, I-5, I-6, I-9, I-13).
    """
    lots: dict[int, Lot] = {}
    left: dict[int, int] = {}
    claimed = Counter[int]()
    came = Counter[str]()
    debt = balance = 0
    for number, entry in enumerate(entries, 1):
        assert entry.sequence == number
        if entry.opened is not None:
            assert (entry.opened.id, entry.opened.remaining, entry.allocations) == (number, entry.points, ())
            lots[number], left[number] = entry.opened, entry.points
        elif entry.kind != "redated":
            assert sum(part.points for part in entry.allocations) == abs(entry.points)
        if entry.dates is not None:
            for lot, _ in entry.allocations:
                lots[lot] = lots[lot].with_dates(entry.dates)
        for lot, points in entry.allocations if entry.points else ():
            left[lot] += points if entry.points > 0 else -points
            assert points > 0
            assert 0 <= left[lot] <= lots[lot].points
        directly = entry.kind == "redeemed" and not isinstance(entry.command, commands.Capture)
        if directly or entry.kind == "held" or (entry.kind == "adjusted" and entry.points < 0):
            check_order_of_use(entry, lots, left)
        debt += entry.debt
        balance += entry.points
        assert debt >= 0
        assert entry.balance_after == balance == sum(left.values())
        came["removed" if entry.kind == "adjusted" and entry.points < 0 else entry.kind] += entry.points
        came["owed"] += max(0, entry.debt)
        came["forgiven"] += entry.debt if entry.kind == "forgiven" else 0
        if entry.reverses is not None:
            claimed[entry.reverses] += entry.claimed
            original = entries[entry.reverses - 1]
            assert claimed[entry.reverses] <= abs(original.points) + max(0, original.debt) + original.withheld
    went = -sum(came[kind] for kind in ("redeemed", "expired", "reversed", "removed", "repaid"))
    held = -came["held"] - came["released"] - came["lapsed"]
    assert held >= 0
    came_in = came["earned"] + came["adjusted"] + came["restored"] + came["reinstated"]
    assert came_in == balance + held + went
    assert debt == came["owed"] + came["repaid"] + came["forgiven"]


def check_order_of_use(entry: Entry, lots: dict[int, Lot], left: dict[int, int]) -> None:
    """
    Check that a debit left nothing in a usable lot that comes before one that it drew on (I-6).
    """
    assert entry.terms is not None
    oldest_first = entry.terms.use_order == "oldest_first"
    never = datetime.max.replace(tzinfo=entry.recorded_at.tzinfo)

    def rank(id: int) -> tuple[Any, ...]:
        lot = lots[id]
        soonest = () if oldest_first else (lot.expires_at or never,)
        return (*soonest, lot.earned_at, id)

    drawn = [part.lot for part in entry.allocations]
    assert drawn == sorted(drawn, key=rank)
    if drawn:
        before = [id for id in lots if rank(id) < rank(drawn[-1]) and lots[id].is_usable(entry.recorded_at)]
        assert not any(left[id] for id in before)
