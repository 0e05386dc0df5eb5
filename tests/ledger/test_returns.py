"""
Cancels, returns, reversals and debt (R-14, R-29 to R-35).

Orders give 1 point per 1.00, and 10 points pay 1.00.
"""

from itertools import permutations

import pytest
from attrs import evolve

from pointsledger import EarnRule, ExchangeRate, ExpiryPolicy, PendingPolicy, Program, RestorePolicy, Tender
from pointsledger.errors import (
    CycleNotOpen,
    DebtOutstanding,
    EntryUnknown,
    IdempotencyConflict,
    NoDebt,
    NotReversible,
    OrderCancelled,
    OrderUnknown,
    ProposalOutdated,
    QuantityExceeded,
    ReversalExceeded,
    ShortfallRefused,
)
from pointsledger.port import Storage
from tests.scenarios.scenario import ANN, BY_HAND, Shop, drawn, gbp, instant, line, order, taken, taken_by_line, told

PROGRAM = Program(
    id="shop",
    earn_rules=[EarnRule.per_amount(1, per=gbp("1.00"))],
    exchange_rates=[ExchangeRate(10, gbp("1.00"))],
)
AUTOMATIC = evolve(PROGRAM, returns="automatic")
MUGS = order("o-1", line("mug", "10.00", 2))


class TestCancel:
    """
    A cancel takes back and gives back, once (R-29).
    """

    def test_a_cancel_comes_before_the_order(self, storage: Storage) -> None:
        """
        A cancel that arrives first leaves a mark: the late order earns nothing and takes no points (R-29, I-16).
        """
        shop = Shop(storage, PROGRAM)
        shop.ledger.earn(ANN, 10)

        assert taken(shop.ledger.cancel("o-1", account=ANN)) == ["noted"]
        assert taken(shop.ledger.process(MUGS)) == ["noted"]
        with pytest.raises(OrderCancelled) as refused:
            shop.ledger.redeem(ANN, 10, order="o-1")
        assert told(refused.value) == {"order": "o-1", "cycle": 1}
        assert shop.balance() == "10 available"

    def test_a_new_cycle(self, storage: Storage) -> None:
        """
        The next cycle opens when the one before is cancelled, and each is cancelled for itself (R-29, I-16).
        """
        shop = Shop(storage, PROGRAM)
        shop.ledger.process(MUGS)
        with pytest.raises(CycleNotOpen) as refused:
            shop.ledger.process(evolve(MUGS, cycle=2))
        assert told(refused.value) == {"order": "o-1", "cycle": 2}

        shop.ledger.cancel("o-1", account=ANN)
        assert taken(shop.ledger.process(evolve(MUGS, cycle=2))) == ["earned +20"]
        assert shop.ledger.cancel("o-1", account=ANN).replayed
        assert shop.balance() == "20 available"

        assert taken(shop.ledger.cancel("o-1", account=ANN, cycle=2)) == ["reversed -20"]
        assert shop.balance() == "nothing"

    def test_lots_are_as_they_were(self, storage: Storage) -> None:
        """
        Redeeming and cancelling leaves every lot as it was (R-34, I-10).
        """
        shop = Shop(storage, evolve(PROGRAM, expiry=ExpiryPolicy.after(days=90)))
        for day in ("2024-03-01", "2024-03-02", "2024-03-03"):
            shop.on(day).earn(ANN, 20)
        before = shop.ledger.lots(ANN)

        shop.ledger.redeem(ANN, 50, order="o-1")
        shop.ledger.cancel("o-1", account=ANN)

        assert shop.ledger.lots(ANN) == before


