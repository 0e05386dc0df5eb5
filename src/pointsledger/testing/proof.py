"""
The proof of the books as one assertion, for the end of a test.
"""

from __future__ import annotations

from ..ledger import Ledger
from ..reports.verify import verify


def assert_books_balance(ledger: Ledger) -> None:
    """
    Fold every account of a ledger's program anew from its entries, and compare with what is stored (I-1, I-3).

    Raises:
        AssertionError: something is not what the entries give; the text names every finding.
    """
    findings = verify(ledger.storage, ledger.program.id).findings
    if findings:
        raise AssertionError("\n".join(["the books do not balance:", *map(str, findings)]))
