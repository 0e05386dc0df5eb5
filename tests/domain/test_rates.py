"""
What points are worth, and which rate counts where.
"""

from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from itertools import permutations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from pointsledger import ExchangeRate, Money, Program
from pointsledger.errors import InvalidInput, InvalidInstant, InvalidMoney, InvalidPoints, InvalidProgram
from tests.ledger.bad_inputs import HOSTILE, NOT_IDENTIFIERS, NOT_INSTANTS, NOT_POINTS

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
MICRO = timedelta(microseconds=1)
ALL = ExchangeRate(1, Money("0.01", "EUR"))
SITE = ExchangeRate(1, Money("0.02", "EUR"), channels=["de"])
GROUP = ExchangeRate(1, Money("0.03", "EUR"), customer_groups=["vip"])
BOTH = ExchangeRate(1, Money("0.04", "EUR"), channels=["de"], customer_groups=["vip"])
TEN_FOR_TWO = ExchangeRate(10, Money("2.00", "USD"))

rates = st.builds(
    lambda points, cents: ExchangeRate(points, Money.of_micros(cents * 10_000, "EUR")),
    st.integers(1, 10**6),
    st.integers(1, 10**8),
)


@pytest.mark.parametrize(
    ("points", "worth", "groups"),
    [(25, "4.00", 20), (9, "0.00", 0), (10, "2.00", 10), (0, "0.00", 0), (-25, "-4.00", -30)],
)
def test_whole_groups_by_hand(points, worth, groups):
    """
    At 10 points for 2.00, 25 points are worth 4.00 and 5 stay (R-22).
    """
    assert Money(worth, "USD") == TEN_FOR_TWO.value(points)
    if points >= 0:
        assert groups == TEN_FOR_TWO.whole_groups(points)
    assert TEN_FOR_TWO.currency == "USD"


@pytest.mark.parametrize(
    ("money", "within", "to_pay_off"),
    [("7.00", 30, 35), ("1.99", 0, 10), ("2.00", 10, 10), ("0.00", 0, 0), ("0.01", 0, 1)],
)
def test_points_for_money_by_hand(money, within, to_pay_off):
    """
    At 10 points for 2.00, 30 points are within 7.00 and 35 pay it off (R-22, R-25).
    """
    amount = Money(money, "USD")
    assert within == TEN_FOR_TWO.points_within(amount)
    assert to_pay_off == TEN_FOR_TWO.points_to_pay_off(amount)


@given(rates, st.integers(0, 10**12), st.integers(0, 10**12))
def test_nobody_gains_by_exchange(rate, points, more):
    """
    Points turned to money and back are no more, and what is exchanged in two is worth no more than in one (R-22, I-27).
    """
    assert rate.points_within(rate.value(points)) == rate.whole_groups(points) <= points
    assert rate.value(points) + rate.value(more) <= rate.value(points + more)
    assert rate.value(-points).micros == -rate.value(points).micros


@given(rates, st.integers(0, 10**12))
def test_paying_off_takes_the_fewest_points(rate, cents):
    """
    The points that pay off an amount are worth at least it, and one point less is not (R-25).
    """
    money = Money.of_micros(cents * 10_000, "EUR")
    points = rate.points_to_pay_off(money)
    worth_of_one = Fraction(rate.money.micros, rate.points)
    assert points * worth_of_one >= money.micros
    assert points == 0 or (points - 1) * worth_of_one < money.micros


def test_a_rate_is_points_for_money(subtests):
    """
    A rate has at least one point and an amount above nothing that its currency can pay (R-22, R-01, R-02).
    """
    for name, value in {**NOT_POINTS, "none": None}.items():
        with subtests.test(name), pytest.raises(InvalidPoints):
            ExchangeRate(value, Money("1.00", "EUR"))
    bad = {"nothing": Money("0", "EUR"), "less": Money("-1", "EUR"), "part of a cent": Money("0.001", "EUR")}
    for name, value in {**HOSTILE, **bad, "too much": Money("1000000000001", "EUR"), "text": "1.00 EUR"}.items():
        with subtests.test(name), pytest.raises(InvalidMoney):
            ExchangeRate(1, value)


