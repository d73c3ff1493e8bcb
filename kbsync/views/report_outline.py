"""What every view of a report for people says; how it looks is the views' own."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from kbsync.core.exits import Exit
from kbsync.core.report import OUTCOMES, Report, ReportRow, is_balanced
from kbsync.core.state import OutcomeName
from kbsync.core.wire import Answer
from kbsync.views.wording import count, duration

__all__ = ("TROUBLES", "Digest", "answer_words", "digest", "effort", "headline", "next_steps", "reasons", "words")

# In the order in which they are shown: what needs a person first.
TROUBLES: Final[tuple[OutcomeName, ...]] = ("failed", "unknown", "conflict", "stale", "skipped", "not_attempted")


@dataclass(frozen=True, slots=True)
class Digest:
    """A report, read once: its totals, the first rows of each outcome, and how often each reason stands.

    *doubted* counts the changes that an earlier run had left in doubt, *recovered* those of them that are no longer.
    """

    totals: Mapping[str, int]
    exit: Exit
    attempts: int
    doubted: int
    recovered: int
    first: Mapping[str, Sequence[ReportRow]]
    reasons: Mapping[str, Mapping[str, int]]


def digest(report: Report, shown_each: int) -> Digest:
    """Read *report* once and keep at most *shown_each* rows of each outcome."""
    first: defaultdict[str, list[ReportRow]] = defaultdict(list)
    counted: defaultdict[str, Counter[str]] = defaultdict(Counter)
    attempts = doubted = recovered = 0
    for row in report:
        settlement = row.settlement
        if row.change.reason == "in_doubt":
            doubted += 1
            recovered += settlement.outcome == "updated"
        attempts += settlement.attempts
        counted[settlement.outcome][settlement.reason] += 1
        if len(first[settlement.outcome]) < shown_each:
            first[settlement.outcome].append(row)
    return Digest(report.totals, report.exit, attempts, doubted, recovered, first, counted)


def headline(read: Digest) -> str:
    """Return the totals in one line, the exit with them."""
    totals = read.totals
    others = ", ".join(f"{totals[outcome]:,} {words(outcome)}" for outcome in OUTCOMES[1:] if totals[outcome])
    done = (
        f"{totals['updated']:,} of {count(totals['planned'], 'change')} applied" if totals["planned"] else "no changes"
    )
    said = f"{done}, {others}" if others else done
    return f"{said}; {count(totals['in_sync'], 'item')} in sync. Exit {read.exit.value} ({read.exit.name.lower()})."


def effort(report: Report, read: Digest) -> str:
    """Return what the run took."""
    facts = report.facts
    took = "never finished" if facts.finished_at_s is None else duration(facts.finished_at_s - facts.started_at_s)
    released = f", {len(facts.released):,} released" if facts.released else ""
    doubted = (
        f", recovered {read.recovered:,} of {count(read.doubted, 'change')} that earlier runs left in doubt"
        if read.doubted
        else ""
    )
    return f"{took}, {count(read.attempts, 'attempt')}, {count(facts.reads, 'read')}{released}{doubted}"


def reasons(read: Digest, outcome: str) -> str:
    """Return how often each reason of *outcome* stands, the most frequent first, five at most."""
    counted = sorted(read.reasons.get(outcome, {}).items(), key=lambda pair: (-pair[1], pair[0]))
    shown = [f"{number:,} {reason or 'without a reason'}" for reason, number in counted[:5]]
    return ", ".join(shown) + (f", {len(counted) - 5} more reasons" if len(counted) > 5 else "")


def answer_words(answer: Answer) -> Iterator[tuple[str, str]]:
    """Yield what *answer* holds as pairs of a word of ours and the provider's text."""
    if answer.http_status is not None:
        yield "HTTP", str(answer.http_status)
    if answer.code is not None:
        yield "code", str(answer.code)
    if answer.message:
        yield "message", answer.message
    if answer.log_id:
        yield "log id", answer.log_id


def next_steps(report: Report, read: Digest) -> Iterator[str]:
    """Yield what to do now, one sentence each; nothing when all is well."""
    totals, causes = read.totals, report.facts.exits
    if not is_balanced(totals):
        yield "The outcomes do not add up to the planned changes: a defect of kbsync, please report it."
    if Exit.STATE in causes:
        yield "The state could not be written: make room or repair the disk before the next apply."
    if Exit.CREDENTIALS in causes:
        yield "Check the credentials of the stopped target."
    if totals["unknown"]:
        yield "Unknown changes may have been applied or not; the next apply sends them again."
    if totals["failed"]:
        yield "Failed changes stay to be done: the next apply tries them again."
    verification = report.facts.verification
    if verification is not None and (verification.counts["differs"] or verification.counts["absent"]):
        yield "What is not live as it was sent is planned again, until the manifest says what is live."
    if totals["conflict"]:
        yield "Conflicts stay until the manifest, a policy or --on-conflict decides them."
    if totals["stale"]:
        yield "What is known has moved since the plan was made: plan again."
    if totals["not_attempted"]:
        yield "Run the same command again to go on with what was not attempted."


def words(outcome: str) -> str:
    """Return the name of *outcome* for people."""
    return outcome.replace("_", " ")
