"""
A naive model of the ledger: lists, dicts and Fractions, written from the specification alone.

It imports nothing of the package, keeps nothing but what was accepted, and works everything out anew from that list
each time, so it is slow and has nothing that can be out of date.
Programs work in UTC and their policies count in days, so its calendar is date plus days.

- A program, order, line, tender, rule or command is a plain dict; its keys are named like the fields of the package.
- Money is a pair of a `Fraction` and a currency, or a bare `Fraction` where the order names the currency.
- An expiry policy is ``{"days": 10}`` (after), ``{"idle": 10, "resets": {"earn"}}`` (inactivity), both (the earlier),
  or ``{}`` (never); a pending policy is ``{}`` (at once) or ``{"days": 3}``.
"""

# ruff: noqa: D102, D103 - the names say what they are

import copy
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import ceil, floor, lcm

FOREVER = datetime.max
ON_EVENT = datetime(8000, 1, 1, tzinfo=UTC)
HOLDING = ("held", "released", "lapsed")
BY_TIME = ("expired", "repaid", "lapsed")
FACTS = {
    "place": None,
    "process": None,
    "cancel": None,
    "redeem": None,
    "hold": "id",
    "capture": "id",
    "release": "id",
    "activate": None,
    "pay": "tender",
    "approve_payment": "tender",
    "invoice": "id",
    "cancel_lines": "id",
    "return_lines": "id",
    "decide_return": "return_id",
}


class Refusal(Exception):
    """
    The command is refused, for the reason that the name of the package's error says.
    """

    def __init__(self, reason):
        self.reason = reason
        super().__init__(reason)


# --- the calendar (R-20, R-36, R-37) ---------------------------------------------------------------------------


def midnight_after(instant, days):
    """
    Return the start of the day after the one that lies `days` after `instant`.
    """
    return datetime.combine(instant.date(), datetime.min.time(), instant.tzinfo) + timedelta(days=days + 1)


def usable_from(policy, earned_at):
    if "event" in policy:
        return ON_EVENT
    if "days" in policy:
        return max(earned_at, midnight_after(earned_at, policy["days"] - 1))
    return earned_at


def expires_at(policy, usable):
    return midnight_after(usable, policy["days"]) if "days" in policy else None


def policies_of(program):
    found = [program["expiry"]]
    for rule in program["rules"]:
        if rule.get("expiry") is not None and rule["expiry"] not in found:
            found.append(rule["expiry"])
    return found


def stamp(program, usable, own=None):
    """
    Return the date of points, or for those that wait for an event a day that stands for their policy (R-20).
    """
    policy = program["expiry"] if own is None else own
    if usable == ON_EVENT:
        return ON_EVENT + timedelta(days=policies_of(program).index(policy))
    return expires_at(policy, usable)


def later(one, other):
    """
    Whether a date of expiry lies after another; None is never.
    """
    return other is not None and (one is None or one > other)


# --- folding entries (R-07) ------------------------------------------------------------------------------------


EFFECTS = {
    "expired": (-1, 1, 0),
    "reinstated": (1, -1, 0),
    "held": (-1, 0, 1),
    "released": (1, 0, -1),
    "lapsed": (1, 0, -1),
    "redated": (0, 0, 0),
}
"""What an allocation does to what is left, lapsed and held of a lot; other kinds add to what is left, or take away."""


def fold(entries):
    """
    Return what a list of entries leaves: lots, open holds, debt, the lapse by inactivity, the profile, whether closed.
    """
    state = {
        "lots": {},
        "holds": {},
        "debt": 0,
        "lapses_at": None,
        "lapsed": None,
        "idle": {},
        "by": {},
        "closed": False,
    }
    state["profile"] = dict.fromkeys(("holder", "verified_at", "balance_updates", "expiry_warnings", "warned"))
    state["profile"]["notified"] = 0
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


def note_inactivity(state, entry):
    """
    Mark the lots that inactivity took: those that were there and usable when something is recorded after it (R-34).
    """
    lapse = state["lapses_at"]
    if lapse and entry["recorded_at"] >= lapse and state["lapsed"] != lapse:
        state["lapsed"] = lapse
        for id, lot in state["lots"].items():
            if lot["available_at"] < lapse and state["by"][id] is not entry["command"]:
                state["idle"][id] = lapse


def note_profile(state, entry):
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


def lapse_of(state, lot):
    """
    Return when a lot lapses: on its date, or with the account if it was usable by then (R-36).
    """
    instants = [lot["expires_at"]] if lot["expires_at"] else []
    if state["lapses_at"] and lot["available_at"] < state["lapses_at"]:
        instants.append(state["lapses_at"])
    if lot["id"] in state["idle"]:
        instants.append(state["idle"][lot["id"]])
    return min(instants) if instants else FOREVER.replace(tzinfo=lot["available_at"].tzinfo)


def order_of_use(program, lot):
    stamped = lot["expires_at"] or FOREVER.replace(tzinfo=lot["earned_at"].tzinfo)
    if program["use_order"] == "oldest_first":
        return (lot["earned_at"], lot["id"])
    return (stamped, lot["earned_at"], lot["id"])


def usable_lots(program, state, at):
    lots = [
        lot for lot in state["lots"].values() if lot["remaining"] and lot["available_at"] <= at < lapse_of(state, lot)
    ]
    return sorted(lots, key=lambda lot: order_of_use(program, lot))


def available(program, entries, at):
    return sum(lot["remaining"] for lot in usable_lots(program, fold(entries), at))


# --- one account -----------------------------------------------------------------------------------------------


