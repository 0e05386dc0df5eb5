"""
What the port promises of decisions: all or nothing, one after the other, nothing of a refused one.
"""

import signal

import pytest
from attrs import evolve

from pointsledger import Ledger, Program, commands
from pointsledger.domain.commands import COMMANDS
from pointsledger.domain.decisions import Decision
from pointsledger.domain.reads import EntriesAfter, read_entries
from pointsledger.errors import IdempotencyConflict, InsufficientPoints, Refused, StorageBusy
from pointsledger.port import Job, Storage
from pointsledger.storage.memory import MemoryStorage
from tests.storage.books import ANN, BY_HAND, CLUB, assert_balanced, books, books_of, club, day, job, order, story

INNS = Program(id="inns")


class Interrupted(BaseException):
    """
    What no one catches on the way, as Ctrl-C.
    """


def told(storage: Storage) -> Ledger:
    """
    Tell the story of Ann and return the ledger.
    """
    ledger = club(storage, on=500)
    ledger.apply_all(story())
    return ledger


def test_story_uses_every_command():
    """
    The story that these tests tell has a command of every kind.
    """
    assert {type(command) for command in story()} == set(COMMANDS.values())


def test_entries_balance_lots_and_key_are_stored_together(storage: Storage):
    """
    After each command the entries, the figures, the lots and the key are there together (R-45, I-3, I-25).
    """
    ledger = club(storage)
    for command in story():
        receipt = ledger.apply(command)
        assert ledger.entries(ANN)[-len(receipt.entries) :] == receipt.entries
        assert_balanced(storage)
        if command.key is not None:
            again = ledger.apply(command)
            assert again.replayed
            assert again.entries == receipt.entries


def test_storages_keep_the_same(storage: Storage):
    """
    One story gives equal receipts and equal books on every storage (I-39).
    """
    reference = MemoryStorage()
    here, there = club(storage), club(reference)
    for command in story():
        assert here.apply(command) == there.apply(command)
    assert books(storage) == books(reference)


@pytest.mark.parametrize("before", range(0, 22, 3))
def test_refusal_leaves_no_trace(storage: Storage, before: int):
    """
    A refused command changes nothing and leaves its key free, at any point of a story (I-18, R-44).
    """
    ledger = club(storage, on=2 * before)
    for command in list(story())[:before]:
        ledger.apply(command)
    as_they_were = books(storage)
    with pytest.raises(Refused):
        ledger.redeem(ANN, 10_000, key="free")
    assert books(storage) == as_they_were
    if not any(type(command) is commands.Close for command in list(story())[before - 1 : before]):
        assert not ledger.adjust(ANN, 1, key="free", **BY_HAND).replayed


@pytest.mark.parametrize("error", [InsufficientPoints("ann", 1, 0), RuntimeError("a bug"), Interrupted()])
def test_what_a_decision_raises_is_passed_on(storage: Storage, error: BaseException):
    """
    What a decision raises comes out as it is, before or after it read something, with nothing written (I-18).
    """
    told(storage)
    as_they_were = books(storage)

    def at_once(account, earlier):
        raise error
        yield

    def after_reading(account, earlier):
        yield from read_entries(EntriesAfter(0))
        raise error

    for decide in (at_once, after_reading):
        for account in (ANN, "new"):
            with pytest.raises(type(error)) as raised:
                storage.transact(Job("club", account, "k", decide))
            assert raised.value is error
    assert books(storage) == as_they_were
    assert_balanced(storage)


def test_replayed_decision_writes_nothing(storage: Storage):
    """
    A decision that is marked as replayed changes nothing, whatever account it comes with.
    """
    told(storage)
    as_they_were = books(storage)

    def replayed(account, earlier):
        yield from ()
        return Decision(earlier, evolve(account, available=10**6), replayed=True)

    assert storage.transact(Job("club", ANN, "key-0", replayed)).entries[0].points == 500
    assert books(storage) == as_they_were


