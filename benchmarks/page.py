"""The page about the speed of plans, made of what was measured: docs/planning.json, .md and .svg."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.growth import MEMORY, TIME
from benchmarks.plot import Panel, plot
from benchmarks.table import cell_text

__all__ = ("GROUPS", "growth_picture", "planning_page", "write_page")

_NAME: Final = "planning"
_HEAD: Final = """\
# How fast kbsync plans

Made by `make bench-plan`, which measures and writes here what it saw. Half of the items are captions, half documents
with a name and four meta fields. What is compared took turns within each round, and a ratio is the median of the
rounds' own. Each plan is checked: exactly what was changed is in it. *wanted* is what a number is held to; where it is
missed, it stands here all the same.

Medians of {rounds}; {machine}.

`kbsync plan` is the whole process, from its start to the last line of `--format json`. A plan of one item shows what of
that has nothing to do with the items; *net* is without it. Memory is that of kbsync and all its children at once, pages
that they share counted once.
"""
# What stands above each table.
GROUPS: Final[Mapping[str, str]] = {
    "plan": """
## Cold

Nothing is kept of an earlier plan, and one item in a hundred differs from what is known. The floors are loops that
parse the same files and do nothing else: `orjson.loads` of each line, and `yaml.parse` over libyaml's events.
""",
    "warm": """
## Warm

Many files, of which an earlier plan has read all, and nothing or one caption has been edited since. *of cold* is net.
""",
    "peers": """
## Beside others

The peers only load the file. octoDNS cannot hold these items, so that it has a zone of as many records, each with as
many characters and as many texts. `benchmarks/peers.py` says more.
""",
    "growth": f"""
## Growth

![{TIME} and {MEMORY}, by number of items]({_NAME}.svg)

On one core: what several share takes less time for an item. The band goes from the least number of a panel to a quarter
above it. Some megabytes do not grow with the items, and make much of the memory of few; *each further item* is without
them.
""",
}


def write_page(folder: Path, results: Mapping[str, Any]) -> None:
    """Write the numbers, the page and the picture into *folder*; all of `GROUPS` has to be in *results*."""
    kept = {**results, "groups": {name: results["groups"][name] for name in GROUPS}}
    texts = {
        "json": json.dumps(kept, ensure_ascii=False, indent=1) + "\n",
        "md": planning_page(kept),
        "svg": growth_picture(kept),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for ending, text in texts.items():
        (folder / f"{_NAME}.{ending}").write_text(text, encoding="utf-8")


def planning_page(results: Mapping[str, Any]) -> str:
    """Return the page."""
    rounds = f"{results['rounds']} rounds" if results["rounds"] != 1 else "one round"
    head = _HEAD.format(machine=results["machine"], rounds=rounds)
    return head + "".join(f"{told}\n{_table(results['groups'][name])}" for name, told in GROUPS.items())


def growth_picture(results: Mapping[str, Any]) -> str:
    """Return the picture: a panel for each format and number."""
    series: dict[str, list[tuple[float, float]]] = {}
    for column in (TIME, MEMORY):
        for row in results["groups"]["growth"]:
            if row.get(column) is not None:
                series.setdefault(f"{row['name'].partition(',')[0]}: {column}", []).append((row["items"], row[column]))
    # Both numbers of a format beside each other.
    return plot([Panel(title, series[title]) for title in sorted(series, key=lambda title: title.partition(":")[0])])


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    columns = [column for column in dict.fromkeys(column for row in rows for column in row) if column != "name"]
    lines = [["", *columns], ["---", *("---:" for _ in columns)]]
    lines += [[row["name"], *(cell_text(row.get(column)) for column in columns)] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
