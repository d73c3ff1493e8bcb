import pytest

from kbsync.core.causes import cause_of
from kbsync.core.events import OutageEnded, StopRequested, TargetStopped
from kbsync.core.exits import Exit
from kbsync.core.wire import Answer


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("unauthorised", Exit.CREDENTIALS),
        ("redirected", Exit.CREDENTIALS),
        ("tls", Exit.ERROR),
        ("quota", Exit.UNFINISHED),
        ("outage", Exit.UNFINISHED),
        ("retry_after", Exit.UNFINISHED),
    ],
)
def test_a_target_that_was_stopped_is_a_cause_by_its_reason(reason: str, cause: Exit) -> None:
    assert cause_of(TargetStopped("t", reason, Answer())) is cause


@pytest.mark.parametrize(
    ("why", "cause"),
    [
        ("errors", Exit.GUARD),
        ("limit", Exit.UNFINISHED),
        ("deadline", Exit.UNFINISHED),
        ("signal", None),
        ("state", None),
    ],
)
def test_a_drain_is_a_cause_unless_its_signal_or_state_is_one_already(why: str, cause: Exit | None) -> None:
    assert cause_of(StopRequested(why)) is cause


def test_what_a_run_overcame_is_no_cause() -> None:
    assert cause_of(OutageEnded("t", 30.0)) is None
