"""
Holds: points set aside for an order until they are captured, released, or their time is over (R-27).

10 points pay 1.00, and orders give 1 point per 1.00.
"""

from concurrent.futures import ThreadPoolExecutor
from itertools import permutations

import pytest
from attrs import evolve

from pointsledger import EarnRule, ExchangeRate, ExpiryPolicy, Program, RedemptionLimits
from pointsledger.domain.holds import HOLD_TRANSITIONS
from pointsledger.errors import (
    AccountClosed,
    BelowThreshold,
    DebtOutstanding,
    HoldClosed,
    HoldExceeded,
    HoldOpen,
    IdempotencyConflict,
    InsufficientPoints,
    InvalidInput,
    OrderCancelled,
    OrderUnknown,
    ProgramInactive,
    RedemptionLimited,
    Refused,
    ShortfallRefused,
)
from pointsledger.port import Storage
from pointsledger.reports.verify import verify
from tests.scenarios.scenario import ANN, BY_HAND, Shop, drawn, gbp, instant, line, order, taken, told

PROGRAM = Program(
    id="shop",
    earn_rules=[EarnRule.per_amount(1, per=gbp("1.00"))],
    exchange_rates=[ExchangeRate(10, gbp("1.00"))],
)
NOON = instant("2024-03-02 12:00")


def shop_with(storage: Storage, points: int = 100, program: Program = PROGRAM) -> Shop:
    """
    Open a shop on 1 March in which Ann has points.
    """
    shop = Shop(storage, program)
    shop.ledger.adjust(ANN, points, **BY_HAND)
    return shop


