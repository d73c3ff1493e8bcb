"""How many requests get through."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.emulator.credentials import Credentials, Token
from kbsync.emulator.rates import Limiter, Peaks, Rate, read_rate
from kbsync.emulator.sample import SAMPLE_COLLECTION, SAMPLE_TOKEN
from tests.emulator.bench import Bench, eventually


def let_through(limiter: Limiter, times_s: list[float]) -> list[float]:
    return [at_s for at_s in times_s if limiter.refuse("t", "coze", at_s) is None]


@given(
    limit=st.integers(1, 8),
    gaps=st.lists(st.floats(0, 0.5, allow_nan=False), max_size=80),
)
def test_a_sliding_window_never_holds_more_than_the_limit(limit: int, gaps: list[float]) -> None:
    times_s = [sum(gaps[: at + 1]) for at in range(len(gaps))]

    passed = let_through(Limiter({"*": Rate(limit)}), times_s)

    assert all(sum(start - 1.0 < at_s <= start for at_s in passed) <= limit for start in passed)


def test_fixed_windows_let_two_limits_through_around_a_boundary() -> None:
    times_s = [0.9, 0.95, 1.0, 1.05]

    assert let_through(Limiter({"*": Rate(2, window="fixed")}), times_s) == times_s
    assert let_through(Limiter({"*": Rate(2)}), times_s) == [0.9, 0.95]


def test_the_wait_is_until_there_is_room_again() -> None:
    sliding, fixed = Limiter({"*": Rate(1)}), Limiter({"*": Rate(1, window="fixed")})

    waits: list[float] = []
    for limiter in (sliding, fixed):
        assert limiter.refuse("t", "coze", 10.25) is None
        refused = limiter.refuse("t", "coze", 10.5)
        assert refused is not None
        waits.append(refused[1])

    assert waits == [0.75, 0.5]


@pytest.mark.parametrize(
    ("text", "limit", "window_s"),
    [
        ("5/s", 5, 1.0),
        ("300/min", 5, 1.0),
        ("0.5/s", 1, 2.0),
        ("30/min", 1, 2.0),
        ("2.5/s", 3, 1.2),
        ("3600/h", 1, 1.0),
    ],
)
def test_a_rate_is_read(text: str, limit: int, window_s: float) -> None:
    rate = read_rate(text)

    assert rate.limit == limit
    assert rate.window_s == pytest.approx(window_s)


@pytest.mark.parametrize("text", ["", "5", "5/", "/s", "0/s", "-1/s", "5/day", "５/s"])
def test_a_bad_rate_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="rate"):
        read_rate(text)


def test_the_most_in_one_second_is_known() -> None:
    peaks = Peaks()

    for at_s in (0.0, 0.5, 0.999, 1.0, 1.4, 5.0):
        peaks.add("t", at_s)

    # A second is open at its beginning: what came at 0.0 and at 1.0 is not within one.
    assert peaks.most == {"t": 4}


def test_too_many_requests_are_told_when_to_come_back(bench: Bench) -> None:
    bench.control("PUT", "rates", {"*": "3/s"})

    got = [bench.caption(number) for number in range(5)]

    assert [one.status for one in got] == [200, 200, 200, 429, 429]
    assert got[-1].headers["retry-after"] == "1"
    assert bench.control("GET", "stats")["throttled"] == {"sample-token": 2}
    assert bench.emulator.ledger.records[-1].fault == "throttled:http_429_after"
    assert bench.emulator.ledger.records[-1].fate == "not_applied"


def test_the_limit_is_lifted_as_time_goes_by(bench: Bench) -> None:
    bench.control("PUT", "rates", {"*": "1/s"})

    assert [bench.caption(0).status, bench.caption(0).status] == [200, 429]
    eventually(lambda: bench.caption(0).status == 200)


@pytest.mark.parametrize(
    ("mix", "status", "codes"),
    [("http_429", 429, {4013}), ("code_throttled", 200, {4013, 4020, 4009})],
)
def test_how_too_many_are_answered_can_be_chosen(bench: Bench, mix: str, status: int, codes: set[int]) -> None:
    bench.control("PUT", "rates", {"coze": {"rate": "1/s", "mix": mix}})

    got = [bench.caption(0) for _ in range(30)][1:]

    assert {one.status for one in got} == {status}
    assert {one.code for one in got} == codes
    assert all("retry-after" not in one.headers for one in got)


def test_each_credential_has_its_own_rate(bench: Bench) -> None:
    bench.emulator.world.credentials = Credentials((Token("a", SAMPLE_TOKEN), Token("b", "pat_b")))
    bench.control("PUT", "rates", {"coze": "1/s", "b": "100/s"})

    first = [bench.caption(0).status for _ in range(2)]
    second = [bench.caption(0, Authorization="Bearer pat_b").status for _ in range(5)]

    assert first == [200, 429]
    assert second == [200] * 5
    assert bench.control("GET", "stats")["most_in_one_second"] == {"a": 2, "b": 5}


def test_a_rate_for_one_provider_leaves_the_other_alone(bench: Bench) -> None:
    bench.control("PUT", "rates", {"coze": "1/s"})

    bench.caption(0)
    body = {"name": SAMPLE_COLLECTION}

    assert [bench.volcengine("collection/info", body).status for _ in range(5)] == [200] * 5


def test_reads_and_refused_requests_count_as_arrivals(bench: Bench) -> None:
    bench.control("PUT", "rates", {"*": "2/s"})

    start_s = time.monotonic()
    for _ in range(6):
        bench.coze("GET", "/v1/datasets?space_id=1")
    assert time.monotonic() - start_s < 1

    assert bench.control("GET", "stats")["most_in_one_second"] == {"sample-token": 6}
