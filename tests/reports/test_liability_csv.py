"""
What is owed, and how it moved, as CSV for a spreadsheet.
"""

import csv
from io import StringIO

import pytest

from pointsledger import ExchangeRate, Ledger, Program
from pointsledger.port import Storage
from pointsledger.reports.liability import liability
from pointsledger.reports.liability_csv import liability_csv, roll_forward_csv
from pointsledger.reports.roll_forward import roll_forward
from pointsledger.storage.memory import MemoryStorage
from tests.reports.corner_shop import at, earns, shop
from tests.reports.season import APRIL, FEBRUARY, JANUARY, MARCH, PROGRAM, eur, run


def test_what_is_owed(storage: Storage) -> None:
    """
    One line for each row, one column for each currency, plain figures; see the season for the sums.
    """
    run(storage)
    assert (
        liability_csv(liability(storage, PROGRAM, APRIL))
        == """\
program,channel,month,points,available,pending,held,worth EUR,worth USD
corner,,2025-05,40,20,0,20,4.00,4.67
corner,shop,2025-04,12,12,0,0,1.20,1.40
corner,shop,2025-05,35,35,0,0,3.50,4.08
corner,web,2025-04,50,50,0,0,5.00,5.83
"""
    )


def test_several_programs(storage: Storage) -> None:
    """
    Programs stand below each other; a currency that one has not stays empty.
    """
    run(storage)
    beans = Program(id="beans", exchange_rates=[ExchangeRate(1, eur("0.50"))])
    Ledger(beans, storage).apply(earns("ada", "01-10", 3))
    owed = [liability(storage, program, FEBRUARY) for program in (beans, PROGRAM)]
    assert (
        liability_csv(*owed)
        == """\
program,channel,month,points,available,pending,held,worth EUR,worth USD
beans,,never,3,3,0,0,1.50,
corner,shop,2025-04,12,12,0,0,1.20,1.40
corner,web,2025-04,63,63,0,0,6.30,7.35
"""
    )


def test_the_movement(storage: Storage) -> None:
    """
    From the opening to the closing, line by line.
    """
    run(storage)
    assert (
        roll_forward_csv(roll_forward(storage, PROGRAM, FEBRUARY, MARCH))
        == """\
program,line,points,worth EUR,worth USD
corner,opening,75,7.50,8.75
corner,issued,70,7.00,8.16
corner,adjusted_up,100,10.00,11.67
corner,restored,0,0.00,0.00
corner,redeemed,-40,-4.00,-4.67
corner,expired,0,0.00,0.00
corner,reversed,-48,-4.80,-5.60
corner,adjusted_down,-30,-3.00,-3.50
corner,repaid,0,0.00,0.00
corner,revaluation,0,0.00,0.00
corner,closing,127,12.70,14.81
"""
    )


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\uff1d1", "\uff0b1", "\uff0d1", "\uff201"])
def test_a_name_is_no_formula(name: str) -> None:
    """
    What a spreadsheet would compute is text behind an apostrophe, be it a channel or a program.
    """
    storage, program = MemoryStorage(), shop(id=name)
    Ledger(program, storage).apply(earns("ada", "01-10", 5, channel=name))
    (row,) = csv.DictReader(StringIO(liability_csv(liability(storage, program, at("01-11")))))
    assert (row["program"], row["channel"], row["points"]) == (f"'{name}", f"'{name}", "5")
    lines = csv.DictReader(StringIO(roll_forward_csv(roll_forward(storage, program, JANUARY, FEBRUARY))))
    assert {line["program"] for line in lines} == {f"'{name}"}


def test_a_name_with_separators_stays_one_cell() -> None:
    """
    Commas and quotes in a name break no line.
    """
    storage = MemoryStorage()
    Ledger(PROGRAM, storage).apply(earns("ada", "01-10", 5, channel='shop, "north"'))
    (row,) = csv.DictReader(StringIO(liability_csv(liability(storage, PROGRAM, at("01-11")))))
    assert (row["channel"], row["points"]) == ('shop, "north"', "5")


def test_nothing_is_a_line_of_names() -> None:
    """
    A program that owes nothing, and no program at all, are tables without rows.
    """
    names = "program,channel,month,points,available,pending,held"
    assert liability_csv(liability(MemoryStorage(), PROGRAM, APRIL)) == f"{names},worth EUR,worth USD\n"
    assert liability_csv() == f"{names}\n"
