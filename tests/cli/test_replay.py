"""
`replay`: an order history through the ledger, with every line accounted for.
"""

import json
import os
import re
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from pointsledger import Ledger
from pointsledger.cli.replay import BATCH, layout_of
from pointsledger.cli.toml_file import read_program
from pointsledger.errors import InvalidFile
from pointsledger.reports.verify import verify
from pointsledger.storage.sqlite import SQLiteStorage
from tests.cli.conftest import EXAMPLE, PROGRAM, ROOT, SAMPLE, Command

MAPPING = EXAMPLE / "mapping.toml"
ONLINE_RETAIL = os.environ.get("POINTSLEDGER_ONLINE_RETAIL")

# Worked out by hand: data/README.md.
SAMPLE_SUMMARY = {
    "lines": {
        "read": 32,
        "processed": 12,
        "skipped": {
            "unreadable": 3,
            "no_customer": 5,
            "not_an_order": 1,
            "not_goods": 4,
            "price_not_positive": 2,
            "quantity_not_positive": 2,
            "cancellation_unmatched": 3,
        },
    },
    "orders": {
        "processed": 5,
        "cancelled_documents": 2,
        "cancellations_unmatched": 2,
        "already_recorded": 0,
        "refused": {},
    },
    "units": {"unmatched": 17},
    "points": {"earned": 59, "reversed": 42, "expired": 0, "outstanding": 17, "debt": 0},
    "accounts": 4,
}


def summary(path: Path) -> dict[str, Any]:
    """
    Return a summary without its seconds.
    """
    found: dict[str, Any] = json.loads(path.read_text())
    assert found.pop("seconds") >= 0
    lines = found["lines"]
    assert lines["read"] == lines["processed"] + sum(lines["skipped"].values())
    return found


def test_sample(command: Command, tmp_path: Path) -> None:
    """
    The sample's lines, documents and points are those worked out by hand (R-14, R-30).
    """
    options = ("--db", tmp_path / "points.db", "--program", PROGRAM, "--mapping", MAPPING)
    answer = command("replay", SAMPLE, *options, "--json", tmp_path / "summary.json")
    assert answer.code == 0
    assert summary(tmp_path / "summary.json") == SAMPLE_SUMMARY
    assert re.search(r"^lines skipped not goods +4$", answer.out, re.MULTILINE)
    assert re.search(r"^points outstanding +17$", answer.out, re.MULTILINE)
    assert "line 27: Quantity: 'three' is no whole number" in answer.out
    assert "line 29: has 2 cells where the header has 8" in answer.out
    assert answer.err.endswith("documents: 7 of 7\n")
    with SQLiteStorage(tmp_path / "points.db") as storage:
        ledger = Ledger(read_program(str(PROGRAM)), storage)
        points = {account: ledger.balance(account).available for account in ledger.accounts()}
        assert points == {"501": 9, "502": 5, "503": 3, "505": 0}
        assert verify(storage, ledger.program.id).findings == ()


def test_second_run_changes_nothing(command: Command, tmp_path: Path, replayed: list[str]) -> None:
    """
    A second run finds everything recorded, writes nothing, and gives the same figures (R-44, I-14).
    """
    with SQLiteStorage(tmp_path / "points.db") as storage:
        ledger = Ledger(read_program(str(PROGRAM)), storage)
        before = {account: ledger.entries(account) for account in ledger.accounts()}
    file = tmp_path / "summary.json"
    assert command("replay", SAMPLE, *replayed, "--mapping", MAPPING, "--json", file).code == 0
    again = SAMPLE_SUMMARY | {"orders": {**SAMPLE_SUMMARY["orders"], "already_recorded": 7}}  # type: ignore[dict-item]
    assert summary(file) == again
    with SQLiteStorage(tmp_path / "points.db") as storage:
        ledger = Ledger(read_program(str(PROGRAM)), storage)
        assert {account: ledger.entries(account) for account in ledger.accounts()} == before


