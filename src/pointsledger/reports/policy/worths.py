"""
What points can pay at best.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from fractions import Fraction

from attrs import field, frozen

from ...domain.program import Program
from ...domain.rates import ExchangeRate
from ...domain.rules import EarnRule
from .limits import is_redeemable
from .places import Place

_MICROSECOND = timedelta(microseconds=1)
_Key = tuple[str, str | None, datetime]


@frozen
class Worths:
    """
    What a point that a rule gives can pay, at best.
    """

    program: Program
    currency: str
    _known: dict[_Key, tuple[Fraction, int]] = field(factory=dict[_Key, tuple[Fraction, int]], init=False)

    @property
    def most(self) -> Fraction:
        """
        What a point can pay at most, in micros, at any rate.
        """
        return max((_each(rate) for _, rate in self._rates()), default=Fraction(0))

    def of(self, rule: EarnRule, place: Place) -> tuple[Fraction, int]:
        """
        Return what a point of the rule can pay, in micros, and the place of the rate; 0 and -1 where there is none.
        """
        key = (rule.id, place.customer_group, place.earned_at)
        if key not in self._known:
            self._known[key] = self._best(rule, place)
        return self._known[key]

    def _rates(self) -> list[tuple[int, ExchangeRate]]:
        """
        Return the rates that pay the currency and can be used, the dearest point first.
        """
        rates = [
            (i, rate)
            for i, rate in enumerate(self.program.exchange_rates)
            if rate.currency == self.currency and is_redeemable(self.program, rate)
        ]
        return sorted(rates, key=lambda pair: -_each(pair[1]))

    def _best(self, rule: EarnRule, place: Place) -> tuple[Fraction, int]:
        usable_from, until = self._life(rule, place.earned_at)
        for i, rate in self._rates():
            at = max(usable_from, rate.valid_from or usable_from)
            if until is not None and at >= until:
                continue
            for channel in sorted(rate.channels) or (None,):
                group = place.customer_group
                counts = self.program.rate(self.currency, channel=channel, customer_group=group, at=at)
                if counts == rate.figures and rate.holds(channel, group, at):
                    return _each(rate), i
        return Fraction(0), -1

    def _life(self, rule: EarnRule, earned_at: datetime) -> tuple[datetime, datetime | None]:
        """
        Return from when to before when points can be used, if nothing else happens on the account.
        """
        pending = rule.pending or self.program.pending
        usable_from = earned_at if pending.kind == "event" else self.program.usable_from(earned_at, rule)
        idle = self.program.expiry.lapses_at(earned_at, self.program.timezone)
        if idle is not None:  # what becomes usable later than that did not lapse by it
            idle = max(idle, usable_from + _MICROSECOND)
        ends = [end for end in (self.program.expires_at(usable_from, rule), idle) if end is not None]
        return usable_from, min(ends, default=None)


def _each(rate: ExchangeRate) -> Fraction:
    return Fraction(rate.money.micros, rate.points)
