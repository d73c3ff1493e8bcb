"""How far a run is, on stderr: nothing, plain lines, or a live display on a terminal.

A progress view observes the events of the engine, counts them, and looks at the clock as they come; it is never asked
to tick, though it may be. It prints nothing for an item that goes well, and at most twenty lines for those that do not.
"""

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Final, Protocol, Self

from kbsync.core.events import (
    Event,
    OutageBegan,
    OutageEnded,
    ReadingBack,
    RunFinished,
    RunStarted,
    Settled,
    StopRequested,
    TargetPaused,
    TargetStopped,
)
from kbsync.core.state import Settlement
from kbsync.views.escape import one_line
from kbsync.views.report_outline import answer_words, words
from kbsync.views.stream import Stream
from kbsync.views.tally import FAILURES, Tally
from kbsync.views.wording import count, duration, place, reading_back, share

__all__ = ("REMARKED", "PlainProgress", "Progress", "Remarks", "SilentProgress", "open_progress", "status")

# What progress says a line about, beside the changes that do not go well.
REMARKED: Final = (OutageBegan, OutageEnded, TargetStopped, StopRequested, ReadingBack)

_REMARKS_SHOWN: Final = 20
_EVERY_S: Final = 10.0
_NO_SOONER_S: Final = 1.0
_STEPS: Final = 10
_WHY: Final = {
    "signal": "a signal came",
    "errors": "too many errors",
    "limit": "the limit is reached",
    "deadline": "the deadline is near",
}


class Progress(Protocol):
    """Shows a run while it goes on; as a context manager it leaves the terminal as it found it."""

    def observe(self, event: Event) -> None:
        """Take note of *event*; cheap, and never raises because of the stream."""
        ...

    def tick(self) -> None:
        """Look at the clock; for callers that have a timer."""
        ...

    def say(self, line: str) -> None:
        """Show *line*, a log line for example, without disturbing what is shown; it is made visible."""
        ...

    def __enter__(self) -> Self:
        """Begin."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""
        ...


def open_progress(stream: Stream, *, clock: Callable[[], float], live: bool, quiet: bool = False) -> Progress:
    """Return the progress view for *stream*: none when *quiet*, a display when *live*, else plain lines.

    *clock* is monotonic, in seconds.
    """
    if quiet:
        return SilentProgress()
    if live:
        from kbsync.views.live import LiveProgress  # noqa: PLC0415  # rich takes its time to import

        return LiveProgress(stream, clock)
    return PlainProgress(stream, clock)


class SilentProgress:
    """Shows nothing, not even log lines."""

    def observe(self, event: Event) -> None:
        """Do nothing."""

    def tick(self) -> None:
        """Do nothing."""

    def say(self, line: str) -> None:
        """Do nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class PlainProgress:
    """Lines for a pipe, a log or CI: one every ten seconds or at each tenth, not more than one a second."""

    def __init__(self, stream: Stream, clock: Callable[[], float]) -> None:
        self._stream = stream
        self._clock = clock
        self._tally = Tally()
        self._remarks = Remarks()
        self._last_s = clock()
        self._step = 0

    def observe(self, event: Event) -> None:
        """Take note of *event*, and write what it is time for."""
        now_s = self._clock()
        self._tally.fold(event, now_s)
        self._tally.sample(now_s)
        for line in self._remarks.on(event, self._tally):
            self.say(line)
        match event:
            case RunStarted() | RunFinished():
                self._write(now_s)
            case TargetPaused(delay_s=delay_s) if delay_s >= _EVERY_S / 2 and now_s - self._last_s >= _NO_SOONER_S:
                self._write(now_s)
            case _:
                self._tick(now_s)

    def tick(self) -> None:
        """Write a line when it is time for one."""
        now_s = self._clock()
        self._tally.sample(now_s)
        self._tick(now_s)

    def say(self, line: str) -> None:
        """Write *line*."""
        self._stream.lines([f"kbsync: {one_line(line, 500)}"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.flush()

    def _tick(self, now_s: float) -> None:
        waited_s = now_s - self._last_s
        total = self._tally.total
        step = (total.planned - total.left) * _STEPS // total.planned if total.planned else 0
        if waited_s >= _EVERY_S or (step > self._step and waited_s >= _NO_SOONER_S):
            self._write(now_s)

    def _write(self, now_s: float) -> None:
        total = self._tally.total
        self._last_s = now_s
        self._step = (total.planned - total.left) * _STEPS // total.planned if total.planned else 0
        self.say(status(self._tally, now_s))


def status(tally: Tally, now_s: float) -> str:
    """Return everything that progress says of a run in one line."""
    total = tally.total
    parts = [f"{total.done:,} of {count(total.planned, 'change')} done ({share(total.done, total.planned)})"]
    if total.failures:
        parts.append(f"{total.failures:,} not well")
    if total.retries:
        parts.append(f"{count(total.retries, 'attempt')} repeated")
    rate_per_s = total.rate_per_s(now_s)
    if rate_per_s is not None and total.left:
        parts.append(f"{rate_per_s:.1f}/s")
    left_s = tally.time_left_s(now_s)
    if left_s:
        parts.append(f"about {duration(left_s)} left")
    parts.extend(f"{name} {waits}" for name, target in tally.targets.items() if (waits := target.waits(now_s)))
    if tally.stopping:
        parts.append(f"stopping: {_WHY.get(tally.stopping, tally.stopping)}")
    return ", ".join(parts)


class Remarks:
    """The lines that events are worth beside the counters: what did not go well, up to a number, and what stopped."""

    def __init__(self) -> None:
        self._shown = 0

    def on(self, event: Event, tally: Tally) -> Iterator[str]:
        """Yield the lines for *event*, made visible."""
        match event:
            case Settled(settlement) if settlement.outcome in FAILURES and self._shown <= _REMARKS_SHOWN:
                self._shown += 1
                if self._shown <= _REMARKS_SHOWN:
                    yield _failure(settlement, tally)
                else:
                    yield "more changes do not go well; from here on they are counted, and listed by the report"
            case OutageBegan(target, reason, probe_every_s, gives_up_s):
                until = "" if gives_up_s is None else f", for {duration(gives_up_s)} at most"
                every = duration(probe_every_s)
                yield f"{one_line(target, 80)} is down ({one_line(reason, 60)}): one probe every {every}{until}"
            case OutageEnded(target, lasted_s):
                yield f"{one_line(target, 80)} answers again after {duration(lasted_s)}"
            case TargetStopped(target, reason, answer):
                told = "".join(f", {word} {one_line(text, 200)}" for word, text in answer_words(answer))
                yield f"{one_line(target, 80)} is stopped: {one_line(reason, 80)}{told}"
            case ReadingBack(changes, after_s):
                yield reading_back(changes, after_s)
            case StopRequested(why):
                yield f"stopping, {_WHY.get(why, one_line(why, 80))}: what is under way is finished"
            case _:
                pass


def _failure(settlement: Settlement, tally: Tally) -> str:
    change = tally.change(settlement.seq)
    item = f"{one_line(str(change.item), 160)} ({place(change.source)})" if change else f"change {settlement.seq}"
    told = "".join(f", {word} {one_line(text, 160)}" for word, text in answer_words(settlement.answer))
    return f"{words(settlement.outcome)}: {item}: {one_line(settlement.reason, 60)}{told}"
