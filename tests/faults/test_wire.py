"""Every wire fault at once: one run of kbsync, with a target, a credential and a raw server of its own for each."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

import orjson
import pytest

from tests.adapters.test_http import ANSWERS, LOSSES, close, keep_answering, silence
from tests.adapters.wire_faults import Exchange, Fault, RawServer, ok, reset, serving
from tests.stories.job import Job, Target, checked
from tests.stories.journal import Journal
from tests.stories.world import Line, World

pytestmark = pytest.mark.anyio

ATTEMPTS: Final = 2
RETRY: Final = {"attempts": ATTEMPTS, "base_delay_s": 0.01}
IMPATIENT: Final = {"connect_timeout_s": 1.0, "read_timeout_s": 0.5, "total_timeout_s": 1.0}
UNTIL_FIN: Final = "a body until FIN"
CONTAINER: Final = "744632974166804001"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def answer_once_and_reset(exchange: Exchange) -> None:
    """Leave the client with a kept connection that is gone."""
    await exchange.read()
    await exchange.write(ok())
    await asyncio.sleep(0.02)
    exchange.reset()


async def answer_once_and_close(exchange: Exchange) -> None:
    await exchange.read()
    await exchange.write(ok())


async def reset_a_kept_connection(exchange: Exchange) -> None:
    await exchange.read()
    await exchange.write(ok())
    await exchange.read()
    exchange.reset()


async def redirect_for_ever(exchange: Exchange) -> None:
    while True:
        await exchange.read()
        location = b"Location: " + exchange.server.url.encode()
        await exchange.write(ok(b"{}", location, status=b"307 Temporary Redirect"))


def again_and_again(fault: Fault) -> Fault:
    """Do not let the client keep a connection that is about to end: a request that meets its end is not read."""

    async def repeated(exchange: Exchange) -> None:
        while True:
            await fault(exchange)

    return repeated


async def no_tls(exchange: Exchange) -> None:
    await exchange.write(ok())
    await asyncio.sleep(0.2)


# Each of these reads every request to its end before it does what it does.
READ: Final[Mapping[str, Fault]] = {
    **{name: fault for name, (fault, _) in LOSSES.items()},
    **{name: again_and_again(fault) for name, (fault, _, _) in ANSWERS.items() if name != UNTIL_FIN},
    UNTIL_FIN: ANSWERS[UNTIL_FIN][0],
    "a kept connection that is reset under a request": reset_a_kept_connection,
    "a redirect to itself": redirect_for_ever,
    "nothing wrong": keep_answering,
}
# Here a request may be lost on its way, of which the client cannot know.
UNREAD: Final[Mapping[str, Fault]] = {
    "FIN before the request": close,
    "RST before the request": reset,
    "a kept connection that was closed meanwhile": answer_once_and_close,
    "a kept connection that was reset meanwhile": answer_once_and_reset,
}
# And here no byte of a request ever leaves.
UNSENT: Final[Mapping[str, str]] = {
    "nobody listens": "http://127.0.0.1:1",
    "an unknown host": "https://kbsync-test.invalid",
    "a TLS handshake that stalls": "https://127.0.0.1:{silent}",
    "a server without TLS": "https://127.0.0.1:{plain}",
}


def test_the_catalogue_has_more_than_the_26_faults_that_were_measured() -> None:
    assert len({**READ, **UNREAD, **UNSENT}) > 50


class Seen(NamedTuple):
    """What one target's server read, and what the journal says was sent."""

    read: int
    journalled: int


