"""
Commands as values: what each takes and refuses before anything is asked of a storage.
"""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from pointsledger import Money, Order, OrderLine, Tender, commands
from pointsledger.domain.commands import (
    COMMANDS,
    check_same,
    command_from_mapping,
    command_name,
    command_to_mapping,
    is_command,
)
from pointsledger.errors import (
    IdempotencyConflict,
    InvalidIdentifier,
    InvalidInput,
    InvalidInstant,
    InvalidMoney,
    InvalidPoints,
)

NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)
WHO = {"actor": "support:42", "reason": "goodwill"}
ORDER = Order("1001", "ada", [OrderLine("tea", Money("2.50", "EUR"), 2)])
OF_ORDER = {"account": "ada", "order": "1001"}

GOOD = {
    "earn": {"account": "ada", "points": 5},
    "adjust": {"account": "ada", "points": -5, **WHO},
    "set_balance": {"account": "ada", "points": 0, **WHO},
    "forgive": {"account": "ada", "points": 2**53 - 1, **WHO},
    "reverse": {"account": "ada", "entry": 1, **WHO},
    "close": {"account": "ada", **WHO},
    "reopen": {"account": "ada", **WHO},
    "expire": {"account": "ada"},
    "act": {"account": "ada", "action": "review_approved", "subject": "r1"},
    "approve": {"account": "ada", "entry": 1, "actor": "boss"},
    "decline": {"account": "ada", "entry": 1, **WHO},
    "activate_lot": {"account": "ada", "lot": 1},
    "extend": {"account": "ada", "lot": 1, "expires_at": NOON, **WHO},
    "reinstate": {"account": "ada", "lot": 1, "points": 5, "expires_at": NOON, **WHO},
    "redate": {"account": "ada", **WHO},
    "comment": {"account": "ada", "comment": "late parcel"},
    "assign": {"account": "ada", "lot": 1, "responsible": "support:42"},
    "set_profile": {"account": "ada", "holder": "organisation", "verified": True},
    "take_notices": {"account": "ada"},
    "hold": {**OF_ORDER, "points": 5, "until": NOON},
    "capture": {**OF_ORDER, "points": 5},
    "release": OF_ORDER,
    "activate": OF_ORDER,
    "redeem": {"account": "ada", "points": 5},
    "place": {**OF_ORDER, "document": ORDER},
    "process": {**OF_ORDER, "document": ORDER},
    "pay": {**OF_ORDER, "tender": Tender("card", Money("5.00", "EUR"))},
    "approve_payment": {**OF_ORDER, "tender": "card"},
    "invoice": {**OF_ORDER, "id": "i1", "lines": {"tea": 1}},
    "cancel_lines": {**OF_ORDER, "id": "c1", "lines": {"tea": 1}},
    "return_lines": {**OF_ORDER, "id": "r1", "lines": {"tea": 1}},
    "decide_return": {
        **OF_ORDER, "return_id": "r1", "take_back": 0, "give_back": 0, "proposed_take_back": 1, "proposed_give_back": 0,
        **WHO,
    },
    "cancel": OF_ORDER,
}  # fmt: skip
DECIDED_BY_A_PERSON = (
    "adjust", "set_balance", "forgive", "reverse", "close", "reopen", "decide_return", "decline", "extend", "reinstate",
    "redate",
)  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_are_values(name):
    """
    A command has a name, and two that say the same are equal whatever their key and the host's now (R-44).
    """
    command = COMMANDS[name](**GOOD[name])
    assert name == command_name(command)
    assert is_command(command)
    assert command == COMMANDS[name](**GOOD[name], key="k", at=NOON)
    check_same(command, COMMANDS[name](**GOOD[name], key="k"), "k")


def test_nothing_else_is_a_command():
    """
    Neither the base of commands nor anything else is a command (R-47).
    """
    for value in (None, "earn", commands.Earn, commands.Command(account="ada"), object()):
        assert not is_command(value)


