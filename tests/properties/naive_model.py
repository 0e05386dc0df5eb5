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
from datetime import datetime, timedelta
from fractions import Fraction
from math import ceil, floor, lcm

FOREVER = datetime.max
FACTS = {
    "place": None,
    "process": None,
    "cancel": None,
    "redeem": None,
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
    if "days" in policy:
        return max(earned_at, midnight_after(earned_at, policy["days"] - 1))
    return earned_at


def expires_at(policy, usable):
    return midnight_after(usable, policy["days"]) if "days" in policy else None


# --- folding entries (R-07) ------------------------------------------------------------------------------------


def fold(entries):
    """
    Return what a list of entries leaves: lots, debt, totals, the lapse by inactivity, and whether it is closed.
    """
    state = {"lots": {}, "debt": 0, "lapses_at": None, "closed": False}
    for entry in entries:
        state["debt"] += entry["debt"]
        state["lapses_at"] = entry["lapses_at"] or state["lapses_at"]
        if entry["kind"] == "noted" and entry["command"]["command"] in ("close", "reopen"):
            state["closed"] = entry["command"]["command"] == "close"
        if entry["opened"]:
            state["lots"][entry["sequence"]] = dict(entry["opened"])
        else:
            for lot, points in entry["allocations"]:
                state["lots"][lot]["remaining"] += points if entry["points"] > 0 else -points
                if entry["kind"] == "expired":
                    state["lots"][lot]["expired"] += points
    return state


def lapse_of(state, lot):
    """
    Return when a lot lapses: on its date, or with the account if it was usable by then (R-36).
    """
    instants = [lot["expires_at"]] if lot["expires_at"] else []
    if state["lapses_at"] and lot["available_at"] < state["lapses_at"]:
        instants.append(state["lapses_at"])
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
            "occurred_at": self.occurred_at,
            "recorded_at": self.now,
            "command": self.command,
            "key": self.key,
            "program": self.program,
        } | rest
        self.entries.append(entry)
        return entry

    def credit(self, kind, points, earned, usable, expires, **rest):
        lot = {
            "id": len(self.entries) + 1,
            "points": points,
            "remaining": points,
            "expired": 0,
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
        Book what time did before the command: lots lapse, then debt is repaid, in the order of the instants (R-12).
        """
        while True:
            state = fold(self.entries)
            left = [lot for lot in state["lots"].values() if lot["remaining"]]
            events = [(lapse_of(state, lot), 0) for lot in left] + [
                (lot["available_at"], 1) for lot in left if state["debt"] and lot["available_at"] < lapse_of(state, lot)
            ]
            due = [event for event in events if event[0] <= self.now]
            if not due:
                return
            when, repays = min(due)
            if repays:
                self.repay(when)
            else:
                self.lapse([lot for lot in left if lapse_of(state, lot) == when], when)

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

    def claw_back(self, entry, points):
        """
        Take back points of a credit (R-32).
        """
        terms = entry["program"]
        state = fold(self.entries)
        lot = state["lots"][entry["sequence"]]
        parts = self.draw(points, [lot])
        left = points - sum(n for _, n in parts)
        excused = sum(
            e["claimed"] + e["points"] - e["shortfall"] for e in self.entries if e["reverses"] == entry["sequence"]
        )
        left -= min(left, lot["expired"] - excused)
        others = self.draw(left, [each for each in usable_lots(self.program, state, self.now) if each is not lot])
        parts += others
        shortfall = left - sum(n for _, n in others)
        if shortfall and terms["shortfall"] == "refuse":
            raise Refusal("ShortfallRefused")
        self.post(
            "reversed",
            -sum(n for _, n in parts),
            allocations=parts,
            reverses=entry["sequence"],
            claimed=points,
            shortfall=shortfall,
            debt=shortfall if terms["shortfall"] == "debt" else 0,
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
                claimed=anew,
                **details,
            )

    # --- commands without an order -----------------------------------------------------------------------------

    def earn(self):
        if not self.program["active"]:
            raise Refusal("ProgramInactive")
        usable = usable_from(self.program["pending"], self.occurred_at)
        self.credit(
            "earned",
            self.command["points"],
            self.occurred_at,
            usable,
            expires_at(self.program["expiry"], usable),
            lapses_at=self.idle_until("earn", self.occurred_at),
        )

    def adjust(self):
        points = self.command["points"]
        if points > 0:
            self.add_by_hand(points, self.command.get("expires_at"))
        else:
            self.take_by_hand(-points, self.command.get("allow_debt", False))

    def add_by_hand(self, points, until=None):
        expires = until or expires_at(self.program["expiry"], self.now)
        started = self.idle_until("adjust", self.now)
        self.credit("adjusted", points, self.occurred_at, self.now, expires, lapses_at=started)

    def take_by_hand(self, points, allow_debt):
        parts = self.draw(points, usable_lots(self.program, fold(self.entries), self.now))
        taken = sum(n for _, n in parts)
        if taken < points and not allow_debt:
            raise Refusal("InsufficientPoints")
        self.post("adjusted", -taken, allocations=parts, debt=points - taken)

    def set_balance(self):
        there = available(self.program, self.entries, self.now)
        more = self.command["points"] - there
        if more > 0:
            self.add_by_hand(more + fold(self.entries)["debt"])
        elif more < 0:
            self.take_by_hand(-more, False)
        else:
            self.post("noted")

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
            if entry["kind"] not in ("expired", "repaid") and facts[-1]["at"] is None:
                facts[-1]["at"] = command.get("occurred_at") or entry["recorded_at"]
    return facts


def currencies_of(command):
    """
    Return the currencies in which a fact speaks of money.
    """
    parts = [command[name] for name in ("document", "tender") if isinstance(command.get(name), dict)]
    return {part["currency"] for part in parts}


def named(facts, *names):
    return [fact["command"] for fact in facts if fact["command"]["command"] in names]


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
        and not (tender["kind"] == "points" and named(facts, "redeem"))
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


def accepted_returns(facts):
    decided = {command["return_id"] for command in named(facts, "decide_return")}
    return {
        fact["command"]["id"]
        for fact in facts
        if fact["command"]["command"] == "return_lines"
        and (fact["program"]["returns"] == "automatic" or fact["command"]["id"] in decided)
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


def left_after(facts):
    """
    Return the function that gives the units of a line that are neither cancelled nor returned.
    """
    cancelled = units(facts, "cancel_lines")
    returned = units(facts, "return_lines", only=accepted_returns(facts))
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
        return paid + (points_money if named(facts, "redeem") else 0) >= whole_cents(total(facts))
    done = units(facts, "invoice", "cancel_lines")
    return all(done.get(line["id"], 0) >= line["quantity"] for line in document["lines"])


def earned_at(facts, timing, points_money):
    """
    Return the earliest business instant at which the facts up to it satisfy the timing, or None.
    """
    for instant in sorted(fact["at"] for fact in facts):
        if satisfies([fact for fact in facts if fact["at"] <= instant], timing, points_money):
            return instant
    return None


# --- what an order earns (R-15, R-16, R-17, R-18) --------------------------------------------------------------


def rule_applies(rule, document, at, kept_price):
    minimum = rule.get("minimum")
    return (
        (not rule.get("channels") or document["channel"] in rule["channels"])
        and (not rule.get("customer_groups") or document["customer_group"] in rule["customer_groups"])
        and (rule.get("valid_from") is None or rule["valid_from"] <= at)
        and (rule.get("valid_until") is None or at < rule["valid_until"])
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


def award(program, document, kept, there, tenders, points_money, redeems, at):
    """
    Return the points that are due, by the dates of their credits; `kept` and `there` give units of a line.
    """
    if not program["active"] or (redeems and program["redeeming_orders"] == "earn_nothing"):
        return {}
    not_earning = sum((tender["amount"] for tender in tenders if not tender["earns"]), Fraction(0))
    if program["redeeming_orders"] == "net_of_points":
        not_earning += points_money
    running = [rule for rule in program["rules"] if rule_applies(rule, document, at, price(document, kept))]
    given = [
        (exact_points(program, rule, document, kept, there, not_earning, running), rule)
        for rule in running
        if rule["kind"] != "multiplier"
    ]
    counted = [(exact, rule) for exact, rule in given if rule.get("group") is None]
    for group in {rule["group"] for _, rule in given if rule.get("group") is not None}:
        rivals = [(exact, rule) for exact, rule in given if rule.get("group") == group and whole_points(exact, rule)]
        rivals.sort(key=lambda pair: pair[1].get("priority", 0))
        if program["groups"].get(group, "best") == "best":
            rivals.sort(key=lambda pair: -pair[0])
        counted += rivals[:1]
    due = {}
    for exact, rule in counted:
        usable = usable_from(rule["pending"] if rule.get("pending") is not None else program["pending"], at)
        expires = expires_at(rule["expiry"] if rule.get("expiry") is not None else program["expiry"], usable)
        points = whole_points(exact, rule)
        due[usable, expires] = due.get((usable, expires), 0) + points
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
        facts = facts_of(before, order, cycle)
        if kind == "redeem" and named(facts, "cancel"):
            raise Refusal("OrderCancelled")
        if kind == "decide_return":
            self.check_decision(facts)
        known = self.currencies(facts)
        if known and kind != "redeem" and currencies_of(self.command) - known:
            raise Refusal("CurrencyMismatch")
        self.check_quantities(facts)

    def currencies(self, facts):
        """
        Return the currencies known of the order; never more than one.
        """
        redeemed = [e["money"][1] for e in paid_with_points(self.entries, *self.name) if e["money"]]
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
        booked = sum(self.booked().values())
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
            left = entry["points"] - self.claimed(entry)
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
            self.points_money(),
            bool(named(facts, "redeem")),
            at,
        )

    def gone(self, facts, used):
        """
        Return the redeemed points whose part of the order's price is cancelled or returned, rounded down once.

        They paid for what was there at the instant of redeeming; what was gone by then takes none along.
        """
        document = document_of(facts)
        redeemed = [n for n, fact in enumerate(facts) if fact["command"]["command"] == "redeem"]
        if document is None or not redeemed:
            return 0
        when = facts[redeemed[0]]["at"], redeemed[0]
        held = left_after([fact for n, fact in enumerate(facts) if (fact["at"], n) < when])
        kept = left_after(facts)
        everything = price(document, held)
        if everything:
            return floor(used * (1 - price(document, kept) / everything))
        count = sum(held(line) for line in document["lines"])
        left = sum(kept(line) for line in document["lines"])
        return floor(Fraction(used * (count - left), count)) if count else 0

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
        return max(0, sum(self.booked().values()) - sum(due_then.values())), max(0, back_then - given)

    def book(self):
        """
        Post the difference between what is due and what is booked (R-14).
        """
        due, back = self.due(self.facts())
        posted = len(self.entries)
        for entry in paid_with_points(self.entries, *self.name):
            more = back - self.claimed(entry)
            if more > 0:
                self.restore(entry, more)
        booked, credits = self.booked(), self.credits()
        for dates, points in sorted(due.items(), key=lambda pair: by_dates(pair[0])):
            more = points - booked.get(dates, 0)
            if more > 0:
                at = self.earned_at()
                self.credit("earned", more, at, *dates, occurred_at=at, lapses_at=self.idle_until("earn", at))
        for entry in reversed(credits):
            surplus = booked[dates_of(entry)] - due.get(dates_of(entry), 0)
            part = min(surplus, entry["points"] - self.claimed(entry))
            if part > 0:
                self.claw_back(entry, part)
                booked[dates_of(entry)] -= part
        if len(self.entries) == posted and self.command["command"] != "redeem":
            self.post("noted")

    def earned_at(self):
        facts = self.facts()
        return earned_at(facts, self.terms(facts)["timing"], self.points_money())

    def redeem(self):
        command, program = self.command, self.program
        self.check_gates()
        if command.get("order"):
            self.book()
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
        matching = [rate for rate in rates if not currencies or rate["money"][1] == currencies[0]]
        if not matching and currencies:
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
        return (matching or [None])[0], to_pay, to_pay if eligible is None else eligible

    place = process = pay = approve_payment = invoice = cancel_lines = return_lines = decide_return = cancel = book


def dates_of(credit):
    return credit["opened"]["available_at"], credit["opened"]["expires_at"]


def by_dates(dates):
    usable, expires = dates
    return usable, expires is None, expires or usable


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
        if closed and command["command"] not in ("reopen", "expire"):
            raise Refusal("AccountClosed")
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
        names = ("available", "pending", "debt", "earned", "redeemed", "expired")
        if not program["active"]:
            return dict.fromkeys(names, 0)
        entries, _ = self.settled(program, account, at)
        state = fold(entries)
        lots = [lot for lot in state["lots"].values() if lot["remaining"]]
        return {
            "available": sum(lot["remaining"] for lot in lots if lot["available_at"] <= at),
            "pending": sum(lot["remaining"] for lot in lots if lot["available_at"] > at),
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

    def proposal(self, program, account, order, cycle, return_id, now):
        """
        Return what accepting a reported return would take back and give back.
        """
        command = {"command": "expire", "order": order, "cycle": cycle}
        return OrderWork(program, list(self.entries(program, account)), command, None, now).proposal(return_id)
