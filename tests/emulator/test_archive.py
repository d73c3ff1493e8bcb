"""A world in a file."""

import os
from pathlib import Path
from typing import Any

import orjson
import pytest

from kbsync.emulator import Emulator, sample_world, served_in_thread
from kbsync.emulator.archive import FORMAT, load_world, read_world, save_world, world_json
from kbsync.emulator.sample import sample_credentials, sample_image_id
from kbsync.errors import InputError
from tests.emulator.bench import Bench


def test_a_world_survives_the_file(tmp_path: Path) -> None:
    world = sample_world(images=20, documents=20, docs=20)

    save_world(world, tmp_path / "world.json")

    assert world_json(load_world(tmp_path / "world.json")) == world_json(world)


def test_the_order_of_items_survives_too(tmp_path: Path) -> None:
    with served_in_thread(Emulator(sample_world(images=5))) as running:
        bench = Bench(running)
        bench.caption(2, "最近")
        save_world(running.emulator.world, tmp_path / "world.json")

    home = load_world(tmp_path / "world.json").image_homes[sample_image_id(2)]
    assert list(home.images)[-1] == sample_image_id(2)


def test_the_file_is_for_its_owner_only_and_nothing_stays_beside_it(tmp_path: Path) -> None:
    save_world(sample_world(), tmp_path / "world.json")

    assert (tmp_path / "world.json").stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["world.json"]  # noqa: PTH208 - names are the subject


def test_a_failed_save_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "world.json"
    save_world(sample_world(images=1), path)
    before = path.read_bytes()
    world = sample_world(images=2)
    world.datasets["x"] = object()  # type: ignore[assignment]

    with pytest.raises(TypeError):
        save_world(world, path)

    assert path.read_bytes() == before


def test_a_world_without_credentials_has_the_sample_ones() -> None:
    assert read_world({"format": FORMAT}).credentials == sample_credentials()


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        {"format": "kbsync.emulator/99"},
        {"format": FORMAT, "datasets": {}},
        {"format": FORMAT, "datasets": [{}]},
        {"format": FORMAT, "datasets": [{"id": 1}]},
        {"format": FORMAT, "datasets": [{"id": "1", "colour": "red"}]},
        {"format": FORMAT, "datasets": [{"id": "1", "images": [{"id": "2", "caption": None}]}]},
        {"format": FORMAT, "collections": [{"name": "c", "fields": [{"name": "f"}]}]},
        {"format": FORMAT, "credentials": {"tokens": [{"name": "t"}]}},
        {"format": FORMAT, "credentials": {"apps": [{"name": "a", "public_key": "?"}]}},
    ],
)
def test_a_file_that_is_no_world_is_an_input_error_with_its_name(tmp_path: Path, value: Any) -> None:
    path = tmp_path / "world.json"
    path.write_bytes(orjson.dumps(value))

    with pytest.raises(InputError, match=r"world\.json: "):
        load_world(path)


def test_a_missing_or_broken_file_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")

    for name in ("broken.json", "missing.json"):
        with pytest.raises(InputError, match=name):
            load_world(tmp_path / name)
