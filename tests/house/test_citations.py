"""
Every rule and invariant is cited by a test, or stands below with the reason why none can.

A citation is `R-07` or `I-12` in the docstring of a test, of a test class, or of a step of a state machine.
What the numbers say stands in docs/reference.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

RULES = {f"R-{number}" for number in range(1, 48)}
INVARIANTS = {f"I-{number}" for number in range(1, 41)}

# Not built yet: the tests come with the rule, and its line here goes.
WITHOUT_TEST = {
    "I-37": "tamper evidence needs the hash chain, which is not built yet",
    "I-38": "erasure needs the hash chain, which is not built yet",
}

CITATION = re.compile(r"\b([RI])-0?(\d+)\b")


def test_every_rule_is_cited() -> None:
    """
    Each rule and invariant stands in the docstring of at least one test.
    """
    uncited = (RULES | INVARIANTS) - WITHOUT_TEST.keys() - citations()
    assert not uncited, "cited by no test: " + ", ".join(sorted(uncited, key=by_number))


def test_only_known_rules_are_cited() -> None:
    """
    A test cites only rules and invariants that exist.
    """
    assert sorted(citations() - RULES - INVARIANTS, key=by_number) == []


def test_exclusions_are_still_needed() -> None:
    """
    A rule that a test cites is not also listed as one that no test can cite.
    """
    assert sorted(citations() & WITHOUT_TEST.keys(), key=by_number) == []


@pytest.mark.parametrize(
    ("source", "cited"),
    [
        ('def test_a():\n    "Sums (R-07, I-12)."', {"R-7", "I-12"}),
        ('class TestA:\n    "Sums (R-7)."', {"R-7"}),
        ('class Machine:\n    @rule()\n    def earn(self):\n        "Earn (R-14)."', {"R-14"}),
        ('class Machine:\n    @invariant()\n    def sums(self):\n        "Sums (I-1)."', {"I-1"}),
        ('"A page about R-07."\ndef shop():\n    "Open a shop (R-08)."\n# R-09', set()),
    ],
)
def test_only_tests_can_cite(source: str, cited: set[str]) -> None:
    """
    A number in a module's docstring, a shared part or a comment proves nothing and is no citation.
    """
    assert set(citations_in(source)) == cited


def citations() -> set[str]:
    """
    Collect what all tests but those of this folder's own examples cite.
    """
    return {
        citation
        for path in TESTS.rglob("*.py")
        if path != Path(__file__)
        for citation in citations_in(path.read_text("utf-8"))
    }


def citations_in(source: str) -> Iterator[str]:
    """
    Yield the numbers cited by the tests of one module, without leading zeros.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and is_test(node):
            for kind, number in CITATION.findall(ast.get_docstring(node) or ""):
                yield f"{kind}-{number}"


def is_test(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    """
    Tell whether a definition is a test, a test class, or a step of a Hypothesis state machine.
    """
    steps = {"initialize", "invariant", "rule"}
    return node.name.startswith(("test_", "Test")) or any(
        isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Name) and decorator.func.id in steps
        for decorator in node.decorator_list
    )


def by_number(citation: str) -> tuple[bool, int]:
    """
    Sort rules before invariants, each by number.
    """
    kind, _, number = citation.partition("-")
    return kind != "R", int(number)
