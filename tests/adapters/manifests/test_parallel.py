"""The same work by several processes: in order, and done in any case."""

import os
import signal
import threading
import time
from collections.abc import Callable

import pytest

from kbsync.adapters.manifests.parallel import Work, in_parallel

HEAVY = 1 << 30
needs_two_cores = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2, reason="there is one core"
)


def work(make: Callable[[int], tuple[int, int]]) -> Work[int, tuple[int, int]]:
    return Work(make, lambda made: f"{made[0]} {made[1]}".encode(), lambda data: tuple(map(int, data.split())))  # type: ignore[arg-type,return-value]


def squared(number: int) -> tuple[int, int]:
    return number * number, os.getpid()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5_000])
@pytest.mark.parametrize("weight", [1, HEAVY])
def test_what_is_made_comes_in_the_order_of_what_it_is_made_of(count: int, weight: int) -> None:
    made = in_parallel(work(squared), range(count), [weight] * count)

    assert [square for square, _ in made] == [number * number for number in range(count)]


@needs_two_cores
def test_heavy_work_is_done_by_several_processes_and_light_work_by_this_one() -> None:
    def slowly(number: int) -> tuple[int, int]:
        time.sleep(0.005)
        return squared(number)

    heavy = {pid for _, pid in in_parallel(work(slowly), range(200), [HEAVY] * 200)}
    light = {pid for _, pid in in_parallel(work(squared), range(200), [1] * 200)}

    assert len(heavy) > 1
    assert light == {os.getpid()}


def test_with_another_thread_nothing_is_forked() -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert {pid for _, pid in in_parallel(work(squared), range(50), [HEAVY] * 50)} == {os.getpid()}
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("end", ["killed", "failed", "left"])
def test_what_a_child_leaves_undone_is_done_here(end: str) -> None:
    here = os.getpid()

    def make(number: int) -> tuple[int, int]:
        if os.getpid() != here and number % 3 == 1:
            if end == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            if end == "left":
                os._exit(0)
            raise RuntimeError("a child's own trouble")
        return number, os.getpid()

    made = in_parallel(work(make), range(100), [HEAVY] * 100)

    assert [number for number, _ in made] == list(range(100))


def test_a_failure_here_is_raised_and_leaves_no_child() -> None:
    def make(number: int) -> tuple[int, int]:
        if number == 5:
            raise ValueError("number five")
        return number, 0

    with pytest.raises(ValueError, match="number five"):
        in_parallel(work(make), range(10), [HEAVY] * 10)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
