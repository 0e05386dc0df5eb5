"""
An accounting service's loyalty points as its file says them (S2).

examples/biztory.toml: RM 1.00 earns 10 points on full payment, for customers whose address is verified.
"""

from attrs import evolve

from pointsledger import Money, Program, Tender
from pointsledger.port import Storage
from tests.scenarios.examples import example
from tests.scenarios.scenario import ANN, Shop, instant, line, order, taken

PROGRAM = example("biztory")
INVOICE = order("inv-1", line("service", "100.00", currency="MYR"))


def test_off_until_it_is_configured(storage: Storage) -> None:
    """
    A program without rules and rates gives nothing; with a conversion and a moment of earning it does (S2.1).
    """
    shop = Shop(storage, Program(id="biztory", timezone="Asia/Kuala_Lumpur"))
    shop.ledger.process(INVOICE)
    assert shop.balance() == "nothing"
    shop.under(evolve(PROGRAM, timing="on_save")).set_profile(ANN, verified=True)
    assert shop.ledger.place(order("inv-2", line("service", "100.00", currency="MYR"))).points == 1000


def test_only_verified_customers(storage: Storage) -> None:
    """
    A customer's address has to be verified by the time the invoice is paid (S2.2).
    """
    shop = Shop(storage, PROGRAM)
    paid = Tender("transfer", Money("100.00", "MYR"))
    shop.ledger.place(INVOICE)
    assert [o.reason for o in shop.ledger.quote(INVOICE).outcomes] == ["not_verified"]
    assert taken(shop.ledger.pay("inv-1", paid, account=ANN)) == ["noted"]
    shop.on("2024-03-05").set_profile(ANN, verified=True)
    shop.ledger.place(order("inv-2", line("service", "100.00", currency="MYR")))
    assert taken(shop.ledger.pay("inv-2", paid, account=ANN)) == ["earned +1000"]


def test_verified_before_and_reported_later(storage: Storage) -> None:
    """
    A verification of before the payment that arrives after it counts from the invoice's next fact on (R-13).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.place(INVOICE)
    shop.ledger.pay("inv-1", Tender("transfer", Money("100.00", "MYR")), account=ANN)
    shop.on("2024-03-02").set_profile(ANN, verified=True, occurred_at=instant("2024-02-28"))
    assert shop.balance() == "nothing"
    assert shop.ledger.process(INVOICE).points == 1000
