"""
What a program owes its holders, and what it is worth (R-11, R-22, R-23, I-32).
"""

from collections import Counter
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsledger import ExchangeRate, ExpiryPolicy, Ledger, Money, PendingPolicy, Program
from pointsledger.errors import InvalidInput, InvalidInstant
from pointsledger.port import Storage
from pointsledger.reports.liability import Liability, LiabilityRow, combined, liability
from pointsledger.reports.totals import totals
from pointsledger.storage.memory import MemoryStorage
from tests.reports.corner_shop import at, earns, midnight, shop
from tests.reports.histories import CUTS, HISTORIES, PROGRAMS, lived
from tests.reports.season import APRIL, FEBRUARY, JANUARY, MARCH, PROGRAM, buys_on, eur, run, usd


def places(owed: Liability) -> list[tuple[str | None, str, int]]:
    """
    Return where points stand: channel, month and how many.
    """
    return [(row.channel, row.month, row.points) for row in owed.rows]


def test_by_channel_month_and_currency(storage: Storage) -> None:
    """
    Points stand under the channel that brought them and the month of their last valid date; what is usable, pending and
    held is told apart, debt stands beside it, and each currency adds up.
    """
    run(storage)
    assert liability(storage, PROGRAM, APRIL) == Liability(
        "corner",
        APRIL,
        points=137,
        available=117,
        pending=0,
        held=20,
        debt=10,
        # 137 / 10 x 1.00 EUR; 137 / 30 x 3.50 = 15.983 USD, rounded down.
        value={"EUR": eur("13.70"), "USD": usd("15.98")},
        rows=(
            # Exactly 4.667, 1.400, 4.083 and 5.833 USD: rounded down 15.97; the largest rest has the cent that lacks.
            LiabilityRow(None, "2025-05", 40, 20, 0, 20, {"EUR": eur("4.00"), "USD": usd("4.67")}),
            LiabilityRow("shop", "2025-04", 12, 12, 0, 0, {"EUR": eur("1.20"), "USD": usd("1.40")}),
            LiabilityRow("shop", "2025-05", 35, 35, 0, 0, {"EUR": eur("3.50"), "USD": usd("4.08")}),
            LiabilityRow("web", "2025-04", 50, 50, 0, 0, {"EUR": eur("5.00"), "USD": usd("5.83")}),
        ),
    )


def test_past_and_forecast(storage: Storage) -> None:
    """
    In the past as then recorded, later as a forecast; a sweep changes nothing (R-11, I-32).
    """
    ledger = run(storage)
    days = (JANUARY, at("01-31"), MARCH, APRIL, midnight("2025-04-11"), midnight("2025-05-01"), midnight("2026-01-01"))
    before = [liability(storage, PROGRAM, day) for day in days]
    assert [owed.points for owed in before] == [0, 75, 127, 137, 87, 75, 0]
    assert [owed.debt for owed in before] == [0, 0, 20, 10, 10, 10, 10]
    ledger.expire_due(at=midnight("2026-01-01"))
    assert [liability(storage, PROGRAM, day) for day in days] == before


def test_what_was_reported_later_is_not_in_the_past(storage: Storage) -> None:
    """
    A fact of January that comes in March changes no figure of February (R-11).
    """
    ledger = run(storage)
    before = liability(storage, PROGRAM, at("02-20"))
    ledger.apply(earns("cy", "03-25", 40, occurred_at=at("01-05")))
    assert liability(storage, PROGRAM, at("02-20")) == before
    assert liability(storage, PROGRAM, at("03-26")).points == 137 + 40


def test_pending(storage: Storage) -> None:
    """
    Pending points are owed, under the month that follows from when they become usable (R-20).
    """
    program = shop(pending=PendingPolicy.after(days=20))
    Ledger(program, storage).apply_all([earns("ada", "01-05", 30), earns("ada", "01-20", 7)])
    owed = liability(storage, program, at("01-30"))
    assert (owed.points, owed.available, owed.pending) == (37, 30, 7)
    # From 25 January until 25 April, and from 9 February until 9 May.
    assert [(row.month, row.available, row.pending) for row in owed.rows] == [("2025-04", 30, 0), ("2025-05", 0, 7)]
    usable = midnight("2025-02-09")
    assert liability(storage, program, usable - timedelta(microseconds=1)).pending == 7
    assert liability(storage, program, usable).available == 37


def test_points_without_a_date(storage: Storage) -> None:
    """
    Points that no date takes stand under never, after the months; so do those that wait for an event (R-20, R-36).
    """
    program = Program(id="corner", pending=PendingPolicy.until_event(), expiry=ExpiryPolicy.after(months=3))
    Ledger(program, storage).apply(earns("ada", "01-05", 30))
    Ledger(Program(id="corner"), storage).apply(earns("ada", "01-06", 5))
    Ledger(shop(), storage).apply(earns("ada", "01-07", 2))
    assert places(liability(storage, program, at("01-30"))) == [(None, "2025-04", 2), (None, "never", 35)]


