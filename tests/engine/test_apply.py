import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from math import ceil

import anyio
import orjson
import pytest

from kbsync.core.events import AttemptFailed, Event, StopRequested, TargetPaused, TargetStopped
from kbsync.core.fields import Fields
from kbsync.core.items import Item
from kbsync.core.plan import Change
from kbsync.core.settings import RetrySettings
from kbsync.core.wire import Accepted, Answer, Lost, Operation, ReadResult, Request, Response, Verdict
from kbsync.engine.dispatch import Engine
from kbsync.engine.target import Policy, Target
from kbsync.errors import StateWriteError
from tests.clock import EPOCH_S, run_virtually, virtual_clock
from tests.engine.stage import play
from tests.engine.test_pacing import most_in_a_second
from tests.fakes import LittleCodec, MemoryJournal, ScriptedTransport, answer, change, plan_of

NOT_SENT = Lost("connect", "refused", sent=False)
NO_ANSWER = Lost("timeout", "no byte", sent=True)
TLS = Lost("tls", "certificate", sent=False, fatal=True)

Reply = Response | Lost | None


def captions(number: int, target: str = "t", container: str = "c") -> list[Change]:
    return [change(index, target, container) for index in range(number)]


def metas(number: int, target: str = "t", container: str = "c") -> list[Change]:
    return [change(index, target, container, "little.meta") for index in range(number)]


def in_turn(*replies: Reply) -> ScriptedTransport:
    """Answer the first requests by *replies*, all others with success."""
    return ScriptedTransport(lambda _, count: replies[count] if count < len(replies) else None)


def always(reply: Reply) -> ScriptedTransport:
    return ScriptedTransport(lambda *_: reply)


def refusal(scope: str, reason: str, status: int = 400) -> Response:
    return answer(status, code=1, scope=scope, reason=reason)


# ------------------------------------------------------------------------------------------------ the usual way


def test_every_change_is_sent_once_and_updated() -> None:
    story = play(captions(100), transport := ScriptedTransport())

    assert story.counts == {("updated", "accepted"): 100}
    assert Counter(sent.id for sent in transport.sent) == {f"{number:06}": 1 for number in range(100)}
    assert [one.attempts for one in story.settlements] == [1] * 100


def test_an_empty_plan_sends_nothing_and_ends() -> None:
    story = play([])

    assert story.settlements == []
    assert story.journal.flushes == 1


def test_what_is_settled_is_durable_when_apply_returns() -> None:
    story = play(captions(3), ScriptedTransport(), journal=MemoryJournal(commit_s=0.1))

    assert story.journal.flushes == 1


def test_an_attempt_is_intended_sent_and_concluded_in_that_order() -> None:
    story = play(captions(1), transport := ScriptedTransport(latency_s=2), journal=MemoryJournal(commit_s=0.5))

    (intent,), (conclusion,) = story.journal.intents, story.journal.conclusions
    assert (intent.seq, intent.number, conclusion.seq, conclusion.number) == (0, 1, 0, 1)
    assert conclusion.sent_at_s == pytest.approx(EPOCH_S + transport.sent[0].at_s, abs=1e-4)
    assert conclusion.sent_at_s is not None
    assert conclusion.sent_at_s >= intent.at_s + 0.5
    assert conclusion.duration_ms == pytest.approx(2000, abs=1)
    assert (conclusion.verdict, conclusion.doubt) == ("accepted", False)
    assert story.settlements[0].duration_ms == pytest.approx(2000, abs=1)


def test_a_request_is_signed_at_the_time_it_leaves() -> None:
    play(captions(40), transport := ScriptedTransport(), rate=2)

    for sent in transport.sent:
        assert float(sent.request.headers["x-time"]) == pytest.approx(EPOCH_S + sent.at_s, abs=0.002)


def test_no_more_requests_are_open_than_the_concurrency_says() -> None:
    play(captions(100), transport := ScriptedTransport(latency_s=1), concurrency=7)

    assert transport.most_at_once == 7


def test_the_rate_holds_for_writes_reads_and_retries_together() -> None:
    transport = ScriptedTransport(lambda _, count: answer(503) if count % 3 == 0 else None)
    play([*captions(60), *metas(60)], transport, rate=10, concurrency=8)

    assert transport.reads
    assert most_in_a_second(transport.begun) <= 10
    assert most_in_a_second(transport.begun) >= 9


def test_two_changes_of_one_item_are_never_in_flight_together() -> None:
    changes = [change(number, operation=f"little.{name}") for number in range(20) for name in ("name", "meta")]
    story = play(changes, transport := ScriptedTransport(latency_s=1), concurrency=16)

    assert transport.overlaps == []
    assert set(story.outcomes) == {"updated"}


@pytest.mark.parametrize("operation", ["little.caption", "little.meta"])
def test_the_rate_holds_when_connections_stall(operation: str) -> None:
    changes = [change(number, operation=operation) for number in range(60)]
    transport = ScriptedTransport(connect_s=lambda number: max(0.0, 3 - number * 0.2))
    story = play(changes, transport, rate=5, concurrency=20)

    assert set(story.outcomes) == {"updated"}
    assert most_in_a_second(transport.begun) <= 5
    sent_s = sorted(one.sent_at_s for one in story.journal.conclusions if one.sent_at_s is not None)
    assert sent_s == pytest.approx(sorted(EPOCH_S + sent.at_s for sent in transport.writes), abs=1e-4)


