"""
Actions: registration, newsletter, invitations, reviews, referrals (R-16, S1.9, S1.23 to S1.27, S3.17).
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from attrs import evolve

from pointsledger import EarnRule, ExpiryPolicy, Money, PendingPolicy, Program
from pointsledger.domain.actions import outcomes_of
from pointsledger.domain.commands import Act
from pointsledger.errors import IdempotencyConflict, ProgramInactive
from pointsledger.port import Storage
from tests.scenarios.scenario import ANN, BY_HAND, Shop, gbp, instant, taken


def program(*rules: EarnRule, **terms) -> Program:
    """
    Return a program of these rules.
    """
    return Program(id="shop", earn_rules=rules, **terms)


def reasons(of: Program, command: Act, *, now: str = "2024-03-01", verified_at=None) -> dict[str, str | None]:
    """
    Return why each rule gives nothing for an act that is the first of its kind.
    """
    found = outcomes_of(of, command, instant(now), verified_at, ())
    return {rule: outcome.reason for rule, outcome in found.items()}


def test_once_ever(storage: Storage) -> None:
    """
    Registering counts once, whoever reports it and however often; a second subscription to the newsletter too (S1.24).
    """
    shop = Shop(
        storage,
        program(
            EarnRule.per_action(50, action="registration"),
            EarnRule.per_action(10, action="newsletter", limit=1),
        ),
    )
    assert shop.ledger.act(ANN, "registration").points == 50
    assert shop.ledger.act(ANN, "registration", actor="crm", key="another").replayed
    assert shop.ledger.act(ANN, "newsletter", subject="2024").points == 10
    assert taken(shop.ledger.act(ANN, "newsletter", subject="2025")) == ["noted"]
    assert shop.balance() == "60 available"


def test_an_act_with_other_content(storage: Storage) -> None:
    """
    The same act says the same (R-44, I-17).
    """
    shop = Shop(storage, program(EarnRule.per_action(5, action="review_approved")))
    shop.ledger.act(ANN, "review_approved", subject="r-1")
    with pytest.raises(IdempotencyConflict) as refused:
        shop.ledger.act(ANN, "review_approved", subject="r-1", invitee="bo")
    assert refused.value.field == "invitee"
    with pytest.raises(IdempotencyConflict):
        shop.ledger.act(ANN, "review_approved", subject="r-1", invitee="bo", key="another")


def test_quantity_limit(storage: Storage) -> None:
    """
    Three reviews are rewarded, whatever is repeated or taken back between (S1.27): a reversal gives no room back.
    """
    shop = Shop(storage, program(EarnRule.per_action(5, action="review_approved", limit=3)))
    first = shop.ledger.act(ANN, "review_approved", subject="r-1")
    shop.ledger.act(ANN, "review_approved", subject="r-1")
    shop.ledger.reverse(ANN, first.sequence, **BY_HAND)
    gave = [shop.ledger.act(ANN, "review_approved", subject=f"r-{n}").points for n in range(2, 6)]
    assert gave == [5, 5, 0, 0]
    assert shop.balance() == "10 available"


def test_limit_under_races(storage: Storage) -> None:
    """
    Sixteen callers with sixteen invitations get five rewards (S1.25, I-20).
    """
    shop = Shop(storage, program(EarnRule.per_action(7, action="invitation_to_customer", limit=5)))

    def invite(n: int) -> int:
        return shop.ledger.act(ANN, "invitation_to_customer", subject=f"i-{n % 12}").points

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(invite, range(16)))
    assert shop.ledger.balance(ANN).earned == 35


@pytest.mark.parametrize(
    ("of_invitee", "limit", "gave"),
    [
        ("each", None, [10, 20, 10, 10]),
        ("first", None, [10, 0, 10, 0]),  # of bo and of cy
        ("each", 2, [10, 20, 0, 0]),
        ("first", 1, [10, 0, 0, 0]),  # the first order of all invitees alone
    ],
)
def test_orders_of_invitees(storage: Storage, of_invitee, limit, gave: list[int]) -> None:
    """
    Each order, or the first of each invitee or of all, at 10 points for 2.00, whole groups (S1.26, S1.30).
    """
    rule = EarnRule.per_action(
        10, action="invitation_to_order", per=Money("2.00", "USD"), of_invitee=of_invitee, limit=limit
    )
    shop = Shop(storage, program(rule))
    orders = [("o-1", "bo", "2.50"), ("o-2", "bo", "5.00"), ("o-3", "cy", "3.99"), ("o-4", "cy", "2.00")]
    assert gave == [
        shop.ledger.act(ANN, "invitation_to_order", subject=id, invitee=who, amount=Money(amount, "USD")).points
        for id, who, amount in orders
    ]


@pytest.mark.parametrize(
    ("rule", "points"),
    [
        (EarnRule.per_action(100, action="referral"), 100),  # a fixed amount
        (EarnRule.per_action(1, action="referral", per=gbp("1.00")), 24),
        (EarnRule.per_action(1, action="referral", per=gbp("10.00"), proportional=True), 2),  # 2.49
        (EarnRule.per_action(1, action="referral", per=gbp("10.00"), proportional=True, rounding="ceil"), 3),
    ],
)
def test_referral(storage: Storage, rule: EarnRule, points: int) -> None:
    """
    A referral is worth a fixed amount, or what the new customer's order of 24.90 is worth (S3.17, R-03).
    """
    shop = Shop(storage, program(rule))
    assert shop.ledger.act(ANN, "referral", subject="bo", invitee="bo", amount=gbp("24.90")).points == points


def test_first_order_of_somebody_registered(storage: Storage) -> None:
    """
    A first order counts for holders who were verified before its payment (S1.23, S2.2).
    """
    shop = Shop(storage, program(EarnRule.per_action(20, action="first_order", verified=True)))
    shop.ledger.set_profile("bo", verified=True, occurred_at=instant("2024-02-28"))
    shop.ledger.set_profile("cy", verified=True, occurred_at=instant("2024-03-01 10:00"))
    paid = instant("2024-03-01 09:59")
    gave = {who: shop.ledger.act(who, "first_order", occurred_at=paid).points for who in (ANN, "bo", "cy")}
    assert gave == {ANN: 0, "bo": 20, "cy": 0}


def test_reasons() -> None:
    """
    Every rule that gives nothing says why, the first reason in the documented order (R-21).
    """
    rules = {
        "not_started": EarnRule.per_action(5, action="a", id="not_started", valid_from=instant("2024-03-02")),
        "ended": EarnRule.per_action(5, action="a", id="ended", valid_until=instant("2024-03-01")),
        "not_verified": EarnRule.per_action(5, action="a", id="not_verified", verified=True),
        "other_channel": EarnRule.per_action(5, action="a", id="other_channel", channels=["de"]),
        "other_customer_group": EarnRule.per_action(5, action="a", id="other_customer_group", customer_groups=["vip"]),
        "no_amount": EarnRule.per_action(5, action="a", id="no_amount", per=gbp("1.00")),
    }
    found = reasons(program(*rules.values(), EarnRule.per_action(5, action="b")), Act(account=ANN, action="a"))
    assert found == {name: name for name in rules}
    counted = {
        "other_currency": EarnRule.per_action(5, action="a", id="other_currency", minimum=Money("1", "EUR")),
        "below_minimum": EarnRule.per_action(5, action="a", id="below_minimum", minimum=gbp("5.00")),
        "below_one_group": EarnRule.per_action(5, action="a", id="below_one_group", per=gbp("5.00")),
        "rounds_to_nothing": EarnRule.per_action(
            1, action="a", id="rounds_to_nothing", per=gbp("5.00"), proportional=True
        ),
    }
    found = reasons(program(*counted.values()), Act(account=ANN, action="a", amount=gbp("4.99")))
    assert found == {name: name for name in counted}


def test_rules_of_one_action(storage: Storage) -> None:
    """
    Each rule that gives something has an entry with its own dates; rules of a group exclude each other (R-16, R-17).
    """
    shop = Shop(
        storage,
        program(
            EarnRule.per_action(5, action="review_approved", id="always", expiry=ExpiryPolicy.after(days=10)),
            EarnRule.per_action(3, action="review_approved", id="vip", customer_groups=["vip"], group="extra"),
            EarnRule.per_action(
                2, action="review_approved", id="all", group="extra", pending=PendingPolicy.after(days=3)
            ),
            groups={"extra": "most_specific"},
        ),
    )
    receipt = shop.ledger.act(ANN, "review_approved", subject="r-1", customer_group="vip")
    assert [(entry.rule, entry.points) for entry in receipt.entries] == [("always", 5), ("vip", 3)]
    receipt = shop.ledger.act(ANN, "review_approved", subject="r-2")
    assert [(entry.rule, entry.points) for entry in receipt.entries] == [("always", 5), ("all", 2)]
    assert shop.balance() == "13 available, 2 pending"
    shop.on("2024-03-12")
    assert shop.balance() == "5 available"
    assert shop.ledger.act(ANN, "review_approved", subject="r-1", customer_group="vip").points == 8


def test_a_program_that_is_off(storage: Storage) -> None:
    """
    While a program is off, actions are refused and can be reported again later (R-43, I-18).
    """
    rules = program(EarnRule.per_action(5, action="review_approved"))
    shop = Shop(storage, evolve(rules, active=False))
    with pytest.raises(ProgramInactive):
        shop.ledger.act(ANN, "review_approved", subject="r-1")
    assert shop.under(rules).act(ANN, "review_approved", subject="r-1").points == 5
