"""Three rules for a rate that follows the provider, each against the emulator's limiter, in arithmetic alone.

AIMD is that of many clients (a throttle takes 30 %, ten seconds bring 5 % of the configured rate back), CUBIC that of
botocore's adaptive mode (beta 0.7, scale 0.4, from the measured rate of the last second).
"""

from collections import deque
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from math import ceil, inf
from pathlib import Path
from random import Random
from statistics import mean
from typing import Final, NamedTuple, Protocol

from benchmarks.table import Row, table
from kbsync.emulator.rates import Limiter, Rate, WindowKind
from kbsync.engine.tempo import Tempo

__all__ = ("SCENARIOS", "Drive", "Rule", "Scenario", "drive", "measure_pacing")

_FLOOR_PER_S: Final = 0.5
# What never comes to an end is given up after so many requests for each that was wanted.
_MOST_REQUESTS: Final = 20


class Rule(Protocol):
    """Says how fast requests may leave. Times are of one clock, in seconds."""

    def rate_per_s(self, now_s: float) -> float:
        """Return the rate that stands."""
        ...

    def accepted(self, now_s: float) -> None:
        """Learn that a request was taken."""
        ...

    def throttled(self, sent_s: float, now_s: float) -> object:
        """Learn that a request that was *sent_s* was one too many."""
        ...


class Aimd:
    """Additive increase, multiplicative decrease."""

    def __init__(self, ceiling_per_s: float) -> None:
        self._ceiling = self._rate = ceiling_per_s
        self._at_s = 0.0
        self._cut_at_s = -inf

    def rate_per_s(self, now_s: float) -> float:
        """Return the rate that stands."""
        self._rate = min(self._ceiling, self._rate + 0.05 * self._ceiling * (now_s - self._at_s) / 10)
        self._at_s = now_s
        return self._rate

    def accepted(self, now_s: float) -> None:
        """Nothing is learnt from it."""

    def throttled(self, sent_s: float, now_s: float) -> None:
        """Cut, once an event."""
        if sent_s >= self._cut_at_s:
            self._rate = max(_FLOOR_PER_S, self.rate_per_s(now_s) * 0.7)
            self._cut_at_s = now_s


class Cubic:
    """botocore's adaptive mode."""

    def __init__(self, ceiling_per_s: float) -> None:
        self._ceiling = ceiling_per_s
        self._most: float | None = None
        self._cut_at_s = -inf
        self._accepted: deque[float] = deque()

    def rate_per_s(self, now_s: float) -> float:
        """Return the rate that stands."""
        if self._most is None:
            return self._ceiling
        back_s: float = (self._most * 0.3 / 0.4) ** (1 / 3)
        rate_per_s: float = 0.4 * (now_s - self._cut_at_s - back_s) ** 3 + self._most
        return max(_FLOOR_PER_S, min(self._ceiling, rate_per_s))

    def accepted(self, now_s: float) -> None:
        """Measure."""
        self._accepted.append(now_s)

    def throttled(self, sent_s: float, now_s: float) -> None:
        """Cut, once an event, from what was measured."""
        if sent_s < self._cut_at_s:
            return
        while self._accepted and self._accepted[0] <= now_s - 1:
            self._accepted.popleft()
        self._most = max(_FLOOR_PER_S, min(self.rate_per_s(now_s), len(self._accepted) or inf))
        self._cut_at_s = now_s


class Drive(NamedTuple):
    """How long it took, the share of throttled answers, and the slowest rate of all."""

    seconds: float
    throttled: float
    slowest_per_s: float


