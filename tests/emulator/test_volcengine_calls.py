"""What the Volcengine half accepts, refuses and returns, by the API pages."""

from typing import Any

import orjson
import pytest

from kbsync.emulator import Behaviour
from kbsync.emulator.credentials import ApiKey, Credentials
from kbsync.emulator.sample import SAMPLE_API_KEY, SAMPLE_COLLECTION, SAMPLE_RESOURCE_ID, sample_doc_id
from kbsync.emulator.world import Collection
from tests.emulator.bench import Bench, Got, eventually

HERE = {"collection_name": SAMPLE_COLLECTION}


def collection(bench: Bench) -> Collection:
    return bench.emulator.world.collections["default", SAMPLE_COLLECTION]


def meta(bench: Bench, number: int) -> dict[str, Any]:
    stored = orjson.loads(collection(bench).docs[sample_doc_id(number)].meta)
    return {entry["field_name"]: (entry["field_type"], entry["field_value"]) for entry in stored}


def update(bench: Bench, *items: tuple[str, object, object], number: int = 0, **fields: Any) -> Got:
    value = [{"field_name": name, "field_type": kind, "field_value": value} for name, kind, value in items]
    return bench.volcengine("doc/update_meta", {**HERE, "doc_id": sample_doc_id(number), "meta": value, **fields})


def test_success_has_the_documented_envelope_without_data(bench: Bench) -> None:
    got = update(bench, ("行业", "string", "教育"))

    assert got.json == {"code": 0, "message": "success", "request_id": got.headers["x-tt-logid"]}


def test_update_meta_replaces_the_list_by_default(bench: Bench) -> None:
    update(bench, ("行业", "string", "教育"))

    assert meta(bench, 0) == {"行业": ("string", "教育")}


def test_update_meta_can_merge_instead(bench: Bench) -> None:
    bench.emulator.site.behaviour = Behaviour(meta_mode="merge")
    before = meta(bench, 0)

    update(bench, ("行业", "string", "教育"), ("新", "int64", 1))

    assert meta(bench, 0) == before | {"行业": ("string", "教育"), "新": ("int64", 1)}


def test_meta_may_be_json_text(bench: Bench) -> None:
    text = orjson.dumps([{"field_name": "行业", "field_type": "string", "field_value": "教育"}]).decode()

    assert update(bench, meta=text).code == 0
    assert meta(bench, 0) == {"行业": ("string", "教育")}


@pytest.mark.parametrize("value", [None, "absent"])
def test_no_meta_changes_nothing(bench: Bench, value: str | None) -> None:
    before = meta(bench, 0)
    body = {**HERE, "doc_id": sample_doc_id(0)} | ({"meta": None} if value is None else {})

    assert bench.volcengine("doc/update_meta", body).code == 0
    assert meta(bench, 0) == before


def test_the_schema_rules_over_the_type_in_the_request(bench: Bench) -> None:
    assert update(bench, ("score", "string", 0.5)).code == 0
    assert meta(bench, 0) == {"score": ("float32", 0.5)}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int64", 1),
        ("float32", 1),
        ("float32", 1.5),
        ("string", ""),
        ("bool", False),
        ("list<string>", ["a"]),
        ("list<int64>", [1]),
        ("date_time", "2025-08-12T11:33:56+08:00"),
        ("geo_point", "116.4,39.9"),
        (None, True),
    ],
)
def test_every_type_is_stored_as_given(bench: Bench, kind: str | None, value: object) -> None:
    assert update(bench, ("new", kind, value)).code == 0
    assert meta(bench, 0) == {"new": (kind or "bool", value)}


@pytest.mark.parametrize(
    ("name", "kind", "value"),
    [
        ("new", "int64", "1"),
        ("new", "int64", True),
        ("new", "string", 1),
        ("new", "bool", 0),
        ("new", "list<string>", ["a", 1]),
        ("new", "float64", 1.5),
        ("new", "string", None),
        ("year", "int64", "2024"),
        ("doc_id", "string", "x"),
        ("", "string", "x"),
        ("x" * 129, "string", "x"),
        (None, "string", "x"),
    ],
)
def test_bad_fields_refuse_the_whole_update(bench: Bench, name: Any, kind: str, value: object) -> None:
    before = meta(bench, 0)

    got = update(bench, ("行业", "string", "教育"), (name, kind, value))

    assert (got.status, got.code) == (400, 1000003)
    assert got.json["message"].startswith("invalid request:")
    assert meta(bench, 0) == before


