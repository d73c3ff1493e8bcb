"""The result of a run for people, as lines of text: totals first, then what did not go well, then what to do."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from kbsync.core.report import Report, ReportRow
from kbsync.views.escape import one_line
from kbsync.views.paint import PLAIN, Paint
from kbsync.views.report_outline import (
    TROUBLES,
    Digest,
    answer_words,
    digest,
    effort,
    headline,
    next_steps,
    reasons,
    words,
)
from kbsync.views.verification_outline import difference_words, findings, flapping, proposal, summary, times_words
from kbsync.views.wording import count, place

__all__ = ("result_text",)

_SHOWN_EACH: Final = 20
# What was not attempted is all of a kind, and whoever stopped a run wants to see the rest of the result.
_NOT_ATTEMPTED_SHOWN: Final = 3


def result_text(report: Report, *, paint: Paint = PLAIN, all_up_to: int = 50, width: int = 100) -> Iterator[str]:
    """Yield *report* as lines without line ends.

    A run of at most *all_up_to* changes is listed whole; of a larger one each outcome but `updated` is, with some
    changes each, the others counted. *width* bounds how much of a provider's message is shown.
    """
    small = len(report.rows) <= all_up_to
    read = digest(report, 0 if small else _SHOWN_EACH)
    colour = paint.green if read.exit == 0 else paint.red
    yield colour(paint.bold(f"Result: {headline(read)}"))
    yield paint.dim(one_line(f"run {report.facts.run_id}: {effort(report, read)}", 200))
    for target, reason in report.facts.stopped.items():
        yield paint.red(f"  ! {one_line(target, 80)} was stopped: {one_line(reason, 80)}")
    yield from _guards(report)
    yield from _verification(report, paint, width)

    if small and report.rows:
        yield ""
        for row in report:
            yield from _row(row, paint, width)
    elif not small:
        yield from _troubles(read, paint, width)

    steps = list(next_steps(report, read))
    if steps:
        yield ""
        yield from steps
        yield f"All of it: kbsync report {one_line(report.facts.run_id, 80)}"


def _verification(report: Report, paint: Paint, width: int) -> Iterator[str]:
    verification = report.facts.verification
    if verification is not None:
        colour = paint.red if verification.exits else paint.green
        yield from (colour(one_line(sentence, 300)) for sentence in summary(verification))
    for word, total, shown in findings(report, _SHOWN_EACH):
        for change, finding in shown:
            reason = f"  {one_line(finding.reason, 60)}" if word == "unread" else ""
            about = f"{one_line(str(change.item), 160)}  {paint.dim(place(change.source))}{reason}"
            yield f"  {paint.red(word.ljust(8))} {about}"
            for one in finding.differences(change):
                yield f"{' ' * 11} {one_line(one.field, 80)}  {difference_words(one, width)}"
                if word == "differs":
                    yield f"{' ' * 11} {one_line(proposal(one), 4 * width)}"
        if total > len(shown):
            yield f"  … and {total - len(shown):,} more {word}"
    if report.facts.flapping:
        yield paint.yellow(flapping(report))
        for seq, flap in islice(report.facts.flapping.items(), _SHOWN_EACH):
            change = report.rows[seq].change
            yield f"  {one_line(str(change.item), 160)}  {paint.dim(place(change.source))}  {times_words(flap)}"


def _guards(report: Report) -> Iterator[str]:
    for guard in report.facts.guards[:_SHOWN_EACH]:
        reason = f" (reason: {one_line(report.facts.allow_reason, 200)})" if guard.lifted else ""
        word = "lifted" if guard.lifted else "refused"
        yield f"  ! {word} {one_line(guard.guard, 40)}: {one_line(guard.message, 300)}{reason}"
    if len(report.facts.guards) > _SHOWN_EACH:
        yield f"  … and {count(len(report.facts.guards) - _SHOWN_EACH, 'more guard')}"


def _troubles(read: Digest, paint: Paint, width: int) -> Iterator[str]:
    for outcome in TROUBLES:
        total = read.totals[outcome]
        if total:
            yield ""
            yield f"{paint.bold(words(outcome))}  {count(total, 'change')}: {one_line(reasons(read, outcome), 200)}"
            limit = _NOT_ATTEMPTED_SHOWN if outcome == "not_attempted" else _SHOWN_EACH
            for row in read.first[outcome][:limit]:
                yield from _row(row, paint, width)
            if total > limit:
                yield f"  … and {total - limit:,} more, see the report"


def _row(row: ReportRow, paint: Paint, width: int) -> Iterator[str]:
    change, settlement = row.change, row.settlement
    well = settlement.outcome == "updated"
    colour = paint.green if well else paint.yellow if settlement.outcome in ("skipped", "not_attempted") else paint.red
    fields = ", ".join(field.field for field in change.fields)
    reason = "" if well or not settlement.reason else f"  {one_line(settlement.reason, 60)}"
    attempts = f"  {settlement.attempts} attempts" if settlement.attempts > 1 else ""
    yield (
        f"  {colour(words(settlement.outcome).ljust(13))} {one_line(str(change.item), 160)}  {one_line(fields, 80)}"
        f"  {paint.dim(place(change.source))}{reason}{attempts}"
    )
    if not well:
        told = [f"{word} {_quoted(word, text, width)}" for word, text in answer_words(settlement.answer)]
        if told:
            yield f"{' ' * 16} {', '.join(told)}"


def _quoted(word: str, text: str, width: int) -> str:
    return f'"{one_line(text, width)}"' if word == "message" else one_line(text, width)
