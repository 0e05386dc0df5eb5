"""
Statements as plain text (S1.5 to S1.10, S1.16, S3.3, S3.4, R-43).
"""

import re

import pytest
from attrs import evolve

from pointsledger import EarnRule, ExchangeRate, ExpiryPolicy, Ledger, Money, PendingPolicy, Program, Unit
from pointsledger.port import Storage
from pointsledger.reports.statement import statement
from pointsledger.reports.statement_text import statement_text
from tests.reports.corner_shop import STARS, at, buys, corrects, earns, midnight, shop, spring


def test_text(storage: Storage) -> None:
    """
    Opening, lines with money and running balance, closing, totals to date, what lapses when, days left by batch, and
    what else is recorded (R-10, R-11, S1.5 to S1.10, S1.16, S3.3).
    """
    # From 1 March to 10 April are 31 + 10 days; to 10 May 30 more; to 21 May 11 more.
    assert (
        statement_text(spring(storage), STARS)
        == """\
Stars of ada, from 2025-01-15 until 2025-02-28
----------------------------------------------

no  date        what      about      stars     amount  balance      worth
--  ----------  --------  ---------  -----  ---------  -------  ---------
                opening                                    120  12.00 EUR
 2  2025-01-20  redeemed               -30  -3.00 EUR       90   9.00 EUR
 3  2025-02-10  earned                 +40   4.00 EUR      130  13.00 EUR
 4  2025-02-20  held      order o-2    -10  -1.00 EUR      120  12.00 EUR
 5  2025-02-21  adjusted  goodwill      +1   0.00 EUR      121  12.00 EUR

2025-02-28 23:59: 121 stars available, worth 12.00 EUR, 10 stars on hold.
In all until then: 161 stars accrued, 30 used and 0 lapsed.
80 stars can be used until 2025-04-10.
40 stars can be used until 2025-05-10.
1 star can be used until 2025-05-21.

no  earned      stars  can be used       days left
--  ----------  -----  ----------------  ---------
 1  2025-01-10     80  until 2025-04-10         41
 3  2025-02-10     40  until 2025-05-10         71
 5  2025-02-21      1  until 2025-05-21         82

no  notes
--  -----
 2  at 10 stars = 1.00 EUR
 4  channel web
 5  by sam, "sorry for that"
"""
    )


def test_notes_tell_a_new_rate_and_what_lapsed(storage: Storage) -> None:
    """
    A rate stands where it is another than before; a line tells how many points of its batch lapsed (S1.7, S1.10).
    """
    before, after = shop(), shop(exchange_rates=[ExchangeRate(1, Money("0.50", "EUR"))])
    Ledger(before, storage).apply_all([earns("ada", "01-01", 20), earns("ada", "01-02", 30)])
    Ledger(after, storage).apply(corrects("ada", "01-03", 1, comment="word " * 30))
    text = statement_text(statement(storage, after, "ada", until=midnight("2025-04-03")), after)
    # 4 + 23 + 8 columns come before the comment: 9 words fit beside them, 15 on a line of their own.
    assert text.endswith(
        """\
no  notes
--  -----
 1  at 10 points = 1.00 EUR, 20 lapsed
 3  at 1 point = 0.50 EUR, by sam, "word word word word word word word word word
    word word word word word word word word word word word word word word word
    word word word word word word"
"""
    )


def test_text_of_what_waits_or_never_lapses(storage: Storage) -> None:
    """
    What is pending says from when it can be used, or that it cannot yet; what has no end says so (R-20, S1.16).
    """
    endless = shop(expiry=ExpiryPolicy.never(), pending=PendingPolicy.after(days=14))
    Ledger(endless, storage).apply(earns("ada", "01-01", 5))
    on = midnight("2025-01-10")
    assert " 1  2025-01-01       5  from 2025-01-15 for ever\n" in statement_text(
        statement(storage, endless, "ada", until=on), endless
    )
    later = midnight("2025-02-01")
    assert "5  for ever\n" in statement_text(statement(storage, endless, "ada", until=later), endless)
    waiting = shop(pending=PendingPolicy.until_event())
    Ledger(waiting, storage).apply(earns("bo", "01-01", 5))
    assert "5  not yet\n" in statement_text(statement(storage, waiting, "bo", until=on), waiting)


