"""What the Coze half accepts, refuses and returns, by the API pages."""

from typing import Any

import orjson
import pytest

from kbsync.emulator import Behaviour
from kbsync.emulator.credentials import Credentials, Token
from kbsync.emulator.sample import SAMPLE_DATASET, SAMPLE_SPACE, SAMPLE_TOKEN, sample_document_id, sample_image_id
from kbsync.emulator.world import Document
from tests.emulator.bench import COZE, Bench, Got, eventually

UPDATE = "/open_api/knowledge/document/update"
LIST = "/open_api/knowledge/document/list"
IMAGES = f"/v1/datasets/{SAMPLE_DATASET}/images"


def document(bench: Bench, number: int) -> Document:
    return bench.emulator.world.datasets[SAMPLE_DATASET].documents[sample_document_id(number)]


def update(bench: Bench, number: int = 0, **fields: Any) -> Got:
    return bench.coze("POST", UPDATE, {"document_id": sample_document_id(number), **fields})


def test_success_has_the_documented_envelope_and_the_log_id_twice(bench: Bench) -> None:
    got = bench.caption()

    log_id = got.headers["x-tt-logid"]
    assert got.json == {"code": 0, "msg": "", "detail": {"logid": log_id}}
    assert got.status == 200


def test_no_log_id_comes_twice(bench: Bench) -> None:
    log_ids = [bench.caption().headers["x-tt-logid"] for _ in range(50)]

    assert len(set(log_ids)) == 50


@pytest.mark.parametrize("body", [{}, {"caption": None}, {"caption": 1}, {"caption": ["x"]}, b"{", b"[]", b'"x"', b""])
def test_a_caption_that_is_no_string_is_refused(bench: Bench, body: object) -> None:
    before = bench.stored_caption()

    got = bench.coze("PUT", f"{IMAGES}/{sample_image_id(0)}", body)

    assert (got.status, got.code) == (400, 4000)
    assert bench.stored_caption() == before


def test_an_empty_caption_is_accepted(bench: Bench) -> None:
    assert bench.caption(caption="").code == 0
    assert bench.stored_caption() == ""


def test_the_path_dataset_can_be_ignored_as_the_cloud_may_do(bench: Bench) -> None:
    path = f"/v1/datasets/1/images/{sample_image_id(0)}"
    assert bench.coze("PUT", path, {"caption": "x"}).code == 4200

    bench.emulator.site.behaviour = Behaviour(ignore_path_dataset=True)

    assert bench.coze("PUT", path, {"caption": "x"}).code == 0


def test_a_name_and_a_rule_travel_together(bench: Bench) -> None:
    got = update(bench, 1, document_name="n", update_rule={"update_type": 1, "update_interval": 48})

    assert got.code == 0
    stored = document(bench, 1)
    assert (stored.name, stored.update_type, stored.update_interval_h) == ("n", 1, 48)


@pytest.mark.parametrize(
    "rule",
    [
        {"update_type": 1, "update_interval": 23},
        {"update_type": 0, "update_interval": 0},
        {"update_type": 2, "update_interval": 24},
        {"update_type": "1"},
        {"update_type": True},
        {"update_interval": 24.0},
        [],
        "daily",
    ],
)
def test_a_bad_rule_refuses_the_whole_update(bench: Bench, rule: object) -> None:
    before = document(bench, 1).name

    got = update(bench, 1, document_name="n", update_rule=rule)

    assert (got.status, got.code) == (400, 4000)
    assert document(bench, 1).name == before


def test_a_short_interval_is_accepted_by_a_lenient_server(bench: Bench) -> None:
    bench.emulator.site.behaviour = Behaviour(lenient_interval=True)

    assert update(bench, 1, update_rule={"update_type": 1, "update_interval": 1}).code == 0
    assert document(bench, 1).update_interval_h == 1


@pytest.mark.parametrize("document_id", [None, "", "0", "01", "1" * 21, "-1", "１", 1.5, True, []])
def test_what_is_no_id_is_refused(bench: Bench, document_id: object) -> None:
    got = bench.coze("POST", UPDATE, {"document_id": document_id, "document_name": "n"})

    assert (got.status, got.code) == (400, 4000)


def test_an_id_may_be_a_number_in_a_request(bench: Bench) -> None:
    got = bench.coze("POST", UPDATE, {"document_id": int(sample_document_id(2)), "document_name": "n"})

    assert got.code == 0
    assert document(bench, 2).name == "n"


def test_a_rename_can_reset_the_rule(bench: Bench) -> None:
    bench.emulator.site.behaviour = Behaviour(rename_resets_rule=True)

    update(bench, 0, document_name="n")

    assert (document(bench, 0).update_type, document(bench, 0).update_interval_h) == (0, 24)


def test_ids_are_numbers_without_the_conversion_header(bench: Bench) -> None:
    plain = {name: value for name, value in COZE.items() if name != "Agw-Js-Conv"}
    body = {"dataset_id": SAMPLE_DATASET, "page": 1, "size": 1}

    without = bench.call("POST", LIST, body, plain).json["document_infos"][0]["document_id"]
    with_it = bench.call("POST", LIST, body, COZE).json["document_infos"][0]["document_id"]

    assert isinstance(without, int)
    assert str(without) == with_it


