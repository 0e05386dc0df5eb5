"""
Refusals: every one that a verb of `Ledger` can raise, and which wins when several apply (R-47).

The order is that of docs/reference/rules.md: the value, the key, the closed account, the order's facts, the gates of
redeeming, currency and rate, points available, limits, shortfall, totals.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

import pytest
from attrs import evolve

from pointsledger import EarnRule, ExchangeRate, Money, Program, RedemptionLimits, Tender, commands, errors
from pointsledger.errors import Refused
from pointsledger.port import Storage
from pointsledger.storage.memory import MemoryStorage
from tests.scenarios.scenario import ANN, BY_HAND, Shop, gbp, line, order, told

NEW_YEAR = datetime(2030, 1, 1, tzinfo=UTC)
TOTAL_MAX = 9_007_199_254_740_991  # 2^53 - 1
PROGRAM = Program(
    id="shop",
    earn_rules=[EarnRule.per_amount(1, per=gbp("1.00"))],
    exchange_rates=[ExchangeRate(10, gbp("1.00"))],
    shortfall="refuse",
)
MUGS = order("o-1", line("mug", "10.00", 2))

Story: TypeAlias = Callable[[Shop], object]
"""What happened before, and as the last thing the call that is refused."""


def limited(**limits) -> Program:
    """
    Return the program with limits on redeeming.
    """
    return evolve(PROGRAM, limits=RedemptionLimits(**limits))


def off(shop: Shop) -> None:
    """
    Switch the program off.
    """
    shop.under(evolve(PROGRAM, active=False))


def in_debt(shop: Shop, points: int = 20) -> None:
    """
    Let Ann owe points.
    """
    shop.ledger.adjust(ANN, -points, allow_debt=True, **BY_HAND)


def closed(shop: Shop) -> None:
    """
    Close Ann's account.
    """
    shop.ledger.close_account(ANN, **BY_HAND)


def spent(shop: Shop) -> None:
    """
    The 20 points of o-1 are spent on something else.
    """
    shop.ledger.process(MUGS)
    shop.ledger.redeem(ANN, 20)


def held(shop: Shop) -> None:
    """
    20 of Ann's 50 points are on hold for o-1 until the new year.
    """
    shop.ledger.earn(ANN, 50)
    shop.ledger.hold(ANN, 20, order="o-1", until=NEW_YEAR)


def nearly_full(shop: Shop) -> None:
    """
    The account was credited 10^12 points 9,007 times: 199,254,740,991 are missing to the bound.
    """
    shop.ledger.apply_all(commands.Earn(account=ANN, points=10**12, key=f"fill-{n}") for n in range(9007))


def pending_return(shop: Shop, *, return_id: str = "r-1"):
    """
    Report a return of one mug, and ask what it proposes.
    """
    shop.ledger.return_lines("o-1", return_id, {"mug": 1}, account=ANN)
    return shop.ledger.propose_return("o-1", return_id, account=ANN)


def steps(*parts: Story) -> Story:
    """
    Tell a story from its steps.
    """

    def story(shop: Shop) -> None:
        for part in parts:
            part(shop)

    return story


def decide_what_changed(shop: Shop) -> None:
    """
    Decide a proposal that another decision has changed.
    """
    shop.ledger.process(order("o-1", line("mug", "3.35", 3)))
    first, second = pending_return(shop), pending_return(shop, return_id="r-2")
    shop.ledger.settle_return(first, **BY_HAND)
    shop.ledger.settle_return(second, **BY_HAND)


def decide_what_was_applied(shop: Shop) -> None:
    """
    Decide a return whose points followed at once.
    """
    shop.under(evolve(PROGRAM, returns="automatic")).process(MUGS)
    shop.ledger.settle_return(pending_return(shop), **BY_HAND)


EVERY_REFUSAL: dict[type[Refused], tuple[Program, Story, dict[str, object]]] = {
    errors.InvalidInput: (
        PROGRAM,
        lambda shop: shop.ledger.adjust(ANN, 5, actor="eve"),
        {"field": "reason", "value": None, "reason": "is required here: say who did it and why"},
    ),
    errors.InvalidPoints: (
        PROGRAM,
        lambda shop: shop.ledger.earn(ANN, 0),
        {"field": "points", "value": 0, "reason": "points must be from 1 to 1000000000000"},
    ),
    errors.InvalidMoney: (
        PROGRAM,
        lambda shop: shop.ledger.redeem(ANN, 10, to_pay=gbp("1.001")),
        {"field": "to_pay", "value": gbp("1.001"), "reason": "GBP has 2 decimals"},
    ),
    errors.InvalidIdentifier: (
        PROGRAM,
        lambda shop: shop.ledger.earn("", 5),
        {"field": "account", "value": "", "reason": "must not be empty"},
    ),
    errors.InvalidInstant: (
        PROGRAM,
        lambda shop: shop.ledger.earn(ANN, 5, at="now"),
        {"field": "at", "value": "now"},
    ),
    errors.CurrencyMismatch: (
        PROGRAM,
        steps(
            lambda shop: shop.ledger.place(MUGS),
            lambda shop: shop.ledger.pay("o-1", Tender("card", Money("9.00", "EUR")), account=ANN),
        ),
        {"field": "tender.amount", "expected": "GBP", "given": "EUR"},
    ),
    errors.LimitExceeded: (
        PROGRAM,
        steps(nearly_full, lambda shop: shop.ledger.earn(ANN, 199_254_740_992)),
        {"limit": TOTAL_MAX},
    ),
    errors.IdempotencyConflict: (
        PROGRAM,
        steps(lambda shop: shop.ledger.earn(ANN, 5, key="k"), lambda shop: shop.ledger.earn("ann", 6, key="k")),
        {"key": "k", "field": "points", "recorded": 5, "given": 6},
    ),
    errors.ProgramInactive: (PROGRAM, steps(off, lambda shop: shop.ledger.earn(ANN, 5)), {"program": "shop"}),
    errors.AccountClosed: (PROGRAM, steps(closed, lambda shop: shop.ledger.earn(ANN, 5)), {"account": ANN}),
    errors.AccountOpen: (PROGRAM, lambda shop: shop.ledger.reopen_account(ANN, **BY_HAND), {"account": ANN}),
    errors.DebtOutstanding: (
        PROGRAM,
        steps(in_debt, lambda shop: shop.ledger.redeem(ANN, 10)),
        {"account": ANN, "debt": 20},
    ),
    errors.NoDebt: (
        PROGRAM,
        steps(in_debt, lambda shop: shop.ledger.forgive(ANN, 21, **BY_HAND)),
        {"account": ANN, "requested": 21, "debt": 20},
    ),
    errors.BelowThreshold: (
        limited(threshold=50),
        lambda shop: shop.ledger.redeem(ANN, 10),
        {"available": 0, "threshold": 50},
    ),
    errors.InsufficientPoints: (
        PROGRAM,
        lambda shop: shop.ledger.adjust(ANN, -5, **BY_HAND),
        {"account": ANN, "requested": 5, "available": 0},
    ),
    errors.RedemptionLimited: (
        limited(points_max=10),
        steps(lambda shop: shop.ledger.earn(ANN, 50), lambda shop: shop.ledger.redeem(ANN, 20)),
        {"limit": "points_max", "requested": 20, "allowed": 10},
    ),
    errors.NoExchangeRate: (PROGRAM, lambda shop: shop.ledger.redeem(ANN, 10, currency="EUR"), {"currency": "EUR"}),
    errors.OrderUnknown: (
        PROGRAM,
        lambda shop: shop.ledger.propose_return("o-1", "r-1", account=ANN),
        {"account": ANN, "order": "o-1", "missing": "return 'r-1'"},
    ),
    errors.OrderCancelled: (
        PROGRAM,
        steps(
            lambda shop: shop.ledger.cancel("o-1", account=ANN), lambda shop: shop.ledger.redeem(ANN, 10, order="o-1")
        ),
        {"order": "o-1", "cycle": 1},
    ),
    errors.CycleNotOpen: (
        PROGRAM,
        lambda shop: shop.ledger.process(evolve(MUGS, cycle=3)),
        {"order": "o-1", "cycle": 3},
    ),
    errors.QuantityExceeded: (
        PROGRAM,
        steps(
            lambda shop: shop.ledger.process(MUGS),
            lambda shop: shop.ledger.return_lines("o-1", "r-1", {"mug": 3}, account=ANN),
        ),
        {"order": "o-1", "line": "mug", "requested": 3, "left": 2},
    ),
    errors.ProposalOutdated: (
        PROGRAM,
        decide_what_changed,
        {"order": "o-1", "return_id": "r-2", "take_back": 3, "give_back": 0},
    ),
    errors.ShortfallRefused: (
        PROGRAM,
        steps(spent, lambda shop: shop.ledger.cancel("o-1", account=ANN)),
        {"account": ANN, "claimed": 20, "shortfall": 20},
    ),
    errors.StorefrontClosed: (
        evolve(PROGRAM, storefront=False),
        lambda shop: shop.ledger.redeem(ANN, 10),
        {"program": "shop"},
    ),
    errors.HoldOpen: (
        PROGRAM,
        steps(held, lambda shop: shop.ledger.redeem(ANN, 10, order="o-1")),
        {"order": "o-1", "hold": "hold"},
    ),
    errors.HoldClosed: (
        PROGRAM,
        steps(
            held,
            lambda shop: shop.ledger.release("o-1", account=ANN),
            lambda shop: shop.ledger.capture("o-1", account=ANN),
        ),
        {"order": "o-1", "hold": "hold", "status": "released"},
    ),
    errors.HoldExceeded: (
        PROGRAM,
        steps(held, lambda shop: shop.ledger.capture("o-1", 30, account=ANN)),
        {"order": "o-1", "hold": "hold", "requested": 30, "held": 20},
    ),
    errors.LotUnknown: (PROGRAM, lambda shop: shop.ledger.assign(ANN, 3, "op:1"), {"account": ANN, "lot": 3}),
    errors.NotPending: (
        PROGRAM,
        steps(lambda shop: shop.ledger.earn(ANN, 5), lambda shop: shop.ledger.activate_lot(ANN, 1)),
        {"lot": 1},
    ),
    errors.NotLater: (
        PROGRAM,
        steps(lambda shop: shop.ledger.earn(ANN, 5), lambda shop: shop.ledger.extend(ANN, 1, NEW_YEAR, **BY_HAND)),
        {"lot": 1, "expires_at": None, "given": NEW_YEAR},
    ),
    errors.NotLapsed: (
        PROGRAM,
        steps(lambda shop: shop.ledger.earn(ANN, 5), lambda shop: shop.ledger.reinstate(ANN, 1, 2, **BY_HAND)),
        {"lot": 1, "requested": 2, "lapsed": 0},
    ),
    errors.NotAwaiting: (
        PROGRAM,
        steps(lambda shop: shop.ledger.earn(ANN, 5), lambda shop: shop.ledger.approve(ANN, 1, actor="boss")),
        {"sequence": 1},
    ),
    errors.SameActor: (
        evolve(PROGRAM, approval_above=10),
        steps(
            lambda shop: shop.ledger.adjust(ANN, 11, **BY_HAND),
            lambda shop: shop.ledger.approve(ANN, 1, actor=BY_HAND["actor"]),
        ),
        {"sequence": 1, "actor": BY_HAND["actor"]},
    ),
    errors.EntryUnknown: (
        PROGRAM,
        lambda shop: shop.ledger.reverse(ANN, 7, **BY_HAND),
        {"account": ANN, "sequence": 7},
    ),
    errors.NotReversible: (
        PROGRAM,
        decide_what_was_applied,
        {"sequence": 2, "kind": "noted", "reason": "the return was applied automatically"},
    ),
    errors.ReversalExceeded: (
        PROGRAM,
        steps(lambda shop: shop.ledger.earn(ANN, 5), lambda shop: shop.ledger.reverse(ANN, 1, 6, **BY_HAND)),
        {"sequence": 1, "requested": 6, "left": 5},
    ),
}
"""Every refusal: under which program, in which story, with which fields."""


class TestEveryRefusal:
    """
    Each kind of refusal, with its fields (R-47).
    """

    @pytest.mark.parametrize("refusal", EVERY_REFUSAL, ids=lambda refusal: refusal.__name__)
    def test_fields(self, storage: Storage, refusal: type[Refused]) -> None:
        """
        A refusal carries its fields, says them in words, and changes nothing (R-47, I-18).
        """
        program, story, expected = EVERY_REFUSAL[refusal]

        with pytest.raises(refusal) as refused:
            story(Shop(storage, program))

        assert type(refused.value) is refusal
        assert told(refused.value).items() >= expected.items()
        assert str(refused.value)

    def test_none_is_missing(self) -> None:
        """
        The table has every refusal but those of files and of programs, which no verb takes (R-47).
        """

        def below(kind: type[Refused]) -> set[type[Refused]]:
            return {kind}.union(*(below(child) for child in kind.__subclasses__()))

        assert below(Refused) - {Refused, errors.InvalidFile, errors.InvalidProgram} == EVERY_REFUSAL.keys()


PAIRS: list[tuple[str, str, Program, Story]] = [
    # the value, before anything is read
    (
        "InvalidPoints",
        "IdempotencyConflict",
        PROGRAM,
        steps(lambda shop: shop.ledger.earn(ANN, 5, key="k"), lambda shop: shop.ledger.earn(ANN, 0, key="k")),
    ),
    ("InvalidPoints", "AccountClosed", PROGRAM, steps(closed, lambda shop: shop.ledger.earn(ANN, -1))),
    # the key's content
    (
        "IdempotencyConflict",
        "AccountClosed",
        PROGRAM,
        steps(lambda shop: shop.ledger.earn(ANN, 5, key="k"), closed, lambda shop: shop.ledger.earn(ANN, 6, key="k")),
    ),
    # the closed account
    (
        "AccountClosed",
        "IdempotencyConflict",
        PROGRAM,
        steps(
            lambda shop: shop.ledger.process(MUGS),
            closed,
            lambda shop: shop.ledger.process(order("o-1", line("mug", "9.00")), key="other"),
        ),
    ),
    (
        "AccountClosed",
        "CycleNotOpen",
        PROGRAM,
        steps(closed, lambda shop: shop.ledger.process(evolve(MUGS, cycle=2))),
    ),
    ("AccountClosed", "ProgramInactive", PROGRAM, steps(closed, off, lambda shop: shop.ledger.earn(ANN, 5))),
    ("AccountClosed", "ProgramInactive", PROGRAM, steps(closed, off, lambda shop: shop.ledger.redeem(ANN, 5))),
    ("AccountClosed", "ProgramInactive", PROGRAM, steps(closed, off, lambda shop: shop.ledger.quote_redemption(ANN))),
    ("AccountClosed", "NoDebt", PROGRAM, steps(closed, lambda shop: shop.ledger.forgive(ANN, 5, **BY_HAND))),
    ("AccountClosed", "EntryUnknown", PROGRAM, steps(closed, lambda shop: shop.ledger.reverse(ANN, 9, **BY_HAND))),
    ("AccountClosed", "AccountClosed", PROGRAM, steps(closed, closed)),
    # the order's facts
    (
        "IdempotencyConflict",
        "OrderCancelled",
        PROGRAM,
        steps(
            lambda shop: shop.ledger.earn(ANN, 50),
            lambda shop: shop.ledger.redeem(ANN, 10, order="o-1"),
            lambda shop: shop.ledger.cancel("o-1", account=ANN),
            lambda shop: shop.ledger.redeem(ANN, 20, order="o-1"),
        ),
    ),
    (
        "IdempotencyConflict",
        "CurrencyMismatch",
        PROGRAM,
        steps(
            lambda shop: shop.ledger.process(MUGS),
            lambda shop: shop.ledger.process(order("o-1", line("mug", "10.00", currency="EUR")), key="other"),
        ),
    ),
    (
        "IdempotencyConflict",
        "QuantityExceeded",
        PROGRAM,
        steps(
            lambda shop: shop.ledger.process(MUGS),
            lambda shop: shop.ledger.return_lines("o-1", "r-1", {"mug": 1}, account=ANN),
            lambda shop: shop.ledger.return_lines("o-1", "r-1", {"mug": 9}, account=ANN),
        ),
    ),
    (
        "CycleNotOpen",
        "ProgramInactive",
        PROGRAM,
        steps(off, lambda shop: shop.ledger.redeem(ANN, 5, order="o", cycle=2)),
    ),
    (
        "OrderUnknown",
        "QuantityExceeded",
        PROGRAM,
        steps(
            lambda shop: shop.ledger.process(MUGS),
            lambda shop: shop.ledger.return_lines("o-1", "r-1", {"cup": 1, "mug": 9}, account=ANN),
        ),
    ),
    (
        "QuantityExceeded",
        "ShortfallRefused",
        PROGRAM,
        steps(spent, lambda shop: shop.ledger.cancel_lines("o-1", "c-1", {"mug": 3}, account=ANN)),
    ),
    (
        "NotReversible",
        "OrderCancelled",
        PROGRAM,
        steps(
            lambda shop: shop.under(evolve(PROGRAM, returns="automatic")).process(MUGS),
            pending_return,
            lambda shop: shop.ledger.cancel("o-1", account=ANN),
            lambda shop: shop.ledger.settle_return(shop.ledger.propose_return("o-1", "r-1", account=ANN), **BY_HAND),
        ),
    ),
    (
        "OrderCancelled",
        "ReversalExceeded",
        PROGRAM,
        steps(
            lambda shop: shop.ledger.process(MUGS),
            pending_return,
            lambda shop: shop.ledger.cancel("o-1", account=ANN),
            lambda shop: shop.ledger.settle_return(
                shop.ledger.propose_return("o-1", "r-1", account=ANN), give_back=5, **BY_HAND
            ),
        ),
    ),
    (
        "ReversalExceeded",
        "ProposalOutdated",
        PROGRAM,
        steps(
            lambda shop: shop.ledger.process(MUGS),
            lambda shop: shop.ledger.settle_return(evolve(pending_return(shop), take_back=7), take_back=21, **BY_HAND),
        ),
    ),
    (
        "ProposalOutdated",
        "ShortfallRefused",
        PROGRAM,
        steps(spent, lambda shop: shop.ledger.settle_return(evolve(pending_return(shop), take_back=7), **BY_HAND)),
    ),
    (
        "OrderCancelled",
        "ProgramInactive",
        PROGRAM,
        steps(
            lambda shop: shop.ledger.cancel("o-1", account=ANN),
            off,
            lambda shop: shop.ledger.redeem(ANN, 10, order="o-1"),
        ),
    ),
    (
        "OrderCancelled",
        "DebtOutstanding",
        PROGRAM,
        steps(
            lambda shop: shop.ledger.cancel("o-1", account=ANN),
            in_debt,
            lambda shop: shop.ledger.quote_redemption(ANN, order="o-1"),
        ),
    ),
    # the gates of redeeming
    ("ProgramInactive", "DebtOutstanding", PROGRAM, steps(in_debt, off, lambda shop: shop.ledger.redeem(ANN, 10))),
    (
        "DebtOutstanding",
        "BelowThreshold",
        limited(threshold=50),
        steps(in_debt, lambda shop: shop.ledger.redeem(ANN, 10)),
    ),
    (
        "BelowThreshold",
        "CurrencyMismatch",
        limited(threshold=50),
        lambda shop: shop.ledger.redeem(ANN, 10, currency="EUR", to_pay=gbp("5.00")),
    ),
    (
        "DebtOutstanding",
        "ShortfallRefused",
        PROGRAM,
        steps(spent, in_debt, lambda shop: shop.ledger.redeem(ANN, 10, order="o-1")),
    ),
    # currency and rate
    (
        "CurrencyMismatch",
        "NoExchangeRate",
        PROGRAM,
        lambda shop: shop.ledger.redeem(ANN, 10, currency="EUR", to_pay=gbp("5.00")),
    ),
    (
        "NoExchangeRate",
        "InvalidInput",
        limited(share_max="1/2"),
        lambda shop: shop.ledger.redeem(ANN, 10, currency="EUR"),
    ),
    ("InvalidInput", "InsufficientPoints", limited(share_max="1/2"), lambda shop: shop.ledger.redeem(ANN, 10)),
    ("NoExchangeRate", "InsufficientPoints", PROGRAM, lambda shop: shop.ledger.redeem(ANN, 10, currency="EUR")),
    (
        "NoExchangeRate",
        "ShortfallRefused",
        PROGRAM,
        steps(
            lambda shop: shop.ledger.process(
                order("o-1", line("mug", "5.00", currency="EUR")),
            ),
            lambda shop: shop.ledger.redeem(ANN, 10, order="o-1"),
        ),
    ),
    # the points available
    ("InsufficientPoints", "RedemptionLimited", limited(points_max=10), lambda shop: shop.ledger.redeem(ANN, 20)),
    (
        "InsufficientPoints",
        "RedemptionLimited",
        PROGRAM,
        lambda shop: shop.ledger.redeem(ANN, 25, to_pay=gbp("1.00")),  # neither available, to pay, nor whole groups
    ),
    (
        "ShortfallRefused",
        "InsufficientPoints",
        PROGRAM,
        steps(spent, lambda shop: shop.ledger.redeem(ANN, 10, order="o-1")),
    ),
    # entries that no order governs
    (
        "NotReversible",
        "ReversalExceeded",
        PROGRAM,
        steps(lambda shop: shop.ledger.process(MUGS), lambda shop: shop.ledger.reverse(ANN, 1, 99, **BY_HAND)),
    ),
    (
        "ReversalExceeded",
        "ShortfallRefused",
        PROGRAM,
        steps(
            lambda shop: shop.ledger.earn(ANN, 20),
            lambda shop: shop.ledger.redeem(ANN, 20),
            lambda shop: shop.ledger.reverse(ANN, 1, 21, **BY_HAND),
        ),
    ),
    # the bound on totals
    ("ProgramInactive", "LimitExceeded", PROGRAM, steps(nearly_full, off, lambda shop: shop.ledger.earn(ANN, 10**12))),
    (
        "AccountClosed",
        "LimitExceeded",
        PROGRAM,
        steps(nearly_full, closed, lambda shop: shop.ledger.adjust(ANN, 10**12, **BY_HAND)),
    ),
]
"""Of two refusals that both apply, the one that wins first."""


@pytest.mark.parametrize(
    ("winner", "loser", "program", "story"), PAIRS, ids=[f"{winner}-{loser}" for winner, loser, *_ in PAIRS]
)
def test_which_refusal_wins(storage: Storage, winner: str, loser: str, program: Program, story: Story) -> None:
    """
    When several refusals apply, the one that stands first in the documented order wins (R-47).
    """
    with pytest.raises(Refused) as refused:
        story(Shop(storage, program))

    assert type(refused.value).__name__ == winner


@pytest.mark.parametrize(
    "limits",
    [
        {"points_max": 40, "share_max": "1/4", "money_max": gbp("2.00"), "step": 100},
        {"share_max": "1/4", "money_max": gbp("2.00"), "step": 100},
        {"money_max": gbp("2.00"), "step": 100},
        {"step": 100, "points_min": 90},
        {"points_min": 90},
    ],
    ids=["points_max", "share_max", "money_max", "step", "points_min"],
)
def test_which_limit_is_named(storage: Storage, limits: dict, request: pytest.FixtureRequest) -> None:
    """
    Of several limits that bind, a refused redemption names the first in the order of the clamps (R-25, R-47).
    """
    shop = Shop(storage, limited(**limits))
    shop.ledger.earn(ANN, 1000)

    with pytest.raises(errors.RedemptionLimited) as refused:
        shop.ledger.redeem(ANN, 80, eligible=gbp("12.00"))

    assert refused.value.limit == request.node.callspec.id.rpartition("-")[2]


class TestTotals:
    """
    No figure passes 2^53 - 1 (I-30).
    """

    def test_all_credits_together(self, storage: Storage) -> None:
        """
        Points credited by earning, by hand and by restoring are bounded together, and so is every figure (R-01, I-30).
        """
        shop = Shop(storage, PROGRAM)
        nearly_full(shop)
        shop.ledger.adjust(ANN, 199_254_740_991, **BY_HAND)
        assert shop.balance() == f"{TOTAL_MAX} available"
        shop.ledger.redeem(ANN, 10, order="o-1")
        before = shop.everything()

        for attempt in (
            lambda: shop.ledger.earn(ANN, 1),
            lambda: shop.ledger.adjust(ANN, 1, **BY_HAND),
            lambda: shop.ledger.cancel("o-1", account=ANN),
        ):
            with pytest.raises(errors.LimitExceeded) as refused:
                attempt()
            assert told(refused.value) == {"figure": "credited", "limit": TOTAL_MAX}
        assert shop.everything() == before

    def test_debits_by_hand(self) -> None:
        """
        Points removed by hand are bounded too, whether lots held them or they are owed (I-30).
        """
        shop = Shop(MemoryStorage(), PROGRAM)
        debit = commands.Adjust(account=ANN, points=-(10**12), allow_debt=True, **BY_HAND)
        shop.ledger.apply_all([debit] * 9007)

        with pytest.raises(errors.LimitExceeded) as refused:
            in_debt(shop, 199_254_740_992)

        assert told(refused.value) == {"figure": "removed", "limit": TOTAL_MAX}
        in_debt(shop, 199_254_740_991)
        assert shop.balance() == f"{TOTAL_MAX} owed"
