"""
Accounts, entries, lots and decisions as plain mappings, for a storage that keeps JSON.

They hold text, whole numbers, booleans, lists and mappings; what equals its default is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import evolve

from ..domain.account import Account, Flows, Lapse
from ..domain.commands import command_from_mapping, command_to_mapping
from ..domain.decisions import Decision
from ..domain.entries import Allocation, Entry
from ..domain.lots import Lot, LotDates
from ..domain.mapping import from_mapping, to_mapping


def account_to_mapping(account: Account) -> dict[str, Any]:
    """
    Return an account's figures as a plain mapping.
    """
    return to_mapping(account)


def account_from_mapping(mapping: Mapping[str, Any]) -> Account:
    """
    Return the account that a mapping of `account_to_mapping` describes.
    """
    account = from_mapping(Account, mapping)
    lapsed = None if account.lapsed is None else Lapse(datetime.fromisoformat(mapping["lapsed"][0]), account.lapsed[1])
    return evolve(account, flows=Flows(*account.flows), lapsed=lapsed)


def entry_to_mapping(entry: Entry) -> dict[str, Any]:
    """
    Return an entry as a plain mapping, with its command and its program in full.
    """
    return {**to_mapping(entry), "command": command_to_mapping(entry.command)}


def entry_from_mapping(mapping: Mapping[str, Any]) -> Entry:
    """
    Return the entry that a mapping of `entry_to_mapping` describes.
    """
    command = command_from_mapping(mapping["command"])
    plain = {name: part for name, part in mapping.items() if name != "dates"}
    entry = from_mapping(Entry, {**plain, "command": {"account": command.account}})
    allocations = tuple(Allocation(*part) for part in entry.allocations)
    return evolve(entry, command=command, allocations=allocations, dates=_dates(mapping.get("dates")))


def lot_to_mapping(lot: Lot) -> dict[str, Any]:
    """
    Return a lot as a plain mapping.
    """
    return to_mapping(lot)


def lot_from_mapping(mapping: Mapping[str, Any]) -> Lot:
    """
    Return the lot that a mapping of `lot_to_mapping` describes.
    """
    return from_mapping(Lot, mapping)


def decision_to_mapping(decision: Decision) -> dict[str, Any]:
    """
    Return what a decision writes as a plain mapping.
    """
    return {
        "account": account_to_mapping(decision.account),
        "entries": [entry_to_mapping(entry) for entry in decision.entries],
        "lots": [lot_to_mapping(lot) for lot in decision.lots],
    }


def decision_from_mapping(mapping: Mapping[str, Any]) -> Decision:
    """
    Return the decision that a mapping of `decision_to_mapping` describes.
    """
    return Decision(
        tuple(map(entry_from_mapping, mapping["entries"])),
        account_from_mapping(mapping["account"]),
        tuple(map(lot_from_mapping, mapping["lots"])),
    )


def _dates(mapping: Mapping[str, Any] | None) -> LotDates | None:
    # Here None says something and is kept, as it is in no other value.
    if mapping is None:
        return None
    return LotDates(
        _instant(mapping["available_at"]), _instant(mapping["expires_at"]), follows=mapping.get("follows", True)
    )


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