def test_a_strict_server_insists_on_the_conversion_header(bench: Bench) -> None:
    bench.emulator.site.behaviour = Behaviour(require_agw_js_conv=True)
    plain = {name: value for name, value in COZE.items() if name != "Agw-Js-Conv"}

    assert bench.call("POST", LIST, {"dataset_id": SAMPLE_DATASET}, plain).code == 4000
    assert bench.call("POST", UPDATE, {"document_id": sample_document_id(0)}, plain).code == 4000


@pytest.mark.parametrize(
    ("scope", "method", "path", "body"),
    [
        ("updatePhoto", "PUT", f"{IMAGES}/{sample_image_id(0)}", {"caption": "x"}),
        ("updateDocument", "POST", UPDATE, {"document_id": sample_document_id(0), "document_name": "x"}),
        ("listPhoto", "GET", IMAGES, None),
        ("listDocument", "POST", LIST, {"dataset_id": SAMPLE_DATASET}),
        ("listKnowledge", "GET", f"/v1/datasets?space_id={SAMPLE_SPACE}", None),
        (
            "readDocumentProgress",
            "POST",
            f"/v1/datasets/{SAMPLE_DATASET}/process",
            {"document_ids": [sample_document_id(0)]},
        ),
    ],
)
def test_each_call_needs_its_own_scope(bench: Bench, scope: str, method: str, path: str, body: object) -> None:
    every = {"updatePhoto", "updateDocument", "listPhoto", "listDocument", "listKnowledge", "readDocumentProgress"}

    def code_with(scopes: set[str]) -> tuple[int, int]:
        bench.emulator.world.credentials = Credentials((Token("t", SAMPLE_TOKEN, frozenset(scopes)),))
        got = bench.coze(method, path, body)
        return got.status, got.code

    assert code_with({scope}) == (200, 0)
    assert code_with(every - {scope}) == (403, 4101)


@pytest.mark.parametrize("query", ["page_num=0", "page_num=x", "page_num=-1", "page_size=0", "page_size=300"])
def test_pages_out_of_range_are_refused(bench: Bench, query: str) -> None:
    got = bench.coze("GET", f"{IMAGES}?{query}")

    assert (got.status, got.code) == (400, 4000)


def test_a_page_has_ten_items_unless_told(bench: Bench) -> None:
    images = bench.coze("GET", IMAGES).json["data"]
    documents = bench.coze("POST", LIST, {"dataset_id": SAMPLE_DATASET}).json

    assert (len(images["photo_infos"]), images["total_count"]) == (10, 650)
    assert (len(documents["document_infos"]), documents["total"]) == (10, 230)


def test_pages_beyond_the_end_are_empty(bench: Bench) -> None:
    data = bench.coze("GET", f"{IMAGES}?page_num=100&page_size=299").json["data"]

    assert data == {"photo_infos": [], "total_count": 650}


def ids_of_page(bench: Bench, page: int) -> list[str]:
    got = bench.coze("POST", LIST, {"dataset_id": SAMPLE_DATASET, "page": page, "size": 100})
    return [info["document_id"] for info in got.json["document_infos"]]


def test_document_pages_count_from_one_by_default(bench: Bench) -> None:
    # The vendor's example asks for page 0.
    assert ids_of_page(bench, 0) == ids_of_page(bench, 1)
    assert not set(ids_of_page(bench, 1)) & set(ids_of_page(bench, 2))


def test_document_pages_can_count_from_zero(bench: Bench) -> None:
    bench.emulator.site.behaviour = Behaviour(page_base=0)

    pages = [ids_of_page(bench, page) for page in range(4)]

    assert [len(page) for page in pages] == [100, 100, 30, 0]
    assert ids_of_page(bench, 1) != pages[0]


def test_a_write_while_listing_shifts_the_pages(bench: Bench) -> None:
    first = bench.coze("GET", f"{IMAGES}?page_num=1&page_size=299").json["data"]["photo_infos"]

    bench.caption(0)
    second = bench.coze("GET", f"{IMAGES}?page_num=2&page_size=299").json["data"]["photo_infos"]

    assert first[-1]["document_id"] == second[0]["document_id"]


def test_others_can_touch_items_while_a_list_is_read(bench: Bench) -> None:
    bench.emulator.site.behaviour = Behaviour(list_churn=5)

    seen = [
        info["document_id"]
        for page in (1, 2, 3)
        for info in bench.coze("GET", f"{IMAGES}?page_num={page}&page_size=299").json["data"]["photo_infos"]
    ]

    assert len(seen) == 650
    assert len(set(seen)) == 640


def test_a_stable_order_is_not_shifted(bench: Bench) -> None:
    bench.emulator.site.behaviour = Behaviour(recent_first=False)

    bench.caption(600)
    got = bench.coze("GET", f"{IMAGES}?page_size=2").json["data"]["photo_infos"]

    assert [info["document_id"] for info in got] == [sample_image_id(0), sample_image_id(1)]


