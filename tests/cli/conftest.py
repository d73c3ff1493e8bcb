"""One emulator for all tests of the command line, and a fresh desk for each."""

import shutil
from collections.abc import Generator
from copy import deepcopy
from pathlib import Path

import pytest

from kbsync.emulator import Running, World, sample_world, served_in_thread
from tests.cli.desk import ENVIRONMENT, MANIFEST, RECORDS, CountingEmulator, Desk


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
