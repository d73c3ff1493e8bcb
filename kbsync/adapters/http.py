"""HTTP by aiohttp: one call of `send` puts at most one request on the wire, and always says what came of it.

aiohttp is kept from what it does unasked: sending PUT and DELETE again after a broken connection, following redirects,
reading and keeping cookies, reading proxies and credentials from the environment, decompressing without a bound. None
of its exceptions and log records leaves this module, because their texts hold headers and addresses.
"""

import asyncio
import logging
import re
import zlib
from collections.abc import Sequence
from contextvars import ContextVar
from functools import partial
from math import inf
from types import TracebackType
from typing import Any, Final, Self

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientConnectorSSLError,
    ClientError,
    ClientHandlerType,
    ClientOSError,
    ClientPayloadError,
    ClientRequest,
    ClientResponse,
    ClientResponseError,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    DummyCookieJar,
    InvalidURL,
    ServerDisconnectedError,
    ServerFingerprintMismatch,
    TCPConnector,
)
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from yarl import URL

from kbsync.core.wire import Lost, Request, Response
from kbsync.engine.target import Ready

__all__ = ("HttpTransport",)

# Below what servers and load balancers commonly keep an idle connection for, so that few requests meet a closed one.
_KEEP_ALIVE_S: Final = 15
_DNS_CACHE_S: Final = 60
# A connection may end while its request waits for its turn, but not again and again.
_CONNECTIONS_PER_REQUEST: Final = 5
# So much of a compressed answer is unfolded at a time.
_STEP_BYTES: Final = 64 * 1024
# How often requests are looked at that take too long, at the least.
_LOOK_S: Final = 1.0
# Visible ASCII but no fragment, from the first slash on: nothing that could end the line, or extend the host before it.
_PATH: Final = re.compile(r"/[!\"$-~]*")
_HEADERS: Final = {"Accept-Encoding": "identity", "User-Agent": "kbsync"}

# Without a handler, what libraries log goes to stderr: texts of servers, and in asyncio's debug mode whatever is sent.
for _name in ("aiohttp", "asyncio"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)


class _BrokenError(ClientError):
    """Stands for a connection that broke while a request was on it: aiohttp repeats requests only for its own kinds."""