def test_inactivity_dates_points(storage: Storage) -> None:
    """
    Points that lapse by inactivity stand under the month in which that comes, if nothing happens (R-36).
    """
    program = shop(expiry=ExpiryPolicy.inactivity(months=2))
    ledger = Ledger(program, storage)
    ledger.apply(earns("ada", "01-10", 30))
    assert places(liability(storage, program, at("01-11"))) == [(None, "2025-03", 30)]
    ledger.apply(earns("ada", "02-10", 1))
    assert places(liability(storage, program, at("02-11"))) == [(None, "2025-04", 31)]


def test_months_are_those_of_the_zone(storage: Storage) -> None:
    """
    Points that can be used until 31 March in New York stand under March, although April has begun in UTC (R-37).
    """
    program = shop(timezone="America/New_York", expiry=ExpiryPolicy.on(date(2025, 3, 31)))
    Ledger(program, storage).apply(earns("ada", "01-10", 30))
    assert places(liability(storage, program, midnight("2025-04-01"))) == [(None, "2025-03", 30)]
    assert places(liability(storage, program, midnight("2025-04-01").replace(hour=4))) == []


def test_held_points_outlive_their_date(storage: Storage) -> None:
    """
    Points on hold are owed after their date has passed, and stay in its month; once free they are gone (R-27).
    """
    ledger = Ledger(shop(), storage)
    ledger.apply(earns("ada", "01-10", 50))
    ledger.hold("ada", 30, order="o-1", until=at("06-01"), at=at("04-01"))
    owed = liability(storage, shop(), at("05-01"))
    assert (places(owed), owed.available, owed.held) == ([(None, "2025-04", 30)], 0, 30)
    assert liability(storage, shop(), at("06-01")).points == 0


def test_a_program_that_is_off_owes_what_it_owed(storage: Storage) -> None:
    """
    Nothing is lost while a program is off (R-43).
    """
    run(storage)
    off = shop(exchange_rates=PROGRAM.exchange_rates, active=False)
    assert liability(storage, off, APRIL) == liability(storage, PROGRAM, APRIL)


DATED = [program for program in PROGRAMS if program.expiry.idle is None]


def standing(ledger: Ledger, instant: datetime) -> Counter[tuple[str | None, str]]:
    """
    Count, from the entries that a ledger wrote until an instant, the points by the channel and the last month of their
    lot; the ledger has written down at once what time did. The zone is UTC.
    """
    found: Counter[tuple[str | None, str]] = Counter()
    for account in ("ada", "bo"):
        place: dict[int, tuple[str | None, str]] = {}
        for entry in ledger.entries(account):
            if entry.recorded_at <= instant and entry.kind not in {"held", "released", "lapsed"}:
                if entry.opened is not None:
                    last_day = entry.opened.expires_at - timedelta(days=1)
                    place[entry.sequence] = (entry.channel, f"{last_day:%Y-%m}")
                    found[place[entry.sequence]] += entry.points
                for part in entry.allocations:
                    found[place[part.lot]] += part.points if entry.points > 0 else -part.points
    return +found


@settings(max_examples=60)
@given(program=st.sampled_from(DATED), commands=HISTORIES, cuts=CUTS)
def test_rows_are_what_an_eager_ledger_has(program, commands, cuts) -> None:
    """
    Points by channel and month are those that the entries of a ledger give which misses no midnight, although this one
    wrote down what time did late or never, and may be asked about the past (I-3, I-32).
    """
    lazy, eager = (lived(program, commands, eager=eager) for eager in (False, True))
    for instant in (JANUARY + timedelta(days=days) for days in cuts):
        owed = liability(lazy.storage, program, instant)
        assert {(channel, month): points for channel, month, points in places(owed)} == standing(eager, instant)


# --- money -------------------------------------------------------------------------------------------------------


def test_without_rates_there_is_no_value(storage: Storage) -> None:
    """
    Points that buy nothing have no worth; and progress is told.
    """
    run(storage)
    told: list[int] = []
    owed = liability(storage, shop(exchange_rates=[]), APRIL, progress=told.append)
    assert (owed.points, owed.value, owed.rows[0].value, told) == (137, {}, {}, [1, 2, 3, 4])


VIP = ExchangeRate(10, eur("3.00"), customer_groups=["vip"])
UNTIL_FEBRUARY = ExchangeRate(10, eur("1.00"), valid_until=FEBRUARY)


