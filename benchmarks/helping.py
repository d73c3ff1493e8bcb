"""How long the command line takes to answer at all."""

import sys
from pathlib import Path

from benchmarks.children import KBSYNC, child
from benchmarks.table import Rounds, Row, table

__all__ = ("measure_help",)

_COMMANDS = {
    "python -c pass": (sys.executable, "-c", "pass"),
    "kbsync --help": (*KBSYNC, "--help"),
    "kbsync --version": (*KBSYNC, "--version"),
    "kbsync apply --help": (*KBSYNC, "apply", "--help"),
}


def measure_help(folder: Path, rounds: int) -> tuple[str, list[Row]]:
    """Return the table and its rows; each round runs every command three times."""
    found = Rounds()
    for _ in range(rounds * 3):
        for name, command in _COMMANDS.items():
            spent = child(*command, cwd=folder)
            found.add(name, ms=spent.wall_s * 1000, cpu_ms=spent.cpu_s * 1000, peak_mib=spent.peak_mib)
    columns = {"ms": "ms", "CPU ms": "cpu_ms", "peak MiB": "peak_mib"}
    rows = [
        Row(name, {column: found.median(name, measured) for column, measured in columns.items()}) for name in _COMMANDS
    ]
    return table("Start", rows), rows
