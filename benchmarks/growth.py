"""Does `kbsync plan` take as long, and as much memory, for an item of many as for one of few?

What a plan of one item takes is taken off. JSON Lines is one file, YAML two, each of one container. All of it runs on
one core: what several share takes less time for an item, however its number grows.
"""

from pathlib import Path
from typing import Final

from benchmarks.manifests import changed_ids
from benchmarks.planning import EMPTY, one_item
from benchmarks.plans import MB_PER_MIB, cold, plan
from benchmarks.table import Rounds, Row, table
from benchmarks.workspaces import workspace

__all__ = ("MEMORY", "TIME", "measure_growth")

TIME: Final = "µs an item"
MEMORY: Final = "bytes an item"
_FILES: Final = {"JSON Lines": 1, "YAML": 2}
# What each is made of, a million of its units at a time, and what its growth is called.
_MEASURED: Final = {TIME: ("s", "time"), MEMORY: ("mb", "memory")}


def measure_growth(folder: Path, sizes: dict[str, tuple[int, ...]], rounds: int) -> tuple[str, list[Row]]:
    """Return the table and its rows: a plan of each of *sizes* of each format, one item in a hundred changed."""
    found = Rounds()
    empty = one_item(folder)
    cases = [(form, items) for form, counts in sizes.items() for items in counts]
    places = {(form, items): workspace(folder, form, items, _FILES[form]) for form, items in cases}
    for _ in range(rounds):
        spent = plan(empty, *cold(), items=1, changed=())
        found.add(EMPTY, s=spent.wall_s, mb=spent.peak_mib * MB_PER_MIB)
        for (form, items), place in places.items():
            spent = plan(place, *cold(), items=items, changed=changed_ids(items))
            found.add(_name(form, items), s=spent.wall_s, mb=spent.peak_mib * MB_PER_MIB)

    rows = [Row(EMPTY, {"items": 1, "s": found.median(EMPTY, "s"), "MB": found.median(EMPTY, "mb")})]
    rows += [_row(found, form, items, sizes[form]) for form, items in cases]
    return table("Growth of a cold plan, net of a plan of one item, and over the least of its format", rows), rows


def _row(found: Rounds, form: str, items: int, sizes: tuple[int, ...]) -> Row:
    name = _name(form, items)
    cells: dict[str, float | str | None] = {
        "items": items,
        "s": found.median(name, "s"),
        "MB": found.median(name, "mb"),
    }
    for column, (measured, growing) in _MEASURED.items():
        mine = _each(found, form, items, measured)
        least = min((each for each in (_each(found, form, one, measured) for one in sizes) if each), default=None)
        cells[column] = mine
        cells[f"{growing} over the least"] = f"{mine / least:.2f}×" if mine and least else None
    cells["bytes each further item"] = _further(
        found, form, items, max((one for one in sizes if one < items), default=1)
    )
    return Row(name, cells)


def _each(found: Rounds, form: str, items: int, measured: str) -> float | None:
    """Return the millionths of what was *measured* for each of so many *items*, net.

    Of medians: what is taken off is more than what is left of a small plan, so that one round says little.
    """
    whole, base = found.median(_name(form, items), measured), found.median(EMPTY, measured)
    return None if whole is None or base is None else (whole - base) / items * 1e6


def _further(found: Rounds, form: str, items: int, fewer: int) -> float | None:
    """Return the bytes that each item takes beyond those of a plan of *fewer*: what does not grow is in neither."""
    more = found.median(_name(form, items), "mb")
    less = found.median(EMPTY if fewer == 1 else _name(form, fewer), "mb")
    return None if more is None or less is None else (more - less) / (items - fewer) * 1e6


def _name(form: str, items: int) -> str:
    return f"{form}, {items:,} items"