class Work:
    """
    A command at work on a copy of the account's entries.
    """

    def __init__(self, program, entries, command, key, now):
        self.program, self.entries, self.command, self.key = program, entries, command, key
        self.now = max([now] + [entry["recorded_at"] for entry in entries])
        self.occurred_at = command.get("occurred_at") or self.now
        self.freed = []

    def post(self, kind, points=0, **rest):
        before = sum(entry["points"] for entry in self.entries)
        entry = {
            "sequence": len(self.entries) + 1,
            "kind": kind,
            "points": points,
            "balance_after": before + points,
            "debt": 0,
            "allocations": [],
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
        } | rest
        self.entries.append(entry)
        return entry

    def credit(self, kind, points, earned, usable, expires, *, follows=True, **rest):
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

    def draw(self, points, lots):
        """
        Return what is taken from each of some lots, in their order, until `points` are taken.
        """
        taken = []
        for lot in lots:
            part = min(points - sum(n for _, n in taken), lot["remaining"])
            if part:
                taken.append((lot["id"], part))
        return taken

    def idle_until(self, activity, when):
        """
        Return when the account lapses after an activity; an older activity shortens nothing, and the first credit of
        any kind starts the clock (R-36).

        The first credit of any kind starts the clock.
        """
        expiry = self.program["expiry"]
        before = fold(self.entries)["lapses_at"]
        if "idle" not in expiry or (before is not None and activity not in expiry["resets"]):
            return None
        after = midnight_after(when, expiry["idle"])
        return after if before is None or after > before else None

    def settle(self):
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

    def let_go(self, kind, hold, **rest):
        points = -hold["points"]
        self.post(kind, points, allocations=hold["allocations"], reverses=hold["sequence"], claimed=points, **rest)

    def settle_freed(self, hold):
        """
        Let what a hold gave back lapse if its time is over, else repay debt; both happen now.
        """
        state = fold(self.entries)
        lots = [state["lots"][id] for id, _ in hold["allocations"]]
        self.lapse([lot for lot in lots if lot["remaining"] and lapse_of(state, lot) <= self.now], self.now)
        self.repay(self.now)

    def settle_now(self):
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

    def lapse(self, lots, when):
        parts = [(lot["id"], lot["remaining"]) for lot in sorted(lots, key=lambda lot: order_of_use(self.program, lot))]
        if parts:
            self.post("expired", -sum(n for _, n in parts), allocations=parts, occurred_at=when)

    def repay(self, when):
        state = fold(self.entries)
        parts = self.draw(state["debt"], usable_lots(self.program, state, when))
        points = sum(n for _, n in parts)
        if points:
            self.post("repaid", -points, debt=-points, allocations=parts, occurred_at=when)

    # --- taking back and giving back ---------------------------------------------------------------------------

    def claimed(self, entry):
        return sum(e["claimed"] for e in self.entries if e["reverses"] == entry["sequence"])

    def cut_left(self, entry):
        """
        Return what a cap cut off of a credit and is still counted with it.
        """
        return entry["withheld"] + sum(e["withheld"] for e in self.entries if e["reverses"] == entry["sequence"])

    def excused(self, entry):
        """
        Return the points of reversals of a credit that were set against its lapsed part.
        """
        reversals = [e for e in self.entries if e["reverses"] == entry["sequence"] and e["kind"] == "reversed"]
        return sum(e["claimed"] + e["withheld"] + e["points"] - e["shortfall"] for e in reversals)

    def claw_back(self, entry, points, *, cut=0):
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

    def restore(self, entry, points):
        """
        Give back points of a debit: what was drawn last comes back first (R-34).
        """
        terms = entry["program"]
        # What had become debt was taken last, so it comes back first.
        skip, want, back = self.claimed(entry), points, []
        for lot, n in [(None, entry["debt"]), *reversed(entry["allocations"])]:
            skipped = min(skip, n)
            part = min(want, n - skipped)
            skip -= skipped
            want -= part
            if part:
                back.append((lot, part))
        lots, policy = fold(self.entries)["lots"], terms["restore"]["lapsed"]
        state = fold(self.entries)
        lapsed = [lot for lot, _ in back if lot and lapse_of(state, lots[lot]) <= self.now and policy != "expire"]
        same = [(lot, n) for lot, n in back if lot and lot not in lapsed]
        details = {"reverses": entry["sequence"]}
        owed = sum(n for lot, n in back if lot is None)
        first = len(self.entries)
        if owed:
            self.credit(
                "restored",
                owed,
                self.occurred_at,
                self.now,
                expires_at(terms["expiry"], self.now),
                claimed=owed,
                **details,
            )
        if same:
            total_same = sum(n for _, n in same)
            self.post("restored", total_same, allocations=same, claimed=total_same, **details)
            self.settle_now()
        dates = {"grace": {"days": terms["restore"]["grace_days"]}, "fresh": terms["expiry"]}
        anew = sum(n for lot, n in back if lot in lapsed)
        if anew:
            self.credit(
                "restored",
                anew,
                self.occurred_at,
                self.now,
                expires_at(dates[policy], self.now),
                follows=policy == "fresh",
                claimed=anew,
                **details,
            )
        if self.program["caps"].get("restores"):
            self.lapse_above_cap([entry for entry in self.entries[first:] if entry["kind"] == "restored"])

    # --- caps (R-19) -------------------------------------------------------------------------------------------

    def room(self):
        """
        Return how many points may come in below the cap on the balance.
        """
        state, cap = fold(self.entries), self.program["caps"].get("balance")
        held = sum(lot["remaining"] + lot["held"] for lot in state["lots"].values())
        freed = sum(points - lapsed for _, points, lapsed in self.freed)
        return 10**15 if cap is None else cap - held + state["debt"] + freed

    def freeing(self, credit, claim, cut):
        """
        Return what taking back a credit frees below caps: when it was earned, the points, and those that had lapsed.
        """
        points, lot = claim - cut, fold(self.entries)["lots"].get(credit["sequence"])
        lapsed = (
            0 if lot is None else min(points - min(points, lot["remaining"]), lot["expired"] - self.excused(credit))
        )
        counts = credit["program"]["caps"].get("per_period")
        return (credit["occurred_at"] if counts else None), points, lapsed

    def lapse_above_cap(self, restored):
        surplus, parts = max(0, -self.room()), []
        lots = fold(self.entries)["lots"]
        for entry in reversed(restored):
            came = [(entry["sequence"], entry["points"])] if entry["opened"] else entry["allocations"]
            for id, points in reversed(came):
                part = min(points, surplus, lots[id]["remaining"])
                surplus -= part
                if part:
                    parts.append((id, part))
        if parts:
            self.post("expired", -sum(n for _, n in parts), allocations=parts, occurred_at=self.now)

    def allowed(self, points, at):
        """
        Return how many of the points that are earned at an instant the caps on balance and periods allow.
        """
        caps = self.program["caps"]
        points = min(points, max(0, self.room()))
        for period in ("day", "month"):
            if period in caps.get("per_period", {}):
                mine = [e for e in self.entries if e["kind"] == "earned" and same(period, e["occurred_at"], at)]
                mine = [e for e in mine if e["program"]["caps"].get("per_period")]
                back = [e for e in self.entries if e["reverses"] in {m["sequence"] for m in mine}]
                earned = sum(e["points"] for e in mine) - sum(e["claimed"] + e["withheld"] for e in back)
                earned -= sum(points for when, points, _ in self.freed if when and same(period, when, at))
                points = min(points, max(0, caps["per_period"][period] - earned))
        return points

    def award_points(self, points, at, usable, expires, *, follows, **rest):
        """
        Credit points that were earned, as far as the caps allow.
        """
        given = self.allowed(points, at)
        self.credit(
            "earned",
            given,
            at,
            usable,
            expires,
            follows=follows,
            withheld=points - given,
            occurred_at=at,
            lapses_at=self.idle_until("earn", at),
            **rest,
        )

    # --- commands without an order -----------------------------------------------------------------------------

    def earn(self):
        if not self.program["active"]:
            raise Refusal("ProgramInactive")
        usable = usable_from(self.program["pending"], self.occurred_at)
        expires = stamp(self.program, usable)
        self.award_points(self.command["points"], self.occurred_at, usable, expires, follows=True)

    def act(self):
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
        given = [(act_points(rule, command, self.occurred_at, verified_at, before), rule) for rule in rules]
        given = [(exact, rule) for exact, rule in given if exact is not None]
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

    def adjust(self):
        self.adjust_or_wait(self.command["points"])

    def adjust_or_wait(self, points):
        limit = self.program["approval_above"]
        if limit is not None and abs(points) > limit:
            self.post("noted", withheld=points)
        else:
            self.adjust_by(self.command, points)

    def adjust_by(self, asked, points):
        if points > 0:
            self.add_by_hand(points, asked.get("expires_at"))
        elif points < 0:
            self.take_by_hand(-points, asked.get("allow_debt", False))
        else:
            self.post("noted")

    def add_by_hand(self, points, until=None):
        expires = until or expires_at(self.program["expiry"], self.now)
        started = self.idle_until("adjust", self.now)
        given = min(points, max(0, self.room())) if self.program["caps"].get("adjustments") else points
        self.credit(
            "adjusted",
            given,
            self.occurred_at,
            self.now,
            expires,
            follows=until is None,
            lapses_at=started,
            withheld=points - given,
        )

    def take_by_hand(self, points, allow_debt):
        parts = self.draw(points, usable_lots(self.program, fold(self.entries), self.now))
        taken = sum(n for _, n in parts)
        if taken < points and not allow_debt:
            raise Refusal("InsufficientPoints")
        self.post("adjusted", -taken, allocations=parts, debt=points - taken)

    def set_balance(self):
        self.adjust_or_wait(self.change_to(self.command["points"]))

    def change_to(self, wanted):
        more = wanted - available(self.program, self.entries, self.now)
        return more + fold(self.entries)["debt"] if more > 0 else more

    def waiting(self):
        """
        Return the entry of the adjustment that waits for approval (R-40).
        """
        before, number = self.entries_before_command(), self.command["entry"]
        if number > len(before):
            raise Refusal("EntryUnknown")
        entry = before[number - 1]
        decided = [e["command"] for e in before if e["command"]["command"] in ("approve", "decline")]
        if entry["kind"] != "noted" or not entry["withheld"] or number in {each["entry"] for each in decided}:
            raise Refusal("NotAwaiting")
        if self.command.get("actor", "clerk") == entry["command"].get("actor", "clerk"):
            raise Refusal("SameActor")
        return entry["command"]

    def approve(self):
        asked = self.waiting()
        points = asked["points"] if asked["command"] == "adjust" else self.change_to(asked["points"])
        self.adjust_by(asked, points)

    def decline(self):
        self.waiting()
        self.post("noted")

    # --- lots by hand, profile, notices ------------------------------------------------------------------------

    def lot(self, name="lot"):
        before, number = self.entries_before_command(), self.command[name]
        if number > len(before) or not before[number - 1]["opened"]:
            raise Refusal("LotUnknown")
        return fold(self.entries)["lots"][number]

    def redate_lots(self, lots, dates):
        self.post("redated", 0, allocations=[(lot["id"], lot["remaining"] + lot["held"]) for lot in lots], dates=dates)
        state = fold(self.entries)
        now = [state["lots"][lot["id"]] for lot in lots]
        self.lapse([lot for lot in now if lot["remaining"] and lapse_of(state, lot) <= self.now], self.now)

    def redate(self):
        by_date = {}
        for lot in sorted(fold(self.entries)["lots"].values(), key=lambda lot: lot["id"]):
            new = expires_at(self.program["expiry"], lot["available_at"])
            dated = lot["follows"] and lot["available_at"] != ON_EVENT
            if dated and (lot["remaining"] or lot["held"]) and new != lot["expires_at"]:
                by_date.setdefault(new, []).append(lot)
        for new in sorted(by_date, key=lambda date: (date is None, date or self.now)):
            self.redate_lots(by_date[new], (None, new, True))
        if not by_date and self.entries[-1]["command"] is not self.command:
            self.post("noted")

    def extend(self):
        lot, until = self.lot(), self.command.get("expires_at")
        if lot["available_at"] == ON_EVENT:
            raise Refusal("InvalidInput")
        if not (lot["remaining"] or lot["held"]) or not later(until, lot["expires_at"]):
            raise Refusal("NotLater")
        self.redate_lots([lot], (None, until, False))

    def reinstate(self):
        lot, until = self.lot(), self.command.get("expires_at")
        if until is not None and until <= self.now:
            raise Refusal("InvalidInput")
        lapsed = lot["expired"] - self.excused(self.entries[lot["id"] - 1])
        points = lapsed if self.command.get("points") is None else self.command["points"]
        if points > lapsed or lapsed == 0:
            raise Refusal("NotLapsed")
        expires = until or expires_at(self.program["expiry"], self.now)
        dates = (self.now, expires, until is None)
        if (lot["remaining"] or lot["held"]) and later(lot["expires_at"], expires):
            dates = (None, lot["expires_at"], lot["follows"])
        self.post("reinstated", points, allocations=[(lot["id"], points)], dates=dates)
        self.settle_now()

    def activate_lot(self):
        lot = self.lot()
        if lot["available_at"] != ON_EVENT or not lot["remaining"]:
            raise Refusal("NotPending")
        self.wake([lot], self.entries[lot["id"] - 1]["program"])

    def wake(self, lots, terms):
        """
        Make lots usable whose event has happened, each under the policy by which it was dated (R-20).
        """
        by_date = {}
        for lot in lots:
            waiting = {stamp(terms, ON_EVENT, policy): policy for policy in policies_of(terms)}
            expires = expires_at(waiting[lot["expires_at"]], self.now)
            by_date.setdefault((expires, lot["follows"]), []).append(lot)
        for (expires, follows), group in by_date.items():
            self.redate_lots(group, (self.now, expires, follows))
            self.repay(self.now)

    def comment(self):
        if (self.command.get("entry") or 0) > len(self.entries_before_command()):
            raise Refusal("EntryUnknown")
        self.post("noted")

    def assign(self):
        self.lot()
        self.post("noted")

    def set_profile(self):
        self.post("noted")

    def take_notices(self):
        if self.notices():
            self.post("noted")

    def notices(self):
        """
        Return the notices that are due: for each command the points and balance, for each date the points (R-42).
        """
        state, policy = fold(self.entries), self.program["notices"]
        if not self.program["active"]:
            return []
        profile, found = state["profile"], []
        wanted = [
            profile[n] if profile[n] is not None else policy["subscribed"]
            for n in ("balance_updates", "expiry_warnings")
        ]
        groups = []
        for entry in self.entries[profile["notified"] :]:
            if not groups or groups[-1][0]["command"] is not entry["command"]:
                groups.append([])
            groups[-1].append(entry)
        for group in groups if wanted[0] else []:
            points = sum(e["points"] for e in group if e["kind"] not in HOLDING)
            if points and (profile["balance_updates"] or group[0]["program"]["notices"]["subscribed"]):
                found.append(("balance_update", points, group[-1]["balance_after"]))
        if wanted[1] and policy["warn_days"] is not None:
            due = {}
            for lot in state["lots"].values():
                lapses = lapse_of(state, lot)
                if lot["remaining"] and self.now < lapses < ON_EVENT:
                    warned = midnight_after(lapses, -policy["warn_days"] - 1)
                    new = profile["warned"] is None or profile["warned"] < warned
                    if warned <= self.now and new and lot["available_at"] < warned:
                        due[lapses] = due.get(lapses, 0) + lot["remaining"]
            found += [("expiry_warning", points, when) for when, points in sorted(due.items())]
        return found

    def forgive(self):
        if self.command["points"] > fold(self.entries)["debt"]:
            raise Refusal("NoDebt")
        self.post("forgiven", debt=-self.command["points"])

    def reverse(self):
        known = self.entries_before_command()
        if not 1 <= self.command["entry"] <= len(known):
            raise Refusal("EntryUnknown")
        entry = known[self.command["entry"] - 1]
        if entry["command"].get("order") or entry["kind"] not in ("earned", "adjusted", "redeemed"):
            raise Refusal("NotReversible")
        left = abs(entry["points"]) + max(entry["debt"], 0) - self.claimed(entry)
        points = left if self.command.get("points") is None else self.command["points"]
        if points > left or points == 0:
            raise Refusal("ReversalExceeded")
        if entry["opened"]:
            self.claw_back(entry, points)
        else:
            self.restore(entry, points)

    def entries_before_command(self):
        return [entry for entry in self.entries if entry["command"] is not self.command]

    def close(self):
        self.post("noted")

    def reopen(self):
        self.post("noted")

    def expire(self):
        pass


