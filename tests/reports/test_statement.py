"""
Statements: what came and went in a period.
"""

from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsledger import ExchangeRate, ExpiryPolicy, Ledger, Money, PendingPolicy, Program
from pointsledger.domain.balance import Expiring
from pointsledger.domain.commands import Expire
from pointsledger.errors import InvalidInput, InvalidInstant, Refused
from pointsledger.port import Storage
from pointsledger.reports.statement import Statement, days_left, statement
from pointsledger.storage.memory import MemoryStorage
from tests.reports.corner_shop import at, buys, cancels, corrects, earns, gives_back, midnight, shop, uses

YEAR_END = midnight("2026-01-01")


def lines_of(found: Statement) -> list[tuple[str, str, int, int]]:
    """
    Return the lines of a statement as (date, kind, points, balance).
    """
    return [(f"{line.at:%m-%d}", line.entry.kind, line.entry.points, line.entry.balance_after) for line in found.lines]


def test_statement_of_a_year(storage: Storage) -> None:
    """
    A statement shows every entry with its running balance, and what lapsed on the day on which it lapsed (R-10, R-11).
    """
    program = shop()
    Ledger(program, storage).apply_all(
        [
            buys("ada", "1", "01-31", 40),
            uses("ada", "02-10", 10),
            buys("ada", "2", "03-01", 25, quantity=2),
            gives_back("ada", "2", "03-05"),
            corrects("ada", "12-01", 7),
        ]
    )
    found = statement(storage, program, "ada", until=YEAR_END)
    assert lines_of(found) == [
        ("01-31", "earned", 40, 40),
        ("02-10", "redeemed", -10, 30),
        ("03-01", "earned", 50, 80),
        ("03-05", "reversed", -25, 55),
        # January's 30 were usable on 30 April, March's 25 on 1 June.
        ("05-01", "expired", -30, 25),
        ("06-02", "expired", -25, 0),
        ("12-01", "adjusted", 7, 7),
    ]
    assert (found.opening, found.opening_value) == (0, None)
    assert (found.closing.available, found.closing.expired) == (7, 55)
    assert found.expiring == (Expiring(7, midnight("2026-03-02")),)
    assert found.closing.expiring_next == found.expiring[0]


def test_period_is_half_open(storage: Storage) -> None:
    """
    A period has what happened at its first instant, and not what happened at its end; what was before is the opening.
    """
    program = shop()
    Ledger(program, storage).apply_all(
        [earns("ada", "01-01", 10), earns("ada", "01-02", 20), earns("ada", "01-03", 40)]
    )
    found = statement(storage, program, "ada", since=at("01-02"), until=at("01-03"))
    assert (found.opening, found.opening_value) == (10, Money("1.00", "EUR"))
    assert lines_of(found) == [("01-02", "earned", 20, 30)]
    assert found.closing.available == 30


def test_value_is_as_recorded(storage: Storage) -> None:
    """
    Points and balances are worth what they were worth at the rate in force at the time (R-24, S1.5 to S1.8).
    """
    before, after = shop(), shop(exchange_rates=[ExchangeRate(10, Money("5.00", "EUR"))])
    Ledger(before, storage).apply(earns("ada", "01-01", 20))
    Ledger(after, storage).apply(earns("ada", "01-02", 10))
    found = statement(storage, after, "ada", until=at("02-01"))
    assert [(str(line.entry.value), str(line.entry.balance_value)) for line in found.lines] == [
        ("2.00 EUR", "2.00 EUR"),
        ("5.00 EUR", "15.00 EUR"),
    ]


def test_what_lapsed_unbooked_is_shown(storage: Storage) -> None:
    """
    What time has done is on the statement before any sweep has written it down, and is marked so (R-11).
    """
    program = shop()
    Ledger(program, storage).apply(earns("ada", "01-31", 10))
    found = statement(storage, program, "ada", until=midnight("2025-06-01"))
    assert lines_of(found) == [("01-31", "earned", 10, 10), ("05-01", "expired", -10, 0)]
    assert [line.booked for line in found.lines] == [True, False]
    assert lines_of(statement(storage, program, "ada", until=midnight("2025-05-01"))) == [("01-31", "earned", 10, 10)]


def test_late_sweep_does_not_move_the_lapse(storage: Storage) -> None:
    """
    A sweep in July books on one day what lapsed in April and in May; each is in the statement of its month (I-32).
    """
    program = shop()
    ledger = Ledger(program, storage)
    ledger.apply_all([earns("ada", "01-15", 10), earns("ada", "02-15", 20)])
    ledger.expire_due(at=at("07-01"))
    april = statement(storage, program, "ada", since=midnight("2025-04-01"), until=midnight("2025-05-01"))
    assert (april.opening, lines_of(april)) == (30, [("04-16", "expired", -10, 20)])
    assert (april.closing.available, april.expiring) == (20, (Expiring(20, midnight("2025-05-16")),))
    may = statement(storage, program, "ada", since=midnight("2025-05-01"), until=midnight("2025-06-01"))
    assert (may.opening, lines_of(may)) == (20, [("05-16", "expired", -20, 0)])


