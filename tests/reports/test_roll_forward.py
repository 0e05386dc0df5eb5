"""
How what a program owes moved over a period, and how that proves itself (R-11, R-24, I-1, I-32).
"""

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsledger import ExchangeRate, ExpiryPolicy, Ledger, Money, RedemptionLimits
from pointsledger.errors import InvalidInput, InvalidInstant
from pointsledger.port import Storage
from pointsledger.reports.liability import liability
from pointsledger.reports.roll_forward import MOVEMENTS, DebtMovement, RollForward, RollLine, roll_forward
from pointsledger.storage.sqlite import SQLiteStorage
from tests.reports.corner_shop import at, buys, cancels, corrects, earns, midnight, shop, uses
from tests.reports.histories import CUTS, HISTORIES, PROGRAMS, entries, lived
from tests.reports.season import APRIL, FEBRUARY, JANUARY, MARCH, MAY, PROGRAM, eur, run, usd

MONTHS = [JANUARY, FEBRUARY, MARCH, APRIL, MAY]


def points(moved: RollForward) -> dict[str, int]:
    """
    Return the points of the lines that are not 0.
    """
    lines = {"opening": moved.opening, **moved.movements, "closing": moved.closing}
    return {name: line.points for name, line in lines.items() if line.points}


def worth(moved: RollForward, currency: str) -> dict[str, str]:
    """
    Return the amounts of the lines that are not 0, in a currency.
    """
    lines = {"opening": moved.opening.value, **{name: line.value for name, line in moved.movements.items()}}
    amounts = {**lines, "revaluation": moved.revaluation, "closing": moved.closing.value}
    return {name: str(value[currency].amount) for name, value in amounts.items() if value[currency].micros}


def test_month_by_month(storage: Storage) -> None:
    """
    Opening, what came, what went and closing of each month; see the season for the sums.
    """
    run(storage)
    january, february, march, april = (roll_forward(storage, PROGRAM, *month) for month in pairwise(MONTHS))
    assert points(january) == {"issued": 50 + 33 + 12, "redeemed": -20, "closing": 75}
    assert points(february) == {
        "opening": 75,
        "issued": 70,
        "adjusted_up": 100,
        "redeemed": -40,
        "reversed": -13 - 35,
        "adjusted_down": -30,
        "closing": 127,
    }
    assert points(march) == {
        "opening": 127,
        "issued": 5,
        "restored": 40,
        "redeemed": -30,
        "repaid": -5,
        "closing": 137,
    }
    assert points(april) == {"opening": 137, "expired": -62, "closing": 75}
    assert [month.difference for month in (january, february, march, april)] == [0, 0, 0, 0]
    assert [month.findings for month in (january, february, march, april)] == [(), (), (), ()]


def test_money_of_a_month(storage: Storage) -> None:
    """
    Each line at its recorded rate, in each currency of the program, and all lines add up (R-24, I-11).
    """
    run(storage)
    february = roll_forward(storage, PROGRAM, FEBRUARY, MARCH)
    assert worth(february, "EUR") == {
        "opening": "7.50",
        "issued": "7.00",
        "adjusted_up": "10.00",
        "redeemed": "-4.00",
        "reversed": "-4.80",
        "adjusted_down": "-3.00",
        "closing": "12.70",
    }
    # 75, 145, 245, 205, 157 and 127 points are 8.75, 16.916…, 28.583…, 23.916…, 18.316… and 14.816… USD: each line is
    # the difference of two of these, rounded down.
    assert worth(february, "USD") == {
        "opening": "8.75",
        "issued": "8.16",
        "adjusted_up": "11.67",
        "redeemed": "-4.67",
        "reversed": "-5.60",
        "adjusted_down": "-3.50",
        "closing": "14.81",
    }
    march = roll_forward(storage, PROGRAM, MARCH, APRIL)
    assert worth(march, "EUR")["redeemed"] == "-3.00"
    # 14.816…, with 5 and 40 points 20.066…, less the 3.50 USD that were paid 16.566…: 16.56 - 20.06.
    assert worth(march, "USD")["redeemed"] == "-3.50"


