"""
What the tests of failures share: a place for files, and processes that start warm.
"""

import multiprocessing
from multiprocessing.context import ForkServerContext

import pytest


@pytest.fixture(scope="session")
def processes() -> ForkServerContext:
    """
    A server that has the package loaded and forks processes from it, each without a thread or file of this one.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pointsledger", "pointsledger.storage.sqlite", "pointsledger.reports.verify"])
    return context
