"""
The state of an order: what its facts add up to, in whatever order they arrived (R-14).

Facts are kept as a set: each has a name of its own, so a fact that comes twice changes nothing, and every reading of
the state asks only which facts there are and when they happened in business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Generic, TypeVar, cast

from attrs import Factory, define, evolve, frozen

from ..errors import CycleNotOpen
from .commands import (
    AnyOrderCommand,
    ApprovePayment,
    Cancel,
    CancelLines,
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
from .money import Money
from .orders import POINTS, Order, Tender
from .program import Program, Timing

C = TypeVar("C", bound=Command)
L = TypeVar("L", bound=LinesCommand)


@frozen
class Fact(Generic[C]):
    """
    A fact as recorded: the command, when it happened, its first entry's sequence and the program then in force.
    """

    command: C
    occurred_at: datetime
    sequence: int
    terms: Program


@define
class Booked:
    """
    A credit or debit of the order and what was reversed of it: `claimed` points, of which `lapsed` had expired.
    """

    entry: Entry
    claimed: int = 0
    lapsed: int = 0

    @property
    def left(self) -> int:
        """
        The points that are not reversed.
        """
        return abs(self.entry.points) - self.claimed


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
        Take one more entry into account; entries of other cycles and of time alone change nothing.
        """
        command = entry.command
        if not isinstance(command, OrderCommand | Redeem) or command.cycle != self.cycle:
            return
        terms = entry.terms
        assert terms is not None, "every entry of an order carries its terms"
        if entry.ordinal == 0:
            self.note(command, command.occurred_at or entry.recorded_at, entry.sequence, terms)
        if entry.kind == "earned":
            self.earned.append(Booked(entry))
        elif entry.kind == "redeemed":
            self.redeemed = Booked(entry)
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
                one.claimed += entry.claimed
                if entry.kind == "reversed":
                    one.lapsed += entry.claimed + entry.points - entry.shortfall

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
        The one currency of the order, as its document, a payment or redeemed points show it; None before any of them.
        """
        if self.document is not None:
            return self.document.currency
        moneys = [fact.command.tender.amount for fact in self.of_kind(Pay)]
        if self.redeemed is not None and self.redeemed.entry.money is not None:
            moneys.append(self.redeemed.entry.money)
        return moneys[0].currency if moneys else None

    @property
    def redeems(self) -> bool:
        """
        Whether points were redeemed for the order, given back since or not (I-29).
        """
        return bool(self.of_kind(Redeem))

    @property
    def redemption(self) -> Fact[Redeem]:
        """
        The fact that points were redeemed for the order; there is one where `redeems`.
        """
        return self.of_kind(Redeem)[0]

    def before(self, fact: Fact[C]) -> OrderState:
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

    def paid_micros(self, until: datetime) -> int:
        """
        What approved tenders and redeemed points have paid until an instant, inclusive (S2.5, S2.6).
        """
        approved = {fact.command.tender for fact in self.of_kind(ApprovePayment, until)}
        tenders = self.tenders(until).values()
        paid = sum(t.amount.micros for t in tenders if t.approved or t.id in approved)
        return paid + (self.points_money_micros if self.of_kind(Redeem, until) else 0)

    @property
    def points_money_micros(self) -> int:
        """
        What the redeemed points paid for the order.
        """
        money = self.redeemed.entry.money if self.redeemed else None
        return money.micros if money else 0

    def quantities(self, kind: type[L], until: datetime | None = None) -> dict[str, int]:
        """
        The sum of quantities by line over the documents of one kind.

        Returns count from their decision on, or at once where the program in force was automatic (R-30).
        """
        total: dict[str, int] = {}
        for fact in self.of_kind(kind, until):
            if self.is_decided(fact):
                for line, quantity in fact.command.lines:
                    total[line] = total.get(line, 0) + quantity
        return total

    def is_decided(self, fact: Fact[L]) -> bool:
        """
        Whether points follow the document already: a return in a manual program waits for its decision (R-30).
        """
        if not isinstance(fact.command, ReturnLines) or fact.terms.returns == "automatic":
            return True
        decisions = {decision.command.return_id for decision in self.of_kind(DecideReturn)}
        return fact.command.id in decisions

    def kept(self, document: Order, *, returned: bool) -> dict[str, int]:
        """
        Units of each line that are not cancelled and, where `returned`, not returned; never below 0.
        """
        gone = self.quantities(CancelLines)
        back = self.quantities(ReturnLines) if returned else {}
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
