"""The lines of a CSV file as text: what stands between their columns, and where each cell stands."""

import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final

from kbsync.adapters.manifests.csv_columns import Column, nearest_column
from kbsync.adapters.manifests.csv_encodings import BOM, Doubt, gb18030_or_utf8
from kbsync.adapters.manifests.leaks import leaks_in
from kbsync.adapters.manifests.problems import FileProblems, Path, Place

__all__ = ("DELIMITERS", "MAX_CELL_CHARACTERS", "CsvLines", "LongLineError", "RecordTrail")

MAX_CELL_CHARACTERS: Final = 16 << 20
DELIMITERS: Final = ",;\t|"

_SUSPECT: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]")
_QUOTED: Final = re.compile(r'"(?:[^"]|"")*"?')
_SEPARATOR: Final = re.compile(r'(?P<quote>"?)sep=(?P<delimiter>[^"\n])(?P=quote)\n?', re.IGNORECASE)
_CELLS: Final = {mark: re.compile(rf'"(?:[^"]|"")*"[^{mark}]*|[^{mark}\r\n]*') for mark in DELIMITERS}


class LongLineError(Exception):
    """Raised when a line is not read to its end."""


class CsvLines:
    """The lines of a file as text, and those of the record that is being read.

    `number` is that of the last line that was read, `whole` tells whether that line had an end, and `doubt` whether it
    is UTF-8 at all. `encoding` is that of the file. `raw` has the lines of the record as they are in the file, of which
    so many bytes were read as `end` says.
    """

    def __init__(self, file: BinaryIO, problems: FileProblems) -> None:
        self.number = 0
        self.end = 0
        self.raw: list[bytes] = []
        self.suspicious = False
        self.whole = True
        self._file = file
        self._problems = problems
        self.encoding = gb18030_or_utf8(file) if problems.passes("gb18030") else "utf-8"
        self._first = ""
        self.doubt = Doubt()
        self.trail = RecordTrail()

    def begin(self) -> str:
        """Return what stands between columns: what a line `sep=;` at the top says, or else what the header has most of.

        Inside quotation marks nothing counts.
        """
        self._first = self._next()
        declared = _SEPARATOR.fullmatch(self._first)
        if declared is not None:
            self._first = self._next()
            delimiter = declared["delimiter"]
        else:
            delimiter = max(DELIMITERS, key=_QUOTED.sub("", self._first).count)
        self.trail.begin_at(max(1, self.number), delimiter)
        return delimiter

    def __iter__(self) -> Iterator[str]:
        line = self._first
        while line:
            self.trail.lines.append(line)
            yield line
            line = self._next()

    def next_record(self) -> None:
        """Forget the record that was read."""
        self.trail.line = self.number + 1
        self.trail.lines.clear()
        self.raw.clear()
        self.suspicious = False

    def _next(self) -> str:
        """Return the next line, ended by a line feed whatever ended it; nothing at the end of the file."""
        line = self._file.readline(MAX_CELL_CHARACTERS + 1)
        if not line:
            return ""
        self.number += 1
        self.end += len(line)
        self.raw.append(line)
        if len(line) > MAX_CELL_CHARACTERS:
            raise LongLineError
        if self.encoding != "utf-8":
            line = line.decode(self.encoding).encode()
        for fault in leaks_in(line, self.number):
            self._problems.add(*fault)
        if self.number == 1 and line.startswith(BOM):
            line = line.removeprefix(BOM)
            self.doubt.possible = False
        self.suspicious = self.suspicious or _SUSPECT.search(line) is not None
        self.whole = line.endswith(b"\n")
        text = (line[:-2] + b"\n" if line.endswith(b"\r\n") else line).decode()
        if self.encoding == "utf-8":
            self.doubt.see(line, self.number)
        return text


class RecordTrail:
    """The places of the cells of one record."""

    def __init__(self) -> None:
        self.line = 1
        self.lines: list[str] = []
        self.columns: Sequence[Column | None] = ()
        self._delimiter = DELIMITERS[0]

    def begin_at(self, line: int, delimiter: str) -> None:
        """Take the record that begins at *line*, and has *delimiter* between its cells."""
        self.line = line
        self._delimiter = delimiter

    def begin(self) -> Place:
        """Return where the record begins."""
        return self.line, 1

    def of(self, path: Path) -> Place:
        """Return the place of the cell that holds what is at *path*, or of the record."""
        number = nearest_column(self.columns, path)
        cells = self.cells()
        return cells[number] if number is not None and number < len(cells) else self.begin()

    of_key = of

    def cells(self) -> list[Place]:
        """Return the place of every cell."""
        text = "".join(self.lines)
        cell = _CELLS[self._delimiter]
        places: list[Place] = []
        line, at, seen = self.line, 0, 0
        while True:
            line += text.count("\n", seen, at)
            seen = at
            places.append((line, at - text.rfind("\n", 0, at)))
            match = cell.match(text, at)
            assert match is not None
            at = match.end()
            if text[at : at + 1] != self._delimiter:
                return places
            at += 1
