"""
Bad values for every argument of the ledger's verbs: refused by name, and nothing changed.

`GOOD` holds one accepted call of every verb.
A test puts one bad value into one argument of such a call, so nothing else can be the cause of the refusal.
"""

import inspect
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pointsledger import (
    EarnRule,
    ExchangeRate,
    Ledger,
    Money,
    Order,
    OrderLine,
    PendingPolicy,
    Program,
    Tender,
    commands,
)
from pointsledger.domain.points import TOTAL_MAX
from pointsledger.errors import (
    AccountClosed,
    AccountOpen,
    EntryUnknown,
    IdempotencyConflict,
    InsufficientPoints,
    InvalidIdentifier,
    InvalidInput,
    InvalidInstant,
    InvalidMoney,
    InvalidPoints,
    LimitExceeded,
    NoDebt,
    NoExchangeRate,
    Refused,
    ReversalExceeded,
    StorageClosed,
)
from pointsledger.ledger import Details
from tests.ledger.bad_inputs import (
    HOSTILE,
    IDENTIFIERS,
    INSTANTS,
    NOT_AFTER,
    NOT_CURRENCIES,
    NOT_CYCLES,
    NOT_DEBT,
    NOT_FLAGS,
    NOT_IDENTIFIERS,
    NOT_INSTANTS,
    NOT_LIMITS,
    NOT_POINTS,
    NOT_POINTS_OR_ZERO,
    NOT_SEQUENCES,
    NOT_SIGNED_POINTS,
    NOT_TEXT,
    Pretender,
)

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
WHO = {"actor": "support:42", "reason": "goodwill"}
TEN = Money("10.00", "EUR")

PROGRAM = Program(
    id="club",
    timezone="Europe/Paris",
    earn_rules=[
        EarnRule.per_amount(1, per=Money("1.00", "EUR")),
        EarnRule.per_action(1, action="visit", pending=PendingPolicy.until_event()),
    ],
    exchange_rates=[ExchangeRate(1, Money("0.01", "EUR"))],
    approval_above=1000,
)


def order(id: str = "1001", **details: Any) -> Order:
    """
    Four teas and two cups for 20.00, which earn 20 points.
    """
    lines = [OrderLine("tea", Money("2.50", "EUR"), 4), OrderLine("cup", Money("5.00", "EUR"), 2)]
    return Order(id, "ada", lines, **details)


@pytest.fixture
def ledger(storage) -> Ledger:
    """
    A ledger with an account that has points, an order and a return, one that owes points, and one that is closed.
    """
    ledger = Ledger(PROGRAM, storage, clock=lambda: NOW)
    ledger.earn("ada", 100, key="k1")
    ledger.process(order())
    ledger.return_lines("1001", "r1", {"tea": 1}, account="ada")
    ledger.adjust("eve", -5, allow_debt=True, **WHO)
    ledger.close_account("zoe", **WHO)
    ledger.adjust("ada", 2000, actor="boss", reason="waits for approval")
    ledger.adjust("ivy", 3, expires_at=NOW + timedelta(days=9), **WHO)
    ledger.adjust("ivy", 4, expires_at=NOW - timedelta(days=1), **WHO)  # lot 2, which has lapsed
    ledger.act("ivy", "visit")  # lot 4, which waits for an event
    ledger.hold("ivy", 2, order="h1", until=NOW + timedelta(hours=1))
    return ledger


def snapshot(ledger: Ledger) -> dict[str, Any]:
    """
    Everything that can be read of every account.
    """
    return {
        account: (
            ledger.entries(account),
            ledger.lots(account),
            ledger.balance(account),
            ledger.expiring(account),
        )
        for account in (*ledger.accounts(), "nobody")
    }


def proposal(ledger: Ledger) -> Any:
    """
    What accepting the return of one tea would do.
    """
    return ledger.propose_return("1001", "r1", account="ada")