class TestHold:
    """
    Setting points aside.
    """

    def test_held_points_are_out_of_the_balance(self, storage: Storage) -> None:
        """
        They are in no balance but their own, say what they are to pay, and cannot be spent again (R-27, S1.35, I-2).
        """
        shop = shop_with(storage)
        receipt = shop.ledger.hold(ANN, 60, order="o-1", until=NOON, to_pay=gbp("10.00"))

        assert (taken(receipt), receipt.points) == (["held -60"], -60)
        assert (receipt.money, receipt.still_to_pay) == (gbp("6.00"), gbp("4.00"))
        assert shop.balance() == "40 available, 60 held"
        assert shop.ledger.balance(ANN).redeemed == 0
        with pytest.raises(InsufficientPoints) as refused:
            shop.ledger.redeem(ANN, 50, order="o-2")
        assert (refused.value.requested, refused.value.available) == (50, 40)

    def test_a_hold_pins_its_lots(self, storage: Storage) -> None:
        """
        It takes lots in the order of use, and later draws leave them alone (R-09, R-27).
        """
        shop = shop_with(storage, 30, evolve(PROGRAM, expiry=ExpiryPolicy.after(days=20)))
        shop.on("2024-03-03").adjust(ANN, 30, **BY_HAND)

        held = shop.ledger.hold(ANN, 40, order="o-1", until=instant("2024-03-09"))

        assert drawn(held) == {1: 30, 2: 10}
        assert drawn(shop.ledger.redeem(ANN, 20)) == {2: 20}
        assert shop.ledger.lot(ANN, 1).held == 30

    @pytest.mark.parametrize(
        ("program", "story", "refusal"),
        [
            (evolve(PROGRAM, active=False), [], ProgramInactive),
            (PROGRAM, [lambda led: led.adjust(ANN, -101, allow_debt=True, **BY_HAND)], DebtOutstanding),
            (evolve(PROGRAM, limits=RedemptionLimits(threshold=101)), [], BelowThreshold),
            (evolve(PROGRAM, limits=RedemptionLimits(points_max=30)), [], RedemptionLimited),
            (PROGRAM, [lambda led: led.redeem(ANN, 70)], InsufficientPoints),
            (PROGRAM, [lambda led: led.close_account(ANN, **BY_HAND)], AccountClosed),
            (PROGRAM, [lambda led: led.cancel("o-1", account=ANN)], OrderCancelled),
            (PROGRAM, [lambda led: led.redeem(ANN, 10, order="o-1")], IdempotencyConflict),
            (PROGRAM, [lambda led: led.hold(ANN, 10, order="o-1", until=NOON, id="first")], HoldOpen),
        ],
    )
    def test_what_closes_and_bounds_it(self, storage: Storage, program: Program, story, refusal: type[Refused]) -> None:
        """
        The gates and clamps are those of a redemption, and nothing changes (R-25, R-47, I-18).
        """
        shop = shop_with(storage)
        shop.under(program)
        for step in story:
            step(shop.ledger)
        before = shop.everything()
        with pytest.raises(refusal):
            shop.ledger.hold(ANN, 40, order="o-1", until=NOON)
        assert shop.everything() == before

    def test_a_deadline_that_has_passed(self, storage: Storage) -> None:
        """
        A hold ends after now.
        """
        with pytest.raises(InvalidInput) as refused:
            shop_with(storage).ledger.hold(ANN, 10, order="o-1", until=instant("2024-03-01"))
        assert refused.value.field == "until"

    def test_what_the_order_would_lose_is_not_counted(self, storage: Storage) -> None:
        """
        Points that the order itself earned go when points pay for it, so they cannot be set aside for it (R-18).
        """
        shop = shop_with(storage, 10)
        shop.ledger.process(order("o-1", line("mug", "30.00")))
        with pytest.raises(InsufficientPoints) as refused:
            shop.ledger.hold(ANN, 20, order="o-1", until=NOON)
        assert refused.value.available == 10
        shop.ledger.hold(ANN, 20, order="o-2", until=NOON)

    def test_asked_twice(self, storage: Storage) -> None:
        """
        The same hold is replayed; other content is a conflict (R-44, I-15).
        """
        shop = shop_with(storage)
        shop.ledger.hold(ANN, 20, order="o-1", until=NOON)
        assert shop.ledger.hold(ANN, 20, order="o-1", until=NOON).replayed
        with pytest.raises(IdempotencyConflict) as refused:
            shop.ledger.hold(ANN, 30, order="o-1", until=NOON)
        assert (refused.value.field, refused.value.recorded, refused.value.given) == ("points", 20, 30)

    def test_one_after_the_other(self, storage: Storage) -> None:
        """
        An order can be held for again after a release; each hold keeps its own end (R-27).
        """
        shop = shop_with(storage)
        shop.ledger.hold(ANN, 20, order="o-1", until=NOON, id="first")
        shop.ledger.release("o-1", account=ANN, id="first")
        shop.ledger.hold(ANN, 30, order="o-1", until=NOON, id="second")
        shop.ledger.capture("o-1", account=ANN, id="second")
        for verb, id, status in (("capture", "first", "released"), ("release", "second", "captured")):
            with pytest.raises(HoldClosed) as refused:
                getattr(shop.ledger, verb)("o-1", account=ANN, id=id)
            assert (refused.value.hold, refused.value.status) == (id, status)
        assert shop.balance() == "70 available"

    def test_asked_twice_under_another_key(self, storage: Storage) -> None:
        """
        A hold, its capture and its release are facts: under another key each is answered as before (R-14, R-44, I-15).
        """
        shop = shop_with(storage)
        steps = {
            "hold": lambda key: shop.ledger.hold(ANN, 20, order="o-1", until=NOON, key=key),
            "capture": lambda key: shop.ledger.capture("o-1", account=ANN, key=key),
            "hold another": lambda key: shop.ledger.hold(ANN, 20, order="o-2", until=NOON, key=key),
            "release": lambda key: shop.ledger.release("o-2", account=ANN, key=key),
        }
        for name, step in steps.items():
            first = step(f"{name}-1")
            before = shop.everything()
            again = step(f"{name}-2")
            assert again.replayed
            assert again.entries == first.entries
            assert shop.everything() == before

    def test_sixteen_callers(self, storage: Storage) -> None:
        """
        Of sixteen that set the whole balance aside at once, one gets it (I-20).
        """
        shop = shop_with(storage)

        def attempt(n: int) -> bool:
            try:
                shop.ledger.hold(ANN, 100, order=f"o-{n}", until=NOON)
            except InsufficientPoints:
                return False
            return True

        with ThreadPoolExecutor(16) as pool:
            assert sum(pool.map(attempt, range(16))) == 1
        assert shop.balance() == "100 held"