@pytest.mark.parametrize("name", [name for name in COMMANDS if name in DECIDED_BY_A_PERSON])
@pytest.mark.parametrize("missing", ["actor", "reason"])
def test_a_person_says_who_and_why(name, missing):
    """
    What a person decides names an actor and a reason (R-40, R-33, R-35).
    """
    with pytest.raises(InvalidInput) as refused:
        COMMANDS[name](**{**GOOD[name], missing: None})
    assert missing == refused.value.field


def test_instants_are_turned_to_utc():
    """
    The host's now, the business time and a date of expiry are kept in UTC (R-04).
    """
    paris = NOON.astimezone(timezone(timedelta(hours=2)))
    command = commands.Adjust(account="ada", points=1, at=paris, occurred_at=paris, expires_at=paris, **WHO)
    assert [command.at, command.occurred_at, command.expires_at] == [NOON] * 3
    assert {UTC} == {moment.tzinfo for moment in (command.at, command.occurred_at, command.expires_at) if moment}


@pytest.mark.parametrize(
    ("build", "field", "refusal"),
    [
        (lambda: commands.Adjust(account="ada", points=0, **WHO), "points", InvalidPoints),
        (lambda: commands.Adjust(account="ada", points=-(10**12) - 1, **WHO), "points", InvalidPoints),
        (lambda: commands.Adjust(account="ada", points=-1.0, **WHO), "points", InvalidPoints),
        (lambda: commands.Adjust(account="ada", points=1, allow_debt=True, **WHO), "allow_debt", InvalidInput),
        (lambda: commands.Adjust(account="ada", points=-1, allow_debt=1, **WHO), "allow_debt", InvalidInput),
        (lambda: commands.Adjust(account="ada", points=-1, expires_at=NOON, **WHO), "expires_at", InvalidInput),
        (
            lambda: commands.Adjust(account="ada", points=1, expires_at=NOON.replace(tzinfo=None), **WHO),
            "expires_at",
            InvalidInstant,
        ),
        (lambda: commands.Approve(account="ada", entry=1), "actor", InvalidInput),
        (lambda: commands.Comment(account="ada", entry=1), "comment", InvalidInput),
        (lambda: commands.SetProfile(account="ada"), "holder", InvalidInput),
        (lambda: commands.SetProfile(account="ada", holder="dog"), "holder", InvalidInput),
        (lambda: commands.SetProfile(account="ada", verified=False), "verified", InvalidInput),
        (lambda: commands.Hold(**OF_ORDER, points=1, until=NOON, currency="XXX"), "currency", InvalidMoney),
        (lambda: commands.Place(**OF_ORDER, document=None), "order", InvalidInput),
        (lambda: commands.Pay(**OF_ORDER, tender="card"), "tender", InvalidInput),
        (lambda: commands.Redeem(account="ada", points=1, currency="XXX"), "currency", InvalidMoney),
        (lambda: commands.Redeem(account="ada", points=1, currency=""), "currency", InvalidMoney),
        (lambda: commands.Redeem(account="ada", points=1, order=""), "order", InvalidIdentifier),
    ],
)
def test_commands_that_cannot_be_are_refused(build, field, refusal):
    """
    A command with a field that is wrong, or that has no meaning beside another, is refused by field (R-40, R-47).
    """
    with pytest.raises(refusal) as refused:
        build()
    assert (refusal, field) == (type(refused.value), refused.value.field)


@pytest.mark.parametrize("name", ["invoice", "cancel_lines", "return_lines"])
def test_lines_map_ids_to_quantities(name):
    """
    Lines are a mapping or pairs, and mean the same in any order (R-13, I-17).
    """
    given = {**GOOD[name], "lines": {"b": 2, "a": 1}}
    assert COMMANDS[name](**given).lines == (("a", 1), ("b", 2))
    assert COMMANDS[name](**given) == COMMANDS[name](**{**given, "lines": iter([("a", 1), ("b", 2)])})


