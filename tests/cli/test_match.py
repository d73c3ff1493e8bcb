"""`kbsync match` between two accounts of both providers, over real sockets."""

import csv
import io
import signal
import subprocess
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from kbsync.cli.running import WINDOW_S
from kbsync.emulator import Latency, World, served_in_thread
from kbsync.emulator.archive import read_world
from kbsync.emulator.rules import read_rules
from tests.cli.desk import CountingEmulator, Desk, Told

FROM, TO = "744632974166804001", "744632974166804002"
CONFIG = """\
[manifests]
paths = ["manifests"]
{targets}
"""
COZE = """
[targets.{name}]
provider = "coze"
base_url = "{url}"
token = "env:COZE_API_TOKEN"
rate = "500/s"
"""
VOLCENGINE = """
[targets.{name}]
provider = "volcengine"
base_url = "{url}"
access_key_id = "env:VOLC_ACCESSKEY"
secret_access_key = "env:VOLC_SECRETKEY"
rate = "500/s"
"""
PETS = f"""\
kbsync: 1
target: coze-cn
dataset: "{FROM}"
images:
  - id: "11"
    caption: 小猫
  - id: "12"
    caption: A dog
    protect: true
documents:
  - id: "21"
    name: Annual report.pdf
    update_rule: {{update_type: 1, update_interval: 24}}
  - id: "22"
    name: FAQ
    ignore: [name]
"""
RECORDS = """\
kbsync: 1
target: volc-bj
collection: reports
documents:
  - id: doc_1
    name: Annual report.pdf
    meta: {行业: 教育, year: 2024}
  - id: doc_2
    name: FAQ
    meta: {行业: 零售}
    protect: true
"""


def world(dataset: str, first: int, *, collection: str = "reports", doc: str = "doc_") -> World:
    """Make up an account whose items are called like those of any other."""

    def item(number: int, name: str, **more: object) -> dict[str, object]:
        return {"id": str(first + number), "name": name, **more}

    return read_world(
        {
            "format": "kbsync.emulator/1",
            "datasets": [
                {
                    "id": dataset,
                    "images": [item(1, "cat.jpg"), item(2, "dog.jpg")],
                    "documents": [item(11, "Annual report.pdf"), item(12, "FAQ")],
                }
            ],
            "collections": [
                {
                    "name": collection,
                    "docs": [{"id": f"{doc}1", "name": "Annual report.pdf"}, {"id": f"{doc}2", "name": "FAQ"}],
                }
            ],
        }
    )


class Move:
    """A desk with an account at each end, and the emulator of each."""

    def __init__(self, desk: Desk, other: CountingEmulator) -> None:
        self.desk = desk
        self.here = desk.emulator
        self.there = other

    def match(self, *arguments: str, origin: str = f"coze-cn/{FROM}", to: str = f"coze-com/{TO}") -> Told:
        out = () if "--out" in arguments else ("--out", "new.yaml")
        return self.desk.run("match", "--from", origin, "--to", to, *out, *arguments)

    def json(self, *arguments: str, **ends: str) -> Any:
        return self.match("--format", "json", *arguments, **ends).json()

    def declared(self, name: str = "new.yaml") -> list[dict[str, Any]]:
        told = self.desk.run("convert", "--to", "jsonl", name)
        assert told.code == 0, told.err
        return [orjson.loads(line) for line in told.out.splitlines()]


@pytest.fixture
def move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Move]:
    monkeypatch.chdir(tmp_path)
    # How long nobody sends afterwards is looked at on its own.
    monkeypatch.setattr("kbsync.cli.counterparts.WINDOW_S", 0.0)
    here, there = CountingEmulator(world(FROM, 10)), CountingEmulator(world(TO, 90, collection="berichte", doc="neu-"))
    with served_in_thread(here) as one, served_in_thread(there) as other:
        desk = Desk(tmp_path, one)
        targets = [COZE.format(name="coze-cn", url=one.base_url), VOLCENGINE.format(name="volc-bj", url=one.base_url)]
        targets += [COZE.format(name="coze-com", url=other.base_url)]
        targets += [VOLCENGINE.format(name="volc-sh", url=other.base_url)]
        desk.configure(CONFIG.format(targets="".join(targets)))
        desk.write("manifests/pets.yaml", PETS)
        desk.write("manifests/records.yaml", RECORDS)
        yield Move(desk, there)


