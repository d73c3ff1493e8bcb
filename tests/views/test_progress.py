import io
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.core.events import (
    AttemptFailed,
    ChangeHeld,
    Event,
    OutageBegan,
    OutageEnded,
    RateChanged,
    RunFinished,
    RunStarted,
    Settled,
    StopRequested,
    TargetPaused,
    TargetStopped,
)
from kbsync.core.state import OutcomeName, Settlement
from kbsync.core.wire import Answer
from kbsync.views.live import LiveProgress
from kbsync.views.progress import PlainProgress, open_progress, status
from kbsync.views.stream import Stream
from kbsync.views.tally import Tally
from tests.views.worlds import EXAMPLE, HOSTILE, OK, a_plan, caption, harmless, hostile_plan


@dataclass
class Clock:
    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s


def settled(seq: int, outcome: OutcomeName = "updated", answer: Answer = OK) -> Settled:
    return Settled(Settlement(seq, outcome, "accepted" if outcome == "updated" else "refused", 1, answer, 1.0))


def a_run(size: int, *, failing: int = 0) -> Iterator[Event]:
    yield RunStarted("run-1", a_plan(tuple(map(caption, range(size)))))
    for seq in range(size):
        yield settled(seq, "failed" if seq < failing else "updated", Answer(200, 4200, "no", "L1"))
    yield RunFinished("run-1", size / 5)


def plain(events: Iterator[Event], *, each_s: float) -> list[str]:
    file, clock = io.StringIO(), Clock()
    with PlainProgress(Stream(file), clock) as view:
        for event in events:
            view.observe(event)
            clock.now_s += each_s
    return file.getvalue().splitlines()


def test_a_pipe_gets_lines_by_tenths_with_all_facts() -> None:
    lines = plain(a_run(100), each_s=0.2)

    assert lines[0] == "kbsync: 0 of 100 changes done (0 %), about 20 s left"
    assert lines[1] == "kbsync: 10 of 100 changes done (10 %), 5.0/s, about 18 s left"
    assert lines[-1] == "kbsync: 100 of 100 changes done (100 %)"
    assert len(lines) == 12


def test_a_slow_run_gets_a_line_every_ten_seconds() -> None:
    lines = plain(a_run(1_000), each_s=0.5)

    assert len(lines) == pytest.approx(500 / 10, abs=12)


def test_a_fast_run_gets_a_line_a_second_at_most() -> None:
    assert len(plain(a_run(10_000), each_s=0.000_1)) <= 4


def test_failures_are_shown_as_they_occur_and_then_counted() -> None:
    lines = plain(a_run(100, failing=50), each_s=0.001)

    assert sum("failed: coze-cn/" in line for line in lines) == 20
    assert sum("from here on they are counted" in line for line in lines) == 1
    assert lines[1] == (
        "kbsync: failed: coze-cn/744632974166804001/image/744667080521909001 (manifests/pets.yaml:9): refused, "
        "HTTP 200, code 4200, message no, log id L1"
    )
    assert "50 not well" in lines[-1]


def test_what_is_waited_for_is_said() -> None:
    def events() -> Iterator[Event]:
        yield RunStarted("run-1", EXAMPLE)
        yield AttemptFailed(0, "coze-cn", 1, "throttled", Answer(429), 60.0)
        yield TargetPaused("coze-cn", 60.0)
        yield TargetStopped("volc-bj", "unauthorised", Answer(401, "AccessDenied", "no such key"))
        yield StopRequested("signal")

    lines = plain(events(), each_s=1.0)

    assert any("coze-cn pauses 60 s: throttled" in line and "1 attempt repeated" in line for line in lines)
    assert "kbsync: volc-bj is stopped: unauthorised, HTTP 401, code AccessDenied, message no such key" in lines
    assert "kbsync: stopping, a signal came: what is under way is finished" in lines


def test_a_tick_is_enough_for_a_line() -> None:
    file, clock = io.StringIO(), Clock()
    view = PlainProgress(Stream(file), clock)
    view.observe(RunStarted("run-1", EXAMPLE))
    clock.now_s += 11

    view.tick()

    assert len(file.getvalue().splitlines()) == 2


def test_quiet_says_nothing() -> None:
    file = io.StringIO()

    with open_progress(Stream(file), clock=Clock(), live=True, quiet=True) as view:
        for event in a_run(30, failing=30):
            view.observe(event)
        view.tick()
        view.say("a log line")

    assert not file.getvalue()


def test_a_terminal_is_drawn_by_ticks_and_never_by_items() -> None:
    file, clock = io.StringIO(), Clock()
    with LiveProgress(Stream(file), clock, itself=False) as view:
        events = list(a_run(50))
        view.observe(events[0])
        view.tick()
        drawn = len(file.getvalue())
        for event in events[1:-1]:
            view.observe(event)
            clock.now_s += 0.2
        assert len(file.getvalue()) == drawn

        view.tick()
        assert "50/50" in file.getvalue()
        view.say("a log line")

    assert "a log line" in file.getvalue()


def test_a_terminal_shows_failures_above_the_display() -> None:
    file = io.StringIO()
    with LiveProgress(Stream(file), Clock(), itself=False) as view:
        for event in a_run(30, failing=30):
            view.observe(event)

    assert file.getvalue().count("failed: coze-cn/") == 20


