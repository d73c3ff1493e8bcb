"""A write of which nobody knows whether it was applied: going back to the old value must still send it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.stories.job import Target
from tests.stories.stage import Stage, staged, until
from tests.stories.world import World, made_world, place_of

KINDS = {
    "coze.image.caption": 0,
    "coze.document.update": 2,
    "volcengine.document.meta": 3,
}
IMPATIENT = {"read_timeout_s": 0.4, "total_timeout_s": 0.6}
TARGETS = (
    Target("coze-cn", "200/s", 4, settings=IMPATIENT),
    Target("volc-bj", "200/s", 4, settings=IMPATIENT),
)
PATIENT = (Target("coze-cn", "200/s", 4), Target("volc-bj", "200/s", 4))


def killed(stage: Stage) -> None:
    """Kill kbsync after the server applied the write and before it answered."""
    with stage.job.start("apply", "--yes") as running:
        until(lambda: bool(stage.writes()))
        running.process.kill()
        running.process.wait()
    assert stage.job.report()["totals"]["unknown"] == 1


def unanswered(stage: Stage) -> None:
    """Let kbsync give up waiting for an answer."""
    code, report = stage.job.apply()
    assert code == 3
    assert [row["attempts"] for row in report["items"] if row["outcome"] == "unknown"] == [2]
    assert report["totals"]["unknown"] == report["totals"]["planned"] == 1


@pytest.mark.parametrize("operation", KINDS)
@pytest.mark.parametrize(("accident", "targets"), [(killed, PATIENT), (unanswered, TARGETS)])
def test_going_back_to_the_old_value_sends_it(
    tmp_path: Path, operation: str, accident: Callable[[Stage], None], targets: tuple[Target, ...]
) -> None:
    old = made_world(20)
    with staged(
        tmp_path, old, targets=targets, retry={"attempts": 2, "base_delay_s": 0.01, "quarantine_s": 0.5}
    ) as stage:
        stage.job.apply()
        new = changed(old, KINDS[operation])
        place = place_of(old.lines[KINDS[operation]])
        stage.forget()
        stage.rules({"kind": "hang_after", "writes_only": True})
        stage.declare(new)
        accident(stage)
        assert stage.content()[place] == new.after[place] != old.after[place]

        stage.declare(old)
        plan = stage.job.plan()

        assert [(one["item"]["id"], one["operation"], one["reason"]) for one in plan["changes"]] == [
            (place.id, operation, "in_doubt")
        ]

        stage.forget()
        code, report = stage.job.apply()

        assert code == 0
        assert report["totals"]["updated"] == report["totals"]["planned"] == len(stage.writes()) == 1
        assert stage.content() == old.after
        assert not stage.job.plan()["changes"]


def test_a_new_item_in_doubt_is_not_released_when_it_leaves_the_manifest(tmp_path: Path) -> None:
    world = made_world(20)
    with staged(tmp_path, World(world.before, world.lines[1:]), targets=PATIENT) as stage:
        stage.job.apply()
        stage.rules({"kind": "hang_after", "writes_only": True})
        stage.forget()
        stage.declare(world)
        killed(stage)
        stage.calm()
        stage.declare(World(world.before, world.lines[1:]))
        code, _ = stage.job.apply()

        assert code == 0
        stage.declare(world)
        plan: Any = stage.job.plan()
        assert [one["reason"] for one in plan["changes"]] == ["in_doubt"]


@pytest.mark.fault("F3", seen="what was open is sent again and settled")
def test_what_a_killed_run_left_open_is_sent_again_and_settled(tmp_path: Path) -> None:
    world = made_world(40)
    with staged(tmp_path, world, targets=PATIENT) as stage:
        stage.rules({"kind": "hang_before", "writes_only": True})
        with stage.job.start("apply", "--yes") as running:
            until(lambda: len(stage.writes()) == 8)
            running.process.kill()
            running.process.wait()
        told = stage.job.report()
        assert told["totals"]["unknown"] == 8
        assert told["totals"]["not_attempted"] == told["totals"]["planned"] - 8

        plan = stage.job.plan()
        assert sum(one["reason"] == "in_doubt" for one in plan["changes"]) == 8
        stage.calm()
        code, report = stage.job.apply()

        assert code == 0
        assert report["totals"]["updated"] == told["totals"]["planned"]
        assert stage.content() == world.after
        assert stage.job.journal.writes() == stage.seen_by_item()


def changed(world: World, number: int) -> World:
    """Declare another value for one line."""
    single = World(world.before, [world.lines[number]]).edited(1, "neu").lines[0]
    return World(world.before, [*world.lines[:number], single, *world.lines[number + 1 :]])
