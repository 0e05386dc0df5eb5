"""
Simulation: what another program would have given on the same history.
"""

from datetime import datetime
from typing import Any

from attrs import evolve

from pointsledger import EarnRule, ExchangeRate, ExpiryPolicy, Ledger, Money, Program
from pointsledger.domain.commands import Expire, Process, ReturnLines
from pointsledger.port import Storage
from pointsledger.reports.simulate import HolderChange, Simulation, latest_entry, simulate
from pointsledger.reports.totals import totals
from pointsledger.storage.memory import MemoryStorage
from tests.reports.corner_shop import at, buys, cancels, corrects, earns, gives_back, midnight, shop, uses

YEAR_END = midnight("2026-01-01")


def doubled(**changes: Any) -> Program:
    """
    Return a program that gives twice the points.
    """
    return shop(earn_rules=[EarnRule.per_amount(2, per=Money("1.00", "EUR"))], **changes)


def simulated(storage: Storage, after: Program, when: datetime = YEAR_END, **details: Any) -> Simulation:
    """
    Simulate the shop's history under another program.
    """
    return simulate(storage, shop(), after, MemoryStorage, at=when, **details)


def test_another_rule_and_expiry(storage: Storage) -> None:
    """
    The history is carried out again under the other program, and both outcomes stand side by side.
    """
    Ledger(shop(), storage).apply_all(
        [
            buys("ada", "1", "01-10", 50, quantity=2),
            uses("ada", "02-10", 30),
            gives_back("ada", "1", "02-20"),
            earns("bo", "11-01", 7),
        ]
    )
    found = simulated(storage, doubled(expiry=ExpiryPolicy.never()))
    before, after = found.before.totals, found.after.totals
    # Ada: 100, of which 30 are used, 50 taken back, and 20 lapse on 11 April.
    assert (before.issued, before.reversed, before.redeemed, before.expired, before.outstanding) == (
        107, 50, 30, 20, 7
    )  # fmt: skip
    # Ada: 200, of which 30 are used and 100 taken back; nothing lapses. Bo's 7 were counted by the shop.
    assert (after.issued, after.reversed, after.redeemed, after.expired, after.outstanding) == (
        207, 100, 30, 0, 77
    )  # fmt: skip
    assert found.before.redeemed_value == found.after.redeemed_value == {"EUR": Money("3.00", "EUR")}
    assert (found.commands, found.refused) == (4, {})
    assert found.gaining == (HolderChange("ada", 30, 100, Money("3.00", "EUR"), Money("10.00", "EUR")),)
    assert found.losing == ()
    assert totals(storage, shop(), YEAR_END) == before


def test_same_program_gives_the_same(storage: Storage) -> None:
    """
    The recorded program itself gives what it gave: corrections, reversals, debt and lapses included (R-14, I-3).
    """
    ledger = Ledger(shop(), storage)
    ledger.apply_all(
        [
            buys("ada", "1", "01-10", 50),
            uses("ada", "01-20", 30, order="2"),
            cancels("ada", "1", "01-25"),
            corrects("ada", "02-01", 80),
            cancels("ada", "2", "02-02"),
            earns("bo", "03-01", 10),
        ]
    )
    ledger.reverse("bo", 1, 4, actor="sam", reason="typo", at=at("03-02"))
    ledger.reverse("bo", 1, actor="sam", reason="typo", at=at("03-03"))
    ledger.expire("ada", at=at("12-01"))
    found = simulated(storage, shop())
    assert found.before.redeemed_value == found.after.redeemed_value
    assert (found.gaining, found.losing, found.refused) == ((), (), {})
    # Only the entries differ: the sweep's are none of the simulation's commands.
    assert evolve(found.before.totals, entries=0) == evolve(found.after.totals, entries=0)


