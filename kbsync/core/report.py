"""The report: every outcome of one run, and the totals derived from them."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from kbsync.core.exits import Exit, most_telling
from kbsync.core.fields import Fields
from kbsync.core.findings import Finding
from kbsync.core.items import Item
from kbsync.core.plan import Change, FieldChange, GuardResult, Reason
from kbsync.core.state import OutcomeName, Settlement
from kbsync.core.verification import Verification
from kbsync.core.wire import Answer

__all__ = (
    "OUTCOMES",
    "REPORT_FORMAT",
    "AttemptRecord",
    "Fate",
    "Flap",
    "ItemStory",
    "Report",
    "ReportRow",
    "RunFacts",
    "RunSummary",
    "exit_of",
    "is_balanced",
)

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


class Flap(NamedTuple):
    """How often the last runs made the same change, to the same values, this one included.

    Somebody or something took them back in between. The first of these runs began at *since_s*.
    """

    times: int
    since_s: float


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What a run was, beside its outcomes. Times are seconds since the epoch; *finished_at_s* is None after a kill.

    *stopped* maps each target that was stopped to the reason. *exits* are the causes of `exit_of`. *planned* is how
    many changes the recorded plan held, skipped ones included, counted apart from the outcomes; None when nobody did.
    *verification* is None when nothing was to be read back, or the run was killed before that was over. *flapping* are
    the changes that runs make again and again, by position.
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
    planned: int | None = None
    verification: Verification | None = None
    flapping: Mapping[int, Flap] = field(default_factory=dict[int, Flap])


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One line of the history. *exit* is None while a run goes on, and after a kill; *totals* as in the report.

    *pruned* says that this line is all that is kept of it.
    """

    run_id: str
    plan_id: str
    started_at_s: float
    finished_at_s: float | None
    totals: Mapping[str, int]
    exit: Exit | None
    pruned: bool = False


class AttemptRecord(NamedTuple):
    """One attempt of the past. *verdict* is empty while it is not known how it ended."""

    run_id: str
    operation: str
    number: int
    at_s: float
    verdict: str
    doubt: bool
    answer: Answer


class Fate(NamedTuple):
    """One change of the past and what became of it, as in the report of its run; *why* is the outcome's reason.

    *at_s* is when it was attempted last, or its run began if it never was, in seconds since the epoch.
    """

    run_id: str
    operation: str
    at_s: float
    reason: Reason
    fields: tuple[FieldChange, ...]
    outcome: OutcomeName
    why: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class ItemStory:
    """What the state says of one item: its known fields, the operations in doubt, its last attempts, newest first.

    *fates* are those of its last changes, newest first too.
    """

    item: Item
    fields: Fields
    doubts: tuple[str, ...]
    attempts: tuple[AttemptRecord, ...]
    fates: tuple[Fate, ...] = ()

    def confirmed(self, field: str) -> Fate | None:
        """Return the last change that made *field* what it is known to be, if one of the last changes did."""
        known = self.fields.get(field)
        for fate in self.fates:
            if fate.outcome == "updated" and any((one.field, one.desired) == (field, known) for one in fate.fields):
                return fate
        return None


@dataclass(frozen=True, slots=True)
class Report:
    """Every change of a run exactly once, in the order of the plan."""

    facts: RunFacts
    rows: Sequence[ReportRow]

    def finding(self, row: ReportRow) -> Finding | None:
        """Return what reading back *row* showed; None when it was not to be read."""
        verification = self.facts.verification
        return None if verification is None else verification.findings.get(row.settlement.seq)

    @property
    def totals(self) -> dict[str, int]:
        """Counts of changes by outcome, `planned` first; `in_sync` counts items. The outcomes add up to `planned`."""
        counted = Counter(row.settlement.outcome for row in self.rows)
        return {
            "planned": len(self.rows) if self.facts.planned is None else self.facts.planned,
            **{outcome: counted[outcome] for outcome in OUTCOMES},
            "in_sync": self.facts.in_sync,
        }

    @property
    def balanced(self) -> bool:
        """Whether every planned change has exactly one outcome. When not, kbsync is wrong, and the exit is 1."""
        return is_balanced(self.totals)

    @property
    def exit(self) -> Exit:
        """What the run's process ended with, or would have."""
        totals = self.totals
        causes = self.facts.exits if is_balanced(totals) else (*self.facts.exits, Exit.ERROR)
        return exit_of([outcome for outcome in OUTCOMES if totals[outcome]], causes)

    def __iter__(self) -> Iterator[ReportRow]:
        return iter(self.rows)


def is_balanced(totals: Mapping[str, int]) -> bool:
    """Tell whether the outcomes in *totals* add up to `planned`."""
    return totals["planned"] == sum(totals[outcome] for outcome in OUTCOMES)


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
