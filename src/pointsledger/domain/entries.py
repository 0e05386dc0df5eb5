"""
Entries: the append-only record of what moved (R-07, R-10).
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple

from attrs import field, frozen

from .commands import Command, order_of
from .lots import Lot, LotDates
from .money import Money
from .program import Program
from .rates import ExchangeRate

EntryKind = Literal[
    "earned",
    "adjusted",
    "redeemed",
    "reversed",
    "restored",
    "expired",
    "reinstated",
    "repaid",
    "forgiven",
    "held",
    "released",
    "lapsed",
    "redated",
    "noted",
]


class Allocation(NamedTuple):
    """
    A part of an entry that went into or out of one lot; always above 0 (R-08).
    """

    lot: int
    points: int


@frozen
class Entry:
    """
    One change of an account, for good.

    Args:
        sequence: 1, 2, 3 … within the account, without gaps (I-13).
        kind: what happened; ``noted`` records a fact that moved no points, ``lapsed`` a hold whose time was over.
        points: what went into lots (above 0) or out of them (below 0); the allocations sum to it (I-5). The
            allocations of ``redated`` say how many points have another date now; it moves none.
        balance_after: points in all lots after it, available and pending, without those that are held (I-4).
        occurred_at: business time; it decides expiry.
        recorded_at: when it was appended; it decides nothing and never runs backwards.
        command: what was asked; entries of one command share it.
        key: the idempotency key of the command; None for a sweep.
        ordinal: 0 for the first entry of its command, then 1, 2 …
        allocations: the lots, in the order in which they were drawn or filled.
        opened: the lot that this entry opened, as it was then.
        debt: what was added to the debt (above 0) or taken off it (below 0).
        reverses: the sequence of the entry that a reversal takes back or restores.
        claimed: how many points of that entry are dealt with by this reversal.
        shortfall: how many of them were spent and could not be taken from lots; the policy says what became of them:
            `debt` counts what is owed now, the rest was written off (R-32).
        rate: the rate in force (R-24).
        money: what a redemption paid.
        still_to_pay: what it left to pay, where that is known (R-26).
        lapses_at: where inactivity counts, when the account lapses after this activity (R-36).
        terms: the program in force, kept so that a later reversal or explanation uses what was recorded (R-31).
        channel: the website or shop it belongs to: the command's, or the order's (S1.8).
        topic: what it is found by: its order, or what else it concerns.
        rule: the rule that rewarded an act.
        withheld: points that a cap cut off (above 0), or that were cut off and are due no more (below 0) (R-19).
        dates: the dates that its lots have from now on; for what a cap cut off wholly, those that its lot would have.
    """

    sequence: int
    kind: EntryKind
    points: int
    balance_after: int
    occurred_at: datetime
    recorded_at: datetime
    command: Command
    key: str | None = None
    ordinal: int = 0
    allocations: tuple[Allocation, ...] = ()
    opened: Lot | None = None
    debt: int = 0
    reverses: int | None = None
    claimed: int = 0
    shortfall: int = 0
    rate: ExchangeRate | None = None
    money: Money | None = None
    still_to_pay: Money | None = None
    lapses_at: datetime | None = None
    terms: Program | None = field(default=None, repr=False)
    channel: str | None = None
    topic: str | None = None
    rule: str | None = None
    withheld: int = 0
    dates: LotDates | None = None

    @property
    def order(self) -> str | None:
        """
        The order that it belongs to; None also where a command about an order only found that points had lapsed.
        """
        if self.kind == "expired":
            return None
        return self.topic if self.kind == "lapsed" else order_of(self.command)

    @property
    def is_by_time(self) -> bool:
        """
        Whether time alone did it, so that it took effect at `occurred_at`, whenever it was written down.
        """
        return self.kind in {"expired", "lapsed", "repaid"}

    @property
    def lot_dates(self) -> LotDates:
        """
        The dates of the lot that a credit opened, or would have opened.
        """
        if self.opened is None:
            assert self.dates is not None, "a credit that opens no lot keeps the dates"
            return self.dates
        return LotDates(self.opened.available_at, self.opened.expires_at, self.opened.follows)

    @property
    def reason(self) -> str | None:
        """
        Why it was done, as the command says.
        """
        return self.command.reason

    @property
    def comment(self) -> str | None:
        """
        The command's comment.
        """
        return self.command.comment

    @property
    def actor(self) -> str | None:
        """
        Who did it, as the command says.
        """
        return self.command.actor

    @property
    def value(self) -> Money | None:
        """
        What the points are worth at the rate then in force; negative for points that left (S1.6).
        """
        if self.money is not None:
            return Money.of_micros(-self.money.micros, self.money.currency)
        return None if self.rate is None else self.rate.value(self.points)

    @property
    def balance_value(self) -> Money | None:
        """
        What the balance was worth after the entry, at the rate then in force (S1.5).
        """
        return None if self.rate is None else self.rate.value(self.balance_after)

    @property
    def written_off(self) -> int:
        """
        The part of the shortfall that nobody owes.
        """
        return self.shortfall - self.debt if self.shortfall else 0


def counts_at(entry: Entry) -> datetime | None:
    """
    Return the instant at which an entry counts for the caps on periods, or None if it does not (R-19).
    """
    counted = entry.kind == "earned" and entry.terms is not None and entry.terms.caps.per_period
    return entry.occurred_at if counted else None
