import asyncio
import gzip
import resource
import ssl
import subprocess
import traceback
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from blockbuster import blockbuster_ctx

from kbsync.adapters.http import HttpTransport
from kbsync.core.settings import RetrySettings
from kbsync.core.wire import Lost, Request, Response
from kbsync.engine.dispatch import Engine
from kbsync.engine.target import READ_ANSWER_BYTES, WRITE_ANSWER_BYTES, Policy, Ready, Target
from tests.adapters.wire_faults import Exchange, Fault, ok, reset, serving
from tests.engine.test_pacing import most_in_a_second
from tests.fakes import LittleCodec, MemoryJournal, change, plan_of

pytestmark = pytest.mark.anyio

SECRET = "pat_canary_0123456789"
MIB = 1024 * 1024


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def nothing_blocks_the_loop() -> Iterator[None]:
    with blockbuster_ctx():
        yield


@asynccontextmanager
async def transport_to(
    url: str, *, connect_s: float = 2, read_s: float = 0.4, total_s: float = 0.8
) -> AsyncIterator[HttpTransport]:
    async with HttpTransport(
        url, concurrency=2, connect_timeout_s=connect_s, read_timeout_s=read_s, total_timeout_s=total_s
    ) as transport:
        yield transport


async def at_once() -> bool:
    return True


async def never() -> bool:
    return False


async def send(
    transport: HttpTransport, sent: Request, limit_bytes: int = WRITE_ANSWER_BYTES, ready: Ready = at_once
) -> Response | Lost:
    return await transport.send(sent, limit_bytes, ready)


def request(
    method: str = "PUT", path: str = "/v1/datasets/1/images/2", body: bytes = b'{"caption":"\xe7\x8c\xab"}'
) -> Request:
    return Request(method, path, {"Authorization": f"Bearer {SECRET}", "Content-Type": "application/json"}, body)


def says(*chunks: bytes) -> Fault:
    """Read the request, say *chunks*, close."""

    async def fault(exchange: Exchange) -> None:
        await exchange.read()
        for chunk in chunks:
            await exchange.write(chunk)

    return fault


def then(data: bytes, end: Callable[[Exchange], Awaitable[None]]) -> Fault:
    async def fault(exchange: Exchange) -> None:
        await exchange.read()
        await exchange.write(data)
        await asyncio.sleep(0.02)
        await end(exchange)

    return fault


async def silence(_exchange: Exchange) -> None:
    await asyncio.sleep(30)


async def close(_exchange: Exchange) -> None:
    return


async def go_on(exchange: Exchange) -> None:
    await exchange.write(b"x")


async def end_of_gzip(exchange: Exchange) -> None:
    await exchange.write(PLAIN_GZIP[-8:])


async def end_and_go_on(exchange: Exchange) -> None:
    await exchange.write(PLAIN_GZIP[-8:] + b"x")


async def reset_after_reading(exchange: Exchange) -> None:
    await exchange.read()
    exchange.reset()


async def drip(exchange: Exchange) -> None:
    await exchange.read()
    await exchange.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
    for _ in range(100):
        await exchange.write(b" ")
        await asyncio.sleep(0.1)


async def drip_head(exchange: Exchange) -> None:
    await exchange.read()
    await exchange.write(b"HTTP/1.1 200 OK\r\n")
    for number in count():
        await exchange.write(b"X-%d: 1\r\n" % number)
        await asyncio.sleep(0.1)


async def endless(exchange: Exchange) -> None:
    await exchange.read()
    await exchange.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    while True:
        await exchange.write(piece)


async def refuse_early(exchange: Exchange) -> None:
    await exchange.read_head()
    exchange.server.requests.append(b"head only")
    await exchange.write(ok(b'{"code":413}', b"Connection: close", status=b"413 Content Too Large"))
    await asyncio.sleep(0.05)


def head(*lines: bytes) -> bytes:
    return b"\r\n".join((b"HTTP/1.1 200 OK", *lines)) + b"\r\n\r\n"


