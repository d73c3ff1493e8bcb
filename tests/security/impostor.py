"""A server of both APIs that says whatever a test wants said: the emulator, with somebody who may answer first."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import orjson

from kbsync.emulator import Emulator, World
from kbsync.emulator.connection import Reply
from kbsync.emulator.messages import Request

__all__ = ("Impostor", "Speaker", "envelope", "http")

Speaker: TypeAlias = Callable[[Request], Reply | None]


class Impostor(Emulator):
    """Answers as *speaker* does, and as an emulator where that has nothing to say. Keeps every request."""

    def __init__(self, world: World, speaker: Speaker = lambda _: None) -> None:
        super().__init__(world)
        self.speaker = speaker
        self.heard: list[Request] = []

    def receive(self, request: Request) -> Reply:
        self.heard.append(request)
        reply = self.speaker(request)
        return super().receive(request) if reply is None else reply


def http(
    body: bytes,
    headers: Mapping[str, str] | None = None,
    status: str = "200 OK",
    *,
    framing: str | None = None,
) -> bytes:
    """Write an answer as it is wanted, well-formed or not. Header values end where their first line does."""
    lines = [f"HTTP/1.1 {status}", framing or f"Content-Length: {len(body)}"]
    lines += [f"{name}: {' '.join(value.split())}" for name, value in (headers or {}).items()]
    return "\r\n".join((*lines, "", "")).encode("utf-8", "surrogateescape") + body


def envelope(message: object, code: object = 4000, log_id: object = "") -> bytes:
    """Write what both providers understand as an answer that says *message*, *code* and *log_id*."""
    value = {"code": code, "msg": message, "message": message, "request_id": log_id, "detail": {"logid": log_id}}
    return orjson.dumps(value)
