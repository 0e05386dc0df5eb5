"""
Results as JSON: money as text such as ``"24.90 GBP"``, instants as ISO 8601 in UTC, points as whole numbers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from attrs import fields, has

from ..domain.entries import Entry
from ..domain.money import Money
from ..domain.program import Program
from ..domain.rates import ExchangeRate

_ENTRY = (
    "sequence",
    "kind",
    "points",
    "balance_after",
    "debt",
    "value",
    "balance_value",
    "rate",
    "occurred_at",
    "recorded_at",
    "order",
    "reason",
    "comment",
    "actor",
    "channel",
)


def json_text(value: Any) -> str:
    """
    Return a result as indented JSON; a program is named by its id, and an entry tells what its holder may see.
    """
    return json.dumps(_plain(value), indent=2, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Money):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Program):
        return value.id
    if isinstance(value, ExchangeRate):
        return {"points": value.points, "money": str(value.money)}
    if isinstance(value, Entry):
        return {name: _plain(getattr(value, name)) for name in _ENTRY}
    kind = cast("Any", type(value))
    if has(kind):
        return {attribute.name: _plain(getattr(value, attribute.name)) for attribute in fields(kind)}
    if isinstance(value, Mapping):
        named = cast("Mapping[str, Any]", value)
        return {str(name): _plain(part) for name, part in named.items()}
    return [_plain(part) for part in cast("tuple[object, ...]", value)] if kind is tuple else value
