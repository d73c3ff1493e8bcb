import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kbsync.emulator import sample_world, served_in_thread
from kbsync.emulator.sample import sample_image_id
from tests.cli.desk import COLLECTION, DATASET, ENVIRONMENT, CountingEmulator, Desk
from tests.stories.figures import Figures

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(3_600)]

SIZE = 100_000
EDITS = 1_000


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk without manifests beside 100,000 items, half of them of each provider."""
    with served_in_thread(CountingEmulator(sample_world(30_000, 20_000, 50_000))) as running:
        desk = Desk(tmp_path_factory.mktemp("pull"), running)
        desk.configure(replace={'rate = "500/s"': 'rate = "2000/s"'})
        yield desk


@pytest.mark.parametrize("form", ["yaml", "json", "jsonl", "csv"])
def test_a_plan_of_a_hundred_thousand_pulled_items_is_empty(desk: Desk, form: str, figures: Figures) -> None:
    for path in desk.folder.glob("manifests/*"):
        path.unlink()
    for path in desk.state.parent.glob("state.db*"):
        path.unlink()
    began_s = time.monotonic()

    told = desk.process(
        *("pull", "--container", DATASET, "--container", f"default/{COLLECTION}"),
        *("--out", "manifests/", "--format", form),
        environment=ENVIRONMENT,
        timeout_s=600,
    )

    assert told.code == 0, told.err
    pulled_s = time.monotonic() - began_s
    assert planned(desk) == (SIZE, SIZE, 0)

    worlds = desk.emulator.world.datasets[DATASET].images
    before = {path: path.read_bytes() for path in desk.folder.glob("manifests/*")}
    for number in range(EDITS):
        worlds[sample_image_id(number * 7)].caption = f"edited for {form}"
    began_s = time.monotonic()
    told = desk.process("pull", "--in-place", environment=ENVIRONMENT, timeout_s=600)

    assert told.code == 0, told.err
    assert "1,000 values changed in 1 file" in told.err
    in_place_s = time.monotonic() - began_s
    assert changed_lines(before) == EDITS
    assert planned(desk) == (SIZE, SIZE, 0)
    figures(
        f"{SIZE:,} items as {form} in {pulled_s:.0f} s, {EDITS:,} values in place in {in_place_s:.0f} s; plans empty"
    )


def planned(desk: Desk) -> tuple[int, int, int]:
    told = desk.process("plan", "--format", "json", environment=ENVIRONMENT, timeout_s=600)
    assert told.code == 0, told.err
    summary = told.json()["summary"]
    return summary["items"], summary["in_sync"], summary["changes"]


def changed_lines(before: dict[Path, bytes]) -> int:
    """Count the lines that are another now, in files that have as many as they had."""
    return sum(
        old != new
        for path, data in before.items()
        for old, new in zip(data.split(b"\n"), path.read_bytes().split(b"\n"), strict=True)
    )
