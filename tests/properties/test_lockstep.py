"""
The ledger against a naive model: the same commands, the same answers, the same refusals, the same figures.

A Hypothesis state machine moves several accounts of two programs that share each storage through everything that a
command can be, and through time in both directions.
Its generators know the model's state, so that most commands are accepted; a rule that wants a refusal has one cause.
"""

# ruff: noqa: D102 - the names say what they are

import os
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from pointsledger.domain.commands import COMMANDS
from pointsledger.port import Storage
from pointsledger.storage.memory import MemoryStorage
from pointsledger.storage.sqlite import SQLiteStorage
from tests.properties import naive_model as model
from tests.properties.lockstep import Lockstep
from tests.properties.shapes import (
    CAPS,
    EXPIRY,
    LIMITS,
    NOTICES,
    RATES,
    RESTORE,
    RULES,
    Plain,
    cents,
    documents,
    programs,
    with_groups,
)
from tests.storage.postgres_server import Database

START = datetime(2026, 1, 5, 12, tzinfo=UTC)
PLACES = [("p", "ada"), ("p", "bob"), ("q", "ada")]

REFUSALS = {
    "AccountClosed",
    "AccountOpen",
    "BelowThreshold",
    "CurrencyMismatch",
    "CycleNotOpen",
    "DebtOutstanding",
    "EntryUnknown",
    "HoldClosed",
    "HoldExceeded",
    "HoldOpen",
    "IdempotencyConflict",
    "InsufficientPoints",
    "InvalidInput",
    "LotUnknown",
    "NoDebt",
    "NoExchangeRate",
    "NotAwaiting",
    "NotLapsed",
    "NotLater",
    "NotPending",
    "NotReversible",
    "OrderCancelled",
    "OrderUnknown",
    "ProgramInactive",
    "ProposalOutdated",
    "QuantityExceeded",
    "RedemptionLimited",
    "ReversalExceeded",
    "SameActor",
    "ShortfallRefused",
    "StorefrontClosed",
}
"""Every refusal that a well-formed command can meet, but `LimitExceeded`, which takes thousands of commands."""

points = st.integers(1, 150)
hours = st.sampled_from([-300, -60, -5, -1, 1, 30])


