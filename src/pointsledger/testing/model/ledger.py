"""
The model itself: any number of programs and accounts, their entries, and what can be read of them.
"""

from __future__ import annotations

import copy
from datetime import datetime
from typing import Any

from .account_work import AccountWork
from .folding import fold, order_of_use
from .holds import OrderWork
from .plain import Plain, Refusal

FACTS: dict[str, str | None] = {
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
"""By the commands that are facts of an order: what of them tells two facts of one kind apart."""


def fact_of(command: Plain) -> tuple[Any, ...] | None:
    """
    Return what makes two commands the same fact of an order, or None.
    """
    kind = command["command"]
    if kind == "act":
        return kind, command["action"], command.get("subject")
    if kind not in FACTS or command.get("order") is None:
        return None
    detail = FACTS[kind]
    part: Any = command[detail] if detail else None
    name: Any = part["id"] if detail == "tender" and kind == "pay" else part
    return kind, command.get("cycle", 1), command["order"], name


class NaiveLedger:
    """
    Any number of programs and accounts.

    Tell it what a ledger is told, as plain dicts, and compare what both say. It is an oracle for tests of one's own.

    `accounts` holds the entries of each account by the ids of its program and its own.
    """

    def __init__(self) -> None:
        self.accounts: dict[tuple[str, str], list[Plain]] = {}

    def entries(self, program: Plain, account: str) -> list[Plain]:
        """
        Return the entries of an account of a program, in order.
        """
        return self.accounts.get((program["id"], account), [])

    def run(self, program: Plain, command: Plain, key: Any, now: datetime) -> tuple[list[Plain], bool]:
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
        kind_of_work = OrderWork if kind in FACTS else AccountWork
        work = kind_of_work(program, list(entries), copy.deepcopy(command), key, now)
        work.settle()
        if isinstance(work, OrderWork) and command.get("order") is not None:
            work.check()
        getattr(work, kind)()
        self.accounts[program["id"], command["account"]] = work.entries
        return work.entries[len(entries) :], False

    def replay(self, first: list[Plain], command: Plain) -> tuple[list[Plain], bool]:
        if first[0]["command"] != command:
            raise Refusal("IdempotencyConflict")
        return first, True

    # --- reading -----------------------------------------------------------------------------------------------

    def settled(self, program: Plain, account: str, at: datetime) -> tuple[list[Plain], int]:
        """
        Return the entries recorded until an instant, and what time has done since.
        """
        entries = [entry for entry in self.entries(program, account) if entry["recorded_at"] <= at]
        work = AccountWork(program, entries, {"command": "expire"}, None, at)
        work.settle()
        return work.entries, len(self.entries(program, account)) if entries else 0

    def balance(self, program: Plain, account: str, at: datetime) -> dict[str, int]:
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

    def lots(self, program: Plain, account: str, at: datetime) -> list[Plain]:
        """
        Return the lots with points left at an instant that is not before the account's time, in the order of use.
        """
        state = fold(self.settled(program, account, at)[0])
        return sorted(
            (lot for lot in state["lots"].values() if lot["remaining"]), key=lambda lot: order_of_use(program, lot)
        )

    def notices(self, program: Plain, account: str, at: datetime) -> list[tuple[str, int, Any]]:
        """
        Return the notices that are due at an instant that is not before the account's time.
        """
        entries, _ = self.settled(program, account, at)
        return AccountWork(program, entries, {"command": "expire"}, None, at).notices()

    def proposal(
        self, program: Plain, account: str, order: str, cycle: int, return_id: str, now: datetime
    ) -> tuple[int, int]:
        """
        Return what accepting a reported return would take back and give back.
        """
        command = {"command": "expire", "order": order, "cycle": cycle}
        return OrderWork(program, list(self.entries(program, account)), command, None, now).proposal(return_id)
