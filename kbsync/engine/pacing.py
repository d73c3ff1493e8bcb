"""When a target's requests may leave.

The promise: in no half-open window of one second are more than ceil(rate) + burst - 1 requests sent, from the first
second on, and over any longer time no more than the rate; under load the mean is at least 97 % of the rate. (A rate of
2.5/s has to allow three in some windows, and a rate below one allows one: hence the ceiling.)

How. aiolimiter is a leaky bucket of capacity b that leaks L per second. Its level is never below 0 and never above b,
so between the first and the last of N turns, w seconds apart, N - L * w <= b, and a window of one second, in which
w < 1, holds N < b + L. With L <= ceil(rate) + burst - b that is N < ceil(rate) + burst: the promise. What remains is to
choose b:

* a bucket of exactly one loses rate, because every timer fires late (up to 1 ms on asyncio, and by as much as the loop
  is busy) and what leaked meanwhile overflows. Each send is then that much late: -6 % at 500/s, -80 % at 5,000/s;
* room for x more than one takes up x / L seconds of lateness at no loss, and costs x / ceil(rate) of the rate.

So b = max(burst, 1 + 0.015 * rate) takes up 15 ms and costs at most 1.5 %. And L = (ceil(rate) + burst - b) / 1.005, or
the rate if that is less, costs another 0.5 % and lets a send be 5 ms later than its turn without breaking the promise:
the loop's clock is not the clock on the wire, and uvloop's is as old as the current turn of its loop.

A turn is not yet a send: between the two a connection may have to be made, which takes any time. So there is a gate
behind the turns, and what passes it is what is counted. The times of the last sends are kept, and the one that would
break the promise waits. A send that is more than 5 ms later than its turn also waits until a bucket of the same shape,
which all sends fill, has room for it: those that a stall has gathered do not leave together. Its turn is moved, not
taken again, so connections that are slow to come cost no rate.

What aiolimiter cannot do is done in front of it. It lets newcomers overtake waiters: here one waiter at a time asks
it, and the others stand in line, by urgency and then by arrival. It cannot pause: here a pause ends its wait. Its rate
is fixed: while the provider accepts less (see `kbsync.engine.tempo`), turns are spaced before it is asked. On uvloop,
whose timers are a millisecond coarse and may fire early, it turns in place while it waits: several times the CPU, and a
mean of about 95 % from 2,000/s on.

An endpoint with a lower rate of its own has a pacer of its own: its requests take a turn there first, and pass the gate
of the credential when the windows of both have room.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from heapq import heapify, heappop, heappush
from itertools import count
from math import ceil, inf
from typing import Final

import anyio
from aiolimiter import AsyncLimiter

from kbsync.engine.target import Clock
from kbsync.engine.tempo import Tempo

__all__ = ("Pacer", "bucket")

_ROOM_S: Final = 0.015
_MARGIN: Final = 1.005
_LATE_S: Final = 0.005
# The promise is one of a second on the wire, where each send may be late by as much as the margin.
_WINDOW_S: Final = 1.0 + _LATE_S
# How much work, in seconds of the rate, may stand at the gate before no more turns are given.
_MOST_BEHIND_S: Final = 1.0


def bucket(rate_per_s: float, burst: int) -> tuple[float, float]:
    """Return the capacity and the leak per second that keep the promise."""
    capacity = max(float(burst), 1 + rate_per_s * _ROOM_S)
    return capacity, min(rate_per_s, (ceil(rate_per_s) + burst - capacity) / _MARGIN)


class Pacer:
    """The turns of one credential, by urgency. Nothing goes before *not_before_s* of the monotonic clock.

    *tempo* is how fast turns are given, at most at the rate. Whoever waits here does so for an *owner*, and may be sent
    away with all others of the same one.
    """

    def __init__(self, rate_per_s: float, burst: int, clock: Clock, not_before_s: float = 0.0) -> None:
        capacity, leak_per_s = bucket(rate_per_s, burst)
        self.tempo = Tempo(rate_per_s)
        self._limiter = AsyncLimiter(capacity, capacity / leak_per_s)
        self._now = clock.monotonic
        self.window = _Window(ceil(rate_per_s) + burst - 1)
        self._gap_s = 1 / leak_per_s
        self._room_s = (capacity - 1) / leak_per_s
        self._room_at_s = -inf
        self._most_behind = max(1.0, leak_per_s * _MOST_BEHIND_S)
        self._paused_until_s = not_before_s
        self._slow_until_s = -inf
        self._line = _Line()
        self._gate = _Line()

    async def turn(self, owner: object, rank: int = 0) -> bool:
        """Wait until one request may be prepared to leave. Return False if *owner* is dismissed instead.

        Those of a lower *rank* go first. The caller connects, and asks `go`, before it waits for anything else.
        """
        if not self._line and self._open() and self._limiter.has_capacity():
            await self._limiter.acquire()  # returns at once
            self._space()
            return True
        return await self._line.stand(owner, rank, self._take)

    async def go(self, owner: object, turn_at_s: float, endpoint: "Pacer | None" = None) -> bool:
        """Wait until the request whose turn came at *turn_at_s* may leave, and count it as sent now.

        Return False if there is a pause, or *owner* is dismissed, instead: the turn is let go, for those that were kept
        would add to those that follow the pause. The caller sends before it waits for anything else. *endpoint* is
        counted too.
        """
        now_s = self._now()
        if (
            not self._gate
            and self._paused_until_s <= now_s
            and self.window.full_until_s(now_s) <= now_s
            and (now_s - turn_at_s <= _LATE_S or self._room_at_s <= now_s)
            and (endpoint is None or endpoint.window.full_until_s(now_s) <= now_s)
        ):
            self._count(now_s, endpoint)
            return True
        return await self._gate.stand(owner, 0, partial(self._pass, endpoint))

    def pause_until(self, at_s: float) -> None:
        """Let nothing go before *at_s* of the monotonic clock; an earlier end of an earlier pause does not count."""
        self._paused_until_s = max(self._paused_until_s, at_s)
        self._gate.disturb()

    def dismiss(self, owner: object) -> None:
        """End all waiting for *owner*."""
        self._line.dismiss(owner)
        self._gate.dismiss(owner)

    def _open(self) -> bool:
        return self._closed_until_s() <= self._now()

    def _closed_until_s(self) -> float:
        """Return the time before which a pause, a slower tempo, or too much at the gate, gives no turn."""
        until_s = max(self._paused_until_s, self._slow_until_s)
        behind = len(self._gate) - self._most_behind
        return until_s if behind <= 0 else max(until_s, self._now() + behind * self._gap_s)

    def _space(self) -> None:
        """Have the next turn wait, while the tempo is slower than the bucket."""
        if self.tempo.slowed:
            now_s = self._now()
            self._slow_until_s = max(self._slow_until_s, now_s - _ROOM_S) + 1 / self.tempo.rate_per_s(now_s)

    def _count(self, now_s: float, endpoint: "Pacer | None") -> None:
        self.window.count(now_s)
        self._room_at_s = max(self._room_at_s, now_s - self._room_s) + self._gap_s
        if endpoint is not None:
            endpoint.window.count(now_s)

    async def _take(self) -> bool | None:
        """Take a turn, as the first in line; None says that things have changed."""
        wait_s = self._closed_until_s() - self._now()
        with self._line.rest():
            if wait_s > 0:
                await anyio.sleep(wait_s)
                return None
            await self._limiter.acquire()
            # A turn that comes up during a pause is let go: kept, it would add to those that follow the pause.
            if self._open():
                self._space()
                return True
        return None

    async def _pass(self, endpoint: "Pacer | None") -> bool | None:
        """Pass the gate, as the first at it; None says that things have changed."""
        now_s = self._now()
        if self._paused_until_s > now_s:
            return False
        until_s = max(self.window.full_until_s(now_s), self._room_at_s)
        if endpoint is not None:
            until_s = max(until_s, endpoint.window.full_until_s(now_s))
        if until_s <= now_s:
            self._count(now_s, endpoint)
            return True
        with self._gate.rest():
            await anyio.sleep(until_s - now_s)
        return None


class _Window:
    """The sends of the last second, of which there are at most *most*."""

    __slots__ = ("_most", "_sent")

    def __init__(self, most: int) -> None:
        self._most = most
        self._sent: deque[float] = deque()

    def full_until_s(self, now_s: float) -> float:
        """Return the time before which the sends that still count leave no room for another one."""
        sent = self._sent
        while sent and sent[0] + _WINDOW_S <= now_s:
            sent.popleft()
        return -inf if len(sent) < self._most else sent[-self._most] + _WINDOW_S

    def count(self, now_s: float) -> None:
        """Count a send."""
        self._sent.append(now_s)


class _Waiter:
    __slots__ = ("dismissed", "key", "news", "owner")

    def __init__(self, owner: object, key: tuple[int, int]) -> None:
        self.owner = owner
        self.key = key
        self.dismissed = False
        self.news = anyio.Event()

    def __lt__(self, other: "_Waiter") -> bool:
        return self.key < other.key


class _Line:
    """Those who wait, by rank and then by arrival. Only the first one looks at the clock."""

    def __init__(self) -> None:
        self._waiters: list[_Waiter] = []
        self._numbers = count()
        self._rest: anyio.CancelScope | None = None

    def __len__(self) -> int:
        return len(self._waiters)

    def rest(self) -> anyio.CancelScope:
        """Return the scope in which the first one waits."""
        self._rest = anyio.CancelScope()
        return self._rest

    def disturb(self) -> None:
        """End the wait of the first one."""
        if self._rest is not None:
            self._rest.cancel()

    def dismiss(self, owner: object) -> None:
        """Send everybody away who waits for *owner*."""
        for waiter in self._waiters:
            if waiter.owner is owner:
                waiter.dismissed = True
                waiter.news.set()
        self.disturb()

    async def stand(self, owner: object, rank: int, look: Callable[[], Awaitable[bool | None]]) -> bool:
        """Return what *look* says, which is asked when this waiter is the first, until it says yes or no.

        No, if *owner* is dismissed.
        """
        me = _Waiter(owner, (rank, next(self._numbers)))
        heappush(self._waiters, me)
        if len(self._waiters) > 1 and self._waiters[0] is me:
            self.disturb()
        try:
            while not me.dismissed:
                if self._waiters[0] is not me:
                    me.news = anyio.Event()
                    await me.news.wait()
                elif (answer := await look()) is not None:
                    return answer
            return False
        finally:
            self._leave(me)

    def _leave(self, me: _Waiter) -> None:
        if self._waiters[0] is me:
            heappop(self._waiters)
        else:
            self._waiters.remove(me)
            heapify(self._waiters)
        if self._waiters:
            self._waiters[0].news.set()
