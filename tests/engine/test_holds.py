"""Late writes: a value other than the one that may still arrive waits, and the newest one is the last to be set."""

import pytest

from kbsync.core.events import ChangeHeld
from kbsync.core.fields import Fields
from kbsync.core.holds import Hold
from kbsync.core.plan import Change
from kbsync.core.wire import Request, Response
from tests.clock import EPOCH_S
from tests.engine.stage import play
from tests.fakes import ScriptedTransport, answer, change

UNREADABLE, READABLE, OVERLAY = "little.caption", "little.name", "little.meta"
FIELDS = {UNREADABLE: "caption", READABLE: "name", OVERLAY: "meta.tag"}


def held(operation: str, old: str | None, until_s: float = 60.0) -> Hold:
    expected: Fields | None = None if old is None else {FIELDS[operation]: old}
    return Hold(EPOCH_S + until_s, expected)


def live(operation: str, value: str) -> ScriptedTransport:
    """Answer each read with *value*."""

    def script(request: Request, _: int) -> Response | None:
        if not request.path.startswith("/read/"):
            return None
        return answer(code=0, fields={"000000": {FIELDS[operation]: value}})

    return ScriptedTransport(script)


def one(operation: str) -> list[Change]:
    return [change(0, operation=operation, value="new")]


@pytest.mark.parametrize("operation", FIELDS)
def test_another_value_waits_until_nothing_can_come_late(operation: str) -> None:
    transport = live(operation, "base")
    story = play(one(operation), transport, holds={0: held(operation, "old")})

    assert story.outcomes == ["updated"]
    (write,) = transport.writes
    assert 60 <= write.at_s < 61
    assert [(event.seq, event.target) for event in story.events_of(ChangeHeld)] == [(0, "t")]


@pytest.mark.parametrize("operation", [READABLE, OVERLAY])
def test_what_the_provider_shows_to_have_arrived_is_not_waited_for(operation: str) -> None:
    transport = live(operation, "old")
    story = play(one(operation), transport, holds={0: held(operation, "old")})

    assert story.outcomes == ["updated"]
    assert transport.writes[0].at_s < 1


@pytest.mark.parametrize("operation", [READABLE, OVERLAY])
def test_of_several_attempts_one_that_has_arrived_proves_nothing(operation: str) -> None:
    transport = live(operation, "old")
    play(one(operation), transport, holds={0: held(operation, None)})

    assert transport.writes[0].at_s >= 60


@pytest.mark.parametrize("operation", [READABLE, OVERLAY])
def test_what_is_live_already_when_the_wait_is_over_is_not_sent(operation: str) -> None:
    transport = live(operation, "new")
    story = play(one(operation), transport, holds={0: held(operation, None)})

    assert transport.writes == []
    assert story.counts == {("updated", "already_live"): 1}
    assert transport.reads[-1].at_s >= 60


@pytest.mark.parametrize("operation", [READABLE, OVERLAY])
def test_what_is_live_already_may_still_be_overwritten_and_is_waited_for(operation: str) -> None:
    transport = live(operation, "new")
    story = play(one(operation), transport, holds={0: held(operation, "old")})

    assert story.counts == {("updated", "already_live"): 1}
    assert story.seconds >= 60


def test_changes_on_hold_keep_nobody_else_waiting() -> None:
    changes = [change(number) for number in range(200)]
    transport = ScriptedTransport()
    story = play(changes, transport, rate=100.0, holds={seq: held(UNREADABLE, "old") for seq in range(100)})

    assert story.outcomes == ["updated"] * 200
    early = {sent.id for sent in transport.sent if sent.at_s < 30}
    assert early == {f"{number:06}" for number in range(100, 200)}


def test_a_later_change_of_an_item_on_hold_waits_behind_it() -> None:
    changes = [change(0, operation=OVERLAY), change(0, operation=READABLE)]
    transport = ScriptedTransport()
    play(changes, transport, holds={0: held(OVERLAY, None)})

    assert [sent.request.path.split("/")[1] for sent in transport.writes] == [OVERLAY, READABLE]
    assert transport.writes[0].at_s >= 60


def test_a_change_on_hold_behind_another_one_of_its_item_waits_too() -> None:
    changes = [change(0, operation=OVERLAY), change(0, operation=READABLE)]
    transport = ScriptedTransport()
    play(changes, transport, holds={1: held(READABLE, None)})

    assert [sent.at_s >= 60 for sent in transport.writes] == [False, True]


@pytest.mark.parametrize("operation", FIELDS)
def test_a_hold_that_has_ended_already_holds_nothing(operation: str) -> None:
    transport = live(operation, "base")
    story = play(one(operation), transport, holds={0: held(operation, "old", -5.0)})

    assert story.outcomes == ["updated"]
    assert transport.writes[0].at_s < 1
