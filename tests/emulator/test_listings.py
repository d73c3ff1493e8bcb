"""Lists that lie, in all dialects."""

from typing import Any

import pytest

from kbsync.emulator.rules import read_rules
from kbsync.emulator.sample import SAMPLE_COLLECTION, SAMPLE_DATASET, SAMPLE_SPACE
from tests.emulator.bench import Bench

HERE = {"collection_name": SAMPLE_COLLECTION}


def photos(bench: Bench, page: int = 2) -> tuple[list[Any], int]:
    data = bench.coze("GET", f"/v1/datasets/{SAMPLE_DATASET}/images?page_num={page}&page_size=50").json["data"]
    return [info.get("document_id") for info in data["photo_infos"]], data["total_count"]


def documents(bench: Bench, page: int = 2) -> tuple[list[Any], int]:
    body = {"dataset_id": SAMPLE_DATASET, "page": page, "size": 50}
    value = bench.coze("POST", "/open_api/knowledge/document/list", body).json
    return [info.get("document_id") for info in value["document_infos"]], value["total"]


def docs(bench: Bench, page: int = 2) -> tuple[list[Any], int]:
    data = bench.volcengine("doc/list", {**HERE, "offset": 50 * (page - 1), "limit": 50}).json["data"]
    return [doc.get("doc_id") for doc in data["doc_list"]], data["total_num"]


every_dialect = pytest.mark.parametrize("pages", [photos, documents, docs])


@every_dialect
def test_a_list_can_be_spoiled_in_each_way(bench: Bench, pages: Any) -> None:
    good, total = pages(bench)

    def spoiled(kind: str) -> tuple[list[Any], int]:
        bench.emulator.set_rules(read_rules([{"kind": kind}]))
        items, count = pages(bench)
        return items, count

    assert spoiled("page_short") == (good[:-1], total)
    assert spoiled("page_empty") == ([], total)
    assert spoiled("page_doubled_item") == (good[1:] + good[-1:], total)
    assert spoiled("page_nameless_item") == ([None, *good[1:]], total)
    assert spoiled("total_more") == (good, total + 1)
    assert spoiled("total_fewer") == (good, total - 1)
    assert spoiled("total_negative") == (good, -1)


@every_dialect
def test_pages_can_be_stuck_at_the_first(bench: Bench, pages: Any) -> None:
    first = pages(bench, 1)
    bench.emulator.set_rules(read_rules([{"kind": "page_stuck"}]))

    assert pages(bench, 3) == first


def test_a_stuck_cursor_promises_more_for_ever(bench: Bench) -> None:
    bench.emulator.set_rules(read_rules([{"kind": "page_stuck", "operation": "volcengine.documents.*"}]))
    request: dict[str, Any] = {**HERE, "limit": 100}

    tokens: list[str] = []
    for _ in range(5):
        data = bench.volcengine("doc/v2/list", request).json["data"]
        assert data["has_more"] is True
        tokens.append(data["next_token"])
        request["next_token"] = tokens[-1]

    assert len(set(tokens)) == 1


def test_what_is_no_list_is_not_spoiled(bench: Bench) -> None:
    bench.emulator.set_rules(read_rules([{"kind": "page_empty"}]))

    assert bench.caption().json["code"] == 0
    assert bench.volcengine("doc/info", {**HERE, "doc_id": "nobody"}).code == 1001001
    assert bench.coze("GET", f"/v1/datasets?space_id={SAMPLE_SPACE}").json["data"]["dataset_list"] == []
