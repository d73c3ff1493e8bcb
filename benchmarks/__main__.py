"""Run the benchmarks, print tables, and keep the numbers: `python -m benchmarks [--quick] [--docs FOLDER] [NAME …]`."""

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from benchmarks.bombs import measure_bombs
from benchmarks.children import stay_on_client_core
from benchmarks.growth import measure_growth
from benchmarks.helping import measure_help
from benchmarks.pacing import measure_pacing
from benchmarks.page import GROUPS, write_page
from benchmarks.peers import measure_peers
from benchmarks.planning import measure_plan
from benchmarks.sending import CAPTIONS, META, measure
from benchmarks.table import Row
from benchmarks.warm import measure_warm

__all__ = ("main",)


class Sizes:
    """How much is measured. With *quick* everything runs, and no number means anything."""

    def __init__(self, *, quick: bool) -> None:
        self.rounds = 1 if quick else 5
        self.sends = 200 if quick else 20_000
        self.vendor_sends = 20 if quick else 1_000
        # In a file of lines, in two of YAML, in each of many files.
        self.planned_lines = 400 if quick else 1_000_000
        self.planned_yaml = 200 if quick else 100_000
        self.planned_each = 10 if quick else 1_000
        self.warm = {"JSON Lines": 4 if quick else 1_000, "YAML": 4 if quick else 100}
        self.growth = {
            "JSON Lines": (200, 400) if quick else (10_000, 100_000, 1_000_000),
            "YAML": (200,) if quick else (10_000, 100_000, 300_000),
        }
        self.bomb_mib = 16 if quick else 512


_GROUPS: Final[dict[str, Callable[[Path, Sizes], tuple[str, list[Row]]]]] = {
    "captions": lambda folder, sizes: measure(CAPTIONS, folder, sizes.sends, sizes.vendor_sends, sizes.rounds),
    "meta": lambda folder, sizes: measure(META, folder, sizes.sends, sizes.vendor_sends, sizes.rounds),
    "plan": lambda folder, sizes: measure_plan(folder, sizes.planned_lines, sizes.planned_yaml, sizes.rounds),
    "warm": lambda folder, sizes: measure_warm(folder, sizes.warm, sizes.planned_each, sizes.rounds),
    "peers": lambda folder, sizes: measure_peers(folder, sizes.planned_yaml, sizes.rounds),
    "growth": lambda folder, sizes: measure_growth(folder, sizes.growth, sizes.rounds),
    "pacing": lambda folder, sizes: measure_pacing(folder, sizes.rounds),
    "bombs": lambda folder, sizes: measure_bombs(folder, sizes.bomb_mib, sizes.rounds),
    "help": lambda folder, sizes: measure_help(folder, sizes.rounds),
}


def main() -> None:
    """Measure what is named, or everything."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(_GROUPS)}; all by default")
    parser.add_argument("--quick", action="store_true", help="a smoke test: tiny sizes, one round")
    parser.add_argument("--rounds", type=int, metavar="N", help="medians of so many rounds")
    parser.add_argument("--docs", type=Path, metavar="FOLDER", help=f"write the page of {', '.join(GROUPS)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the numbers")
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - _GROUPS.keys():
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    if chosen.docs is not None and (lacking := GROUPS.keys() - set(chosen.names or _GROUPS)):
        parser.error(f"--docs needs {', '.join(sorted(lacking))} too")

    sizes = Sizes(quick=chosen.quick)
    sizes.rounds = chosen.rounds or sizes.rounds
    machine = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    where = f"{machine}; {stay_on_client_core()}"
    print(f"{where}; medians of {sizes.rounds}, contenders in turn within each round\n", flush=True)
    results: dict[str, Any] = {
        "machine": machine,
        "where": where,
        "quick": chosen.quick,
        "rounds": sizes.rounds,
        "groups": {},
    }
    with tempfile.TemporaryDirectory(prefix="kbsync-bench-") as folder:
        for name in chosen.names or _GROUPS:
            text, rows = _GROUPS[name](Path(folder), sizes)
            print(text, flush=True)
            results["groups"][name] = [row.plain() for row in rows]
    if chosen.docs is not None:
        write_page(chosen.docs, results)
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(results, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
