"""The report: every outcome of one run, and the totals derived from them."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from kbsync.core.exits import Exit, most_telling
from kbsync.core.items import Item
from kbsync.core.plan import Change, GuardResult
from kbsync.core.state import OutcomeName, Settlement

__all__ = ("OUTCOMES", "REPORT_FORMAT", "Report", "ReportRow", "RunFacts", "exit_of")

REPORT_FORMAT: Final = "kbsync.report/1"
OUTCOMES: Final[tuple[OutcomeName, ...]] = (
    "updated",
    "failed",
    "unknown",
    "conflict",
    "stale",
    "skipped",
    "not_attempted",
)


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One change and its fate."""

    change: Change
    settlement: Settlement


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What a run was, beside its outcomes. Times are seconds since the epoch; *finished_at_s* is None after a kill.

    *stopped* maps each target that was stopped to the reason. *signal* is the exit that a signal asked for.
    """

    run_id: str
    plan_id: str
    kbsync: str
    started_at_s: float
    finished_at_s: float | None
    in_sync: int
    reads: int
    released: tuple[Item, ...]
    stopped: Mapping[str, str]
    guards: tuple[GuardResult, ...]
    allow_reason: str
    exits: tuple[Exit, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """Every change of a run exactly once, in the order of the plan."""

    facts: RunFacts
    rows: Sequence[ReportRow]

    @property
    def totals(self) -> dict[str, int]:
        """Counts of changes by outcome, `planned` first; `in_sync` counts items. The outcomes add up to `planned`."""
        counted = Counter(row.settlement.outcome for row in self.rows)
        return {
            "planned": len(self.rows),
            **{outcome: counted[outcome] for outcome in OUTCOMES},
            "in_sync": self.facts.in_sync,
        }

    @property
    def exit(self) -> Exit:
        """What the run's process ended with, or would have."""
        return exit_of({row.settlement.outcome for row in self.rows}, self.facts.exits)

    def __iter__(self) -> Iterator[ReportRow]:
        return iter(self.rows)


def exit_of(outcomes: Collection[OutcomeName], causes: Collection[Exit]) -> Exit:
    """Return the exit code of a run with these *outcomes*, and *causes* that are not seen in them.

    A cause is a signal, a refused credential, a state that could not be written, a limit that left changes over.
    """
    seen = set(causes)
    if "failed" in outcomes or "unknown" in outcomes:
        seen.add(Exit.PARTIAL)
    if "not_attempted" in outcomes:
        seen.add(Exit.UNFINISHED)
    if "conflict" in outcomes or "stale" in outcomes:
        seen.add(Exit.CONFLICT)

    return most_telling(seen)
