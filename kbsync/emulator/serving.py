"""Running the emulator: inside a test's event loop."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import NamedTuple

from kbsync.emulator.connection import Connection
from kbsync.emulator.emulator import Emulator

__all__ = ("Running", "serve")

LOOPBACK = "127.0.0.1"
_BACKLOG = 1024


class Running(NamedTuple):
    """An emulator that listens."""

    emulator: Emulator
    host: str
    port: int

    @property
    def base_url(self) -> str:
        """Where it listens."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


@asynccontextmanager
async def serve(emulator: Emulator, *, host: str = LOOPBACK, port: int = 0) -> AsyncGenerator[Running]:
    """Let *emulator* listen for as long as the block runs. Port 0 picks a free one."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(emulator, loop), host, port, backlog=_BACKLOG)
    try:
        yield Running(emulator, host, server.sockets[0].getsockname()[1])
    finally:
        server.close()
        emulator.close()
        await server.wait_closed()
