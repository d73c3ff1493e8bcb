import time
from collections.abc import Sequence
from functools import partial
from itertools import count, pairwise
from math import ceil

import anyio
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kbsync.engine.pacing import Pacer, bucket
from kbsync.engine.target import Clock
from tests.clock import CoarseLoop, VirtualLoop, run_virtually, virtual_clock

ME = object()
RATES = st.one_of(
    st.floats(0.01, 100_000), st.integers(1, 1000).map(float), st.sampled_from((0.01, 0.999, 1.001, 49.99))
)


def most_in_a_second(times: Sequence[float]) -> int:
    """Return the largest number of *times* in any half-open window of one second."""
    ordered, first, most = sorted(times), 0, 0
    for last, at_s in enumerate(ordered):
        while ordered[first] + 1 <= at_s:
            first += 1
        most = max(most, last - first + 1)
    return most


def allowed(rate: float, burst: int) -> int:
    return ceil(rate) + burst - 1


async def send_all(
    rate: float,
    burst: int,
    *,
    workers: int,
    until_s: float,
    most: int = 10**9,
    think_s: Sequence[float] = (0.0,),
    pauses: Sequence[tuple[float, float]] = (),
    connect_s: Sequence[float] = (0.0,),
) -> list[float]:
    """Return the times at which *workers* that think between their turns, and connect after them, were let go."""
    clock = virtual_clock()
    pacer = Pacer(rate, burst, clock)
    times: list[float] = []

    async def work(number: int) -> None:
        turns = count()
        while len(times) < most:
            await pacer.turn(ME)
            turn_at_s = clock.monotonic()
            if delay_s := connect_s[(number + next(turns)) % len(connect_s)]:
                await anyio.sleep(delay_s)
            if await pacer.go(ME, turn_at_s):
                times.append(clock.monotonic())
                await anyio.sleep(think_s[(number + len(times)) % len(think_s)])

    async with anyio.create_task_group() as tasks:
        for number in range(workers):
            tasks.start_soon(work, number)
        for after_s, length_s in pauses:
            await anyio.sleep(after_s)
            pacer.pause_until(clock.monotonic() + length_s)
        await anyio.sleep(max(0.0, until_s - clock.monotonic()))
        tasks.cancel_scope.cancel()

    return times


@given(
    rate=RATES,
    burst=st.one_of(st.integers(1, 3), st.integers(1, 200)),
    workers=st.integers(1, 20),
    think_s=st.lists(st.sampled_from((0.0, 0.001, 0.01, 0.1, 0.5, 0.99, 1.0, 3.0)), min_size=1, max_size=5),
    pauses=st.lists(
        st.tuples(st.sampled_from((0.0, 0.3, 0.999, 1.0, 5.0)), st.sampled_from((0.0, 0.001, 0.5, 1.0, 7.0))),
        max_size=4,
    ),
    connect_s=st.lists(st.sampled_from((0.0, 0.0, 0.001, 0.01, 0.1, 0.99, 3.0)), min_size=1, max_size=6),
    loop=st.sampled_from((VirtualLoop, CoarseLoop)),
)
@example(rate=5.0, burst=1, workers=1, think_s=[1.0, 0.0], pauses=[], connect_s=[0.0], loop=VirtualLoop)
@example(rate=5.0, burst=1, workers=20, think_s=[0.0], pauses=[], connect_s=[3.0, 0.0], loop=VirtualLoop)
def test_no_second_holds_more_than_the_rate_and_the_burst_allow(
    rate: float,
    burst: int,
    workers: int,
    think_s: list[float],
    pauses: list[tuple[float, float]],
    connect_s: list[float],
    loop: type[VirtualLoop],
) -> None:
    until_s = min(20.0, max(5.0, 3 / rate))
    run = partial(
        send_all,
        rate,
        burst,
        workers=workers,
        until_s=until_s,
        most=2_000,
        think_s=think_s,
        pauses=pauses,
        connect_s=connect_s,
    )
    times = run_virtually(run, loop=loop)

    assert most_in_a_second(times) <= allowed(rate, burst)


