"""
What went wrong elsewhere with values and names that should never have come in (A06, A63 to A70, A87 to A90).
"""

from decimal import Decimal

import pytest

from pointsledger import EarnRule, ExchangeRate, Money, Program, Tender
from pointsledger.errors import AccountClosed, InvalidIdentifier, InvalidMoney, InvalidPoints
from pointsledger.port import Storage
from tests.scenarios.scenario import ANN, BY_HAND, Shop, gbp, line, order

PROGRAM = Program(
    id="shop",
    earn_rules=[EarnRule.per_amount(1, per=gbp("1.00"))],
    exchange_rates=[ExchangeRate(10, gbp("1.00"))],
)


def test_a06_a_closed_account_is_debited_on_another_path(storage: Storage) -> None:
    """
    A closed account accepts nothing on any path but to be reopened, and loses nothing (A06, R-40).
    """
    shop = Shop(storage, PROGRAM)
    ledger = shop.ledger
    mug = order("o-2", line("mug", "9.00"))
    ledger.process(order("o-1", line("mug", "20.00")))
    ledger.close_account(ANN, **BY_HAND)
    before = shop.everything()

    for attempt in (
        lambda: ledger.earn(ANN, 1),
        lambda: ledger.adjust(ANN, -1, **BY_HAND),
        lambda: ledger.set_balance(ANN, 0, **BY_HAND),
        lambda: ledger.forgive(ANN, 1, **BY_HAND),
        lambda: ledger.reverse(ANN, 1, **BY_HAND),
        lambda: ledger.redeem(ANN, 10),
        lambda: ledger.redeem(ANN, 10, order="o-2"),
        lambda: ledger.place(mug),
        lambda: ledger.process(mug),
        lambda: ledger.pay("o-1", Tender("card", gbp("1.00")), account=ANN),
        lambda: ledger.approve_payment("o-1", "card", account=ANN),
        lambda: ledger.invoice("o-1", "i", {"mug": 1}, account=ANN),
        lambda: ledger.cancel_lines("o-1", "c", {"mug": 1}, account=ANN),
        lambda: ledger.return_lines("o-1", "r", {"mug": 1}, account=ANN),
        lambda: ledger.cancel("o-1", account=ANN),
        lambda: ledger.close_account(ANN, **BY_HAND),
    ):
        with pytest.raises(AccountClosed):
            attempt()
    assert shop.everything() == before

    ledger.reopen_account(ANN, **BY_HAND)
    assert ledger.redeem(ANN, 20).points == -20


@pytest.mark.parametrize(
    ("currency", "rate", "paid"),
    [("JPY", "1", "3"), ("USD", "0.01", "0.03"), ("KWD", "0.001", "0.003"), ("CLF", "0.0001", "0.0003")],
)
def test_a63_a64_minor_units_of_every_size(storage: Storage, currency: str, rate: str, paid: str) -> None:
    """
    Yen have no decimals, Kuwaiti dinars three, Chilean units four: nothing is 100 times too much (A63, A64, I-28).
    """
    shop = Shop(storage, Program(id="shop", exchange_rates=[ExchangeRate(1, Money(rate, currency))]))
    shop.ledger.earn(ANN, 3)

    assert str(shop.ledger.redeem(ANN, 3).money) == f"{paid} {currency}"


@pytest.mark.parametrize("amount", [Decimal("NaN"), Decimal("Infinity"), "NaN", "1e3", 1.5])
def test_a65_a66_money_that_is_no_number(amount: object) -> None:
    """
    What is no finite decimal is no money (A65, A66, R-02).
    """
    with pytest.raises(InvalidMoney):
        Money(amount, "GBP")  # type: ignore[arg-type]


@pytest.mark.parametrize("points", [0, -5, 10**12 + 1, 2**63])
def test_a68_a70_a_negative_amount_turns_the_sign(storage: Storage, points: int) -> None:
    """
    Points outside 1 to 10^12 are refused before anything is read (A68, A70, R-01, I-30).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.earn(ANN, 50)
    before = shop.everything()

    for verb in (shop.ledger.earn, shop.ledger.redeem):
        with pytest.raises(InvalidPoints):
            verb(ANN, points)
    assert shop.everything() == before


@pytest.mark.parametrize("account", ["a\0b", "a\ud800", "", " ann", "a" * 256, "a\u200bb"])
def test_a87_a88_names_that_one_database_takes_and_another_does_not(storage: Storage, account: str) -> None:
    """
    What some storage could not keep byte by byte is refused on all alike (A87, A88, R-05, I-36).
    """
    with pytest.raises(InvalidIdentifier):
        Shop(storage, PROGRAM).ledger.earn(account, 5)


@pytest.mark.parametrize(("one", "other"), [("Ann", "ann"), ("é", "e\u0301"), ("o", "0")])
def test_a89_a90_two_names_become_one(storage: Storage, one: str, other: str) -> None:
    """
    Names that differ in a byte are two accounts, two keys and two orders (A89, A90, R-05, I-36).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.earn(one, 5, key="k")

    assert shop.balance(other) == "nothing"
    assert not shop.ledger.earn(one, 5, key=other).replayed
    shop.ledger.process(order(one, line("mug", "1.00")))
    assert not shop.ledger.process(order(other, line("mug", "1.00"))).replayed
