"""Where text goes: a terminal, a pipe or a file that may go away at any moment.

A reader that has gone (`| head`), a full disk or a closed descriptor silences a stream for good. It never raises, so
the work behind a view goes on and its exit code stays what it is. A reader that does not read is waited for, or not.
"""

import os
import select
from collections.abc import Iterable
from typing import Self, TextIO

__all__ = ("Stream",)


class Stream:
    """Writes text to *file*, which is None when the process was started without it.

    Unless it *waits*, text that nobody takes is left out, and lines say how much it was when somebody does again.
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
        if self._file is not None and self._is_taken():
            try:
                self._file.write(text.encode(self._encoding, "backslashreplace").decode(self._encoding))
            except (OSError, ValueError):
                self._silence()
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
            if self._left_out and self._is_taken():
                left_out, self._left_out = self._left_out, 0
                self.write(f"({left_out} lines were left out, for nobody read them)\n")
            self.write(line + "\n")
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

    def _is_taken(self) -> bool:
        """Tell whether a line can be written now without waiting, if that matters; count it as left out if not."""
        if self._waits or self._file is None:
            return True
        try:
            poll = select.poll()
            poll.register(self._file.fileno(), select.POLLOUT)
            taken = bool(poll.poll(0))
        except (OSError, ValueError):  # there is nothing that could be full
            return True
        self._left_out += not taken
        return taken

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
