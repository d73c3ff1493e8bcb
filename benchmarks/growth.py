"""Does `kbsync plan` take as long, and as much memory, for an item of many as for one of few?

What a plan of one item takes is taken off. JSON Lines is one file, YAML two, each of one container.
"""

from pathlib import Path
from typing import Final

from benchmarks.children import on_all_cores
from benchmarks.manifests import changed_ids
from benchmarks.planning import EMPTY, one_item
from benchmarks.plans import cold, plan, tree_peak_mb
from benchmarks.table import Rounds, Row, table
from benchmarks.workspaces import workspace

__all__ = ("MEMORY", "TIME", "measure_growth")

TIME: Final = "µs an item"
_CPU: Final = "CPU µs an item"
MEMORY: Final = "bytes an item"
_FILES: Final = {"JSON Lines": 1, "YAML": 2}
# What each is made of, a million of its units at a time, and what its growth is called.
_MEASURED: Final = {TIME: ("s", "time"), _CPU: ("cpu_s", "CPU"), MEMORY: ("mb", "memory")}


def measure_growth(folder: Path, sizes: dict[str, tuple[int, ...]], rounds: int) -> tuple[str, list[Row]]:
    """Return the table and its rows: a plan of each of *sizes* of each format, one item in a hundred changed."""
    found = Rounds()
    empty = one_item(folder)
    cases = [(form, items) for form, counts in sizes.items() for items in counts]
    places = {(form, items): workspace(folder, form, items, _FILES[form]) for form, items in cases}
    with on_all_cores():
        for _ in range(rounds):
            spent = plan(empty, *cold(), items=1, changed=())
            found.add(EMPTY, s=spent.wall_s, cpu_s=spent.cpu_s, mb=tree_peak_mb(empty, *cold()))
            for (form, items), place in places.items():
                spent = plan(place, *cold(), items=items, changed=changed_ids(items))
                mb = tree_peak_mb(place, *cold())
                found.add(_name(form, items), s=spent.wall_s, cpu_s=spent.cpu_s, mb=mb)

    rows = [Row(EMPTY, {"items": 1, "s": found.median(EMPTY, "s"), "MB in all": found.median(EMPTY, "mb")})]
    rows += [_row(found, form, items, sizes[form]) for form, items in cases]
    return table("Growth of a cold plan, net of a plan of one item, and over the least of its format", rows), rows


def _row(found: Rounds, form: str, items: int, sizes: tuple[int, ...]) -> Row:
    name = _name(form, items)
    cells: dict[str, float | str | None] = {
        "items": items,
        "s": found.median(name, "s"),
        "MB in all": found.median(name, "mb"),
    }
    for column, (measured, growing) in _MEASURED.items():
        mine = _each(found, form, items, measured)
        least = min((each for each in (_each(found, form, one, measured) for one in sizes) if each), default=None)
        cells[column] = mine
        cells[f"{growing} over the least"] = f"{mine / least:.2f}×" if mine and least else None
    return Row(name, cells)


def _each(found: Rounds, form: str, items: int, measured: str) -> float | None:
    """Return the millionths of what was *measured* for each of so many *items*, net.

    Of medians: what is taken off is more than what is left of a small plan, so that one round says little.
    """
    whole, base = found.median(_name(form, items), measured), found.median(EMPTY, measured)
    return None if whole is None or base is None else (whole - base) / items * 1e6


def _name(form: str, items: int) -> str:
    return f"{form}, {items:,} items"
