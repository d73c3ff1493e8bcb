"""What happens when a provider is down: few requests, no failed items, and a run that goes on or gives up politely."""

from collections.abc import Callable
from itertools import pairwise

import anyio
import pytest

from kbsync.core.events import OutageBegan, OutageEnded, TargetStopped
from kbsync.core.plan import Change
from kbsync.core.settings import RetrySettings
from kbsync.core.state import MOST_ATTEMPTS
from kbsync.core.wire import Lost, Request, Response
from kbsync.engine.breaker import PROBE_EVERY_S
from kbsync.engine.dispatch import Engine
from kbsync.engine.target import Policy
from tests.engine.stage import play
from tests.fakes import ScriptedTransport, answer, change

DOWN = [
    answer(503),
    answer(504),
    Lost("connect", "", sent=False),
    Lost("dns", "", sent=False),
    Lost("timeout", "", sent=True),
    Lost("disconnected", "", sent=True),
]
Reply = Response | Lost | None


def captions(count: int, target: str = "t") -> list[Change]:
    return [change(number, target) for number in range(count)]


def down_from(first: int, reply: Reply, until: int = 10**9) -> Callable[[Request, int], Reply]:
    """Answer well, but not from the request *first* on, up to *until*."""
    return lambda _, number: reply if first <= number < until else None


@pytest.mark.fault("F30", seen="35 retries, then one probe in a quarter of a minute")
@pytest.mark.parametrize("reply", DOWN, ids=repr)
@pytest.mark.parametrize("concurrency", [1, 4, 16])
def test_after_thirty_five_failures_there_are_only_probes(reply: Reply, concurrency: int) -> None:
    transport = ScriptedTransport(down_from(100, reply), 0.05)
    play(captions(1_000), transport, rate=100.0, concurrency=concurrency, policy=Policy(max_outage_s=600))

    began_s = transport.sent[100].at_s
    failed = transport.sent[100:]
    probes = [sent for sent in failed if sent.at_s > began_s + PROBE_EVERY_S]
    at_once = len(failed) - len(probes)
    assert at_once <= 35 + concurrency
    retries = [sent.id for sent in failed if sent not in probes]
    assert len(retries) - len(set(retries)) <= 35
    assert len(probes) <= 600 / PROBE_EVERY_S
    assert all(later.at_s - earlier.at_s >= PROBE_EVERY_S for earlier, later in pairwise(probes))


@pytest.mark.fault("F30", seen="what was not sent is left for the next run")
@pytest.mark.parametrize("reply", DOWN, ids=repr)
def test_what_was_not_sent_is_left_for_the_next_run(reply: Reply) -> None:
    transport = ScriptedTransport(down_from(100, reply), 0.05)
    story = play(captions(1_000), transport, rate=100.0, policy=Policy(max_outage_s=120))

    reached = {sent.id for sent in transport.sent[100:]} if getattr(reply, "sent", True) else set()
    assert story.counts["updated", "accepted"] == 100
    assert story.counts["not_attempted", "outage"] == 1_000 - 100 - len(reached)
    assert story.error is None
    assert [(event.target, event.reason) for event in story.events_of(TargetStopped)] == [("t", "outage")]


def test_an_outage_that_ends_costs_no_item() -> None:
    transport = ScriptedTransport(down_from(100, answer(503), until=150), 0.05)
    story = play(captions(1_000), transport, rate=100.0, concurrency=16)

    assert story.outcomes == ["updated"] * 1_000
    (began,) = story.events_of(OutageBegan)
    (ended,) = story.events_of(OutageEnded)
    assert (began.target, began.reason) == ("t", "http_503")
    assert ended.lasted_s >= PROBE_EVERY_S


def test_probes_use_up_no_attempts_and_no_time_of_an_item() -> None:
    transport = ScriptedTransport(down_from(0, Lost("timeout", "", sent=True), until=80), 40.0)
    retry = RetrySettings(attempts=2, deadline_s=100, quota=3)
    story = play(captions(5), transport, concurrency=2, retry=retry, policy=Policy(max_outage_s=None))

    assert story.counts["updated", "accepted"] >= 3
    assert not story.events_of(TargetStopped)


@pytest.mark.fault("F50", seen="the other one is done at full speed")
def test_while_one_provider_is_down_the_other_is_served() -> None:
    healthy = ScriptedTransport(latency_s=0.05)
    down = ScriptedTransport(down_from(0, answer(503)), 0.05)
    story = play([*captions(300, "a"), *captions(300, "b")], healthy, down, rate=100.0, policy=Policy(max_outage_s=60))

    assert story.counts["updated", "accepted"] == 300
    assert max(sent.until_s for sent in healthy.sent) < 5
    assert story.counts["not_attempted", "outage"] >= 300 - 35


def test_a_third_of_failures_at_full_speed_is_no_outage() -> None:
    transport = ScriptedTransport(lambda _, number: answer(503) if number % 10 < 3 else None, 0.01)
    story = play(captions(20_000), transport, rate=2_000.0, concurrency=16)

    assert not story.events_of(OutageBegan)
    assert story.counts["updated", "accepted"] > 19_900


def test_a_refusal_is_a_clear_answer() -> None:
    story = play(captions(500), ScriptedTransport(lambda *_: answer(404)))

    assert not story.events_of(OutageBegan)
    assert len(story.outcomes) == story.outcomes.count("failed")


def test_a_stop_during_an_outage_ends_the_run_at_once() -> None:
    async def stop(engine: Engine) -> None:
        await anyio.sleep(100)
        engine.request_stop("signal")

    transport = ScriptedTransport(down_from(0, answer(503)), 0.05)
    story = play(captions(200), transport, meanwhile=stop)

    assert story.seconds == pytest.approx(100, abs=0.1)
    assert story.counts["not_attempted", "signal"] >= 200 - 35


def test_the_time_of_a_run_ends_it() -> None:
    transport = ScriptedTransport(latency_s=0.2)
    story = play(captions(1_000), transport, rate=10.0, policy=Policy(max_duration_s=20))

    assert story.counts["updated", "accepted"] == len(transport.sent)
    assert story.counts["not_attempted", "deadline"] == 1_000 - len(transport.sent)
    assert 20 <= story.seconds <= 20.3


def test_what_is_under_way_when_the_time_is_over_is_not_waited_for_for_long() -> None:
    transport = ScriptedTransport(latency_s=lambda number: 0.1 if number < 50 else 60.0)
    story = play(captions(1_000), transport, rate=10.0, policy=Policy(max_duration_s=20))

    assert story.seconds <= 22
    assert set(story.outcomes) == {"updated", "unknown", "not_attempted"}


def test_an_item_that_opens_the_circuit_again_and_again_is_given_up_like_any() -> None:
    transport = ScriptedTransport(lambda request, _: answer(500) if request.path.endswith("000003") else None, 0.05)
    story = play(captions(2_000), transport, rate=100.0, retry=RetrySettings(quota=1))

    assert story.counts == {("updated", "accepted"): 1_999, ("failed", "http_500"): 1}
    assert len([sent for sent in transport.sent if sent.id == "000003"]) <= 2 * RetrySettings().attempts


def test_the_longest_outage_has_no_item_tried_more_often_than_can_be_recorded() -> None:
    transport = ScriptedTransport(lambda *_: answer(503))
    story = play(captions(1), transport, retry=RetrySettings(quota=1), policy=Policy(max_outage_s=6 * 3600))

    assert story.error is None
    assert story.counts == {("failed", "http_503"): 1}
    assert len(transport.sent) == MOST_ATTEMPTS