# Where an argument is made from the ledger itself, it is given as a function of it.
GOOD: dict[str, dict[str, Any]] = {
    "earn": {"account": "ada", "points": 5},
    "adjust": {"account": "ada", "points": 5, "expires_at": NOW + timedelta(days=9), "allow_debt": False, **WHO},
    "set_balance": {"account": "ada", "points": 7, **WHO},
    "forgive": {"account": "eve", "points": 5, **WHO},
    "reverse": {"account": "ada", "entry": 1, "points": 5, **WHO},
    "act": {"account": "ada", "action": "visit", "subject": "s1", "invitee": "eve", "amount": TEN},
    "approve": {"account": "ada", "entry": 4, "actor": "support:42"},
    "decline": {"account": "ada", "entry": 4, **WHO},
    "activate_lot": {"account": "ivy", "lot": 4},
    "extend": {"account": "ivy", "lot": 1, "expires_at": NOW + timedelta(days=10), **WHO},
    "reinstate": {"account": "ivy", "lot": 2, "points": 1, "expires_at": NOW + timedelta(days=10), **WHO},
    "redate": {"account": "ivy", **WHO},
    "preview_redating": {"account": "ivy", "at": NOW},
    "comment": {"account": "ada", "comment": "late parcel", "entry": 1},
    "assign": {"account": "ada", "lot": 1, "responsible": "support:42"},
    "set_profile": {"account": "ada", "holder": "person", "verified": True, "balance_updates": True,
                    "expiry_warnings": False},
    "hold": {"account": "ada", "points": 5, "order": "h2", "until": NOW + timedelta(hours=1), "id": "a", "cycle": 1,
             "currency": "EUR", "to_pay": TEN, "eligible": TEN},
    "capture": {"order": "h1", "points": 1, "account": "ivy", "id": "hold", "cycle": 1},
    "release": {"order": "h1", "account": "ivy", "id": "hold", "cycle": 1},
    "activate": {"order": "1001", "account": "ada", "cycle": 1},
    "quote_refund": {"order": "1001", "lines": {"tea": 1}, "account": "ada", "cycle": 1, "at": NOW},
    "notices": {"account": "ada", "at": NOW},
    "take_notices": {"account": "ada"},
    "due_notices": {"at": NOW, "batch": 5},
    "lot": {"account": "ada", "lot": 1, "at": NOW},
    "close_account": {"account": "ada", **WHO},
    "reopen_account": {"account": "zoe", **WHO},
    "quote_redemption": {"account": "ada", "points": 5, "order": "1002", "cycle": 1, "currency": "EUR", "to_pay": TEN,
                         "eligible": TEN, "channel": "web", "customer_group": "vip", "actor": "support:42", "at": NOW},
    "redeem": {"account": "ada", "points": 5, "order": "1002", "cycle": 1, "currency": "EUR", "to_pay": TEN,
               "eligible": TEN},
    "quote": {"order": order("1003"), "at": NOW},
    "place": {"order": order("1003")},
    "process": {"order": order("1003")},
    "pay": {"order": "1001", "tender": Tender("card", TEN), "account": "ada", "cycle": 1},
    "approve_payment": {"order": "1009", "tender": "card", "account": "ada", "cycle": 1},
    "invoice": {"order": "1001", "invoice": "i1", "lines": {"tea": 1}, "account": "ada", "cycle": 1},
    "cancel_lines": {"order": "1001", "cancellation": "c1", "lines": {"tea": 1}, "account": "ada", "cycle": 1},
    "return_lines": {"order": "1001", "return_id": "r2", "lines": {"tea": 1}, "account": "ada", "cycle": 1},
    "propose_return": {"order": "1001", "return_id": "r1", "account": "ada", "cycle": 1, "at": NOW},
    "settle_return": {"proposal": proposal, "take_back": 1, "give_back": 0, **WHO},
    "cancel": {"order": "1001", "account": "ada", "cycle": 1},
    "expire": {"account": "ada", "at": NOW},
    "expire_due": {"at": NOW, "batch": 5},
    "balance": {"account": "ada", "channel": "web", "customer_group": "vip", "at": NOW},
    "expiring": {"account": "ada", "at": NOW},
    "lots": {"account": "ada", "at": NOW},
    "entries": {"account": "ada", "after": 0, "limit": 10},
    "draws_on": {"account": "ada", "lot": 1},
    "explain": {"account": "ada", "sequence": 1},
    "accounts": {"after": "a", "limit": 10},
    "apply": {"command": commands.Earn(account="ada", points=5)},
    "apply_all": {"batch": [commands.Earn(account="ada", points=5)]},
}  # fmt: skip

DETAILS: dict[str, Any] = {
    "key": "k9", "at": NOW, "occurred_at": NOW, "actor": "support:42", "reason": "goodwill", "comment": "late parcel",
    "channel": "web", "customer_group": "vip",
}  # fmt: skip

