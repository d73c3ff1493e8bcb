"""Access tokens for JWTs, judged by cozepy and by keys that a real library made."""

import base64
import time
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from kbsync.emulator.archive import read_world, world_json
from kbsync.emulator.coze.jwt import public_key
from kbsync.emulator.credentials import Credentials, OAuthApp
from kbsync.emulator.sample import SAMPLE_DATASET, sample_image_id
from tests.emulator.bench import Bench, Got
from tests.emulator.vendors import coze_client, cozepy

KEY = rsa.generate_private_key(65537, 2048)
OTHER_KEY = rsa.generate_private_key(65537, 2048)
GRANT = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "duration_seconds": 900}
NAME = {"client_id": "app-1", "key_id": "key-1"}


def pem(key: rsa.RSAPrivateKey, form: str = "SubjectPublicKeyInfo") -> str:
    return (
        key.public_key()
        .public_bytes(
            serialization.Encoding.PEM,
            serialization.PublicFormat.PKCS1 if form == "PKCS1" else serialization.PublicFormat.SubjectPublicKeyInfo,
        )
        .decode()
    )


@pytest.fixture
def desk(bench: Bench) -> Bench:
    app = OAuthApp("app", **NAME, public_key=public_key(pem(KEY)), scopes=frozenset({"updatePhoto"}))
    bench.emulator.world.credentials = Credentials(apps=(app,))
    return bench


def text64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def jwt(key: rsa.RSAPrivateKey = KEY, head: dict[str, Any] | None = None, **claims: Any) -> str:
    now_s = int(time.time())
    top = {"alg": "RS256", "typ": "JWT", "kid": "key-1"} | (head or {})
    given = {"iss": "app-1", "aud": "api.coze.cn", "iat": now_s, "exp": now_s + 600, "jti": str(time.monotonic_ns())}
    signed = f"{text64(orjson.dumps(top))}.{text64(orjson.dumps(given | claims))}"
    return f"{signed}.{text64(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def exchange(bench: Bench, token: str, body: object = GRANT) -> Got:
    return bench.call("POST", "/api/permission/oauth2/token", body, {"Authorization": f"Bearer {token}"})


def test_cozepy_gets_a_token_and_uses_it(desk: Bench) -> None:
    private = KEY.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    app = cozepy.JWTOAuthApp("app-1", private, "key-1", base_url=desk.base_url)
    try:
        auth = cozepy.JWTAuth(oauth_app=app)
        with coze_client(desk.base_url, auth) as coze:
            coze.datasets.images.update(dataset_id=SAMPLE_DATASET, document_id=sample_image_id(0), caption="小猫")
    finally:
        app._requester._sync_client.close()

    assert desk.stored_caption(0) == "小猫"
    assert desk.emulator.ledger.records[-1].credential == "app"


def test_expires_in_is_a_point_in_time(desk: Bench) -> None:
    value = exchange(desk, jwt()).json

    assert abs(value["expires_in"] - time.time() - 900) < 5
    assert value["access_token"].startswith("czs_")


def test_a_token_has_the_scopes_of_its_application_only(desk: Bench) -> None:
    headers = {"Authorization": f"Bearer {exchange(desk, jwt()).json['access_token']}"}

    assert desk.caption(0, **headers).code == 0
    assert desk.coze("GET", f"/v1/datasets/{SAMPLE_DATASET}/images", **headers).code == 4101


def test_a_token_dies_at_its_time(desk: Bench) -> None:
    headers = {
        "Authorization": f"Bearer {exchange(desk, jwt(), GRANT | {'duration_seconds': 60}).json['access_token']}"
    }
    assert desk.caption(0, **headers).code == 0

    desk.control("PUT", "clock", {"offset_s": 61})

    got = desk.caption(0, **headers)
    assert (got.status, got.code) == (401, 4100)


def test_a_jwt_is_taken_once(desk: Bench) -> None:
    token = jwt()

    assert exchange(desk, token).status == 200
    again = exchange(desk, token)

    assert again.status == 401
    assert again.json["error_code"] == again.json["error"] == "invalid_client"
    assert "used before" in again.json["error_message"]


@pytest.mark.parametrize(
    "token",
    [
        lambda: jwt(OTHER_KEY),
        lambda: jwt(head={"alg": "none"}),
        lambda: jwt(head={"alg": "HS256"}),
        lambda: jwt(head={"kid": "key-2"}),
        lambda: jwt(iss="app-2"),
        lambda: jwt(aud="api.example.com"),
        lambda: jwt(exp=int(time.time()) - 1),
        lambda: jwt(exp=None),
        lambda: jwt(iat=int(time.time()) + 3600),
        lambda: jwt(jti=None),
        lambda: jwt()[:-4],
        lambda: jwt().rpartition(".")[0] + ".",
        lambda: "a.b.c",
        lambda: "",
    ],
    ids=range(14),
)
def test_a_bad_jwt_is_refused(desk: Bench, token: Any) -> None:
    got = exchange(desk, token())

    assert got.status == 401
    assert got.json["error_code"] == "invalid_client"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "unsupported_grant_type"),
        (b"{", "unsupported_grant_type"),
        (GRANT | {"duration_seconds": 0}, "invalid_request"),
        (GRANT | {"duration_seconds": 86_400}, "invalid_request"),
        (GRANT | {"duration_seconds": "900"}, "invalid_request"),
    ],
)
def test_a_bad_request_is_refused(desk: Bench, body: Any, error: str) -> None:
    got = exchange(desk, jwt(), body)

    assert (got.status, got.json["error_code"]) == (400, error)


@pytest.mark.parametrize("bits", [1024, 2048, 4096])
@pytest.mark.parametrize("form", ["SubjectPublicKeyInfo", "PKCS1"])
def test_public_keys_are_read_from_pem(bits: int, form: str) -> None:
    key = rsa.generate_private_key(65537, bits)

    numbers = key.public_key().public_numbers()
    assert (public_key(pem(key, form)).modulus, public_key(pem(key, form)).exponent) == (numbers.n, numbers.e)


def test_an_application_survives_the_file_as_a_jwk(desk: Bench) -> None:
    value = orjson.loads(orjson.dumps(world_json(desk.emulator.world)))

    assert read_world(value).credentials == desk.emulator.world.credentials


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", '{"n":"?"}']
)
def test_what_is_no_public_key_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        public_key(text)
