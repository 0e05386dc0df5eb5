"""
Folding: what a list of entries leaves of an account (R-07).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .calendar import FOREVER
from .plain import Plain

HOLDING = ("held", "released", "lapsed")


EFFECTS = {
    "expired": (-1, 1, 0),
    "reinstated": (1, -1, 0),
    "held": (-1, 0, 1),
    "released": (1, 0, -1),
    "lapsed": (1, 0, -1),
    "redated": (0, 0, 0),
}
"""What an allocation does to what is left, lapsed and held of a lot; other kinds add to what is left, or take away."""


def fold(entries: list[Plain]) -> Plain:
    """
    Return what a list of entries leaves: lots, open holds, debt, the lapse by inactivity, the profile, whether closed.
    """
    state: Plain = {
        "lots": {},
        "holds": {},
        "debt": 0,
        "lapses_at": None,
        "lapsed": None,
        "idle": {},
        "by": {},
        "closed": False,
    }
    profile: Plain = dict.fromkeys(("holder", "verified_at", "balance_updates", "expiry_warnings", "warned"))
    state["profile"] = profile | {"notified": 0}
    for entry in entries:
        note_inactivity(state, entry)
        state["debt"] += entry["debt"]
        state["lapses_at"] = entry["lapses_at"] or state["lapses_at"]
        note_profile(state, entry)
        if entry["kind"] == "noted" and entry["command"]["command"] in ("close", "reopen"):
            state["closed"] = entry["command"]["command"] == "close"
        if entry["kind"] == "held":
            state["holds"][entry["sequence"]] = entry
        elif entry["kind"] in HOLDING:
            del state["holds"][entry["reverses"]]
        if entry["opened"]:
            state["lots"][entry["sequence"]] = dict(entry["opened"])
            state["by"][entry["sequence"]] = entry["command"]
            continue
        free, lapsed, held = EFFECTS.get(entry["kind"], (1 if entry["points"] > 0 else -1, 0, 0))
        for id, points in entry["allocations"]:
            lot = state["lots"][id]
            lot["remaining"] += free * points
            lot["expired"] += lapsed * points
            lot["held"] += held * points
            if entry["dates"]:
                usable, lot["expires_at"], lot["follows"] = entry["dates"]
                if usable:
                    lot["available_at"] = usable
                    state["idle"].pop(id, None)
    return state


def note_inactivity(state: Plain, entry: Plain) -> None:
    """
    Mark the lots that inactivity took: those that were there and usable when something is recorded after it (R-34).
    """
    lapse = state["lapses_at"]
    if lapse and entry["recorded_at"] >= lapse and state["lapsed"] != lapse:
        state["lapsed"] = lapse
        for id, lot in state["lots"].items():
            if lot["available_at"] < lapse and state["by"][id] is not entry["command"]:
                state["idle"][id] = lapse


def note_profile(state: Plain, entry: Plain) -> None:
    command, profile = entry["command"], state["profile"]
    if entry["kind"] != "noted":
        return
    if command["command"] == "take_notices":
        profile |= {"notified": entry["sequence"], "warned": entry["recorded_at"]}
    elif command["command"] == "set_profile":
        if command.get("verified"):
            profile["verified_at"] = min(profile["verified_at"] or entry["occurred_at"], entry["occurred_at"])
        usual = entry["program"]["notices"]["subscribed"]
        before = {n: usual if profile[n] is None else profile[n] for n in ("balance_updates", "expiry_warnings")}
        if command.get("balance_updates") and not before["balance_updates"]:
            profile["notified"] = entry["sequence"]
        if command.get("expiry_warnings") and not before["expiry_warnings"]:
            profile["warned"] = entry["recorded_at"]
        for name in ("holder", "balance_updates", "expiry_warnings"):
            if command.get(name) is not None:
                profile[name] = command[name]


def lapse_of(state: Plain, lot: Plain) -> datetime:
    """
    Return when a lot lapses: on its date, or with the account if it was usable by then (R-36).
    """
    instants = [lot["expires_at"]] if lot["expires_at"] else []
    if state["lapses_at"] and lot["available_at"] < state["lapses_at"]:
        instants.append(state["lapses_at"])
    if lot["id"] in state["idle"]:
        instants.append(state["idle"][lot["id"]])
    return min(instants) if instants else FOREVER


def order_of_use(program: Plain, lot: Plain) -> tuple[Any, ...]:
    stamped = lot["expires_at"] or FOREVER
    if program["use_order"] == "oldest_first":
        return (lot["earned_at"], lot["id"])
    return (stamped, lot["earned_at"], lot["id"])


def usable_lots(program: Plain, state: Plain, at: datetime) -> list[Plain]:
    lots = [
        lot for lot in state["lots"].values() if lot["remaining"] and lot["available_at"] <= at < lapse_of(state, lot)
    ]
    return sorted(lots, key=lambda lot: order_of_use(program, lot))


def available(program: Plain, entries: list[Plain], at: datetime) -> int:
    return sum(lot["remaining"] for lot in usable_lots(program, fold(entries), at))