GZIP = b"Content-Encoding: gzip"
PLAIN_GZIP = gzip.compress(b'{"code":0}')
BOMB = gzip.compress(b" " * (64 * MIB))

LOSSES: dict[str, tuple[Fault, str]] = {
    "FIN after the request": (says(), "disconnected"),
    "RST after the request": (reset_after_reading, "disconnected"),
    "half a status line, then FIN": (says(b"HTTP/1.1 2"), "disconnected"),
    "half the headers, then FIN": (says(b"HTTP/1.1 200 OK\r\nContent-Le"), "disconnected"),
    "half the headers, then RST": (then(b"HTTP/1.1 200 OK\r\nContent-Le", reset), "disconnected"),
    "half the headers, then silence": (then(b"HTTP/1.1 200 OK\r\nContent-Le", silence), "timeout"),
    "headers without end": (drip_head, "timeout"),
    "no byte": (then(b"", silence), "timeout"),
    "garbage instead of a status line": (says(b"\x00\x01\x02 what is this\r\n\r\n"), "malformed"),
    "HTML without a status line": (says(b"<html>login</html>\r\n\r\n"), "malformed"),
    "a status that is no number": (says(b"HTTP/1.1 OK 200\r\n\r\n"), "malformed"),
    "a header of 70 kB": (says(head(b"X-Long: " + b"x" * 70_000), b""), "malformed"),
    "ten thousand headers": (says(head(*(b"X-%d: 1" % number for number in range(10_000)))), "malformed"),
    "NUL in a header": (says(head(b"X-Log: a\x00b", b"Content-Length: 0")), "malformed"),
    "a negative length": (says(head(b"Content-Length: -1")), "malformed"),
    "two lengths": (says(head(b"Content-Length: 10", b"Content-Length: 11") + b'{"code":0}'), "malformed"),
    "a body cut short, then FIN": (says(head(b"Content-Length: 99") + b'{"code":0}'), "truncated"),
    "a body cut short, then RST": (then(head(b"Content-Length: 99") + b'{"code":0}', reset), "truncated"),
    "chunks cut short": (says(head(b"Transfer-Encoding: chunked") + b'a\r\n{"code":0}\r\n'), "truncated"),
    "a chunk size that is no number": (says(head(b"Transfer-Encoding: chunked") + b"zz\r\n{}\r\n"), "malformed"),
    "a chunk without end": (says(head(b"Transfer-Encoding: chunked") + b"ffffffffffffffff\r\n{}"), "truncated"),
    "a body of one byte each 0.1 s": (drip, "timeout"),
    "half a body, then silence": (then(head(b"Content-Length: 99") + b"{", silence), "timeout"),
    "gzip that is none": (says(ok(b'{"code":0}', GZIP)), "malformed"),
    "gzip cut short": (says(ok(PLAIN_GZIP[:-6], GZIP)), "truncated"),
    "a gzip bomb": (says(ok(BOMB, GZIP)), "oversized"),
    "gzip that goes on": (says(ok(PLAIN_GZIP + b"x", GZIP)), "malformed"),
    "gzip behind gzip": (says(ok(PLAIN_GZIP * 2, GZIP)), "malformed"),
    "gzip that goes on later": (then(head(GZIP) + PLAIN_GZIP, go_on), "malformed"),
    "gzip that goes on at its end": (then(head(GZIP) + PLAIN_GZIP[:-8], end_and_go_on), "malformed"),
    "an encoding nobody asked for": (says(ok(b"\x0b\x02\x80", b"Content-Encoding: br")), "malformed"),
    "two encodings": (says(ok(gzip.compress(PLAIN_GZIP), b"Content-Encoding: gzip, gzip")), "malformed"),
    "too large a length": (says(head(b"Content-Length: 4000000000") + b"{"), "oversized"),
    "a body without end": (endless, "oversized"),
}

