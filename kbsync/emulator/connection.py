"""One client connection: a small HTTP/1.1 reader, and a writer that can also misbehave.

The server half of HTTP that the vendors' clients use: keep-alive, Content-Length, chunked bodies. Written here
because faults need bytes that an HTTP library would refuse to send, and because it is twice as fast.
"""

import asyncio
import socket
import struct
from email.utils import formatdate
from typing import Protocol, cast

from typing_extensions import override

from kbsync.emulator.messages import Answer, Request, rendered
from kbsync.emulator.wire import End, Pause, Script

__all__ = ("Connection", "Receiver", "Reply")

HEAD_MAX_BYTES = 64 * 1024
BODY_MAX_BYTES = 15 * 2**20

Reply = bytes | Script


class Receiver(Protocol):
    """What a connection hands its requests to."""

    connections: set["Connection"]

    def receive(self, request: Request) -> Reply:
        """Answer a request with bytes, or with a script to perform."""
        ...


class _BadRequestError(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


class Connection(asyncio.Protocol):
    """Reads one request after another and performs the replies in order."""

    def __init__(self, receiver: Receiver, loop: asyncio.AbstractEventLoop) -> None:
        self._receiver = receiver
        self._loop = loop
        self._buffer = bytearray()
        self._performing: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._receiver.connections.add(self)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._receiver.connections.discard(self)
        if self._performing is not None:
            self._performing.cancel()

    @override
    def pause_writing(self) -> None:
        self._writable.clear()

    @override
    def resume_writing(self) -> None:
        self._writable.set()

    @override
    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._performing is None:
            self._serve()

    def abort(self) -> None:
        """Drop the connection at once."""
        self._transport.abort()

    def _serve(self) -> None:
        """Answer what has been read completely, until a reply takes time."""
        while self._buffer and not self._transport.is_closing():
            try:
                request = _taken(self._buffer)
            except _BadRequestError as error:
                refusal = Answer(error.status, b"", content_type="text/plain")
                self._transport.write(rendered(refusal, formatdate(usegmt=True).encode(), keep_alive=False))
                self._transport.close()
                return
            if request is None:
                return
            reply = self._receiver.receive(request)
            if not isinstance(reply, bytes):
                self._performing = self._loop.create_task(self._perform(reply, request))
                return
            self._transport.write(reply)
            if not request.keep_alive:
                self._transport.close()

    async def _perform(self, script: Script, request: Request) -> None:
        for step in script:
            if self._transport.is_closing():  # the client has heard enough
                return
            match step:
                case bytes():
                    await self._writable.wait()
                    self._transport.write(step)
                case Pause():
                    await asyncio.sleep(step.seconds)
                case End.SILENCE:
                    # Nothing more is said or read until the client goes.
                    return
                case End.CLOSE:
                    self._transport.close()
                    return
                case End.RESET:
                    self._reset()
                    return
        self._performing = None
        if not request.keep_alive:
            self._transport.close()
        self._serve()

    def _reset(self) -> None:
        """Make the kernel send RST instead of FIN."""
        raw = cast("socket.socket", self._transport.get_extra_info("socket"))
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()


def _taken(buffer: bytearray) -> Request | None:
    """Take one request off the front of *buffer*, or None when it is not complete yet."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        if len(buffer) > HEAD_MAX_BYTES:
            raise _BadRequestError(431)
        return None
    lines = buffer[:end].decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise _BadRequestError(400)
    headers = _headers(lines[1:])
    if "transfer-encoding" in headers:
        framed = _chunked_body(buffer, end + 4)
    else:
        framed = _plain_body(buffer, end + 4, headers.get("content-length", "0"))
    if framed is None:
        return None
    body, stop = framed
    del buffer[:stop]
    path, _, query = words[1].partition("?")
    connection = headers.get("connection", "").lower()
    keep_alive = connection != "close" and (words[2] != "HTTP/1.0" or connection == "keep-alive")
    return Request(words[0], path, query, headers, body, keep_alive)


def _headers(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise _BadRequestError(400)
        headers[name.lower()] = value.strip(" \t")
    return headers


def _plain_body(buffer: bytearray, start: int, length: str) -> tuple[bytes, int] | None:
    """Read a body of *length* that begins at *start*; give it and where it ends."""
    if not (length.isascii() and length.isdigit()):
        raise _BadRequestError(400)
    if int(length) > BODY_MAX_BYTES:
        raise _BadRequestError(413)
    stop = start + int(length)
    return None if len(buffer) < stop else (bytes(buffer[start:stop]), stop)


def _chunked_body(buffer: bytearray, start: int) -> tuple[bytes, int] | None:
    """Read a chunked body that begins at *start*; give it and where it ends."""
    parts: list[bytes] = []
    size_total = 0
    while True:
        line_end = buffer.find(b"\r\n", start)
        if line_end < 0:
            return None
        try:
            size = int(buffer[start:line_end].partition(b";")[0], 16)
        except ValueError:
            raise _BadRequestError(400) from None
        size_total += size
        if size < 0 or size_total > BODY_MAX_BYTES:
            raise _BadRequestError(413)
        start = line_end + 2
        if size == 0:
            trailer_end = buffer.find(b"\r\n", start)
            while trailer_end > start:
                start = trailer_end + 2
                trailer_end = buffer.find(b"\r\n", start)
            return None if trailer_end < 0 else (b"".join(parts), trailer_end + 2)
        if len(buffer) < start + size + 2:
            return None
        parts.append(bytes(buffer[start : start + size]))
        start += size + 2