def test_hostile_text_drives_no_terminal() -> None:
    plan = hostile_plan()
    answer = Answer(200, HOSTILE, HOSTILE, HOSTILE)

    def events() -> Iterator[Event]:
        yield RunStarted(HOSTILE, plan)
        yield TargetPaused(HOSTILE, 60.0)
        yield TargetStopped(HOSTILE, HOSTILE, answer)
        yield StopRequested(HOSTILE)
        yield settled(0, "failed", answer)

    for line in plain(events(), each_s=2.0):
        assert harmless(line, ends="")

    file = io.StringIO()
    with LiveProgress(Stream(file), Clock(), itself=False) as view:
        for event in events():
            view.observe(event)
            view.tick()
        view.say("[red]markup[/red]")
    for forbidden in ("\x1b]", "\x07", "\x9b", "\u202e", "\x1b[2J", "\x00"):
        assert forbidden not in file.getvalue()
    assert "[red]markup[/red]" in file.getvalue()


@pytest.mark.parametrize("live", [False, True])
def test_a_closed_stream_does_not_break_the_run(live: bool) -> None:  # noqa: FBT001
    file, clock = io.StringIO(), Clock()
    stream = Stream(file)
    with open_progress(stream, clock=clock, live=live) as view:
        file.close()
        for event in a_run(200, failing=100):
            view.observe(event)
            clock.now_s += 1
        view.tick()

    assert stream.gone


def test_plain_output_does_not_import_rich() -> None:
    program = (
        "import sys, kbsync.views.progress, kbsync.views.plan_text, kbsync.views.result_text, kbsync.views.reports, "
        "kbsync.views.history, kbsync.views.problems; sys.exit('rich' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


outcomes = st.sampled_from(("updated", "failed", "unknown", "conflict", "stale", "not_attempted"))


@given(st.lists(outcomes, min_size=1, max_size=30), st.floats(0, 5))
def test_the_counters_add_up_at_every_moment(fates: list[OutcomeName], each_s: float) -> None:
    tally, now_s = Tally(), 10.0
    tally.fold(RunStarted("run-1", a_plan(tuple(map(caption, range(len(fates)))))), now_s)

    for seq, outcome in enumerate(fates):
        tally.fold(settled(seq, outcome), now_s)
        tally.sample(now_s)
        now_s += each_s
        assert tally.total.left == len(fates) - seq - 1
        assert tally.total.done <= len(fates) - tally.total.left
        assert sum(target.left for target in tally.targets.values()) == tally.total.left
        status(tally, now_s)

    assert tally.total.done == sum(fate != "not_attempted" for fate in fates)


def test_the_rate_is_that_of_the_last_half_minute() -> None:
    tally, now_s = Tally(), 0.0
    tally.fold(RunStarted("run-1", a_plan(tuple(map(caption, range(1_000))))), now_s)
    for seq in range(600):
        now_s += 1.0 if seq < 100 else 0.1
        tally.fold(settled(seq), now_s)
        tally.sample(now_s)

    assert tally.total.rate_per_s(now_s) == pytest.approx(10, rel=0.1)
    assert tally.time_left_s(now_s) == pytest.approx(40, rel=0.1)


def during(*events: Event, at_s: float = 10.0) -> str:
    """Return the status *at_s* seconds after *events* in a run of ten changes."""
    tally = Tally()
    tally.fold(RunStarted("run-1", a_plan(tuple(map(caption, range(10))))), 0.0)
    for event in events:
        tally.fold(event, 0.0)
    return status(tally, at_s)


def test_an_outage_is_shown_with_the_time_that_is_left_to_it() -> None:
    began = OutageBegan("coze-cn", "http_503", 15.0, 600.0)

    assert "coze-cn down for 10 s, given up in 10 min" in during(began)
    assert "down" not in during(began, OutageEnded("coze-cn", 5.0))
    assert "given up" not in during(OutageBegan("coze-cn", "http_503", 15.0, None))
    assert " left" not in during(began)


def test_a_rate_that_the_provider_lowered_is_shown_until_it_is_the_configured_one() -> None:
    slowed = RateChanged("coze-cn", 24.0, 50.0)

    assert "coze-cn slowed by the provider, from 24/s on" in during(slowed)
    assert "slowed" not in during(slowed, RateChanged("coze-cn", 50.0, 50.0))


def test_changes_on_hold_are_shown_while_they_wait() -> None:
    held = ChangeHeld(0, "coze-cn", 30.0)

    assert "coze-cn waits 20 s for what may still arrive" in during(held)
    assert "waits" not in during(held, at_s=31.0)


def test_an_outage_is_remarked_when_it_begins_and_when_it_ends() -> None:
    events = (
        RunStarted("run-1", a_plan(tuple(map(caption, range(10))))),
        OutageBegan("coze-cn", "http_503", 15.0, 600.0),
        OutageEnded("coze-cn", 65.0),
    )
    lines = plain(iter(events), each_s=0.1)

    assert "kbsync: coze-cn is down (http_503): one probe every 15 s, for 10 min at most" in lines
    assert "kbsync: coze-cn answers again after 65 s" in lines
