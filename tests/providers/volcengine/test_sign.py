import json
import warnings
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from kbsync.core.fields import MetaValue
from kbsync.core.items import Item
from kbsync.providers.volcengine.sign import AccessKey, canonical_request, sign, signing_key, string_to_sign
from kbsync.providers.volcengine.wire import VolcengineCodec

VECTORS = json.loads((Path(__file__).parents[2] / "data" / "volcengine-signing-vectors.json").read_text("utf-8"))
KEY = AccessKey("AKLTEXAMPLE", "EXAMPLEsecret==")


def epoch(stamp: str) -> float:
    return datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: vector["name"])
def test_signatures_equal_the_vendors(vector: Any) -> None:
    given, expected = vector["input"], vector["expected"]
    body = given["body"].encode()

    headers = sign(
        given["method"],
        given["path"],
        given["headers"],
        body,
        key=AccessKey(given["access_key_id"], given["secret_access_key"], given["session_token"]),
        region=given["region"],
        now_s=epoch(given["x_date"]),
        query=given["query"],
        service=given["service"],
    )

    assert headers == expected["headers"]


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: vector["name"])
def test_every_step_of_a_signature_equals_the_vendors(vector: Any) -> None:
    given, expected = vector["input"], vector["expected"]
    signed = {k: v for k, v in expected["headers"].items() if k != "Authorization"}

    names, text = canonical_request(given["method"], given["path"], given["query"], signed, given["body_sha256"])
    key = signing_key(given["secret_access_key"], given["x_date"][:8], given["region"], given["service"])

    assert sha256(given["body"].encode()).hexdigest() == given["body_sha256"]
    assert (names, text) == (expected["signed_headers"], expected["canonical_request"])
    assert string_to_sign(given["x_date"], expected["credential_scope"], text) == expected["string_to_sign"]
    assert key.hex() == expected["signing_key_hex"]


def test_all_seven_vectors_are_here() -> None:
    assert len(VECTORS["vectors"]) == 7


@pytest.mark.parametrize("token", ["", "STSexample"])
def test_the_vendors_own_signer_agrees_about_our_requests(token: str) -> None:
    with warnings.catch_warnings(record=True):
        signer = pytest.importorskip("volcengine.auth.SignerV4").SignerV4
        request = pytest.importorskip("volcengine.base.Request").Request()
        credentials = pytest.importorskip("volcengine.Credentials").Credentials
    codec = VolcengineCodec(AccessKey(KEY.id, KEY.secret, token), "127.0.0.1:8443", "cn-beijing", overlay_meta=False)
    item = Item("t", "default/kb", "document", "test123")
    plain = codec.encode("volcengine.document.meta", item, {"meta.行业": MetaValue("string", "小猫")}, None)

    request.method, request.path, request.body = plain.method, plain.path, plain.body
    request.headers = dict(plain.headers)
    with warnings.catch_warnings(record=True):
        signer.sign(request, credentials(KEY.id, KEY.secret, "air", "cn-beijing", token))
    ours = codec.authorise(plain, epoch(request.headers["X-Date"]))

    assert dict(ours.headers) == request.headers


def test_each_second_has_its_own_signature() -> None:
    codec = VolcengineCodec(KEY, "h", "cn-beijing")
    request = codec.encode_read("volcengine.document.meta", [Item("t", "default/kb", "document", "a")])

    first, same, later = (
        codec.authorise(request, at_s) for at_s in (1_700_000_000.0, 1_700_000_000.9, 1_700_000_001.0)
    )

    assert first.headers == same.headers
    assert first.headers["X-Date"] == "20231114T221320Z"
    assert later.headers["Authorization"] != first.headers["Authorization"]
    assert "Authorization" not in request.headers


def test_a_key_never_shows() -> None:
    assert "EXAMPLE" not in repr(AccessKey("AKLTEXAMPLE", "EXAMPLE", "EXAMPLE"))
