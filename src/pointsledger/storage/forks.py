"""
Forks: a connection must be at rest when the process forks, and must not be used beyond.

A transaction that is open at that moment would be rolled back, in the file, by the end of the child.
And as long as the inherited connection is open in the child, SQLite takes locks for granted there that only the
parent holds.
"""

from __future__ import annotations

import os
import threading
from typing import Protocol
from weakref import WeakValueDictionary


class Forkable(Protocol):
    """
    What works under a lock of its own, and has to begin anew in a child.
    """

    @property
    def lock(self) -> threading.RLock:
        """
        What is held while a connection is at work.
        """
        ...

    def begin_in_child(self) -> None:
        """
        Called in the child, right after the fork.
        """
        ...


def watch(forkable: Forkable) -> None:
    """
    Let every fork wait until `forkable` is at rest.
    """
    _WATCHED[id(forkable)] = forkable


_WATCHED: WeakValueDictionary[int, Forkable] = WeakValueDictionary()


class _Stopped(threading.local):
    """
    What the forking thread holds.
    """

    def __init__(self) -> None:
        self.here: list[Forkable] = []


_STOPPED = _Stopped()


def _before_fork() -> None:
    _STOPPED.here = []
    # One step lists them all, also while other threads open some.
    alive = [forkable for reference in _WATCHED.valuerefs() if (forkable := reference()) is not None]
    for forkable in sorted(alive, key=id):  # in one order, so that two forks do not wait for each other
        forkable.lock.acquire()
        _STOPPED.here.append(forkable)


def _after_fork_in_parent() -> None:
    for forkable in _STOPPED.here:
        forkable.lock.release()


def _after_fork_in_child() -> None:
    for forkable in _STOPPED.here:
        forkable.lock.release()
        forkable.begin_in_child()


if hasattr(os, "register_at_fork"):  # pragma: no branch - some systems have no fork
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
