"""The emulator without a network: its truth is a log on disk, so that it outlives a client that shares its process."""

import os
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import anyio
import orjson

from kbsync.core.wire import Lost, Request, Response
from kbsync.emulator import Emulator
from kbsync.emulator import messages as seen
from kbsync.emulator.archive import load_world
from kbsync.emulator.ledger import Record
from kbsync.emulator.rules import Rule
from kbsync.engine.target import Ready
from tests.faults.boundaries import Boundary
from tests.stories.world import Content, Place

__all__ = ("InnerServer", "InnerTransport", "Logged")

# Long enough for as many requests as may to be under way at once.
_LATENCY_S: Final = 0.002
_READS: Final = ("/doc/list", "/doc/info")


class Logged(dict[str, Any]):
    """One request as the log holds it: what was asked, and what became of it."""

    @property
    def key(self) -> tuple[str, str]:
        """Its operation, and the id of its item."""
        return self["operation"], self["item"].rpartition("/")[2]


class InnerServer:
    """An emulator with the content of the file *data*, and everything done to it that stands in the file *log*."""

    def __init__(self, data: Path, log: Path, rules: Sequence[Rule] = ()) -> None:
        self._emulator = Emulator(load_world(data))
        self._path = log
        for one in self.requests():
            if one["fate"] == "applied":
                self._emulator.receive(_received(one))
        self._emulator.clear_records()
        self._emulator.set_rules(tuple(rules))

    def receive(self, request: Request) -> Response | Lost:
        """Do what *request* asks, log it, and answer; the connection may end instead."""
        one = {"method": request.method, "path": request.path, "headers": dict(request.headers)}
        one["body"] = b64encode(request.body).decode()
        reply = self._emulator.receive(_received(one))
        (record,) = self._emulator.ledger.records[-1:]
        self._note(one, record)
        return _answered(reply) if isinstance(reply, bytes) else Lost("disconnected", "for a test", sent=True)

    def requests(self) -> list[Logged]:
        """Give every request that was ever received."""
        text = self._path.read_bytes() if self._path.exists() else b""
        return [Logged(orjson.loads(line)) for line in text.splitlines()]

    def writes(self, since: int = 0) -> list[Logged]:
        """Give the writes among them, from number *since* on."""
        return [one for one in self.requests()[since:] if one["fate"] != "read"]

    def well_answered(self, since: int) -> Counter[tuple[str, str]]:
        """Count the writes that were applied and confirmed, by operation and id."""
        return Counter(one.key for one in self.writes(since) if one["fate"] == "applied" and not one["fault"])

    def content(self, places: Sequence[Place]) -> Content:
        """Give what the server holds at *places*."""
        return {place: self._value(place) for place in places}

    def _note(self, one: dict[str, Any], record: Record) -> None:
        told = {"operation": record.operation, "item": record.item, "fate": record.fate, "fault": record.fault}
        line = orjson.dumps({**one, **told, "status": record.status}) + b"\n"
        with os.fdopen(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb", 0) as file:
            file.write(line)

    def _value(self, place: Place) -> Any:
        world = self._emulator.world
        match place.kind:
            case "image":
                return world.datasets[place.container].images[place.id].caption
            case "document":
                document = world.datasets[place.container].documents[place.id]
                return document.name, document.update_type, document.update_interval_h
            case _:
                doc = world.collections["default", place.container].docs[place.id]
                fields = orjson.loads(doc.meta)
                return doc.name, {one["field_name"]: (one["field_type"], one["field_value"]) for one in fields}


class InnerTransport:
    """What a run takes for its connections, with *server* behind it; each request passes its boundaries.

    It keeps the contract of `kbsync.engine.target.Transport`.
    """

    def __init__(self, server: InnerServer, boundary: Boundary) -> None:
        self._server = server
        self._boundary = boundary

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        return None

    def abandon(self) -> None:
        """Do nothing: nobody waits for a connection here."""

    async def send(self, request: Request, limit_bytes: int, ready: Ready) -> Response | Lost:
        """Hand *request* to the server at most once."""
        what = "read" if request.path.endswith(_READS) else "write"
        self._boundary(f"before a {what} is sent")
        if not await ready():
            return Lost("unsent", "held back", sent=False)
        self._boundary(f"before a {what} is received")
        answer = self._server.receive(request)
        self._boundary(f"before a {what} is answered")
        await anyio.sleep(_LATENCY_S)
        self._boundary(f"after a {what} is answered")
        assert isinstance(answer, Lost) or len(answer.body) <= limit_bytes
        return answer


def _received(one: dict[str, Any]) -> seen.Request:
    headers = {name.lower(): value for name, value in one["headers"].items()}
    url = urlsplit(one["path"])
    return seen.Request(one["method"], url.path, url.query, headers, b64decode(one["body"]))


def _answered(reply: bytes) -> Response:
    head, _, body = reply.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return Response(int(first.split(" ")[1]), {name.lower(): value for name, value in headers.items()}, body)
