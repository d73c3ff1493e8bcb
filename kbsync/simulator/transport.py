"""The way to a modelled account and back, in virtual time."""

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

import anyio

from kbsync.core.wire import Lost, Request, Response
from kbsync.engine.target import Ready
from kbsync.simulator.faults import Fault
from kbsync.simulator.provider import ModelProvider, Reply
from kbsync.simulator.wire import Ask, ModelRequest, ModelResponse

__all__ = ("Came", "Left", "ModelTransport", "Watch")

_HELD_BACK: Final = Lost("unsent", "held back", sent=False)
_TIMEOUT: Final = Lost("timeout", "no answer in time", sent=True)


class Left(NamedTuple):
    """A request whose first byte left."""

    ask: Ask
    at_s: float


class Came(NamedTuple):
    """What the sender was told of a request that left, or that got no connection."""

    ask: Ask
    reply: Reply
    at_s: float


Watch: TypeAlias = Callable[[Left | Came], None]


class ModelTransport:
    """Moves requests to *provider*; *watch* is told what left and what came back.

    A connection is made when none is kept, which takes as long as a request, and is kept after each answer. Nobody
    waits longer than *timeout_s* for an answer.
    """

    def __init__(self, provider: ModelProvider, timeout_s: float, watch: Watch) -> None:
        self._provider = provider
        self._timeout_s = timeout_s
        self._watch = watch
        self._kept = 0
        self._dead = False
        self._abandoned = anyio.Event()

    def abandon(self) -> None:
        """Let go of every request that waits for a connection."""
        self._abandoned.set()

    def die(self) -> None:
        """Send nothing more, and tell nobody of anything: the process is killed. What has left arrives all the same."""
        self._dead = True

    async def send(self, request: Request, limit_bytes: int, ready: Ready) -> Response | Lost:  # noqa: ARG002
        """Send *request* once, when *ready* says that it may leave."""
        assert isinstance(request, ModelRequest), "a model takes the requests of its own codec"
        ask = request.ask
        fault = self._provider.luck.fault(ask, anyio.current_time())
        lost = await self._connect(fault)
        if lost is _HELD_BACK:
            return _HELD_BACK
        if lost is not None:
            self._watch(Came(ask, lost, anyio.current_time()))
            return lost
        if not await ready():
            self._kept += 1
            return _HELD_BACK

        if self._dead:
            await anyio.sleep_forever()
        reply = await self._exchange(ask, fault)
        if self._dead:
            await anyio.sleep_forever()
        self._watch(Came(ask, reply, anyio.current_time()))
        if isinstance(reply, Lost):
            return reply
        self._kept += 1
        return ModelResponse(reply.answer.http_status or 200, {}, b"", meaning=reply)

    async def _connect(self, fault: Fault | None) -> Lost | None:
        """Take a connection that is kept, or make one; or say why there is none."""
        refusal = fault.reply if fault is not None and isinstance(fault.reply, Lost) and not fault.reply.sent else None
        if self._kept and refusal is None:
            self._kept -= 1
            return None
        with anyio.move_on_after(self._latency_s()):
            await self._abandoned.wait()
            return _HELD_BACK
        if self._dead:
            await anyio.sleep_forever()
        return refusal

    async def _exchange(self, ask: Ask, fault: Fault | None) -> Reply:
        now_s = anyio.current_time()
        self._watch(Left(ask, now_s))
        there_s, back_s = self._latency_s() / 2, self._latency_s() / 2
        arrival = self._provider.send(ask, now_s + there_s, fault)
        if fault is not None:
            back_s += self._timeout_s if fault.silent else self._provider.luck.between(fault.delay_s)
        await anyio.sleep(min(there_s + back_s, self._timeout_s))

        self._provider.catch_up(anyio.current_time())
        if arrival.reply is None or there_s + back_s > self._timeout_s:
            return _TIMEOUT
        return arrival.reply

    def _latency_s(self) -> float:
        return self._provider.luck.between(self._provider.model.latency_s)
