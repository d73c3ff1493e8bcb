"""One run: the engine, what it needs, and who listens to it."""

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple

import anyio
from anyio.abc import TaskGroup

from kbsync.adapters.config import Access, Config
from kbsync.adapters.http import HttpTransport
from kbsync.adapters.state import RunJournal, StateStore
from kbsync.cli.descriptors import connections_for
from kbsync.cli.signals import Signals
from kbsync.cli.verifying import Verifying
from kbsync.core.causes import cause_of
from kbsync.core.events import Event, Observer, RunFinished, RunStarted, Settled, StopRequested, TargetStopped
from kbsync.core.exits import Exit
from kbsync.core.holds import Hold, holds_of
from kbsync.core.items import Item
from kbsync.core.plan import Change, Plan
from kbsync.core.state import Hazard, ReadRecord, Settlement
from kbsync.core.wire import Answer
from kbsync.engine.dispatch import Engine
from kbsync.engine.readback import ReadBack
from kbsync.engine.recent import Recent
from kbsync.engine.target import Policy, Target
from kbsync.errors import LockLostError, StateWriteError
from kbsync.views.progress import Progress

__all__ = ("WINDOW_S", "Ended", "Run", "accesses_for", "open_target")

WINDOW_S = 1.0
# Less than the 30 s that service managers and Kubernetes give before they kill.
_GRACE_S = 25.0
# After such a stop nothing more is asked of anybody.
_ENDS_ALL = frozenset({"signal", "deadline", "state"})


def accesses_for(plan: Plan, config: Config, read: Iterable[Change] = ()) -> dict[str, Access]:
    """Return how to speak to each target that *plan* sends to, or *read* is about, with its secrets.

    Raises CredentialsError.
    """
    names = dict.fromkeys(change.item.target for change in (*plan.changes, *read))
    return {name: config.targets[name].access(os.environ, config.folder) for name in names}


async def open_target(config: Config, name: str, access: Access, not_before_s: float, stack: AsyncExitStack) -> Target:
    """Return the target *name* as the engine takes it; its connections are closed with *stack*."""
    settings = config.targets[name].settings
    all_wanted = sum(target.settings.concurrency for target in config.targets.values())
    concurrency = connections_for(settings.concurrency, all_wanted)
    transport = HttpTransport(
        config.targets[name].origin,
        concurrency=concurrency,
        connect_timeout_s=settings.connect_timeout_s,
        read_timeout_s=settings.read_timeout_s,
        total_timeout_s=settings.total_timeout_s,
    )
    return Target(
        name=name,
        codec=access.codec,
        transport=await stack.enter_async_context(transport),
        rate_per_s=settings.rate_per_s,
        burst=settings.burst,
        concurrency=concurrency,
        not_before_s=not_before_s,
        credential=access.credential,
        rates=settings.rates,
    )


class Ended(NamedTuple):
    """How a run ended. *exits* are those that its outcomes do not show, *failure* is what made it end, if anything."""

    run_id: str
    exits: frozenset[Exit]
    failure: Exception | None


