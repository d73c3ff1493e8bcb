"""Results: rows of numbers, their medians, and the table."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

__all__ = ("Rounds", "Row", "cell_text", "table")


@dataclass(slots=True)
class Rounds:
    """The same measurements of several contenders, round by round."""

    numbers: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def add(self, contender: str, **measured: float | None) -> None:
        """Add one round's numbers of *contender*."""
        mine = self.numbers.setdefault(contender, {})
        for name, number in measured.items():
            if number is not None:
                mine.setdefault(name, []).append(number)

    def median(self, contender: str, name: str) -> float | None:
        """Return the median of all rounds."""
        numbers = self.numbers.get(contender, {}).get(name)
        return median(numbers) if numbers else None

    def ratio(self, one: tuple[str, str], other: tuple[str, str]) -> float | None:
        """Return the median of the rounds' own ratios: what disturbs a round disturbs both sides of it."""
        ours = self.numbers.get(one[0], {}).get(one[1], [])
        theirs = self.numbers.get(other[0], {}).get(other[1], [])
        ratios = [a / b for a, b in zip(ours, theirs, strict=False) if b]
        return median(ratios) if ratios else None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: *cells* by column, numbers or texts."""

    name: str
    cells: Mapping[str, float | str | None]

    def plain(self) -> dict[str, Any]:
        """Return the row for JSON."""
        return {"name": self.name, **self.cells}


def table(title: str, rows: Sequence[Row]) -> str:
    """Return *rows* as text, columns in order of appearance."""
    columns = list(dict.fromkeys(column for row in rows for column in row.cells))
    lines = [["", *columns], *([row.name, *(cell_text(row.cells.get(column)) for column in columns)] for row in rows)]
    widths = [max(_width(line[n]) for line in lines) for n in range(len(columns) + 1)]
    return "\n".join((title, *(_line(line, widths) for line in lines), ""))


def _line(cells: Iterable[str], widths: Sequence[int]) -> str:
    first, *rest = [(cell, " " * (width - _width(cell))) for cell, width in zip(cells, widths, strict=True)]
    return "  ".join(("  " + first[0] + first[1], *(space + cell for cell, space in rest))).rstrip()


def cell_text(value: float | str | None) -> str:
    """Return *value* as a table shows it: three digits, or all before the point."""
    match value:
        case None:
            return ""
        case str():
            return value
        case int():
            return f"{value:,}"
        case _ if value >= 100:
            return f"{value:,.0f}"
        case _:
            return f"{value:.3g}"


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
