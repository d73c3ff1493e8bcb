"""The clients that kbsync is measured against, each in a process of its own: `python -m benchmarks.contenders …`.

Each sends one update for each of N items, with so many in flight, checks that the answer says `code` 0, and prints how
many requests it sent and the seconds between the first and the last.
"""

import argparse
import asyncio
import hmac
import json
import threading
import time
import warnings
from collections.abc import Awaitable, Callable, Iterator
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

from benchmarks.world import COLLECTION, DATASET, doc_id, image_id

__all__ = ("CONTENDERS",)

TOKEN: Final = "pat_emulator_sample_token"
KEY_ID: Final = "AKLTEMULATORSAMPLE"
SECRET: Final = "emulator-sample-secret-key=="
META_PATH: Final = "/api/knowledge/doc/update_meta"


def caption(number: int) -> str:
    return f"benchmark 小猫在窗台上打盹 {number}"


def meta(number: int) -> list[dict[str, Any]]:
    return [
        {"field_name": "行业", "field_type": "string", "field_value": "企业服务"},
        {"field_name": "是否公开", "field_type": "bool", "field_value": number % 2 == 0},
        {"field_name": "year", "field_type": "int64", "field_value": 2000 + number % 100},
    ]


# ------------------------------------------------------------------------------------------------ what all share
async def in_flight(width: int, count: int, send: Callable[[int], Awaitable[None]]) -> float:
    """Send all numbers below *count* with *width* workers; return the seconds it took."""
    numbers = iter(range(count))

    async def work() -> None:
        for number in numbers:
            await send(number)

    began_s = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(width):
            tasks.create_task(work())
    return time.perf_counter() - began_s


def in_threads(width: int, count: int, send: Callable[[int], None]) -> float:
    """Do the same with *width* threads."""
    numbers: Iterator[int] = iter(range(count))
    failed: list[BaseException] = []

    def work() -> None:
        try:
            for number in numbers:  # an iterator over a range is safe to share
                send(number)
        except BaseException as error:  # noqa: BLE001 - raised below
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(width)]
    began_s = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return time.perf_counter() - began_s


# --------------------------------------------------------------------------------------------- bare aiohttp loops
async def aiohttp_captions(base_url: str, count: int, width: int) -> float:
    import aiohttp
    import orjson

    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=width), headers=headers) as session:

        async def send(number: int) -> None:
            url = f"{base_url}/v1/datasets/{DATASET}/images/{image_id(number)}"
            async with session.put(url, data=orjson.dumps({"caption": caption(number)})) as answer:
                assert orjson.loads(await answer.read())["code"] == 0

        return await in_flight(width, count, send)


async def aiohttp_meta(base_url: str, count: int, width: int) -> float:
    import aiohttp
    import orjson

    sign = Signer(urlsplit(base_url).netloc)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=width)) as session:

        async def send(number: int) -> None:
            keys = {"collection_name": COLLECTION, "project": "default", "doc_id": doc_id(number)}
            body = orjson.dumps({**keys, "meta": meta(number)})
            async with session.post(base_url + META_PATH, data=body, headers=sign.headers(META_PATH, body)) as answer:
                assert orjson.loads(await answer.read())["code"] == 0

        return await in_flight(width, count, send)


