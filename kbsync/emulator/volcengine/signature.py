"""Checking HMAC-SHA256 signatures on requests as they arrived."""

import hashlib
import hmac
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote

from kbsync.emulator.credentials import AccessKey
from kbsync.emulator.messages import Request
from kbsync.emulator.volcengine.envelope import INVALID_TIMESTAMP, UNAUTHORIZED, RefusedError

__all__ = ("CLOCK_TOLERANCE_S", "SERVICE", "canonical_request", "checked_key", "signature")

SERVICE = "air"
CLOCK_TOLERANCE_S = 15 * 60

_ALGORITHM = "HMAC-SHA256"
_AUTHORIZATION = re.compile(
    r"HMAC-SHA256 Credential=(?P<key>[^/,\s]+)/(?P<date>\d{8})/(?P<region>[^/,\s]+)/(?P<service>[^/,\s]+)/request,"
    r" ?SignedHeaders=(?P<names>[a-z0-9;-]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)
_ALWAYS_SIGNED = frozenset({"x-date", "x-content-sha256"})


class _Claim(NamedTuple):
    """What the Authorization header claims."""

    key_id: str
    date: str
    region: str
    service: str
    names: tuple[str, ...]
    signature: str


def checked_key(request: Request, keys: Iterable[AccessKey], now_s: float) -> AccessKey:
    """Give the key that signed *request*, or raise RefusedError. The region is not checked, the host optional."""
    claim = _claim(request.headers.get("authorization", ""))
    stamp = request.headers.get("x-date", "")
    _check_clock(stamp, now_s)
    key = next((key for key in keys if key.access_key_id == claim.key_id), None)
    if key is None:
        raise _unauthorized("unknown access key")
    if request.headers.get("x-security-token", "") != key.session_token:
        raise _unauthorized("wrong session token")
    must_sign = _ALWAYS_SIGNED | ({"x-security-token"} if key.session_token else frozenset[str]())
    if claim.service != SERVICE or claim.date != stamp[:8] or not must_sign <= set(claim.names):
        raise _unauthorized("wrong credential scope or signed headers")
    if hashlib.sha256(request.body).hexdigest() != request.headers.get("x-content-sha256"):
        raise _unauthorized("the body is not the one that was signed")
    canonical = canonical_request(request, claim.names)
    expected = signature(canonical, key.secret_access_key, stamp, claim.region)
    if not hmac.compare_digest(expected, claim.signature):
        raise _unauthorized("wrong signature")
    return key


def canonical_request(request: Request, names: Iterable[str]) -> str:
    """Write *request* in the form that is hashed, with the headers in *names* (lower case, in order)."""
    names = tuple(names)
    block = "".join(f"{name}:{_header_value(request, name)}\n" for name in names)
    return "\n".join(
        (
            request.method,
            quote(unquote(request.path) or "/"),
            _canonical_query(request.query),
            block,
            ";".join(names),
            request.headers.get("x-content-sha256", ""),
        )
    )


def signature(canonical: str, secret: str, stamp: str, region: str, service: str = SERVICE) -> str:
    """Sign a canonical request at the time *stamp* (`YYYYMMDDTHHMMSSZ`)."""
    scope = f"{stamp[:8]}/{region}/{service}/request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"{_ALGORITHM}\n{stamp}\n{scope}\n{digest}"
    return hmac.new(_signing_key(secret, stamp[:8], region, service), text.encode(), hashlib.sha256).hexdigest()


@lru_cache(maxsize=256)
def _signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    key = secret.encode()
    for part in (date, region, service, "request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def _claim(authorization: str) -> _Claim:
    match = _AUTHORIZATION.fullmatch(authorization)
    if match is None:
        raise _unauthorized("no signature")
    names = tuple(match["names"].split(";"))
    return _Claim(match["key"], match["date"], match["region"], match["service"], names, match["signature"])


# Many requests are signed in the same second.
@lru_cache(maxsize=256)
def _seconds(stamp: str) -> float:
    return datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()


def _check_clock(stamp: str, now_s: float) -> None:
    try:
        signed_s = _seconds(stamp)
    except ValueError as error:
        raise _unauthorized("X-Date is missing or cannot be read") from error
    if abs(now_s - signed_s) > CLOCK_TOLERANCE_S:
        raise RefusedError(400, INVALID_TIMESTAMP, "InvalidTimestamp: the signature has expired or is from the future")


def _header_value(request: Request, name: str) -> str:
    value = request.headers.get(name, "")
    if name == "host":
        host, _, port = value.partition(":")
        return host if port in {"80", "443"} else value
    return value


def _canonical_query(query: str) -> str:
    pairs = sorted(parse_qsl(query, keep_blank_values=True), key=lambda pair: pair[0])
    return "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in pairs)


def _unauthorized(why: str) -> RefusedError:
    return RefusedError(401, UNAUTHORIZED, f"unauthorized: {why}")
