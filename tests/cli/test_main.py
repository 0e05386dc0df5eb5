"""
The command line as a whole: verbs, exit codes, and where errors go.
"""

import fcntl
import os
import signal
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path

import pytest

from pointsledger.cli import VERBS
from tests.cli.conftest import PROGRAM, ROOT, Command


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """
    Run the command line as a process of its own.
    """
    command = [sys.executable, "-m", "pointsledger", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)


def test_help_names_every_verb() -> None:
    """
    Help says which verbs there are.
    """
    answer = run("--help")
    assert answer.returncode == 0
    assert all(f"\n    {verb}" in answer.stdout for verb in VERBS)


@pytest.mark.parametrize(
    "arguments", [(), ("fly",), ("balance", "ada"), ("balance", "ada", "--db", "a", "--program", "b", "--at", "x")]
)
def test_wrong_usage(arguments: tuple[str, ...], command: Command) -> None:
    """
    Wrong usage ends with exit code 2 and says how it is right.
    """
    with pytest.raises(SystemExit) as exit_:
        command(*arguments)
    assert exit_.value.code == 2


def test_error_is_one_line_on_stderr() -> None:
    """
    A named error ends with exit code 1 and its text on stderr, never with a traceback (R-47).
    """
    answer = run("balance", "ada", "--db", "none.db", "--program", "none.toml")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr == "pointsledger: none.toml: No such file or directory\n"


def test_interrupt_while_reading(command: Command, tmp_path: Path) -> None:
    """
    Ctrl-C ends a verb with a sentence and exit code 130, as shells have it.
    """
    orders = tmp_path / "orders.csv"
    os.mkfifo(orders)

    def interrupt() -> None:
        with orders.open("wb", buffering=0) as pipe:
            pipe.write(b"o")
            while fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)) != bytes(4):
                time.sleep(0.001)
            # The reader has taken the letter and waits for more; if it misses the signal, the end wakes it.
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    answer = command("replay", orders, "--program", PROGRAM, "--db", tmp_path / "points.db")
    thread.join()
    assert (answer.code, answer.out) == (130, "")
    assert answer.err == "pointsledger: interrupted; what was committed stays, and a new run goes on\n"


def test_reader_that_has_seen_enough() -> None:
    """
    A reader that closes the pipe early, such as `head`, is no error.
    """
    command = [sys.executable, "-m", "pointsledger", "demo"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0
