"""One run of kbsync, hit at every one of its boundaries: `python -m tests.faults.crashes FOLDER SCENARIO TARGET WHAT`.

WHAT is `kill` or `signal`. The process imports everything once and forks: each signal hits a child that does the whole
of `kbsync apply`, with the real codecs, engine and state, against a server that shares its process and outlives it.
What is left is looked at, and the next run has to finish. Prints one line of JSON for each boundary: its name, whether
the signal came, and what was wrong.
"""

import gc
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final, NoReturn, TypeAlias

import anyio
import orjson

from tests.faults.scenarios import SCENARIOS, Scenario
from tests.faults.workshop import CONCURRENCY, Workshop

__all__ = ("HITS", "crash_everywhere")

# A restart waits until the requests of the run before it no longer count, so most lanes only wait.
_LANES: Final = 8
_SIGNALS: Final = (
    (signal.SIGTERM,),
    (signal.SIGTERM, signal.SIGINT),
    (signal.SIGINT,),
    (signal.SIGHUP, signal.SIGTERM),
    (signal.SIGINT, signal.SIGINT),
)

Hit: TypeAlias = Callable[[Scenario, Workshop, str, int], bool]


def crash_everywhere(folder: Path, scenario: Scenario, target: str, hit: Hit) -> Iterator[dict[str, object]]:
    """Hit the run of *scenario* at every boundary; yield what came of each."""
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
            _be_lane(template, partial(hit, scenario), told, list(enumerate(boundaries))[lane::_LANES])
        lanes[pid] = told
    for pid, told in lanes.items():
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        assert status == 0, f"a lane ended with {status}"
        yield from map(orjson.loads, told.read_bytes().splitlines())


def _be_lane(
    template: Workshop, hit: Callable[[Workshop, str, int], bool], told: Path, boundaries: list[tuple[int, str]]
) -> NoReturn:
    """Hit at each of the *boundaries*, write down what came of it, and leave the process."""
    try:
        with told.open("wb") as file:
            for number, boundary in boundaries:
                shop = template.copied(template.folder.with_name(f"{number}"))
                came, problem = False, ""
                try:
                    came = hit(shop, boundary, number)
                    shutil.rmtree(shop.folder)
                except Exception:  # noqa: BLE001 - told beside the boundary
                    problem = traceback.format_exc()
                file.write(orjson.dumps({"boundary": boundary, "came": came, "problem": problem}) + b"\n")
        os._exit(0)
    except BaseException:  # noqa: BLE001 - nothing may come back into the code of the parent
        traceback.print_exc()
        os._exit(1)


def kill(scenario: Scenario, shop: Workshop, boundary: str, _number: int) -> bool:
    """Kill a run, look at what it left, and have the next one finish; tell whether the boundary came."""
    code = shop.run(*scenario.arguments, rules=scenario.rules, fatal=boundary)
    # Threads take turns as they like: a commit may take in what another run had two for.
    if code == scenario.code:
        return False
    assert code == -signal.SIGKILL, shop.err
    shop.check_what_is_left()
    shop.check_the_next_run(duplicates=CONCURRENCY)
    return True


def end(scenario: Scenario, shop: Workshop, boundary: str, number: int) -> bool:
    """End a run by one signal or two, look at its account, and have the next one finish."""
    signals = _SIGNALS[number % len(_SIGNALS)]
    code = shop.run(*scenario.arguments, rules=scenario.rules, fatal=boundary, signals=signals)
    # What comes before the run began ends the process as it would any other, and what comes after its end, too late.
    assert code in {128 + signals[0], -signals[0], scenario.code}, (signals, code, shop.err)
    shop.check_what_is_left()
    shop.check_the_account(code)
    shop.check_the_next_run(duplicates=CONCURRENCY)
    return code != scenario.code


HITS: Final[Mapping[str, Hit]] = {"kill": kill, "signal": end}


if __name__ == "__main__":
    for result in crash_everywhere(Path(sys.argv[1]), SCENARIOS[sys.argv[2]], sys.argv[3], HITS[sys.argv[4]]):
        sys.stdout.write(orjson.dumps(result).decode() + "\n")