def test_what_is_stopped_or_cancelled_while_it_connects_was_not_sent() -> None:
    async def stop(engine: Engine) -> None:
        await anyio.sleep(1)
        engine.request_stop("signal")

    transport = ScriptedTransport(connect_s=3)
    stopped = play(captions(20), transport, meanwhile=stop)
    cancelled = play(captions(20), ScriptedTransport(connect_s=3), cancel_at_s=1)

    assert stopped.counts == {("not_attempted", "signal"): 20}
    assert transport.begun == []
    assert stopped.seconds == pytest.approx(1, abs=0.01)
    assert cancelled.counts == {("not_attempted", "cancelled"): 20}
    for story in (stopped, cancelled):
        assert {(one.verdict, one.sent_at_s, one.doubt) for one in story.journal.conclusions} == {
            ("unsent", None, False)
        }
        assert len(story.journal.conclusions) == len(story.journal.intents) == 4


def test_what_connects_while_a_pause_begins_takes_a_turn_after_it() -> None:
    transport = ScriptedTransport(
        lambda _, count: answer(429, headers={"retry-after": "30"}, code=9) if count == 0 else None,
        connect_s=lambda number: 0.0 if number == 0 else 1.0,
    )
    story = play([*captions(5), *metas(5, container="d")], transport)

    assert set(story.outcomes) == {"updated"}
    assert transport.held_back
    assert all(at_s >= 30 for at_s in transport.begun[1:])


def test_the_time_spent_at_the_gate_is_not_the_requests_own() -> None:
    transport = ScriptedTransport(latency_s=1, connect_s=2)
    story = play(captions(4), transport, rate=0.5, concurrency=4)

    assert [one.duration_ms for one in story.journal.conclusions] == pytest.approx([3000] * 4, abs=1)


# --------------------------------------------------------------------------------------------------- retries


def test_a_transient_failure_is_retried_until_it_succeeds() -> None:
    story = play(captions(1), in_turn(answer(503), NOT_SENT, NO_ANSWER, answer(504)))

    assert story.counts == {("updated", "accepted"): 1}
    assert story.settlements[0].attempts == 5
    assert [(one.verdict, one.doubt) for one in story.journal.conclusions] == [
        *(("transient", False), ("lost", False), ("lost", True), ("transient", True), ("accepted", False))
    ]


def test_attempts_are_bounded_and_no_delay_follows_the_last() -> None:
    retry = RetrySettings(attempts=3, base_delay_s=1)
    story = play(captions(1), transport := always(answer(503)), retry=retry, jitter=lambda: 0.999)

    assert story.counts == {("failed", "http_503"): 1}
    assert len(transport.sent) == story.settlements[0].attempts == 3
    assert story.seconds == pytest.approx(0.999 * (1 + 2) + 0.03, abs=0.01)
    assert [event.delay_s for event in story.events_of(AttemptFailed)] == [0.999, 1.998]


def test_an_attempt_without_an_answer_leaves_the_change_unknown_never_failed() -> None:
    story = play(captions(1), in_turn(NO_ANSWER, *[answer(503)] * 9))

    assert story.counts == {("unknown", "http_503"): 1}


def test_a_refusal_after_an_unanswered_attempt_is_unknown() -> None:
    story = play(captions(1), in_turn(NO_ANSWER, refusal("item", "not_found", 404)))

    assert story.counts == {("unknown", "not_found"): 1}


def test_a_request_that_did_not_leave_leaves_no_doubt() -> None:
    story = play(captions(1), always(NOT_SENT))

    assert story.counts == {("failed", "connect"): 1}
    assert [one.sent_at_s for one in story.journal.conclusions] == [None] * 5


def test_a_success_ends_the_doubt_of_earlier_attempts() -> None:
    story = play(captions(1), in_turn(NO_ANSWER))

    assert story.counts == {("updated", "accepted"): 1}


def test_while_one_item_waits_its_worker_takes_others() -> None:
    transport = ScriptedTransport(lambda request, _: answer(503) if request.path.endswith("0") else None)
    retry = RetrySettings(base_delay_s=30, max_delay_s=30, attempts=2)
    story = play(captions(100), transport, concurrency=1, retry=retry, jitter=lambda: 0.9)

    first_round = [sent for sent in transport.sent if sent.at_s < 20]
    # The other 90, and as many of the failing ones as may wait for a retry at a time.
    assert len(first_round) >= 30
    assert story.counts == {("updated", "accepted"): 90, ("failed", "http_503"): 10}


def test_in_an_outage_few_changes_wait_for_a_retry() -> None:
    retry = RetrySettings(base_delay_s=60, max_delay_s=60, attempts=2, deadline_s=1000)
    story = play(captions(500), transport := always(answer(503)), concurrency=4, retry=retry, jitter=lambda: 0.99)

    assert len([sent for sent in transport.sent if sent.at_s < 50]) <= 4 * 4 + 4
    assert story.counts["failed", "http_503"] <= 35
    assert story.counts["not_attempted", "outage"] >= 500 - 35


def test_an_item_is_given_up_when_its_own_time_is_used() -> None:
    retry = RetrySettings(attempts=100, deadline_s=25)
    story = play(captions(1), transport := ScriptedTransport(lambda *_: NO_ANSWER, latency_s=10), retry=retry)

    assert story.counts == {("unknown", "timeout"): 1}
    assert len(transport.sent) == 3
    assert story.seconds == pytest.approx(30, abs=1)


def test_no_delay_ends_after_the_deadline() -> None:
    retry = RetrySettings(attempts=100, deadline_s=10, base_delay_s=60, max_delay_s=300)
    story = play(captions(1), always(answer(503)), retry=retry, jitter=lambda: 0.9)

    assert story.seconds < 0.1
    assert story.counts == {("failed", "http_503"): 1}


