"""The vendors' own clients. What they warn of at import is theirs."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from kbsync.emulator.sample import SAMPLE_ACCESS_KEY_ID, SAMPLE_SECRET_ACCESS_KEY, SAMPLE_TOKEN

with warnings.catch_warnings():
    # Authlib asks, while it is imported, for its warning to be shown always.
    import_module("authlib.deprecate")

    warnings.simplefilter("ignore")
    import cozepy
    from vikingdb import IAM, APIKey
    from vikingdb.knowledge import VikingKnowledge
    from volcengine.auth.SignerV4 import SignerV4
    from volcengine.base.Request import Request as VendorRequest
    from volcengine.Credentials import Credentials as VendorCredentials
    from volcengine.viking_knowledgebase import VikingKnowledgeBaseService

__all__ = (
    "SignerV4",
    "VendorRequest",
    "coze_client",
    "cozepy",
    "legacy_client",
    "signed_headers",
    "viking_client",
)


@contextmanager
def coze_client(base_url: str, auth: Any = None) -> Iterator[Any]:
    http = cozepy.SyncHTTPClient()
    try:
        yield cozepy.Coze(auth=auth or cozepy.TokenAuth(SAMPLE_TOKEN), base_url=base_url, http_client=http)
    finally:
        http.close()


@contextmanager
def viking_client(host: str, *, api_key: str = "", ak: str = "", sk: str = "", token: str = "") -> Iterator[Any]:
    auth = APIKey(api_key=api_key) if api_key else IAM(ak=ak or SAMPLE_ACCESS_KEY_ID, sk=sk or SAMPLE_SECRET_ACCESS_KEY)
    client = VikingKnowledge(host=host, auth=auth, sts_token=token)
    try:
        yield client
    finally:
        client.session.close()


@contextmanager
def legacy_client(host: str, *, ak: str = SAMPLE_ACCESS_KEY_ID, sk: str = SAMPLE_SECRET_ACCESS_KEY) -> Iterator[Any]:
    # A process singleton, which would hand its credentials to the next test.
    client = VikingKnowledgeBaseService(host=host, ak=ak, sk=sk)
    try:
        yield client
    finally:
        client.session.close()
        del VikingKnowledgeBaseService._instance


def signed_headers(
    path: str,
    body: bytes,
    *,
    host: str = "",
    ak: str = SAMPLE_ACCESS_KEY_ID,
    sk: str = SAMPLE_SECRET_ACCESS_KEY,
    token: str = "",
    region: str = "cn-beijing",
    method: str = "POST",
    query: dict[str, str] | None = None,
) -> dict[str, str]:
    """Sign a request with the vendor's signer."""
    request = VendorRequest()
    request.set_method(method)
    request.set_path(path)
    request.set_query(query or {})
    request.headers = {"Content-Type": "application/json"} | ({"Host": host} if host else {})
    request.body = body
    SignerV4.sign(request, VendorCredentials(ak, sk, "air", region, token))
    return dict(request.headers)
