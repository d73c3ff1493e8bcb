"""The whole job at any size: the short forms run with the other tests, the long ones as campaigns."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.stories.job import Target
from tests.stories.stage import Stage, staged
from tests.stories.world import changes_of, made_world

__all__ = ("reconcile", "reconcile_through_faults")

# 5xx, disconnects before and after the write, HTML, truncated JSON: none of them says what became of the write.
BAD: Final[Mapping[str, float]] = {
    "http_500": 2,
    "http_502": 2,
    "http_503": 2,
    "http_504": 1,
    "late_write_504": 1,
    "code_transient": 1,
    "disconnect_before": 2,
    "disconnect_after": 2,
    "reset_before": 1,
    "reset_after": 1,
    "html": 2,
    "truncated_json": 2,
    "truncated_body": 1,
    "truncated_chunks": 1,
    "empty_body": 1,
    "garbage_status": 1,
}


def reconcile(folder: Path, size: int, edits: int) -> str:
    """Bring *size* items over, find nothing more to do, then send *edits*. Return what happened in figures."""
    world = made_world(size)
    changes = sum(map(changes_of, world.lines))
    with staged(folder, world) as stage:
        code, report = stage.job.apply()

        assert code == 0
        assert report["totals"] == totals(planned=changes, updated=changes)
        assert stage.seen_by_item() == stage.job.journal.writes()
        assert stage.control("GET", "stats")["applied"] == stage.control("GET", "stats")["distinct_applied"]
        assert stage.content() == world.after

        stage.forget()
        code, report = stage.job.apply()

        assert code == 0
        assert report["totals"] == totals(in_sync=size)
        assert stage.seen() == 0

        stage.declare(world.edited(edits, "neu"))
        code, report = stage.job.apply()

        assert code == 0
        assert report["totals"] == totals(planned=edits, updated=edits, in_sync=size - edits)
        writes = stage.writes()
        assert len(writes) == len({(write["operation"], write["item"]) for write in writes}) == edits
        assert stage.content() == stage.world.after
    return f"{size} items, {changes} changes: all updated; second apply 0 requests; {edits} edits: {edits} writes"


def reconcile_through_faults(folder: Path, size: int, meta_mode: str, server_rate: int) -> str:
    """Bring *size* items over while one answer in five is bad and the server holds both credentials to a rate."""
    world = made_world(size)
    changes = sum(map(changes_of, world.lines))
    rate = f"{server_rate * 4}/s"
    targets = (Target("coze-cn", rate), Target("volc-bj", rate))
    with staged(folder, world, "--meta-mode", meta_mode, targets=targets, retry={"base_delay_s": 0.05}) as stage:
        throttle(stage, server_rate)
        stage.rules({"mix": dict(BAD), "share": 0.2, "max_in_row": 3})
        code, report = stage.job.apply()

        assert code == 0, report["totals"]
        assert report["totals"] == totals(planned=changes, updated=changes)
        journal = stage.job.journal
        writes, seen, stats = journal.writes(), stage.seen_by_item(), stage.control("GET", "stats")
        assert writes == seen
        assert sum(row["attempts"] for row in report["items"]) == writes.total()
        assert journal.reads() == report["reads"] == len(stage.requests()) - len(stage.writes())
        assert journal.open_intents() == 0
        assert not stage.job.plan()["changes"]
        assert stage.content() == world.after

        bad = {kind: count for kind, count in stats["faults"].items() if not kind.startswith("throttled:")}
        throttled = {kind: count for kind, count in stats["faults"].items() if kind.startswith("throttled:")}
        through = stage_total(stats) - sum(throttled.values())
        assert set(bad) == set(BAD)
        assert sum(bad.values()) > 0.15 * through
        assert throttled
    return (
        f"{size} items, {changes} changes, {meta_mode}: all updated; writes seen = attempts = {writes.total()}, "
        f"reads seen = journalled = {report['reads']}; bad {sum(bad.values())} of {through}, "
        f"throttled {sum(throttled.values())} {throttled}"
    )


def throttle(stage: Stage, rate: int) -> None:
    """Hold both credentials to *rate* in windows by the clock, with every way to say so."""
    one = {"rate": f"{rate}/s", "window": "fixed", "mix": "http_429=2,http_429_after=1,code_throttled=2"}
    stage.control("PUT", "rates", {"coze": one, "volcengine": one})


def stage_total(stats: Mapping[str, Any]) -> int:
    """Count all requests."""
    return sum(stats["requests"].values())


def totals(**counts: int) -> dict[str, int]:
    """Give the totals of a report in which everything else is zero."""
    names = ("planned", "updated", "failed", "unknown", "conflict", "stale", "skipped", "not_attempted", "in_sync")
    return {name: counts.get(name, 0) for name in names}
