"""The rule by which the pace follows what the provider accepts, by itself and against the emulator's limiter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.pacing import drive
from kbsync.emulator.rates import WindowKind
from kbsync.engine.tempo import Tempo


@pytest.mark.parametrize("window", ["sliding", "fixed"])
@pytest.mark.parametrize(("ceiling", "turn_s"), [(50, 20), (50, 60), (50, 200), (10, 60), (500, 30)])
def test_a_limit_of_half_the_rate_that_later_doubles_costs_under_a_fifth_of_the_time(
    window: WindowKind, ceiling: int, turn_s: int
) -> None:
    half = ceiling // 2
    drove = drive(Tempo(ceiling), [(0, half), (turn_s, ceiling)], turn_s * (half + ceiling), window=window)

    assert drove.seconds <= 1.2 * 2 * turn_s
    assert drove.throttled < 0.03


@pytest.mark.parametrize("limit", [1, 2, 5, 48])
def test_few_answers_are_throttled_at_any_limit(limit: int) -> None:
    assert drive(Tempo(50 if limit > 4 else 4), [(0, limit)], 200 * limit).throttled < 0.03


def test_a_limit_that_falls_to_a_tenth_is_found_and_so_is_its_return() -> None:
    drove = drive(Tempo(50), [(0, 50), (30, 5), (90, 50)], 30 * 50 + 60 * 5 + 60 * 50)

    assert drove.seconds <= 1.25 * 150
    assert drove.throttled < 0.03


def test_throttles_that_have_nothing_to_do_with_the_rate_do_not_end_at_nothing() -> None:
    drove = drive(Tempo(50), [(0, 1_000)], 3_000, noise=0.026)

    assert drove.slowest_per_s > 15


@pytest.mark.parametrize("stray", range(12))
def test_one_stray_throttle_at_the_start_costs_few_seconds(stray: int) -> None:
    drove = drive(Tempo(50), [(0, 1_000)], 60 * 50, stray=stray)

    assert drove.seconds <= 1.2 * 60


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


@pytest.mark.fault("F28", seen="falls to one request in two seconds")
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
