"""Credentials pasted into manifests: found by their form, in comments too, and never repeated."""

import re
from typing import BinaryIO, Final

from kbsync.adapters.manifests.problems import Fault

__all__ = ("is_leaky", "leaks_in", "leaks_in_file")

_PIECE_BYTES: Final = 1 << 20
# As long as what `is_leaky` looks for, or longer.
_MARK_BYTES: Final = 8
_TOKEN: Final = re.compile(rb"(?<![A-Za-z0-9_])(?:pat_[A-Za-z0-9]{20,}|AKLT[A-Za-z0-9+/=_-]{16,})")


def leaks_in(text: bytes, line: int, column: int = 1) -> list[Fault]:
    """Return a fault for each credential in *text*, which begins at this line and column of its file."""
    if not is_leaky(text):
        return []
    faults: list[Fault] = []
    for match in _TOKEN.finditer(text):
        before = text[: match.start()]
        breaks = before.count(b"\n")
        last = before.rsplit(b"\n", 1)[-1]
        at = len(last.decode("utf-8", "replace")) + (1 if breaks else column)
        message = "this looks like a credential: revoke it, and let kbsync.toml refer to its successor"
        faults.append(Fault((line + breaks, at), "secret-in-manifest", message))
    return faults


def is_leaky(text: bytes) -> bool:
    """Tell whether *text* holds what credentials begin with."""
    # One byte is looked for much faster than several, and many texts do not hold that.
    return (b"_" in text and b"pat_" in text) or (b"K" in text and b"AKLT" in text)


def leaks_in_file(file: BinaryIO) -> list[Fault]:
    """Return a fault for each credential in *file*, which then stands at its beginning."""
    file.seek(0)
    found = False
    rest = b""
    while not found and (piece := file.read(_PIECE_BYTES)):
        found = is_leaky(rest + piece)
        rest = piece[-_MARK_BYTES:]
    file.seek(0)
    faults = leaks_in(file.read(), 1) if found else []
    file.seek(0)
    return faults
