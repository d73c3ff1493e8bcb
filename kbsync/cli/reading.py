"""Reading lists and chosen items: the engine without a plan, and what a command makes of what cannot be read."""

import os
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count as count_up
from typing import Final

import anyio
import anyio.lowlevel

from kbsync.adapters.config import Access, Config
from kbsync.adapters.state import StateStore
from kbsync.cli.options import Console
from kbsync.cli.running import WINDOW_S, open_target
from kbsync.cli.signals import Signals
from kbsync.core.causes import cause_of
from kbsync.core.events import Event
from kbsync.core.exits import Exit, most_telling
from kbsync.core.findings import Absent, Seen, Unread
from kbsync.core.items import Item
from kbsync.core.listing import Complete, Incomplete, Listed
from kbsync.core.live import Place, ReadItems, ReadList
from kbsync.core.state import Conclusion, Intent, ReadRecord, Settlement
from kbsync.core.wire import Live
from kbsync.engine.dispatch import Engine
from kbsync.engine.errands import Query
from kbsync.engine.recent import Recent
from kbsync.engine.target import Policy, Target
from kbsync.errors import StateError, UnreadError
from kbsync.views.log import Log
from kbsync.views.wording import count

__all__ = ("Place", "Reading", "accesses_to", "not_before_s")

# What somebody who writes at the same time does to a list may be over the next time.
_MAY_PASS: Final = frozenset({"changed", "surplus", "missing", "repeated"})
_ROUNDS: Final = 3
_TELL_EVERY_S: Final = 10.0
_NOT_ASKED: Final = Unread("unfinished", "")


def accesses_to(targets: Collection[str], config: Config) -> dict[str, Access]:
    """Return how to speak to each of *targets*, with its secrets. Raises CredentialsError."""
    return {name: config.targets[name].access(os.environ, config.folder) for name in targets}


def not_before_s(store: StateStore) -> float:
    """Return when the first request may leave: a window after the last one of whoever wrote to the state before."""
    now_s = time.time()
    try:
        last_s = store.sent_until_s()
    except StateError:  # it may have been just now
        last_s = now_s
    return min(last_s, now_s) + WINDOW_S


