"""A plan is a value: the ordered changes, and everything a reviewer needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from kbsync.core.fields import Fields, Value
from kbsync.core.items import Item, Source

__all__ = (
    "PLAN_FORMAT",
    "Base",
    "Change",
    "FieldChange",
    "Forecast",
    "GuardResult",
    "Plan",
    "Reason",
    "Skipped",
    "Summary",
    "Unmanaged",
)

PLAN_FORMAT: Final = "kbsync.plan/1"

Reason: TypeAlias = Literal["new", "changed", "in_doubt"]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of a change. *known* is None when it was never confirmed; *desired* may equal it and travels along."""

    field: str
    known: Value | None
    desired: Value

    @property
    def differs(self) -> bool:
        """Whether this field is a reason for the change, and not only travelling along."""
        return self.known != self.desired


@dataclass(frozen=True, slots=True)
class Change:
    """One item's fields that travel in one write request: exactly one request when all goes well.

    *fields* holds every declared field of the request group, sorted by name.
    """

    item: Item
    operation: str
    reason: Reason
    fields: tuple[FieldChange, ...]
    source: Source

    @property
    def desired(self) -> Fields:
        """What the request sets."""
        return {change.field: change.desired for change in self.fields}


@dataclass(frozen=True, slots=True)
class Skipped:
    """A change that the plan lists and that is not sent. *why* is a stable word: `protected`."""

    change: Change
    why: str


@dataclass(frozen=True, slots=True)
class Unmanaged:
    """Fields of an item that left the manifest while the item stayed: forgotten by apply, left as they are live."""

    item: Item
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GuardResult:
    """A guard that refuses this plan, or would. *lifted* says that the run was told to go on all the same."""

    guard: str
    message: str
    lifted: bool = False


@dataclass(frozen=True, slots=True)
class Forecast:
    """What applying would take at the configured rates when nothing fails: requests, reads included, and seconds."""

    requests: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Base:
    """What the plan was made against. *lineage* is empty when there was no state yet."""

    lineage: str
    serial: int
    kbsync: str
    targets: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts. *items*, *in_sync* and *released* count items, *changes*, *conflicts* and *skipped* count changes."""

    items: int
    in_sync: int
    changes: int
    released: int
    conflicts: int
    skipped: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What apply will do. Changes are sorted by item and operation, whatever the order of the manifest.

    *whole* says that the configured manifest set was read entirely; only then are items released. *plan_id* is a
    digest of everything else in the plan.
    """

    plan_id: str
    changes: tuple[Change, ...]
    skipped: tuple[Skipped, ...]
    released: tuple[Item, ...]
    unmanaged: tuple[Unmanaged, ...]
    guards: tuple[GuardResult, ...]
    summary: Summary
    forecast: Forecast
    base: Base
    whole: bool
