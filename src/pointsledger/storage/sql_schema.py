"""
The stored format: tables, indexes, its version, and how one version becomes the next.
"""

from __future__ import annotations

from functools import cache

from attrs import frozen

from .sql_each import Each

NEVER = 2**63 - 1
"""Stored where points never lapse, so that one index serves the order of use."""


@frozen(cache_hash=True)
class Dialect:
    """
    Where databases differ.

    Args:
        integer, text: the types of 64-bit whole numbers and of text compared byte by byte.
        table: what stands behind a table's definition.
        lock: what makes a SELECT lock the rows it finds until the transaction ends; empty where a transaction that
            writes has the whole database for itself.
        claim: what makes accounts without a row the transaction's own, given their programs and ids.
        among: what stands behind a column that has one of the values that a SELECT finds, which is run once.
        prefix: what the names of all tables begin with.
        place: what stands before the name of a table or index that is there, such as ``"shop".``.
    """

    integer: str
    text: str
    table: str
    lock: str = ""
    claim: Each | None = None
    among: str = "IN ({})"
    prefix: str = "pointsledger_"
    place: str = ""

    def __call__(self, template: str) -> str:
        """
        Return a statement's text with the names of tables, types and phrases filled in.
        """
        return _filled(self, template)


_TABLES = ("schema", "accounts", "entries", "allocations", "lots", "holds", "terms")


@cache
def _filled(dialect: Dialect, template: str) -> str:
    names = {name: dialect.place + dialect.prefix + name for name in _TABLES}
    return template.format(
        **names,
        lock=dialect.lock,
        prefix=dialect.prefix,
        place=dialect.place,
        int=dialect.integer,
        text=dialect.text,
        table=dialect.table,
    )


