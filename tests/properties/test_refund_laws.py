"""
Laws of refunds: a quote is what happens, parts add up to the whole, and nobody gets back more than was paid (R-30).

The expected figures come from the order itself: what its lines cost, and what the redemption said that it paid.
"""

# ruff: noqa: D103 - the names say what they are

from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import datetime
from fractions import Fraction
from typing import Any

from attrs import evolve, fields, frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsledger import (
    EarnRule,
    ExchangeRate,
    ExpiryPolicy,
    Ledger,
    Money,
    Order,
    OrderLine,
    Program,
    Receipt,
    RestorePolicy,
    Tender,
)
from pointsledger.domain.refunds import RefundQuote
from pointsledger.errors import Refused, ShortfallRefused
from pointsledger.port import Storage
from pointsledger.reports.verify import verify
from pointsledger.testing.stories import translation
from pointsledger.testing.stories.shapes import documents, programs
from tests.properties.test_laws import ANN, BY_HAND, DAY, START, Open, eur, law, net_earned, on_both_storages

law = settings(law, max_examples=60)
CENT = 10_000
"""Micros."""
Units = dict[str, int]


def cents(count: int) -> Money:
    return eur(Fraction(count, 100))


@frozen
class Sale:
    """
    An order under a program, with what Ann has before it, redeems for it, and spends after it.
    """

    program: Program
    document: Order
    funds: int
    redeems: int
    processed_first: bool
    spends: int

    def told(self, storage: Storage, program: Program | None = None) -> Ledger:
        """
        Return the ledger on which it was sold.
        """
        ledger = Ledger(program or self.program, storage, clock=lambda: START)
        ledger.adjust(ANN, self.funds, expires_at=START + 9 * DAY, **BY_HAND)
        if self.processed_first:
            ledger.process(self.document)
        if self.redeems:
            ledger.redeem(ANN, self.redeems, order="o", to_pay=self.price)
        if not self.processed_first:
            ledger.process(self.document)
        spend = min(self.spends, ledger.balance(ANN).available)
        if spend:
            ledger.adjust(ANN, -spend, **BY_HAND)
        return ledger

    @property
    def price(self) -> Money:
        """
        What the lines cost after all discounts.
        """
        nets = sum(line.net_micros for line in self.document.lines)
        return Money.rounded_down(nets - (self.document.discount or eur("0.00")).micros, "EUR")

    @property
    def paid_with_points(self) -> Money:
        """
        What the redeemed points paid of it, in whole groups.
        """
        rate = self.program.exchange_rates[0]
        return Money.of_micros(self.redeems // rate.points * rate.money.micros, "EUR")

    @property
    def units(self) -> Units:
        """
        All of its units, by line.
        """
        return {line.id: line.quantity for line in self.document.lines}


@st.composite
def sales(draw: st.DrawFn) -> Sale:
    rate = ExchangeRate(draw(st.sampled_from([1, 7, 10])), cents(draw(st.sampled_from([1, 3, 100]))))
    rule = EarnRule.per_amount(
        draw(st.integers(1, 20)),
        per=cents(draw(st.integers(1, 300))),
        proportional=draw(st.booleans()),
        rounding=draw(st.sampled_from(["floor", "ceil", "half_up", "half_even"])),
    )
    program = Program(
        id="p",
        earn_rules=[rule],
        exchange_rates=[rate],
        redeeming_orders=draw(st.sampled_from(["earn_nothing", "net_of_points", "full"])),
        shortfall=draw(st.sampled_from(["debt", "clamp"])),
        expiry=draw(st.sampled_from([ExpiryPolicy.never(), ExpiryPolicy.after(days=3)])),
        restore=draw(st.sampled_from([RestorePolicy(), RestorePolicy(lapsed="fresh")])),
        returns="automatic",
    )
    lines = []
    for n in range(draw(st.integers(1, 3))):
        price, quantity = draw(st.integers(0, 2000)), draw(st.integers(1, 4))
        discount = cents(draw(st.integers(0, min(99, price * quantity))))
        lines.append(OrderLine(f"line-{n}", cents(price), quantity, discount=discount))
    left = sum(line.net_micros for line in lines) // CENT
    document = Order(
        "o",
        ANN,
        lines,
        discount=cents(draw(st.integers(0, min(999, left)))),
        shipping=draw(st.sampled_from([None, eur("4.90")])),
        tenders=draw(st.sampled_from([(), (Tender("gift_card", eur("2.00")),)])),
    )
    sale = Sale(program, document, 50_000, 0, draw(st.booleans()), draw(st.sampled_from([0, 0, 100, 60_000])))
    groups = min(sale.price.micros // rate.money.micros, sale.funds // rate.points)
    return evolve(sale, redeems=draw(st.integers(0, groups)) * rate.points)


@st.composite
def partitions(draw: st.DrawFn, units: Units) -> list[Units]:
    """
    Return a split of all units into parts.
    """
    mixed = draw(st.permutations([line for line, count in units.items() for _ in range(count)]))
    parts: list[Units] = [{}]
    for line in mixed:
        if parts[-1] and draw(st.booleans()):
            parts.append({})
        parts[-1][line] = parts[-1].get(line, 0) + 1
    return parts


FIGURES = ("refund", "cash", "paid_with_points", "take_back", "give_back")


def figures(*quotes: RefundQuote) -> dict[str, int]:
    """
    Return the sums of quotes, money in micros.
    """
    return {name: sum(_number(getattr(quote, name)) for quote in quotes) for name in FIGURES}


def _number(value: Any) -> int:
    return value.micros if isinstance(value, Money) else value


def by_line(*quotes: RefundQuote) -> dict[str, int]:
    """
    Return the earned points that each line loses.
    """
    lost: dict[str, int] = {}
    for quote in quotes:
        for part in quote.lines:
            lost[part.line] = lost.get(part.line, 0) + part.take_back
    return {line: points for line, points in lost.items() if points}


def returned(ledger: Ledger, parts: list[Units], *, cancel: bool) -> Iterator[RefundQuote]:
    """
    Return parts one by one, or the last one by a cancel, and yield what was quoted before each.
    """
    for n, part in enumerate(parts, 1):
        last = cancel and n == len(parts)
        yield ledger.quote_refund("o", None if last else part, account=ANN)
        if last:
            ledger.cancel("o", account=ANN)
        else:
            ledger.return_lines("o", f"r{n}", part, account=ANN)


def kept(ledger: Ledger) -> int:
    """
    Return what the holder has of what the order earned; of a credit, what a cap cut off is taken back first (R-19).
    """
    entries = ledger.entries(ANN, limit=10_000)
    claimed = Counter[int]()
    for entry in entries:
        if entry.reverses is not None:
            claimed[entry.reverses] += entry.claimed
    earned = [entry for entry in entries if entry.kind == "earned"]
    return sum(entry.points - max(0, claimed[entry.sequence] - entry.withheld) for entry in earned)


def everything(ledger: Ledger, at: datetime) -> tuple[object, ...]:
    return ledger.balance(ANN, at=at), ledger.lots(ANN, at=at), ledger.entries(ANN, limit=10_000)


def posted(receipt: Receipt, kind: str) -> int:
    return sum(entry.points for entry in receipt.entries if entry.kind == kind)


@on_both_storages
@law
@given(sale=sales(), cancel=st.booleans(), data=st.data())
def test_parts_add_up_to_the_whole(opened: Open, sale: Sale, cancel: bool, data: st.DataObject) -> None:
    """
    Returned in parts, in any split and order, an order gives in all the cash, the points given back and the points
    taken back that returning or cancelling it at once gives (R-30, I-11).
    """
    parts = data.draw(partitions(sale.units))
    with closing(opened()) as storage:
        ledger = sale.told(storage)
        whole = ledger.quote_refund("o", sale.units, account=ANN)
        cancelled = ledger.quote_refund("o", account=ANN)
        quotes = list(returned(ledger, parts, cancel=cancel))
        assert figures(*quotes) == figures(whole) == figures(cancelled)
        assert by_line(*quotes) == by_line(whole) == by_line(cancelled)
        assert not verify(storage, "p").findings


@on_both_storages
@law
@given(sale=sales(), cancel=st.booleans(), data=st.data())
def test_never_more_than_was_paid(opened: Open, sale: Sale, cancel: bool, data: st.DataObject) -> None:
    """
    At every step, what came back in cash and in points, at the recorded rate, is at most what the goods cost that went;
    in the end cash is what was paid in cash, and points are those that were used (R-30, R-24).
    """
    parts = data.draw(partitions(sale.units))
    with closing(opened()) as storage:
        ledger = sale.told(storage)
        cash = points = price = 0
        for quote in returned(ledger, parts, cancel=cancel):
            sums = figures(quote)
            assert min(sums["cash"], sums["give_back"], sums["paid_with_points"], sums["refund"]) >= 0
            assert sums["cash"] + sums["paid_with_points"] == sums["refund"]
            cash, points, price = cash + sums["cash"], points + sums["give_back"], price + sums["refund"]
            worth = sale.paid_with_points.micros * points // (sale.redeems or 1) // CENT * CENT
            assert cash + worth <= price <= sale.price.micros
            assert sum(part.refund.micros for part in quote.lines) == sums["refund"]
            assert sum(part.give_back for part in quote.lines) == sums["give_back"]
        assert (price, points) == (sale.price.micros, sale.redeems)
        assert cash == sale.price.micros - sale.paid_with_points.micros


@on_both_storages
@law
@given(sale=sales(), days=st.sampled_from([0, 0, 5, 12]), cancel=st.booleans(), data=st.data())
def test_what_is_quoted_is_posted(opened: Open, sale: Sale, days: int, cancel: bool, data: st.DataObject) -> None:
    """
    A return or cancel right after its quote posts exactly the points that were quoted: given back, taken back, lapsing
    at once and short (R-30, R-32, R-34).
    """
    parts, later = data.draw(partitions(sale.units)), START + days * DAY
    with closing(opened()) as storage:
        ledger = sale.told(storage)
        ledger.expire(ANN, at=later)
        for n, part in enumerate(parts):
            by_cancel = cancel and n == len(parts) - 1
            quote = ledger.quote_refund("o", None if by_cancel else part, account=ANN, at=later)
            before, earned = ledger.balance(ANN, at=later), net_earned(ledger, "o")
            if by_cancel:
                receipt = ledger.cancel("o", account=ANN, at=later)
            else:
                receipt = ledger.return_lines("o", f"r{n}", part, account=ANN, at=later)
            after = ledger.balance(ANN, at=later)
            back = sum(entry.claimed for entry in receipt.entries if entry.kind == "restored")
            assert (back, earned - net_earned(ledger, "o")) == (quote.give_back, quote.take_back)
            assert (-posted(receipt, "expired"), receipt.shortfall) == (quote.lapsing, quote.shortfall)
            written_off = sum(entry.written_off for entry in receipt.entries)
            assert written_off == (quote.shortfall if sale.program.shortfall == "clamp" else 0)
            moved = after.available + after.pending - after.debt - before.available - before.pending + before.debt
            gained = quote.give_back - quote.lapsing - quote.take_back + written_off
            # What lapsed of an earn before is taken back too, and costs nobody a second time.
            assert moved >= gained
            assert moved == gained or days


@on_both_storages
@law
@given(sale=sales(), days=st.sampled_from([0, 12]), data=st.data())
def test_a_return_that_waits(opened: Open, sale: Sale, days: int, data: st.DataObject) -> None:
    """
    The proposal for a reported return says what the quote for it said, and accepting it posts that, whichever sides
    wait for the decision (R-30).
    """
    parts, later = data.draw(partitions(sale.units)), START + days * DAY
    with closing(opened()) as storage:
        ledger = sale.told(storage, evolve(sale.program, returns="manual"))
        for n, part in enumerate(parts):
            quote = ledger.quote_refund("o", part, account=ANN, at=later)
            ledger.return_lines("o", f"r{n}", part, account=ANN, at=later)
            proposal = ledger.propose_return("o", f"r{n}", account=ANN, at=later)
            names = [name.name for name in fields(RefundQuote)]
            assert [getattr(proposal, name) for name in names] == [getattr(quote, name) for name in names]
            earned = net_earned(ledger, "o")
            receipt = ledger.settle_return(proposal, at=later, **BY_HAND)
            back = sum(entry.claimed for entry in receipt.entries if entry.kind == "restored")
            assert (back, earned - net_earned(ledger, "o")) == (quote.give_back, quote.take_back)


@on_both_storages
@law
@given(sale=sales(), days=st.sampled_from([0, 5, 12]), cancel=st.booleans(), data=st.data())
def test_a_quote_changes_nothing(opened: Open, sale: Sale, days: int, cancel: bool, data: st.DataObject) -> None:
    """
    Quotes leave entries, lots and balance as they were; asked twice they say the same, also for now and for later
    (R-30, R-11).
    """
    parts, later = data.draw(partitions(sale.units)), START + days * DAY
    with closing(opened()) as storage:
        ledger = sale.told(storage)
        for n, part in enumerate(parts):
            before = everything(ledger, later), storage.due_accounts("p", later, 9)
            asked = None if cancel else part
            first = ledger.quote_refund("o", asked, account=ANN, at=later)
            ledger.quote_refund("o", account=ANN, at=START)
            assert ledger.quote_refund("o", asked, account=ANN, at=later) == first
            assert (everything(ledger, later), storage.due_accounts("p", later, 9)) == before
            ledger.return_lines("o", f"r{n}", part, account=ANN)


@on_both_storages
@law
@given(sale=sales(), whole_groups=st.integers(0, 10_000), data=st.data())
def test_what_was_gone_before_it_was_paid(opened: Open, sale: Sale, whole_groups: int, data: st.DataObject) -> None:
    """
    Points that are redeemed after units went were paid for the others: these give in all back what is left of the price
    and all points, in any split, returned or cancelled (R-30, I-11).
    """
    first, *parts = data.draw(partitions(sale.units))
    rate = sale.program.exchange_rates[0]
    with closing(opened()) as storage:
        ledger = evolve(sale, processed_first=True, redeems=0, spends=0).told(storage)
        gone = ledger.quote_refund("o", first, account=ANN)
        ledger.cancel_lines("o", "c", first, account=ANN)
        assert gone.refund is not None
        left = sale.price - gone.refund
        groups = min(whole_groups, left.micros // rate.money.micros, ledger.quote_redemption(ANN).points // rate.points)
        paid = groups * rate.money.micros
        if groups:
            ledger.redeem(ANN, groups * rate.points, order="o", to_pay=left)
        quotes = []
        for n, part in enumerate(parts):
            quotes.append(ledger.quote_refund("o", part, account=ANN))
            getattr(ledger, data.draw(st.sampled_from(["return_lines", "cancel_lines"])))(
                "o", f"d{n}", part, account=ANN
            )
        if parts:
            sums = figures(*quotes)
            assert (sums["refund"], sums["cash"], sums["paid_with_points"]) == (left.micros, left.micros - paid, paid)
            assert sums["give_back"] == groups * rate.points
        assert net_earned(ledger, "o") == 0


@on_both_storages
@law
@given(price=st.integers(1, 40), quantity=st.integers(1, 5), euros=st.integers(1, 40), data=st.data())
def test_decisions_move_cash_and_points_alike(
    opened: Open, price: int, quantity: int, euros: int, data: st.DataObject
) -> None:
    """
    Who gives back fewer points than proposed, and pays their worth in cash, or the other way round, has paid out in the
    end what was paid in, whatever was decided on the way (R-30).
    """
    # Every point is worth 0.10 and each unit was paid with as many whole euros of points, so that nothing is rounded.
    redeems = 10 * min(euros, price) * quantity
    program = Program(id="p", exchange_rates=[ExchangeRate(10, eur("1.00"))])
    document = Order("o", ANN, [OrderLine("x", cents(100 * price), quantity)])
    with closing(opened()) as storage:
        ledger = Ledger(program, storage, clock=lambda: START)
        ledger.adjust(ANN, 2000, **BY_HAND)
        ledger.redeem(ANN, redeems, order="o", to_pay=cents(100 * price * quantity))
        ledger.process(document)
        cash = points = 0
        for n in range(quantity):
            ledger.return_lines("o", f"r{n}", {"x": 1}, account=ANN)
            proposal = ledger.propose_return("o", f"r{n}", account=ANN)
            assert proposal.refund is not None
            assert proposal.cash is not None
            most = min(redeems - points, proposal.give_back + proposal.cash.micros // (10 * CENT))
            given = data.draw(st.integers(0, most))
            ledger.settle_return(proposal, give_back=given, **BY_HAND)
            cash += proposal.cash.micros + (proposal.give_back - given) * 10 * CENT
            points += given
            assert cash + points * 10 * CENT == 100 * price * (n + 1) * CENT
        rest = ledger.quote_refund("o", account=ANN)
        assert (rest.give_back, rest.cash) == (redeems - points, eur("0.00"))


def refused_for(ledger: Ledger, part: Units | None, name: str, at: datetime) -> int:
    """
    Return a part and accept that, or cancel all; return for how many spent points it was refused.
    """
    try:
        if part is None:
            ledger.cancel("o", account=ANN, at=at)
            return 0
        ledger.return_lines("o", name, part, account=ANN, at=at)
        if ledger.program.returns != "automatic":
            ledger.settle_return(ledger.propose_return("o", name, account=ANN, at=at), at=at, **BY_HAND)
    except ShortfallRefused as refused:
        return refused.shortfall
    return 0


@on_both_storages
@law
@given(
    shape=programs("p"),
    document=documents("o", ANN, 1),
    redeems=st.integers(1, 12),
    processed_first=st.booleans(),
    days=st.sampled_from([0, 0, 4, 11]),
    cancel=st.booleans(),
    data=st.data(),
)
def test_quotes_of_any_program(
    opened: Open,
    shape: dict[str, Any],
    document: dict[str, Any],
    redeems: int,
    processed_first: bool,
    days: int,
    cancel: bool,
    data: st.DataObject,
) -> None:
    """
    Whatever a program's rules, caps, dates and policies, and whichever side of a return waits: what is quoted is
    posted, and parts add up in points and money (R-30, R-14, R-19, I-11).
    """
    program = evolve(translation.program(shape), timing="on_processed")
    sold, later = translation.document(document), START + days * DAY
    units = {line.id: line.quantity for line in sold.lines}
    parts = data.draw(partitions(units))
    # Where points go at once and others come back by a decision, those cannot cover what is spent of these.
    goes_first = program.returns == "take_back"
    with closing(opened()) as storage:
        ledger = Ledger(program, storage, clock=lambda: START)
        ledger.adjust(ANN, 120, **BY_HAND)
        if processed_first:
            ledger.process(sold)
        with suppress(Refused):  # there is no rate, or the limits leave nothing
            ledger.redeem(ANN, min(10 * redeems, ledger.quote_redemption(ANN, order="o").points), order="o")
        if not processed_first:
            ledger.process(sold)
        spend = min(data.draw(st.integers(0, 200)), ledger.balance(ANN).available)
        if spend:
            ledger.adjust(ANN, -spend, **BY_HAND)
        ledger.expire(ANN, at=later)
        whole = ledger.quote_refund("o", units, account=ANN, at=later)
        quotes = []
        for n, part in enumerate(parts):
            last = cancel and n == len(parts) - 1
            quote = ledger.quote_refund("o", None if last else part, account=ANN, at=later)
            known, before = len(ledger.entries(ANN)), kept(ledger)
            short = refused_for(ledger, None if last else part, f"r{n}", later)
            if short:
                assert short == quote.shortfall or goes_first
                return
            new = ledger.entries(ANN, after=known)
            back = sum(entry.claimed for entry in new if entry.kind == "restored")
            assert (back, before - kept(ledger)) == (quote.give_back, quote.take_back)
            assert -sum(entry.points for entry in new if entry.kind == "expired") == quote.lapsing
            assert sum(entry.shortfall for entry in new) == quote.shortfall or goes_first
            quotes.append(quote)
        assert figures(*quotes) == figures(whole)


@on_both_storages
@law
@given(sale=sales(), decided=st.integers(0, 9), data=st.data())
def test_decided_in_any_order(opened: Open, sale: Sale, decided: int, data: st.DataObject) -> None:
    """
    Returns that are reported first and decided later, in any order, the rest by a cancel, give in all what returning
    everything at once gives (R-30, I-11).
    """
    parts = data.draw(partitions(sale.units))
    with closing(opened()) as storage:
        ledger = sale.told(storage, evolve(sale.program, returns="manual"))
        whole = ledger.quote_refund("o", sale.units, account=ANN)
        for n, part in enumerate(parts):
            ledger.return_lines("o", f"r{n}", part, account=ANN)
        quotes: list[RefundQuote] = []
        for n in data.draw(st.permutations(range(len(parts))))[:decided]:
            proposal = ledger.propose_return("o", f"r{n}", account=ANN)
            ledger.settle_return(proposal, **BY_HAND)
            quotes.append(proposal)
        rest, earned = ledger.quote_refund("o", account=ANN), net_earned(ledger, "o")
        receipt = ledger.cancel("o", account=ANN)
        back = sum(entry.claimed for entry in receipt.entries if entry.kind == "restored")
        assert (back, earned - net_earned(ledger, "o")) == (rest.give_back, rest.take_back)
        assert figures(*quotes, rest) == figures(whole)