class TestCapture:
    """
    Paying with what was set aside.
    """

    def test_all_of_it(self, storage: Storage) -> None:
        """
        A capture pays what the hold was to pay, from the very lots, and is the order's redemption (R-26, R-27).
        """
        shop = shop_with(storage)
        shop.ledger.hold(ANN, 60, order="o-1", until=NOON, to_pay=gbp("10.00"))
        receipt = shop.ledger.capture("o-1", account=ANN)

        assert (taken(receipt), receipt.points) == (["released +60", "redeemed -60"], -60)
        assert (receipt.money, receipt.still_to_pay) == (gbp("6.00"), gbp("4.00"))
        assert shop.balance() == "40 available"
        assert shop.ledger.balance(ANN).redeemed == 60
        with pytest.raises(IdempotencyConflict):
            shop.ledger.redeem(ANN, 10, order="o-1")
        assert shop.ledger.capture("o-1", account=ANN).replayed

    def test_a_part_of_it(self, storage: Storage) -> None:
        """
        A part is whole groups of the recorded rate, first drawn first, whatever the rate is now; the rest is free
        (R-24, R-27, R-31).
        """
        shop = shop_with(storage, 30)
        shop.ledger.adjust(ANN, 30, **BY_HAND)
        shop.ledger.hold(ANN, 60, order="o-1", until=NOON, to_pay=gbp("10.00"))
        shop.under(evolve(PROGRAM, exchange_rates=[ExchangeRate(1, gbp("9.00"))]))

        with pytest.raises(RedemptionLimited) as refused:
            shop.ledger.capture("o-1", 35, account=ANN)
        assert told(refused.value) == {"limit": "step", "requested": 35, "allowed": 30}
        receipt = shop.ledger.capture("o-1", 40, account=ANN)

        assert drawn(receipt) == {1: 30, 2: 10}
        assert (receipt.money, receipt.still_to_pay) == (gbp("4.00"), gbp("6.00"))
        assert shop.balance() == "20 available"

    def test_without_a_rate(self, storage: Storage) -> None:
        """
        Where points have no rate they are captured in any number and pay no money.
        """
        shop = shop_with(storage, program=Program(id="shop"))
        shop.ledger.hold(ANN, 60, order="o-1", until=NOON)
        assert shop.ledger.capture("o-1", 7, account=ANN).money is None
        assert shop.balance() == "93 available"

    def test_with_a_partial_last_group(self, storage: Storage) -> None:
        """
        A hold that pays the order off keeps the exact amount (R-25).
        """
        shop = shop_with(storage, program=evolve(PROGRAM, limits=RedemptionLimits(exact_payoff=True)))
        shop.ledger.hold(ANN, 53, order="o-1", until=NOON, to_pay=gbp("5.25"))
        receipt = shop.ledger.capture("o-1", account=ANN)
        assert (receipt.money, receipt.still_to_pay) == (gbp("5.25"), gbp("0.00"))

    @pytest.mark.parametrize("arrival", [*permutations(("process", "capture", "cancel"))])
    def test_in_any_order_of_arrival(self, storage: Storage, arrival: tuple[str, ...]) -> None:
        """
        With a hold before, processing, capturing and cancelling end alike where the capture came through (R-14, R-18).
        """
        shop = shop_with(storage)
        shop.ledger.hold(ANN, 50, order="o-1", until=NOON)
        for step in arrival:
            if step == "process":
                shop.ledger.process(order("o-1", line("mug", "30.00")))
            elif step == "cancel":
                shop.ledger.cancel("o-1", account=ANN)
            elif arrival.index("cancel") < arrival.index("capture"):
                with pytest.raises(HoldClosed):
                    shop.ledger.capture("o-1", account=ANN)
            else:
                shop.ledger.capture("o-1", account=ANN)
        assert shop.balance() == "100 available"
        assert not verify(storage, "shop").findings

    def test_an_order_that_earned_loses_it(self, storage: Storage) -> None:
        """
        A capture takes back what the order earned, before or after (R-18, I-29).
        """
        shop = shop_with(storage)
        shop.ledger.hold(ANN, 50, order="o-1", until=NOON)
        shop.ledger.process(order("o-1", line("mug", "30.00")))
        assert shop.balance() == "80 available, 50 held"
        assert taken(shop.ledger.capture("o-1", account=ANN)) == ["released +50", "redeemed -50", "reversed -30"]
        assert shop.balance() == "50 available"

    def test_what_it_earned_is_spent(self, storage: Storage) -> None:
        """
        Where the program refuses to go on without spent points, the capture is refused, and the hold stays (R-32).
        """
        shop = shop_with(storage, 50, evolve(PROGRAM, shortfall="refuse"))
        shop.ledger.hold(ANN, 50, order="o-1", until=NOON)
        shop.ledger.process(order("o-1", line("mug", "30.00")))
        shop.ledger.redeem(ANN, 30, order="o-2")
        with pytest.raises(ShortfallRefused):
            shop.ledger.capture("o-1", account=ANN)
        assert shop.balance() == "50 held"

    def test_more_than_is_held(self, storage: Storage) -> None:
        """
        A hold is no credit.
        """
        shop = shop_with(storage)
        shop.ledger.hold(ANN, 50, order="o-1", until=NOON)
        with pytest.raises(HoldExceeded) as refused:
            shop.ledger.capture("o-1", 60, account=ANN)
        assert told(refused.value) == {"order": "o-1", "hold": "hold", "requested": 60, "held": 50}

    @pytest.mark.parametrize("verb", ["capture", "release"])
    def test_an_unknown_hold(self, storage: Storage, verb: str) -> None:
        """
        An order without such a hold has nothing to capture or release.
        """
        shop = shop_with(storage)
        shop.ledger.hold(ANN, 50, order="o-1", until=NOON)
        with pytest.raises(OrderUnknown) as refused:
            getattr(shop.ledger, verb)("o-1", account=ANN, id="other")
        assert refused.value.missing == "hold 'other'"

    def test_captured_points_come_back_to_their_lots(self, storage: Storage) -> None:
        """
        A cancel restores what was captured (R-29, R-34, I-10).
        """
        shop = shop_with(storage, 30, evolve(PROGRAM, expiry=ExpiryPolicy.after(days=20)))
        shop.on("2024-03-02").adjust(ANN, 30, **BY_HAND)
        before = shop.lots()
        shop.ledger.hold(ANN, 50, order="o-1", until=instant("2024-03-05"))
        shop.ledger.capture("o-1", 40, account=ANN)
        shop.ledger.cancel("o-1", account=ANN)
        assert shop.lots() == before

    def test_after_the_lot_has_lapsed(self, storage: Storage) -> None:
        """
        Points do not lapse while they are held: they still pay after their date, and what is left lapses (R-27).
        """
        shop = shop_with(storage, 60, evolve(PROGRAM, expiry=ExpiryPolicy.after(days=5)))
        shop.ledger.hold(ANN, 50, order="o-1", until=instant("2024-03-20"))
        shop.on("2024-03-10")
        assert shop.balance() == "50 held"
        receipt = shop.ledger.capture("o-1", 30, account=ANN)
        assert taken(receipt) == ["expired -10", "released +50", "redeemed -30", "expired -20"]
        assert shop.balance() == "nothing"

    def test_debt_does_not_stop_it(self, storage: Storage) -> None:
        """
        A hold is a promise: it pays although debt came up, and what is left repays it (R-27, R-33, I-7).
        """
        shop = shop_with(storage)
        shop.ledger.hold(ANN, 60, order="o-1", until=NOON)
        shop.ledger.reverse(ANN, 1, **BY_HAND)  # 40 are there, 60 are held
        assert shop.balance() == "60 held, 60 owed"
        receipt = shop.ledger.capture("o-1", 40, account=ANN)
        assert taken(receipt) == ["released +60", "redeemed -40", "repaid -20, debt -20"]
        assert shop.balance() == "40 owed"


