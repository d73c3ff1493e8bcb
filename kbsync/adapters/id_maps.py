"""Id maps read again: CSV as spreadsheets and people leave it."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from kbsync.adapters.manifests.csv_encodings import not_utf8, utf16
from kbsync.adapters.manifests.csv_lines import DELIMITERS, MAX_CELL_CHARACTERS, CsvLines, LongLineError
from kbsync.adapters.manifests.files import UnreadableError, open_regular
from kbsync.adapters.manifests.problems import FileProblems, TooManyErrors, shown
from kbsync.adapters.manifests.spreadsheets import is_exponent
from kbsync.core.rules import Problem, Rule

__all__ = ("read_id_map",)

_NEEDED: Final = ("from_id", "to_id")


def read_id_map(
    path: Path, rules: Mapping[str, Rule], allow: frozenset[str]
) -> tuple[dict[tuple[str, str], str], Sequence[Problem]]:
    """Return the ids there by kind and id here that the CSV file at *path* tells, and everything that is wrong with it.

    The columns `from_id` and `to_id` are needed, of `kind` an empty cell is any kind, others are not looked at. A row
    without one of both ids tells nothing.
    """
    found: list[Problem] = []
    problems = FileProblems(str(path), found, rules, allow)
    told: dict[tuple[str, str], str] = {}
    try:
        with open_regular(path) as file:
            if (why := utf16(file)) is not None:
                problems.add((1, 1), "not-utf8", why)
            else:
                _Map(CsvLines(file, problems), problems, told).read(file)
    except UnreadableError as error:
        problems.add((1, 1), "unreadable-file", str(error))
    except OSError as error:
        problems.add((1, 1), "unreadable-file", f"the file cannot be read: {error.strerror or error}")
    except TooManyErrors:
        pass
    problems.close()
    return told, found


class _Map:
    """The rows of one file, put into *told*."""

    def __init__(self, lines: CsvLines, problems: FileProblems, told: dict[tuple[str, str], str]) -> None:
        self._lines = lines
        self._problems = problems
        self._told = told
        self._here: dict[tuple[str, str], int] = {}
        self._there: dict[tuple[str, str], int] = {}

    def read(self, file: BinaryIO) -> None:
        """Read all of *file*."""
        csv.field_size_limit(MAX_CELL_CHARACTERS)
        try:
            delimiter = self._lines.begin()
            if delimiter in DELIMITERS:
                self._rows(csv.reader(self._lines, delimiter=delimiter, strict=True))
            else:
                self._problems.add((1, 1), "syntax", "columns are parted by one of , ; | and the tab")
        except LongLineError:
            self._problems.add((self._lines.number, 1), "too-large", "the line is longer than any id map needs")
        except csv.Error as error:
            self._problems.add(self._lines.trail.begin(), "syntax", str(error))
        except UnicodeDecodeError:
            self._problems.add((self._lines.number, 1), *not_utf8(file))

    def _rows(self, records: Iterator[list[str]]) -> None:
        header = next(records, list[str]())
        missing = [name for name in _NEEDED if name not in header]
        if missing:
            message = f"an id map has the columns from_id and to_id; missing: {', '.join(missing)}"
            self._problems.add(self._lines.trail.begin(), "missing-key", message)
            return
        columns = [header.index(name) if name in header else None for name in ("kind", *_NEEDED)]
        self._lines.next_record()
        for cells in records:
            kind, here, there = (
                cells[column].strip() if column is not None and column < len(cells) else "" for column in columns
            )
            if here and there:
                self._take(kind, here, there, columns[1:])
            self._lines.next_record()

    def _take(self, kind: str, here: str, there: str, columns: Sequence[int | None]) -> None:
        line = self._lines.trail.line
        for id_, column in zip((here, there), columns, strict=True):
            if column is not None and is_exponent(id_):
                message = "a spreadsheet made a rounded number of this id: import its column as text"
                self._problems.add(self._lines.trail.cells()[column], "bad-id", message)
        for id_, seen in ((here, self._here), (there, self._there)):
            first = seen.setdefault((kind, id_), line)
            if first != line:
                message = f"{shown(id_)} is paired twice: first in line {first}"
                self._problems.add(self._lines.trail.begin(), "duplicate-item", message)
        self._told[kind, here] = there
