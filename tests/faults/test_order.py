"""A server that answers in another order than it was asked."""

import asyncio
import sys
from pathlib import Path
from random import Random
from typing import Final

import orjson
import pytest

from tests.adapters.wire_faults import Exchange, ok, serving
from tests.stories.job import Job, Target, checked
from tests.stories.world import World

pytestmark = pytest.mark.anyio

CONNECTIONS: Final = 8
ITEMS: Final = 200


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.fault(
    "F40", seen="200 answers over 8 connections in random order: each item has its own outcome and log id"
)
async def test_answers_out_of_order_belong_to_the_requests_of_their_connections(tmp_path: Path) -> None:
    random = Random(7)

    async def shuffle(exchange: Exchange) -> None:
        while True:
            id_ = (await exchange.read()).split(b" ")[1].rpartition(b"/")[2]
            await asyncio.sleep(random.uniform(0, 0.05))
            code = 4000 if is_refused(id_.decode()) else 0
            body = orjson.dumps({"code": code, "msg": id_.decode(), "detail": {"logid": f"log{id_.decode()}"}})
            await exchange.write(ok(body))

    async with serving(shuffle) as server:
        job = Job(tmp_path / "workspace", server.url, [Target("coze-cn", "1000/s", CONNECTIONS)])
        place = {"target": "coze-cn", "dataset": "744632974166804001", "kind": "image"}
        job.declare(World({}, [{**place, "id": f"7{number:05}", "caption": "neu"} for number in range(ITEMS)]))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "kbsync", "--quiet", "apply", "--yes", "--report", "report.json"),
            cwd=job.folder,
            env=job.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
        )
        assert await process.wait() == 3

        arrived = [request.split(b" ")[1].rpartition(b"/")[2].decode() for request in server.requests]
        assert server.connections == CONNECTIONS
        assert sorted(arrived) == sorted(f"7{number:05}" for number in range(ITEMS))

    for row in checked(orjson.loads((job.folder / "report.json").read_bytes()), 3)["items"]:
        id_ = row["item"]["id"]
        assert row["outcome"] == ("failed" if is_refused(id_) else "updated")
        assert row["log_id"] == f"log{id_}"


def is_refused(id_: str) -> bool:
    return id_.endswith("3")
