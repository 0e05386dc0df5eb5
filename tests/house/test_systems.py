"""
The page about five existing systems: every rule of theirs has a row, and every row a test that holds it.
"""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from pointsledger import Program
from pointsledger.reports.policy import check_policy
from tests.scenarios.examples import EXAMPLES, SYSTEMS

TESTS = Path(__file__).parents[1]
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "systems.md"
NUMBERS = {0: range(1, 10), 1: [*range(1, 39), 40], 2: range(1, 9), 3: range(1, 18), 4: range(1, 9)}
RULES = [f"S{system}.{number}" for system, numbers in NUMBERS.items() for number in numbers]
ROWS = {
    cells[0]: cells
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if re.match(r"\| S\d", line)
    for cells in [[cell.strip() for cell in line.strip("| ").split(" | ")]]
}


def test_every_rule_has_a_row() -> None:
    """
    The page has each rule of the five systems once, and no other.
    """
    assert list(ROWS) == RULES


def cited(docstring: str) -> set[str]:
    """
    Return the rules that a docstring cites, those between the ends of a span included.
    """
    found: set[str] = set()
    for system, first, last in re.findall(r"S(\d)\.(\d+)(?: to S\d\.(\d+))?", docstring):
        found |= {f"S{system}.{number}" for number in range(int(first), int(last or first) + 1)}
    return found


@pytest.mark.parametrize("rule", RULES)
def test_every_row_names_a_test_that_holds_it(rule: str) -> None:
    """
    The test exists, and says that it is about the rule.
    """
    _, does, said, test = ROWS[rule]
    assert does
    assert said
    path, name = test.strip("`").split("::")
    tree = ast.parse((TESTS / path).read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == name]
    assert functions, f"{test}: no such test"
    assert any(rule in cited(ast.get_docstring(function) or "") for function in functions)


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_system_has_a_program_without_faults(name: str) -> None:
    """
    Its file is read, has the file's name as its id, and the policy check has nothing against it.
    """
    program = Program.from_mapping(tomllib.loads((EXAMPLES / f"{name}.toml").read_text(encoding="utf-8")))
    assert program.id == name
    assert check_policy(program) == ()
