"""
Histories of two holders for property tests of reports: random commands, and ledgers that write them down early or late.
"""

from contextlib import suppress
from datetime import timedelta

from attrs import evolve
from hypothesis import strategies as st

from pointsledger import Entry, ExpiryPolicy, Ledger, PendingPolicy, Program
from pointsledger.domain.commands import Capture, Command, Earn, Forgive, Hold, Release
from pointsledger.errors import Refused
from pointsledger.storage.memory import MemoryStorage
from tests.reports.corner_shop import at, cancels, corrects, gives_back, uses
from tests.reports.season import JANUARY, PROGRAM, buys_on

IDLE = ExpiryPolicy.inactivity(months=1)
PROGRAMS = [
    PROGRAM,
    evolve(PROGRAM, expiry=IDLE, shortfall="clamp"),
    evolve(PROGRAM, expiry=ExpiryPolicy.earlier_of(ExpiryPolicy.after(months=2), IDLE), use_order="oldest_first"),
    evolve(PROGRAM, pending=PendingPolicy.after(days=10)),
]
DAYS = st.integers(1, 28).flatmap(lambda day: st.integers(1, 6).map(lambda month: f"{month:02}-{day:02}"))
ORDERS = st.sampled_from("12345")
HOLDER = st.sampled_from(["ada", "bo"])
CHANNELS = st.sampled_from([None, "web", "shop"])
COMMANDS = st.one_of(
    st.builds(buys_on, CHANNELS, HOLDER, ORDERS, DAYS, st.integers(1, 30), st.just(2)),
    st.builds(gives_back, HOLDER, ORDERS, DAYS),
    st.builds(cancels, HOLDER, ORDERS, DAYS),
    st.builds(lambda who, day, order: uses(who, day, 10, order=order), HOLDER, DAYS, ORDERS),
    st.builds(lambda who, day: uses(who, day, 30, currency="USD"), HOLDER, DAYS),
    st.builds(corrects, HOLDER, DAYS, st.integers(1, 20)),
    st.builds(lambda who, day, n: corrects(who, day, -n, allow_debt=True), HOLDER, DAYS, st.integers(1, 20)),
    st.builds(
        lambda who, day, before: Earn(account=who, points=9, at=at(day), occurred_at=at(before), key=day + before),
        HOLDER,
        DAYS,
        DAYS,
    ),
    st.builds(
        lambda who, day, until, order: Hold(account=who, order=order, points=10, until=at(until), at=at(day)),
        HOLDER,
        DAYS,
        DAYS,
        ORDERS,
    ),
    st.builds(lambda who, day, order: Capture(account=who, order=order, at=at(day)), HOLDER, DAYS, ORDERS),
    st.builds(lambda who, day, order: Release(account=who, order=order, at=at(day)), HOLDER, DAYS, ORDERS),
    st.builds(
        lambda who, day: Forgive(account=who, points=1, actor="sam", reason="-", key=day, at=at(day)), HOLDER, DAYS
    ),
)
HISTORIES = st.lists(COMMANDS, max_size=14).map(lambda commands: sorted(commands, key=lambda command: command.at))
CUTS = st.lists(st.integers(1, 400), min_size=1, max_size=4, unique=True)
"""Days after 1 January 2025, at which periods are cut."""


def lived(program: Program, commands: list[Command], *, eager: bool) -> Ledger:
    """
    Carry out what is not refused; where eager, write down what time does at every noon and midnight.
    """
    ledger = Ledger(program, MemoryStorage())
    waiting = list(commands)
    for instant in (JANUARY + timedelta(hours=12 * n) for n in range(800)):
        if eager:
            ledger.expire_due(at=instant)
        while waiting and waiting[0].at == instant:
            with suppress(Refused):
                ledger.apply(waiting.pop(0))
            if eager:
                ledger.expire_due(at=instant)
    return ledger


def entries(ledger: Ledger) -> list[Entry]:
    """
    Return the entries of both holders.
    """
    return [entry for account in ("ada", "bo") for entry in ledger.entries(account)]
