"""
Static and dynamic expiry, extension and reinstatement (R-38, S1.17, S1.18).
"""

import pytest
from attrs import evolve

from pointsledger import EarnRule, ExpiryPolicy, Program
from pointsledger.domain.lot_decisions import LotRedating
from pointsledger.errors import InvalidInput, LotUnknown, NotLapsed, NotLater
from pointsledger.port import Storage
from pointsledger.reports.verify import verify
from tests.scenarios.scenario import ANN, BY_HAND, Shop, gbp, instant, line, order, taken

PROGRAM = Program(
    id="shop",
    earn_rules=[
        EarnRule.per_amount(1, per=gbp("1.00")),
        EarnRule.per_unit(7, id="own", products=["pot"], expiry=ExpiryPolicy.after(days=40)),
    ],
    expiry=ExpiryPolicy.after(days=30),
)
LONGER, SHORTER = (evolve(PROGRAM, expiry=ExpiryPolicy.after(days=days)) for days in (90, 10))
BY_RULE = "o-1"


def stocked(storage: Storage) -> Shop:
    """
    On 1 March Ann earned 20, 7 under a rule's own policy and 5 with a date by hand, and 10 on the 15th; it is the 20th.
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.process(order(BY_RULE, line("pot", "20.00")))
    shop.ledger.adjust(ANN, 5, expires_at=instant("2024-05-01"), **BY_HAND)
    shop.on("2024-03-15").earn(ANN, 10)
    shop.on("2024-03-20")
    return shop


def dates(shop: Shop) -> dict[int, str]:
    """
    Return the first day on which each lot can no longer be used.
    """
    return {lot.id: f"{lot.expires_at:%m-%d}" if lot.expires_at else "never" for lot in shop.ledger.lots(ANN)}


def test_static(storage: Storage) -> None:
    """
    A change of the program moves no date that was stamped (S1.17).
    """
    shop = stocked(storage)
    before = dates(shop)
    assert before == {1: "04-01", 2: "04-11", 4: "04-15", 3: "05-01"}
    shop.under(SHORTER)
    assert dates(shop) == before
    assert shop.balance() == "42 available"


def test_dynamic(storage: Storage) -> None:
    """
    Re-dating moves lots that follow the policy, counted from the day they became usable; the preview says so (S1.18).
    """
    shop = stocked(storage)
    shop.under(LONGER)
    preview = shop.ledger.preview_redating(ANN)
    assert (preview.points, preview.lapsing) == (30, 0)
    assert preview.lots == (
        LotRedating(1, 20, instant("2024-04-01"), instant("2024-05-31")),
        LotRedating(4, 10, instant("2024-04-15"), instant("2024-06-14")),
    )
    assert shop.ledger.preview_redating(ANN) == preview  # looking changes nothing
    assert taken(shop.ledger.redate(ANN, **BY_HAND)) == ["redated", "redated"]
    assert dates(shop) == {2: "04-11", 3: "05-01", 1: "05-31", 4: "06-14"}
    assert taken(shop.ledger.redate(ANN, **BY_HAND)) == ["noted"]
    shop.on("2024-04-02")
    assert shop.balance() == "42 available"
    assert not verify(storage, "shop").findings


def test_what_lapses_at_once(storage: Storage) -> None:
    """
    Lots whose new date is past lapse in the same command, and are seen before (R-38).
    """
    shop = stocked(storage)
    shop.under(SHORTER)
    preview = shop.ledger.preview_redating(ANN)
    assert (preview.points, preview.lapsing) == (30, 20)
    assert taken(shop.ledger.redate(ANN, **BY_HAND)) == ["redated", "expired -20", "redated"]
    assert shop.balance() == "22 available"
    assert list(storage.due_accounts("shop", instant("2024-03-26"), 9)) == [ANN]  # the 10 lapse then
    shop.on("2024-03-26")
    assert shop.balance() == "12 available"


def test_never_and_back(storage: Storage) -> None:
    """
    A policy without dates takes them away, and one with dates gives them again.
    """
    shop = stocked(storage)
    shop.under(evolve(PROGRAM, expiry=ExpiryPolicy.never())).redate(ANN, **BY_HAND)
    assert dates(shop) == {2: "04-11", 3: "05-01", 1: "never", 4: "never"}
    shop.under(PROGRAM).redate(ANN, **BY_HAND)
    assert dates(shop) == {1: "04-01", 2: "04-11", 4: "04-15", 3: "05-01"}


def test_held_points_move_too(storage: Storage) -> None:
    """
    A lot is dated whether its points are held or not (R-27).
    """
    shop = stocked(storage)
    shop.ledger.hold(ANN, 20, order="o-2", until=instant("2024-04-20"))
    shop.ledger.hold(ANN, 4, order="o-3", until=instant("2024-03-21"))  # of lot 2, and soon over
    shop.on("2024-03-22").expire(ANN)
    shop.under(LONGER)
    assert shop.ledger.preview_redating(ANN).points == 30
    shop.ledger.redate(ANN, **BY_HAND)
    shop.on("2024-04-20")
    assert shop.balance() == "35 available"  # 7 of the rule's own have lapsed
    assert not verify(storage, "shop").findings


def test_extension(storage: Storage) -> None:
    """
    One lot gets a later date or none, and follows the policy no more; earlier dates are refused (R-38).
    """
    shop = stocked(storage)
    assert taken(shop.ledger.extend(ANN, 1, instant("2024-06-01"), **BY_HAND)) == ["redated"]
    for refused_date in ("2024-06-01", "2024-05-31"):
        with pytest.raises(NotLater) as refused:
            shop.ledger.extend(ANN, 1, instant(refused_date), **BY_HAND)
        assert refused.value.expires_at == instant("2024-06-01")
    shop.ledger.extend(ANN, 4, None, **BY_HAND)
    with pytest.raises(NotLater):
        shop.ledger.extend(ANN, 4, instant("2025-01-01"), **BY_HAND)
    shop.under(SHORTER).redate(ANN, **BY_HAND)
    assert dates(shop) == {2: "04-11", 3: "05-01", 1: "06-01", 4: "never"}
    with pytest.raises(LotUnknown):
        shop.ledger.extend(ANN, 9, None, **BY_HAND)
    shop.on("2024-06-01")
    with pytest.raises(NotLater):  # it has lapsed: reinstate it
        shop.ledger.extend(ANN, 1, instant("2025-01-01"), **BY_HAND)


class TestReinstatement:
    """
    Lapsed points that live again.
    """

    def test_all_and_some(self, storage: Storage) -> None:
        """
        From now on, until the date given or the one that the policy gives; never more than lapsed (R-38, I-9).
        """
        shop = stocked(storage)
        shop.on("2024-04-05")
        assert taken(shop.ledger.reinstate(ANN, 1, 15, **BY_HAND)) == ["expired -20", "reinstated +15"]
        assert dates(shop)[1] == "05-06"  # 5 April and 30 days, inclusive
        with pytest.raises(NotLapsed) as refused:
            shop.ledger.reinstate(ANN, 1, 6, **BY_HAND)
        assert (refused.value.requested, refused.value.lapsed) == (6, 5)
        shop.ledger.reinstate(ANN, 1, expires_at=instant("2024-07-01"), **BY_HAND)
        assert dates(shop)[1] == "07-01"
        record = shop.ledger.lot(ANN, 1)
        assert (record.total, record.remaining, record.expired) == (20, 20, 0)
        assert shop.ledger.balance(ANN).expired == 20  # what happened stays counted
        with pytest.raises(NotLapsed):
            shop.ledger.reinstate(ANN, 1, **BY_HAND)
        assert not verify(storage, "shop").findings

    def test_what_cannot_be(self, storage: Storage) -> None:
        """
        A lot that is not there, and a date that has passed.
        """
        shop = stocked(storage)
        shop.on("2024-04-05")
        with pytest.raises(LotUnknown):
            shop.ledger.reinstate(ANN, 9, **BY_HAND)
        with pytest.raises(InvalidInput) as refused:
            shop.ledger.reinstate(ANN, 1, expires_at=instant("2024-04-05"), **BY_HAND)
        assert refused.value.field == "expires_at"

    def test_after_a_reversal_against_what_lapsed(self, storage: Storage) -> None:
        """
        Points that a reversal was set against are gone (R-32); what is reinstated can be taken back later.
        """
        shop = Shop(storage, PROGRAM)
        shop.ledger.earn(ANN, 20)
        shop.on("2024-04-05").reverse(ANN, 1, 8, **BY_HAND)  # lapsed already: it costs nobody anything
        with pytest.raises(NotLapsed) as refused:
            shop.ledger.reinstate(ANN, 1, 13, **BY_HAND)
        assert refused.value.lapsed == 12
        shop.ledger.reinstate(ANN, 1, **BY_HAND)
        assert taken(shop.ledger.reverse(ANN, 1, **BY_HAND)) == ["reversed -12"]
        assert shop.balance() == "nothing"

    def test_after_inactivity(self, storage: Storage) -> None:
        """
        What inactivity took lives again although the account has lapsed (R-36).
        """
        idle = evolve(PROGRAM, expiry=ExpiryPolicy.inactivity(days=10))
        shop = Shop(storage, idle)
        shop.ledger.earn(ANN, 20)
        shop.on("2024-04-05").reinstate(ANN, 1, **BY_HAND)
        assert shop.balance() == "20 available"
        shop.ledger.expire(ANN)
        assert shop.balance() == "20 available"

    def test_it_repays_debt(self, storage: Storage) -> None:
        """
        Points that live again repay debt first (R-33, I-7).
        """
        shop = Shop(storage, PROGRAM)
        shop.ledger.earn(ANN, 20)
        shop.on("2024-04-05").adjust(ANN, -5, allow_debt=True, **BY_HAND)
        assert taken(shop.ledger.reinstate(ANN, 1, **BY_HAND)) == ["reinstated +20", "repaid -5, debt -5"]


def test_inactivity_stays_lapsed_for_what_comes_back(storage: Storage) -> None:
    """
    Points restored to a lot that inactivity took have lapsed, whatever activity came since (R-34, R-36).
    """
    shop = Shop(storage, Program(id="shop", expiry=ExpiryPolicy.inactivity(days=10)))
    shop.ledger.earn(ANN, 20)
    shop.on("2024-03-05").redeem(ANN, 20, order="o-1")
    shop.on("2024-03-20").earn(ANN, 7)  # after the lapse of the 15th
    assert taken(shop.ledger.cancel("o-1", account=ANN)) == ["restored +20", "expired -20"]
    assert shop.balance() == "7 available"
    assert not verify(storage, "shop").findings
