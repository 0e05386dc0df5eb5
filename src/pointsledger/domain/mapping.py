"""
Values to and from plain mappings, as TOML and JSON have them.

Money is text such as ``"24.90 GBP"``, a period ``"12 months"``, a ratio ``"3/2"``, a date or instant ISO 8601 (or
the date that TOML gives).
Fields that equal their default are left out, so equal values give equal mappings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from fractions import Fraction
from functools import cache, partial
from types import UnionType
from typing import Any, TypeGuard, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from attrs import NOTHING, Attribute, fields, has

from ..errors import CurrencyMismatch, InvalidInput, InvalidProgram
from .expiry import Period
from .money import Money
from .rates import ExchangeRate

T = TypeVar("T")
Decoder = Callable[[Any, str], Any]


def to_mapping(value: Any) -> dict[str, Any]:
    """
    Return a value of this library as a mapping of text, whole numbers, booleans, lists and mappings.
    """
    found: dict[str, Any] = {}
    for name, default_of in _recorded(cast("Any", type(value))):
        part = getattr(value, name)
        if part != default_of(value):
            found[name] = _plain(part)
    return found


def from_mapping(kind: type[T], mapping: Any, path: str = "") -> T:
    """
    Return the value of this kind that a mapping describes; the inverse of `to_mapping`.

    Args:
        path: where the mapping stands, for errors.

    Raises:
        InvalidInput, CurrencyMismatch: `field` is the path of what is wrong, such as ``earn_rules[1].per``.
    """
    if not _is_mapping(mapping):
        raise InvalidProgram(path or "mapping", mapping, "must be a table of fields")
    build, decoders, required = _form(cast("Any", kind), mapping)
    arguments: dict[str, Any] = {}
    for name, part in mapping.items():
        if name not in decoders:
            raise InvalidProgram(_join(path, str(name)), part, f"is no field; fields are {', '.join(decoders)}")
        arguments[name] = decoders[name](part, _join(path, name))
    for name in required:
        if name not in arguments:
            raise InvalidProgram(_join(path, name), None, "is required")
    return cast("T", _at_path(partial(build, **arguments), path))


def _form(kind: Any, mapping: Mapping[Any, Any]) -> tuple[Callable[..., Any], dict[str, Decoder], tuple[str, ...]]:
    """
    Return what builds the value that a mapping describes, with the decoders of its fields and those it needs.
    """
    if kind is ExchangeRate and "percent" in mapping:
        scope = {name: decoder for name, decoder in _decoders(kind).items() if name not in {"points", "money"}}
        return ExchangeRate.percent, {"percent": _as_it_is, "currency": _as_it_is, **scope}, ("percent", "currency")
    return kind, _decoders(kind), tuple(a.name for a in fields(kind) if a.default is NOTHING)


def _as_it_is(value: Any, path: str) -> Any:
    return value


def _is_mapping(value: Any) -> TypeGuard[Mapping[Any, Any]]:
    return isinstance(value, Mapping)


def _is_list(value: Any) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, list | tuple)


@cache
def _recorded(kind: Any) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    """
    Return the fields that are content, each with the function to its default for a value.
    """
    recorded = (a for a in fields(kind) if a.metadata.get("recorded", True))
    return tuple((attribute.name, _default_of(attribute)) for attribute in recorded)


def _default_of(attribute: Attribute[Any]) -> Callable[[Any], Any]:
    default: Any = attribute.default
    factory = getattr(default, "factory", None)
    if factory is None:
        return lambda value: default
    return factory if default.takes_self else lambda value: factory()


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Money | Period | Fraction):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if _is_list(value):
        return [_plain(part) for part in value]
    if isinstance(value, frozenset):
        return sorted(cast("frozenset[str]", value))
    if _is_mapping(value):
        return dict(value)
    return to_mapping(value)


# --- decoding ----------------------------------------------------------------------------------------------------


@cache
def _decoders(kind: type) -> dict[str, Decoder]:
    hints = get_type_hints(kind)
    return {name: _decoder(hints[name]) for name, _ in _recorded(kind)}


def _decoder(hint: Any) -> Decoder:
    """
    Return the function that reads a value of this type; the value itself checks what the type does not say.
    """
    origin = get_origin(hint)
    if origin in {Union, UnionType}:
        (part,) = (arg for arg in get_args(hint) if arg is not type(None))
        return _decoder(part)
    if origin is tuple and get_args(hint)[-1] is not Ellipsis:
        return _read_pair
    if origin in {tuple, frozenset}:
        return partial(_read_list, _decoder(get_args(hint)[0]))
    if hint in _READERS:
        return _READERS[hint]
    if has(hint):
        return lambda value, path: from_mapping(hint, value, path)
    return _as_it_is


def _read_list(read: Decoder, value: Any, path: str) -> tuple[Any, ...]:
    if not _is_list(value):
        raise InvalidProgram(path, value, "must be a list")
    return tuple(read(part, f"{path}[{i}]") for i, part in enumerate(value))


def _read_pair(value: Any, path: str) -> tuple[Any, ...]:
    if not _is_list(value) or len(value) != 2:
        raise InvalidProgram(path, value, "must be a pair")
    return tuple(value)


def _read_text(parse: Callable[[str], Any], like: str, value: Any, path: str) -> Any:
    if not isinstance(value, str):
        raise InvalidProgram(path, value, f"must be text such as {like}")
    try:
        return parse(value)
    except InvalidInput as error:
        error.field = path
        raise


def _read_date(value: Any, path: str) -> Any:
    return _read_iso(date.fromisoformat, "a date such as 2026-12-31", value, path)


def _read_instant(value: Any, path: str) -> Any:
    return _read_iso(datetime.fromisoformat, "an instant such as 2026-12-31T00:00:00+01:00", value, path)


def _read_iso(parse: Callable[[str], Any], what: str, value: Any, path: str) -> Any:
    if isinstance(value, date):  # as TOML gives it
        return value
    try:
        return parse(value)
    except (TypeError, ValueError):
        raise InvalidProgram(path, value, f"must be {what}") from None


_READERS: dict[Any, Decoder] = {
    Money: partial(_read_text, Money.parse, "'24.90 GBP'"),
    Period: partial(_read_text, Period.parse, "'12 months'"),
    date: _read_date,
    datetime: _read_instant,
}


def _at_path(build: Callable[[], T], path: str) -> T:
    """
    Build a value; if it is refused, let the error name the whole path.
    """
    try:
        return build()
    except (InvalidInput, CurrencyMismatch) as error:
        error.field = _join(path, error.field)
        raise


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
