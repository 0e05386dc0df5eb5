"""
What importing costs (I1).
"""

from __future__ import annotations

import resource
import subprocess
import sys

from .contest import Sample
from .scale import Scale
from .table import Row, Target

LATER = ("psycopg", "sqlite3", "rich", "matplotlib", "dateutil")
"""What nobody pays for who does not use it."""

STATEMENTS = ("pass", "import attrs", "import pointsledger", "from pointsledger import Ledger")


def rows(scale: Scale) -> list[Row]:
    """
    I1: CPU time over a bare interpreter, and what must not be imported before it is used.
    """
    times: dict[str, list[float]] = {statement: [] for statement in STATEMENTS}
    for _ in range(scale.imports + 1):
        for statement, found in times.items():
            found.append(_cpu_microseconds(statement))
    # The first round fills the disk cache and writes the byte code.
    bare, attrs, product, ledger = (Sample(tuple(found[1:])) for found in times.values())
    of_attrs, of_product, of_ledger = (_over(sample, bare) for sample in (attrs, product, ledger))
    return [
        Row(
            "I1",
            "import pointsledger / import attrs, CPU",
            of_product.over(of_attrs),
            Target("<=", 1.5),
            cost=of_product.middle,
            against=of_attrs.middle,
        ),
        # The package imports its names when they are asked for; this is what the whole costs.
        Row(
            "i1",
            "from pointsledger import Ledger / import attrs, CPU",
            of_ledger.over(of_attrs),
            cost=of_ledger.middle,
            against=of_attrs.middle,
        ),
        Row("I1", f"of {', '.join(LATER)}: imported", Sample((_imported_early(),)), Target("<=", 0)),
    ]


def _over(sample: Sample, bare: Sample) -> Sample:
    return Sample(tuple(a - b for a, b in zip(sample.values, bare.values, strict=True)))


def _cpu_microseconds(statement: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", statement], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime) * 1e6


def _imported_early() -> int:
    code = f"import sys; from pointsledger import Ledger; print(sum(name in sys.modules for name in {LATER!r}))"
    return int(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout)
