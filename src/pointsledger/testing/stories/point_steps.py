"""
Steps of points by count and by hand, and of accounts and programs that are closed for a while.
"""

from __future__ import annotations

from datetime import timedelta

from ...extras import extra
from .shop import Shop, points

with extra("testing", "hypothesis"):
    from hypothesis import strategies as st
    from hypothesis.stateful import precondition, rule


class PointSteps(Shop):
    """
    What is asked of points, by count and by hand.
    """

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
