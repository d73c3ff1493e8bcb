"""A raw server that misbehaves to order: real sockets, and bytes that no HTTP library would send."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

__all__ = ("Exchange", "Fault", "RawServer", "ok", "reset", "serving")

_LINGER_NOT = struct.pack("ii", 1, 0)


class RawServer:
    """Counts what arrives. *requests* holds those that were read in full, head and body."""

    def __init__(self) -> None:
        self.port = 0
        self.connections = 0
        self.requests: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class Exchange:
    """One connection, as a fault sees it."""

    def __init__(self, server: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server = server
        self.number = server.connections
        self._reader = reader
        self._writer = writer

    async def read_head(self) -> bytes:
        return await self._reader.readuntil(b"\r\n\r\n")

    async def read(self) -> bytes:
        """Read one request, and count it."""
        head = await self.read_head()
        length = 0
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        request = head + await self._reader.readexactly(length)
        self.server.requests.append(request)
        return request

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    def reset(self) -> None:
        """Close with RST."""
        raw: socket.socket = self._writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        self._writer.transport.abort()


Fault = Callable[[Exchange], Awaitable[None]]


@asynccontextmanager
async def serving(fault: Fault, context: ssl.SSLContext | None = None) -> AsyncIterator[RawServer]:
    """Serve every connection by *fault*; the connection is closed when it returns."""
    server = RawServer()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        server.connections += 1
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await fault(Exchange(server, reader, writer))
        except asyncio.CancelledError:
            pass
        finally:
            tasks.discard(task)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await listener.wait_closed()


def ok(body: bytes = b'{"code":0}', *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """Return a well-formed answer."""
    lines = (b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers)
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


async def reset(exchange: Exchange) -> None:
    """Answer nothing, and reset."""
    exchange.reset()
