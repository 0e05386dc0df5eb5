"""
Keys and facts: asking twice, by key or by fact (R-44, I-14 to I-19).
"""

from itertools import count

import pytest
from attrs import evolve

from pointsledger import EarnRule, ExchangeRate, ExpiryPolicy, Ledger, Program, Tender
from pointsledger.errors import IdempotencyConflict, InsufficientPoints, InvalidIdentifier
from pointsledger.port import Storage
from tests.scenarios.scenario import ANN, BY_HAND, Shop, gbp, instant, line, order, taken, told

PROGRAM = Program(
    id="shop",
    earn_rules=[EarnRule.per_amount(1, per=gbp("1.00"))],
    exchange_rates=[ExchangeRate(10, gbp("1.00"))],
)
MUG = order("o-1", line("mug", "20.00"))


class TestKeys:
    """
    A key makes a command happen once (R-44).
    """

    def test_every_verb(self, storage: Storage) -> None:
        """
        Each writing verb answers the same key with its first answer (R-44, I-14).
        """
        shop = Shop(storage, PROGRAM)
        ledger = shop.ledger
        verbs = [
            lambda: ledger.earn(ANN, 50, key="1"),
            lambda: ledger.adjust(ANN, -60, allow_debt=True, key="2", **BY_HAND),
            lambda: ledger.forgive(ANN, 10, key="3", **BY_HAND),
            lambda: ledger.set_balance(ANN, 70, key="4", **BY_HAND),
            lambda: ledger.redeem(ANN, 10, key="5"),
            lambda: ledger.reverse(ANN, 1, 20, key="6", **BY_HAND),
            lambda: ledger.place(MUG, key="7"),
            lambda: ledger.process(MUG, key="8"),
            lambda: ledger.pay("o-1", Tender("card", gbp("20.00")), account=ANN, key="9"),
            lambda: ledger.approve_payment("o-1", "card", account=ANN, key="10"),
            lambda: ledger.invoice("o-1", "i", {"mug": 1}, account=ANN, key="11"),
            lambda: ledger.return_lines("o-1", "r", {"mug": 1}, account=ANN, key="12"),
            lambda: ledger.cancel("o-1", account=ANN, key="13"),
            lambda: ledger.cancel_lines("o-2", "c", {"mug": 1}, account=ANN, key="14"),
            lambda: ledger.close_account(ANN, key="15", **BY_HAND),
            lambda: ledger.reopen_account(ANN, key="16", **BY_HAND),
        ]
        first = [verb() for verb in verbs]
        before = shop.everything()

        again = [verb() for verb in verbs]

        assert [receipt.entries for receipt in again] == [receipt.entries for receipt in first]
        assert {receipt.replayed for receipt in first} == {False}
        assert {receipt.replayed for receipt in again} == {True}
        assert shop.everything() == before

    def test_all_entries_of_the_first_answer(self, storage: Storage) -> None:
        """
        The first answer comes back whole, with what time did before the command (R-44, R-12).
        """
        shop = Shop(storage, evolve(PROGRAM, expiry=ExpiryPolicy.after(days=10)))
        shop.ledger.earn(ANN, 5)
        shop.on("2024-03-12")
        first = shop.ledger.earn(ANN, 7, key="k")
        assert taken(first) == ["expired -5", "earned +7"]

        assert shop.ledger.earn(ANN, 7, key="k").entries == first.entries

    def test_now_and_key_are_no_content(self, storage: Storage) -> None:
        """
        The host's now may differ; everything else is content, also who and why (R-44, I-17).
        """
        ledger = Shop(storage, PROGRAM).ledger
        ledger.earn(ANN, 5, key="k", comment="hello")

        assert ledger.earn(ANN, 5, key="k", comment="hello", at=instant("2024-06-01")).replayed
        for differing in (
            {"comment": "bye"},
            {"actor": "eve"},
            {"reason": "gift"},
            {"channel": "uk"},
            {"occurred_at": instant("2024-02-01")},
        ):
            (field,) = differing
            with pytest.raises(IdempotencyConflict) as refused:
                ledger.earn(ANN, 5, key="k", **{"comment": "hello", **differing})
            assert (refused.value.field, refused.value.given) == (field, differing[field])

    def test_a_key_belongs_to_an_account(self, storage: Storage) -> None:
        """
        One key of two accounts is two keys, and one order number two orders (R-06, I-40).
        """
        ledger = Shop(storage, PROGRAM).ledger
        ledger.earn(ANN, 5, key="k")
        ledger.process(MUG)

        assert not ledger.earn("bob", 6, key="k").replayed
        assert ledger.process(evolve(MUG, account="bob")).points == 20
        assert ledger.balance("bob").available == 26

    def test_without_key_and_fact_each_call_counts(self, storage: Storage) -> None:
        """
        A command that has no fact of its own gets a new key at each call (R-44).
        """
        keys = count(1)
        ledger = Ledger(PROGRAM, storage, new_key=lambda: f"key-{next(keys)}")

        receipts = [ledger.earn(ANN, 5), ledger.earn(ANN, 5)]

        assert [receipt.entries[0].key for receipt in receipts] == ["key-1", "key-2"]
        assert ledger.balance(ANN).available == 10

    def test_keys_of_its_own_making_differ(self, storage: Storage) -> None:
        """
        Left to itself the ledger never makes one key twice (R-44).
        """
        ledger = Shop(storage, PROGRAM).ledger

        keys = {ledger.earn(ANN, 1).entries[0].key for _ in range(10)}

        assert len(keys) == 10

    def test_a_caller_cannot_hit_a_derived_key(self, storage: Storage) -> None:
        """
        The key of a fact begins with a space, which no caller's key can (R-05, R-44).
        """
        ledger = Shop(storage, PROGRAM).ledger
        derived = ledger.process(MUG).entries[0].key

        with pytest.raises(InvalidIdentifier) as refused:
            ledger.earn(ANN, 5, key=derived)

        assert (refused.value.field, refused.value.value) == ("key", derived)

    def test_a_refusal_leaves_the_key_free(self, storage: Storage) -> None:
        """
        After a refusal the key can be used, also for something else (R-44, I-18).
        """
        ledger = Shop(storage, PROGRAM).ledger
        with pytest.raises(InsufficientPoints):
            ledger.redeem(ANN, 10, key="k")

        assert taken(ledger.earn(ANN, 10, key="k")) == ["earned +10"]

    def test_a_closed_account_remembers(self, storage: Storage) -> None:
        """
        A closed account answers what was asked before (R-44, R-40).
        """
        ledger = Shop(storage, PROGRAM).ledger
        ledger.earn(ANN, 10, key="k")
        ledger.close_account(ANN, **BY_HAND)

        assert ledger.earn(ANN, 10, key="k").replayed


