"""SIGKILL at random moments, as often as one likes, on jobs under faults."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

from kbsync.adapters.state import StateStore
from tests.stories.job import Job, Target
from tests.stories.stage import Stage, staged, until
from tests.stories.victims import Breed
from tests.stories.whole_job import BAD
from tests.stories.world import changes_of, made_world

__all__ = ("Cost", "kill_often")

CONCURRENCY: Final = 8
TARGETS: Final = ("coze-cn", "volc-bj")
RATE_PER_S: Final = 40
LATEST_S: Final = 0.4
# How long a start takes at most until something is sent: the requests of the run before have to pass out of a second.
SLOWEST_START_S: Final = 1.3
# More than both targets get done between two kills.
ITEMS_FOR_EACH: Final = 40

Applied = Counter[tuple[str, str]]


class Cost(NamedTuple):
    """What came of some kills."""

    kills: int
    busy: int
    changes: int
    seen: int
    journalled: int
    duplicates: int

    def __str__(self) -> str:
        return (
            f"{self.kills} kills, {self.busy} of them while sending: {self.changes} changes, nothing lost; "
            f"{self.seen} writes seen, {self.journalled} attempts journalled, "
            f"{self.duplicates} duplicates after a good answer"
        )


def kill_often(
    folder: Path, kills: int, seeds: Sequence[int], breeding: Callable[[], AbstractContextManager[Breed]]
) -> Cost:
    """Have a job for each of *seeds*, and kill each so often before it may end; return what it cost together.

    The jobs go on beside each other, for most of their time is spent waiting. *breeding* says where processes come
    from.
    """

    def one(seed: int) -> Cost:
        with breeding() as breed:
            return _kill_one_job(folder / f"job-{seed}", kills, Random(seed), breed)

    with ThreadPoolExecutor(len(seeds)) as threads:
        costs = list(threads.map(one, seeds))
    return Cost(*map(sum, zip(*costs, strict=True)))


def _kill_one_job(folder: Path, kills: int, random: Random, breed: Breed) -> Cost:
    world = made_world(kills * ITEMS_FOR_EACH)
    changes = sum(map(changes_of, world.lines))
    targets = [Target(name, f"{RATE_PER_S}/s", CONCURRENCY) for name in TARGETS]
    busy = 0
    with staged(folder, world, targets=targets, retry={"base_delay_s": 0.05}) as stage:
        stage.rules({"mix": dict(BAD), "share": 0.2, "max_in_row": 3})
        stage.control("PUT", "latency", {"least_s": 0.02, "most_s": 0.25})
        for number in range(kills):
            # Half of them come at any moment, the other half when requests are under way.
            busy += _kill(stage, breed, random, wait=number % 2 == 1)

        assert busy >= kills // 3, "hardly a kill came in the middle"
        stage.calm()
        stage.rules({"mix": dict(BAD), "share": 0.2, "max_in_row": 3})
        _hurry(stage.job)
        code, report = stage.job.apply()

        assert code == 0
        assert report["totals"]["updated"] == report["totals"]["planned"]
        assert stage.job.journal.is_sound()
        assert not stage.job.plan()["changes"]
        writes, journalled, seen = stage.writes(), stage.job.journal.writes(), stage.seen_by_item()
        # A kill may leave an attempt in the journal that was never sent; nothing was sent that is not in it.
        assert seen <= journalled
        assert (journalled - seen).total() <= kills * CONCURRENCY * len(TARGETS)
        good = _confirmed(writes)
        assert stage.content() == world.after
        assert len(good) == changes
        duplicates = good.total() - changes
        assert duplicates <= busy * CONCURRENCY * len(TARGETS)
    return Cost(kills, busy, changes, len(writes), journalled.total(), duplicates)


def _kill(stage: Stage, breed: Breed, random: Random, *, wait: bool) -> bool:
    """Kill one run, look at what it left, and tell whether it had sent something."""
    before = len(stage.writes())
    seen = stage.seen()
    victim = breed.start(stage.job, "apply", "--yes")
    try:
        if wait:
            until(lambda: stage.seen() > seen or victim.has_ended())
        time.sleep(random.uniform(0.0, LATEST_S if wait else SLOWEST_START_S))
    finally:
        code = victim.kill()
    assert code == -9, "there was nothing left to kill"

    journal = stage.job.journal
    if not journal.path.exists():
        assert stage.seen() == seen
        return False
    assert journal.is_sound()
    if stage.seen() == seen:
        return False
    _check_account(stage.job, stage.writes(), before)
    return True


def _check_account(job: Job, writes: Sequence[Mapping[str, Any]], before: int) -> None:
    """The report of a killed run claims what was confirmed, at most, and denies nothing that was done, at least."""
    with StateStore(job.journal.path) as store:
        report = store.load_report()
    assert report.facts.finished_at_s is None
    assert len(report.rows) == report.totals["planned"]
    outcomes = {(row.change.operation, row.change.item.id): row.settlement.outcome for row in report.rows}
    updated = {key for key, outcome in outcomes.items() if outcome == "updated"}
    assert updated <= _confirmed(writes).keys()
    # What arrived after the look into the state is not missing there: its intent was recorded before it was sent.
    for write in writes[before:]:
        if write["fate"] in {"applied", "late"}:
            assert outcomes[_key(write)] in {"updated", "unknown"}, write


def _confirmed(writes: Sequence[Mapping[str, Any]]) -> Applied:
    """Count the writes that were applied and well answered, by operation and item."""
    return Counter(_key(write) for write in writes if write["fate"] == "applied" and not write["fault"])


def _key(write: Mapping[str, Any]) -> tuple[str, str]:
    return write["operation"], write["item"].rpartition("/")[2]


def _hurry(job: Job) -> None:
    """Let the last run take less time."""
    config = job.folder / "kbsync.toml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace(f'"{RATE_PER_S}/s"', '"1000/s"'), encoding="utf-8")
