"""
The ledger: the verbs by which a shop works with points.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from datetime import UTC, datetime
from functools import wraps
from os import urandom
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypedDict, TypeVar, Unpack, overload

from attrs import evolve, frozen

from . import plans
from .domain import commands
from .domain.account import Account
from .domain.adjusting import awaits_approval
from .domain.award import Award
from .domain.balance import Balance, Expiring, read_balance, read_expiring, read_lots_in_use
from .domain.commands import Command
from .domain.decisions import Decision, decide
from .domain.entries import Entry
from .domain.explanation import Explanation, read_explanation
from .domain.fields import as_tuple
from .domain.identity import check_identifier
from .domain.instants import check_instant
from .domain.lot_decisions import Redating, read_redating
from .domain.lot_record import LotRecord, read_lot_record
from .domain.lots import Lot
from .domain.money import Money
from .domain.notice import Notice
from .domain.notices import read_notices, read_taken
from .domain.orders import CYCLES_MAX, Order, Tender
from .domain.points import TOTAL_MAX, check_count
from .domain.program import Program
from .domain.quotes import read_quote, read_redemption
from .domain.reads import DrawsOn, EntriesAfter, Reading, read_entries
from .domain.redemption import RedemptionQuote
from .domain.refunds import RefundQuote, ReturnProposal, read_refund, read_return
from .errors import InvalidInput
from .plans import Plan, carry_out
from .port import AsyncStorage, Job, Storage

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")

BATCH_MAX = 10_000
"""The most commands of one batch."""

Lines = Mapping[str, int]
"""Units by line id."""


def _now() -> datetime:
    return datetime.now(UTC)


def _new_key() -> str:
    return urandom(16).hex()


@frozen
class Receipt:
    """
    What a command did.

    Args:
        entries: the entries it wrote, by sequence; empty only for a sweep that found nothing.
        replayed: whether the same was asked before and these are the first call's entries (R-44).
    """

    entries: tuple[Entry, ...]
    replayed: bool = False

    @property
    def points(self) -> int:
        """
        The points that the command itself moved: above 0 into lots, below 0 out of them.

        What time did first and what repaid debt is not counted, nor that a hold let points go to pay with them; what an
        order had earned, and lost by being paid with points, is.
        """
        counted = [entry for entry in self.entries if not entry.is_by_time]
        return sum(e.points for e in counted if e.kind != "released" or type(e.command) is not commands.Capture)

    @property
    def awaits_approval(self) -> bool:
        """
        Whether the adjustment was only noted, and a second actor has to approve it (R-40).
        """
        return any(awaits_approval(entry) for entry in self.entries)

    @property
    def sequence(self) -> int:
        """
        The sequence of the first entry that the command is about: what time did first does not count; 0 without any.
        """
        return next((entry.sequence for entry in self.entries if not entry.is_by_time), 0)

    @property
    def money(self) -> Money | None:
        """
        What redeemed points paid, or held points are to pay (R-26, R-27).
        """
        return next((entry.money for entry in self.entries if entry.kind in {"redeemed", "held"}), None)

    @property
    def still_to_pay(self) -> Money | None:
        """
        What is left to pay after the points, where the command or the order says what there was to pay (R-26).
        """
        return next((entry.still_to_pay for entry in self.entries if entry.kind in {"redeemed", "held"}), None)

    @property
    def shortfall(self) -> int:
        """
        The points to take back that were spent and are now owed or written off (R-32).
        """
        return sum(entry.shortfall for entry in self.entries)


@frozen
class Sweep:
    """
    How far a sweep over due accounts has come (R-39).

    Args:
        accounts: how many accounts it has looked at.
        points: how many points it booked as expired.
        complete: whether no due account is left.
    """

    accounts: int = 0
    points: int = 0
    complete: bool = False


class Circumstances(TypedDict, total=False):
    """
    What every command carries besides a comment; see `pointsledger.commands.Command`.
    """

    key: str | None
    at: datetime | None
    occurred_at: datetime | None
    actor: str | None
    reason: str | None
    channel: str | None
    customer_group: str | None


class Details(Circumstances, total=False):
    """
    What every command carries.
    """

    comment: str | None


class Verb(Generic[P, T]):
    """
    A verb of the ledgers, as the plan that it carries out.

    To type checkers it is a method of both ledgers; `Ledger` and `AsyncLedger` make the functions of it.
    """

    def __init__(self, plan: Callable[Concatenate[Any, P], Plan[T]]) -> None:
        self.plan = plan
        # What a caller gets is the plan's result.
        result: str = plan.__annotations__["return"]
        plan.__annotations__["return"] = result.removeprefix("Plan[").removesuffix("]")

    if TYPE_CHECKING:

        @overload
        def __get__(self, ledger: Verbs[Storage], owner: type[Any]) -> Callable[P, T]: ...
        @overload
        def __get__(self, ledger: Verbs[AsyncStorage], owner: type[Any]) -> Callable[P, Coroutine[Any, Any, T]]: ...
        @overload
        def __get__(self, ledger: None, owner: type[Verbs[Storage]]) -> Callable[Concatenate[Any, P], T]: ...
        @overload
        def __get__(
            self, ledger: None, owner: type[Verbs[AsyncStorage]]
        ) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]: ...
        def __get__(self, ledger: Any, owner: type[Any]) -> Any: ...


def give_verbs(owner: type[Verbs[Any]], function_of: Callable[[Callable[..., Plan[Any]]], Callable[..., Any]]) -> None:
    """
    Give a ledger a function for each verb.
    """
    for name, verb in vars(Verbs).items():
        if isinstance(verb, Verb):
            function = function_of(verb.plan)
            function.__qualname__ = f"{owner.__qualname__}.{name}"
            function.__module__ = owner.__module__
            setattr(owner, name, function)


class Verbs(Generic[S]):
    """
    What both ledgers do, each verb written once as a plan; `Ledger` and `AsyncLedger` carry the plans out.
    """

    def __init__(
        self,
        program: Program,
        storage: S,
        *,
        clock: Callable[[], datetime] = _now,
        new_key: Callable[[], str] = _new_key,
    ) -> None:
        self.program = _checked(program, Program, "program")
        self.storage = storage
        self._clock = clock
        self._new_key = new_key

    # --- commands as values ------------------------------------------------------------------------------------

    @Verb
    def apply(self, command: Command) -> Plan[Receipt]:
        """
        Carry out one command.

        Raises:
            Refused: the command is refused and nothing changed.
            TryAgain, OperatorNeeded: what the storage raises.
        """
        return self._apply(command)

    @Verb
    def apply_all(self, batch: Iterable[Command]) -> Plan[tuple[Receipt, ...]]:
        """
        Carry out many commands in one transaction: all of them or none, with the results of one by one.

        Args:
            batch: 1 to 10,000 commands; each sees what those before it did.

        Raises:
            InvalidInput: an empty or too long batch, or something that is no command.
            Refused: what the first refused command raises; nothing of the batch is kept.
        """
        jobs = tuple(self._job(command) for command in as_tuple(batch))
        check_count(len(jobs), "batch", most=BATCH_MAX)
        decisions = yield from plans.transact_all(jobs)
        return tuple(_receipt(decision) for decision in decisions)

    def _apply(self, command: Command) -> Plan[Receipt]:
        return _receipt((yield from plans.transact(self._job(command))))

    def _job(self, command: Command) -> Job:
        if not commands.is_command(command):
            raise InvalidInput("command", command, "must be a command")
        key = command.key or command.fact
        if key is None and type(command) is not commands.Expire:
            key = check_identifier(self._new_key(), "new_key")
        now = command.at or check_instant(self._clock(), "clock")
        program = self.program

        def decided(account: Account, earlier: tuple[Entry, ...]) -> Reading[Decision]:
            return decide(program, command, key, now, account, earlier)

        return Job(program.id, command.account, key, decided)

    # --- points counted by the host, and corrections -------------------------------------------------------------

    @Verb
    def earn(self, account: str, points: int, **details: Unpack[Details]) -> Plan[Receipt]:
        """
        Give points that the host counted itself; they follow the program's pending and expiry policies.

        Raises:
            AccountClosed, StorefrontClosed, ProgramInactive, LimitExceeded: in this order.
        """
        return self._apply(commands.Earn(account=account, points=points, **details))

    @Verb
    def act(
        self,
        account: str,
        action: str,
        *,
        subject: str | None = None,
        invitee: str | None = None,
        amount: Money | None = None,
        **details: Unpack[Details],
    ) -> Plan[Receipt]:
        """
        Report that the holder did something that the program may reward: registered, wrote a review, brought somebody
        (R-16).

        Args:
            action: such as ``"registration"``; the program's per_action rules name it.
            subject: what tells acts of one kind apart, such as the review; the same act twice has one effect.
            invitee: who came through it, for rules that reward the first act of each.
            amount: what rules with `per` count, such as the value of the invitee's order.

        Raises:
            AccountClosed, StorefrontClosed, IdempotencyConflict, ProgramInactive, LimitExceeded: in this order.
        """
        command = commands.Act(
            account=account, action=action, subject=subject, invitee=invitee, amount=amount, **details
        )
        return self._apply(command)

    @Verb
    def adjust(
        self,
        account: str,
        points: int,
        *,
        expires_at: datetime | None = None,
        allow_debt: bool = False,
        **details: Unpack[Details],
    ) -> Plan[Receipt]:
        """
        Add or take points by hand, at once; `actor` and `reason` are required (R-40).

        Args:
            points: above 0 adds a lot, below 0 draws on lots in the order of use.
            expires_at: when a credit lapses; the program's policy where it is not given.
            allow_debt: let a debit go below zero; the rest becomes debt.

        Raises:
            InvalidInput, AccountClosed, InsufficientPoints, LimitExceeded: in this order.

        Above the program's `approval_above` it is only noted: the receipt `awaits_approval`, and `approve` with the
        receipt's `sequence` carries it out.
        """
        command = commands.Adjust(
            account=account, points=points, expires_at=expires_at, allow_debt=allow_debt, **details
        )
        return self._apply(command)

    @Verb
    def approve(self, account: str, entry: int, **details: Unpack[Details]) -> Plan[Receipt]:
        """
        Carry out an adjustment that waits for approval; `actor` is required and is not who asked for it (R-40).

        Raises:
            AccountClosed, EntryUnknown, NotAwaiting, SameActor, InsufficientPoints, LimitExceeded: in this order.
        """
        return self._apply(commands.Approve(account=account, entry=entry, **details))

    @Verb
    def decline(self, account: str, entry: int, **details: Unpack[Details]) -> Plan[Receipt]:
        """
        Decline an adjustment that waits for approval; `actor` and `reason` are required (R-40).

        Raises:
            AccountClosed, EntryUnknown, NotAwaiting, SameActor: in this order.
        """
        return self._apply(commands.Decline(account=account, entry=entry, **details))

    @Verb
    def set_balance(self, account: str, points: int, **details: Unpack[Details]) -> Plan[Receipt]:
        """
        Adjust so that exactly `points` (0 or more) are available; `actor` and `reason` are required (R-40).
        """
        return self._apply(commands.SetBalance(account=account, points=points, **details))

    @Verb
    def forgive(self, account: str, points: int, **details: Unpack[Details]) -> Plan[Receipt]:
        """
        Forgive debt; `actor` and `reason` are required (R-33).

        Raises:
            NoDebt: the account owes less.
        """
        return self._apply(commands.Forgive(account=account, points=points, **details))

    @Verb
    def reverse(self, account: str, entry: int, points: int | None = None, **details: Unpack[Details]) -> Plan[Receipt]:
        """
        Take back an entry that no order governs, what is left of it or a part; `actor` and `reason` are required.

        Raises:
            EntryUnknown, NotReversible, ReversalExceeded, ShortfallRefused: in this order (R-35).
        """
        return self._apply(commands.Reverse(account=account, entry=entry, points=points, **details))

    @Verb
    def close_account(self, account: str, **details: Unpack[Details]) -> Plan[Receipt]:
        """
        Close an account: only `reopen_account` and expiry touch it then; `actor` and `reason` are required.
        """
        return self._apply(commands.Close(account=account, **details))

    @Verb
    def reopen_account(self, account: str, **details: Unpack[Details]) -> Plan[Receipt]:
        """
        Reopen a closed account; `actor` and `reason` are required.

        Raises:
            AccountOpen: it is not closed.
        """
        return self._apply(commands.Reopen(account=account, **details))

    # --- lots and holders ----------------------------------------------------------------------------------------

    @Verb
    def redate(self, account: str, **details: Unpack[Details]) -> Plan[Receipt]:
        """
        Give every open lot that follows the program's policy the date that the policy gives it now; `actor` and
        `reason` are required (R-38, S1.18). A lot whose new date is past lapses in the same command.

        Raises:
            AccountClosed: the account is closed.
        """
        return self._apply(commands.Redate(account=account, **details))

    @Verb
    def preview_redating(self, account: str, *, at: datetime | None = None) -> Plan[Redating]:
        """
        Return what `redate` would do: how many points would move, and how many would lapse at once (R-38).
        """
        now = self._at(at)
        return self._read(account, lambda state: read_redating(self.program, state, now))

    @Verb
    def activate_lot(self, account: str, lot: int, **details: Unpack[Details]) -> Plan[Receipt]:
        """
        Report the event that the points of one lot waited for: they are usable from now on (R-20).

        Raises:
            AccountClosed, LotUnknown, NotPending: in this order.
        """
        return self._apply(commands.ActivateLot(account=account, lot=lot, **details))

    @Verb
    def extend(self, account: str, lot: int, expires_at: datetime | None, **details: Unpack[Details]) -> Plan[Receipt]:
        """
        Give a lot a later date, or none; `actor` and `reason` are required (R-38).

        Raises:
            AccountClosed, LotUnknown, NotLater: in this order.
        """
        return self._apply(commands.Extend(account=account, lot=lot, expires_at=expires_at, **details))

    @Verb
    def reinstate(
        self,
        account: str,
        lot: int,
        points: int | None = None,
        *,
        expires_at: datetime | None = None,
        **details: Unpack[Details],
    ) -> Plan[Receipt]:
        """
        Let lapsed points of a lot live again, all or some; `actor` and `reason` are required (R-38).

        Args:
            expires_at: until when; None: the date that the program's policy gives from now.

        Raises:
            AccountClosed, LotUnknown, InvalidInput (the date has passed), NotLapsed, LimitExceeded: in this order.
        """
        command = commands.Reinstate(account=account, lot=lot, points=points, expires_at=expires_at, **details)
        return self._apply(command)

    @Verb
    def comment(
        self, account: str, comment: str, *, entry: int | None = None, **details: Unpack[Circumstances]
    ) -> Plan[Receipt]:
        """
        Add a comment to the account, or to an entry and the lot that it opened; it moves no points (R-41).

        Raises:
            AccountClosed, EntryUnknown: in this order.
        """
        return self._apply(commands.Comment(account=account, entry=entry, comment=comment, **details))

    @Verb
    def assign(self, account: str, lot: int, responsible: str, **details: Unpack[Details]) -> Plan[Receipt]:
        """
        Make an operator responsible for a lot (S4.6).

        Raises:
            AccountClosed, LotUnknown: in this order.
        """
        return self._apply(commands.Assign(account=account, lot=lot, responsible=responsible, **details))

    @Verb
    def set_profile(
        self,
        account: str,
        *,
        holder: commands.Holder | None = None,
        verified: bool | None = None,
        balance_updates: bool | None = None,
        expiry_warnings: bool | None = None,
        **details: Unpack[Details],
    ) -> Plan[Receipt]:
        """
        Say who the holder is and what it wants to be told; None leaves what is known (S1.4, S2.2, S4.5).

        Args:
            verified: True: its identity is verified, from `occurred_at` on, for good.
            balance_updates, expiry_warnings: its subscriptions to notices.

        Raises:
            InvalidInput, AccountClosed: in this order.
        """
        command = commands.SetProfile(
            account=account,
            holder=holder,
            verified=verified,
            balance_updates=balance_updates,
            expiry_warnings=expiry_warnings,
            **details,
        )
        return self._apply(command)

    # --- using points ------------------------------------------------------------------------------------------

    @Verb
    def quote_redemption(
        self,
        account: str,
        points: int | None = None,
        *,
        order: str | None = None,
        cycle: int = 1,
        currency: str | None = None,
        to_pay: Money | None = None,
        eligible: Money | None = None,
        channel: str | None = None,
        customer_group: str | None = None,
        actor: str | None = None,
        at: datetime | None = None,
    ) -> Plan[RedemptionQuote]:
        """
        Return how many points could be redeemed now, of `points` or of all, what they pay, and what bound (R-25).

        `redeem(account, quote.points, ...)` with the same arguments is then accepted, if nothing happens between.

        What the order itself earned is not counted where redeeming takes it back first (R-18).

        Raises:
            AccountClosed; StorefrontClosed; IdempotencyConflict: the order is paid with points already; CycleNotOpen,
            OrderCancelled, HoldOpen, ProgramInactive, DebtOutstanding, BelowThreshold, CurrencyMismatch,
            NoExchangeRate, InvalidInput, ShortfallRefused: in this order.
        """
        wish = commands.Redeem(
            account=account,
            points=1 if points is None else points,
            order=order,
            cycle=cycle,
            currency=currency,
            to_pay=to_pay,
            eligible=eligible,
            channel=channel,
            customer_group=customer_group,
            actor=actor,
        )
        now = self._at(at)
        return self._read(
            account, lambda state: read_redemption(self.program, state, now, wish, everything=points is None)
        )

    @Verb
    def redeem(
        self,
        account: str,
        points: int,
        *,
        order: str | None = None,
        cycle: int = 1,
        currency: str | None = None,
        to_pay: Money | None = None,
        eligible: Money | None = None,
        **details: Unpack[Details],
    ) -> Plan[Receipt]:
        """
        Use exactly `points`, as a payment (R-26); the receipt's `money` is what they paid.

        With an order, the order earns nothing, whichever is reported first (R-18), and a cancel restores the points.
        An order is paid with points once in a cycle.

        Raises:
            AccountClosed, StorefrontClosed, IdempotencyConflict, CycleNotOpen, OrderCancelled, HoldOpen,
            ProgramInactive, DebtOutstanding, BelowThreshold, CurrencyMismatch, NoExchangeRate, InvalidInput,
            ShortfallRefused (points that the order earned are spent), InsufficientPoints, RedemptionLimited: in this
            order.
        """
        command = commands.Redeem(
            account=account,
            points=points,
            order=order,
            cycle=cycle,
            currency=currency,
            to_pay=to_pay,
            eligible=eligible,
            **details,
        )
        return self._apply(command)

    @Verb
    def hold(
        self,
        account: str,
        points: int,
        *,
        order: str,
        until: datetime,
        id: str = "hold",
        cycle: int = 1,
        currency: str | None = None,
        to_pay: Money | None = None,
        eligible: Money | None = None,
        **details: Unpack[Details],
    ) -> Plan[Receipt]:
        """
        Set exactly `points` aside for an order, while its payment goes on (R-27).

        They cannot be spent, taken back or lapse until they are captured, released, or `until` comes.

        Args:
            until: the first instant at which they are free again by themselves.
            id: tells holds of an order apart; one of them is open at a time.

        Raises:
            AccountClosed, StorefrontClosed, IdempotencyConflict, CycleNotOpen, OrderCancelled, HoldOpen,
            InvalidInput (the deadline has passed), ProgramInactive, DebtOutstanding, BelowThreshold,
            CurrencyMismatch, NoExchangeRate, ShortfallRefused (points that the order earned are spent),
            InsufficientPoints, RedemptionLimited: in this order.
        """
        command = commands.Hold(
            account=account,
            points=points,
            order=order,
            until=until,
            id=id,
            cycle=cycle,
            currency=currency,
            to_pay=to_pay,
            eligible=eligible,
            **details,
        )
        return self._apply(command)

    @Verb
    def capture(
        self,
        order: str,
        points: int | None = None,
        *,
        account: str,
        id: str = "hold",
        cycle: int = 1,
        **details: Unpack[Details],
    ) -> Plan[Receipt]:
        """
        Pay with the points of a hold, all of them or `points`, in whole groups of its rate; the rest is free again.

        The order is then paid with points as by `redeem` (R-18, R-26, R-27).

        Raises:
            AccountClosed, IdempotencyConflict, CycleNotOpen, OrderUnknown (no such hold), HoldClosed, HoldExceeded,
            RedemptionLimited, ShortfallRefused: in this order.
        """
        command = commands.Capture(account=account, order=order, cycle=cycle, id=id, points=points, **details)
        return self._apply(command)

    @Verb
    def release(
        self, order: str, *, account: str, id: str = "hold", cycle: int = 1, **details: Unpack[Details]
    ) -> Plan[Receipt]:
        """
        Let the points of a hold go; of a hold that lapsed meanwhile, this changes nothing (R-27).

        Raises:
            AccountClosed, IdempotencyConflict, CycleNotOpen, OrderUnknown (no such hold), HoldClosed (its points have
            paid): in this order.
        """
        return self._apply(commands.Release(account=account, order=order, cycle=cycle, id=id, **details))

    # --- facts of orders ---------------------------------------------------------------------------------------

    @Verb
    def quote(self, order: Order, *, at: datetime | None = None) -> Plan[Award]:
        """
        Return what the order would earn, per rule and line, and why, before anything is recorded (R-21).

        Raises:
            CurrencyMismatch: the order is known in another currency.
        """
        now = self._at(at)
        _checked(order, Order, "order")
        return self._read(order.account, lambda state: read_quote(self.program, state, order, max(now, state.as_of)))

    @Verb
    def place(self, order: Order, **details: Unpack[Details]) -> Plan[Receipt]:
        """
        Report that the order was saved.
        """
        _checked(order, Order, "order")
        command = commands.Place(account=order.account, order=order.id, cycle=order.cycle, document=order, **details)
        return self._apply(command)

    @Verb
    def process(self, order: Order, **details: Unpack[Details]) -> Plan[Receipt]:
        """
        Report that the order was processed; under the default timing it earns now (R-13, S3.6).

        Raises:
            AccountClosed; IdempotencyConflict: the same order and cycle with other content; CycleNotOpen: the cycle
            before is not cancelled.
        """
        _checked(order, Order, "order")
        command = commands.Process(account=order.account, order=order.id, cycle=order.cycle, document=order, **details)
        return self._apply(command)

    @Verb
    def pay(
        self, order: str, tender: Tender, *, account: str, cycle: int = 1, **details: Unpack[Details]
    ) -> Plan[Receipt]:
        """
        Report a payment; `tender.id` tells payments of an order apart (S2.5).
        """
        return self._apply(commands.Pay(account=account, order=order, cycle=cycle, tender=tender, **details))

    @Verb
    def approve_payment(
        self, order: str, tender: str, *, account: str, cycle: int = 1, **details: Unpack[Details]
    ) -> Plan[Receipt]:
        """
        Report that a payment which waited for approval is approved (S2.6).
        """
        command = commands.ApprovePayment(account=account, order=order, cycle=cycle, tender=tender, **details)
        return self._apply(command)

    @Verb
    def activate(self, order: str, *, account: str, cycle: int = 1, **details: Unpack[Details]) -> Plan[Receipt]:
        """
        Report the event that the order's points waited for, such as its delivery: they are usable from now on, and the
        clock of their expiry starts (R-20). Reported before the order earns, it holds for what it earns later.
        """
        return self._apply(commands.Activate(account=account, order=order, cycle=cycle, **details))

    @Verb
    def invoice(
        self,
        order: str,
        invoice: str,
        lines: Lines,
        *,
        account: str,
        cycle: int = 1,
        **details: Unpack[Details],
    ) -> Plan[Receipt]:
        """
        Report an invoice over units of lines (S1.33).

        Raises:
            OrderUnknown: a line that the order does not have; QuantityExceeded: more units than it has.
        """
        command = commands.Invoice(account=account, order=order, cycle=cycle, id=invoice, lines=lines, **details)
        return self._apply(command)

    @Verb
    def cancel_lines(
        self,
        order: str,
        cancellation: str,
        lines: Lines,
        *,
        account: str,
        cycle: int = 1,
        **details: Unpack[Details],
    ) -> Plan[Receipt]:
        """
        Report units that were cancelled before delivery; they do not earn and do not block (R-13).

        Raises:
            OrderUnknown, QuantityExceeded, ShortfallRefused: in this order.
        """
        command = commands.CancelLines(
            account=account, order=order, cycle=cycle, id=cancellation, lines=lines, **details
        )
        return self._apply(command)

    @Verb
    def return_lines(
        self,
        order: str,
        return_id: str,
        lines: Lines,
        *,
        account: str,
        cycle: int = 1,
        **details: Unpack[Details],
    ) -> Plan[Receipt]:
        """
        Report units that came back; points follow at once where the program's returns are automatic, else after
        `settle_return` (R-30).

        Raises:
            OrderUnknown, QuantityExceeded, ShortfallRefused: in this order.
        """
        command = commands.ReturnLines(account=account, order=order, cycle=cycle, id=return_id, lines=lines, **details)
        return self._apply(command)

    @Verb
    def propose_return(
        self, order: str, return_id: str, *, account: str, cycle: int = 1, at: datetime | None = None
    ) -> Plan[ReturnProposal]:
        """
        Return what accepting a reported return would do.

        Raises:
            OrderUnknown: there is no such return.
        """
        now = self._at(at)
        check_identifier(order, "order")
        check_identifier(return_id, "return_id")
        check_count(cycle, "cycle", most=CYCLES_MAX)
        return self._read(account, lambda state: read_return(self.program, state, now, order, cycle, return_id))

    @Verb
    def quote_refund(
        self,
        order: str,
        lines: Lines | None = None,
        *,
        account: str,
        cycle: int = 1,
        at: datetime | None = None,
    ) -> Plan[RefundQuote]:
        """
        Return what a refund would do to money and points together: of units of lines, or of the whole order by a cancel
        (R-30, S1.36).

        Raises:
            OrderUnknown: the order or a line is not known; QuantityExceeded: more units than it holds.
        """
        now = self._at(at)
        check_identifier(order, "order")
        check_count(cycle, "cycle", most=CYCLES_MAX)
        return self._read(account, lambda state: read_refund(self.program, state, now, order, cycle, lines))

    @Verb
    def settle_return(
        self,
        proposal: ReturnProposal,
        *,
        take_back: int | None = None,
        give_back: int | None = None,
        **details: Unpack[Details],
    ) -> Plan[Receipt]:
        """
        Accept a proposal, change its figures, or decline it with both at 0; `actor` and `reason` are required.

        Raises:
            OrderUnknown, NotReversible, OrderCancelled, ReversalExceeded: more than was earned or used (S1.36);
            ProposalOutdated: the proposal is no longer what was looked at; ShortfallRefused.
        """
        _checked(proposal, ReturnProposal, "proposal")
        command = commands.DecideReturn(
            account=proposal.account,
            order=proposal.order,
            cycle=proposal.cycle,
            return_id=proposal.return_id,
            take_back=proposal.take_back if take_back is None else take_back,
            give_back=proposal.give_back if give_back is None else give_back,
            proposed_take_back=proposal.take_back,
            proposed_give_back=proposal.give_back,
            **details,
        )
        return self._apply(command)

    @Verb
    def cancel(self, order: str, *, account: str, cycle: int = 1, **details: Unpack[Details]) -> Plan[Receipt]:
        """
        Report that the order was cancelled: what it earned is taken back, what it redeemed is restored (R-29).

        A cancel of an order that was never reported leaves a mark, so that a late report earns nothing.
        To process the order anew afterwards, give it the next cycle.

        Raises:
            ShortfallRefused: points are spent and the program refuses to go on without them.
        """
        return self._apply(commands.Cancel(account=account, order=order, cycle=cycle, **details))

    # --- time --------------------------------------------------------------------------------------------------

    @Verb
    def expire(self, account: str, *, at: datetime | None = None) -> Plan[Receipt]:
        """
        Book what has lapsed on one account. Balances are right without it (R-11); it only writes them down.
        """
        return self._apply(commands.Expire(account=account, at=at))

    @Verb
    def expire_due(
        self,
        *,
        at: datetime | None = None,
        batch: int = 500,
        progress: Callable[[Sweep], bool | None] | None = None,
    ) -> Plan[Sweep]:
        """
        Book what has lapsed on every account that is due, in batches of one transaction each (R-39).

        Run twice, in parallel or never, balances are the same.

        Args:
            batch: accounts per transaction, 1 to 10,000.
            progress: called after each batch with the sweep so far; returning False stops the sweep.
                What is booked stays booked, and the next sweep goes on where this one stopped.
        """
        check_count(batch, "batch", most=BATCH_MAX)
        now = self._at(at)
        sweep = Sweep()
        while ids := (yield from plans.due_accounts(self.program.id, now, batch)):
            jobs = [self._job(commands.Expire(account=account, at=now)) for account in ids]
            decisions = yield from plans.transact_all(jobs)
            points = -sum(e.points for d in decisions for e in d.entries if e.kind == "expired")
            sweep = Sweep(sweep.accounts + len(ids), sweep.points + points)
            if progress is not None and progress(sweep) is False:
                return sweep
        return evolve(sweep, complete=True)

    # --- notices -----------------------------------------------------------------------------------------------

    @Verb
    def notices(self, account: str, *, at: datetime | None = None) -> Plan[tuple[Notice, ...]]:
        """
        Return the notices that are due and were not taken yet: updates by entry, then warnings by date (R-42).
        """
        now = self._at(at)
        return self._read(account, lambda state: read_notices(self.program, state, max(now, state.as_of)))

    @Verb
    def take_notices(self, account: str, **details: Unpack[Details]) -> Plan[tuple[Notice, ...]]:
        """
        Take the notices that are due, each for the only time; with the same key, the same ones again (R-42).

        Where none is due nothing is written, and the key stays free.

        To neither lose nor repeat one, take them in your own transaction, beside the row that says what to send.
        """
        return self._take_notices(commands.TakeNotices(account=account, **details))

    def _take_notices(self, command: commands.TakeNotices) -> Plan[tuple[Notice, ...]]:
        decision = yield from plans.transact(self._job(command))
        if not decision.replayed:
            return decision.notices
        return (yield from self._read(command.account, lambda state: read_taken(state, decision.entries[-1].sequence)))

    @Verb
    def due_notices(self, *, at: datetime | None = None, batch: int = 500) -> Plan[tuple[Notice, ...]]:
        """
        Take the notices of accounts on which any are due, the longest due first; none: there are no more (R-42).

        Args:
            batch: from how many accounts to take at most, 1 to 10,000; each is one transaction.
        """
        check_count(batch, "batch", most=BATCH_MAX)
        now = self._at(at)
        if not self.program.active:  # every account stays due until it is on again
            return ()
        while ids := (yield from plans.accounts_to_notify(self.program.id, now, batch)):
            found: list[Notice] = []
            for account in ids:
                found += yield from self._take_notices(commands.TakeNotices(account=account, at=now))
            if found:
                return tuple(found)
        return ()

    # --- reading -----------------------------------------------------------------------------------------------

    @Verb
    def balance(
        self,
        account: str,
        *,
        channel: str | None = None,
        customer_group: str | None = None,
        at: datetime | None = None,
    ) -> Plan[Balance]:
        """
        Return what an account has at an instant: now, in the past as then recorded, or in the future as a forecast.

        An account without entries has a balance of 0.

        Args:
            channel, customer_group: where and for whom it is valued (R-23).
        """
        now = self._at(at)
        for name, value in (("channel", channel), ("customer_group", customer_group)):
            if value is not None:
                check_identifier(value, name)

        def reader(state: Account) -> Reading[Balance]:
            when = self._not_before(state, at, now)
            return read_balance(self.program, state, when, channel=channel, customer_group=customer_group)

        return self._read(account, reader)

    @Verb
    def expiring(self, account: str, *, at: datetime | None = None) -> Plan[tuple[Expiring, ...]]:
        """
        Return which points lapse when if nothing happens before, soonest first; none where the program is off.
        """
        now = self._at(at)
        return self._read(account, lambda state: read_expiring(self.program, state, self._not_before(state, at, now)))

    @Verb
    def lots(self, account: str, *, at: datetime | None = None) -> Plan[tuple[Lot, ...]]:
        """
        Return the lots with points left, in the order in which they will be drawn, pending ones included.
        """
        now = self._at(at)
        return self._read(
            account, lambda state: read_lots_in_use(self.program, state, self._not_before(state, at, now))
        )

    @Verb
    def lot(self, account: str, lot: int, *, at: datetime | None = None) -> Plan[LotRecord]:
        """
        Return everything about one lot: its counters, dates, status, holder, redemptions, updates, comments (R-41).

        Args:
            at: now or later; with an earlier instant it is shown as it stands since the account's last entry.

        Raises:
            LotUnknown: the account has no such lot.
        """
        check_count(lot, "lot", most=TOTAL_MAX)
        now = self._at(at)
        return self._read(account, lambda state: read_lot_record(self.program, state, lot, max(now, state.as_of)))

    @Verb
    def entries(self, account: str, *, after: int = 0, limit: int = 1000) -> Plan[tuple[Entry, ...]]:
        """
        Return at most `limit` (1 to 10,000) entries with a sequence above `after`, by sequence.
        """
        check_count(after, "after", least=0, most=TOTAL_MAX)
        check_count(limit, "limit", most=BATCH_MAX)
        return self._read(account, lambda state: read_entries(EntriesAfter(after, limit)))

    @Verb
    def draws_on(self, account: str, lot: int) -> Plan[tuple[Entry, ...]]:
        """
        Return the entries that drew on a lot or gave points back to it, by sequence (R-08).
        """
        check_count(lot, "lot", most=TOTAL_MAX)
        return self._read(account, lambda state: read_entries(DrawsOn(lot)))

    @Verb
    def explain(self, account: str, sequence: int) -> Plan[Explanation]:
        """
        Explain an entry: the rules with their inputs and exact results, the lots, the reasons of rules that gave
        nothing (R-10).

        Raises:
            EntryUnknown: the account has no such entry.
        """
        check_count(sequence, "sequence", most=TOTAL_MAX)
        return self._read(account, lambda state: read_explanation(state, sequence))

    @Verb
    def accounts(self, *, after: str = "", limit: int = 1000) -> Plan[tuple[str, ...]]:
        """
        Return at most `limit` (1 to 10,000) account ids above `after`, in ascending order of their bytes.
        """
        check_count(limit, "limit", most=BATCH_MAX)
        if type(after) is not str or after:
            check_identifier(after, "after")
        return tuple((yield from plans.accounts(self.program.id, after, limit)))

    def _read(self, account: str, reader: Callable[[Account], Reading[T]]) -> Plan[T]:
        return plans.read(self.program.id, check_identifier(account, "account"), reader)

    def _at(self, at: datetime | None) -> datetime:
        return check_instant(self._clock(), "clock") if at is None else check_instant(at, "at")

    @staticmethod
    def _not_before(account: Account, at: datetime | None, now: datetime) -> datetime:
        """
        Where the caller names no instant, a clock behind the account's time counts as that time (R-04).
        """
        return max(now, account.as_of) if at is None else now


class Ledger(Verbs[Storage]):
    """
    One program's points, kept in a storage.

    Every writing verb takes `key` (once and only once, R-44), `at` (the host's now), `occurred_at` (when it happened
    in business), `actor`, `reason`, `comment`, `channel` and `customer_group`; see `pointsledger.commands.Command`.
    A verb returns a `Receipt`, or raises a `Refused` error and changes nothing.

    Args:
        program: the rules in force.
        storage: where it is kept; see `pointsledger.port.Storage`.
        clock: says now where a call does not.
        new_key: makes a key where a command has neither a key nor a fact of its own.
    """


def _at_once(plan: Callable[..., Plan[T]]) -> Callable[..., T]:
    @wraps(plan)
    def verb(self: Ledger, *args: Any, **kwargs: Any) -> T:
        return carry_out(plan(self, *args, **kwargs), self.storage)

    return verb


give_verbs(Ledger, _at_once)


def _receipt(decision: Decision) -> Receipt:
    return Receipt(decision.entries, decision.replayed)


def _checked(value: T, kind: type[T], name: str) -> T:
    """
    Return `value` if it is of this very type; else raise `InvalidInput`.
    """
    if type(value) is not kind:
        raise InvalidInput(name, value, f"must be {kind.__name__}")
    return value
