"""What a simulation of a run found, and what it assumed."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from kbsync.core.exits import Exit
from kbsync.core.report import OUTCOMES, exit_of
from kbsync.core.state import OutcomeName

__all__ = ("SIMULATION_FORMAT", "Assumed", "Simulation", "TargetSimulation")

SIMULATION_FORMAT: Final = "kbsync.simulation/1"


@dataclass(frozen=True, slots=True)
class Assumed:
    """How one target was set, and how its provider was taken to behave.

    *true_rate_per_s* is what the provider allows, None for whatever is sent. A share of *fault_share* of the requests
    meets a fault of the mix *faults*. *outages* are pairs of seconds after the beginning, between which all fail.
    """

    rate_per_s: float
    burst: int
    concurrency: int
    true_rate_per_s: float | None
    latency_ms: tuple[float, float]
    faults: str
    fault_share: float
    outages: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class TargetSimulation:
    """What became of one target's changes.

    *writes* and *reads* count requests that left, *retries* the attempts that were not the first of their change,
    *throttled* and *lost* the answers that said so or never came. *peak* is the most requests that left within any
    second, *slowest_per_s* the rate that the target slowed down to, None when it did not. *seconds* is when its last
    change was settled, *waited_s* how much of that it paused, because it was asked to or because the provider was down.
    *stopped* is why nothing more was sent to it, or empty. *outcomes* counts changes by outcome and reason.
    """

    planned: int
    writes: int
    reads: int
    retries: int
    throttled: int
    lost: int
    peak: int
    slowest_per_s: float | None
    seconds: float
    waited_s: float
    stopped: str
    outcomes: Mapping[tuple[OutcomeName, str], int]
    assumed: Assumed


@dataclass(frozen=True, slots=True)
class Simulation:
    """A run that never was. *seconds* is how long it would have taken, *causes* are those of `exit_of`."""

    seed: int
    seconds: float
    causes: tuple[Exit, ...]
    targets: Mapping[str, TargetSimulation]

    @property
    def totals(self) -> dict[str, int]:
        """Counts of changes by outcome, `planned` first. The outcomes add up to `planned`."""
        counted: Counter[str] = Counter()
        for target in self.targets.values():
            for (outcome, _), number in target.outcomes.items():
                counted[outcome] += number
        planned = sum(target.planned for target in self.targets.values())
        return {"planned": planned, **{outcome: counted[outcome] for outcome in OUTCOMES}}

    @property
    def exit(self) -> Exit:
        """What the run's process would have ended with."""
        totals = self.totals
        return exit_of([outcome for outcome in OUTCOMES if totals[outcome]], self.causes)