def test_images_can_be_asked_for_by_caption(bench: Bench) -> None:
    bench.caption(7, "独一无二")
    bench.caption(8, "")

    by_keyword = bench.coze("GET", f"{IMAGES}?keyword=%E7%8B%AC%E4%B8%80").json["data"]
    without = bench.coze("GET", f"{IMAGES}?has_caption=false").json["data"]
    with_one = bench.coze("GET", f"{IMAGES}?has_caption=true").json["data"]

    assert [info["document_id"] for info in by_keyword["photo_infos"]] == [sample_image_id(7)]
    assert [info["document_id"] for info in without["photo_infos"]] == [sample_image_id(8)]
    assert with_one["total_count"] == 649


def test_datasets_are_those_of_the_space(bench: Bench) -> None:
    assert bench.coze("GET", "/v1/datasets").code == 4000
    assert bench.coze("GET", "/v1/datasets?space_id=1").json["data"] == {"total_count": 0, "dataset_list": []}
    assert bench.coze("GET", f"/v1/datasets?space_id={SAMPLE_SPACE}&name=x").json["data"]["total_count"] == 0


def test_a_written_item_shows_as_processing_for_a_while(bench: Bench) -> None:
    bench.emulator.site.behaviour = Behaviour(processing_s=0.3)

    def status() -> int:
        return int(bench.coze("GET", f"{IMAGES}?page_size=1").json["data"]["photo_infos"][0]["status"])

    bench.caption(0)
    assert status() == 0
    eventually(lambda: status() == 1)


@pytest.mark.parametrize(
    ("how", "stored"), [("trim", "a&b"), ("html", " a&amp;b "), ("none", " a&b ")], ids=["trim", "html", "none"]
)
def test_texts_can_be_normalised(bench: Bench, how: str, stored: str) -> None:
    bench.control("PATCH", "behaviour", {"normalise": how})

    bench.caption(0, " a&b ")

    assert bench.stored_caption(0) == stored


def test_a_field_can_be_accepted_and_ignored(bench: Bench) -> None:
    bench.control("PATCH", "behaviour", {"ignored_fields": ["update_rule", "caption"]})
    before = bench.stored_caption(0), document(bench, 1).update_interval_h

    codes = bench.caption(0, "x").code, update(bench, 1, document_name="n", update_rule={"update_interval": 48}).code

    assert codes == (0, 0)
    assert (bench.stored_caption(0), document(bench, 1).update_interval_h) == before
    assert document(bench, 1).name == "n"


def test_failures_can_come_in_a_200(bench: Bench) -> None:
    bench.emulator.site.behaviour = Behaviour(errors_in_200=True)

    bad, missing = update(bench, 0, update_rule=1), bench.coze("PUT", f"{IMAGES}/1", {"caption": "x"})

    assert (bad.status, bad.code) == (200, 4000)
    assert (missing.status, missing.code) == (200, 4200)


def test_the_deprecated_document_info_can_be_sent(bench: Bench) -> None:
    bench.emulator.site.behaviour = Behaviour(document_info=True)

    assert update(bench, 0, document_name="n").json["document_info"]["document_id"] == sample_document_id(0)


def test_unknown_paths_and_methods_are_refused(bench: Bench) -> None:
    assert bench.coze("GET", "/v1/nothing").status == 404
    assert bench.coze("DELETE", IMAGES).status == 405
    assert bench.coze("GET", UPDATE).status == 405


def test_a_chunked_body_is_read(bench: Bench) -> None:
    body = orjson.dumps({"caption": "小狗"})
    head = [f"PUT {IMAGES}/{sample_image_id(0)} HTTP/1.1", "Host: x", "Transfer-Encoding: chunked", "Connection: close"]
    head += [f"{name}: {value}" for name, value in COZE.items()]
    chunks = b"".join(b"%x;note\r\n%b\r\n" % (1, body[at : at + 1]) for at in range(len(body)))

    raw = bench.raw("\r\n".join([*head, "", ""]).encode() + chunks + b"0\r\nX-Trailer: 1\r\n\r\n")

    assert raw.ending == "closed"
    assert bench.stored_caption(0) == "小狗"


def test_pipelined_requests_are_answered_in_order(bench: Bench) -> None:
    def request(page: int) -> bytes:
        head = [f"GET {IMAGES}?page_size=1&page_num={page} HTTP/1.1", "Host: x"]
        return "\r\n".join([*head, *(f"{name}: {value}" for name, value in COZE.items()), "", ""]).encode()

    raw = bench.raw(b"".join(map(request, range(1, 6))))

    places = [raw.data.index(sample_image_id(650 - page).encode()) for page in range(1, 6)]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nnocolon\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000, 431),
    ],
)
def test_what_is_no_http_is_refused_and_closed(bench: Bench, data: bytes, status: int) -> None:
    raw = bench.raw(data)

    assert raw.data.startswith(b"HTTP/1.1 %d " % status)
    assert raw.ending in {"closed", "reset"}
