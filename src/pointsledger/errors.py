"""
Every error the library raises, split by who must act on it (R-47).

- `Refused`: the caller. The command is wrong or not allowed now; nothing changed, the key stays free.
- `TryAgain`: a retry. Nothing changed; the same call with the same key may succeed.
- `OperatorNeeded`: a person. The storage is damaged, foreign, too new or out of reach, or a package is missing.

Errors carry fields, not only prose: `str(error)` is for people, the attributes are for programs.
No error of a database driver leaves the library.
"""

from __future__ import annotations

from typing import Any

from attrs import define
from attrs import field as attribute


def _shown(value: Any) -> str:
    """
    Describe a value briefly, whatever it is: a hostile repr or a megabyte of text must not hide the error.
    """
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - a value whose repr raises is still refused by its name
        text = f"a {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:77]}..."


class PointsLedgerError(Exception):
    """
    The one base of all errors of this library.
    """


# --- who must act: the caller --------------------------------------------------------------------------------


class Refused(PointsLedgerError):
    """
    The command is refused; nothing was written and its key stays free (R-44).
    """


@define
class InvalidInput(Refused, ValueError):
    """
    A value is not one that the library accepts; `field` is its path, such as ``lines[1].quantity``.
    """

    field: str
    value: Any = attribute(repr=_shown)
    reason: str

    def __str__(self) -> str:
        return f"{self.field}: {self.reason} (got {_shown(self.value)})"


class InvalidPoints(InvalidInput):
    """
    Points that are not an `int` from 1 to 10^12 (R-01).
    """


class InvalidMoney(InvalidInput):
    """
    An amount that is not an exact, finite decimal with the decimals its currency allows (R-02).
    """


class InvalidIdentifier(InvalidInput):
    """
    Text that cannot name an account, order, line, actor or key (R-05).
    """


class InvalidInstant(InvalidInput):
    """
    A time that is not an aware datetime between the years 1900 and 9000 (R-04).
    """


class InvalidProgram(InvalidInput):
    """
    A program, rule, rate or policy that cannot be; `field` is the path within the program.
    """


@define
class InvalidFile(Refused, ValueError):
    """
    A file given to the command line cannot be read as what it should be; `line` 0 means the file as a whole.
    """

    path: str
    line: int
    column: str
    reason: str

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {self.column + ': ' if self.column else ''}{self.reason}"


@define
class CurrencyMismatch(Refused, ValueError):
    """
    Two currencies meet where only one can be (R-02).
    """

    field: str
    expected: str
    given: str

    def __str__(self) -> str:
        return f"{self.field}: {self.given} where {self.expected} is expected; currencies never mix"


@define
class LimitExceeded(Refused, ValueError):
    """
    One operation would move more than 10^12 points, or a cumulative figure would pass 2^53 - 1 (R-01, I-30).
    """

    figure: str
    limit: int

    def __str__(self) -> str:
        return f"{self.figure} would pass the limit of {self.limit}"


@define
class IdempotencyConflict(Refused):
    """
    The same key, or the same business fact, with other content (R-44, I-17); `field` is what differs.
    """

    key: str
    field: str
    recorded: Any = attribute(repr=_shown)
    given: Any = attribute(repr=_shown)

    def __str__(self) -> str:
        return (
            f"{self.key!r} is already recorded with another {self.field}: "
            f"recorded {_shown(self.recorded)}, given {_shown(self.given)}"
        )


@define
class ProgramInactive(Refused):
    """
    The program is switched off, so points cannot be used (R-43).
    """

    program: str

    def __str__(self) -> str:
        return f"program {self.program!r} is switched off"


@define
class StorefrontClosed(Refused):
    """
    Only an administrator earns or uses points for holders: name the actor (S1.12).
    """

    program: str

    def __str__(self) -> str:
        return f"program {self.program!r} is closed to holders; an administrator must act for them"


@define
class AccountClosed(Refused):
    """
    The account is closed; it accepts nothing until it is reopened.
    """

    account: str

    def __str__(self) -> str:
        return f"account {self.account!r} is closed"


@define
class AccountOpen(Refused):
    """
    The account is open already, so it cannot be reopened.
    """

    account: str

    def __str__(self) -> str:
        return f"account {self.account!r} is open"


@define
class DebtOutstanding(Refused):
    """
    The account owes points, so it cannot redeem (R-33).
    """

    account: str
    debt: int

    def __str__(self) -> str:
        return f"account {self.account!r} owes {self.debt} points and cannot redeem until they are repaid"


