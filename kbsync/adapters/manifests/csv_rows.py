"""CSV manifests: one item a row, columns named as the keys are elsewhere.

An empty cell says nothing about its field. Only in a row whose `allow_empty` is `true`, the empty cell of a text column
of its kind (a caption, a name) declares the empty text. A column `meta.NAME` holds text, `meta.NAME:TYPE` another type;
lists are written as in JSON.

What spreadsheets leave is taken: other delimiters, rows without their last empty cells or with more of them, empty rows
and columns, `TRUE`. What they destroyed is told.
"""

import csv
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Final

from kbsync.adapters.manifests.csv_columns import TRUTHS, Column, columns_of
from kbsync.adapters.manifests.csv_encodings import not_utf8, utf16
from kbsync.adapters.manifests.csv_lines import DELIMITERS, MAX_CELL_CHARACTERS, CsvLines, LongLineError
from kbsync.adapters.manifests.intake import Intake
from kbsync.adapters.manifests.problems import Fault, Place
from kbsync.adapters.manifests.rows import Rows
from kbsync.adapters.manifests.spreadsheets import RoundedIds, is_error, is_exponent
from kbsync.core.entries import control_character
from kbsync.core.manifest import Desired

__all__ = ("read_csv",)

_ID: Final = ("id",)
_WORDS: Final = {
    "unexpected end of data": "a quotation mark in this row is never closed",
    "expected after": "text follows a closing quotation mark: inside a quoted cell, a quotation mark is written twice",
    "new-line character": "a carriage return stands alone: save the file with LF or CRLF at the ends of lines",
}


def read_csv(file: BinaryIO, intake: Intake) -> Iterator[Desired]:
    """Yield the items of the CSV manifest *file*. There is no limit to its size."""
    if (found := utf16(file)) is not None:
        intake.problems.add((1, 1), "not-utf8", found)
        return
    lines = CsvLines(file, intake.problems)
    # The limit is the process's, and this the only reader of CSV.
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    try:
        delimiter = lines.begin()
        if delimiter in DELIMITERS:
            yield from _items(csv.reader(lines, delimiter=delimiter, strict=True), lines, intake)
            if (fault := lines.doubt.fault()) is not None and not intake.problems.passes(fault.rule):
                intake.problems.add(*fault)
        else:
            intake.problems.add((1, 1), "syntax", "columns are parted by one of , ; | and the tab")
    except LongLineError:
        message = f"the line is longer than {MAX_CELL_CHARACTERS >> 20} MiB"
        intake.problems.add((lines.number, 1), "too-large", message)
    except csv.Error as error:
        intake.problems.add(lines.trail.begin(), "syntax", _in_words(error))
    except UnicodeDecodeError as error:
        column = len(error.object[: error.start].decode("utf-8", "replace")) + 1
        intake.problems.add((lines.number, column), *not_utf8(file))


def _in_words(error: csv.Error) -> str:
    """Return what *error* says, in words for people who write CSV rather than read it by a program."""
    said = str(error)
    return next((words for part, words in _WORDS.items() if part in said), said)


def _items(records: Iterator[list[str]], lines: CsvLines, intake: Intake) -> Iterator[Desired]:
    header = next(records, ())
    if not any(header):
        message = "the first line names the columns: target,dataset,kind,id,…"
        intake.problems.add(lines.trail.begin(), "missing-key", message)
        return
    columns = columns_of(header, lines.trail.cells(), intake.words, intake.problems)
    if columns is not None:
        nameless = [number for number, name in enumerate(header) if not name]
        yield from _Table(columns, nameless, lines, intake).items(records)


class _Table:
    """The rows beneath a header, some of whose columns are *nameless*."""

    def __init__(
        self, columns: Sequence[Column | None], nameless: Sequence[int], lines: CsvLines, intake: Intake
    ) -> None:
        self._columns = columns
        self._nameless = nameless
        self._lines = lines
        self._intake = intake
        self._admit = Rows(intake).admit
        paths = [None if column is None else column.path for column in columns]
        self._id = paths.index(_ID)
        self._allow_empty = paths.index(("allow_empty",)) if ("allow_empty",) in paths else None
        self._identity = frozenset({"id", *intake.words.header_keys})
        lines.trail.columns = columns

    def items(self, records: Iterator[list[str]]) -> Iterator[Desired]:
        lines, problems, trail = self._lines, self._intake.problems, self._lines.trail
        rounded = RoundedIds()
        lines.next_record()
        for cells in records:
            if any(cells):
                faults = self._fit(cells)
                if rounded.see(cells[self._id]):
                    rounded.first = rounded.first or trail.of(_ID)
                row = self._row(cells, faults)
                if not faults:
                    desired = self._admit(row, trail.begin(), trail)
                    if desired is not None:
                        yield desired
                else:
                    with problems.blaming(faults):
                        self._admit(row, trail.begin(), trail)
            lines.next_record()
        if rounded.first is not None and (message := rounded.message()) is not None:
            problems.add(rounded.first, "rounded-id", message)

    def _fit(self, cells: list[str]) -> list[Fault]:
        """Make *cells* as many as there are columns; return a fault for each that has none."""
        missing = len(self._columns) - len(cells)
        faults: list[Fault] = []
        if missing > 0:
            # Spreadsheets leave out what is empty at the end of a row, but never the end of its line.
            if not self._lines.whole:
                message = f"the file ends inside this row, which has {len(cells)} cells of {len(self._columns)}"
                faults.append(Fault(self._lines.trail.begin(), "syntax", message))
            cells.extend([""] * missing)
        if missing < 0 or self._nameless:
            beyond = (*self._nameless, *range(len(self._columns), len(cells)))
            astray = [number for number in beyond if cells[number]]
            places: list[Place] = self._lines.trail.cells() if astray else []
            faults += (Fault(places[number], "syntax", "no column has a name for this cell") for number in astray)
            del cells[len(self._columns) :]
        return faults

    def _row(self, cells: list[str], faults: list[Fault]) -> dict[str, Any]:
        """Return what *cells* say, and add what is wrong with them to *faults*."""
        row: dict[str, Any] = {}
        for number, (column, cell) in enumerate(zip(self._columns, cells, strict=True)):
            if column is None or not cell:
                continue
            if column.parse is None:
                column.put(row, cell)
                if cell[0] == "#" or (cell[-1].isdigit() and column.path[0] in self._identity):
                    self._destroyed(number, column, cell, faults)
                continue
            try:
                column.put(row, column.parse(cell))
            except ValueError as error:
                column.put(row, cell)
                faults.append(self._fault(number, "wrong-type", f"{error} is expected here"))
        if self._allow_empty is not None and TRUTHS.get(cells[self._allow_empty]):
            self._empty(row, cells)
        if self._lines.suspicious:
            self._suspect(cells, faults)
        return row

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
                faults.append(self._fault(number, "control-character", f"the text holds {name}"))

    def _destroyed(self, number: int, column: Column, cell: str, faults: list[Fault]) -> None:
        """Add a fault when a spreadsheet put something else in the place of what *cell* was."""
        if column.path[0] in self._identity and is_exponent(cell):
            message = "a spreadsheet made a rounded number of this id: import its column as text, and take the id anew"
            faults.append(self._fault(number, "bad-id", message))
        elif is_error(cell) and not self._intake.problems.passes("spreadsheet-error"):
            message = f"this is what a spreadsheet says when it takes text for a formula ({cell})"
            faults.append(self._fault(number, "spreadsheet-error", f"{message}: format the column as text"))

    def _fault(self, number: int, rule: str, message: str) -> Fault:
        return Fault(self._lines.trail.cells()[number], rule, message)
