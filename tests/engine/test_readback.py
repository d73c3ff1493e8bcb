"""Reading back on virtual time: waited for, paced, and never more claimed than was proved."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio
import orjson
import pytest

from kbsync.core.events import Event, ReadingBack, StopRequested
from kbsync.core.fields import Fields
from kbsync.core.findings import Finding
from kbsync.core.plan import Change
from kbsync.core.settings import RetrySettings
from kbsync.core.wire import Lost, Request, Response
from kbsync.engine.dispatch import Engine
from kbsync.engine.readback import ReadBack
from kbsync.engine.target import Policy, Target
from tests.clock import run_virtually, virtual_clock
from tests.engine.test_pacing import most_in_a_second
from tests.fakes import LittleCodec, MemoryJournal, ScriptedTransport, answer, change, plan_of

Reply = Response | Lost | None
PAGE = 10


@dataclass
class Live:
    """What a provider shows: the values of items, each from a time on; *hiccup* may answer instead, by request."""

    values: dict[str, Fields] = field(default_factory=dict)
    from_s: dict[str, float] = field(default_factory=dict)
    before: Fields = field(default_factory=dict)
    hiccup: Callable[[Request, int], Reply] = lambda _request, _count: None
    gone: frozenset[str] = frozenset()

    def shown(self) -> dict[str, Fields]:
        now_s = anyio.current_time()
        return {
            id_: values if self.from_s.get(id_, 0.0) <= now_s else self.before
            for id_, values in self.values.items()
            if id_ not in self.gone
        }

    def script(self, request: Request, count: int) -> Reply:
        if (reply := self.hiccup(request, count)) is not None:
            return reply
        shown = self.shown()
        if request.path.startswith("/list/"):
            first = int(request.path.rsplit("/", 1)[1] or 0) * PAGE
            items = dict(sorted(shown.items())[first : first + PAGE])
            following = str(first // PAGE + 1) if first + PAGE < len(shown) else None
            return answer(code=0, items=items, total=len(shown), next=following)
        if request.path.startswith("/read/"):
            ids = orjson.loads(request.body)
            return answer(
                code=0,
                fields={id_: shown[id_] for id_ in ids if id_ in shown},
                missing=[id_ for id_ in ids if id_ in self.gone and len(ids) == 1],
            )
        return None


@dataclass
class Told:
    findings: Mapping[int, Finding]
    transport: ScriptedTransport
    events: list[Event]
    seconds: float

    @property
    def words(self) -> list[str]:
        return [self.findings[number].word for number in sorted(self.findings)]

    def paths(self, part: str) -> list[str]:
        return [sent.request.path for sent in self.transport.sent if sent.request.path.startswith(part)]


def read_back(
    changes: list[Change],
    live: Live,
    *,
    wait: float = 60.0,
    rate: float = 100.0,
    apply: bool = False,
    stop_at_s: float = 10_000.0,
    policy: Policy | None = None,
    **transport: Any,
) -> Told:
    """Read *changes* back, after they were applied if *apply*; the run is stopped after *stop_at_s*."""

    async def scenario() -> Told:
        wire = ScriptedTransport(live.script, **transport)
        target = Target("t", LittleCodec(), wire, rate, 1, 4)
        journal, events, retry = MemoryJournal(), list[Event](), RetrySettings()
        told = ReadBack([target], journal, events.append, retry, policy or Policy(), wait, virtual_clock(), lambda: 0.5)

        async def stop() -> None:
            await anyio.sleep(stop_at_s)
            told.request_stop("signal")

        if apply:
            engine = Engine([target], journal, events.append, retry, Policy(), virtual_clock(), lambda: 0.5)
            await engine.apply(plan_of(changes))
        began_s = anyio.current_time()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stop)
            await told.verify(dict(enumerate(changes)))
            tasks.cancel_scope.cancel()
        return Told(told.findings, wire, events, anyio.current_time() - began_s)

    return run_virtually(scenario)


def captions(number: int) -> list[Change]:
    return [change(index) for index in range(number)]


def metas(number: int) -> list[Change]:
    return [change(index, operation="little.meta") for index in range(number)]


def as_sent(changes: list[Change]) -> dict[str, Fields]:
    return {one.item.id: one.desired for one in changes}


# ------------------------------------------------------------------------------------------------------------ findings
def test_what_is_live_as_it_was_sent_is_verified_at_once() -> None:
    changes = captions(25)
    told = read_back(changes, Live(as_sent(changes)))

    assert told.words == ["verified"] * 25
    assert len(told.transport.sent) == 3
    assert told.seconds < 2


def test_what_shows_late_is_waited_for_at_growing_distances() -> None:
    changes = captions(25)
    told = read_back(changes, Live(as_sent(changes), from_s={"000007": 20.0}))

    assert told.words == ["verified"] * 25
    assert [event for event in told.events if isinstance(event, ReadingBack)][:4] == [
        ReadingBack(25, 0.0),
        ReadingBack(1, 1.0),
        ReadingBack(1, 2.0),
        ReadingBack(1, 4.0),
    ]
    assert told.seconds < 45


def test_nothing_is_held_against_the_provider_before_its_time_is_over() -> None:
    changes = captions(3)
    told = read_back(changes, Live({**as_sent(changes), "000001": {"caption": "x"}}), wait=30.0)

    assert told.words == ["verified", "differs", "verified"]
    assert told.findings[1].live == {"caption": "x"}
    assert max(told.transport.begun) >= 30.0


def test_without_a_wait_it_is_read_once() -> None:
    changes = captions(3)
    told = read_back(changes, Live({**as_sent(changes), "000001": {"caption": "x"}}), wait=0.0)

    assert told.words == ["verified", "differs", "verified"]
    assert len(told.transport.sent) == 1


def test_an_item_that_a_whole_list_lacks_is_absent() -> None:
    changes = captions(25)
    told = read_back(changes, Live(as_sent(changes), gone=frozenset({"000003"})), wait=0.0)

    assert told.words.count("verified") == 24
    assert told.findings[3].word == "absent"


def test_items_in_two_containers_are_read_in_both() -> None:
    changes = [change(0), change(1, container="d")]
    told = read_back(changes, Live(as_sent(changes)), wait=0.0)

    assert told.words == ["verified", "verified"]
    assert told.paths("/list/") == ["/list/image/c/", "/list/image/d/"]


# ------------------------------------------------------------------------------------------------------- chosen items
def test_few_items_are_read_by_themselves() -> None:
    changes = metas(15)
    told = read_back(changes, Live(as_sent(changes)))

    assert told.words == ["verified"] * 15
    assert (len(told.paths("/read/")), told.paths("/list/")) == (2, [])


def test_many_items_are_read_with_their_list() -> None:
    changes = metas(25)
    told = read_back(changes, Live(as_sent(changes)))

    assert told.words == ["verified"] * 25
    assert (told.paths("/read/"), len(told.paths("/list/"))) == ([], 3)


def test_what_a_bulk_read_does_not_prove_is_asked_for_alone() -> None:
    changes = metas(10)
    told = read_back(changes, Live(as_sent(changes), gone=frozenset({"000003"})), wait=0.0)

    assert told.words.count("verified") == 9
    assert told.findings[3].word == "absent"
    assert len(told.paths("/read/")) == 2


@pytest.mark.parametrize("reply", [Lost("oversized", "", sent=True), answer(400, scope="item", reason="invalid")])
def test_a_bulk_read_that_fails_is_made_one_by_one(reply: Reply) -> None:
    def hiccup(request: Request, _: int) -> Reply:
        return reply if request.path.startswith("/read/") and len(orjson.loads(request.body)) > 1 else None

    changes = metas(10)
    told = read_back(changes, Live(as_sent(changes), hiccup=hiccup), wait=0.0)

    assert told.words == ["verified"] * 10
    assert len(told.paths("/read/")) == 11


def test_what_no_read_proves_stays_unread() -> None:
    told = read_back(metas(3), Live({"000001": {"meta.tag": "小猫"}}), wait=0.0)

    assert told.words == ["unread", "verified", "unread"]
    assert told.findings[0].reason == "unproven"


def test_a_refused_container_is_no_empty_one() -> None:
    def hiccup(_: Request, __: int) -> Reply:
        return answer(404, scope="container", reason="not_found")

    for changes in (metas(1), metas(5), captions(5)):
        told = read_back(changes, Live(hiccup=hiccup), wait=0.0)
        assert {(one.word, one.reason) for one in told.findings.values()} == {("unread", "not_found")}


# ------------------------------------------------------------------------------------------------------- not complete
def test_a_list_that_somebody_disturbs_is_read_again() -> None:
    changes = captions(25)
    totals = iter([26, 25])

    def hiccup(request: Request, count: int) -> Reply:
        if count >= 2:
            return None
        items = {f"{number:06}": {"caption": "小猫"} for number in range(10)}
        return answer(code=0, items=items if count == 0 else {"x": {}}, total=next(totals), next="1")

    told = read_back(changes, Live(as_sent(changes), hiccup=hiccup), wait=0.0)

    assert told.words == ["verified"] * 25


def test_a_list_that_is_never_whole_leaves_everything_unread() -> None:
    def hiccup(_: Request, __: int) -> Reply:
        return answer(code=0, items={"000000": {"caption": "小猫"}}, total=2, next=None)

    told = read_back(captions(2), Live(hiccup=hiccup), wait=0.0)

    assert [(one.word, one.reason) for one in told.findings.values()] == [("unread", "missing")] * 2
    assert len(told.transport.sent) == 3


def test_a_stop_while_it_waits_claims_nothing() -> None:
    changes = captions(3)
    told = read_back(changes, Live({**as_sent(changes), "000001": {"caption": "x"}}), stop_at_s=10.0)

    assert told.words == ["verified", "unread", "verified"]
    assert told.findings[1].reason == "signal"
    assert told.seconds < 11


def test_a_stop_while_it_reads_claims_nothing() -> None:
    changes = captions(500)
    told = read_back(changes, Live(as_sent(changes)), rate=5.0, stop_at_s=3.0)

    assert {(one.word, one.reason) for one in told.findings.values()} == {("unread", "signal")}


@pytest.mark.parametrize("time_s", [0.0, 1.5, 10.0])
def test_when_the_time_is_over_nothing_more_is_claimed(time_s: float) -> None:
    changes = captions(3)
    live = Live({**as_sent(changes), "000001": {"caption": "x"}})
    told = read_back(changes, live, policy=Policy(max_duration_s=time_s), latency_s=1.0)

    assert "differs" not in told.words
    assert told.findings[1].reason == "deadline"
    assert told.events.count(StopRequested("deadline")) == 1
    assert told.seconds < time_s + 0.1


def test_a_target_that_nothing_is_asked_of_leaves_its_changes_unread() -> None:
    changes = [change(0), change(1, target="u")]
    told = read_back(changes, Live(as_sent(changes)))

    assert told.words == ["verified", "unread"]


# --------------------------------------------------------------------------------------------------------------- rate
@pytest.mark.parametrize("make", [captions, metas])
def test_writes_and_reads_together_keep_to_the_rate(make: Callable[[int], list[Change]]) -> None:
    changes = make(45)
    live = Live(as_sent(changes), from_s={"000007": 30.0})
    told = read_back(changes, live, rate=5.0, apply=True, latency_s=0.3)

    assert told.words == ["verified"] * 45
    assert most_in_a_second(told.transport.begun) <= 5
    assert told.paths("/list/")