# ------------------------------------------------------------------------------------------------- throttling


def test_a_throttle_pauses_the_target_and_only_it() -> None:
    slow, other = in_turn(answer(429, headers={"retry-after": "30"}, code=9)), ScriptedTransport()
    story = play([*captions(50, "a"), *captions(50, "b")], slow, other, concurrency=2)

    ends_s = slow.sent[0].until_s + 30
    # What the other worker had in flight already is not called back.
    assert [at_s for at_s in slow.begun if 0.02 < at_s < ends_s] == []
    assert max(other.begun) < 1
    assert story.counts == {("updated", "accepted"): 100}
    assert story.events_of(TargetPaused) == [TargetPaused("a", 30.0)]


def test_retry_after_is_a_floor_under_the_backoff() -> None:
    retry = RetrySettings(throttle_delay_s=60, max_delay_s=300)
    play(captions(1), transport := in_turn(answer(429, headers={"retry-after": "5"}, code=9)), retry=retry)

    assert transport.sent[1].at_s - transport.sent[0].until_s == pytest.approx(30, abs=0.1)


def test_throttled_attempts_do_not_use_up_the_others() -> None:
    story = play(captions(1), in_turn(*[answer(429)] * 19, *[answer(503)] * 4), retry=RetrySettings(max_delay_s=1))

    assert story.counts == {("updated", "accepted"): 1}
    assert story.settlements[0].attempts == 24


def test_throttled_attempts_are_bounded() -> None:
    retry = RetrySettings(throttled_attempts=4, max_delay_s=1)
    story = play(captions(1), transport := always(answer(429)), retry=retry)

    assert story.counts == {("failed", "throttled"): 1}
    assert len(transport.sent) == 4


def test_pauses_of_the_target_do_not_use_up_an_items_deadline() -> None:
    retry = RetrySettings(deadline_s=10)
    story = play(captions(3), in_turn(*[answer(429, headers={"retry-after": "250"}, code=9)] * 4), retry=retry)

    assert story.seconds > 500
    assert story.counts == {("updated", "accepted"): 3}


@pytest.mark.fault("F27", seen="more than five minutes: the rest is left for the next run")
@pytest.mark.parametrize("status", [429, 503])
def test_a_retry_after_of_more_than_five_minutes_stops_the_target_politely(status: int) -> None:
    too_long = answer(status, headers={"retry-after": "301"}, code=9)
    story = play([*captions(20, "a"), *captions(20, "b")], in_turn(too_long), ScriptedTransport(), concurrency=1)

    reason = "throttled" if status == 429 else "http_503"
    assert story.counts == {("failed", reason): 1, ("not_attempted", "retry_after"): 19, ("updated", "accepted"): 20}
    assert [event.reason for event in story.events_of(TargetStopped)] == ["retry_after"]


@pytest.mark.fault("F27", seen="five minutes are waited for")
def test_a_retry_after_of_five_minutes_is_waited_for() -> None:
    story = play(captions(2), in_turn(answer(503, headers={"retry-after": "300"}, code=9)), concurrency=1)

    assert story.counts == {("updated", "accepted"): 2}
    assert story.seconds > 300


def test_the_window_holds_when_a_pause_ends() -> None:
    transport = ScriptedTransport(lambda _, count: answer(429) if count % 20 == 19 else None)
    play(captions(200), transport, rate=10, burst=3, concurrency=16)

    assert most_in_a_second(transport.begun) <= 12


# ------------------------------------------------------------------------------------- refusals, and what they stop


def test_a_refused_item_fails_and_stops_nothing_else() -> None:
    story = play(captions(10), in_turn(None, refusal("item", "not_found", 404)), concurrency=1)

    assert story.counts == {("failed", "not_found"): 1, ("updated", "accepted"): 9}


@pytest.mark.fault("F34", seen="unknown")
def test_a_doubtful_refusal_is_unknown() -> None:
    story = play(captions(1), always(answer(409)))

    assert story.counts == {("unknown", "conflict"): 1}


def test_a_refused_container_fails_its_changes_without_a_request() -> None:
    gone = refusal("container", "no_dataset", 404)
    transport = ScriptedTransport(lambda request, _: gone if "/gone/" in request.path else None)
    story = play([*captions(50, container="gone"), *captions(50, container="here")], transport, concurrency=4)

    assert story.counts == {("failed", "no_dataset"): 50, ("updated", "accepted"): 50}
    assert len([sent for sent in transport.sent if "/gone/" in sent.request.path]) <= 4
    assert Counter(one.attempts for one in story.settlements)[0] >= 46


@pytest.mark.parametrize(
    ("reply", "outcome", "reason"),
    [
        (answer(401), "failed", "unauthorised"),
        (answer(307), "failed", "redirected"),
        (TLS, "failed", "tls"),
        (refusal("target", "quota", 402), "failed", "quota"),
    ],
)
def test_what_concerns_the_target_stops_it_and_no_other(reply: Response | Lost, outcome: str, reason: str) -> None:
    bad, good = ScriptedTransport(lambda _, count: reply if count == 10 else None), ScriptedTransport()
    story = play([*captions(100, "a"), *captions(100, "b")], bad, good, concurrency=2)

    of_a = [one for one in story.settlements if one.seq < 100]
    assert {one.outcome for one in story.settlements if one.seq >= 100} == {"updated"}
    assert Counter(one.outcome for one in of_a)["not_attempted"] >= 87
    assert {one.reason for one in of_a if one.outcome == "not_attempted"} == {reason}
    assert (outcome, reason) in {(one.outcome, one.reason) for one in of_a}
    assert len(bad.sent) <= 12
    assert [event.reason for event in story.events_of(TargetStopped)] == [reason]


