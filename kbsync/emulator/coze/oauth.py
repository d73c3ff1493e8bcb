"""The desk where a service application turns a signed JWT into an access token."""

import itertools
import secrets

import orjson

from kbsync.emulator.api import Call, Outcome, Site, Subject
from kbsync.emulator.coze.jwt import JwtProblemError, VerifiedJwt, verified_jwt
from kbsync.emulator.credentials import Token
from kbsync.emulator.messages import Answer

__all__ = ("GRANT_TYPE", "TokenDesk")

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
DEFAULT_LIFETIME_S = 900
MAX_LIFETIME_S = 86_399

_CLOUD_AUDIENCES = frozenset({"api.coze.cn", "api.coze.com"})


class TokenDesk:
    """Issues access tokens. Each JWT is taken once; *issued* maps the secret to its token."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._seen: set[tuple[str, str]] = set()
        self._numbers = itertools.count(1)
        self.issued: dict[str, Token] = {}

    def subject(self, call: Call) -> Subject:  # noqa: ARG002 - the signature of all subjects
        """Say what the call is about: nothing that has a name."""
        return Subject("", "token")

    def token(self, call: Call) -> Outcome:
        """Exchange the JWT in the Authorization header for an access token."""
        body = call.fields
        if body is None or body.get("grant_type") != GRANT_TYPE:
            return _refused(400, "unsupported_grant_type", "grant_type is not supported", call)
        lifetime_s = body.get("duration_seconds")
        lifetime_s = DEFAULT_LIFETIME_S if lifetime_s is None else lifetime_s
        if not isinstance(lifetime_s, int) or not 1 <= lifetime_s <= MAX_LIFETIME_S:
            return _refused(400, "invalid_request", f"duration_seconds must be 1 to {MAX_LIFETIME_S}", call)
        headers = call.request.headers
        _, _, text = headers.get("authorization", "").partition(" ")
        audiences = _CLOUD_AUDIENCES | {headers.get("host", "")}
        try:
            jwt = verified_jwt(text, self._site.world.credentials.apps, audiences, self._site.now_s())
            self._use(jwt)
        except JwtProblemError as problem:
            return _refused(401, "invalid_client", str(problem), call)
        expires_s = int(self._site.now_s()) + lifetime_s
        token = Token(jwt.app.name, f"czs_{secrets.token_urlsafe(32)}", jwt.app.scopes, expires_s)
        self.issued[token.token] = token
        # expires_in is a point in time here, whatever its name says.
        value = {"access_token": token.token, "expires_in": expires_s, "token_type": "Bearer"}
        return Outcome(Answer(200, orjson.dumps(value), None, (("X-Tt-Logid", call.log_id),)))

    def _use(self, jwt: VerifiedJwt) -> None:
        key = (jwt.app.client_id, jwt.token_id)
        if key in self._seen:
            raise JwtProblemError("the JWT has been used before")
        self._seen.add(key)


def _refused(status: int, error: str, message: str, call: Call) -> Outcome:
    value = {"error_code": error, "error_message": message, "error": error}
    return Outcome(Answer(status, orjson.dumps(value), None, (("X-Tt-Logid", call.log_id),)))