@define
class NoDebt(Refused):
    """
    More debt is to be forgiven than the account owes (R-33).
    """

    account: str
    requested: int
    debt: int

    def __str__(self) -> str:
        return f"account {self.account!r} owes {self.debt} points; {self.requested} cannot be forgiven"


@define
class BelowThreshold(Refused):
    """
    The balance is below the program's threshold for redeeming (R-25).
    """

    available: int
    threshold: int

    def __str__(self) -> str:
        return f"{self.available} points available; redeeming starts at a balance of {self.threshold}"


@define
class InsufficientPoints(Refused):
    """
    More points are asked for than are available (R-28).
    """

    account: str
    requested: int
    available: int

    def __str__(self) -> str:
        return f"account {self.account!r} has {self.available} points available; {self.requested} were asked for"


@define
class RedemptionLimited(Refused):
    """
    A limit of the program allows fewer points than asked for; `limit` is its code (R-25).
    """

    limit: str
    requested: int
    allowed: int

    def __str__(self) -> str:
        return f"{self.requested} points were asked for; {self.limit} allows {self.allowed}"


@define
class NoExchangeRate(Refused):
    """
    The program has no rate from points to this currency (R-22).
    """

    currency: str

    def __str__(self) -> str:
        return f"the program has no exchange rate for {self.currency}"


@define
class OrderUnknown(Refused, LookupError):
    """
    The account has no such order, or the order has nothing of the kind asked for.
    """

    account: str
    order: str
    missing: str = "order"

    def __str__(self) -> str:
        return f"account {self.account!r}, order {self.order!r}: no such {self.missing}"


@define
class OrderCancelled(Refused):
    """
    The order was cancelled in this cycle, so points cannot be redeemed for it (R-29).
    """

    order: str
    cycle: int

    def __str__(self) -> str:
        return f"order {self.order!r} is cancelled in cycle {self.cycle}"


@define
class HoldOpen(Refused):
    """
    The order has points on hold; capture or release them first (R-27).
    """

    order: str
    hold: str

    def __str__(self) -> str:
        return f"order {self.order!r} has points on hold {self.hold!r}; capture or release them first"


@define
class HoldClosed(Refused):
    """
    The hold's points are no longer held; `status` says what became of them (R-27).
    """

    order: str
    hold: str
    status: str

    def __str__(self) -> str:
        return f"order {self.order!r}: hold {self.hold!r} is {self.status}"


@define
class HoldExceeded(Refused):
    """
    More points are to be captured than are held (R-27).
    """

    order: str
    hold: str
    requested: int
    held: int

    def __str__(self) -> str:
        return f"order {self.order!r}: hold {self.hold!r} has {self.held} points, {self.requested} were asked for"


@define
class CycleNotOpen(Refused):
    """
    A new cycle of an order begins only after the one before was cancelled (R-29, I-16).
    """

    order: str
    cycle: int

    def __str__(self) -> str:
        return f"order {self.order!r}: cycle {self.cycle} opens only after cycle {self.cycle - 1} is cancelled"


@define
class QuantityExceeded(Refused):
    """
    More of a line is taken back than the order still holds (R-30).
    """

    order: str
    line: str
    requested: int
    left: int

    def __str__(self) -> str:
        return f"order {self.order!r}, line {self.line!r}: {self.left} left, {self.requested} asked for"


@define
class ProposalOutdated(Refused):
    """
    The return's proposal changed after it was looked at; ask for it again (R-30).
    """

    order: str
    return_id: str
    take_back: int
    give_back: int

    def __str__(self) -> str:
        return (
            f"return {self.return_id!r} of order {self.order!r} now proposes to take back {self.take_back} "
            f"and give back {self.give_back} points"
        )


@define
class ShortfallRefused(Refused):
    """
    The points to take back are spent, and the program refuses to go on without them (R-32).
    """

    account: str
    claimed: int
    shortfall: int

    def __str__(self) -> str:
        return f"account {self.account!r}: {self.shortfall} of the {self.claimed} points to take back are spent"


@define
class EntryUnknown(Refused, LookupError):
    """
    The account has no entry with this sequence number.
    """

    account: str
    sequence: int

    def __str__(self) -> str:
        return f"account {self.account!r} has no entry {self.sequence}"


@define
class LotUnknown(Refused, LookupError):
    """
    The account has no such lot: no entry with this sequence number opened one.
    """

    account: str
    lot: int

    def __str__(self) -> str:
        return f"account {self.account!r} has no lot {self.lot}"


@define
class NotPending(Refused):
    """
    The points of a lot wait for no event (R-20).
    """

    lot: int
    available_at: Any

    def __str__(self) -> str:
        return f"lot {self.lot} waits for no event; it is usable from {self.available_at}"


