"""The circuit of a credential, as arithmetic."""

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from kbsync.engine.breaker import PROBE_EVERY_S, Breaker


def opened(at_s: float = 100.0) -> Breaker:
    breaker = Breaker(3)
    began = [breaker.failed(object(), at_s) for _ in range(3)]

    assert began == [False, False, True]
    return breaker


def test_it_opens_when_the_quota_is_used_up() -> None:
    breaker = opened()

    assert not breaker.closed
    assert not breaker.lets(object())
    assert breaker.open_for_s(107.0) == 7.0


def test_clear_answers_give_the_quota_back() -> None:
    breaker = Breaker(3)
    for _ in range(100):
        breaker.failed(object(), 0.0)
        breaker.failed(object(), 0.0)
        breaker.answered()
        breaker.answered()

    assert breaker.closed


def test_a_provider_that_fails_more_often_than_not_opens_it_sooner_or_later() -> None:
    breaker = Breaker(35)
    opened_after = 0
    while breaker.closed:
        breaker.failed(object(), 0.0)
        breaker.failed(object(), 0.0)
        if breaker.closed:
            breaker.answered()
        opened_after += 3

    assert opened_after <= 3 * 35


def test_one_probe_may_go_each_quarter_of_a_minute() -> None:
    breaker, probe, other = opened(100.0), object(), object()

    assert not breaker.may_take(100.0 + PROBE_EVERY_S - 0.01)
    assert breaker.may_take(100.0 + PROBE_EVERY_S)
    breaker.take(probe)
    assert breaker.lets(probe)
    assert not breaker.lets(other)
    assert not breaker.may_take(200.0)
    assert breaker.next_probe_s == inf
    breaker.failed(probe, 130.0)
    assert breaker.next_probe_s == 130.0 + PROBE_EVERY_S


def test_a_probe_that_did_not_leave_makes_room_for_another_one() -> None:
    breaker, probe = opened(100.0), object()
    breaker.take(probe)
    breaker.put_back(probe)

    assert breaker.may_take(100.0 + PROBE_EVERY_S)


def test_failures_of_what_was_under_way_do_not_put_the_probe_off() -> None:
    breaker = opened(100.0)
    breaker.failed(object(), 114.0)

    assert breaker.next_probe_s == 100.0 + PROBE_EVERY_S


def test_a_clear_answer_closes_it_with_a_full_quota() -> None:
    breaker = opened()

    assert breaker.answered()
    assert breaker.closed
    assert [breaker.failed(object(), 200.0) for _ in range(3)] == [False, False, True]


@given(quota=st.integers(1, 50), answers=st.lists(st.booleans(), max_size=400))
def test_an_outage_ends_all_sending_after_as_many_failures_as_the_quota_holds(quota: int, answers: list[bool]) -> None:
    breaker = Breaker(quota)
    for clear in answers:
        if clear:
            breaker.answered()
        else:
            breaker.failed(object(), 0.0)
    failures = 0
    while breaker.closed:
        breaker.failed(object(), 0.0)
        failures += 1

    assert failures <= quota