@pytest.mark.fault("F32", seen="the forbidden ones fail, the others are done")
def test_forbidden_for_one_item_stays_with_it() -> None:
    story = play(captions(60), in_turn(None, *[answer(403)] * 50), concurrency=1)

    assert story.counts == {("failed", "forbidden"): 50, ("updated", "accepted"): 10}


def test_forbidden_for_all_of_the_first_twenty_stops_the_target() -> None:
    story = play(captions(60), transport := always(answer(403)), concurrency=1)

    assert story.counts == {("failed", "forbidden"): 20, ("not_attempted", "unauthorised"): 40}
    assert len(transport.sent) == 20


def test_forbidden_for_all_bulk_reads_stops_the_target() -> None:
    story = play(metas(200), transport := always(answer(403)), concurrency=4)

    assert len(transport.sent) <= 20 + 3
    assert transport.writes == []
    assert [event.reason for event in story.events_of(TargetStopped)] == ["unauthorised"]
    assert story.counts[("not_attempted", "unauthorised")] >= 170


def test_reads_that_prove_nothing_do_not_hide_that_all_is_forbidden() -> None:
    def script(request: Request, _: int) -> Reply:
        return answer(code=0, fields={}) if b"," in request.body else answer(403)

    story = play(metas(200), transport := ScriptedTransport(script), concurrency=4)

    assert len(transport.sent) <= 30
    assert [event.reason for event in story.events_of(TargetStopped)] == ["unauthorised"]


@pytest.mark.fault("F23", seen="a login page or nothing for a minute: the target stops, the other goes on")
@pytest.mark.parametrize("reply", [Response(200, {}, b"<html>Sign in"), Response(200, {}, b"")])
def test_a_target_that_says_nothing_clear_for_a_minute_is_stopped(reply: Response) -> None:
    retry = RetrySettings(base_delay_s=10)
    story = play([*captions(500, "a"), *captions(50, "b")], always(reply), ScriptedTransport(), retry=retry)

    assert [(event.target, event.reason) for event in story.events_of(TargetStopped)] == [("a", "unclear")]
    assert 60 <= story.seconds < 100
    assert {one.reason for one in story.settlements if one.outcome == "not_attempted"} == {"unclear"}
    assert story.counts[("updated", "accepted")] == 50
    assert story.counts[("not_attempted", "unclear")] > 400


def test_unclear_answers_among_others_stop_nothing() -> None:
    transport = ScriptedTransport(lambda _, count: Response(200, {}, b"<html>") if count % 3 else None, latency_s=2)
    story = play(captions(100), transport, retry=RetrySettings(attempts=50))

    assert set(story.outcomes) == {"updated"}
    assert story.seconds > 60


def test_three_unclear_answers_are_too_few_to_stop_a_target() -> None:
    retry = RetrySettings(base_delay_s=60, max_delay_s=300, deadline_s=1000, attempts=3)
    story = play(captions(1), transport := always(Response(200, {}, b"")), retry=retry, jitter=lambda: 0.9)

    assert story.seconds > 60
    assert len(transport.sent) == 3
    assert story.events_of(TargetStopped) == []


@pytest.mark.fault("F38", seen="corrected by the server's, signed again, all updated")
def test_a_wrong_clock_is_corrected_once_and_the_request_signed_again() -> None:
    server_ahead_s = 1200.0

    def script(request: Request, _: int) -> Reply:
        now_s = EPOCH_S + anyio.current_time() + server_ahead_s
        signed_s = float(request.headers["x-time"])
        return None if abs(signed_s - now_s) < 60 else answer(401, code=100006, server_time=now_s)

    story = play(captions(50), transport := ScriptedTransport(script), concurrency=4)

    assert story.counts == {("updated", "accepted"): 50}
    assert len(transport.sent) <= 54
    assert len(story.journal.conclusions) == len(transport.sent)


@pytest.mark.fault("F38", seen="a clock that stays wrong stops the target after two requests")
def test_a_clock_that_stays_wrong_stops_the_target() -> None:
    story = play(captions(50), transport := always(answer(401, code=1, server_time=EPOCH_S + 9e6)), concurrency=1)

    assert story.counts == {("failed", "unauthorised"): 1, ("not_attempted", "unauthorised"): 49}
    assert len(transport.sent) == 2


# ---------------------------------------------------------------------------------------------- stopping, limits


def test_drain_ends_what_is_in_flight_and_begins_nothing() -> None:
    async def stop(engine: Engine) -> None:
        await anyio.sleep(1.5)
        engine.request_stop("signal")
        engine.request_stop("deadline")

    story = play(captions(100), transport := ScriptedTransport(latency_s=1), concurrency=4, meanwhile=stop)

    assert story.counts == {("updated", "accepted"): 8, ("not_attempted", "signal"): 92}
    assert max(transport.begun) < 1.5
    assert story.seconds < 2.1
    assert story.events_of(StopRequested) == [StopRequested("signal")]


