"""What would change in a file, line by line."""

import difflib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from kbsync.views.escape import visible

__all__ = ("difference",)

MAX_DIFF_BYTES: Final = 4 << 20


def difference(before_name: str, after_name: str, path: Path, pieces: Iterable[bytes]) -> Iterator[str]:
    """Yield how the file at *path*, which need not be there, differs from *pieces*, made visible."""
    before = b"" if not path.exists() else path.read_bytes() if path.stat().st_size <= MAX_DIFF_BYTES else None
    after = None if before is None else b"".join(pieces)
    if before is None or after is None or len(after) > MAX_DIFF_BYTES:
        yield visible(f"{before_name} would change; it is too large to be shown")
        return
    old, new = (text.decode(errors="backslashreplace").splitlines() for text in (before, after))
    yield from map(visible, difflib.unified_diff(old, new, before_name, after_name, lineterm=""))
