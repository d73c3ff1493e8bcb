import json
from pathlib import Path
from typing import Any

import pytest

from kbsync.core.fields import MetaValue
from kbsync.core.items import Item
from kbsync.core.wire import (
    Accepted,
    Answer,
    ReadResult,
    Refused,
    Response,
    Throttled,
    Transient,
    Unauthorised,
    Verdict,
)
from kbsync.errors import CredentialsError
from kbsync.providers import PROVIDERS
from kbsync.providers.volcengine.codes import CODES
from kbsync.providers.volcengine.sign import AccessKey
from kbsync.providers.volcengine.wire import ApiKey, VolcengineCodec
from tests.providers.golden import cases, encode

HOST = "api-knowledgebase.mlp.cn-beijing.volces.com"
CODEC = VolcengineCodec(AccessKey("AKLTEXAMPLE", "EXAMPLE"), HOST, "cn-beijing")
KEY_CODEC = VolcengineCodec(ApiKey("EXAMPLE"), HOST, "cn-beijing")
META = "volcengine.document.meta"
NAME = "volcengine.document.name"
DATE = "Wed, 21 Oct 2026 07:28:00 GMT"
DATE_S = 1_792_567_680.0


def doc(id_: str = "test123") -> Item:
    return Item("t", "default/kb", "document", id_)


def told(code: object, status: int = 200, **headers: str) -> Verdict:
    body = json.dumps({"code": code, "message": "m", "request_id": "R"}).encode()
    return CODEC.decode(Response(status, headers, body))


def read(items: list[Item], data: object, operation: str = META) -> ReadResult | Verdict:
    body = json.dumps({"code": 0, "message": "success", "request_id": "R", "data": data}).encode()
    return CODEC.decode_read(operation, items, Response(200, {}, body))


# ----------------------------------------------------------------------------------------------------------- requests
@pytest.mark.parametrize(("name", "case"), cases(Path(__file__).parent / "golden"))
def test_requests_are_those_of_the_golden_files(name: str, case: Any) -> None:
    request = encode(CODEC, case)

    assert {
        "method": request.method,
        "path": request.path,
        "headers": request.headers,
        "body": request.body.decode(),
    } == case["request"]


def test_a_meta_update_is_not_made_without_the_live_list() -> None:
    for live in (None, {}, {"meta.a": MetaValue("string", "x")}, ()):
        with pytest.raises(ValueError, match="live list"):
            CODEC.encode(META, doc(), {"meta.a": MetaValue("string", "x")}, live)


def test_only_the_declared_fields_are_sent_if_the_target_says_so() -> None:
    codec = VolcengineCodec(AccessKey("a", "b"), HOST, "r", overlay_meta=False)
    body = json.loads(codec.encode(META, doc(), {"meta.a": MetaValue("bool", value=True)}, None).body)

    assert not codec.operations[META].overlays
    assert body["meta"] == [{"field_name": "a", "field_type": "bool", "field_value": True}]


def test_several_documents_are_read_by_one_list_request() -> None:
    request = CODEC.encode_read(META, [doc(f"d{n}") for n in range(100)])

    assert request.path == "/api/knowledge/doc/list"
    assert json.loads(request.body) == {
        "project": "default",
        "collection_name": "kb",
        "filter": {"doc_id_list": [f"d{n}" for n in range(100)]},
        "offset": 0,
        "limit": 100,
    }


def test_one_document_is_read_by_its_own_request() -> None:
    request = CODEC.encode_read(META, [doc()._replace(container="kb-1")])

    assert request.path == "/api/knowledge/doc/info"
    assert json.loads(request.body) == {"resource_id": "kb-1", "doc_id": "test123"}


def test_an_api_key_is_a_bearer_token_without_a_signature() -> None:
    request = KEY_CODEC.authorise(KEY_CODEC.encode(NAME, doc(), {"name": "a"}, None), 0)

    assert request.headers["Authorization"] == "Bearer EXAMPLE"
    assert not any(name.startswith("X-") for name in request.headers)