class TestOneComputation:
    """
    Due for the state less what is booked (R-14).
    """

    @pytest.mark.parametrize("arrival", [*permutations(("process", "cancel_lines", "return", "redeem"))])
    def test_order_of_delivery(self, storage: Storage, arrival: tuple[str, ...]) -> None:
        """
        Facts of an order lead to one end in every order of arrival (R-14, I-11, I-16).
        """
        shop = Shop(storage, evolve(AUTOMATIC, redeeming_orders="full"))
        ledger = shop.ledger
        ledger.earn(ANN, 40)
        mugs = order("o-1", line("mug", "10.00", 4))
        first, second, third, fourth = (instant(f"2024-02-0{day}") for day in (1, 2, 3, 4))
        reports = {
            "process": lambda: ledger.process(mugs, occurred_at=first),
            "redeem": lambda: ledger.redeem(ANN, 40, order="o-1", to_pay=gbp("40.00"), occurred_at=second),
            "cancel_lines": lambda: ledger.cancel_lines("o-1", "c-1", {"mug": 1}, account=ANN, occurred_at=third),
            "return": lambda: ledger.return_lines("o-1", "r-1", {"mug": 2}, account=ANN, occurred_at=fourth),
        }

        for name in arrival:
            reports[name]()

        # One of four mugs is kept: it earns 10, and 3/4 of 40 points came back.
        assert shop.balance() == "40 available"
        assert shop.ledger.balance(ANN).redeemed == 40

    def test_points_pay_for_what_is_there(self, storage: Storage) -> None:
        """
        What was cancelled before points were redeemed was not paid by them, and takes none along (R-30).
        """
        shop = Shop(storage, AUTOMATIC)
        shop.on("2024-02-01").earn(ANN, 100)
        shop.on("2024-02-02").place(MUGS)
        shop.on("2024-02-03").cancel_lines("o-1", "c-1", {"mug": 1}, account=ANN)

        receipt = shop.on("2024-02-04").redeem(ANN, 100, order="o-1")

        assert taken(receipt) == ["redeemed -100"]
        # The one mug that was paid comes back, and all of its 100 points with it.
        assert taken(shop.on("2024-02-05").return_lines("o-1", "r-1", {"mug": 1}, account=ANN)) == ["restored +100"]

    def test_the_same_fact_changes_nothing(self, storage: Storage) -> None:
        """
        Every fact that comes again is answered as before (R-14, R-44, I-15).
        """
        shop = Shop(storage, AUTOMATIC)
        reports = [
            lambda: shop.ledger.place(MUGS),
            lambda: shop.ledger.process(MUGS),
            lambda: shop.ledger.invoice("o-1", "i-1", {"mug": 1}, account=ANN),
            lambda: shop.ledger.cancel_lines("o-1", "c-1", {"mug": 1}, account=ANN),
            lambda: shop.ledger.return_lines("o-1", "r-1", {"mug": 1}, account=ANN),
        ]
        first = [report() for report in reports]
        before = shop.everything()

        again = [report() for report in reversed(reports)]

        assert [receipt.entries for receipt in reversed(again)] == [receipt.entries for receipt in first]
        assert all(receipt.replayed for receipt in again)
        assert shop.everything() == before

    def test_a_smaller_document_than_was_returned(self, storage: Storage) -> None:
        """
        More units cancelled or returned than the late document has count as all of them (R-14).
        """
        shop = Shop(storage, AUTOMATIC)
        shop.ledger.cancel_lines("o-1", "c-1", {"mug": 5, "pot": 1}, account=ANN)

        assert taken(shop.ledger.process(MUGS)) == ["noted"]
        with pytest.raises(QuantityExceeded) as refused:
            shop.ledger.return_lines("o-1", "r-1", {"mug": 1}, account=ANN)
        assert told(refused.value) == {"order": "o-1", "line": "mug", "requested": 1, "left": 0}

    @pytest.mark.parametrize("verb", ["invoice", "cancel_lines", "return_lines"])
    def test_lines_and_quantities(self, storage: Storage, verb: str) -> None:
        """
        A line that the order does not have, and more units than it has left, are refused (R-30).
        """
        shop = Shop(storage, AUTOMATIC)
        shop.ledger.process(MUGS)
        report = getattr(shop.ledger, verb)
        with pytest.raises(OrderUnknown) as unknown:
            report("o-1", "d-1", {"pot": 1}, account=ANN)
        assert told(unknown.value) == {"account": ANN, "order": "o-1", "missing": "line 'pot'"}

        report("o-1", "d-2", {"mug": 1}, account=ANN)
        with pytest.raises(QuantityExceeded) as exceeded:
            report("o-1", "d-3", {"mug": 2}, account=ANN)
        assert told(exceeded.value) == {"order": "o-1", "line": "mug", "requested": 2, "left": 1}

    def test_an_approval_before_its_payment(self, storage: Storage) -> None:
        """
        A payment may be approved before it is reported (R-13, R-14).
        """
        shop = Shop(storage, evolve(PROGRAM, timing="on_full_payment"))
        shop.ledger.place(MUGS)
        shop.ledger.approve_payment("o-1", "t", account=ANN)

        paid = shop.ledger.pay("o-1", Tender("bank", gbp("20.00"), id="t", approved=False), account=ANN)

        assert taken(paid) == ["earned +20"]


