"""A long run through every kind of fault, watched from outside: what it takes stays what it was."""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import linear_regression
from typing import Any, Final, NamedTuple

import orjson

from tests.stories.job import Job, Target, checked
from tests.stories.stage import Stage, staged
from tests.stories.whole_job import BAD, totals
from tests.stories.world import changes_of, made_world

__all__ = ("Sample", "soak")

# Beside the faults that say nothing of the write: answers that are no answers, and connections that end behind a good
# one. A few never come at all. No code that asks for a lower rate: what follows is waiting, and nothing is used.
MIXED: Final[Mapping[str, float]] = {
    **{kind: weight for kind, weight in BAD.items() if kind != "code_transient"},
    "hang_before": 0.3,
    "hang_after": 0.3,
    "late_write": 0.5,
    "bad_gzip": 1,
    "huge_header": 0.5,
    "many_headers": 0.5,
    "code_missing": 1,
    "code_string": 1,
    "top_list": 1,
    "invalid_utf8": 1,
    "duplicate_keys": 1,
    "answer_then_close": 2,
    "answer_then_reset": 2,
}
SHARE: Final = 0.3
# Far too long, and not too often: it is the server that has to make them.
HUGE: Final = (
    {"kind": "gzip_bomb", "share": 0.005, "with": {"size_bytes": 4 << 20}, "max_in_row": 3},
    {"kind": "huge_body", "share": 0.005, "with": {"size_bytes": 4 << 20}, "max_in_row": 3},
)
WORKERS: Final = 16
_EVERY_S: Final = 0.1
_MIB: Final = 1024.0
# P14: so much for the program, and for each item.
_PROGRAM_MIB: Final = 150
_ITEM_KIB: Final = 2
_DESCRIPTORS: Final = 32


class Sample(NamedTuple):
    """What the process took at *at_s*, wall time."""

    at_s: float
    rss_mib: float
    descriptors: int


def soak(folder: Path, size: int, slack_mib: float) -> str:
    """Bring *size* items over while three answers in ten are bad, with sixteen workers; return what was seen.

    Every change has to have its end, and from the middle of the sending on, the process may not grow by more than
    *slack_mib*. Nothing is kept of an answer, but SQLite's cache fills up to its 32 MiB, and what failed requests leave
    behind in cycles waits for the collector.
    """
    world = made_world(size)
    changes = sum(map(changes_of, world.lines))
    settings = {"read_timeout_s": 1, "total_timeout_s": 5}
    targets = [Target(name, "4000/s", WORKERS // 2, settings=settings) for name in ("coze-cn", "volc-bj")]
    # Beside its own bad answers in a row, an item meets connections that end behind the answers to others.
    retry = {"attempts": 10, "base_delay_s": 0.02, "max_delay_s": 0.5}
    with staged(folder, world, targets=targets, retry=retry) as stage:
        stage.rules(*HUGE, {"mix": dict(MIXED), "share": SHARE, "max_in_row": 3})
        code, report, samples = _apply(stage.job)

        assert code == 0, report["totals"]
        assert report["totals"] == totals(planned=changes, updated=changes)
        stats = stage.control("GET", "stats")
        bad, requests = sum(stats["faults"].values()), sum(stats["requests"].values())
        assert set(stats["faults"]) == {*MIXED, *(rule["kind"] for rule in HUGE)}
        assert bad > (SHARE - 0.08) * requests
        assert stage.job.journal.open_intents() == 0
        assert stage.content() == world.after
        sending = _sending(stage, samples)

    growth_mib = _growth_mib(sending)
    peak_mib, most = max(sample.rss_mib for sample in samples), max(sample.descriptors for sample in samples)
    told = (
        f"{size} items, {changes} changes, {requests} requests, {bad} of them bad, in "
        f"{sending[-1].at_s - sending[0].at_s:.0f} s of sending: all updated; from its middle on "
        f"{growth_mib:+.2f} MiB, peak {peak_mib:.0f} MiB, at most {most} descriptors"
    )
    assert peak_mib <= _PROGRAM_MIB + size * _ITEM_KIB / _MIB, told
    assert growth_mib <= slack_mib, told
    assert most <= WORKERS + _DESCRIPTORS, told
    return told


def _apply(job: Job) -> tuple[int, Any, list[Sample]]:
    """Apply; return the exit code, the report, and what the process took on the way."""
    report = job.folder / "report.json"
    samples: list[Sample] = []
    with job.start("--quiet", "apply", "--yes", "--report", str(report)) as running:
        while running.process.poll() is None:
            samples.extend(_sampled(running.process.pid))
            time.sleep(_EVERY_S)
        done = running.done()
    assert report.exists(), done.err
    return done.code, checked(orjson.loads(report.read_bytes()), done.code), samples


def _sampled(pid: int) -> Iterator[Sample]:
    """Yield what the process takes now, unless it has just ended."""
    process = Path("/proc") / str(pid)
    try:
        pages = int((process / "statm").read_text(encoding="ascii").split()[1])
        yield Sample(time.time(), pages * 4 / _MIB, len(list((process / "fd").iterdir())))
    except (OSError, IndexError):
        return


def _sending(stage: Stage, samples: Sequence[Sample]) -> list[Sample]:
    """Return the samples between the first and the last request."""
    times = [time_s for name in ("coze-cn", "volc-bj") for time_s in stage.job.journal.send_times(name)]
    return [sample for sample in samples if min(times) <= sample.at_s <= max(times)]


def _growth_mib(samples: Sequence[Sample]) -> float:
    """Return by how much the process grew over the second half, by the line that fits it best."""
    half = samples[len(samples) // 2 :]
    slope, _ = linear_regression([sample.at_s for sample in half], [sample.rss_mib for sample in half])
    return slope * (half[-1].at_s - half[0].at_s)