NOT_LINES: dict[str, Any] = {
    **HOSTILE,
    "none": None,
    "text": "tea",
    "triples": [("tea", 1, 2)],
    "quantity of nothing": {"tea": 0},
    "negative quantity": {"tea": -1},
    "quantity as text": {"tea": "1"},
    "quantity as float": {"tea": 1.0},
    "quantity as bool": {"tea": True},
    "too many units": {"tea": 10**9 + 1},
    "no identifier": {"": 1},
    "number as identifier": {1: 1},
    "texts and numbers": {"tea": 1, 2: 1},
    "incomparable": dict.fromkeys([1j, 2j], 1),
    "not a number, twice": {HOSTILE["NaN"]: 1, 1: 1},
    "the same line twice": [("tea", 1), ("tea", 1)],
    "10,001 lines": {str(n): 1 for n in range(10_001)},
}

NOT_MONEY: dict[str, Any] = {
    **HOSTILE,
    "number": 10,
    "float": 10.0,
    "text": "10.00 EUR",
    "negative": Money("-0.01", "EUR"),
    "part of a cent": Money("0.001", "EUR"),
    "part of a yen": Money("0.5", "JPY"),
    "too much": Money("1000000000000.01", "EUR"),
    "pretended": Pretender(Money),
}

NOT_COMMANDS: dict[str, Any] = {
    **HOSTILE,
    "none": None,
    "text": "earn",
    "class": commands.Earn,
    "base": commands.Command(account="ada"),
    "order": order(),
    "pretended": Pretender(commands.Earn),
}

NOT_FLAGS_OR_NONE: dict[str, Any] = {name: bad for name, bad in NOT_FLAGS.items() if bad is not None}

# By the name of the argument: what it does not take, and the class of the refusal.
KINDS: dict[str, tuple[dict[str, Any], type[Refused]]] = {
    "account": ({**NOT_IDENTIFIERS, "none": None}, InvalidIdentifier),
    "order": ({**NOT_IDENTIFIERS, "none": None}, InvalidIdentifier),
    "invoice": ({**NOT_IDENTIFIERS, "none": None}, InvalidIdentifier),
    "cancellation": ({**NOT_IDENTIFIERS, "none": None}, InvalidIdentifier),
    "return_id": ({**NOT_IDENTIFIERS, "none": None}, InvalidIdentifier),
    "key": (NOT_IDENTIFIERS, InvalidIdentifier),
    "actor": (NOT_IDENTIFIERS, InvalidIdentifier),
    "channel": (NOT_IDENTIFIERS, InvalidIdentifier),
    "customer_group": (NOT_IDENTIFIERS, InvalidIdentifier),
    "action": ({**NOT_IDENTIFIERS, "none": None}, InvalidIdentifier),
    "subject": (NOT_IDENTIFIERS, InvalidIdentifier),
    "invitee": (NOT_IDENTIFIERS, InvalidIdentifier),
    "amount": (NOT_MONEY, InvalidMoney),
    "id": ({**NOT_IDENTIFIERS, "none": None}, InvalidIdentifier),
    "responsible": ({**NOT_IDENTIFIERS, "none": None}, InvalidIdentifier),
    "until": ({**NOT_INSTANTS, "none": None}, InvalidInstant),
    "holder": ({**HOSTILE, "text": "dog", "pretended": Pretender(str)}, InvalidInput),
    "verified": ({**NOT_FLAGS_OR_NONE, "taken back": False}, InvalidInput),
    "balance_updates": (NOT_FLAGS_OR_NONE, InvalidInput),
    "expiry_warnings": (NOT_FLAGS_OR_NONE, InvalidInput),
    "reason": (NOT_TEXT, InvalidInput),
    "comment": (NOT_TEXT, InvalidInput),
    "at": (NOT_INSTANTS, InvalidInstant),
    "occurred_at": (NOT_INSTANTS, InvalidInstant),
    "expires_at": (NOT_INSTANTS, InvalidInstant),
    "points": ({**NOT_POINTS, "none": None}, InvalidPoints),
    "take_back": (NOT_AFTER, InvalidInput),
    "give_back": (NOT_AFTER, InvalidInput),
    "allow_debt": (NOT_FLAGS, InvalidInput),
    "cycle": ({**NOT_CYCLES, "none": None}, InvalidInput),
    "entry": ({**NOT_SEQUENCES, "none": None}, InvalidInput),
    "lot": ({**NOT_SEQUENCES, "none": None}, InvalidInput),
    "sequence": ({**NOT_SEQUENCES, "none": None}, InvalidInput),
    "after": ({**NOT_AFTER, "none": None}, InvalidInput),
    "limit": ({**NOT_LIMITS, "none": None}, InvalidInput),
    "currency": (NOT_CURRENCIES, InvalidMoney),
    "to_pay": (NOT_MONEY, InvalidMoney),
    "eligible": (NOT_MONEY, InvalidMoney),
    "lines": (NOT_LINES, InvalidInput),
    "tender": ({**HOSTILE, "none": None, "text": "card", "money": TEN, "pretended": Pretender(Tender)}, InvalidInput),
    "proposal": ({**HOSTILE, "none": None, "text": "r1"}, InvalidInput),
    "command": (NOT_COMMANDS, InvalidInput),
    "batch": (
        {
            **HOSTILE,
            "none": None,
            "number": 5,
            "text": "earn",
            **{f"{name} among commands": [commands.Earn(account="ada", points=5), value]
               for name, value in NOT_COMMANDS.items()},
            "10,001": [commands.Earn(account="ada", points=1)] * 10_001,
        },
        InvalidInput,
    ),
}  # fmt: skip