@dataclass
class Run:
    """Applies *plan* once, and knows afterwards what its exit depends on beside the outcomes.

    *observers* are told every event, *progress* among them. *reads* were made for the plan, and what is in *recent*
    comes of them. With *verifying*, what was updated is read back.
    """

    plan: Plan
    config: Config
    store: StateStore
    progress: Progress
    observers: Sequence[Observer]
    policy: Policy
    signals: Signals
    verifying: Verifying | None = None
    reads: Sequence[ReadRecord] = ()
    recent: Recent = field(default_factory=Recent)
    exits: set[Exit] = field(default_factory=set[Exit])
    stopped: dict[str, str] = field(default_factory=dict[str, str])
    failure: Exception | None = None
    _stopping: str = ""
    _updated: list[int] = field(default_factory=list[int])
    _under_way: Engine | ReadBack | None = None

    def apply(
        self,
        accesses: Mapping[str, Access],
        stale: Sequence[int],
        hazards: Mapping[tuple[Item, str], Hazard],
        allow_reason: str,
    ) -> Ended:
        """Send the plan, except the changes at the positions *stale*, and record all that happened.

        What may still arrive late, *hazards*, holds back the changes that it would overwrite.

        Raises StateError and StateWriteError before the first request; what goes wrong later is in the return value.
        """
        # A clock that was set back must not make anyone wait for longer than a window. The credential may be that of
        # any target, and may have had another name.
        now_s = time.time()
        reads_s = [read.sent_at_s for read in self.reads if read.sent_at_s is not None]
        last_s = max([self.store.sent_until_s(), *reads_s])
        not_before_s = min(last_s, now_s) + WINDOW_S
        holds = holds_of(self.plan.changes, hazards, self.config.retry.quarantine_s, now_s, self.plan.base.read)
        self.signals.take_over()
        journal = self.store.begin_run(
            self.plan,
            allow_reason=allow_reason,
            on_settled=self._on_settled,
            unique_targets=[
                name
                for name, target in self.config.targets.items()
                if target.provider.dialect(target.settings).unique_in_target
            ],
            reads=self.reads,
        )
        try:
            anyio.run(self._main, journal, accesses, not_before_s, stale, holds)
        except KeyboardInterrupt:  # before our own handler stood, or after it went
            self.exits.add(Exit.INTERRUPTED)
        except Exception as error:  # noqa: BLE001  # told once the report is out
            self._fail(error)

        self._record_verification(journal)
        try:
            self.store.finish_run(journal, exits=sorted(self.exits), stopped=self.stopped)
        except StateWriteError as error:
            self._fail(error)
            self.failure = error  # it says where to find what is not recorded
        return Ended(journal.run_id, frozenset(self.exits), self.failure)

    def _record_verification(self, journal: RunJournal) -> None:
        if self.verifying is None or self.verifying.verification is None:
            return
        self.exits.update(self.verifying.verification.exits)
        try:
            self.store.record_verification(journal, self.verifying.verification, self.verifying.earlier)
        except StateWriteError as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        lost = isinstance(error, LockLostError)
        self.exits.add(Exit.LOCKED if lost else Exit.STATE if isinstance(error, StateWriteError) else Exit.ERROR)
        self.failure = self.failure or error

    async def _main(
        self,
        journal: RunJournal,
        accesses: Mapping[str, Access],
        not_before_s: float,
        stale: Sequence[int],
        holds: Mapping[int, Hold],
    ) -> None:
        began_s = time.monotonic()
        self._observe(RunStarted(journal.run_id, self.plan))
        for seq in stale:
            journal.settle(Settlement(seq, "stale", "known_value_moved", 0, Answer(), 0.0))

        failure: Exception | None = None
        async with AsyncExitStack() as stack, anyio.create_task_group() as tasks:
            targets = [
                await open_target(self.config, name, access, not_before_s, stack) for name, access in accesses.items()
            ]
            for target in targets:
                if target.concurrency < self.config.targets[target.name].settings.concurrency:
                    self.progress.say(
                        f"{target.name}: at most {target.concurrency} requests at a time, "
                        "for the system allows so few open files (ulimit -n)"
                    )
            engine = self._under_way = Engine(
                targets, journal, self._observe, self.config.retry, self.policy, recent=self.recent
            )
            await tasks.start(partial(self.signals.listen, partial(self._on_signal, tasks)))
            tasks.start_soon(self._tick)
            try:
                await engine.apply(self.plan, frozenset(stale), holds)
                await self._verify(journal, targets, began_s)
            except Exception as error:  # noqa: BLE001  # raised below, and not as one of a group
                failure = error
            tasks.cancel_scope.cancel()

        if failure is not None:
            raise failure
        self._observe(RunFinished(journal.run_id, time.monotonic() - began_s))

    async def _verify(self, journal: RunJournal, targets: Sequence[Target], began_s: float) -> None:
        """Read back what was updated, in what is left of the time."""
        if self.verifying is None:
            return
        wait_s, policy = self.verifying.wait_s, self.policy
        if policy.max_duration_s is not None:
            left_s = max(0.0, began_s + policy.max_duration_s - time.monotonic())
            policy = replace(policy, max_duration_s=left_s)

        def begin(standing: Sequence[Target]) -> ReadBack:
            read_back = ReadBack(standing, journal, self._observe, self.config.retry, policy, wait_s)
            if self._stopping in _ENDS_ALL:
                read_back.request_stop(self._stopping)
            self._under_way = read_back
            return read_back

        await self.verifying.read(self._updated, journal, targets, dict(self.stopped), begin)

    async def _tick(self) -> None:
        while True:
            await anyio.sleep(1)
            self._show(self.progress.tick)

    def _on_signal(self, tasks: TaskGroup, count: int, exit_: Exit) -> None:
        assert self._under_way is not None
        self.exits.add(exit_)
        self._stopping = "signal"
        if count == 1:
            self._under_way.request_stop("signal")
            tasks.start_soon(self._lose_patience)
            self.progress.say("requests under way are finished and recorded; once more cancels them")
        else:
            self._under_way.cancel("signal")

    async def _lose_patience(self) -> None:
        assert self._under_way is not None
        await anyio.sleep(_GRACE_S)
        self.progress.say(f"requests are still under way after {_GRACE_S:g} s, and are cancelled")
        self._under_way.cancel("signal")

    def _on_settled(self, settlement: Settlement) -> None:
        if settlement.outcome == "updated":
            self._updated.append(settlement.seq)
        self._observe(Settled(settlement))

    def _observe(self, event: Event) -> None:
        if isinstance(event, TargetStopped):
            self.stopped[event.target] = event.reason
        if isinstance(event, StopRequested):
            self._stopping = self._stopping or event.why
        cause = cause_of(event)
        if cause is not None:
            self.exits.add(cause)
        for observe in self.observers:
            self._show(partial(observe, event))

    def _show(self, view: Callable[[], None]) -> None:
        """Let a view do its part; when it cannot, that is told at the end, and stops nothing."""
        try:
            view()
        except Exception as error:  # noqa: BLE001
            self._fail(error)