# --- orders: what the facts say (R-13) -------------------------------------------------------------------------


def facts_of(entries, order, cycle):
    """
    Return the commands that name an order in a cycle, each with its business time, program and money, as reported.
    """
    facts = []
    for entry in entries:
        command = entry["command"]
        if names(command, order, cycle):
            if not any(fact["command"] is command for fact in facts):
                facts.append({"command": command, "program": entry["program"], "at": None})
            if entry["kind"] not in BY_TIME and facts[-1]["at"] is None:
                facts[-1]["at"] = command.get("occurred_at") or entry["recorded_at"]
    # A command that has only seen what time did has not reported its fact yet.
    return [fact for fact in facts if fact["at"] is not None]


def currencies_of(command):
    """
    Return the currencies in which a fact speaks of money.
    """
    parts = [command[name] for name in ("document", "tender") if isinstance(command.get(name), dict)]
    return {part["currency"] for part in parts}


def named(facts, *names):
    return [fact["command"] for fact in facts if fact["command"]["command"] in names]


REDEMPTIONS = ("redeem", "capture")


def document_of(facts):
    found = named(facts, "process") or named(facts, "place")
    return found[0]["document"] if found else None


def tenders_of(facts, *, waiting=False):
    """
    Return the tenders that are approved, and those that wait for approval where `waiting`.
    """
    document = document_of(facts)
    tenders = {tender["id"]: tender for tender in (document["tenders"] if document else [])}
    tenders |= {command["tender"]["id"]: command["tender"] for command in named(facts, "pay")}
    approved = {command["tender"] for command in named(facts, "approve_payment")}
    return [
        tender
        for tender in tenders.values()
        if (waiting or tender["approved"] or tender["id"] in approved)
        and not (tender["kind"] == "points" and named(facts, *REDEMPTIONS))
    ]


