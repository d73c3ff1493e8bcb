"""Changes of cells in the text of a CSV manifest; all others stay as they were written."""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Final

from kbsync.adapters.manifests.csv_columns import Column, columns_of
from kbsync.adapters.manifests.csv_form import csv_cell
from kbsync.adapters.manifests.csv_layout import cell_of, typed
from kbsync.adapters.manifests.csv_lines import MAX_CELL_CHARACTERS, CsvLines
from kbsync.adapters.manifests.problems import FileProblems, Path, Place
from kbsync.adapters.manifests.shapes import as_mapping
from kbsync.adapters.manifests.spots import Amendment, Edit, Refusal, Wishes
from kbsync.adapters.manifests.spreadsheets import is_error
from kbsync.adapters.manifests.vocabulary import Words
from kbsync.core.rules import CORE_RULES, by_id

__all__ = ("amend_csv",)

_QUOTED: Final = re.compile(r'"(?:[^"]|"")*"')
_ALLOW_EMPTY: Final = ("allow_empty",)
_NO_COLUMN: Final = "the file has no column for it"
_NO_ROOM: Final = "its column cannot say it"


def amend_csv(file: BinaryIO, words: Words, allow: frozenset[str], wishes: Wishes) -> Amendment:
    """Return what makes the rows of *file*, which was read without a mistake, say what *wishes* has for them."""
    done = Amendment([], [])
    table = _Table(file, words, allow)
    for place in table.records():
        if place in wishes:
            cells, refused = table.cells(wishes[place])
            done.refused.extend(Refusal(place, path, why) for path, why in refused)
            done.edits.extend(table.edits(cells))
    return done


class _Table:
    """The rows of *file* and their bytes."""

    def __init__(self, file: BinaryIO, words: Words, allow: frozenset[str]) -> None:
        problems = FileProblems("", [], by_id(CORE_RULES), allow)
        self._lines = CsvLines(file, problems)
        self._delimiter = self._lines.begin()
        self._bare = re.compile(rf"[^{re.escape(self._delimiter)}\r\n]*")
        csv.field_size_limit(MAX_CELL_CHARACTERS)
        self._reader = csv.reader(self._lines, delimiter=self._delimiter, strict=True)
        header = next(self._reader)
        columns = columns_of(header, self._lines.trail.cells(), words, problems)
        assert columns is not None
        self._columns: Sequence[Column | None] = columns
        self._numbers = {column.path: number for number, column in enumerate(columns) if column is not None}

    def records(self) -> Iterator[Place]:
        """Yield the place of every record beneath the header, while it is the one that is read."""
        self._lines.next_record()
        for _ in self._reader:
            yield self._lines.trail.begin()
            self._lines.next_record()

    def cells(self, wishes: Mapping[Path, Any]) -> tuple[dict[int, str], list[tuple[Path, str]]]:
        """Return the cells that say *wishes*, by column, and the wishes that no cell can say."""
        cells: dict[int, str] = {}
        refused: list[tuple[Path, str]] = []
        cannot_empty = _ALLOW_EMPTY in wishes and _ALLOW_EMPTY not in self._numbers
        for path, value in wishes.items():
            parts = self._parts(tuple(map(str, path)), value)
            if parts is None or (value == "" and cannot_empty):
                refused.append((path, _NO_COLUMN))
                continue
            found = {self._numbers[keys]: cell_of(plain) for keys, (_, plain) in parts.items()}
            if all(self._says(keys, *part) for keys, part in parts.items()):
                cells |= found
            else:
                refused.append((path, _NO_ROOM))
        return cells, refused

    def edits(self, cells: Mapping[int, str]) -> Iterator[Edit]:
        """Yield what puts *cells*, by column, into the record that is read."""
        data = b"".join(self._lines.raw)
        begin = self._lines.end - len(data)
        spans = self._spans(data)
        for number, cell in sorted(cells.items()):
            if number < len(spans):
                start, end = spans[number]
                yield Edit(begin + start, begin + end, csv_cell(cell).encode(self._lines.encoding))
        # Spreadsheets leave out what is empty at the end of a row.
        added = [cells.get(number, "") for number in range(len(spans), max(cells, default=-1) + 1)]
        if added:
            text = "".join(self._delimiter + csv_cell(cell) for cell in added)
            end = begin + spans[-1][1]
            yield Edit(end, end, text.encode(self._lines.encoding))

    def _parts(self, path: tuple[str, ...], value: Any) -> dict[tuple[str, ...], tuple[str, Any]] | None:
        """Return the columns that *value* at *path* stands in, with type and value; None when there is none."""
        parts = as_mapping(value)
        if path in self._numbers:
            told = typed(value) if parts is None else (parts["type"], parts["value"])
            return {path: told}
        found = {(*path, key): typed(one) for key, one in (parts or {}).items()}
        return found if found and found.keys() <= self._numbers.keys() else None

    def _says(self, keys: tuple[str, ...], type_: str, plain: Any) -> bool:
        """Tell whether the cell of *plain* says it, and its type, in the column of *keys*."""
        column, cell = self._columns[self._numbers[keys]], cell_of(plain)
        assert column is not None
        if is_error(cell) or (not cell and len(keys) > 1):
            return False
        try:
            read = cell if column.parse is None else column.parse(cell)
        except ValueError:
            return False
        told = as_mapping(read)
        return (type_, plain) == (typed(read) if told is None else (told["type"], told["value"]))

    def _spans(self, data: bytes) -> list[tuple[int, int]]:
        """Return where each cell of the record *data* begins and ends, in bytes."""
        encoding = self._lines.encoding
        text = data.decode(encoding)
        spans: list[tuple[int, int]] = []
        at = 0
        while True:
            match = _QUOTED.match(text, at) or self._bare.match(text, at)
            assert match is not None
            begin = len(text[:at].encode(encoding))
            spans.append((begin, begin + len(match[0].encode(encoding))))
            at = match.end()
            if text[at : at + 1] != self._delimiter:
                return spans
            at += 1