@contextmanager
def lying(emulator: CountingEmulator, *rules: dict[str, object]) -> Iterator[None]:
    emulator.set_rules(read_rules(list(rules)))
    try:
        yield
    finally:
        emulator.set_rules(())


# ------------------------------------------------------------------------------------------------ the three directions
def test_coze_to_coze_carries_everything_over(move: Move) -> None:
    told = move.match()

    assert told.code == 0, told.err
    head = {"target": "coze-com", "dataset": TO}
    assert move.declared() == [
        {**head, "kind": "image", "id": "91", "caption": "小猫"},
        {**head, "kind": "image", "id": "92", "caption": "A dog", "protect": True},
        {
            **head,
            "kind": "document",
            "id": "101",
            "name": "Annual report.pdf",
            "update_rule": {"update_type": 1, "update_interval": 24},
        },
        {**head, "kind": "document", "id": "102", "name": "FAQ", "ignore": ["name"]},
    ]
    assert told.out.startswith("Match: 4 of 4 items paired.\n")
    assert "Not carried over" not in told.out


def test_coze_to_volcengine_names_what_has_no_place(move: Move) -> None:
    told = move.match("--kind", "document", to="volc-sh/default/berichte")

    assert told.code == 0, told.err
    head = {"target": "volc-sh", "collection": "berichte", "kind": "document"}
    assert move.declared() == [
        {**head, "id": "neu-1", "name": "Annual report.pdf"},
        {**head, "id": "neu-2", "name": "FAQ", "ignore": ["name"]},
    ]
    assert "update_rule of 1 item: a document of volc-sh has no such field, only: meta, name" in told.out
    assert 'document 21 "Annual report.pdf"  manifests/pets.yaml:11' in told.out


def test_images_of_coze_are_documents_of_volcengine_of_which_nothing_can_be_declared(move: Move) -> None:
    for number, name in ((3, "cat.jpg"), (4, "dog.jpg")):
        there = move.there.world.collections["default", "berichte"]
        there.add(type(there.order[0])(f"neu-{number}", name))

    told = move.match("--kind", "image", "--map", "map.csv", to="volc-sh/default/berichte")

    assert told.code == 0, told.err
    assert "2 of 2 items paired" in told.out
    assert "caption of 2 items: a document of volc-sh has no such field, only: meta, name" in told.out
    assert "new.yaml is not written, for it would declare no item" in told.err
    assert not (move.desk.folder / "new.yaml").exists()
    assert (move.desk.folder / "map.csv").read_text().splitlines()[1] == "image,11,neu-3,name,cat.jpg,"


def test_volcengine_to_coze_names_every_meta_field(move: Move) -> None:
    told = move.match("--out", "new.csv", origin="volc-bj/default/reports")

    assert told.code == 0, told.err
    head = {"target": "coze-com", "dataset": TO, "kind": "document"}
    assert move.declared("new.csv") == [
        {**head, "id": "101", "name": "Annual report.pdf"},
        {**head, "id": "102", "name": "FAQ", "protect": True},
    ]
    assert "meta.year of 1 item: a document of coze-com has no such field, only: name, update_rule" in told.out
    assert "meta.行业 of 2 items: a document of coze-com has no such field" in told.out


def test_volcengine_to_volcengine_carries_meta_over(move: Move) -> None:
    told = move.match(origin="volc-bj/default/reports", to="volc-sh/default/berichte")

    assert told.code == 0, told.err
    assert [one.get("meta") for one in move.declared()] == [{"行业": "教育", "year": 2024}, {"行业": "零售"}]


