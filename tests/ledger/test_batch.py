"""
`apply` and `apply_all`: commands as values, one or many in one transaction (R-45, I-13, I-25).
"""

from collections.abc import Iterator

import pytest

from pointsledger import ExchangeRate, Program, commands
from pointsledger.errors import InsufficientPoints, InvalidInput
from pointsledger.port import Storage
from tests.scenarios.scenario import ANN, Shop, gbp, taken

PROGRAM = Program(id="shop", exchange_rates=[ExchangeRate(10, gbp("1.00"))])


def earn(account: str, points: int, key: str | None = None) -> commands.Command:
    """
    Return a command that gives points.
    """
    return commands.Earn(account=account, points=points, key=key)


def test_one_command(storage: Storage) -> None:
    """
    A command is a value; carrying it out is what the verb of its name does (R-44).
    """
    shop = Shop(storage, PROGRAM)

    assert taken(shop.ledger.apply(earn(ANN, 30))) == ["earned +30"]
    assert taken(shop.ledger.apply(commands.Redeem(account=ANN, points=10))) == ["redeemed -10"]


def test_each_sees_what_those_before_it_did(storage: Storage) -> None:
    """
    A batch gives the results of one by one, in order, over several accounts (R-45, R-46).
    """
    shop = Shop(storage, PROGRAM)
    batch = [
        earn(ANN, 30),
        earn("bob", 5),
        commands.Redeem(account=ANN, points=30),
        earn(ANN, 4),
    ]

    receipts = shop.ledger.apply_all(command for command in batch)

    assert [taken(receipt) for receipt in receipts] == [["earned +30"], ["earned +5"], ["redeemed -30"], ["earned +4"]]
    assert [entry.sequence for entry in shop.ledger.entries(ANN)] == [1, 2, 3]
    assert (shop.balance(), shop.balance("bob")) == ("4 available", "5 available")


def test_all_or_nothing(storage: Storage) -> None:
    """
    One refusal refuses the batch, and nothing of it is kept on any account (R-45, I-25).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.earn(ANN, 7)
    before = shop.everything()

    with pytest.raises(InsufficientPoints):
        shop.ledger.apply_all([earn("bob", 5), earn(ANN, 3), commands.Redeem(account=ANN, points=20)])

    assert shop.everything() == before
    assert shop.ledger.accounts() == (ANN,)


def test_replays_within_and_before(storage: Storage) -> None:
    """
    A batch that comes again is answered as before, command by command (R-44, I-14).
    """
    shop = Shop(storage, PROGRAM)
    batch = [earn(ANN, 30, "a"), earn(ANN, 5, "b"), earn(ANN, 30, "a")]

    first = shop.ledger.apply_all(batch)
    again = shop.ledger.apply_all(batch)

    assert [receipt.replayed for receipt in first] == [False, False, True]
    assert all(receipt.replayed for receipt in again)
    assert [receipt.entries for receipt in again] == [receipt.entries for receipt in first]
    assert shop.balance() == "35 available"


@pytest.mark.parametrize("size", [0, 10_001])
def test_size(storage: Storage, size: int) -> None:
    """
    A batch has 1 to 10,000 commands (R-47).
    """
    with pytest.raises(InvalidInput) as refused:
        Shop(storage, PROGRAM).ledger.apply_all([earn(ANN, 1, "k")] * size)

    assert refused.value.field == "batch"


def test_what_is_no_command(storage: Storage) -> None:
    """
    Something that is no command is refused before anything is written (R-47).
    """
    shop = Shop(storage, PROGRAM)

    def batch() -> Iterator[object]:
        yield earn(ANN, 1)
        yield "redeem"

    with pytest.raises(InvalidInput) as refused:
        shop.ledger.apply_all(batch())  # type: ignore[arg-type]

    assert (refused.value.field, refused.value.value) == ("command", "redeem")
    assert shop.ledger.entries(ANN) == ()
