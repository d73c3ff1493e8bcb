"""CSV manifests: one item a row, columns named as the keys are elsewhere.

An empty cell says nothing about its field. Only in a row whose `allow_empty` is `true`, the empty cell of a text column
of its kind (a caption, a name) declares the empty text. A column `meta.NAME` holds text, `meta.NAME:TYPE` another type;
lists are written as in JSON.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Final

from kbsync.adapters.manifests.csv_columns import Column, columns_of, nearest_column
from kbsync.adapters.manifests.intake import Intake
from kbsync.adapters.manifests.leaks import leaks_in
from kbsync.adapters.manifests.problems import Fault, Path, Place
from kbsync.adapters.manifests.rows import Rows
from kbsync.core.entries import control_character
from kbsync.core.manifest import Desired

__all__ = ("MAX_CELL_CHARACTERS", "read_csv")

MAX_CELL_CHARACTERS: Final = 16 << 20
_BOM: Final = b"\xef\xbb\xbf"
_SUSPECT: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]")
_CELL: Final = re.compile(r'"(?:[^"]|"")*"[^,]*|[^,\r\n]*')


def read_csv(file: BinaryIO, intake: Intake) -> Iterator[Desired]:
    """Yield the items of the CSV manifest *file*. There is no limit to its size."""
    lines = _Lines(file, intake)
    # The limit is the process's, and this the only reader of CSV.
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    records = csv.reader(lines, strict=True)
    try:
        header = next(records, None)
        if not header:
            intake.problems.add((1, 1), "missing-key", "the first line names the columns: target,dataset,kind,id,…")
            return
        if len(header) == 1 and (found := next((mark for mark in (";", "\t", "|") if mark in header[0]), None)):
            name = "tabs" if found == "\t" else f"`{found}`"
            intake.problems.add((1, 1), "syntax", f"commas stand between columns, and this file has {name}")
            return
        columns = columns_of(header, lines.trail.cells(), intake.words, intake.problems)
        if columns is not None:
            yield from _Table(columns, lines, intake).items(records)
    except _LongLineError:
        message = f"the line is longer than {MAX_CELL_CHARACTERS >> 20} MiB"
        intake.problems.add((lines.number, 1), "too-large", message)
    except csv.Error as error:
        hint = " (the file may have line ends of its own: save it with LF or CRLF)" if "new-line" in str(error) else ""
        intake.problems.add(lines.trail.begin(), "syntax", f"{error}{hint}")
    except UnicodeDecodeError as error:
        column = len(error.object[: error.start].decode("utf-8", "replace")) + 1
        message = "the file is not UTF-8 text: save it as CSV UTF-8"
        intake.problems.add((lines.number, column), "not-utf8", message)


class _LongLineError(Exception):
    """Raised when a line is not read to its end."""


class _Lines:
    """The lines of a file as text, and those of the record that is being read."""

    def __init__(self, file: BinaryIO, intake: Intake) -> None:
        self.number = 0
        self.suspicious = False
        self.trail = _RecordTrail()
        self._file = file
        self._intake = intake

    def __iter__(self) -> Iterator[str]:
        while line := self._file.readline(MAX_CELL_CHARACTERS + 1):
            self.number += 1
            if len(line) > MAX_CELL_CHARACTERS:
                raise _LongLineError
            for fault in leaks_in(line, self.number):
                self._intake.problems.add(*fault)
            if self.number == 1:
                line = line.removeprefix(_BOM)
            self.suspicious = self.suspicious or _SUSPECT.search(line) is not None
            text = line.decode()
            self.trail.lines.append(text)
            yield text

    def next_record(self) -> None:
        """Forget the record that was read."""
        self.trail.line = self.number + 1
        self.trail.lines.clear()
        self.suspicious = False


class _RecordTrail:
    """The places of the cells of one record."""

    def __init__(self) -> None:
        self.line = 1
        self.lines: list[str] = []
        self.columns: Sequence[Column | None] = ()

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
        places: list[Place] = []
        line, at, seen = self.line, 0, 0
        while True:
            line += text.count("\n", seen, at)
            seen = at
            places.append((line, at - text.rfind("\n", 0, at)))
            match = _CELL.match(text, at)
            assert match is not None
            at = match.end()
            if text[at : at + 1] != ",":
                return places
            at += 1


class _Table:
    """The rows beneath a header."""

    def __init__(self, columns: Sequence[Column | None], lines: _Lines, intake: Intake) -> None:
        self._columns = columns
        self._lines = lines
        self._intake = intake
        self._admit = Rows(intake).admit
        self._allow_empty = next(
            (n for n, c in enumerate(columns) if c is not None and c.path == ("allow_empty",)), None
        )
        lines.trail.columns = columns

    def items(self, records: Iterator[list[str]]) -> Iterator[Desired]:
        lines, problems, columns, trail = self._lines, self._intake.problems, self._columns, self._lines.trail
        lines.next_record()
        for cells in records:
            if len(cells) == len(columns):
                row, faults = self._row(cells)
                if not faults:
                    desired = self._admit(row, trail.begin(), trail)
                    if desired is not None:
                        yield desired
                else:
                    with problems.blaming(faults):
                        self._admit(row, trail.begin(), trail)
            elif cells:
                message = f"the row has {len(cells)} cells, and the header {len(columns)}"
                problems.add(trail.begin(), "syntax", message)
            lines.next_record()

    def _row(self, cells: list[str]) -> tuple[dict[str, Any], list[Fault]]:
        row: dict[str, Any] = {}
        faults: list[Fault] = []
        for number, (column, cell) in enumerate(zip(self._columns, cells, strict=True)):
            if column is None or not cell:
                continue
            if column.parse is None:
                column.put(row, cell)
                continue
            try:
                column.put(row, column.parse(cell))
            except ValueError as error:
                column.put(row, cell)
                faults.append(Fault(self._lines.trail.cells()[number], "wrong-type", f"{error} is expected here"))
        if self._allow_empty is not None and cells[self._allow_empty] == "true":
            self._empty(row, cells)
        if self._lines.suspicious:
            self._suspect(cells, faults)
        return row, faults

    def _empty(self, row: dict[str, Any], cells: list[str]) -> None:
        """Declare the texts that are empty on purpose."""
        vocabulary = self._intake.words.targets.get(row.get("target", ""))
        kind = None if vocabulary is None else vocabulary.by_kind.get(row.get("kind", ""))
        for column, cell in zip(self._columns, cells, strict=True):
            if kind is not None and column is not None and column.text and not cell:
                key = column.path[0]
                if key != "id" and key in kind.shape.keys:
                    row[key] = ""

    def _suspect(self, cells: list[str], faults: list[Fault]) -> None:
        for number, cell in enumerate(cells):
            name = control_character(cell)
            if name is not None:
                message = f"the text holds {name}"
                faults.append(Fault(self._lines.trail.cells()[number], "control-character", message))
