"""Virtual time: an event loop whose clock jumps to whatever is due next."""

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from math import ceil
from typing import Any, TypeVar

import anyio

from kbsync.engine.target import Clock

__all__ = ("EPOCH_S", "CoarseLoop", "DeadlockError", "VirtualLoop", "run_virtually", "virtual_clock")

EPOCH_S = 1_800_000_000.0
_TURN_S = 1e-6
_T = TypeVar("_T")


class DeadlockError(Exception):
    """Raised when nothing is scheduled: every task waits for another one."""


class _JumpingSelector(selectors.DefaultSelector):
    """Looks at the descriptors without waiting, and adds the time it was asked to wait."""

    def __init__(self, timer_s: float) -> None:
        super().__init__()
        self.time_s = 0.0
        self._timer_s = timer_s

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            # A turn takes time too: a wait below the clock's resolution would otherwise never end.
            self.time_s += _TURN_S
        elif timeout is None:
            raise DeadlockError("nothing is scheduled, and no task can go on")
        else:
            self.time_s += max(ceil(timeout / self._timer_s) * self._timer_s if self._timer_s else timeout, _TURN_S)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio loop on virtual time, which starts at 0. Not for real sockets or threads.

    Its timers are exact, and each of its turns takes a microsecond.
    """

    timer_s = 0.0

    def __init__(self) -> None:
        self._jumping = _JumpingSelector(self.timer_s)
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.time_s


class CoarseLoop(VirtualLoop):
    """One whose timers are late by up to a millisecond, as those of epoll are."""

    timer_s = 0.001


def run_virtually(function: Callable[..., Awaitable[_T]], *args: Any, loop: type[VirtualLoop] = VirtualLoop) -> _T:
    """Run *function* on virtual time, from 0 on."""
    return anyio.run(function, *args, backend_options={"loop_factory": loop})


def virtual_clock() -> Clock:
    """Return the clock of the running virtual loop; its wall time began at `EPOCH_S`."""
    loop = asyncio.get_running_loop()
    return Clock(loop.time, lambda: EPOCH_S + loop.time())
