"""A cold `kbsync plan` beside floors: bare parser loops over the same files.

Nothing is kept from an earlier plan; the files are in the system's cache, as they are for the floors. Kbsync may use
every core, a floor is one thread.
"""

import json
import sys
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.children import child, on_all_cores
from benchmarks.manifests import changed_ids
from benchmarks.plans import MB_PER_MIB, cold, plan, tree_peak_mb
from benchmarks.table import Rounds, Row, table
from benchmarks.workspaces import workspace

__all__ = ("EMPTY", "measure_plan", "one_item")

EMPTY: Final = "kbsync plan, one item"


class _Case(NamedTuple):
    """A format in so many files, what it is measured by, and what is wanted."""

    form: str
    files: int
    floor: str
    most_times: float
    most_mb: int

    @property
    def name(self) -> str:
        """What its row is called."""
        return f"kbsync plan, {self.form}"


_CASES: Final = (
    _Case("JSON Lines", 1, "bare orjson line loop", 5.0, 600),
    _Case("YAML", 2, "bare libyaml event loop", 1.8, 150),
)


def measure_plan(folder: Path, json_lines: int, yaml: int, rounds: int) -> tuple[str, list[Row]]:
    """Return the table and its rows. The state knows all of so many items, and one in a hundred has changed since."""
    items = {"JSON Lines": json_lines, "YAML": yaml}
    found = Rounds()
    empty = one_item(folder)
    places = {case: workspace(folder, case.form, items[case.form], case.files) for case in _CASES}
    with on_all_cores():
        for _ in range(rounds):
            base = plan(empty, *cold(), items=1, changed=())
            found.add(EMPTY, s=base.wall_s, cpu_s=base.cpu_s, mb=base.peak_mib * MB_PER_MIB)
            found.add(EMPTY, tree_mb=tree_peak_mb(empty, *cold()))
            for case, place in places.items():
                spent = plan(place, *cold(), items=items[case.form], changed=changed_ids(items[case.form]))
                told = json.loads(child(sys.executable, "-m", "benchmarks.floors", case.form, str(place)).out)
                found.add(case.name, s=spent.wall_s, cpu_s=spent.cpu_s, mb=spent.peak_mib * MB_PER_MIB)
                found.add(case.name, net_s=spent.wall_s - base.wall_s, tree_mb=tree_peak_mb(place, *cold()))
                found.add(case.floor, s=told["wall_s"], cpu_s=told["cpu_s"])

    rows = [Row(EMPTY, _cells(found, EMPTY))]
    for case in _CASES:
        rows += [Row(case.name, _cells(found, case.name, case)), Row(case.floor, _cells(found, case.floor))]
    return table(f"Cold plan of {json_lines:,} items in JSON Lines, {yaml:,} in YAML, 1 % changed", rows), rows


def one_item(folder: Path) -> Path:
    """Return a workspace in which a plan has next to nothing to do: what it takes all the same is taken off others."""
    return workspace(folder, "JSON Lines", 1, 1, in_sync=True)


def _cells(found: Rounds, name: str, case: _Case | None = None) -> dict[str, float | str | None]:
    by_clock = net = by_cpu = None
    if case is not None:
        floor = (case.floor, "s")
        by_clock, net = found.ratio((name, "s"), floor), found.ratio((name, "net_s"), floor)
        by_cpu = found.ratio((name, "cpu_s"), (case.floor, "cpu_s"))
    return {
        "s": found.median(name, "s"),
        "CPU s": found.median(name, "cpu_s"),
        "of the floor": _times(by_clock),
        "net": _times(net),
        "CPU": _times(by_cpu),
        "wanted": case and f"{case.most_times:g}×",
        "MB in all": found.median(name, "tree_mb"),
        "MB in one process": found.median(name, "mb"),
        "MB wanted": case and f"{case.most_mb}",
    }


def _times(ratio: float | None) -> str | None:
    return None if ratio is None else f"{ratio:.2f}×"
