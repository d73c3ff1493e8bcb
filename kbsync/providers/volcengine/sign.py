"""Volcengine's request signature, HMAC-SHA256 over a canonical form of the request.

It resembles the fourth version of Amazon's, with a key derived without a prefix and header values taken as they are.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Final
from urllib.parse import quote

from kbsync.core.redaction import hexadecimal

__all__ = ("SERVICE", "SIGNATURE", "AccessKey", "canonical_request", "sign", "signing_key", "string_to_sign")

SERVICE: Final = "air"
# What a signature looks like, wherever it stands. Hashes of bodies look the same.
SIGNATURE: Final = hexadecimal(64)

_ALGORITHM: Final = "HMAC-SHA256"
_SIGNED_NAMES: Final = frozenset({"Content-Type", "Content-Md5", "Host"})
_DEFAULT_PORTS: Final = (":80", ":443")


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A pair of keys, temporary if there is a session token."""

    id: str = field(repr=False)
    secret: str = field(repr=False)
    session_token: str = field(repr=False, default="")


def sign(
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    key: AccessKey,
    region: str,
    now_s: float,
    query: Mapping[str, str] | None = None,
    service: str = SERVICE,
) -> dict[str, str]:
    """Return *headers* with those that sign the request at *now_s*, seconds since the epoch.

    Every header whose name begins with `X-` is signed, so none may be added afterwards. *path* is not yet
    percent-encoded, and *body* holds the very bytes that are sent.
    """
    stamp = datetime.fromtimestamp(int(now_s), UTC).strftime("%Y%m%dT%H%M%SZ")
    body_hash = sha256(body).hexdigest()
    signed = {**headers, "X-Date": stamp, "X-Content-Sha256": body_hash}
    if key.session_token:
        signed["X-Security-Token"] = key.session_token

    scope = f"{stamp[:8]}/{region}/{service}/request"
    names, text = canonical_request(method, path, query or {}, signed, body_hash)
    derived = signing_key(key.secret, stamp[:8], region, service)
    signature = hmac.digest(derived, string_to_sign(stamp, scope, text).encode(), "sha256").hex()
    signed["Authorization"] = f"{_ALGORITHM} Credential={key.id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return signed


def canonical_request(
    method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body_hash: str
) -> tuple[str, str]:
    """Return the names of the signed headers, joined, and the text that stands for the request."""
    signed = sorted(
        (name.lower(), value) for name, value in headers.items() if name in _SIGNED_NAMES or name.startswith("X-")
    )
    block = "".join(f"{name}:{_without_default_port(value) if name == 'host' else value}\n" for name, value in signed)
    names = ";".join(name for name, _ in signed)
    text = "\n".join((method, quote(path or "/"), _canonical_query(query), block, names, body_hash))
    return names, text


def string_to_sign(stamp: str, scope: str, canonical: str) -> str:
    """Return what the signing key is applied to."""
    return "\n".join((_ALGORITHM, stamp, scope, sha256(canonical.encode()).hexdigest()))


@lru_cache(maxsize=16)
def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """Return the key of one day, region and service."""
    key = secret.encode()
    for part in (date, region, service, "request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _canonical_query(query: Mapping[str, str]) -> str:
    return "&".join(f"{quote(name, safe='-_.~')}={quote(query[name], safe='-_.~')}" for name in sorted(query))


def _without_default_port(host: str) -> str:
    return next((host.removesuffix(port) for port in _DEFAULT_PORTS if host.endswith(port)), host)
