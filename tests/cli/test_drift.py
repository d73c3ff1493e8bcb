"""`kbsync drift`: what somebody else changed is found, exactly, and nothing is changed by looking."""

import time
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from kbsync.cli import refreshing
from kbsync.emulator.sample import sample_document_id, sample_image_id
from kbsync.emulator.world import Image
from tests.cli.desk import DATASET, Desk, lying
from tests.cli.test_refresh import edit, images, writes

DRIFT = ("drift", "--format", "json")
DETAILED = (*DRIFT, "--detailed-exitcode")


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let reads not keep the distance of a second from what other processes send: here that is nothing but waiting."""
    monkeypatch.setattr(refreshing, "WINDOW_S", 0.0)


def found(desk: Desk, *arguments: str) -> Any:
    told = desk.run(*DRIFT, *arguments)
    assert told.code == 0, told.err
    return told.json()


def test_where_nothing_changed_nothing_is_found(adopted: Desk) -> None:
    told = adopted.run(*DETAILED)

    assert told.code == 0
    assert told.json()["summary"] == {
        "known": 1_180,
        "drifted": 0,
        "vanished": 0,
        "appeared": 0,
        "in_doubt": 0,
        "pending": 0,
    }


def test_what_was_edited_vanished_and_appeared_is_found_exactly(adopted: Desk) -> None:
    before = adopted.state.read_bytes()
    known = images(adopted)[sample_image_id(3)].caption
    edit(adopted, range(0, 300, 3))
    world = adopted.emulator.world
    world.drop_image(sample_image_id(600))
    world.put_image(world.datasets[DATASET], Image("7446670805219099999", caption="new"))
    world.collections["default", "test_collection_name"].docs["doc_0000007"].name = "renamed.pdf"

    told = adopted.run(*DETAILED)

    plain = told.json()
    assert told.code == 2
    assert {one["item"]["id"] for one in plain["drifted"]} == {
        *(sample_image_id(number) for number in range(0, 300, 3)),
        "doc_0000007",
    }
    third = next(one for one in plain["drifted"] if one["item"]["id"] == sample_image_id(3))
    assert third["fields"] == [{"field": "caption", "known": known, "live": "edited"}]
    assert [item["id"] for item in plain["vanished"]] == [sample_image_id(600)]
    assert [item["id"] for item in plain["appeared"]] == ["7446670805219099999"]
    assert writes(adopted) == []
    assert adopted.state.read_bytes() == before


def test_a_refreshed_apply_ends_the_drift(adopted: Desk) -> None:
    edit(adopted, range(20))
    assert len(found(adopted)["drifted"]) == 20

    assert adopted.run("apply", "--refresh=1h", "--yes").code == 0

    assert found(adopted)["drifted"] == []


def test_what_drift_prints_is_as_the_schema_says(adopted: Desk) -> None:
    edit(adopted, [1])
    images(adopted)[sample_image_id(2)].busy_until_s = time.monotonic() + 3600
    edit(adopted, [2])
    adopted.emulator.world.drop_document(sample_document_id(5))
    schema = adopted.run("schema", "drift").json()

    plain = found(adopted)

    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(plain)
    assert plain["summary"] | {"known": 0} == {
        "known": 0,
        "drifted": 1,
        "vanished": 1,
        "appeared": 0,
        "in_doubt": 0,
        "pending": 1,
    }


def test_for_people_each_kind_has_its_heading(adopted: Desk) -> None:
    edit(adopted, [1])
    adopted.emulator.world.drop_document(sample_document_id(5))

    told = adopted.run("drift")

    lines = told.out.splitlines()
    assert lines[0] == "Drift: 1 drifted, 1 vanished of 1,180 known items."
    assert f"  ! coze-cn/{DATASET}/image/{sample_image_id(1)}" in lines
    assert any(line.endswith('→ "edited"') for line in lines)
    assert f"  - coze-cn/{DATASET}/document/{sample_document_id(5)}" in lines
    assert lines[-1].startswith("1,179 items in 3 lists, read at ")


def test_many_are_cut_unless_all_are_asked_for(adopted: Desk) -> None:
    edit(adopted, range(80))

    assert "  … and 30 more" in adopted.run("drift").out.splitlines()
    assert adopted.run("drift", "--all", "--refresh=1h").out.count("\n  ! ") == 80


def test_markdown_names_what_drifted(adopted: Desk) -> None:
    edit(adopted, range(3))

    told = adopted.run("drift", "--format", "markdown").out

    assert told.startswith("### kbsync drift\n\n**3 drifted of 1,180 known items.**\n")
    assert told.count("\n- `coze-cn/") == 3
    assert told.count('→ `"edited"`') == 3


def test_a_path_names_the_containers_to_look_at(desk: Desk) -> None:
    assert {read["target"] for read in found(desk)["read"]} == {"coze-cn", "volc-bj"}
    assert {read["target"] for read in found(desk, "manifests/records.jsonl")["read"]} == {"volc-bj"}


def test_manifests_are_not_read_without_a_path(adopted: Desk) -> None:
    adopted.write("manifests/wrong.yaml", "kbsync: 2\n")

    assert adopted.run(*DRIFT).code == 0
    assert adopted.run(*DRIFT, "manifests").code == 65


def test_without_a_state_there_is_nothing_to_compare_with(large: Desk) -> None:
    told = large.run("drift", "--detailed-exitcode")

    assert (told.code, large.requests) == (0, 0)
    assert told.out == "Drift: nothing is known yet, so nothing was read.\n"


def test_a_list_that_cannot_be_read_whole_is_no_drift(adopted: Desk) -> None:
    with lying(adopted, {"kind": "refused_403", "operation": "coze.images.list", "first_count": 2}):
        told = adopted.run(*DETAILED)

    assert (told.code, told.out) == (1, "")
    assert "coze-cn/744632974166804001/image cannot be read whole: forbidden" in told.err
    assert "kbsync: nothing was compared" in told.err


def test_lists_that_were_read_before_can_do(adopted: Desk) -> None:
    plain = found(adopted, "--refresh=1h")

    assert adopted.requests == 0
    assert orjson.dumps(plain["read"]) == orjson.dumps(found(adopted, "--refresh=1h")["read"])


def test_items_of_a_target_that_is_gone_are_left_out_and_told(adopted: Desk) -> None:
    adopted.write("kbsync.toml", (adopted.folder / "kbsync.toml").read_text().replace("volc-bj", "volc-sh"))

    told = adopted.run(*DRIFT)

    assert told.json()["summary"]["known"] == 950
    assert "kbsync: volc-bj is no target any more: 230 known items of it left out" in told.err
