import json
import warnings
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.core.fields import UpdateRule
from kbsync.core.items import Item
from kbsync.core.wire import (
    Accepted,
    Answer,
    Refused,
    Request,
    Response,
    Throttled,
    Transient,
    Unauthorised,
    Verdict,
)
from kbsync.errors import CredentialsError
from kbsync.providers import PROVIDERS
from kbsync.providers.coze.codes import CODES
from kbsync.providers.coze.wire import CozeCodec
from tests.providers.golden import cases, encode

CODEC = CozeCodec("pat_example")
IMAGE = Item("t", "744632974166804001", "image", "744667080521909001")
PAGE = Item("t", "744632974166804001", "document", "738694205603010001")


def vendors_client() -> Any:
    with warnings.catch_warnings(record=True):  # one of its dependencies insists on being heard
        return pytest.importorskip("cozepy")


def told(code: object, msg: str = "", status: int = 200) -> Verdict:
    return CODEC.decode(Response(status, {}, json.dumps({"code": code, "msg": msg}).encode()))


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


@given(st.fixed_dictionaries({}, optional={"name": st.text(), "update_rule": st.integers(0, 1).map(UpdateRule)}))
def test_a_document_update_holds_the_declared_fields_and_nothing_else(desired: dict[str, Any]) -> None:
    if not desired or any(0xD800 <= ord(c) <= 0xDFFF for c in desired.get("name", "")):
        return

    body = json.loads(CODEC.encode("coze.document.update", PAGE, desired, None).body)

    names = {"name": "document_name", "update_rule": "update_rule"}
    assert body.keys() == {"document_id"} | {names[name] for name in desired}
    assert body["document_id"] == PAGE.id
    assert body.get("document_name") == desired.get("name")


def test_the_token_is_a_bearer_token() -> None:
    request = CODEC.authorise(Request("PUT", "/", {"Accept": "x"}), 0)

    assert request.headers == {"Accept": "x", "Authorization": "Bearer pat_example"}


def test_the_vendors_own_client_sends_the_same_caption_update() -> None:
    cozepy = vendors_client()
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"code": 0, "msg": ""})

    client = cozepy.SyncHTTPClient(transport=httpx.MockTransport(answer))
    coze = cozepy.Coze(auth=cozepy.TokenAuth("pat_example"), base_url="https://api.coze.cn", http_client=client)
    coze.datasets.images.update(dataset_id=IMAGE.container, document_id=IMAGE.id, caption="小猫")
    ours = CODEC.authorise(CODEC.encode("coze.image.caption", IMAGE, {"caption": "小猫"}, None), 0)

    (theirs,) = seen
    assert (theirs.method, theirs.url.raw_path.decode()) == (ours.method, ours.path)
    assert json.loads(theirs.content) == json.loads(ours.body)
    assert theirs.headers["authorization"] == ours.headers["Authorization"]
    assert theirs.headers["content-type"] == ours.headers["Content-Type"]


def test_the_vendors_own_client_sends_the_same_rename_but_for_its_nulls() -> None:
    cozepy = vendors_client()
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"code": 0, "msg": ""})

    client = cozepy.SyncHTTPClient(transport=httpx.MockTransport(answer))
    coze = cozepy.Coze(auth=cozepy.TokenAuth("pat_example"), base_url="https://api.coze.cn", http_client=client)
    coze.datasets.documents.update(document_id=PAGE.id, document_name="cozeoverview")
    ours = CODEC.encode("coze.document.update", PAGE, {"name": "cozeoverview"}, None)

    (theirs,) = seen
    assert (theirs.method, theirs.url.raw_path.decode()) == (ours.method, ours.path)
    assert theirs.headers["agw-js-conv"] == ours.headers["Agw-Js-Conv"]
    assert {k: v for k, v in json.loads(theirs.content).items() if v is not None} == json.loads(ours.body)


def test_no_read_is_offered() -> None:
    assert not any(operation.overlays for operation in CODEC.operations.values())
    with pytest.raises(ValueError, match="reads nothing"):
        CODEC.encode_read("coze.image.caption", [IMAGE])


# ------------------------------------------------------------------------------------------------------------ answers
def test_the_documented_answers_are_accepted() -> None:
    caption = b'{"msg": "", "detail": {"logid": "202412101551329A18A4BFB"}, "code": 0}'
    update = b'{"code": 0, "msg": "", "document_info": {}, "detail": {"logid": "20241210152726467C48D89D6DB2"}}'

    assert CODEC.decode(Response(200, {}, caption)) == Accepted(Answer(200, 0, "", "202412101551329A18A4BFB"))
    assert CODEC.decode(Response(200, {}, update)) == Accepted(Answer(200, 0, "", "20241210152726467C48D89D6DB2"))


@pytest.mark.parametrize("header", ["x-tt-logid", "x-log-id"])
def test_the_log_id_comes_from_a_header_or_the_body(header: str) -> None:
    body = b'{"code":4000,"msg":"m","detail":{"logid":"frombody"}}'

    assert CODEC.decode(Response(200, {header: "fromheader"}, body)).answer.log_id == "fromheader"
    assert CODEC.decode(Response(200, {header: "a b\r\n"}, body)).answer.log_id == "frombody"
    assert CODEC.decode(Response(200, {header: "fromheader"}, b"<html>")).answer.log_id == "fromheader"


