"""
The reference is whole: what the library has stands on its page, and what stands there the library has.
"""

import inspect
import json
import re
import runpy
import sqlite3
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, get_args

import attrs
import pytest

import pointsledger
from pointsledger import cli, errors, testing
from pointsledger.cli.order_file import SkipReason
from pointsledger.cli.order_layout import CancellationMark, Columns, Layout
from pointsledger.domain import award, caps, commands, entries, expiry, holds, points, program, reads, rules
from pointsledger.domain.mapping import to_mapping
from pointsledger.reports import policy
from pointsledger.storage import sql_schema
from pointsledger.storage.sqlite import SQLiteStorage

DOCS = Path(__file__).parents[2] / "docs"
PAGES = DOCS / "reference"


def section(page: str, heading: str) -> str:
    """
    Return the text under a heading of any level, up to the next heading.
    """
    text = (PAGES / page).read_text(encoding="utf-8")
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"{page} has no heading {heading!r}"
    return found[1]


def table(page: str, heading: str) -> dict[str, list[str]]:
    """
    Return the first table under a heading: the cells of each row by the code in its first cell.
    """
    found = re.search(r"(?:^\|.*\n)+", section(page, heading), re.MULTILINE)
    assert found, f"{page} has no table under {heading!r}"
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in found[0].splitlines()]
    return {row[0].strip("`"): row[1:] for row in rows[2:]}


def codes(cell: str) -> list[str]:
    """
    Return what stands in code quotes, in order.
    """
    return re.findall(r"`([^`]+)`", cell)


def own_fields(kind: type) -> list[str]:
    """
    Return the names of a value's fields, in order.
    """
    return [attribute.name for attribute in attrs.fields(kind)]


# --- errors ------------------------------------------------------------------------------------------------------

BASES = {
    errors.Refused: "The caller: Refused",
    errors.TryAgain: "A retry: TryAgain",
    errors.OperatorNeeded: "A person: OperatorNeeded",
}


@pytest.mark.parametrize("base", BASES, ids=lambda base: base.__name__)
def test_errors_stand_under_who_must_act_with_their_fields(base: type[Exception]) -> None:
    """
    Each error stands in the table of who must act, with its fields in order (R-47).
    """
    classes = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, base)]
    expected = {kind.__name__: own_fields(kind) for kind in classes if kind is not base}
    assert {name: codes(row[0]) for name, row in table("errors.md", BASES[base]).items()} == expected


def test_every_error_has_one_of_the_three_bases() -> None:
    """
    No error is left without someone who must act (R-47).
    """
    classes = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Exception)]
    assert [k for k in classes if not issubclass(k, tuple(BASES)) and k is not errors.PointsLedgerError] == []


def test_precedence_names_every_refusal_of_a_ledger() -> None:
    """
    Each refusal of the ledger has its place in the order of precedence (R-47).
    """
    named = set(codes(section("errors.md", "Which refusal wins")))
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if kind.__base__ is errors.Refused]
    refusals = {kind.__name__ for kind in kinds} | {"InvalidInput", "CurrencyMismatch", "LimitExceeded"}
    assert refusals - {"InvalidFile"} <= named


# --- commands and entries ------------------------------------------------------------------------------------------


def test_every_command_stands_with_its_fields_and_verb() -> None:
    """
    Each command stands with the fields that it adds, and with a verb that the ledger has.
    """
    shared = own_fields(commands.Command)
    expected = {
        name: [field for field in own_fields(kind) if field not in shared] for name, kind in commands.COMMANDS.items()
    }
    rows = table("commands-and-entries.md", "Commands")
    assert {name: codes(row[1]) for name, row in rows.items()} == expected
    for row in rows.values():
        assert all(callable(getattr(pointsledger.Ledger, verb)) for verb in codes(row[0]))


def test_every_kind_of_entry_stands() -> None:
    """
    Each kind of entry stands in the table, in the order of the code.
    """
    assert tuple(table("commands-and-entries.md", "Entries")) == get_args(entries.EntryKind)


def test_every_reason_stands_in_the_order_in_which_it_is_tested() -> None:
    """
    Each reason for earning nothing stands in the table (R-21).
    """
    assert tuple(table("commands-and-entries.md", "Why nothing is earned")) == get_args(award.Reason)


# --- the program file ----------------------------------------------------------------------------------------------

