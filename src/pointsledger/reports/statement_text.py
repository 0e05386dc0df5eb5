"""
A statement as a person reads it: its rows and sentences, and all of it as plain text (R-43, S1.5 to S1.10, S3.3).
"""

from __future__ import annotations

from collections.abc import Sequence

from ..domain.balance import Balance, Expiring
from ..domain.program import Program
from . import words
from .statement import Statement
from .text_table import paragraph, text_table


def columns(program: Program) -> tuple[str, ...]:
    """
    Return the names of the columns of a statement's lines; ``>`` sets one to the right (S3.4).
    """
    return (">no", "date", "what", "about", f">{words.one_line(program.unit.plural)}", ">amount", ">balance", ">worth")


def line_rows(found: Statement, program: Program) -> list[tuple[str, ...]]:
    """
    Return the opening balance and the lines as rows of `columns`; what no sweep has written down yet has no number.
    """
    opening = ("", "", "opening", "", "", "", words.points(found.opening), words.money(found.opening_value))
    return [
        opening,
        *(
            (
                str(line.entry.sequence) if line.booked else "",
                words.local_day(line.at, program),
                line.entry.kind,
                words.about(line.entry),
                words.change(line.entry.points),
                words.money(line.entry.value) if line.entry.points else "",
                words.points(line.entry.balance_after),
                words.money(line.entry.balance_value),
            )
            for line in found.lines
        ),
    ]


def batch_columns(program: Program) -> tuple[str, ...]:
    """
    Return the names of the columns of what is left.
    """
    return (">no", "earned", f">{words.one_line(program.unit.plural)}", "can be used", ">days left")


def batch_rows(found: Statement, program: Program) -> list[tuple[str, ...]]:
    """
    Return the lots that are left as rows of `batch_columns`; the number is that of the entry that opened it (S1.16).
    """
    return [
        (
            str(batch.lot.id),
            words.local_day(batch.lot.earned_at, program),
            words.points(batch.lot.remaining),
            words.usable(batch, found.closing.at, program),
            "" if batch.days_left is None else words.points(batch.days_left),
        )
        for batch in found.batches
    ]


def notes(found: Statement, program: Program) -> list[tuple[int, str]]:
    """
    Return what else is recorded, by entry: its rate where that is another than before, channel, actor, how many of its
    points have lapsed since, and the comment (S1.7 to S1.10).
    """
    told: list[tuple[int, str]] = []
    rate = None
    for line in found.lines:
        entry = line.entry
        if not line.booked:
            continue
        parts = [f"at {words.rate(entry.rate, program)}"] if entry.rate not in {rate, None} else []
        rate = entry.rate
        parts += [f"channel {entry.channel}"] if entry.channel else []
        parts += [f"by {entry.actor}"] if entry.actor else []
        parts += [f"{words.points(line.batch.lot.expired)} lapsed"] if line.batch and line.batch.lot.expired else []
        parts += [f'"{words.one_line(entry.comment)}"'] if entry.comment else []
        if parts:
            told.append((entry.sequence, ", ".join(parts)))
    return told


def balance_sentence(balance: Balance, program: Program) -> str:
    """
    Return a balance in a sentence: what is there, and when.
    """
    unit = program.unit
    if not balance.shown:
        return f"Program {program.id!r} is switched off; it shows nothing."
    parts = [f"{unit.count(balance.available)} available"]
    if balance.value is not None:
        parts.append(f"worth {balance.value}")
    for count, what in ((balance.pending, "pending"), (balance.held, "on hold"), (balance.debt, "owed")):
        if count:
            parts.append(f"{unit.count(count)} {what}")
    return f"{words.local_time(balance.at, program)}: {', '.join(parts)}."


def so_far(found: Statement, program: Program) -> str:
    """
    Return what was accrued, used and lapsed in all until then, in a sentence (S3.3).
    """
    accrued = program.unit.count(found.accrued)
    return f"In all until then: {accrued} accrued, {found.used:,} used and {found.lapsed:,} lapsed."


def ladder_sentences(ladder: Sequence[Expiring], program: Program) -> list[str]:
    """
    Return how long points can be used, a sentence for each date.
    """
    lapsing = [
        f"{program.unit.count(step.points)} can be used {words.last_valid(step.at, program)}." for step in ladder
    ]
    return lapsing or [f"No {program.unit.plural} are going to lapse."]


def closing_sentences(found: Statement, program: Program) -> list[str]:
    """
    Return the end of a statement in sentences: the balance, what came and went in all, and what lapses when.
    """
    sentence = balance_sentence(found.closing, program)
    if not found.closing.shown:
        return [sentence]
    return [sentence, so_far(found, program), *ladder_sentences(found.expiring, program)]


def period(found: Statement, program: Program) -> str:
    """
    Return the period in words: its last day, included, or the time at which it ends.
    """
    until = f"until {words.last_valid(found.until, program).partition(' ')[2]}"
    return until if found.since is None else f"from {words.local_moment(found.since, program)} {until}"


def statement_text(found: Statement, program: Program) -> str:
    """
    Return a statement as plain text: its lines, the closing, what is left, and the notes.
    """
    title = words.one_line(f"{words.capital(program.unit.plural)} of {found.account}, {period(found, program)}")
    parts = [
        [title, "-" * len(title)],
        text_table(columns(program), line_rows(found, program)),
        [text for sentence in closing_sentences(found, program) for text in paragraph(sentence)],
    ]
    if found.batches:
        parts.append(text_table(batch_columns(program), batch_rows(found, program)))
    told = notes(found, program)
    if told:
        parts.append(_noted(told))
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _noted(told: Sequence[tuple[int, str]]) -> list[str]:
    """
    Return notes as lines of text, each beside the number of its entry.
    """
    width = max(2, len(str(told[-1][0])))
    gap = " " * (width + 2)
    lines = [f"{'no':>{width}}  notes", f"{'-' * width}  -----"]
    for number, note in told:
        lines += paragraph(note, first=f"{number:>{width}}  ", others=gap)
    return lines
