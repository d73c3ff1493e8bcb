"""Answers that are far too large: how soon they are cut, and what they cost until then.

`python -m benchmarks.bombs CLIENT URL` asks once and prints the cost; the server is a thread of whoever measures.
"""

import asyncio
import gc
import json
import socket
import sys
import threading
import time
import zlib
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from benchmarks.children import child, peak_mib
from benchmarks.table import Rounds, Row, table

__all__ = ("main", "measure_bombs")

_MIB: Final = 1 << 20
_OK: Final = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
_WELL: Final = _OK + b'Content-Length: 10\r\n\r\n{"code":0}'
_PATIENCE_S: Final = 120.0

Answer = Callable[[socket.socket], None]


def measure_bombs(folder: Path, mib: int, rounds: int) -> tuple[str, list[Row]]:
    """Return the table and its rows; a bomb unfolds to *mib* MiB, a plain body has twice as many."""
    bomb = _bomb(mib)
    cases: dict[str, tuple[str, Answer]] = {
        "kbsync, gzip": ("kbsync", lambda client: client.sendall(bomb)),
        "bare aiohttp, gzip": ("aiohttp", lambda client: client.sendall(bomb)),
        "kbsync, plain": ("kbsync", lambda client: _plain(client, 2 * mib)),
        "kbsync, chunks without an end": ("kbsync", _chunks),
        "kbsync, an answer of 10 bytes": ("kbsync", lambda client: client.sendall(_WELL)),
    }
    found = Rounds()
    ends: dict[str, str] = {}
    for _ in range(rounds):
        for name, (client, answer) in cases.items():
            with _served(answer) as url:
                told = json.loads(child(sys.executable, "-m", "benchmarks.bombs", client, url, cwd=folder).out)
            ends[name] = told["end"]
            found.add(name, ms=told["seconds"] * 1000, mib=told["mib"])
    rows = [
        Row(name, {"ms": found.median(name, "ms"), "grown MiB": found.median(name, "mib"), "ended": ends[name]})
        for name in cases
    ]
    title = f"Answers too large: gzip of {len(bomb):,} bytes that unfolds to {mib} MiB, a plain body of {2 * mib} MiB"
    return table(title, rows), rows


def main() -> None:
    send = {"kbsync": _by_kbsync, "aiohttp": _by_aiohttp}[sys.argv[1]]
    print(json.dumps(asyncio.run(send(sys.argv[2]))))


async def _by_kbsync(url: str) -> dict[str, object]:
    from kbsync.adapters.http import HttpTransport
    from kbsync.core.wire import Lost, Request
    from kbsync.engine.target import READ_ANSWER_BYTES

    async def at_once() -> bool:
        return True

    request = Request("POST", "/x", {}, b"{}")
    async with HttpTransport(
        url, concurrency=1, connect_timeout_s=5, read_timeout_s=_PATIENCE_S, total_timeout_s=_PATIENCE_S
    ) as transport:
        await transport.send(request, READ_ANSWER_BYTES, at_once)
        began = _Began()
        answer = await transport.send(request, READ_ANSWER_BYTES, at_once)
        return began.told(answer.reason if isinstance(answer, Lost) else str(answer.status))


async def _by_aiohttp(url: str) -> dict[str, object]:
    from aiohttp import ClientSession

    async with ClientSession() as session:
        async with session.post(f"{url}/x", data=b"{}") as answer:
            await answer.read()
        began = _Began()
        async with session.post(f"{url}/x", data=b"{}") as answer:
            body = await answer.read()
        return began.told(f"{len(body):,} bytes")


class _Began:
    """The moment before the answer that is measured."""

    def __init__(self) -> None:
        gc.collect()
        self._mib, self._at_s = peak_mib(), time.perf_counter()

    def told(self, end: str) -> dict[str, object]:
        """Return what was spent since, and how it *end*ed."""
        return {"seconds": time.perf_counter() - self._at_s, "mib": peak_mib() - self._mib, "end": end}


def _bomb(mib: int) -> bytes:
    compressor = zlib.compressobj(9, wbits=31)
    zeros = bytes(_MIB)
    body = b"".join(compressor.compress(zeros) for _ in range(mib)) + compressor.flush()
    return _OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def _plain(client: socket.socket, mib: int) -> None:
    client.sendall(_OK + b"\r\n")
    for _ in range(mib):
        client.sendall(b" " * _MIB)


def _chunks(client: socket.socket) -> None:
    client.sendall(_OK + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        client.sendall((b"1000\r\n" + b" " * 4096 + b"\r\n") * 16)


@contextmanager
def _served(answer: Answer) -> Generator[str]:
    """Serve one request well and the next by *answer*, each on a connection of its own, and yield the address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for reply in (lambda client: client.sendall(_WELL), answer):
                client, _ = listener.accept()
                with client, suppress(OSError):
                    client.recv(65536)
                    reply(client)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


if __name__ == "__main__":
    main()