def test_decision_is_given_what_is_under_its_key(storage: Storage):
    """
    A decision is called with the account as stored and with all entries under its key, or none without a key.
    """
    told(storage)
    given = []

    def look(account, earlier):
        yield from ()
        given.append((account.version, [entry.sequence for entry in earlier]))
        return Decision(earlier, account, replayed=True)

    for key in ("key-20", "key-2", "unknown", None):
        storage.transact(Job("club", ANN, key, look))
    storage.transact(Job("club", "new", "key-2", look))
    assert given == [(45, [21]), (45, [3]), (45, []), (45, []), (0, [])]


def test_key_covers_all_entries_of_a_command(storage: Storage):
    """
    Where a command wrote several entries, its key gives all of them back (R-44).
    """
    ledger = club(storage, on=500)
    ledger.earn(ANN, 10, at=day(0))
    receipt = ledger.adjust(ANN, 5, key="two", **BY_HAND)  # the 10 have lapsed first
    assert [entry.kind for entry in receipt.entries] == ["expired", "adjusted"]
    again = ledger.adjust(ANN, 5, key="two", **BY_HAND)
    assert (again.replayed, again.entries) == (True, receipt.entries)


def test_key_of_another_content_is_refused(storage: Storage):
    """
    A key that was used for something else is refused and names what differs (I-17).
    """
    ledger = told(storage)
    as_they_were = books(storage)
    with pytest.raises(IdempotencyConflict, match="points"):
        ledger.earn(ANN, 501, key="key-0")
    assert books(storage) == as_they_were


def test_keys_are_never_forgotten(storage: Storage):
    """
    A key gives the first answer after ten years as after a second (I-19).
    """
    ledger = told(storage)
    first = ledger.entries(ANN)[0]
    for at in (day(0), day(3650)):
        assert ledger.earn(ANN, 500, key="key-0", at=at).entries == (first,)


def test_call_from_within_a_decision_is_refused(storage: Storage):
    """
    A decision that calls its own storage is refused there, since it would go on with a stale account (I-22).
    """
    ledger = told(storage)
    as_they_were = books(storage)
    calls = [
        lambda: ledger.earn(ANN, 1, key="nested"),
        lambda: ledger.apply_all([commands.Earn(account=ANN, points=1, key="nested")]),
        lambda: ledger.balance(ANN),
        ledger.accounts,
        lambda: storage.due_accounts("club", day(0), 1),
    ]
    refused = []

    def decide(account, earlier):
        yield from ()
        for call in calls:
            with pytest.raises(StorageBusy, match="from within one of its own decisions"):
                call()
            refused.append(call)
        return Decision(earlier, account, replayed=True)

    def reader(account):
        return (yield from decide(account, ())).account.version

    storage.transact(Job("club", ANN, "outer", decide))
    storage.transact_all([Job("club", ANN, "outer", decide)])
    assert storage.read("club", ANN, reader) == 45
    assert refused == calls * 3
    assert books(storage) == as_they_were
    assert not ledger.earn(ANN, 1, key="nested").replayed


def test_signal_in_the_middle_of_a_decision(storage: Storage):
    """
    A signal handler that uses the ledger in the middle of a decision is refused, and one that raises ends the decision
    with nothing written; afterwards the storage goes on.
    """
    ledger = told(storage)
    as_they_were = books(storage)

    def use(*_: object) -> None:
        with pytest.raises(StorageBusy):
            ledger.earn(ANN, 1)
        raise Interrupted

    def decide(account, earlier):
        yield from read_entries(EntriesAfter(0))
        signal.raise_signal(signal.SIGUSR1)
        return Decision((), account)

    before = signal.signal(signal.SIGUSR1, use)
    try:
        with pytest.raises(Interrupted):
            storage.transact(Job("club", ANN, "k", decide))
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert books(storage) == as_they_were
    assert not ledger.adjust(ANN, 1, key="k", **BY_HAND).replayed
    assert_balanced(storage)


def test_decision_without_entries_may_move_time(storage: Storage):
    """
    A sweep that finds points usable but none lapsed writes the account and its lots, and no entry (R-39).
    """
    ledger = club(storage)
    ledger.earn(ANN, 10)
    assert list(storage.due_accounts("club", day(20), 10)) == [ANN]
    assert ledger.expire(ANN, at=day(20)).entries == ()
    figures, entries, _ = books_of(storage, ANN)
    assert (figures.available, figures.pending, len(entries)) == (10, 0, 1)
    assert_balanced(storage)


