"""What comes of one part of a manifest: rolls of all its items, and the few items that somebody has to see."""

from collections.abc import Mapping
from dataclasses import dataclass

from kbsync.adapters.manifests.intake import Intake
from kbsync.adapters.manifests.parts import Part
from kbsync.adapters.manifests.problems import FileProblems
from kbsync.adapters.manifests.quick import Ledger, Select, Settled
from kbsync.adapters.manifests.reader import read_items
from kbsync.adapters.manifests.rolls import Roll
from kbsync.adapters.manifests.vocabulary import Words
from kbsync.adapters.manifests.yaml_forms import IrregularError
from kbsync.core.manifest import Desired
from kbsync.core.rules import Problem, Rule

__all__ = ("Extract", "Extractor")


@dataclass(frozen=True, slots=True)
class Extract:
    """A part of a manifest, read by itself. *differing* are its items that are neither settled nor left out."""

    rolls: tuple[Roll, ...]
    differing: tuple[Desired, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Extractor:
    """Reads parts. What it makes of one depends on no other."""

    words: Words
    rules: Mapping[str, Rule]
    allow: frozenset[str]
    settled: Settled | None
    select: Select | None

    def extract(self, part: Part) -> Extract:
        """Read *part*."""
        try:
            return self.read_quickly(part)
        except IrregularError:
            return self.read_exactly(part)

    def read_quickly(self, part: Part) -> Extract:
        """Read *part* with what short ways its format has. Raises IrregularError when that is not enough."""
        return self._extract(part, quick=True)

    def read_exactly(self, part: Part) -> Extract:
        """Read *part* as `ManifestReader` does."""
        return self._extract(part, quick=False)

    def _extract(self, part: Part, *, quick: bool) -> Extract:
        found: list[Problem] = []
        problems = FileProblems(part.file.name, found, self.rules, self.allow)
        ledger = Ledger(self.settled, self.select)
        intake = Intake(self.words, ledger.section, problems, quick=quick)
        for _ in read_items(part.file, intake, part.span):
            raise AssertionError("the ledger takes them")
        rolls, differing = ledger.close()
        return Extract(rolls, differing, tuple(found))
