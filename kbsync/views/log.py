"""Events as log lines: what went on between the outcomes, for `-v` and for a log file."""

from collections.abc import Callable, Sequence

from kbsync.core.events import (
    AttemptFailed,
    Event,
    RunFinished,
    RunStarted,
    Settled,
    StopRequested,
    TargetPaused,
    TargetStopped,
)
from kbsync.core.plan import Change
from kbsync.core.wire import Answer
from kbsync.views.escape import one_line
from kbsync.views.report_outline import answer_words, words
from kbsync.views.wording import count, duration, timestamp

__all__ = ("Log", "stamped")


class Log:
    """Hands a line for each event that is worth one to *write*; hostile text in it is made visible.

    With *detail* 1 these are failed attempts, pauses and stops; with 2, every outcome too.
    """

    def __init__(self, write: Callable[[str], None], detail: int) -> None:
        self._write = write
        self._detail = detail
        self._changes: Sequence[Change] = ()

    def observe(self, event: Event) -> None:
        """Write the line for *event*, if it has one."""
        if isinstance(event, RunStarted):
            self._changes = event.plan.changes
        if isinstance(event, Settled) and self._detail < 2:
            return
        self._write(self._line(event))

    def _line(self, event: Event) -> str:
        match event:
            case RunStarted(run_id, plan):
                return f"run {one_line(run_id, 80)} begins: {count(len(plan.changes), 'change')}"
            case AttemptFailed(seq, _, number, reason, answer, delay_s):
                return (
                    f"attempt {number} of {self._item(seq)}: {one_line(reason, 60)}{_told(answer)}; "
                    f"again after {delay_s:.2f} s"
                )
            case TargetPaused(target, delay_s):
                return f"{one_line(target, 80)} pauses {duration(delay_s)}: throttled"
            case TargetStopped(target, reason, answer):
                return f"{one_line(target, 80)} is stopped: {one_line(reason, 60)}{_told(answer)}"
            case StopRequested(why):
                return f"stopping: {one_line(why, 60)}"
            case Settled(settlement):
                reason = f"{one_line(settlement.reason, 60)}{_told(settlement.answer)}"
                return f"{words(settlement.outcome)}: {self._item(settlement.seq)}: {reason}"
            case RunFinished(run_id, duration_s):
                return f"run {one_line(run_id, 80)} ends after {duration_s:.1f} s"

    def _item(self, seq: int) -> str:
        if seq >= len(self._changes):
            return f"change {seq}"
        change = self._changes[seq]
        return f"{one_line(str(change.item), 160)} ({change.operation})"


def stamped(line: str, now_s: float) -> str:
    """Return *line* as a log file has it: UTC time first."""
    return f"{timestamp(now_s)} {line}"


def _told(answer: Answer) -> str:
    return "".join(f", {word} {one_line(text, 200)}" for word, text in answer_words(answer))
