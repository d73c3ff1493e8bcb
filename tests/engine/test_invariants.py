"""What holds for any plan, any answers, any rate and any moment of stopping."""

from collections import Counter, defaultdict
from math import ceil

import anyio
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbsync.core.events import OutageBegan
from kbsync.core.items import Item
from kbsync.core.plan import Change
from kbsync.core.settings import RetrySettings
from kbsync.core.wire import Accepted, Lost, Request, Response
from kbsync.engine.dispatch import Engine
from kbsync.engine.target import Policy
from tests.clock import EPOCH_S
from tests.engine.stage import Play, play
from tests.engine.test_pacing import most_in_a_second
from tests.fakes import LittleCodec, MemoryJournal, ScriptedTransport, answer, change

Reply = Response | Lost | None

REPLIES: list[Reply] = [
    None,
    answer(429),
    answer(429, headers={"retry-after": "2"}, code=1),
    answer(429, headers={"retry-after": "900"}, code=1),
    answer(500),
    answer(503, headers={"retry-after": "1"}, code=1),
    answer(504),
    Response(200, {}, b"<html>"),
    answer(code=4013),
    answer(code=0, fields={}),
    answer(code=0, fields={}, missing=["000001", "000002"]),
    answer(403),
    answer(404),
    answer(409),
    answer(400, code=1, scope="container", reason="no_container"),
    answer(402, code=1, scope="target", reason="quota"),
    answer(302),
    answer(401),
    answer(401, code=1, server_time=1.0e9),
    Lost("timeout", "", sent=True),
    Lost("connect", "", sent=False),
    Lost("oversized", "", sent=True),
    Lost("tls", "", sent=False, fatal=True),
]
MILD = [
    reply for reply in REPLIES if reply is None or (isinstance(reply, Response) and reply.status in {200, 429, 503})
]

CHANGES = st.lists(
    st.builds(
        lambda number, target, container, operation: change(number, target, f"{target}-{container}", operation),
        st.integers(0, 12),
        st.sampled_from("ab"),
        st.sampled_from("xy"),
        st.sampled_from(("little.caption", "little.name", "little.meta")),
    ),
    max_size=40,
    unique_by=lambda one: (one.item, one.operation),
)
SCRIPT = st.one_of(
    st.lists(st.sampled_from(REPLIES), max_size=60),
    st.lists(st.sampled_from([*MILD, *[None] * 10]), max_size=120),
)
RETRY = st.builds(
    RetrySettings,
    attempts=st.integers(1, 6),
    throttled_attempts=st.integers(1, 6),
    base_delay_s=st.sampled_from((0.01, 1.0, 20.0)),
    throttle_delay_s=st.sampled_from((0.01, 1.0)),
    max_delay_s=st.sampled_from((0.5, 30.0)),
    deadline_s=st.sampled_from((1.0, 20.0, 180.0)),
    quota=st.sampled_from((1, 5, 35, 1_000)),
)
POLICY = st.builds(
    Policy,
    on_error=st.sampled_from(("continue", "continue", "drain", "abort")),
    max_errors=st.one_of(st.none(), st.integers(1, 5)),
    max_error_rate=st.one_of(st.none(), st.just(50.0)),
    limit=st.one_of(st.none(), st.integers(0, 40)),
    max_duration_s=st.sampled_from((None, None, 0.001, 2.0, 100.0)),
    max_outage_s=st.sampled_from((0.0, 20.0, 600.0)),
)
STOPS = st.lists(
    st.tuples(st.sampled_from((0.0, 0.005, 0.05, 0.7, 3.0, 30.0)), st.sampled_from(("stop", "cancel"))), max_size=2
)


@settings(max_examples=150)
@given(
    changes=CHANGES,
    scripts=st.tuples(SCRIPT, SCRIPT),
    rate=st.sampled_from((0.5, 5.0, 50.0, 5_000.0)),
    burst=st.sampled_from((1, 1, 3)),
    concurrency=st.integers(1, 9),
    latencies=st.lists(st.sampled_from((0.0, 0.001, 0.3, 12.0)), min_size=1, max_size=5),
    connects=st.lists(st.sampled_from((0.0, 0.0, 0.001, 0.05, 3.0)), min_size=1, max_size=5),
    retry=RETRY,
    policy=POLICY,
    stops=STOPS,
    cancel_at_s=st.one_of(st.none(), st.sampled_from((0.0, 0.004, 0.4, 5.0, 60.0))),
    breaks_after=st.one_of(st.none(), st.integers(0, 20)),
    commit_s=st.sampled_from((0.0, 0.01, 2.0)),
    jitter=st.sampled_from((0.0, 0.5, 0.999)),
)
def test_whatever_happens_every_change_has_one_true_end(
    changes: list[Change],
    scripts: tuple[list[Reply], list[Reply]],
    rate: float,
    burst: int,
    concurrency: int,
    latencies: list[float],
    connects: list[float],
    retry: RetrySettings,
    policy: Policy,
    stops: list[tuple[float, str]],
    cancel_at_s: float | None,
    breaks_after: int | None,
    commit_s: float,
    jitter: float,
) -> None:
    async def stop(engine: Engine) -> None:
        for after_s, how in stops:
            await anyio.sleep(after_s)
            if how == "stop":
                engine.request_stop("signal")
            else:
                engine.cancel()

    by_target = dict(zip("ab", scripts, strict=True))
    story = play(
        changes,
        *(_scripted(by_target[name], latencies, connects) for name in sorted({one.item.target for one in changes})),
        rate=rate,
        burst=burst,
        concurrency=concurrency,
        retry=retry,
        policy=policy,
        journal=MemoryJournal(commit_s, breaks_after),
        jitter=lambda: jitter,
        meanwhile=stop,
        cancel_at_s=cancel_at_s,
    )

    _everything_is_accounted_for(story)
    _attempts_are_within_bounds(story, retry)
    _outcomes_are_true(story)
    _send_times_are_true(story)
    for transport in story.transports.values():
        assert transport.overlaps == []
        assert most_in_a_second(transport.begun) <= ceil(rate) + burst - 1
        assert transport.most_at_once <= concurrency * 10


