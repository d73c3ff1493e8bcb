"""Targets of one credential, and endpoints with a rate of their own."""

from itertools import count as count_up
from math import ceil

import anyio
import pytest

from kbsync.core.events import RateChanged, TargetPaused, TargetStopped
from kbsync.core.settings import RetrySettings
from kbsync.core.wire import Lost, Request, Response
from kbsync.engine.breaker import PROBE_EVERY_S
from kbsync.engine.target import Policy
from tests.engine.stage import play
from tests.engine.test_pacing import most_in_a_second
from tests.fakes import ScriptedTransport, answer, change


def test_targets_of_one_credential_share_its_rate() -> None:
    one, other = ScriptedTransport(), ScriptedTransport()
    play([change(n, target) for n in range(100) for target in "ab"], one, other, rate=20.0, credential="c")

    assert most_in_a_second(one.begun + other.begun) <= 20
    assert max(one.begun + other.begun) == pytest.approx(10, abs=0.5)


def test_targets_of_different_credentials_do_not() -> None:
    one, other = ScriptedTransport(), ScriptedTransport()
    play([change(n, target) for n in range(100) for target in "ab"], one, other, rate=20.0)

    assert max(one.begun + other.begun) == pytest.approx(5, abs=0.3)


@pytest.mark.fault("F27", seen="waited for by all targets of a credential")
def test_a_throttle_pauses_all_targets_of_the_credential() -> None:
    throttling = ScriptedTransport(
        lambda _, count: answer(429, headers={"retry-after": "30"}, code=1) if count == 0 else None
    )
    other = ScriptedTransport()
    story = play(
        [change(n, target) for n in range(50) for target in "ab"], throttling, other, rate=10.0, credential="c"
    )

    assert story.outcomes == ["updated"] * 100
    assert not [at_s for at_s in other.begun if 0.5 < at_s < 30]
    assert {event.target for event in story.events_of(TargetPaused)} == {"a"}


def test_an_outage_is_that_of_the_credential() -> None:
    transports = [ScriptedTransport(lambda *_: answer(503), 0.05) for _ in "ab"]
    story = play([change(n, target) for n in range(200) for target in "ab"], *transports, rate=100.0, credential="c")

    assert len([at_s for transport in transports for at_s in transport.begun if at_s < 14]) <= 35 + 8
    assert {(event.target, event.reason) for event in story.events_of(TargetStopped)} == {
        ("a", "outage"),
        ("b", "outage"),
    }


def test_a_target_that_stops_does_not_stop_the_other_one() -> None:
    refused = ScriptedTransport(lambda *_: answer(402, code=1, scope="target", reason="quota"))
    other = ScriptedTransport()
    story = play([change(n, target) for n in range(50) for target in "ab"], refused, other, rate=50.0, credential="c")

    assert story.counts["updated", "accepted"] == 50
    assert story.counts["not_attempted", "quota"] >= 45


@pytest.mark.parametrize("max_outage_s", [None, 600.0])
def test_a_target_that_stops_by_its_probe_leaves_the_next_probe_to_the_other_one(max_outage_s: float | None) -> None:
    probes = count_up()

    def script(request: Request, number: int) -> Response | Lost | None:
        if anyio.current_time() < PROBE_EVERY_S:
            return answer(503)
        return Lost("tls", "", sent=False, fatal=True) if next(probes) == 0 else None

    story = play(
        [change(n, target) for n in range(30) for target in "ab"],
        *(ScriptedTransport(script, 0.05) for _ in "ab"),
        rate=100.0,
        concurrency=1,
        credential="c",
        retry=RetrySettings(quota=2),
        policy=Policy(max_outage_s=max_outage_s),
    )

    assert story.counts["updated", "accepted"] == 30
    assert [event.reason for event in story.events_of(TargetStopped)] == ["tls"]


