"""Signals where Python's own ways with them do harm: while modules are imported, and while the interpreter ends."""

import os
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, NoReturn

__all__ = ("leaving_at_once", "settled")

_INTERRUPTED = 130


@contextmanager
def leaving_at_once() -> Generator[None]:
    """Let SIGINT end the process with 130 inside the block, at once: nothing is open, sent or half written yet.

    Does nothing where somebody else decides what SIGINT means.
    """
    ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if ours:
        signal.signal(signal.SIGINT, _leave)
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def settled() -> None:
    """Let no signal change the exit code any more: everything is done, but the interpreter takes its time to end."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _leave(*_: Any) -> NoReturn:
    os._exit(_INTERRUPTED)
