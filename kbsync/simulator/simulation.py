"""One run of the engine, as it is, on virtual time against modelled providers."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

import anyio

from kbsync.core.causes import cause_of
from kbsync.core.events import Event, Observer, Settled
from kbsync.core.exits import Exit
from kbsync.core.holds import Hold
from kbsync.core.plan import Plan
from kbsync.core.settings import RetrySettings
from kbsync.core.simulation import Assumed, Simulation
from kbsync.core.state import Settlement
from kbsync.core.wire import Operation
from kbsync.engine.dispatch import Engine
from kbsync.engine.target import Policy, Target
from kbsync.simulator.clock import EPOCH_S, run_virtually, virtual_clock
from kbsync.simulator.journal import Entry, ModelJournal
from kbsync.simulator.provider import Model, ModelProvider
from kbsync.simulator.tally import Tally
from kbsync.simulator.transport import ModelTransport
from kbsync.simulator.wire import ModelCodec

__all__ = ("Beginning", "ModelTarget", "simulate")

# What a commit takes on a disk of today, the wait for others to share it included.
_COMMIT_S: Final = 0.002


@dataclass(frozen=True, slots=True)
class ModelTarget:
    """A target that has *operations*, how it is set, and how its account behaves.

    *rates* holds lower rates of single operations. Targets of the same *credential* are one account, that of the first
    of them; without one a target is alone. *timeout_s* is how long a request waits for its answer.
    """

    name: str
    operations: tuple[Operation, ...]
    timeout_s: float
    model: Model
    assumed: Assumed
    rates: Mapping[str, float] = field(default_factory=dict[str, float])
    credential: str = ""


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a run finds. The changes at the positions *stale* are passed over: their known value has moved.

    *holds* are those on changes, by position. The wall clock tells *at_s*, in seconds since the epoch.
    """

    at_s: float = EPOCH_S
    stale: Collection[int] = ()
    holds: Mapping[int, Hold] = field(default_factory=dict[int, Hold])


def simulate(
    plan: Plan,
    targets: Sequence[ModelTarget],
    retry: RetrySettings,
    policy: Policy,
    seed: int,
    *,
    beginning: Beginning | None = None,
    observe: Observer = lambda _event: None,
) -> Simulation:
    """Apply *plan* in virtual time and return what came of it, which is the same for the same arguments.

    *targets* are those that the plan speaks of.
    *observe* is told what the observers of a run are told.
    """
    return run_virtually(_Run(plan, targets, seed, beginning or Beginning(), observe).apply, retry, policy)


class _Run:
    """The simulation under way: a fold over all that happens in it."""

    def __init__(
        self, plan: Plan, targets: Sequence[ModelTarget], seed: int, beginning: Beginning, observe: Observer
    ) -> None:
        self._plan = plan
        self._seed = seed
        self._beginning = beginning
        self._observe = observe
        self._tallies = {target.name: Tally(target.assumed) for target in targets}
        self._targets = targets
        self._providers: dict[str, ModelProvider] = {}
        self._causes: set[Exit] = set()

    async def apply(self, retry: RetrySettings, policy: Policy) -> Simulation:
        for change in self._plan.changes:
            self._tallies[change.item.target].planned += 1
        for skip in self._plan.unsent:
            self._tallies[skip.change.item.target].skip(skip)
        for seq in self._beginning.stale:
            self._tally_of(seq).outcomes["stale", "known_value_moved"] += 1

        journal = ModelJournal(self._durable, _COMMIT_S)
        engine = Engine(
            [self._target(target) for target in self._targets],
            journal,
            self._heard,
            retry,
            policy,
            virtual_clock(self._beginning.at_s),
            Random(f"{self._seed}/jitter").random,
        )
        await engine.apply(self._plan, self._beginning.stale, self._beginning.holds)
        for name, reason in journal.left.items():
            self._tallies[name].leave(reason)

        ended_s = anyio.current_time()
        return Simulation(
            seed=self._seed,
            seconds=ended_s,
            causes=tuple(sorted(self._causes)),
            targets={name: tally.result(ended_s) for name, tally in self._tallies.items()},
        )

    def _target(self, target: ModelTarget) -> Target:
        account = target.credential or target.name
        if account not in self._providers:
            self._providers[account] = ModelProvider(target.model, f"{self._seed}/{target.name}")
        return Target(
            name=target.name,
            codec=ModelCodec(target.name, target.operations),
            transport=ModelTransport(self._providers[account], target.timeout_s, self._tallies[target.name].watch),
            rate_per_s=target.assumed.rate_per_s,
            burst=target.assumed.burst,
            concurrency=target.assumed.concurrency,
            credential=target.credential,
            rates=target.rates,
        )

    def _tally_of(self, seq: int) -> Tally:
        return self._tallies[self._plan.changes[seq].item.target]

    def _durable(self, entry: Entry) -> None:
        if isinstance(entry, Settlement):
            self._tally_of(entry.seq).settle(entry, anyio.current_time())
            self._observe(Settled(entry))

    def _heard(self, event: Event) -> None:
        cause = cause_of(event)
        if cause is not None:
            self._causes.add(cause)
        target = getattr(event, "target", None)
        if target is not None:
            self._tallies[target].hear(event, anyio.current_time())
        self._observe(event)
