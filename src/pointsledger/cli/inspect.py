"""
`statement`, `balance`, `explain`, `expiring`, `expire` and `verify`: what a ledger says about itself.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace

from ..domain.balance import Balance, Expiring
from ..domain.program import Program
from ..ledger import Sweep
from ..reports.pages import each_account
from ..reports.pictures import PictureFormat, ladder_picture
from ..reports.statement import Statement, statement
from ..reports.statement_html import statement_html
from ..reports.statement_text import balance_sentence, closing_sentences, columns, ladder_sentences, line_rows
from ..reports.verify import Proof, verify
from .arguments import add_instant, add_json, instant_of, write_file
from .database import add_ledger, opened_ledger
from .display import Display, display_on, progress_on
from .json_text import json_text


def add_statement(parser: ArgumentParser) -> None:
    """
    Add the arguments of `statement`.
    """
    parser.add_argument("account", metavar="ACCOUNT")
    add_ledger(parser)
    add_instant(parser, "--since", "the start of the period; the beginning by default")
    add_instant(parser, "--until", "the end of the period, not included; now by default")
    add_json(parser)
    parser.add_argument("--html", metavar="FILE", help="write it as a page to this file instead; - for the output")


def run_statement(arguments: Namespace) -> int:
    """
    Show an account's entries in a period, and what is left of it.
    """
    with opened_ledger(arguments) as ledger:
        program = ledger.program
        since = None if arguments.since is None else instant_of(arguments.since, program)
        until = instant_of(arguments.until, program)
        found = statement(ledger.storage, program, arguments.account, since=since, until=until)
    if arguments.html is not None:
        write_file(arguments.html, statement_html(found, program).encode())
    if arguments.json:
        print(json_text(found))
    elif arguments.html is None:
        show_statement(display_on(sys.stdout), found, program)
    return 0


def add_balance(parser: ArgumentParser) -> None:
    """
    Add the arguments of `balance`.
    """
    parser.add_argument("account", metavar="ACCOUNT")
    add_ledger(parser)
    add_instant(parser, "--at", "the instant; now by default")
    add_json(parser)


def run_balance(arguments: Namespace) -> int:
    """
    Show what an account has at an instant.
    """
    with opened_ledger(arguments) as ledger:
        balance = ledger.balance(arguments.account, at=instant_of(arguments.at, ledger.program))
    if arguments.json:
        print(json_text(balance))
    else:
        show_balance(display_on(sys.stdout), balance, ledger.program)
    return 0


def add_expiring(parser: ArgumentParser) -> None:
    """
    Add the arguments of `expiring`.
    """
    add_balance(parser)
    parser.add_argument(
        "--plot", type=_picture, metavar="FILE.png|.svg", help="draw it to this file instead, by its name as PNG or SVG"
    )


def run_expiring(arguments: Namespace) -> int:
    """
    Show what lapses when, if nothing happens before.
    """
    with opened_ledger(arguments) as ledger:
        ladder = ledger.expiring(arguments.account, at=instant_of(arguments.at, ledger.program))
    if arguments.plot is not None:
        name, form = arguments.plot
        write_file(name, ladder_picture(ladder, ledger.program, form=form))
    if arguments.json:
        print(json_text(ladder))
    elif arguments.plot is None:
        show_expiring(display_on(sys.stdout), ladder, ledger.program)
    return 0


def _picture(name: str) -> tuple[str, PictureFormat]:
    if name.lower().endswith(".svg"):
        return name, "svg"
    if name.lower().endswith(".png"):
        return name, "png"
    raise ArgumentTypeError(f"{name!r} ends neither in .png nor in .svg")


def add_explain(parser: ArgumentParser) -> None:
    """
    Add the arguments of `explain`.
    """
    parser.add_argument("account", metavar="ACCOUNT")
    parser.add_argument("entry", type=int, metavar="ENTRY", help="the entry's number in the statement")
    add_ledger(parser)


def run_explain(arguments: Namespace) -> int:
    """
    Show why an entry is as it is.
    """
    with opened_ledger(arguments) as ledger:
        explanation = ledger.explain(arguments.account, arguments.entry)
    display = display_on(sys.stdout)
    for sentence in explanation.sentences:
        display.text(sentence)
    return 0


def add_expire(parser: ArgumentParser) -> None:
    """
    Add the arguments of `expire`.
    """
    add_ledger(parser)
    add_instant(parser, "--at", "the instant; now by default")


def run_expire(arguments: Namespace) -> int:
    """
    Write down what has lapsed on every account.
    """

    def show(sweep: Sweep) -> None:
        print(f"{sweep.accounts:,} accounts swept", file=sys.stderr)

    with opened_ledger(arguments) as ledger:
        sweep = ledger.expire_due(at=instant_of(arguments.at, ledger.program), progress=show)
    print(f"{ledger.program.unit.count(sweep.points)} lapsed; {sweep.accounts:,} accounts were due.")
    return 0


def add_verify(parser: ArgumentParser) -> None:
    """
    Add the arguments of `verify`.
    """
    parser.add_argument("account", metavar="ACCOUNT", nargs="?", help="one account; all by default")
    add_ledger(parser)
    add_json(parser)


def run_verify(arguments: Namespace) -> int:
    """
    Prove that everything stored is what the entries say; exit code 1 if it is not.
    """
    with opened_ledger(arguments) as ledger:
        program, storage = ledger.program.id, ledger.storage
        if arguments.account is not None:
            proof = verify(storage, program, [arguments.account])
        else:
            total = sum(1 for _ in each_account(storage, program))
            with progress_on(sys.stderr, "accounts", total) as advance:
                proof = verify(storage, program, progress=advance)
    if arguments.json:
        print(json_text(proof))
    else:
        show_proof(display_on(sys.stdout), proof)
    return 1 if proof.findings else 0


# --- shown -------------------------------------------------------------------------------------------------------


def show_statement(display: Display, found: Statement, program: Program) -> None:
    """
    Show a statement as a table, its closing balance, and what expires when.
    """
    # What came and went in money stands in text and on pages; eight columns are too many for a terminal.
    names = columns(program)
    narrow = [i for i, name in enumerate(names) if name != ">amount"]
    rows = [[row[i] for i in narrow] for row in line_rows(found, program)]
    display.table([names[i] for i in narrow], rows)
    for sentence in closing_sentences(found, program):
        display.text(sentence)


def show_balance(display: Display, balance: Balance, program: Program) -> None:
    """
    Show a balance in a sentence.
    """
    display.text(balance_sentence(balance, program))


def show_expiring(display: Display, ladder: tuple[Expiring, ...], program: Program) -> None:
    """
    Show how long points can be used.
    """
    for sentence in ladder_sentences(ladder, program):
        display.text(sentence)


def show_proof(display: Display, proof: Proof) -> None:
    """
    Show what was proved, or what was found.
    """
    for finding in proof.findings:
        display.text(str(finding))
    verdict = f"{len(proof.findings):,} findings" if proof.findings else "the books balance"
    display.text(f"{proof.accounts:,} accounts, {proof.entries:,} entries: {verdict}.")
