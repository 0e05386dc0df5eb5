"""
Dates that contradict each other: points that lapse before anybody can use them, and warnings that are never due.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from ...domain.expiry import ExpiryPolicy, PendingPolicy
from ...domain.instants import EARLIEST
from ...domain.program import Program
from ...domain.rules import EarnRule
from .findings import Said, giving_rules, rule_path
from .limits import can_redeem

_FIRST = date(2024, 1, 1)
_CALENDAR = 28 * 365 + 7
"""The days after which weekdays, months and leap years come in the same order again."""
_DAY = timedelta(days=1)


def check_dates(program: Program) -> Said:
    """
    Find points that nobody can use in time, or for less time than they wait.
    """
    lapsing, waiting = set[tuple[str, ...]](), set[tuple[str, ...]]()
    for rule in (None, *giving_rules(program)):
        pending, expiry, fields = _policies(program, rule)
        started = None if rule is None else rule.valid_from
        usable_from = _usable_from(program, pending, started or EARLIEST)
        expires_at = expiry.expires_at(usable_from, program.timezone)
        if expires_at is not None and expires_at <= usable_from and fields not in lapsing:
            if started is None:
                lapsing.add(fields)
            yield "lapses_before_usable", _lapsing(rule, usable_from, expires_at), (*fields, *_window(program, rule))
        if fields not in waiting and pending.kind == "after" and _waits_longer(program.timezone, pending, expiry):
            waiting.add(fields)
            sentence = f"Points wait {pending.period}, longer than they can be used after that."
            yield "pending_longer_than_expiry", sentence, fields


def _lapsing(rule: EarnRule | None, usable_from: datetime, expires_at: datetime) -> str:
    whose = "Points" if rule is None else f"Points of rule {rule.id!r}"
    lapse = f"lapse at {expires_at:%Y-%m-%d %H:%M} UTC"
    return f"{whose} {lapse}, and can be used from {usable_from:%Y-%m-%d %H:%M} UTC on at the earliest."


def _window(program: Program, rule: EarnRule | None) -> tuple[str, ...]:
    return () if rule is None or rule.valid_from is None else (rule_path(program, rule, "valid_from"),)


def _policies(program: Program, rule: EarnRule | None) -> tuple[PendingPolicy, ExpiryPolicy, tuple[str, ...]]:
    """
    Return the policies of a rule's points, or of the program's, and where they stand.
    """
    if rule is None:
        return program.pending, program.expiry, ("pending", "expiry")
    pending = "pending" if rule.pending is None else rule_path(program, rule, "pending")
    expiry = "expiry" if rule.expiry is None else rule_path(program, rule, "expiry")
    return rule.pending or program.pending, rule.expiry or program.expiry, (pending, expiry)


def _usable_from(program: Program, pending: PendingPolicy, earned_at: datetime) -> datetime:
    """
    Return from when points can be used at the earliest: an event can be reported at once.
    """
    return earned_at if pending.kind == "event" else pending.usable_from(earned_at, program.timezone)


def _days() -> Iterator[date]:
    return (_FIRST + _DAY * n for n in range(_CALENDAR))


@lru_cache(maxsize=1024)
def _waits_longer(zone: str, pending: PendingPolicy, expiry: ExpiryPolicy) -> bool:
    """
    Whether on every day points wait longer than they can be used then.
    """
    if expiry.kind in {"never", "inactivity", "on"}:
        return False
    for day in _days():
        earned_at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        usable_from = pending.usable_from(earned_at, zone)
        expires_at = _without_dates(expiry).expires_at(usable_from, zone)
        if expires_at is None or usable_from - earned_at <= expires_at - usable_from:
            return False
    return True


def _without_dates(expiry: ExpiryPolicy) -> ExpiryPolicy:
    """
    Return a policy without its fixed dates: who earns early enough is not bound by them.
    """
    parts = tuple(part for part in expiry.policies if part.kind != "on")
    if expiry.kind != "earlier_of" or len(parts) == len(expiry.policies):
        return expiry
    return ExpiryPolicy.earlier_of(*parts) if len(parts) > 1 else next(iter(parts), ExpiryPolicy.never())


def lives(expiry: ExpiryPolicy) -> Iterator[int]:
    """
    Yield for how many days points can be used under a policy, for each day on which they can become usable.

    Fixed dates and inactivity are left out; without any other date nothing is yielded.
    """
    if not _is_dated(expiry):
        return
    expiry = _without_dates(expiry)
    for day in _days():
        last = expiry.last_valid_date(day)
        assert last is not None, "a period gives a date"
        yield (last + _DAY - day).days


def _is_dated(expiry: ExpiryPolicy) -> bool:
    return any(part.kind == "after" for part in (expiry, *expiry.policies))


def check_warnings(program: Program) -> Said:
    """
    Find a warning that comes so early that no points are there yet.
    """
    days = program.notices.warn_days
    if days is None:
        return
    policies = {program.expiry, *(rule.expiry for rule in giving_rules(program) if rule.expiry is not None)}
    if not any(_can_be_warned(expiry, days) for expiry in policies):
        sentence = f"No points that the program dates live longer than the {days:,} days of warning."
        yield "warning_never_due", sentence, ("notices.warn_days", "expiry")


def _can_be_warned(expiry: ExpiryPolicy, days: int) -> bool:
    """
    Whether some points are there before their warning is due.

    Who earns long before a fixed date is warned of it, and an account that is used again and again has old points.
    """
    if _is_dated(expiry):
        return any(life > days for life in lives(expiry))
    return any(part.kind in {"on", "inactivity"} for part in (expiry, *expiry.policies))


def check_inactivity(program: Program) -> Said:
    """
    Find a clock of inactivity that nothing sets back.
    """
    idle = program.expiry.idle
    if idle is not None and "earn" not in idle.resets and not can_redeem(program):
        sentence = "Only redeeming keeps points alive, and nothing can be redeemed."
        yield "resets_never_happen", sentence, ("expiry.resets", "limits")
