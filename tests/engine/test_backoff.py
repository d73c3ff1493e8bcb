from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from kbsync.core.settings import RetrySettings
from kbsync.engine.backoff import Tries, full_jitter_s, retry_delay_s, throttle_delay_s

JITTER = st.floats(0, 1, exclude_max=True)
RETRY = st.builds(
    RetrySettings,
    attempts=st.integers(1, 100),
    throttled_attempts=st.integers(1, 800),
    base_delay_s=st.floats(0.001, 60),
    throttle_delay_s=st.floats(0.001, 60),
    max_delay_s=st.floats(0.001, 300),
    deadline_s=st.floats(0.001, 3600),
)


@given(st.floats(0.001, 60), st.floats(0.001, 300), st.integers(1, 10_000), JITTER)
def test_a_delay_is_between_nothing_and_the_doubled_base_or_the_cap(
    base_s: float, cap_s: float, failures: int, jitter: float
) -> None:
    delay_s = full_jitter_s(base_s, cap_s, failures, jitter)

    assert 0 <= delay_s <= cap_s
    assert delay_s <= base_s * 2.0 ** min(failures - 1, 500)


def test_the_range_doubles_from_the_base_up_to_the_cap() -> None:
    assert [full_jitter_s(0.25, 3, failures, 1.0) for failures in range(1, 7)] == [0.25, 0.5, 1, 2, 3, 3]


@given(RETRY, st.lists(JITTER, min_size=100, max_size=100))
def test_delays_end_after_the_last_attempt_and_before_the_deadline(retry: RetrySettings, jitters: list[float]) -> None:
    tries, draws = Tries(), iter(jitters)
    for attempt in count(1):
        tries.failed = attempt
        delay_s = retry_delay_s(retry, tries, lambda: next(draws))
        if delay_s is None:
            break
        tries.active_s += delay_s

    assert tries.failed <= retry.attempts
    assert tries.active_s < retry.deadline_s


@given(RETRY, st.integers(1, 2000), st.floats(0, 4000), JITTER)
def test_a_throttled_attempt_is_followed_by_another_within_bounds_only(
    retry: RetrySettings, throttled: int, active_s: float, jitter: float
) -> None:
    delay_s = throttle_delay_s(retry, Tries(throttled=throttled, active_s=active_s), lambda: jitter)

    assert (delay_s is None) == (throttled >= retry.throttled_attempts or active_s >= retry.deadline_s)
    assert delay_s is None or delay_s <= retry.max_delay_s