def drive(
    rule: Rule,
    limits: Sequence[tuple[float, int]],
    total: int,
    *,
    window: WindowKind = "sliding",
    noise: float = 0.0,
    stray: int | None = None,
    concurrency: int = 64,
    latency_s: float = 0.05,
    seed: int = 0,
) -> Drive:
    """Send as *rule* says until *total* requests are accepted, to a limiter that changes: see `Scenario`.

    A throttle pauses everybody for its Retry-After, in whole seconds. Those of the *noise*, a share of all requests,
    and that of the *stray* one come whatever the rate is, and name none.
    """
    limiter, dice = Limiter({}), Random(seed)
    answers: list[tuple[float, float, float]] = []
    free = [0.0] * concurrency
    now_s = next_s = paused_s = 0.0
    accepted = throttled = sent = 0
    slowest = inf
    while accepted < total and sent < total * _MOST_REQUESTS:
        now_s = max(now_s, next_s, paused_s, heappop(free))
        while answers and answers[0][0] <= now_s:
            at_s, sent_s, wait_s = heappop(answers)
            if wait_s < 0:
                accepted += 1
                rule.accepted(at_s)
            else:
                throttled += 1
                rule.throttled(sent_s, at_s)
                paused_s = max(paused_s, at_s + wait_s)
        now_s = max(now_s, paused_s)
        limit = [per_s for from_s, per_s in limits if from_s <= now_s][-1]
        limiter.rates["*"] = Rate(limit, 1.0, window)
        refused = limiter.refuse("token", "coze", now_s + latency_s / 2)
        wait_s = -1.0 if refused is None else float(ceil(refused[1]))
        if dice.random() < noise or sent == stray:
            wait_s = dice.random()
        heappush(answers, (now_s + latency_s, now_s, wait_s))
        heappush(free, now_s + latency_s)
        sent += 1
        rate_per_s = rule.rate_per_s(now_s)
        slowest = min(slowest, rate_per_s)
        next_s = now_s + 1 / rate_per_s
    return Drive(now_s if accepted >= total else inf, throttled / (throttled + accepted), slowest)


class Scenario(NamedTuple):
    """The configured rate, what the provider allows from when on, and for how long that lasts at best."""

    ceiling_per_s: int
    limits: Sequence[tuple[float, int]]
    seconds: float
    window: WindowKind = "sliding"
    noise: float = 0.0
    stray: int | None = None

    @property
    def total(self) -> int:
        """How many requests that is."""
        ends = [*(from_s for from_s, _ in self.limits[1:]), self.seconds]
        rates = [min(self.ceiling_per_s, limit) for _, limit in self.limits]
        return round(sum((end - begin[0]) * rate for end, begin, rate in zip(ends, self.limits, rates, strict=True)))


_RULES: Final[dict[str, Callable[[float], Rule]]] = {"kbsync": Tempo, "CUBIC": Cubic, "AIMD": Aimd}
SCENARIOS: Final = {
    "half of 50/s, doubles after 20 s": Scenario(50, [(0, 25), (20, 50)], 40),
    "half of 50/s, doubles after 60 s": Scenario(50, [(0, 25), (60, 50)], 120),
    "the same, windows by the clock": Scenario(50, [(0, 25), (60, 50)], 120, "fixed"),
    "half of 10/s, doubles after 60 s": Scenario(10, [(0, 5), (60, 10)], 120),
    "half of 500/s, doubles after 30 s": Scenario(500, [(0, 250), (30, 500)], 60),
    "48/s of 50/s": Scenario(50, [(0, 48)], 120),
    "5/s of 50/s": Scenario(50, [(0, 5)], 120),
    "2/s of 4/s": Scenario(4, [(0, 2)], 120),
    "50/s falls to 5/s for a minute": Scenario(50, [(0, 50), (30, 5), (90, 50)], 150),
    "26 of 1,000 throttled at any rate": Scenario(50, [(0, 1_000)], 60, noise=0.026),
    "only the first is throttled": Scenario(50, [(0, 1_000)], 60, stray=0),
    "only the sixth is throttled": Scenario(50, [(0, 1_000)], 60, stray=5),
}


def measure_pacing(_folder: Path, rounds: int) -> tuple[str, list[Row]]:
    """Return the table of all rules in all scenarios, and its rows: the mean of *rounds* seeds."""
    rows: list[Row] = []
    for name, scenario in SCENARIOS.items():
        cells: dict[str, float | str | None] = {}
        for rule, make in _RULES.items():
            drives = [
                drive(
                    make(scenario.ceiling_per_s),
                    scenario.limits,
                    scenario.total,
                    window=scenario.window,
                    noise=scenario.noise,
                    stray=scenario.stray,
                    seed=seed,
                )
                for seed in range(rounds)
            ]
            cells[f"{rule}: time / ideal"] = mean(one.seconds for one in drives) / scenario.seconds
            cells[f"{rule}: throttled %"] = 100 * mean(one.throttled for one in drives)
        rows.append(Row(name, cells))
    return table("Rates that follow the provider", rows), rows
