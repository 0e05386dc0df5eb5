"""
What holders, or whoever serves them, could do with a program that its merchant may not have meant.
"""

from __future__ import annotations

from ...domain.program import Program
from ...domain.rules import EarnRule
from .dates import lives
from .findings import ORDER_KINDS, Said, currency_of, giving_rules, rule_path
from .limits import can_redeem, is_redeemable


def check_misuse(program: Program) -> Said:
    """
    Find ways to earn again, to keep what was taken back, and to keep points alive.
    """
    yield from _paid_with_points(program)
    yield from _kept(program)
    yield from _renewed(program)
    yield from _refused(program)


def _order_rules(program: Program) -> list[EarnRule]:
    return [rule for rule in program.earn_rules if rule.kind in ORDER_KINDS]


def _paid_with_points(program: Program) -> Said:
    """
    An order that is paid with points earns as if it were paid with money.
    """
    payable = {rate.currency for rate in program.exchange_rates if is_redeemable(program, rate)}
    earning = [rule for rule in _order_rules(program) if payable & {currency_of(rule), *_any(rule, payable)}]
    if program.redeeming_orders == "full" and earning:
        sentence = "What is paid with points earns points again; net_of_points and earn_nothing end that."
        fields = ("redeeming_orders", *(rule_path(program, rule) for rule in earning))
        yield "paid_with_points_earns_again", sentence, fields


def _any(rule: EarnRule, currencies: set[str]) -> set[str]:
    return currencies if currency_of(rule) is None else set()


def _kept(program: Program) -> Said:
    """
    Points that are spent before their order comes back are written off.
    """
    at_once = [rule for rule in _order_rules(program) if (rule.pending or program.pending).kind == "at_once"]
    if program.shortfall == "clamp" and at_once and can_redeem(program):
        sentence = "Who spends points at once and then returns what earned them keeps what the points paid."
        yield "spent_points_are_kept", sentence, ("shortfall", *(rule_path(program, rule) for rule in at_once))


def _renewed(program: Program) -> Said:
    """
    Points that come back after their date live as long as new ones, or longer.
    """
    policies = [program.expiry, *(rule.expiry for rule in giving_rules(program) if rule.expiry is not None)]
    dated = any(next(lives(expiry), None) is not None for expiry in policies)
    if not dated or not can_redeem(program):
        return
    if program.restore.lapsed == "fresh" and program.expiry.kind != "on":
        sentence = "Who pays with points, lets their date pass and cancels has them back with a new date."
        yield "cancelling_renews", sentence, ("restore.lapsed",)
    days = program.restore.grace_days
    longest = max(life for expiry in policies for life in lives(expiry)) if days else 0
    if days > longest:
        sentence = f"Points that come back after their date live {days:,} days more, and new ones {longest:,} at most."
        yield "cancelling_renews", sentence, ("restore.grace_days", "expiry")


def _refused(program: Program) -> Said:
    """
    A return that was reported cannot be recorded while its points are spent.
    """
    if program.shortfall == "refuse" and program.returns in {"automatic", "take_back"} and _order_rules(program):
        sentence = "The report of a return is refused while the points that it takes back are spent."
        yield "return_can_be_refused", sentence, ("shortfall", "returns")
