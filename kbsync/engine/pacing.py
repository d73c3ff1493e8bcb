"""When a target's requests may leave.

The promise: in no half-open window of one second are more than ceil(rate) + burst - 1 requests sent, from the first
second on, and over any longer time no more than the rate; under load the mean is at least 97 % of the rate. (A rate of
2.5/s has to allow three in some windows, and a rate below one allows one: hence the ceiling.)

How. aiolimiter is a leaky bucket of capacity b that leaks L per second. Its level is never below 0 and never above b,
so between the first and the last of N sends, w seconds apart, N - L * w <= b, and a window of one second, in which
w < 1, holds N < b + L. With L <= ceil(rate) + burst - b that is N < ceil(rate) + burst: the promise. What remains is to
choose b:

* a bucket of exactly one loses rate, because every timer fires late (up to 1 ms on asyncio, and by as much as the loop
  is busy) and what leaked meanwhile overflows. Each send is then that much late: -6 % at 500/s, -80 % at 5,000/s;
* room for x more than one takes up x / L seconds of lateness at no loss, and costs x / ceil(rate) of the rate.

So b = max(burst, 1 + 0.015 * rate) takes up 15 ms and costs at most 1.5 %. And L = (ceil(rate) + burst - b) / 1.005, or
the rate if that is less, costs another 0.5 % and lets a send be 5 ms later than its turn without breaking the promise:
the loop's clock is not the clock on the wire, and uvloop's is as old as the current turn of its loop.

What aiolimiter cannot do is done in front of it. It lets newcomers overtake waiters: here one waiter at a time asks
it, and the others stand in line. It cannot pause, nor stop: here both end its wait. And it knows nothing of delays
after its decision that exceed those 5 ms: the times of the last second's sends are kept, and the one that would break
the promise waits. On uvloop, whose timers are a millisecond coarse and may fire early, it turns in place while it
waits: several times the CPU, and a mean of about 95 % from 2,000/s on.
"""

from collections import deque
from math import ceil
from typing import Final

import anyio
from aiolimiter import AsyncLimiter

from kbsync.engine.target import Clock

__all__ = ("Pacer", "bucket")

_WINDOW_S: Final = 1.0
_ROOM_S: Final = 0.015
_MARGIN: Final = 1.005


def bucket(rate_per_s: float, burst: int) -> tuple[float, float]:
    """Return the capacity and the leak per second that keep the promise."""
    capacity = max(float(burst), 1 + rate_per_s * _ROOM_S)
    return capacity, min(rate_per_s, (ceil(rate_per_s) + burst - capacity) / _MARGIN)


class Pacer:
    """The turns of one target, in order of arrival. Nothing goes before *not_before_s* of the monotonic clock."""

    def __init__(self, rate_per_s: float, burst: int, clock: Clock, not_before_s: float = 0.0) -> None:
        capacity, leak_per_s = bucket(rate_per_s, burst)
        self._limiter = AsyncLimiter(capacity, capacity / leak_per_s)
        self._now = clock.monotonic
        self._most = ceil(rate_per_s) + burst - 1
        self._sent: deque[float] = deque()
        self._paused_until_s = not_before_s
        self._line = anyio.Lock(fast_acquire=True)
        self._standing = 0
        self._rest: anyio.CancelScope | None = None
        self._stopped = False

    async def turn(self) -> bool:
        """Wait until one request may leave, and count it as sent now. Return False if the pacer is stopped instead.

        The caller sends before it waits for anything else.
        """
        if not self._standing and self._open() and self._limiter.has_capacity():
            await self._limiter.acquire()  # returns at once
            self._sent.append(self._now())
            return True

        self._standing += 1
        try:
            async with self._line:
                return await self._stand()
        finally:
            self._standing -= 1

    def pause_until(self, at_s: float) -> None:
        """Let nothing go before *at_s* of the monotonic clock; an earlier end of an earlier pause does not count."""
        self._paused_until_s = max(self._paused_until_s, at_s)

    def stop(self) -> None:
        """Let nothing go any more, and end all waiting."""
        self._stopped = True
        if self._rest is not None:
            self._rest.cancel()

    def _open(self) -> bool:
        return not self._stopped and self._closed_until_s() <= self._now()

    def _closed_until_s(self) -> float:
        """Return the time before which a pause, or a full window, lets nothing go."""
        now_s, sent = self._now(), self._sent
        while sent and sent[0] + _WINDOW_S <= now_s:
            sent.popleft()
        if len(sent) < self._most:
            return self._paused_until_s
        return max(self._paused_until_s, sent[-self._most] + _WINDOW_S)

    async def _stand(self) -> bool:
        """Wait at the head of the line."""
        while not self._stopped:
            wait_s = self._closed_until_s() - self._now()
            with anyio.CancelScope() as self._rest:
                if wait_s > 0:
                    await anyio.sleep(wait_s)
                    continue
                await self._limiter.acquire()
                # A turn that comes up during a pause is let go: kept, it would add to those that follow the pause.
                if self._open():
                    self._sent.append(self._now())
                    return True

        return False