def test_refused_documents_are_named_and_counted(command: Command, tmp_path: Path, replayed: list[str]) -> None:
    """
    A document that the ledger refuses is skipped by a named reason, all others go on, and the exit code is 1 (R-47).
    """
    changed = tmp_path / "changed.csv"
    text = SAMPLE.read_text("utf-8")
    # The order of 505 costs another price now, and the sign that is taken back was bought on its own invoice.
    changed.write_text(
        text.replace("PAPER HEN,1,", "PAPER HEN,2,").replace("C100010,20002A", "C100018,20002A"), "utf-8"
    )
    file = tmp_path / "summary.json"
    answer = command("replay", changed, *replayed, "--mapping", MAPPING, "--json", file)
    found = summary(file)
    assert answer.code == 1
    assert found["orders"]["refused"] == {"QuantityExceeded": 1, "IdempotencyConflict": 1}
    assert found["orders"]["processed"] == 4
    assert found["lines"]["skipped"]["refused"] == 2
    assert found["points"] == SAMPLE_SUMMARY["points"]
    assert "refused: document C100018: order '100001', line '3': 0 left, 3 asked for" in answer.out
    assert "refused: document 100017: " in answer.out


def test_only_the_first_refusals_are_shown(command: Command, tmp_path: Path) -> None:
    """
    Many refusals are counted, and the first ten are shown.
    """
    file = many_orders(tmp_path, 12)
    options = ("--db", tmp_path / "points.db", "--program", PROGRAM)
    assert command("replay", file, *options).code == 0
    file.write_text(file.read_text().replace(",1.00,", ",2.00,"))
    answer = command("replay", file, *options)
    assert answer.code == 1
    assert answer.out.count("refused: document") == 10
    assert re.search(r"^orders refused IdempotencyConflict +12$", answer.out, re.MULTILINE)


def test_file_without_documents(command: Command, tmp_path: Path) -> None:
    """
    A file with a header only is replayed into nothing.
    """
    answer = command("replay", many_orders(tmp_path, 0), "--db", tmp_path / "points.db", "--program", PROGRAM)
    assert answer.code == 0
    assert re.search(r"^points earned +0$", answer.out, re.MULTILINE)


def test_summary_that_cannot_be_written(command: Command, tmp_path: Path) -> None:
    """
    A summary file that cannot be written is named; the orders are recorded all the same.
    """
    options = ("--db", tmp_path / "points.db", "--program", PROGRAM, "--json", tmp_path / "none" / "s.json")
    answer = command("replay", many_orders(tmp_path, 3), *options)
    assert (answer.code, "s.json: cannot be written: No such file" in answer.err) == (1, True)
    assert command("balance", "c1", *options[:4]).out.startswith("20")


# --- layout ------------------------------------------------------------------------------------------------------


def options(**given: str | None) -> Namespace:
    """
    Return the options of `replay` that say how a file is laid out.
    """
    names = ("mapping", "columns", "timezone", "currency", "cancellations")
    return Namespace(**dict.fromkeys(names) | given)


def test_layout_by_default_is_the_programs() -> None:
    """
    Without a mapping file, times and prices are the program's.
    """
    layout = layout_of(options(), read_program(str(PROGRAM)))
    assert (layout.timezone, layout.currency, layout.cancellations) == ("Europe/London", "GBP", None)


def test_currency_of_a_program_without_amounts(tmp_path: Path) -> None:
    """
    Where the program has no rule with an amount its exchange rate says the currency; with neither, an option must.
    """
    path = tmp_path / "program.toml"
    path.write_text('id = "a"\n[[exchange_rates]]\npoints = 1\nmoney = "1 JPY"')
    assert layout_of(options(), read_program(str(path))).currency == "JPY"
    path.write_text('id = "a"')
    with pytest.raises(InvalidFile, match="currency"):
        layout_of(options(), read_program(str(path)))
    assert layout_of(options(currency="USD"), read_program(str(path))).currency == "USD"


def test_options_overrule_the_mapping_file() -> None:
    """
    An option overrules what the mapping file says, and leaves the rest of it alone.
    """
    given = options(
        mapping=str(MAPPING),
        columns="order=Bill",
        timezone="Europe/Paris",
        currency="EUR",
        cancellations="R.*",
    )
    layout = layout_of(given, read_program(str(PROGRAM)))
    assert (layout.timezone, layout.currency) == ("Europe/Paris", "EUR")
    assert (layout.columns.order, layout.columns.product) == ("Bill", "StockCode")
    assert layout.cancellations is not None
    assert layout.cancellations.pattern.pattern == "R.*"


