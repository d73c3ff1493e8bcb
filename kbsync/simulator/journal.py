"""The journal of one run in virtual time: durable after a while, and gone before that when the process dies."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from kbsync.core.state import Conclusion, Intent, ReadRecord, Settlement
from kbsync.core.wire import Answer
from kbsync.errors import StateWriteError

__all__ = ("Entry", "ModelJournal", "ReadEnd", "ReadIntent")

_LATEST_S: Final = 0.005
_UNSENT: Final = "unsent"
_FULL: Final = "the model's disk is full"


class ReadIntent(NamedTuple):
    """The decision to send the read with this *number* (1-based)."""

    number: int
    target: str


class ReadEnd(NamedTuple):
    """How the read with this *number* ended."""

    number: int
    record: ReadRecord


Entry: TypeAlias = Intent | Conclusion | Settlement | ReadIntent | ReadEnd


@dataclass(slots=True)
class _Waiting:
    entry: Entry | None
    future: asyncio.Future[None] | None = None


class ModelJournal:
    """`kbsync.core.state.Journal` in virtual time.

    A commit takes *commit_s*, and what is handed in meanwhile waits for the next one. It begins at once when somebody
    waits for it; how something ended waits a moment for company. *durable* is called with each entry at the moment from
    which it outlives the process. From *breaks_at_s* on, of the loop's clock, nothing can be written.
    """

    def __init__(self, durable: Callable[[Entry], None], commit_s: float, breaks_at_s: float | None = None) -> None:
        self.left: dict[str, str] = {}
        self._durable = durable
        self._commit_s = commit_s
        self._breaks_at_s = breaks_at_s
        self._loop = asyncio.get_running_loop()
        self._waiting: list[_Waiting] = []
        self._committing: list[_Waiting] = []
        self._alarm = False
        self._broken = False
        self._dead = False
        self._reads = 0

    def die(self) -> None:
        """Keep what is durable and nothing else: the process is killed, and whoever waits here has ended with it."""
        self._dead = True
        for waiting in (*self._committing, *self._waiting):
            if waiting.future is not None and not waiting.future.done():
                waiting.future.set_result(None)

    async def intend(self, intent: Intent) -> None:
        """Return when *intent* is durable. Raises StateWriteError when it cannot be made so."""
        try:
            await self._hand_in(intent)
        except asyncio.CancelledError:
            self.conclude(Conclusion(intent.seq, intent.number, None, 0.0, _UNSENT, doubt=False, answer=Answer()))
            raise

    async def intend_read(self, target: str, operation: str, items: int, at_s: float) -> int:  # noqa: ARG002
        """Return a number for this read when its intent is durable. Raises StateWriteError."""
        self._reads += 1
        number = self._reads
        try:
            await self._hand_in(ReadIntent(number, target))
        except asyncio.CancelledError:
            self.conclude_read(number, ReadRecord(target, operation, items, None, 0.0, _UNSENT, Answer()))
            raise
        return number

    def conclude(self, conclusion: Conclusion) -> None:
        """Record *conclusion*; durable no later than anything handed in after it."""
        self._later(conclusion)

    def conclude_read(self, number: int, record: ReadRecord) -> None:
        """Record how the read with this *number* ended."""
        self._later(ReadEnd(number, record))

    def settle(self, settlement: Settlement) -> None:
        """Record *settlement*."""
        self._later(settlement)

    def leave(self, target: str, reason: str) -> None:
        """Say that every change of *target* that has no settlement when the run ends is not attempted, for *reason*."""
        self.left[target] = reason

    async def flush(self) -> None:
        """Return when everything handed in is durable. Raises StateWriteError when it is not."""
        await self._hand_in(None)

    async def _hand_in(self, entry: Entry | None) -> None:
        if self._broken:
            raise StateWriteError(_FULL)
        if not self._dead:
            future: asyncio.Future[None] = self._loop.create_future()
            self._waiting.append(_Waiting(entry, future))
            self._begin()
            await future

    def _later(self, entry: Entry) -> None:
        if not self._dead:
            self._waiting.append(_Waiting(entry))
            if not self._alarm:
                self._alarm = True
                self._loop.call_later(_LATEST_S, self._ring)

    def _ring(self) -> None:
        self._alarm = False
        self._begin()

    def _begin(self) -> None:
        if self._waiting and not self._committing:
            self._committing, self._waiting = self._waiting, []
            self._loop.call_later(self._commit_s, self._commit)

    def _commit(self) -> None:
        if self._dead:
            return
        taken, self._committing = self._committing, []
        self._broken = self._broken or (self._breaks_at_s is not None and self._loop.time() >= self._breaks_at_s)
        for waiting in taken:
            if waiting.entry is not None and not self._broken:
                self._durable(waiting.entry)
        for waiting in taken:
            if waiting.future is not None and not waiting.future.done():
                if self._broken:
                    waiting.future.set_exception(StateWriteError(_FULL))
                else:
                    waiting.future.set_result(None)
        self._begin()