def test_refusals_are_counted_by_reason(storage: Storage) -> None:
    """
    What the other program refuses is left out and counted by the name of its error, most frequent first (R-47).
    """
    ledger = Ledger(shop(), storage)
    ledger.apply_all([buys("ada", "1", "01-10", 50), uses("ada", "02-01", 20), uses("ada", "02-02", 10)])
    entry = ledger.apply(uses("ada", "02-03", 10)).entries[0].sequence
    ledger.reverse("ada", entry, actor="sam", reason="typo", at=at("02-04"))
    half = shop(earn_rules=[EarnRule.per_amount(1, per=Money("2.00", "EUR"))])
    found = simulated(storage, half)
    # 25 points: 20 are used, then 10 are not there, twice; so there is nothing to reverse either.
    assert found.commands == 5
    assert found.refused == {"InsufficientPoints": 2, "EntryUnknown": 1}
    assert list(found.refused) == ["InsufficientPoints", "EntryUnknown"]
    assert found.after.totals.redeemed == 20


def test_reversal_finds_its_entry_again(storage: Storage) -> None:
    """
    A reversal takes back what the same command gave now, although its entry has another number (R-35).
    """
    never, soon = shop(expiry=ExpiryPolicy.never()), shop(expiry=ExpiryPolicy.after(days=1))
    ledger = Ledger(soon, storage)
    ledger.apply_all([earns("ada", "01-01", 5), earns("ada", "01-10", 30)])
    credit = ledger.entries("ada")[-1]
    assert (credit.sequence, credit.points) == (3, 30)
    ledger.reverse("ada", 3, actor="sam", reason="typo", at=at("01-10").replace(hour=13))
    found = simulated(storage, never)
    assert (found.after.totals.reversed, found.after.totals.outstanding) == (30, 5)
    # The other way round the command writes down first what has lapsed before it.
    other = MemoryStorage()
    ledger = Ledger(never, other)
    ledger.apply_all([earns("ada", "01-01", 5), earns("ada", "01-10", 30)])
    ledger.reverse("ada", 2, actor="sam", reason="typo", at=at("01-10").replace(hour=13))
    found = simulated(other, soon)
    assert (found.after.totals.reversed, found.after.totals.expired) == (30, 5)


def test_a_lot_is_found_again(storage: Storage) -> None:
    """
    What was done to a lot by hand is done to the lot that the same command opens now (R-38).
    """
    never, soon = shop(expiry=ExpiryPolicy.never()), shop(expiry=ExpiryPolicy.after(days=1))
    ledger = Ledger(soon, storage)
    ledger.apply_all([earns("ada", "01-01", 5), earns("ada", "01-10", 30)])
    ledger.assign("ada", 3, responsible="sam", actor="sam", at=at("01-10"))  # lot 2 under the other program
    ledger.extend("ada", 3, at("03-01"), actor="sam", reason="kind", at=at("01-10"))
    found = simulated(storage, shop(expiry=ExpiryPolicy.after(months=1)), midnight("2025-02-20"))
    assert (found.refused, found.after.totals.outstanding) == ({}, 30)  # the 5 lapsed on 2 February
    assert simulated(storage, never).refused == {"NotLater": 1}


def test_decisions_accept_what_is_proposed_now(storage: Storage) -> None:
    """
    Who accepted a return as proposed accepts the other program's proposal; a changed figure stays a figure (R-30).
    """
    manual = {"returns": "manual"}
    ledger = Ledger(shop(**manual), storage)
    for order, take_back in (("1", None), ("2", 10)):
        ledger.apply_all([buys("ada", order, "01-10", 25, quantity=2), gives_back("ada", order, "01-11")])
        proposal = ledger.propose_return(order, f"{order}-R", account="ada", at=at("01-12"))
        assert proposal.take_back == 25
        ledger.settle_return(proposal, take_back=take_back, actor="sam", reason="ok", at=at("01-12"))
    found = simulate(storage, shop(**manual), doubled(**manual), MemoryStorage, at=at("02-01"))
    assert found.before.totals.reversed == 35
    assert found.after.totals.reversed == 50
    assert found.refused == {"ProposalOutdated": 1}


def test_commands_after_the_instant_are_left_out(storage: Storage) -> None:
    """
    A simulation as of an earlier instant carries out what was recorded until then, inclusive.
    """
    Ledger(shop(), storage).apply_all([earns("ada", "01-01", 5), earns("ada", "01-02", 6)])
    found = simulated(storage, doubled(), at("01-01"))
    assert (found.commands, found.before.totals.issued, found.after.totals.issued) == (1, 5, 5)