def test_pending_points_are_told_apart(storage: Storage) -> None:
    """
    Points that wait count in the running balance and not in what is available at the end (R-20).
    """
    program = shop(pending=PendingPolicy.after(days=14))
    Ledger(program, storage).apply(earns("ada", "01-01", 10))
    found = statement(storage, program, "ada", until=at("01-10"))
    assert lines_of(found) == [("01-01", "earned", 10, 10)]
    assert (found.closing.available, found.closing.pending) == (0, 10)
    assert statement(storage, program, "ada", until=at("01-20")).closing.available == 10


def test_unknown_account_has_an_empty_statement(storage: Storage) -> None:
    """
    An account without entries has nothing on its statement.
    """
    found = statement(storage, shop(), "nobody", until=YEAR_END)
    assert (found.opening, found.lines, found.closing.available) == (0, (), 0)


def test_program_that_is_off_shows_nothing(storage: Storage) -> None:
    """
    A program that is switched off shows nothing, and loses nothing (R-43).
    """
    Ledger(shop(), storage).apply(earns("ada", "01-01", 10))
    found = statement(storage, shop(active=False), "ada", until=at("02-01"))
    assert (found.lines, found.closing.shown, found.closing.available) == ((), False, 0)
    assert statement(storage, shop(), "ada", until=at("02-01")).closing.available == 10


@pytest.mark.parametrize("since", [YEAR_END, YEAR_END + timedelta(microseconds=1)])
def test_empty_period_is_refused(storage: Storage, since: datetime) -> None:
    """
    A period ends after it begins.
    """
    with pytest.raises(InvalidInput, match="until: must be later than since"):
        statement(storage, shop(), "ada", since=since, until=YEAR_END)


def test_naive_instants_are_refused(storage: Storage) -> None:
    """
    A period is given in aware instants (R-04).
    """
    with pytest.raises(InvalidInstant, match="since"):
        statement(storage, shop(), "ada", since=datetime(2025, 1, 1), until=YEAR_END)
    with pytest.raises(InvalidInstant, match="until"):
        statement(storage, shop(), "ada", until=datetime(2025, 1, 1))


def batches_of(found: Statement) -> list[tuple[int, int, str | None, int | None]]:
    """
    Return the batches that are left as (entry, points, the date on which they lapse, days left).
    """
    return [
        (batch.lot.id, batch.lot.remaining, batch.lapses_at and f"{batch.lapses_at:%m-%d}", batch.days_left)
        for batch in found.batches
    ]


def test_batches_say_how_long_they_live(storage: Storage) -> None:
    """
    What is left stands lot by lot in the order of use, with the days left; a line says what became of its lot
    (S1.10, S1.16, R-08).
    """
    program = shop()
    Ledger(program, storage).apply_all(
        [earns("ada", "01-31", 30), earns("ada", "02-10", 20), uses("ada", "02-11", 10), earns("ada", "03-10", 40)]
    )
    found = statement(storage, program, "ada", until=at("05-02"))
    # January's 20 lapsed on 1 May. From 2 to 10 May are 9 days, to 10 June 9 + 31 - 10 + 10 = 40.
    assert batches_of(found) == [(2, 20, "05-11", 9), (4, 40, "06-11", 40)]
    first, second, used, _, lapsed = found.lines
    assert first.batch is not None
    assert (first.batch.lot.remaining, first.batch.lot.expired, first.batch.days_left) == (0, 20, None)
    assert second.batch == found.batches[0]
    assert (used.batch, lapsed.batch) == (None, None)


def test_batches_without_an_end(storage: Storage) -> None:
    """
    Points that never lapse, or wait for an event, have no days left; inactivity ends those that have no date (R-36).
    """
    endless = shop(expiry=ExpiryPolicy.never())
    Ledger(endless, storage).apply(earns("ada", "01-01", 5))
    assert batches_of(statement(storage, endless, "ada", until=at("02-01"))) == [(1, 5, None, None)]
    waiting = shop(pending=PendingPolicy.until_event())
    Ledger(waiting, storage).apply(earns("bo", "01-01", 5))
    assert batches_of(statement(storage, waiting, "bo", until=at("02-01"))) == [(1, 5, None, None)]
    idle = shop(expiry=ExpiryPolicy.inactivity(months=2))
    Ledger(idle, storage).apply(earns("cy", "01-10", 5))
    # 10 March is the last day: 28 of February and 10.
    assert batches_of(statement(storage, idle, "cy", until=at("02-01"))) == [(1, 5, "03-11", 38)]