NOT_ORDERS: dict[str, Any] = {
    **HOSTILE,
    "none": None,
    "text": "1003",
    "line": order().lines[0],
    "pretended": Pretender(Order),
}

# Where a verb takes other values under the same name.
OF_VERB: dict[tuple[str, str], tuple[dict[str, Any], type[Refused]]] = {
    ("adjust", "points"): ({**NOT_SIGNED_POINTS, "none": None}, InvalidPoints),
    ("set_balance", "points"): ({**NOT_POINTS_OR_ZERO, "none": None}, InvalidPoints),
    ("forgive", "points"): ({**NOT_DEBT, "none": None}, InvalidPoints),
    ("reverse", "points"): (NOT_POINTS, InvalidPoints),
    ("reinstate", "points"): (NOT_POINTS, InvalidPoints),
    ("capture", "points"): (NOT_POINTS, InvalidPoints),
    ("comment", "entry"): (NOT_SEQUENCES, InvalidInput),
    ("comment", "comment"): ({**NOT_TEXT, "none": None}, InvalidInput),
    ("quote_refund", "lines"): ({name: bad for name, bad in NOT_LINES.items() if name != "none"}, InvalidInput),
    ("due_notices", "batch"): ({**NOT_LIMITS, "none": None}, InvalidInput),
    ("quote_redemption", "points"): (NOT_POINTS, InvalidPoints),
    ("quote_redemption", "order"): (NOT_IDENTIFIERS, InvalidIdentifier),
    ("redeem", "order"): (NOT_IDENTIFIERS, InvalidIdentifier),
    ("quote", "order"): (NOT_ORDERS, InvalidInput),
    ("place", "order"): (NOT_ORDERS, InvalidInput),
    ("process", "order"): (NOT_ORDERS, InvalidInput),
    ("approve_payment", "tender"): ({**NOT_IDENTIFIERS, "none": None}, InvalidIdentifier),
    ("expire_due", "batch"): ({**NOT_LIMITS, "none": None}, InvalidInput),
    ("expire_due", "resume_after"): (
        {name: bad for name, bad in {**NOT_IDENTIFIERS, "none": None}.items() if name != "empty"},
        InvalidIdentifier,
    ),
    ("accounts", "after"): (
        {name: bad for name, bad in {**NOT_IDENTIFIERS, "none": None}.items() if name != "empty"},
        InvalidIdentifier,
    ),
}

DECIDED_BY_A_PERSON = {
    "adjust", "set_balance", "forgive", "reverse", "close_account", "reopen_account", "settle_return", "decline",
    "extend", "reinstate", "redate",
}  # fmt: skip


def parameters(verb: str) -> set[str]:
    """
    The names of a verb's arguments, with those that every command carries.
    """
    signature = inspect.signature(getattr(Ledger, verb))
    names = {p.name for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD} - {"self"}
    takes_details = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
    return names | set(Details.__annotations__) if takes_details else names