def test_debt_is_a_memo(storage: Storage) -> None:
    """
    What holders owe moves beside the lines: opening + incurred - repaid - forgiven = closing (R-33).
    """
    run(storage)
    assert roll_forward(storage, PROGRAM, JANUARY, MAY).debt == DebtMovement(0, 20, 5, 5, 10)
    assert roll_forward(storage, PROGRAM, MARCH, MAY).debt == DebtMovement(20, 0, 5, 5, 10)


def test_the_closing_is_what_liability_says(storage: Storage) -> None:
    """
    Both reports agree on the last instant of a period, in points, money and debt.
    """
    run(storage)
    for since, until in pairwise(MONTHS):
        moved = roll_forward(storage, PROGRAM, since, until)
        owed = liability(storage, PROGRAM, until - timedelta(microseconds=1))
        assert moved.closing == RollLine(owed.points, owed.value)
        assert moved.debt.closing == owed.debt


def test_from_the_beginning(storage: Storage) -> None:
    """
    Without a start the opening is nothing; progress is told.
    """
    run(storage)
    told: list[int] = []
    moved = roll_forward(storage, PROGRAM, None, MAY, progress=told.append)
    assert moved == evolve(roll_forward(storage, PROGRAM, JANUARY, MAY), since=None)
    assert told == [1, 2, 3, 4]


def test_a_period_is_half_open(storage: Storage) -> None:
    """
    What happens at its first instant belongs to a period, what happens at its end does not.
    """
    Ledger(PROGRAM, storage).apply(earns("ada", "01-10", 50))
    noon = at("01-10")
    assert points(roll_forward(storage, PROGRAM, noon, MAY)) == {"issued": 50, "expired": -50}
    assert points(roll_forward(storage, PROGRAM, JANUARY, noon)) == {}
    lapse = midnight("2025-04-11")
    assert points(roll_forward(storage, PROGRAM, APRIL, lapse)) == {"opening": 50, "closing": 50}
    assert points(roll_forward(storage, PROGRAM, lapse, MAY)) == {"opening": 50, "expired": -50}


def test_what_time_did_counts_when_it_took_effect(storage: Storage) -> None:
    """
    A sweep changes nothing, whenever it runs, and neither does the command with which a lapse is written down (I-32).
    """
    rates = [ExchangeRate(10, eur("1.00")), ExchangeRate(10, eur("9.00"), channels=["app"])]
    program = evolve(PROGRAM, exchange_rates=rates)
    ledger = Ledger(program, storage)
    ledger.apply_all([earns("ada", "01-10", 50, channel="web"), earns("ada", "01-11", 20, channel="app")])
    before = [roll_forward(storage, program, *month) for month in pairwise(MONTHS)]
    # 50 at 0.10, and 20 of the app's at 0.90.
    assert worth(before[-1], "EUR") == {"opening": "23.00", "expired": "-23.00"}
    ledger.apply(earns("ada", "07-01", 1, channel="app"))  # writes down what lapsed in April
    assert [roll_forward(storage, program, *month) for month in pairwise(MONTHS)] == before


def test_a_late_report_changes_no_period_that_is_over(storage: Storage) -> None:
    """
    Points that an activity reported late made lapse in the past lapse when it was reported (R-36).
    """
    program = shop(expiry=ExpiryPolicy.inactivity(months=1))
    ledger = Ledger(program, storage)
    ledger.apply_all([earns("ada", "01-01", 2), corrects("ada", "03-01", 7)])
    march = roll_forward(storage, program, MARCH, APRIL)
    assert points(march) == {"adjusted_up": 7, "closing": 7}
    # Ada was idle from 2 February to 3 March, which is past; so the 7 lapse as well as the 3.
    late = earns("ada", "04-05", 3, occurred_at=at("02-02"))
    for command in (late, earns("ada", "04-06", 4)):
        ledger.apply(command)
        assert roll_forward(storage, program, MARCH, APRIL) == march
    assert points(roll_forward(storage, program, APRIL, MAY)) == {
        "opening": 7,
        "issued": 7,
        "expired": -10,
        "closing": 4,
    }


