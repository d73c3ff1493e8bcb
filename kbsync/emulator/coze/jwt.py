"""Reading and checking RS256 JWTs with plain arithmetic; public keys as PEM or JWK."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Collection, Iterable
from typing import NamedTuple, cast

import orjson

from kbsync.emulator.credentials import OAuthApp, RsaPublicKey
from kbsync.emulator.messages import JsonObject, MalformedError

__all__ = ("JwtProblemError", "VerifiedJwt", "public_key", "verified_jwt")

# What RFC 8017 puts before a SHA-256 digest: SEQUENCE { SEQUENCE { OID sha256, NULL }, OCTET STRING (32) }.
_SHA256_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")
_CLOCK_LEEWAY_S = 300
_DER_INTEGER, _DER_BIT_STRING, _DER_SEQUENCE = 0x02, 0x03, 0x30


class JwtProblemError(Exception):
    """A JWT is not acceptable; the message says why."""


class VerifiedJwt(NamedTuple):
    """A JWT whose signature and claims hold."""

    app: OAuthApp
    token_id: str


def verified_jwt(text: str, apps: Iterable[OAuthApp], audiences: Collection[str], now_s: float) -> VerifiedJwt:
    """Check a JWT against the *apps* that may send one, or raise JwtProblemError."""
    try:
        head_text, claims_text, signature_text = text.split(".")
        head, claims = _json_part(head_text), _json_part(claims_text)
        signature = _bytes_part(signature_text)
    except ValueError as error:
        raise JwtProblemError("the JWT cannot be read") from error
    if head.get("alg") != "RS256":
        raise JwtProblemError("the JWT is not signed with RS256")
    app = next((app for app in apps if app.key_id == head.get("kid") and app.client_id == claims.get("iss")), None)
    if app is None:
        raise JwtProblemError("no application has this iss and kid")
    if not _signed_by(app.public_key, f"{head_text}.{claims_text}".encode(), signature):
        raise JwtProblemError("the signature of the JWT is wrong")
    if claims.get("aud") not in audiences:
        raise JwtProblemError("the JWT is for another audience")
    issued_s, expires_s, token_id = claims.get("iat"), claims.get("exp"), claims.get("jti")
    if not isinstance(expires_s, (int, float)) or expires_s <= now_s:
        raise JwtProblemError("the JWT has expired")
    if not isinstance(issued_s, (int, float)) or issued_s > now_s + _CLOCK_LEEWAY_S:
        raise JwtProblemError("the JWT is not valid yet")
    if not isinstance(token_id, str) or not token_id:
        raise JwtProblemError("the JWT has no jti")
    return VerifiedJwt(app, token_id)


def public_key(text: str) -> RsaPublicKey:
    """Read an RSA public key from PEM (SubjectPublicKeyInfo or PKCS #1) or JWK text, or raise ValueError."""
    if "-----BEGIN" in text:
        lines = [line for line in text.strip().splitlines() if not line.startswith("-----")]
        return _key_from_der(base64.b64decode("".join(lines), validate=True))
    jwk: object = orjson.loads(text)
    if not isinstance(jwk, dict):
        raise MalformedError("not an RSA public key")
    members = cast("JsonObject", jwk)
    modulus, exponent = members.get("n"), members.get("e")
    if not (isinstance(modulus, str) and isinstance(exponent, str)):
        raise MalformedError("not an RSA public key: n and e are missing")
    return RsaPublicKey(int.from_bytes(_bytes_part(modulus)), int.from_bytes(_bytes_part(exponent)))


def _signed_by(key: RsaPublicKey, message: bytes, signature: bytes) -> bool:
    size_bytes = (key.modulus.bit_length() + 7) // 8
    number = int.from_bytes(signature)
    if len(signature) != size_bytes or number >= key.modulus:
        return False
    digest = _SHA256_PREFIX + hashlib.sha256(message).digest()
    expected = b"\x00\x01" + b"\xff" * (size_bytes - len(digest) - 3) + b"\x00" + digest
    return hmac.compare_digest(pow(number, key.exponent, key.modulus).to_bytes(size_bytes), expected)


def _bytes_part(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise MalformedError("not base64url") from error


def _json_part(text: str) -> JsonObject:
    value: object = orjson.loads(_bytes_part(text))
    if not isinstance(value, dict):
        raise MalformedError("not a JSON object")
    return cast("JsonObject", value)


def _key_from_der(der: bytes) -> RsaPublicKey:
    body = _der_value(der, _DER_SEQUENCE)[0]
    if body[:1] == bytes([_DER_SEQUENCE]):
        # SubjectPublicKeyInfo: the algorithm, then the key as a bit string with no unused bits.
        _, rest = _der_value(body, _DER_SEQUENCE)
        bits, _ = _der_value(rest, _DER_BIT_STRING)
        body, _ = _der_value(bits[1:], _DER_SEQUENCE)
    modulus, rest = _der_value(body, _DER_INTEGER)
    exponent, _ = _der_value(rest, _DER_INTEGER)
    return RsaPublicKey(int.from_bytes(modulus), int.from_bytes(exponent))


def _der_value(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """Split *data* into the value of its first element, which must have *tag*, and what follows it."""
    if len(data) < 2 or data[0] != tag:
        raise MalformedError("not an RSA public key")
    length, start = data[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[2:start])
    if start + length > len(data):
        raise MalformedError("not an RSA public key: it is cut short")
    return data[start : start + length], data[start + length :]