@pytest.mark.parametrize("rate", [0.5, 2.0, 7.5])
def test_an_endpoint_keeps_its_own_lower_rate(rate: float) -> None:
    changes = [change(n, operation=operation) for n in range(40) for operation in ("little.caption", "little.name")]
    transport = ScriptedTransport()
    play(changes, transport, rate=50.0, concurrency=8, rates={"little.name": rate})

    names = [sent.at_s for sent in transport.writes if "little.name" in sent.request.path]
    assert len(names) == 40
    assert most_in_a_second(names) <= ceil(rate)
    assert max(names) == pytest.approx(39 / rate, rel=0.1)
    assert most_in_a_second(transport.begun) <= 50


def test_targets_of_one_credential_share_the_rate_of_an_endpoint_too() -> None:
    one, other = ScriptedTransport(), ScriptedTransport()
    changes = [change(n, target, operation="little.name") for n in range(30) for target in "ab"]
    story = play(changes, one, other, rate=50.0, rates={"little.name": 5.0}, credential="c")

    assert story.outcomes == ["updated"] * 60
    assert most_in_a_second(one.begun + other.begun) <= 5


def test_an_endpoint_with_a_higher_rate_than_its_credential_has_the_credentials() -> None:
    transport = ScriptedTransport()
    play([change(n) for n in range(40)], transport, rate=10.0, rates={"little.caption": 1_000.0})

    assert most_in_a_second(transport.begun) <= 10


def test_an_endpoint_that_its_credential_may_burst_past_keeps_its_own_rate() -> None:
    transport = ScriptedTransport()
    play([change(n) for n in range(40)], transport, rate=2.5, burst=3, rates={"little.caption": 2.5})

    assert most_in_a_second(transport.begun) <= 3


def limited_to(half: int, turn_s: float, full: int) -> ScriptedTransport:
    """Accept *half* a second, and *full* from *turn_s* on; throttle the others, with a Retry-After of a second."""
    taken: list[float] = []
    transport: ScriptedTransport

    def script(request: Request, count: int) -> Response | None:
        at_s = transport.begun[count]
        limit = half if at_s < turn_s else full
        taken[:] = [one for one in taken if one > at_s - 1]
        if len(taken) >= limit:
            return answer(429, headers={"retry-after": "1"}, code=1)
        taken.append(at_s)
        return None

    transport = ScriptedTransport(script, 0.05)
    return transport


def test_the_rate_follows_what_the_provider_accepts() -> None:
    transport = limited_to(25, 60, 50)
    story = play([change(n) for n in range(60 * 75)], transport, rate=50.0, concurrency=8, retry=RetrySettings())

    assert story.outcomes == ["updated"] * 60 * 75
    assert story.seconds <= 1.2 * 120
    throttled = len(transport.sent) - 60 * 75
    assert throttled / len(transport.sent) < 0.03
    changes = story.events_of(RateChanged)
    assert changes[0].rate_per_s < 30
    assert changes[-1].ceiling_per_s == 50


@pytest.mark.parametrize("latency_s", [0.01, 0.05, 0.2])
def test_whoever_was_told_of_a_lower_rate_is_told_when_it_is_over(latency_s: float) -> None:
    transport = ScriptedTransport(lambda _, number: answer(429, code=1) if number == 200 else None, latency_s)
    story = play([change(n) for n in range(2_000)], transport, rate=50.0, concurrency=8)

    lower, full = story.events_of(RateChanged)
    assert lower.rate_per_s < 50
    assert full.rate_per_s == 50


@pytest.mark.fault("F28", seen="500 of 500 updated in the end, one request in two seconds meanwhile")
def test_five_minutes_of_nothing_but_throttles_fail_no_item() -> None:
    transport: ScriptedTransport

    def script(request: Request, count: int) -> Response | None:
        return answer(429) if transport.begun[count] < 300 else None

    transport = ScriptedTransport(script, 0.05)
    story = play([change(n) for n in range(500)], transport, rate=20.0, concurrency=4)

    assert story.outcomes == ["updated"] * 500
    assert len([at_s for at_s in transport.begun if 60 < at_s < 300]) <= 0.6 * 240
