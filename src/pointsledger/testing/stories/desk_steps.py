"""
Steps of actions, approvals, lots by hand, the profile and notices.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ...extras import extra
from ..model.calendar import ON_EVENT
from ..model.folding import fold
from ..model.plain import Plain
from .shapes import EXPIRY, cents
from .shop import Shop, points

with extra("testing", "hypothesis"):
    from hypothesis import strategies as st
    from hypothesis.stateful import rule


class DeskSteps(Shop):
    """
    What the staff asks.
    """

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

    def some_lot(self, data: st.DataObject) -> int | None:
        lots = sorted(fold(self.entries)["lots"])
        return data.draw(st.sampled_from(lots[-8:])) if lots else None

    @rule(data=st.data(), lasts=st.sampled_from([None, 60, 300]))
    def extend(self, data: st.DataObject, lasts: int | None) -> None:
        lot = self.some_lot(data)
        if lot:
            until = {} if lasts is None else {"expires_at": self.now + timedelta(hours=lasts)}
            self.do("extend", lot=lot, **until)

    @rule(data=st.data(), lasts=st.sampled_from([None, None, 60]), most=st.sampled_from([None, None, 5]))
    def reinstate(self, data: st.DataObject, lasts: int | None, most: int | None) -> None:
        lapsed = [lot["id"] for lot in fold(self.entries)["lots"].values() if lot["expired"]]
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
        lots = fold(self.entries)["lots"].values()
        waiting = [lot["id"] for lot in lots if lot["available_at"] >= ON_EVENT]
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