class TestDecisions:
    """
    In a manual program a person decides (R-30, S1.36, S3.10).
    """

    def proposed(self, shop: Shop, *, return_id: str = "r-1", units: int = 1):
        """
        Report a return of mugs, and ask what it proposes.
        """
        shop.ledger.return_lines("o-1", return_id, {"mug": units}, account=ANN)
        return shop.ledger.propose_return("o-1", return_id, account=ANN)

    def test_accepted_as_proposed(self, storage: Storage) -> None:
        """
        A proposal states points to take back and give back, per line, and their worth; accepting books them (R-30).
        """
        shop = Shop(storage, evolve(PROGRAM, redeeming_orders="full"))
        shop.ledger.earn(ANN, 40)
        shop.ledger.redeem(ANN, 40, order="o-1")
        shop.ledger.process(order("o-1", line("mug", "10.00", 2), line("pot", "5.00")))  # earns 25
        shop.ledger.return_lines("o-1", "r-1", {"mug": 1, "pot": 1}, account=ANN)

        proposal = shop.ledger.propose_return("o-1", "r-1", account=ANN)
        assert (proposal.account, proposal.order, proposal.cycle, proposal.return_id) == (ANN, "o-1", 1, "r-1")
        assert (proposal.take_back, taken_by_line(proposal)) == (15, {"mug": 10, "pot": 5})
        assert (proposal.give_back, proposal.give_back_value) == (24, gbp("2.00"))  # 15/25 of 40; 2 whole groups
        assert (proposal.shortfall, proposal.shortfall_value) == (0, gbp("0.00"))

        receipt = shop.ledger.settle_return(proposal, **BY_HAND)
        assert taken(receipt) == ["restored +24", "reversed -15"]
        assert {(entry.actor, entry.reason) for entry in receipt.entries} == {("eve", "correction")}

    def test_declined(self, storage: Storage) -> None:
        """
        What a declined return would have taken stays with the holder through later returns; a cancel ends it (R-30).
        """
        shop = Shop(storage, PROGRAM)
        shop.ledger.process(MUGS)
        declined = self.proposed(shop)
        assert taken(shop.ledger.settle_return(declined, take_back=0, give_back=0, **BY_HAND)) == ["noted"]

        second = self.proposed(shop, return_id="r-2")
        assert second.take_back == 10
        shop.ledger.settle_return(second, **BY_HAND)
        assert shop.balance() == "10 available"

        assert taken(shop.ledger.cancel("o-1", account=ANN)) == ["reversed -10"]

    def test_more_than_proposed(self, storage: Storage) -> None:
        """
        A person may take more than proposed, and later returns find that much less (R-30).
        """
        shop = Shop(storage, PROGRAM)
        shop.ledger.process(MUGS)
        assert taken(shop.ledger.settle_return(self.proposed(shop), take_back=15, **BY_HAND)) == ["reversed -15"]

        second = self.proposed(shop, return_id="r-2")
        assert second.take_back == 5
        assert taken(shop.ledger.settle_return(second, **BY_HAND)) == ["reversed -5"]
        assert shop.balance() == "nothing"

    def test_declined_after_more_was_taken(self, storage: Storage) -> None:
        """
        A decision takes exactly what it says, also where one before it took more than proposed (R-30).
        """
        shop = Shop(storage, PROGRAM)
        shop.ledger.process(MUGS)
        shop.ledger.settle_return(self.proposed(shop), take_back=15, **BY_HAND)

        declined = shop.ledger.settle_return(self.proposed(shop, return_id="r-2"), take_back=0, **BY_HAND)

        assert taken(declined) == ["noted"]
        assert shop.balance() == "5 available"

    def test_redeemed_points_more_or_fewer(self, storage: Storage) -> None:
        """
        A person may give back more or fewer points than proposed; a cancel gives back the rest (R-30, I-9).
        """
        shop = Shop(storage, PROGRAM)
        shop.ledger.earn(ANN, 40)
        shop.ledger.redeem(ANN, 40, order="o-1")
        shop.ledger.process(MUGS)
        first = self.proposed(shop)
        assert (first.take_back, first.give_back) == (0, 20)
        assert taken(shop.ledger.settle_return(first, give_back=30, **BY_HAND)) == ["restored +30"]

        second = self.proposed(shop, return_id="r-2")
        assert second.give_back == 10
        assert taken(shop.ledger.settle_return(second, give_back=4, **BY_HAND)) == ["restored +4"]
        assert taken(shop.ledger.cancel("o-1", account=ANN)) == ["restored +6"]
        assert shop.balance() == "40 available"

    def test_never_more_than_there_is(self, storage: Storage) -> None:
        """
        More than is booked cannot be taken back, nor more than was used given back (R-30, R-35).
        """
        shop = Shop(storage, evolve(PROGRAM, redeeming_orders="full"))
        shop.ledger.earn(ANN, 10)
        shop.ledger.redeem(ANN, 10, order="o-1")
        shop.ledger.process(MUGS)
        proposal = self.proposed(shop)

        with pytest.raises(ReversalExceeded) as too_much:
            shop.ledger.settle_return(proposal, take_back=21, **BY_HAND)
        assert told(too_much.value) == {"sequence": 3, "requested": 21, "left": 20}
        with pytest.raises(ReversalExceeded) as too_many:
            shop.ledger.settle_return(proposal, give_back=11, **BY_HAND)
        assert told(too_many.value) == {"sequence": 2, "requested": 11, "left": 10}

    def test_never_more_than_nothing(self, storage: Storage) -> None:
        """
        Where the order neither earned nor redeemed there is nothing to take or give (R-30).
        """
        shop = Shop(storage, PROGRAM)
        proposal = self.proposed(shop)  # the order itself is not known yet
        assert (proposal.take_back, proposal.give_back) == (0, 0)

        for figures in ({"take_back": 1}, {"give_back": 1}):
            with pytest.raises(ReversalExceeded) as refused:
                shop.ledger.settle_return(proposal, **figures, **BY_HAND)
            assert told(refused.value) == {"sequence": 0, "requested": 1, "left": 0}

    def test_an_outdated_proposal(self, storage: Storage) -> None:
        """
        A proposal that has changed since it was looked at cannot be decided (R-30).
        """
        shop = Shop(storage, PROGRAM)
        shop.ledger.process(order("o-1", line("mug", "3.35", 3)))  # 10.05 earns 10
        first, second = self.proposed(shop), self.proposed(shop, return_id="r-2")
        assert (first.take_back, second.take_back) == (4, 4)  # 6.70 earn 6
        shop.ledger.settle_return(first, **BY_HAND)

        with pytest.raises(ProposalOutdated) as refused:
            shop.ledger.settle_return(second, **BY_HAND)

        assert told(refused.value) == {"order": "o-1", "return_id": "r-2", "take_back": 3, "give_back": 0}
        shop.ledger.settle_return(shop.ledger.propose_return("o-1", "r-2", account=ANN), **BY_HAND)
        assert shop.balance() == "3 available"  # 3.35 earn 3

    def test_decided_once(self, storage: Storage) -> None:
        """
        The same decision again is the same; another one is refused, and nothing is left to propose (R-30, R-44).
        """
        shop = Shop(storage, PROGRAM)
        shop.ledger.process(MUGS)
        proposal = self.proposed(shop)
        shop.ledger.settle_return(proposal, **BY_HAND)

        assert shop.ledger.settle_return(proposal, actor="max", reason="me too").replayed
        with pytest.raises(IdempotencyConflict) as refused:
            shop.ledger.settle_return(proposal, take_back=9, **BY_HAND)
        assert told(refused.value) == {
            "key": "decide_return/1/o-1\tr-1",
            "field": "take_back",
            "recorded": 10,
            "given": 9,
        }
        after = shop.ledger.propose_return("o-1", "r-1", account=ANN)
        assert (after.take_back, after.give_back, taken_by_line(after)) == (0, 0, {})

    def test_what_cannot_be_decided(self, storage: Storage) -> None:
        """
        An unknown return, one that was applied by itself, and one of a cancelled order cannot be decided (R-30).
        """
        shop = Shop(storage, AUTOMATIC)
        shop.ledger.process(MUGS)
        with pytest.raises(OrderUnknown) as unknown:
            shop.ledger.propose_return("o-1", "r-9", account=ANN)
        assert told(unknown.value) == {"account": ANN, "order": "o-1", "missing": "return 'r-9'"}

        applied = self.proposed(shop)
        assert applied.take_back == 0
        with pytest.raises(NotReversible) as settled:
            shop.ledger.settle_return(applied, **BY_HAND)
        assert told(settled.value) == {
            "sequence": 2,
            "kind": "noted",
            "reason": "the return was applied automatically",
        }
        with pytest.raises(OrderUnknown):
            shop.ledger.settle_return(evolve(applied, return_id="r-9"), **BY_HAND)

        shop.under(PROGRAM)
        shop.ledger.cancel_lines("o-1", "c-1", {"mug": 1}, account=ANN)
        shop.ledger.return_lines("o-2", "r-1", {"mug": 1}, account=ANN)
        shop.ledger.cancel("o-2", account=ANN)
        of_cancelled = shop.ledger.propose_return("o-2", "r-1", account=ANN)
        with pytest.raises(OrderCancelled) as cancelled:
            shop.ledger.settle_return(of_cancelled, **BY_HAND)
        assert told(cancelled.value) == {"order": "o-2", "cycle": 1}

    @pytest.mark.parametrize("shortfall", ["debt", "clamp", "refuse"])
    def test_the_shortfall_is_known_before(self, storage: Storage, shortfall: str) -> None:
        """
        A proposal says how many of the points to take back are spent, in points and money (R-30, R-32).
        """
        shop = Shop(storage, evolve(PROGRAM, shortfall=shortfall))
        shop.ledger.process(MUGS)
        shop.ledger.redeem(ANN, 20)

        proposal = self.proposed(shop, units=2)

        assert (proposal.take_back, proposal.shortfall, proposal.shortfall_value) == (20, 20, gbp("2.00"))

    def test_without_a_rate(self, storage: Storage) -> None:
        """
        Without a rate a proposal states points only (R-30).
        """
        shop = Shop(storage, evolve(PROGRAM, exchange_rates=[]))
        shop.ledger.process(MUGS)

        proposal = self.proposed(shop)

        assert (proposal.take_back, proposal.shortfall_value, proposal.give_back_value) == (10, None, None)