ANSWERS: dict[str, tuple[Fault, int, bytes]] = {
    "a plain answer": (says(ok()), 200, b'{"code":0}'),
    "no body": (says(ok(b"")), 200, b""),
    "204": (says(b"HTTP/1.1 204 No Content\r\n\r\n"), 204, b""),
    "HTML": (says(ok(b"<html>", b"Content-Type: text/html")), 200, b"<html>"),
    "bytes that are no UTF-8": (says(ok(b"\xff\xfe{")), 200, b"\xff\xfe{"),
    "chunks": (
        says(head(b"Transfer-Encoding: chunked") + b'4\r\n{"co\r\n6\r\nde":0}\r\n0\r\n\r\n'),
        200,
        b'{"code":0}',
    ),
    "a body until FIN": (says(head() + b'{"code":0}'), 200, b'{"code":0}'),
    "one byte at a time": (says(*(bytes([byte]) for byte in ok())), 200, b'{"code":0}'),
    "gzip unasked": (says(ok(PLAIN_GZIP, GZIP)), 200, b'{"code":0}'),
    "gzip, its end later": (then(head(GZIP) + PLAIN_GZIP[:-8], end_of_gzip), 200, b'{"code":0}'),
    "gzip in gzip": (says(ok(gzip.compress(PLAIN_GZIP), GZIP)), 200, PLAIN_GZIP),
    "interim answers": (says(b"HTTP/1.1 102 Processing\r\n\r\n" * 20 + ok()), 200, b'{"code":0}'),
    "an early 413": (refuse_early, 413, b'{"code":413}'),
    "401": (says(ok(b"{}", b"WWW-Authenticate: Basic", status=b"401 Unauthorized")), 401, b"{}"),
    "a cookie flood": (says(ok(b"{}", *(b"Set-Cookie: a%d=b" % number for number in range(50)))), 200, b"{}"),
    "503 that says close": (says(ok(b"{}", b"Connection: close", status=b"503 Busy")), 503, b"{}"),
    "599": (says(ok(b"{}", status=b"599 Odd")), 599, b"{}"),
}


@pytest.mark.fault(
    "F17",
    "F19",
    "F20",
    "F21",
    "F22",
    "F26",
    seen="lost, for its own reason, with PUT, POST and DELETE; one request, one connection",
)
@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
@pytest.mark.parametrize(("fault", "reason"), LOSSES.values(), ids=LOSSES)
async def test_a_broken_answer_is_lost_and_nothing_is_sent_twice(fault: Fault, reason: str, method: str) -> None:
    async with serving(fault) as server, transport_to(server.url) as transport:
        lost = await send(transport, request(method))
        await asyncio.sleep(0.05)

        assert isinstance(lost, Lost)
        assert (lost.reason, lost.sent, lost.fatal) == (reason, True, False)
        assert len(server.requests) == 1
        assert server.connections == 1


@pytest.mark.parametrize("method", ["PUT", "POST"])
@pytest.mark.parametrize(("fault", "status", "body"), ANSWERS.values(), ids=ANSWERS)
async def test_a_complete_answer_is_handed_on_as_it_is(fault: Fault, status: int, body: bytes, method: str) -> None:
    async with serving(fault) as server, transport_to(server.url) as transport:
        answer = await send(transport, request(method))

        assert isinstance(answer, Response)
        assert (answer.status, answer.body) == (status, body)
        assert len(server.requests) == 1


@pytest.mark.fault("F17", seen="before it is read: doubt")
@pytest.mark.parametrize("end", [close, reset])
async def test_a_connection_that_breaks_before_the_request_is_read_leaves_doubt(end: Fault) -> None:
    async with serving(end) as server, transport_to(server.url) as transport:
        lost = await send(transport, request())
        await asyncio.sleep(0.05)

        assert isinstance(lost, Lost)
        assert lost.sent
        assert server.connections == 1


