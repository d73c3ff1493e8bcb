"""Which signatures are accepted, down to the vectors made with the vendor's signer."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from kbsync.emulator.credentials import AccessKey
from kbsync.emulator.messages import Request
from kbsync.emulator.sample import SAMPLE_COLLECTION, sample_doc_id
from kbsync.emulator.volcengine.envelope import RefusedError
from kbsync.emulator.volcengine.signature import canonical_request, checked_key, signature
from tests.emulator.bench import Bench, Got
from tests.emulator.vendors import SignerV4, signed_headers

PATH = "/api/knowledge/doc/update"
BODY = orjson.dumps({"collection_name": SAMPLE_COLLECTION, "doc_id": sample_doc_id(0), "doc_name": "新名字"})

VECTORS = orjson.loads((Path(__file__).parents[1] / "data/volcengine-signing-vectors.json").read_bytes())["vectors"]
by_name = pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])


def arrived(vector: dict[str, Any]) -> Request:
    given, headers = vector["input"], vector["expected"]["headers"]
    lower = {name.lower(): value for name, value in headers.items()}
    body = given["body"].encode()
    return Request(given["method"], given["path"], urlencode(given["query"], doseq=True), lower, body)


def key_of(vector: dict[str, Any]) -> AccessKey:
    given = vector["input"]
    return AccessKey("v", given["access_key_id"], given["secret_access_key"], given["session_token"])


def time_of(vector: dict[str, Any]) -> float:
    return datetime.strptime(vector["input"]["x_date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()


@by_name
def test_canonical_requests_and_signatures_agree_with_the_vendors_signer(vector: dict[str, Any]) -> None:
    given, expected = vector["input"], vector["expected"]

    canonical = canonical_request(arrived(vector), expected["signed_headers"].split(";"))

    assert canonical == expected["canonical_request"]
    assert signature(canonical, given["secret_access_key"], given["x_date"], given["region"]) == expected["signature"]


@by_name
def test_a_signed_request_is_accepted_for_fifteen_minutes(vector: dict[str, Any]) -> None:
    key = key_of(vector)

    assert checked_key(arrived(vector), [key], time_of(vector) + 900) is key
    with pytest.raises(RefusedError) as caught:
        checked_key(arrived(vector), [key], time_of(vector) + 901)

    assert (caught.value.code, caught.value.status) == (100006, 400)


@by_name
@pytest.mark.parametrize("part", ["method", "path", "query", "body"])
def test_any_changed_part_breaks_the_signature(vector: dict[str, Any], part: str) -> None:
    request = arrived(vector)
    changed: dict[str, Any] = {"method": "PATCH", "path": "/other", "query": "a=b", "body": b"{}x"}

    with pytest.raises(RefusedError) as caught:
        checked_key(request._replace(**{part: changed[part]}), [key_of(vector)], time_of(vector))

    assert caught.value.code == 1000001


@by_name
def test_each_signed_header_counts(vector: dict[str, Any]) -> None:
    request = arrived(vector)

    for name in vector["expected"]["signed_headers"].split(";"):
        headers = request.headers | {name: request.headers[name] + "0"}
        with pytest.raises(RefusedError):
            checked_key(request._replace(headers=headers), [key_of(vector)], time_of(vector))


def send(bench: Bench, headers: dict[str, str], body: bytes = BODY) -> Got:
    return bench.call("POST", PATH, body, headers)


@pytest.mark.parametrize("region", ["cn-beijing", "cn-north-1"])
@pytest.mark.parametrize("signs_host", [True, False])
def test_the_region_is_free_and_the_host_may_be_signed(bench: Bench, region: str, signs_host: bool) -> None:  # noqa: FBT001
    headers = signed_headers(PATH, BODY, host=bench.host if signs_host else "", region=region)

    assert send(bench, headers).code == 0


def test_a_changed_body_is_refused(bench: Bench) -> None:
    got = send(bench, signed_headers(PATH, BODY), BODY.replace("新".encode(), "旧".encode()))

    assert (got.status, got.code) == (401, 1000001)
    assert got.json["request_id"] == got.headers["x-tt-logid"]


def test_a_signature_for_another_path_is_refused(bench: Bench) -> None:
    got = send(bench, signed_headers("/api/knowledge/doc/info", BODY))

    assert (got.status, got.code) == (401, 1000001)


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_clock_more_than_fifteen_minutes_off_is_refused(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    stamp = (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y%m%dT%H%M%SZ")
    monkeypatch.setattr(SignerV4, "get_current_format_date", staticmethod(lambda: stamp))

    got = send(bench, signed_headers(PATH, BODY))

    assert (got.status, got.code) == (400, 100006)


def test_the_date_header_tells_the_servers_own_clock(bench: Bench) -> None:
    bench.control("PUT", "clock", {"offset_s": 3600})

    got = send(bench, signed_headers(PATH, BODY))

    told = datetime.strptime(got.headers["date"], "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    assert got.code == 100006
    assert timedelta(minutes=59) < told - datetime.now(UTC) < timedelta(minutes=61)


@pytest.mark.parametrize(
    "authorization",
    ["", "HMAC-SHA256", "Bearer ", "HMAC-SHA256 Credential=a/b, SignedHeaders=c, Signature=d", "AWS4-HMAC-SHA256 x"],
)
def test_what_is_no_signature_is_refused(bench: Bench, authorization: str) -> None:
    got = send(bench, signed_headers(PATH, BODY) | {"Authorization": authorization})

    assert (got.status, got.code) == (401, 1000001)