class TestAutomatic:
    """
    In an automatic program points follow the return (R-30, S1.19, S1.20).
    """

    def test_a_return_before_the_order(self, storage: Storage) -> None:
        """
        A return that arrives before its order counts when the order does (R-14, R-30).
        """
        shop = Shop(storage, AUTOMATIC)
        shop.ledger.return_lines("o-1", "r-1", {"mug": 1}, account=ANN)

        assert taken(shop.ledger.process(MUGS)) == ["earned +10"]

    def test_redeemed_points_of_a_free_order(self, storage: Storage) -> None:
        """
        Where the lines cost nothing, redeemed points come back in proportion to the units (R-30).
        """
        shop = Shop(storage, AUTOMATIC)
        shop.ledger.earn(ANN, 30)
        shop.ledger.redeem(ANN, 30, order="o-1")
        shop.ledger.process(order("o-1", line("sample", "0.00", 2), line("leaflet", "0.00")))

        assert taken(shop.ledger.return_lines("o-1", "r-1", {"sample": 1}, account=ANN)) == ["restored +10"]

    def test_points_of_a_pending_return_stay(self, storage: Storage) -> None:
        """
        A return reported while the program was manual waits for its decision, also under a later program (R-31).
        """
        shop = Shop(storage, PROGRAM)
        shop.ledger.process(MUGS)
        shop.ledger.return_lines("o-1", "r-1", {"mug": 1}, account=ANN)
        shop.under(AUTOMATIC)

        assert taken(shop.ledger.return_lines("o-1", "r-2", {"mug": 1}, account=ANN)) == ["reversed -10"]
        assert shop.balance() == "10 available"


