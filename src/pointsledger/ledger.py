"""
The ledger: the verbs by which a shop works with points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from os import urandom
from typing import TypedDict, TypeVar, Unpack

from attrs import evolve, frozen

from .domain import commands
from .domain.account import Account
from .domain.award import Award
from .domain.balance import Balance, Expiring, read_balance, read_expiring, read_lots_in_use
from .domain.commands import Command
from .domain.decisions import Decision, decide
from .domain.entries import Entry
from .domain.explanation import Explanation, read_explanation
from .domain.fields import as_tuple
from .domain.identity import check_identifier
from .domain.instants import check_instant
from .domain.lots import Lot
from .domain.money import Money
from .domain.orders import CYCLES_MAX, Order, Tender
from .domain.points import TOTAL_MAX, check_count
from .domain.program import Program
from .domain.quotes import ReturnProposal, read_quote, read_redemption, read_return
from .domain.reads import DrawsOn, EntriesAfter, Reading, read_entries
from .domain.redemption import RedemptionQuote
from .errors import InvalidInput
from .port import Job, Storage

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

        What time did first (expiry) and what repaid debt is not counted; what an order had earned, and lost by being
        paid with points, is.
        """
        return sum(entry.points for entry in self.entries if entry.kind not in {"expired", "repaid"})

    @property
    def money(self) -> Money | None:
        """
        What redeemed points paid (R-26).
        """
        return next((entry.money for entry in self.entries if entry.kind == "redeemed"), None)

    @property
    def still_to_pay(self) -> Money | None:
        """
        What is left to pay after the points, where the command or the order says what there was to pay (R-26).
        """
        return next((entry.still_to_pay for entry in self.entries if entry.kind == "redeemed"), None)

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


class Details(TypedDict, total=False):
    """
    What every command carries; see `pointsledger.commands.Command`.
    """

    key: str | None
    at: datetime | None
    occurred_at: datetime | None
    actor: str | None
    reason: str | None
    comment: str | None
    channel: str | None


