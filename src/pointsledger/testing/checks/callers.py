"""
Checks of many callers at once: one decision after the other.
"""

from __future__ import annotations

from functools import partial
from threading import Event, Thread

from ...domain.account import Account
from ...domain.reads import OpenLots, Reading, read_lots
from ...port import Storage
from ..club import ANN, CLUB
from .acting import CALLERS, assert_balanced, at_once, entries_of, figures_of, give, patiently, slowly, use


class CallerChecks:
    """
    What the port promises to callers in several threads.
    """

    def test_one_of_many_callers_redeems_the_whole_balance(self, storage: Storage) -> None:
        """
        Of 16 callers who redeem the whole balance at once exactly one wins; the others see nothing left (I-22).
        """
        storage.transact(give(100, "all"))
        jobs = [slowly(use(100, f"caller {number}")) for number in range(CALLERS)]
        outcomes = at_once(partial(storage.transact, each) for each in jobs)
        refused = [str(outcome) for outcome in outcomes if isinstance(outcome, str)]
        assert len(refused) == CALLERS - 1, "points were used more than once, or by nobody"
        assert all(outcome.startswith("InsufficientPoints") for outcome in refused), refused
        assert figures_of(storage).balance == 0
        assert_balanced(storage)

    def test_decisions_of_many_callers_follow_each_other(self, storage: Storage) -> None:
        """
        No decision is based on a stale account, so what 16 callers give at once is all there (I-13, I-22).
        """
        jobs = [slowly(give(number + 1, f"caller {number}")) for number in range(CALLERS)]
        outcomes = at_once(partial(storage.transact, each) for each in jobs)
        assert [outcome for outcome in outcomes if isinstance(outcome, str)] == []
        assert [entry.sequence for entry in entries_of(storage)] == list(range(1, CALLERS + 1))
        assert figures_of(storage).available == sum(range(1, CALLERS + 1))
        assert_balanced(storage)

    def test_one_key_of_many_callers_has_one_effect(self, storage: Storage) -> None:
        """
        Of 16 callers with one key one writes, and all have the same entries (I-14).
        """
        outcomes = at_once(partial(storage.transact, slowly(give(10, "key"))) for _ in range(CALLERS))
        decisions = [outcome for outcome in outcomes if not isinstance(outcome, str)]
        assert len(decisions) == CALLERS, outcomes
        assert [decision.replayed for decision in decisions].count(False) == 1
        assert all(tuple(decision.entries) == decisions[0].entries for decision in decisions)
        assert figures_of(storage).available == 10

    def test_callers_of_several_accounts_lose_nothing(self, storage: Storage) -> None:
        """
        Callers at work on different accounts, alone and in batches, all have their effect (I-22, I-40).
        """
        calls = [
            partial(storage.transact_all, [slowly(give(number + 1, f"{account} {number}", account=account))])
            for number in range(4)
            for account in ("ann", "bob", "cid", "dan")
        ]
        outcomes = at_once(calls)
        assert [outcome for outcome in outcomes if isinstance(outcome, str)] == []
        assert [figures_of(storage, account).available for account in ("ann", "bob", "cid", "dan")] == [10] * 4
        assert_balanced(storage)

    def test_a_read_sees_one_state(self, storage: Storage) -> None:
        """
        Figures and lots that one reader sees belong together, whatever is written meanwhile.
        """
        storage.transact(give(1, "first"))
        done = Event()
        ever = Thread(target=_write_until, args=(storage, done))
        ever.start()
        try:
            seen = [patiently(partial(storage.read, CLUB.id, ANN, _figures_and_sum)) for _ in range(40)]
        finally:
            done.set()
            ever.join()
        assert [(balance, total) for balance, total in seen if balance != total] == []


def _write_until(storage: Storage, done: Event) -> None:
    number = 0
    while not done.is_set():
        number += 1
        patiently(partial(storage.transact, give(1, f"written {number}")))


def _figures_and_sum(account: Account) -> Reading[tuple[int, int]]:
    """
    Read the balance, and what is left in lots after a while.
    """
    Event().wait(0.002)
    lots = yield from read_lots(OpenLots())
    return account.balance, sum(lot.remaining for lot in lots)
