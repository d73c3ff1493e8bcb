"""One `kbsync plan`: what it costs, and that it is right."""

import json
import os
import subprocess
import time
from collections.abc import Collection
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

from benchmarks.children import KBSYNC, Spent, child, environment

__all__ = ("MB_PER_MIB", "cold", "plan", "tree_peak_mb")

_COMMAND: Final = (*KBSYNC, "-q", "plan", "--format", "json")
_OUT: Final = "plan.json"
_SAMPLE_S: Final = 0.1
_MB: Final = 1_000_000
MB_PER_MIB: Final = (1 << 20) / _MB


@cache
def cold() -> tuple[str, ...]:
    """Return the options of a plan that nothing is kept for."""
    return ("--no-cache",) if "--no-cache" in child(*KBSYNC, "plan", "--help").out else ()


def plan(place: Path, *options: str, items: int, changed: Collection[str]) -> Spent:
    """Plan in the workspace *place*. Raises RuntimeError when not exactly those *changed* of so many *items* change."""
    spent = child(*_COMMAND, *options, cwd=place, out=place / _OUT)
    _check(place / _OUT, items, changed)
    return spent


def tree_peak_mb(place: Path, *options: str) -> float | None:
    """Plan once more, and return the most that kbsync and its children held at once; None where nothing tells that.

    A page that several processes share counts once. Looking costs time, so nothing else is measured meanwhile.
    """
    if not Path("/proc/self/smaps_rollup").exists():
        return None
    peak = 0
    with (
        (place / _OUT).open("wb") as out,
        subprocess.Popen((*_COMMAND, *options), cwd=place, stdout=out, env=environment()) as run,
    ):
        while run.poll() is None:
            peak = max(peak, sum(map(_held_bytes, _tree(run.pid))))
            time.sleep(_SAMPLE_S)
    if run.returncode:
        raise RuntimeError(f"kbsync plan ended with {run.returncode}")
    return peak / _MB


def _tree(pid: int) -> list[int]:
    """Return *pid* and all that descend from it."""
    with suppress(OSError):  # it may have ended
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        return [pid, *(one for child_pid in children for one in _tree(int(child_pid)))]
    return []


def _held_bytes(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def _check(document: Path, items: int, changed: Collection[str]) -> None:
    # Line by line: whatever this process holds, its children begin with as their peak.
    found: set[str] = set()
    summary = {}
    with document.open(encoding="utf-8") as text:
        for line in text:
            if line.startswith('"summary":'):
                summary = json.loads(line.removeprefix('"summary":').rstrip(",\n"))
            elif line.startswith('{"item":'):
                found.add(json.loads(line.rstrip(",]\n"))["item"]["id"])
    expected = {"items": items, "in_sync": items - len(changed), "changes": len(changed)}
    if found != set(changed) or {name: summary.get(name) for name in expected} != expected:
        raise RuntimeError(f"the plan in {os.fspath(document)} is wrong: {summary}, {len(found)} items change")
