"""Reading a file without ever waiting, and writing one whole or not at all."""

import errno
import os
import stat
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from kbsync.errors import KbsyncError

__all__ = ("mode_of", "read_regular", "write_whole")

_OWNER_ONLY: Final = 0o600


def read_regular(path: Path, limit_bytes: int) -> bytes:
    """Return what is in the file at *path*, at most *limit_bytes* and one more.

    Raises OSError, also for what is no regular file: a pipe would have us wait, a device might never end.
    """
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123
        mode = os.fstat(file.fileno()).st_mode
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is a folder" if stat.S_ISDIR(mode) else "it is no regular file")
        return file.read(limit_bytes + 1)


def mode_of(path: Path) -> int:
    """Return the permissions of the file at *path*. Raises OSError."""
    return stat.S_IMODE(path.stat().st_mode)


def write_whole(
    path: Path, pieces: Iterable[bytes], *, mode: int = _OWNER_ONLY, check: Callable[[Path], None] | None = None
) -> None:
    """Write *pieces* to *path*; what stood there is replaced at once or stays. The file has the permissions of *mode*.

    *check* is given the written file before it takes its place, and whatever it raises keeps it from that. A path that
    is no regular file (`/dev/stdout`, a pipe) is written to as it is. Raises KbsyncError when it cannot be done.
    """
    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as device:
                device.writelines(pieces)
            return
        _replace(path, pieces, mode, check)
    except OSError as error:
        raise KbsyncError(f"{path} cannot be written: {error.strerror}") from None


def _replace(path: Path, pieces: Iterable[bytes], mode: int, check: Callable[[Path], None] | None) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123  # a descriptor, not a path
            file.writelines(pieces)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        if check is not None:
            check(Path(name))
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise

    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
