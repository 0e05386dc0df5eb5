"""
`check`: what in a program cannot work, or gives more away than it takes.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Sequence

from ..reports.policy import PolicyFinding, check_policy
from .arguments import add_json
from .display import Display, display_on
from .json_text import json_text
from .toml_file import read_program


def add_check(parser: ArgumentParser) -> None:
    """
    Add the arguments of `check`.
    """
    parser.add_argument("program", metavar="PROGRAM.toml")
    add_json(parser)


def run_check(arguments: Namespace) -> int:
    """
    Check a program's policy; exit code 1 if it has errors, 0 if nothing or only warnings are found.
    """
    program = read_program(arguments.program)
    findings = check_policy(program)
    if arguments.json:
        print(json_text(findings))
    else:
        show_findings(display_on(sys.stdout), program.id, findings)
    return 1 if any(finding.severity == "error" for finding in findings) else 0


def show_findings(display: Display, program: str, findings: Sequence[PolicyFinding]) -> None:
    """
    Show how many findings there are, and each under its code, with the places of the file to look at.
    """
    counts = Counter(finding.severity for finding in findings)
    said = [_count(counts[severity], severity) for severity in ("error", "warning") if counts[severity]]
    display.text(f"Program {program}: {' and '.join(said) or 'nothing to object to'}.")
    for finding in findings:
        display.heading(f"{finding.severity}: {finding.code}")
        display.text(finding.sentence)
        display.text(f"See {', '.join(finding.fields)}.")


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
