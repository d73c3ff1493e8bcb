"""Events as log lines."""

from dataclasses import replace

from kbsync.core.events import AttemptFailed, Event, OutageBegan, RunFinished, RunStarted, Settled, StopRequested
from kbsync.core.state import Settlement
from kbsync.core.wire import Answer
from kbsync.views.log import Log
from kbsync.views.progress import REMARKED
from tests.views.worlds import OK, a_plan, caption

BEGIN = RunStarted("run-1", a_plan((caption(0),)))
DONE = Settled(Settlement(0, "updated", "accepted", 1, OK, 1.0))
FAILED = AttemptFailed(0, "coze-cn", 1, "http_503", Answer(503), 0.25)


def lines(*events: Event, detail: int = 2, told: tuple[type[Event], ...] = ()) -> list[str]:
    written: list[str] = []
    log = Log(written.append, detail, told)
    for event in events:
        log.observe(event)
    return written


def test_a_failed_attempt_is_named_with_its_item_its_answer_and_its_next_time() -> None:
    (_, line) = lines(BEGIN, FAILED)

    assert line == f"attempt 1 of {caption(0).item} (coze.image.caption): http_503, HTTP 503; again after 0.25 s"


def test_an_attempt_that_waits_for_nothing_but_its_turn_says_so() -> None:
    (line,) = lines(replace(FAILED, delay_s=0.0))

    assert line.endswith("; again when its turn comes")


def test_outcomes_are_for_those_who_want_the_most() -> None:
    assert len(lines(BEGIN, DONE, RunFinished("run-1", 1.0), detail=2)) == 3
    assert len(lines(BEGIN, DONE, RunFinished("run-1", 1.0), detail=1)) == 2


def test_what_progress_remarks_on_is_not_said_twice() -> None:
    outage, stop = OutageBegan("coze-cn", "http_503", 15.0, None), StopRequested("signal")

    assert len(lines(outage, FAILED, stop)) == 3
    assert len(lines(outage, FAILED, stop, told=REMARKED)) == 1
