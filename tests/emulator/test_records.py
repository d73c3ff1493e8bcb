"""What the emulator remembers of requests, and what can be changed while it runs."""

import threading
from typing import Any

import orjson
import pytest

from kbsync.emulator.rules import read_rules
from kbsync.emulator.sample import (
    SAMPLE_ACCESS_KEY_ID,
    SAMPLE_API_KEY,
    SAMPLE_COLLECTION,
    SAMPLE_DATASET,
    SAMPLE_SECRET_ACCESS_KEY,
    SAMPLE_TOKEN,
    sample_doc_id,
    sample_image_id,
)
from tests.emulator.bench import Bench
from tests.emulator.vendors import signed_headers


def test_every_write_that_was_read_is_counted_for_its_item(bench: Bench) -> None:
    bench.emulator.set_rules(read_rules([{"mix": "storm", "share": 0.5}]), seed=3)

    def work(number: int) -> None:
        for _ in range(number % 7 + 1):
            bench.raw_caption(number, patience_s=0.05)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    seen = bench.emulator.ledger.seen
    assert {number: seen["coze.image.caption", sample_image_id(number)] for number in range(30)} == {
        number: number % 7 + 1 for number in range(30)
    }
    stats = bench.control("GET", "stats")
    assert stats["requests"] == {"coze.image.caption": sum(number % 7 + 1 for number in range(30))}
    assert stats["distinct"] == {"coze.image.caption": 30}


def test_a_record_tells_what_became_of_the_request(bench: Bench) -> None:
    bench.emulator.set_rules(read_rules([{"kind": "disconnect_after", "nth": 2}]))

    got = bench.caption(3)
    bench.raw_caption(3)
    first, second = bench.control("GET", "requests?writes=1")["requests"]

    assert first["log_id"] == got.headers["x-tt-logid"]
    assert {name: first[name] for name in ("operation", "container", "item", "credential", "nth")} == {
        "operation": "coze.image.caption",
        "container": SAMPLE_DATASET,
        "item": sample_image_id(3),
        "credential": "sample-token",
        "nth": 1,
    }
    assert [first[name] for name in ("fault", "fate", "status", "code")] == ["", "applied", 200, 0]
    assert [second[name] for name in ("nth", "fault", "fate", "status")] == [2, "disconnect_after", "applied", 0]


def test_records_come_in_pages(bench: Bench) -> None:
    for number in range(7):
        bench.caption(number)
        bench.coze("GET", "/v1/datasets?space_id=1")

    first = bench.control("GET", "requests?writes=1&limit=4")
    rest = bench.control("GET", f"requests?writes=1&limit=4&after={first['next_after']}")

    items = [record["item"] for page in (first, rest) for record in page["requests"]]
    assert items == [sample_image_id(number) for number in range(7)]


def test_bodies_are_given_when_asked_for(bench: Bench) -> None:
    bench.caption(0, "小猫")

    with_body = bench.control("GET", "requests?bodies=1")["requests"][0]

    assert orjson.loads(with_body["body"]) == {"caption": "小猫"}
    assert "body" not in bench.control("GET", "requests")["requests"][0]


def test_no_secret_is_ever_recorded(bench: Bench) -> None:
    body = orjson.dumps({"collection_name": SAMPLE_COLLECTION, "doc_id": sample_doc_id(0), "doc_name": "n"})
    headers = signed_headers("/api/knowledge/doc/update", body)
    bench.caption()
    bench.caption(Authorization="Bearer pat_mistyped")
    bench.call("POST", "/api/knowledge/doc/update", body, headers)
    bench.volcengine("doc/info", {"collection_name": SAMPLE_COLLECTION, "doc_id": sample_doc_id(0)})

    text = repr(bench.emulator.ledger.records) + repr(bench.control("GET", "requests?bodies=1"))

    signature = headers["Authorization"].rpartition("=")[2]
    for secret in (SAMPLE_TOKEN, "pat_mistyped", SAMPLE_SECRET_ACCESS_KEY, SAMPLE_API_KEY, signature):
        assert secret not in text


def test_credentials_do_not_show_their_secrets(bench: Bench) -> None:
    text = repr(bench.emulator.world.credentials)

    assert SAMPLE_ACCESS_KEY_ID in text
    assert not {secret for secret in (SAMPLE_TOKEN, SAMPLE_SECRET_ACCESS_KEY, SAMPLE_API_KEY) if secret in text}


def test_clearing_forgets_records_and_counts_but_not_content(bench: Bench) -> None:
    bench.caption(0, "x")

    bench.control("DELETE", "stats")

    stats = bench.control("GET", "stats")
    assert (stats["requests"], stats["applied"], stats["most_in_one_second"]) == ({}, {}, {})
    assert bench.control("GET", "requests")["requests"] == []
    assert bench.stored_caption(0) == "x"


