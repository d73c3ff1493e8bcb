"""The lock of a state: one run at a time, and a loser that learns who holds it.

The kernel keeps the lock, so a dead holder's is free at once and a frozen holder keeps its own. The file that it is on
exists for the lock alone and is never deleted; `break_lock` replaces it, and with it the lock that somebody holds.
"""

import fcntl
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from getpass import getuser
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from uuid import uuid4

from kbsync import __version__
from kbsync.adapters.state.creation import identity, make_folder
from kbsync.adapters.state.lockfile import (
    Guarded,
    Holder,
    forget_holder,
    lock_path,
    open_to_read,
    read_guarded,
    read_holder,
    write,
)
from kbsync.adapters.state.mounts import check_local
from kbsync.adapters.state.processes import advice_on
from kbsync.errors import LockedError, StateError, StateWriteError

__all__ = ("StateLock", "holder", "remembered")

# Asking who holds a lock takes it, shared, for an instant; a run that starts just then must not be turned away.
_PATIENCE_S: Final = 0.2
_PAUSE_S: Final = 0.01
# A signal is noticed at the latest when a pause ends.
_LONGEST_PAUSE_S: Final = 0.1
_NOBODY: Final = Holder("", 0, "?", "?", "?", 0.0, "")


def holder(state: Path) -> Holder | None:
    """Return who holds the lock of *state*, or None when nobody does. Creates nothing."""
    descriptor = open_to_read(state)
    if descriptor is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return read_holder(descriptor) or _NOBODY
    else:
        return None
    finally:
        os.close(descriptor)


def remembered(state: Path) -> Guarded | None:
    """Return which state the lock file of *state* guarded last; None when it never did. Creates nothing."""
    descriptor = open_to_read(state)
    if descriptor is None:
        return None
    try:
        return read_guarded(descriptor)
    finally:
        os.close(descriptor)


class StateLock:
    """The exclusive lock of one state, from construction to `release`. A context manager.

    *command* is what the holder does, for those who have to wait. While another process has the lock it is waited for,
    up to *timeout_s*; *say* is told. *was_left* says that the holder before did not live to give it back. Raises
    LockedError when another one still has it, and StateError where no lock can be relied on.
    """

    def __init__(
        self, state: Path, command: str, timeout_s: float = 0.0, say: Callable[[str], None] | None = None
    ) -> None:
        self.path = lock_path(state)
        self.holder = Holder(
            uuid4().hex[:12], os.getpid(), socket.gethostname(), _user(), command, time.time(), __version__
        )
        check_local(state)
        make_folder(state.parent)
        self._descriptor = _acquired(state, timeout_s, say)
        # Whoever gives it back leaves no name in it.
        self.was_left = read_holder(self._descriptor) is not None
        there = os.fstat(self._descriptor)
        self._identity = (there.st_dev, there.st_ino)
        self._guarded = read_guarded(self._descriptor)
        # The lock stands without this text; a full disk must not take it away.
        with suppress(OSError):
            write(self._descriptor, self._guarded, self.holder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()

    @property
    def stands(self) -> bool:
        """Whether nobody broke it. Asked at every commit."""
        try:
            return identity(self.path) == self._identity
        except OSError:
            return False

    @property
    def guarded(self) -> Guarded | None:
        """Which state was there last; None when there never was one."""
        return self._guarded

    def remember(self, guarded: Guarded) -> None:
        """Note durably which state is there now. Raises StateWriteError."""
        if guarded == self._guarded:
            return
        try:
            write(self._descriptor, guarded, self.holder)
            os.fsync(self._descriptor)
        except OSError as error:
            raise StateWriteError(f"The lock {self.path} could not be written: {error.strerror}.") from error
        self._guarded = guarded

    def release(self) -> None:
        """Give the lock back. Does nothing when it was given back before."""
        if self._descriptor < 0:
            return
        with suppress(OSError):
            forget_holder(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = -1
        self._identity = (-1, -1)


def _taken(path: Path) -> int | None:
    """Return a descriptor of the lock file *path* that holds its lock, or None when another one does.

    Raises OSError.
    """
    # Never inherited: a child with this descriptor would keep the lock after its parent's death.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_at(descriptor, path):
            return descriptor
    except BlockingIOError:
        pass
    except BaseException:
        os.close(descriptor)
        raise
    # Somebody has it, or it was broken while it was opened: this lock is on a file that is none any more.
    os.close(descriptor)
    return None


def _acquired(state: Path, timeout_s: float, say: Callable[[str], None] | None) -> int:
    path = lock_path(state)
    began_s = time.monotonic()
    told = False
    while True:
        try:
            descriptor = _taken(path)
        except OSError as error:
            raise StateError(f"The lock {path} cannot be taken: {error.strerror}.") from error
        if descriptor is not None:
            return descriptor
        waited_s = time.monotonic() - began_s
        if waited_s >= max(_PATIENCE_S, timeout_s):
            raise LockedError(_locked(state, holder(state)))
        if waited_s >= _PATIENCE_S and say is not None and not told:
            told = True
            say(f"waiting up to {timeout_s:g} s for the state: {holder(state) or 'it was just given back'}")
        time.sleep(min(max(_PAUSE_S, waited_s / 10), _LONGEST_PAUSE_S))


def _locked(state: Path, holder: Holder | None) -> str:
    if holder is None or not holder.id:
        return f"Another run holds the state {state}: it has not said who it is.\nNothing was sent. Run again later."
    return f"Another run holds the state {state}: {holder}.\nNothing was sent. {advice_on(holder)}"


def _is_at(descriptor: int, path: Path) -> bool:
    """Tell whether the file behind *descriptor* is the one that *path* names."""
    here = os.fstat(descriptor)
    try:
        return identity(path) == (here.st_dev, here.st_ino)
    except OSError:
        return False


def _user() -> str:
    try:
        return getuser()
    except (KeyError, OSError):
        return str(os.getuid())
