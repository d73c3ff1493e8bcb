"""Many rows in one statement.

The writer's thread gives the interpreter away at every step of a statement and has to win it back from the event loop.
`executemany` takes a step for each row; a statement that holds many rows takes one.
"""

import sqlite3
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, Final

__all__ = ("Rows",)

# Largest first.
_SIZES: Final = (256, 128, *range(64, 8, -8), *range(8, 0, -1))


class Rows:
    """A statement about any number of rows.

    *text* makes the SQL from the row placeholders `(?, …), (?, …)`, each row *width* values wide. SQL is made for
    a few sizes only, so that SQLite's prepared statements are used again: two of them make any number up to 71.
    """

    def __init__(self, width: int, text: Callable[[str], str]) -> None:
        row = f"({', '.join('?' * width)})"
        self._texts = {size: text(", ".join([row] * size)) for size in _SIZES}

    def run(self, connection: sqlite3.Connection, rows: Sequence[Sequence[Any]]) -> list[Any]:
        """Execute the statement for all *rows*, in their order; return the first result row of each execution."""
        results: list[Any] = []
        start, left = 0, len(rows)
        while left:
            size = next(size for size in _SIZES if size <= left)
            values = tuple(chain.from_iterable(rows[start : start + size]))
            results.append(connection.execute(self._texts[size], values).fetchone())
            start += size
            left -= size
        return results
