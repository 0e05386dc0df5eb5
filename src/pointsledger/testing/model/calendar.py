"""
The calendar: when points become usable, and when they lapse (R-20, R-36, R-37).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from .plain import Plain

FOREVER = datetime.max.replace(tzinfo=UTC)
ON_EVENT = datetime(8000, 1, 1, tzinfo=UTC)


def midnight_after(instant: datetime, days: int) -> datetime:
    """
    Return the start of the day after the one that lies `days` after `instant`.
    """
    return datetime.combine(instant.date(), datetime.min.time(), instant.tzinfo) + timedelta(days=days + 1)


def usable_from(policy: Plain, earned_at: datetime) -> datetime:
    if "event" in policy:
        return ON_EVENT
    if "days" in policy:
        return max(earned_at, midnight_after(earned_at, policy["days"] - 1))
    return earned_at


def expires_at(policy: Plain, usable: datetime) -> datetime | None:
    return midnight_after(usable, policy["days"]) if "days" in policy else None


def policies_of(program: Plain) -> list[Plain]:
    found = [program["expiry"]]
    for rule in program["rules"]:
        if rule.get("expiry") is not None and rule["expiry"] not in found:
            found.append(rule["expiry"])
    return found


def stamp(program: Plain, usable: datetime, own: Plain | None = None) -> datetime | None:
    """
    Return the date of points, or for those that wait for an event a day that stands for their policy (R-20).
    """
    policy = program["expiry"] if own is None else own
    if usable == ON_EVENT:
        return ON_EVENT + timedelta(days=policies_of(program).index(policy))
    return expires_at(policy, usable)


def later(one: datetime | None, other: datetime | None) -> bool:
    """
    Whether a date of expiry lies after another; None is never.
    """
    return other is not None and (one is None or one > other)


def same(period: str, one: datetime, other: datetime) -> bool:
    return one.date() == other.date() if period == "day" else (one.year, one.month) == (other.year, other.month)