# --- percent ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("percent", "currency", "points", "money"),
    [
        # 100 points are worth `percent` of the currency; the group is the smallest that pays a whole amount.
        (100, "USD", 1, "1.00"),
        (150, "USD", 1, "1.50"),
        (20, "USD", 1, "0.20"),
        ("12.5", "USD", 2, "0.25"),  # a point is 0.125
        ("1/3", "USD", 3, "0.01"),  # a point is 0.00333...
        (100, "JPY", 1, "1"),
        (150, "JPY", 2, "3"),
        (20, "JPY", 5, "1"),
        ("12.5", "JPY", 8, "1"),
        (100, "KWD", 1, "1.000"),
        (150, "KWD", 1, "1.500"),
        (20, "KWD", 1, "0.200"),
        ("12.5", "KWD", 1, "0.125"),
        (100, "CLF", 1, "1.0000"),
        (150, "CLF", 1, "1.5000"),
        (20, "CLF", 1, "0.2000"),
        ("12.5", "CLF", 1, "0.1250"),
        (Fraction(1, 8), "CLF", 2, "0.0025"),  # a point is 0.00125
    ],
)
def test_percent_by_hand(percent: str | int | Fraction, currency: str, points: int, money: str) -> None:
    """
    At 150 percent a point is worth 1.50, at 20 percent 0.20, in whole units of each currency (S3.12, R-22, I-28).
    """
    assert ExchangeRate.percent(percent, currency) == ExchangeRate(points, Money(money, currency))


@given(
    percent=st.fractions(Fraction(1, 1000), 10**4, max_denominator=1000),
    currency=st.sampled_from(["USD", "JPY", "KWD", "CLF"]),
)
def test_percent_is_exact_and_smallest(percent: Fraction, currency: str) -> None:
    """
    A group of the rate is worth exactly its percent, and no smaller group is a whole amount (S3.12, R-22).
    """
    rate = ExchangeRate.percent(percent, currency)
    decimals = {"USD": 2, "JPY": 0, "KWD": 3, "CLF": 4}[currency]
    worth = percent / 100 * 10**decimals  # of a point, in the currency's smallest units
    assert Fraction(rate.money.amount) * 10**decimals == worth * rate.points
    assert all((worth * fewer).denominator > 1 for fewer in range(max(1, rate.points - 50), rate.points))


def test_percent_in_a_scope() -> None:
    """
    A percent can be for a channel, a group and a time as any rate can (R-23).
    """
    scope = {"channels": ["de"], "customer_groups": ["vip"], "valid_from": NOON, "valid_until": NOON + DAY}
    assert ExchangeRate.percent(150, "EUR", **scope) == ExchangeRate(1, Money("1.50", "EUR"), **scope)


@pytest.mark.parametrize(
    ("percent", "currency", "refusal", "field"),
    [
        *((percent, "USD", InvalidProgram, "percent") for percent in (0, -1, 1.5, None, True, "x", "150%", 10**13)),
        (150, "usd", InvalidMoney, "currency"),
        (150, None, InvalidMoney, "currency"),
        ("1/1000000000000", "JPY", InvalidPoints, "points"),  # a group of 10^14 points
        (10**12, "JPY", None, None),
    ],
)
def test_percent_that_cannot_be(percent: object, currency: object, refusal: type | None, field: str | None) -> None:
    """
    A percent is exact and above 0, and its group within bounds (R-01, R-03).
    """
    if refusal is None:
        assert ExchangeRate.percent(percent, currency).money == Money("10000000000", "JPY")
        return
    with pytest.raises(refusal) as refused:
        ExchangeRate.percent(percent, currency)
    assert refused.value.field == field


