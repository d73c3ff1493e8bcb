"""The counters behind every form of progress: a fold over the events of a run."""

from collections import Counter, deque
from collections.abc import Sequence
from typing import Final

from kbsync.core.events import (
    AttemptFailed,
    ChangeHeld,
    Event,
    OutageBegan,
    OutageEnded,
    RateChanged,
    RunFinished,
    RunStarted,
    Settled,
    StopRequested,
    TargetPaused,
    TargetStopped,
)
from kbsync.core.plan import Change
from kbsync.core.state import OutcomeName
from kbsync.views.wording import duration

__all__ = ("FAILURES", "Tally", "TargetTally")

FAILURES: Final[frozenset[OutcomeName]] = frozenset(("failed", "unknown", "conflict", "stale"))
_WINDOW_S: Final = 30.0
_SAMPLE_S: Final = 1.0


class TargetTally:
    """Counts of one target, or of all; *done* leaves out what was not attempted."""

    def __init__(self, planned: int) -> None:
        self.planned = planned
        self.done = 0
        self.left = planned
        self.failures = 0
        self.retries = 0
        self.paused_until_s = 0.0
        self.down_since_s: float | None = None
        self.gives_up_s: float | None = None
        self.slowed_to_per_s: float | None = None
        self.held_until_s = 0.0
        self.stopped = ""
        self._samples: deque[tuple[float, int]] = deque()

    def fold(
        self, event: TargetPaused | OutageBegan | OutageEnded | RateChanged | ChangeHeld | TargetStopped, now_s: float
    ) -> None:
        """Take note of what *event* says of the target."""
        match event:
            case TargetPaused(_, delay_s):
                self.paused_until_s = now_s + delay_s
            case OutageBegan(gives_up_s=gives_up_s):
                self.down_since_s, self.gives_up_s = now_s, gives_up_s
            case OutageEnded():
                self.down_since_s = None
            case RateChanged(_, rate_per_s, ceiling_per_s):
                self.slowed_to_per_s = rate_per_s if rate_per_s < ceiling_per_s else None
            case ChangeHeld(delay_s=delay_s):
                self.held_until_s = max(self.held_until_s, now_s + delay_s)
            case TargetStopped(_, reason):
                self.stopped = reason

    def settle(self, outcome: OutcomeName) -> None:
        """Count one change with its *outcome*."""
        self.left -= 1
        self.done += outcome != "not_attempted"
        self.failures += outcome in FAILURES

    def sample(self, now_s: float) -> None:
        """Note how far it is, at most once a second; what is older than half a minute is forgotten."""
        if not self._samples or now_s - self._samples[-1][0] >= _SAMPLE_S:
            self._samples.append((now_s, self.done))
        while len(self._samples) > 2 and now_s - self._samples[1][0] >= _WINDOW_S:
            self._samples.popleft()

    def rate_per_s(self, now_s: float) -> float | None:
        """Return how many changes a second were done of late; None as long as it cannot be said."""
        if not self._samples or now_s - self._samples[0][0] < _SAMPLE_S:
            return None
        began_s, done = self._samples[0]
        return (self.done - done) / (now_s - began_s)

    def time_left_s(self, now_s: float) -> float | None:
        """Return how long what is left takes at the rate of late; None as long as it cannot be said."""
        if not self.left or self.stopped:
            return 0.0
        rate_per_s = self.rate_per_s(now_s)
        return self.left / rate_per_s if rate_per_s else None

    def waits(self, now_s: float) -> str:
        """Say what the target waits for; empty when it does not, or when there is nothing more to send."""
        if not self.left or self.stopped:
            return ""
        if self.down_since_s is not None:
            left_s = None if self.gives_up_s is None else self.down_since_s + self.gives_up_s - now_s
            until = "" if left_s is None else f", given up in {duration(max(0.0, left_s))}"
            return f"down for {duration(now_s - self.down_since_s)}{until}"
        if self.paused_until_s > now_s:
            return f"pauses {duration(self.paused_until_s - now_s)}: throttled"
        if self.slowed_to_per_s is not None:
            return f"slowed by the provider, from {self.slowed_to_per_s:.3g}/s on"
        if self.held_until_s > now_s:
            return f"waits {duration(self.held_until_s - now_s)} for what may still arrive"
        return ""


class Tally:
    """Everything that progress says of a run. Times are of one monotonic clock."""

    def __init__(self) -> None:
        self.run_id = ""
        self.total = TargetTally(0)
        self.targets: dict[str, TargetTally] = {}
        self.stopping = ""
        self.forecast_s = 0.0
        self._began_s = 0.0
        self._changes: Sequence[Change] = ()

    def fold(self, event: Event, now_s: float) -> None:
        """Count *event*."""
        match event:
            case Settled(settlement) if settlement.seq < len(self._changes):
                self.targets[self._changes[settlement.seq].item.target].settle(settlement.outcome)
                self.total.settle(settlement.outcome)
            case AttemptFailed():
                self.total.retries += 1
            case TargetPaused() | OutageBegan() | OutageEnded() | RateChanged() | ChangeHeld() | TargetStopped():
                if event.target in self.targets:
                    self.targets[event.target].fold(event, now_s)
            case StopRequested(why):
                self.stopping = why
            case RunStarted(run_id, plan):
                planned = Counter(change.item.target for change in plan.changes)
                self.run_id, self._changes = run_id, plan.changes
                self.total = TargetTally(len(plan.changes))
                self.targets = {target: TargetTally(number) for target, number in sorted(planned.items())}
                self.forecast_s, self._began_s = plan.forecast.seconds, now_s
                self.sample(now_s)
            case RunFinished():
                # What was never begun has no event of its own.
                for tally in (self.total, *self.targets.values()):
                    tally.left = 0
            case _:
                pass

    def change(self, seq: int) -> Change | None:
        """Return the change at *seq* of the plan, if it is one that is sent."""
        return self._changes[seq] if 0 <= seq < len(self._changes) else None

    def sample(self, now_s: float) -> None:
        """Note how far all targets are."""
        self.total.sample(now_s)
        for target in self.targets.values():
            target.sample(now_s)

    def time_left_s(self, now_s: float) -> float | None:
        """Return how long the slowest target still takes; the forecast's word until one can say.

        None while one is down: nobody knows.
        """
        if any(
            target.down_since_s is not None and target.left and not target.stopped for target in self.targets.values()
        ):
            return None
        known = [target.time_left_s(now_s) for target in self.targets.values()]
        told = [seconds for seconds in known if seconds is not None]
        if len(told) == len(known):
            return max(told, default=0.0)
        by_forecast = self._began_s + self.forecast_s - now_s
        return by_forecast if by_forecast > 0 and not any(told) else None