@pytest.mark.parametrize("code", [4100, 700012006])
@pytest.mark.parametrize("status", [200, 401])
def test_a_bad_token_stops_the_target(code: int, status: int) -> None:
    assert told(code, "x", status) == Unauthorised(Answer(status, code, "x"))


@pytest.mark.parametrize("code", [4008, 4011, 4019, 4022, 4027, 4028, 702082020, 702095072])
@pytest.mark.parametrize("status", [200, 400, 403, 429])
def test_no_money_or_calls_left_stops_the_target(code: int, status: int) -> None:
    assert told(code, status=status) == Refused("target", "quota", Answer(status, code))


@pytest.mark.parametrize("code", [4009, 4013, 4020, 702112103])
@pytest.mark.parametrize("status", [200, 400, 429])
def test_rate_codes_slow_down(code: int, status: int) -> None:
    assert isinstance(told(code, status=status), Throttled)


@pytest.mark.parametrize("code", [5000, 720701013, 702112101, 105000003, 105000004, 105000009, 105000036])
def test_the_servers_own_errors_are_tried_again_and_leave_doubt(code: int) -> None:
    verdict = told(code)

    assert isinstance(verdict, Transient)
    assert verdict.doubt


@pytest.mark.parametrize("code", [4016, 4102, 105000018])
def test_what_the_server_turned_away_for_now_leaves_no_doubt(code: int) -> None:
    verdict = told(code)

    assert isinstance(verdict, Transient)
    assert not verdict.doubt


@pytest.mark.parametrize(("code", "reason"), [(4101, "forbidden"), (4200, "not_found"), (4000, "invalid")])
def test_what_is_wrong_with_an_item_is_about_the_item(code: int, reason: str) -> None:
    assert told(code) == Refused("item", reason, Answer(200, code))


def test_a_missing_dataset_cannot_be_told_from_a_missing_image() -> None:
    assert told(105000011) == Refused("item", "not_found", Answer(200, 105000011))


@pytest.mark.parametrize("text", ["MySQL operation failed: Error 1406 (22001): Data too long for column", "1406"])
def test_too_long_a_name_is_no_passing_database_error(text: str) -> None:
    assert told(105000003, text) == Refused("item", "too_large", Answer(200, 105000003, text))
    assert isinstance(told(105000003, "deadlock, id 114065"), Transient)


def test_a_server_without_the_caption_endpoint_does_not_call_the_token_bad() -> None:
    verdict = told(401, "missing session_key in cookie", 401)

    assert verdict == Refused("item", "unsupported", Answer(401, 401, "missing session_key in cookie"))


def test_a_code_as_text_means_the_same() -> None:
    assert told("4100") == Unauthorised(Answer(200, "4100"))
    assert told("4200") == Refused("item", "not_found", Answer(200, "4200"))
    assert told("0") == Transient("unclear", Answer(200, "0"), doubt=True)


def test_an_unknown_code_fails_the_item_with_all_there_is_to_know() -> None:
    body = b'{"code":708123456,"msg":"what","detail":{"logid":"L1"}}'

    assert CODEC.decode(Response(200, {}, body)) == Refused("item", "rejected", Answer(200, 708123456, "what", "L1"))


def test_no_code_of_the_table_is_success() -> None:
    assert 0 not in CODES
    assert not any(isinstance(told(code), Accepted) for code in CODES)


@pytest.mark.parametrize(
    ("base_url", "other"),
    [("https://api.coze.cn", "api.coze.com"), ("https://api.coze.com/", "api.coze.cn"), ("http://127.0.0.1:8", None)],
)
def test_a_refused_token_may_be_one_of_the_other_region(base_url: str, other: str | None) -> None:
    coze = PROVIDERS["coze"]
    settings = coze.settings.model_validate({"provider": "coze", "base_url": base_url, "token": "env:T"})
    codec = coze.codec(settings, {"token": "pat_x"})

    long = codec.decode(Response(401, {}, json.dumps({"code": 4100, "msg": "m" * 600}).encode())).answer.message
    bare = codec.decode(Response(401, {}, b'{"code":4100,"msg":""}')).answer.message

    assert len(long) == 500
    assert (f"is the token one for {other}?" in long) == (other is not None)
    assert bare == (f"is the token one for {other}?" if other else "")


# ---------------------------------------------------------------------------------------------------------- settings
def test_the_defaults_are_slow_enough_for_an_unpublished_limit() -> None:
    settings = PROVIDERS["coze"].settings.model_validate(
        {"provider": "coze", "base_url": "https://api.coze.cn", "token": "env:T"}
    )

    assert (settings.rate, settings.burst, settings.concurrency) == (5, 1, 4)


@pytest.mark.parametrize(
    "token", ["pat_x\n", "Bearer pat_x", "", " pat_x", '"pat_x"', "pat\tx", "pat_猫", "x" * 20_000]
)
def test_a_token_that_cannot_be_right_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(CredentialsError) as raised:
        CozeCodec(token)

    assert str(raised.value).startswith("token ")
    assert "pat_" not in str(raised.value)
