"""Signals during a run: the first drains, the second cancels, the third leaves at once."""

import os
import signal
from collections.abc import Callable
from typing import Final

import anyio
import anyio.abc

from kbsync.core.exits import Exit

__all__ = ("SIGNAL_EXITS", "listen")

SIGNAL_EXITS: Final = {
    signal.SIGINT: Exit.INTERRUPTED,
    signal.SIGTERM: Exit.TERMINATED,
    signal.SIGHUP: Exit.HANGUP,
}


async def listen(on_signal: Callable[[int, Exit], None], *, task_status: anyio.abc.TaskStatus[None]) -> None:
    """Call *on_signal* with 1 for the first signal and 2 for the second, and the exit of the first; leave at the third.

    Runs until it is cancelled.
    """
    with anyio.open_signal_receiver(*SIGNAL_EXITS) as signals:
        task_status.started()
        count = 0
        exit_: Exit | None = None
        async for number in signals:
            count += 1
            exit_ = exit_ or SIGNAL_EXITS[number]
            if count == 3:
                os._exit(exit_)
            on_signal(count, exit_)
