"""
Actions: what a program gives for a registration, a review, an invitation, a referral (R-16, S1.23 to S1.27, S3.17).
"""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction

from ..errors import ProgramInactive
from .award import Reason, RuleOutcome, refusal_of_scope, rounded_outcome, without_beaten
from .commands import Act, check_same
from .draft import Draft
from .earning import dates_of, earn
from .entries import Entry
from .points import Exact
from .program import Program
from .reads import EntriesAbout, Reading, read_command, read_entries
from .rules import EarnRule


def act(draft: Draft, command: Act) -> Reading[tuple[Entry, ...] | None]:
    """
    Reward an act by every rule that gives something, one entry a rule; note it where none does.

    Raises:
        IdempotencyConflict: the same act with other content; ProgramInactive: in this order.
    """
    program = draft.program
    earlier = yield from read_entries(EntriesAbout(command.topic))
    known = [entry for entry in earlier if entry.command.fact == command.fact]
    if known:
        check_same(known[0].command, command, command.fact.strip(), as_fact=True)
        return (yield from read_command(known[0]))
    if not program.active:
        raise ProgramInactive(program.id)
    yield from draft.settle()
    settled = len(draft.entries)
    outcomes = outcomes_of(program, command, draft.occurred_at, draft.account.profile.verified_at, earlier)
    for rule in program.earn_rules:
        if rule.id in outcomes and outcomes[rule.id].points:
            dates = dates_of(program, draft.occurred_at, rule)
            yield from earn(draft, outcomes[rule.id].points, dates, draft.occurred_at, rule=rule.id)
    if len(draft.entries) == settled:
        draft.post("noted")
    return None


def outcomes_of(
    program: Program,
    command: Act,
    acted_at: datetime,
    verified_at: datetime | None,
    earlier: tuple[Entry, ...],
) -> dict[str, RuleOutcome]:
    """
    Return what each rule for the action gives, by rule id in order of declaration, before caps.

    Args:
        earlier: the entries of the action so far, which limits count.
    """
    rules = [rule for rule in program.earn_rules if rule.kind == "per_action" and rule.action == command.action]
    outcomes = {
        rule.id: rounded_outcome(rule, _outcome(rule, command, acted_at, verified_at, earlier)) for rule in rules
    }
    return without_beaten(program, outcomes)


def _outcome(
    rule: EarnRule,
    command: Act,
    acted_at: datetime,
    verified_at: datetime | None,
    earlier: tuple[Entry, ...],
) -> RuleOutcome:
    reason = _refusal(rule, command, acted_at, verified_at, earlier)
    if reason is not None:
        return RuleOutcome(rule.id, reason)
    if rule.per is None or command.amount is None:
        return RuleOutcome(rule.id, exact=rule.points)
    micros = command.amount.micros
    groups: Exact = Fraction(micros, rule.per.micros) if rule.proportional else micros // rule.per.micros
    exact = rule.points * groups
    reason = None if exact else "below_one_group"
    return RuleOutcome(rule.id, reason, basis_micros=micros, exact=exact)


def _refusal(
    rule: EarnRule,
    command: Act,
    acted_at: datetime,
    verified_at: datetime | None,
    earlier: tuple[Entry, ...],
) -> Reason | None:
    """
    Say why the rule does not reward the act, the first reason in this order; None if it does.
    """
    reason = refusal_of_scope(rule, command.channel, command.customer_group, acted_at, verified_at)
    if reason is not None:
        return reason
    counted = rule.per or rule.minimum
    if counted is not None:
        if command.amount is None:
            return "no_amount"
        if command.amount.currency != counted.currency:
            return "other_currency"
    if rule.minimum is not None and command.amount is not None and command.amount.micros < rule.minimum.micros:
        return "below_minimum"
    rewarded = [entry for entry in earlier if entry.kind == "earned" and entry.rule == rule.id]
    if rule.of_invitee == "first" and command.invitee in {_invitee(entry) for entry in rewarded}:
        return "not_first_of_invitee"
    if rule.limit is not None and len(rewarded) >= rule.limit:
        return "limit_reached"
    return None


def _invitee(entry: Entry) -> str | None:
    return entry.command.invitee if isinstance(entry.command, Act) else None
