import json

import pytest

from kbsync.core.fields import MetaValue
from kbsync.core.wire import Answer, Hints, Live, Page, Refused, Response, Verdict
from kbsync.providers.volcengine.wire import ApiKey, VolcengineCodec

CODEC = VolcengineCodec(ApiKey("EXAMPLE"), "x.volces.com", "cn-beijing")


def pages(entries: object, cursor: str = "", total: object = 1) -> Page | Verdict:
    data = {"collection_name": "kb", "doc_list": entries, "total_num": total}
    body = json.dumps({"code": 0, "message": "success", "request_id": "R", "data": data}).encode()
    return CODEC.decode_list("document", cursor, Response(200, {}, body))


def live(**entry: object) -> Live:
    """Return what an entry tells of the fields and the state of a document."""
    page = pages([{"doc_id": "d", "doc_name": "a.pdf", **entry}])
    assert isinstance(page, Page)
    assert not page.flaw
    return page.items["d"]._replace(hints=Hints())


def field(name: object, type_: object, value: object) -> dict[str, object]:
    return {"field_name": name, "field_type": type_, "field_value": value}


def test_a_document_tells_its_name_and_its_meta_fields() -> None:
    meta = [field("行业", "string", "企业服务"), field("score", "float32", 0.10000000149011612)]

    assert live(meta=json.dumps(meta)) == Live(
        {"name": "a.pdf", "meta.行业": MetaValue("string", "企业服务"), "meta.score": MetaValue("float32", 0.1)}
    )
    assert live(meta="[]") == live(meta="") == Live({"name": "a.pdf"})


@pytest.mark.parametrize("meta", [None, [], {}, 5, "{}", "[{", '[{"a":1,"a":2}]', "[1]x"])
def test_meta_that_cannot_be_read_is_unknown_and_not_absent(meta: object) -> None:
    told = live(meta=meta)

    assert told == Live({"name": "a.pdf"}, frozenset({"meta"}))
    assert not told.tells("meta.a")
    assert told.tells("name")


def test_documents_may_be_listed_without_meta() -> None:
    assert live() == Live({"name": "a.pdf"}, frozenset({"meta"}))


def test_a_meta_field_of_no_known_form_is_unknown_and_the_others_are_not() -> None:
    meta = [
        field("a", "string", "x"),
        field("b", "new", {"y": 1}),
        field("c", "string", 5),
        field("d", "string", "\x1b"),
    ]

    told = live(meta=json.dumps(meta))

    assert told == Live(
        {"name": "a.pdf", "meta.a": MetaValue("string", "x")}, frozenset({"meta.b", "meta.c", "meta.d"})
    )
    assert told.tells("meta.a")
    assert told.tells("meta.other")
    assert not told.tells("meta.b")


def test_of_a_field_that_stands_twice_the_first_counts() -> None:
    twice = [field("a", "string", "x"), field("a", "string", "y"), field("b", "new", 1), field("b", "int64", 1)]

    told = live(meta=json.dumps(twice))

    assert told.fields == {"name": "a.pdf", "meta.a": MetaValue("string", "x")}
    assert told.untold == {"meta.b"}


def test_names_that_nothing_can_hold_are_left_alone() -> None:
    meta = [field("\ud800", "string", "x"), field("", "string", "x"), field(5, "string", "x"), {"other": 1}, 5]

    assert live(meta=json.dumps(meta)) == Live({"name": "a.pdf"})
    assert live(doc_name="\ud800", meta="[]") == Live({}, frozenset({"name"}))


@pytest.mark.parametrize(
    ("status", "pending"), [(0, False), (1, False), (2, True), (3, True), (5, True), (6, True), (99, False)]
)
def test_documents_that_are_still_processed_are_told(status: int, pending: bool) -> None:  # noqa: FBT001
    assert live(meta="[]", status={"process_status": status}).pending == pending


def test_an_entry_tells_of_the_file_behind_it() -> None:
    page = pages(
        [{"doc_id": "a", "doc_name": "a.pdf", "doc_size": 20_000, "doc_type": "pdf"}, {"doc_id": "b"}], total=2
    )

    assert isinstance(page, Page)
    assert page.items["a"].hints == Hints("a.pdf", 20_000, "pdf")
    assert page.items["b"].hints == Hints()


def test_the_next_page_begins_behind_what_came() -> None:
    full, cut = (
        pages([{"doc_id": f"d{n}"} for n in range(100)], "200"),
        pages([{"doc_id": "a"}, {"doc_id": "b"}], "200"),
    )

    assert isinstance(full, Page)
    assert isinstance(cut, Page)
    assert (full.next, full.short) == ("300", False)
    assert (cut.next, cut.short) == ("202", True)


def test_an_id_that_no_manifest_could_name_is_an_item_all_the_same() -> None:
    page = pages([{"doc_id": "年报 1/2"}, {"doc_id": "a" * 500}], total=2)

    assert isinstance(page, Page)
    assert page.items.keys() == {"年报 1/2", "a" * 500}
    assert not page.flaw


def test_a_list_is_refused_for_its_collection() -> None:
    for code, reason in ((1000005, "not_found"), (1000002, "forbidden"), (1000003, "invalid")):
        response = Response(400, {}, json.dumps({"code": code, "message": "m", "request_id": "R"}).encode())

        assert CODEC.decode_list("document", "", response) == Refused("container", reason, Answer(400, code, "m", "R"))
