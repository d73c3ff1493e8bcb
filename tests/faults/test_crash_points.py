import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

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
READS: Final = {kind.replace("write", "read") for kind in KINDS if "write" in kind}


@pytest.mark.fault(
    "F1",
    "F2",
    "F3",
    "F4",
    "F5",
    seen="killed at each of over 200 boundaries, on both providers: nothing lost, the next run does the rest",
)
def test_a_kill_at_any_boundary_of_a_run_loses_nothing_and_the_next_run_does_the_rest(
    tmp_path: Path, figures: Figures
) -> None:
    hits: dict[str, list[str]] = defaultdict(list)
    for target, boundary in hit(tmp_path, "kill", [(scenario, target) for target in TARGETS for scenario in SCENARIOS]):
        hits[target].append(boundary.rpartition(" #")[0])

    points = sum(map(len, hits.values()))
    figures(f"{points} kills at as many boundaries, of {', '.join(TARGETS)}: all recovered")
    assert points >= POINTS
    assert set(hits["coze-cn"]) >= KINDS
    assert set(hits["volc-bj"]) >= KINDS | READS


@pytest.mark.fault(
    "F43", seen="one or two signals at each of over 100 boundaries: the code of the first, a complete account"
)
def test_signals_at_any_boundary_of_a_run_have_the_exit_code_of_the_first_and_leave_a_complete_account(
    tmp_path: Path, figures: Figures
) -> None:
    points = len(list(hit(tmp_path, "signal", [("first", "coze-cn"), ("middle", "volc-bj")])))

    figures(f"one or two signals at each of {points} boundaries: all accounts complete")
    assert points > POINTS / 2


def hit(folder: Path, what: str, runs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Hit each of *runs*, told by scenario and target, at every boundary; yield the target and boundary of each hit."""
    running = [(target, start(folder / f"{target}-{scenario}", scenario, target, what)) for scenario, target in runs]
    for target, process in running:
        out, _ = process.communicate()
        assert process.returncode == 0
        results: list[dict[str, Any]] = [orjson.loads(line) for line in out.splitlines()]
        assert not [result for result in results if result["problem"]]
        yield from ((target, result["boundary"]) for result in results if result["came"])


def start(folder: Path, scenario: str, target: str, what: str) -> subprocess.Popen[bytes]:
    folder.mkdir()
    command = [sys.executable, "-m", "tests.faults.crashes", str(folder), scenario, target, what]
    return subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
