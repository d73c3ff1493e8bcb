"""What a worker is sent out with: one write, one read for several writes or for itself, or one page of a list."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import TypeAlias

from kbsync.core.findings import Seen, Unread
from kbsync.core.holds import Hold
from kbsync.core.items import Item
from kbsync.core.listing import Listed, Listing
from kbsync.core.plan import Change
from kbsync.core.state import OutcomeName, Settlement
from kbsync.core.wire import Answer, Operation
from kbsync.engine.backoff import Tries

__all__ = ("Errand", "Job", "Look", "Query", "Read")

_NO_ANSWER = Answer()


@dataclass(slots=True, eq=False)
class Job:
    """One change on its way to its outcome.

    *number* counts intents, *attempts* those that were tried, *left* says that bytes of one went out, and *doubt* that
    one of them may have been applied.
    *reason* and *answer* are those of the last one. *live* was read at *read_at_s* of the monotonic clock. *corrected*
    says that the last attempt was signed with the corrected clock, *alone* that no bulk read proves this item. *holds*
    says that it is one of the few that may be between their read and their write, *held_back* how often its values
    were too old when its turn came. While there is a *hold*, nothing is written before *hold_until_s*.
    """

    seq: int
    change: Change
    operation: Operation
    tries: Tries = field(default_factory=Tries)
    number: int = 0
    attempts: int = 0
    left: bool = False
    doubt: bool = False
    reason: str = ""
    answer: Answer = _NO_ANSWER
    live: object | None = None
    read_at_s: float = -inf
    corrected: bool = False
    alone: bool = False
    holds: bool = False
    held_back: int = 0
    hold: Hold | None = None
    hold_until_s: float = -inf
    first_sent_s: float = 0.0
    last_answer_s: float = 0.0

    @property
    def jobs(self) -> tuple["Job", ...]:
        """Itself: what a write is for."""
        return (self,)

    def settlement(self, outcome: OutcomeName, reason: str, answer: Answer) -> Settlement:
        """Return the end of this change."""
        duration_ms = (self.last_answer_s - self.first_sent_s) * 1000
        return Settlement(self.seq, outcome, reason, self.attempts, answer, duration_ms)

    def unfinished(self, why: str) -> Settlement:
        """Return the end of this change when nothing more is sent for it, because of *why*."""
        if self.doubt:
            return self.settlement("unknown", self.reason, self.answer)
        if self.left:
            return self.settlement("failed", self.reason, self.answer)
        return self.settlement("not_attempted", why, self.answer)


@dataclass(slots=True, eq=False)
class Read:
    """One read of the live values that *jobs*, of one container and operation, overlay."""

    jobs: tuple[Job, ...]
    tries: Tries = field(default_factory=Tries)
    corrected: bool = False

    @property
    def bulk(self) -> bool:
        """Whether several changes wait for this read."""
        return len(self.jobs) > 1


@dataclass(slots=True, eq=False)
class Look:
    """The list of one container, read page by page; no change waits for it. *listed* is what came of it."""

    kind: str
    container: str
    listing: Listing
    listed: Listed | None = None
    tries: Tries = field(default_factory=Tries)
    corrected: bool = False

    def end(self, reason: str, answer: Answer) -> None:
        """Give the list up, because of *reason*."""
        self.listed = self.listing.broken_off(reason, answer.message)


@dataclass(slots=True, eq=False)
class Query:
    """One read of *items*, of one container, as *operation* reads them; no change waits for it.

    *seen* takes what came of it, by item.
    """

    operation: Operation
    items: tuple[Item, ...]
    seen: dict[Item, Seen]
    tries: Tries = field(default_factory=Tries)
    corrected: bool = False

    @property
    def bulk(self) -> bool:
        """Whether it is about several items."""
        return len(self.items) > 1

    @classmethod
    def several(cls, operation: Operation, items: Sequence[Item], seen: dict[Item, Seen]) -> list["Query"]:
        """Return the reads of *items*, of one container, as few as *operation* allows."""
        size = operation.read_batch
        return [cls(operation, tuple(items[first : first + size]), seen) for first in range(0, len(items), size)]

    def alone(self, items: Iterable[Item]) -> list["Query"]:
        """Return one read for each of *items*."""
        return [Query(self.operation, (item,), self.seen) for item in items]

    def end(self, reason: str, answer: Answer) -> None:
        """Give up what was not seen, because of *reason*."""
        for item in self.items:
            self.seen.setdefault(item, Unread(reason, answer.message))


Errand: TypeAlias = Job | Read | Query | Look
