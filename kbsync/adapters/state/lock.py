"""The lock of a state: one run at a time, and a loser that learns who holds it.

The kernel keeps the lock, so a dead holder's is free at once and a frozen holder keeps its own. The file beside the
state exists for the lock alone and is never deleted; what is written into it serves the message only.
"""

import fcntl
import os
import socket
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from uuid import uuid4

import orjson

from kbsync import __version__
from kbsync.adapters.state.files import make_folder
from kbsync.errors import LockedError, StateError

__all__ = ("Holder", "StateLock", "holder", "lock_path")

# Asking who holds a lock takes it, shared, for an instant; a run that starts just then must not be turned away.
_PATIENCE_S: Final = 0.2
_PAUSE_S: Final = 0.01
_MAX_INFO_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock, by its own account. *started_s* is seconds since the epoch."""

    id: str
    pid: int
    host: str
    user: str
    command: str
    started_s: float
    kbsync: str

    def __str__(self) -> str:
        since = datetime.fromtimestamp(self.started_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return f"`kbsync {self.command}` of {self.user}, process {self.pid} on {self.host}, since {since}"


def lock_path(state: Path) -> Path:
    """Return where the lock of *state* lies."""
    return state.with_name(state.name + ".lock")


def holder(state: Path) -> Holder | None:
    """Return who holds the lock of *state*, or None when nobody does. Creates nothing."""
    try:
        descriptor = os.open(lock_path(state), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateError(f"The lock {lock_path(state)} cannot be read: {error.strerror}.") from error

    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _told(descriptor) or Holder("", 0, "?", "?", "?", 0.0, "")
    else:
        return None
    finally:
        os.close(descriptor)


class StateLock:
    """The exclusive lock of one state, from construction to `release`. A context manager.

    *command* is what the holder does, for those who have to wait. Raises LockedError when another process has it.
    """

    def __init__(self, state: Path, command: str) -> None:
        self.path = lock_path(state)
        self.holder = Holder(
            uuid4().hex[:12], os.getpid(), socket.gethostname(), _user(), command, time.time(), __version__
        )
        make_folder(state.parent)
        try:
            # Never inherited: a child with this descriptor would keep the lock after its parent's death.
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            self._descriptor = os.open(self.path, flags, 0o600)
        except OSError as error:
            raise StateError(f"The lock {self.path} cannot be opened: {error.strerror}.") from error

        try:
            self._acquire(state)
        except BaseException:
            os.close(self._descriptor)
            self._descriptor = -1
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()

    def release(self) -> None:
        """Give the lock back. Does nothing when it was given back before."""
        if self._descriptor < 0:
            return
        with suppress(OSError):
            os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)
        self._descriptor = -1

    def _acquire(self, state: Path) -> None:
        deadline_s = time.monotonic() + _PATIENCE_S
        while True:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() < deadline_s:
                    time.sleep(_PAUSE_S)
                    continue
                raise LockedError(
                    f"Another run holds the state {state}: {_told(self._descriptor) or 'it has not said who it is'}.\n"
                    "Nothing was sent. Run again when it has ended."
                ) from None
            except OSError as error:
                raise StateError(f"The lock {self.path} cannot be taken: {error.strerror}.") from error
            break

        # The lock stands without this text; a full disk must not take it away.
        with suppress(OSError):
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, orjson.dumps(asdict(self.holder)) + b"\n", 0)


def _told(descriptor: int) -> Holder | None:
    try:
        told: Any = orjson.loads(os.pread(descriptor, _MAX_INFO_BYTES, 0))
        return Holder(**told)
    except (OSError, TypeError, ValueError):
        return None


def _user() -> str:
    try:
        return getuser()
    except (KeyError, OSError):
        return str(os.getuid())
