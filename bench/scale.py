"""
How much is measured.
"""

from __future__ import annotations

from attrs import frozen


@frozen
class Scale:
    """
    The size of a run.

    Args:
        blocks: how often each side runs.
        operations: operations per block.
        histories: entries of an account, for growth; open_lots: its lots with points left.
        rebuilt: entries that are folded, for M4; accounts: accounts held in memory, for I2.
        imports: how often each import is measured.
        batches: sizes of batches in PostgreSQL; clients: processes that write there at once, to many accounts in all.
        swept: accounts with a lot each, for E1.
    """

    blocks: int
    operations: int
    histories: tuple[int, ...]
    open_lots: tuple[int, ...]
    rebuilt: int
    accounts: int
    imports: int
    batches: tuple[int, ...]
    clients: int
    many: int
    swept: int


FULL = Scale(
    25, 200, (10, 1_000, 100_000), (10, 1_000, 10_000), 1_000_000, 100_000, 15, (100, 1_000), 8, 10_000, 20_000
)
QUICK = Scale(7, 100, (10, 1_000, 10_000), (10, 1_000, 10_000), 50_000, 3_000, 5, (100,), 8, 1_000, 2_000)
SMOKE = Scale(1, 3, (2, 4), (2, 4), 8, 4, 1, (3,), 2, 8, 8)
"""Only shows that everything still runs."""
