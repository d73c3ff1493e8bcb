"""A disk that is full at random moments of a real apply, as often as one likes: a limit on the size of its files."""

import re
import resource
from pathlib import Path
from random import Random

from kbsync.adapters.state import StateStore
from kbsync.core.exits import Exit
from kbsync.core.report import Report
from tests.stories.job import Running, Target
from tests.stories.stage import Stage, staged, until
from tests.stories.world import made_world

__all__ = ("fill_disks",)

_EDITS = 48
_LEAST_BYTES = 40_000
_TARGETS = (Target("coze-cn", "120/s", 8), Target("volc-bj", "120/s", 8))
_COMMAND = re.compile(r"`kbsync state recover (\S+)`")


def fill_disks(folder: Path, limits: int, seed: int) -> str:
    """Apply so often, each time with room for little more than what stands there; return what came of it in figures."""
    random = Random(seed)
    world = made_world(240)
    failed = early = recovered = 0
    with staged(folder, world, targets=_TARGETS) as stage:
        assert stage.job.apply()[0] == 0
        for number in range(limits):
            stage.declare(world.edited(_EDITS, f"v{number}"))
            stage.forget()
            with stage.job.start("apply", "--yes", "--allow", "change-percent", "--reason", "a full disk") as running:
                after = random.choice([0, 0, *range(1, _EDITS)])
                until(lambda: stage.seen() >= after or running.process.poll() is not None)  # noqa: B023
                _fill(stage, running, random.choice([0, 0, 1, 5_000, 20_000, 60_000]))
                done = running.done()

            assert stage.job.journal.is_sound()
            good = {
                (write["operation"], write["item"].rpartition("/")[2])
                for write in stage.writes()
                if write["fate"] == "applied"
            }
            if done.code == 0:
                assert len(good) == _EDITS
                continue
            failed += 1
            found = _COMMAND.search(done.err)
            if found is None:  # it failed before anything was sent
                early += 1
                assert done.code in {1, 8}, (done.code, done.err)
                assert not good
                continue
            assert done.code == 8, done.err
            # Nothing that is not recorded is claimed, and what is recorded later is all that was done.
            store = StateStore(stage.job.journal.path)
            assert _updated(store.load_report()) <= good
            told = stage.job.run("state", "recover", found[1])
            assert told.code == 0, told.err
            report = store.load_report()
            assert _updated(report) == good
            assert report.exit is Exit.STATE
            assert stage.job.journal.open_intents() == 0
            assert stage.seen_by_item() <= stage.job.journal.writes()
            Path(found[1]).unlink()
            recovered += 1

        code, _ = stage.job.apply("--allow", "change-percent", "--reason", "the rest")
        assert code == 0
        assert not stage.job.plan()["changes"]
        assert stage.content() == stage.world.after
    return (
        f"{limits} full disks: {failed} runs failed, {early} of them before they sent anything and {recovered} were "
        "recovered; none claimed what was not so"
    )


def _fill(stage: Stage, running: Running, room: int) -> None:
    """Let no file of the process grow further than its WAL has by *room* bytes, and messages find room."""
    sizes = [_LEAST_BYTES, *(file.stat().st_size for file in (stage.job.folder / ".kbsync").glob("state.db-wal"))]
    if running.process.poll() is None:
        limit = max(sizes) + room
        resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))


def _updated(report: Report) -> set[tuple[str, str]]:
    return {(row.change.operation, row.change.item.id) for row in report.rows if row.settlement.outcome == "updated"}
