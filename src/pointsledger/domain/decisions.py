"""
Decisions: what each command does to an account (R-12, R-14, R-25 to R-35, R-40, R-44).

`decide` is the whole of the ledger's logic: the program, the account as stored, a command and the host's now in,
entries and changed lots out. It is a generator that asks for the lots and entries it needs (see `reads`), so it never
reads more than it touches and never performs I/O.

The order in which refusals win: the key's content, a closed account, a storefront that is closed, the order's facts,
the gates of redeeming, the points available, the limits, the bounds on totals.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeAlias

from attrs import evolve, field, frozen

from ..errors import (
    AccountClosed,
    AccountOpen,
    EntryUnknown,
    NoDebt,
    NotReversible,
    ProgramInactive,
    ReversalExceeded,
    StorefrontClosed,
)
from .account import Account
from .actions import act
from .adjusting import adjust, approve, decline, set_balance
from .commands import (
    Act,
    Activate,
    ActivateLot,
    Adjust,
    Approve,
    ApprovePayment,
    Assign,
    Cancel,
    CancelLines,
    Capture,
    Close,
    Command,
    Comment,
    DecideReturn,
    Decline,
    Earn,
    Expire,
    Extend,
    Forgive,
    Hold,
    Invoice,
    Pay,
    Place,
    Process,
    Redate,
    Redeem,
    Reinstate,
    Release,
    Reopen,
    ReturnLines,
    Reverse,
    SetBalance,
    SetProfile,
    TakeNotices,
    check_same,
)
from .draft import Claim, Draft
from .earning import dates_of, earn
from .entries import Entry
from .lot_decisions import activate_lot, assign, extend, redate, reinstate, taken_from_lapsed
from .lots import Lot
from .notice import Notice
from .notices import due_notices, schedule_notices
from .order_decisions import order_fact
from .payments import capture, hold, redeem, release
from .program import Program
from .reads import EntriesOn, Reading, read_entries


@frozen
class Decision:
    """
    What a storage has to write, all of it or nothing.

    Args:
        entries: new entries, by sequence; or, where `replayed`, those that the first call wrote.
        account: the account afterwards.
        lots: new and changed lots, by id.
        replayed: whether the same was asked before, so that there is nothing to write.
        notices: the notices that were taken; storages pass them on and keep nothing of them.
    """

    entries: tuple[Entry, ...]
    account: Account
    lots: tuple[Lot, ...] = ()
    replayed: bool = field(default=False, kw_only=True)
    notices: tuple[Notice, ...] = field(default=(), kw_only=True)


Decide: TypeAlias = Callable[[Account, tuple[Entry, ...]], Reading[Decision]]
"""Takes the account as stored and the entries already written under the command's key; yields reads, returns."""


def decide(
    program: Program,
    command: Command,
    key: str | None,
    now: datetime,
    account: Account,
    earlier: tuple[Entry, ...],
) -> Reading[Decision]:
    """
    Decide one command.

    Args:
        key: the idempotency key in force; None only for `Expire`.
        now: the host's now.
        account: as stored; a new `Account` where there is none.
        earlier: the entries written before under this key, empty if there are none.

    Raises:
        Refused: the command is refused; see the module's docstring for which refusal wins.
    """
    if earlier:
        check_same(earlier[0].command, command, str(key).strip(), as_fact=command.key is None)
        return Decision(earlier, account, replayed=True)
    if account.closed and not isinstance(command, Reopen | Expire | TakeNotices):
        raise AccountClosed(account.id)
    if not program.storefront and command.actor is None and isinstance(command, Earn | Act | Redeem | Hold):
        raise StorefrontClosed(program.id)
    draft = Draft(program, account, command, key, now)
    repeated = yield from _DECIDE[type(command)](draft, command)
    if repeated:
        return Decision(repeated, account, replayed=True)
    schedule_notices(draft)
    return Decision(tuple(draft.entries), draft.account, draft.changed_lots, notices=draft.notices)


