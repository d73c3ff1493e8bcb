"""Signals from the beginning of a run to its end: the first drains, the second cancels, the third leaves at once."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Any, Final, Self

import anyio
import anyio.abc

from kbsync.core.exits import Exit

__all__ = ("SIGNAL_EXITS", "Signals")

SIGNAL_EXITS: Final = {
    signal.SIGINT: Exit.INTERRUPTED,
    signal.SIGTERM: Exit.TERMINATED,
    signal.SIGHUP: Exit.HANGUP,
}

_MOST_AT_ONCE: Final = 4096


class Signals:
    """Takes the signals of this process from `take_over` on, and gives them back at the end of its `with`.

    In between none ends the process, be it in the middle of its account, but the third: that leaves with the exit of
    the first. What somebody had this process ignore, as `nohup` does, stays ignored. Where others decide on signals, in
    threads, it does nothing.
    """

    def __init__(self) -> None:
        self._came: list[Exit] = []
        self._before: dict[signal.Signals, Any] = {}
        self._order: tuple[int, int] | None = None
        self._tell: Callable[[], object] = _nobody

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()
        if self._order is not None:
            signal.set_wakeup_fd(-1)
            for descriptor in self._order:
                os.close(descriptor)
            self._order = None

    def take_over(self) -> None:
        """Let no signal end the process by itself any more."""
        if threading.current_thread() is not threading.main_thread():
            return
        # Python calls the handlers of signals that came together in the order of their numbers.
        self._order = os.pipe()
        for descriptor in self._order:
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(self._order[1], warn_on_full_buffer=False)
        for number in SIGNAL_EXITS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._note)

    async def listen(self, on_signal: Callable[[int, Exit], None], *, task_status: anyio.abc.TaskStatus[None]) -> None:
        """Call *on_signal* with 1 for the first signal and 2 for the second, and the exit of the first.

        Those that came before are told first. Runs until it is cancelled.
        """
        told = 0
        news = asyncio.Event()
        self._tell = partial(asyncio.get_running_loop().call_soon_threadsafe, news.set)
        try:
            task_status.started()
            while True:
                while told < len(self._came):
                    told += 1
                    on_signal(told, self._came[0])
                news.clear()
                await news.wait()
        finally:
            self._tell = _nobody

    def _note(self, _number: int, _frame: object) -> None:
        assert self._order is not None
        with suppress(BlockingIOError):  # another one's handler was told of this one too
            came = os.read(self._order[0], _MOST_AT_ONCE)
            self._came += [SIGNAL_EXITS[signal.Signals(number)] for number in came if number in SIGNAL_EXITS]
        if len(self._came) >= 3:
            os._exit(self._came[0])
        self._tell()


def _nobody() -> None:
    return
