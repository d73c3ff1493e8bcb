"""A report as Markdown that fits one comment, whatever the size of the run."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from kbsync.core.report import Report, ReportRow
from kbsync.views.escape import code_span, prose
from kbsync.views.page import MAX_COMMENT_CHARACTERS, Page
from kbsync.views.report_outline import (
    TROUBLES,
    answer_words,
    digest,
    effort,
    headline,
    next_steps,
    reasons,
    words,
)
from kbsync.views.verification_outline import difference_words, findings, flapping, proposal, summary, times_words
from kbsync.views.wording import moment, place

__all__ = ("REPORT_MARKER", "report_markdown")

REPORT_MARKER: Final = "<!-- kbsync report -->"
_SHOWN_EACH: Final = 100
_GUARDS_SHOWN: Final = 20
_VALUE_WIDTH: Final = 60


def report_markdown(report: Report, *, max_characters: int = MAX_COMMENT_CHARACTERS) -> Iterator[bytes]:
    """Yield *report* as Markdown of at most *max_characters*, beginning with a hidden marker.

    Changes that were applied are counted; of each other outcome the first hundred are listed, as many as fit.
    """
    read = digest(report, _SHOWN_EACH)
    page = Page(max_characters)
    page.add(f"{REPORT_MARKER}\n### kbsync report\n\n**{prose(headline(read))}**\n\n")
    started = moment(report.facts.started_at_s)
    page.add(f"Run {code_span(report.facts.run_id, 80)}, {started}, {prose(effort(report, read))}.\n")
    for line in _remarks(report):
        page.add(line)
    for line in _verification(report):
        page.add(line)
    for step in next_steps(report, read):
        page.add(f"\n{prose(step)}\n")

    for outcome in TROUBLES:
        total = read.totals[outcome]
        if not total:
            continue
        page.add(f"\n#### {total:,} {words(outcome)}\n\n{prose(reasons(read, outcome))}\n\n")
        shown = sum(1 for row in read.first[outcome] if page.add("".join(_row(row)), reserve=200))
        if shown < total:
            page.add(f"- … and {total - shown:,} more, see the report in JSON\n")
    yield page.text().encode()


def _remarks(report: Report) -> Iterator[str]:
    facts = report.facts
    for target, reason in facts.stopped.items():
        yield f"\n- {code_span(target, 80)} was stopped: {prose(reason, 80)}"
    for guard in facts.guards[:_GUARDS_SHOWN]:
        reason = f" (reason: {prose(facts.allow_reason, 200)})" if guard.lifted else ""
        word = "lifted" if guard.lifted else "refused"
        yield f"\n- {code_span(guard.guard, 40)} {word}: {prose(guard.message, 300)}{reason}"
    if len(facts.guards) > _GUARDS_SHOWN:
        yield f"\n- … and {len(facts.guards) - _GUARDS_SHOWN:,} more guards"
    yield "\n"


def _verification(report: Report) -> Iterator[str]:
    verification = report.facts.verification
    for sentence in () if verification is None else summary(verification):
        yield f"\n{prose(sentence, 400)}\n"
    for word, total, shown in findings(report, _SHOWN_EACH):
        yield f"\n#### {total:,} {word}\n\n"
        for change, finding in shown:
            reason = f" · {prose(finding.reason, 60)}" if word == "unread" else ""
            yield f"- {code_span(str(change.item), 160)} · {code_span(place(change.source))}{reason}\n"
            for one in finding.differences(change):
                fix = f"; {code_span(proposal(one), 400)}" if word == "differs" else ""
                yield f"  - {code_span(one.field, 80)} {code_span(difference_words(one, _VALUE_WIDTH), 300)}{fix}\n"
        if total > len(shown):
            yield f"- … and {total - len(shown):,} more, see the report in JSON\n"
    if report.facts.flapping:
        yield f"\n{prose(flapping(report))}\n\n"
        for seq, flap in islice(report.facts.flapping.items(), _SHOWN_EACH):
            change = report.rows[seq].change
            yield f"- {code_span(str(change.item), 160)} · {code_span(place(change.source))} · {times_words(flap)}\n"


def _row(row: ReportRow) -> Iterator[str]:
    change, settlement = row.change, row.settlement
    yield f"- {code_span(str(change.item), 160)} · {code_span(place(change.source))}"
    yield f" · {code_span(', '.join(field.field for field in change.fields), 80)}"
    yield f" · {prose(settlement.reason, 60)}" if settlement.reason else ""
    for word, text in answer_words(settlement.answer):
        yield f" · {word} {code_span(text)}"
    yield "\n"
