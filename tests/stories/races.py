"""Races of real processes for the lock of one state, as often as one likes."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from kbsync.adapters.state import StateStore, holder
from tests.adapters.state.formats import is_sound

__all__ = ("race_often", "wait_in_line")

# Forks racers, which all begin when one pipe is closed. A winner writes a run, and stays until every loser has ended;
# then it leaves, or is killed.
_SCRIPT = """
import json, os, random, signal, sys, time
from pathlib import Path
from kbsync.adapters.state import StateStore
from kbsync.errors import LockedError
from tests.adapters.state.plans import plan_of

state, races, seed, timeout_s = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
randomly = random.Random(seed)

def run(gate, until, said, ready):
    os.read(gate, 1)
    store = StateStore(state)
    try:
        store.lock("apply", timeout_s)
    except LockedError as error:
        os.write(said, json.dumps([os.getpid(), str(error)]).encode() + b"\\n")
        return 6
    inside = os.open(state.with_name("inside"), os.O_CREAT | os.O_EXCL)
    store.finish_run(store.begin_run(plan_of([], whole=False)))
    os.close(inside)
    os.unlink(state.with_name("inside"))
    if not timeout_s:
        os.write(ready, b"!")
        os.read(until, 1)
    store.close()
    return 0

for _ in range(races):
    count, kill = randomly.randint(2, 8), randomly.random() < 0.3
    (gate, open_gate), (until, end), (told, said), (written, ready) = os.pipe(), os.pipe(), os.pipe(), os.pipe()
    racers = []
    for _ in range(count):
        racer = os.fork()
        if not racer:
            for descriptor in (open_gate, end, told, written):
                os.close(descriptor)
            code = 99
            try:
                code = run(gate, until, said, ready)
            finally:
                os._exit(code)
        racers.append(racer)
    for descriptor in (gate, until, said, ready):
        os.close(descriptor)
    time.sleep(0.002 * count)
    os.close(open_gate)
    codes = {}
    while len(codes) < count - (not timeout_s):
        racer, status = os.wait()
        codes[racer] = os.waitstatus_to_exitcode(status)
    if not timeout_s:
        (winner,) = set(racers) - codes.keys()
        if os.read(written, 1) and kill:
            os.kill(winner, signal.SIGKILL)
        os.close(end)
        codes[winner] = os.waitstatus_to_exitcode(os.waitpid(winner, 0)[1])
    os.close(written)
    with os.fdopen(told, "rb") as lines:
        messages = dict(map(json.loads, lines))
    print(json.dumps({"codes": list(codes.items()), "killed": kill, "messages": list(messages.items())}), flush=True)
"""


def race_often(state: Path, races: int, seed: int) -> str:
    """Have so many races of 2 to 8 processes, each of which one wins; return what was seen in figures."""
    racers, killed = Counter[int](), 0
    for race in _raced(state, races, seed, 0.0):
        codes: dict[int, int] = dict(race["codes"])
        messages: dict[int, str] = dict(race["messages"])
        winner = list(codes)[-1]
        assert codes.pop(winner) == (-9 if race["killed"] else 0), race
        assert set(codes.values()) == {6}
        assert messages.keys() == codes.keys()
        assert all(f"process {winner} on" in message for message in messages.values()), messages
        racers[len(codes) + 1] += 1
        killed += race["killed"]

    assert racers.total() == races
    assert holder(state) is None
    assert is_sound(state)
    runs = StateStore(state).list_runs()
    assert len(runs) == races
    assert all(run.finished_at_s is not None for run in runs)
    sizes = ", ".join(f"{count} of {size}" for size, count in sorted(racers.items()))
    return f"{races} races ({sizes} processes), {killed} winners killed: one winner each, named by every loser"


def wait_in_line(state: Path, races: int, seed: int) -> None:
    """Have so many races whose losers wait: all have the lock, one after the other."""
    turns = 0
    for race in _raced(state, races, seed, 60.0):
        codes: dict[int, int] = dict(race["codes"])
        assert set(codes.values()) == {0}
        turns += len(codes)
    assert len(StateStore(state).list_runs()) == turns
    assert is_sound(state)


def _raced(state: Path, races: int, seed: int, timeout_s: float) -> list[dict[str, Any]]:
    words = [sys.executable, "-c", _SCRIPT, str(state), str(races), str(seed), str(timeout_s)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