def units(facts, *names, only=None):
    """
    Return how many units of each line some kinds of documents name in all.
    """
    count = {}
    for command in named(facts, *names):
        if only is None or command["id"] in only:
            for line, quantity in command["lines"].items():
                count[line] = count.get(line, 0) + quantity
    return count


def accepted_returns(facts, side="take_back"):
    """
    Return the returns that points follow on one side: at once, or after a decision (R-30).
    """
    decided = {command["return_id"] for command in named(facts, "decide_return")}
    return {
        fact["command"]["id"]
        for fact in facts
        if fact["command"]["command"] == "return_lines"
        and (fact["program"]["returns"] in ("automatic", side) or fact["command"]["id"] in decided)
    }


def price_of_unit(document, line):
    """
    Return what one unit costs after the line's discount and its share of the order's.
    """
    nets = [each["unit_price"] * each["quantity"] - each["discount"] for each in document["lines"]]
    net = line["unit_price"] * line["quantity"] - line["discount"]
    share = 1 - document["discount"] / sum(nets) if document["discount"] else 1
    return net * share / line["quantity"]


def price(document, count):
    return sum((price_of_unit(document, line) * count(line) for line in document["lines"]), Fraction(0))


def left_after(facts, side="take_back"):
    """
    Return the function that gives the units of a line that are neither cancelled nor, on that side, returned.
    """
    cancelled = units(facts, "cancel_lines")
    returned = units(facts, "return_lines", only=accepted_returns(facts, side)) if side else {}
    return lambda line: max(0, line["quantity"] - cancelled.get(line["id"], 0) - returned.get(line["id"], 0))


def total(facts):
    """
    Return what the units that are not cancelled cost, with shipping and tax.
    """
    document, cancelled = document_of(facts), units(facts, "cancel_lines")
    lines = price(document, lambda line: max(0, line["quantity"] - cancelled.get(line["id"], 0)))
    return lines + document["shipping"] + document["tax"]


def whole_cents(amount):
    return Fraction(floor(amount * 100), 100)


def paid_with_points(entries, order, cycle):
    return [e for e in entries if e["kind"] == "redeemed" and names(e["command"], order, cycle)]


def names(command, order, cycle):
    return order is not None and (command.get("order"), command.get("cycle", 1)) == (order, cycle)


def satisfies(facts, timing, points_money):
    document = document_of(facts)
    if document is None:
        return False
    if timing == "on_save":
        return True
    if timing == "on_processed":
        return bool(named(facts, "process"))
    if timing == "on_full_payment":
        paid = sum(tender["amount"] for tender in tenders_of(facts))
        return paid + still_paid(facts, points_money) >= whole_cents(total(facts))
    done = units(facts, "invoice", "cancel_lines")
    return all(done.get(line["id"], 0) >= line["quantity"] for line in document["lines"])


