"""
The command line as a whole: verbs, exit codes, and where errors go.
"""

import subprocess
import sys

import pytest

from pointsledger.cli import VERBS
from tests.cli.conftest import ROOT, Command


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
    assert all(f"    {verb} " in answer.stdout for verb in VERBS)


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