# --- scope -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channel", "group", "levels"),
    [
        # By hand: which of the four levels hold there, the first of them that is there counts.
        ("de", "vip", [BOTH, GROUP, SITE, ALL]),
        ("de", "all", [SITE, ALL]),
        ("de", None, [SITE, ALL]),
        ("us", "vip", [GROUP, ALL]),
        (None, "vip", [GROUP, ALL]),
        ("us", "all", [ALL]),
        (None, None, [ALL]),
    ],
)
def test_four_levels_of_priority(channel: str | None, group: str | None, levels: list[ExchangeRate]) -> None:
    """
    Website and group, then the group, then the website, then neither, in whatever order they are declared; where a
    level is missing the next one counts, and where none holds there is no rate (S1.29, R-23).
    """
    for size in range(5):
        for rates in permutations([ALL, SITE, GROUP, BOTH], size):
            expected = next((level.figures for level in levels if level in rates), None)
            program = Program(id="p", exchange_rates=rates)
            assert program.rate("EUR", channel=channel, customer_group=group, at=NOON) == expected
            assert program.rate(channel=channel, customer_group=group) == expected


def test_a_window_is_half_open() -> None:
    """
    A rate holds from its first instant on and no longer at its last, whatever zone names them (R-04, R-23).
    """
    week = evolve(SITE, channels=(), valid_from=NOON, valid_until=NOON + 7 * DAY)
    program = Program(id="p", exchange_rates=[ALL, week])
    at = {NOON - MICRO: ALL, NOON: week, NOON + 7 * DAY - MICRO: week, NOON + 7 * DAY: ALL}
    assert {instant: program.rate(at=instant) for instant in at} == {i: rate.figures for i, rate in at.items()}
    tokyo = NOON.astimezone(timezone(timedelta(hours=9)))
    assert evolve(week, valid_from=tokyo) == week
    assert program.rate() == week.figures  # no instant: whenever it holds


@pytest.mark.parametrize("window", [{"valid_from": NOON}, {"valid_until": NOON + DAY}])
def test_dated_before_undated(window: dict[str, datetime]) -> None:
    """
    Of one level, a rate with a window counts before one without, wherever it stands; a narrower one counts before both
    (R-23).
    """
    dated = ExchangeRate(1, Money("0.09", "EUR"), **window)
    for rates in permutations([ALL, dated]):
        assert Program(id="p", exchange_rates=rates).rate(at=NOON) == dated.figures
    for rates in permutations([ALL, dated, SITE]):
        assert Program(id="p", exchange_rates=rates).rate(channel="de", at=NOON) == SITE.figures


def test_declared_first() -> None:
    """
    Of rates that are alike in scope and date the first counts, and so does the currency of the first (R-23).
    """
    dollars = ExchangeRate(1, Money("0.50", "USD"))
    other = evolve(ALL, money=Money("0.07", "EUR"))
    assert Program(id="p", exchange_rates=[ALL, other, dollars]).rate() == ALL
    assert Program(id="p", exchange_rates=[other, ALL, dollars]).rate("EUR") == other
    assert Program(id="p", exchange_rates=[dollars, ALL]).rate() == dollars
    assert Program(id="p", exchange_rates=[dollars, SITE]).rate(channel="de") == SITE.figures


def test_one_rate_alone() -> None:
    """
    A single rate is found where it holds, and nowhere else (R-23).
    """
    assert Program(id="p", exchange_rates=[ALL]).rate("USD") is None
    assert Program(id="p", exchange_rates=[SITE]).rate(channel="us") is None
    assert Program(id="p", exchange_rates=[evolve(ALL, valid_from=NOON)]).rate(at=NOON - MICRO) is None


