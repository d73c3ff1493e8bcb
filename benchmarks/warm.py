"""`kbsync plan` where an earlier plan read the same manifests: nothing edited since, or one file of many.

JSON Lines, because it is the form for this many items, and because of all forms it is read fastest: a plan that reads
nothing is hardest to beat with it. YAML stands beside it. Nothing of a plan of one item is counted, in neither time.
"""

import re
import shutil
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.children import Spent, on_all_cores
from benchmarks.planning import EMPTY, one_item
from benchmarks.plans import cold, plan
from benchmarks.table import Rounds, Row, table
from benchmarks.workspaces import workspace

__all__ = ("measure_warm",)

# What is done before a plan, and how much of the cold one's time it may take.
_COLD: Final = "cold"
_EDITED: Final = "one file edited"
_WANTED: Final = {"nothing edited": "5 %", _EDITED: "6 %"}
_ID: Final = re.compile(r'id"?: ?"(\w+)"')


class _Case(NamedTuple):
    """So many items in so many files of a format, and those that were edited, by id."""

    form: str
    place: Path
    items: int
    edited: set[str]

    def plan(self, *options: str) -> Spent:
        """Plan, and see that it is right."""
        return plan(self.place, *options, items=self.items, changed=self.edited)

    def edit(self, round_: int) -> None:
        """Change a caption to another of the same length."""
        # The first half of the files has captions.
        files = sorted((self.place / "manifests").iterdir())
        path = files[round_ * 7 % (len(files) // 2)]
        before, told, after = path.read_text(encoding="utf-8").partition("一只小猫坐在")
        path.write_text(f"{before}一只小狗坐在{after}", encoding="utf-8")
        assert told, path
        self.edited.add(_ID.findall(before)[-1])


def measure_warm(folder: Path, files: dict[str, int], each: int, rounds: int) -> tuple[str, list[Row]]:
    """Return the table and its rows: so many *files* of each format with *each* so many items."""
    found = Rounds()
    empty = one_item(folder)
    cases = [
        _Case(form, workspace(folder, form, count * each, count, in_sync=True), count * each, set())
        for form, count in files.items()
    ]
    with on_all_cores():
        for case in cases:
            case.plan()
        for round_ in range(rounds):
            base = plan(empty, items=1, changed=())
            found.add(EMPTY, s=base.wall_s, cpu_s=base.cpu_s)
            for case in cases:
                for name in (_COLD, *_WANTED):
                    if name == _EDITED:
                        case.edit(round_)
                    spent = case.plan(*(cold() if name == _COLD else ()))
                    net_s = spent.wall_s - base.wall_s
                    found.add(f"{case.form}, {name}", s=spent.wall_s, cpu_s=spent.cpu_s, net_s=net_s)
    for case in cases:
        shutil.rmtree(case.place)

    rows = [Row(EMPTY, _cells(found, EMPTY))]
    for form in files:
        rows.append(Row(f"{form}, {_COLD}", _cells(found, f"{form}, {_COLD}")))
        for name, wanted in _WANTED.items():
            share = found.ratio((f"{form}, {name}", "net_s"), (f"{form}, {_COLD}", "net_s"))
            cells = {"of cold": _percent(share), "wanted": wanted if form == "JSON Lines" else None}
            rows.append(Row(f"{form}, {name}", {**_cells(found, f"{form}, {name}"), **cells}))
    told = " and ".join(f"{count:,} files of {form}" for form, count in files.items())
    return table(f"Warm plan of {told}, {each:,} items each", rows), rows


def _cells(found: Rounds, name: str) -> dict[str, float | str | None]:
    measured = {"s": "s", "CPU s": "cpu_s", "net s": "net_s"}
    return {column: found.median(name, one) for column, one in measured.items()}


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{100 * share:.1f} %"