@pytest.mark.parametrize("loop", [VirtualLoop, CoarseLoop])
@pytest.mark.parametrize(
    ("rate", "burst"),
    [
        *((0.01, 1), (0.5, 1), (1, 1), (2.5, 1), (5, 1), (7, 3), (10, 10), (49, 1), (50, 1), (99, 1), (100, 2)),
        *((333.3, 1), (500, 1), (1000, 50), (5_000, 1), (20_000, 1), (100_000, 1)),
    ],
)
def test_under_load_the_rate_is_used_and_never_exceeded(rate: float, burst: int, loop: type[VirtualLoop]) -> None:
    seconds = min(max(30.0, 30 / rate), max(1.3, 30_000 / rate))
    times = run_virtually(partial(send_all, rate, burst, workers=16, until_s=seconds), loop=loop)

    assert most_in_a_second(times) <= allowed(rate, burst)
    # After the first second, when a burst may have gone, and up to the last whole interval.
    steady = [at_s for at_s in times if at_s >= 1]
    mean = (len(steady) - 1) / (steady[-1] - steady[0])
    assert 0.97 * rate <= mean <= rate * 1.0001


@given(rate=RATES, burst=st.integers(1, 10_000))
def test_bucket_and_leak_keep_the_promise_by_arithmetic(rate: float, burst: int) -> None:
    capacity, leak = bucket(rate, burst)

    assert capacity >= 1
    assert 0.97 * rate < leak <= rate
    # The most that a closed window of one second could hold: strictly less than one more than is allowed.
    assert capacity + leak <= allowed(rate, burst) + 1 + 1e-9


def test_nothing_leaves_in_a_burst_at_the_start() -> None:
    times = run_virtually(partial(send_all, 1000.0, 1, workers=64, until_s=0.99))

    # One, and the 15 ms of rate that lateness is made up with.
    assert len([at_s for at_s in times if at_s < 0.001]) <= 1 + 15


def test_a_burst_may_go_at_once() -> None:
    times = run_virtually(partial(send_all, 5.0, 4, workers=8, until_s=0.15))

    assert len(times) == 4


def test_turns_come_in_the_order_of_asking() -> None:
    async def scenario() -> list[int]:
        pacer = Pacer(20.0, 1, virtual_clock())
        order: list[int] = []

        async def ask(number: int) -> None:
            await pacer.turn(ME)
            order.append(number)
            await anyio.sleep(0.001)
            await pacer.turn(ME)
            order.append(number + 100)

        async with anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(ask, number)
        return order

    assert run_virtually(scenario) == [*range(20), *range(100, 120)]


@pytest.mark.parametrize("rate", [0.2, 1, 10, 200])
@pytest.mark.parametrize("connect_s", [[0.08, 0.1, 0.05, 0.12], [0.3], [3.0, 0.0, 0.0, 0.0, 0.0]])
def test_connections_that_are_slow_to_come_cost_no_rate(rate: float, connect_s: list[float]) -> None:
    seconds = max(30.0, 30 / rate)
    run = partial(send_all, rate, 1, workers=256, until_s=seconds, connect_s=connect_s)
    times = run_virtually(run, loop=CoarseLoop)

    assert most_in_a_second(times) <= allowed(rate, 1)
    steady = [at_s for at_s in times if at_s >= 5]
    assert 0.95 * rate <= (len(steady) - 1) / (steady[-1] - steady[0]) <= 1.05 * rate + 1


def test_those_that_a_stall_has_gathered_leave_at_the_rate() -> None:
    async def scenario() -> list[float]:
        clock = virtual_clock()
        pacer = Pacer(5.0, 1, clock)
        times: list[float] = []

        async def work() -> None:
            await pacer.turn(ME)
            turn_at_s = clock.monotonic()
            await anyio.sleep_until(3)
            assert await pacer.go(ME, turn_at_s)
            times.append(clock.monotonic())

        async with anyio.create_task_group() as tasks:
            for _ in range(12):
                tasks.start_soon(work)
        return times

    times = run_virtually(scenario)

    assert len([at_s for at_s in times if at_s < 3.01]) <= 2
    assert all(later - earlier >= 0.18 for earlier, later in pairwise(times[1:]))
    assert times[-1] == pytest.approx(3 + 11 / 5, abs=0.1)