PARTS = [
    program.Program,
    rules.EarnRule,
    pointsledger.ExchangeRate,
    expiry.ExpiryPolicy,
    expiry.PendingPolicy,
    caps.EarnCaps,
    program.NoticePolicy,
    program.RedemptionLimits,
    program.RestorePolicy,
    program.Unit,
]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_every_field_of_a_program_stands_with_its_default(part: type) -> None:
    """
    Each field stands in the table of its part; a default in code quotes is the one in force.
    """
    rows = table("program-file.md", part.__name__)
    assert list(rows) == own_fields(part)
    for attribute in attrs.fields(part):
        shown = rows[attribute.name][0]
        assert (shown == "required") == (attribute.default is attrs.NOTHING), attribute.name
        if shown.startswith("`"):
            default: Any = attribute.default
            text = {True: "true", False: "false"}[default] if type(default) is bool else str(default)
            assert shown == f"`{text}`", attribute.name


CHOICES = {
    ("Program", "timing"): program.Timing,
    ("Program", "redeeming_orders"): program.RedeemingOrders,
    ("Program", "multipliers"): program.Multipliers,
    ("Program", "groups"): program.GroupChoice,
    ("Program", "returns"): program.Returns,
    ("Program", "shortfall"): program.Shortfall,
    ("Program", "use_order"): program.UseOrder,
    ("EarnRule", "kind"): rules.RuleKind,
    ("EarnRule", "rounding"): points.Rounding,
    ("EarnRule", "of_invitee"): rules.OfInvitee,
    ("EarnCaps", "per_period"): expiry.RoundedTo,
    ("ExpiryPolicy", "kind"): expiry.ExpiryKind,
    ("ExpiryPolicy", "rounded_to"): expiry.RoundedTo,
    ("ExpiryPolicy", "resets"): expiry.Activity,
    ("PendingPolicy", "kind"): expiry.PendingKind,
    ("RestorePolicy", "lapsed"): program.Lapsed,
}


@pytest.mark.parametrize(("part", "field"), CHOICES, ids=".".join)
def test_every_choice_of_a_program_stands(part: str, field: str) -> None:
    """
    Each value that a field can have stands beside it.
    """
    assert set(get_args(CHOICES[part, field])) <= set(codes(table("program-file.md", part)[field][1]))


def test_a_default_program_says_only_its_id() -> None:
    """
    A file needs no more than an id; every other field has the default that the page gives.
    """
    assert to_mapping(pointsledger.Program(id="shop")) == {"id": "shop"}


# --- the public names ------------------------------------------------------------------------------------------------


def test_every_public_name_stands_on_the_api_page() -> None:
    """
    What `pointsledger` exports is documented, and so is every command.
    """
    text = (PAGES / "api.md").read_text(encoding="utf-8")
    classes = [name for name in pointsledger.__all__ if name != "commands"]
    classes += [f"pointsledger.commands.{kind.__name__}" for kind in commands.COMMANDS.values()]
    assert [name for name in classes if f".. autoclass:: {name}\n" not in text] == []


def test_every_read_of_a_decision_stands_on_the_api_page() -> None:
    """
    What a storage of one's own has to answer is documented, nothing left out.
    """
    text = (PAGES / "api.md").read_text(encoding="utf-8")
    members = re.search(r"pointsledger.domain.reads\n   :members: (.*)\n", text)
    assert members
    assert set(members[1].split(", ")) == {read.__name__ for read in get_args(reads.Read)}


def test_every_name_of_the_test_kit_stands_on_the_api_page() -> None:
    """
    What `pointsledger.testing` exports is documented.
    """
    text = (PAGES / "api.md").read_text(encoding="utf-8")
    assert [name for name in testing.__all__ if f":: pointsledger.testing.{name}\n" not in text] == []


# --- the stored format -----------------------------------------------------------------------------------------------


def test_every_table_and_version_stands(tmp_path: Path) -> None:
    """
    What a new file holds stands on the page, and what each version brought.
    """
    SQLiteStorage(tmp_path / "points.db").close()
    connection = sqlite3.connect(tmp_path / "points.db")
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    connection.close()
    assert set(table("storages.md", "Tables")) == names
    assert list(table("storages.md", "Versions")) == [str(n + 1) for n in range(sql_schema.SCHEMA_VERSION)]


# --- the command line ------------------------------------------------------------------------------------------------


