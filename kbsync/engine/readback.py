"""Reading back what a run has written, until the provider shows it as it was sent or has had the time to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import random
from typing import Final

import anyio

from kbsync.core.events import Observer, ReadingBack, StopRequested
from kbsync.core.findings import Finding, Seen, Unread, look, seen_in
from kbsync.core.items import Item
from kbsync.core.plan import Change
from kbsync.core.settings import RetrySettings
from kbsync.core.state import Journal
from kbsync.core.wire import Operation
from kbsync.engine.dispatch import CLOCK, Engine, Place
from kbsync.engine.errands import Query
from kbsync.engine.target import Clock, Policy, Target

__all__ = ("ReadBack",)

# Requests of an earlier pass may count for so long.
_WINDOW_S: Final = 1.0
_FIRST_PAUSE_S: Final = 1.0
# From so many items a read on, chosen items cost no more than the pages of the list that they stand in.
_AS_GOOD_AS_A_PAGE: Final = 50
_FEW: Final = 20
# What somebody who writes at the same time does to a list may be over the next time.
_MAY_PASS: Final = frozenset({"changed", "surplus", "missing", "repeated"})
_ROUNDS: Final = 3


class ReadBack:
    """Reads changes back, once, from *targets* that may just have been sent to.

    What is not live as it was sent is read again, at growing distances, for *wait_s* seconds: a provider may take its
    time to show what it took. A finding against the provider is never made by a read that began earlier.

    *findings* are `unread` until they are proved. *journal*, *observe* and the others are those of the engine.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        journal: Journal,
        observe: Observer,
        retry: RetrySettings,
        policy: Policy,
        wait_s: float,
        clock: Clock = CLOCK,
        jitter: Callable[[], float] = random,
    ) -> None:
        self.findings: dict[int, Finding] = {}
        self._targets = {target.name: target for target in targets}
        self._journal = journal
        self._observe = observe
        self._retry = retry
        self._policy = policy
        self._wait_s = wait_s
        self._clock = clock
        self._jitter = jitter
        self._engine: Engine | None = None
        self._why: str | None = None
        self._stopped: anyio.Event | None = None

    async def verify(self, changes: Mapping[int, Change]) -> None:
        """Read *changes* back; there is a finding for each afterwards, by its number. Called once.

        Those of a target that is not among the targets stay unread. Raises as `Engine.read` does.
        """
        self._stopped = anyio.Event()
        self.findings = dict.fromkeys(changes, Finding("unread", "unfinished", {}, self._clock.wall()))
        failure: Exception | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._end_in_time)
            try:
                await self._read(changes)
            except Exception as error:  # noqa: BLE001  # raised below, and not as one of a group
                failure = error
            tasks.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def _read(self, changes: Mapping[int, Change]) -> None:
        left = {number: change for number, change in changes.items() if change.item.target in self._targets}
        now = self._clock.monotonic
        ends_s, pause_s, rounds = now() + self._wait_s, _FIRST_PAUSE_S, 0
        if left:
            self._observe(ReadingBack(len(left), 0.0))
        while left and self._why is None:
            began_s = now()
            rounds += 1
            found = await self._round(left)
            is_last = began_s >= ends_s
            again = {number for number in left if _may_be_better(found[number], rounds, is_last=is_last)}
            self.findings |= {number: finding for number, finding in found.items() if number not in again}
            left = {number: change for number, change in left.items() if number in again}
            if left and self._why is None:
                await self._pause(len(left), min(pause_s, max(0.0, ends_s - now())))
                pause_s *= 2

        for number in left:
            self.findings[number] = Finding("unread", self._why or "unfinished", {}, self._clock.wall())

    def request_stop(self, why: str) -> None:
        """Ask for nothing more. *why* is a stable word."""
        self._stop(why)
        if self._engine is not None:
            self._engine.request_stop(why)

    def cancel(self, why: str) -> None:
        """Ask for nothing more, and do not wait for answers."""
        self._stop(why)
        if self._engine is not None:
            self._engine.cancel(why)

    def _stop(self, why: str) -> None:
        self._why = self._why or why
        if self._stopped is not None:
            self._stopped.set()

    async def _end_in_time(self) -> None:
        """Stop when the time of the run is over."""
        if self._policy.max_duration_s is not None:
            await anyio.sleep(self._policy.max_duration_s)
            if self._engine is None:  # it would say so itself
                self._observe(StopRequested("deadline"))
            self.cancel("deadline")

    async def _pause(self, changes: int, seconds: float) -> None:
        assert self._stopped is not None
        self._observe(ReadingBack(changes, seconds))
        with anyio.move_on_after(seconds):
            await self._stopped.wait()

    async def _round(self, changes: Mapping[int, Change]) -> dict[int, Finding]:
        """Read each of *changes* once."""
        groups: dict[tuple[str, str, str], set[Item]] = {}
        for change in changes.values():
            groups.setdefault((change.item.target, change.item.container, change.operation), set()).add(change.item)

        places: dict[Place, set[str]] = {}
        queries: list[Query] = []
        seen: dict[tuple[str, str, str], dict[Item, Seen]] = {}
        for group, items in sorted(groups.items()):
            target, container, name = group
            operation = self._targets[target].codec.operations[name]
            if _is_cheaper(operation, len(items)):
                queries += Query.several(operation, sorted(items), seen.setdefault(group, {}))
            else:
                wanted = places.setdefault((target, container, operation.kind), set())
                wanted.update(item.id for item in items)

        not_before_s = self._clock.wall() + _WINDOW_S
        targets = [replace(target, not_before_s=not_before_s) for target in self._targets.values()]
        policy = replace(self._policy, max_duration_s=None)  # that is for all rounds and pauses together
        self._engine = Engine(targets, self._journal, self._observe, self._retry, policy, self._clock, self._jitter)
        lists = await self._engine.read(places, queries)

        at_s, nothing = self._clock.wall(), Unread("unfinished", "it was not read")
        found: dict[int, Finding] = {}
        for number, change in changes.items():
            item = change.item
            chosen = seen.get((item.target, item.container, change.operation))
            what = seen_in(lists.get(item[:3]), item.id) if chosen is None else chosen.get(item, nothing)
            found[number] = look(change, what, at_s)
        return found


def _is_cheaper(operation: Operation, items: int) -> bool:
    """Tell whether so many chosen items are better read by themselves than with the list that they stand in."""
    return operation.readable and (operation.read_batch >= _AS_GOOD_AS_A_PAGE or items <= _FEW)


def _may_be_better(finding: Finding, rounds: int, *, is_last: bool) -> bool:
    """Tell whether reading again may find what was sent, or anything at all."""
    match finding.word:
        case "verified":
            return False
        case "unread":
            return finding.reason in _MAY_PASS and (rounds < _ROUNDS or not is_last)
        case "differs" | "absent" | "pending":
            return not is_last