def test_holds_move_nothing(storage: Storage) -> None:
    """
    Points that are set aside are owed; those that are captured are redeemed, the others stay (R-27).
    """
    ledger = Ledger(PROGRAM, storage)
    ledger.apply(earns("ada", "01-10", 50))
    ledger.hold("ada", 30, order="o-1", until=at("03-01"), at=at("01-20"))
    ledger.capture("o-1", 20, account="ada", at=at("02-10"))
    ledger.hold("ada", 30, order="o-2", until=at("03-01"), at=at("02-20"))
    assert points(roll_forward(storage, PROGRAM, JANUARY, FEBRUARY)) == {"issued": 50, "closing": 50}
    assert points(roll_forward(storage, PROGRAM, FEBRUARY, MARCH)) == {"opening": 50, "redeemed": -20, "closing": 30}
    assert points(roll_forward(storage, PROGRAM, MARCH, APRIL)) == {"opening": 30, "closing": 30}


def test_reinstated_points_are_restored(storage: Storage) -> None:
    """
    Lapsed points that live again are owed again (R-38).
    """
    ledger = Ledger(PROGRAM, storage)
    ledger.apply(earns("ada", "01-10", 50))
    ledger.reinstate("ada", 1, 20, actor="sam", reason="goodwill", at=at("04-20"))
    moved = roll_forward(storage, PROGRAM, APRIL, MAY)
    assert points(moved) == {"opening": 50, "restored": 20, "expired": -50, "closing": 20}


# --- money -------------------------------------------------------------------------------------------------------


def test_a_rate_that_changes_is_a_revaluation(storage: Storage) -> None:
    """
    What was issued at one rate and is owed at another shows as revaluation, in the period of the change (R-24).
    """
    dear = ExchangeRate(10, eur("2.00"), valid_from=FEBRUARY)
    program = shop(exchange_rates=[ExchangeRate(10, eur("1.00"), valid_until=FEBRUARY), dear])
    Ledger(program, storage).apply_all([earns("ada", "01-10", 50), uses("ada", "02-10", 20), earns("ada", "02-20", 5)])
    assert worth(roll_forward(storage, program, JANUARY, FEBRUARY), "EUR") == {"issued": "5.00", "closing": "5.00"}
    assert worth(roll_forward(storage, program, FEBRUARY, MARCH), "EUR") == {
        "opening": "5.00",
        "issued": "1.00",
        "redeemed": "-4.00",
        "revaluation": "5.00",  # 50 x (0.20 - 0.10)
        "closing": "7.00",  # 35 x 0.20
    }


def test_what_lapses_has_the_value_of_that_instant(storage: Storage) -> None:
    """
    Points that lapse before a rate changes leave at the rate before (R-24).
    """
    change = midnight("2025-04-20")
    dear = ExchangeRate(10, eur("2.00"), valid_from=change)
    program = shop(exchange_rates=[ExchangeRate(10, eur("1.00"), valid_until=change), dear])
    Ledger(program, storage).apply_all([earns("ada", "01-10", 50), earns("ada", "01-29", 10)])
    assert worth(roll_forward(storage, program, APRIL, MAY), "EUR") == {
        "opening": "6.00",
        "expired": "-7.00",  # 50 x 0.10 on the 11th, 10 x 0.20 on the 30th
        "revaluation": "1.00",
    }


def test_recorded_rates_stand(storage: Storage) -> None:
    """
    Under a program whose rate is another now, movements keep the rate that was recorded with them; a reversal that of
    what it reverses, also in a currency for which no rate is recorded with it (R-24, R-31).
    """
    Ledger(PROGRAM, storage).apply(buys("ada", "o-1", "01-10", 50))
    rates = [ExchangeRate(10, eur("3.00")), ExchangeRate(10, usd("6.00")), ExchangeRate(1, Money("1.00", "GBP"))]
    program = shop(exchange_rates=rates)
    Ledger(program, storage).apply(cancels("ada", "o-1", "01-20"))
    moved = roll_forward(storage, program, JANUARY, FEBRUARY)
    assert worth(moved, "EUR") == {"issued": "5.00", "reversed": "-5.00"}
    assert worth(moved, "USD") == {"issued": "5.83", "reversed": "-5.83"}
    assert worth(moved, "GBP") == {}