def test_text_of_nothing(storage: Storage) -> None:
    """
    An account without points has no batches and no notes; a program that is off shows nothing (R-43).
    """
    nobody = statement(storage, STARS, "nobody", until=midnight("2025-03-01"))
    assert (
        statement_text(nobody, STARS)
        == """\
Stars of nobody, until 2025-02-28
---------------------------------

no  date  what     about  stars  amount  balance  worth
--  ----  -------  -----  -----  ------  -------  -----
          opening                              0

2025-02-28 23:59: 0 stars available, worth 0.00 EUR.
In all until then: 0 stars accrued, 0 used and 0 lapsed.
No stars are going to lapse.
"""
    )
    off = evolve(STARS, active=False)
    assert statement_text(statement(storage, off, "nobody", until=midnight("2025-03-01")), off).endswith(
        "\n\nProgram 'corner' is switched off; it shows nothing.\n"
    )


def test_an_act_is_named(storage: Storage) -> None:
    """
    What was earned by an act says by which (S1.9).
    """
    program = shop(earn_rules=[EarnRule.per_action(20, action="newsletter", limit=1)])
    Ledger(program, storage).act("ada", "newsletter", at=at("01-02"))
    text = statement_text(statement(storage, program, "ada", until=midnight("2025-02-01")), program)
    assert " 1  2025-01-02  earned   newsletter     +20  2.00 EUR       20  2.00 EUR\n" in text


def test_notes_leave_out_what_is_not_written_down(storage: Storage) -> None:
    """
    A line that no sweep has written down has no number and no note (I-32).
    """
    Ledger(STARS, storage).apply(earns("ada", "01-01", 20))
    found = statement(storage, STARS, "ada", since=midnight("2025-02-01"), until=midnight("2025-05-01"))
    text = statement_text(found, STARS)
    assert re.search(r"\n {4}2025-04-02  expired +-20 ", text)
    assert "notes" not in text


@pytest.mark.parametrize(
    ("since", "until", "words"),
    [
        (None, midnight("2025-03-01"), "until 2025-02-28"),
        (None, at("02-28"), "until 2025-02-28 12:00"),
        (midnight("2025-01-01"), midnight("2025-03-01"), "from 2025-01-01 until 2025-02-28"),
        (at("01-01"), at("02-28"), "from 2025-01-01 12:00 until 2025-02-28 12:00"),
    ],
)
def test_period_in_words(storage: Storage, since, until, words: str) -> None:
    """
    A period is said by its first and last day, or by the times at which it begins and ends (R-37).
    """
    found = statement(storage, STARS, "ada", since=since, until=until)
    assert statement_text(found, STARS).startswith(f"Stars of ada, {words}\n-")


def test_free_text_keeps_to_its_line(storage: Storage) -> None:
    """
    Line breaks in a reason or in the unit's name do not break the table.
    """
    program = shop(unit=Unit(singular="gold\nstar", plural="gold\nstars"))
    Ledger(program, storage).apply_all([buys("ada", "1", "01-01", 5), corrects("ada", "01-02", 1, reason="a\n\tb")])
    text = statement_text(statement(storage, program, "ada", until=midnight("2025-02-01")), program)
    assert text.startswith("Gold stars of ada, until 2025-01-31\n-")
    assert "about    gold stars" in text
    assert " 2  2025-01-02  adjusted  a b " in text


def test_the_unit_stands_everywhere(storage: Storage) -> None:
    """
    No statement says points where the merchant says otherwise (S3.4, R-43).
    """
    assert "point" not in statement_text(spring(storage), STARS)
    airline = Program(id="air", unit=Unit(singular="AirMile", plural="AirMiles"))
    Ledger(airline, storage).apply(earns("ada", "01-01", 1))
    text = statement_text(statement(storage, airline, "ada", until=midnight("2025-02-01")), airline)
    assert text.startswith("AirMiles of ada, ")
    assert "1 AirMile available" in text
