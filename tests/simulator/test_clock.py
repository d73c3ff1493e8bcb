import asyncio

import anyio
import pytest

from kbsync.simulator.clock import DeadlockError, run_virtually, virtual_clock


def test_waiting_takes_virtual_time_alone() -> None:
    async def scenario() -> tuple[float, float]:
        clock = virtual_clock(1_000.0)
        await anyio.sleep(86_400)
        return clock.monotonic(), clock.wall()

    monotonic_s, wall_s = run_virtually(scenario)

    assert monotonic_s == pytest.approx(86_400, abs=0.001)
    assert wall_s == pytest.approx(87_400, abs=0.001)


def test_a_run_in_which_everybody_waits_for_somebody_ends() -> None:
    with pytest.raises(DeadlockError):
        run_virtually(anyio.Event().wait)


def test_a_run_in_which_somebody_never_waits_ends() -> None:
    async def busy() -> None:
        while True:
            await anyio.lowlevel.checkpoint()

    with pytest.raises(DeadlockError, match="in a row"):
        run_virtually(busy)


def test_what_a_callback_raises_ends_the_run() -> None:
    def callback() -> None:
        raise ZeroDivisionError

    async def scenario() -> None:
        asyncio.get_running_loop().call_later(1, callback)
        await anyio.sleep(2)

    with pytest.raises(ZeroDivisionError):
        run_virtually(scenario)
