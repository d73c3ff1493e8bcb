"""Where text goes: a terminal, a pipe or a file that may go away at any moment.

A reader that has gone (`| head`), a full disk or a closed descriptor silences a stream for good. It never raises, so
the work behind a view goes on and its exit code stays what it is. A reader that does not read is waited for, or not.
"""

import os
import select
from collections.abc import Iterable
from typing import Final, Self, TextIO

__all__ = ("Stream",)

# What a pipe takes at once when it says that it takes anything; a character is four bytes at most.
_PIECE: Final = select.PIPE_BUF // 4


class Stream:
    """Writes text to *file*, which is None when the process was started without it.

    Unless it *waits*, text that nobody takes is left out, and lines say how much it was when somebody does again. What
    is never full, like a file on a disk, takes everything.
    """

    def __init__(self, file: TextIO | None, *, waits: bool = True) -> None:
        self._file = file
        self._waits = waits
        self._left_out = 0
        self._encoding = (getattr(file, "encoding", None) or "utf-8") if file is not None else "utf-8"

    @property
    def gone(self) -> bool:
        """Whether nobody reads any more."""
        return self._file is None

    @property
    def encoding(self) -> str:
        """The encoding of the file beneath."""
        return self._encoding

    def without_waiting(self) -> Self:
        """Return a stream to the same place that does not wait for its reader."""
        return type(self)(self._file, waits=False)

    def isatty(self) -> bool:
        """Tell whether a person looks at it right now."""
        try:
            return self._file is not None and self._file.isatty()
        except (OSError, ValueError):
            return False

    def write(self, text: str) -> int:
        """Write *text*; characters that the encoding lacks become escapes. Return how many characters were taken."""
        self._write(text)
        return len(text)

    def flush(self) -> None:
        """Hand everything written so far to the system."""
        if self._file is not None:
            try:
                self._file.flush()
            except (OSError, ValueError):
                self._silence()

    def lines(self, lines: Iterable[str]) -> None:
        """Write each of *lines* with a line end, and flush; ends early when nobody reads any more."""
        for line in lines:
            if self._left_out and self._write(f"({self._left_out} lines were left out, for nobody read them)\n"):
                self._left_out = 0
            self._left_out += not self._write(line + "\n")
            if self.gone:
                return
        self.flush()

    def pieces(self, pieces: Iterable[bytes]) -> None:
        """Write UTF-8 *pieces*, cut anywhere but inside a character, and flush; ends early as `lines` does."""
        for piece in pieces:
            self.write(piece.decode())
            if self.gone:
                return
        self.flush()

    def _write(self, text: str) -> bool:
        """Write *text*, and tell whether it was taken; where nobody reads any more, everything is."""
        if self._file is None:
            return True
        try:
            shown = text.encode(self._encoding, "backslashreplace").decode(self._encoding)
            if not self._waits:
                return _write_what_is_taken(self._file, shown)
            self._file.write(shown)
        except (OSError, ValueError):
            self._silence()
        return True

    def _silence(self) -> None:
        file, self._file = self._file, None
        try:
            descriptor = file.fileno() if file is not None else None
            # What the file still holds would be written once more at exit, fail again, and change the exit code.
            if descriptor is not None:
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, descriptor)
                os.close(null)
        except (OSError, ValueError):
            return


def _write_what_is_taken(file: TextIO, text: str) -> bool:
    """Write *text* to *file* as far as it goes without waiting; tell whether that was all of it."""
    for begin in range(0, len(text), _PIECE):
        if not _takes(file):
            return False
        file.write(text[begin : begin + _PIECE])
        file.flush()
    return True


def _takes(file: TextIO) -> bool:
    """Tell whether a piece of text can be written to *file* without waiting."""
    try:
        poll = select.poll()
        poll.register(file.fileno(), select.POLLOUT)
    except (OSError, ValueError):  # nothing stands behind it that could be full
        return True
    return bool(poll.poll(0))
