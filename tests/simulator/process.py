"""One run as a process of its own, which can be killed: the engine, its journal and its connections."""

from collections.abc import Callable, Mapping
from typing import Literal

import anyio

from kbsync.core.holds import holds_of
from kbsync.core.plan import Plan
from kbsync.engine.dispatch import Engine
from kbsync.engine.target import Policy, Target
from kbsync.errors import StateWriteError
from kbsync.simulator.clock import virtual_clock
from kbsync.simulator.journal import Entry, ModelJournal
from kbsync.simulator.known import ModelState
from kbsync.simulator.provider import ModelProvider
from kbsync.simulator.transport import ModelTransport
from kbsync.simulator.wire import ModelCodec
from tests.simulator.audit import RunAudit
from tests.simulator.scene import Account, Ending, Scene

__all__ = ("End", "Process")

# After so much virtual time of one run, something goes round in circles.
_LONGEST_RUN_S = 1e6
_WINDOW_S = 1.0
_MOMENT_S = 0.01

End = Literal["ended", "killed", "broken"]


class Process:
    """What applies *plan*, and what of it is durable goes to *state*."""

    def __init__(
        self,
        plan: Plan,
        policy: Policy,
        scene: Scene,
        providers: Mapping[str, ModelProvider],
        state: ModelState,
        audit: RunAudit,
        jitter: Callable[[], float],
        ending: Ending | None,
    ) -> None:
        self._plan = plan
        self._state = state
        self._audit = audit
        self._ending = ending
        wall_s = virtual_clock().wall()
        self._holds = holds_of(plan.changes, state.hazards(), scene.retry.quarantine_s, wall_s)
        # As a run does: a credential may be that of any target.
        last_s = [state.last_send_s(account.name) for account in scene.accounts]
        self._not_before_s = max((at_s for at_s in last_s if at_s is not None), default=0.0) + _WINDOW_S
        state.begin(plan)
        breaks_at_s = anyio.current_time() + ending.at_s if ending is not None and ending.how == "disk" else None
        self._journal = ModelJournal(self._durable, scene.commit_s, breaks_at_s)
        self._transports = {
            account.name: ModelTransport(providers[account.credential], account.timeout_s, audit.watch)
            for account in scene.accounts
        }
        self._engine = Engine(
            [self._target(account) for account in scene.accounts],
            self._journal,
            lambda _event: None,
            scene.retry,
            policy,
            virtual_clock(),
            jitter,
        )
        self._end: End = "ended"
        self._killed_at_s: float | None = None

    async def run(self) -> End:
        """Apply the plan, to its end or to that of the process, and a moment longer.

        In which order tasks are cancelled differs from time to time, and so does how long that takes; not after the
        moment.
        """
        with anyio.fail_after(_LONGEST_RUN_S), anyio.CancelScope() as process:
            async with anyio.create_task_group() as tasks:
                if self._ending is not None:
                    tasks.start_soon(self._meet, self._ending, process)
                try:
                    await self._engine.apply(self._plan, (), self._holds)
                except StateWriteError:
                    self._end = "broken"
                tasks.cancel_scope.cancel()

        ended_s = self._killed_at_s or anyio.current_time()
        await anyio.sleep_until((ended_s // _MOMENT_S + 2) * _MOMENT_S)
        if self._end == "broken" and (self._ending is None or self._ending.how != "disk"):
            self._audit.wrong("nothing was wrong with the disk")
        if self._end == "ended":
            self._audit.ended(self._journal.left)
        return self._end

    async def _meet(self, ending: Ending, process: anyio.CancelScope) -> None:
        await anyio.sleep(ending.at_s)
        match ending.how:
            case "kill":
                self._end = "killed"
                self._killed_at_s = anyio.current_time()
                self._journal.die()
                for transport in self._transports.values():
                    transport.die()
                process.cancel()
            case "stop":
                self._engine.request_stop("signal")
            case "cancel":
                self._engine.cancel("signal")
            case "disk":
                pass

    def _durable(self, entry: Entry) -> None:
        self._state.record(entry)
        self._audit.durable(entry)

    def _target(self, account: Account) -> Target:
        return Target(
            name=account.name,
            codec=ModelCodec(account.name, account.operations),
            transport=self._transports[account.name],
            rate_per_s=account.rate_per_s,
            burst=account.burst,
            concurrency=account.concurrency,
            not_before_s=self._not_before_s,
            credential=account.credential,
            rates=account.rates,
        )