def test_what_was_matched_is_planned_and_applied(move: Move) -> None:
    move.match("--out", "manifests/new.yaml")

    applied = move.desk.run("apply", "--yes", "manifests/new.yaml")

    assert applied.code == 0, applied.err
    there = move.there.world.datasets[TO]
    assert there.images["91"].caption == "小猫"
    assert (there.images["92"].caption, there.documents["101"].update_interval_h) == ("", 24)
    assert move.here.ledger.records == [] or all("list" in one.operation for one in move.here.ledger.records)


# ----------------------------------------------------------------------------------------------------- what is refused
def test_what_the_destination_refuses_is_named_with_its_rule(move: Move) -> None:
    move.desk.write(
        "manifests/records.yaml",
        RECORDS.replace("行业: 教育", f"行业: {'很' * 90}").replace("collection:", "collection:"),
    )

    told = move.match("--allow", "meta-value-length", origin="volc-bj/default/reports", to="volc-sh/default/berichte")
    assert told.code == 0
    assert "meta-value-length" not in told.out

    told = move.match(origin="volc-bj/default/reports", to="volc-sh/default/berichte")
    assert "meta.行业 of 1 item: the destination's rules refuse it [meta-value-length]" in told.out
    assert [one.get("meta") for one in move.declared()] == [{"year": 2024}, {"行业": "零售"}]


def test_names_over_what_the_destination_usually_takes_are_told_and_carried_over(move: Move) -> None:
    long = f"{'a' * 110}.pdf"
    move.desk.write("manifests/records.yaml", RECORDS.replace("Annual report.pdf", long))
    move.there.world.datasets[TO].documents["101"].name = long

    told = move.match(origin="volc-bj/default/reports")

    assert told.code == 0
    assert "name of 1 item: a rule warns of it there [long-name]" in told.out
    assert move.declared()[0]["name"] == long


# --------------------------------------------------------------------------------------------- what has no counterpart
def test_the_ambiguous_the_missing_and_the_left_over_are_told_and_end_in_3(move: Move) -> None:
    images = move.there.world.datasets[TO].images
    images["92"].name = "cat.jpg"
    images["93"] = type(images["92"])("93", "hen.jpg")

    told = move.match("--kind", "image", "--map", "map.csv")
    found = move.json("--kind", "image")

    assert told.code == 3
    assert told.out.startswith("Match: 0 of 2 items paired, 1 ambiguous, 1 missing there, 1 left over there.\n")
    assert "by name: 1 here, 2 there" in told.out
    assert 'here   image 11 "cat.jpg"  manifests/pets.yaml:5' in told.out
    assert 'there  image 91 "cat.jpg"' in told.out
    assert found["exit"] == {"code": 3, "name": "partial"}
    assert found["summary"] == {
        "items": 2,
        "paired": 0,
        "ambiguous": 1,
        "missing": 1,
        "left_over": 1,
        "declared": 0,
        "not_carried": 0,
        "refused": 0,
    }
    assert [one["item"]["id"] for one in found["ambiguous"][0]["to"]] == ["92", "91"]
    assert (found["missing"][0]["item"]["id"], found["missing"][0]["why"]) == ("12", "absent")
    assert [one["item"]["id"] for one in found["left_over"]] == ["93"]
    assert not (move.desk.folder / "new.yaml").exists()
    rows = list(csv.DictReader(io.StringIO((move.desk.folder / "map.csv").read_text())))
    assert [(row["from_id"], row["to_id"], row["by"], row["candidates"]) for row in rows] == [
        ("11", "", "ambiguous", "92 91"),
        ("12", "", "missing", ""),
    ]


def test_a_map_that_somebody_filled_in_settles_it(move: Move) -> None:
    move.there.world.datasets[TO].images["92"].name = "cat.jpg"
    assert move.match("--map", "map.csv").code == 3
    text = (move.desk.folder / "map.csv").read_text()
    for id_, to in (("11", "92"), ("12", "91")):
        lines = [
            f"image,{id_},{to},by hand" if line.startswith(f"image,{id_},") else line for line in text.splitlines()
        ]
        text = "\n".join(lines)
    move.desk.write("settled.csv", text)

    told = move.match("--by", "csv:settled.csv")

    assert told.code == 0, told.out
    assert {one["id"]: one.get("caption") for one in move.declared()} == {
        "92": "小猫",
        "91": "A dog",
        "101": None,
        "102": None,
    }
    assert "4 by csv:settled.csv" in told.out