def test_sweep_of_an_unknown_account_keeps_nothing(storage: Storage):
    """
    An account begins with its first entry: to sweep one that is not there leaves none behind.
    """
    ledger = club(storage)
    assert ledger.expire("nobody").entries == ()
    assert ledger.apply_all([commands.Expire(account="nobody")])[0].entries == ()
    assert ledger.accounts() == ()


# --- isolation ---------------------------------------------------------------------------------------------------


def test_accounts_are_apart(storage: Storage):
    """
    A command on one account changes nothing of another, though keys and orders are the same (I-40).
    """
    ledger = club(storage)
    accounts = [ANN, "ann2", "an"]
    stories = [list(story(account)) for account in accounts]
    for step in zip(*stories, strict=True):
        for account, command in zip(accounts, step, strict=True):
            others = {other: kept for other, kept in books(storage).items() if other != account}
            assert not ledger.apply(command).replayed
            assert {other: kept for other, kept in books(storage).items() if other != account} == others
    assert_balanced(storage)


def test_programs_are_apart(storage: Storage):
    """
    Programs of one storage never see each other, though accounts, keys and orders are the same (R-06, I-40).
    """
    alone = club(storage)
    for command in story():
        alone.apply(command)
    as_they_were = books(storage)
    other = club(storage, INNS)
    assert other.accounts() == ()
    assert other.balance(ANN).available == 0
    assert not other.earn(ANN, 7, key="key-0").replayed
    assert books(storage) == as_they_were
    assert set(books(storage, "inns")) == {ANN}
    assert list(storage.due_accounts("inns", day(10_000), 10)) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("A", "a"),
        ("1", "01"),
        ("\u00e1", "a\u0301"),
        ("K", "\u212a"),
        ("ß", "ss"),
        ("\u0131", "i"),
        ("İ", "I"),
        ("ﬁ", "fi"),
        ("ᴮᴵᴳ", "BIG"),
        ("a b", "a\u00a0b"),
        ("%", "_"),
        ("é" * 127, "é" * 126 + "e"),
        ("'; DROP TABLE pointsledger_entries;--", "'; DROP TABLE pointsledger_entries; --"),
        ("NULL", "null"),
        ("0", "-0"),
        ("\U0001f600", "\U0001f601"),
    ],
)
def test_identifiers_are_compared_byte_by_byte(storage: Storage, one: str, other: str):
    """
    Two identifiers that differ in a byte name two accounts, two keys, two orders and two programs (I-36).
    """
    ledger = club(storage)
    ledger.earn(one, 5, key=one)
    assert ledger.accounts() == (one,)
    assert ledger.balance(other).pending == 0
    assert not ledger.earn(other, 7, key=one).replayed
    assert not ledger.earn(one, 3, key=other).replayed
    assert set(ledger.accounts()) == {one, other}
    assert ledger.entries(one)[0].key == one
    ledger.redeem(one, 1, order=one, at=day(20))
    assert not ledger.redeem(one, 1, order=other, at=day(20)).replayed
    assert ledger.redeem(one, 1, order=one, at=day(20)).replayed
    assert club(storage, Program(id=one)).accounts() == ()
    assert_balanced(storage)


# --- batches -----------------------------------------------------------------------------------------------------


def test_batch_gives_what_one_by_one_gives(storage: Storage):
    """
    A batch has the receipts and leaves the books of its commands one by one (R-45).
    """
    reference = MemoryStorage()
    one_by_one = [club(reference).apply(command) for command in story()]
    assert list(club(storage).apply_all(story())) == one_by_one
    assert books(storage) == books(reference)
    assert all(receipt.replayed for receipt in club(storage).apply_all([command for command in story() if command.key]))
    assert books(storage) == books(reference)


def test_batch_over_accounts_and_programs(storage: Storage):
    """
    One batch may touch several accounts, and at the port several programs; each command sees those before it.
    """
    ledger, inns = club(storage), club(storage, INNS)
    jobs = [
        job(commands.Adjust(account=account, points=points, **BY_HAND), f"k{number}", program=program)
        for number, (program, account, points) in enumerate(
            [(CLUB, "ann", 10), (INNS, "ann", 20), (CLUB, "bob", 30), (CLUB, "ann", -10), (INNS, "ann", -5)]
        )
    ]
    decisions = storage.transact_all(jobs)
    assert [decision.account.available for decision in decisions] == [10, 20, 30, 0, 15]
    assert ledger.accounts() == ("ann", "bob")
    assert [ledger.balance("ann").available, inns.balance("ann").available] == [0, 15]


