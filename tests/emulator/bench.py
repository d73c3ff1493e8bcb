"""A client that speaks to an emulator without any of kbsync's code."""

import http.client
import socket
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from kbsync.emulator import Emulator, Running
from kbsync.emulator.sample import SAMPLE_API_KEY, SAMPLE_DATASET, SAMPLE_TOKEN, sample_image_id

COZE = {"Authorization": f"Bearer {SAMPLE_TOKEN}", "Content-Type": "application/json", "Agw-Js-Conv": "str"}
VOLCENGINE = {"Authorization": f"Bearer {SAMPLE_API_KEY}", "Content-Type": "application/json"}


class Got(NamedTuple):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def code(self) -> Any:
        return self.json["code"]


class Raw(NamedTuple):
    """What came back as bytes, and how it ended: closed, reset, or still open when patience ran out."""

    data: bytes
    ending: str
    seconds: float

    @property
    def body(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[2]


class Bench:
    """An emulator that runs, and ways to call it."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.emulator: Emulator = running.emulator
        self.base_url = running.base_url
        self.port = running.port
        self.host = f"127.0.0.1:{running.port}"

    def call(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Got:
        data = body if isinstance(body, bytes) or body is None else orjson.dumps(body)
        connection = http.client.HTTPConnection(self.host, timeout=10)
        try:
            connection.request(method, path, data, dict(headers or {}))
            response = connection.getresponse()
            return Got(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def coze(self, method: str, path: str, body: object = None, **headers: str) -> Got:
        return self.call(method, path, body, COZE | headers)

    def volcengine(self, path: str, body: object = None) -> Got:
        return self.call("POST", f"/api/knowledge/{path}", body, VOLCENGINE)

    def control(self, method: str, path: str, value: object = None) -> Any:
        got = self.call(method, f"/_emulator/{path}", value)
        assert got.status == 200, got
        return got.json

    def caption(self, number: int = 0, caption: str = "小猫", **headers: str) -> Got:
        path = f"/v1/datasets/{SAMPLE_DATASET}/images/{sample_image_id(number)}"
        return self.coze("PUT", path, {"caption": caption}, **headers)

    def stored_caption(self, number: int = 0) -> str:
        return self.emulator.world.datasets[SAMPLE_DATASET].images[sample_image_id(number)].caption

    def raw_caption(
        self, number: int = 0, caption: str = "小猫", patience_s: float = 0.4, most_bytes: int = 1_000_000
    ) -> Raw:
        body = orjson.dumps({"caption": caption})
        head = [f"PUT /v1/datasets/{SAMPLE_DATASET}/images/{sample_image_id(number)} HTTP/1.1", f"Host: {self.host}"]
        head += [f"{name}: {value}" for name, value in COZE.items()]
        request = "\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode() + body
        return self.raw(request, patience_s, most_bytes)

    def raw(self, data: bytes, patience_s: float = 0.4, most_bytes: int = 1_000_000) -> Raw:
        """Send *data*, and read until the end, *patience_s* of silence, or *most_bytes*."""
        start_s = time.monotonic()
        parts: list[bytes] = []
        with socket.create_connection(("127.0.0.1", self.port)) as client:
            client.sendall(data)
            client.settimeout(patience_s)
            ending = "open"
            try:
                while sum(map(len, parts)) < most_bytes:
                    part = client.recv(65536)
                    if not part:
                        ending = "closed"
                        break
                    parts.append(part)
            except TimeoutError:
                pass
            except ConnectionResetError:
                ending = "reset"
        return Raw(b"".join(parts), ending, time.monotonic() - start_s)


def eventually(claim: Any, within_s: float = 5.0) -> None:
    """Wait until *claim* holds."""
    end_s = time.monotonic() + within_s
    while not claim():
        assert time.monotonic() < end_s, "it did not come true in time"
        time.sleep(0.01)
