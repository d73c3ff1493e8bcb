"""Servers that quote the request they got, credentials and all, wherever an answer has room for it."""

import gzip
import re
from collections.abc import Callable, Mapping
from typing import Final

import orjson

from kbsync.emulator.messages import Request
from tests.security.canaries import dressed
from tests.security.impostor import envelope, http

__all__ = ("ECHOES", "ENDING", "quoted")

Echo = Callable[[str], bytes]
JSON: Final = {"Content-Type": "application/json"}
_ACCEPTED: Final = {"code": 0, "msg": "", "message": "success"}


def quoted(request: Request) -> str:
    """Write *request* down, headers first."""
    lines = [f"{request.method} {request.path}", *(f"{name}: {value}" for name, value in request.headers.items())]
    return "\n".join((*lines, "", request.body.decode()))


def _said(form: str, status: str = "400 Bad Request") -> Echo:
    return lambda text: http(envelope(dressed(text)[form]), JSON, status)


def _secrets_of(text: str) -> str:
    return " ".join(re.findall(r"(?:authorization|x-security-token): (.*)", text)) or text


def _header(name: str, status: str = "400 Bad Request") -> Echo:
    return lambda text: http(envelope("no"), {**JSON, name: _secrets_of(text)}, status)


def _word_header(name: str, start: str = "", status: str = "400 Bad Request") -> Echo:
    """Quote the last word of the credential alone, which may pass for a token of HTTP."""
    return lambda text: http(b"x", {name: start + _secrets_of(text).split()[-1]}, status)


# What is tried again, or refuses one item.
ECHOES: Final[Mapping[str, Echo]] = {
    **{f"message, {form}": _said(form) for form in dressed("")},
    "message of a success": lambda text: http(orjson.dumps({**_ACCEPTED, "msg": text, "message": text}), JSON),
    "message behind much else": lambda text: http(envelope("图" * 480 + text), JSON),
    "message, many times": lambda text: http(envelope(text * 200), JSON),
    "code": lambda text: http(envelope("no", text), JSON),
    "code, one word": lambda text: http(envelope("no", _secrets_of(text).split()[-1]), JSON),
    "log ids": lambda text: http(
        envelope("no", 4000, _secrets_of(text).split()[-1]),
        {**JSON, "X-Tt-Logid": _secrets_of(text).split()[-1], "X-Log-Id": text},
    ),
    "the gateway's error": lambda text: http(
        orjson.dumps({"ResponseMetadata": {"RequestId": text, "Error": {"Code": text, "Message": text}}}),
        JSON,
        "400 Bad Request",
    ),
    "a key of the envelope": lambda text: http(orjson.dumps({"code": 4000, text: text}), JSON),
    "plain text": lambda text: http(text.encode(), {"Content-Type": "text/plain"}, "500 Internal Server Error"),
    "a list": lambda text: http(orjson.dumps([text, {text: text}]), JSON, "502 Bad Gateway"),
    "a page": lambda text: http(f"<pre>{text}".encode(), {"Content-Type": "text/html"}, "400 Bad Request"),
    "gzip": lambda text: http(gzip.compress(envelope(text)), {**JSON, "Content-Encoding": "gzip"}, "400 Bad Request"),
    "reason phrase": lambda text: http(envelope("no"), JSON, f"400 {_secrets_of(text)}"),
    "Retry-After": _header("Retry-After", "429 Too Many Requests"),
    "Date": _header("Date", "503 Service Unavailable"),
    "Set-Cookie": _header("Set-Cookie"),
    "a cookie's name": lambda text: http(b"{}", {"Set-Cookie": f"({_secrets_of(text)})=1"}, "400 Bad Request"),
    "Server": _header("Server"),
    "Location, without a redirect": _header("Location"),
    "Content-Type": _word_header("Content-Type", "text/"),
    "Content-Type, a word": _word_header("Content-Type"),
    "Content-Encoding": _word_header("Content-Encoding"),
    "a status line that is none": lambda text: f"HTPT {_secrets_of(text)}\r\n\r\n".encode(),
    "a version that is none": lambda text: f"HTTP/{_secrets_of(text)} 200 OK\r\n\r\n".encode(),
    "a status that is none": lambda text: f"HTTP/1.1 {_secrets_of(text)}\r\n\r\n".encode(),
    "a header that is none": lambda text: f"HTTP/1.1 200 OK\r\n{_secrets_of(text)}\0\r\n\r\n".encode(),
    "a length that is none": lambda text: http(b"{}", framing=f"Content-Length: {_secrets_of(text)}"),
    "a coding that is none": lambda text: http(b"{}", framing=f"Transfer-Encoding: {_secrets_of(text)}"),
    "a chunk size that is none": lambda text: http(text.encode(), framing="Transfer-Encoding: chunked"),
    "gzip that is none": lambda text: http(text.encode(), {"Content-Encoding": "gzip"}),
    "a body cut short": lambda text: http(text.encode(), framing="Content-Length: 100000"),
}

# What ends all work with a target.
ENDING: Final[Mapping[str, Echo]] = {
    "401": _said("plain", "401 Unauthorized"),
    "401 with a challenge": _header("WWW-Authenticate", "401 Unauthorized"),
    "407": _header("Proxy-Authenticate", "407 Proxy Authentication Required"),
    "a quota": lambda text: http(envelope(text, 4011), JSON),
    "a long Retry-After": lambda text: http(envelope(text), {**JSON, "Retry-After": "86400"}, "429 Too Many Requests"),
}
