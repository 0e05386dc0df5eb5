"""
Pictures of balances and of what lapses when (R-11, R-43, S3.4).
"""

import io
import re
import struct
import sys
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta

import matplotlib as mpl
import pytest

from pointsledger import Ledger, Program, Unit
from pointsledger import reports as reports_package
from pointsledger.domain.balance import Expiring
from pointsledger.errors import MissingExtra
from pointsledger.port import Storage
from pointsledger.reports.figures import Bar, Step
from pointsledger.reports.pictures import balance_curve, balance_picture, ladder_bars, ladder_picture
from pointsledger.reports.statement import statement
from tests.reports.corner_shop import STARS, at, buys, cancels, corrects, earns, midnight, spring, uses

SVG = "{http://www.w3.org/2000/svg}"


def texts(picture: bytes) -> list[str]:
    """
    Return the texts of an SVG picture, in the order of the file.
    """
    return ["".join(node.itertext()) for node in ET.fromstring(picture).iter(f"{SVG}text")]


def title(picture: bytes) -> str:
    """
    Return the title of an SVG picture.
    """
    return ET.fromstring(picture).findtext(f"{SVG}title") or ""


def lapsing(*steps: tuple[int, str]) -> tuple[Expiring, ...]:
    """
    Return a ladder of points that lapse at the start of days.
    """
    return tuple(Expiring(points, midnight(day)) for points, day in steps)


def daily(count: int, points: int = 1, first: str = "2025-01-02", every: int = 1) -> tuple[Expiring, ...]:
    """
    Return a ladder of many dates at one distance; the first last day of use is the day before `first`.
    """
    return tuple(Expiring(points, midnight(first) + timedelta(days=n * every)) for n in range(count))


# --- the curve ---------------------------------------------------------------------------------------------------


def test_curve_has_a_step_for_each_instant(storage: Storage) -> None:
    """
    A balance holds from the instant of its entry on; what happened at one instant is one step (R-11).
    """
    ledger = Ledger(STARS, storage)
    ledger.apply_all([buys("ada", "1", "01-10", 50), corrects("ada", "01-10", -20), uses("ada", "02-10", 10)])
    curve = balance_curve(statement(storage, STARS, "ada", since=midnight("2025-01-05"), until=midnight("2025-05-01")))
    assert curve.until == midnight("2025-05-01")
    assert curve.steps == (
        Step(midnight("2025-01-05"), 0, 0),
        Step(at("01-10"), 30, 0),
        Step(at("02-10"), 20, 0),
        Step(midnight("2025-04-11"), 0, 0),  # lapsed, though no sweep has written it down
    )


def test_curve_begins_with_the_opening(storage: Storage) -> None:
    """
    A period begins with the points and the debt of before (R-11, R-33).
    """
    ledger = Ledger(STARS, storage)
    ledger.apply_all([earns("ada", "01-01", 10), corrects("ada", "01-02", -25, allow_debt=True)])
    ledger.apply(earns("ada", "02-01", 20))
    curve = balance_curve(statement(storage, STARS, "ada", since=midnight("2025-01-15"), until=midnight("2025-03-01")))
    assert curve.steps == (Step(midnight("2025-01-15"), 0, 15), Step(at("02-01"), 5, 0))


def test_curve_from_the_beginning_shows_the_first_points_coming(storage: Storage) -> None:
    """
    Without a start a curve begins a day, or a 25th of the time shown, before the first line.
    """
    Ledger(STARS, storage).apply(earns("ada", "01-26", 10))
    short = balance_curve(statement(storage, STARS, "ada", until=at("01-27")))
    assert short.steps == (Step(at("01-25"), 0, 0), Step(at("01-26"), 10, 0))
    longer = balance_curve(statement(storage, STARS, "ada", until=at("03-17")))
    assert longer.steps[0].at == at("01-24")  # 50 days shown, 2 before
    nobody = balance_curve(statement(storage, STARS, "nobody", until=at("01-27")))
    assert nobody.steps == (Step(at("01-26"), 0, 0),)


# --- the ladder --------------------------------------------------------------------------------------------------