def test_empty_batch_at_the_port(storage: Storage):
    """
    A batch of no jobs returns no decisions.
    """
    assert storage.transact_all([]) == ()


def test_key_twice_in_a_batch(storage: Storage):
    """
    A key that comes twice in one batch has one effect, and both have its receipt (I-14, A31).
    """
    twice = [commands.Earn(account=ANN, points=5, key="k", at=day(0))] * 2
    first, second = club(storage).apply_all(twice)
    assert (first.replayed, second.replayed) == (False, True)
    assert first.entries == second.entries
    assert club(storage).balance(ANN).pending == 5


def test_key_of_another_content_fails_the_batch(storage: Storage):
    """
    A key that comes with two contents in one batch fails all of it (I-17).
    """
    batch = [commands.Earn(account=ANN, points=points, key="k", at=day(0)) for points in (5, 6)]
    with pytest.raises(IdempotencyConflict):
        club(storage).apply_all(batch)
    assert books(storage) == {}


@pytest.mark.parametrize("length", [1, 5, 12, 17, 21])
def test_batch_whose_last_command_fails(storage: Storage, length: int):
    """
    If the last command of a batch is refused, nothing of the batch is kept, and all its keys are free (I-18).
    """
    ledger = club(storage, on=2 * length)
    ledger.earn("cid", 1, key="before", at=day(0))
    known = list(story("bob", prefix="b"))[:4]
    for command in known:
        ledger.apply(command)
    as_they_were = books(storage)
    # Old and new accounts, new lots and changed ones, and a replay: all of it has to be undone.
    batch = [
        *list(story())[:length],
        known[0],
        *list(story("bob", prefix="b"))[4:length],
        commands.Redeem(account="bob", points=10**6, key="too-much"),
    ]
    with pytest.raises(Refused):
        ledger.apply_all(batch)
    assert books(storage) == as_they_were
    assert list(storage.accounts("club", "", 10)) == ["bob", "cid"]
    assert_balanced(storage)
    receipts = ledger.apply_all(batch[:-1])
    assert [receipt.replayed for receipt in receipts] == [command is known[0] for command in batch[:-1]]
    assert_balanced(storage)


def test_batch_that_is_undone_forgets_keys_and_orders(storage: Storage):
    """
    Keys and orders of an undone batch mean nothing later, when other entries have taken their places (I-18).
    """
    ledger = club(storage)
    ledger.earn("bob", 1)
    batch = [
        commands.Adjust(account="bob", points=5, key="key", **BY_HAND),
        commands.Process(account="bob", order="1001", document=order("1001", "bob")),
        commands.Redeem(account="bob", points=10**6),
    ]
    with pytest.raises(InsufficientPoints):
        ledger.apply_all(batch)
    for number in range(4):
        ledger.adjust("bob", 7, key=f"other-{number}", **BY_HAND)
    receipt = ledger.adjust("bob", 5, key="key", **BY_HAND)
    assert (receipt.replayed, receipt.points) == (False, 5)
    receipt = ledger.process(order("1001", "bob"))
    assert (receipt.replayed, receipt.points) == (False, 60)
    assert_balanced(storage)


def test_batch_that_is_undone_forgets_what_is_due(storage: Storage):
    """
    What an undone batch would have made due is not due, and what was due before still is.
    """
    ledger = club(storage)
    ledger.earn("bob", 1)
    due = storage.due_accounts("club", day(1000), 10)
    with pytest.raises(InsufficientPoints):
        ledger.apply_all(
            [
                commands.Earn(account=ANN, points=5),
                commands.SetBalance(account="bob", points=0, **BY_HAND),
                commands.Redeem(account=ANN, points=1),
            ]
        )
    assert storage.due_accounts("club", day(1000), 10) == due
    assert list(due) == ["bob"]
    assert ledger.expire_due(at=day(1000)).accounts == 1