# --- interrupted -------------------------------------------------------------------------------------------------


def many_orders(folder: Path, count: int) -> Path:
    """
    Write a file of `count` orders of 1.00 by seven customers, one a minute.
    """
    path = folder / "orders.csv"
    rows = (
        f"o{n},thing,1,2025-01-{1 + n // 1440:02}T{n // 60 % 24:02}:{n % 60:02}:00,1.00,c{n % 7}\n"
        for n in range(count)
    )
    path.write_text("order,product,quantity,ordered_at,unit_price,customer\n" + "".join(rows))
    return path


def start(*arguments: object) -> subprocess.Popen[str]:
    """
    Start the command line as a process of its own.
    """
    command = [sys.executable, "-m", "pointsledger", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")


def interrupt(run: subprocess.Popen[str], signal: int, after: int) -> tuple[int, str]:
    """
    Send a signal after this many lines of progress, and return the exit code and the rest of stderr.
    """
    assert run.stderr is not None
    for _ in range(after):
        assert run.stderr.readline().startswith("documents: ")
    run.send_signal(signal)
    _, err = run.communicate()
    return run.returncode, err


def recorded(path: Path) -> int:
    """
    Return how many entries a ledger has, after proving that its books balance.
    """
    with SQLiteStorage(path) as storage:
        proof = verify(storage, "online-retail")
    assert proof.findings == ()
    return proof.entries


def test_kill_and_start_again(command: Command, tmp_path: Path) -> None:
    """
    A replay that is killed again and again keeps whole batches, and ends where an undisturbed one ends (R-45, I-25).
    """
    count = 6 * BATCH + 1
    file, db = many_orders(tmp_path, count), tmp_path / "killed.db"
    known = 0
    for after in (1, 3, 5):
        code, _ = interrupt(start("replay", file, "--program", PROGRAM, "--db", db), 9, after)
        assert code == -9
        assert recorded(db) % BATCH == 0
        assert after * BATCH <= recorded(db) < count
        assert recorded(db) >= known
        known = recorded(db)
    options = ("--program", PROGRAM, "--json", tmp_path / "summary.json")
    assert command("replay", file, *options, "--db", db).code == 0
    after_kills = summary(tmp_path / "summary.json")
    assert after_kills["orders"].pop("already_recorded") == known
    assert command("replay", file, *options, "--db", tmp_path / "calm.db").code == 0
    calm = summary(tmp_path / "summary.json")
    assert calm["orders"].pop("already_recorded") == 0
    assert after_kills == calm
    assert calm["points"]["earned"] == recorded(db) == count


def test_interrupt_from_the_keyboard(tmp_path: Path) -> None:
    """
    Ctrl-C ends a replay with a sentence and not with a traceback.
    """
    file, db = many_orders(tmp_path, 6 * BATCH), tmp_path / "points.db"
    code, err = interrupt(start("replay", file, "--program", PROGRAM, "--db", db), 2, 1)
    assert code == 130
    assert "pointsledger: interrupted; what was committed stays, and a new run goes on\n" in err
    assert "Traceback" not in err
    assert recorded(db) % BATCH == 0


# --- a real year -------------------------------------------------------------------------------------------------


@pytest.mark.online_retail
@pytest.mark.skipif(not ONLINE_RETAIL, reason="POINTSLEDGER_ONLINE_RETAIL names no file")
def test_online_retail(command: Command, tmp_path: Path) -> None:
    """
    The real year agrees with an independent count of invoices, customers and points, exactly.
    """
    checked = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "independent_check.py"), str(ONLINE_RETAIL)],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    invoices, customers, points = map(int, re.findall(r"\d+", checked.stdout))
    options = ("--db", tmp_path / "points.db", "--program", PROGRAM)
    file = tmp_path / "summary.json"
    assert command("replay", ONLINE_RETAIL, *options, "--mapping", MAPPING, "--json", file).code == 0
    found = summary(file)
    assert (found["orders"]["processed"], found["accounts"]) == (invoices, customers)
    assert found["points"]["earned"] == points
    assert found["points"]["outstanding"] == points - found["points"]["reversed"]
    assert command("verify", *options).code == 0
