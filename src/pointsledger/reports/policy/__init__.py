"""
The policy check: what in a program cannot work, or gives more away than it takes.

It looks at the program alone, at no ledger and no clock; a finding is right for every order and every day.
"""

from __future__ import annotations

from collections.abc import Callable

from ...domain.program import Program
from .dates import check_dates, check_inactivity, check_warnings
from .findings import SEVERITIES, PolicyCode, PolicyFinding, Said, Severity
from .limits import check_approval, check_caps, check_limits
from .loops import check_loops
from .misuse import check_misuse
from .rates import check_rates, check_use
from .rules import check_rules

_CHECKS: tuple[Callable[[Program], Said], ...] = (
    check_loops,
    check_misuse,
    check_limits,
    check_caps,
    check_approval,
    check_dates,
    check_inactivity,
    check_warnings,
    check_rates,
    check_rules,
    check_use,
)


def check_policy(program: Program) -> tuple[PolicyFinding, ...]:
    """
    Return what is wrong with a program, in the order of the codes; nothing if nothing is.
    """
    found = [
        PolicyFinding(code, SEVERITIES[code], sentence, fields)
        for check in _CHECKS
        for code, sentence, fields in check(program)
    ]
    order = list(SEVERITIES)
    return tuple(sorted(found, key=lambda finding: order.index(finding.code)))


__all__ = ["SEVERITIES", "PolicyCode", "PolicyFinding", "Severity", "check_policy"]