@pytest.mark.fault("F44", seen="paused, backing off or pacing: ended within 0.1 s")
@pytest.mark.parametrize(
    "transport",
    [
        always(answer(429, headers={"retry-after": "250"}, code=9)),
        always(answer(503)),
        ScriptedTransport(),
    ],
    ids=["paused", "backing off", "pacing"],
)
def test_a_stop_is_noticed_at_once_in_any_wait(transport: ScriptedTransport) -> None:
    async def stop(engine: Engine) -> None:
        await anyio.sleep(5)
        engine.request_stop("signal")

    retry = RetrySettings(base_delay_s=60, max_delay_s=300, deadline_s=3600)
    story = play(captions(50), transport, rate=0.1, retry=retry, meanwhile=stop)

    assert story.seconds < 5.1
    assert len(story.settlements) == 50


def test_what_was_stopped_between_intent_and_sending_was_not_sent() -> None:
    async def stop(engine: Engine) -> None:
        await anyio.sleep(5)
        engine.request_stop("signal")

    story = play(captions(50), transport := ScriptedTransport(), rate=0.1, meanwhile=stop)

    unsent = [one for one in story.journal.conclusions if one.sent_at_s is None]
    assert len(transport.sent) == 1
    assert {(one.verdict, one.doubt) for one in unsent} == {("unsent", False)}
    assert len(story.journal.conclusions) == len(story.journal.intents)
    assert story.counts == {("updated", "accepted"): 1, ("not_attempted", "signal"): 49}


def test_a_change_that_was_stopped_between_attempts_tells_what_happened_to_it() -> None:
    async def stop(engine: Engine) -> None:
        await anyio.sleep(1)
        engine.request_stop("signal")

    transport = ScriptedTransport(lambda _, count: (NO_ANSWER, answer(503))[count % 2])
    retry = RetrySettings(base_delay_s=60, max_delay_s=300)
    story = play(captions(2), transport, retry=retry, meanwhile=stop)

    assert story.counts == {("unknown", "timeout"): 1, ("failed", "http_503"): 1}


def test_cancel_leaves_what_is_in_flight_unknown_and_the_rest_not_attempted() -> None:
    async def cancel(engine: Engine) -> None:
        await anyio.sleep(1.5)
        engine.request_stop("signal")
        engine.cancel()

    story = play(captions(100), ScriptedTransport(latency_s=1), concurrency=4, meanwhile=cancel)

    assert story.counts == {
        ("updated", "accepted"): 4,
        ("unknown", "cancelled"): 4,
        ("not_attempted", "signal"): 92,
    }
    assert story.seconds < 1.6
    assert len(story.journal.conclusions) == len(story.journal.intents)
    assert story.journal.flushes == 1


def test_thousands_that_are_left_cost_the_journal_a_word_a_target() -> None:
    plan = [*captions(3_500, "a"), *captions(3_500, "b"), *captions(3, "c")]
    transports = [ScriptedTransport(latency_s=1), ScriptedTransport(latency_s=1), ScriptedTransport()]
    story = play(plan, *transports, concurrency=4, cancel_at_s=0.5)

    assert story.journal.left == {"a": "cancelled", "b": "cancelled"}
    assert len(story.journal.settlements) == 11
    assert Counter(story.outcomes) == {"unknown": 8, "not_attempted": 6_992, "updated": 3}


def test_cancelling_the_scope_around_it_is_like_cancel() -> None:
    story = play(captions(100), ScriptedTransport(latency_s=1), concurrency=4, cancel_at_s=0.5)

    assert story.counts == {("unknown", "cancelled"): 4, ("not_attempted", "cancelled"): 96}
    assert story.journal.flushes == 1


def test_a_stop_before_the_start_sends_nothing() -> None:
    async def scenario(engine: Engine) -> None:
        engine.request_stop("signal")

    story = play(captions(5), transport := ScriptedTransport(), meanwhile=scenario, journal=MemoryJournal(commit_s=1))

    assert transport.sent == []
    assert set(story.outcomes) == {"not_attempted"}


def test_a_limit_counts_the_changes_that_are_begun() -> None:
    story = play(captions(50), transport := in_turn(answer(503)), policy=Policy(limit=7))

    assert story.counts == {("updated", "accepted"): 7, ("not_attempted", "limit"): 43}
    assert len(transport.sent) == 8
    assert story.events_of(StopRequested) == [StopRequested("limit")]


def test_a_limit_that_is_not_reached_is_not_mentioned() -> None:
    story = play(captions(7), ScriptedTransport(), policy=Policy(limit=7))

    assert story.counts == {("updated", "accepted"): 7}
    assert story.events_of(StopRequested) == []


def test_on_error_drain_stops_all_targets_at_the_first_error() -> None:
    bad, good = in_turn(None, refusal("item", "not_found", 404)), ScriptedTransport(latency_s=1)
    story = play([*captions(50, "a"), *captions(50, "b")], bad, good, policy=Policy("drain"), concurrency=1)

    assert story.counts == {
        ("updated", "accepted"): 2,
        ("failed", "not_found"): 1,
        ("not_attempted", "errors"): 97,
    }


def test_on_error_abort_cancels_what_is_in_flight() -> None:
    bad, good = in_turn(None, refusal("item", "not_found", 404)), ScriptedTransport(latency_s=1)
    story = play([*captions(50, "a"), *captions(50, "b")], bad, good, policy=Policy("abort"), concurrency=1)

    assert story.counts == {
        ("updated", "accepted"): 1,
        ("failed", "not_found"): 1,
        ("unknown", "cancelled"): 1,
        ("not_attempted", "errors"): 97,
    }


def test_more_errors_than_allowed_stop_the_run() -> None:
    story = play(captions(50), always(answer(404)), policy=Policy(max_errors=3), concurrency=1)

    assert story.counts == {("failed", "status"): 4, ("not_attempted", "errors"): 46}


