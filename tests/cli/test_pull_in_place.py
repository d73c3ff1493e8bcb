"""`kbsync pull --in-place`: the values that differ change where they stand, and nothing else does."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from kbsync.emulator import Behaviour
from tests.cli.desk import COLLECTION, DATASET, MANIFEST, Desk
from tests.cli.live import DOCUMENT, IMAGE, behaving, changes, edit, live, lying

VOLC = f"kbsync: 1\ntarget: volc-bj\ncollection: {COLLECTION}\n"
GOLDEN = Path(__file__).parent / "pulled"


def second(id_: str, number: int) -> str:
    return str(int(id_) + number)


def pulled(desk: Desk, name: str, text: str | bytes, *arguments: str) -> str:
    """Return what becomes of the manifest *name* when it is pulled into."""
    path = desk.write(name, text)
    told = desk.run("pull", "--in-place", name, *arguments)
    assert told.code == 0, told.err
    return path.read_bytes().decode()


# ------------------------------------------------------------------------------------------------------------- changed
def test_only_the_values_that_differ_change(desk: Desk) -> None:
    for number, caption in {0: "A cat's dream", 1: 'The dog "Rex"', 2: "no, not plain", 3: "One line"}.items():
        edit(desk, "image", second(IMAGE, number), caption=caption)
    edit(desk, "image", second(IMAGE, 4), caption="Folded no more")
    edit(desk, "image", second(IMAGE, 5), caption="new")
    edit(desk, "image", second(IMAGE, 6), caption="")
    edit(desk, "image", second(IMAGE, 7), caption="somebody else's")
    edit(desk, "document", DOCUMENT, name="a: b", update_type=1, update_interval_h=48)
    edit(desk, "document", second(DOCUMENT, 1), name="untold", update_type=1, update_interval_h=24)

    after = pulled(desk, "shop.yaml", (GOLDEN / "shop.yaml").read_bytes())

    assert after == (GOLDEN / "shop.after.yaml").read_text()
    assert changes(desk, "shop.yaml") == []


def test_a_file_without_a_difference_is_not_touched(desk: Desk) -> None:
    assert desk.run("pull", "--in-place").code == 0
    before = {path: path.stat() for path in desk.folder.glob("manifests/*")}

    told = desk.run("pull", "--in-place")

    assert (told.code, told.out) == (0, "")
    assert "kbsync: 0 values changed in 0 files, 2 left as they are" in told.err
    assert {path: path.stat() for path in desk.folder.glob("manifests/*")} == before


@pytest.mark.parametrize(
    ("name", "text", "becomes"),
    [
        (
            "m.json",
            (
                f'{{"kbsync":1,"target":"coze-cn","dataset":"{DATASET}",\n'
                f' "images" : [ {{"caption":"x", "id":"{IMAGE}"}} ]}}'
            ),
            {'"x"': '"小猫"'},
        ),
        (
            "m.jsonl",
            f'{{"id":"{IMAGE}","kind":"image" ,"dataset":"{DATASET}","target":"coze-cn","caption":"x"}}\r\n\n',
            {'"x"': '"小猫"'},
        ),
        (
            "m.csv",
            f'"target";dataset;kind;id;caption\r\ncoze-cn;{DATASET};"image";{IMAGE};"x"\r\n',
            {'"x"': "小猫"},
        ),
        (
            "m.yaml",
            (
                f'# é\r\nkbsync: 1\r\ntarget: coze-cn\r\ndataset: "{DATASET}"\r\n'
                f"images: [{{id: {IMAGE}, caption: x}}] # x\r\n"
            ),
            {"caption: x": "caption: 小猫"},
        ),
    ],
)
def test_every_format_keeps_its_layout(desk: Desk, name: str, text: str, becomes: Mapping[str, str]) -> None:
    edit(desk, "image", IMAGE, caption="小猫")

    after = pulled(desk, name, text)

    for old, new in becomes.items():
        text = text.replace(old, new)
    assert after == text
    assert changes(desk, name) == []


def test_a_plan_of_what_was_pulled_is_empty(desk: Desk) -> None:
    assert len(changes(desk)) == 2

    told = desk.run("pull", "--in-place")

    assert told.code == 0, told.err
    assert told.out == "manifests/pets.yaml\nmanifests/records.jsonl\n"
    assert changes(desk) == []
    assert desk.caption() == "old"
    assert "caption: old" in (desk.folder / "manifests/pets.yaml").read_text()


def test_what_is_live_as_declared_is_known_from_then_on(desk: Desk) -> None:
    desk.state.unlink()
    (desk.state.parent / "state.db.lock").unlink()

    assert desk.run("pull", "--in-place").code == 0

    assert changes(desk) == []
    told = desk.run("state", "list", "--format", "json")
    assert told.out.count("\n") == 3
    assert "是否公开" not in told.out


def test_values_of_defaults_are_overridden_at_the_item(desk: Desk) -> None:
    text = (
        f"{VOLC}defaults:\n  documents:\n    meta: {{行业: 企业服务}}  # all\n"
        "documents:\n  - id: doc_0000001  # one\n    meta: {year: 2021}\n  - id: doc_0000005\n    name: x\n"
    )
    name = desk.emulator.world.collections["default", COLLECTION].docs["doc_0000005"].name

    after = pulled(desk, "m.yaml", text)

    assert after == text.replace("{year: 2021}", "{year: 2021, 行业: 制造}").replace("name: x", f"name: {name}")


def test_ignored_fields_are_somebody_elses_and_protected_items_are_pulled(desk: Desk) -> None:
    edit(desk, "image", IMAGE, caption="theirs")
    text = MANIFEST.format(caption="x\n    ignore: [caption]").replace("cozeoverview", "old\n    protect: true")

    after = pulled(desk, "m.yaml", text)

    assert after == text.replace("name: old", "name: cozeoverview")


def test_a_link_to_a_manifest_stays_a_link(desk: Desk) -> None:
    real = desk.write("real.yaml", MANIFEST.format(caption="x"))
    (desk.folder / "link.yaml").symlink_to("real.yaml")

    assert desk.run("pull", "--in-place", "link.yaml").code == 0

    assert (desk.folder / "link.yaml").is_symlink()
    assert "caption: old" in real.read_text()


def test_permissions_stay(desk: Desk) -> None:
    path = desk.folder / "manifests/pets.yaml"
    path.chmod(0o640)

    assert desk.run("pull", "--in-place").code == 0
    assert path.stat().st_mode & 0o777 == 0o640


# ---------------------------------------------------------------------------------------------------------------- named
def test_items_that_do_not_exist_are_named_and_stay(desk: Desk) -> None:
    text = MANIFEST.format(caption="new").replace(IMAGE, second(IMAGE, 9000))
    path = desk.write("m.yaml", text)

    told = desk.run("pull", "--in-place", "m.yaml")

    assert told.code == 3
    assert f"m.yaml:5:5: coze-cn/{DATASET}/image/{second(IMAGE, 9000)}: does not exist there" in told.err
    assert path.read_text() == text


def test_live_items_that_the_manifests_lack_are_counted_and_not_added(desk: Desk) -> None:
    told = desk.run("pull", "--in-place")

    assert told.code == 0
    assert f"coze-cn/{DATASET}/image: 39 live items are not in these manifests" in told.err


def test_what_no_manifest_can_say_is_named_and_stays(desk: Desk) -> None:
    edit(desk, "image", IMAGE, caption="a\u0007b")
    before = (desk.folder / "manifests/pets.yaml").read_text()

    told = desk.run("pull", "--in-place")

    assert told.code == 3
    assert f"manifests/pets.yaml:5:5: coze-cn/{DATASET}/image/{IMAGE}: caption stays: the text holds" in told.err
    assert (desk.folder / "manifests/pets.yaml").read_text() == before


def test_what_csv_has_no_column_for_is_named_and_stays(desk: Desk) -> None:
    live(desk, "doc", "doc_0000000", meta={"year": "of the dog", "行业": "教育"})
    text = f"target,collection,kind,id,meta.year:int64,meta.行业\nvolc-bj,{COLLECTION},document,doc_0000000,1,x\n"
    path = desk.write("m.csv", text)

    told = desk.run("pull", "--in-place", "m.csv")

    assert told.code == 3
    assert "m.csv:2:1" in told.err
    assert "meta.year stays: its column cannot say it" in told.err
    assert path.read_text() == text.replace(",x", ",教育")


def test_a_value_whose_comment_would_be_lost_is_named_and_stays(desk: Desk) -> None:
    live(desk, "doc", "doc_0000000", meta={"tags": ["a"], "year": 2030})
    text = (
        f"{VOLC}documents:\n  - id: doc_0000000\n    meta:\n      year: 1\n"
        "      tags:\n        - a\n        # why\n        - b\n"
    )
    path = desk.write("m.yaml", text)

    told = desk.run("pull", "--in-place", "m.yaml")

    assert told.code == 3
    assert "meta.tags stays: a comment stands inside of it" in told.err
    assert path.read_text() == text


def test_fields_that_are_not_set_there_are_named_and_stay(desk: Desk) -> None:
    live(desk, "doc", "doc_0000000", meta={"year": 2030})
    before = (desk.folder / "manifests/records.jsonl").read_bytes()

    told = desk.run("pull", "--in-place", "manifests/records.jsonl")

    assert told.code == 3
    assert "doc_0000000: meta.行业 is not set there" in told.err
    assert (desk.folder / "manifests/records.jsonl").read_bytes() == before


def test_fields_that_the_list_does_not_tell_are_named_and_stay(desk: Desk) -> None:
    with behaving(desk, Behaviour(list_meta=False)):
        told = desk.run("pull", "--in-place", "manifests/records.jsonl")

    assert told.code == 3
    assert "the list does not tell meta.行业" in told.err


def test_items_that_the_provider_still_works_on_are_named(desk: Desk) -> None:
    desk.emulator.world.datasets[DATASET].images[IMAGE].status = 0

    told = desk.run("pull", "--in-place")

    assert told.code == 0
    assert f"{IMAGE}: the provider still works on it" in told.err


# -------------------------------------------------------------------------------------------------------------- refused
def test_nothing_is_written_unless_every_list_is_whole(desk: Desk) -> None:
    before = {path: path.read_bytes() for path in desk.folder.glob("manifests/*")}
    with lying(desk, {"kind": "total_more", "operation": "volcengine.documents.list"}):
        told = desk.run("pull", "--in-place")

    assert told.code == 1
    assert "kbsync: nothing was written" in told.err
    assert {path: path.read_bytes() for path in desk.folder.glob("manifests/*")} == before
    assert len(changes(desk)) == 2


def test_a_manifest_with_a_mistake_is_told_and_nothing_is_read(desk: Desk) -> None:
    desk.write("manifests/bad.yaml", MANIFEST.format(caption="x").replace("caption", "captoin"))

    told = desk.run("pull", "--in-place")

    assert told.code == 65
    assert "[unknown-key]" in told.err
    assert desk.requests == 0


def test_a_link_that_leads_out_is_not_written_through(desk: Desk, tmp_path: Path) -> None:
    outside = tmp_path / "outside.yaml"
    outside.write_text(MANIFEST.format(caption="x"))
    (desk.folder / "sub").mkdir()
    (desk.folder / "sub/link.yaml").symlink_to(outside)

    told = desk.run("pull", "--in-place", "sub/link.yaml")

    assert told.code == 64
    assert "leads out of its folder" in told.err
    assert "caption: x" in outside.read_text()


def test_only_the_containers_that_are_named_are_pulled(desk: Desk) -> None:
    told = desk.run("pull", "--in-place", "--target", "volc-bj")

    assert (told.code, told.out) == (0, "manifests/records.jsonl\n")
    assert [change["item"]["id"] for change in changes(desk)] == [IMAGE]


# ----------------------------------------------------------------------------------------------------------- only shown
def test_diff_shows_what_would_change_and_changes_nothing(desk: Desk) -> None:
    before = {path: path.read_bytes() for path in desk.folder.glob("manifests/*")}

    told = desk.run("pull", "--in-place", "--diff")

    assert told.code == 0
    assert "--- manifests/pets.yaml\n+++ manifests/pets.yaml (live)\n" in told.out
    assert "\n-    caption: new\n+    caption: old\n" in told.out
    assert "kbsync: 2 values would be changed in 2 files, 0 left as they are" in told.err
    assert {path: path.read_bytes() for path in desk.folder.glob("manifests/*")} == before
    assert len(changes(desk)) == 2


def test_check_is_2_when_something_would_change(desk: Desk) -> None:
    told = desk.run("pull", "--in-place", "--check")
    assert (told.code, told.out) == (2, "manifests/pets.yaml\nmanifests/records.jsonl\n")
    assert len(changes(desk)) == 2

    assert desk.run("pull", "--in-place").code == 0
    assert desk.run("pull", "--in-place", "--check").code == 0
