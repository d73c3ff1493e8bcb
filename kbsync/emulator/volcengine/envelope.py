"""Volcengine's envelope, request ids and error codes."""

import itertools
import time

import orjson

from kbsync.emulator.messages import Answer, Json

__all__ = (
    "COLLECTION_MISSING",
    "DOC_MISSING",
    "FORBIDDEN",
    "INVALID_REQUEST",
    "INVALID_TIMESTAMP",
    "UNAUTHORIZED",
    "RefusedError",
    "RequestIds",
    "failed",
    "succeeded",
    "with_code",
)

UNAUTHORIZED = 1000001
FORBIDDEN = 1000002
INVALID_REQUEST = 1000003
COLLECTION_MISSING = 1000005
DOC_MISSING = 1001001
INVALID_TIMESTAMP = 100006


class RefusedError(Exception):
    """A call is refused with an HTTP status, a code and a message."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class RequestIds:
    """Request ids of the usual shape: 02, the time in milliseconds, a long number in hex."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def next(self) -> str:
        """Give one that was not given before."""
        number = next(self._numbers) * 0x9E3779B97F4A7C15F5 % 2**80
        return f"02{int(time.time() * 1000)}fd001de66666{number:026x}"


def succeeded(request_id: str, data: Json = None) -> Answer:
    """Answer code 0, with *data* if there is any."""
    if data is None:
        body = b'{"code":0,"message":"success","request_id":"%b"}' % request_id.encode()
    else:
        body = orjson.dumps({"code": 0, "message": "success", "request_id": request_id, "data": data})
    return Answer(200, body, 0, (("X-Tt-Logid", request_id),))


def failed(status: int, code: int, message: str, request_id: str) -> Answer:
    """Answer a failure."""
    body = orjson.dumps({"code": code, "message": message, "request_id": request_id})
    return Answer(status, body, code, (("X-Tt-Logid", request_id),))


def with_code(code: str, request_id: str) -> Answer:
    """Answer HTTP 200 with *code* as it stands, or without one when it is empty."""
    member = f'"code":{code},' if code else ""
    body = f'{{{member}"message":"success","request_id":"{request_id}"}}'
    return Answer(200, body.encode(), None, (("X-Tt-Logid", request_id),))