class TestEnd:
    """
    Release, lapse and cancel.
    """

    def test_release(self, storage: Storage) -> None:
        """
        A release puts every lot back as it was; again it is a replay, and another hold can follow (I-10, R-44).
        """
        shop = shop_with(storage)
        before = shop.ledger.balance(ANN), shop.lots()
        shop.ledger.hold(ANN, 60, order="o-1", until=NOON)
        receipt = shop.ledger.release("o-1", account=ANN)
        assert (taken(receipt), receipt.points) == (["released +60"], 60)
        assert (evolve(shop.ledger.balance(ANN), version=1), shop.lots()) == before
        assert shop.ledger.release("o-1", account=ANN).replayed
        shop.ledger.hold(ANN, 70, order="o-1", until=NOON, id="again")
        assert shop.balance() == "30 available, 70 held"

    def test_it_lapses_by_itself(self, storage: Storage) -> None:
        """
        Held while now is before the deadline, free from it on, whether a sweep ran or not (R-11, R-12, I-32).
        """
        shop = shop_with(storage)
        shop.ledger.hold(ANN, 60, order="o-1", until=NOON)
        for hour, seen in (("11:59", (40, 60)), ("12:00", (100, 0)), ("13:00", (100, 0))):
            balance = shop.ledger.balance(ANN, at=instant(f"2024-03-02 {hour}"))
            assert (balance.available, balance.held) == seen
        assert list(storage.due_accounts("shop", NOON, 9)) == [ANN]
        shop.on("2024-03-03").expire_due()
        (lapsed,) = shop.ledger.entries(ANN, after=2)
        assert (lapsed.kind, lapsed.occurred_at, lapsed.order) == ("lapsed", NOON, "o-1")
        with pytest.raises(HoldClosed) as refused:
            shop.ledger.capture("o-1", account=ANN)
        assert told(refused.value) == {"order": "o-1", "hold": "hold", "status": "lapsed"}
        assert taken(shop.ledger.release("o-1", account=ANN)) == ["noted"]
        shop.ledger.redeem(ANN, 100, order="o-1")

    def test_it_lapses_within_another_command(self, storage: Storage) -> None:
        """
        What lapsed is booked before the next command, whichever order that is about, and does not count as its doing.
        """
        shop = shop_with(storage)
        shop.ledger.hold(ANN, 60, order="o-1", until=NOON)
        receipt = shop.on("2024-03-03").redeem(ANN, 80, order="o-2")
        assert (taken(receipt), receipt.points) == (["lapsed +60", "redeemed -80"], -80)
        with pytest.raises(HoldClosed):
            shop.ledger.capture("o-1", account=ANN)

    def test_in_the_past_and_as_a_forecast(self, storage: Storage) -> None:
        """
        A balance of before shows the hold as it was then (R-11).
        """
        shop = shop_with(storage)
        shop.on("2024-03-02").hold(ANN, 60, order="o-1", until=NOON)
        shop.on("2024-03-10").expire(ANN)
        shop.on("2024-03-11").adjust(ANN, 5, **BY_HAND)
        for day, seen in (("2024-03-01", (100, 0)), ("2024-03-02 10:00", (40, 60)), ("2024-03-02 12:00", (100, 0))):
            balance = shop.ledger.balance(ANN, at=instant(day))
            assert (balance.available, balance.held) == seen

    def test_released_after_its_date(self, storage: Storage) -> None:
        """
        Points whose date passed while they were held lapse when they are free again, by release or by deadline (R-27).
        """
        short = evolve(PROGRAM, expiry=ExpiryPolicy.after(days=5))
        shop = shop_with(storage, 60, short)
        shop.ledger.hold(ANN, 50, order="o-1", until=instant("2024-03-20"))
        assert taken(shop.on("2024-03-10").release("o-1", account=ANN)) == [
            "expired -10",
            "released +50",
            "expired -50",
        ]
        shop.ledger.adjust("bo", 60, **BY_HAND)
        shop.ledger.hold("bo", 60, order="o-2", until=instant("2024-03-20"))
        shop.on("2024-04-01").expire("bo")
        assert taken(shop.ledger.entries("bo", after=2)) == ["lapsed +60", "expired -60"]

    def test_inactivity_while_held(self, storage: Storage) -> None:
        """
        Inactivity lapses what is there; held points lapse once they are free (R-36).
        """
        shop = shop_with(storage, 60, evolve(PROGRAM, expiry=ExpiryPolicy.inactivity(days=5)))
        shop.ledger.hold(ANN, 50, order="o-1", until=instant("2024-03-20"))
        shop.on("2024-03-10")
        assert shop.balance() == "50 held"
        assert taken(shop.ledger.release("o-1", account=ANN)) == ["expired -10", "released +50", "expired -50"]

    def test_a_capture_is_activity(self, storage: Storage) -> None:
        """
        Paying resets the clock of inactivity, setting aside does not (R-36).
        """
        shop = shop_with(storage, 60, evolve(PROGRAM, expiry=ExpiryPolicy.inactivity(days=5)))
        shop.on("2024-03-04").hold(ANN, 20, order="o-1", until=instant("2024-03-20"))
        shop.on("2024-03-06").capture("o-1", account=ANN)
        shop.on("2024-03-11")
        assert shop.balance() == "40 available"
        shop.on("2024-03-12")
        assert shop.balance() == "nothing"

    def test_cancel_of_the_order(self, storage: Storage) -> None:
        """
        A cancel lets the order's points go; a new cycle can hold again (R-27, R-29).
        """
        shop = shop_with(storage)
        shop.ledger.hold(ANN, 60, order="o-1", until=NOON)
        assert taken(shop.ledger.cancel("o-1", account=ANN)) == ["released +60"]
        with pytest.raises(HoldClosed) as refused:
            shop.ledger.capture("o-1", account=ANN)
        assert refused.value.status == "released"
        shop.ledger.hold(ANN, 60, order="o-1", until=NOON, cycle=2)
        assert shop.ledger.capture("o-1", account=ANN, cycle=2).money == gbp("6.00")

    def test_released_after_a_capture(self, storage: Storage) -> None:
        """
        What has paid cannot be let go: cancel the order to give it back.
        """
        shop = shop_with(storage)
        shop.ledger.hold(ANN, 60, order="o-1", until=NOON)
        shop.ledger.capture("o-1", account=ANN)
        with pytest.raises(HoldClosed) as refused:
            shop.ledger.release("o-1", account=ANN)
        assert refused.value.status == "captured"

    def test_several_orders_hold(self, storage: Storage) -> None:
        """
        Holds of several orders are apart, and end one by one.
        """
        shop = shop_with(storage)
        for n, until in enumerate(("2024-03-05", "2024-03-03", "2024-03-04"), start=1):
            shop.ledger.hold(ANN, 30, order=f"o-{n}", until=instant(until))
        assert shop.balance() == "10 available, 90 held"
        shop.on("2024-03-03")
        assert shop.balance() == "40 available, 60 held"
        shop.ledger.capture("o-3", account=ANN)
        shop.on("2024-03-09").expire_due()
        assert shop.balance() == "70 available"
        assert not verify(storage, "shop").findings

    def test_table_of_transitions(self) -> None:
        """
        Every end comes from a hold that is held; nothing leads back (R-27).
        """
        assert {status for status, _ in HOLD_TRANSITIONS} == {"held"}
        assert set(HOLD_TRANSITIONS.values()) == {"captured", "released", "lapsed"}


def test_all_or_nothing(storage: Storage) -> None:
    """
    A batch whose last command is refused leaves holds, lots and figures as they were (R-45).
    """
    from pointsledger import commands

    shop = shop_with(storage)
    shop.ledger.hold(ANN, 60, order="o-1", until=NOON)
    before = shop.everything()
    of_order = {"account": ANN, "order": "o-1"}
    batch = [
        commands.Release(**of_order),
        commands.Hold(**of_order, points=20, until=NOON, id="b"),
        commands.Capture(**of_order, id="b"),
        commands.Redeem(account=ANN, points=1000),
    ]
    with pytest.raises(InsufficientPoints):
        shop.ledger.apply_all(batch)
    assert shop.everything() == before
    assert shop.ledger.capture("o-1", account=ANN).points == -60