def test_chinese_field_names_are_refused_only_by_a_strict_server(bench: Bench) -> None:
    assert update(bench, ("行业", "string", "x")).code == 0

    bench.emulator.site.behaviour = Behaviour(strict_field_names=True)

    assert update(bench, ("行业", "string", "x")).code == 1000003
    assert update(bench, ("industry", "string", "x")).code == 0


@pytest.mark.parametrize("body", [b"{", b"[]", {}, {"doc_id": "doc_0000000"}, HERE, {**HERE, "doc_id": 1}])
def test_incomplete_requests_are_invalid(bench: Bench, body: object) -> None:
    got = bench.volcengine("doc/update_meta", body)

    assert (got.status, got.code) == (400, 1000003)


@pytest.mark.parametrize(
    "where",
    [
        {"resource_id": SAMPLE_RESOURCE_ID},
        {"collection_name": SAMPLE_COLLECTION, "project": ""},
        {"collection_name": SAMPLE_COLLECTION, "project": None},
        {"collection_name": SAMPLE_COLLECTION, "project": "default", "resource_id": SAMPLE_RESOURCE_ID},
    ],
)
def test_a_collection_goes_by_resource_id_or_by_name_and_project(bench: Bench, where: dict[str, Any]) -> None:
    assert bench.volcengine("doc/info", {**where, "doc_id": sample_doc_id(0)}).code == 0


@pytest.mark.parametrize("where", [{"collection_name": SAMPLE_COLLECTION, "project": "p"}, {"resource_id": "kb-x"}])
def test_another_project_has_no_such_collection(bench: Bench, where: dict[str, Any]) -> None:
    got = bench.volcengine("doc/info", {**where, "doc_id": sample_doc_id(0)})

    assert (got.status, got.code) == (400, 1000005)


def test_each_endpoint_wants_its_own_word_for_the_name(bench: Bench) -> None:
    assert bench.volcengine("collection/info", {"collection_name": SAMPLE_COLLECTION}).code == 1000003
    assert bench.volcengine("doc/list", {"name": SAMPLE_COLLECTION}).code == 1000003
    assert bench.volcengine("collection/info", {"name": SAMPLE_COLLECTION}).code == 0


def test_the_schema_lies_where_the_sdk_looks_for_it(bench: Bench) -> None:
    data = bench.volcengine("collection/info", {"name": SAMPLE_COLLECTION}).json["data"]

    fields = data["pipeline_list"][0]["index_list"][0]["index_config"]["fields"]
    assert {"field_name": "year", "field_type": "int64", "default_val": 0} in fields
    assert (data["doc_num"], data["resource_id"]) == (250, SAMPLE_RESOURCE_ID)


def doc_ids(bench: Bench, **fields: Any) -> list[str]:
    data = bench.volcengine("doc/list", {**HERE, **fields}).json["data"]
    return [doc["doc_id"] for doc in data["doc_list"]]


def test_a_list_by_offset_starts_with_the_newest_upload(bench: Bench) -> None:
    assert doc_ids(bench, offset=0, limit=2) == [sample_doc_id(249), sample_doc_id(248)]
    assert doc_ids(bench, offset=248, limit=100) == [sample_doc_id(1), sample_doc_id(0)]
    assert doc_ids(bench, offset=250, limit=100) == []


def test_writes_do_not_move_documents(bench: Bench) -> None:
    before = doc_ids(bench)

    update(bench, ("行业", "string", "x"), number=3)

    assert doc_ids(bench) == before


@pytest.mark.parametrize("limit", [-1, 1000, 100])
def test_no_answer_has_more_than_a_hundred(bench: Bench, limit: int) -> None:
    assert len(doc_ids(bench, limit=limit)) == 100


def test_an_offset_from_a_hundred_on_counts_only_with_a_limit(bench: Bench) -> None:
    assert doc_ids(bench, offset=100) == doc_ids(bench, offset=0)
    assert doc_ids(bench, offset=99)[0] == sample_doc_id(150)
    assert doc_ids(bench, offset=100, limit=-1)[0] == sample_doc_id(149)


@pytest.mark.parametrize("fields", [{"limit": -2}, {"offset": -1}, {"limit": "1"}, {"offset": True}, {"filter": []}])
def test_bad_windows_are_invalid(bench: Bench, fields: dict[str, Any]) -> None:
    assert bench.volcengine("doc/list", {**HERE, **fields}).code == 1000003


def test_nulls_filter_nothing_and_an_empty_type_list_everything(bench: Bench) -> None:
    assert len(doc_ids(bench, doc_type=None, filter=None, limit=100)) == 100
    assert doc_ids(bench, doc_type=[], limit=100) == []
    assert len(doc_ids(bench, doc_type=["pdf"], limit=100)) == 100
    assert doc_ids(bench, doc_type=["docx"], limit=100) == []