class TestClawBack:
    """
    Where the points to take back come from (R-32).
    """

    def spent(self, storage: Storage, program: Program) -> Shop:
        """
        Return a shop where the 20 points of o-1 are spent, and 5 of another lot are left.
        """
        shop = Shop(storage, program)
        shop.ledger.process(MUGS)
        shop.ledger.earn(ANN, 15)
        shop.ledger.redeem(ANN, 30)
        assert shop.lots() == {2: 5}
        return shop

    @pytest.mark.parametrize(
        ("shortfall", "posted", "balance"),
        [("debt", "reversed -5, debt +15", "15 owed"), ("clamp", "reversed -5, 15 written off", "nothing")],
    )
    def test_spent_points(self, storage: Storage, shortfall: str, posted: str, balance: str) -> None:
        """
        Other lots come first; what they do not hold is owed or written off, and reported (R-32).
        """
        shop = self.spent(storage, evolve(PROGRAM, shortfall=shortfall))

        receipt = shop.ledger.cancel("o-1", account=ANN)

        assert taken(receipt) == [posted]
        assert (receipt.points, receipt.shortfall) == (-5, 15)
        assert (drawn(receipt), shop.balance()) == ({2: 5}, balance)

    def test_refused(self, storage: Storage) -> None:
        """
        A program may refuse to take back what is spent; then nothing changes (R-32, I-18).
        """
        shop = self.spent(storage, evolve(PROGRAM, shortfall="refuse"))
        before = shop.everything()

        with pytest.raises(ShortfallRefused) as refused:
            shop.ledger.cancel("o-1", account=ANN)

        assert told(refused.value) == {"account": ANN, "claimed": 20, "shortfall": 15}
        assert shop.everything() == before

    def test_the_policy_of_the_day(self, storage: Storage) -> None:
        """
        The shortfall policy recorded with the points counts, not a later one (R-31, I-8).
        """
        shop = self.spent(storage, evolve(PROGRAM, shortfall="clamp"))
        shop.under(evolve(PROGRAM, shortfall="refuse"))

        assert taken(shop.ledger.cancel("o-1", account=ANN)) == ["reversed -5, 15 written off"]

    def test_its_own_lot_first(self, storage: Storage) -> None:
        """
        What is left of the order's own lot goes before other lots (R-32).
        """
        shop = Shop(storage, PROGRAM)
        shop.ledger.process(MUGS)
        shop.ledger.earn(ANN, 15)
        shop.ledger.redeem(ANN, 10)
        assert shop.lots() == {1: 10, 2: 15}

        assert drawn(shop.ledger.cancel("o-1", account=ANN)) == {1: 10, 2: 10}
        assert shop.lots() == {2: 5}

    def test_what_lapsed_is_no_shortfall(self, storage: Storage) -> None:
        """
        Points of the order that lapsed cost the holder already; only those that were spent are owed (R-32).
        """
        shop = Shop(storage, evolve(PROGRAM, expiry=ExpiryPolicy.after(days=10)))
        shop.ledger.process(MUGS)
        shop.ledger.redeem(ANN, 10)
        shop.on("2024-03-12")  # 10 are spent, 10 have lapsed

        receipt = shop.ledger.cancel("o-1", account=ANN)

        assert taken(receipt) == ["expired -10", "reversed, debt +10"]
        assert receipt.shortfall == 10

    def test_lapsed_points_in_parts(self, storage: Storage) -> None:
        """
        Taken back in two parts, lapsed points are set off once (R-32, R-35, I-11).
        """
        shop = Shop(storage, evolve(AUTOMATIC, expiry=ExpiryPolicy.after(days=10)))
        shop.ledger.process(MUGS)
        shop.ledger.redeem(ANN, 10)
        shop.on("2024-03-12")

        first = shop.ledger.return_lines("o-1", "r-1", {"mug": 1}, account=ANN)
        second = shop.ledger.return_lines("o-1", "r-2", {"mug": 1}, account=ANN)

        assert (taken(first), taken(second)) == (["expired -10", "reversed"], ["reversed, debt +10"])

    def test_the_latest_credits_first(self, storage: Storage) -> None:
        """
        Of an order's several credits the latest is taken back first (R-14).
        """
        shop = Shop(storage, evolve(PROGRAM, timing="on_save"))
        shop.ledger.place(MUGS)
        shop.ledger.process(order("o-1", line("mug", "10.00", 3)))
        assert shop.lots() == {1: 20, 2: 10}

        cancelled = shop.ledger.cancel_lines("o-1", "c-1", {"mug": 2}, account=ANN)

        assert taken(cancelled) == ["reversed -10", "reversed -10"]
        assert shop.lots() == {1: 10}


