"""What may still be set behind our back: attempts that nobody answered, whatever was written since."""

import asyncio
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from kbsync.adapters.state import RunJournal, StateStore
from kbsync.core.items import Item
from kbsync.core.state import Conclusion, Hazard, Intent
from kbsync.core.wire import Answer
from tests.adapters.state.plans import answered, captioned, fate, image, plan_of

_CAPTION = (image(1), "coze.image.caption")


@dataclass
class Clock:
    """The time that a state is told."""

    at_s: float = 1_000_000.0

    def __call__(self) -> float:
        return self.at_s


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".kbsync" / "state.db"


@pytest.fixture
def clock() -> Clock:
    return Clock()


def _hazards(path: Path, clock: Clock) -> Mapping[tuple[Item, str], Hazard]:
    with StateStore(path, clock).known() as known:
        return known.hazards()


def _apply(path: Path, clock: Clock, text: str, ends: str) -> None:
    """Apply *text*: each of *ends* is an attempt, a second after the other: `?` lost after 2 s, `!` accepted.

    `x` means that the run is killed with an attempt open.
    """
    with StateStore(path, clock) as store:
        store.lock("apply")
        journal = store.begin_run(plan_of([captioned(image(1), text), captioned(image(2), text)]))
        asyncio.run(_attempts(journal, clock, ends))
        if not ends.endswith("x"):
            store.finish_run(journal)


async def _attempts(journal: RunJournal, clock: Clock, ends: str) -> None:
    for number, end in enumerate(ends, 1):
        clock.at_s += 1.0
        await journal.intend(Intent(0, number, clock.at_s))
        if end == "x":
            return
        if end == "?":
            journal.conclude(Conclusion(0, number, clock.at_s, 2000.0, "lost", doubt=True, answer=Answer()))
            clock.at_s += 2.0
        else:
            journal.conclude(answered(0, number))
    journal.settle(fate(0, "updated" if ends.endswith("!") else "unknown"))
    await journal.flush()


def test_a_state_without_unanswered_attempts_has_no_hazards(path: Path, clock: Clock) -> None:
    assert _hazards(path, clock) == {}
    _apply(path, clock, "a", "!")

    assert _hazards(path, clock) == {}


def test_a_doubt_is_a_hazard_that_ended_with_its_last_attempt(path: Path, clock: Clock) -> None:
    _apply(path, clock, "a", "??")
    ended_s = clock.at_s
    clock.at_s += 86_400.0

    assert _hazards(path, clock) == {_CAPTION: Hazard(({"caption": "a"},), ended_s, 2)}


def test_a_later_success_ends_the_doubt_and_leaves_the_hazard(path: Path, clock: Clock) -> None:
    _apply(path, clock, "a", "?!")

    with StateStore(path, clock).known() as known:
        assert known.doubts() == {}
        assert known.fields(image(1)) == {"caption": "a"}
        assert known.hazards() == {_CAPTION: Hazard(({"caption": "a"},), clock.at_s - 1.0, 1)}
    assert [attempt.doubt for attempt in StateStore(path).show(image(1)).attempts] == [False, False]


def test_each_value_that_may_arrive_late_is_named_once_oldest_first(path: Path, clock: Clock) -> None:
    for text, ends in (("b", "?"), ("a", "??!"), ("b", "?"), ("c", "?!")):
        _apply(path, clock, text, ends)

    assert _hazards(path, clock) == {
        _CAPTION: Hazard(({"caption": "b"}, {"caption": "a"}, {"caption": "c"}), clock.at_s - 1.0, 5)
    }


def test_what_a_killed_run_left_open_may_have_been_sent_until_now_and_no_later_than_the_next_run(
    path: Path, clock: Clock
) -> None:
    _apply(path, clock, "a", "x")
    clock.at_s += 500.0
    assert _hazards(path, clock) == {_CAPTION: Hazard(({"caption": "a"},), clock.at_s, 1)}

    found_s = clock.at_s
    _apply(path, clock, "b", "!")
    clock.at_s += 100.0
    assert _hazards(path, clock) == {_CAPTION: Hazard(({"caption": "a"},), found_s, 1)}


def test_an_attempt_that_is_told_as_lost_after_its_change_succeeded_is_a_hazard(path: Path, clock: Clock) -> None:
    with StateStore(path, clock) as store:
        store.lock("apply")
        journal = store.begin_run(plan_of([captioned(image(1), "a")]))

        async def run() -> None:
            await journal.intend(Intent(0, 1, clock.at_s))
            await journal.intend(Intent(0, 2, clock.at_s))
            journal.conclude(answered(0, 2))
            journal.settle(fate(0))
            await journal.flush()
            clock.at_s += 3.0
            assert _hazards(path, clock) == {_CAPTION: Hazard(({"caption": "a"},), clock.at_s - 3.0, 1)}
            journal.conclude(Conclusion(0, 1, clock.at_s, 4000.0, "lost", doubt=True, answer=Answer()))
            await journal.flush()

        asyncio.run(run())

    with StateStore(path, clock).known() as known:
        assert known.doubts() == {}
        assert known.hazards() == {_CAPTION: Hazard(({"caption": "a"},), clock.at_s + 4.0, 1)}


def test_hazards_that_are_over_an_hour_old_are_none_and_the_next_run_forgets_them(path: Path, clock: Clock) -> None:
    _apply(path, clock, "a", "?!")
    clock.at_s += 3_598.0
    assert _CAPTION in _hazards(path, clock)
    _apply(path, clock, "b", "?")
    assert _marks(path) == [2, 1]

    clock.at_s += 3_590.0
    assert _hazards(path, clock)[_CAPTION].fields == ({"caption": "b"},)
    _apply(path, clock, "c", "!")
    assert _marks(path) == [2]


def _marks(path: Path) -> list[int]:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        return [mark for (mark,) in connection.execute("SELECT doubt FROM attempts WHERE doubt ORDER BY attempt")]


def test_to_forget_an_item_ends_its_hazards(path: Path, clock: Clock) -> None:
    for text, ends in (("a", "?!"), ("b", "?"), ("c", "x")):
        _apply(path, clock, text, ends)
    assert _hazards(path, clock)[_CAPTION].attempts == 3

    with StateStore(path, clock) as store:
        store.lock("state forget")
        store.forget([image(1)])
    assert _hazards(path, clock) == {}


def test_hazards_are_those_of_the_moment_at_which_the_state_was_read(path: Path, clock: Clock) -> None:
    _apply(path, clock, "a", "?")
    with StateStore(path, clock).known() as known:
        _apply(path, clock, "b", "?")
        assert known.hazards()[_CAPTION].fields == ({"caption": "a"},)
        known.close()
        assert known.hazards()[_CAPTION].attempts == 1


def test_an_index_finds_them_among_any_number_of_attempts(path: Path, clock: Clock) -> None:
    _apply(path, clock, "a", "?!")
    with StateStore(path, clock).known() as known:
        statements: list[str] = []
        known._open.set_trace_callback(statements.append)
        known.hazards()
        (query,) = statements
        plan = known._open.execute(f"EXPLAIN QUERY PLAN {query}").fetchall()
    assert not [step for *_, step in plan if "SCAN attempts" in step and "INDEX" not in step]
