"""What is counted of one target while it is simulated."""

from collections import Counter, deque
from typing import Final

from kbsync.core.events import Event, OutageBegan, OutageEnded, RateChanged, TargetPaused, TargetStopped
from kbsync.core.plan import Skipped
from kbsync.core.simulation import Assumed, TargetSimulation
from kbsync.core.state import OutcomeName, Settlement
from kbsync.core.wire import Lost, Throttled
from kbsync.simulator.transport import Came, Left
from kbsync.simulator.wire import Write

__all__ = ("Tally",)

_WINDOW_S: Final = 1.0


class Tally:
    """A fold over what happens to one target. Times are of the virtual clock."""

    def __init__(self, assumed: Assumed) -> None:
        self.planned = 0
        self.outcomes: Counter[tuple[OutcomeName, str]] = Counter()
        self._assumed = assumed
        self._writes = 0
        self._reads = 0
        self._retries = 0
        self._throttled = 0
        self._lost = 0
        self._peak = 0
        self._recent: deque[float] = deque()
        self._slowest_per_s: float | None = None
        self._settled_s = 0.0
        self._waited_s = 0.0
        self._paused_until_s = 0.0
        self._down_since_s: float | None = None
        self._stopped = ""

    def watch(self, passage: Left | Came) -> None:
        """Count what left, and what came back."""
        if isinstance(passage, Came):
            self._throttled += isinstance(passage.reply, Throttled)
            self._lost += isinstance(passage.reply, Lost)
            return
        write = isinstance(passage.ask, Write)
        self._writes += write
        self._reads += not write
        recent = self._recent
        recent.append(passage.at_s)
        while recent[0] <= passage.at_s - _WINDOW_S:
            recent.popleft()
        self._peak = max(self._peak, len(recent))

    def skip(self, skip: Skipped) -> None:
        """Count a change that the plan lists and that is not sent."""
        self.planned += 1
        self.outcomes[skip.outcome, skip.why] += 1

    def settle(self, settlement: Settlement, at_s: float) -> None:
        """Count one change."""
        self.outcomes[settlement.outcome, settlement.reason] += 1
        self._retries += max(0, settlement.attempts - 1)
        self._settled_s = at_s

    def leave(self, reason: str) -> None:
        """Count the changes that were never begun."""
        self.outcomes["not_attempted", reason] += self.planned - self.outcomes.total()

    def hear(self, event: Event, now_s: float) -> None:
        """Take *event*, which is about this target, into account."""
        match event:
            case TargetPaused(_, delay_s):
                self._wait(now_s, now_s + delay_s)
            case OutageBegan():
                self._down_since_s = now_s
            case OutageEnded():
                self._up(now_s)
            case RateChanged(_, rate_per_s, _):
                slowest_per_s = self._slowest_per_s
                self._slowest_per_s = rate_per_s if slowest_per_s is None else min(rate_per_s, slowest_per_s)
            case TargetStopped(_, reason):
                self._stopped = reason
            case _:
                pass

    def result(self, ended_s: float) -> TargetSimulation:
        """Return what was counted until the run ended."""
        self._up(ended_s)
        return TargetSimulation(
            planned=self.planned,
            writes=self._writes,
            reads=self._reads,
            retries=self._retries,
            throttled=self._throttled,
            lost=self._lost,
            peak=self._peak,
            slowest_per_s=self._slowest_per_s,
            seconds=self._settled_s,
            waited_s=self._waited_s,
            stopped=self._stopped,
            outcomes=dict(self.outcomes),
            assumed=self._assumed,
        )

    def _up(self, now_s: float) -> None:
        if self._down_since_s is not None:
            self._wait(self._down_since_s, now_s)
            self._down_since_s = None

    def _wait(self, from_s: float, until_s: float) -> None:
        """Count a time of waiting, but for what an earlier one covers."""
        self._waited_s += max(0.0, until_s - max(from_s, self._paused_until_s))
        self._paused_until_s = max(self._paused_until_s, until_s)