def still_paid(facts, points_money):
    """
    Return what points still pay: their money, less the part of it that paid for lines that are cancelled (R-13).
    """
    redeemed = [n for n, fact in enumerate(facts) if fact["command"]["command"] in REDEMPTIONS]
    document = document_of(facts)
    if not redeemed:
        return Fraction(0)
    if document is None:
        return points_money
    when = facts[redeemed[0]]["at"], redeemed[0]
    held = left_after([fact for n, fact in enumerate(facts) if (fact["at"], n) < when], None)
    return points_money * (1 - share_gone(document, held, left_after(facts, None)))


def share_gone(document, held, kept):
    """
    Return which part of the price of the units held, or of their number, is no longer kept.
    """
    everything = price(document, held)
    if everything:
        return 1 - price(document, kept) / everything
    count = sum(held(line) for line in document["lines"])
    left = sum(kept(line) for line in document["lines"])
    return 1 - Fraction(left, count) if count else Fraction(0)


def earned_at(facts, timing, points_money):
    """
    Return the earliest business instant at which the facts up to it satisfy the timing, or None.
    """
    for instant in sorted(fact["at"] for fact in facts):
        if satisfies([fact for fact in facts if fact["at"] <= instant], timing, points_money):
            return instant
    return None


# --- what an order earns (R-15, R-16, R-17, R-18) --------------------------------------------------------------


def rule_holds(rule, channel, customer_group, at, verified_at):
    return (
        (not rule.get("channels") or channel in rule["channels"])
        and (not rule.get("customer_groups") or customer_group in rule["customer_groups"])
        and (rule.get("valid_from") is None or rule["valid_from"] <= at)
        and (rule.get("valid_until") is None or at < rule["valid_until"])
        and (not rule.get("verified") or (verified_at is not None and verified_at <= at))
    )


def rule_applies(rule, document, at, kept_price, verified_at):
    minimum = rule.get("minimum")
    return rule["kind"] != "per_action" and (
        rule_holds(rule, document["channel"], document["customer_group"], at, verified_at)
        and (minimum is None or (minimum[1] == document["currency"] and kept_price >= minimum[0]))
    )


def rule_matches(rule, line):
    return (not rule.get("products") or line["product"] in rule["products"]) and (
        not rule.get("categories") or bool(set(line["categories"]) & set(rule["categories"]))
    )


def factor_for(program, rule, line, running):
    """
    Return by what the points of a rule for a line are multiplied.
    """
    factors = [
        m["factor"]
        for m in running
        if m["kind"] == "multiplier"
        and rule_matches(m, line)
        and (rule["id"] in m["multiplies"] if m.get("multiplies") else rule["kind"] in ("per_amount", "per_unit"))
    ]
    if not factors:
        return Fraction(1)
    if program["multipliers"] == "max":
        return max(factors)
    if program["multipliers"] == "multiply":
        product = Fraction(1)
        for factor in factors:
            product *= factor
        return product
    return max(Fraction(0), 1 + sum(factor - 1 for factor in factors))


def rounded(value, mode):
    below, rest = floor(value), value - floor(value)
    if mode == "ceil":
        return ceil(value)
    if mode == "half_up":
        return below + (rest >= Fraction(1, 2))
    if mode == "half_even":
        return below + (rest > Fraction(1, 2) or (rest == Fraction(1, 2) and below % 2 == 1))
    return below


def earning_share(document, there, extra, not_earning):
    """
    Return which part of the price of what earns was paid by tenders that earn.
    """
    whole = price(document, lambda line: there(line) * line["earns"]) + extra
    if not not_earning:
        return Fraction(1)
    return max(Fraction(0), 1 - not_earning / whole) if whole else Fraction(0)


def whole_points(exact, rule):
    return rounded(exact, rule.get("rounding", "floor"))


def exact_points(program, rule, document, kept, there, not_earning, running):
    """
    Return what one rule gives, before it is rounded.
    """
    extra = document["shipping"] * rule.get("with_shipping", False) + document["tax"] * rule.get("with_tax", False)
    share = earning_share(document, there, extra, not_earning)
    lines = [line for line in document["lines"] if kept(line) and rule_matches(rule, line)]
    if not lines or not share:
        return Fraction(0)
    if rule["kind"] == "per_order":
        # Every line that it matches carries an equal claim; a multiplier that names it acts on all lines here.
        return rule["points"] * factor_for(program, rule, lines[0], running)
    if rule["kind"] == "per_unit":
        return sum(rule["points"] * kept(line) * factor_for(program, rule, line, running) for line in lines)
    amount, currency = rule["per"]
    lines = [line for line in lines if line["earns"]]
    if currency != document["currency"] or not lines:
        return Fraction(0)
    nets = [price_of_unit(document, line) * kept(line) for line in lines]
    basis = (sum(nets) + extra) * share
    groups = basis / amount if rule.get("proportional") else floor(basis / amount)
    if not sum(nets):
        return groups * rule["points"] * Fraction(1)
    factor = sum(net * factor_for(program, rule, line, running) for net, line in zip(nets, lines, strict=True)) / sum(
        nets
    )
    return groups * rule["points"] * factor


def act_points(rule, command, at, verified_at, before):
    """
    Return what a rule gives for an act, exactly; None where it does not apply (R-16).
    """
    amount, per, minimum = command.get("amount"), rule.get("per"), rule.get("minimum")
    if not rule_holds(rule, command.get("channel"), command.get("customer_group"), at, verified_at):
        return None
    counted = per or minimum
    if counted and (amount is None or amount[1] != counted[1] or (minimum and amount[0] < minimum[0])):
        return None
    rewarded = [e for e in before if e["kind"] == "earned" and e["rule"] == rule["id"]]
    rewarded = [e for e in rewarded if e["command"].get("action") == command["action"]]
    if rule.get("of_invitee") == "first" and command.get("invitee") in {e["command"].get("invitee") for e in rewarded}:
        return None
    if rule.get("limit") and len(rewarded) >= rule["limit"]:
        return None
    if not per:
        return Fraction(rule["points"])
    groups = amount[0] / per[0]
    return rule["points"] * (groups if rule.get("proportional") else Fraction(floor(groups)))