@pytest.mark.fault("F18", seen="one loss, and no second request by itself")
@pytest.mark.parametrize("method", ["PUT", "DELETE", "GET"])
async def test_a_kept_connection_that_broke_is_not_tried_again_by_itself(method: str) -> None:
    async def fault(exchange: Exchange) -> None:
        await exchange.read()
        await exchange.write(ok())
        await exchange.read()
        exchange.reset()

    async with serving(fault) as server, transport_to(server.url) as transport:
        first = await send(transport, request(method))
        second = await send(transport, request(method))
        await asyncio.sleep(0.05)

        assert isinstance(first, Response)
        assert isinstance(second, Lost)
        assert (second.reason, second.sent) == ("disconnected", True)
        assert len(server.requests) == 2


async def test_connections_are_kept_between_requests() -> None:
    async def fault(exchange: Exchange) -> None:
        while True:
            await exchange.read()
            await exchange.write(ok())

    async with serving(fault) as server, transport_to(server.url) as transport:
        for _ in range(5):
            await send(transport, request())

        assert len(server.requests) == 5
        assert server.connections == 1


@pytest.mark.fault("F35", seen="its address is never contacted")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer_and_its_address_is_never_contacted(status: int) -> None:
    async with serving(says(ok())) as elsewhere:
        moved = ok(b"{}", b"Location: " + elsewhere.url.encode(), status=b"%d Moved" % status)
        async with serving(says(moved)) as server, transport_to(server.url) as transport:
            answer = await send(transport, request())
            await asyncio.sleep(0.05)

            assert isinstance(answer, Response)
            assert answer.status == status
            assert (len(server.requests), elsewhere.connections) == (1, 0)


@pytest.mark.fault("F16", seen="refused: not sent")
async def test_a_refused_connection_was_not_sent() -> None:
    async with serving(silence) as server:
        url = server.url
    async with transport_to(url) as transport:
        lost = await send(transport, request())

        assert lost == Lost("connect", "ClientConnectorError [Errno 111]", sent=False)


@pytest.mark.fault("F16", seen="unknown host: not sent")
async def test_an_unknown_host_was_not_sent() -> None:
    async with transport_to("https://kbsync-test.invalid", total_s=20, connect_s=20) as transport:
        lost = await send(transport, request())

        assert isinstance(lost, Lost)
        assert (lost.reason, lost.sent, lost.fatal) == ("dns", False, False)


@pytest.mark.fault("F16", seen="no answer to a handshake: not sent")
async def test_a_stalled_tls_handshake_was_not_sent() -> None:
    async with (
        serving(silence) as server,
        transport_to(f"https://127.0.0.1:{server.port}", connect_s=0.2, total_s=5) as transport,
    ):
        lost = await send(transport, request())

        assert isinstance(lost, Lost)
        assert (lost.reason, lost.sent, lost.fatal) == ("connect", False, False)


async def test_a_server_without_tls_is_fatal() -> None:
    async def fault(exchange: Exchange) -> None:
        await exchange.write(ok())
        await asyncio.sleep(0.2)

    async with serving(fault) as server, transport_to(f"https://127.0.0.1:{server.port}") as transport:
        lost = await send(transport, request())

        assert isinstance(lost, Lost)
        assert (lost.reason, lost.sent, lost.fatal) == ("tls", False, True)


@pytest.fixture(scope="module")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    folder: Path = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", "/CN=localhost", "-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


async def test_a_certificate_that_does_not_verify_is_fatal_and_gets_no_request(self_signed: ssl.SSLContext) -> None:
    async with serving(says(ok()), self_signed) as server:
        async with transport_to(f"https://localhost:{server.port}") as transport:
            lost = await send(transport, request())

        assert isinstance(lost, Lost)
        assert (lost.reason, lost.sent, lost.fatal) == ("tls", False, True)
        assert server.requests == []


