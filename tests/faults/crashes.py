"""One run of kbsync, killed at every one of its boundaries: `python -m tests.faults.crashes FOLDER SCENARIO TARGET`.

The process imports everything once and forks: each kill hits a child that does the whole of `kbsync apply`, with the
real codecs, engine and state, against a server that shares its process and outlives it. What a kill left is looked at,
and the next run has to finish. Prints one line of JSON for each boundary: its name, and what was wrong.
"""

import gc
import os
import shutil
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NoReturn

import anyio
import orjson

from tests.faults.scenarios import SCENARIOS, Scenario
from tests.faults.workshop import CONCURRENCY, Workshop

__all__ = ("crash_everywhere",)

# A restart waits until the requests of the run before it no longer count, so most lanes only wait.
_LANES: Final = 8
_SIGKILL: Final = -9


def crash_everywhere(folder: Path, scenario: Scenario, target: str) -> Iterator[dict[str, object]]:
    """Kill the run of *scenario* at every boundary; yield what came of each."""
    template = scenario.prepare(folder / "template", target)
    template = template.begun()
    whole = template.copied(folder / "whole")
    code = whole.run(*scenario.arguments, rules=scenario.rules)
    assert code == scenario.code, whole.err
    boundaries = whole.boundaries()

    # Everything that was imported is shared with the children as long as their collectors do not touch it.
    anyio.run(anyio.sleep, 0)
    gc.freeze()
    lanes: dict[int, Path] = {}
    for lane in range(_LANES):
        told = folder / f"lane-{lane}.jsonl"
        pid = os.fork()
        if pid == 0:
            _be_lane(template, scenario, told, list(enumerate(boundaries))[lane::_LANES])
        lanes[pid] = told
    for pid, told in lanes.items():
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        assert status == 0, f"a lane ended with {status}"
        yield from map(orjson.loads, told.read_bytes().splitlines())


def _be_lane(template: Workshop, scenario: Scenario, told: Path, boundaries: list[tuple[int, str]]) -> NoReturn:
    """Kill at each of the *boundaries*, write down what came of it, and leave the process."""
    try:
        with told.open("wb") as file:
            for number, boundary in boundaries:
                shop = template.copied(template.folder.with_name(f"{number}"))
                file.write(orjson.dumps(_crash(shop, scenario, boundary)) + b"\n")
        os._exit(0)
    except BaseException:  # noqa: BLE001 - nothing may come back into the code of the parent
        traceback.print_exc()
        os._exit(1)


def _crash(shop: Workshop, scenario: Scenario, boundary: str) -> dict[str, object]:
    code = shop.run(*scenario.arguments, rules=scenario.rules, fatal=boundary)
    # Threads take turns as they like: a commit may take in what another run had two for.
    result: dict[str, object] = {"boundary": boundary, "killed": code == _SIGKILL, "problem": ""}
    try:
        assert code in {_SIGKILL, scenario.code}, shop.err
        if code == _SIGKILL:
            shop.check_what_is_left()
            shop.check_the_next_run(duplicates=CONCURRENCY)
            shutil.rmtree(shop.folder)
    except Exception:  # noqa: BLE001 - told beside the boundary
        result["problem"] = traceback.format_exc()
    return result


if __name__ == "__main__":
    for result in crash_everywhere(Path(sys.argv[1]), SCENARIOS[sys.argv[2]], sys.argv[3]):
        sys.stdout.write(orjson.dumps(result).decode() + "\n")
