"""What stands in the file beside the state that exists for its lock: who holds it, and which state it guards.

The file has one size for good, so that writing into it needs no room on the disk and a kill leaves no half of it. The
first part is what the next run relies on; the second serves messages only.
"""

import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import orjson

from kbsync.errors import StateError

__all__ = ("Guarded", "Holder", "forget_holder", "lock_path", "open_to_read", "read_guarded", "read_holder", "write")

# One sector of a disk, which is written whole.
_GUARDED_BYTES: Final = 512
_HOLDER_BYTES: Final = 3584


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


class Guarded(NamedTuple):
    """Which state was there last: its *lineage*, how many runs had written to it, and the last of them.

    *heir* is the lineage of a state that is just about to take its place.
    """

    lineage: str
    serial: int
    run_id: str
    heir: str = ""

    @classmethod
    def of(cls, told: Any) -> Self:
        """Return what a lock file tells. Raises TypeError and ValueError when it tells something else."""
        guarded = cls(**told)
        if tuple(map(type, guarded)) != (str, int, str, str):
            raise TypeError
        return guarded


def lock_path(state: Path) -> Path:
    """Return where the lock of *state* lies."""
    return state.with_name(state.name + ".lock")


def open_to_read(state: Path) -> int | None:
    """Return a descriptor of the lock file of *state*, or None when there is none. Creates nothing."""
    try:
        return os.open(lock_path(state), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateError(f"The lock {lock_path(state)} cannot be read: {error.strerror}.") from error


def read_guarded(descriptor: int) -> Guarded | None:
    """Return which state is remembered; None when none is, or nobody can tell."""
    try:
        return Guarded.of(orjson.loads(os.pread(descriptor, _GUARDED_BYTES, 0)))
    except (OSError, TypeError, ValueError):
        return None


def read_holder(descriptor: int) -> Holder | None:
    """Return who holds the lock; None when nobody said so."""
    try:
        told: Any = orjson.loads(os.pread(descriptor, _HOLDER_BYTES, _GUARDED_BYTES))
        return Holder(**told)
    except (OSError, TypeError, ValueError):
        return None


def write(descriptor: int, guarded: Guarded | None, holder: Holder | None) -> None:
    """Write both, each padded to its size. Raises OSError."""
    known = b"" if guarded is None else orjson.dumps(guarded._asdict())
    os.pwrite(descriptor, _line(known, _GUARDED_BYTES) + _line(_told(holder), _HOLDER_BYTES), 0)


def forget_holder(descriptor: int) -> None:
    """Leave nobody as the holder. Raises OSError."""
    os.pwrite(descriptor, _line(b"", _HOLDER_BYTES), _GUARDED_BYTES)


def _told(holder: Holder | None) -> bytes:
    return b"" if holder is None else orjson.dumps(asdict(holder))


def _line(text: bytes, size: int) -> bytes:
    return text[: size - 1].ljust(size - 1) + b"\n"
