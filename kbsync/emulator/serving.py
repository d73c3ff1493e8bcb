"""Running the emulator inside a test: in its event loop, or in a thread beside it."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from queue import SimpleQueue
from typing import NamedTuple

from kbsync.emulator.connection import Connection
from kbsync.emulator.emulator import Emulator

__all__ = ("Running", "serve", "served_in_thread")

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


@contextmanager
def served_in_thread(emulator: Emulator, *, host: str = LOOPBACK, port: int = 0) -> Generator[Running]:
    """Let *emulator* listen in a thread of its own for as long as the block runs: for clients that block.

    The block may read and replace members of the emulator; nothing is torn, but nothing is atomic either.
    """
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    started: SimpleQueue[Running | OSError] = SimpleQueue()

    async def live() -> None:
        try:
            async with serve(emulator, host=host, port=port) as running:
                started.put(running)
                await stop.wait()
        except OSError as error:
            started.put(error)

    def work() -> None:
        try:
            loop.run_until_complete(live())
        finally:
            loop.close()

    thread = threading.Thread(target=work, name="kbsync-emulator", daemon=True)
    thread.start()
    running = started.get()
    if isinstance(running, OSError):
        thread.join()
        raise running
    try:
        yield running
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