def test_a_rate_for_a_group_is_a_revaluation(storage: Storage) -> None:
    """
    What a better rate for some customers pays beyond the value at which points are carried is seen (R-23).
    """
    vip = ExchangeRate(10, eur("1.50"), customer_groups=["vip"])
    program = shop(exchange_rates=[ExchangeRate(10, eur("1.00")), vip])
    Ledger(program, storage).apply_all([earns("ada", "01-10", 50), uses("ada", "01-20", 20, customer_group="vip")])
    assert worth(roll_forward(storage, program, JANUARY, FEBRUARY), "EUR") == {
        "issued": "5.00",
        "redeemed": "-3.00",
        "revaluation": "1.00",
        "closing": "3.00",
    }


def test_a_redemption_is_worth_what_it_paid(storage: Storage) -> None:
    """
    Where the last group is partial, the money that was paid counts (R-25): 14 points pay 1.35 and not 1.40.
    """
    program = evolve(PROGRAM, limits=RedemptionLimits(exact_payoff=True))
    Ledger(program, storage).apply_all([earns("ada", "01-10", 50), uses("ada", "01-20", 14, to_pay=eur("1.35"))])
    moved = roll_forward(storage, program, JANUARY, FEBRUARY)
    assert worth(moved, "EUR") == {"issued": "5.00", "redeemed": "-1.35", "revaluation": "-0.05", "closing": "3.60"}


def test_without_rates_there_is_no_money(storage: Storage) -> None:
    """
    Points that buy nothing are counted all the same.
    """
    run(storage)
    moved = roll_forward(storage, shop(exchange_rates=[]), JANUARY, FEBRUARY)
    assert (moved.closing, moved.revaluation) == (RollLine(75, {}), {})


def test_points_from_before_there_was_a_rate(storage: Storage) -> None:
    """
    Points that were worth nothing when they were issued are revalued by the first rate.
    """
    Ledger(shop(exchange_rates=[]), storage).apply(earns("ada", "01-10", 50))
    assert worth(roll_forward(storage, PROGRAM, JANUARY, FEBRUARY), "EUR") == {"revaluation": "5.00", "closing": "5.00"}


# --- periods -----------------------------------------------------------------------------------------------------


def test_periods_that_cannot_be(storage: Storage) -> None:
    """
    An empty period and a naive instant are refused (R-04).
    """
    with pytest.raises(InvalidInput):
        roll_forward(storage, PROGRAM, MARCH, MARCH)
    for since, until in [(JANUARY.replace(tzinfo=None), MARCH), (None, MARCH.replace(tzinfo=None))]:
        with pytest.raises(InvalidInstant):
            roll_forward(storage, PROGRAM, since, until)


def counted(ledger: Ledger, since: datetime, until: datetime) -> dict[str, int]:
    """
    Count by kind and sign what a ledger that writes everything down at once wrote in a period.
    """
    kinds = {
        ("earned", True): "issued",
        ("adjusted", True): "adjusted_up",
        ("restored", True): "restored",
        ("redeemed", False): "redeemed",
        ("expired", False): "expired",
        ("reversed", False): "reversed",
        ("adjusted", False): "adjusted_down",
        ("repaid", False): "repaid",
    }
    lines = dict.fromkeys(["opening", *MOVEMENTS, "closing"], 0)
    for entry in entries(ledger):
        line = kinds.get((entry.kind, entry.points > 0))
        if line is not None and entry.recorded_at < until:
            lines["closing"] += entry.points
            lines[line if entry.recorded_at >= since else "opening"] += entry.points
    return {name: points for name, points in lines.items() if points}


@settings(max_examples=60)
@given(program=st.sampled_from(PROGRAMS), commands=HISTORIES, cuts=CUTS)
def test_lines_are_what_an_eager_ledger_writes(program, commands, cuts) -> None:
    """
    Each line is the sum of the entries that a ledger wrote which misses no midnight, although this one wrote down
    what time did late or never (I-32).
    """
    lazy, eager = (lived(program, commands, eager=eager) for eager in (False, True))
    ends = [JANUARY, *(JANUARY + timedelta(days=days) for days in sorted(cuts))]
    for since, until in pairwise(ends):
        assert points(roll_forward(lazy.storage, program, since, until)) == counted(eager, since, until)


