"""
The state of an order: what its facts add up to, in whatever order they arrived (R-14).

Facts are kept as a set: each has a name of its own, so a fact that comes twice changes nothing, and every reading of
the state asks only which facts there are and when they happened in business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from fractions import Fraction
from typing import Generic, Literal, TypeVar, cast

from attrs import Factory, define, evolve, frozen

from ..errors import CycleNotOpen
from .commands import (
    AnyOrderCommand,
    ApprovePayment,
    Cancel,
    CancelLines,
    Capture,
    Command,
    DecideReturn,
    Invoice,
    LinesCommand,
    OrderCommand,
    Pay,
    Place,
    Process,
    Redeem,
    ReturnLines,
)
from .entries import Entry
from .holds import HOLD_TRANSITIONS, HoldStatus, OrderHold, hold_of
from .money import Money
from .orders import POINTS, Order, Tender
from .points import Exact
from .program import Program, Returns, Timing

C = TypeVar("C", bound=Command)
L = TypeVar("L", bound=LinesCommand)

Side = Literal["take_back", "give_back"]
"""What a return moves: earned points that are taken back, or redeemed points that are given back."""

_AT_ONCE: dict[Returns, frozenset[Side]] = {
    "manual": frozenset(),
    "automatic": frozenset({"take_back", "give_back"}),
    "give_back": frozenset({"give_back"}),
    "take_back": frozenset({"take_back"}),
}
"""What follows a return without a decision (R-30, S1.19, S1.20)."""


@frozen
class Fact(Generic[C]):
    """
    A fact as recorded: the command, when it happened, the sequence of its first entry about the order, and the program
    then in force.
    """

    command: C
    occurred_at: datetime
    sequence: int
    terms: Program


@define
class Booked:
    """
    A credit or debit of the order and what was reversed of it: `claimed` points, of which `lapsed` had expired and
    `cut` had been cut off by a cap.
    """

    entry: Entry
    claimed: int = 0
    lapsed: int = 0
    cut: int = 0

    @property
    def left(self) -> int:
        """
        The points that are not reversed; those that a cap cut off count.
        """
        return abs(self.entry.points) + self.entry.withheld - self.claimed

    @property
    def held_by_owner(self) -> int:
        """
        The points that are not reversed, without those that a cap cut off.
        """
        return self.left - (self.entry.withheld - self.cut)

    def take(self, reversal: Entry) -> None:
        """
        Count a reversal of it.
        """
        self.claimed += reversal.claimed
        if reversal.kind == "reversed":
            self.cut -= reversal.withheld
            self.lapsed += reversal.claimed + reversal.withheld + reversal.points - reversal.shortfall


@define
class OrderState:
    """
    One order in one cycle: its facts, and what is booked for it.
    """

    order: str
    cycle: int
    facts: dict[str, Fact[AnyOrderCommand]] = Factory(dict[str, Fact[AnyOrderCommand]])
    earned: list[Booked] = Factory(list[Booked])
    redeemed: Booked | None = None
    holds: dict[str, OrderHold] = Factory(dict[str, OrderHold])
    terms: Program | None = None
    """The program under which the order was first counted; later counts use it again (R-31)."""

    @classmethod
    def of(cls, order: str, cycle: int, entries: Iterable[Entry]) -> OrderState:
        """
        Fold the entries that name the order, by sequence, into its state in one cycle.
        """
        state = cls(order, cycle)
        for entry in entries:
            state.add(entry)
        return state

    def add(self, entry: Entry) -> None:
        """
        Take one more entry into account; entries of other cycles and of time alone change nothing but holds.
        """
        if entry.kind in {"released", "lapsed"}:
            self._close_hold(entry)
        command = entry.command
        if not isinstance(command, OrderCommand | Redeem):
            return
        if command.order != self.order or command.cycle != self.cycle:
            return
        terms = entry.terms
        assert terms is not None, "every entry of an order carries its terms"
        self.note(command, command.occurred_at or entry.recorded_at, entry.sequence, terms)
        if entry.kind == "earned":
            self.earned.append(Booked(entry))
        elif entry.kind == "redeemed":
            self.redeemed = Booked(entry)
        elif entry.kind == "held":
            self.holds[hold_of(entry).id] = OrderHold(entry)
        elif entry.kind in {"reversed", "restored"}:
            self._reverse(entry)
        self.count_under(terms)

    def count_under(self, program: Program) -> None:
        """
        Fix the terms once the facts satisfy the program's timing: from then on the order is counted under them.
        """
        if self.terms is None and self.ready_at(program.timing) is not None:
            self.terms = program

    def note(self, command: AnyOrderCommand, occurred_at: datetime, sequence: int, terms: Program) -> None:
        """
        Add a fact, unless it is there already.
        """
        self.facts.setdefault(str(command.fact), Fact(command, occurred_at, sequence, terms))

    def _reverse(self, entry: Entry) -> None:
        booked = [*self.earned, *([self.redeemed] if self.redeemed else [])]
        for one in booked:
            if one.entry.sequence == entry.reverses:
                one.take(entry)

    def _close_hold(self, entry: Entry) -> None:
        for name, hold in self.holds.items():
            if hold.entry.sequence == entry.reverses:
                self.holds[name] = evolve(hold, status=_status_by(entry))

    def lapse_holds(self, at: datetime) -> None:
        """
        Let holds lapse whose time is over at an instant, although nothing was written about it yet.
        """
        for name, hold in self.holds.items():
            self.holds[name] = evolve(hold, status=hold.status_at(at))

    def open_hold(self, at: datetime) -> OrderHold | None:
        """
        The hold whose points are held at an instant, or None.
        """
        return next((hold for hold in self.holds.values() if hold.status_at(at) == "held"), None)

    # --- what the facts say ----------------------------------------------------------------------------------

    def of_kind(self, kind: type[C], until: datetime | None = None) -> list[Fact[C]]:
        """
        The facts of one kind, in the order of arrival, that happened until an instant, inclusive.
        """
        facts = cast("Iterable[Fact[C]]", self.facts.values())
        return [f for f in facts if type(f.command) is kind and (until is None or f.occurred_at <= until)]

    @property
    def document(self) -> Order | None:
        """
        The order as it was processed, or as it was placed before that; None before either.
        """
        return self.document_at(None)

    def document_at(self, until: datetime | None) -> Order | None:
        """
        The document as known from facts until an instant, inclusive; None: from all facts.
        """
        known: list[Fact[Process] | Fact[Place]] = [
            *self.of_kind(Process, until),
            *self.of_kind(Place, until),
        ]
        return known[0].command.document if known else None

    @property
    def currency(self) -> str | None:
        """
        The one currency of the order, as its document, a payment, or redeemed or held points show it; None before any
        of them.
        """
        if self.document is not None:
            return self.document.currency
        moneys = [fact.command.tender.amount for fact in self.of_kind(Pay)]
        points = [self.redeemed.entry] if self.redeemed else []
        points += [hold.entry for hold in self.holds.values() if hold.status == "held"]
        moneys += [entry.money for entry in points if entry.money]
        return moneys[0].currency if moneys else None

    @property
    def redeems(self) -> bool:
        """
        Whether points were redeemed for the order, given back since or not (I-29).
        """
        return self.redemption is not None

    @property
    def redemption(self) -> Fact[Redeem] | Fact[Capture] | None:
        """
        The fact that points were redeemed for the order, at once or from a hold; None if they were not.
        """
        return self._redemption_until(None)

    def _redemption_until(self, until: datetime | None) -> Fact[Redeem] | Fact[Capture] | None:
        found: list[Fact[Redeem] | Fact[Capture]] = [*self.of_kind(Redeem, until), *self.of_kind(Capture, until)]
        return found[0] if found else None

    def before(self, fact: Fact[Redeem] | Fact[Capture]) -> OrderState:
        """
        The state without what happened later in business; facts of one instant count in the order of arrival.
        """
        then = (fact.occurred_at, fact.sequence)
        earlier = {name: f for name, f in self.facts.items() if (f.occurred_at, f.sequence) < then}
        return evolve(self, facts=earlier)

    @property
    def is_cancelled(self) -> bool:
        """
        Whether the order was cancelled, whenever that arrived.
        """
        return bool(self.of_kind(Cancel))

    def tenders(self, until: datetime | None = None) -> dict[str, Tender]:
        """
        Every tender by its id, the document's first; a payment reported by itself overrules it (R-15).
        """
        document = self.document_at(until)
        found = {tender.id: tender for tender in (document.tenders if document else ())}
        found |= {fact.command.tender.id: fact.command.tender for fact in self.of_kind(Pay, until)}
        if self.redeems:  # the redemption is the payment; a tender that repeats it must not count twice
            return {id: tender for id, tender in found.items() if tender.kind != POINTS}
        return found

    def paid_micros(self, until: datetime) -> Exact:
        """
        What approved tenders and redeemed points have paid until an instant, inclusive (S2.5, S2.6).
        """
        approved = {fact.command.tender for fact in self.of_kind(ApprovePayment, until)}
        tenders = self.tenders(until).values()
        paid = sum(t.amount.micros for t in tenders if t.approved or t.id in approved)
        return paid + self.points_pay(until)

    def points_pay(self, until: datetime | None = None) -> Exact:
        """
        What the redeemed points pay for the order, in micros: the part of it that is not cancelled (R-15).
        """
        redemption, document = self._redemption_until(until), self.document_at(until)
        money = self.redeemed.entry.money if self.redeemed else None
        if redemption is None or money is None:
            return 0
        assert document is not None, "what points pay is asked of orders that are known"
        gone = self.quantities(CancelLines, until)
        held = self.before(redemption).kept(document, None)
        return money.micros * (1 - gone_share(document, held, self.left(document, gone)))

    def quantities(self, kind: type[L], until: datetime | None = None, side: Side = "take_back") -> dict[str, int]:
        """
        The sum of quantities by line over the documents of one kind.

        Returns count from their decision on, or at once where the program in force moves that side at once (R-30).
        """
        total: dict[str, int] = {}
        for fact in self.of_kind(kind, until):
            if self.is_decided(fact, side):
                for line, quantity in fact.command.lines:
                    total[line] = total.get(line, 0) + quantity
        return total

    def is_decided(self, fact: Fact[L], side: Side) -> bool:
        """
        Whether points follow the document already: a return may wait for its decision (R-30).
        """
        if not isinstance(fact.command, ReturnLines) or side in _AT_ONCE[fact.terms.returns]:
            return True
        decisions = {decision.command.return_id for decision in self.of_kind(DecideReturn)}
        return fact.command.id in decisions

    def kept(self, document: Order, side: Side | None) -> dict[str, int]:
        """
        Units of each line that are not cancelled and, for a side, not returned; never below 0.
        """
        gone = self.quantities(CancelLines)
        back = self.quantities(ReturnLines, None, side) if side else {}
        return self.left(document, gone, back)

    @staticmethod
    def left(document: Order, *taken: dict[str, int]) -> dict[str, int]:
        """
        Return the units of each line less what was taken; never below 0.
        """
        left = {line.id: line.quantity - sum(t.get(line.id, 0) for t in taken) for line in document.lines}
        return {line: max(0, quantity) for line, quantity in left.items()}

    # --- timing ----------------------------------------------------------------------------------------------

    def ready_at(self, timing: Timing) -> datetime | None:
        """
        Return the earliest business instant at which the facts up to it satisfy the timing, or None (R-13).

        A fact that arrives late gives the same answer as one that arrived in time.
        """
        satisfied = _TIMINGS[timing]
        for instant in sorted({fact.occurred_at for fact in self.facts.values()}):
            if satisfied(self, instant):
                return instant
        return None


def _status_by(closing: Entry) -> HoldStatus:
    if closing.kind == "lapsed":
        return HOLD_TRANSITIONS["held", "deadline"]
    return HOLD_TRANSITIONS["held", "capture" if isinstance(closing.command, Capture) else "release"]


def gone_share(document: Order, held: dict[str, int], kept: dict[str, int]) -> Fraction:
    """
    Return which part of the price of the units held, or of their number where they cost nothing, is no longer kept.
    """
    price, units = sum(document.nets(held)), sum(held.values())
    if price:
        return 1 - Fraction(sum(document.nets(kept))) / price
    return 1 - Fraction(sum(kept.values()), units) if units else Fraction(0)


def _is_saved(state: OrderState, until: datetime) -> bool:
    return state.document_at(until) is not None


def _is_processed(state: OrderState, until: datetime) -> bool:
    return bool(state.of_kind(Process, until))


def _is_paid(state: OrderState, until: datetime) -> bool:
    document = state.document_at(until)
    if document is None:
        return False
    nets = document.nets(state.left(document, state.quantities(CancelLines, until)))
    extras = sum(money.micros for money in (document.shipping, document.tax) if money)
    total = Money.rounded_down(sum(nets) + extras, document.currency)
    return state.paid_micros(until) >= total.micros


def _is_invoiced(state: OrderState, until: datetime) -> bool:
    document = state.document_at(until)
    if document is None:
        return False
    done, gone = state.quantities(Invoice, until), state.quantities(CancelLines, until)
    return all(done.get(line.id, 0) + gone.get(line.id, 0) >= line.quantity for line in document.lines)


def check_cycle(state: OrderState, entries: Iterable[Entry]) -> None:
    """
    Raise `CycleNotOpen` unless this is the first cycle or the one before was cancelled (R-29, I-16).
    """
    if state.cycle > 1 and not OrderState.of(state.order, state.cycle - 1, entries).is_cancelled:
        raise CycleNotOpen(state.order, state.cycle)


_TIMINGS: dict[Timing, Callable[[OrderState, datetime], bool]] = {
    "on_save": _is_saved,
    "on_processed": _is_processed,
    "on_full_payment": _is_paid,
    "when_all_lines_invoiced_or_cancelled": _is_invoiced,
}