def test_rows_about_other_items_and_items_that_are_not_there_are_told(move: Move) -> None:
    move.desk.write("map.csv", "from_id,to_id\n11,91\n12,99\n555,92\n")

    told = move.match("--by", "csv:map.csv", "--by", "name")

    assert told.code == 3
    assert "kbsync: 1 row of map.csv about items that are not among these: left alone" in told.err
    assert 'image 12 "dog.jpg"  manifests/pets.yaml:7  the id map names an item that is not there' in told.out


def test_a_further_way_is_offered_where_it_would_help(move: Move) -> None:
    move.there.world.datasets[TO].images["91"].name = "Ｃat.JPEG"

    told = move.match()
    assert told.code == 3
    assert "1 of them would be paired by a further --by normalised-name." in told.out

    told = move.match("--by", "name", "--by", "normalised-name")
    assert told.code == 0
    assert '"cat.jpg" is "Ｃat.JPEG"' in told.out


def test_names_that_look_the_same_are_pointed_out(move: Move) -> None:
    move.there.world.datasets[TO].images["91"].name = "саt.jpg"

    told = move.match()

    assert 'image 91 "саt.jpg" looks like it: U+0063 LATIN SMALL LETTER C → U+0441 CYRILLIC SMALL LETTER ES' in told.out


def test_size_and_type_tell_what_names_do_not(move: Move) -> None:
    for dataset, ids in ((move.here.world.datasets[FROM], ("11", "12")), (move.there.world.datasets[TO], ("91", "92"))):
        for size, id_ in zip((500, 600), ids, strict=True):
            dataset.images[id_].size_bytes = size
            dataset.images[id_].name = f"{id_}.jpg"

    told = move.match("--kind", "image", "--by", "size-and-type")

    assert told.code == 0, told.out
    assert {one["id"]: one["caption"] for one in move.declared()} == {"91": "小猫", "92": "A dog"}


def test_an_item_that_no_manifest_can_name_is_told_and_ends_in_3(move: Move) -> None:
    there = move.there.world.collections["default", "berichte"]
    there.remove("neu-2")
    there.add(type(there.order[0])("neu/2", "FAQ"))

    told = move.match("--map", "map.csv", origin="volc-bj/default/reports", to="volc-sh/default/berichte")

    assert told.code == 3
    assert "1 item: the item there cannot be declared [bad-id]" in told.out
    assert "neu/2" not in (move.desk.folder / "map.csv").read_text()
    assert [one["id"] for one in move.declared()] == ["neu-1"]


# --------------------------------------------------------------------------------------------------------- live values
def test_live_values_need_no_manifest(move: Move) -> None:
    here = move.here.world.datasets[FROM]
    here.images["11"].caption = "live"
    here.documents["22"].update_type, here.documents["22"].update_interval_h = 1, 48
    for file in (move.desk.folder / "manifests").iterdir():
        file.unlink()

    told = move.match("--live")

    assert told.code == 0, told.err
    declared = {(one["kind"], one["id"]): one for one in move.declared()}
    assert declared["image", "91"]["caption"] == "live"
    assert declared["document", "102"]["update_rule"] == {"update_type": 1, "update_interval": 48}
    assert ("image", "92") not in declared
    assert "caption of 1 item: it is empty here, which nobody has declared" in told.out


def test_live_meta_keeps_its_types(move: Move) -> None:
    meta = [
        {"field_name": "score", "field_type": "float32", "field_value": 1},
        {"field_name": "new", "field_type": "unknown", "field_value": {}},
    ]
    move.here.world.collections["default", "reports"].docs["doc_1"].meta = orjson.dumps(meta).decode()

    told = move.match("--live", origin="volc-bj/default/reports", to="volc-sh/default/berichte")

    assert told.code == 0
    assert move.declared()[0]["meta"] == {"score": {"type": "float32", "value": 1.0}} or move.declared()[0]["meta"] == {
        "score": 1.0
    }
    assert "meta.new of 1 item: the live list does not tell it" in told.out