def test_every_verb_stands() -> None:
    """
    Each verb has a section of its own, in the order of the help.
    """
    text = (PAGES / "command-line.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == list(cli.VERBS)


@pytest.mark.parametrize("verb", [verb for verb in cli.VERBS if verb != "demo"])
def test_every_argument_of_a_verb_stands(verb: str) -> None:
    """
    Each argument of a verb stands in its table, in the order of the help.
    """
    parser = ArgumentParser(add_help=False)
    cli.VERBS[verb].add_arguments(parser)
    actions = parser._actions  # noqa: SLF001 - argparse lists its arguments nowhere else
    expected = [(action.option_strings or [action.dest])[0] for action in actions]
    rows = table("command-line.md", verb)
    assert [name for cell in rows for name in cell.split("`, `")] == expected


def test_every_field_of_a_mapping_file_stands() -> None:
    """
    Each field of a mapping file stands in its table, and so do the fields of its inner tables.
    """
    rows = table("command-line.md", "Mapping file")
    assert set(rows) == set(own_fields(Layout))
    assert set(own_fields(Columns)) <= set(codes(rows["columns"][1]))
    assert set(own_fields(CancellationMark)) <= set(codes(rows["cancellations"][1]))


def test_every_key_of_the_summary_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Each key that `replay --json` writes stands in the table, in the order of the file.
    """
    monkeypatch.chdir(tmp_path)
    Path("orders.csv").write_text("order,product,quantity,ordered_at,unit_price,customer\n", encoding="utf-8")
    Path("program.toml").write_text('id = "shop"\n', encoding="utf-8")
    words = "replay orders.csv --program program.toml --db points.db --currency GBP --json summary.json"
    assert cli.main(words.split()) == 0
    summary = json.loads(Path("summary.json").read_text(encoding="utf-8"))
    assert list(table("command-line.md", "Summary")) == list(keys_of(summary))


def keys_of(summary: dict[str, Any], prefix: str = "") -> list[str]:
    """
    Return the paths of all keys, in order.
    """
    found: list[str] = []
    for name, value in summary.items():
        found += keys_of(value, f"{prefix}{name}.") if isinstance(value, dict) and value else [f"{prefix}{name}"]
    return found


def test_every_reason_to_skip_a_line_stands() -> None:
    """
    Each reason stands in the order in which they count; a refused document comes last.
    """
    (rows,) = re.findall(r"^\| reason .*\n\|.*\n((?:\|.*\n)+)", section("command-line.md", "Summary"), re.MULTILINE)
    assert re.findall(r"^\| `(\w+)`", rows, re.MULTILINE) == [*SkipReason, "refused"]


# --- holds and the policy check --------------------------------------------------------------------------------------


def test_the_states_of_a_hold_stand() -> None:
    """
    The page has the table of transitions that the ledger decides by (R-27).
    """
    rows = re.findall(
        r"^\| `(\w+)` \| `(\w+)` \| `(\w+)` \|$", (PAGES / "holds.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert {(status, event): target for status, event, target in rows} == holds.HOLD_TRANSITIONS


def test_every_finding_of_the_policy_check_stands() -> None:
    """
    Each code has its row, with its severity, in the order of the code.
    """
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", (PAGES / "policy-check.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert dict(rows) == policy.SEVERITIES
    assert [code for code, _ in rows] == list(get_args(policy.PolicyCode)) == list(policy.SEVERITIES)


# --- pictures --------------------------------------------------------------------------------------------------------


def test_every_diagram_is_as_it_would_be_drawn() -> None:
    """
    The picture of the states of a hold is drawn from the table of transitions, that of the layers from the contract.
    """
    drawn = runpy.run_path(str(DOCS / "diagrams.py"))["drawn"]()
    assert {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.svg") if "_build" not in path.parts} == {*drawn}
    for place, picture in drawn.items():
        assert (DOCS / place).read_text(encoding="utf-8") == picture


def test_every_layer_stands() -> None:
    """
    The table of layers has each module of the contract, the lowest first, as the contract has them.
    """
    layers = runpy.run_path(str(DOCS / "diagrams.py"))["layers_of_contract"]()
    page = (DOCS / "explanation" / "architecture.md").read_text(encoding="utf-8").partition("## Layers")[2]
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", page, re.MULTILINE)
    assert [sorted(re.findall(r"\w+", row)) for row in rows] == [sorted(layer) for layer in reversed(layers)]
