"""
Two programs and three accounts, in the model and in each storage: what the steps of every story work on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from ...errors import InvalidInput
from ...extras import extra
from ...port import AsyncStorage, Storage
from ..bridge import opened
from ..model.folding import available, fold
from ..model.ledger import fact_of
from ..model.order_facts import accepted_returns, document_of, facts_of, named
from ..model.plain import Plain
from ..model.redeeming import clamped, rate_of
from .lockstep import Lockstep
from .shapes import documents, programs

with extra("testing", "hypothesis"):
    from hypothesis import strategies as st
    from hypothesis.stateful import RuleBasedStateMachine, initialize

START = datetime(2026, 1, 5, 12, tzinfo=UTC)
PLACES = [("p", "ada"), ("p", "bob"), ("q", "ada")]
"""The ids of programs and accounts."""

points = st.integers(1, 150)
hours = st.sampled_from([-300, -60, -5, -1, 1, 30])


class Shop(RuleBasedStateMachine):
    """
    The state of a story, and what its steps ask of the model to know what can be done next.
    """

    storages: ClassVar[Mapping[str, Callable[[], Storage | AsyncStorage]]] = {}
    hits: ClassVar[Counter[tuple[str, str]]] = Counter()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.hits = Counter()

    def __init__(self) -> None:
        if not self.storages:
            raise InvalidInput("storages", self.storages, "must name at least one")
        super().__init__()
        self.closing = ExitStack()
        self.at: tuple[str, str] = PLACES[0]
        self.now: datetime = START
        self.keys: int = 0

    @initialize(first=programs("p"), second=programs("q"))
    def open_shop(self, first: Plain, second: Plain) -> None:
        storages = {name: self.closing.enter_context(opened(opener)) for name, opener in self.storages.items()}
        self.books = Lockstep(storages, self.hits)
        self.programs: dict[str, Plain] = {"p": first, "q": second}
        for self.at in reversed(PLACES):
            self.do("earn", points=300)

    def teardown(self) -> None:
        """
        Compare the whole of every account, where nothing else differed before, and close the storages.
        """
        with self.closing:
            if hasattr(self, "books") and self.books.agreed:
                self.books.compare_whole(self.programs)

    # --- what the steps ask of the model -----------------------------------------------------------------------

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
        return available(self.program, settled, now)

    @property
    def debt(self) -> int:
        return int(fold(self.entries)["debt"])

    def do(self, kind: str, **fields: Any) -> list[Plain] | str:
        """
        Carry out a command of the account at hand, with a key or, where its fact is one, mostly without.
        """
        command = {"command": kind, "account": self.account, **fields}
        keyed = (fact_of(command) is None or self.keys % 3 == 0) and kind != "expire"
        key = f"key-{self.keys}" if keyed else None
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
        return {name: facts_of(self.entries, *name) for name in sorted(named)}

    def open_orders(self, *, documented: bool = True) -> list[tuple[str, int]]:
        return [
            name
            for name, facts in self.orders().items()
            if not named(facts, "cancel") and (not documented or document_of(facts))
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

    def reversible(self) -> dict[int, int]:
        """
        Return what is left to reverse of entries that no order governs.
        """
        found: dict[int, int] = {}
        for entry in self.entries:
            if entry["kind"] in ("earned", "adjusted", "redeemed") and not entry["command"].get("order"):
                claimed = sum(e["claimed"] for e in self.entries if e["reverses"] == entry["sequence"])
                found[entry["sequence"]] = abs(entry["points"]) + max(0, entry["debt"]) - claimed
        return found

    def redeemable(self, **payment: Any) -> int:
        """
        Return a number of points that the limits allow, as far as the model's clamps say.
        """
        to_pay = payment["to_pay"][0] if "to_pay" in payment else None
        limits = self.program["limits"]
        if limits.get("share_max") and to_pay is None:
            return 0
        currency = payment["to_pay"][1] if "to_pay" in payment else None
        rate = rate_of(self.program["rates"], currency, payment.get("channel"), payment.get("customer_group"))
        allowed, _ = clamped(limits, rate, to_pay, to_pay, self.available)
        return int(allowed)

    def new_document(self, data: st.DataObject) -> dict[str, Any]:
        """
        Return the fields of a place or process: of a new order, or of a known one as it was said or with a change.
        """
        known = self.orders()
        if known and data.draw(st.integers(0, 2)) == 0:
            (order, cycle), facts = data.draw(st.sampled_from(sorted(known.items(), key=lambda pair: pair[0])))
            document = document_of(facts)
            if document and data.draw(st.booleans()):
                return {"order": order, "cycle": cycle, "document": document}
            if named(facts, "cancel") and (order, cycle + 1) not in known:
                cycle += 1
        else:
            order, cycle = f"order-{data.draw(st.integers(0, 9))}", 1
        return {"order": order, "cycle": cycle, "document": data.draw(documents(order, self.account, cycle))}

    @staticmethod
    def settled_returns(facts: list[Plain]) -> set[str]:
        """
        Return the returns that wait for nothing, on neither side.
        """
        return accepted_returns(facts, "take_back") & accepted_returns(facts, "give_back")