@pytest.mark.parametrize(
    ("lapses_at", "at", "days"),
    [
        ("2025-03-10T23:00Z", "2025-03-10T09:00Z", 1),  # the last day in Paris
        ("2025-03-10T23:00Z", "2025-03-09T22:59Z", 2),  # 23:59 the day before
        ("2025-03-10T23:00Z", "2025-03-10T23:00Z", 0),
        ("2025-03-10T11:00Z", "2025-03-10T09:00Z", 1),  # at noon
        ("2025-04-01T22:00Z", "2025-03-29T23:00Z", 3),  # 30 March has 23 hours
    ],
)
def test_days_left(lapses_at: str, at: str, days: int) -> None:
    """
    Days left are local days, today and the last day included (R-04, R-37, S1.16).
    """
    when, now = datetime.fromisoformat(lapses_at), datetime.fromisoformat(at)
    assert days_left(when, now, Program(id="paris", timezone="Europe/Paris")) == days


def test_accrued_used_and_lapsed_to_date(storage: Storage) -> None:
    """
    What was accrued, used and lapsed to date counts nothing twice, whatever was taken back, given back, set aside,
    owed or reinstated, and adds up to the balance (S3.3, R-11).
    """
    program = shop()
    ledger = Ledger(program, storage)
    by_hand = {"actor": "sam", "reason": "x"}
    ledger.apply_all([buys("ada", "1", "01-01", 100), uses("ada", "01-02", 40, order="2"), corrects("ada", "01-03", 7)])
    ledger.cancel("2", account="ada", at=at("01-04"))  # gives 40 back
    taken = ledger.adjust("ada", -9, at=at("01-05"), key="a", **by_hand)
    ledger.reverse("ada", taken.entries[-1].sequence, 4, at=at("01-06"), key="b", **by_hand)
    ledger.hold("ada", 30, order="3", until=at("12-01"), at=at("01-07"))
    ledger.capture("3", 20, account="ada", at=at("01-08"))
    ledger.hold("ada", 10, order="4", until=at("12-01"), at=at("01-09"))

    def figures(day: str) -> tuple[int, int, int]:
        found = statement(storage, program, "ada", until=midnight(day))
        return found.accrued, found.used, found.lapsed

    assert figures("2025-02-01") == (100 + 7 - 9 + 4, 20, 0)
    # On 2 April January's lots lapse, but for 10 that are on hold: 102 - 20 - 10.
    assert figures("2025-05-01") == (102, 20, 72)
    ledger.reinstate("ada", 1, 6, at=at("05-02"), key="c", **by_hand)
    ledger.apply(corrects("ada", "05-03", -16, allow_debt=True))
    ledger.forgive("ada", 3, at=at("05-04"), key="d", **by_hand)
    # Of 6 that live again and 16 taken by hand 10 are owed, of which 3 are forgiven.
    assert figures("2025-06-01") == (102 - 16 + 3, 20, 72 - 6)
    closing = statement(storage, program, "ada", until=midnight("2025-06-01")).closing
    assert (closing.available, closing.held, closing.debt) == (0, 10, 7)
    assert 89 - 20 - 66 == 0 + 10 - 7


DAYS = st.integers(0, 364).map(lambda day: f"{midnight('2025-01-01') + timedelta(days=day):%m-%d}")
STEPS = st.one_of(
    st.tuples(st.just("buys"), DAYS, st.integers(1, 60)),
    st.tuples(st.just("uses"), DAYS, st.integers(1, 6)),
    st.tuples(st.just("cancels"), DAYS, st.integers(0, 9)),
    st.tuples(st.just("sweeps"), DAYS, st.just(0)),
)


@given(steps=st.lists(STEPS, max_size=12), since=DAYS, until=DAYS)
def test_sweeps_change_no_statement(steps: list[tuple[str, str, int]], since: str, until: str) -> None:
    """
    Whether, when and how often sweeps ran changes no line of a statement of any period (I-32).
    """
    found: list[Statement] = []
    for with_sweeps in (True, False):
        storage = MemoryStorage()
        ledger = Ledger(shop(), storage)
        for number, (step, day, figure) in enumerate(sorted(steps, key=lambda step: step[1])):
            command = {
                "buys": lambda n=number, d=day, f=figure: buys("ada", str(n), d, f),
                "uses": lambda d=day, f=figure: uses("ada", d, f * 10),
                "cancels": lambda d=day, f=figure: cancels("ada", str(f), d),
                "sweeps": lambda d=day: Expire(account="ada", at=at(d)),
            }[step]()
            if step != "sweeps" or with_sweeps:
                with suppress(Refused):
                    ledger.apply(command)
        first, last = sorted((since, until))
        end = at(last) + timedelta(days=1)
        found.append(statement(storage, shop(), "ada", since=at(first), until=end))
    swept, lazy = found
    assert lines_of(swept) == lines_of(lazy)
    assert (swept.opening, swept.expiring) == (lazy.opening, lazy.expiring)
    assert swept.closing.available == lazy.closing.available
    points = [line.entry.points for line in swept.lines]
    assert swept.opening + sum(points) == swept.closing.available + swept.closing.pending
    assert batches_of(swept) == batches_of(lazy)
    to_date = (swept.accrued, swept.used, swept.lapsed)
    assert to_date == (lazy.accrued, lazy.used, lazy.lapsed)
    assert to_date[0] - to_date[1] - to_date[2] == sum(b.lot.remaining for b in swept.batches) - swept.closing.debt