def test_bars_of_days_months_and_years() -> None:
    """
    Many dates are summed by the day, month or year of their last day of use, whichever can be told apart (R-37).
    """
    grain, bars = ladder_bars(daily(92, 3), STARS)
    assert (grain, len(bars)) == ("day", 92)
    assert bars[0] == Bar(date(2025, 1, 1), date(2025, 1, 2), 3)
    grain, bars = ladder_bars(daily(93, 3), STARS)
    # 31 + 28 + 31 days and 3 of April.
    assert (grain, [bar.points for bar in bars]) == ("month", [93, 84, 93, 9])
    assert [(f"{bar.start}", f"{bar.end}") for bar in bars[:2]] == [
        ("2025-01-01", "2025-02-01"),
        ("2025-02-01", "2025-03-01"),
    ]
    grain, bars = ladder_bars(lapsing((1, "2025-01-02"), (2, "2029-12-31"), (4, "2030-01-01")), STARS)
    assert (grain, [bar.points for bar in bars]) == ("month", [1, 6])
    grain, bars = ladder_bars(lapsing((1, "2025-01-02"), (2, "2029-12-31"), (4, "2030-01-02")), STARS)
    assert (grain, [bar.points for bar in bars]) == ("year", [1, 2, 4])
    assert bars[-1] == Bar(date(2030, 1, 1), date(2031, 1, 1), 4)


def test_bars_follow_the_calendar_of_the_program() -> None:
    """
    The last day of use is one of the program's time zone (R-04, R-37).
    """
    new_york = Program(id="ny", timezone="America/New_York")
    step = Expiring(1, datetime.fromisoformat("2025-02-01T05:00Z"))  # midnight there
    assert ladder_bars([step], new_york) == ("day", (Bar(date(2025, 1, 31), date(2025, 2, 1), 1),))


# --- drawn -------------------------------------------------------------------------------------------------------


def test_balance_picture(storage: Storage) -> None:
    """
    The picture of a balance has dates, figures with separators and the merchant's name for points (S3.4, R-43).
    """
    Ledger(STARS, storage).apply_all([earns("ada", "01-01", 12_000), uses("ada", "02-01", 5_000)])
    picture = balance_picture(
        statement(storage, STARS, "ada", since=midnight("2025-01-01"), until=midnight("2025-04-01")), STARS
    )
    assert title(picture) == "The balance over time, in stars"
    assert set(texts(picture)) >= {"stars", "0", "5,000", "10,000", "2025-02", "2025-03"}
    assert not {"owed", "balance"} & set(texts(picture))


def test_debt_stands_below_zero(storage: Storage) -> None:
    """
    What is owed stands below zero, named and hatched, so that no colour is needed to see it (R-33).
    """
    ledger = Ledger(STARS, storage)
    ledger.apply_all([buys("ada", "1", "01-01", 100), uses("ada", "01-02", 80), cancels("ada", "1", "02-01")])
    picture = balance_picture(statement(storage, STARS, "ada", until=midnight("2025-03-01")), STARS)
    assert {"owed", "balance", "100"} <= set(texts(picture))
    assert any(text.endswith("50") and len(text) == 3 for text in texts(picture))  # a minus of some kind
    assert b"<pattern" in picture
    assert b"stroke-dasharray" in picture


def test_ladder_picture_of_a_few_dates() -> None:
    """
    A few dates are rows with the last day of use, or the time, and the figure (R-37).
    """
    ladder = (*lapsing((1_200, "2025-04-11")), Expiring(1, at("06-01")))
    picture = ladder_picture(ladder, STARS)
    assert title(picture) == "How many stars lapse when"
    assert {"until 2025-04-10", "1,200", "before 2025-06-01 12:00", "1", "stars"} <= set(texts(picture))
    assert {"1,200", "until 2025-04-10"} <= set(texts(ladder_picture(ladder[:1], STARS)))
    twelve, thirteen = texts(ladder_picture(daily(12), STARS)), texts(ladder_picture(daily(13), STARS))
    assert "until 2025-01-12" in twelve
    assert "last day of use" in thirteen
    assert not [text for text in thirteen if text.startswith("until")]


def test_ladder_picture_of_many_dates() -> None:
    """
    Hundreds of dates are bars along the calendar.
    """
    assert {"stars", "month of the last day of use", "2025-01"} <= set(texts(ladder_picture(daily(400), STARS)))
    assert {"year of the last day of use", "2026"} <= set(texts(ladder_picture(daily(400, every=9), STARS)))


def test_pictures_of_nothing(storage: Storage) -> None:
    """
    Where there is nothing the picture says so.
    """
    assert texts(ladder_picture((), STARS)) == ["No stars are going to lapse."]
    nobody = statement(storage, STARS, "nobody", until=midnight("2025-03-01"))
    assert texts(balance_picture(nobody, STARS)) == ["There were no stars."]