@pytest.mark.fault(
    "F16",
    "F17",
    "F18",
    "F19",
    "F20",
    "F21",
    "F22",
    "F23",
    "F26",
    seen="over 50 faults on the wire, both providers: never more requests at the server than rows in the journal, "
    "and as many wherever a request was read",
)
@pytest.mark.parametrize("provider", ["coze", "volc"])
async def test_no_more_requests_are_seen_than_are_journalled_and_as_many_as_were_read(
    tmp_path: Path, provider: str
) -> None:
    async with servers() as (urls, raw):
        names = {fault: f"{provider}-{number}" for number, fault in enumerate(urls)}
        job = job_for(tmp_path, {names[fault]: url for fault, url in urls.items()})
        await apply(job)

        sent = {fault: sent_by(job.journal, name) for fault, name in names.items()}
        # A server that was asked and left may yet have to find that out.
        for _ in range(200):
            if all(len(raw[fault].requests) == sent[fault] for fault in READ):
                break
            await asyncio.sleep(0.05)

        seen = {fault: Seen(len(raw[fault].requests) if fault in raw else 0, sent[fault]) for fault in names}
        assert job.journal.is_sound()
        assert job.journal.open_intents() == 0
        assert {fault: one for fault, one in seen.items() if one.read > one.journalled} == {}
        assert {fault: seen[fault] for fault in READ if seen[fault].read != seen[fault].journalled} == {}
        assert {fault: seen[fault] for fault in UNSENT if seen[fault] != (0, 0)} == {}
        assert {fault for fault in READ if not seen[fault].journalled} == set()


@asynccontextmanager
async def servers() -> AsyncIterator[tuple[dict[str, str], dict[str, RawServer]]]:
    """Start a server for each fault; give the address for each, and the servers themselves."""
    async with AsyncExitStack() as stack:
        raw = {name: await stack.enter_async_context(serving(fault)) for name, fault in {**READ, **UNREAD}.items()}
        silent = await stack.enter_async_context(serving(silence))
        plain = await stack.enter_async_context(serving(no_tls))
        urls = {name: server.url for name, server in raw.items()}
        urls |= {name: url.format(silent=silent.port, plain=plain.port) for name, url in UNSENT.items()}
        yield urls, raw


def job_for(folder: Path, urls: Mapping[str, str]) -> Job:
    """Make a workspace with two new items, of one write each, for each target."""
    targets = [Target(name, "1000/s", 1, number, IMPATIENT) for number, name in enumerate(urls)]
    job = Job(folder / "workspace", "", targets, RETRY)
    lines = [line for target in targets for line in ("", *target.lines(urls[target.name]))]
    lines += ["", "[retry]", *(f"{name} = {value}" for name, value in RETRY.items())]
    (job.folder / "kbsync.toml").write_text("\n".join(lines), encoding="utf-8")
    job.declare(World({}, [line for number, name in enumerate(urls) for line in items(name, number)]))
    return job


def items(target: str, number: int) -> list[Line]:
    """Make up an item for each of the two ways in which a provider is written to."""
    if target.startswith("coze"):
        place = {"target": target, "dataset": CONTAINER}
        return [
            {**place, "kind": "image", "id": f"7{number:05}1", "caption": "neu"},
            {**place, "kind": "document", "id": f"7{number:05}2", "name": "neu.pdf"},
        ]
    place = {"target": target, "collection": "reports", "kind": "document"}
    # The first one's values are read before they are written, so the fault hits the read.
    return [
        {**place, "id": f"doc{number}-1", "meta": {"行业": "neu"}},
        {**place, "id": f"doc{number}-2", "name": "neu"},
    ]


async def apply(job: Job) -> None:
    """Run kbsync beside the servers of this loop, and check its account."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "kbsync", "--quiet", "apply", "--yes", "--report", "report.json"),
        *("--allow", "foreign-endpoint", "--reason", "a host that is not there"),
        cwd=job.folder,
        env=job.environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await process.communicate()
    assert (job.folder / "report.json").exists(), err.decode()
    assert b"Traceback" not in err, err.decode()
    assert process.returncode is not None
    checked(orjson.loads((job.folder / "report.json").read_bytes()), process.returncode)


def sent_by(journal: Journal, target: str) -> int:
    """Count the requests of *target* that left, reads included."""
    return len(journal.send_times(target))
