"""Events as log lines: what went on between the outcomes, for `-v` and for a log file."""

from collections.abc import Callable, Sequence

from kbsync.core.events import (
    AttemptFailed,
    ChangeHeld,
    Event,
    OutageBegan,
    OutageEnded,
    RateChanged,
    ReadingBack,
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
from kbsync.views.wording import count, duration, reading_back, timestamp

__all__ = ("Log", "stamped")


class Log:
    """Hands a line for each event that is worth one to *write*; hostile text in it is made visible.

    With *detail* 1 these are failed attempts, pauses and stops; with 2, every outcome too. Events *told* elsewhere are
    left out.
    """

    def __init__(self, write: Callable[[str], None], detail: int, told: tuple[type[Event], ...] = ()) -> None:
        self._write = write
        self._left_out = told if detail > 1 else (*told, Settled)
        self._changes: Sequence[Change] = ()

    def observe(self, event: Event) -> None:
        """Write the line for *event*, if it has one."""
        if isinstance(event, RunStarted):
            self._changes = event.plan.changes
        if not isinstance(event, self._left_out):
            self._write(self._line(event))

    def _line(self, event: Event) -> str:
        match event:
            case RunStarted(run_id, plan):
                return f"run {one_line(run_id, 80)} begins: {count(len(plan.changes), 'change')}"
            case AttemptFailed(seq, _, number, reason, answer, delay_s):
                again = f"again after {delay_s:.2f} s" if delay_s else "again when its turn comes"
                return f"attempt {number} of {self._item(seq)}: {one_line(reason, 60)}{_told(answer)}; {again}"
            case TargetPaused() | RateChanged() | OutageBegan() | OutageEnded() | TargetStopped():
                return f"{one_line(event.target, 80)} {_target(event)}"
            case ChangeHeld(seq, _, delay_s):
                return f"{self._item(seq)} waits {duration(delay_s)}: an earlier value may still arrive"
            case StopRequested(why):
                return f"stopping: {one_line(why, 60)}"
            case Settled(settlement):
                reason = f"{one_line(settlement.reason, 60)}{_told(settlement.answer)}"
                return f"{words(settlement.outcome)}: {self._item(settlement.seq)}: {reason}"
            case ReadingBack(changes, after_s):
                return reading_back(changes, after_s)
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


def _target(event: TargetPaused | RateChanged | OutageBegan | OutageEnded | TargetStopped) -> str:
    match event:
        case TargetPaused(_, delay_s):
            return f"pauses {duration(delay_s)}: throttled"
        case RateChanged(_, rate_per_s, ceiling_per_s):
            return f"is sent to at {rate_per_s:.3g}/s, of {ceiling_per_s:.3g}/s"
        case OutageBegan(_, reason, probe_every_s, gives_up_s):
            until = "" if gives_up_s is None else f", for {duration(gives_up_s)} at most"
            return f"fails: {one_line(reason, 60)}; one probe every {duration(probe_every_s)}{until}"
        case OutageEnded(_, lasted_s):
            return f"answers again after {duration(lasted_s)}"
        case TargetStopped(_, reason, answer):
            return f"is stopped: {one_line(reason, 60)}{_told(answer)}"


def _told(answer: Answer) -> str:
    return "".join(f", {word} {one_line(text, 200)}" for word, text in answer_words(answer))
