"""Connections that carry a request when it may leave, and at most once."""

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar
from functools import partial
from math import inf
from typing import Any, Final

from aiohttp import (
    ClientConnectorError,
    ClientHandlerType,
    ClientOSError,
    ClientRequest,
    ClientResponse,
    ClientTimeout,
    DummyCookieJar,
    ServerDisconnectedError,
    TCPConnector,
)
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from yarl import URL

from kbsync.adapters.http.losses import BrokenError, HeldBackError, named
from kbsync.engine.target import Ready

__all__ = ("CALL", "Call", "Connector", "NoCookies", "once")

# Below what servers and load balancers commonly keep an idle connection for, so that few requests meet a closed one.
_KEEP_ALIVE_S: Final = 15
_DNS_CACHE_S: Final = 60
# A connection may end while its request waits for its turn, but not again and again.
_CONNECTIONS_PER_REQUEST: Final = 5


class Call:
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
CALL: Final[ContextVar[Call]] = ContextVar("CALL")


class NoCookies(DummyCookieJar):
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


class Connector(TCPConnector):
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
        """Return a connection whose request may leave now. Raises HeldBackError when it may not."""
        call = CALL.get()
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
                raise HeldBackError
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
        """Return a connection. Raises HeldBackError when it is no longer wanted."""
        task = asyncio.current_task()
        assert task is not None
        self.connecting.add(task)
        try:
            return await super().connect(req, traces, timeout)
        except asyncio.CancelledError:
            if task in self.connecting or task.uncancel():
                raise  # somebody else wants it to end
            raise HeldBackError from None
        finally:
            self.connecting.discard(task)


async def once(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Hide broken connections from aiohttp, which would send a PUT or DELETE a second time."""
    try:
        return await handler(request)
    except ClientConnectorError:
        raise
    except (ClientOSError, ServerDisconnectedError) as error:
        raise BrokenError(named(error)) from None