class Shop(RuleBasedStateMachine):
    """
    Two programs and three accounts, in the model and in each storage.
    """

    hits: ClassVar[Counter[tuple[str, str]]] = Counter()
    more: ClassVar[dict[str, Callable[[], Storage]]] = {}
    """What opens further storages, empty, by name."""

    @initialize(data=st.data(), first=programs("p"), second=programs("q"))
    def open_shop(self, data: st.DataObject, first: Plain, second: Plain) -> None:
        in_file = data.draw(st.integers(0, 9)) == 0
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name, "points.db") if in_file else ":memory:"
        storages: dict[str, Storage] = {"memory": MemoryStorage(), "sqlite": SQLiteStorage(path, synchronous="OFF")}
        storages |= {name: opened() for name, opened in self.more.items()}
        self.books = Lockstep(storages, self.hits)
        self.programs: dict[str, Plain] = {"p": first, "q": second}
        self.now = START
        self.keys = 0
        for self.at in reversed(PLACES):
            self.do("earn", points=300)

    def teardown(self) -> None:
        if hasattr(self, "books"):
            try:
                self.books.compare_whole(self.programs)
            finally:
                for storage in self.books.storages.values():
                    storage.close()
                self.folder.cleanup()

    # --- what the rules ask of the model -----------------------------------------------------------------------

    @property
    def program(self) -> Plain:
        return self.programs[self.at[0]]

    @property
    def account(self) -> str:
        return self.at[1]

    @property
    def entries(self) -> list[Plain]:
        return self.books.model.entries(self.program, self.account)

    @property
    def available(self) -> int:
        now = self.books.time_of(self.program, self.account, self.now)
        settled, _ = self.books.model.settled(self.program, self.account, now)
        return model.available(self.program, settled, now)

    @property
    def debt(self) -> int:
        return int(model.fold(self.entries)["debt"])

    def do(self, kind: str, *, key: str | None = None, **fields: Any) -> list[Plain] | str:
        """
        Carry out a command of the account at hand, with a key or, where its fact is one, mostly without.
        """
        command = {"command": kind, "account": self.account, **fields}
        if key is None and (model.fact_of(command) is None or self.keys % 3 == 0) and kind != "expire":
            key = f"key-{self.keys}"
        self.keys += 1
        return self.books.run(self.program, command, key, self.now)

    def orders(self) -> dict[tuple[str, int], list[Plain]]:
        """
        Return the facts of each order and cycle of the account.
        """
        named = {
            (entry["command"]["order"], entry["command"].get("cycle", 1))
            for entry in self.entries
            if entry["command"].get("order")
        }
        return {name: model.facts_of(self.entries, *name) for name in sorted(named)}

    def open_orders(self, *, documented: bool = True) -> list[tuple[str, int]]:
        return [
            name
            for name, facts in self.orders().items()
            if not model.named(facts, "cancel") and (not documented or model.document_of(facts))
        ]

    def some_order(self, data: st.DataObject, *, documented: bool = True) -> dict[str, Any] | None:
        found = self.open_orders(documented=documented)
        if not found:
            return None
        order, cycle = data.draw(st.sampled_from(found))
        return {"order": order, "cycle": cycle}

    def occurred(self, data: st.DataObject) -> dict[str, datetime]:
        if data.draw(st.integers(0, 3)):
            return {}
        return {"occurred_at": self.now + timedelta(hours=data.draw(hours))}

    # --- place and time ----------------------------------------------------------------------------------------

    @rule(place=st.sampled_from(PLACES))
    def turn_to_account(self, place: tuple[str, str]) -> None:
        self.at = place

    @rule(step=st.sampled_from([1, 7, 26, 49, 70, 150, 300, 700, -1, -20, -80]))
    def clock_moves(self, step: int) -> None:
        """
        The host's clock goes on, jumps over expiry, or goes back (R-04, I-35).
        """
        self.now += timedelta(hours=step)

    @rule(
        rules=st.sampled_from(RULES),
        limits=st.sampled_from(LIMITS),
        restore=st.sampled_from(RESTORE),
        rates=st.sampled_from(RATES),
        shortfall=st.sampled_from(["debt", "clamp", "refuse"]),
        redeeming=st.sampled_from(["earn_nothing", "net_of_points", "full"]),
        timing=st.sampled_from(["on_processed", "on_save", "on_full_payment", "when_all_lines_invoiced_or_cancelled"]),
        returns=st.sampled_from(["manual", "manual", "automatic", "give_back", "take_back"]),
        use_order=st.sampled_from(["soonest_expiry", "oldest_first"]),
        caps=st.sampled_from(CAPS),
        expiry=st.sampled_from(EXPIRY),
        notices=st.sampled_from(NOTICES),
        approval_above=st.sampled_from([None, 120]),
    )
    def program_changes(
        self,
        rules: Any,
        limits: Any,
        restore: Any,
        rates: Any,
        shortfall: str,
        redeeming: str,
        timing: str,
        returns: str,
        use_order: str,
        caps: Plain,
        expiry: Plain,
        notices: Plain,
        approval_above: int | None,
    ) -> None:
        """
        The merchant changes rules and policies; what is recorded keeps its own (I-8).
        """
        changed = {"rules": rules, "limits": limits, "restore": restore, "rates": rates}
        changed |= {"shortfall": shortfall, "redeeming_orders": redeeming}
        changed |= {"timing": timing, "returns": returns, "use_order": use_order}
        changed |= {"caps": caps, "expiry": expiry, "notices": notices, "approval_above": approval_above}
        self.programs[self.at[0]] = with_groups(self.program | changed)

    # --- points by count and by hand ---------------------------------------------------------------------------

    @rule(data=st.data(), count=points)
    def earn(self, data: st.DataObject, count: int) -> None:
        self.do("earn", points=count, **self.occurred(data))

    @rule(data=st.data(), count=points, lasts=st.sampled_from([None, None, 90, -5]))
    def credit(self, data: st.DataObject, count: int, lasts: int | None) -> None:
        until = {} if lasts is None else {"expires_at": self.now + timedelta(hours=lasts)}
        self.do("adjust", points=count, **until, **self.occurred(data))

    @rule(data=st.data())
    def debit(self, data: st.DataObject) -> None:
        if self.available:
            self.do("adjust", points=-data.draw(st.integers(1, self.available)))

    @rule(beyond=st.integers(1, 40))
    def debit_into_debt(self, beyond: int) -> None:
        self.do("adjust", points=-self.available - beyond, allow_debt=True)

    @rule(data=st.data())
    def set_balance(self, data: st.DataObject) -> None:
        self.do("set_balance", points=data.draw(st.sampled_from([0, self.available, 40, 150])))

    @precondition(lambda self: self.debt)
    @rule(data=st.data())
    def forgive(self, data: st.DataObject) -> None:
        self.do("forgive", points=data.draw(st.integers(1, self.debt)))

    def reversible(self) -> dict[int, int]:
        """
        Return what is left to reverse of entries that no order governs.
        """
        found = {}
        for entry in self.entries:
            if entry["kind"] in ("earned", "adjusted", "redeemed") and not entry["command"].get("order"):
                claimed = sum(e["claimed"] for e in self.entries if e["reverses"] == entry["sequence"])
                found[entry["sequence"]] = abs(entry["points"]) + max(0, entry["debt"]) - claimed
        return found

    @rule(data=st.data(), part=st.booleans())
    def reverse(self, data: st.DataObject, part: bool) -> None:
        found = {entry: left for entry, left in self.reversible().items() if left}
        if found:
            entry = data.draw(st.sampled_from(sorted(found)))
            count = data.draw(st.integers(1, found[entry])) if part else None
            self.do("reverse", entry=entry, points=count)

    @rule(count=points, shortfall=st.sampled_from(["debt", "clamp", "refuse"]))
    def reverse_what_is_spent(self, count: int, shortfall: str) -> None:
        """
        An earn whose points are spent: debt, a write-off, or a refusal.
        """
        usual = self.program
        self.programs[self.at[0]] = usual | {"shortfall": shortfall, "caps": {}, "approval_above": None}
        earned = self.do("earn", points=count)
        if not isinstance(earned, str) and self.available:
            self.do("adjust", points=-self.available)
            self.do("reverse", entry=earned[-1]["sequence"])
        self.programs[self.at[0]] = usual

    @rule(count=points)
    def wait_for_an_event(self, count: int) -> None:
        """
        Points that can be used once their event is reported, which happens once (R-20).
        """
        usual = self.program
        self.programs[self.at[0]] = usual | {"pending": {"event": True}}
        earned = self.do("earn", points=count)
        if not isinstance(earned, str) and earned[-1]["opened"]:
            self.do("activate_lot", lot=earned[-1]["sequence"])
            self.do("activate_lot", lot=earned[-1]["sequence"])
        self.programs[self.at[0]] = usual

    # --- closing, switching off --------------------------------------------------------------------------------

    @rule(count=points)
    def close_for_a_while(self, count: int) -> None:
        """
        A closed account refuses everything but expiry, until it is reopened.
        """
        self.do("close")
        self.do("earn", points=count)
        self.do("expire")
        self.do("reopen")

    @rule(data=st.data(), count=points)
    def switch_off_for_a_while(self, data: st.DataObject, count: int) -> None:
        """
        A program that is off earns and redeems nothing, and loses nothing (R-43).
        """
        self.programs[self.at[0]] = self.program | {"active": False}
        self.do("earn", points=count)
        self.do("redeem", points=count)
        self.do("process", **self.new_document(data))
        self.do("adjust", points=count)
        self.programs[self.at[0]] = self.program | {"active": True}

    @rule()
    def expire(self) -> None:
        self.do("expire")

    # --- redeeming ---------------------------------------------------------------------------------------------

    def redeemable(self, **payment: Any) -> int:
        """
        Return a number of points that the limits allow, as far as the model's clamps say.
        """
        to_pay = payment["to_pay"][0] if "to_pay" in payment else None
        limits = self.program["limits"]
        if limits.get("share_max") and to_pay is None:
            return 0
        currency = payment["to_pay"][1] if "to_pay" in payment else None
        rate = model.rate_of(self.program["rates"], currency, payment.get("channel"), payment.get("customer_group"))
        allowed, _ = model.clamped(limits, rate, to_pay, to_pay, self.available)
        return int(allowed)

    def payment(self, data: st.DataObject, to_pay: Fraction) -> dict[str, Any]:
        """
        Return what is to pay and where, each sometimes.
        """
        payment: dict[str, Any] = {}
        if data.draw(st.booleans()) or "share_max" in self.program["limits"]:
            payment["to_pay"] = (to_pay, "EUR")
        if data.draw(st.integers(0, 3)) == 0:
            payment |= {"channel": "web", "customer_group": data.draw(st.sampled_from([None, "gold"]))}
        return payment

    @rule(data=st.data(), to_pay=cents(1, 3000), less=st.booleans())
    def redeem(self, data: st.DataObject, to_pay: Fraction, less: bool) -> None:
        payment = self.payment(data, to_pay)
        most = self.redeemable(**payment)
        count = most - data.draw(st.sampled_from([0, 10])) if less else most
        if count > 0:
            self.do("redeem", points=count, **payment, **self.occurred(data))

    @rule(data=st.data(), number=st.integers(0, 5))
    def redeem_for_order(self, data: st.DataObject, number: int) -> None:
        name = self.some_order(data, documented=False) if data.draw(st.booleans()) else None
        name = name or {"order": f"order-{number}", "cycle": 1}
        payment = {"to_pay": (Fraction(25), "EUR")} if data.draw(st.booleans()) else {}
        count = self.redeemable(**payment)
        if count > 0:
            self.do("redeem", points=min(count, 10 * data.draw(st.integers(1, 6))), **name, **payment)

    # --- holds -------------------------------------------------------------------------------------------------

    @property
    def open_holds(self) -> list[Plain]:
        return [entry["command"] for entry in model.fold(self.entries)["holds"].values()]

    def named_hold(self, data: st.DataObject) -> dict[str, Any] | None:
        """
        Return the name of an open hold or, seldom, of any.
        """
        found = self.open_holds
        if not found or data.draw(st.integers(0, 4)) == 0:
            found = [entry["command"] for entry in self.entries if entry["kind"] == "held"]
        if not found:
            return None
        hold = data.draw(st.sampled_from(found))
        return {name: hold[name] for name in ("order", "cycle", "id")}

    @rule(data=st.data(), number=st.integers(0, 9), lasts=st.sampled_from([1, 30, 100, 400]), to_pay=cents(500, 3000))
    def hold(self, data: st.DataObject, number: int, lasts: int, to_pay: Fraction) -> None:
        name = self.some_order(data, documented=False) if data.draw(st.booleans()) else None
        name = name or {"order": f"order-{number}", "cycle": 1}
        payment = self.payment(data, to_pay)
        most = self.redeemable(**payment)
        if most > 0:
            count = data.draw(st.sampled_from([most, min(most, 20), min(most, 40)]))
            until = self.now + timedelta(hours=lasts)
            self.do("hold", points=count, **name, id=f"h{data.draw(st.integers(1, 2))}", until=until, **payment)

    @rule(data=st.data(), part=st.sampled_from([None, None, 10, 15, 7]))
    def capture(self, data: st.DataObject, part: int | None) -> None:
        name = self.named_hold(data)
        if name:
            self.do("capture", **name, **({"points": part} if part else {}), **self.occurred(data))

    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        name = self.named_hold(data)
        if name:
            self.do("release", **name)

    @rule(data=st.data(), lasts=st.sampled_from([1, 100]), step=st.sampled_from([0, 0, 2, 200]))
    def hold_for_an_order_that_goes_on(self, data: st.DataObject, lasts: int, step: int) -> None:
        """
        An order that is processed or cancelled while points are held for it, or after their time.
        """
        most = self.redeemable(to_pay=(Fraction(25), "EUR"))
        if most <= 0:
            return
        name = {"order": f"going-{self.keys}-{self.at[0]}", "cycle": 1}
        held = min(most, data.draw(st.sampled_from([10, 50, 1000])))
        self.do(
            "hold", points=held, id="h1", until=self.now + timedelta(hours=lasts), to_pay=(Fraction(25), "EUR"), **name
        )
        self.now += timedelta(hours=step)
        if data.draw(st.booleans()):
            self.do("process", **name, document=data.draw(documents(name["order"], self.account, 1)))
        ends = data.draw(st.sampled_from(["capture", "release", None]))
        if ends:
            self.do(ends, **name, id="h1", **self.occurred(data))
        if data.draw(st.booleans()):
            self.do("cancel", **name, **self.occurred(data))

    @rule(data=st.data(), captured=st.booleans(), beyond=st.integers(1, 40))
    def hold_what_is_refused(self, data: st.DataObject, captured: bool, beyond: int) -> None:
        """
        A second hold or a redemption of an order with an open one, too much captured, and a hold that is closed.
        """
        most = self.redeemable(to_pay=(Fraction(25), "EUR"))
        if most <= 0:
            return
        name = {"order": f"held-{self.keys}-{self.at[0]}", "cycle": 1}
        until = self.now + timedelta(hours=50)
        payment = {"to_pay": (Fraction(25), "EUR"), **name}
        self.do("hold", points=most, id="h1", until=self.now - timedelta(hours=1), **payment)
        if isinstance(self.do("hold", points=most, id="h1", until=until, **payment), str):
            return
        self.do("hold", points=most, id="h2", until=until, **payment)
        self.do("redeem", points=most, **payment)
        self.do("capture", **name, id="h1", points=most + beyond)
        self.do("capture", **name, id="h3")
        self.do("capture" if captured else "release", **name, id="h1")
        self.do("release" if captured else "capture", **name, id="h1")
        self.do("hold", points=10, id="h4", until=until, **name)

    # --- actions, approvals ------------------------------------------------------------------------------------

    @rule(data=st.data(), action=st.sampled_from(["visit", "bring", "bring", "wave"]), subject=st.integers(0, 12))
    def act(self, data: st.DataObject, action: str, subject: int) -> None:
        fields: dict[str, Any] = {"subject": f"s{subject}" if subject else None}
        if action == "bring":
            fields["invitee"] = data.draw(st.sampled_from(["ida", "jon"]))
            fields["amount"] = (data.draw(cents(100, 3000)), data.draw(st.sampled_from(["EUR", "EUR", "USD"])))
        self.do("act", action=action, **fields, **self.occurred(data))

    @rule(data=st.data(), count=st.integers(121, 160), lasts=st.sampled_from([None, 90]))
    def ask_for_much(self, data: st.DataObject, count: int, lasts: int | None) -> None:
        """
        An adjustment that waits for a second actor, or does not, and what is decided of it.
        """
        until = {} if lasts is None else {"expires_at": self.now + timedelta(hours=lasts)}
        if data.draw(st.booleans()):
            asked = self.do("adjust", points=count, **until)
        elif data.draw(st.booleans()):
            asked = self.do("adjust", points=-count, allow_debt=data.draw(st.booleans()))
        else:
            asked = self.do("set_balance", points=data.draw(st.sampled_from([0, self.available + count])))
        verb = data.draw(st.sampled_from(["approve", "decline", "decline", None]))
        if verb and not isinstance(asked, str) and asked[-1]["kind"] == "noted":
            self.do(verb, entry=asked[-1]["sequence"], actor="chief")

    @rule(data=st.data(), verb=st.sampled_from(["approve", "approve", "decline"]))
    def decide_on_adjustment(self, data: st.DataObject, verb: str) -> None:
        decided = {e["command"].get("entry") for e in self.entries if e["command"]["command"] in ("approve", "decline")}
        waiting = [e["sequence"] for e in self.entries if e["kind"] == "noted" and e["withheld"]]
        waiting = [entry for entry in waiting if entry not in decided or data.draw(st.integers(0, 3)) == 0]
        if not waiting:
            return
        entry = data.draw(st.sampled_from(waiting))
        self.do(verb, entry=entry)  # by the very actor who asked
        self.do(verb, entry=entry, actor="chief")

    @rule(count=st.integers(121, 160), verb=st.sampled_from(["approve", "decline"]))
    def have_it_decided(self, count: int, verb: str) -> None:
        """
        Above a threshold an adjustment waits until somebody else decides, once (R-40).
        """
        usual = self.program
        self.programs[self.at[0]] = usual | {"approval_above": 120}
        asked = self.do("adjust", points=count)
        if not isinstance(asked, str):
            self.do(verb, entry=asked[-1]["sequence"])
            self.do(verb, entry=asked[-1]["sequence"], actor="chief")
            self.do("decline", entry=asked[-1]["sequence"], actor="chief")
        self.programs[self.at[0]] = usual

    @rule(verb=st.sampled_from(["approve", "decline"]))
    def decide_on_nothing(self, verb: str) -> None:
        self.do(verb, entry=1, actor="chief")
        self.do(verb, entry=len(self.entries) + 50, actor="chief")

    # --- lots by hand, profile, notices ------------------------------------------------------------------------

    def some_lot(self, data: st.DataObject) -> int | None:
        lots = sorted(model.fold(self.entries)["lots"])
        return data.draw(st.sampled_from(lots[-8:])) if lots else None

    @rule(data=st.data(), lasts=st.sampled_from([None, 60, 300]))
    def extend(self, data: st.DataObject, lasts: int | None) -> None:
        lot = self.some_lot(data)
        if lot:
            until = {} if lasts is None else {"expires_at": self.now + timedelta(hours=lasts)}
            self.do("extend", lot=lot, **until)

    @rule(data=st.data(), lasts=st.sampled_from([None, None, 60]), most=st.sampled_from([None, None, 5]))
    def reinstate(self, data: st.DataObject, lasts: int | None, most: int | None) -> None:
        lapsed = [lot["id"] for lot in model.fold(self.entries)["lots"].values() if lot["expired"]]
        lot = data.draw(st.sampled_from(lapsed)) if lapsed else self.some_lot(data)
        if lot:
            until = {} if lasts is None else {"expires_at": self.now + timedelta(hours=lasts)}
            self.do("reinstate", lot=lot, **({"points": most} if most else {}), **until)

    @rule(data=st.data(), count=points, lasts=st.sampled_from([3, 90]), again=st.sampled_from([None, 20, 200]))
    def extend_or_let_lapse(self, data: st.DataObject, count: int, lasts: int, again: int | None) -> None:
        """
        A lot with a date by hand gets a later one, lapses, and lives again.
        """
        added = self.do("adjust", points=min(count, 100), expires_at=self.now + timedelta(hours=lasts))
        if isinstance(added, str) or not added[-1]["opened"]:
            return
        lot, until = added[-1]["sequence"], {} if again is None else {"expires_at": self.now + timedelta(hours=again)}
        if data.draw(st.booleans()):
            self.do("extend", lot=lot, **until)
        self.now += timedelta(hours=data.draw(st.sampled_from([2, 10, 100])))
        until = {} if again is None else {"expires_at": self.now + timedelta(hours=again)}
        self.do("reinstate", lot=lot, points=1, **until)
        self.do("reinstate", lot=lot)

    @rule(data=st.data())
    def activate(self, data: st.DataObject) -> None:
        """
        The event that an order, or a lot, waits for.
        """
        lots = model.fold(self.entries)["lots"].values()
        waiting = [lot["id"] for lot in lots if lot["available_at"] >= model.ON_EVENT]
        lot = data.draw(st.sampled_from(waiting)) if waiting else self.some_lot(data)
        name = self.some_order(data, documented=False)
        if name and data.draw(st.booleans()):
            self.do("activate", **name)
        elif lot:
            self.do("activate_lot", lot=lot)

    @rule(data=st.data(), expiry=st.sampled_from(EXPIRY))
    def redate(self, data: st.DataObject, expiry: Plain) -> None:
        """
        The policy changes, and the lots follow it (R-38); the preview tells what will be.
        """
        self.programs[self.at[0]] = self.program | {"expiry": expiry}
        now = self.books.time_of(self.program, self.account, self.now)
        previews = [ledger.preview_redating(self.account, at=now) for ledger in self.books.ledgers(self.program)]
        done = self.do("redate")
        if isinstance(done, str) or not previews:
            return
        moved = sum(n for entry in done if entry["kind"] == "redated" for _, n in entry["allocations"])
        first = next((n for n, entry in enumerate(done) if entry["kind"] == "redated"), len(done))
        lapsed = -sum(entry["points"] for entry in done[first:] if entry["kind"] == "expired")
        assert {(preview.points, preview.lapsing) for preview in previews} == {(moved, lapsed)}

    @rule(data=st.data())
    def remark(self, data: st.DataObject) -> None:
        lot = self.some_lot(data)
        self.do("comment", comment="called", entry=data.draw(st.sampled_from([None, 1])))
        if lot:
            self.do("assign", lot=lot, responsible="desk-2")

    @rule(
        verified=st.sampled_from([None, None, True]),
        balance_updates=st.sampled_from([None, True, False]),
        expiry_warnings=st.sampled_from([None, True, False]),
        holder=st.sampled_from([None, "person", "organisation"]),
    )
    def set_profile(self, **fields: Any) -> None:
        if any(value is not None for value in fields.values()):
            self.do("set_profile", **fields)

    @rule()
    def take_notices(self) -> None:
        self.do("take_notices")

    @rule(verb=st.sampled_from(["extend", "reinstate", "activate_lot", "assign"]))
    def ask_of_no_lot(self, verb: str) -> None:
        fields = {"responsible": "desk-2"} if verb == "assign" else {}
        self.do(verb, lot=len(self.entries) + 50, **fields)

    @rule(count=points)
    def close_the_storefront_for_a_while(self, count: int) -> None:
        """
        Holders neither earn nor redeem while only the staff may (S1.12).
        """
        self.programs[self.at[0]] = self.program | {"storefront": False}
        until = self.now + timedelta(hours=30)
        self.do("earn", points=count, anonymous=True)
        self.do("redeem", points=count, anonymous=True)
        self.do("act", action="visit", subject=f"closed-{self.keys}", anonymous=True)
        self.do("hold", points=count, order=f"closed-{self.keys}", id="h1", cycle=1, until=until, anonymous=True)
        self.do("earn", points=count)
        self.programs[self.at[0]] = self.program | {"storefront": True}

    # --- facts of orders ---------------------------------------------------------------------------------------

    def new_document(self, data: st.DataObject) -> dict[str, Any]:
        """
        Return the fields of a place or process: of a new order, or of a known one as it was said or with a change.
        """
        known = self.orders()
        if known and data.draw(st.integers(0, 2)) == 0:
            (order, cycle), facts = data.draw(st.sampled_from(sorted(known.items(), key=lambda pair: pair[0])))
            document = model.document_of(facts)
            if document and data.draw(st.booleans()):
                return {"order": order, "cycle": cycle, "document": document}
            if model.named(facts, "cancel") and (order, cycle + 1) not in known:
                cycle += 1
        else:
            order, cycle = f"order-{data.draw(st.integers(0, 9))}", 1
        return {"order": order, "cycle": cycle, "document": data.draw(documents(order, self.account, cycle))}

    @rule(data=st.data())
    def place(self, data: st.DataObject) -> None:
        self.do("place", **self.new_document(data), **self.occurred(data))

    @rule(data=st.data())
    def process(self, data: st.DataObject) -> None:
        self.do("process", **self.new_document(data), **self.occurred(data))

    @rule(data=st.data())
    def process_and_spend(self, data: st.DataObject) -> None:
        """
        An order whose points are spent before it is cancelled.
        """
        name = self.new_document(data)
        if not isinstance(self.do("process", **name), str) and self.available:
            self.do("adjust", points=-self.available)
            self.do("cancel", order=name["order"], cycle=name["cycle"])

    @rule(data=st.data(), all_of_it=st.integers(0, 2), approved=st.booleans())
    def pay(self, data: st.DataObject, all_of_it: int, approved: bool) -> None:
        name = self.some_order(data, documented=False)
        if name:
            facts = self.orders()[name["order"], name["cycle"]]
            due = model.whole_cents(model.total(facts)) if model.document_of(facts) else Fraction(10)
            kind = data.draw(st.sampled_from(["card", "transfer", "gift_card"]))
            amount = due if all_of_it else model.whole_cents(due / 2)
            tender = {"kind": kind, "id": kind, "amount": amount, "approved": approved, "earns": kind != "gift_card"}
            self.do("pay", **name, tender=tender | {"currency": "EUR"}, **self.occurred(data))

    @rule(data=st.data(), tender=st.sampled_from(["card", "transfer", "gift_card"]))
    def approve_payment(self, data: st.DataObject, tender: str) -> None:
        name = self.some_order(data, documented=False)
        if name:
            self.do("approve_payment", **name, tender=tender, **self.occurred(data))

    def some_units(self, data: st.DataObject, name: dict[str, Any], *kinds: str, everything: bool) -> dict[str, int]:
        """
        Return units of lines that a document of one of these kinds can still name.
        """
        facts = self.orders().get((name["order"], name["cycle"]), [])
        document, used = model.document_of(facts), model.units(facts, *kinds)
        if document is None:
            return {}
        left = {line["id"]: line["quantity"] - used.get(line["id"], 0) for line in document["lines"]}
        left = {line: count for line, count in left.items() if count > 0}
        if everything or not left:
            return left
        line = data.draw(st.sampled_from(sorted(left)))
        return {line: data.draw(st.integers(1, left[line]))}

    @rule(data=st.data(), everything=st.booleans(), number=st.integers(0, 6))
    def invoice(self, data: st.DataObject, everything: bool, number: int) -> None:
        name = self.some_order(data)
        lines = self.some_units(data, name, "invoice", everything=everything) if name else None
        if name and lines:
            self.do("invoice", **name, id=f"i{number}", lines=lines, **self.occurred(data))

    @rule(data=st.data(), everything=st.booleans(), number=st.integers(0, 6))
    def cancel_lines(self, data: st.DataObject, everything: bool, number: int) -> None:
        name = self.some_order(data)
        lines = self.some_units(data, name, "cancel_lines", "return_lines", everything=everything) if name else None
        if name and lines:
            self.do("cancel_lines", **name, id=f"c{number}", lines=lines, **self.occurred(data))

    @rule(data=st.data(), everything=st.booleans(), number=st.integers(0, 6))
    def return_lines(self, data: st.DataObject, everything: bool, number: int) -> None:
        name = self.some_order(data)
        lines = self.some_units(data, name, "cancel_lines", "return_lines", everything=everything) if name else None
        if name and lines:
            self.do("return_lines", **name, id=f"r{number}", lines=lines, **self.occurred(data))

    @rule(data=st.data(), kind=st.sampled_from(["invoice", "cancel_lines", "return_lines"]), number=st.integers(0, 9))
    def name_lines_before_the_document(self, data: st.DataObject, kind: str, number: int) -> None:
        """
        A document about lines may come before the order itself.
        """
        name = {"order": f"order-{number}", "cycle": 1}
        if ((name["order"], 1)) not in self.orders():
            self.do(kind, **name, id="early", lines={"a": data.draw(st.integers(1, 2))})

    def waiting_returns(self) -> list[tuple[str, int, str]]:
        """
        Return the returns that wait for a decision, of orders that are not cancelled.
        """
        return [
            (*name, each["id"])
            for name in self.open_orders(documented=False)
            for facts in [self.orders()[name]]
            for each in model.named(facts, "return_lines")
            if each["id"] not in self.settled_returns(facts)
        ]

    @staticmethod
    def settled_returns(facts: list[Plain]) -> set[str]:
        """
        Return the returns that wait for nothing, on neither side.
        """
        return model.accepted_returns(facts, "take_back") & model.accepted_returns(facts, "give_back")

    @rule(data=st.data(), outdated=st.sampled_from([0, 0, 0, 1]))
    def decide_return(self, data: st.DataObject, outdated: int) -> None:
        self.decide(data, outdated)

    def decide(self, data: st.DataObject, outdated: int) -> None:
        waiting = self.waiting_returns()
        if not waiting:
            return
        order, cycle, return_id = data.draw(st.sampled_from(waiting))
        now = self.books.time_of(self.program, self.account, self.now)
        take, give = self.books.model.proposal(self.program, self.account, order, cycle, return_id, now)
        for ledger in self.books.ledgers(self.program):
            proposed = ledger.propose_return(order, return_id, account=self.account, cycle=cycle, at=now)
            assert (proposed.take_back, proposed.give_back) == (take, give)
        self.do(
            "decide_return",
            order=order,
            cycle=cycle,
            return_id=return_id,
            proposed_take_back=take + outdated,
            proposed_give_back=give,
            take_back=data.draw(st.sampled_from([take, take, 0, take // 2, take + 3])),
            give_back=data.draw(st.sampled_from([give, give, 0, give // 2, give + 1])),
        )

    @rule(
        data=st.data(),
        line=st.integers(0, 2),
        redeems=st.sampled_from(["", "before", "after"]),
        outdated=st.sampled_from([0, 0, 0, 1]),
    )
    def return_and_decide(self, data: st.DataObject, line: int, redeems: str, outdated: int) -> None:
        """
        A new order, paid with points in part or not, comes back in part, and is decided; then it comes back wholly.
        """
        name = {"order": f"order-{self.keys}-{self.at[0]}", "cycle": 1}
        document = data.draw(documents(name["order"], self.account, 1))
        if redeems == "before":
            self.redeem_some(name)
        self.do("process", **name, document=document)
        lines = document["lines"]
        self.do("return_lines", **name, id="r1", lines={lines[line % len(lines)]["id"]: 1})
        self.decide(data, outdated)
        if redeems == "after":
            self.redeem_some(name)
        left = self.some_units(data, name, "return_lines", everything=True)
        if left:
            self.do("return_lines", **name, id="r2", lines=left)
            self.decide(data, 0)

    def redeem_some(self, name: dict[str, Any]) -> None:
        count = self.redeemable(to_pay=(Fraction(25), "EUR"))
        if count > 0:
            self.do("redeem", points=count, to_pay=(Fraction(25), "EUR"), **name)

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        name = self.some_order(data, documented=False)
        if name:
            self.do("cancel", **name, **self.occurred(data))

    @rule(number=st.integers(0, 9))
    def cancel_first(self, number: int) -> None:
        """
        A cancel that arrives before its order leaves a mark (R-29).
        """
        if (f"order-{number}", 1) not in self.orders():
            self.do("cancel", order=f"order-{number}", cycle=1)

    # --- what is refused, one cause at a time ------------------------------------------------------------------

    @rule(data=st.data(), beyond=st.integers(1, 40))
    def ask_by_hand_for_what_is_refused(self, data: st.DataObject, beyond: int) -> None:
        """
        Too much, no debt, no such entry, an entry that cannot be reversed, a reversal too far, an account that is open.
        """
        entries, reversible = self.entries, self.reversible()
        self.do("adjust", points=-self.available - beyond, allow_debt=False)
        self.do("forgive", points=self.debt + beyond)
        self.do("reverse", entry=len(entries) + 50)
        self.do("reopen")
        if reversible:
            entry = data.draw(st.sampled_from(sorted(reversible)))
            self.do("reverse", entry=entry, points=reversible[entry] + beyond)
        others = [entry["sequence"] for entry in entries if entry["sequence"] not in reversible]
        if others:
            self.do("reverse", entry=data.draw(st.sampled_from(others)))

    @rule(data=st.data(), beyond=st.integers(1, 40), currency=st.sampled_from(["JPY", "GBP"]))
    def redeem_what_is_refused(self, data: st.DataObject, beyond: int, currency: str) -> None:
        """
        Too much, beyond what is to pay, without a rate, in two currencies, for an order that is cancelled.
        """
        everything = max(1, self.available)
        self.do("redeem", points=self.available + beyond, to_pay=(Fraction(1000), "EUR"))
        self.do("redeem", points=everything, to_pay=(Fraction(1, 100), "EUR"))
        self.do("redeem", points=everything, currency=currency)
        self.do("redeem", points=everything, currency="USD", to_pay=(Fraction(10), "EUR"))
        found = [name for name, facts in self.orders().items() if model.named(facts, "cancel")]
        fresh = [name for name in found if not model.named(self.orders()[name], "redeem")]
        if fresh:
            order, cycle = data.draw(st.sampled_from(fresh))
            self.do("redeem", points=10, order=order, cycle=cycle)

    @rule()
    def redeem_under_other_limits(self) -> None:
        """
        Below the threshold, a share of nothing known, and in debt.
        """
        usual = self.program
        for limits in ({"threshold": 60}, {"share_max": Fraction(1, 2)}):
            self.programs[self.at[0]] = usual | {"limits": limits}
            self.do("set_balance", points=50)
            self.do("redeem", points=40)
        self.programs[self.at[0]] = usual
        self.do("adjust", points=-self.available - 1, allow_debt=True)
        self.do("redeem", points=10)

    @rule(data=st.data(), kind=st.sampled_from(["invoice", "cancel_lines", "return_lines"]))
    def report_what_is_refused(self, data: st.DataObject, kind: str) -> None:
        """
        Another currency, too many units, an unknown line or return, a decision on what is decided, a cycle too early.
        """
        name = self.some_order(data)
        if name is None:
            return
        facts = self.orders()[name["order"], name["cycle"]]
        line = model.document_of(facts)["lines"][0]
        other = data.draw(documents(name["order"], self.account, name["cycle"])) | {"currency": "USD"}
        self.do("place" if model.named(facts, "process") else "process", **name, document=other)
        self.do(kind, **name, id=f"too-many-{self.keys}", lines={line["id"]: line["quantity"] + 1})
        self.do(kind, **name, id=f"unknown-{self.keys}", lines={"z": 1})
        self.do("cancel", order=name["order"], cycle=name["cycle"] + 1)
        decided = {each["return_id"] for each in model.named(facts, "decide_return")}
        zeros = dict.fromkeys(("take_back", "give_back", "proposed_take_back", "proposed_give_back"), 0)
        for return_id in ("nowhere", *sorted(self.settled_returns(facts) - decided)):
            self.do("decide_return", **name, return_id=return_id, **zeros)

    # --- keys --------------------------------------------------------------------------------------------------

    def asked_here(self) -> list[tuple[Plain, str | None]]:
        return [
            (command, key)
            for program, command, key in self.books.asked
            if (program["id"], command["account"]) == self.at and command["command"] != "expire"
        ]

    @rule(data=st.data())
    def ask_again(self, data: st.DataObject) -> None:
        """
        The same key and content give the first answer, whatever happened since (R-44, I-14).
        """
        asked = self.asked_here()
        if asked:
            command, key = data.draw(st.sampled_from(asked))
            self.books.run(self.program, command, key, self.now)

    @rule(data=st.data())
    def ask_again_under_another_key(self, data: st.DataObject) -> None:
        """
        The same fact of an order under another key has one effect (I-15).
        """
        asked = [command for command, _ in self.asked_here() if model.fact_of(command)]
        if asked:
            self.books.run(self.program, data.draw(st.sampled_from(asked)), f"other-{self.keys}", self.now)
            self.keys += 1

    @rule(data=st.data())
    def ask_something_else_under_the_same_key(self, data: st.DataObject) -> None:
        asked = [(command, key) for command, key in self.asked_here() if key]
        if asked:
            command, key = data.draw(st.sampled_from(asked))
            other = {"command": "earn", "account": self.account, "points": 1}
            if command["command"] == "earn":
                other["points"] = command["points"] + 1
            self.books.run(self.program, other, key, self.now)


def missing(hits: Counter[tuple[str, str]]) -> set[str]:
    """
    Return the commands that were never accepted and the refusals that were never met.
    """
    accepted = {command for command, outcome in hits if outcome == "accepted"}
    return (set(COMMANDS) - accepted) | (REFUSALS - {outcome for _, outcome in hits})


def table(hits: Counter[tuple[str, str]]) -> str:
    """
    Return how often each command was accepted, replayed and refused, and each refusal met.
    """
    lines = [f"{'command':16}{'accepted':>10}{'replayed':>10}{'refused':>10}"]
    for name in COMMANDS:
        of = {outcome: count for (command, outcome), count in hits.items() if command == name}
        refused = sum(count for outcome, count in of.items() if outcome in REFUSALS)
        lines.append(f"{name:16}{of.get('accepted', 0):10}{of.get('replayed', 0):10}{refused:10}")
    lines += [
        f"{name:22}{sum(n for (_, outcome), n in hits.items() if outcome == name):8}" for name in sorted(REFUSALS)
    ]
    return "\n".join(lines)


def run(examples: int, steps: int, *, derandomize: bool, **more: Callable[[], Storage]) -> None:
    """
    Run the machine with memory, SQLite and what is to be opened besides.
    """
    Shop.hits.clear()
    Shop.more = more
    for longer in range(3):  # stories of another length are other stories
        chosen = settings(
            max_examples=examples,
            stateful_step_count=steps + longer,
            derandomize=derandomize,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        run_state_machine_as_test(Shop, settings=chosen)
        if more or not missing(Shop.hits):
            break
    print(f"\n{sum(Shop.hits.values())} commands\n{table(Shop.hits)}")


def test_model_and_storages_agree() -> None:
    """
    Model, memory and SQLite accept the same, refuse for the same reason and show the same figures, and every command
    and refusal was really met (I-1 to I-7, I-12 to I-19, I-31, I-32, I-35, I-39, I-40, R-47).
    """
    run(120, 50, derandomize=True)
    assert not missing(Shop.hits)


def test_postgresql_agrees(postgres: Database) -> None:
    """
    PostgreSQL gives the same answers, in fewer examples, since each statement goes to a server and back (I-39).
    """
    run(8, 50, derandomize=True, postgres=postgres.storage)


@pytest.mark.campaign
def test_model_and_storages_agree_for_longer() -> None:
    """
    The same for as many examples as `POINTSLEDGER_CAMPAIGN` says, at random (I-39).
    """
    run(int(os.environ.get("POINTSLEDGER_CAMPAIGN", "3000")), 60, derandomize=False)
    assert not missing(Shop.hits)


@pytest.mark.campaign
def test_postgresql_agrees_for_longer(postgres: Database) -> None:
    """
    The same with PostgreSQL besides, for a tenth as many examples (I-39).
    """
    examples = int(os.environ.get("POINTSLEDGER_CAMPAIGN", "3000")) // 10
    run(max(1, examples), 60, derandomize=False, postgres=postgres.storage)
