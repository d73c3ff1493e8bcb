"""Reading lists: the engine without a plan, and what a command makes of lists that cannot be read."""

import os
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count as count_up
from typing import Final, TypeAlias

import anyio
import anyio.lowlevel

from kbsync.adapters.config import Access, Config
from kbsync.adapters.state import StateStore
from kbsync.cli.options import Console
from kbsync.cli.running import WINDOW_S, open_target
from kbsync.cli.signals import Signals
from kbsync.core.causes import cause_of
from kbsync.core.events import Event
from kbsync.core.exits import Exit
from kbsync.core.listing import Complete, Incomplete, Listed
from kbsync.core.state import Conclusion, Intent, ReadRecord, Settlement
from kbsync.engine.dispatch import Engine
from kbsync.engine.target import Policy, Target
from kbsync.errors import StateError
from kbsync.views.log import Log
from kbsync.views.wording import count

__all__ = ("Place", "Reading", "accesses_to", "not_before_s", "unread_lines")

# A target, a container, and the kind of its items.
Place: TypeAlias = tuple[str, str, str]

# What somebody who writes at the same time does to a list may be over the next time.
_MAY_PASS: Final = frozenset({"changed", "surplus", "missing", "repeated"})
_ROUNDS: Final = 3
_TELL_EVERY_S: Final = 10.0


def accesses_to(targets: Collection[str], config: Config) -> dict[str, Access]:
    """Return how to speak to each of *targets*, with its secrets. Raises CredentialsError."""
    return {name: config.targets[name].access(os.environ, config.folder) for name in targets}


def not_before_s(store: StateStore) -> float:
    """Return when the first request may leave: a window after the last one of whoever wrote to the state before."""
    now_s = time.time()
    try:
        last_s = max(store.last_send_s().values(), default=0.0)
    except StateError:  # it may have been just now
        last_s = now_s
    return min(last_s, now_s) + WINDOW_S


def unread_lines(places: Iterable[Place], found: Mapping[Place, Listed]) -> Iterator[str]:
    """Yield a line for each of *places* whose list was not read whole."""
    for place in places:
        match found.get(place):
            case Incomplete(reason, detail):
                yield f"kbsync: {'/'.join(place)} cannot be read whole: {reason}{f', {detail}' if detail else ''}"
            case None:
                yield f"kbsync: {'/'.join(place)} was not read"
            case Complete():
                pass


@dataclass
class Reading:
    """Reads the lists of *places* once; the ids that go with a place are those whose absence means something.

    Nothing is sent before *not_before_s*, in seconds since the epoch. *exits* says afterwards what stopped it, if
    anything did.
    """

    config: Config
    places: Mapping[Place, Collection[str]]
    console: Console
    not_before_s: float
    exits: set[Exit] = field(default_factory=set[Exit])

    def read(self, accesses: Mapping[str, Access]) -> dict[Place, Listed]:
        """Return what came of each list. One that others disturbed as they wrote is read again, a few times."""
        found: dict[Place, Listed] = {}
        with Signals() as signals:
            signals.take_over()
            anyio.run(self._main, accesses, found, signals)
        return found

    async def _main(self, accesses: Mapping[str, Access], found: dict[Place, Listed], signals: Signals) -> None:
        failure: Exception | None = None
        async with AsyncExitStack() as stack, anyio.create_task_group() as tasks:
            targets = [
                await open_target(self.config, name, access, self.not_before_s, stack)
                for name, access in accesses.items()
            ]
            try:
                for _ in range(_ROUNDS):
                    left = {place: wanted for place, wanted in self.places.items() if _is_open(found.get(place))}
                    if not left or self.exits:
                        break
                    found |= await self._round(targets, left, signals)
                    now_s = time.time()
                    targets = [replace(target, not_before_s=now_s + WINDOW_S) for target in targets]
            except Exception as error:  # noqa: BLE001  # raised below, and not as one of a group
                failure = error
            tasks.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def _round(
        self, targets: Sequence[Target], places: Mapping[Place, Collection[str]], signals: Signals
    ) -> dict[Place, Listed]:
        pages = _Pages()
        policy = Policy(max_outage_s=self.config.apply.max_outage)
        engine = Engine(targets, pages, self._observe, self.config.retry, policy)
        found: dict[Place, Listed] = {}
        async with anyio.create_task_group() as tasks:
            await tasks.start(partial(signals.listen, partial(self._on_signal, engine)))
            tasks.start_soon(self._tell, pages)
            found = await engine.read(places)
            tasks.cancel_scope.cancel()
        return found

    async def _tell(self, pages: "_Pages") -> None:
        while True:
            await anyio.sleep(_TELL_EVERY_S)
            self.console.say(f"kbsync: {count(pages.read, 'page')} of lists read")

    def _on_signal(self, engine: Engine, number: int, exit_: Exit) -> None:
        self.exits.add(exit_)
        if number == 1:
            engine.request_stop("signal")
        else:
            engine.cancel("signal")

    def _observe(self, event: Event) -> None:
        cause = cause_of(event)
        if cause is not None:
            self.exits.add(cause)
        if self.console.verbose:
            Log(self.console.say, self.console.verbose).observe(event)


def _is_open(listed: Listed | None) -> bool:
    return listed is None or (isinstance(listed, Incomplete) and listed.reason in _MAY_PASS)


class _Pages:
    """A journal that counts the pages that were read, and keeps nothing.

    The state that could keep more may be damaged or gone, and reads leave no doubt behind.
    """

    def __init__(self) -> None:
        self._numbers = count_up(1)
        self.read = 0

    async def intend(self, intent: Intent) -> None:
        """Refuse: whoever reads lists writes nothing."""
        raise AssertionError(intent)

    async def intend_read(self, target: str, operation: str, items: int, at_s: float) -> int:
        """Return a number for the read."""
        del target, operation, items, at_s
        await anyio.lowlevel.checkpoint()
        return next(self._numbers)

    def conclude(self, conclusion: Conclusion) -> None:
        """Refuse, as `intend` does."""
        raise AssertionError(conclusion)

    def conclude_read(self, number: int, record: ReadRecord) -> None:
        """Count the read if it left."""
        del number
        self.read += record.sent_at_s is not None

    def settle(self, settlement: Settlement) -> None:
        """Refuse, as `intend` does."""
        raise AssertionError(settlement)

    def leave(self, target: str, reason: str) -> None:
        """Refuse, as `intend` does."""
        raise AssertionError(target, reason)

    async def flush(self) -> None:
        """Return at once."""
        await anyio.lowlevel.checkpoint()
