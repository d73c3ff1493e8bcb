"""The rule by which the pace follows what the provider accepts, by itself and against the emulator's limiter."""

from collections.abc import Sequence
from heapq import heappop, heappush
from math import ceil
from random import Random
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.emulator.rates import Limiter, Rate, WindowKind
from kbsync.engine.tempo import Tempo


class Drive(NamedTuple):
    """How long *total* accepted requests took, the share of throttled answers, and the slowest rate of all."""

    seconds: float
    throttled: float
    slowest_per_s: float


def drive(
    ceiling_per_s: float,
    limits: Sequence[tuple[float, int]],
    total: int,
    *,
    window: WindowKind = "sliding",
    noise: float = 0.0,
    concurrency: int = 64,
    latency_s: float = 0.05,
    seed: int = 0,
) -> Drive:
    """Send as `Tempo` says to the emulator's limiter, whose limit is that of the last of *limits* (from when, what).

    A throttle pauses everybody for its Retry-After. *noise* is the share of requests that are throttled whatever the
    rate is.
    """
    tempo, limiter, dice = Tempo(ceiling_per_s), Limiter({}), Random(seed)
    answers: list[tuple[float, float, float]] = []
    free = [0.0] * concurrency
    now_s = next_s = paused_s = 0.0
    accepted = throttled = 0
    slowest = ceiling_per_s
    while accepted < total:
        now_s = max(now_s, next_s, paused_s, heappop(free))
        while answers and answers[0][0] <= now_s:
            at_s, sent_s, wait_s = heappop(answers)
            if wait_s < 0:
                accepted += 1
                tempo.accepted(at_s)
            else:
                throttled += 1
                tempo.throttled(sent_s, at_s)
                paused_s = max(paused_s, at_s + wait_s)
        now_s = max(now_s, paused_s)
        limit = [per_s for from_s, per_s in limits if from_s <= now_s][-1]
        limiter.rates["*"] = Rate(limit, 1.0, window)
        refused = limiter.refuse("token", "coze", now_s + latency_s / 2)
        wait_s = -1.0 if refused is None else float(ceil(refused[1]))
        if dice.random() < noise:
            wait_s = dice.random()
        heappush(answers, (now_s + latency_s, now_s, wait_s))
        heappush(free, now_s + latency_s)
        rate_per_s = tempo.rate_per_s(now_s)
        slowest = min(slowest, rate_per_s)
        next_s = now_s + 1 / rate_per_s
    return Drive(now_s, throttled / (throttled + accepted), slowest)


@pytest.mark.parametrize("window", ["sliding", "fixed"])
@pytest.mark.parametrize(("ceiling", "turn_s"), [(50, 20), (50, 60), (50, 200), (10, 60), (500, 30)])
def test_a_limit_of_half_the_rate_that_later_doubles_costs_under_a_fifth_of_the_time(
    window: WindowKind, ceiling: int, turn_s: int
) -> None:
    half = ceiling // 2
    drove = drive(ceiling, [(0, half), (turn_s, ceiling)], turn_s * (half + ceiling), window=window)

    assert drove.seconds <= 1.2 * 2 * turn_s
    assert drove.throttled < 0.03


@pytest.mark.parametrize("limit", [1, 2, 5, 48])
def test_few_answers_are_throttled_at_any_limit(limit: int) -> None:
    assert drive(50 if limit > 4 else 4, [(0, limit)], 200 * limit).throttled < 0.03


def test_a_limit_that_falls_to_a_tenth_is_found_and_so_is_its_return() -> None:
    drove = drive(50, [(0, 50), (30, 5), (90, 50)], 30 * 50 + 60 * 5 + 60 * 50)

    assert drove.seconds <= 1.25 * 150
    assert drove.throttled < 0.03


def test_throttles_that_have_nothing_to_do_with_the_rate_do_not_end_at_nothing() -> None:
    drove = drive(50, [(0, 1_000)], 3_000, noise=0.026)

    assert drove.slowest_per_s > 15


def test_without_a_throttle_the_configured_rate_stands() -> None:
    tempo = Tempo(7.5)
    for number in range(1_000):
        tempo.accepted(number / 7.5)

    assert tempo.rate_per_s(500) == 7.5
    assert not tempo.slowed


def test_throttles_of_one_event_cut_once() -> None:
    tempo = Tempo(50)
    for number in range(50):
        tempo.accepted(number / 50)
    cut = tempo.throttled(0.95, 1.0)
    after = tempo.rate_per_s(1.0)

    assert cut
    assert not any(tempo.throttled(0.95 + number / 100, 1.0 + number / 100) for number in range(5))
    assert tempo.rate_per_s(1.0) == after < 50


def test_when_everything_is_throttled_the_rate_falls_to_one_in_two_seconds() -> None:
    tempo = Tempo(50)
    for number in range(30):
        tempo.throttled(float(number), number + 0.5)

    assert tempo.rate_per_s(30) == pytest.approx(0.5, abs=0.01)


@given(
    ceiling=st.floats(0.01, 100_000),
    answers=st.lists(st.tuples(st.floats(0, 20), st.booleans()), max_size=300),
    later_s=st.floats(0, 100_000),
)
def test_the_rate_is_never_above_the_configured_one_nor_below_its_floor(
    ceiling: float, answers: list[tuple[float, bool]], later_s: float
) -> None:
    tempo, now_s = Tempo(ceiling), 0.0
    for after_s, accepted in answers:
        sent_s, now_s = now_s, now_s + after_s
        if accepted:
            tempo.accepted(now_s)
        else:
            tempo.throttled(sent_s, now_s)

        assert min(0.5, ceiling) <= tempo.rate_per_s(now_s) <= ceiling
    assert min(0.5, ceiling) <= tempo.rate_per_s(now_s + later_s) <= ceiling


def test_the_configured_rate_comes_back_when_nothing_is_throttled_any_more() -> None:
    tempo = Tempo(50)
    for number in range(30):
        tempo.throttled(float(number), number + 0.5)

    assert tempo.rate_per_s(30 + 600) == 50
    assert not tempo.slowed
