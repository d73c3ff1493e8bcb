"""Faults that take hours or chance, played by the engine on virtual time."""

from collections.abc import Callable
from random import Random
from typing import Final

import pytest

from kbsync.core.fields import Fields
from kbsync.core.items import Item
from kbsync.core.plan import Change
from kbsync.core.settings import RetrySettings
from kbsync.core.wire import Request, Response
from kbsync.engine.dispatch import Engine
from kbsync.engine.target import Clock, Policy, Target
from tests.clock import EPOCH_S, run_virtually, virtual_clock
from tests.engine.stage import play
from tests.engine.test_pacing import most_in_a_second
from tests.fakes import LittleCodec, MemoryJournal, ScriptedTransport, answer, change, plan_of

RATE: Final = 20
HOUR_S: Final = 3600.0
JUMP_AT_S: Final = 5.0
BAD: Final = (500, 502, 503, 504)


def captions(count: int) -> list[Change]:
    return [change(number) for number in range(count)]


@pytest.mark.fault(
    "F15", seen="an hour forward or back: the rate and a Retry-After are kept, signatures have the new time"
)
@pytest.mark.parametrize("jump_s", [HOUR_S, -HOUR_S])
def test_a_clock_that_jumps_changes_neither_the_rate_nor_a_wait_and_what_is_signed_follows_it(jump_s: float) -> None:
    throttled = answer(429, headers={"retry-after": "30"}, code=1)
    transport = ScriptedTransport(lambda _, number: throttled if number == 90 else None)
    journal = MemoryJournal()

    async def scenario() -> None:
        steady = virtual_clock()

        def wall() -> float:
            return steady.wall() + (jump_s if steady.monotonic() >= JUMP_AT_S else 0.0)

        target = Target("t", LittleCodec(), transport, float(RATE), concurrency=4)
        clock = Clock(steady.monotonic, wall)
        await Engine([target], journal, lambda _: None, RetrySettings(), Policy(), clock).apply(plan_of(captions(300)))

    run_virtually(scenario)

    assert {one.outcome for one in journal.settlements} == {"updated"}
    assert most_in_a_second(transport.begun) <= RATE
    before, after = (transport.begun[number] for number in (90, 95))
    assert JUMP_AT_S > before > after - 40
    assert after >= before + 30
    for sent in transport.sent:
        now_s = EPOCH_S + sent.at_s + (jump_s if sent.at_s >= JUMP_AT_S else 0.0)
        assert float(sent.request.headers["x-time"]) == pytest.approx(now_s, abs=0.002)


@pytest.mark.fault(
    "F29",
    seen="1,000 items, 10 seeds: all done by two runs, at least 99 % by the first; 1.6 times the requests at most",
)
@pytest.mark.parametrize("seed", range(10))
def test_a_third_of_bad_answers_costs_few_requests_and_the_next_run_does_what_is_left(seed: int) -> None:
    script = unlucky(Random(seed))
    plan = captions(1_000)
    first = play(plan, ScriptedTransport(script, 0.05), rate=100.0, concurrency=16)
    left = [one for one, outcome in zip(first.plan.changes, first.outcomes, strict=True) if outcome != "updated"]
    rest = play(left, ScriptedTransport(script, 0.05), rate=100.0, concurrency=16) if left else None

    sent = len(first.transport.sent) + (len(rest.transport.sent) if rest else 0)
    assert len(left) <= 10
    assert rest is None or set(rest.outcomes) == {"updated"}
    assert sent <= 1.6 * len(plan)


def unlucky(random: Random) -> Callable[[Request, int], Response | None]:
    """Answer badly to three requests of ten."""
    return lambda *_: answer(random.choice(BAD)) if random.random() < 0.3 else None


@pytest.mark.fault(
    "F46", seen="no memory or too deep in one change: it fails; the other 9 are done; the error is raised last"
)
@pytest.mark.parametrize("error", [MemoryError, RecursionError])
def test_what_runs_out_in_one_change_costs_no_other(error: type[Exception]) -> None:
    class Exhausted(LittleCodec):
        def encode(self, operation: str, item: Item, desired: Fields, live: object | None) -> Request:
            if item.id == "000003":
                raise error
            return super().encode(operation, item, desired, live)

    story = play(captions(10), ScriptedTransport(), codec=Exhausted())

    assert story.counts == {("updated", "accepted"): 9, ("failed", "defect"): 1}
    assert isinstance(story.error, error)
