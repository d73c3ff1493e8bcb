"""Edits by somebody else, of every kind of item."""

from typing import Any

import pytest

from kbsync.emulator import Emulator, sample_world, served_in_thread
from kbsync.emulator.sample import (
    SAMPLE_COLLECTION,
    SAMPLE_DATASET,
    SAMPLE_RESOURCE_ID,
    sample_doc_id,
    sample_document_id,
)
from tests.emulator.bench import Bench

LIST = "/open_api/knowledge/document/list"


def names(bench: Bench) -> dict[str, str]:
    value = bench.coze("POST", LIST, {"dataset_id": SAMPLE_DATASET, "size": 100}).json
    return {info["document_id"]: info["name"] for info in value["document_infos"]}


def edit(bench: Bench, **value: Any) -> None:
    bench.control("POST", "items", value)


def test_a_coze_document_can_be_changed_added_and_removed(bench: Bench) -> None:
    edit(bench, provider="coze", kind="document", id=sample_document_id(0), set={"name": "别人改的"})
    edit(bench, provider="coze", kind="document", id="88", dataset=SAMPLE_DATASET, add={"name": "新的"})
    edit(bench, provider="coze", kind="document", id=sample_document_id(229), remove=True)

    found = names(bench)
    assert list(found)[:2] == ["88", sample_document_id(0)]
    assert (found["88"], found[sample_document_id(0)]) == ("新的", "别人改的")
    assert sample_document_id(229) not in found


def test_a_volcengine_document_can_be_added_by_resource_id(bench: Bench) -> None:
    edit(bench, provider="volcengine", resource_id=SAMPLE_RESOURCE_ID, id="new", add={"meta": {"行业": "教育"}})

    data = bench.volcengine("doc/list", {"collection_name": SAMPLE_COLLECTION, "limit": 1}).json["data"]
    assert data["doc_list"][0]["doc_id"] == "new"
    assert data["doc_list"][0]["meta"] == '[{"field_name":"行业","field_type":"string","field_value":"教育"}]'


@pytest.mark.parametrize(
    "value",
    [
        5,
        {"provider": "coze", "kind": "table", "id": "1", "remove": True},
        {"provider": "coze", "kind": "document", "id": "1", "set": {"name": "x"}},
        {"provider": "coze", "kind": "document", "id": "1", "dataset": "none", "add": {"name": "x"}},
        {"provider": "coze", "kind": "document", "id": 1, "remove": True},
        {"provider": "coze", "kind": "document", "id": sample_document_id(0), "set": []},
        {"provider": "coze", "kind": "document", "id": sample_document_id(0), "set": {}, "remove": True},
        {"provider": "volcengine", "collection": "none", "id": "x", "remove": True},
        {"provider": "volcengine", "collection": SAMPLE_COLLECTION, "id": "nobody", "set": {"name": "x"}},
        {
            "provider": "volcengine",
            "collection": SAMPLE_COLLECTION,
            "id": sample_doc_id(0),
            "set": {"meta": {"year": "x"}},
        },
    ],
)
def test_a_bad_edit_is_told(bench: Bench, value: Any) -> None:
    got = bench.call("POST", "/_emulator/items", value)

    assert got.status == 400
    assert got.json["error"]


def test_the_whole_content_can_be_replaced_and_read_back(bench: Bench) -> None:
    world = bench.control("GET", "world")
    world["datasets"][0]["documents"] = world["datasets"][0]["documents"][:3]

    bench.control("PUT", "world", world)

    assert len(names(bench)) == 3
    assert bench.control("GET", "world") == world


def test_a_taken_port_is_told_at_once() -> None:
    with (
        served_in_thread(Emulator(sample_world())) as running,
        pytest.raises(OSError, match="address already in use"),
        served_in_thread(Emulator(sample_world()), port=running.port),
    ):
        pass