class _CutError(Exception):
    """Raised when a body cannot be used; *reason* and *detail* are those of `Lost`."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


class _HeldBackError(Exception):
    """Raised when there is a connection, and the request may not leave."""


class _Call:
    """One request: *ready* is asked before its first byte, and what it said last is *passed*.

    From then on it has its *connection*, and until *due_s* (of the loop's clock) to be answered.
    """

    __slots__ = ("connection", "due_s", "overdue", "passed", "ready")

    def __init__(self, ready: Ready) -> None:
        self.ready = ready
        self.passed = False
        self.connection: Connection | None = None
        self.due_s = inf
        self.overdue = False

    def break_off(self) -> None:
        """End a request that is overdue: its connection breaks, and whoever waits for the answer is told."""
        protocol = self.connection.protocol if self.connection is not None else None
        if protocol is not None and protocol.transport is not None:
            self.overdue = True
            protocol.transport.abort()


# What the connector knows of the request that it connects for, which is one of the same task.
_CALL: Final[ContextVar[_Call]] = ContextVar("_CALL")


class _NoCookies(DummyCookieJar):
    """Does not even look at the cookies that a server sets."""

    def update_cookies_from_headers(self, headers: Sequence[str], response_url: URL) -> None:
        """Do nothing."""


class _Protocol(ResponseHandler):
    """Listens only while a request is on the connection: what a server says before is no answer to the next one."""

    asked = False

    def data_received(self, data: bytes) -> None:
        """Take *data*, or end a connection on which nothing was asked."""
        if self.asked or not data:
            super().data_received(data)
        else:
            self.close()

    def fall_silent(self) -> None:
        """Expect nothing more."""
        self.asked = False


class _Connector(TCPConnector):
    """Hands out a connection when its request may leave: until then, nothing was sent for sure.

    That wait counts neither as connecting nor for the *total_timeout_s* of the request. *connecting* are the tasks that
    have no connection yet; whoever cancels one takes it out first.
    """

    total_timeout_s: float = inf
    connecting: set[asyncio.Task[Any]]

    def __init__(self, *, limit: int) -> None:
        super().__init__(  # pyright: ignore[reportUnknownMemberType]  # of a socket factory
            limit=limit, keepalive_timeout=_KEEP_ALIVE_S, ttl_dns_cache=_DNS_CACHE_S
        )
        self._factory = partial(_Protocol, loop=self._loop)  # type: ignore[assignment]  # makes one of its kind

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: ClientTimeout,  # noqa: ASYNC109  the signature is aiohttp's
    ) -> Connection:
        call = _CALL.get()
        for _ in range(_CONNECTIONS_PER_REQUEST):
            connection = await self._connected(req, traces, timeout)
            protocol = connection.protocol
            assert isinstance(protocol, _Protocol)
            try:
                call.passed = await call.ready()
            finally:
                if not call.passed:
                    connection.release()
            if not call.passed:
                raise _HeldBackError
            if protocol.is_connected():
                protocol.asked = True
                connection.add_callback(protocol.fall_silent)
                call.connection = connection
                call.due_s = self._loop.time() + self.total_timeout_s
                return connection
            call.passed = False  # it was closed meanwhile, and never used
            connection.close()
        raise ServerDisconnectedError

    async def _connected(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: ClientTimeout,  # noqa: ASYNC109  likewise
    ) -> Connection:
        """Return a connection. Raises _HeldBackError when it is no longer wanted."""
        task = asyncio.current_task()
        assert task is not None
        self.connecting.add(task)
        try:
            return await super().connect(req, traces, timeout)
        except asyncio.CancelledError:
            if task in self.connecting or task.uncancel():
                raise  # somebody else wants it to end
            raise _HeldBackError from None
        finally:
            self.connecting.discard(task)


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
        self._calls: set[_Call] = set()
        self._connecting: set[asyncio.Task[Any]] = set()
        self._watch: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"HttpTransport({self._origin!r})"

    async def __aenter__(self) -> Self:
        connector = _Connector(limit=self._concurrency)
        connector.total_timeout_s = self._total_timeout_s
        connector.connecting = self._connecting
        self._session = ClientSession(
            connector=connector,
            cookie_jar=_NoCookies(),
            timeout=self._timeout,
            headers=_HEADERS,
            skip_auto_headers=("Content-Type",),
            trust_env=False,
            auto_decompress=False,
            middlewares=(_once,),
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

        call = _Call(ready)
        token = _CALL.set(call)
        self._calls.add(call)
        try:
            async with self._session.request(
                request.method, url, headers=request.headers, data=request.body or None, allow_redirects=False
            ) as answer:
                try:
                    return await _response(answer, limit_bytes)
                except _CutError as cut:
                    answer.close()
                    return Lost(cut.reason, cut.detail, sent=True)
        except Exception as error:  # noqa: BLE001  aiohttp's errors hold headers, whatever their kind: none may pass
            if call.overdue:
                return Lost("timeout", f"no complete answer within {self._total_timeout_s:g} s", sent=True)
            return _lost(error, sent=call.passed)
        finally:
            self._calls.discard(call)
            _CALL.reset(token)


async def _once(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Hide broken connections from aiohttp, which would send a PUT or DELETE a second time."""
    try:
        return await handler(request)
    except ClientConnectorError:
        raise
    except (ClientOSError, ServerDisconnectedError) as error:
        raise _BrokenError(_named(error)) from None


async def _response(answer: ClientResponse, limit_bytes: int) -> Response:
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
        raise _CutError("malformed", "the answer has a content encoding that was not asked for")
    if (answer.content_length or 0) > limit_bytes:
        raise _CutError("oversized", f"the answer announces {answer.content_length} bytes")

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
            raise _CutError("oversized", f"the answer has more than {limit_bytes} bytes, as sent or decoded")

    if gzip is not None and not gzip.complete:
        raise _CutError("truncated", "the answer's gzip ends early")
    return bytes(body)


class _Gzip:
    """The compression of one answer, undone piece by piece; *complete* says that its end was seen."""

    def __init__(self) -> None:
        self.complete = False
        self._inflater = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)

    def unfold(self, piece: bytes, body: bytearray, limit_bytes: int) -> None:
        """Append what *piece* stands for to *body*, until that is over the limit.

        Raises _CutError for what is no gzip.
        """
        if self.complete:
            raise _CutError("malformed", "the answer goes on behind its gzip")
        inflater = self._inflater
        try:
            while piece and len(body) <= limit_bytes:
                body += inflater.decompress(piece, _STEP_BYTES)
                piece = inflater.unconsumed_tail
        except zlib.error:
            raise _CutError("malformed", "the answer is not the gzip it claims to be") from None
        self.complete = inflater.eof
        if inflater.unused_data:
            raise _CutError("malformed", "the answer goes on behind its gzip")


def _lost(error: Exception, *, sent: bool) -> Lost:
    """Say what *error* means, from its kind and number alone: its text may hold headers or the address."""
    detail = _named(error)
    match error:
        case _HeldBackError():
            return Lost("unsent", "it was held back", sent=False)
        case ClientConnectorCertificateError() | ClientConnectorSSLError() | ServerFingerprintMismatch():
            return Lost("tls", detail, sent, fatal=True)
        case ClientConnectorDNSError():
            return Lost("dns", detail, sent)
        case ClientConnectorError() | ConnectionTimeoutError():
            return Lost("connect", detail, sent)
        case InvalidURL():
            return Lost("malformed", detail, sent, fatal=True)
        case TimeoutError():
            return Lost("timeout", detail, sent)
        case ClientPayloadError():
            return Lost("truncated", detail, sent)
        case ClientResponseError():  # aiohttp's parser gives up with a made-up status of 400
            return Lost("malformed", detail, sent)
        case _BrokenError() | ClientError() | OSError():
            return Lost("disconnected", detail, sent)
        case _:
            return Lost("malformed", detail, sent)


def _named(error: Exception) -> str:
    if isinstance(error, _BrokenError):
        return str(error)
    number = error.errno if isinstance(error, OSError) else None
    return type(error).__name__ + (f" [Errno {number}]" if number is not None else "")
