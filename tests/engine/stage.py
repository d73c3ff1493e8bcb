"""One run of the engine on virtual time, and everything that can be seen of it."""

from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import anyio

from kbsync.core.events import Event
from kbsync.core.holds import Hold
from kbsync.core.plan import Change, Plan
from kbsync.core.settings import RetrySettings
from kbsync.core.state import Settlement
from kbsync.core.wire import Answer
from kbsync.engine.dispatch import Engine
from kbsync.engine.target import Policy, Target
from tests.clock import run_virtually, virtual_clock
from tests.fakes import LittleCodec, MemoryJournal, ScriptedTransport, plan_of

__all__ = ("Play", "play")

_E = TypeVar("_E")


@dataclass
class Play:
    """What happened: *error* is what `apply` raised, *seconds* how long it took."""

    plan: Plan
    journal: MemoryJournal
    transports: dict[str, ScriptedTransport]
    events: list[Event] = field(default_factory=list)
    error: BaseException | None = None
    seconds: float = 0.0

    @property
    def transport(self) -> ScriptedTransport:
        (only,) = self.transports.values()
        return only

    @property
    def settlements(self) -> list[Settlement]:
        """In the order of the plan; those of changes that were left to the journal are made here."""
        settled = {settlement.seq for settlement in self.journal.settlements}
        left = [
            Settlement(seq, "not_attempted", self.journal.left[change.item.target], 0, Answer(), 0.0)
            for seq, change in enumerate(self.plan.changes)
            if seq not in settled and change.item.target in self.journal.left
        ]
        return sorted([*self.journal.settlements, *left])

    @property
    def outcomes(self) -> list[str]:
        """In the order of the plan."""
        return [settlement.outcome for settlement in self.settlements]

    @property
    def counts(self) -> Counter[tuple[str, str]]:
        return Counter((settlement.outcome, settlement.reason) for settlement in self.settlements)

    def events_of(self, kind: type[_E]) -> list[_E]:
        return [event for event in self.events if isinstance(event, kind)]


def play(
    changes: Sequence[Change],
    *transports: ScriptedTransport,
    rate: float = 1_000.0,
    burst: int = 1,
    concurrency: int = 4,
    retry: RetrySettings | None = None,
    policy: Policy | None = None,
    journal: MemoryJournal | None = None,
    jitter: Callable[[], float] = lambda: 0.5,
    codec: LittleCodec | None = None,
    meanwhile: Callable[[Engine], Coroutine[Any, Any, None]] | None = None,
    cancel_at_s: float | None = None,
    holds: Mapping[int, Hold] | None = None,
    credential: str = "",
    rates: Mapping[str, float] | None = None,
) -> Play:
    """Apply a plan of *changes*, whose targets have *transports* in the order of their names."""
    names = sorted({change.item.target for change in changes})
    story = Play(plan_of(changes), journal or MemoryJournal(), dict(zip(names, transports, strict=True)))

    async def scenario() -> None:
        engine = Engine(
            [
                Target(
                    name,
                    codec or LittleCodec(),
                    transport,
                    rate,
                    burst,
                    concurrency,
                    credential=credential,
                    rates=rates or {},
                )
                for name, transport in story.transports.items()
            ],
            story.journal,
            story.events.append,
            retry or RetrySettings(),
            policy or Policy(),
            virtual_clock(),
            jitter,
        )
        async with anyio.create_task_group() as tasks:
            if meanwhile is not None:
                tasks.start_soon(meanwhile, engine)
            with anyio.CancelScope() as scope:
                if cancel_at_s is not None:
                    scope.deadline = cancel_at_s
                try:
                    await engine.apply(story.plan, (), holds)
                except Exception as error:  # noqa: BLE001  what is raised is looked at afterwards
                    story.error = error
            story.seconds = anyio.current_time()
            tasks.cancel_scope.cancel()

    run_virtually(scenario)
    return story