class TestDebt:
    """
    Points owed (R-33).
    """

    def indebted(self, storage: Storage, program: Program = PROGRAM) -> Shop:
        """
        Return a shop in which Ann owes 20 points.
        """
        shop = Shop(storage, program)
        shop.ledger.adjust(ANN, -20, allow_debt=True, **BY_HAND)
        assert shop.balance() == "20 owed"
        return shop

    def test_it_blocks_redeeming_and_never_expires(self, storage: Storage) -> None:
        """
        Debt blocks redeeming, and time does not end it (R-33).
        """
        shop = self.indebted(storage)
        shop.on("2044-03-01")

        with pytest.raises(DebtOutstanding) as refused:
            shop.ledger.redeem(ANN, 10)

        assert told(refused.value) == {"account": ANN, "debt": 20}

    def test_new_points_repay_it_first(self, storage: Storage) -> None:
        """
        New points repay first, as an entry that names its lots (R-33, I-7).
        """
        shop = self.indebted(storage)

        first = shop.ledger.earn(ANN, 12)
        second = shop.ledger.adjust(ANN, 12, **BY_HAND)

        assert taken(first) == ["earned +12", "repaid -12, debt -12"]
        assert taken(second) == ["adjusted +12", "repaid -8, debt -8"]
        assert drawn(second) == {4: 8}
        assert shop.balance() == "4 available"
        assert (first.points, second.points) == (12, 12)  # what repaid debt is not counted as moved by the command

    def test_pending_points_repay_it_when_they_can_be_used(self, storage: Storage) -> None:
        """
        Pending points repay when they become usable, at that instant (R-12, R-33).
        """
        shop = self.indebted(storage, evolve(PROGRAM, pending=PendingPolicy.after(days=7)))
        shop.ledger.earn(ANN, 30)
        assert shop.balance() == "30 pending, 20 owed"

        receipt = shop.on("2024-03-20").expire(ANN)

        assert taken(receipt) == ["repaid -20, debt -20"]
        assert receipt.entries[0].occurred_at == instant("2024-03-08")
        assert shop.balance() == "10 available"

    def test_several_lots_that_can_be_used_at_once(self, storage: Storage) -> None:
        """
        Of several lots that become usable together, the first in the order of use repays (R-09, R-33).
        """
        shop = self.indebted(storage, evolve(PROGRAM, pending=PendingPolicy.after(days=7)))
        shop.ledger.earn(ANN, 30)
        shop.ledger.earn(ANN, 30)

        receipt = shop.on("2024-03-08").expire(ANN)

        assert (taken(receipt), drawn(receipt)) == (["repaid -20, debt -20"], {2: 20})
        assert shop.lots() == {2: 10, 3: 30}

    def test_forgiven(self, storage: Storage) -> None:
        """
        Debt can be forgiven, all or a part, never more (R-33).
        """
        shop = self.indebted(storage)

        assert taken(shop.ledger.forgive(ANN, 5, **BY_HAND)) == ["forgiven, debt -5"]
        with pytest.raises(NoDebt) as refused:
            shop.ledger.forgive(ANN, 16, **BY_HAND)
        assert told(refused.value) == {"account": ANN, "requested": 16, "debt": 15}
        shop.ledger.forgive(ANN, 15, **BY_HAND)
        assert shop.balance() == "nothing"

    def test_a_balance_is_set_on_top_of_the_debt(self, storage: Storage) -> None:
        """
        Setting a balance repays the debt on top; setting 0 leaves it (R-40, R-33).
        """
        shop = self.indebted(storage)

        assert taken(shop.ledger.set_balance(ANN, 0, **BY_HAND)) == ["noted"]
        assert taken(shop.ledger.set_balance(ANN, 30, **BY_HAND)) == ["adjusted +50", "repaid -20, debt -20"]
        assert shop.balance() == "30 available"

    def test_a_debit_that_reaches_below_nothing(self, storage: Storage) -> None:
        """
        A debit by hand that allows debt takes what there is, and the rest is owed (R-33, R-40).
        """
        shop = Shop(storage, PROGRAM)
        shop.ledger.earn(ANN, 5)

        assert taken(shop.ledger.adjust(ANN, -20, allow_debt=True, **BY_HAND)) == ["adjusted -5, debt +15"]
        assert shop.balance() == "15 owed"