def chosen(program, given):
    """
    Return the rules that count, of those that apply, with what they give exactly (R-17, S1.29).
    """
    counted = []
    for exact, rule in given:
        group = rule.get("group")
        rivals = [pair for pair in given if pair[1].get("group") == group]
        choice = program["groups"].get(group, "best")
        if choice != "most_specific":
            rivals = [pair for pair in rivals if whole_points(*pair)]
        rivals.sort(key=lambda pair: pair[1].get("priority", 0))
        if choice == "best":
            rivals.sort(key=lambda pair: -pair[0])
        elif choice == "most_specific":
            rivals.sort(key=lambda p: (not p[1].get("customer_groups"), not p[1].get("channels")))
        if group is None or (rivals and rivals[0][1] is rule):
            counted.append((exact, rule))
    return counted


def same(period, one, other):
    return one.date() == other.date() if period == "day" else (one.year, one.month) == (other.year, other.month)


def rate_of(rates, currency, channel, customer_group):
    """
    Return the rate that counts: of those that hold, the one named most narrowly, then the first (R-23).
    """
    holding = [
        rate
        for rate in rates
        if currency in (None, rate["money"][1])
        and (not rate.get("channels") or channel in rate["channels"])
        and (not rate.get("customer_groups") or customer_group in rate["customer_groups"])
    ]
    holding.sort(key=lambda rate: (not rate.get("customer_groups"), not rate.get("channels")))
    return holding[0] if holding else None


def has_lines(rule, document, kept):
    lines = [line for line in document["lines"] if kept(line) and rule_matches(rule, line)]
    if rule["kind"] != "per_amount":
        return bool(lines)
    return rule["per"][1] == document["currency"] and any(line["earns"] for line in lines)


def award(program, document, kept, there, tenders, points_money, redeems, at, verified_at):
    """
    Return the points that are due, by the dates of their credits; `kept` and `there` give units of a line.
    """
    if not program["active"] or not program["storefront"]:
        return {}
    if redeems and program["redeeming_orders"] == "earn_nothing":
        return {}
    not_earning = sum((tender["amount"] for tender in tenders if not tender["earns"]), Fraction(0))
    if program["redeeming_orders"] == "net_of_points":
        not_earning += points_money
    running = [r for r in program["rules"] if rule_applies(r, document, at, price(document, kept), verified_at)]
    given = [
        (exact_points(program, rule, document, kept, there, not_earning, running), rule)
        for rule in running
        if rule["kind"] != "multiplier"
    ]
    counted = chosen(program, [pair for pair in given if has_lines(pair[1], document, kept)])
    due = {}
    for exact, rule in counted:
        usable = usable_from(rule["pending"] if rule.get("pending") is not None else program["pending"], at)
        dates = usable, stamp(program, usable, rule.get("expiry")), rule.get("expiry") is None
        due[dates] = due.get(dates, 0) + whole_points(exact, rule)
    left = program["caps"].get("per_order")
    for dates in sorted(due, key=by_dates) if left is not None else []:
        due[dates] = min(due[dates], left)
        left -= due[dates]
    return {dates: points for dates, points in due.items() if points}


# --- commands about orders -------------------------------------------------------------------------------------