# ------------------------------------------------------------------------------------------------------------ requests
def test_nothing_but_reads_is_sent(move: Move) -> None:
    assert move.match().code == 0
    assert move.match("--live").code == 0

    sent = {record.operation for emulator in (move.here, move.there) for record in emulator.ledger.records}
    assert sent == {"coze.images.list", "coze.documents.list"}


def test_only_the_lists_that_are_needed_are_read(move: Move) -> None:
    assert move.match("--kind", "document").code == 0
    assert {record.operation for record in move.there.ledger.records} == {"coze.documents.list"}
    assert move.here.ledger.records == []

    move.desk.write("map.csv", "from_id,to_id\n11,91\n12,92\n")
    assert move.match("--kind", "image", "--by", "csv:map.csv").code == 0
    assert move.here.ledger.records == []


@pytest.mark.parametrize(
    ("end", "kind"), [("there", "total_more"), ("there", "page_nameless_item"), ("here", "refused_403")]
)
def test_nothing_is_written_unless_every_list_is_whole(move: Move, end: str, kind: str) -> None:
    config = move.desk.folder / "kbsync.toml"
    config.write_text(config.read_text() + "\n[retry]\nattempts = 2\nbase_delay_s = 0.01\n")

    with lying(getattr(move, end), {"kind": kind, "operation": "coze.images.list"}):
        told = move.match("--map", "map.csv")

    assert told.code == 1
    assert told.out == ""
    assert "cannot be read whole" in told.err
    assert "kbsync: nothing was written" in told.err
    assert not (move.desk.folder / "new.yaml").exists()
    assert not (move.desk.folder / "map.csv").exists()


