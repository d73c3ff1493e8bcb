import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

import orjson

from tests.faults.scenarios import SCENARIOS
from tests.stories.figures import Figures, figures

__all__ = ("figures",)

TARGETS: Final = ("coze-cn", "volc-bj")
POINTS: Final = 200
# Around every commit, send and word about an outcome, and at every step that makes a file whole.
KINDS: Final = {
    *("before BEGIN IMMEDIATE", "after BEGIN IMMEDIATE", "before COMMIT", "after COMMIT"),
    *(
        "before a write is sent",
        "before a write is received",
        "before a write is answered",
        "after a write is answered",
    ),
    *("before it is told", "after it is told"),
    *("before the schema", "after the schema", "before link of state.db.new*", "before open of state.db.lock"),
    *("before PRAGMA journal_mode = WAL", "after PRAGMA journal_mode = WAL", "before the state is closed"),
    *("before PRAGMA wal_checkpoint(TRUNCATE)", "after PRAGMA wal_checkpoint(TRUNCATE)"),
    *("before open of .report.json*", "before fsync", "after fsync", "before rename of .report.json*"),
}


def test_a_kill_at_any_boundary_of_a_run_loses_nothing_and_the_next_run_does_the_rest(
    tmp_path: Path, figures: Figures
) -> None:
    running = {
        (target, scenario): start(tmp_path / f"{target}-{scenario}", scenario, target)
        for target in TARGETS
        for scenario in SCENARIOS
    }
    kills: dict[str, set[str]] = defaultdict(set)
    points = 0
    for (target, _), process in running.items():
        out, _ = process.communicate()
        assert process.returncode == 0
        results: list[dict[str, Any]] = [orjson.loads(line) for line in out.splitlines()]
        assert not [result for result in results if result["problem"]]
        killed = [result["boundary"].rpartition(" #")[0] for result in results if result["killed"]]
        points += len(killed)
        kills[target] |= set(killed)

    figures(f"{points} kills at as many boundaries, of {', '.join(TARGETS)}: all recovered")
    assert points >= POINTS
    for target in TARGETS:
        assert kills[target] >= KINDS, target
    assert kills["volc-bj"] >= {kind.replace("write", "read") for kind in KINDS if "write" in kind}


def start(folder: Path, scenario: str, target: str) -> subprocess.Popen[bytes]:
    folder.mkdir()
    command = [sys.executable, "-m", "tests.faults.crashes", str(folder), scenario, target]
    return subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
