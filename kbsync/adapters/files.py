"""Writing a file whole or not at all."""

import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from kbsync.errors import KbsyncError

__all__ = ("write_whole",)


def write_whole(path: Path, pieces: Iterable[bytes]) -> None:
    """Write *pieces* to *path*, readable by its owner only; what stood there is replaced at once or stays.

    A path that is no regular file (`/dev/stdout`, a pipe) is written to as it is. Raises KbsyncError when it cannot be
    done.
    """
    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as device:
                device.writelines(pieces)
            return
        _replace(path, pieces)
    except OSError as error:
        raise KbsyncError(f"{path} cannot be written: {error.strerror}") from None


def _replace(path: Path, pieces: Iterable[bytes]) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123  # a descriptor, not a path
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
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