def test_sweeps_are_no_commands(storage: Storage) -> None:
    """
    A sweep that was booked is not carried out again: time does its work by itself (R-39).
    """
    Ledger(shop(), storage).apply_all([earns("ada", "01-01", 5), Expire(account="ada", at=at("12-01"))])
    found = simulated(storage, shop())
    assert (found.commands, found.after.totals.expired) == (1, 5)


def test_who_gains_and_loses_most(storage: Storage) -> None:
    """
    Holders are ranked by value where both programs have a rate to one currency, the most first.
    """
    euros = {"ada": 10, "bo": 30, "cy": 20, "di": 40}
    ledger = Ledger(shop(expiry=ExpiryPolicy.never()), storage)
    for account, amount in euros.items():
        ledger.apply(buys(account, "1", "01-01", amount))
    # Twice the points of a third of the worth: everybody has more points and loses a third of the value.
    cheap = doubled(exchange_rates=[ExchangeRate(30, Money("1.00", "EUR"))], expiry=ExpiryPolicy.never())
    found = simulated(storage, cheap, shown=3)
    assert [change.account for change in found.losing] == ["di", "bo", "cy"]
    assert found.losing[0] == HolderChange("di", 40, 80, Money("4.00", "EUR"), Money("2.00", "EUR"))
    assert found.gaining == ()


def test_points_count_where_values_do_not_compare(storage: Storage) -> None:
    """
    Without rates to one currency holders are ranked by points.
    """
    Ledger(shop(), storage).apply_all([buys("ada", "1", "01-01", 10), buys("bo", "2", "01-01", 20)])
    for rates in ([], [ExchangeRate(1, Money("1.00", "USD"))]):
        found = simulated(storage, doubled(exchange_rates=rates), at("02-01"))
        assert [change.account for change in found.gaining] == ["bo", "ada"]
    assert found.gaining[1] == HolderChange("ada", 10, 20, Money("1.00", "EUR"), Money("20.00", "USD"))


def test_redemptions_without_a_rate_have_no_value(storage: Storage) -> None:
    """
    Points that are redeemed for no money count as points only.
    """
    free = shop(exchange_rates=[])
    Ledger(free, storage).apply_all([earns("ada", "01-01", 5), uses("ada", "01-02", 5)])
    found = simulate(storage, free, free, MemoryStorage, at=at("02-01"))
    assert (found.after.totals.redeemed, found.after.redeemed_value) == (5, {})


def test_progress_is_told(storage: Storage) -> None:
    """
    After each account the caller is told how many are done.
    """
    Ledger(shop(), storage).apply_all([earns("ada", "01-01", 5), earns("bo", "01-01", 5)])
    told: list[int] = []
    simulated(storage, shop(), progress=told.append)
    assert told == [1, 2]


def test_latest_entry(storage: Storage) -> None:
    """
    The entry recorded last says until when the history goes and which program was in force.
    """
    assert latest_entry(storage, "corner") is None
    Ledger(shop(), storage).apply_all([earns("ada", "01-05", 5), earns("bo", "01-03", 5)])
    found = latest_entry(storage, "corner")
    assert found is not None
    assert (found.recorded_at, found.terms) == (at("01-05"), shop())


def test_facts_keep_their_own_time(storage: Storage) -> None:
    """
    A fact that was reported late happened when it happened, under the other program too (R-04).
    """
    late = buys("ada", "1", "01-10", 10)
    assert isinstance(late, Process)
    Ledger(shop(), storage).apply(
        Process(account="ada", order="1", document=late.document, at=at("03-01"), occurred_at=at("01-10"))
    )
    returned = ReturnLines(account="ada", order="9", id="9", lines={"thing": 1}, at=at("03-02"))
    Ledger(shop(), storage).apply(returned)
    found = simulated(storage, doubled(), at("04-10"))
    assert found.after.totals.outstanding == 20
    assert simulated(storage, doubled(), at("04-11")).after.totals.outstanding == 0