@pytest.mark.parametrize(("percent", "failed"), [(50.0, 50), (9.0, 2)])
def test_an_error_rate_counts_from_twenty_changes_on(percent: float, failed: int) -> None:
    transport = ScriptedTransport(lambda _, count: answer(404) if count % 10 == 0 else None)
    story = play(captions(500), transport, policy=Policy(max_error_rate=percent), concurrency=1)

    assert Counter(story.outcomes)["failed"] == failed


# ------------------------------------------------------------------------------------------- reading before writing


def test_live_values_are_read_in_bulk_and_handed_to_the_write() -> None:
    story = play(metas(100), transport := ScriptedTransport(), rate=100)

    assert story.counts == {("updated", "accepted"): 100}
    assert len(transport.reads) == 10
    assert all(f'"meta.live":"{sent.id}"'.encode() in sent.request.body for sent in transport.writes)
    assert story.journal.reads == [("t", "little.meta", 10)] * 10
    assert len(story.journal.read_ends) == 10
    assert [one.attempts for one in story.settlements] == [1] * 100


def test_workers_go_on_writing_while_the_next_read_is_under_way() -> None:
    def latency(_: int) -> float:
        return 0.5

    story = play(metas(200), transport := ScriptedTransport(latency_s=latency), rate=1_000, concurrency=8)

    # 200 writes and 20 reads of half a second each, eight at a time: the reads cost one worker, not all.
    assert story.seconds < (200 + 20) * 0.5 / 8 * 1.35
    assert transport.most_at_once > 8


def test_no_more_is_read_than_is_written_within_five_seconds() -> None:
    play(metas(20), transport := ScriptedTransport(), rate=0.5, concurrency=2)

    assert {len(sent.request.body.split(b",")) for sent in transport.reads} <= {1, 2}


def test_items_that_are_read_alone_are_written_however_long_a_read_takes() -> None:
    def script(request: Request, _: int) -> Reply:
        several = request.path.startswith("/read/") and len(orjson.loads(request.body)) > 1
        return answer(code=0, fields={}) if several else None

    story = play(metas(40), transport := ScriptedTransport(script, latency_s=3), rate=100, concurrency=2)

    assert story.counts == {("updated", "accepted"): 40}
    assert len(transport.reads) <= 2 * 40


def test_items_that_a_bulk_read_did_not_prove_are_read_alone() -> None:
    def script(request: Request, _: int) -> Reply:
        if request.path.startswith("/read/") and b"," in request.body:
            return answer(code=0, fields={"000001": {"meta.live": "000001"}})
        return None

    story = play(metas(5), transport := ScriptedTransport(script))

    assert story.counts == {("updated", "accepted"): 5}
    assert len(transport.reads) == 1 + 4


def test_an_item_that_is_never_proven_fails_without_a_write() -> None:
    story = play(metas(1), transport := always(answer(code=0, fields={})))

    assert story.counts == {("failed", "unproven"): 1}
    assert transport.writes == []
    assert len(transport.reads) == 5


def test_a_read_that_is_accepted_but_holds_nothing_proves_nothing() -> None:
    class Hollow(LittleCodec):
        def decode_read(self, operation: str, items: Sequence[Item], response: Response) -> Verdict:
            return Accepted(Answer(200, 0))

    story = play(metas(1), transport := ScriptedTransport(), codec=Hollow())

    assert story.counts == {("failed", "unproven"): 1}
    assert transport.writes == []


def test_a_missing_item_fails_without_a_write() -> None:
    def script(request: Request, _: int) -> Reply:
        if request.path.startswith("/read/"):
            return answer(code=0, fields={"000001": {}}, missing=["000000"])
        return None

    story = play(metas(2), transport := ScriptedTransport(script))

    assert [(one.outcome, one.reason, one.attempts) for one in story.settlements] == [
        *(("failed", "not_found", 0), ("updated", "accepted", 1))
    ]
    assert len(transport.writes) == 1


def test_a_read_is_retried_with_backoff_and_bounded() -> None:
    story = play(metas(10), transport := always(answer(503)))

    assert story.counts == {("failed", "http_503"): 10}
    assert len(transport.reads) == 5
    assert transport.writes == []
    gaps = [after.at_s - before.until_s for before, after in pairwise(transport.reads)]
    assert gaps == pytest.approx([0.125, 0.25, 0.5, 1.0], abs=0.01)


def test_a_throttled_read_pauses_the_target() -> None:
    story = play(metas(10), in_turn(answer(429, headers={"retry-after": "20"}, code=9)))

    assert story.counts == {("updated", "accepted"): 10}
    assert story.seconds > 20


def test_a_read_of_a_missing_container_fails_all_of_it() -> None:
    gone = refusal("container", "no_collection", 404)
    transport = ScriptedTransport(lambda request, _: gone if request.path.startswith("/read/") else None)
    story = play([*metas(100), *captions(10, container="d")], transport)

    assert story.counts == {("failed", "no_collection"): 100, ("updated", "accepted"): 10}
    assert len(transport.reads) == 1


def test_a_bulk_read_that_is_refused_for_one_item_does_not_fail_the_others() -> None:
    def script(request: Request, _: int) -> Reply:
        if request.path.startswith("/read/") and b"000003" in request.body:
            return refusal("item", "bad_id")
        return None

    story = play(metas(10), ScriptedTransport(script))

    assert story.counts == {("updated", "accepted"): 9, ("failed", "bad_id"): 1}


