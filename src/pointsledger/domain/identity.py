"""
Identifiers: byte-exact text that names a program, account, order, line, actor or key (R-05).
"""

from __future__ import annotations

import unicodedata
from typing import Any

from ..errors import InvalidIdentifier, InvalidInput

IDENTIFIER_BYTES_MAX = 255
TEXT_CHARACTERS_MAX = 2000

_REFUSED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Emoji sequences and several scripts need the joiners; tag characters spell regional flags.
_ALLOWED_FORMAT_CHARACTERS = frozenset({"\u200c", "\u200d", *map(chr, range(0xE0020, 0xE0080))})


def check_identifier(value: Any, field: str) -> str:
    """
    Return `value` unchanged if it is an identifier: `str`, 1 to 255 UTF-8 bytes, no control or invisible
    format character, no lone surrogate, no white space at either end (R-05, I-36).

    Identifiers are compared byte by byte and never normalised: ``"A"`` and ``"a"`` are two accounts.

    Raises:
        InvalidIdentifier: for every other value, subclasses of `str` included.
    """
    if type(value) is not str:
        raise InvalidIdentifier(field, value, "must be text")
    # The plain case first: nothing else can be wrong with short printable ASCII.
    if value.isascii() and value.isprintable() and 0 < len(value) <= IDENTIFIER_BYTES_MAX:
        if value[0] == " " or value[-1] == " ":
            raise InvalidIdentifier(field, value, "must not begin or end with white space")
        return value
    return _check_unusual(value, field)


def _check_unusual(value: str, field: str) -> str:
    if not value:
        raise InvalidIdentifier(field, value, "must not be empty")
    if len(value) > IDENTIFIER_BYTES_MAX or _has_refused_character(value):
        reason = "must be at most 255 bytes, without control characters or lone surrogates"
        raise InvalidIdentifier(field, value, reason)
    if value.strip() != value:
        raise InvalidIdentifier(field, value, "must not begin or end with white space")
    if len(value.encode()) > IDENTIFIER_BYTES_MAX:
        raise InvalidIdentifier(field, value, "must be at most 255 bytes")
    return value


def check_text(value: Any, field: str) -> str:
    """
    Return free text (a reason, a comment) of 1 to 2,000 characters; line breaks and tabs are allowed.

    Raises:
        InvalidInput: for other types, empty or longer text, other control characters, lone surrogates.
    """
    if type(value) is not str or not 0 < len(value) <= TEXT_CHARACTERS_MAX:
        raise InvalidInput(field, value, f"must be text of 1 to {TEXT_CHARACTERS_MAX} characters")
    if not value.isprintable() and any(unicodedata.category(c) in {"Cc", "Cs"} and c not in "\n\r\t" for c in value):
        raise InvalidInput(field, value, "must not contain control characters or lone surrogates")
    return value


def _has_refused_character(value: str) -> bool:
    return any(unicodedata.category(c) in _REFUSED_CATEGORIES and c not in _ALLOWED_FORMAT_CHARACTERS for c in value)