async def test_the_request_stands_on_the_wire_as_given() -> None:
    async with serving(says(ok())) as server, transport_to(server.url) as transport:
        await send(transport, request(path="/api/%E7%8C%AB?Action=Update&Version=1"))

        first, *lines = server.requests[0].partition(b"\r\n\r\n")[0].decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        assert first == "PUT /api/%E7%8C%AB?Action=Update&Version=1 HTTP/1.1"
        assert headers["authorization"] == f"Bearer {SECRET}"
        assert headers["accept-encoding"] == "identity"
        assert set(headers) == {
            *("host", "authorization", "content-type", "content-length", "accept", "accept-encoding", "user-agent")
        }
        assert server.requests[0].endswith(b'\r\n\r\n{"caption":"\xe7\x8c\xab"}')


@pytest.mark.parametrize(
    "path",
    ["", "x", "/v1/x#y", "/v1/a b", "/v1/猫", "/x\r\nHost: y", "/x\n", "@evil.example/", ".evil.example/", ":1/x"],
)
async def test_a_path_that_would_not_stand_on_the_wire_is_never_sent(path: str) -> None:
    async with serving(says(ok())) as server, transport_to(server.url) as transport:
        with pytest.raises(ValueError, match="as it is"):
            await send(transport, request(path=path))

        assert server.connections == 0


@pytest.mark.parametrize("path", ["/v1/../open_api/x", "/v1/%2e%2e/x", "//evil.example/x", "/v1//x?a=%2F&b=c:@/?"])
async def test_a_path_is_never_made_into_another(path: str) -> None:
    async with serving(says(ok())) as server, transport_to(server.url) as transport:
        await send(transport, request(path=path))

        assert server.requests[0].startswith(f"PUT {path} HTTP/1.1\r\n".encode())


async def test_cookies_are_neither_kept_nor_sent() -> None:
    async def fault(exchange: Exchange) -> None:
        while True:
            await exchange.read()
            await exchange.write(ok(b"{}", b"Set-Cookie: session=1; Path=/"))

    async with serving(fault) as server, transport_to(server.url) as transport:
        await send(transport, request())
        await send(transport, request())

        assert b"cookie" not in server.requests[1].lower()


@pytest.fixture
def netrc(tmp_path: Path) -> Path:
    path = tmp_path / "netrc"
    path.write_text("machine 127.0.0.1 login me password hunter2\n")
    path.chmod(0o600)
    return path


@pytest.mark.fault("F37", seen="no connection to the proxy")
async def test_the_environment_is_not_asked_for_proxies_or_passwords(
    monkeypatch: pytest.MonkeyPatch, netrc: Path
) -> None:
    async with serving(silence) as proxy, serving(says(ok())) as server:
        monkeypatch.setenv("NETRC", str(netrc))
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        async with transport_to(server.url) as transport:
            bare = Request("PUT", "/x", {}, b"{}")
            await send(transport, bare)

        assert proxy.connections == 0
        assert b"authorization" not in server.requests[0].lower()


async def test_repeated_headers_are_joined_and_names_are_lower_case() -> None:
    async with serving(says(ok(b"{}", b"Retry-After: 1", b"RETRY-AFTER: 2", b"X-TT-LogID: abc"))) as server:
        async with transport_to(server.url) as transport:
            answer = await send(transport, request())

        assert isinstance(answer, Response)
        assert answer.headers["retry-after"] == "1, 2"
        assert answer.headers["x-tt-logid"] == "abc"


