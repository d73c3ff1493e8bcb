"""The transport: requests to one origin, each with its answer or the way it was lost."""

import asyncio
import re
from types import TracebackType
from typing import Any, Final, Self

from aiohttp import ClientSession, ClientTimeout
from yarl import URL

from kbsync.adapters.http.bodies import CutError, read_response
from kbsync.adapters.http.connections import CALL, Call, Connector, NoCookies, once
from kbsync.adapters.http.losses import lost
from kbsync.core.wire import Lost, Request, Response
from kbsync.engine.target import Ready

__all__ = ("HttpTransport",)

# How often requests are looked at that take too long, at the least.
_LOOK_S: Final = 1.0
# Visible ASCII but no fragment, from the first slash on: nothing that could end the line, or extend the host before it.
_PATH: Final = re.compile(r"/[!\"$-~]*")
_HEADERS: Final = {"Accept-Encoding": "identity", "User-Agent": "kbsync"}


class HttpTransport:
    """Connections to one origin, at most *concurrency* at a time.

    *base_url* is a scheme, a host and perhaps a port, and comes from the configuration alone. Timeouts are seconds for
    one request: for connecting, for each wait for bytes, and for everything from the first byte to the last. Callers
    keep to *concurrency* themselves.

    The last of these is watched for all requests together, a tenth of it late at most: a timer for each, as aiohttp
    has, takes a sixth of what a request costs.
    """

    def __init__(
        self,
        base_url: str,
        *,
        concurrency: int,
        connect_timeout_s: float,
        read_timeout_s: float,
        total_timeout_s: float,
    ) -> None:
        self._origin = base_url.rstrip("/")
        self._concurrency = concurrency
        self._timeout = ClientTimeout(
            total=None,
            connect=connect_timeout_s,
            sock_connect=connect_timeout_s,
            sock_read=read_timeout_s,
        )
        self._total_timeout_s = total_timeout_s
        self._session: ClientSession | None = None
        self._calls: set[Call] = set()
        self._connecting: set[asyncio.Task[Any]] = set()
        self._watch: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"HttpTransport({self._origin!r})"

    async def __aenter__(self) -> Self:
        connector = Connector(limit=self._concurrency)
        connector.total_timeout_s = self._total_timeout_s
        connector.connecting = self._connecting
        self._session = ClientSession(
            connector=connector,
            cookie_jar=NoCookies(),
            timeout=self._timeout,
            headers=_HEADERS,
            skip_auto_headers=("Content-Type",),
            trust_env=False,
            auto_decompress=False,
            middlewares=(once,),
        )
        self._look()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._watch is not None:
            self._watch.cancel()
        if self._session is not None:
            await self._session.close()
            self._session = None

    def abandon(self) -> None:
        """Let go of every request that waits for a connection: each is lost unsent, at once."""
        while self._connecting:
            self._connecting.pop().cancel()

    def _look(self) -> None:
        """Break off what is overdue, and come back."""
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        for call in self._calls:
            if call.due_s <= now_s:
                call.break_off()
        self._watch = loop.call_later(min(self._total_timeout_s / 10, _LOOK_S), self._look)

    async def send(self, request: Request, limit_bytes: int, ready: Ready) -> Response | Lost:
        """Put *request* on the wire once and return the complete answer, or how it was lost.

        *ready* is asked when there is a connection for it, and what is lost before it said yes was not sent. It may be
        asked again when the connection breaks while it waits.
        An answer of more than *limit_bytes*, as sent or decoded, is lost. Redirects are answers like any other.
        Raises ValueError, before anything is sent, for a path that would not stand on the wire as it is.
        """
        assert self._session is not None, "the transport is entered first"
        if not _PATH.fullmatch(request.path):
            raise ValueError("a request's path has to stand on the wire as it is")
        url = URL(self._origin + request.path, encoded=True)
        assert url.raw_path_qs == request.path, "what is encoded is left alone"

        call = Call(ready)
        token = CALL.set(call)
        self._calls.add(call)
        try:
            async with self._session.request(
                request.method, url, headers=request.headers, data=request.body or None, allow_redirects=False
            ) as answer:
                try:
                    return await read_response(answer, limit_bytes)
                except CutError as cut:
                    answer.close()
                    return Lost(cut.reason, cut.detail, sent=True)
        except Exception as error:  # noqa: BLE001  aiohttp's errors hold headers, whatever their kind: none may pass
            if call.overdue:
                return Lost("timeout", f"no complete answer within {self._total_timeout_s:g} s", sent=True)
            return lost(error, sent=call.passed)
        finally:
            self._calls.discard(call)
            CALL.reset(token)
