"""One emulator for all tests of the command line, and a fresh desk for each."""

import shutil
from collections.abc import Generator
from copy import deepcopy
from pathlib import Path

import orjson
import pytest

from kbsync.emulator import Behaviour, Latency, Running, World, sample_world, served_in_thread
from tests.cli.desk import COLLECTION, DATASET, ENVIRONMENT, MANIFEST, RECORDS, CountingEmulator, Desk


@pytest.fixture(scope="session")
def running() -> Generator[Running]:
    with served_in_thread(CountingEmulator(sample_world(40, 20, 20))) as running:
        yield running


@pytest.fixture(scope="session")
def used_folder(running: Running, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which one apply went well, and whose manifests were edited since."""
    desk = Desk(tmp_path_factory.mktemp("used"), running)
    desk.configure()
    desk.write("manifests/pets.yaml", MANIFEST.format(caption="old"))
    desk.write("manifests/records.jsonl", RECORDS.format(trade="教育"))
    told = desk.process("apply", "--yes", environment=ENVIRONMENT)
    assert told.code == 0, told.err

    desk.write("manifests/pets.yaml", MANIFEST.format(caption="new"))
    desk.write("manifests/records.jsonl", RECORDS.format(trade="医疗"))
    return desk.folder


@pytest.fixture(scope="session")
def used_world(used_folder: Path, running: Running) -> World:
    """What was live once the folder was used."""
    return deepcopy(running.emulator.world)


@pytest.fixture(scope="session", autouse=True)
def _environment() -> Generator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.delenv("NO_COLOR", raising=False)
        patch.setenv("COLUMNS", "100")
        yield


@pytest.fixture
def desk(
    used_folder: Path, used_world: World, running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Desk:
    """A desk with a state, and two changes that nobody has sent yet, whatever other desks have sent."""
    folder = tmp_path / "desk"
    shutil.copytree(used_folder, folder)
    monkeypatch.chdir(folder)
    desk = Desk(folder, running)
    desk.emulator.site.world = deepcopy(used_world)
    desk.emulator.clear_records()
    desk.emulator.arrived = 0
    return desk


@pytest.fixture(scope="session")
def large_running() -> Generator[Running]:
    with served_in_thread(CountingEmulator(sample_world(700, 250, 230))) as running:
        yield running


@pytest.fixture(scope="session")
def large_world(large_running: Running) -> World:
    return deepcopy(large_running.emulator.world)


@pytest.fixture(scope="session")
def large_folder(large_running: Running, large_world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder without a state, whose manifest declares all items as they are live."""
    desk = Desk(tmp_path_factory.mktemp("large"), large_running)
    desk.configure()
    lines: list[dict[str, object]] = []
    here: dict[str, object] = {"target": "coze-cn", "dataset": DATASET}
    dataset = large_world.datasets[DATASET]
    lines += [{**here, "kind": "image", "id": one.id, "caption": one.caption} for one in dataset.images.values()]
    lines += [{**here, "kind": "document", "id": one.id, "name": one.name} for one in dataset.documents.values()]
    there: dict[str, object] = {"target": "volc-bj", "collection": COLLECTION, "kind": "document"}
    lines += [{**there, "id": one.id, "name": one.name} for one in large_world.collections["default", COLLECTION].order]
    desk.write("manifests/all.jsonl", b"".join(orjson.dumps(line) + b"\n" for line in lines))
    return desk.folder


@pytest.fixture(scope="session")
def adopted_folder(large_folder: Path, large_running: Running, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The large folder after a refreshed apply, with a state that knows all that is live."""
    folder = tmp_path_factory.mktemp("adopted") / "desk"
    shutil.copytree(large_folder, folder)
    told = Desk(folder, large_running).process("apply", "--refresh", "--yes", environment=ENVIRONMENT)
    assert told.code == 0, told.err
    return folder


def _fresh(source: Path, world: World, running: Running, folder: Path) -> Desk:
    shutil.copytree(source, folder)
    desk = Desk(folder, running)
    emulator = desk.emulator
    emulator.set_rules(())
    emulator.latency = Latency()
    emulator.site.behaviour = Behaviour()
    emulator.site.world = deepcopy(world)
    emulator.clear_records()
    emulator.arrived = 0
    return desk


@pytest.fixture
def large(
    large_folder: Path, large_world: World, large_running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Desk:
    """A desk without a state, and containers of several pages, all of whose items are declared as they are live."""
    desk = _fresh(large_folder, large_world, large_running, tmp_path / "desk")
    monkeypatch.chdir(desk.folder)
    return desk


@pytest.fixture
def adopted(
    adopted_folder: Path, large_world: World, large_running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Desk:
    """A large desk whose state knows all that is live."""
    desk = _fresh(adopted_folder, large_world, large_running, tmp_path / "desk")
    monkeypatch.chdir(desk.folder)
    return desk
