"""How fast a credential may be used: the configured rate, or less while the provider turns requests away.

The rule keeps to what the provider is seen to accept, as BBR does for bandwidth (Cardwell et al., ACM Queue 14(5),
2016: a windowed maximum of the delivery rate), because a loss alone says little: some answers are "throttled" whatever
the rate is, and every cut by a fixed share would then end at nothing.

* *Measure.* What was accepted in the last second (the time of twenty requests, where that is longer) is a rate that the
  provider allows; the highest of the last half minute counts. Each throttle begins a new window.
* *Cut.* At a throttle the rate falls to that measure, if it is above it. Throttles of requests that left before the
  last cut belong to the same event. When more than a fifth of the answers of the last three events were throttled, the
  limit is lower than what was measured: that counts no more, and the rate is halved, down to half a request a second.
  A throttle that comes before anything was measured, like a stray one at the start, halves it too.
* *Hold.* The rate then stays for ten seconds, or for a hundred requests, so that looking for more costs at most few
  throttles in a hundred answers; after a cut that was not measured, for two requests.
* *Probe.* After that it grows by a tenth each second (below five a second in proportion slower), until the next
  throttle, or until the configured rate is reached and everything is as if nothing had been.

AIMD and CUBIC were tried beside it against the emulator's limiter: `docs/pacing.md` has the table, and
`python -m benchmarks pacing` makes it anew.
"""

from collections import deque
from math import inf
from typing import Final

__all__ = ("Tempo",)

_KEEP_S: Final = 30.0
_SAMPLE_REQUESTS: Final = 20
_LEAST_SAMPLE_S: Final = 1.0
# So many accepted requests are a measure before their window is full.
_FEW: Final = 10
# A window that holds n requests allows n of them between its ends, n - 1 from the first to the last.
_BELOW: Final = 0.98
_EVENTS: Final = 3
_HEAVY_ANSWERS_EACH: Final = 4
_CUT: Final = 0.5
# A first measure that was cut short counts unless it is far below half of the rate.
_TRUSTED: Final = 0.75 * _CUT
_FLOOR_PER_S: Final = 0.5
_HOLD_S: Final = 10.0
_HOLD_REQUESTS: Final = 100
_HOLD_REQUESTS_UNMEASURED: Final = 2
_GROWTH_PER_S: Final = 0.1
_SLOW_BELOW_PER_S: Final = 5.0
# A float's exponent ends at 1023; the configured rate stands long before.
_MOST_GROWTHS: Final = 500.0


class Tempo:
    """The rate of one credential, never above *ceiling_per_s*. Times are of one monotonic clock, in seconds."""

    def __init__(self, ceiling_per_s: float) -> None:
        self.ceiling_per_s = ceiling_per_s
        self._floor_per_s = min(_FLOOR_PER_S, ceiling_per_s)
        # What was cut to, and when; None while the configured rate stands.
        self._cut_per_s: float | None = None
        self._cut_at_s = 0.0
        self._measured = True
        # Whether there was a full measure, or a cut without one.
        self._informed = False
        self._event_at_s = -inf
        self._accepted: deque[float] = deque()
        self._window_from_s = 0.0
        self._best: deque[tuple[float, float, bool]] = deque()
        self._counts = [0, 0]
        self._events: deque[tuple[int, int]] = deque(maxlen=_EVENTS)

    @property
    def slowed(self) -> bool:
        """Whether the rate may be below the configured one."""
        return self._cut_per_s is not None

    def rate_per_s(self, now_s: float) -> float:
        """Return the rate that stands at *now_s*."""
        cut_per_s = self._cut_per_s
        if cut_per_s is None:
            return self.ceiling_per_s
        hold_s = max(_HOLD_S, _HOLD_REQUESTS / cut_per_s) if self._measured else _HOLD_REQUESTS_UNMEASURED / cut_per_s
        rate_per_s = _grown(cut_per_s, now_s - self._cut_at_s - hold_s)
        if rate_per_s < self.ceiling_per_s:
            return rate_per_s
        self._cut_per_s = None
        return self.ceiling_per_s

    def accepted(self, now_s: float) -> None:
        """Learn that the provider took a request: its answer, whatever it says, was not that there are too many."""
        self._counts[0] += 1
        accepted = self._accepted
        if not accepted:
            self._window_from_s = now_s
        accepted.append(now_s)
        sample_s = max(_LEAST_SAMPLE_S, _SAMPLE_REQUESTS / (self._cut_per_s or self.ceiling_per_s))
        while accepted[0] <= now_s - sample_s:
            accepted.popleft()

        age_s = now_s - self._window_from_s
        number = len(accepted)
        if age_s >= sample_s:
            rate_per_s, measured = min(number - 1, _BELOW * number) / sample_s, True
            self._informed = True
        else:
            rate_per_s, measured = (number - 1) / max(_LEAST_SAMPLE_S, age_s), number >= _FEW
        best = self._best
        while best and best[-1][1] <= rate_per_s:
            best.pop()
        best.append((now_s, rate_per_s, measured))

    def throttled(self, sent_s: float, now_s: float) -> bool:
        """Learn that a request that was *sent_s* was one too many; return whether the rate is another one now."""
        self._counts[1] += 1
        if sent_s < self._event_at_s:
            return False
        self._event_at_s = now_s
        self._events.append((self._counts[0], self._counts[1]))
        self._counts = [0, 0]
        self._accepted.clear()

        before_per_s = self.rate_per_s(now_s)
        best = self._best
        while best and best[0][0] <= now_s - _KEEP_S:
            best.popleft()
        if self._is_heavy():
            best.clear()
            self._events.clear()
            rate_per_s, measured = before_per_s * _CUT, False
        else:
            _, best_per_s, measured = best[0] if best else (now_s, 0.0, False)
            if not best or (not self._informed and best_per_s < before_per_s * _TRUSTED):
                best_per_s, measured = before_per_s * _CUT, False
            self._informed = True
            rate_per_s = min(before_per_s, best_per_s)

        rate_per_s = max(self._floor_per_s, rate_per_s)
        if rate_per_s < before_per_s or self._cut_per_s is None:
            self._cut_per_s, self._cut_at_s, self._measured = rate_per_s, now_s, measured
        return rate_per_s < before_per_s

    def _is_heavy(self) -> bool:
        if len(self._events) < _EVENTS:
            return False
        taken = sum(accepted for accepted, _ in self._events)
        return sum(throttled for _, throttled in self._events) * _HEAVY_ANSWERS_EACH > taken


def _grown(rate_per_s: float, for_s: float) -> float:
    """Return what *rate_per_s* has grown to after *for_s* seconds of growing."""
    if for_s <= 0:
        return rate_per_s
    if rate_per_s < _SLOW_BELOW_PER_S:
        # dr/dt = growth * r * (r / slow), whose reciprocal falls evenly.
        fall = _GROWTH_PER_S / _SLOW_BELOW_PER_S
        until_s = (1 / rate_per_s - 1 / _SLOW_BELOW_PER_S) / fall
        if for_s < until_s:
            return 1 / (1 / rate_per_s - fall * for_s)
        rate_per_s, for_s = _SLOW_BELOW_PER_S, for_s - until_s
    growth: float = (1 + _GROWTH_PER_S) ** min(for_s, _MOST_GROWTHS)
    return rate_per_s * growth
