"""The journal of one run: what the event loop hands in, and what it is told when that is durable."""

import asyncio
import sqlite3
from array import array
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, TypeAlias

from kbsync.adapters.state.recorder import (
    Concluded,
    Entry,
    Flushed,
    Intended,
    ReadConcluded,
    ReadIntended,
    Recorder,
    Settled,
)
from kbsync.adapters.state.schema import ATTEMPTS_PER_CHANGE
from kbsync.adapters.state.writer import Writer
from kbsync.core.state import Conclusion, Intent, ReadRecord, Settlement
from kbsync.core.wire import Answer
from kbsync.errors import StateWriteError

__all__ = ("RunJournal", "Unwritten")

_LATEST_S: Final = 0.005
_UNSENT: Final = "unsent"
_ACCEPTED: Final = "accepted"
_OTHERWISE: Final = 1
_UPDATED: Final = 2

Unwritten: TypeAlias = Concluded | ReadConcluded | Settled


class RunJournal:
    """`kbsync.core.state.Journal` for one run; its methods belong to one event loop.

    *on_settled* is called on that loop for each settlement, in their order, once it is durable; it may be set later.
    What it raises keeps nobody from anything, and the first of it is raised by `flush`. Once a write failed, `intend`,
    `intend_read` and `flush` raise StateWriteError at once, and what is concluded or settled is kept in `unwritten`.
    """

    def __init__(
        self, writer: Writer, recorder: Recorder, on_settled: Callable[[Settlement], None] | None = None
    ) -> None:
        self.run = recorder.run
        self.run_id = recorder.run_id
        self.changes = recorder.changes
        self.first_change = recorder.first_change
        self.on_settled = on_settled
        self._writer = writer
        self._recorder = recorder
        self._loop: asyncio.AbstractEventLoop | None = None
        self._open: dict[int, float] = {}
        self._open_reads: dict[int, float] = {}
        self._next_read = recorder.first_read
        self._settled = bytearray(len(recorder.changes))
        # How much leaves each change in doubt: older runs count one, and each attempt that is open or had no answer.
        self._doubts = array("H", bytes(2 * len(recorder.changes)))
        for seq in recorder.doubted:
            self._doubts[seq] = 1
        self._alarm = False
        self._accepted: Concluded | None = None
        self._left: dict[str, str] = {}
        self._deafness: Exception | None = None
        self._unwritten: list[Unwritten] = []
        writer.keep(self)

    @property
    def unwritten(self) -> tuple[Unwritten, ...]:
        """What was concluded and settled, and is not in the state because a write failed."""
        return tuple(self._unwritten)

    @property
    def left(self) -> Mapping[str, str]:
        """Why changes of each target that have no settlement are not attempted. Recorded with the end of the run."""
        return self._left

    async def intend(self, intent: Intent) -> None:
        """Return when *intent* is durable. Raises StateWriteError when it cannot be made so.

        A cancelled intent may have become durable. Nothing was sent, so it is concluded here, without doubt.
        """
        seq, number, at_s = intent
        if not 0 <= seq < len(self._settled) or not 0 < number < ATTEMPTS_PER_CHANGE:
            raise ValueError(f"there is no attempt {number} of change {seq}")
        attempt = seq * ATTEMPTS_PER_CHANGE + number
        if self._settled[seq] or attempt in self._open:
            raise ValueError(f"attempt {number} of change {seq} has begun, or the change is settled")
        future = self._future()
        self._open[attempt] = at_s
        self._doubts[seq] += 1
        self._writer.hand_in(Intended(intent, future))
        try:
            await future
        except asyncio.CancelledError:
            self.conclude(Conclusion(seq, number, None, 0.0, _UNSENT, doubt=False, answer=Answer()))
            raise

    async def intend_read(self, target: str, operation: str, items: int, at_s: float) -> int:
        """Return a number for this read when its intent is durable. Raises StateWriteError."""
        future = self._future()
        number = self._next_read
        self._next_read += 1
        self._open_reads[number] = at_s
        self._writer.hand_in(ReadIntended(number, target, operation, items, at_s, future))
        try:
            await future
        except asyncio.CancelledError:
            self.conclude_read(number, ReadRecord(target, operation, items, None, 0.0, _UNSENT, Answer()))
            raise
        return number

    def conclude(self, conclusion: Conclusion) -> None:
        """Record *conclusion*; durable no later than anything handed in after it.

        One that was accepted is durable together with what is handed in next, its settlement: in between the state
        would neither know nor doubt what the provider holds.
        """
        seq = conclusion.seq
        intended_s = self._open.pop(seq * ATTEMPTS_PER_CHANGE + conclusion.number, None)
        if intended_s is None:
            raise ValueError(f"attempt {conclusion.number} of change {seq} is not open")
        if not conclusion.doubt:
            self._doubts[seq] -= 1
        concluded = Concluded(conclusion, intended_s, conclusion.doubt and self._settled[seq] == _UPDATED)
        if conclusion.verdict == _ACCEPTED:
            self._release()
            self._accepted = concluded
            self._set_alarm()
        else:
            self._later(concluded)

    def conclude_read(self, number: int, record: ReadRecord) -> None:
        """Record how the read with this *number* ended."""
        intended_s = self._open_reads.pop(number, None)
        if intended_s is None:
            raise ValueError(f"read {number} is not open")
        self._later(ReadConcluded(number, intended_s, record))

    def settle(self, settlement: Settlement) -> None:
        """Record *settlement*; `on_settled` is called once it is durable. Raises ValueError for a second outcome."""
        seq = settlement.seq
        if not 0 <= seq < len(self._settled) or self._settled[seq]:
            raise ValueError(f"there is no change {seq}, or it has an outcome already")
        updated = settlement.outcome == "updated"
        self._settled[seq] = _UPDATED if updated else _OTHERWISE
        self._later(Settled(settlement, updated and self._doubts[seq] > 0))

    def leave(self, target: str, reason: str) -> None:
        """Say that every change of *target* that has no settlement when the run ends is not attempted, for *reason*."""
        self._left[target] = reason

    async def flush(self) -> None:
        """Return when everything handed in is durable. Raises StateWriteError when it is not.

        Then, too, raises what `on_settled` raised first.
        """
        future = self._future()
        self._writer.hand_in(Flushed(future))
        await future
        if self._deafness is not None:
            raise self._deafness

    def _later(self, entry: Entry) -> None:
        # Nobody waits for how something ended, and the next intent is seldom far: both then share a commit.
        if self._accepted is None:
            self._writer.hand_in_later(entry)
        else:
            self._writer.hand_in_later(self._accepted, entry)
            self._accepted = None
        self._set_alarm()

    def _release(self) -> None:
        if self._accepted is not None:
            self._writer.hand_in_later(self._accepted)
            self._accepted = None

    def _set_alarm(self) -> None:
        if not self._alarm:
            if self._loop is None:
                self._loop = asyncio.get_running_loop()
            self._alarm = True
            self._loop.call_later(_LATEST_S, self._ring)

    def _ring(self) -> None:
        self._alarm = False
        self._release()
        self._writer.ring()

    def _future(self) -> asyncio.Future[None]:
        if (failure := self._writer.failure) is not None:
            raise failure
        self._release()
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop.create_future()

    # The writer's thread calls these three.

    def write(self, connection: sqlite3.Connection, entries: Sequence[Entry]) -> None:
        """Write *entries*, inside a transaction."""
        self._recorder.write(connection, entries)

    def written(self, entries: Sequence[Entry]) -> None:
        """Have the loop tell those who wait for *entries*: it is woken once a commit, not once an entry."""
        self._call(self._tell, entries)

    def lost(self, entries: Sequence[Entry], failure: StateWriteError) -> None:
        """Keep the ends among *entries*, and have the loop tell those who wait."""
        for entry in entries:
            match entry:
                case Concluded() | Settled() | ReadConcluded():
                    self._unwritten.append(entry)
                case _:
                    pass
        self._call(self._refuse, entries, failure)

    def _call(self, function: Callable[..., None], *arguments: object) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # a loop that is closed has nobody left who waits
                self._loop.call_soon_threadsafe(function, *arguments)

    # The loop calls these two.

    def _tell(self, entries: Sequence[Entry]) -> None:
        # Those who wait come first: whoever listens to outcomes must not be able to hold up the sending.
        for entry in entries:
            if isinstance(entry, Intended | ReadIntended | Flushed) and not entry.future.done():
                entry.future.set_result(None)
        on_settled = self.on_settled
        if on_settled is None:
            return
        for entry in entries:
            if isinstance(entry, Settled):
                try:
                    on_settled(entry.settlement)
                except Exception as error:  # noqa: BLE001 - raised by `flush`
                    self._deafness = self._deafness or error

    def _refuse(self, entries: Sequence[Entry], failure: StateWriteError) -> None:
        for entry in entries:
            if isinstance(entry, Intended | ReadIntended | Flushed) and not entry.future.done():
                entry.future.set_exception(type(failure)(str(failure)))