MIGRATIONS: tuple[tuple[str, ...], ...] = (
    # 1: the tables, and the indexes that decisions read through
    (
        """
        CREATE TABLE {accounts} (
            program {text} NOT NULL,
            account {text} NOT NULL,
            version {int} NOT NULL CHECK (version > 0),
            as_of {int} NOT NULL,
            available {int} NOT NULL CHECK (available >= 0),
            pending {int} NOT NULL CHECK (pending >= 0),
            debt {int} NOT NULL CHECK (debt >= 0),
            earned {int} NOT NULL CHECK (earned >= 0),
            adjusted {int} NOT NULL CHECK (adjusted >= 0),
            redeemed {int} NOT NULL CHECK (redeemed >= 0),
            restored {int} NOT NULL CHECK (restored >= 0),
            expired {int} NOT NULL CHECK (expired >= 0),
            reversed {int} NOT NULL CHECK (reversed >= 0),
            removed {int} NOT NULL CHECK (removed >= 0),
            repaid {int} NOT NULL CHECK (repaid >= 0),
            forgiven {int} NOT NULL CHECK (forgiven >= 0),
            next_change_at {int},
            lapses_at {int},
            closed {int} NOT NULL CHECK (closed IN (0, 1)),
            terms {text},
            CHECK (available = 0 OR debt = 0),
            CHECK (earned + adjusted + restored + forgiven
                = available + pending - debt + redeemed + expired + reversed + removed),
            PRIMARY KEY (program, account)
        ) {table}
        """,
        """
        CREATE TABLE {terms} (
            program {text} NOT NULL,
            account {text} NOT NULL,
            digest {text} NOT NULL,
            body {text} NOT NULL,
            PRIMARY KEY (program, account, digest)
        ) {table}
        """,
        """
        CREATE TABLE {entries} (
            program {text} NOT NULL,
            account {text} NOT NULL,
            sequence {int} NOT NULL CHECK (sequence > 0),
            kind {text} NOT NULL,
            points {int} NOT NULL,
            balance_after {int} NOT NULL CHECK (balance_after >= 0),
            occurred_at {int} NOT NULL,
            recorded_at {int} NOT NULL,
            command_key {text},
            ordinal {int} NOT NULL CHECK (ordinal >= 0),
            command {text},
            order_id {text},
            available_at {int},
            expires_at {int},
            debt {int} NOT NULL,
            reverses {int},
            claimed {int} NOT NULL CHECK (claimed >= 0),
            shortfall {int} NOT NULL CHECK (shortfall >= 0),
            rate_points {int},
            rate_money {text},
            money {text},
            still_to_pay {text},
            lapses_at {int},
            terms {text} NOT NULL,
            CHECK ((ordinal = 0) = (command IS NOT NULL)),
            PRIMARY KEY (program, account, sequence)
        ) {table}
        """,
        "CREATE UNIQUE INDEX {prefix}entries_by_key ON {entries} (program, account, command_key, ordinal)",
        """
        CREATE INDEX {prefix}entries_by_order ON {entries} (program, account, order_id, sequence)
            WHERE order_id IS NOT NULL
        """,
        """
        CREATE INDEX {prefix}entries_by_reversed ON {entries} (program, account, reverses, sequence)
            WHERE reverses IS NOT NULL
        """,
        """
        CREATE TABLE {allocations} (
            program {text} NOT NULL,
            account {text} NOT NULL,
            sequence {int} NOT NULL,
            part {int} NOT NULL,
            lot {int} NOT NULL,
            points {int} NOT NULL CHECK (points > 0),
            PRIMARY KEY (program, account, sequence, part)
        ) {table}
        """,
        "CREATE INDEX {prefix}allocations_by_lot ON {allocations} (program, account, lot, sequence)",
        """
        CREATE TABLE {lots} (
            program {text} NOT NULL,
            account {text} NOT NULL,
            lot {int} NOT NULL,
            points {int} NOT NULL CHECK (points > 0),
            remaining {int} NOT NULL CHECK (remaining >= 0),
            earned_at {int} NOT NULL,
            available_at {int} NOT NULL,
            expires_at {int} NOT NULL,
            expired {int} NOT NULL CHECK (expired >= 0),
            waits {int} NOT NULL CHECK (waits IN (0, 1)),
            PRIMARY KEY (program, account, lot)
        ) {table}
        """,
        """
        CREATE INDEX {prefix}lots_by_expiry ON {lots} (program, account, expires_at, earned_at, lot)
            WHERE remaining > 0
        """,
        "CREATE INDEX {prefix}lots_by_age ON {lots} (program, account, earned_at, lot) WHERE remaining > 0",
        """
        CREATE INDEX {prefix}lots_waiting ON {lots} (program, account, available_at)
            WHERE waits = 1 AND remaining > 0
        """,
    ),
    # 2: the index that sweeps find due accounts through
    (
        """
        CREATE INDEX {prefix}accounts_by_change ON {accounts} (program, next_change_at, account)
            WHERE next_change_at IS NOT NULL
        """,
    ),
    # 3: holds, profiles, notices, caps, lots that are re-dated, and what entries are found by
    (
        """
        CREATE TABLE {place}{prefix}accounts_3 (
            program {text} NOT NULL,
            account {text} NOT NULL,
            version {int} NOT NULL CHECK (version > 0),
            as_of {int} NOT NULL,
            available {int} NOT NULL CHECK (available >= 0),
            pending {int} NOT NULL CHECK (pending >= 0),
            held {int} NOT NULL CHECK (held >= 0),
            debt {int} NOT NULL CHECK (debt >= 0),
            earned {int} NOT NULL CHECK (earned >= 0),
            adjusted {int} NOT NULL CHECK (adjusted >= 0),
            redeemed {int} NOT NULL CHECK (redeemed >= 0),
            restored {int} NOT NULL CHECK (restored >= 0),
            expired {int} NOT NULL CHECK (expired >= 0),
            reversed {int} NOT NULL CHECK (reversed >= 0),
            removed {int} NOT NULL CHECK (removed >= 0),
            repaid {int} NOT NULL CHECK (repaid >= 0),
            forgiven {int} NOT NULL CHECK (forgiven >= 0),
            next_change_at {int},
            lapses_at {int},
            lapsed_at {int},
            lapsed_through {int},
            closed {int} NOT NULL CHECK (closed IN (0, 1)),
            profile {text},
            notice_at {int},
            terms {text},
            CHECK (available = 0 OR debt = 0),
            CHECK (earned + adjusted + restored + forgiven
                = available + pending + held - debt + redeemed + expired + reversed + removed),
            PRIMARY KEY (program, account)
        ) {table}
        """,
        # Inactivity has lapsed an account where something was recorded at or after that instant and before
        # the next activity moved it; the entries say when.
        """
        INSERT INTO {place}{prefix}accounts_3
        SELECT a.program, a.account, version, as_of, available, pending, 0, debt, earned, adjusted, redeemed, restored,
            expired, reversed, removed, repaid, forgiven, next_change_at, lapses_at, l.lapsed_at, l.sequence - 1,
            closed, NULL, NULL, terms
        FROM {accounts} a LEFT JOIN (
            SELECT e.program, e.account, e.lapses_at AS lapsed_at, MIN(f.sequence - f.ordinal) AS sequence
            FROM {entries} e JOIN {entries} f ON f.program = e.program AND f.account = e.account
                AND f.sequence > e.sequence AND f.recorded_at >= e.lapses_at
            WHERE e.lapses_at = (
                SELECT MAX(x.lapses_at) FROM {entries} x WHERE x.program = e.program AND x.account = e.account
                    AND EXISTS (
                        SELECT 1 FROM {entries} y WHERE y.program = x.program AND y.account = x.account
                            AND y.sequence > x.sequence AND y.recorded_at >= x.lapses_at
                    )
                    AND NOT EXISTS (
                        SELECT 1 FROM {entries} z WHERE z.program = x.program AND z.account = x.account
                            AND z.sequence > x.sequence AND z.lapses_at IS NOT NULL AND z.recorded_at < x.lapses_at
                    )
            )
            GROUP BY e.program, e.account, e.lapses_at
        ) l ON l.program = a.program AND l.account = a.account
        """,
        "DROP TABLE {accounts}",
        "ALTER TABLE {place}{prefix}accounts_3 RENAME TO {prefix}accounts",
        """
        CREATE INDEX {prefix}accounts_by_change ON {accounts} (program, next_change_at, account)
            WHERE next_change_at IS NOT NULL
        """,
        """
        CREATE INDEX {prefix}accounts_by_notice ON {accounts} (program, notice_at, account)
            WHERE notice_at IS NOT NULL
        """,
        "DROP INDEX {place}{prefix}entries_by_order",
        "ALTER TABLE {entries} RENAME COLUMN order_id TO topic",
        "ALTER TABLE {entries} ADD COLUMN channel {text}",
        "ALTER TABLE {entries} ADD COLUMN rule {text}",
        "ALTER TABLE {entries} ADD COLUMN withheld {int} NOT NULL DEFAULT 0",
        "ALTER TABLE {entries} ADD COLUMN follows {int} CHECK (follows IN (0, 1))",
        "ALTER TABLE {entries} ADD COLUMN counts_at {int}",
        """
        CREATE INDEX {prefix}entries_by_topic ON {entries} (program, account, topic, sequence)
            WHERE topic IS NOT NULL
        """,
        """
        CREATE INDEX {prefix}entries_counted ON {entries} (program, account, counts_at)
            WHERE counts_at IS NOT NULL
        """,
        "ALTER TABLE {lots} ADD COLUMN held {int} NOT NULL DEFAULT 0 CHECK (held >= 0)",
        "ALTER TABLE {lots} ADD COLUMN follows {int} NOT NULL DEFAULT 1 CHECK (follows IN (0, 1))",
        "UPDATE {entries} SET follows = 1 WHERE available_at IS NOT NULL",  # and see `sql_migration`
        """
        CREATE TABLE {holds} (
            program {text} NOT NULL,
            account {text} NOT NULL,
            sequence {int} NOT NULL,
            PRIMARY KEY (program, account, sequence)
        ) {table}
        """,
    ),
)
"""The statements that lead from each version of the stored format to the next; the first begin from nothing."""

SCHEMA_VERSION = len(MIGRATIONS)
CREATE_VERSION = "CREATE TABLE {schema} (one {int} PRIMARY KEY CHECK (one = 1), version {int} NOT NULL) {table}"
SELECT_VERSION = "SELECT version FROM {schema}"
INSERT_VERSION = "INSERT INTO {schema} (one, version) VALUES (1, 0)"
UPDATE_VERSION = "UPDATE {schema} SET version = ?"
