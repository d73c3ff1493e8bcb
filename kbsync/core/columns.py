"""Many entries of one form seen column by column: what can be said of all of them at once costs little for each."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any, Final, TypeAlias

__all__ = ("Column", "Columns", "Pieces", "are_in", "are_integers", "are_texts", "matcher", "woven")

Column: TypeAlias = Sequence[Any]
Columns: TypeAlias = Mapping[tuple[str, ...], Column]
"""The values of entries by their path in them, which is one key, or two where the first holds a mapping.

Each column has the values of all entries, in the same order. All entries have the same paths. They need not be right.
"""

Pieces: TypeAlias = Sequence[str | Iterable[str]]

_TEXT: Final = {str}
_INTEGER: Final = {int}


def are_texts(column: Column, most: int, *, least: int = 1) -> bool:
    """Tell whether all are texts of so many characters, all of which can be seen, and are JSON as they stand."""
    if set(map(type, column)) != _TEXT:
        return False
    lengths = set(map(len, column))
    if min(lengths) < least or max(lengths) > most:
        return False
    text = "".join(column)
    return text.isprintable() and '"' not in text and "\\" not in text


def are_in(column: Column, values: range) -> bool:
    """Tell whether all are integers (true and false are none) and among *values*."""
    return are_integers(column) and min(column) in values and max(column) in values


def are_integers(column: Column) -> bool:
    """Tell whether all are integers; true and false are none."""
    return set(map(type, column)) == _INTEGER


def matcher(pattern: str) -> Callable[[Column], bool]:
    """Return what tells whether all are texts that *pattern* matches, which has no group and matches no line break."""
    lines = re.compile(f"(?:{pattern}\n)*")

    def match(column: Column) -> bool:
        if set(map(type, column)) != _TEXT:
            return False
        text = "\n".join(column)
        return text.count("\n") == len(column) - 1 and lines.fullmatch(text + "\n") is not None

    return match


def woven(pieces: Pieces) -> list[str]:
    """Return the texts whose *pieces* are columns, or texts that all of them share. There is a column among them."""
    return list(map("".join, zip(*(repeat(piece) if isinstance(piece, str) else piece for piece in pieces))))  # noqa: B905 - what is shared has no end
