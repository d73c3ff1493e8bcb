"""SIGKILL at random moments, as often as one likes, on one job under faults."""

import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import Final

from tests.stories.job import Target
from tests.stories.stage import staged, until
from tests.stories.whole_job import BAD
from tests.stories.world import changes_of, made_world

__all__ = ("kill_often",)

CONCURRENCY: Final = 8
LATEST_S: Final = 0.8


def kill_often(folder: Path, kills: int, seed: int) -> str:
    """Kill one job so often before it may end; return what it cost in figures."""
    random = Random(seed)
    world = made_world(kills * 75)
    changes = sum(map(changes_of, world.lines))
    targets = [Target("coze-cn", "60/s", CONCURRENCY), Target("volc-bj", "60/s", CONCURRENCY)]
    busy = 0
    with staged(folder, world, targets=targets, retry={"base_delay_s": 0.05}) as stage:
        job = stage.job
        stage.rules({"mix": dict(BAD), "share": 0.2, "max_in_row": 3})
        stage.control("PUT", "latency", {"least_s": 0.005, "most_s": 0.03})
        for number in range(kills):
            before = stage.seen()
            with job.start("apply", "--yes") as running:
                if number % 2:
                    until(lambda: stage.seen() > before or running.process.poll() is not None)  # noqa: B023
                time.sleep(random.uniform(0.0, LATEST_S))
                assert running.process.poll() is None, "there was nothing left to kill"
                running.process.kill()
                running.process.wait()
            busy += stage.seen() > before

            if (job.folder / ".kbsync" / "state.db").exists():
                assert job.journal.is_sound()
            if job.journal.path.exists() and stage.seen() > before:
                told = job.report()
                assert told["finished_at"] is None
                assert told["totals"]["planned"] == len(told["items"])
                updated = {
                    (row["operation"], row["item"]["id"]) for row in told["items"] if row["outcome"] == "updated"
                }
                assert updated <= applied(stage.writes()).keys()

        assert busy >= kills / 2, "hardly a kill came in the middle"
        stage.control("PUT", "latency", {})
        faster(job.folder / "kbsync.toml")
        code, report = job.apply()

        assert code == 0
        assert report["totals"]["updated"] == report["totals"]["planned"]
        assert job.journal.is_sound()
        assert not job.plan()["changes"]
        writes, journalled, seen = stage.writes(), job.journal.writes(), stage.seen_by_item()
        # A kill may leave an attempt in the journal that was never sent; nothing was sent that is not in it.
        assert seen <= journalled
        assert (journalled - seen).total() <= kills * CONCURRENCY * len(targets)
        good = applied(writes)
        assert stage.content() == world.after
        assert len(good) == changes
        duplicates = good.total() - changes
        assert duplicates <= busy * CONCURRENCY * len(targets)
    return (
        f"{kills} kills, {busy} of them while sending: {changes} changes, nothing lost; {len(writes)} writes seen, "
        f"{journalled.total()} attempts journalled, {duplicates} duplicates after a good answer"
    )


def applied(writes: list[dict[str, object]]) -> Counter[tuple[str, str]]:
    """Count the writes that were applied and well answered, by operation and item."""
    return Counter(
        (str(write["operation"]), str(write["item"]).rpartition("/")[2])
        for write in writes
        if write["fate"] == "applied" and not write["fault"]
    )


def faster(config: Path) -> None:
    """Let the last run take less time."""
    config.write_text(config.read_text(encoding="utf-8").replace("60/s", "1000/s"), encoding="utf-8")