class OrderWork(Work):
    """
    A command about an order at work.
    """

    @property
    def name(self):
        return self.command["order"], self.command.get("cycle", 1)

    def facts(self, *, also=()):
        """
        Return the recorded facts and the one that is being reported.
        """
        facts = facts_of(self.entries_before_command(), *self.name)
        mine = {"command": self.command, "program": self.program, "at": self.occurred_at}
        return [*facts, mine, *also]

    def check(self):
        """
        Refuse what an order's facts do not allow, in the documented order.
        """
        order, cycle = self.name
        kind = self.command["command"]
        before = self.entries_before_command()
        if cycle > 1 and not named(facts_of(before, order, cycle - 1), "cancel"):
            raise Refusal("CycleNotOpen")
        if kind in ("redeem", "hold") and paid_with_points(before, order, cycle):
            raise Refusal("IdempotencyConflict")
        facts = facts_of(before, order, cycle)
        if kind in ("redeem", "hold") and named(facts, "cancel"):
            raise Refusal("OrderCancelled")
        if kind in ("redeem", "hold") and any(status == "held" for _, status in self.holds().values()):
            raise Refusal("HoldOpen")
        if kind == "decide_return":
            self.check_decision(facts)
        known = self.currencies(facts)
        if known and kind not in ("redeem", "hold") and currencies_of(self.command) - known:
            raise Refusal("CurrencyMismatch")
        self.check_quantities(facts)

    def holds(self):
        """
        Return the holds of the order by id: the entry, and how it stands.
        """
        found = {}
        for entry in self.entries:
            if entry["kind"] == "held" and names(entry["command"], *self.name):
                found[entry["command"]["id"]] = (entry, "held")
            for id, (held, _) in found.items():
                if entry["kind"] in HOLDING and entry["reverses"] == held["sequence"]:
                    captured = "captured" if entry["command"]["command"] == "capture" else "released"
                    found[id] = (held, "lapsed" if entry["kind"] == "lapsed" else captured)
        return found

    def currencies(self, facts):
        """
        Return the currencies known of the order; never more than one.
        """
        redeemed = [e["money"][1] for e in paid_with_points(self.entries, *self.name) if e["money"]]
        open_holds = [entry for entry, status in self.holds().values() if status == "held"]
        redeemed += [entry["money"][1] for entry in open_holds if entry["money"]]
        return {currency for fact in facts for currency in currencies_of(fact["command"])} | set(redeemed)

    def check_quantities(self, facts):
        kind = self.command["command"]
        if kind not in ("invoice", "cancel_lines", "return_lines"):
            return
        document = document_of(facts)
        if document is None:
            return
        lines = {line["id"]: line["quantity"] for line in document["lines"]}
        if set(self.command["lines"]) - set(lines):
            raise Refusal("OrderUnknown")
        mine = ("invoice",) if kind == "invoice" else ("cancel_lines", "return_lines")
        used = units(facts, *mine)
        if any(used.get(line, 0) + n > lines[line] for line, n in self.command["lines"].items()):
            raise Refusal("QuantityExceeded")

    def check_decision(self, facts):
        returns = {fact["command"]["id"]: fact for fact in facts if fact["command"]["command"] == "return_lines"}
        command = self.command
        if command["return_id"] not in returns:
            raise Refusal("OrderUnknown")
        if returns[command["return_id"]]["program"]["returns"] == "automatic":
            raise Refusal("NotReversible")
        if named(facts, "cancel"):
            raise Refusal("OrderCancelled")
        booked = sum(self.booked().values()) - sum(self.cut_left(entry) for entry in self.credits())
        used = sum(-e["points"] - self.claimed(e) for e in paid_with_points(self.entries, *self.name))
        if command["take_back"] > booked or command["give_back"] > used:
            raise Refusal("ReversalExceeded")
        proposed = self.proposal(command["return_id"])
        if proposed != (command["proposed_take_back"], command["proposed_give_back"]):
            raise Refusal("ProposalOutdated")

    def booked(self):
        """
        Return what the order has earned net, by the dates of the credits.
        """
        booked = {}
        for entry in self.credits():
            left = entry["points"] + entry["withheld"] - self.claimed(entry)
            booked[dates_of(entry)] = booked.get(dates_of(entry), 0) + left
        return booked

    def credits(self):
        return [e for e in self.entries if e["kind"] == "earned" and names(e["command"], *self.name)]

    def points_money(self):
        return sum((e["money"][0] for e in paid_with_points(self.entries, *self.name) if e["money"]), Fraction(0))

    def terms(self, facts):
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

    def due(self, facts):
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

    def award(self, facts, terms):
        """
        Return what the kept part of the order earns, by dates.
        """
        document = document_of(facts)
        at = terms and earned_at(facts, terms["timing"], self.points_money())
        if document is None or at is None:
            return {}
        cancelled = units(facts, "cancel_lines")
        return award(
            terms,
            document,
            left_after(facts),
            lambda line: max(0, line["quantity"] - cancelled.get(line["id"], 0)),
            tenders_of(facts, waiting=True),
            still_paid(facts, self.points_money()),
            bool(named(facts, *REDEMPTIONS)),
            at,
            fold(self.entries)["profile"]["verified_at"],
        )

    def gone(self, facts, used):
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

    def differences(self, facts, terms, used):
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

    def decided(self, due, extra):
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

    def proposal(self, return_id):
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

    def taken(self, due):
        """
        Return how many points the holder has less once this is booked; what a cap had cut off goes first (R-19).
        """
        booked, cut, taken = self.booked(), {}, 0
        for entry in self.credits():
            cut[dates_of(entry)] = cut.get(dates_of(entry), 0) + self.cut_left(entry)
        for dates in {**booked, **due}:
            surplus = booked.get(dates, 0) - due.get(dates, 0)
            taken += max(0, surplus - cut.get(dates, 0)) if surplus > 0 else surplus
        return max(0, taken)

    def book(self):
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

    def book_what_paying_ends(self):
        terms = self.terms(self.facts()) or self.program
        if terms["redeeming_orders"] == "earn_nothing":
            self.book()

    def release_holds(self):
        for entry, status in self.holds().values():
            if status == "held":
                self.let_go("released", entry)
                self.settle_freed(entry)

    def book_credits(self, due):
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

    def claims(self, due):
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

    def earned_at(self):
        facts = self.facts()
        return earned_at(facts, self.terms(facts)["timing"], self.points_money())

    def redeem(self):
        command, program = self.command, self.program
        self.check_gates()
        if command.get("order"):
            self.book_what_paying_ends()
        rate, to_pay, eligible, there = self.check_gates()
        if command["points"] > there:
            raise Refusal("InsufficientPoints")
        allowed, money = clamped(program["limits"], rate, to_pay, eligible, command["points"])
        if allowed != command["points"]:
            raise Refusal("RedemptionLimited")
        self.post(
            "redeemed",
            -allowed,
            allocations=self.draw(allowed, usable_lots(program, fold(self.entries), self.now)),
            money=(money, rate["money"][1]) if rate else None,
            lapses_at=self.idle_until("redeem", self.occurred_at),
        )
        if command.get("order"):
            self.book()

    # --- holds (R-27) ------------------------------------------------------------------------------------------

    def hold(self):
        command, program = self.command, self.program
        if command["until"] <= self.now:
            raise Refusal("InvalidInput")
        rate, to_pay, eligible, _ = self.check_gates()
        points = command["points"]
        thought = {"command": "redeem", "account": command["account"], "order": self.name[0], "cycle": self.name[1]}
        paying = OrderWork(program, list(self.entries), thought | {"occurred_at": self.occurred_at}, None, self.now)
        paying.book_what_paying_ends()
        if points > available(program, paying.entries, self.now):
            raise Refusal("InsufficientPoints")
        allowed, money = clamped(program["limits"], rate, to_pay, eligible, points)
        if allowed != points:
            raise Refusal("RedemptionLimited")
        self.post(
            "held",
            -points,
            allocations=self.draw(points, usable_lots(program, fold(self.entries), self.now)),
            money=(money, rate["money"][1]) if rate else None,
            rate=rate,
        )

    def capture(self):
        entry = self.known_hold("captured", "released", "lapsed")
        all_of_it = -entry["points"]
        points = self.command.get("points") or all_of_it
        if points > all_of_it:
            raise Refusal("HoldExceeded")
        money, rate = entry["money"], entry["rate"]
        if points < all_of_it and rate:
            if points % rate["points"]:
                raise Refusal("RedemptionLimited")
            money = (points // rate["points"] * rate["money"][0], money[1])
        self.let_go("released", entry)
        lots = [{"id": id, "remaining": n} for id, n in entry["allocations"]]
        lapses_at = self.idle_until("redeem", self.occurred_at)
        self.post("redeemed", -points, allocations=self.draw(points, lots), money=money, lapses_at=lapses_at)
        self.settle_freed(entry)
        self.book()

    def release(self):
        entry = self.known_hold("captured")
        if self.holds()[self.command["id"]][1] == "held":
            self.let_go("released", entry)
            self.settle_freed(entry)
        else:
            self.post("noted")

    def known_hold(self, *closed):
        """
        Return the entry of the hold that the command names.
        """
        entry, status = self.holds().get(self.command["id"], (None, None))
        if entry is None:
            raise Refusal("OrderUnknown")
        if status in closed:
            raise Refusal("HoldClosed")
        return entry

    def check_gates(self):
        """
        Refuse where nothing can be redeemed; return the rate, what is to pay, what is eligible and what there is.
        """
        limits, there = self.program["limits"], available(self.program, self.entries, self.now)
        if not self.program["active"]:
            raise Refusal("ProgramInactive")
        if fold(self.entries)["debt"]:
            raise Refusal("DebtOutstanding")
        if limits.get("threshold") and there < limits["threshold"]:
            raise Refusal("BelowThreshold")
        rate, to_pay, eligible = self.payment()
        if limits.get("share_max") and eligible is None:
            raise Refusal("InvalidInput")
        return rate, to_pay, eligible, there

    def payment(self):
        """
        Return the rate, what is left to pay and the eligible net.
        """
        command, rates = self.command, self.program["rates"]
        document = None
        facts = []
        if command.get("order"):
            facts = facts_of(self.entries_before_command(), *self.name)
            document = document_of(facts)
        currencies = [command["currency"]] if command.get("currency") else []
        currencies += [command[name][1] for name in ("to_pay", "eligible") if command.get(name)]
        currencies += self.currencies(facts) if command.get("order") else []
        if len(set(currencies)) > 1:
            raise Refusal("CurrencyMismatch")
        channel = command.get("channel") or (document and document["channel"])
        customer_group = command.get("customer_group") or (document and document["customer_group"])
        rate = rate_of(rates, currencies[0] if currencies else None, channel, customer_group)
        if rate is None and currencies:
            raise Refusal("NoExchangeRate")
        to_pay = command["to_pay"][0] if command.get("to_pay") else None
        eligible = command["eligible"][0] if command.get("eligible") else None
        if document:
            cancelled = units(facts, "cancel_lines")
            if to_pay is None:
                paid = [tender["amount"] for tender in tenders_of(facts, waiting=True) if tender["kind"] != "points"]
                to_pay = whole_cents(max(Fraction(0), total(facts) - sum(paid)))
            if eligible is None:
                eligible = whole_cents(
                    price(document, lambda line: max(0, line["quantity"] - cancelled.get(line["id"], 0)))
                )
        return rate, to_pay, to_pay if eligible is None else eligible

    place = process = pay = approve_payment = invoice = cancel_lines = return_lines = decide_return = cancel = book
    activate = book


def dates_of(credit):
    if credit["opened"]:
        opened = credit["opened"]
        return opened["available_at"], opened["expires_at"], opened["follows"]
    return credit["dates"]


def by_dates(dates):
    usable, expires, follows = dates
    return usable, expires is None, expires or usable, not follows


def clamped(limits, rate, to_pay, eligible, points):
    """
    Return how many of the points may be redeemed, and what they pay (R-25).
    """
    if rate is None:
        most = min(points, limits.get("points_max", points))
        most -= most % limits.get("step", 1)
        return (most if most >= limits.get("points_min", 1) else 0), None
    group, worth = rate["points"], rate["money"][0]
    caps = []
    if limits.get("share_max"):
        caps.append(limits["share_max"] * eligible)
    if limits.get("money_max"):
        caps.append(limits["money_max"][0])
    most = min([points] + ([limits["points_max"]] if limits.get("points_max") else []))
    least = limits.get("points_min", 1)
    if limits.get("exact_payoff") and to_pay:
        exact = ceil(to_pay * group / worth)
        if exact <= most and all(to_pay <= cap for cap in caps):
            return (exact, to_pay) if exact >= least else (0, Fraction(0))
    if to_pay is not None:
        caps.append(to_pay)
    for cap in caps:
        most = min(most, floor(cap / worth) * group)
    most -= most % lcm(group, limits.get("step", 1))
    return (most, most // group * worth) if most >= least else (0, Fraction(0))


# --- the ledger ------------------------------------------------------------------------------------------------


def fact_of(command):
    """
    Return what makes two commands the same fact of an order, or None.
    """
    kind = command["command"]
    if kind == "act":
        return kind, command["action"], command.get("subject")
    if kind not in FACTS or command.get("order") is None:
        return None
    part = command[FACTS[kind]] if FACTS[kind] else None
    return kind, command.get("cycle", 1), command["order"], part["id"] if isinstance(part, dict) else part


class NaiveLedger:
    """
    Any number of programs and accounts.
    """

    def __init__(self):
        self.accounts = {}

    def entries(self, program, account):
        return self.accounts.get((program["id"], account), [])

    def run(self, program, command, key, now):
        """
        Carry out a command; return its entries and whether it is a replay, or raise `Refusal`.
        """
        entries = self.entries(program, command["account"])
        fact = fact_of(command)
        key = key or fact
        if key is not None and command["command"] != "expire":
            first = [entry for entry in entries if entry["key"] == key]
            if first:
                return self.replay(first, command)
        closed = fold(entries)["closed"]
        if closed and command["command"] not in ("reopen", "expire", "take_notices"):
            raise Refusal("AccountClosed")
        by_holders = command.get("anonymous") and command["command"] in ("earn", "act", "redeem", "hold")
        if by_holders and not program["storefront"]:
            raise Refusal("StorefrontClosed")
        if command["command"] == "reopen" and not closed:
            raise Refusal("AccountOpen")
        if fact is not None:
            first = [entry for entry in entries if fact_of(entry["command"]) == fact]
            if first:
                return self.replay(first, command)
        kind = command["command"]
        ordered = kind in FACTS
        work = (OrderWork if ordered else Work)(program, list(entries), copy.deepcopy(command), key, now)
        work.settle()
        if ordered and command.get("order") is not None:
            work.check()
        getattr(work, kind)()
        self.accounts[program["id"], command["account"]] = work.entries
        return work.entries[len(entries) :], False

    def replay(self, first, command):
        if first[0]["command"] != command:
            raise Refusal("IdempotencyConflict")
        return first, True

    # --- reading -----------------------------------------------------------------------------------------------

    def settled(self, program, account, at):
        """
        Return the entries recorded until an instant, and what time has done since.
        """
        entries = [entry for entry in self.entries(program, account) if entry["recorded_at"] <= at]
        work = Work(program, entries, {"command": "expire"}, None, at)
        work.settle()
        return work.entries, len(self.entries(program, account)) if entries else 0

    def balance(self, program, account, at):
        """
        Return the figures at an instant (R-11).
        """
        names = ("available", "pending", "held", "debt", "earned", "redeemed", "expired")
        if not program["active"]:
            return dict.fromkeys(names, 0)
        entries, _ = self.settled(program, account, at)
        state = fold(entries)
        lots = [lot for lot in state["lots"].values() if lot["remaining"]]
        return {
            "available": sum(lot["remaining"] for lot in lots if lot["available_at"] <= at),
            "pending": sum(lot["remaining"] for lot in lots if lot["available_at"] > at),
            "held": sum(lot["held"] for lot in state["lots"].values()),
            "debt": state["debt"],
            "earned": sum(e["points"] for e in entries if e["kind"] == "earned"),
            "redeemed": -sum(e["points"] for e in entries if e["kind"] == "redeemed"),
            "expired": -sum(e["points"] for e in entries if e["kind"] == "expired"),
        }

    def lots(self, program, account, at):
        """
        Return the lots with points left at an instant that is not before the account's time, in the order of use.
        """
        state = fold(self.settled(program, account, at)[0])
        return sorted(
            (lot for lot in state["lots"].values() if lot["remaining"]), key=lambda lot: order_of_use(program, lot)
        )

    def notices(self, program, account, at):
        """
        Return the notices that are due at an instant that is not before the account's time.
        """
        entries, _ = self.settled(program, account, at)
        return Work(program, entries, {"command": "expire"}, None, at).notices()

    def proposal(self, program, account, order, cycle, return_id, now):
        """
        Return what accepting a reported return would take back and give back.
        """
        command = {"command": "expire", "order": order, "cycle": cycle}
        return OrderWork(program, list(self.entries(program, account)), command, None, now).proposal(return_id)
