"""
Redeeming: what may be redeemed, and what it pays (R-23, R-25).
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor, lcm

from .folding import available, fold, usable_lots
from .order_booking import OrderBooking
from .order_facts import document_of, facts_of, price, tenders_of, total, units, whole_cents
from .plain import Plain, Refusal


def rate_of(rates: list[Plain], currency: str | None, channel: str | None, customer_group: str | None) -> Plain | None:
    """
    Return the rate that counts: of those that hold, the one named most narrowly, then the first (R-23).
    """
    holding = [
        rate
        for rate in rates
        if currency in (None, rate["money"][1])
        and (not rate.get("channels") or channel in rate["channels"])
        and (not rate.get("customer_groups") or customer_group in rate["customer_groups"])
    ]
    holding.sort(key=lambda rate: (not rate.get("customer_groups"), not rate.get("channels")))
    return holding[0] if holding else None


class Redeeming(OrderBooking):
    """
    A command that redeems points, for an order or not.
    """

    def redeem(self) -> None:
        command, program = self.command, self.program
        self.check_gates()
        if command.get("order"):
            self.book_what_paying_ends()
        rate, to_pay, eligible, there = self.check_gates()
        if command["points"] > there:
            raise Refusal("InsufficientPoints")
        allowed, money = clamped(program["limits"], rate, to_pay, eligible, command["points"])
        if allowed != command["points"]:
            raise Refusal("RedemptionLimited")
        self.post(
            "redeemed",
            -allowed,
            allocations=self.draw(allowed, usable_lots(program, fold(self.entries), self.now)),
            money=(money, rate["money"][1]) if rate else None,
            lapses_at=self.idle_until("redeem", self.occurred_at),
        )
        if command.get("order"):
            self.book()

    def check_gates(self) -> tuple[Plain | None, Fraction | None, Fraction | None, int]:
        """
        Refuse where nothing can be redeemed; return the rate, what is to pay, what is eligible and what there is.
        """
        limits, there = self.program["limits"], available(self.program, self.entries, self.now)
        if not self.program["active"]:
            raise Refusal("ProgramInactive")
        if fold(self.entries)["debt"]:
            raise Refusal("DebtOutstanding")
        if limits.get("threshold") and there < limits["threshold"]:
            raise Refusal("BelowThreshold")
        rate, to_pay, eligible = self.payment()
        if limits.get("share_max") and eligible is None:
            raise Refusal("InvalidInput")
        return rate, to_pay, eligible, there

    def payment(self) -> tuple[Plain | None, Fraction | None, Fraction | None]:
        """
        Return the rate, what is left to pay and the eligible net.
        """
        command, rates = self.command, self.program["rates"]
        document: Plain | None = None
        facts: list[Plain] = []
        if command.get("order"):
            facts = facts_of(self.entries_before_command(), *self.name)
            document = document_of(facts)
        currencies = [command["currency"]] if command.get("currency") else []
        currencies += [command[name][1] for name in ("to_pay", "eligible") if command.get(name)]
        currencies += self.currencies(facts) if command.get("order") else []
        if len(set(currencies)) > 1:
            raise Refusal("CurrencyMismatch")
        ordered = document or {}
        channel = command.get("channel") or ordered.get("channel")
        customer_group = command.get("customer_group") or ordered.get("customer_group")
        rate = rate_of(rates, currencies[0] if currencies else None, channel, customer_group)
        if rate is None and currencies:
            raise Refusal("NoExchangeRate")
        to_pay = command["to_pay"][0] if command.get("to_pay") else None
        eligible = command["eligible"][0] if command.get("eligible") else None
        if document:
            cancelled = units(facts, "cancel_lines")
            if to_pay is None:
                paid = [tender["amount"] for tender in tenders_of(facts, waiting=True) if tender["kind"] != "points"]
                to_pay = whole_cents(max(Fraction(0), total(facts) - sum(paid)))
            if eligible is None:
                eligible = whole_cents(
                    price(document, lambda line: max(0, line["quantity"] - cancelled.get(line["id"], 0)))
                )
        return rate, to_pay, to_pay if eligible is None else eligible


def clamped(
    limits: Plain, rate: Plain | None, to_pay: Fraction | None, eligible: Fraction | None, points: int
) -> tuple[int, Fraction | None]:
    """
    Return how many of the points may be redeemed, and what they pay (R-25).
    """
    if rate is None:
        most = min(points, limits.get("points_max", points))
        most -= most % limits.get("step", 1)
        return (most if most >= limits.get("points_min", 1) else 0), None
    group, worth = rate["points"], rate["money"][0]
    caps: list[Fraction] = []
    if limits.get("share_max"):
        caps.append(limits["share_max"] * eligible)
    if limits.get("money_max"):
        caps.append(limits["money_max"][0])
    most = min([points] + ([limits["points_max"]] if limits.get("points_max") else []))
    least = limits.get("points_min", 1)
    if limits.get("exact_payoff") and to_pay:
        exact = ceil(to_pay * group / worth)
        if exact <= most and all(to_pay <= cap for cap in caps):
            return (exact, to_pay) if exact >= least else (0, Fraction(0))
    if to_pay is not None:
        caps.append(to_pay)
    for cap in caps:
        most = min(most, floor(cap / worth) * group)
    most -= most % lcm(group, limits.get("step", 1))
    return (most, most // group * worth) if most >= least else (0, Fraction(0))
