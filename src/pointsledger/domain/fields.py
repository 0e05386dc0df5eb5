"""
Converters and checks that fields of several values share.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, get_args

from ..errors import InvalidInput, InvalidProgram
from .identity import check_identifier


def as_tuple(values: Iterable[Any]) -> tuple[Any, ...]:
    """
    Return several values as a tuple; refuse what is not iterable, and text.
    """
    if isinstance(values, str | bytes):
        raise InvalidInput("values", values, "must be several values, not text")
    try:
        return tuple(values)
    except TypeError:
        raise InvalidInput("values", values, "must be several values") from None


def name_set(values: Iterable[str]) -> frozenset[str]:
    """
    Return several names as a set; refuse one text, whose letters would be taken for names.
    """
    try:
        return frozenset(as_tuple(values))
    except TypeError:
        raise InvalidInput("names", values, "must be several names") from None


def quantities(values: Mapping[str, int] | Iterable[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    """
    Return quantities by line id as pairs, in order of the ids.
    """
    try:
        pairs = tuple(dict(values).items())
    except (TypeError, ValueError):
        raise InvalidInput("lines", values, "must map line ids to quantities") from None
    for line, _ in pairs:  # before sorting, which compares
        check_identifier(line, "lines")
    return tuple(sorted(pairs))


def check_flag(value: Any, name: str) -> bool:
    """
    Return `value` if it is True or False; else raise `InvalidInput`.
    """
    if type(value) is not bool:
        raise InvalidInput(name, value, "must be True or False")
    return value


def check_choice(value: Any, name: str, choices: Any) -> None:
    """
    Raise `InvalidProgram` unless `value` is one of the names of a `Literal`.
    """
    if type(value) is not str or value not in get_args(choices):
        raise InvalidProgram(name, value, f"must be one of {', '.join(get_args(choices))}")
