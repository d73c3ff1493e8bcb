"""A plan is a value: the ordered changes, and everything a reviewer needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal, NamedTuple, TypeAlias

from kbsync.core.fields import REMOVED, Fields, Value
from kbsync.core.items import Item, Source
from kbsync.core.state import OutcomeName

__all__ = (
    "PLAN_FORMAT",
    "UNSET",
    "Base",
    "Change",
    "FieldChange",
    "Forecast",
    "GuardResult",
    "LiveValue",
    "Plan",
    "ReadPlace",
    "Reason",
    "Recognised",
    "Skipped",
    "Summary",
    "Unmanaged",
    "Unset",
    "Why",
)

PLAN_FORMAT: Final = "kbsync.plan/1"

Reason: TypeAlias = Literal["new", "changed", "in_doubt", "drifted", "conflict"]
Why: TypeAlias = Literal[
    "protected", "conflict", "drifted", "drift_kept", "theirs", "item_in_conflict", "absent", "pending"
]

# What becomes of a change that is not sent; any other reason not to send it makes it `skipped`.
_OUTCOMES: Final[Mapping[str, OutcomeName]] = {
    "conflict": "conflict",
    "drifted": "conflict",
    "absent": "failed",
    "pending": "not_attempted",
}


class Unset(Enum):
    """What stands for the live value of a field that is not set."""

    UNSET = "unset"

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET
LiveValue: TypeAlias = Value | Unset


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of a change. *known* is None when it was never confirmed; *desired* may equal it and travels along.

    *live* is what was read for this plan; None when nothing was, or it did not tell.
    """

    field: str
    known: Value | None
    desired: Value
    live: LiveValue | None = None

    @property
    def before(self) -> Value | None:
        """What the change replaces, for all that is known: the live value if it was read. None if that is nothing."""
        if self.live is None:
            return self.known
        return None if self.live is UNSET else self.live

    @property
    def differs(self) -> bool:
        """Whether this field is a reason for the change, and not only travelling along."""
        return self.before != self.desired


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

    @property
    def removes(self) -> bool:
        """Whether it is to remove a field, of which an answer proves nothing."""
        return any(change.desired == REMOVED for change in self.fields)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A change that the plan lists and that is not sent. *why* is a stable word.

    `protected` by the manifest; `conflict`, when live and manifest both changed; `drifted`, when live alone did, and
    that is to be reported; `drift_kept` and `theirs`, when it is to stay as it is; `item_in_conflict`, when another
    change of the item is in conflict; `absent`, when the item does not exist; `pending`, while it is being processed.
    """

    change: Change
    why: str

    @property
    def outcome(self) -> OutcomeName:
        """What becomes of it in a run."""
        return _OUTCOMES.get(self.why, "skipped")


@dataclass(frozen=True, slots=True)
class Recognised:
    """Fields of an item that were read to be as they are desired, and are known to be otherwise, or not at all.

    Apply makes them known, and sends nothing. *doubts* are the operations whose doubt the read has ended; of those it
    holds every declared field.
    """

    item: Item
    fields: tuple[FieldChange, ...]
    doubts: tuple[str, ...] = ()


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


class ReadPlace(NamedTuple):
    """A place that was read for a plan: so many *items* were there, asked for from *at_s* on (since the epoch).

    Where only chosen items were asked for, *asked* is their number; nothing is said of others. Else it is the whole
    list.
    """

    target: str
    container: str
    kind: str
    items: int
    at_s: float
    asked: int | None = None


@dataclass(frozen=True, slots=True)
class Base:
    """What the plan was made against. *lineage* is empty when there was no state yet. *read* is sorted."""

    lineage: str
    serial: int
    kbsync: str
    targets: Mapping[str, str]
    read: tuple[ReadPlace, ...] = ()


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

    *conflicts* are not sent and need a person, *skipped* are not sent either. *whole* says that the configured manifest
    set was read entirely; only then are items released. *plan_id* is a digest of everything else in the plan.
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
    conflicts: tuple[Skipped, ...] = ()
    recognised: tuple[Recognised, ...] = ()

    @property
    def unsent(self) -> tuple[Skipped, ...]:
        """The changes that are listed and not sent, in the order in which a run accounts for them."""
        return (*self.conflicts, *self.skipped)
