"""
The command line: `python -m pointsledger`.

It is thin over the public API: a verb reads its arguments, calls the library and shows the answer.
Exit codes: 0 all is well; 1 refused, or something was found, with the error's text on stderr; 2 wrong usage.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..errors import PointsLedgerError
from . import check, demo, inspect, liability, replay, simulate

INTERRUPTED = 130
"""The exit code of a process that Ctrl-C ended, as shells have it."""


class Verb(NamedTuple):
    """
    One verb: what it does in a phrase, its arguments, and what runs it and returns the exit code.
    """

    help: str
    add_arguments: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], int]


VERBS = {
    "demo": Verb("let a small invented shop run a year", demo.add_demo, demo.run_demo),
    "replay": Verb("run an order history through the ledger", replay.add_replay, replay.run_replay),
    "balance": Verb("show what an account has", inspect.add_balance, inspect.run_balance),
    "statement": Verb("show what came and went", inspect.add_statement, inspect.run_statement),
    "explain": Verb("show why an entry is as it is", inspect.add_explain, inspect.run_explain),
    "expiring": Verb("show what lapses when", inspect.add_expiring, inspect.run_expiring),
    "expire": Verb("write down what has lapsed", inspect.add_expire, inspect.run_expire),
    "liability": Verb("show what the program owes", liability.add_liability, liability.run_liability),
    "check": Verb("check a program's policy", check.add_check, check.run_check),
    "verify": Verb("prove that the books balance", inspect.add_verify, inspect.run_verify),
    "simulate": Verb("show what another program would have given", simulate.add_simulate, simulate.run_simulate),
}


def main(arguments: Sequence[str]) -> int:
    """
    Run one verb, and return the exit code; wrong usage exits with 2.
    """
    parser = ArgumentParser(prog="python -m pointsledger", description="Loyalty points as a ledger.")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for name, verb in VERBS.items():
        subparser = verbs.add_parser(name, help=verb.help, description=verb.run.__doc__)
        verb.add_arguments(subparser)
        subparser.set_defaults(run=verb.run)
    parsed = parser.parse_args(arguments)
    try:
        code: int = parsed.run(parsed)
        sys.stdout.flush()
        return code
    except PointsLedgerError as error:
        print(f"pointsledger: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("pointsledger: interrupted; what was committed stays, and a new run goes on", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of the output has seen enough; what is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
