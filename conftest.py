"""
What every test shares: the Hypothesis profile, and the snippets of README.md and docs/ as tests.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser
from sybil.sybil import SybilCollection

from tests.storage import postgres_server

# The machine may be busy with killed writers next door; a slow example is no failure.
# In CI this inherits from Hypothesis' own profile there: no example database, the same examples every time.
settings.register_profile("pointsledger", deadline=None)
settings.load_profile("pointsledger")


EXAMPLES = Path(__file__).parent / "examples"


def enter_scratch_folder(namespace: dict[str, object]) -> None:
    """
    Let a page write files such as `points.db` without leaving them in the tree, and read `examples`.
    """
    namespace["examples"] = EXAMPLES
    scratch = contextlib.ExitStack()
    folder = scratch.enter_context(tempfile.TemporaryDirectory())
    scratch.enter_context(contextlib.chdir(folder))
    namespace["leave_scratch_folder"] = scratch.close


def leave_scratch_folder(namespace: dict[str, Any]) -> None:
    """
    Go back, and remove what the page wrote.
    """
    namespace["leave_scratch_folder"]()


@pytest.fixture(scope="session")
def postgres_dsn() -> Iterator[str]:
    """
    The connection string of a PostgreSQL server.
    """
    with postgres_server.server() as dsn:
        yield dsn


@pytest.fixture(scope="session")
def dsn(postgres_dsn: str) -> Iterator[str]:
    """
    The connection string of a database for the snippets of one page.
    """
    with postgres_server.database(postgres_dsn, "page") as named:
        yield named


@pytest.fixture(scope="session")
def database_url(postgres_dsn: str) -> Iterator[None]:
    """
    A database that is named where a web host looks for it.
    """
    with postgres_server.database(postgres_dsn, "web") as named:
        os.environ["DATABASE_URL"] = named
        yield
        del os.environ["DATABASE_URL"]


# No parser skips a snippet: what a page shows, runs; only what needs a server is skipped where there is none.
_SERVED, _WEB = "docs/**/*postgresql.md", "docs/how-to/web-endpoint.md"
pytest_collect_file = SybilCollection(
    Sybil(
        parsers=[PythonCodeBlockParser()],
        setup=enter_scratch_folder,
        teardown=leave_scratch_folder,
        **pages,
    )
    for pages in (
        {"patterns": ["README.md", "docs/**/*.md"], "excludes": [_SERVED, _WEB]},
        {"patterns": [_SERVED], "fixtures": ["dsn"]},
        {"patterns": [_WEB], "fixtures": ["database_url"]},
    )
).pytest()