class TestRestore:
    """
    Points go back to the lots that they came from (R-34).
    """

    def test_last_drawn_first(self, storage: Storage) -> None:
        """
        Half of 30 points, drawn from lot 1 (20) and lot 2 (10), go back to lot 2 first (R-34, I-11).
        """
        shop = Shop(storage, AUTOMATIC)
        shop.ledger.earn(ANN, 20)
        shop.ledger.earn(ANN, 20)
        shop.ledger.redeem(ANN, 30, order="o-1")
        shop.ledger.process(MUGS)

        first = shop.ledger.return_lines("o-1", "r-1", {"mug": 1}, account=ANN)
        assert first.entries[0].allocations == ((2, 10), (1, 5))
        second = shop.ledger.return_lines("o-1", "r-2", {"mug": 1}, account=ANN)
        assert second.entries[0].allocations == ((1, 15),)
        assert shop.lots() == {1: 20, 2: 20}

    @pytest.mark.parametrize(
        ("restore", "posted", "last_day"),
        [
            (RestorePolicy(), ["expired -2", "restored +10", "expired -10"], None),
            (RestorePolicy(lapsed="grace", grace_days=5), ["expired -2", "restored +10"], "2024-03-17"),
            (RestorePolicy(lapsed="fresh"), ["expired -2", "restored +10"], "2024-03-22"),
        ],
        ids=["expire", "grace", "fresh"],
    )
    def test_a_lot_that_lapsed_meanwhile(
        self, storage: Storage, restore: RestorePolicy, posted: list[str], last_day: str | None
    ) -> None:
        """
        They lapse in one visible step, or get days of grace, or a fresh date (R-34).
        """
        shop = Shop(storage, evolve(PROGRAM, expiry=ExpiryPolicy.after(days=10), restore=restore))
        shop.ledger.earn(ANN, 12)
        shop.ledger.redeem(ANN, 10, order="o-1")
        shop.on("2024-03-12")  # the 11th was the last day of the lot

        assert taken(shop.ledger.cancel("o-1", account=ANN)) == posted
        if last_day is None:
            assert shop.balance() == "nothing"
        else:
            shop.on(f"{last_day} 23:59")
            assert shop.balance() == "10 available"
            (left,) = shop.ledger.expiring(ANN)
            assert (left.at - shop.now).total_seconds() == 60

    def test_one_lot_lapsed_and_one_not(self, storage: Storage) -> None:
        """
        With grace, living lots take their points back and the lapsed part opens a new lot (R-34).
        """
        grace = RestorePolicy(lapsed="grace", grace_days=5)
        shop = Shop(storage, evolve(PROGRAM, expiry=ExpiryPolicy.after(days=10), restore=grace))
        shop.ledger.earn(ANN, 20)
        shop.on("2024-03-05").earn(ANN, 20)
        shop.ledger.redeem(ANN, 30, order="o-1")

        receipt = shop.on("2024-03-12").cancel("o-1", account=ANN)

        assert taken(receipt) == ["restored +10", "restored +20"]
        assert shop.lots() == {2: 20, 5: 20}

    def test_points_do_not_come_back_to_debt(self, storage: Storage) -> None:
        """
        Restored points repay debt before they can be used (R-33, R-34).
        """
        shop = Shop(storage, PROGRAM)
        shop.ledger.earn(ANN, 20)
        shop.ledger.redeem(ANN, 20, order="o-1")
        shop.ledger.adjust(ANN, -15, allow_debt=True, **BY_HAND)

        assert taken(shop.ledger.cancel("o-1", account=ANN)) == ["restored +20", "repaid -15, debt -15"]
        assert shop.lots() == {1: 5}


