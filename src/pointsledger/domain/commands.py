"""
Commands: what the host asks for, and the facts of orders that it reports.

A command is a value. It is kept on the entries it produced, so that an order's state and every explanation can be
rebuilt from entries alone (R-07).
`key` makes it happen once; `at` is the host's now; neither is part of its content (R-44).
`occurred_at` is when the fact happened in business, if that is not now.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, TypeAlias, get_args

from attrs import field, fields, frozen

from ..errors import IdempotencyConflict, InvalidInput
from .fields import check_flag, quantities
from .identity import check_identifier, check_text
from .instants import check_instant
from .mapping import from_mapping, to_mapping
from .money import Money, check_currency, check_money
from .orders import CYCLES_MAX, LINES_MAX, Order, Tender
from .points import TOTAL_MAX, check_count, check_points

NOT_CONTENT = {"recorded": False}

Holder = Literal["person", "organisation"]


@frozen(kw_only=True)
class Command:
    """
    What every command carries.

    Args:
        account: whose points it is about.
        key: the idempotency key; derived from the order's fact, or made by the ledger, where it is not given.
        at: the host's now; the ledger's clock where it is not given.
        occurred_at: when it happened in business; `at` where it is not given.
        actor: who did it; required for what a person decides.
        reason, comment: free text kept with the entries.
        channel: the website or shop it belongs to.
        customer_group: the group of the holder, for rates and rules.
    """

    account: str
    key: str | None = field(default=None, eq=False, metadata=NOT_CONTENT)
    at: datetime | None = field(default=None, eq=False, metadata=NOT_CONTENT)
    occurred_at: datetime | None = None
    actor: str | None = None
    reason: str | None = None
    comment: str | None = None
    channel: str | None = None
    customer_group: str | None = None

    def __attrs_post_init__(self) -> None:
        check_identifier(self.account, "account")
        # One look for the plain case: most commands carry none of these.
        if self.key is not None:
            check_identifier(self.key, "key")
        if self.at is not None:
            object.__setattr__(self, "at", check_instant(self.at, "at"))
        if self.occurred_at is not None:
            object.__setattr__(self, "occurred_at", check_instant(self.occurred_at, "occurred_at"))
        if self.actor is not None:
            check_identifier(self.actor, "actor")
        if self.channel is not None:
            check_identifier(self.channel, "channel")
        if self.customer_group is not None:
            check_identifier(self.customer_group, "customer_group")
        if self.reason is not None:
            check_text(self.reason, "reason")
        if self.comment is not None:
            check_text(self.comment, "comment")

    @property
    def fact(self) -> str | None:
        """
        What makes two commands the same business fact, and the key where none is given; None: it has no such name.

        It begins with a space, so no key that a caller gives can be the same.
        """
        return None

    @property
    def topic(self) -> str | None:
        """
        What the command's entries are found by: its order, or another topic, whose name begins with a space.
        """
        return None

    def _require(self, *names: str) -> None:
        for name in names:
            if getattr(self, name) is None:
                raise InvalidInput(name, None, "is required here: say who did it and why")


# --- points that the host counts itself --------------------------------------------------------------------


@frozen(kw_only=True)
class Earn(Command):
    """
    Give points that the host counted itself; they follow the program's pending and expiry policies.
    """

    points: int

    def __attrs_post_init__(self) -> None:
        Command.__attrs_post_init__(self)
        check_points(self.points, "points")


@frozen(kw_only=True)
class Adjust(Command):
    """
    Correct the balance by hand: signed points, at once, with actor and reason (R-40).

    `expires_at` dates a credit (None: the program's policy); `allow_debt` lets a debit go below zero.
    """

    points: int
    expires_at: datetime | None = None
    allow_debt: bool = False

    def __attrs_post_init__(self) -> None:
        Command.__attrs_post_init__(self)
        if type(self.points) is int and self.points < 0:
            check_points(-self.points, "points")
        else:
            check_points(self.points, "points")
        self._require("actor", "reason")
        if self.expires_at is not None:
            object.__setattr__(self, "expires_at", check_instant(self.expires_at, "expires_at"))
        if check_flag(self.allow_debt, "allow_debt") and self.points > 0:
            raise InvalidInput("allow_debt", self.allow_debt, "belongs to a debit")
        if self.expires_at is not None and self.points < 0:
            raise InvalidInput("expires_at", self.expires_at, "belongs to a credit")


@frozen(kw_only=True)
class Act(Command):
    """
    The holder did something that the program may reward: registered, wrote a review, brought somebody (R-16).

    `subject` tells acts of one kind apart, such as the review or the invitation; `invitee` is who came through it;
    `amount` is what rules with `per` count, such as the value of the invitee's order.
    """

    action: str
    subject: str | None = None
    invitee: str | None = None
    amount: Money | None = None

    def __attrs_post_init__(self) -> None:
        Command.__attrs_post_init__(self)
        check_identifier(self.action, "action")
        for name in ("subject", "invitee"):
            if getattr(self, name) is not None:
                check_identifier(getattr(self, name), name)
        if self.amount is not None:
            check_money(self.amount, "amount")

    @property
    def fact(self) -> str:
        """
        An action is one fact for each subject.
        """
        return f" act/{self.action}" if self.subject is None else f" act/{self.action}\t{self.subject}"

    @property
    def topic(self) -> str:
        """
        The action.
        """
        return f" act/{self.action}"


@frozen(kw_only=True)
class SetBalance(Command):
    """
    Adjust so that exactly `points` are available afterwards (R-40).
    """

    points: int

    def __attrs_post_init__(self) -> None:
        Command.__attrs_post_init__(self)
        check_points(self.points, "points", least=0)
        self._require("actor", "reason")


@frozen(kw_only=True)
class Forgive(Command):
    """
    Forgive debt, all or a part of it (R-33).
    """

    points: int

    def __attrs_post_init__(self) -> None:
        Command.__attrs_post_init__(self)
        check_points(self.points, "points", most=TOTAL_MAX)
        self._require("actor", "reason")


@frozen(kw_only=True)
class Reverse(Command):
    """
    Take back an entry that no order governs, all that is left of it or `points` (R-35).
    """

    entry: int
    points: int | None = None

    def __attrs_post_init__(self) -> None:
        Command.__attrs_post_init__(self)
        check_count(self.entry, "entry", most=TOTAL_MAX)
        if self.points is not None:
            check_points(self.points, "points")
        self._require("actor", "reason")


@frozen(kw_only=True)
class EntryCommand(Command):
    """
    A command about one entry; a lot is the entry that opened it.
    """

    entry: int

    def __attrs_post_init__(self) -> None:
        Command.__attrs_post_init__(self)
        check_count(self.entry, "entry", most=TOTAL_MAX)

    @property
    def topic(self) -> str:
        """
        The entry.
        """
        return topic_of_entry(self.entry)


@frozen(kw_only=True)
class Approve(EntryCommand):
    """
    A second actor approves an adjustment that waits for it, which is carried out now (R-40).
    """

    def __attrs_post_init__(self) -> None:
        EntryCommand.__attrs_post_init__(self)
        self._require("actor")


@frozen(kw_only=True)
class Decline(EntryCommand):
    """
    A second actor declines an adjustment that waits for approval (R-40).
    """

    def __attrs_post_init__(self) -> None:
        EntryCommand.__attrs_post_init__(self)
        self._require("actor", "reason")


@frozen(kw_only=True)
class Comment(Command):
    """
    Add a comment to an entry, to the lot that it opened, or to the account; it moves no points (R-41).
    """

    entry: int | None = None

    def __attrs_post_init__(self) -> None:
        Command.__attrs_post_init__(self)
        if self.entry is not None:
            check_count(self.entry, "entry", most=TOTAL_MAX)
        self._require("comment")

    @property
    def topic(self) -> str:
        """
        The entry, or the account.
        """
        return ABOUT_ACCOUNT if self.entry is None else topic_of_entry(self.entry)


@frozen(kw_only=True)
class LotCommand(Command):
    """
    A command about one lot, named by the entry that opened it.
    """

    lot: int

    def __attrs_post_init__(self) -> None:
        Command.__attrs_post_init__(self)
        check_count(self.lot, "lot", most=TOTAL_MAX)

    @property
    def topic(self) -> str:
        """
        The entry that opened the lot.
        """
        return topic_of_entry(self.lot)


@frozen(kw_only=True)
class Assign(LotCommand):
    """
    Make an operator responsible for a lot (S4.6).
    """

    responsible: str

    def __attrs_post_init__(self) -> None:
        LotCommand.__attrs_post_init__(self)
        check_identifier(self.responsible, "responsible")


@frozen(kw_only=True)
class ActivateLot(LotCommand):
    """
    The event that the points of a lot waited for has happened: they are usable from now on (R-20).
    """


@frozen(kw_only=True)
class Extend(LotCommand):
    """
    Give a lot a later date of expiry; None: it never lapses by date (R-38).
    """

    expires_at: datetime | None = None

    def __attrs_post_init__(self) -> None:
        LotCommand.__attrs_post_init__(self)
        self._require("actor", "reason")
        if self.expires_at is not None:
            object.__setattr__(self, "expires_at", check_instant(self.expires_at, "expires_at"))


@frozen(kw_only=True)
class Reinstate(LotCommand):
    """
    Let lapsed points of a lot live again, all of them or `points` (R-38).

    They are usable from now on, until `expires_at`; None: the date that the program's policy gives from now.
    """

    points: int | None = None
    expires_at: datetime | None = None

    def __attrs_post_init__(self) -> None:
        LotCommand.__attrs_post_init__(self)
        self._require("actor", "reason")
        if self.points is not None:
            check_points(self.points, "points")
        if self.expires_at is not None:
            object.__setattr__(self, "expires_at", check_instant(self.expires_at, "expires_at"))


@frozen(kw_only=True)
class Redate(Command):
    """
    Give every open lot that follows the program's policy the date that the policy gives it now (R-38, S1.18).
    """

    def __attrs_post_init__(self) -> None:
        Command.__attrs_post_init__(self)
        self._require("actor", "reason")


@frozen(kw_only=True)
class SetProfile(Command):
    """
    Say who the holder is and what it wants to be told; None leaves what is known (S1.4, S2.2, S4.5).

    `verified`: the holder's identity is verified, from `occurred_at` on; what was verified stays so.
    """

    holder: Holder | None = None
    verified: bool | None = None
    balance_updates: bool | None = None
    expiry_warnings: bool | None = None

    def __attrs_post_init__(self) -> None:
        Command.__attrs_post_init__(self)
        if self.holder is not None and (type(self.holder) is not str or self.holder not in get_args(Holder)):
            raise InvalidInput("holder", self.holder, f"must be one of {', '.join(get_args(Holder))}")
        for name in ("verified", "balance_updates", "expiry_warnings"):
            if getattr(self, name) is not None:
                check_flag(getattr(self, name), name)
        if self.verified is False:
            raise InvalidInput("verified", self.verified, "cannot be taken back: points were earned under it")
        if {self.holder, self.verified, self.balance_updates, self.expiry_warnings} == {None}:
            raise InvalidInput("holder", None, "or another part of the profile must be given")

    @property
    def topic(self) -> str:
        """
        The account.
        """
        return ABOUT_ACCOUNT


@frozen(kw_only=True)
class TakeNotices(Command):
    """
    Take the notices that are due, each for the only time (R-42).
    """


@frozen(kw_only=True)
class Close(Command):
    """
    Close the account: it accepts nothing until it is reopened.
    """

    def __attrs_post_init__(self) -> None:
        Command.__attrs_post_init__(self)
        self._require("actor", "reason")


@frozen(kw_only=True)
class Reopen(Close):
    """
    Reopen a closed account.
    """


@frozen(kw_only=True)
class Expire(Command):
    """
    Book what time alone has done by now: lapsed lots and repaid debt (R-39). It needs no key.
    """


# --- facts of orders ---------------------------------------------------------------------------------------


@frozen(kw_only=True)
class OrderCommand(Command):
    """
    A fact of one order in one cycle (R-13, R-14, R-29).
    """

    order: str
    cycle: int = 1

    def __attrs_post_init__(self) -> None:
        Command.__attrs_post_init__(self)
        check_identifier(self.order, "order")
        check_count(self.cycle, "cycle", most=CYCLES_MAX)

    @property
    def topic(self) -> str:
        """
        The order.
        """
        return self.order

    @property
    def part(self) -> str:
        """
        What tells two facts of one kind apart within an order; empty where there is only one.
        """
        return ""

    @property
    def fact(self) -> str:
        """
        The fact's name: its kind, cycle, order and part; no identifier has a tab, so the parts stay apart.
        """
        part = f"\t{self.part}" if self.part else ""
        return f" {command_name(self)}/{self.cycle}/{self.order}{part}"


@frozen(kw_only=True)
class Redeem(Command):
    """
    Use points, as a payment for an order or for something else (R-26).

    `to_pay` is what is left to pay on the order, `eligible` the net that `share_max` is a share of (`to_pay` where
    it is not given).
    """

    points: int
    order: str | None = None
    cycle: int = 1
    currency: str | None = None
    to_pay: Money | None = None
    eligible: Money | None = None

    def __attrs_post_init__(self) -> None:
        Command.__attrs_post_init__(self)
        check_points(self.points, "points")
        if self.order is not None:
            check_identifier(self.order, "order")
        check_count(self.cycle, "cycle", most=CYCLES_MAX)
        _check_payment(self)

    part = ""

    @property
    def fact(self) -> str | None:
        """
        A redemption for an order is one fact of it; another is none.
        """
        return None if self.order is None else f" redeem/{self.cycle}/{self.order}"

    @property
    def topic(self) -> str | None:
        """
        The order.
        """
        return self.order


@frozen(kw_only=True)
class Hold(OrderCommand):
    """
    Set points aside for an order until they are captured or released, or until the deadline (R-27).

    `id` tells holds of an order apart; `until` is the first instant at which they are free again.
    `to_pay` and `eligible` are as in `Redeem`.
    """

    points: int
    until: datetime
    id: str = "hold"
    currency: str | None = None
    to_pay: Money | None = None
    eligible: Money | None = None

    def __attrs_post_init__(self) -> None:
        OrderCommand.__attrs_post_init__(self)
        check_points(self.points, "points")
        object.__setattr__(self, "until", check_instant(self.until, "until"))
        check_identifier(self.id, "id")
        _check_payment(self)

    @property
    def part(self) -> str:
        """
        The hold's identifier.
        """
        return self.id


@frozen(kw_only=True)
class HoldCommand(OrderCommand):
    """
    A command about a hold.
    """

    id: str = "hold"

    def __attrs_post_init__(self) -> None:
        OrderCommand.__attrs_post_init__(self)
        check_identifier(self.id, "id")

    @property
    def part(self) -> str:
        """
        The hold's identifier.
        """
        return self.id


@frozen(kw_only=True)
class Capture(HoldCommand):
    """
    Pay with the points of a hold, all of them or `points`; the rest is free again (R-27).
    """

    points: int | None = None

    def __attrs_post_init__(self) -> None:
        HoldCommand.__attrs_post_init__(self)
        if self.points is not None:
            check_points(self.points, "points")


@frozen(kw_only=True)
class Release(HoldCommand):
    """
    Let the points of a hold go (R-27).
    """


@frozen(kw_only=True)
class Place(OrderCommand):
    """
    The order was saved, as `document` says.
    """

    document: Order

    def __attrs_post_init__(self) -> None:
        _check_document(self.document)
        OrderCommand.__attrs_post_init__(self)


@frozen(kw_only=True)
class Process(Place):
    """
    The order was processed, as `document` says; it overrules what `Place` said.
    """


@frozen(kw_only=True)
class Activate(OrderCommand):
    """
    The event that the order's points waited for has happened, such as its delivery (R-20).
    """


@frozen(kw_only=True)
class Pay(OrderCommand):
    """
    A payment for the order was made; `tender.id` tells payments apart.
    """

    tender: Tender

    def __attrs_post_init__(self) -> None:
        OrderCommand.__attrs_post_init__(self)
        if type(self.tender) is not Tender:
            raise InvalidInput("tender", self.tender, "must be a Tender")

    @property
    def part(self) -> str:
        """
        The tender's identifier.
        """
        return self.tender.id


@frozen(kw_only=True)
class ApprovePayment(OrderCommand):
    """
    A payment that was reported as not yet approved is approved now (S2.6).
    """

    tender: str

    def __attrs_post_init__(self) -> None:
        OrderCommand.__attrs_post_init__(self)
        check_identifier(self.tender, "tender")

    @property
    def part(self) -> str:
        """
        The tender's identifier.
        """
        return self.tender


@frozen(kw_only=True)
class LinesCommand(OrderCommand):
    """
    A document about quantities of an order's lines: an invoice, a cancellation or a return with its own `id`.
    """

    id: str
    lines: tuple[tuple[str, int], ...] = field(converter=quantities)

    def __attrs_post_init__(self) -> None:
        OrderCommand.__attrs_post_init__(self)
        check_identifier(self.id, "id")
        if not 0 < len(self.lines) <= LINES_MAX:
            raise InvalidInput("lines", len(self.lines), f"must name 1 to {LINES_MAX} lines")
        for line, quantity in self.lines:
            check_count(quantity, f"lines[{line!r}]")

    @property
    def part(self) -> str:
        """
        The document's identifier.
        """
        return self.id


@frozen(kw_only=True)
class Invoice(LinesCommand):
    """
    Quantities of lines were invoiced (S1.33).
    """


@frozen(kw_only=True)
class CancelLines(LinesCommand):
    """
    Quantities of lines were cancelled before they were delivered; they do not earn and do not block (R-13).
    """


@frozen(kw_only=True)
class ReturnLines(LinesCommand):
    """
    Quantities of lines came back; the program says whether points follow at once or after a decision (R-30).
    """


@frozen(kw_only=True)
class DecideReturn(OrderCommand):
    """
    A person decides a return: how many points are taken back and given back (R-30).

    The `proposed_` figures are those the person looked at; if the proposal has changed since, the command is refused.
    """

    return_id: str
    take_back: int
    give_back: int
    proposed_take_back: int
    proposed_give_back: int

    def __attrs_post_init__(self) -> None:
        OrderCommand.__attrs_post_init__(self)
        check_identifier(self.return_id, "return_id")
        for name in ("take_back", "give_back", "proposed_take_back", "proposed_give_back"):
            check_points(getattr(self, name), name, least=0, most=TOTAL_MAX)
        self._require("actor", "reason")

    @property
    def part(self) -> str:
        """
        The return's identifier.
        """
        return self.return_id


@frozen(kw_only=True)
class Cancel(OrderCommand):
    """
    The order was cancelled: what it earned is taken back, what it redeemed is given back (R-29).
    """


AnyOrderCommand: TypeAlias = OrderCommand | Redeem
Payment: TypeAlias = Redeem | Hold
"""A command that asks how many points may pay."""

COMMANDS: dict[str, type[Command]] = {
    "earn": Earn,
    "act": Act,
    "adjust": Adjust,
    "approve": Approve,
    "decline": Decline,
    "set_balance": SetBalance,
    "forgive": Forgive,
    "reverse": Reverse,
    "close": Close,
    "reopen": Reopen,
    "expire": Expire,
    "activate_lot": ActivateLot,
    "extend": Extend,
    "reinstate": Reinstate,
    "redate": Redate,
    "comment": Comment,
    "assign": Assign,
    "set_profile": SetProfile,
    "take_notices": TakeNotices,
    "redeem": Redeem,
    "hold": Hold,
    "capture": Capture,
    "release": Release,
    "place": Place,
    "process": Process,
    "pay": Pay,
    "approve_payment": ApprovePayment,
    "activate": Activate,
    "invoice": Invoice,
    "cancel_lines": CancelLines,
    "return_lines": ReturnLines,
    "decide_return": DecideReturn,
    "cancel": Cancel,
}
"""Every command by its name, as stored and as shown."""

_NAMES: dict[type, str] = {kind: name for name, kind in COMMANDS.items()}


def command_name(command: Command) -> str:
    """
    Return the name of a command's kind.
    """
    return _NAMES[type(command)]


def command_to_mapping(command: Command) -> dict[str, Any]:
    """
    Return a command's content, without key and now, as a plain mapping.
    """
    return {"command": command_name(command), **to_mapping(command)}


def command_from_mapping(mapping: Mapping[str, Any]) -> Command:
    """
    Return the command that a plain mapping describes; the inverse of `command_to_mapping`.

    Raises:
        InvalidInput: no such command, or wrong content.
    """
    content = dict(mapping)
    name = content.pop("command", None)
    if type(name) is not str or name not in COMMANDS:
        raise InvalidInput("command", name, f"must be one of {', '.join(COMMANDS)}")
    return from_mapping(COMMANDS[name], content)


def order_of(command: Command) -> str | None:
    """
    Return the order that a command names, or None.
    """
    return command.order if isinstance(command, OrderCommand | Redeem) else None


ABOUT_ACCOUNT = " account"
"""The topic of what concerns the account as a whole."""


def topic_of_entry(sequence: int) -> str:
    """
    Return the topic of what concerns an entry, or the lot that it opened.
    """
    return f" entry/{sequence}"


def is_command(value: object) -> bool:
    """
    Whether a value is one of `COMMANDS`.
    """
    return type(value) in _NAMES


_BYWORDS = frozenset({"actor", "reason", "comment", "channel", "customer_group"})
"""What is said about a fact; whoever reports it again, it is the same fact (R-29)."""


def check_same(recorded: Command, given: Command, key: str, *, as_fact: bool = False) -> None:
    """
    Raise `IdempotencyConflict`, naming the first field that differs, unless both commands say the same (I-17).

    Args:
        as_fact: the caller named the business fact and not a key, so who says it and why does not matter (I-15).
    """
    if type(recorded) is not type(given):
        raise IdempotencyConflict(key, "command", command_name(recorded), command_name(given))
    if recorded != given:
        for attribute in fields(type(given)):
            was, now = getattr(recorded, attribute.name), getattr(given, attribute.name)
            if attribute.eq and was != now and not (as_fact and attribute.name in _BYWORDS):
                raise IdempotencyConflict(key, attribute.name, was, now)


def _check_payment(command: Payment) -> None:
    if command.currency is not None:
        check_currency(command.currency, "currency")
    for name in ("to_pay", "eligible"):
        if getattr(command, name) is not None:
            check_money(getattr(command, name), name)


def _check_document(document: Any) -> None:
    if type(document) is not Order:
        raise InvalidInput("order", document, "must be an Order")
