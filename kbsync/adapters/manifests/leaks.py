"""Credentials pasted into manifests: found by their form, in comments too, and never repeated."""

import re
from typing import Final

from kbsync.adapters.manifests.problems import Fault

__all__ = ("LeakWatch", "is_leaky", "leaks_in")

MAX_TOKEN_BYTES: Final = 256
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
    return b"pat_" in text or b"AKLT" in text


class LeakWatch:
    """Watches a text that is read in pieces."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self._rest = b""
        self._line = 1
        self._column = 1

    def see(self, piece: bytes) -> None:
        """Look at the next *piece*; an empty one ends the text."""
        text = self._rest + piece
        # A credential may straddle two pieces, so the last of the text waits for the next piece, from a place that is
        # in no credential on.
        cut = len(text) if not piece else _boundary(text)
        head, self._rest = text[:cut], text[cut:]
        self.faults += leaks_in(head, self._line, self._column)
        breaks = head.count(b"\n")
        self._line += breaks
        self._column = len(head.rsplit(b"\n", 1)[-1].decode("utf-8", "replace")) + (1 if breaks else self._column)


def _boundary(text: bytes) -> int:
    """Return where the last piece of *text* begins that could be the beginning of a credential."""
    for index in range(len(text) - 1, max(len(text) - MAX_TOKEN_BYTES, -1), -1):
        if text[index] in b"\n \t\"',:":
            return index
    return len(text)