@pytest.mark.parametrize("early", [True, False], ids=["with the answer", "later"])
@pytest.mark.parametrize("unasked", [ok(), ok()[:20], b"x", b"HTTP/1.1 102 Processing\r\n\r\n"], ids=ascii)
async def test_what_a_server_says_unasked_is_no_answer_to_the_next_request(unasked: bytes, early: bool) -> None:  # noqa: FBT001
    async def fault(exchange: Exchange) -> None:
        await exchange.read()
        await exchange.write(ok() + unasked[: len(unasked) // 2] if early else ok())
        await asyncio.sleep(0.05)
        await exchange.write(unasked[len(unasked) // 2 :] if early else unasked)
        await exchange.read()
        await exchange.write(ok(b'{"code":4000}'))

    async with serving(fault) as server, transport_to(server.url) as transport:
        first = await send(transport, request())
        await asyncio.sleep(0.15)
        second = await send(transport, request())

        assert isinstance(first, Response)
        assert first.body == b'{"code":0}'
        # On a connection of its own it is the first request again.
        assert isinstance(second, Response)
        assert (server.connections, len(server.requests)) == (2, 2)


@pytest.mark.parametrize("greeting", [b"", b"220 ready\r\n", ok()], ids=ascii)
async def test_a_server_that_ends_or_greets_is_left_after_a_few_connections_and_nothing_is_sent(
    greeting: bytes,
) -> None:
    async def fault(exchange: Exchange) -> None:
        await exchange.write(greeting)
        if greeting:
            await exchange.read()

    async def a_turn_later() -> bool:
        await asyncio.sleep(0.1)
        return True

    async with serving(fault) as server, transport_to(server.url) as transport:
        lost = await send(transport, request(), ready=a_turn_later)

        assert isinstance(lost, Lost)
        assert (lost.reason, lost.sent, lost.fatal) == ("disconnected", False, False)
        assert (server.connections, server.requests) == (5, [])


async def test_a_read_may_have_a_longer_answer_than_a_write() -> None:
    body = b" " * (2 * MIB)
    async with serving(says(ok(body))) as server, transport_to(server.url, total_s=5) as transport:
        write = await send(transport, request())
        read = await send(transport, request("POST"), READ_ANSWER_BYTES)

        assert isinstance(write, Lost)
        assert write.reason == "oversized"
        assert isinstance(read, Response)
        assert read.body == body


async def test_a_gzip_bomb_is_cut_before_it_unfolds() -> None:
    inflated = 512 * MIB
    compressor = zlib.compressobj(9, wbits=31)
    zeros = bytes(MIB)
    bomb = b"".join(compressor.compress(zeros) for _ in range(inflated // MIB)) + compressor.flush()

    async with serving(says(ok(bomb, GZIP))) as server, transport_to(server.url, total_s=5) as transport:
        before_kib, began_s = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, monotonic()
        lost = await send(transport, request(), READ_ANSWER_BYTES)
        took_s = monotonic() - began_s
        grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib

        assert isinstance(lost, Lost)
        assert lost.reason == "oversized"
        assert grown_kib < 16 * 1024
        assert took_s < 2


async def test_time_spent_waiting_for_a_turn_does_not_shorten_a_request() -> None:
    async def fault(exchange: Exchange) -> None:
        while True:
            await exchange.read()
            await asyncio.sleep(0.2)
            await exchange.write(ok())

    async with serving(fault) as server, transport_to(server.url) as transport:

        async def worker() -> list[Response | Lost]:
            return [await send(transport, request()) for _ in range(6)]

        answers = [answer for each in await asyncio.gather(worker(), worker()) for answer in each]

        assert all(isinstance(answer, Response) for answer in answers)
        assert server.connections == 2


# --------------------------------------------------------------------------------------------- before the first byte


async def keep_answering(exchange: Exchange) -> None:
    while True:
        await exchange.read()
        await exchange.write(ok())


async def test_a_request_that_is_held_back_leaves_no_byte_and_its_connection_is_used_again() -> None:
    async with serving(keep_answering) as server, transport_to(server.url) as transport:
        lost = await send(transport, request(), ready=never)
        answer = await send(transport, request())

        assert lost == Lost("unsent", "it was held back", sent=False)
        assert isinstance(answer, Response)
        assert (len(server.requests), server.connections) == (1, 1)


async def test_nothing_leaves_before_it_may_and_waiting_for_that_is_not_connecting() -> None:
    async with serving(keep_answering) as server, transport_to(server.url, connect_s=0.1, total_s=5) as transport:
        may = asyncio.Event()

        async def ready() -> bool:
            await may.wait()
            return True

        task = asyncio.create_task(send(transport, request(), ready=ready))
        await asyncio.sleep(0.4)
        assert (server.connections, server.requests) == (1, [])
        may.set()

        assert isinstance(await task, Response)
        assert server.connections == 1


async def test_waiting_to_leave_does_not_count_for_the_total_time() -> None:
    async with serving(keep_answering) as server, transport_to(server.url, total_s=0.2) as transport:

        async def ready() -> bool:
            await asyncio.sleep(0.6)
            return True

        answer = await send(transport, request(), ready=ready)

        assert isinstance(answer, Response)
        assert (len(server.requests), server.connections) == (1, 1)


async def test_a_request_cancelled_before_it_may_leave_gives_its_connection_back() -> None:
    async with serving(keep_answering) as server, transport_to(server.url, total_s=5) as transport:

        async def ready() -> bool:
            await asyncio.sleep(30)
            return True

        tasks = [asyncio.create_task(send(transport, request(), ready=ready)) for _ in range(2)]
        await asyncio.sleep(0.1)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        answers = await asyncio.gather(*(send(transport, request()) for _ in range(2)))

        assert all(isinstance(answer, Response) for answer in answers)
        assert (len(server.requests), server.connections) == (2, 2)


async def test_a_connection_that_is_closed_while_its_request_waits_is_replaced() -> None:
    async def fault(exchange: Exchange) -> None:
        if exchange.server.connections > 1:
            await keep_answering(exchange)

    async with serving(fault) as server, transport_to(server.url, total_s=5) as transport:
        asked = count()

        async def ready() -> bool:
            if next(asked) == 0:
                await asyncio.sleep(0.2)
            return True

        answer = await send(transport, request(), ready=ready)

        assert isinstance(answer, Response)
        assert (len(server.requests), server.connections, next(asked)) == (1, 2, 2)


async def test_a_total_time_that_ends_while_connecting_leaves_no_doubt() -> None:
    async with (
        serving(silence) as server,
        transport_to(f"https://127.0.0.1:{server.port}", connect_s=5, total_s=0.2) as transport,
    ):
        lost = await send(transport, request())

        assert isinstance(lost, Lost)
        assert lost.sent is False


async def test_a_stall_in_connecting_does_not_send_more_in_a_second_than_the_rate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = asyncio.get_running_loop()
    resolve, calls = loop.getaddrinfo, count()

    async def stalled(*args: Any, **kwargs: Any) -> Any:
        if next(calls) == 0:
            await asyncio.sleep(1.5)
        return await resolve(*args, **kwargs)

    arrivals: list[float] = []

    async def fault(exchange: Exchange) -> None:
        while True:
            await exchange.read()
            arrivals.append(monotonic())
            await exchange.write(ok())

    monkeypatch.setattr(loop, "getaddrinfo", stalled)
    journal = MemoryJournal()
    async with (
        serving(fault) as server,
        HttpTransport(
            f"http://localhost:{server.port}",
            concurrency=20,
            connect_timeout_s=5,
            read_timeout_s=5,
            total_timeout_s=10,
        ) as transport,
    ):
        target = Target("t", LittleCodec(), transport, 10.0, concurrency=20)
        await Engine([target], journal, lambda _: None, RetrySettings(), Policy()).apply(
            plan_of(change(number) for number in range(40))
        )

    assert len(arrivals) == 40
    # A server sees sends a little closer together than they left; those that were stalled would all come at once.
    assert most_in_a_second([at_s / 0.8 for at_s in arrivals]) <= 10
    told = sorted(one.sent_at_s for one in journal.conclusions if one.sent_at_s is not None)
    assert [at_s - told[0] for at_s in told] == pytest.approx([at_s - arrivals[0] for at_s in arrivals], abs=0.05)


async def test_a_cancelled_request_leaves_no_connection_behind() -> None:
    async with serving(then(b"", silence)) as server, transport_to(server.url) as transport:
        task = asyncio.create_task(send(transport, request()))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert len(server.requests) == 1


ALL_FAULTS: dict[str, Fault] = {
    **{name: fault for name, (fault, _) in LOSSES.items()},
    **{name: fault for name, (fault, _, _) in ANSWERS.items()},
}


@pytest.mark.parametrize("fault", ALL_FAULTS.values(), ids=ALL_FAULTS)
async def test_no_secret_shows_in_what_comes_back(fault: Fault, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    async with serving(fault) as server, transport_to(server.url) as transport:
        sent = request()
        answer = await send(transport, sent)

    for shown in (repr(answer), str(answer), repr(sent), repr(transport), caplog.text):
        assert SECRET not in shown


@pytest.mark.parametrize("value", ["a\nb", "a\r\nX: y", "a\x00b"])
async def test_a_header_that_cannot_be_sent_shows_no_secret(value: str) -> None:
    async with serving(says(ok())) as server, transport_to(server.url) as transport:
        poisoned = Request("PUT", "/x", {"Authorization": SECRET + value}, b"{}")
        lost = await send(transport, poisoned)

        assert isinstance(lost, Lost)
        assert SECRET not in repr(lost)
        assert server.requests == []


async def test_a_path_error_shows_no_secret_in_its_traceback() -> None:
    async with serving(says(ok())) as server, transport_to(server.url) as transport:
        with pytest.raises(ValueError, match="as it is") as caught:
            await send(transport, request(path="/v1/x#y"))

        assert SECRET not in "".join(traceback.format_exception(caught.value))
        assert server.connections == 0


@asynccontextmanager
async def mute_server() -> AsyncIterator[str]:
    """Accept connections and never say a word: a TLS handshake does not come to an end."""
    async with serving(silence) as server:
        yield f"https://127.0.0.1:{server.port}"


async def test_what_is_abandoned_while_it_connects_was_not_sent_and_ends_at_once() -> None:
    async with mute_server() as url, transport_to(url, connect_s=60) as transport:
        sending = [asyncio.create_task(send(transport, request())) for _ in range(4)]
        await asyncio.sleep(0.1)
        transport.abandon()
        done, _ = await asyncio.wait(sending, timeout=20)

        assert [task.result() for task in done] == [Lost("unsent", "it was held back", sent=False)] * 4


async def test_a_request_that_is_cancelled_and_abandoned_at_once_is_cancelled() -> None:
    async with mute_server() as url, transport_to(url, connect_s=60) as transport:
        sending = asyncio.create_task(send(transport, request()))
        await asyncio.sleep(0.1)
        sending.cancel()
        transport.abandon()
        await asyncio.wait([sending], timeout=20)

        assert sending.cancelled()


async def test_what_has_left_is_not_abandoned() -> None:
    async with serving(keep_answering) as server, transport_to(server.url) as transport:
        sending = asyncio.create_task(send(transport, request(), ready=_abandoning(transport)))

        assert isinstance(await sending, Response)


def _abandoning(transport: HttpTransport) -> Ready:
    async def ready() -> bool:
        transport.abandon()
        return True

    return ready


@pytest.mark.fault("F44", seen="connecting: ended, nothing was sent")
async def test_a_stop_ends_a_run_that_waits_for_connections() -> None:
    async with mute_server() as url, transport_to(url, connect_s=60) as transport:
        journal = MemoryJournal()
        engine = Engine(
            [Target("t", LittleCodec(), transport, 100.0, 1, 4)], journal, lambda _: None, RetrySettings(), Policy()
        )
        running = asyncio.create_task(engine.apply(plan_of([change(number) for number in range(10)])))
        await asyncio.sleep(0.1)
        engine.request_stop("signal")
        await asyncio.wait([running], timeout=20)

        assert running.done()
        assert {one.verdict for one in journal.conclusions} == {"unsent"}
        assert journal.left == {"t": "signal"}
