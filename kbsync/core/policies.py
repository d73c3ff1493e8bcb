"""What becomes of values that somebody else changed: by target, and by field where that is said."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from kbsync.core.fields import family

__all__ = ("ConflictPolicy", "DriftPolicy", "Policies", "Policy")

DriftPolicy: TypeAlias = Literal["revert", "keep", "report"]
ConflictPolicy: TypeAlias = Literal["fail", "ours", "theirs"]


class Policy(NamedTuple):
    """What is said of some fields; None where nothing is."""

    drift: DriftPolicy | None = None
    conflict: ConflictPolicy | None = None


@dataclass(frozen=True, slots=True)
class Policies:
    """What becomes of fields of one target that were changed at the provider.

    *drift* is about a field whose desired value is the known one: it is set back, or stays as it is, in silence
    (`keep`) or as something that a person has to look at (`report`). *conflict* is about a field whose desired value
    has changed too: a person has to look at it, or the manifest wins (`ours`), or what is live stays (`theirs`).
    *by_field* has what single fields have instead, by their names; `meta.*` is any meta field that is not named.
    """

    drift: DriftPolicy = "revert"
    conflict: ConflictPolicy = "fail"
    by_field: Mapping[str, Policy] = field(default_factory=dict[str, Policy])

    def of_drift(self, name: str) -> DriftPolicy:
        """Return what becomes of the field *name* when it drifted."""
        for said in self._said(name):
            if said.drift is not None:
                return said.drift
        return self.drift

    def of_conflict(self, name: str) -> ConflictPolicy:
        """Return what becomes of the field *name* when it is in conflict."""
        for said in self._said(name):
            if said.conflict is not None:
                return said.conflict
        return self.conflict

    def _said(self, name: str) -> tuple[Policy, ...]:
        found = (self.by_field.get(name), self.by_field.get(f"{family(name)}.*"))
        return tuple(said for said in found if said is not None)