def test_a_bulk_read_whose_answer_is_too_long_is_split() -> None:
    def script(request: Request, _: int) -> Reply:
        too_long = request.path.startswith("/read/") and b"," in request.body
        return Lost("oversized", "5 MiB", sent=True) if too_long else None

    story = play(metas(10), transport := ScriptedTransport(script))

    assert story.counts == {("updated", "accepted"): 10}
    assert len(transport.reads) == 11


def test_an_old_read_is_made_again_before_a_late_retry() -> None:
    replies: list[Reply] = [None, answer(503)]
    retry = RetrySettings(base_delay_s=40, max_delay_s=300)
    story = play(metas(1), transport := in_turn(*replies), retry=retry)

    assert [sent.request.path.split("/")[1] for sent in transport.sent] == [
        "read",
        "little.meta",
        "read",
        "little.meta",
    ]
    assert story.counts == {("updated", "accepted"): 1}


def test_a_read_that_got_old_in_a_pause_is_made_again_in_bulk() -> None:
    def script(_: Request, count: int) -> Reply:
        return answer(429, headers={"retry-after": "60"}, code=9) if count == 3 else None

    story = play(metas(10), transport := ScriptedTransport(script), concurrency=4, rate=100)

    resumed_s = 60
    for sent in transport.writes:
        if sent.at_s > resumed_s:
            assert any(sent.at_s - 10 <= read.until_s <= sent.at_s for read in transport.reads)
    assert story.counts == {("updated", "accepted"): 10}
    assert len(transport.reads) <= 6


@pytest.mark.parametrize(
    ("rate", "concurrency", "connect_s"),
    [
        *((1.0, 64, 0.0), (0.2, 16, 0.0), (0.2, 16, 3.0), (0.39, 8, 1.0), (0.5, 64, 0.0), (3.3, 30, 0.5)),
        *((10.0, 4, 0.1), (10.0, 64, 3.0), (200.0, 64, 0.0)),
    ],
)
def test_live_values_are_fresh_when_they_are_written_over(rate: float, concurrency: int, connect_s: float) -> None:
    def script(_: Request, count: int) -> Reply:
        return answer(503) if count % 7 == 3 else None

    changes = [*captions(40), *metas(150, container="d")]
    transport = ScriptedTransport(script, latency_s=0.2, connect_s=lambda number: connect_s if number % 5 else 0.0)
    retry = RetrySettings(attempts=20, deadline_s=3600)
    story = play(changes, transport, rate=rate, concurrency=concurrency, retry=retry)

    assert set(story.outcomes) == {"updated"}
    assert _oldest_write_s(transport) <= max(10.0, 2.1 / rate)
    assert most_in_a_second(transport.begun) <= ceil(rate)
    if not connect_s:
        assert len(transport.reads) <= 280 / max(1, 0.7 * min(10, int(rate * 5)))


def test_what_keeps_an_overlay_from_its_turn_does_not_do_so_for_ever() -> None:
    story = play(metas(3), ScriptedTransport(), journal=MemoryJournal(commit_s=11), concurrency=1)

    assert set(story.outcomes) == {"updated"}


def _oldest_write_s(transport: ScriptedTransport) -> float:
    """Return the greatest age that live values had when they were written over."""
    read_s: dict[str, float] = {}
    oldest_s = 0.0
    for sent in sorted(transport.sent, key=lambda sent: (sent.at_s, sent.until_s)):
        if sent.request.path.startswith("/read/"):
            read_s |= dict.fromkeys(orjson.loads(sent.request.body), sent.until_s)
        elif "/little.meta/" in sent.request.path:
            oldest_s = max(oldest_s, sent.at_s - read_s[sent.id])
    return oldest_s


@pytest.mark.parametrize("rate", [0.05, 0.3, 1])
def test_a_slow_rate_does_not_make_reads_old_for_ever(rate: float) -> None:
    story = play(metas(6), transport := ScriptedTransport(), rate=rate, concurrency=4)

    assert story.counts == {("updated", "accepted"): 6}
    assert len(transport.sent) <= 12


# --------------------------------------------------------------------------------------------- trouble of our own


def test_when_the_state_cannot_be_written_nothing_more_begins_and_it_is_raised() -> None:
    story = play(
        captions(100),
        transport := ScriptedTransport(latency_s=1),
        journal=MemoryJournal(breaks_after=10),
        concurrency=4,
    )

    assert isinstance(story.error, StateWriteError)
    assert len(transport.sent) == 10
    assert Counter(story.outcomes) == {"updated": 10, "not_attempted": 90}
    assert {one.reason for one in story.settlements if one.outcome == "not_attempted"} == {"state"}


def test_when_the_state_cannot_be_written_requests_in_flight_are_not_waited_for_for_ever() -> None:
    transport = ScriptedTransport(latency_s=1e6)
    story = play(captions(10), transport, journal=MemoryJournal(breaks_after=3), concurrency=4)

    assert isinstance(story.error, StateWriteError)
    assert story.seconds == pytest.approx(60, abs=0.1)
    assert story.counts == {("unknown", "cancelled"): 3, ("not_attempted", "state"): 7}


def test_a_state_that_never_answers_is_not_waited_for_for_ever() -> None:
    class Stuck(MemoryJournal):
        async def flush(self) -> None:
            await anyio.sleep_forever()

    ended = play(captions(2), ScriptedTransport(), journal=Stuck())
    cancelled = play(captions(2), ScriptedTransport(latency_s=9), journal=Stuck(), policy=Policy(), cancel_at_s=0.5)

    assert isinstance(ended.error, StateWriteError)
    assert ended.seconds == pytest.approx(60, abs=0.1)
    assert isinstance(cancelled.error, StateWriteError)
    assert cancelled.seconds == pytest.approx(5.5, abs=0.1)


