"""`kbsync apply` beside other clients on one server: requests a second, round by round."""

import json
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.children import KBSYNC, child
from benchmarks.contenders import caption, meta
from benchmarks.table import Rounds, Row, table
from benchmarks.world import COLLECTION, DATASET, World, doc_id, image_id, served, write_config

__all__ = ("CAPTIONS", "META", "Job", "measure")

IN_FLIGHT: Final = 64
_BY_SENDS: Final = "kbsync apply, first to last send"
_WHOLE: Final = "kbsync apply, whole process"


@dataclass(frozen=True, slots=True)
class Job:
    """One kind of update: what it is called, who else does it, and for how much of the items."""

    title: str
    floor: str
    ceiling: str
    vendors: Sequence[str]
    kind: str


CAPTIONS: Final = Job("Coze image captions", "aiohttp-captions", "socket-captions", ("cozepy-captions",), "images")
META: Final = Job(
    "Volcengine document meta, laid over the live list",
    "aiohttp-meta",
    "socket-meta",
    ("vikingdb-meta", "volcengine-meta"),
    "docs",
)
_NAMES: Final = {
    "aiohttp-captions": "bare aiohttp loop",
    "aiohttp-meta": "bare aiohttp loop, signed",
    "socket-captions": "bare sockets, requests made before",
    "socket-meta": "bare sockets, requests made and signed before",
    "cozepy-captions": "cozepy, AsyncCoze",
    "vikingdb-meta": "vikingdb SDK, threads",
    "volcengine-meta": "volcengine SDK, threads",
}


def measure(job: Job, folder: Path, items: int, vendor_items: int, rounds: int) -> tuple[str, list[Row]]:
    """Return the table and its rows."""
    found = Rounds()
    with served(items if job.kind == "images" else 0, items if job.kind == "docs" else 0) as world:
        for _ in range(rounds):
            _apply(job, world, folder / job.kind, items, found)
            for name in (job.floor, job.ceiling):
                _contend(name, world, items, found)
            for name in job.vendors:
                _contend(name, world, vendor_items, found)

    rows = [_row(found, job, name, _NAMES.get(name, name)) for name in (_BY_SENDS, _WHOLE, job.floor, *job.vendors)]
    rows.append(_row(found, job, job.ceiling, _NAMES[job.ceiling]))
    title = f"{job.title}: {items:,} items, vendors' clients {vendor_items:,}; {IN_FLIGHT} in flight"
    return table(title, rows), rows


def _row(found: Rounds, job: Job, name: str, shown: str) -> Row:
    ours = (_BY_SENDS, "rate")
    return Row(
        shown,
        {
            "requests/s": found.median(name, "rate"),
            "of bare aiohttp": found.ratio((name, "rate"), (job.floor, "rate")),
            "kbsync is": None if name in (_BY_SENDS, _WHOLE) else _times(found.ratio(ours, (name, "rate"))),
            "CPU µs each": found.median(name, "cpu_us"),
            "peak MiB": found.median(name, "peak_mib"),
            "server busy": _percent(found.median(name, "busy")),
        },
    )


def _times(ratio: float | None) -> str | None:
    return None if ratio is None else f"{ratio:.2f}×"


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{share:.0%}"


def _contend(name: str, world: World, items: int, found: Rounds) -> None:
    world.forget()
    before_s = world.cpu_s()
    spent = child(sys.executable, "-m", "benchmarks.contenders", name, world.base_url, str(items), str(IN_FLIGHT))
    told = json.loads(spent.out)
    busy = _busy(world, before_s, told["seconds"])
    each_us = spent.cpu_s / items * 1e6
    found.add(name, rate=told["requests"] / told["seconds"], cpu_us=each_us, peak_mib=spent.peak_mib, busy=busy)


def _apply(job: Job, world: World, folder: Path, items: int, found: Rounds) -> None:
    """Apply all items with a state that knows none of them."""
    write_config(folder, world.base_url, IN_FLIGHT)
    (folder / "manifests").mkdir()
    with (folder / "manifests" / "items.jsonl").open("w", encoding="utf-8") as file:
        for number in range(items):
            file.write(json.dumps(_line(job, number), ensure_ascii=False) + "\n")

    world.forget()
    before_s = world.cpu_s()
    spent = child(*KBSYNC, "-q", "apply", "--yes", "--format", "json", cwd=folder)
    requests, seconds = _journalled(folder / ".kbsync" / "state.db", items)
    found.add(_BY_SENDS, rate=requests / seconds, peak_mib=spent.peak_mib, busy=_busy(world, before_s, seconds))
    found.add(_WHOLE, rate=requests / spent.wall_s, cpu_us=spent.cpu_s / requests * 1e6)


def _line(job: Job, number: int) -> dict[str, Any]:
    if job.kind == "images":
        return {
            "target": "coze-cn",
            "dataset": DATASET,
            "kind": "image",
            "id": image_id(number),
            "caption": caption(number),
        }
    # Two of three fields are declared; the third is live, and has to survive.
    fields = {member["field_name"]: member["field_value"] for member in meta(number)[:2]}
    return {
        "target": "volc-bj",
        "collection": COLLECTION,
        "kind": "document",
        "id": doc_id(number),
        "meta": fields,
    }


def _journalled(state: Path, items: int) -> tuple[int, float]:
    """Return how many requests the run sent, reads included, and the time from the first send to the last."""
    with closing(sqlite3.connect(f"{state.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        (updated,) = connection.execute("SELECT count(*) FROM outcomes WHERE outcome = 'updated'").fetchone()
        requests, first_s, last_s = connection.execute(
            "SELECT count(*), min(sent_s), max(sent_s) FROM (SELECT sent_s FROM attempts WHERE sent_s IS NOT NULL"
            " UNION ALL SELECT sent_s FROM reads WHERE sent_s IS NOT NULL)"
        ).fetchone()
    if updated != items:
        raise RuntimeError(f"{updated} of {items} items were updated")
    return requests, last_s - first_s


def _busy(world: World, before_s: float | None, seconds: float) -> float | None:
    after_s = world.cpu_s()
    return None if before_s is None or after_s is None else (after_s - before_s) / seconds
