"""Items as a table: which columns there are, what stands in them, and what a table cannot say.

A cell holds exactly the text that is declared: what a spreadsheet takes for a formula is text for kbsync.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from kbsync.adapters.manifests.csv_encodings import BOM
from kbsync.adapters.manifests.csv_form import csv_line
from kbsync.adapters.manifests.order import row_keys
from kbsync.adapters.manifests.problems import shown
from kbsync.adapters.manifests.shapes import as_mapping
from kbsync.adapters.manifests.spreadsheets import is_error
from kbsync.adapters.manifests.vocabulary import KindWords, Words
from kbsync.core.items import Source
from kbsync.core.rules import Problem

__all__ = ("Table", "cell_of", "typed")

RULE: Final = "not-in-csv"
# The types of plain values; a text needs no type.
_TYPES: Final[Mapping[type, str]] = {str: "string", bool: "bool", int: "int64", float: "float32"}
_ADVICE: Final = "write JSON Lines (.jsonl) instead"


class Table:
    """The columns that some rows need. Rows are looked at first, all of them, and then written."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._keys = row_keys(words.targets.values())
        # Each column with its type and who was first to have it.
        self._columns: dict[tuple[str, ...], tuple[str, Source]] = {}
        self._is_ascii = True

    def look(self, row: Mapping[str, Any], source: Source) -> Iterator[Problem]:
        """Make room for *row*, and yield what of it no cell can say."""
        for name, inner in (as_mapping(row.get("meta")) or {}).items():
            if inner is None:
                yield Problem(source, RULE, f"{shown(f'meta.{name}')} is to be removed, which no cell says: {_ADVICE}")
        for path, type_, cell in self._cells(row):
            earlier, first = self._columns.setdefault(path, (type_, source))
            name = shown(".".join(path))
            if earlier != type_:
                message = f"{name} is {type_} here and {earlier} at {first}, and a column has one type"
                yield Problem(source, RULE, f"{message}: convert one container at a time, or {_ADVICE}")
            self._is_ascii = self._is_ascii and cell.isascii() and name.isascii()
            if is_error(cell):
                message = f"{name} is {cell}, which in CSV is an error of a spreadsheet"
                yield Problem(source, RULE, f"{message}: {_ADVICE}")
            if not cell and len(path) > 1:
                yield Problem(source, RULE, f"{name} is an empty text, and an empty cell says nothing: {_ADVICE}")

    def look_again(self, row: Mapping[str, Any], source: Source) -> Iterator[Problem]:
        """Yield what *row* would say by mistake, when all columns are known.

        Where `allow_empty` stands, every empty cell is an empty text.
        """
        if not row.get("allow_empty"):
            return
        for key in self._texts_of(row):
            if key not in row and (key,) in self._columns:
                message = f"`allow_empty` would empty {shown(key)} in CSV, which is not declared here"
                yield Problem(source, RULE, f"{message}: leave `allow_empty` out, or {_ADVICE}")

    def lines(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
        """Yield the header, and the record of each of *rows*.

        Spreadsheets, and kbsync in doubt, know by a mark at the beginning that what is not ASCII is UTF-8.
        """
        paths = self._in_order()
        if not self._is_ascii:
            yield BOM
        yield csv_line([self._name(path) for path in paths])
        for row in rows:
            cells = {path: cell for path, _, cell in self._cells(row)}
            yield csv_line([cells.get(path, "") for path in paths])

    def _cells(self, row: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str, str]]:
        """Yield where each value of *row* stands, its type, and the text of the cell."""
        for key, value in row.items():
            mapping = as_mapping(value)
            for inner, written in () if mapping is None else mapping.items():
                if written is None:
                    continue
                told = as_mapping(written)
                type_, plain = typed(written) if told is None else (told["type"], told["value"])
                yield (key, inner), type_ if self._keys[key].open else "", cell_of(plain)
            if mapping is None:
                yield (key,), "", cell_of(value)

    def _texts_of(self, row: Mapping[str, Any]) -> Iterator[str]:
        words: KindWords = self._words.targets[row["target"]].by_kind[row["kind"]]
        return (key for key, shape in words.shape.keys.items() if shape.text and key != "id")

    def _in_order(self) -> list[tuple[str, ...]]:
        ranks = {key: rank for rank, key in enumerate(self._keys)}
        seen = {path: number for number, path in enumerate(self._columns)}

        def rank(path: tuple[str, ...]) -> tuple[int, int]:
            within = list(self._keys[path[0]].keys)
            return ranks[path[0]], within.index(path[1]) if within else seen[path]

        always = {("target",), ("kind",), ("id",)}
        return sorted(always | self._columns.keys(), key=rank)

    def _name(self, path: tuple[str, ...]) -> str:
        name = ".".join(path)
        type_, _ = self._columns.get(path, ("", None))
        # A colon in a name would be taken for the one before a type.
        return f"{name}:{type_}" if type_ and (type_ != "string" or ":" in name) else name


def typed(plain: Any) -> tuple[str, Any]:
    """Return the type that a *plain* meta value has, and the value."""
    if isinstance(plain, list):
        return f"list<{_TYPES[type(plain[0])]}>", plain  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType]
    return _TYPES[type(plain)], plain


def cell_of(value: Any) -> str:
    """Return the text of the cell that says *value*."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False)