@pytest.mark.parametrize(
    ("rates", "value"),
    [
        # A channel's rate counts for what it brought: 50 / 10 x 2.00 + 35 / 10 x 1.00.
        ([ExchangeRate(10, eur("1.00")), ExchangeRate(10, eur("2.00"), channels=["web"])], "13.50"),
        # The rate for a group is nobody's in particular: 85 / 10 x 1.00.
        ([VIP, ExchangeRate(10, eur("1.00"))], "8.50"),
        # Where all rates are for others, the first counts: 85 / 10 x 3.00.
        ([VIP], "25.50"),
        # In February the rate of February counts: 85 / 10 x 4.00.
        ([UNTIL_FEBRUARY, ExchangeRate(10, eur("4.00"), valid_from=FEBRUARY)], "34.00"),
        # Where none holds now, the one that did counts, and not that of somebody else: 85 / 10 x 1.00.
        ([VIP, UNTIL_FEBRUARY], "8.50"),
        # A part of a group is owed too: 85 / 100 x 9.99 = 8.4915.
        ([ExchangeRate(100, eur("9.99"))], "8.49"),
    ],
)
def test_which_rate_counts(storage: Storage, rates: list[ExchangeRate], value: str) -> None:
    """
    Ada's 50 points of the web and 35 of the shop are worth what the rate of their channel says (R-23).
    """
    program = shop(exchange_rates=rates)
    sales = [buys_on("web", "ada", "o-1", "01-10", 50), buys_on("shop", "ada", "o-2", "02-10", 35)]
    Ledger(program, storage).apply_all(sales)
    assert liability(storage, program, at("02-12")).value == {"EUR": eur(value)}


def test_currencies_without_decimals(storage: Storage) -> None:
    """
    Parts are in the smallest unit that the currency has (R-02): 10 points at 3 for 10 JPY are 33 JPY.
    """
    program = shop(exchange_rates=[ExchangeRate(3, Money("10", "JPY"))])
    Ledger(program, storage).apply_all([earns("ada", "01-10", 5), earns("ada", "02-10", 5)])
    owed = liability(storage, program, at("02-11"))
    assert [str(row.value["JPY"]) for row in owed.rows] == ["17 JPY", "16 JPY"]


SALES = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([None, "web", "shop"]), st.integers(1, 99)))


@given(sales=SALES, group=st.integers(1, 50), cents=st.integers(1, 500), week=st.integers(1, 50))
def test_rows_add_up(sales, group, cents, week) -> None:
    """
    Rows add up to the whole in points and money, the whole is the exact worth rounded down, each row is less than a
    cent from its own, and points are those of the balances (I-40).
    """
    program = shop(exchange_rates=[ExchangeRate(group, Money(f"{cents // 100}.{cents % 100:02}", "EUR"))])
    storage = MemoryStorage()
    ledger = Ledger(program, storage)
    for n, (account, channel, points) in enumerate(sales):
        ledger.earn(account, points, channel=channel, key=str(n), at=at("01-01") + timedelta(days=n))
    instant = at("01-01") + timedelta(weeks=week)
    owed = liability(storage, program, instant)
    assert owed.points == sum(row.points for row in owed.rows) == totals(storage, program, instant).outstanding
    assert owed.points == owed.available + owed.pending + owed.held
    assert owed.value["EUR"].micros == sum(row.value["EUR"].micros for row in owed.rows)
    assert owed.value["EUR"].micros == owed.points * cents // group * 10_000
    for row in owed.rows:
        assert abs(row.value["EUR"].micros * group - row.points * cents * 10_000) < 10_000 * group


# --- several programs --------------------------------------------------------------------------------------------


def test_several_programs(storage: Storage) -> None:
    """
    Programs stand side by side; their money is added up by currency, their points are not (R-06).
    """
    run(storage)
    beans = Program(id="beans", exchange_rates=[ExchangeRate(1, eur("0.50")), ExchangeRate(1, Money("60", "JPY"))])
    Ledger(beans, storage).apply(earns("ada", "01-10", 3))
    both = combined(liability(storage, program, APRIL) for program in (PROGRAM, beans))
    assert [owed.program for owed in both.liabilities] == ["beans", "corner"]
    assert both.at == APRIL
    assert both.value == {"EUR": eur("15.20"), "JPY": Money("180", "JPY"), "USD": usd("15.98")}


def test_what_cannot_be_combined(storage: Storage) -> None:
    """
    Nothing, two instants, or one program twice cannot be added up.
    """
    one, other = (liability(storage, PROGRAM, instant) for instant in (MARCH, APRIL))
    for wrong in ([], [one, other], [one, one]):
        with pytest.raises(InvalidInput, match="liabilities"):
            combined(wrong)


def test_a_naive_instant_is_refused(storage: Storage) -> None:
    """
    An instant is aware (R-04).
    """
    with pytest.raises(InvalidInstant):
        liability(storage, PROGRAM, APRIL.replace(tzinfo=None))
