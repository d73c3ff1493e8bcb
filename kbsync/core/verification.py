"""What a run read back of what it had updated, and what that proves."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from kbsync.core.exits import Exit
from kbsync.core.findings import FINDINGS, Finding, FindingName
from kbsync.core.plan import Change
from kbsync.core.sampling import most_wrong

__all__ = ("Verification", "VerifyMode")

VerifyMode: TypeAlias = Literal["none", "sample", "all"]


@dataclass(frozen=True, slots=True)
class Verification:
    """What was to be read back, and the finding of each such change.

    *updated* is how many changes the run updated. *findings* are those of the run, by position in its plan: all of
    them, or a random sample that *seed* makes again; those in *removing* remove a field, are read back in any *mode*,
    and are no part of the sample. *earlier* are changes of earlier runs whose verification had been left open. A
    difference counts once it was there *wait_s* seconds after the last write.
    """

    mode: VerifyMode
    seed: str
    wait_s: float
    updated: int
    findings: Mapping[int, Finding]
    earlier: Sequence[tuple[Change, Finding]] = ()
    removing: frozenset[int] = frozenset()

    @property
    def counts(self) -> dict[FindingName, int]:
        """How many changes have each finding, earlier ones included."""
        counted = Counter(finding.word for finding in self)
        return {word: counted[word] for word in FINDINGS}

    @property
    def sampled(self) -> bool:
        """Whether there were more changes than were to be read back, and chance chose."""
        return self.mode == "sample" and len(self.findings) < self.updated

    @property
    def wrong(self) -> int:
        """How many changes of the run the provider is proved not to have as it said."""
        return sum(finding.wrong for finding in self.findings.values())

    @property
    def left_open(self) -> int:
        """How many changes of the run it is not proved of what the provider has."""
        return sum(not finding.settled for finding in self.findings.values())

    @property
    def most_wrong(self) -> int:
        """How many of the updated changes may be wrong, at 95 % confidence; those left open are counted as wrong."""
        sample = {seq: finding for seq, finding in self.findings.items() if seq not in self.removing}
        doubtful = sum(finding.word != "verified" for finding in sample.values())
        known = self.wrong + self.left_open - doubtful
        return known + most_wrong(self.updated - len(self.removing), len(sample), doubtful)

    @property
    def exits(self) -> tuple[Exit, ...]:
        """What this says of the run's exit code.

        A value that the provider does not have is like a failed change. What was left open is read back by the next run
        that verifies.
        """
        counts = self.counts
        wrong = (Exit.PARTIAL,) if counts["differs"] or counts["absent"] else ()
        return (*wrong, Exit.UNFINISHED) if counts["pending"] or counts["unread"] else wrong

    def __iter__(self) -> Iterator[Finding]:
        yield from self.findings.values()
        yield from (finding for _, finding in self.earlier)
