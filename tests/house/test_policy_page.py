"""
The page about the policy check: a section for each code, with a program that has it.
"""

import re
import tomllib
from pathlib import Path

import pytest

from pointsledger import Program
from pointsledger.reports.policy import SEVERITIES, check_policy
from tests.scenarios.examples import EXAMPLES

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "policy-check.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
FILES = [EXAMPLES / "online-retail" / "program.toml", EXAMPLES / "online-retail" / "generous.toml"]
FILES += sorted(EXAMPLES.glob("*.toml"))


def test_every_code_has_a_section() -> None:
    """
    The sections are the codes, in their order.
    """
    assert list(SECTIONS) == list(SEVERITIES)


@pytest.mark.parametrize("code", SEVERITIES)
def test_the_program_of_a_section_has_its_finding(code: str) -> None:
    """
    The check finds in the section's program what the section says, with its severity and in its words.
    """
    (text,) = re.findall(r"```toml\n(.*?)```", SECTIONS[code], re.DOTALL)
    (said,) = re.findall(r"^> (.*)$", SECTIONS[code], re.MULTILINE)
    (finding,) = [found for found in check_policy(Program.from_mapping(tomllib.loads(text))) if found.code == code]
    assert finding.sentence == said
    assert SECTIONS[code].startswith(f"\n{finding.severity.capitalize()}.\n")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_examples_have_no_finding(file: Path) -> None:
    """
    The check has nothing against the programs in examples/.
    """
    assert check_policy(Program.from_mapping(tomllib.loads(file.read_text(encoding="utf-8")))) == ()