def test_control_requests_are_not_recorded(bench: Bench) -> None:
    bench.control("GET", "stats")
    bench.control("GET", "")

    assert bench.emulator.ledger.records == []


def test_faults_can_be_set_and_lifted_over_the_wire(bench: Bench) -> None:
    bench.control("PUT", "faults", {"rules": [{"kind": "http_500"}], "seed": 5})
    assert bench.caption().status == 500
    assert bench.control("GET", "faults")["seed"] == 5

    bench.control("PUT", "faults", {"mix": "http_503=1", "share": 1.0, "max_in_row": 2})
    assert [bench.caption(1).status for _ in range(4)] == [503, 503, 200, 503]

    bench.control("DELETE", "faults")
    assert bench.caption().status == 200


def test_the_vocabulary_can_be_read(bench: Bench) -> None:
    vocabulary = bench.control("GET", "vocabulary")

    assert {"http_500", "late_write", "gzip_bomb"} <= set(vocabulary["faults"])
    assert {"storm", "flaky", "outage"} <= set(vocabulary["presets"])


@pytest.mark.parametrize(
    ("method", "name", "value"),
    [
        ("PUT", "faults", {"rules": [{"kind": "nothing"}]}),
        ("PUT", "faults", {"rules": 5}),
        ("PUT", "faults", {"kind": "http_500", "seed": "x"}),
        ("PUT", "rates", {"*": "fast"}),
        ("PUT", "rates", {"*": 5}),
        ("PUT", "rates", {"*": {"rate": "5/s", "window": "round"}}),
        ("PUT", "latency", {"least": 1}),
        ("PUT", "clock", {}),
        ("PATCH", "behaviour", {"colour": "red"}),
        ("PATCH", "behaviour", {"meta_mode": "both"}),
        ("PATCH", "behaviour", {"page_base": "1"}),
        ("PATCH", "behaviour", {"lenient_interval": 1}),
        ("PATCH", "behaviour", {"ignored_fields": ["colour"]}),
        ("PUT", "world", {"format": "other"}),
        ("POST", "items", {"provider": "coze"}),
        ("POST", "items", {"provider": "coze", "kind": "image", "id": "1", "set": {"caption": "x"}}),
        ("POST", "items", {"provider": "coze", "kind": "image", "id": sample_image_id(0), "set": {"caption": 1}}),
        ("POST", "items", {"provider": "coze", "kind": "image", "id": sample_image_id(0), "set": {"colour": "x"}}),
        ("POST", "save", None),
        ("PUT", "faults", b"{"),
    ],
)
def test_bad_control_requests_are_told_and_change_nothing(bench: Bench, method: str, name: str, value: Any) -> None:
    before = bench.emulator.fates, bench.emulator.limiter.rates, bench.emulator.site.behaviour, bench.emulator.latency

    got = bench.call(method, f"/_emulator/{name}", value)

    assert got.status == 400
    assert got.json["error"]
    after = bench.emulator.fates, bench.emulator.limiter.rates, bench.emulator.site.behaviour, bench.emulator.latency
    assert after == before


def test_unknown_control_endpoints_list_the_known_ones(bench: Bench) -> None:
    got = bench.call("GET", "/_emulator/nothing")

    assert got.status == 404
    assert "GET /_emulator/stats" in got.json["endpoints"]


def test_items_can_be_edited_behind_the_clients_back(bench: Bench) -> None:
    bench.control(
        "POST",
        "items",
        [
            {"provider": "coze", "kind": "image", "id": sample_image_id(0), "set": {"caption": "别人改的"}},
            {"provider": "coze", "kind": "image", "id": sample_image_id(1), "remove": True},
            {"provider": "coze", "kind": "image", "dataset": SAMPLE_DATASET, "id": "77", "add": {"name": "新.jpg"}},
            {
                "provider": "volcengine",
                "collection": SAMPLE_COLLECTION,
                "id": sample_doc_id(0),
                "set": {"meta": {"行业": "教育", "new": 1}},
            },
        ],
    )

    listed = bench.coze("GET", f"/v1/datasets/{SAMPLE_DATASET}/images?page_size=2").json["data"]
    assert [info["document_id"] for info in listed["photo_infos"]] == ["77", sample_image_id(0)]
    assert (listed["photo_infos"][1]["caption"], listed["total_count"]) == ("别人改的", 650)
    assert bench.caption(1).code == 4200
    doc = bench.volcengine("doc/info", {"collection_name": SAMPLE_COLLECTION, "doc_id": sample_doc_id(0)})
    assert [entry["field_type"] for entry in orjson.loads(doc.json["data"]["meta"])] == ["string", "int64"]
