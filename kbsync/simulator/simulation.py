"""One run of the engine, as it is, on virtual time against modelled providers."""

from collections import Counter, deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

import anyio

from kbsync.core.causes import cause_of
from kbsync.core.events import Event, Observer, Settled, TargetPaused, TargetStopped
from kbsync.core.exits import Exit
from kbsync.core.plan import Plan
from kbsync.core.settings import RetrySettings
from kbsync.core.simulation import Assumed, Simulation, TargetSimulation
from kbsync.core.state import OutcomeName, Settlement
from kbsync.core.wire import Lost, Operation, Throttled
from kbsync.engine.dispatch import Engine
from kbsync.engine.target import Policy, Target
from kbsync.simulator.clock import run_virtually, virtual_clock
from kbsync.simulator.journal import Entry, ModelJournal
from kbsync.simulator.provider import Model, ModelProvider
from kbsync.simulator.transport import Came, Left, ModelTransport
from kbsync.simulator.wire import ModelCodec, Write

__all__ = ("ModelTarget", "simulate")

# What a commit takes on a disk of today, the wait for others to share it included.
_COMMIT_S: Final = 0.002
_WINDOW_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class ModelTarget:
    """A target that has *operations*, how it is set, and how its account behaves.

    *timeout_s* is how long a request waits for its answer.
    """

    name: str
    operations: tuple[Operation, ...]
    timeout_s: float
    model: Model
    assumed: Assumed


def simulate(
    plan: Plan,
    targets: Sequence[ModelTarget],
    retry: RetrySettings,
    policy: Policy,
    seed: int,
    *,
    stale: Collection[int] = (),
    observe: Observer = lambda _event: None,
) -> Simulation:
    """Apply *plan* in virtual time and return what came of it, which is the same for the same arguments.

    The changes at the positions *stale* are passed over, as those whose known value has moved are. *observe* is told
    what the observers of a run are told.
    """
    return run_virtually(_Run(plan, targets, seed, stale, observe).apply, retry, policy)


class _Run:
    """The simulation under way: a fold over all that happens in it."""

    def __init__(
        self, plan: Plan, targets: Sequence[ModelTarget], seed: int, stale: Collection[int], observe: Observer
    ) -> None:
        self._plan = plan
        self._seed = seed
        self._stale = stale
        self._observe = observe
        self._tallies = {target.name: _Tally(target) for target in targets}
        self._causes: set[Exit] = set()

    async def apply(self, retry: RetrySettings, policy: Policy) -> Simulation:
        changes = self._plan.changes
        for change in changes:
            self._tallies[change.item.target].planned += 1
        for seq in self._stale:
            self._tallies[changes[seq].item.target].outcomes["stale", "known_value_moved"] += 1

        journal = ModelJournal(self._durable, _COMMIT_S)
        jitter = Random(f"{self._seed}/jitter")
        engine = Engine(
            [self._target(tally) for tally in self._tallies.values()],
            journal,
            self._heard,
            retry,
            policy,
            virtual_clock(),
            jitter.random,
        )
        await engine.apply(self._plan, self._stale)
        for target, reason in journal.left.items():
            self._tallies[target].leave(reason)

        return Simulation(
            seed=self._seed,
            seconds=max((tally.seconds for tally in self._tallies.values()), default=0.0),
            causes=tuple(sorted(self._causes)),
            targets={name: tally.result() for name, tally in self._tallies.items()},
        )

    def _target(self, tally: "_Tally") -> Target:
        target = tally.target
        provider = ModelProvider(target.model, f"{self._seed}/{target.name}")
        return Target(
            name=target.name,
            codec=ModelCodec(target.name, target.operations),
            transport=ModelTransport(provider, target.timeout_s, tally.watch),
            rate_per_s=target.assumed.rate_per_s,
            burst=target.assumed.burst,
            concurrency=target.assumed.concurrency,
        )

    def _durable(self, entry: Entry) -> None:
        if isinstance(entry, Settlement):
            self._tallies[self._plan.changes[entry.seq].item.target].settle(entry, anyio.current_time())
            self._observe(Settled(entry))

    def _heard(self, event: Event) -> None:
        cause = cause_of(event)
        if cause is not None:
            self._causes.add(cause)
        match event:
            case TargetPaused(target, delay_s):
                self._tallies[target].pause(anyio.current_time(), delay_s)
            case TargetStopped(target, reason):
                self._tallies[target].stopped = reason
            case _:
                pass
        self._observe(event)


class _Tally:
    """What is counted of one target."""

    def __init__(self, target: ModelTarget) -> None:
        self.target = target
        self.planned = 0
        self.seconds = 0.0
        self.stopped = ""
        self.outcomes: Counter[tuple[OutcomeName, str]] = Counter()
        self._writes = 0
        self._reads = 0
        self._retries = 0
        self._throttled = 0
        self._lost = 0
        self._peak = 0
        self._recent: deque[float] = deque()
        self._waited_s = 0.0
        self._paused_until_s = 0.0

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

    def settle(self, settlement: Settlement, at_s: float) -> None:
        """Count one change."""
        self.outcomes[settlement.outcome, settlement.reason] += 1
        self._retries += max(0, settlement.attempts - 1)
        self.seconds = at_s

    def leave(self, reason: str) -> None:
        """Count the changes that were never begun."""
        self.outcomes["not_attempted", reason] += self.planned - self.outcomes.total()

    def pause(self, now_s: float, delay_s: float) -> None:
        """Count the time of a pause, but for what an earlier one covers."""
        until_s = now_s + delay_s
        self._waited_s += max(0.0, until_s - max(now_s, self._paused_until_s))
        self._paused_until_s = max(self._paused_until_s, until_s)

    def result(self) -> TargetSimulation:
        return TargetSimulation(
            planned=self.planned,
            writes=self._writes,
            reads=self._reads,
            retries=self._retries,
            throttled=self._throttled,
            lost=self._lost,
            peak=self._peak,
            seconds=self.seconds,
            waited_s=self._waited_s,
            stopped=self.stopped,
            outcomes=dict(self.outcomes),
            assumed=self.target.assumed,
        )
