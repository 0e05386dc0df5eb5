"""
The proof that callers at once left what the same commands leave one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence

from pointsledger import commands
from pointsledger.port import Storage
from pointsledger.testing.club import books, day

from .books import assert_balanced, assert_same, club
from .callers import Answer
from .numbered import ON


def assert_serial(storage: Storage, answers: Sequence[Answer], replay: Storage, on: int = ON) -> None:
    """
    What was answered is what the commands give one after the other, in the order of their entries (I-20, I-21).

    Args:
        replay: a storage with the books as they were before; the commands are carried out there again.
        on: the day of all these commands.
    """
    assert_balanced(storage)
    for account in sorted({answer.command.account for answer in answers}):
        own = [answer for answer in answers if answer.command.account == account]
        _assert_serial(storage, account, own, replay)
        assert_real_time(own)
        for kept in (storage, replay):  # a sweep that found nothing to book moved the account's clock
            club(kept).apply(commands.Expire(account=account, at=day(on)))
    assert_same(books(storage), books(replay), "the books after all commands, against one after the other")


def _assert_serial(storage: Storage, account: str, answers: Sequence[Answer], replay: Storage) -> None:
    entries = club(storage).entries(account, limit=10_000)
    assert_same([entry.sequence for entry in entries], list(range(1, len(entries) + 1)), f"sequences of {account}")
    # A fact that was reported under another key has the answer of the first report.
    first = [answer for answer in answers if answer.entries and answer.entries[0].key == answer.command.key]
    accepted = {answer.entries[0].sequence: answer for answer in first}
    for sequence, answer in sorted(accepted.items()):
        told = answer.entries
        assert_same(club(replay, on=ON).apply(answer.command).entries, told, f"the replay of {answer.command}")
        assert_same(entries[sequence - 1 : sequence - 1 + len(told)], told, f"what is stored of {answer.command}")
    for answer in answers:  # all callers with one key had one answer
        if answer.entries and answer.command.key is not None:
            again = club(storage, on=ON).apply(answer.command)
            assert_same((again.replayed, again.entries), (True, answer.entries), f"asked again: {answer.command}")


def assert_real_time(answers: Sequence[Answer]) -> None:
    """
    What was first written by a call that ended before another began stands before what that one wrote (I-21).
    """
    first_told: dict[int, int] = {}
    first_asked: dict[int, int] = {}
    for answer in answers:
        if answer.entries:
            sequence = answer.entries[0].sequence
            first_told[sequence] = min(answer.told, first_told.get(sequence, answer.told))
            first_asked[sequence] = min(answer.asked, first_asked.get(sequence, answer.asked))
    # In order of asking: none may have a lower sequence than one whose answer was told before it asked.
    done = sorted((told, sequence) for sequence, told in first_told.items())
    latest = position = 0
    for asked, sequence in sorted((asked, sequence) for sequence, asked in first_asked.items()):
        while position < len(done) and done[position][0] < asked:
            latest = max(latest, done[position][1])
            position += 1
        assert sequence >= latest, f"entry {sequence} was asked for after entry {latest} was told, and stands before it"
