"""
The sweep that books what has lapsed, against set-based SQL on the same tables (E1).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from pointsledger import Ledger, commands
from pointsledger.domain.instants import micros

from . import shop
from .contest import WALL, Side, in_turn
from .postgres import served, storage_at
from .scale import Scale
from .table import Row, Target, against

_TARGET = Target(">=", 1)
BATCH = 1000
"""Accounts in one transaction of the sweep."""
_LONG_AGO = shop.START - timedelta(days=400)
"""Points earned then have lapsed when the sweep looks."""
_SWEPT_AT = shop.START

SET_BASED = (
    """
    CREATE TEMPORARY TABLE due ON COMMIT DROP AS
    SELECT l.account, l.lot, l.remaining, l.expires_at, a.version + 1 AS sequence
    FROM bench_floor.pointsledger_accounts a JOIN bench_floor.pointsledger_lots l
        ON l.program = a.program AND l.account = a.account
    WHERE a.program = 'bench' AND a.next_change_at <= {at} AND l.remaining > 0 AND l.expires_at <= {at}
    """,
    """
    INSERT INTO bench_floor.pointsledger_entries (program, account, sequence, kind, points, balance_after, occurred_at,
        recorded_at, ordinal, command, debt, claimed, shortfall, command_key, channel, withheld, terms)
    SELECT 'bench', d.account, d.sequence, 'expired', -sum(d.remaining), 0, min(d.expires_at), {at}, 0,
        '{{"type":"expire"}}', 0, 0, 0, 'expire', '', 0, min(a.terms)
    FROM due d JOIN bench_floor.pointsledger_accounts a ON a.program = 'bench' AND a.account = d.account
    GROUP BY d.account, d.sequence
    """,
    """
    INSERT INTO bench_floor.pointsledger_allocations
    SELECT 'bench', account, sequence, row_number() OVER (PARTITION BY account ORDER BY lot) - 1, lot, remaining
    FROM due
    """,
    """
    UPDATE bench_floor.pointsledger_lots l SET expired = l.expired + l.remaining, remaining = 0 FROM due d
    WHERE l.program = 'bench' AND l.account = d.account AND l.lot = d.lot
    """,
    """
    UPDATE bench_floor.pointsledger_accounts a SET version = version + 1, as_of = {at},
        available = available - d.points, expired = expired + d.points, next_change_at = NULL
    FROM (SELECT account, sum(remaining) AS points FROM due GROUP BY account) d
    WHERE a.program = 'bench' AND a.account = d.account
    """,
)
"""The same rows, by one transaction over all accounts."""


@served("E1", _TARGET, _TARGET)
def rows(scale: Scale, dsn: str) -> list[Row]:
    """
    E1: every account due, and one in a hundred.
    """
    return [
        _row(scale, dsn, "every account due", scale.swept, 0),
        _row(scale, dsn, "1 % due", max(1, scale.swept // 100), scale.swept),
    ]


def _row(scale: Scale, dsn: str, what: str, due: int, others: int) -> Row:
    from . import floors_postgres

    floors_postgres.make_schemas(dsn)
    with storage_at(dsn) as storage, floors_postgres.connect(dsn) as connection:
        ledger = Ledger(shop.PROGRAM, storage)
        shop.open_lots(ledger, [f"other-{n}" for n in range(others)], 1)
        _copy(connection, "other-%")
        connection.execute("ANALYZE")
        blocks = max(1, min(scale.blocks, 5) - 2)
        cost, floor = in_turn(blocks, due, WALL, *_sides(ledger, connection, due))
        shown = f"sweep, PostgreSQL: {what} ({due:,} lots) / set-based SQL"
    floors_postgres.drop_schemas(dsn)
    return against("E1", shown, cost, floor, _TARGET)


def _sides(ledger: Ledger, connection: Any, due: int) -> tuple[Side, Side]:
    blocks = count()

    def sweep() -> Callable[[], object]:
        block = next(blocks)
        names = [f"due-{block}-{n}" for n in range(due)]
        shop.apply(ledger, _earned(names, _LONG_AGO))
        _copy(connection, f"due-{block}-%")
        connection.execute("VACUUM ANALYZE")

        def run() -> None:
            swept = ledger.expire_due(at=_SWEPT_AT, batch=BATCH)
            assert (swept.accounts, swept.complete) == (due, True)

        return run

    def set_based() -> Callable[[], object]:
        def run() -> None:
            with connection.transaction():
                for statement in SET_BASED:
                    connection.execute(statement.format(at=micros(_SWEPT_AT)).encode())

        return run

    return sweep, set_based


def _earned(names: list[str], at: datetime) -> list[commands.Command]:
    return [
        commands.Earn(account=account, points=shop.LOT, key=key, at=at)
        for account, key in zip(names, shop.new_keys(len(names)), strict=True)
    ]


def _copy(connection: Any, names: str) -> None:
    """
    Copy accounts with their rows into the schema of the floor.
    """
    for table in ("accounts", "entries", "allocations", "lots"):
        connection.execute(
            f"INSERT INTO bench_floor.pointsledger_{table} SELECT * FROM bench_product.pointsledger_{table} "
            "WHERE account LIKE %s".encode(),
            (names,),
        )