@dataclass
class Reading:
    """Reads the lists of *places* once; the ids that go with a place are those whose absence means something.

    Of the places in *chosen* it asks for these ids alone, which the provider must have a read for.
    Nothing is sent before *not_before_s*, in seconds since the epoch, nor for longer than *max_duration_s*. What an
    update could be laid over goes to *recent*. Afterwards *exits* says what stopped it, if anything did, *records* what
    was sent, and *read_at_s* from when on each place was asked for.
    """

    config: Config
    places: Mapping[Place, Collection[str]]
    console: Console
    not_before_s: float
    max_duration_s: float | None = None
    chosen: Mapping[Place, Collection[str]] = field(default_factory=dict[Place, Collection[str]])
    recent: Recent = field(default_factory=Recent)
    exits: set[Exit] = field(default_factory=set[Exit])
    records: list[ReadRecord] = field(default_factory=list[ReadRecord])
    read_at_s: dict[Place, float] = field(default_factory=dict[Place, float])
    _seen: dict[Item, Seen] = field(default_factory=dict[Item, Seen])
    _began_s: float = field(default_factory=time.monotonic)

    def read_whole(self, accesses: Mapping[str, Access], otherwise: str) -> dict[Place, ReadList]:
        """Return the lists; `items` returns the chosen items then.

        Raises UnreadError, which says *otherwise* at its end, unless all lists are whole and all items are proved.
        """
        found = self.read(accesses)
        whole = {
            place: ReadList(listed.items, self.read_at_s[place])
            for place, listed in found.items()
            if isinstance(listed, Complete)
        }
        unread = [*_unread(self.places, found), *self._unproved()]
        if self.exits or unread:
            lines = [*(unread or ["reading was stopped"]), otherwise]
            raise UnreadError(lines, most_telling(self.exits or {Exit.ERROR}))
        return whole

    def items(self) -> dict[Place, ReadItems]:
        """Return what is proved of the chosen items."""
        found: dict[Place, ReadItems] = {}
        for place, ids in self.chosen.items():
            seen = ((id_, self._seen.get(Item(*place, id_))) for id_ in ids)
            proved = {id_: one for id_, one in seen if isinstance(one, Live | Absent)}
            found[place] = ReadItems(proved, self.read_at_s[place])
        return found

    def _unproved(self) -> Iterator[str]:
        """Say of which chosen items nothing is proved, and why: one line for each place and reason."""
        for place, ids in self.chosen.items():
            unread: dict[Unread, list[str]] = {}
            for id_ in ids:
                seen = self._seen.get(Item(*place, id_), _NOT_ASKED)
                if isinstance(seen, Unread):
                    unread.setdefault(seen, []).append(id_)
            for why, left in unread.items():
                who = f"{left[0]} and {len(left) - 1:,} more" if left[1:] else left[0]
                yield f"{'/'.join(place)}/{who} cannot be read: {why.reason}{f', {why.detail}' if why.detail else ''}"

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
                queries = self._queries(accesses)
                for _ in range(_ROUNDS):
                    left = {place: wanted for place, wanted in self.places.items() if _is_open(found.get(place))}
                    if not (left or queries) or self.exits:
                        break
                    found |= await self._round(targets, left, queries, signals)
                    queries = []
                    now_s = time.time()
                    targets = [replace(target, not_before_s=now_s + WINDOW_S) for target in targets]
            except Exception as error:  # noqa: BLE001  # raised below, and not as one of a group
                failure = error
            tasks.cancel_scope.cancel()
        if failure is not None:
            raise failure

    def _queries(self, accesses: Mapping[str, Access]) -> list[Query]:
        return [
            query
            for place, ids in self.chosen.items()
            for query in Query.several(
                accesses[place[0]].codec.reads[place[2]], [Item(*place, id_) for id_ in sorted(ids)], self._seen
            )
        ]

    async def _round(
        self,
        targets: Sequence[Target],
        places: Mapping[Place, Collection[str]],
        queries: Sequence[Query],
        signals: Signals,
    ) -> dict[Place, Listed]:
        pages = _Pages(self.records)
        asked = (*places, *(query.items[0][:3] for query in queries))
        self.read_at_s.update(dict.fromkeys(asked, time.time()))
        policy = Policy(max_outage_s=self.config.apply.max_outage, max_duration_s=self._left_s())
        engine = Engine(targets, pages, self._observe, self.config.retry, policy, recent=self.recent)
        found: dict[Place, Listed] = {}
        async with anyio.create_task_group() as tasks:
            await tasks.start(partial(signals.listen, partial(self._on_signal, engine)))
            tasks.start_soon(self._tell, pages)
            found = await engine.read(places, queries)
            tasks.cancel_scope.cancel()
        return found

    def _left_s(self) -> float | None:
        if self.max_duration_s is None:
            return None
        return max(0.0, self.max_duration_s - (time.monotonic() - self._began_s))

    async def _tell(self, pages: "_Pages") -> None:
        while True:
            await anyio.sleep(_TELL_EVERY_S)
            self.console.say(f"kbsync: {count(len(pages.records), 'request')} answered about what is live")

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


def _unread(places: Iterable[Place], found: Mapping[Place, Listed]) -> Iterator[str]:
    for place in places:
        match found.get(place):
            case Incomplete(reason, detail):
                yield f"{'/'.join(place)} cannot be read whole: {reason}{f', {detail}' if detail else ''}"
            case None:
                yield f"{'/'.join(place)} was not read"
            case Complete():
                pass


def _is_open(listed: Listed | None) -> bool:
    return listed is None or (isinstance(listed, Incomplete) and listed.reason in _MAY_PASS)


class _Pages:
    """A journal that keeps *records* of the reads, in memory.

    The state may be damaged or gone, and reads leave no doubt behind: who has a use for them records them.
    """

    def __init__(self, records: list[ReadRecord]) -> None:
        self._numbers = count_up(1)
        self.records = records

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
        """Keep *record* if the read left."""
        del number
        if record.sent_at_s is not None:
            self.records.append(record)

    def settle(self, settlement: Settlement) -> None:
        """Refuse, as `intend` does."""
        raise AssertionError(settlement)

    def leave(self, target: str, reason: str) -> None:
        """Refuse, as `intend` does."""
        raise AssertionError(target, reason)

    async def flush(self) -> None:
        """Return at once."""
        await anyio.lowlevel.checkpoint()
