"""
Steps of redeeming and of holds.
"""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from typing import Any

from ...extras import extra
from ..model.folding import fold
from ..model.plain import Plain
from .shapes import cents, documents
from .shop import Shop

with extra("testing", "hypothesis"):
    from hypothesis import strategies as st
    from hypothesis.stateful import rule


class RedeemingSteps(Shop):
    """
    What is asked at the checkout.
    """

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

    @property
    def open_holds(self) -> list[Plain]:
        return [entry["command"] for entry in fold(self.entries)["holds"].values()]

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
        name: Plain = {"order": f"going-{self.keys}-{self.at[0]}", "cycle": 1}
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
