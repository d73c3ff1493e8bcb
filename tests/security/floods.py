"""Answers without an end or without a measure, as a raw server says them."""

import asyncio
import gzip
import zlib
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from itertools import count
from typing import Final

from tests.adapters.wire_faults import Exchange, Fault, ok

__all__ = ("FLOODS", "MIB", "bomb", "flooding")

MIB: Final = 1 << 20
_PIECE: Final = 64 * 1024
_HEAD: Final = b"HTTP/1.1 200 OK\r\n"
_CHUNKED: Final = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
_GZIP: Final = b"Content-Encoding: gzip"

Flood = Callable[[Exchange], Awaitable[None]]


@lru_cache
def bomb(mib: int) -> bytes:
    """Return gzip that unfolds to so many MiB, at a thousandth of its size."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    zeros = bytes(MIB)
    block = compressor.compress(zeros) + compressor.flush(zlib.Z_FULL_FLUSH)
    check = 0
    for _ in range(mib):
        check = zlib.crc32(zeros, check)
    end = compressor.flush()
    head = gzip.compress(b"")[:10]
    return head + block * mib + end + check.to_bytes(4, "little") + (mib * MIB % 2**32).to_bytes(4, "little")


def flooding(flood: Flood) -> Fault:
    """Answer every request well, but one for `/ill` or for an update by *flood*."""

    async def serve(exchange: Exchange) -> None:
        while True:
            request = await exchange.read()
            if request.startswith(b"POST /well"):
                await exchange.write(ok(gzip.compress(b'{"code":0}' + b" " * 300_000), _GZIP))
            else:
                await flood(exchange)

    return serve


def _says(data: bytes) -> Flood:
    async def flood(exchange: Exchange) -> None:
        await exchange.write(data)

    return flood


def _for_ever(head: bytes, piece: bytes) -> Flood:
    async def flood(exchange: Exchange) -> None:
        await exchange.write(head)
        pieces = piece * (_PIECE // len(piece) or 1)
        while True:
            await exchange.write(pieces)

    return flood


def _slowly(head: bytes, pieces: Callable[[int], bytes]) -> Flood:
    async def flood(exchange: Exchange) -> None:
        await exchange.write(head)
        for number in count():
            await exchange.write(pieces(number))
            await asyncio.sleep(0.02)

    return flood


async def _gibibyte(exchange: Exchange) -> None:
    await exchange.write(_HEAD + b"Content-Length: %d\r\n\r\n" % (1024 * MIB))
    for _ in range(1024 * MIB // _PIECE):
        await exchange.write(b"x" * _PIECE)


async def _and_more(exchange: Exchange) -> None:
    """Answer well, and then go on without having been asked."""
    await exchange.write(ok())
    while True:
        await exchange.write(ok() * 1000)


def _headers(number: int) -> bytes:
    return _HEAD + b"".join(b"X-%d: %d\r\n" % (n, n) for n in range(number)) + b"Content-Length: 2\r\n\r\n{}"


# Each with the ways in which it may end: `200` stands for an answer within its bounds.
FLOODS: Final[Mapping[str, tuple[Flood, set[str]]]] = {
    "a gzip bomb of 512 MiB": (_says(ok(bomb(512), _GZIP)), {"oversized"}),
    "a gzip bomb in gzip": (_says(ok(gzip.compress(bomb(64)), _GZIP)), {"200"}),
    "a gzip bomb in gzip that says so": (
        _says(ok(gzip.compress(bomb(64)), b"Content-Encoding: gzip, gzip")),
        {"malformed"},
    ),
    "a gzip bomb in gzip, in two headers": (_says(ok(gzip.compress(bomb(64)), _GZIP, _GZIP)), {"malformed"}),
    "gzip for ever": (
        _for_ever(_HEAD + _GZIP + b"\r\n\r\n" + gzip.compress(b"")[:10], b"\0\0\0\xff\xff"),
        {"oversized"},
    ),
    "br unasked": (_says(ok(bytes(1000), b"Content-Encoding: br")), {"malformed"}),
    "zstd unasked": (_says(ok(bytes(1000), b"Content-Encoding: zstd")), {"malformed"}),
    "deflate unasked": (_says(ok(zlib.compress(bytes(MIB)), b"Content-Encoding: deflate")), {"malformed"}),
    "a body of 1 GiB": (_gibibyte, {"oversized"}),
    "a body until FIN, for ever": (_for_ever(_HEAD + b"\r\n", b"x" * 1000), {"oversized"}),
    "chunks for ever": (_for_ever(_CHUNKED, b"1000\r\n" + b"x" * 4096 + b"\r\n"), {"oversized"}),
    "a million chunks of a byte": (_says(_CHUNKED + b"1\r\n \r\n" * 1_000_000 + b"0\r\n\r\n"), {"200", "timeout"}),
    "chunks of a byte for ever": (_for_ever(_CHUNKED, b"1\r\nx\r\n"), {"oversized", "timeout"}),
    "a chunk size for ever": (_for_ever(_CHUNKED, b"0"), {"timeout"}),
    "a chunk extension for ever": (_for_ever(_CHUNKED + b"1;", b"x"), {"timeout"}),
    "chunk extensions for ever": (_for_ever(_CHUNKED, b"1;" + b"x" * 4000 + b"\r\nx\r\n"), {"oversized", "timeout"}),
    "trailers for ever": (_for_ever(_CHUNKED + b"0\r\n", b"X-Trailer: x\r\n"), {"malformed", "truncated", "timeout"}),
    "ten thousand headers": (_says(_headers(10_000)), {"malformed"}),
    "headers for ever": (_for_ever(_HEAD, b"X-Header: x\r\n"), {"malformed"}),
    "a header for ever": (_for_ever(_HEAD + b"X-Header: ", b"x"), {"malformed"}),
    "a header's name for ever": (_for_ever(_HEAD, b"X"), {"malformed"}),
    "a status line for ever": (_for_ever(b"HTTP/1.1 200 ", b"x"), {"malformed"}),
    "empty lines for ever": (_for_ever(b"", b"\r\n"), {"malformed", "timeout", "disconnected"}),
    "interim answers for ever": (_for_ever(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), {"malformed", "timeout"}),
    "answers that nobody asked for": (_and_more, {"200"}),
    "a header now and then": (_slowly(_HEAD, lambda number: b"X-%d: x\r\n" % number), {"timeout", "malformed"}),
    "a byte of body now and then": (_slowly(_HEAD + b"Content-Length: 1000000\r\n\r\n", lambda _: b" "), {"timeout"}),
    "a byte of chunks now and then": (_slowly(_CHUNKED, lambda _: b"1\r\n \r\n"), {"timeout"}),
    "interim answers now and then": (_slowly(b"", lambda _: b"HTTP/1.1 102 Processing\r\n\r\n"), {"timeout"}),
}
