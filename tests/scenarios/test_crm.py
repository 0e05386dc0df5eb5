"""
A CRM's loyalty module: every batch of points is a record (S4).

examples/crm.toml: 1 point for every 10.00 EUR, until the end of the quarter that lies a year ahead.
"""

from datetime import date

import pytest

from pointsledger import Money
from pointsledger.errors import SameActor
from pointsledger.port import Storage
from tests.scenarios.examples import example
from tests.scenarios.scenario import Shop, line, order

PROGRAM = example("crm")
ACME = "acme-ltd"


def stocked(storage: Storage) -> Shop:
    """
    Acme, an organisation, has a record of 120 points for an order and one of 25 for an event.
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.set_profile(ACME, holder="organisation")
    shop.ledger.process(
        order("o-1", line("licence", "1200.00", currency="EUR"), account=ACME),
        actor="sales:1", reason="contract 2024", comment="three seats",
    )  # fmt: skip
    shop.ledger.act(ACME, "event-visited", subject="fair")
    return shop


def test_total_and_used(storage: Storage) -> None:
    """
    A record has a total, its own counter of used points, and what is left (S4.1).
    """
    shop = stocked(storage)
    shop.ledger.redeem(ACME, 100, order="o-2")
    record = shop.ledger.lot(ACME, 2)
    assert (record.total, record.used, record.remaining) == (120, 100, 20)
    assert shop.ledger.lot(ACME, 3).used == 0  # the oldest first


def test_status_and_dates(storage: Storage) -> None:
    """
    A record says how it stands, when it was generated and until when it can be used (S4.2, S4.3).
    """
    shop = stocked(storage)
    record = shop.ledger.lot(ACME, 2)
    assert (record.status, f"{record.generated_at:%Y-%m-%d}") == ("available", "2024-03-01")
    assert record.last_valid_date == date(2025, 3, 31)
    shop.on("2025-04-01")
    assert shop.ledger.lot(ACME, 2).status == "expired"


def test_reason_and_description(storage: Storage) -> None:
    """
    Free text of both kinds stays with the record (S4.4).
    """
    record = stocked(storage).ledger.lot(ACME, 2)
    assert (record.reason, record.description) == ("contract 2024", "three seats")


def test_holder(storage: Storage) -> None:
    """
    Records belong to organisations and to persons alike (S4.5).
    """
    shop = stocked(storage)
    shop.ledger.set_profile("jane", holder="person")
    shop.ledger.act("jane", "event-visited", subject="fair")
    assert [shop.ledger.lot(who, lot).holder for who, lot in ((ACME, 2), ("jane", 2))] == ["organisation", "person"]


def test_assigned_to(storage: Storage) -> None:
    """
    Who opened a record is responsible for it until somebody else is (S4.6).
    """
    shop = stocked(storage)
    assert shop.ledger.lot(ACME, 2).responsible == "sales:1"
    shop.ledger.assign(ACME, 2, "sales:7", actor="boss")
    assert shop.ledger.lot(ACME, 2).responsible == "sales:7"


def test_redemptions_of_a_record(storage: Storage) -> None:
    """
    From a record to the redemptions that used it, and from a redemption to its records (S4.7).
    """
    shop = stocked(storage)
    used = shop.ledger.redeem(ACME, 100, order="o-2", to_pay=Money("50.00", "EUR"))
    assert [entry.order for entry in shop.ledger.lot(ACME, 2).redemptions] == ["o-2"]
    assert [part.lot for part in used.entries[0].allocations] == [2]


def test_updates_and_comments(storage: Storage) -> None:
    """
    What changed a record and what people wrote about it are two lists (S4.8).
    """
    shop = stocked(storage)
    shop.ledger.assign(ACME, 2, "sales:7", actor="boss")
    shop.ledger.extend(ACME, 2, None, actor="sales:7", reason="they asked")
    shop.ledger.comment(ACME, "called them", entry=2, actor="sales:7")
    shop.ledger.comment(ACME, "they will come", entry=2, actor="sales:7")
    record = shop.ledger.lot(ACME, 2)
    assert [entry.actor for entry in record.updates] == ["boss", "sales:7"]
    assert [entry.comment for entry in record.comments] == ["called them", "they will come"]


def test_large_corrections_need_two(storage: Storage) -> None:
    """
    More than 500 points by hand wait for a second person (R-40).
    """
    shop = stocked(storage)
    asked = shop.ledger.adjust(ACME, 600, actor="sales:1", reason="goodwill")
    with pytest.raises(SameActor):
        shop.ledger.approve(ACME, asked.sequence, actor="sales:1")
    shop.ledger.approve(ACME, asked.sequence, actor="boss")
    assert shop.balance(ACME) == "745 available"