def test_documents_can_be_asked_for_by_id(bench: Bench) -> None:
    wanted = [sample_doc_id(3), sample_doc_id(200), "nobody"]

    data = bench.volcengine("doc/list", {**HERE, "filter": {"doc_id_list": wanted}, "limit": 100}).json["data"]

    assert [doc["doc_id"] for doc in data["doc_list"]] == [sample_doc_id(200), sample_doc_id(3)]
    assert (data["total_num"], data["count"]) == (2, 2)


def test_meta_is_json_text_in_lists_and_info(bench: Bench) -> None:
    listed = bench.volcengine("doc/list", {**HERE, "limit": 1}).json["data"]["doc_list"][0]
    info = bench.volcengine("doc/info", {**HERE, "doc_id": sample_doc_id(249)}).json["data"]

    assert isinstance(listed["meta"], str)
    assert listed["meta"] == info["meta"]


def test_lists_count_seconds_and_info_milliseconds(bench: Bench) -> None:
    listed = bench.volcengine("doc/list", {**HERE, "limit": 1}).json["data"]["doc_list"][0]
    info = bench.volcengine("doc/info", {**HERE, "doc_id": sample_doc_id(249)}).json["data"]

    assert info["create_time"] == listed["create_time"] * 1000


def test_lists_can_leave_out_meta_and_the_empty_list(bench: Bench) -> None:
    bench.emulator.site.behaviour = Behaviour(list_meta=False, omit_empty_doc_list=True)

    some = bench.volcengine("doc/list", {**HERE, "limit": 1}).json["data"]
    none = bench.volcengine("doc/list", {**HERE, "offset": 999, "limit": 1}).json["data"]

    assert "meta" not in some["doc_list"][0]
    assert "doc_list" not in none


def test_a_cursor_is_not_disturbed_by_uploads_and_removals(bench: Bench) -> None:
    first = bench.volcengine("doc/v2/list", {**HERE, "limit": 100}).json["data"]
    edits: list[dict[str, Any]] = [
        {"provider": "volcengine", "collection": SAMPLE_COLLECTION, "id": "new", "add": {"name": "n"}},
        {"provider": "volcengine", "collection": SAMPLE_COLLECTION, "id": sample_doc_id(150), "remove": True},
    ]
    bench.control("POST", "items", edits)

    second = bench.volcengine("doc/v2/list", {**HERE, "limit": 100, "next_token": first["next_token"]}).json["data"]

    assert second["doc_list"][0]["doc_id"] == sample_doc_id(149)
    assert second["has_more"] is True


@pytest.mark.parametrize("fields", [{"limit": 0}, {"limit": 101}, {"next_token": "?"}, {"next_token": "e30="}])
def test_bad_cursors_and_limits_are_invalid(bench: Bench, fields: dict[str, Any]) -> None:
    assert bench.volcengine("doc/v2/list", {**HERE, **fields}).code == 1000003


@pytest.mark.parametrize("name", ["", "x" * 257, None, 1])
def test_a_bad_name_is_invalid(bench: Bench, name: object) -> None:
    got = bench.volcengine("doc/update", {**HERE, "doc_id": sample_doc_id(0), "doc_name": name})

    assert (got.status, got.code) == (400, 1000003)


def test_a_rename_is_echoed(bench: Bench) -> None:
    got = bench.volcengine("doc/update", {**HERE, "doc_id": sample_doc_id(0), "doc_name": "n"})

    assert got.json["data"] == {"doc_id": sample_doc_id(0), "doc_name": "n"}


def test_a_written_document_shows_as_updating_for_a_while(bench: Bench) -> None:
    bench.emulator.site.behaviour = Behaviour(processing_s=0.3)

    def status() -> int:
        info = bench.volcengine("doc/info", {**HERE, "doc_id": sample_doc_id(0)}).json
        return int(info["data"]["status"]["process_status"])

    update(bench, ("行业", "string", "x"))
    assert status() == 3
    eventually(lambda: status() == 0)


def test_a_key_may_be_kept_from_operations(bench: Bench) -> None:
    reads = frozenset({"volcengine.document.info"})
    bench.emulator.world.credentials = Credentials(api_keys=(ApiKey("reader", SAMPLE_API_KEY, reads),))

    got = update(bench, ("行业", "string", "x"))

    assert (got.status, got.code) == (403, 1000002)
    assert bench.volcengine("doc/info", {**HERE, "doc_id": sample_doc_id(0)}).code == 0


def test_ping_needs_no_credentials(bench: Bench) -> None:
    assert bench.call("GET", "/ping").json["code"] == 0
