"""What tells whether a file is still as it was, without reading it."""

import os
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ("Signature", "signature_of")

# Longer than the coarsest file system takes from one time to the next.
_SAFE_NS: Final = 3_000_000_000
_NS_PER_S: Final = 1_000_000_000


class Signature(NamedTuple):
    """A file's place, size and times. A file that is written to or replaced gets another one, unless it *is racy*."""

    device: int
    inode: int
    size_bytes: int
    modified_ns: int
    changed_ns: int

    def is_racy(self, now_s: float) -> bool:
        """Tell whether a change after *now_s* (seconds since the epoch) may leave the signature as it is.

        That is where the file's times are not safely in the past: file systems do not tell moments apart that are close
        to each other, and a time in the future says that a clock was wrong.
        """
        return int(now_s * _NS_PER_S) - max(self.modified_ns, self.changed_ns) < _SAFE_NS


def signature_of(path: Path) -> Signature | None:
    """Return the signature of the file that *path* leads to, or None when it cannot be looked at."""
    try:
        found = os.stat(path)  # noqa: PTH116 - there may be thousands
    except (OSError, ValueError):
        return None
    return Signature(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
