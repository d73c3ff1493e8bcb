"""A run is undone by a manifest of the values that it replaced, over real sockets, on both providers."""

from pathlib import Path

import pytest

from tests.stories.job import Job, Target
from tests.stories.stage import Stage, staged, until
from tests.stories.world import World, made_world

TARGETS = (Target("coze-cn", "500/s", 4), Target("volc-bj", "500/s", 4))
RETRY = {"attempts": 2, "base_delay_s": 0.01, "quarantine_s": 0.5}
EDITED = 5


def undo(job: Job, *arguments: str, name: str = "undo.yaml") -> tuple[str, str]:
    """Write the undo manifest of a run, beside the manifests; return it, and what was said."""
    done = job.run("report", *arguments, "--undo")
    assert done.code == 0, done.err
    (job.folder / name).write_text(done.out, encoding="utf-8")
    return done.out, done.err


def worlds(stage: Stage) -> tuple[World, World]:
    """Apply a world, and then another."""
    old = stage.world
    code, _ = stage.job.apply()
    assert code == 0
    new = old.edited(EDITED, "neu")
    stage.declare(new)
    return old, new


def test_an_undone_run_has_left_nothing_and_an_undone_undo_brings_it_back(tmp_path: Path) -> None:
    with staged(tmp_path, made_world(20), targets=TARGETS, retry=RETRY) as stage:
        old, new = worlds(stage)
        code, report = stage.job.apply()
        assert (code, report["totals"]["updated"]) == (0, EDITED)
        assert stage.content() == new.after

        text, said = undo(stage.job)
        assert report["run_id"] in text
        assert said == ""
        stage.forget()
        code, report = stage.job.apply("undo.yaml")

        assert (code, report["totals"]["updated"], report["totals"]["planned"]) == (0, EDITED, EDITED)
        assert len(stage.writes()) == EDITED
        assert report["released"] == []
        assert stage.content() == old.after
        plan = stage.job.plan()
        assert [change["reason"] for change in plan["changes"]] == ["changed"] * EDITED
        assert (plan["released"], plan["unmanaged"]) == ([], [])

        undo(stage.job)
        code, report = stage.job.apply("undo.yaml")
        assert (code, report["totals"]["updated"]) == (0, EDITED)
        assert stage.content() == new.after
        assert not stage.job.plan()["changes"]


@pytest.mark.fault("F3", seen="what a killed run replaced, or may have replaced, is put back")
def test_what_a_killed_run_did_or_may_have_done_is_undone(tmp_path: Path) -> None:
    with staged(tmp_path, made_world(20), targets=TARGETS, retry=RETRY) as stage:
        old, new = worlds(stage)
        stage.forget()
        # Some writes are answered, others never, of which some were applied.
        stage.rules(
            {"kind": "hang_after", "writes_only": True, "item": "*744667*"},
            {"kind": "hang_before", "writes_only": True, "item": "*doc_*4"},
        )
        with stage.job.start("apply", "--yes") as running:
            until(lambda: len(stage.writes()) == EDITED)
            running.process.kill()
            running.process.wait()
        assert stage.content() not in (old.after, new.after)
        stage.calm()

        text, said = undo(stage.job)
        assert said == ""
        assert "The run has not ended" in text
        assert "nobody knows whether the run got through" in text
        code, report = stage.job.apply("undo.yaml")

        assert code == 0
        assert report["totals"]["updated"] == report["totals"]["planned"] == EDITED
        assert stage.content() == old.after


def test_what_a_later_run_finished_of_a_killed_one_is_undone_by_the_undo_of_either(tmp_path: Path) -> None:
    with staged(tmp_path, made_world(20), targets=TARGETS, retry=RETRY) as stage:
        old, new = worlds(stage)
        stage.rules({"kind": "hang_after", "writes_only": True})
        seen = len(stage.writes())
        with stage.job.start("apply", "--yes") as running:
            until(lambda: len(stage.writes()) == seen + EDITED)
            running.process.kill()
            running.process.wait()
        stage.calm()
        killed = stage.job.report()["run_id"]
        code, _ = stage.job.apply()
        assert code == 0
        assert stage.content() == new.after

        by_killed, _ = undo(stage.job, killed, name="killed.yaml")
        by_last, _ = undo(stage.job, name="last.yaml")
        without_comment = [
            [line for line in text.splitlines() if not line.startswith("#")] for text in (by_killed, by_last)
        ]
        assert without_comment[0] == without_comment[1]
        assert stage.job.apply("killed.yaml")[0] == 0
        assert stage.content() == old.after