class TestFacts:
    """
    A fact of an order happens once, under whatever key (R-44, I-15).
    """

    def test_under_other_keys(self, storage: Storage) -> None:
        """
        The same fact under another key, or under none, has one effect and the first answer (R-44, I-15).
        """
        ledger = Shop(storage, PROGRAM).ledger
        first = ledger.process(MUG, key="a")

        assert [ledger.process(MUG, key=key).entries for key in ("b", None, "a")] == [first.entries] * 3

    def test_whoever_reports_it(self, storage: Storage) -> None:
        """
        Who reports a fact, and why, makes it no other fact (R-29, R-44, I-15).
        """
        ledger = Shop(storage, PROGRAM).ledger
        first = ledger.process(MUG, actor="till", channel="uk")

        assert ledger.process(MUG, actor="hook", reason="delivery", comment="again").entries == first.entries

    @pytest.mark.parametrize("key", [None, "other"])
    def test_with_other_content(self, storage: Storage, key: str | None) -> None:
        """
        The same fact with other content is refused, naming what differs (R-44, I-17).
        """
        ledger = Shop(storage, PROGRAM).ledger
        changed = order("o-1", line("mug", "21.00"))
        ledger.process(MUG)

        with pytest.raises(IdempotencyConflict) as refused:
            ledger.process(changed, key=key)
        assert told(refused.value) == {
            "key": "process/1/o-1",
            "field": "document",
            "recorded": MUG,
            "given": changed,
        }
        with pytest.raises(IdempotencyConflict) as at_another_time:
            ledger.process(MUG, key=key, occurred_at=instant("2024-02-01"))
        assert at_another_time.value.field == "occurred_at"

    def test_a_redemption_of_an_order(self, storage: Storage) -> None:
        """
        An order is paid with points once in a cycle (R-26, I-15).
        """
        ledger = Shop(storage, PROGRAM).ledger
        ledger.earn(ANN, 100)
        ledger.redeem(ANN, 10, order="o-1")

        assert ledger.redeem(ANN, 10, order="o-1", key="again").replayed
        with pytest.raises(IdempotencyConflict) as refused:
            ledger.redeem(ANN, 20, order="o-1")
        assert told(refused.value) == {"key": "redeem/1/o-1", "field": "points", "recorded": 10, "given": 20}

    def test_parts_are_told_apart(self, storage: Storage) -> None:
        """
        Order and part are told apart, whatever characters they have: a/b with c is not a with b/c (R-05, I-36).
        """
        ledger = Shop(storage, PROGRAM).ledger
        tender = Tender("card", gbp("1.00"), id="c")

        ledger.pay("a/b", tender, account=ANN)

        assert not ledger.pay("a", evolve(tender, id="b/c"), account=ANN).replayed


def test_a_sweep_has_no_key(storage: Storage) -> None:
    """
    What has lapsed cannot lapse again, so a sweep needs no key (R-44, R-39).
    """
    shop = Shop(storage, evolve(PROGRAM, expiry=ExpiryPolicy.after(days=10)))
    shop.ledger.earn(ANN, 5)
    shop.on("2024-03-12")

    first, second = shop.ledger.expire(ANN), shop.ledger.expire(ANN)

    assert [entry.key for entry in first.entries] == [None]
    assert (second.entries, second.replayed) == ((), False)