@define
class NotLater(Refused):
    """
    A lot can only be extended to a later date than it has, and only while it has not lapsed (R-38).
    """

    lot: int
    expires_at: Any
    given: Any

    def __str__(self) -> str:
        return f"lot {self.lot} lapses at {self.expires_at}; {self.given} is not later"


@define
class NotLapsed(Refused):
    """
    More points of a lot are to be reinstated than have lapsed (R-38).
    """

    lot: int
    requested: int
    lapsed: int

    def __str__(self) -> str:
        return f"lot {self.lot}: {self.lapsed} points have lapsed, {self.requested} were to be reinstated"


@define
class NotAwaiting(Refused):
    """
    The entry is no adjustment that waits for approval, or has been decided (R-40).
    """

    sequence: int

    def __str__(self) -> str:
        return f"entry {self.sequence} does not wait for approval"


@define
class SameActor(Refused):
    """
    Who asked for an adjustment cannot decide it (R-40).
    """

    sequence: int
    actor: str

    def __str__(self) -> str:
        return f"entry {self.sequence} was asked for by {self.actor!r}; somebody else must decide it"


@define
class NotReversible(Refused):
    """
    The entry cannot be reversed by itself; `reason` says what to do instead (R-35).
    """

    sequence: int
    kind: str
    reason: str

    def __str__(self) -> str:
        return f"entry {self.sequence} ({self.kind}) cannot be reversed: {self.reason}"


@define
class ReversalExceeded(Refused):
    """
    The reversals of an entry would exceed the entry (R-35, I-9).
    """

    sequence: int
    requested: int
    left: int

    def __str__(self) -> str:
        return f"entry {self.sequence}: {self.left} points are left to reverse, {self.requested} were asked for"


# --- who must act: a retry -----------------------------------------------------------------------------------


class TryAgain(PointsLedgerError):
    """
    Nothing was written; the same call with the same key may succeed (R-46).
    """


@define
class VersionConflict(TryAgain):
    """
    Another writer changed the account after it was read (I-22).
    """

    account: str
    expected: int

    def __str__(self) -> str:
        return f"account {self.account!r} is no longer at version {self.expected}"


@define
class StorageBusy(TryAgain):
    """
    The storage was held by others for longer than the time-out; in the caller's transaction also a deadlock, or a
    snapshot that others have overtaken (R-46).
    """

    detail: str

    def __str__(self) -> str:
        return f"the storage is busy: {self.detail}"


@define
class OutcomeUnknown(TryAgain):
    """
    The commit was sent and no answer came; call again with the same key to learn the outcome (I-24).
    """

    detail: str

    def __str__(self) -> str:
        return f"the outcome of the commit is unknown: {self.detail}"


# --- who must act: an operator -------------------------------------------------------------------------------


class OperatorNeeded(PointsLedgerError):
    """
    The storage, or the installation, needs a person.
    """


@define
class MissingExtra(OperatorNeeded, ImportError):
    """
    A report or storage needs a package that is not installed; `extra` brings it.
    """

    extra: str
    package: str

    def __str__(self) -> str:
        return f"{self.package} is not installed; pip install 'pointsledger[{self.extra}]'"


@define
class StorageUnavailable(OperatorNeeded):
    """
    The storage cannot be opened, read or written.
    """

    place: str
    detail: str

    def __str__(self) -> str:
        return f"{self.place}: {self.detail}"


@define
class StorageClosed(OperatorNeeded):
    """
    The storage was used after `close()`.
    """

    place: str

    def __str__(self) -> str:
        return f"{self.place}: the storage is closed"


@define
class NoTransaction(OperatorNeeded):
    """
    A storage that joins the caller's transaction was used outside one (R-46).
    """

    detail: str

    def __str__(self) -> str:
        return self.detail


@define
class SchemaMismatch(OperatorNeeded):
    """
    The stored format is of a version that this release cannot read, or is missing.
    """

    place: str
    found: int
    supported: int

    def __str__(self) -> str:
        if self.found > self.supported:
            return f"{self.place}: stored format {self.found} is newer than {self.supported}; upgrade pointsledger"
        if self.found:
            return f"{self.place}: stored format {self.found} is older than {self.supported}; call create_schema()"
        return f"{self.place}: no stored format of pointsledger; create it with create_schema()"


@define
class Corrupt(OperatorNeeded):
    """
    Stored rows contradict each other or the rules (I-3).
    """

    place: str
    detail: str

    def __str__(self) -> str:
        return f"{self.place}: {self.detail}"
