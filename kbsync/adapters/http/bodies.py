"""Answers, read up to a limit and no further, compressed or not."""

import zlib
from typing import Final

from aiohttp import ClientResponse

from kbsync.core.wire import Response

__all__ = ("CutError", "read_response")

# So much of a compressed answer is unfolded at a time.
_STEP_BYTES: Final = 64 * 1024


class CutError(Exception):
    """Raised when a body cannot be used; *reason* and *detail* are those of `Lost`."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


async def read_response(answer: ClientResponse, limit_bytes: int) -> Response:
    """Return the complete answer. Raises CutError when its body cannot be used, or has more than *limit_bytes*."""
    headers: dict[str, str] = {}
    for name, value in answer.headers.items():
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value

    encoding = headers.get("content-encoding", "").strip().lower()
    return Response(answer.status, headers, await _body(answer, encoding, limit_bytes))


async def _body(answer: ClientResponse, encoding: str, limit_bytes: int) -> bytes:
    """Return the body without its compression, which nobody asked for but some proxies apply all the same.

    Stops reading, and unfolding, at the limit.
    """
    if encoding not in {"", "identity", "gzip", "x-gzip"}:
        raise CutError("malformed", "the answer has a content encoding that was not asked for")
    if (answer.content_length or 0) > limit_bytes:
        raise CutError("oversized", f"the answer announces {answer.content_length} bytes")

    content = answer.content
    gzip = _Gzip() if encoding.endswith("gzip") else None
    body = bytearray()
    sent = 0
    while piece := await content.readany():
        sent += len(piece)
        if gzip is None:
            body += piece
        else:
            gzip.unfold(piece, body, limit_bytes)
        if sent > limit_bytes or len(body) > limit_bytes:
            raise CutError("oversized", f"the answer has more than {limit_bytes} bytes, as sent or decoded")

    if gzip is not None and not gzip.complete:
        raise CutError("truncated", "the answer's gzip ends early")
    return bytes(body)


class _Gzip:
    """The compression of one answer, undone piece by piece; *complete* says that its end was seen."""

    def __init__(self) -> None:
        self.complete = False
        self._inflater = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)

    def unfold(self, piece: bytes, body: bytearray, limit_bytes: int) -> None:
        """Append what *piece* stands for to *body*, until that is over the limit.

        Raises CutError for what is no gzip.
        """
        if self.complete:
            raise CutError("malformed", "the answer goes on behind its gzip")
        inflater = self._inflater
        try:
            while piece and len(body) <= limit_bytes:
                body += inflater.decompress(piece, _STEP_BYTES)
                piece = inflater.unconsumed_tail
        except zlib.error:
            raise CutError("malformed", "the answer is not the gzip it claims to be") from None
        self.complete = inflater.eof
        if inflater.unused_data:
            raise CutError("malformed", "the answer goes on behind its gzip")