class Ledger:
    """
    One program's points, kept in a storage.

    Every writing verb takes `key` (once and only once, R-44), `at` (the host's now), `occurred_at` (when it happened
    in business), `actor`, `reason`, `comment` and `channel`; see `pointsledger.commands.Command`.
    A verb returns a `Receipt`, or raises a `Refused` error and changes nothing.

    Args:
        program: the rules in force.
        storage: where it is kept; see `pointsledger.port.Storage`.
        clock: says now where a call does not.
        new_key: makes a key where a command has neither a key nor a fact of its own.
    """

    def __init__(
        self,
        program: Program,
        storage: Storage,
        *,
        clock: Callable[[], datetime] = _now,
        new_key: Callable[[], str] = _new_key,
    ) -> None:
        self.program = _checked(program, Program, "program")
        self.storage = storage
        self._clock = clock
        self._new_key = new_key

    # --- commands as values ------------------------------------------------------------------------------------

    def apply(self, command: Command) -> Receipt:
        """
        Carry out one command.

        Raises:
            Refused: the command is refused and nothing changed.
            TryAgain, OperatorNeeded: what the storage raises.
        """
        return _receipt(self.storage.transact(self._job(command)))

    def apply_all(self, batch: Iterable[Command]) -> tuple[Receipt, ...]:
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
        return tuple(_receipt(decision) for decision in self.storage.transact_all(jobs))

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

    def earn(self, account: str, points: int, **details: Unpack[Details]) -> Receipt:
        """
        Give points that the host counted itself; they follow the program's pending and expiry policies.

        Raises:
            AccountClosed, ProgramInactive, LimitExceeded: in this order.
        """
        return self.apply(commands.Earn(account=account, points=points, **details))

    def adjust(
        self,
        account: str,
        points: int,
        *,
        expires_at: datetime | None = None,
        allow_debt: bool = False,
        **details: Unpack[Details],
    ) -> Receipt:
        """
        Add or take points by hand, at once; `actor` and `reason` are required (R-40).

        Args:
            points: above 0 adds a lot, below 0 draws on lots in the order of use.
            expires_at: when a credit lapses; the program's policy where it is not given.
            allow_debt: let a debit go below zero; the rest becomes debt.

        Raises:
            InvalidInput, AccountClosed, InsufficientPoints, LimitExceeded: in this order.
        """
        command = commands.Adjust(
            account=account, points=points, expires_at=expires_at, allow_debt=allow_debt, **details
        )
        return self.apply(command)

    def set_balance(self, account: str, points: int, **details: Unpack[Details]) -> Receipt:
        """
        Adjust so that exactly `points` (0 or more) are available; `actor` and `reason` are required (R-40).
        """
        return self.apply(commands.SetBalance(account=account, points=points, **details))

    def forgive(self, account: str, points: int, **details: Unpack[Details]) -> Receipt:
        """
        Forgive debt; `actor` and `reason` are required (R-33).

        Raises:
            NoDebt: the account owes less.
        """
        return self.apply(commands.Forgive(account=account, points=points, **details))

    def reverse(self, account: str, entry: int, points: int | None = None, **details: Unpack[Details]) -> Receipt:
        """
        Take back an entry that no order governs, what is left of it or a part; `actor` and `reason` are required.

        Raises:
            EntryUnknown, NotReversible, ReversalExceeded, ShortfallRefused: in this order (R-35).
        """
        return self.apply(commands.Reverse(account=account, entry=entry, points=points, **details))

    def close_account(self, account: str, **details: Unpack[Details]) -> Receipt:
        """
        Close an account: only `reopen_account` and expiry touch it then; `actor` and `reason` are required.
        """
        return self.apply(commands.Close(account=account, **details))

    def reopen_account(self, account: str, **details: Unpack[Details]) -> Receipt:
        """
        Reopen a closed account; `actor` and `reason` are required.

        Raises:
            AccountOpen: it is not closed.
        """
        return self.apply(commands.Reopen(account=account, **details))

    # --- using points ------------------------------------------------------------------------------------------

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
        at: datetime | None = None,
    ) -> RedemptionQuote:
        """
        Return how many points could be redeemed now, of `points` or of all, what they pay, and what bound (R-25).

        `redeem(account, quote.points, ...)` with the same arguments is then accepted, if nothing happens between.

        What the order itself earned is not counted where redeeming takes it back first (R-18).

        Raises:
            AccountClosed; IdempotencyConflict: the order is paid with points already; CycleNotOpen, OrderCancelled,
            ProgramInactive, DebtOutstanding, BelowThreshold, CurrencyMismatch, NoExchangeRate, InvalidInput,
            ShortfallRefused: in this order.
        """
        wish = commands.Redeem(
            account=account,
            points=1 if points is None else points,
            order=order,
            cycle=cycle,
            currency=currency,
            to_pay=to_pay,
            eligible=eligible,
        )
        now = self._at(at)
        return self._read(
            account, lambda state: read_redemption(self.program, state, now, wish, everything=points is None)
        )

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
    ) -> Receipt:
        """
        Use exactly `points`, as a payment (R-26); the receipt's `money` is what they paid.

        With an order, the order earns nothing, whichever is reported first (R-18), and a cancel restores the points.
        An order is paid with points once in a cycle.

        Raises:
            AccountClosed, IdempotencyConflict, CycleNotOpen, OrderCancelled, ProgramInactive, DebtOutstanding,
            BelowThreshold, CurrencyMismatch, NoExchangeRate, InvalidInput, ShortfallRefused (points that the order
            earned are spent), InsufficientPoints, RedemptionLimited: in this order.
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
        return self.apply(command)

    # --- facts of orders ---------------------------------------------------------------------------------------

    def quote(self, order: Order, *, at: datetime | None = None) -> Award:
        """
        Return what the order would earn, per rule and line, and why, before anything is recorded (R-21).

        Raises:
            CurrencyMismatch: the order is known in another currency.
        """
        now = self._at(at)
        _checked(order, Order, "order")
        return self._read(order.account, lambda state: read_quote(self.program, order, max(now, state.as_of)))

    def place(self, order: Order, **details: Unpack[Details]) -> Receipt:
        """
        Report that the order was saved.
        """
        _checked(order, Order, "order")
        command = commands.Place(account=order.account, order=order.id, cycle=order.cycle, document=order, **details)
        return self.apply(command)

    def process(self, order: Order, **details: Unpack[Details]) -> Receipt:
        """
        Report that the order was processed; under the default timing it earns now (R-13, S3.6).

        Raises:
            AccountClosed; IdempotencyConflict: the same order and cycle with other content; CycleNotOpen: the cycle
            before is not cancelled.
        """
        _checked(order, Order, "order")
        command = commands.Process(account=order.account, order=order.id, cycle=order.cycle, document=order, **details)
        return self.apply(command)

    def pay(self, order: str, tender: Tender, *, account: str, cycle: int = 1, **details: Unpack[Details]) -> Receipt:
        """
        Report a payment; `tender.id` tells payments of an order apart (S2.5).
        """
        return self.apply(commands.Pay(account=account, order=order, cycle=cycle, tender=tender, **details))

    def approve_payment(
        self, order: str, tender: str, *, account: str, cycle: int = 1, **details: Unpack[Details]
    ) -> Receipt:
        """
        Report that a payment which waited for approval is approved (S2.6).
        """
        command = commands.ApprovePayment(account=account, order=order, cycle=cycle, tender=tender, **details)
        return self.apply(command)

    def invoice(
        self,
        order: str,
        invoice: str,
        lines: Lines,
        *,
        account: str,
        cycle: int = 1,
        **details: Unpack[Details],
    ) -> Receipt:
        """
        Report an invoice over units of lines (S1.33).

        Raises:
            OrderUnknown: a line that the order does not have; QuantityExceeded: more units than it has.
        """
        command = commands.Invoice(account=account, order=order, cycle=cycle, id=invoice, lines=lines, **details)
        return self.apply(command)

    def cancel_lines(
        self,
        order: str,
        cancellation: str,
        lines: Lines,
        *,
        account: str,
        cycle: int = 1,
        **details: Unpack[Details],
    ) -> Receipt:
        """
        Report units that were cancelled before delivery; they do not earn and do not block (R-13).

        Raises:
            OrderUnknown, QuantityExceeded, ShortfallRefused: in this order.
        """
        command = commands.CancelLines(
            account=account, order=order, cycle=cycle, id=cancellation, lines=lines, **details
        )
        return self.apply(command)

    def return_lines(
        self,
        order: str,
        return_id: str,
        lines: Lines,
        *,
        account: str,
        cycle: int = 1,
        **details: Unpack[Details],
    ) -> Receipt:
        """
        Report units that came back; points follow at once where the program's returns are automatic, else after
        `settle_return` (R-30).

        Raises:
            OrderUnknown, QuantityExceeded, ShortfallRefused: in this order.
        """
        command = commands.ReturnLines(account=account, order=order, cycle=cycle, id=return_id, lines=lines, **details)
        return self.apply(command)

    def propose_return(
        self, order: str, return_id: str, *, account: str, cycle: int = 1, at: datetime | None = None
    ) -> ReturnProposal:
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

    def settle_return(
        self,
        proposal: ReturnProposal,
        *,
        take_back: int | None = None,
        give_back: int | None = None,
        **details: Unpack[Details],
    ) -> Receipt:
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
        return self.apply(command)

    def cancel(self, order: str, *, account: str, cycle: int = 1, **details: Unpack[Details]) -> Receipt:
        """
        Report that the order was cancelled: what it earned is taken back, what it redeemed is restored (R-29).

        A cancel of an order that was never reported leaves a mark, so that a late report earns nothing.
        To process the order anew afterwards, give it the next cycle.

        Raises:
            ShortfallRefused: points are spent and the program refuses to go on without them.
        """
        return self.apply(commands.Cancel(account=account, order=order, cycle=cycle, **details))

    # --- time --------------------------------------------------------------------------------------------------

    def expire(self, account: str, *, at: datetime | None = None) -> Receipt:
        """
        Book what has lapsed on one account. Balances are right without it (R-11); it only writes them down.
        """
        return self.apply(commands.Expire(account=account, at=at))

    def expire_due(
        self,
        *,
        at: datetime | None = None,
        batch: int = 500,
        progress: Callable[[Sweep], bool | None] | None = None,
    ) -> Sweep:
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
        while ids := self.storage.due_accounts(self.program.id, now, batch):
            jobs = [self._job(commands.Expire(account=account, at=now)) for account in ids]
            decisions = self.storage.transact_all(jobs)
            points = -sum(e.points for d in decisions for e in d.entries if e.kind == "expired")
            sweep = Sweep(sweep.accounts + len(ids), sweep.points + points)
            if progress is not None and progress(sweep) is False:
                return sweep
        return evolve(sweep, complete=True)

    # --- reading -----------------------------------------------------------------------------------------------

    def balance(self, account: str, *, at: datetime | None = None) -> Balance:
        """
        Return what an account has at an instant: now, in the past as then recorded, or in the future as a forecast.

        An account without entries has a balance of 0.
        """
        now = self._at(at)
        return self._read(account, lambda state: read_balance(self.program, state, self._not_before(state, at, now)))

    def expiring(self, account: str, *, at: datetime | None = None) -> tuple[Expiring, ...]:
        """
        Return which points lapse when if nothing happens before, soonest first; none where the program is off.
        """
        now = self._at(at)
        return self._read(account, lambda state: read_expiring(self.program, state, self._not_before(state, at, now)))

    def lots(self, account: str, *, at: datetime | None = None) -> tuple[Lot, ...]:
        """
        Return the lots with points left, in the order in which they will be drawn, pending ones included.
        """
        now = self._at(at)
        return self._read(
            account, lambda state: read_lots_in_use(self.program, state, self._not_before(state, at, now))
        )

    def entries(self, account: str, *, after: int = 0, limit: int = 1000) -> tuple[Entry, ...]:
        """
        Return at most `limit` (1 to 10,000) entries with a sequence above `after`, by sequence.
        """
        check_count(after, "after", least=0, most=TOTAL_MAX)
        check_count(limit, "limit", most=BATCH_MAX)
        return self._read(account, lambda state: read_entries(EntriesAfter(after, limit)))

    def draws_on(self, account: str, lot: int) -> tuple[Entry, ...]:
        """
        Return the entries that drew on a lot or gave points back to it, by sequence (R-08).
        """
        check_count(lot, "lot", most=TOTAL_MAX)
        return self._read(account, lambda state: read_entries(DrawsOn(lot)))

    def explain(self, account: str, sequence: int) -> Explanation:
        """
        Explain an entry: the rules with their inputs and exact results, the lots, the reasons of rules that gave
        nothing (R-10).

        Raises:
            EntryUnknown: the account has no such entry.
        """
        check_count(sequence, "sequence", most=TOTAL_MAX)
        return self._read(account, lambda state: read_explanation(state, sequence))

    def accounts(self, *, after: str = "", limit: int = 1000) -> tuple[str, ...]:
        """
        Return at most `limit` (1 to 10,000) account ids above `after`, in ascending order of their bytes.
        """
        check_count(limit, "limit", most=BATCH_MAX)
        if type(after) is not str or after:
            check_identifier(after, "after")
        return tuple(self.storage.accounts(self.program.id, after, limit))

    def _read(self, account: str, reader: Callable[[Account], Reading[T]]) -> T:
        return self.storage.read(self.program.id, check_identifier(account, "account"), reader)

    def _at(self, at: datetime | None) -> datetime:
        return check_instant(self._clock(), "clock") if at is None else check_instant(at, "at")

    @staticmethod
    def _not_before(account: Account, at: datetime | None, now: datetime) -> datetime:
        """
        Where the caller names no instant, a clock behind the account's time counts as that time (R-04).
        """
        return max(now, account.as_of) if at is None else now


def _receipt(decision: Decision) -> Receipt:
    return Receipt(decision.entries, decision.replayed)


def _checked(value: T, kind: type[T], name: str) -> T:
    """
    Return `value` if it is of this very type; else raise `InvalidInput`.
    """
    if type(value) is not kind:
        raise InvalidInput(name, value, f"must be {kind.__name__}")
    return value
