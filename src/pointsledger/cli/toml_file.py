"""
The TOML files of the command line: programs and mapping files.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from ..domain.program import Program
from ..errors import CurrencyMismatch, InvalidFile, InvalidInput


def read_toml(path: str) -> dict[str, Any]:
    """
    Return the content of the TOML file at `path`.

    Raises:
        InvalidFile: the file cannot be read, or is no TOML (with its line).
    """
    try:
        with Path(path).open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise InvalidFile(path, 0, "", str(error.strerror)) from error
    except UnicodeDecodeError as error:
        raise InvalidFile(path, 0, "", "is not UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        # The position is only in the message before Python 3.14; at the end of the document there is none.
        place = re.search(r"at line (\d+)", str(error))
        raise InvalidFile(path, int(place[1]) if place else 0, "", f"is not TOML: {error}") from error


def read_program(path: str) -> Program:
    """
    Return the program that the TOML file at `path` describes.

    Raises:
        InvalidFile: the file cannot be read, is no TOML, or describes no program; the reason names the field.
    """
    try:
        return Program.from_mapping(read_toml(path))
    except (InvalidInput, CurrencyMismatch) as error:
        raise InvalidFile(path, 0, "", str(error)) from error