def test_what_stands_at_the_gate_is_sent_away_by_a_pause() -> None:
    async def scenario() -> list[bool]:
        clock = virtual_clock()
        pacer = Pacer(1.0, 1, clock)
        answers: list[bool] = []

        async def late() -> None:
            answers.append(await pacer.go(ME, -10.0))

        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(late)
            await anyio.sleep(0.5)
            pacer.pause_until(2)
        assert clock.monotonic() < 0.6
        return answers

    assert run_virtually(scenario) == [True, False, False, False]


def test_the_urgent_go_first_even_before_the_one_that_waits_for_its_turn() -> None:
    async def scenario() -> list[int]:
        pacer = Pacer(1.0, 1, virtual_clock())
        order: list[int] = []

        async def ask(rank: int) -> None:
            await pacer.turn(ME, rank)
            order.append(rank)

        await pacer.turn(ME)
        async with anyio.create_task_group() as tasks:
            for rank in (2, 2, 1, 0, 2, 0):
                tasks.start_soon(ask, rank)
                await anyio.sleep(0.1)
        return order

    assert run_virtually(scenario) == [0, 0, 1, 2, 2, 2]


def test_a_pause_holds_everyone_and_the_longest_one_counts() -> None:
    async def scenario() -> list[float]:
        clock = virtual_clock()
        pacer = Pacer(100.0, 1, clock)
        times: list[float] = []

        async def work() -> None:
            while True:
                await pacer.turn(ME)
                if await pacer.go(ME, clock.monotonic()):
                    times.append(clock.monotonic())

        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(work)
            await anyio.sleep(1)
            pacer.pause_until(clock.monotonic() + 10)
            pacer.pause_until(clock.monotonic() + 2)
            await anyio.sleep(11)
            tasks.cancel_scope.cancel()
        return times

    times = run_virtually(scenario)
    assert not [at_s for at_s in times if 1.001 < at_s < 11]
    assert [at_s for at_s in times if at_s >= 11]


def test_nothing_goes_before_the_earliest_time() -> None:
    async def scenario() -> float:
        clock = virtual_clock()
        await Pacer(1_000.0, 1, clock, 0.75).turn(ME)
        return clock.monotonic()

    assert run_virtually(scenario) >= 0.75


@pytest.mark.parametrize("rate", [0.01, 1, 1000])
def test_who_is_dismissed_stops_waiting_at_once_and_nobody_else(rate: float) -> None:
    async def scenario() -> tuple[list[bool], float, bool]:
        clock = virtual_clock()
        pacer = Pacer(rate, 1, clock)
        await pacer.turn(ME)
        pacer.pause_until(1_000)
        answers: list[bool] = []
        others: list[bool] = []

        async def ask(owner: object, told: list[bool]) -> None:
            told.append(await pacer.turn(owner))

        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(ask, ME, answers)
                tasks.start_soon(ask, "somebody else", others)
            await anyio.sleep(0.5)
            pacer.dismiss(ME)
            await anyio.sleep(0.1)
            tasks.cancel_scope.cancel()
        return answers, clock.monotonic(), bool(others)

    answers, ended_s, others = run_virtually(scenario)
    assert answers == [False] * 10
    assert ended_s < 0.7
    assert not others


def test_a_waiter_that_is_cancelled_takes_nothing_with_it() -> None:
    async def scenario() -> float:
        clock = virtual_clock()
        pacer = Pacer(1.0, 1, clock)
        await pacer.turn(ME)
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(pacer.turn, ME)
            await anyio.sleep(0.5)
            tasks.cancel_scope.cancel()
        await pacer.turn(ME)
        return clock.monotonic()

    assert run_virtually(scenario) == pytest.approx(1.0, abs=0.03)


def test_the_promise_holds_in_real_time() -> None:
    clock = Clock(time.monotonic, time.time)
    times: list[float] = []

    async def scenario() -> None:
        pacer = Pacer(50.0, 1, clock)

        async def work() -> None:
            while True:
                await pacer.turn(ME)
                assert await pacer.go(ME, time.monotonic())
                times.append(time.monotonic())
                await anyio.sleep(0.003)

        async with anyio.create_task_group() as tasks:
            for _ in range(16):
                tasks.start_soon(work)
            await anyio.sleep(3)
            tasks.cancel_scope.cancel()

    anyio.run(scenario)

    assert most_in_a_second(times) <= 50
    assert len(times) >= 0.97 * 50 * 3 * 0.97
