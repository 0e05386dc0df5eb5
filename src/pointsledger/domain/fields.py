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
    names = as_tuple(values)
    try:
        return frozenset(names)
    except Exception as error:  # the hash of a foreign object may raise anything
        raise InvalidInput("names", values, "must be several names") from error


def check_names(value: Any, *fields: str) -> None:
    """
    Check every name in these fields of a value that is being built.
    """
    for field in fields:
        for name in getattr(value, field):
            check_identifier(name, field)


def quantities(values: Mapping[str, int] | Iterable[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    """
    Return quantities by line id as pairs, in order of the ids.
    """
    given: Any = values
    try:
        items = given.items() if issubclass(type(given), Mapping) else given
        pairs: list[tuple[str, int]] = [(line, quantity) for line, quantity in items]
    except (TypeError, ValueError):
        raise InvalidInput("lines", values, "must map line ids to quantities") from None
    for line, _ in pairs:  # before sorting, which compares
        check_identifier(line, "lines")
    if len(dict(pairs)) < len(pairs):
        raise InvalidInput("lines", values, "names a line twice")
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


def check_mapping(value: Any, name: str) -> None:
    """
    Raise `InvalidProgram` unless `value` maps names to something.
    """
    if not issubclass(type(value), Mapping) or any(type(key) is not str for key in value):
        raise InvalidProgram(name, value, "must map names to values")
