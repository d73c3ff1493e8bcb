"""Coze's envelope, log ids and error codes."""

import itertools
import time

import orjson

from kbsync.emulator.messages import Answer, JsonObject

__all__ = (
    "BAD_PARAMETER",
    "NOT_FOUND",
    "NO_PERMISSION",
    "UNAUTHENTICATED",
    "LogIds",
    "failed",
    "succeeded",
    "with_code",
)

BAD_PARAMETER = 4000
UNAUTHENTICATED = 4100
NO_PERMISSION = 4101
NOT_FOUND = 4200


class LogIds:
    """Log ids of the usual shape: 14 digits of time, 18 of something."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._second = -1
        self._stamp = ""

    def next(self) -> str:
        """Give one that was not given before."""
        now_s = int(time.time())
        if now_s != self._second:
            self._second = now_s
            self._stamp = time.strftime("%Y%m%d%H%M%S", time.localtime(now_s))
        # An odd factor permutes the numbers below 2^72: they look random and never repeat.
        return f"{self._stamp}{next(self._numbers) * 0x9E3779B97F4A7C15F5 % 2**72:018X}"


def succeeded(log_id: str, payload: JsonObject | None = None) -> Answer:
    """Answer code 0, with the members of *payload* at the top level."""
    if payload is None:
        body = b'{"code":0,"msg":"","detail":{"logid":"%b"}}' % log_id.encode()
    else:
        body = orjson.dumps({"code": 0, "msg": "", "detail": {"logid": log_id}, **payload})
    return Answer(200, body, 0, (("X-Tt-Logid", log_id),))


def failed(status: int, code: int, message: str, log_id: str) -> Answer:
    """Answer a failure."""
    body = orjson.dumps({"code": code, "msg": message, "detail": {"logid": log_id}})
    return Answer(status, body, code, (("X-Tt-Logid", log_id),))


def with_code(code: str, log_id: str) -> Answer:
    """Answer HTTP 200 with *code* as it stands, or without one when it is empty."""
    member = f'"code":{code},' if code else ""
    body = f'{{{member}"msg":"","detail":{{"logid":"{log_id}"}}}}'
    return Answer(200, body.encode(), None, (("X-Tt-Logid", log_id),))
