"""
Accounts and entries, page by page.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..domain.balance import entries_until
from ..domain.entries import Entry
from ..domain.instants import LATEST
from ..domain.reads import EntriesAfter, Reading, read_entries
from ..port import Storage

_PAGE = 1000


def each_account(storage: Storage, program: str) -> Iterator[str]:
    """
    Yield the ids of a program's accounts in ascending order of their bytes.

    An account that is opened meanwhile comes too, if it lies ahead.
    """
    after = ""
    while page := storage.accounts(program, after, _PAGE):
        yield from page
        after = page[-1]


def read_history() -> Reading[list[Entry]]:
    """
    Return every entry of an account, by sequence.
    """
    return (yield from entries_until(LATEST))


def read_entry(sequence: int) -> Reading[Entry | None]:
    """
    Return the entry with this sequence, or None.
    """
    found = yield from read_entries(EntriesAfter(sequence - 1, 1))
    return found[0] if found else None