def test_a_refused_credential_is_77(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COZE_API_TOKEN", "pat_unknown")

    told = move.match()

    assert told.code == 77
    assert not (move.desk.folder / "new.yaml").exists()


def test_a_container_that_does_not_exist_is_no_empty_one(move: Move) -> None:
    told = move.match(to="coze-com/99")

    assert told.code == 1
    assert "coze-com/99/image cannot be read whole: not_found" in told.err


def test_a_run_that_holds_the_state_keeps_the_rate_to_itself(move: Move) -> None:
    from kbsync.adapters.state import StateStore

    with StateStore(move.desk.state) as store:
        store.lock("apply")
        told = move.match()

    assert told.code == 6
    assert (move.here.arrived, move.there.arrived) == (0, 0)


def test_nobody_sends_in_the_second_after_the_last_read(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kbsync.cli.counterparts.WINDOW_S", WINDOW_S)

    assert move.match("--kind", "image").code == 0
    assert move.desk.run("apply", "--yes", "new.yaml").code == 0

    read, write = (record.at_s for record in move.there.ledger.records)
    assert write - read >= 1.0


def test_a_signal_leaves_nothing_behind(move: Move) -> None:
    move.there.latency = Latency(0.5, 0.5)
    command = move.desk.command("match", "--from", f"coze-cn/{FROM}", "--to", f"coze-com/{TO}", "--out", "new.yaml")
    process = subprocess.Popen(command, cwd=move.desk.folder, stderr=subprocess.PIPE, text=True)
    while not move.there.arrived and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)

    assert process.returncode == 130
    assert "nothing was written" in err
    assert not (move.desk.folder / "new.yaml").exists()


# --------------------------------------------------------------------------------------------------------------- files
def test_a_manifest_of_the_destination_is_replaced_and_any_other_stays(move: Move) -> None:
    out = move.desk.folder / "manifests" / "new.yaml"
    assert move.match("--out", "manifests/new.yaml").code == 0
    before = out.read_text()
    assert move.match("--out", "manifests/new.yaml").code == 0
    assert out.read_text() == before

    told = move.match("--out", "manifests/pets.yaml")
    assert told.code == 64
    assert f"what is there is no manifest of coze-com/{TO} alone: it stays" in told.err
    assert (move.desk.folder / "manifests" / "pets.yaml").read_text() == PETS
    move.desk.write("notes.json", '{"my": "notes"}')
    assert move.match("--out", "notes.json").code == 64


def test_a_map_that_never_could_be_is_told(move: Move) -> None:
    told = move.match("--by", f"csv:{'x' * 300}", "--map", "map.csv")

    assert told.code == 65
    assert "File name too long [unreadable-file]" in told.err


@pytest.mark.parametrize("name", ["new.yaml", "new.json", "new.jsonl", "new.csv"])
def test_the_manifest_is_of_the_format_that_its_ending_says(move: Move, name: str) -> None:
    assert move.match("--out", name).code == 0
    assert [one["id"] for one in move.declared(name)] == ["91", "92", "101", "102"]


def test_what_csv_cannot_say_is_told_and_nothing_is_written(move: Move) -> None:
    move.desk.write("manifests/records.yaml", RECORDS.replace("教育", '""'))

    told = move.match("--out", "new.csv", origin="volc-bj/default/reports", to="volc-sh/default/berichte")

    assert told.code == 65
    assert "manifests/records.yaml:5:5: `meta.行业` is an empty text" in told.err
    assert not (move.desk.folder / "new.csv").exists()


def test_a_mistake_in_a_manifest_or_a_map_is_told_before_anything_is_read(move: Move) -> None:
    move.desk.write("manifests/pets.yaml", PETS.replace("caption: 小猫", "captoin: 小猫"))
    move.desk.write("map.csv", "from_id,to_id\n1,7\n1,8\n")

    told = move.match("--by", "csv:map.csv")

    assert told.code == 65
    assert "[unknown-key]" in told.err
    assert "map.csv:3:1: `1` is paired twice: first in line 2 [duplicate-item]" in told.err
    assert move.there.arrived == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--from", "coze-xx/1"), "there is no target 'coze-xx'; did you mean coze-cn?"),
        (("--from", "coze-cn"), "the container is missing"),
        (("--from", "coze-cn/abc"), "a Coze id is 1 to 20 digits"),
        (("--from", "volc-bj/reports"), "a resource id begins with kb-"),
        (("--from", f"coze-com/{TO}"), "--from and --to are both"),
        (("--from", "coze-cn/123"), "the manifests declare no item of coze-cn/123; --live takes what is live there"),
        (("--by", "nmae"), "nothing is paired by 'nmae'; did you mean name?"),
        (("--by", "csv:"), "nothing is paired by 'csv:'"),
        (("--kind", "imgae"), "--kind imgae: coze-cn has items of the kinds image, document"),
        (("--out", "new.txt"), "a manifest ends in .yaml, .json, .jsonl or .csv"),
        (("--out", "nowhere/new.yaml"), "there is no folder nowhere"),
        (("--map", "map.txt"), "an id map ends in .csv"),
        (("--out", "m.csv", "--map", "m.csv"), "this file stands for something else"),
        (("--by", "csv:m.csv", "--map", "m.csv"), "this file stands for something else"),
        (("--from", f"coze-cn/{'9' * 300}"), "a Coze id is 1 to 20 digits"),
        (("--from", "\x1b[2J/1"), "there is no target"),
        (("--out", f"{'x' * 300}.yaml"), "File name too long"),
        (("--map", f"{'x' * 300}.csv"), "File name too long"),
        (("--live", "manifests"), "--live reads no manifest"),
        (("",), "a PATH is empty"),
    ],
)
def test_a_command_line_without_a_meaning_is_64(move: Move, arguments: tuple[str, ...], words: str) -> None:
    move.desk.write("m.csv", "")
    if "--by" in arguments:
        move.desk.write("m.csv", "from_id,to_id\n")
    out = () if "--out" in arguments else ("--out", "new.yaml")
    origin = () if "--from" in arguments else ("--from", f"coze-cn/{FROM}")

    told = move.desk.run("match", *origin, "--to", f"coze-com/{TO}", *out, *arguments)

    assert told.code == 64
    assert words in told.err
    assert (move.here.arrived, move.there.arrived) == (0, 0)
