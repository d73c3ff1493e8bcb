"""An existing knowledge base becomes one that is kept as its manifest says, and stays so whoever edits it."""

import contextlib
import time
from pathlib import Path

import orjson
import pytest

from kbsync.emulator import sample_world, served_in_thread
from kbsync.emulator.sample import sample_image_id
from tests.cli.desk import CONFIG, DATASET, ENVIRONMENT, CountingEmulator, Desk

FAST = CONFIG.replace('rate = "500/s"\nconcurrency = 4', 'rate = "100000/s"\nconcurrency = 16')


def adopt_and_set_back(folder: Path, size: int, edits: int) -> str:
    """Adopt *size* images, have *edits* of them edited behind kbsync's back, one of which the manifest changes too.

    Return what it took.
    """
    with (
        served_in_thread(CountingEmulator(sample_world(size, 0, 0))) as running,
        pytest.MonkeyPatch.context() as patch,
        contextlib.chdir(folder),
    ):
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        desk = Desk(folder, running)
        desk.configure(FAST)
        images = desk.emulator.world.datasets[DATASET].images
        captions = {one.id: one.caption for one in images.values()}
        declare(desk, captions)
        began_s = time.monotonic()
        adopted = desk.run("apply", "--refresh", "--yes", "--format", "json").json()
        took_s = time.monotonic() - began_s
        assert adopted["totals"]["in_sync"] == size
        assert (adopted["totals"]["planned"], writes(desk)) == (0, [])

        edited = {sample_image_id(number) for number in range(0, size, size // edits)}
        for id_ in edited:
            images[id_].caption = "edited"
        found = desk.run("drift", "--format", "json").json()
        assert {one["item"]["id"] for one in found["drifted"]} == edited
        assert (found["vanished"], found["appeared"]) == ([], [])

        disputed = min(edited)
        declare(desk, {**captions, disputed: "declared anew"})
        told = desk.run("apply", "--refresh", "--yes", "--format", "json")
        assert told.code == 5
        assert (told.json()["totals"]["updated"], told.json()["totals"]["conflict"]) == (edits - 1, 1)
        assert sorted(writes(desk)) == sorted(edited - {disputed})
        assert {one.id: one.caption for one in images.values()} == {**captions, disputed: "edited"}
        return (
            f"{size:,} items adopted in {took_s:.1f} s without an update, {edits:,} edits found, {edits - 1:,} set back"
        )


def declare(desk: Desk, captions: dict[str, str]) -> None:
    here = {"target": "coze-cn", "dataset": DATASET, "kind": "image"}
    lines = (orjson.dumps({**here, "id": id_, "caption": caption}) for id_, caption in captions.items())
    desk.write("manifests/all.jsonl", b"\n".join(lines) + b"\n")


def writes(desk: Desk) -> list[str]:
    return [record.item for record in desk.emulator.ledger.records if record.fate != "read"]
