"""
Each check of the contract finds the storage that breaks what it is named after.
"""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pointsledger.errors import PointsLedgerError
from pointsledger.port import Storage
from pointsledger.storage.sqlite import SQLiteStorage
from pointsledger.testing import StorageContract
from tests.testing import broken_storages as broken

CAUGHT: list[tuple[type, str]] = [
    (broken.EntriesWrittenAtOnce, "a_decision_that_raises_half_way_leaves_nothing"),
    (broken.ErrorsAreWrapped, "a_decision_that_raises_half_way_leaves_nothing"),
    (broken.RefusedIsStored, "a_refused_command_leaves_nothing_and_its_key_free"),
    (broken.ReplayIsStored, "a_replayed_decision_writes_nothing"),
    (broken.OnlyEntriesAreStored, "a_decision_without_entries_is_stored"),
    (broken.EmptyAccountsAreKept, "an_account_without_entries_is_not_kept"),
    (broken.LotsWrittenOutside, "entries_figures_lots_and_keys_are_stored_together"),
    (broken.LosesAField, "everything_comes_back_as_it_was_stored"),
    (broken.RefusesLate, "refusals_are_those_of_the_reference"),
    (broken.BatchNotAtomic, "a_batch_that_raises_leaves_nothing"),
    (broken.UndoneBatchKeepsKeys, "a_batch_that_raises_leaves_its_keys_free"),
    (broken.UndoneBatchStaysDue, "a_batch_that_raises_leaves_what_is_due"),
    (broken.BatchSeesNothingOfItself, "a_decision_of_a_batch_sees_those_before_it"),
    (broken.BatchLosesAField, "a_batch_gives_what_one_by_one_gives"),
    (broken.BatchForgetsItsKeys, "a_key_twice_in_a_batch_has_one_effect"),
    (broken.KeyOfFirstEntryOnly, "a_key_gives_all_entries_of_its_command"),
    (broken.KeysAreNotKept, "a_key_gives_its_first_entries_again"),
    (broken.OneKeyForAllAccounts, "a_decision_is_given_the_account_and_what_is_under_its_key"),
    (broken.KeyWithOtherContentIsNew, "a_key_with_other_content_is_refused"),
    (broken.KeysInMemoryOnly, "keys_are_known_after_reopening"),
    (broken.LotsInMemoryOnly, "books_are_the_same_after_reopening"),
    (broken.NobodyWaits, "one_of_many_callers_redeems_the_whole_balance"),
    (broken.NobodyWaits, "decisions_of_many_callers_follow_each_other"),
    (broken.NobodyWaits, "one_key_of_many_callers_has_one_effect"),
    (broken.NobodyWaits, "callers_of_several_accounts_lose_nothing"),
    (broken.SlowReads, "a_read_sees_one_state"),
    (broken.OneKeyForAllAccounts, "accounts_are_apart"),
    (broken.ProgramsLeak, "programs_are_apart"),
    (broken.CaseInsensitive, "names_are_compared_byte_by_byte"),
    (broken.OrdersCaseInsensitive, "orders_are_compared_byte_by_byte"),
    (broken.TailOfEntriesLost, "entries_come_in_the_order_in_which_they_were_written"),
    (broken.EntriesNewestFirst, "entries_come_in_the_order_in_which_they_were_written"),
    (broken.EntriesLimitIgnored, "entries_come_page_by_page"),
    (broken.LotsInOrderOfIds, "usable_lots_come_in_the_order_of_use"),
    (broken.OpenLotsInOrderOfIds, "open_lots_come_by_when_they_lapse"),
    (broken.LapsedLotsForgotten, "due_lots_are_those_that_time_changed"),
    (broken.WaitingLotsForgotten, "due_lots_that_wait_are_those_with_points_left"),
    (broken.LotsNamedAreSorted, "lots_come_by_their_ids"),
    (broken.LapsesOfOneLot, "the_next_lapse_is_that_of_all_lots_together"),
    (broken.NextChangeIsForgotten, "the_next_change_is_the_earliest"),
    (broken.NextChangeIsForgotten, "the_next_change_of_lots_that_wait_is_the_earliest"),
    (broken.OrdersByPrefix, "entries_about_an_order_are_its_own"),
    (broken.HoldsStayOpen, "open_holds_are_neither_captured_nor_free"),
    (broken.PeriodsAreClosed, "points_earned_in_a_period_are_counted"),
    (broken.ReversalsForgotten, "an_entry_comes_with_what_reverses_it"),
    (broken.DrawsWithoutReturns, "draws_on_a_lot_are_the_entries_that_touched_it"),
    (broken.NothingIsNone, "an_account_that_is_not_there_has_nothing"),
    (broken.AliasedAnswers, "changing_what_was_returned_changes_nothing"),
    (broken.AccountsInOrderOfUTF16, "accounts_come_in_order_of_their_bytes"),
    (broken.PageBeginsWithTheGiven, "accounts_come_page_by_page"),
    (broken.AccountsLimitIgnored, "accounts_come_page_by_page"),
    (broken.DueByName, "due_accounts_come_earliest_first"),
    (broken.DueLimitIgnored, "due_accounts_keep_to_the_limit"),
    (broken.DueByOldDates, "an_account_is_due_only_at_its_latest_change"),
    (broken.NoticesByName, "accounts_to_notify_come_earliest_first"),
    (broken.OpenAfterClosing, "a_closed_storage_refuses_every_call"),
]


class Contract(StorageContract):
    """
    The contract, whose checks these tests call themselves.
    """


def test_every_check_catches_something() -> None:
    """
    No check of the contract is there for nothing.
    """
    assert {f"test_{name}" for _, name in CAUGHT} == set(StorageContract.checks())


@pytest.mark.parametrize(("kind", "name"), CAUGHT, ids=lambda part: getattr(part, "__name__", part))
def test_broken_storage_is_caught(kind: type, name: str, tmp_path: Path) -> None:
    """
    A storage that breaks a promise fails the check that is named after it (R-45, I-14, I-22, I-25, I-36, I-40).
    """
    durable = issubclass(kind, SQLiteStorage)
    storage = kind(tmp_path / "points.db") if durable else kind()

    def reopen() -> Storage:
        storage.close()
        return kind(tmp_path / "points.db")

    with pytest.raises((AssertionError, PointsLedgerError)):
        run(name, storage, reopen if durable else None)
    storage.close()


def run(name: str, storage: Storage, reopen: Callable[[], Storage] | None) -> None:
    """
    Run one check.
    """
    check = getattr(Contract(), f"test_{name}")
    given: dict[str, Any] = {"storage": storage, "reopen": reopen}
    check(**{parameter: given[parameter] for parameter in inspect.signature(check).parameters})