# --- by hand and by count ------------------------------------------------------------------------------------


def _earn(draft: Draft, command: Earn) -> Reading[None]:
    program = draft.program
    if not program.active:
        raise ProgramInactive(program.id)
    yield from draft.settle()
    yield from earn(draft, command.points, dates_of(program, draft.occurred_at), draft.occurred_at)


def _forgive(draft: Draft, command: Forgive) -> Reading[None]:
    yield from draft.settle()
    if command.points > draft.account.debt:
        raise NoDebt(draft.account.id, command.points, draft.account.debt)
    draft.post("forgiven", debt=-command.points)


def _reverse(draft: Draft, command: Reverse) -> Reading[None]:
    yield from draft.settle()
    entries = yield from read_entries(EntriesOn(command.entry))
    if not entries:
        raise EntryUnknown(draft.account.id, command.entry)
    entry, reversals = entries[0], entries[1:]
    if entry.order is not None:
        raise NotReversible(entry.sequence, entry.kind, "its order governs it: cancel or return the order")
    if entry.kind not in {"earned", "adjusted", "redeemed"}:
        raise NotReversible(entry.sequence, entry.kind, "only what was earned, adjusted or redeemed can be")
    whole = abs(entry.points) + entry.debt
    left = whole - sum(reversal.claimed for reversal in reversals)
    points = left if command.points is None else command.points
    if points > left or left == 0:
        raise ReversalExceeded(entry.sequence, points, left)
    if entry.points > 0:
        lapsed = sum(map(taken_from_lapsed, reversals))
        yield from draft.claw_back(Claim(entry, points, lapsed, entry.withheld))
    else:
        yield from draft.give_back(entry, points, whole - left)


def _note(draft: Draft, command: Comment | SetProfile) -> Reading[None]:
    if isinstance(command, Comment) and command.entry is not None:
        known = yield from read_entries(EntriesOn(command.entry))
        if not known:
            raise EntryUnknown(draft.account.id, command.entry)
    yield from draft.settle()
    draft.post("noted")


def _take_notices(draft: Draft, command: TakeNotices) -> Reading[None]:
    yield from draft.settle()
    draft.notices, next_at = yield from due_notices(draft)
    if draft.notices:
        draft.post("noted")
    draft.account = evolve(draft.account, notice_at=next_at)


def _close(draft: Draft, command: Close) -> Reading[None]:
    yield from draft.settle()
    draft.post("noted")


def _reopen(draft: Draft, command: Reopen) -> Reading[None]:
    if not draft.account.closed:
        raise AccountOpen(draft.account.id)
    yield from draft.settle()
    draft.post("noted")


def _expire(draft: Draft, command: Expire) -> Reading[None]:
    before = draft.account
    yield from draft.settle()
    if draft.account == evolve(before, as_of=draft.account.as_of):
        draft.account = before  # nothing was due, so there is nothing to write


_DECIDE: dict[type[Command], Callable[[Draft, Any], Reading[tuple[Entry, ...] | None]]] = {
    Earn: _earn,
    Adjust: adjust,
    SetBalance: set_balance,
    Forgive: _forgive,
    Reverse: _reverse,
    Close: _close,
    Reopen: _reopen,
    Expire: _expire,
    Act: act,
    Approve: approve,
    Decline: decline,
    ActivateLot: activate_lot,
    Extend: extend,
    Reinstate: reinstate,
    Redate: redate,
    Comment: _note,
    Assign: assign,
    SetProfile: _note,
    TakeNotices: _take_notices,
    Redeem: redeem,
    Hold: hold,
    Capture: capture,
    Release: release,
    Place: order_fact,
    Process: order_fact,
    Pay: order_fact,
    ApprovePayment: order_fact,
    Activate: order_fact,
    Invoice: order_fact,
    CancelLines: order_fact,
    ReturnLines: order_fact,
    DecideReturn: order_fact,
    Cancel: order_fact,
}
