"""
The example programs, by name.
"""

import tomllib
from pathlib import Path

from pointsledger import Program

EXAMPLES = Path(__file__).parents[2] / "examples"
SYSTEMS = ("chargeover", "adobe-commerce", "biztory", "productcart", "crm")


def example(name: str) -> Program:
    """
    Return the program of a file in examples/.
    """
    return Program.from_mapping(tomllib.loads((EXAMPLES / f"{name}.toml").read_text(encoding="utf-8")))