def test_changes_that_are_settled_already_are_passed_over() -> None:
    plan = plan_of(captions(5))
    journal, transport = MemoryJournal(), ScriptedTransport()

    async def scenario() -> None:
        engine = Engine(
            [Target("t", LittleCodec(), transport, 100.0)],
            journal,
            lambda _: None,
            RetrySettings(),
            Policy(),
            virtual_clock(),
        )
        await engine.apply(plan, {1, 3})

    run_virtually(scenario)

    assert sorted(settlement.seq for settlement in journal.settlements) == [0, 2, 4]
    assert len(transport.sent) == 3


def test_nothing_is_sent_while_an_earlier_runs_sends_may_count() -> None:
    transport = ScriptedTransport()

    async def scenario() -> None:
        target = Target("t", LittleCodec(), transport, 100.0, not_before_s=EPOCH_S + 0.8)
        engine = Engine([target], MemoryJournal(), lambda _: None, RetrySettings(), Policy(), virtual_clock())
        await engine.apply(plan_of(captions(5)))

    run_virtually(scenario)

    assert min(transport.begun) >= 0.8


@pytest.mark.fault("F45", seen="one change fails as `defect`, nine are done, the error is raised at the end")
def test_a_defect_in_a_codec_costs_its_item_and_is_raised_at_the_end() -> None:
    class Broken(LittleCodec):
        def encode(self, operation: str, item: Item, desired: Fields, live: object | None) -> Request:
            if item.id == "000003":
                raise RuntimeError("a secret, perhaps")
            return super().encode(operation, item, desired, live)

    story = play(captions(10), ScriptedTransport(), codec=Broken())

    assert story.counts == {("updated", "accepted"): 9, ("failed", "defect"): 1}
    assert isinstance(story.error, RuntimeError)
    assert story.settlements[3].answer == Answer(message="RuntimeError")


def test_an_operation_that_a_provider_does_not_have_costs_its_change_alone() -> None:
    changes = [*captions(10, "a"), *captions(10, "b")]
    changes[3] = replace(changes[3], operation="little.nope")
    story = play(changes, first := ScriptedTransport(), ScriptedTransport())

    assert story.counts == {("updated", "accepted"): 19, ("failed", "defect"): 1}
    assert story.settlements[3].reason == "defect"
    assert len(first.sent) == 9
    assert isinstance(story.error, ValueError)
    assert story.journal.flushes == 1


@pytest.mark.parametrize("method", ["encode_read", "decode_read"])
def test_a_defect_in_a_bulk_read_costs_only_its_item(method: str) -> None:
    class Broken(LittleCodec):
        def encode_read(self, operation: str, items: Sequence[Item]) -> Request:
            self._check("encode_read", items)
            return super().encode_read(operation, items)

        def decode_read(self, operation: str, items: Sequence[Item], response: Response) -> ReadResult | Verdict:
            self._check("decode_read", items)
            return super().decode_read(operation, items, response)

        def _check(self, where: str, items: Sequence[Item]) -> None:
            if where == method and any(item.id == "000003" for item in items):
                raise RuntimeError

    story = play(metas(20), ScriptedTransport(), codec=Broken())

    assert story.counts == {("updated", "accepted"): 19, ("failed", "defect"): 1}
    assert isinstance(story.error, RuntimeError)


def test_a_defect_that_no_item_can_be_blamed_for_costs_its_target_alone() -> None:
    class Broken(LittleCodec):
        operations: Mapping[str, Operation] = {**LittleCodec.operations, "little.caption": None}  # type: ignore[dict-item]

    codecs = {"a": Broken(), "b": LittleCodec()}
    journal = MemoryJournal()
    events: list[Event] = []

    async def scenario() -> None:
        targets = [Target(name, codec, ScriptedTransport(), 100.0, concurrency=1) for name, codec in codecs.items()]
        engine = Engine(targets, journal, events.append, RetrySettings(), Policy(), virtual_clock())
        with pytest.raises(AttributeError):
            await engine.apply(plan_of([*captions(5, "a"), *captions(5, "b")]))

    run_virtually(scenario)

    assert Counter(one.outcome for one in journal.settlements)["updated"] == 5
    assert events == [TargetStopped("a", "defect", Answer(message="AttributeError"))]


def test_a_defect_after_sending_leaves_the_change_unknown() -> None:
    class Broken(LittleCodec):
        def decode(self, response: Response) -> object:  # type: ignore[override]
            raise RuntimeError

    story = play(captions(2), ScriptedTransport(), codec=Broken())

    assert story.counts == {("unknown", "defect"): 2}
    assert [one.doubt for one in story.journal.conclusions] == [True, True]


def test_a_listener_that_fails_changes_nothing_that_is_sent() -> None:
    async def deafen(engine: Engine) -> None:
        def fail(_: object) -> None:
            raise BrokenPipeError

        engine._run._observe = fail

    story = play(
        captions(10), in_turn(answer(503)), meanwhile=deafen, journal=MemoryJournal(commit_s=0.1), concurrency=2
    )

    assert story.counts == {("updated", "accepted"): 10}
    assert isinstance(story.error, BrokenPipeError)


def test_the_engine_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "kbsync")
    play(captions(3), in_turn(answer(503), answer(429)))

    assert [record for record in caplog.records if record.name.startswith("kbsync")] == []