class TestReverse:
    """
    Taking back an entry that no order governs (R-35).
    """

    def test_in_parts(self, storage: Storage) -> None:
        """
        Parts add up to the entry and never to more (R-35, I-9, I-11).
        """
        shop = Shop(storage, PROGRAM)
        shop.ledger.earn(ANN, 30)

        assert taken(shop.ledger.reverse(ANN, 1, 10, **BY_HAND)) == ["reversed -10"]
        with pytest.raises(ReversalExceeded) as refused:
            shop.ledger.reverse(ANN, 1, 21, **BY_HAND)
        assert told(refused.value) == {"sequence": 1, "requested": 21, "left": 20}
        assert taken(shop.ledger.reverse(ANN, 1, **BY_HAND)) == ["reversed -20"]
        with pytest.raises(ReversalExceeded) as nothing:
            shop.ledger.reverse(ANN, 1, **BY_HAND)
        assert told(nothing.value) == {"sequence": 1, "requested": 0, "left": 0}

    def test_a_debit_and_a_redemption(self, storage: Storage) -> None:
        """
        A debit by hand and a redemption without an order give their points back (R-35).
        """
        shop = Shop(storage, PROGRAM)
        shop.ledger.adjust(ANN, 50, **BY_HAND)
        shop.ledger.adjust(ANN, -20, **BY_HAND)
        shop.ledger.redeem(ANN, 30)

        assert taken(shop.ledger.reverse(ANN, 2, **BY_HAND)) == ["restored +20"]
        assert taken(shop.ledger.reverse(ANN, 3, 25, **BY_HAND)) == ["restored +25"]
        assert shop.lots() == {1: 45}

    def test_a_debit_that_became_debt(self, storage: Storage) -> None:
        """
        The part that had become debt comes back as a new lot, and repays first (R-34).
        """
        shop = Shop(storage, PROGRAM)
        shop.ledger.earn(ANN, 5)
        shop.ledger.adjust(ANN, -20, allow_debt=True, **BY_HAND)

        receipt = shop.ledger.reverse(ANN, 2, **BY_HAND)

        assert taken(receipt) == ["restored +15", "repaid -15, debt -15", "restored +5"]
        assert shop.balance() == "5 available"

    def test_only_the_part_that_became_debt(self, storage: Storage) -> None:
        """
        A debit that found no points at all comes back as a new lot as a whole (R-34).
        """
        shop = Shop(storage, PROGRAM)
        shop.ledger.adjust(ANN, -20, allow_debt=True, **BY_HAND)
        shop.ledger.forgive(ANN, 20, **BY_HAND)

        assert taken(shop.ledger.reverse(ANN, 1, **BY_HAND)) == ["restored +20"]
        assert shop.lots() == {3: 20}

    def test_lapsed_points_in_parts(self, storage: Storage) -> None:
        """
        Lapsed points of a credit are set off once over its reversals (R-32, R-35).
        """
        shop = Shop(storage, evolve(PROGRAM, expiry=ExpiryPolicy.after(days=10)))
        shop.ledger.earn(ANN, 20)
        shop.ledger.redeem(ANN, 10)
        shop.on("2024-03-12")

        assert taken(shop.ledger.reverse(ANN, 1, 6, **BY_HAND)) == ["expired -10", "reversed"]
        assert taken(shop.ledger.reverse(ANN, 1, **BY_HAND)) == ["reversed, debt +10"]

    def test_what_cannot_be_reversed(self, storage: Storage) -> None:
        """
        Only what was earned, adjusted or redeemed without an order can be reversed by itself (R-35).
        """
        shop = Shop(storage, PROGRAM)
        shop.ledger.process(MUGS)
        shop.ledger.earn(ANN, 5)
        shop.ledger.reverse(ANN, 2, **BY_HAND)

        with pytest.raises(EntryUnknown) as unknown:
            shop.ledger.reverse(ANN, 9, **BY_HAND)
        assert told(unknown.value) == {"account": ANN, "sequence": 9}
        with pytest.raises(NotReversible) as ordered:
            shop.ledger.reverse(ANN, 1, **BY_HAND)
        assert told(ordered.value) == {
            "sequence": 1,
            "kind": "earned",
            "reason": "its order governs it: cancel or return the order",
        }
        with pytest.raises(NotReversible) as reversal:
            shop.ledger.reverse(ANN, 3, **BY_HAND)
        assert told(reversal.value) == {
            "sequence": 3,
            "kind": "reversed",
            "reason": "only what was earned, adjusted or redeemed can be",
        }
