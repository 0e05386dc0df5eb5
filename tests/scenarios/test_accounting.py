"""
Cloud accounting: points on a saved or on a fully paid invoice, with approval of payments (S2).
"""

from attrs import evolve

from pointsledger import EarnRule, Money, Program, Tender
from pointsledger.port import Storage
from tests.scenarios.scenario import ANN, BY_HAND, Shop, line, order, taken


def myr(amount: str) -> Money:
    """
    Return ringgits.
    """
    return Money(amount, "MYR")


ON_SAVE = Program(
    id="accounts",
    timezone="Asia/Kuala_Lumpur",
    earn_rules=[EarnRule.per_amount(10, per=myr("1.00"))],
    timing="on_save",
)
ON_PAYMENT = evolve(ON_SAVE, timing="on_full_payment")
INVOICE = order("inv-1", line("service", "100.00", currency="MYR"))


def test_the_balance_is_there_when_the_customer_is_picked(storage: Storage) -> None:
    """
    The points available can be asked for any customer at any time, also for one never seen (S2.3, R-11).
    """
    shop = Shop(storage, ON_SAVE)
    shop.ledger.adjust(ANN, 12, **BY_HAND)

    assert shop.balance(ANN) == "12 available"
    assert shop.balance("stranger") == "nothing"


def test_points_on_save(storage: Storage) -> None:
    """
    In the first mode, points come when the invoice is saved (S2.4, S2.7, R-13).
    """
    shop = Shop(storage, ON_SAVE)

    assert taken(shop.ledger.place(INVOICE)) == ["earned +1000"]  # 10 for each of 100 ringgit


def test_points_on_payment(storage: Storage) -> None:
    """
    In the second mode, points come with the last part of the payment and not before (S2.5, R-13).
    """
    shop = Shop(storage, ON_PAYMENT)

    assert taken(shop.ledger.place(INVOICE)) == ["noted"]
    assert taken(shop.ledger.pay("inv-1", Tender("cash", myr("99.99"), id="a"), account=ANN)) == ["noted"]
    assert taken(shop.ledger.pay("inv-1", Tender("cash", myr("0.01"), id="b"), account=ANN)) == ["earned +1000"]


def test_a_payment_waits_for_approval(storage: Storage) -> None:
    """
    A payment that waits for approval gives nothing until it is approved (S2.6, R-13).
    """
    shop = Shop(storage, ON_PAYMENT)
    shop.ledger.place(INVOICE)

    waiting = shop.ledger.pay("inv-1", Tender("bank", myr("100.00"), id="t-1", approved=False), account=ANN)
    assert taken(waiting) == ["noted"]
    assert shop.balance() == "nothing"

    assert taken(shop.ledger.approve_payment("inv-1", "t-1", account=ANN)) == ["earned +1000"]


def test_points_to_be_earned_are_shown_before(storage: Storage) -> None:
    """
    The invoice shows the points to be earned: RM100 at 10 points per RM1 are 1000 (S2.8, R-21).
    """
    shop = Shop(storage, ON_PAYMENT)

    quote = shop.ledger.quote(INVOICE)

    assert quote.points == 1000
    assert quote.lines == {"service": 1000}
    assert shop.ledger.entries(ANN) == ()
