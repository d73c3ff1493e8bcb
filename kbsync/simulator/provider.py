"""One modelled account: what is live in it, how fast it may be asked, and how it misbehaves.

Nothing happens by itself. Whatever is on its way waits in the order of its arrival, and is looked at when somebody
wants to know; so a request that has left arrives, whether or not its sender still lives.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from math import ceil, floor
from typing import Final, Literal, TypeAlias

from kbsync.core.fields import Fields, Value, family
from kbsync.core.items import Item
from kbsync.core.wire import Accepted, Answer, Live, Lost, Operation, Page, ReadResult, Throttled
from kbsync.simulator.faults import Fault, Spell
from kbsync.simulator.luck import Luck
from kbsync.simulator.wire import Ask, List, Meaning, Read, Write

__all__ = ("Arrival", "Limit", "Model", "ModelProvider", "Reply", "limit")

_OK: Final = Answer(200, 0)
_ACCEPTED: Final = Accepted(_OK)
_NOTHING: Final[Fields] = {}
Reply: TypeAlias = Meaning | Lost


@dataclass(frozen=True, slots=True)
class Limit:
    """From *from_s* on, at most *requests* in each window of *window_s* seconds; more are turned away, uncounted.

    A sliding window looks back from each request; fixed ones follow each other by the clock.
    """

    requests: int
    window_s: float = 1.0
    window: Literal["sliding", "fixed"] = "sliding"
    from_s: float = 0.0


def limit(rate_per_s: float, window: Literal["sliding", "fixed"] = "sliding", from_s: float = 0.0) -> Limit:
    """Return the limit of *rate_per_s* in the shortest window, of a second or more, that holds whole requests."""
    requests = ceil(rate_per_s)
    return Limit(requests, requests / rate_per_s, window, from_s)


@dataclass(frozen=True, slots=True)
class Model:
    """How an account behaves. Times are of the simulation's clock, pairs are bounds between which each draw lies.

    *limits* are in the order of their beginnings; before the first one there is none. *tells* says that whoever is
    turned away is told when to come back. *latency_s* is from the first byte of a request to the last of its answer,
    *late_s* how long after its arrival a late write is applied.
    """

    limits: tuple[Limit, ...] = ()
    tells: bool = True
    latency_s: tuple[float, float] = (0.05, 0.05)
    spells: tuple[Spell, ...] = ()
    late_s: tuple[float, float] = (1.0, 20.0)


@dataclass(slots=True, eq=False)
class Arrival:
    """One request at the provider; *reply* is None until it has arrived, and its answer need not get back."""

    ask: Ask
    fault: Fault | None
    reply: Reply | None = None


class ModelProvider:
    """An account that behaves as *model* says, the same for the same *seed*.

    *applied* is called with each write at the time of its effect.
    """

    def __init__(
        self,
        model: Model,
        seed: object,
        applied: Callable[[Write, float], None] = lambda _write, _at_s: None,
    ) -> None:
        self.model = model
        self.luck = Luck(model.spells, seed)
        self._applied = applied
        self._live: dict[Item, Fields] = {}
        self._order = count()
        self._coming: list[tuple[float, int, Arrival | Write]] = []
        self._allowance = _Allowance(model.limits)

    def put(self, item: Item, fields: Fields) -> None:
        """Let *fields* be what is live of *item*."""
        self._live[item] = dict(fields)

    def live(self, item: Item, at_s: float) -> Fields:
        """Return what is live of *item* at *at_s*, which is never before what was asked earlier."""
        self.catch_up(at_s)
        return self._live.get(item, _NOTHING)

    def send(self, ask: Ask, at_s: float, fault: Fault | None) -> Arrival:
        """Have *ask* arrive at *at_s*."""
        arrival = Arrival(ask, fault)
        heappush(self._coming, (at_s, next(self._order), arrival))
        return arrival

    def catch_up(self, at_s: float) -> None:
        """Look at everything that has come until *at_s*."""
        coming = self._coming
        while coming and coming[0][0] <= at_s:
            came_s, _, what = heappop(coming)
            if isinstance(what, Write):
                self._apply(what, came_s)
            else:
                what.reply = self._receive(what, came_s)

    def _receive(self, arrival: Arrival, at_s: float) -> Reply:
        wait_s = self._allowance.refuse(at_s)
        if wait_s is not None:
            return Throttled(Answer(429), max(1.0, ceil(wait_s)) if self.model.tells else None)

        ask, fault = arrival.ask, arrival.fault
        effect = "apply" if fault is None else fault.effect
        reply: Reply = _ACCEPTED
        if isinstance(ask, Read):
            reply = self._read(ask, partial=fault is not None and fault.partial)
        elif isinstance(ask, List):
            reply = self._list(ask)
        elif effect == "apply":
            self._apply(ask, at_s)
        elif effect == "late":
            late_s = at_s + self.luck.between(self.model.late_s)
            heappush(self._coming, (late_s, next(self._order), ask))
        return reply if fault is None or fault.reply is None else fault.reply

    def _apply(self, write: Write, at_s: float) -> None:
        before = self._live.get(write.item, _NOTHING)
        self._live[write.item] = _others(before, write.operation, write.fields) if before else write.fields
        self._applied(write, at_s)

    def _read(self, read: Read, *, partial: bool) -> ReadResult:
        found: Sequence[Item] = read.items[::2] if partial and len(read.items) > 1 else read.items
        fields: Mapping[Item, Fields] = {
            item: _only(self._live.get(item, _NOTHING), read.operation.families) for item in found
        }
        return ReadResult(_OK, fields, live=fields)

    def _list(self, ask: List) -> Page:
        place = (ask.target, ask.container, ask.kind)
        items = {item.id: Live(fields) for item, fields in sorted(self._live.items()) if item[:3] == place}
        return Page(_OK, items, next=None, total=len(items), short=True)


class _Allowance:
    """What is left of the limits of one account."""

    def __init__(self, limits: Sequence[Limit]) -> None:
        self._limits = list(limits)
        self._taken: deque[float] = deque()

    def refuse(self, at_s: float) -> float | None:
        """Count one request at *at_s*; when it is too many, do not, and return the seconds to wait."""
        limits = self._limits
        while len(limits) > 1 and limits[1].from_s <= at_s:
            limits.pop(0)
        if not limits or at_s < limits[0].from_s:
            return None
        now = limits[0]
        fixed = now.window == "fixed"
        start_s = floor(at_s / now.window_s) * now.window_s if fixed else at_s - now.window_s
        taken = self._taken
        while taken and (taken[0] < start_s or (taken[0] == start_s and not fixed)):
            taken.popleft()
        if len(taken) < now.requests:
            taken.append(at_s)
            return None
        return (start_s if fixed else taken[-now.requests]) + now.window_s - at_s


def _only(fields: Fields, families: frozenset[str]) -> Fields:
    return {name: value for name, value in fields.items() if family(name) in families}


def _others(before: Fields, operation: Operation, fields: Fields) -> Fields:
    """Return *before* after a write of *fields* by *operation*."""
    kept: dict[str, Value] = (
        {name: value for name, value in before.items() if family(name) not in operation.families}
        if operation.overlays
        else dict(before)
    )
    kept.update(fields)
    return kept
