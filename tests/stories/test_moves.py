"""Items that move between containers, and fields that leave a change: what is not known is not taken for known."""

from pathlib import Path

from kbsync.emulator import Emulator, Running, served_in_thread
from kbsync.emulator.rules import read_rules
from kbsync.emulator.sample import sample_credentials
from kbsync.emulator.world import Dataset, Document, World
from tests.cli.desk import CONFIG, ENVIRONMENT, Desk

HERE = """\
kbsync: 1
target: coze-cn
dataset: "{dataset}"
documents:
  - {{id: "7", name: {name}{more}}}
"""


def desk_of(folder: Path, running: Running) -> Desk:
    desk = Desk(folder, running)
    desk.configure(CONFIG.split("[targets.volc-bj]")[0] + "\n[retry]\nattempts = 1\nquarantine_s = 0.2\n")
    return desk


def world() -> World:
    dataset = Dataset("1", "one")
    dataset.documents["7"] = Document("7", "untitled")
    return World(sample_credentials(), [dataset, Dataset("2", "two")])


def live(desk: Desk) -> str:
    return desk.running.emulator.world.datasets["1"].documents["7"].name


def apply(desk: Desk, *arguments: str) -> int:
    return desk.process("apply", "--yes", *arguments, environment=ENVIRONMENT).code


def test_a_coze_document_that_went_to_another_dataset_and_back_is_not_taken_for_known(tmp_path: Path) -> None:
    with served_in_thread(Emulator(world())) as running:
        desk = desk_of(tmp_path, running)
        desk.write("manifests/a.yaml", HERE.format(dataset="1", name="old", more=""))
        assert apply(desk) == 0
        (tmp_path / "manifests" / "a.yaml").unlink()
        desk.write("manifests/b.yaml", HERE.format(dataset="2", name="new", more=""))
        assert apply(desk, "manifests/b.yaml") == 0
        assert live(desk) == "new"
        (tmp_path / "manifests" / "b.yaml").unlink()
        desk.write("manifests/a.yaml", HERE.format(dataset="1", name="old", more=""))

        assert apply(desk) == 0
        assert live(desk) == "old"


def test_a_field_in_doubt_that_is_ignored_meanwhile_is_not_taken_for_known(tmp_path: Path) -> None:
    rule = ", update_rule: {update_type: 0}"
    with served_in_thread(Emulator(world())) as running:
        desk = desk_of(tmp_path, running)
        desk.write("manifests/a.yaml", HERE.format(dataset="1", name="old", more=rule))
        assert apply(desk) == 0

        running.emulator.set_rules(read_rules([{"kind": "disconnect_after"}]))
        desk.write("manifests/a.yaml", HERE.format(dataset="1", name="new", more=rule))
        assert apply(desk) == 3
        assert live(desk) == "new"

        running.emulator.set_rules(())
        desk.write("manifests/a.yaml", HERE.format(dataset="1", name="new", more=rule + ", ignore: [name]"))
        assert apply(desk) == 0
        desk.write("manifests/a.yaml", HERE.format(dataset="1", name="old", more=rule))
        assert apply(desk) == 0
        assert live(desk) == "old"