def test_facts_have_one_name_each():
    """
    A fact of an order names its kind, cycle, order and part, and no caller's key can be the same (R-44).
    """
    facts = [COMMANDS[name](**GOOD[name]).fact for name in COMMANDS]
    named = [fact for fact in facts if fact is not None]
    assert len(named) == len(set(named)) == 14
    assert all(fact.startswith(" ") for fact in named)
    assert None is commands.Redeem(account="ada", points=5).fact
    assert commands.Redeem(account="ada", points=5, order="1001").fact is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # identifiers may hold the sign that divides the parts of a fact's name
        (commands.Pay(account="ada", order="a/b", tender=Tender("c", Money("1", "EUR"))),
         commands.Pay(account="ada", order="a", tender=Tender("b/c", Money("1", "EUR")))),
        (commands.Cancel(account="ada", order="2/x"), commands.Cancel(account="ada", order="x", cycle=2)),
        (commands.Invoice(account="ada", order="a/b", id="c", lines={"x": 1}),
         commands.Invoice(account="ada", order="a", id="b/c", lines={"x": 1})),
        (commands.Act(account="ada", action="a/b"), commands.Act(account="ada", action="a", subject="b")),
        (commands.Hold(account="ada", order="a/b", id="c", points=1, until=NOON),
         commands.Hold(account="ada", order="a", id="b/c", points=1, until=NOON)),
        (commands.ApprovePayment(account="ada", order="a/b", tender="c"),
         commands.ApprovePayment(account="ada", order="a", tender="b/c")),
    ],
)  # fmt: skip
def test_two_facts_never_share_a_name(one, other):
    """
    Whatever signs an order, a tender or an invoice has in its name, two facts are two keys (R-44, I-15, I-36).
    """
    assert one.fact != other.fact


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_are_kept_as_mappings(name):
    """
    What a command says can be written down as a plain mapping and read back; its key is no part of it (R-07, I-3).
    """
    command = COMMANDS[name](**{**GOOD[name], "occurred_at": NOON, "comment": "late parcel"})
    assert command == command_from_mapping(command_to_mapping(command))


@pytest.mark.parametrize("mapping", [{}, {"command": "steal"}, {"command": ["earn"]}, {"command": None}], ids=str)
def test_no_other_mapping_is_a_command(mapping):
    """
    A mapping that names no command is refused (R-47).
    """
    with pytest.raises(InvalidInput):
        command_from_mapping(mapping)


@pytest.mark.parametrize("byword", ["actor", "reason", "comment", "channel", "customer_group"])
def test_a_fact_is_the_same_whoever_reports_it(byword):
    """
    Of a fact named by itself, not by a key, it does not matter who reports it and why; what it says does (R-44, I-15).
    """
    recorded = commands.Cancel(**OF_ORDER)
    told_again = commands.Cancel(**OF_ORDER, **{byword: "other"})
    check_same(recorded, told_again, "cancel", as_fact=True)
    with pytest.raises(IdempotencyConflict) as refused:
        check_same(recorded, told_again, "k")
    assert refused.value.field == byword
    with pytest.raises(IdempotencyConflict):
        check_same(recorded, commands.Cancel(account="ada", order="1002"), "cancel", as_fact=True)


def test_what_differs_is_named():
    """
    Another content under one key is refused, and the error names the first field that differs (R-44, I-17).
    """
    recorded = commands.Earn(account="ada", points=5, channel="web")
    cases = {
        "points": commands.Earn(account="ada", points=6, channel="web"),
        "account": commands.Earn(account="eve", points=5, channel="web"),
        "channel": commands.Earn(account="ada", points=5),
        "command": commands.Redeem(account="ada", points=5),
    }
    for field, given in cases.items():
        with pytest.raises(IdempotencyConflict) as refused:
            check_same(recorded, given, "k")
        assert ("k", field) == (refused.value.key, refused.value.field)
        assert field in str(refused.value)
        assert repr(refused.value)
