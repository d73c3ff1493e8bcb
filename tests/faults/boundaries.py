"""The moments at which a signal could matter, told apart as a run passes them, and real signals at a chosen one.

Nothing of kbsync is changed for it. SQLite's statements and the file system's steps are watched where Python itself
lets one in: see `watch`.
"""

import os
import re
import signal
import sqlite3
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

__all__ = ("Boundaries", "Boundary", "watch")

# What a transaction is made of, beside what it holds: a kill between two of its statements is one before its COMMIT.
_STATEMENTS: Final = ("BEGIN IMMEDIATE", "COMMIT", "ROLLBACK", "PRAGMA journal_mode", "PRAGMA wal_checkpoint")
_STEPS: Final = frozenset({"open", "os.link", "os.rename", "os.remove"})
# What is written beside a file until it is whole has a name with a random ending.
_RANDOM: Final = re.compile(r"(?<=^\.)(.*)\.[^.]+$|-[0-9a-f]{8}$")
_APART_S: Final = 0.02
_LONG_S: Final = 30.0
_WRITES: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT

Boundary = Callable[[str], None]


class Boundaries:
    """Writes down what is passed in the file at *path*, and sends *signals* to this process at the boundary *fatal*.

    A boundary is told by its name and how often it came: `before COMMIT #3`.
    """

    def __init__(self, path: Path, fatal: str | None, signals: Sequence[signal.Signals]) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._fatal = fatal
        self._signals = signals
        self._passed: Counter[str] = Counter()
        self._one_at_a_time = threading.Lock()

    def __call__(self, name: str) -> None:
        """Pass the boundary *name*, or be hit there. Any thread may."""
        with self._one_at_a_time:
            self._passed[name] += 1
            told = f"{name} #{self._passed[name]}"
            os.write(self._file, f"{told}\n".encode())
            if told == self._fatal:
                for number in self._signals:
                    os.kill(os.getpid(), number)
                    _until_taken()


def _until_taken() -> None:
    """Wait until no signal is pending: of those that come together the kernel has the last one handled first."""
    until_s = time.monotonic() + _LONG_S
    while time.monotonic() < until_s:
        time.sleep(_APART_S)
        pending = re.search(r"^ShdPnd:\s*(\w+)$", Path("/proc/self/status").read_text(encoding="ascii"), re.MULTILINE)
        if pending is not None and int(pending[1], 16) == 0:
            return


def watch(folder: Path, boundary: Boundary, patch: pytest.MonkeyPatch) -> None:
    """Have this process pass a boundary around each commit, and before each step on the files of *folder*.

    That is for good: audit hooks cannot be taken out again.
    """

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in _STEPS or not isinstance(arguments[0], str | os.PathLike):
            return
        path = Path(arguments[0]).absolute()
        if folder in path.parents and (event != "open" or arguments[2] & _WRITES):
            name = _RANDOM.sub(r"\1*", path.name)
            boundary(f"before {event.removeprefix('os.')} of {name}")

    def fsync(descriptor: int, sync: Callable[[int], None] = os.fsync) -> None:
        boundary("before fsync")
        sync(descriptor)
        boundary("after fsync")

    patch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=_watched(boundary)))
    patch.setattr(os, "fsync", fsync)
    sys.addaudithook(hear)


def _watched(boundary: Boundary) -> type[sqlite3.Connection]:
    def around(name: str, work: Callable[[], sqlite3.Cursor]) -> sqlite3.Cursor:
        boundary(f"before {name}")
        cursor = work()
        boundary(f"after {name}")
        return cursor

    class Watched(sqlite3.Connection):
        """A connection that says what it is about to do, and what it has done."""

        def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
            work = partial(super().execute, sql, parameters)
            return around(sql, work) if sql.startswith(_STATEMENTS) else work()

        def executescript(self, sql_script: str) -> sqlite3.Cursor:
            return around("the schema", partial(super().executescript, sql_script))

        def close(self) -> None:
            boundary("before the state is closed")
            super().close()

    return Watched
