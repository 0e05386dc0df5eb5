"""
Simulation: what another program would have given on the same history.

The commands that the entries carry are carried out again under the other program, account by account in the
order in which they were recorded, each at its recorded time.
What the other program refuses is counted by reason and left out, as the shop would have had to leave it out.

Holders are taken to behave as they did: the simulation knows no redemption that they did not ask for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from fractions import Fraction

from attrs import define, evolve, field, frozen

from ..domain.account import Account
from ..domain.balance import settled_account
from ..domain.commands import Command, Comment, DecideReturn, EntryCommand, Expire, LotCommand, Reverse
from ..domain.decisions import Decision, decide
from ..domain.entries import Entry
from ..domain.money import Money
from ..domain.points import Exact
from ..domain.program import Program
from ..domain.reads import Reading
from ..domain.refunds import read_return
from ..errors import EntryUnknown, Refused
from ..port import Job, Storage
from .pages import each_account, read_entry, read_history
from .totals import Totals

SHOWN_MAX = 10


@frozen
class Outcome:
    """
    What one program gave.

    Args:
        program: the program.
        totals: its points in all, at the instant of the simulation.
        redeemed_value: what redeemed points paid, by currency, before any were given back.
    """

    program: Program
    totals: Totals
    redeemed_value: Mapping[str, Money]


@frozen
class HolderChange:
    """
    What one holder has had of each program: points in lots, less debt, plus points used.

    `before_value` and `after_value` are what these points are worth at each program's first rate, if any.
    """

    account: str
    before: int
    after: int
    before_value: Money | None
    after_value: Money | None


@frozen
class Simulation:
    """
    The history under two programs, as of one instant.

    Args:
        at: the instant.
        before, after: what the recorded program gave, and what the other would have given.
        commands: how many commands were carried out again.
        refused: how many of them the other program refused, by the name of the error, most frequent first.
        gaining, losing: the holders who gain and lose most, the most first; by value where both programs have
            a rate to one currency, else by points. Holders with no change are in neither.
    """

    at: datetime
    before: Outcome
    after: Outcome
    commands: int
    refused: Mapping[str, int]
    gaining: tuple[HolderChange, ...]
    losing: tuple[HolderChange, ...]


def latest_entry(storage: Storage, program: str) -> Entry | None:
    """
    Return the entry of a program that was recorded last, or None; its `terms` are the program then in force.
    """
    newest: Entry | None = None
    for account in each_account(storage, program):
        entry = storage.read(program, account, lambda state: read_entry(state.version))
        if entry is not None and (newest is None or entry.recorded_at > newest.recorded_at):
            newest = entry
    return newest


def simulate(
    storage: Storage,
    before: Program,
    after: Program,
    new_storage: Callable[[], Storage],
    *,
    at: datetime,
    progress: Callable[[int], object] = lambda accounts: None,
    shown: int = SHOWN_MAX,
) -> Simulation:
    """
    Carry out the history of `before`, which is kept in `storage`, under the program `after`.

    Args:
        new_storage: makes an empty storage for one account, such as the class `MemoryStorage`.
        at: the instant as of which both programs are looked at; commands recorded later are left out.
        progress: called after each account with the number of accounts so far.
        shown: how many holders to name at most, who gain and who lose.
    """
    sides = (_Side(before), _Side(after))
    again = _Again(after, at)
    for count, account in enumerate(each_account(storage, before.id), start=1):
        was = storage.read(before.id, account, lambda state: settled_account(before, state, at))
        history = storage.read(before.id, account, lambda state: read_history())
        history = [entry for entry in history if entry.recorded_at <= at]
        scratch = new_storage()
        given = again.carry_out(scratch, history)
        sides[0].add(history, was)
        sides[1].add(given, scratch.read(after.id, account, again.settled))
        scratch.close()
        progress(count)
    changes = _changes(*sides)
    worth = _measure(before, after)
    changes.sort(key=worth, reverse=True)
    return Simulation(
        at,
        sides[0].outcome(),
        sides[1].outcome(),
        again.commands,
        dict(again.refused.most_common()),
        tuple(change for change in changes[:shown] if worth(change) > 0),
        tuple(change for change in reversed(changes[-shown:]) if worth(change) < 0),
    )


@define
class _Again:
    """
    Carries commands out again under another program.
    """

    program: Program
    at: datetime
    commands: int = 0
    refused: Counter[str] = field(factory=Counter[str])

    def settled(self, state: Account) -> Reading[Account]:
        return settled_account(self.program, state, self.at)

    def carry_out(self, scratch: Storage, history: Iterable[Entry]) -> list[Entry]:
        """
        Carry out the commands of an account's entries, and return the entries that they give now.
        """
        given: dict[str, tuple[Entry, ...]] = {}
        recorded = {entry.sequence: entry for entry in history}
        for entry in recorded.values():
            if entry.ordinal or entry.key is None or isinstance(entry.command, Expire):
                continue
            self.commands += 1
            try:
                command = self._translated(entry.command, recorded, given, scratch)
                given[entry.key] = self._carry_out(scratch, command, entry)
            except Refused as refused:
                self.refused[type(refused).__name__] += 1
        return [entry for entries in given.values() for entry in entries]

    def _carry_out(self, scratch: Storage, command: Command, entry: Entry) -> tuple[Entry, ...]:
        def decided(account: Account, earlier: tuple[Entry, ...]) -> Reading[Decision]:
            return decide(self.program, command, entry.key, entry.recorded_at, account, earlier)

        return scratch.transact(Job(self.program.id, command.account, entry.key, decided)).entries

    def _translated(
        self,
        command: Command,
        recorded: Mapping[int, Entry],
        given: Mapping[str, tuple[Entry, ...]],
        scratch: Storage,
    ) -> Command:
        """
        Return the command with the other program's figures where it names figures of the recorded one.

        What names an entry or a lot, names the one that the same command gave now.
        Who accepted a return as it was proposed, accepts what is proposed now.
        """
        if isinstance(command, Reverse | EntryCommand) or (isinstance(command, Comment) and command.entry):
            assert command.entry is not None, "a comment without an entry is about the account"
            return evolve(command, entry=_now_of(command.account, recorded[command.entry], given))
        if isinstance(command, LotCommand):
            return evolve(command, lot=_now_of(command.account, recorded[command.lot], given))
        if isinstance(command, DecideReturn) and _accepts_as_proposed(command):
            return self._accepting(command, scratch)
        return command

    def _accepting(self, command: DecideReturn, scratch: Storage) -> DecideReturn:
        proposal = scratch.read(
            self.program.id,
            command.account,
            lambda state: read_return(
                self.program, state, state.as_of, command.order, command.cycle, command.return_id
            ),
        )
        return evolve(
            command,
            take_back=proposal.take_back,
            proposed_take_back=proposal.take_back,
            give_back=proposal.give_back,
            proposed_give_back=proposal.give_back,
        )


def _now_of(account: str, old: Entry, given: Mapping[str, tuple[Entry, ...]]) -> int:
    """
    Return the sequence of the entry that stands where a recorded one stood.
    """
    for new in given.get(str(old.key), ()):
        if new.kind == old.kind and new.rule == old.rule:
            return new.sequence
    raise EntryUnknown(account, old.sequence)


def _accepts_as_proposed(command: DecideReturn) -> bool:
    return (command.take_back, command.give_back) == (command.proposed_take_back, command.proposed_give_back)


@define
class _Side:
    """
    One of the two programs, account by account.
    """

    program: Program
    accounts: list[Account] = field(factory=list[Account])
    redeemed: dict[str, Money] = field(factory=dict[str, Money])

    def add(self, entries: Iterable[Entry], account: Account) -> None:
        self.accounts.append(account)
        for entry in entries:
            if entry.kind == "redeemed" and entry.money is not None:
                currency = entry.money.currency
                self.redeemed[currency] = self.redeemed.get(currency, Money("0", currency)) + entry.money

    def outcome(self) -> Outcome:
        return Outcome(self.program, Totals.of(self.accounts), self.redeemed)


def _changes(before: _Side, after: _Side) -> list[HolderChange]:
    rates = before.program.rate(), after.program.rate()
    changes: list[HolderChange] = []
    for was, now in zip(before.accounts, after.accounts, strict=True):
        points = _had(was), _had(now)
        values = [rate.value(had) if rate else None for rate, had in zip(rates, points, strict=True)]
        changes.append(HolderChange(was.id, *points, *values))
    return changes


def _had(account: Account) -> int:
    return account.balance + account.held - account.debt + account.flows.redeemed - account.flows.restored


def _measure(before: Program, after: Program) -> Callable[[HolderChange], Exact]:
    """
    Return how much better off a change leaves its holder: in exact value where rates compare, else in points.
    """
    old, new = before.rate(), after.rate()
    if old is None or new is None or old.currency != new.currency:
        return lambda change: change.after - change.before
    old_worth = Fraction(old.money.micros, old.points)
    new_worth = Fraction(new.money.micros, new.points)
    return lambda change: change.after * new_worth - change.before * old_worth