def _scripted(script: list[Reply], latencies: list[float], connects: list[float]) -> ScriptedTransport:
    return ScriptedTransport(
        lambda _, count: script[count] if count < len(script) else None,
        lambda count: latencies[count % len(latencies)],
        lambda count: connects[count % len(connects)],
    )


def _everything_is_accounted_for(story: Play) -> None:
    assert [one.seq for one in story.settlements] == list(range(len(story.plan.changes)))
    assert (
        Counter((one.seq, one.number) for one in story.journal.conclusions)
        == Counter((one.seq, one.number) for one in story.journal.intents)
        or story.error is None
    )
    assert len(set(story.journal.intents)) == len(story.journal.intents)
    assert len(story.journal.read_ends) <= len(story.journal.reads)


def _attempts_are_within_bounds(story: Play, retry: RetrySettings) -> None:
    # One more may go to a corrected clock; those that an outage met are not the item's.
    most = retry.attempts + retry.throttled_attempts - 1 + 1
    sent = sum(len(transport.writes) for transport in story.transports.values())
    assert all(one.attempts <= most for one in story.settlements) or story.events_of(OutageBegan)
    assert sum(one.attempts for one in story.settlements) == sent


def _send_times_are_true(story: Play) -> None:
    begun = sorted(EPOCH_S + at_s for transport in story.transports.values() for at_s in transport.begun)
    conclusions, reads = story.journal.conclusions, story.journal.read_ends.values()
    sent = [one.sent_at_s for one in conclusions] + [read.sent_at_s for read in reads]
    told = sorted(at_s for at_s in sent if at_s is not None)
    # What was answered by a loss may have left, or not.
    if all(one.verdict != "lost" for one in conclusions) and all(read.verdict != "lost" for read in reads):
        assert told == pytest.approx(begun, abs=1e-4)


def _outcomes_are_true(story: Play) -> None:
    """Compare each outcome with what really came back for its change."""
    conclusions = defaultdict(list)
    for one in story.journal.conclusions:
        conclusions[one.seq].append(one)
    for settlement in story.settlements:
        ends = [one for one in conclusions[settlement.seq] if one.verdict != "unsent"]
        confirmed = [one.verdict == "accepted" for one in ends]
        assert (settlement.outcome == "updated") == any(confirmed)
        assert confirmed.count(True) <= 1
        assert not any(confirmed[:-1]), "nothing is sent after a success"
        if settlement.outcome == "failed":
            assert not any(one.doubt for one in ends)
        if settlement.outcome == "unknown":
            assert any(one.doubt for one in ends)
        if settlement.outcome == "not_attempted":
            assert not any(one.sent_at_s for one in ends)


WRONG = [
    *(
        Response(status, {}, b'{"code":0}')
        for status in (*range(300, 309), 400, 401, 402, 403, 404, 405, 408, 409, 410)
    ),
    *(Response(status, {}, b'{"code":0}') for status in (413, 418, 422, 425, 429, 451, 500, 501, 502, 503, 504, 599)),
    *(
        Response(200, {}, body)
        for body in (
            *(b"", b"{}", b"[]", b"0", b"null", b'"0"', b"<html></html>", b"\xff\xfe", b'{"code":0', b"{'code':0}"),
            *(b'{"code":"0"}', b'{"code":null}', b'{"code":0.0}', b'{"code":false}', b'{"code":-1}', b'{"code":[0]}'),
            *(b'{"code":1}', b'{"code":4013}', b'{"msg":"success"}', b'[{"code":0}]', b'{"data":{"code":0}}'),
        )
    ),
    Lost("timeout", "", sent=True),
    Lost("connect", "", sent=False),
    Lost("truncated", "", sent=True),
    Lost("oversized", "", sent=True),
    Lost("malformed", "", sent=True),
    Lost("tls", "", sent=False, fatal=True),
]


@pytest.mark.parametrize("reply", WRONG, ids=repr)
@pytest.mark.parametrize("operation", ["little.caption", "little.meta"])
def test_no_failing_answer_ever_counts_as_updated(reply: Response | Lost, operation: str) -> None:
    def script(request: Request, _: int) -> Reply:
        return None if request.path.startswith("/read/") else reply

    story = play([change(number, operation=operation) for number in range(3)], ScriptedTransport(script))

    assert "updated" not in story.outcomes
    assert len(story.outcomes) == 3


def test_the_wrong_answers_are_many() -> None:
    assert len(WRONG) >= 40
    assert not any(isinstance(LittleCodec().decode(one), Accepted) for one in WRONG if isinstance(one, Response))


def test_changes_of_one_item_keep_their_order() -> None:
    item = Item("t", "c", "document", "000000")
    story = play(
        [change(0, operation="little.name"), change(0, operation="little.meta")],
        transport := ScriptedTransport(latency_s=1),
    )

    assert story.plan.changes[0].item == item
    assert [sent.request.path for sent in transport.writes] == ["/little.meta/c/000000", "/little.name/c/000000"]
    assert orjson.loads(transport.writes[1].request.body)["live"] is None
