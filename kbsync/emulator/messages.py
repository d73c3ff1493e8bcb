"""What comes in and what goes out, as values and as bytes."""

from email.utils import formatdate
from typing import NamedTuple, TypeAlias, cast

import orjson

__all__ = (
    "JSON_TYPE",
    "Answer",
    "Json",
    "JsonObject",
    "MalformedError",
    "Request",
    "StampCache",
    "json_answer",
    "json_object",
    "rendered",
)

Json: TypeAlias = object
JsonObject: TypeAlias = dict[str, object]

JSON_TYPE = "application/json; charset=utf-8"

_REASONS = {
    200: "OK",
    204: "No Content",
    301: "Moved Permanently",
    302: "Found",
    307: "Temporary Redirect",
    308: "Permanent Redirect",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    413: "Content Too Large",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


class MalformedError(ValueError):
    """A text from outside (a command line, a file, a control request, a key) does not say what it should."""


class Request(NamedTuple):
    """One request, read to its end. Header names are lower case; *path* is as sent, still quoted."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    keep_alive: bool = True


class Answer(NamedTuple):
    """One well-formed answer. *code* repeats the envelope's code, for the record."""

    status: int
    body: bytes
    code: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = JSON_TYPE


class StampCache:
    """The `Date` header, made once a second instead of once an answer."""

    def __init__(self) -> None:
        self._second = -1
        self._date = b""

    def date(self, now_s: float) -> bytes:
        """Give *now_s* (seconds since 1970) as an HTTP date."""
        second = int(now_s)
        if second != self._second:
            self._second = second
            self._date = formatdate(second, usegmt=True).encode()
        return self._date


def rendered(answer: Answer, date: bytes, *, keep_alive: bool = True, length: int | None = None) -> bytes:
    """Write *answer* as HTTP/1.1.

    *length* is the Content-Length to claim; without it the claim is true.
    """
    lines = [
        b"HTTP/1.1 %d %b" % (answer.status, _REASONS.get(answer.status, "Unnamed").encode()),
        b"Server: kbsync-emulator",
        b"Date: " + date,
    ]
    if answer.content_type:
        lines.append(b"Content-Type: " + answer.content_type.encode())
    lines.extend(f"{name}: {value}".encode() for name, value in answer.headers)
    if answer.status != 204:
        lines.append(b"Content-Length: %d" % (len(answer.body) if length is None else length))
    if not keep_alive:
        lines.append(b"Connection: close")
    lines.append(b"\r\n")
    return b"\r\n".join(lines) + answer.body


def json_answer(status: int, value: Json, code: int | None = None) -> Answer:
    """Answer *status* with *value* as JSON."""
    return Answer(status, orjson.dumps(value), code)


def json_object(body: bytes) -> JsonObject | None:
    """Read *body* as one JSON object; None when it is anything else. An empty body is an empty object."""
    if not body:
        return {}
    try:
        value: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return cast("JsonObject", value) if isinstance(value, dict) else None
