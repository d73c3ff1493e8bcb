"""Virtual time: an event loop whose clock jumps to whatever is due next."""

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from math import ceil
from typing import Any, Final, TypeVar

import anyio

from kbsync.engine.target import Clock

__all__ = ("EPOCH_S", "DeadlockError", "VirtualLoop", "run_virtually", "virtual_clock")

EPOCH_S: Final = 1_800_000_000.0
_TURN_S: Final = 1e-6
# So many turns in a row that wait for nothing are no work any more, however large the run.
_MOST_BUSY_TURNS: Final = 200_000
_T = TypeVar("_T")


class DeadlockError(Exception):
    """Raised when time stands still: every task waits for another one, or some task never waits."""


class _JumpingSelector(selectors.DefaultSelector):
    """Looks at the descriptors without waiting, and adds the time it was asked to wait."""

    def __init__(self, timer_s: float) -> None:
        super().__init__()
        self.time_s = 0.0
        self._timer_s = timer_s
        self._busy_turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready now, after *timeout* of virtual seconds if nothing is."""
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            # A turn takes time too: a wait below the clock's resolution would otherwise never end.
            self.time_s += _TURN_S
            self._busy_turns += 1
            if self._busy_turns > _MOST_BUSY_TURNS:
                self._busy_turns = 0  # ending what is left takes turns too
                raise DeadlockError(f"{_MOST_BUSY_TURNS:,} turns of the loop in a row had something to do")
        elif timeout is None:
            raise DeadlockError("nothing is scheduled, and no task can go on")
        else:
            self.time_s += max(ceil(timeout / self._timer_s) * self._timer_s if self._timer_s else timeout, _TURN_S)
            self._busy_turns = 0
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
        """Return the virtual seconds since the loop was made."""
        return self._jumping.time_s

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """End the run with what a callback raised, rather than with nobody knowing."""
        error = context.get("exception")
        if error is not None and "handle" in context:
            raise error
        super().call_exception_handler(context)


def run_virtually(function: Callable[..., Awaitable[_T]], *args: Any, loop: type[VirtualLoop] = VirtualLoop) -> _T:
    """Run *function* on virtual time, from 0 on. Raises DeadlockError when it can never end."""
    return anyio.run(function, *args, backend_options={"loop_factory": loop})


def virtual_clock(began_s: float = EPOCH_S) -> Clock:
    """Return the clock of the running virtual loop; its wall time began at *began_s*."""
    loop = asyncio.get_running_loop()
    return Clock(loop.time, lambda: began_s + loop.time())
