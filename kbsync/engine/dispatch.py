"""The engine: applies a plan, target by target, and accounts for every change of it exactly once; or reads lists."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from random import random
from typing import Final, TypeAlias

import anyio

from kbsync.core.events import Observer
from kbsync.core.holds import Hold
from kbsync.core.listing import Listed, Listing
from kbsync.core.plan import Plan
from kbsync.core.settings import RetrySettings
from kbsync.core.state import Journal
from kbsync.engine.credential import Credential
from kbsync.engine.errands import Look, Query
from kbsync.engine.lane import Lane
from kbsync.engine.recent import Recent
from kbsync.engine.run import Run
from kbsync.engine.target import Clock, Policy, Target
from kbsync.errors import StateWriteError

__all__ = ("CLOCK", "Engine", "Place")

# A target, a container, and the kind of its items.
Place: TypeAlias = tuple[str, str, str]

_FLUSH_S: Final = 60.0
_FLUSH_AFTER_CANCEL_S: Final = 5.0
# What is under way at the end of the time gets so long to end by itself.
_LAST_ANSWERS_S: Final = 1.5
CLOCK: Final = Clock(time.monotonic, time.time)


class Engine:
    """Applies one plan, or reads lists.

    Every change that was begun gets one settlement, handed to *journal* whatever happens, and those that never were
    are left to it, target by target; what else happens goes to *observe*. One target's trouble never slows another.
    *jitter* returns numbers in [0, 1). What is read goes to *recent*, and what is there serves updates.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        journal: Journal,
        observe: Observer,
        retry: RetrySettings,
        policy: Policy,
        clock: Clock = CLOCK,
        jitter: Callable[[], float] = random,
        recent: Recent | None = None,
    ) -> None:
        self._targets = {target.name: target for target in targets}
        self._run = Run(journal, observe, policy, Recent() if recent is None else recent)
        self._retry = retry
        self._policy = policy
        self._clock = clock
        self._jitter = jitter

    async def apply(self, plan: Plan, settled: Collection[int] = (), holds: Mapping[int, Hold] | None = None) -> None:
        """Send what *plan* holds, and return when every change of it is accounted for, durably.

        Called once. Changes whose position is in *settled* have their outcome already, and are passed over. *holds* are
        those on changes, by position. When cancelled, requests in flight are cancelled too, and every change is
        accounted for all the same. Raises StateWriteError when the journal could not be written, and the first defect
        that cost an item.
        """
        run = self._run
        names = dict.fromkeys(change.item.target for change in plan.changes)

        def lane(target: Target, credential: Credential) -> Lane:
            def is_mine(seq: int) -> bool:
                return plan.changes[seq].item.target == target.name and seq not in settled

            mine = ((seq, change) for seq, change in enumerate(plan.changes) if is_mine(seq))
            held = {seq: hold for seq, hold in (holds or {}).items() if is_mine(seq)}
            return Lane(target, credential, mine, held, (), run, self._retry, self._clock, self._jitter)

        await self._work(self._lanes(names, lane))

    async def read(self, places: Mapping[Place, Collection[str]], queries: Sequence[Query] = ()) -> dict[Place, Listed]:
        """Read the whole list of each of *places*, and return what came of it. Changes nothing.

        The ids that go with a place are those whose absence means something. What the *queries* ask for is read too,
        and each keeps what came of it. Called once, instead of `apply`. Raises as that does.
        """
        run = self._run
        looks = {place: Look(place[2], place[1], Listing(wanted)) for place, wanted in places.items()}

        def lane(target: Target, credential: Credential) -> Lane:
            mine: list[Look | Query] = [look for place, look in looks.items() if place[0] == target.name]
            mine += [query for query in queries if query.items[0].target == target.name]
            return Lane(target, credential, iter(()), {}, mine, run, self._retry, self._clock, self._jitter)

        targets = (*(place[0] for place in places), *(query.items[0].target for query in queries))
        await self._work(self._lanes(dict.fromkeys(targets), lane))
        return {place: look.listed for place, look in looks.items() if look.listed is not None}

    def request_stop(self, why: str) -> None:
        """Begin and send nothing more; requests in flight end by themselves. *why* is a stable word."""
        self._run.request_stop(why)

    def cancel(self, why: str = "cancelled") -> None:
        """Begin and send nothing more, and cancel requests in flight: what they changed stays unknown."""
        self._run.cancel(why)

    def _lanes(self, names: Iterable[str], lane: Callable[[Target, Credential], Lane]) -> list[Lane]:
        """Return a *lane* for each target; those of one credential share what is the credential's."""
        shared: dict[str, list[Target]] = {}
        for name in names:
            target = self._targets[name]
            shared.setdefault(target.credential or f"of {name} alone", []).append(target)

        lanes: list[Lane] = []
        for sharing in shared.values():
            credential = self._credential(sharing)
            lanes += [lane(target, credential) for target in sharing]
        return lanes

    def _credential(self, sharing: Sequence[Target]) -> Credential:
        clock = self._clock
        not_before_s = max(target.not_before_s for target in sharing)
        rates: dict[str, float] = {}
        for target in sharing:
            for operation, rate_per_s in target.rates.items():
                rates[operation] = min(rate_per_s, rates.get(operation, rate_per_s))
        return Credential(
            min(target.rate_per_s for target in sharing),
            min(target.burst for target in sharing),
            clock,
            self._run.observe,
            not_before_s=clock.monotonic() + max(0.0, not_before_s - clock.wall()),
            quota=self._retry.quota,
            max_outage_s=self._policy.max_outage_s,
            rates=rates,
        )

    async def _work(self, lanes: Sequence[Lane]) -> None:
        run = self._run
        finished = False
        try:
            with run.scope:
                async with anyio.create_task_group() as watch:
                    watch.start_soon(self._end_in_time)
                    async with anyio.create_task_group() as tasks:
                        for lane in lanes:
                            for _ in range(lane.target.concurrency):
                                tasks.start_soon(lane.work)
                    watch.cancel_scope.cancel()
                finished = True
        finally:
            if not finished and run.stopping is None:
                run.stopping = "cancelled"
            with anyio.CancelScope(shield=True):
                await self._account(lanes, _FLUSH_S if finished else _FLUSH_AFTER_CANCEL_S)

        if run.error is not None:
            raise run.error

    async def _end_in_time(self) -> None:
        """Stop the run when its time is over."""
        if self._policy.max_duration_s is not None:
            await anyio.sleep(self._policy.max_duration_s)
            self._run.request_stop("deadline")
            await anyio.sleep(_LAST_ANSWERS_S)
            self._run.cancel("deadline")

    async def _account(self, lanes: Sequence[Lane], patience_s: float) -> None:
        """Settle what is left, and see that all of it is durable."""
        for lane in lanes:
            lane.account()
        with anyio.move_on_after(patience_s) as scope:
            await self._run.journal.flush()
        if scope.cancelled_caught:
            raise StateWriteError(f"the last outcomes could not be recorded within {patience_s:g} s")
