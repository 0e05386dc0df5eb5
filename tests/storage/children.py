"""
Children: what happens in a process that was forked.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable


def in_child(work: Callable[[], str]) -> str:
    """
    Return what `work` returns in a fork of this process, which then ends at once.
    """
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of threads, which is what some tests want
        child = os.fork()
    if not child:
        try:
            os.write(write, work().encode())
        finally:
            os._exit(0)
    os.close(write)
    with open(read, encoding="utf-8") as answer:  # noqa: PTH123 - it is a pipe
        text = answer.read()
    os.waitpid(child, 0)
    return text


def refusal(call: Callable[[], object]) -> str:
    """
    Return the name of the error that a call raises.
    """
    try:
        call()
    except Exception as error:  # noqa: BLE001 - its name is the answer
        return type(error).__name__
    return "none"
