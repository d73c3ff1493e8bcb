"""What the state says: known values, doubts, and the journal's vocabulary.

The state is written by one owner (an adapter). The rules live here: an intent is durable before the first byte of its
attempt leaves, a conclusion before anyone is told of it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias

from kbsync.core.fields import Fields
from kbsync.core.items import Item
from kbsync.core.wire import Answer

__all__ = (
    "MOST_ATTEMPTS",
    "Conclusion",
    "Hazard",
    "Intent",
    "Journal",
    "Known",
    "OutcomeName",
    "ReadRecord",
    "Settlement",
)

# So many intents a change may have in one run.
MOST_ATTEMPTS: Final = 999

OutcomeName: TypeAlias = Literal["updated", "failed", "unknown", "conflict", "stale", "skipped", "not_attempted"]


@dataclass(frozen=True, slots=True)
class Hazard:
    """What *attempts* of one operation on one item, which nobody confirmed, may still set: late, over something newer.

    *fields* holds the distinct values, oldest first. *last_s* is when the last attempt ended, or may have been sent at
    the latest, in seconds since the epoch.
    """

    fields: tuple[Fields, ...]
    last_s: float
    attempts: int


class Known(Protocol):
    """What was last confirmed, as the comparison reads it. A state that does not exist yet knows nothing."""

    @property
    def lineage(self) -> str:
        """The state's own identity; empty when there is no state yet."""
        ...

    @property
    def serial(self) -> int:
        """How many runs have written to this state."""
        ...

    @property
    def declared_items(self) -> int:
        """How many items the whole manifest held at the last apply of it; 0 when there was none."""
        ...

    def digest(self, item: Item) -> bytes | None:
        """Return the digest of all known fields of *item*, or None when nothing is known of it."""
        ...

    def digests(self, place: tuple[str, str, str]) -> Mapping[str, bytes]:
        """Return the digests of all known fields of the items of a target, container and kind, by id."""
        ...

    def fields(self, item: Item) -> Fields:
        """Return the known fields of *item*; empty when nothing is known."""
        ...

    def fields_of(self, items: Iterable[Item]) -> Iterator[Fields]:
        """Yield what `fields` returns for each of *items*, at less cost."""
        ...

    def doubts(self) -> Mapping[Item, frozenset[str]]:
        """Return the items in doubt, each with the operations that may or may not have been applied."""
        ...

    def hazards(self) -> Mapping[tuple[Item, str], Hazard]:
        """Return what may still be set behind our back, by item and operation.

        That is every doubt, and every attempt whose doubt was ended within the last hour by something newer.
        """
        ...

    def counts(self) -> Mapping[tuple[str, str], int]:
        """Return how many items are known, by target and container."""
        ...

    def items(self) -> Iterator[Item]:
        """Yield every item that the state manages: known, or in doubt."""
        ...


class Intent(NamedTuple):
    """The decision to send attempt *number* (1-based) of the change at position *seq* (0-based) of the plan.

    *number* is `MOST_ATTEMPTS` at most. *at_s* is wall time, seconds since the epoch.
    """

    seq: int
    number: int
    at_s: float


class Conclusion(NamedTuple):
    """How one attempt ended.

    *verdict* is the verdict's word, or `lost`, or `unsent` when it was given up before it began. *doubt* says that the
    attempt may have been applied although no answer confirmed it. *sent_at_s* is None when no byte left.
    """

    seq: int
    number: int
    sent_at_s: float | None
    duration_ms: float
    verdict: str
    doubt: bool
    answer: Answer


class Settlement(NamedTuple):
    """The fate of the change at *seq*: final for this run.

    `updated` makes the desired values known and ends every doubt about the operation on that item; `unknown` leaves
    the doubt. *duration_ms* is from the first attempt to the last answer.
    """

    seq: int
    outcome: OutcomeName
    reason: str
    attempts: int
    answer: Answer
    duration_ms: float


@dataclass(frozen=True, slots=True)
class ReadRecord:
    """One read; journalled apart from attempts. *sent_at_s* is None when no byte left."""

    target: str
    operation: str
    items: int
    sent_at_s: float | None
    duration_ms: float
    verdict: str
    answer: Answer


class Journal(Protocol):
    """Where the engine records what it does. All methods belong to one event loop."""

    async def intend(self, intent: Intent) -> None:
        """Return when *intent* is durable. Raises StateWriteError when it cannot be made so."""
        ...

    async def intend_read(self, target: str, operation: str, items: int, at_s: float) -> int:
        """Return a number for this read when its intent is durable. Raises StateWriteError."""
        ...

    def conclude(self, conclusion: Conclusion) -> None:
        """Record *conclusion*; durable no later than anything handed in after it."""
        ...

    def conclude_read(self, number: int, record: ReadRecord) -> None:
        """Record how the read with this *number* ended."""
        ...

    def settle(self, settlement: Settlement) -> None:
        """Record *settlement*; whoever observes outcomes is told once it is durable."""
        ...

    def leave(self, target: str, reason: str) -> None:
        """Say that every change of *target* that has no settlement when the run ends is not attempted, for *reason*."""
        ...

    async def flush(self) -> None:
        """Return when everything handed in is durable. Raises StateWriteError when it is not."""
        ...
