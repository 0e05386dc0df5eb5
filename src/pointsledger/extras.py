"""
Extras: packages that only some parts of the library need.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from .errors import MissingExtra


@contextmanager
def extra(name: str, package: str) -> Generator[None]:
    """
    Import within this what the extra `name` brings.

    Raises:
        MissingExtra: `package` is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise MissingExtra(name, package) from error