@pytest.mark.parametrize(
    ("base_url", "host"),
    [
        ("https://api-knowledgebase.mlp.cn-beijing.volces.com", "api-knowledgebase.mlp.cn-beijing.volces.com"),
        ("https://API-knowledgebase.mlp.cn-beijing.volces.com:443/", "api-knowledgebase.mlp.cn-beijing.volces.com"),
        ("https://x.volces.com:8443", "x.volces.com:8443"),
        ("http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("http://localhost:80", "localhost"),
        ("http://[::1]:8080", "[::1]:8080"),
    ],
)
def test_the_signed_host_is_the_one_that_goes_on_the_wire(base_url: str, host: str) -> None:
    provider = PROVIDERS["volcengine"]
    settings = provider.settings.model_validate({"provider": "volcengine", "base_url": base_url, "api_key": "env:K"})

    request = provider.codec(settings, {"api_key": "k"}).encode(NAME, doc(), {"name": "a"}, None)

    assert request.headers["Host"] == host


# -------------------------------------------------------------------------------------------------- answers to writes
def test_the_documented_answer_is_accepted() -> None:
    body = b'{"code":0,"message":"success","request_id":"021695029537650fd001de666660000000000000000000230da93"}'

    assert CODEC.decode(Response(200, {}, body)) == Accepted(
        Answer(200, 0, "success", "021695029537650fd001de666660000000000000000000230da93")
    )


def test_an_error_code_with_status_200_is_no_success() -> None:
    assert told(1000003) == Refused("item", "invalid", Answer(200, 1000003, "m", "R"))
    assert told(200) == Refused("item", "rejected", Answer(200, 200, "m", "R"))


@pytest.mark.parametrize(
    ("code", "status", "scope", "reason"),
    [
        (1000002, 403, "item", "forbidden"),
        (1000003, 400, "item", "invalid"),
        (1000005, 400, "container", "not_found"),
        (1000011, 400, "item", "not_found"),
        (1001001, 400, "item", "not_found"),
        (1000024, 400, "item", "unsupported"),
        (1000033, 400, "target", "quota"),
        (1000010, 400, "item", "rejected"),
        (100013, 403, "item", "forbidden"),
        (7777777, 400, "item", "invalid"),
        (7777777, 200, "item", "rejected"),
    ],
)
def test_a_refusal_is_about_an_item_a_container_or_the_target(code: int, status: int, scope: str, reason: str) -> None:
    assert told(code, status) == Refused(scope, reason, Answer(status, code, "m", "R"))


@pytest.mark.parametrize("code", [1000010, 1000013, 1000014, 1000020, 1000021, 1000022, 1000025, 1000026, 1000028])
def test_passing_faults_are_tried_again_when_the_status_says_so(code: int) -> None:
    verdict = told(code, 500)

    assert isinstance(verdict, Transient)
    assert verdict.doubt


@pytest.mark.parametrize("status", [200, 400, 429, 500])
def test_the_rate_code_slows_down(status: int) -> None:
    assert told(1000029, status, **{"retry-after": "3"}) == Throttled(Answer(status, 1000029, "m", "R"), 3.0)


@pytest.mark.parametrize(("code", "status"), [(100006, 400), (1000001, 401), (100010, 401), (5, 401), (1000001, 200)])
def test_a_refused_signature_comes_with_the_servers_clock(code: int, status: int) -> None:
    assert told(code, status, date=DATE) == Unauthorised(Answer(status, code, "m", "R"), DATE_S)
    assert told(code, status) == Unauthorised(Answer(status, code, "m", "R"), None)
    assert told(code, status, date="Thu, 01 Jan 1970 00:00:00 GMT") == Unauthorised(
        Answer(status, code, "m", "R"), None
    )


def test_an_api_key_has_no_clock_to_correct() -> None:
    response = Response(401, {"date": DATE}, b'{"code":1000001,"message":"m","request_id":"R"}')

    assert KEY_CODEC.decode(response) == Unauthorised(Answer(401, 1000001, "m", "R"), None)


def test_the_gateways_own_envelope_is_understood() -> None:
    body = {
        "ResponseMetadata": {
            "RequestId": "2026R",
            "Error": {"CodeN": 100006, "Code": "InvalidTimestamp", "Message": "expired"},
        }
    }

    verdict = CODEC.decode(Response(400, {"date": DATE}, json.dumps(body).encode()))

    assert verdict == Unauthorised(Answer(400, 100006, "expired", "2026R"), DATE_S)


def test_a_gateway_error_beside_code_zero_is_no_success() -> None:
    body = {"code": 0, "ResponseMetadata": {"Error": {"Code": "Whatever", "Message": "no"}}}

    verdict = CODEC.decode(Response(200, {}, json.dumps(body).encode()))

    assert verdict == Transient("unclear", Answer(200, "Whatever", "no"), doubt=True)


def test_no_code_of_the_table_is_success() -> None:
    assert 0 not in CODES
    assert not any(isinstance(told(code), Accepted) for code in CODES)


# --------------------------------------------------------------------------------------------------- answers to reads
def entry(id_: str, **more: object) -> dict[str, object]:
    return {"doc_id": id_, "doc_name": f"{id_}.pdf", **more}


ONE_FIELD = '[{"field_name":"a","field_type":"string","field_value":"x"}]'


def test_only_documents_whose_entry_holds_meta_are_proved() -> None:
    listed = [
        entry("d1", meta=ONE_FIELD),
        entry("d2"),
        entry("d3", meta=None),
        entry("d4", meta=[]),
        entry("d5", meta="[{"),
        entry("d6", meta="[]"),
        entry("d6", meta="[]"),
        entry("d7", meta=""),
        entry("stranger", meta="[]"),
        "x",
        None,
    ]

    result = read([doc(f"d{n}") for n in range(9)], {"doc_list": listed, "total_num": 1})

    assert isinstance(result, ReadResult)
    assert result.fields == {doc("d1"): {"meta.a": MetaValue("string", "x")}, doc("d7"): {}}
    assert result.missing == frozenset()


@pytest.mark.parametrize("data", [None, {}, {"doc_list": None}, {"doc_list": []}, {"doc_list": {}}])
def test_a_list_may_be_absent(data: object) -> None:
    assert read([doc("a"), doc("b")], data) == ReadResult(Answer(200, 0, "success", "R"), {})


@pytest.mark.parametrize("data", [[], "x", 5])
def test_an_answer_that_is_no_list_at_all_is_unclear(data: object) -> None:
    verdict = read([doc("a"), doc("b")], data)

    assert isinstance(verdict, Transient)
    assert verdict.reason == "unclear"


def test_one_document_is_proved_by_its_own_record() -> None:
    result = read([doc("d1")], entry("d1", meta=ONE_FIELD))

    assert isinstance(result, ReadResult)
    assert result.fields == {doc("d1"): {"meta.a": MetaValue("string", "x")}}
    assert result.live.keys() == {doc("d1")}


@pytest.mark.parametrize("status", [2, 3, 5, 6])
def test_a_read_tells_which_documents_are_still_processed(status: int) -> None:
    busy = entry("d1", meta="[]", status={"process_status": status})
    done = entry("d2", meta="[]", status={"process_status": 0})

    bulk, one = read([doc("d1"), doc("d2")], {"doc_list": [busy, done]}), read([doc("d1")], busy)

    assert isinstance(bulk, ReadResult)
    assert isinstance(one, ReadResult)
    assert bulk.pending == one.pending == {doc("d1")}
    assert (bulk.told(doc("d1")).pending, bulk.told(doc("d2")).pending) == (True, False)


def test_a_read_tells_which_fields_it_cannot_say() -> None:
    meta = '[{"field_name":"a","field_type":"odd","field_value":1}]'

    result = read([doc("d1")], entry("d1", meta=meta))

    assert isinstance(result, ReadResult)
    assert not result.told(doc("d1")).tells("meta.a")
    assert result.told(doc("d1")).tells("meta.b")


@pytest.mark.parametrize("data", [None, {}, [], entry("other", meta="[]"), {"meta": "[]"}])
def test_another_documents_record_is_never_taken(data: object) -> None:
    verdict = read([doc("d1")], data)

    assert isinstance(verdict, Transient)
    assert verdict.reason == "unclear"


@pytest.mark.parametrize("meta", [{}, {"meta": None}, {"meta": []}, {"meta": "{}"}, {"meta": '[{"a":1,"a":2}]'}])
def test_a_document_whose_meta_cannot_be_read_is_not_written_over(meta: dict[str, object]) -> None:
    verdict = read([doc("d1")], entry("d1", **meta))

    assert isinstance(verdict, Refused)
    assert (verdict.scope, verdict.reason) == ("item", "unreadable")


@pytest.mark.parametrize("code", [1001001, 1000011])
def test_a_document_that_does_not_exist_is_missing(code: int) -> None:
    body = json.dumps({"code": code, "message": "doc not exist", "request_id": "R"}).encode()

    result = CODEC.decode_read(META, [doc()], Response(400, {}, body))

    assert result == ReadResult(Answer(400, code, "doc not exist", "R"), {}, frozenset({doc()}))


@pytest.mark.parametrize("status", [401, 409, 429, 500, 503])
def test_a_document_is_not_missing_where_the_status_tells_of_something_else(status: int) -> None:
    body = b'{"code":1001001,"message":"doc not exist","request_id":"R"}'

    assert not isinstance(CODEC.decode_read(META, [doc()], Response(status, {}, body)), ReadResult)


def test_a_missing_address_is_no_missing_document() -> None:
    verdict = CODEC.decode_read(META, [doc()], Response(404, {"content-type": "text/html"}, b"<html>"))

    assert verdict == Refused("item", "not_found", Answer(404, None, "the answer is text/html"))


def test_what_refuses_a_batch_is_found_out_one_by_one() -> None:
    body = b'{"code":1000003,"message":"bad filter","request_id":"R"}'

    result = CODEC.decode_read(META, [doc("a"), doc("b")], Response(400, {}, body))

    assert result == Refused("item", "invalid", Answer(400, 1000003, "bad filter", "R"))


@pytest.mark.parametrize(
    "response",
    [
        Response(403, {"content-type": "text/html"}, b"<html>"),
        Response(403, {}, b'{"code":1000002,"message":"no permission","request_id":"R"}'),
        Response(200, {}, b'{"ResponseMetadata":{"Error":{"CodeN":100013,"Message":"not allowed"}}}'),
    ],
)
@pytest.mark.parametrize("items", [[doc("a")], [doc("a"), doc("b")]])
def test_a_read_that_is_forbidden_says_so(response: Response, items: list[Item]) -> None:
    verdict = CODEC.decode_read(META, items, response)

    assert isinstance(verdict, Refused)
    assert (verdict.scope, verdict.reason) == ("item", "forbidden")


@pytest.mark.parametrize("items", [[doc("a")], [doc("a"), doc("b")]])
def test_a_read_that_fails_as_a_whole_is_its_verdict(items: list[Item]) -> None:
    answers = {
        b'{"code":1000005}': Refused,
        b'{"code":1000029}': Throttled,
        b'{"code":1000001}': Unauthorised,
        b"<html>": Transient,
    }

    for body, kind in answers.items():
        assert isinstance(CODEC.decode_read(META, items, Response(200, {}, body)), kind)


def test_a_field_that_stands_twice_counts_as_its_first() -> None:
    twice = [{"field_name": "a", "field_type": "string", "field_value": text} for text in ("x", "y")]

    result = read([doc("d1")], entry("d1", meta=json.dumps(twice)))

    assert isinstance(result, ReadResult)
    assert result.fields == {doc("d1"): {"meta.a": MetaValue("string", "x")}}


def test_names_can_be_read_too() -> None:
    result = read([doc("a"), doc("b")], {"doc_list": [entry("a"), {"doc_id": "b"}]}, NAME)

    assert isinstance(result, ReadResult)
    assert result.fields == {doc("a"): {"name": "a.pdf"}}


# ----------------------------------------------------------------------------------------------------------- settings
BASE = {"provider": "volcengine", "base_url": f"https://{HOST}"}


@pytest.mark.parametrize(
    "table",
    [
        {},
        {"access_key_id": "env:A"},
        {"secret_access_key": "env:B"},
        {"session_token": "env:C"},
        {"api_key": "env:K", "access_key_id": "env:A", "secret_access_key": "env:B"},
        {"api_key": "env:K", "session_token": "env:C"},
        {"api_key": "k"},
        {"api_key": "env:K", "region": "CN"},
        {"api_key": "env:K", "meta_write": "merge"},
        {"api_key": "env:K", "unknown": 1},
    ],
)
def test_there_is_exactly_one_way_to_authenticate(table: dict[str, object]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        PROVIDERS["volcengine"].settings.model_validate({**BASE, **table})


def test_the_defaults_are_safe() -> None:
    settings: Any = PROVIDERS["volcengine"].settings.model_validate({**BASE, "api_key": "env:K"})

    assert (settings.region, settings.meta_write, settings.rate, settings.strict_field_names) == (
        "cn-beijing",
        "overlay",
        10,
        False,
    )


@pytest.mark.parametrize(
    ("secrets", "message"),
    [
        ({"access_key_id": "canary", "secret_access_key": "AKLTcanary"}, "access_key_id and secret_access_key look"),
        ({"access_key_id": "AKLTcanary", "secret_access_key": "canary\n"}, "secret_access_key has a trailing newline"),
        ({"api_key": "Bearer canary"}, "api_key begins with the word Bearer"),
    ],
)
def test_secrets_that_cannot_be_right_are_refused_without_being_shown(secrets: dict[str, str], message: str) -> None:
    provider = PROVIDERS["volcengine"]
    settings = provider.settings.model_validate({**BASE, **dict.fromkeys(secrets, "env:X")})

    with pytest.raises(CredentialsError) as raised:
        provider.codec(settings, secrets)

    assert str(raised.value).startswith(message)
    assert "canary" not in str(raised.value)
