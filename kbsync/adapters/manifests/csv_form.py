"""A CSV manifest as somebody wrote it, to be put in order and written again as UTF-8."""

import csv
import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final

from kbsync.adapters.manifests.csv_encodings import BOM
from kbsync.adapters.manifests.csv_lines import DELIMITERS, MAX_CELL_CHARACTERS, CsvLines
from kbsync.adapters.manifests.problems import FileProblems
from kbsync.core.rules import CORE_RULES, by_id

__all__ = ("CsvForm", "csv_cell", "csv_line")

# Whatever another reader could take for the end of a cell is in quotation marks.
_QUOTED: Final = re.compile(f'["\r\n{DELIMITERS}]')


class CsvForm:
    """The text of *file*, which has no mistake when the rules in *allow* are lifted.

    `names` are those of its columns, without the nameless, which hold nothing.
    """

    def __init__(self, file: BinaryIO, allow: frozenset[str]) -> None:
        marked = file.read(len(BOM)) == BOM
        file.seek(0)
        self._lines = CsvLines(file, FileProblems("", [], by_id(CORE_RULES), allow))
        self._delimiter = self._lines.begin()
        self._is_declared = self._lines.number > 1
        # Spreadsheets know by the mark that the text is UTF-8; where it was not, it has to be said now.
        self._mark = BOM if marked or self._lines.encoding != "utf-8" else b""
        csv.field_size_limit(MAX_CELL_CHARACTERS)
        self._records = csv.reader(self._lines, delimiter=self._delimiter, strict=True)
        header = next(self._records)
        self._numbers = [number for number, name in enumerate(header) if name]
        self.names = [header[number] for number in self._numbers]

    def rows(self) -> Iterator[list[str]]:
        """Yield the cells of each row that has any, one for each of the names."""
        for cells in self._records:
            if any(cells):
                yield [cells[number] if number < len(cells) else "" for number in self._numbers]
            self._lines.next_record()

    def begin(self) -> bytes:
        """Return what stands above the header."""
        return self._mark + (f"sep={self._delimiter}\n".encode() if self._is_declared else b"")

    def line(self, cells: Sequence[str]) -> bytes:
        """Return *cells* as a record."""
        return csv_line(cells, self._delimiter)


def csv_line(cells: Sequence[str], delimiter: str = DELIMITERS[0]) -> bytes:
    """Return *cells* as a record of CSV."""
    return (delimiter.join(map(csv_cell, cells)) + "\n").encode()


def csv_cell(cell: str) -> str:
    """Return *cell* as it stands in a record, whatever parts the cells."""
    return '"' + cell.replace('"', '""') + '"' if _QUOTED.search(cell) else cell
