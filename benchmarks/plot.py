"""A small picture of numbers that should not grow: SVG, a panel for each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log10
from typing import Final
from xml.sax.saxutils import escape

from benchmarks.table import cell_text

__all__ = ("Panel", "plot")

_WIDTH: Final = 360
_HEIGHT: Final = 200
# Around the area of a panel: for its title, and for the numbers beside and below it.
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 22, 34, 40
# Between the axis and the first point.
_INSET: Final = 24
_COLUMNS: Final = 2
# What counts as constant, and how much more is shown.
_BAND: Final = 1.25
_ROOM: Final = 1.6
_STYLE: Final = (
    "text{font:12px sans-serif;fill:#333}.title{font-weight:bold}.axis{stroke:#999}"
    ".band{fill:#d8e8d8}.line{stroke:#1f5fa8;fill:none;stroke-width:2}.point{fill:#1f5fa8}"
)


@dataclass(frozen=True, slots=True)
class Panel:
    """One number, *title*, by size: (size, number) with sizes that grow."""

    title: str
    points: Sequence[tuple[float, float]]


def plot(panels: Sequence[Panel]) -> str:
    """Return the SVG of *panels*, two in a row: sizes grow by tenfold, numbers from 0.

    The band goes from a panel's least number to a quarter above it. Noise below 0 is drawn as 0.
    """
    rows = -(-len(panels) // _COLUMNS)
    width, height = _WIDTH * _COLUMNS, _HEIGHT * rows
    drawn = "\n".join(
        f'<g transform="translate({_WIDTH * (n % _COLUMNS)} {_HEIGHT * (n // _COLUMNS)})">{"".join(_shapes(panel))}</g>'
        for n, panel in enumerate(panels)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">\n'
        f'<style>{_STYLE}</style>\n<rect width="100%" height="100%" fill="#fff"/>\n{drawn}\n</svg>\n'
    )


def _shapes(panel: Panel) -> Iterator[str]:
    sizes, numbers = [log10(size) for size, _ in panel.points], [max(0.0, number) for _, number in panel.points]
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    span = sizes[-1] - sizes[0] or 1.0
    least, most = min(numbers), max(*numbers, min(numbers) * _BAND) * _ROOM / _BAND or 1.0

    def across(size: float) -> float:
        return round(_LEFT + _INSET + (right - _LEFT - 2 * _INSET) * (size - sizes[0]) / span, 1)

    def up(number: float) -> float:
        return round(bottom - (bottom - _TOP) * number / most, 1)

    band = up(least) - up(least * _BAND)
    yield f'<text class="title" x="{_LEFT}" y="20">{escape(panel.title)}</text>'
    yield f'<rect class="band" x="{_LEFT}" y="{up(least * _BAND)}" width="{right - _LEFT}" height="{band:.1f}"/>'
    yield f'<path class="axis" fill="none" d="M{_LEFT} {_TOP}V{bottom}H{right}"/>'
    yield f'<text x="{_LEFT - 6}" y="{bottom + 4}" text-anchor="end">0</text>'
    yield f'<text x="{_LEFT - 6}" y="{up(least) + 4}" text-anchor="end">{cell_text(least)}</text>'
    places = [(across(size), up(number)) for size, number in zip(sizes, numbers, strict=True)]
    yield f'<polyline class="line" points="{" ".join(f"{x},{y}" for x, y in places)}"/>'
    for (x, y), (size, number) in zip(places, panel.points, strict=True):
        yield f'<circle class="point" cx="{x}" cy="{y}" r="4"/>'
        yield f'<text x="{x}" y="{y - 9:.1f}" text-anchor="middle">{cell_text(number)}</text>'
        yield f'<text x="{x}" y="{bottom + 18}" text-anchor="middle">{size:,.0f}</text>'
    yield f'<text x="{(_LEFT + right) / 2}" y="{bottom + 34}" text-anchor="middle">items</text>'
