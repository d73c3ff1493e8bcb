"""What a read has shown becomes known when its run begins, and ends doubts as far as it may."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from kbsync.adapters.state import RunJournal, StateStore
from kbsync.core.fields import MetaValue
from kbsync.core.plan import UNSET, FieldChange, Recognised
from kbsync.core.state import Intent, ReadRecord
from kbsync.core.wire import Answer
from tests.adapters.state.plans import OK, captioned, document, image, lost, plan_of
from tests.adapters.state.test_hazards import Clock

CAPTION = "coze.image.caption"
NAMED = FieldChange("name", None, "n")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def clock() -> Clock:
    return Clock()


def found(number: int, text: str, *doubts: str) -> Recognised:
    return Recognised(image(number), (FieldChange("caption", None, text),), doubts)


def begin(path: Path, clock: Clock, recognised: Sequence[Recognised], reads: Sequence[ReadRecord] = ()) -> str:
    with StateStore(path, clock) as store:
        store.lock("apply")
        journal = store.begin_run(replace(plan_of([]), recognised=tuple(recognised)), reads=reads)
        store.finish_run(journal)
        return journal.run_id


def leave_in_doubt(path: Path, clock: Clock, text: str, *, killed: bool = False) -> None:
    """Send *text* once, for 5 ms, without an answer."""

    async def send(journal: RunJournal) -> None:
        await journal.intend(Intent(0, 1, clock.at_s))
        if not killed:
            journal.conclude(lost(0, sent_at_s=clock.at_s))
        await journal.flush()

    with StateStore(path, clock) as store:
        store.lock("apply")
        journal = store.begin_run(plan_of([captioned(image(1), text)]))
        asyncio.run(send(journal))
        clock.at_s += 1
        if not killed:
            store.finish_run(journal)


def test_what_is_recognised_is_known_once_the_run_has_begun(path: Path, clock: Clock) -> None:
    begin(path, clock, [found(number, f"t{number}") for number in range(1_500)])

    with StateStore(path).known() as known:
        assert sum(known.counts().values()) == 1_500
        assert known.fields(image(1_499)) == {"caption": "t1499"}


def test_other_known_fields_of_the_item_stay(path: Path, clock: Clock) -> None:
    begin(path, clock, [Recognised(document(1), (NAMED,))])
    begin(path, clock, [Recognised(document(1), (FieldChange("meta.a", None, MetaValue("string", "x")),))])

    with StateStore(path).known() as known:
        assert known.fields(document(1)).keys() == {"name", "meta.a"}


def test_a_doubt_that_a_read_has_ended_is_a_hazard_all_the_same(path: Path, clock: Clock) -> None:
    leave_in_doubt(path, clock, "x")
    begin(path, clock, [found(1, "x", CAPTION)])

    with StateStore(path, clock).known() as known:
        assert known.doubts() == {}
        assert known.fields(image(1)) == {"caption": "x"}
        assert list(known.hazards()) == [(image(1), CAPTION)]


def test_a_doubt_that_no_read_has_ended_stays(path: Path, clock: Clock) -> None:
    leave_in_doubt(path, clock, "x")
    begin(path, clock, [found(1, "y")])

    with StateStore(path, clock).known() as known:
        assert known.doubts() == {image(1): frozenset({CAPTION})}


def test_reads_that_were_made_for_a_plan_count_in_the_report_of_its_run(path: Path, clock: Clock) -> None:
    reads = [ReadRecord("coze-cn", "coze.image.list", 0, clock.at_s + place, 5.0, "accepted", OK) for place in range(3)]

    run_id = begin(path, clock, [], reads)
    begin(path, clock, [])

    assert StateStore(path).load_report(run_id).facts.reads == 3
    assert StateStore(path).load_report().facts.reads == 0
    assert StateStore(path).last_send_s() == {"coze-cn": clock.at_s + 2}


def test_what_was_live_is_kept_with_the_change_that_replaced_it(path: Path, clock: Clock) -> None:
    fields = (FieldChange("caption", "a", "x", "b"), FieldChange("name", None, "n", UNSET))
    change = replace(captioned(image(1), "x"), fields=fields)
    with StateStore(path, clock) as store:
        store.lock("apply")
        store.finish_run(store.begin_run(plan_of([change])))

    (row,) = StateStore(path).load_report().rows
    assert row.change.fields == fields


@pytest.mark.parametrize(("after_s", "told"), [(0.0, True), (1.0, True), (6.0, False)])
def test_a_place_was_sent_to_as_long_as_an_attempt_lasted(
    path: Path,
    clock: Clock,
    after_s: float,
    told: bool,  # noqa: FBT001
) -> None:
    sent_at_s = clock.at_s
    leave_in_doubt(path, clock, "x")
    clock.at_s += 3600
    begin(path, clock, [])

    found_ = StateStore(path).sent_to_since(sent_at_s + after_s / 1000)

    assert found_ == ({image(1)[:3]} if told else set())


def test_a_state_that_is_not_there_was_sent_to_by_nobody(path: Path) -> None:
    assert StateStore(path).sent_to_since(0) == frozenset()


def test_an_attempt_that_a_killed_run_left_open_may_have_been_sent_at_any_time(path: Path, clock: Clock) -> None:
    leave_in_doubt(path, clock, "x", killed=True)

    assert StateStore(path).sent_to_since(clock.at_s + 1e6) == {image(1)[:3]}


def test_nothing_is_known_of_a_run_that_could_not_begin(path: Path, clock: Clock) -> None:
    begin(path, clock, [found(1, "a")])
    odd = ReadRecord("coze-cn", "coze.image.list", 1 << 70, clock.at_s, 5.0, "accepted", Answer())

    with StateStore(path, clock) as store:
        store.lock("apply")
        with pytest.raises(OverflowError):
            store.begin_run(replace(plan_of([]), recognised=(found(1, "b"), found(2, "b"))), reads=[odd])

    with StateStore(path).known() as known:
        assert known.fields(image(1)) == {"caption": "a"}
        assert known.fields(image(2)) == {}