class Signer:
    """The signature of a POST without a query, and no more work than it takes."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._date = ""
        self._key = b""

    def headers(self, path: str, body: bytes) -> dict[str, str]:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        if stamp[:8] != self._date:
            self._date, self._key = stamp[:8], SECRET.encode()
            for part in (self._date, "cn-beijing", "air", "request"):
                self._key = hmac.digest(self._key, part.encode(), "sha256")
        body_hash = sha256(body).hexdigest()
        names = "content-type;host;x-content-sha256;x-date"
        canonical = (
            f"POST\n{path}\n\ncontent-type:application/json\nhost:{self._host}\n"
            f"x-content-sha256:{body_hash}\nx-date:{stamp}\n\n{names}\n{body_hash}"
        )
        scope = f"{self._date}/cn-beijing/air/request"
        text = f"HMAC-SHA256\n{stamp}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
        signature = hmac.digest(self._key, text.encode(), "sha256").hex()
        return {
            "Content-Type": "application/json",
            "Host": self._host,
            "X-Date": stamp,
            "X-Content-Sha256": body_hash,
            "Authorization": f"HMAC-SHA256 Credential={KEY_ID}/{scope}, SignedHeaders={names}, Signature={signature}",
        }


# ------------------------------------------------------------------- sockets: what the server could take at the most
class Pipe(asyncio.Protocol):
    """One connection: sends the next request as soon as the answer to the last is there."""

    def __init__(self, requests: Iterator[bytes], done: asyncio.Future[None]) -> None:
        self._requests = requests
        self._done = done
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, found, body = self._got.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) >= length:
            assert b'"code":0' in body, body
            self._got = b""
            self._next()

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._transport.close()
            self._done.set_result(None)
        else:
            self._transport.write(request)


async def _sockets(base_url: str, requests: list[bytes], width: int) -> float:
    address = urlsplit(base_url)
    waiting = iter(requests)
    loop = asyncio.get_running_loop()
    ends = [loop.create_future() for _ in range(width)]
    began_s = time.perf_counter()
    for end in ends:
        await loop.create_connection(lambda end=end: Pipe(waiting, end), address.hostname, address.port)
    await asyncio.gather(*ends)
    return time.perf_counter() - began_s


async def socket_captions(base_url: str, count: int, width: int) -> float:
    host = urlsplit(base_url).netloc
    requests: list[bytes] = []
    for number in range(count):
        body = json.dumps({"caption": caption(number)}, ensure_ascii=False).encode()
        head = (
            f"PUT /v1/datasets/{DATASET}/images/{image_id(number)} HTTP/1.1\r\nHost: {host}\r\n"
            f"Authorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        requests.append(head.encode() + body)
    return await _sockets(base_url, requests, width)


async def socket_meta(base_url: str, count: int, width: int) -> float:
    sign = Signer(urlsplit(base_url).netloc)
    requests: list[bytes] = []
    for number in range(count):
        keys = {"collection_name": COLLECTION, "project": "default", "doc_id": doc_id(number)}
        body = json.dumps({**keys, "meta": meta(number)}, ensure_ascii=False).encode()
        lines = [f"{name}: {value}\r\n" for name, value in sign.headers(META_PATH, body).items()]
        head = f"POST {META_PATH} HTTP/1.1\r\n{''.join(lines)}Content-Length: {len(body)}\r\n\r\n"
        requests.append(head.encode() + body)
    return await _sockets(base_url, requests, width)


# ---------------------------------------------------------------------------------------------- the vendors' clients
async def cozepy_captions(base_url: str, count: int, width: int) -> float:
    import cozepy

    client = cozepy.AsyncCoze(auth=cozepy.AsyncTokenAuth(TOKEN), base_url=base_url)

    async def send(number: int) -> None:
        await client.datasets.images.update(dataset_id=DATASET, document_id=image_id(number), caption=caption(number))

    return await in_flight(width, count, send)


def vikingdb_meta(base_url: str, count: int, width: int) -> float:
    from vikingdb import IAM
    from vikingdb.knowledge import VikingKnowledge
    from vikingdb.knowledge.models.doc import MetaItem

    host = urlsplit(base_url).netloc
    client = VikingKnowledge(host=host, auth=IAM(ak=KEY_ID, sk=SECRET), pool_connections=width, pool_maxsize=width)
    collection = client.collection(collection_name=COLLECTION, project_name="default")
    return in_threads(
        width,
        count,
        lambda number: collection.update_doc_meta(doc_id(number), [MetaItem(**member) for member in meta(number)]),
    )


def volcengine_meta(base_url: str, count: int, width: int) -> float:
    from volcengine.viking_knowledgebase import VikingKnowledgeBaseService

    client = VikingKnowledgeBaseService(host=urlsplit(base_url).netloc, ak=KEY_ID, sk=SECRET)
    collection = client.get_collection(COLLECTION)
    return in_threads(width, count, lambda number: collection.update_meta(doc_id(number), meta(number)))


CONTENDERS: Final[dict[str, Callable[[str, int, int], Any]]] = {
    "aiohttp-captions": aiohttp_captions,
    "aiohttp-meta": aiohttp_meta,
    "cozepy-captions": cozepy_captions,
    "socket-captions": socket_captions,
    "socket-meta": socket_meta,
    "vikingdb-meta": vikingdb_meta,
    "volcengine-meta": volcengine_meta,
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=CONTENDERS)
    parser.add_argument("base_url")
    parser.add_argument("items", type=int)
    parser.add_argument("in_flight", type=int)
    chosen = parser.parse_args()

    warnings.simplefilter("ignore")
    outcome = CONTENDERS[chosen.name](chosen.base_url, chosen.items, chosen.in_flight)
    seconds = asyncio.run(outcome) if asyncio.iscoroutine(outcome) else outcome
    print(json.dumps({"requests": chosen.items, "seconds": seconds}))


if __name__ == "__main__":
    main()