def test_the_greatest_numbers_and_the_longest_times() -> None:
    """
    The greatest number of points and dates thousands of years apart have a picture (R-01, R-04, I-30).
    """
    greatest = 2**53 - 1
    assert "9,007,199,254,740,991" in texts(ladder_picture(lapsing((greatest, "2025-01-02")), STARS))
    ages = daily(14, greatest // 14, every=180_000)
    assert ages[-1].at.year > 8000
    assert "year of the last day of use" in texts(ladder_picture(ages, STARS))


def test_a_period_may_be_a_moment(storage: Storage) -> None:
    """
    A period of a microsecond has a picture too; a day is the least that it shows.
    """
    Ledger(STARS, storage).apply(earns("ada", "01-01", 10))
    moment = statement(storage, STARS, "ada", since=at("01-02"), until=at("01-02") + timedelta(microseconds=1))
    assert "01-02 12:00" in texts(balance_picture(moment, STARS))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("$tars$", "$tars$"),
        (r"$\frac{1}$", r"$\frac{1}$"),
        ("<b>&amp;", "<b>&amp;"),
        ("gold\nstars", "gold stars"),
        ("ポイント", "ポイント"),
        ("m" * 40, "m" * 40),
        ("m" * 2000, "m" * 39 + "…"),
        ('</metadata><g id="x">', '</metadata><g id="x">'),
    ],
)
@pytest.mark.parametrize("form", ["svg", "png"])
def test_any_name_of_a_unit_can_be_drawn(name: str, shown: str, form: str) -> None:
    """
    Whatever a merchant calls its points stands in the picture as text: no formula, no markup (R-43, S3.4).
    """
    program = Program(id="odd", unit=Unit(singular=name, plural=name))
    picture = ladder_picture(lapsing((5, "2025-01-02")), program, form=form)
    if form == "svg":
        assert shown in texts(picture)
        assert title(picture) == f"How many {shown} lapse when"


def test_the_same_figures_give_the_same_bytes(storage: Storage) -> None:
    """
    A picture depends on what it shows: not on the time, the host's settings, or what else is drawn (I-26).
    """
    found = spring(storage)
    forms = ("svg", "png")

    def drawn() -> list[bytes]:
        return [
            picture
            for form in forms
            for picture in (balance_picture(found, STARS, form=form), ladder_picture(found.expiring, STARS, form=form))
        ]

    expected = drawn()
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "svg.fonttype": "path", "axes.grid": True}):
        before = dict(mpl.rcParams)
        assert drawn() == expected
        assert dict(mpl.rcParams) == before
    with ThreadPoolExecutor(4) as pool:
        assert all(result == expected for result in pool.map(lambda _: drawn(), range(4)))


def test_png_is_for_print(storage: Storage) -> None:
    """
    A PNG has 300 dots per inch, and its bytes name no time and no software.
    """
    picture = balance_picture(spring(storage), STARS, form="png")
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", picture[16:24])
    assert (width, height) == (2160, 900)  # 7.2 by 3 inches
    dots = struct.pack(">IIB", 11811, 11811, 1)  # per metre: 300 / 0.0254
    assert dots in picture
    assert not re.search(rb"tEXt|iTXt|tIME", picture)


def test_svg_is_one_document(storage: Storage) -> None:
    """
    An SVG has no date, no metadata, nothing from elsewhere; what it names it has, and two pictures share no name.
    """
    found = spring(storage)
    names: list[set[str]] = []
    for picture in (balance_picture(found, STARS), ladder_picture(found.expiring, STARS)):
        assert b"<metadata" not in picture
        assert not re.search(rb"\d\d:\d\d:\d\d", picture)
        root = ET.parse(io.BytesIO(picture)).getroot()
        assert root.get("role") == "img"
        ids = [node.get("id") for node in root.iter() if node.get("id")]
        assert len(ids) == len(set(ids))
        used = set(re.findall(r"""(?:url\(|href=")#([^")]+)""", picture.decode()))
        assert used
        assert used == set(ids)
        names.append(set(ids))
    assert not names[0] & names[1]


def test_without_matplotlib(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Without its package a picture is refused by naming the extra that brings it (R-47).
    """
    found = spring(storage)
    monkeypatch.delitem(sys.modules, "pointsledger.reports.drawing", raising=False)
    monkeypatch.delattr(reports_package, "drawing", raising=False)
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, name, None)
    for draw in (lambda: balance_picture(found, STARS), lambda: ladder_picture(found.expiring, STARS)):
        with pytest.raises(MissingExtra) as missing:
            draw()
        assert (missing.value.extra, missing.value.package) == ("plot", "matplotlib")
        assert "pip install 'pointsledger[plot]'" in str(missing.value)