@given(program=st.sampled_from(PROGRAMS), commands=HISTORIES, cuts=CUTS)
def test_periods_chain(program, commands, cuts) -> None:
    """
    Adjacent periods chain and together are the period over all; each proves itself, closes with what is owed then, and
    has no revaluation where no rate changed (I-1, I-32).
    """
    storage = lived(program, commands, eager=False).storage
    ends = [JANUARY, *(JANUARY + timedelta(days=days) for days in sorted(cuts))]
    parts = [roll_forward(storage, program, since, until) for since, until in pairwise(ends)]
    whole = roll_forward(storage, program, ends[0], ends[-1])
    for one, other in pairwise(parts):
        assert (one.closing, one.debt.closing) == (other.opening, other.debt.opening)
    for movement in MOVEMENTS:
        assert whole.movements[movement].points == sum(part.movements[movement].points for part in parts)
    for part in (*parts, whole):
        owed = liability(storage, program, part.until - timedelta(microseconds=1))
        assert (part.difference, part.findings) == (0, ())
        assert part.closing == RollLine(owed.points, owed.value)
        debt = part.debt
        assert debt.opening + debt.incurred - debt.repaid - debt.forgiven == debt.closing == owed.debt
        for currency, closing_value in part.closing.value.items():
            moves = [line.value[currency].micros for line in part.movements.values()]
            assert part.opening.value[currency].micros + sum(moves) == closing_value.micros
            assert part.revaluation[currency].micros == 0


# --- the proof ---------------------------------------------------------------------------------------------------


def damaged(folder: Path, statement: str) -> RollForward:
    """
    Return the season's roll-forward after a row was changed behind the library's back.
    """
    path = folder / "points.db"
    with SQLiteStorage(path) as storage:
        run(storage)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        assert connection.execute(statement).rowcount == 1, "the damage is done"
    with SQLiteStorage(path) as storage:
        return roll_forward(storage, PROGRAM, JANUARY, MAY)


ADA_1 = "WHERE account = 'ada' AND sequence = 1"


@pytest.mark.parametrize(
    ("damage", "found", "difference", "closing"),
    [
        # The points that opened a lot: lots and movements both follow, the balance that was recorded does not.
        (f"UPDATE pointsledger_entries SET points = 51 {ADA_1}", {"balance_after"}, 0, 75),
        # The part of a lot that was drawn: 39 of 40 leave it, 40 come back, and of the 50 that came 51 lapse.
        (
            "UPDATE pointsledger_allocations SET points = 39 WHERE account = 'ada' AND points = 40 AND sequence = 4",
            {"lot_parts", "lot_bounds", "conservation"},
            1,
            75,
        ),
        # What the entry is.
        (
            "UPDATE pointsledger_entries SET kind = 'noted' WHERE account = 'cy' AND sequence = 1",
            {"conservation"},
            12,
            75,
        ),
        # An entry is missing in the middle: 40 points come back that were never used.
        (
            "DELETE FROM pointsledger_entries WHERE account = 'ada' AND kind = 'redeemed'",
            {"sequence", "balance_after", "lot_bounds"},
            0,
            75,
        ),
        # The entry that opened a lot is missing: nothing can be said of Ada, whose 35 are not counted.
        (f"DELETE FROM pointsledger_entries {ADA_1}", {"sequence", "balance_after", "lot_parts"}, 0, 40),
        # A part of an entry names a lot that there is not.
        (
            "UPDATE pointsledger_allocations SET lot = 77 WHERE account = 'ada' AND sequence = 4",
            {"lot_parts", "lot_bounds"},
            0,
            40,
        ),
        # A row that cannot be read.
        (f"UPDATE pointsledger_entries SET command = '{{' {ADA_1}", {"unreadable"}, 0, 40),
    ],
)
def test_damage_is_found(tmp_path: Path, damage: str, found: set[str], difference: int, closing: int) -> None:
    """
    Whatever is changed in the entries of an account is found there (I-3, I-5).
    """
    moved = damaged(tmp_path, damage)
    assert {finding.code for finding in moved.findings} == found
    assert {finding.account for finding in moved.findings} == {"cy" if "'cy'" in damage else "ada"}
    assert (moved.difference, moved.closing.points) == (difference, closing)