VERBS = sorted(name for name, _ in inspect.getmembers(Ledger, inspect.isfunction) if not name.startswith("_"))
# `progress` is the caller's own function; what it raises is the caller's.
ARGUMENTS = [(verb, name) for verb in VERBS for name in sorted(parameters(verb) - {"progress"})]


def call(ledger: Ledger, verb: str, **changed: Any) -> Any:
    """
    Call a verb with its accepted arguments, some of them changed.
    """
    arguments = {
        name: value(ledger) if inspect.isfunction(value) and name not in changed else value
        for name, value in {**GOOD[verb], **changed}.items()
    }
    return getattr(ledger, verb)(**arguments)


def test_every_verb_is_tried():
    """
    Every public verb stands in the table, with arguments that it has (R-47).
    """
    assert sorted(GOOD) == VERBS
    assert all(GOOD[verb].keys() <= parameters(verb) for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_good_arguments_are_accepted(ledger, verb):
    """
    The calls that bad values are put into are accepted as they stand, with every detail that a command carries (R-10).
    """
    call(ledger, verb)


@pytest.mark.parametrize("verb", [verb for verb in VERBS if "key" in parameters(verb) and verb != "take_notices"])
def test_details_are_accepted(ledger, verb):
    """
    Every writing verb takes a key, instants, actor, reason, comment and channel, and keeps them on its entries (R-10).
    """
    receipt = call(ledger, verb, **DETAILS)
    entry = receipt.entries[-1]
    assert {
        "key": entry.key,
        "at": entry.recorded_at,
        "occurred_at": entry.occurred_at,
        "actor": entry.actor,
        "reason": entry.reason,
        "comment": entry.comment,
        "channel": entry.channel,
        "customer_group": entry.command.customer_group,
    } == DETAILS


@pytest.mark.parametrize(("verb", "name"), ARGUMENTS, ids=lambda part: part)
def test_bad_values_are_refused(subtests, ledger, verb, name):
    """
    A value that an argument does not take is refused by a named error, its message can be shown, and nothing of the
    ledger changes, on every storage alike (R-01, R-02, R-04, R-05, R-44, R-47, I-18, I-30, I-34, I-36).
    """
    bad, refusal = OF_VERB.get((verb, name)) or KINDS[name]
    if (verb in DECIDED_BY_A_PERSON and name in {"actor", "reason"}) or (verb, name) == ("approve", "actor"):
        bad = {**bad, "none": None}
        refusal = InvalidInput
    before = snapshot(ledger)
    for case, value in bad.items():
        with subtests.test(case):
            with pytest.raises(refusal) as refused:
                call(ledger, verb, **{name: value})
            assert str(refused.value)
            assert repr(refused.value)
    assert before == snapshot(ledger)


# --- what is accepted ----------------------------------------------------------------------------------------


def test_identifiers_are_never_merged(ledger):
    """
    Identifiers that look, fold or normalise alike are accounts of their own on every storage (R-05, I-36).
    """
    accounts = list(IDENTIFIERS.values())
    for points, account in enumerate(accounts, start=1):
        ledger.earn(account, points, key=account, actor=account, channel=account)
    assert list(range(1, len(accounts) + 1)) == [ledger.balance(account).available for account in accounts]
    assert [1] * len(accounts) == [ledger.balance(account).version for account in accounts]
    listed = [account for account in ledger.accounts() if account not in {"ada", "eve", "ivy", "zoe"}]
    assert sorted(accounts, key=str.encode) == listed
    for account in accounts:
        (entry,) = ledger.entries(account)
        assert (account, account, account) == (entry.key, entry.actor, entry.channel)


def test_keys_and_orders_are_never_merged(ledger):
    """
    Within one account, keys, orders and lines that look alike are facts of their own (R-05, R-44, I-36).
    """
    names = list(IDENTIFIERS.values())
    lines = [OrderLine("tea", Money("1.00", "EUR"), id=name) for name in names]
    for name in names:
        assert not ledger.earn("new", 1, key=name).replayed
        assert not ledger.process(Order(name, "new", lines, channel=name)).replayed
        assert not ledger.cancel_lines(name, name, {name: 1}, account="new").replayed
    # One point per key, and of each order one point for every line but the one that was cancelled.
    assert len(names) + len(names) * (len(names) - 1) == ledger.balance("new").available
    for name in names:
        assert ledger.earn("new", 1, key=name).replayed


def test_text_is_kept_as_it_is(ledger):
    """
    Reasons and comments come back as they were given, with line breaks and signs of any script (R-10).
    """
    for text in ("two\r\nlines\tand a tab", " spaces ", "'; DROP TABLE entries;--", "😀" * 2000, "a\u0301\u202e"):
        ledger.earn("new", 1, reason=text, comment=text)
        entry = ledger.entries("new")[-1]
        assert (text, text) == (entry.reason, entry.comment)


def test_instants_are_kept_to_the_microsecond(ledger):
    """
    Business times of every zone and age come back as the same UTC instant, to the microsecond (R-04, I-34).
    """
    for name, (given, instant) in INSTANTS.items():
        (entry,) = ledger.earn(name, 1, occurred_at=given).entries
        assert (instant, NOW) == (entry.occurred_at, entry.recorded_at)
        assert entry == ledger.entries(name)[0]


@pytest.mark.parametrize("points", [1, 2, 2**31, 10**12])
def test_points_up_to_a_million_million(ledger, points):
    """
    One operation moves from one point to 10^12 (R-01, I-30).
    """
    ledger.earn("new", points)
    ledger.redeem("new", points)
    balance = ledger.balance("new")
    assert (0, points, points) == (balance.available, balance.earned, balance.redeemed)


def test_totals_never_pass_53_bits(ledger):
    """
    A batch of 10,000 is one transaction in which a key counts once; exactly 2^53 - 1 points can be reached, and what
    would lift a total above is refused and changes nothing (R-01, R-44, R-45, I-30).
    """
    whole, rest = divmod(TOTAL_MAX, 10**12)
    batch = [commands.Earn(account="rich", points=10**12, key=str(n % whole)) for n in range(10_000)]
    assert 10_000 - whole == sum(receipt.replayed for receipt in ledger.apply_all(batch))
    before = ledger.balance("rich")
    for refused in (
        lambda: ledger.earn("rich", rest + 1),
        lambda: ledger.apply_all([commands.Earn(account="rich", points=rest), commands.Earn(account="rich", points=1)]),
    ):
        with pytest.raises(LimitExceeded):
            refused()
        assert before == ledger.balance("rich")
    ledger.earn("rich", rest)
    assert ledger.balance("rich").available == TOTAL_MAX


# --- sequences of calls --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "refusal"),
    [
        (lambda ledger: ledger.redeem("new", 1), InsufficientPoints),
        (lambda ledger: ledger.redeem("ada", 121), InsufficientPoints),
        (lambda ledger: ledger.redeem("ada", 1, currency="USD"), NoExchangeRate),
        (lambda ledger: ledger.redeem("ada", 1, to_pay=Money("1", "USD")), NoExchangeRate),
        (lambda ledger: ledger.adjust("ada", -121, **WHO), InsufficientPoints),
        (lambda ledger: ledger.forgive("ada", 1, **WHO), NoDebt),
        (lambda ledger: ledger.forgive("eve", 6, **WHO), NoDebt),
        (lambda ledger: ledger.reverse("ada", 1, 101, **WHO), ReversalExceeded),
        (lambda ledger: ledger.reverse("ada", 99, **WHO), EntryUnknown),
        (lambda ledger: ledger.reverse("eve", 2, **WHO), EntryUnknown),
        (lambda ledger: ledger.reverse("new", 1, **WHO), EntryUnknown),
        (lambda ledger: ledger.explain("ada", 99), EntryUnknown),
        (lambda ledger: ledger.earn("ada", 101, key="k1"), IdempotencyConflict),
        (lambda ledger: ledger.redeem("ada", 100, key="k1"), IdempotencyConflict),
        (lambda ledger: ledger.process(order(channel="web")), IdempotencyConflict),
        (lambda ledger: ledger.reopen_account("ada", **WHO), AccountOpen),
        (lambda ledger: ledger.reopen_account("new", **WHO), AccountOpen),
        (lambda ledger: ledger.close_account("zoe", **WHO), AccountClosed),
        (lambda ledger: ledger.earn("zoe", 1), AccountClosed),
        (lambda ledger: ledger.redeem("zoe", 1), AccountClosed),
        (lambda ledger: ledger.adjust("zoe", 1, **WHO), AccountClosed),
        (lambda ledger: ledger.cancel("1001", account="zoe"), AccountClosed),
        (lambda ledger: ledger.apply_all([]), InvalidInput),
        (
            lambda ledger: ledger.apply_all(
                [commands.Earn(account="ada", points=1, key="b1"), commands.Redeem(account="new", points=1)]
            ),
            InsufficientPoints,
        ),
        (
            lambda ledger: ledger.apply_all(
                [
                    commands.Earn(account="ada", points=1, key="b1"),
                    commands.Earn(account="new", points=1, key="b1"),
                    commands.Earn(account="ada", points=2, key="b1"),
                ]
            ),
            IdempotencyConflict,
        ),
    ],
)  # fmt: skip
def test_calls_out_of_turn_are_refused(ledger, act: Callable[[Ledger], object], refusal):
    """
    A call that the account's state does not allow is refused by name and leaves no trace, nor does a batch whose last
    command is refused (R-28, R-33, R-35, R-44, I-18).
    """
    before = snapshot(ledger)
    with pytest.raises(refusal) as refused:
        act(ledger)
    assert refusal is type(refused.value)
    assert str(refused.value)
    assert before == snapshot(ledger)