def test_figures_have_no_scope() -> None:
    """
    What entries keep of a rate is points and money alone (R-24).
    """
    assert BOTH.figures == ExchangeRate(1, Money("0.04", "EUR"))
    assert ALL.figures is ALL
    assert [rate.is_narrow for rate in (ALL, SITE, GROUP, BOTH, evolve(ALL, valid_until=NOON))] == [False] + [True] * 4


names = st.sets(st.sampled_from(["a", "b", "c"]), max_size=2)
days = st.none() | st.integers(0, 6).map(lambda n: NOON + n * DAY)


@st.composite
def scoped(draw: st.DrawFn) -> ExchangeRate:
    """
    Return a rate with figures of its own, in a scope of few names and days.
    """
    start, end = draw(days), draw(days)
    if start is not None and end is not None and start >= end:
        end = None
    money = Money.of_micros(draw(st.integers(1, 9)) * 10_000, draw(st.sampled_from(["EUR", "USD"])))
    points = draw(st.integers(1, 9))
    return ExchangeRate(
        points, money, channels=draw(names), customer_groups=draw(names), valid_from=start, valid_until=end
    )


@given(
    rates=st.lists(scoped(), max_size=6),
    currency=st.sampled_from([None, "EUR", "USD"]),
    channel=st.sampled_from([None, "a", "b", "x"]),
    group=st.sampled_from([None, "a", "b", "x"]),
    at=st.none() | st.integers(-1, 7).map(lambda n: NOON + n * DAY),
)
def test_the_rate_is_that_of_a_naive_chooser(
    rates: list[ExchangeRate], currency: str | None, channel: str | None, group: str | None, at: datetime | None
) -> None:
    """
    Whatever is declared, the rate is that which is found by going through the levels one after the other (R-23).
    """

    def holds(rate: ExchangeRate) -> bool:
        in_time = at is None or (
            (rate.valid_from is None or rate.valid_from <= at) and (rate.valid_until is None or at < rate.valid_until)
        )
        here = len(rate.channels) == 0 or channel in rate.channels
        theirs = len(rate.customer_groups) == 0 or group in rate.customer_groups
        return in_time and here and theirs and (currency is None or rate.money.currency == currency)

    chosen = None
    for wants_group, wants_channel in ((True, True), (True, False), (False, True), (False, False)):
        for wants_window in (True, False):
            for rate in rates:
                level = (len(rate.customer_groups) > 0, len(rate.channels) > 0) == (wants_group, wants_channel)
                dated = (rate.valid_from is not None or rate.valid_until is not None) == wants_window
                if chosen is None and level and dated and holds(rate):
                    chosen = rate
    found = Program(id="p", exchange_rates=rates).rate(currency, channel=channel, customer_group=group, at=at)
    assert found == (None if chosen is None else ExchangeRate(chosen.points, chosen.money))


def test_a_scope_is_names_and_instants(subtests) -> None:
    """
    Channels and groups are several identifiers, windows aware instants and not empty (R-04, R-05).
    """
    for name in ("channels", "customer_groups"):
        for case, value in NOT_IDENTIFIERS.items():
            with subtests.test(f"{name}: {case}"), pytest.raises(InvalidInput):
                ExchangeRate(1, Money("1.00", "EUR"), **{name: [value]})
        for value in ("de", b"de", None, 5, [["de"]]):
            with subtests.test(f"{name}: {value}"), pytest.raises(InvalidInput):
                ExchangeRate(1, Money("1.00", "EUR"), **{name: value})
    for name in ("valid_from", "valid_until"):
        for case, value in NOT_INSTANTS.items():
            with subtests.test(f"{name}: {case}"), pytest.raises(InvalidInstant) as refused:
                ExchangeRate(1, Money("1.00", "EUR"), **{name: value})
            assert refused.value.field == name
    for until in (NOON, NOON - MICRO):
        with pytest.raises(InvalidProgram) as empty:
            ExchangeRate(1, Money("1.00", "EUR"), valid_from=NOON, valid_until=until)
        assert empty.value.field == "valid_until"
