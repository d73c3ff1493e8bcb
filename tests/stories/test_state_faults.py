"""What happens to a state under a run, and how it is mended with the commands that the messages name."""

import re
import signal
import time
from pathlib import Path
from random import Random

import pytest

from tests.stories.figures import Figures
from tests.stories.full_disks import fill_disks
from tests.stories.job import Done, Target
from tests.stories.stage import Stage, staged, until
from tests.stories.world import changes_of, made_world

_TARGETS = (Target("coze-cn", "60/s", 4), Target("volc-bj", "60/s", 4))


@pytest.mark.fault(
    "F8", seen="a full disk at random moments: exit 8, a recovery file with all that was done, nothing claimed"
)
def test_a_disk_that_is_full_at_any_moment_loses_and_claims_nothing(tmp_path: Path, figures: Figures) -> None:
    figures(fill_disks(tmp_path, limits=5, seed=3))


@pytest.mark.fault("F10", seen="exit 8; later runs refuse until it is put back; nothing is sent twice")
def test_a_state_that_is_deleted_under_a_run_is_put_back_and_nothing_is_sent_twice(tmp_path: Path) -> None:
    with staged(tmp_path, made_world(100), targets=_TARGETS) as stage:
        state = stage.job.folder / ".kbsync" / "state.db"
        with stage.job.start("apply", "--yes") as running:
            until(lambda: stage.seen() > 20)
            state.unlink()
            done = running.done()
        assert done.code == 8
        assert "was deleted or replaced while it was in use" in done.err
        sent = stage.seen()

        for words in (["plan"], ["apply", "--yes"], ["state", "list"], ["runs"]):
            refused = stage.job.run(*words)
            assert refused.code == 1
            assert f"The state {state} is missing, and 1 runs had written to the one that was here" in refused.err
        assert stage.seen() == sent

        saved = re.search(r"What was in it is in (\S+): rename", done.err)
        left = re.search(r"`kbsync state recover (\S+)`", done.err)
        assert saved is not None
        assert left is not None
        Path(saved[1]).rename(state)
        assert stage.job.run("state", "recover", left[1]).code == 0
        assert stage.job.apply()[0] == 0
        assert max(stage.seen_by_item().values()) == 1
        assert stage.content() == stage.world.after


@pytest.mark.fault(
    "F14",
    seen="the others exit 6 and say that it is stopped; woken after its lock was broken: exit 6, nothing written. "
    "States in PostgreSQL come later",
)
def test_a_run_that_was_frozen_and_lost_its_lock_writes_nothing_and_its_ends_are_recovered(tmp_path: Path) -> None:
    random = Random(5)
    world = made_world(120)
    changes = sum(map(changes_of, world.lines))
    with staged(tmp_path, world, targets=_TARGETS) as stage, stage.job.start("apply", "--yes") as frozen:
        stage.control("PUT", "latency", {"least_s": 0.05, "most_s": 0.2})
        until(lambda: stage.seen() > 20)
        broken = _broken(stage, frozen.send, random)
        assert broken.out.startswith("took the state away from `kbsync apply`")
        assert stage.job.run("state", "lock").code == 0

        code, report = stage.job.apply()
        assert code == 0
        before = stage.job.journal.outcomes()
        frozen.send(signal.SIGCONT)
        done = frozen.done()

        assert done.code == 6
        assert "its lock was broken or removed" in done.err
        assert stage.job.journal.outcomes() == before
        assert stage.job.journal.is_sound()
        found = re.search(r"`kbsync state recover (\S+)`", done.err)
        assert found is not None
        assert stage.job.run("state", "recover", found[1]).code == 0
        # Both together did all of it; what was in flight when it froze was done twice at most.
        outcomes = stage.job.journal.outcomes()
        assert outcomes["updated"] >= changes
        assert report["totals"]["failed"] == 0
        assert len(stage.writes()) <= changes + 2 * 8
        assert not stage.job.plan()["changes"]
        assert stage.content() == stage.world.after


def _broken(stage: Stage, send: object, random: Random) -> Done:
    """Freeze the run somewhere, though not in the middle of a write, and break its lock."""
    assert callable(send)
    for _ in range(100):
        send(signal.SIGSTOP)
        held = stage.job.run("state", "lock")
        assert held.code == 6
        assert "That process is stopped" in held.out
        found = re.search(r"\(lock ([0-9a-f]+)\)", held.out)
        assert found is not None
        refused = stage.job.run("apply", "--yes")
        assert refused.code == 6
        assert f"break-lock {found[1]}" in refused.err
        broken = stage.job.run("state", "break-lock", found[1], "--yes")
        if broken.code == 0:
            return broken
        assert (broken.code, "in the middle of a write" in broken.err) == (6, True)
        send(signal.SIGCONT)
        time.sleep(random.uniform(0, 0.05))
    raise AssertionError("the lock could not be broken")


def test_of_two_applies_the_second_sends_nothing_and_names_the_first(tmp_path: Path) -> None:
    world = made_world(400)
    with staged(tmp_path, world, targets=_TARGETS) as stage, stage.job.start("apply", "--yes") as first:
        until(lambda: stage.seen() > 3)
        loser = stage.job.run("apply", "--yes")
        assert loser.code == 6
        assert f"process {first.process.pid}" in loser.err
        assert "That process is alive" in loser.err
        assert first.done().code == 0

        assert stage.job.journal.outcomes() == {"updated": sum(map(changes_of, world.lines))}
        assert max(stage.seen_by_item().values()) == 1