def test_a_refusal_leaves_the_key_free(ledger):
    """
    A refused command does not use up its key (R-44, I-18).
    """
    with pytest.raises(InsufficientPoints):
        ledger.redeem("new", 5, key="once")
    ledger.earn("new", 5)
    assert not ledger.redeem("new", 5, key="once").replayed


def test_pages_end_where_the_entries_end(ledger):
    """
    A page above the last entry is empty, and a page is at most as long as asked for (I-13).
    """
    count = ledger.balance("ada").version
    assert () == ledger.entries("ada", after=count) == ledger.entries("ada", after=TOTAL_MAX)
    assert [entry.sequence for entry in ledger.entries("ada", limit=1)] == [1]
    assert () == ledger.draws_on("ada", TOTAL_MAX) == ledger.entries("nobody")
    assert ledger.accounts(after="ada") == ("eve", "ivy", "zoe")
    assert ledger.accounts(limit=1) == ("ada",)


def test_a_clock_behind_the_account_counts_as_its_time(ledger):
    """
    A host whose clock runs backwards records no earlier than the account's last entry (R-04, I-35).
    """
    (entry,) = ledger.earn("ada", 1, at=NOW - timedelta(days=400)).entries
    assert entry.recorded_at == NOW


def test_a_clock_tells_an_instant(subtests, ledger):
    """
    What the host's clock says is checked as what a caller says (R-04).
    """
    before = snapshot(ledger)
    for case, value in NOT_INSTANTS.items():
        broken = Ledger(PROGRAM, ledger.storage, clock=lambda value=value: value)
        with subtests.test(case):
            with pytest.raises(InvalidInstant) as refused:
                broken.earn("ada", 1)
            assert refused.value.field == "clock"
            with pytest.raises(InvalidInstant):
                broken.balance("ada")
            with pytest.raises(InvalidInstant):
                broken.expire_due()
    assert before == snapshot(ledger)


def test_new_keys_are_identifiers(subtests, ledger):
    """
    A key that the host's maker of keys gives is checked as one that a caller gives (R-05, R-44).
    """
    before = snapshot(ledger)
    for case, value in {**NOT_IDENTIFIERS, "none": None}.items():
        broken = Ledger(PROGRAM, ledger.storage, clock=lambda: NOW, new_key=lambda value=value: value)
        with subtests.test(case), pytest.raises(InvalidIdentifier):
            broken.earn("ada", 1)
    assert before == snapshot(ledger)


def test_a_ledger_has_a_program(subtests, storage):
    """
    A ledger is built for a program and for nothing that merely looks like one (R-06).
    """
    for case, value in {**HOSTILE, "none": None, "text": "club", "pretended": Pretender(Program)}.items():
        with subtests.test(case), pytest.raises(InvalidInput):
            Ledger(value, storage)


def test_a_closed_storage_is_named(ledger):
    """
    Every verb on a closed storage says that it is closed (R-47).
    """
    before = proposal(ledger)
    ledger.storage.close()
    for verb in VERBS:
        changed = {"proposal": before} if verb == "settle_return" else {}
        with pytest.raises(StorageClosed):
            call(ledger, verb, **changed)
